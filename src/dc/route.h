/* SPDX-License-Identifier: BSD-2-Clause */
/* Which path two nodes get (design.md 7, R48-R50): a pure function of both cards. */
#pragma once

#include "ntm/msg.h"

/* What the DC knows of one node's place. */
struct route_card {
	struct ntm_addr reflexive; /* as the DC sees it */
	struct ntm_addr_list own;  /* as the node says, already filtered */
	bool behind_nat;           /* ntm_addr_list_behind_nat */
	/* A gateway, which is public: where it is seen it is reached, also behind a 1:1 NAT or a
	 * forwarded port. It takes no relay. */
	bool is_public;
};
bool route_same_card(const struct route_card *a, const struct route_card *b);
/* Keeps what a peer may be told to send to: usable, not inside the virtual prefixes, distinct, at
 * most 8 (security.md A2). */
void route_filter(struct ntm_addr_list *list, const struct ntm_prefix *virtual4,
		  const struct ntm_prefix *virtual6);

/* Whether the node can send to such addresses, as far as is known. */
bool route_has_family(const struct route_card *card, uint8_t family);

/* Whether whoever can send to IPv4 addresses reaches it, NAT or not. */
bool route_is_open(const struct route_card *card);

struct route {
	bool possible;                     /* without a relay */
	bool needs_relay;                  /* no direct path is sure to work */
	uint8_t error;                     /* enum ntm_direction_code when not possible */
	uint8_t mn_role, cn_role;          /* enum ntm_role; both may request */
	struct ntm_addr_list to_mn, to_cn; /* candidates that CN, or MN, gets; best first */
};
void route_decide(const struct route_card *mn, const struct route_card *cn, struct route *out);
/* The route of two nodes that have a relay in common: at most ROUTE_PROBES addresses of each, to be
 * tried beside it. */
#define ROUTE_PROBES 6
void route_relayed(const struct route_card *mn, const struct route_card *cn, struct route *out);
