/* SPDX-License-Identifier: BSD-2-Clause */
/* This node's bindings at relays: made, kept and re-made; frames through them and out of them. */
#pragma once

#include "ntm/msg.h"
#include "ntm/pktbuf.h"
#include "ntm/relay.h"
#include "ntm/timers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A binding is one side of a flow (relay.h), bound to the place that we send from. Others know it
 * as the address ntm_addr_relay(number).
 *
 *             CHALLENGE        BOUND
 *   ASKING -------------> ... -------> BOUND
 *      ^                                 | kept idle, relays_check, relays_restarted,
 *      +---------------------------------+ relays_moved, UNBOUND
 *
 * A round of asking sends BIND after 200, 400, 800 ms and every 2 s from then on, to both addresses
 * of the relay; whichever answers first is kept. While a bound one asks again it goes on with its
 * label: nothing is lost when that was good. Each BIND has a higher generation, and one that is
 * behind an answered one is not answered.
 *
 * A released binding ends at the relay too, at once, by one RELEASE. When that is lost, the relay
 * forgets us after its idle time.
 */
#define RELAYS_MAX 4096 /* two of each tunnel, and as many while they are directed anew */
/* Between BINDs, when the relay has not answered the first three. */
#define RELAYS_RETRY_MS 2000
/* relays_check asks no sooner after the last BIND. */
#define RELAYS_CHECK_MS 500
/* Anyone can forge UNBOUND: it starts no round sooner after the last. */
#define RELAYS_HINT_MS 1000

struct relays;

struct relays_args {
	struct ntm_timers *timers;
	/* Sends one datagram to a relay; calls nothing back. */
	void (*send)(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len);
	/* A peer's frame, out of a binding; from is ntm_addr_relay. May do anything but free
	 * relays. */
	void (*input)(void *ctx, const struct ntm_addr *from, struct ntm_pkt *pkt);
	/* BOUND, for the first time or again; peer_bound: the other side is. May do anything but
	 * free relays. */
	void (*bound)(void *ctx, void *owner, uint32_t number, bool peer_bound);
	void *ctx;
};

/* Frames of relays by what became of them; all drops are silent. */
struct relays_counters {
	uint64_t binds, answers, bounds;      /* sent, sent, taken */
	uint64_t releases;                    /* sent */
	uint64_t frames_in, frames_out;       /* RELAYED */
	uint64_t not_bound;                   /* to be sent, but there is no label yet */
	uint64_t malformed;                   /* no frame, or none that comes from a relay */
	uint64_t unknown;                     /* no such label or flow of ours */
	uint64_t bad_source;                  /* not from that relay */
	uint64_t bad_mac, stale;              /* stale: late, or a copy */
	uint64_t unbound_hints, hints_unused; /* UNBOUND; of them, those that changed nothing */
};

struct relays *relays_new(const struct relays_args *args); /* NULL: out of memory */
void relays_free(struct relays *relays);                   /* NULL is fine */
/* Drops all bindings in silence, as if this host had lost its power. NULL is
 * fine. */
void relays_drop_all(struct relays *relays);

/*
 * Starts to bind our side of the offered flow; owner is handed to bound. The caller releases it by
 * number; no number is ever used again. 0; -EINVAL (no address that may be used), -EEXIST (the flow
 * is bound here already), -ENOSPC, -ENOMEM.
 */
int relays_bind(struct relays *relays, const struct ntm_relay_offer *offer, void *owner,
		uint32_t *number);
/* The tunnel's link is over, and the relay hears so. Unknown numbers are fine, here and below. */
void relays_release(struct relays *relays, uint32_t number);

/* Wraps a handshake or transport frame and sends it. Drops it when the binding is not bound. */
void relays_send(struct relays *relays, uint32_t number, const uint8_t *frame, size_t len);
/* One datagram with ntm_is_relay_frame. pkt is scratch. */
void relays_input(struct relays *relays, const struct ntm_addr *from, struct ntm_pkt *pkt);

/* The path through it fails: asks the relay again, at most every RELAYS_CHECK_MS. */
void relays_check(struct relays *relays, uint32_t number);
/* Our own addresses have changed: all ask again, at once. */
void relays_moved(struct relays *relays);
/* The DC says that the relay with one of these addresses has lost its bindings. */
void relays_restarted(struct relays *relays, const struct ntm_addr_list *addrs);
/* What is bound sends something at least this often; 0: as the relay itself wants it. */
void relays_set_keepalive(struct relays *relays, int64_t keepalive_ms);

bool relays_is_bound(const struct relays *relays, uint32_t number);
/* Real address of the relay, the one in use when it is bound; family 0: no such number. */
struct ntm_addr relays_addr(const struct relays *relays, uint32_t number);
size_t relays_count(const struct relays *relays);
/* Bindings that are bound, and where the relay has not stopped to answer. */
size_t relays_answering(const struct relays *relays);
/* One of the relays that have left a round of asking unanswered; family 0: there is none. */
struct ntm_addr relays_silent(const struct relays *relays);
const struct relays_counters *relays_counters(const struct relays *relays);
