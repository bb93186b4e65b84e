/* SPDX-License-Identifier: BSD-2-Clause */
/* The Noise handshake: one walker over patterns that are tables of tokens. */
#include "ntm/noise.h"

#include "crypto.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

/* Noise 7.1 and 9.1. The first letter of a DH token is the initiator's key. */
enum token { TOKEN_END, TOKEN_E, TOKEN_S, TOKEN_EE, TOKEN_ES, TOKEN_SE, TOKEN_SS, TOKEN_PSK };

#define MESSAGES_MAX 3
#define TOKENS_MAX   5

struct ntm_noise_def {
	const char *name;
	bool knows_responder; /* pre-message "<- s" */
	bool has_psk;
	unsigned message_count; /* the initiator writes the first, then they take turns */
	uint8_t message[MESSAGES_MAX][TOKENS_MAX];
};

static const struct ntm_noise_def defs[] = {
	[NTM_NOISE_IK] = {"Noise_IK_25519_ChaChaPoly_BLAKE2b",
			  true,
			  false,
			  2,
			  {{TOKEN_E, TOKEN_ES, TOKEN_S, TOKEN_SS}, {TOKEN_E, TOKEN_EE, TOKEN_SE}}},
	[NTM_NOISE_XX] = {"Noise_XX_25519_ChaChaPoly_BLAKE2b",
			  false,
			  false,
			  3,
			  {{TOKEN_E}, {TOKEN_E, TOKEN_EE, TOKEN_S, TOKEN_ES}, {TOKEN_S, TOKEN_SE}}},
	[NTM_NOISE_IKPSK2] = {"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b",
			      true,
			      true,
			      2,
			      {{TOKEN_E, TOKEN_ES, TOKEN_S, TOKEN_SS},
			       {TOKEN_E, TOKEN_EE, TOKEN_SE, TOKEN_PSK}}},
};

/* A message on its way: bytes still to read, or room still to write. */
struct cursor {
	const uint8_t *in;
	uint8_t *out;
	size_t left;
};

static void mix_hash(struct ntm_noise *noise, const void *data, size_t len)
{
	crypto_generichash_blake2b_state state;

	crypto_generichash_blake2b_init(&state, NULL, 0, NTM_NOISE_HASH_LEN);
	crypto_generichash_blake2b_update(&state, noise->hash, NTM_NOISE_HASH_LEN);
	crypto_generichash_blake2b_update(&state, data, len);
	crypto_generichash_blake2b_final(&state, noise->hash, NTM_NOISE_HASH_LEN);
}

static void take_key(struct ntm_noise *noise, const uint8_t key[static NTM_NOISE_HASH_LEN])
{
	memcpy(noise->key, key, NTM_KEY_LEN);
	noise->has_key = true;
	noise->nonce = 0;
}

static void mix_key(struct ntm_noise *noise, const uint8_t input[static NTM_KEY_LEN])
{
	uint8_t key[NTM_NOISE_HASH_LEN];

	ntm_crypto_hkdf(noise->chain, input, NTM_KEY_LEN, noise->chain, key, NULL);
	take_key(noise, key);
	ntm_wipe(key, sizeof(key));
}

static void mix_psk(struct ntm_noise *noise)
{
	uint8_t hash[NTM_NOISE_HASH_LEN];
	uint8_t key[NTM_NOISE_HASH_LEN];

	ntm_crypto_hkdf(noise->chain, noise->psk, NTM_KEY_LEN, noise->chain, hash, key);
	mix_hash(noise, hash, sizeof(hash));
	take_key(noise, key);
	ntm_wipe(hash, sizeof(hash));
	ntm_wipe(key, sizeof(key));
}

static int mix_dh(struct ntm_noise *noise, const struct ntm_keys *ours,
		  const uint8_t theirs[static NTM_KEY_LEN])
{
	uint8_t shared[NTM_KEY_LEN];
	int err = 0;

	/* -1: the result is zero, since theirs is a point of low order. */
	if (crypto_scalarmult_curve25519(shared, ours->sec, theirs) != 0)
		err = -EKEYREJECTED;
	else
		mix_key(noise, shared);
	ntm_wipe(shared, sizeof(shared));
	return err;
}

static int mix_token(struct ntm_noise *noise, enum token token)
{
	/* Seen from the responder, the two mixed tokens change places. */
	bool own_is_e = noise->initiator ? token == TOKEN_ES : token == TOKEN_SE;

	switch (token) {
	case TOKEN_EE:
		return mix_dh(noise, &noise->ephemeral, noise->remote_ephemeral);
	case TOKEN_SS:
		return mix_dh(noise, &noise->static_keys, noise->remote_static);
	case TOKEN_ES:
	case TOKEN_SE:
		return own_is_e ? mix_dh(noise, &noise->ephemeral, noise->remote_static)
				: mix_dh(noise, &noise->static_keys, noise->remote_ephemeral);
	case TOKEN_PSK:
		mix_psk(noise);
		return 0;
	default:
		return -EPROTO;
	}
}

static void make_nonce(uint8_t out[static crypto_aead_chacha20poly1305_IETF_NPUBBYTES], uint64_t n)
{
	memset(out, 0, 4);
	for (int i = 0; i < 8; i++)
		out[4 + i] = (uint8_t)(n >> (8 * i)); /* Noise 12.3: little endian */
}

static int put_sealed(struct ntm_noise *noise, struct cursor *to, const void *data, size_t len)
{
	size_t need = len + (noise->has_key ? NTM_TAG_LEN : 0);
	uint8_t nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];

	if (to->left < need)
		return -ENOBUFS;
	if (noise->has_key) {
		make_nonce(nonce, noise->nonce++);
		crypto_aead_chacha20poly1305_ietf_encrypt(to->out, NULL, data, len, noise->hash,
							  NTM_NOISE_HASH_LEN, NULL, nonce,
							  noise->key);
	} else if (len > 0) {
		memcpy(to->out, data, len);
	}
	mix_hash(noise, to->out, need);
	to->out += need;
	to->left -= need;
	return 0;
}

/* Takes sealed_len bytes off the message; out has room for them without the tag. */
static int get_sealed(struct ntm_noise *noise, struct cursor *from, size_t sealed_len, uint8_t *out)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];

	if (from->left < sealed_len || (noise->has_key && sealed_len < NTM_TAG_LEN))
		return -EBADMSG;
	if (noise->has_key) {
		make_nonce(nonce, noise->nonce++);
		if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, from->in, sealed_len,
							      noise->hash, NTM_NOISE_HASH_LEN,
							      nonce, noise->key) != 0)
			return -EKEYREJECTED;
	} else if (sealed_len > 0) {
		memcpy(out, from->in, sealed_len);
	}
	mix_hash(noise, from->in, sealed_len);
	from->in += sealed_len;
	from->left -= sealed_len;
	return 0;
}

/* Noise 9.2: with a psk an ephemeral key goes into the chain as well. */
static void mix_ephemeral(struct ntm_noise *noise, const uint8_t pub[static NTM_KEY_LEN])
{
	mix_hash(noise, pub, NTM_KEY_LEN);
	if (noise->def->has_psk)
		mix_key(noise, pub);
}

static int write_token(struct ntm_noise *noise, enum token token, struct cursor *to)
{
	switch (token) {
	case TOKEN_E:
		if (to->left < NTM_KEY_LEN)
			return -ENOBUFS;
		if (!noise->ephemeral_fixed)
			ntm_keys_make(&noise->ephemeral);
		memcpy(to->out, noise->ephemeral.pub, NTM_KEY_LEN);
		to->out += NTM_KEY_LEN;
		to->left -= NTM_KEY_LEN;
		mix_ephemeral(noise, noise->ephemeral.pub);
		return 0;
	case TOKEN_S:
		return put_sealed(noise, to, noise->static_keys.pub, NTM_KEY_LEN);
	default:
		return mix_token(noise, token);
	}
}

static int read_token(struct ntm_noise *noise, enum token token, struct cursor *from)
{
	switch (token) {
	case TOKEN_E:
		if (from->left < NTM_KEY_LEN)
			return -EBADMSG;
		memcpy(noise->remote_ephemeral, from->in, NTM_KEY_LEN);
		from->in += NTM_KEY_LEN;
		from->left -= NTM_KEY_LEN;
		mix_ephemeral(noise, noise->remote_ephemeral);
		return 0;
	case TOKEN_S:
		return get_sealed(noise, from, NTM_KEY_LEN + (noise->has_key ? NTM_TAG_LEN : 0),
				  noise->remote_static);
	default:
		return mix_token(noise, token);
	}
}

void ntm_noise_start(struct ntm_noise *noise, const struct ntm_noise_args *args)
{
	const struct ntm_noise_def *def = &defs[args->pattern];
	size_t name_len = strlen(def->name);

	assert(name_len <= NTM_NOISE_HASH_LEN);
	memset(noise, 0, sizeof(*noise));
	noise->def = def;
	noise->initiator = args->initiator;
	noise->static_keys = *args->static_keys;
	if (args->psk)
		ntm_noise_set_psk(noise, args->psk);
	memcpy(noise->hash, def->name, name_len);
	memcpy(noise->chain, noise->hash, NTM_NOISE_HASH_LEN);
	mix_hash(noise, args->prologue, args->prologue_len);
	if (!def->knows_responder)
		return;
	if (args->initiator) {
		memcpy(noise->remote_static, args->remote_static, NTM_KEY_LEN);
		mix_hash(noise, args->remote_static, NTM_KEY_LEN);
	} else {
		mix_hash(noise, args->static_keys->pub, NTM_KEY_LEN);
	}
}

void ntm_noise_set_psk(struct ntm_noise *noise, const uint8_t psk[static NTM_KEY_LEN])
{
	memcpy(noise->psk, psk, NTM_KEY_LEN);
}

void ntm_noise_set_ephemeral(struct ntm_noise *noise, const struct ntm_keys *keys)
{
	noise->ephemeral = *keys;
	noise->ephemeral_fixed = true;
}

bool ntm_noise_done(const struct ntm_noise *noise)
{
	return !noise->failed && noise->message == noise->def->message_count;
}

static bool is_turn(const struct ntm_noise *noise, bool writing)
{
	bool initiators = noise->message % 2 == 0;

	return !noise->failed && noise->message < noise->def->message_count &&
	       initiators == (noise->initiator == writing);
}

int ntm_noise_write(struct ntm_noise *noise, const void *payload, size_t payload_len, uint8_t *out,
		    size_t cap, size_t *out_len)
{
	struct cursor to = {.out = out, .left = cap};
	int err = is_turn(noise, true) ? 0 : -EPROTO;

	for (size_t i = 0; !err && i < TOKENS_MAX; i++) {
		enum token token = noise->def->message[noise->message][i];

		if (token == TOKEN_END)
			break;
		err = write_token(noise, token, &to);
	}
	if (!err)
		err = put_sealed(noise, &to, payload, payload_len);
	if (err) {
		ntm_noise_wipe(noise);
		return err;
	}
	noise->message++;
	*out_len = cap - to.left;
	return 0;
}

int ntm_noise_read(struct ntm_noise *noise, const uint8_t *msg, size_t len, uint8_t *payload,
		   size_t cap, size_t *payload_len)
{
	struct cursor from = {.in = msg, .left = len};
	size_t plain_len = 0;
	int err = is_turn(noise, false) ? 0 : -EPROTO;

	for (size_t i = 0; !err && i < TOKENS_MAX; i++) {
		enum token token = noise->def->message[noise->message][i];

		if (token == TOKEN_END)
			break;
		err = read_token(noise, token, &from);
	}
	if (!err) {
		size_t tag_len = noise->has_key ? NTM_TAG_LEN : 0;

		if (from.left < tag_len)
			err = -EBADMSG;
		else if (from.left - tag_len > cap)
			err = -ENOBUFS;
		else
			plain_len = from.left - tag_len;
	}
	if (!err)
		err = get_sealed(noise, &from, from.left, payload);
	if (err) {
		ntm_noise_wipe(noise);
		return err;
	}
	noise->message++;
	*payload_len = plain_len;
	return 0;
}

void ntm_noise_split(const struct ntm_noise *noise, uint8_t send_key[static NTM_KEY_LEN],
		     uint8_t recv_key[static NTM_KEY_LEN])
{
	uint8_t first[NTM_NOISE_HASH_LEN];
	uint8_t second[NTM_NOISE_HASH_LEN];

	assert(ntm_noise_done(noise));
	ntm_crypto_hkdf(noise->chain, NULL, 0, first, second, NULL);
	/* The first key is the initiator's for sending. */
	memcpy(send_key, noise->initiator ? first : second, NTM_KEY_LEN);
	memcpy(recv_key, noise->initiator ? second : first, NTM_KEY_LEN);
	ntm_wipe(first, sizeof(first));
	ntm_wipe(second, sizeof(second));
}

void ntm_noise_wipe(struct ntm_noise *noise)
{
	const struct ntm_noise_def *def = noise->def;

	ntm_wipe(noise, sizeof(*noise));
	noise->def = def; /* so that the getters stay callable */
	noise->failed = true;
}
