/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates: one encoding, every field, signature, time window, and what is no certificate. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ntm/cert.h"
#include "proto/hexes.h"

#define FROM_S 1700000000
#define TO_S   1700604800
#define NOW_S  1700300000

/* Offsets of the layout in ntm-protocol(7). */
#define AT_VERSION 10
#define AT_TYPE    12
#define AT_ZERO    13
#define AT_FROM    22
#define AT_TO      30
#define AT_IP4     70
#define AT_LEN4    74
#define AT_IP6     75
#define AT_LEN6    91
#define AT_NAME    92

/* Signed by another implementation (Python's cryptography) with the seed 00 01 .. 1f. */
static const char golden_node[] = "4e544d2d636572742d76310003000102030405060708000000006553f1000000"
				  "0000655d2b804242424242424242424242424242424242424242424242424242"
				  "424242424242c6120a0720fd4e0054004d00000000000000000a07801170686f"
				  "6e652e6e746d2e6578616d706c654100442722b59cbd5b8b7cb998e13c7854fd"
				  "7c2eb0a0c656b2ece8097096730e846e45120bbadaa0152e768a919ca1175747"
				  "dc6fef6b82a5e1de59ba7183520e";
static const char golden_dc[] = "4e544d2d636572742d76310001000000000000000001000000006553f1000000"
				"000065ca98004242424242424242424242424242424242424242424242424242"
				"424242424242c612000010fd4e0054004d00000000000000000000300b6e746d"
				"2e6578616d706c651e5b63442e0a02dfda2de9471ca955fb35bcbf420b209091"
				"f6227c5448af7aefab3747ff0ff0f074483fcab18e946e6eb83e22c23ff6e7b5"
				"2af9abea94be2906";
static const char golden_relay[] =
	"4e544d2d636572742d76310002000000000000000002000000006553f1000000"
	"000065ca98004242424242424242424242424242424242424242424242424242"
	"424242424242000000000000000000000000000000000000000000001272656c"
	"6179312e6e746d2e6578616d706c65e9f1051ac2f4352638f2612064713c3403"
	"1d803a188d4d78d38f664742485420e9167dc647231a50dd4786db4d9ffbffa1"
	"0736831e1a32bacab1c79860459906";

static struct ntm_root root;

static struct ntm_ip ip(const char *text)
{
	struct ntm_ip v;

	assert_int_equal(ntm_ip_parse(&v, text), 0);
	return v;
}

static struct ntm_prefix prefix(const char *text)
{
	struct ntm_prefix v;

	assert_int_equal(ntm_prefix_parse(&v, text), 0);
	return v;
}

static struct ntm_cert node(void)
{
	struct ntm_cert cert = {
		.type = NTM_CERT_NODE,
		.serial = 0x0102030405060708,
		.not_before_s = FROM_S,
		.not_after_s = TO_S,
		.fqdn = "phone.ntm.example",
		.vip4 = ip("198.18.10.7"),
		.vip6 = ip("fd4e:54:4d::a07"),
	};

	memset(cert.key, 0x42, sizeof(cert.key));
	return cert;
}

static struct ntm_cert dc(void)
{
	struct ntm_cert cert = {
		.type = NTM_CERT_DC,
		.serial = 1,
		.not_before_s = FROM_S,
		.not_after_s = 1707776000,
		.fqdn = "ntm.example",
		.prefix4 = prefix("198.18.0.0/16"),
		.prefix6 = prefix("fd4e:54:4d::/48"),
	};

	memset(cert.key, 0x42, sizeof(cert.key));
	return cert;
}

static struct ntm_cert relay(void)
{
	struct ntm_cert cert = {
		.type = NTM_CERT_RELAY,
		.serial = 2,
		.not_before_s = FROM_S,
		.not_after_s = 1707776000,
		.fqdn = "relay1.ntm.example",
	};

	memset(cert.key, 0x42, sizeof(cert.key));
	return cert;
}

static void assert_same(const struct ntm_cert *a, const struct ntm_cert *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->serial, b->serial);
	assert_int_equal(a->not_before_s, b->not_before_s);
	assert_int_equal(a->not_after_s, b->not_after_s);
	assert_memory_equal(a->key, b->key, sizeof(a->key));
	assert_string_equal(a->fqdn, b->fqdn);
	assert_true(ntm_ip_eq(&a->vip4, &b->vip4));
	assert_true(ntm_ip_eq(&a->vip6, &b->vip6));
	assert_memory_equal(&a->prefix4, &b->prefix4, sizeof(a->prefix4));
	assert_memory_equal(&a->prefix6, &b->prefix6, sizeof(a->prefix6));
}

static void round_trip(const struct ntm_cert *cert)
{
	uint8_t blob[NTM_CERT_MAX];
	struct ntm_cert got;
	size_t len = ntm_cert_sign(cert, &root, blob);

	assert_true(len > 0 && len <= NTM_CERT_MAX);
	assert_int_equal(ntm_cert_check(&got, blob, len, root.pub, cert->not_before_s), 0);
	assert_same(&got, cert);
}

/* Signs what stands in front of the signature again: only the encoding is wrong then. */
static void resign(uint8_t *blob, size_t len)
{
	crypto_sign_ed25519_detached(blob + len - NTM_SIG_LEN, NULL, blob, len - NTM_SIG_LEN,
				     root.sec);
}

static void golden(void **unused)
{
	const struct {
		struct ntm_cert cert;
		const char *hex;
	} table[] = {{node(), golden_node}, {dc(), golden_dc}, {relay(), golden_relay}};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint8_t blob[NTM_CERT_MAX];
		struct ntm_cert got;
		size_t len = ntm_cert_sign(&table[i].cert, &root, blob);

		assert_hex(blob, len, table[i].hex);
		assert_int_equal(ntm_cert_check(&got, blob, len, root.pub, NOW_S), 0);
		assert_same(&got, &table[i].cert);
	}
}

static void every_field(void **unused)
{
	struct ntm_cert cert = node();

	(void)unused;
	cert.vip4 = (struct ntm_ip){0};
	round_trip(&cert);
	cert.vip6 = (struct ntm_ip){0};
	round_trip(&cert);
	cert.serial = UINT64_MAX;
	cert.not_before_s = 0;
	cert.not_after_s = 1;
	round_trip(&cert);
	cert.not_after_s = INT64_MAX - NTM_CERT_SKEW_S;
	round_trip(&cert);
	memset(cert.fqdn, 'a', NTM_NAME_MAX);
	cert.fqdn[60] = '.';
	cert.vip4 = ip("198.18.10.7");
	cert.vip6 = ip("fd4e:54:4d::a07");
	round_trip(&cert); /* the longest there is */
	cert = dc();
	cert.prefix4 = prefix("10.0.0.0/8");
	cert.prefix6 = (struct ntm_prefix){0};
	round_trip(&cert);
	cert.prefix4 = prefix("198.18.7.1/32");
	cert.prefix6 = prefix("2001:db8::1/128");
	round_trip(&cert);
	cert.prefix6 = prefix("2001::/16");
	round_trip(&cert);
}

static void not_encoded(void **unused)
{
	struct ntm_cert table[25];
	size_t n = 0;

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		table[i] = node();
	table[n++].type = 0;
	table[n++].type = 4;
	table[n++].fqdn[0] = '\0';
	table[n++].fqdn[0] = 'P';
	table[n++].fqdn[0] = '.';
	table[n++].fqdn[0] = ' ';
	strcpy(table[n++].fqdn, "phone.");
	table[n++].not_before_s = -1;
	table[n++].not_after_s = FROM_S;
	table[n++].not_after_s = FROM_S - 1;
	table[n++].not_after_s = INT64_MAX - NTM_CERT_SKEW_S + 1;
	table[n++].vip4 = ip("fd4e::1");
	table[n++].vip6 = ip("198.18.0.1");
	table[n++].vip4 = ip("0.0.0.0");
	table[n++].vip4 = ip("127.0.0.1");
	table[n++].vip4 = ip("224.0.0.1");
	table[n++].vip4 = ip("255.255.255.255");
	table[n++].vip6 = ip("::");
	table[n++].vip6 = ip("::1");
	table[n++].vip6 = ip("ff02::1");
	table[n++].vip6 = ip("fe80::1");
	table[n++].prefix4 = prefix("198.18.0.0/16");
	table[n++].prefix6 = prefix("fd4e::/48");
	table[n++].type = NTM_CERT_DC; /* with a node's addresses */
	table[n] = dc();
	table[n++].type = NTM_CERT_RELAY;
	assert_int_equal(n, sizeof(table) / sizeof(table[0]));
	for (size_t i = 0; i < n; i++) {
		uint8_t blob[NTM_CERT_MAX];

		assert_int_equal(ntm_cert_sign(&table[i], &root, blob), 0);
	}
}

static void prefixes_not_encoded(void **unused)
{
	static const struct {
		const char *ip;
		uint8_t len;
		bool is_6;
	} table[] = {
		{"198.18.0.0", 0, false}, {"198.18.0.0", 14, false}, {"198.18.0.0", 33, false},
		{"0.0.0.0", 0, false},    {"0.0.0.0", 1, false},     {"127.0.0.0", 8, false},
		{"224.0.0.0", 4, false},  {"240.0.0.0", 4, false},   {"fd4e::", 48, false},
		{"198.18.0.0", 16, true}, {"fd4e::", 0, true},       {"fd4e::1", 127, true},
		{"fd4e::", 129, true},    {"::", 0, true},           {"fe80::", 10, true},
		{"ff00::", 8, true},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ntm_cert cert = dc();
		struct ntm_prefix bad = {.ip = ip(table[i].ip), .len = table[i].len};
		uint8_t blob[NTM_CERT_MAX];

		*(table[i].is_6 ? &cert.prefix6 : &cert.prefix4) = bad;
		assert_int_equal(ntm_cert_sign(&cert, &root, blob), 0);
	}
}

static void truncated(void **unused)
{
	uint8_t blob[NTM_CERT_MAX];
	struct ntm_cert cert = node(), got = relay();
	struct ntm_cert before = got;
	size_t len = ntm_cert_sign(&cert, &root, blob);

	(void)unused;
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = test_malloc(cut + 1); /* a read past the end is seen */

		memcpy(exact, blob, cut);
		assert_int_equal(ntm_cert_check(&got, exact, cut, root.pub, NOW_S), -EBADMSG);
		test_free(exact);
	}
	assert_int_equal(ntm_cert_check(&got, blob, len + 1, root.pub, NOW_S), -EBADMSG);
	assert_int_equal(ntm_cert_check(&got, NULL, 0, root.pub, NOW_S), -EBADMSG);
	assert_same(&got, &before);
}

static void flipped(void **unused)
{
	uint8_t blob[NTM_CERT_MAX];
	struct ntm_cert cert = node(), got = relay();
	struct ntm_cert before = got;
	size_t len = ntm_cert_sign(&cert, &root, blob);

	(void)unused;
	for (size_t i = 0; i < len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			int err;

			blob[i] ^= (uint8_t)(1 << bit);
			err = ntm_cert_check(&got, blob, len, root.pub, NOW_S);
			if (i < AT_VERSION)
				assert_int_equal(err, -EBADMSG);
			else if (i < AT_TYPE)
				assert_int_equal(err, -ENOTSUP);
			else
				assert_true(err == -EBADMSG || err == -EKEYREJECTED);
			if (i >= len - NTM_SIG_LEN)
				assert_int_equal(err, -EKEYREJECTED);
			blob[i] ^= (uint8_t)(1 << bit);
		}
	}
	assert_same(&got, &before);
	assert_int_equal(ntm_cert_check(&got, blob, len, root.pub, NOW_S), 0);
}

/* Signed by the root, and yet no certificate: each would be a second spelling of something. */
static void not_canonical(void **unused)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
	} table[] = {
		{"type 0", AT_TYPE, 0},
		{"type 5", AT_TYPE, 5},
		{"reserved byte", AT_ZERO, 1},
		{"negative time", AT_FROM, 0x80},
		{"negative time", AT_TO, 0xff},
		{"address without length", AT_LEN4, 0},
		{"address with a prefix length", AT_LEN4, 31},
		{"address with too long a length", AT_LEN4, 33},
		{"v6 address without length", AT_LEN6, 0},
		{"v6 address with a prefix length", AT_LEN6, 127},
		{"loopback", AT_IP4, 127},
		{"multicast", AT_IP6, 0xff},
		{"upper case", AT_NAME + 1, 'P'},
		{"NUL in the name", AT_NAME + 1, 0},
		{"empty label", AT_NAME + 1, '.'},
		{"blank", AT_NAME + 3, ' '},
		{"length of the name", AT_NAME, 16},
		{"length of the name", AT_NAME, 18},
		{"length of the name", AT_NAME, 255},
		{"length of the name", AT_NAME, 0},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ntm_cert cert = node(), got;
		uint8_t blob[NTM_CERT_MAX];
		size_t len = ntm_cert_sign(&cert, &root, blob);

		blob[table[i].at] = table[i].value;
		resign(blob, len);
		if (ntm_cert_check(&got, blob, len, root.pub, NOW_S) != -EBADMSG)
			fail_msg("accepted: %s", table[i].what);
	}
}

static void more_not_canonical(void **unused)
{
	static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, 198, 18, 0, 1};
	struct ntm_cert cert = node(), got;
	uint8_t blob[NTM_CERT_MAX + 8];
	size_t len = ntm_cert_sign(&cert, &root, blob);

	(void)unused;
	/* An IPv4 address in the place of the IPv6 one. */
	memcpy(blob + AT_IP6, mapped, sizeof(mapped));
	resign(blob, len);
	assert_int_equal(ntm_cert_check(&got, blob, len, root.pub, NOW_S), -EBADMSG);
	/* Signed bytes behind the name. */
	len = ntm_cert_sign(&cert, &root, blob);
	blob[len - NTM_SIG_LEN] = 0;
	resign(blob, len + 1);
	assert_int_equal(ntm_cert_check(&got, blob, len + 1, root.pub, NOW_S), -EBADMSG);
	/* A relay with an address; a DC's prefix with host bits. */
	cert = relay();
	cert.vip4 = ip("198.18.0.9"); /* a gateway */
	cert.vip6 = ip("fd4e::9");
	round_trip(&cert);
	cert = relay();
	len = ntm_cert_sign(&cert, &root, blob);
	blob[AT_IP4] = 10;
	blob[AT_LEN4] = 8;
	resign(blob, len);
	assert_int_equal(ntm_cert_check(&got, blob, len, root.pub, NOW_S), -EBADMSG);
	cert = dc();
	len = ntm_cert_sign(&cert, &root, blob);
	blob[AT_IP4 + 3] = 1;
	resign(blob, len);
	assert_int_equal(ntm_cert_check(&got, blob, len, root.pub, NOW_S), -EBADMSG);
	/* Bytes under an absent prefix. */
	cert.prefix4 = (struct ntm_prefix){0};
	len = ntm_cert_sign(&cert, &root, blob);
	blob[AT_IP4] = 10;
	resign(blob, len);
	assert_int_equal(ntm_cert_check(&got, blob, len, root.pub, NOW_S), -EBADMSG);
}

static void other_root(void **unused)
{
	struct ntm_cert cert = node(), got;
	uint8_t blob[NTM_CERT_MAX];
	struct ntm_root other;
	size_t len = ntm_cert_sign(&cert, &root, blob);

	(void)unused;
	ntm_root_make(&other);
	assert_memory_not_equal(other.pub, root.pub, sizeof(root.pub));
	assert_int_equal(ntm_cert_check(&got, blob, len, other.pub, NOW_S), -EKEYREJECTED);
	len = ntm_cert_sign(&cert, &other, blob);
	assert_int_equal(ntm_cert_check(&got, blob, len, root.pub, NOW_S), -EKEYREJECTED);
	assert_int_equal(ntm_cert_check(&got, blob, len, other.pub, NOW_S), 0);
	/* All zeros is a point of low order: nothing is signed by it. */
	memset(other.pub, 0, sizeof(other.pub));
	assert_int_equal(ntm_cert_check(&got, blob, len, other.pub, NOW_S), -EKEYREJECTED);
}

static void time_window(void **unused)
{
	static const struct {
		int64_t now_s;
		int expected;
	} table[] = {
		{FROM_S - NTM_CERT_SKEW_S - 1, -ETIME},
		{FROM_S - NTM_CERT_SKEW_S, 0},
		{FROM_S, 0},
		{TO_S, 0},
		{TO_S + NTM_CERT_SKEW_S, 0},
		{TO_S + NTM_CERT_SKEW_S + 1, -ETIME},
		{0, -ETIME},
		{-1, -ETIME},
		{INT64_MIN, -ETIME},
		{INT64_MAX, -ETIME},
	};
	struct ntm_cert cert = node();
	uint8_t blob[NTM_CERT_MAX];
	size_t len = ntm_cert_sign(&cert, &root, blob);

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ntm_cert got;

		assert_int_equal(ntm_cert_check(&got, blob, len, root.pub, table[i].now_s),
				 table[i].expected);
	}
	/* A wrong signature says so, whatever the time. */
	blob[len - 1] ^= 1;
	assert_int_equal(ntm_cert_check(&cert, blob, len, root.pub, 0), -EKEYREJECTED);
}

static void roots(void **unused)
{
	struct ntm_root again, mixed;
	uint8_t sec[NTM_SIGN_SEC_LEN];

	(void)unused;
	ntm_root_from_secret(&again, root.sec);
	assert_memory_equal(&again, &root, sizeof(root));
	/* The public key that is stored behind the seed is not believed. */
	memcpy(sec, root.sec, sizeof(sec));
	sec[63] ^= 1;
	ntm_root_from_secret(&mixed, sec);
	assert_memory_equal(&mixed, &root, sizeof(root));
}

static int start(void **unused)
{
	uint8_t sec[NTM_SIGN_SEC_LEN] = {0};

	(void)unused;
	for (uint8_t i = 0; i < 32; i++)
		sec[i] = i;
	ntm_root_from_secret(&root, sec);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),        cmocka_unit_test(every_field),
		cmocka_unit_test(not_encoded),   cmocka_unit_test(prefixes_not_encoded),
		cmocka_unit_test(truncated),     cmocka_unit_test(flipped),
		cmocka_unit_test(not_canonical), cmocka_unit_test(more_not_canonical),
		cmocka_unit_test(other_root),    cmocka_unit_test(time_window),
		cmocka_unit_test(roots),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, start, NULL);
}
