/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS queries: what is read, what is refused before any parser, what we ask with. */
#include "ntm/dnsmsg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* WwW.ntm.EXAMPLE A IN, RD, with an OPT of 4096 bytes, DO. */
static const uint8_t golden[] = {
	0x12, 0x34, 0x01, 0x10, 0, 1,   0,   0,    0, 0,   0,   1, /* header */
	3,    'W',  'w',  'W',  3, 'n', 't', 'm',  7, 'E', 'X', 'A',
	'M',  'P',  'L',  'E',  0,                            /* name */
	0,    1,    0,    1,                                  /* A IN */
	0,    0,    41,   0x10, 0, 0,   0,   0x80, 0, 0,   0, /* OPT */
};
#define QUESTION_AT  12
#define QUESTION_LEN 21
#define OPT_AT       33

static void test_reads_all_fields(void **state)
{
	(void)state;
	struct ntm_dns_query query;
	assert_int_equal(ntm_dns_query_parse(&query, golden, sizeof golden), 0);
	assert_int_equal(query.id, 0x1234);
	assert_int_equal(query.opcode, 0);
	assert_true(query.rd);
	assert_true(query.cd);
	assert_string_equal(query.name, "www.ntm.example");
	assert_int_equal(query.type, NTM_DNS_A);
	assert_int_equal(query.cls, 1);
	assert_true(query.edns);
	assert_int_equal(query.edns_version, 0);
	assert_true(query.do_bit);
	assert_int_equal(query.udp_size, NTM_DNS_UDP_MAX);
	assert_ptr_equal(query.question, golden + QUESTION_AT);
	assert_int_equal(query.question_len, QUESTION_LEN);
}

static void test_udp_size_is_clamped(void **state)
{
	(void)state;
	static const struct {
		uint16_t size;
		uint16_t expected;
	} table[] = {{0, 512}, {511, 512}, {512, 512}, {600, 600}, {1232, 1232}, {65535, 1232}};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		uint8_t msg[sizeof golden];
		memcpy(msg, golden, sizeof msg);
		msg[OPT_AT + 3] = (uint8_t)(table[i].size >> 8);
		msg[OPT_AT + 4] = (uint8_t)table[i].size;
		struct ntm_dns_query query;
		assert_int_equal(ntm_dns_query_parse(&query, msg, sizeof msg), 0);
		assert_int_equal(query.udp_size, table[i].expected);
	}
	uint8_t plain[OPT_AT];
	memcpy(plain, golden, sizeof plain);
	plain[11] = 0;
	struct ntm_dns_query query;
	assert_int_equal(ntm_dns_query_parse(&query, plain, sizeof plain), 0);
	assert_false(query.edns);
	assert_int_equal(query.udp_size, 512);
}

static void test_every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof golden; len++) {
		struct ntm_dns_query query;
		assert_int_equal(ntm_dns_query_parse(&query, golden, len), -EBADMSG);
	}
}

static void test_flipped_bytes_never_crash(void **state)
{
	(void)state;
	for (size_t at = 0; at < sizeof golden; at++)
		for (int bit = 0; bit < 8; bit++) {
			uint8_t msg[sizeof golden];
			memcpy(msg, golden, sizeof msg);
			msg[at] ^= (uint8_t)(1 << bit);
			struct ntm_dns_query query;
			int err = ntm_dns_query_parse(&query, msg, sizeof msg);
			assert_true(err == 0 || err == -EBADMSG);
		}
}

/* One byte changed that makes the message something else than a query of ours. */
static void test_bad_shapes(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint8_t value;
		const char *why;
	} table[] = {
		{2, 0x81, "a response"},
		{5, 0, "no question"},
		{5, 2, "two questions"},
		{7, 1, "an answer"},
		{9, 1, "an authority record"},
		{11, 2, "fewer records than counted"},
		{11, 0, "bytes behind the last record"},
		{12, 0xc0, "a pointer in the question"},
		{12, 0x40, "a label type that is not defined"},
		{OPT_AT, 1, "OPT with a name"},
		{OPT_AT + 2, 250, "TSIG"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		uint8_t msg[sizeof golden];
		memcpy(msg, golden, sizeof msg);
		msg[table[i].at] = table[i].value;
		struct ntm_dns_query query;
		if (ntm_dns_query_parse(&query, msg, sizeof msg) != -EBADMSG)
			fail_msg("accepted: %s", table[i].why);
	}
}

static void test_two_opt_and_many_additionals(void **state)
{
	(void)state;
	uint8_t msg[sizeof golden + 2 * (sizeof golden - OPT_AT)];
	size_t opt_len = sizeof golden - OPT_AT;
	memcpy(msg, golden, sizeof golden);
	memcpy(msg + sizeof golden, golden + OPT_AT, opt_len);
	memcpy(msg + sizeof golden + opt_len, golden + OPT_AT, opt_len);
	struct ntm_dns_query query;
	msg[11] = 2;
	assert_int_equal(ntm_dns_query_parse(&query, msg, sizeof golden + opt_len), -EBADMSG);
	msg[sizeof golden + 2] = 1; /* an A record now: allowed, and not looked at */
	assert_int_equal(ntm_dns_query_parse(&query, msg, sizeof golden + opt_len), 0);
	msg[sizeof golden + opt_len + 2] = 1;
	msg[11] = 3;
	assert_int_equal(ntm_dns_query_parse(&query, msg, sizeof msg), -EBADMSG);
}

/* A name of 255 bytes on the wire that would not fit as \DDD. */
static void test_odd_and_long_names_fit(void **state)
{
	(void)state;
	uint8_t msg[12 + 255 + 4] = {0, 1, 0, 0, 0, 1};
	size_t at = 12;
	for (int i = 0; i < 3; i++) {
		msg[at] = 63;
		memset(msg + at + 1, i == 0 ? '.' : 1, 63);
		at += 64;
	}
	msg[at] = 61;
	memset(msg + at + 1, 0xff, 61);
	at += 62;
	msg[at++] = 0;
	assert_int_equal(at, 12 + 255);
	msg[at + 1] = 1;
	msg[at + 3] = 1;
	struct ntm_dns_query query;
	assert_int_equal(ntm_dns_query_parse(&query, msg, sizeof msg), 0);
	assert_int_equal(strlen(query.name), 253);
	assert_int_equal(strspn(query.name, "?."), 253);
	assert_int_equal(query.name[63], '.');
	assert_int_equal(query.name[62], '?'); /* a dot inside a label is no dot */

	uint8_t longer[sizeof msg + 1];
	memcpy(longer, msg, sizeof msg);
	longer[12 + 192] = 62;
	memmove(longer + 12 + 193 + 62, longer + 12 + 193 + 61, 5);
	assert_int_equal(ntm_dns_query_parse(&query, longer, sizeof longer), -EBADMSG);
}

static void test_root_name_is_empty(void **state)
{
	(void)state;
	static const uint8_t msg[] = {0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};
	struct ntm_dns_query query;
	assert_int_equal(ntm_dns_query_parse(&query, msg, sizeof msg), 0);
	assert_string_equal(query.name, "");
	assert_int_equal(query.type, NTM_DNS_NS);
}

static void test_formerr(void **state)
{
	(void)state;
	uint8_t out[12];
	static const uint8_t expected[12] = {0x12, 0x34, 0x81, 0x01};
	assert_int_equal(ntm_dns_formerr(golden, 12, out), 12);
	assert_memory_equal(out, expected, 12);
	for (size_t len = 0; len < 12; len++)
		assert_int_equal(ntm_dns_formerr(golden, len, out), 0);

	uint8_t msg[12];
	memcpy(msg, golden, 12);
	msg[2] = 0x80;
	assert_int_equal(ntm_dns_formerr(msg, 12, out), 0); /* never answer an answer */
	msg[2] = 5 << 3;                                    /* UPDATE */
	static const uint8_t notimp[12] = {0x12, 0x34, 0x80 | 5 << 3, 0x04};
	assert_int_equal(ntm_dns_formerr(msg, 12, out), 12);
	assert_memory_equal(out, notimp, 12);
}

static void test_build_golden(void **state)
{
	(void)state;
	static const uint8_t expected[] = {
		0xab, 0xcd, 0x01, 0x00, 0,   1,    0,    0,   0,   0,   0, 1, /* header */
		1,    'a',  7,    'e',  'x', 'a',  'm',  'p', 'l', 'e', 0, 0, 28,
		0,    1,    0,    0,    41,  0x04, 0xd0, 0,   0,   0,   0, 0, 0, /* OPT, 1232 */
	};
	uint8_t out[64];
	size_t len = ntm_dns_query_build(0xabcd, "a.example", NTM_DNS_AAAA, true, out, sizeof out);
	assert_int_equal(len, sizeof expected);
	assert_memory_equal(out, expected, sizeof expected);
	struct ntm_dns_query query;
	assert_int_equal(ntm_dns_query_parse(&query, out, len), 0);
	assert_string_equal(query.name, "a.example");
}

static void test_build_refuses(void **state)
{
	(void)state;
	static const char *const bad[] =
		{".host", "a..b",
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example"};
	uint8_t out[128];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(ntm_dns_query_build(1, bad[i], 1, true, out, sizeof out), 0);
	assert_int_equal(ntm_dns_query_build(1, "a.example", 1, true, out, 37), 0);
	assert_int_equal(ntm_dns_query_build(1, "a.example", 1, true, out, 38), 38);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_all_fields),
		cmocka_unit_test(test_udp_size_is_clamped),
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_flipped_bytes_never_crash),
		cmocka_unit_test(test_bad_shapes),
		cmocka_unit_test(test_two_opt_and_many_additionals),
		cmocka_unit_test(test_odd_and_long_names_fit),
		cmocka_unit_test(test_root_name_is_empty),
		cmocka_unit_test(test_formerr),
		cmocka_unit_test(test_build_golden),
		cmocka_unit_test(test_build_refuses),
	};
	return cmocka_run_group_tests_name("dns_query", tests, NULL, NULL);
}
