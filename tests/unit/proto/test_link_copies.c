/* SPDX-License-Identifier: BSD-2-Clause */
/* What a handshake proves of an address, when somebody on the way records genuine messages and
 * sends them on from where he likes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/pathsworld.h"

/* A third party, or the attacker himself. */
static const struct ntm_addr *victim(struct world *w)
{
	return &w->host[3].addr[0];
}

/* Stops frames of that type and keeps the first; takes all frames for the victim. */
static struct {
	uint8_t type;
	unsigned stopped, to_victim, answers, challenges;
	size_t bytes_to_victim, bytes_from_victim;
	struct packet kept;
} evil;

static bool pass_evil(struct world *w, const struct packet *p)
{
	if (p->data[0] == evil.type && evil.stopped++ == 0)
		evil.kept = *p;
	if (p->data[0] == evil.type)
		return false;
	if (!ntm_addr_eq(&p->to, victim(w)))
		return pass(w, p);
	evil.to_victim++;
	evil.bytes_to_victim += p->len;
	evil.answers += p->data[0] == NTM_FRAME_RESPONSE;
	evil.challenges += p->data[0] == NTM_FRAME_TRANSPORT && p->len == 64;
	return false;
}

static struct world *evil_new(uint64_t seed, uint8_t type)
{
	struct world *w = net_new(seed);

	memset(&evil, 0, sizeof(evil));
	evil.type = type;
	w->filter = pass_evil;
	return w;
}

static void send_kept(struct world *w, const struct ntm_addr *from)
{
	evil.kept.from = *from;
	if (ntm_addr_eq(from, victim(w)))
		evil.bytes_from_victim += evil.kept.len;
	inject(w, &evil.kept);
}

static void assert_all_arrive(struct world *w, struct host *from, struct host *to)
{
	for (uint32_t seq = 0; seq < 100; seq++) {
		assert_int_equal(send_seq(from, seq), 0);
		run(w, 20);
		assert_true(has_seq(to, seq));
	}
}

/* Nothing but answers of the handshake and challenges went to the victim. */
static void assert_victim_is_left_alone(void)
{
	assert_int_equal(evil.to_victim, evil.answers + evil.challenges);
	assert_true(evil.bytes_to_victim <= evil.bytes_from_victim);
}

/* An INITIATION comes from the victim's address, so it seems, and once more as it was sent; then
 * the first packet under the new keys, late and from the victim's address, too. */
static void first_packet_from_elsewhere(void **unused)
{
	struct world *w = evil_new(1, NTM_FRAME_INITIATION);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	open_both(w, 0);
	assert_int_equal(evil.stopped, 1);
	send_kept(w, victim(w));
	run(w, 2);
	send_kept(w, &a->addr[0]);
	run(w, 11); /* b has answered both */
	assert_int_equal(w->sent[NTM_FRAME_RESPONSE], 2);
	assert_int_equal(evil.answers, 1);
	evil.type = NTM_FRAME_TRANSPORT;
	evil.stopped = 0;
	run(w, 10);
	assert_int_equal(a->up, 1);
	assert_true(evil.stopped > 0);
	evil.type = 0;
	send_kept(w, victim(w));
	run(w, 11);
	assert_int_equal(b->up, 1);
	assert_true(ntm_addr_eq(ntm_link_remote(b->link), &a->addr[0]));
	assert_all_arrive(w, b, a);
	assert_true(evil.challenges > 0);
	assert_victim_is_left_alone();
	world_free(w);
}

/* The same with the victim's copy alone: whoever has got the answer there lets us know. */
static void answered_elsewhere_only(void **unused)
{
	struct world *w = evil_new(2, NTM_FRAME_INITIATION);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	open_both(w, 0);
	evil.type = 0;
	send_kept(w, victim(w));
	run(w, 150);
	assert_int_equal(a->up + b->up, 0);
	run(w, 100); /* sent again, as it should be */
	assert_int_equal(a->up + b->up, 2);
	assert_true(is_direct(w, 0) && is_direct(w, 1));
	assert_talk(w, a, b, 1);
	assert_victim_is_left_alone();
	world_free(w);
}

/* The RESPONSE comes from the victim's address, so it seems: one that we sent nothing to, ... */
static void response_from_elsewhere(void **unused)
{
	struct world *w = evil_new(3, NTM_FRAME_RESPONSE);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	open_both(w, 0);
	run(w, 11);
	assert_int_equal(evil.stopped, 1);
	evil.type = 0;
	send_kept(w, victim(w));
	run(w, 11);
	assert_int_equal(a->up, 1);
	assert_true(is_direct(w, 0));
	assert_all_arrive(w, a, b);
	assert_victim_is_left_alone();
	world_free(w);
}

/* ... or one that the peer has named as his own. */
static void response_from_a_candidate(void **unused)
{
	struct world *w = evil_new(4, NTM_FRAME_RESPONSE);
	struct host *a = &w->host[0], *b = &w->host[1];
	unsigned initiations;
	struct ntm_addr to[2] = {*victim(w), b->addr[0]};
	struct ntm_link_args args = e2e_args(b, true);

	(void)unused;
	open_e2e(b, a, false);
	args.multipath = true;
	args.candidates = to;
	args.candidate_count = 2;
	assert_int_equal(ntm_link_open(a->links, &args, &a->link), 0);
	initiations = evil.to_victim;
	assert_int_equal(initiations, 1);
	evil.to_victim = 0;
	run(w, 11);
	assert_int_equal(evil.stopped, 1);
	evil.type = 0;
	send_kept(w, victim(w));
	run(w, 11);
	assert_int_equal(a->up, 1);
	assert_true(is_direct(w, 0));
	assert_all_arrive(w, a, b);
	assert_int_equal(evil.to_victim, evil.challenges);
	assert_int_equal(evil.challenges, 6); /* security.md A2 */
	world_free(w);
}

/* However many copies come from wherever, there is an end of what is kept of them. */
static void many_copies(void **unused)
{
	struct world *w = evil_new(5, NTM_FRAME_INITIATION);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	open_both(w, 0);
	evil.type = 0;
	send_kept(w, &a->addr[0]);
	run(w, 10);
	for (uint8_t i = 0; i < 100; i++) {
		evil.kept.from.ip = ntm_ip_v4(10, i, 0, 1);
		hand_over(b, &evil.kept);
	}
	assert_int_equal(w->sent[NTM_FRAME_RESPONSE], 101);
	assert_int_equal(ntm_map_count(b->links->by_index), LINK_COPIES);
	run(w, 300);
	assert_int_equal(a->up + b->up, 2);
	assert_int_equal(ntm_map_count(b->links->by_index), 1);
	assert_true(is_direct(w, 1));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_packet_from_elsewhere),
		cmocka_unit_test(answered_elsewhere_only),
		cmocka_unit_test(response_from_elsewhere),
		cmocka_unit_test(response_from_a_candidate),
		cmocka_unit_test(many_copies),
	};

	world_seed(0);
	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
