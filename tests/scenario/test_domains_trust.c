/* SPDX-License-Identifier: BSD-2-Clause */
/* Trust that is one-sided, partial, comes and goes while nodes run. */
#include "sim_two.h"

#include "dc_priv.h"
#include "node_priv.h"

#include "ntm/dnsmsg.h"

static void pin(struct sim_dc *dc, const struct sim_dc *whom)
{
	struct trust_pin pin;

	sim_pin(whom, &pin);
	sim_trust(dc, &pin);
}

static bool knows_partner(const struct sim_node *node, const struct sim_dc *dc)
{
	return partners_find(&node->node->partners, dc->domain) != NULL;
}

/* ---- one-sided ---- */

/* a pins b, b does not pin a. */
static void one_way(void **state)
{
	struct sim *sim = *state;
	const struct sim_want *want;
	uint64_t lines;
	struct two two;

	two_dcs(sim, &two);
	pin(two.a, two.b);
	two_nodes(&two, NULL, NULL);
	want = sim_want_now(two.alice, two.bob, SIM_BY_NAME);
	print_message("# one-sided: after %lld ms \"%s\"\n", (long long)want->took_ms, want->words);
	assert_int_not_equal(want->err, 0);
	assert_true(want->took_ms <= 3000);
	sim_assert_says(want->words, "b.example");
	sim_assert_says(want->words, "trust");
	assert_true(two.b->dc->counters.foreign_refused > 0);
	assert_int_equal(foreign_by_domain(two.a->dc, "b.example")->state, FOREIGN_IDLE);
	/* For bob, alice's addresses are nothing of NTM's. */
	sim_say(two.bob, two.alice, 4, 9999, "hello?");
	sim_run(sim, 1000);
	assert_int_equal(sim_tunnel_count(two.bob), 0);
	assert_int_equal(two.bob->node->counters.not_virtual, 1);
	/* Again and again: not a line each. */
	lines = sim->lines;
	for (unsigned i = 0; i < 20; i++) {
		sim_run(sim, TUNNEL_NEGATIVE_MS + 100);
		sim_want(two.alice, two.bob, SIM_BY_NAME);
		sim_run(sim, 3000);
	}
	print_message("# 20 more: %llu lines of log\n", (unsigned long long)(sim->lines - lines));
	/* The other side follows. */
	pin(two.b, two.a);
	sim_run(sim, TUNNEL_NEGATIVE_MS + 100);
	assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_NAME)->err, 0);
	two.alice->icmp_in = two.bob->icmp_in = 0;
	two_check(&two);
}

/* b may call sip and nobody else; a may call everybody. */
static void allowed_ones_only(void **state)
{
	struct sim *sim = *state;
	const struct sim_want *want;
	struct sim_node *sip;
	struct trust_pin b_pin;
	struct two two;

	two_dcs(sim, &two);
	pin(two.b, two.a);
	sim_pin(two.b, &b_pin);
	b_pin.allow_all = false;
	b_pin.allow_count = 1;
	strcpy(b_pin.allow[0], "sip.a.example");
	sim_trust(two.a, &b_pin);
	two_nodes(&two, NULL, NULL);
	sip = sim_node_up(two.a, &sim->internet, "192.0.2.11", "sip");
	sim_run(sim, 500);
	assert_int_equal(sim_want_now(two.bob, sip, SIM_BY_VIP6)->err, 0);
	for (int by = SIM_BY_NAME; by <= SIM_BY_VIP6; by++) {
		want = sim_want_now(two.bob, two.alice, (enum sim_by)by);
		assert_int_equal(want->code, NTM_DIR_FORBIDDEN);
		sim_assert_says(want->words, "alice.a.example may not be called from b.example");
		sim_run(sim, 100);
	}
	assert_int_equal(sim_tunnel_count(two.alice), 0);
	sim_run(sim, TUNNEL_NEGATIVE_MS + 100);
	assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_NAME)->err, 0);
	sim_run(sim, 100);
	assert_true(two_has_tunnel(&two));
}

/* ---- it goes, it comes ---- */

static void removed(struct sim *sim, bool by_a)
{
	struct sim_node *node, *other;
	struct two two;
	unsigned out;

	two_up(sim, &two);
	assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_NAME)->err, 0);
	two_check(&two);
	node = by_a ? two.alice : two.bob;
	other = by_a ? two.bob : two.alice;
	sim_untrust(by_a ? two.a : two.b, other->dc->domain);
	sim_run(sim, 1000);
	assert_false(sim_is_tunnel(node, other));
	assert_false(sim_is_tunnel(other, node)); /* it was told: CLOSE */
	assert_false(knows_partner(node, other->dc));
	/* Not virtual any more: what is sent there is none of the node's business. */
	out = (unsigned)node->node->counters.not_virtual;
	sim_say(node, other, 4, 9999, "hello?");
	assert_int_equal(node->node->counters.not_virtual, out + 1);
	/* Nor is it reached from there. (The answer of a moment ago is for crossing ones.) */
	sim_run(sim, 6000);
	const struct sim_want *want = sim_want_now(other, node, SIM_BY_VIP4);
	print_message("# not trusted any more: after %lld ms \"%s\"\n", (long long)want->took_ms,
		      want->words);
	assert_int_not_equal(want->err, 0);
	sim_assert_says(want->words, node->dc->domain);
	assert_false(sim_is_tunnel(node, other));
	/* And back. */
	pin(by_a ? two.a : two.b, other->dc);
	sim_run(sim, 1000);
	assert_true(knows_partner(node, other->dc));
	sim_run(sim, TUNNEL_NEGATIVE_MS);
	assert_int_equal(sim_want_now(node, other, SIM_BY_VIP4)->err, 0);
	two.alice->icmp_in = two.bob->icmp_in = 0;
	two_check(&two);
}

static void removed_by_a(void **state)
{
	removed(*state, true);
}

static void removed_by_b(void **state)
{
	removed(*state, false);
}

/* While a direction is under way. */
static void removed_in_a_direction(void **state)
{
	(void)state;
	for (int64_t at_ms = 0; at_ms <= 260; at_ms += 10) {
		struct sim *world = sim_new(sim_seed() + (uint64_t)at_ms);
		bool by_a = at_ms % 20 == 0;
		struct sim_want *want;
		struct two two;

		two_up(world, &two);
		want = sim_want(two.alice, two.bob, SIM_BY_VIP4);
		sim_run(world, at_ms);
		sim_untrust(by_a ? two.a : two.b, by_a ? "b.example" : "a.example");
		assert_true(sim_until(world, sim_want_is_over, want, 3200));
		sim_run(world, 1000);
		assert_false(sim_is_tunnel(by_a ? two.alice : two.bob, by_a ? two.bob : two.alice));
		/* The other one may have it for a while, and nobody is at its other end. */
		for (unsigned s = 0; s < 30; s++) {
			sim_say(by_a ? two.bob : two.alice, by_a ? two.alice : two.bob, 4, 9999,
				"hello?");
			sim_run(world, 1000);
		}
		assert_int_equal(two.alice->data_in + two.bob->data_in, 0);
		sim_run(world, 200000);
		assert_false(two_has_tunnel(&two));
		assert_false(sim_is_tunnel(two.alice, two.bob));
		assert_false(sim_is_tunnel(two.bob, two.alice));
		two_check_quiet(&two);
		sim_free(world);
	}
}

static void added_while_running(void **state)
{
	struct sim *sim = *state;
	struct sim_lookup lookup;
	struct two two;

	two_dcs(sim, &two);
	two_nodes(&two, NULL, NULL);
	sim_say(two.alice, two.bob, 4, 9999, "hello?");
	assert_int_equal(two.alice->node->counters.not_virtual, 1);
	sim_trust_each_other(two.a, two.b);
	sim_run(sim, 1000);
	assert_true(knows_partner(two.alice, two.b));
	assert_true(knows_partner(two.bob, two.a));
	sim_resolve(two.alice, "bob.b.example", NTM_DNS_AAAA, &lookup);
	sim_run(sim, 1000);
	assert_true(ntm_ip_eq(&lookup.ip, &two.bob->lease.vip6));
	two.alice->icmp_in = 0;
	two_check(&two);
}

/* Added at one, and used by the other's node before the word has come round. */
static void added_and_used_at_once(void **state)
{
	struct sim *sim = *state;
	struct two two;

	two_dcs(sim, &two);
	pin(two.a, two.b);
	two_nodes(&two, NULL, NULL);
	sim_cut(sim, "192.0.2.2", "192.0.2.20"); /* bob hears nothing of it */
	pin(two.b, two.a);
	sim_run(sim, 100);
	sim_heal(sim);
	assert_false(knows_partner(two.bob, two.a));
	/* The Route Direction introduces alice's domain to him. */
	assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_NAME)->err, 0);
	two_check(&two);
}

/* ---- the list ---- */

#define PARTNERS 40

static void make_partners(struct sim_dc *dc, unsigned count)
{
	struct trust_pin pins = {.mode = TRUST_PINNED, .has_root = true, .allow_all = true};

	for (unsigned i = 0; i < count; i++) {
		char text[64];

		snprintf(pins.domain, sizeof(pins.domain), "p%02u.example", i);
		snprintf(text, sizeof(text), "100.%u.0.0/16", 64 + i);
		assert_int_equal(ntm_prefix_parse(&pins.prefix4, text), 0);
		snprintf(text, sizeof(text), "fd00:2:%x::/48", 1 + i);
		assert_int_equal(ntm_prefix_parse(&pins.prefix6, text), 0);
		ntm_random(pins.root, sizeof(pins.root));
		sim_trust(dc, &pins);
	}
}

static bool has_all(void *arg)
{
	const struct sim_node *node = arg;

	return node->node->partners.count == PARTNERS + 1;
}

/* While the operator adds them, and after a restart, with 20 % loss. */
static void many_pages_with_loss(void **state)
{
	struct sim *sim = *state;
	int64_t start_ms;
	struct two two;

	two_up(sim, &two);
	sim->internet.medium =
		(struct sim_medium){.delay_ms = 20, .jitter_ms = 30, .loss = 200, .dup = 50};
	start_ms = sim_now(sim);
	make_partners(two.a, PARTNERS);
	assert_true(sim_until(sim, has_all, two.alice, 120000));
	print_message("# %d partners are known after %lld ms, 20 %% loss\n", PARTNERS + 1,
		      (long long)(sim_now(sim) - start_ms));
	assert_int_equal(two.alice->node->partners.generation, two.a->dc->foreigns.generation);
	/* A fresh disk. */
	sim_node_kill(two.alice);
	two.alice->partners = (struct partners){.count = 0};
	start_ms = sim_now(sim);
	sim_node_start(two.alice);
	assert_true(sim_until(sim, has_all, two.alice, 120000));
	print_message("# after a restart with nothing on the disk: %lld ms\n",
		      (long long)(sim_now(sim) - start_ms));
	assert_int_equal(two.alice->node->partners.generation, two.a->dc->foreigns.generation);
}

/* The list is on the disk: what is virtual is known before the DC is reached, and without it. */
static void on_the_disk(void **state)
{
	struct sim *sim = *state;
	struct ntm_ip vip;
	unsigned changes;
	struct two two;

	two_up(sim, &two);
	vip = two.bob->lease.vip4;
	changes = two.alice->partners_changes;
	assert_int_equal(changes, 1);
	sim_dc_kill(two.a);
	sim_node_kill(two.alice);
	sim_node_start(two.alice);
	assert_true(realm_is_virtual(&two.alice->node->realm, &vip));
	/* Nothing for bob leaves in clear; the application is told. */
	sim_say(two.alice, two.bob, 4, 9999, "hello?");
	sim_run(sim, 5000);
	assert_int_equal(two.alice->node->counters.not_virtual, 0);
	assert_int_equal(two.alice->icmp_in, 1);
	sim_dc_start(two.a);
	sim_run(sim, 10000);
	assert_true(node_is_registered(two.alice->node));
	/* Signed anew it is another list, pulled once. */
	assert_in_range(two.alice->partners_changes, changes, changes + 1);
	assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_VIP4)->err, 0);
}

#define scenario(fn) cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(one_way),
		scenario(allowed_ones_only),
		scenario(removed_by_a),
		scenario(removed_by_b),
		cmocka_unit_test(removed_in_a_direction),
		scenario(added_while_running),
		scenario(added_and_used_at_once),
		scenario(many_pages_with_loss),
		scenario(on_the_disk),
	};

	return sim_main("domains_trust", tests, sizeof(tests) / sizeof(tests[0]));
}
