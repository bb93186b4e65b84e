/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loop: descriptors, signals, timers, end-of-turn hooks. libevent stays behind it. */
#pragma once

#include "ntm/timers.h"

struct ntm_loop;
struct ntm_watch;

/*
 * One turn: wait for events, run their callbacks, run the timers that are due, run the flush hooks.
 * The clock of ntm_loop_timers() is moved before every callback (now_ms is CLOCK_BOOTTIME, so time
 * in suspend counts; a deadline that passed in suspend runs at wake-up). One thread only.
 */
struct ntm_loop *ntm_loop_new(void); /* NULL: out of memory or descriptors */
/* Watches must have been freed before; signals and hooks are forgotten. NULL is fine. */
void ntm_loop_free(struct ntm_loop *loop);
struct ntm_timers *ntm_loop_timers(struct ntm_loop *loop);

/* Runs turns until ntm_loop_stop is called, from a callback or before. 0 or negative errno. */
int ntm_loop_run(struct ntm_loop *loop);
/* One turn that waits at most max_wait_ms (-1: for ever). For tests and short programs. */
int ntm_loop_turn(struct ntm_loop *loop, int64_t max_wait_ms);
/* Ends ntm_loop_run after the current turn, hooks included: what was sent goes out. */
void ntm_loop_stop(struct ntm_loop *loop);

#define NTM_LOOP_READ  1u
#define NTM_LOOP_WRITE 2u
/* events: what is possible now. May free any watch, its own included. */
typedef void ntm_watch_fn(void *arg, unsigned events);

/* Watches fd for events (level triggered; 0 = nothing yet). The descriptor stays the caller's and
 * has to outlive the watch. 0, -ENOMEM, -EINVAL. */
int ntm_loop_watch(struct ntm_loop *loop, int fd, unsigned events, ntm_watch_fn *fn, void *arg,
		   struct ntm_watch **out);
/* Changes what is watched for. 0 or -EIO. */
int ntm_watch_set(struct ntm_watch *watch, unsigned events);
void ntm_watch_free(struct ntm_watch *watch); /* NULL is fine */

#define NTM_LOOP_SIGNALS 8
/* Calls fn in a turn after signo arrived (SIGTERM, SIGINT, SIGHUP, ...). 0, -ENOMEM, -ENOSPC. */
int ntm_loop_signal(struct ntm_loop *loop, int signo, void (*fn)(void *arg, int signo), void *arg);

/* Embedded in whoever collects output during a turn and sends it at the end. */
struct ntm_loop_hook {
	void (*fn)(void *arg);
	void *arg;
	struct ntm_loop_hook *next;
};
/* Hooks run in the order they were added; a hook must not add or remove hooks. */
void ntm_loop_hook_add(struct ntm_loop *loop, struct ntm_loop_hook *hook);
void ntm_loop_hook_del(struct ntm_loop *loop, struct ntm_loop_hook *hook); /* fine when not added */
