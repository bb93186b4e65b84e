/* SPDX-License-Identifier: BSD-2-Clause */
/* Response rate limit of the DNS server, so that it is of no use for reflection (security.md A6).
 */
#pragma once

#include "ntm/addr.h"

#include <stddef.h>
#include <stdint.h>

struct rrl;

#define RRL_RATE_PER_S 20
#define RRL_SLIP       2    /* every second answer over the rate goes out, empty and with TC */
#define RRL_PLACES     4096 /* networks that are told apart; 40 bytes each */

/*
 * Counts by source network: /24 of IPv4, /56 of IPv6. The table is bounded and hashed with key (16
 * random bytes; any in simulations); when it is full of busy networks, newcomers share a place with
 * one of them, so that a flood of forged sources wins nothing. rate_per_s 0 limits nothing. NULL:
 * out of memory.
 */
struct rrl *rrl_new(uint32_t rate_per_s, const uint8_t key[static 16]);
/* NULL is fine. */
void rrl_free(struct rrl *rrl);

enum rrl_verdict { RRL_SEND, RRL_TRUNCATE, RRL_DROP };
/* What to do with an answer over UDP to source. For RRL_TRUNCATE: zone_answer_slip. */
enum rrl_verdict rrl_check(struct rrl *rrl, const struct ntm_ip *source, int64_t now_ms);

struct rrl_counters {
	uint64_t sent, truncated, dropped;
};
const struct rrl_counters *rrl_counters(const struct rrl *rrl);
