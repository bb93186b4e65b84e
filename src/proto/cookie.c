/* SPDX-License-Identifier: BSD-2-Clause */
/* Cookies: a responder without state for it learns that a sender receives where it sends from. */
#include "ntm/addr.h"
#include "ntm/frame.h"
#include "ntm/wire.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_Static_assert(8 + NONCE_LEN + NTM_COOKIE_LEN + NTM_TAG_LEN == NTM_COOKIE_FRAME_LEN, "frame.h");

static void make_seal_key(uint8_t key[static NTM_KEY_LEN], const uint8_t pub[static NTM_KEY_LEN])
{
	uint8_t text[8 + NTM_KEY_LEN];
	struct ntm_wr wr = ntm_wr_init(text, sizeof(text));

	ntm_wr_bytes(&wr, "NTM-cook", 8);
	ntm_wr_bytes(&wr, pub, NTM_KEY_LEN);
	ntm_blake2b(key, NTM_KEY_LEN, text, sizeof(text), NULL, 0);
}

void ntm_cookies_init(struct ntm_cookies *cookies, const uint8_t our_pub[static NTM_KEY_LEN],
		      int64_t now_ms)
{
	ntm_random(cookies->secret, sizeof(cookies->secret));
	cookies->made_ms = now_ms;
	make_seal_key(cookies->seal_key, our_pub);
}

static void rotate(struct ntm_cookies *cookies, int64_t now_ms)
{
	int64_t age_ms = now_ms - cookies->made_ms;

	if (age_ms < NTM_COOKIE_SECRET_MS)
		return;
	/* The current one becomes the previous one, unless that would be too old already. */
	if (age_ms < 2 * NTM_COOKIE_SECRET_MS)
		memcpy(cookies->secret[1], cookies->secret[0], NTM_KEY_LEN);
	else
		ntm_random(cookies->secret[1], NTM_KEY_LEN);
	ntm_random(cookies->secret[0], NTM_KEY_LEN);
	cookies->made_ms = now_ms;
}

static void make_cookie(uint8_t cookie[static NTM_COOKIE_LEN],
			const uint8_t secret[static NTM_KEY_LEN], const struct ntm_addr *from)
{
	uint8_t text[19];
	struct ntm_wr wr = ntm_wr_init(text, sizeof(text));

	ntm_wr_addr(&wr, from);
	ntm_blake2b(cookie, NTM_COOKIE_LEN, text, wr.len, secret, NTM_KEY_LEN);
}

bool ntm_mac2_ok(struct ntm_cookies *cookies, const uint8_t *frame, const struct ntm_handshake *hs,
		 const struct ntm_addr *from, int64_t now_ms)
{
	bool ok = false;

	rotate(cookies, now_ms);
	for (size_t i = 0; i < 2 && !ok; i++) {
		uint8_t cookie[NTM_COOKIE_LEN];
		uint8_t mac2[NTM_MAC_LEN];

		make_cookie(cookie, cookies->secret[i], from);
		ntm_blake2b(mac2, sizeof(mac2), frame, hs->maced_len + NTM_MAC_LEN, cookie,
			    sizeof(cookie));
		ok = ntm_secret_eq(mac2, hs->mac2, sizeof(mac2));
	}
	return ok;
}

void ntm_cookie_make(struct ntm_cookies *cookies, const struct ntm_handshake *hs,
		     const struct ntm_addr *from, int64_t now_ms,
		     uint8_t out[static NTM_COOKIE_FRAME_LEN])
{
	struct ntm_wr wr = ntm_wr_init(out, NTM_COOKIE_FRAME_LEN);
	uint8_t cookie[NTM_COOKIE_LEN];
	uint8_t nonce[NONCE_LEN];

	rotate(cookies, now_ms);
	make_cookie(cookie, cookies->secret[0], from);
	ntm_random(nonce, sizeof(nonce));
	ntm_wr_u8(&wr, NTM_FRAME_COOKIE);
	ntm_wr_u8(&wr, hs->purpose);
	ntm_wr_u16(&wr, 0);
	ntm_wr_u32(&wr, hs->sender);
	ntm_wr_bytes(&wr, nonce, sizeof(nonce));
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + wr.len, NULL, cookie, sizeof(cookie),
						   hs->mac1, NTM_MAC_LEN, NULL, nonce,
						   cookies->seal_key);
}

int ntm_cookie_open(const uint8_t *frame, size_t len, const uint8_t remote_pub[static NTM_KEY_LEN],
		    const uint8_t our_mac1[static NTM_MAC_LEN],
		    uint8_t cookie[static NTM_COOKIE_LEN])
{
	const uint8_t *nonce = frame + 8;
	const uint8_t *sealed = nonce + NONCE_LEN;
	uint8_t key[NTM_KEY_LEN];
	uint8_t plain[NTM_COOKIE_LEN];
	uint32_t receiver;

	if (!ntm_transport_parse(frame, len, &receiver) || frame[0] != NTM_FRAME_COOKIE)
		return -EBADMSG;
	make_seal_key(key, remote_pub);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed,
						       sizeof(plain) + NTM_TAG_LEN, our_mac1,
						       NTM_MAC_LEN, nonce, key) != 0)
		return -EKEYREJECTED;
	memcpy(cookie, plain, sizeof(plain));
	return 0;
}
