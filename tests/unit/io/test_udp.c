/* SPDX-License-Identifier: BSD-2-Clause */
/* The UDP socket on loopback: both families, batches, a full ring, errors that must not stop it. */
#include "ntm/udp.h"

#include "netns.h"
#include "ntm/loop.h"
#include "udp_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

/* Stands in front of the C library's: the next `send_failures` calls fail with send_errno. */
static bool in_netns;
static int send_failures, send_errno, send_calls;

int sendmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags)
{
	send_calls++;
	if (send_failures > 0) {
		send_failures--;
		errno = send_errno;
		return -1;
	}
	return (int)syscall(SYS_sendmmsg, fd, headers, count, flags);
}

#define SEEN_MAX 600
struct seen {
	size_t count;
	struct ntm_addr from[SEEN_MAX];
	size_t len[SEEN_MAX];
	uint8_t first[SEEN_MAX];
	bool headroom_ok;
};

struct world {
	struct ntm_loop *loop;
	struct ntm_udp *a, *b;
	struct seen at_a, at_b;
	bool echo;
};
static struct world world;

static void record(struct seen *seen, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	assert_true(seen->count < SEEN_MAX);
	seen->from[seen->count] = *from;
	seen->len[seen->count] = pkt->len;
	seen->first[seen->count++] = pkt->len > 0 ? pkt->data[0] : 0;
	seen->headroom_ok = pkt->data == pkt->base + NTM_PKT_HEADROOM;
}

static void at_a(void *ctx, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	struct world *w = ctx;

	record(&w->at_a, from, pkt);
}

static void at_b(void *ctx, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	struct world *w = ctx;

	record(&w->at_b, from, pkt);
	if (w->echo)
		assert_int_equal(ntm_udp_send(w->b, from, pkt->data, pkt->len), 0);
}

static struct ntm_addr v4_of(const struct ntm_udp *udp)
{
	return (struct ntm_addr){.ip = ntm_ip_v4(127, 0, 0, 1), .port = ntm_udp_port(udp)};
}

static int setup(void **state)
{
	memset(&world, 0, sizeof(world));
	send_failures = 0;
	world.loop = ntm_loop_new();
	assert_non_null(world.loop);
	struct ntm_udp_args args = {.loop = world.loop, .fn = at_a, .ctx = &world};
	assert_int_equal(ntm_udp_open(&args, &world.a), 0);
	args.fn = at_b;
	assert_int_equal(ntm_udp_open(&args, &world.b), 0);
	assert_int_not_equal(ntm_udp_port(world.a), 0);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ntm_udp_free(w->a);
	ntm_udp_free(w->b);
	ntm_loop_free(w->loop);
	return 0;
}

/* Turns until *count is at least n; fails after two quiet seconds. */
static void wait_for(struct world *w, const size_t *count, size_t n)
{
	for (int i = 0; i < 200 && *count < n; i++)
		assert_int_equal(ntm_loop_turn(w->loop, 10), 0);
	assert_true(*count >= n);
}

static void test_ipv4_source_is_not_mapped(void **state)
{
	struct world *w = *state;
	struct ntm_addr to = v4_of(w->b), from = v4_of(w->a);

	w->echo = true;
	assert_int_equal(ntm_udp_send(w->a, &to, "hello", 5), 0);
	wait_for(w, &w->at_a.count, 1);
	assert_int_equal(w->at_b.count, 1);
	assert_int_equal(w->at_b.len[0], 5);
	assert_int_equal(w->at_b.first[0], 'h');
	assert_true(w->at_b.headroom_ok);
	assert_true(ntm_addr_eq(&w->at_b.from[0], &from));
	assert_true(ntm_addr_eq(&w->at_a.from[0], &to));
	assert_int_equal(ntm_udp_counters(w->a)->packets_out, 1);
	assert_int_equal(ntm_udp_counters(w->a)->bytes_out, 5);
	assert_int_equal(ntm_udp_counters(w->a)->bytes_in, 5);
}

static void test_ipv6_on_the_same_socket(void **state)
{
	struct world *w = *state;
	struct ntm_addr to = {.port = ntm_udp_port(w->b)};

	if (!ntm_udp_dual_stack(w->a)) {
		print_message("skipped: this host has no IPv6\n");
		skip();
	}
	assert_int_equal(ntm_ip_parse(&to.ip, "::1"), 0);
	assert_int_equal(ntm_udp_send(w->a, &to, "six", 3), 0);
	wait_for(w, &w->at_b.count, 1);
	assert_true(ntm_ip_eq(&w->at_b.from[0].ip, &to.ip));
}

static void test_bind_to_one_address(void **state)
{
	struct world *w = *state;
	struct ntm_udp *udp;
	struct ntm_udp_args args = {.loop = w->loop, .fn = at_b, .ctx = w};

	args.bind.ip = ntm_ip_v4(127, 0, 0, 2);
	assert_int_equal(ntm_udp_open(&args, &udp), 0);
	struct ntm_addr to = v4_of(w->a), from = {args.bind.ip, ntm_udp_port(udp)};
	assert_int_equal(ntm_udp_send(udp, &to, "x", 1), 0);
	wait_for(w, &w->at_a.count, 1);
	assert_true(ntm_addr_eq(&w->at_a.from[0], &from));

	/* one of IPv4 is of IPv4 only, and says so at once */
	assert_false(ntm_udp_dual_stack(udp));
	struct ntm_addr to6 = {.port = 9};
	assert_int_equal(ntm_ip_parse(&to6.ip, "::1"), 0);
	assert_int_equal(ntm_udp_send(udp, &to6, "x", 1), -EAFNOSUPPORT);

	args.bind.port = ntm_udp_port(udp);
	struct ntm_udp *second = NULL;
	assert_int_equal(ntm_udp_open(&args, &second), -EADDRINUSE);
	assert_null(second);
	args.bind.ip = ntm_ip_v4(192, 0, 2, 1);
	assert_int_equal(ntm_udp_open(&args, &second), -EADDRNOTAVAIL);
	ntm_udp_free(udp);
}

static void test_sends_leave_at_the_end_of_a_turn(void **state)
{
	struct world *w = *state;
	struct ntm_addr to = v4_of(w->b);

	send_calls = 0;
	for (uint8_t i = 0; i < 64; i++)
		assert_int_equal(ntm_udp_send(w->a, &to, &i, 1), 0);
	assert_int_equal(send_calls, 0);
	wait_for(w, &w->at_b.count, 64);
	assert_int_equal(send_calls, 2); /* two batches of 32 */
	for (uint8_t i = 0; i < 64; i++)
		assert_int_equal(w->at_b.first[i], i);
}

static void test_more_than_the_ring(void **state)
{
	struct world *w = *state;
	struct ntm_addr to = v4_of(w->b);

	for (size_t i = 0; i < 2 * NTM_UDP_RING; i++)
		assert_int_equal(ntm_udp_send(w->a, &to, &(uint8_t){(uint8_t)i}, 1), 0);
	wait_for(w, &w->at_b.count, 2 * (size_t)NTM_UDP_RING);
	for (size_t i = 0; i < 2 * NTM_UDP_RING; i++)
		assert_int_equal(w->at_b.first[i], (uint8_t)i);
}

static void test_full_socket_keeps_the_oldest(void **state)
{
	struct world *w = *state;
	struct ntm_addr to = v4_of(w->b);

	send_failures = 1;
	send_errno = EAGAIN;
	for (size_t i = 0; i < NTM_UDP_RING; i++)
		assert_int_equal(ntm_udp_send(w->a, &to, &(uint8_t){(uint8_t)i}, 1), 0);
	/* the flush meets EAGAIN, so there is no room: the newest goes, and no call hammers on */
	assert_int_equal(ntm_udp_send(w->a, &to, "n", 1), -ENOBUFS);
	assert_int_equal(ntm_udp_send(w->a, &to, "n", 1), -ENOBUFS);
	assert_int_equal(ntm_udp_counters(w->a)->dropped_full, 2);
	/* writable again: everything that waited goes, in order */
	wait_for(w, &w->at_b.count, NTM_UDP_RING);
	assert_int_equal(w->at_b.first[0], 0);
	assert_int_equal(w->at_b.first[255], 255);
	assert_int_equal(ntm_udp_counters(w->a)->packets_out, NTM_UDP_RING);
}

static void test_an_error_costs_one_datagram(void **state)
{
	static const int errors[] = {ENETUNREACH,  EHOSTUNREACH, EPERM,
				     ECONNREFUSED, EINVAL,       ENOBUFS};
	struct world *w = *state;
	struct ntm_addr to = v4_of(w->b);

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		send_failures = 1;
		send_errno = errors[i];
		assert_int_equal(ntm_udp_send(w->a, &to, "1", 1), 0);
		assert_int_equal(ntm_udp_send(w->a, &to, "2", 1), 0);
		wait_for(w, &w->at_b.count, i + 1);
		assert_int_equal(w->at_b.first[i], '2');
		assert_int_equal(ntm_udp_counters(w->a)->dropped_error, i + 1);
	}
}

static void test_icmp_does_not_stop_it(void **state)
{
	struct world *w = *state;
	struct ntm_addr closed = {.ip = ntm_ip_v4(127, 0, 0, 1), .port = 1};
	struct ntm_addr to = v4_of(w->b);

	for (int i = 0; i < 5; i++) {
		assert_int_equal(ntm_udp_send(w->a, &closed, "x", 1), 0);
		assert_int_equal(ntm_loop_turn(w->loop, 1), 0);
	}
	w->echo = true;
	assert_int_equal(ntm_udp_send(w->a, &to, "y", 1), 0);
	wait_for(w, &w->at_a.count, 1);
}

static void test_sizes(void **state)
{
	static uint8_t data[NTM_PKT_MAX + 1];
	struct world *w = *state;
	struct ntm_addr to = v4_of(w->b);
	int raw = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_storage sa;
	socklen_t sa_len = ntm_addr_to_sockaddr(&to, false, &sa);

	assert_int_equal(ntm_udp_send(w->a, &to, data, NTM_PKT_MAX + 1), -EMSGSIZE);
	/* from elsewhere, too large: dropped, not cut */
	assert_int_equal(sendto(raw, data, sizeof(data), 0, (struct sockaddr *)&sa, sa_len),
			 sizeof(data));
	assert_int_equal(ntm_udp_send(w->a, &to, data, NTM_PKT_MAX), 0);
	assert_int_equal(ntm_udp_send(w->a, &to, data, 0), 0);
	wait_for(w, &w->at_b.count, 2);
	assert_int_equal(w->at_b.len[0], NTM_PKT_MAX);
	assert_int_equal(w->at_b.len[1], 0);
	assert_int_equal(ntm_udp_counters(w->b)->dropped_oversize, 1);
	close(raw);
}

/* An interface that is smaller than anything IPv6 has: what has to pass is cut, probes are not. */
static void test_small_interface(void **state)
{
	static uint8_t data[NTM_UDP_ALWAYS + 1];
	struct world *w = *state;
	struct ntm_addr to = v4_of(w->b);

	if (!in_netns)
		skip();
	assert_int_equal(system("ip link set lo mtu 600"), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ntm_udp_send(w->a, &to, data, NTM_UDP_ALWAYS), 0);
		assert_int_equal(ntm_udp_send(w->a, &to, data, NTM_UDP_ALWAYS + 1), 0);
		assert_int_equal(ntm_udp_send(w->a, &to, data, 572), 0);
	}
	wait_for(w, &w->at_b.count, 4);
	assert_int_equal(system("ip link set lo mtu 65536"), 0);
	assert_int_equal(w->at_b.count, 4);
	assert_int_equal(w->at_b.len[0], NTM_UDP_ALWAYS);
	assert_int_equal(w->at_b.len[1], 572);
	assert_int_equal(ntm_udp_counters(w->a)->cut, 2);
	assert_int_equal(ntm_udp_counters(w->a)->dropped_mtu, 2);
	assert_int_equal(ntm_udp_counters(w->a)->dropped_error, 0);
	assert_int_equal(ntm_udp_counters(w->a)->packets_out, 4);
}

static int option_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

/* After a send that was cut the socket is as it was. */
static void test_never_fragments(void **state)
{
	struct udp_socket sock;
	struct ntm_addr any = {.port = 0};

	(void)state;
	assert_int_equal(udp_socket_open(&sock, &any), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(option_of(sock.fd, IPPROTO_IP, IP_MTU_DISCOVER),
				 IP_PMTUDISC_PROBE);
		if (sock.dual_stack)
			assert_int_equal(option_of(sock.fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER),
					 IPV6_PMTUDISC_PROBE);
		assert_false(udp_socket_send_cut(&sock, &(struct msghdr){0}));
	}
	close(sock.fd);
}

static bool sends_from(uint8_t family, const char *text)
{
	struct ntm_ip source = ntm_udp_source(family), expected;

	assert_int_equal(ntm_ip_parse(&expected, text), 0);
	return ntm_ip_eq(&source, &expected);
}

/* Of several addresses the one that the default route takes, whichever was there first. */
static void test_source(void **state)
{
	(void)state;
	if (!in_netns)
		skip();
	assert_int_equal(ntm_udp_source(4).family, 0);
	assert_int_equal(ntm_udp_source(6).family, 0);
	assert_int_equal(system("ip link add e0 type veth peer name e1 && ip link set e0 up && "
				"ip link set e1 up && ip addr add 192.0.2.10/24 dev e0 && "
				"ip addr add 198.51.100.20/24 dev e0 && "
				"ip route add default via 198.51.100.1"),
			 0);
	assert_true(sends_from(4, "198.51.100.20"));
	if (system("ip addr add 2001:db8:1::10/64 dev e0 nodad && "
		   "ip addr add 2001:db8:2::20/64 dev e0 nodad && "
		   "ip -6 route add default via 2001:db8:1::1 src 2001:db8:1::10") == 0)
		assert_true(sends_from(6, "2001:db8:1::10"));
	assert_int_equal(system("ip link del e0"), 0);
}

static void test_no_family(void **state)
{
	struct world *w = *state;
	struct ntm_addr to = {.port = 4330};

	assert_int_equal(ntm_udp_send(w->a, &to, "x", 1), -EAFNOSUPPORT);
}

static void test_free_sends_what_waits(void **state)
{
	struct world *w = *state;
	struct ntm_addr to = v4_of(w->b);

	assert_int_equal(ntm_udp_send(w->a, &to, "bye", 3), 0);
	ntm_udp_free(w->a);
	w->a = NULL;
	wait_for(w, &w->at_b.count, 1);
	ntm_udp_free(NULL);
}

int main(void)
{
	in_netns = netns_enter();
	if (in_netns && system("ip link set lo up") != 0)
		return 1;
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_ipv4_source_is_not_mapped),
		T(test_ipv6_on_the_same_socket),
		T(test_bind_to_one_address),
		T(test_sends_leave_at_the_end_of_a_turn),
		T(test_more_than_the_ring),
		T(test_full_socket_keeps_the_oldest),
		T(test_an_error_costs_one_datagram),
		T(test_icmp_does_not_stop_it),
		T(test_sizes),
		T(test_small_interface),
		T(test_never_fragments),
		T(test_source),
		T(test_no_family),
		T(test_free_sends_what_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
