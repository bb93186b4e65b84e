/* SPDX-License-Identifier: BSD-2-Clause */
/* Revocation: durable first, then the node's session, then all nodes and other DCs are told. */
#include "dc_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- the list ---- */

struct revocation *revoke_find(struct revocations *list, const struct foreign *from,
			       const struct ntm_msg_revoked *told)
{
	for (size_t i = 0; i < list->count; i++) {
		struct revocation *entry = &list->item[i];

		if (entry->from == from && entry->told.serial == told->serial &&
		    memcmp(entry->told.key, told->key, NTM_KEY_LEN) == 0)
			return entry;
	}
	return NULL;
}

static int reserve(struct revocations *list)
{
	size_t cap = list->cap > 0 ? list->cap * 2 : 16;
	void *item;

	if (list->count < list->cap)
		return 0;
	item = reallocarray(list->item, cap, sizeof(*list->item));
	if (!item)
		return -ENOMEM;
	list->item = item;
	list->cap = cap;
	return 0;
}

int revoke_add(struct revocations *list, const struct revocation *revocation)
{
	if (reserve(list) != 0)
		return -ENOMEM;
	list->item[list->count] = *revocation;
	list->item[list->count++].place = list->next_place++;
	return 0;
}

void revoke_remove(struct revocations *list, size_t at)
{
	list->count--;
	memmove(&list->item[at], &list->item[at + 1], (list->count - at) * sizeof(*list->item));
}

static bool has_ended(const struct revocation *entry, int64_t now_s)
{
	return entry->end_s + NTM_CERT_SKEW_S <= now_s;
}

void revoke_remove_ended(struct dc *dc)
{
	struct revocations *list = &dc->revocations;

	for (size_t i = list->count; i-- > 0;)
		if (has_ended(&list->item[i], dc_now_s(dc)))
			revoke_remove(list, i);
}

const struct revocation *revoke_next(const struct dc *dc, uint64_t place)
{
	const struct revocations *list = &dc->revocations;
	size_t from = 0, to = list->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (list->item[middle].place < place)
			from = middle + 1;
		else
			to = middle;
	}
	while (from < list->count && has_ended(&list->item[from], dc_now_s(dc)))
		from++;
	return from < list->count ? &list->item[from] : NULL;
}

void revoke_fini(struct revocations *revocations)
{
	free(revocations->item);
}

/* ---- from the store ---- */

struct sync {
	struct dc *dc;
	int err;
};

static void on_revocation(void *arg, int err, const struct store_revocation *revocation)
{
	struct sync *sync = arg;
	struct revocations *list = &sync->dc->revocations;
	struct revocation entry = {.from = NULL};

	if (err)
		sync->err = err;
	if (err || !revocation)
		return;
	/* Of a relay: nodes never see its certificate, and are told by no ticket of it. */
	if (revocation->vip4.family == 0 && revocation->vip6.family == 0) {
		fleet_drop_key(sync->dc, revocation->key);
		return;
	}
	entry.told.serial = revocation->serial;
	entry.told.vip4 = revocation->vip4;
	entry.told.vip6 = revocation->vip6;
	entry.end_s = revocation->not_after_s;
	memcpy(entry.told.key, revocation->key, sizeof(entry.told.key));
	if (!revoke_find(list, NULL, &entry.told) && revoke_add(list, &entry) != 0)
		sync->err = -ENOMEM;
}

/* Its certificate stays good, so nobody but gateways hears of it. */
static void on_exit_off(void *arg, int err, const struct store_node *node)
{
	struct sync *sync = arg;
	struct revocations *list = &sync->dc->revocations;
	struct revocation entry = {.is_exit_off = true};

	if (err)
		sync->err = err;
	if (err || !node)
		return;
	entry.told.vip4 = node->vip4;
	entry.told.vip6 = node->vip6;
	entry.end_s = node->exit_off_s + sync->dc->settings.pair_lifetime_s;
	memcpy(entry.told.key, node->key, sizeof(entry.told.key));
	if (!revoke_find(list, NULL, &entry.told) && revoke_add(list, &entry) != 0)
		sync->err = -ENOMEM;
}

/* In front of the CLOSE and not repeated: the node's log says why. */
static void tell_why(struct registry_node *node, const struct ntm_msg_revoked *told)
{
	struct ntm_msg msg = {.type = NTM_MSG_REVOKED, .revoked = *told};

	(void)ntm_ctl_request(node->ctl, &msg, NULL, NULL, NULL);
}

static void end_sessions(struct dc *dc, uint64_t place)
{
	const struct revocation *entry;
	struct registry_node *node;

	for (; (entry = revoke_next(dc, place)); place = entry->place + 1) {
		if (entry->is_exit_off)
			continue;
		node = registry_by_key(&dc->registry, entry->told.key);
		if (node) {
			tell_why(node, &entry->told);
			registry_drop(node);
		}
		fleet_drop_key(dc, entry->told.key);
	}
}

static void tell_foreigns(struct dc *dc)
{
	struct foreign *foreign;
	size_t pos = 0;

	while ((foreign = ntm_map_next(dc->foreigns.by_domain, &pos)))
		revoke_tell_foreign(foreign);
}

int revoke_sync(struct dc *dc)
{
	struct sync sync = {.dc = dc};
	uint64_t place = dc->revocations.next_place;

	revoke_remove_ended(dc);
	store_revocation_list(dc->store, dc_now_s(dc), on_revocation, &sync);
	store_exit_off_list(dc->store, dc_now_s(dc) - dc->settings.pair_lifetime_s, on_exit_off,
			    &sync);
	if (sync.err)
		dc_complain(dc, &dc->store_gate, "revocations are not known: %s",
			    store_words(dc->store));
	if (dc->revocations.next_place != place) {
		end_sessions(dc, place);
		revoke_tell_nodes(dc);
		tell_foreigns(dc);
	}
	return sync.err;
}

/* ---- telling nodes ---- */

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

static const struct revocation *next_for(const struct registry_node *node)
{
	const struct revocation *entry = revoke_next(node->dc, node->told);

	while (entry && entry->is_exit_off && !node->who.gateway)
		entry = revoke_next(node->dc, entry->place + 1);
	return entry;
}

void revoke_tell(struct registry_node *node)
{
	const struct revocation *entry;

	if (!node->registered)
		return;
	while (node->telling < REVOKE_TELLING_MAX && (entry = next_for(node))) {
		struct ntm_msg msg = {.type = NTM_MSG_REVOKED, .revoked = entry->told};

		if (ntm_ctl_request(node->ctl, &msg, on_told, node, NULL) != 0)
			return; /* the next answer, or REGISTER, goes on */
		node->telling++;
		node->told = entry->place + 1;
	}
}

void revoke_tell_nodes(struct dc *dc)
{
	struct registry_node *node;
	size_t pos = 0;

	while ((node = registry_next(&dc->registry, &pos)))
		revoke_tell(node);
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
		ntm_info("%s=%s revoked", who->role == STORE_RELAY ? "relay" : "node", who->fqdn);
		(void)revoke_sync(dc);
		/* Its certificates may have run out long ago, and not be listed. */
		node = who->joined ? registry_by_key(&dc->registry, who->key) : NULL;
		if (node)
			registry_drop(node);
		if (who->joined)
			fleet_drop_key(dc, who->key);
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

/* ---- gateways ---- */

/* A gateway that registers anew must not end what is allowed again. */
static void forget_exit_off(struct dc *dc, const uint8_t key[static NTM_KEY_LEN])
{
	struct revocations *list = &dc->revocations;

	for (size_t i = list->count; i-- > 0;)
		if (list->item[i].is_exit_off &&
		    memcmp(list->item[i].told.key, key, NTM_KEY_LEN) == 0)
			revoke_remove(list, i);
}

static void on_set_exit(void *arg, int err)
{
	*(int *)arg = err;
}

void dc_set_exit(struct dc *dc, const char *fqdn, bool may_exit, store_done_fn *done, void *arg)
{
	struct store_node who = {.joined = false};
	int err = -EIO;

	store_node_set_exit(dc->store, fqdn, may_exit, dc_now_s(dc), on_set_exit, &err);
	if (!err)
		err = lookup_by_name(dc->store, fqdn, &who);
	if (!err && may_exit) {
		forget_exit_off(dc, who.key);
	} else if (!err) {
		/* Before gateways are told: else one that is on the way opens a tunnel again. */
		direction_end_exits(dc, who.key);
		err = revoke_sync(dc);
	}
	done(arg, err);
}
