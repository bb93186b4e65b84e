/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys as text: base64 with one spelling, fingerprints. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ntm/cert.h"

static const char golden[] = "4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v8=";

static void fill(uint8_t key[static 32])
{
	for (uint8_t i = 0; i < 32; i++)
		key[i] = (uint8_t)(0xe0 + i);
}

static void round_trip(void **unused)
{
	uint8_t key[32], back[32] = {0};
	char text[NTM_KEY_STR];

	(void)unused;
	fill(key);
	assert_ptr_equal(ntm_key_str(key, text), text);
	assert_string_equal(text, golden);
	assert_int_equal(ntm_key_parse(back, text), 0);
	assert_memory_equal(back, key, 32);
}

static void refused(void **unused)
{
	static const char *const table[] = {
		"",
		"4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v8",   /* padding gone */
		"4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v8==", /* too much of it */
		"4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v9=",  /* unused bits */
		"4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb3-Pn6-_z9_v8=",  /* the other alphabet */
		" 4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v8=",
		"4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v8=\n",
		"4OHi4+Tl5ufo6err7O3u7 Dx8vP09fb3+Pn6+/z9/v8=",
		"4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9//8A", /* 33 bytes */
		"4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/w==", /* 31 bytes */
	};
	uint8_t key[32], before[32];

	(void)unused;
	fill(key);
	fill(before);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(ntm_key_parse(key, table[i]), -EINVAL);
	for (size_t len = 0; len < sizeof(golden) - 1; len++) {
		char cut[NTM_KEY_STR];

		snprintf(cut, sizeof(cut), "%.*s", (int)len, golden);
		assert_int_equal(ntm_key_parse(key, cut), -EINVAL);
	}
	assert_memory_equal(key, before, 32);
}

static void fingerprint(void **unused)
{
	uint8_t key[32];
	char text[NTM_FINGERPRINT_STR];

	(void)unused;
	memset(key, 0x42, sizeof(key));
	assert_ptr_equal(ntm_fingerprint(key, text), text);
	assert_string_equal(text, "7538:b849:57fd:8dd9"); /* by Python's hashlib */
	key[31] ^= 1;
	assert_string_not_equal(ntm_fingerprint(key, text), "7538:b849:57fd:8dd9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(refused),
		cmocka_unit_test(fingerprint),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
