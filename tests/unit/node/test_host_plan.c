/* SPDX-License-Identifier: BSD-2-Clause */
/* Plans for the host: filled from a lease, and refused when root should not act on them. */
#include "host_plan.h"

#include "node/partner_sample.h"

static const struct partners none;

static struct node_lease good_lease(void)
{
	struct node_lease lease;

	memset(&lease, 0, sizeof(lease));
	lease.vip4 = ntm_ip_v4(198, 18, 0, 7);
	lease.resolver4 = ntm_ip_v4(198, 18, 255, 254);
	ntm_ip_parse(&lease.vip6, "fd00:1:2::7");
	ntm_ip_parse(&lease.resolver6, "fd00:1:2::ffff");
	lease.prefixes.count = 2;
	ntm_prefix_parse(&lease.prefixes.item[0], "198.18.0.0/16");
	ntm_prefix_parse(&lease.prefixes.item[1], "fd00:1:2::/64");
	lease.suffixes.count = 1;
	strcpy(lease.suffixes.item[0], "ntm.example");
	return lease;
}

static struct host_plan good_plan(void)
{
	struct node_lease lease = good_lease();
	struct host_plan plan;

	host_plan_fill(&plan, &lease, &none);
	return plan;
}

static void test_good(void **state)
{
	struct host_plan plan = good_plan();

	(void)state;
	assert_true(host_plan_ok(&plan));
	assert_true(ntm_ip_eq(&plan.vip4, &(struct ntm_ip){.family = 4, .b = {198, 18, 0, 7}}));
	plan.vip6 = plan.resolver6 = (struct ntm_ip){0};
	assert_true(host_plan_ok(&plan));
	plan.resolver4 = (struct ntm_ip){0};
	plan.suffixes.count = 0;
	assert_true(host_plan_ok(&plan));
}

static void test_exits(void **state)
{
	static const struct {
		const char *text;
		bool is_ok;
	} cases[] = {
		{"192.0.2.0/24", true},    {"192.0.2.7/32", true}, {"2001:db8::/32", true},
		{"198.18.4.0/24", false},  {"198.0.0.0/8", true},  {"fd00:1:2::9/128", false},
		{"198.18.0.0/16", false},  {"0.0.0.0/0", true},    {"::/0", true},
		{"fd00::/16", true},       {"0.0.0.0/1", false},   {"::/1", false},
		{"128.0.0.0/1", false},    {"127.0.0.0/8", false}, {"224.0.0.0/8", false},
		{"169.254.0.0/16", false}, {"fe80::1/128", false},
	};
	struct host_plan plan = good_plan();
	struct exit_routes routes = {.count = EXIT_ROUTES_MAX + 1};

	(void)state;
	assert_false(host_plan_exits_ok(&plan, &routes));
	routes.count = 0;
	assert_true(host_plan_exits_ok(&plan, &routes));
	routes.count = 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ntm_prefix_parse(&routes.item[0], cases[i].text), 0);
		if (host_plan_exits_ok(&plan, &routes) != cases[i].is_ok)
			fail_msg("%s", cases[i].text);
	}
}

/* systemd-resolved has to send their queries to the node's resolver. */
static void test_names_of_exits(void **state)
{
	static char title[] = "gw", name[] = "SIP.Provider.example";
	struct exits_conf exits = {.count = 1};
	struct host_plan plan = good_plan();

	(void)state;
	exits.item[0].title = title;
	exits.item[0].names.count = 1;
	exits.item[0].names.item[0] = name;
	host_plan_add_names(&plan, &exits);
	assert_int_equal(plan.suffixes.count, 2);
	assert_string_equal(plan.suffixes.item[1], "sip.provider.example");
	assert_true(host_plan_ok(&plan));
}

/* Plans are compared with memcmp: what stands behind a name, or in padding, must not count. */
static void test_compares(void **state)
{
	struct node_lease one = good_lease(), other = good_lease();
	struct host_plan a, b;

	(void)state;
	memset(one.suffixes.item[0] + strlen(one.suffixes.item[0]) + 1, 'x', 20);
	memset(&one.suffixes.item[1], 'y', sizeof(one.suffixes.item[1]));
	memset(&a, 0xaa, sizeof(a));
	host_plan_fill(&a, &one, &none);
	host_plan_fill(&b, &other, &none);
	assert_memory_equal(&a, &b, sizeof(a));
	other.prefixes.count = 1;
	host_plan_fill(&b, &other, &none);
	assert_memory_not_equal(&a, &b, sizeof(a));
}

static void test_partners(void **state)
{
	struct node_lease lease = good_lease();
	struct partners partners = {0};
	struct host_plan plan, bare = good_plan();
	struct ntm_prefix prefix4 = partner_many(7).prefix4, prefix6 = partner_many(127).prefix6;
	struct ntm_ip ip = ntm_ip_v4(10, 9, 1, 1);

	(void)state;
	for (unsigned i = 0; i < PARTNERS_MAX; i++)
		partner_put(&partners, &lease, partner_many(i));
	host_plan_fill(&plan, &lease, &partners);
	assert_true(host_plan_ok(&plan));
	assert_int_equal(plan.prefixes.count, 2 + 2 * PARTNERS_MAX);
	assert_int_equal(plan.suffixes.count, 1 + PARTNERS_MAX);
	assert_true(host_plan_has_prefix(&plan, &prefix4));
	assert_true(host_plan_has_prefix(&plan, &prefix6));
	assert_false(host_plan_has_prefix(&bare, &prefix4));
	assert_true(host_plan_has_ip(&plan, &ip));
	assert_false(host_plan_has_ip(&bare, &ip));
	assert_string_equal(plan.suffixes.item[128], "p127.example");
	/* One leaves: nothing is left of it. */
	memset(&partners, 0, sizeof(partners));
	host_plan_fill(&plan, &lease, &partners);
	assert_memory_equal(&plan, &bare, sizeof(plan));
}

/* The largest lease with the longest list still has room. */
static void test_full(void **state)
{
	struct node_lease lease = good_lease();
	struct partners partners = {0};
	struct host_plan plan;

	(void)state;
	for (uint8_t i = 2; i < NTM_MSG_PREFIXES; i++)
		lease.prefixes.item[i] =
			(struct ntm_prefix){.ip = ntm_ip_v4(172, i, 0, 0), .len = 16};
	lease.prefixes.count = NTM_MSG_PREFIXES;
	for (uint8_t i = 1; i < NTM_MSG_NAMES; i++)
		snprintf(lease.suffixes.item[i], sizeof(lease.suffixes.item[i]), "s%u.org", i);
	lease.suffixes.count = NTM_MSG_NAMES;
	for (unsigned i = 0; i < PARTNERS_MAX; i++)
		partner_put(&partners, &lease, partner_many(i));
	host_plan_fill(&plan, &lease, &partners);
	assert_int_equal(plan.prefixes.count, HOST_PLAN_PREFIXES);
	assert_int_equal(plan.suffixes.count, HOST_PLAN_SUFFIXES - EXITS_NAMES);
	assert_true(host_plan_ok(&plan));
}

static void no_address(struct host_plan *p)
{
	p->vip4 = p->vip6 = (struct ntm_ip){0};
}
static void swapped(struct host_plan *p)
{
	p->vip4 = p->vip6;
}
static void vip_outside(struct host_plan *p)
{
	p->vip4 = ntm_ip_v4(192, 0, 2, 1);
}
static void resolver_outside(struct host_plan *p)
{
	p->resolver4 = ntm_ip_v4(192, 0, 2, 1);
}
static void no_prefix(struct host_plan *p)
{
	p->prefixes.count = 0;
}
static void many_prefixes(struct host_plan *p)
{
	p->prefixes.count = HOST_PLAN_PREFIXES + 1;
}
static void everything4(struct host_plan *p)
{
	p->prefixes.item[0] = (struct ntm_prefix){.ip = {.family = 4}};
}
static void wide4(struct host_plan *p)
{
	ntm_prefix_parse(&p->prefixes.item[0], "198.0.0.0/7");
}
static void wide6(struct host_plan *p)
{
	ntm_prefix_parse(&p->prefixes.item[1], "fc00::/7");
}
static void loopback(struct host_plan *p)
{
	ntm_prefix_parse(&p->prefixes.item[1], "127.0.0.0/8");
}
static void long_prefix(struct host_plan *p)
{
	p->prefixes.item[0].len = 33;
}
static void many_names(struct host_plan *p)
{
	p->suffixes.count = HOST_PLAN_SUFFIXES + 1;
}
static void endless_name(struct host_plan *p)
{
	memset(p->suffixes.item[0], 'a', sizeof(p->suffixes.item[0]));
}
static void option_name(struct host_plan *p)
{
	strcpy(p->suffixes.item[0], "a b");
}
static void upper_name(struct host_plan *p)
{
	strcpy(p->suffixes.item[0], "NTM.example");
}

static void test_bad(void **state)
{
	static const struct {
		const char *name;
		void (*spoil)(struct host_plan *p);
	} cases[] = {
#define BAD(name) {#name, name}
		BAD(no_address),   BAD(swapped),       BAD(vip_outside), BAD(resolver_outside),
		BAD(no_prefix),    BAD(many_prefixes), BAD(everything4), BAD(wide4),
		BAD(wide6),        BAD(loopback),      BAD(long_prefix), BAD(many_names),
		BAD(endless_name), BAD(option_name),   BAD(upper_name),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct host_plan plan = good_plan();

		cases[i].spoil(&plan);
		if (host_plan_ok(&plan))
			fail_msg("taken: %s", cases[i].name);
	}
}

static void test_has_prefix(void **state)
{
	struct host_plan plan = good_plan();
	struct ntm_prefix prefix = plan.prefixes.item[1];

	(void)state;
	assert_true(host_plan_has_prefix(&plan, &prefix));
	prefix.len = 63;
	assert_false(host_plan_has_prefix(&plan, &prefix));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exits),    cmocka_unit_test(test_names_of_exits),
		cmocka_unit_test(test_good),     cmocka_unit_test(test_compares),
		cmocka_unit_test(test_partners), cmocka_unit_test(test_full),
		cmocka_unit_test(test_bad),      cmocka_unit_test(test_has_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
