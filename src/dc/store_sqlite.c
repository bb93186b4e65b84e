/* SPDX-License-Identifier: BSD-2-Clause */
/* Nodes and settings in SQLite: leases that never end, lookups, revocation. */
#include "store_db.h"
#include "zone_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define INDEX_MAX INT32_MAX /* more nodes than one DC can have */

void store_ip_read(struct store_run *run, uint8_t family, struct ntm_ip *ip)
{
	struct ntm_ip found = {.family = family};
	bool leased = store_column_blob(run, found.b, ntm_ip_len(&found));
	*ip = leased ? found : (struct ntm_ip){0};
}

/* NULL, and what is no address, is none. */
static void read_addr(struct store_run *run, struct ntm_addr *addr)
{
	char text[NTM_ADDR_STR];
	store_column_text(run, text, sizeof text);
	if (ntm_addr_parse(addr, text, 0) < 0)
		*addr = (struct ntm_addr){0};
}

void store_node_read(struct store_run *run, struct store_node *node)
{
	memset(node, 0, sizeof *node);
	node->id = store_column_int(run);
	store_column_text(run, node->fqdn, sizeof node->fqdn);
	node->role = (uint8_t)store_column_int(run);
	node->gateway = store_column_int(run) != 0;
	node->may_exit = store_column_int(run) != 0;
	node->exit_off_s = store_column_int(run);
	store_ip_read(run, 4, &node->vip4);
	store_ip_read(run, 6, &node->vip6);
	node->joined = store_column_blob(run, node->key, sizeof node->key);
	node->created_s = store_column_int(run);
	node->joined_s = store_column_int(run);
	node->revoked_s = store_column_int(run);
	read_addr(run, &node->seen_at);
	node->serial = (uint64_t)store_column_int(run);
}

int store_node_find(struct store_run *run, struct store_node *node)
{
	int err = store_step(run);
	if (err == 1)
		store_node_read(run, node);
	store_run_end(run);
	if (err == 0)
		return -ENOENT;
	return err < 0 ? err : 0;
}

int store_node_get(struct store *store, int64_t id, struct store_node *node)
{
	struct store_run run = store_run_begin(store, SQL_NODE_BY_ID);
	store_bind_int(&run, id);
	return store_node_find(&run, node);
}

static int find_name(struct store *store, const char *fqdn, struct store_node *node)
{
	struct store_run run = store_run_begin(store, SQL_NODE_BY_NAME);
	store_bind_text(&run, fqdn);
	return store_node_find(&run, node);
}

static void answer(store_node_fn *done, void *arg, int err, const struct store_node *node)
{
	done(arg, err, err == 0 ? node : NULL);
}

void store_node_by_name(struct store *store, const char *fqdn, store_node_fn *done, void *arg)
{
	struct store_node node;
	int err = find_name(store, fqdn, &node);
	answer(done, arg, err, &node);
}

void store_node_by_key(struct store *store, const uint8_t key[static NTM_KEY_LEN],
		       store_node_fn *done, void *arg)
{
	struct store_node node;
	struct store_run run = store_run_begin(store, SQL_NODE_BY_KEY);
	store_bind_blob(&run, key, NTM_KEY_LEN);
	int err = store_node_find(&run, &node);
	answer(done, arg, err, &node);
}

void store_node_by_vip(struct store *store, const struct ntm_ip *vip, store_node_fn *done,
		       void *arg)
{
	struct store_node node;
	struct store_run run =
		store_run_begin(store, vip->family == 4 ? SQL_NODE_BY_VIP4 : SQL_NODE_BY_VIP6);
	store_bind_blob(&run, vip->b, ntm_ip_len(vip));
	int err = store_node_find(&run, &node);
	answer(done, arg, err, &node);
}

/* "a.ntm.example" -> "example.ntm.a" */
static void turn_labels(char out[static NTM_NAME_MAX + 2], const char *name)
{
	size_t used = 0, end = strlen(name);
	while (end > 0) {
		size_t start = end;
		while (start > 0 && name[start - 1] != '.')
			start--;
		memcpy(out + used, name + start, end - start);
		used += end - start;
		end = start > 0 ? start - 1 : 0;
		if (end > 0)
			out[used++] = '.';
	}
	out[used] = '\0';
}

void store_node_below(struct store *store, const char *suffix, store_node_fn *done, void *arg)
{
	if (strlen(suffix) > NTM_NAME_MAX) {
		done(arg, -ENOENT, NULL);
		return;
	}
	/* Everything that begins with "example.ntm." lies before "example.ntm/". */
	char from[NTM_NAME_MAX + 2], to[NTM_NAME_MAX + 2];
	turn_labels(from, suffix);
	size_t len = strlen(from);
	memcpy(to, from, len);
	memcpy(from + len, ".", 2);
	memcpy(to + len, "/", 2);

	struct store_node node;
	struct store_run run = store_run_begin(store, SQL_NODE_BELOW);
	store_bind_text(&run, from);
	store_bind_text(&run, to);
	int err = store_node_find(&run, &node);
	answer(done, arg, err, &node);
}

/* One lookup a node instead of one cursor over all: done may do anything to the store. */
void store_node_list(struct store *store, enum store_role role, store_node_fn *done, void *arg)
{
	struct store_node node = {.id = 0};
	int err;
	do {
		struct store_run run = store_run_begin(store, SQL_NODE_AFTER);
		store_bind_int(&run, role);
		store_bind_int(&run, node.id);
		err = store_node_find(&run, &node);
		if (err == 0)
			done(arg, 0, &node);
	} while (err == 0);
	done(arg, err == -ENOENT ? 0 : err, NULL);
}

static int put_seen(struct store *store, const struct store_seen *seen)
{
	char text[NTM_ADDR_STR];
	struct store_run run = store_run_begin(store, SQL_SEEN_PUT);
	store_bind_text(&run, ntm_addr_str(&seen->at, text));
	store_bind_int(&run, seen->node_id);
	return store_run_all(&run);
}

void store_seen_put(struct store *store, const struct store_seen *seen, size_t count,
		    store_done_fn *done, void *arg)
{
	int err = store_begin(store);
	if (err == 0) {
		for (size_t i = 0; i < count && err == 0; i++)
			err = put_seen(store, &seen[i]);
		err = store_end(store, err);
	}
	done(arg, err);
}

void store_seen_after(struct store *store, int64_t node_id, store_node_fn *done, void *arg)
{
	struct store_node node;
	struct store_run run = store_run_begin(store, SQL_SEEN_AFTER);
	store_bind_int(&run, node_id);
	int err = store_node_find(&run, &node);
	answer(done, arg, err, &node);
}

/* The address number index of the prefix, none without prefix; -ERANGE at the end of it. */
static int nth_vip(const struct ntm_prefix *prefix, uint64_t index, struct ntm_ip *vip)
{
	*vip = (struct ntm_ip){0};
	if (!prefix->ip.family)
		return 0;
	struct ntm_ip last = ntm_prefix_last_usable(prefix);
	uint64_t end;
	if (ntm_prefix_index(prefix, &last, &end) == 0 && index >= end)
		return -ERANGE;
	return ntm_prefix_nth(prefix, index, vip);
}

static bool is_reserved(const struct store *store, const struct store_node *node)
{
	for (size_t i = 0; i < store->reserved_count; i++)
		if (ntm_ip_eq(&store->reserved[i], &node->vip4) ||
		    ntm_ip_eq(&store->reserved[i], &node->vip6))
			return true;
	return false;
}

/* 1, 0, or negative errno */
static int is_taken(struct store *store, uint64_t index)
{
	struct store_run run = store_run_begin(store, SQL_INDEX_TAKEN);
	store_bind_int(&run, (int64_t)index);
	int taken = store_step(&run);
	store_run_end(&run);
	return taken;
}

/* Sets the node's VIPs to the lowest that are free; stays in the transaction. */
static int lease(struct store *store, struct store_node *node)
{
	if (!store_leases(node))
		return 0;
	for (uint64_t i = store->first_free; i < INDEX_MAX; i++) {
		if (nth_vip(&store->prefix4, i, &node->vip4) < 0 ||
		    nth_vip(&store->prefix6, i, &node->vip6) < 0)
			break;
		int taken = is_reserved(store, node) ? 1 : is_taken(store, i);
		if (taken < 0)
			return taken;
		store->first_free = i;
		if (!taken)
			return 0;
	}
	return store_fail(store, -EADDRNOTAVAIL, "every address of the domain's prefix is leased");
}

static int insert(struct store *store, const struct store_node *node)
{
	char path[NTM_NAME_MAX + 2];
	turn_labels(path, node->fqdn);
	struct store_run run = store_run_begin(store, SQL_NODE_INSERT);
	store_bind_text(&run, node->fqdn);
	store_bind_text(&run, path);
	store_bind_int(&run, node->role);
	store_bind_int(&run, node->gateway);
	store_bind_int(&run, store_leases(node) ? (int64_t)store->first_free : 0);
	store_bind_blob(&run, node->vip4.b, ntm_ip_len(&node->vip4));
	store_bind_blob(&run, node->vip6.b, ntm_ip_len(&node->vip6));
	store_bind_int(&run, node->created_s);
	return store_run_all(&run);
}

static int add(struct store *store, struct store_node *node)
{
	struct store_node former;
	int err = find_name(store, node->fqdn, &former);
	if (err == 0)
		*node = former;
	if (err != -ENOENT)
		return err == 0 ? -EEXIST : err;
	err = lease(store, node);
	if (err == 0)
		err = insert(store, node);
	node->id = sqlite3_last_insert_rowid(store->db);
	return err;
}

void store_node_add(struct store *store, const struct store_node *wanted, int64_t now_s,
		    store_node_fn *done, void *arg)
{
	const char *why = zone_name_check(store->domain, wanted->fqdn);
	if (why) {
		done(arg, store_fail(store, -EINVAL, "\"%.120s\": %s", wanted->fqdn, why), NULL);
		return;
	}
	struct store_node node = {.created_s = now_s,
				  .role = wanted->role,
				  .gateway = wanted->role == STORE_RELAY && wanted->gateway};
	memcpy(node.fqdn, wanted->fqdn, sizeof node.fqdn);
	int err = store_begin(store);
	if (err == 0)
		err = store_end(store, add(store, &node));
	done(arg, err, err == 0 || err == -EEXIST ? &node : NULL);
}

static int revoke(struct store *store, const char *fqdn, int64_t now_s, struct store_node *node)
{
	int err = find_name(store, fqdn, node);
	if (err < 0)
		return err;
	struct store_run certs = store_run_begin(store, SQL_REVOKE_CERTS);
	store_bind_int(&certs, node->id);
	store_bind_int(&certs, now_s - NTM_CERT_SKEW_S);
	err = store_run_all(&certs);
	if (err < 0)
		return err;
	struct store_run tokens = store_run_begin(store, SQL_TOKEN_DROP);
	store_bind_int(&tokens, node->id);
	err = store_run_all(&tokens);
	if (err < 0)
		return err;
	struct store_run run = store_run_begin(store, SQL_NODE_REVOKE);
	store_bind_int(&run, now_s);
	store_bind_int(&run, node->id);
	node->revoked_s = now_s;
	return store_run_all(&run);
}

void store_node_revoke(struct store *store, const char *fqdn, int64_t now_s, store_node_fn *done,
		       void *arg)
{
	struct store_node node;
	int err = store_begin(store);
	if (err == 0)
		err = store_end(store, revoke(store, fqdn, now_s, &node));
	answer(done, arg, err, &node);
}

static int set_exit(struct store *store, const char *fqdn, bool may_exit, int64_t now_s)
{
	struct store_node node;
	int err = find_name(store, fqdn, &node);
	if (err < 0 || node.role != STORE_NODE)
		return err < 0 ? err : -ENOENT;
	struct store_run run = store_run_begin(store, SQL_NODE_EXIT);
	store_bind_int(&run, may_exit);
	store_bind_int(&run, now_s);
	store_bind_int(&run, node.id);
	return store_run_all(&run);
}

void store_node_set_exit(struct store *store, const char *fqdn, bool may_exit, int64_t now_s,
			 store_done_fn *done, void *arg)
{
	int err = store_begin(store);
	if (err == 0)
		err = store_end(store, set_exit(store, fqdn, may_exit, now_s));
	done(arg, err);
}

void store_exit_off_list(struct store *store, int64_t since_s, store_node_fn *done, void *arg)
{
	struct store_node node = {.id = 0};
	int err = 0;
	while (err == 0) {
		struct store_run run = store_run_begin(store, SQL_EXIT_OFF_AFTER);
		store_bind_int(&run, node.id);
		store_bind_int(&run, since_s);
		err = store_node_find(&run, &node);
		if (err == 0)
			done(arg, 0, &node);
	}
	done(arg, err == -ENOENT ? 0 : err, NULL);
}

void store_setting_put(struct store *store, const char *name, const char *value,
		       store_done_fn *done, void *arg)
{
	if (strlen(value) >= STORE_SETTING_MAX) {
		done(arg, store_fail(store, -EINVAL, "the value of %s is too long", name));
		return;
	}
	struct store_run run = store_run_begin(store, SQL_SETTING_PUT);
	store_bind_text(&run, name);
	store_bind_text(&run, value);
	int err = store_run_all(&run);
	done(arg, err);
}

void store_setting_get(struct store *store, const char *name, store_value_fn *done, void *arg)
{
	char value[STORE_SETTING_MAX];
	struct store_run run = store_run_begin(store, SQL_SETTING_GET);
	store_bind_text(&run, name);
	int err = store_step(&run);
	if (err == 1)
		store_column_text(&run, value, sizeof value);
	store_run_end(&run);
	if (err == 0)
		err = -ENOENT;
	done(arg, err < 0 ? err : 0, err == 1 ? value : NULL);
}
