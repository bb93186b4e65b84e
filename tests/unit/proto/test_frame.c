/* SPDX-License-Identifier: BSD-2-Clause */
/* Outer frames: a table of what parses, the prologue, and mac1. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ntm/frame.h"
#include "proto/hexes.h"

#define NOISE_LEN 48

static const uint8_t pair[NTM_PAIR_LEN] = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
					   0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};

/* A frame with NOISE_LEN bytes of 0x77 as its Noise message, and MACs of that key. */
static size_t make(uint8_t *frame, uint8_t type, uint8_t purpose, const uint8_t *mac1_key)
{
	struct ntm_handshake hs = {
		.type = type,
		.purpose = purpose,
		.sender = 0x01020304,
		.receiver = 0x05060708,
		.pair = type == NTM_FRAME_INITIATION && purpose == NTM_PURPOSE_E2E ? pair : NULL,
	};
	size_t len = ntm_handshake_head(frame, &hs);

	memset(frame + len, 0x77, NOISE_LEN);
	return ntm_mac_append(frame, len + NOISE_LEN, mac1_key, NULL);
}

static void round_trips(void **unused)
{
	static const uint8_t key[NTM_KEY_LEN] = {1};
	static const struct {
		uint8_t type, purpose;
		size_t head_len;
		const char *head;
	} table[] = {
		{NTM_FRAME_INITIATION, NTM_PURPOSE_NODE, 8, "016e0000 01020304"},
		{NTM_FRAME_INITIATION, NTM_PURPOSE_JOIN, 8, "016a0000 01020304"},
		{NTM_FRAME_INITIATION, NTM_PURPOSE_RELAY, 8, "01720000 01020304"},
		{NTM_FRAME_INITIATION, NTM_PURPOSE_E2E, 24,
		 "01650000 01020304 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"},
		{NTM_FRAME_RESPONSE, NTM_PURPOSE_NODE, 12, "026e0000 01020304 05060708"},
		{NTM_FRAME_RESPONSE, NTM_PURPOSE_E2E, 12, "02650000 01020304 05060708"},
		{NTM_FRAME_RESPONSE, NTM_PURPOSE_DC, 12, "02640000 01020304 05060708"},
		{NTM_FRAME_FINAL, NTM_PURPOSE_DC, 12, "03640000 01020304 05060708"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint8_t frame[256];
		struct ntm_handshake hs;
		size_t len = make(frame, table[i].type, table[i].purpose, key);

		assert_hex(frame, table[i].head_len, table[i].head);
		assert_int_equal(ntm_handshake_parse(&hs, frame, len), 0);
		assert_int_equal(hs.type, table[i].type);
		assert_int_equal(hs.purpose, table[i].purpose);
		assert_int_equal(hs.sender, 0x01020304);
		assert_int_equal(hs.receiver, table[i].head_len == 12 ? 0x05060708 : 0);
		assert_ptr_equal(hs.noise, frame + table[i].head_len);
		assert_int_equal(hs.noise_len, NOISE_LEN);
		assert_ptr_equal(hs.mac1, frame + len - 32);
		assert_ptr_equal(hs.mac2, frame + len - 16);
		assert_int_equal(hs.maced_len, len - 32);
		assert_ptr_equal(hs.pair, table[i].head_len == 24 ? frame + 8 : NULL);
		assert_true(ntm_mac1_ok(frame, &hs, key));
	}
}

static void malformed(void **unused)
{
	static const uint8_t key[NTM_KEY_LEN] = {1};
	static const struct {
		size_t at;
		uint8_t value;
	} table[] = {
		{0, 0},
		{0, NTM_FRAME_FINAL},
		{0, NTM_FRAME_COOKIE},
		{0, NTM_FRAME_TRANSPORT},
		{0, 16},
		{0, 255},
		{1, 0},
		{1, 'x'},
		{1, 'N'},
		{2, 1},
		{3, 0x80},
	};
	uint8_t frame[NTM_HANDSHAKE_MAX + 1];
	struct ntm_handshake hs = {.sender = 99};
	size_t len;

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		len = make(frame, NTM_FRAME_INITIATION, NTM_PURPOSE_NODE, key);
		frame[table[i].at] = table[i].value;
		assert_int_equal(ntm_handshake_parse(&hs, frame, len), -EBADMSG);
	}
	/* Purpose 'd': INITIATIONs have one length; FINALs have that purpose. */
	memset(frame, 0, sizeof(frame));
	make(frame, NTM_FRAME_INITIATION, NTM_PURPOSE_DC, key);
	for (len = 0; len <= NTM_HANDSHAKE_MAX; len++)
		assert_int_equal(ntm_handshake_parse(&hs, frame, len), len == 512 ? 0 : -EBADMSG);
	assert_int_equal(hs.noise_len, 512 - 8 - 32);
	hs.sender = 99;
	len = make(frame, NTM_FRAME_FINAL, NTM_PURPOSE_NODE, key);
	assert_int_equal(ntm_handshake_parse(&hs, frame, len), -EBADMSG);
	/* Length: a key and two MACs at least, NTM_HANDSHAKE_MAX at most. */
	memset(frame, 0, sizeof(frame));
	len = make(frame, NTM_FRAME_INITIATION, NTM_PURPOSE_E2E, key);
	for (size_t cut = 0; cut < 24 + 32 + 32; cut++)
		assert_int_equal(ntm_handshake_parse(&hs, frame, cut), -EBADMSG);
	assert_int_equal(ntm_handshake_parse(&hs, frame, sizeof(frame)), -EBADMSG);
	assert_int_equal(hs.sender, 99);
	assert_int_equal(ntm_handshake_parse(&hs, frame, 24 + 32 + 32), 0);
	assert_int_equal(ntm_handshake_parse(&hs, frame, NTM_HANDSHAKE_MAX), 0);
}

static void transport_and_cookie(void **unused)
{
	static const struct {
		uint8_t type, cls, reserved;
		size_t len;
		bool ok;
	} table[] = {
		{NTM_FRAME_TRANSPORT, 0, 0, 32, true},     {NTM_FRAME_TRANSPORT, 1, 0, 32, true},
		{NTM_FRAME_TRANSPORT, 0, 0, 31, false},    {NTM_FRAME_TRANSPORT, 0, 0, 0, false},
		{NTM_FRAME_TRANSPORT, 0, 1, 32, false},    {NTM_FRAME_TRANSPORT, 0, 0, 1500, true},
		{NTM_FRAME_COOKIE, 'n', 0, 64, true},      {NTM_FRAME_COOKIE, 'n', 0, 63, false},
		{NTM_FRAME_COOKIE, 'n', 0, 65, false},     {NTM_FRAME_COOKIE, 'n', 1, 64, false},
		{NTM_FRAME_INITIATION, 'n', 0, 64, false}, {NTM_FRAME_RELAYED, 0, 0, 64, false},
	};
	static uint8_t frame[1500];

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint32_t receiver = 7;

		unhex(frame, 8, "00000000 deadbeef");
		frame[0] = table[i].type;
		frame[1] = table[i].cls;
		frame[3] = table[i].reserved;
		assert_int_equal(ntm_transport_parse(frame, table[i].len, &receiver), table[i].ok);
		assert_int_equal(receiver, table[i].ok ? 0xdeadbeef : 7);
	}
}

static void prologue(void **unused)
{
	uint8_t out[NTM_PROLOGUE_LEN];

	(void)unused;
	ntm_prologue(out, NTM_PURPOSE_E2E, pair);
	assert_hex(out, sizeof(out), "4e544d31 65 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
}

static void mac1(void **unused)
{
	uint8_t pub[NTM_KEY_LEN], key[NTM_KEY_LEN], other[NTM_KEY_LEN];
	uint8_t frame[256];
	struct ntm_handshake hs;
	size_t len;

	(void)unused;
	memset(pub, 0x42, sizeof(pub));
	ntm_mac1_key(key, pub);
	assert_hex(key, sizeof(key),
		   "5fa55bf355cf87b653645b82c9dac307e85798689544274891d70e2d91026545");
	len = make(frame, NTM_FRAME_INITIATION, NTM_PURPOSE_NODE, key);
	assert_hex(frame + len - 32, 16, "9fdf36220e45dce01bb461e1a0db0e9c");
	assert_int_equal(ntm_handshake_parse(&hs, frame, len), 0);
	assert_true(ntm_mac1_ok(frame, &hs, key));
	pub[0] ^= 1;
	ntm_mac1_key(other, pub);
	assert_false(ntm_mac1_ok(frame, &hs, other));
	/* Every byte in front of mac2 counts. */
	for (size_t i = 0; i < len - 16; i++) {
		frame[i] ^= 0x10;
		assert_false(ntm_mac1_ok(frame, &hs, key));
		frame[i] ^= 0x10;
	}
}

/* Copies under other indexes have one name, and nothing else has it. */
static void names(void **unused)
{
	struct ntm_handshake head = {.type = NTM_FRAME_INITIATION,
				     .purpose = NTM_PURPOSE_E2E,
				     .sender = 1,
				     .pair = pair};
	uint8_t frame[164] = {0}, name[NTM_HANDSHAKE_NAME_LEN], other[NTM_HANDSHAKE_NAME_LEN];
	struct ntm_handshake hs;

	(void)unused;
	ntm_handshake_head(frame, &head);
	assert_int_equal(ntm_handshake_parse(&hs, frame, sizeof(frame)), 0);
	ntm_handshake_name(name, &hs);
	ntm_handshake_set_indexes(frame, 0x01020304, 5);
	frame[sizeof(frame) - 1] ^= 1; /* a MAC */
	assert_int_equal(ntm_handshake_parse(&hs, frame, sizeof(frame)), 0);
	assert_int_equal(hs.sender, 0x01020304);
	assert_memory_equal(hs.pair, pair, sizeof(pair));
	ntm_handshake_name(other, &hs);
	assert_memory_equal(other, name, sizeof(name));
	/* Of the head and of the Noise message each byte counts. */
	for (size_t i = 8; i < sizeof(frame) - 2 * NTM_MAC_LEN; i++) {
		frame[i] ^= 1;
		ntm_handshake_name(other, &hs);
		assert_memory_not_equal(other, name, sizeof(name));
		frame[i] ^= 1;
	}
	hs.purpose = NTM_PURPOSE_NODE;
	ntm_handshake_name(other, &hs);
	assert_memory_not_equal(other, name, sizeof(name));

	head = (struct ntm_handshake){.type = NTM_FRAME_RESPONSE, .purpose = NTM_PURPOSE_NODE};
	ntm_handshake_head(frame, &head);
	ntm_handshake_set_indexes(frame, 6, 7);
	assert_int_equal(ntm_handshake_parse(&hs, frame, 96), 0);
	assert_int_equal(hs.sender, 6);
	assert_int_equal(hs.receiver, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips),
		cmocka_unit_test(malformed),
		cmocka_unit_test(transport_and_cookie),
		cmocka_unit_test(prologue),
		cmocka_unit_test(mac1),
		cmocka_unit_test(names),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
