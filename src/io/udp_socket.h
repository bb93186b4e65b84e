/* SPDX-License-Identifier: BSD-2-Clause */
/* The socket under both kinds of UDP endpoints. */
#pragma once

#include "ntm/addr.h"

#include <stdbool.h>

struct udp_socket {
	int fd;
	bool dual_stack;
	uint16_t port;
};

struct msghdr;

/* Non-blocking, large buffers, never fragments, deaf to forged path MTUs. 0 or negative errno. */
int udp_socket_open(struct udp_socket *sock, const struct ntm_addr *bind_to);
/* One datagram over an IPv4 interface whose MTU it does not fit into: cut into IP fragments. */
bool udp_socket_send_cut(const struct udp_socket *sock, const struct msghdr *msg);
/* For options that make things better and that a kernel may refuse. */
void udp_socket_set(const struct udp_socket *sock, int level, int name, int value);
