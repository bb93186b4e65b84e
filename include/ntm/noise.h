/* SPDX-License-Identifier: BSD-2-Clause */
/* Noise protocol framework (revision 34), 25519_ChaChaPoly_BLAKE2b, with the pattern as data. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NTM_KEY_LEN        32
#define NTM_TAG_LEN        16
#define NTM_NOISE_HASH_LEN 64

enum ntm_noise_pattern {
	NTM_NOISE_IK,
	NTM_NOISE_XX,
	NTM_NOISE_IKPSK2,
};

/* An X25519 key pair. */
struct ntm_keys {
	uint8_t pub[NTM_KEY_LEN];
	uint8_t sec[NTM_KEY_LEN];
};

/* Starts libsodium; call once before anything of proto. 0 or -EIO. */
int ntm_crypto_init(void);
void ntm_keys_make(struct ntm_keys *keys);
/* Fills pub from sec, for keys read from a file. */
void ntm_keys_from_secret(struct ntm_keys *keys);
/* Random bytes from libsodium's generator, which simulations replace by a seeded one. */
void ntm_random(void *out, size_t len);
uint32_t ntm_random_u32(void);
/* Overwrites secrets; never optimised away. */
void ntm_wipe(void *data, size_t len);
/* Constant time. */
bool ntm_secret_eq(const void *a, const void *b, size_t len);

/* One handshake. Members are private to noise.c. */
struct ntm_noise {
	const struct ntm_noise_def *def;
	bool initiator;
	bool failed;
	bool has_key;
	bool ephemeral_fixed;
	unsigned message; /* next message of the pattern */
	uint64_t nonce;
	uint8_t hash[NTM_NOISE_HASH_LEN];
	uint8_t chain[NTM_NOISE_HASH_LEN];
	uint8_t key[NTM_KEY_LEN];
	uint8_t psk[NTM_KEY_LEN];
	struct ntm_keys static_keys;
	struct ntm_keys ephemeral;
	uint8_t remote_static[NTM_KEY_LEN];
	uint8_t remote_ephemeral[NTM_KEY_LEN];
};

struct ntm_noise_args {
	enum ntm_noise_pattern pattern;
	bool initiator;
	const void *prologue;
	size_t prologue_len;
	const struct ntm_keys *static_keys;
	const uint8_t *remote_static; /* initiator of IK and IKpsk2; NULL else */
	const uint8_t *psk;           /* IKpsk2; may come later with ntm_noise_set_psk */
};

void ntm_noise_start(struct ntm_noise *noise, const struct ntm_noise_args *args);
void ntm_noise_set_psk(struct ntm_noise *noise, const uint8_t psk[static NTM_KEY_LEN]);
/* For test vectors only: the next ephemeral key is this one instead of a random one. */
void ntm_noise_set_ephemeral(struct ntm_noise *noise, const struct ntm_keys *keys);

/*
 * Writes or reads the next message with its payload. The output must not overlap the input. Returns
 * 0; -ENOBUFS (out too small); -EBADMSG (too short); -EKEYREJECTED (tag, or a low-order key);
 * -EPROTO (not our turn). After any error the handshake is wiped and every later call fails.
 */
int ntm_noise_write(struct ntm_noise *noise, const void *payload, size_t payload_len, uint8_t *out,
		    size_t cap, size_t *out_len);
int ntm_noise_read(struct ntm_noise *noise, const uint8_t *msg, size_t len, uint8_t *payload,
		   size_t cap, size_t *payload_len);
bool ntm_noise_done(const struct ntm_noise *noise);
/* Transport keys, once done: for sending and for receiving as seen from this side. */
void ntm_noise_split(const struct ntm_noise *noise, uint8_t send_key[static NTM_KEY_LEN],
		     uint8_t recv_key[static NTM_KEY_LEN]);
void ntm_noise_wipe(struct ntm_noise *noise);

/* BLAKE2b, for mac1, fingerprints and token hashes; key may be NULL. out_len 16..64. */
void ntm_blake2b(uint8_t *out, size_t out_len, const void *data, size_t len, const uint8_t *key,
		 size_t key_len);
