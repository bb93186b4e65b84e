/* SPDX-License-Identifier: BSD-2-Clause */
/* The DNS listener's TCP half: few connections, one query at a time each, slow ones are closed. */
#include "dnsserve_int.h"
#include "ntm/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_PAUSE_MS 100
#define IN_MAX          (2 + NTM_DNSSERVE_QUERY_MAX)
#define OUT_MAX         (2 + NTM_DNSSERVE_TCP_MAX)

/* --- one connection --- */

static void conn_close(struct dns_conn *conn)
{
	ntm_timer_del(conn->serve->timers, &conn->timer);
	ntm_watch_free(conn->watch);
	close(conn->fd);
	free(conn->buf);
	conn->fd = -1;
	conn->watch = NULL;
	conn->buf = NULL;
}

static void on_timeout(void *arg)
{
	struct dns_conn *conn = arg;

	conn->serve->counters.tcp_timeouts++;
	conn_close(conn);
}

/* Per query and per answer, not per byte: dribbling does not keep a connection. */
static void restart_timer(struct dns_conn *conn)
{
	ntm_timer_set(conn->serve->timers, &conn->timer, NTM_DNSSERVE_TCP_IDLE_MS);
}

static int flush(struct dns_conn *conn)
{
	while (conn->out_done < conn->out_len) {
		ssize_t done = send(conn->fd, conn->buf + IN_MAX + conn->out_done,
				    conn->out_len - conn->out_done, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return errno == EAGAIN ? 0 : -errno;
		conn->out_done += (size_t)done;
	}
	if (conn->out_len > 0) {
		conn->serve->counters.tcp_answers++;
		restart_timer(conn);
	}
	conn->out_len = conn->out_done = 0;
	return 0;
}

/* Length of the query at the head of the input: 0 not all there yet, -EBADMSG not to be had. */
static ssize_t query_len(const struct dns_conn *conn)
{
	if (conn->in_len < 2)
		return 0;
	size_t len = (size_t)conn->buf[0] << 8 | conn->buf[1];
	if (len == 0 || len > NTM_DNSSERVE_QUERY_MAX)
		return -EBADMSG;
	return conn->in_len >= 2 + len ? (ssize_t)len : 0;
}

/* Hands one query over. The connection ends with a query that gets no answer: nobody could tell
 * which of several that was. */
static int handle_query(struct dns_conn *conn, size_t len)
{
	struct ntm_dnsserve *serve = conn->serve;
	uint8_t *out = conn->buf + IN_MAX;
	struct ntm_dnsserve_query query = {.data = conn->buf + 2,
					   .len = len,
					   .is_tcp = true,
					   .from = &conn->from};

	serve->counters.tcp_queries++;
	restart_timer(conn);
	size_t answer_len = serve->fn(serve->ctx, &query, out + 2, NTM_DNSSERVE_TCP_MAX);
	if (answer_len == 0)
		return -ESHUTDOWN;
	out[0] = (uint8_t)(answer_len >> 8);
	out[1] = (uint8_t)answer_len;
	conn->out_len = 2 + answer_len;
	conn->in_len -= 2 + len;
	memmove(conn->buf, conn->buf + 2 + len, conn->in_len);
	return 0;
}

static int fill(struct dns_conn *conn)
{
	ssize_t len = recv(conn->fd, conn->buf + conn->in_len, IN_MAX - conn->in_len, 0);

	if (len == 0)
		return -ECONNRESET;
	if (len < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	conn->in_len += (size_t)len;
	return 0;
}

/* Answers pipelined queries in order; the next one only when the last answer has been taken. */
static int answer_all(struct dns_conn *conn)
{
	int err = flush(conn);

	while (err == 0 && conn->out_len == 0) {
		ssize_t len = query_len(conn);
		if (len <= 0)
			return (int)len;
		err = handle_query(conn, (size_t)len);
		if (err == 0)
			err = flush(conn);
	}
	return err;
}

static void on_conn(void *arg, unsigned events)
{
	struct dns_conn *conn = arg;
	int err = 0;

	if (events & NTM_LOOP_READ)
		err = fill(conn);
	if (err == 0)
		err = answer_all(conn);
	if (err == 0)
		err = ntm_watch_set(conn->watch,
				    conn->out_len > 0 ? NTM_LOOP_WRITE : NTM_LOOP_READ);
	if (err != 0)
		conn_close(conn);
}

/* --- accepting --- */

/* One IPv6 host has a /64 to choose from. */
static bool same_source(const struct ntm_ip *a, const struct ntm_ip *b)
{
	return a->family == b->family && memcmp(a->b, b->b, a->family == 6 ? 8 : 4) == 0;
}

/* A free slot, or NULL when there is none or this source has its share. */
static struct dns_conn *find_slot(struct ntm_dnsserve *serve, const struct ntm_ip *from)
{
	struct dns_conn *slot = NULL;
	unsigned same = 0;

	for (size_t i = 0; i < NTM_DNSSERVE_CONNS; i++) {
		struct dns_conn *conn = &serve->conns[i];
		if (conn->fd < 0)
			slot = conn;
		else if (same_source(&conn->from.ip, from))
			same++;
	}
	return same < NTM_DNSSERVE_PER_SOURCE ? slot : NULL;
}

static int conn_start(struct dns_conn *conn, int fd, const struct ntm_addr *from)
{
	conn->buf = malloc(IN_MAX + OUT_MAX);
	if (conn->buf == NULL)
		return -ENOMEM;
	int err = ntm_loop_watch(conn->serve->loop, fd, NTM_LOOP_READ, on_conn, conn, &conn->watch);
	if (err != 0) {
		free(conn->buf);
		conn->buf = NULL;
		return err;
	}
	conn->fd = fd;
	conn->from = *from;
	conn->in_len = conn->out_len = conn->out_done = 0;
	restart_timer(conn);
	return 0;
}

static void admit(struct ntm_dnsserve *serve, int fd, const struct sockaddr *peer)
{
	struct ntm_addr from;
	struct dns_conn *slot = NULL;

	if (ntm_addr_from_sockaddr(&from, peer) == 0)
		slot = find_slot(serve, &from.ip);
	if (slot != NULL && conn_start(slot, fd, &from) == 0) {
		serve->counters.tcp_accepted++;
		return;
	}
	serve->counters.tcp_refused++;
	close(fd);
}

static void watch_accepts(struct ntm_dnsserve *serve, unsigned events)
{
	for (size_t i = 0; i < serve->listener_count; i++)
		(void)ntm_watch_set(serve->listeners[i].tcp_watch, events);
}

static void on_accept_pause(void *arg)
{
	watch_accepts(arg, NTM_LOOP_READ);
}

void dnsserve_on_accept(void *arg, unsigned events)
{
	struct dns_listener *listener = arg;
	struct ntm_dnsserve *serve = listener->serve;

	(void)events;
	for (int i = 0; i < NTM_DNSSERVE_CONNS; i++) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof(peer);
		int fd = accept4(listener->tcp, (struct sockaddr *)&peer, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			admit(serve, fd, (const struct sockaddr *)&peer);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* The connection stays in the backlog: without a pause this would spin. */
			watch_accepts(serve, 0);
			ntm_timer_set(serve->timers, &serve->accept_pause, ACCEPT_PAUSE_MS);
		}
		return;
	}
}

void dnsserve_tcp_init(struct ntm_dnsserve *serve)
{
	ntm_timer_init(&serve->accept_pause, on_accept_pause, serve);
	for (size_t i = 0; i < NTM_DNSSERVE_CONNS; i++) {
		serve->conns[i].serve = serve;
		serve->conns[i].fd = -1;
		ntm_timer_init(&serve->conns[i].timer, on_timeout, &serve->conns[i]);
	}
}

void dnsserve_tcp_fini(struct ntm_dnsserve *serve)
{
	ntm_timer_del(serve->timers, &serve->accept_pause);
	for (size_t i = 0; i < NTM_DNSSERVE_CONNS; i++) {
		if (serve->conns[i].fd >= 0)
			conn_close(&serve->conns[i]);
	}
}
