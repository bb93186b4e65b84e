/* SPDX-License-Identifier: BSD-2-Clause */
/* partners.json: there and back, and every kind of damage an empty list with words. */
#include "partners.h"

#include "node/partner_sample.h"
#include "node/temp_dir.h"

#include "ntm/log.h"

#include <errno.h>

static struct node_lease lease;
static struct partners list, loaded;
static char words[300];
static char good[65536];
static unsigned warnings;

static int setup(void **state)
{
	lease = partner_lease();
	memset(&list, 0, sizeof(list));
	warnings = 0;
	return temp_dir_make(state);
}

static int load(void)
{
	words[0] = '\0';
	memset(&loaded, 0xff, sizeof(loaded));
	return partners_load(&loaded, &lease, temp_dir, words, sizeof(words));
}

static void save(void)
{
	assert_int_equal(partners_save(&list, &lease, temp_dir, words, sizeof(words)), 0);
}

static void save_some(void)
{
	list.generation = UINT64_MAX; /* more than JSON's integers hold */
	partner_put(&list, &lease, partner_sample("b.example", 2, "198.19.0.0/16", "fd02::/64"));
	partner_put(&list, &lease, partner_sample("c.example", 0, "198.20.0.0/16", NULL));
	partner_put(&list, &lease, partner_sample("d.example", 4, NULL, "fd03::/64"));
	save();
	strcpy(good, temp_read("partners.json"));
}

static void assert_empty(void)
{
	assert_int_equal(loaded.count, 0);
	assert_int_equal(loaded.prefix_count, 0);
	assert_int_equal(loaded.generation, 0);
}

static void test_round_trip(void **state)
{
	struct stat st;

	(void)state;
	save_some();
	assert_int_equal(stat(temp_path("partners.json"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(load(), 0);
	assert_memory_equal(&loaded, &list, sizeof(list));
	memset(&list, 0, sizeof(list));
	save();
	assert_int_equal(load(), 0);
	assert_empty();
}

static void test_full(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PARTNERS_MAX; i++) {
		struct partner partner = partner_many(i);
		char label[64];

		memset(label, 'x', 63);
		label[63] = '\0';
		snprintf(partner.domain, sizeof(partner.domain), "%s.%.35s.p%03u.example", label,
			 label, i);
		partner_put(&list, &lease, partner);
	}
	list.generation = 7;
	save();
	assert_int_equal(load(), 0);
	assert_memory_equal(&loaded, &list, sizeof(list));
}

static void test_missing(void **state)
{
	(void)state;
	assert_int_equal(load(), 0);
	assert_empty();
	assert_string_equal(words, "");
}

static void test_every_truncation(void **state)
{
	(void)state;
	save_some();
	for (size_t len = 0; len < strlen(good) - 1; len += 5) {
		char cut[sizeof(good)];

		memcpy(cut, good, len);
		cut[len] = '\0';
		temp_write("partners.json", cut);
		assert_int_equal(load(), -EINVAL);
		assert_non_null(strstr(words, "damaged"));
		assert_empty();
	}
}

/* With one piece of the text replaced. */
static int load_with(const char *from, const char *to)
{
	char text[sizeof(good)];
	const char *at = strstr(good, from);

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
	temp_write("partners.json", text);
	return load();
}

static void test_damage(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{"\"b.example\"", "7"},
		{"\"b.example\"", "\"b..example\""},
		{"\"b.example\"", "\"b/example\""},
		{"198.19.0.0/16", "198.19.0.1/16"},
		{"198.19.0.0/16", "198.19.0.0/33"},
		{"198.19.0.0/16", "fd09::/64"}, /* in the place of an IPv4 one */
		{"fd02::/64", "198.30.0.0/16"},
		{"\"root\": \"", "\"root\": \"x"},
		{"\"of\": \"", "\"of\": \"x"},
		{"\"18446744073709551615\"", "\"18446744073709551616\""},
		{"\"18446744073709551615\"", "\"-1\""},
		{"\"18446744073709551615\"", "\"1x\""},
		{"\"18446744073709551615\"", "1"},
		{"\"partners\": [", "\"x\": 1, \"partners\": [7, "},
	};

	(void)state;
	save_some();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (load_with(cases[i].from, cases[i].to) != -EINVAL)
			fail_msg("taken: %s", cases[i].to);
		assert_empty();
	}
	assert_int_equal(load_with("\"version\": 1", "\"version\": 2"), -ENOTSUP);
	assert_empty();
	temp_write("partners.json", "[]");
	assert_int_equal(load(), -EINVAL);
}

static void test_readable_by_others(void **state)
{
	(void)state;
	save_some();
	assert_int_equal(chmod(temp_path("partners.json"), 0644), 0);
	assert_int_equal(load(), -EPERM);
	assert_empty();
}

static void test_too_many(void **state)
{
	static char text[65536];
	size_t len;

	(void)state;
	save_some();
	len = (size_t)(strstr(good, "\"partners\"") - good);
	memcpy(text, good, len);
	len += (size_t)sprintf(text + len, "\"partners\": [");
	for (unsigned i = 0; i <= PARTNERS_MAX; i++)
		len += (size_t)sprintf(text + len, "%s{}", i > 0 ? "," : "");
	strcpy(text + len, "]}");
	temp_write("partners.json", text);
	assert_int_equal(load(), -EINVAL);
	assert_empty();
}

static void on_log(enum ntm_log_level level, const char *text, void *arg)
{
	(void)text;
	(void)arg;
	warnings += level <= NTM_LOG_WARN;
}

/* The lease has changed since: what does not agree is left out, and the DC is asked again. */
static void test_against_lease(void **state)
{
	(void)state;
	save_some();
	ntm_log_set_sink(on_log, NULL);
	assert_int_equal(ntm_prefix_parse(&lease.prefixes.item[0], "198.18.0.0/15"), 0);
	assert_int_equal(load(), 0);
	ntm_log_set_sink(NULL, NULL);
	assert_int_equal(warnings, 1);
	assert_int_equal(loaded.count, 2);
	assert_null(partners_find(&loaded, "b.example"));
	assert_int_equal(loaded.generation, 0);
}

/* Joined another domain: neither its partners nor its generation say anything. */
static void test_of_another_domain(void **state)
{
	(void)state;
	save_some();
	memset(lease.root, 0xbb, sizeof(lease.root));
	assert_int_equal(load(), 0);
	assert_empty();
}

static void test_cannot_write(void **state)
{
	(void)state;
	assert_int_not_equal(partners_save(&list, &lease, "/nonexistent", words, sizeof(words)), 0);
	assert_non_null(strstr(words, "/nonexistent/partners.json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, temp_dir_remove)
		CASE(test_round_trip),
		CASE(test_full),
		CASE(test_missing),
		CASE(test_every_truncation),
		CASE(test_damage),
		CASE(test_readable_by_others),
		CASE(test_too_many),
		CASE(test_against_lease),
		CASE(test_of_another_domain),
		CASE(test_cannot_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
