/* SPDX-License-Identifier: BSD-2-Clause */
/* Join tokens, certificates and revocations. */
#include "store_help.h"

#include <errno.h>

static int setup(void **state)
{
	struct store *store = help_open(":memory:");
	*state = store;
	assert_int_equal(help_add(store, "a.ntm.example", NULL), 0); /* id 1 */
	assert_int_equal(help_add(store, "b.ntm.example", NULL), 0); /* id 2 */
	assert_int_equal(help_token(store, 1, 1), 0);
	return 0;
}

static int teardown(void **state)
{
	store_close(*state);
	return 0;
}

static void test_join(void **state)
{
	struct store *store = *state;
	struct got got;
	assert_int_equal(help_use(store, 1, 7, NOW, &got), 0);
	assert_string_equal(got.node.fqdn, "a.ntm.example");
	assert_true(got.node.joined);
	assert_int_equal(got.node.key[0], 7);
	assert_int_equal(got.node.serial, got.cert.serial);
	assert_int_equal(got.cert.serial, 1);
	assert_int_equal(got.cert.node_id, 1);
	assert_int_equal(got.cert.key[31], 7);
	assert_int_equal(got.cert.not_before_s, NOW);
	assert_int_equal(got.cert.not_after_s, NOW + 7 * DAY);
}

/* A lost answer burns no token, and makes no second certificate. */
static void test_same_key_again(void **state)
{
	struct store *store = *state;
	struct got first, again;
	assert_int_equal(help_use(store, 1, 7, NOW, &first), 0);
	assert_int_equal(help_use(store, 1, 7, NOW + 60, &again), 0);
	assert_memory_equal(&again.cert, &first.cert, sizeof first.cert);
	assert_int_equal(help_use(store, 1, 8, NOW + 60, NULL), -EEXIST);
	assert_int_equal(help_use(store, 1, 7, NOW + DAY, NULL), -ETIME);
}

/* A host that was set up and then lay about: its token still counts, its certificate does not. */
static void test_same_key_after_its_certificate(void **state)
{
	struct store *store = *state;
	struct store_token token = {.expires_s = NOW + 30 * DAY};
	struct got first, again = {0};
	assert_int_equal(help_add(store, "bob.ntm.example", &again.node), 0);
	token.node_id = again.node.id;
	memset(token.hash, 5, sizeof token.hash);
	store_token_put(store, &token, got_done, &again);
	assert_int_equal(again.err, 0);
	assert_int_equal(help_use(store, 5, 9, NOW, &first), 0);
	assert_int_equal(help_use(store, 5, 9, NOW + 7 * DAY - 1, &again), 0);
	assert_int_equal(again.cert.serial, first.cert.serial);
	assert_int_equal(help_use(store, 5, 9, NOW + 7 * DAY, &again), 0);
	assert_true(again.cert.serial > first.cert.serial);
	assert_int_equal(again.cert.not_after_s, NOW + 14 * DAY);
	assert_int_equal(help_revocations(store, NOW + 7 * DAY, NULL), 0);
}

static void test_refused_tokens(void **state)
{
	struct store *store = *state;
	struct got got;
	assert_int_equal(help_use(store, 9, 7, NOW, &got), -ENOENT);
	assert_false(got.has_node);
	assert_false(got.has_cert);
	assert_int_equal(help_use(store, 1, 7, NOW + DAY, NULL), -ETIME);
	assert_int_equal(help_use(store, 1, 7, NOW + DAY - 1, NULL), 0);
	assert_int_equal(help_token(store, 99, 3), -ENOENT);
	assert_int_equal(help_token(store, 2, 1), -EEXIST); /* a hash that is there */
}

/* A key that is someone's is refused, and the token stays good for another. */
static void test_key_of_another_node(void **state)
{
	struct store *store = *state;
	assert_int_equal(help_use(store, 1, 7, NOW, NULL), 0);
	assert_int_equal(help_token(store, 2, 2), 0);
	assert_int_equal(help_use(store, 2, 7, NOW, NULL), -EKEYREJECTED);
	assert_int_equal(help_use(store, 2, 8, NOW, NULL), 0);
}

static void test_new_token_replaces(void **state)
{
	struct store *store = *state;
	assert_int_equal(help_token(store, 1, 2), 0);
	assert_int_equal(help_use(store, 1, 7, NOW, NULL), -ENOENT);
	assert_int_equal(help_use(store, 2, 7, NOW, NULL), 0);
}

/* A host that was set up anew: same VIPs, new key, the former key is revoked. */
static void test_join_with_new_key(void **state)
{
	struct store *store = *state;
	struct got first, second, listed;
	assert_int_equal(help_use(store, 1, 7, NOW, &first), 0);
	assert_int_equal(help_token(store, 1, 2), 0);
	assert_int_equal(help_use(store, 2, 8, NOW + 10, &second), 0);
	assert_true(ntm_ip_eq(&first.node.vip4, &second.node.vip4));
	assert_int_equal(second.node.key[0], 8);
	assert_int_equal(second.cert.serial, 2);
	assert_int_equal(help_revocations(store, NOW + 10, &listed), 1);
	assert_int_equal(listed.revocation.serial, 1);
	assert_int_equal(listed.revocation.key[0], 7);
	assert_int_equal(listed.revocation.not_after_s, first.cert.not_after_s);
	help_ip(&listed.revocation.vip4, "198.18.0.1"); /* also the new key's */
	help_ip(&listed.revocation.vip6, "fd00:1:2::1");

	assert_int_equal(help_token(store, 1, 3), 0);
	assert_int_equal(help_use(store, 3, 7, NOW + 20, NULL), -EKEYREJECTED);
	assert_int_equal(help_token(store, 1, 4), 0); /* the same key with a new token: no harm */
	assert_int_equal(help_use(store, 4, 8, NOW + 20, &second), 0);
	assert_int_equal(help_revocations(store, NOW + 20, NULL), 1);
}

static void test_revoke(void **state)
{
	struct store *store = *state;
	struct got got = {0}, listed;
	assert_int_equal(help_use(store, 1, 7, NOW, NULL), 0);
	assert_int_equal(help_revocations(store, NOW, NULL), 0);
	store_node_revoke(store, "a.ntm.example", NOW + 5, got_node, &got);
	assert_int_equal(got.err, 0);
	assert_int_equal(got.node.revoked_s, NOW + 5);
	assert_int_equal(got.node.key[0], 7);
	assert_int_equal(help_revocations(store, NOW + 5, &listed), 1);
	assert_int_equal(listed.revocation.key[0], 7);

	assert_int_equal(help_use(store, 1, 7, NOW + 5, NULL), -ENOENT); /* its token is gone */
	assert_int_equal(help_token(store, 1, 2), -ENOENT);
	assert_int_equal(help_token(store, 2, 2), 0);
	assert_int_equal(help_use(store, 2, 7, NOW + 5, NULL), -EKEYREJECTED);

	int64_t end = NOW + 7 * DAY + NTM_CERT_SKEW_S;
	assert_int_equal(help_revocations(store, end - 1, NULL), 1);
	assert_int_equal(help_revocations(store, end, NULL), 0);
}

/* They say whose they were, as long as they are listed. */
static void test_revocations_have_addresses(void **state)
{
	struct store *store = *state;
	struct got got = {0}, listed;
	assert_int_equal(help_token(store, 2, 2), 0);
	assert_int_equal(help_use(store, 2, 9, NOW, NULL), 0);
	assert_int_equal(help_use(store, 1, 7, NOW + 600, NULL), 0);
	assert_int_equal(help_revoke(store, "b.ntm.example"), 0);
	assert_int_equal(help_add(store, "b.ntm.example", NULL), 0); /* the name again */
	assert_int_equal(help_revoke(store, "a.ntm.example"), 0);
	assert_int_equal(help_revocations(store, NOW, &listed), 2);
	assert_int_equal(listed.revocation.key[0], 7);
	help_ip(&listed.revocation.vip4, "198.18.0.1");
	help_ip(&listed.revocation.vip6, "fd00:1:2::1");

	int64_t end = NOW + 7 * DAY + NTM_CERT_SKEW_S; /* of b's certificate */
	store_purge(store, end - 1, got_done, &got);
	assert_int_equal(help_revocations(store, end - 1, NULL), 2);
	store_purge(store, end, got_done, &got);
	assert_int_equal(help_revocations(store, end, &listed), 1);
	help_ip(&listed.revocation.vip4, "198.18.0.1");
	store_purge(store, end + 600, got_done, &got);
	assert_int_equal(help_revocations(store, NOW, NULL), 0);
}

/* Of a domain without IPv6. */
static void test_revocation_of_one_family(void **state)
{
	(void)state;
	struct store_config config = help_config(":memory:");
	config.prefix6 = (struct ntm_prefix){0};
	struct store *store = help_open_config(&config);
	struct got listed;
	assert_int_equal(help_add(store, "a.ntm.example", NULL), 0);
	assert_int_equal(help_token(store, 1, 1), 0);
	assert_int_equal(help_use(store, 1, 7, NOW, NULL), 0);
	assert_int_equal(help_revoke(store, "a.ntm.example"), 0);
	assert_int_equal(help_revocations(store, NOW, &listed), 1);
	help_ip(&listed.revocation.vip4, "198.18.0.1");
	assert_int_equal(listed.revocation.vip6.family, 0);
	store_close(store);
}

static void test_issue(void **state)
{
	struct store *store = *state;
	struct got got = {0};
	assert_int_equal(help_use(store, 1, 7, NOW, NULL), 0);
	struct store_cert wanted = {.node_id = 1, .not_before_s = NOW, .not_after_s = NOW + DAY};
	memset(wanted.key, 7, sizeof wanted.key);
	store_cert_issue(store, &wanted, got_cert, &got);
	assert_int_equal(got.err, 0);
	assert_int_equal(got.cert.serial, 2);
	wanted.key[0] = 8;
	store_cert_issue(store, &wanted, got_cert, &got);
	assert_int_equal(got.err, -EKEYREJECTED);
	wanted.node_id = 2; /* has not joined */
	store_cert_issue(store, &wanted, got_cert, &got);
	assert_int_equal(got.err, -EKEYREJECTED);
	wanted.node_id = 99;
	store_cert_issue(store, &wanted, got_cert, &got);
	assert_int_equal(got.err, -ENOENT);
	wanted.node_id = 0; /* the DC's own */
	store_cert_issue(store, &wanted, got_cert, &got);
	assert_int_equal(got.err, 0);
	assert_int_equal(got.cert.serial, 3);

	assert_int_equal(help_revoke(store, "a.ntm.example"), 0);
	assert_int_equal(help_revocations(store, NOW, NULL), 2);
	wanted.node_id = 1;
	store_cert_issue(store, &wanted, got_cert, &got);
	assert_int_equal(got.err, -ENOENT);
}

static void test_newest(void **state)
{
	struct store *store = *state;
	struct got got = {0};
	store_cert_newest(store, 1, got_cert, &got);
	assert_int_equal(got.err, -ENOENT);
	assert_false(got.has_cert);
	assert_int_equal(help_use(store, 1, 7, NOW, NULL), 0);
	struct store_cert wanted = {.node_id = 1,
				    .not_before_s = NOW + DAY,
				    .not_after_s = NOW + 8 * DAY};
	memset(wanted.key, 7, sizeof wanted.key);
	store_cert_issue(store, &wanted, got_cert, &got);
	assert_int_equal(got.err, 0);
	store_cert_newest(store, 1, got_cert, &got);
	assert_int_equal(got.err, 0);
	assert_int_equal(got.cert.serial, 2);
	assert_int_equal(got.cert.node_id, 1);
	assert_int_equal(got.cert.not_before_s, NOW + DAY);
	assert_int_equal(got.cert.not_after_s, NOW + 8 * DAY);
	assert_memory_equal(got.cert.key, wanted.key, sizeof wanted.key);
}

static void test_purge_keeps_serials_rising(void **state)
{
	struct store *store = *state;
	struct got got = {0};
	assert_int_equal(help_use(store, 1, 7, NOW, NULL), 0);
	assert_int_equal(help_revoke(store, "a.ntm.example"), 0);
	store_purge(store, NOW, got_done, &got);
	assert_int_equal(got.err, 0);
	assert_int_equal(help_revocations(store, NOW, NULL), 1); /* nothing has run out */
	store_purge(store, NOW + 30 * DAY, got_done, &got);
	assert_int_equal(got.err, 0);
	assert_int_equal(help_revocations(store, NOW, NULL), 0);
	struct store_cert wanted = {.not_after_s = NOW + 31 * DAY};
	store_cert_issue(store, &wanted, got_cert, &got);
	assert_int_equal(got.cert.serial, 2);
	assert_int_equal(help_token(store, 2, 5), 0);
	assert_int_equal(help_use(store, 5, 7, NOW, NULL),
			 -EKEYREJECTED); /* key on the tombstone */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_join),
		T(test_same_key_again),
		T(test_same_key_after_its_certificate),
		T(test_refused_tokens),
		T(test_key_of_another_node),
		T(test_new_token_replaces),
		T(test_join_with_new_key),
		T(test_revoke),
		T(test_revocations_have_addresses),
		cmocka_unit_test(test_revocation_of_one_family),
		T(test_issue),
		T(test_newest),
		T(test_purge_keeps_serials_rising),
	};
	return cmocka_run_group_tests_name("store_trust", tests, NULL, NULL);
}
