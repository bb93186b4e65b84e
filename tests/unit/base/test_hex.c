/* SPDX-License-Identifier: BSD-2-Clause */
/* Hexadecimal text: there and back, and what is refused. */
#include "ntm/hex.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_round_trip(void **state)
{
	uint8_t all[256], again[256];
	char text[2 * sizeof(all) + 1];
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	ntm_hex_print(all, sizeof(all), text);
	assert_int_equal(strlen(text), 512);
	assert_memory_equal(text, "000102", 6);
	assert_int_equal(ntm_hex_parse(text, again, sizeof(again), &len), 0);
	assert_int_equal(len, sizeof(all));
	assert_memory_equal(again, all, sizeof(all));
	assert_int_equal(ntm_hex_parse("", again, sizeof(again), &len), 0);
	assert_int_equal(len, 0);
}

static void test_refused(void **state)
{
	static const char *const table[] = {"0", "0g", "AB", "00 0", "000102"};
	uint8_t out[2];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(ntm_hex_parse(table[i], out, sizeof(out), &len), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
