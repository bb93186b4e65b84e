/* SPDX-License-Identifier: BSD-2-Clause */
/* The privileged half of the daemon: sets the host's network and DNS up, and cleans up. */
#pragma once

#include "host_plan.h"
#include "node_conf.h"

/*
 *   keeper (root)                           engine (user ntm, no capability)
 *     | fork ------------------------------->| opens control socket, TUN, UDP; drops privileges
 *     |<----------------------------- PLAN --|
 *     | addresses, rules, routes, guard, DNS |
 *     |-- INFO ----------------------------->| starts the node
 *     |<---------------------------- READY --|
 *     | READY=1 to the service manager       |
 *     |<------------- PLAN (lease changed) --|
 *     |-- INFO (also: former servers changed)|
 *     |<------- EXITS (routes of exits: all) --|
 *     | rules and routes                     |
 *     |-- ROUTED --------------------------->| DNS answers that waited for it are given
 *
 * Each ends when the other does. After a clean end everything is put back; after a crash of the
 * engine DNS is, and ordinary servers are reached ordinarily again, but the rules and unreachable
 * routes stay, so that nothing leaves in clear.
 */
enum keeper_msg_type { KEEPER_PLAN = 1, KEEPER_READY, KEEPER_INFO, KEEPER_EXITS, KEEPER_ROUTED };

#define KEEPER_WORDS 200
struct keeper_info {
	int dns_mode; /* enum host_dns_mode */
	bool guard;
	struct ntm_addrs upstream;
	char dns_words[KEEPER_WORDS]; /* why dns_mode is off although it should not be */
};

struct keeper_exits {
	struct exit_routes routes;
	uint16_t udp_port; /* what is sent from there does not follow them */
};

struct keeper_routed {
	uint32_t generation;
	char words[KEEPER_WORDS]; /* why not; "" */
};

/* One datagram on the socket pair between them. */
struct keeper_msg {
	int type;
	union {
		struct host_plan plan;
		struct keeper_info info;
		struct keeper_exits exits;
		struct keeper_routed routed;
	};
};

/* Starts the engine and stays until it ends. Returns an enum ntm_exit, in both processes. */
int keeper_run(const struct node_conf *conf);
