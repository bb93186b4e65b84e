/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop: clock before callbacks, timers after events, hooks last, and freeing in callbacks. */
#include "ntm/loop.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	struct ntm_loop *loop;
	struct ntm_timers *timers;
	int pair[2];
	struct ntm_watch *watch, *other;
	struct ntm_timer timer;
	struct ntm_loop_hook hook, hook2;
	char trace[64]; /* one letter an event, in order */
	unsigned events;
};

static void note(struct world *w, char what)
{
	size_t len = strlen(w->trace);

	if (len < sizeof(w->trace) - 1)
		w->trace[len] = what;
}

static int setup(void **state)
{
	static struct world world;

	memset(&world, 0, sizeof(world));
	world.loop = ntm_loop_new();
	assert_non_null(world.loop);
	world.timers = ntm_loop_timers(world.loop);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, world.pair), 0);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ntm_watch_free(w->watch);
	ntm_watch_free(w->other);
	ntm_loop_free(w->loop);
	close(w->pair[0]);
	close(w->pair[1]);
	return 0;
}

static int64_t boot_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void on_read(void *arg, unsigned events)
{
	struct world *w = arg;
	char byte;

	note(w, 'r');
	w->events = events;
	if (events & NTM_LOOP_READ)
		assert_int_equal(read(w->pair[0], &byte, 1), 1);
	ntm_timer_set(w->timers, &w->timer, 0);
}

static void on_timer(void *arg)
{
	note(arg, 't');
}

static void on_hook(void *arg)
{
	note(arg, 'h');
}

static void on_hook2(void *arg)
{
	note(arg, 'H');
}

static void test_order_of_a_turn(void **state)
{
	struct world *w = *state;

	ntm_timer_init(&w->timer, on_timer, w);
	w->hook = (struct ntm_loop_hook){.fn = on_hook, .arg = w};
	w->hook2 = (struct ntm_loop_hook){.fn = on_hook2, .arg = w};
	ntm_loop_hook_add(w->loop, &w->hook);
	ntm_loop_hook_add(w->loop, &w->hook2);
	assert_int_equal(ntm_loop_watch(w->loop, w->pair[0], NTM_LOOP_READ, on_read, w, &w->watch),
			 0);
	assert_int_equal(write(w->pair[1], "x", 1), 1);
	assert_int_equal(ntm_loop_turn(w->loop, 1000), 0);
	/* hooks flush what was queued before the turn; then the event, its timer, the hooks */
	assert_string_equal(w->trace, "hHrthH");
	assert_int_equal(w->events, NTM_LOOP_READ);

	memset(w->trace, 0, sizeof(w->trace));
	ntm_loop_hook_del(w->loop, &w->hook);
	ntm_loop_hook_del(w->loop, &w->hook);
	assert_int_equal(ntm_loop_turn(w->loop, 0), 0);
	assert_string_equal(w->trace, "HH");
}

static void take_time(void *arg, unsigned events)
{
	struct world *w = arg;
	struct timespec nap = {.tv_nsec = 150000000};

	(void)events;
	note(w, 'n');
	assert_true(boot_ms() - w->timers->now_ms < 140);
	nanosleep(&nap, NULL);
}

static void test_clock_is_moved_before_callbacks(void **state)
{
	struct world *w = *state;

	/* two in one batch, each of which takes its time: the second sees what the first took */
	assert_int_equal(ntm_loop_watch(w->loop, w->pair[0], NTM_LOOP_WRITE, take_time, w,
					&w->watch),
			 0);
	assert_int_equal(ntm_loop_watch(w->loop, w->pair[1], NTM_LOOP_WRITE, take_time, w,
					&w->other),
			 0);
	assert_int_equal(ntm_loop_turn(w->loop, 1000), 0);
	assert_string_equal(w->trace, "nn");
	assert_true(w->timers->wall_ms / 1000 >= (int64_t)time(NULL) - 5);
}

static void test_timer_wakes_an_idle_loop(void **state)
{
	struct world *w = *state;

	ntm_timer_init(&w->timer, on_timer, w);
	int64_t start_ms = w->timers->now_ms;
	ntm_timer_set(w->timers, &w->timer, 30);
	while (w->trace[0] == '\0')
		assert_int_equal(ntm_loop_turn(w->loop, -1), 0);
	int64_t took_ms = w->timers->now_ms - start_ms;
	assert_true(took_ms >= 30);
	assert_true(took_ms < 2000);
}

static void test_max_wait_ends_a_turn(void **state)
{
	struct world *w = *state;
	int64_t start_ms = boot_ms();

	ntm_timer_init(&w->timer, on_timer, w);
	ntm_timer_set(w->timers, &w->timer, 60000);
	assert_int_equal(ntm_loop_turn(w->loop, 20), 0);
	assert_true(boot_ms() - start_ms >= 19);
	assert_true(boot_ms() - start_ms < 5000);
	assert_string_equal(w->trace, "");
	ntm_timer_del(w->timers, &w->timer);
}

static void stop_later(void *arg)
{
	struct world *w = arg;

	note(w, 's');
	ntm_loop_stop(w->loop);
}

static void test_run_until_stop(void **state)
{
	struct world *w = *state;

	ntm_timer_init(&w->timer, stop_later, w);
	w->hook = (struct ntm_loop_hook){.fn = on_hook, .arg = w};
	ntm_timer_set(w->timers, &w->timer, 5);
	ntm_loop_hook_add(w->loop, &w->hook);
	assert_int_equal(ntm_loop_run(w->loop), 0);
	/* the hook ran after the stop */
	assert_string_equal(strchr(w->trace, 's'), "sh");
	ntm_loop_stop(w->loop);
	assert_int_equal(ntm_loop_run(w->loop), 0);
}

static void on_writable(void *arg, unsigned events)
{
	struct world *w = arg;

	note(w, 'w');
	w->events = events;
	assert_int_equal(ntm_watch_set(w->watch, 0), 0);
}

static void test_watch_set(void **state)
{
	struct world *w = *state;

	assert_int_equal(ntm_loop_watch(w->loop, w->pair[0], 0, on_writable, w, &w->watch), 0);
	assert_int_equal(ntm_loop_turn(w->loop, 0), 0);
	assert_string_equal(w->trace, "");
	assert_int_equal(ntm_watch_set(w->watch, NTM_LOOP_WRITE), 0);
	assert_int_equal(ntm_loop_turn(w->loop, 0), 0);
	assert_int_equal(ntm_loop_turn(w->loop, 0), 0);
	assert_string_equal(w->trace, "w");
	assert_int_equal(w->events, NTM_LOOP_WRITE);
}

static void free_both(void *arg, unsigned events)
{
	struct world *w = arg;

	(void)events;
	note(w, 'f');
	ntm_watch_free(w->watch);
	ntm_watch_free(w->other);
	w->watch = w->other = NULL;
}

static void test_free_in_callback(void **state)
{
	struct world *w = *state;

	/* both are ready in one batch: whichever comes first frees both, and the other is silent */
	assert_int_equal(ntm_loop_watch(w->loop, w->pair[0], NTM_LOOP_WRITE, free_both, w,
					&w->watch),
			 0);
	assert_int_equal(ntm_loop_watch(w->loop, w->pair[1], NTM_LOOP_WRITE, free_both, w,
					&w->other),
			 0);
	assert_int_equal(ntm_loop_turn(w->loop, 0), 0);
	assert_int_equal(ntm_loop_turn(w->loop, 0), 0);
	assert_string_equal(w->trace, "f");
}

static void on_sig(void *arg, int signo)
{
	note(arg, signo == SIGHUP ? 'u' : '?');
}

static void test_signal(void **state)
{
	struct world *w = *state;

	assert_int_equal(ntm_loop_signal(w->loop, SIGHUP, on_sig, w), 0);
	raise(SIGHUP);
	for (int i = 0; i < 100 && w->trace[0] == '\0'; i++)
		assert_int_equal(ntm_loop_turn(w->loop, 10), 0);
	assert_string_equal(w->trace, "u");
	for (int i = 1; i < NTM_LOOP_SIGNALS; i++)
		assert_int_equal(ntm_loop_signal(w->loop, SIGUSR1 + (i & 1) * 2, on_sig, w), 0);
	assert_int_equal(ntm_loop_signal(w->loop, SIGUSR2, on_sig, w), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order_of_a_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock_is_moved_before_callbacks, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_timer_wakes_an_idle_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_max_wait_ends_a_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_run_until_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch_set, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_in_callback, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
