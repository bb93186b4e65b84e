/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket, server side: a few clients, one request at a time each, late answers. */
#include "ntm/control.h"

#include "control_socket.h"
#include "ntm/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_PAUSE_MS 100

struct client {
	struct ntm_control *control;
	int fd; /* -1: free slot */
	/* Counts the requests of this slot over all its clients, so that no ticket fits twice. */
	uint64_t generation;
	bool pending; /* a request waits for its last reply */
	bool closing; /* close as soon as everything is written */
	struct ntm_watch *watch;
	struct ntm_timer idle;
	char *in; /* NTM_CONTROL_REQUEST_MAX bytes */
	size_t in_len;
	char *out;
	size_t out_len, out_done, out_cap;
};

struct ntm_control {
	struct ntm_loop *loop;
	struct ntm_timers *timers;
	struct ntm_watch *watch;
	struct ntm_timer accept_pause;
	ntm_control_fn *fn;
	void *ctx;
	gid_t gid;
	struct control_socket socket;
	struct ntm_control_counters counters;
	struct client clients[NTM_CONTROL_CLIENTS];
};

/* --- one client; closed only by its own events and its timer, never by a reply --- */

static void client_close(struct client *client)
{
	ntm_timer_del(client->control->timers, &client->idle);
	ntm_watch_free(client->watch);
	close(client->fd);
	free(client->in);
	free(client->out);
	client->fd = -1;
	client->watch = NULL;
	client->in = client->out = NULL;
	client->in_len = client->out_len = client->out_done = client->out_cap = 0;
	client->pending = client->closing = false;
}

static void on_idle(void *arg)
{
	struct client *client = arg;

	client->control->counters.timeouts++;
	client_close(client);
}

static uint64_t ticket_of(const struct client *client)
{
	uint64_t slot = (uint64_t)(client - client->control->clients);

	return client->generation * NTM_CONTROL_CLIENTS + slot;
}

/* The client that still waits for ticket, or NULL. */
static struct client *client_find(struct ntm_control *control, uint64_t ticket)
{
	struct client *client = &control->clients[ticket % NTM_CONTROL_CLIENTS];

	if (client->fd < 0 || !client->pending || ticket_of(client) != ticket)
		return NULL;
	return client;
}

static void update_watch(struct client *client)
{
	unsigned events = 0;

	/* A pending client is read as well: only so does it show that it has gone. */
	if (!client->closing && client->in_len < NTM_CONTROL_REQUEST_MAX)
		events |= NTM_LOOP_READ;
	if (client->out_len > 0 || client->closing)
		events |= NTM_LOOP_WRITE;
	(void)ntm_watch_set(client->watch, events);
}

/* The idle time runs while the daemon waits for the client, not the other way round. */
static void restart_idle(struct client *client)
{
	if (client->pending && client->out_len == 0)
		ntm_timer_del(client->control->timers, &client->idle);
	else
		ntm_timer_set(client->control->timers, &client->idle, NTM_CONTROL_IDLE_MS);
}

static int append_out(const char *text, size_t len, void *arg)
{
	struct client *client = arg;
	size_t need = client->out_len + len;
	size_t cap = client->out_cap == 0 ? 4096 : client->out_cap;

	if (need > NTM_CONTROL_REPLY_MAX)
		return -1;
	while (cap < need)
		cap *= 2;
	if (cap != client->out_cap) {
		char *out = realloc(client->out, cap);
		if (out == NULL)
			return -1;
		client->out = out;
		client->out_cap = cap;
	}
	memcpy(client->out + client->out_len, text, len);
	client->out_len = need;
	return 0;
}

/* 0 or -ENOBUFS; written when the loop finds the client ready. */
static int queue_object(struct client *client, const json_t *object)
{
	size_t before = client->out_len;

	if (json_dump_callback(object, append_out, client, JSON_COMPACT) != 0 ||
	    append_out("\n", 1, client) != 0) {
		client->out_len = before;
		return -ENOBUFS;
	}
	if (before == 0)
		restart_idle(client);
	return 0;
}

static int flush(struct client *client)
{
	while (client->out_done < client->out_len) {
		ssize_t done = send(client->fd, client->out + client->out_done,
				    client->out_len - client->out_done, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return errno == EAGAIN ? 0 : -errno;
		client->out_done += (size_t)done;
		restart_idle(client);
	}
	client->out_len = client->out_done = 0;
	restart_idle(client);
	return client->closing ? -ESHUTDOWN : 0;
}

static void refuse(struct client *client, const char *words)
{
	json_t *object = json_pack("{s:s}", "error", words);

	client->control->counters.malformed++;
	client->closing = true;
	if (object != NULL)
		(void)queue_object(client, object);
	json_decref(object);
}

static void handle_line(struct client *client, const char *line, size_t len)
{
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(request)) {
		refuse(client, "expected one JSON object a line");
		json_decref(request);
		return;
	}
	client->control->counters.requests++;
	client->generation++;
	client->pending = true;
	restart_idle(client);
	client->control->fn(client->control->ctx, ticket_of(client), request);
	json_decref(request);
}

/* Handles the next request that is there in full; false when there is none or one is pending. */
static bool take_request(struct client *client)
{
	if (client->pending || client->closing)
		return false;
	const char *end = memchr(client->in, '\n', client->in_len);
	if (end == NULL) {
		if (client->in_len == NTM_CONTROL_REQUEST_MAX)
			refuse(client, "request too long");
		return client->closing;
	}
	handle_line(client, client->in, (size_t)(end - client->in));
	client->in_len -= (size_t)(end - client->in) + 1;
	memmove(client->in, end + 1, client->in_len);
	return true;
}

/* Negative errno when the client has gone. */
static int fill(struct client *client)
{
	ssize_t len = recv(client->fd, client->in + client->in_len,
			   NTM_CONTROL_REQUEST_MAX - client->in_len, 0);

	if (len == 0)
		return -ECONNRESET;
	if (len < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	client->in_len += (size_t)len;
	return 0;
}

static void on_client(void *arg, unsigned events)
{
	struct client *client = arg;
	int err = 0;

	if ((events & NTM_LOOP_READ) && client->in_len < NTM_CONTROL_REQUEST_MAX)
		err = fill(client);
	if (err == 0)
		err = flush(client);
	/* No new request before the replies to the last one are taken. */
	while (err == 0 && client->out_len == 0 && take_request(client))
		err = flush(client);
	if (err != 0)
		client_close(client);
	else
		update_watch(client);
}

/* --- accepting --- */

/* Best effort: a fresh socket has room for a line. */
static void turn_away(int fd, const char *line)
{
	(void)!send(fd, line, strlen(line), MSG_NOSIGNAL);
	close(fd);
}

static int client_start(struct client *client, int fd)
{
	client->in = malloc(NTM_CONTROL_REQUEST_MAX);
	if (client->in == NULL || ntm_loop_watch(client->control->loop, fd, NTM_LOOP_READ,
						 on_client, client, &client->watch) != 0) {
		free(client->in);
		client->in = NULL;
		return -ENOMEM;
	}
	client->fd = fd;
	restart_idle(client);
	return 0;
}

static void admit(struct ntm_control *control, int fd)
{
	if (!control_socket_allows(fd, control->gid)) {
		control->counters.refused++;
		turn_away(fd, "{\"denied\":true}\n");
		return;
	}
	for (size_t i = 0; i < NTM_CONTROL_CLIENTS; i++) {
		if (control->clients[i].fd < 0 && client_start(&control->clients[i], fd) == 0) {
			control->counters.accepted++;
			return;
		}
	}
	control->counters.busy++;
	turn_away(fd, "{\"error\":\"too many clients at once\"}\n");
}

static void on_accept(void *arg, unsigned events)
{
	struct ntm_control *control = arg;

	(void)events;
	for (int i = 0; i < NTM_CONTROL_CLIENTS; i++) {
		int fd = accept4(control->socket.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			admit(control, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* The connection stays in the backlog: without a pause this would spin. */
			(void)ntm_watch_set(control->watch, 0);
			ntm_timer_set(control->timers, &control->accept_pause, ACCEPT_PAUSE_MS);
		}
		return;
	}
}

static void on_accept_pause(void *arg)
{
	struct ntm_control *control = arg;

	(void)ntm_watch_set(control->watch, NTM_LOOP_READ);
}

/* --- for the daemon --- */

int ntm_control_open(const struct ntm_control_args *args, struct ntm_control **out)
{
	struct ntm_control *control = calloc(1, sizeof(*control));

	if (control == NULL)
		return -ENOMEM;
	control->loop = args->loop;
	control->timers = ntm_loop_timers(args->loop);
	control->fn = args->fn;
	control->ctx = args->ctx;
	control->gid = args->gid;
	ntm_timer_init(&control->accept_pause, on_accept_pause, control);
	for (size_t i = 0; i < NTM_CONTROL_CLIENTS; i++) {
		control->clients[i].control = control;
		control->clients[i].fd = -1;
		ntm_timer_init(&control->clients[i].idle, on_idle, &control->clients[i]);
	}
	mode_t mode = args->mode != 0 ? args->mode : 0660;
	int err = control_socket_open(&control->socket, args->path, mode, args->gid);
	if (err == 0)
		err = ntm_loop_watch(control->loop, control->socket.fd, NTM_LOOP_READ, on_accept,
				     control, &control->watch);
	if (err != 0) {
		ntm_control_free(control);
		return err;
	}
	*out = control;
	return 0;
}

void ntm_control_free(struct ntm_control *control)
{
	if (control == NULL)
		return;
	for (size_t i = 0; i < NTM_CONTROL_CLIENTS; i++) {
		if (control->clients[i].fd >= 0) {
			(void)flush(&control->clients[i]);
			client_close(&control->clients[i]);
		}
	}
	ntm_timer_del(control->timers, &control->accept_pause);
	ntm_watch_free(control->watch);
	control_socket_close(&control->socket);
	free(control);
}

const struct ntm_control_counters *ntm_control_counters(const struct ntm_control *control)
{
	return &control->counters;
}

int ntm_control_reply(struct ntm_control *control, uint64_t ticket, json_t *reply, bool last)
{
	struct client *client = client_find(control, ticket);
	int err = 0;

	if (client == NULL)
		err = -ENOTCONN;
	else if (!json_is_object(reply))
		err = -EINVAL;
	else if (!last && json_object_set_new(reply, "more", json_true()) != 0)
		err = -ENOMEM;
	else
		err = queue_object(client, reply);
	json_decref(reply);
	if (client == NULL || err == -EINVAL)
		return err;
	if (last)
		client->pending = false;
	if (err != 0) {
		/* The client must not take what it got for everything: it sees the connection end
		 * before the last reply. Not closed here, since this may run inside its event. */
		client->pending = false;
		client->closing = true;
		client->out_len = client->out_done = 0;
	}
	update_watch(client);
	return err;
}
