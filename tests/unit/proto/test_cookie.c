/* SPDX-License-Identifier: BSD-2-Clause */
/* Cookies: from a handshake frame to a mac2 that is right for one address and some minutes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ntm/frame.h"
#include "proto/hexes.h"

struct world {
	struct ntm_keys responder;
	uint8_t mac1_key[NTM_KEY_LEN];
	struct ntm_cookies cookies;
	struct ntm_addr from;
	uint8_t frame[256];
	size_t len, maced_len;
	struct ntm_handshake hs;
};

static void make(struct world *w, int64_t now_ms, const uint8_t *cookie)
{
	struct ntm_handshake head = {.type = NTM_FRAME_INITIATION,
				     .purpose = NTM_PURPOSE_NODE,
				     .sender = 0x0badcafe};

	w->maced_len = ntm_handshake_head(w->frame, &head);
	memset(w->frame + w->maced_len, 0x77, 96);
	w->maced_len += 96;
	w->len = ntm_mac_append(w->frame, w->maced_len, w->mac1_key, cookie);
	assert_int_equal(ntm_handshake_parse(&w->hs, w->frame, w->len), 0);
	if (cookie)
		return;
	ntm_cookies_init(&w->cookies, w->responder.pub, now_ms);
}

static void start(struct world *w)
{
	ntm_keys_make(&w->responder);
	ntm_mac1_key(w->mac1_key, w->responder.pub);
	w->from = (struct ntm_addr){ntm_ip_v4(192, 0, 2, 1), 4330};
	make(w, 1000, NULL);
}

/* Asks for a cookie and puts it on. */
static void get_cookie(struct world *w, int64_t now_ms)
{
	uint8_t reply[NTM_COOKIE_FRAME_LEN], cookie[NTM_COOKIE_LEN];

	ntm_cookie_make(&w->cookies, &w->hs, &w->from, now_ms, reply);
	assert_hex(reply, 8, "046e0000 0badcafe");
	assert_int_equal(ntm_cookie_open(reply, sizeof(reply), w->responder.pub, w->hs.mac1,
					 cookie),
			 0);
	make(w, now_ms, cookie);
}

static void cookie_makes_mac2_right(void **unused)
{
	struct world w;

	(void)unused;
	start(&w);
	assert_false(ntm_mac2_ok(&w.cookies, w.frame, &w.hs, &w.from, 1000));
	get_cookie(&w, 1000);
	assert_true(ntm_mac2_ok(&w.cookies, w.frame, &w.hs, &w.from, 1000));
	assert_true(ntm_mac1_ok(w.frame, &w.hs, w.mac1_key));
	/* Every byte of the frame counts. */
	for (size_t i = 0; i < w.len; i++) {
		w.frame[i] ^= 1;
		assert_false(ntm_mac2_ok(&w.cookies, w.frame, &w.hs, &w.from, 1000));
		w.frame[i] ^= 1;
	}
}

static void only_from_that_address(void **unused)
{
	struct world w;
	struct ntm_addr others[4];

	(void)unused;
	start(&w);
	get_cookie(&w, 1000);
	others[0] = (struct ntm_addr){ntm_ip_v4(192, 0, 2, 2), 4330};
	others[1] = (struct ntm_addr){ntm_ip_v4(192, 0, 2, 1), 4331};
	others[2] = (struct ntm_addr){ntm_ip_v4(192, 0, 2, 1), 0};
	others[3] =
		(struct ntm_addr){ntm_ip_from_bytes(6, "\xc0\0\2\1\0\0\0\0\0\0\0\0\0\0\0"), 4330};
	for (size_t i = 0; i < 4; i++)
		assert_false(ntm_mac2_ok(&w.cookies, w.frame, &w.hs, &others[i], 1000));
	assert_true(ntm_mac2_ok(&w.cookies, w.frame, &w.hs, &w.from, 1000));
}

static void secrets_grow_old(void **unused)
{
	static const struct {
		int64_t made_ms, used_ms;
		bool ok;
	} table[] = {
		{1000, 1000 + 119999, true},   {1000, 1000 + 120000, true},
		{1000, 1000 + 239999, true},   {1000, 1000 + 240000, false},
		{1000, 1000 + 9999999, false}, {1000, 1000, true},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct world w;

		start(&w);
		get_cookie(&w, table[i].made_ms);
		assert_int_equal(ntm_mac2_ok(&w.cookies, w.frame, &w.hs, &w.from, table[i].used_ms),
				 table[i].ok);
	}
}

static void secret_lives_two_periods_of_use(void **unused)
{
	struct world w;

	(void)unused;
	start(&w);
	get_cookie(&w, 1000);
	/* With traffic at each change the old secret is dropped at the second one. */
	assert_true(ntm_mac2_ok(&w.cookies, w.frame, &w.hs, &w.from, 1000 + 120000));
	assert_true(ntm_mac2_ok(&w.cookies, w.frame, &w.hs, &w.from, 1000 + 239999));
	assert_false(ntm_mac2_ok(&w.cookies, w.frame, &w.hs, &w.from, 1000 + 240000));
}

static void cookie_frame_is_checked(void **unused)
{
	struct world w;
	uint8_t reply[NTM_COOKIE_FRAME_LEN + 1] = {0}, cookie[NTM_COOKIE_LEN] = {0};
	static const uint8_t zeros[NTM_COOKIE_LEN];
	uint8_t other_mac1[NTM_MAC_LEN];

	(void)unused;
	start(&w);
	ntm_cookie_make(&w.cookies, &w.hs, &w.from, 1000, reply);
	for (size_t cut = 0; cut < NTM_COOKIE_FRAME_LEN; cut++)
		assert_int_equal(ntm_cookie_open(reply, cut, w.responder.pub, w.hs.mac1, cookie),
				 -EBADMSG);
	assert_int_equal(ntm_cookie_open(reply, sizeof(reply), w.responder.pub, w.hs.mac1, cookie),
			 -EBADMSG);
	for (size_t bit = 8 * 8; bit < 8 * NTM_COOKIE_FRAME_LEN; bit++) {
		reply[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(ntm_cookie_open(reply, NTM_COOKIE_FRAME_LEN, w.responder.pub,
						 w.hs.mac1, cookie),
				 -EKEYREJECTED);
		reply[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	/* It answers one frame of ours, and no other. */
	memcpy(other_mac1, w.hs.mac1, sizeof(other_mac1));
	other_mac1[0] ^= 1;
	assert_int_equal(ntm_cookie_open(reply, NTM_COOKIE_FRAME_LEN, w.responder.pub, other_mac1,
					 cookie),
			 -EKEYREJECTED);
	reply[0] = NTM_FRAME_TRANSPORT;
	assert_int_equal(ntm_cookie_open(reply, NTM_COOKIE_FRAME_LEN, w.responder.pub, w.hs.mac1,
					 cookie),
			 -EBADMSG);
	assert_memory_equal(cookie, zeros, sizeof(zeros));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookie_makes_mac2_right),
		cmocka_unit_test(only_from_that_address),
		cmocka_unit_test(secrets_grow_old),
		cmocka_unit_test(secret_lives_two_periods_of_use),
		cmocka_unit_test(cookie_frame_is_checked),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
