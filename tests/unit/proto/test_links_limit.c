/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits on INITIATIONs: by load, by network, and what a right cookie changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "link_priv.h"

static struct ntm_addr v4(uint8_t net, uint8_t host)
{
	return (struct ntm_addr){ntm_ip_v4(10, 1, net, host), 4330};
}

static struct ntm_addr v6(uint8_t net, uint8_t low)
{
	uint8_t bytes[16] = {0x20, 1, 0xd, 0xb8, 0, 0, net, low, low, [15] = low};

	return (struct ntm_addr){ntm_ip_from_bytes(6, bytes), 4330};
}

/* Networks of these tests meet in a bucket by the key; this one keeps them apart. */
static void init(struct links_limit *limit)
{
	links_limit_init(limit, 0);
	memset(limit->hash_key, 1, sizeof(limit->hash_key));
}

static unsigned passes(struct links_limit *limit, const struct ntm_addr *from, unsigned tries,
		       int64_t now_ms)
{
	unsigned count = 0;

	while (tries-- > 0)
		count += links_limit_judge(limit, from, false, now_ms) == LINKS_PASS;
	return count;
}

static void by_network(void **unused)
{
	static struct links_limit limit;
	struct ntm_addr addr;

	(void)unused;
	init(&limit);
	for (uint8_t i = 0; i < 20; i++) {
		addr = v4(1, i);
		assert_int_equal(links_limit_judge(&limit, &addr, false, 0),
				 i < LINKS_SOURCE_BURST ? LINKS_PASS : LINKS_PROVE);
	}
	addr = v4(2, 1);
	assert_int_equal(passes(&limit, &addr, 1, 0), 1);
	addr = v4(1, 99);
	assert_int_equal(passes(&limit, &addr, 9, 50), 1); /* 20 a second */
	for (uint8_t i = 0; i < 20; i++) {
		addr = v6(1, i);
		assert_int_equal(links_limit_judge(&limit, &addr, false, 0),
				 i < LINKS_SOURCE_BURST ? LINKS_PASS : LINKS_PROVE);
	}
	addr = v6(2, 1);
	assert_int_equal(passes(&limit, &addr, 1, 0), 1);
}

static void by_load(void **unused)
{
	static struct links_limit limit;
	struct ntm_addr addr = v4(1, 1);
	unsigned passed = 0;

	(void)unused;
	init(&limit);
	for (unsigned i = 0; i < 1000; i++) {
		addr.ip = ntm_ip_v4((uint8_t)(i >> 2), (uint8_t)i, 0, 1);
		passed += passes(&limit, &addr, 1, 0);
	}
	assert_in_range(passed, 150, LINKS_LOAD_PER_S);
	/* A cookie helps, up to what the machine can compute. */
	unsigned proven = 0;
	for (unsigned i = 0; i < 2 * LINKS_DH_PER_S; i++) {
		addr = v4((uint8_t)i, 1);
		proven += links_limit_judge(&limit, &addr, true, 0) == LINKS_PASS;
	}
	assert_int_equal(proven, LINKS_DH_PER_S - passed);
	assert_int_equal(links_limit_judge(&limit, &addr, true, 0), LINKS_DROP);
	assert_int_equal(links_limit_judge(&limit, &addr, true, 1000), LINKS_PASS);
	assert_int_equal(links_limit_judge(&limit, &addr, false, 1000), LINKS_PASS);
}

/* Who has been answered once, and floods, takes from his own network only. */
static void by_network_proven(void **unused)
{
	static struct links_limit limit;
	unsigned initiations = 0, finals = 0;
	struct ntm_addr addr;

	(void)unused;
	init(&limit);
	for (unsigned i = 0; i < 2 * LINKS_DH_PER_S; i++) {
		addr = v4(1, (uint8_t)i);
		initiations += links_limit_judge(&limit, &addr, true, 0) == LINKS_PASS;
		finals += links_limit_final(&limit, &addr, 0);
	}
	assert_int_equal(initiations + finals, LINKS_PROVEN_PER_S);
	assert_true(initiations > 0 && finals > 0);
	addr = v4(2, 1);
	assert_int_equal(links_limit_judge(&limit, &addr, true, 0), LINKS_PASS);
	assert_true(links_limit_final(&limit, &addr, 0));
	addr = v6(1, 1);
	assert_int_equal(links_limit_judge(&limit, &addr, true, 0), LINKS_PASS);
	addr = v6(2, 1);
	assert_true(links_limit_final(&limit, &addr, 0));
	addr = v4(1, 1);
	assert_false(links_limit_final(&limit, &addr, 1));
	assert_true(links_limit_final(&limit, &addr, 2)); /* 500 a second */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_network),
		cmocka_unit_test(by_load),
		cmocka_unit_test(by_network_proven),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
