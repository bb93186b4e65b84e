/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests and replies in virtual time: schedule, loss, duplicates, and callbacks that do the
 * worst. ntm_link_send and calloc are wrapped by the linker. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ntm/ctl.h"

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
static char link_a, link_b; /* only their addresses count */
#define LINK_A ((struct ntm_link *)&link_a)
#define LINK_B ((struct ntm_link *)&link_b)

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

static struct event *log_event(int what)
{
	struct event *e = &events[event_count++];

	assert_true(event_count < LOG_MAX);
	memset(e, 0, sizeof(*e));
	e->what = what;
	e->at_ms = timers.now_ms;
	return e;
}

static void maybe_act(int what)
{
	void (*now)(void) = act;

	if (act_on != what || !now)
		return;
	act = NULL;
	now();
}

static void on_done(void *arg, int err, const struct ntm_msg *reply)
{
	struct event *e = log_event(DONE);

	e->arg = arg;
	e->err = err;
	e->has_msg = reply != NULL;
	if (reply)
		e->msg = *reply;
	maybe_act(DONE);
}

static void on_request(void *ctx, const struct ntm_msg *req)
{
	struct event *e = log_event(REQUEST);

	assert_ptr_equal(ctx, &timers);
	e->msg = *req;
	maybe_act(REQUEST);
}

static void on_unanswered(void *ctx, unsigned count)
{
	assert_ptr_equal(ctx, &timers);
	log_event(UNANSWERED)->sent = count;
	maybe_act(UNANSWERED);
}

static void run_until(int64_t to_ms)
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

static struct ntm_msg ping(void)
{
	return (struct ntm_msg){.type = NTM_MSG_PING, .ping.token = {1, 2, 3, 4, 5, 6, 7, 8}};
}

static struct ntm_msg of_type(uint8_t type)
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

static uint32_t request(uint8_t type, void *arg)
{
	struct ntm_msg msg = of_type(type);
	uint32_t txn = 0;

	assert_int_equal(ntm_ctl_request(ctl, &msg, on_done, arg, &txn), 0);
	assert_int_equal(msg.txn, txn);
	return txn;
}

/* The peer's message arrives. */
static int arrives(struct ntm_msg msg, uint32_t txn, bool is_reply)
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

static int reply_arrives(uint8_t type, uint32_t txn)
{
	return arrives(of_type(type), txn, true);
}

static size_t count_of(int what)
{
	size_t count = 0;

	for (size_t i = 0; i < event_count; i++)
		count += events[i].what == what;
	return count;
}

static const struct event *only(int what)
{
	size_t i = 0;

	assert_int_equal(count_of(what), 1);
	while (events[i].what != what)
		i++;
	return &events[i];
}

static int start(void **state)
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
static int stop(void **state)
{
	(void)state;
	ntm_ctl_free(ctl);
	ctl = NULL;
	return ntm_timers_next(&timers) == -1 ? 0 : -1;
}

static void answered_at_once(void **state)
{
	char arg;
	uint32_t txn = request(NTM_MSG_PING, &arg);

	(void)state;
	assert_int_equal(sent_count, 1);
	assert_ptr_equal(sent[0].link, LINK_A);
	assert_int_equal(sent[0].msg.type, NTM_MSG_PING);
	assert_int_equal(sent[0].msg.txn, txn);
	assert_false(sent[0].msg.is_reply);
	assert_int_equal(event_count, 0); /* nothing from within ntm_ctl_request */
	assert_int_equal(reply_arrives(NTM_MSG_PONG, txn), 0);
	assert_int_equal(event_count, 1);
	assert_ptr_equal(only(DONE)->arg, &arg);
	assert_int_equal(only(DONE)->err, 0);
	assert_int_equal(only(DONE)->msg.type, NTM_MSG_PONG);
	assert_int_equal(only(DONE)->msg.pong.seen.port, 1);
	assert_int_equal(ntm_timers_next(&timers), -1);
	run_until(20000);
	assert_int_equal(sent_count, 1);
	assert_int_equal(event_count, 1);
}

/* design.md 4: 200, 400, 800, 1600 ms, then give up. */
static void schedule(void **state)
{
	static const int64_t at_ms[] = {0, 200, 600, 1400};
	static const int64_t unanswered_ms[] = {200, 600, 1400, 3000};

	(void)state;
	request(NTM_MSG_PING, NULL);
	run_until(20000);
	assert_int_equal(sent_count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(sent[i].at_ms, 10000 + at_ms[i]);
		assert_memory_equal(&sent[i].msg, &sent[0].msg, sizeof(sent[0].msg));
		assert_int_equal(events[i].what, UNANSWERED);
		assert_int_equal(events[i].at_ms, 10000 + unanswered_ms[i]);
		assert_int_equal(events[i].sent, i + 1);
	}
	assert_int_equal(event_count, 5);
	assert_int_equal(only(DONE)->err, -ETIMEDOUT);
	assert_false(only(DONE)->has_msg);
	assert_int_equal(only(DONE)->at_ms, 10000 + GIVE_UP_MS);
}

static void lost_request(void **state)
{
	uint32_t txn = request(NTM_MSG_PING, NULL);

	(void)state;
	run_until(10250); /* the second copy arrives */
	assert_int_equal(sent_count, 2);
	assert_int_equal(reply_arrives(NTM_MSG_PONG, txn), 0);
	run_until(20000);
	assert_int_equal(sent_count, 2);
	assert_int_equal(only(DONE)->err, 0);
	assert_int_equal(only(UNANSWERED)->sent, 1);
}

/* Each copy is answered: the first answer counts, late ones are no errors. */
static void duplicate_replies(void **state)
{
	uint32_t txn = request(NTM_MSG_PING, NULL);

	(void)state;
	run_until(10700);
	for (int i = 0; i < 3; i++)
		assert_int_equal(reply_arrives(NTM_MSG_PONG, txn), 0);
	assert_int_equal(count_of(DONE), 1);
	request(NTM_MSG_PING, NULL);
	assert_int_equal(reply_arrives(NTM_MSG_PONG, txn), 0);
	assert_int_equal(count_of(DONE), 1);
}

static void last_moment(void **state)
{
	uint32_t txn = request(NTM_MSG_PING, NULL);

	(void)state;
	run_until(10000 + GIVE_UP_MS - 1);
	assert_int_equal(reply_arrives(NTM_MSG_PONG, txn), 0);
	assert_int_equal(only(DONE)->err, 0);
	txn = request(NTM_MSG_PING, NULL);
	run_until(20000);
	assert_int_equal(reply_arrives(NTM_MSG_PONG, txn), 0); /* too late: silently */
	assert_int_equal(count_of(DONE), 2);
}

static void wrong_type(void **state)
{
	static const uint8_t types[] = {NTM_MSG_PONG,
					NTM_MSG_REGISTERED,
					NTM_MSG_ROUTE_ACK,
					NTM_MSG_ROUTE_DIRECTION,
					NTM_MSG_DIRECTION_ERROR,
					NTM_MSG_RESOLVED,
					NTM_MSG_REVOKED};
	static const struct {
		uint8_t request, reply[2];
	} table[] = {
		{NTM_MSG_REGISTER, {NTM_MSG_REGISTERED}},
		{NTM_MSG_DIRECTION_REQUEST, {NTM_MSG_ROUTE_DIRECTION, NTM_MSG_DIRECTION_ERROR}},
		{NTM_MSG_ROUTE_DIRECTION, {NTM_MSG_ROUTE_ACK}},
		{NTM_MSG_REVOKED, {NTM_MSG_REVOKED}},
		{NTM_MSG_PING, {NTM_MSG_PONG}},
		{NTM_MSG_RESOLVE, {NTM_MSG_RESOLVED}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (size_t t = 0; t < sizeof(types); t++) {
			bool fits = types[t] == table[i].reply[0] || types[t] == table[i].reply[1];
			uint32_t txn = request(table[i].request, NULL);
			size_t before = count_of(DONE);

			assert_int_equal(reply_arrives(types[t], txn), fits ? 0 : -EPROTO);
			assert_int_equal(count_of(DONE), before + fits);
			ntm_ctl_cancel(ctl, txn);
		}
	}
}

/* The right reply after a wrong one still counts. */
static void wrong_type_is_ignored(void **state)
{
	uint32_t txn = request(NTM_MSG_PING, NULL);

	(void)state;
	assert_int_equal(reply_arrives(NTM_MSG_ROUTE_ACK, txn), -EPROTO);
	assert_int_equal(event_count, 0);
	run_until(10250);
	assert_int_equal(sent_count, 2);
	assert_int_equal(reply_arrives(NTM_MSG_PONG, txn), 0);
	assert_int_equal(only(DONE)->err, 0);
}

/* A request of the peer with a number of ours is a request, not a reply. */
static void both_sides_number_alone(void **state)
{
	uint32_t txn = request(NTM_MSG_ROUTE_DIRECTION, NULL);

	(void)state;
	assert_int_equal(arrives(of_type(NTM_MSG_ROUTE_DIRECTION), txn, false), 0);
	assert_int_equal(only(REQUEST)->msg.txn, txn);
	assert_int_equal(count_of(DONE), 0);
}

static void malformed(void **state)
{
	static const uint8_t empty[16] = {NTM_CTL_KIND, NTM_MSG_PING};
	static const uint8_t moved[16] = {NTM_CTL_KIND, NTM_MSG_MOVED};

	(void)state;
	assert_int_equal(ntm_ctl_input(ctl, empty, 0), -EBADMSG);
	assert_int_equal(ntm_ctl_input(ctl, empty, sizeof(empty)), -EBADMSG);
	assert_int_equal(ntm_ctl_input(ctl, moved, sizeof(moved)), -ENOTSUP);
	assert_int_equal(event_count, 0);
}

static void requests_come_again(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(arrives(ping(), 42, false), 0);
	assert_int_equal(count_of(REQUEST), 3);
	assert_int_equal(events[2].msg.txn, 42);
	assert_int_equal(sent_count, 0); /* answering is the handler's business */
}

static void replying(void **state)
{
	struct ntm_msg req = ping();
	struct ntm_msg reply = of_type(NTM_MSG_PONG);

	(void)state;
	req.txn = 42;
	assert_int_equal(ntm_ctl_reply(ctl, &req, &reply), 0);
	assert_int_equal(sent_count, 1);
	assert_int_equal(sent[0].msg.type, NTM_MSG_PONG);
	assert_int_equal(sent[0].msg.txn, 42);
	assert_true(sent[0].msg.is_reply);
	run_until(20000);
	assert_int_equal(sent_count, 1); /* not retried */
	/* The type may be left out where only one fits. */
	reply.type = 0;
	assert_int_equal(ntm_ctl_reply(ctl, &req, &reply), 0);
	assert_int_equal(sent[1].msg.type, NTM_MSG_PONG);
	link_err = -ENOTCONN;
	assert_int_equal(ntm_ctl_reply(ctl, &req, &reply), -ENOTCONN);
}

static void reply_has_to_fit(void **state)
{
	struct ntm_msg req = of_type(NTM_MSG_DIRECTION_REQUEST), reply;

	(void)state;
	req.txn = 42;
	reply = of_type(NTM_MSG_PONG);
	assert_int_equal(ntm_ctl_reply(ctl, &req, &reply), -EINVAL);
	reply = (struct ntm_msg){0}; /* error or route: who replies has to say */
	assert_int_equal(ntm_ctl_reply(ctl, &req, &reply), -EINVAL);
	reply = of_type(NTM_MSG_DIRECTION_ERROR);
	reply.direction_error.code = 0;
	assert_int_equal(ntm_ctl_reply(ctl, &req, &reply), -EINVAL);
	assert_int_equal(sent_count, 0);
	reply = of_type(NTM_MSG_DIRECTION_ERROR);
	assert_int_equal(ntm_ctl_reply(ctl, &req, &reply), 0);
	reply = of_type(NTM_MSG_ROUTE_DIRECTION);
	assert_int_equal(ntm_ctl_reply(ctl, &req, &reply), 0);
	assert_int_equal(sent_count, 2);
	assert_true(sent[1].msg.is_reply);
	assert_int_equal(sent[1].msg.txn, 42);
}

static void telling(void **state)
{
	struct ntm_msg msg = ping();

	(void)state;
	assert_int_equal(ntm_ctl_tell(ctl, &msg), 0);
	run_until(20000);
	assert_int_equal(sent_count, 1);
	assert_int_equal(event_count, 0);
	assert_int_equal(reply_arrives(NTM_MSG_PONG, sent[0].msg.txn), 0);
	assert_int_equal(event_count, 0);
	link_err = -ENOTCONN;
	assert_int_equal(ntm_ctl_tell(ctl, &msg), -ENOTCONN);
	msg.type = NTM_MSG_MOVED;
	assert_int_equal(ntm_ctl_tell(ctl, &msg), -EINVAL);
}

static void cannot_be_requested(void **state)
{
	static const uint8_t types[] = {NTM_MSG_PONG,
					NTM_MSG_ROUTE_ACK,
					NTM_MSG_DIRECTION_ERROR,
					NTM_MSG_REGISTERED,
					NTM_MSG_RESOLVED,
					NTM_MSG_CLOSE,
					0,
					255};

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		struct ntm_msg msg = of_type(types[i]);
		uint32_t txn = 77;

		assert_int_equal(ntm_ctl_request(ctl, &msg, on_done, NULL, &txn), -EINVAL);
		assert_int_equal(txn, 77);
	}
	assert_int_equal(sent_count, 0);
	run_until(20000);
	assert_int_equal(event_count, 0);
}

static void cancelled(void **state)
{
	uint32_t first = request(NTM_MSG_PING, NULL);
	uint32_t second = request(NTM_MSG_PING, &timers);

	(void)state;
	assert_int_not_equal(first, second);
	ntm_ctl_cancel(ctl, first);
	ntm_ctl_cancel(ctl, first);
	ntm_ctl_cancel(ctl, first + 1000);
	assert_int_equal(reply_arrives(NTM_MSG_PONG, first), 0);
	assert_int_equal(event_count, 0);
	assert_int_equal(reply_arrives(NTM_MSG_PONG, second), 0);
	assert_ptr_equal(only(DONE)->arg, &timers);
	run_until(20000);
	assert_int_equal(sent_count, 2);
}

static void no_session_yet(void **state)
{
	uint32_t txn;

	(void)state;
	link_err = -ENOTCONN;
	txn = request(NTM_MSG_PING, NULL);
	run_until(10500);
	assert_int_equal(sent_count, 0);
	assert_int_equal(event_count, 0); /* nothing was sent, so nothing is unanswered */
	link_err = 0;
	run_until(10700);
	assert_int_equal(sent_count, 1);
	assert_int_equal(sent[0].at_ms, 10600);
	run_until(11500);
	assert_int_equal(sent_count, 2);
	assert_int_equal(only(UNANSWERED)->sent, 1);
	assert_int_equal(reply_arrives(NTM_MSG_PONG, txn), 0);
	assert_int_equal(only(DONE)->err, 0);
}

static void never_a_session(void **state)
{
	(void)state;
	ntm_ctl_set_link(ctl, NULL);
	request(NTM_MSG_PING, NULL);
	run_until(20000);
	assert_int_equal(sent_count, 0);
	assert_int_equal(event_count, 1);
	assert_int_equal(only(DONE)->err, -ETIMEDOUT);
	assert_int_equal(only(DONE)->at_ms, 10000 + GIVE_UP_MS);
}

static void kicked(void **state)
{
	(void)state;
	ntm_ctl_set_link(ctl, NULL);
	request(NTM_MSG_PING, NULL);
	request(NTM_MSG_RESOLVE, NULL);
	run_until(10050);
	ntm_ctl_kick(ctl);
	assert_int_equal(sent_count, 0);
	ntm_ctl_set_link(ctl, LINK_B);
	ntm_ctl_kick(ctl);
	assert_int_equal(sent_count, 2);
	assert_int_equal(sent[0].at_ms, 10050);
	assert_ptr_equal(sent[0].link, LINK_B);
	assert_int_equal(sent[0].msg.type, NTM_MSG_PING);
	assert_int_equal(sent[1].msg.type, NTM_MSG_RESOLVE);
	/* The schedule stays as it was, and so does its end. */
	run_until(20000);
	assert_int_equal(sent_count, 2 + 2 * 3);
	assert_int_equal(sent[2].at_ms, 10200);
	assert_int_equal(count_of(DONE), 2);
	assert_int_equal(events[event_count - 1].at_ms, 10000 + GIVE_UP_MS);
	/* The kick was the first copy; one that follows a copy is not counted again. */
	assert_int_equal(events[0].what, UNANSWERED);
	assert_int_equal(events[0].sent, 1);
}

static void kick_does_not_count(void **state)
{
	(void)state;
	request(NTM_MSG_PING, NULL);
	ntm_ctl_kick(ctl);
	ntm_ctl_kick(ctl);
	assert_int_equal(sent_count, 3);
	run_until(10200);
	assert_int_equal(only(UNANSWERED)->sent, 1);
}

static void bounded(void **state)
{
	struct ntm_msg msg = ping();
	uint32_t txns[NTM_CTL_OPEN_MAX];

	(void)state;
	for (size_t i = 0; i < NTM_CTL_OPEN_MAX; i++)
		txns[i] = request(NTM_MSG_PING, NULL);
	for (size_t i = 1; i < NTM_CTL_OPEN_MAX; i++)
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(txns[i], txns[j]);
	assert_int_equal(ntm_ctl_request(ctl, &msg, on_done, NULL, NULL), -EBUSY);
	assert_int_equal(sent_count, NTM_CTL_OPEN_MAX);
	/* An answer, a cancellation and giving up each make room. */
	assert_int_equal(reply_arrives(NTM_MSG_PONG, txns[30]), 0);
	txns[30] = request(NTM_MSG_PING, NULL);
	assert_int_equal(ntm_ctl_request(ctl, &msg, on_done, NULL, NULL), -EBUSY);
	ntm_ctl_cancel(ctl, txns[63]);
	request(NTM_MSG_PING, NULL);
	assert_int_equal(ntm_ctl_request(ctl, &msg, on_done, NULL, NULL), -EBUSY);
	run_until(20000);
	assert_int_equal(count_of(DONE), 1 + NTM_CTL_OPEN_MAX);
	assert_int_equal(ntm_ctl_request(ctl, &msg, NULL, NULL, NULL), 0);
}

static void no_memory(void **state)
{
	struct ntm_ctl_args args = {.timers = &timers};
	struct ntm_msg msg = ping();
	uint32_t txn = 77;

	(void)state;
	callocs_left = 1;
	assert_null(ntm_ctl_new(&args));
	callocs_left = 1;
	assert_int_equal(ntm_ctl_request(ctl, &msg, on_done, NULL, &txn), -ENOMEM);
	assert_int_equal(txn, 77);
	assert_int_equal(sent_count, 0);
	run_until(20000);
	assert_int_equal(event_count, 0);
}

static void resetting(void **state)
{
	char args[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		request(NTM_MSG_PING, &args[i]);
	ntm_ctl_reset(ctl);
	assert_int_equal(count_of(DONE), 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(events[i].err, -ECANCELED);
		assert_ptr_equal(events[i].arg, &args[i]); /* oldest first */
		assert_false(events[i].has_msg);
	}
	ntm_ctl_reset(ctl);
	run_until(20000);
	assert_int_equal(event_count, 3);
	assert_int_equal(sent_count, 3);
}

static void freeing_is_silent(void **state)
{
	(void)state;
	request(NTM_MSG_PING, NULL);
	request(NTM_MSG_PING, NULL);
	ntm_ctl_free(ctl);
	ctl = NULL;
	ntm_ctl_free(NULL);
	assert_int_equal(ntm_timers_next(&timers), -1);
	assert_int_equal(event_count, 0);
}

/* Things that callbacks do. */

static void do_free(void)
{
	ntm_ctl_free(ctl);
	ctl = NULL;
}

static void do_reset(void)
{
	ntm_ctl_reset(ctl);
}

static void do_request(void)
{
	request(NTM_MSG_RESOLVE, NULL);
}

static void do_kick(void)
{
	ntm_ctl_kick(ctl);
}

static uint32_t victim;

static void do_cancel(void)
{
	ntm_ctl_cancel(ctl, victim);
}

/* A callback of each kind at each place, and everything that it may do there. */
static void free_in_reply(void **state)
{
	uint32_t txn = request(NTM_MSG_PING, NULL);

	(void)state;
	request(NTM_MSG_PING, NULL);
	act_on = DONE;
	act = do_free;
	assert_int_equal(reply_arrives(NTM_MSG_PONG, txn), 0);
	assert_int_equal(count_of(DONE), 1);
	assert_int_equal(ntm_timers_next(&timers), -1);
}

static void free_in_request(void **state)
{
	(void)state;
	request(NTM_MSG_PING, NULL);
	act_on = REQUEST;
	act = do_free;
	assert_int_equal(arrives(ping(), 1, false), 0);
	assert_int_equal(count_of(DONE), 0);
}

static void free_in_reset(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		request(NTM_MSG_PING, NULL);
	act_on = DONE;
	act = do_free;
	ntm_ctl_reset(ctl);
	assert_int_equal(count_of(DONE), 1);
	assert_int_equal(ntm_timers_next(&timers), -1);
}

static void free_when_unanswered(void **state)
{
	(void)state;
	request(NTM_MSG_PING, NULL);
	request(NTM_MSG_PING, NULL);
	act_on = UNANSWERED;
	act = do_free;
	run_until(20000);
	assert_int_equal(event_count, 1);
	assert_int_equal(sent_count, 3); /* the resending came before the telling */
}

static void free_at_the_last_unanswered(void **state)
{
	(void)state;
	request(NTM_MSG_PING, NULL);
	run_until(10000 + GIVE_UP_MS - 1);
	act_on = UNANSWERED;
	act = do_free;
	run_until(20000);
	assert_int_equal(count_of(UNANSWERED), 4);
	assert_int_equal(count_of(DONE), 0); /* freed: nothing is called back */
}

static void free_when_given_up(void **state)
{
	(void)state;
	request(NTM_MSG_PING, NULL);
	request(NTM_MSG_PING, NULL);
	act_on = DONE;
	act = do_free;
	run_until(20000);
	assert_int_equal(count_of(DONE), 1);
}

static void cancel_at_the_last_unanswered(void **state)
{
	(void)state;
	victim = request(NTM_MSG_PING, NULL);
	run_until(10000 + GIVE_UP_MS - 1);
	act_on = UNANSWERED;
	act = do_cancel;
	run_until(20000);
	assert_int_equal(count_of(UNANSWERED), 4);
	assert_int_equal(count_of(DONE), 0);
}

static void reset_at_the_last_unanswered(void **state)
{
	(void)state;
	request(NTM_MSG_PING, NULL);
	run_until(10000 + GIVE_UP_MS - 1);
	act_on = UNANSWERED;
	act = do_reset;
	run_until(20000);
	assert_int_equal(only(DONE)->err, -ECANCELED); /* once, and not -ETIMEDOUT as well */
}

static void cancel_another_in_reset(void **state)
{
	(void)state;
	request(NTM_MSG_PING, NULL);
	victim = request(NTM_MSG_PING, NULL);
	request(NTM_MSG_PING, NULL);
	act_on = DONE;
	act = do_cancel;
	ntm_ctl_reset(ctl);
	assert_int_equal(count_of(DONE), 2);
}

static void reset_in_reset(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		request(NTM_MSG_PING, NULL);
	act_on = DONE;
	act = do_reset;
	ntm_ctl_reset(ctl);
	assert_int_equal(count_of(DONE), 3);
}

static void reset_in_reply(void **state)
{
	uint32_t txn;

	(void)state;
	request(NTM_MSG_PING, NULL);
	txn = request(NTM_MSG_PING, NULL);
	request(NTM_MSG_PING, NULL);
	act_on = DONE;
	act = do_reset;
	assert_int_equal(reply_arrives(NTM_MSG_PONG, txn), 0);
	assert_int_equal(count_of(DONE), 3);
	assert_int_equal(events[0].err, 0);
	assert_int_equal(events[1].err, -ECANCELED);
	assert_int_equal(events[2].err, -ECANCELED);
}

/* A request that a reset's callback starts is not part of that reset. */
static void request_in_reset(void **state)
{
	(void)state;
	for (int i = 0; i < NTM_CTL_OPEN_MAX; i++)
		request(NTM_MSG_PING, NULL);
	act_on = DONE;
	act = do_request;
	ntm_ctl_reset(ctl);
	assert_int_equal(count_of(DONE), NTM_CTL_OPEN_MAX);
	assert_int_equal(sent_count, NTM_CTL_OPEN_MAX + 1);
	assert_int_equal(reply_arrives(NTM_MSG_RESOLVED, sent[NTM_CTL_OPEN_MAX].msg.txn), 0);
	assert_int_equal(events[event_count - 1].err, 0);
}

static void request_when_given_up(void **state)
{
	(void)state;
	request(NTM_MSG_PING, NULL);
	act_on = DONE;
	act = do_request;
	run_until(10000 + GIVE_UP_MS);
	assert_int_equal(sent_count, 5);
	assert_int_equal(sent[4].msg.type, NTM_MSG_RESOLVE);
	assert_int_equal(sent[4].at_ms, 10000 + GIVE_UP_MS);
	assert_int_equal(reply_arrives(NTM_MSG_RESOLVED, sent[4].msg.txn), 0);
	assert_int_equal(count_of(DONE), 2);
}

static void kick_when_unanswered(void **state)
{
	(void)state;
	request(NTM_MSG_PING, NULL);
	act_on = UNANSWERED;
	act = do_kick;
	run_until(10200);
	assert_int_equal(sent_count, 3);
	run_until(20000);
	assert_int_equal(sent_count, 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(answered_at_once),
		TEST(schedule),
		TEST(lost_request),
		TEST(duplicate_replies),
		TEST(last_moment),
		TEST(wrong_type),
		TEST(wrong_type_is_ignored),
		TEST(both_sides_number_alone),
		TEST(malformed),
		TEST(requests_come_again),
		TEST(replying),
		TEST(reply_has_to_fit),
		TEST(telling),
		TEST(cannot_be_requested),
		TEST(cancelled),
		TEST(no_session_yet),
		TEST(never_a_session),
		TEST(kicked),
		TEST(kick_does_not_count),
		TEST(bounded),
		TEST(no_memory),
		TEST(resetting),
		TEST(freeing_is_silent),
		TEST(free_in_reply),
		TEST(free_in_request),
		TEST(free_in_reset),
		TEST(free_when_unanswered),
		TEST(free_at_the_last_unanswered),
		TEST(free_when_given_up),
		TEST(cancel_at_the_last_unanswered),
		TEST(reset_at_the_last_unanswered),
		TEST(cancel_another_in_reset),
		TEST(reset_in_reset),
		TEST(reset_in_reply),
		TEST(request_in_reset),
		TEST(request_when_given_up),
		TEST(kick_when_unanswered),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
