/* SPDX-License-Identifier: BSD-2-Clause */
/* Text from the network: UTF-8 that is well formed and harmless on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "words.h"

static void table(void **unused)
{
	static const struct {
		const char *text;
		bool ok;
	} table[] = {
		{"", true},
		{"no such name", true},
		{" !~", true},
		{"kein Anschlu\xc3\x9f", true},
		{"\xc2\xa0", true},                 /* U+00A0, first behind C1 */
		{"\xe9\x9b\xbb\xe8\xa9\xb1", true}, /* telephone, in Japanese */
		{"\xf0\x9f\x93\x9e", true},         /* telephone, as a picture */
		{"\xed\x9f\xbf", true},             /* U+D7FF, last before the surrogates */
		{"a\tb", false},
		{"a\nb", false},
		{"\x1b[31m", false},
		{"\x1f", false},
		{"\x7f", false},
		{"\xc2\x80", false},         /* C1 */
		{"\xc2\x9b", false},         /* CSI */
		{"\xe2\x80\x8f", false},     /* right-to-left mark */
		{"\xe2\x80\xa8", false},     /* line separator */
		{"\xe2\x80\xae", false},     /* right-to-left override */
		{"\xe2\x81\xa6", false},     /* left-to-right isolate */
		{"\xef\xbb\xbf", false},     /* byte order mark */
		{"\xef\xbf\xbf", false},     /* U+FFFF */
		{"\xf0\x9f\xbf\xbe", false}, /* U+1FFFE */
		{"\xf3\xa0\x81\x81", false}, /* tag characters */
		{"\xed\xa0\x80", false},     /* surrogate */
		{"\xf4\x90\x80\x80", false}, /* above U+10FFFF */
		{"\xf8\x88\x80\x80\x80", false},
		{"\x80", false}, /* continuation without a beginning */
		{"\xbf", false},
		{"\xff", false},
		{"\xc0\x80", false}, /* not the shortest form */
		{"\xc1\xbf", false},
		{"\xc0\xaf", false},
		{"\xe0\x9f\xbf", false},
		{"\xf0\x8f\xbf\xbf", false},
		{"\xc3", false}, /* cut */
		{"\xe9\x9b", false},
		{"\xf0\x9f\x93", false},
		{"\xc3z", false}, /* broken off */
		{"\xe9\x9bz", false},
		{"\xe9z\xbb", false},
		{"\xf0\x9f\x93z", false},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(ntm_words_ok((const uint8_t *)table[i].text,
					      strlen(table[i].text)),
				 table[i].ok);
	assert_false(ntm_words_ok((const uint8_t *)"a\0b", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(table)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
