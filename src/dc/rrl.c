/* SPDX-License-Identifier: BSD-2-Clause */
/* Token buckets for source networks in a set-associative table of fixed size. */
#include "rrl.h"

#include "ntm/bucket.h"
#include "ntm/map.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4
#define SETS (RRL_PLACES / WAYS)

struct place {
	uint8_t net[8]; /* family, then 3 or 7 bytes; family 0: unused */
	uint32_t over;  /* answers over the rate, for the slip */
	struct ntm_bucket bucket;
};

struct rrl {
	uint32_t rate_per_s;
	uint8_t key[16];
	struct rrl_counters counters;
	struct place places[SETS][WAYS];
};

struct rrl *rrl_new(uint32_t rate_per_s, const uint8_t key[static 16])
{
	struct rrl *rrl = calloc(1, sizeof *rrl);
	if (!rrl)
		return NULL;
	rrl->rate_per_s = rate_per_s;
	memcpy(rrl->key, key, sizeof rrl->key);
	return rrl;
}

void rrl_free(struct rrl *rrl)
{
	free(rrl);
}

static void net_of(const struct ntm_ip *ip, uint8_t net[static 8])
{
	memset(net, 0, 8);
	net[0] = ip->family;
	memcpy(net + 1, ip->b, ip->family == 4 ? 3 : 7);
}

/* After a second without an answer a bucket is full again, and the place as good as unused. */
static bool is_idle(const struct place *place, int64_t now_ms)
{
	return place->net[0] == 0 || now_ms - place->bucket.last_ms >= 1000;
}

static struct place *place_of(struct rrl *rrl, const struct ntm_ip *source, int64_t now_ms)
{
	uint8_t net[8];
	net_of(source, net);
	uint64_t hash = ntm_siphash24(rrl->key, net, sizeof net);
	struct place *set = rrl->places[hash % SETS];
	struct place *idle = NULL;
	for (size_t i = 0; i < WAYS; i++) {
		if (memcmp(set[i].net, net, sizeof net) == 0)
			return &set[i];
		if (!idle && is_idle(&set[i], now_ms))
			idle = &set[i];
	}
	if (!idle)
		return &set[hash >> 32 & (WAYS - 1)];
	memcpy(idle->net, net, sizeof net);
	idle->over = 0;
	ntm_bucket_init(&idle->bucket, rrl->rate_per_s, rrl->rate_per_s, now_ms);
	return idle;
}

enum rrl_verdict rrl_check(struct rrl *rrl, const struct ntm_ip *source, int64_t now_ms)
{
	struct place *place = rrl->rate_per_s ? place_of(rrl, source, now_ms) : NULL;
	if (!place || ntm_bucket_take(&place->bucket, now_ms)) {
		rrl->counters.sent++;
		return RRL_SEND;
	}
	if (++place->over % RRL_SLIP == 0) {
		rrl->counters.truncated++;
		return RRL_TRUNCATE;
	}
	rrl->counters.dropped++;
	return RRL_DROP;
}

const struct rrl_counters *rrl_counters(const struct rrl *rrl)
{
	return &rrl->counters;
}
