/* SPDX-License-Identifier: BSD-2-Clause */
/* Golden bytes as hex text, for the tests of this folder; include after cmocka.h. */
#pragma once

#include <sodium.h>
#include <string.h>

static inline size_t unhex(uint8_t *out, size_t cap, const char *text)
{
	size_t len = 0;

	assert_int_equal(sodium_hex2bin(out, cap, text, strlen(text), " \n", &len, NULL), 0);
	return len;
}

static inline void assert_hex(const uint8_t *data, size_t len, const char *text)
{
	uint8_t expected[2048];

	assert_int_equal(len, unhex(expected, sizeof(expected), text));
	assert_memory_equal(data, expected, len);
}
