/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose a name is, and what is virtual, of our own domain and its partners together. */
#include "realm.h"

#include "node/partner_sample.h"

static struct node_lease lease;
static struct partners list;
static const struct realm realm = {.lease = &lease, .partners = &list};

static int setup(void **state)
{
	(void)state;
	lease = partner_lease();
	memset(&list, 0, sizeof(list));
	partner_put(&list, &lease, partner_sample("b.example", 2, "198.19.0.0/16", "fd02::/64"));
	partner_put(&list, &lease, partner_sample("example", 3, "198.20.0.0/16", NULL));
	partner_put(&list, &lease, partner_sample("sub.ntm.example", 4, "198.21.0.0/16", NULL));
	return 0;
}

static void test_virtual(void **state)
{
	static const struct {
		const char *ip;
		bool is_virtual;
	} cases[] = {
		{"198.18.0.1", true},  {"fd00:1:2::1", true}, {"198.19.255.1", true},
		{"fd02::7", true},     {"198.20.0.1", true},  {"198.21.0.1", true},
		{"198.22.0.1", false}, {"192.0.2.1", false},  {"fd02:0:0:1::7", false},
	};
	struct ntm_ip ip;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ntm_ip_parse(&ip, cases[i].ip), 0);
		assert_int_equal(realm_is_virtual(&realm, &ip), cases[i].is_virtual);
	}
}

static void test_owner(void **state)
{
	static const struct {
		const char *name;
		enum realm_owner owner;
		const char *partner;
	} cases[] = {
		{"c.ntm.example", REALM_OWN, NULL},
		{"ntm.example", REALM_OWN, NULL},
		{"x.b.example", REALM_PARTNER, "b.example"},
		{"b.example", REALM_PARTNER, "b.example"},
		/* A domain above ours has what is not ours. */
		{"x.example", REALM_PARTNER, "example"},
		{"xntm.example", REALM_PARTNER, "example"},
		/* A part of ours that is a partner has its own names. */
		{"sub.ntm.example", REALM_PARTNER, "sub.ntm.example"},
		{"x.sub.ntm.example", REALM_PARTNER, "sub.ntm.example"},
		{"xsub.ntm.example", REALM_OWN, NULL},
		{"example.org", REALM_NOBODY, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct partner *partner = NULL;

		if (realm_owner_of_name(&realm, cases[i].name, &partner) != cases[i].owner)
			fail_msg("%s", cases[i].name);
		if (cases[i].partner == NULL)
			assert_null(partner);
		else
			assert_string_equal(partner->domain, cases[i].partner);
		assert_int_equal(realm_owner_of_name(&realm, cases[i].name, NULL), cases[i].owner);
	}
}

/* Our domain is not one of the suffixes: not asked for, and no partner's either. */
static void test_domain_without_suffix(void **state)
{
	(void)state;
	strcpy(lease.suffixes.item[0], "voice.ntm.example");
	assert_int_equal(realm_owner_of_name(&realm, "c.ntm.example", NULL), REALM_NOBODY);
	assert_int_equal(realm_owner_of_name(&realm, "c.voice.ntm.example", NULL), REALM_OWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_virtual, setup),
		cmocka_unit_test_setup(test_owner, setup),
		cmocka_unit_test_setup(test_domain_without_suffix, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
