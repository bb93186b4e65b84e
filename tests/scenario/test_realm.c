/* SPDX-License-Identifier: BSD-2-Clause */
/* Partner domains at a node: known while its DC is away, forgotten when the DC has none. */
#include "sim.h"

#include "node_priv.h"

#define PEER "198.19.0.9"

/* Whoever has the virtual address in the real network, and must not hear a word. */
static struct sim_place outsider;
static unsigned in_clear;

static void hear(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
		 const uint8_t *data, size_t len)
{
	(void)ctx;
	(void)from;
	(void)to;
	(void)data;
	(void)len;
	in_clear++;
}

static struct sim_dc *scene(struct sim *sim)
{
	in_clear = 0;
	outsider = (struct sim_place){.ip = sim_ip(PEER), .deliver = hear};
	sim_place_add(&sim->internet, &outsider);
	return sim_dc_new(sim, "ntm.example", "192.0.2.1");
}

static void say(struct sim_node *node)
{
	struct ntm_addr to = {.ip = sim_ip(PEER), .port = 5004};

	sim_udp(node, 5004, &to, "hello", 5);
}

static struct sim_node *node_of(struct sim *sim, struct sim_dc *dc)
{
	struct sim_node *a = sim_node_new(dc, &sim->internet, "192.0.2.10", "alice");

	struct partner partner = {.domain = "b.example", .root = {7}};

	assert_int_equal(ntm_prefix_parse(&partner.prefix4, "198.19.0.0/16"), 0);
	assert_null(partners_put(&a->partners, &a->lease, &partner));
	a->partners.generation = 7;
	return a;
}

/* The DC is away: the packet waits for a tunnel as any other, and comes back as unreachable. */
static void a_partners_address_is_virtual_without_the_dc(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = scene(sim);
	struct sim_node *a = node_of(sim, dc);

	sim_dc_kill(dc);
	sim_node_start(a);
	say(a);
	assert_int_equal(a->icmp_in, 0);
	assert_int_equal(sim_tunnel_count(a), 1);
	sim_run(sim, 4000);
	assert_int_equal(a->icmp_in, 1);
	assert_int_equal(a->node->counters.not_virtual, 0);
	json_t *json = node_status_json(a->node);
	const json_t *error = json_array_get(json_object_get(json, "last_errors"), 0);
	assert_string_equal(json_string_value(json_object_get(error, "peer")), PEER);
	const json_t *partner = json_array_get(json_object_get(json, "partners"), 0);
	assert_string_equal(json_string_value(json_object_get(partner, "domain")), "b.example");
	assert_string_equal(json_string_value(
				    json_array_get(json_object_get(partner, "prefixes"), 0)),
			    "198.19.0.0/16");
	json_decref(json);
	assert_int_equal(in_clear, 0);
}

/* The DC has no partners: what waits for one ends, and its addresses are nobody's. */
static void a_list_that_is_empty_takes_all_along(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = scene(sim);
	struct sim_node *a = node_of(sim, dc);

	sim_node_start(a);
	say(a);
	sim_run(sim, 2000);
	assert_int_equal(node_partners(a->node)->count, 0);
	assert_int_equal(a->partners.count, 0); /* on disk, too */
	assert_int_equal(a->partners.generation, 0);
	assert_int_equal(a->icmp_in, 1);
	sim_run(sim, 10000);
	assert_int_equal(sim_tunnel_count(a), 0);
	say(a);
	sim_run(sim, 10);
	assert_int_equal(a->icmp_in, 2);
	assert_int_equal(a->node->counters.not_virtual, 1);
	assert_int_equal(in_clear, 0);
}

/* A frame for such an address would loop through the TUN; for another one it goes out. */
static void no_frame_goes_to_a_partners_address(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = scene(sim);
	struct sim_node *a = node_of(sim, dc);

	sim_dc_kill(dc);
	a->lease.dc[1] = (struct ntm_addr){.ip = sim_ip(PEER), .port = SIM_NTM_PORT};
	sim_node_start(a);
	sim_run(sim, 1000);
	assert_int_equal(in_clear, 0);
	sim_node_kill(a);
	memset(&a->partners, 0, sizeof(a->partners));
	sim_node_start(a);
	sim_run(sim, 1000);
	assert_true(in_clear > 0);
}

#define scenario(fn) cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(a_partners_address_is_virtual_without_the_dc),
		scenario(a_list_that_is_empty_takes_all_along),
		scenario(no_frame_goes_to_a_partners_address),
	};

	return sim_main("realm", tests, sizeof(tests) / sizeof(tests[0]));
}
