/* SPDX-License-Identifier: BSD-2-Clause */
/* A control channel in virtual time for its tests: ntm_link_send and calloc are wrapped by the
 * linker, and callbacks are written down. Include after cmocka.h, once in a program. */
#pragma once

#include "ntm/ctl.h"

#include <string.h>

#define LOG_MAX    512
#define GIVE_UP_MS 3000

int __wrap_ntm_link_send(struct ntm_link *link, struct ntm_pkt *pkt, uint8_t cls);
void *__wrap_calloc(size_t count, size_t size);
void *__real_calloc(size_t count, size_t size);

/* What left through the link. */
static struct sent {
	int64_t at_ms;
	struct ntm_msg msg;
	struct ntm_link *link;
} sent[LOG_MAX];
static size_t sent_count;
static int link_err;
static unsigned callocs_left; /* 0: no limit */

/* What was called back. */
enum { DONE = 1, REQUEST, UNANSWERED };
static struct event {
	int what;
	int64_t at_ms;
	int err;
	void *arg;
	unsigned sent;
	bool has_msg;
	struct ntm_msg msg;
} events[LOG_MAX];
static size_t event_count;
/* Run inside of the next callback of that kind. */
static int act_on;
static void (*act)(void);

static struct ntm_timers timers;
static struct ntm_ctl *ctl;
static char link_a; /* only its address counts */
#define LINK_A ((struct ntm_link *)&link_a)

int __wrap_ntm_link_send(struct ntm_link *link, struct ntm_pkt *pkt, uint8_t cls)
{
	struct sent *s = &sent[sent_count];

	assert_int_equal(cls, 0);
	assert_true(sent_count < LOG_MAX);
	if (link_err)
		return link_err;
	s->at_ms = timers.now_ms;
	s->link = link;
	assert_int_equal(ntm_msg_decode(&s->msg, pkt->data, pkt->len), 0);
	sent_count++;
	memset(pkt->data, 0xcc, pkt->len); /* ciphertext afterwards */
	return 0;
}

void *__wrap_calloc(size_t count, size_t size)
{
	if (callocs_left > 0 && --callocs_left == 0)
		return NULL;
	return __real_calloc(count, size);
}

static inline struct event *log_event(int what)
{
	struct event *e = &events[event_count++];

	assert_true(event_count < LOG_MAX);
	memset(e, 0, sizeof(*e));
	e->what = what;
	e->at_ms = timers.now_ms;
	return e;
}

static inline void maybe_act(int what)
{
	void (*now)(void) = act;

	if (act_on != what || !now)
		return;
	act = NULL;
	now();
}

static inline void on_done(void *arg, int err, const struct ntm_msg *reply)
{
	struct event *e = log_event(DONE);

	e->arg = arg;
	e->err = err;
	e->has_msg = reply != NULL;
	if (reply)
		e->msg = *reply;
	maybe_act(DONE);
}

static inline void on_request(void *ctx, const struct ntm_msg *req)
{
	struct event *e = log_event(REQUEST);

	assert_ptr_equal(ctx, &timers);
	e->msg = *req;
	maybe_act(REQUEST);
}

static inline void on_unanswered(void *ctx, unsigned count)
{
	assert_ptr_equal(ctx, &timers);
	log_event(UNANSWERED)->sent = count;
	maybe_act(UNANSWERED);
}

static inline void run_until(int64_t to_ms)
{
	for (;;) {
		int64_t wait_ms = ntm_timers_next(&timers);

		if (wait_ms < 0 || timers.now_ms + wait_ms > to_ms)
			break;
		ntm_timers_advance(&timers, timers.now_ms + wait_ms, 0);
		ntm_timers_run(&timers);
	}
	ntm_timers_advance(&timers, to_ms, 0);
}

static inline struct ntm_msg ping(void)
{
	return (struct ntm_msg){.type = NTM_MSG_PING, .ping.token = {1, 2, 3, 4, 5, 6, 7, 8}};
}

static inline struct ntm_msg of_type(uint8_t type)
{
	struct ntm_msg msg = {.type = type};

	switch (type) {
	case NTM_MSG_DIRECTION_REQUEST:
		strcpy(msg.direction_request.fqdn_mn, "mn.ntm.example");
		strcpy(msg.direction_request.fqdn_cn, "cn.ntm.example");
		msg.direction_request.reason = NTM_REASON_NAME;
		break;
	case NTM_MSG_ROUTE_DIRECTION:
		msg.route_direction.role = NTM_ROLE_ANSWERS;
		msg.route_direction.reason = NTM_REASON_NAME;
		msg.route_direction.lifetime_s = 1;
		msg.route_direction.peer_cert.len = 1;
		break;
	case NTM_MSG_DIRECTION_ERROR:
		msg.direction_error.code = NTM_DIR_OFFLINE;
		break;
	case NTM_MSG_REGISTERED:
		msg.registered.reflexive.ip = ntm_ip_v4(192, 0, 2, 1);
		msg.registered.reflexive.port = 1;
		msg.registered.lifetime_s = 1;
		break;
	case NTM_MSG_PONG:
		msg.pong.seen.ip = ntm_ip_v4(192, 0, 2, 1);
		msg.pong.seen.port = 1;
		break;
	case NTM_MSG_RESOLVE:
	case NTM_MSG_RESOLVED:
		msg.resolve.len = 12;
		break;
	default:
		break;
	}
	return msg;
}

static inline uint32_t request(uint8_t type, void *arg)
{
	struct ntm_msg msg = of_type(type);
	uint32_t txn = 0;

	assert_int_equal(ntm_ctl_request(ctl, &msg, on_done, arg, &txn), 0);
	assert_int_equal(msg.txn, txn);
	return txn;
}

/* The peer's message arrives. */
static inline int arrives(struct ntm_msg msg, uint32_t txn, bool is_reply)
{
	uint8_t *data = test_malloc(NTM_MSG_MAX + 16);
	size_t len;
	int err;

	memset(data, 0, NTM_MSG_MAX + 16);
	msg.txn = txn;
	msg.is_reply = is_reply;
	len = ntm_msg_encode(&msg, data, NTM_MSG_MAX);
	assert_true(len > 0);
	err = ntm_ctl_input(ctl, data, (len + 15) / 16 * 16);
	test_free(data);
	return err;
}

static inline int reply_arrives(uint8_t type, uint32_t txn)
{
	return arrives(of_type(type), txn, true);
}

static inline size_t count_of(int what)
{
	size_t count = 0;

	for (size_t i = 0; i < event_count; i++)
		count += events[i].what == what;
	return count;
}

static inline const struct event *only(int what)
{
	size_t i = 0;

	assert_int_equal(count_of(what), 1);
	while (events[i].what != what)
		i++;
	return &events[i];
}

static inline int start(void **state)
{
	struct ntm_ctl_args args = {
		.timers = &timers,
		.link = LINK_A,
		.on_request = on_request,
		.on_unanswered = on_unanswered,
		.ctx = &timers,
	};

	(void)state;
	ntm_timers_init(&timers);
	ntm_timers_advance(&timers, 10000, 0);
	sent_count = event_count = 0;
	link_err = 0;
	callocs_left = 0;
	act = NULL;
	ctl = ntm_ctl_new(&args);
	assert_non_null(ctl);
	return 0;
}

/* Nothing may be left: no timer, and (leak checker) no memory. */
static inline int stop(void **state)
{
	(void)state;
	ntm_ctl_free(ctl);
	ctl = NULL;
	return ntm_timers_next(&timers) == -1 ? 0 : -1;
}
