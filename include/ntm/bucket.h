/* SPDX-License-Identifier: BSD-2-Clause */
/* Token bucket, and the one retry schedule of the protocol. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ntm_bucket {
	uint32_t rate_per_s;
	uint32_t burst;
	int64_t level_milli; /* tokens * 1000 */
	int64_t last_ms;
};

/* Starts full. */
void ntm_bucket_init(struct ntm_bucket *bucket, uint32_t rate_per_s, uint32_t burst,
		     int64_t now_ms);
/* Takes one token; false when there is none. */
bool ntm_bucket_take(struct ntm_bucket *bucket, int64_t now_ms);

/*
 * design.md 4: a request is sent, then resent after 200, 400 and 800 ms, and given up 1600 ms after
 * the last sending. Returns the wait after sending number `sent` (1 = the first); the wait after
 * the last sending ends in giving up. -1 past the last: there is no such sending.
 */
#define NTM_RETRY_SENDINGS 4
int64_t ntm_retry_wait_ms(unsigned sent);
