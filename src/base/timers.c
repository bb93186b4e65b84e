/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers of protocol and daemon logic: a pairing heap of deadlines. */
#include "ntm/timers.h"

#include <stddef.h>

/*
 * The smallest timer is the only child of the sentinel. Children of one timer form a list; prev of
 * the first is the parent, prev of the others the neighbour.
 */

void ntm_timers_init(struct ntm_timers *timers)
{
	*timers = (struct ntm_timers){0};
}

void ntm_timers_advance(struct ntm_timers *timers, int64_t now_ms, int64_t wall_ms)
{
	if (now_ms > timers->now_ms)
		timers->now_ms = now_ms;
	timers->wall_ms = wall_ms;
}

static bool is_before(const struct ntm_timer *a, const struct ntm_timer *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->seq < b->seq;
}

/* Makes the later of two roots the first child of the other, and returns the other. */
static struct ntm_timer *meld(struct ntm_timer *a, struct ntm_timer *b)
{
	struct ntm_timer *top = is_before(b, a) ? b : a;
	struct ntm_timer *sub = top == a ? b : a;

	sub->next = top->child;
	if (sub->next)
		sub->next->prev = sub;
	sub->prev = top;
	top->child = sub;
	top->next = NULL;
	return top;
}

/* One root from a list of siblings: melds them in pairs, then the pairs from last to first. */
static struct ntm_timer *meld_list(struct ntm_timer *first)
{
	struct ntm_timer *pairs = NULL, *root = NULL;

	while (first) {
		struct ntm_timer *a = first, *b = first->next;

		first = b ? b->next : NULL;
		a = b ? meld(a, b) : a;
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		struct ntm_timer *rest = pairs->next;

		pairs->next = NULL;
		root = root ? meld(root, pairs) : pairs;
		pairs = rest;
	}
	return root;
}

static void add_root(struct ntm_timers *timers, struct ntm_timer *root)
{
	if (timers->head.child)
		root = meld(timers->head.child, root);
	timers->head.child = root;
	root->prev = &timers->head;
}

void ntm_timers_run(struct ntm_timers *timers)
{
	struct ntm_timer *timer;
	int64_t now_ms = timers->now_ms;
	/* What is armed from now on has a higher number, and comes after all that is due. */
	uint64_t end_seq = timers->next_seq;

	while ((timer = timers->head.child) && timer->due_ms <= now_ms && timer->seq < end_seq) {
		ntm_timer_del(timers, timer);
		timers->fired_count++;
		timer->fn(timer->arg);
	}
}

int64_t ntm_timers_next(const struct ntm_timers *timers)
{
	const struct ntm_timer *timer = timers->head.child;

	if (!timer)
		return -1;
	return timer->due_ms > timers->now_ms ? timer->due_ms - timers->now_ms : 0;
}

void ntm_timer_init(struct ntm_timer *timer, ntm_timer_fn *fn, void *arg)
{
	*timer = (struct ntm_timer){.fn = fn, .arg = arg};
}

void ntm_timer_set(struct ntm_timers *timers, struct ntm_timer *timer, int64_t delay_ms)
{
	ntm_timer_del(timers, timer);
	if (delay_ms < 0)
		delay_ms = 0;
	timer->due_ms =
		delay_ms < INT64_MAX - timers->now_ms ? timers->now_ms + delay_ms : INT64_MAX;
	timer->seq = timers->next_seq++;
	add_root(timers, timer);
}

void ntm_timer_del(struct ntm_timers *timers, struct ntm_timer *timer)
{
	struct ntm_timer *children;

	if (!ntm_timer_armed(timer))
		return;
	if (timer->prev->child == timer)
		timer->prev->child = timer->next;
	else
		timer->prev->next = timer->next;
	if (timer->next)
		timer->next->prev = timer->prev;
	children = meld_list(timer->child);
	timer->child = timer->next = timer->prev = NULL;
	if (children)
		add_root(timers, children);
}

bool ntm_timer_armed(const struct ntm_timer *timer)
{
	return timer->prev != NULL;
}
