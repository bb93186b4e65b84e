/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the link layer share: who does what, and who calls whom. */
#pragma once

#include "link_structs.h"

#include "ntm/ctl_wire.h"

/*
 *   links.c           the table: indexes, datagrams in, life of links while callbacks run
 *   links_limit.c     load and sources: which INITIATION has to prove its address first
 *   link.c            one link's API and its state
 *   link_session.c    sessions previous, current and next: sealing, opening, taking turns
 *   link_handshake.c  as initiator: INITIATION, RESPONSE, COOKIE, giving up
 *   link_final.c      as initiator of XX: RESPONSE to FINAL, and until the peer is heard
 *   link_answer.c     as responder: INITIATION to RESPONSE
 *   link_copies.c     which copy of an INITIATION or a RESPONSE has arrived
 *   link_pending.c    as responder of XX: from RESPONSE to FINAL, when there is no link yet
 *   link_path.c       challenges and roaming
 *   link_paths.c      multipath: what is known of paths, and which of them is sent on
 *   link_places.c     multipath: the table of paths
 *   link_probe.c      multipath: probes of paths, when they are sent and when they count as lost
 *   link_timers.c     the only file that arms timers; the others tell it facts
 *
 * Callbacks run only below ntm_links_input and below a timer. Any of them may free the link: after
 * each one look at link->dead, and at slot->live when a session is still needed. Memory of dead
 * links goes when the outermost of the two returns.
 */

/* links.c */
void links_enter(struct ntm_links *links);
void links_leave(struct ntm_links *links);
bool links_has_purpose(const struct ntm_links *links, uint8_t purpose);
enum ntm_noise_pattern links_pattern(uint8_t purpose);
/* The key that stands for the receiver in mac1 and in cookies. */
const uint8_t *links_mac_static(uint8_t purpose, const uint8_t *receiver_static);
void links_peer_key(uint8_t out[static LINK_PEER_KEY_LEN], uint8_t purpose,
		    const uint8_t remote_static[static NTM_KEY_LEN], const uint8_t *pair);
/* The link of a purpose without pairs, or NULL. */
struct ntm_link *links_find_peer(const struct ntm_links *links, uint8_t purpose,
				 const uint8_t remote_static[static NTM_KEY_LEN]);
/* Gives a link of 'd' the key that its peer has. 0, -EEXIST (another link has it), -ENOMEM. */
int links_set_static(struct ntm_link *link, const uint8_t remote_static[static NTM_KEY_LEN]);
int links_add(struct ntm_links *links, struct ntm_link *link);
void links_remove(struct ntm_link *link);
/* Gives the entry a new random index; link may be NULL. 0 or -ENOMEM. */
int links_index_new(struct ntm_links *links, struct link_index *index, struct ntm_link *link);
/* A slot takes the place of another entry in the table, with its index; cannot fail. */
void links_index_move(struct ntm_link *link, struct link_index *from, struct link_slot *to);
void links_index_del(struct ntm_links *links, const struct link_index *index);
void links_send(struct ntm_links *links, const struct ntm_addr *to, const uint8_t *frame,
		size_t len);

/* links_limit.c */
enum links_verdict { LINKS_PASS, LINKS_PROVE, LINKS_DROP };
void links_limit_init(struct links_limit *limit, int64_t now_ms);
/* For an INITIATION with a right mac1; proven: mac2 was right. */
enum links_verdict links_limit_judge(struct links_limit *limit, const struct ntm_addr *from,
				     bool proven, int64_t now_ms);
/* For an INITIATION of 'd' without proof. False: a cookie has to be asked for. */
bool links_limit_xx(struct links_limit *limit, int64_t now_ms);
/* For a FINAL; to: where its RESPONSE went, which cannot be forged as its source can. False: drop
 * it. */
bool links_limit_final(struct links_limit *limit, const struct ntm_addr *to, int64_t now_ms);
bool links_same_net(const struct ntm_ip *a, const struct ntm_ip *b);

/* link.c */
struct ntm_link *link_new(struct ntm_links *links, const struct ntm_link_args *args);
void link_destroy(struct ntm_link *link); /* one that is in no table */
/* Finds or makes the link of a peer that we answer. NULL: out of memory. */
struct ntm_link *link_for_peer(struct ntm_links *links, uint8_t purpose,
			       const uint8_t remote_static[static NTM_KEY_LEN], void *owner);
void link_set_state(struct ntm_link *link, enum ntm_link_state state, const char *why);
/* No session is left and none is coming: CLOSED, or CONNECTING when persistent; calls down. */
void link_lose(struct ntm_link *link, enum ntm_link_down why);
/* The same when the peer has begun anew already: CONNECTING, its first packet is awaited. Calls
 * down when the link is persistent; another one's end is told if nothing comes. */
void link_lose_former(struct ntm_link *link, enum ntm_link_down why);

/* link_session.c */
bool link_is_alive(const struct ntm_link *link); /* a session that may seal */
struct link_slot *link_slot_new(struct ntm_link *link);
void link_slot_drop(struct ntm_link *link, struct link_slot **at);
void link_slots_drop(struct ntm_link *link); /* and the RESPONSE that leads to one */
void link_session_fill(struct link_slot *slot, const struct ntm_noise *noise, uint8_t suite,
		       uint32_t remote_index);
/* As initiator: the session of a finished handshake is the current one. Calls back. */
void link_session_begin(struct ntm_link *link, struct link_slot *slot, const struct ntm_addr *from);
/* As initiator of XX, rekeying: the current one goes on until the peer was heard on this one. */
void link_session_await(struct ntm_link *link, struct link_slot *slot);
/* As responder of XX: room for the current session, to be filled and then announced. Calls back. */
struct link_slot *link_session_place(struct ntm_link *link);
void link_session_place_taken(struct ntm_link *link, const struct ntm_addr *remote);
void link_session_input(struct ntm_link *link, uint32_t index, const struct ntm_addr *from,
			struct ntm_pkt *pkt);
/* Seals pkt under the current session. is_data: counts for keepalives and rekeying. */
int link_seal_to(struct ntm_link *link, const struct ntm_addr *to, struct ntm_pkt *pkt, uint8_t cls,
		 bool is_data);
void link_send_keepalive(struct ntm_link *link);
void link_send_keepalive_on(struct ntm_link *link, struct link_slot *slot,
			    const struct ntm_addr *to);
/* Whether next is the peer's: it has begun anew, and its first packet is awaited. */
bool link_peer_began(const struct ntm_link *link);
void link_on_expired(struct ntm_link *link);

/* link_handshake.c */
/* Starts an attempt unless one runs. everywhere: to all candidates at once. */
void link_handshake_start(struct ntm_link *link, bool everywhere);
void link_handshake_drop(struct ntm_link *link);
/* The RESPONSE to the INITIATION under that index was right: the slot gets the index, and the
 * attempt is over. */
void link_handshake_won(struct ntm_link *link, struct link_slot *slot, uint32_t index);
void link_handshake_resend(struct ntm_link *link);
void link_handshake_give_up(struct ntm_link *link);
/* The peer is at that address as well: our INITIATION goes there too. */
void link_handshake_also_to(struct ntm_link *link, const struct ntm_addr *to);
/* The peer has begun as well, from there, and we go on. */
void link_handshake_on_crossing(struct ntm_link *link, const struct ntm_addr *from);
void link_handshake_on_response(struct ntm_links *links, const struct ntm_handshake *in);
void link_handshake_on_cookie(struct ntm_links *links, const struct ntm_pkt *pkt, uint32_t index);

/* link_final.c */
/* A RESPONSE that noise has read, of the peer at that address; payload with its fixed part. Calls
 * back. */
void link_final_on_response(struct ntm_link *link, struct ntm_noise *noise,
			    const struct ntm_handshake *in, const struct ntm_addr *at,
			    const uint8_t *payload, size_t len);
void link_final_resend(struct ntm_link *link);
void link_final_unheard(struct ntm_link *link);
void link_final_drop(struct ntm_link *link); /* also ends the wait to be heard */

/* link_pending.c; see also link_pending.h */
void link_pending_on_final(struct ntm_links *links, const struct ntm_handshake *in,
			   const struct ntm_addr *from);
void link_pending_expire(struct ntm_links *links);
void link_pending_drop_all(struct ntm_links *links);

/* link_answer.c */
void link_answer_on_initiation(struct ntm_links *links, const struct ntm_handshake *in,
			       const struct ntm_addr *from, const struct ntm_pkt *pkt);
void link_answer_drop(struct ntm_link *link);

/* link_path.c */
void link_path_init(struct ntm_link *link);
void link_path_seen(struct ntm_link *link, const struct ntm_addr *from);
void link_path_clear(struct ntm_link *link);
/* A control message of the link layer itself: true when it was one. may_close: a CLOSE counts.
 * Calls back. */
bool link_path_input(struct ntm_link *link, const struct ntm_addr *from, bool may_close,
		     const struct ntm_pkt *pkt);
void link_path_send_close(struct ntm_link *link, uint8_t reason);
/* A PATH_CHALLENGE, in a plaintext of at least min_len bytes. */
void link_path_send_challenge(struct ntm_link *link, const struct ntm_addr *to,
			      const uint8_t token[static NTM_PATH_TOKEN_LEN], size_t min_len);

/* link_timers.c */
void links_timers_init(struct ntm_links *links);
/* When the next pending XX handshake ends; -1: there is none. */
void links_timers_pending(struct ntm_links *links, int64_t end_ms);
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
