/* SPDX-License-Identifier: BSD-2-Clause */
/* A gateway's host in a network namespace, as ip(8) and nft(8) see it, and the janitor's end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exit_janitor.h"

#include "ntm/ippkt.h"
#include "ntm/loop.h"
#include "ntm/tun.h"

#include "io/netns.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct ntm_loop *loop;
static struct ntm_tun *tun;
static struct exit_host host;
static struct exit_net net;

static void no_packet(void *ctx, struct ntm_pkt *pkt)
{
	(void)ctx;
	(void)pkt;
}

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static struct exit_net net_of(const char *first, const char *second)
{
	struct exit_net made;

	memset(&made, 0, sizeof(made));
	made.vip4 = ntm_ip_v4(198, 18, 0, 100);
	made.prefixes.count = 2;
	assert_int_equal(ntm_prefix_parse(&made.prefixes.item[0], first), 0);
	assert_int_equal(ntm_prefix_parse(&made.prefixes.item[1], second), 0);
	return made;
}

static int setup(void **state)
{
	const struct ntm_tun_args args = {.loop = loop = ntm_loop_new(),
					  .name = "ntmx-t",
					  .fn = no_packet};
	char err[200];

	(void)state;
	host = (struct exit_host){.tun = "ntmx-t", .mtu = 1400};
	net = net_of("198.18.0.0/16", "fd00:1:2::/64");
	run("echo 0 > /proc/sys/net/ipv4/ip_forward");
	return ntm_tun_open(&args, &tun, err, sizeof(err));
}

static int teardown(void **state)
{
	(void)state;
	exit_host_down(&host, &net);
	ntm_tun_free(tun);
	ntm_loop_free(loop);
	return 0;
}

static void up(const struct exit_net *before)
{
	char words[300];

	if (exit_host_up(&host, &net, before, words, sizeof(words)) != 0)
		fail_msg("%s", words);
}

static void assert_up(bool is_up)
{
	assert_int_equal(netns_shows("nft list tables", "inet ntm_exit_ntmx_t"), is_up);
	assert_int_equal(netns_shows("ip route", "198.18.0.0/16 dev ntmx-t"), is_up);
	assert_int_equal(netns_shows("cat /proc/sys/net/ipv4/ip_forward", "1"), is_up);
}

static void test_up_and_down(void **state)
{
	(void)state;
	assert_up(false);
	up(NULL);
	assert_up(true);
	assert_true(netns_shows("ip -6 route", "fd00:1:2::/64 dev ntmx-t"));
	assert_true(netns_shows("ip link show ntmx-t", "mtu 1400"));
	assert_true(netns_shows("nft list ruleset", "iifname \"ntmx-t\" masquerade"));
	/* No address of its own: the relay would tell it to nodes. */
	assert_false(netns_shows("ip addr show ntmx-t", "198.18"));
	exit_host_down(&host, &net);
	assert_up(false);
	assert_false(netns_shows("nft list ruleset", "table"));
	exit_host_down(&host, &net);
}

/* Others were not forwarded before, and are not now. */
static void test_forwarding_of_others(void **state)
{
	(void)state;
	up(NULL);
	assert_true(host.forwarding_was_off);
	assert_true(netns_shows("nft list chain inet ntm_exit_ntmx_t forward",
				"goto back\n\t\tcounter packets 0 bytes 0 drop"));
	exit_host_down(&host, &net);
	/* A host that forwards by its operator's will goes on. */
	run("echo 1 > /proc/sys/net/ipv4/ip_forward");
	up(NULL);
	assert_false(host.forwarding_was_off);
	assert_false(netns_shows("nft list chain inet ntm_exit_ntmx_t forward", "drop"));
	exit_host_down(&host, &net);
	assert_true(netns_shows("cat /proc/sys/net/ipv4/ip_forward", "1"));
}

/* A run that was killed with its janitor left everything. */
static void test_after_a_crash(void **state)
{
	(void)state;
	up(NULL);
	host.forwarding_was_off = false; /* forgotten */
	up(NULL);
	assert_true(host.forwarding_was_off);
	assert_up(true);
	exit_host_down(&host, &net);
	assert_up(false);
}

static void test_other_prefixes(void **state)
{
	const struct exit_net before = net;

	(void)state;
	up(NULL);
	net = net_of("198.18.0.0/16", "100.64.0.0/10");
	up(&before);
	assert_true(netns_shows("ip route", "100.64.0.0/10 dev ntmx-t"));
	assert_false(netns_shows("ip -6 route", "fd00:1:2::/64"));
	assert_true(netns_shows("nft list ruleset", "100.64.0.0/10"));
	assert_up(true);
}

static void test_what_root_does_not_take(void **state)
{
	static const struct {
		const char *text;
		bool is_ok;
	} cases[] = {
		{"198.18.0.0/16", true}, {"10.0.0.0/8", true},      {"fd00::/16", true},
		{"0.0.0.0/0", false},    {"128.0.0.0/1", false},    {"::/0", false},
		{"fc00::/7", false},     {"127.0.0.0/8", false},    {"224.0.0.0/8", false},
		{"fe80::/64", false},    {"169.254.0.0/16", false},
	};
	struct exit_net bad = net;

	(void)state;
	bad.prefixes.count = 0;
	assert_false(exit_net_ok(&bad));
	bad.prefixes.count = NTM_MSG_PREFIXES + 1;
	assert_false(exit_net_ok(&bad));
	bad.prefixes.count = 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ntm_prefix_parse(&bad.prefixes.item[0], cases[i].text), 0);
		if (exit_net_ok(&bad) != cases[i].is_ok)
			fail_msg("%s", cases[i].text);
	}
	memset(&bad.prefixes.item[0], 0xff, sizeof(bad.prefixes.item[0]));
	assert_false(exit_net_ok(&bad));
}

static void test_without_the_device(void **state)
{
	struct exit_host other = {.tun = "ntmx-none", .mtu = 1400};
	char words[300];

	(void)state;
	assert_int_equal(exit_host_up(&other, &net, NULL, words, sizeof(words)), -ENODEV);
	assert_non_null(strstr(words, "ntmx-none"));
	exit_host_down(&other, &net);
}

/* ---- what leaves ---- */

/* A network behind the gateway, and what of the nodes is seen there. */
static void make_outside(void)
{
	run("ip link add out0 type veth peer name out1");
	run("ip link set out0 up && ip link set out1 up");
	run("ip addr add 192.0.2.1/24 dev out0");
	run("ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev out0 nud permanent");
	run("nft add table ip spy && nft add counter ip spy bare && nft add counter ip spy masked");
	run("nft 'add chain ip spy c { type filter hook postrouting priority 300; }'");
	run("nft add rule ip spy c oifname out0 ip saddr 198.18.0.0/16 counter name bare");
	run("nft add rule ip spy c oifname out0 ip saddr 192.0.2.1 counter name masked");
}

static void assert_left(const char *counter, unsigned count)
{
	char command[100], text[40];

	snprintf(command, sizeof(command), "nft list counter ip spy %s", counter);
	snprintf(text, sizeof(text), "packets %u bytes", count);
	if (!netns_shows(command, text))
		fail_msg("%s: not %u", counter, count);
}

static void node_sends(uint16_t port)
{
	const struct ntm_addr from = {.ip = ntm_ip_v4(198, 18, 0, 7), .port = port};
	const struct ntm_addr to = {.ip = ntm_ip_v4(192, 0, 2, 9), .port = 5060};
	uint8_t pkt[100];
	size_t len = ntm_ippkt_build_udp(pkt, sizeof(pkt), &from, &to, "x", 1);

	assert_int_equal(ntm_tun_write(tun, pkt, len), 0);
}

/* Connection tracking makes nothing of some packets, and NAT leaves these as they are. */
static void test_nothing_leaves_with_a_virtual_address(void **state)
{
	static const uint8_t echo_reply[] = {0x45, 0,    0,    28,   0, 0, 0x40, 0, 64, 1,
					     0xb2, 0xbe, 198,  18,   0, 7, 192,  0, 2,  9,
					     0,    0,    0xff, 0xfe, 0, 1, 0,    0};

	(void)state;
	make_outside();
	up(NULL);
	assert_int_equal(ntm_tun_write(tun, echo_reply, sizeof(echo_reply)), 0);
	node_sends(5060);
	assert_left("masked", 1);
	assert_left("bare", 0);
	assert_true(netns_shows("nft list chain inet ntm_exit_ntmx_t out",
				"ct state invalid,untracked counter packets 1 "));
	run("ip link del out0 && nft delete table ip spy");
}

/* One node does not fill the host's connection tracking, which all others need. */
static void test_connections_of_one_node(void **state)
{
	(void)state;
	make_outside();
	up(NULL);
	for (uint16_t i = 0; i < EXIT_CONNS_MAX + 10; i++)
		node_sends((uint16_t)(10000 + i));
	assert_left("masked", EXIT_CONNS_MAX);
	run("ip link del out0 && nft delete table ip spy");
}

/* Who asks a service of the host itself that does not run is told so at once, as ever. */
static void test_refusals_within_the_host(void **state)
{
	const struct sockaddr_in closed = {.sin_family = AF_INET,
					   .sin_port = htons(5399),
					   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char byte = 0;

	(void)state;
	run("ip link set lo up");
	up(NULL);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&closed, sizeof(closed)), 0);
	assert_int_equal(send(fd, &byte, 1, 0), 1);
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
}

/* ---- the janitor ---- */

static struct janitor_reply ask(const struct janitor *janitor, const struct exit_net *what)
{
	struct pollfd pfd = {.fd = janitor->fd, .events = POLLIN};
	struct janitor_reply reply;

	assert_int_equal(janitor_tell(janitor, what), 0);
	assert_int_equal(poll(&pfd, 1, 10000), 1);
	assert_int_equal(janitor_read(janitor, &reply), 1);
	return reply;
}

static void test_janitor(void **state)
{
	struct janitor janitor;
	struct exit_net bad = net;

	(void)state;
	assert_int_equal(janitor_start(&janitor, host.tun, host.mtu), 0);
	bad.prefixes.item[0].len = 0;
	assert_int_equal(ask(&janitor, &bad).err, -EINVAL);
	assert_up(false);
	assert_int_equal(ask(&janitor, &net).err, 0);
	assert_up(true);
	/* A service manager ends all of the service's processes; the daemon goes first. */
	assert_int_equal(kill(janitor.pid, SIGTERM), 0);
	assert_int_equal(ask(&janitor, &net).err, 0);
	janitor_stop(&janitor);
	assert_up(false);
}

/* The daemon ends without a word, and its TUN with it. */
static void test_janitor_after_a_crash(void **state)
{
	int status;
	pid_t daemon;

	(void)state;
	daemon = fork();
	if (daemon == 0) {
		struct janitor janitor;

		if (janitor_start(&janitor, host.tun, host.mtu) == 0 &&
		    ask(&janitor, &net).err == 0 && netns_shows("nft list tables", "ntm_exit"))
			raise(SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(daemon, &status, 0), daemon);
	assert_true(WIFSIGNALED(status));
	for (int i = 0; i < 500 && netns_shows("nft list tables", "ntm_exit"); i++)
		usleep(10000);
	assert_up(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(test_up_and_down),
		CASE(test_forwarding_of_others),
		CASE(test_after_a_crash),
		CASE(test_other_prefixes),
		CASE(test_what_root_does_not_take),
		CASE(test_without_the_device),
		CASE(test_nothing_leaves_with_a_virtual_address),
		CASE(test_connections_of_one_node),
		CASE(test_refusals_within_the_host),
		CASE(test_janitor),
		CASE(test_janitor_after_a_crash),
	};

	if (!netns_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
