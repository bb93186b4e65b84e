/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls over relays: deaths, returns, moves to a direct path and back, and who may use a relay. */
#include "sim_relay.h"

#include "node_priv.h"

#define DOMAIN "ntm.example"

struct pair {
	struct sim *sim;
	struct sim_dc *dc;
	struct sim_nat *nat_a, *nat_b;
	struct sim_node *a, *b, *proxy;
	struct sim_relay *relay[2];
};

/* Both behind NATs of one kind, relays in the open. */
static struct pair pair_new(struct sim *sim, enum sim_nat_kind kind, unsigned relays)
{
	struct pair p = {.sim = sim};

	p.dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	for (unsigned i = 0; i < relays; i++) {
		char name[16], ip[32];

		snprintf(name, sizeof(name), "relay%u", i);
		snprintf(ip, sizeof(ip), "192.0.2.%u", 200 + i);
		p.relay[i] = sim_relay_new(p.dc, ip, NULL, name);
	}
	sim_run(sim, 1000);
	p.nat_a = sim_nat_new(sim, kind, "203.0.113.1");
	p.nat_b = sim_nat_new(sim, kind, "203.0.113.2");
	p.proxy = sim_node_up(p.dc, &sim->internet, "192.0.2.30", "sip");
	sim_proxy(p.proxy);
	p.a = sim_node_up(p.dc, &p.nat_a->inside, "10.0.0.2", "alice");
	p.b = sim_node_up(p.dc, &p.nat_b->inside, "10.0.0.2", "bob");
	return p;
}

static struct sim_call *call_up(const struct pair *p)
{
	struct sim_call_args args = {.caller = p->a,
				     .callee = p->b,
				     .proxy = p->proxy,
				     .talk_ms = -1};
	struct sim_call *call = sim_call_new(&args);

	assert_true(sim_until(p->sim, sim_call_is_up, call, 5000));
	sim_run(p->sim, 1000);
	assert_true(sim_call_has_media(call));
	return call;
}

static void forget_gaps(struct sim_call *call)
{
	call->a.longest_gap_ms = call->b.longest_gap_ms = 0;
}

static int64_t worst_gap(const struct sim_call *call)
{
	return call->a.longest_gap_ms > call->b.longest_gap_ms ? call->a.longest_gap_ms
							       : call->b.longest_gap_ms;
}

static struct sim_relay *used_relay(const struct pair *p)
{
	uint64_t before[2] = {p->relay[0]->forwarded, p->relay[1]->forwarded};

	sim_run(p->sim, 400);
	return p->relay[0]->forwarded - before[0] > p->relay[1]->forwarded - before[1]
		       ? p->relay[0]
		       : p->relay[1];
}

static void spare_takes_over(void **state)
{
	struct pair p = pair_new(*state, SIM_SYMMETRIC, 2);
	struct sim_call *call = call_up(&p);

	for (unsigned i = 0; i < 10; i++) {
		struct sim_relay *relay = used_relay(&p);

		forget_gaps(call);
		sim_run(p.sim, (int64_t)i * 7);
		sim_relay_kill(relay);
		sim_run(p.sim, 2000);
		assert_in_range(worst_gap(call), 20, 300);
		sim_relay_start(relay);
		sim_run(p.sim, 3000); /* it is a spare again */
	}
	assert_int_equal(sim_path(p.a, p.b), SIM_PATH_RELAY);
}

/* Without a spare the sound comes back with the relay. */
static void only_relay_returns(void **state)
{
	static const int64_t away_ms[] = {500, 3000, 10000, 40000};
	struct pair p = pair_new(*state, SIM_SYMMETRIC, 1);
	struct sim_call *call = call_up(&p);

	for (size_t i = 0; i < 4; i++) {
		sim_relay_kill(p.relay[0]);
		sim_run(p.sim, away_ms[i]);
		sim_relay_start(p.relay[0]);
		sim_run(p.sim, 3000);
		unsigned a = call->a.received, b = call->b.received;
		sim_run(p.sim, 1000);
		assert_true(call->a.received - a >= 48 && call->b.received - b >= 48);
	}
}

/* An idle tunnel as well: its bindings are made again within 2 s of the relay's return. */
static void restart_while_idle(void **state)
{
	struct pair p = pair_new(*state, SIM_SYMMETRIC, 2);

	sim_say(p.a, p.b, 4, SIM_ECHO_PORT, "hello");
	sim_run(p.sim, 20000);
	assert_int_equal(sim_path(p.a, p.b), SIM_PATH_RELAY);
	for (size_t i = 0; i < 2; i++) {
		sim_relay_kill(p.relay[i]);
		sim_relay_start(p.relay[i]);
	}
	sim_run(p.sim, 2000);
	assert_int_equal(relay_flow_count(p.relay[0]->relay), 1);
	assert_int_equal(relay_flow_count(p.relay[1]->relay), 1);
	unsigned before = p.a->data_in;
	sim_say(p.a, p.b, 4, SIM_ECHO_PORT, "still there?");
	sim_run(p.sim, 300);
	assert_int_equal(p.a->data_in, before + 1);
}

static void dies_while_both_dc_and_relay_are_away(void **state)
{
	struct pair p = pair_new(*state, SIM_SYMMETRIC, 1);
	struct sim_call *call = call_up(&p);

	sim_dc_kill(p.dc);
	sim_run(p.sim, 5000);
	forget_gaps(call);
	sim_run(p.sim, 20000);
	assert_in_range(worst_gap(call), 20, 60); /* nobody needs the DC */
	sim_relay_kill(p.relay[0]);
	sim_run(p.sim, 1000);
	sim_relay_start(p.relay[0]);
	sim_dc_start(p.dc);
	sim_run(p.sim, 8000);
	forget_gaps(call);
	sim_run(p.sim, 2000);
	assert_in_range(worst_gap(call), 20, 60);
}

static void direct_and_back(void **state)
{
	struct pair p = pair_new(*state, SIM_PORT_RESTRICTED, 2);
	struct sim_call *call = call_up(&p);

	sim_run(p.sim, 3000);
	assert_int_equal(sim_path(p.a, p.b), SIM_PATH_DIRECT);
	forget_gaps(call);
	sim_cut(p.sim, "203.0.113.1", "203.0.113.2");
	sim_run(p.sim, 2000);
	assert_int_equal(sim_path(p.a, p.b), SIM_PATH_RELAY);
	assert_int_equal(sim_path(p.b, p.a), SIM_PATH_RELAY);
	assert_in_range(worst_gap(call), 20, 300);
	forget_gaps(call);
	sim_heal(p.sim);
	sim_run(p.sim, 15000);
	assert_int_equal(sim_path(p.a, p.b), SIM_PATH_DIRECT);
	assert_in_range(worst_gap(call), 0, 60);
}

/* The direct path dies while nobody speaks: what is said next arrives, by the relay. */
static void direct_path_dies_idle(void **state)
{
	struct pair p = pair_new(*state, SIM_PORT_RESTRICTED, 2);

	sim_say(p.a, p.b, 4, SIM_ECHO_PORT, "hello");
	sim_run(p.sim, 5000);
	assert_int_equal(sim_path(p.a, p.b), SIM_PATH_DIRECT);
	sim_run(p.sim, 60000);
	sim_cut(p.sim, "203.0.113.1", "203.0.113.2");
	sim_run(p.sim, 4000);
	unsigned before = p.a->data_in;
	sim_say(p.a, p.b, 4, SIM_ECHO_PORT, "still there?");
	sim_run(p.sim, 300);
	assert_int_equal(p.a->data_in, before + 1);
	sim_run(p.sim, 2000);
	assert_int_equal(sim_path(p.a, p.b), SIM_PATH_RELAY);
	sim_heal(p.sim);
}

/* v4-only and v6-only: only a relay has both. */
static void families(void **state)
{
	struct sim *sim = *state;
	struct pair p = {.sim = sim, .dc = sim_dc_new(sim, DOMAIN, "192.0.2.1")};

	sim_dc_add6(p.dc, "2001:db8::1");
	sim_relay_new(p.dc, "192.0.2.200", "2001:db8::200", "relay");
	sim_run(sim, 1000);
	p.a = sim_node_up(p.dc, &sim->internet, "203.0.113.1", "alice");
	p.b = sim_node_new(p.dc, &sim->internet, "2001:db8::2", "bob");
	p.b->lease.dc[0] = p.dc->addr6;
	sim_node_start(p.b);
	sim_run(sim, 2000);
	sim_say(p.a, p.b, 4, SIM_ECHO_PORT, "hello");
	sim_run(sim, 2000);
	assert_int_equal(sim_path(p.a, p.b), SIM_PATH_RELAY);
	assert_int_equal(p.a->data_in, 1);
}

/* Two homes behind one carrier's NAT, and two nodes in one home. */
static void inside(void **state)
{
	struct pair p = pair_new(*state, SIM_PORT_RESTRICTED, 2);
	struct sim_node *c = sim_node_up(p.dc, &p.nat_a->inside, "10.0.0.3", "carol");
	uint64_t forwarded;

	sim_say(p.a, c, 4, SIM_ECHO_PORT, "hello");
	sim_run(p.sim, 3000);
	assert_int_equal(sim_path(p.a, c), SIM_PATH_DIRECT);
	const struct tunnel *tunnel = tunnel_find_up(p.a->node->tunnels, &c->lease.vip4);
	assert_true(ntm_addr_eq(ntm_link_remote(tunnel_link(tunnel)), &c->addr));
	forwarded = p.relay[0]->forwarded + p.relay[1]->forwarded;
	for (int i = 0; i < 100; i++) {
		sim_say(p.a, c, 4, SIM_ECHO_PORT, "hello");
		sim_run(p.sim, 20);
	}
	assert_int_equal(p.a->data_in, 101);
	/* What the spares are kept open with. */
	assert_true(p.relay[0]->forwarded + p.relay[1]->forwarded - forwarded <= 20);
}

/* 600 ms to and fro on every leg: through the relay at first, then straight, and it stays so. */
static void satellite(void **state)
{
	struct pair p = pair_new(*state, SIM_PORT_RESTRICTED, 2);

	sim_run(p.sim, 5000);
	p.sim->internet.medium = (struct sim_medium){.delay_ms = 300};
	sim_run(p.sim, 5000);
	for (unsigned i = 0; i < 40 && sim_path(p.a, p.b) != SIM_PATH_DIRECT; i++) {
		sim_say(p.a, p.b, 4, SIM_ECHO_PORT, "hello");
		sim_run(p.sim, 1000);
	}
	assert_int_equal(sim_path(p.a, p.b), SIM_PATH_DIRECT);
	assert_int_equal(sim_path(p.b, p.a), SIM_PATH_DIRECT);
	struct sim_call_args args = {.caller = p.a, .callee = p.b, .proxy = p.proxy, .talk_ms = -1};
	struct sim_call *call = sim_call_new(&args);
	assert_true(sim_until(p.sim, sim_call_is_up, call, 30000));
	sim_run(p.sim, 5000);
	forget_gaps(call);
	for (unsigned i = 0; i < 60; i++) {
		sim_run(p.sim, 1000);
		assert_int_equal(sim_path(p.a, p.b), SIM_PATH_DIRECT);
		assert_int_equal(sim_path(p.b, p.a), SIM_PATH_DIRECT);
	}
	assert_in_range(worst_gap(call), 0, 60);
}

static void lossy_relay(void **state)
{
	struct pair p = pair_new(*state, SIM_SYMMETRIC, 2);

	p.sim->internet.medium = (struct sim_medium){.delay_ms = 20, .jitter_ms = 10, .loss = 50};
	for (int i = 0; i < 10; i++) {
		struct sim_call *call = call_up(&p);

		sim_run(p.sim, 5000);
		assert_int_equal(sim_path(p.a, p.b), SIM_PATH_RELAY);
		assert_true(call->a.received * 100 >= call->b.sent * 80);
		sim_call_end(call);
		sim_run(p.sim, 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(spare_takes_over, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(only_relay_returns, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(restart_while_idle, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(dies_while_both_dc_and_relay_are_away, sim_setup,
						sim_teardown),
		cmocka_unit_test_setup_teardown(direct_and_back, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(direct_path_dies_idle, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(families, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(inside, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(satellite, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(lossy_relay, sim_setup, sim_teardown),
	};

	return sim_main("relay", tests, sizeof(tests) / sizeof(tests[0]));
}
