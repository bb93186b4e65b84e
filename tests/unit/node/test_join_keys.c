/* SPDX-License-Identifier: BSD-2-Clause */
/* A token whose answer got lost is used again with the same keys. */
#include "join_keys.h"

#include "node/temp_dir.h"

#include <errno.h>

static struct ntm_keys keys_for(uint8_t secret)
{
	struct ntm_token token = {.secret = {secret}};
	struct ntm_keys keys;
	char words[300];

	assert_int_equal(join_keys(&keys, &token, temp_dir, words, sizeof(words)), 0);
	return keys;
}

static void test_join_keys(void **state)
{
	struct ntm_keys first, again, other, later, pair;
	struct stat st;

	(void)state;
	assert_int_equal(ntm_crypto_init(), 0);
	first = keys_for(1);
	assert_int_equal(stat(temp_path("join.key"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	again = keys_for(1);
	assert_memory_equal(&first, &again, sizeof(first));
	memcpy(pair.sec, again.sec, sizeof(pair.sec));
	ntm_keys_from_secret(&pair);
	assert_memory_equal(pair.pub, again.pub, sizeof(pair.pub));
	/* Another token has keys of its own. */
	other = keys_for(2);
	assert_memory_not_equal(first.sec, other.sec, sizeof(first.sec));
	/* Joined: the keys are in the lease now, and nowhere else. */
	join_keys_done(temp_dir);
	assert_int_equal(stat(temp_path("join.key"), &st), -1);
	later = keys_for(2);
	assert_memory_not_equal(other.sec, later.sec, sizeof(other.sec));
	join_keys_done(temp_dir);
}

static void test_damaged(void **state)
{
	struct ntm_keys keys;

	(void)state;
	temp_write("join.key", "short");
	keys = keys_for(1);
	assert_memory_equal(keys_for(1).sec, keys.sec, sizeof(keys.sec));
	join_keys_done(temp_dir);
}

static void test_cannot_write(void **state)
{
	struct ntm_token token = {.secret = {1}};
	struct ntm_keys keys;
	char words[300];

	(void)state;
	assert_int_equal(join_keys(&keys, &token, "/nonexistent", words, sizeof(words)), -ENOENT);
	assert_non_null(strstr(words, "join.key"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join_keys),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_cannot_write),
	};

	return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
