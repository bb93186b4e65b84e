/* SPDX-License-Identifier: BSD-2-Clause */
/* Roaming: a new address is used once a challenge came back from it, and not before. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/linkworld.h"

static unsigned small_to_new, data_to_old;

/* Host 0 moves from its first address to its second. */
static bool count_by_address(struct world *w, const struct packet *p)
{
	bool to_new = ntm_addr_eq(&p->to, &w->host[0].addr[1]);

	small_to_new += to_new && p->len == 64;
	data_to_old += ntm_addr_eq(&p->to, &w->host[0].addr[0]) && p->len == 80;
	return true;
}

static void follows_an_answered_challenge(void **unused)
{
	struct world *w = world_e2e(1);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	small_to_new = 0;
	data_to_old = 0;
	w->filter = count_by_address;
	a->source = 1;
	assert_int_equal(send_seq(a, 1), 0);
	run(w, 15); /* arrived, challenge on its way */
	assert_true(ntm_addr_eq(ntm_link_remote(b->link), &a->addr[0]));
	assert_int_equal(small_to_new, 1);
	assert_int_equal(send_seq(b, 1), 0); /* still to the old one */
	assert_int_equal(data_to_old, 1);
	run(w, 50);
	assert_int_equal(b->moved, 1);
	assert_true(ntm_addr_eq(&b->moved_to, &a->addr[1]));
	assert_true(ntm_addr_eq(ntm_link_remote(b->link), &a->addr[1]));
	assert_int_equal(a->moved, 0);
	a->deaf[0] = true;
	assert_talk(w, a, b, 2);
	assert_int_equal(a->inputs + b->inputs, 4); /* path messages stay inside */
	assert_int_equal(b->up, 1);
	world_free(w);
}

/* Somebody on the way sends the newest packet on from his own address, and answers nothing. */
static void stays_without_an_answer(void **unused)
{
	struct world *w = world_e2e(2);
	struct host *a = &w->host[0], *b = &w->host[1];
	uint64_t before = ntm_links_counters(b->links)->frames_out;
	uint64_t challenges;

	(void)unused;
	for (uint32_t seq = 0; seq < 500; seq++) {
		struct packet p;

		w->filter = drop_all;
		assert_int_equal(send_seq(a, seq), 0);
		w->filter = NULL;
		p = w->last[NTM_FRAME_TRANSPORT];
		p.from = w->host[3].addr[0];
		inject(w, &p);
		run(w, 20);
	}
	challenges = ntm_links_counters(b->links)->frames_out - before;
	assert_int_equal(b->inputs, 500);
	assert_int_equal(b->moved, 0);
	assert_true(ntm_addr_eq(ntm_link_remote(b->link), &a->addr[0]));
	/* 10 s: three at once open, each for 3 s. */
	assert_in_range(challenges, 9, 13);
	assert_talk(w, a, b, 1000);
	world_free(w);
}

/* A challenge to another place keeps neither a NAT nor the peer content. */
static void challenge_is_no_keepalive(void **unused)
{
	struct world *w = world_e2e(10);
	struct host *a = &w->host[0], *b = &w->host[1];
	unsigned to_a = 0;

	(void)unused;
	ntm_link_set_keepalive(b->link, 5000);
	for (uint32_t seq = 0; seq < 120; seq++) {
		struct packet p;

		w->filter = drop_all;
		assert_int_equal(send_seq(a, seq), 0);
		w->filter = NULL;
		p = w->last[NTM_FRAME_TRANSPORT];
		p.from = w->host[3].addr[0];
		inject(w, &p);
		run(w, 100);
		to_a += ntm_addr_eq(&w->last[NTM_FRAME_TRANSPORT].to, &a->addr[0]);
	}
	assert_int_equal(to_a, 2);
	world_free(w);
}

static void challenges_keep_their_distance(void **unused)
{
	struct world *w = world_e2e(3);
	struct host *a = &w->host[0], *b = &w->host[1];
	uint64_t before = ntm_links_counters(b->links)->frames_out;

	(void)unused;
	a->source = 1;
	a->deaf[1] = true;
	for (uint32_t seq = 0; seq < 10; seq++)
		assert_int_equal(send_seq(a, seq), 0);
	run(w, 50);
	assert_int_equal(ntm_links_counters(b->links)->frames_out - before, 1);
	run(w, 149);
	assert_int_equal(send_seq(a, 20), 0); /* arrives 199 ms after the first */
	run(w, 1);
	assert_int_equal(send_seq(a, 21), 0);
	run(w, 9);
	assert_int_equal(ntm_links_counters(b->links)->frames_out - before, 1);
	run(w, 1);
	assert_int_equal(ntm_links_counters(b->links)->frames_out - before, 2);
	world_free(w);
}

/* Not the newest counter: somebody sends old packets again, or the network shuffles them. */
static void only_the_newest_counts(void **unused)
{
	struct world *w = world_e2e(4);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet held;
	uint64_t before;

	(void)unused;
	w->filter = drop_all;
	assert_int_equal(send_seq(a, 1), 0);
	held = w->last[NTM_FRAME_TRANSPORT];
	w->filter = NULL;
	assert_talk(w, a, b, 2);
	before = ntm_links_counters(b->links)->frames_out;
	held.from = w->host[3].addr[0];
	inject(w, &held);
	run(w, 50);
	assert_true(has_seq(b, 1));
	assert_int_equal(ntm_links_counters(b->links)->frames_out, before);
	world_free(w);
}

static void send_token(struct host *h, uint8_t type, const void *token, size_t len)
{
	static struct ntm_pkt pkt;
	struct ntm_wr wr;

	ntm_pkt_reset(&pkt);
	wr = ntm_wr_init(pkt.data, 64);
	ntm_wr_u8(&wr, NTM_CTL_KIND);
	ntm_wr_u8(&wr, type);
	ntm_wr_zeros(&wr, 6);
	ntm_wr_tlv(&wr, NTM_TLV_PATH_TOKEN, token, len);
	ntm_pkt_put(&pkt, wr.len);
	assert_int_equal(ntm_link_send(h->link, &pkt, 0), 0);
}

static void challenges_are_answered_in_measure(void **unused)
{
	struct world *w = world_e2e(5);
	struct host *a = &w->host[0], *b = &w->host[1];
	uint64_t before = ntm_links_counters(b->links)->frames_out;

	(void)unused;
	for (int i = 0; i < 100; i++)
		send_token(a, NTM_MSG_PATH_CHALLENGE, "12345678", 8);
	run(w, 50);
	assert_int_equal(ntm_links_counters(b->links)->frames_out - before, LINK_PATH_ANSWERS_S);
	assert_int_equal(b->inputs, 0);
	run(w, 1000);
	before = ntm_links_counters(b->links)->frames_out;
	for (size_t len = 0; len < 20; len++) { /* another length is no token */
		if (len != 8)
			send_token(a, NTM_MSG_PATH_CHALLENGE, "12345678901234567890", len);
	}
	run(w, 50);
	assert_int_equal(ntm_links_counters(b->links)->frames_out, before);
	world_free(w);
}

static bool lose_path_messages(struct world *w, const struct packet *p)
{
	(void)w;
	return p->len != 64;
}

static void wrong_answers(void **unused)
{
	struct world *w = world_e2e(6);
	struct host *a = &w->host[0], *b = &w->host[1];
	uint8_t token[8];

	(void)unused;
	w->filter = lose_path_messages;
	a->source = 1;
	assert_int_equal(send_seq(a, 1), 0);
	run(w, 50);
	memcpy(token, b->link->path[0].token, sizeof(token));
	w->filter = NULL;
	/* Another token; the right one from another address; then right. */
	token[0] ^= 1;
	send_token(a, NTM_MSG_PATH_RESPONSE, token, 8);
	token[0] ^= 1;
	send_token(a, NTM_MSG_PATH_RESPONSE, token, 7);
	a->source = 0;
	send_token(a, NTM_MSG_PATH_RESPONSE, token, 8);
	run(w, 50);
	assert_int_equal(b->moved, 0);
	assert_true(ntm_addr_eq(ntm_link_remote(b->link), &a->addr[0]));
	a->source = 1;
	send_token(a, NTM_MSG_PATH_RESPONSE, token, 8);
	run(w, 50);
	assert_int_equal(b->moved, 1);
	/* Used up. */
	b->link->remote = a->addr[0];
	send_token(a, NTM_MSG_PATH_RESPONSE, token, 8);
	run(w, 5);
	run(w, 6);
	assert_int_equal(b->moved, 1);
	world_free(w);
}

static void both_move_at_once(void **unused)
{
	struct world *w = world_e2e(7);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	/* New sources; the old addresses still receive for a while. */
	a->source = 1;
	b->source = 1;
	for (uint32_t seq = 0; seq < 20; seq++) {
		assert_int_equal(send_seq(a, seq), 0);
		assert_int_equal(send_seq(b, seq), 0);
		run(w, 20);
	}
	assert_int_equal(a->moved, 1);
	assert_int_equal(b->moved, 1);
	a->deaf[0] = true;
	b->deaf[0] = true;
	assert_talk(w, a, b, 100);
	world_free(w);
}

/* A rekey from the new address proves it as well as a challenge. */
static void moves_with_a_handshake(void **unused)
{
	struct world *w = world_e2e(8);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	a->source = 1;
	a->deaf[0] = true;
	ntm_link_restart(a->link, NULL, 0);
	run(w, 60);
	assert_int_equal(b->up, 2);
	assert_int_equal(b->moved, 1);
	assert_true(ntm_addr_eq(ntm_link_remote(b->link), &a->addr[1]));
	assert_talk(w, a, b, 1);
	world_free(w);
}

static bool first_packet_from_elsewhere(struct world *w, const struct packet *p)
{
	struct packet q = *p;

	if (p->data[0] != NTM_FRAME_TRANSPORT || !ntm_addr_eq(&p->from, &w->host[0].addr[0]))
		return true;
	q.from = w->host[3].addr[0];
	inject(w, &q);
	return false;
}

/* The RESPONSE went to the initiator; a confirmation from another place proves nothing there. */
static void confirmation_from_elsewhere(void **unused)
{
	struct world *w = world_new(9);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	w->filter = first_packet_from_elsewhere;
	open_e2e(b, a, false);
	open_e2e(a, b, true);
	run(w, 100);
	assert_int_equal(b->up, 1);
	assert_true(ntm_addr_eq(ntm_link_remote(b->link), &a->addr[0]));
	assert_int_equal(b->moved, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_an_answered_challenge),
		cmocka_unit_test(stays_without_an_answer),
		cmocka_unit_test(challenge_is_no_keepalive),
		cmocka_unit_test(challenges_keep_their_distance),
		cmocka_unit_test(only_the_newest_counts),
		cmocka_unit_test(challenges_are_answered_in_measure),
		cmocka_unit_test(wrong_answers),
		cmocka_unit_test(both_move_at_once),
		cmocka_unit_test(moves_with_a_handshake),
		cmocka_unit_test(confirmation_from_elsewhere),
	};

	world_seed(0);
	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
