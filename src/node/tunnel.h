/* SPDX-License-Identifier: BSD-2-Clause */
/* Tunnels to peers, and the one negotiation that a pair may have: who wants one waits here. */
#pragma once

#include "node.h"

/*
 * One peer. Found by FQDN, by either VIP, by key and by pair id, as far as they are known: a
 * direction by VIP does not know the name before the Route Direction came.
 *
 *            want                RD received             link up
 *   IDLE -----------> DIRECTING ------------> CONNECTING --------> UP
 *    ^                    | error, no answer       | no answer      | link down, CLOSE, REVOKED,
 * idle
 *    +--------------------+<-----------------------+<---------------+
 *              FAILED for 5 s (negative cache), then IDLE
 *
 * A Route Direction that the DC sends because the peer asked starts at CONNECTING. In UP a new
 * Route Direction is adopted without losing the old session: it stays until the new link is up.
 */
enum tunnel_state {
	TUNNEL_IDLE,
	TUNNEL_DIRECTING,
	TUNNEL_CONNECTING,
	TUNNEL_UP,
	TUNNEL_FAILED,
};
#define TUNNEL_NEGATIVE_MS 5000 /* design.md 6 */
#define TUNNEL_MAX         1024
/* Data that waits (house rule 6): the oldest is dropped first. */
#define TUNNEL_QUEUE_PACKETS 32
#define TUNNEL_QUEUE_BYTES   32768
#define TUNNEL_QUEUE_MS      3000

struct tunnel;
struct tunnel_result;
struct tunnels; /* all of a node */

/* Whom a trigger wants: a name, or a VIP. */
struct tunnel_target {
	const char *fqdn; /* canonical, or NULL */
	struct ntm_ip vip;
};

/* Embedded in whoever waits (a held SIP message, a DNS query, a ping). */
struct tunnel_wait {
	/* Called once: err 0 and an UP tunnel; or negative errno, code (enum ntm_direction_code, 0
	 * = none) and words for people. The wait is no longer linked then. */
	void (*fn)(void *arg, const struct tunnel_result *result);
	void *arg;
	struct tunnel *tunnel; /* NULL: not waiting */
	struct tunnel_wait *next, **link;
};
struct tunnel_result {
	int err;
	uint8_t code;
	const char *words;
	const struct tunnel *tunnel; /* may be NULL on errors */
	int64_t direction_ms;        /* from the trigger to now */
};

/*
 * 1: UP already (wait is not used; *out, when not NULL, is the tunnel); 0: wait->fn will be called,
 * never from within this call; negative: refused at once (-EHOSTUNREACH negative cache or own VIP,
 * -ENOSPC table full, -ENETUNREACH DC does not answer). wait may be NULL: just start it.
 */
int tunnel_want(struct tunnels *tunnels, const struct tunnel_target *target, enum ntm_reason reason,
		struct tunnel_wait *wait, const struct tunnel **out);
void tunnel_wait_cancel(struct tunnel_wait *wait); /* fine when not waiting */

/* NULL when there is none that is UP. */
struct tunnel *tunnel_find_up(struct tunnels *tunnels, const struct ntm_ip *vip);

/* Sends an inner packet towards its destination: through the tunnel when it is UP; else queues a
 * copy and starts a direction (data trigger). Takes the contents of pkt. */
void tunnel_send(struct tunnels *tunnels, const struct ntm_ip *dst, struct ntm_pkt *pkt);

/* What others show. */
const char *tunnel_fqdn(const struct tunnel *tunnel); /* "" when not known */
struct ntm_ip tunnel_vip(const struct tunnel *tunnel, uint8_t family);
enum tunnel_state tunnel_state(const struct tunnel *tunnel);
const char *tunnel_state_name(enum tunnel_state state);
struct ntm_link *tunnel_link(const struct tunnel *tunnel); /* NULL when there is none */
