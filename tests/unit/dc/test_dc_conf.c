/* SPDX-License-Identifier: BSD-2-Clause */
/* dc.conf: defaults, what is refused and in which words, names, and the manual page. */
#include "dc_conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LABEL50 "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
#define DIGEST  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define GOOD    "domain = \"ntm.example\"\naddresses = { \"203.0.113.30\" }\n"
#define SIX \
	"\"192.0.2.1\", \"192.0.2.2\", \"192.0.2.3\", \"192.0.2.4\", \"192.0.2.5\", \"192.0.2.6\""
#define RESOLVER(text) "dc {\n" GOOD "}\nresolver {\n" text "\n}\n"

static void test_defaults(void **state)
{
	struct dc_conf conf;
	char words[500] = "";

	(void)state;
	assert_int_equal(dc_conf_parse(&conf, "dc {\n" GOOD "}\n", words, sizeof(words)), 0);
	assert_string_equal(conf.domain, "ntm.example");
	assert_int_equal(conf.addresses.item[0].port, 4330);
	assert_int_equal(conf.prefix4.ip.family, 0);
	assert_int_equal(conf.prefix6.ip.family, 0);
	assert_true(conf.dns);
	assert_int_equal(conf.dns_listen.count, 2);
	assert_int_equal(conf.relay_account_flows, 200);
	assert_int_equal(conf.relay_account_kbit, 50000);
	assert_int_equal(conf.relay_flow_kbit, 0);
	assert_int_equal(conf.keepalive_ms, 25000);
	dc_conf_free(&conf);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} table[] = {
		{"", "domain: not set"},
		{"dc {\n domain = \"ntm.example\"\n}\n", "addresses: none"},
		{"dc {\n domain = \"ntm\"\n addresses = { \"203.0.113.30\" }\n}\n", "two labels"},
		{"dc {\n domain = \"a b.c\"\n addresses = { \"203.0.113.30\" }\n}\n", "DNS name"},
		{"dc {\n domain = \"ntm.example\"\n"
		 " addresses = { \"203.0.113.30\", \"203.0.113.31\" }\n}\n",
		 "one of each family"},
		{"dc {\n domain = \"ntm.example\"\n addresses = { \"127.0.0.1\" }\n}\n",
		 "nodes can send to"},
		{"dc {\n domain = \"ntm.\"\n addresses = { \"203.0.113.30\" }\n}\n", "two labels"},
		{"dc {\n domain = \"ntm.example\"\n"
		 " addresses = { \"203.0.113.30:4331\", \"2001:db8::30\" }\n}\n",
		 "same port"},
		{"dc {\n" GOOD " prefix4 = \"203.0.112.0/20\"\n}\n", "inside the virtual"},
		{"dc {\n" GOOD " prefix4 = \"198.18.0.0/31\"\n}\n", "prefix4"},
		{"dc {\n" GOOD " prefix4 = \"fd00::/48\"\n}\n", "prefix4"},
		{"dc {\n" GOOD " prefix6 = \"198.18.0.0/16\"\n}\n", "prefix6"},
		{"dc {\n" GOOD " sip = { \"no such name\" }\n}\n", "sip"},
		{"dc {\n" GOOD " prefix4 = \"198.18.0.1/16\"\n}\n", "dc.conf:4"},
		{"dc {\n" GOOD " colour = \"red\"\n}\n", "dc.conf:4"},
		{"dc {\n" GOOD "}\nrelays {\n account_flows = -1\n}\n", "dc.conf:6"},
		{"dc {\n" GOOD " log_level = \"loud\"\n}\n", "dc.conf:4"},
		{"dc {\n" GOOD "}\ndns {\n listen = { " SIX ", " SIX ", " SIX " }\n}\n",
		 "dns listen: expected at most 16 addresses"},
		{RESOLVER("servers = { \"ns.example\" }"),
		 "dc.conf: resolver servers: expected an address such as 192.0.2.53 or "
		 "192.0.2.53@5353, got 'ns.example'"},
		{RESOLVER("servers = { \"192.0.2.53@0\" }"), "got '192.0.2.53@0'"},
		{RESOLVER("servers = { \"192.0.2.53:53\" }"), "got '192.0.2.53:53'"},
		{RESOLVER("stub_zones = { \"b.example\" }"),
		 "stub_zones: expected an address behind the zone, got 'b.example'"},
		{RESOLVER("stub_zones = { \"203.0.113.40 b.example\" }"),
		 "stub_zones: expected an address such as"},
		{RESOLVER("trust_anchors = { \"/nowhere/root.key\" }"),
		 "trust_anchors: cannot read '/nowhere/root.key': No such file or directory"},
		{RESOLVER("trust_anchors = { \"example. IN DS 7 13 2 " DIGEST "\", \"red\" }"),
		 "trust_anchors: expected a DS or DNSKEY record, or the absolute path of a file "
		 "with such, got 'red'"},
		{RESOLVER("insecure_zones = { \"b..example\" }"),
		 "insecure_zones: expected a DNS name, got 'b..example'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct dc_conf conf;
		char words[500] = "";

		assert_int_equal(dc_conf_parse(&conf, table[i].text, words, sizeof(words)),
				 -EINVAL);
		if (strstr(words, table[i].words) == NULL)
			fail_msg("%zu: expected \"%s\" in \"%s\"", i, table[i].words, words);
	}
}

static void test_resolver(void **state)
{
	struct dc_conf conf;
	char words[500] = "";

	(void)state;
	assert_int_equal(
		dc_conf_parse(
			&conf,
			RESOLVER("servers = { \"192.0.2.53\", \"2001:db8::53@5353\" }\n"
				 "stub_zones = { \"b.example 203.0.113.40 203.0.113.41@54\" }\n"
				 "trust_anchors = { \"example. IN DS 7 13 2 " DIGEST "\" }\n"
				 "insecure_zones = { \"19.198.in-addr.arpa\" }"),
			words, sizeof(words)),
		0);
	struct ntm_dnsclient_args args = dc_conf_resolver(&conf);
	assert_string_equal(args.servers[0], "192.0.2.53");
	assert_string_equal(args.servers[1], "2001:db8::53@5353");
	assert_null(args.servers[2]);
	assert_string_equal(args.stub_zones[0], "b.example 203.0.113.40 203.0.113.41@54");
	assert_null(args.stub_zones[1]);
	assert_string_equal(args.trust_anchors[0], "example. IN DS 7 13 2 " DIGEST);
	assert_string_equal(args.insecure_zones[0], "19.198.in-addr.arpa");
	dc_conf_free(&conf);

	assert_int_equal(dc_conf_parse(&conf, "dc {\n" GOOD "}\n", words, sizeof(words)), 0);
	args = dc_conf_resolver(&conf);
	assert_null(args.servers[0]);
	assert_null(args.trust_anchors[0]);
	dc_conf_free(&conf);
}

static void test_names(void **state)
{
	struct dc_conf conf;
	char words[500], name[NTM_NAME_MAX + 1];

	(void)state;
	assert_int_equal(dc_conf_parse(&conf, "dc {\n" GOOD "}\n", words, sizeof(words)), 0);
	assert_int_equal(dc_conf_name(&conf, "Bob", name), 0);
	assert_string_equal(name, "bob.ntm.example");
	assert_int_equal(dc_conf_name(&conf, "bob.ntm.example.", name), 0);
	assert_string_equal(name, "bob.ntm.example");
	assert_int_equal(dc_conf_name(&conf, "", name), -EINVAL);
	assert_int_equal(dc_conf_name(&conf, "a b", name), -EINVAL);
	/* Too long is too long: nothing is cut off. */
	assert_int_equal(dc_conf_name(&conf, LABEL50 "." LABEL50 ".n23456.ntm.example", name), 0);
	assert_int_equal(strlen(name), NTM_NAME_MAX);
	assert_int_equal(dc_conf_name(&conf, LABEL50 "." LABEL50 ".n234567.ntm.example", name),
			 -EINVAL);
	assert_int_equal(dc_conf_name(&conf, LABEL50 "." LABEL50 ".ntm.example" LABEL50, name),
			 -EINVAL);
	dc_conf_free(&conf);
}

/* The sample file is what the table says. */
static void test_sample(void **state)
{
	char *now = NULL, *kept = NULL;
	size_t now_len, kept_len = 0;
	FILE *out = open_memstream(&now, &now_len);
	FILE *in = fopen(NTM_SOURCE_DIR "/etc/dc.conf", "r");

	(void)state;
	assert_non_null(out);
	assert_non_null(in);
	fputs("# dc.conf: configuration of ntm-dc; see ntm-dc.conf(5)\n", out);
	ntm_conf_print_sample(dc_conf_sections, out);
	fclose(out);
	assert_true(getdelim(&kept, &kept_len, '\0', in) > 0);
	fclose(in);
	assert_string_equal(now, kept); /* else: write etc/dc.conf anew from the table */
	free(now);
	free(kept);
}

static void test_manual_names_every_option(void **state)
{
	char *page = NULL, wanted[64];
	size_t len = 0;
	FILE *in = fopen(NTM_SOURCE_DIR "/man/ntm-dc.conf.5", "r");

	(void)state;
	assert_non_null(in);
	assert_true(getdelim(&page, &len, '\0', in) > 0);
	fclose(in);
	for (const struct ntm_section *s = dc_conf_sections; s->name != NULL; s++) {
		snprintf(wanted, sizeof(wanted), ".Ss Section %s\n", s->name);
		assert_non_null(strstr(page, wanted));
		for (const struct ntm_opt *o = s->opts; o->name != NULL; o++) {
			snprintf(wanted, sizeof(wanted), ".It Cm %s No =", o->name);
			if (strstr(page, wanted) == NULL)
				fail_msg("ntm-dc.conf(5) does not name %s", o->name);
		}
	}
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_resolver), cmocka_unit_test(test_names),
		cmocka_unit_test(test_sample),   cmocka_unit_test(test_manual_names_every_option),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
