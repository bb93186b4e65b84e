/* SPDX-License-Identifier: BSD-2-Clause */
/* SIP messages that wait for tunnels: bounded, each released exactly once, in order in a dialog. */
#pragma once

#include "sipwatch.h"

#include "ntm/sip.h"

struct held;

enum held_end { HELD_UP, HELD_FAILED, HELD_DEADLINE, HELD_FLUSHED };

struct held_queue {
	struct ntm_timers *timers;
	struct tunnels *tunnels;
	struct held *head, **tail;
	size_t count, bytes;
	/* A held message goes on: byte-identical, the newest copy. held_ms: how long it waited. */
	void (*release)(void *ctx, const struct held *held, enum held_end why);
	void *ctx;
};

/* One held message, or one that waits behind another of its dialog (is_follower). */
struct held {
	struct held *next;
	struct held_queue *queue;
	enum sipwatch_way way;
	bool is_follower;
	bool any_failed;
	uint32_t cseq;
	enum ntm_sip_method method;
	int status;
	char call_id[NTM_SIP_ID_MAX + 1], from_tag[NTM_SIP_ID_MAX + 1], to_tag[NTM_SIP_ID_MAX + 1];
	struct ntm_ip peer; /* the first one waited for */
	int64_t since_ms, direction_ms;
	size_t pending;
	struct tunnel_wait waits[NTM_SIP_MEDIA_MAX];
	struct ntm_timer deadline;
	uint8_t *data;
	size_t len;
};

void held_init(struct held_queue *queue);
/* Frees without releasing. */
void held_fini(struct held_queue *queue);
/* A copy of a held message came: the newest one is kept, none is let through. False: nothing like
 * it is held. */
bool held_replace(struct held_queue *queue, enum sipwatch_way way, const struct ntm_sip *sip,
		  const struct ntm_pkt *pkt);
bool held_has_call(const struct held_queue *queue, enum sipwatch_way way, const char *call_id);
/* Waits for the tunnels to the peers (at most NTM_SIP_MEDIA_MAX). False: nothing to wait for (all
 * up or refused), or over a bound (*over_bound): let it pass. */
struct held_order {
	enum sipwatch_way way;
	const struct ntm_sip *sip;
	const struct ntm_pkt *pkt;
	const struct ntm_ip *peers;
	size_t peer_count; /* 0: follow what is held of the same call */
	int64_t limit_ms;
};
bool held_add(struct held_queue *queue, const struct held_order *order, bool *over_bound);
/* Lets go everything of a call, or everything (call_id NULL). */
void held_flush(struct held_queue *queue, const char *call_id);
