/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls between homes behind carriers' NATs: two NATs in a row, and one carrier for both. */
#include "sim_relay.h"

#define DOMAIN "ntm.example"

struct scene {
	struct sim *sim;
	struct sim_dc *dc;
	struct sim_node *a, *b, *proxy;
};

static struct scene scene_new(struct sim *sim)
{
	struct scene s = {.sim = sim, .dc = sim_dc_new(sim, DOMAIN, "192.0.2.1")};

	sim_relay_new(s.dc, "192.0.2.200", NULL, "relay0");
	sim_relay_new(s.dc, "192.0.2.201", NULL, "relay1");
	sim_run(sim, 1000);
	s.proxy = sim_node_up(s.dc, &sim->internet, "192.0.2.30", "sip");
	sim_proxy(s.proxy);
	return s;
}

/* A call with sound from its first packet to its last; the path 3 s after the answer. */
static enum sim_path call(struct scene *s)
{
	struct sim_call_args args = {.caller = s->a,
				     .callee = s->b,
				     .proxy = s->proxy,
				     .talk_ms = 5000};
	struct sim_call *c = sim_call_new(&args);
	enum sim_path path;

	assert_true(sim_until(s->sim, sim_call_is_up, c, 5000));
	sim_run(s->sim, 3000);
	path = sim_path(s->a, s->b);
	assert_int_equal(sim_path(s->b, s->a), path);
	assert_true(sim_until(s->sim, sim_call_is_over, c, 20000));
	assert_int_equal(c->state, SIM_CALL_ENDED);
	assert_true(sim_call_has_media(c));
	assert_int_equal(c->a.received, c->b.sent);
	assert_int_equal(c->b.received, c->a.sent);
	assert_true(c->a.longest_gap_ms <= 80 && c->b.longest_gap_ms <= 80);
	return path;
}

static struct sim_lan *home_behind(struct sim_nat *carrier, enum sim_nat_kind kind, const char *ip)
{
	return &sim_nat_behind(&carrier->inside, kind, ip)->inside;
}

/* What two NATs in a row let in is what the stricter one does. */
static void carrier_behind_home(void **state)
{
	static const struct {
		enum sim_nat_kind carrier, home;
		enum sim_path path;
	} rows[] = {
		{SIM_FULL_CONE, SIM_FULL_CONE, SIM_PATH_DIRECT},
		{SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, SIM_PATH_DIRECT},
		{SIM_ADDRESS_RESTRICTED, SIM_PORT_RESTRICTED, SIM_PATH_DIRECT},
		{SIM_SYMMETRIC, SIM_PORT_RESTRICTED, SIM_PATH_RELAY},
		{SIM_PORT_RESTRICTED, SIM_SYMMETRIC, SIM_PATH_RELAY},
		{SIM_SYMMETRIC, SIM_SYMMETRIC, SIM_PATH_RELAY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sim *sim = sim_new(sim_seed() + i);
		struct scene s = scene_new(sim);
		struct sim_nat *one = sim_nat_new(sim, rows[i].carrier, "203.0.113.1");
		struct sim_nat *two = sim_nat_new(sim, rows[i].carrier, "203.0.113.2");

		/* Both homes, and both carriers' networks, have the same numbers. */
		s.a = sim_node_up(s.dc, home_behind(one, rows[i].home, "100.64.0.2"), "10.0.0.2",
				  "alice");
		s.b = sim_node_up(s.dc, home_behind(two, rows[i].home, "100.64.0.2"), "10.0.0.2",
				  "bob");
		assert_int_equal(call(&s), rows[i].path);
		sim_free(sim);
	}
}

/* One outside address for both, and no way between their own ones. */
static void one_carrier_two_homes(void **state)
{
	static const enum sim_nat_kind carriers[] = {SIM_FULL_CONE, SIM_ADDRESS_RESTRICTED,
						     SIM_PORT_RESTRICTED, SIM_SYMMETRIC};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct sim *sim = sim_new(sim_seed() + i);
		struct scene s = scene_new(sim);
		struct sim_nat *carrier = sim_nat_new(sim, carriers[i], "203.0.113.1");

		s.a = sim_node_up(s.dc, home_behind(carrier, SIM_PORT_RESTRICTED, "100.64.0.2"),
				  "10.0.0.2", "alice");
		s.b = sim_node_up(s.dc, home_behind(carrier, SIM_PORT_RESTRICTED, "100.64.0.3"),
				  "10.0.0.3", "bob");
		assert_int_equal(call(&s),
				 carriers[i] == SIM_SYMMETRIC ? SIM_PATH_RELAY : SIM_PATH_DIRECT);
		sim_free(sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carrier_behind_home),
		cmocka_unit_test(one_carrier_two_homes),
	};

	return sim_main("carrier", tests, sizeof(tests) / sizeof(tests[0]));
}
