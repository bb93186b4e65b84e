/* SPDX-License-Identifier: BSD-2-Clause */
/* What the direction_*.c files share: asks, and the words of errors. */
#pragma once

#include "dc_priv.h"

#define ASK_ID_LEN (NTM_KEY_LEN + sizeof(uint32_t))

/* One DIRECTION_REQUEST; kept for a while with its answer, for copies of it that come late. */
struct ask {
	uint8_t id[ASK_ID_LEN]; /* the asker's key, the transaction id */
	struct dc *dc;
	uint64_t correlation;
	struct ask *next; /* that waits for the same direction */
	struct ntm_timer timer;
	uint8_t answer; /* NTM_MSG_ROUTE_DIRECTION, NTM_MSG_DIRECTION_ERROR; 0: waits */
	union {
		struct ntm_msg_route_direction route;
		struct ntm_msg_direction_error error;
	};
};

/* direction_ask.c. NULL: not there; too many, or out of memory. */
struct ask *ask_find(const struct registry_node *node, uint32_t txn);
struct ask *ask_new(struct registry_node *node, const struct ntm_msg *req);
/* Each of both is called once; the ask is forgotten later by itself. */
void ask_direct(struct ask *ask, const struct ntm_msg_route_direction *route);
void ask_refuse(struct ask *ask, const struct ntm_msg_direction_error *error);
/* The same answer once more; nothing while it waits. */
void ask_again(const struct ask *ask);
/* Refuses what is not even kept. */
void ask_reject(struct registry_node *node, const struct ntm_msg *req,
		const struct ntm_msg_direction_error *error);
void ask_free(struct ask *ask);
static inline const uint8_t *ask_key(const struct ask *ask)
{
	return ask->id;
}

/* direction_peer.c. */
/* Whom node asks for. False: *error says why not. */
bool direction_peer_find(const struct registry_node *node,
			 const struct ntm_msg_direction_request *req, struct store_node *cn,
			 struct ntm_msg_direction_error *error);
/* Its record when it is online, else NULL and *error. */
struct registry_node *direction_peer_online(const struct dc *dc, const struct store_node *cn,
					    struct ntm_msg_direction_error *error);
void direction_words(struct ntm_msg_direction_error *error, uint8_t code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
