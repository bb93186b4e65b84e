/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS replies as built, and read back: golden bytes, every record type, truncation, EDNS. */
#include "ntm/dnsmsg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static uint8_t query_buf[300];

static struct ntm_dns_query ask(const char *name, uint16_t type)
{
	size_t len = ntm_dns_query_build(0x4242, name, type, true, query_buf, sizeof query_buf);
	struct ntm_dns_query query;
	assert_int_equal(ntm_dns_query_parse(&query, query_buf, len), 0);
	return query;
}

static struct ntm_dns_response read_back(const uint8_t *msg, size_t len)
{
	struct ntm_dns_response response;
	assert_int_equal(ntm_dns_response_parse(&response, msg, len), 0);
	return response;
}

/* 0x20: the case of the question stays, and the answer's name points at it. */
static void test_golden(void **state)
{
	(void)state;
	struct ntm_dns_query query = ask("bOb.nTm.example", NTM_DNS_A);
	struct ntm_dns_rr rr = {.type = NTM_DNS_A, .ttl_s = 60, .ip = ntm_ip_v4(198, 18, 10, 7)};
	struct ntm_dns_reply reply = {.authoritative = true, .answer_count = 1, .answers = &rr};
	static const uint8_t expected[] = {
		0x42, 0x42, 0x85, 0x00, 0, 1,    0,   1,   0,    0,    0,   1, /* AA, RD */
		3,    'b',  'O',  'b',  3, 'n',  'T', 'm', 7,    'e',  'x', 'a', 'm', 'p', 'l', 'e',
		0,    0,    1,    0,    1, 0xc0, 12,  0,   1,    0,    1,   0,   0,   0,   60,  0,
		4,    198,  18,   10,   7, 0,    0,   41,  0x04, 0xd0, 0,   0,   0,   0,   0,   0,
	};
	uint8_t out[512];
	assert_int_equal(ntm_dns_reply_build(&query, &reply, out, sizeof out), sizeof expected);
	assert_memory_equal(out, expected, sizeof expected);
	assert_string_equal(query.name, "bob.ntm.example");
}

static void test_round_trip_of_all_types(void **state)
{
	(void)state;
	struct ntm_dns_rr rr[] = {
		{.type = NTM_DNS_A, .ttl_s = 1, .ip = ntm_ip_v4(192, 0, 2, 1)},
		{.type = NTM_DNS_AAAA,
		 .ttl_s = 2,
		 .ip = {.family = 6, .b = {0x20, 0x01, 0x0d, 0xb8, [15] = 9}}},
		{.type = NTM_DNS_NS, .ttl_s = 3, .target = "dc.ntm.example"},
		{.type = NTM_DNS_PTR, .ttl_s = 4, .target = "dc.ntm.example"},
		{.type = NTM_DNS_CNAME, .ttl_s = 5, .target = "x.example.net"},
		{.type = NTM_DNS_TXT, .ttl_s = 6, .text = "v=ntm1 root=abc="},
		{.type = NTM_DNS_SRV, .ttl_s = 7, .srv = {10, 20, 5060, "sip.ntm.example"}},
		{.type = NTM_DNS_SOA,
		 .ttl_s = 8,
		 .soa = {"dc.ntm.example", "hostmaster.ntm.example", 1, 2, 3, 4, 5}},
	};
	size_t count = sizeof rr / sizeof *rr;
	for (size_t i = 0; i < count; i++)
		snprintf(rr[i].name, sizeof rr[i].name, "n%zu.ntm.example", i);
	struct ntm_dns_query query = ask("ntm.example", NTM_DNS_ANY);
	struct ntm_dns_reply reply = {.answer_count = count,
				      .answers = rr,
				      .authority_count = 1,
				      .authorities = &rr[7],
				      .additional_count = 2,
				      .additionals = rr};
	uint8_t out[1232];
	size_t len = ntm_dns_reply_build(&query, &reply, out, sizeof out);
	assert_true(len > 0);
	struct ntm_dns_response response = read_back(out, len);
	assert_int_equal(response.id, 0x4242);
	assert_string_equal(response.name, "ntm.example");
	assert_int_equal(response.type, NTM_DNS_ANY);
	assert_false(response.aa);
	assert_false(response.tc);
	assert_int_equal(response.count, count);
	assert_int_equal(response.authority_count, 1);
	assert_int_equal(response.additional_count, 2);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(response.rr[i].name, rr[i].name);
		assert_int_equal(response.rr[i].type, rr[i].type);
		assert_int_equal(response.rr[i].ttl_s, rr[i].ttl_s);
	}
	assert_true(ntm_ip_eq(&response.rr[0].ip, &rr[0].ip));
	assert_true(ntm_ip_eq(&response.rr[1].ip, &rr[1].ip));
	for (size_t i = 2; i < 5; i++)
		assert_string_equal(response.rr[i].target, rr[i].target);
	assert_string_equal(response.rr[5].text, rr[5].text);
	assert_memory_equal(&response.rr[6].srv, &rr[6].srv, 6);
	assert_string_equal(response.rr[6].srv.target, rr[6].srv.target);
	assert_true(response.has_soa);
	assert_string_equal(response.soa.soa.mname, "dc.ntm.example");
	assert_string_equal(response.soa.soa.rname, "hostmaster.ntm.example");
	assert_int_equal(response.soa.soa.serial, 1);
	assert_int_equal(response.soa.soa.refresh, 2);
	assert_int_equal(response.soa.soa.retry, 3);
	assert_int_equal(response.soa.soa.expire, 4);
	assert_int_equal(response.soa.soa.minimum, 5);

	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(ntm_dns_response_parse(&response, out, cut), -EBADMSG);
	for (size_t at = 0; at < len; at++) {
		out[at] ^= 0x41;
		int err = ntm_dns_response_parse(&response, out, len);
		assert_true(err == 0 || err == -EBADMSG);
		out[at] ^= 0x41;
	}
}

static void test_hinfo_has_two_strings(void **state)
{
	(void)state;
	struct ntm_dns_query query = ask("a.example", NTM_DNS_ANY);
	struct ntm_dns_rr rr = {.type = NTM_DNS_HINFO, .ttl_s = 60, .text = "RFC8482 x"};
	struct ntm_dns_reply reply = {.answer_count = 1, .answers = &rr};
	static const uint8_t rdata[] = {0, 10, 7, 'R', 'F', 'C', '8', '4', '8', '2', 1, 'x'};
	uint8_t out[512];
	size_t len = ntm_dns_reply_build(&query, &reply, out, sizeof out);
	assert_non_null(memmem(out, len, rdata, sizeof rdata));
}

static void test_truncation(void **state)
{
	(void)state;
	struct ntm_dns_rr rr[NTM_DNS_ANSWERS];
	memset(rr, 0, sizeof rr);
	for (size_t i = 0; i < NTM_DNS_ANSWERS; i++) {
		rr[i].type = NTM_DNS_AAAA;
		rr[i].ip.family = 6;
		rr[i].ip.b[15] = (uint8_t)i;
	}
	struct ntm_dns_query query = ask("a.example", NTM_DNS_AAAA);
	struct ntm_dns_reply reply = {.answer_count = NTM_DNS_ANSWERS, .answers = rr};
	uint8_t out[1232];
	size_t full = 12 + 15 + NTM_DNS_ANSWERS * 28 + 11;
	assert_int_equal(ntm_dns_reply_build(&query, &reply, out, full), full);
	assert_false(read_back(out, full).tc);

	size_t len = ntm_dns_reply_build(&query, &reply, out, full - 1);
	assert_int_equal(len, 12 + 15 + 11);
	struct ntm_dns_response response = read_back(out, len);
	assert_true(response.tc);
	assert_int_equal(response.count, 0);
	assert_int_equal(ntm_dns_reply_build(&query, &reply, out, 12 + 15 + 10), 0);
}

static void test_extended_rcode_and_do(void **state)
{
	(void)state;
	struct ntm_dns_query query = ask("a.example", NTM_DNS_A);
	query.do_bit = true;
	struct ntm_dns_reply reply = {.rcode = NTM_DNS_BADVERS};
	uint8_t out[512];
	size_t len = ntm_dns_reply_build(&query, &reply, out, sizeof out);
	assert_int_equal(read_back(out, len).rcode, NTM_DNS_BADVERS);
	static const uint8_t opt[] = {0, 0, 41, 0x04, 0xd0, 1, 0, 0x80, 0, 0, 0};
	assert_memory_equal(out + len - sizeof opt, opt, sizeof opt);
}

static void test_no_edns_unless_asked(void **state)
{
	(void)state;
	struct ntm_dns_query query = ask("a.example", NTM_DNS_A);
	query.edns = false;
	query.rd = false;
	struct ntm_dns_reply reply = {.rcode = NTM_DNS_NXDOMAIN, .recursion_available = true};
	uint8_t out[512];
	assert_int_equal(ntm_dns_reply_build(&query, &reply, out, sizeof out), 12 + 15);
	assert_int_equal(out[2], 0x80); /* neither AA nor RD, nor what else was asked with */
	assert_int_equal(out[3], 0x83);
	assert_int_equal(out[11], 0);
}

static void test_bad_records_fail(void **state)
{
	(void)state;
	struct ntm_dns_query query = ask("a.example", NTM_DNS_A);
	struct ntm_dns_rr bad[] = {
		{.type = NTM_DNS_PTR, .target = "a..b"},
		{.type = NTM_DNS_PTR, .name = ".x", .target = "a"},
		{.type = NTM_DNS_A, .ip = {.family = 6}},
		{.type = NTM_DNS_AAAA, .ip = {.family = 4}},
		{.type = 99},
	};
	uint8_t out[512];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct ntm_dns_reply reply = {.answer_count = 1, .answers = &bad[i]};
		assert_int_equal(ntm_dns_reply_build(&query, &reply, out, sizeof out), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_round_trip_of_all_types),
		cmocka_unit_test(test_hinfo_has_two_strings),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_extended_rcode_and_do),
		cmocka_unit_test(test_no_edns_unless_asked),
		cmocka_unit_test(test_bad_records_fail),
	};
	return cmocka_run_group_tests_name("dns_reply", tests, NULL, NULL);
}
