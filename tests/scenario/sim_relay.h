/* SPDX-License-Identifier: BSD-2-Clause */
/* Relays on the network, and which path a tunnel takes. */
#pragma once

#include "sim.h"

#include "relay.h"

#define SIM_RELAY_PORT 4331

struct sim_relay {
	struct sim_relay *next;
	struct sim_dc *dc;
	struct sim_place place, place6; /* place6: family 0 without IPv6 */
	struct ntm_addr addr, addr6;
	struct relay_lease lease;
	struct relay_settings settings;  /* for the next start */
	struct relay *relay;             /* NULL: not running */
	struct sim_exit *exit;           /* sim_exit.h; NULL: no gateway */
	uint64_t came, sent, forwarded;  /* datagrams */
	uint64_t bytes_came, bytes_sent; /* of those that were not forwarded */
};
/* Joined at the DC and started; ip6 may be NULL. */
struct sim_relay *sim_relay_new(struct sim_dc *dc, const char *ip, const char *ip6,
				const char *name);
/* Joined as a gateway (or not), IPv4, not started; lan: &sim->internet, or a NAT's inside. */
struct sim_relay *sim_relay_join(struct sim_dc *dc, struct sim_lan *lan, const char *ip,
				 const char *name, bool is_gateway);
void sim_relay_start(struct sim_relay *relay);
void sim_relay_kill(struct sim_relay *relay); /* power cut */
void sim_relays_free(struct sim *sim);

/* In sim_dc.c: what `relay add` and `join` would leave behind. */
void sim_dc_relay_lease(struct sim_dc *dc, const char *fqdn, bool is_gateway,
			struct relay_lease *lease);

/* How node a sends to node b now. */
enum sim_path { SIM_PATH_NONE, SIM_PATH_DIRECT, SIM_PATH_RELAY };
enum sim_path sim_path(const struct sim_node *a, const struct sim_node *b);
