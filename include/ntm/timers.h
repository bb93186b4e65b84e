/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers of protocol and daemon logic: a heap of deadlines, moved by whoever owns the clock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ntm_timer;
typedef void ntm_timer_fn(void *arg);

/* Embedded in its owner. Intrusive, so that arming a timer never allocates and never fails. */
struct ntm_timer {
	int64_t due_ms;
	uint64_t seq; /* order of setting, for equal deadlines */
	ntm_timer_fn *fn;
	void *arg;
	struct ntm_timer *child, *next, *prev; /* pairing heap; prev is NULL when not armed */
};

/*
 * The logic's only clock. The I/O loop, or the simulation, calls ntm_timers_advance before it hands
 * over any event; everything else reads the two members. now_ms never goes back and counts suspend
 * (CLOCK_BOOTTIME); wall_ms is UNIX time and only for certificates and handshake time stamps.
 */
struct ntm_timers {
	int64_t now_ms;
	int64_t wall_ms;
	struct ntm_timer head; /* sentinel */
	uint64_t next_seq;
	uint64_t fired_count;
};

void ntm_timers_init(struct ntm_timers *timers);
/* Sets the clock without running anything. */
void ntm_timers_advance(struct ntm_timers *timers, int64_t now_ms, int64_t wall_ms);
/* Runs what is due at now_ms, oldest first; equal deadlines in the order they were set. A timer is
 * disarmed before its function runs. A timer set with delay 0 from within waits for the next run.
 */
void ntm_timers_run(struct ntm_timers *timers);
/* Milliseconds until the next deadline, 0 when one is due, -1 when none is armed. */
int64_t ntm_timers_next(const struct ntm_timers *timers);

void ntm_timer_init(struct ntm_timer *timer, ntm_timer_fn *fn, void *arg);
/* Arms the timer, or moves it when armed. delay_ms < 0 counts as 0. */
void ntm_timer_set(struct ntm_timers *timers, struct ntm_timer *timer, int64_t delay_ms);
/* Disarms; fine when not armed. */
void ntm_timer_del(struct ntm_timers *timers, struct ntm_timer *timer);
bool ntm_timer_armed(const struct ntm_timer *timer);
