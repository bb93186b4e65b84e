/* SPDX-License-Identifier: BSD-2-Clause */
/* Forwarding in batches on loopback: same bytes, trains in and out, splits, errors, a busy relay.
 */
#include "ntm/udp_batch.h"

#include "netns.h"

#include "ntm/loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

/* In front of the C library's: call number fail_at (from 1) of sendmmsg fails with fail_errno, and
 * every sendmsg of the relay with fail_single. */
static bool in_netns;
static int fail_at, fail_errno, fail_single, calls, largest;

int sendmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags)
{
	largest = (int)count > largest ? (int)count : largest;
	if (++calls == fail_at) {
		errno = fail_errno;
		return -1;
	}
	return (int)syscall(SYS_sendmmsg, fd, headers, count, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *hdr, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *hdr, int flags)
{
	if (fail_single != 0) {
		errno = fail_single;
		return -1;
	}
	return syscall(SYS_sendmsg, fd, hdr, flags);
}

enum { A, B, C, HOSTS };

struct host {
	int fd;
	struct ntm_addr addr;
};

struct world {
	struct ntm_loop *loop;
	struct ntm_udp_batch *udp;
	struct host host[HOSTS];
	struct ntm_addr from; /* of the last datagram */
	size_t seen, seen_len;
	/* Where to: by the datagram's second byte. */
	struct ntm_addr to;
};
static struct world world;

/* A datagram's first byte names the host that it is for; HOSTS: nobody. */
static const struct ntm_addr *forward(void *ctx, const struct ntm_addr *from, const uint8_t *data,
				      size_t len)
{
	struct world *w = ctx;

	w->from = *from;
	w->seen++;
	w->seen_len += len;
	if (len == 0 || data[0] >= HOSTS)
		return NULL;
	w->to = w->host[data[0]].addr;
	return &w->to;
}

static void open_host(struct host *host, int family)
{
	struct sockaddr_storage sa;
	socklen_t len;

	host->addr = (struct ntm_addr){.ip = ntm_ip_v4(127, 0, 0, 1)};
	if (family == AF_INET6)
		assert_int_equal(ntm_ip_parse(&host->addr.ip, "::1"), 0);
	host->fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(host->fd >= 0);
	len = ntm_addr_to_sockaddr(&host->addr, false, &sa);
	if (bind(host->fd, (struct sockaddr *)&sa, len) != 0)
		skip(); /* no IPv6 */
	assert_int_equal(getsockname(host->fd, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(ntm_addr_from_sockaddr(&host->addr, (struct sockaddr *)&sa), 0);
}

static int setup(void **state)
{
	memset(&world, 0, sizeof(world));
	fail_at = fail_single = calls = largest = 0;
	world.loop = ntm_loop_new();
	assert_non_null(world.loop);
	struct ntm_udp_batch_args args = {.loop = world.loop, .fn = forward, .ctx = &world};
	assert_int_equal(ntm_udp_batch_open(&args, &world.udp), 0);
	for (int i = 0; i < HOSTS; i++)
		open_host(&world.host[i], AF_INET);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ntm_udp_batch_free(w->udp);
	ntm_loop_free(w->loop);
	for (int i = 0; i < HOSTS; i++)
		close(w->host[i].fd);
	return 0;
}

static void send_to_relay(struct world *w, int host, const void *data, size_t len,
			  uint16_t segment_len)
{
	struct ntm_addr to = {.ip = w->host[host].addr.ip, .port = ntm_udp_batch_port(w->udp)};
	struct sockaddr_storage sa;
	socklen_t sa_len = ntm_addr_to_sockaddr(&to, false, &sa);
	int size = segment_len;

	if (setsockopt(w->host[host].fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)) != 0 &&
	    segment_len > 0)
		skip(); /* an old kernel */
	assert_true(sendto(w->host[host].fd, data, len, 0, (struct sockaddr *)&sa, sa_len) ==
		    (ssize_t)len);
}

static void turn_until(struct world *w, size_t seen)
{
	for (int i = 0; i < 200 && w->seen < seen; i++)
		assert_int_equal(ntm_loop_turn(w->loop, 10), 0);
	assert_int_equal(w->seen, seen);
}

/* The next datagram at a host; -1: none. */
static ssize_t take(struct world *w, int host, uint8_t *data, size_t cap)
{
	struct pollfd wait = {.fd = w->host[host].fd, .events = POLLIN};

	return poll(&wait, 1, 0) == 1 ? recv(w->host[host].fd, data, cap, 0) : -1;
}

static size_t drain(struct world *w, int host)
{
	uint8_t data[2048];
	size_t count = 0;

	while (take(w, host, data, sizeof(data)) >= 0)
		count++;
	return count;
}

static void test_same_bytes(void **state)
{
	struct world *w = *state;
	uint8_t data[1400], got[2048];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	data[0] = B;
	send_to_relay(w, A, data, sizeof(data), 0);
	turn_until(w, 1);
	assert_true(ntm_addr_eq(&w->from, &w->host[A].addr));
	assert_int_equal(take(w, B, got, sizeof(got)), sizeof(data));
	assert_memory_equal(got, data, sizeof(data));
	assert_int_equal(drain(w, C) + drain(w, A) + drain(w, B), 0);
	assert_int_equal(ntm_udp_batch_counters(w->udp)->udp.packets_out, 1);
	assert_int_equal(ntm_udp_batch_counters(w->udp)->udp.bytes_out, sizeof(data));
}

static void test_between_families(void **state)
{
	struct world *w = *state;
	uint8_t data[100] = {B}, got[2048];

	close(w->host[A].fd);
	open_host(&w->host[A], AF_INET6);
	send_to_relay(w, A, data, sizeof(data), 0);
	turn_until(w, 1);
	assert_true(ntm_addr_eq(&w->from, &w->host[A].addr));
	assert_int_equal(take(w, B, got, sizeof(got)), sizeof(data));
	data[0] = A;
	send_to_relay(w, B, data, sizeof(data), 0);
	turn_until(w, 2);
	assert_int_equal(take(w, A, got, sizeof(got)), sizeof(data));
}

#define TRAIN   20
#define SEGMENT 100
#define LAST    60

static size_t make_train(uint8_t *data, const uint8_t to[static TRAIN])
{
	for (size_t i = 0; i < TRAIN; i++) {
		memset(data + i * SEGMENT, (int)i, SEGMENT);
		data[i * SEGMENT] = to[i];
	}
	return (TRAIN - 1) * SEGMENT + LAST;
}

static void expect_car(struct world *w, int host, size_t i)
{
	uint8_t got[2048];
	ssize_t len = take(w, host, got, sizeof(got));

	assert_int_equal(len, i == TRAIN - 1 ? LAST : SEGMENT);
	assert_int_equal(got[0], host);
	assert_int_equal(got[1], i);
	assert_int_equal(got[len - 1], i);
}

static void test_train(void **state)
{
	struct world *w = *state;
	uint8_t data[TRAIN * SEGMENT], to[TRAIN];

	memset(to, B, sizeof(to));
	send_to_relay(w, A, data, make_train(data, to), SEGMENT);
	turn_until(w, TRAIN);
	for (size_t i = 0; i < TRAIN; i++)
		expect_car(w, B, i);
	assert_int_equal(drain(w, B), 0);
	assert_int_equal(ntm_udp_batch_counters(w->udp)->trains_in, 1);
	assert_int_equal(ntm_udp_batch_counters(w->udp)->trains_out, 1);
	assert_int_equal(ntm_udp_batch_counters(w->udp)->udp.packets_out, TRAIN);
	assert_int_equal(largest, 1);
}

/* A train of one sender with datagrams for several: each is judged by itself. */
static void test_train_is_split(void **state)
{
	struct world *w = *state;
	static const uint8_t to[TRAIN] = {B,     B, C, C, C, HOSTS, B, C,     B, HOSTS,
					  HOSTS, C, C, B, B, B,     B, HOSTS, C, C};
	uint8_t data[TRAIN * SEGMENT];

	send_to_relay(w, A, data, make_train(data, to), SEGMENT);
	turn_until(w, TRAIN);
	for (size_t i = 0; i < TRAIN; i++)
		if (to[i] < HOSTS)
			expect_car(w, to[i], i);
	assert_int_equal(drain(w, B) + drain(w, C), 0);
}

/* Datagrams that came alone leave together when they may. */
static void test_coupled(void **state)
{
	struct world *w = *state;
	uint8_t data[SEGMENT] = {B}, got[2048];
	static const size_t len[] = {80, 80, 80, 40, 80, 80, 90, 90};
	static const size_t count = sizeof(len) / sizeof(len[0]);

	for (size_t i = 0; i < count; i++) {
		data[1] = (uint8_t)i;
		send_to_relay(w, A, data, len[i], 0);
	}
	turn_until(w, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(take(w, B, got, sizeof(got)), len[i]);
		assert_int_equal(got[1], i);
	}
	/* 80 80 80 40, 80 80, 90 90 */
	assert_int_equal(ntm_udp_batch_counters(w->udp)->trains_out, 3);
	assert_int_equal(ntm_udp_batch_counters(w->udp)->udp.packets_out, count);
}

static void send_one_each(struct world *w)
{
	for (uint8_t host = B; host <= C; host++) {
		uint8_t data[SEGMENT] = {host};

		send_to_relay(w, A, data, sizeof(data), 0);
	}
	turn_until(w, 2);
}

/* Only the datagram in front is given up. */
static void test_refused(void **state)
{
	struct world *w = *state;

	fail_at = 1;
	fail_errno = ENETUNREACH;
	send_one_each(w);
	assert_int_equal(drain(w, B), 0);
	assert_int_equal(drain(w, C), 1);
	assert_int_equal(ntm_udp_batch_counters(w->udp)->udp.dropped_error, 1);
}

static void test_full(void **state)
{
	struct world *w = *state;

	fail_at = 1;
	fail_errno = EAGAIN;
	send_one_each(w);
	assert_int_equal(drain(w, B) + drain(w, C), 0);
	assert_int_equal(ntm_udp_batch_counters(w->udp)->udp.dropped_full, 2);
	w->seen = 0;
	send_one_each(w); /* and goes on */
	assert_int_equal(drain(w, B) + drain(w, C), 2);
}

static void test_interrupted(void **state)
{
	struct world *w = *state;

	fail_at = 1;
	fail_errno = EINTR;
	send_one_each(w);
	assert_int_equal(drain(w, B) + drain(w, C), 2);
}

/* A device that cannot split trains, or a datagram longer than the way allows. */
static void test_train_is_refused(void **state)
{
	struct world *w = *state;
	uint8_t data[TRAIN * SEGMENT], to[TRAIN];
	size_t len;

	memset(to, B, sizeof(to));
	len = make_train(data, to);
	fail_at = 1;
	fail_errno = EMSGSIZE;
	send_to_relay(w, A, data, len, SEGMENT);
	turn_until(w, TRAIN);
	for (size_t i = 0; i < TRAIN; i++)
		expect_car(w, B, i);
	send_to_relay(w, A, data, len, SEGMENT);
	turn_until(w, 2 * TRAIN);
	assert_int_equal(drain(w, B), TRAIN);
	assert_int_equal(largest, 1); /* trains are made still */
	fail_at = calls + 1;
	fail_errno = EIO;
	for (size_t round = 3; round < 5; round++) {
		send_to_relay(w, A, data, len, SEGMENT);
		turn_until(w, round * TRAIN);
		assert_int_equal(drain(w, B), TRAIN);
	}
	assert_int_equal(largest, TRAIN); /* no longer */
	assert_int_equal(ntm_udp_batch_counters(w->udp)->udp.packets_out, 4 * TRAIN);
}

/* What the socket or the device does not take now is counted as that, and not as a way that is not
 * there; and what did not leave together is no train. */
static void test_why_it_was_dropped(void **state)
{
	struct world *w = *state;
	const struct ntm_udp_batch_counters *counters = ntm_udp_batch_counters(w->udp);
	uint8_t data[TRAIN * SEGMENT], to[TRAIN];
	size_t len;

	memset(to, B, sizeof(to));
	len = make_train(data, to);
	fail_at = 1;
	fail_errno = EMSGSIZE;
	fail_single = EAGAIN;
	send_to_relay(w, A, data, len, SEGMENT);
	turn_until(w, TRAIN);
	assert_int_equal(counters->udp.dropped_full, TRAIN);
	assert_int_equal(counters->udp.dropped_error, 0);
	assert_int_equal(counters->trains_out, 0);
	fail_at = calls + 1;
	fail_errno = ENOBUFS;
	send_to_relay(w, A, data, len, SEGMENT);
	turn_until(w, 2 * TRAIN);
	assert_int_equal(counters->udp.dropped_full, 2 * TRAIN);
	assert_int_equal(counters->udp.dropped_error, 0);
	fail_single = ENOBUFS;
	assert_int_equal(ntm_udp_batch_send(w->udp, &w->host[B].addr, data, SEGMENT), -ENOBUFS);
	assert_int_equal(counters->udp.dropped_full, 2 * TRAIN + 1);
	assert_int_equal(drain(w, B), 0);
}

/* A relay that does not read as fast as datagrams come sees only those that the socket kept. */
static void test_overrun(void **state)
{
	struct world *w = *state;
	static uint8_t data[60000] = {HOSTS};
	size_t sent = 0;

	assert_int_equal(ntm_udp_batch_overrun(w->udp), 0);
	for (; sent < 1000; sent++)
		send_to_relay(w, A, data, sizeof(data), 0);
	size_t lost = ntm_udp_batch_overrun(w->udp);
	assert_true(lost > 0);
	turn_until(w, sent - lost);
	assert_int_equal(ntm_udp_batch_overrun(w->udp), lost);
}

static void test_own(void **state)
{
	struct world *w = *state;
	static uint8_t data[70000];
	struct ntm_addr nowhere = {.ip = {.family = 0}, .port = 1};

	assert_int_equal(ntm_udp_batch_send(w->udp, &w->host[B].addr, data, 100), 0);
	assert_int_equal(drain(w, B), 1);
	assert_int_equal(ntm_udp_batch_send(w->udp, &w->host[B].addr, data, sizeof(data)),
			 -EMSGSIZE);
	assert_int_equal(ntm_udp_batch_send(w->udp, &nowhere, data, 100), -EAFNOSUPPORT);
	assert_int_equal(ntm_udp_batch_counters(w->udp)->udp.dropped_error, 1);
	assert_int_equal(ntm_udp_batch_counters(w->udp)->udp.dropped_mtu, 1);
}

/* An interface that is smaller than anything IPv6 has: what nodes rely on goes out in pieces,
 * alone, in trains, and of our own; larger probes are dropped. */
static void test_small_interface(void **state)
{
	struct world *w = *state;
	static uint8_t data[2 * NTM_UDP_ALWAYS] = {B};
	const struct ntm_udp_counters *udp = &ntm_udp_batch_counters(w->udp)->udp;

	if (!in_netns)
		skip();
	data[NTM_UDP_ALWAYS] = B;
	assert_int_equal(system("ip link set lo mtu 600"), 0);
	send_to_relay(w, A, data, NTM_UDP_ALWAYS, 0);
	turn_until(w, 1);
	send_to_relay(w, A, data, NTM_UDP_ALWAYS + 1, 0);
	turn_until(w, 2);
	send_to_relay(w, A, data, 572, 0);
	turn_until(w, 3);
	send_to_relay(w, A, data, NTM_UDP_ALWAYS, 0); /* these two may leave as a train */
	send_to_relay(w, A, data, NTM_UDP_ALWAYS, 0);
	turn_until(w, 5);
	assert_int_equal(ntm_udp_batch_send(w->udp, &w->host[B].addr, data, NTM_UDP_ALWAYS), 0);
	assert_int_equal(ntm_udp_batch_send(w->udp, &w->host[B].addr, data, NTM_UDP_ALWAYS + 1),
			 -EMSGSIZE);
	assert_int_equal(system("ip link set lo mtu 65536"), 0);
	assert_int_equal(drain(w, B), 5);
	assert_int_equal(udp->cut, 4);
	assert_int_equal(udp->dropped_mtu, 2);
	assert_int_equal(udp->dropped_error, 0);
	assert_int_equal(udp->packets_out, 5);
	assert_int_equal(udp->bytes_out, 4 * NTM_UDP_ALWAYS + 572);
}

/* Empty datagrams are handed over as well, and longer than any of ours. */
static void test_odd_lengths(void **state)
{
	struct world *w = *state;
	static uint8_t data[60000] = {HOSTS};

	send_to_relay(w, A, data, 0, 0);
	send_to_relay(w, A, data, 1, 0);
	send_to_relay(w, A, data, sizeof(data), 0);
	turn_until(w, 3);
	assert_int_equal(w->seen_len, sizeof(data) + 1);
}

/* Many a millisecond: fewer wake-ups, nothing lost, and the order kept. */
static void test_busy(void **state)
{
	struct world *w = *state;
	uint8_t data[SEGMENT] = {B}, got[2048];
	uint32_t sent = 0, received = 0, number;

	for (int round = 0; round < 400; round++) {
		for (int i = 0; i < 20; i++, sent++) {
			memcpy(data + 1, &sent, sizeof(sent));
			send_to_relay(w, A, data, sizeof(data), 0);
		}
		assert_int_equal(ntm_loop_turn(w->loop, 1), 0);
		while (take(w, B, got, sizeof(got)) > 0) {
			memcpy(&number, got + 1, sizeof(number));
			assert_int_equal(number, received++);
		}
	}
	turn_until(w, sent);
	received += (uint32_t)drain(w, B);
	assert_int_equal(received, sent);
	/* And when it is over, it wakes up for one alone. */
	for (int i = 0; i < 30; i++)
		assert_int_equal(ntm_loop_turn(w->loop, 1), 0);
	send_to_relay(w, A, data, sizeof(data), 0);
	turn_until(w, sent + 1);
}

int main(void)
{
	in_netns = netns_enter();
	if (in_netns && system("ip link set lo up") != 0)
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_between_families, setup, teardown),
		cmocka_unit_test_setup_teardown(test_train, setup, teardown),
		cmocka_unit_test_setup_teardown(test_train_is_split, setup, teardown),
		cmocka_unit_test_setup_teardown(test_coupled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_train_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_why_it_was_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overrun, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_small_interface, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_lengths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
