/* SPDX-License-Identifier: BSD-2-Clause */
/* Join tokens, certificates and revocations in SQLite: one commit for each promise. */
#include "store_db.h"

#include <errno.h>
#include <string.h>

struct token_row {
	int64_t node_id, expires_s;
	bool used;
	uint8_t used_key[NTM_KEY_LEN];
};

static int token_get(struct store *store, const uint8_t hash[static 32], struct token_row *row)
{
	struct store_run run = store_run_begin(store, SQL_TOKEN_GET);
	store_bind_blob(&run, hash, 32);
	int err = store_step(&run);
	if (err == 1) {
		row->node_id = store_column_int(&run);
		row->expires_s = store_column_int(&run);
		row->used = store_column_blob(&run, row->used_key, sizeof row->used_key);
	}
	store_run_end(&run);
	if (err == 0)
		return -ENOENT;
	return err < 0 ? err : 0;
}

static int token_put(struct store *store, const struct store_token *token)
{
	struct store_node node;
	int err = store_node_get(store, token->node_id, &node);
	if (err < 0 || node.revoked_s != 0)
		return err < 0 ? err : -ENOENT;
	struct store_run former = store_run_begin(store, SQL_TOKEN_DROP);
	store_bind_int(&former, token->node_id);
	err = store_run_all(&former);
	if (err < 0)
		return err;
	struct store_run run = store_run_begin(store, SQL_TOKEN_PUT);
	store_bind_blob(&run, token->hash, sizeof token->hash);
	store_bind_int(&run, token->node_id);
	store_bind_int(&run, token->expires_s);
	return store_run_all(&run);
}

void store_token_put(struct store *store, const struct store_token *token, store_done_fn *done,
		     void *arg)
{
	int err = store_begin(store);
	if (err == 0)
		err = store_end(store, token_put(store, token));
	done(arg, err);
}

static int cert_insert(struct store *store, struct store_cert *cert)
{
	struct store_run run = store_run_begin(store, SQL_CERT_INSERT);
	store_bind_int(&run, cert->node_id);
	store_bind_blob(&run, cert->key, sizeof cert->key);
	store_bind_int(&run, cert->not_before_s);
	store_bind_int(&run, cert->not_after_s);
	int err = store_run_all(&run);
	cert->serial = (uint64_t)sqlite3_last_insert_rowid(store->db);
	return err;
}

static int cert_newest(struct store *store, int64_t node_id, struct store_cert *cert)
{
	struct store_run run = store_run_begin(store, SQL_CERT_NEWEST);
	store_bind_int(&run, node_id);
	int err = store_step(&run);
	if (err == 1) {
		cert->node_id = node_id;
		cert->serial = (uint64_t)store_column_int(&run);
		store_column_blob(&run, cert->key, sizeof cert->key);
		cert->not_before_s = store_column_int(&run);
		cert->not_after_s = store_column_int(&run);
	}
	store_run_end(&run);
	if (err == 0)
		return -ENOENT;
	return err < 0 ? err : 0;
}

/* 0, -EKEYREJECTED, or a failure */
static int check_key(struct store *store, const uint8_t key[static NTM_KEY_LEN], int64_t node_id)
{
	struct store_run run = store_run_begin(store, SQL_KEY_TAKEN);
	store_bind_blob(&run, key, NTM_KEY_LEN);
	store_bind_int(&run, node_id);
	int taken = store_step(&run);
	store_run_end(&run);
	return taken == 1 ? -EKEYREJECTED : taken;
}

/* What the token was used for before, if that certificate still runs. */
static int join_again(struct store *store, const struct store_join *join,
		      const struct store_node *node, struct store_cert *cert)
{
	if (!node->joined || memcmp(node->key, join->key, NTM_KEY_LEN) != 0)
		return -ENOENT;
	int err = cert_newest(store, node->id, cert);
	if (err == 0 &&
	    (cert->not_after_s <= join->now_s || memcmp(cert->key, join->key, NTM_KEY_LEN) != 0))
		return -ENOENT;
	return err;
}

static int take_key(struct store *store, const struct store_join *join,
		    const struct store_node *node)
{
	if (node->joined && memcmp(node->key, join->key, NTM_KEY_LEN) != 0) {
		struct store_run former = store_run_begin(store, SQL_REVOKE_CERTS);
		store_bind_int(&former, node->id);
		store_bind_int(&former, join->now_s - NTM_CERT_SKEW_S);
		int err = store_run_all(&former);
		if (err < 0)
			return err;
	}
	struct store_run run = store_run_begin(store, SQL_NODE_JOIN);
	store_bind_blob(&run, join->key, NTM_KEY_LEN);
	store_bind_int(&run, join->now_s);
	store_bind_int(&run, node->id);
	return store_run_all(&run);
}

static int join_first(struct store *store, const struct store_join *join, struct store_node *node,
		      struct store_cert *cert)
{
	*cert = (struct store_cert){
		.node_id = node->id,
		.not_before_s = join->now_s,
		.not_after_s = join->now_s + join->lifetime_s,
	};
	memcpy(cert->key, join->key, NTM_KEY_LEN);
	int err = take_key(store, join, node);
	if (err == 0)
		err = cert_insert(store, cert);
	if (err < 0)
		return err;
	struct store_run run = store_run_begin(store, SQL_TOKEN_USE);
	store_bind_blob(&run, join->key, NTM_KEY_LEN);
	store_bind_blob(&run, join->hash, sizeof join->hash);
	err = store_run_all(&run);
	return err < 0 ? err : store_node_get(store, node->id, node);
}

static int join(struct store *store, const struct store_join *join, struct store_node *node,
		struct store_cert *cert)
{
	struct token_row token;
	int err = token_get(store, join->hash, &token);
	if (err < 0)
		return err;
	if (join->now_s >= token.expires_s)
		return -ETIME;
	if (token.used && memcmp(token.used_key, join->key, NTM_KEY_LEN) != 0)
		return -EEXIST;
	err = check_key(store, join->key, token.node_id);
	if (err == 0)
		err = store_node_get(store, token.node_id, node);
	if (err < 0)
		return err;
	err = token.used ? join_again(store, join, node, cert) : -ENOENT;
	return err == -ENOENT ? join_first(store, join, node, cert) : err;
}

void store_token_use(struct store *store, const struct store_join *wanted, store_join_fn *done,
		     void *arg)
{
	struct store_node node;
	struct store_cert cert;
	int err = store_begin(store);
	if (err == 0)
		err = store_end(store, join(store, wanted, &node, &cert));
	done(arg, err, err == 0 ? &node : NULL, err == 0 ? &cert : NULL);
}

static int cert_issue(struct store *store, struct store_cert *cert)
{
	if (cert->node_id != 0) {
		struct store_node node;
		int err = store_node_get(store, cert->node_id, &node);
		if (err < 0 || node.revoked_s != 0)
			return err < 0 ? err : -ENOENT;
		if (!node.joined || memcmp(node.key, cert->key, NTM_KEY_LEN) != 0)
			return -EKEYREJECTED;
	}
	return cert_insert(store, cert);
}

void store_cert_issue(struct store *store, const struct store_cert *wanted, store_cert_fn *done,
		      void *arg)
{
	struct store_cert cert = *wanted;
	int err = store_begin(store);
	if (err == 0)
		err = store_end(store, cert_issue(store, &cert));
	done(arg, err, err == 0 ? &cert : NULL);
}

void store_cert_newest(struct store *store, int64_t node_id, store_cert_fn *done, void *arg)
{
	struct store_cert cert;
	int err = cert_newest(store, node_id, &cert);
	done(arg, err, err == 0 ? &cert : NULL);
}

/* The one behind that of the serial in *next, which it replaces. */
static int revocation_after(struct store *store, int64_t after_s, struct store_revocation *next)
{
	struct store_run run = store_run_begin(store, SQL_REVOCATION_AFTER);
	store_bind_int(&run, (int64_t)next->serial);
	store_bind_int(&run, after_s);
	int err = store_step(&run);
	if (err == 1) {
		next->serial = (uint64_t)store_column_int(&run);
		store_column_blob(&run, next->key, sizeof next->key);
		next->not_after_s = store_column_int(&run);
		store_ip_read(&run, 4, &next->vip4);
		store_ip_read(&run, 6, &next->vip6);
	}
	store_run_end(&run);
	return err;
}

void store_revocation_list(struct store *store, int64_t now_s, store_revocation_fn *done, void *arg)
{
	struct store_revocation next = {.serial = 0};
	int err;
	while ((err = revocation_after(store, now_s - NTM_CERT_SKEW_S, &next)) == 1)
		done(arg, 0, &next);
	done(arg, err, NULL);
}

static int purge_one(struct store *store, enum store_sql sql, int64_t until_s)
{
	struct store_run run = store_run_begin(store, sql);
	store_bind_int(&run, until_s);
	return store_run_all(&run);
}

void store_purge(struct store *store, int64_t now_s, store_done_fn *done, void *arg)
{
	int err = store_begin(store);
	if (err == 0) {
		err = purge_one(store, SQL_PURGE_TOKENS, now_s);
		if (err == 0)
			err = purge_one(store, SQL_PURGE_CERTS, now_s - NTM_CERT_SKEW_S);
		if (err == 0)
			err = purge_one(store, SQL_PURGE_REVOCATIONS, now_s - NTM_CERT_SKEW_S);
		err = store_end(store, err);
	}
	done(arg, err);
}
