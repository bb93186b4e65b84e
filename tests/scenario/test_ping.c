/* SPDX-License-Identifier: BSD-2-Clause */
/* `ntm-node ping`: round trips over every kind of path, peers that go away, and what is refused. */
#include "sim_relay.h"

#include "node_priv.h"

#include <errno.h>

#define DOMAIN "ntm.example"
#define MANY   16

/* What came of one `ping`. */
struct pings {
	unsigned count, lasts;
	struct node_ping_result result[MANY];
	int64_t at_ms[MANY];
	char words[MANY][200];
	struct sim *sim;
};

static void on_ping(void *arg, const struct node_ping_result *result)
{
	struct pings *pings = arg;

	assert_int_equal(pings->lasts, 0); /* nothing comes after the last */
	assert_true(pings->count < MANY);
	pings->result[pings->count] = *result;
	pings->at_ms[pings->count] = sim_now(pings->sim);
	snprintf(pings->words[pings->count], sizeof(pings->words[0]), "%s",
		 result->words != NULL ? result->words : "");
	pings->count++;
	pings->lasts += result->last;
}

static int ping(struct sim_node *node, const char *target, unsigned count, struct pings *pings)
{
	*pings = (struct pings){.sim = node->sim};
	return node_ping(node->node, target, count, on_ping, pings);
}

static bool is_over(void *arg)
{
	const struct pings *pings = arg;

	return pings->lasts > 0;
}

/* DC, and two nodes in the open or behind NATs that know no way to each other. */
struct two {
	struct sim_dc *dc;
	struct sim_node *a, *b;
};

static struct two two_open(struct sim *sim)
{
	struct two two = {.dc = sim_dc_new(sim, DOMAIN, "192.0.2.1")};

	two.a = sim_node_up(two.dc, &sim->internet, "192.0.2.10", "alice");
	two.b = sim_node_up(two.dc, &sim->internet, "192.0.2.20", "bob");
	return two;
}

static void brings_the_tunnel_up(void **state)
{
	struct sim *sim = *state;
	struct two two = two_open(sim);
	struct pings pings;
	struct ntm_ip vip = sim_vip(two.b, 4);

	assert_false(sim_is_tunnel(two.a, two.b));
	assert_int_equal(ping(two.a, "bob", 3, &pings), 0);
	assert_true(sim_until(sim, is_over, &pings, 5000));
	assert_true(sim_is_tunnel(two.a, two.b));
	assert_int_equal(pings.count, 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct node_ping_result *result = &pings.result[i];

		assert_int_equal(result->err, 0);
		assert_int_equal(result->seq, i + 1);
		assert_string_equal(result->peer, "bob." DOMAIN);
		assert_true(ntm_ip_eq(&result->vip, &vip));
		assert_false(result->is_relayed);
		assert_true(ntm_addr_eq(&result->via, &two.b->addr));
		assert_int_equal(result->rtt_ms, 2 * sim->internet.medium.delay_ms);
		assert_int_equal(result->last, i == 2);
		assert_int_equal(pings.at_ms[i] - pings.at_ms[0], i * 1000);
	}
	/* Applications have seen nothing of it. */
	assert_int_equal(two.a->data_in + two.b->data_in + two.a->icmp_in + two.b->icmp_in, 0);
	assert_int_equal(two.a->node->ping_count, 0);
	assert_int_equal(two.b->node->counters.control_bad, 0);
}

static void by_address_of_either_family(void **state)
{
	struct sim *sim = *state;
	struct two two = two_open(sim);
	struct pings pings;
	char text[NTM_IP_STR];

	for (uint8_t family = 4; family <= 6; family += 2) {
		struct ntm_ip vip = sim_vip(two.b, family);

		assert_int_equal(ping(two.a, ntm_ip_str(&vip, text), 1, &pings), 0);
		assert_true(sim_until(sim, is_over, &pings, 5000));
		assert_int_equal(pings.result[0].err, 0);
		assert_string_equal(pings.result[0].peer, "bob." DOMAIN);
	}
	/* 0 is no endless one. */
	assert_int_equal(ping(two.a, "bob", 0, &pings), 0);
	sim_run(sim, 5000);
	assert_int_equal(pings.count, 1);
	assert_true(pings.result[0].last);
}

static void over_a_relay(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	struct sim_relay *relay = sim_relay_new(dc, "192.0.2.200", NULL, "rs");
	struct sim_nat *nat_a = sim_nat_new(sim, SIM_SYMMETRIC, "203.0.113.1");
	struct sim_nat *nat_b = sim_nat_new(sim, SIM_SYMMETRIC, "203.0.113.2");
	struct sim_node *a, *b;
	struct pings pings;

	sim_run(sim, 1000);
	a = sim_node_up(dc, &nat_a->inside, "10.0.0.2", "alice");
	b = sim_node_up(dc, &nat_b->inside, "10.0.0.2", "bob");
	assert_int_equal(ping(a, "bob", 2, &pings), 0);
	assert_true(sim_until(sim, is_over, &pings, 5000));
	assert_int_equal(pings.count, 2);
	assert_int_equal(sim_path(a, b), SIM_PATH_RELAY);
	assert_int_equal(pings.result[1].err, 0);
	assert_true(pings.result[1].is_relayed);
	assert_true(ntm_addr_eq(&pings.result[1].via, &relay->addr));
	/* Two hops each way. */
	assert_true(pings.result[1].rtt_ms >= 4 * sim->internet.medium.delay_ms);
}

static void peer_goes_away(void **state)
{
	struct sim *sim = *state;
	struct two two = two_open(sim);
	struct pings pings;

	assert_int_equal(ping(two.a, "bob", 6, &pings), 0);
	sim_run(sim, 1500);
	assert_int_equal(pings.count, 2);
	sim_cut(sim, "192.0.2.10", "192.0.2.20");
	sim_run(sim, 2000);
	assert_int_equal(pings.count, 3);
	assert_int_equal(pings.result[2].err, -ETIMEDOUT);
	assert_int_equal(pings.result[2].seq, 3);
	assert_string_equal(pings.words[2],
			    "nothing comes back by any path: see `ntm-node tunnels`");
	assert_false(pings.result[2].last);
	sim_heal(sim);
	assert_true(sim_until(sim, is_over, &pings, 10000));
	assert_int_equal(pings.count, 6);
	assert_int_equal(pings.result[5].err, 0);
	assert_int_equal(pings.result[5].seq, 6);
	/* Those that nobody answers end as well, a second after the last. */
	sim_node_kill(two.b);
	assert_int_equal(ping(two.a, "bob", 2, &pings), 0);
	sim_run(sim, 2100);
	assert_int_equal(pings.count, 2);
	assert_int_equal(pings.result[1].err, -ETIMEDOUT);
	assert_true(pings.result[1].last);
	assert_int_equal(two.a->node->ping_count, 0);
}

/* A late answer is nobody's: it must not pass for the next one's. */
static void late_answers(void **state)
{
	struct sim *sim = *state;
	struct two two = two_open(sim);
	struct pings pings;

	assert_int_equal(ping(two.a, "bob", 1, &pings), 0);
	assert_true(sim_until(sim, is_over, &pings, 5000));
	sim->internet.medium.delay_ms = 600;
	assert_int_equal(ping(two.a, "bob", 3, &pings), 0);
	assert_true(sim_until(sim, is_over, &pings, 10000));
	assert_int_equal(pings.count, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pings.result[i].err, -ETIMEDOUT);
}

static void two_at_once(void **state)
{
	struct sim *sim = *state;
	struct two two = two_open(sim);
	struct sim_node *c = sim_node_up(two.dc, &sim->internet, "192.0.2.30", "carol");
	struct pings to_b, to_c, back;

	assert_int_equal(ping(two.a, "bob", 3, &to_b), 0);
	assert_int_equal(ping(two.a, "carol", 3, &to_c), 0);
	assert_int_equal(ping(two.b, "alice", 3, &back), 0);
	sim_run(sim, 4000);
	assert_int_equal(to_b.count, 3);
	assert_int_equal(to_c.count, 3);
	assert_int_equal(back.count, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(to_b.result[i].err | to_c.result[i].err | back.result[i].err, 0);
		assert_string_equal(to_b.result[i].peer, two.b->fqdn);
		assert_string_equal(to_c.result[i].peer, c->fqdn);
		assert_string_equal(back.result[i].peer, two.a->fqdn);
	}
}

static void no_tunnel(void **state)
{
	struct sim *sim = *state;
	struct two two = two_open(sim);
	struct pings pings, more[NODE_PINGS];
	char text[NTM_IP_STR];
	struct ntm_ip own = sim_vip(two.a, 4);

	assert_int_equal(ping(two.a, "nobody", 3, &pings), 0);
	sim_run(sim, 4000);
	assert_int_equal(pings.count, 1);
	assert_true(pings.result[0].last);
	assert_true(pings.result[0].err < 0);
	assert_string_equal(pings.result[0].peer, "nobody." DOMAIN);
	assert_non_null(strstr(pings.words[0], "nobody"));

	/* None of a node's business. */
	assert_int_equal(ping(two.a, "alice", 1, &pings), -EINVAL);
	assert_int_equal(ping(two.a, ntm_ip_str(&own, text), 1, &pings), -EINVAL);
	assert_int_equal(ping(two.a, "192.0.2.20", 1, &pings), -EINVAL);
	assert_int_equal(ping(two.a, "a..b", 1, &pings), -EINVAL);
	assert_int_equal(pings.count, 0);

	for (unsigned i = 0; i < NODE_PINGS; i++)
		assert_int_equal(ping(two.a, "bob", 2, &more[i]), 0);
	assert_int_equal(ping(two.a, "bob", 1, &pings), -EBUSY);
	sim_run(sim, 4000);
	for (unsigned i = 0; i < NODE_PINGS; i++)
		assert_int_equal(more[i].count, 2);
	assert_int_equal(ping(two.a, "bob", 1, &pings), 0);
	assert_true(sim_until(sim, is_over, &pings, 1000));
}

/* Words that an operator can do something with, not those of the C library. */
static void no_room_for_a_tunnel(void **state)
{
	struct sim *sim = *state;
	struct two two = two_open(sim);
	struct pings pings;

	for (unsigned i = 0; i < TUNNEL_MAX; i++) {
		struct ntm_addr to = {.port = 9};

		to.ip = ntm_ip_v4(198, 18, (uint8_t)(100 + (i >> 8)), (uint8_t)i);
		sim_udp(two.a, 9, &to, "x", 1);
	}
	assert_int_equal(sim_tunnel_count(two.a), TUNNEL_MAX);
	int err = ping(two.a, "bob", 1, &pings);
	assert_int_equal(err, -ENOSPC);
	assert_non_null(strstr(node_ping_refusal(err), "as many tunnels as it can"));
	assert_string_equal(node_ping_refusal(-ENOMEM), strerror(ENOMEM));
	assert_non_null(strstr(node_ping_refusal(-EBUSY), "try again in a moment"));
	assert_non_null(strstr(node_ping_refusal(-EINVAL), "neither a name"));
	sim_run(sim, 20000);
	assert_int_equal(ping(two.a, "bob", 1, &pings), 0);
	assert_true(sim_until(sim, is_over, &pings, 5000));
	assert_int_equal(pings.result[0].err, 0);
}

/* One waits for the tunnel, one for an answer, one for its next second. */
static void node_stops_meanwhile(void **state)
{
	struct sim *sim = *state;
	struct two two = two_open(sim);
	struct pings pings[3];

	assert_int_equal(ping(two.a, "bob", 9, &pings[0]), 0);
	sim_run(sim, 500);
	assert_int_equal(pings[0].count, 1);
	assert_int_equal(ping(two.a, "bob", 9, &pings[1]), 0);
	assert_int_equal(ping(two.a, "nobody", 9, &pings[2]), 0);
	sim_node_stop(two.a);
	for (unsigned i = 0; i < 3; i++) {
		unsigned end = pings[i].count - 1;

		assert_int_equal(pings[i].count, i == 0 ? 2 : 1);
		assert_int_equal(pings[i].result[end].err, -ECANCELED);
		assert_string_equal(pings[i].words[end], "ntm-node is stopping");
		assert_true(pings[i].result[end].last);
	}
	sim_run(sim, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(brings_the_tunnel_up, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(by_address_of_either_family, sim_setup,
						sim_teardown),
		cmocka_unit_test_setup_teardown(over_a_relay, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(peer_goes_away, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(late_answers, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(two_at_once, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(no_tunnel, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(no_room_for_a_tunnel, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(node_stops_meanwhile, sim_setup, sim_teardown),
	};

	return sim_main("ping", tests, sizeof(tests) / sizeof(tests[0]));
}
