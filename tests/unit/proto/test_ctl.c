/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests and replies in virtual time: schedule, loss, duplicates, bounds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/ctl_play.h"

static char link_b;
#define LINK_B ((struct ntm_link *)&link_b)

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
	msg.is_reply = true; /* whatever the caller left there */
	assert_int_equal(ntm_ctl_tell(ctl, &msg), 0);
	assert_false(sent[0].msg.is_reply);
	run_until(20000);
	assert_int_equal(sent_count, 1);
	assert_int_equal(ntm_ctl_tell(ctl, &msg), 0);
	assert_int_not_equal(sent[1].msg.txn, sent[0].msg.txn);
	assert_int_not_equal(sent[0].msg.txn, 0);
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
	ntm_ctl_kick(ctl, 0);
	assert_int_equal(sent_count, 0);
	ntm_ctl_set_link(ctl, LINK_B);
	ntm_ctl_kick(ctl, 0);
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
	ntm_ctl_kick(ctl, 0);
	ntm_ctl_kick(ctl, 0);
	assert_int_equal(sent_count, 3);
	ntm_ctl_kick(ctl, sent[0].msg.txn);
	assert_int_equal(sent_count, 3);
	run_until(10200);
	assert_int_equal(only(UNANSWERED)->sent, 1);
}

/* Members that ntm_ctl_request sets may hold anything before. */
static void reused_message(void **state)
{
	struct ntm_msg msg = ping();

	(void)state;
	msg.is_reply = true;
	msg.txn = 77;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(ntm_ctl_request(ctl, &msg, on_done, NULL, NULL), 0);
		assert_false(sent[i].msg.is_reply);
		assert_int_equal(sent[i].msg.txn, msg.txn);
	}
	assert_int_not_equal(sent[0].msg.txn, sent[1].msg.txn);
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
		TEST(reused_message),
		TEST(bounded),
		TEST(no_memory),
		TEST(resetting),
		TEST(freeing_is_silent),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
