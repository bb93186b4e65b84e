/* SPDX-License-Identifier: BSD-2-Clause */
/* Prepared statements, transactions and errors of the SQLite store. */
#include "store_db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NODE_SELECT                                                               \
	"SELECT id, fqdn, role, gateway, may_exit, exit_off_s, vip4, vip6, key, " \
	"created_s, joined_s, revoked_s, "                                        \
	"seen_at, (SELECT max(serial) FROM cert WHERE node_id = node.id) FROM node "

static const char *const sql_text[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_NODE_INSERT] = "INSERT INTO node (fqdn, path, role, gateway, idx, vip4, vip6, "
			    "created_s) VALUES (?, ?, ?, ?, nullif(?, 0), ?, ?, ?)",
	[SQL_NODE_BY_ID] = NODE_SELECT "WHERE id = ?",
	[SQL_NODE_BY_NAME] = NODE_SELECT "WHERE fqdn = ? AND revoked_s IS NULL",
	[SQL_NODE_BY_KEY] = NODE_SELECT "WHERE key = ? AND revoked_s IS NULL",
	[SQL_NODE_BY_VIP4] = NODE_SELECT "WHERE vip4 = ? AND revoked_s IS NULL",
	[SQL_NODE_BY_VIP6] = NODE_SELECT "WHERE vip6 = ? AND revoked_s IS NULL",
	[SQL_NODE_BELOW] = NODE_SELECT "WHERE path > ? AND path < ? AND revoked_s IS NULL LIMIT 1",
	[SQL_NODE_AFTER] = NODE_SELECT "WHERE role = ? AND id > ? ORDER BY id LIMIT 1",
	[SQL_NODE_REVOKE] = "UPDATE node SET revoked_s = ? WHERE id = ?",
	[SQL_NODE_JOIN] = "UPDATE node SET key = ?, joined_s = ? WHERE id = ?",
	[SQL_NODE_EXIT] = "UPDATE node SET may_exit = ?1, exit_off_s = CASE WHEN ?1 THEN NULL "
			  "WHEN may_exit THEN ?2 ELSE exit_off_s END WHERE id = ?3",
	[SQL_EXIT_OFF_AFTER] = NODE_SELECT "WHERE id > ? AND exit_off_s > ? AND key IS NOT NULL "
					   "AND revoked_s IS NULL ORDER BY id LIMIT 1",
	[SQL_SEEN_PUT] = "UPDATE node SET seen_at = ? WHERE id = ?",
	[SQL_SEEN_AFTER] = NODE_SELECT "WHERE id > ? AND key IS NOT NULL AND revoked_s IS NULL "
				       "AND seen_at IS NOT NULL ORDER BY id LIMIT 1",
	[SQL_INDEX_TAKEN] = "SELECT 1 FROM node WHERE idx = ?",
	[SQL_KEY_TAKEN] = "SELECT 1 FROM node WHERE key = ?1 AND id <> ?2 "
			  "UNION ALL SELECT 1 FROM revocation WHERE key = ?1",
	[SQL_CERT_INSERT] = "INSERT INTO cert (node_id, key, not_before_s, not_after_s) "
			    "VALUES (nullif(?, 0), ?, ?, ?)",
	[SQL_CERT_NEWEST] = "SELECT serial, key, not_before_s, not_after_s FROM cert "
			    "WHERE node_id = ? ORDER BY serial DESC LIMIT 1",
	[SQL_REVOKE_CERTS] = "INSERT OR IGNORE INTO revocation (serial, key, not_after_s) "
			     "SELECT serial, key, not_after_s FROM cert "
			     "WHERE node_id = ? AND not_after_s > ?",
	[SQL_REVOCATION_AFTER] = "SELECT r.serial, r.key, r.not_after_s, node.vip4, node.vip6 "
				 "FROM revocation AS r LEFT JOIN cert ON cert.serial = r.serial "
				 "LEFT JOIN node ON node.id = cert.node_id "
				 "WHERE r.serial > ? AND r.not_after_s > ? "
				 "ORDER BY r.serial LIMIT 1",
	[SQL_TOKEN_PUT] = "INSERT INTO token (hash, node_id, expires_s) VALUES (?, ?, ?)",
	[SQL_TOKEN_DROP] = "DELETE FROM token WHERE node_id = ?",
	[SQL_TOKEN_GET] = "SELECT node_id, expires_s, used_key FROM token WHERE hash = ?",
	[SQL_TOKEN_USE] = "UPDATE token SET used_key = ? WHERE hash = ?",
	[SQL_PURGE_TOKENS] = "DELETE FROM token WHERE expires_s <= ?",
	[SQL_PURGE_CERTS] = "DELETE FROM cert WHERE not_after_s <= ?",
	[SQL_PURGE_REVOCATIONS] = "DELETE FROM revocation WHERE not_after_s <= ?",
	[SQL_SETTING_PUT] = "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)",
	[SQL_SETTING_GET] = "SELECT value FROM setting WHERE name = ?",
	[SQL_PIN_INSERT] = "INSERT INTO pin "
			   "(domain, mode, root, prefix4, prefix6, pinned_s, allow_all) "
			   "VALUES (?, ?, ?, ?, ?, ?, ?)",
	[SQL_PIN_REMOVE] = "DELETE FROM pin WHERE domain = ?",
	[SQL_PIN_AFTER] = "SELECT domain, mode, root, prefix4, prefix6, pinned_s, allow_all "
			  "FROM pin WHERE domain > ? ORDER BY domain LIMIT 1",
	[SQL_PIN_ALLOW] = "INSERT OR IGNORE INTO pin_allow (domain, fqdn) VALUES (?, ?)",
	[SQL_PIN_ALLOWED] = "SELECT fqdn FROM pin_allow WHERE domain = ? ORDER BY fqdn",
};

int store_fail(struct store *store, int err, const char *fmt, ...)
{
	int used = snprintf(store->words, sizeof store->words, "%.200s: ", store->path);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(store->words + used, sizeof store->words - (size_t)used, fmt, ap);
	va_end(ap);
	return err;
}

static int errno_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	default:
		return -EIO;
	}
}

static const char *remedy_of(int err)
{
	switch (err) {
	case -EBUSY:
		return " (another program is writing to it; nothing was changed)";
	case -ENOSPC:
		return " (make room on the disk; nothing was changed)";
	case -EUCLEAN:
		return " (damaged: restore it from a backup)";
	case -EROFS:
	case -EACCES:
		return " (this user has to be able to write to the file and to its directory)";
	default:
		return "";
	}
}

int store_fail_sqlite(struct store *store)
{
	int err = errno_of(sqlite3_errcode(store->db));
	return store_fail(store, err, "%s%s", sqlite3_errmsg(store->db), remedy_of(err));
}

struct store_run store_run_begin(struct store *store, enum store_sql sql)
{
	struct store_run run = {.store = store, .stmt = store->stmt[sql], .rc = SQLITE_OK};
	if (!run.stmt) {
		run.rc = sqlite3_prepare_v3(store->db, sql_text[sql], -1, SQLITE_PREPARE_PERSISTENT,
					    &run.stmt, NULL);
		store->stmt[sql] = run.stmt;
	}
	return run;
}

void store_bind_int(struct store_run *run, int64_t value)
{
	if (run->rc == SQLITE_OK)
		run->rc = sqlite3_bind_int64(run->stmt, ++run->param, value);
}

/* Bound without a copy: a run ends before its caller returns. */
void store_bind_text(struct store_run *run, const char *text)
{
	if (run->rc == SQLITE_OK)
		run->rc = sqlite3_bind_text(run->stmt, ++run->param, text, -1, SQLITE_STATIC);
}

void store_bind_blob(struct store_run *run, const void *data, size_t len)
{
	if (run->rc == SQLITE_OK)
		run->rc = sqlite3_bind_blob(run->stmt, ++run->param, len ? data : NULL, (int)len,
					    SQLITE_STATIC);
}

int store_step(struct store_run *run)
{
	if (run->rc != SQLITE_OK && run->rc != SQLITE_ROW)
		return store_fail_sqlite(run->store);
	run->rc = sqlite3_step(run->stmt);
	run->column = 0;
	if (run->rc == SQLITE_ROW)
		return 1;
	return run->rc == SQLITE_DONE ? 0 : store_fail_sqlite(run->store);
}

int64_t store_column_int(struct store_run *run)
{
	return sqlite3_column_int64(run->stmt, run->column++);
}

void store_column_text(struct store_run *run, char *out, size_t cap)
{
	const unsigned char *text = sqlite3_column_text(run->stmt, run->column++);
	snprintf(out, cap, "%s", text ? (const char *)text : "");
}

bool store_column_blob(struct store_run *run, void *out, size_t len)
{
	const void *data = sqlite3_column_blob(run->stmt, run->column);
	bool ok = data && (size_t)sqlite3_column_bytes(run->stmt, run->column) == len;
	run->column++;
	if (ok)
		memcpy(out, data, len);
	else
		memset(out, 0, len);
	return ok;
}

void store_run_end(struct store_run *run)
{
	if (!run->stmt)
		return;
	sqlite3_reset(run->stmt);
	sqlite3_clear_bindings(run->stmt);
	run->stmt = NULL;
}

int store_run_all(struct store_run *run)
{
	int err = store_step(run);
	store_run_end(run);
	return err < 0 ? err : 0;
}

static int run_plain(struct store *store, enum store_sql sql)
{
	struct store_run run = store_run_begin(store, sql);
	return store_run_all(&run);
}

int store_begin(struct store *store)
{
	return run_plain(store, SQL_BEGIN);
}

int store_end(struct store *store, int err)
{
	if (err == 0)
		err = run_plain(store, SQL_COMMIT);
	/* Some failures have rolled back already, and ROLLBACK would fail and change the words. */
	if (err < 0 && !sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}
