/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket's file: who may connect, and who may remove it. */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

struct control_socket {
	int fd; /* -1: not open */
	struct sockaddr_un addr;
	dev_t dev; /* of the file, as long as it is ours */
	ino_t ino;
};

/* 0 or -ENAMETOOLONG. */
int control_socket_addr(struct sockaddr_un *addr, const char *path);
/* Listens, non-blocking. Errors as ntm_control_open. */
int control_socket_open(struct control_socket *sock, const char *path, mode_t mode, gid_t gid);
void control_socket_close(struct control_socket *sock);
/* Is the peer root, this process's user, or in group gid ((gid_t)-1: no group)? */
bool control_socket_allows(int fd, gid_t gid);
