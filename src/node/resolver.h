/* SPDX-License-Identifier: BSD-2-Clause */
/* The node's resolver: DNS queries to the resolver's virtual address, read off the TUN (R53, R61).
 */
#pragma once

#include "node.h"
#include "tunnel.h"

#include "ntm/dnsmsg.h"
#include "ntm/ippkt.h"

struct resolver;

/* Queries that wait at once; the oldest is answered SERVFAIL to make room. */
#define RESOLVER_PENDING_MAX 256
/* Routes that an answer waits for: SERVFAIL after it. */
#define RESOLVER_ROUTE_MS 2000
/* An upstream, or the DC, that does not answer: SERVFAIL after it (the asker's own retry is 5 s).
 */
#define RESOLVER_UPSTREAM_MS 4000
/* TTL of the VIPs that we answer: short, so that every new call passes the name trigger again. */
#define RESOLVER_TTL_S 5

struct resolver_args {
	struct ntm_timers *timers;
	struct tunnels *tunnels;
	const struct realm *realm; /* borrowed */
	int64_t name_deadline_ms;
	/* To the host's former resolvers; see node_ops. */
	bool (*upstream)(void *ctx, uint16_t slot, const uint8_t *query, size_t len);
	/* To our DC, inside the session (RESOLVE); answered by resolver_answer with that slot.
	 * false: cannot. */
	bool (*to_dc)(void *ctx, uint16_t slot, const uint8_t *query, size_t len);
	/* FQDN of a VIP that we know (ours, peers); NULL else. */
	const char *(*name_of)(void *ctx, const struct ntm_ip *vip);
	void (*tun_write)(void *ctx, const uint8_t *pkt, size_t len);
	/* An answer of upstream that is about to be given; as exits_learn. May be NULL. */
	int64_t (*learn)(void *ctx, const struct ntm_dns_response *response);
	void *ctx;
};

struct resolver *resolver_new(const struct resolver_args *args);
void resolver_free(struct resolver *resolver);
/* A packet from our host to a resolver address (any port or protocol: what is no DNS over UDP is
 * refused by ICMP). */
void resolver_packet(struct resolver *resolver, const struct ntm_ippkt *view, const uint8_t *pkt,
		     size_t len);
/* An answer for a slot from upstream or DC; unknown or stale slots are ignored. NULL: it failed. */
void resolver_answer(struct resolver *resolver, uint16_t slot, const uint8_t *msg, size_t len);

/* Routes up to that generation are there: answers that wait for them are given. */
void resolver_on_routed(struct resolver *resolver, int64_t generation);

struct resolver_counters {
	uint64_t queries, malformed, ntm_names, answered_up, answered_late, forwarded_dc,
		forwarded_upstream, servfail;
	uint64_t waited_route; /* answers that were held until their routes were there */
	uint64_t rebinding;    /* foreign names that pointed into the virtual prefixes */
};
const struct resolver_counters *resolver_counters(const struct resolver *resolver);
