/* SPDX-License-Identifier: BSD-2-Clause */
/* Control channel: callbacks that do the worst, at each place where there is one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/ctl_play.h"

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
	ntm_ctl_kick(ctl, 0);
}

static uint32_t victim;

static void do_cancel(void)
{
	ntm_ctl_cancel(ctl, victim);
}

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
