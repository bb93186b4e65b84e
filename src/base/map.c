/* SPDX-License-Identifier: BSD-2-Clause */
/* Hash map from byte strings to objects: open addressing, linear probing. */
#include "ntm/map.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MIN_CAP 16

/* Free: key is NULL. Deleted: key is set, value is NULL; searches go on past it. */
struct slot {
	uint64_t hash;
	const void *key;
	size_t key_len;
	void *value;
};

struct ntm_map {
	uint8_t seed[16];
	struct slot *slots;
	size_t cap;   /* a power of two */
	size_t used;  /* live and deleted; at most three quarters, so that every search ends */
	size_t count; /* live */
};

static uint8_t process_seed[16];
static const char deleted_key;

void ntm_map_seed(const uint8_t key[static 16])
{
	memcpy(process_seed, key, sizeof(process_seed));
}

struct ntm_map *ntm_map_new(void)
{
	struct ntm_map *map = calloc(1, sizeof(*map));

	if (!map)
		return NULL;
	memcpy(map->seed, process_seed, sizeof(map->seed));
	map->cap = MIN_CAP;
	map->slots = calloc(map->cap, sizeof(*map->slots));
	if (!map->slots) {
		free(map);
		return NULL;
	}
	return map;
}

void ntm_map_free(struct ntm_map *map)
{
	if (!map)
		return;
	free(map->slots);
	free(map);
}

static bool is_key(const struct slot *slot, uint64_t hash, const void *key, size_t key_len)
{
	return slot->value && slot->hash == hash && slot->key_len == key_len &&
	       (key_len == 0 || memcmp(slot->key, key, key_len) == 0);
}

/* The slot that holds the key, or NULL. */
static struct slot *find(const struct ntm_map *map, uint64_t hash, const void *key, size_t key_len)
{
	for (size_t i = (size_t)hash;; i++) {
		struct slot *slot = &map->slots[i & (map->cap - 1)];

		if (!slot->key)
			return NULL;
		if (is_key(slot, hash, key, key_len))
			return slot;
	}
}

/* The first slot on the way of hash that takes a new entry. */
static struct slot *find_place(const struct ntm_map *map, uint64_t hash)
{
	size_t i = (size_t)hash;

	while (map->slots[i & (map->cap - 1)].value)
		i++;
	return &map->slots[i & (map->cap - 1)];
}

/* Leaves the deleted entries behind, and room for as many entries again as there are. */
static int rebuild(struct ntm_map *map)
{
	struct ntm_map bigger = *map;

	bigger.cap = MIN_CAP;
	while (bigger.cap / 2 < map->count + 1)
		bigger.cap *= 2;
	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < map->cap; i++) {
		if (map->slots[i].value)
			*find_place(&bigger, map->slots[i].hash) = map->slots[i];
	}
	bigger.used = map->count;
	free(map->slots);
	*map = bigger;
	return 0;
}

static int add(struct ntm_map *map, const struct slot *entry)
{
	struct slot *slot;

	if (map->used >= map->cap / 4 * 3) {
		int err = rebuild(map);

		if (err)
			return err;
	}
	slot = find_place(map, entry->hash);
	if (!slot->key)
		map->used++;
	*slot = *entry;
	map->count++;
	return 0;
}

int ntm_map_put(struct ntm_map *map, const void *key, size_t key_len, void *value, void **old)
{
	struct slot entry = {ntm_siphash24(map->seed, key, key_len), key, key_len, value};
	struct slot *slot = find(map, entry.hash, key, key_len);
	void *former = slot ? slot->value : NULL;
	int err = 0;

	assert(key && value);
	if (slot)
		*slot = entry; /* with the new key, since the old one may go with its value */
	else
		err = add(map, &entry);
	if (!err && old)
		*old = former;
	return err;
}

void *ntm_map_get(const struct ntm_map *map, const void *key, size_t key_len)
{
	const struct slot *slot = find(map, ntm_siphash24(map->seed, key, key_len), key, key_len);

	return slot ? slot->value : NULL;
}

void *ntm_map_del(struct ntm_map *map, const void *key, size_t key_len)
{
	struct slot *slot = find(map, ntm_siphash24(map->seed, key, key_len), key, key_len);
	void *value = slot ? slot->value : NULL;
	size_t i;

	if (!slot)
		return NULL;
	*slot = (struct slot){.key = &deleted_key};
	map->count--;
	/* Deleted entries in front of a free one keep no search going: free them as well. */
	i = (size_t)(slot - map->slots);
	if (map->slots[(i + 1) & (map->cap - 1)].key)
		return value;
	for (; slot->key == &deleted_key; slot = &map->slots[--i & (map->cap - 1)]) {
		slot->key = NULL;
		map->used--;
	}
	return value;
}

size_t ntm_map_count(const struct ntm_map *map)
{
	return map->count;
}

void *ntm_map_next(const struct ntm_map *map, size_t *pos)
{
	while (*pos < map->cap) {
		void *value = map->slots[(*pos)++].value;

		if (value)
			return value;
	}
	return NULL;
}

static uint64_t load_le64(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	for (size_t i = len; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static uint64_t rotl(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static void sip_rounds(uint64_t v[static 4], int count)
{
	while (count-- > 0) {
		v[0] += v[1];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[0] = rotl(v[0], 32);
		v[2] += v[3];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[2] = rotl(v[2], 32);
	}
}

static void sip_absorb(uint64_t v[static 4], uint64_t word)
{
	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
}

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF", section 2. */
uint64_t ntm_siphash24(const uint8_t key[static 16], const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t k0 = load_le64(key, 8), k1 = load_le64(key + 8, 8);
	uint64_t v[4] = {
		k0 ^ 0x736f6d6570736575,
		k1 ^ 0x646f72616e646f6d,
		k0 ^ 0x6c7967656e657261,
		k1 ^ 0x7465646279746573,
	};
	size_t left;

	for (left = len; left >= 8; left -= 8, p += 8)
		sip_absorb(v, load_le64(p, 8));
	sip_absorb(v, (uint64_t)len << 56 | load_le64(p, left));
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
