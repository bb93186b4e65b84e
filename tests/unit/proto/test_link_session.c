/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions over time: rekeying that loses nothing, expiry, silence, suspend. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/linkworld.h"

/* Data both ways, every gap_ms. Returns the next number. */
static uint32_t talk(struct world *w, int64_t for_ms, int64_t gap_ms, uint32_t seq)
{
	for (int64_t t = 0; t < for_ms; t += gap_ms, seq++) {
		assert_int_equal(send_seq(&w->host[0], seq), 0);
		assert_int_equal(send_seq(&w->host[1], seq), 0);
		run(w, gap_ms);
	}
	return seq;
}

static void assert_all_seen(const struct host *h, uint32_t from, uint32_t to)
{
	for (uint32_t seq = from; seq < to; seq++)
		assert_true(has_seq(h, seq));
	assert_int_equal(h->doubles, 0);
}

static void rekey_loses_nothing(void **unused)
{
	struct world *w = world_e2e(1);
	struct host *a = &w->host[0], *b = &w->host[1];
	uint32_t seq, index = a->link->cur->session.local_index;

	(void)unused;
	w->jitter_ms = 30; /* overtaking, also over a rekey */
	seq = talk(w, 600000, 20, 0);
	run(w, 100);
	assert_all_seen(a, 0, seq);
	assert_all_seen(b, 0, seq);
	/* 10 minutes at 120 s: four more handshakes, the fifth just begins or has begun. */
	assert_in_range(stats_of(a).handshakes, 5, 6);
	assert_int_equal(stats_of(a).handshakes, stats_of(b).handshakes);
	assert_int_equal(a->up, stats_of(a).handshakes);
	assert_int_equal(a->fresh, 1);
	assert_int_equal(b->fresh, 1);
	assert_int_equal(a->down + b->down, 0);
	assert_int_not_equal(a->link->cur->session.local_index, index);
	assert_int_equal(ntm_links_counters(a->links)->unknown_index, 0);
	assert_int_equal(ntm_links_counters(b->links)->bad_tag, 0);
	world_free(w);
}

static void rekey_on_a_bad_wire(void **unused)
{
	(void)unused;
	for (uint64_t seed = 10; seed < 20; seed++) {
		struct world *w = world_e2e(seed);
		struct host *a = &w->host[0], *b = &w->host[1];

		w->loss_percent = 30;
		w->copy_percent = 10;
		w->jitter_ms = 80;
		talk(w, 600000, 100, 0);
		w->loss_percent = 0;
		run(w, 200);
		/* Whatever the wire delivered was opened, once. */
		assert_int_equal(a->down + b->down, 0);
		assert_int_equal(a->fresh + b->fresh, 2);
		assert_int_equal(a->doubles + b->doubles, 0);
		assert_int_equal(w->strays, 0);
		assert_int_equal(ntm_links_counters(a->links)->bad_tag, 0);
		assert_int_equal(ntm_links_counters(b->links)->bad_tag, 0);
		assert_in_range(stats_of(a).handshakes, 5, 9);
		assert_talk(w, a, b, 60000);
		world_free(w);
	}
}

static void idle_end_to_end_link_ends(void **unused)
{
	struct world *w = world_e2e(2);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	run(w, 180000 - 200);
	assert_int_equal(a->down + b->down, 0);
	run(w, 200);
	assert_int_equal(a->down, 1);
	assert_int_equal(b->down, 1);
	assert_int_equal(a->why, NTM_DOWN_EXPIRED);
	assert_int_equal(b->why, NTM_DOWN_EXPIRED);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 1);
	assert_int_equal(send_seq(a, 1), -ENOTCONN);
	assert_int_equal(stats_of(a).session_age_ms, -1);
	world_free(w);
}

/* Data in the last minute finds old keys: it goes out under them, and new ones are made. */
static void late_data_rekeys(void **unused)
{
	(void)unused;
	for (int sender = 0; sender < 2; sender++) {
		struct world *w = world_e2e(3);
		struct host *a = &w->host[0], *b = &w->host[1];

		run(w, 170000);
		assert_int_equal(w->sent[NTM_FRAME_INITIATION], 1);
		assert_int_equal(send_seq(&w->host[sender], 1), 0);
		run(w, 100);
		assert_true(has_seq(&w->host[1 - sender], 1));
		assert_int_equal(stats_of(a).handshakes, 2);
		run(w, 60000);
		assert_talk(w, a, b, 2);
		world_free(w);
	}
}

/* Only the responder of the session sends: the initiator renews all the same. */
static void one_way_data(void **unused)
{
	(void)unused;
	for (int sender = 0; sender < 2; sender++) {
		struct world *w = world_e2e(4);
		struct host *h = &w->host[sender], *other = &w->host[1 - sender];
		uint32_t seq;

		for (seq = 0; seq < 6000; seq++) {
			assert_int_equal(send_seq(h, seq), 0);
			run(w, 100);
		}
		assert_all_seen(other, 0, seq);
		assert_int_equal(h->down + other->down, 0);
		assert_in_range(stats_of(h).handshakes, 5, 6);
		world_free(w);
	}
}

static bool cut_initiations_of_a(struct world *w, const struct packet *p)
{
	return p->data[0] != NTM_FRAME_INITIATION || !ntm_addr_eq(&p->from, &w->host[0].addr[0]) ||
	       w->filter_count++ == 0;
}

/* The initiator's INITIATIONs do not get through any more: the other side begins at half time. */
static void other_side_rekeys(void **unused)
{
	struct world *w = world_e2e(5);
	struct host *a = &w->host[0], *b = &w->host[1];
	uint32_t seq;

	(void)unused;
	w->filter_count = 1;
	w->filter = cut_initiations_of_a;
	seq = talk(w, 170000, 100, 0);
	run(w, 100);
	assert_all_seen(a, 0, seq);
	assert_all_seen(b, 0, seq);
	assert_int_equal(stats_of(a).handshakes, 2);
	assert_false(stats_of(a).initiator);
	assert_true(stats_of(b).initiator);
	world_free(w);
}

static void dead_peer(void **unused)
{
	struct world *w = world_e2e(6);
	struct host *a = &w->host[0];
	int64_t cut_ms = w->timers.now_ms;

	(void)unused;
	w->filter = drop_all;
	assert_int_equal(send_seq(a, 1), 0);
	run(w, 14999);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 1);
	run(w, 1);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 2);
	assert_int_equal(w->sent_at[1], cut_ms + 15000);
	/* Again and again while the keys live, and then it says so. */
	while (a->down == 0 && w->timers.now_ms < cut_ms + 200000) {
		(void)send_seq(a, 2);
		run(w, 1000);
	}
	assert_int_equal(a->down, 1);
	assert_int_equal(a->why, NTM_DOWN_EXPIRED);
	assert_in_range(w->timers.now_ms - cut_ms, 179000, 181000);
	assert_in_range(w->sent[NTM_FRAME_INITIATION], 1 + 4 * 15, 1 + 4 * 22);
	run(w, 60000);
	assert_in_range(w->sent[NTM_FRAME_INITIATION], 1 + 4 * 15, 1 + 4 * 22);
	world_free(w);
}

static void persistent_link_comes_back(void **unused)
{
	struct world *w = world_new(7);
	struct host *node = &w->host[0], *dc = &w->host[1];

	(void)unused;
	open_node(node, dc);
	run(w, 100);
	w->filter = drop_all;
	run(w, 200000);
	assert_int_equal(node->down, 1);
	assert_int_equal(node->why, NTM_DOWN_EXPIRED);
	assert_int_equal(ntm_link_state(node->link), NTM_LINK_CONNECTING);
	assert_int_equal(send_seq(node, 1), -ENOTCONN);
	assert_int_equal(dc->down, 1);
	assert_int_equal(dc->why, NTM_DOWN_EXPIRED);
	assert_int_equal(ntm_link_state(dc->link), NTM_LINK_CLOSED);
	w->filter = NULL;
	run(w, 10000);
	assert_int_equal(node->fresh, 2);
	assert_int_equal(dc->fresh, 2);
	assert_int_equal(dc->accepts, 1); /* the link was still there */
	assert_talk(w, node, dc, 2);
	world_free(w);
}

static void persistent_link_renews_when_idle(void **unused)
{
	struct world *w = world_new(8);
	struct host *node = &w->host[0], *dc = &w->host[1];

	(void)unused;
	open_node(node, dc);
	run(w, 3600000);
	assert_int_equal(node->down + dc->down, 0);
	assert_in_range(stats_of(node).handshakes, 29, 30);
	assert_talk(w, node, dc, 1);
	world_free(w);
}

static void persistent_link_after_close(void **unused)
{
	struct world *w = world_new(9);
	struct host *node = &w->host[0], *dc = &w->host[1];

	(void)unused;
	open_node(node, dc);
	run(w, 100);
	ntm_link_close(dc->link, 1);
	ntm_link_free(dc->link);
	run(w, 4900);
	assert_int_equal(node->down, 1);
	assert_int_equal(node->why, NTM_DOWN_CLOSED);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 1); /* gives it some time */
	run(w, 5000);
	assert_int_equal(node->fresh, 2);
	assert_int_equal(dc->accepts, 2);
	assert_talk(w, node, dc, 1);
	world_free(w);
}

/* CLOSE while the peer's new session waits for its first packet: also then it is down. */
static void persistent_link_after_close_while_rekeying(void **unused)
{
	struct world *w = world_new(12);
	struct host *node = &w->host[0], *dc = &w->host[1];

	(void)unused;
	open_node(node, dc);
	run(w, 100);
	dc->deaf[0] = dc->deaf[1] = true; /* the RESPONSE is lost */
	ntm_link_restart(dc->link, NULL, 0);
	run(w, 20);
	ntm_link_close(dc->link, 1);
	ntm_link_free(dc->link);
	run(w, 60000);
	assert_int_equal(ntm_link_state(node->link), NTM_LINK_CONNECTING);
	assert_int_equal(node->down, 1);
	assert_int_equal(node->why, NTM_DOWN_CLOSED);
	world_free(w);
}

/* The machine slept for an hour: what it wakes up with is too old to be used. */
static void suspend(void **unused)
{
	struct world *w = world_new(10);
	struct host *node = &w->host[0], *dc = &w->host[1];

	(void)unused;
	open_node(node, dc);
	run(w, 100);
	set_time(w, w->timers.now_ms + 3600000);
	assert_int_equal(send_seq(node, 1), -ENOTCONN); /* before any timer ran */
	run(w, 100);
	assert_int_equal(node->down, 1);
	assert_int_equal(node->fresh, 2);
	assert_int_equal(dc->fresh, 2);
	assert_talk(w, node, dc, 2);
	world_free(w);
}

/* A session that is too old opens nothing, even before its timer fires. */
static void too_old_to_open(void **unused)
{
	struct world *w = world_e2e(11);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet p;

	(void)unused;
	w->filter = drop_all;
	assert_int_equal(send_seq(a, 1), 0);
	p = w->last[NTM_FRAME_TRANSPORT];
	set_time(w, w->timers.now_ms + 180000);
	hand_over(b, &p);
	assert_false(has_seq(b, 1));
	assert_int_equal(ntm_links_counters(b->links)->unknown_index, 1);
	world_free(w);
}

static void short_times(void **unused)
{
	struct world *w = world_new(12);
	struct host *a = &w->host[0], *b = &w->host[1];
	uint32_t seq;

	(void)unused;
	w->times = (struct ntm_link_times){.rekey_ms = 2000,
					   .reject_ms = 3000,
					   .retry_ms = 500,
					   .passive_keepalive_ms = 300,
					   .silence_ms = 600};
	for (size_t i = 0; i < 2; i++)
		reboot(&w->host[i]);
	open_e2e(b, a, false);
	open_e2e(a, b, true);
	run(w, 100);
	seq = talk(w, 60000, 20, 0);
	run(w, 50);
	assert_all_seen(a, 0, seq);
	assert_all_seen(b, 0, seq);
	assert_in_range(stats_of(a).handshakes, 28, 31);
	world_free(w);
}

static void replayed_transport(void **unused)
{
	struct world *w = world_e2e(13);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet p;

	(void)unused;
	assert_int_equal(send_seq(a, 1), 0);
	p = w->last[NTM_FRAME_TRANSPORT];
	run(w, 50);
	for (int i = 0; i < 10; i++)
		inject(w, &p);
	run(w, 50);
	assert_int_equal(b->inputs, 1);
	assert_int_equal(ntm_links_counters(b->links)->replay, 10);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rekey_loses_nothing),
		cmocka_unit_test(rekey_on_a_bad_wire),
		cmocka_unit_test(idle_end_to_end_link_ends),
		cmocka_unit_test(late_data_rekeys),
		cmocka_unit_test(one_way_data),
		cmocka_unit_test(other_side_rekeys),
		cmocka_unit_test(dead_peer),
		cmocka_unit_test(persistent_link_comes_back),
		cmocka_unit_test(persistent_link_renews_when_idle),
		cmocka_unit_test(persistent_link_after_close),
		cmocka_unit_test(persistent_link_after_close_while_rekeying),
		cmocka_unit_test(suspend),
		cmocka_unit_test(too_old_to_open),
		cmocka_unit_test(short_times),
		cmocka_unit_test(replayed_transport),
	};

	world_seed(0);
	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
