/* SPDX-License-Identifier: BSD-2-Clause */
/* The Noise handshake: round trips, golden bytes, and everything that has to fail. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ntm/noise.h"
#include "proto/hexes.h"

#define MESSAGE_MAX 1024

struct both {
	struct ntm_keys keys[2];
	struct ntm_keys ephemeral[2];
	uint8_t psk[NTM_KEY_LEN];
	struct ntm_noise noise[2]; /* initiator, responder */
};

static struct ntm_keys keys_of(uint8_t byte)
{
	struct ntm_keys keys;

	memset(keys.sec, byte, sizeof(keys.sec));
	crypto_scalarmult_curve25519_base(keys.pub, keys.sec);
	return keys;
}

/* The keys that golden[] was made with; prologue "NTM1e". */
static void start(struct both *both, enum ntm_noise_pattern pattern)
{
	*both = (struct both){
		.keys = {keys_of(0x11), keys_of(0x33)},
		.ephemeral = {keys_of(0x22), keys_of(0x44)},
	};
	memset(both->psk, 0x55, sizeof(both->psk));
	for (int i = 0; i < 2; i++) {
		struct ntm_noise_args args = {
			.pattern = pattern,
			.initiator = i == 0,
			.prologue = "NTM1e",
			.prologue_len = 5,
			.static_keys = &both->keys[i],
			.remote_static =
				i == 0 && pattern != NTM_NOISE_XX ? both->keys[1].pub : NULL,
			.psk = i == 0 && pattern == NTM_NOISE_IKPSK2 ? both->psk : NULL,
		};

		ntm_noise_start(&both->noise[i], &args);
		ntm_noise_set_ephemeral(&both->noise[i], &both->ephemeral[i]);
	}
	if (pattern == NTM_NOISE_IKPSK2)
		ntm_noise_set_psk(&both->noise[1], both->psk);
}

static const struct {
	enum ntm_noise_pattern pattern;
	const char *message[3];
	const char *hash;
	const char *keys[2];
} golden[] = {
	/* Written by noise_peer once test_noise_cross.py had it agree with dissononce. */
	{NTM_NOISE_IK,
	 {"0faa684ed28867b97f4a6a2dee5df8ce974e76b7018e3f22a1c4cf2678570f20f31e61f1ad41ce5ef4e1465"
	  "99ce06ec36a41e3a8a8d892d9990d48ef867722441dfbd6abe1b0447c2e747e5075fdac070c26a4efe77839"
	  "828dd94021555ba6d0e0b9",
	  "ff2ee45601ec1b67310c7790404585ae697331eee1c1f8cf2419731c1fff3e6b90c7fc16b438ee29362b961"
	  "113059d7f3b71"},
	 "36290214032ce5def98eed076a783fa624fe4e1c41292aacfce0e03b7f394c29a9a22ab8b685de8db2c25645"
	 "9accdb7359bb38bd0143978eae6b6fb1bb12c131",
	 {"10851db4ff08504a7ba0354380c803d66fbdca92389bf754bbb305e89b822f86",
	  "61288dec3aa9e4bcd4917690670067e467aeea241588e9d81961869398aff6ff"}},
	{NTM_NOISE_XX,
	 {"0faa684ed28867b97f4a6a2dee5df8ce974e76b7018e3f22a1c4cf2678570f20ab00",
	  "ff2ee45601ec1b67310c7790404585ae697331eee1c1f8cf2419731c1fff3e6b488bd23f550fbb329ad4884"
	  "2cd71994f83af27c5121534522309104f9eb63a72fb67b2bce0132ef49dc47be3654dc84d1eabffbbd14ced"
	  "87998303bc1b7717e6da23",
	  "968facae545740c61561f8caf11da458dd868c68db7aa4889aa06917337e5a9d9d15a50653a397ae8739ae3"
	  "59e55c656d81f7948dadb32d3ecaf300756ac8d3635b9"},
	 "6a4877154033a30ac52a959e489e12c4f7110bd6dc4831a17c314b0d9ca3e752a70414cb1964cf56db850ba9"
	 "05b0107f0e3499e2943458d57fed694614bb53b6",
	 {"e9696de192880217fc95e2cf6bfb96fa175d70a88b5a535b0e205f549965acc9",
	  "901db517713c75f176ca21092164d6f7628d07e8d8054e80a10bd9dafade4c1b"}},
	{NTM_NOISE_IKPSK2,
	 {"0faa684ed28867b97f4a6a2dee5df8ce974e76b7018e3f22a1c4cf2678570f20568f87fd306a7af0ccb0133"
	  "5eb896252bb18ad4546ab60a337c77ae60e045fc77cf8f36ae3ee9d73681ea270825a8682066f966c9e79eb"
	  "c95662ff79b0e3e2c23dd7",
	  "ff2ee45601ec1b67310c7790404585ae697331eee1c1f8cf2419731c1fff3e6bb4222941ed9be30cf2a6e30"
	  "7ac6f321c93d3"},
	 "0c8f126c607d004e9bb8992b7a37aae213cce52bd8ebe61e0e24c752ef585c2e7d4d58b7a7e075a4c029a73a"
	 "602c7ca5edd78cc04fd03c7c74c18974ee805bee",
	 {"33b23921efca98b7390b57de3f48e46554b1c9df3978961068e5694ec1d4ead2",
	  "8a09d93ca3e5c8accda636c64debe1895420b26973147c0e1b44785a9c07f2fc"}},
};

static void golden_bytes(void **unused)
{
	(void)unused;
	for (size_t g = 0; g < sizeof(golden) / sizeof(golden[0]); g++) {
		uint8_t tx[NTM_KEY_LEN], rx[NTM_KEY_LEN];
		struct both both;

		start(&both, golden[g].pattern);
		for (uint8_t i = 0; i < 3 && golden[g].message[i]; i++) {
			uint8_t payload[2] = {0xab, i};
			uint8_t message[MESSAGE_MAX], plain[MESSAGE_MAX];
			size_t len, plain_len;

			assert_int_equal(ntm_noise_write(&both.noise[i % 2], payload, 2, message,
							 sizeof(message), &len),
					 0);
			assert_hex(message, len, golden[g].message[i]);
			assert_int_equal(ntm_noise_read(&both.noise[1 - i % 2], message, len, plain,
							sizeof(plain), &plain_len),
					 0);
			assert_int_equal(plain_len, 2);
			assert_memory_equal(plain, payload, 2);
		}
		for (int i = 0; i < 2; i++) {
			assert_true(ntm_noise_done(&both.noise[i]));
			assert_hex(both.noise[i].hash, NTM_NOISE_HASH_LEN, golden[g].hash);
			ntm_noise_split(&both.noise[i], tx, rx);
			assert_hex(tx, sizeof(tx), golden[g].keys[i]);
			assert_hex(rx, sizeof(rx), golden[g].keys[1 - i]);
			assert_memory_equal(both.noise[i].remote_static, both.keys[1 - i].pub, 32);
		}
	}
}

/* Runs the handshake up to message `until` and leaves that message, written but not read. */
static size_t run_until(struct both *both, unsigned until, uint8_t *message)
{
	uint8_t payload[40] = "payload of forty bytes, more or less";
	uint8_t plain[MESSAGE_MAX];
	size_t len = 0, plain_len;

	for (unsigned i = 0; i <= until; i++) {
		assert_int_equal(ntm_noise_write(&both->noise[i % 2], payload, sizeof(payload),
						 message, MESSAGE_MAX, &len),
				 0);
		if (i == until)
			break;
		assert_int_equal(ntm_noise_read(&both->noise[1 - i % 2], message, len, plain,
						sizeof(plain), &plain_len),
				 0);
		assert_memory_equal(plain, payload, sizeof(payload));
	}
	return len;
}

static const struct {
	enum ntm_noise_pattern pattern;
	unsigned count;
} patterns[] = {{NTM_NOISE_IK, 2}, {NTM_NOISE_XX, 3}, {NTM_NOISE_IKPSK2, 2}};

/* XX writes its first message in clear: only its length can be wrong, and a later message fails. */
static bool is_clear(size_t p, unsigned message)
{
	return patterns[p].pattern == NTM_NOISE_XX && message == 0;
}

static void every_truncation_fails_and_kills(void **unused)
{
	uint8_t message[MESSAGE_MAX], plain[MESSAGE_MAX];
	size_t plain_len;

	(void)unused;
	for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
		for (unsigned m = 0; m < patterns[p].count; m++) {
			struct both before;
			size_t len;

			start(&before, patterns[p].pattern);
			len = run_until(&before, m, message);
			for (size_t cut = 0; cut < (is_clear(p, m) ? 32 : len); cut++) {
				struct ntm_noise noise = before.noise[1 - m % 2];
				int err = ntm_noise_read(&noise, message, cut, plain, sizeof(plain),
							 &plain_len);

				assert_true(err == -EBADMSG || err == -EKEYREJECTED);
				assert_int_equal(ntm_noise_read(&noise, message, len, plain,
								sizeof(plain), &plain_len),
						 -EPROTO);
				assert_false(ntm_noise_done(&noise));
			}
		}
	}
}

static void every_flipped_bit_fails(void **unused)
{
	uint8_t message[MESSAGE_MAX], plain[MESSAGE_MAX];
	size_t plain_len;

	(void)unused;
	for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
		for (unsigned m = 0; m < patterns[p].count; m++) {
			struct both before;
			size_t len;

			if (is_clear(p, m))
				continue;
			start(&before, patterns[p].pattern);
			len = run_until(&before, m, message);
			for (size_t bit = 0; bit < 8 * len; bit++) {
				struct ntm_noise noise = before.noise[1 - m % 2];

				message[bit / 8] ^= (uint8_t)(1 << bit % 8);
				assert_int_equal(ntm_noise_read(&noise, message, len, plain,
								sizeof(plain), &plain_len),
						 -EKEYREJECTED);
				message[bit / 8] ^= (uint8_t)(1 << bit % 8);
			}
		}
	}
}

static void flip_in_clear_message_fails_later(void **unused)
{
	uint8_t message[MESSAGE_MAX], plain[MESSAGE_MAX];
	struct both both;
	size_t len, plain_len;

	(void)unused;
	start(&both, NTM_NOISE_XX);
	len = run_until(&both, 0, message);
	message[40] ^= 1; /* in the payload */
	assert_int_equal(ntm_noise_read(&both.noise[1], message, len, plain, sizeof(plain),
					&plain_len),
			 0);
	assert_int_equal(ntm_noise_write(&both.noise[1], NULL, 0, message, sizeof(message), &len),
			 0);
	assert_int_equal(ntm_noise_read(&both.noise[0], message, len, plain, sizeof(plain),
					&plain_len),
			 -EKEYREJECTED);
}

static void low_order_keys_are_refused(void **unused)
{
	/* 0, 1, a point of order 8, p - 1, p, p + 1. */
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	uint8_t message[MESSAGE_MAX], plain[MESSAGE_MAX];
	size_t len, plain_len;

	(void)unused;
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		struct both both;

		/* As the initiator's ephemeral key ... */
		start(&both, NTM_NOISE_IK);
		len = run_until(&both, 0, message);
		unhex(message, 32, points[i]);
		assert_int_equal(ntm_noise_read(&both.noise[1], message, len, plain, sizeof(plain),
						&plain_len),
				 -EKEYREJECTED);
		/* ... and as the responder's static key. */
		start(&both, NTM_NOISE_IK);
		unhex(both.noise[0].remote_static, 32, points[i]);
		assert_int_equal(ntm_noise_write(&both.noise[0], NULL, 0, message, sizeof(message),
						 &len),
				 -EKEYREJECTED);
	}
}

static void wrong_context_fails(void **unused)
{
	uint8_t message[MESSAGE_MAX], plain[MESSAGE_MAX];
	struct ntm_noise_args args;
	struct both both;
	size_t len, plain_len;

	(void)unused;
	/* Another prologue. */
	start(&both, NTM_NOISE_IK);
	len = run_until(&both, 0, message);
	args = (struct ntm_noise_args){.pattern = NTM_NOISE_IK,
				       .prologue = "NTM1n",
				       .prologue_len = 5,
				       .static_keys = &both.keys[1]};
	ntm_noise_start(&both.noise[1], &args);
	assert_int_equal(ntm_noise_read(&both.noise[1], message, len, plain, sizeof(plain),
					&plain_len),
			 -EKEYREJECTED);
	/* Another psk: the second message is the first that it goes into. */
	start(&both, NTM_NOISE_IKPSK2);
	both.noise[1].psk[0] ^= 1;
	len = run_until(&both, 1, message);
	assert_int_equal(ntm_noise_read(&both.noise[0], message, len, plain, sizeof(plain),
					&plain_len),
			 -EKEYREJECTED);
	/* Another pattern with the same messages. */
	start(&both, NTM_NOISE_IKPSK2);
	len = run_until(&both, 0, message);
	args.prologue = "NTM1e";
	ntm_noise_start(&both.noise[1], &args);
	assert_int_equal(ntm_noise_read(&both.noise[1], message, len, plain, sizeof(plain),
					&plain_len),
			 -EKEYREJECTED);
}

static void turns_and_room(void **unused)
{
	uint8_t message[MESSAGE_MAX], plain[MESSAGE_MAX];
	struct both both;
	size_t len = 7, plain_len = 7;

	(void)unused;
	for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
		start(&both, patterns[p].pattern);
		assert_int_equal(ntm_noise_write(&both.noise[1], NULL, 0, message, sizeof(message),
						 &len),
				 -EPROTO);
		start(&both, patterns[p].pattern);
		assert_int_equal(ntm_noise_read(&both.noise[0], message, sizeof(message), plain,
						sizeof(plain), &plain_len),
				 -EPROTO);
		/* A cap that is one too small, at any place in the message. */
		start(&both, patterns[p].pattern);
		struct ntm_noise first = both.noise[0];
		size_t whole;

		assert_int_equal(ntm_noise_write(&first, "0123456789", 10, message, sizeof(message),
						 &whole),
				 0);
		for (size_t cap = 0; cap < whole; cap++) {
			struct ntm_noise noise = both.noise[0];

			assert_int_equal(ntm_noise_write(&noise, "0123456789", 10, message, cap,
							 &len),
					 -ENOBUFS);
		}
		assert_int_equal(len, 7);
		len = run_until(&both, 0, message);
		assert_int_equal(ntm_noise_read(&both.noise[1], message, len, plain, 39,
						&plain_len),
				 -ENOBUFS);
		assert_int_equal(plain_len, 7);
		len = 7;
	}
	/* Nothing is written or read once it is done. */
	start(&both, NTM_NOISE_IK);
	len = run_until(&both, 1, message);
	assert_int_equal(ntm_noise_read(&both.noise[0], message, len, plain, sizeof(plain),
					&plain_len),
			 0);
	assert_int_equal(ntm_noise_write(&both.noise[0], NULL, 0, message, sizeof(message), &len),
			 -EPROTO);
}

static void random_ephemerals_differ(void **unused)
{
	uint8_t first[MESSAGE_MAX], second[MESSAGE_MAX];
	struct both both;
	size_t len;

	(void)unused;
	for (int i = 0; i < 2; i++) {
		start(&both, NTM_NOISE_IK);
		both.noise[0].ephemeral_fixed = false;
		assert_int_equal(ntm_noise_write(&both.noise[0], NULL, 0, i ? second : first,
						 MESSAGE_MAX, &len),
				 0);
	}
	assert_memory_not_equal(first, second, 32);
}

static void a_wiped_handshake_holds_no_key(void **unused)
{
	static const uint8_t zeros[NTM_KEY_LEN];
	struct both both;

	(void)unused;
	start(&both, NTM_NOISE_IKPSK2);
	ntm_noise_wipe(&both.noise[0]);
	assert_memory_equal(both.noise[0].static_keys.sec, zeros, NTM_KEY_LEN);
	assert_memory_equal(both.noise[0].ephemeral.sec, zeros, NTM_KEY_LEN);
	assert_memory_equal(both.noise[0].psk, zeros, NTM_KEY_LEN);
	assert_memory_equal(both.noise[0].chain, zeros, NTM_KEY_LEN);
	assert_false(ntm_noise_done(&both.noise[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_bytes),
		cmocka_unit_test(every_truncation_fails_and_kills),
		cmocka_unit_test(every_flipped_bit_fails),
		cmocka_unit_test(flip_in_clear_message_fails_later),
		cmocka_unit_test(low_order_keys_are_refused),
		cmocka_unit_test(wrong_context_fails),
		cmocka_unit_test(turns_and_room),
		cmocka_unit_test(random_ephemerals_differ),
		cmocka_unit_test(a_wiped_handshake_holds_no_key),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
