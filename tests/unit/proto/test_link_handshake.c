/* SPDX-License-Identifier: BSD-2-Clause */
/* The initiator: the schedule, lost messages, forged answers, cookies, one-shot requests. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/linkworld.h"

static const int64_t schedule_ms[] = {0, 200, 600, 1400};

static struct packet first_seen;
static unsigned different;

static bool same_initiations(struct world *w, const struct packet *p)
{
	if (p->data[0] != NTM_FRAME_INITIATION)
		return true;
	if (w->filter_count++ == 0)
		first_seen = *p;
	else
		different +=
			first_seen.len != p->len || memcmp(first_seen.data, p->data, p->len) != 0;
	return false;
}

static void gives_up_after_the_schedule(void **unused)
{
	struct world *w = world_new(1);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	different = 0;
	w->filter = same_initiations;
	open_e2e(a, b, true);
	open_e2e(b, a, false);
	run(w, 2999);
	assert_int_equal(a->down, 0);
	assert_int_equal(b->down, 0);
	run(w, 1);
	assert_int_equal(a->down, 1);
	assert_int_equal(a->why, NTM_DOWN_NO_ANSWER);
	assert_int_equal(b->down, 1); /* and the side that waits needs no longer */
	assert_int_equal(b->why, NTM_DOWN_NO_ANSWER);
	assert_int_equal(ntm_link_state(a->link), NTM_LINK_CLOSED);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 4);
	assert_int_equal(different, 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(w->sent_at[i] - 1000, schedule_ms[i]);
	run(w, 100000);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 4);
	world_free(w);
}

static void persistent_links_never_give_up(void **unused)
{
	int64_t first_gap = 0;
	bool jitters = false;

	(void)unused;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct world *w = world_new(seed);
		struct host *a = &w->host[0], *b = &w->host[1];
		int64_t gap;

		different = 0;
		w->filter = same_initiations;
		open_node(a, b);
		run(w, 60000);
		gap = w->sent_at[4] - w->sent_at[0] - 3000;
		assert_in_range(gap, 5000, 5000 + 5000 / 3);
		jitters = jitters || (first_gap && gap != first_gap);
		first_gap = gap;
		/* Four a round, and each round with new bytes. */
		assert_in_range(w->sent[NTM_FRAME_INITIATION], 4 * 6, 4 * 8);
		assert_in_range(different, 4 * 5, 4 * 7);
		assert_int_equal(a->down, 0);
		assert_int_equal(ntm_link_state(a->link), NTM_LINK_CONNECTING);
		w->filter = NULL;
		run(w, 7000);
		assert_int_equal(a->up, 1);
		assert_int_equal(b->up, 1);
		world_free(w);
	}
	assert_true(jitters);
}

static bool lose_two_responses(struct world *w, const struct packet *p)
{
	static struct packet response;

	if (p->data[0] != NTM_FRAME_RESPONSE)
		return true;
	if (w->filter_count++ == 0)
		response = *p;
	assert_int_equal(p->len, response.len);
	assert_memory_equal(p->data, response.data, p->len);
	return w->filter_count > 2;
}

static void lost_response(void **unused)
{
	struct world *w = world_new(2);
	struct host *a = &w->host[0], *b = &w->host[1];
	uint8_t next[NTM_KEY_LEN] = {0};

	(void)unused;
	w->filter = lose_two_responses;
	open_e2e(b, a, false);
	open_e2e(a, b, true);
	run(w, 300);
	memcpy(next, b->link->next->session.recv_key, sizeof(next));
	run(w, 400);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 3);
	assert_int_equal(w->sent[NTM_FRAME_RESPONSE], 3);
	assert_int_equal(a->up, 1);
	assert_int_equal(b->up, 1);
	/* No new state for the same bytes. */
	assert_memory_equal(next, b->link->cur->session.recv_key, sizeof(next));
	assert_int_equal(stats_of(a).rtt_ms, -1); /* which INITIATION was answered? */
	assert_talk(w, a, b, 1);
	world_free(w);
}

static bool lose_three_transports(struct world *w, const struct packet *p)
{
	return p->data[0] != NTM_FRAME_TRANSPORT || w->filter_count++ >= 3;
}

static void lost_confirmation(void **unused)
{
	struct world *w = world_new(3);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	w->filter = lose_three_transports;
	open_e2e(b, a, false);
	open_e2e(a, b, true);
	run(w, 100);
	assert_int_equal(a->up, 1);
	assert_int_equal(b->up, 0);
	assert_int_equal(send_seq(b, 1), -ENOTCONN);
	run(w, 1500);
	assert_int_equal(b->up, 1);
	assert_talk(w, a, b, 1);
	/* It ends with the first thing heard. */
	run(w, 500);
	w->sent[NTM_FRAME_TRANSPORT] = 0;
	run(w, 5000);
	assert_int_equal(w->sent[NTM_FRAME_TRANSPORT], 0);
	world_free(w);
}

static bool lose_transports(struct world *w, const struct packet *p)
{
	(void)w;
	return p->data[0] != NTM_FRAME_TRANSPORT;
}

static void no_confirmation(void **unused)
{
	struct world *w = world_new(4);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	open_e2e(b, a, false);
	open_e2e(a, b, true);
	w->filter = lose_transports;
	run(w, 3000);
	assert_int_equal(a->up, 1);
	assert_int_equal(w->sent[NTM_FRAME_TRANSPORT], 4);
	run(w, 20);
	assert_int_equal(b->down, 1);
	assert_int_equal(b->why, NTM_DOWN_NO_ANSWER);
	/* It asks anew, and the peer's link is still there. */
	run(w, 100);
	assert_int_equal(a->up, 2);
	w->filter = NULL;
	run(w, 200);
	assert_int_equal(b->fresh, 1);
	assert_talk(w, a, b, 1);
	world_free(w);
}

static bool lose_one_transport_of_b(struct world *w, const struct packet *p)
{
	return p->data[0] != NTM_FRAME_TRANSPORT || !ntm_addr_eq(&p->from, &w->host[1].addr[0]) ||
	       w->filter_count++ > 0;
}

/* The confirmation came, but not the answer to it: the next one is answered as well. */
static void lost_answer_to_confirmation(void **unused)
{
	struct world *w = world_new(13);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	w->filter = lose_one_transport_of_b;
	open_e2e(b, a, false);
	open_e2e(a, b, true);
	run(w, 10000);
	assert_int_equal(w->sent[NTM_FRAME_TRANSPORT], 4);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 1);
	world_free(w);
}

static bool flip_responses(struct world *w, const struct packet *p)
{
	struct packet forged = *p;

	if (p->data[0] != NTM_FRAME_RESPONSE || w->filter_count >= p->len)
		return true;
	/* Each byte once, in front of the right one; mac1 of half of them made right again. */
	for (size_t i = 0; i < p->len; i++) {
		forged = *p;
		forged.data[i] ^= 1;
		if (i >= 4 && i < 8)
			continue; /* the sender index: see below */
		if (i % 2 && i < p->len - 32) {
			uint8_t key[NTM_KEY_LEN];

			ntm_mac1_key(key, w->host[0].keys.pub);
			ntm_mac_append(forged.data, p->len - 32, key, NULL);
		}
		if (i < p->len - 16) /* mac2 of a RESPONSE is not looked at */
			inject(w, &forged);
	}
	w->filter_count = (unsigned)p->len;
	return true;
}

static void forged_responses(void **unused)
{
	struct world *w = world_new(5);
	struct host *a = &w->host[0], *b = &w->host[1];
	const struct ntm_links_counters *counters = ntm_links_counters(a->links);

	(void)unused;
	w->filter = flip_responses;
	open_e2e(b, a, false);
	open_e2e(a, b, true);
	run(w, 50);
	assert_int_equal(a->up, 1);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 1);
	assert_true(counters->bad_mac1 > 30);
	assert_true(counters->bad_handshake > 20);
	assert_talk(w, a, b, 1);
	/* And the RESPONSE again: nothing waits for it. */
	inject(w, &w->last[NTM_FRAME_RESPONSE]);
	run(w, 50);
	assert_int_equal(a->up, 1);
	world_free(w);
}

static bool forge_sender_index(struct world *w, const struct packet *p)
{
	struct packet forged = *p;
	uint8_t key[NTM_KEY_LEN];

	if (p->data[0] != NTM_FRAME_RESPONSE || w->filter_count++ > 0)
		return true;
	forged.data[4] ^= 1;
	ntm_mac1_key(key, w->host[0].keys.pub);
	ntm_mac_append(forged.data, p->len - 32, key, NULL);
	inject(w, &forged);
	return true;
}

/* Noise does not cover the indexes. Who gets a false one in first wins three seconds. */
static void forged_sender_index(void **unused)
{
	struct world *w = world_new(12);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	w->filter = forge_sender_index;
	open_node(a, b);
	run(w, 3100);
	assert_int_equal(a->up, 2);
	assert_talk(w, a, b, 1);
	world_free(w);
}

static struct ntm_link_args join_args(const struct host *dc)
{
	return (struct ntm_link_args){.purpose = NTM_PURPOSE_JOIN,
				      .remote_static = dc->keys.pub,
				      .candidate_count = 1,
				      .candidates = dc->addr,
				      .initiator = true,
				      .one_shot = true,
				      .payload = (const uint8_t *)"the secret of a token",
				      .payload_len = 21};
}

static void one_shot(void **unused)
{
	struct world *w = world_new(6);
	struct host *host = &w->host[0], *dc = &w->host[1];
	struct ntm_link_args args = join_args(dc);

	(void)unused;
	dc->reply.one_shot = true;
	dc->reply.payload_len = NTM_HS_PAYLOAD_MAX;
	memset(dc->reply.payload, 0xab, NTM_HS_PAYLOAD_MAX);
	assert_int_equal(ntm_link_open(host->links, &args, &host->link), 0);
	run(w, 100);
	assert_int_equal(dc->accepts, 1);
	assert_int_equal(dc->last_len, 21);
	assert_memory_equal(dc->last, "the secret of a token", 21);
	assert_int_equal(host->answers, 1);
	assert_int_equal(host->last_len, NTM_HS_PAYLOAD_MAX);
	assert_memory_equal(host->last, dc->reply.payload, NTM_HS_PAYLOAD_MAX);
	assert_int_equal(host->up + host->down + dc->up + dc->down, 0);
	assert_int_equal(ntm_link_state(host->link), NTM_LINK_CLOSED);
	assert_int_equal(ntm_links_count(dc->links), 0);
	/* The long answer went out only after the address was proven. */
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 2);
	assert_int_equal(w->sent[NTM_FRAME_COOKIE], 1);
	assert_int_equal(w->sent[NTM_FRAME_RESPONSE], 1);
	run(w, 20000);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 2);
	world_free(w);
}

/* A host with two addresses answers from the other one: COOKIE and RESPONSE alike. */
static void answers_from_another_address(void **unused)
{
	struct world *w = world_new(16);
	struct host *host = &w->host[0], *dc = &w->host[1];
	struct ntm_link_args args = join_args(dc);

	(void)unused;
	dc->reply.one_shot = true;
	dc->source = 1;
	assert_int_equal(ntm_link_open(host->links, &args, &host->link), 0);
	run(w, 100);
	assert_int_equal(w->sent[NTM_FRAME_COOKIE], 1);
	assert_true(ntm_addr_eq(&w->last[NTM_FRAME_COOKIE].from, &dc->addr[1]));
	assert_int_equal(host->answers, 1);
	world_free(w);
}

static bool lose_a_response(struct world *w, const struct packet *p)
{
	return p->data[0] != NTM_FRAME_RESPONSE || w->filter_count++ > 0;
}

static void one_shot_refused_or_lost(void **unused)
{
	struct world *w = world_new(7);
	struct host *host = &w->host[0], *dc = &w->host[1];
	struct ntm_link_args args = join_args(dc);

	(void)unused;
	dc->reply.one_shot = true;
	dc->accept_result = -EACCES;
	assert_int_equal(ntm_link_open(host->links, &args, &host->link), 0);
	run(w, 3000);
	assert_int_equal(host->down, 1);
	assert_int_equal(host->why, NTM_DOWN_NO_ANSWER);
	assert_int_equal(w->sent[NTM_FRAME_RESPONSE], 0);
	/* Lost answers are made again. */
	dc->accept_result = 0;
	dc->accepts = 0;
	w->filter = lose_a_response;
	ntm_link_restart(host->link, NULL, 0);
	run(w, 3000);
	assert_int_equal(dc->accepts, 2);
	assert_int_equal(w->sent[NTM_FRAME_RESPONSE], 2);
	assert_int_equal(host->answers, 1);
	world_free(w);
}

static bool forge_cookies(struct world *w, const struct packet *p)
{
	struct packet forged;
	struct ntm_cookies cookies;
	struct ntm_handshake hs;

	if (p->data[0] != NTM_FRAME_INITIATION || w->filter_count > 0)
		return true;
	w->filter_count++;
	assert_int_equal(ntm_handshake_parse(&hs, p->data, p->len), 0);
	ntm_cookies_init(&cookies, w->host[1].keys.pub, 0);
	forged = (struct packet){.from = p->to, .to = p->from, .len = NTM_COOKIE_FRAME_LEN};
	ntm_cookie_make(&cookies, &hs, &p->from, 0, forged.data);
	forged.data[40] ^= 1;
	inject(w, &forged); /* does not open, and must not stand in the way of those that do */
	for (int i = 0; i < 20; i++) {
		ntm_cookie_make(&cookies, &hs, &p->from, 0, forged.data);
		inject(w, &forged); /* each of them opens */
	}
	forged.from = w->host[2].addr[0];
	inject(w, &forged);
	return false;
}

/* Who knows the responder's public key can forge a COOKIE: it costs one more frame, at most. */
static void forged_cookies(void **unused)
{
	struct world *w = world_new(8);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	w->filter = forge_cookies;
	open_e2e(b, a, false);
	open_e2e(a, b, true);
	run(w, 100);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 2);
	assert_int_equal(ntm_links_counters(a->links)->bad_handshake, 1);
	assert_int_equal(ntm_links_counters(a->links)->limited, 20);
	assert_int_equal(a->up, 1);
	assert_talk(w, a, b, 1);
	world_free(w);
}

static void low_order_remote(void **unused)
{
	struct world *w = world_new(9);
	struct host *a = &w->host[0];
	static const uint8_t zeros[NTM_KEY_LEN];
	struct ntm_link_args args = e2e_args(&w->host[1], true);

	(void)unused;
	args.remote_static = zeros;
	assert_int_equal(ntm_link_open(a->links, &args, &a->link), 0);
	run(w, 3000);
	assert_int_equal(a->down, 1);
	assert_int_equal(a->why, NTM_DOWN_NO_ANSWER);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 0);
	/* A persistent one goes on trying, and ends cleanly. */
	ntm_link_free(a->link);
	args = (struct ntm_link_args){.purpose = NTM_PURPOSE_NODE,
				      .remote_static = zeros,
				      .candidate_count = 1,
				      .candidates = w->host[1].addr,
				      .initiator = true,
				      .persistent = true};
	assert_int_equal(ntm_link_open(a->links, &args, &a->link), 0);
	run(w, 60000);
	assert_int_equal(a->down, 1);
	assert_int_equal(ntm_link_state(a->link), NTM_LINK_CONNECTING);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 0);
	world_free(w);
}

static void wrong_psk(void **unused)
{
	struct world *w = world_new(10);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct ntm_link_args args = e2e_args(b, true);
	uint8_t psk[NTM_KEY_LEN] = {1};

	(void)unused;
	args.psk = psk;
	open_e2e(b, a, false);
	assert_int_equal(ntm_link_open(a->links, &args, &a->link), 0);
	run(w, 10000);
	assert_int_equal(a->up + b->up, 0);
	assert_int_equal(a->why, NTM_DOWN_NO_ANSWER);
	assert_int_equal(b->why, NTM_DOWN_NO_ANSWER);
	world_free(w);
}

static void restart_tries_new_places(void **unused)
{
	struct world *w = world_new(11);
	struct host *node = &w->host[0], *dc = &w->host[1];

	(void)unused;
	open_node(node, dc);
	run(w, 100);
	/* The DC comes back at another address, and knows nothing. */
	reboot(dc);
	dc->deaf[0] = true;
	dc->source = 1;
	ntm_link_restart(node->link, &dc->addr[1], 1);
	run(w, 100);
	assert_int_equal(node->up, 2);
	assert_int_equal(node->fresh, 1);
	assert_int_equal(node->moved, 1);
	assert_true(ntm_addr_eq(ntm_link_remote(node->link), &dc->addr[1]));
	assert_int_equal(dc->fresh, 2);
	assert_talk(w, node, dc, 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_up_after_the_schedule),
		cmocka_unit_test(persistent_links_never_give_up),
		cmocka_unit_test(lost_response),
		cmocka_unit_test(lost_confirmation),
		cmocka_unit_test(no_confirmation),
		cmocka_unit_test(lost_answer_to_confirmation),
		cmocka_unit_test(forged_responses),
		cmocka_unit_test(forged_sender_index),
		cmocka_unit_test(one_shot),
		cmocka_unit_test(answers_from_another_address),
		cmocka_unit_test(one_shot_refused_or_lost),
		cmocka_unit_test(forged_cookies),
		cmocka_unit_test(low_order_remote),
		cmocka_unit_test(wrong_psk),
		cmocka_unit_test(restart_tries_new_places),
	};

	world_seed(0);
	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
