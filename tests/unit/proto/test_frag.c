/* SPDX-License-Identifier: BSD-2-Clause */
/* Fragments in a tunnel: cut, put together in any order, bounded, and every part that is odd. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ntm/frag.h"
#include "ntm/path.h"
#include "proto/hexes.h"

#define ROOM NTM_LINK_ROOM_MIN

static const int peers[NTM_FRAG_PACKETS + 1]; /* their addresses name them */

static void fill(struct ntm_pkt *pkt, size_t len, uint8_t seed)
{
	uint8_t *at;

	ntm_pkt_reset(pkt);
	at = ntm_pkt_put(pkt, len);
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(seed + i + i / 256);
}

/* A part of a packet of that length, padded as the link does. */
static void cut(struct ntm_pkt *out, size_t len, const struct ntm_frag *part)
{
	struct ntm_pkt whole;

	fill(&whole, len, (uint8_t)part->id);
	ntm_pkt_reset(out);
	ntm_frag_cut(&whole, part, out);
	while (out->len % 16 != 0)
		*ntm_pkt_put(out, 1) = 0;
}

static int add(struct ntm_frags *frags, const int *peer, size_t len, const struct ntm_frag *part,
	       int64_t now_ms)
{
	struct ntm_pkt pkt;

	cut(&pkt, len, part);
	return ntm_frags_add(frags, peer, &pkt, now_ms);
}

/* Half a packet. */
static int add_half(struct ntm_frags *frags, const int *peer, uint16_t id, uint8_t index,
		    int64_t now_ms)
{
	struct ntm_frag part = {.id = id, .index = index, .count = 2};

	return add(frags, peer, 1400, &part, now_ms);
}

static int add_bytes(struct ntm_frags *frags, const char *hex)
{
	struct ntm_pkt pkt;

	ntm_pkt_reset(&pkt);
	ntm_pkt_put(&pkt, unhex(pkt.data, NTM_PKT_MAX, hex));
	return ntm_frags_add(frags, &peers[0], &pkt, 0);
}

static void count_of_parts(void **unused)
{
	static const struct {
		size_t len, room;
		unsigned count;
	} table[] = {
		{0, 1184, 1},    {1, 1184, 1},
		{1183, 1184, 1}, {1184, 1184, 1},
		{1185, 1184, 2}, {1400, 1184, 2},
		{1400, 1408, 1}, {1408, 1408, 1},
		{1409, 1408, 2}, {2048, 1184, 2},
		{2360, 1184, 2}, {2361, 1184, 3},
		{3540, 1184, 3}, {4720, 1184, 4},
		{4721, 1184, 0}, {65535, 1184, 0},
		{2048, 528, 4},  {2048, 512, 0},
		{64, 16, 0},     {48, 16, 4},
		{17, 16, 2},     {SIZE_MAX / 2, 1184, 0},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(ntm_frag_count(table[i].len, table[i].room), table[i].count);
}

static void golden(void **unused)
{
	static const struct ntm_frag first = {.id = 0xbeef, .index = 0, .count = 2},
				     last = {.id = 0xbeef, .index = 1, .count = 2};
	struct ntm_frags *frags = ntm_frags_new();
	struct ntm_pkt whole, part;

	(void)unused;
	ntm_pkt_reset(&whole);
	for (uint8_t i = 0; i < 20; i++)
		*ntm_pkt_put(&whole, 1) = (uint8_t)(0x40 + i);
	assert_int_equal(ntm_frag_count(whole.len, 16), 2);
	ntm_pkt_reset(&part);
	ntm_frag_cut(&whole, &last, &part);
	assert_hex(part.data, part.len, "0212beef 4c4d4e4f50515253");
	assert_int_equal(ntm_frags_add(frags, &peers[0], &part, 0), 0);
	ntm_pkt_reset(&part);
	ntm_frag_cut(&whole, &first, &part);
	assert_hex(part.data, part.len, "0202beef 404142434445464748494a4b");
	assert_int_equal(ntm_frags_add(frags, &peers[0], &part, 0), 1);
	assert_hex(part.data, part.len, "404142434445464748494a4b4c4d4e4f50515253");
	ntm_frags_free(frags);
}

/* Packets of every length, at rooms small and large: parts fit, and make the packet again. */
static void round_trip(void **unused)
{
	static const size_t rooms[] = {16, 32, 528, 1184, 1408};
	struct ntm_frags *frags = ntm_frags_new();

	(void)unused;
	for (size_t r = 0; r < sizeof(rooms) / sizeof(rooms[0]); r++) {
		for (size_t len = rooms[r] + 1; len <= NTM_PKT_MAX; len++) {
			struct ntm_frag part = {.id = (uint16_t)len};
			struct ntm_pkt whole, got;

			part.count = (uint8_t)ntm_frag_count(len, rooms[r]);
			if (part.count == 0)
				break;
			fill(&whole, len, (uint8_t)part.id);
			for (; part.index < part.count; part.index++) {
				bool is_last = part.index + 1 == part.count;

				cut(&got, len, &part);
				assert_in_range(got.len, 16, rooms[r]);
				assert_int_equal(ntm_frags_add(frags, &peers[0], &got, 0), is_last);
			}
			assert_in_range(got.len, len, len + 15);
			assert_memory_equal(got.data, whole.data, len);
			for (size_t i = len; i < got.len; i++)
				assert_int_equal(got.data[i], 0);
		}
	}
	assert_int_equal(ntm_frags_counters(frags)->refused, 0);
	assert_int_equal(ntm_frags_counters(frags)->crowded_out, 0);
	ntm_frags_free(frags);
}

/* All orders of four parts, between those of another packet and of another peer. */
static void any_order(void **unused)
{
	struct ntm_frags *frags = ntm_frags_new();
	unsigned orders = 0;

	(void)unused;
	for (unsigned code = 0; code < 256; code++) {
		uint8_t order[4] = {code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6 & 3};
		struct ntm_frag part = {.id = (uint16_t)code, .count = 4};
		struct ntm_pkt whole, got;

		if ((1 << order[0] | 1 << order[1] | 1 << order[2] | 1 << order[3]) != 15)
			continue;
		orders++;
		assert_int_equal(add_half(frags, &peers[0], 999, 0, 0), 0);
		for (size_t i = 0; i < 4; i++) {
			part.index = order[i];
			cut(&got, 1501, &part);
			assert_int_equal(ntm_frags_add(frags, &peers[0], &got, 0), i == 3);
			if (i == 2)
				assert_int_equal(add_half(frags, &peers[1], part.id, 1, 0), 0);
		}
		fill(&whole, 1501, (uint8_t)part.id);
		assert_in_range(got.len, 1501, 1516);
		assert_memory_equal(got.data, whole.data, 1501);
		assert_int_equal(add_half(frags, &peers[1], part.id, 0, 0), 1);
		assert_int_equal(add_half(frags, &peers[0], 999, 1, 0), 1);
	}
	assert_int_equal(orders, 24);
	assert_int_equal(ntm_frags_counters(frags)->packets, 3 * 24);
	assert_int_equal(ntm_frags_counters(frags)->refused, 0);
	ntm_frags_free(frags);
}

static void odd_parts(void **unused)
{
	static const char *const table[] = {
		"",
		"02",
		"0202",
		"020200",
		"02020001",    /* empty */
		"01020001 45", /* another kind */
		"45020001 45",
		"02000001 45", /* of none */
		"02010001 45", /* of one */
		"02050001 45", /* of more than four */
		"020f0001 45",
		"02220001 45", /* third of two */
		"02440001 45",
		"02f40001 45",
		"02330001 45",
	};
	struct ntm_frags *frags = ntm_frags_new();
	const size_t count = sizeof(table) / sizeof(table[0]);

	(void)unused;
	for (size_t i = 0; i < count; i++)
		if (add_bytes(frags, table[i]) != -EBADMSG)
			fail_msg("\"%s\" was taken", table[i]);
	assert_int_equal(ntm_frags_counters(frags)->refused, count);
	/* The smallest that are none. */
	assert_int_equal(add_bytes(frags, "02020001 45"), 0);
	assert_int_equal(add_bytes(frags, "02120001 00"), 1);
	ntm_frags_free(frags);
}

/* What does not go with the parts before changes nothing of them. */
static void parts_that_do_not_agree(void **unused)
{
	static const struct ntm_frag of_three = {.id = 7, .index = 1, .count = 3};
	struct ntm_frags *frags = ntm_frags_new();
	struct ntm_pkt whole, got;
	struct ntm_frag part = {.id = 7, .count = 2};

	(void)unused;
	assert_int_equal(add_half(frags, &peers[0], 7, 0, 0), 0);
	assert_int_equal(add_half(frags, &peers[0], 7, 0, 0), -EBADMSG);  /* had before */
	assert_int_equal(add(frags, &peers[0], 900, &part, 0), -EBADMSG); /* likewise */
	assert_int_equal(add(frags, &peers[0], 1400, &of_three, 0), -EBADMSG);
	part.index = 1;
	cut(&got, 1400, &part);
	assert_int_equal(ntm_frags_add(frags, &peers[0], &got, 0), 1);
	fill(&whole, 1400, 7);
	assert_memory_equal(got.data, whole.data, 1400);
	assert_int_equal(ntm_frags_counters(frags)->refused, 3);
	/* The id is free again. */
	assert_int_equal(add(frags, &peers[0], 1400, &of_three, 0), 0);
	ntm_frags_free(frags);
}

/* A whole of NTM_PKT_MAX and its padding, and not a byte more. */
static void too_long(void **unused)
{
	static const size_t last_len[] = {1023, 1024, 1036};
	struct ntm_frags *frags = ntm_frags_new();

	(void)unused;
	for (size_t i = 0; i < 3; i++) {
		struct ntm_pkt pkt;
		size_t len = 4 + (i == 0 ? NTM_PKT_MAX + 15 - 1024 : last_len[i] + 16);

		fill(&pkt, 4 + 1024, 0);
		memcpy(pkt.data, "\2\2\0\1", 4);
		assert_int_equal(ntm_frags_add(frags, &peers[i], &pkt, 0), 0);
		fill(&pkt, len, 0);
		memcpy(pkt.data, "\2\x12\0\1", 4);
		assert_int_equal(ntm_frags_add(frags, &peers[i], &pkt, 0), i == 0 ? 1 : -EBADMSG);
		if (i == 0)
			assert_int_equal(pkt.len, NTM_PKT_MAX + 15);
	}
	ntm_frags_free(frags);
}

static void each_has_its_time(void **unused)
{
	struct ntm_frags *frags = ntm_frags_new();

	(void)unused;
	assert_int_equal(add_half(frags, &peers[0], 1, 0, 5000), 0);
	assert_int_equal(add_half(frags, &peers[0], 2, 0, 5000), 0);
	assert_int_equal(add_half(frags, &peers[0], 1, 1, 5000 + NTM_FRAG_LIFE_MS - 1), 1);
	assert_int_equal(add_half(frags, &peers[0], 2, 1, 5000 + NTM_FRAG_LIFE_MS), 0);
	assert_int_equal(ntm_frags_counters(frags)->late, 1);
	assert_int_equal(ntm_frags_counters(frags)->refused, 0);
	ntm_frags_free(frags);
}

/* A peer that sends first parts only pushes out its own. */
static void share_of_a_peer(void **unused)
{
	struct ntm_frags *frags = ntm_frags_new();

	(void)unused;
	assert_int_equal(add_half(frags, &peers[1], 1, 0, 0), 0);
	for (uint16_t id = 0; id < 1000; id++)
		assert_int_equal(add_half(frags, &peers[0], id, 0, 1), 0);
	assert_int_equal(ntm_frags_counters(frags)->crowded_out, 1000 - NTM_FRAG_OF_PEER);
	assert_int_equal(add_half(frags, &peers[1], 1, 1, 2), 1);
	/* The newest of it are kept. */
	for (uint16_t id = 1000 - NTM_FRAG_OF_PEER; id < 1000; id++)
		assert_int_equal(add_half(frags, &peers[0], id, 1, 2), 1);
	ntm_frags_free(frags);
}

/* Full with packets of many peers: the oldest of all goes. */
static void share_of_all(void **unused)
{
	struct ntm_frags *frags = ntm_frags_new();

	(void)unused;
	for (size_t i = 0; i <= NTM_FRAG_PACKETS; i++)
		assert_int_equal(add_half(frags, &peers[i], 1, 0, (int64_t)i), 0);
	assert_int_equal(ntm_frags_counters(frags)->crowded_out, 1);
	for (size_t i = 1; i <= NTM_FRAG_PACKETS; i++)
		assert_int_equal(add_half(frags, &peers[i], 1, 1, 100), 1);
	assert_int_equal(add_half(frags, &peers[0], 1, 1, 100), 0);
	ntm_frags_free(frags);
}

/* Another tunnel may get the address of one that is gone. */
static void forgotten_peer(void **unused)
{
	struct ntm_frags *frags = ntm_frags_new();

	(void)unused;
	assert_int_equal(add_half(frags, &peers[0], 1, 0, 0), 0);
	assert_int_equal(add_half(frags, &peers[1], 1, 0, 0), 0);
	ntm_frags_forget(frags, &peers[0]);
	assert_int_equal(add_half(frags, &peers[0], 1, 1, 0), 0);
	assert_int_equal(add_half(frags, &peers[1], 1, 1, 0), 1);
	ntm_frags_free(frags);
	ntm_frags_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(count_of_parts),  cmocka_unit_test(golden),
		cmocka_unit_test(round_trip),      cmocka_unit_test(any_order),
		cmocka_unit_test(odd_parts),       cmocka_unit_test(parts_that_do_not_agree),
		cmocka_unit_test(too_long),        cmocka_unit_test(each_has_its_time),
		cmocka_unit_test(share_of_a_peer), cmocka_unit_test(share_of_all),
		cmocka_unit_test(forgotten_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
