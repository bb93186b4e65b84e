/* SPDX-License-Identifier: BSD-2-Clause */
/* Opens the SQLite file: rights, durability, schema, and whether it is this domain's store. */
#include "store_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x4e544d31 /* "NTM1" */
#define BUSY_MS        250        /* the daemon's loop stands still so long at most */

/*
 * What a version adds to the one before it; a new file takes all steps. A step never changes once
 * it was released.
 *
 * path is fqdn with its labels turned round, so that "below" is a range of the index. Leases are
 * tombstones: a row of node stays when the node is revoked, and the triggers keep it so.
 */
static const char version1_sql[] =
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

/* Nodes that may be called from a pin's domain: all, or those of pin_allow. */
static const char version2_sql[] =
	"CREATE TABLE pin ("
	" domain TEXT PRIMARY KEY,"
	" mode TEXT NOT NULL,"
	" root BLOB,"
	" prefix4 TEXT,"
	" prefix6 TEXT,"
	" pinned_s INTEGER NOT NULL,"
	" allow_all INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE pin_allow ("
	" domain TEXT NOT NULL REFERENCES pin (domain) ON DELETE CASCADE,"
	" fqdn TEXT NOT NULL,"
	" PRIMARY KEY (domain, fqdn)) STRICT, WITHOUT ROWID;"
	"ALTER TABLE node ADD COLUMN seen_at TEXT;";

/*
 * Relays have no lease (gateways do). A column cannot lose its constraints: the table is made anew,
 * while foreign keys are off (store_schema_ready). role: enum store_role.
 */
static const char version3_sql[] =
	"CREATE TABLE node3 ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" fqdn TEXT NOT NULL,"
	" path TEXT NOT NULL,"
	" role INTEGER NOT NULL CHECK (role IN (0, 1)),"
	" gateway INTEGER NOT NULL DEFAULT 0 CHECK (gateway IN (0, role)),"
	" may_exit INTEGER NOT NULL DEFAULT 0 CHECK (may_exit IN (0, 1 - role)),"
	" exit_off_s INTEGER," /* may not any more since then; gateways hear of it */
	" idx INTEGER UNIQUE CHECK (idx > 0),"
	" vip4 BLOB UNIQUE,"
	" vip6 BLOB UNIQUE,"
	" key BLOB UNIQUE,"
	" created_s INTEGER NOT NULL,"
	" joined_s INTEGER,"
	" revoked_s INTEGER,"
	" seen_at TEXT,"
	" CHECK ((idx IS NOT NULL) = (role = 0 OR gateway = 1)),"
	" CHECK ((idx IS NOT NULL) = (vip4 IS NOT NULL OR vip6 IS NOT NULL))) STRICT;"
	"INSERT INTO node3 (id, fqdn, path, role, idx, vip4, vip6, key, created_s, joined_s,"
	" revoked_s, seen_at) SELECT id, fqdn, path, 0, idx, vip4, vip6, key, created_s, joined_s,"
	" revoked_s, seen_at FROM node;"
	"DROP TABLE node;" /* its indexes and triggers too */
	"ALTER TABLE node3 RENAME TO node;"
	"CREATE INDEX node_role ON node (role, id);"
	"CREATE UNIQUE INDEX node_name ON node (fqdn) WHERE revoked_s IS NULL;"
	"CREATE UNIQUE INDEX node_path ON node (path) WHERE revoked_s IS NULL;"
	"CREATE TRIGGER node_stays BEFORE DELETE ON node"
	" BEGIN SELECT RAISE(ABORT, 'a node is never deleted'); END;"
	"CREATE TRIGGER lease_stays BEFORE UPDATE OF id, fqdn, role, gateway, idx, vip4, vip6"
	" ON node BEGIN SELECT RAISE(ABORT, 'a lease never changes'); END;";

static const char *const steps[] = {version1_sql, version2_sql, version3_sql};
#define SCHEMA_VERSION ((int)(sizeof(steps) / sizeof(steps[0])))

static int exec(struct store *store, const char *sql)
{
	return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK
		       ? 0
		       : store_fail_sqlite(store);
}

/* The one value of a PRAGMA or SELECT as text; integers too. 0 or negative errno. */
static int ask(struct store *store, const char *sql, char *out, size_t cap)
{
	struct store_run run = {.store = store};
	run.rc = sqlite3_prepare_v2(store->db, sql, -1, &run.stmt, NULL);
	int err = store_step(&run);
	if (err == 1)
		store_column_text(&run, out, cap);
	sqlite3_finalize(run.stmt);
	if (err == 0)
		return store_fail(store, -EUCLEAN, "no answer to \"%s\"", sql);
	return err < 0 ? err : 0;
}

static bool is_memory(const struct store *store)
{
	return strcmp(store->path, ":memory:") == 0;
}

static int make_durable(struct store *store)
{
	sqlite3_busy_timeout(store->db, BUSY_MS);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	char mode[16] = "";
	int err = ask(store, "PRAGMA journal_mode = WAL", mode, sizeof mode);
	if (err < 0)
		return err;
	if (strcmp(mode, is_memory(store) ? "memory" : "wal") != 0)
		return store_fail(store, -EIO, "no write-ahead log possible here (mode \"%s\")",
				  mode);
	return exec(store, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;"
			   "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
			   "PRAGMA cache_size = -512; PRAGMA journal_size_limit = 4194304");
}

static int check_pages(struct store *store)
{
	char verdict[100] = "";
	int err = ask(store, "PRAGMA quick_check(1)", verdict, sizeof verdict);
	if (err == 0 && strcmp(verdict, "ok") != 0)
		return store_fail(store, -EUCLEAN, "damaged, restore it from a backup (%s)",
				  verdict);
	return err;
}

/* Nobody watched them during the upgrade. */
static int check_references(struct store *store)
{
	struct store_run run = {.store = store};
	run.rc = sqlite3_prepare_v2(store->db, "PRAGMA foreign_key_check", -1, &run.stmt, NULL);
	int err = store_step(&run);
	sqlite3_finalize(run.stmt);
	if (err == 1)
		return store_fail(store, -EUCLEAN,
				  "damaged, restore it from a backup (a row belongs to no node)");
	return err;
}

/* From a version, 0: a new file, to ours. */
static int upgrade(struct store *store, int version)
{
	char numbers[100];
	int err = 0;
	for (; version < SCHEMA_VERSION && err == 0; version++)
		err = exec(store, steps[version]);
	if (err == 0)
		err = check_references(store);
	snprintf(numbers, sizeof numbers, "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 APPLICATION_ID, SCHEMA_VERSION);
	return err < 0 ? err : exec(store, numbers);
}

/* Inside a transaction, so that two programs do not both make the schema, and half an
 * upgrade is none. */
static int check_version(struct store *store)
{
	char id[16] = "", version[16] = "", tables[16] = "";
	int err = ask(store, "PRAGMA application_id", id, sizeof id);
	if (err == 0)
		err = ask(store, "PRAGMA user_version", version, sizeof version);
	if (err == 0)
		err = ask(store, "SELECT count(*) FROM sqlite_schema", tables, sizeof tables);
	if (err < 0)
		return err;
	if (atoi(id) == 0 && atoi(tables) == 0)
		return upgrade(store, 0);
	if (atoi(id) != APPLICATION_ID || atoi(version) < 1)
		return store_fail(store, -EINVAL, "a database, but not one of ntm-dc");
	if (atoi(version) > SCHEMA_VERSION)
		return store_fail(store, -ENOTSUP,
				  "written by a newer ntm-dc (schema %s, this one knows up to %d)",
				  version, SCHEMA_VERSION);
	return atoi(version) < SCHEMA_VERSION ? upgrade(store, atoi(version)) : 0;
}

struct identity {
	struct store *store;
	const char *name;
	char value[NTM_NAME_MAX + 1];
	int err;
};

static void on_identity(void *arg, int err, const char *value)
{
	struct identity *identity = arg;
	identity->err = err;
	if (err == 0 && strcmp(value, identity->value) != 0)
		identity->err = store_fail(identity->store, -EINVAL,
					   "made for %s %s, but the configuration says %s",
					   identity->name, value, identity->value);
}

static void on_put(void *arg, int err)
{
	struct identity *identity = arg;
	identity->err = err;
}

/* A lease is an index into the prefix, so neither prefix nor domain may change under it. */
static int check_identity(struct identity *identity)
{
	store_setting_get(identity->store, identity->name, on_identity, identity);
	if (identity->err == -ENOENT)
		store_setting_put(identity->store, identity->name, identity->value, on_put,
				  identity);
	return identity->err;
}

static const char *prefix_text(const struct ntm_prefix *prefix, char buf[static NTM_PREFIX_STR])
{
	return prefix->ip.family ? ntm_prefix_str(prefix, buf) : "none";
}

static int check_identities(struct store *store)
{
	char text[NTM_PREFIX_STR];
	struct identity domain = {.store = store, .name = "domain"};
	snprintf(domain.value, sizeof domain.value, "%s", store->domain);
	int err = check_identity(&domain);

	struct identity prefix = {.store = store, .name = "prefix4"};
	snprintf(prefix.value, sizeof prefix.value, "%s", prefix_text(&store->prefix4, text));
	if (err == 0)
		err = check_identity(&prefix);
	prefix.name = "prefix6";
	snprintf(prefix.value, sizeof prefix.value, "%s", prefix_text(&store->prefix6, text));
	return err == 0 ? check_identity(&prefix) : err;
}

int store_schema_ready(struct store *store)
{
	int err = make_durable(store);
	if (err == 0)
		err = check_pages(store);
	if (err == 0)
		err = store_begin(store);
	if (err < 0)
		return err;
	err = check_version(store);
	if (err == 0)
		err = check_identities(store);
	err = store_end(store, err);
	/* Not inside of a transaction, and not before an upgrade, which puts tables in the place
	 * of others. */
	return err < 0 ? err : exec(store, "PRAGMA foreign_keys = ON");
}

/*
 * Makes the file before SQLite does, whose mode would be the umask's; its -wal and -shm take the
 * mode over. An existing file is never opened here: closing it would drop SQLite's locks on it.
 */
static int make_private(struct store *store)
{
	if (is_memory(store))
		return 0;
	int fd = open(store->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	struct stat st;
	if (errno != EEXIST || stat(store->path, &st) < 0)
		return store_fail(store, -errno, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return store_fail(store, -EINVAL, "not a regular file");
	if ((st.st_mode & 077) && chmod(store->path, 0600) < 0)
		return store_fail(store, -errno, "readable by others, and chmod 0600 failed: %s",
				  strerror(errno));
	return 0;
}

static int open_file(struct store *store)
{
	int err = make_private(store);
	if (err < 0)
		return err;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	if (is_memory(store))
		flags |= SQLITE_OPEN_MEMORY;
	if (sqlite3_open_v2(store->path, &store->db, flags, NULL) != SQLITE_OK)
		return store->db ? store_fail_sqlite(store)
				 : store_fail(store, -ENOMEM, "out of memory");
	return store_schema_ready(store);
}

static struct store *store_new(const struct store_config *config)
{
	size_t path_len = strlen(config->path) + 1;
	struct store *store = calloc(1, sizeof *store + path_len);
	if (!store)
		return NULL;
	memcpy(store->path, config->path, path_len);
	snprintf(store->domain, sizeof store->domain, "%s", config->domain);
	store->prefix4 = config->prefix4;
	store->prefix6 = config->prefix6;
	store->reserved_count = config->reserved_count;
	for (size_t i = 0; i < config->reserved_count; i++)
		store->reserved[i] = config->reserved[i];
	store->first_free = 1;
	return store;
}

int store_open(struct store **store, const struct store_config *config,
	       char words[static STORE_WORDS])
{
	char canonical[NTM_NAME_MAX + 1];
	if (config->reserved_count > STORE_RESERVED_MAX ||
	    ntm_name_canon(canonical, config->domain) < 0 ||
	    strcmp(canonical, config->domain) != 0 ||
	    (!config->prefix4.ip.family && !config->prefix6.ip.family)) {
		snprintf(words, STORE_WORDS, "%.200s: no domain, no prefix, or too much reserved",
			 config->path);
		return -EINVAL;
	}
	struct store *made = store_new(config);
	if (!made) {
		snprintf(words, STORE_WORDS, "%.200s: out of memory", config->path);
		return -ENOMEM;
	}
	int err = open_file(made);
	if (err < 0) {
		memcpy(words, made->words, STORE_WORDS);
		store_close(made);
		return err;
	}
	*store = made;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	for (int i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(store->stmt[i]);
	sqlite3_close(store->db);
	free(store);
}

const char *store_words(const struct store *store)
{
	return store->words;
}
