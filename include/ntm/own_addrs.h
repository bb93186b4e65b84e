/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of a host's addresses a DC is told, when there is not room for all of them. */
#pragma once

#include "ntm/addr.h"

#include <stddef.h>

struct ntm_netlink;

/* As many as a host with a bridge for each of its containers has. */
#define NTM_OWN_IPS 256

/* The addresses of ntm_netlink_addrs, but those first that the host sends to the Internet from:
 * peers believe answers only from the address that they have asked. Returns how many of out were
 * filled. */
size_t ntm_own_ips(struct ntm_netlink *nl, unsigned skip_ifindex,
		   struct ntm_ip out[static NTM_OWN_IPS]);
/* Puts that one in front of the others, when it is there. */
void ntm_own_prefer(struct ntm_ip *ips, size_t count, const struct ntm_ip *source);
/* Those that somebody can send to, with the port: in their order, but of both families in turn.
 * Returns how many of out were filled, at most cap. */
size_t ntm_own_pick(const struct ntm_ip *ips, size_t count, uint16_t port, struct ntm_addr *out,
		    size_t cap);
