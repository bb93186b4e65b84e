/* SPDX-License-Identifier: BSD-2-Clause */
/* A gateway's logic without socket and clock: tunnels of nodes, and the way out (R140). */
#pragma once

#include "exit_policy.h"

#include "ntm/cert.h"
#include "ntm/link.h"
#include "ntm/timers.h"

#include <jansson.h>

/*
 *   node ==== tunnel ==== exit_gate ---- TUN ---- kernel: forward filter, NAT ---- general server
 *
 * To its DC a gateway is a node as well: it registers under the same key by a link of its own, and
 * is told of each node that comes by a Route Direction. It asks for none itself.
 */
struct exit_gate;

#define EXIT_PEERS_MAX 1024

/* What the host is set up by; fit to cross to another process. */
struct exit_net {
	struct ntm_ip vip4, vip6; /* the gateway's own; family 0: none */
	struct ntm_prefix_list prefixes;
};

/* The outside world. No function may call back. */
struct exit_ops {
	void (*udp_send)(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len);
	void (*tun_write)(void *ctx, const uint8_t *pkt, size_t len);
	/* Addresses that nodes may reach this host at, with the port; returns the count. */
	size_t (*own_addrs)(void *ctx, struct ntm_addr *out, size_t cap);
	/* Addresses that others may reach this host at; what there is no room for, and the rest, is
	 * the host's own filter's to refuse. */
	size_t (*host_addrs)(void *ctx, struct ntm_ip *out, size_t cap);
	/* The DC has said what is virtual; also when it says something else. */
	void (*host_changed)(void *ctx, const struct exit_net *net);
};

struct exit_gate_args {
	const struct exit_ops *ops;
	void *ctx;
	struct ntm_timers *timers;
	const struct ntm_keys *keys; /* copied, as the rest */
	const char *fqdn, *domain;
	const uint8_t *root;       /* NTM_SIGN_PUB_LEN */
	const uint8_t *dc_key;     /* NTM_KEY_LEN */
	const struct ntm_addr *dc; /* two; family 0: unused */
	bool allow_private;
	int64_t idle_ms; /* a tunnel without inner packets ends after it */
	struct ntm_link_times link_times;
};

struct exit_gate *exit_gate_new(const struct exit_gate_args *args); /* NULL: out of memory */
void exit_gate_free(struct exit_gate *gate);                        /* NULL is fine */
int exit_gate_start(struct exit_gate *gate);
/* Tells the DC goodbye, and nodes nothing: one that was told would be refused by the DC, and not
 * ask again for 5 s, which every restart would cost. */
void exit_gate_stop(struct exit_gate *gate);
/* Tells nodes, too: nothing will go out here any more. */
void exit_gate_give_up(struct exit_gate *gate);

/* pkt is scratch. */
void exit_gate_udp_input(struct exit_gate *gate, const struct ntm_addr *from, struct ntm_pkt *pkt);
void exit_gate_tun_input(struct exit_gate *gate, struct ntm_pkt *pkt);
void exit_gate_addrs_changed(struct exit_gate *gate);

json_t *exit_gate_status_json(const struct exit_gate *gate);
json_t *exit_gate_peers_json(const struct exit_gate *gate);
