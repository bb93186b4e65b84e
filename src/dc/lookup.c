/* SPDX-License-Identifier: BSD-2-Clause */
/* Turns the store's callbacks into return values. */
#include "dc_priv.h"

#include <errno.h>

struct found {
	int err;
	struct store_node *node;
	struct store_cert *cert;
	size_t count;
};

static void on_join(void *arg, int err, const struct store_node *node,
		    const struct store_cert *cert)
{
	struct found *found = arg;

	found->err = err;
	if (err)
		return;
	if (node && found->node)
		*found->node = *node;
	if (cert && found->cert)
		*found->cert = *cert;
}

static void on_node(void *arg, int err, const struct store_node *node)
{
	on_join(arg, err, node, NULL);
}

static void on_cert(void *arg, int err, const struct store_cert *cert)
{
	on_join(arg, err, NULL, cert);
}

static void on_done(void *arg, int err)
{
	on_join(arg, err, NULL, NULL);
}

static void on_listed(void *arg, int err, const struct store_node *node)
{
	struct found *found = arg;

	found->err = err;
	found->count += node && node->revoked_s == 0;
}

int lookup_by_name(struct store *store, const char *fqdn, struct store_node *node)
{
	struct found found = {.err = -EAGAIN, .node = node};

	store_node_by_name(store, fqdn, on_node, &found);
	return found.err;
}

int lookup_by_key(struct store *store, const uint8_t key[static NTM_KEY_LEN],
		  struct store_node *node)
{
	struct found found = {.err = -EAGAIN, .node = node};

	store_node_by_key(store, key, on_node, &found);
	return found.err;
}

int lookup_by_vip(struct store *store, const struct ntm_ip *vip, struct store_node *node)
{
	struct found found = {.err = -EAGAIN, .node = node};

	store_node_by_vip(store, vip, on_node, &found);
	return found.err;
}

int lookup_below(struct store *store, const char *suffix)
{
	struct found found = {.err = -EAGAIN};

	store_node_below(store, suffix, on_node, &found);
	return found.err;
}

int lookup_join(struct store *store, const struct store_join *join, struct store_node *node,
		struct store_cert *cert)
{
	struct found found = {.err = -EAGAIN, .node = node, .cert = cert};

	store_token_use(store, join, on_join, &found);
	return found.err;
}

int lookup_cert_newest(struct store *store, int64_t node_id, struct store_cert *cert)
{
	struct found found = {.err = -EAGAIN, .cert = cert};

	store_cert_newest(store, node_id, on_cert, &found);
	return found.err;
}

int lookup_cert_issue(struct store *store, const struct store_cert *wanted, struct store_cert *cert)
{
	struct found found = {.err = -EAGAIN, .cert = cert};

	store_cert_issue(store, wanted, on_cert, &found);
	return found.err;
}

int lookup_seen_put(struct store *store, const struct store_seen *seen, size_t count)
{
	struct found found = {.err = -EAGAIN};

	store_seen_put(store, seen, count, on_done, &found);
	return found.err;
}

int lookup_seen_after(struct store *store, int64_t node_id, struct store_node *node)
{
	struct found found = {.err = -EAGAIN, .node = node};

	store_seen_after(store, node_id, on_node, &found);
	return found.err;
}

int lookup_count(struct store *store, size_t *count)
{
	struct found found = {.err = -EAGAIN};

	store_node_list(store, STORE_NODE, on_listed, &found);
	*count = found.count;
	return found.err;
}
