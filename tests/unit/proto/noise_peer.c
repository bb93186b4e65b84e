/* SPDX-License-Identifier: BSD-2-Clause */
/* One side of a Noise handshake and of its transport messages, as hex lines on stdin and stdout, so
 * that test_noise_cross.py can set it against another implementation. */
#include "ntm/noise.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * start PATTERN i|r PROLOGUE SECRET EPHEMERAL REMOTE|- PSK|-   -> ok
 * write PAYLOAD      -> MESSAGE          read MESSAGE      -> PAYLOAD
 * hash               -> HANDSHAKE HASH   keys              -> SENDING RECEIVING
 * seal N PLAINTEXT   -> CIPHERTEXT       open N CIPHERTEXT -> PLAINTEXT
 * Empty data is ".", and every refused line answers "error N".
 */
#define DATA_MAX 2048
#define WORDS    8

struct bytes {
	size_t len;
	uint8_t data[DATA_MAX];
};

static struct bytes unhex(const char *word)
{
	struct bytes out = {0};

	if (word && strcmp(word, ".") != 0 && strcmp(word, "-") != 0 &&
	    sodium_hex2bin(out.data, sizeof(out.data), word, strlen(word), NULL, &out.len, NULL) !=
		    0)
		exit(2);
	return out;
}

static void say(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", data[i]);
	printf("%s", len == 0 ? "." : "");
}

static struct ntm_keys keys_of(const char *word)
{
	struct bytes secret = unhex(word);
	struct ntm_keys keys;

	memcpy(keys.sec, secret.data, sizeof(keys.sec));
	crypto_scalarmult_curve25519_base(keys.pub, keys.sec);
	return keys;
}

static int start(struct ntm_noise *noise, char **word)
{
	struct bytes prologue = unhex(word[3]);
	struct bytes remote = unhex(word[6]);
	struct bytes psk = unhex(word[7]);
	struct ntm_keys own = keys_of(word[4]);
	struct ntm_keys ephemeral = keys_of(word[5]);
	struct ntm_noise_args args = {
		.pattern = strcmp(word[1], "IK") == 0   ? NTM_NOISE_IK
			   : strcmp(word[1], "XX") == 0 ? NTM_NOISE_XX
							: NTM_NOISE_IKPSK2,
		.initiator = word[2][0] == 'i',
		.prologue = prologue.data,
		.prologue_len = prologue.len,
		.static_keys = &own,
		.remote_static = remote.len ? remote.data : NULL,
		.psk = psk.len ? psk.data : NULL,
	};

	ntm_noise_start(noise, &args);
	ntm_noise_set_ephemeral(noise, &ephemeral);
	printf("ok");
	return 0;
}

static int transport(const uint8_t key[static NTM_KEY_LEN], char **word)
{
	struct bytes in = unhex(word[2]);
	struct bytes out;
	unsigned long long len;
	uint64_t n = strtoull(word[1], NULL, 10);
	uint8_t nonce[12] = {0};

	for (int i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(n >> (8 * i));
	if (word[0][0] == 's')
		crypto_aead_chacha20poly1305_ietf_encrypt(out.data, &len, in.data, in.len, NULL, 0,
							  NULL, nonce, key);
	else if (crypto_aead_chacha20poly1305_ietf_decrypt(out.data, &len, NULL, in.data, in.len,
							   NULL, 0, nonce, key) != 0)
		return -1;
	say(out.data, len);
	return 0;
}

static int after(const struct ntm_noise *noise, char **word)
{
	uint8_t tx[NTM_KEY_LEN], rx[NTM_KEY_LEN];

	if (!ntm_noise_done(noise))
		return -1;
	ntm_noise_split(noise, tx, rx);
	if (word[0][0] == 's' || word[0][0] == 'o')
		return transport(word[0][0] == 's' ? tx : rx, word);
	if (word[0][0] == 'h') {
		say(noise->hash, sizeof(noise->hash));
		return 0;
	}
	say(tx, sizeof(tx));
	printf(" ");
	say(rx, sizeof(rx));
	return 0;
}

static int command(struct ntm_noise *noise, char **word)
{
	struct bytes in, out;
	int err;

	if (strcmp(word[0], "start") == 0)
		return start(noise, word);
	if (strcmp(word[0], "write") != 0 && strcmp(word[0], "read") != 0)
		return after(noise, word);
	in = unhex(word[1]);
	if (word[0][0] == 'w')
		err = ntm_noise_write(noise, in.data, in.len, out.data, DATA_MAX, &out.len);
	else
		err = ntm_noise_read(noise, in.data, in.len, out.data, DATA_MAX, &out.len);
	if (!err)
		say(out.data, out.len);
	return err;
}

int main(void)
{
	struct ntm_noise noise = {0};
	char line[3 * DATA_MAX];

	if (ntm_crypto_init() != 0)
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		char *word[WORDS + 1] = {0};
		char *save = NULL;
		size_t count = 0;
		int err;

		for (char *w = strtok_r(line, " \n", &save); w && count < WORDS;
		     w = strtok_r(NULL, " \n", &save))
			word[count++] = w;
		if (count == 0)
			continue;
		err = command(&noise, word);
		if (err)
			printf("error %d", err);
		printf("\n");
		fflush(stdout);
	}
	return 0;
}
