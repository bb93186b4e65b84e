/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses, routes, rules and the guard in a network namespace, as ip(8) and nft(8) see them. */
#include "host_net.h"

#include "ntm/loop.h"
#include "ntm/tun.h"

#include "io/netns.h"
#include "node/partner_sample.h"

#include <errno.h>
#include <stdlib.h>

static struct ntm_loop *loop;
static struct ntm_tun *tun;
static struct host_plan plan;
static const struct host_net net = {.tun = "ntm-t",
				    .table = 4331,
				    .priority = 4332,
				    .udp_port = 4330,
				    .mtu = 1400,
				    .guard = true};

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

static int setup(void **state)
{
	struct ntm_tun_args args = {.name = net.tun, .fn = no_packet};
	char err[200];

	(void)state;
	memset(&plan, 0, sizeof(plan));
	plan.vip4 = ntm_ip_v4(198, 18, 0, 7);
	plan.prefixes.count = 2;
	if (ntm_ip_parse(&plan.vip6, "fd00:1:2::7") != 0 ||
	    ntm_prefix_parse(&plan.prefixes.item[0], "198.18.0.0/16") != 0 ||
	    ntm_prefix_parse(&plan.prefixes.item[1], "fd00:1:2::/64") != 0)
		return -1;
	args.loop = loop = ntm_loop_new();
	return ntm_tun_open(&args, &tun, err, sizeof(err));
}

static int teardown(void **state)
{
	(void)state;
	ntm_tun_free(tun);
	tun = NULL;
	host_net_down(&net, &plan);
	ntm_loop_free(loop);
	return 0;
}

static void up(const struct host_plan *before)
{
	char words[400] = "";

	if (host_net_up(&net, &plan, before, words, sizeof(words)) != 0)
		fail_msg("%s", words);
}

static void assert_fences(bool there)
{
	assert_int_equal(netns_shows("ip rule", "from 198.18.0.7 lookup 4331"), there);
	assert_int_equal(netns_shows("ip rule", "to 198.18.0.0/16 lookup 4331"), there);
	assert_int_equal(netns_shows("ip -6 rule", "from fd00:1:2::7 lookup 4331"), there);
	assert_int_equal(netns_shows("ip -6 rule", "to fd00:1:2::/64 lookup 4331"), there);
	assert_int_equal(netns_shows("ip route show table 4331 2>&1", "unreachable default"),
			 there);
	assert_int_equal(netns_shows("ip route show table 4331 2>&1", "unreachable 198.18.0.0/16"),
			 there);
	assert_int_equal(netns_shows("ip -6 route show table 4331 2>&1", "unreachable default"),
			 there);
	assert_int_equal(netns_shows("nft list tables", "inet ntm_guard_ntm_t"), there);
	assert_int_equal(host_net_guarded(&net), there);
}

static void test_up_and_down(void **state)
{
	(void)state;
	up(NULL);
	assert_fences(true);
	assert_true(netns_shows("ip addr show ntm-t", "inet 198.18.0.7/32"));
	assert_true(netns_shows("ip addr show ntm-t", "inet6 fd00:1:2::7/128"));
	assert_true(netns_shows("ip link show ntm-t", "mtu 1400"));
	assert_true(netns_shows("ip route get 198.18.5.5", "dev ntm-t"));
	assert_true(netns_shows("ip route get 198.18.5.5", "src 198.18.0.7"));
	assert_true(netns_shows("ip -6 route get fd00:1:2::5", "dev ntm-t"));
	host_net_down(&net, &plan);
	assert_fences(false);
	assert_false(netns_shows("ip addr show ntm-t", "198.18.0.7"));
	assert_false(netns_shows("ip route show table all", "198.18"));
	assert_false(netns_shows("ip rule", "4332"));
	/* Again, with nothing there. */
	host_net_down(&net, &plan);
}

/* The kernel looks for other owners of the addresses first, and says so until it is done. */
static void settle(void)
{
	for (int i = 0; i < 300 && netns_shows("ip -6 addr show ntm-t", "tentative"); i++)
		usleep(10000);
}

static void test_idempotent(void **state)
{
	char before[8192], after[8192];
	const char *command = "ip rule; ip -6 rule; ip route show table all; "
			      "ip -6 route show table 4331; ip addr show ntm-t; nft list ruleset";

	(void)state;
	up(NULL);
	settle();
	FILE *pipe = popen(command, "r");
	before[fread(before, 1, sizeof(before) - 1, pipe)] = '\0';
	pclose(pipe);
	up(&plan);
	up(NULL);
	settle();
	pipe = popen(command, "r");
	after[fread(after, 1, sizeof(after) - 1, pipe)] = '\0';
	pclose(pipe);
	assert_string_equal(before, after);
}

/* A DHCP server's route (option 121) does not pull virtual traffic out (security.md 0.10). */
static void test_more_specific_route(void **state)
{
	(void)state;
	run("ip link add ntmv0 type veth peer name ntmv1 && ip addr add 192.0.2.1/24 dev ntmv0 && "
	    "ip link set ntmv0 up && ip link set ntmv1 up && "
	    "ip route add 198.18.5.0/24 via 192.0.2.9 && ip route add default via 192.0.2.9");
	assert_true(netns_shows("ip route get 198.18.5.5", "dev ntmv0"));
	up(NULL);
	assert_true(netns_shows("ip route get 198.18.5.5", "dev ntm-t"));
	/* The virtual address does not leave by the default route. */
	assert_true(
		netns_shows("ip route get 203.0.113.1 from 198.18.0.7 2>&1", "No route to host"));
	assert_true(netns_shows("ip route get 203.0.113.1", "dev ntmv0"));
	/* After a crash, the device has gone: nothing passes at all. */
	ntm_tun_free(tun);
	tun = NULL;
	assert_true(netns_shows("ip route get 198.18.5.5 2>&1", "No route to host"));
	assert_true(netns_shows("ip route get 198.18.9.9 2>&1", "No route to host"));
	assert_fences(true);
	host_net_down(&net, &plan);
	assert_true(netns_shows("ip route get 198.18.5.5", "dev ntmv0"));
	run("ip link del ntmv0");
}

static void test_changed_prefixes(void **state)
{
	struct host_plan before = plan;

	(void)state;
	before.prefixes.count = 3;
	assert_int_equal(ntm_prefix_parse(&before.prefixes.item[2], "198.51.100.0/24"), 0);
	struct host_plan after = plan;
	plan = before;
	up(NULL);
	assert_true(netns_shows("ip route get 198.51.100.7", "dev ntm-t"));
	plan = after;
	up(&before);
	assert_false(netns_shows("ip rule", "198.51.100.0"));
	assert_false(netns_shows("ip route show table all", "198.51.100.0"));
	assert_fences(true);
}

static void add_partners(struct host_plan *to)
{
	for (unsigned i = 0; i < PARTNERS_MAX; i++) {
		struct partner partner = partner_many(i);

		to->prefixes.item[to->prefixes.count++] = partner.prefix4;
		to->prefixes.item[to->prefixes.count++] = partner.prefix6;
	}
}

/* As many partner domains as there may be come and go. */
static void test_partners(void **state)
{
	struct host_plan alone = plan;

	(void)state;
	up(NULL);
	add_partners(&plan);
	up(&alone);
	assert_true(netns_shows("ip route get 10.0.5.5", "dev ntm-t"));
	assert_true(netns_shows("ip route get 10.127.5.5", "src 198.18.0.7"));
	assert_true(netns_shows("ip -6 route get fd01:7f::5", "dev ntm-t"));
	assert_true(netns_shows("ip rule", "to 10.127.0.0/16 lookup 4331"));
	assert_true(netns_shows("ip route show table 4331", "unreachable 10.64.0.0/16"));
	struct host_plan many = plan;
	plan = alone;
	up(&many);
	assert_false(netns_shows("ip rule; ip -6 rule", "to 10."));
	assert_false(netns_shows("ip -6 rule", "to fd01:"));
	assert_false(netns_shows("ip route show table all", "10."));
	assert_false(netns_shows("ip -6 route show table 4331", "fd01:"));
	assert_fences(true);
}

static void test_no_ipv6(void **state)
{
	(void)state;
	run("echo 1 > /proc/sys/net/ipv6/conf/ntm-t/disable_ipv6");
	up(NULL);
	assert_true(netns_shows("ip route get 198.18.5.5", "dev ntm-t"));
	assert_false(netns_shows("ip addr show ntm-t", "inet6"));
}

static void test_no_device(void **state)
{
	struct host_net other = net;
	char words[400];

	(void)state;
	other.tun = "ntm-none";
	other.guard = false;
	assert_int_equal(host_net_up(&other, &plan, NULL, words, sizeof(words)), -ENODEV);
	assert_non_null(strstr(words, "TUN"));
	host_net_down(&other, &plan);
}

/* A neighbour that knows the virtual address gets nothing through the real interface, while the
 * same packet from the TUN's side would pass (security.md 0.9). */
static void test_guard_drops(void **state)
{
	(void)state;
	char command[1200];

	snprintf(command, sizeof(command),
		 "NB=ntm-nb-%d; trap 'ip netns del $NB' EXIT; ip netns add $NB && "
		 "ip link add ntmv0 type veth peer name ntmv1 netns $NB && "
		 "ip addr add 192.0.2.1/24 dev ntmv0 && ip link set ntmv0 up && "
		 "ip -n $NB addr add 192.0.2.2/24 dev ntmv1 && ip -n $NB link set ntmv1 up && "
		 "ip -n $NB route add 198.18.0.7 via 192.0.2.1 && "
		 "ip netns exec $NB bash -c 'echo x > /dev/udp/198.18.0.7/7'",
		 (int)getpid());
	up(NULL);
	run(command);
	assert_true(netns_shows("nft list table inet ntm_guard_ntm_t", "counter packets 1 "));
}

static void assert_no_exit_rules(void)
{
	assert_false(netns_shows("{ ip rule; ip -6 rule; } | grep -E '^433[13-6]:'", ":"));
}

static void exits(const struct exit_routes *routes, const struct exit_routes *before)
{
	char words[400] = "";

	if (host_net_exits(&net, &plan, routes, before, words, sizeof(words)) != 0)
		fail_msg("%s", words);
}

static struct exit_routes routes_of(const char *a, const char *b)
{
	struct exit_routes routes = {.count = 2};

	assert_int_equal(ntm_prefix_parse(&routes.item[0], a), 0);
	assert_int_equal(ntm_prefix_parse(&routes.item[1], b), 0);
	return routes;
}

static void test_exits(void **state)
{
	const struct exit_routes one = routes_of("192.0.2.0/24", "2001:db8::5/128");
	const struct exit_routes two = routes_of("192.0.2.0/24", "198.51.100.7/32");
	const struct exit_routes none = {.count = 0};

	(void)state;
	up(NULL);
	exits(&one, NULL);
	assert_true(netns_shows("ip route get 192.0.2.9", "dev ntm-t"));
	assert_true(netns_shows("ip route get 192.0.2.9", "src 198.18.0.7"));
	assert_true(netns_shows("ip -6 route get 2001:db8::5", "src fd00:1:2::7"));
	assert_true(netns_shows("ip rule", "4333:\tfrom all to 192.0.2.0/24 lookup 4331"));
	/* All else is as it was. */
	assert_true(netns_shows("ip route get 192.0.3.9 2>&1", "unreachable"));
	exits(&two, &one);
	assert_true(netns_shows("ip route get 198.51.100.7", "dev ntm-t"));
	assert_false(netns_shows("ip -6 rule", "2001:db8::5"));
	assert_false(netns_shows("ip -6 route show table 4331", "2001:db8::5"));
	exits(&none, &two);
	assert_no_exit_rules();
	assert_false(netns_shows("ip route show table 4331", "198.51.100.7"));
	assert_fences(true);
}

static void real_network(void)
{
	run("ip link add real type veth peer name peer && ip link set real up && ip link set peer "
	    "up");
	run("ip addr add 203.0.113.2/24 dev real && ip route add default via 203.0.113.1");
	run("ip addr add 2001:db8:1::2/64 dev real nodad");
	run("ip -6 route add default via 2001:db8:1::1");
}

/* What a SIP message names does not cut what the host's other programs have with it. */
static void test_exits_of_media(void **state)
{
	struct exit_routes one = routes_of("198.51.100.7/32", "2001:db8::5/128");
	struct exit_routes two = one;
	const struct exit_routes none = {.count = 0};

	(void)state;
	up(NULL);
	real_network();
	one.is_weak[0] = one.is_weak[1] = true;
	for (int i = 0; i < 2; i++) {
		exits(&one, i == 0 ? NULL : &two);
		assert_true(netns_shows("ip route get 198.51.100.7", "dev ntm-t"));
		assert_true(netns_shows("ip route get 198.51.100.7", "src 198.18.0.7"));
		assert_true(netns_shows("ip route get 198.51.100.7 from 198.18.0.7", "dev ntm-t"));
		assert_true(netns_shows("ip route get 198.51.100.7 from 203.0.113.2", "dev real"));
		assert_true(netns_shows("ip route get 2001:db8::5", "dev ntm-t"));
		assert_true(netns_shows("ip route get 2001:db8::5 from fd00:1:2::7", "dev ntm-t"));
		assert_true(netns_shows("ip route get 2001:db8::5 from 2001:db8:1::2", "dev real"));
		/* DNS has told it, too. */
		exits(&two, &one);
		assert_true(netns_shows("ip route get 198.51.100.7 from 203.0.113.2", "dev ntm-t"));
		assert_true(
			netns_shows("ip route get 2001:db8::5 from 2001:db8:1::2", "dev ntm-t"));
	}
	exits(&one, &two);
	exits(&none, &one);
	assert_no_exit_rules();
	assert_false(netns_shows("ip route show table 4331", "198.51.100.7"));
	run("ip link del real");
	assert_fences(true);
}

/* The gateway, the DC and peers may be anywhere: what goes to them never enters the TUN. */
static void test_own_packets_stay_out(void **state)
{
	struct exit_routes one = routes_of("203.0.113.0/24", "2001:db8::/32");
	const struct exit_routes none = {.count = 0};

	(void)state;
	up(NULL);
	real_network();
	exits(&one, NULL);
	assert_true(netns_shows("ip route get 203.0.113.9", "dev ntm-t"));
	assert_true(netns_shows("ip route get 203.0.113.9 ipproto udp sport 4330", "dev real"));
	assert_true(netns_shows("ip route get 203.0.113.9 ipproto udp sport 4331", "dev ntm-t"));
	assert_true(netns_shows("ip route get 203.0.113.9 ipproto tcp sport 4330", "dev ntm-t"));
	assert_true(netns_shows("ip route get 2001:db8::9", "dev ntm-t"));
	assert_true(netns_shows("ip -6 route get 2001:db8::9 ipproto udp sport 4330", "dev real"));
	/* Also when it would have our virtual address, for want of another. */
	assert_true(netns_shows("ip route get 2001:db8::9 from fd00:1:2::7 ipproto udp sport 4330",
				"dev real"));
	/* Rules of others behind ours count for them as for all. */
	run("ip rule add priority 5000 to 203.0.113.9 unreachable");
	assert_true(
		netns_shows("ip route get 203.0.113.9 ipproto udp sport 4330 2>&1", "unreachable"));
	run("ip rule del priority 5000");
	exits(&none, &one);
	assert_no_exit_rules();
	run("ip link del real");
}

/* A node that starts anew sends from another port. */
static void test_own_packets_of_a_former_run(void **state)
{
	const struct exit_routes one = routes_of("203.0.113.0/24", "2001:db8::/32");
	struct host_net former = net;
	char words[400] = "";

	(void)state;
	up(NULL);
	former.udp_port = 5000;
	assert_int_equal(host_net_exits(&former, &plan, &one, NULL, words, sizeof(words)), 0);
	assert_true(netns_shows("ip rule", "sport 5000 goto 4336"));
	exits(&one, NULL);
	assert_false(netns_shows("ip rule", "sport 5000"));
	assert_true(netns_shows("ip rule", "sport 4330 goto 4336"));
	assert_true(netns_shows("ip -6 rule", "sport 4330 goto 4336"));
	exits(&(struct exit_routes){.count = 0}, &one);
}

/* As a VPN does it: networks of the host's own, and whoever calls in, are left alone. */
static void test_exit_of_everything(void **state)
{
	struct exit_routes all = routes_of("0.0.0.0/0", "::/0");
	struct exit_routes more = all;
	const struct exit_routes none = {.count = 0};

	(void)state;
	up(NULL);
	real_network();
	all.is_weak[0] = all.is_weak[1] = true;
	more.is_weak[0] = more.is_weak[1] = true;
	assert_int_equal(ntm_prefix_parse(&more.item[more.count++], "203.0.113.7/32"), 0);
	exits(&all, NULL);
	assert_true(netns_shows("ip route get 192.0.2.9", "dev ntm-t"));
	assert_true(netns_shows("ip route get 192.0.2.9", "src 198.18.0.7"));
	assert_true(netns_shows("ip route get 192.0.2.9 ipproto udp sport 4330", "dev real"));
	assert_true(netns_shows("ip route get 192.0.2.9 from 203.0.113.2", "dev real"));
	assert_true(netns_shows("ip route get 203.0.113.7", "dev real"));
	assert_true(netns_shows("ip route get 198.18.5.5", "dev ntm-t"));
	assert_true(netns_shows("ip -6 route get 2001:db9::5", "src fd00:1:2::7"));
	assert_true(netns_shows("ip -6 route get 2001:db9::5 from 2001:db8:1::2", "dev real"));
	assert_true(netns_shows("ip -6 route get 2001:db8:1::5", "dev real"));
	/* What a name has told is for all, wherever it is. */
	exits(&more, &all);
	assert_true(netns_shows("ip route get 203.0.113.7", "dev ntm-t"));
	exits(&all, &more);
	assert_true(netns_shows("ip route get 203.0.113.7", "dev real"));
	exits(&none, &all);
	assert_true(netns_shows("ip route get 192.0.2.9", "dev real"));
	assert_no_exit_rules();
	assert_false(netns_shows("ip route show table 4331", "default dev"));
	assert_fences(true);
	/* And after a crash. */
	exits(&all, NULL);
	exits(&none, NULL);
	assert_no_exit_rules();
	run("ip link del real");
}

static void test_exits_without_ipv6(void **state)
{
	struct exit_routes all = routes_of("::/0", "0.0.0.0/0");
	const struct exit_routes none = {.count = 0};

	(void)state;
	run("echo 1 > /proc/sys/net/ipv6/conf/ntm-t/disable_ipv6");
	up(NULL);
	all.is_weak[0] = all.is_weak[1] = true;
	exits(&all, NULL);
	assert_true(netns_shows("ip route get 192.0.2.9", "dev ntm-t"));
	assert_false(netns_shows("ip -6 rule", "4335:"));
	exits(&none, &all);
	assert_no_exit_rules();
}

/* A former run that crashed may have left addresses that DNS told it. */
static void test_exits_of_a_former_run(void **state)
{
	const struct exit_routes one = routes_of("192.0.2.0/24", "2001:db8::5/128");
	const struct exit_routes two = routes_of("192.0.2.0/24", "198.51.100.7/32");

	(void)state;
	up(NULL);
	exits(&one, NULL);
	exits(&two, NULL);
	assert_false(netns_shows("ip -6 rule", "2001:db8::5"));
	assert_true(netns_shows("ip rule", "to 198.51.100.7 lookup 4331"));
	assert_fences(true);
	exits(&(struct exit_routes){.count = 0}, &two);
	assert_no_exit_rules();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(test_up_and_down),
		CASE(test_idempotent),
		CASE(test_more_specific_route),
		CASE(test_changed_prefixes),
		CASE(test_no_ipv6),
		CASE(test_no_device),
		CASE(test_guard_drops),
		CASE(test_partners),
		CASE(test_exits),
		CASE(test_exits_of_media),
		CASE(test_own_packets_stay_out),
		CASE(test_own_packets_of_a_former_run),
		CASE(test_exit_of_everything),
		CASE(test_exits_without_ipv6),
		CASE(test_exits_of_a_former_run),
	};

	if (!netns_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
