/* SPDX-License-Identifier: BSD-2-Clause */
/* HMAC and HKDF of our own against values of Python's hmac and hashlib. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto.h"
#include "proto/hexes.h"

static void blake2b_plain_and_keyed(void **unused)
{
	uint8_t key[32];
	uint8_t out[32];

	(void)unused;
	memset(key, 'k', sizeof(key));
	ntm_blake2b(out, 32, "abc", 3, NULL, 0);
	assert_hex(out, 32, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	ntm_blake2b(out, 16, "abc", 3, key, sizeof(key));
	assert_hex(out, 16, "c741392fb3956d217ba181c601bfd493");
}

static void hmac_as_python(void **unused)
{
	uint8_t out[NTM_NOISE_HASH_LEN];

	(void)unused;
	ntm_crypto_hmac(out, (const uint8_t *)"key", 3, "The quick brown fox", 19);
	assert_hex(out, sizeof(out),
		   "5c169e8a18362381efbc0f688fa1d48e99f2bd5885a19c29943e28b43d566f33"
		   "0555d6c37a277cd4cbb1deca561f377c02f0d5388c6e1efd6e97de2bd8b2d678");
}

static const char *const hkdf_golden[3] = {
	"854ff4e7e6074bfe92f1a96cf706260641f9ba6fca788196587193a2664aed71"
	"dba5f8f8c078f3eedf196c3af46e417d0a8c8c43f79ead81c8714d03e501eded",
	"ce5595eb115a20218998812f1f84dad889b56b766edaad0fd39d8268762d3e9f"
	"56b6507ac77dc73ca13b4c2f0e4b704ef3c3c40d98920e63df5c70239610d8ab",
	"beb822d32dd50dffe84d52733d99602527506d06113800adb0420f3a909756ef"
	"18c4ce35880d93af067921ceeca8fe90a2a6f9dcd32d831d5b69467105193f19",
};

static void hkdf_two_and_three_outputs(void **unused)
{
	uint8_t chain[NTM_NOISE_HASH_LEN];
	uint8_t out[3][NTM_NOISE_HASH_LEN];

	(void)unused;
	for (size_t i = 0; i < sizeof(chain); i++)
		chain[i] = (uint8_t)i;
	ntm_crypto_hkdf(chain, "input", 5, out[0], out[1], out[2]);
	for (size_t i = 0; i < 3; i++)
		assert_hex(out[i], sizeof(out[i]), hkdf_golden[i]);
	/* Two outputs, the first over the chain, as Noise uses it. */
	ntm_crypto_hkdf(chain, "input", 5, chain, out[1], NULL);
	assert_hex(chain, sizeof(chain), hkdf_golden[0]);
	assert_hex(out[1], sizeof(out[1]), hkdf_golden[1]);
}

static void keys_are_pairs(void **unused)
{
	struct ntm_keys a, b;
	uint8_t ab[32], ba[32];

	(void)unused;
	ntm_keys_make(&a);
	ntm_keys_make(&b);
	assert_false(ntm_secret_eq(a.pub, b.pub, sizeof(a.pub)));
	assert_int_equal(crypto_scalarmult_curve25519(ab, a.sec, b.pub), 0);
	assert_int_equal(crypto_scalarmult_curve25519(ba, b.sec, a.pub), 0);
	assert_true(ntm_secret_eq(ab, ba, sizeof(ab)));
	ntm_wipe(&a, sizeof(a));
	for (size_t i = 0; i < sizeof(a.sec); i++)
		assert_int_equal(a.sec[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blake2b_plain_and_keyed),
		cmocka_unit_test(hmac_as_python),
		cmocka_unit_test(hkdf_two_and_three_outputs),
		cmocka_unit_test(keys_are_pairs),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
