/* SPDX-License-Identifier: BSD-2-Clause */
/* A Relay Server's logic: flows between two addresses that have shown tickets (security.md 2.7). */
#pragma once

#include "relay_lease.h"

#include "ntm/link.h"
#include "ntm/timers.h"

#include <jansson.h>

struct relay;

/* The way out. */
struct relay_ops {
	/* Sends one datagram; may queue; must not call back. Forwarded packets do not go this way.
	 */
	void (*send)(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len);
	/* Addresses that others may reach this host at, with the UDP port. */
	size_t (*own_addrs)(void *ctx, struct ntm_addr *out, size_t cap);
	/* Save it: the certificate was renewed. */
	void (*lease_changed)(void *ctx, const struct relay_lease *lease);
	/* Draining, and the last flow is over. Comes from a timer. */
	void (*drained)(void *ctx);
};

struct relay_settings {
	uint32_t flows_max;  /* 1 to FLOWS_MAX */
	uint32_t kbit_max;   /* of the whole relay; 0: no limit */
	int64_t idle_ms;     /* a side that sent nothing for so long is over; 0: the preset */
	bool allow_loopback; /* serves programs of this host: for tests */
	struct ntm_link_times link_times;
};
#define RELAY_FLOWS_PRESET 65536

struct relay_args {
	const struct relay_ops *ops;
	void *ctx;
	struct ntm_timers *timers;
	const struct relay_lease *lease; /* copied */
	const struct relay_settings *settings;
};

struct relay *relay_new(const struct relay_args *args); /* NULL: out of memory */
void relay_free(struct relay *relay);                   /* NULL is fine */
/* Calls the DC. 0 or negative errno. */
int relay_start(struct relay *relay);
/* Tells the DC goodbye. */
void relay_stop(struct relay *relay);

/*
 * One datagram. An address: these same bytes go there, now; the pointer is good until the next
 * call. NULL: it was for the relay itself, or was dropped and counted.
 */
const struct ntm_addr *relay_input(struct relay *relay, const struct ntm_addr *from,
				   const uint8_t *data, size_t len);
/* From now on no new flow is bound; ops->drained follows. */
void relay_drain(struct relay *relay);
/* The host's addresses may be others. */
void relay_addrs_changed(struct relay *relay);
uint32_t relay_flow_count(const struct relay *relay);

json_t *relay_status_json(const struct relay *relay);
/* Until when the last flow is over at the latest: silent_s, if its nodes say nothing any more;
 * at_most_s, whatever they say. Walks over all flows. */
json_t *relay_drain_json(const struct relay *relay);
/* Up to RELAY_FLOWS_PAGE flows from *pos on (0: the first), which moves; NULL: there are no more.
 */
#define RELAY_FLOWS_PAGE 100
json_t *relay_flows_json(const struct relay *relay, uint32_t *pos);
