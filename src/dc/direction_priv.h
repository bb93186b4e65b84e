/* SPDX-License-Identifier: BSD-2-Clause */
/* What the direction_*.c files share. */
#pragma once

#include "direction_ask.h"

/*
 *   direction.c          one direction a pair of nodes: its states, who waits, how it ends
 *   direction_route.c    what both are told; CN is told first, and acknowledges
 *   direction_relays.c   relays that both are told, of our domain and of the other one
 *   direction_request.c  DIRECTION_REQUEST of a node
 *   direction_index.c    finding it again, by both nodes or by what one of them asked for
 *   direction_ask.c      asks: requests of nodes and of other DCs, each worked on once
 *   direction_peer.c     whom a request is about
 *   direction_foreign.c  as DC_MN: INFORMATION_REQUEST to the DC of another domain
 *   direction_incoming.c as DC_CN: INFORMATION_REQUEST of another domain's DC
 */

/* ---- directions ---- */

enum direction_state {
	DIRECTION_ASKING,  /* DC_CN for CN, which it tells */
	DIRECTION_TELLING, /* CN, a node of ours */
	DIRECTION_DONE,
};

/* How an ask names the peer. */
enum asked { ASKED_NAME = 1, ASKED_VIP4 = 2, ASKED_VIP6 = 4 };

/* Whom an ask wants; fqdn "" when vip is set. */
struct wanted {
	char fqdn[NTM_NAME_MAX + 1];
	struct ntm_ip vip;
	uint8_t reason;
	bool is_sip;
};

/* One of the two nodes. The record of one of ours is looked up by key each time. */
struct side {
	uint8_t key[NTM_KEY_LEN];
	char fqdn[NTM_NAME_MAX + 1];
	struct ntm_ip vip4, vip6;
	char domain[NTM_NAME_MAX + 1];        /* whose DC serves it; "": we do */
	struct card card;                     /* as the route was decided by */
	uint32_t place;                       /* registry_node.place then */
	uint8_t asked;                        /* enum asked: by what it asked for the other one */
	struct ntm_msg_route_direction route; /* what it is told */
};

#define DIRECTION_ALIASES 3 /* name and two VIPs of the foreign node */
/* Both keys, and the domain of the foreign node: what another domain certifies is never taken for
 * a pair of our nodes, or of a third domain. */
#define DIRECTION_PAIR_LEN (2 * NTM_KEY_LEN + NTM_NAME_MAX)
/* Key of our node, and a name or an address. */
#define DIRECTION_ALIAS_LEN (NTM_KEY_LEN + NTM_NAME_MAX + 1)

struct direction {
	struct dc *dc;
	enum direction_state state;
	struct side mn, cn;
	struct wanted wanted; /* by MN */
	struct ntm_ip vip;    /* of CN, for errors */
	uint64_t correlation;
	int64_t start_ms, done_ms;
	/* Of DC_MN, when the nodes are of two domains; we know offer_mn only as DC_MN. */
	struct ntm_relay_list offer_mn, offer_cn;
	uint8_t relays_kept; /* so many of them CN has got, as DC_CN */
	struct ask *waiting;
	uint32_t txn; /* of the request to CN, or to its DC; 0: none */
	struct ntm_timer timer;

	/* direction_index.c */
	struct direction *before, *after; /* list of all */
	bool has_pair;
	size_t pair_len;
	uint8_t pair_id[DIRECTION_PAIR_LEN];
	size_t alias_count;
	struct direction_alias {
		size_t len;
		uint8_t id[DIRECTION_ALIAS_LEN];
	} alias[DIRECTION_ALIASES];
};

static inline bool side_is_foreign(const struct side *side)
{
	return side->domain[0] != '\0';
}

/* NULL: offline now. Only for a node of ours. */
static inline struct registry_node *side_record(const struct direction *direction,
						const struct side *side)
{
	return registry_by_key(&direction->dc->registry, side->key);
}

/* direction_index.c. put: 0 or -ENOMEM; what another direction has already stays its. */
/* domain: of the foreign one of the two, "" when both are ours. */
struct direction *direction_of_pair(const struct directions *all,
				    const uint8_t a[static NTM_KEY_LEN],
				    const uint8_t b[static NTM_KEY_LEN], const char *domain);
struct direction *direction_of_alias(const struct directions *all,
				     const uint8_t node[static NTM_KEY_LEN],
				     const struct wanted *wanted);
int direction_put_pair(struct direction *direction);
int direction_put_alias(struct direction *direction, const uint8_t node[static NTM_KEY_LEN],
			const struct wanted *wanted);
/* By all that the foreign one of the two nodes is called. */
int direction_put_aliases(struct direction *direction);
void direction_unindex(struct direction *direction);

/* direction.c */
struct direction *direction_new(struct dc *dc, struct ask *ask);
void direction_set_node(struct side *side, const struct registry_node *node);
void direction_set_certified(struct side *side, const struct ntm_cert *cert);
/* Nothing is sent into virtual prefixes, whoever has them. */
void direction_drop_virtual(const struct dc *dc, struct ntm_addr_list *list);
bool direction_set_place(const struct dc *dc, struct route_card *place, const struct ntm_addr *seen,
			 const struct ntm_addr_list *own, bool behind_nat);
struct side *direction_side(struct direction *direction, const uint8_t key[static NTM_KEY_LEN]);
/* Ends it: all who wait are told their routes, or the error. */
void direction_succeed(struct direction *direction);
void direction_fail(struct direction *direction, struct ntm_msg_direction_error *error);
/* CN, a node of ours, does not answer, or its session ended meanwhile. */
void direction_fail_silent(struct direction *direction, bool is_gone);
void direction_forget(struct direction *direction);
/* The ask waits with the others, or gets the answer that is there. */
void direction_join(struct direction *direction, struct ask *ask);
/* Whether MN may have the answer of a direction that is done, or under way. */
bool direction_may_share(struct direction *direction, const uint8_t mn_key[static NTM_KEY_LEN],
			 uint8_t asked);
/* Our node's side: it has neither moved nor started anew since. */
bool direction_is_current(const struct direction *direction, const struct side *side);
/* Its DC has revoked the foreign node since it told us its card. */
bool direction_is_void(const struct direction *direction, const struct side *side);
uint8_t direction_asked(const struct wanted *wanted);
void direction_stop_request(struct direction *direction);

/* direction_route.c */
/* R57: decides, and tells CN, a node of ours. */
void direction_decide(struct direction *direction);
/* Both routes, once the cards of both sides are there. False: *error says why there is none. */
bool direction_fill_routes(struct direction *direction, struct ntm_msg_direction_error *error);
void direction_set_pair(struct direction *direction, const uint8_t pair[static NTM_PAIR_LEN],
			const uint8_t psk[static NTM_KEY_LEN]);

/* direction_relays.c */
/* Relays into both routes. False: none is needed, or none is there. Of a CN of another domain: what
 * direction_take_relays has found. */
bool direction_find_relays(struct direction *direction, bool needed);
/* Offers of ours for CN's DC to choose from. */
void direction_offer_relays(struct direction *direction, struct registry_node *mn);
/* What CN's DC has chosen. False: more than was offered. */
bool direction_take_relays(struct direction *direction,
			   const struct ntm_msg_information_response *info);

/* direction_foreign.c */
void direction_ask_foreign(struct registry_node *mn, struct foreign *foreign, struct ask *ask,
			   const struct wanted *wanted);

/* direction_peer.c */
struct peer {
	struct foreign *foreign; /* a node of that domain */
	struct store_node ours;  /* else */
};
/* Whom a node asks for. False: *error says why not. */
bool direction_peer_find(const struct registry_node *node, const char *fqdn_mn,
			 const struct wanted *wanted, struct peer *peer,
			 struct ntm_msg_direction_error *error);
/* A node of ours, by name or virtual address. False: *error says why not. */
bool direction_peer_ours(const struct dc *dc, const struct wanted *wanted, struct store_node *cn,
			 struct ntm_msg_direction_error *error);
/* Its record when it is online, else NULL and *error. */
struct registry_node *direction_peer_online(const struct dc *dc, const struct store_node *cn,
					    struct ntm_msg_direction_error *error);
void direction_words(struct ntm_msg_direction_error *error, uint8_t code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
