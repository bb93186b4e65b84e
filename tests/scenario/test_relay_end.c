/* SPDX-License-Identifier: BSD-2-Clause */
/* Flows of relays end with their tunnels, and not before; what is lost on the way ends by itself.
 */
#include "sim_relay.h"

#include "dc_priv.h"
#include "node_priv.h"

#define DOMAIN  "ntm.example"
#define RELAYS  2
#define NODES   10
#define PAIRS   (NODES * (NODES - 1) / 2)
#define IDLE_MS 30000 /* of tunnels */
#define LOOK_MS 5000  /* tunnels look so often whether they are idle */
#define DC_MS   2100  /* relays report so often */

struct world {
	struct sim *sim;
	struct sim_dc *dc;
	struct sim_relay *relay[RELAYS];
	struct sim_node *node[NODES];
	size_t count;
};

/* So many nodes behind a NAT of that kind each. */
static struct world world_new(struct sim *sim, enum sim_nat_kind kind, size_t count)
{
	struct world w = {.sim = sim, .dc = sim_dc_new(sim, DOMAIN, "192.0.2.1"), .count = count};
	char name[16], ip[32];

	for (unsigned i = 0; i < RELAYS; i++) {
		snprintf(name, sizeof(name), "relay%u", i);
		snprintf(ip, sizeof(ip), "192.0.2.%u", 200 + i);
		w.relay[i] = sim_relay_new(w.dc, ip, NULL, name);
	}
	sim_run(sim, 1000);
	for (unsigned i = 0; i < count; i++) {
		snprintf(ip, sizeof(ip), "203.0.113.%u", 1 + i);
		snprintf(name, sizeof(name), "node%u", i);
		struct sim_nat *nat = sim_nat_new(sim, kind, ip);
		w.node[i] = sim_node_new(w.dc, &nat->inside, "10.0.0.2", name);
		w.node[i]->settings.idle_ms = IDLE_MS;
		sim_node_start(w.node[i]);
	}
	sim_run(sim, 2000);
	for (unsigned i = 0; i < count; i++)
		assert_true(node_is_registered(w.node[i]->node));
	return w;
}

static uint32_t flows(const struct world *w)
{
	return relay_flow_count(w->relay[0]->relay) + relay_flow_count(w->relay[1]->relay);
}

static uint64_t released(const struct world *w)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < RELAYS; i++) {
		json_t *status = relay_status_json(w->relay[i]->relay);

		sum += (uint64_t)json_integer_value(
			json_object_get(json_object_get(status, "admission"), "released"));
		json_decref(status);
	}
	return sum;
}

static uint64_t releases_sent(const struct world *w)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < w->count; i++)
		sum += relays_counters(w->node[i]->node->relays)->releases;
	return sum;
}

/* What the DC goes by when it gives relays to others. */
static uint32_t flows_at_dc(const struct world *w)
{
	uint32_t sum = 0;

	for (const struct fleet_relay *r = w->dc->dc->fleet.first; r != NULL; r = r->next)
		sum += r->report.flows + r->given;
	return sum;
}

static void say_hello(const struct world *w)
{
	sim_say(w->node[0], w->node[1], 4, SIM_ECHO_PORT, "hello");
	sim_run(w->sim, 1000);
	assert_true(sim_path(w->node[0], w->node[1]) != SIM_PATH_NONE);
	assert_int_equal(flows(w), RELAYS);
}

/* Everybody talks to everybody, then nobody: not the relays' 180 s later, but with the tunnels. */
static void all_fall_silent(void **state)
{
	struct world w = world_new(*state, SIM_SYMMETRIC, NODES);

	for (size_t i = 0; i < NODES; i++)
		for (size_t k = i + 1; k < NODES; k++) {
			sim_say(w.node[i], w.node[k], 4, SIM_ECHO_PORT, "hello");
			sim_run(w.sim, 100);
		}
	sim_run(w.sim, DC_MS);
	assert_int_equal(flows(&w), RELAYS * PAIRS);
	assert_int_equal(flows_at_dc(&w), RELAYS * PAIRS);
	sim_run(w.sim, IDLE_MS + LOOK_MS);
	assert_int_equal(flows(&w), 0);
	assert_int_equal(released(&w), 2 * RELAYS * PAIRS);
	assert_int_equal(releases_sent(&w), 2 * RELAYS * PAIRS);
	sim_run(w.sim, DC_MS);
	assert_int_equal(flows_at_dc(&w), 0);
}

/* A tenth of all is lost, and some overtakes: most end at once, the rest after the idle time, and
 * whoever talks again meanwhile is not hindered. */
static void some_are_lost(void **state)
{
	struct world w = world_new(*state, SIM_SYMMETRIC, NODES);

	w.sim->internet.medium = (struct sim_medium){.delay_ms = 20, .jitter_ms = 10, .loss = 100};
	for (size_t i = 0; i < NODES; i++)
		for (size_t k = i + 1; k < NODES; k++) {
			for (unsigned n = 0; n < 3; n++)
				sim_say(w.node[i], w.node[k], 4, SIM_ECHO_PORT, "hello");
			sim_run(w.sim, 300);
		}
	sim_run(w.sim, 3000);
	uint32_t before = flows(&w);
	assert_in_range(before, RELAYS * PAIRS * 3 / 4, RELAYS * PAIRS * 5 / 4);
	for (unsigned n = 0; sim_tunnel_count(w.node[0]) > 0 && n < 60; n++)
		sim_run(w.sim, 1000);
	sim_run(w.sim, 2 * LOOK_MS);
	uint32_t left = flows(&w);
	print_message("# of %u flows %u are left, %llu of %llu RELEASEs came\n", before, left,
		      (unsigned long long)released(&w), (unsigned long long)releases_sent(&w));
	assert_in_range(left, 1, before / 2);
	assert_true(released(&w) < releases_sent(&w));
	w.sim->internet.medium.loss = 0;
	sim_say(w.node[0], w.node[1], 4, SIM_ECHO_PORT, "again");
	sim_run(w.sim, 2000);
	assert_int_equal(sim_path(w.node[0], w.node[1]), SIM_PATH_RELAY);
	sim_run(w.sim, (NTM_RELAY_IDLE_S + 10) * 1000 + IDLE_MS);
	assert_int_equal(flows(&w), 0);
}

/* A direct path works: the relays stay bound as the way back, as long as the tunnel lasts. */
static void spares_are_kept(void **state)
{
	struct world w = world_new(*state, SIM_PORT_RESTRICTED, 2);

	say_hello(&w);
	for (unsigned i = 0; i < 60; i++) {
		sim_run(w.sim, IDLE_MS / 3);
		sim_say(w.node[i & 1], w.node[!(i & 1)], 4, SIM_ECHO_PORT, "still there?");
	}
	assert_int_equal(sim_path(w.node[0], w.node[1]), SIM_PATH_DIRECT);
	assert_int_equal(flows(&w), RELAYS);
	assert_int_equal(releases_sent(&w), 0);
	sim_cut(w.sim, "203.0.113.1", "203.0.113.2");
	sim_run(w.sim, 4000);
	unsigned heard = w.node[0]->data_in;
	sim_say(w.node[0], w.node[1], 4, SIM_ECHO_PORT, "and now?");
	sim_run(w.sim, 300);
	assert_int_equal(w.node[0]->data_in, heard + 1);
	sim_heal(w.sim);
}

static void a_node_stops(void **state)
{
	struct world w = world_new(*state, SIM_SYMMETRIC, 2);

	say_hello(&w);
	sim_node_stop(w.node[0]);
	sim_run(w.sim, 200);
	assert_int_equal(flows(&w), 0);
	assert_false(sim_is_tunnel(w.node[1], w.node[0]));
	sim_run(w.sim, TUNNEL_CLOSED_MS);
	assert_int_equal(sim_tunnel_count(w.node[1]), 0);
}

/* It cannot say so: the relays forget its side after 180 s, and the other's with its tunnel. */
static void a_node_dies(void **state)
{
	struct world w = world_new(*state, SIM_SYMMETRIC, 2);

	say_hello(&w);
	uint64_t sent = w.node[0]->sent;
	sim_node_kill(w.node[0]);
	sim_run(w.sim, IDLE_MS / 2);
	assert_int_equal(w.node[0]->sent, sent);
	assert_int_equal(flows(&w), RELAYS);
	sim_run(w.sim, IDLE_MS / 2 + LOOK_MS);
	assert_int_equal(released(&w), RELAYS);
	assert_int_equal(flows(&w), RELAYS);
	sim_run(w.sim, (NTM_RELAY_IDLE_S + 10) * 1000);
	assert_int_equal(flows(&w), 0);
}

static void a_node_is_revoked(void **state)
{
	struct world w = world_new(*state, SIM_SYMMETRIC, 2);

	say_hello(&w);
	sim_dc_revoke(w.dc, w.node[1]->fqdn);
	sim_run(w.sim, 1000);
	assert_int_equal(sim_path(w.node[0], w.node[1]), SIM_PATH_NONE);
	assert_int_equal(flows(&w), 0);
}

/* Another direction for a tunnel that lasts: its relays take the place of those before. */
static void spares_are_replaced(void **state)
{
	struct world w = world_new(*state, SIM_SYMMETRIC, 2);

	say_hello(&w);
	/* One relay is away for long enough to be replaced as a spare, and is back. */
	sim_relay_kill(w.relay[0]);
	for (unsigned i = 0; i < 20; i++) {
		sim_say(w.node[0], w.node[1], 4, SIM_ECHO_PORT, "hello");
		sim_run(w.sim, 1000);
	}
	sim_relay_start(w.relay[0]);
	for (unsigned i = 0; i < 20; i++) {
		sim_say(w.node[0], w.node[1], 4, SIM_ECHO_PORT, "hello");
		sim_run(w.sim, 1000);
	}
	assert_true(releases_sent(&w) >= 2);
	assert_in_range(flows(&w), 1, RELAYS);
	assert_int_equal(sim_path(w.node[0], w.node[1]), SIM_PATH_RELAY);
	sim_run(w.sim, IDLE_MS + LOOK_MS);
	assert_int_equal(flows(&w), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_fall_silent, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(some_are_lost, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(spares_are_kept, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(spares_are_replaced, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(a_node_stops, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(a_node_dies, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(a_node_is_revoked, sim_setup, sim_teardown),
	};

	return sim_main("relay_end", tests, sizeof(tests) / sizeof(tests[0]));
}
