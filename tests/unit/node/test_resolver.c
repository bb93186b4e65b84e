/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the node's resolver: which names start a direction, and what is answered when. */
#include "resolverworld.h"

/* ---- R53, R61: names of nodes ---- */

static void a_node_name_waits_for_its_tunnel(void **state)
{
	struct world *w = world_new();

	(void)state;
	ask(w, 7, "B.NTM.Example", NTM_DNS_A);
	assert_int_equal(w->tunnels.wants, 1);
	assert_string_equal(w->tunnels.name, "b.ntm.example");
	pass(w, 300);
	assert_int_equal(w->sent_count, 0);
	tell_up(w, 0);
	assert_int_equal(w->sent_count, 1);
	assert_vip(w, "198.18.0.9");
	assert_int_equal(last(w)->id, 7);
	assert_int_equal(w->sent[0].view.dport, ASKER_PORT);
	pass(w, 10000);
	assert_int_equal(w->sent_count, 1);
	assert_int_equal(w->dc.count + w->upstream.count, 0);
	world_free(w);
}

static void a_tunnel_that_is_up_answers_at_once(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->tunnels.result = 1;
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	assert_vip(w, "198.18.0.9");
	w->is_six = true;
	ask(w, 2, "b.ntm.example", NTM_DNS_AAAA);
	assert_vip(w, "fd00::9");
	assert_int_equal(resolver_counters(w->resolver)->answered_up, 2);
	world_free(w);
}

static void a_family_that_the_peer_lacks_is_an_empty_answer(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->tunnels.result = 1;
	w->tunnels.tunnel.vip6 = (struct ntm_ip){0};
	ask(w, 1, "b.ntm.example", NTM_DNS_AAAA);
	assert_int_equal(last(w)->rcode, NTM_DNS_NOERROR);
	assert_int_equal(last(w)->count, 0);
	world_free(w);
}

static void our_own_name_needs_no_tunnel(void **state)
{
	struct world *w = world_new();

	(void)state;
	ask(w, 1, "a.ntm.example", NTM_DNS_A);
	assert_vip(w, "198.18.0.7");
	ask(w, 2, "a.ntm.example", NTM_DNS_AAAA);
	assert_vip(w, "fd00::7");
	assert_int_equal(w->tunnels.wants, 0);
	world_free(w);
}

/* design.md 6: an error after 1.5 s. */
static void a_late_tunnel_is_a_server_failure(void **state)
{
	struct world *w = world_new();

	(void)state;
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	pass(w, DEADLINE_MS - 1);
	assert_int_equal(w->sent_count, 0);
	pass(w, 1);
	assert_servfail(w, 1);
	assert_null(w->tunnels.waits[0]->tunnel); /* waits no more */
	assert_int_equal(resolver_counters(w->resolver)->answered_late, 1);
	/* The asker's retry starts anew, whatever else is pending. */
	ask(w, 3, "www.example.com", NTM_DNS_A);
	ask(w, 2, "c.ntm.example", NTM_DNS_A);
	tell_error(w, 1, -EHOSTUNREACH, NTM_DIR_OFFLINE);
	ask(w, 2, "c.ntm.example", NTM_DNS_A);
	ask(w, 3, "www.example.com", NTM_DNS_A); /* but this one is pending */
	assert_int_equal(w->tunnels.wants, 3);
	assert_int_equal(w->upstream.count, 1);
	world_free(w);
}

static void a_query_asked_again_is_one(void **state)
{
	struct world *w = world_new();

	(void)state;
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	assert_int_equal(w->tunnels.wants, 1);
	/* These are others. */
	ask(w, 2, "b.ntm.example", NTM_DNS_A);
	ask(w, 1, "b.ntm.example", NTM_DNS_AAAA);
	w->port++;
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	w->is_six = true;
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	assert_int_equal(w->tunnels.wants, 5);
	world_free(w);
}

struct outcome {
	int err;
	uint8_t code;
	bool to_dc;
};

static const struct outcome outcomes[] = {
	{-ENOENT, NTM_DIR_NO_SUCH_NAME, true},
	{-ENOENT, NTM_DIR_NOT_NTM, true},
	{-EHOSTUNREACH, NTM_DIR_OFFLINE, false},
	{-EACCES, NTM_DIR_FORBIDDEN, false},
	{-EHOSTUNREACH, NTM_DIR_NO_RELAY, false},
	{-EBUSY, NTM_DIR_BUSY, false},
	{-ENETUNREACH, 0, false},
	{-ECANCELED, 0, false},
	{-EHOSTUNREACH, NTM_DIR_NO_SUCH_ADDRESS, false},
};

static void the_dc_answers_for_names_that_are_no_nodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		struct world *w = world_new();

		ask(w, 1, "dc.ntm.example", NTM_DNS_A);
		tell_error(w, 0, outcomes[i].err, outcomes[i].code);
		assert_int_equal(w->dc.count, outcomes[i].to_dc);
		if (!outcomes[i].to_dc)
			assert_servfail(w, 1);
		else
			assert_int_equal(w->sent_count, 0);
		world_free(w);
	}
}

/* The same from the negative cache. */
static void a_failure_that_is_remembered_counts_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		struct world *w = world_new();

		w->tunnels.result = -EHOSTUNREACH;
		w->tunnels.tunnel.fail_code = outcomes[i].code;
		ask(w, 1, "dc.ntm.example", NTM_DNS_A);
		assert_int_equal(w->dc.count, outcomes[i].to_dc);
		if (!outcomes[i].to_dc)
			assert_servfail(w, 1);
		world_free(w);
	}
}

static void too_many_tunnels_are_a_server_failure(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->tunnels.result = -ENOSPC;
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	assert_servfail(w, 1);
	world_free(w);
}

static void the_dcs_answer_is_given_as_it_came(void **state)
{
	struct world *w = world_new();
	struct ntm_dns_rr rr = address("192.0.2.1");
	uint8_t msg[600];

	(void)state;
	ask(w, 1, "dc.ntm.example", NTM_DNS_A);
	tell_error(w, 0, -ENOENT, NTM_DIR_NOT_NTM);
	size_t len = answer_to(&w->dc, &rr, 1, msg, sizeof(msg));
	pass(w, RESOLVER_UPSTREAM_MS - 1); /* it has time of its own */
	resolver_answer(w->resolver, w->dc.slot, msg, len);
	assert_int_equal(w->sent_count, 1);
	assert_int_equal(w->sent[0].view.payload_len, len);
	assert_memory_equal(w->sent[0].view.payload, msg, len);
	world_free(w);
}

static void what_goes_to_the_dc(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
	} queries[] = {
		{"_sip._udp.ntm.example", NTM_DNS_SRV},
		{"_sip._udp.ntm.example", NTM_DNS_A},
		{"b._udp.ntm.example", NTM_DNS_A},
		{"ntm.example", NTM_DNS_A},
		{"ntm.example", NTM_DNS_SOA},
		{"b.ntm.example", NTM_DNS_NAPTR},
		{"b.ntm.example", NTM_DNS_ANY},
		{"b.ntm.example", NTM_DNS_TXT},
		{"b.ntm.example", NTM_DNS_PTR},
		{"b.ntm.example", 65},
		{"8.0.18.198.in-addr.arpa", NTM_DNS_PTR}, /* nobody that we know */
		{"9.0.18.198.in-addr.arpa", NTM_DNS_A},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct world *w = world_new();

		ask(w, 1, queries[i].name, queries[i].type);
		assert_int_equal(w->dc.count, 1);
		assert_int_equal(w->tunnels.wants + w->upstream.count, 0);
		assert_int_equal(resolver_counters(w->resolver)->forwarded_dc, 1);
		world_free(w);
	}
}

static void a_name_too_long_for_a_node_is_none(void **state)
{
	struct world *w = world_new();
	char name[200];

	(void)state;
	memset(name, 'x', sizeof(name));
	for (size_t i = 50; i < 150; i += 50)
		name[i] = '.';
	strcpy(name + 150, ".ntm.example");
	ask(w, 1, name, NTM_DNS_A);
	assert_int_equal(w->dc.count, 1);
	assert_int_equal(w->tunnels.wants, 0);
	world_free(w);
}

/* Only labels that begin with it are services. */
static void a_node_may_have_an_underscore(void **state)
{
	struct world *w = world_new();

	(void)state;
	ask(w, 1, "front_door.ntm.example", NTM_DNS_A);
	assert_int_equal(w->tunnels.wants, 1);
	world_free(w);
}

static void what_goes_upstream(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
	} queries[] = {
		{"www.example.com", NTM_DNS_A},          {"xntm.example", NTM_DNS_A},
		{"ntm.example.com", NTM_DNS_AAAA},       {"example", NTM_DNS_NS},
		{"1.2.0.192.in-addr.arpa", NTM_DNS_PTR}, {"_sip._udp.example.com", NTM_DNS_SRV},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct world *w = world_new();
		uint8_t msg[512];
		size_t len = make(0x1234, queries[i].name, queries[i].type, msg);

		ask_bytes(w, msg, len);
		assert_int_equal(w->upstream.count, 1);
		assert_int_equal(w->upstream.len, len);
		assert_memory_equal(w->upstream.query, msg, len); /* untouched */
		assert_int_equal(w->tunnels.wants + w->dc.count, 0);
		world_free(w);
	}
}

static void known_vips_have_names(void **state)
{
	struct world *w = world_new();

	(void)state;
	ask(w, 1, "9.0.18.198.in-addr.arpa", NTM_DNS_PTR);
	assert_int_equal(last(w)->count, 1);
	assert_int_equal(last(w)->rr[0].type, NTM_DNS_PTR);
	assert_string_equal(last(w)->rr[0].target, "b.ntm.example");
	assert_int_equal(w->dc.count, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_name_waits_for_its_tunnel),
		cmocka_unit_test(a_tunnel_that_is_up_answers_at_once),
		cmocka_unit_test(a_family_that_the_peer_lacks_is_an_empty_answer),
		cmocka_unit_test(our_own_name_needs_no_tunnel),
		cmocka_unit_test(a_late_tunnel_is_a_server_failure),
		cmocka_unit_test(a_query_asked_again_is_one),
		cmocka_unit_test(the_dc_answers_for_names_that_are_no_nodes),
		cmocka_unit_test(a_failure_that_is_remembered_counts_the_same),
		cmocka_unit_test(too_many_tunnels_are_a_server_failure),
		cmocka_unit_test(the_dcs_answer_is_given_as_it_came),
		cmocka_unit_test(what_goes_to_the_dc),
		cmocka_unit_test(a_name_too_long_for_a_node_is_none),
		cmocka_unit_test(a_node_may_have_an_underscore),
		cmocka_unit_test(what_goes_upstream),
		cmocka_unit_test(known_vips_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
