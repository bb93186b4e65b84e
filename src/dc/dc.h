/* SPDX-License-Identifier: BSD-2-Clause */
/* A Direction Coordinator's logic without socket and clock (R40-R42, R48-R58, R88-R95, R105-R107).
 */
#pragma once

#include "store.h"
#include "zone.h"

#include "ntm/cert.h"
#include "ntm/dnsclient.h"
#include "ntm/link.h"
#include "ntm/msg.h"
#include "ntm/timers.h"

#include <jansson.h>

struct dc;

struct dc_settings {
	char domain[NTM_NAME_MAX + 1];
	struct ntm_prefix prefix4, prefix6;
	struct ntm_ip resolver4, resolver6; /* reserved virtual addresses of the nodes' resolvers */
	int64_t cert_lifetime_s;            /* node certificates: 7 d, renewed at half life */
	int64_t keepalive_s;                /* for nodes behind a NAT, at most: 25 */
	int64_t lifetime_s;                 /* of a registration: 120 */
	int64_t pair_lifetime_s;            /* 24 h, security.md 2.6 */
	/* Quotas at each relay of the nodes of one other domain, and of each side of any flow; 0:
	 * none. */
	uint32_t relay_account_flows, relay_account_kbit, relay_flow_kbit;
	struct ntm_link_times link_times;
};
/* Domain, prefixes and resolvers are the caller's to set. */
extern const struct dc_settings dc_settings_default;

/* What no pin may touch; borrows the domain's name. */
static inline struct trust_own dc_own(const struct dc_settings *settings)
{
	return (struct trust_own){.domain = settings->domain,
				  .prefix4 = settings->prefix4,
				  .prefix6 = settings->prefix6};
}

struct dc_ops {
	void (*udp_send)(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len);
	/* As ntm_dnsclient_ask and _cancel; NULL: this DC finds no others. */
	int (*lookup)(void *ctx, const char *name, uint16_t type, ntm_dnsclient_fn *fn, void *arg,
		      uint64_t *id);
	void (*lookup_cancel)(void *ctx, uint64_t id);
};

struct dc_args {
	const struct dc_ops *ops;
	void *ctx;
	struct ntm_timers *timers;
	const struct dc_settings *settings; /* copied */
	const struct ntm_keys *keys;        /* the DC's X25519 keys; copied */
	const struct ntm_root *root;        /* issuing = dc; copied */
	struct store *store;                /* borrowed, open */
	const struct zone *zone;            /* borrowed: RESOLVE is answered from it */
};

struct dc *dc_new(const struct dc_args *args); /* NULL: out of memory */
void dc_free(struct dc *dc);
void dc_udp_input(struct dc *dc, const struct ntm_addr *from, struct ntm_pkt *pkt);

/* Ends a node or relay for good: durable first, then its session, then its peers are told (within 1
 * s). done is called once, maybe later. err -ENOENT: no such node. */
void dc_revoke(struct dc *dc, const char *fqdn, store_node_fn *done, void *arg);

/* Whether a node may send through gateways: durable first; then, when it may not any more, gateways
 * are told to end its tunnels. done is called once. err -ENOENT: no such node. */
void dc_set_exit(struct dc *dc, const char *fqdn, bool may_exit, store_done_fn *done, void *arg);

/* Whether a node is registered now. */
bool dc_is_online(const struct dc *dc, const char *fqdn);
size_t dc_online_count(const struct dc *dc);
json_t *dc_status_json(const struct dc *dc);
/* Where a node is now (online, reflexive address, NAT, since, last seen), or {"online": false}. */
json_t *dc_node_json(const struct dc *dc, const char *fqdn);
/* Where a relay of the store is now: state, and what it has reported. The caller owns it. */
json_t *dc_relay_json(const struct dc *dc, const struct store_node *who);

/* foreign.c. The store's pins have changed: takes them over, ends sessions with domains that went,
 * tells the nodes. 0 or negative errno. */
int dc_trust_changed(struct dc *dc);
/* What is known of a domain's DC now: state, session, since, last error, counters; the caller owns
 * it. */
json_t *dc_trust_json(const struct dc *dc, const char *domain);
