/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a certificate, with and without a right signature, and as a join token. */
#include "ntm/cert.h"
#include "ntm/token.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void certificate(const uint8_t *data, size_t size)
{
	static const uint8_t seed[NTM_SIGN_SEC_LEN] = {1};
	uint8_t blob[NTM_CERT_MAX], again[NTM_CERT_MAX];
	struct ntm_root root;
	struct ntm_cert cert;
	int64_t now_s = 0;

	ntm_root_from_secret(&root, seed);
	/* The corpus is signed by nobody, so this only reads. */
	if (ntm_cert_check(&cert, data, size, root.pub, now_s) == 0)
		abort();
	if (size < NTM_SIG_LEN || size > sizeof(blob))
		return;
	memcpy(blob, data, size);
	crypto_sign_ed25519_detached(blob + size - NTM_SIG_LEN, NULL, blob, size - NTM_SIG_LEN,
				     root.sec);
	if (size > 30)
		for (int i = 22; i < 30; i++) /* not before: so that it is valid now */
			now_s = (int64_t)((uint64_t)now_s << 8 | blob[i]);
	if (ntm_cert_check(&cert, blob, size, root.pub, now_s) != 0)
		return;
	if (ntm_cert_sign(&cert, &root, again) != size || memcmp(again, blob, size) != 0)
		abort();
}

static void token(const uint8_t *data, size_t size)
{
	char text[2 * NTM_TOKEN_STR], out[NTM_TOKEN_STR];
	struct ntm_token got;

	if (size >= sizeof(text))
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (ntm_token_parse(&got, text) == 0 && ntm_token_print(&got, out) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	certificate(data, size);
	token(data, size);
	return 0;
}
