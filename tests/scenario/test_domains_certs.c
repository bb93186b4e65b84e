/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates of another domain's nodes: run out, renewed, revoked. */
#include "sim_two.h"

#include "dc_priv.h"
#include "node_priv.h"

static bool is_refused_now(struct two *two, const char *part)
{
	const struct sim_want *want = sim_want_now(two->alice, two->bob, SIM_BY_NAME);

	print_message("# \"%s\"\n", want->words);
	return want->err != 0 && strstr(want->words, part) != NULL;
}

/* bob's certificate of a year ago, at his DC: refused by ours. */
static void expired(void **state)
{
	struct registry_node *bob;
	struct ntm_cert_blob sound;
	struct ntm_cert cert;
	struct two two;

	two_up(*state, &two);
	bob = registry_by_name(&two.b->dc->registry, "bob.b.example");
	sound = bob->cert.blob;
	assert_int_equal(ntm_cert_check(&cert, sound.data, sound.len, two.b->root.pub, SIM_NOW_S),
			 0);
	cert.not_before_s -= 365 * 86400;
	cert.not_after_s -= 365 * 86400;
	bob->cert.blob.len = (uint16_t)ntm_cert_sign(&cert, &two.b->root, bob->cert.blob.data);
	assert_true(is_refused_now(&two, "is not valid now"));
	bob->cert.blob = sound;
	sim_run(*state, TUNNEL_NEGATIVE_MS + 100);
	assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_NAME)->err, 0);
	two_check(&two);
}

/* Certificates of 6 h, for 24 h: those of nodes are renewed in time. Then half a year with the
 * hosts off: those of DCs and domains are. */
static void renewed(void **state)
{
	struct sim *sim = *state;
	struct two two;

	two_dcs(sim, &two);
	two.a->settings.cert_lifetime_s = two.b->settings.cert_lifetime_s = 6 * 3600;
	sim_dc_kill(two.a);
	sim_dc_kill(two.b);
	sim_dc_start(two.a);
	sim_dc_start(two.b);
	sim_trust_each_other(two.a, two.b);
	two_nodes(&two, NULL, NULL);
	for (unsigned hour = 0; hour < 24; hour += 2) {
		sim_run(sim, 2 * 3600 * INT64_C(1000));
		assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_NAME)->err, 0);
		two_check(&two);
	}
	assert_true(two.alice->lease_changes >= 6);
	for (unsigned month = 0; month < 6; month++) {
		sim_node_stop(two.alice);
		sim_node_stop(two.bob);
		sim_run(sim, 30 * 86400 * INT64_C(1000));
		sim_node_start(two.alice);
		sim_node_start(two.bob);
		sim_run(sim, 2000);
		assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_NAME)->err, 0);
		two_check(&two);
	}
}

/* A new direction is refused. A tunnel that is up stays: only the own domain's nodes are told. */
static void revoked(void **state)
{
	struct sim *sim = *state;
	unsigned heard = 0;
	struct two two;

	two_up(sim, &two);
	assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_NAME)->err, 0);
	two_check(&two);
	sim_dc_revoke(two.b, "bob.b.example");
	sim_run(sim, 1000);
	print_message("# 1 s after bob was revoked in his domain: alice has %s tunnel to him\n",
		      sim_is_tunnel(two.alice, two.bob) ? "a" : "no");
	for (unsigned minute = 0; minute < 15; minute++) {
		unsigned before = two.alice->data_in;

		sim_say(two.bob, two.alice, 4, 9999, "still here");
		sim_run(sim, 60000);
		heard += two.alice->data_in - before;
	}
	print_message("# 15 min later, one packet a minute from bob: %u arrived\n", heard);
	sim_node_kill(two.alice);
	sim_node_start(two.alice);
	sim_run(sim, 6000);
	assert_true(is_refused_now(&two, "bob.b.example"));
	assert_false(sim_is_tunnel(two.alice, two.bob));
}

#define scenario(fn) cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(expired),
		scenario(renewed),
		scenario(revoked),
	};

	return sim_main("domains_certs", tests, sizeof(tests) / sizeof(tests[0]));
}
