/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket, client side: one request, its replies, one deadline. */
#include "ntm/control.h"

#include "control_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* One reply line; a whole list may be one. */
#define LINE_MAX_LEN NTM_CONTROL_REPLY_MAX

struct call {
	int fd;
	int64_t deadline_ms;
	void (*on_reply)(void *ctx, const json_t *reply);
	void *ctx;
	char *in;
	size_t in_len, in_cap;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int wait_for(const struct call *call, short events)
{
	struct pollfd pfd = {.fd = call->fd, .events = events};

	for (;;) {
		int64_t left_ms = call->deadline_ms - now_ms();
		if (left_ms <= 0)
			return -ETIMEDOUT;
		int ready = poll(&pfd, 1, left_ms > 60000 ? 60000 : (int)left_ms);
		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return -errno;
	}
}

static int open_socket(struct call *call, const char *path)
{
	struct sockaddr_un addr;
	int err = control_socket_addr(&addr, path);

	if (err != 0)
		return err;
	call->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (call->fd < 0)
		return -errno;
	/* EAGAIN: the daemon is there, its backlog is full. */
	while (connect(call->fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
		if (errno != EAGAIN)
			return errno == EPERM ? -EACCES : -errno;
		if (now_ms() >= call->deadline_ms)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	}
	return 0;
}

static int send_all(struct call *call, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t done = send(call->fd, text, len, MSG_NOSIGNAL);
		if (done >= 0) {
			text += done;
			len -= (size_t)done;
			continue;
		}
		/* A daemon that refuses has written why, and closed. */
		if (errno == EPIPE || errno == ECONNRESET)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		int err = wait_for(call, POLLOUT);
		if (err != 0)
			return err;
	}
	return 0;
}

static int send_request(struct call *call, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);

	if (text == NULL)
		return -ENOMEM;
	int err = send_all(call, text, strlen(text));
	if (err == 0)
		err = send_all(call, "\n", 1);
	free(text);
	return err;
}

/* 1: last reply seen; 0: more to come; negative errno. */
static int handle_line(struct call *call, const char *line, size_t len)
{
	json_t *reply = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	int result;

	if (!json_is_object(reply)) {
		json_decref(reply);
		return -EBADMSG;
	}
	if (json_is_true(json_object_get(reply, "denied"))) {
		json_decref(reply);
		return -EACCES;
	}
	result = json_is_true(json_object_get(reply, "more")) ? 0 : 1;
	call->on_reply(call->ctx, reply);
	json_decref(reply);
	return result;
}

static int handle_input(struct call *call)
{
	int result = 0;
	size_t used = 0;

	while (result == 0) {
		const char *line = call->in + used;
		const char *end = memchr(line, '\n', call->in_len - used);
		if (end == NULL)
			break;
		used += (size_t)(end - line) + 1;
		result = handle_line(call, line, (size_t)(end - line));
	}
	call->in_len -= used;
	memmove(call->in, call->in + used, call->in_len);
	return result;
}

static int grow(struct call *call)
{
	size_t cap = call->in_cap == 0 ? 16384 : call->in_cap * 2;

	if (call->in_len < call->in_cap)
		return 0;
	if (call->in_len >= LINE_MAX_LEN)
		return -EBADMSG;
	char *in = realloc(call->in, cap);
	if (in == NULL)
		return -ENOMEM;
	call->in = in;
	call->in_cap = cap;
	return 0;
}

static int read_replies(struct call *call)
{
	for (;;) {
		int result = grow(call);
		if (result == 0)
			result = wait_for(call, POLLIN);
		if (result != 0)
			return result;
		ssize_t len =
			recv(call->fd, call->in + call->in_len, call->in_cap - call->in_len, 0);
		if (len == 0)
			return -ECONNRESET;
		if (len < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (len < 0)
			continue;
		call->in_len += (size_t)len;
		result = handle_input(call);
		if (result != 0)
			return result > 0 ? 0 : result;
	}
}

int ntm_control_call(const char *path, const json_t *request, int64_t timeout_ms,
		     void (*on_reply)(void *ctx, const json_t *reply), void *ctx)
{
	struct call call = {.fd = -1,
			    .deadline_ms = now_ms() + timeout_ms,
			    .on_reply = on_reply,
			    .ctx = ctx};
	int err = open_socket(&call, path);

	if (err == 0)
		err = send_request(&call, request);
	if (err == 0)
		err = read_replies(&call);
	if (call.fd >= 0)
		close(call.fd);
	free(call.in);
	return err;
}
