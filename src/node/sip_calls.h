/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls as the watcher remembers them: whose INVITE, the other side's media, what became of it. */
#pragma once

#include "sipwatch.h"

#include "ntm/sip.h"

enum call_state {
	CALL_INVITING,
	CALL_RINGING,
	CALL_UP,
	CALL_ENDED,
	CALL_FAILED,
};

struct call {
	struct call *next, *prev; /* newest news first */
	char id[NTM_SIP_ID_MAX + 1];
	enum call_state state;
	bool is_caller;  /* our application sent the INVITE */
	bool is_relayed; /* sipwatch.h */
	bool seen[2];    /* an INVITE went that way (enum sipwatch_way) */
	uint32_t cseq[2];
	/* Where the other side wants media: from SDP that came towards the application. */
	size_t media_count;
	struct ntm_ip media[NTM_SIP_MEDIA_MAX];
	int64_t news_ms, begun_ms;
	size_t held_count; /* messages held now */
	int64_t held_since_ms;
	int64_t held_ms, direction_ms; /* -1: not yet */
	const char *hold_end;          /* why the last hold ended; NULL: none yet */
	bool has_base;
	struct ntm_link_stats base; /* the tunnel's traffic at the answer */
};

struct calls {
	struct call *head, *tail;
	size_t count;
	struct ntm_map *by_id;
};

int calls_init(struct calls *calls);
void calls_fini(struct calls *calls);
/* The call of a message; made when the message may begin one (INVITE, or an answer to one with
 * SDP). May drop the oldest one. NULL: none, or out of memory. */
struct call *calls_of(struct calls *calls, const struct ntm_sip *sip, int64_t now_ms);
/* Takes in what one message says of its call. */
void call_note(struct call *call, enum sipwatch_way way, const struct ntm_sip *sip);
void call_held(struct call *call, int64_t now_ms);
void call_released(struct call *call, int64_t now_ms);
/* The 200 OK went on: media begins. */
void call_up(struct call *call, struct tunnels *tunnels);
json_t *calls_json(const struct calls *calls, struct tunnels *tunnels, int64_t now_ms);
