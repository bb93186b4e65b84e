/* SPDX-License-Identifier: BSD-2-Clause */
/* All timers of a link. The other files tell facts; what happens when is decided here. */
#include "link_priv.h"

/*
 *   attempt   INITIATION sent: resent after 200, 400, 800 ms, given up 1600 ms later;
 *             given up, but the link goes on: next round after retry_ms and up to a third more;
 *             responder: the peer's INITIATION or first packet is awaited for 3000 ms;
 *             initiator with new keys: keepalive again after 200, 400, 800 ms until anything was
 *             heard, since the responder cannot send before; 1600 ms later a new handshake; of
 *             XX with FINAL in front, and given up in the end: the peer does not accept us
 *   age       rekey at rekey_ms (initiator of the session) or halfway to reject_ms (the other side,
 *             when nobody did); the end of each session at reject_ms
 *   alive     keepalive: passive_keepalive_ms after data came that was followed by nothing of ours;
 *             keepalive_ms after we last sent anything
 *   silence   silence_ms after data was sent that was followed by nothing of theirs: new handshake
 *
 *   pending   (of all links) the oldest RESPONSE of XX was answered by no FINAL
 *
 * alive and silence are not moved with every packet: when they fire, they look at the facts and
 * sleep again for what is left.
 */

/* With multipath a probe keeps the path open as well, and tells more. */
#define PROBE_FIRST_MS 100

static int64_t retry_total_ms(void)
{
	int64_t total_ms = 0;

	for (unsigned sent = 1; ntm_retry_wait_ms(sent) >= 0; sent++)
		total_ms += ntm_retry_wait_ms(sent);
	return total_ms;
}

static void arm(struct ntm_link *link, struct ntm_timer *timer, int64_t delay_ms)
{
	ntm_timer_set(link->links->timers, timer, delay_ms);
}

static void disarm(struct ntm_link *link, struct ntm_timer *timer)
{
	ntm_timer_del(link->links->timers, timer);
}

/* ---- attempt ---- */

static void wait_for(struct ntm_link *link, enum link_wait wait, int64_t delay_ms)
{
	link->wait = wait;
	arm(link, &link->attempt, delay_ms);
}

void link_timers_attempt_over(struct ntm_link *link)
{
	link->wait = LINK_WAIT_NONE;
	disarm(link, &link->attempt);
}

void link_timers_initiation_sent(struct ntm_link *link, unsigned sent)
{
	link->wait_count = sent;
	wait_for(link, LINK_WAIT_ANSWER, ntm_retry_wait_ms(sent));
}

void link_timers_round_over(struct ntm_link *link)
{
	int64_t retry_ms = link->links->times.retry_ms;
	uint32_t jitter_ms = ntm_random_u32() % (uint32_t)(retry_ms / 3 + 1);

	wait_for(link, LINK_WAIT_ROUND, retry_ms + jitter_ms);
}

void link_timers_peer_awaited(struct ntm_link *link)
{
	wait_for(link, LINK_WAIT_PEER, retry_total_ms());
}

void link_timers_answer_sought(struct ntm_link *link)
{
	link->wait_count = 1;
	wait_for(link, LINK_WAIT_HEARD, ntm_retry_wait_ms(1));
}

void link_timers_answer_found(struct ntm_link *link)
{
	if (link->wait == LINK_WAIT_HEARD)
		link_timers_attempt_over(link);
}

static void seek_answer_again(struct ntm_link *link)
{
	int64_t wait_ms = ntm_retry_wait_ms(++link->wait_count);

	if (wait_ms < 0) {
		if (link->final)
			link_final_unheard(link);
		else
			link_handshake_start(link, true);
		return;
	}
	wait_for(link, LINK_WAIT_HEARD, wait_ms);
	if (link->final)
		link_final_resend(link);
	else
		link_send_keepalive(link);
}

static void on_attempt(void *arg)
{
	struct ntm_link *link = arg;
	struct ntm_links *links = link->links;
	enum link_wait wait = link->wait;

	links_enter(links);
	link->wait = LINK_WAIT_NONE;
	switch (wait) {
	case LINK_WAIT_NONE:
		break;
	case LINK_WAIT_ANSWER:
		if (link->wait_count < NTM_RETRY_SENDINGS)
			link_handshake_resend(link);
		else
			link_handshake_give_up(link);
		break;
	case LINK_WAIT_ROUND:
		link_handshake_start(link, true);
		break;
	case LINK_WAIT_PEER:
		if (link->persistent)
			link_handshake_start(link, true);
		else
			link_lose(link, NTM_DOWN_NO_ANSWER);
		break;
	case LINK_WAIT_HEARD:
		seek_answer_again(link);
		break;
	}
	links_leave(links);
}

/* ---- age ---- */

static int64_t sooner(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static int64_t rekey_at(const struct ntm_link *link)
{
	const struct ntm_link_times *times = &link->links->times;
	const struct ntm_session *session = &link->cur->session;

	return session->born_ms +
	       (session->initiator ? times->rekey_ms : (times->rekey_ms + times->reject_ms) / 2);
}

static int64_t end_of(const struct ntm_link *link, const struct link_slot *slot)
{
	return slot ? slot->session.born_ms + link->links->times.reject_ms : -1;
}

static void arm_age(struct ntm_link *link)
{
	int64_t now_ms = links_now(link->links);
	int64_t at_ms = sooner(end_of(link, link->cur),
			       sooner(end_of(link, link->prev), end_of(link, link->next)));

	if (link->cur && rekey_at(link) > now_ms)
		at_ms = sooner(at_ms, rekey_at(link));
	if (at_ms < 0)
		disarm(link, &link->age);
	else
		arm(link, &link->age, at_ms - now_ms);
}

/* An idle link that may end is left to end; the next data is asked again. */
static void rekey_if_due(struct ntm_link *link)
{
	bool is_busy =
		link->final || (link->wait != LINK_WAIT_NONE && link->wait != LINK_WAIT_HEARD);

	if (link_is_alive(link) && rekey_at(link) <= links_now(link->links) && !is_busy &&
	    (link->persistent || link->cur->used))
		link_handshake_start(link, false);
}

static void on_age(void *arg)
{
	struct ntm_link *link = arg;
	struct ntm_links *links = link->links;
	int64_t now_ms = links_now(links);

	links_enter(links);
	if (link->prev && end_of(link, link->prev) <= now_ms)
		link_slot_drop(link, &link->prev);
	if (link->next && end_of(link, link->next) <= now_ms)
		link_slot_drop(link, &link->next);
	if (link->cur && end_of(link, link->cur) <= now_ms)
		link_on_expired(link);
	else
		rekey_if_due(link);
	if (!link->dead)
		arm_age(link);
	links_leave(links);
}

/* ---- alive and silence ---- */

static int64_t keepalive_at(const struct ntm_link *link)
{
	int64_t at_ms = -1;

	if (!link_is_alive(link))
		return -1;
	if (link->owed_ms >= 0)
		at_ms = link->owed_ms + link->links->times.passive_keepalive_ms;
	if (link->keepalive_ms > 0)
		at_ms = sooner(at_ms, link->last_out_ms + link->keepalive_ms +
					      (link->paths ? PROBE_FIRST_MS : 0));
	return at_ms;
}

/* Moves the timer only to an earlier time. */
static void arm_alive(struct ntm_link *link)
{
	int64_t at_ms = keepalive_at(link);

	if (at_ms < 0 || (ntm_timer_armed(&link->alive) && link->alive.due_ms <= at_ms))
		return;
	arm(link, &link->alive, at_ms - links_now(link->links));
}

static void on_alive(void *arg)
{
	struct ntm_link *link = arg;
	int64_t at_ms = keepalive_at(link);

	if (at_ms >= 0 && at_ms <= links_now(link->links))
		link_send_keepalive(link);
	arm_alive(link);
}

static void on_silence(void *arg)
{
	struct ntm_link *link = arg;
	int64_t left_ms;

	if (link->unanswered_ms < 0 || !link_is_alive(link))
		return;
	left_ms = link->unanswered_ms + link->links->times.silence_ms - links_now(link->links);
	if (left_ms > 0) {
		arm(link, &link->silence, left_ms);
		return;
	}
	link->unanswered_ms = -1;
	link->doubted = true;
	if (link->wait != LINK_WAIT_ROUND)
		link_handshake_start(link, true);
}

void link_timers_sent(struct ntm_link *link, bool is_data)
{
	int64_t now_ms = links_now(link->links);

	link->last_out_ms = now_ms;
	link->owed_ms = -1;
	if (!is_data)
		return;
	if (link->unanswered_ms < 0)
		link->unanswered_ms = now_ms;
	if (!ntm_timer_armed(&link->silence))
		arm(link, &link->silence, link->links->times.silence_ms);
	rekey_if_due(link);
}

void link_timers_heard(struct ntm_link *link, bool is_data)
{
	link->unanswered_ms = -1;
	if (!is_data)
		return;
	if (link->owed_ms < 0)
		link->owed_ms = links_now(link->links);
	arm_alive(link);
	rekey_if_due(link);
}

void link_timers_keepalive_changed(struct ntm_link *link)
{
	arm_alive(link);
}

/* ---- all ---- */

void link_timers_sessions_changed(struct ntm_link *link)
{
	arm_age(link);
	arm_alive(link);
}

void link_timers_init(struct ntm_link *link)
{
	ntm_timer_init(&link->attempt, on_attempt, link);
	ntm_timer_init(&link->age, on_age, link);
	ntm_timer_init(&link->alive, on_alive, link);
	ntm_timer_init(&link->silence, on_silence, link);
	link->wait = LINK_WAIT_NONE;
	link->owed_ms = -1;
	link->unanswered_ms = -1;
	link->last_out_ms = links_now(link->links);
}

void link_timers_stop(struct ntm_link *link)
{
	link_timers_attempt_over(link);
	disarm(link, &link->age);
	disarm(link, &link->alive);
	disarm(link, &link->silence);
	link->owed_ms = -1;
	link->unanswered_ms = -1;
}

/* ---- pending ---- */

static void on_pending(void *arg)
{
	link_pending_expire(arg);
}

void links_timers_init(struct ntm_links *links)
{
	ntm_timer_init(&links->pending_end, on_pending, links);
}

void links_timers_pending(struct ntm_links *links, int64_t end_ms)
{
	if (end_ms < 0)
		ntm_timer_del(links->timers, &links->pending_end);
	else
		ntm_timer_set(links->timers, &links->pending_end, end_ms - links_now(links));
}
