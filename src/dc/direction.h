/* SPDX-License-Identifier: BSD-2-Clause */
/* Directions: DIRECTION_REQUEST in, ROUTE_DIRECTION to CN and then to MN out (R54-R58, R88-R94). */
#pragma once

#include "ntm/map.h"
#include "ntm/msg.h"

#include <stddef.h>
#include <stdint.h>

struct dc;
struct direction;
struct foreign;
struct registry_node;

/*
 * MN's request is an ask; two nodes' asks for each other meet in one direction.
 *
 *   ask:        WAITING ------------------------------> ANSWERED, 5 s ---> forgotten
 *                  | joins, or starts                      ^
 *   direction:  TELLING --- CN's ROUTE_ACK ---------+      |
 *               ASKING ---- INFORMATION_RESPONSE ---+-> DONE, 5 s -------> forgotten
 *                  +------- error, silence ----------------+ (DIRECTION_ERROR; forgotten at once)
 *
 * ASKING is for a CN of another domain: its DC is asked, which tells CN and answers after CN has
 * acknowledged. That DC's INFORMATION_REQUEST is an ask to us when it is DC_MN, answered with an
 * INFORMATION_RESPONSE. When both DCs ask each other about the same two nodes, the one with the
 * lower static key goes on and answers by what comes out; the other gives its own request up.
 */
#define DIRECTION_MAX     4096 /* asks, answered ones included */
#define DIRECTION_KEEP_MS 5000
/* So long two asks of one node for one peer, by different names of it, may be on the way. */
#define DIRECTION_SECOND_MS  1000
#define DIRECTION_RATE_PER_S 10 /* of one node; security.md A2 */
#define DIRECTION_BURST      20
/* CN gets all four copies of the retry schedule (the last after 1400 ms), but the wait ends before
 * MN's own schedule does (3000 ms), so that MN hears why. For another DC it ends before that DC's
 * own wait, which ends before MN's schedule. */
#define DIRECTION_CN_WAIT_MS         2500
#define DIRECTION_CN_FOREIGN_WAIT_MS 2000
#define DIRECTION_FOREIGN_WAIT_MS    2600

struct directions {
	struct ntm_map *asks;     /* by asker's key and transaction */
	struct ntm_map *by_pair;  /* by both nodes' keys */
	struct ntm_map *by_alias; /* by our node's key, and what a foreign one is called */
	struct direction *first;
	struct {
		uint64_t asked, resent, merged, done, relayed;
		uint64_t foreign_in, foreign_out;  /* INFORMATION_REQUESTs */
		uint64_t failed[NTM_DIR_LAST + 1]; /* by code */
	} counters;
};

/* 0 or -ENOMEM; fini is fine after either. */
int direction_init(struct directions *directions);
void direction_fini(struct dc *dc);
void direction_on_request(struct registry_node *node, const struct ntm_msg *req);
/* The node of that key may not send through gateways any more. */
void direction_end_exits(struct dc *dc, const uint8_t key[static NTM_KEY_LEN]);
/* An INFORMATION_REQUEST of the DC of another domain. */
void direction_on_information(struct foreign *foreign, const struct ntm_msg *req);
