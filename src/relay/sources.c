/* SPDX-License-Identifier: BSD-2-Clause */
/* Where frames may come from, and how many of a kind from one network. */
#include "sources.h"

#include "ntm/map.h"

#include <string.h>

void sources_init(struct sources *sources, int64_t now_ms)
{
	*sources = (struct sources){0};
	ntm_random(sources->hash_key, sizeof(sources->hash_key));
	for (size_t i = 0; i < SOURCES_ADMIT_BUCKETS; i++)
		ntm_bucket_init(&sources->admit[i], SOURCES_ADMIT_PER_S, SOURCES_ADMIT_BURST,
				now_ms);
	for (size_t i = 0; i < SOURCES_BUCKETS; i++) {
		ntm_bucket_init(&sources->unbound[i], SOURCES_UNBOUND_PER_S, SOURCES_UNBOUND_BURST,
				now_ms);
		sources->moved[i] = sources->unbound[i];
	}
}

static bool is_own(const struct sources *sources, const struct ntm_addr *from)
{
	return ntm_addr_list_has(&sources->own, &from->ip) ||
	       ntm_addr_eq(&sources->reflexive, from);
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

/* Bytes of the address that say the network. */
static size_t net_len(const struct ntm_addr *from)
{
	return from->ip.family == 4 ? 3 : 7;
}

static uint64_t hash_of(const struct sources *sources, const struct ntm_addr *from, uint64_t flow,
			bool is_copy)
{
	uint8_t text[7 + 8 + 1];
	size_t len = net_len(from);

	memcpy(text, from->ip.b, len);
	memcpy(text + len, &flow, sizeof(flow));
	text[len + sizeof(flow)] = is_copy;
	return ntm_siphash24(sources->hash_key, text, len + sizeof(flow) + 1);
}

bool sources_admit(struct sources *sources, const struct ntm_addr *from, uint64_t flow,
		   bool is_copy, int64_t now_ms)
{
	uint64_t hash = hash_of(sources, from, flow, is_copy);

	return ntm_bucket_take(&sources->admit[hash % SOURCES_ADMIT_BUCKETS], now_ms);
}

bool sources_unbound(struct sources *sources, const struct ntm_addr *from, const uint64_t *flow,
		     int64_t now_ms)
{
	struct ntm_bucket *buckets = flow == NULL ? sources->unbound : sources->moved;
	uint64_t hash = hash_of(sources, from, flow == NULL ? 0 : *flow, false);

	return ntm_bucket_take(&buckets[hash % SOURCES_BUCKETS], now_ms);
}
