/* SPDX-License-Identifier: BSD-2-Clause */
/* Hash map from byte strings to objects, SipHash-2-4 keyed per process against crafted keys. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ntm_map;

/* Sets the key that all later maps hash with. Call once at start with random bytes; without it the
 * key is zero, which simulations want (same order in every run). */
void ntm_map_seed(const uint8_t key[static 16]);

/* NULL when out of memory. */
struct ntm_map *ntm_map_new(void);
/* Frees the map, not the values. NULL is fine. */
void ntm_map_free(struct ntm_map *map);

/*
 * Stores value under key, replacing (and returning through *old, when old is not NULL) a former
 * value. The map keeps the key's address: it has to live in the value or outlive the entry. Neither
 * key nor value is NULL. 0 or -ENOMEM.
 */
int ntm_map_put(struct ntm_map *map, const void *key, size_t key_len, void *value, void **old);
/* The value, or NULL. */
void *ntm_map_get(const struct ntm_map *map, const void *key, size_t key_len);
/* Removes and returns the value, or NULL. */
void *ntm_map_del(struct ntm_map *map, const void *key, size_t key_len);
size_t ntm_map_count(const struct ntm_map *map);

/* Walks all values: start with *pos = 0, ends with NULL. The value just returned may be deleted
 * during the walk; nothing else may be added or deleted. */
void *ntm_map_next(const struct ntm_map *map, size_t *pos);

uint64_t ntm_siphash24(const uint8_t key[static 16], const void *data, size_t len);
