/* SPDX-License-Identifier: BSD-2-Clause */
/* Turns the store's callbacks into the return values that the zone wants. */
#include "zone_store.h"

#include <errno.h>

struct reply {
	int err;
	struct ntm_ip vip4, vip6;
};

static void on_node(void *arg, int err, const struct store_node *node)
{
	struct reply *reply = arg;
	reply->err = err;
	if (err < 0)
		return;
	/* A relay's name exists, without an address. */
	if (node->role != STORE_NODE)
		return;
	reply->vip4 = node->vip4;
	reply->vip6 = node->vip6;
}

static int node_vips(void *arg, const char *fqdn, struct ntm_ip *vip4, struct ntm_ip *vip6)
{
	struct reply reply = {.err = -EAGAIN};
	store_node_by_name(arg, fqdn, on_node, &reply);
	*vip4 = reply.vip4;
	*vip6 = reply.vip6;
	return reply.err;
}

static int vip_leased(void *arg, const struct ntm_ip *vip)
{
	struct reply reply = {.err = -EAGAIN};
	store_node_by_vip(arg, vip, on_node, &reply);
	return reply.err;
}

static int node_below(void *arg, const char *suffix)
{
	struct reply reply = {.err = -EAGAIN};
	store_node_below(arg, suffix, on_node, &reply);
	return reply.err;
}

struct zone_lookup zone_lookup_from_store(struct store *store)
{
	return (struct zone_lookup){
		.node_vips = node_vips,
		.vip_leased = vip_leased,
		.node_below = node_below,
		.arg = store,
	};
}
