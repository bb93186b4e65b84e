/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside a relay: what admission, forwarding and the reports share. */
#pragma once

#include "bind_cookie.h"
#include "flows.h"
#include "relay.h"
#include "sources.h"

#include "ntm/relay.h"
#include "ntm/uplink.h"

/* Why a datagram went no further. Each is counted; none is answered, but for UNKNOWN. */
enum relay_drop {
	RELAY_DROP_MALFORMED,   /* no frame that a relay reads, no message that its DC says */
	RELAY_DROP_SOURCE,      /* from an address that nothing may be sent to */
	RELAY_DROP_STRANGER,    /* begins a session, and is not the DC */
	RELAY_DROP_LIMITED,     /* too many BINDs and ANSWERs of a flow from one network */
	RELAY_DROP_NO_KEYS,     /* the DC has not given any ticket keys yet */
	RELAY_DROP_UNKNOWN_KEY, /* a ticket under a key that is not, or no longer, used */
	RELAY_DROP_TICKET,      /* not made by the DC, or for another relay */
	RELAY_DROP_EXPIRED,
	RELAY_DROP_MAC,           /* of somebody who does not have the ticket's bind key */
	RELAY_DROP_GENERATION,    /* not newer than what is bound, or was released: a replay */
	RELAY_DROP_COOKIE,        /* of an address that has not been challenged */
	RELAY_DROP_DRAINING,      /* a new flow, while draining */
	RELAY_DROP_FULL,          /* a new flow, and flows_max there are */
	RELAY_DROP_ACCOUNT_FLOWS, /* the account has as many as it may */
	RELAY_DROP_MEMORY,
	RELAY_DROP_NOT_BOUND, /* to be released, and is so already */
	RELAY_DROP_UNKNOWN,   /* no flow of that label from that address: answered by UNBOUND */
	RELAY_DROP_UNKNOWN_LIMITED, /* the same, and not answered */
	RELAY_DROP_PEER_UNBOUND,    /* the other side is not bound */
	RELAY_DROP_KBIT_SIDE,       /* over the ticket's rate */
	RELAY_DROP_KBIT_ACCOUNT,
	RELAY_DROP_KBIT_RELAY,
	RELAY_DROPS
};

struct relay_counters {
	uint64_t drops[RELAY_DROPS];
	uint64_t packets, bytes; /* forwarded */
	uint64_t binds, challenges, bound, released, unbound_sent;
	uint64_t flows_made, flows_ended;
};

struct relay {
	const struct relay_ops *ops;
	void *ctx;
	struct ntm_timers *timers;
	struct relay_settings settings;
	struct relay_lease lease;
	struct ntm_links *links;
	struct ntm_uplink *uplink;

	struct flows flows;
	struct accounts accounts;
	struct sources sources;
	struct bind_cookies cookies;
	struct meter meter; /* of the whole relay */
	struct ntm_ticket_key_list keys;
	struct ntm_cert_blob refused; /* the last one, which the DC gives again and again */
	bool draining;
	bool drained;
	bool is_ended; /* the DC has closed our session, and taken none since */

	struct ntm_timer sweep_timer;
	uint32_t sweep_pos;
	uint32_t lonely_pos;            /* where room for a new flow was looked for last */
	uint32_t lonely, lonely_so_far; /* flows; of the last sweep of all, and of this one */
	int64_t start_ms;
	int64_t rate_ms;     /* when kbit_s was reckoned last, */
	uint64_t rate_bytes; /* and what had been forwarded then */
	uint32_t kbit_s;
	struct relay_counters counters;
	struct ntm_pkt pkt; /* scratch: links open frames in place */
};

static inline void relay_count(struct relay *relay, enum relay_drop why)
{
	relay->counters.drops[why]++;
}
const char *relay_drop_name(enum relay_drop why);

/* relay.c: a report, but for its boot id; and what the DC wants. */
void relay_fill_report(struct relay *relay, struct ntm_msg_relay_register *report);
void relay_take_direction(struct relay *relay, const struct ntm_msg_relay_direction *direction);
/* relay_dc.c: NULL: out of memory. */
struct ntm_uplink *relay_dc_uplink_new(struct relay *relay);
/* relay_dc.c: for `status`. */
json_t *relay_dc_json(const struct relay *relay);
/* admission.c: a BIND, an ANSWER or a RELEASE. */
void admission_input(struct relay *relay, const struct ntm_addr *from, const uint8_t *frame,
		     size_t len);
/* admission.c: the side is bound no longer; frees the flow with its last side. Draining, the last
 * flow sets the timer that says so. */
void admission_unbind(struct relay *relay, struct flow *flow, unsigned side);
/* Whether the side's time is over: idle, or its ticket has expired. */
static inline bool relay_side_is_over(const struct relay *relay, const struct flow_side *side)
{
	int64_t now_ms = relay->timers->now_ms;

	return now_ms >= side->ends_ms || now_ms - side->heard_ms >= relay->settings.idle_ms;
}

/*
 * When the table is full, a flow with one side makes room for a new one: whoever holds tickets that
 * nobody shares, a node that was revoked for one, shuts nobody out. Not those that have just begun:
 * their other side is on its way.
 */
#define RELAY_LONELY_MS 10000
static inline bool relay_flow_is_lonely(const struct relay *relay, const struct flow *flow)
{
	unsigned there = 0;

	for (unsigned i = 0; i < 2; i++)
		there += flow->side[i].addr.ip.family != 0 &&
			 !relay_side_is_over(relay, &flow->side[i]);
	return there < 2 && relay->timers->now_ms - flow->since_ms >= RELAY_LONELY_MS;
}
