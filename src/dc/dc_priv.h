/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the DC's logic share with each other. */
#pragma once

#include "dc.h"
#include "direction.h"
#include "fleet.h"
#include "foreign.h"
#include "identity.h"
#include "recall.h"
#include "registry.h"
#include "revoke.h"

/* CLOSE reasons are for logs only. */
enum dc_close { DC_CLOSE_UNKNOWN = 1, DC_CLOSE_REVOKED = 2 };

#define DC_ERRORS 8
/* Of one subject, which is whose gate they come through. */
#define DC_ERRORS_OF_ONE (DC_ERRORS / 2)
#define DC_ERROR_STR     320

struct dc {
	struct dc_ops ops;
	void *ctx;
	struct ntm_timers *timers;
	struct dc_settings settings;
	struct ntm_root root;
	uint8_t pub[NTM_KEY_LEN], sec[NTM_KEY_LEN]; /* our X25519 keys */
	struct identity identity;
	struct store *store;
	const struct zone *zone;
	struct ntm_links *links;
	struct registry registry;
	struct fleet fleet;
	struct directions directions;
	struct revocations revocations;
	struct recall recall;
	struct foreigns foreigns;
	struct ntm_timer purge;
	int64_t start_ms;
	struct ntm_log_gate join_gate, stranger_gate, store_gate;
	struct {
		uint64_t joined, join_refused, strangers, registered, resolved, malformed,
			not_control, limited, foreign_refused;
	} counters;
	/* Newest first. gate is only compared: its owner may be gone. */
	struct dc_error {
		const struct ntm_log_gate *gate;
		int64_t wall_s;
		char words[DC_ERROR_STR];
	} error[DC_ERRORS];
	size_t error_count;
};

static inline int64_t dc_now_ms(const struct dc *dc)
{
	return dc->timers->now_ms;
}
static inline int64_t dc_now_s(const struct dc *dc)
{
	return dc->timers->wall_ms / 1000;
}

/* dc.c. An info line that `status` shows as well; with a gate that is shut only at level debug. */
void dc_complain(struct dc *dc, struct ntm_log_gate *gate, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* dc.c. A request of a node. */
void dc_on_request(void *ctx, const struct ntm_msg *req);

/* dc.c. Answers PING. */
void dc_pong(struct ntm_ctl *ctl, const struct ntm_link *link, const struct ntm_msg *req);

/* accept.c */
int accept_on_request(void *ctx, const struct ntm_link_request *req, struct ntm_link_reply *reply);

/* register.c */
void register_on_request(struct registry_node *node, const struct ntm_msg *req);
void register_domain(const struct dc *dc, struct ntm_prefix_list *prefixes,
		     struct ntm_name_list *suffixes);
/* The certificate of a node for a serial of the store. 0 or -EINVAL. */
int register_sign(const struct dc *dc, const struct store_node *who, const struct store_cert *cert,
		  struct ntm_cert_blob *blob);

/* Makes the certificate that is held new when it is time. True: there is one that may be used. */
bool register_renew(struct dc *dc, const struct store_node *who, struct register_cert *held);

/* lookup.c: the store's answers as return values; 0, -ENOENT or another negative errno. As the
 * zone's, they need a store that answers before its calls return; one that does not: -EAGAIN. */
int lookup_by_name(struct store *store, const char *fqdn, struct store_node *node);
int lookup_by_key(struct store *store, const uint8_t key[static NTM_KEY_LEN],
		  struct store_node *node);
int lookup_by_vip(struct store *store, const struct ntm_ip *vip, struct store_node *node);
int lookup_below(struct store *store, const char *suffix);
int lookup_join(struct store *store, const struct store_join *join, struct store_node *node,
		struct store_cert *cert);
int lookup_cert_newest(struct store *store, int64_t node_id, struct store_cert *cert);
int lookup_cert_issue(struct store *store, const struct store_cert *wanted,
		      struct store_cert *cert);
int lookup_seen_put(struct store *store, const struct store_seen *seen, size_t count);
int lookup_seen_after(struct store *store, int64_t node_id, struct store_node *node);
/* Nodes that are not revoked. */
int lookup_count(struct store *store, size_t *count);
