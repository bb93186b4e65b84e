/* SPDX-License-Identifier: BSD-2-Clause */
/* The trapezoid: alice@a.example calls bob@b.example through both domains' SIP servers. */
#include "sim_two.h"

#include "dc_priv.h"
#include "node_priv.h"

/* One-way delays of the 200 OK's path: bob, sip.b, sip.a, alice. */
#define HOPS_MS 60

struct trapezoid {
	struct two two;
	struct sim_node *sip_a, *sip_b;
};

static void meet_proxy(struct sim_node *phone, struct sim_node *proxy)
{
	assert_int_equal(sim_want_now(phone, proxy, SIM_BY_NAME)->err, 0);
	sim_say(phone, proxy, 4, 9999, "REGISTER, so to say");
	sim_run(phone->sim, 500);
}

static void trapezoid_up(struct sim *sim, struct trapezoid *t, struct sim_nat *nat)
{
	two_dcs(sim, &t->two);
	sim_trust_each_other(t->two.a, t->two.b);
	t->sip_a = sim_node_up(t->two.a, &sim->internet, "192.0.2.11", "sip");
	t->sip_b = sim_node_up(t->two.b, &sim->internet, "192.0.2.21", "sip");
	sim_proxy(t->sip_a);
	sim_proxy(t->sip_b);
	two_nodes(&t->two, nat, NULL);
	meet_proxy(t->two.alice, t->sip_a);
	meet_proxy(t->two.bob, t->sip_b);
}

static const struct sipwatch_counters *watch(const struct sim_node *node)
{
	return sipwatch_counters(node->node->sipwatch);
}

static struct sim_call *call(const struct trapezoid *t, uint8_t family, bool is_back)
{
	const struct two *two = &t->two;
	struct sim_call_args args = {.caller = is_back ? two->bob : two->alice,
				     .proxy = is_back ? t->sip_b : t->sip_a,
				     .callee = is_back ? two->alice : two->bob,
				     .callee_proxy = is_back ? t->sip_a : t->sip_b,
				     .family = family};

	return sim_call_new(&args);
}

/* hold_ms: how long the 200 OK may be held, beside its way. */
static void check_call(const struct trapezoid *t, struct sim_call *c, int64_t hold_ms)
{
	struct sim *sim = t->two.sim;
	int64_t held_ms;

	assert_true(sim_until(sim, sim_call_is_up, c, 8000));
	held_ms = c->answered_ms - c->first_answer_ms - HOPS_MS;
	assert_true(sim_is_tunnel(t->two.alice, t->two.bob));
	assert_in_range(held_ms, 0, hold_ms);
	assert_true(sim_until(sim, sim_call_is_over, c, 10000));
	assert_int_equal(c->state, SIM_CALL_ENDED);
	assert_int_equal(c->answers, 1);
	assert_int_equal(c->answers_sent, 1);
	assert_in_range(c->a.received, 95, 130);
	assert_int_equal(c->b.received, c->a.sent);
	assert_in_range(c->a.longest_gap_ms, 20, 20);
	assert_true(sim->sip_arrived > 0);
	assert_int_equal(sim->sip_strange, 0);
	print_message("# 200 OK held for %lld ms\n", (long long)held_ms);
}

static void check_tunnels(const struct trapezoid *t)
{
	const struct two *two = &t->two;

	assert_true(sim_is_tunnel(t->sip_a, t->sip_b));
	assert_int_equal(sim_tunnel_count(two->alice), 2); /* its proxy, and bob: not sip.b */
	assert_int_equal(sim_tunnel_count(two->bob), 2);
	assert_int_equal(sim_check_peers(two->alice), 2);
	assert_int_equal(sim_check_peers(two->bob), 2);
	assert_int_equal(sim_check_peers(t->sip_a), 2);
	assert_int_equal(sim_check_peers(t->sip_b), 2);
}

static void calls(struct sim *sim, uint8_t family, bool is_alice_inside)
{
	struct sim_nat *nat =
		is_alice_inside ? sim_nat_new(sim, SIM_SYMMETRIC, "192.0.2.30") : NULL;
	struct trapezoid t;

	trapezoid_up(sim, &t, nat);
	/* The DCs meet for the servers' tunnel. The rest is a direction between warm DCs. */
	check_call(&t, call(&t, family, false), 160 + 15);
	assert_int_equal(watch(t.two.bob)->held, 1);
	assert_int_equal(watch(t.two.bob)->released_up, 1);
	assert_int_equal(watch(t.two.alice)->held, 0); /* it is up by then */
	check_tunnels(&t);
	/* And back, over the tunnel that is there. */
	check_call(&t, call(&t, family, true), 0);
	check_tunnels(&t);
}

static void over_ipv4(void **state)
{
	calls(*state, 4, false);
}

static void over_ipv6(void **state)
{
	calls(*state, 6, false);
}

static void alice_behind_nat(void **state)
{
	calls(*state, 4, true);
}

static void alice_behind_nat_over_ipv6(void **state)
{
	calls(*state, 6, true);
}

/* The first call of all is bob's, into a NAT. */
static void bob_calls_first(void **state)
{
	struct sim *sim = *state;
	struct trapezoid t;

	trapezoid_up(sim, &t, sim_nat_new(sim, SIM_PORT_RESTRICTED, "192.0.2.30"));
	check_call(&t, call(&t, 4, true), 160 + 15);
	assert_int_equal(watch(t.two.alice)->held, 1);
	check_tunnels(&t);
}

static void drop_session(struct sim_dc *dc, const char *domain)
{
	foreign_fail(foreign_by_domain(dc->dc, domain), NTM_DIR_NO_DC, "by the test");
}

/* The servers meet elsewhere (a trunk): the DCs have to find each other while the 200 waits. */
static void cold_hold(void **state)
{
	struct sim *sim = *state;
	struct trapezoid t;

	trapezoid_up(sim, &t, NULL);
	meet_proxy(t.sip_a, t.sip_b);
	drop_session(t.two.a, "b.example");
	drop_session(t.two.b, "a.example");
	sim_run(sim, 2000);
	/* PTR and A, then XX: 60 and 40 ms more. */
	check_call(&t, call(&t, 4, false), 160 + 100 + 30);
	assert_int_equal(watch(t.two.bob)->released_up, 1);
	check_tunnels(&t);
}

/* DNS leads nowhere: the 200 OK is let go all the same, once. */
static void let_go_without_a_tunnel(void **state)
{
	struct sim *sim = *state;
	struct trapezoid t;
	struct sim_call *c;
	char words[256];

	trapezoid_up(sim, &t, NULL);
	meet_proxy(t.sip_a, t.sip_b);
	sim_dc_kill(t.two.a);
	c = call(&t, 4, false);
	assert_true(sim_until(sim, sim_call_is_up, c, 8000));
	print_message("# with the caller's DC down the 200 OK was held for %lld ms\n",
		      (long long)(c->answered_ms - c->first_answer_ms - HOPS_MS));
	assert_true(c->answered_ms - c->first_answer_ms - HOPS_MS <= 3000);
	assert_int_equal(watch(t.two.bob)->held, 1);
	assert_int_equal(watch(t.two.bob)->released_up, 0);
	sim_run(sim, 3000);
	sim_assert_says(sim_last_error(t.two.bob, words), "the DC of a.example");
	sim_until(sim, sim_call_is_over, c, 40000);
	assert_int_equal(sim->sip_strange, 0);
	assert_false(sim_is_tunnel(t.two.alice, t.two.bob));
}

#define scenario(fn) cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(over_ipv4),
		scenario(over_ipv6),
		scenario(alice_behind_nat),
		scenario(alice_behind_nat_over_ipv6),
		scenario(bob_calls_first),
		scenario(cold_hold),
		scenario(let_go_without_a_tunnel),
	};

	return sim_main("domains_sip", tests, sizeof(tests) / sizeof(tests[0]));
}
