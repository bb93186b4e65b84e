/* SPDX-License-Identifier: BSD-2-Clause */
/* The TUN device in a network namespace: a packet out, a packet in, and the errors in words. */
#include "ntm/tun.h"

#include "netns.h"
#include "ntm/loop.h"
#include "ntm/netlink.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

struct world {
	struct ntm_loop *loop;
	struct ntm_tun *tun;
	uint8_t packet[NTM_PKT_MAX];
	size_t len;
	int count, gone;
};
static struct world world;

static void on_packet(void *ctx, struct ntm_pkt *pkt)
{
	struct world *w = ctx;

	if (pkt->data[0] >> 4 != 4)
		return;
	assert_ptr_equal(pkt->data, pkt->base + NTM_PKT_HEADROOM);
	memcpy(w->packet, pkt->data, pkt->len);
	w->len = pkt->len;
	w->count++;
}

static void on_gone(void *ctx)
{
	struct world *w = ctx;

	w->gone++;
}

static int open_tun(const char *name, struct ntm_tun **out, char *err, size_t err_len)
{
	struct ntm_tun_args args = {.loop = world.loop,
				    .name = name,
				    .fn = on_packet,
				    .on_gone = on_gone,
				    .ctx = &world};

	return ntm_tun_open(&args, out, err, err_len);
}

static int setup(void **state)
{
	char err[200];
	struct ntm_netlink *nl;
	unsigned ifindex;
	struct ntm_ip vip = ntm_ip_v4(198, 18, 10, 7);

	memset(&world, 0, sizeof(world));
	world.loop = ntm_loop_new();
	assert_int_equal(open_tun("ntm0", &world.tun, err, sizeof(err)), 0);
	assert_int_equal(ntm_netlink_open(&nl), 0);
	assert_int_equal(ntm_netlink_ifindex(nl, "ntm0", &ifindex), 0);
	assert_int_equal(ntm_netlink_link_up(nl, ifindex, 1400), 0);
	assert_int_equal(ntm_netlink_addr_add(nl, ifindex, &vip), 0);
	struct ntm_netlink_route route = {.prefix = {ntm_ip_v4(198, 18, 0, 0), 16},
					  .table = 254,
					  .ifindex = ifindex,
					  .src = vip};
	assert_int_equal(ntm_netlink_route_add(nl, &route), 0);
	ntm_netlink_free(nl);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ntm_tun_free(w->tun);
	ntm_loop_free(w->loop);
	return 0;
}

static struct sockaddr_in udp_addr(uint32_t ip, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(ip)};
}

/* Turns the packet of a UDP datagram around: its sender gets it back. */
static void reverse(uint8_t *ip)
{
	uint8_t addr[4], port[2];

	memcpy(addr, ip + 12, 4);
	memcpy(ip + 12, ip + 16, 4);
	memcpy(ip + 16, addr, 4);
	memcpy(port, ip + 20, 2);
	memcpy(ip + 20, ip + 22, 2);
	memcpy(ip + 22, port, 2);
}

static void test_out_and_back(void **state)
{
	struct world *w = *state;
	struct sockaddr_in to = udp_addr(0xC6121409, 5060);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	char answer[16];

	assert_int_equal(sendto(fd, "ping", 4, 0, (struct sockaddr *)&to, sizeof(to)), 4);
	for (int i = 0; i < 200 && w->count == 0; i++)
		assert_int_equal(ntm_loop_turn(w->loop, 10), 0);
	assert_int_equal(w->count, 1);
	assert_int_equal(w->len, 20 + 8 + 4);
	assert_memory_equal(w->packet + 12, "\xC6\x12\x0A\x07\xC6\x12\x14\x09", 8);
	assert_memory_equal(w->packet + 28, "ping", 4);
	reverse(w->packet); /* both checksums survive the swap */
	assert_int_equal(ntm_tun_write(w->tun, w->packet, w->len), 0);
	assert_int_equal(recv(fd, answer, sizeof(answer), 0), 4);
	assert_int_equal(ntm_tun_counters(w->tun)->packets_out, 1);
	assert_int_equal(ntm_tun_counters(w->tun)->bytes_out, w->len);
	assert_true(ntm_tun_counters(w->tun)->packets_in >= 1);
	close(fd);
}

static void test_a_burst_is_shared_over_turns(void **state)
{
	struct world *w = *state;
	struct sockaddr_in to = udp_addr(0xC6121409, 5060);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	for (int i = 0; i < 200; i++)
		assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	assert_int_equal(ntm_loop_turn(w->loop, 1000), 0);
	assert_true(w->count > 0 && w->count < 200);
	for (int i = 0; i < 200 && w->count < 200; i++)
		assert_int_equal(ntm_loop_turn(w->loop, 10), 0);
	assert_int_equal(w->count, 200);
	close(fd);
}

static void test_garbage_written_is_counted(void **state)
{
	struct world *w = *state;

	assert_true(ntm_tun_write(w->tun, "\xff\xff\xff", 3) < 0);
	assert_int_equal(ntm_tun_counters(w->tun)->dropped_error, 1);
	assert_int_equal(ntm_tun_counters(w->tun)->packets_out, 0);
}

static void test_errors_in_words(void **state)
{
	static const char *const bad[] = {"", "ntm%d", "a/b", "a b", "sixteen-bytes-xx"};
	struct ntm_tun *second = NULL;
	char err[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(open_tun(bad[i], &second, err, sizeof(err)), -EINVAL);
		assert_non_null(strstr(err, "name is not valid"));
	}
	assert_int_equal(open_tun("ntm0", &second, err, sizeof(err)), -EBUSY);
	assert_non_null(strstr(err, "ntm0: another program uses it"));
	assert_int_equal(open_tun("lo", &second, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "another kind"));
	assert_int_equal(seteuid(65534), 0);
	assert_int_equal(open_tun("ntm1", &second, err, sizeof(err)), -EPERM);
	assert_int_equal(seteuid(0), 0);
	assert_null(second);
	ntm_tun_free(NULL);
}

static void test_deleted_from_outside(void **state)
{
	struct world *w = *state;

	assert_int_equal(system("ip link del ntm0"), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ntm_loop_turn(w->loop, 5), 0);
	assert_int_equal(w->gone, 1);
	assert_true(ntm_tun_write(w->tun, "\x45", 1) < 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_out_and_back),
		T(test_a_burst_is_shared_over_turns),
		T(test_garbage_written_is_counted),
		T(test_errors_in_words),
		T(test_deleted_from_outside),
	};
	if (!netns_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
