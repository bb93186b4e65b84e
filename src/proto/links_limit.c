/* SPDX-License-Identifier: BSD-2-Clause */
/* How many INITIATIONs are read, in all and from one network, before a cookie is asked for. */
#include "link_priv.h"

#include <string.h>

void links_limit_init(struct links_limit *limit, int64_t now_ms)
{
	ntm_bucket_init(&limit->load, LINKS_LOAD_PER_S, LINKS_LOAD_PER_S, now_ms);
	ntm_bucket_init(&limit->dh, LINKS_DH_PER_S, LINKS_DH_PER_S, now_ms);
	ntm_bucket_init(&limit->xx, LINKS_XX_PER_S, LINKS_XX_PER_S, now_ms);
	ntm_random(limit->hash_key, sizeof(limit->hash_key));
	for (size_t i = 0; i < LINKS_SOURCE_BUCKETS; i++) {
		ntm_bucket_init(&limit->source[i], LINKS_SOURCE_PER_S, LINKS_SOURCE_BURST, now_ms);
		ntm_bucket_init(&limit->proven[i], LINKS_PROVEN_PER_S, LINKS_PROVEN_PER_S, now_ms);
	}
}

static size_t net_len(const struct ntm_ip *ip)
{
	return ip->family == 4 ? 3 : 7; /* /24, /56 */
}

bool links_same_net(const struct ntm_ip *a, const struct ntm_ip *b)
{
	return a->family == b->family && memcmp(a->b, b->b, net_len(a)) == 0;
}

/* The tables do not grow: networks share a bucket where their hashes meet. */
static bool take(const struct links_limit *limit, struct ntm_bucket *buckets,
		 const struct ntm_addr *net, int64_t now_ms)
{
	uint64_t hash = ntm_siphash24(limit->hash_key, net->ip.b, net_len(&net->ip));

	return ntm_bucket_take(&buckets[hash % LINKS_SOURCE_BUCKETS], now_ms);
}

/* Its network first, so that none uses up what all have together. */
static bool take_dh(struct links_limit *limit, const struct ntm_addr *net, int64_t now_ms)
{
	return take(limit, limit->proven, net, now_ms) && ntm_bucket_take(&limit->dh, now_ms);
}

enum links_verdict links_limit_judge(struct links_limit *limit, const struct ntm_addr *from,
				     bool proven, int64_t now_ms)
{
	bool loaded = !ntm_bucket_take(&limit->load, now_ms);

	if (proven)
		return take_dh(limit, from, now_ms) ? LINKS_PASS : LINKS_DROP;
	if (loaded || !take(limit, limit->source, from, now_ms))
		return LINKS_PROVE;
	return ntm_bucket_take(&limit->dh, now_ms) ? LINKS_PASS : LINKS_DROP;
}

bool links_limit_xx(struct links_limit *limit, int64_t now_ms)
{
	return ntm_bucket_take(&limit->xx, now_ms);
}

bool links_limit_final(struct links_limit *limit, const struct ntm_addr *to, int64_t now_ms)
{
	return take_dh(limit, to, now_ms);
}
