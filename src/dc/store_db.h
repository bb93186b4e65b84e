/* SPDX-License-Identifier: BSD-2-Clause */
/* The store's SQLite side: prepared statements, transactions, errors. Private to store_*.c. */
#pragma once

#include "store.h"

#include <sqlite3.h>

enum store_sql {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_NODE_INSERT,
	SQL_NODE_BY_ID,
	SQL_NODE_BY_NAME,
	SQL_NODE_BY_KEY,
	SQL_NODE_BY_VIP4,
	SQL_NODE_BY_VIP6,
	SQL_NODE_BELOW,
	SQL_NODE_AFTER,
	SQL_NODE_REVOKE,
	SQL_NODE_JOIN,
	SQL_NODE_EXIT,
	SQL_EXIT_OFF_AFTER,
	SQL_SEEN_PUT,
	SQL_SEEN_AFTER,
	SQL_INDEX_TAKEN,
	SQL_KEY_TAKEN,
	SQL_CERT_INSERT,
	SQL_CERT_NEWEST,
	SQL_REVOKE_CERTS,
	SQL_REVOCATION_AFTER,
	SQL_TOKEN_PUT,
	SQL_TOKEN_DROP,
	SQL_TOKEN_GET,
	SQL_TOKEN_USE,
	SQL_PURGE_TOKENS,
	SQL_PURGE_CERTS,
	SQL_PURGE_REVOCATIONS,
	SQL_SETTING_PUT,
	SQL_SETTING_GET,
	SQL_PIN_INSERT,
	SQL_PIN_REMOVE,
	SQL_PIN_AFTER,
	SQL_PIN_ALLOW,
	SQL_PIN_ALLOWED,
	SQL_COUNT,
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *stmt[SQL_COUNT];
	struct ntm_prefix prefix4, prefix6;
	struct ntm_ip reserved[STORE_RESERVED_MAX];
	size_t reserved_count;
	uint64_t first_free; /* every index below is leased or reserved: leases never end */
	char domain[NTM_NAME_MAX + 1];
	char words[STORE_WORDS];
	char path[];
};

/*
 * One run of a prepared statement. Errors stick: bind all parameters in the order of the SQL, step,
 * read the columns in their order, end. Only store_run_end() has to be reached.
 */
struct store_run {
	struct store *store;
	sqlite3_stmt *stmt;
	int rc; /* of SQLite */
	int param, column;
};
struct store_run store_run_begin(struct store *store, enum store_sql sql);
void store_bind_int(struct store_run *run, int64_t value);
void store_bind_text(struct store_run *run, const char *text);
/* len = 0 binds NULL. */
void store_bind_blob(struct store_run *run, const void *data, size_t len);
/* 1: a row; 0: none left; negative errno, with words. */
int store_step(struct store_run *run);
int64_t store_column_int(struct store_run *run);
void store_column_text(struct store_run *run, char *out, size_t cap);
/* Copies len bytes; false (and zeros) when the column has another length, as NULL has. */
bool store_column_blob(struct store_run *run, void *out, size_t len);
void store_run_end(struct store_run *run);
/* For a statement without rows: steps and ends. */
int store_run_all(struct store_run *run);

/* Write transaction. store_end commits when err is 0, else rolls back; returns the final error. */
int store_begin(struct store *store);
int store_end(struct store *store, int err);

/* Sets the words, and returns err. */
int store_fail(struct store *store, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Sets the words to SQLite's last failure and returns its errno. */
int store_fail_sqlite(struct store *store);

/* Durability, schema and identity of the file just opened; store_open's second half. */
int store_schema_ready(struct store *store);

/* Rows as structs, and lookups without callback, for use inside of transactions. An address that is
 * NULL has family 0. */
void store_ip_read(struct store_run *run, uint8_t family, struct ntm_ip *ip);
void store_node_read(struct store_run *run, struct store_node *node);
int store_node_find(struct store_run *run, struct store_node *node);
int store_node_get(struct store *store, int64_t id, struct store_node *node);
