/* SPDX-License-Identifier: BSD-2-Clause */
/* How long this node's NAT may be left idle: learned from what the DC sees. */
#include "keepalive.h"

#include <stdio.h>
#include <string.h>

static int64_t min_of(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

void keepalive_reset(struct keepalive *k)
{
	*k = (struct keepalive){.behind_nat = k->behind_nat,
				.keeps_port = k->keeps_port,
				.bound_ms = k->bound_ms,
				.interval_ms = KEEPALIVE_START_MS,
				.ceiling_ms = KEEPALIVE_MAX_MS};
}

void keepalive_set(struct keepalive *k, bool behind_nat, bool keeps_port, int64_t bound_ms)
{
	k->behind_nat = behind_nat;
	k->keeps_port = keeps_port;
	k->bound_ms = bound_ms;
}

/* Growth beyond what is used would be a guess. */
static bool may_grow(const struct keepalive *k)
{
	return k->interval_ms < k->ceiling_ms && (k->bound_ms == 0 || k->interval_ms < k->bound_ms);
}

void keepalive_held(struct keepalive *k, int64_t idle_ms)
{
	if (!k->behind_nat || k->keeps_port || idle_ms < KEEPALIVE_MIN_MS)
		return;
	k->held_ms = max_of(k->held_ms, min_of(idle_ms, KEEPALIVE_MAX_MS));
	if (idle_ms < k->interval_ms || !may_grow(k) || ++k->stable < KEEPALIVE_STABLE)
		return;
	k->interval_ms = min_of(k->interval_ms + KEEPALIVE_GROW_MS, k->ceiling_ms);
	k->stable = 0;
}

void keepalive_forgot(struct keepalive *k, int64_t idle_ms)
{
	if (!k->behind_nat || idle_ms < KEEPALIVE_MIN_MS)
		return;
	/* What held once does not always: a NAT forgets early when its table is full. */
	int64_t good_ms =
		k->held_ms > 0 && k->held_ms < idle_ms ? k->held_ms : idle_ms - KEEPALIVE_GROW_MS;

	k->held_ms = min_of(k->held_ms, good_ms);
	k->forgot_ms = k->forgot_ms > 0 ? min_of(k->forgot_ms, idle_ms) : idle_ms;
	k->ceiling_ms = max_of(KEEPALIVE_MIN_MS, min_of(k->ceiling_ms, good_ms));
	k->interval_ms = min_of(k->ceiling_ms,
				max_of(KEEPALIVE_MIN_MS, k->interval_ms - KEEPALIVE_SHRINK_MS));
	k->stable = 0;
}

int64_t keepalive_ms(const struct keepalive *k)
{
	int64_t ms = k->keeps_port ? KEEPALIVE_MIN_MS : k->interval_ms;

	if (!k->behind_nat)
		return 0;
	return k->bound_ms > 0 ? min_of(k->bound_ms, ms) : ms;
}

const char *keepalive_words(const struct keepalive *k, char buf[static KEEPALIVE_WORDS])
{
	if (!k->behind_nat)
		snprintf(buf, KEEPALIVE_WORDS, "none: there is no NAT");
	else if (k->bound_ms > 0 && k->bound_ms == keepalive_ms(k) && k->bound_ms < k->interval_ms)
		snprintf(buf, KEEPALIVE_WORDS, "the DC wants no longer");
	else if (k->keeps_port)
		snprintf(buf, KEEPALIVE_WORDS,
			 "the NAT keeps our port, so it does not show when it forgets us");
	else if (k->forgot_ms > 0)
		snprintf(buf, KEEPALIVE_WORDS, "the NAT forgot us after %lld s",
			 (long long)k->forgot_ms / 1000);
	else if (k->held_ms > 0)
		snprintf(buf, KEEPALIVE_WORDS, "the NAT has held for %lld s",
			 (long long)k->held_ms / 1000);
	else
		snprintf(buf, KEEPALIVE_WORDS, "not tried yet");
	return buf;
}
