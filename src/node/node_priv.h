/* SPDX-License-Identifier: BSD-2-Clause */
/* What node.c (glue), node_realm.c (lease and partners), node_data.c (inner packets), node_ping.c
 * and node_show.c share. */
#pragma once

#include "dclink.h"
#include "node.h"
#include "partners_pull.h"
#include "realm.h"
#include "relays.h"
#include "resolver.h"
#include "sipwatch.h"
#include "tunnel.h"

#include "ntm/log.h"

struct node_counters {
	uint64_t tun_in, tun_out; /* inner packets from and to the host */
	uint64_t malformed;       /* from the host: no IP, options, odd lengths */
	uint64_t wrong_source;    /* from the host: not from our VIP */
	uint64_t not_virtual;     /* from the host: to no virtual address */
	uint64_t noise;           /* from the host: multicast and the like */
	uint64_t peer_malformed;  /* from a peer: no IP packet */
	uint64_t peer_spoofed;    /* from a peer: not from its certified VIP, or not to ours */
	uint64_t control_bad;     /* control messages that did not decode */
	uint64_t looped;          /* our frames to what is itself reached through a tunnel */
};

#define NODE_PINGS 16
struct ping;

/* A RESOLVE under way; the control channel has no more of them open at once. */
struct resolve {
	struct node *node; /* NULL: free */
	uint16_t slot;
};

struct node {
	const struct node_ops *ops;
	void *ctx;
	struct ntm_timers *timers;
	struct node_settings settings;
	struct node_lease lease;
	struct partners partners;
	struct realm realm; /* of both */
	struct partners_pull *pull;
	struct ntm_links *links;
	struct relays *relays;
	struct dclink *dclink;
	struct tunnels *tunnels;
	struct sipwatch *sipwatch;
	struct resolver *resolver;
	struct exits *exits;
	struct node_counters counters;
	struct ntm_ip wrong_source; /* the last one, for `status` */
	struct ntm_log_gate source_gate, spoof_gate;
	int64_t started_ms;
	struct resolve resolves[NTM_CTL_OPEN_MAX];
	size_t ping_count;
	struct ping *pings;
};

/* node_data.c */
void node_peer_input(struct node *node, struct tunnel *tunnel, struct ntm_pkt *pkt);
void node_release(void *ctx, enum sipwatch_way way, struct ntm_pkt *pkt);
void node_tun_write(void *ctx, const uint8_t *data, size_t len);

/* node_realm.c */
void node_keep_lease(struct node *node, const struct ntm_msg_registered *msg);
void node_on_partners(struct node *node, const struct ntm_msg *req);
/* For partners_pull_args.done and tunnels_args.learn. */
void node_take_partners(void *ctx, const struct partners *fresh);
const char *node_learn_partner(void *ctx, const struct partner *partner);

/* node_ping.c */
void node_ping_input(struct node *node, struct tunnel *tunnel, const struct ntm_pkt *pkt);
void node_ping_stop(struct node *node);
