/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the lease: made from a token and the DC's answer, questions about it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lease.h"

#define NOW_S INT64_C(1790000000)

struct world {
	struct ntm_root root;
	struct ntm_token token;
	struct node_lease lease;
	struct ntm_cert cert;
	struct ntm_join_answer answer;
	char words[200];
};

static void sign(struct world *w)
{
	w->answer.cert.len = (uint16_t)ntm_cert_sign(&w->cert, &w->root, w->answer.cert.data);
	assert_true(w->answer.cert.len > 0);
}

static void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	assert_int_equal(ntm_crypto_init(), 0);
	ntm_root_make(&w->root);
	w->token.dc[0] = (struct ntm_addr){ntm_ip_v4(192, 0, 2, 9), 4330};
	w->token.dc[1] = (struct ntm_addr){{.family = 6, .b = {0x20, 1}}, 4330};
	memset(w->token.dc_key, 4, sizeof(w->token.dc_key));
	memset(w->token.secret, 5, sizeof(w->token.secret));
	memcpy(w->token.root, w->root.pub, sizeof(w->token.root));
	strcpy(w->token.fqdn, "a.ntm.example");
	strcpy(w->token.domain, "ntm.example");
	lease_from_token(&w->lease, &w->token);
	ntm_keys_make(&w->lease.keys);
	w->cert = (struct ntm_cert){
		.type = NTM_CERT_NODE,
		.serial = 1,
		.not_before_s = NOW_S - 60,
		.not_after_s = NOW_S + 86400,
		.vip4 = ntm_ip_v4(198, 18, 0, 7),
		.vip6 = {.family = 6, .b = {0xfd, [15] = 7}},
	};
	strcpy(w->cert.fqdn, "a.ntm.example");
	memcpy(w->cert.key, w->lease.keys.pub, NTM_KEY_LEN);
	w->answer.prefixes.count = 2;
	assert_int_equal(ntm_prefix_parse(&w->answer.prefixes.item[0], "198.18.0.0/16"), 0);
	assert_int_equal(ntm_prefix_parse(&w->answer.prefixes.item[1], "fd00::/64"), 0);
	w->answer.suffixes.count = 2;
	strcpy(w->answer.suffixes.item[0], "ntm.example");
	strcpy(w->answer.suffixes.item[1], "sub.example.org");
	w->answer.resolver4 = ntm_ip_v4(198, 18, 255, 254);
	w->answer.resolver6 = (struct ntm_ip){.family = 6, .b = {0xfd, [15] = 0xff}};
	sign(w);
}

static int take(struct world *w)
{
	return lease_from_answer(&w->lease, &w->answer, NOW_S, w->words, sizeof(w->words));
}

static void a_token_names_dc_root_and_node(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	memset(&w.lease, 0xff, sizeof(w.lease));
	lease_from_token(&w.lease, &w.token);
	assert_true(ntm_addr_eq(&w.lease.dc[0], &w.token.dc[0]));
	assert_true(ntm_addr_eq(&w.lease.dc[1], &w.token.dc[1]));
	assert_memory_equal(w.lease.dc_key, w.token.dc_key, NTM_KEY_LEN);
	assert_memory_equal(w.lease.root, w.root.pub, NTM_SIGN_PUB_LEN);
	assert_string_equal(w.lease.fqdn, "a.ntm.example");
	assert_string_equal(w.lease.domain, "ntm.example");
	/* The rest is nothing yet. */
	assert_int_equal(w.lease.vip4.family + w.lease.vip6.family, 0);
	assert_int_equal(w.lease.prefixes.count + w.lease.suffixes.count, 0);
	assert_int_equal(w.lease.cert.len, 0);
}

static void an_answer_completes_the_lease(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(take(&w), 0);
	assert_true(ntm_ip_eq(&w.lease.vip4, &w.cert.vip4));
	assert_true(ntm_ip_eq(&w.lease.vip6, &w.cert.vip6));
	assert_true(ntm_ip_eq(&w.lease.resolver4, &w.answer.resolver4));
	assert_true(ntm_ip_eq(&w.lease.resolver6, &w.answer.resolver6));
	assert_int_equal(w.lease.cert.len, w.answer.cert.len);
	assert_memory_equal(w.lease.cert.data, w.answer.cert.data, w.answer.cert.len);
	assert_int_equal(w.lease.prefixes.count, 2);
	assert_string_equal(w.lease.suffixes.item[1], "sub.example.org");
	/* And again with the next certificate. */
	w.cert.serial++;
	w.cert.not_after_s += 86400;
	sign(&w);
	assert_int_equal(take(&w), 0);
	assert_memory_equal(w.lease.cert.data, w.answer.cert.data, w.answer.cert.len);
}

static void one_family_is_enough(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.cert.vip6 = (struct ntm_ip){0};
	w.answer.prefixes.count = 1;
	sign(&w);
	assert_int_equal(take(&w), 0);
	assert_int_equal(w.lease.vip6.family, 0);
	assert_false(lease_is_ours(&w.lease, &w.lease.vip6));
}

static void other_root(struct world *w)
{
	struct ntm_root root;

	ntm_root_make(&root);
	w->answer.cert.len = (uint16_t)ntm_cert_sign(&w->cert, &root, w->answer.cert.data);
}

static void no_cert(struct world *w)
{
	w->answer.cert.len = 0;
}

static void cut_cert(struct world *w)
{
	w->answer.cert.len--;
}

static void old_cert(struct world *w)
{
	w->cert.not_before_s = NOW_S - 86400;
	w->cert.not_after_s = NOW_S - NTM_CERT_SKEW_S - 1;
	sign(w);
}

static void early_cert(struct world *w)
{
	w->cert.not_before_s = NOW_S + NTM_CERT_SKEW_S + 1;
	sign(w);
}

static void other_name(struct world *w)
{
	strcpy(w->cert.fqdn, "b.ntm.example");
	sign(w);
}

static void other_key(struct world *w)
{
	w->cert.key[0] ^= 1;
	sign(w);
}

static void other_type(struct world *w)
{
	w->cert.type = NTM_CERT_RELAY;
	w->cert.vip4 = w->cert.vip6 = (struct ntm_ip){0};
	sign(w);
}

static void no_vip(struct world *w)
{
	w->cert.vip4 = w->cert.vip6 = (struct ntm_ip){0};
	w->answer.cert.len = (uint16_t)ntm_cert_sign(&w->cert, &w->root, w->answer.cert.data);
}

static void vip4_outside(struct world *w)
{
	w->cert.vip4 = ntm_ip_v4(198, 19, 0, 7);
	sign(w);
}

static void vip6_outside(struct world *w)
{
	w->answer.prefixes.count = 1;
}

static void no_prefixes(struct world *w)
{
	w->answer.prefixes.count = 0;
}

struct flaw {
	const char *name;
	void (*make)(struct world *w);
	int err;
	const char *words; /* part of them */
};

static void a_wrong_answer_changes_nothing(void **state)
{
	static const struct flaw flaws[] = {
		{"other root", other_root, -EKEYREJECTED, "not signed by the root key"},
		{"no certificate", no_cert, -EBADMSG, "root key"},
		{"cut certificate", cut_cert, -EBADMSG, "root key"},
		{"old certificate", old_cert, -ETIME, "clock"},
		{"early certificate", early_cert, -ETIME, "clock"},
		{"other name", other_name, -EPROTO, "another node"},
		{"other key", other_key, -EPROTO, "another node"},
		{"other type", other_type, -EPROTO, "another node"},
		{"no address", no_vip, 0, ""},
		{"IPv4 outside", vip4_outside, -EPROTO, "outside of its prefixes"},
		{"IPv6 outside", vip6_outside, -EPROTO, "outside of its prefixes"},
		{"no prefixes", no_prefixes, -EPROTO, "outside of its prefixes"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
		struct world w;
		struct node_lease before;

		world_init(&w);
		memcpy(&before, &w.lease, sizeof(before));
		flaws[i].make(&w);
		int err = take(&w);
		if (flaws[i].err != 0 ? err != flaws[i].err : err == 0)
			fail_msg("%s: %d", flaws[i].name, err);
		if (strstr(w.words, flaws[i].words) == NULL)
			fail_msg("%s: %s", flaws[i].name, w.words);
		assert_memory_equal(&before, &w.lease, sizeof(before));
	}
}

static struct ntm_ip ip_of(const char *text)
{
	struct ntm_ip ip = {0};

	if (strcmp(text, "none") != 0)
		assert_int_equal(ntm_ip_parse(&ip, text), 0);
	return ip;
}

static void addresses_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		bool is_virtual, is_ours, is_resolver;
	} rows[] = {
		{"198.18.0.7", true, true, false},       {"198.18.0.8", true, false, false},
		{"198.18.255.254", true, false, true},   {"198.19.0.7", false, false, false},
		{"198.17.255.255", false, false, false}, {"198.18.0.0", true, false, false},
		{"fd00::7", true, true, false},          {"fd00::ff", true, false, true},
		{"fd00:0:0:1::7", false, false, false},  {"192.0.2.9", false, false, false},
		{"none", false, false, false},
	};
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(take(&w), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_ip ip = ip_of(rows[i].text);

		if (lease_is_virtual(&w.lease, &ip) != rows[i].is_virtual ||
		    lease_is_ours(&w.lease, &ip) != rows[i].is_ours ||
		    lease_is_resolver(&w.lease, &ip) != rows[i].is_resolver)
			fail_msg("%s", rows[i].text);
	}
}

/* Family 0 is no address, also when we have none of a family. */
static void no_address_is_nobodys(void **state)
{
	struct node_lease lease;
	struct ntm_ip none = {0};

	(void)state;
	memset(&lease, 0, sizeof(lease));
	assert_false(lease_is_ours(&lease, &none));
	assert_false(lease_is_resolver(&lease, &none));
	assert_false(lease_is_virtual(&lease, &none));
	assert_false(lease_has_name(&lease, ""));
}

static void names_are_of_the_suffixes(void **state)
{
	static const struct {
		const char *name;
		bool is_of;
	} rows[] = {
		{"ntm.example", true},
		{"a.ntm.example", true},
		{"_sip._udp.ntm.example", true},
		{"b.sub.example.org", true},
		{"xntm.example", false},
		{"example", false},
		{"ntm.example.com", false},
		{"example.org", false},
		{"", false},
	};
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(take(&w), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (lease_has_name(&w.lease, rows[i].name) != rows[i].is_of)
			fail_msg("%s", rows[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_names_dc_root_and_node),
		cmocka_unit_test(an_answer_completes_the_lease),
		cmocka_unit_test(one_family_is_enough),
		cmocka_unit_test(a_wrong_answer_changes_nothing),
		cmocka_unit_test(addresses_are_told_apart),
		cmocka_unit_test(no_address_is_nobodys),
		cmocka_unit_test(names_are_of_the_suffixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
