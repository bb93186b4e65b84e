/* SPDX-License-Identifier: BSD-2-Clause */
/* Nodes are called back after a start of the DC, where they were seen last. */
#pragma once

#include "ntm/timers.h"

#include <stdint.h>

struct dc;
struct ntm_link;
struct registry_node;

/*
 * A node that is idle would notice a restarted DC at its next PING only. So the DC begins the
 * session itself, once for each node that the store has an address for and that did not come by
 * itself meanwhile; the node registers then, as it does in every new session. Who does not answer
 * is left alone.
 */
struct recall {
	struct ntm_timer call, save;
	int64_t last_id; /* nodes up to this one have had their turn */
	uint64_t called;
};

void recall_init(struct dc *dc);
void recall_start(struct dc *dc);
void recall_stop(struct dc *dc);
/* The record of a node whose link is up before there is one. NULL: it is none of ours (any more).
 */
struct registry_node *recall_found(struct dc *dc, const struct ntm_link *link);
/* A registered node may be at another address than the store knows: it is told soon. */
void recall_note(struct registry_node *node);
