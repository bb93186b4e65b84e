/* SPDX-License-Identifier: BSD-2-Clause */
/* How much may be forwarded: a meter a side, an account and the whole relay. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ntm_map;

/* Bits that may pass now. A rate of n kbit/s is n bits a millisecond, so nothing is rounded. */
struct meter {
	uint32_t kbit_s; /* 0: no limit */
	int64_t level_bits;
	int64_t last_ms;
};
/* Starts full. */
void meter_init(struct meter *meter, uint32_t kbit_s, int64_t now_ms);
/* Another rate; what was used up stays used. */
void meter_set(struct meter *meter, uint32_t kbit_s, int64_t now_ms);
/* Whether len bytes may pass now; takes nothing. Bulk leaves a part of what may pass at once to
 * real-time traffic, which so finds room however much bulk there is. */
bool meter_has(struct meter *meter, size_t len, bool is_bulk, int64_t now_ms);
/* After meter_has. */
static inline void meter_take(struct meter *meter, size_t len)
{
	meter->level_bits -= (int64_t)len * 8;
}

/* Whose quota a side counts for: the relay's own domain, which has none, or a number that its DC
 * keeps for another domain. */
#define QUOTA_OWN 0
struct account {
	uint32_t number;
	uint32_t flows;
	uint64_t packets, bytes;
	struct meter meter;
};

/* Those that have a flow. */
struct accounts {
	struct ntm_map *map;
	uint32_t flows_max; /* of each other domain; 0: no limit */
	uint32_t kbit_s;
	uint32_t others;     /* flows of all other domains, */
	uint32_t others_max; /* which leave a quarter of the relay's to its own */
};
/* relay_flows: that the relay has room for. 0 or -ENOMEM. */
int accounts_init(struct accounts *accounts, uint32_t relay_flows);
void accounts_fini(struct accounts *accounts);
void accounts_set(struct accounts *accounts, uint32_t flows_max, uint32_t kbit_s, int64_t now_ms);
/* Whether the account may have one flow more. */
bool accounts_has_room(const struct accounts *accounts, uint32_t number);
/* Counts one flow for the account. NULL: out of memory. */
struct account *accounts_take(struct accounts *accounts, uint32_t number, int64_t now_ms);
/* The flow is over. Frees the account with its last one. NULL is fine. */
void accounts_give(struct accounts *accounts, struct account *account);
