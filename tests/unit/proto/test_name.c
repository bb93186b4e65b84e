/* SPDX-License-Identifier: BSD-2-Clause */
/* NTM names: what is one, its one spelling, suffixes, and names on the wire. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "name.h"

#define LABEL_63 "abcdefghijklmnopqrstuvwxyz0123456789-_abcdefghijklmnopqrstuvwxy"
#define NAME_120 LABEL_63 ".aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffff"

_Static_assert(sizeof(LABEL_63) == 64, "a label of 63");
_Static_assert(sizeof(NAME_120) == NTM_NAME_MAX + 1, "a name of 120");

static void canon(void **unused)
{
	static const struct {
		const char *name, *canon; /* NULL: no name */
	} table[] = {
		{"phone.ntm.example", "phone.ntm.example"},
		{"Phone.NTM.Example", "phone.ntm.example"},
		{"phone.ntm.example.", "phone.ntm.example"},
		{"AZ-az_09", "az-az_09"},
		{"_ntm._udp.x", "_ntm._udp.x"},
		{"a", "a"},
		{"1.2.3.4", "1.2.3.4"},
		{LABEL_63, LABEL_63},
		{NAME_120, NAME_120},
		{NAME_120 ".", NAME_120},
		{"", NULL},
		{".", NULL},
		{"..", NULL},
		{".a", NULL},
		{"a..", NULL},
		{"a..b", NULL},
		{LABEL_63 "a", NULL},
		{"b." LABEL_63 "a.c", NULL},
		{NAME_120 "f", NULL},
		{NAME_120 "f.", NULL},
		{NAME_120 "..", NULL},
		{" a", NULL},
		{"a ", NULL},
		{"a b", NULL},
		{"a\tb", NULL},
		{"a\nb", NULL},
		{"a/b", NULL},
		{"a:b", NULL},
		{"a@b", NULL},
		{"a[b", NULL},
		{"a`b", NULL},
		{"a{b", NULL},
		{"a\\b", NULL},
		{"a*b", NULL},
		{"\xc3\xa4.de", NULL},
		{"a\x7f", NULL},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char out[NTM_NAME_MAX + 1] = "before";
		int err = ntm_name_canon(out, table[i].name);

		assert_int_equal(err, table[i].canon ? 0 : -EINVAL);
		assert_string_equal(out, table[i].canon ? table[i].canon : "before");
		assert_int_equal(ntm_name_is_canon(table[i].name),
				 table[i].canon && strcmp(table[i].canon, table[i].name) == 0);
	}
}

static void canon_in_place(void **unused)
{
	char name[NTM_NAME_MAX + 1] = "Phone.NTM.";

	(void)unused;
	assert_int_equal(ntm_name_canon(name, name), 0);
	assert_string_equal(name, "phone.ntm");
}

static void under(void **unused)
{
	static const struct {
		const char *name, *suffix;
		bool expected;
	} table[] = {
		{"ntm.example", "ntm.example", true},
		{"a.ntm.example", "ntm.example", true},
		{"b.a.ntm.example", "ntm.example", true},
		{"xntm.example", "ntm.example", false},
		{"x-ntm.example", "ntm.example", false},
		{"example", "ntm.example", false},
		{"ntm.example.org", "ntm.example", false},
		{"ntm.example", "a.ntm.example", false},
		{"a", "", false},
		{"", "", false},
		{"", "a", false},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(ntm_name_under(table[i].name, table[i].suffix), table[i].expected);
}

static void on_the_wire(void **unused)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *name; /* NULL: refused */
	} table[] = {
		{"\003a.b", 4, "a.b"},
		{"\001a", 2, "a"},
		{"\000", 1, NULL},
		{"\003a.b", 3, NULL},
		{"", 0, NULL},
		{"\003A.b", 4, NULL},
		{"\004a.b.", 5, NULL},
		{"\003a\000b", 4, NULL},
		{"\002a\000", 3, NULL},
		{"\170" NAME_120, 121, NAME_120},
		{"\171" NAME_120 "f", 122, NULL},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ntm_rd rd = ntm_rd_init(table[i].bytes, table[i].len);
		char name[NTM_NAME_MAX + 1] = "before";
		uint8_t buf[NTM_NAME_MAX + 1];
		struct ntm_wr wr = ntm_wr_init(buf, sizeof(buf));

		ntm_rd_name_u8(&rd, name);
		assert_int_equal(ntm_rd_done(&rd), table[i].name != NULL);
		assert_int_equal(ntm_rd_err(&rd), table[i].name == NULL);
		assert_string_equal(name, table[i].name ? table[i].name : "");
		if (!table[i].name)
			continue;
		ntm_wr_name_u8(&wr, name);
		assert_false(ntm_wr_err(&wr));
		assert_int_equal(wr.len, table[i].len);
		assert_memory_equal(buf, table[i].bytes, table[i].len);
	}
}

static void writer_refuses_long(void **unused)
{
	uint8_t buf[300];
	struct ntm_wr wr = ntm_wr_init(buf, sizeof(buf));

	(void)unused;
	ntm_wr_name_u8(&wr, NAME_120 "f");
	assert_true(ntm_wr_err(&wr));
}

static void completed(void **unused)
{
	static const struct {
		const char *typed, *name; /* NULL: refused */
	} table[] = {
		{"Bob", "bob.ntm.example"},
		{"bob.ntm.example.", "bob.ntm.example"},
		{"", NULL},
		{".", NULL},
		{"a b", NULL},
		{"a." NAME_120, NULL}, /* not cut to something else */
	};
	char name[NTM_NAME_MAX + 1];

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int err = ntm_name_complete(name, table[i].typed, "ntm.example");

		assert_int_equal(err, table[i].name != NULL ? 0 : -EINVAL);
		if (table[i].name != NULL)
			assert_string_equal(name, table[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canon),       cmocka_unit_test(canon_in_place),
		cmocka_unit_test(completed),   cmocka_unit_test(under),
		cmocka_unit_test(on_the_wire), cmocka_unit_test(writer_refuses_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
