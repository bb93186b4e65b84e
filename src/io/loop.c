/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loop over libevent's core: its clock is CLOCK_BOOTTIME, its one timer a timerfd. */
#include "ntm/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct ntm_watch {
	struct ntm_loop *loop;
	struct event event;
	int fd;
	unsigned events;
	ntm_watch_fn *fn;
	void *arg;
};

struct signal_watch {
	struct ntm_loop *loop;
	struct event event;
	void (*fn)(void *arg, int signo);
	void *arg;
};

struct ntm_loop {
	struct event_base *base;
	struct ntm_timers timers;
	/* libevent's own timers stand still in suspend; a timerfd on CLOCK_BOOTTIME does not. */
	int timer_fd;
	struct ntm_watch *timer_watch;
	int64_t armed_ms; /* deadline that timer_fd is set to; -1: none */
	struct ntm_loop_hook *hooks;
	struct signal_watch signals[NTM_LOOP_SIGNALS];
	unsigned signal_count;
	bool stop;
};

static int64_t clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void move_clock(struct ntm_loop *loop)
{
	ntm_timers_advance(&loop->timers, clock_ms(CLOCK_BOOTTIME), clock_ms(CLOCK_REALTIME));
}

static void on_timer_fd(void *arg, unsigned events)
{
	struct ntm_loop *loop = arg;
	uint64_t expirations;

	(void)events;
	loop->armed_ms = -1;
	/* The timers themselves run at the end of the turn; EAGAIN means it was set anew. */
	if (read(loop->timer_fd, &expirations, sizeof(expirations)) < 0)
		return;
}

struct ntm_loop *ntm_loop_new(void)
{
	struct ntm_loop *loop = calloc(1, sizeof(*loop));
	struct event_config *config = event_config_new();

	if (loop == NULL || config == NULL)
		goto fail;
	ntm_timers_init(&loop->timers);
	move_clock(loop);
	loop->armed_ms = -1;
	loop->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->timer_fd < 0)
		goto fail;
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NOLOCK);
	loop->base = event_base_new_with_config(config);
	if (loop->base == NULL || ntm_loop_watch(loop, loop->timer_fd, NTM_LOOP_READ, on_timer_fd,
						 loop, &loop->timer_watch) != 0) {
		close(loop->timer_fd);
		goto fail;
	}
	event_config_free(config);
	return loop;
fail:
	if (loop != NULL && loop->base != NULL)
		event_base_free(loop->base);
	if (config != NULL)
		event_config_free(config);
	free(loop);
	return NULL;
}

void ntm_loop_free(struct ntm_loop *loop)
{
	if (loop == NULL)
		return;
	for (unsigned i = 0; i < loop->signal_count; i++)
		event_del(&loop->signals[i].event);
	ntm_watch_free(loop->timer_watch);
	close(loop->timer_fd);
	event_base_free(loop->base);
	free(loop);
}

struct ntm_timers *ntm_loop_timers(struct ntm_loop *loop)
{
	return &loop->timers;
}

static void run_hooks(struct ntm_loop *loop)
{
	for (struct ntm_loop_hook *hook = loop->hooks; hook != NULL; hook = hook->next)
		hook->fn(hook->arg);
}

/* Sets the timerfd to the earlier of the next deadline and limit_ms (-1: no limit). */
static int arm(struct ntm_loop *loop, int64_t limit_ms)
{
	int64_t wait_ms = ntm_timers_next(&loop->timers);
	int64_t due_ms = wait_ms < 0 ? limit_ms : loop->timers.now_ms + wait_ms;

	if (limit_ms >= 0 && limit_ms < due_ms)
		due_ms = limit_ms;
	if (due_ms == loop->armed_ms)
		return 0;
	/* Zero disarms, which is what "none" wants. */
	struct itimerspec spec = {0};
	if (due_ms >= 0) {
		spec.it_value.tv_sec = due_ms / 1000;
		spec.it_value.tv_nsec = due_ms % 1000 * 1000000;
	}
	if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) != 0)
		return -errno;
	loop->armed_ms = due_ms;
	return 0;
}

static void settle(struct ntm_loop *loop)
{
	move_clock(loop);
	ntm_timers_run(&loop->timers);
	run_hooks(loop);
}

static int wait_for_events(struct ntm_loop *loop, int64_t max_wait_ms)
{
	int err = arm(loop, max_wait_ms < 0 ? -1 : clock_ms(CLOCK_BOOTTIME) + max_wait_ms);

	if (err != 0)
		return err;
	int flags = max_wait_ms == 0 ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE;
	return event_base_loop(loop->base, flags) < 0 ? -EIO : 0;
}

int ntm_loop_turn(struct ntm_loop *loop, int64_t max_wait_ms)
{
	/* What was set or sent since the last turn is settled before waiting, not after. */
	settle(loop);
	int err = wait_for_events(loop, max_wait_ms);
	settle(loop);
	return err;
}

int ntm_loop_run(struct ntm_loop *loop)
{
	int err = 0;

	settle(loop);
	while (!loop->stop && err == 0) {
		err = wait_for_events(loop, -1);
		settle(loop);
	}
	loop->stop = false;
	return err;
}

void ntm_loop_stop(struct ntm_loop *loop)
{
	loop->stop = true;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct ntm_watch *watch = arg;
	unsigned events = 0;

	(void)fd;
	if (what & EV_READ)
		events |= NTM_LOOP_READ;
	if (what & EV_WRITE)
		events |= NTM_LOOP_WRITE;
	move_clock(watch->loop);
	watch->fn(watch->arg, events);
}

int ntm_loop_watch(struct ntm_loop *loop, int fd, unsigned events, ntm_watch_fn *fn, void *arg,
		   struct ntm_watch **out)
{
	struct ntm_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return -ENOMEM;
	watch->loop = loop;
	watch->fd = fd;
	watch->fn = fn;
	watch->arg = arg;
	if (event_assign(&watch->event, loop->base, fd, EV_PERSIST, on_event, watch) != 0 ||
	    ntm_watch_set(watch, events) != 0) {
		free(watch);
		return -EINVAL;
	}
	*out = watch;
	return 0;
}

int ntm_watch_set(struct ntm_watch *watch, unsigned events)
{
	short what = EV_PERSIST;

	if (events == watch->events)
		return 0;
	if (events & NTM_LOOP_READ)
		what |= EV_READ;
	if (events & NTM_LOOP_WRITE)
		what |= EV_WRITE;
	event_del(&watch->event);
	watch->events = 0;
	if (event_assign(&watch->event, watch->loop->base, watch->fd, what, on_event, watch) != 0)
		return -EIO;
	if (events != 0 && event_add(&watch->event, NULL) != 0)
		return -EIO;
	watch->events = events;
	return 0;
}

void ntm_watch_free(struct ntm_watch *watch)
{
	if (watch == NULL)
		return;
	event_del(&watch->event);
	free(watch);
}

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct signal_watch *sig = arg;

	(void)what;
	move_clock(sig->loop);
	sig->fn(sig->arg, (int)signo);
}

int ntm_loop_signal(struct ntm_loop *loop, int signo, void (*fn)(void *arg, int signo), void *arg)
{
	if (loop->signal_count == NTM_LOOP_SIGNALS)
		return -ENOSPC;
	struct signal_watch *sig = &loop->signals[loop->signal_count];
	*sig = (struct signal_watch){.loop = loop, .fn = fn, .arg = arg};
	if (evsignal_assign(&sig->event, loop->base, signo, on_signal, sig) != 0 ||
	    event_add(&sig->event, NULL) != 0)
		return -ENOMEM;
	loop->signal_count++;
	return 0;
}

void ntm_loop_hook_add(struct ntm_loop *loop, struct ntm_loop_hook *hook)
{
	struct ntm_loop_hook **at = &loop->hooks;

	while (*at != NULL)
		at = &(*at)->next;
	hook->next = NULL;
	*at = hook;
}

void ntm_loop_hook_del(struct ntm_loop *loop, struct ntm_loop_hook *hook)
{
	for (struct ntm_loop_hook **at = &loop->hooks; *at != NULL; at = &(*at)->next) {
		if (*at == hook) {
			*at = hook->next;
			return;
		}
	}
}
