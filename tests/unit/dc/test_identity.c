/* SPDX-License-Identifier: BSD-2-Clause */
/* The DC's certificate and those of other domains: what they say, and when they are made anew. */
#include "identity.h"
#include "store_help.h"

#include "store_db.h"

#include <errno.h>

struct fixture {
	struct dc_settings settings;
	struct ntm_root root;
	struct ntm_keys keys;
	struct identity identity;
	unsigned lines; /* logged */
};

static void on_log(enum ntm_log_level level, const char *text, void *arg)
{
	struct fixture *f = arg;

	(void)text;
	f->lines += level <= NTM_LOG_WARN;
}

static int setup(void **state)
{
	static struct fixture f;
	const struct store_config config = help_config(":memory:");

	f = (struct fixture){.settings = dc_settings_default};
	strcpy(f.settings.domain, config.domain);
	f.settings.prefix4 = config.prefix4;
	f.settings.prefix6 = config.prefix6;
	ntm_root_make(&f.root);
	ntm_keys_make(&f.keys);
	f.identity = (struct identity){.store = help_open(":memory:"),
				       .settings = &f.settings,
				       .root = &f.root,
				       .key = f.keys.pub};
	ntm_log_set_sink(on_log, &f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->identity.store);
	ntm_log_set_sink(NULL, NULL);
	return 0;
}

/* From now on the store refuses every certificate, or no longer. */
static void break_store(struct fixture *f, bool is_broken)
{
	const char *sql = is_broken ? "CREATE TRIGGER broken BEFORE INSERT ON cert"
				      " BEGIN SELECT RAISE(ABORT, 'broken'); END"
				    : "DROP TRIGGER broken";

	assert_int_equal(sqlite3_exec(f->identity.store->db, sql, NULL, NULL, NULL), 0);
}

static struct ntm_dc_hello hello_at(struct fixture *f, int64_t now_s)
{
	struct ntm_dc_hello hello = {.cert = {.len = 0}};

	assert_int_equal(identity_hello(&f->identity, now_s, &hello), 0);
	return hello;
}

static bool is_same(const struct ntm_cert_blob *a, const struct ntm_cert_blob *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void test_hello(void **state)
{
	struct fixture *f = *state;
	const struct ntm_dc_hello hello = hello_at(f, NOW);
	struct ntm_dc_hello read;
	struct ntm_cert cert;
	uint8_t wire[600];

	assert_memory_equal(hello.root, f->root.pub, sizeof(hello.root));
	assert_int_equal(ntm_cert_check(&cert, hello.cert.data, hello.cert.len, f->root.pub, NOW),
			 0);
	assert_int_equal(cert.type, NTM_CERT_DC);
	assert_int_equal(cert.serial, 1);
	assert_string_equal(cert.fqdn, "ntm.example");
	assert_memory_equal(cert.key, f->keys.pub, sizeof(cert.key));
	assert_memory_equal(&cert.prefix4, &f->settings.prefix4, sizeof(cert.prefix4));
	assert_memory_equal(&cert.prefix6, &f->settings.prefix6, sizeof(cert.prefix6));
	assert_int_equal(cert.not_before_s, NOW);
	assert_int_equal(cert.not_after_s, NOW + 90 * DAY);
	size_t len = ntm_dc_hello_encode(&hello, wire, sizeof(wire));
	assert_true(len > 0);
	assert_int_equal(ntm_dc_hello_decode(&read, wire, len), 0);
	assert_true(is_same(&read.cert, &hello.cert));
}

static void test_renewed_at_half_life(void **state)
{
	struct fixture *f = *state;
	const struct ntm_dc_hello first = hello_at(f, NOW), same = hello_at(f, NOW + 45 * DAY - 1),
				  next = hello_at(f, NOW + 45 * DAY);
	struct ntm_cert cert;

	assert_true(is_same(&first.cert, &same.cert));
	assert_false(is_same(&first.cert, &next.cert));
	assert_int_equal(ntm_cert_check(&cert, next.cert.data, next.cert.len, f->root.pub,
					NOW + 45 * DAY),
			 0);
	assert_int_equal(cert.serial, 2);
	assert_int_equal(cert.not_after_s, NOW + 135 * DAY);
}

/* A clock that was set back: peers would not take the certificate yet. */
static void test_clock_set_back(void **state)
{
	struct fixture *f = *state;
	const struct ntm_dc_hello first = hello_at(f, NOW);
	const struct ntm_dc_hello same = hello_at(f, NOW - NTM_CERT_SKEW_S);
	const struct ntm_dc_hello next = hello_at(f, NOW - NTM_CERT_SKEW_S - 1);
	struct ntm_cert cert;

	assert_true(is_same(&first.cert, &same.cert));
	assert_int_equal(ntm_cert_check(&cert, next.cert.data, next.cert.len, f->root.pub,
					NOW - DAY / 2),
			 -ETIME);
	assert_int_equal(ntm_cert_check(&cert, next.cert.data, next.cert.len, f->root.pub,
					NOW - NTM_CERT_SKEW_S - 1),
			 0);
}

static void test_store_fails(void **state)
{
	struct fixture *f = *state;
	struct ntm_dc_hello hello = {.cert = {.len = 7}};

	break_store(f, true);
	assert_true(identity_hello(&f->identity, NOW, &hello) < 0);
	assert_int_equal(hello.cert.len, 7);
	break_store(f, false);
	const struct ntm_dc_hello first = hello_at(f, NOW);
	break_store(f, true);
	f->lines = 0;
	/* The old one, to its end, and not without a word. */
	for (int64_t day = 45; day < 90; day++) {
		hello = hello_at(f, NOW + day * DAY);
		assert_true(is_same(&hello.cert, &first.cert));
	}
	assert_true(f->lines > 0);
	assert_true(identity_hello(&f->identity, NOW + 90 * DAY, &hello) < 0);
	break_store(f, false);
	hello = hello_at(f, NOW + 90 * DAY);
	assert_false(is_same(&hello.cert, &first.cert));
}

static struct trust_pin pin_of_b(void)
{
	struct trust_pin pin = {.domain = "b.example", .has_root = true};

	memset(pin.root, 7, sizeof(pin.root));
	assert_int_equal(ntm_prefix_parse(&pin.prefix4, "198.19.0.0/16"), 0);
	return pin;
}

static struct ntm_cert domain_at(struct fixture *f, const struct trust_pin *pin, int64_t now_s,
				 struct identity_cert *made)
{
	struct ntm_cert cert;

	assert_int_equal(identity_domain(&f->identity, pin, now_s, made), 0);
	assert_int_equal(ntm_cert_check(&cert, made->blob.data, made->blob.len, f->root.pub, now_s),
			 0);
	return cert;
}

static void test_domain(void **state)
{
	struct fixture *f = *state;
	static const uint8_t zeros[NTM_KEY_LEN];
	struct trust_pin pin = pin_of_b();
	struct identity_cert made = {.renew_s = 0};
	struct ntm_cert cert = domain_at(f, &pin, NOW, &made);

	assert_int_equal(cert.type, NTM_CERT_DOMAIN);
	assert_string_equal(cert.fqdn, "b.example");
	assert_memory_equal(cert.key, pin.root, sizeof(cert.key));
	assert_memory_equal(&cert.prefix4, &pin.prefix4, sizeof(cert.prefix4));
	assert_int_equal(cert.prefix6.ip.family, 0);
	assert_int_equal(cert.not_after_s, NOW + 30 * DAY);
	const struct ntm_cert_blob first = made.blob;
	domain_at(f, &pin, NOW + 15 * DAY - 1, &made);
	assert_true(is_same(&made.blob, &first));
	cert = domain_at(f, &pin, NOW + 15 * DAY, &made);
	assert_false(is_same(&made.blob, &first));
	assert_int_equal(cert.serial, 2);
	/* Before the first contact: what is left in root is not told. */
	pin.has_root = false;
	pin.prefix4 = (struct ntm_prefix){.len = 0};
	made = (struct identity_cert){.renew_s = 0};
	cert = domain_at(f, &pin, NOW, &made);
	assert_memory_equal(cert.key, zeros, sizeof(zeros));
	assert_int_equal(cert.prefix4.ip.family, 0);
}

static void test_domain_when_the_store_fails(void **state)
{
	struct fixture *f = *state;
	const struct trust_pin pin = pin_of_b();
	struct identity_cert made = {.renew_s = 0};

	domain_at(f, &pin, NOW, &made);
	const struct identity_cert first = made;
	break_store(f, true);
	domain_at(f, &pin, NOW + 20 * DAY, &made);
	assert_memory_equal(&made, &first, sizeof(made));
	assert_true(identity_domain(&f->identity, &pin, NOW + 30 * DAY, &made) < 0);
	assert_memory_equal(&made, &first, sizeof(made));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_hello),          T(test_renewed_at_half_life),
		T(test_clock_set_back), T(test_store_fails),
		T(test_domain),         T(test_domain_when_the_store_fails),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
