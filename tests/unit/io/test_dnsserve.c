/* SPDX-License-Identifier: BSD-2-Clause */
/* The DNS listener: source of answers, framing, pipelining, and clients that take too much. */
#include "ntm/dnsserve.h"

#include "ntm/loop.h"

#include <arpa/inet.h>
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

/* Stands in front of the C library's: the next `accept_failures` calls find no descriptor. */
static int accept_failures, accept_calls;

int accept4(int fd, __SOCKADDR_ARG addr, socklen_t *len, int flags)
{
	accept_calls++;
	if (accept_failures > 0) {
		accept_failures--;
		errno = EMFILE;
		return -1;
	}
	return (int)syscall(SYS_accept4, fd, addr.__sockaddr__, len, flags);
}

struct world {
	struct ntm_loop *loop;
	struct ntm_dnsserve *serve;
	uint16_t port, port6;
	bool has_ipv6;
	int calls;
	bool last_was_tcp;
	struct ntm_addr last_from;
};
static struct world world;

/* Answers "re:" and the query; "big" with as much as there is room for; "mute" with nothing. */
static size_t on_query(void *ctx, const struct ntm_dnsserve_query *query, uint8_t *out, size_t cap)
{
	struct world *w = ctx;

	w->calls++;
	w->last_was_tcp = query->is_tcp;
	w->last_from = *query->from;
	if (query->len == 4 && memcmp(query->data, "mute", 4) == 0)
		return 0;
	if (query->len == 3 && memcmp(query->data, "big", 3) == 0) {
		memset(out, 'b', cap);
		return cap;
	}
	memcpy(out, "re:", 3);
	size_t len = query->len < cap - 3 ? query->len : cap - 3;
	memcpy(out + 3, query->data, len);
	return 3 + len;
}

static int setup(void **state)
{
	struct ntm_addr addrs[2] = {{.ip = ntm_ip_v4(0, 0, 0, 0)}, {.ip.family = 6}};

	memset(&world, 0, sizeof(world));
	world.loop = ntm_loop_new();
	struct ntm_dnsserve_args args = {.loop = world.loop,
					 .addrs = addrs,
					 .addr_count = 2,
					 .fn = on_query,
					 .ctx = &world};
	world.has_ipv6 = true;
	int err = ntm_dnsserve_open(&args, &world.serve, NULL);
	if (err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL) {
		world.has_ipv6 = false;
		args.addr_count = 1;
		err = ntm_dnsserve_open(&args, &world.serve, NULL);
	}
	assert_int_equal(err, 0);
	world.port = ntm_dnsserve_port(world.serve, 0);
	world.port6 = ntm_dnsserve_port(world.serve, 1);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ntm_dnsserve_free(w->serve);
	ntm_loop_free(w->loop);
	return 0;
}

/* A client whose socket takes answers only from the address it asks. */
static int dial(const char *host, uint16_t port, int type, const char *from)
{
	struct ntm_addr addr = {.port = port}, local = {0};
	struct sockaddr_storage sa;

	assert_int_equal(ntm_ip_parse(&addr.ip, host), 0);
	int fd = socket(addr.ip.family == 4 ? AF_INET : AF_INET6, type, 0);
	if (from != NULL) {
		assert_int_equal(ntm_ip_parse(&local.ip, from), 0);
		socklen_t len = ntm_addr_to_sockaddr(&local, false, &sa);
		assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	}
	socklen_t len = ntm_addr_to_sockaddr(&addr, false, &sa);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
	return fd;
}

static void turn(struct world *w)
{
	for (int i = 0; i < 4; i++)
		assert_int_equal(ntm_loop_turn(w->loop, 2), 0);
}

/* What came within a few turns, as text; "EOF" or "RESET" at its end when the server closed. */
static const char *hear(struct world *w, int fd)
{
	static char text[200000];
	size_t len = 0;

	memset(text, 0, sizeof(text));
	for (int quiet = 0; quiet < 3;) {
		ssize_t n = recv(fd, text + len, sizeof(text) - len - 8, MSG_DONTWAIT);
		if (n > 0) {
			len += (size_t)n;
			quiet = 0;
			continue;
		}
		if (n == 0 || errno != EAGAIN) {
			strcpy(text + len, n == 0 ? "EOF" : "RESET");
			return text;
		}
		turn(w);
		quiet++;
	}
	text[len] = '\0';
	return text;
}

static bool is_closed(struct world *w, int fd)
{
	const char *text = hear(w, fd);

	return strcmp(text, "EOF") == 0 || strcmp(text, "RESET") == 0;
}

static void say(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

/* One query with its two bytes of length. */
static void ask(int fd, const char *query)
{
	size_t len = strlen(query);
	uint8_t framed[512] = {(uint8_t)(len >> 8), (uint8_t)len};

	memcpy(framed + 2, query, len);
	say(fd, framed, len + 2);
}

/* The next framed answer is exactly this. */
static void answers(struct world *w, int fd, const char *expected)
{
	const char *text = hear(w, fd);

	assert_int_equal(text[0], 0);
	assert_int_equal((uint8_t)text[1], strlen(expected));
	assert_string_equal(text + 2, expected);
}

static void pass(struct world *w, int64_t ms)
{
	struct ntm_timers *timers = ntm_loop_timers(w->loop);

	ntm_timers_advance(timers, timers->now_ms + ms, timers->wall_ms);
	ntm_timers_run(timers);
}

static void test_udp_answers_from_the_address_asked(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "127.0.0.5", "127.9.9.9"};
	struct world *w = *state;
	struct ntm_ip client = ntm_ip_v4(127, 0, 0, 77);

	for (size_t i = 0; i < 3; i++) {
		int fd = dial(hosts[i], w->port, SOCK_DGRAM, "127.0.0.77");
		say(fd, "query", 5);
		assert_string_equal(hear(w, fd), "re:query");
		assert_false(w->last_was_tcp);
		assert_true(ntm_ip_eq(&w->last_from.ip, &client));
		close(fd);
	}
	if (w->has_ipv6) {
		int fd = dial("::1", w->port6, SOCK_DGRAM, NULL);
		say(fd, "six", 3);
		assert_string_equal(hear(w, fd), "re:six");
		close(fd);
	}
}

static void test_udp_sizes(void **state)
{
	static uint8_t query[NTM_DNSSERVE_QUERY_MAX + 1];
	struct world *w = *state;
	int fd = dial("127.0.0.1", w->port, SOCK_DGRAM, NULL);

	memset(query, 'q', sizeof(query));
	say(fd, query, sizeof(query)); /* too large: dropped, not cut */
	say(fd, query, 0);
	say(fd, "mute", 4);
	assert_string_equal(hear(w, fd), "");
	assert_int_equal(w->calls, 1);
	assert_int_equal(ntm_dnsserve_counters(w->serve)->udp_dropped, 2);
	say(fd, query, NTM_DNSSERVE_QUERY_MAX);
	assert_int_equal(strlen(hear(w, fd)), NTM_DNSSERVE_UDP_MAX);
	assert_int_equal(ntm_dnsserve_counters(w->serve)->udp_queries, 2);
	assert_int_equal(ntm_dnsserve_counters(w->serve)->udp_answers, 1);
	close(fd);
}

static void test_tcp_framing(void **state)
{
	struct world *w = *state;
	int fd = dial("127.0.0.1", w->port, SOCK_STREAM, NULL);
	static const uint8_t framed[] = {0, 5, 'b', 'y', 't', 'e', 's'};

	ask(fd, "whole");
	answers(w, fd, "re:whole");
	assert_true(w->last_was_tcp);
	for (size_t i = 0; i < sizeof(framed); i++) {
		assert_int_equal(w->calls, 1);
		say(fd, &framed[i], 1);
		turn(w);
	}
	answers(w, fd, "re:bytes");
	close(fd);
	if (w->has_ipv6) {
		fd = dial("::1", w->port6, SOCK_STREAM, NULL);
		ask(fd, "six");
		answers(w, fd, "re:six");
		close(fd);
	}
}

static void test_tcp_pipelining(void **state)
{
	struct world *w = *state;
	int fd = dial("127.0.0.1", w->port, SOCK_STREAM, NULL);

	say(fd, "\0\1a\0\2bb\0\3ccc\0\4dd", 3 + 4 + 5 + 4);
	const char *text = hear(w, fd);
	assert_memory_equal(text, "\0\4re:a\0\5re:bb\0\6re:ccc", 6 + 7 + 8);
	assert_int_equal(w->calls, 3);
	say(fd, "dd", 2);
	answers(w, fd, "re:dddd");
	close(fd);
}

static void test_tcp_bad_frames(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {{"\0\0", 2}, {"\x10\x01", 2}, {"\xff\xff", 2}, {"\0\4mute", 6}};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = dial("127.0.0.1", w->port, SOCK_STREAM, NULL);
		say(fd, bad[i].bytes, bad[i].len);
		assert_true(is_closed(w, fd));
		close(fd);
	}
	assert_int_equal(w->calls, 1);
}

static void test_two_connections_a_source(void **state)
{
	struct world *w = *state;
	int a = dial("127.0.0.1", w->port, SOCK_STREAM, "127.0.0.10");
	int b = dial("127.0.0.1", w->port, SOCK_STREAM, "127.0.0.10");
	turn(w);
	int c = dial("127.0.0.1", w->port, SOCK_STREAM, "127.0.0.10");
	int other = dial("127.0.0.1", w->port, SOCK_STREAM, "127.0.0.11");

	assert_true(is_closed(w, c));
	ask(a, "a");
	ask(b, "b");
	ask(other, "o");
	answers(w, a, "re:a");
	answers(w, b, "re:b");
	answers(w, other, "re:o");
	close(a);
	turn(w);
	int again = dial("127.0.0.1", w->port, SOCK_STREAM, "127.0.0.10");
	ask(again, "x");
	answers(w, again, "re:x");
	assert_int_equal(ntm_dnsserve_counters(w->serve)->tcp_refused, 1);
	close(b);
	close(c);
	close(other);
	close(again);
}

static void test_thirty_two_connections(void **state)
{
	struct world *w = *state;
	int fds[NTM_DNSSERVE_CONNS + 1];

	for (int i = 0; i <= NTM_DNSSERVE_CONNS; i++) {
		char from[20];
		snprintf(from, sizeof(from), "127.0.1.%d", i + 1);
		fds[i] = dial("127.0.0.1", w->port, SOCK_STREAM, from);
		turn(w);
	}
	assert_true(is_closed(w, fds[NTM_DNSSERVE_CONNS]));
	assert_int_equal(ntm_dnsserve_counters(w->serve)->tcp_accepted, NTM_DNSSERVE_CONNS);
	ask(fds[31], "last");
	answers(w, fds[31], "re:last");
	/* UDP goes on meanwhile */
	int udp = dial("127.0.0.1", w->port, SOCK_DGRAM, NULL);
	say(udp, "u", 1);
	assert_string_equal(hear(w, udp), "re:u");
	close(udp);
	for (int i = 0; i <= NTM_DNSSERVE_CONNS; i++)
		close(fds[i]);
}

static void test_idle_and_dribbling(void **state)
{
	struct world *w = *state;
	int idle = dial("127.0.0.1", w->port, SOCK_STREAM, "127.0.0.10");
	int slow = dial("127.0.0.1", w->port, SOCK_STREAM, "127.0.0.11");
	int busy = dial("127.0.0.1", w->port, SOCK_STREAM, "127.0.0.12");

	turn(w);
	for (int i = 0; i < 4; i++) {
		pass(w, NTM_DNSSERVE_TCP_IDLE_MS / 4 - 10);
		say(slow, i == 0 ? "\0" : i == 1 ? "\100" : "x", 1); /* a byte now and then */
		ask(busy, "b");
		answers(w, busy, "re:b");
	}
	pass(w, 100);
	assert_true(is_closed(w, idle));
	assert_true(is_closed(w, slow));
	ask(busy, "still");
	answers(w, busy, "re:still");
	assert_int_equal(ntm_dnsserve_counters(w->serve)->tcp_timeouts, 2);
	close(idle);
	close(slow);
	close(busy);
}

static void test_a_client_that_does_not_read(void **state)
{
	struct world *w = *state;
	int fd = socket(AF_INET, SOCK_STREAM, 0), small = 4096;
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(w->port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	for (int i = 0; i < 500; i++)
		ask(fd, "big");
	for (int i = 0; i < 40; i++)
		turn(w);
	/* it stops asking the handler long before 500 answers of 64 KB */
	int calls = w->calls;
	assert_true(calls < 200);
	turn(w);
	assert_int_equal(w->calls, calls);
	pass(w, NTM_DNSSERVE_TCP_IDLE_MS + 1);
	assert_int_equal(ntm_dnsserve_counters(w->serve)->tcp_timeouts, 1);
	close(fd);

	/* a reader gets a whole large one */
	fd = dial("127.0.0.1", w->port, SOCK_STREAM, NULL);
	ask(fd, "big");
	const char *text = hear(w, fd);
	assert_memory_equal(text, "\xff\xff", 2);
	assert_int_equal(strlen(text), 2 + NTM_DNSSERVE_TCP_MAX);
	close(fd);
}

static void test_out_of_descriptors(void **state)
{
	struct world *w = *state;
	int64_t start_ms = ntm_loop_timers(w->loop)->now_ms;
	static const char nothing[8];
	const char *text = nothing;

	accept_failures = 3;
	accept_calls = 0;
	int fd = dial("127.0.0.1", w->port, SOCK_STREAM, NULL);
	say(fd, "\0\1x", 3);
	for (int i = 0; i < 100 && text[1] == '\0'; i++)
		text = hear(w, fd);
	assert_memory_equal(text, "\0\4re:x", 6);
	/* it rested between its attempts */
	assert_true(ntm_loop_timers(w->loop)->now_ms - start_ms >= 300);
	assert_true(accept_calls >= 4 && accept_calls <= 5);
	close(fd);
}

static void test_open_fails_with_the_address(void **state)
{
	struct world *w = *state;
	struct ntm_addr addrs[2] = {{.ip = ntm_ip_v4(127, 0, 0, 1)},
				    {.ip = ntm_ip_v4(127, 0, 0, 1), .port = w->port}};
	struct ntm_dnsserve_args args = {.loop = w->loop,
					 .addrs = addrs,
					 .addr_count = 2,
					 .fn = on_query,
					 .ctx = w};
	struct ntm_dnsserve *second = NULL;
	size_t failed = 99;

	assert_int_equal(ntm_dnsserve_open(&args, &second, &failed), -EADDRINUSE);
	assert_int_equal(failed, 1);
	addrs[0].ip = ntm_ip_v4(192, 0, 2, 1);
	assert_int_equal(ntm_dnsserve_open(&args, &second, &failed), -EADDRNOTAVAIL);
	assert_int_equal(failed, 0);
	addrs[0].ip.family = 0;
	assert_int_equal(ntm_dnsserve_open(&args, &second, NULL), -EAFNOSUPPORT);
	args.addr_count = NTM_DNSSERVE_ADDRS + 1;
	assert_int_equal(ntm_dnsserve_open(&args, &second, NULL), -E2BIG);
	assert_null(second);
	assert_int_equal(ntm_dnsserve_port(w->serve, 99), 0);
	ntm_dnsserve_free(NULL);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_udp_answers_from_the_address_asked),
		T(test_udp_sizes),
		T(test_tcp_framing),
		T(test_tcp_pipelining),
		T(test_tcp_bad_frames),
		T(test_two_connections_a_source),
		T(test_thirty_two_connections),
		T(test_idle_and_dribbling),
		T(test_a_client_that_does_not_read),
		T(test_out_of_descriptors),
		T(test_open_fails_with_the_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
