/* SPDX-License-Identifier: BSD-2-Clause */
/* ntm-dc's command line from init to revocation: with and without the daemon, and its manual. */
#include "dc_cli.h"

#include "node/temp_dir.h"

#include "ntm/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define ARGS   20
#define NOBODY 65534

/* Splits a command line; "%" stands for the configuration. */
static int split(const char *line, char *argv[ARGS + 1])
{
	static char text[600];
	int argc = 0;

	snprintf(text, sizeof(text), "ntm-dc %s", line);
	for (char *word = strtok(text, " "); word != NULL && argc < ARGS; word = strtok(NULL, " "))
		argv[argc++] =
			strcmp(word, "%") == 0 ? (char *)(uintptr_t)temp_path("dc.conf") : word;
	argv[argc] = NULL;
	optind = 0;
	return argc;
}

/* Runs a command line, its output in the files out and err. Returns the exit code. */
static int run(const char *line)
{
	char *argv[ARGS + 1];
	int saved[2] = {dup(1), dup(2)};
	const char *names[2] = {"out", "err"};
	int argc = split(line, argv);

	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		int fd = open(temp_path(names[i]), O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, i + 1);
		close(fd);
	}
	int code = dc_cli_main(argc, argv);
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		dup2(saved[i], i + 1);
		close(saved[i]);
	}
	return code;
}

static void assert_run(const char *line, int expected)
{
	int code = run(line);

	if (code != expected)
		fail_msg("%s: exit %d, not %d: %s", line, code, expected, temp_read("err"));
}

static void assert_out(const char *words)
{
	const char *out = temp_read("out");

	if (strstr(out, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, out);
}

static void assert_err(const char *words)
{
	const char *err = temp_read("err");

	if (strstr(err, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, err);
}

/* A domain of its own for each test; high ports, no DNS on the host. */
static int setup(void **state)
{
	char conf[600];

	if (temp_dir_make(state) != 0)
		return -1;
	snprintf(conf, sizeof(conf),
		 "dc {\n domain = \"ntm.example\"\n addresses = { \"203.0.113.30:%u\" }\n"
		 " user = \"\"\n state_dir = \"%s/state\"\n run_dir = \"%s/run\"\n}\n"
		 "dns {\n serve = no\n}\n",
		 20000 + (unsigned)getpid() % 10000, temp_dir, temp_dir);
	temp_write("dc.conf", conf);
	return 0;
}

static void read_token(struct ntm_token *token)
{
	const char *out = temp_read("out");

	/* Nothing but one line: it is pasted, or piped to the other host. */
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
	assert_null(strchr(out, ' '));
	assert_int_equal(ntm_token_parse(token, out), 0);
}

static json_t *read_json(void)
{
	json_t *json = json_loads(temp_read("out"), 0, NULL);

	assert_non_null(json);
	return json;
}

/* A member of the only node that was listed. */
static const char *node_text(json_t *reply, const char *name)
{
	json_t *nodes = json_object_get(reply, "nodes");

	assert_int_equal(json_array_size(nodes), 1);
	return json_string_value(json_object_get(json_array_get(nodes, 0), name));
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
		{"-c % run now", NTM_EXIT_USAGE},
		{"-c % node", NTM_EXIT_USAGE},
		{"-c % node frobnicate", NTM_EXIT_USAGE},
		{"-c % node add", NTM_EXIT_USAGE},
		{"-c % node add a b", NTM_EXIT_USAGE},
		{"-c % node list a", NTM_EXIT_USAGE},
		{"-c % node add a --expires 24", NTM_EXIT_USAGE},
		{"-c % node add a --expires 0h", NTM_EXIT_USAGE},
		{"-c % node add a --expires -1h", NTM_EXIT_USAGE},
		{"-c % node add a --expires 1hour", NTM_EXIT_USAGE},
		{"-c % node add a --expires h", NTM_EXIT_USAGE},
		{"-c %x init --domain ntm.example", NTM_EXIT_USAGE},
		{"-c %x init --address 203.0.113.30", NTM_EXIT_USAGE},
		{"-c %x init --domain ntm --address 203.0.113.30", NTM_EXIT_USAGE},
		{"-c %x init --domain ntm.example --address here", NTM_EXIT_USAGE},
		{"-c /nonexistent status", NTM_EXIT_BAD_CONFIG},
		{"-c % status", NTM_EXIT_NOT_RUNNING},
		{"status -c % --json", NTM_EXIT_NOT_RUNNING},
		{"-c % check", NTM_EXIT_FAILED},
		{"-c % run", NTM_EXIT_FAILED},
		{"-c % node list", NTM_EXIT_FAILED},
		{"--help", NTM_EXIT_OK},
		{"status --help", NTM_EXIT_OK},
		{"version", NTM_EXIT_OK},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_run(cases[i].line, cases[i].code);
		/* Data goes to stdout, words to stderr. */
		assert_true((cases[i].code == NTM_EXIT_OK) == (*temp_read("out") != '\0'));
		assert_true((cases[i].code == NTM_EXIT_OK) == (*temp_read("err") == '\0'));
	}
	assert_int_equal(access("%x", F_OK), -1);
}

static void test_bad_configuration(void **state)
{
	(void)state;
	temp_write("dc.conf", "dc {\n nonsense = 1\n}\n");
	assert_run("-c % check", NTM_EXIT_BAD_CONFIG);
	assert_err("dc.conf:2");
	assert_run("-c % run", NTM_EXIT_BAD_CONFIG);
	assert_int_equal(unlink(temp_path("dc.conf")), 0);
	assert_run("-c % run", NTM_EXIT_BAD_CONFIG);
	assert_err("ntm-dc init");
}

static void assert_mode(const char *name, mode_t mode)
{
	struct stat st;

	assert_int_equal(stat(temp_path(name), &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void test_init_writes_what_the_options_say(void **state)
{
	char line[500], before[200];
	json_t *reply;

	(void)state;
	assert_int_equal(unlink(temp_path("dc.conf")), 0);
	snprintf(line, sizeof(line),
		 "-c %% init --domain NTM.Example --address 203.0.113.30 --address 2001:db8::30 "
		 "--prefix4 10.64.0.0/12 --prefix6 fd00:5::/48 --sip sip --user root "
		 "--state-dir %s/state --run-dir %s/run",
		 temp_dir, temp_dir);
	assert_run(line, NTM_EXIT_OK);
	assert_err("node add");
	assert_mode("dc.conf", 0644);
	assert_mode("state", 0700);
	assert_mode("state/root.key", 0600);
	assert_mode("state/dc.key", 0600);
	assert_mode("state/dc.db", 0600);
	assert_run("-c % check", NTM_EXIT_OK);
	assert_out("10.64.0.0/12 and fd00:5::/48");
	/* Nothing is overwritten, with options or without. */
	snprintf(before, sizeof(before), "%s", temp_read("state/root.key"));
	assert_run(line, NTM_EXIT_FAILED);
	assert_err("there already");
	assert_run("-c % init", NTM_EXIT_FAILED);
	assert_string_equal(temp_read("state/root.key"), before);
	assert_run("-c % node add --json sip", NTM_EXIT_OK);
	reply = read_json();
	assert_string_equal(json_string_value(json_object_get(reply, "name")), "sip.ntm.example");
	assert_string_equal(json_string_value(json_object_get(reply, "vip4")), "10.64.0.1");
	assert_string_equal(json_string_value(json_object_get(reply, "vip6")), "fd00:5::1");
	json_decref(reply);
}

static void read_key_file(const char *name, uint8_t key[static 32])
{
	char text[NTM_KEY_STR];

	assert_int_equal(snprintf(text, sizeof(text), "%s", temp_read(name)), NTM_KEY_STR);
	assert_int_equal(ntm_key_parse(key, text), 0);
}

static void test_token_carries_the_keys(void **state)
{
	struct ntm_token token;
	struct ntm_keys keys;
	struct ntm_root root;
	uint8_t seed[NTM_SIGN_SEC_LEN] = {0};

	(void)state;
	assert_run("-c % init", NTM_EXIT_OK);
	assert_run("-c % node add Bob --expires 2h", NTM_EXIT_OK);
	assert_err("198.18.0.1");
	read_token(&token);
	read_key_file("state/dc.key", keys.sec);
	ntm_keys_from_secret(&keys);
	read_key_file("state/root.key", seed);
	ntm_root_from_secret(&root, seed);
	assert_memory_equal(token.dc_key, keys.pub, sizeof(token.dc_key));
	assert_memory_equal(token.root, root.pub, sizeof(token.root));
	assert_string_equal(token.fqdn, "bob.ntm.example");
	assert_string_equal(token.domain, "ntm.example");
	assert_in_range(token.expires_s, time(NULL) + 7190, time(NULL) + 7200);
	assert_run("-c % node add bob --expires 31d", NTM_EXIT_FAILED);
	assert_run("-c % node add bob.elsewhere.example", NTM_EXIT_FAILED);
	assert_run("-c % node add dc", NTM_EXIT_FAILED);
	assert_string_equal(temp_read("out"), "");
}

static void test_lost_files(void **state)
{
	char kept[160];

	(void)state;
	assert_run("-c % init", NTM_EXIT_OK);
	assert_run("-c % node add bob", NTM_EXIT_OK);
	snprintf(kept, sizeof(kept), "%s", temp_path("kept"));
	/* A new database would give bob's addresses to the next node. */
	assert_int_equal(rename(temp_path("state/dc.db"), kept), 0);
	assert_run("-c % node add carol", NTM_EXIT_FAILED);
	assert_err("dc.db: not there");
	assert_run("-c % init", NTM_EXIT_FAILED);
	assert_int_equal(access(temp_path("state/dc.db"), F_OK), -1);
	assert_int_equal(rename(kept, temp_path("state/dc.db")), 0);
	/* A new root key would be another domain. */
	assert_int_equal(rename(temp_path("state/root.key"), kept), 0);
	assert_run("-c % run", NTM_EXIT_FAILED);
	assert_run("-c % init", NTM_EXIT_FAILED);
	assert_err("put its copy back");
	assert_int_equal(access(temp_path("state/root.key"), F_OK), -1);
	assert_int_equal(rename(kept, temp_path("state/root.key")), 0);
	assert_run("-c % check", NTM_EXIT_OK);
	assert_int_equal(chmod(temp_path("state/dc.key"), 0640), 0);
	assert_run("-c % check", NTM_EXIT_NOT_ALLOWED);
	assert_err("others may read it");
}

/* What is asked of the store gives the same answers as what is asked of the daemon. */
static void walk_through_nodes(void)
{
	struct ntm_token token;
	json_t *reply;

	assert_run("-c % node add bob", NTM_EXIT_OK);
	read_token(&token);
	assert_run("-c % node list", NTM_EXIT_OK);
	assert_out("bob.ntm.example");
	assert_out("never joined");
	assert_run("-c % node list --json", NTM_EXIT_OK);
	reply = read_json();
	assert_string_equal(node_text(reply, "vip4"), "198.18.0.1");
	json_decref(reply);
	assert_run("-c % node show bob", NTM_EXIT_OK);
	assert_out("joined     never");
	assert_run("-c % node show carol", NTM_EXIT_FAILED);
	assert_err("carol.ntm.example: no such node");
	assert_run("-c % node revoke bob", NTM_EXIT_OK);
	assert_run("-c % node show bob --json", NTM_EXIT_OK);
	reply = read_json();
	assert_string_equal(node_text(reply, "state"), "revoked");
	json_decref(reply);
	assert_run("-c % node revoke bob", NTM_EXIT_FAILED);
	/* The name is free again, its addresses are not. */
	assert_run("-c % node add bob --json", NTM_EXIT_OK);
	reply = read_json();
	assert_string_equal(json_string_value(json_object_get(reply, "vip4")), "198.18.0.2");
	json_decref(reply);
}

static void test_nodes_without_daemon(void **state)
{
	(void)state;
	assert_run("-c % init", NTM_EXIT_OK);
	walk_through_nodes();
	assert_int_equal(access(temp_path("run/dc.sock"), F_OK), -1);
}

/* ---- the daemon, in a child ---- */

struct daemon {
	pid_t pid;
	int notify; /* what it tells its service manager */
};

static void expect_notice(const struct daemon *daemon, const char *expected)
{
	struct timeval patience = {.tv_sec = 20};
	char text[200] = "";

	setsockopt(daemon->notify, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_true(recv(daemon->notify, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, expected);
}

static void daemon_start(struct daemon *daemon)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char *argv[ARGS + 1];
	int argc = split("-c % run", argv);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", temp_path("notify"));
	daemon->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(daemon->notify, (struct sockaddr *)&addr, sizeof(addr)), 0);
	fflush(NULL);
	daemon->pid = fork();
	if (daemon->pid == 0) {
		setenv("NOTIFY_SOCKET", addr.sun_path, 1);
		_exit(dc_cli_main(argc, argv));
	}
	expect_notice(daemon, "READY=1");
}

static void daemon_stop(struct daemon *daemon)
{
	int status;

	assert_int_equal(kill(daemon->pid, SIGTERM), 0);
	expect_notice(daemon, "STOPPING=1");
	assert_int_equal(waitpid(daemon->pid, &status, 0), daemon->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(daemon->notify);
	assert_int_equal(unlink(temp_path("notify")), 0);
}

/* Exit code of a command line that nobody runs. */
static int run_as_nobody(const char *line)
{
	char *argv[ARGS + 1];
	int argc = split(line, argv);
	int status;

	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		dup2(open("/dev/null", O_WRONLY), 2);
		if (setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
		    setresuid(NOBODY, NOBODY, NOBODY) != 0)
			_exit(99);
		_exit(dc_cli_main(argc, argv));
	}
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static void test_daemon(void **state)
{
	struct daemon daemon;
	json_t *reply;

	(void)state;
	assert_run("-c % init", NTM_EXIT_OK);
	daemon_start(&daemon);
	assert_run("-c % status", NTM_EXIT_OK);
	assert_out("ntm.example");
	assert_run("-c % status --json", NTM_EXIT_OK);
	reply = read_json();
	assert_string_equal(json_string_value(json_object_get(reply, "domain")), "ntm.example");
	json_decref(reply);
	walk_through_nodes();
	assert_run("-c % check", NTM_EXIT_OK);
	/* A second one cannot have the port; the first one does not suffer. */
	assert_run("-c % run", NTM_EXIT_FAILED);
	assert_run("-c % status", NTM_EXIT_OK);
	if (geteuid() == 0) {
		assert_int_equal(run_as_nobody("-c % status"), NTM_EXIT_NOT_ALLOWED);
		assert_int_equal(run_as_nobody("-c % node revoke bob"), NTM_EXIT_NOT_ALLOWED);
	}
	daemon_stop(&daemon);
	assert_int_equal(access(temp_path("run/dc.sock"), F_OK), -1);
	assert_run("-c % status", NTM_EXIT_NOT_RUNNING);
	if (geteuid() == 0)
		assert_int_equal(run_as_nobody("-c % node list"), NTM_EXIT_NOT_ALLOWED);
	/* What it was told lasts. */
	assert_run("-c % node list", NTM_EXIT_OK);
	assert_out("198.18.0.2");
}

static void test_daemon_that_died(void **state)
{
	struct daemon daemon;
	int status;

	(void)state;
	assert_run("-c % init", NTM_EXIT_OK);
	daemon_start(&daemon);
	assert_run("-c % node add bob", NTM_EXIT_OK);
	assert_int_equal(kill(daemon.pid, SIGKILL), 0);
	waitpid(daemon.pid, &status, 0);
	close(daemon.notify);
	assert_int_equal(unlink(temp_path("notify")), 0);
	assert_run("-c % status", NTM_EXIT_NOT_RUNNING);
	assert_run("-c % node list", NTM_EXIT_OK);
	assert_out("bob.ntm.example");
	daemon_start(&daemon);
	assert_run("-c % node list", NTM_EXIT_OK);
	assert_out("bob.ntm.example");
	daemon_stop(&daemon);
}

/* ---- the manual page ---- */

static void assert_in_page(const char *page, const char *before, const char *word, size_t len)
{
	char wanted[80];

	snprintf(wanted, sizeof(wanted), "%s%.*s", before, (int)len, word);
	if (strstr(page, wanted) == NULL)
		fail_msg("ntm-dc(8) has no \"%s\"", wanted);
}

/* Every option and verb that --help names. */
static void test_manual(void **state)
{
	char *page = NULL;
	size_t len = 0;
	unsigned options = 0, verbs = 0;
	FILE *in = fopen(NTM_SOURCE_DIR "/man/ntm-dc.8", "r");

	(void)state;
	assert_non_null(in);
	assert_true(getdelim(&page, &len, '\0', in) > 0);
	fclose(in);
	assert_run("--help", NTM_EXIT_OK);
	const char *help = temp_read("out");
	for (const char *at = help; (at = strstr(at, "  --")) != NULL; options++) {
		at += strlen("  --");
		assert_in_page(page, "Fl -", at, strcspn(at, " \n"));
	}
	for (const char *at = help; (at = strstr(at, "\n  ")) != NULL; at++) {
		at += strlen("\n  ");
		if (*at < 'a' || *at > 'z')
			continue;
		assert_in_page(page, "Cm ", at, strcspn(at, " \n"));
		verbs++;
	}
	assert_in_range(options, 8, 30);
	assert_int_equal(verbs, 6);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_usage, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_bad_configuration, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_init_writes_what_the_options_say, setup,
						temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_token_carries_the_keys, setup,
						temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_lost_files, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_nodes_without_daemon, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_daemon, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_daemon_that_died, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_manual, setup, temp_dir_remove),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
