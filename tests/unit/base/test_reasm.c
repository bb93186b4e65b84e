/* SPDX-License-Identifier: BSD-2-Clause */
/* Reassembly: order, overlap, and every bound. */
#include "ntm/reasm.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t bytes[3 * NTM_REASM_BYTES];

/* The part [offset, end) of a datagram of which bytes are the data. */
static struct ntm_ippkt part(uint32_t id, size_t offset, size_t end, bool more)
{
	return (struct ntm_ippkt){
		.src = ntm_ip_v4(198, 18, 0, 1),
		.dst = ntm_ip_v4(198, 18, 0, 2),
		.proto = NTM_IPPROTO_ICMP,
		.is_fragment = true,
		.more_fragments = more,
		.frag_id = id,
		.frag_offset = (uint16_t)offset,
		.l4 = bytes + offset,
		.l4_len = end - offset,
	};
}

static int add(struct ntm_reasm *reasm, struct ntm_ippkt frag, int64_t now_ms)
{
	struct ntm_reasm_whole whole;
	int rc = ntm_reasm_add(reasm, &frag, now_ms, &whole);

	if (rc == 1) {
		assert_int_equal(whole.frag_id, frag.frag_id);
		assert_int_equal(whole.proto, frag.proto);
		assert_true(ntm_ip_eq(&whole.src, &frag.src) && ntm_ip_eq(&whole.dst, &frag.dst));
		assert_memory_equal(whole.l4, bytes, whole.l4_len);
	}
	return rc;
}

static int set_up(void **state)
{
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + i / 256);
	*state = ntm_reasm_new();
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	ntm_reasm_free(*state);
	ntm_reasm_free(NULL);
	return 0;
}

/* Four parts of one datagram in each of the 24 orders. */
static void every_order(void **state)
{
	static const size_t cut[] = {0, 1376, 2752, 2760, 3001};
	uint32_t id = 0;

	for (size_t order = 0; order < 256; order++) {
		size_t at[4] = {order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6};

		if ((1 << at[0] | 1 << at[1] | 1 << at[2] | 1 << at[3]) != 15)
			continue;
		id++;
		for (size_t i = 0; i < 4; i++)
			assert_int_equal(add(*state,
					     part(id, cut[at[i]], cut[at[i] + 1], at[i] < 3), 0),
					 i == 3);
	}
	assert_int_equal(id, 24);
}

static void whole_has_the_length(void **state)
{
	struct ntm_ippkt first = part(7, 0, 16, true), last = part(7, 16, 21, false);
	struct ntm_reasm_whole whole = {0};

	assert_int_equal(ntm_reasm_add(*state, &first, 0, &whole), 0);
	assert_null(whole.l4);
	assert_int_equal(ntm_reasm_add(*state, &last, 0, &whole), 1);
	assert_int_equal(whole.l4_len, 21);
	assert_memory_equal(whole.l4, bytes, 21);
	/* It is done with: the same parts start anew. */
	assert_int_equal(ntm_reasm_add(*state, &last, 0, &whole), 0);
	assert_int_equal(ntm_reasm_add(*state, &first, 0, &whole), 1);
}

static void datagrams_are_kept_apart(void **state)
{
	struct ntm_ippkt last = part(1, 16, 20, false), other;

	assert_int_equal(add(*state, part(1, 0, 16, true), 0), 0);
	other = last;
	other.frag_id = 2;
	assert_int_equal(add(*state, other, 0), 0);
	other = last;
	other.proto = NTM_IPPROTO_TCP;
	assert_int_equal(add(*state, other, 0), 0);
	other = last;
	other.src.b[3] = 9;
	assert_int_equal(add(*state, other, 0), 0);
	other = last;
	other.dst.b[3] = 9;
	assert_int_equal(add(*state, other, 0), 0);
	assert_int_equal(add(*state, last, 0), 1);
}

static void duplicates_are_fine(void **state)
{
	struct ntm_ippkt first = part(1, 0, 16, true), last = part(1, 24, 30, false);

	for (int i = 0; i < 3; i++)
		assert_int_equal(add(*state, first, 0), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(add(*state, last, 0), 0);
	assert_int_equal(add(*state, first, 0), 0);
	assert_int_equal(add(*state, part(1, 16, 24, true), 0), 1);
}

/* After [16, 32) of a longer datagram, and, where told, its last part [48, 53). */
static void overlaps_and_lies(void **state)
{
	static const struct {
		const char *why;
		size_t offset, end;
		bool more, last_first;
		uint8_t change;
	} cases[] = {
		{"same place, other bytes", 16, 32, true, false, 1},
		{"begins within", 24, 40, true, false, 0},
		{"begins within, other bytes", 24, 40, true, false, 1},
		{"ends within", 8, 24, true, false, 0},
		{"around it", 8, 40, true, false, 0},
		{"lies within, other bytes", 16, 24, true, false, 1},
		{"last part before it", 8, 12, false, false, 0},
		{"last part ends within", 16, 20, false, false, 0},
		{"last part ends where it ends", 24, 32, false, false, 0},
		{"past the end", 56, 64, true, true, 0},
		{"up to the end, and more to come", 32, 56, true, true, 0},
		{"another end behind", 56, 60, false, true, 0},
		{"another end before", 32, 40, false, true, 0},
		{"over the last part", 40, 56, true, true, 0},
		{"same last part, other bytes", 48, 53, false, true, 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ntm_ippkt bad = part(9, cases[i].offset, cases[i].end, cases[i].more);
		uint8_t changed[64];

		print_message("%s\n", cases[i].why);
		memcpy(changed, bad.l4, bad.l4_len);
		changed[bad.l4_len - 1] ^= cases[i].change;
		bad.l4 = changed;
		assert_int_equal(add(*state, part(9, 16, 32, true), 0), 0);
		if (cases[i].last_first)
			assert_int_equal(add(*state, part(9, 48, 53, false), 0), 0);
		assert_int_equal(add(*state, bad, 0), -EBADMSG);
		/* Forgotten: what it had is missing now. */
		assert_int_equal(add(*state, part(9, 0, 16, true), 0), 0);
		assert_int_equal(add(*state, part(9, 32, 53, false), 0), 0);
		assert_int_equal(add(*state, part(9, 16, 32, true), 0), 1);
	}
}

/* The last part once more, but as if others followed. */
static void last_is_not_followed(void **state)
{
	assert_int_equal(add(*state, part(1, 16, 24, false), 0), 0);
	assert_int_equal(add(*state, part(1, 16, 24, true), 0), -EBADMSG);
	assert_int_equal(add(*state, part(1, 0, 16, true), 0), 0);
	assert_int_equal(add(*state, part(1, 16, 24, false), 0), 1);
}

/* Fragment by fragment nobody could tell; a whole packet that does so is refused as well. */
static void udp_length_has_to_agree(void **state)
{
	static const struct {
		uint16_t udp_len;
		size_t end;
		int rc;
	} cases[] = {
		{30, 30, 1},       {29, 30, -EBADMSG}, {31, 30, -EBADMSG},
		{0, 30, -EBADMSG}, {600, 600, 1},      {600, 88, -EBADMSG},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ntm_ippkt first = part(1, 0, 16, true);
		struct ntm_ippkt last = part(1, 16, cases[i].end, false);

		first.proto = last.proto = NTM_IPPROTO_UDP;
		bytes[4] = (uint8_t)(cases[i].udp_len >> 8);
		bytes[5] = (uint8_t)cases[i].udp_len;
		assert_int_equal(add(*state, last, 0), 0);
		assert_int_equal(add(*state, first, 0), cases[i].rc);
	}
}

static void no_fragment_is_refused(void **state)
{
	struct ntm_ippkt frag = part(1, 0, 16, false);

	frag.is_fragment = false;
	assert_int_equal(add(*state, frag, 0), -EBADMSG);
}

static void length_is_bounded(void **state)
{
	const size_t max = NTM_REASM_BYTES;

	assert_int_equal(add(*state, part(1, max - 8, max, false), 0), 0);
	assert_int_equal(add(*state, part(1, 0, max - 8, true), 0), 1);
	assert_int_equal(add(*state, part(2, max - 8, max + 1, false), 0), -EBADMSG);
	assert_int_equal(add(*state, part(2, max - 8, max + 8, true), 0), -EBADMSG);
	assert_int_equal(add(*state, part(2, max, max + 1, false), 0), -EBADMSG);
	assert_int_equal(add(*state, part(2, 2 * max, 2 * max + 8, true), 0), -EBADMSG);
}

static void life_is_bounded(void **state)
{
	const int64_t start = 5000, life = NTM_REASM_LIFE_MS;

	assert_int_equal(add(*state, part(1, 0, 16, true), start), 0);
	assert_int_equal(add(*state, part(1, 16, 20, false), start + life - 1), 1);
	assert_int_equal(add(*state, part(2, 0, 16, true), start), 0);
	assert_int_equal(add(*state, part(2, 16, 20, false), start + life), 0);
	/* The life counts from the first fragment; later ones do not prolong it. */
	assert_int_equal(add(*state, part(3, 0, 16, true), start), 0);
	assert_int_equal(add(*state, part(3, 16, 24, true), start + life - 1), 0);
	assert_int_equal(add(*state, part(3, 24, 30, false), start + life), 0);
}

static void oldest_makes_room(void **state)
{
	const uint32_t max = NTM_REASM_DATAGRAMS;

	/* The slots are taken in an order that is not that of age. */
	for (uint32_t id = 0; id < max; id++)
		assert_int_equal(add(*state, part(id, 0, 16, true), id * 5 % max), 0);
	assert_int_equal(add(*state, part(1000, 0, 16, true), 100), 0);
	assert_int_equal(add(*state, part(0, 16, 20, false), 100), 0); /* 0 is gone, now 13 */
	for (uint32_t id = 1; id < max; id++)
		assert_int_equal(add(*state, part(id, 16, 20, false), 100), id != 13);
	assert_int_equal(add(*state, part(1000, 16, 20, false), 100), 1);
}

/* What can never fit drives nobody out. */
static void over_long_make_no_room(void **state)
{
	const uint32_t max = NTM_REASM_DATAGRAMS;

	for (uint32_t id = 0; id < max; id++)
		assert_int_equal(add(*state, part(id, 0, 16, true), 0), 0);
	for (uint32_t id = max; id < 2 * max; id++)
		assert_int_equal(add(*state, part(id, NTM_REASM_BYTES, NTM_REASM_BYTES + 8, true),
				     0),
				 -EBADMSG);
	for (uint32_t id = 0; id < max; id++)
		assert_int_equal(add(*state, part(id, 16, 20, false), 0), 1);
}

/* Old datagrams that have run out make room before living ones do. */
static void dead_make_room_first(void **state)
{
	const uint32_t max = NTM_REASM_DATAGRAMS;

	for (uint32_t id = 0; id < max; id++)
		assert_int_equal(add(*state, part(id, 0, 16, true), id < max / 2 ? 0 : 500), 0);
	for (uint32_t id = max; id < max + max / 2; id++)
		assert_int_equal(add(*state, part(id, 0, 16, true), 1000), 0);
	for (uint32_t id = max / 2; id < max + max / 2; id++)
		assert_int_equal(add(*state, part(id, 16, 20, false), 1000), 1);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(every_order),
		TEST(whole_has_the_length),
		TEST(datagrams_are_kept_apart),
		TEST(duplicates_are_fine),
		TEST(overlaps_and_lies),
		TEST(last_is_not_followed),
		TEST(udp_length_has_to_agree),
		TEST(no_fragment_is_refused),
		TEST(length_is_bounded),
		TEST(life_is_bounded),
		TEST(oldest_makes_room),
		TEST(over_long_make_no_room),
		TEST(dead_make_room_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
