/* SPDX-License-Identifier: BSD-2-Clause */
/* Queries to former resolvers, on loopback: ids, who may answer, the next server, bounds. */
#include "upstream.h"

#include "ntm/loop.h"
#include "ntm/noise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define QUERY_LEN 29
#define ASKED     0xbeef

struct server {
	int fd;
	struct ntm_addr addr;
	uint8_t msg[UPSTREAM_QUERY_MAX]; /* the last query */
	size_t len;
	struct sockaddr_storage from;
	socklen_t from_len;
};

struct world {
	struct ntm_loop *loop;
	struct upstream *up;
	struct server server[2];
	unsigned answers;
	uint16_t slot;
	bool failed;
	size_t len;
	uint8_t msg[UPSTREAM_ANSWER_MAX];
};
static struct world world;

static void on_answer(void *ctx, uint16_t slot, const uint8_t *msg, size_t len)
{
	struct world *w = ctx;

	w->answers++;
	w->slot = slot;
	w->failed = msg == NULL;
	w->len = len;
	if (len > 0)
		memcpy(w->msg, msg, len);
}

static void open_server(struct server *server)
{
	struct ntm_addr any = {.ip = ntm_ip_v4(127, 0, 0, 1)};
	struct sockaddr_storage sa;
	socklen_t len = ntm_addr_to_sockaddr(&any, false, &sa);

	server->fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_true(server->fd >= 0);
	assert_int_equal(bind(server->fd, (const struct sockaddr *)&sa, len), 0);
	len = sizeof(sa);
	assert_int_equal(getsockname(server->fd, (struct sockaddr *)&sa, &len), 0);
	ntm_addr_from_sockaddr(&server->addr, (const struct sockaddr *)&sa);
}

static int setup(void **state)
{
	struct ntm_addrs servers = {.count = 2};

	(void)state;
	memset(&world, 0, sizeof(world));
	if (ntm_crypto_init() != 0)
		return -1;
	world.loop = ntm_loop_new();
	world.up = upstream_new(world.loop, on_answer, &world);
	for (size_t i = 0; i < 2; i++) {
		open_server(&world.server[i]);
		servers.item[i] = world.server[i].addr;
	}
	upstream_set_servers(world.up, &servers);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	upstream_free(world.up);
	ntm_loop_free(world.loop);
	for (size_t i = 0; i < 2; i++)
		if (world.server[i].fd >= 0)
			close(world.server[i].fd);
	return 0;
}

/* www.example A */
static bool ask(uint16_t slot)
{
	static const uint8_t query[QUERY_LEN] =
		{ASKED >> 8, ASKED & 0xff, 1, 0,   0,   1,   0,   0,   0,   0,   0, 0, 3, 'w',
		 'w',        'w',          7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1, 0,
		 1};

	return upstream_query(world.up, slot, query, sizeof(query));
}

static bool hear(struct server *server)
{
	server->from_len = sizeof(server->from);
	ssize_t len = recvfrom(server->fd, server->msg, sizeof(server->msg), MSG_DONTWAIT,
			       (struct sockaddr *)&server->from, &server->from_len);
	server->len = len > 0 ? (size_t)len : 0;
	return len > 0;
}

static void reply(struct server *from, const struct server *to, const uint8_t *msg, size_t len)
{
	assert_int_equal(sendto(from->fd, msg, len, 0, (const struct sockaddr *)&to->from,
				to->from_len),
			 len);
}

/* Turns until something was answered, or limit_ms is over. */
static void run(int64_t limit_ms)
{
	struct ntm_timers *timers = ntm_loop_timers(world.loop);
	int64_t end_ms = timers->now_ms + limit_ms;

	while (world.answers == 0 && timers->now_ms < end_ms)
		assert_int_equal(ntm_loop_turn(world.loop, end_ms - timers->now_ms), 0);
}

static void test_answer(void **state)
{
	struct server *s = &world.server[0];

	(void)state;
	assert_true(ask(77));
	assert_true(hear(s));
	assert_false(hear(&world.server[1]));
	assert_int_equal(s->len, QUERY_LEN);
	assert_int_equal(s->msg[12], 3);
	s->msg[2] |= 0x80;
	reply(s, s, s->msg, s->len);
	run(1000);
	assert_int_equal(world.answers, 1);
	assert_int_equal(world.slot, 77);
	assert_false(world.failed);
	assert_int_equal(world.len, QUERY_LEN);
	assert_int_equal(world.msg[0] << 8 | world.msg[1], ASKED);
	assert_memory_equal(world.msg + 2, s->msg + 2, QUERY_LEN - 2);
}

/* Ids and ports are drawn anew for every query: nothing to guess from the one before. */
static void test_random(void **state)
{
	struct server *s = &world.server[0];
	unsigned same_id = 0, same_port = 0;
	uint16_t id = ASKED, port = 0;

	(void)state;
	for (uint16_t i = 0; i < 16; i++) {
		struct ntm_addr from;

		assert_true(ask(i));
		assert_true(hear(s));
		ntm_addr_from_sockaddr(&from, (const struct sockaddr *)&s->from);
		same_id += (s->msg[0] << 8 | s->msg[1]) == id;
		same_port += from.port == port;
		id = (uint16_t)(s->msg[0] << 8 | s->msg[1]);
		port = from.port;
	}
	assert_true(same_id <= 1);
	assert_true(same_port <= 1);
}

static void test_strange_answers(void **state)
{
	struct server *s = &world.server[0];
	uint8_t msg[QUERY_LEN];

	(void)state;
	assert_true(ask(1));
	assert_true(hear(s));
	s->msg[2] |= 0x80;
	memcpy(msg, s->msg, sizeof(msg));
	msg[1] ^= 1; /* another id */
	reply(s, s, msg, sizeof(msg));
	memcpy(msg, s->msg, sizeof(msg));
	msg[2] &= 0x7f; /* a query */
	reply(s, s, msg, sizeof(msg));
	memcpy(msg, s->msg, sizeof(msg));
	msg[2] |= 0x08; /* another opcode */
	reply(s, s, msg, sizeof(msg));
	memcpy(msg, s->msg, sizeof(msg));
	msg[5] = 2; /* two questions */
	reply(s, s, msg, sizeof(msg));
	reply(s, s, s->msg, 11);
	/* The right answer from an address that was not asked never gets in. */
	reply(&world.server[1], s, s->msg, s->len);
	run(200);
	assert_int_equal(world.answers, 0);
	assert_int_equal(upstream_counters(world.up)->strange, 5);
	/* None of them ended the wait. */
	reply(s, s, s->msg, s->len);
	run(1000);
	assert_int_equal(world.answers, 1);
	assert_false(world.failed);
}

static void test_silent_server(void **state)
{
	int64_t start_ms = ntm_loop_timers(world.loop)->now_ms;
	struct server *first = &world.server[0], *second = &world.server[1];
	uint16_t id;

	(void)state;
	assert_true(ask(5));
	assert_true(hear(first));
	id = (uint16_t)(first->msg[0] << 8 | first->msg[1]);
	while (!hear(second) && ntm_loop_timers(world.loop)->now_ms < start_ms + 3000)
		ntm_loop_turn(world.loop, 100);
	assert_int_equal(second->len, QUERY_LEN);
	assert_in_range(ntm_loop_timers(world.loop)->now_ms - start_ms, UPSTREAM_TRY_MS,
			UPSTREAM_TRY_MS + 500);
	assert_false(hear(first));
	/* The first one's late answer does not count any more. */
	first->msg[2] |= 0x80;
	(void)sendto(first->fd, first->msg, first->len, 0, (const struct sockaddr *)&first->from,
		     first->from_len);
	assert_true(id != (second->msg[0] << 8 | second->msg[1]) || id == 0);
	second->msg[2] |= 0x80;
	reply(second, second, second->msg, second->len);
	run(1000);
	assert_int_equal(world.answers, 1);
	assert_int_equal(upstream_counters(world.up)->retries, 1);
}

/* ICMP says at once that nobody is there. */
static void test_refused(void **state)
{
	struct server *second = &world.server[1];
	int64_t start_ms = ntm_loop_timers(world.loop)->now_ms;

	(void)state;
	close(world.server[0].fd);
	world.server[0].fd = -1;
	assert_true(ask(6));
	while (!hear(second) && ntm_loop_timers(world.loop)->now_ms < start_ms + 1000)
		ntm_loop_turn(world.loop, 20);
	assert_int_equal(second->len, QUERY_LEN);
	close(second->fd);
	second->fd = -1;
	assert_int_equal(world.answers, 0);
}

static void test_all_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		close(world.server[i].fd);
		world.server[i].fd = -1;
	}
	assert_true(ask(8));
	run(1000);
	assert_int_equal(world.answers, 1);
	assert_true(world.failed);
	assert_int_equal(world.slot, 8);
	assert_int_equal(upstream_counters(world.up)->given_up, 1);
}

static void test_refuses(void **state)
{
	static const uint8_t big[UPSTREAM_QUERY_MAX + 1] = {0};
	const struct ntm_addrs none = {0};

	(void)state;
	assert_false(upstream_query(world.up, 1, big, 11));
	assert_false(upstream_query(world.up, 1, big, sizeof(big)));
	upstream_set_servers(world.up, &none);
	assert_false(ask(1));
}

static void test_bounded(void **state)
{
	struct server *s = &world.server[0];

	(void)state;
	/* The same slot again: the newer query takes its place. */
	assert_true(ask(0));
	assert_true(ask(0));
	for (uint16_t i = 1; i < UPSTREAM_QUERIES; i++)
		assert_true(ask(i));
	assert_int_equal(upstream_counters(world.up)->crowded_out, 0);
	assert_true(hear(s)); /* of the query that was replaced */
	assert_true(hear(s)); /* slot 0 */
	assert_true(ask(UPSTREAM_QUERIES));
	assert_int_equal(upstream_counters(world.up)->crowded_out, 1);
	/* It was the oldest one that went. */
	s->msg[2] |= 0x80;
	(void)sendto(s->fd, s->msg, s->len, 0, (const struct sockaddr *)&s->from, s->from_len);
	assert_true(hear(s));
	s->msg[2] |= 0x80;
	reply(s, s, s->msg, s->len);
	run(1000);
	assert_int_equal(world.slot, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_answer),        CASE(test_random),  CASE(test_strange_answers),
		CASE(test_silent_server), CASE(test_refused), CASE(test_all_refused),
		CASE(test_refuses),       CASE(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
