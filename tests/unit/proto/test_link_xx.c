/* SPDX-License-Identifier: BSD-2-Clause */
/* XX, between DCs that know each other's addresses only: who accepts whom, what may be lost, both
 * at once, sessions over time, and what strangers can do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "link_pending.h"
#include "proto/linkworld.h"

static unsigned pending_count(const struct host *h)
{
	unsigned count = 0;

	for (size_t i = 0; i < LINKS_PENDING; i++)
		count += h->links->pending[i] != NULL;
	return count;
}

static bool is_static(const struct host *h, const struct host *peer)
{
	return memcmp(ntm_link_remote_static(h->link), peer->keys.pub, NTM_KEY_LEN) == 0;
}

/* ---- one handshake ---- */

static void both_ways(void **unused)
{
	struct world *w = world_dcs(1);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		struct host *from = i ? b : a, *to = i ? a : b;

		open_dc(from, to->addr, 1);
		assert_int_equal(ntm_links_count(from->links), 1);
		run(w, 40);
		assert_int_equal(from->up, 1);
		assert_int_equal(to->up, 1);
		assert_int_equal(from->verifies, 1);
		assert_int_equal(to->accepts, 1);
		assert_int_equal(from->last_len, 300);
		assert_int_equal(from->last[299], to - w->host);
		assert_int_equal(to->last_len, 300);
		assert_int_equal(to->last[0], from - w->host);
		assert_true(is_static(a, b));
		assert_true(is_static(b, a));
		assert_true(ntm_addr_eq(ntm_link_remote(from->link), &to->addr[0]));
		assert_true(ntm_addr_eq(ntm_link_remote(to->link), &from->addr[0]));
		assert_int_equal(stats_of(from).rtt_ms, 20);
		assert_true(stats_of(from).initiator);
		assert_false(stats_of(to).initiator);
		assert_talk(w, a, b, (uint32_t)i);
		/* The least that can be said: FINAL is answered by a keepalive. */
		run(w, 4000);
		assert_int_equal(w->sent[NTM_FRAME_INITIATION], i + 1);
		assert_int_equal(w->sent[NTM_FRAME_RESPONSE], i + 1);
		assert_int_equal(w->sent[NTM_FRAME_FINAL], i + 1);
		assert_int_equal(w->sent[NTM_FRAME_TRANSPORT], 3 * (i + 1));
		assert_int_equal(pending_count(to), 0);
		reboot(a);
		reboot(b);
		a->up = b->up = a->verifies = b->verifies = a->accepts = b->accepts = 0;
	}
	world_free(w);
}

static void lengths(void **unused)
{
	struct world *w = world_dcs(2);
	struct host *a = &w->host[0], *b = &w->host[1];
	static const struct {
		size_t hello_len;
		bool answered;
	} table[] = {{1, true},
		     {NTM_LINK_HELLO_MAX, true},
		     {NTM_LINK_HELLO_MAX + 1, false},
		     {0, false}};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		unsigned responses = w->sent[NTM_FRAME_RESPONSE];

		b->hello_len = table[i].hello_len;
		open_dc(a, b->addr, 1);
		run(w, 100);
		assert_int_equal(w->last[NTM_FRAME_INITIATION].len, 512);
		assert_int_equal(w->sent[NTM_FRAME_RESPONSE] > responses, table[i].answered);
		assert_int_equal(w->last[NTM_FRAME_RESPONSE].len <= 512, true);
		assert_int_equal(ntm_link_state(a->link) == NTM_LINK_UP, table[i].answered);
		assert_int_equal(pending_count(b), 0);
		reboot(a);
		reboot(b);
		run(w, 1000);
	}
	assert_int_equal(w->last[NTM_FRAME_RESPONSE].len, 512);
	assert_int_equal(w->last[NTM_FRAME_FINAL].len, 112 + 300);
	/* An initiator who says nothing of himself gets nowhere, and says nothing. */
	b->hello_len = 300;
	a->hello_len = 0;
	open_dc(a, b->addr, 1);
	run(w, 3500);
	assert_int_equal(w->sent[NTM_FRAME_FINAL], 2);
	assert_int_equal(a->down, 1);
	world_free(w);
}

static void open_checks(void **unused)
{
	struct world *w = world_dcs(3);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct ntm_link *link;
	static const uint8_t byte[1];

	(void)unused;
#define REFUSED(...)                                                              \
	do {                                                                      \
		struct ntm_link_args args = {.purpose = NTM_PURPOSE_DC,           \
					     .candidate_count = 1,                \
					     .candidates = b->addr,               \
					     __VA_ARGS__};                        \
		assert_int_equal(ntm_link_open(a->links, &args, &link), -EINVAL); \
	} while (0)
	REFUSED(.initiator = false);
	REFUSED(.initiator = true, .one_shot = true);
	REFUSED(.initiator = true, .payload = byte, .payload_len = 1);
	REFUSED(.initiator = true, .remote_static = a->keys.pub);
#undef REFUSED
	a->is_dc = false;
	reboot(a);
	{
		struct ntm_link_args args = {.purpose = NTM_PURPOSE_DC,
					     .candidate_count = 1,
					     .candidates = b->addr,
					     .initiator = true};

		assert_int_equal(ntm_link_open(a->links, &args, &link), -EINVAL);
	}
	/* A node does not answer either. */
	open_dc(b, a->addr, 1);
	run(w, 3500);
	assert_int_equal(ntm_links_counters(a->links)->refused, 4);
	assert_int_equal(ntm_links_counters(a->links)->frames_out, 0);
	assert_int_equal(b->down, 1);
	assert_int_equal(b->why, NTM_DOWN_NO_ANSWER);
	world_free(w);
}

/* Several attempts at once; each finds its own. */
static void many_attempts(void **unused)
{
	struct world *w = world_dcs(4);
	struct host *a = &w->host[0];
	struct ntm_link *link[3];
	static const uint8_t none[NTM_KEY_LEN];

	(void)unused;
	for (size_t i = 0; i < 3; i++) {
		open_dc(a, w->host[i + 1].addr, 1);
		link[i] = a->link;
		assert_memory_equal(ntm_link_remote_static(link[i]), none, NTM_KEY_LEN);
	}
	assert_int_equal(ntm_links_count(a->links), 3);
	run(w, 100);
	for (size_t i = 0; i < 3; i++) {
		a->link = link[i];
		assert_int_equal(ntm_link_state(link[i]), NTM_LINK_UP);
		assert_true(is_static(a, &w->host[i + 1]));
	}
	/* One more to a peer that has a link, and one to ourselves: both find nobody. */
	open_dc(a, w->host[1].addr, 1);
	link[0] = a->link;
	open_dc(a, a->addr, 1);
	run(w, 3500);
	assert_int_equal(ntm_link_state(a->link), NTM_LINK_CLOSED);
	assert_int_equal(ntm_link_state(link[0]), NTM_LINK_CLOSED);
	assert_int_equal(a->down, 2);
	assert_int_equal(a->verifies, 3);
	assert_int_equal(a->accepts, 0);
	world_free(w);
}

/* ---- who accepts whom ---- */

static void another_candidate(void **unused)
{
	struct world *w = world_dcs(5);
	struct host *a = &w->host[0], *b = &w->host[1], *c = &w->host[2];
	struct ntm_addr both[2] = {c->addr[0], b->addr[0]};

	(void)unused;
	/* c is nearer, and not the one. */
	a->only = b;
	b->deaf[0] = true;
	open_dc(a, both, 2);
	run(w, 100);
	assert_int_equal(a->up, 0);
	assert_int_equal(a->verifies, 1);
	assert_int_equal(ntm_links_counters(a->links)->refused, 1);
	b->deaf[0] = false;
	run(w, 400);
	assert_int_equal(a->up, 1);
	assert_true(is_static(a, b));
	assert_int_equal(c->up, 0);
	assert_int_equal(c->accepts, 0);
	assert_talk(w, a, b, 1);
	world_free(w);
}

static void candidate_comes_later(void **unused)
{
	struct world *w = world_dcs(6);
	struct host *a = &w->host[0], *b = &w->host[1], *c = &w->host[2];

	(void)unused;
	a->only = b;
	open_dc(a, c->addr, 1);
	run(w, 50);
	ntm_link_also(a->link, &b->addr[0]);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 2);
	run(w, 40);
	assert_int_equal(a->up, 1);
	/* Between two rounds: kept for the next. */
	ntm_link_free(a->link);
	ntm_link_free(b->link);
	b->link = NULL;
	open_dc(a, c->addr, 1);
	run(w, 3500);
	assert_int_equal(ntm_link_state(a->link), NTM_LINK_CLOSED);
	ntm_link_also(a->link, &b->addr[0]);
	ntm_link_also(a->link, &b->addr[0]);
	run(w, 100);
	assert_int_equal(a->up, 1);
	ntm_link_restart(a->link, NULL, 0);
	run(w, 100);
	assert_int_equal(a->up, 2);
	assert_true(is_static(a, b));
	world_free(w);
}

static void refused_at_first(void **unused)
{
	struct world *w = world_dcs(7);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	/* As if a DNS answer was awaited; on both sides. */
	a->refusals = 1;
	b->refusals = 2;
	open_dc(a, b->addr, 1);
	run(w, 230);
	assert_int_equal(a->up, 1);
	assert_int_equal(b->up, 0);
	assert_int_equal(pending_count(b), 1);
	run(w, 1000);
	assert_int_equal(b->accepts, 3);
	assert_int_equal(ntm_links_counters(b->links)->refused, 2);
	assert_int_equal(b->up, 1);
	assert_int_equal(pending_count(b), 0);
	assert_int_equal(w->sent[NTM_FRAME_FINAL], 3);
	assert_talk(w, a, b, 1);
	world_free(w);
}

static void refused_for_good(void **unused)
{
	struct world *w = world_dcs(8);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	b->accept_result = -EACCES;
	open_dc(a, b->addr, 1);
	run(w, 3200);
	assert_int_equal(b->accepts, NTM_RETRY_SENDINGS);
	assert_int_equal(a->up, 1);
	assert_int_equal(a->down, 1);
	assert_int_equal(a->why, NTM_DOWN_NO_ANSWER);
	assert_int_equal(ntm_link_state(a->link), NTM_LINK_CLOSED);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 1);
	assert_int_equal(ntm_links_count(b->links), 0);
	run(w, 3000);
	assert_int_equal(pending_count(b), 0);
	assert_int_equal(ntm_map_count(b->links->by_index), 0);
	assert_int_equal(ntm_map_count(b->links->by_answer), 0);
	/* And accepted in the end. */
	b->accept_result = 0;
	ntm_link_restart(a->link, NULL, 0);
	run(w, 100);
	assert_talk(w, a, b, 1);
	world_free(w);
}

static void verify_ends_it(void **unused)
{
	static const enum act acts[] = {ACT_FREE, ACT_CLOSE, ACT_RESTART};

	(void)unused;
	for (size_t i = 0; i < 3; i++) {
		struct world *w = world_dcs(9);
		struct host *a = &w->host[0], *b = &w->host[1];

		a->on_verify = acts[i];
		open_dc(a, b->addr, 1);
		run(w, 25);
		assert_int_equal(a->up, 0);
		assert_int_equal(w->sent[NTM_FRAME_FINAL], 0);
		a->on_verify = ACT_NONE;
		run(w, 5000);
		assert_int_equal(a->up, acts[i] == ACT_RESTART);
		world_free(w);
	}
}

static void callbacks_end_it(void **unused)
{
	static const enum act acts[] = {ACT_FREE, ACT_CLOSE, ACT_RESTART, ACT_SEND};

	(void)unused;
	for (size_t i = 0; i < 8; i++) {
		struct world *w = world_dcs(10);
		struct host *a = &w->host[0], *b = &w->host[1];

		(i < 4 ? a : b)->on_up = acts[i % 4];
		open_dc(a, b->addr, 1);
		run(w, 45);
		a->on_up = b->on_up = ACT_NONE;
		run(w, 10000);
		if (acts[i % 4] == ACT_SEND || acts[i % 4] == ACT_RESTART)
			assert_talk(w, a, b, 1);
		if (acts[i % 4] == ACT_SEND)
			assert_true(has_seq(i < 4 ? b : a, 7));
		world_free(w);
	}
}

/* ---- what is lost ---- */

static uint8_t lost_type;

static bool lose_first(struct world *w, const struct packet *p)
{
	return p->data[0] != lost_type || w->filter_count++ > 0;
}

static void first_is_lost(void **unused)
{
	(void)unused;
	for (lost_type = NTM_FRAME_INITIATION; lost_type <= NTM_FRAME_TRANSPORT; lost_type++) {
		struct world *w = world_dcs(11);
		struct host *a = &w->host[0], *b = &w->host[1];

		w->filter = lose_first;
		open_dc(a, b->addr, 1);
		run(w, 300);
		assert_int_equal(w->filter_count > 0, lost_type != NTM_FRAME_COOKIE);
		assert_int_equal(a->up, 1);
		assert_int_equal(b->up, 1);
		assert_int_equal(b->accepts, 1);
		assert_null(a->link->final);
		assert_int_equal(a->link->wait, LINK_WAIT_NONE);
		assert_int_equal(w->sent[NTM_FRAME_INITIATION], lost_type < 3 ? 2 : 1);
		assert_int_equal(w->sent[NTM_FRAME_FINAL],
				 lost_type == NTM_FRAME_FINAL || lost_type == NTM_FRAME_TRANSPORT
					 ? 2
					 : 1);
		assert_talk(w, a, b, 1);
		world_free(w);
	}
}

/* The INITIATION comes twice, from two addresses; the RESPONSE is the same. */
static void same_again(void **unused)
{
	struct world *w = world_dcs(12);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet p, first;

	(void)unused;
	a->deaf[0] = a->deaf[1] = true;
	open_dc(a, b->addr, 1);
	p = w->last[NTM_FRAME_INITIATION];
	run(w, 50);
	first = w->last[NTM_FRAME_RESPONSE];
	p.from = a->addr[1];
	hand_over(b, &p);
	assert_int_equal(w->sent[NTM_FRAME_RESPONSE], 2);
	assert_int_equal(w->last[NTM_FRAME_RESPONSE].len, first.len);
	assert_memory_equal(w->last[NTM_FRAME_RESPONSE].data, first.data, first.len);
	assert_true(ntm_addr_eq(&w->last[NTM_FRAME_RESPONSE].to, &a->addr[1]));
	assert_int_equal(pending_count(b), 1);
	/* Later than any round of attempts: somebody has recorded it. */
	run(w, 3500);
	w->filter = drop_all;
	hand_over(b, &p);
	assert_int_equal(ntm_links_counters(b->links)->replay, 1);
	assert_int_equal(w->sent[NTM_FRAME_RESPONSE], 2 + 3);
	world_free(w);
}

/* A FINAL that another host forwards, before the true one comes: it proves no address. */
static void forwarded_final(void **unused)
{
	struct world *w = world_dcs(13);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet p;

	(void)unused;
	open_dc(a, b->addr, 1);
	run(w, 20);
	p = w->last[NTM_FRAME_FINAL];
	p.from = w->host[3].addr[0];
	hand_over(b, &p);
	assert_int_equal(b->up, 1);
	assert_true(ntm_addr_eq(ntm_link_remote(b->link), &a->addr[0]));
	run(w, 100);
	assert_talk(w, a, b, 1);
	world_free(w);
}

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
	b->accept_result = -EACCES;
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
		run(w, 100);
		assert_talk(w, a, b, 2);
		assert_true(is_static(stays, gone));
		assert_int_equal(ntm_links_count(stays->links), 1);
		assert_int_equal(stays->down, 0);
		assert_int_equal(stays->fresh, 1);
		world_free(w);
	}
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

/* ---- strangers ---- */

/* Makes the checksum right again. */
static void checksum(struct packet *p)
{
	uint8_t key[NTM_KEY_LEN];

	ntm_mac1_key(key, ntm_static_unknown);
	ntm_mac_append(p->data, p->len - 2 * NTM_MAC_LEN, key, NULL);
}

struct facts {
	uint64_t frames_out;
	size_t indexes, answers, links;
	unsigned pending, up, accepts, verifies;
};

static struct facts facts_of(const struct host *h)
{
	return (struct facts){ntm_links_counters(h->links)->frames_out,
			      ntm_map_count(h->links->by_index),
			      ntm_map_count(h->links->by_answer),
			      ntm_links_count(h->links),
			      pending_count(h),
			      h->up,
			      h->accepts,
			      h->verifies};
}

static void assert_unmoved(const struct host *h, const struct facts *then)
{
	struct facts now = facts_of(h);

	assert_int_equal(now.frames_out, then->frames_out);
	assert_int_equal(now.indexes, then->indexes);
	assert_int_equal(now.answers, then->answers);
	assert_int_equal(now.links, then->links);
	assert_int_equal(now.pending, then->pending);
	assert_int_equal(now.up, then->up);
	assert_int_equal(now.accepts, then->accepts);
	assert_int_equal(now.verifies, then->verifies);
}

/* Every truncation and every flipped byte, with and, behind the fields that Noise does not cover,
 * without the old checksum. fixed: where Noise begins to cover. */
static void spoil(struct host *h, const struct packet *good, size_t fixed)
{
	struct facts facts = facts_of(h);

	for (size_t i = 0; i < good->len; i++) {
		struct packet p = *good;

		p.len = i;
		hand_over(h, &p);
		if (i >= 2 * NTM_MAC_LEN + 12) {
			checksum(&p);
			hand_over(h, &p);
		}
		if (i >= good->len - NTM_MAC_LEN)
			continue; /* mac2: right or not, it is only asked for under load */
		p = *good;
		p.data[i] ^= 0x40;
		hand_over(h, &p);
		if (i >= fixed && i < good->len - 2 * NTM_MAC_LEN) {
			checksum(&p);
			hand_over(h, &p);
		}
	}
	assert_unmoved(h, &facts);
}

static void spoilt_frames(void **unused)
{
	struct world *w = world_dcs(25);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet p;

	(void)unused;
	w->filter = drop_all;
	open_dc(a, b->addr, 1);
	p = w->last[NTM_FRAME_INITIATION];
	spoil(b, &p, p.len); /* nothing of it is secret: with a checksum it is another one */
	hand_over(b, &p);
	p = w->last[NTM_FRAME_RESPONSE];
	assert_true(p.len <= NTM_DC_INITIATION_LEN);
	spoil(a, &p, 8);
	hand_over(a, &p);
	assert_int_equal(a->up, 1);
	assert_int_equal(b->up, 0);
	p = w->last[NTM_FRAME_FINAL];
	spoil(b, &p, 4);
	hand_over(b, &p);
	assert_int_equal(b->up, 1);
	/* Late copies. */
	hand_over(b, &p);
	hand_over(a, &w->last[NTM_FRAME_RESPONSE]);
	assert_int_equal(b->up, 1);
	assert_int_equal(a->up, 1);
	w->filter = NULL;
	assert_talk(w, a, b, 1);
	world_free(w);
}

/* INITIATIONs of nobody in particular, from everywhere; their keys are noise. */
static struct packet garbage(struct world *w, const struct packet *model, uint8_t net)
{
	struct packet p = *model;

	p.from = (struct ntm_addr){ntm_ip_v4(10, net, (uint8_t)splitmix(&w->rng), 1), 5000};
	for (size_t i = 4; i < 8 + NTM_KEY_LEN; i++)
		p.data[i] = (uint8_t)splitmix(&w->rng);
	checksum(&p);
	return p;
}

static struct packet model_of(struct world *w)
{
	struct host *c = &w->host[2];
	struct packet p;

	open_dc(c, w->host[1].addr, 1);
	p = w->last[NTM_FRAME_INITIATION];
	ntm_link_free(c->link);
	c->link = NULL;
	run(w, 20);
	return p;
}

static void garbage_is_bounded(void **unused)
{
	struct world *w = world_dcs(26);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet model = model_of(w);
	uint64_t in = 0;

	(void)unused;
	run(w, 6000);
	assert_int_equal(pending_count(b), 0);
	for (size_t i = 0; i < 20000; i++) {
		struct packet p = garbage(w, &model, (uint8_t)(i % 251));

		hand_over(b, &p);
		in += p.len;
		run(w, 1);
		if (i == 10000) /* into the middle of it */
			open_dc(a, b->addr, 1);
		if (i == 10100)
			assert_talk(w, a, b, 1);
	}
	assert_true(pending_count(b) <= LINKS_PENDING);
	assert_true(ntm_map_count(b->links->by_index) <= LINKS_PENDING + 3);
	assert_int_equal(ntm_map_count(b->links->by_answer), pending_count(b));
	assert_int_equal(a->up, 1);
	assert_int_equal(ntm_links_count(b->links), 1);
	/* 20 s: so many were answered at length, the others were asked for proof. */
	assert_in_range(w->sent[NTM_FRAME_RESPONSE], 300, 20 * 20 + 20 + 3);
	assert_true(ntm_links_counters(b->links)->bytes_out < in);
	run(w, 6000);
	assert_int_equal(pending_count(b), 0);
	assert_int_equal(ntm_map_count(b->links->by_index), 1);
	world_free(w);
}

/* Somebody who receives at his address floods: his own network's places are all he gets. */
static void proven_garbage(void **unused)
{
	struct world *w = world_dcs(27);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct link_incoming in = {.proven = true, .suite = NTM_SUITE_CHACHA20_POLY1305};
	struct ntm_addr from = {ntm_ip_v4(10, 0, 0, 1), 5000};
	struct packet model = model_of(w);
	struct ntm_handshake hs;

	(void)unused;
	in.hs = &hs;
	in.from = &from;
	w->filter_count = 0;
	for (unsigned i = 0; i < 300; i++) {
		static const uint8_t pair[NTM_PAIR_LEN];
		struct packet p = garbage(w, &model, 0);
		uint8_t prologue[NTM_PROLOGUE_LEN];
		struct ntm_noise_args args = {.pattern = NTM_NOISE_XX,
					      .prologue = prologue,
					      .prologue_len = sizeof(prologue),
					      .static_keys = &b->keys};

		/* The wire between b and a is slow: 300 ms each way. */
		if (i == 100) {
			w->delay_ms = 300;
			open_dc(a, b->addr, 1);
		}
		assert_int_equal(ntm_handshake_parse(&hs, p.data, p.len), 0);
		ntm_prologue(prologue, NTM_PURPOSE_DC, pair);
		ntm_noise_start(&in.noise, &args);
		assert_int_equal(ntm_noise_read(&in.noise, hs.noise, hs.noise_len, in.payload,
						sizeof(in.payload), &in.payload_len),
				 0);
		from.ip = ntm_ip_v4(10, 0, 0, (uint8_t)i);
		link_pending_add(b->links, &in);
		assert_in_range(pending_count(b), 0, LINKS_PENDING_NET + 4);
		run(w, 5);
	}
	run(w, 1000);
	assert_int_equal(a->up, 1);
	assert_int_equal(b->up, 1);
	world_free(w);
}

static void cookie(void **unused)
{
	struct world *w = world_dcs(28);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet model = model_of(w);

	(void)unused;
	for (size_t i = 0; i < 200; i++) {
		struct packet p = garbage(w, &model, (uint8_t)i);

		hand_over(b, &p);
	}
	assert_true(w->sent[NTM_FRAME_COOKIE] > 150);
	/* What strangers do with 'd' costs nodes nothing. */
	open_node(&w->host[3], b);
	run(w, 40);
	assert_int_equal(w->host[3].up, 1);
	open_dc(a, b->addr, 1);
	run(w, 25);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 1 + 1 + 2);
	run(w, 40);
	assert_int_equal(a->up, 1);
	assert_talk(w, a, b, 1);
	/* A cookie of one purpose is none for another, and a forged one changes nothing. */
	assert_memory_not_equal(b->links->cookies.seal_key, b->links->cookies_xx.seal_key,
				NTM_KEY_LEN);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(lengths),
		cmocka_unit_test(open_checks),
		cmocka_unit_test(many_attempts),
		cmocka_unit_test(another_candidate),
		cmocka_unit_test(candidate_comes_later),
		cmocka_unit_test(refused_at_first),
		cmocka_unit_test(refused_for_good),
		cmocka_unit_test(verify_ends_it),
		cmocka_unit_test(callbacks_end_it),
		cmocka_unit_test(first_is_lost),
		cmocka_unit_test(same_again),
		cmocka_unit_test(forwarded_final),
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
		cmocka_unit_test(restart_at_any_time),
		cmocka_unit_test(spoilt_frames),
		cmocka_unit_test(garbage_is_bounded),
		cmocka_unit_test(proven_garbage),
		cmocka_unit_test(cookie),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
