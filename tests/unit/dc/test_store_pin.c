/* SPDX-License-Identifier: BSD-2-Clause */
/* Pins in the store: what comes back, what a file of before them becomes, and the checked set. */
#include "store_db.h"
#include "store_help.h"

#include "node/temp_dir.h"

#include <errno.h>

struct listed {
	int err;
	size_t count;
	bool is_done;
	struct trust_pin pin[8];
};

static void on_pin(void *arg, int err, const struct trust_pin *pin)
{
	struct listed *listed = arg;

	assert_false(listed->is_done);
	listed->err = err;
	listed->is_done = pin == NULL;
	if (pin != NULL)
		listed->pin[listed->count++] = *pin;
}

static struct listed list(struct store *store)
{
	struct listed listed = {.err = -1};

	store_pin_list(store, on_pin, &listed);
	assert_true(listed.is_done);
	return listed;
}

static int put(struct store *store, const struct trust_pin *pin)
{
	struct got got = {0};

	store_pin_put(store, pin, got_done, &got);
	assert_int_equal(got.calls, 1);
	return got.err;
}

static int drop(struct store *store, const char *domain)
{
	struct got got = {0};

	store_pin_remove(store, domain, got_done, &got);
	assert_int_equal(got.calls, 1);
	return got.err;
}

static struct trust_pin pin_of(const char *domain, const char *prefix4)
{
	struct trust_pin pin = {.mode = TRUST_PINNED, .has_root = true, .pinned_s = NOW};

	strcpy(pin.domain, domain);
	memset(pin.root, 7, sizeof(pin.root));
	assert_int_equal(ntm_prefix_parse(&pin.prefix4, prefix4), 0);
	pin.allow_all = true;
	return pin;
}

static struct trust_pin full_pin(void)
{
	struct trust_pin pin = pin_of("b.example", "198.19.0.0/16");

	assert_int_equal(ntm_prefix_parse(&pin.prefix6, "fd00:b::/48"), 0);
	pin.allow_all = false;
	strcpy(pin.allow[0], "alice.ntm.example");
	strcpy(pin.allow[1], "bob.ntm.example");
	pin.allow_count = 2;
	return pin;
}

static void sql(struct store *store, const char *text)
{
	assert_int_equal(sqlite3_exec(store->db, text, NULL, NULL, NULL), SQLITE_OK);
}

static void test_what_comes_back(void **state)
{
	struct store *store = help_open(temp_path("dc.db"));
	const struct trust_pin full = full_pin(), other = pin_of("c.example", "10.1.0.0/16");
	const struct trust_pin bare = {.domain = "aa.example", .mode = TRUST_TOFU};

	(void)state;
	assert_int_equal(list(store).count, 0);
	assert_int_equal(put(store, &other), 0);
	assert_int_equal(put(store, &full), 0);
	assert_int_equal(put(store, &bare), 0);
	store_close(store);
	store = help_open(temp_path("dc.db"));
	const struct listed listed = list(store);
	assert_int_equal(listed.err, 0);
	assert_int_equal(listed.count, 3);
	assert_memory_equal(&listed.pin[0], &bare, sizeof(bare));
	assert_memory_equal(&listed.pin[1], &full, sizeof(full));
	assert_memory_equal(&listed.pin[2], &other, sizeof(other));
	store_close(store);
}

static void test_replaced_and_removed(void **state)
{
	struct store *store = help_open(":memory:");
	struct trust_pin pin = full_pin();

	(void)state;
	assert_int_equal(put(store, &pin), 0);
	assert_int_equal(put(store, &pin), 0);
	pin.mode = TRUST_DNSSEC;
	pin.has_root = false;
	memset(pin.root, 0, sizeof(pin.root));
	pin.prefix4 = (struct ntm_prefix){.len = 0};
	memset(pin.allow, 0, sizeof(pin.allow));
	strcpy(pin.allow[0], "carol.ntm.example");
	pin.allow_count = 1;
	assert_int_equal(put(store, &pin), 0);
	struct listed listed = list(store);
	assert_int_equal(listed.count, 1);
	assert_memory_equal(&listed.pin[0], &pin, sizeof(pin));
	assert_int_equal(drop(store, "c.example"), -ENOENT);
	assert_int_equal(drop(store, "b.example"), 0);
	assert_int_equal(drop(store, "b.example"), -ENOENT);
	assert_int_equal(list(store).count, 0);
	/* Whom the former pin let in stays out. */
	const struct trust_pin none = {.domain = "b.example", .mode = TRUST_TOFU};
	assert_int_equal(put(store, &none), 0);
	listed = list(store);
	assert_int_equal(listed.pin[0].allow_count, 0);
	store_close(store);
}

/* A callback may use the store, and even take away what it was given. */
static void remove_it(void *arg, int err, const struct trust_pin *pin)
{
	assert_int_equal(err, 0);
	if (pin != NULL)
		assert_int_equal(drop(arg, pin->domain), 0);
}

static void test_callback_uses_the_store(void **state)
{
	struct store *store = help_open(":memory:");
	const struct trust_pin b = full_pin(), c = pin_of("c.example", "10.1.0.0/16");

	(void)state;
	assert_int_equal(put(store, &b), 0);
	assert_int_equal(put(store, &c), 0);
	store_pin_list(store, remove_it, store);
	assert_int_equal(list(store).count, 0);
	store_close(store);
}

static void test_busy(void **state)
{
	struct store *one = help_open(temp_path("dc.db")), *two = help_open(temp_path("dc.db"));
	const struct trust_pin pin = full_pin();

	(void)state;
	assert_int_equal(put(one, &pin), 0);
	assert_int_equal(store_begin(two), 0);
	assert_int_equal(drop(one, "b.example"), -EBUSY);
	assert_int_equal(put(one, &pin), -EBUSY);
	assert_int_equal(list(one).count, 1);
	assert_int_equal(store_end(two, -ECANCELED), -ECANCELED);
	assert_int_equal(drop(one, "b.example"), 0);
	assert_int_equal(list(two).count, 0);
	store_close(one);
	store_close(two);
}

static void test_damaged_rows(void **state)
{
	static const char *const damage[] = {
		"UPDATE pin SET mode = 'all'",
		"UPDATE pin SET prefix4 = '198.19.0.1/16'",
		"UPDATE pin SET prefix6 = 'here'",
		"UPDATE pin SET domain = replace(hex(zeroblob(100)), '00', 'bb.')",
	};
	const struct trust_pin pin = pin_of("b.example", "198.19.0.0/16");

	(void)state;
	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		struct store *store = help_open(":memory:");

		assert_int_equal(put(store, &pin), 0);
		sql(store, damage[i]);
		assert_int_equal(list(store).err, -EUCLEAN);
		assert_non_null(strstr(store_words(store), "ntm-dc trust remove b"));
		store_close(store);
	}
}

/* ---- a file of before there were pins: its text is that of schema version 1 ---- */

static const char version1[] =
	"CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE node ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" fqdn TEXT NOT NULL,"
	" path TEXT NOT NULL,"
	" idx INTEGER NOT NULL UNIQUE CHECK (idx > 0),"
	" vip4 BLOB UNIQUE,"
	" vip6 BLOB UNIQUE,"
	" key BLOB UNIQUE,"
	" created_s INTEGER NOT NULL,"
	" joined_s INTEGER,"
	" revoked_s INTEGER,"
	" CHECK (vip4 IS NOT NULL OR vip6 IS NOT NULL)) STRICT;"
	"CREATE UNIQUE INDEX node_name ON node (fqdn) WHERE revoked_s IS NULL;"
	"CREATE UNIQUE INDEX node_path ON node (path) WHERE revoked_s IS NULL;"
	"CREATE TRIGGER node_stays BEFORE DELETE ON node"
	" BEGIN SELECT RAISE(ABORT, 'a node is never deleted'); END;"
	"CREATE TRIGGER lease_stays BEFORE UPDATE OF id, fqdn, idx, vip4, vip6 ON node"
	" BEGIN SELECT RAISE(ABORT, 'a lease never changes'); END;"
	"CREATE TABLE cert ("
	" serial INTEGER PRIMARY KEY AUTOINCREMENT,"
	" node_id INTEGER REFERENCES node (id),"
	" key BLOB NOT NULL,"
	" not_before_s INTEGER NOT NULL,"
	" not_after_s INTEGER NOT NULL) STRICT;"
	"CREATE INDEX cert_node ON cert (node_id, serial);"
	"CREATE TABLE revocation ("
	" serial INTEGER PRIMARY KEY,"
	" key BLOB NOT NULL,"
	" not_after_s INTEGER NOT NULL) STRICT;"
	"CREATE INDEX revocation_key ON revocation (key);"
	"CREATE TABLE token ("
	" hash BLOB PRIMARY KEY,"
	" node_id INTEGER NOT NULL REFERENCES node (id),"
	" expires_s INTEGER NOT NULL,"
	" used_key BLOB) STRICT, WITHOUT ROWID;"
	"CREATE INDEX token_node ON token (node_id);";

static void make_version1(const char *path)
{
	static const char rows[] = "INSERT INTO setting VALUES ('domain', 'ntm.example'),"
				   " ('prefix4', '198.18.0.0/16'), ('prefix6', 'fd00:1:2::/48');"
				   "INSERT INTO node (fqdn, path, idx, vip4, created_s) VALUES"
				   " ('a.ntm.example', 'example.ntm.a', 1, x'c6120001', 5),"
				   " ('b.ntm.example', 'example.ntm.b', 2, x'c6120002', 6);"
				   "INSERT INTO cert (node_id, key, not_before_s, not_after_s)"
				   " VALUES (1, x'01', 1, 4000000000), (2, x'02', 1, 4000000000),"
				   " (NULL, x'03', 1, 4000000000);"
				   "INSERT INTO revocation VALUES (1, x'01', 4000000000);"
				   "INSERT INTO token VALUES (x'55', 1, 4000000000, NULL);"
				   "PRAGMA application_id = 0x4e544d31; PRAGMA user_version = 1";
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, version1, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, rows, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_upgrade(void **state)
{
	const struct trust_pin pin = full_pin();
	const struct store_seen seen = {2, {ntm_ip_v4(192, 0, 2, 7), 4330}};
	struct got got = {0};
	struct store_node node;

	(void)state;
	make_version1(temp_path("dc.db"));
	struct store *store = help_open(temp_path("dc.db"));
	assert_int_equal(help_find(store, "b.ntm.example", &node), 0);
	help_ip(&node.vip4, "198.18.0.2");
	assert_int_equal(list(store).count, 0);
	assert_int_equal(put(store, &pin), 0);
	store_close(store);
	/* Once only, and with all that both versions hold. */
	store = help_open(temp_path("dc.db"));
	assert_int_equal(list(store).count, 1);
	assert_int_equal(help_find(store, "a.ntm.example", NULL), 0);
	assert_int_equal(help_add(store, "c.ntm.example", &node), 0);
	help_ip(&node.vip4, "198.18.0.3");
	assert_int_equal(node.seen_at.ip.family, 0);
	store_seen_put(store, &seen, 1, got_done, &got);
	assert_int_equal(got.err, 0);
	assert_int_equal(help_find(store, "b.ntm.example", &node), 0);
	assert_true(ntm_addr_eq(&node.seen_at, &seen.at));
	/* The table of nodes was made anew, with all that holds it, and what refers to it. */
	assert_int_equal(node.role, STORE_NODE);
	assert_int_equal(node.created_s, 6);
	assert_int_equal(help_token(store, node.id, 1), 0);
	assert_int_equal(help_use(store, 1, 7, NOW, &got), 0);
	assert_int_equal(got.cert.serial, 4); /* three are of the file */
	assert_int_equal(help_add_relay(store, "r.ntm.example", false, NULL), 0);
	assert_int_not_equal(sqlite3_exec(store->db, "DELETE FROM node", NULL, NULL, NULL), 0);
	assert_int_not_equal(sqlite3_exec(store->db, "UPDATE node SET idx = 9", NULL, NULL, NULL),
			     0);
	assert_int_not_equal(sqlite3_exec(store->db, "UPDATE node SET role = 1", NULL, NULL, NULL),
			     0);
	assert_int_not_equal(sqlite3_exec(store->db,
					  "INSERT INTO token VALUES (x'00', 77, 1, NULL)", NULL,
					  NULL, NULL),
			     0);
	assert_int_equal(help_revocations(store, NOW, NULL), 1);
	store_close(store);
}

/* A program of before cannot open what a new one has written, whatever it is. */
static void test_versions_that_are_none(void **state)
{
	static const char *const versions[] = {"0", "-1", "4"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char pragma[60], words[STORE_WORDS];
		const struct store_config config = help_config(temp_path("dc.db"));
		struct store *store = help_open(temp_path("dc.db"));

		snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %s", versions[i]);
		sql(store, pragma);
		store_close(store);
		assert_int_equal(store_open(&store, &config, words),
				 versions[i][0] == '4' ? -ENOTSUP : -EINVAL);
		assert_int_equal(unlink(temp_path("dc.db")), 0);
	}
}

/* An upgrade that fails half way leaves the old file, which works when the reason is gone. */
static void test_failed_upgrade(void **state)
{
	const struct store_config config = help_config(temp_path("dc.db"));
	struct store *store;
	char words[STORE_WORDS];
	sqlite3 *db;

	(void)state;
	make_version1(temp_path("dc.db"));
	assert_int_equal(sqlite3_open(temp_path("dc.db"), &db), SQLITE_OK);
	sqlite3_exec(db, "CREATE TABLE pin_allow (x)", NULL, NULL, NULL);
	sqlite3_close(db);
	assert_true(store_open(&store, &config, words) < 0);
	assert_int_equal(sqlite3_open(temp_path("dc.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "SELECT * FROM pin", NULL, NULL, NULL), SQLITE_ERROR);
	sqlite3_exec(db, "DROP TABLE pin_allow", NULL, NULL, NULL);
	sqlite3_close(db);
	store = help_open(temp_path("dc.db"));
	assert_int_equal(help_find(store, "a.ntm.example", NULL), 0);
	assert_int_equal(list(store).count, 0);
	store_close(store);
}

/* ---- the checked set ---- */

static void test_load(void **state)
{
	struct store *store = help_open(":memory:");
	const struct store_config config = help_config(":memory:");
	const struct trust_own own = {config.domain, config.prefix4, config.prefix6};
	struct trust_pin pin = full_pin();
	struct trust trust;
	char words[TRUST_WORDS];

	(void)state;
	assert_int_equal(trust_load(&trust, store, &own, words), 0);
	assert_int_equal(trust.count, 0);
	assert_int_equal(put(store, &pin), 0);
	assert_int_equal(trust_load(&trust, store, &own, words), 0);
	assert_int_equal(trust.count, 1);
	assert_memory_equal(trust_by_domain(&trust, "b.example"), &pin, sizeof(pin));
	trust_fini(&trust);
	pin = pin_of("c.example", "198.19.128.0/17");
	assert_int_equal(put(store, &pin), 0);
	assert_int_equal(trust_load(&trust, store, &own, words), -EINVAL);
	assert_string_equal(words, "198.19.128.0/17 of c.example overlaps with 198.19.0.0/16 of "
				   "b.example: `ntm-dc trust remove c.example` ends that");
	sql(store, "UPDATE pin SET mode = 'all' WHERE domain = 'b.example'");
	assert_int_equal(trust_load(&trust, store, &own, words), -EUCLEAN);
	assert_non_null(strstr(words, "the pin of b.example is damaged"));
	store_close(store);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, temp_dir_make, temp_dir_remove)
	const struct CMUnitTest tests[] = {
		T(test_what_comes_back),
		T(test_replaced_and_removed),
		T(test_callback_uses_the_store),
		T(test_busy),
		T(test_damaged_rows),
		T(test_upgrade),
		T(test_versions_that_are_none),
		T(test_failed_upgrade),
		T(test_load),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
