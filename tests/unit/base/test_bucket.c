/* SPDX-License-Identifier: BSD-2-Clause */
/* The token bucket and the retry schedule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ntm/bucket.h"

/* How many tokens one moment gives. */
static unsigned drain(struct ntm_bucket *bucket, int64_t now_ms)
{
	unsigned count = 0;

	while (ntm_bucket_take(bucket, now_ms))
		count++;
	return count;
}

static void starts_full_and_empties(void **unused)
{
	struct ntm_bucket bucket;

	(void)unused;
	ntm_bucket_init(&bucket, 10, 5, 1000);
	assert_int_equal(drain(&bucket, 1000), 5);
	assert_false(ntm_bucket_take(&bucket, 1000));
}

static void refills_at_its_rate(void **unused)
{
	/* 10 a second: one each 100 ms, never more than the burst. */
	static const struct {
		int64_t wait_ms;
		unsigned tokens;
	} steps[] = {{99, 0}, {1, 1}, {100, 1}, {250, 2}, {50, 1}, {10000, 5}, {500, 5}, {501, 5}};
	struct ntm_bucket bucket;
	int64_t now_ms = -50;

	(void)unused;
	ntm_bucket_init(&bucket, 10, 5, now_ms);
	drain(&bucket, now_ms);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		now_ms += steps[i].wait_ms;
		assert_int_equal(drain(&bucket, now_ms), steps[i].tokens);
	}
}

static void many_short_waits_lose_nothing(void **unused)
{
	struct ntm_bucket bucket;
	unsigned count = 0;

	(void)unused;
	ntm_bucket_init(&bucket, 3, 4, 0);
	drain(&bucket, 0);
	for (int64_t now_ms = 1; now_ms <= 10000; now_ms++)
		count += ntm_bucket_take(&bucket, now_ms);
	assert_int_equal(count, 30);
}

static void clock_backwards_gives_nothing(void **unused)
{
	struct ntm_bucket bucket;

	(void)unused;
	ntm_bucket_init(&bucket, 10, 1, 5000);
	assert_true(ntm_bucket_take(&bucket, 5000));
	assert_false(ntm_bucket_take(&bucket, 1000));
	/* Nor does the way forward again count twice. */
	assert_false(ntm_bucket_take(&bucket, 5000));
	assert_true(ntm_bucket_take(&bucket, 5100));
}

static void extremes_do_not_overflow(void **unused)
{
	struct ntm_bucket bucket;

	(void)unused;
	ntm_bucket_init(&bucket, UINT32_MAX, UINT32_MAX, 0);
	assert_true(ntm_bucket_take(&bucket, 0));
	assert_true(ntm_bucket_take(&bucket, INT64_MAX));
	assert_int_equal(bucket.level_milli, ((int64_t)UINT32_MAX - 1) * 1000);
	ntm_bucket_init(&bucket, 0, 1, 0);
	assert_true(ntm_bucket_take(&bucket, 0));
	assert_false(ntm_bucket_take(&bucket, INT64_MAX));
	ntm_bucket_init(&bucket, 1000, 0, 0);
	assert_false(ntm_bucket_take(&bucket, 100000));
}

static void retry_schedule(void **unused)
{
	static const int64_t wait_ms[] = {-1, 200, 400, 800, 1600, -1};

	(void)unused;
	for (unsigned sent = 0; sent < sizeof(wait_ms) / sizeof(wait_ms[0]); sent++)
		assert_int_equal(ntm_retry_wait_ms(sent), wait_ms[sent]);
	assert_int_equal(ntm_retry_wait_ms(UINT32_MAX), -1);
	assert_true(ntm_retry_wait_ms(NTM_RETRY_SENDINGS) > 0);
	assert_int_equal(ntm_retry_wait_ms(NTM_RETRY_SENDINGS + 1), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_full_and_empties),
		cmocka_unit_test(refills_at_its_rate),
		cmocka_unit_test(many_short_waits_lose_nothing),
		cmocka_unit_test(clock_backwards_gives_nothing),
		cmocka_unit_test(extremes_do_not_overflow),
		cmocka_unit_test(retry_schedule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
