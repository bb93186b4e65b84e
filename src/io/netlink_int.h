/* SPDX-License-Identifier: BSD-2-Clause */
/* What the netlink files share: one request with its acknowledgement, one dump. */
#pragma once

#include "ntm/netlink.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

/* The kernel never builds a dump message larger than this; a request is much smaller. */
#define NETLINK_BUFFER 32768

struct ntm_netlink {
	struct mnl_socket *socket;
	uint32_t seq;
	_Alignas(struct nlmsghdr) char buf[NETLINK_BUFFER];
};

/* Starts a message in nl->buf; flags besides NLM_F_REQUEST. */
struct nlmsghdr *netlink_begin(struct ntm_netlink *nl, uint16_t type, uint16_t flags);
/* Sends the message in nl->buf and waits for the kernel's verdict: 0 or negative errno. */
int netlink_talk(struct ntm_netlink *nl);
/* Sends the dump request in nl->buf, calls fn for every object. 0, negative errno (-EINTR: the
 * objects changed meanwhile). */
int netlink_dump(struct ntm_netlink *nl, mnl_cb_t fn, void *arg);

void netlink_put_ip(struct nlmsghdr *msg, uint16_t attr, const struct ntm_ip *ip);
uint8_t netlink_family(const struct ntm_ip *ip); /* AF_INET or AF_INET6 */
