/* SPDX-License-Identifier: BSD-2-Clause */
/* XX, between DCs that know each other's addresses only: who accepts whom, and what may be lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/linkworld.h"

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
	/* One more to a peer that has a link, and one to ourselves: both find nobody, whatever the
	 * owner says, who is asked of each answer. */
	open_dc(a, w->host[1].addr, 1);
	link[0] = a->link;
	open_dc(a, a->addr, 1);
	run(w, 3500);
	assert_int_equal(ntm_link_state(a->link), NTM_LINK_CLOSED);
	assert_int_equal(ntm_link_state(link[0]), NTM_LINK_CLOSED);
	assert_int_equal(a->down, 2);
	assert_int_equal(a->verifies, 3 + 2 * NTM_RETRY_SENDINGS);
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

/* The INITIATION comes twice, from two addresses; the RESPONSE is the same, but for its index,
 * which tells which of the two has arrived. */
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
	assert_memory_not_equal(w->last[NTM_FRAME_RESPONSE].data + 4, first.data + 4, 4);
	assert_memory_equal(w->last[NTM_FRAME_RESPONSE].data + 8, first.data + 8,
			    first.len - 8 - 2 * NTM_MAC_LEN);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),         cmocka_unit_test(lengths),
		cmocka_unit_test(open_checks),       cmocka_unit_test(many_attempts),
		cmocka_unit_test(another_candidate), cmocka_unit_test(candidate_comes_later),
		cmocka_unit_test(refused_at_first),  cmocka_unit_test(refused_for_good),
		cmocka_unit_test(verify_ends_it),    cmocka_unit_test(callbacks_end_it),
		cmocka_unit_test(first_is_lost),     cmocka_unit_test(same_again),
		cmocka_unit_test(forwarded_final),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
