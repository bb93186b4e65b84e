/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers: order, rearming from within, and the heap against a plain model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ntm/timers.h"

#define COUNT 200

struct item {
	struct ntm_timer timer;
	unsigned id;
};

static struct ntm_timers timers;
static struct item items[COUNT];
static unsigned fired[4 * COUNT];
static size_t fired_count;

static void note(void *arg)
{
	const struct item *item = arg;

	fired[fired_count++] = item->id;
}

static int start(void **unused)
{
	(void)unused;
	ntm_timers_init(&timers);
	ntm_timers_advance(&timers, 1000, 5000);
	fired_count = 0;
	for (unsigned i = 0; i < COUNT; i++) {
		items[i].id = i;
		ntm_timer_init(&items[i].timer, note, &items[i]);
	}
	return 0;
}

static void set(unsigned id, int64_t delay_ms)
{
	ntm_timer_set(&timers, &items[id].timer, delay_ms);
}

static void run_after(int64_t ms)
{
	ntm_timers_advance(&timers, timers.now_ms + ms, 0);
	ntm_timers_run(&timers);
}

static void assert_fired(const char *ids)
{
	assert_int_equal(fired_count, strlen(ids));
	for (size_t i = 0; i < fired_count; i++)
		assert_int_equal(fired[i], ids[i] - '0');
	fired_count = 0;
}

static void fires_when_due_and_oldest_first(void **unused)
{
	(void)unused;
	set(0, 300);
	set(1, 100);
	set(2, 200);
	assert_int_equal(ntm_timers_next(&timers), 100);
	run_after(99);
	assert_fired("");
	assert_int_equal(ntm_timers_next(&timers), 1);
	run_after(1);
	assert_fired("1");
	assert_false(ntm_timer_armed(&items[1].timer));
	assert_true(ntm_timer_armed(&items[2].timer));
	run_after(1000);
	assert_fired("20");
	assert_int_equal(timers.fired_count, 3);
	assert_int_equal(ntm_timers_next(&timers), -1);
}

static void equal_deadlines_keep_their_order(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < 9; i++)
		set(i, 50);
	set(3, 50); /* set anew: goes to the end */
	run_after(50);
	assert_fired("012456783");
	/* Also when they were set at different times. */
	set(5, 20);
	ntm_timers_advance(&timers, timers.now_ms + 10, 0);
	set(4, 10);
	set(6, 10);
	ntm_timer_del(&timers, &items[4].timer);
	set(4, 10);
	run_after(10);
	assert_fired("564");
}

static void past_and_negative_delays(void **unused)
{
	(void)unused;
	set(0, 10);
	set(2, 0);
	set(1, -500); /* counts as 0, so it is not older than timer 2 */
	assert_int_equal(ntm_timers_next(&timers), 0);
	ntm_timers_run(&timers);
	assert_fired("21");
	ntm_timers_advance(&timers, timers.now_ms + 100, 0);
	assert_int_equal(ntm_timers_next(&timers), 0);
}

static void huge_delay_never_comes(void **unused)
{
	(void)unused;
	set(0, INT64_MAX);
	run_after(1000000);
	assert_fired("");
	assert_true(ntm_timers_next(&timers) > 0);
}

static void clock_moves_forward_only(void **unused)
{
	(void)unused;
	set(0, 5);
	ntm_timers_advance(&timers, 2000, 7000);
	assert_fired(""); /* it only sets the clock */
	ntm_timers_advance(&timers, 1500, 6000);
	assert_int_equal(timers.now_ms, 2000);
	assert_int_equal(timers.wall_ms, 6000); /* wall time may be set back */
}

static void del_and_move(void **unused)
{
	(void)unused;
	ntm_timer_del(&timers, &items[0].timer); /* not armed: fine */
	set(0, 10);
	set(1, 20);
	set(2, 30);
	ntm_timer_del(&timers, &items[1].timer);
	assert_false(ntm_timer_armed(&items[1].timer));
	ntm_timer_del(&timers, &items[1].timer);
	set(0, 40); /* later */
	set(2, 5);  /* sooner */
	assert_int_equal(ntm_timers_next(&timers), 5);
	run_after(100);
	assert_fired("20");
}

/* Sets itself again at once. */
static void again(void *arg)
{
	struct item *item = arg;

	assert_false(ntm_timer_armed(&item->timer));
	note(arg);
	ntm_timer_set(&timers, &item->timer, 0);
}

static void delay_zero_from_within_waits_for_the_next_run(void **unused)
{
	(void)unused;
	ntm_timer_init(&items[0].timer, again, &items[0]);
	set(0, 10);
	set(1, 10);
	set(2, 20);
	run_after(30);
	assert_fired("012");
	assert_int_equal(ntm_timers_next(&timers), 0);
	ntm_timers_run(&timers);
	assert_fired("0");
	ntm_timers_run(&timers);
	assert_fired("0");
}

/* Cancels the next one, brings forward the one after, and forgets itself as a freed owner would. */
static void meddle(void *arg)
{
	struct item *item = arg;

	note(arg);
	ntm_timer_del(&timers, &item[1].timer);
	ntm_timer_set(&timers, &item[2].timer, 0);
	memset(&item->timer, 0xa5, sizeof(item->timer));
}

static void a_running_timer_may_change_others(void **unused)
{
	(void)unused;
	ntm_timer_init(&items[0].timer, meddle, &items[0]);
	set(0, 10);
	set(1, 10);
	set(2, 500);
	set(3, 10);
	run_after(10);
	assert_fired("03");
	ntm_timers_run(&timers);
	assert_fired("2");
}

/* The next due item of the model, in which the order of a plain list decides between equals. */
static int model_next(const int64_t *due, const unsigned *seq, int64_t now)
{
	int best = -1;

	for (int i = 0; i < COUNT; i++) {
		if (due[i] < 0 || due[i] > now)
			continue;
		if (best < 0 || due[i] < due[best] || (due[i] == due[best] && seq[i] < seq[best]))
			best = i;
	}
	return best;
}

static void agrees_with_a_plain_model(void **unused)
{
	int64_t due[COUNT];
	unsigned seq[COUNT] = {0}, next_seq = 0;
	unsigned short dice[3] = {1, 2, 3};

	(void)unused;
	memset(due, 0xff, sizeof(due));
	for (int step = 0; step < 4000; step++) {
		unsigned id = (unsigned)nrand48(dice) % COUNT;

		if (nrand48(dice) % 4 > 0) {
			due[id] = timers.now_ms + nrand48(dice) % 50;
			seq[id] = next_seq++;
			set(id, due[id] - timers.now_ms);
		} else {
			due[id] = -1;
			ntm_timer_del(&timers, &items[id].timer);
		}
		if (nrand48(dice) % 10 > 0)
			continue;
		fired_count = 0;
		run_after(nrand48(dice) % 30);
		for (size_t i = 0; i < fired_count; i++) {
			assert_int_equal(fired[i], model_next(due, seq, timers.now_ms));
			due[fired[i]] = -1;
		}
		assert_int_equal(model_next(due, seq, timers.now_ms), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(fires_when_due_and_oldest_first, start),
		cmocka_unit_test_setup(equal_deadlines_keep_their_order, start),
		cmocka_unit_test_setup(past_and_negative_delays, start),
		cmocka_unit_test_setup(huge_delay_never_comes, start),
		cmocka_unit_test_setup(clock_moves_forward_only, start),
		cmocka_unit_test_setup(del_and_move, start),
		cmocka_unit_test_setup(delay_zero_from_within_waits_for_the_next_run, start),
		cmocka_unit_test_setup(a_running_timer_may_change_others, start),
		cmocka_unit_test_setup(agrees_with_a_plain_model, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
