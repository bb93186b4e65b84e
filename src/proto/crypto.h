/* SPDX-License-Identifier: BSD-2-Clause */
/* What Noise needs of a hash beyond plain BLAKE2b; libsodium has neither HMAC-BLAKE2b nor HKDF. */
#pragma once

#include "ntm/noise.h"

/* RFC 2104 with BLAKE2b-512; key_len is at most 128. */
void ntm_crypto_hmac(uint8_t out[static NTM_NOISE_HASH_LEN], const uint8_t *key, size_t key_len,
		     const void *data, size_t len);
/* HKDF of Noise 4.3. The third output may be NULL. out1 may be chain. */
void ntm_crypto_hkdf(const uint8_t chain[static NTM_NOISE_HASH_LEN], const void *input,
		     size_t input_len, uint8_t *out1, uint8_t *out2, uint8_t *out3);
