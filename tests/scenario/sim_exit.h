/* SPDX-License-Identifier: BSD-2-Clause */
/* Gateways on the network, each with a host that forwards and masquerades; and ordinary servers. */
#pragma once

#include "sim_relay.h"

#include "exit_gate.h"

#define SIM_EXIT_PORT  4332
#define SIM_EXIT_FLOWS 64

/* What the host's connection tracking keeps: UDP from a virtual address to a server. */
struct sim_exit_flow {
	struct ntm_addr inside, server;
};

struct sim_exit {
	struct sim_exit *next;
	struct sim_relay *relay; /* it is one, too */
	struct ntm_addr addr;    /* of its tunnels; a NAT in front of it shows another one */
	bool allow_private;      /* for the next start */
	struct exit_gate *gate;  /* NULL: not running */

	/* Its host. It survives a restart of the daemon as connection tracking does, but nothing
	 * passes while that is down. */
	struct exit_net net; /* as the gateway has set it up */
	unsigned set_ups;
	size_t flow_count; /* number n sends from port 30000 + n */
	struct sim_exit_flow flow[SIM_EXIT_FLOWS];
	uint64_t out, in; /* packets out of the TUN, and into it */
	struct ntm_ip out_dst;
};
/* Joined at the DC and started, as a relay and as a gateway. */
struct sim_exit *sim_exit_new(struct sim_dc *dc, struct sim_lan *lan, const char *ip,
			      const char *name);
void sim_exit_start(struct sim_exit *exit);
void sim_exit_kill(struct sim_exit *exit); /* power cut */
void sim_exit_stop(struct sim_exit *exit); /* as `systemctl stop` does */
void sim_exits_free(struct sim *sim);      /* and servers */
/* A number of `status`, among the drops. */
unsigned sim_exit_drops(const struct sim_exit *exit, const char *name);

/* A datagram for its host that is not for the relay. */
void sim_exit_deliver(struct sim_exit *exit, const struct ntm_addr *from, const struct ntm_addr *to,
		      const uint8_t *data, size_t len);

/* Knows nothing of NTM; sends what comes back where it came from. */
struct sim_server {
	struct sim_server *next;
	struct sim *sim;
	struct sim_place place;
	struct ntm_addr addr, seen; /* seen: who spoke last */
	unsigned came, others;      /* others: times that it was somebody else than before */
};
struct sim_server *sim_server_new(struct sim *sim, const char *ip);
