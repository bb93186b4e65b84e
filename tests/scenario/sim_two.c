/* SPDX-License-Identifier: BSD-2-Clause */
/* Two domains that trust each other, with a node each. */
#include "sim_two.h"

#include "dc_priv.h"
#include "node_priv.h"

void two_dcs(struct sim *sim, struct two *two)
{
	*two = (struct two){.sim = sim};
	two->a = sim_dc_new(sim, "a.example", "192.0.2.1");
	two->b = sim_dc_new(sim, "b.example", "192.0.2.2");
}

void two_nodes(struct two *two, struct sim_nat *nat_a, struct sim_nat *nat_b)
{
	struct sim_lan *internet = &two->sim->internet;
	const char *bob_ip = nat_b == nat_a ? "10.0.0.3" : "10.0.0.2";

	two->alice = sim_node_up(two->a, nat_a != NULL ? &nat_a->inside : internet,
				 nat_a != NULL ? "10.0.0.2" : "192.0.2.10", "alice");
	two->bob = sim_node_up(two->b, nat_b != NULL ? &nat_b->inside : internet,
			       nat_b != NULL ? bob_ip : "192.0.2.20", "bob");
	sim_run(two->sim, 500); /* the lists of partners */
}

void two_up(struct sim *sim, struct two *two)
{
	two_dcs(sim, two);
	sim_trust_each_other(two->a, two->b);
	two_nodes(two, NULL, NULL);
}

void two_restart(struct sim_node *node)
{
	unsigned before = node->registered;

	if (node->node != NULL)
		sim_node_kill(node);
	sim_node_start(node);
	sim_run(node->sim, 1000);
	assert_true(node->registered > before);
}

void two_forget(struct two *two)
{
	sim_node_stop(two->alice);
	sim_node_stop(two->bob);
	sim_run(two->sim, 6000);
	sim_node_start(two->alice);
	sim_node_start(two->bob);
	sim_run(two->sim, 1000);
}

void two_warm(struct two *two)
{
	struct sim_want *want = sim_want_now(two->alice, two->bob, SIM_BY_NAME);

	assert_int_equal(want->err, 0);
	two_forget(two);
	assert_int_equal(foreign_by_domain(two->a->dc, "b.example")->state, FOREIGN_UP);
	assert_int_equal(foreign_by_domain(two->b->dc, "a.example")->state, FOREIGN_UP);
	assert_int_equal(sim_tunnel_count(two->alice) + sim_tunnel_count(two->bob), 0);
}

bool two_has_tunnel(void *arg)
{
	const struct two *two = arg;

	return sim_is_tunnel(two->alice, two->bob) && sim_is_tunnel(two->bob, two->alice);
}

static void check_data(struct sim_node *from, struct sim_node *to, uint8_t family)
{
	unsigned before = to->data_in;
	struct ntm_ip vip = sim_vip(from, family);
	char text[32];

	snprintf(text, sizeof(text), "%u over %u", to->data_in, family);
	sim_say(from, to, family, 9999, text);
	sim_run(from->sim, 300);
	assert_int_equal(to->data_in, before + 1);
	assert_string_equal(to->data, text);
	assert_true(ntm_ip_eq(&to->data_from.ip, &vip));
}

void two_check(const struct two *two)
{
	struct sim_node *alice = two->alice, *bob = two->bob;

	sim_run(two->sim, 100); /* the one that answers is UP with the first packet */
	assert_true(sim_is_tunnel(alice, bob));
	assert_true(sim_is_tunnel(bob, alice));
	assert_int_equal(sim_tunnel_count(alice), 1);
	assert_int_equal(sim_tunnel_count(bob), 1);
	assert_int_equal(ntm_links_count(alice->node->links), 2); /* and the DC's */
	assert_int_equal(ntm_links_count(bob->node->links), 2);
	assert_memory_equal(sim_pair_of(alice, bob), sim_pair_of(bob, alice), NTM_PAIR_LEN);
	assert_int_equal(sim_check_peers(alice), 1);
	assert_int_equal(sim_check_peers(bob), 1);
	for (uint8_t family = 4; family <= 6; family += 2) {
		check_data(alice, bob, family);
		check_data(bob, alice, family);
	}
	assert_int_equal(alice->icmp_in + bob->icmp_in, 0);
}

static void check_directions(const struct sim_dc *dc)
{
	const struct directions *all = &dc->dc->directions;

	assert_null(all->first);
	assert_int_equal(ntm_map_count(all->by_pair), 0);
	assert_int_equal(ntm_map_count(all->by_alias), 0);
	assert_int_equal(ntm_map_count(all->asks), 0);
}

void two_check_quiet(const struct two *two)
{
	sim_run(two->sim, 6000);
	check_directions(two->a);
	check_directions(two->b);
}
