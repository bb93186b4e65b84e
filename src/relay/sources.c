/* SPDX-License-Identifier: BSD-2-Clause */
/* Where frames may come from, and how many of a kind from one network. */
#include "sources.h"

#include "ntm/map.h"

void sources_init(struct sources *sources, int64_t now_ms)
{
	*sources = (struct sources){0};
	ntm_random(sources->hash_key, sizeof(sources->hash_key));
	for (size_t i = 0; i < SOURCES_BUCKETS; i++) {
		ntm_bucket_init(&sources->admit[i], SOURCES_ADMIT_PER_S, SOURCES_ADMIT_BURST,
				now_ms);
		ntm_bucket_init(&sources->unbound[i], SOURCES_UNBOUND_PER_S, SOURCES_UNBOUND_BURST,
				now_ms);
	}
}

static bool is_own(const struct sources *sources, const struct ntm_addr *from)
{
	for (size_t i = 0; i < sources->own.count; i++)
		if (ntm_ip_eq(&sources->own.item[i].ip, &from->ip))
			return true;
	return ntm_addr_eq(&sources->reflexive, from);
}

bool sources_ok(const struct sources *sources, const struct ntm_addr *from)
{
	bool usable =
		ntm_ip_is_usable(&from->ip) || (sources->loopback && ntm_ip_is_loopback(&from->ip));

	if (!usable || from->port == 0 || is_own(sources, from))
		return false;
	for (size_t i = 0; i < sources->virtuals.count; i++)
		if (ntm_prefix_has(&sources->virtuals.item[i], &from->ip))
			return false;
	return true;
}

static size_t bucket_of(const struct sources *sources, const struct ntm_addr *from)
{
	size_t len = from->ip.family == 4 ? 3 : 7;

	return ntm_siphash24(sources->hash_key, from->ip.b, len) % SOURCES_BUCKETS;
}

bool sources_admit(struct sources *sources, const struct ntm_addr *from, int64_t now_ms)
{
	return ntm_bucket_take(&sources->admit[bucket_of(sources, from)], now_ms);
}

bool sources_unbound(struct sources *sources, const struct ntm_addr *from, int64_t now_ms)
{
	return ntm_bucket_take(&sources->unbound[bucket_of(sources, from)], now_ms);
}
