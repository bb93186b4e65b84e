/* SPDX-License-Identifier: BSD-2-Clause */
/* Pins of other domains: which may stand beside each other, whose a name is, what a foreign DC may
 * say. */
#include "trust.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1800000000
#define DAY 86400

static struct ntm_prefix prefix(const char *text)
{
	struct ntm_prefix p = {.len = 0};

	if (*text != '\0')
		assert_int_equal(ntm_prefix_parse(&p, text), 0);
	return p;
}

static struct trust_own own_domain(void)
{
	return (struct trust_own){.domain = "a.example",
				  .prefix4 = prefix("198.18.0.0/16"),
				  .prefix6 = prefix("fd00:a::/48")};
}

static struct trust_pin pin_of(const char *domain, const char *prefix4, const char *prefix6)
{
	struct trust_pin pin = {.mode = TRUST_PINNED, .has_root = true, .allow_all = true};

	snprintf(pin.domain, sizeof(pin.domain), "%s", domain);
	memset(pin.root, 7, sizeof(pin.root));
	pin.prefix4 = prefix(prefix4);
	pin.prefix6 = prefix(prefix6);
	return pin;
}

static void put(struct trust *trust, const struct trust_pin *pin)
{
	const struct trust_own own = own_domain();
	char words[TRUST_WORDS];
	int err = trust_put(trust, &own, pin, words);

	if (err != 0)
		fail_msg("%s: %d: %s", pin->domain, err, words);
}

/* Refused with these words, and the set is as before. */
static void expect_refusal(struct trust *trust, const struct trust_pin *pin, const char *said)
{
	const struct trust_own own = own_domain();
	struct trust before = {.count = trust->count};
	char words[TRUST_WORDS] = "";

	before.item = malloc((trust->count + 1) * sizeof(*before.item));
	assert_non_null(before.item);
	if (trust->count > 0)
		memcpy(before.item, trust->item, trust->count * sizeof(*before.item));
	assert_int_equal(trust_put(trust, &own, pin, words), -EINVAL);
	if (strstr(words, said) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", said, words);
	assert_int_equal(trust->count, before.count);
	if (trust->count > 0)
		assert_memory_equal(trust->item, before.item, trust->count * sizeof(*trust->item));
	free(before.item);
}

static void test_overlaps(void **state)
{
	static const struct {
		const char *domain, *prefix4, *prefix6, *said; /* NULL: fine */
	} cases[] = {
		{"c.example", "198.20.0.0/16", "fd00:c::/48", NULL},
		{"c.example", "198.19.128.0/17", "",
		 "198.19.128.0/17 of c.example overlaps with 198.19.0.0/16 of b.example"},
		{"c.example", "198.0.0.0/8", "",
		 "198.0.0.0/8 of c.example overlaps with 198.18.0.0/16 of a.example"},
		{"c.example", "198.19.0.0/16", "", "overlaps"},
		{"c.example", "198.18.7.0/24", "", "of a.example"},
		{"c.example", "198.20.0.0/16", "fd00:b::/32",
		 "fd00:b::/32 of c.example overlaps with fd00:b::/48 of b.example"},
		{"c.example", "", "fd00:a:0:1::/64", "of a.example"},
		{"c.example", "", "fd00:c::/48", NULL},
		/* Its own former prefix is in nobody's way. */
		{"b.example", "198.19.0.0/17", "", NULL},
		/* A part of a domain does not share the whole's addresses. */
		{"eu.b.example", "198.19.4.0/24", "", "of b.example"},
		{"eu.b.example", "198.21.0.0/16", "", NULL},
		{"eu.a.example", "198.21.0.0/16", "", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trust trust = {.count = 0};
		const struct trust_pin b = pin_of("b.example", "198.19.0.0/16", "fd00:b::/48");
		const struct trust_pin pin =
			pin_of(cases[i].domain, cases[i].prefix4, cases[i].prefix6);

		put(&trust, &b);
		if (cases[i].said != NULL)
			expect_refusal(&trust, &pin, cases[i].said);
		else
			put(&trust, &pin);
		trust_fini(&trust);
	}
}

static void test_insane_pins(void **state)
{
	static const struct {
		const char *domain, *prefix4, *said;
	} cases[] = {
		{"a.example", "198.19.0.0/16", "own domain"},
		{"", "198.19.0.0/16", "expected a domain"},
		{"example", "198.19.0.0/16", "expected a domain"},
		{"B.example", "198.19.0.0/16", "expected a domain"},
		{"b.example.", "198.19.0.0/16", "expected a domain"},
		{"b..example", "198.19.0.0/16", "expected a domain"},
		{"b.exam\x1bple", "198.19.0.0/16", "expected a domain"},
		{"b.example", "", "needs a prefix"},
		{"b.example", "0.0.0.0/0", "wider"},
		{"b.example", "16.0.0.0/7", "16.0.0.0/7 of b.example is wider than /8"},
		{"b.example", "127.0.0.0/8", "cannot have"},
		{"b.example", "169.254.0.0/16", "cannot have"},
		{"b.example", "224.0.0.0/8", "cannot have"},
		{"b.example", "240.0.0.0/8", "cannot have"},
	};
	struct trust trust = {.count = 0};
	struct trust_pin pin;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pin = pin_of(cases[i].domain, cases[i].prefix4, "");
		expect_refusal(&trust, &pin, cases[i].said);
	}
	pin = pin_of("b.example", "", "fc00::/15");
	expect_refusal(&trust, &pin, "wider than /16");
	pin = pin_of("b.example", "", "fe80::/16");
	expect_refusal(&trust, &pin, "cannot have");
	pin = pin_of("b.example", "198.19.0.0/16", "");
	pin.prefix4.ip.b[3] = 1; /* host bits */
	expect_refusal(&trust, &pin, "behind its length");
	pin.prefix4 = prefix("fd00:b::/48"); /* in the wrong place */
	expect_refusal(&trust, &pin, "no IPv4 prefix");
	pin.prefix4 = prefix("198.19.0.0/16");
	pin.prefix4.len = 200;
	expect_refusal(&trust, &pin, "no IPv4 prefix");
	pin = pin_of("b.example", "198.19.0.0/16", "");
	pin.has_root = false;
	expect_refusal(&trust, &pin, "needs the root key");
	pin.has_root = true;
	memset(pin.root, 0, sizeof(pin.root));
	expect_refusal(&trust, &pin, "zeros");
	pin = pin_of("b.example", "198.19.0.0/16", "");
	pin.mode = (enum trust_mode)3;
	expect_refusal(&trust, &pin, "mode");
	trust_fini(&trust);
}

static void test_allow(void **state)
{
	struct trust trust = {.count = 0};
	struct trust_pin pin = pin_of("b.example", "198.19.0.0/16", "");

	(void)state;
	assert_true(trust_may_call(&pin, "alice.a.example"));
	pin.allow_all = false;
	assert_false(trust_may_call(&pin, "alice.a.example"));
	strcpy(pin.allow[pin.allow_count++], "alice.a.example");
	strcpy(pin.allow[pin.allow_count++], "bob.a.example");
	put(&trust, &pin);
	assert_true(trust_may_call(trust.item, "bob.a.example"));
	assert_false(trust_may_call(trust.item, "carol.a.example"));
	assert_false(trust_may_call(trust.item, "a.example"));
	strcpy(pin.allow[1], "bob.b.example");
	expect_refusal(&trust, &pin, "\"bob.b.example\" may not be called");
	strcpy(pin.allow[1], "Bob.a.example");
	expect_refusal(&trust, &pin, "may not be called");
	pin.allow_count = TRUST_ALLOW_MAX + 1;
	expect_refusal(&trust, &pin, "more than 16");
	trust_fini(&trust);
}

/* Modes that learn the root take a pin with nothing but a name. */
static void test_modes_that_learn(void **state)
{
	struct trust trust = {.count = 0};
	struct trust_pin pin = {.domain = "b.example", .mode = TRUST_TOFU, .allow_all = true};

	(void)state;
	put(&trust, &pin);
	pin.mode = TRUST_DNSSEC;
	put(&trust, &pin);
	assert_int_equal(trust.count, 1);
	assert_int_equal(trust.item[0].mode, TRUST_DNSSEC);
	/* Nothing is known of its addresses, so none is its. */
	const struct ntm_ip none = {.family = 0}, some = ntm_ip_v4(198, 19, 0, 1);
	assert_null(trust_by_vip(&trust, &none));
	assert_null(trust_by_vip(&trust, &some));
	trust_fini(&trust);
}

static void test_set(void **state)
{
	static const char *const names[] = {"m.example", "b.example", "z.example", "c.example"};
	static const char *const sorted[] = {"b.example", "c.example", "m.example", "z.example"};
	struct trust trust = {.count = 0};
	char prefix4[32];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		snprintf(prefix4, sizeof(prefix4), "10.%zu.0.0/16", i);
		const struct trust_pin pin = pin_of(names[i], prefix4, "");
		put(&trust, &pin);
	}
	assert_int_equal(trust.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(trust.item[i].domain, sorted[i]);
	const struct trust_pin again = pin_of("m.example", "10.77.0.0/16", "");
	put(&trust, &again);
	assert_int_equal(trust.count, 4);
	const struct ntm_ip new = ntm_ip_v4(10, 77, 3, 4), former = ntm_ip_v4(10, 0, 3, 4);
	assert_string_equal(trust_by_vip(&trust, &new)->domain, "m.example");
	assert_null(trust_by_vip(&trust, &former));
	assert_null(trust_by_domain(&trust, "nobody.example"));
	assert_string_equal(trust_by_domain(&trust, "z.example")->domain, "z.example");
	trust_fini(&trust);
	assert_int_equal(trust.count, 0);
	assert_null(trust.item);
}

static void test_full(void **state)
{
	struct trust trust = {.count = 0};
	char domain[32], prefix4[32];

	(void)state;
	for (int i = 0; i < TRUST_MAX; i++) {
		snprintf(domain, sizeof(domain), "d%d.example", i);
		snprintf(prefix4, sizeof(prefix4), "10.%d.0.0/16", i);
		const struct trust_pin pin = pin_of(domain, prefix4, "");
		put(&trust, &pin);
	}
	const struct trust_pin more = pin_of("b.example", "198.19.0.0/16", "");
	expect_refusal(&trust, &more, "no more than 128");
	const struct trust_pin again = pin_of("d5.example", "198.19.0.0/16", "");
	put(&trust, &again); /* in the place of another */
	trust_fini(&trust);
}

static void test_longest_name_decides(void **state)
{
	static const struct {
		const char *name, *domain; /* NULL: nobody's, or ours */
	} cases[] = {
		{"alice.b.example", "b.example"},
		{"b.example", "b.example"},
		{"x.alice.b.example", "b.example"},
		{"xb.example", NULL},
		{"b.example.org", NULL},
		{"alice.eu.b.example", "eu.b.example"},
		{"eu.b.example", "eu.b.example"},
		{"neu.b.example", "b.example"},
		{"alice.a.example", NULL},
		{"a.example", NULL},
		{"alice.part.a.example", "part.a.example"},
		/* corp.test is pinned, whose a.corp.test is ours in the second round */
		{"alice.corp.test", "corp.test"},
		{"example", NULL},
		{"", NULL},
	};
	struct trust trust = {.count = 0};
	const struct trust_pin pins[] = {pin_of("b.example", "10.1.0.0/16", ""),
					 pin_of("eu.b.example", "10.2.0.0/16", ""),
					 pin_of("part.a.example", "10.3.0.0/16", ""),
					 pin_of("corp.test", "10.4.0.0/16", "")};
	struct trust_own own = own_domain();

	(void)state;
	for (size_t i = 0; i < 4; i++)
		put(&trust, &pins[i]);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct trust_pin *pin = trust_by_name(&trust, &own, cases[i].name);

		if (cases[i].domain == NULL)
			assert_null(pin);
		else if (pin == NULL)
			fail_msg("%s is nobody's", cases[i].name);
		else
			assert_string_equal(pin->domain, cases[i].domain);
	}
	own.domain = "a.corp.test"; /* a domain above ours says nothing of our names */
	assert_null(trust_by_name(&trust, &own, "alice.a.corp.test"));
	assert_null(trust_by_name(&trust, &own, "a.corp.test"));
	assert_string_equal(trust_by_name(&trust, &own, "alice.corp.test")->domain, "corp.test");
	trust_fini(&trust);
}

/* ---- certificates ---- */

static struct ntm_cert honest_cert(void)
{
	struct ntm_cert cert = {.type = NTM_CERT_NODE,
				.serial = 5,
				.not_before_s = NOW - DAY,
				.not_after_s = NOW + DAY,
				.fqdn = "bob.b.example",
				.vip4 = ntm_ip_v4(198, 19, 0, 1)};

	assert_int_equal(ntm_ip_parse(&cert.vip6, "fd00:b::1"), 0);
	memset(cert.key, 9, sizeof(cert.key));
	return cert;
}

static void be_honest(struct ntm_cert *cert)
{
	(void)cert;
}
static void have_no_vip6(struct ntm_cert *cert)
{
	cert->vip6 = (struct ntm_ip){0};
}
static void have_no_vip4(struct ntm_cert *cert)
{
	cert->vip4 = (struct ntm_ip){0};
}
static void have_no_vip(struct ntm_cert *cert)
{
	cert->vip4 = cert->vip6 = (struct ntm_ip){0};
}
static void be_a_dc(struct ntm_cert *cert)
{
	have_no_vip(cert);
	cert->type = NTM_CERT_DC;
	cert->prefix4 = prefix("198.19.0.0/16");
}
static void be_a_domain(struct ntm_cert *cert)
{
	be_a_dc(cert);
	cert->type = NTM_CERT_DOMAIN;
}
static void be_a_relay(struct ntm_cert *cert)
{
	have_no_vip(cert);
	cert->type = NTM_CERT_RELAY;
}
static void be_ours(struct ntm_cert *cert)
{
	strcpy(cert->fqdn, "alice.a.example");
}
static void be_nearly_inside(struct ntm_cert *cert)
{
	strcpy(cert->fqdn, "bob.xb.example");
}
static void be_above(struct ntm_cert *cert)
{
	strcpy(cert->fqdn, "example");
}
static void take_our_vip4(struct ntm_cert *cert)
{
	cert->vip4 = ntm_ip_v4(198, 18, 0, 1);
}
static void take_vip4_of_c(struct ntm_cert *cert)
{
	cert->vip4 = ntm_ip_v4(198, 20, 0, 1);
}
static void take_our_vip6(struct ntm_cert *cert)
{
	assert_int_equal(ntm_ip_parse(&cert->vip6, "fd00:a::1"), 0);
}
static void be_old(struct ntm_cert *cert)
{
	cert->not_after_s = NOW - NTM_CERT_SKEW_S - 1;
}
static void be_new(struct ntm_cert *cert)
{
	cert->not_before_s = NOW + NTM_CERT_SKEW_S + 1;
}

static void test_certificates(void **state)
{
	static const struct {
		void (*twist)(struct ntm_cert *cert);
		const char *said; /* NULL: fine */
	} cases[] = {
		{be_honest, NULL},
		{have_no_vip6, NULL},
		{have_no_vip4, NULL},
		{have_no_vip, "has no address"},
		{be_a_dc, "not one of a node"},
		{be_a_domain, "not one of a node"},
		{be_a_relay, "not one of a node"},
		{be_ours, "b.example signs for alice.a.example"},
		{be_nearly_inside, "not in it"},
		{be_above, "not in it"},
		{take_our_vip4, "198.18.0.1 of bob.b.example is outside"},
		{take_vip4_of_c, "198.20.0.1 of bob.b.example is outside"},
		{take_our_vip6, "fd00:a::1 of bob.b.example is outside"},
		{be_old, "not valid now"},
		{be_new, "not valid now"},
	};
	struct ntm_root root;
	struct trust_pin pin = pin_of("b.example", "198.19.0.0/16", "fd00:b::/48");
	uint8_t blob[NTM_CERT_MAX];

	(void)state;
	ntm_root_make(&root);
	memcpy(pin.root, root.pub, sizeof(pin.root));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ntm_cert cert = honest_cert(), got = {.serial = 77}, before = got;
		char words[TRUST_WORDS] = "";

		cases[i].twist(&cert);
		size_t len = ntm_cert_sign(&cert, &root, blob);
		assert_true(len > 0);
		int err = trust_check_node(&pin, blob, len, NOW, &got, words);
		if (cases[i].said == NULL) {
			assert_int_equal(err, 0);
			assert_memory_equal(&got, &cert, sizeof(got));
			continue;
		}
		assert_int_equal(err, -EKEYREJECTED);
		assert_memory_equal(&got, &before, sizeof(got));
		if (strstr(words, cases[i].said) == NULL)
			fail_msg("\"%s\" is not in \"%s\"", cases[i].said, words);
	}
}

static void expect_rejected(const struct trust_pin *pin, const uint8_t *blob, size_t len,
			    const char *said)
{
	struct ntm_cert got;
	char words[TRUST_WORDS] = "";

	assert_int_equal(trust_check_node(pin, blob, len, NOW, &got, words), -EKEYREJECTED);
	if (strstr(words, said) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", said, words);
}

static void test_certificates_of_others(void **state)
{
	struct ntm_root root, other;
	struct trust_pin pin = pin_of("b.example", "198.19.0.0/16", "fd00:b::/48");
	const struct ntm_cert cert = honest_cert();
	uint8_t blob[NTM_CERT_MAX];

	(void)state;
	ntm_root_make(&root);
	ntm_root_make(&other);
	memcpy(pin.root, root.pub, sizeof(pin.root));
	size_t len = ntm_cert_sign(&cert, &other, blob);
	expect_rejected(&pin, blob, len, "not signed by the root");
	len = ntm_cert_sign(&cert, &root, blob);
	expect_rejected(&pin, blob, len - 1, "malformed");
	expect_rejected(&pin, blob, 0, "malformed");
	/* An address of a family that the pin has no prefix of. */
	pin.prefix6 = (struct ntm_prefix){.len = 0};
	expect_rejected(&pin, blob, len, "fd00:b::1 of bob.b.example is outside");
	pin.prefix6 = prefix("fd00:b::/48");
	pin.prefix4 = (struct ntm_prefix){.len = 0};
	expect_rejected(&pin, blob, len, "198.19.0.1 of bob.b.example is outside");
	/* Before the root is known nothing is believed, least of all the root zero. */
	pin = pin_of("b.example", "198.19.0.0/16", "fd00:b::/48");
	pin.has_root = false;
	memcpy(pin.root, root.pub, sizeof(pin.root));
	expect_rejected(&pin, blob, len, "not known yet");
}

static void test_mode_names(void **state)
{
	static const enum trust_mode modes[] = {TRUST_PINNED, TRUST_DNSSEC, TRUST_TOFU};
	enum trust_mode mode = TRUST_PINNED;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(trust_mode_parse(&mode, trust_mode_name(modes[i])), 0);
		assert_int_equal(mode, modes[i]);
	}
	assert_int_equal(trust_mode_parse(&mode, "Pinned"), -EINVAL);
	assert_int_equal(trust_mode_parse(&mode, ""), -EINVAL);
	assert_int_equal(mode, TRUST_TOFU);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_insane_pins),
		cmocka_unit_test(test_allow),
		cmocka_unit_test(test_modes_that_learn),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_longest_name_decides),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_certificates_of_others),
		cmocka_unit_test(test_mode_names),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
