/* SPDX-License-Identifier: BSD-2-Clause */
/* DCs of two domains that go down, come back, lose their memory, or live elsewhere. */
#include "sim_two.h"

#include "dc_priv.h"
#include "node_priv.h"

static bool is_online(void *arg)
{
	const struct sim_node *node = arg;

	return dc_is_online(node->dc->dc, node->fqdn);
}

/* Milliseconds until a want works, tried again as soon as an error is over. */
static int64_t until_wanted(struct sim_node *from, struct sim_node *to, int64_t limit_ms)
{
	int64_t start_ms = sim_now(from->sim);

	while (sim_now(from->sim) - start_ms < limit_ms) {
		if (sim_want_now(from, to, SIM_BY_VIP4)->err == 0)
			return sim_now(from->sim) - start_ms;
		sim_run(from->sim, 100);
	}
	return -1;
}

/* ---- DC_CN is down ---- */

static void dc_cn_down(struct sim *sim, bool is_warm, bool is_dns_down, enum sim_by by)
{
	const struct sim_want *want;
	char words[256];
	int64_t back_ms;
	struct two two;

	two_up(sim, &two);
	if (is_warm)
		two_warm(&two);
	two.b->place.is_down = !is_dns_down;
	if (is_dns_down)
		sim_dc_kill(two.b);
	want = sim_want_now(two.alice, two.bob, by);
	print_message("# %s: after %lld ms \"%s\"\n", is_warm ? "warm" : "cold",
		      (long long)want->took_ms, want->words);
	assert_int_equal(want->code, NTM_DIR_NO_DC);
	assert_true(want->took_ms <= 3000);
	sim_assert_says(want->words, "DC of b.example");
	assert_string_equal(sim_last_error(two.alice, words), want->words);
	/* The data that waited has come back. */
	sim_run(sim, TUNNEL_NEGATIVE_MS + 100);
	sim_say(two.alice, two.bob, 4, 9999, "nobody home");
	sim_run(sim, 3100);
	assert_int_equal(two.alice->icmp_in, 1);
	/* Once more, from its other end: nothing is stuck. */
	sim_run(sim, TUNNEL_NEGATIVE_MS + 100);
	want = sim_want_now(two.alice, two.bob, SIM_BY_VIP6);
	assert_int_equal(want->code, NTM_DIR_NO_DC);

	two.b->place.is_down = false;
	if (is_dns_down)
		sim_dc_start(two.b);
	assert_true(sim_until(sim, is_online, two.bob, 40000));
	back_ms = until_wanted(two.alice, two.bob, 10000);
	print_message("# %s: %lld ms after bob is back\n", is_warm ? "warm" : "cold",
		      (long long)back_ms);
	assert_in_range(back_ms, 0, 5000);
	sim_run(sim, 500);
	two.alice->icmp_in = 0;
	two_check(&two);
}

static void dc_cn_down_cold(void **state)
{
	dc_cn_down(*state, false, false, SIM_BY_VIP4);
}

static void dc_cn_down_cold_by_name(void **state)
{
	dc_cn_down(*state, false, false, SIM_BY_NAME);
}

static void dc_cn_down_warm(void **state)
{
	dc_cn_down(*state, true, false, SIM_BY_VIP4);
}

static void dc_cn_and_dns_down_cold(void **state)
{
	dc_cn_down(*state, false, true, SIM_BY_VIP6);
}

static void dc_cn_and_dns_down_cold_by_name(void **state)
{
	dc_cn_down(*state, false, true, SIM_BY_NAME);
}

static void dc_cn_and_dns_down_warm(void **state)
{
	dc_cn_down(*state, true, true, SIM_BY_VIP4);
}

/* It goes down between the request and its answer. */
static void dc_cn_dies_in_a_direction(void **state)
{
	struct sim *sim = *state;
	struct sim_want *want;
	struct two two;

	two_up(sim, &two);
	two_warm(&two);
	want = sim_want(two.alice, two.bob, SIM_BY_NAME);
	sim_run(sim, 70); /* CN is being told */
	sim_dc_kill(two.b);
	assert_true(sim_until(sim, sim_want_is_over, want, 3000));
	assert_int_equal(want->code, NTM_DIR_NO_DC);
	/* What the other end of the broken direction has does not stay. */
	sim_run(sim, 20000);
	assert_int_equal(sim_tunnel_count(two.bob), 0);
	sim_dc_start(two.b);
	assert_true(sim_until(sim, is_online, two.bob, 40000));
	assert_in_range(until_wanted(two.alice, two.bob, 10000), 0, 5000);
	sim_run(sim, 500);
	two_check(&two);
}

/* Another node, not told "failed" by its own node, asks while the DC knows of the failure. */
static void dc_cn_down_for_others(void **state)
{
	struct sim *sim = *state;
	const struct sim_want *want;
	struct sim_node *anna;
	struct two two;

	two_up(sim, &two);
	anna = sim_node_up(two.a, &sim->internet, "192.0.2.12", "anna");
	sim_run(sim, 500);
	sim_dc_kill(two.b);
	assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_NAME)->code, NTM_DIR_NO_DC);
	want = sim_want_now(anna, two.bob, SIM_BY_NAME);
	assert_int_equal(want->code, NTM_DIR_NO_DC);
	assert_true(want->took_ms <= 100); /* told from memory */
	sim_dc_start(two.b);
	assert_true(sim_until(sim, is_online, two.bob, 40000));
	sim_run(sim, TUNNEL_NEGATIVE_MS);
	assert_int_equal(sim_want_now(anna, two.bob, SIM_BY_NAME)->err, 0);
}

/* ---- restarts with a warm session ---- */

static void restart(struct sim_dc *dc)
{
	sim_dc_kill(dc);
	sim_dc_start(dc);
}

/* Nothing is known of the restart when the next direction is wanted. */
static void next_direction(struct sim *sim, bool is_a, bool is_b, int64_t limit_ms)
{
	const struct sim_want *want;
	struct two two;

	two_up(sim, &two);
	two_warm(&two);
	if (is_a)
		restart(two.a);
	if (is_b)
		restart(two.b);
	want = sim_want_now(two.alice, two.bob, SIM_BY_VIP4);
	print_message("# restarted%s%s: next direction after %lld ms %s\n", is_a ? " DC_MN" : "",
		      is_b ? " DC_CN" : "", (long long)want->took_ms, want->words);
	assert_int_equal(want->err, 0);
	assert_true(want->took_ms <= limit_ms);
	sim_run(sim, 500);
	two_check(&two);
	two_check_quiet(&two);
}

static void dc_mn_restarted(void **state)
{
	next_direction(*state, true, false, 1500);
}

static void dc_cn_restarted(void **state)
{
	struct sim *sim = *state;
	const struct sim_want *want;
	struct two two;

	two_up(sim, &two);
	two_warm(&two);
	restart(two.b);
	two_restart(two.bob); /* it is registered, the DCs know nothing */
	want = sim_want_now(two.alice, two.bob, SIM_BY_VIP4);
	print_message("# restarted DC_CN: next direction after %lld ms %s\n",
		      (long long)want->took_ms, want->words);
	assert_int_equal(want->err, 0);
	assert_true(want->took_ms <= 1500);
	sim_run(sim, 500);
	two_check(&two);
	two_check_quiet(&two);
}

static void dc_cn_restarted_bob_unaware(void **state)
{
	struct sim *sim = *state;
	int64_t took_ms;
	struct two two;

	two_up(sim, &two);
	two_warm(&two);
	sim_run(sim, 1000); /* where nodes are is kept */
	restart(two.b);
	took_ms = until_wanted(two.alice, two.bob, 30000);
	print_message("# a peer that has not noticed its DC's restart is reached after %lld ms\n",
		      (long long)took_ms);
	assert_in_range(took_ms, 0, 1500); /* its DC calls it back */
	sim_run(sim, 500);
	two_check(&two);
}

static void both_restarted(void **state)
{
	struct sim *sim = *state;
	const struct sim_want *want;
	struct two two;

	two_up(sim, &two);
	two_warm(&two);
	restart(two.a);
	restart(two.b);
	two_restart(two.bob);
	want = sim_want_now(two.alice, two.bob, SIM_BY_NAME);
	print_message("# restarted both: next direction after %lld ms %s\n",
		      (long long)want->took_ms, want->words);
	assert_int_equal(want->err, 0);
	assert_true(want->took_ms <= 1500);
	sim_run(sim, 500);
	two_check(&two);
}

/* ---- a tunnel is up ---- */

static void both_down_in_a_call(void **state)
{
	struct sim *sim = *state;
	struct ntm_link_stats stats;
	struct two two;

	two_up(sim, &two);
	assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_NAME)->err, 0);
	two_check(&two);
	restart(two.a);
	restart(two.b);
	for (unsigned i = 0; i < 5 * 60; i++) {
		unsigned at_alice = two.alice->data_in, at_bob = two.bob->data_in;

		sim_say(two.alice, two.bob, 4, 9999, "still there?");
		sim_say(two.bob, two.alice, 6, 9999, "yes");
		sim_run(sim, 1000);
		assert_int_equal(two.alice->data_in, at_alice + 1);
		assert_int_equal(two.bob->data_in, at_bob + 1);
	}
	ntm_link_stats(tunnel_link(tunnel_find_up(two.alice->node->tunnels, &two.bob->lease.vip4)),
		       &stats);
	assert_true(stats.handshakes >= 3);
	two_check(&two);
	/* New directions, at the first try. */
	two_forget(&two);
	assert_int_equal(sim_want_now(two.bob, two.alice, SIM_BY_VIP6)->err, 0);
	two_check(&two);
}

/* ---- elsewhere ---- */

static void dc_moves(struct sim *sim, bool is_warm)
{
	const struct sim_want *want;
	struct two two;

	two_up(sim, &two);
	if (is_warm)
		two_warm(&two);
	sim_dc_kill(two.b);
	sim_dc_move(two.b, "192.0.2.3");
	sim_dc_start(two.b);
	two.bob->lease.dc[0] = two.b->addr;
	two_restart(two.bob);
	want = sim_want_now(two.alice, two.bob, SIM_BY_NAME);
	print_message("# DC_CN has moved, %s: %lld ms %s\n", is_warm ? "warm" : "cold",
		      (long long)want->took_ms, want->words);
	assert_int_equal(want->err, 0);
	assert_true(want->took_ms <= 1500);
	sim_run(sim, 500);
	two_check(&two);
	assert_true(
		ntm_addr_eq(&foreign_by_domain(two.a->dc, "b.example")->last_good, &two.b->addr));
}

static void dc_moves_cold(void **state)
{
	dc_moves(*state, false);
}

static void dc_moves_warm(void **state)
{
	dc_moves(*state, true);
}

/* DNS is away, but the DC is where it was. */
static void without_dns(void **state)
{
	struct sim *sim = *state;
	const struct sim_want *want;
	struct two two;

	two_up(sim, &two);
	two_warm(&two);
	foreign_fail(foreign_by_domain(two.a->dc, "b.example"), NTM_DIR_NO_DC, "by the test");
	sim_run(sim, 2000);
	sim->dns.loss = 1000;
	want = sim_want_now(two.alice, two.bob, SIM_BY_NAME);
	print_message("# without DNS: %lld ms %s\n", (long long)want->took_ms, want->words);
	assert_int_equal(want->err, 0);
	two_check(&two);
}

#define scenario(fn) cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(dc_cn_down_cold),
		scenario(dc_cn_down_cold_by_name),
		scenario(dc_cn_down_warm),
		scenario(dc_cn_and_dns_down_cold),
		scenario(dc_cn_and_dns_down_cold_by_name),
		scenario(dc_cn_and_dns_down_warm),
		scenario(dc_cn_dies_in_a_direction),
		scenario(dc_cn_down_for_others),
		scenario(dc_mn_restarted),
		scenario(dc_cn_restarted),
		scenario(dc_cn_restarted_bob_unaware),
		scenario(both_restarted),
		scenario(both_down_in_a_call),
		scenario(dc_moves_cold),
		scenario(dc_moves_warm),
		scenario(without_dns),
	};

	return sim_main("domains_fault", tests, sizeof(tests) / sizeof(tests[0]));
}
