/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the learned keepalive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "keepalive.h"

static struct keepalive behind_nat(int64_t bound_ms)
{
	struct keepalive k = {0};

	keepalive_reset(&k);
	keepalive_set(&k, true, false, bound_ms);
	return k;
}

static void hold(struct keepalive *k, unsigned times)
{
	while (times-- > 0)
		keepalive_held(k, keepalive_ms(k));
}

static void assert_why(const struct keepalive *k, const char *words)
{
	char buf[KEEPALIVE_WORDS];

	assert_string_equal(keepalive_words(k, buf), words);
}

static void without_a_nat_there_is_none(void **state)
{
	struct keepalive k = {0};

	(void)state;
	keepalive_reset(&k);
	assert_int_equal(keepalive_ms(&k), 0);
	keepalive_set(&k, false, false, 15000);
	assert_int_equal(keepalive_ms(&k), 0);
	keepalive_forgot(&k, 20000);
	for (unsigned i = 0; i < 100; i++)
		keepalive_held(&k, 20000);
	assert_why(&k, "none: there is no NAT");
	keepalive_set(&k, true, false, 0);
	assert_int_equal(keepalive_ms(&k), 20000);
	assert_why(&k, "not tried yet");
}

static void a_nat_that_keeps_the_port_teaches_nothing(void **state)
{
	struct keepalive k = {0};

	(void)state;
	keepalive_reset(&k);
	keepalive_set(&k, true, true, 25000);
	assert_int_equal(keepalive_ms(&k), 15000);
	hold(&k, 100);
	assert_int_equal(keepalive_ms(&k), 15000);
	assert_why(&k, "the NAT keeps our port, so it does not show when it forgets us");
	keepalive_reset(&k);
	assert_int_equal(keepalive_ms(&k), 15000);
	keepalive_set(&k, true, true, 10000);
	assert_int_equal(keepalive_ms(&k), 10000);
	assert_why(&k, "the DC wants no longer");
	keepalive_set(&k, true, false, 0); /* another port this time */
	assert_int_equal(keepalive_ms(&k), 20000);
}

static void what_holds_grows_to_25_s(void **state)
{
	struct keepalive k = behind_nat(0);

	(void)state;
	hold(&k, 9);
	assert_int_equal(keepalive_ms(&k), 20000);
	hold(&k, 1);
	assert_int_equal(keepalive_ms(&k), 21000);
	assert_why(&k, "the NAT has held for 20 s");
	hold(&k, 40);
	assert_int_equal(keepalive_ms(&k), 25000);
	hold(&k, 1000);
	assert_int_equal(keepalive_ms(&k), 25000);
	assert_why(&k, "the NAT has held for 25 s");
}

/* Traffic of its own came in between. */
static void shorter_idle_times_are_no_proof(void **state)
{
	struct keepalive k = behind_nat(0);

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		keepalive_held(&k, 10000);
		keepalive_held(&k, 19999);
	}
	assert_int_equal(keepalive_ms(&k), 20000);
	/* Nothing that we could do about it. */
	keepalive_forgot(&k, 14999);
	assert_int_equal(keepalive_ms(&k), 20000);
}

static void what_is_forgotten_shrinks_and_never_grows_again(void **state)
{
	struct keepalive k = behind_nat(0);

	(void)state;
	keepalive_forgot(&k, 20000);
	assert_int_equal(keepalive_ms(&k), 15000);
	assert_why(&k, "the NAT forgot us after 20 s");
	hold(&k, 1000);
	assert_int_equal(keepalive_ms(&k), 19000); /* never 20 again */
	keepalive_forgot(&k, 19000);
	hold(&k, 1000);
	assert_int_equal(keepalive_ms(&k), 18000);
	keepalive_forgot(&k, 15000);
	hold(&k, 1000);
	assert_int_equal(keepalive_ms(&k), 15000);
}

static void growth_ends_at_the_last_that_held(void **state)
{
	struct keepalive k = behind_nat(0);

	(void)state;
	hold(&k, 20); /* 22 s, not tried yet */
	assert_int_equal(keepalive_ms(&k), 22000);
	keepalive_forgot(&k, 22000);
	assert_int_equal(keepalive_ms(&k), 17000);
	hold(&k, 1000);
	assert_int_equal(keepalive_ms(&k), 21000);
	/* What has held before does not any more. */
	keepalive_forgot(&k, 21000);
	assert_int_equal(keepalive_ms(&k), 16000);
	hold(&k, 1000);
	assert_int_equal(keepalive_ms(&k), 20000);
}

static void it_never_leaves_its_bounds(void **state)
{
	struct keepalive k = behind_nat(0);

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		keepalive_forgot(&k, 15000 + i * 100);
		assert_int_equal(keepalive_ms(&k), 15000);
	}
	keepalive_forgot(&k, 3600000);
	assert_int_equal(keepalive_ms(&k), 15000);
	keepalive_held(&k, 3600000);
	hold(&k, 1000);
	assert_int_equal(keepalive_ms(&k), 15000);
}

static void the_dc_may_want_less(void **state)
{
	struct keepalive k = behind_nat(4000);

	(void)state;
	assert_int_equal(keepalive_ms(&k), 4000);
	assert_why(&k, "the DC wants no longer");
	hold(&k, 100);
	keepalive_set(&k, true, false, 22000);
	assert_int_equal(keepalive_ms(&k), 20000);
	/* What is not used is not learned: it stops at the bound. */
	hold(&k, 100);
	assert_int_equal(keepalive_ms(&k), 22000);
	keepalive_set(&k, true, false, 0);
	assert_int_equal(keepalive_ms(&k), 22000);
}

static void another_network_is_another_nat(void **state)
{
	struct keepalive k = behind_nat(24000);

	(void)state;
	keepalive_forgot(&k, 20000);
	keepalive_reset(&k);
	assert_int_equal(keepalive_ms(&k), 20000);
	assert_why(&k, "not tried yet");
	hold(&k, 1000);
	assert_int_equal(keepalive_ms(&k), 24000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_nat_there_is_none),
		cmocka_unit_test(a_nat_that_keeps_the_port_teaches_nothing),
		cmocka_unit_test(what_holds_grows_to_25_s),
		cmocka_unit_test(shorter_idle_times_are_no_proof),
		cmocka_unit_test(what_is_forgotten_shrinks_and_never_grows_again),
		cmocka_unit_test(growth_ends_at_the_last_that_held),
		cmocka_unit_test(it_never_leaves_its_bounds),
		cmocka_unit_test(the_dc_may_want_less),
		cmocka_unit_test(another_network_is_another_nat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
