/* SPDX-License-Identifier: BSD-2-Clause */
/* Sealing and opening under both suites. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ntm/frame.h"
#include "ntm/session.h"
#include "proto/hexes.h"

#define PLAIN_MAX 1400

struct both {
	struct ntm_session a, b;
};

static struct both make(uint8_t suite)
{
	struct both both = {
		.a = {.suite = suite, .local_index = 0x0a0b0c0d, .remote_index = 0x01020304},
		.b = {.suite = suite, .local_index = 0x01020304, .remote_index = 0x0a0b0c0d},
	};

	memset(both.a.send_key, 0x61, NTM_KEY_LEN);
	memset(both.b.recv_key, 0x61, NTM_KEY_LEN);
	memset(both.a.recv_key, 0x62, NTM_KEY_LEN);
	memset(both.b.send_key, 0x62, NTM_KEY_LEN);
	ntm_replay_init(&both.a.replay);
	ntm_replay_init(&both.b.replay);
	return both;
}

static uint8_t suites(size_t i)
{
	static const uint8_t all[] = {NTM_SUITE_CHACHA20_POLY1305, NTM_SUITE_AES256_GCM};

	return i < 2 ? all[i] & ntm_suites_here() : 0;
}

static size_t seal(struct ntm_session *session, uint8_t *frame, const void *plain, size_t len)
{
	size_t frame_len = 0;

	if (len > 0)
		memcpy(frame + NTM_TRANSPORT_HEADER, plain, len);
	assert_int_equal(ntm_session_seal(session, 1, frame, len, &frame_len), 0);
	assert_int_equal(frame_len, len + NTM_TRANSPORT_OVERHEAD);
	return frame_len;
}

static void round_trip(void **unused)
{
	uint8_t plain[PLAIN_MAX], frame[PLAIN_MAX + NTM_TRANSPORT_OVERHEAD];
	size_t lens[] = {0, 1, 15, 16, 17, 200, PLAIN_MAX};

	(void)unused;
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)i;
	for (size_t s = 0; suites(s); s++) {
		struct both both = make(suites(s));

		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			size_t len = seal(&both.a, frame, plain, lens[i]), plain_len = 99;

			assert_int_equal(ntm_session_open(&both.b, frame, len, &plain_len), 0);
			assert_int_equal(plain_len, lens[i]);
			assert_memory_equal(frame + NTM_TRANSPORT_HEADER, plain, lens[i]);
			len = seal(&both.b, frame, plain, lens[i]);
			assert_int_equal(ntm_session_open(&both.a, frame, len, &plain_len), 0);
		}
		assert_int_equal(both.a.send_counter, sizeof(lens) / sizeof(lens[0]));
	}
}

/* From Python's cryptography: the header is the associated data, nonce as in Noise 12.3, 12.4. */
static const struct {
	uint8_t suite;
	const char *frame;
} golden[] = {
	{NTM_SUITE_CHACHA20_POLY1305, "0501000001020304010203040506070838118e17f7a4e78e8ce1e784f41e"
				      "be61d369b10cd73c02bd7fc3e8e0e44aa77b"},
	{NTM_SUITE_AES256_GCM, "05010000010203040102030405060708de223a78febc8613823b4ca58e66fbd9336"
			       "d8310cbd7126b0a5dd0ef1d0495bb"},
};

static void golden_bytes(void **unused)
{
	uint8_t frame[64];

	(void)unused;
	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		struct both both;

		if (!(golden[i].suite & ntm_suites_here()))
			continue;
		both = make(golden[i].suite);
		both.a.send_counter = 0x0102030405060708;
		assert_hex(frame, seal(&both.a, frame, "sixteen bytes ..", 16), golden[i].frame);
	}
}

static void every_truncation_and_flipped_bit(void **unused)
{
	uint8_t sealed[64], frame[64];
	(void)unused;
	for (size_t s = 0; suites(s); s++) {
		struct both both = make(suites(s));
		size_t plain_len = 99;
		size_t len = seal(&both.a, sealed, "sixteen bytes ..", 16);

		for (size_t cut = 0; cut < len; cut++) {
			memcpy(frame, sealed, len);
			assert_int_equal(ntm_session_open(&both.b, frame, cut, &plain_len),
					 cut < NTM_TRANSPORT_OVERHEAD ? -EBADMSG : -EKEYREJECTED);
		}
		for (size_t bit = 0; bit < 8 * len; bit++) {
			memcpy(frame, sealed, len);
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(ntm_session_open(&both.b, frame, len, &plain_len),
					 -EKEYREJECTED);
		}
		/* None of them moved the window, not even those with a counter far ahead. */
		assert_false(both.b.replay.any);
		assert_int_equal(plain_len, 99);
		assert_int_equal(ntm_session_open(&both.b, sealed, len, &plain_len), 0);
	}
}

static void replays(void **unused)
{
	uint8_t frames[3][64], frame[64];
	static const struct {
		size_t which;
		int expected;
	} order[] = {{2, 0}, {0, 0}, {2, -EALREADY}, {1, 0}, {0, -EALREADY}, {1, -EALREADY}};

	(void)unused;
	for (size_t s = 0; suites(s); s++) {
		struct both both = make(suites(s));
		size_t len = 0, plain_len;

		for (size_t i = 0; i < 3; i++)
			len = seal(&both.a, frames[i], "x", 1);
		for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
			memcpy(frame, frames[order[i].which], len);
			assert_int_equal(ntm_session_open(&both.b, frame, len, &plain_len),
					 order[i].expected);
		}
	}
}

static void own_frames_do_not_open(void **unused)
{
	struct both both = make(NTM_SUITE_CHACHA20_POLY1305);
	uint8_t frame[64];
	size_t len, plain_len;

	(void)unused;
	len = seal(&both.a, frame, "mirror", 6);
	assert_int_equal(ntm_session_open(&both.a, frame, len, &plain_len), -EKEYREJECTED);
}

static void counter_limit(void **unused)
{
	struct both both = make(NTM_SUITE_CHACHA20_POLY1305);
	uint8_t frame[64];
	size_t len, plain_len;

	(void)unused;
	both.a.send_counter = NTM_COUNTER_LIMIT - 1;
	len = seal(&both.a, frame, "last", 4);
	assert_int_equal(ntm_session_open(&both.b, frame, len, &plain_len), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ntm_session_seal(&both.a, 0, frame, 4, &len), -EKEYEXPIRED);
	assert_int_equal(both.a.send_counter, NTM_COUNTER_LIMIT);
}

static void suite_choice(void **unused)
{
	const uint8_t chacha = NTM_SUITE_CHACHA20_POLY1305, aes = NTM_SUITE_AES256_GCM;
	const struct {
		uint8_t ours, theirs, chosen;
	} table[] = {
		{chacha, chacha, chacha},
		{chacha | aes, chacha, chacha},
		{chacha, chacha | aes, chacha},
		{chacha | aes, chacha | aes, aes},
		{aes, chacha, 0},
		{chacha | aes, 0, 0},
		{chacha | aes, 0xfc, 0},
		{chacha | aes, 0xff, aes},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(ntm_suite_choose(table[i].ours, table[i].theirs), table[i].chosen);
	assert_true(ntm_suites_here() & chacha);
}

static void wiped(void **unused)
{
	static const uint8_t zeros[NTM_KEY_LEN];
	struct both both = make(NTM_SUITE_CHACHA20_POLY1305);

	(void)unused;
	ntm_session_wipe(&both.a);
	assert_memory_equal(both.a.send_key, zeros, NTM_KEY_LEN);
	assert_memory_equal(both.a.recv_key, zeros, NTM_KEY_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(golden_bytes),
		cmocka_unit_test(every_truncation_and_flipped_bit),
		cmocka_unit_test(replays),
		cmocka_unit_test(own_frames_do_not_open),
		cmocka_unit_test(counter_limit),
		cmocka_unit_test(suite_choice),
		cmocka_unit_test(wiped),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
