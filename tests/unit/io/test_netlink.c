/* SPDX-License-Identifier: BSD-2-Clause */
/* Interfaces, addresses, routes and rules in a network namespace, read back with ip(8). */
#include "ntm/netlink.h"

#include "netns.h"
#include "ntm/loop.h"
#include "ntm/tun.h"

#include <errno.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cmocka.h>

#define TABLE 4330

/* Stands in front of the C library's: loses an answer for a time, or marks a dump as interrupted.
 */
static int lose_answers, interrupt_dumps;

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	if (lose_answers > 0) {
		lose_answers--;
		errno = EAGAIN;
		return -1;
	}
	ssize_t len = syscall(SYS_recvmsg, fd, msg, flags);
	if (len > 0 && interrupt_dumps > 0) {
		struct nlmsghdr *first = msg->msg_iov[0].iov_base;
		first->nlmsg_flags |= NLM_F_DUMP_INTR;
		interrupt_dumps--;
	}
	return len;
}

struct world {
	struct ntm_loop *loop;
	struct ntm_netlink *nl;
	struct ntm_tun *tun;
	unsigned ifindex;
	struct ntm_ip vip4, vip6;
	int changes;
};
static struct world world;

static void no_packet(void *ctx, struct ntm_pkt *pkt)
{
	(void)ctx;
	(void)pkt;
}

static int setup(void **state)
{
	char err[200];

	memset(&world, 0, sizeof(world));
	world.loop = ntm_loop_new();
	struct ntm_tun_args args = {.loop = world.loop, .name = "ntm0", .fn = no_packet};
	assert_int_equal(ntm_netlink_open(&world.nl), 0);
	assert_int_equal(ntm_tun_open(&args, &world.tun, err, sizeof(err)), 0);
	assert_int_equal(ntm_netlink_ifindex(world.nl, "ntm0", &world.ifindex), 0);
	assert_int_equal(ntm_ip_parse(&world.vip4, "198.18.10.7"), 0);
	assert_int_equal(ntm_ip_parse(&world.vip6, "fd00:17::7"), 0);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ntm_tun_free(w->tun);
	ntm_netlink_free(w->nl);
	ntm_loop_free(w->loop);
	return 0;
}

static struct ntm_prefix prefix(const char *text)
{
	struct ntm_prefix result;

	assert_int_equal(ntm_prefix_parse(&result, text), 0);
	return result;
}

static void test_interface(void **state)
{
	struct world *w = *state;
	unsigned none = 7;

	assert_int_equal(ntm_netlink_ifindex(w->nl, "nosuch0", &none), -ENODEV);
	assert_int_equal(ntm_netlink_ifindex(w->nl, "", &none), -ENODEV);
	assert_int_equal(ntm_netlink_ifindex(w->nl, "a-name-that-is-too-long", &none), -ENODEV);
	assert_int_equal(none, 7);
	assert_int_equal(ntm_netlink_link_up(w->nl, w->ifindex, 1400), 0);
	assert_true(netns_shows("ip link show ntm0", ",UP,"));
	assert_true(netns_shows("ip link show ntm0", "mtu 1400"));
	/* no link-local address, so no router solicitations to nowhere */
	assert_false(netns_shows("ip -6 addr show dev ntm0", "fe80"));
	assert_int_equal(ntm_netlink_link_up(w->nl, 9999, 1400), -ENODEV);
}

static void test_addresses(void **state)
{
	struct world *w = *state;
	struct ntm_ip none = {0};

	assert_int_equal(ntm_netlink_link_up(w->nl, w->ifindex, 1400), 0);
	for (int i = 0; i < 2; i++) { /* twice: adding what is there is fine */
		assert_int_equal(ntm_netlink_addr_add(w->nl, w->ifindex, &w->vip4), 0);
		assert_int_equal(ntm_netlink_addr_add(w->nl, w->ifindex, &w->vip6), 0);
	}
	assert_true(netns_shows("ip -4 addr show dev ntm0", "inet 198.18.10.7/32 "));
	assert_true(netns_shows("ip -6 addr show dev ntm0", "inet6 fd00:17::7/128 "));
	assert_false(netns_shows("ip -6 addr show dev ntm0", "tentative"));
	assert_false(netns_shows("ip -6 route", "fd00:17::7"));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ntm_netlink_addr_del(w->nl, w->ifindex, &w->vip4), 0);
		assert_int_equal(ntm_netlink_addr_del(w->nl, w->ifindex, &w->vip6), 0);
	}
	assert_false(netns_shows("ip addr show dev ntm0", "inet"));
	assert_int_equal(ntm_netlink_addr_del(w->nl, 9999, &w->vip4), 0);
	assert_int_equal(ntm_netlink_addr_add(w->nl, 9999, &w->vip4), -ENODEV);
	assert_int_equal(ntm_netlink_addr_add(w->nl, w->ifindex, &none), -EINVAL);
}

static void test_routes(void **state)
{
	struct world *w = *state;
	struct ntm_netlink_route v4 = {prefix("198.18.0.0/16"), TABLE, w->ifindex, 0, w->vip4};
	struct ntm_netlink_route v6 = {prefix("fd00:17::/32"), TABLE, w->ifindex, 0, w->vip6};
	struct ntm_netlink_route no4 = {.prefix = prefix("0.0.0.0/0"),
					.table = TABLE,
					.metric = 9999};
	struct ntm_netlink_route no6 = {.prefix = prefix("::/0"), .table = TABLE, .metric = 9999};

	assert_int_equal(ntm_netlink_link_up(w->nl, w->ifindex, 1400), 0);
	assert_int_equal(ntm_netlink_addr_add(w->nl, w->ifindex, &w->vip4), 0);
	assert_int_equal(ntm_netlink_addr_add(w->nl, w->ifindex, &w->vip6), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ntm_netlink_route_add(w->nl, &v4), 0);
		assert_int_equal(ntm_netlink_route_add(w->nl, &v6), 0);
		assert_int_equal(ntm_netlink_route_add(w->nl, &no4), 0);
		assert_int_equal(ntm_netlink_route_add(w->nl, &no6), 0);
	}
	assert_true(netns_shows("ip -4 route show table 4330", "198.18.0.0/16 dev ntm0"));
	assert_true(netns_shows("ip -4 route show table 4330", "src 198.18.10.7"));
	assert_true(netns_shows("ip -4 route show table 4330", "unreachable default"));
	assert_true(netns_shows("ip -6 route show table 4330", "fd00:17::/32 dev ntm0"));
	assert_true(netns_shows("ip -6 route show table 4330", "src fd00:17::7"));
	assert_true(netns_shows("ip -6 route show table 4330", "unreachable default"));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ntm_netlink_route_del(w->nl, &v4), 0);
		assert_int_equal(ntm_netlink_route_del(w->nl, &v6), 0);
	}
	/* the unreachable ones stay when the interface goes (security.md finding 10) */
	ntm_tun_free(w->tun);
	w->tun = NULL;
	assert_true(netns_shows("ip -4 route show table 4330", "unreachable default"));
	assert_true(netns_shows("ip -6 route show table 4330", "unreachable default"));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ntm_netlink_route_del(w->nl, &no4), 0);
		assert_int_equal(ntm_netlink_route_del(w->nl, &no6), 0);
	}
	assert_false(netns_shows("ip -4 route show table 4330 2>&1", "default"));
	assert_false(netns_shows("ip -6 route show table 4330 2>&1", "default"));
}

static void test_route_replaces_and_reports(void **state)
{
	struct world *w = *state;
	struct ntm_netlink_route on_tun = {.prefix = prefix("198.18.0.0/16"),
					   .table = TABLE,
					   .ifindex = w->ifindex,
					   .metric = 5};
	struct ntm_netlink_route nowhere = on_tun, bad = on_tun;

	assert_int_equal(ntm_netlink_route_add(w->nl, &on_tun), -ENETDOWN);
	assert_int_equal(ntm_netlink_link_up(w->nl, w->ifindex, 1400), 0);
	assert_int_equal(ntm_netlink_route_add(w->nl, &on_tun), 0);
	nowhere.ifindex = 0;
	assert_int_equal(ntm_netlink_route_add(w->nl, &nowhere), 0);
	assert_true(netns_shows("ip -4 route show table 4330", "unreachable 198.18.0.0/16"));
	assert_false(netns_shows("ip -4 route show table 4330", "dev ntm0"));
	assert_int_equal(ntm_netlink_route_del(w->nl, &nowhere), 0);
	bad.prefix.ip.family = 0;
	assert_int_equal(ntm_netlink_route_add(w->nl, &bad), -EINVAL);
	assert_int_equal(ntm_netlink_route_del(w->nl, &bad), -EINVAL);
}

static void test_rules(void **state)
{
	struct world *w = *state;
	struct ntm_netlink_rule rules[] = {
		{.to = prefix("198.18.0.0/16"), .table = TABLE, .priority = 100},
		{.from = prefix("198.18.10.7/32"), .table = TABLE, .priority = 101},
		{.to = prefix("fd00:17::/32"), .table = TABLE, .priority = 100},
		{.from = prefix("fd00:17::7/128"),
		 .to = prefix("fd00::/8"),
		 .table = TABLE,
		 .priority = 101},
	};
	static const char *const shown[] = {
		"100:\tfrom all to 198.18.0.0/16 lookup 4330",
		"101:\tfrom 198.18.10.7 lookup 4330",
		"100:\tfrom all to fd00:17::/32 lookup 4330",
		"101:\tfrom fd00:17::7 to fd00::/8 lookup 4330",
	};

	for (size_t i = 0; i < 4; i++) {
		const char *command = i < 2 ? "ip -4 rule" : "ip -6 rule";
		assert_int_equal(ntm_netlink_rule_add(w->nl, &rules[i]), 0);
		assert_int_equal(ntm_netlink_rule_add(w->nl, &rules[i]), 0);
		assert_true(netns_shows(command, shown[i]));
	}
	for (size_t i = 0; i < 4; i++) {
		/* one deletion is enough: the second addition made no second rule */
		const char *command = i < 2 ? "ip -4 rule" : "ip -6 rule";
		assert_int_equal(ntm_netlink_rule_del(w->nl, &rules[i]), 0);
		assert_false(netns_shows(command, shown[i]));
		assert_int_equal(ntm_netlink_rule_del(w->nl, &rules[i]), 0);
	}
	struct ntm_netlink_rule none = {.table = TABLE, .priority = 1};
	assert_int_equal(ntm_netlink_rule_add(w->nl, &none), -EINVAL);
	struct ntm_netlink_rule mixed = {.from = prefix("198.18.0.0/16"),
					 .to = prefix("fd00::/8"),
					 .table = TABLE};
	assert_int_equal(ntm_netlink_rule_add(w->nl, &mixed), -EINVAL);
}

static void test_own_addresses(void **state)
{
	struct world *w = *state;
	struct ntm_ip found[16];
	size_t count = 99;
	char text[NTM_IP_STR];

	assert_int_equal(ntm_netlink_link_up(w->nl, w->ifindex, 1400), 0);
	assert_int_equal(ntm_netlink_addr_add(w->nl, w->ifindex, &w->vip4), 0);
	assert_int_equal(system("ip link add v0 type veth peer name v1 && ip link set lo up && "
				"ip link set v0 up && ip link set v1 up && "
				"ip addr add 2001:db8::5/64 dev v0 nodad && "
				"ip addr add 2001:db8::6/64 dev v0 nodad preferred_lft 0 && "
				"ip addr add 192.0.2.5/24 dev v0 && "
				"ip addr add 10.1.1.1 peer 10.1.1.2/32 dev v0 && "
				"ip addr add 169.254.7.7/16 dev v0 && "
				"ip link add v2 type veth peer name v3 && "
				"ip addr add 192.0.2.77/24 dev v2"),
			 0);
	assert_int_equal(ntm_netlink_addrs(w->nl, w->ifindex, found, 16, &count), 0);
	assert_int_equal(count, 3);
	assert_string_equal(ntm_ip_str(&found[0], text), "192.0.2.5");
	assert_string_equal(ntm_ip_str(&found[1], text), "10.1.1.1");
	assert_string_equal(ntm_ip_str(&found[2], text), "2001:db8::5");
	/* the bound holds, and without skipping the VIP is among them */
	assert_int_equal(ntm_netlink_addrs(w->nl, w->ifindex, found, 2, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(ntm_netlink_addrs(w->nl, 0, found, 16, &count), 0);
	assert_int_equal(count, 4);
	assert_int_equal(system("ip link del v0 && ip link del v2"), 0);
}

static void test_late_and_interrupted_answers(void **state)
{
	struct world *w = *state;
	struct ntm_ip found[4];
	size_t count = 0;
	unsigned ifindex;

	/* the answer to a call that timed out is not taken for the next one's */
	lose_answers = 1;
	assert_int_equal(ntm_netlink_addr_add(w->nl, 9999, &w->vip4), -ETIMEDOUT);
	assert_int_equal(ntm_netlink_ifindex(w->nl, "ntm0", &ifindex), 0);
	assert_int_equal(ifindex, w->ifindex);
	/* a dump that was interrupted is taken again, and leaves nothing behind */
	assert_int_equal(ntm_netlink_link_up(w->nl, w->ifindex, 1400), 0);
	assert_int_equal(ntm_netlink_addr_add(w->nl, w->ifindex, &w->vip4), 0);
	interrupt_dumps = 2;
	assert_int_equal(ntm_netlink_addrs(w->nl, 0, found, 4, &count), 0);
	assert_int_equal(interrupt_dumps, 0);
	assert_int_equal(count, 1);
	interrupt_dumps = 1000;
	assert_int_equal(ntm_netlink_addrs(w->nl, 0, found, 4, &count), -EINTR);
	interrupt_dumps = 0;
	assert_int_equal(ntm_netlink_addrs(w->nl, 0, found, 4, &count), 0);
	assert_int_equal(count, 1);
}

static void on_change(void *arg)
{
	struct world *w = arg;

	w->changes++;
}

static void test_monitor_debounces(void **state)
{
	struct world *w = *state;
	struct ntm_netlink_monitor *monitor;

	assert_int_equal(ntm_netlink_link_up(w->nl, w->ifindex, 1400), 0);
	assert_int_equal(ntm_netlink_monitor_open(w->loop, on_change, w, &monitor), 0);
	assert_int_equal(ntm_loop_turn(w->loop, 0), 0);
	assert_int_equal(w->changes, 0);
	int64_t start_ms = ntm_loop_timers(w->loop)->now_ms;
	for (uint8_t i = 1; i < 20; i++) {
		struct ntm_ip ip = ntm_ip_v4(198, 18, 1, i);
		assert_int_equal(ntm_netlink_addr_add(w->nl, w->ifindex, &ip), 0);
	}
	for (int i = 0; i < 500 && w->changes == 0; i++)
		assert_int_equal(ntm_loop_turn(w->loop, 10), 0);
	assert_int_equal(w->changes, 1);
	assert_true(ntm_loop_timers(w->loop)->now_ms - start_ms >= NTM_NETLINK_DEBOUNCE_MS);
	for (int i = 0; i < 12; i++)
		assert_int_equal(ntm_loop_turn(w->loop, 10), 0);
	assert_int_equal(w->changes, 1);
	ntm_netlink_monitor_free(monitor);
	ntm_netlink_monitor_free(NULL);
}

static void test_not_permitted(void **state)
{
	struct world *w = *state;
	struct ntm_netlink *nl;

	assert_int_equal(seteuid(65534), 0);
	assert_int_equal(ntm_netlink_open(&nl), 0);
	assert_int_equal(ntm_netlink_link_up(nl, w->ifindex, 1400), -EPERM);
	assert_int_equal(ntm_netlink_addr_add(nl, w->ifindex, &w->vip4), -EPERM);
	ntm_netlink_free(nl);
	assert_int_equal(seteuid(0), 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_interface),
		T(test_addresses),
		T(test_routes),
		T(test_route_replaces_and_reports),
		T(test_rules),
		T(test_own_addresses),
		T(test_late_and_interrupted_answers),
		T(test_monitor_debounces),
		T(test_not_permitted),
	};
	if (!netns_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
