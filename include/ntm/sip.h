/* SPDX-License-Identifier: BSD-2-Clause */
/* What the SIP watcher says of one message. It looks; it never changes, answers or invents a
 * message. */
#pragma once

#include "ntm/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* sip.md 5: above this a message is not parsed (libosip2 is quadratic in places). */
#define NTM_SIP_MAX 8192
/* sip.md 3: at most this many distinct media addresses count. */
#define NTM_SIP_MEDIA_MAX 4
/* Longest Call-ID or tag that is told apart; longer ones make the message NTM_SIP_OPAQUE. */
#define NTM_SIP_ID_MAX 255

enum ntm_sip_kind {
	NTM_SIP_OPAQUE, /* not SIP, too large, or not parsed: pass on */
	NTM_SIP_REQUEST,
	NTM_SIP_RESPONSE,
};

enum ntm_sip_method {
	NTM_SIP_OTHER,
	NTM_SIP_INVITE,
	NTM_SIP_ACK,
	NTM_SIP_BYE,
	NTM_SIP_CANCEL,
	NTM_SIP_PRACK,
	NTM_SIP_UPDATE,
	NTM_SIP_REGISTER,
};

/* One message. All text is owned by the struct. */
struct ntm_sip {
	enum ntm_sip_kind kind;
	enum ntm_sip_method method; /* of the request, or of a response's CSeq */
	int status; /* 100..699 of a response, checked digit by digit; 0 in requests */
	uint32_t cseq;
	char call_id[NTM_SIP_ID_MAX + 1];
	char from_tag[NTM_SIP_ID_MAX + 1];
	char to_tag[NTM_SIP_ID_MAX + 1]; /* "" when there is none: not in a dialog yet */
	bool has_sdp;
	/* Addresses where media is wanted (sip.md 3): c= of the m= line, else of the session, and
	 * a=rtcp; literals only, no port 0, no 0.0.0.0 or ::, no multicast; distinct. */
	size_t media_count;
	struct ntm_ip media[NTM_SIP_MEDIA_MAX];
	bool media_cut; /* there were more */
	/* Distinct a=candidate addresses: a client that runs ICE would bypass the tunnel. */
	size_t candidate_count;
	struct ntm_ip candidate[NTM_SIP_MEDIA_MAX];
};

struct ntm_sip_parser;

/* Sets up the parser (libosip2 keeps global state: one parser a process). NULL when out of memory.
 */
struct ntm_sip_parser *ntm_sip_parser_new(void);
void ntm_sip_parser_free(struct ntm_sip_parser *parser);

/*
 * Fills out from one UDP payload. Never fails: whatever is not understood is NTM_SIP_OPAQUE. An SDP
 * body that does not parse leaves has_sdp false and the rest valid.
 */
void ntm_sip_look(struct ntm_sip_parser *parser, const uint8_t *payload, size_t len,
		  struct ntm_sip *out);

/* CRLF keep-alives and anything that cannot be SIP by its first bytes; cheap, before ntm_sip_look.
 */
bool ntm_sip_is_candidate(const uint8_t *payload, size_t len);

/* sip.md 2: what the watcher does with a message that passes towards `towards_app` or away from it.
 * Decided from the message alone; whether a tunnel is missing is the caller's knowledge. */
enum ntm_sip_action {
	NTM_SIP_PASS,      /* nothing to do */
	NTM_SIP_DIRECT,    /* start a direction at once for each media address, do not hold */
	NTM_SIP_HOLD,      /* start a direction and hold */
	NTM_SIP_HOLD_SOFT, /* start and hold at most the soft limit (180/183 with SDP) */
};
/* When the callee's node may start before there is an answer or early media: never, when its app
 * rings (180), or with the first INVITE. Each includes the one before. */
enum ntm_sip_prewarm { NTM_SIP_PREWARM_OFF, NTM_SIP_PREWARM_RINGING, NTM_SIP_PREWARM_INVITE };
enum ntm_sip_action ntm_sip_action_towards_app(const struct ntm_sip *sip,
					       enum ntm_sip_prewarm prewarm);
/* For a message read from the TUN: NTM_SIP_HOLD for a 2xx with SDP to INVITE (also PRACK, UPDATE),
 * and NTM_SIP_DIRECT for early media and, by prewarm, for a 180; the addresses that count are the
 * other side's, remembered by the caller. */
enum ntm_sip_action ntm_sip_action_from_app(const struct ntm_sip *sip,
					    enum ntm_sip_prewarm prewarm);
