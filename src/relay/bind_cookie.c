/* SPDX-License-Identifier: BSD-2-Clause */
/* Cookies of CHALLENGE: nothing is kept for who has not answered. */
#include "bind_cookie.h"

#include "ntm/wire.h"

#include <string.h>

#define CLAIM_MAX 40

void bind_cookies_init(struct bind_cookies *cookies, int64_t now_ms)
{
	ntm_random(cookies->secret, sizeof(cookies->secret));
	cookies->made_ms = now_ms;
}

static void rotate(struct bind_cookies *cookies, int64_t now_ms)
{
	int64_t age_ms = now_ms - cookies->made_ms;

	if (age_ms < BIND_COOKIE_SECRET_MS)
		return;
	if (age_ms < 2 * BIND_COOKIE_SECRET_MS)
		memcpy(cookies->secret[1], cookies->secret[0], NTM_KEY_LEN);
	else
		ntm_random(cookies->secret[1], NTM_KEY_LEN);
	ntm_random(cookies->secret[0], NTM_KEY_LEN);
	cookies->made_ms = now_ms;
}

static void make(const uint8_t secret[static NTM_KEY_LEN], const struct bind_claim *claim,
		 uint8_t cookie[static NTM_RELAY_COOKIE_LEN])
{
	uint8_t text[CLAIM_MAX];
	struct ntm_wr wr = ntm_wr_init(text, sizeof(text));

	ntm_wr_u64(&wr, claim->flow);
	ntm_wr_u8(&wr, claim->side);
	ntm_wr_u32(&wr, claim->generation);
	ntm_wr_addr(&wr, claim->from);
	ntm_blake2b(cookie, NTM_RELAY_COOKIE_LEN, text, wr.len, secret, NTM_KEY_LEN);
}

void bind_cookie_make(struct bind_cookies *cookies, const struct bind_claim *claim, int64_t now_ms,
		      uint8_t cookie[static NTM_RELAY_COOKIE_LEN])
{
	rotate(cookies, now_ms);
	make(cookies->secret[0], claim, cookie);
}

bool bind_cookie_ok(struct bind_cookies *cookies, const struct bind_claim *claim, int64_t now_ms,
		    const uint8_t cookie[static NTM_RELAY_COOKIE_LEN])
{
	uint8_t want[NTM_RELAY_COOKIE_LEN];

	rotate(cookies, now_ms);
	for (size_t i = 0; i < 2; i++) {
		make(cookies->secret[i], claim, want);
		if (ntm_secret_eq(want, cookie, sizeof(want)))
			return true;
	}
	return false;
}
