/* SPDX-License-Identifier: BSD-2-Clause */
/* Homes with IPv6 and a NAT for IPv4, which the DC sees over IPv6: whom can they meet, and how? */
#include "sim_relay.h"

#include "node_priv.h"

#define DOMAIN "ntm.example"

struct scene {
	struct sim *sim;
	struct sim_dc *dc;
};

static struct scene scene_new(struct sim *sim, bool has_relay)
{
	struct scene s = {.sim = sim, .dc = sim_dc_new(sim, DOMAIN, "192.0.2.1")};

	sim_dc_add6(s.dc, "2001:db8::1");
	if (has_relay)
		sim_relay_new(s.dc, "192.0.2.200", "2001:db8::200", "relay");
	sim_run(sim, 1000);
	return s;
}

static struct sim_node *home4(struct scene *s, const char *outside, const char *name)
{
	struct sim_nat *nat = sim_nat_new(s->sim, SIM_PORT_RESTRICTED, outside);

	return sim_node_up(s->dc, &nat->inside, "192.168.1.2", name);
}

static struct sim_node *home46(struct scene *s, const char *outside, const char *ip6,
			       const char *name)
{
	struct sim_nat *nat = sim_nat_new(s->sim, SIM_PORT_RESTRICTED, outside);
	struct sim_node *node = sim_node_new(s->dc, &nat->inside, "192.168.1.2", name);

	sim_node_add6(node, ip6);
	sim_node_start(node);
	sim_run(s->sim, 2000);
	assert_true(node_is_registered(node->node));
	assert_int_equal(ntm_uplink_seen(dclink_uplink(node->node->dclink))->ip.family, 6);
	return node;
}

/* What `from` says first is heard, and answered, within so much; the path 3 s later. */
static enum sim_path talk(struct sim_node *from, struct sim_node *to, int64_t limit_ms)
{
	unsigned before = from->data_in;

	sim_say(from, to, 4, SIM_ECHO_PORT, "hello");
	sim_run(from->sim, limit_ms);
	assert_int_equal(from->data_in, before + 1);
	sim_run(from->sim, 3000);
	sim_say(from, to, 4, SIM_ECHO_PORT, "still there?");
	sim_run(from->sim, 100);
	assert_int_equal(from->data_in, before + 2);
	assert_int_equal(sim_path(from, to), sim_path(to, from));
	return sim_path(from, to);
}

/* What each pair gets, whoever begins. */
static void each_way(bool has_relay, bool is_open, bool has_six, enum sim_path path)
{
	for (unsigned turned = 0; turned < 2; turned++) {
		struct sim *sim = sim_new(sim_seed() + turned);
		struct scene s = scene_new(sim, has_relay);
		struct sim_node *a = home46(&s, "203.0.113.1", "2001:db8:1::2", "alice"), *b;

		if (is_open)
			b = sim_node_up(s.dc, &sim->internet, "192.0.2.50", "bob");
		else if (has_six)
			b = home46(&s, "203.0.113.2", "2001:db8:2::2", "bob");
		else
			b = home4(&s, "203.0.113.2", "bob");
		assert_int_equal(turned ? talk(b, a, 1000) : talk(a, b, 1000), path);
		sim_free(sim);
	}
}

static void with_an_open_ipv4_node(void **state)
{
	(void)state;
	each_way(false, true, false, SIM_PATH_DIRECT);
	each_way(true, true, false, SIM_PATH_DIRECT);
}

static void with_a_home_that_has_only_ipv4(void **state)
{
	(void)state;
	each_way(true, false, false, SIM_PATH_RELAY);
}

/* Both routers' firewalls let in only what was asked for. */
static void with_its_like(void **state)
{
	(void)state;
	each_way(true, false, true, SIM_PATH_DIRECT);
	each_way(false, false, true, SIM_PATH_DIRECT);
}

/* Its DC has no IPv6. */
static struct sim_node *home_seen4(struct sim_dc *dc, const char *outside, const char *ip6,
				   const char *name)
{
	struct sim_nat *nat = sim_nat_new(dc->sim, SIM_SYMMETRIC, outside);
	struct sim_node *node = sim_node_new(dc, &nat->inside, "192.168.1.2", name);

	sim_node_add6(node, ip6);
	node->lease.dc[0] = dc->addr;
	sim_node_start(node);
	sim_run(dc->sim, 2000);
	assert_int_equal(ntm_uplink_seen(dclink_uplink(node->node->dclink))->ip.family, 4);
	return node;
}

/* A DC without IPv6 sees NATs only, and there is no relay. */
static void homes_that_the_dc_sees_over_ipv4(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		bool turned = i % 2 == 1;
		struct sim *sim = sim_new(sim_seed() + i);
		struct sim_dc *dc = sim_dc_new(sim, DOMAIN, "192.0.2.1"), *other = dc;

		if (i >= 2) {
			other = sim_dc_new(sim, "other.example", "192.0.2.2");
			sim_trust_each_other(dc, other);
		}
		struct sim_node *a = home_seen4(dc, "203.0.113.1", "2001:db8:1::2", "alice");
		struct sim_node *b = home_seen4(other, "203.0.113.2", "2001:db8:2::2", "bob");

		assert_int_equal(turned ? talk(b, a, 1000) : talk(a, b, 1000), SIM_PATH_DIRECT);
		sim_free(sim);
	}
}

/* Its NAT for IPv4 forgets after 30 s, and the DC cannot see that: a call to it works at once. */
static void idle_with_an_open_ipv4_node(void **state)
{
	struct sim *sim = sim_new(sim_seed());
	struct scene s = scene_new(sim, true);
	struct sim_node *a = home46(&s, "203.0.113.1", "2001:db8:1::2", "alice");
	struct sim_node *b = sim_node_up(s.dc, &sim->internet, "192.0.2.50", "bob");

	(void)state;
	sim->nats->timeout_ms = 30000;
	assert_int_equal(talk(a, b, 1000), SIM_PATH_DIRECT);
	for (int64_t i = 0; i < 10; i++) {
		unsigned before = b->data_in;

		sim_run(sim, 31000 + i * 2500);
		sim_say(b, a, 4, SIM_ECHO_PORT, "INVITE");
		sim_run(sim, 100);
		assert_int_equal(b->data_in, before + 1);
	}
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_an_open_ipv4_node),
		cmocka_unit_test(with_a_home_that_has_only_ipv4),
		cmocka_unit_test(with_its_like),
		cmocka_unit_test(homes_that_the_dc_sees_over_ipv4),
		cmocka_unit_test(idle_with_an_open_ipv4_node),
	};

	return sim_main("families", tests, sizeof(tests) / sizeof(tests[0]));
}
