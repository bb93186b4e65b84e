/* SPDX-License-Identifier: BSD-2-Clause */
/* Two domains: their DCs find each other by DNS, and their nodes reach each other, NATs or not. */
#include "sim_two.h"

#include "dc_priv.h"
#include "node_priv.h"

#include "ntm/dnsmsg.h"

/* ---- by name, by address ---- */

static void by_name(void **state)
{
	struct sim *sim = *state;
	struct sim_lookup got, ptr;
	char name[NTM_IP_ARPA_STR];
	struct two two;

	two_up(sim, &two);
	sim_resolve(two.alice, "bob.b.example", NTM_DNS_A, &got);
	sim_run(sim, 1400);
	assert_int_equal(got.rcode, 0);
	assert_int_equal(got.count, 1);
	assert_true(ntm_ip_eq(&got.ip, &two.bob->lease.vip4));
	print_message("# cold, by name: %lld ms (DNS 60, the rest 40 ms there and back)\n",
		      (long long)(got.answered_ms - got.asked_ms));
	/* SRV, A; XX and a half; INFORMATION, CN and back; the Tunnel Request. */
	assert_in_range(got.answered_ms - got.asked_ms, 200, 400);
	two_check(&two);
	/* The name behind an address is the node's, here. */
	sim_resolve(two.alice, ntm_ip_arpa(&two.bob->lease.vip6, name), NTM_DNS_PTR, &ptr);
	sim_run(sim, 300);
	assert_string_equal(ptr.target, "bob.b.example");
	two_check_quiet(&two);
}

static void by_vip(struct sim *sim, enum sim_by by)
{
	const struct sim_want *want;
	struct two two;

	two_up(sim, &two);
	want = sim_want_now(two.alice, two.bob, by);
	assert_int_equal(want->err, 0);
	assert_in_range(want->took_ms, 200, 400);
	two_check(&two);
	two_check_quiet(&two);
}

static void by_vip4(void **state)
{
	by_vip(*state, SIM_BY_VIP4);
}

static void by_vip6(void **state)
{
	by_vip(*state, SIM_BY_VIP6);
}

/* RTT(MN-DC_MN) + RTT(DC_MN-DC_CN) + RTT(DC_CN-CN) + RTT(MN-CN), 40 ms each. */
static void warm(void **state)
{
	struct sim *sim = *state;
	const struct sim_want *want;
	uint64_t asked;
	struct two two;

	two_up(sim, &two);
	two_warm(&two);
	asked = sim->dns.asked;
	want = sim_want_now(two.alice, two.bob, SIM_BY_VIP4);
	print_message("# warm: %lld ms\n", (long long)want->took_ms);
	assert_int_equal(want->err, 0);
	assert_in_range(want->took_ms, 120, 160 + 5);
	assert_int_equal(sim->dns.asked, asked);
	two_check(&two);
}

/* Name and both addresses at once, before it is known that they are one peer's. */
static void three_ways_at_once(struct sim *sim, bool is_warm)
{
	struct sim_want *want[3];
	struct two two;

	two_up(sim, &two);
	if (is_warm)
		two_warm(&two);
	for (int by = SIM_BY_NAME; by <= SIM_BY_VIP6; by++)
		want[by] = sim_want(two.alice, two.bob, (enum sim_by)by);
	for (int by = SIM_BY_NAME; by <= SIM_BY_VIP6; by++) {
		assert_true(sim_until(sim, sim_want_is_over, want[by], 1500));
		assert_int_equal(want[by]->err, 0);
	}
	sim_run(sim, 1000);
	two_check(&two);
	two_check_quiet(&two);
}

static void three_ways_at_once_cold(void **state)
{
	three_ways_at_once(*state, false);
}

static void three_ways_at_once_warm(void **state)
{
	three_ways_at_once(*state, true);
}

/* Both want each other in all three ways. */
static void six_ways_at_once(void **state)
{
	struct sim *sim = *state;
	struct sim_want *want[6];
	struct two two;

	two_up(sim, &two);
	for (int i = 0; i < 6; i++)
		want[i] = sim_want(i % 2 == 0 ? two.alice : two.bob,
				   i % 2 == 0 ? two.bob : two.alice, (enum sim_by)(i / 2));
	for (int i = 0; i < 6; i++) {
		assert_true(sim_until(sim, sim_want_is_over, want[i], 3000));
		assert_int_equal(want[i]->err, 0);
	}
	sim_run(sim, 1000);
	two_check(&two);
	two_check_quiet(&two);
}

/* ---- NATs ---- */

static void with_nat(struct sim *sim, enum sim_nat_kind kind, bool is_alice_inside, bool is_in_mn)
{
	struct sim_nat *nat = sim_nat_new(sim, kind, "192.0.2.30");
	struct sim_node *inside, *outside;
	const struct sim_want *want;
	struct two two;

	two_dcs(sim, &two);
	sim_trust_each_other(two.a, two.b);
	two_nodes(&two, is_alice_inside ? nat : NULL, is_alice_inside ? NULL : nat);
	inside = is_alice_inside ? two.alice : two.bob;
	outside = is_alice_inside ? two.bob : two.alice;
	want = sim_want_now(is_in_mn ? inside : outside, is_in_mn ? outside : inside, SIM_BY_NAME);
	assert_int_equal(want->err, 0);
	two_check(&two);
	/* Quiet for longer than the mapping lives: still reachable from outside. */
	nat->timeout_ms = 30000;
	sim_run(sim, 5 * 60 * 1000);
	sim_say(outside, inside, 4, 9999, "late");
	sim_run(sim, 500);
	assert_string_equal(inside->data, "late");
}

#define nat_scenarios(name, kind)                     \
	static void name##_mn(void **state)           \
	{                                             \
		with_nat(*state, kind, true, true);   \
	}                                             \
	static void name##_cn(void **state)           \
	{                                             \
		with_nat(*state, kind, true, false);  \
	}                                             \
	static void name##_bob_cn(void **state)       \
	{                                             \
		with_nat(*state, kind, false, false); \
	}
nat_scenarios(full_cone, SIM_FULL_CONE) nat_scenarios(address_restricted, SIM_ADDRESS_RESTRICTED)
	nat_scenarios(port_restricted, SIM_PORT_RESTRICTED) nat_scenarios(symmetric, SIM_SYMMETRIC)

	/* Needs a relay. Warm as cold: the error is told by the DC that decides first. */
	static void two_nats(void **state)
{
	struct sim *sim = *state;
	struct sim_nat *nat_a = sim_nat_new(sim, SIM_SYMMETRIC, "192.0.2.30");
	struct sim_nat *nat_b = sim_nat_new(sim, SIM_PORT_RESTRICTED, "192.0.2.31");
	const struct sim_want *want;
	struct sim_lookup lookup;
	char words[256];
	struct two two;

	two_dcs(sim, &two);
	sim_trust_each_other(two.a, two.b);
	two_nodes(&two, nat_a, nat_b);
	for (int i = 0; i < 2; i++) {
		want = sim_want_now(two.alice, two.bob, SIM_BY_VIP4);
		assert_int_equal(want->code, NTM_DIR_NO_RELAY);
		sim_assert_says(want->words, "behind different NATs");
		sim_assert_says(want->words, "relay");
		sim_assert_says(sim_last_error(two.alice, words), "behind different NATs");
		assert_true(want->took_ms <= 1000);
		sim_run(sim, 10000);
	}
	assert_int_equal(sim_tunnel_count(two.bob), 0);
	/* The other one, from its application's side. */
	sim_resolve(two.bob, "alice.a.example", NTM_DNS_A, &lookup);
	sim_run(sim, 1500);
	assert_int_equal(lookup.rcode, NTM_DNS_SERVFAIL);
	sim_assert_says(sim_last_error(two.bob, words), "behind different NATs");
	two_check_quiet(&two);
}

/* Two domains in one house. */
static void same_nat(void **state)
{
	struct sim *sim = *state;
	struct sim_nat *nat = sim_nat_new(sim, SIM_SYMMETRIC, "192.0.2.30");
	const struct sim_want *want;
	struct two two;

	two_dcs(sim, &two);
	sim_trust_each_other(two.a, two.b);
	two_nodes(&two, nat, nat);
	want = sim_want_now(two.bob, two.alice, SIM_BY_VIP6);
	assert_int_equal(want->err, 0);
	two_check(&two);
}

/* ---- who is not there ---- */

static void unknown_and_offline(void **state)
{
	struct sim *sim = *state;
	struct sim_node *carol, nobody;
	const struct sim_want *want;
	struct sim_lookup lookup;
	struct two two;

	two_up(sim, &two);
	carol = sim_node_new(two.b, &sim->internet, "192.0.2.21", "carol");
	want = sim_want_now(two.alice, carol, SIM_BY_NAME);
	assert_int_equal(want->code, NTM_DIR_OFFLINE);
	sim_assert_says(want->words, "carol.b.example is not online");
	nobody = *two.bob;
	strcpy(nobody.fqdn, "nobody.b.example");
	nobody.lease.vip4 = sim_ip("198.19.200.200");
	want = sim_want_now(two.alice, &nobody, SIM_BY_NAME);
	assert_int_equal(want->code, NTM_DIR_NO_SUCH_NAME);
	sim_assert_says(want->words, "nobody.b.example");
	want = sim_want_now(two.alice, &nobody, SIM_BY_VIP4);
	assert_int_equal(want->code, NTM_DIR_NO_SUCH_ADDRESS);
	sim_assert_says(want->words, "198.19.200.200");
	/* The DC's own name is for DNS to answer, as everybody hears it. */
	sim_resolve(two.alice, "dc.b.example", NTM_DNS_A, &lookup);
	sim_run(sim, 1500);
	assert_true(lookup.answered_ms > 0);
	assert_int_equal(lookup.rcode, NTM_DNS_SERVFAIL); /* no upstream in this world */
	/* It comes up: found after the negative cache. */
	sim_node_start(carol);
	sim_run(sim, TUNNEL_NEGATIVE_MS + 500);
	assert_int_equal(sim_want_now(two.alice, carol, SIM_BY_NAME)->err, 0);
}

#define scenario(fn)    cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)
#define nat_tests(name) scenario(name##_mn), scenario(name##_cn), scenario(name##_bob_cn)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(by_name),
		scenario(by_vip4),
		scenario(by_vip6),
		scenario(warm),
		scenario(three_ways_at_once_cold),
		scenario(three_ways_at_once_warm),
		scenario(six_ways_at_once),
		nat_tests(full_cone),
		nat_tests(address_restricted),
		nat_tests(port_restricted),
		nat_tests(symmetric),
		scenario(two_nats),
		scenario(same_nat),
		scenario(unknown_and_offline),
	};

	return sim_main("domains", tests, sizeof(tests) / sizeof(tests[0]));
}
