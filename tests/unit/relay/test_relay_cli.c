/* SPDX-License-Identifier: BSD-2-Clause */
/* ntm-relay's command line: what is taken and refused, exit codes, and a daemon that is drained. */
#include "relay_cli.h"

#include "node/temp_dir.h"

#include "ntm/control.h"
#include "ntm/loop.h"
#include "ntm/token.h"

#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define ARGS 8

/* Runs a command line ("%" stands for the configuration), its output in the files out and err. */
static int run(const char *line)
{
	static char text[NTM_TOKEN_STR + 40];
	char *argv[ARGS + 1] = {NULL};
	int argc = 0, saved[2] = {dup(1), dup(2)};
	const char *names[2] = {"out", "err"};

	snprintf(text, sizeof(text), "ntm-relay %s", line);
	for (char *word = strtok(text, " "); word != NULL && argc < ARGS; word = strtok(NULL, " "))
		argv[argc++] =
			strcmp(word, "%") == 0 ? (char *)(uintptr_t)temp_path("relay.conf") : word;
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		int fd = open(temp_path(names[i]), O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, i + 1);
		close(fd);
	}
	optind = 0;
	int code = relay_cli_main(argc, argv);
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		dup2(saved[i], i + 1);
		close(saved[i]);
	}
	return code;
}

/* Of its own for every run of the tests. */
static int port(void)
{
	static int number;

	return number != 0 ? number : (number = 20000 + (int)getpid() % 20000);
}

static int setup(void **state)
{
	char conf[300];

	if (temp_dir_make(state) != 0)
		return -1;
	snprintf(conf, sizeof(conf),
		 "relay {\n listen = \"127.0.0.1:%d\"\n allow_loopback = yes\n state_dir = "
		 "\"%s/s\"\n run_dir = \"%s\"\n user = \"\"\n}\n",
		 port(), temp_dir, temp_dir);
	temp_write("relay.conf", conf);
	temp_write("bad.conf", "relay {\n gatewy = no\n}\n");
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
		{"join a b", NTM_EXIT_USAGE},
		{"-c % status now", NTM_EXIT_USAGE},
		{"version", NTM_EXIT_OK},
		{"--help", NTM_EXIT_OK},
		{"status --help", NTM_EXIT_OK},
		{"-c % status", NTM_EXIT_NOT_RUNNING},
		{"-c % flows --json", NTM_EXIT_NOT_RUNNING},
		{"-c % exits", NTM_EXIT_NOT_RUNNING},
		{"-c % drain", NTM_EXIT_NOT_RUNNING},
		{"-c % check", NTM_EXIT_FAILED},
		{"-c % run", NTM_EXIT_FAILED}, /* not joined */
		{"-c /nonexistent check", NTM_EXIT_BAD_CONFIG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int code = run(cases[i].line);

		if (code != cases[i].code)
			fail_msg("'%s': %d, not %d: %s", cases[i].line, code, cases[i].code,
				 temp_read("err"));
	}
	assert_int_equal(run("-c % status"), NTM_EXIT_NOT_RUNNING);
	assert_non_null(strstr(temp_read("err"), "ntm-relay join"));
	char line[200];
	snprintf(line, sizeof(line), "-c %s check", temp_path("bad.conf"));
	assert_int_equal(run(line), NTM_EXIT_BAD_CONFIG);
	assert_non_null(strstr(temp_read("err"), "bad.conf:2"));
}

static void expect_no_join(const char *token, const char *why)
{
	char line[NTM_TOKEN_STR + 20];

	snprintf(line, sizeof(line), "-c %% join %s", token);
	assert_int_equal(run(line), NTM_EXIT_FAILED);
	if (strstr(temp_read("err"), why) == NULL)
		fail_msg("'%s' is not in '%s'", why, temp_read("err"));
}

static void test_tokens(void **state)
{
	struct ntm_token token = {.kind = NTM_TOKEN_NODE,
				  .fqdn = "a.ntm.example",
				  .domain = "ntm.example",
				  .expires_s = (int64_t)time(NULL) + 60};
	char text[NTM_TOKEN_STR];

	(void)state;
	token.dc[0] = (struct ntm_addr){.ip = ntm_ip_v4(127, 0, 0, 1), .port = 9};
	assert_int_equal(ntm_token_print(&token, text), 0);
	expect_no_join(text, "ntm-node join takes it");
	token.kind = NTM_TOKEN_RELAY;
	token.expires_s = 5;
	assert_int_equal(ntm_token_print(&token, text), 0);
	expect_no_join(text, "has expired");
	text[20] ^= 1;
	expect_no_join(text, "cut or mistyped");
	expect_no_join("hello", "begins with ntmr1.");
	assert_null(temp_read("s/join.key")); /* no token was used up */
}

/* With a certificate for that name, valid for so long. */
static void write_lease(int64_t valid_s, const char *cert_name)
{
	struct relay_lease lease = {.fqdn = "relay1.ntm.example", .domain = "ntm.example"};
	struct ntm_root root;
	struct ntm_cert cert = {.type = NTM_CERT_RELAY,
				.serial = 1,
				.not_before_s = (int64_t)time(NULL) - 86400,
				.not_after_s = (int64_t)time(NULL) + valid_s};
	char words[300];

	snprintf(cert.fqdn, sizeof(cert.fqdn), "%s", cert_name);
	ntm_root_make(&root);
	ntm_keys_make(&lease.keys);
	memcpy(cert.key, lease.keys.pub, NTM_KEY_LEN);
	memcpy(lease.root, root.pub, sizeof(lease.root));
	memset(lease.dc_key, 9, sizeof(lease.dc_key));
	lease.dc[0] = (struct ntm_addr){.ip = ntm_ip_v4(127, 0, 0, 1), .port = 9};
	lease.cert.len = (uint16_t)ntm_cert_sign(&cert, &root, lease.cert.data);
	(void)mkdir(temp_path("s"), 0700);
	assert_int_equal(relay_lease_save(&lease, temp_path("s"), words, sizeof(words)), 0);
}

static void make_lease(void)
{
	write_lease(86400, "relay1.ntm.example");
}

/* Says what is wrong with the certificate: a clock that is right is not asked for. */
static void test_check(void **state)
{
	(void)state;
	write_lease(-3600, "relay1.ntm.example");
	assert_int_equal(run("-c % check"), NTM_EXIT_FAILED);
	assert_non_null(strstr(temp_read("out"), "clock"));
	write_lease(86400, "relay2.ntm.example");
	assert_int_equal(run("-c % check"), NTM_EXIT_FAILED);
	assert_null(strstr(temp_read("out"), "clock"));
	assert_non_null(strstr(temp_read("out"), "join again"));
	make_lease();
	assert_int_equal(run("-c % check"), NTM_EXIT_OK);
}

/* Who may not read the lease does not know whether there is one. */
static void test_join_without_right(void **state)
{
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(temp_dir, 0777), 0);
	assert_int_equal(chmod(temp_path("relay.conf"), 0644), 0);
	(void)unlink(temp_path("out"));
	(void)unlink(temp_path("err"));
	pid_t child = fork();
	if (child == 0)
		_exit(setuid(65534) == 0 ? run("-c % join ntmr1.x") : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), NTM_EXIT_NOT_ALLOWED);
	assert_non_null(strstr(temp_read("err"), "use sudo"));
	assert_null(strstr(temp_read("err"), "already"));
	assert_int_equal(chmod(temp_dir, 0755), 0);
}

static int wait_until_up(void)
{
	int code = NTM_EXIT_NOT_RUNNING;

	for (int i = 0; i < 500 && code == NTM_EXIT_NOT_RUNNING; i++) {
		(void)poll(NULL, 0, 10);
		code = run("-c % status");
	}
	return code;
}

static void test_daemon(void **state)
{
	int status;

	(void)state;
	make_lease();
	assert_int_equal(run("-c % check"), NTM_EXIT_OK);
	assert_int_equal(run("-c % join ntmr1.x"), NTM_EXIT_FAILED);
	assert_non_null(strstr(temp_read("err"), "relay1.ntm.example already"));
	pid_t child = fork();
	if (child == 0)
		_exit(run("-c % run"));
	assert_int_equal(wait_until_up(), NTM_EXIT_FAILED); /* its DC does not answer */
	assert_non_null(strstr(temp_read("out"), "relay1.ntm.example"));
	assert_non_null(strstr(temp_read("out"), "flows       0 of 65536"));
	assert_int_equal(run("-c % status --json"), NTM_EXIT_FAILED);
	assert_non_null(strstr(temp_read("out"), "\"registered\": false"));
	assert_int_equal(run("-c % flows --json"), NTM_EXIT_OK);
	assert_non_null(strstr(temp_read("out"), "\"flows\": []"));
	assert_int_equal(run("-c % flows"), NTM_EXIT_OK);
	assert_int_equal(run("-c % exits --json"), NTM_EXIT_OK);
	assert_non_null(strstr(temp_read("out"), "\"gateway\": false")); /* off by default */
	assert_int_equal(run("-c % exits"), NTM_EXIT_OK);
	assert_non_null(strstr(temp_read("err"), "this relay is no gateway"));
	assert_int_equal(run("-c % run"), NTM_EXIT_FAILED); /* one at a time */
	assert_int_equal(run("-c % drain"), NTM_EXIT_OK);
	assert_non_null(strstr(temp_read("out"), "draining: 0 flows"));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == NTM_EXIT_OK);
	assert_int_equal(run("-c % status"), NTM_EXIT_NOT_RUNNING);
}

/* A relay that stands still loses datagrams before it can count them; status tells all the same. */
static void test_overrun(void **state)
{
	static char data[60000];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int status, fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	to.sin_port = htons((uint16_t)port());
	pid_t child = fork();
	if (child == 0)
		_exit(run("-c % run"));
	assert_int_equal(wait_until_up(), NTM_EXIT_FAILED);
	assert_null(strstr(temp_read("out"), "overrun"));
	assert_int_equal(kill(child, SIGSTOP), 0);
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&to,
					sizeof(to)),
				 sizeof(data));
	close(fd);
	assert_int_equal(kill(child, SIGCONT), 0);
	assert_int_equal(run("-c % status"), NTM_EXIT_FAILED);
	assert_non_null(strstr(temp_read("out"), " overrun\n"));
	assert_int_equal(kill(child, SIGTERM), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
}

static void test_signal(void **state)
{
	int status;

	(void)state;
	pid_t child = fork();
	if (child == 0)
		_exit(run("-c % run"));
	assert_int_equal(wait_until_up(), NTM_EXIT_FAILED);
	assert_int_equal(kill(child, SIGTERM), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == NTM_EXIT_OK);
}

struct answer {
	struct ntm_control *control;
	const char *text;
};

static void on_asked(void *ctx, uint64_t ticket, json_t *request)
{
	struct answer *answer = ctx;

	(void)request;
	(void)ntm_control_reply(answer->control, ticket, json_loads(answer->text, 0, NULL), true);
}

/* What `status` prints when the daemon answers with that text. */
static const char *status_of(const char *text)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct answer answer = {.text = text};
		const struct ntm_control_args args = {.loop = ntm_loop_new(),
						      .path = temp_path("relay.sock"),
						      .gid = (gid_t)-1,
						      .fn = on_asked,
						      .ctx = &answer};

		_exit(ntm_control_open(&args, &answer.control) == 0 ? ntm_loop_run(args.loop) : 1);
	}
	(void)wait_until_up();
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(unlink(temp_path("relay.sock")), 0);
	return temp_read("out");
}

/* A gateway that does not work: which of its three sides it is for. */
static void test_gateway_words(void **state)
{
	const char *out = status_of("{\"registered\": true, \"exit\": {\"registered\": false}}");

	(void)state;
	assert_non_null(strstr(out, "was the relay added with --gateway?"));
	out = status_of("{\"registered\": false, \"exit\": {\"registered\": false}}");
	assert_null(strstr(out, "--gateway"));
	assert_non_null(strstr(out, "gateway     not registered at the DC, nor is the relay"));
	out = status_of("{\"registered\": true, \"exit\": {\"registered\": false, \"ended\": true, "
			"\"words\": \"somebody removed its TUN device: restart ntm-relay\"}}");
	assert_null(strstr(out, "--gateway"));
	assert_non_null(strstr(out, "gateway     has ended"));
	assert_non_null(strstr(out, "restart ntm-relay"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage),  cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_check),  cmocka_unit_test(test_join_without_right),
		cmocka_unit_test(test_daemon), cmocka_unit_test(test_overrun),
		cmocka_unit_test(test_signal), cmocka_unit_test(test_gateway_words),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, temp_dir_remove);
}
