/* SPDX-License-Identifier: BSD-2-Clause */
/* What breaks in the field: crashes, revocation, NATs that restart, cut lines. */
#include "sim.h"

#include "node_priv.h"

#define DOMAIN "ntm.example"

struct pair {
	struct sim *sim;
	struct sim_dc *dc;
	struct sim_nat *nat;
	struct sim_node *a, *b, *proxy;
};

static void meet(struct sim_node *a, struct sim_node *b)
{
	sim_say(a, b, 4, 9999, "hello");
	sim_run(a->sim, 1000);
	assert_true(sim_is_tunnel(a, b));
	assert_true(sim_is_tunnel(b, a));
}

/* a behind a NAT, b open, both with a tunnel to a proxy and to each other. */
static struct pair pair_new(struct sim *sim)
{
	struct pair p = {.sim = sim};

	p.dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	p.nat = sim_nat_new(sim, SIM_SYMMETRIC, "192.0.2.20");
	p.proxy = sim_node_up(p.dc, &sim->internet, "192.0.2.30", "proxy");
	p.a = sim_node_up(p.dc, &p.nat->inside, "10.0.0.2", "alice");
	p.b = sim_node_up(p.dc, &sim->internet, "192.0.2.11", "bob");
	sim_proxy(p.proxy);
	meet(p.a, p.proxy);
	meet(p.b, p.proxy);
	meet(p.a, p.b);
	return p;
}

static struct sim_call *call_up(const struct pair *p)
{
	struct sim_call_args args = {.caller = p->a,
				     .callee = p->b,
				     .proxy = p->proxy,
				     .talk_ms = -1};
	struct sim_call *c = sim_call_new(&args);

	assert_true(sim_until(p->sim, sim_call_is_up, c, 5000));
	sim_run(p->sim, 1000);
	assert_true(sim_call_has_media(c));
	return c;
}

/* Milliseconds until text from `from` gets to `to`, said every 100 ms; -1: not within limit_ms. */
static int64_t until_heard(struct sim_node *from, struct sim_node *to, int64_t limit_ms)
{
	int64_t start_ms = sim_now(from->sim);
	unsigned before = to->data_in;

	while (sim_now(from->sim) - start_ms < limit_ms) {
		sim_say(from, to, 4, 9999, "are you there?");
		sim_run(from->sim, 100);
		if (to->data_in > before)
			return to->data_ms - start_ms;
	}
	return -1;
}

/* ---- nodes ---- */

/* Power cut and quick start: a has lost its keys, b does not know. */
static void node_crashes(void **state)
{
	struct pair p = pair_new(*state);

	sim_node_kill(p.a);
	sim_run(p.sim, 3000);
	sim_node_start(p.a);
	sim_run(p.sim, 1000);
	assert_true(node_is_registered(p.a->node));
	/* It speaks first: a new tunnel at once. */
	assert_in_range(until_heard(p.a, p.b, 10000), 0, 1000);
	assert_in_range(until_heard(p.b, p.a, 10000), 0, 1000);
	assert_int_equal(sim_tunnel_count(p.b), 2);
}

/* As above, but it is b that speaks, into a tunnel that is none any more. */
static void node_crashes_and_peer_speaks(void **state)
{
	struct pair p = pair_new(*state);

	sim_node_kill(p.b);
	sim_run(p.sim, 3000);
	sim_node_start(p.b);
	sim_run(p.sim, 1000);
	int64_t heard_ms = until_heard(p.a, p.b, 60000);
	print_message("# a peer that was restarted is reached again after %lld ms\n",
		      (long long)heard_ms);
	assert_in_range(heard_ms, 0, TUNNEL_SILENT_MS + 10000);
	assert_in_range(until_heard(p.b, p.a, 10000), 0, 1000);
}

/* A clean stop says goodbye: nobody waits for time-outs. */
static void node_stops(void **state)
{
	struct pair p = pair_new(*state);

	sim_node_stop(p.b);
	sim_run(p.sim, 200);
	assert_false(sim_is_tunnel(p.a, p.b));
	assert_false(dc_is_online(p.dc->dc, "bob." DOMAIN));
	sim_say(p.a, p.b, 4, 9999, "gone?");
	sim_run(p.sim, 200);
	assert_int_equal(p.a->icmp_in, 1);
	sim_node_start(p.b);
	sim_run(p.sim, TUNNEL_NEGATIVE_MS + 1000);
	assert_in_range(until_heard(p.a, p.b, 10000), 0, 1000);
}

/* An update of a SIP server's host: it says goodbye, and is there again 1.5 s later, while phones
 * go on to register. */
static void sip_host_restarts(void **state)
{
	struct pair p = pair_new(*state);
	unsigned late = 0;

	for (unsigned after_ms = 0; after_ms < 1500; after_ms += 300) {
		sim_node_stop(p.proxy);
		sim_run(p.sim, after_ms);
		/* The phone of one behind a NAT, and of one in the open. */
		sim_say(p.a, p.proxy, 4, 9999, "REGISTER");
		sim_say(p.b, p.proxy, 4, 9999, "REGISTER");
		sim_run(p.sim, 1500 - after_ms);
		assert_false(sim_is_tunnel(p.a, p.proxy));
		sim_node_start(p.proxy);
		int64_t heard_ms = until_heard(p.a, p.proxy, 10000);
		print_message("# asked %u ms after its end: reached %lld ms after its start\n",
			      after_ms, (long long)heard_ms);
		late += heard_ms < 0 || heard_ms > 2500;
		assert_in_range(until_heard(p.b, p.proxy, 10000), 0, 1000);
		sim_run(p.sim, 20000);
	}
	assert_int_equal(late, 0);
}

/* Who stays away is asked for as seldom as others soon. */
static void sip_host_stays_away(void **state)
{
	struct pair p = pair_new(*state);

	sim_node_stop(p.proxy);
	uint64_t before = tunnels_counters(p.a->node->tunnels)->directions;
	assert_int_equal(until_heard(p.a, p.proxy, 60000), -1);
	uint64_t asked = tunnels_counters(p.a->node->tunnels)->directions - before;
	print_message("# asked for %u times in a minute\n", (unsigned)asked);
	assert_in_range(asked, 12, 22);
	sim_run(p.sim, TUNNEL_NEGATIVE_MS + 100);
	assert_null(tunnel_find_name(p.a->node->tunnels, p.proxy->fqdn));
}

/* It stays dead: the others are told so, and nothing of it stays behind. */
static void node_dies(void **state)
{
	struct pair p = pair_new(*state);

	sim_node_kill(p.b);
	for (unsigned i = 0; i < 100; i++) {
		sim_say(p.a, p.b, 4, 9999, "are you there?");
		sim_run(p.sim, 3000);
	}
	assert_true(p.a->icmp_in > 0);
	assert_false(sim_is_tunnel(p.a, p.b));
	sim_run(p.sim, 15 * 60 * 1000); /* idle: none is left, but the DC's */
	assert_int_equal(sim_tunnel_count(p.a), 0);
	assert_int_equal(ntm_links_count(p.a->node->links), 1);
	assert_false(dc_is_online(p.dc->dc, "bob." DOMAIN));
}

/* ---- revocation ---- */

static void revoked_node(void **state)
{
	struct pair p = pair_new(*state);
	struct sim_call *c = call_up(&p);
	unsigned heard;

	sim_dc_revoke(p.dc, "bob." DOMAIN);
	sim_run(p.sim, 1000);
	assert_false(sim_is_tunnel(p.a, p.b));
	assert_false(sim_is_tunnel(p.proxy, p.b));
	assert_true(sim_is_tunnel(p.a, p.proxy));
	assert_false(dc_is_online(p.dc->dc, "bob." DOMAIN));
	heard = c->a.received;
	sim_run(p.sim, 60000);
	assert_int_equal(c->a.received, heard); /* nothing of it gets in any more */
	assert_false(node_is_registered(p.b->node));
	assert_false(sim_is_tunnel(p.a, p.b));
	/* Nor after it was started again. */
	sim_node_kill(p.b);
	sim_node_start(p.b);
	sim_run(p.sim, 60000);
	assert_false(node_is_registered(p.b->node));
	assert_int_equal(until_heard(p.b, p.a, 10000), -1);
	assert_int_equal(until_heard(p.a, p.b, 10000), -1);
}

/* The DC is down when the word would have to go round: it is made up for. */
static void revoked_while_a_peer_is_cut_off(void **state)
{
	struct pair p = pair_new(*state);

	sim_cut(p.sim, "192.0.2.20", "192.0.2.1");
	sim_dc_revoke(p.dc, "bob." DOMAIN);
	sim_run(p.sim, 30000);
	sim_heal(p.sim);
	sim_run(p.sim, 30000);
	assert_true(node_is_registered(p.a->node));
	assert_false(sim_is_tunnel(p.a, p.b));
	assert_int_equal(until_heard(p.b, p.a, 5000), -1);
}

/* ---- networks ---- */

/* New port outside, in a call: a speaks on, so b hears of the new one from a itself. */
static void nat_reboots_in_a_call(void **state)
{
	struct pair p = pair_new(*state);
	struct sim_call *c = call_up(&p);

	sim_run(p.sim, 2000);
	c->a.longest_gap_ms = c->b.longest_gap_ms = 0;
	sim_nat_reboot(p.nat);
	sim_run(p.sim, 60000);
	print_message("# gap after a NAT's restart: %lld ms towards it, %lld ms from it\n",
		      (long long)c->a.longest_gap_ms, (long long)c->b.longest_gap_ms);
	assert_true(c->a.longest_gap_ms <= 500);
	assert_true(c->b.longest_gap_ms <= 500);
	assert_true(sim_now(p.sim) - c->a.last_in_ms <= 100);
	assert_true(node_is_registered(p.a->node));
	sim_call_end(c);
	sim_until(p.sim, sim_call_is_over, c, 10000);
	assert_int_equal(c->state, SIM_CALL_ENDED);
	assert_int_equal(p.sim->sip_strange, 0);
}

/* Without traffic it is the keepalive that finds out, and the DC that learns the new address. */
static void nat_reboots_while_idle(void **state)
{
	struct pair p = pair_new(*state);

	sim_run(p.sim, 60000);
	sim_nat_reboot(p.nat);
	sim_run(p.sim, 40000);
	int64_t heard_ms = until_heard(p.b, p.a, 60000);
	assert_in_range(heard_ms, 0, 1000);
	struct sim_node *carol = sim_node_up(p.dc, &p.sim->internet, "192.0.2.12", "carol");
	assert_in_range(until_heard(carol, p.a, 10000), 0, 1000);
}

/* A line is cut for two minutes in a call: both go on by themselves. */
static void line_is_cut(void **state)
{
	struct pair p = pair_new(*state);
	struct sim_call *c = call_up(&p);

	p.nat->outside.is_down = true;
	sim_run(p.sim, 120000);
	p.nat->outside.is_down = false;
	c->a.longest_gap_ms = c->b.longest_gap_ms = 0;
	int64_t back_ms = sim_now(p.sim);
	sim_run(p.sim, 30000);
	print_message("# media after a cut of 120 s: %lld ms\n",
		      (long long)(c->a.longest_gap_ms - 120000));
	assert_true(sim_now(p.sim) - c->a.last_in_ms <= 100);
	assert_true(sim_now(p.sim) - c->b.last_in_ms <= 100);
	assert_in_range(c->a.longest_gap_ms, 120000, 140000);
	assert_true(node_is_registered(p.a->node));
	assert_true(back_ms > 0);
}

#define scenario(fn) cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(node_crashes),
		scenario(node_crashes_and_peer_speaks),
		scenario(node_stops),
		scenario(sip_host_restarts),
		scenario(sip_host_stays_away),
		scenario(node_dies),
		scenario(revoked_node),
		scenario(revoked_while_a_peer_is_cut_off),
		scenario(nat_reboots_in_a_call),
		scenario(nat_reboots_while_idle),
		scenario(line_is_cut),
	};

	return sim_main("fault", tests, sizeof(tests) / sizeof(tests[0]));
}
