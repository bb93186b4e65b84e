/* SPDX-License-Identifier: BSD-2-Clause */
/* Payloads of handshakes: joins, and DCs that say who they are. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ntm/link.h"
#include "ntm/payload.h"
#include "proto/hexes.h"

/* Written by another program (Python). */
static const char golden_join_request[] =
	"00280020606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f";
static const char golden_join_answer[] =
	"000a0003c0ffee0006001804c61200001006fd4e0054004d000000000000000000003000"
	"07001c0b6e746d2e6578616d706c650f7369702e6e746d2e6578616d706c650008000504"
	"c612fffe0009001106fd4e0054004d00000000000000000053";

static const char golden_hello[] =
	"00290020606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
	"000a0003c0ffee";

static struct ntm_join_answer sample(void)
{
	struct ntm_join_answer answer;

	memset(&answer, 0, sizeof(answer));
	answer.cert = (struct ntm_cert_blob){.len = 3, .data = {0xc0, 0xff, 0xee}};
	answer.prefixes.count = 2;
	assert_int_equal(ntm_prefix_parse(&answer.prefixes.item[0], "198.18.0.0/16"), 0);
	assert_int_equal(ntm_prefix_parse(&answer.prefixes.item[1], "fd4e:54:4d::/48"), 0);
	answer.suffixes.count = 2;
	strcpy(answer.suffixes.item[0], "ntm.example");
	strcpy(answer.suffixes.item[1], "sip.ntm.example");
	assert_int_equal(ntm_ip_parse(&answer.resolver4, "198.18.255.254"), 0);
	assert_int_equal(ntm_ip_parse(&answer.resolver6, "fd4e:54:4d::53"), 0);
	return answer;
}

static void request(void **unused)
{
	struct ntm_join_request req, got = {{9}};
	uint8_t out[64];
	size_t len;

	(void)unused;
	for (uint8_t i = 0; i < sizeof(req.secret); i++)
		req.secret[i] = (uint8_t)(0x60 + i);
	len = ntm_join_request_encode(&req, out, sizeof(out));
	assert_hex(out, len, golden_join_request);
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(ntm_join_request_decode(&got, out, cut), -EBADMSG);
		assert_int_equal(ntm_join_request_encode(&req, out, cut), 0);
	}
	assert_int_equal(got.secret[0], 9);
	len = ntm_join_request_encode(&req, out, len);
	assert_int_equal(ntm_join_request_decode(&got, out, len), 0);
	assert_memory_equal(&got, &req, sizeof(req));
	memcpy(out + len, "\x80\x28\0\0", 4);
	assert_int_equal(ntm_join_request_decode(&got, out, len + 4), -ENOTSUP);
	out[len] = 0x70;
	assert_int_equal(ntm_join_request_decode(&got, out, len + 4), 0);
	out[3]--;
	assert_int_equal(ntm_join_request_decode(&got, out, len), -EBADMSG);
}

static void answer(void **unused)
{
	struct ntm_join_answer expected = sample(), got;
	uint8_t out[NTM_HS_PAYLOAD_MAX];
	size_t len = ntm_join_answer_encode(&expected, out, sizeof(out));

	(void)unused;
	assert_hex(out, len, golden_join_answer);
	assert_int_equal(ntm_join_answer_decode(&got, out, len), 0);
	assert_memory_equal(&got, &expected, sizeof(got));
	for (size_t cap = 0; cap < len; cap++)
		assert_int_equal(ntm_join_answer_encode(&expected, out, cap), 0);
	/* All but the certificate is optional, so a cut at the end of a TLV is fine, and so is
	 * the first zero of the next one. */
	assert_int_equal(ntm_join_answer_encode(&expected, out, sizeof(out)), len);
	for (size_t cut = 0; cut < len; cut++) {
		size_t at = 0, rest;

		while (at + 4 <= cut && at + 4 + out[at + 3] <= cut)
			at += 4U + out[at + 3];
		rest = cut - at;
		assert_int_equal(ntm_join_answer_decode(&got, out, cut),
				 at > 0 && rest <= 1 ? 0 : -EBADMSG);
	}
	expected.cert.len = 0;
	assert_int_equal(ntm_join_answer_encode(&expected, out, sizeof(out)), 0);
	expected = sample();
	expected.suffixes.item[1][0] = 'S';
	assert_int_equal(ntm_join_answer_encode(&expected, out, sizeof(out)), 0);
}

/* What an ordinary domain says fits into the handshake: a long certificate, a prefix of each
 * family, one long suffix, both resolvers. */
static void fits(void **unused)
{
	struct ntm_join_answer one = sample();
	uint8_t out[NTM_HS_PAYLOAD_MAX];

	(void)unused;
	one.cert.len = NTM_CERT_MAX;
	one.suffixes.count = 1;
	memset(one.suffixes.item[0], 'a', NTM_NAME_MAX);
	one.suffixes.item[0][60] = '.';
	assert_int_not_equal(ntm_join_answer_encode(&one, out, sizeof(out)), 0);
}

static void flipped(void **unused)
{
	uint8_t data[NTM_HS_PAYLOAD_MAX], out[NTM_HS_PAYLOAD_MAX];
	size_t len = unhex(data, sizeof(data), golden_join_answer);

	(void)unused;
	for (size_t bit = 0; bit < len * 8; bit++) {
		struct ntm_join_answer got;
		int err;

		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		err = ntm_join_answer_decode(&got, data, len);
		if (err == 0)
			assert_true(ntm_join_answer_encode(&got, out, sizeof(out)) > 0);
		else
			assert_true(err == -EBADMSG || err == -ENOTSUP);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void hello(void **unused)
{
	struct ntm_dc_hello mine = {.cert = {.len = 3, .data = {0xc0, 0xff, 0xee}}};
	struct ntm_dc_hello got = {.cert = {.len = 9}};
	uint8_t out[NTM_HS_PAYLOAD_MAX];
	size_t len;

	(void)unused;
	for (uint8_t i = 0; i < sizeof(mine.root); i++)
		mine.root[i] = (uint8_t)(0x60 + i);
	len = ntm_dc_hello_encode(&mine, out, sizeof(out));
	assert_hex(out, len, golden_hello);
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(ntm_dc_hello_decode(&got, out, cut), -EBADMSG);
		assert_int_equal(ntm_dc_hello_encode(&mine, out, cut), 0);
		len = ntm_dc_hello_encode(&mine, out, sizeof(out));
	}
	assert_int_equal(got.cert.len, 9);
	assert_int_equal(ntm_dc_hello_decode(&got, out, len), 0);
	assert_memory_equal(&got, &mine, sizeof(mine));
	/* The longest one fits the handshake. */
	mine.cert.len = NTM_CERT_MAX;
	len = ntm_dc_hello_encode(&mine, out, sizeof(out));
	assert_in_range(len, 1, NTM_LINK_HELLO_MAX);
	mine.cert.len = NTM_CERT_MAX + 1;
	assert_int_equal(ntm_dc_hello_encode(&mine, out, sizeof(out)), 0);
	mine.cert.len = 0; /* a DC without a certificate says nothing */
	assert_int_equal(ntm_dc_hello_encode(&mine, out, sizeof(out)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello), cmocka_unit_test(request), cmocka_unit_test(answer),
		cmocka_unit_test(fits),  cmocka_unit_test(flipped),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
