/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration: sections with titles, lists of prefixes and of names. */
#include "ntm/conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct way {
	char *title;
	struct ntm_prefixes prefixes;
	struct ntm_strings names;
	int64_t count;
};

struct conf {
	bool on;
	struct {
		size_t count;
		struct way item[3];
	} ways;
};

static const struct ntm_opt node_opts[] = {
	{"on", NTM_OPT_BOOL, offsetof(struct conf, on), "yes", 0, 0, NULL, "whether it is"},
	{0},
};
static const struct ntm_opt way_opts[] = {
	{"NAME", NTM_OPT_TITLE, offsetof(struct conf, ways), NULL, sizeof(struct way), 3, NULL,
	 "Ways out."},
	{"prefixes", NTM_OPT_PREFIXES, offsetof(struct way, prefixes), "", 8, 16, NULL, "where to"},
	{"names", NTM_OPT_NAMES, offsetof(struct way, names), "a.example", 0, 0, NULL, "whom"},
	{"count", NTM_OPT_INT, offsetof(struct way, count), "5", 0, 9, NULL, "how many"},
	{0},
};
static const struct ntm_section sections[] = {{"node", node_opts}, {"way", way_opts}, {0}};

static struct conf good(const char *text)
{
	struct conf conf;
	char err[1000];

	memset(&conf, 0xa5, sizeof(conf));
	int rc = ntm_conf_read_text(text, "f", sections, &conf, err, sizeof(err));
	assert_string_equal(err, "");
	assert_int_equal(rc, 0);
	return conf;
}

static void bad(const char *text, const char *expected)
{
	struct conf conf;
	char err[1000];

	memset(&conf, 0xa5, sizeof(conf));
	assert_int_equal(ntm_conf_read_text(text, "f", sections, &conf, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, expected);
	assert_int_equal(conf.ways.count, 0);
}

static void none_is_the_default(void **state)
{
	struct conf conf = good("node { on = no }");

	(void)state;
	assert_int_equal(conf.ways.count, 0);
	ntm_conf_free(sections, &conf);
}

static void each_has_its_values(void **state)
{
	struct conf conf = good("way \"one\" {\n names = { \"B.Example.\", \"c\" }\n count = 7\n}\n"
				"node { }\nway two.example { }\n"
				"way 'three' {\n count = 1\n prefixes = { \"10.0.0.0/8\" }\n}\n");

	(void)state;
	assert_int_equal(conf.ways.count, 3);
	assert_string_equal(conf.ways.item[0].title, "one");
	assert_int_equal(conf.ways.item[0].names.count, 2);
	assert_string_equal(conf.ways.item[0].names.item[0], "B.Example."); /* as written */
	assert_int_equal(conf.ways.item[0].count, 7);
	/* Presets, also of a section with nothing in it. */
	assert_string_equal(conf.ways.item[1].title, "two.example");
	assert_int_equal(conf.ways.item[1].count, 5);
	assert_string_equal(conf.ways.item[1].names.item[0], "a.example");
	assert_int_equal(conf.ways.item[2].prefixes.count, 1);
	assert_int_equal(conf.ways.item[2].count, 1);
	ntm_conf_free(sections, &conf);
	assert_int_equal(conf.ways.count, 0);
	assert_null(conf.ways.item[0].title);
}

static void errors_have_their_line(void **state)
{
	(void)state;
	bad("way { }", "f:1: missing title for section 'way'");
	bad("way \"one\" {\n count = 7\n count = 8\n}", "f:3: count: given twice, first in line 2");
	bad("way \"one\" { }\nway \"one\" { }", "f:2: found duplicate title 'one'");
	bad("way \"a\" { }\nway \"b\" { }\nway \"c\" { }\nway \"d\" { }",
	    "f:4: more than 3 sections of that name");
	bad("way \"a b\" { }",
	    "f:1: NAME: expected a name such as gw or gw.example.org, got 'a b'");
	bad("way \"one\" {\n names = { \"a\", \"b_c-1\",\n \"-..x\" }\n}",
	    "f:3: names: expected DNS names such as sip.example.org, got '-..x'");
	bad("way \"one\" {\n prefixes = { \"10.0.0.0/7\" }\n}",
	    "f:2: prefixes: expected prefixes such as 192.0.2.0/24, host bits zero, of addresses "
	    "that can be sent to, not wider than /8 (IPv4) and /16 (IPv6); or 0.0.0.0/0 or ::/0, "
	    "everything, got '10.0.0.0/7'");
}

static void the_sample_has_one(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	ntm_conf_print_sample(sections, out);
	fclose(out);
	assert_non_null(strstr(text, "\n# Ways out.\n#way \"NAME\" {\n\t# where to ("));
	assert_non_null(strstr(text, "\t#names = { \"a.example\" }\n"));
	assert_non_null(strstr(text, "\t#count = 5\n#}\n"));
	struct conf conf = good(text);
	assert_int_equal(conf.ways.count, 0);
	ntm_conf_free(sections, &conf);
	free(text);
}

/* RFC 1035 2.3.4: 253 characters at most, of labels of 63. */
static void long_names(void **state)
{
	char name[260] = "", text[400], err[500];
	struct conf conf;

	(void)state;
	for (int i = 0; i < 253; i++)
		strcat(name, i % 64 == 63 ? "." : "x");
	snprintf(text, sizeof(text), "way \"one\" {\n names = \"%s\"\n}", name);
	conf = good(text);
	assert_string_equal(conf.ways.item[0].names.item[0], name);
	ntm_conf_free(sections, &conf);
	strcat(name, "x");
	snprintf(text, sizeof(text), "way \"one\" {\n names = \"%s\"\n}", name);
	snprintf(err, sizeof(err),
		 "f:2: names: expected DNS names such as sip.example.org, got '%.80s'", name);
	bad(text, err);
	bad("way \"one\" {\n names = \"\"\n}",
	    "f:2: names: expected DNS names such as sip.example.org, got ''");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_is_the_default),    cmocka_unit_test(each_has_its_values),
		cmocka_unit_test(errors_have_their_line), cmocka_unit_test(long_names),
		cmocka_unit_test(the_sample_has_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
