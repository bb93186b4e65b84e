/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions of one link: previous, current and next, so that a rekey loses nothing. */
#include "link_paths.h"

#include "ntm/ctl_wire.h"

#include "ntm/wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/*
 *   initiator, on RESPONSE:      previous <- current <- new     (a next one becomes previous: the
 *                                                                 peer sends on it)
 *   responder, on INITIATION:                           next <- new
 *   responder, on its first packet:  previous <- current <- next
 *
 * XX has a third message, which proves to the responder what that first packet proves, but which
 * may be lost, or refused at first, while the initiator could use its keys already:
 *
 *   initiator, on RESPONSE:      previous <- current <- new
 *     rekeying:                                            next <- new
 *     then, when it is heard:    previous <- current <- next
 *   responder, on FINAL:         previous <- current <- new
 *     while a current one of ours was not heard yet:
 *                                            current <- new, next <- former current
 *
 * The last is what happens when both sides begin at once: both have both sessions. Next is ours
 * then; that of the side with the lower static key becomes the current one when it is heard, that
 * of the other side has yielded.
 *
 * Only the current one seals. All three open, until they are reject_ms old.
 */

static bool is_young(const struct ntm_link *link, const struct link_slot *slot)
{
	int64_t age_ms = links_now(link->links) - slot->session.born_ms;

	return age_ms < link->links->times.reject_ms;
}

bool link_is_alive(const struct ntm_link *link)
{
	return link->cur && is_young(link, link->cur);
}

struct link_slot *link_slot_new(struct ntm_link *link)
{
	for (size_t i = 0; i < 3; i++) {
		struct link_slot *slot = &link->slot[i];

		if (slot->live)
			continue;
		memset(slot, 0, sizeof(*slot));
		ntm_replay_init(&slot->session.replay);
		slot->session.born_ms = links_now(link->links);
		return slot;
	}
	return NULL;
}

void link_slot_drop(struct ntm_link *link, struct link_slot **at)
{
	struct link_slot *slot = *at;

	if (!slot)
		return;
	if (link->final && link->final->slot == slot)
		link_final_drop(link);
	if (link->answer && link->answer->slot == slot)
		link_answer_drop(link);
	links_index_del(link->links, &slot->index);
	ntm_session_wipe(&slot->session);
	slot->live = false;
	*at = NULL;
}

void link_slots_drop(struct ntm_link *link)
{
	link_slot_drop(link, &link->prev);
	link_slot_drop(link, &link->cur);
	link_slot_drop(link, &link->next);
	link_timers_sessions_changed(link);
}

void link_session_fill(struct link_slot *slot, const struct ntm_noise *noise, uint8_t suite,
		       uint32_t remote_index)
{
	struct ntm_session *session = &slot->session;

	session->suite = suite;
	session->local_index = slot->index.value;
	session->remote_index = remote_index;
	session->initiator = noise->initiator;
	ntm_noise_split(noise, session->send_key, session->recv_key);
	slot->live = true;
}

/* The current session is new; tells the owner. False when the link or the session went by it. */
static bool announce(struct ntm_link *link, const struct ntm_addr *remote)
{
	struct ntm_links *links = link->links;
	const struct link_slot *slot = link->cur;
	bool fresh = link->state != NTM_LINK_UP;
	bool moved = link->paths ? link_paths_on_session(link, remote, fresh)
				 : !fresh && !ntm_addr_eq(&link->remote, remote);

	if (!link->paths)
		link->remote = *remote;
	link->doubted = false;
	link->handshakes++;
	if (moved || fresh)
		link_path_clear(link);
	link_set_state(link, NTM_LINK_UP, "session");
	link_timers_sessions_changed(link);
	if (links->ops.up)
		links->ops.up(links->ctx, link, link->owner, fresh);
	if (moved && !link->dead && link->cur == slot && slot->live && links->ops.moved)
		links->ops.moved(links->ctx, link, link->owner, &link->remote);
	return !link->dead && link->cur == slot && slot->live;
}

void link_session_begin(struct ntm_link *link, struct link_slot *slot, const struct ntm_addr *from)
{
	link_slot_drop(link, &link->prev);
	if (link_peer_began(link)) {
		link_slot_drop(link, &link->cur);
		link->prev = link->next;
		link->next = NULL;
	} else {
		link_slot_drop(link, &link->next);
		link->prev = link->cur;
	}
	link->cur = slot;
	link_timers_answer_sought(link);
	if (announce(link, from) && slot->session.send_counter == 0 && !link->final)
		link_send_keepalive(link); /* so that the responder may send */
}

void link_session_await(struct ntm_link *link, struct link_slot *slot)
{
	link->next = slot;
	link_timers_answer_sought(link);
	link_timers_sessions_changed(link);
}

struct link_slot *link_session_place(struct ntm_link *link)
{
	bool is_crossed = link->final && link->final->slot == link->cur;

	link_slot_drop(link, is_crossed ? &link->next : &link->prev);
	if (is_crossed)
		link->next = link->cur;
	else
		link->prev = link->cur;
	link->cur = link_slot_new(link);
	if (link->next && memcmp(link->links->keys.pub, link_static(link), NTM_KEY_LEN) > 0) {
		link->next->yielded = true;
		link_final_drop(link);
	}
	if (!link->final) /* an attempt of ours, or the wait for one, has got what it was for */
		link_timers_attempt_over(link);
	link_handshake_drop(link);
	return link->cur;
}

void link_session_place_taken(struct ntm_link *link, const struct ntm_addr *remote)
{
	const struct link_slot *slot = link->cur;

	if (link->state != NTM_LINK_UP)
		link_set_state(link, NTM_LINK_CONNECTING, "final");
	if (announce(link, remote) && slot->session.send_counter == 0)
		link_send_keepalive(link); /* so that the initiator hears that we accept it */
}

bool link_peer_began(const struct ntm_link *link)
{
	return link->next && !link->next->session.initiator;
}

/* The peer has got the RESPONSE that bears this index: its session is the one that is meant, and no
 * other copy is of use any more. Where that went to. */
static struct ntm_addr settle(struct ntm_link *link, uint32_t index)
{
	struct link_slot *slot = link->answer->slot;
	struct link_copy *copy = link_copy_find(&link->answer->copies, index);
	struct ntm_addr at = copy->to;

	links_index_move(link, &copy->index, slot);
	slot->session.local_index = index;
	slot->session.remote_index = copy->remote_index;
	link_answer_drop(link);
	return at;
}

/* The first packet on the next session: the peer has its keys, and is where our RESPONSE or FINAL
 * went to. Wherever the packet comes from: that has to be tried. */
static bool confirm(struct ntm_link *link, uint32_t index)
{
	struct ntm_addr remote = link->final ? link->final->to : link->remote;

	if (!link->next->session.initiator)
		remote = settle(link, index);
	link_final_drop(link);
	link_slot_drop(link, &link->prev);
	link->prev = link->cur;
	link->cur = link->next;
	link->next = NULL;
	link_handshake_drop(link);
	link_timers_attempt_over(link);
	return announce(link, &remote);
}

static struct link_slot *find_slot(struct ntm_link *link, uint32_t index)
{
	for (size_t i = 0; i < 3; i++) {
		if (link->slot[i].live && link->slot[i].index.value == index)
			return &link->slot[i];
	}
	if (link->answer && link_copy_find(&link->answer->copies, index))
		return link->answer->slot;
	return NULL;
}

static bool open_frame(struct ntm_link *link, struct link_slot *slot, struct ntm_pkt *pkt)
{
	struct ntm_links_counters *counters = &link->links->counters;
	size_t plain_len;
	int err = ntm_session_open(&slot->session, pkt->data, pkt->len, &plain_len);

	if (err == -EALREADY)
		counters->replay++;
	else if (err)
		counters->bad_tag++;
	if (err)
		return false;
	ntm_pkt_pull(pkt, NTM_TRANSPORT_HEADER);
	ntm_pkt_trim(pkt, plain_len);
	return true;
}

/* What is followed by nothing of the other side's is answered by a keepalive. The reply of a
 * control message is an answer itself: a keepalive behind each would be all that a NAT ever sees.
 */
static bool wants_answer(const struct ntm_pkt *pkt)
{
	return pkt->len < NTM_CTL_HEADER || pkt->data[0] != NTM_CTL_KIND ||
	       (pkt->data[2] & NTM_CTL_REPLY) == 0;
}

/* Plaintext that is not empty; calls back. */
static void deliver(struct ntm_link *link, struct link_slot *slot, const struct ntm_addr *from,
		    uint8_t cls, struct ntm_pkt *pkt)
{
	struct ntm_links *links = link->links;

	/* A CLOSE that comes late must not end the session that followed it; but until the peer has
	 * used that, it may still mean us. */
	bool may_close = slot == link->cur || !link->cur->session.replay.any;

	if (link_path_input(link, from, may_close, pkt))
		return;
	slot->used = true;
	link->packets_in++;
	link->bytes_in += pkt->len;
	link_timers_heard(link, wants_answer(pkt));
	link_paths_on_data(link, from, cls);
	if (links->ops.input)
		links->ops.input(links->ctx, link, link->owner, pkt);
}

/* The initiator goes on with keepalives until it hears something under the new keys. */
static bool is_asked(const struct ntm_link *link, bool confirmed, bool is_empty)
{
	const struct ntm_session *session = &link->cur->session;
	int64_t age_ms = links_now(link->links) - session->born_ms;

	if (confirmed)
		return session->send_counter == 0;
	return is_empty && !session->initiator && age_ms < LINK_CONFIRM_MS;
}

/* The current session was heard; of XX, ours may be another one, see the head of this file. */
static void on_answer_found(struct ntm_link *link)
{
	link->doubted = false;
	if (!link->final)
		link_timers_answer_found(link);
	else if (link->final->slot == link->cur)
		link_final_drop(link);
}

void link_session_input(struct ntm_link *link, uint32_t index, const struct ntm_addr *from,
			struct ntm_pkt *pkt)
{
	struct link_slot *slot = find_slot(link, index);
	bool confirmed = false;
	bool is_empty;
	uint64_t counter;
	uint8_t cls = pkt->data[1];
	size_t frame_len = pkt->len;
	struct ntm_rd rd;

	if (!slot || !is_young(link, slot)) {
		link->links->counters.unknown_index++;
		return;
	}
	rd = ntm_rd_init(pkt->data + 8, 8);
	counter = ntm_rd_u64(&rd);
	if (!open_frame(link, slot, pkt))
		return;
	link->last_in_ms = links_now(link->links);
	if (slot == link->next && !slot->yielded) {
		confirmed = true;
		if (!confirm(link, index))
			return;
	}
	link_timers_heard(link, false);
	if (slot == link->cur)
		on_answer_found(link);
	if (link->paths)
		link_paths_on_heard(link, from, frame_len,
				    slot == link->cur && slot->session.replay.newest == counter);
	else if (slot == link->cur && slot->session.replay.newest == counter)
		link_path_seen(link, from);
	is_empty = pkt->len == 0;
	if (!is_empty)
		deliver(link, slot, from, cls, pkt);
	if (!link->dead && slot->live && link->cur == slot && is_asked(link, confirmed, is_empty))
		link_send_keepalive(link);
}

/* spare: also there, may be NULL; whichever comes second is a replay. 0 or -ENOTCONN. */
static int seal(struct ntm_link *link, struct link_slot *slot, const struct ntm_addr *to,
		const struct ntm_addr *spare, struct ntm_pkt *pkt, uint8_t cls)
{
	size_t plain_len = pkt->len;
	size_t frame_len;

	ntm_pkt_push(pkt, NTM_TRANSPORT_HEADER);
	ntm_pkt_put(pkt, NTM_TAG_LEN);
	if (ntm_session_seal(&slot->session, cls, pkt->data, plain_len, &frame_len) != 0)
		return -ENOTCONN;
	links_send(link->links, to, pkt->data, frame_len);
	if (spare)
		links_send(link->links, spare, pkt->data, frame_len);
	return 0;
}

int link_seal_to(struct ntm_link *link, const struct ntm_addr *to, struct ntm_pkt *pkt, uint8_t cls,
		 bool is_data)
{
	struct link_slot *slot = link->cur;
	size_t plain_len = pkt->len;
	bool is_asking = is_data && wants_answer(pkt);

	if (seal(link, slot, to, is_data ? link_paths_spare(link, plain_len) : NULL, pkt, cls) != 0)
		return -ENOTCONN;
	if (is_data) {
		slot->used = true;
		link->packets_out++;
		link->bytes_out += plain_len;
		link_paths_on_sent(link, cls, plain_len);
	}
	if (ntm_addr_eq(to, &link->remote)) /* a probe elsewhere keeps no mapping open here */
		link_timers_sent(link, is_asking);
	return 0;
}

void link_send_keepalive(struct ntm_link *link)
{
	struct ntm_pkt pkt;

	if (!link_is_alive(link))
		return;
	ntm_pkt_reset(&pkt);
	(void)link_seal_to(link, &link->remote, &pkt, 0, false);
}

void link_send_keepalive_on(struct ntm_link *link, struct link_slot *slot,
			    const struct ntm_addr *to)
{
	struct ntm_pkt pkt;

	ntm_pkt_reset(&pkt);
	(void)seal(link, slot, to, NULL, &pkt, 0);
}

void link_on_expired(struct ntm_link *link)
{
	if (link_peer_began(link)) /* it has asked for new keys already */
		link_lose_former(link, NTM_DOWN_EXPIRED);
	else
		link_lose(link, NTM_DOWN_EXPIRED);
}
