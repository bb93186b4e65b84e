/* SPDX-License-Identifier: BSD-2-Clause */
/* node.conf: defaults, every option, faults with their words, sample file and manual page. */
#include "node_conf.h"

#include "node/temp_dir.h"

#include <errno.h>

#define WORDS 2000

static void test_defaults(void **state)
{
	struct node_conf conf;
	struct node_settings settings;
	char words[WORDS];

	(void)state;
	assert_int_equal(node_conf_parse(&conf, "", words, sizeof(words)), 0);
	assert_string_equal(conf.state_dir, "/var/lib/ntm");
	assert_string_equal(conf.run_dir, "/run/ntm");
	assert_string_equal(conf.user, "ntm");
	assert_string_equal(conf.tun, "ntm0");
	assert_string_equal(conf.resolv_conf, "/etc/resolv.conf");
	assert_int_equal(conf.mtu, 1400);
	assert_int_equal(conf.listen_port, 0);
	assert_int_equal(conf.dns_manage, HOST_DNS_AUTO);
	assert_int_equal(conf.dns_servers.count, 0);
	assert_true(conf.guard);
	/* The file's defaults and the logic's are the same. */
	node_conf_settings(&conf, &settings);
	assert_int_equal(settings.hold, node_settings_default.hold);
	assert_int_equal(settings.hold_callee_ms, node_settings_default.hold_callee_ms);
	assert_int_equal(settings.hold_caller_ms, node_settings_default.hold_caller_ms);
	assert_int_equal(settings.prewarm, node_settings_default.prewarm);
	assert_int_equal(settings.name_deadline_ms, node_settings_default.name_deadline_ms);
	assert_int_equal(settings.idle_ms, node_settings_default.idle_ms);
	assert_int_equal(settings.sip_ports.count, 1);
	assert_int_equal(settings.sip_ports.item[0], 5060);
	assert_memory_equal(&settings.link_times, &node_settings_default.link_times,
			    sizeof(settings.link_times));
	node_conf_free(&conf);
}

static void test_every_option(void **state)
{
	static const char text[] =
		"node {\n state_dir = \"/s\"\n run_dir = \"/r\"\n user = \"\"\n"
		" listen_port = 4330\n log_level = debug\n}\n"
		"tun {\n name = \"ntm-1\"\n mtu = 1280\n table = 7\n priority = 8\n guard = no\n}\n"
		"dns {\n manage = off\n resolv_conf = \"/x\"\n"
		" servers = { \"192.0.2.53\", \"[2001:db8::53]:5353\" }\n deadline = 2s\n}\n"
		"sip {\n ports = { 5060, 5080 }\n hold = caller\n hold_callee = 200ms\n"
		" hold_caller = 20s\n prewarm = ringing\n}\n"
		"tunnels {\n rekey = 4s\n idle = 1h\n}\n";
	struct node_conf conf;
	struct node_settings settings;
	char words[WORDS], socket[NODE_SOCKET_STR];

	(void)state;
	assert_int_equal(node_conf_parse(&conf, text, words, sizeof(words)), 0);
	assert_string_equal(conf.state_dir, "/s");
	assert_string_equal(conf.user, "");
	assert_string_equal(node_conf_socket(&conf, socket), "/r/node.sock");
	assert_int_equal(conf.listen_port, 4330);
	assert_int_equal(conf.log_level, 3);
	assert_string_equal(conf.tun, "ntm-1");
	assert_int_equal(conf.mtu, 1280);
	assert_int_equal(conf.table, 7);
	assert_int_equal(conf.priority, 8);
	assert_false(conf.guard);
	assert_int_equal(conf.dns_manage, HOST_DNS_OFF);
	assert_string_equal(conf.resolv_conf, "/x");
	assert_int_equal(conf.dns_servers.count, 2);
	assert_int_equal(conf.dns_servers.item[0].port, 53);
	assert_int_equal(conf.dns_servers.item[1].port, 5353);
	node_conf_settings(&conf, &settings);
	assert_int_equal(settings.name_deadline_ms, 2000);
	assert_int_equal(settings.sip_ports.item[1], 5080);
	assert_int_equal(settings.hold, NODE_HOLD_CALLER);
	assert_int_equal(settings.hold_callee_ms, 200);
	assert_int_equal(settings.hold_caller_ms, 20000);
	assert_int_equal(settings.prewarm, 1);
	assert_int_equal(settings.link_times.rekey_ms, 4000);
	assert_int_equal(settings.link_times.reject_ms, 6000);
	assert_int_equal(settings.idle_ms, 3600000);
	node_conf_free(&conf);
}

static void test_faults(void **state)
{
	static const struct {
		const char *text, *words;
	} faults[] = {
		{"node {\n listen_prt = 1\n}\n", "node.conf:2"},
		{"tun {\n mtu = 9000\n}\n", "mtu"},
		{"tun {\n mtu = 1200\n}\n", "mtu"},
		{"tun {\n name = \"\"\n}\n", "tun name"},
		{"tun {\n name = \"longer-than-15-b\"\n}\n", "tun name"},
		{"tun {\n name = \"ntm%d\"\n}\n", "tun name"},
		{"tun {\n name = \"a\\\" drop\"\n}\n", "tun name"},
		{"tun {\n table = 254\n}\n", "table"},
		{"tun {\n priority = 40000\n}\n", "priority"},
		{"sip {\n hold_caller = 21s\n}\n", "hold_caller"},
		{"sip {\n hold = bth\n}\n", "node.conf:2: hold: expected"},
		{"sip {\n ports = { }\n}\n", "sip ports"},
		{"sip {\n hold = both\n hold = off\n}\n", "twice"},
		{"node {\n state_dir = \"here\"\n}\n", "state_dir"},
		{"tunnels {\n rekey = 1s\n}\n", "rekey"},
		{"exit \"gw\" {\n names = { \"a\" }\n prefixes = { \"0.0.0.0/1\" }\n}\n",
		 "node.conf:3: prefixes: expected prefixes such as 192.0.2.0/24, host bits zero, "
		 "of addresses that can be sent to, not wider than /8 (IPv4) and /16 (IPv6); or "
		 "0.0.0.0/0 or ::/0, everything, got '0.0.0.0/1'"},
		{"tun {\n priority = 32762\n}\n", "priority"},
		{"exit \"gw\" {\n prefixes = { \"128.0.0.0/1\" }\n}\n", "node.conf:2: prefixes"},
		{"exit \"gw\" {\n prefixes = { \"127.0.0.0/8\" }\n}\n", "node.conf:2: prefixes"},
		{"exit \"gw\" {\n prefixes = { \"224.0.0.0/8\" }\n}\n", "node.conf:2: prefixes"},
		{"exit \"gw\" {\n prefixes = { \"192.0.2.1/24\" }\n}\n", "node.conf:2: prefixes"},
		{"exit \"gw\" {\n names = { \"ok\", \"a..b\" }\n}\n",
		 "node.conf:2: names: expected"},
		{"exit \"gw\" {\n names = { \"a\" }\n}\nexit \"gw2\" {\n}\n",
		 "node.conf: exit \"gw2\": neither prefixes nor names"},
		{"exit \"g w\" {\n}\n", "node.conf:2: NAME: expected"},
		{"exit {\n}\n", "node.conf:1"},
		{"exit \"gw\" {\n names = { \"a\" }\n nmes = { \"a\" }\n}\n", "node.conf:3"},
		{"exit \"gw\" {\n names = { \"a\" }\n names = { \"b\" }\n}\n", "twice"},
		{"exit \"gw\" {\n names = { \"a\" }\n}\nexit \"gw\" {\n names = { \"b\" }\n}\n",
		 "duplicate title 'gw'"},
		{"exit \"a\" {\n prefixes = { \"192.0.2.0/24\" }\n}\n"
		 "exit \"b\" {\n prefixes = { \"192.0.2.8/29\" }\n}\n",
		 "exit \"b\": its prefixes overlap"},
	};
	struct node_conf conf;
	char words[WORDS];

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		words[0] = '\0';
		if (node_conf_parse(&conf, faults[i].text, words, sizeof(words)) != -EINVAL)
			fail_msg("accepted: %s", faults[i].text);
		if (strstr(words, faults[i].words) == NULL)
			fail_msg("%s: said: %s", faults[i].text, words);
	}
}

static void test_exits(void **state)
{
	static const char text[] =
		"exit \"gw\" {\n prefixes = { \"192.0.2.0/24\", \"2001:db8::/32\" }\n"
		" names = { \"sip.example.org\" }\n}\n"
		"exit \"gw2.ntm.example\" {\n media = no\n names = { \"a.example\", \"b.example\" "
		"}\n}\n";
	struct node_conf conf;
	struct node_settings settings;
	char words[WORDS];

	(void)state;
	assert_int_equal(node_conf_parse(&conf, text, words, sizeof(words)), 0);
	assert_int_equal(conf.exits.count, 2);
	assert_string_equal(conf.exits.item[0].title, "gw");
	assert_int_equal(conf.exits.item[0].prefixes.count, 2);
	assert_int_equal(conf.exits.item[0].prefixes.item[1].len, 32);
	assert_int_equal(conf.exits.item[0].names.count, 1);
	assert_true(conf.exits.item[0].media);
	assert_false(conf.exits.item[1].media);
	assert_string_equal(conf.exits.item[1].title, "gw2.ntm.example");
	assert_int_equal(conf.exits.item[1].prefixes.count, 0);
	assert_string_equal(conf.exits.item[1].names.item[1], "b.example");
	node_conf_settings(&conf, &settings);
	assert_ptr_equal(settings.exits, &conf.exits);
	node_conf_free(&conf);
	assert_int_equal(conf.exits.count, 0);
	/* Off by default. */
	assert_int_equal(node_conf_parse(&conf, "", words, sizeof(words)), 0);
	node_conf_settings(&conf, &settings);
	assert_null(settings.exits);
	node_conf_free(&conf);
}

static void test_too_many_exits(void **state)
{
	struct node_conf conf;
	char words[WORDS], text[2000] = "";

	(void)state;
	for (int i = 0; i <= EXITS_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "exit \"gw%d\" { names = { \"a%d\" } }\n", i, i);
	assert_int_equal(node_conf_parse(&conf, text, words, sizeof(words)), -EINVAL);
	assert_string_equal(words, "node.conf:9: more than 8 sections of that name");
}

static void test_long_paths(void **state)
{
	struct node_conf conf;
	char words[WORDS], text[600], path[260];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	snprintf(text, sizeof(text), "node { run_dir = \"%.97s\" }", path);
	assert_int_equal(node_conf_parse(&conf, text, words, sizeof(words)), 0);
	node_conf_free(&conf);
	snprintf(text, sizeof(text), "node { run_dir = \"%.98s\" }", path);
	assert_int_equal(node_conf_parse(&conf, text, words, sizeof(words)), -EINVAL);
	snprintf(text, sizeof(text), "node { state_dir = \"%s\" }", path);
	assert_int_equal(node_conf_parse(&conf, text, words, sizeof(words)), -EINVAL);
}

static void test_file(void **state)
{
	struct node_conf conf;
	char words[WORDS];

	(void)state;
	temp_write("node.conf", "node {\n listen_port = 5\n}\n");
	assert_int_equal(node_conf_load(&conf, temp_path("node.conf"), words, sizeof(words)), 0);
	assert_int_equal(conf.listen_port, 5);
	node_conf_free(&conf);
	/* The usual file may be missing; one that was named may not. */
	assert_int_equal(node_conf_load(&conf, temp_path("none"), words, sizeof(words)), -ENOENT);
}

/* Run with NTM_UPDATE_SAMPLES=1 to write it. */
static void test_sample_is_current(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	FILE *file;
	char sample[20000];

	(void)state;
	assert_non_null(out);
	fputs("# node.conf: configuration of ntm-node; see ntm-node.conf(5)\n", out);
	ntm_conf_print_sample(node_conf_sections, out);
	fclose(out);
	if (getenv("NTM_UPDATE_SAMPLES") != NULL) {
		file = fopen(NTM_SOURCE_DIR "/etc/node.conf", "w");
		assert_non_null(file);
		fputs(text, file);
		fclose(file);
	}
	file = fopen(NTM_SOURCE_DIR "/etc/node.conf", "r");
	assert_non_null(file);
	size_t got = fread(sample, 1, sizeof(sample) - 1, file);
	sample[got] = '\0';
	fclose(file);
	assert_string_equal(sample, text);
	free(text);
}

static char *read_page(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 65536);

	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, 65535, file) > 0);
	fclose(file);
	return text;
}

static void test_manual_names_every_option(void **state)
{
	char *page = read_page(NTM_SOURCE_DIR "/man/ntm-node.conf.5");
	char line[80];

	(void)state;
	for (const struct ntm_section *s = node_conf_sections; s->name != NULL; s++) {
		bool has_title = s->opts->type == NTM_OPT_TITLE;

		snprintf(line, sizeof(line), "\n.Ss Section %s%s\n", s->name,
			 has_title ? " \\(dqNAME\\(dq" : "");
		const char *section = strstr(page, line);
		if (section == NULL)
			fail_msg("no section %s in the page", s->name);
		for (const struct ntm_opt *opt = s->opts + has_title; opt->name != NULL; opt++) {
			snprintf(line, sizeof(line), "\n.It Cm %s No =", opt->name);
			if (strstr(section, line) == NULL)
				fail_msg("no option %s { %s } in the page", s->name, opt->name);
		}
	}
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_option),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_exits),
		cmocka_unit_test(test_too_many_exits),
		cmocka_unit_test(test_long_paths),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_sample_is_current),
		cmocka_unit_test(test_manual_names_every_option),
	};

	return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
