/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys as text: base64 for files and tokens, fingerprints for people. */
#include "ntm/cert.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sodium_base64_ENCODED_LEN(NTM_KEY_LEN, sodium_base64_VARIANT_ORIGINAL) ==
		       NTM_KEY_STR,
	       "cert.h");

const char *ntm_fingerprint(const uint8_t key[static 32], char buf[static NTM_FINGERPRINT_STR])
{
	uint8_t h[32];

	ntm_blake2b(h, sizeof(h), key, 32, NULL, 0);
	snprintf(buf, NTM_FINGERPRINT_STR, "%02x%02x:%02x%02x:%02x%02x:%02x%02x", h[0], h[1], h[2],
		 h[3], h[4], h[5], h[6], h[7]);
	return buf;
}

const char *ntm_key_str(const uint8_t key[static 32], char buf[static NTM_KEY_STR])
{
	return sodium_bin2base64(buf, NTM_KEY_STR, key, 32, sodium_base64_VARIANT_ORIGINAL);
}

int ntm_key_parse(uint8_t key[static 32], const char *text)
{
	uint8_t bytes[32];
	size_t text_len = strnlen(text, NTM_KEY_STR);
	size_t len;
	int err = -EINVAL;

	/* libsodium is strict about padding and unused bits, so that a key has one spelling. */
	if (text_len == NTM_KEY_STR - 1 &&
	    sodium_base642bin(bytes, sizeof(bytes), text, text_len, NULL, &len, NULL,
			      sodium_base64_VARIANT_ORIGINAL) == 0 &&
	    len == sizeof(bytes)) {
		memcpy(key, bytes, sizeof(bytes));
		err = 0;
	}
	ntm_wipe(bytes, sizeof(bytes));
	return err;
}
