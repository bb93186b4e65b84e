/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits: ordinary servers that are reached through a gateway, so that sessions with them survive
 * this node's moves (R140). */
#pragma once

#include "realm.h"

#include "ntm/conf.h"
#include "ntm/dnsmsg.h"
#include "ntm/pktbuf.h"
#include "ntm/sip.h"
#include "ntm/timers.h"

#include <jansson.h>

struct exits;
struct ntm_ippkt;
struct tunnels;

#define EXITS_MAX      8
#define EXITS_PREFIXES 64 /* in the configuration, of all exits together */
#define EXITS_NAMES    64
#define EXITS_LEARNED  64 /* addresses that DNS answers and SIP messages have told, at once */
#define EXITS_MEDIA    32 /* of these by SIP messages alone, which any caller may fill */
#define EXITS_HELD     16 /* SIP messages that wait for routes */
/* A learned address is kept so long after its TTL, and after the last packet. */
#define EXITS_GRACE_MS INT64_C(3600000)
/* What was used so recently does not make room for another. */
#define EXITS_BUSY_MS 60000

/* One `exit "TITLE" { ... }` of node.conf; the title comes first (conf.h). */
struct exit_conf {
	char *title; /* the gateway's name; without a dot, it is completed with our domain */
	struct ntm_prefixes prefixes;
	struct ntm_strings names;
	bool media; /* what their SIP messages name for media, too */
};
struct exits_conf {
	size_t count;
	struct exit_conf item[EXITS_MAX];
};
/* NULL, or what is wrong, and with which of them; maybe in buf. */
#define EXITS_FAULT_STR 340
const char *exits_conf_fault(const struct exits_conf *conf, char buf[static EXITS_FAULT_STR]);

/* What has to lead into the TUN; crosses to the keeper. */
#define EXIT_ROUTES_MAX (EXITS_PREFIXES + EXITS_LEARNED)
struct exit_routes {
	uint32_t generation; /* rises with every change, from 1 */
	size_t count;
	struct ntm_prefix item[EXIT_ROUTES_MAX];
	/* Everything, or named by a SIP message, hence by any caller: what already has an address
	 * of this host, as its connections and servers do, stays where it is. */
	bool is_weak[EXIT_ROUTES_MAX];
};
/* Its place in them; count: it is none of them. */
size_t exit_routes_find(const struct exit_routes *routes, const struct ntm_prefix *prefix);
/* NULL, or why traffic for the prefix cannot go through an exit. */
const char *exit_prefix_fault(const struct realm *realm, const struct ntm_prefix *prefix);

struct exits_args {
	struct ntm_timers *timers;
	const struct exits_conf *conf; /* borrowed; NULL: none */
	const struct realm *realm;     /* borrowed */
	struct tunnels *tunnels;
	struct ntm_sip_parser *sip;        /* borrowed; NULL with sip_ports NULL */
	const struct ntm_ports *sip_ports; /* borrowed; where servers' SIP is looked for */
	void (*tun_write)(void *ctx, const uint8_t *pkt, size_t len); /* what was held */
	/* May not call back. */
	void (*changed)(void *ctx, const struct exit_routes *routes);
	void *ctx;
};

struct exits *exits_new(const struct exits_args *args); /* NULL: out of memory */
void exits_free(struct exits *exits);
/* The realm is (another) one: tells the routes anew. */
void exits_on_realm(struct exits *exits);
/* The routes of that generation are there; words: why not, or NULL. */
void exits_on_routed(struct exits *exits, uint32_t generation, const char *words);

/* Sends a packet of ours to where its destination is reached. False: no exit's, untouched. */
bool exits_send(struct exits *exits, const struct ntm_ip *dst, struct ntm_pkt *pkt);
/* Whether the gateway of that name may hand us this packet: from a destination that is reached
 * through it, or an ICMP error about a packet to one. */
bool exits_allow(struct exits *exits, const char *fqdn, const struct ntm_ippkt *view);

/* A packet that exits_allow has let in: the addresses that a SIP message names for media become
 * routes. True: it is held until they are there, then written by itself. */
bool exits_media(struct exits *exits, const struct ntm_ippkt *view, const struct ntm_pkt *pkt);

/* A DNS answer that an application is about to get: addresses of an exit's name become routes.
 * The generation of routes that has to be there first; 0: none; -ENOSPC: too many addresses are in
 * use. */
int64_t exits_learn(struct exits *exits, const struct ntm_dns_response *response);

json_t *exits_json(const struct exits *exits);
