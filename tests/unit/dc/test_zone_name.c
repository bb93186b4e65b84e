/* SPDX-License-Identifier: BSD-2-Clause */
/* Names a node may have, and reverse names in full, in part and in no sense. */
#include "zone_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_node_names(void **state)
{
	(void)state;
	static const struct {
		const char *fqdn;
		bool ok;
	} table[] = {
		{"alice.ntm.example", true},
		{"alice.berlin.ntm.example", true},
		{"vip7.ntm.example", true},
		{"dc.berlin.ntm.example", true},
		{"a_b.ntm.example", true},
		{"ntm.example", false},
		{"alice.example", false},
		{"alicentm.example", false},
		{"alice.ntm.example.org", false},
		{"Alice.ntm.example", false},
		{"alice.ntm.example.", false},
		{"dc.ntm.example", false},
		{"a.dc.ntm.example", false},
		{"vip.ntm.example", false},
		{"7.vip.ntm.example", false},
		{"vip6.ntm.example", false},
		{"_udp.ntm.example", false},
		{"_sip._udp.ntm.example", false},
		{"a._tcp.ntm.example", false},
		{".ntm.example", false},
		{"a..ntm.example", false},
		{"a b.ntm.example", false},
		{"", false},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i].ok != !zone_name_check("ntm.example", table[i].fqdn))
			fail_msg("%s", table[i].fqdn);
}

static void test_split(void **state)
{
	(void)state;
	size_t len = 99;
	assert_true(zone_name_split("a.b.example", "example", &len));
	assert_int_equal(len, 3);
	assert_true(zone_name_split("example", "example", &len));
	assert_int_equal(len, 0);
	assert_false(zone_name_split("bexample", "example", &len));
	assert_false(zone_name_split("ample", "example", &len));
	assert_false(zone_name_split("", "example", &len));
}

static void test_reverse(void **state)
{
	(void)state;
	static const struct {
		uint8_t family;
		const char *head;
		enum zone_reverse form;
		unsigned bits;
		uint8_t first[4];
	} table[] = {
		{4, "7.10.18.198", ZONE_REVERSE_FULL, 32, {198, 18, 10, 7}},
		{4, "0.0.0.0", ZONE_REVERSE_FULL, 32, {0}},
		{4, "18.198", ZONE_REVERSE_PARTIAL, 16, {198, 18}},
		{4, "", ZONE_REVERSE_PARTIAL, 0, {0}},
		{4, "1.7.10.18.198", ZONE_REVERSE_NONE, 0, {0}},
		{4, "x.7.10.18.198", ZONE_REVERSE_NONE, 0, {0}},
		{4, "07.10.18.198", ZONE_REVERSE_NONE, 0, {0}},
		{4, "256.10.18.198", ZONE_REVERSE_NONE, 0, {0}},
		{4, "1000.10.18.198", ZONE_REVERSE_NONE, 0, {0}},
		{4, "-1.10.18.198", ZONE_REVERSE_NONE, 0, {0}},
		{4, ".18.198", ZONE_REVERSE_NONE, 0, {0}},
		{6, "1.0.d.f", ZONE_REVERSE_PARTIAL, 16, {0xfd, 0x01}},
		{6, "d.f", ZONE_REVERSE_PARTIAL, 8, {0xfd}},
		{6, "f", ZONE_REVERSE_PARTIAL, 4, {0xf0}},
		{6, "g.f", ZONE_REVERSE_NONE, 0, {0}},
		{6, "10.f", ZONE_REVERSE_NONE, 0, {0}},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct ntm_ip ip = {0};
		unsigned bits = 0;
		enum zone_reverse form = zone_reverse_read(table[i].family, table[i].head,
							   strlen(table[i].head), &ip, &bits);
		if (form != table[i].form || bits != table[i].bits ||
		    memcmp(ip.b, table[i].first, 4) != 0)
			fail_msg("%s: form %d, %u bits", table[i].head, form, bits);
	}
}

static void test_reverse_of_32_nibbles(void **state)
{
	(void)state;
	const char *head = "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.1.0.0.0.0.0.d.f";
	struct ntm_ip ip, expected;
	unsigned bits;
	assert_int_equal(zone_reverse_read(6, head, strlen(head), &ip, &bits), ZONE_REVERSE_FULL);
	assert_int_equal(ntm_ip_parse(&expected, "fd00:1:2::7"), 0);
	assert_true(ntm_ip_eq(&ip, &expected));
	char longer[80];
	snprintf(longer, sizeof longer, "1.%s", head);
	assert_int_equal(zone_reverse_read(6, longer, strlen(longer), &ip, &bits),
			 ZONE_REVERSE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_node_names),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_reverse),
		cmocka_unit_test(test_reverse_of_32_nibbles),
	};
	return cmocka_run_group_tests_name("zone_name", tests, NULL, NULL);
}
