/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the link layer share: who does what, and who calls whom. */
#pragma once

#include "link_structs.h"

/*
 *   links.c           the table: indexes, datagrams in, life of links while callbacks run
 *   links_limit.c     load and sources: which INITIATION has to prove its address first
 *   link.c            one link's API and its state
 *   link_session.c    sessions previous, current and next: sealing, opening, taking turns
 *   link_handshake.c  as initiator: INITIATION, RESPONSE, COOKIE, giving up
 *   link_answer.c     as responder: INITIATION to RESPONSE
 *   link_path.c       challenges and roaming
 *   link_timers.c     the only file that arms timers; the others tell it facts
 *
 * Callbacks run only below ntm_links_input and below a timer. Any of them may free the link: after
 * each one look at link->dead, and at slot->live when a session is still needed. Memory of dead
 * links goes when the outermost of the two returns.
 */

/* links.c */
void links_enter(struct ntm_links *links);
void links_leave(struct ntm_links *links);
bool links_has_purpose(uint8_t purpose);
void links_peer_key(uint8_t out[static LINK_PEER_KEY_LEN], uint8_t purpose,
		    const uint8_t remote_static[static NTM_KEY_LEN], const uint8_t *pair);
int links_add(struct ntm_links *links, struct ntm_link *link);
void links_remove(struct ntm_link *link);
/* Gives the entry a new random index. 0 or -ENOMEM. */
int links_index_new(struct ntm_links *links, struct link_index *index, struct ntm_link *link);
void links_index_del(struct ntm_links *links, const struct link_index *index);
void links_send(struct ntm_links *links, const struct ntm_addr *to, const uint8_t *frame,
		size_t len);

/* links_limit.c */
enum links_verdict { LINKS_PASS, LINKS_PROVE, LINKS_DROP };
void links_limit_init(struct links_limit *limit, int64_t now_ms);
/* For an INITIATION with a right mac1; proven: mac2 was right. */
enum links_verdict links_limit_judge(struct links_limit *limit, const struct ntm_addr *from,
				     bool proven, int64_t now_ms);

/* link.c */
struct ntm_link *link_new(struct ntm_links *links, const struct ntm_link_args *args);
void link_destroy(struct ntm_link *link); /* one that is in no table */
void link_set_state(struct ntm_link *link, enum ntm_link_state state, const char *why);
/* No session is left and none is coming: CLOSED, or CONNECTING when persistent; calls down. */
void link_lose(struct ntm_link *link, enum ntm_link_down why);

/* link_session.c */
bool link_is_alive(const struct ntm_link *link); /* a session that may seal */
struct link_slot *link_slot_new(struct ntm_link *link);
void link_slot_drop(struct ntm_link *link, struct link_slot **at);
void link_slots_drop(struct ntm_link *link); /* and the RESPONSE that leads to one */
void link_session_fill(struct link_slot *slot, const struct ntm_noise *noise, uint8_t suite,
		       uint32_t remote_index);
/* As initiator: the session of a finished handshake is the current one. Calls back. */
void link_session_begin(struct ntm_link *link, struct link_slot *slot, const struct ntm_addr *from);
void link_session_input(struct ntm_link *link, uint32_t index, const struct ntm_addr *from,
			struct ntm_pkt *pkt);
/* Seals pkt under the current session. is_data: counts for keepalives and rekeying. */
int link_seal_to(struct ntm_link *link, const struct ntm_addr *to, struct ntm_pkt *pkt, uint8_t cls,
		 bool is_data);
void link_send_keepalive(struct ntm_link *link);
void link_on_expired(struct ntm_link *link);

/* link_handshake.c */
/* Starts an attempt unless one runs. everywhere: to all candidates at once. */
void link_handshake_start(struct ntm_link *link, bool everywhere);
void link_handshake_drop(struct ntm_link *link);
void link_handshake_resend(struct ntm_link *link);
void link_handshake_give_up(struct ntm_link *link);
/* The peer is at that address as well: our INITIATION goes there too. */
void link_handshake_also_to(struct ntm_link *link, const struct ntm_addr *to);
void link_handshake_on_response(struct ntm_links *links, const struct ntm_handshake *in,
				const struct ntm_addr *from);
void link_handshake_on_cookie(struct ntm_links *links, const struct ntm_addr *from,
			      const struct ntm_pkt *pkt, uint32_t index);

/* link_answer.c */
void link_answer_on_initiation(struct ntm_links *links, const struct ntm_handshake *in,
			       const struct ntm_addr *from, const struct ntm_pkt *pkt);
void link_answer_drop(struct ntm_link *link);
/* Whether the RESPONSE went to that address, so that a packet from there proves it. */
bool link_answer_went_to(const struct ntm_link *link, const struct ntm_addr *to);

/* link_path.c */
void link_path_init(struct ntm_link *link);
void link_path_seen(struct ntm_link *link, const struct ntm_addr *from);
void link_path_clear(struct ntm_link *link);
/* A control message of the link layer itself: true when it was one. may_close: a CLOSE counts.
 * Calls back. */
bool link_path_input(struct ntm_link *link, const struct ntm_addr *from, bool may_close,
		     const struct ntm_pkt *pkt);
void link_path_send_close(struct ntm_link *link, uint8_t reason);

/* link_timers.c */
void link_timers_init(struct ntm_link *link);
void link_timers_stop(struct ntm_link *link);
void link_timers_initiation_sent(struct ntm_link *link, unsigned sent);
void link_timers_round_over(struct ntm_link *link);
void link_timers_peer_awaited(struct ntm_link *link);
void link_timers_answer_sought(struct ntm_link *link);
void link_timers_answer_found(struct ntm_link *link);
void link_timers_attempt_over(struct ntm_link *link);
void link_timers_sessions_changed(struct ntm_link *link);
void link_timers_keepalive_changed(struct ntm_link *link);
void link_timers_sent(struct ntm_link *link, bool is_data);
void link_timers_heard(struct ntm_link *link, bool is_data);
