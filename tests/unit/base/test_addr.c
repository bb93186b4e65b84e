/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses and prefixes as values: classes, socket form, numbering, wire form. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "ntm/addr.h"
#include "ntm/wire.h"

static struct ntm_ip ip_of(const char *text)
{
	struct ntm_ip ip;

	assert_int_equal(ntm_ip_parse(&ip, text), 0);
	return ip;
}

static struct ntm_prefix prefix_of(const char *text)
{
	struct ntm_prefix prefix;

	assert_int_equal(ntm_prefix_parse(&prefix, text), 0);
	return prefix;
}

static void assert_ip(const struct ntm_ip *ip, const char *text)
{
	char buf[NTM_IP_STR];

	assert_string_equal(ntm_ip_str(ip, buf), text);
}

static void from_bytes(void **unused)
{
	static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1};
	static const uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	static const struct ntm_ip none;
	struct ntm_ip a = ntm_ip_v4(192, 0, 2, 1), b = ntm_ip_from_bytes(4, mapped + 12);

	(void)unused;
	assert_ip(&a, "192.0.2.1");
	assert_memory_equal(&a, &b, sizeof(a));
	b = ntm_ip_from_bytes(6, mapped);
	assert_true(ntm_ip_eq(&a, &b));
	b = ntm_ip_from_bytes(6, six);
	assert_ip(&b, "2001:db8::1");
	assert_false(ntm_ip_eq(&a, &b));
	for (unsigned family = 0; family < 256; family++) {
		b = ntm_ip_from_bytes((uint8_t)family, six);
		assert_int_equal(ntm_ip_eq(&b, &none), family != 4 && family != 6);
	}
}

static void families_differ(void **unused)
{
	struct ntm_ip four = ip_of("0.0.0.0"), six = ip_of("::"), none = {0};

	(void)unused;
	assert_false(ntm_ip_eq(&four, &six));
	assert_false(ntm_ip_eq(&four, &none));
	assert_int_equal(ntm_ip_len(&none), 0);
	assert_int_equal(ntm_ip_len(&four), 4);
	assert_int_equal(ntm_ip_len(&six), 16);
}

enum { UNSPEC = 1, LOOP = 2, MULTI = 4, LINK = 8, BAD = 16 };

static void classes(void **unused)
{
	static const struct {
		const char *text;
		int class;
	} rows[] = {
		{"0.0.0.0", UNSPEC},
		{"0.0.0.1", BAD},
		{"0.255.255.255", BAD},
		{"1.0.0.0", 0},
		{"10.0.0.1", 0},
		{"126.255.255.255", 0},
		{"127.0.0.0", LOOP},
		{"127.255.255.255", LOOP},
		{"128.0.0.0", 0},
		{"169.253.255.255", 0},
		{"169.254.0.0", LINK},
		{"169.254.255.255", LINK},
		{"169.255.0.0", 0},
		{"198.18.0.1", 0},
		{"223.255.255.255", 0},
		{"224.0.0.0", MULTI},
		{"239.255.255.255", MULTI},
		{"240.0.0.0", BAD},
		{"255.255.255.254", BAD},
		{"255.255.255.255", MULTI},
		{"::", UNSPEC},
		{"::1", LOOP},
		{"::2", 0},
		{"1::1", 0},
		{"2001:db8::1", 0},
		{"fd00::1", 0},
		{"fe7f:ffff::", 0},
		{"fe80::", LINK},
		{"febf:ffff::", LINK},
		{"fec0::", 0},
		{"feff::1", 0},
		{"ff00::", MULTI},
		{"ff02::1", MULTI},
		{"::ffff:127.0.0.1", LOOP},
	};
	static const struct ntm_ip none;

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_ip ip = ip_of(rows[i].text);
		int class = (ntm_ip_is_unspecified(&ip) ? UNSPEC : 0) |
			    (ntm_ip_is_loopback(&ip) ? LOOP : 0) |
			    (ntm_ip_is_multicast(&ip) ? MULTI : 0) |
			    (ntm_ip_is_link_local(&ip) ? LINK : 0);

		assert_int_equal(class, rows[i].class & ~BAD);
		assert_int_equal(ntm_ip_is_usable(&ip), rows[i].class == 0);
	}
	assert_false(ntm_ip_is_private(&none));
	assert_false(ntm_ip_is_usable(&none));
	assert_false(ntm_ip_is_unspecified(&none));
}

static void addr_has_no_padding(void **unused)
{
	struct ntm_addr a, b;

	(void)unused;
	memset(&a, 0xff, sizeof(a));
	memset(&b, 0x00, sizeof(b));
	assert_int_equal(ntm_addr_parse(&a, "192.0.2.1:7", 0), 0);
	assert_int_equal(ntm_addr_parse(&b, "192.0.2.1:7", 0), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(ntm_addr_eq(&a, &b));
	b.port = 8;
	assert_false(ntm_addr_eq(&a, &b));
	b = a;
	b.ip.b[3] = 2;
	assert_false(ntm_addr_eq(&a, &b));
}

static void sockaddr_round_trip(void **unused)
{
	static const struct {
		const char *text;
		bool mapped;
		int family;
	} rows[] = {
		{"192.0.2.1:4330", false, AF_INET},
		{"192.0.2.1:4330", true, AF_INET6},
		{"[2001:db8::1]:65535", false, AF_INET6},
		{"[2001:db8::1]:0", true, AF_INET6},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_addr addr, back;
		struct sockaddr_storage ss;
		unsigned len;

		memset(&ss, 0xff, sizeof(ss));
		assert_int_equal(ntm_addr_parse(&addr, rows[i].text, 0), 0);
		len = ntm_addr_to_sockaddr(&addr, rows[i].mapped, &ss);
		assert_int_equal(ss.ss_family, rows[i].family);
		assert_int_equal(len, rows[i].family == AF_INET ? sizeof(struct sockaddr_in)
								: sizeof(struct sockaddr_in6));
		assert_int_equal(ntm_addr_from_sockaddr(&back, (struct sockaddr *)&ss), 0);
		assert_memory_equal(&addr, &back, sizeof(addr));
	}
}

static void sockaddr_bytes(void **unused)
{
	struct ntm_addr addr = {.ip = ntm_ip_v4(192, 0, 2, 1), .port = 0x1234}, none = {0};
	struct sockaddr_storage ss;
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	(void)unused;
	ntm_addr_to_sockaddr(&addr, false, &ss);
	memcpy(&sin, &ss, sizeof(sin));
	assert_memory_equal(&sin.sin_port, "\x12\x34", 2);
	assert_memory_equal(&sin.sin_addr, "\xc0\x00\x02\x01", 4);
	ntm_addr_to_sockaddr(&addr, true, &ss);
	memcpy(&sin6, &ss, sizeof(sin6));
	assert_memory_equal(&sin6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01", 16);
	assert_int_equal(ntm_addr_to_sockaddr(&none, false, &ss), 0);
	assert_int_equal(ss.ss_family, AF_UNSPEC);
}

static void sockaddr_of_another_family(void **unused)
{
	struct ntm_addr addr = {.port = 7};
	struct sockaddr sa = {.sa_family = AF_UNIX};

	(void)unused;
	assert_int_equal(ntm_addr_from_sockaddr(&addr, &sa), -EAFNOSUPPORT);
	assert_int_equal(addr.port, 7);
}

static void prefix_has(void **unused)
{
	static const struct {
		const char *prefix, *ip;
		bool has;
	} rows[] = {
		{"198.18.0.0/16", "198.18.0.0", true},
		{"198.18.0.0/16", "198.18.255.255", true},
		{"198.18.0.0/16", "198.19.0.0", false},
		{"198.18.0.0/15", "198.19.255.255", true},
		{"198.18.0.0/15", "198.20.0.0", false},
		{"192.0.2.129/32", "192.0.2.129", true},
		{"192.0.2.129/32", "192.0.2.128", false},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"0.0.0.0/0", "255.255.255.255", true},
		{"0.0.0.0/0", "::", false},
		{"::/0", "0.0.0.0", false},
		{"::/0", "ffff::", true},
		{"2001:db8::/33", "2001:db8:7fff::", true},
		{"2001:db8::/33", "2001:db8:8000::", false},
		{"2001:db8::1/128", "2001:db8::1", true},
		{"2001:db8::1/128", "2001:db8::", false},
	};
	static const struct ntm_prefix nothing;
	static const struct ntm_ip none;

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_prefix prefix = prefix_of(rows[i].prefix);
		struct ntm_ip ip = ip_of(rows[i].ip);

		assert_int_equal(ntm_prefix_has(&prefix, &ip), rows[i].has);
	}
	assert_false(ntm_prefix_has(&nothing, &none));
}

static void prefix_overlap(void **unused)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} rows[] = {
		{"198.18.0.0/16", "198.18.0.0/16", true},
		{"198.18.0.0/15", "198.19.0.0/16", true},
		{"198.18.0.0/16", "198.19.0.0/16", false},
		{"0.0.0.0/0", "10.0.0.0/8", true},
		{"0.0.0.0/0", "::/0", false},
		{"fd00::/8", "fd12:3456::/32", true},
		{"fd00::/9", "fd80::/9", false},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_prefix a = prefix_of(rows[i].a), b = prefix_of(rows[i].b);

		assert_int_equal(ntm_prefix_overlap(&a, &b), rows[i].overlap);
		assert_int_equal(ntm_prefix_overlap(&b, &a), rows[i].overlap);
	}
}

static void prefix_inside(void **unused)
{
	static const struct {
		const char *a, *outer;
		bool is_inside;
	} rows[] = {
		{"198.18.0.0/16", "198.18.0.0/16", true},  {"198.18.4.0/24", "198.18.0.0/16", true},
		{"198.18.0.0/15", "198.18.0.0/16", false}, {"0.0.0.0/0", "198.18.0.0/16", false},
		{"198.19.0.0/24", "198.18.0.0/16", false}, {"198.18.0.0/16", "0.0.0.0/0", true},
		{"fd00::/64", "0.0.0.0/0", false},         {"fd00:1::/32", "fd00::/8", true},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_prefix a = prefix_of(rows[i].a), outer = prefix_of(rows[i].outer);

		assert_int_equal(ntm_prefix_inside(&a, &outer), rows[i].is_inside);
	}
}

static void prefix_numbering(void **unused)
{
	static const struct {
		const char *prefix;
		uint64_t n;
		const char *ip; /* NULL: outside */
	} rows[] = {
		{"198.18.0.0/16", 0, "198.18.0.0"},
		{"198.18.0.0/16", 258, "198.18.1.2"},
		{"198.18.0.0/16", 65535, "198.18.255.255"},
		{"198.18.0.0/16", 65536, NULL},
		{"192.0.2.128/25", 127, "192.0.2.255"},
		{"192.0.2.128/25", 128, NULL},
		{"192.0.2.1/32", 0, "192.0.2.1"},
		{"192.0.2.1/32", 1, NULL},
		{"0.0.0.0/0", UINT32_MAX, "255.255.255.255"},
		{"0.0.0.0/0", 1ull << 32, NULL},
		{"2001:db8::/64", UINT64_MAX, "2001:db8::ffff:ffff:ffff:ffff"},
		{"2001:db8::/65", 1ull << 63, NULL},
		{"2001:db8::/48", UINT64_MAX, "2001:db8::ffff:ffff:ffff:ffff"},
		{"2001:db8::/48", 0x102, "2001:db8::102"},
		{"::/0", 1, "::1"},
		{"2001:db8::5/128", 0, "2001:db8::5"},
		{"2001:db8::5/128", 1, NULL},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_prefix prefix = prefix_of(rows[i].prefix);
		struct ntm_ip ip = {0};
		uint64_t n = 99;

		if (!rows[i].ip) {
			assert_int_equal(ntm_prefix_nth(&prefix, rows[i].n, &ip), -ERANGE);
			assert_int_equal(ip.family, 0);
			continue;
		}
		assert_int_equal(ntm_prefix_nth(&prefix, rows[i].n, &ip), 0);
		assert_ip(&ip, rows[i].ip);
		assert_int_equal(ntm_prefix_index(&prefix, &ip, &n), 0);
		assert_int_equal(n, rows[i].n);
	}
}

static void prefix_index_outside(void **unused)
{
	static const struct {
		const char *prefix, *ip;
	} rows[] = {
		{"198.18.0.0/16", "198.19.0.0"},
		{"198.18.0.0/16", "fd00::1"},
		{"2001:db8::/48", "2001:db8:0:1::"}, /* number 2^64 */
		{"::/0", "8000::"},
	};
	static const struct ntm_prefix nothing;
	struct ntm_ip ip;
	uint64_t n = 99;

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_prefix prefix = prefix_of(rows[i].prefix);

		ip = ip_of(rows[i].ip);
		assert_int_equal(ntm_prefix_index(&prefix, &ip, &n), -ERANGE);
		assert_int_equal(n, 99);
	}
	assert_int_equal(ntm_prefix_nth(&nothing, 0, &ip), -ERANGE);
}

static void last_usable(void **unused)
{
	static const struct {
		const char *prefix, *ip;
	} rows[] = {
		{"198.18.0.0/16", "198.18.255.254"}, {"192.0.2.128/25", "192.0.2.254"},
		{"192.0.2.0/30", "192.0.2.2"},       {"192.0.2.0/31", "192.0.2.1"},
		{"192.0.2.7/32", "192.0.2.7"},       {"fd00:1::/64", "fd00:1::ffff:ffff:ffff:ffff"},
		{"fd00::/126", "fd00::3"},           {"fd00::9/128", "fd00::9"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_prefix prefix = prefix_of(rows[i].prefix);
		struct ntm_ip ip = ntm_prefix_last_usable(&prefix);

		assert_ip(&ip, rows[i].ip);
	}
}

static const uint8_t golden[] = {
	4,    192,  0,    2,    1,    0x10, 0xea, /* address */
	6,    0x20, 0x01, 0x0d, 0xb8, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x10,
	0xea,                                                                      /* address */
	0,    0,    0,                                                             /* none */
	4,    198,  18,   0,    0,    16,                                          /* prefix */
	6,    0xfd, 0,    0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, /* prefix */
	0,    0,                                                                   /* none */
	4,    10,   0,    0,    1,                                                 /* bare ip */
};

struct all {
	struct ntm_addr four, six, none;
	struct ntm_prefix p4, p6, p0;
	struct ntm_ip ip;
};

static struct all sample(void)
{
	struct all all = {.p4 = prefix_of("198.18.0.0/16"), .p6 = prefix_of("fd00::/8")};

	assert_int_equal(ntm_addr_parse(&all.four, "192.0.2.1", 4330), 0);
	assert_int_equal(ntm_addr_parse(&all.six, "2001:db8::1", 4330), 0);
	all.ip = ntm_ip_v4(10, 0, 0, 1);
	return all;
}

static bool read_all(const uint8_t *data, size_t len, struct all *all)
{
	struct ntm_rd rd = ntm_rd_init(data, len);

	all->four = ntm_rd_addr(&rd);
	all->six = ntm_rd_addr(&rd);
	all->none = ntm_rd_addr(&rd);
	all->p4 = ntm_rd_prefix(&rd);
	all->p6 = ntm_rd_prefix(&rd);
	all->p0 = ntm_rd_prefix(&rd);
	all->ip = ntm_rd_ip(&rd);
	return ntm_rd_done(&rd);
}

static void assert_same(const struct all *a, const struct all *b)
{
	assert_memory_equal(&a->four, &b->four, sizeof(a->four));
	assert_memory_equal(&a->six, &b->six, sizeof(a->six));
	assert_memory_equal(&a->none, &b->none, sizeof(a->none));
	assert_memory_equal(&a->p4, &b->p4, sizeof(a->p4));
	assert_memory_equal(&a->p6, &b->p6, sizeof(a->p6));
	assert_memory_equal(&a->p0, &b->p0, sizeof(a->p0));
	assert_memory_equal(&a->ip, &b->ip, sizeof(a->ip));
}

static size_t write_all(const struct all *all, uint8_t *buf, size_t cap)
{
	struct ntm_wr wr = ntm_wr_init(buf, cap);

	ntm_wr_addr(&wr, &all->four);
	ntm_wr_addr(&wr, &all->six);
	ntm_wr_addr(&wr, &all->none);
	ntm_wr_prefix(&wr, &all->p4);
	ntm_wr_prefix(&wr, &all->p6);
	ntm_wr_prefix(&wr, &all->p0);
	ntm_wr_ip(&wr, &all->ip);
	return ntm_wr_err(&wr) ? 0 : wr.len;
}

static void wire_golden(void **unused)
{
	struct all expected = sample(), got;
	uint8_t buf[128];

	(void)unused;
	assert_int_equal(write_all(&expected, buf, sizeof(buf)), sizeof(golden));
	assert_memory_equal(buf, golden, sizeof(golden));
	assert_true(read_all(golden, sizeof(golden), &got));
	assert_same(&got, &expected);
}

static void wire_truncated(void **unused)
{
	struct all got;

	(void)unused;
	for (size_t len = 0; len < sizeof(golden); len++) {
		uint8_t *part = test_malloc(len + 1);

		memcpy(part + 1, golden, len);
		assert_false(read_all(part + 1, len, &got));
		test_free(part);
	}
}

/* A flipped byte is refused, or is another value: what is accepted has one encoding. */
static void wire_flipped(void **unused)
{
	uint8_t buf[sizeof(golden)], again[128];
	struct all got;

	(void)unused;
	for (size_t i = 0; i < sizeof(golden) * 8; i++) {
		memcpy(buf, golden, sizeof(buf));
		buf[i / 8] ^= (uint8_t)(1 << i % 8);
		if (!read_all(buf, sizeof(buf), &got))
			continue;
		assert_int_equal(write_all(&got, again, sizeof(again)), sizeof(buf));
		assert_memory_equal(again, buf, sizeof(buf));
	}
}

static void wire_refused(void **unused)
{
	static const struct {
		bool prefix;
		uint8_t bytes[18];
	} rows[] = {
		{false, {1}},
		{false, {5, 1, 2, 3, 4}},
		{false, {255}},
		{false, {6, [11] = 0xff, 0xff, 192, 0, 2, 1}}, /* v4-mapped */
		{true, {4, 10, 0, 0, 0, 33}},
		{true, {4, 10, 0, 0, 1, 24}}, /* host bits */
		{true, {4, 10, 0, 0, 0, 0}},
		{true, {6, 0xfd, [17] = 129}},
		{true, {6, 0xfd, [17] = 4}},
		{true, {0, 1}},
		{true, {6, [11] = 0xff, 0xff, 192, 0, 2, 0, 120}},
	};
	static const struct ntm_prefix no_prefix;
	static const struct ntm_ip no_ip;

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_rd rd = ntm_rd_init(rows[i].bytes, sizeof(rows[i].bytes));
		struct ntm_prefix prefix = no_prefix;
		struct ntm_ip ip = no_ip;

		if (rows[i].prefix)
			prefix = ntm_rd_prefix(&rd);
		else
			ip = ntm_rd_ip(&rd);
		assert_true(ntm_rd_err(&rd));
		assert_memory_equal(&ip, &no_ip, sizeof(ip));
		assert_memory_equal(&prefix, &no_prefix, sizeof(prefix));
	}
}

/* A binding's number is an address that exists in this process only. */
static void relay_number(void **unused)
{
	static const uint32_t rows[] = {0, 1, 7, 0x01020304, 0x80000000, UINT32_MAX};
	static const struct ntm_addr none;

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_addr addr = ntm_addr_relay(rows[i]), got;
		struct sockaddr_storage sa;
		uint8_t wire[32] = {0};
		struct ntm_wr wr = ntm_wr_init(wire, sizeof(wire));
		struct ntm_rd rd;

		assert_true(ntm_addr_is_relay(&addr));
		assert_int_equal(ntm_addr_relay_number(&addr), rows[i]);
		assert_int_equal(addr.port, 0);
		for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
			got = ntm_addr_relay(rows[k]);
			assert_int_equal(ntm_addr_eq(&addr, &got), i == k);
		}
		assert_false(ntm_addr_eq(&addr, &none));
		assert_false(ntm_ip_is_usable(&addr.ip));
		assert_false(ntm_ip_is_unspecified(&addr.ip));
		assert_false(ntm_ip_is_loopback(&addr.ip));
		assert_false(ntm_ip_is_multicast(&addr.ip));
		assert_false(ntm_ip_is_link_local(&addr.ip));
		assert_int_equal(ntm_addr_to_sockaddr(&addr, false, &sa), 0);
		assert_int_equal(ntm_addr_to_sockaddr(&addr, true, &sa), 0);
		/* What is written of it, nobody reads as one. */
		ntm_wr_addr(&wr, &addr);
		rd = ntm_rd_init(wire, sizeof(wire));
		got = ntm_rd_addr(&rd);
		assert_true(ntm_wr_err(&wr) || ntm_rd_err(&rd));
		assert_false(ntm_addr_is_relay(&got));
	}
	for (int family = 0; family <= 6; family += family == 0 ? 4 : 2) {
		struct ntm_addr addr = {.ip.family = (uint8_t)family};

		assert_false(ntm_addr_is_relay(&addr));
	}
}

static void private_addresses(void **unused)
{
	static const char *const yes[] = {"10.0.0.0",       "10.255.255.255",  "172.16.0.0",
					  "172.31.255.255", "192.168.0.0",     "192.168.255.255",
					  "100.64.0.0",     "100.127.255.255", "fc00::",
					  "fdff:ffff::1"};
	static const char *const no[] = {"9.255.255.255",  "11.0.0.0",    "172.15.255.255",
					 "172.32.0.0",     "192.167.0.1", "192.169.0.1",
					 "100.63.255.255", "100.128.0.0", "192.0.2.1",
					 "fbff:ffff::1",   "fe00::",      "2001:db8::1"};

	(void)unused;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		struct ntm_ip ip = ip_of(yes[i]);

		assert_true(ntm_ip_is_private(&ip));
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct ntm_ip ip = ip_of(no[i]);

		assert_false(ntm_ip_is_private(&ip));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(private_addresses),
		cmocka_unit_test(from_bytes),
		cmocka_unit_test(families_differ),
		cmocka_unit_test(classes),
		cmocka_unit_test(addr_has_no_padding),
		cmocka_unit_test(sockaddr_round_trip),
		cmocka_unit_test(sockaddr_bytes),
		cmocka_unit_test(sockaddr_of_another_family),
		cmocka_unit_test(prefix_has),
		cmocka_unit_test(prefix_overlap),
		cmocka_unit_test(prefix_inside),
		cmocka_unit_test(prefix_numbering),
		cmocka_unit_test(prefix_index_outside),
		cmocka_unit_test(last_usable),
		cmocka_unit_test(wire_golden),
		cmocka_unit_test(wire_truncated),
		cmocka_unit_test(wire_flipped),
		cmocka_unit_test(wire_refused),
		cmocka_unit_test(relay_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
