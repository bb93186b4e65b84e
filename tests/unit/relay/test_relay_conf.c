/* SPDX-License-Identifier: BSD-2-Clause */
/* relay.conf: defaults, what is refused and in which words, and the manual page. */
#include "flows.h"
#include "relay_conf.h"

#include "ntm/relay.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_defaults(void **state)
{
	struct relay_conf conf;
	struct relay_settings settings;
	char words[500] = "", path[RELAY_SOCKET_STR];

	(void)state;
	assert_int_equal(relay_conf_parse(&conf, "", words, sizeof(words)), 0);
	assert_int_equal(conf.listen.port, 4331);
	assert_true(ntm_ip_is_unspecified(&conf.listen.ip));
	assert_string_equal(conf.state_dir, NTM_STATEDIR "/relay");
	assert_string_equal(relay_conf_socket(&conf, path), NTM_RUNDIR "/relay.sock");
	relay_conf_settings(&conf, &settings);
	assert_int_equal(settings.flows_max, RELAY_FLOWS_PRESET);
	assert_int_equal(settings.kbit_max, 0);
	assert_int_equal(settings.idle_ms, NTM_RELAY_IDLE_S * 1000);
	assert_false(settings.allow_loopback);
	assert_int_equal(settings.link_times.rekey_ms, 120000);
	assert_int_equal(settings.link_times.reject_ms, 180000);
	relay_conf_free(&conf);
}

/* Of a gateway at port 4332: where the relay hears, it hears as well, and nowhere else. */
static void expect_bind(const char *listen, const char *expected)
{
	struct relay_conf conf;
	char text[100], words[500] = "", addr[NTM_ADDR_STR];

	snprintf(text, sizeof(text), "relay {\n listen = \"%s\"\n}\n", listen);
	assert_int_equal(relay_conf_parse(&conf, text, words, sizeof(words)), 0);
	const struct ntm_addr bind = relay_conf_bind(&conf, 4332);
	assert_string_equal(ntm_addr_str(&bind, addr), expected);
	relay_conf_free(&conf);
}

static void test_values(void **state)
{
	struct relay_conf conf;
	char words[500] = "";

	(void)state;
	assert_int_equal(relay_conf_parse(&conf,
					  "relay {\n listen = \"203.0.113.50\"\n"
					  " flows_max = 1000000\n}\n",
					  words, sizeof(words)),
			 0);
	assert_int_equal(conf.listen.port, 4331);
	assert_int_equal(conf.listen.ip.family, 4);
	assert_int_equal(conf.flows_max, FLOWS_MAX);
	relay_conf_free(&conf);
	assert_int_equal(relay_conf_parse(&conf,
					  "relay {\n listen = \"127.0.0.1:5000\"\n"
					  " allow_loopback = yes\n}\n",
					  words, sizeof(words)),
			 0);
	assert_int_equal(conf.listen.port, 5000);
	relay_conf_free(&conf);
	expect_bind("[::]", "none:4332");
	expect_bind("0.0.0.0", "0.0.0.0:4332"); /* IPv4 alone */
	expect_bind("203.0.113.50:5000", "203.0.113.50:4332");
	expect_bind("[2001:db8::50]", "[2001:db8::50]:4332");
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} table[] = {
		{"listen = \"127.0.0.1\"", "nodes can send to"},
		{"listen = \"224.0.0.1\"", "nodes can send to"},
		{"listen = \"203.0.113.50:0\"", "listen"},
		{"flows_max = 0", "relay.conf:2"},
		{"flows_max = 1000001", "relay.conf:2"},
		{"kbit_max = -1", "relay.conf:2"},
		{"idle = 9s", "relay.conf:2"},
		{"idle = 181s", "relay.conf:2"},
		{"gateway = perhaps", "relay.conf:2"},
		{"exit_port = 0", "relay.conf:2"},
		{"exit_tun = \"a b\"", "exit_tun"},
		{"exit_tun = \"longer-than-15-b\"", "exit_tun"},
		{"exit_idle = 1s", "relay.conf:2"},
		{"exits = no", "relay.conf:2"},
		{"gateway = yes\nexit_port = 4331", "exit_port: is the port of listen"},
		{"log_level = loud", "relay.conf:2"},
		{"state_dir = \"relay\"", "relay.conf:2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct relay_conf conf;
		char text[200], words[500] = "";

		snprintf(text, sizeof(text), "relay {\n%s\n}\n", table[i].text);
		if (relay_conf_parse(&conf, text, words, sizeof(words)) != -EINVAL)
			fail_msg("taken: %s", table[i].text);
		if (strstr(words, table[i].words) == NULL)
			fail_msg("'%s': '%s' is not in '%s'", table[i].text, table[i].words, words);
	}
}

static size_t own_ips(const char *listen, struct ntm_ip out[static 3])
{
	struct relay_conf conf;
	char text[100], words[500] = "";

	out[0] = ntm_ip_v4(203, 0, 113, 50);
	out[1] = ntm_ip_v4(172, 17, 0, 1);
	assert_int_equal(ntm_ip_parse(&out[2], "2001:db8::50"), 0);
	snprintf(text, sizeof(text), "relay {\n listen = \"%s\"\n}\n", listen);
	assert_int_equal(relay_conf_parse(&conf, text, words, sizeof(words)), 0);
	size_t kept = relay_conf_own_ips(&conf, out, 3);
	relay_conf_free(&conf);
	return kept;
}

static void test_own_ips(void **state)
{
	struct ntm_ip all[3], out[3];

	(void)state;
	assert_int_equal(own_ips("[::]", all), 3);
	/* A socket of IPv4 does not hear IPv6. */
	assert_int_equal(own_ips("0.0.0.0:5000", out), 2);
	assert_memory_equal(out, all, 2 * sizeof(*out));
	assert_int_equal(own_ips("172.17.0.1", out), 1);
	assert_true(ntm_ip_eq(&out[0], &all[1]));
	assert_int_equal(own_ips("[2001:db8::50]", out), 1);
	assert_true(ntm_ip_eq(&out[0], &all[2]));
	assert_int_equal(own_ips("192.0.2.1", out), 0);
}

static char *read_source(const char *name)
{
	char path[512];
	char *text = calloc(1, 65536);

	snprintf(path, sizeof(path), "%s/%s", NTM_SOURCE_DIR, name);
	FILE *file = fopen(path, "r");
	assert_non_null(text);
	if (file == NULL)
		fail_msg("%s is missing", path);
	assert_true(fread(text, 1, 65535, file) > 0);
	fclose(file);
	return text;
}

/* Every option is in the manual page, and the sample file is what the table prints. */
static void test_manual_and_sample(void **state)
{
	char *page = read_source("man/ntm-relay.conf.5");
	char *sample = read_source("etc/relay.conf");
	char *printed = NULL;
	size_t len = 0;

	(void)state;
	for (const struct ntm_opt *opt = relay_conf_sections[0].opts; opt->name != NULL; opt++) {
		char item[100];

		snprintf(item, sizeof(item), ".It Cm %s No", opt->name);
		if (strstr(page, item) == NULL)
			fail_msg("%s is not in ntm-relay.conf(5)", opt->name);
	}
	FILE *out = open_memstream(&printed, &len);
	assert_non_null(out);
	fputs("# relay.conf: configuration of ntm-relay; see ntm-relay.conf(5)\n", out);
	ntm_conf_print_sample(relay_conf_sections, out);
	fclose(out);
	assert_string_equal(sample, printed);
	free(printed);
	free(page);
	free(sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),          cmocka_unit_test(test_values),
		cmocka_unit_test(test_refused),           cmocka_unit_test(test_own_ips),
		cmocka_unit_test(test_manual_and_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
