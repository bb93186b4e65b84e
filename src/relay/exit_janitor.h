/* SPDX-License-Identifier: BSD-2-Clause */
/* The privileged part of a gateway: sets the host up, and cleans up whatever ends the daemon. */
#pragma once

#include "exit_host.h"

#include <sys/types.h>

/*
 *   daemon (user ntm, no capability)        janitor (root)
 *     | fork, as root ---------------------->| waits
 *     |-- struct exit_net ------------------>| routes, nft, forwarding
 *     |<---------- struct janitor_reply -----|
 *     | ends, or crashes: the socket closes  |
 *                                            | removes it all, ends
 */
struct janitor_reply {
	int err;
	char words[300];
};

struct janitor {
	pid_t pid;
	int fd; /* SEQPACKET, non-blocking */
};

/* Before privileges are given up. 0 or negative errno. */
int janitor_start(struct janitor *janitor, const char *tun, unsigned mtu);
/* 0 or negative errno. */
int janitor_tell(const struct janitor *janitor, const struct exit_net *net);
/* 1: *reply is one; 0: there is none now; negative: the janitor has gone. */
int janitor_read(const struct janitor *janitor, struct janitor_reply *reply);
/* Waits until everything is removed. */
void janitor_stop(struct janitor *janitor);
