/* SPDX-License-Identifier: BSD-2-Clause */
/* Revocation: durable first, then the node's session, then every other node is told. */
#include "dc_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* REVOKED requests to one node that are under way: ntm_ctl has room for NTM_CTL_OPEN_MAX. */
#define TELLING_MAX 8

/* ---- the list ---- */

struct sync {
	struct dc *dc;
	const struct store_node *who;
	int err;
};

static bool is_known(const struct revocations *revocations, uint64_t serial)
{
	for (size_t i = 0; i < revocations->count; i++)
		if (revocations->item[i].told.serial == serial)
			return true;
	return false;
}

static int reserve(struct revocations *revocations)
{
	size_t cap = revocations->cap > 0 ? revocations->cap * 2 : 16;
	void *item;

	if (revocations->count < revocations->cap)
		return 0;
	item = reallocarray(revocations->item, cap, sizeof(*revocations->item));
	if (!item)
		return -ENOMEM;
	revocations->item = item;
	revocations->cap = cap;
	return 0;
}

static void on_revocation(void *arg, int err, const struct store_cert *cert)
{
	struct sync *sync = arg;
	struct revocations *revocations = &sync->dc->revocations;
	struct revocation *entry;

	if (err)
		sync->err = err;
	if (err || !cert || is_known(revocations, cert->serial))
		return;
	if (reserve(revocations) != 0) {
		sync->err = -ENOMEM;
		return;
	}
	entry = &revocations->item[revocations->count++];
	*entry = (struct revocation){.told = {.serial = cert->serial}, .end_s = cert->not_after_s};
	memcpy(entry->told.key, cert->key, sizeof(entry->told.key));
	if (sync->who) {
		entry->told.vip4 = sync->who->vip4;
		entry->told.vip6 = sync->who->vip6;
	}
}

/* In front of the CLOSE and not repeated: the node's log says why. */
static void tell_why(struct registry_node *node, const struct ntm_msg_revoked *told)
{
	struct ntm_msg msg = {.type = NTM_MSG_REVOKED, .revoked = *told};

	(void)ntm_ctl_request(node->ctl, &msg, NULL, NULL, NULL);
}

int revoke_sync(struct dc *dc, const struct store_node *who)
{
	struct sync sync = {.dc = dc, .who = who};
	size_t before = dc->revocations.count;
	struct registry_node *node;
	size_t pos = 0;

	store_revocation_list(dc->store, dc_now_s(dc), on_revocation, &sync);
	if (sync.err)
		dc_complain(dc, &dc->store_gate, "revocations are not known: %s",
			    store_words(dc->store));
	for (size_t i = before; i < dc->revocations.count; i++) {
		node = registry_by_key(&dc->registry, dc->revocations.item[i].told.key);
		if (node) {
			tell_why(node, &dc->revocations.item[i].told);
			registry_drop(node);
		}
	}
	if (dc->revocations.count == before)
		return sync.err;
	while ((node = registry_next(&dc->registry, &pos)))
		revoke_tell(node);
	return sync.err;
}

void revoke_fini(struct revocations *revocations)
{
	free(revocations->item);
}

/* ---- telling ---- */

static void on_told(void *arg, int err, const struct ntm_msg *reply)
{
	struct registry_node *node = arg;

	(void)reply;
	node->telling--;
	if (err)
		node->told = 0; /* all again, when it registers again */
	else
		revoke_tell(node);
}

void revoke_tell(struct registry_node *node)
{
	const struct revocations *revocations = &node->dc->revocations;
	int64_t now_s = dc_now_s(node->dc);

	if (!node->registered)
		return;
	while (node->told < revocations->count && node->telling < TELLING_MAX) {
		const struct revocation *entry = &revocations->item[node->told];
		struct ntm_msg msg = {.type = NTM_MSG_REVOKED, .revoked = entry->told};

		if (entry->end_s + NTM_CERT_SKEW_S > now_s) {
			if (ntm_ctl_request(node->ctl, &msg, on_told, node, NULL) != 0)
				return; /* the next answer, or REGISTER, goes on */
			node->telling++;
		}
		node->told++;
	}
}

/* ---- the operator's word ---- */

struct revoking {
	struct dc *dc;
	store_node_fn *done;
	void *arg;
};

static void on_revoked(void *arg, int err, const struct store_node *who)
{
	struct revoking *revoking = arg;
	struct dc *dc = revoking->dc;
	struct registry_node *node;

	if (!err) {
		ntm_info("node=%s revoked", who->fqdn);
		(void)revoke_sync(dc, who);
		/* Its certificates may have run out long ago, and not be listed. */
		node = who->joined ? registry_by_key(&dc->registry, who->key) : NULL;
		if (node)
			registry_drop(node);
	}
	revoking->done(revoking->arg, err, who);
	free(revoking);
}

void dc_revoke(struct dc *dc, const char *fqdn, store_node_fn *done, void *arg)
{
	struct revoking *revoking = malloc(sizeof(*revoking));

	if (!revoking) {
		done(arg, -ENOMEM, NULL);
		return;
	}
	*revoking = (struct revoking){.dc = dc, .done = done, .arg = arg};
	store_node_revoke(dc->store, fqdn, dc_now_s(dc), on_revoked, revoking);
}
