/* SPDX-License-Identifier: BSD-2-Clause */
/* A node's logic without socket and clock: packets and facts in, packets out through a table. */
#pragma once

#include "exits.h"
#include "lease.h"
#include "partners.h"

#include "ntm/conf.h"
#include "ntm/link.h"
#include "ntm/pktbuf.h"
#include "ntm/timers.h"

#include <jansson.h>

struct node;
struct ntm_sip_parser;

/* sip.md 1: who holds a 200 OK. */
enum node_hold { NODE_HOLD_BOTH, NODE_HOLD_CALLER, NODE_HOLD_OFF };

/* The part of node.conf that the logic reads. */
struct node_settings {
	int hold;                   /* enum node_hold */
	int64_t hold_callee_ms;     /* 1 s */
	int64_t hold_caller_ms;     /* 2 s */
	int prewarm;                /* enum ntm_sip_prewarm */
	struct ntm_ports sip_ports; /* { 5060 } */
	int64_t name_deadline_ms;   /* 1.5 s, design.md 6 */
	int64_t idle_ms;            /* a tunnel without inner packets is closed after it; 10 min */
	struct ntm_link_times link_times;
	const struct exits_conf *exits; /* borrowed; NULL: none */
	uint16_t udp_port;              /* that udp_send sends from; 0: no matter, without exits */
};
extern const struct node_settings node_settings_default;

/* The outside world. No function may call back into the node, but for node_lease and node_partners.
 */
struct node_ops {
	void (*udp_send)(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len);
	void (*tun_write)(void *ctx, const uint8_t *pkt, size_t len);
	/* A DNS query for the resolvers that the host had before; answered by node_upstream_answer
	 * with the same slot, or never. false: there is none. */
	bool (*upstream_query)(void *ctx, uint16_t slot, const uint8_t *query, size_t len);
	/* The lease changed and has to be saved. */
	void (*lease_changed)(void *ctx, const struct node_lease *lease);
	/* The list of partner domains changed and has to be saved. May be NULL. */
	void (*partners_changed)(void *ctx, const struct partners *partners);
	/* Registered for the first time since start, or registered again after a loss. May be NULL.
	 */
	void (*registered)(void *ctx);
	/* Destinations that have to lead into the TUN, besides the virtual ones; all of them. When
	 * they do, or cannot, node_exits_routed is called. May be NULL without settings.exits. */
	void (*exits_changed)(void *ctx, const struct exit_routes *routes);
	/* Our own usable real addresses, for REGISTER; returns the count. Port is the UDP port. */
	size_t (*own_addrs)(void *ctx, struct ntm_addr *out, size_t cap);
};

struct node_args {
	const struct node_ops *ops;
	void *ctx;
	struct ntm_timers *timers;
	const struct node_lease *lease;       /* copied */
	const struct partners *partners;      /* copied; NULL: none */
	const struct node_settings *settings; /* copied */
	struct ntm_sip_parser *sip;           /* borrowed: one a process */
};

struct node *node_new(const struct node_args *args); /* NULL: out of memory */
/* Wipes keys; sends nothing. */
void node_free(struct node *node);
/* Opens the link to the DC. */
void node_start(struct node *node);
/* Tells peers (CLOSE) and the DC, lets go what is held. The node stays usable for node_free only.
 */
void node_stop(struct node *node);

/* Packets. pkt is scratch. */
void node_udp_input(struct node *node, const struct ntm_addr *from, struct ntm_pkt *pkt);
void node_tun_input(struct node *node, struct ntm_pkt *pkt);
void node_upstream_answer(struct node *node, uint16_t slot, const uint8_t *answer, size_t len);
/* The routes of that generation are in place; words: why they are not, NULL when they are. */
void node_exits_routed(struct node *node, uint32_t generation, const char *words);
/* Own addresses may have changed: register again when they did. */
void node_addrs_changed(struct node *node);

const struct node_lease *node_lease(const struct node *node);
const struct partners *node_partners(const struct node *node);
bool node_is_registered(const struct node *node);

/* Objects for the verbs `status`, `tunnels` and `calls`; the caller owns them. NULL: out of memory.
 */
json_t *node_status_json(const struct node *node);
json_t *node_tunnels_json(const struct node *node);
json_t *node_calls_json(const struct node *node);

/*
 * `ping NAME|VIP`: brings the tunnel up if need be and sends count PINGs in it, one a second. Every
 * answer, or its absence, calls fn, the last one with last set. A name without a dot is completed
 * with our domain. 0; negative, and fn is never called: -EINVAL (neither a name nor a virtual
 * address, or our own), -EBUSY (too many at once), -ENOSPC (too many tunnels), -ENOMEM;
 * node_ping_refusal has words for them.
 */
struct node_ping_result {
	int err;           /* 0, or -ETIMEDOUT, -EHOSTUNREACH ... */
	const char *words; /* of an error, for people */
	char peer[NTM_NAME_MAX + 1];
	struct ntm_ip vip;
	struct ntm_addr via; /* real address that packets go to: the peer's, or a relay's */
	bool is_relayed;
	int64_t rtt_ms;
	unsigned seq;
	bool last;
};
typedef void node_ping_fn(void *arg, const struct node_ping_result *result);
int node_ping(struct node *node, const char *target, unsigned count, node_ping_fn *fn, void *arg);
const char *node_ping_refusal(int err);
