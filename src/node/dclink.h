/* SPDX-License-Identifier: BSD-2-Clause */
/* What a node tells its DC of itself, and learns of its NAT by that. */
#pragma once

#include "node.h"

#include "ntm/uplink.h"

struct dclink;

struct dclink_ops {
	/* REGISTERED came: addresses, prefixes, suffixes, certificate. news: for the first time
	 * since start, or since the DC was lost. */
	void (*registered)(void *ctx, const struct ntm_msg_registered *msg, bool news);
	/* A request of the DC other than what dclink answers itself: ROUTE_DIRECTION, REVOKED,
	 * PARTNERS, RELAY_RESTARTED. */
	void (*request)(void *ctx, const struct ntm_msg *msg);
	/* dclink_keepalive_ms is another now. */
	void (*keepalive)(void *ctx, int64_t keepalive_ms);
	void *ctx;
};

struct dclink_args {
	struct ntm_links *links;
	struct ntm_timers *timers;
	const struct node_lease *lease; /* borrowed */
	const struct node_ops *node_ops;
	void *node_ctx;
	struct dclink_ops ops;
};

struct dclink *dclink_new(const struct dclink_args *args);
void dclink_free(struct dclink *dclink);
int dclink_start(struct dclink *dclink);
void dclink_stop(struct dclink *dclink);
/* Its link to the DC, which the node's links ops know as an owner; the dclink's. */
struct ntm_uplink *dclink_uplink(const struct dclink *dclink);
/* Registers again when our own addresses differ from what was told; whether they do. */
bool dclink_addrs_changed(struct dclink *dclink);

/* Requests to the DC, and replies to it: ctl.h. */
int dclink_request(struct dclink *dclink, struct ntm_msg *msg, ntm_ctl_done_fn *done, void *arg,
		   uint32_t *txn);
void dclink_cancel(struct dclink *dclink, uint32_t txn);
int dclink_reply(struct dclink *dclink, const struct ntm_msg *req, struct ntm_msg *reply);

/* How often something has to be sent through our NAT (keepalive.h); 0 without one. */
int64_t dclink_keepalive_ms(const struct dclink *dclink);
json_t *dclink_json(const struct dclink *dclink); /* for `status` */
