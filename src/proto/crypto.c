/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys, random bytes, wiping and BLAKE2b over libsodium; HMAC and HKDF of our own. */
#include "crypto.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#define BLOCK_LEN 128 /* BLAKE2b's block, for HMAC */

int ntm_crypto_init(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

void ntm_keys_make(struct ntm_keys *keys)
{
	randombytes_buf(keys->sec, sizeof(keys->sec));
	ntm_keys_from_secret(keys);
}

void ntm_keys_from_secret(struct ntm_keys *keys)
{
	/* Fails for no secret key: the base point is of prime order. */
	if (crypto_scalarmult_curve25519_base(keys->pub, keys->sec) != 0)
		abort();
}

void ntm_random(void *out, size_t len)
{
	randombytes_buf(out, len);
}

uint32_t ntm_random_u32(void)
{
	return randombytes_random();
}

void ntm_wipe(void *data, size_t len)
{
	sodium_memzero(data, len);
}

bool ntm_secret_eq(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

void ntm_blake2b(uint8_t *out, size_t out_len, const void *data, size_t len, const uint8_t *key,
		 size_t key_len)
{
	assert(out_len >= 16 && out_len <= 64);
	if (crypto_generichash_blake2b(out, out_len, data, len, key, key_len) != 0)
		abort();
}

static void hmac_half(uint8_t *out, const uint8_t pad[static BLOCK_LEN], const void *data,
		      size_t len)
{
	crypto_generichash_blake2b_state state;

	crypto_generichash_blake2b_init(&state, NULL, 0, NTM_NOISE_HASH_LEN);
	crypto_generichash_blake2b_update(&state, pad, BLOCK_LEN);
	crypto_generichash_blake2b_update(&state, data, len);
	crypto_generichash_blake2b_final(&state, out, NTM_NOISE_HASH_LEN);
	ntm_wipe(&state, sizeof(state));
}

void ntm_crypto_hmac(uint8_t out[static NTM_NOISE_HASH_LEN], const uint8_t *key, size_t key_len,
		     const void *data, size_t len)
{
	uint8_t pad[BLOCK_LEN] = {0};
	uint8_t inner[NTM_NOISE_HASH_LEN];

	assert(key_len <= BLOCK_LEN);
	memcpy(pad, key, key_len);
	for (size_t i = 0; i < BLOCK_LEN; i++)
		pad[i] ^= 0x36;
	hmac_half(inner, pad, data, len);
	for (size_t i = 0; i < BLOCK_LEN; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	hmac_half(out, pad, inner, sizeof(inner));
	ntm_wipe(pad, sizeof(pad));
	ntm_wipe(inner, sizeof(inner));
}

void ntm_crypto_hkdf(const uint8_t chain[static NTM_NOISE_HASH_LEN], const void *input,
		     size_t input_len, uint8_t *out1, uint8_t *out2, uint8_t *out3)
{
	uint8_t secret[NTM_NOISE_HASH_LEN];
	uint8_t block[NTM_NOISE_HASH_LEN + 1];
	uint8_t *const out[3] = {out1, out2, out3};
	size_t block_len = 0;

	ntm_crypto_hmac(secret, chain, NTM_NOISE_HASH_LEN, input, input_len);
	for (uint8_t i = 0; i < 3 && out[i]; i++) {
		block[block_len] = (uint8_t)(i + 1);
		ntm_crypto_hmac(out[i], secret, sizeof(secret), block, block_len + 1);
		memcpy(block, out[i], NTM_NOISE_HASH_LEN);
		block_len = NTM_NOISE_HASH_LEN;
	}
	ntm_wipe(secret, sizeof(secret));
	ntm_wipe(block, sizeof(block));
}
