/* SPDX-License-Identifier: BSD-2-Clause */
/* A link's API: opening, sending, closing, and freeing from inside of every callback. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/linkworld.h"

static void end_to_end(void **unused)
{
	struct world *w = world_e2e(1);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	assert_int_equal(a->fresh, 1);
	assert_int_equal(b->fresh, 1);
	assert_true(ntm_addr_eq(ntm_link_remote(a->link), &b->addr[0]));
	assert_true(ntm_addr_eq(ntm_link_remote(b->link), &a->addr[0]));
	assert_memory_equal(ntm_link_remote_static(a->link), b->keys.pub, NTM_KEY_LEN);
	assert_int_equal(ntm_link_purpose(b->link), NTM_PURPOSE_E2E);
	assert_talk(w, a, b, 1);
	assert_int_equal(a->last_len, 48); /* 40, padded */
	assert_int_equal(stats_of(a).packets_in, 1);
	assert_int_equal(stats_of(a).bytes_out, 48);
	assert_int_equal(stats_of(a).handshakes, 1);
	assert_true(stats_of(a).initiator);
	assert_false(stats_of(b).initiator);
	assert_int_equal(stats_of(a).rtt_ms, 20);
	assert_int_equal(stats_of(b).rtt_ms, -1);
	assert_int_equal(stats_of(a).suite, stats_of(b).suite);
	assert_int_equal(stats_of(a).suite, ntm_suite_choose(ntm_suites_here(), ntm_suites_here()));
	world_free(w);
}

static void node_and_dc(void **unused)
{
	struct world *w = world_new(2);
	struct host *node = &w->host[0], *dc = &w->host[1];
	int owner;

	(void)unused;
	dc->reply.owner = &owner;
	open_node(node, dc);
	run(w, 100);
	assert_int_equal(dc->accepts, 1);
	assert_int_equal(node->up, 1);
	assert_int_equal(dc->up, 1);
	assert_ptr_equal(dc->link->owner, &owner);
	assert_memory_equal(ntm_link_remote_static(dc->link), node->keys.pub, NTM_KEY_LEN);
	assert_talk(w, node, dc, 1);
	/* The second link of the same key is the same link. */
	assert_int_equal(ntm_links_count(dc->links), 1);
	world_free(w);
}

/* A relay's link to its DC is a node's, but for the purpose. */
static void relay_and_dc(void **unused)
{
	struct world *w = world_new(2);
	struct host *relay = &w->host[0], *dc = &w->host[1];
	struct ntm_link_args args = {.purpose = NTM_PURPOSE_RELAY,
				     .remote_static = dc->keys.pub,
				     .candidate_count = 1,
				     .candidates = dc->addr,
				     .initiator = true,
				     .persistent = true};

	(void)unused;
	assert_int_equal(ntm_link_open(relay->links, &args, &relay->link), 0);
	run(w, 100);
	assert_int_equal(dc->accepts, 1);
	assert_int_equal(dc->up, 1);
	assert_int_equal(ntm_link_purpose(dc->link), NTM_PURPOSE_RELAY);
	assert_int_equal(w->last[NTM_FRAME_INITIATION].data[1], 'r');
	assert_talk(w, relay, dc, 1);
	world_free(w);
}

static void refused_arguments(void **unused)
{
	struct world *w = world_new(3);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct ntm_link_args good = e2e_args(b, true), bad;
	struct ntm_link *link = NULL, *second = NULL;
	static uint8_t other_pair[NTM_PAIR_LEN] = {1};

	(void)unused;
#define REFUSED(member, value)                                                   \
	do {                                                                     \
		bad = good;                                                      \
		bad.member = value;                                              \
		assert_int_equal(ntm_link_open(a->links, &bad, &link), -EINVAL); \
	} while (0)
	REFUSED(purpose, NTM_PURPOSE_DC);
	REFUSED(purpose, NTM_PURPOSE_RELAY); /* has no pair */
	REFUSED(purpose, NTM_PURPOSE_NODE);
	REFUSED(purpose, 0);
	REFUSED(pair, NULL);
	REFUSED(psk, NULL);
	REFUSED(remote_static, NULL);
	REFUSED(remote_static, a->keys.pub);
	REFUSED(candidate_count, 0);
	REFUSED(payload_len, NTM_HS_PAYLOAD_MAX + 1);
	bad = e2e_args(b, false);
	bad.persistent = true;
	assert_int_equal(ntm_link_open(a->links, &bad, &link), -EINVAL);
	assert_null(link);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 0);

	assert_int_equal(ntm_link_open(a->links, &good, &link), 0);
	assert_int_equal(ntm_link_open(a->links, &good, &second), -EEXIST);
	bad = good;
	bad.remote_static = w->host[2].keys.pub; /* the pair is taken, whoever it is with */
	assert_int_equal(ntm_link_open(a->links, &bad, &second), -EEXIST);
	bad = good;
	bad.pair = other_pair;
	assert_int_equal(ntm_link_open(a->links, &bad, &second), 0);
	assert_int_equal(ntm_links_count(a->links), 2);
	ntm_link_free(second);
	ntm_link_free(link);
	ntm_link_free(NULL);
	assert_int_equal(ntm_links_count(a->links), 0);
	assert_int_equal(ntm_link_open(a->links, &good, &link), 0);
	world_free(w);
}

static void sizes(void **unused)
{
	struct world *w = world_new(4);
	struct host *a = &w->host[0], *b = &w->host[1];
	static struct ntm_pkt pkt;

	(void)unused;
	open_e2e(b, a, false);
	open_e2e(a, b, true);
	ntm_pkt_reset(&pkt);
	ntm_pkt_put(&pkt, 10);
	assert_int_equal(ntm_link_send(a->link, &pkt, 0), -ENOTCONN);
	assert_int_equal(ntm_link_send(b->link, &pkt, 0), -ENOTCONN);
	run(w, 100);
	ntm_pkt_reset(&pkt);
	assert_int_equal(ntm_link_send(a->link, &pkt, 0), -EMSGSIZE);
	memset(ntm_pkt_put(&pkt, NTM_PKT_MAX), 0x45, NTM_PKT_MAX);
	ntm_pkt_put(&pkt, NTM_PKT_TAILROOM); /* nothing left for the tag */
	assert_int_equal(ntm_link_send(a->link, &pkt, 0), -EMSGSIZE);
	ntm_pkt_reset(&pkt);
	memset(ntm_pkt_put(&pkt, 1400), 0x45, 1400);
	ntm_pkt_push(&pkt, NTM_PKT_HEADROOM - 8); /* nothing left for the header */
	assert_int_equal(ntm_link_send(a->link, &pkt, 0), -EMSGSIZE);
	for (size_t len = 1; len <= 1500; len += 13) {
		ntm_pkt_reset(&pkt);
		memset(ntm_pkt_put(&pkt, len), 0x60, len);
		assert_int_equal(ntm_link_send(a->link, &pkt, 0), 0);
		run(w, 20);
		assert_int_equal(b->last_len, (len + 15) / 16 * 16);
		assert_int_equal(b->last[0], 0x60);
		assert_int_equal(b->last[len - 1], 0x60);
		for (size_t i = len; i < b->last_len; i++)
			assert_int_equal(b->last[i], 0);
	}
	assert_int_equal(w->last[NTM_FRAME_TRANSPORT].data[1], 0); /* class */
	assert_talk(w, a, b, 1);
	assert_int_equal(w->last[NTM_FRAME_TRANSPORT].data[1], 1);
	world_free(w);
}

static void close_tells_the_peer(void **unused)
{
	struct world *w = world_e2e(5);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	ntm_link_close(a->link, 1);
	assert_int_equal(ntm_link_state(a->link), NTM_LINK_CLOSED);
	assert_int_equal(send_seq(a, 1), -ENOTCONN);
	run(w, 50);
	assert_int_equal(a->down, 0);
	assert_int_equal(b->down, 1);
	assert_int_equal(b->why, NTM_DOWN_CLOSED);
	assert_int_equal(b->inputs, 0);
	assert_int_equal(ntm_link_state(b->link), NTM_LINK_CLOSED);
	/* Closed means closed: not even a new INITIATION opens it ... */
	ntm_link_restart(b->link, a->addr, 1);
	run(w, 2000);
	assert_int_equal(ntm_link_state(a->link), NTM_LINK_CLOSED);
	/* ... but a restart does. */
	ntm_link_restart(a->link, NULL, 0);
	run(w, 2000);
	assert_int_equal(a->fresh, 2);
	assert_int_equal(b->fresh, 2);
	assert_talk(w, a, b, 2);
	world_free(w);
}

/* The peer's CLOSE that is older than its newest session ends nothing. */
static void late_close(void **unused)
{
	struct world *w = world_e2e(6);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet close;

	(void)unused;
	w->filter = drop_all;
	ntm_link_close(a->link, 1);
	close = w->last[NTM_FRAME_TRANSPORT];
	w->filter = NULL;
	ntm_link_restart(a->link, NULL, 0);
	run(w, 100);
	assert_int_equal(b->up, 2);
	assert_talk(w, a, b, 1);
	inject(w, &close);
	run(w, 50);
	assert_int_equal(b->down, 0);
	assert_talk(w, a, b, 2);
	world_free(w);
}

/* CLOSE between the peer's new INITIATION and its first packet. */
static void close_before_confirmation(void **unused)
{
	struct world *w = world_e2e(7);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet close;

	(void)unused;
	w->filter = drop_all;
	ntm_link_close(a->link, 1);
	close = w->last[NTM_FRAME_TRANSPORT];
	w->filter = NULL;
	ntm_link_restart(a->link, NULL, 0);
	run(w, 10); /* INITIATION arrived */
	hand_over(b, &close);
	assert_int_equal(b->down, 0);
	assert_int_equal(ntm_link_state(b->link), NTM_LINK_CONNECTING);
	run(w, 100);
	assert_int_equal(b->fresh, 2);
	assert_talk(w, a, b, 1);
	world_free(w);
}

static void candidates(void **unused)
{
	struct world *w = world_new(8);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct ntm_link_args args = e2e_args(b, true);
	struct ntm_addr list[12];

	(void)unused;
	for (uint8_t i = 0; i < 12; i++)
		list[i] = (struct ntm_addr){ntm_ip_v4(203, 0, 113, i), 1000};
	list[NTM_LINK_CANDIDATES - 1] = b->addr[1];
	args.candidates = list;
	args.candidate_count = 12;
	open_e2e(b, a, false);
	assert_int_equal(ntm_link_open(a->links, &args, &a->link), 0);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], NTM_LINK_CANDIDATES);
	assert_int_equal(ntm_link_remote(a->link)->ip.family, 0);
	b->source = 1;
	run(w, 100);
	assert_true(ntm_addr_eq(ntm_link_remote(a->link), &b->addr[1]));
	assert_talk(w, a, b, 1);
	world_free(w);
}

/* Every callback may free, close, restart or send on the link that it is about. */
static void acts_inside_callbacks(void **unused)
{
	(void)unused;
	for (int side = 0; side < 2; side++) {
		for (int which = 0; which < 5; which++) {
			for (enum act act = ACT_FREE; act <= ACT_RESTART; act++) {
				struct world *w = world_new(9);
				struct host *a = &w->host[0], *b = &w->host[1];
				enum act *const acts[2][5] = {
					{&a->on_up, &a->on_down, &a->on_input, &a->on_moved,
					 &a->on_answer},
					{&b->on_up, &b->on_down, &b->on_input, &b->on_moved,
					 &b->on_accept},
				};

				*acts[side][which] = act;
				open_e2e(b, a, false);
				open_e2e(a, b, true);
				run(w, 200);
				if (a->link && b->link) {
					(void)send_seq(a, 1);
					(void)send_seq(b, 1);
				}
				run(w, 200);
				/* Both move, so that both may be told. */
				a->source = 1;
				b->source = 1;
				if (a->link && b->link) {
					(void)send_seq(a, 2);
					(void)send_seq(b, 2);
				}
				run(w, 400);
				if (a->link)
					ntm_link_close(a->link, 0);
				run(w, 200);
				if (b->link)
					ntm_link_restart(b->link, a->addr, 1);
				run(w, 10000);
				world_free(w);
			}
		}
	}
}

static void free_in_answer(void **unused)
{
	struct world *w = world_new(10);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct ntm_link_args args = {.purpose = NTM_PURPOSE_JOIN,
				     .remote_static = b->keys.pub,
				     .candidate_count = 1,
				     .candidates = b->addr,
				     .initiator = true,
				     .one_shot = true};

	(void)unused;
	a->on_answer = ACT_FREE;
	b->reply.one_shot = true;
	assert_int_equal(ntm_link_open(a->links, &args, &a->link), 0);
	run(w, 5000);
	assert_int_equal(a->answers, 1);
	assert_null(a->link);
	assert_int_equal(ntm_links_count(a->links), 0);
	world_free(w);
}

static void small_when_idle(void **unused)
{
	(void)unused;
	assert_true(sizeof(struct ntm_link) < 5 * 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(end_to_end),     cmocka_unit_test(node_and_dc),
		cmocka_unit_test(relay_and_dc),   cmocka_unit_test(refused_arguments),
		cmocka_unit_test(sizes),          cmocka_unit_test(close_tells_the_peer),
		cmocka_unit_test(late_close),     cmocka_unit_test(close_before_confirmation),
		cmocka_unit_test(candidates),     cmocka_unit_test(acts_inside_callbacks),
		cmocka_unit_test(free_in_answer), cmocka_unit_test(small_when_idle),
	};

	world_seed(0);
	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
