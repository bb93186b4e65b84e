/* SPDX-License-Identifier: BSD-2-Clause */
/* Response rate limit: 20 a second for a network, every second one over it slips. */
#include "rrl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t key[16] = {1, 2, 3};

static struct ntm_ip v6(const char *text)
{
	struct ntm_ip ip;
	assert_int_equal(ntm_ip_parse(&ip, text), 0);
	return ip;
}

static unsigned sent_of(struct rrl *rrl, const struct ntm_ip *ip, unsigned count, int64_t now_ms)
{
	unsigned sent = 0;
	for (unsigned i = 0; i < count; i++)
		sent += rrl_check(rrl, ip, now_ms) == RRL_SEND;
	return sent;
}

static void test_rate_and_slip(void **state)
{
	(void)state;
	struct rrl *rrl = rrl_new(RRL_RATE_PER_S, key);
	struct ntm_ip ip = ntm_ip_v4(192, 0, 2, 1);
	assert_int_equal(sent_of(rrl, &ip, 20, 1000), 20);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(rrl_check(rrl, &ip, 1000), RRL_DROP);
		assert_int_equal(rrl_check(rrl, &ip, 1000), RRL_TRUNCATE);
	}
	assert_int_equal(sent_of(rrl, &ip, 20, 1500), 10);
	assert_int_equal(rrl_counters(rrl)->sent, 30);
	assert_int_equal(rrl_counters(rrl)->truncated, 4 + 5);
	assert_int_equal(rrl_counters(rrl)->dropped, 4 + 5);
	rrl_free(rrl);
}

static void test_networks(void **state)
{
	(void)state;
	struct rrl *rrl = rrl_new(RRL_RATE_PER_S, key);
	struct ntm_ip a = ntm_ip_v4(192, 0, 2, 1), same = ntm_ip_v4(192, 0, 2, 255);
	struct ntm_ip other = ntm_ip_v4(192, 0, 3, 1);
	assert_int_equal(sent_of(rrl, &a, 20, 0), 20);
	assert_int_equal(sent_of(rrl, &same, 1, 0), 0);
	assert_int_equal(sent_of(rrl, &other, 20, 0), 20);

	struct ntm_ip a6 = v6("2001:db8:0:100::1"), same6 = v6("2001:db8:0:1ff:9::1");
	struct ntm_ip other6 = v6("2001:db8:0:200::1");
	assert_int_equal(sent_of(rrl, &a6, 20, 0), 20);
	assert_int_equal(sent_of(rrl, &same6, 1, 0), 0);
	assert_int_equal(sent_of(rrl, &other6, 20, 0), 20);
	rrl_free(rrl);
}

/* More networks at once than places: what all get together stays bounded, and nobody is reset. */
static void test_flood_of_networks(void **state)
{
	(void)state;
	struct rrl *rrl = rrl_new(RRL_RATE_PER_S, key);
	struct ntm_ip victim = ntm_ip_v4(203, 0, 113, 1);
	unsigned to_victim = sent_of(rrl, &victim, 100, 0);
	unsigned sent = 0;
	for (unsigned net = 0; net < 20000; net++) {
		struct ntm_ip ip = ntm_ip_v4(10, (uint8_t)(net >> 8), (uint8_t)net, 1);
		sent += sent_of(rrl, &ip, 21, 0);
	}
	to_victim += sent_of(rrl, &victim, 100, 0);
	assert_true(sent <= RRL_PLACES * RRL_RATE_PER_S);
	assert_int_equal(to_victim, RRL_RATE_PER_S);

	struct ntm_ip late = ntm_ip_v4(203, 0, 114, 1);
	assert_int_equal(sent_of(rrl, &late, 20, 2000), 20); /* idle places are free again */
	rrl_free(rrl);
}

static void test_no_limit(void **state)
{
	(void)state;
	struct rrl *rrl = rrl_new(0, key);
	struct ntm_ip ip = ntm_ip_v4(192, 0, 2, 1);
	assert_int_equal(sent_of(rrl, &ip, 1000, 0), 1000);
	rrl_free(rrl);
	rrl_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate_and_slip),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_flood_of_networks),
		cmocka_unit_test(test_no_limit),
	};
	return cmocka_run_group_tests_name("rrl", tests, NULL, NULL);
}
