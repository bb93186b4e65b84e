/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration: every type, every error with its line, and what libconfuse would let pass. */
#include "ntm/conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct conf {
	char *name, *unset, *dir;
	bool on;
	int64_t count, any;
	int64_t wait_ms, any_ms;
	int hold;
	struct ntm_addr dc;
	struct ntm_prefix prefix;
	struct ntm_strings domains;
	struct ntm_ports ports;
	struct ntm_addrs servers;
};

#define OPT(name, type, member, preset, ...)                                   \
	{                                                                      \
		name, type, offsetof(struct conf, member), preset, __VA_ARGS__ \
	}
static const struct ntm_opt node_opts[] = {
	OPT("name", NTM_OPT_STRING, name, "a \"b\" \\", 0, 0, NULL, "what it is called"),
	OPT("unset", NTM_OPT_STRING, unset, NULL, 0, 0, NULL, "what is unknown"),
	OPT("dir", NTM_OPT_PATH, dir, "/var/lib/ntm", 0, 0, NULL, "where it is"),
	OPT("on", NTM_OPT_BOOL, on, "yes", 0, 0, NULL, "whether it is"),
	OPT("count", NTM_OPT_INT, count, "5", -10, 10, NULL, "how many"),
	OPT("any", NTM_OPT_INT, any, NULL, 0, 0, NULL, "any number"),
	OPT("wait", NTM_OPT_MS, wait_ms, "20s", 1000, 300000, NULL, "how long"),
	OPT("any_time", NTM_OPT_MS, any_ms, NULL, 0, 0, NULL, "any time"),
	{0},
};
static const struct ntm_opt sip_opts[] = {
	OPT("hold", NTM_OPT_ENUM, hold, "caller", 0, 0, "both|caller|off", "who holds"),
	OPT("dc", NTM_OPT_ADDR, dc, "192.0.2.1", 4330, 0, NULL, "who directs"),
	OPT("prefix", NTM_OPT_PREFIX, prefix, "198.18.0.0/16", 0, 0, NULL, "which are ours"),
	OPT("domains", NTM_OPT_STRINGS, domains, "a.example b.example", 0, 0, NULL, "names"),
	OPT("ports", NTM_OPT_PORTS, ports, "5060", 0, 0, NULL, "where SIP goes"),
	OPT("servers", NTM_OPT_ADDRS, servers, NULL, 53, 0, NULL, "who is asked"),
	{0},
};
static const struct ntm_section sections[] = {{"node", node_opts}, {"sip", sip_opts}, {0}};

static const struct conf empty;

static struct conf good(const char *text)
{
	struct conf conf;
	char err[1000];
	int rc;

	memset(&conf, 0xa5, sizeof(conf));
	rc = ntm_conf_read_text(text, "f", sections, &conf, err, sizeof(err));
	assert_string_equal(err, "");
	assert_int_equal(rc, 0);
	return conf;
}

/* Members one by one: padding is nobody's. */
static void assert_empty(const struct conf *conf)
{
	assert_true(!conf->name && !conf->unset && !conf->dir && !conf->on);
	assert_true(conf->count == 0 && conf->any == 0 && conf->wait_ms == 0 && conf->any_ms == 0);
	assert_int_equal(conf->hold, 0);
	assert_memory_equal(&conf->dc, &empty.dc, sizeof(empty.dc));
	assert_memory_equal(&conf->prefix, &empty.prefix, sizeof(empty.prefix));
	assert_memory_equal(&conf->domains, &empty.domains, sizeof(empty.domains));
	assert_memory_equal(&conf->ports, &empty.ports, sizeof(empty.ports));
	assert_memory_equal(&conf->servers, &empty.servers, sizeof(empty.servers));
}

static void bad(const char *text, const char *expected)
{
	struct conf conf;
	char err[1000];

	memset(&conf, 0xa5, sizeof(conf));
	assert_int_equal(ntm_conf_read_text(text, "f", sections, &conf, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, expected);
	assert_empty(&conf);
}

static void assert_addr(const struct ntm_addr *addr, const char *text)
{
	char buf[NTM_ADDR_STR];

	assert_string_equal(ntm_addr_str(addr, buf), text);
}

static void assert_presets(const struct conf *conf)
{
	char buf[NTM_PREFIX_STR];

	assert_string_equal(conf->name, "a \"b\" \\");
	assert_string_equal(conf->dir, "/var/lib/ntm");
	assert_true(conf->on);
	assert_int_equal(conf->count, 5);
	assert_int_equal(conf->wait_ms, 20000);
	assert_int_equal(conf->hold, 1);
	assert_addr(&conf->dc, "192.0.2.1:4330");
	assert_string_equal(ntm_prefix_str(&conf->prefix, buf), "198.18.0.0/16");
	assert_int_equal(conf->domains.count, 2);
	assert_string_equal(conf->domains.item[0], "a.example");
	assert_string_equal(conf->domains.item[1], "b.example");
	assert_int_equal(conf->ports.count, 1);
	assert_int_equal(conf->ports.item[0], 5060);
}

static void nothing_gives_the_presets(void **unused)
{
	static const char *const texts[] = {"",     "\n",      "# x",
					    "#",    "#\n",     "//",
					    "/**/", "node {}", "node {\n}\nsip {}\n"};

	(void)unused;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct conf conf = good(texts[i]);

		assert_presets(&conf);
		assert_null(conf.unset);
		assert_int_equal(conf.any, 0);
		assert_int_equal(conf.any_ms, 0);
		assert_int_equal(conf.servers.count, 0);
		ntm_conf_free(sections, &conf);
		assert_empty(&conf);
		ntm_conf_free(sections, &conf);
	}
}

static void every_type(void **unused)
{
	struct conf conf = good("sip {\n"
				"  hold = off  dc = [2001:db8::1]:99\n"
				"  prefix = 10.0.0.0/8\n"
				"  domains = { x, \"y z\",\n\t'w' }\n"
				"  ports = { 1, 65535 }\n"
				"  servers = { 192.0.2.9, \"192.0.2.8:54\", }\n"
				"}\n"
				"node {\n"
				"  name = \"q \\\" \\\\ ' # // /* { } = , ; \xc3\xa4\"\n"
				"  unset = ''\n"
				"  dir = /a//b/\n"
				"  on = no  count = -10  any = -9223372036854775808\n"
				"  wait = 5m  any_time = 7d\n"
				"}");
	char buf[NTM_PREFIX_STR];

	(void)unused;
	assert_int_equal(conf.hold, 2);
	assert_addr(&conf.dc, "[2001:db8::1]:99");
	assert_string_equal(ntm_prefix_str(&conf.prefix, buf), "10.0.0.0/8");
	assert_int_equal(conf.domains.count, 3);
	assert_string_equal(conf.domains.item[0], "x");
	assert_string_equal(conf.domains.item[1], "y z");
	assert_string_equal(conf.domains.item[2], "w");
	assert_int_equal(conf.ports.count, 2);
	assert_int_equal(conf.ports.item[0], 1);
	assert_int_equal(conf.ports.item[1], 65535);
	assert_int_equal(conf.servers.count, 2);
	assert_addr(&conf.servers.item[0], "192.0.2.9:53");
	assert_addr(&conf.servers.item[1], "192.0.2.8:54");
	assert_string_equal(conf.name, "q \" \\ ' # // /* { } = , ; \xc3\xa4");
	assert_string_equal(conf.unset, "");
	assert_string_equal(conf.dir, "/a//b/");
	assert_false(conf.on);
	assert_int_equal(conf.count, -10);
	assert_true(conf.any == INT64_MIN);
	assert_int_equal(conf.wait_ms, 300000);
	assert_int_equal(conf.any_ms, 604800000);
	ntm_conf_free(sections, &conf);
}

static void times(void **unused)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{"0ms", 0},
		{"200ms", 200},
		{"20s", 20000},
		{"5m", 300000},
		{"24h", 86400000},
		{"7d", 604800000},
		{"106751991167d", 106751991167 * 86400000},
		{"9223372036854775807ms", INT64_MAX},
	};
	char text[100];

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf conf;

		snprintf(text, sizeof(text), "node { any_time = %s }", cases[i].text);
		conf = good(text);
		assert_true(conf.any_ms == cases[i].ms);
		ntm_conf_free(sections, &conf);
	}
}

static void booleans(void **unused)
{
	static const struct {
		const char *text;
		bool on;
	} cases[] = {{"yes", true}, {"true", true},   {"on", true},
		     {"no", false}, {"false", false}, {"off", false}};
	char text[100];

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf conf;

		snprintf(text, sizeof(text), "node { on = %s }", cases[i].text);
		conf = good(text);
		assert_int_equal(conf.on, cases[i].on);
		ntm_conf_free(sections, &conf);
	}
}

static void lists(void **unused)
{
	struct conf conf = good("sip { ports = {} domains = { # none\n } servers = 192.0.2.1 }");

	(void)unused;
	assert_int_equal(conf.ports.count, 0);
	assert_int_equal(conf.domains.count, 0);
	assert_int_equal(conf.servers.count, 1);
	ntm_conf_free(sections, &conf);

#define EIGHT      "1,2,3,4,5,6,7,8"
#define SIXTY_FOUR EIGHT "," EIGHT "," EIGHT "," EIGHT "," EIGHT "," EIGHT "," EIGHT "," EIGHT
	conf = good("sip { ports = {" SIXTY_FOUR "} domains = {" SIXTY_FOUR "} }");
	assert_int_equal(conf.ports.count, NTM_LIST_MAX);
	assert_int_equal(conf.ports.item[63], 8);
	assert_int_equal(conf.domains.count, NTM_LIST_MAX);
	assert_string_equal(conf.domains.item[63], "8");
	assert_null(conf.domains.item[64]);
	ntm_conf_free(sections, &conf);
	bad("sip {\nports = {" SIXTY_FOUR ",\n17} }", "f:3: ports: more than 64 values");
	bad("sip { domains = {" SIXTY_FOUR ",a,b} }",
	    "f:1: domains: more than 64 values\nf:1: domains: more than 64 values");
}

static void comments(void **unused)
{
	struct conf conf = good("# one\n"
				"/* two\n three */ node { // four\n"
				" count /* five */ = # six\n"
				"  7 // seven \"\n"
				"#####\n"
				"}\n"
				"sip { ports = { 1, # eight\n 2 } } # \"\n");

	(void)unused;
	assert_int_equal(conf.count, 7);
	assert_int_equal(conf.ports.count, 2);
	ntm_conf_free(sections, &conf);
	/* Lines are counted right behind each kind. */
	bad("# 1\n// 2\n/* 3\n4 */ node { /* 4 */\n/**/ # 5\n on = 6 }",
	    "f:6: on: expected yes or no, got '6'");
}

static void windows_lines(void **unused)
{
	struct conf conf = good("node {\r\n  count = 7\r\n}\r\n");

	(void)unused;
	assert_int_equal(conf.count, 7);
	ntm_conf_free(sections, &conf);
	bad("node {\r\n  count = 7 \r }", "f:2: stray '?': put values with it in quotes");
}

static void wrong_values(void **unused)
{
	static const struct {
		const char *text, *err;
	} cases[] = {
		{"node { on = maybe }", "f:1: on: expected yes or no, got 'maybe'"},
		{"node {\n\n on = '' }", "f:3: on: expected yes or no, got ''"},
		{"node { dir = lib }", "f:1: dir: expected an absolute path, got 'lib'"},
		{"node { dir = '' }", "f:1: dir: expected an absolute path, got ''"},
		{"node { count = 11 }", "f:1: count: expected -10 to 10, got '11'"},
		{"node { count = -11 }", "f:1: count: expected -10 to 10, got '-11'"},
		{"node { any = 1x }", "f:1: any: expected a number, got '1x'"},
		{"node { any = ' 1' }", "f:1: any: expected a number, got ' 1'"},
		{"node { any = '+1' }", "f:1: any: expected a number, got '+1'"},
		{"node { any = 0x1 }", "f:1: any: expected a number, got '0x1'"},
		{"node { any = - }", "f:1: any: expected a number, got '-'"},
		{"node { any = '' }", "f:1: any: expected a number, got ''"},
		{"node { any = 9223372036854775808 }",
		 "f:1: any: expected a number, got '9223372036854775808'"},
		{"node { wait = 999ms }", "f:1: wait: expected 1s to 5m, got '999ms'"},
		{"node { wait = 301s }", "f:1: wait: expected 1s to 5m, got '301s'"},
		{"node { wait = 20 }", "f:1: wait: expected 1s to 5m, got '20'"},
		{"node { wait = 20S }", "f:1: wait: expected 1s to 5m, got '20S'"},
		{"node { wait = '20 s' }", "f:1: wait: expected 1s to 5m, got '20 s'"},
		{"node { wait = -1s }", "f:1: wait: expected 1s to 5m, got '-1s'"},
		{"node { any_time = -1s }",
		 "f:1: any_time: expected a time such as 200ms, 20s, 5m, 24h or 7d, got '-1s'"},
		{"node { any_time = 106751991168d }",
		 "f:1: any_time: expected a time such as 200ms, 20s, 5m, 24h or 7d, got "
		 "'106751991168d'"},
		{"sip { hold = bth }", "f:1: hold: expected both, caller or off, got 'bth'"},
		{"sip { hold = bot }", "f:1: hold: expected both, caller or off, got 'bot'"},
		{"sip { hold = bothx }", "f:1: hold: expected both, caller or off, got 'bothx'"},
		{"sip { hold = 'both|caller' }",
		 "f:1: hold: expected both, caller or off, got 'both|caller'"},
		{"sip { hold = '' }", "f:1: hold: expected both, caller or off, got ''"},
		{"sip { dc = dc.example }",
		 "f:1: dc: expected an address such as 192.0.2.1 or [2001:db8::1]:4330, got "
		 "'dc.example'"},
		{"sip { prefix = 10.0.0.1/8 }",
		 "f:1: prefix: expected a prefix such as 198.18.0.0/16, host bits zero, got "
		 "'10.0.0.1/8'"},
		{"sip { ports = { 5060,\n 0 } }",
		 "f:2: ports: expected ports, 1 to 65535, got '0'"},
		{"sip { ports = 65536 }", "f:1: ports: expected ports, 1 to 65535, got '65536'"},
		{"sip { domains = { '' } }", "f:1: domains: expected words, got ''"},
		{"sip { servers = { 192.0.2.1, x } }",
		 "f:1: servers: expected addresses such as 192.0.2.1 or [2001:db8::1]:4330, got "
		 "'x'"},
		{"node { on = {} }", "f:1: on: takes one value, not a list"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		bad(cases[i].text, cases[i].err);
}

static void every_wrong_value_is_told(void **unused)
{
	(void)unused;
	bad("node {\n on = x\n count = y\n}\nsip {\n hold = z\n}",
	    "f:2: on: expected yes or no, got 'x'\n"
	    "f:3: count: expected -10 to 10, got 'y'\n"
	    "f:6: hold: expected both, caller or off, got 'z'");
}

static void twice(void **unused)
{
	(void)unused;
	bad("node {\n on = yes\n on = yes\n}", "f:3: on: given twice, first in line 2");
	bad("sip { ports = 1\n ports = { 2, 3 } }", "f:2: ports: given twice, first in line 1");
	bad("sip { ports = { 2, 3 }\n ports = { 2, 3 } }",
	    "f:2: ports: given twice, first in line 1");
	bad("sip { ports = {}\n ports = {} }", "f:2: ports: given twice, first in line 1");
	bad("sip { domains = { a, b }\n domains = { a, b } }",
	    "f:2: domains: given twice, first in line 1");
	bad("node { name = a\n name = b\n name = c }", "f:2: name: given twice, first in line 1\n"
						       "f:3: name: given twice, first in line 2");
	bad("node { on = yes }\n\nnode { count = 1\n }",
	    "f:4: section node: given twice, the first ends in line 1");
	bad("node { on = yes }\nnode { on = yes }",
	    "f:2: on: given twice, first in line 1\n"
	    "f:2: section node: given twice, the first ends in line 1");
}

static void structure(void **unused)
{
	static const struct {
		const char *text, *err;
	} cases[] = {
		{"nod {}", "f:1: no such option 'nod'"},
		{"on = yes", "f:1: no such option 'on'"},
		{"node {\n hold = off\n}", "f:2: no such option 'hold'"},
		{"node {\n on = x\n none = 1\n}",
		 "f:2: on: expected yes or no, got 'x'\nf:3: no such option 'none'"},
		{"node { node {} }", "f:1: no such option 'node'"},
		{"node 'x' {}", "f:1: missing opening brace for section 'node'"},
		{"node = 1", "f:1: missing opening brace for section 'node'"},
		{"include(\"/etc/passwd\")", "f:1: stray '(': put values with it in quotes\n"
					     "f:1: stray ')': put values with it in quotes"},
		{"include = \"/etc/passwd\"", "f:1: no such option 'include'"},
		{"node { on yes }", "f:1: missing equal sign after option 'on'"},
		{"node { on = }", "f:1: unexpected token '}'"},
		{"node { on =\n count = 1 }", "f:2: on: expected yes or no, got 'count'\n"
					      "f:2: unexpected token '='"},
		{"node { on = { yes } }", "f:1: unexpected token '{'"},
		{"sip { ports += 1 }", "f:1: stray '+': put values with it in quotes"},
		{"sip { ports = { { 1 } } }", "f:1: unexpected token '{'"},
		{"sip { ports = { 1 2 } }", "f:1: unexpected token '2'"},
		{"sip { ports = { 1", "f:1: section is not closed"},
		{"\nnode {\n on = yes\n", "f:2: section is not closed"},
		{"node {}\n}", "f:2: unexpected closing brace"},
		{"node {} sip {\n ports = { 1 }\n", "f:1: section is not closed"},
		{"node { dir = /a* }", "f:1: stray '*': put values with it in quotes"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		bad(cases[i].text, cases[i].err);
}

static void texts(void **unused)
{
	static const struct {
		const char *text, *err;
	} cases[] = {
		{"node {\n name = \"x }\n}", "f:2: string is not closed on its line"},
		{"node {\n name = 'x }\n}", "f:2: string is not closed on its line"},
		{"node {\n name = \"x", "f:2: string is not closed on its line\n"
					"f:1: section is not closed"},
		{"node { name = \"x\\", "f:1: only \\\" and \\\\ may follow a backslash in double "
					"quotes\nf:1: string is not closed on its line\n"
					"f:1: section is not closed"},
		{"node { name = \"x\\\n\" }",
		 "f:1: only \\\" and \\\\ may follow a backslash in double quotes\n"
		 "f:1: string is not closed on its line\n"
		 "f:2: string is not closed on its line\nf:1: section is not closed"},
		{"node { name = \"x\\0y\" }",
		 "f:1: only \\\" and \\\\ may follow a backslash in double quotes"},
		{"node { name = \"x\\x41\" }",
		 "f:1: only \\\" and \\\\ may follow a backslash in double quotes"},
		{"node { name = \"\033[1m\" }", "f:1: control character in a string"},
		{"node { name = '\001' }", "f:1: control character in a string"},
		{"node { name = \001 }", "f:1: control character"},
		{"node { name = \"x${HOME}\" }",
		 "f:1: the environment is not looked at: write '${...}' in single quotes"},
		{"node { name = ${HOME} }",
		 "f:1: the environment is not looked at: write '${...}' in single quotes"},
		{"node { name = x${HOME} }",
		 "f:1: the environment is not looked at: write '${...}' in single quotes"},
		{"\n/* x", "f:2: comment is not closed"},
		{"/*/", "f:1: comment is not closed"},
	};
	struct conf conf;

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bad(cases[i].text, cases[i].err);
		/* libconfuse's scanner is global: nothing of a bad text stays behind in it. */
		conf = good("node { count = 7 }");
		assert_int_equal(conf.count, 7);
		ntm_conf_free(sections, &conf);
	}
	conf = good("node { name = 'a${HOME} \\n \\\\ \\'' unset = \"$HOME $ {\" }");
	assert_string_equal(conf.name, "a${HOME} \\n \\ '");
	assert_string_equal(conf.unset, "$HOME $ {");
	ntm_conf_free(sections, &conf);
}

/* Deep nesting, long words and many errors end in a short error, not in a crash. */
static void floods(void **unused)
{
	const size_t size = 200000;
	char *text = malloc(size + 100), err[300];
	struct conf conf;

	(void)unused;
	assert_non_null(text);
	for (const char *c = "{}=,x\"\\+#/*\n$\001\xff"; *c; c++) {
		memset(text, *c, size);
		text[size] = '\0';
		if (*c == '#' || *c == '/' || *c == '\n')
			assert_int_equal(ntm_conf_read_text(text, "f", sections, &conf, err,
							    sizeof(err)),
					 0);
		else
			assert_int_equal(ntm_conf_read_text(text, "f", sections, &conf, err,
							    sizeof(err)),
					 -EINVAL);
		assert_true(strlen(err) < sizeof(err));
		ntm_conf_free(sections, &conf);
	}
	strcpy(text, "node { name = \"");
	memset(text + 15, 'n', size);
	strcpy(text + 15 + size, "\" }");
	conf = good(text);
	assert_int_equal(strlen(conf.name), size);
	ntm_conf_free(sections, &conf);
	strcpy(text, "sip { ports = {");
	memset(text + 15, '{', size);
	strcpy(text + 15 + size, "} }");
	assert_int_equal(ntm_conf_read_text(text, "f", sections, &conf, err, sizeof(err)), -EINVAL);
	free(text);
}

/* Whatever is cut off a good text: no crash and no leak, and an error leaves nothing behind. */
static void every_truncation(void **unused)
{
	static const char whole[] =
		"node { name = \"a\\\"b\" /* c */ dir = '/x' }\nsip { domains = { a, b }\n}";
	char text[sizeof(whole)], err[300];
	struct conf conf;

	(void)unused;
	for (size_t len = 0; len < sizeof(whole); len++) {
		memcpy(text, whole, len);
		text[len] = '\0';
		if (ntm_conf_read_text(text, "f", sections, &conf, err, sizeof(err)) < 0) {
			assert_string_not_equal(err, "");
			assert_empty(&conf);
		}
		ntm_conf_free(sections, &conf);
	}
}

static void error_text_is_cut(void **unused)
{
	static const char text[] = "node { on = x count = y }";
	char whole[300], err[300];
	struct conf conf;

	(void)unused;
	assert_int_equal(ntm_conf_read_text(text, "f", sections, &conf, whole, sizeof(whole)),
			 -EINVAL);
	for (size_t len = 0; len <= strlen(whole) + 1; len++) {
		memset(err, '#', sizeof(err));
		assert_int_equal(ntm_conf_read_text(text, "f", sections, &conf, err, len), -EINVAL);
		assert_int_equal(err[len], '#');
		if (len > 0) {
			assert_int_equal(strlen(err), len - 1);
			assert_memory_equal(err, whole, len - 1);
		}
	}
}

static char *sample(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	ntm_conf_print_sample(sections, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void sample_is_accepted(void **unused)
{
	char *text = sample();
	struct conf conf = good(text);

	(void)unused;
	assert_presets(&conf);
	assert_null(conf.unset);
	ntm_conf_free(sections, &conf);
	free(text);
}

/* Taking every # away changes nothing but what has no default. */
static void sample_options_are_the_defaults(void **unused)
{
	char *text = sample();
	struct conf conf;

	(void)unused;
	for (char *p = text; (p = strstr(p, "\n\t#"));) {
		if (p[3] != ' ')
			p[2] = ' ';
		p += 2;
	}
	conf = good(text);
	assert_presets(&conf);
	assert_string_equal(conf.unset, "text");
	assert_int_equal(conf.servers.count, 2);
	ntm_conf_free(sections, &conf);
	free(text);
}

static void sample_tells_all(void **unused)
{
	static const char *const parts[] = {
		"\nnode {\n",
		"\n}\n\nsip {\n",
		"\t# what it is called\n\t#name = \"a \\\"b\\\" \\\\\"\n",
		"\t# what is unknown; no default\n\t#unset = \"text\"\n",
		"\t# where it is (an absolute path)\n\t#dir = \"/var/lib/ntm\"\n",
		"\t# whether it is (yes or no)\n\t#on = yes\n",
		"\t# how many (-10 to 10)\n\t#count = 5\n",
		"\t# how long (1s to 5m)\n\t#wait = 20s\n",
		"\t# who holds (both, caller or off)\n\t#hold = caller\n",
		"\t#dc = \"192.0.2.1\"\n",
		"\t#domains = { \"a.example\", \"b.example\" }\n",
		"\t#ports = { 5060 }\n",
	};
	char *text = sample();

	(void)unused;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		assert_non_null(strstr(text, parts[i]));
	free(text);
}

/* Writes a temporary file and reads it. */
static int read_file(const void *data, size_t len, struct conf *conf, char *err, size_t err_len,
		     char *path)
{
	int fd, rc;

	strcpy(path, "/tmp/ntm-test-conf-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
	rc = ntm_conf_read(path, sections, conf, err, err_len);
	unlink(path);
	return rc;
}

static void assert_file_error(const char *err, const char *path, const char *rest)
{
	assert_memory_equal(err, path, strlen(path));
	assert_string_equal(err + strlen(path), rest);
}

static void files(void **unused)
{
	static char big[300000];
	char path[64], err[300];
	struct conf conf;

	(void)unused;
	assert_int_equal(read_file("node { count = 7 }", 18, &conf, err, sizeof(err), path), 0);
	assert_int_equal(conf.count, 7);
	assert_string_equal(err, "");
	ntm_conf_free(sections, &conf);

	assert_int_equal(read_file("node {\n on = x }", 16, &conf, err, sizeof(err), path),
			 -EINVAL);
	assert_file_error(err, path, ":2: on: expected yes or no, got 'x'");

	memset(&conf, 0xa5, sizeof(conf));
	assert_int_equal(read_file("node {}\n\0on = x", 15, &conf, err, sizeof(err), path),
			 -EINVAL);
	assert_file_error(err, path, ":2: NUL byte");
	assert_empty(&conf);

	memset(big, ' ', sizeof(big));
	assert_int_equal(read_file(big, 262144, &conf, err, sizeof(err), path), 0);
	ntm_conf_free(sections, &conf);
	assert_int_equal(read_file(big, 262145, &conf, err, sizeof(err), path), -EINVAL);
	assert_file_error(err, path, ": is over 262144 bytes long");

	memset(&conf, 0xa5, sizeof(conf));
	assert_int_equal(ntm_conf_read("/nonexistent", sections, &conf, err, sizeof(err)), -ENOENT);
	assert_string_equal(err, "/nonexistent: No such file or directory");
	assert_empty(&conf);
	assert_int_equal(ntm_conf_read("/", sections, &conf, err, sizeof(err)), -EISDIR);
	assert_string_equal(err, "/: Is a directory");
}

static void tilde_is_a_name(void **unused)
{
	struct conf conf;
	char err[300];

	(void)unused;
	assert_int_equal(ntm_conf_read("~/node.conf", sections, &conf, err, sizeof(err)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_gives_the_presets),
		cmocka_unit_test(every_type),
		cmocka_unit_test(times),
		cmocka_unit_test(booleans),
		cmocka_unit_test(lists),
		cmocka_unit_test(comments),
		cmocka_unit_test(windows_lines),
		cmocka_unit_test(wrong_values),
		cmocka_unit_test(every_wrong_value_is_told),
		cmocka_unit_test(twice),
		cmocka_unit_test(structure),
		cmocka_unit_test(texts),
		cmocka_unit_test(floods),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(error_text_is_cut),
		cmocka_unit_test(sample_is_accepted),
		cmocka_unit_test(sample_options_are_the_defaults),
		cmocka_unit_test(sample_tells_all),
		cmocka_unit_test(files),
		cmocka_unit_test(tilde_is_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
