/* SPDX-License-Identifier: BSD-2-Clause */
/* Keepalives: when one is sent, and when none is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/linkworld.h"

static void idle_links_are_quiet(void **unused)
{
	struct world *w = world_e2e(1);
	unsigned before = w->sent[NTM_FRAME_TRANSPORT];

	(void)unused;
	run(w, 100000);
	assert_int_equal(w->sent[NTM_FRAME_TRANSPORT], before);
	world_free(w);
}

static void passive_keepalive(void **unused)
{
	struct world *w = world_e2e(2);
	struct host *a = &w->host[0], *b = &w->host[1];
	uint64_t before = ntm_links_counters(b->links)->frames_out;

	(void)unused;
	assert_int_equal(send_seq(a, 1), 0);
	run(w, 10009);
	assert_int_equal(ntm_links_counters(b->links)->frames_out, before);
	run(w, 1); /* 10 s after it arrived */
	assert_int_equal(ntm_links_counters(b->links)->frames_out, before + 1);
	assert_int_equal(w->last[NTM_FRAME_TRANSPORT].len, NTM_TRANSPORT_OVERHEAD);
	/* It is not answered, and a does not take b for dead. */
	run(w, 100000);
	assert_int_equal(ntm_links_counters(b->links)->frames_out, before + 1);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 1);
	world_free(w);
}

static void no_keepalive_after_an_answer(void **unused)
{
	struct world *w = world_e2e(3);
	struct host *a = &w->host[0], *b = &w->host[1];
	unsigned before = w->sent[NTM_FRAME_TRANSPORT];

	(void)unused;
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(send_seq(a, i), 0);
		run(w, 5000);
		assert_int_equal(send_seq(b, i), 0);
		run(w, 5000);
	}
	assert_int_equal(w->sent[NTM_FRAME_TRANSPORT], before + 20);
	world_free(w);
}

/* The reply to a control message is an answer itself: neither side waits for anything behind it. */
static void no_keepalive_after_a_reply(void **unused)
{
	static const uint8_t pong[16] = {NTM_CTL_KIND, NTM_MSG_PONG, NTM_CTL_REPLY};
	struct world *w = world_e2e(4);
	struct host *a = &w->host[0], *b = &w->host[1];
	unsigned before = w->sent[NTM_FRAME_TRANSPORT];
	struct ntm_pkt pkt;

	(void)unused;
	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, sizeof(pong)), pong, sizeof(pong));
	assert_int_equal(ntm_link_send(a->link, &pkt, 0), 0);
	run(w, 60000);
	assert_int_equal(b->inputs, 1);
	assert_int_equal(w->sent[NTM_FRAME_TRANSPORT], before + 1);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 1);
	world_free(w);
}

static void nat_keepalive(void **unused)
{
	struct world *w = world_e2e(4);
	struct host *a = &w->host[0], *b = &w->host[1];
	uint64_t before = ntm_links_counters(a->links)->frames_out;

	(void)unused;
	ntm_link_set_keepalive(a->link, 20000);
	run(w, 60000);
	assert_int_equal(ntm_links_counters(a->links)->frames_out - before, 3);
	/* What is sent anyway counts. */
	before = ntm_links_counters(a->links)->frames_out;
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(send_seq(a, i), 0);
		assert_int_equal(send_seq(b, i), 0);
		run(w, 9000);
	}
	assert_int_equal(ntm_links_counters(a->links)->frames_out - before, 4);
	/* Shorter, then off. */
	ntm_link_set_keepalive(a->link, 1000);
	before = ntm_links_counters(a->links)->frames_out;
	run(w, 10000);
	assert_in_range(ntm_links_counters(a->links)->frames_out - before, 9, 11);
	ntm_link_set_keepalive(a->link, 0);
	before = ntm_links_counters(a->links)->frames_out;
	run(w, 9000);
	assert_int_equal(ntm_links_counters(a->links)->frames_out, before);
	world_free(w);
}

/* A node behind a NAT, for hours: the mapping is never idle for longer than that. */
static int64_t last_out_ms, longest_ms;

static bool measure_gaps(struct world *w, const struct packet *p)
{
	if (!ntm_addr_eq(&p->from, &w->host[0].addr[0]))
		return true;
	if (last_out_ms && w->timers.now_ms - last_out_ms > longest_ms)
		longest_ms = w->timers.now_ms - last_out_ms;
	last_out_ms = w->timers.now_ms;
	return true;
}

static void nat_keepalive_over_rekeys(void **unused)
{
	struct world *w = world_new(5);
	struct host *node = &w->host[0], *dc = &w->host[1];

	(void)unused;
	last_out_ms = 0;
	longest_ms = 0;
	w->filter = measure_gaps;
	open_node(node, dc);
	ntm_link_set_keepalive(node->link, 20000);
	run(w, 7200000);
	assert_int_equal(longest_ms, 20000);
	assert_int_equal(node->down + dc->down, 0);
	assert_in_range(stats_of(node).handshakes, 58, 61);
	world_free(w);
}

static void freed_links_have_no_timers(void **unused)
{
	struct world *w = world_e2e(6);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	assert_talk(w, a, b, 1);
	ntm_link_restart(a->link, NULL, 0);
	ntm_link_free(a->link);
	ntm_link_close(b->link, 1);
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_links_are_quiet),
		cmocka_unit_test(passive_keepalive),
		cmocka_unit_test(no_keepalive_after_an_answer),
		cmocka_unit_test(no_keepalive_after_a_reply),
		cmocka_unit_test(nat_keepalive),
		cmocka_unit_test(nat_keepalive_over_rekeys),
		cmocka_unit_test(freed_links_have_no_timers),
	};

	world_seed(0);
	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
