/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS responses from outside: hostile shapes, missing fields, what is skipped and what is kept. */
#include "ntm/dnsmsg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Question "a." A IN; the answer's record follows at 19. */
/* clang-format off */
#define HEAD(answers) \
	0, 7, 0x84, 0, 0, 1, 0, answers, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1
/* clang-format on */
#define RR(type, cls, ttl0, rdlen) 0xc0, 12, 0, type, 0, cls, ttl0, 0, 0, 1, 0, rdlen

struct row {
	const char *what;
	int err;
	size_t count;
	size_t len;
	uint8_t msg[64];
};

static const struct row rows[] = {
	{"A", 0, 1, 35, {HEAD(1), RR(1, 1, 0, 4), 192, 0, 2, 1}},
	{"class CH is skipped", 0, 0, 35, {HEAD(1), RR(1, 3, 0, 4), 192, 0, 2, 1}},
	{"an unknown type is skipped", 0, 0, 35, {HEAD(1), RR(200, 1, 0, 4), 1, 2, 3, 4}},
	{"A of 3 bytes", -EBADMSG, 0, 34, {HEAD(1), RR(1, 1, 0, 3), 192, 0, 2}},
	{"A of no bytes is skipped", 0, 0, 31, {HEAD(1), RR(1, 1, 0, 0)}},
	{"SRV without target is skipped", 0, 0, 37, {HEAD(1), RR(33, 1, 0, 6), 0, 1, 0, 1, 0, 1}},
	{"PTR to itself by pointer", -EBADMSG, 0, 33, {HEAD(1), RR(12, 1, 0, 2), 0xc0, 31}},
	{"PTR past the end", -EBADMSG, 0, 33, {HEAD(1), RR(12, 1, 0, 2), 5, 'x'}},
	{"TXT string longer than its record", -EBADMSG, 0, 33, {HEAD(1), RR(16, 1, 0, 2), 9, 'x'}},
	{"TSIG", -EBADMSG, 0, 31, {HEAD(1), RR(250, 255, 0, 0)}},
	{"OPT among the answers", -EBADMSG, 0, 30, {HEAD(1), 0, 0, 41, 0, 1, 0, 0, 0, 0, 0, 0}},
	{"no answer, one counted", -EBADMSG, 0, 19, {HEAD(1)}},
	{"none", 0, 0, 19, {HEAD(0)}},
	{"a query", -EBADMSG, 0, 19, {0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1}},
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ntm_dns_response response = {.count = 0};
		int err = ntm_dns_response_parse(&response, rows[i].msg, rows[i].len);
		if (err != rows[i].err || response.count != rows[i].count)
			fail_msg("%s: err %d count %zu", rows[i].what, err, response.count);
	}
}

/* RFC 2181 8: a TTL with the top bit set counts as 0. */
static void test_negative_ttl(void **state)
{
	(void)state;
	static const uint8_t msg[] = {HEAD(1), RR(1, 1, 0x80, 4), 192, 0, 2, 1};
	struct ntm_dns_response response;
	assert_int_equal(ntm_dns_response_parse(&response, msg, sizeof msg), 0);
	assert_int_equal(response.rr[0].ttl_s, 0);
}

static void test_more_answers_than_places(void **state)
{
	(void)state;
	uint8_t msg[19 + 40 * 16] = {HEAD(40)};
	static const uint8_t rr[16] = {RR(1, 1, 0, 4), 192, 0, 2, 1};
	for (size_t i = 0; i < 40; i++)
		memcpy(msg + 19 + i * 16, rr, 16);
	struct ntm_dns_response response;
	assert_int_equal(ntm_dns_response_parse(&response, msg, sizeof msg), 0);
	assert_int_equal(response.count, NTM_DNS_ANSWERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_negative_ttl),
		cmocka_unit_test(test_more_answers_than_places),
	};
	return cmocka_run_group_tests_name("dns_response", tests, NULL, NULL);
}
