/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole daemon in a network namespace: ready, stopped, crashed in either half, refused. */
#include "keeper.h"

#include "cli.h"
#include "io/netns.h"
#include "node/lease_sample.h"
#include "node/partner_sample.h"
#include "node/temp_dir.h"

#include "ntm/control.h"
#include "ntm/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define FORMER  "nameserver 192.0.2.1\n"
#define WAIT_MS 10000

static struct node_conf conf;
static int notify_fd;

static void open_notify_socket(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	strcpy(addr.sun_path, temp_path("notify"));
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(notify_fd >= 0);
	assert_int_equal(bind(notify_fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	setenv("NOTIFY_SOCKET", addr.sun_path, 1);
}

static void parse_conf(const char *user)
{
	char text[600], words[300];

	snprintf(text, sizeof(text),
		 "node { state_dir = \"%s/state\" run_dir = \"%s/run\" user = \"%s\"\n"
		 "log_level = err }\ntun { name = \"ntm-t\" }\n"
		 "dns { manage = resolvconf resolv_conf = \"%s/resolv.conf\" }\n",
		 temp_dir, temp_dir, user, temp_dir);
	assert_int_equal(node_conf_parse(&conf, text, words, sizeof(words)), 0);
}

static int setup(void **state)
{
	struct node_lease lease;
	char words[300];

	if (temp_dir_make(state) != 0 || !lease_sample(&lease))
		return -1;
	parse_conf("nobody");
	temp_write("resolv.conf", FORMER);
	open_notify_socket();
	return mkdir(conf.state_dir, 0700) != 0 ||
	       lease_save(&lease, conf.state_dir, words, sizeof(words)) != 0;
}

static int teardown(void **state)
{
	close(notify_fd);
	node_conf_free(&conf);
	return temp_dir_remove(state);
}

static pid_t start(void)
{
	fflush(NULL);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(keeper_run(&conf));
	return pid;
}

/* What the service manager was told next; "" when nothing came. */
static const char *notified(int timeout_ms)
{
	static char text[300];
	struct pollfd pfd = {.fd = notify_fd, .events = POLLIN};
	ssize_t len = 0;

	if (poll(&pfd, 1, timeout_ms) == 1)
		len = recv(notify_fd, text, sizeof(text) - 1, 0);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

static pid_t start_ready(void)
{
	pid_t pid = start();

	assert_string_equal(notified(WAIT_MS), "READY=1");
	assert_string_equal(notified(WAIT_MS), "STATUS=198.18.0.7 on ntm-t");
	return pid;
}

/* Its exit code, or 128 + signal. */
static int ended(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	while (notified(0)[0] != '\0')
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static pid_t engine_of(pid_t keeper)
{
	char path[80];
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", keeper, keeper);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return pid;
}

static bool has_gone(pid_t pid)
{
	for (int i = 0; i < WAIT_MS / 20; i++) {
		if (kill(pid, 0) != 0)
			return true;
		poll(NULL, 0, 20);
	}
	return false;
}

static bool is_fenced(void)
{
	return netns_shows("ip rule", "from 198.18.0.7 lookup 4330") &&
	       netns_shows("ip route show table 4330 2>&1", "unreachable 198.18.0.0/16") &&
	       netns_shows("nft list tables", "ntm_guard_ntm_t");
}

static void assert_untouched(void)
{
	assert_string_equal(temp_read("resolv.conf"), FORMER);
	assert_null(temp_read("state/resolv.conf.before"));
	assert_false(netns_shows("ip rule; ip -6 rule", "4330"));
	assert_false(netns_shows("ip route show table all", "198.18"));
	assert_false(netns_shows("nft list tables", "ntm_guard"));
	assert_false(netns_shows("ip link", "ntm-t"));
	assert_int_equal(access(temp_path("run/node.sock"), F_OK), -1);
}

static void stop(pid_t keeper)
{
	assert_int_equal(kill(keeper, SIGTERM), 0);
	assert_int_equal(ended(keeper), NTM_EXIT_OK);
	assert_untouched();
}

static void on_status(void *ctx, const json_t *reply)
{
	*(bool *)ctx =
		strcmp(json_string_value(json_object_get(reply, "name")), "a.ntm.example") == 0 &&
		!json_is_true(json_object_get(reply, "registered"));
}

static void test_run(void **state)
{
	char path[NODE_SOCKET_STR], command[80];
	bool good = false;
	json_t *request = json_pack("{s:s}", "verb", "status");
	pid_t keeper = start_ready();

	(void)state;
	assert_true(is_fenced());
	assert_true(netns_shows("ip addr show ntm-t", "inet 198.18.0.7/32"));
	assert_true(netns_shows("ip route get 198.18.5.5", "dev ntm-t"));
	assert_non_null(strstr(temp_read("resolv.conf"), "nameserver 198.18.255.254\n"));
	/* The half that reads the network may do nothing. */
	snprintf(command, sizeof(command), "cat /proc/%d/status", engine_of(keeper));
	assert_true(netns_shows(command, "Uid:\t65534\t65534\t65534\t65534\n"));
	assert_true(netns_shows(command, "CapPrm:\t0000000000000000\n"));
	assert_true(netns_shows(command, "CapBnd:\t0000000000000000\n"));
	assert_true(netns_shows(command, "NoNewPrivs:\t1\n"));
	assert_int_equal(ntm_control_call(node_conf_socket(&conf, path), request, WAIT_MS,
					  on_status, &good),
			 0);
	json_decref(request);
	assert_true(good);
	stop(keeper);
}

/* As a terminal does it: both halves get the signal, and get it again. */
static void test_many_signals(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		pid_t keeper = start_ready();
		pid_t engine = engine_of(keeper);

		for (int i = 0; i < 20; i++) {
			(void)kill(engine, SIGINT);
			(void)kill(keeper, SIGINT);
			(void)kill(engine, SIGTERM);
		}
		assert_int_equal(ended(keeper), NTM_EXIT_OK);
		assert_untouched();
	}
}

static void test_engine_crash(void **state)
{
	pid_t keeper = start_ready();

	(void)state;
	assert_int_equal(kill(engine_of(keeper), SIGKILL), 0);
	assert_int_equal(ended(keeper), NTM_EXIT_FAILED);
	/* Names are found again; but nothing goes to virtual addresses in clear. */
	assert_string_equal(temp_read("resolv.conf"), FORMER);
	assert_true(is_fenced());
	assert_true(netns_shows("ip route get 198.18.5.5 2>&1", "No route to host"));
	stop(start_ready());
}

static void test_keeper_crash(void **state)
{
	pid_t keeper = start_ready();
	pid_t engine = engine_of(keeper);

	(void)state;
	assert_int_equal(kill(keeper, SIGKILL), 0);
	assert_int_equal(ended(keeper), 128 + SIGKILL);
	assert_true(has_gone(engine));
	assert_true(is_fenced());
	/* Nobody was left to do it; the next start does. */
	assert_non_null(strstr(temp_read("resolv.conf"), "198.18.255.254"));
	stop(start_ready());
}

static void test_device_removed(void **state)
{
	pid_t keeper = start_ready();

	(void)state;
	assert_int_equal(system("ip link del ntm-t"), 0);
	assert_int_equal(ended(keeper), NTM_EXIT_FAILED);
	assert_string_equal(temp_read("resolv.conf"), FORMER);
	assert_true(is_fenced());
	stop(start_ready());
}

static void test_second_instance(void **state)
{
	pid_t keeper = start_ready();

	(void)state;
	assert_int_equal(ended(start()), NTM_EXIT_FAILED);
	assert_true(is_fenced());
	assert_true(netns_shows("ip route get 198.18.5.5", "dev ntm-t"));
	assert_non_null(strstr(temp_read("resolv.conf"), "198.18.255.254"));
	assert_int_equal(access(temp_path("run/node.sock"), F_OK), 0);
	stop(keeper);
}

static void test_not_joined(void **state)
{
	(void)state;
	assert_int_equal(unlink(temp_path("state/lease.json")), 0);
	assert_int_equal(ended(start()), NTM_EXIT_FAILED);
	assert_untouched();
}

static void test_no_user(void **state)
{
	(void)state;
	node_conf_free(&conf);
	parse_conf("no-such-user");
	assert_int_equal(ended(start()), NTM_EXIT_FAILED);
	assert_untouched();
}

/* A lease that would make root route the Internet to the TUN. */
static void test_mad_lease(void **state)
{
	struct node_lease lease;
	char words[300];

	(void)state;
	assert_true(lease_sample(&lease));
	assert_int_equal(ntm_prefix_parse(&lease.prefixes.item[0], "0.0.0.0/0"), 0);
	assert_int_equal(lease_save(&lease, conf.state_dir, words, sizeof(words)), 0);
	assert_int_equal(ended(start()), NTM_EXIT_FAILED);
	assert_untouched();
}

/* Partner domains are there while the DC is away: the plan of as many as there may be crosses from
 * engine to keeper, and what a crash leaves fenced is theirs, too. */
static void test_partners(void **state)
{
	struct node_lease lease;
	static struct partners partners;
	char words[300];

	(void)state;
	assert_int_equal(lease_load(&lease, conf.state_dir, words, sizeof(words)), 0);
	memset(&partners, 0, sizeof(partners));
	for (unsigned i = 0; i < PARTNERS_MAX; i++)
		partner_put(&partners, &lease, partner_many(i));
	assert_int_equal(partners_save(&partners, &lease, conf.state_dir, words, sizeof(words)), 0);
	pid_t keeper = start_ready();
	assert_true(netns_shows("ip route get 10.127.5.5", "dev ntm-t"));
	assert_int_equal(kill(engine_of(keeper), SIGKILL), 0);
	assert_int_equal(ended(keeper), NTM_EXIT_FAILED);
	assert_true(netns_shows("ip route get 10.127.5.5 2>&1", "No route to host"));
	stop(start_ready());
	assert_false(netns_shows("ip route show table all", "10.127"));
}

/* Ordinary servers are reached ordinarily again whatever ends the daemon; what nobody could clean
 * up is gone with the next start. */
static void test_exits(void **state)
{
	static const char exit[] = "exit \"gw\" { prefixes = { \"203.0.113.0/24\" } }\n";
	char text[1000], words[300];

	(void)state;
	node_conf_free(&conf);
	snprintf(text, sizeof(text),
		 "node { state_dir = \"%s/state\" run_dir = \"%s/run\" user = \"nobody\"\n"
		 "log_level = err }\ntun { name = \"ntm-t\" }\n"
		 "dns { manage = resolvconf resolv_conf = \"%s/resolv.conf\" }\n%s",
		 temp_dir, temp_dir, temp_dir, exit);
	assert_int_equal(node_conf_parse(&conf, text, words, sizeof(words)), 0);
	pid_t keeper = start_ready();
	assert_true(netns_shows("ip rule", "4331:\tfrom all to 203.0.113.0/24 lookup 4330"));
	assert_true(netns_shows("ip rule", "4329:\tfrom all ipproto udp sport"));
	assert_true(netns_shows("ip route get 203.0.113.5", "dev ntm-t"));
	assert_true(netns_shows("ip route get 203.0.113.5", "src 198.18.0.7"));
	assert_int_equal(kill(engine_of(keeper), SIGKILL), 0);
	assert_int_equal(ended(keeper), NTM_EXIT_FAILED);
	assert_true(is_fenced());
	assert_false(netns_shows("ip rule", "203.0.113.0/24"));
	keeper = start_ready();
	pid_t engine = engine_of(keeper);
	assert_int_equal(kill(keeper, SIGKILL), 0);
	assert_int_equal(ended(keeper), 128 + SIGKILL);
	assert_true(has_gone(engine));
	assert_true(netns_shows("ip rule", "203.0.113.0/24"));
	keeper = start_ready();
	stop(keeper);
	assert_false(netns_shows("ip rule | grep '^43'", ":"));
}

/* A damaged list is no reason to be without the rest. */
static void test_damaged_partners(void **state)
{
	(void)state;
	temp_write("state/partners.json", "{");
	assert_int_equal(chmod(temp_path("state/partners.json"), 0600), 0);
	pid_t keeper = start_ready();
	assert_true(is_fenced());
	stop(keeper);
}

/* DNS that cannot be taken over is told, and is no reason to be without the network. */
static void test_no_dns(void **state)
{
	(void)state;
	assert_int_equal(unlink(temp_path("resolv.conf")), 0);
	assert_int_equal(mkdir(temp_path("resolv.conf"), 0700), 0);
	pid_t keeper = start_ready();
	assert_true(is_fenced());
	assert_int_equal(kill(keeper, SIGTERM), 0);
	assert_int_equal(ended(keeper), NTM_EXIT_OK);
	assert_false(is_fenced());
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_run),          CASE(test_many_signals),   CASE(test_engine_crash),
		CASE(test_keeper_crash), CASE(test_device_removed), CASE(test_second_instance),
		CASE(test_not_joined),   CASE(test_no_user),        CASE(test_mad_lease),
		CASE(test_no_dns),       CASE(test_partners),       CASE(test_damaged_partners),
		CASE(test_exits),
	};

	if (!netns_enter())
		return 77;
	ntm_log_set_level(NTM_LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
