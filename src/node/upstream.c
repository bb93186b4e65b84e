/* SPDX-License-Identifier: BSD-2-Clause */
/* Queries to the host's former resolvers: one socket each, one server after the other. */
#include "upstream.h"

#include "ntm/loop.h"
#include "ntm/noise.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DNS_HEADER 12

struct query {
	struct query *next, **link;
	struct upstream *up;
	struct ntm_watch *watch;
	struct ntm_timer timer;
	int fd; /* -1: none */
	uint16_t slot;
	uint16_t id;    /* the one that goes out */
	uint16_t asked; /* the one it came with */
	size_t server;  /* the next one to ask */
	struct ntm_addrs servers;
	size_t len;
	uint8_t msg[UPSTREAM_QUERY_MAX];
};

struct upstream {
	struct ntm_loop *loop;
	upstream_fn *fn;
	void *ctx;
	struct ntm_addrs servers;
	struct query *queries; /* newest first */
	size_t count;
	struct upstream_counters counters;
};

static void put_id(uint8_t *msg, uint16_t id)
{
	msg[0] = (uint8_t)(id >> 8);
	msg[1] = (uint8_t)id;
}

static uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void close_socket(struct query *q)
{
	ntm_watch_free(q->watch);
	q->watch = NULL;
	if (q->fd >= 0)
		close(q->fd);
	q->fd = -1;
}

static void forget(struct query *q)
{
	close_socket(q);
	ntm_timer_del(ntm_loop_timers(q->up->loop), &q->timer);
	*q->link = q->next;
	if (q->next != NULL)
		q->next->link = q->link;
	q->up->count--;
	free(q);
}

static bool ask_next(struct query *q);

/* The server did not answer, or cannot be reached. */
static void try_next(struct query *q)
{
	struct upstream *up = q->up;
	uint16_t slot = q->slot;

	if (q->server < q->servers.count) {
		up->counters.retries++;
		if (ask_next(q))
			return;
	}
	up->counters.given_up++;
	forget(q);
	up->fn(up->ctx, slot, NULL, 0);
}

static void on_timer(void *arg)
{
	try_next(arg);
}

/* The question in it is not compared: a connected socket with a port of its own and the id keep
 * strangers out, and servers differ in the case of names that they give back. */
static bool is_answer(const struct query *q, const uint8_t *msg, size_t len)
{
	if (len < DNS_HEADER || get_u16(msg) != q->id || (msg[2] & 0xf8) != 0x80)
		return false;
	return get_u16(msg + 4) == get_u16(q->msg + 4);
}

static void on_readable(void *arg, unsigned events)
{
	struct query *q = arg;
	struct upstream *up = q->up;
	uint8_t msg[UPSTREAM_ANSWER_MAX];
	ssize_t len = recv(q->fd, msg, sizeof(msg), MSG_DONTWAIT);
	uint16_t slot = q->slot;

	(void)events;
	if (len < 0) {
		/* ICMP: nobody is there. */
		close_socket(q);
		ntm_timer_set(ntm_loop_timers(up->loop), &q->timer, 0);
		return;
	}
	if (!is_answer(q, msg, (size_t)len)) {
		up->counters.strange++;
		return;
	}
	put_id(msg, q->asked);
	up->counters.answers++;
	forget(q);
	up->fn(up->ctx, slot, msg, (size_t)len);
}

static int open_socket(const struct ntm_addr *server)
{
	struct sockaddr_storage sa;
	socklen_t len = ntm_addr_to_sockaddr(server, false, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	/* Connected: the kernel chooses a random port, and drops what others send there. */
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&sa, len) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Asks the next server that takes the query; false when there is none left. */
static bool ask_next(struct query *q)
{
	while (q->server < q->servers.count) {
		const struct ntm_addr *server = &q->servers.item[q->server++];

		close_socket(q);
		q->id = (uint16_t)ntm_random_u32();
		put_id(q->msg, q->id);
		q->fd = open_socket(server);
		if (q->fd < 0 || send(q->fd, q->msg, q->len, MSG_NOSIGNAL) != (ssize_t)q->len ||
		    ntm_loop_watch(q->up->loop, q->fd, NTM_LOOP_READ, on_readable, q, &q->watch) !=
			    0)
			continue;
		ntm_timer_set(ntm_loop_timers(q->up->loop), &q->timer, UPSTREAM_TRY_MS);
		return true;
	}
	return false;
}

static struct query *find_slot(const struct upstream *up, uint16_t slot)
{
	struct query *q = up->queries;

	while (q != NULL && q->slot != slot)
		q = q->next;
	return q;
}

static void make_room(struct upstream *up, uint16_t slot)
{
	struct query *same = find_slot(up, slot), *oldest = up->queries;

	if (same != NULL)
		forget(same);
	if (up->count < UPSTREAM_QUERIES)
		return;
	while (oldest->next != NULL)
		oldest = oldest->next;
	/* No word to its asker, who may be the caller: it has a deadline of its own. */
	up->counters.crowded_out++;
	forget(oldest);
}

bool upstream_query(struct upstream *up, uint16_t slot, const uint8_t *query, size_t len)
{
	if (up->servers.count == 0 || len < DNS_HEADER || len > UPSTREAM_QUERY_MAX)
		return false;
	make_room(up, slot);
	struct query *q = calloc(1, sizeof(*q));
	if (q == NULL)
		return false;
	q->up = up;
	q->fd = -1;
	q->slot = slot;
	q->servers = up->servers;
	q->len = len;
	memcpy(q->msg, query, len);
	q->asked = get_u16(query);
	ntm_timer_init(&q->timer, on_timer, q);
	q->next = up->queries;
	q->link = &up->queries;
	if (q->next != NULL)
		q->next->link = &q->next;
	up->queries = q;
	up->count++;
	up->counters.queries++;
	if (ask_next(q))
		return true;
	up->counters.given_up++;
	forget(q);
	return false;
}

struct upstream *upstream_new(struct ntm_loop *loop, upstream_fn *fn, void *ctx)
{
	struct upstream *up = calloc(1, sizeof(*up));

	if (up == NULL)
		return NULL;
	up->loop = loop;
	up->fn = fn;
	up->ctx = ctx;
	return up;
}

void upstream_free(struct upstream *up)
{
	if (up == NULL)
		return;
	while (up->queries != NULL)
		forget(up->queries);
	free(up);
}

void upstream_set_servers(struct upstream *up, const struct ntm_addrs *servers)
{
	up->servers = *servers;
}

const struct upstream_counters *upstream_counters(const struct upstream *up)
{
	return &up->counters;
}
