/* SPDX-License-Identifier: BSD-2-Clause */
/* Join tokens: one line that survives pasting, and nothing else. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ntm/token.h"
#include "ntm/wire.h"
#include "proto/hexes.h"

/* Written by another implementation (Python). */
static const char golden[] =
	"ntm1.BMAAAgEQ6gYgAQ24AAAAAAAAAAAAAAABEOoRERERERERERERERERERERERERERERERERERERERE"
	"RESIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM"
	"zMzMzMzMAAAAAZVPxABFwaG9uZS5udG0uZXhhbXBsZQtudG0uZXhhbXBsZcerBPo";

/* The same for a relay. */
static const char golden_relay[] =
	"ntmr1.BMAAAgEQ6gYgAQ24AAAAAAAAAAAAAAABEOoRERERERERERERERERERERERERERERERERERERER"
	"ERESIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMz"
	"MzMzMzMzMAAAAAZVPxABFwaG9uZS5udG0uZXhhbXBsZQtudG0uZXhhbXBsZQ-QrUU";

static struct ntm_token sample(void)
{
	struct ntm_token token = {
		.expires_s = 1700000000,
		.fqdn = "phone.ntm.example",
		.domain = "ntm.example",
	};

	assert_int_equal(ntm_addr_parse(&token.dc[0], "192.0.2.1:4330", 0), 0);
	assert_int_equal(ntm_addr_parse(&token.dc[1], "[2001:db8::1]:4330", 0), 0);
	memset(token.dc_key, 0x11, sizeof(token.dc_key));
	memset(token.root, 0x22, sizeof(token.root));
	memset(token.secret, 0x33, sizeof(token.secret));
	return token;
}

static void assert_same(const struct ntm_token *a, const struct ntm_token *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_true(ntm_addr_eq(&a->dc[0], &b->dc[0]));
	assert_true(ntm_addr_eq(&a->dc[1], &b->dc[1]));
	assert_memory_equal(a->dc_key, b->dc_key, sizeof(a->dc_key));
	assert_memory_equal(a->root, b->root, sizeof(a->root));
	assert_memory_equal(a->secret, b->secret, sizeof(a->secret));
	assert_int_equal(a->expires_s, b->expires_s);
	assert_string_equal(a->fqdn, b->fqdn);
	assert_string_equal(a->domain, b->domain);
}

static void round_trip(const struct ntm_token *token)
{
	size_t prefix_len = token->kind == NTM_TOKEN_RELAY ? 6 : 5;
	char text[NTM_TOKEN_STR];
	struct ntm_token got;

	assert_int_equal(ntm_token_print(token, text), 0);
	assert_true(strlen(text) < NTM_TOKEN_STR);
	assert_int_equal(strspn(text + prefix_len,
				"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789-_"),
			 strlen(text) - prefix_len);
	assert_int_equal(ntm_token_parse(&got, text), 0);
	assert_same(&got, token);
}

static void golden_bytes(void **unused)
{
	struct ntm_token token = sample();
	char text[NTM_TOKEN_STR];

	(void)unused;
	assert_int_equal(ntm_token_print(&token, text), 0);
	assert_string_equal(text, golden);
	round_trip(&token);
	token.kind = NTM_TOKEN_RELAY;
	assert_int_equal(ntm_token_print(&token, text), 0);
	assert_string_equal(text, golden_relay);
	round_trip(&token);
}

/* A relay's token is none of a node that has been mistyped by one letter, nor the other way. */
static void kinds_apart(void **unused)
{
	char text[NTM_TOKEN_STR];
	struct ntm_token got;

	(void)unused;
	snprintf(text, sizeof(text), "ntm1.%s", golden_relay + 6);
	assert_int_equal(ntm_token_parse(&got, text), -EBADMSG);
	snprintf(text, sizeof(text), "ntmr1.%s", golden + 5);
	assert_int_equal(ntm_token_parse(&got, text), -EBADMSG);
}

static void every_field(void **unused)
{
	struct ntm_token token = sample();

	(void)unused;
	token.dc[1] = (struct ntm_addr){0};
	round_trip(&token);
	token.dc[1] = token.dc[0];
	token.dc[0] = (struct ntm_addr){0};
	round_trip(&token);
	token.expires_s = 0;
	round_trip(&token);
	token.expires_s = INT64_MAX;
	round_trip(&token);
	strcpy(token.fqdn, token.domain);
	round_trip(&token);
	/* The longest. */
	memset(token.fqdn, 'a', NTM_NAME_MAX);
	token.fqdn[60] = '.';
	memcpy(token.domain, token.fqdn, sizeof(token.domain));
	token.dc[0] = token.dc[1] = sample().dc[1];
	memset(token.dc_key, 0xff, 32);
	round_trip(&token);
	token.kind = NTM_TOKEN_RELAY;
	round_trip(&token);
	token.kind = NTM_TOKEN_NODE;
	assert_int_equal(ntm_addr_parse(&token.dc[0], "127.0.0.1:1", 0), 0);
	round_trip(&token);
}

static void not_printed(void **unused)
{
	struct ntm_token table[13];
	size_t n = 0;

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		table[i] = sample();
	table[n++].kind = NTM_TOKEN_RELAY + 1;
	table[n++].dc[0].port = 0;
	table[n++].dc[0].ip = (struct ntm_ip){0}; /* with a port */
	table[n++].dc[1].ip = ntm_ip_v4(0, 0, 0, 0);
	table[n++].dc[1].ip = ntm_ip_v4(224, 0, 0, 1);
	table[n++].expires_s = -1;
	table[n++].fqdn[0] = '\0';
	table[n++].fqdn[0] = 'P';
	table[n++].fqdn[0] = '.';
	table[n++].domain[0] = '\0';
	table[n++].domain[0] = 'N';
	strcpy(table[n++].domain, "other.example");
	memset(table[n++].dc, 0, sizeof(table[0].dc));
	assert_int_equal(n, sizeof(table) / sizeof(table[0]));
	for (size_t i = 0; i < n; i++) {
		char text[NTM_TOKEN_STR] = "before";

		assert_int_equal(ntm_token_print(&table[i], text), -EINVAL);
		assert_string_equal(text, "before");
	}
}

static void blanks_around(void **unused)
{
	static const char *const format[] = {" %s", "%s ", "\t%s\n", "\r\n%s\r\n", "  \n %s \t "};
	struct ntm_token expected = sample();

	(void)unused;
	for (size_t i = 0; i < sizeof(format) / sizeof(format[0]); i++) {
		char text[NTM_TOKEN_STR + 16];
		struct ntm_token got;
		const char *mark = strchr(format[i], '%');

		snprintf(text, sizeof(text), "%.*s%s%s", (int)(mark - format[i]), format[i], golden,
			 mark + 2);
		assert_int_equal(ntm_token_parse(&got, text), 0);
		assert_same(&got, &expected);
	}
	/* Inside they are a broken line. */
	for (size_t i = 6; i < sizeof(golden) - 1; i += 7) {
		char text[NTM_TOKEN_STR];
		struct ntm_token got;

		snprintf(text, sizeof(text), "%.*s\n%s", (int)i, golden, golden + i);
		assert_int_equal(ntm_token_parse(&got, text), -EBADMSG);
	}
}

static void not_tokens(void **unused)
{
	static const struct {
		const char *text;
		int expected;
	} table[] = {
		{"", -EINVAL},
		{" ", -EINVAL},
		{"hello", -EINVAL},
		{"NTM1.AAAA", -EINVAL},
		{"ntm.AAAA", -EINVAL},
		{"ntm1", -EINVAL},
		{"ntmx.AAAA", -EINVAL},
		{"xntm1.AAAA", -EINVAL},
		{"ntm1x.AAAA", -EINVAL},
		{"ntm2.AAAA", -ENOTSUP},
		{"ntm17.AAAA", -ENOTSUP},
		{"ntm0.", -ENOTSUP},
		{"ntmr2.AAAA", -ENOTSUP},
		{"ntmr.AAAA", -EINVAL},
		{"ntmr", -EINVAL},
		{"ntmr1", -EINVAL},
		{"ntmrr1.AAAA", -EINVAL},
		{"ntm1r.AAAA", -EINVAL},
		{"ntmr1.", -EBADMSG},
		{"ntmr1.AAAA", -EBADMSG},
		{"ntm1.", -EBADMSG},
		{"ntm1.A", -EBADMSG},
		{"ntm1.AAAA", -EBADMSG},
		{"ntm1.AAAAAAA", -EBADMSG},
	};
	struct ntm_token got = sample(), before = sample();

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(ntm_token_parse(&got, table[i].text), table[i].expected);
	assert_same(&got, &before);
}

static void cut(void **unused)
{
	struct ntm_token got;

	(void)unused;
	for (size_t len = 0; len < sizeof(golden) - 1; len++) {
		char text[NTM_TOKEN_STR];

		snprintf(text, sizeof(text), "%.*s", (int)len, golden);
		assert_int_equal(ntm_token_parse(&got, text), len < 5 ? -EINVAL : -EBADMSG);
	}
	for (size_t len = 1; len <= 8; len++) {
		char text[NTM_TOKEN_STR];

		snprintf(text, sizeof(text), "%s%.*s", golden, (int)len, "AAAAAAAA");
		assert_int_equal(ntm_token_parse(&got, text), -EBADMSG);
	}
}

static void mistyped(void **unused)
{
	static const char typed[] = "AZaz09-_+/=.!";
	struct ntm_token got;

	(void)unused;
	for (size_t i = 5; i < sizeof(golden) - 1; i++) {
		char text[sizeof(golden)];

		for (size_t t = 0; t < sizeof(typed) - 1; t++) {
			memcpy(text, golden, sizeof(text));
			if (text[i] == typed[t])
				continue;
			text[i] = typed[t];
			assert_int_equal(ntm_token_parse(&got, text), -EBADMSG);
		}
		/* Two characters swapped. */
		memcpy(text, golden, sizeof(text));
		if (i + 2 == sizeof(golden) || text[i] == text[i + 1])
			continue;
		text[i] = golden[i + 1];
		text[i + 1] = golden[i];
		assert_int_equal(ntm_token_parse(&got, text), -EBADMSG);
	}
}

/* Bytes of the golden token, changed, under a checksum that is right. */
static int parse_changed(size_t at, uint8_t value, size_t extra)
{
	uint8_t bytes[512], sum[32];
	char text[NTM_TOKEN_STR] = "ntm1.";
	struct ntm_token got;
	size_t len;

	assert_int_equal(sodium_base642bin(bytes, sizeof(bytes), golden + 5, sizeof(golden) - 6,
					   NULL, &len, NULL,
					   sodium_base64_VARIANT_URLSAFE_NO_PADDING),
			 0);
	bytes[at] = value;
	len -= 4;
	memset(bytes + len, 0, extra);
	len += extra;
	ntm_blake2b(sum, sizeof(sum), bytes, len, NULL, 0);
	memcpy(bytes + len, sum, 4);
	sodium_bin2base64(text + 5, sizeof(text) - 5, bytes, len + 4,
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return ntm_token_parse(&got, text);
}

static void right_checksum(void **unused)
{
	static const struct {
		size_t at;
		uint8_t value;
	} table[] = {
		{0, 5},      /* family */
		{1, 224},    /* multicast */
		{7, 4},      /* shorter address: all shifts */
		{122, 0x80}, /* expiry */
		{130, 255},  /* length of the name */
		{130, 16},   {130, 18}, {130, 0},  {131, 'P'}, {131, 0},
		{131, '.'},  {148, 10}, {148, 12}, {149, 'x'},
	};

	(void)unused;
	assert_int_equal(parse_changed(0, 4, 0), 0); /* as it was */
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(parse_changed(table[i].at, table[i].value, 0), -EBADMSG);
	assert_int_equal(parse_changed(0, 4, 1), -EBADMSG);
}

static void hash(void **unused)
{
	struct ntm_token token = sample();
	uint8_t h[32];

	(void)unused;
	ntm_token_hash(&token, h);
	assert_hex(h, sizeof(h),
		   "510c7466f2a90281df576a765517adfc6a4c8f89fee3e14b8eae3a574f442c37");
	token.secret[31] ^= 1;
	ntm_token_hash(&token, h);
	assert_int_not_equal(h[0], 0x51);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_bytes),
		cmocka_unit_test(kinds_apart),
		cmocka_unit_test(every_field),
		cmocka_unit_test(not_printed),
		cmocka_unit_test(blanks_around),
		cmocka_unit_test(not_tokens),
		cmocka_unit_test(cut),
		cmocka_unit_test(mistyped),
		cmocka_unit_test(right_checksum),
		cmocka_unit_test(hash),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
