/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the node's resolver: answers that name exits are given when their routes are there. */
#include "resolverworld.h"

static size_t answer_upstream(struct world *w, uint8_t *msg)
{
	struct ntm_dns_rr rr = address("198.51.100.5");
	size_t len = answer_to(&w->upstream, &rr, 1, msg, 512);

	resolver_answer(w->resolver, w->upstream.slot, msg, len);
	return len;
}

static void an_answer_waits_for_its_routes(void **state)
{
	struct world *w = world_new();
	uint8_t msg[512];

	(void)state;
	w->learn_due = 7;
	ask(w, 1, "sip.provider.example", NTM_DNS_A);
	size_t len = answer_upstream(w, msg);
	assert_int_equal(w->learns, 1);
	assert_int_equal(w->sent_count, 0);
	resolver_on_routed(w->resolver, 6);
	assert_int_equal(w->sent_count, 0);
	resolver_on_routed(w->resolver, 7);
	assert_int_equal(w->sent_count, 1);
	assert_int_equal(w->sent[0].view.payload_len, len);
	assert_memory_equal(w->sent[0].view.payload, msg, len); /* as it came */
	resolver_on_routed(w->resolver, 8);
	assert_int_equal(w->sent_count, 1);
	assert_int_equal(resolver_counters(w->resolver)->waited_route, 1);
	world_free(w);
}

static void other_answers_are_given_at_once(void **state)
{
	struct world *w = world_new();
	uint8_t msg[512];

	(void)state;
	ask(w, 1, "www.example", NTM_DNS_A);
	size_t len = answer_upstream(w, msg);
	assert_int_equal(w->learns, 1);
	assert_int_equal(w->sent_count, 1);
	assert_memory_equal(w->sent[0].view.payload, msg, len);
	world_free(w);
}

static void without_routes_there_is_no_answer(void **state)
{
	struct world *w = world_new();
	uint8_t msg[512];

	(void)state;
	w->learn_due = 7;
	ask(w, 1, "sip.provider.example", NTM_DNS_A);
	answer_upstream(w, msg);
	pass(w, RESOLVER_ROUTE_MS - 1);
	assert_int_equal(w->sent_count, 0);
	pass(w, 1);
	assert_servfail(w, 1);
	w->learn_due = -ENOSPC;
	ask(w, 2, "sip.provider.example", NTM_DNS_A);
	answer_upstream(w, msg);
	assert_servfail(w, 2);
	world_free(w);
}

/* A second answer in the same slot is nobody's; one that waits makes room for others. */
static void an_answer_that_waits_is_bounded_like_others(void **state)
{
	struct world *w = world_new();
	uint8_t msg[512];

	(void)state;
	w->learn_due = 7;
	ask(w, 1, "sip.provider.example", NTM_DNS_A);
	uint16_t slot = w->upstream.slot;
	size_t len = answer_upstream(w, msg);
	resolver_answer(w->resolver, slot, msg, len);
	assert_int_equal(w->learns, 1);
	assert_int_equal(w->sent_count, 0);
	for (uint16_t i = 0; i < RESOLVER_PENDING_MAX; i++)
		ask(w, (uint16_t)(100 + i), "www.example", NTM_DNS_A);
	assert_servfail(w, 1);
	resolver_on_routed(w->resolver, 7);
	assert_int_equal(w->sent_count, 1);
	world_free(w);
}

/* What the DC answers are names of ours, and what points into the virtual prefixes is refused. */
static void nothing_is_learned_from_what_is_not_upstreams(void **state)
{
	struct world *w = world_new();
	struct ntm_dns_rr rr = address("198.51.100.5");
	struct ntm_dns_rr inside = address("198.18.3.3");
	uint8_t msg[512];

	(void)state;
	ask(w, 1, "_sip._udp.ntm.example", NTM_DNS_A);
	size_t len = answer_to(&w->dc, &rr, 1, msg, sizeof(msg));
	resolver_answer(w->resolver, w->dc.slot, msg, len);
	assert_int_equal(w->sent_count, 1);
	ask(w, 2, "sip.provider.example", NTM_DNS_A);
	len = answer_to(&w->upstream, &inside, 1, msg, sizeof(msg));
	resolver_answer(w->resolver, w->upstream.slot, msg, len);
	assert_servfail(w, 2);
	assert_int_equal(w->learns, 0);
	world_free(w);
}

static void a_resolver_that_ends_frees_what_waits(void **state)
{
	struct world *w = world_new();
	uint8_t msg[512];

	(void)state;
	w->learn_due = 7;
	ask(w, 1, "sip.provider.example", NTM_DNS_A);
	answer_upstream(w, msg);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_waits_for_its_routes),
		cmocka_unit_test(other_answers_are_given_at_once),
		cmocka_unit_test(without_routes_there_is_no_answer),
		cmocka_unit_test(an_answer_that_waits_is_bounded_like_others),
		cmocka_unit_test(nothing_is_learned_from_what_is_not_upstreams),
		cmocka_unit_test(a_resolver_that_ends_frees_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
