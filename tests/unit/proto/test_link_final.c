/* SPDX-License-Identifier: BSD-2-Clause */
/* XX and its sessions: both sides at once, rekeying that loses nothing, restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/linkworld.h"

/* ---- both at once ---- */

static bool lose_finals_of_higher(struct world *w, const struct packet *p)
{
	return p->data[0] != NTM_FRAME_FINAL || !ntm_addr_eq(&p->from, &w->host[1].addr[0]);
}

static bool lose_finals_of_lower(struct world *w, const struct packet *p)
{
	return p->data[0] != NTM_FRAME_FINAL || !ntm_addr_eq(&p->from, &w->host[0].addr[0]);
}

/* Data in flight both ways while both begin: nothing is lost, and one session is left. */
static void check_crossing(struct world *w, int64_t until_ms)
{
	struct host *a = &w->host[0], *b = &w->host[1];
	uint32_t seq = 100, first_a = 0, first_b = 0;

	for (int64_t t = 0; t < until_ms; t += 2, seq++) {
		bool is_sent_a = a->link && send_seq(a, seq) == 0;
		bool is_sent_b = b->link && send_seq(b, seq) == 0;

		if (is_sent_a && !first_a)
			first_a = seq;
		if (is_sent_b && !first_b)
			first_b = seq;
		run(w, 2);
	}
	run(w, 200);
	assert_true(first_a && first_b);
	for (uint32_t i = first_a; i < seq; i++)
		assert_true(has_seq(b, i));
	for (uint32_t i = first_b; i < seq; i++)
		assert_true(has_seq(a, i));
	assert_int_equal(a->down + b->down, 0);
	assert_int_equal(ntm_links_count(a->links), 1);
	assert_int_equal(ntm_links_count(b->links), 1);
	assert_true(is_static(a, b));
	assert_true(is_static(b, a));
	assert_int_equal(a->link->cur->session.local_index, b->link->cur->session.remote_index);
	assert_true(stats_of(a).initiator != stats_of(b).initiator);
	assert_null(a->link->final);
	assert_null(b->link->final);
}

static void crossing(void **unused)
{
	(void)unused;
	/* The second begins so many ms after the first, who is the lower or the higher. */
	for (int64_t gap_ms = -9; gap_ms <= 9; gap_ms++) {
		struct world *w = world_dcs(14);
		struct host *a = &w->host[0], *b = &w->host[1];
		struct host *first = gap_ms < 0 ? b : a, *second = gap_ms < 0 ? a : b;

		open_dc(first, second->addr, 1);
		run(w, gap_ms < 0 ? -gap_ms : gap_ms);
		open_dc(second, first->addr, 1);
		check_crossing(w, 600);
		assert_int_equal(w->sent[NTM_FRAME_INITIATION], 2);
		assert_true(stats_of(a).initiator); /* the lower */
		/* And on: rekeys, by one side. */
		for (uint32_t i = 0; i < 300; i++) {
			assert_talk(w, a, b, 1000 + i);
			run(w, 1000);
		}
		assert_in_range(w->sent[NTM_FRAME_INITIATION], 4, 5);
		world_free(w);
	}
}

/* The FINAL arrives before the RESPONSE to our own attempt, whose peer is not known yet. */
static void crossing_before_response(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 4; i++) {
		struct world *w = world_dcs(15);
		struct host *a = &w->host[i % 2], *b = &w->host[1 - i % 2];
		bool adopts = i >= 2;
		struct ntm_link *own;

		open_dc(a, b->addr, 1);
		run(w, 15);
		open_dc(b, a->addr, 1);
		own = b->link;
		if (adopts)
			b->reply.link = own;
		w->filter = i % 2 ? lose_finals_of_lower : lose_finals_of_higher;
		run(w, 20);
		assert_int_equal(a->up, 1);
		assert_int_equal(b->up, 1);
		assert_true((b->link == own) == adopts);
		assert_talk(w, a, b, 1);
		run(w, 4000);
		assert_talk(w, a, b, 2);
		assert_int_equal(b->down, !adopts);
		assert_int_equal(ntm_link_state(own) == NTM_LINK_UP, adopts);
		assert_int_equal(ntm_links_count(b->links), 2 - adopts);
		world_free(w);
	}
}

/* One of the two never comes through. */
static void crossing_half(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		struct world *w = world_dcs(16);
		struct host *a = &w->host[0], *b = &w->host[1];

		w->filter = i ? lose_finals_of_lower : lose_finals_of_higher;
		open_dc(a, b->addr, 1);
		open_dc(b, a->addr, 1);
		run(w, 3500);
		assert_int_equal(a->down + b->down, 0);
		assert_talk(w, a, b, 1);
		w->filter = NULL;
		for (uint32_t k = 0; k < 300; k++) {
			assert_talk(w, a, b, 1000 + k);
			run(w, 1000);
		}
		assert_int_equal(a->down + b->down, 0);
		world_free(w);
	}
}

static void crossing_rekey(void **unused)
{
	(void)unused;
	for (int64_t gap_ms = -30; gap_ms <= 30; gap_ms += 3) {
		struct world *w = world_xx(17);
		struct host *a = &w->host[0], *b = &w->host[1];
		struct host *first = gap_ms < 0 ? b : a, *second = gap_ms < 0 ? a : b;

		link_handshake_start(first->link, false);
		run(w, gap_ms < 0 ? -gap_ms : gap_ms);
		link_handshake_start(second->link, false);
		check_crossing(w, 1000);
		world_free(w);
	}
}

/* ---- over time ---- */

static void rekeys(struct world *w, int64_t for_ms, int64_t gap_ms)
{
	struct host *a = &w->host[0], *b = &w->host[1];
	uint32_t seq = 0;

	for (int64_t t = 0; t < for_ms; t += gap_ms, seq++) {
		assert_int_equal(send_seq(a, seq), 0);
		assert_int_equal(send_seq(b, seq), 0);
		run(w, gap_ms);
	}
	run(w, 300);
	assert_int_equal(a->down + b->down, 0);
	assert_int_equal(a->fresh + b->fresh, 2);
	assert_int_equal(a->doubles + b->doubles, 0);
	for (uint32_t i = 0; i < seq && w->loss_percent == 0; i++) {
		assert_true(has_seq(a, i));
		assert_true(has_seq(b, i));
	}
}

static void rekey_loses_nothing(void **unused)
{
	struct world *w = world_xx(18);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	w->jitter_ms = 30;
	rekeys(w, 900000, 20);
	assert_in_range(stats_of(a).handshakes, 7, 8);
	assert_int_equal(stats_of(a).handshakes, stats_of(b).handshakes);
	assert_int_equal(a->up, stats_of(a).handshakes);
	assert_int_equal(ntm_links_counters(b->links)->unknown_index, 0);
	assert_int_equal(ntm_links_counters(a->links)->bad_tag, 0);
	world_free(w);
}

/* Each new session is refused at first; the old one goes on meanwhile. */
static bool refuse_new_ones(struct world *w, const struct packet *p)
{
	if (p->data[0] == NTM_FRAME_RESPONSE)
		w->host[1].refusals = 2;
	return true;
}

static void rekey_refused_at_first(void **unused)
{
	struct world *w = world_xx(19);

	(void)unused;
	w->jitter_ms = 5;
	w->filter = refuse_new_ones;
	rekeys(w, 600000, 50);
	assert_in_range(stats_of(&w->host[0]).handshakes, 5, 6);
	assert_in_range(w->sent[NTM_FRAME_FINAL], 10, 16);
	world_free(w);
}

static void rekey_refused_for_good(void **unused)
{
	struct world *w = world_xx(20);
	struct host *a = &w->host[0], *b = &w->host[1];
	uint32_t seq = 0;

	(void)unused;
	/* Neither takes what the other begins. */
	a->accept_result = b->accept_result = -EACCES;
	for (; seq < 1700; seq++) {
		assert_int_equal(send_seq(a, seq), 0);
		run(w, 100);
		assert_true(has_seq(b, seq));
	}
	assert_int_equal(a->down, 0);
	run(w, 20000);
	assert_int_equal(a->down, 1);
	assert_int_equal(a->why, NTM_DOWN_EXPIRED);
	assert_int_equal(b->down, 1);
	assert_int_equal(ntm_map_count(a->links->by_index), 0);
	run(w, 6000);
	assert_int_equal(ntm_map_count(b->links->by_index), 0);
	world_free(w);
}

static void bad_wire(void **unused)
{
	(void)unused;
	for (uint64_t seed = 30; seed < 40; seed++) {
		struct world *w = world_xx(seed);
		struct host *a = &w->host[0], *b = &w->host[1];

		w->loss_percent = 30;
		w->copy_percent = 10;
		w->jitter_ms = 80;
		rekeys(w, 600000, 100);
		w->loss_percent = 0;
		run(w, 6000);
		assert_int_equal(ntm_links_counters(a->links)->bad_tag, 0);
		assert_int_equal(ntm_links_counters(b->links)->bad_tag, 0);
		assert_in_range(stats_of(a).handshakes, 5, 12);
		assert_talk(w, a, b, 60000);
		world_free(w);
	}
}

static void idle_ends(void **unused)
{
	struct world *w = world_xx(21);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	run(w, 200000);
	assert_int_equal(a->down, 1);
	assert_int_equal(b->down, 1);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 1);
	ntm_link_restart(a->link, NULL, 0);
	run(w, 100);
	assert_talk(w, a, b, 1);
	world_free(w);
}

static void persistent_link(void **unused)
{
	struct world *w = world_dcs(22);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct ntm_link_args args = {.purpose = NTM_PURPOSE_DC,
				     .candidate_count = 1,
				     .candidates = b->addr,
				     .initiator = true,
				     .persistent = true};

	(void)unused;
	b->accept_result = -EACCES;
	assert_int_equal(ntm_link_open(a->links, &args, &a->link), 0);
	run(w, 60000);
	/* A round is 3 s, then at least 5 s. */
	assert_in_range(w->sent[NTM_FRAME_INITIATION], 5, 8);
	assert_int_equal(a->up, a->fresh);
	b->accept_result = 0;
	run(w, 10000);
	assert_talk(w, a, b, 1);
	world_free(w);
}

static void either_side_restarts(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 4; i++) {
		struct world *w = world_xx(23);
		struct host *a = &w->host[0], *b = &w->host[1];
		struct host *gone = i % 2 ? a : b, *stays = i % 2 ? b : a;

		assert_talk(w, a, b, 1);
		if (i >= 2) { /* with another key */
			ntm_keys_make(&gone->keys);
			gone->reply.link = NULL;
		}
		reboot(gone);
		ntm_link_restart(stays->link, NULL, 0);
		run(w, 25);
		/* The old session is not trusted any more: the new one is used at once. */
		assert_int_equal(send_seq(stays, 9), 0);
		run(w, 100);
		assert_true(has_seq(gone, 9));
		assert_talk(w, a, b, 2);
		assert_true(is_static(stays, gone));
		assert_int_equal(ntm_links_count(stays->links), 1);
		assert_int_equal(stays->down, 0);
		assert_int_equal(stays->fresh, 1);
		world_free(w);
	}
}

/* It begins itself, and the owner knows it again. */
static void peer_comes_with_another_key(void **unused)
{
	struct world *w = world_xx(45);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct ntm_link *link = a->link;

	(void)unused;
	assert_talk(w, a, b, 1);
	ntm_keys_make(&b->keys);
	reboot(b);
	a->reply.link = link;
	open_dc(b, a->addr, 1);
	run(w, 100);
	assert_ptr_equal(a->link, link);
	assert_true(is_static(a, b));
	assert_int_equal(ntm_links_count(a->links), 1);
	assert_talk(w, a, b, 2);
	assert_int_equal(a->down, 0);
	world_free(w);
}

/* In each state that a link can be in, at each moment of a handshake. */
static void restart_at_any_time(void **unused)
{
	(void)unused;
	for (int64_t at_ms = 0; at_ms < 80; at_ms += 5) {
		for (size_t i = 0; i < 2; i++) {
			struct world *w = world_xx(24);
			struct host *a = &w->host[0], *b = &w->host[1];
			struct host *who = i ? a : b;

			link_handshake_start(a->link, at_ms % 2);
			run(w, at_ms);
			ntm_link_restart(who->link, NULL, 0);
			assert_null(who->link->final);
			run(w, 3000);
			assert_talk(w, a, b, 1);
			assert_int_equal(a->down + b->down, 0);
			ntm_link_close(who->link, 1);
			ntm_link_restart(who->link, NULL, 0);
			run(w, 3000);
			assert_talk(w, a, b, 2);
			world_free(w);
		}
	}
}

/* The new session's first packet comes from elsewhere: that has to be tried first. */
static void rekey_and_move(void **unused)
{
	struct world *w = world_xx(40);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	link_handshake_start(a->link, false);
	run(w, 25);
	b->source = 1;
	run(w, 16);
	assert_int_equal(a->up, 2);
	assert_true(ntm_addr_eq(ntm_link_remote(a->link), &b->addr[0]));
	assert_int_equal(a->moved, 0);
	run(w, 50);
	assert_int_equal(a->moved, 1);
	assert_true(ntm_addr_eq(ntm_link_remote(a->link), &b->addr[1]));
	assert_talk(w, a, b, 1);
	world_free(w);
}

/* What the peer closes is closed, also with a new session on its way that it does not take. */
static void closed_while_rekeying(void **unused)
{
	struct world *w = world_xx(41);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	b->accept_result = -EACCES;
	link_handshake_start(a->link, false);
	run(w, 50);
	assert_non_null(a->link->next);
	ntm_link_close(b->link, 1);
	run(w, 50);
	assert_int_equal(a->down, 1);
	assert_int_equal(a->why, NTM_DOWN_CLOSED);
	/* And stays closed, until its owner opens it. */
	b->accept_result = 0;
	ntm_link_restart(a->link, NULL, 0);
	run(w, 4000);
	assert_int_equal(ntm_link_state(b->link), NTM_LINK_CLOSED);
	assert_int_equal(a->down, 2);
	assert_int_equal(b->up, 1);
	ntm_link_restart(b->link, NULL, 0);
	run(w, 100);
	assert_talk(w, a, b, 1);
	world_free(w);
}

/* A session that the owner has given up does not come back later. */
static void restarted_while_rekeying(void **unused)
{
	struct world *w = world_xx(44);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	b->refusals = 1;
	link_handshake_start(a->link, false);
	run(w, 50);
	assert_non_null(a->link->next);
	ntm_link_restart(a->link, NULL, 0);
	run(w, 100);
	assert_null(a->link->next);
	assert_int_equal(a->up, 2);
	assert_int_equal(b->up, 2);
	assert_talk(w, a, b, 1);
	world_free(w);
}

static void expired_while_rekeying(void **unused)
{
	struct world *w = world_xx(42);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	b->accept_result = -EACCES;
	run(w, 179000);
	assert_int_equal(a->down, 0);
	link_handshake_start(a->link, false);
	run(w, 1200);
	assert_int_equal(a->down, 1);
	assert_int_equal(a->why, NTM_DOWN_EXPIRED);
	assert_int_equal(ntm_map_count(a->links->by_index), 0);
	world_free(w);
}

static bool lose_initiations_of_lower(struct world *w, const struct packet *p)
{
	return p->data[0] != NTM_FRAME_INITIATION || !ntm_addr_eq(&p->from, &w->host[0].addr[0]);
}

/* The peer's FINAL ends an attempt of ours, or the wait for the next. */
static void peer_is_faster(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		struct world *w = world_dcs(43);
		struct host *a = &w->host[0], *b = &w->host[1];
		struct ntm_link_args args = {.purpose = NTM_PURPOSE_DC,
					     .candidate_count = 1,
					     .candidates = b->addr,
					     .initiator = true,
					     .persistent = true};
		unsigned sent;

		w->filter = lose_initiations_of_lower;
		assert_int_equal(ntm_link_open(a->links, &args, &a->link), 0);
		a->reply.link = a->link;
		run(w, i ? 100 : 3500);
		assert_int_equal(a->link->wait, i ? LINK_WAIT_ANSWER : LINK_WAIT_ROUND);
		open_dc(b, a->addr, 1);
		run(w, 50);
		assert_int_equal(a->up, 1);
		sent = w->sent[NTM_FRAME_INITIATION];
		assert_null(a->link->hs);
		run(w, 20000);
		assert_int_equal(w->sent[NTM_FRAME_INITIATION], sent);
		assert_talk(w, a, b, 1);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crossing),
		cmocka_unit_test(crossing_before_response),
		cmocka_unit_test(crossing_half),
		cmocka_unit_test(crossing_rekey),
		cmocka_unit_test(rekey_loses_nothing),
		cmocka_unit_test(rekey_refused_at_first),
		cmocka_unit_test(rekey_refused_for_good),
		cmocka_unit_test(bad_wire),
		cmocka_unit_test(idle_ends),
		cmocka_unit_test(persistent_link),
		cmocka_unit_test(either_side_restarts),
		cmocka_unit_test(peer_comes_with_another_key),
		cmocka_unit_test(restart_at_any_time),
		cmocka_unit_test(rekey_and_move),
		cmocka_unit_test(closed_while_rekeying),
		cmocka_unit_test(restarted_while_rekeying),
		cmocka_unit_test(expired_while_rekeying),
		cmocka_unit_test(peer_is_faster),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
