/* SPDX-License-Identifier: BSD-2-Clause */
/* Cookies of CHALLENGE: whoever brings one back receives at the address that it sends from. */
#pragma once

#include "ntm/relay.h"

/* security.md 2.7: a secret is used for 120 s, and believed for as long again. */
#define BIND_COOKIE_SECRET_MS 120000

struct bind_cookies {
	uint8_t secret[2][NTM_KEY_LEN]; /* current and previous */
	int64_t made_ms;
};

/* What a cookie says. */
struct bind_claim {
	uint64_t flow;
	uint8_t side;
	uint32_t generation;
	const struct ntm_addr *from;
};

void bind_cookies_init(struct bind_cookies *cookies, int64_t now_ms);
void bind_cookie_make(struct bind_cookies *cookies, const struct bind_claim *claim, int64_t now_ms,
		      uint8_t cookie[static NTM_RELAY_COOKIE_LEN]);
bool bind_cookie_ok(struct bind_cookies *cookies, const struct bind_claim *claim, int64_t now_ms,
		    const uint8_t cookie[static NTM_RELAY_COOKIE_LEN]);
