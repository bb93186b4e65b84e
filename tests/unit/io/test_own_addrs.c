/* SPDX-License-Identifier: BSD-2-Clause */
/* Which own addresses are told, on hosts that have more of them than there is room for. */
#include "ntm/own_addrs.h"

#include "netns.h"
#include "ntm/netlink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROOM 8

/* A host with one address of IPv6, and more of IPv4 than the DC hears of, as bridges of containers
 * have: peers with IPv6 only still find it. */
static void test_both_families(void **state)
{
	struct ntm_ip ips[20];
	struct ntm_addr out[ROOM];

	(void)state;
	for (uint8_t i = 0; i < 18; i++)
		ips[i] = i == 0 ? ntm_ip_v4(203, 0, 113, 50) : ntm_ip_v4(172, 17 + i, 0, 1);
	assert_int_equal(ntm_ip_parse(&ips[18], "fe80::1"), 0);
	assert_int_equal(ntm_ip_parse(&ips[19], "2001:db8::50"), 0);
	assert_int_equal(ntm_own_pick(ips, 20, 5000, out, ROOM), ROOM);
	for (size_t i = 0; i < ROOM; i++) {
		assert_true(ntm_ip_eq(&out[i].ip, &ips[i == 0 ? 0 : i == 1 ? 19 : i - 1]));
		assert_int_equal(out[i].port, 5000);
	}
	assert_int_equal(ntm_own_pick(ips, 3, 5000, out, ROOM), 3);
	assert_int_equal(ntm_own_pick(ips + 18, 2, 5000, out, ROOM), 1);
	assert_true(ntm_ip_eq(&out[0].ip, &ips[19]));
	assert_int_equal(ntm_own_pick(ips, 0, 5000, out, ROOM), 0);
	assert_int_equal(ntm_own_pick(ips, 20, 5000, out, 0), 0);
}

static void test_prefer(void **state)
{
	const struct ntm_ip a = ntm_ip_v4(192, 0, 2, 1), b = ntm_ip_v4(192, 0, 2, 2),
			    c = ntm_ip_v4(192, 0, 2, 3), none = {.family = 0};
	struct ntm_ip ips[3] = {a, b, c};

	(void)state;
	ntm_own_prefer(ips, 3, &b);
	assert_memory_equal(ips, ((struct ntm_ip[]){b, a, c}), sizeof(ips));
	ntm_own_prefer(ips, 3, &b);
	ntm_own_prefer(ips, 3, &none);
	ntm_own_prefer(ips, 0, &c);
	assert_memory_equal(ips, ((struct ntm_ip[]){b, a, c}), sizeof(ips));
	ntm_own_prefer(ips, 3, &c);
	assert_memory_equal(ips, ((struct ntm_ip[]){c, b, a}), sizeof(ips));
}

/* The bridges were there first, and the way to the Internet leaves from a second address. */
static void test_host_with_bridges(void **state)
{
	struct ntm_netlink *nl;
	struct ntm_ip ips[NTM_OWN_IPS];
	struct ntm_addr out[ROOM];
	char text[NTM_IP_STR];

	(void)state;
	if (!netns_enter())
		skip();
	assert_int_equal(ntm_netlink_open(&nl), 0);
	assert_int_equal(ntm_own_ips(nl, 0, ips), 0);
	assert_int_equal(system("ip link add b0 type veth peer name b1 && ip link set b0 up && "
				"ip link set b1 up && for i in $(seq 1 40); do "
				"ip addr add 172.17.$i.1/24 dev b0 || exit 1; done && "
				"ip link add e0 type veth peer name e1 && ip link set e0 up && "
				"ip link set e1 up && ip addr add 192.0.2.7/24 dev e0 && "
				"ip addr add 192.0.2.50/25 dev e0 && "
				"ip addr add 2001:db8::50/64 dev e0 nodad && "
				"ip route add default via 192.0.2.1 src 192.0.2.50 && "
				"ip -6 route add default via 2001:db8::1"),
			 0);
	assert_int_equal(ntm_own_ips(nl, 0, ips), 43);
	assert_int_equal(ntm_own_pick(ips, 43, 4330, out, ROOM), ROOM);
	assert_string_equal(ntm_ip_str(&out[0].ip, text), "192.0.2.50");
	assert_string_equal(ntm_ip_str(&out[1].ip, text), "2001:db8::50");
	ntm_netlink_free(nl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_families),
		cmocka_unit_test(test_prefer),
		cmocka_unit_test(test_host_with_bridges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
