/* SPDX-License-Identifier: BSD-2-Clause */
/* Two domains, a.example and b.example, whose DCs find each other by DNS; and nodes that want each
 * other. */
#pragma once

#include "sim.h"

#include "tunnel.h"

struct two {
	struct sim *sim;
	struct sim_dc *a, *b;
	struct sim_node *alice, *bob; /* NULL before two_nodes */
};

/* Both DCs run, at 192.0.2.1 and 192.0.2.2, and know nothing of each other. */
void two_dcs(struct sim *sim, struct two *two);
/* alice and bob, registered; a NAT's inside gives its node 10.0.0.2. NULL: in the open, alice at
 * 192.0.2.10, bob at 192.0.2.20. */
void two_nodes(struct two *two, struct sim_nat *nat_a, struct sim_nat *nat_b);
/* All of that, trust, and the lists of partners at both nodes. */
void two_up(struct sim *sim, struct two *two);
/* Ends the tunnels and directions of both: the next want starts anew. */
void two_forget(struct two *two);
/* Both DCs have a session after it; no tunnel and no direction is left. */
void two_warm(struct two *two);
/* One tunnel between both, the same at both ends, that carries data both ways in both families. */
void two_check(const struct two *two);
/* 6 s later no direction is left at either DC. */
void two_check_quiet(const struct two *two);
/* Power cut, and on again, until it is registered. */
void two_restart(struct sim_node *node);
bool two_has_tunnel(void *two);

/* ---- sim_want.c: a node wants a tunnel, and hears what comes of it ---- */

enum sim_by { SIM_BY_NAME, SIM_BY_VIP4, SIM_BY_VIP6 };

struct sim_want {
	struct sim_want *next;
	struct sim_node *from;
	const struct sim_node *to;
	struct tunnel_wait wait;
	int64_t asked_ms, took_ms; /* took -1: not over */
	int err;
	uint8_t code; /* enum ntm_direction_code */
	char words[256];
};
/* The world frees it. */
struct sim_want *sim_want(struct sim_node *from, const struct sim_node *to, enum sim_by by);
bool sim_want_is_over(void *want);
/* sim_want, and runs until it is over: in 3.2 s at most. */
struct sim_want *sim_want_now(struct sim_node *from, const struct sim_node *to, enum sim_by by);
void sim_wants_free(struct sim *sim);

/* The newest of `status`, last_errors; "" when there is none. */
const char *sim_last_error(const struct sim_node *node, char words[static 256]);
/* NULL: no tunnel that is UP. */
const uint8_t *sim_pair_of(const struct sim_node *a, const struct sim_node *b);
/* Every peer that this node has a tunnel with is who its own domain's store says. Returns how many
 * tunnels are UP. */
size_t sim_check_peers(const struct sim_node *node);
/* Fails when text has no such part. */
void sim_assert_says(const char *text, const char *part);
