/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains whose root key is not given by the operator: tofu and dnssec. */
#include "sim_two.h"

#include "dc_priv.h"
#include "node_priv.h"

#include "ntm/dnsmsg.h"

static void pin_in_mode(struct sim_dc *dc, const struct sim_dc *whom, enum trust_mode mode,
			bool with_prefixes)
{
	struct trust_pin pin = {.mode = mode, .allow_all = true};

	strcpy(pin.domain, whom->domain);
	if (with_prefixes) {
		pin.prefix4 = whom->settings.prefix4;
		pin.prefix6 = whom->settings.prefix6;
	}
	sim_trust(dc, &pin);
}

/* a trusts b in a mode, b has pinned a. */
static void modes_up(struct sim *sim, struct two *two, enum trust_mode mode, bool with_prefixes)
{
	struct trust_pin pin;

	two_dcs(sim, two);
	sim_pin(two->a, &pin);
	sim_trust(two->b, &pin);
	pin_in_mode(two->a, two->b, mode, with_prefixes);
	two_nodes(two, NULL, NULL);
}

static const struct trust_pin *pin_at_a(const struct two *two)
{
	return &foreign_by_domain(two->a->dc, "b.example")->pin;
}

struct stored {
	struct trust_pin pin;
	bool is_there;
};

static void on_pin(void *arg, int err, const struct trust_pin *pin)
{
	struct stored *stored = arg;

	assert_int_equal(err, 0);
	if (pin != NULL && strcmp(pin->domain, "b.example") == 0) {
		stored->pin = *pin;
		stored->is_there = true;
	}
}

static void check_pinned(const struct two *two)
{
	struct stored stored = {.is_there = false};

	assert_true(pin_at_a(two)->has_root);
	assert_memory_equal(pin_at_a(two)->root, two->b->root.pub, NTM_SIGN_PUB_LEN);
	store_pin_list(two->a->store, on_pin, &stored);
	assert_true(stored.is_there && stored.pin.has_root);
	assert_memory_equal(stored.pin.root, two->b->root.pub, NTM_SIGN_PUB_LEN);
	assert_true(stored.pin.pinned_s > 0);
	assert_int_equal(stored.pin.prefix4.ip.family, 4);
}

static void check_refused(struct two *two, enum sim_by by, const char *part)
{
	const struct sim_want *want = sim_want_now(two->alice, two->bob, by);

	print_message("# after %lld ms \"%s\"\n", (long long)want->took_ms, want->words);
	assert_int_not_equal(want->err, 0);
	assert_true(want->took_ms <= 3000);
	sim_assert_says(want->words, part);
	sim_run(two->sim, TUNNEL_NEGATIVE_MS + 100);
	assert_false(sim_is_tunnel(two->alice, two->bob));
	assert_false(sim_is_tunnel(two->bob, two->alice));
}

/* The DC of b has lost its disk, or somebody else stands in its place. */
static void new_root_for_b(struct two *two)
{
	sim_dc_kill(two->b);
	ntm_root_make(&two->b->root);
	ntm_keys_make(&two->b->keys);
	sim_dc_start(two->b);
}

/* ---- tofu ---- */

static void tofu(struct sim *sim, bool with_prefixes, enum sim_by by)
{
	struct two two;

	modes_up(sim, &two, TRUST_TOFU, with_prefixes);
	assert_false(pin_at_a(&two)->has_root);
	assert_int_equal(sim_want_now(two.alice, two.bob, by)->err, 0);
	check_pinned(&two);
	two_check(&two);
	/* Also after a restart: the pin is in the store. */
	sim_dc_kill(two.a);
	sim_dc_start(two.a);
	check_pinned(&two);
	/* Another root under the same name. */
	new_root_for_b(&two);
	sim_node_stop(two.alice);
	sim_node_stop(two.bob);
	sim_run(sim, 6000);
	sim_node_start(two.alice);
	sim_run(sim, 1000);
	check_refused(&two, by, "the root key of b.example is another one than pinned");
	check_refused(&two, SIM_BY_NAME, "another one than pinned");
}

static void tofu_with_prefixes(void **state)
{
	tofu(*state, true, SIM_BY_VIP4);
}

/* Without prefixes its names are known, not yet its addresses: the first contact is by name. */
static void tofu_without_prefixes(void **state)
{
	tofu(*state, false, SIM_BY_NAME);
}

/* The first to come is not believed for coming: DNS says who it is. */
static void tofu_incoming(void **state)
{
	struct sim *sim = *state;
	struct sim_want *want;
	uint64_t asked;
	struct two two;

	modes_up(sim, &two, TRUST_TOFU, true);
	asked = sim->dns.asked;
	want = sim_want_now(two.bob, two.alice, SIM_BY_NAME);
	print_message("# tofu, the other one calls first: %lld ms %s\n", (long long)want->took_ms,
		      want->words);
	assert_int_equal(want->err, 0);
	assert_true(sim->dns.asked > asked + 3); /* b's questions, and ours */
	check_pinned(&two);
	sim_run(sim, 100);
	two_check(&two);
}

/* An impostor comes first: the DNS of b leads elsewhere. */
static void tofu_impostor(void **state)
{
	struct sim *sim = *state;
	const struct sim_want *want;
	struct sim_dc *impostor;
	struct sim_node *eve;
	struct trust_pin pin;
	struct two two;

	modes_up(sim, &two, TRUST_TOFU, false);
	/* It calls itself b.example too, lives elsewhere, and knows where a is. */
	impostor = sim_dc_new(sim, "b.example", "192.0.2.66");
	sim_pin(two.a, &pin);
	sim_trust(impostor, &pin);
	/* Its zone is not what the world asks. */
	sim_dns_lie(sim, "_ntm._udp.b.example", NTM_DNS_SRV, "dc.b.example", "");
	sim_dns_lie(sim, "dc.b.example", NTM_DNS_A, "", "192.0.2.2");
	eve = sim_node_up(impostor, &sim->internet, "192.0.2.67", "eve");
	sim_run(sim, 500);
	want = sim_want_now(eve, two.alice, SIM_BY_NAME);
	print_message("# impostor: after %lld ms \"%s\"\n", (long long)want->took_ms, want->words);
	assert_int_not_equal(want->err, 0);
	assert_int_equal(sim_tunnel_count(two.alice), 0);
	assert_true(!pin_at_a(&two)->has_root ||
		    memcmp(pin_at_a(&two)->root, two.b->root.pub, NTM_SIGN_PUB_LEN) == 0);
	assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_NAME)->err, 0);
	check_pinned(&two);
}

/* It shows prefixes of a third one: it is not pinned. */
static void tofu_with_prefixes_of_another(void **state)
{
	struct sim *sim = *state;
	struct trust_pin pin;
	struct sim_dc *c;
	struct two two;

	modes_up(sim, &two, TRUST_TOFU, false);
	c = sim_dc_new(sim, "c.example", "192.0.2.3");
	sim_pin(c, &pin);
	sim_trust(two.a, &pin);
	sim_dc_kill(two.b);
	two.b->settings.prefix4 = c->settings.prefix4;
	sim_dc_start(two.b);
	check_refused(&two, SIM_BY_NAME, "overlaps with");
	assert_false(pin_at_a(&two)->has_root);
}

/* ---- dnssec ---- */

static void dnssec_signed(void **state)
{
	struct sim *sim = *state;
	struct two two;

	sim->dns.is_signed = true;
	modes_up(sim, &two, TRUST_DNSSEC, true);
	assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_VIP4)->err, 0);
	check_pinned(&two);
	two_check(&two);
	/* Pinned it is: from now on DNS has no say. */
	sim->dns.is_signed = false;
	sim_dns_lie(sim, "_ntm.b.example", NTM_DNS_TXT, "", "");
	sim_dc_kill(two.a);
	sim_dc_start(two.a);
	two_restart(two.alice);
	two_restart(two.bob);
	sim_run(sim, 6000);
	assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_NAME)->err, 0);
	two_check(&two);
}

static void dnssec_without_prefixes(void **state)
{
	struct sim *sim = *state;
	struct two two;

	sim->dns.is_signed = true;
	modes_up(sim, &two, TRUST_DNSSEC, false);
	assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_NAME)->err, 0);
	check_pinned(&two);
	sim_run(sim, 500);
	assert_true(realm_is_virtual(&two.alice->node->realm, &two.bob->lease.vip4));
	two_check(&two);
}

static void dnssec_not_signed(void **state)
{
	struct two two;

	modes_up(*state, &two, TRUST_DNSSEC, true);
	check_refused(&two, SIM_BY_VIP4, "TXT _ntm.b.example is not signed");
	check_refused(&two, SIM_BY_NAME, "is not signed");
	assert_false(pin_at_a(&two)->has_root);
}

static void dnssec_no_txt(void **state)
{
	struct sim *sim = *state;
	struct two two;

	sim->dns.is_signed = true;
	modes_up(sim, &two, TRUST_DNSSEC, true);
	sim_dns_lie(sim, "_ntm.b.example", NTM_DNS_TXT, "", "");
	check_refused(&two, SIM_BY_VIP4, "TXT _ntm.b.example: there is none in DNS");
	sim_dns_truth(sim);
	sim_dns_lie(sim, "_ntm.b.example", NTM_DNS_TXT, "v=spf1 -all", "");
	check_refused(&two, SIM_BY_VIP4, "TXT _ntm.b.example");
	assert_false(pin_at_a(&two)->has_root);
}

static void dnssec_another_root(void **state)
{
	struct sim *sim = *state;
	char text[100], key[NTM_KEY_STR];
	struct ntm_root other;
	struct two two;

	sim->dns.is_signed = true;
	modes_up(sim, &two, TRUST_DNSSEC, true);
	ntm_root_make(&other);
	snprintf(text, sizeof(text), "v=ntm1 root=%s", ntm_key_str(other.pub, key));
	sim_dns_lie(sim, "_ntm.b.example", NTM_DNS_TXT, text, "");
	check_refused(&two, SIM_BY_VIP4, "its root key is not the one that DNS tells");
	assert_false(pin_at_a(&two)->has_root);
	sim_dns_truth(sim);
	assert_int_equal(sim_want_now(two.alice, two.bob, SIM_BY_VIP4)->err, 0);
	check_pinned(&two);
}

static void dnssec_incoming(void **state)
{
	struct sim *sim = *state;
	const struct sim_want *want;
	struct two two;

	sim->dns.is_signed = true;
	modes_up(sim, &two, TRUST_DNSSEC, true);
	want = sim_want_now(two.bob, two.alice, SIM_BY_VIP6);
	print_message("# dnssec, the other one calls first: %lld ms %s\n", (long long)want->took_ms,
		      want->words);
	assert_int_equal(want->err, 0);
	check_pinned(&two);
}

#define scenario(fn) cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(tofu_with_prefixes),
		scenario(tofu_without_prefixes),
		scenario(tofu_incoming),
		scenario(tofu_impostor),
		scenario(tofu_with_prefixes_of_another),
		scenario(dnssec_signed),
		scenario(dnssec_without_prefixes),
		scenario(dnssec_not_signed),
		scenario(dnssec_no_txt),
		scenario(dnssec_another_root),
		scenario(dnssec_incoming),
	};

	return sim_main("domains_modes", tests, sizeof(tests) / sizeof(tests[0]));
}
