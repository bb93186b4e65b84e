/* SPDX-License-Identifier: BSD-2-Clause */
/* Two domains: their DCs find each other by DNS, and their nodes call each other. */
#include "sim.h"

#include "foreign.h"

#include "ntm/dnsmsg.h"

#include <errno.h>

struct two {
	struct sim_dc *a, *b;
	struct sim_node *alice, *bob;
};

static void make_two(struct sim *sim, struct two *two)
{
	two->a = sim_dc_new(sim, "a.example", "192.0.2.1");
	two->b = sim_dc_new(sim, "b.example", "192.0.2.2");
	sim_trust_each_other(two->a, two->b);
	two->alice = sim_node_up(two->a, &sim->internet, "192.0.2.10", "alice");
	two->bob = sim_node_up(two->b, &sim->internet, "192.0.2.20", "bob");
	sim_run(sim, 500); /* the lists of partners */
}

static void by_name(void **state)
{
	struct sim *sim = *state;
	struct two two;
	struct sim_lookup got = {0};

	make_two(sim, &two);
	sim_resolve(two.alice, "bob.b.example", NTM_DNS_A, &got);
	sim_run(sim, 1400);
	assert_int_equal(got.rcode, 0);
	assert_int_equal(got.count, 1);
	assert_true(ntm_ip_eq(&got.ip, &two.bob->lease.vip4));
	assert_true(sim_is_tunnel(two.alice, two.bob));
	assert_true(sim_is_tunnel(two.bob, two.alice));
	sim_say(two.alice, two.bob, 4, 4000, "hello b");
	sim_say(two.bob, two.alice, 6, 4000, "hello a");
	sim_run(sim, 200);
	assert_string_equal(two.bob->data, "hello b");
	assert_string_equal(two.alice->data, "hello a");
}

static void by_vip(void **state)
{
	struct sim *sim = *state;
	struct two two;

	make_two(sim, &two);
	for (uint8_t family = 4; family <= 6; family += 2) {
		sim_say(two.alice, two.bob, family, 4000, family == 4 ? "four" : "six");
		sim_run(sim, 1500);
		assert_string_equal(two.bob->data, family == 4 ? "four" : "six");
	}
	assert_true(sim_is_tunnel(two.alice, two.bob));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(by_name, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(by_vip, sim_setup, sim_teardown),
	};

	return sim_main("domains", tests, sizeof(tests) / sizeof(tests[0]));
}
