/* SPDX-License-Identifier: BSD-2-Clause */
/* Token bucket, and the one retry schedule of the protocol. */
#include "ntm/bucket.h"

#include <stddef.h>

#define TOKEN_MILLI 1000

void ntm_bucket_init(struct ntm_bucket *bucket, uint32_t rate_per_s, uint32_t burst, int64_t now_ms)
{
	*bucket = (struct ntm_bucket){
		.rate_per_s = rate_per_s,
		.burst = burst,
		.level_milli = (int64_t)burst * TOKEN_MILLI,
		.last_ms = now_ms,
	};
}

/* A rate of n tokens a second is n thousandths a millisecond, so nothing is lost by rounding. */
static void refill(struct ntm_bucket *bucket, int64_t now_ms)
{
	int64_t full = (int64_t)bucket->burst * TOKEN_MILLI;
	int64_t missing = full - bucket->level_milli;
	int64_t passed_ms = now_ms - bucket->last_ms;

	if (passed_ms <= 0)
		return;
	bucket->last_ms = now_ms;
	if (bucket->rate_per_s == 0)
		return;
	if (passed_ms > missing / bucket->rate_per_s)
		bucket->level_milli = full;
	else
		bucket->level_milli += passed_ms * bucket->rate_per_s;
}

bool ntm_bucket_take(struct ntm_bucket *bucket, int64_t now_ms)
{
	refill(bucket, now_ms);
	if (bucket->level_milli < TOKEN_MILLI)
		return false;
	bucket->level_milli -= TOKEN_MILLI;
	return true;
}

int64_t ntm_retry_wait_ms(unsigned sent)
{
	static const int64_t wait_ms[NTM_RETRY_SENDINGS] = {200, 400, 800, 1600};

	return sent >= 1 && sent <= NTM_RETRY_SENDINGS ? wait_ms[sent - 1] : -1;
}
