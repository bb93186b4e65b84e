/* SPDX-License-Identifier: BSD-2-Clause */
/* The hash map: entries, walks, churn, exhausted memory, and SipHash's published vectors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int callocs_left = INT32_MAX;

static void *limited_calloc(size_t count, size_t size)
{
	return callocs_left-- > 0 ? (calloc)(count, size) : NULL;
}

/* The file itself, so that its allocations can be made to fail. */
#define calloc(count, size) limited_calloc(count, size)
#include "map.c"
#undef calloc

#define COUNT 1000

struct item {
	uint32_t key;
	bool in;
	bool seen;
};

static struct item items[COUNT];

static struct ntm_map *new_map(void)
{
	struct ntm_map *map = ntm_map_new();

	assert_non_null(map);
	for (uint32_t i = 0; i < COUNT; i++)
		items[i] = (struct item){.key = i * 2654435761u};
	return map;
}

static void put(struct ntm_map *map, struct item *item)
{
	void *old = map;

	assert_int_equal(ntm_map_put(map, &item->key, sizeof(item->key), item, &old), 0);
	assert_ptr_equal(old, item->in ? item : NULL);
	item->in = true;
}

static void del(struct ntm_map *map, struct item *item)
{
	uint32_t key = item->key;

	assert_ptr_equal(ntm_map_del(map, &key, sizeof(key)), item->in ? item : NULL);
	item->in = false;
}

static void assert_sound(const struct ntm_map *map)
{
	size_t used = 0, count = 0;

	for (size_t i = 0; i < map->cap; i++) {
		used += map->slots[i].key != NULL;
		count += map->slots[i].value != NULL;
	}
	assert_int_equal(map->used, used);
	assert_int_equal(map->count, count);
	assert_in_range(used, 0, map->cap / 4 * 3);
}

/* get, count and a walk must all agree with the in marks. */
static void assert_holds(const struct ntm_map *map)
{
	size_t count = 0, pos = 0;
	struct item *item;

	assert_sound(map);
	for (size_t i = 0; i < COUNT; i++) {
		uint32_t key = items[i].key;

		assert_ptr_equal(ntm_map_get(map, &key, sizeof(key)),
				 items[i].in ? &items[i] : NULL);
		count += items[i].in;
		items[i].seen = false;
	}
	assert_int_equal(ntm_map_count(map), count);
	while ((item = ntm_map_next(map, &pos))) {
		assert_true(item->in && !item->seen);
		item->seen = true;
		count--;
	}
	assert_int_equal(count, 0);
}

static void siphash_vectors(void **unused)
{
	/* Reference implementation, vectors.h: key 00..0f, input the first i bytes of 00 01 02 ...
	 * The last row is appendix A of the paper. */
	static const uint8_t expected[][8] = {
		{0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72},
		{0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74},
		{0x5a, 0x4f, 0xa9, 0xd9, 0x09, 0x80, 0x6c, 0x0d},
		{0x2d, 0x7e, 0xfb, 0xd7, 0x96, 0x66, 0x67, 0x85},
		{0xb7, 0x87, 0x71, 0x27, 0xe0, 0x94, 0x27, 0xcf},
		{0x8d, 0xa6, 0x99, 0xcd, 0x64, 0x55, 0x76, 0x18},
		{0xce, 0xe3, 0xfe, 0x58, 0x6e, 0x46, 0xc9, 0xcb},
		{0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab},
		{0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93},
		{0xb0, 0xe4, 0xa9, 0x0b, 0xdf, 0x82, 0x00, 0x9e},
		{0xf3, 0xb9, 0xdd, 0x94, 0xc5, 0xbb, 0x5d, 0x7a},
		{0xa7, 0xad, 0x6b, 0x22, 0x46, 0x2f, 0xb3, 0xf4},
		{0xfb, 0xe5, 0x0e, 0x86, 0xbc, 0x8f, 0x1e, 0x75},
		{0x90, 0x3d, 0x84, 0xc0, 0x27, 0x56, 0xea, 0x14},
		{0xee, 0xf2, 0x7a, 0x8e, 0x90, 0xca, 0x23, 0xf7},
		{0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1},
	};
	uint8_t key[16], in[16];

	(void)unused;
	for (uint8_t i = 0; i < 16; i++)
		key[i] = in[i] = i;
	for (size_t len = 0; len < 16; len++) {
		uint64_t hash = ntm_siphash24(key, in, len);

		for (unsigned i = 0; i < 8; i++)
			assert_int_equal((uint8_t)(hash >> 8 * i), expected[len][i]);
	}
}

static void put_get_del(void **unused)
{
	struct ntm_map *map = new_map();

	(void)unused;
	assert_holds(map);
	del(map, &items[0]);
	for (size_t i = 0; i < COUNT; i += 2)
		put(map, &items[i]);
	assert_holds(map);
	for (size_t i = 0; i < COUNT; i += 3)
		del(map, &items[i]);
	assert_holds(map);
	for (size_t i = 0; i < COUNT; i++)
		put(map, &items[i]);
	assert_holds(map);
	for (size_t i = 0; i < COUNT; i++)
		del(map, &items[i]);
	assert_holds(map);
	assert_int_equal(map->used, 0); /* deleted entries are swept up as their run ends */
	ntm_map_free(map);
	ntm_map_free(NULL);
}

static void replacing_moves_to_the_new_key(void **unused)
{
	struct ntm_map *map = new_map();
	char first[] = "alice", second[] = "alice";
	int a, b;
	void *old = NULL;

	(void)unused;
	assert_int_equal(ntm_map_put(map, first, 5, &a, NULL), 0);
	assert_int_equal(ntm_map_put(map, second, 5, &b, &old), 0);
	assert_ptr_equal(old, &a);
	assert_int_equal(ntm_map_count(map), 1);
	memset(first, 'x', sizeof(first)); /* its owner is gone */
	assert_ptr_equal(ntm_map_get(map, "alice", 5), &b);
	ntm_map_free(map);
}

static void length_is_part_of_the_key(void **unused)
{
	struct ntm_map *map = new_map();
	int a, b, c;

	(void)unused;
	assert_int_equal(ntm_map_put(map, "ab\0", 2, &a, NULL), 0);
	assert_int_equal(ntm_map_put(map, "ab\0", 3, &b, NULL), 0);
	assert_int_equal(ntm_map_put(map, "", 0, &c, NULL), 0);
	assert_ptr_equal(ntm_map_get(map, "ab", 2), &a);
	assert_ptr_equal(ntm_map_get(map, "ab\0", 3), &b);
	assert_ptr_equal(ntm_map_get(map, "ab", 0), &c);
	assert_null(ntm_map_get(map, "ab", 1));
	ntm_map_free(map);
}

static void walk_may_delete_what_it_returned(void **unused)
{
	struct ntm_map *map = new_map();
	size_t pos = 0, walked = 0;
	struct item *item;

	(void)unused;
	for (size_t i = 0; i < COUNT; i++)
		put(map, &items[i]);
	while ((item = ntm_map_next(map, &pos))) {
		assert_false(item->seen);
		item->seen = true;
		if (walked++ % 3 > 0)
			del(map, item);
	}
	assert_int_equal(walked, COUNT);
	assert_holds(map);
	ntm_map_free(map);
}

/* Searches would never end in a table that deleted entries have filled. */
static void churn_keeps_the_table_small(void **unused)
{
	struct ntm_map *map = new_map();

	(void)unused;
	for (size_t round = 0; round < 50 * COUNT; round++) {
		put(map, &items[round % COUNT]);
		if (round >= 5)
			del(map, &items[(round - 5) % COUNT]);
	}
	assert_holds(map);
	assert_in_range(map->cap, MIN_CAP, 64);
	ntm_map_free(map);
}

static void random_operations(void **unused)
{
	struct ntm_map *map = new_map();
	unsigned short dice[3] = {7, 8, 9};

	(void)unused;
	for (int step = 0; step < 20000; step++) {
		struct item *item = &items[nrand48(dice) % (step / 20 + 1)];

		if (nrand48(dice) % 2)
			put(map, item);
		else
			del(map, item);
		if (step % 1000 == 0)
			assert_holds(map);
	}
	assert_holds(map);
	ntm_map_free(map);
}

static void seed_is_taken_at_creation(void **unused)
{
	static const uint8_t zero[16], seed[16] = {1, 2, 3};
	struct ntm_map *before = new_map(), *after;

	(void)unused;
	put(before, &items[1]);
	ntm_map_seed(seed);
	after = ntm_map_new();
	ntm_map_seed(zero);
	/* A map goes on to find what it stored before the seed was set. */
	assert_ptr_equal(ntm_map_get(before, &items[1].key, sizeof(items[1].key)), &items[1]);
	assert_memory_equal(before->seed, zero, 16);
	assert_memory_equal(after->seed, seed, 16);
	ntm_map_free(before);
	ntm_map_free(after);
}

static void memory_runs_out(void **unused)
{
	struct ntm_map *map;
	size_t i = 0;
	int err;

	(void)unused;
	for (int n = 0; n < 2; n++) {
		callocs_left = n;
		assert_null(ntm_map_new());
	}
	callocs_left = INT32_MAX;
	map = new_map();
	callocs_left = 0;
	while ((err = ntm_map_put(map, &items[i].key, sizeof(items[i].key), &items[i], NULL)) == 0)
		items[i++].in = true;
	assert_int_equal(err, -ENOMEM);
	assert_holds(map);
	put(map, &items[0]); /* replacing needs no memory */
	callocs_left = INT32_MAX;
	put(map, &items[i]);
	assert_holds(map);
	ntm_map_free(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_vectors),
		cmocka_unit_test(put_get_del),
		cmocka_unit_test(replacing_moves_to_the_new_key),
		cmocka_unit_test(length_is_part_of_the_key),
		cmocka_unit_test(walk_may_delete_what_it_returned),
		cmocka_unit_test(churn_keeps_the_table_small),
		cmocka_unit_test(random_operations),
		cmocka_unit_test(seed_is_taken_at_creation),
		cmocka_unit_test(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
