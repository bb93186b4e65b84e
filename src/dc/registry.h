/* SPDX-License-Identifier: BSD-2-Clause */
/* Soft state of a DC: which nodes are here, and where each of them is now (design.md 10a). */
#pragma once

#include "route.h"
#include "store.h"

#include "ntm/bucket.h"
#include "ntm/ctl.h"
#include "ntm/log.h"
#include "ntm/map.h"

struct dc;

/* The certificate that was made for a node or relay; len 0: none yet. */
struct register_cert {
	struct ntm_cert_blob blob;
	int64_t renew_s, end_s;
};

/*
 * One node that has spoken to this DC since its start, found by its key. It stays when the node
 * goes away, so that "last seen" can be told, and ends when the node is revoked or joins with
 * another key. So there are never more than nodes in the store.
 */
struct registry_node {
	struct dc *dc;
	struct store_node who;
	struct ntm_link *link; /* NULL: no session */
	struct ntm_ctl *ctl;

	/* Of its registration. */
	bool registered;
	uint64_t boot_id;
	struct route_card card;
	uint32_t place;     /* another number when boot_id or card is another one */
	int64_t since_ms;   /* registered without a break since */
	int64_t last_in_ms; /* of sessions that are gone; 0: never */
	int64_t stale_ms;   /* did not answer at this time, -1: it does */
	struct ntm_timer lifetime;

	struct register_cert cert;

	struct ntm_bucket register_bucket, direction_bucket;
	struct ntm_log_gate gate; /* of lines that it can cause */

	uint64_t relays;  /* that it has tickets of, by slot (fleet.h) */
	uint64_t told;    /* revocations before it are acknowledged or under way (revoke.c) */
	unsigned telling; /* under way */
};

struct registry {
	struct ntm_map *by_key, *by_name;
};

/* 0 or -ENOMEM; fini is fine after either. */
int registry_init(struct registry *registry);
/* Calls nobody back. */
void registry_fini(struct registry *registry);

/* The record of a node, made if need be; one with the same name and another key is dropped. NULL:
 * out of memory. */
struct registry_node *registry_add(struct dc *dc, const struct store_node *who);
struct registry_node *registry_by_key(const struct registry *registry,
				      const uint8_t key[static NTM_KEY_LEN]);
struct registry_node *registry_by_name(const struct registry *registry, const char *fqdn);
struct registry_node *registry_next(const struct registry *registry, size_t *pos);
/* Ends its session (CLOSE), gives up what was asked of it, and frees the record. */
void registry_drop(struct registry_node *node);

/* Facts. */
void registry_on_up(struct registry_node *node, struct ntm_link *link, bool fresh);
/* The link is freed by the caller. */
void registry_on_down(struct registry_node *node);
void registry_on_register(struct registry_node *node, const struct ntm_msg_register *reg);
/* The link goes to another address than it did. */
void registry_on_moved(struct registry_node *node);
/* It let a request run out that was sent first at that time: not online any more until it is heard
 * again, unless it was heard meanwhile, and only the answers were lost. */
void registry_on_silent(struct registry_node *node, int64_t since_ms);

/* Can be reached now, as far as is known. */
bool registry_is_online(const struct registry_node *node);
/* When its last authentic packet came; 0: never. */
int64_t registry_seen_ms(const struct registry_node *node);
