/* SPDX-License-Identifier: BSD-2-Clause */
/* The SIP trigger: sees SIP in both directions, starts directions, and holds messages (R83-R95,
 * R167). */
#pragma once

#include "node.h"
#include "tunnel.h"

#include "ntm/ippkt.h"

struct sipwatch;

/* sip.md 1: bounds of what is held; past them messages pass. */
#define SIPWATCH_HELD_MAX      64
#define SIPWATCH_HELD_PER_PEER 4
#define SIPWATCH_HOLD_LIMIT_MS 20000 /* no setting goes above */
/* Calls remembered by Call-ID, with the other side's media addresses (offers), also for `calls`. */
#define SIPWATCH_CALLS   512
#define SIPWATCH_CALL_MS (5 * 60 * 1000)
/* security.md A7: directions that one SIP peer (often a server for many phones) may cause. */
#define SIPWATCH_PER_PEER_PER_S 5
#define SIPWATCH_PER_PEER_BURST 20

enum sipwatch_way { SIPWATCH_TO_APP, SIPWATCH_FROM_APP };

struct sipwatch_args {
	struct ntm_timers *timers;
	struct ntm_sip_parser *sip;
	struct tunnels *tunnels;
	const struct node_settings *settings; /* borrowed */
	const struct realm *realm;            /* borrowed */
	/* A DC that has not answered two requests in a row: nothing is held (sip.md 1). */
	bool (*dc_answers)(void *ctx);
	/* Sends a held packet on its way, byte-identical. May not call back into sipwatch. */
	void (*release)(void *ctx, enum sipwatch_way way, struct ntm_pkt *pkt);
	void *ctx;
};

struct sipwatch *sipwatch_new(const struct sipwatch_args *args);
/* Forgets what is held; call sipwatch_flush first to let it go. */
void sipwatch_free(struct sipwatch *watch);
/* Lets everything go that is held. */
void sipwatch_flush(struct sipwatch *watch);

/*
 * A Call-ID whose INVITE was seen both towards and from the application is relayed: a SIP server on
 * this host passes it on, and its media is none of ours. Nothing is held or started for it.
 *
 * Looks at one inner packet on its way. true: it was taken (held, or swallowed as a copy of a held
 * one, or queued behind one of its dialog); false: the caller passes it on now. Packets that are no
 * SIP on the configured ports return false at once. The packet is copied when taken.
 */
bool sipwatch_packet(struct sipwatch *watch, enum sipwatch_way way, const struct ntm_ippkt *view,
		     const struct ntm_pkt *pkt);

struct sipwatch_counters {
	uint64_t seen, opaque, held, released_up, released_deadline, released_failed,
		released_flushed, swallowed, over_bound, directions, candidates_seen, fragments;
	/* Messages of our application to nodes that name a real address for media, and the last. */
	uint64_t real_media_seen;
	struct ntm_ip real_media;
};
const struct sipwatch_counters *sipwatch_counters(const struct sipwatch *watch);
/* Array for `calls`: peer, state, held_ms, direction_ms, tunnel and its path, packets and bytes
 * each way. */
json_t *sipwatch_calls_json(const struct sipwatch *watch);
