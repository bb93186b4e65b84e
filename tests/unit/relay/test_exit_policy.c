/* SPDX-License-Identifier: BSD-2-Clause */
/* What a gateway lets nodes reach: a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "exit_policy.h"

static struct exit_policy policy_of(bool allow_private)
{
	struct exit_policy policy = {.allow_private = allow_private, .own_count = 3};

	policy.prefixes.count = 2;
	assert_int_equal(ntm_prefix_parse(&policy.prefixes.item[0], "198.18.0.0/16"), 0);
	assert_int_equal(ntm_prefix_parse(&policy.prefixes.item[1], "fd00:1:2::/64"), 0);
	assert_int_equal(ntm_ip_parse(&policy.own[0], "203.0.113.5"), 0);
	assert_int_equal(ntm_ip_parse(&policy.own[1], "2001:db8::5"), 0);
	assert_int_equal(ntm_ip_parse(&policy.own[2], "192.168.7.1"), 0);
	assert_int_equal(ntm_ip_parse(&policy.outside, "203.0.113.7"), 0);
	return policy;
}

static void a_table(void **state)
{
	static const struct {
		const char *dst;
		enum exit_verdict strict, open;
	} cases[] = {
		{"192.0.2.1", EXIT_ALLOWED, EXIT_ALLOWED},
		{"203.0.113.6", EXIT_ALLOWED, EXIT_ALLOWED},
		{"2001:db8::6", EXIT_ALLOWED, EXIT_ALLOWED},
		{"8.8.8.8", EXIT_ALLOWED, EXIT_ALLOWED},
		{"11.0.0.1", EXIT_ALLOWED, EXIT_ALLOWED},
		{"172.15.255.255", EXIT_ALLOWED, EXIT_ALLOWED},
		{"172.32.0.0", EXIT_ALLOWED, EXIT_ALLOWED},
		{"100.63.255.255", EXIT_ALLOWED, EXIT_ALLOWED},
		{"100.128.0.0", EXIT_ALLOWED, EXIT_ALLOWED},
		{"2001:4860::8888", EXIT_ALLOWED, EXIT_ALLOWED},
		{"198.18.0.1", EXIT_VIRTUAL, EXIT_VIRTUAL},
		{"198.18.255.255", EXIT_VIRTUAL, EXIT_VIRTUAL},
		{"fd00:1:2::9", EXIT_VIRTUAL, EXIT_VIRTUAL},
		{"203.0.113.5", EXIT_OWN, EXIT_OWN},
		{"2001:db8::5", EXIT_OWN, EXIT_OWN},
		{"192.168.7.1", EXIT_OWN, EXIT_OWN},
		{"203.0.113.7", EXIT_OWN, EXIT_OWN},
		{"168.63.129.16", EXIT_PRIVATE, EXIT_ALLOWED},
		{"168.63.129.17", EXIT_ALLOWED, EXIT_ALLOWED},
		{"::10.0.0.1", EXIT_PRIVATE, EXIT_ALLOWED},
		{"::ffff:0:10.0.0.1", EXIT_PRIVATE, EXIT_ALLOWED},
		{"127.0.0.1", EXIT_UNUSABLE, EXIT_UNUSABLE},
		{"127.255.255.254", EXIT_UNUSABLE, EXIT_UNUSABLE},
		{"::1", EXIT_UNUSABLE, EXIT_UNUSABLE},
		{"::", EXIT_UNUSABLE, EXIT_UNUSABLE},
		{"0.0.0.0", EXIT_UNUSABLE, EXIT_UNUSABLE},
		{"0.1.2.3", EXIT_UNUSABLE, EXIT_UNUSABLE},
		{"169.254.169.254", EXIT_UNUSABLE, EXIT_UNUSABLE},
		{"fe80::1", EXIT_UNUSABLE, EXIT_UNUSABLE},
		{"224.0.0.251", EXIT_UNUSABLE, EXIT_UNUSABLE},
		{"239.255.255.255", EXIT_UNUSABLE, EXIT_UNUSABLE},
		{"ff02::fb", EXIT_UNUSABLE, EXIT_UNUSABLE},
		{"240.0.0.1", EXIT_UNUSABLE, EXIT_UNUSABLE},
		{"255.255.255.255", EXIT_UNUSABLE, EXIT_UNUSABLE},
		{"10.0.0.1", EXIT_PRIVATE, EXIT_ALLOWED},
		{"172.16.0.1", EXIT_PRIVATE, EXIT_ALLOWED},
		{"172.31.255.255", EXIT_PRIVATE, EXIT_ALLOWED},
		{"192.168.0.1", EXIT_PRIVATE, EXIT_ALLOWED},
		{"100.64.0.1", EXIT_PRIVATE, EXIT_ALLOWED},
		{"100.127.255.255", EXIT_PRIVATE, EXIT_ALLOWED},
		{"198.19.0.1", EXIT_PRIVATE, EXIT_ALLOWED},
		{"192.0.0.8", EXIT_PRIVATE, EXIT_ALLOWED},
		{"fc00::1", EXIT_PRIVATE, EXIT_ALLOWED},
		{"fd00:1:3::9", EXIT_PRIVATE, EXIT_ALLOWED},
		{"fec0::1", EXIT_PRIVATE, EXIT_ALLOWED},
		{"2002:0a00:0001::1", EXIT_PRIVATE, EXIT_ALLOWED},
		{"2001:0:1::1", EXIT_PRIVATE, EXIT_ALLOWED},
		/* IPv4 in NAT64 is judged as itself. */
		{"64:ff9b::192.0.2.1", EXIT_ALLOWED, EXIT_ALLOWED},
		{"64:ff9b::10.0.0.1", EXIT_PRIVATE, EXIT_ALLOWED},
		{"64:ff9b::127.0.0.1", EXIT_UNUSABLE, EXIT_UNUSABLE},
		{"64:ff9b::198.18.0.1", EXIT_VIRTUAL, EXIT_VIRTUAL},
		{"64:ff9b::203.0.113.5", EXIT_OWN, EXIT_OWN},
		{"64:ff9b:1::1", EXIT_PRIVATE, EXIT_ALLOWED},
	};
	const struct exit_policy strict = policy_of(false), open = policy_of(true);
	struct ntm_ip ip;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ntm_ip_parse(&ip, cases[i].dst), 0);
		if (exit_policy_check(&strict, &ip) != cases[i].strict)
			fail_msg("%s is %s", cases[i].dst,
				 exit_verdict_name(exit_policy_check(&strict, &ip)));
		if (exit_policy_check(&open, &ip) != cases[i].open)
			fail_msg("%s is %s with exit_private", cases[i].dst,
				 exit_verdict_name(exit_policy_check(&open, &ip)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_table)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
