/* SPDX-License-Identifier: BSD-2-Clause */
/* The replay window: what is taken once, what never, and where its edges are. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ntm/session.h"

#define USABLE 8128

struct step {
	uint64_t counter;
	int expected;
};

static void play(const struct step *steps, size_t count)
{
	struct ntm_replay replay;

	ntm_replay_init(&replay);
	for (size_t i = 0; i < count; i++) {
		if (ntm_replay_take(&replay, steps[i].counter) != steps[i].expected)
			fail_msg("step %zu, counter %llu", i, (unsigned long long)steps[i].counter);
	}
}

#define PLAY(...)                                                  \
	do {                                                       \
		static const struct step steps_[] = {__VA_ARGS__}; \
		play(steps_, sizeof(steps_) / sizeof(steps_[0]));  \
	} while (0)

static void tables(void **unused)
{
	(void)unused;
	/* From zero, with holes. */
	PLAY({0, 0}, {0, -EALREADY}, {1, 0}, {1, -EALREADY}, {9, 0}, {8, 0}, {7, 0}, {7, -EALREADY},
	     {6, 0}, {5, 0}, {4, 0}, {3, 0}, {2, 0}, {2, -EALREADY}, {9, -EALREADY},
	     {0, -EALREADY});
	/* The lower edge: 8128 behind the newest is the last that is taken. */
	PLAY({USABLE, 0}, {0, 0}, {0, -EALREADY}, {USABLE + 1, 0}, {0, -EALREADY}, {1, 0},
	     {1, -EALREADY});
	PLAY({USABLE + 1, 0}, {0, -EALREADY}, {1, 0});
	/* Edges of blocks. */
	PLAY({63, 0}, {64, 0}, {63, -EALREADY}, {64, -EALREADY}, {127, 0}, {128, 0}, {65, 0},
	     {127, -EALREADY}, {128, -EALREADY});
	/* A jump by less than, exactly, and more than the whole ring clears what it has to. */
	PLAY({10, 0}, {8191, 0}, {10, -EALREADY}, {100, 0}, {8191 + 63, 0}, {8191, -EALREADY});
	PLAY({10, 0}, {10 + 8192, 0}, {10, -EALREADY}, {11 + 64, 0}, {10 + 8192, -EALREADY});
	PLAY({10, 0}, {1000000, 0}, {10, -EALREADY}, {999999, 0}, {1000000 - USABLE, 0},
	     {1000000 - USABLE - 1, -EALREADY}, {1000000, -EALREADY});
	/* Both sides of the highest counter. */
	PLAY({NTM_COUNTER_LIMIT - 1, 0}, {NTM_COUNTER_LIMIT, -EALREADY}, {UINT64_MAX, -EALREADY},
	     {NTM_COUNTER_LIMIT - 2, 0}, {NTM_COUNTER_LIMIT - 1, -EALREADY}, {0, -EALREADY});
	/* A refused one moves nothing. */
	PLAY({UINT64_MAX, -EALREADY}, {5, 0}, {0, 0});
}

static void long_runs(void **unused)
{
	struct ntm_replay replay;

	(void)unused;
	/* Upwards: each once. */
	ntm_replay_init(&replay);
	for (uint64_t i = 0; i < 3 * NTM_REPLAY_BITS; i++) {
		assert_int_equal(ntm_replay_take(&replay, i), 0);
		assert_int_equal(ntm_replay_take(&replay, i), -EALREADY);
	}
	/* Downwards from the top of a full window: each once, and nothing behind it. */
	ntm_replay_init(&replay);
	for (uint64_t i = 3 * USABLE; i >= 2 * USABLE; i--)
		assert_int_equal(ntm_replay_take(&replay, i), 0);
	assert_int_equal(ntm_replay_take(&replay, 2 * USABLE - 1), -EALREADY);
	for (uint64_t i = 2 * USABLE; i <= 3 * USABLE; i++)
		assert_int_equal(ntm_replay_take(&replay, i), -EALREADY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables),
		cmocka_unit_test(long_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
