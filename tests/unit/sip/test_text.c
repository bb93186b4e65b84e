/* SPDX-License-Identifier: BSD-2-Clause */
/* Cutting text: lines, words, fields, numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sip_help.h"

static void assert_text(struct sip_text text, const char *expected)
{
	assert_int_equal(text.len, strlen(expected));
	assert_memory_equal(text.p, expected, text.len);
}

static void lines(void **unused)
{
	struct sip_text rest = text_of("a\r\nb\n\r\n\nc\r"), line;
	static const char *const expected[] = {"a", "b", "", "", "c"};

	(void)unused;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_true(sip_text_line(&rest, &line));
		assert_text(line, expected[i]);
	}
	assert_false(sip_text_line(&rest, &line));
}

static void words(void **unused)
{
	struct sip_text rest = text_of("  IN\t IP4 x "), word;

	(void)unused;
	assert_true(sip_text_word(&rest, &word));
	assert_text(word, "IN");
	assert_true(sip_text_word(&rest, &word));
	assert_text(word, "IP4");
	assert_true(sip_text_word(&rest, &word));
	assert_text(word, "x");
	assert_false(sip_text_word(&rest, &word));
}

static void fields(void **unused)
{
	struct sip_text rest = text_of("a;;b"), part;

	(void)unused;
	assert_true(sip_text_cut(&rest, ';', &part));
	assert_text(part, "a");
	assert_true(sip_text_cut(&rest, ';', &part));
	assert_text(part, "");
	assert_false(sip_text_cut(&rest, ';', &part));
	assert_text(part, "b");
	assert_int_equal(rest.len, 0);
	assert_text(sip_text_trim(text_of(" \ta b\t ")), "a b");
	assert_text(sip_text_trim(text_of(" \t ")), "");
}

static void words_compare(void **unused)
{
	(void)unused;
	assert_true(sip_text_is(text_of("cALL-id"), "Call-ID"));
	assert_false(sip_text_is(text_of("Call-IDs"), "Call-ID"));
	assert_false(sip_text_is(text_of("Call-I"), "Call-ID"));
	assert_true(sip_text_is(text_of(""), ""));
	assert_false(sip_text_is((struct sip_text){NULL, 0}, "x"));
	assert_true(sip_text_starts(text_of("v=0"), "V="));
	assert_false(sip_text_starts(text_of("v"), "v="));
}

static void numbers(void **unused)
{
	static const struct {
		const char *text;
		size_t max;
		long expected; /* -1: refused */
	} rows[] = {
		{"0", 0, 0},
		{"1", 0, -1},
		{"65535", 65535, 65535},
		{"65536", 65535, -1},
		{"000017", 17, 17},
		{"", 9, -1},
		{"-1", 9, -1},
		{"+1", 9, -1},
		{"1 ", 9, -1},
		{"0x1", 9, -1},
		{"4294967496", 65535, -1},
		{"18446744073709551617", SIZE_MAX, -1},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t value = 77;
		bool ok = sip_text_uint(text_of(rows[i].text), rows[i].max, &value);

		assert_int_equal(ok ? (long)value : -1, rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),   cmocka_unit_test(words),
		cmocka_unit_test(fields),  cmocka_unit_test(words_compare),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
