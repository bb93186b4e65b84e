/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: what is taken and refused, exit codes, and what verbs make of replies. */
#include "cli.h"

#include "node/temp_dir.h"

#include "ntm/control.h"
#include "ntm/loop.h"
#include "ntm/token.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/wait.h>

#define ARGS 8

/* Runs a command line ("%" stands for the configuration), its output in the files out and err. */
static int run(const char *line)
{
	static char text[NTM_TOKEN_STR + 40];
	char *argv[ARGS + 1] = {NULL};
	int argc = 0, saved[2] = {dup(1), dup(2)};
	const char *names[2] = {"out", "err"};

	snprintf(text, sizeof(text), "ntm-node %s", line);
	for (char *word = strtok(text, " "); word != NULL && argc < ARGS; word = strtok(NULL, " "))
		argv[argc++] =
			strcmp(word, "%") == 0 ? (char *)(uintptr_t)temp_path("node.conf") : word;
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		int fd = open(temp_path(names[i]), O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, i + 1);
		close(fd);
	}
	optind = 0;
	int code = cli_main(argc, argv);
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		dup2(saved[i], i + 1);
		close(saved[i]);
	}
	return code;
}

static int setup(void **state)
{
	char conf[300];

	if (temp_dir_make(state) != 0)
		return -1;
	snprintf(conf, sizeof(conf),
		 "node {\n state_dir = \"%s/s\"\n run_dir = \"%s\"\n user = \"\"\n}\n", temp_dir,
		 temp_dir);
	temp_write("node.conf", conf);
	temp_write("bad.conf", "node {\n nonsense = 1\n}\n");
	return 0;
}

static void test_usage(void **state)
{
	static const struct {
		const char *line;
		int code;
	} cases[] = {
		{"", NTM_EXIT_USAGE},
		{"frobnicate", NTM_EXIT_USAGE},
		{"--frobnicate", NTM_EXIT_USAGE},
		{"-c", NTM_EXIT_USAGE},
		{"join", NTM_EXIT_USAGE},
		{"ping", NTM_EXIT_USAGE},
		{"-c % ping a b", NTM_EXIT_USAGE},
		{"-c % status now", NTM_EXIT_USAGE},
		{"-c % ping a --count 0", NTM_EXIT_USAGE},
		{"-c % ping a --count 1001", NTM_EXIT_USAGE},
		{"-c % ping a --count 3x", NTM_EXIT_USAGE},
		{"version", NTM_EXIT_OK},
		{"--help", NTM_EXIT_OK},
		{"status --help", NTM_EXIT_OK},
		{"-c % status", NTM_EXIT_NOT_RUNNING},
		{"status -c % --json", NTM_EXIT_NOT_RUNNING},
		{"-c % tunnels", NTM_EXIT_NOT_RUNNING},
		{"-c % calls", NTM_EXIT_NOT_RUNNING},
		{"-c % ping a", NTM_EXIT_NOT_RUNNING},
		{"-c /nonexistent status", NTM_EXIT_BAD_CONFIG},
		{"-c % check", NTM_EXIT_FAILED},
		{"-c % join ntm1.nonsense", NTM_EXIT_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int code = run(cases[i].line);

		if (code != cases[i].code)
			fail_msg("%s: exit %d, not %d", cases[i].line, code, cases[i].code);
		/* Words go to stderr, data to stdout. */
		if (code == NTM_EXIT_USAGE || code == NTM_EXIT_NOT_RUNNING)
			assert_string_equal(temp_read("out"), "");
	}
}

static void test_token_of_a_relay(void **state)
{
	struct ntm_token token = {.kind = NTM_TOKEN_RELAY,
				  .expires_s = INT64_MAX,
				  .fqdn = "relay.ntm.example",
				  .domain = "ntm.example"};
	char text[NTM_TOKEN_STR], line[NTM_TOKEN_STR + 20];

	(void)state;
	assert_int_equal(ntm_addr_parse(&token.dc[0], "127.0.0.1:4330", 0), 0);
	assert_int_equal(ntm_token_print(&token, text), 0);
	snprintf(line, sizeof(line), "-c %% join %s", text);
	assert_int_equal(run(line), NTM_EXIT_FAILED);
	assert_non_null(strstr(temp_read("err"), "ntm-relay join"));
}

static void test_bad_configuration(void **state)
{
	char line[200];

	(void)state;
	snprintf(line, sizeof(line), "-c %s check", temp_path("bad.conf"));
	assert_int_equal(run(line), NTM_EXIT_BAD_CONFIG);
	assert_non_null(strstr(temp_read("err"), "bad.conf:2"));
}

static void test_help_names_every_verb(void **state)
{
	static const char *const verbs[] = {"join",    "run",   "check", "status",
					    "tunnels", "calls", "ping",  "version"};
	char line[32];

	(void)state;
	assert_int_equal(run("--help"), NTM_EXIT_OK);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		snprintf(line, sizeof(line), "\n  %s ", verbs[i]);
		assert_non_null(strstr(temp_read("out"), line));
	}
	assert_non_null(strstr(temp_read("out"), "standard input"));
}

static void test_not_joined(void **state)
{
	(void)state;
	assert_int_equal(run("-c % check"), NTM_EXIT_FAILED);
	assert_non_null(strstr(temp_read("out"), "ntm-node join"));
	assert_int_equal(run("-c % status"), NTM_EXIT_NOT_RUNNING);
	assert_non_null(strstr(temp_read("err"), "ntm-node join"));
	assert_int_equal(run("-c % join hello"), NTM_EXIT_FAILED);
	assert_non_null(strstr(temp_read("err"), "token"));
}

/* ---- against a daemon that says what the test wants ---- */

struct script {
	const char *replies[4]; /* JSON; the last one ends the request */
	struct ntm_control *control;
};

static void on_request(void *ctx, uint64_t ticket, json_t *request)
{
	struct script *script = ctx;

	(void)request;
	for (size_t i = 0; script->replies[i] != NULL; i++)
		(void)ntm_control_reply(script->control, ticket,
					json_loads(script->replies[i], 0, NULL),
					script->replies[i + 1] == NULL);
}

static void serve(struct script *script, int ready)
{
	struct ntm_control_args args = {.loop = ntm_loop_new(),
					.path = temp_path("node.sock"),
					.gid = (gid_t)-1,
					.fn = on_request,
					.ctx = script};

	if (ntm_control_open(&args, &script->control) != 0 || write(ready, "x", 1) != 1)
		_exit(1);
	(void)ntm_loop_run(args.loop);
	_exit(0);
}

/* Runs line while a child plays the daemon. */
static int run_against(struct script script, const char *line)
{
	int ready[2], status;
	char x;

	assert_int_equal(pipe(ready), 0);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0)
		serve(&script, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &x, 1), 1);
	close(ready[0]);
	int code = run(line);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return code;
}

#define STATUS(registered)                                                                      \
	"{\"name\": \"a.ntm.example\", \"vip4\": \"198.18.0.7\", \"registered\": " registered   \
	", \"partners\": [{\"domain\": \"b.example\", "                                         \
	"\"prefixes\": [\"198.19.0.0/16\", \"fd02::/64\"]}], \"last_errors\": [{\"ago_s\": 7, " \
	"\"peer\": \"bob.b.example\", \"words\": \"its DC does not answer\"}]"                  \
	", \"dc\": {\"state\": \"silent\", \"address\": \"192.0.2.9:4330\"}, "                  \
	"\"host\": {\"tun\": \"ntm0\", \"dns_words\": \"no room\"}, "                           \
	"\"drops\": {\"host_wrong_source\": 3, \"wrong_source_last\": \"192.168.1.11\"}}"

static void test_status(void **state)
{
	(void)state;
	assert_int_equal(run_against((struct script){.replies = {STATUS("true")}}, "-c % status"),
			 NTM_EXIT_OK);
	assert_non_null(strstr(temp_read("out"), "a.ntm.example"));
	/* Why something does not work, and what to do. */
	assert_non_null(strstr(temp_read("out"), "3 packets from 192.168.1.11: bind the phone"));
	assert_non_null(strstr(temp_read("out"), "no room"));
	assert_non_null(strstr(temp_read("out"), "b.example  198.19.0.0/16  fd02::/64\n"));
	assert_non_null(
		strstr(temp_read("out"), "7 s ago, bob.b.example: its DC does not answer\n"));
	assert_int_equal(run_against((struct script){.replies = {STATUS("false")}}, "-c % status"),
			 NTM_EXIT_FAILED);
	assert_non_null(strstr(temp_read("out"), "no answer from 192.0.2.9:4330"));
	assert_int_equal(run_against((struct script){.replies = {STATUS("true")}},
				     "-c % status --json"),
			 NTM_EXIT_OK);
	json_t *json = json_loads(temp_read("out"), 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json, "vip4")), "198.18.0.7");
	json_decref(json);
}

static void test_status_of_relays(void **state)
{
	const struct script silent = {
		.replies = {"{\"registered\": true, \"relays\": {\"bindings\": 3, "
			    "\"bound_now\": 1, \"silent\": \"203.0.113.1:4331\"}}"}};
	const struct script well = {
		.replies = {"{\"registered\": true, \"relays\": {\"bindings\": 2, "
			    "\"bound_now\": 2}}"}};

	(void)state;
	assert_int_equal(run_against(silent, "-c % status"), NTM_EXIT_OK);
	assert_non_null(strstr(temp_read("out"), "1 of 3 bindings answered"));
	assert_non_null(strstr(temp_read("out"), "the relay at 203.0.113.1:4331 does not answer"));
	assert_int_equal(run_against(well, "-c % status"), NTM_EXIT_OK);
	assert_non_null(strstr(temp_read("out"), "2 of 2 bindings answered"));
	assert_null(strstr(temp_read("out"), "does not answer"));
}

static void test_status_of_a_revoked_node(void **state)
{
	(void)state;
	assert_int_equal(run_against((struct script){.replies = {"{\"revoked\": true, "
								 "\"registered\": false}"}},
				     "-c % status"),
			 NTM_EXIT_FAILED);
	assert_non_null(strstr(temp_read("out"), "needs a new token"));
	assert_null(strstr(temp_read("out"), "no answer"));
}

static void test_real_media(void **state)
{
	(void)state;
	assert_int_equal(run_against((struct script){.replies = {"{\"registered\": true, \"sip\": "
								 "{\"real_media_seen\": 2, "
								 "\"real_media_last\": "
								 "\"192.168.1.11\"}}"}},
				     "-c % status"),
			 NTM_EXIT_OK);
	assert_non_null(
		strstr(temp_read("out"), "problem     a phone wanted media at 192.168.1.11"));
}

static void test_ping(void **state)
{
	const struct script good = {
		.replies = {"{\"seq\": 1, \"peer\": \"b.ntm.example\", \"vip\": \"198.18.0.8\", "
			    "\"via\": \"192.0.2.1:1\", \"rtt_ms\": 7}",
			    "{\"seq\": 2, \"peer\": \"b.ntm.example\", \"vip\": \"198.18.0.8\", "
			    "\"via\": \"192.0.2.1:1\", \"rtt_ms\": 9}"}};
	const struct script bad = {.replies = {"{\"seq\": 0, \"peer\": \"b\", \"vip\": \"none\", "
					       "\"words\": \"it is offline\"}"}};
#define LATE "{\"seq\": 1, \"peer\": \"b\", \"words\": \"no answer\", \"timed_out\": true}"
	const struct script late = {.replies = {LATE, LATE}};
	const struct script lossy = {.replies = {LATE, "{\"seq\": 2, \"peer\": \"b\"}"}};
	const struct script ended = {
		.replies = {LATE, "{\"seq\": 1, \"words\": \"ntm-node is stopping\", "
				  "\"timed_out\": false}"}};
	const struct script refused = {.replies = {"{\"error\": \"no such thing\"}"}};

	(void)state;
	assert_int_equal(run_against(good, "-c % ping b --count 2"), NTM_EXIT_OK);
	assert_non_null(strstr(temp_read("out"), "seq 1, 7 ms\n"));
	assert_non_null(strstr(temp_read("out"), "seq 2, 9 ms\n"));
	assert_int_equal(run_against(bad, "-c % ping b"), NTM_EXIT_FAILED);
	assert_non_null(strstr(temp_read("out"), "it is offline"));
	/* Nothing came back in time; 1 when it was something else, or only a part of them. */
	assert_int_equal(run_against(late, "-c % ping b --count 2"), NTM_EXIT_TIMED_OUT);
	assert_int_equal(run_against(lossy, "-c % ping b --count 2"), NTM_EXIT_FAILED);
	assert_int_equal(run_against(ended, "-c % ping b --count 2"), NTM_EXIT_FAILED);
	assert_int_equal(run_against(refused, "-c % ping b"), NTM_EXIT_FAILED);
	assert_non_null(strstr(temp_read("err"), "no such thing"));
	assert_string_equal(temp_read("out"), "");
}

static void test_denied(void **state)
{
	const struct script denied = {.replies = {"{\"denied\": true}"}};

	(void)state;
	assert_int_equal(run_against(denied, "-c % tunnels"), NTM_EXIT_NOT_ALLOWED);
}

#define PATH                                                                                    \
	"\"path\": \"relay\", \"via\": \"203.0.113.1:4331\", \"rtt_ms\": 60, \"loss_pct\": 3, " \
	"\"not_direct\": \"the peer does not answer\""
#define ONE_PATH                                                                                 \
	"\"paths\": [{\"path\": \"direct\", \"via\": \"192.0.2.8:4330\", \"state\": \"works\", " \
	"\"current\": true, \"rtt_ms\": 7, \"loss_pct\": 0}]"

/* In the one bad night: which way a call goes, how good that is, and why it is no better. */
static void test_paths(void **state)
{
	const struct script calls = {
		.replies = {"{\"calls\": [{\"peer\": \"b.ntm.example\", \"tunnel\": \"up\", " PATH
			    "}, {\"peer\": \"c.ntm.example\", \"tunnel\": \"directing\"}]}"}};
	const struct script relayed = {
		.replies = {"{\"tunnels\": [{\"peer\": \"b.ntm.example\", " PATH "}]}"}};
	const struct script direct = {
		.replies = {"{\"tunnels\": [{\"peer\": \"b.ntm.example\", " ONE_PATH "}]}"}};

	(void)state;
	assert_int_equal(run_against(calls, "-c % calls"), NTM_EXIT_OK);
	assert_non_null(strstr(temp_read("out"), "\n    round trip 60 ms, 3 % of the probes lost\n"
						 "    not direct: the peer does not answer\n"));
	assert_null(strstr(strstr(temp_read("out"), "c.ntm.example"), "probes"));
	assert_int_equal(run_against(relayed, "-c % tunnels"), NTM_EXIT_OK);
	assert_non_null(strstr(temp_read("out"), "\n    not direct: the peer does not answer\n"));
	assert_int_equal(run_against(direct, "-c % tunnels"), NTM_EXIT_OK);
	assert_non_null(strstr(temp_read("out"), "    7 ms   0 % lost\n"));
}

static void test_tables(void **state)
{
	const struct script tunnels = {
		.replies = {"{\"tunnels\": [{\"peer\": \"b.ntm.example\", \"vip4\": "
			    "\"198.18.0.8\", \"state\": \"up\", \"packets_in\": 5, "
			    "\"packets_out\": 6}]}"}};

	(void)state;
	assert_int_equal(run_against(tunnels, "-c % tunnels"), NTM_EXIT_OK);
	assert_non_null(strstr(temp_read("out"), "PEER"));
	assert_non_null(strstr(temp_read("out"), "b.ntm.example"));
	assert_null(strstr(temp_read("out"), "% lost"));
	assert_int_equal(run_against(tunnels, "-c % tunnels --json"), NTM_EXIT_OK);
	assert_int_equal(temp_read("out")[0], '{');
}

/* The only path loses packets; nothing comes back by any path. */
static void test_bad_tunnels(void **state)
{
	const struct script lossy = {
		.replies = {"{\"tunnels\": [{\"peer\": \"b\", \"state\": \"up\", \"path\": "
			    "\"direct\", \"via\": \"192.0.2.1:1\", \"paths\": [{\"path\": "
			    "\"direct\", \"via\": \"192.0.2.1:1\", \"state\": \"works\", "
			    "\"current\": true, \"rtt_ms\": 3, \"loss_pct\": 21}]}]}"}};
	const struct script silent = {
		.replies = {"{\"tunnels\": [{\"peer\": \"b\", \"state\": \"up\", \"path\": "
			    "\"relay\", \"via\": \"192.0.2.1:1\", \"silent\": true, "
			    "\"error\": \"none of the 1 relays answers\"}]}"}};

	(void)state;
	assert_int_equal(run_against(lossy, "-c % tunnels"), NTM_EXIT_OK);
	assert_non_null(strstr(temp_read("out"), " 21 % lost"));
	assert_int_equal(run_against(silent, "-c % tunnels"), NTM_EXIT_OK);
	assert_non_null(strstr(temp_read("out"), " silent     relay 192.0.2.1:1"));
	assert_non_null(strstr(temp_read("out"), "none of the 1 relays answers"));
}

static void test_calls(void **state)
{
	const struct script calls = {
		.replies = {"{\"calls\": [{\"peer\": \"b\", \"tunnel\": \"up\", \"path\": "
			    "\"relay\", \"via\": \"192.0.2.1:1\"}, {\"peer\": \"c\", "
			    "\"tunnel\": \"up\", \"via\": \"192.0.2.1:1\", \"silent\": true}, "
			    "{\"peer\": \"d\", \"tunnel\": \"failed\"}]}"}};

	(void)state;
	assert_int_equal(run_against(calls, "-c % calls"), NTM_EXIT_OK);
	assert_non_null(strstr(temp_read("out"), " relay 192.0.2.1:1 "));
	assert_non_null(strstr(temp_read("out"), " silent "));
	assert_non_null(strstr(temp_read("out"), " failed "));
}

/* Pasted with a blank in it. */
static void test_broken_token(void **state)
{
	(void)state;
	assert_int_equal(run("-c % join ntm1.abc def"), NTM_EXIT_USAGE);
	assert_non_null(strstr(temp_read("err"), "def is one word too many"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_token_of_a_relay),
		cmocka_unit_test(test_bad_configuration),
		cmocka_unit_test(test_help_names_every_verb),
		cmocka_unit_test(test_not_joined),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_status_of_relays),
		cmocka_unit_test(test_status_of_a_revoked_node),
		cmocka_unit_test(test_real_media),
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_bad_tunnels),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_broken_token),
	};

	return cmocka_run_group_tests(tests, setup, temp_dir_remove);
}
