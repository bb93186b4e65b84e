/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of partner domains: order, refusals, and whose a name or an address is. */
#include "partners.h"

#include "node/partner_sample.h"

#include <stdlib.h>

static struct node_lease lease;
static struct partners list;

static int setup(void **state)
{
	(void)state;
	lease = partner_lease();
	memset(&list, 0, sizeof(list));
	return 0;
}

static void put(const char *domain, uint8_t key, const char *prefix4, const char *prefix6)
{
	partner_put(&list, &lease, partner_sample(domain, key, prefix4, prefix6));
}

static const char *domain_of_ip(const char *text)
{
	struct ntm_ip ip;

	assert_int_equal(ntm_ip_parse(&ip, text), 0);
	const struct partner *partner = partners_of_ip(&list, &ip);
	return partner != NULL ? partner->domain : "none";
}

static const char *domain_of_name(const char *name)
{
	const struct partner *partner = partners_of_name(&list, name);

	return partner != NULL ? partner->domain : "none";
}

static void test_empty(void **state)
{
	(void)state;
	assert_string_equal(domain_of_ip("198.19.0.1"), "none");
	assert_string_equal(domain_of_name("b.example"), "none");
	assert_null(partners_of_ip(&list, &(struct ntm_ip){0}));
}

static void test_from_cert(void **state)
{
	struct ntm_cert cert = {.type = NTM_CERT_DOMAIN, .fqdn = "b.example", .key = {1, 2}};
	struct partner partner;

	(void)state;
	assert_int_equal(ntm_prefix_parse(&cert.prefix6, "fd02::/64"), 0);
	memset(&partner, 0xff, sizeof(partner));
	partner_from_cert(&partner, &cert);
	assert_string_equal(partner.domain, "b.example");
	assert_memory_equal(partner.root, cert.key, sizeof(partner.root));
	assert_int_equal(partner.prefix4.ip.family, 0);
	assert_true(partner_has(&partner, &(struct ntm_ip){.family = 6, .b = {0xfd, 2}}));
	assert_false(partner_has(&partner, &(struct ntm_ip){.family = 4}));
	assert_false(partner_has(&partner, &(struct ntm_ip){0}));
}

static void test_of_ip(void **state)
{
	static const struct {
		const char *ip, *domain;
	} cases[] = {
		{"198.19.0.0", "b.example"},
		{"198.19.255.255", "b.example"},
		{"198.20.0.0", "none"},
		{"198.18.255.255", "none"},
		{"10.1.0.0", "c.example"},
		{"10.1.0.255", "c.example"},
		{"10.1.1.0", "none"},
		{"10.0.255.255", "none"},
		{"10.1.2.1", "d.example"},
		{"fd02::1", "b.example"},
		{"fd02:0:0:1::", "none"},
		{"fd01:ffff::", "none"},
		{"fd03:0:0:5::9", "d.example"},
		{"::1", "none"},
		{"0.0.0.1", "none"},
		{"255.255.255.255", "none"},
	};

	(void)state;
	put("c.example", 3, "10.1.0.0/24", NULL);
	put("b.example", 2, "198.19.0.0/16", "fd02::/64");
	put("d.example", 4, "10.1.2.0/24", "fd03::/32");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(domain_of_ip(cases[i].ip), cases[i].domain);
}

/* The longest domain wins, and only whole labels count. */
static void test_of_name(void **state)
{
	static const struct {
		const char *name, *domain;
	} cases[] = {
		{"b.example", "b.example"},
		{"x.b.example", "b.example"},
		{"x.y.b.example", "b.example"},
		{"sub.b.example", "sub.b.example"},
		{"x.sub.b.example", "sub.b.example"},
		{"xsub.b.example", "b.example"},
		{"xb.example", "none"},
		{"example", "none"},
		{"b.example.org", "none"},
		{"", "none"},
		{".", "none"},
		{"..b.example", "b.example"},
	};

	(void)state;
	put("b.example", 2, "198.19.0.0/16", NULL);
	put("sub.b.example", 3, "198.20.0.0/16", NULL);
	put("a.example", 4, "198.21.0.0/16", NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(domain_of_name(cases[i].name), cases[i].domain);
}

static void test_replaced(void **state)
{
	(void)state;
	put("b.example", 2, "198.19.0.0/16", NULL);
	put("b.example", 5, "198.19.128.0/17", "fd02::/64");
	assert_int_equal(list.count, 1);
	assert_int_equal(list.item[0].root[0], 5);
	assert_string_equal(domain_of_ip("198.19.0.1"), "none");
	assert_string_equal(domain_of_ip("198.19.128.1"), "b.example");
	assert_string_equal(domain_of_ip("fd02::1"), "b.example");
}

/* Root and prefixes come with the first contact, which a name makes. */
static void test_not_learned_yet(void **state)
{
	(void)state;
	put("b.example", 0, NULL, NULL);
	assert_string_equal(domain_of_name("bob.b.example"), "b.example");
	assert_string_equal(domain_of_ip("198.19.0.1"), "none");
	put("b.example", 2, "198.19.0.0/16", NULL);
	assert_string_equal(domain_of_ip("198.19.0.1"), "b.example");
}

static void test_refused(void **state)
{
	static const struct {
		const char *domain, *prefix4, *prefix6, *words;
		uint8_t key;
	} cases[] = {
		{"ntm.example", "10.0.0.0/16", NULL, "our own", 1},
		{"a.ntm.example", "10.0.0.0/16", NULL, "our own", 1}, /* this very node */
		{"x.example", "10.0.0.0/16", NULL, "our own root key", 0xaa},
		{"x.example", NULL, NULL, "no prefix", 1},
		{"x.example", "198.18.0.0/16", NULL, "overlaps with ours", 1},
		{"x.example", "198.18.7.0/24", NULL, "overlaps with ours", 1},
		{"x.example", "198.0.0.0/8", NULL, "overlaps with ours", 1},
		{"x.example", "10.0.0.0/16", "fd00:1::/32", "overlaps with ours", 1},
		{"x.example", "198.19.5.0/24", NULL, "another partner's", 1},
		{"x.example", NULL, "fd02::/32", "another partner's", 1},
		{"x.example", "0.0.0.0/1", NULL, "too wide", 1},
		{"x.example", "10.0.0.0/7", NULL, "too wide", 1},
		{"x.example", NULL, "fc00::/15", "too wide", 1},
		{"x.example", "127.0.0.0/16", NULL, "not usable", 1},
		{"x.example", "224.0.0.0/8", NULL, "not usable", 1},
		{"x.example", "192.0.2.0/24", NULL, "our DC", 1},
	};
	struct partners before;

	(void)state;
	put("b.example", 2, "198.19.0.0/16", "fd02::/64");
	before = list;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct partner partner = partner_sample(cases[i].domain, cases[i].key,
							cases[i].prefix4, cases[i].prefix6);
		const char *why = partners_why_not(&list, &lease, &partner);

		if (why == NULL || strstr(why, cases[i].words) == NULL)
			fail_msg("%zu: %s", i, why != NULL ? why : "taken");
		assert_string_equal(partners_put(&list, &lease, &partner), why);
		assert_memory_equal(&list, &before, sizeof(list));
	}
}

/* Above ours, beside ours, and a part of ours that is not where we are. */
static void test_relatives(void **state)
{
	(void)state;
	put("example", 2, "198.19.0.0/16", NULL);
	put("sub.ntm.example", 3, "198.20.0.0/16", NULL);
	put("xntm.example", 4, "198.21.0.0/16", NULL);
	assert_int_equal(list.count, 3);
	/* A further suffix of ours is ours as well. */
	lease.suffixes.count = 2;
	strcpy(lease.suffixes.item[1], "other.example");
	struct partner partner = partner_sample("other.example", 5, "198.22.0.0/16", NULL);
	assert_non_null(partners_put(&list, &lease, &partner));
}

static void test_full(void **state)
{
	struct partner one_more = partner_many(PARTNERS_MAX);

	(void)state;
	/* In an order that is none. */
	for (unsigned i = 0; i < PARTNERS_MAX; i++)
		partner_put(&list, &lease, partner_many(i * 37 % PARTNERS_MAX));
	assert_int_equal(list.count, PARTNERS_MAX);
	assert_int_equal(list.prefix_count, 2 * PARTNERS_MAX);
	assert_non_null(strstr(partners_put(&list, &lease, &one_more), "too many"));
	for (unsigned i = 0; i < PARTNERS_MAX; i++) {
		struct partner partner = partner_many(i);
		struct ntm_ip ip4 = ntm_ip_v4(10, (uint8_t)i, 255, 255), ip6;
		char name[NTM_NAME_MAX + 8];

		assert_true(partner_eq(&list.item[i], &partner));
		assert_ptr_equal(partners_of_ip(&list, &ip4), &list.item[i]);
		assert_int_equal(ntm_prefix_nth(&partner.prefix6, 77, &ip6), 0);
		assert_ptr_equal(partners_of_ip(&list, &ip6), &list.item[i]);
		snprintf(name, sizeof(name), "host.%s", partner.domain);
		assert_ptr_equal(partners_of_name(&list, name), &list.item[i]);
	}
	/* One that is there may still change. */
	put("p005.example", 99, "10.5.0.0/17", NULL);
	assert_string_equal(domain_of_ip("10.5.128.0"), "none");
	assert_string_equal(domain_of_ip("10.5.0.1"), "p005.example");
	assert_string_equal(domain_of_ip("10.6.0.1"), "p006.example");
}

/* Our own domain grows over a partner's addresses. */
static void test_sift(void **state)
{
	(void)state;
	put("b.example", 2, "198.19.0.0/16", NULL);
	put("c.example", 3, "198.20.0.0/16", NULL);
	assert_false(partners_sift(&list, &lease));
	assert_int_equal(ntm_prefix_parse(&lease.prefixes.item[0], "198.18.0.0/15"), 0);
	assert_true(partners_sift(&list, &lease));
	assert_int_equal(list.count, 1);
	assert_string_equal(domain_of_ip("198.19.0.1"), "none");
	assert_string_equal(domain_of_ip("198.20.0.1"), "c.example");
}

static void test_eq(void **state)
{
	struct partners other;

	(void)state;
	put("b.example", 2, "198.19.0.0/16", "fd02::/64");
	other = list;
	assert_true(partners_eq(&list, &other));
	other.generation++;
	assert_false(partners_eq(&list, &other));
	other = list;
	other.item[0].root[31]++;
	assert_false(partners_eq(&list, &other));
	other = list;
	other.item[0].prefix6.len++;
	assert_false(partners_eq(&list, &other));
	other = list;
	other.count = 0;
	assert_false(partners_eq(&list, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup(name, setup)
		CASE(test_empty),   CASE(test_from_cert), CASE(test_of_ip),
		CASE(test_of_name), CASE(test_replaced),  CASE(test_not_learned_yet),
		CASE(test_refused), CASE(test_relatives), CASE(test_full),
		CASE(test_sift),    CASE(test_eq),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
