/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets of our own making, field by field. */
#include "ntm/ippkt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "packets.h"

static struct ntm_addr addr(const char *text)
{
	struct ntm_addr out;

	assert_int_equal(ntm_addr_parse(&out, text, 0), 0);
	return out;
}

static struct ntm_ip ip(const char *text)
{
	return addr(text).ip;
}

static void udp_reads_back(void **unused)
{
	static const struct {
		const char *src, *dst;
		size_t header;
	} cases[] = {
		{"198.18.255.254:53", "198.18.10.7:40000", 20},
		{"[fd00::53]:53", "[fd00::1]:40000", 40},
	};
	uint8_t out[256], payload[100];

	(void)unused;
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < 2; i++)
		for (size_t n = 0; n <= sizeof(payload); n += 25) {
			struct ntm_addr src = addr(cases[i].src), dst = addr(cases[i].dst);
			size_t total = cases[i].header + 8 + n;
			struct ntm_ippkt view;

			memset(out, 0xaa, sizeof(out));
			assert_int_equal(ntm_ippkt_build_udp(out, total, &src, &dst, payload, n),
					 total);
			assert_int_equal(out[total], 0xaa);
			assert_int_equal(ntm_ippkt_parse(&view, out, total), 0);
			assert_true(ntm_ip_eq(&view.src, &src.ip) && ntm_ip_eq(&view.dst, &dst.ip));
			assert_int_equal(view.sport, 53);
			assert_int_equal(view.dport, 40000);
			assert_int_equal(view.payload_len, n);
			assert_memory_equal(view.payload, payload, n);
			assert_true(ntm_ippkt_checksums_ok(out, total));
			assert_int_equal(ntm_ippkt_build_udp(out, total - 1, &src, &dst, payload,
							     n),
					 0);
		}
}

/* The golden packets but for what is ours to choose: identification, DF. */
static void udp_is_golden(void **unused)
{
	struct ntm_addr a4 = addr("198.18.10.7:5060"), b4 = addr("198.18.20.9:5062");
	struct ntm_addr a6 = addr("[fd00::1]:5060"), b6 = addr("[fd00::2]:5062");
	uint8_t out[64], expected[sizeof(udp4)];

	(void)unused;
	assert_int_equal(ntm_ippkt_build_udp(out, sizeof(out), &a6, &b6, "hello", 5), sizeof(udp6));
	assert_memory_equal(out, udp6, sizeof(udp6));
	assert_int_equal(ntm_ippkt_build_udp(out, sizeof(out), &a4, &b4, "hello", 5), sizeof(udp4));
	memcpy(expected, udp4, sizeof(udp4));
	memcpy(expected + 4, "\0\0\x40\0", 4);
	memcpy(expected + 10, out + 10, 2);
	assert_memory_equal(out, expected, sizeof(expected));
}

static void udp_refusals(void **unused)
{
	static uint8_t out[70000], payload[66000];
	struct ntm_addr a4 = addr("198.18.10.7:1"), a6 = addr("[fd00::1]:1"), none = {0};

	(void)unused;
	assert_int_equal(ntm_ippkt_build_udp(out, sizeof(out), &a4, &a6, "x", 1), 0);
	assert_int_equal(ntm_ippkt_build_udp(out, sizeof(out), &none, &none, "x", 1), 0);
	assert_int_equal(ntm_ippkt_build_udp(out, 0, &a4, &a4, "x", 1), 0);
	/* The longest that the length fields can say. */
	assert_int_equal(ntm_ippkt_build_udp(out, sizeof(out), &a4, &a4, payload, 65507), 65535);
	assert_int_equal(ntm_ippkt_build_udp(out, sizeof(out), &a4, &a4, payload, 65508), 0);
	assert_int_equal(ntm_ippkt_build_udp(out, sizeof(out), &a6, &a6, payload, 65527), 65575);
	assert_true(ntm_ippkt_checksums_ok(out, 65575));
	assert_int_equal(ntm_ippkt_build_udp(out, sizeof(out), &a6, &a6, payload, 65528), 0);
	assert_int_equal(ntm_ippkt_build_udp(out, sizeof(out), &a6, &a6, payload, SIZE_MAX), 0);
}

static void unreachable_v4(void **unused)
{
	static const uint8_t codes[] =
		{[NTM_UNREACH_NET] = 0, [NTM_UNREACH_HOST] = 1, [NTM_UNREACH_ADMIN] = 13};
	struct ntm_ip from = ip("198.18.10.1");
	uint8_t out[128];

	(void)unused;
	for (int why = NTM_UNREACH_NET; why <= NTM_UNREACH_ADMIN; why++) {
		size_t len = 28 + sizeof(udp4);
		uint8_t expected[28] = {
			0x45, 0xc0,    0,       (uint8_t)len, 0,       0,       0x40, 0,   64,
			1,    out[10], out[11], 198,          18,      10,      1,    198, 18,
			10,   7,       3,       codes[why],   out[22], out[23],
		};

		assert_int_equal(ntm_ippkt_build_unreachable(out, sizeof(out), &from, udp4,
							     sizeof(udp4), why),
				 len);
		memcpy(expected + 10, out + 10, 2);
		memcpy(expected + 22, out + 22, 2);
		assert_memory_equal(out, expected, 28);
		assert_memory_equal(out + 28, udp4, sizeof(udp4));
		assert_true(ntm_ippkt_checksums_ok(out, len));
	}
}

static void unreachable_v6(void **unused)
{
	static const uint8_t codes[] =
		{[NTM_UNREACH_NET] = 0, [NTM_UNREACH_HOST] = 3, [NTM_UNREACH_ADMIN] = 1};
	struct ntm_ip from = ip("fd00::1234"), to = ip("fd00::1");
	uint8_t out[128];

	(void)unused;
	for (int why = NTM_UNREACH_NET; why <= NTM_UNREACH_ADMIN; why++) {
		uint8_t head[8] = {0x60, 0, 0, 0, 0, 8 + sizeof(tcp6), 58, 64};
		uint8_t icmp[8] = {1, codes[why]};

		assert_int_equal(ntm_ippkt_build_unreachable(out, sizeof(out), &from, tcp6,
							     sizeof(tcp6), why),
				 48 + sizeof(tcp6));
		assert_memory_equal(out, head, 8);
		assert_memory_equal(out + 8, from.b, 16);
		assert_memory_equal(out + 24, to.b, 16);
		memcpy(icmp + 2, out + 42, 2);
		assert_memory_equal(out + 40, icmp, 8);
		assert_memory_equal(out + 48, tcp6, sizeof(tcp6));
		assert_true(ntm_ippkt_checksums_ok(out, 48 + sizeof(tcp6)));
	}
}

static void quote_is_bounded(void **unused)
{
	static const struct {
		const char *src, *dst, *from;
		size_t orig_headers, icmp_headers, quote_max;
	} cases[] = {
		{"198.18.10.7:1", "198.18.20.9:2", "198.18.10.1", 28, 28, 548},
		{"[fd00::1]:1", "[fd00::2]:2", "fd00::3", 48, 48, 1232},
	};
	uint8_t orig[2048], out[2048], payload[1400];

	(void)unused;
	memset(payload, 'p', sizeof(payload));
	for (size_t i = 0; i < 2; i++) {
		struct ntm_addr src = addr(cases[i].src), dst = addr(cases[i].dst);
		struct ntm_ip from = ip(cases[i].from);

		for (int extra = -1; extra <= 1; extra++) {
			size_t len = cases[i].quote_max + extra,
			       quote = extra < 0 ? len : len - extra;
			size_t total = cases[i].icmp_headers + quote;

			len = ntm_ippkt_build_udp(orig, sizeof(orig), &src, &dst, payload,
						  len - cases[i].orig_headers);
			assert_int_equal(ntm_ippkt_build_unreachable(out, sizeof(out), &from, orig,
								     len, NTM_UNREACH_HOST),
					 total);
			assert_true(ntm_ippkt_checksums_ok(out, total));
			assert_memory_equal(out + cases[i].icmp_headers, orig, quote);
			assert_int_equal(ntm_ippkt_build_unreachable(out, total, &from, orig, len,
								     NTM_UNREACH_HOST),
					 total);
			assert_int_equal(ntm_ippkt_build_unreachable(out, total - 1, &from, orig,
								     len, NTM_UNREACH_HOST),
					 0);
		}
	}
}

static void padding_is_not_quoted(void **unused)
{
	struct ntm_ip from = ip("198.18.10.1");
	uint8_t orig[1024] = {0}, out[1024]; /* above what may be quoted */

	(void)unused;
	memcpy(orig, udp4, sizeof(udp4));
	assert_int_equal(ntm_ippkt_build_unreachable(out, sizeof(out), &from, orig, sizeof(orig),
						     NTM_UNREACH_NET),
			 28 + sizeof(udp4));
}

/* What must not be answered: the golden packet with one run of bytes changed. */
static void none_may_be_sent(void **unused)
{
	static const struct {
		const char *why;
		const uint8_t *pkt;
		size_t len, at;
		const char *bytes;
		size_t count;
	} cases[] = {
		{"ICMP unreachable", ping4, sizeof(ping4), 20, "\3", 1},
		{"ICMP source quench", ping4, sizeof(ping4), 20, "\4", 1},
		{"ICMP redirect", ping4, sizeof(ping4), 20, "\5", 1},
		{"ICMP time exceeded", ping4, sizeof(ping4), 20, "\13", 1},
		{"ICMP parameter problem", ping4, sizeof(ping4), 20, "\14", 1},
		{"ICMPv6 unreachable", ping6, sizeof(ping6), 40, "\1", 1},
		{"ICMPv6 unknown error", ping6, sizeof(ping6), 40, "\177", 1},
		{"ICMPv6 redirect", ping6, sizeof(ping6), 40, "\211", 1},
		{"later fragment", udp4, sizeof(udp4), 7, "\1", 1},
		{"to multicast", udp4, sizeof(udp4), 16, "\340\0\0\1", 4},
		{"to broadcast", udp4, sizeof(udp4), 16, "\377\377\377\377", 4},
		{"to multicast in IPv6", udp6, sizeof(udp6), 24, "\377\2", 2},
		{"from 0.0.0.0", udp4, sizeof(udp4), 12, "\0\0\0\0", 4},
		{"from 127.0.0.1", udp4, sizeof(udp4), 12, "\177\0\0\1", 4},
		{"from 0.1.2.3", udp4, sizeof(udp4), 12, "\0\1\2\3", 4},
		{"from 240.0.0.1", udp4, sizeof(udp4), 12, "\360\0\0\1", 4},
		{"from broadcast", udp4, sizeof(udp4), 12, "\377\377\377\377", 4},
		{"from link-local", udp4, sizeof(udp4), 12, "\251\376\1\1", 4},
		{"from multicast", udp4, sizeof(udp4), 12, "\340\0\0\1", 4},
		{"from ::", udp6, sizeof(udp6), 8, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16},
		{"malformed", udp4, sizeof(udp4), 3, "\0", 1},
	};
	struct ntm_ip from4 = ip("198.18.10.1"), from6 = ip("fd00::3"), none = {0};
	uint8_t pkt[128], out[256];

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool v6 = cases[i].pkt[0] >> 4 == 6;
		const struct ntm_ip *from = v6 ? &from6 : &from4;

		print_message("%s\n", cases[i].why);
		memcpy(pkt, cases[i].pkt, cases[i].len);
		assert_int_not_equal(ntm_ippkt_build_unreachable(out, sizeof(out), from, pkt,
								 cases[i].len, NTM_UNREACH_NET),
				     0);
		memcpy(pkt + cases[i].at, cases[i].bytes, cases[i].count);
		assert_int_equal(ntm_ippkt_build_unreachable(out, sizeof(out), from, pkt,
							     cases[i].len, NTM_UNREACH_NET),
				 0);
	}
	assert_int_equal(ntm_ippkt_build_unreachable(out, sizeof(out), &from6, udp4, sizeof(udp4),
						     NTM_UNREACH_NET),
			 0);
	assert_int_equal(ntm_ippkt_build_unreachable(out, sizeof(out), &none, udp4, sizeof(udp4),
						     NTM_UNREACH_NET),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(udp_reads_back),        cmocka_unit_test(udp_is_golden),
		cmocka_unit_test(udp_refusals),          cmocka_unit_test(unreachable_v4),
		cmocka_unit_test(unreachable_v6),        cmocka_unit_test(quote_is_bounded),
		cmocka_unit_test(padding_is_not_quoted), cmocka_unit_test(none_may_be_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
