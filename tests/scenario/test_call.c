/* SPDX-License-Identifier: BSD-2-Clause */
/* SIP calls through a proxy: held, released once and unaltered, with a dead DC, many at once. */
#include "sim.h"

#include "node_priv.h"

#define DOMAIN "ntm.example"

/* The paper's figure 11: a proxy with its own node, two phones, and one NAT at most. */
struct scene {
	struct sim *sim;
	struct sim_dc *dc;
	struct sim_nat *nat;
	struct sim_node *a, *b, *proxy;
};

/* Tunnels of both phones to their proxy come up when they register there. */
static void meet_proxy(struct sim_node *phone, struct sim_node *proxy)
{
	sim_say(phone, proxy, 4, 9999, "REGISTER, so to say");
	sim_run(phone->sim, 1000);
	assert_true(sim_is_tunnel(phone, proxy));
}

static struct scene scene_new(struct sim *sim, bool is_a_inside, bool is_b_inside)
{
	struct scene s = {.sim = sim};

	s.dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	s.nat = sim_nat_new(sim, SIM_SYMMETRIC, "192.0.2.20");
	s.proxy = sim_node_up(s.dc, &sim->internet, "192.0.2.30", "proxy");
	s.a = sim_node_up(s.dc, is_a_inside ? &s.nat->inside : &sim->internet,
			  is_a_inside ? "10.0.0.2" : "192.0.2.10", "alice");
	s.b = sim_node_up(s.dc, is_b_inside ? &s.nat->inside : &sim->internet,
			  is_b_inside ? "10.0.0.3" : "192.0.2.11", "bob");
	sim_proxy(s.proxy);
	meet_proxy(s.a, s.proxy);
	meet_proxy(s.b, s.proxy);
	return s;
}

static struct sim_call *call(const struct scene *s, int64_t talk_ms)
{
	struct sim_call_args args = {.caller = s->a,
				     .callee = s->b,
				     .proxy = s->proxy,
				     .talk_ms = talk_ms};

	return sim_call_new(&args);
}

static const struct sipwatch_counters *watch(const struct sim_node *node)
{
	return sipwatch_counters(node->node->sipwatch);
}

static void check_identity(const struct sim *sim)
{
	assert_true(sim->sip_arrived > 0);
	assert_int_equal(sim->sip_strange, 0);
}

/* One-way delays of the proxy's path: callee to proxy, proxy to caller. */
#define HOPS_MS 40

/* ---- hold and release ---- */

static void check_held_call(struct scene *s, uint8_t family)
{
	struct sim_call_args args = {.caller = s->a,
				     .callee = s->b,
				     .proxy = s->proxy,
				     .family = family};
	struct sim_call *c = sim_call_new(&args);

	assert_false(sim_is_tunnel(s->a, s->b));
	assert_true(sim_until(s->sim, sim_call_is_up, c, 5000));
	/* The 200 OK comes no sooner than the tunnel. */
	assert_true(sim_is_tunnel(s->a, s->b));
	assert_int_equal(watch(s->b)->held, 1);
	assert_int_equal(watch(s->b)->released_up, 1);
	assert_int_equal(watch(s->a)->held, 0); /* it is up by then */
	/* RTT(MN-DC) + RTT(DC-CN) + RTT(MN-CN), 40 ms each. */
	assert_in_range(c->answered_ms - c->first_answer_ms - HOPS_MS, 80, 120 + 15);
	assert_true(sim_until(s->sim, sim_call_is_over, c, 10000));
	assert_int_equal(c->state, SIM_CALL_ENDED);
	assert_int_equal(c->answers, 1);
	/* Media on each side, for all of the talk, with nothing lost. */
	assert_in_range(c->a.received, 95, 130);
	assert_int_equal(c->b.received, c->a.sent);
	assert_in_range(c->a.longest_gap_ms, 20, 20);
	check_identity(s->sim);
	/* It did not go over the proxy. */
	assert_int_equal(sim_tunnel_count(s->a), 2);
}

static void open_to_open(void **state)
{
	struct scene s = scene_new(*state, false, false);

	check_held_call(&s, 4);
}

static void caller_behind_nat(void **state)
{
	struct scene s = scene_new(*state, true, false);

	check_held_call(&s, 4);
}

static void callee_behind_nat(void **state)
{
	struct scene s = scene_new(*state, false, true);

	check_held_call(&s, 4);
}

static void over_ipv6_addresses(void **state)
{
	struct scene s = scene_new(*state, true, false);

	check_held_call(&s, 6);
}

/* Far from the DC, the callee sends its 200 again while the first is held. */
static void resent_while_held_by_callee(void **state)
{
	struct scene s = scene_new(*state, true, false);
	struct sim_call *c;

	s.dc->place.extra_ms = 130; /* 300 ms there and back: 600 for the direction */
	c = call(&s, 3000);
	assert_true(sim_until(s.sim, sim_call_is_up, c, 5000));
	assert_true(sim_is_tunnel(s.a, s.b));
	assert_int_equal(c->answers_sent, 2);
	sim_until(s.sim, sim_call_is_over, c, 10000);
	assert_int_equal(c->answers, 1);
	assert_int_equal(watch(s.b)->swallowed, 1);
	assert_int_equal(watch(s.b)->released_up, 1);
	assert_true(sim_call_has_media(c));
	check_identity(s.sim);
}

static void resent_while_held_by_caller(void **state)
{
	struct scene s = scene_new(*state, false, true);
	struct sim_call *c;

	/* hold = caller: the callee's node starts the direction and lets go. */
	s.b->settings.hold = s.a->settings.hold = NODE_HOLD_CALLER;
	sim_node_stop(s.b);
	sim_node_stop(s.a);
	sim_run(s.sim, 6000);
	sim_node_start(s.b);
	sim_node_start(s.a);
	sim_run(s.sim, 1000);
	meet_proxy(s.a, s.proxy);
	meet_proxy(s.b, s.proxy);
	s.dc->place.extra_ms = 180; /* 800 ms for the direction */
	c = call(&s, 3000);
	assert_true(sim_until(s.sim, sim_call_is_up, c, 5000));
	assert_true(sim_is_tunnel(s.a, s.b));
	assert_int_equal(watch(s.b)->held, 0);
	assert_int_equal(watch(s.a)->held, 1);
	assert_true(watch(s.a)->swallowed >= 1);
	assert_int_equal(c->answers_sent, 2);
	sim_until(s.sim, sim_call_is_over, c, 10000);
	assert_int_equal(c->answers, 1);
	assert_true(sim_call_has_media(c));
	check_identity(s.sim);
}

/* ---- the DC is gone ---- */

static void dead_dc(void **state)
{
	struct scene s = scene_new(*state, true, false);
	struct sim_call *c = call(&s, 1000);

	sim_run(s.sim, 150); /* it rings */
	assert_true(c->has_provisional || c->is_invited);
	sim_dc_kill(s.dc);
	assert_true(sim_until(s.sim, sim_call_is_up, c, 10000));
	print_message("# with a dead DC the 200 OK was held for %lld ms\n",
		      (long long)(c->answered_ms - c->first_answer_ms - HOPS_MS));
	assert_in_range(c->answered_ms - c->first_answer_ms - HOPS_MS, 900, 3000 + 5);
	assert_int_equal(watch(s.b)->held, 1);
	assert_int_equal(watch(s.b)->released_up + watch(s.a)->released_up, 0);
	sim_until(s.sim, sim_call_is_over, c, 40000);
	check_identity(s.sim);
	/* The next one at once: the DC is known to be silent. */
	struct sim_call *next = call(&s, 1000);
	assert_true(sim_until(s.sim, sim_call_is_up, next, 10000));
	assert_int_equal(next->answered_ms - next->first_answer_ms, HOPS_MS);
	sim_until(s.sim, sim_call_is_over, next, 40000);
	check_identity(s.sim);
}

static bool is_registered(void *arg)
{
	const struct sim_node *node = arg;

	return node_is_registered(node->node) &&
	       ntm_uplink_answers(dclink_uplink(node->node->dclink));
}

/* Keys are changed twice while the DC is down; then it comes back. */
static void dc_restarts_in_a_call(void **state)
{
	struct sim *sim = *state;
	struct scene s = scene_new(sim, true, false);
	struct ntm_ip vip = s.a->lease.vip4;
	struct ntm_link_stats stats;
	struct sim_call *c = call(&s, -1);

	assert_true(sim_until(sim, sim_call_is_up, c, 5000));
	sim_run(sim, 1000);
	sim_dc_kill(s.dc);
	sim_run(sim, 5 * 60 * 1000);
	ntm_link_stats(tunnel_link(tunnel_find_up(s.a->node->tunnels, &s.b->lease.vip4)), &stats);
	assert_true(stats.handshakes >= 3); /* every two minutes */
	assert_in_range(c->a.longest_gap_ms, 20, 20);
	assert_in_range(c->b.longest_gap_ms, 20, 20);
	sim_dc_start(s.dc);
	assert_true(sim_until(sim, is_registered, s.a, 40000));
	assert_true(sim_until(sim, is_registered, s.b, 40000));
	assert_true(sim_until(sim, is_registered, s.proxy, 40000));
	sim_run(sim, 1000);
	assert_int_equal(c->a.longest_gap_ms, 20);
	sim_call_end(c);
	sim_until(sim, sim_call_is_over, c, 5000);
	assert_int_equal(c->state, SIM_CALL_ENDED);
	assert_true(ntm_ip_eq(&s.a->lease.vip4, &vip));
	/* New peers meet. */
	struct sim_node *carol = sim_node_up(s.dc, &sim->internet, "192.0.2.12", "carol");
	meet_proxy(carol, s.proxy);
	struct sim_call_args args = {.caller = s.a, .callee = carol, .proxy = s.proxy};
	struct sim_call *next = sim_call_new(&args);
	assert_true(sim_until(sim, sim_call_is_over, next, 10000));
	assert_int_equal(next->state, SIM_CALL_ENDED);
	assert_true(sim_call_has_media(next));
	check_identity(sim);
}

/* ---- many ---- */

#define PAIRS 20

/* Number i: half of the callers are behind the NAT, half of the callees. */
static struct sim_call_args pair_new(struct sim_node *proxy, struct sim_nat *nat, unsigned i)
{
	struct sim_call_args args = {.proxy = proxy, .ring_ms = 1000};
	struct sim_node *in, *out;
	char ip[32], name[16];

	snprintf(ip, sizeof(ip), "10.0.0.%u", 10 + i);
	snprintf(name, sizeof(name), "in%u", i);
	in = sim_node_up(proxy->dc, &nat->inside, ip, name);
	snprintf(ip, sizeof(ip), "192.0.2.%u", 100 + i);
	snprintf(name, sizeof(name), "out%u", i);
	out = sim_node_up(proxy->dc, &proxy->sim->internet, ip, name);
	meet_proxy(in, proxy);
	meet_proxy(out, proxy);
	args.caller = i % 2 == 0 ? in : out;
	args.callee = i % 2 == 0 ? out : in;
	return args;
}

static void twenty_at_once(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	struct sim_nat *nat = sim_nat_new(sim, SIM_PORT_RESTRICTED, "192.0.2.20");
	struct sim_node *proxy = sim_node_up(dc, &sim->internet, "192.0.2.30", "proxy");
	struct sim_call_args pairs[PAIRS];
	struct sim_call *calls[PAIRS];

	sim_proxy(proxy);
	for (unsigned i = 0; i < PAIRS; i++)
		pairs[i] = pair_new(proxy, nat, i);
	for (unsigned i = 0; i < PAIRS; i++)
		calls[i] = sim_call_new(&pairs[i]);
	for (unsigned i = 0; i < PAIRS; i++) {
		const struct sim_call *c = calls[i];

		assert_true(sim_until(sim, sim_call_is_over, calls[i], 10000));
		assert_int_equal(c->state, SIM_CALL_ENDED);
		assert_int_equal(c->answers, 1);
		assert_int_equal(c->b.received, c->a.sent);
		assert_in_range(c->answered_ms - c->first_answer_ms - HOPS_MS, 80, 120 + 15);
	}
	check_identity(sim);
}

/* Every fifth datagram is lost, of NTM's own too: a call comes about, or fails in words. */
static void loss_20_percent(void **state)
{
	struct sim *sim = *state;
	struct scene s = scene_new(sim, true, false);
	unsigned done = 0, failed = 0, heard = 0, up = 0, icmp;

	sim->internet.medium = (struct sim_medium){.delay_ms = 20, .jitter_ms = 30, .loss = 200};
	/* Idle tunnels go soon, so that each call needs new ones. */
	for (struct sim_node *node = sim->nodes; node != NULL; node = node->next) {
		node->settings.idle_ms = 5000;
		sim_node_kill(node);
		sim_node_start(node);
	}
	for (unsigned i = 0; i < 30; i++) {
		struct sim_call *c;

		sim_run(sim, 25000);
		icmp = s.a->icmp_in + s.b->icmp_in;
		up += sim_is_tunnel(s.a, s.b);
		c = call(&s, 3000);
		assert_true(sim_until(sim, sim_call_is_over, c, 120000));
		if (c->state == SIM_CALL_ENDED)
			done++;
		else
			failed++;
		assert_true(c->state == SIM_CALL_ENDED || c->words[0] != '\0');
		heard += sim_call_has_media(c);
		/* What cannot be is said, to the phones as well. */
		assert_true(c->state == SIM_CALL_FAILED || sim_call_has_media(c) ||
			    s.a->icmp_in + s.b->icmp_in > icmp);
	}
	print_message("# 20 %% loss: %u calls ended well, %u with media both ways, %u failed\n",
		      done, heard, failed);
	assert_int_equal(up, 0);
	assert_true(done >= 20);
	assert_true(heard >= 20);
	assert_true(node_is_registered(s.a->node));
	check_identity(sim);
}

#define scenario(fn) cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(open_to_open),
		scenario(caller_behind_nat),
		scenario(callee_behind_nat),
		scenario(over_ipv6_addresses),
		scenario(resent_while_held_by_callee),
		scenario(resent_while_held_by_caller),
		scenario(dead_dc),
		scenario(dc_restarts_in_a_call),
		scenario(twenty_at_once),
		scenario(loss_20_percent),
	};

	return sim_main("call", tests, sizeof(tests) / sizeof(tests[0]));
}
