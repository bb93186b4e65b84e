/* SPDX-License-Identifier: BSD-2-Clause */
/* The text forms of addresses and prefixes, and their reverse DNS names. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ntm/addr.h"

/* text: the canonical form, or NULL when the input is refused. */
struct row {
	const char *input, *text;
};

static void ip_text(void **unused)
{
	static const struct row rows[] = {
		{"192.0.2.1", "192.0.2.1"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"2001:DB8:0:0::1", "2001:db8::1"},
		{"::", "::"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"::ffff:c000:201", "192.0.2.1"},
		{"1111:2222:3333:4444:5555:6666:7777:8888",
		 "1111:2222:3333:4444:5555:6666:7777:8888"},
		{"", NULL},
		{"none", NULL},
		{"localhost", NULL},
		{"192.0.2", NULL},
		{"192.0.2.256", NULL},
		{"192.0.2.1.1", NULL},
		{"192.0.2.01", NULL},
		{" 192.0.2.1", NULL},
		{"192.0.2.1 ", NULL},
		{"192.0.2.1:5", NULL},
		{"0x7f.0.0.1", NULL},
		{"2130706433", NULL},
		{"2001:db8::1::2", NULL},
		{"fe80::1%eth0", NULL},
		{"[::1]", NULL},
		{"12345::", NULL},
	};
	char buf[NTM_IP_STR];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_ip ip = {.family = 77};

		if (!rows[i].text) {
			assert_int_equal(ntm_ip_parse(&ip, rows[i].input), -EINVAL);
			assert_int_equal(ip.family, 77);
			continue;
		}
		assert_int_equal(ntm_ip_parse(&ip, rows[i].input), 0);
		assert_string_equal(ntm_ip_str(&ip, buf), rows[i].text);
	}
}

static void no_address(void **unused)
{
	static const struct ntm_addr none;
	static const struct ntm_prefix no_prefix;
	char buf[NTM_ADDR_STR];

	(void)unused;
	assert_string_equal(ntm_ip_str(&none.ip, buf), "none");
	assert_string_equal(ntm_addr_str(&none, buf), "none:0");
	assert_string_equal(ntm_prefix_str(&no_prefix, buf), "none/0");
}

static void addr_text(void **unused)
{
	static const struct row rows[] = {
		{"192.0.2.1:4330", "192.0.2.1:4330"},
		{"192.0.2.1", "192.0.2.1:53"},
		{"192.0.2.1:0", "192.0.2.1:0"},
		{"192.0.2.1:65535", "192.0.2.1:65535"},
		{"[2001:db8::1]:4330", "[2001:db8::1]:4330"},
		{"[2001:db8::1]", "[2001:db8::1]:53"},
		{"2001:db8::1", "[2001:db8::1]:53"},
		{"::", "[::]:53"},
		{"[::]:1", "[::]:1"},
		{"[::ffff:192.0.2.1]:4330", "192.0.2.1:4330"},
		{"[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
		 "[1111:2222:3333:4444:5555:6666:7777:8888]:65535"},
		{"", NULL},
		{":4330", NULL},
		{"192.0.2.1:", NULL},
		{"192.0.2.1:65536", NULL},
		{"192.0.2.1:4294967297", NULL},
		{"192.0.2.1:99999999999999999999", NULL},
		{"192.0.2.1:-1", NULL},
		{"192.0.2.1:+1", NULL},
		{"192.0.2.1: 1", NULL},
		{"192.0.2.1:01", NULL},
		{"192.0.2.1:1x", NULL},
		{"192.0.2.1:1:2", NULL},
		{"[192.0.2.1]:4330", NULL},
		{"[2001:db8::1", NULL},
		{"[2001:db8::1]4330", NULL},
		{"[2001:db8::1]:", NULL},
		{"[]:1", NULL},
		{"[", NULL},
		{"2001:db8::1]:1", NULL},
		{"dc.example:4330", NULL},
		{"[0000000000000000000000000000000000000000000000000000::1]:1", NULL},
	};
	char buf[NTM_ADDR_STR];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_addr addr = {.port = 77};

		if (!rows[i].text) {
			assert_int_equal(ntm_addr_parse(&addr, rows[i].input, 53), -EINVAL);
			assert_int_equal(addr.port, 77);
			continue;
		}
		assert_int_equal(ntm_addr_parse(&addr, rows[i].input, 53), 0);
		assert_string_equal(ntm_addr_str(&addr, buf), rows[i].text);
	}
}

static void prefix_text(void **unused)
{
	static const struct row rows[] = {
		{"198.18.0.0/16", "198.18.0.0/16"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"192.0.2.1/32", "192.0.2.1/32"},
		{"192.0.2.128/25", "192.0.2.128/25"},
		{"fd00:0::/8", "fd00::/8"},
		{"::/0", "::/0"},
		{"2001:db8::1/128", "2001:db8::1/128"},
		{"", NULL},
		{"198.18.0.0", NULL},
		{"198.18.0.0/", NULL},
		{"/16", NULL},
		{"198.18.0.0/33", NULL},
		{"198.18.0.0/016", NULL},
		{"198.18.0.0/16 ", NULL},
		{"198.18.0.0/16/16", NULL},
		{"198.18.0.0/-1", NULL},
		{"198.18.0.0/255.255.0.0", NULL},
		{"198.18.0.1/16", NULL},
		{"192.0.2.128/24", NULL},
		{"198.18/16", NULL},
		{"2001:db8::/129", NULL},
		{"2001:db8::/272", NULL},
		{"2001:db8::1/64", NULL},
		{"2001:db8:0:1::/48", NULL}, /* host bits past 2^64 */
		{"::ffff:192.0.2.0/120", NULL},
	};
	char buf[NTM_PREFIX_STR];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_prefix prefix = {.len = 77};

		if (!rows[i].text) {
			assert_int_equal(ntm_prefix_parse(&prefix, rows[i].input), -EINVAL);
			assert_int_equal(prefix.len, 77);
			continue;
		}
		assert_int_equal(ntm_prefix_parse(&prefix, rows[i].input), 0);
		assert_string_equal(ntm_prefix_str(&prefix, buf), rows[i].text);
	}
}

#define SIX_ARPA "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.f.a.8.b.d.0.1.0.0.2.ip6.arpa"

static void arpa_round_trip(void **unused)
{
	static const struct row rows[] = {
		{"198.18.10.7", "7.10.18.198.in-addr.arpa"},
		{"255.255.255.255", "255.255.255.255.in-addr.arpa"},
		{"2001:db8:af00::1", SIX_ARPA},
	};
	static const struct ntm_ip none;
	char buf[NTM_IP_ARPA_STR];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_ip ip, back;

		assert_int_equal(ntm_ip_parse(&ip, rows[i].input), 0);
		assert_string_equal(ntm_ip_arpa(&ip, buf), rows[i].text);
		assert_int_equal(ntm_ip_from_arpa(&back, buf), 0);
		assert_true(ntm_ip_eq(&ip, &back));
	}
	assert_string_equal(ntm_ip_arpa(&none, buf), "");
}

static void arpa_names(void **unused)
{
	static const struct row rows[] = {
		{"7.10.18.198.IN-ADDR.ARPA.", "198.18.10.7"},
		{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.F.A.8.B.D.0.1.0.0.2.IP6.arpa.",
		 "2001:db8:af00::1"},
		{"", NULL},
		{".", NULL},
		{"in-addr.arpa", NULL},
		{"18.198.in-addr.arpa", NULL},
		{"1.7.10.18.198.in-addr.arpa", NULL},
		{"256.10.18.198.in-addr.arpa", NULL},
		{"07.10.18.198.in-addr.arpa", NULL},
		{"7..18.198.in-addr.arpa", NULL},
		{"a.10.18.198.in-addr.arpa", NULL},
		{"7.10.18.198.in-addr.arpa.example", NULL},
		{"7.10.18.198.in-addr.arpa..", NULL},
		{"7.10.18.198.in-addr.arp", NULL},
		{"7.10.18.198.ip6.arpa", NULL},
		{"7.10.18.198", NULL},
		{"0/25.2.0.192.in-addr.arpa", NULL},
		{"8.b.d.0.1.0.0.2.ip6.arpa", NULL},
		{"0." SIX_ARPA, NULL},
		{"g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.f.a.8.b.d.0.1.0.0.2.ip6.arpa", NULL},
		{"10.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.f.a.8.b.d.0.1.0.0.2.ip6.arpa", NULL},
		{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.f.a.8.b.d.0.1.0.0.2", NULL},
	};
	char buf[NTM_IP_STR];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_ip ip = {.family = 77};

		if (!rows[i].text) {
			assert_int_equal(ntm_ip_from_arpa(&ip, rows[i].input), -EINVAL);
			assert_int_equal(ip.family, 77);
			continue;
		}
		assert_int_equal(ntm_ip_from_arpa(&ip, rows[i].input), 0);
		assert_string_equal(ntm_ip_str(&ip, buf), rows[i].text);
	}
}

/* The sizes in the header are enough for the longest text there is. */
static void longest_texts_fit(void **unused)
{
	struct ntm_addr addr = {.ip = {.family = 6}, .port = UINT16_MAX};
	struct ntm_prefix prefix = {.ip = {.family = 6}, .len = 128};
	char buf[NTM_IP_ARPA_STR];

	(void)unused;
	memset(addr.ip.b, 0xff, 16);
	memset(prefix.ip.b, 0xff, 16);
	assert_in_range(strlen(ntm_ip_str(&addr.ip, buf)), 39, NTM_IP_STR - 1);
	assert_in_range(strlen(ntm_addr_str(&addr, buf)), 47, NTM_ADDR_STR - 1);
	assert_in_range(strlen(ntm_prefix_str(&prefix, buf)), 43, NTM_PREFIX_STR - 1);
	assert_in_range(strlen(ntm_ip_arpa(&addr.ip, buf)), 72, NTM_IP_ARPA_STR - 1);
}

static void relay_text(void **unused)
{
	struct ntm_addr addr = ntm_addr_relay(UINT32_MAX), back;
	char buf[NTM_ADDR_STR];

	(void)unused;
	assert_string_equal(ntm_addr_str(&addr, buf), "relay 4294967295");
	assert_int_equal(ntm_addr_parse(&back, buf, 4330), -EINVAL);
	addr = ntm_addr_relay(0);
	assert_string_equal(ntm_addr_str(&addr, buf), "relay 0");
	assert_string_equal(ntm_ip_str(&addr.ip, buf), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ip_text),           cmocka_unit_test(no_address),
		cmocka_unit_test(addr_text),         cmocka_unit_test(prefix_text),
		cmocka_unit_test(arpa_round_trip),   cmocka_unit_test(arpa_names),
		cmocka_unit_test(longest_texts_fit), cmocka_unit_test(relay_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
