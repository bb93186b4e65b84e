/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that outlast what is around them: NATs that forget, and tickets and keys that end. */
#include "sim_relay.h"

#include "dc_priv.h"
#include "node_priv.h"

#define DOMAIN "ntm.example"

struct pair {
	struct sim *sim;
	struct sim_dc *dc;
	struct sim_nat *nat[2];
	struct sim_node *a, *b, *proxy;
};

static struct pair pair_new(struct sim *sim, enum sim_nat_kind a, enum sim_nat_kind b)
{
	struct pair p = {.sim = sim, .dc = sim_dc_new(sim, DOMAIN, "192.0.2.1")};

	sim_relay_new(p.dc, "192.0.2.200", NULL, "relay0");
	sim_relay_new(p.dc, "192.0.2.201", NULL, "relay1");
	sim_run(sim, 1000);
	sim->internet.medium = (struct sim_medium){.delay_ms = 15};
	p.nat[0] = sim_nat_new(sim, a, "203.0.113.1");
	p.nat[1] = sim_nat_new(sim, b, "203.0.113.2");
	p.proxy = sim_node_up(p.dc, &sim->internet, "192.0.2.30", "sip");
	sim_proxy(p.proxy);
	p.a = sim_node_up(p.dc, &p.nat[0]->inside, "10.0.0.2", "alice");
	p.b = sim_node_up(p.dc, &p.nat[1]->inside, "10.0.0.2", "bob");
	return p;
}

static struct sim_call *call_up(const struct pair *p, int64_t rtp_ms)
{
	struct sim_call_args args = {.caller = p->a,
				     .callee = p->b,
				     .proxy = p->proxy,
				     .rtp_ms = rtp_ms,
				     .talk_ms = -1};
	struct sim_call *call = sim_call_new(&args);

	assert_true(sim_until(p->sim, sim_call_is_up, call, 5000));
	sim_run(p->sim, 5000);
	assert_true(sim_call_has_media(call));
	return call;
}

/* The longest silence at either end within that time. */
static int64_t silence(struct sim_call *call, int64_t ms)
{
	struct sim_media *media[] = {&call->a, &call->b};
	int64_t worst = 0;

	call->a.longest_gap_ms = call->b.longest_gap_ms = 0;
	sim_run(call->sim, ms);
	for (size_t i = 0; i < 2; i++) {
		int64_t open_ms = sim_now(call->sim) - media[i]->last_in_ms;

		worst = media[i]->longest_gap_ms > worst ? media[i]->longest_gap_ms : worst;
		worst = open_ms > worst ? open_ms : worst;
	}
	return worst;
}

/* The NATs of `which` (bits) forget everything in the middle of a call, and give other ports: who
 * spoke directly does so again as soon as the DC knows the new ones, and nobody hears it. */
static void rebinding(uint64_t seed, enum sim_nat_kind a, enum sim_nat_kind b, unsigned which)
{
	struct sim *sim = sim_new(seed);
	struct pair p = pair_new(sim, a, b);
	struct sim_call *call = call_up(&p, 20);
	enum sim_path path = sim_path(p.a, p.b);

	assert_int_equal(silence(call, 5007), 20);
	for (unsigned i = 0; i < 2; i++)
		if (which >> i & 1)
			sim_nat_reboot(p.nat[i]);
	assert_in_range(silence(call, 10000), 20, 300);
	assert_int_equal(silence(call, 40000), 20);
	assert_int_equal(sim_path(p.a, p.b), path);
	assert_int_equal(sim_path(p.b, p.a), path);
	sim_free(sim);
}

static void ports_change_in_a_call(void **state)
{
	uint64_t seed = sim_seed();

	(void)state;
	for (unsigned a = 0; a < 4; a++)
		for (unsigned b = a; b < 4; b++)
			for (unsigned which = 1; which < 4; which++)
				rebinding(seed++, a, b, which);
}

/* Directions and tickets of 10 minutes, keys of 2: nothing of that is heard, on a relay or direct.
 */
static void a_call_outlasts_tickets_and_keys(void **state)
{
	static const enum sim_nat_kind kinds[] = {SIM_SYMMETRIC, SIM_PORT_RESTRICTED};
	uint64_t seed = sim_seed();

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sim *sim = sim_new(seed + i);
		struct pair p = pair_new(sim, kinds[i], kinds[i]);

		p.dc->dc->settings.pair_lifetime_s = 600;
		struct sim_call *call = call_up(&p, 200);
		enum sim_path path = sim_path(p.a, p.b);
		assert_int_equal(path, i == 0 ? SIM_PATH_RELAY : SIM_PATH_DIRECT);
		assert_int_equal(silence(call, (2 - (int64_t)i) * 3600 * 1000), 200);
		assert_int_equal(sim_path(p.a, p.b), path);
		assert_in_range(tunnels_counters(p.a->node->tunnels)->route_directions, 8, 30);
		sim_free(sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_change_in_a_call),
		cmocka_unit_test(a_call_outlasts_tickets_and_keys),
	};

	return sim_main("rebind", tests, sizeof(tests) / sizeof(tests[0]));
}
