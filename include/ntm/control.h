/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket: JSON lines over a UNIX socket, server and client side. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ntm_loop;
struct ntm_control;

/*
 * A client sends one JSON object a line and gets one or more objects back, one a line; all but the
 * last of them carry "more": true. The next request is read when the last reply was given. Refused
 * clients get {"denied": true}, malformed requests {"error": words}, and are closed.
 */
#define NTM_CONTROL_CLIENTS     16
#define NTM_CONTROL_REQUEST_MAX 65536
#define NTM_CONTROL_REPLY_MAX   (16u << 20) /* bytes that wait for a slow client */
#define NTM_CONTROL_IDLE_MS     10000       /* without a request, or without taking replies */

/*
 * ticket names the request; answer it with ntm_control_reply, in the call or later. A ticket stays
 * safe to use when its client has gone. request is borrowed: json_incref keeps it.
 */
typedef void ntm_control_fn(void *ctx, uint64_t ticket, json_t *request);

struct ntm_control_args {
	struct ntm_loop *loop;
	const char *path;
	mode_t mode; /* 0: 0660 */
	gid_t gid;   /* group of the socket, whose members may ask; (gid_t)-1: none */
	ntm_control_fn *fn;
	void *ctx;
};

struct ntm_control_counters {
	uint64_t accepted, refused, busy, malformed, requests, timeouts;
};

/* Root, the daemon's own user and members of gid may ask. 0; -EADDRINUSE (somebody listens on
 * path), -EEXIST (path is no socket), -ENAMETOOLONG, -ENOMEM, other errno of bind. A socket file
 * that a dead process left is replaced. */
int ntm_control_open(const struct ntm_control_args *args, struct ntm_control **out);
/* Closes all clients and removes the socket file. Not from within fn. NULL is fine. */
void ntm_control_free(struct ntm_control *control);
const struct ntm_control_counters *ntm_control_counters(const struct ntm_control *control);

/* Takes reply, also on error. last = false: more replies follow. 0; -ENOTCONN (client gone, or the
 * last reply was given already), -ENOBUFS (client too slow, closed), -ENOMEM, -EINVAL (no object).
 */
int ntm_control_reply(struct ntm_control *control, uint64_t ticket, json_t *reply, bool last);

/*
 * Client: sends request, calls on_reply for every reply. timeout_ms bounds the whole call. 0;
 * -ENOENT or -ECONNREFUSED (daemon not running), -EACCES (not allowed), -ETIMEDOUT, -ECONNRESET
 * (closed before the last reply), -EBADMSG (not JSON), -ENOMEM. Borrows request and reply.
 */
int ntm_control_call(const char *path, const json_t *request, int64_t timeout_ms,
		     void (*on_reply)(void *ctx, const json_t *reply), void *ctx);

/*
 * The same for a program's verb: takes request, writes errors on stderr in program's name, returns
 * an enum ntm_exit. fn gets the replies that are no errors.
 */
typedef void ntm_control_reply_fn(void *ctx, const json_t *reply);
int ntm_control_ask(const char *program, const char *path, json_t *request, int64_t timeout_ms,
		    ntm_control_reply_fn *fn, void *ctx);
