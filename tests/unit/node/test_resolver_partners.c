/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the node's resolver: names and addresses of partner domains. */
#include "resolverworld.h"

#include "node/partner_sample.h"

static struct world *world_partners(void)
{
	struct world *w = world_new();

	partner_put(&w->partners, &w->lease,
		    partner_sample("b.example", 2, "198.19.0.0/16", "fd02::/64"));
	partner_put(&w->partners, &w->lease,
		    partner_sample("sub.ntm.example", 3, "198.20.0.0/16", NULL));
	w->tunnels.tunnel.vip4 = ip_of("198.19.0.9");
	w->tunnels.tunnel.vip6 = ip_of("fd02::9");
	return w;
}

static void a_partners_name_starts_a_direction(void **state)
{
	static const char *const names[] = {"bob.b.example", "x.y.b.example",
					    "bob.sub.ntm.example"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world *w = world_partners();

		ask(w, 1, names[i], NTM_DNS_A);
		ask(w, 2, names[i], NTM_DNS_AAAA);
		assert_int_equal(w->tunnels.wants, 2);
		assert_string_equal(w->tunnels.name, names[i]);
		assert_int_equal(w->upstream.count + w->dc.count, 0);
		tell_up(w, 0);
		assert_vip(w, "198.19.0.9");
		tell_up(w, 1);
		assert_vip(w, "fd02::9");
		world_free(w);
	}
}

/* Their zones are found as everybody finds them: our DC serves its own. */
static void what_is_no_nodes_goes_upstream(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
	} cases[] = {
		{"b.example", NTM_DNS_A},
		{"b.example", NTM_DNS_AAAA},
		{"_sip._udp.b.example", NTM_DNS_SRV},
		{"_sip._udp.b.example", NTM_DNS_A},
		{"bob.b.example", NTM_DNS_SRV},
		{"bob.b.example", NTM_DNS_TXT},
		{"b.example", NTM_DNS_NS},
		{"sub.ntm.example", NTM_DNS_A},
		{"_sip._udp.sub.ntm.example", NTM_DNS_SRV},
		{"xb.example", NTM_DNS_A},
	};
	struct world *w = world_partners();

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask(w, (uint16_t)i, cases[i].name, cases[i].type);
		assert_int_equal(w->upstream.count, i + 1);
	}
	assert_int_equal(w->tunnels.wants, 0);
	assert_int_equal(w->dc.count, 0);
	/* Ours do not. */
	ask(w, 100, "_sip._udp.ntm.example", NTM_DNS_SRV);
	ask(w, 101, "ntm.example", NTM_DNS_A);
	assert_int_equal(w->dc.count, 2);
	world_free(w);
}

static void errors_of_a_direction(void **state)
{
	static const struct {
		int err;
		uint8_t code;
		bool upstream;
	} cases[] = {
		{-ENOENT, NTM_DIR_NO_SUCH_NAME, true},
		{-ENOENT, NTM_DIR_NOT_NTM, true},
		{-ENETUNREACH, NTM_DIR_NO_DC, false},
		{-EACCES, NTM_DIR_UNTRUSTED, false},
		{-EHOSTUNREACH, NTM_DIR_OFFLINE, false},
		{-EACCES, NTM_DIR_FORBIDDEN, false},
		{-ENETUNREACH, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_partners();

		ask(w, 1, "dc.b.example", NTM_DNS_A);
		tell_error(w, 0, cases[i].err, cases[i].code);
		assert_int_equal(w->upstream.count, cases[i].upstream);
		assert_int_equal(w->dc.count, 0);
		if (!cases[i].upstream)
			assert_servfail(w, 1);
		/* Known a moment later without a direction. */
		w->tunnels.result = -EHOSTUNREACH;
		w->tunnels.tunnel.fail_code = cases[i].code;
		ask(w, 2, "dc.b.example", NTM_DNS_A);
		assert_int_equal(w->upstream.count, cases[i].upstream ? 2 : 0);
		world_free(w);
	}
}

static void the_dcs_real_address_comes_from_upstream(void **state)
{
	struct world *w = world_partners();
	struct ntm_dns_rr rr = address("203.0.113.5");
	uint8_t msg[600];

	(void)state;
	ask(w, 1, "dc.b.example", NTM_DNS_A);
	tell_error(w, 0, -ENOENT, NTM_DIR_NOT_NTM);
	size_t len = answer_to(&w->upstream, &rr, 1, msg, sizeof(msg));
	resolver_answer(w->resolver, w->upstream.slot, msg, len);
	assert_int_equal(last(w)->count, 1);
	assert_true(ntm_ip_eq(&last(w)->rr[0].ip, &rr.ip));
	world_free(w);
}

/* Virtual addresses come by directions only, also those of the name's own domain. */
static void rebinding_into_a_partner_is_refused(void **state)
{
	static const char *const names[] = {"b.example", "evil.example.com"};
	static const char *const addresses[] = {"198.19.0.1", "fd02::1", "198.20.7.7",
						"198.18.0.9"};

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		struct world *w = world_partners();
		struct ntm_dns_rr rr = address(addresses[i / 2]);
		uint8_t msg[600];

		ask(w, 1, names[i % 2], rr.type);
		size_t len = answer_to(&w->upstream, &rr, 1, msg, sizeof(msg));
		resolver_answer(w->resolver, w->upstream.slot, msg, len);
		assert_servfail(w, 1);
		assert_int_equal(resolver_counters(w->resolver)->rebinding, 1);
		world_free(w);
	}
}

static void reverse_names(void **state)
{
	struct world *w = world_partners();

	(void)state;
	w->known = ip_of("198.19.0.9");
	ask(w, 1, "9.0.19.198.in-addr.arpa", NTM_DNS_PTR);
	assert_int_equal(last(w)->count, 1);
	assert_string_equal(last(w)->rr[0].target, "b.ntm.example");
	ask(w, 2, "8.0.19.198.in-addr.arpa", NTM_DNS_PTR);
	assert_int_equal(w->upstream.count, 1);
	ask(w, 3, "0.0.19.198.in-addr.arpa", NTM_DNS_A);
	assert_int_equal(w->upstream.count, 2);
	assert_int_equal(w->dc.count, 0);
	ask(w, 4, "8.0.18.198.in-addr.arpa", NTM_DNS_PTR);
	assert_int_equal(w->dc.count, 1);
	world_free(w);
}

/* The list has changed since. */
static void a_former_partners_name_is_anybodys(void **state)
{
	struct world *w = world_partners();

	(void)state;
	memset(&w->partners, 0, sizeof(w->partners));
	ask(w, 1, "bob.b.example", NTM_DNS_A);
	assert_int_equal(w->tunnels.wants, 0);
	assert_int_equal(w->upstream.count, 1);
	ask(w, 2, "bob.sub.ntm.example", NTM_DNS_A);
	assert_int_equal(w->tunnels.wants, 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_partners_name_starts_a_direction),
		cmocka_unit_test(what_is_no_nodes_goes_upstream),
		cmocka_unit_test(errors_of_a_direction),
		cmocka_unit_test(the_dcs_real_address_comes_from_upstream),
		cmocka_unit_test(rebinding_into_a_partner_is_refused),
		cmocka_unit_test(reverse_names),
		cmocka_unit_test(a_former_partners_name_is_anybodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
