/* SPDX-License-Identifier: BSD-2-Clause */
/* The relay's lease: from token and answer, renewed, on disk and back, and what is refused. */
#include "node/temp_dir.h"
#include "relay_lease.h"

#include <errno.h>

#define NOW_S INT64_C(1700000000)

static struct ntm_root root;
static struct relay_lease lease;

static struct ntm_token make_token(void)
{
	struct ntm_token token = {.kind = NTM_TOKEN_RELAY,
				  .fqdn = "relay1.ntm.example",
				  .domain = "ntm.example"};

	token.dc[0] = (struct ntm_addr){.ip = ntm_ip_v4(203, 0, 113, 30), .port = 4330};
	memcpy(token.root, root.pub, sizeof(token.root));
	memset(token.dc_key, 7, sizeof(token.dc_key));
	return token;
}

static struct ntm_cert make_cert(void)
{
	struct ntm_cert cert = {.type = NTM_CERT_RELAY,
				.serial = 5,
				.not_before_s = NOW_S - 10,
				.not_after_s = NOW_S + 86400,
				.fqdn = "relay1.ntm.example"};

	memcpy(cert.key, lease.keys.pub, sizeof(cert.key));
	return cert;
}

static struct ntm_join_answer answer_with(const struct ntm_cert *cert)
{
	struct ntm_join_answer answer = {0};

	answer.cert.len = (uint16_t)ntm_cert_sign(cert, &root, answer.cert.data);
	assert_true(answer.cert.len > 0);
	assert_int_equal(ntm_prefix_parse(&answer.prefixes.item[0], "198.18.0.0/20"), 0);
	answer.prefixes.count = 1;
	return answer;
}

static int setup(void **state)
{
	struct ntm_token token;

	(void)state;
	ntm_root_make(&root);
	token = make_token();
	relay_lease_from_token(&lease, &token);
	ntm_keys_make(&lease.keys);
	return 0;
}

static void test_from_answer(void **state)
{
	struct ntm_cert cert = make_cert();
	struct ntm_join_answer answer = answer_with(&cert);
	char words[200] = "";

	(void)state;
	assert_int_equal(relay_lease_from_answer(&lease, &answer, NOW_S, words, sizeof(words)), 0);
	assert_int_equal(lease.cert.len, answer.cert.len);
	assert_int_equal(lease.prefixes.count, 1);
}

static void expect_refused(const struct ntm_cert *cert, int err, const char *why)
{
	struct ntm_join_answer answer = answer_with(cert);
	char words[200] = "";

	assert_int_equal(relay_lease_from_answer(&lease, &answer, NOW_S, words, sizeof(words)),
			 err);
	if (strstr(words, why) == NULL)
		fail_msg("'%s' is not in '%s'", why, words);
	assert_int_equal(lease.cert.len, 0);
}

static void test_refused_answers(void **state)
{
	struct ntm_cert cert = make_cert();
	struct ntm_root other;

	(void)state;
	strcpy(cert.fqdn, "relay2.ntm.example");
	expect_refused(&cert, -EPROTO, "another relay");
	cert = make_cert();
	cert.key[0] ^= 1;
	expect_refused(&cert, -EPROTO, "another relay");
	cert = make_cert();
	cert.type = NTM_CERT_NODE;
	cert.vip4 = ntm_ip_v4(198, 18, 0, 9);
	expect_refused(&cert, -EPROTO, "another relay");
	cert = make_cert();
	cert.not_after_s = NOW_S - 5;
	cert.not_before_s = NOW_S - 86400;
	cert.not_after_s = NOW_S - 2 * NTM_CERT_SKEW_S;
	expect_refused(&cert, -ETIME, "clock");
	cert = make_cert();
	ntm_root_make(&other);
	memcpy(lease.root, other.pub, sizeof(lease.root));
	expect_refused(&cert, -EKEYREJECTED, "root key of the token");
}

static void test_renew(void **state)
{
	struct ntm_cert cert = make_cert();
	struct ntm_join_answer answer = answer_with(&cert);

	(void)state;
	assert_int_equal(relay_lease_renew(&lease, &answer.cert, NOW_S), 0);
	assert_int_equal(relay_lease_renew(&lease, &answer.cert, NOW_S), -EALREADY);
	cert.serial++;
	answer = answer_with(&cert);
	assert_int_equal(relay_lease_renew(&lease, &answer.cert, NOW_S + 10 * 86400), -ETIME);
	assert_int_equal(relay_lease_renew(&lease, &answer.cert, NOW_S), 0);
	assert_memory_equal(lease.cert.data, answer.cert.data, answer.cert.len);
}

static void test_disk(void **state)
{
	struct ntm_cert cert = make_cert();
	struct ntm_join_answer answer = answer_with(&cert);
	struct relay_lease again;
	char words[300] = "";
	struct stat st;

	(void)state;
	assert_int_equal(relay_lease_load(&again, temp_dir, words, sizeof(words)), -ENOENT);
	assert_non_null(strstr(words, "ntm-relay join"));
	assert_int_equal(relay_lease_from_answer(&lease, &answer, NOW_S, words, sizeof(words)), 0);
	lease.dc[1] = (struct ntm_addr){.ip = {.family = 6, .b = {0x20, 1}}, .port = 4330};
	assert_int_equal(relay_lease_save(&lease, temp_dir, words, sizeof(words)), 0);
	assert_int_equal(stat(temp_path("relay.json"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(relay_lease_load(&again, temp_dir, words, sizeof(words)), 0);
	assert_memory_equal(&again, &lease, sizeof(lease));
	/* Others may read it. */
	assert_int_equal(chmod(temp_path("relay.json"), 0644), 0);
	assert_int_equal(relay_lease_load(&again, temp_dir, words, sizeof(words)), -EPERM);
	assert_int_equal(relay_lease_save(&lease, "/nonexistent", words, sizeof(words)), -ENOENT);
	assert_int_equal(unlink(temp_path("relay.json")), 0);
}

/* A daemon whose host has joined anew meanwhile does not put its own lease in the new one's place.
 */
static void test_not_over_another(void **state)
{
	struct ntm_cert cert = make_cert();
	struct ntm_join_answer answer = answer_with(&cert);
	struct relay_lease next, again;
	char words[300] = "";

	(void)state;
	assert_int_equal(relay_lease_from_answer(&lease, &answer, NOW_S, words, sizeof(words)), 0);
	next = lease;
	assert_int_equal(relay_lease_save_own(&lease, temp_dir, words, sizeof(words)), 0);
	assert_int_equal(relay_lease_save_own(&lease, temp_dir, words, sizeof(words)), 0);
	ntm_keys_make(&next.keys);
	strcpy(next.fqdn, "relay9.ntm.example");
	assert_int_equal(relay_lease_save(&next, temp_dir, words, sizeof(words)), 0);
	assert_int_equal(relay_lease_save_own(&lease, temp_dir, words, sizeof(words)), -EEXIST);
	assert_non_null(strstr(words, "the lease of relay9.ntm.example now"));
	assert_non_null(strstr(words, "still relay1.ntm.example: restart"));
	assert_int_equal(relay_lease_load(&again, temp_dir, words, sizeof(words)), 0);
	assert_memory_equal(&again.keys, &next.keys, sizeof(next.keys));
	assert_int_equal(unlink(temp_path("relay.json")), 0);
}

/* Each way to be damaged. */
static void test_damaged(void **state)
{
	struct ntm_cert cert = make_cert();
	struct ntm_join_answer answer = answer_with(&cert);
	static const char *const keys[] = {"fqdn",        "domain", "secret",   "dc_key", "root",
					   "certificate", "dc",     "prefixes", "version"};
	struct relay_lease again;
	char words[300] = "";

	(void)state;
	assert_int_equal(relay_lease_from_answer(&lease, &answer, NOW_S, words, sizeof(words)), 0);
	assert_int_equal(relay_lease_save(&lease, temp_dir, words, sizeof(words)), 0);
	char *text = temp_copy("relay.json");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char name[32], *at;

		snprintf(name, sizeof(name), "\"%s\"", keys[i]);
		at = strstr(text, name);
		assert_non_null(at);
		at[1] ^= 0x20; /* another name */
		temp_write("relay.json", text);
		int err = relay_lease_load(&again, temp_dir, words, sizeof(words));
		at[1] ^= 0x20;
		if (strcmp(keys[i], "prefixes") == 0)
			continue; /* none is fine */
		assert_int_equal(err, strcmp(keys[i], "version") == 0 ? -ENOTSUP : -EINVAL);
		assert_non_null(strstr(words, "join again"));
		assert_int_equal(again.keys.sec[0] | again.keys.sec[31], 0);
	}
	text[strlen(text) / 2] = '\0';
	temp_write("relay.json", text);
	assert_int_equal(relay_lease_load(&again, temp_dir, words, sizeof(words)), -EINVAL);
	assert_int_equal(unlink(temp_path("relay.json")), 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_from_answer, setup, NULL),
		cmocka_unit_test_setup_teardown(test_refused_answers, setup, NULL),
		cmocka_unit_test_setup_teardown(test_renew, setup, NULL),
		cmocka_unit_test_setup_teardown(test_disk, setup, NULL),
		cmocka_unit_test_setup_teardown(test_not_over_another, setup, NULL),
		cmocka_unit_test_setup_teardown(test_damaged, setup, NULL),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
