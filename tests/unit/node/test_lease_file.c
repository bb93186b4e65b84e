/* SPDX-License-Identifier: BSD-2-Clause */
/* lease.json: there and back, and every kind of damage told in words. */
#include "lease.h"

#include "node/lease_sample.h"
#include "node/temp_dir.h"

#include <errno.h>
#include <jansson.h>

static struct node_lease sample;
static char words[300];

static int setup(void **state)
{
	return temp_dir_make(state) == 0 && lease_sample(&sample) ? 0 : -1;
}

static int load(struct node_lease *lease)
{
	words[0] = '\0';
	return lease_load(lease, temp_dir, words, sizeof(words));
}

static void save(const struct node_lease *lease)
{
	assert_int_equal(lease_save(lease, temp_dir, words, sizeof(words)), 0);
}

static void assert_same(const struct node_lease *a, const struct node_lease *b)
{
	assert_memory_equal(&a->keys, &b->keys, sizeof(a->keys));
	assert_int_equal(a->cert.len, b->cert.len);
	assert_memory_equal(a->cert.data, b->cert.data, a->cert.len);
	assert_string_equal(a->fqdn, b->fqdn);
	assert_string_equal(a->domain, b->domain);
	assert_true(memcmp(&a->vip4, &b->vip4, sizeof(a->vip4)) == 0);
	assert_true(memcmp(&a->vip6, &b->vip6, sizeof(a->vip6)) == 0);
	assert_memory_equal(a->dc, b->dc, sizeof(a->dc));
	assert_memory_equal(a->dc_key, b->dc_key, sizeof(a->dc_key));
	assert_memory_equal(a->root, b->root, sizeof(a->root));
	assert_memory_equal(&a->prefixes, &b->prefixes, sizeof(a->prefixes));
	assert_memory_equal(&a->suffixes, &b->suffixes, sizeof(a->suffixes));
	assert_memory_equal(&a->resolver4, &b->resolver4, sizeof(a->resolver4));
	assert_memory_equal(&a->resolver6, &b->resolver6, sizeof(a->resolver6));
}

static void test_round_trip(void **state)
{
	struct node_lease lease;
	struct stat st;

	(void)state;
	save(&sample);
	assert_int_equal(stat(temp_path("lease.json"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(load(&lease), 0);
	assert_same(&lease, &sample);
}

static void test_round_trip_full(void **state)
{
	struct node_lease full = sample, lease;

	(void)state;
	full.vip6 = full.resolver6 = (struct ntm_ip){0};
	assert_int_equal(ntm_addr_parse(&full.dc[1], "[2001:db8::9]:1234", 0), 0);
	memset(&full.suffixes, 0, sizeof(full.suffixes));
	full.prefixes.count = NTM_MSG_PREFIXES;
	full.suffixes.count = NTM_MSG_NAMES;
	for (uint8_t i = 0; i < NTM_MSG_PREFIXES; i++)
		full.prefixes.item[i] =
			(struct ntm_prefix){.ip = ntm_ip_v4(10, i, 0, 0), .len = 16};
	for (int i = 0; i < NTM_MSG_NAMES; i++)
		snprintf(full.suffixes.item[i], sizeof(full.suffixes.item[i]), "%c.example",
			 'a' + i);
	save(&full);
	assert_int_equal(load(&lease), 0);
	assert_same(&lease, &full);
}

static void test_missing(void **state)
{
	struct node_lease lease;

	(void)state;
	assert_int_equal(load(&lease), -ENOENT);
	assert_non_null(strstr(words, "ntm-node join"));
}

static void test_readable_by_others(void **state)
{
	struct node_lease lease;

	(void)state;
	save(&sample);
	chmod(temp_path("lease.json"), 0640);
	assert_int_equal(load(&lease), -EPERM);
	assert_non_null(strstr(words, "chmod 600"));
}

/* Every text that is cut off is refused, and leaves no key behind. */
static void test_every_truncation(void **state)
{
	struct node_lease lease, empty;
	char text[8192];

	(void)state;
	memset(&empty, 0, sizeof(empty));
	save(&sample);
	strcpy(text, temp_read("lease.json"));
	for (size_t len = 0; len < strlen(text) - 2; len += 7) {
		char cut[8192];

		memcpy(cut, text, len);
		cut[len] = '\0';
		temp_write("lease.json", cut);
		assert_int_equal(load(&lease), -EINVAL);
		assert_non_null(strstr(words, "join again"));
		assert_memory_equal(&lease, &empty, sizeof(lease));
	}
}

/* value is JSON; NULL takes the member away. */
static void spoil(const char *member, const char *value)
{
	save(&sample);
	json_t *json = json_loads(temp_read("lease.json"), 0, NULL);
	assert_non_null(json);
	if (value == NULL)
		json_object_del(json, member);
	else
		json_object_set_new(json, member, json_loads(value, JSON_DECODE_ANY, NULL));
	char *text = json_dumps(json, 0);
	temp_write("lease.json", text);
	free(text);
	json_decref(json);
}

static void test_every_member(void **state)
{
	static const struct {
		const char *member, *value;
		int err;
	} cases[] = {
		{"version", "2", -ENOTSUP},
		{"version", NULL, -ENOTSUP},
		{"fqdn", NULL, -EINVAL},
		{"fqdn", "\"a..b\"", -EINVAL},
		{"fqdn", "7", -EINVAL},
		{"domain", "\"\"", -EINVAL},
		{"secret", "\"AAAA\"", -EINVAL},
		{"secret", NULL, -EINVAL},
		{"dc_key", "null", -EINVAL},
		{"root", "\"x\"", -EINVAL},
		{"certificate", "\"0\"", -EINVAL},
		{"certificate", "\"zz\"", -EINVAL},
		{"certificate", "[]", -EINVAL},
		{"vip4", "\"198.18.0\"", -EINVAL},
		{"vip4", NULL, -EINVAL},
		{"resolver4", "1", -EINVAL},
		{"dc", "[]", -EINVAL},
		{"dc", "[\"192.0.2.1:1\", \"192.0.2.2:1\", \"192.0.2.3:1\"]", -EINVAL},
		{"dc", "[\"dc.example\"]", -EINVAL},
		{"prefixes", "[\"198.18.0.1/16\"]", -EINVAL},
		{"prefixes", "[1]", -EINVAL},
		{"suffixes", "[\"a b\"]", -EINVAL},
		{"suffixes", "[\"a\",\"b\",\"c\",\"d\",\"e\"]", -EINVAL},
	};
	struct node_lease lease;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		spoil(cases[i].member, cases[i].value);
		if (load(&lease) != cases[i].err)
			fail_msg("%s: %s", cases[i].member, cases[i].value);
	}
}

static void test_cannot_save(void **state)
{
	(void)state;
	assert_int_equal(lease_save(&sample, "/nonexistent", words, sizeof(words)), -ENOENT);
	assert_non_null(strstr(words, "/nonexistent/lease.json"));
}

/* A daemon whose host has joined anew meanwhile does not put its own lease in the new one's place.
 */
static void test_not_over_another(void **state)
{
	struct node_lease next = sample, again;

	(void)state;
	assert_int_equal(lease_save_own(&sample, temp_dir, words, sizeof(words)), 0);
	assert_int_equal(lease_save_own(&sample, temp_dir, words, sizeof(words)), 0);
	ntm_keys_make(&next.keys);
	strcpy(next.fqdn, "next.ntm.example");
	save(&next);
	assert_int_equal(lease_save_own(&sample, temp_dir, words, sizeof(words)), -EEXIST);
	assert_non_null(strstr(words, "the lease of next.ntm.example now"));
	assert_non_null(strstr(words, sample.fqdn));
	assert_int_equal(load(&again), 0);
	assert_memory_equal(&again.keys, &next.keys, sizeof(next.keys));
	/* What cannot be read is nobody's. */
	spoil("version", "9");
	assert_int_equal(lease_save_own(&sample, temp_dir, words, sizeof(words)), 0);
	assert_int_equal(load(&again), 0);
	assert_same(&again, &sample);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, temp_dir_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_round_trip),         CASE(test_round_trip_full),  CASE(test_missing),
		CASE(test_readable_by_others), CASE(test_every_truncation), CASE(test_every_member),
		CASE(test_cannot_save),        CASE(test_not_over_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
