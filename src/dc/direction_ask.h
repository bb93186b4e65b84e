/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks: requests of nodes and of other DCs, and their answers. Private to direction_*.c. */
#pragma once

#include "dc_priv.h"

#define ASK_ID_LEN (NTM_KEY_LEN + sizeof(uint32_t))

/* What is told of a node: by its DC to the other one, and to its peer. */
struct card {
	struct ntm_cert_blob cert;
	struct route_card place;
};

/* One DIRECTION_REQUEST of a node, or INFORMATION_REQUEST of another domain's DC; kept for a while
 * with its answer, for copies of it that come late. */
struct ask {
	uint8_t id[ASK_ID_LEN]; /* the asker's key, the transaction id */
	struct dc *dc;
	uint8_t mn_key[NTM_KEY_LEN];   /* of the node that the answer is for */
	char domain[NTM_NAME_MAX + 1]; /* whose DC asks; "": the node itself does */
	uint64_t correlation;
	uint8_t asked;    /* enum asked */
	bool has_offers;  /* its offers of relays are those that CN has got */
	struct ask *next; /* that waits for the same direction */
	struct ntm_timer timer;
	uint8_t answer; /* type of the message; 0: waits */
	union {
		struct ntm_msg_route_direction route;
		struct ntm_msg_information_response information;
		struct ntm_msg_direction_error error;
	};
};

/* direction_ask.c. NULL: not there; too many, or out of memory. */
struct ask *ask_find(const struct dc *dc, const uint8_t key[static NTM_KEY_LEN], uint32_t txn);
struct ask *ask_of_node(struct registry_node *node, const struct ntm_msg *req);
struct ask *ask_of_foreign(struct foreign *foreign, const struct ntm_msg *req,
			   const uint8_t mn_key[static NTM_KEY_LEN]);
/* Each of both is called once; the ask is forgotten later by itself. cn: what another DC is told of
 * the peer, and how many of its offers CN has got. */
void ask_direct(struct ask *ask, const struct ntm_msg_route_direction *route, const struct card *cn,
		uint8_t relays_kept);
void ask_refuse(struct ask *ask, const struct ntm_msg_direction_error *error);
/* The same answer once more; nothing while it waits. */
void ask_again(const struct ask *ask);
/* Refuse what is not even kept. */
void ask_reject(struct registry_node *node, const struct ntm_msg *req,
		const struct ntm_msg_direction_error *error);
void ask_reject_foreign(struct foreign *foreign, const struct ntm_msg *req,
			const struct ntm_msg_direction_error *error);
void ask_free(struct ask *ask);
