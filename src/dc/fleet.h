/* SPDX-License-Identifier: BSD-2-Clause */
/* Soft state of a DC: which relays are there now, how loaded they are, and tickets for them. */
#pragma once

#include "registry.h"

/* A relay reports every so often; three reports that do not come are silence. */
#define FLEET_REPORT_S  2
#define FLEET_SILENT_MS (3 * FLEET_REPORT_S * INT64_C(1000))
/* Bits of registry_node.relays. */
#define FLEET_SLOTS 64

/*
 *             session, RELAY_REGISTER                 it says so
 *   SILENT ---------------------------> HEALTHY <-----------------> DRAINING, FULL
 *     ^                                    |                            |
 *     +---- no session, no report for 6 s -+----------------------------+
 *
 * Tickets are made for healthy ones only. Those that are out stay good, whatever happens here.
 */
enum fleet_state { FLEET_SILENT, FLEET_HEALTHY, FLEET_DRAINING, FLEET_FULL };

/* A relay that has spoken to this DC since its start. Ends when it is revoked, or joins with
 * another key: never more than relays in the store. */
struct fleet_relay {
	struct dc *dc;
	struct fleet_relay *next;
	struct store_node who;
	unsigned slot;
	struct ntm_link *link; /* NULL: no session */
	struct ntm_ctl *ctl;
	struct register_cert cert;

	bool registered;     /* it reports */
	int64_t reported_ms; /* 0: never */
	struct ntm_msg_relay_register report;
	struct ntm_addr reflexive;
	struct ntm_addr addr[2]; /* where nodes reach it, by IPv4 and IPv6; family 0: not */
	uint32_t given;          /* flows since the last report, that are not in it yet */
	struct ntm_timer silence;
	struct ntm_bucket bucket;
	unsigned restarts; /* since restarts_ms */
	int64_t restarts_ms;
	struct ntm_log_gate restart_gate;
};

struct fleet {
	struct fleet_relay *first;
	uint64_t missed; /* directions that failed for want of a relay, since one came last */
};

/* Calls nobody back. */
void fleet_fini(struct dc *dc);
struct fleet_relay *fleet_by_key(const struct dc *dc, const uint8_t key[static NTM_KEY_LEN]);
enum fleet_state fleet_state(const struct fleet_relay *relay);
/* Ends its session (CLOSE) and frees the record. */
void fleet_drop(struct fleet_relay *relay);
void fleet_drop_key(struct dc *dc, const uint8_t key[static NTM_KEY_LEN]);

/* The record of a relay, made if need be; one with the same name and another key is dropped. NULL:
 * out of memory. */
struct fleet_relay *fleet_add(struct dc *dc, const struct store_node *who);
/* Facts of its link. */
void fleet_on_up(struct fleet_relay *relay, struct ntm_link *link, bool fresh);
/* The link is freed by the caller. */
void fleet_on_down(struct fleet_relay *relay);

/* ---- fleet_offer.c ---- */

/* A flow that is wanted between two nodes. */
struct fleet_wish {
	const struct route_card *mn, *cn; /* cn NULL: nobody knows yet where it is */
	uint32_t account_mn, account_cn;  /* of their tickets */
	uint8_t count;                    /* so many relays, at most NTM_MSG_RELAYS */
};
/* Chooses relays that both nodes can reach and appends an offer of each to both lists, in the same
 * order. Returns the bits of those relays: who has the tickets is told of their restarts. */
uint64_t fleet_offer(struct dc *dc, const struct fleet_wish *wish, struct ntm_relay_list *to_mn,
		     struct ntm_relay_list *to_cn);
/* Why there was none: "none is set up ...". Counts that. */
const char *fleet_missing(struct dc *dc, char words[static NTM_MSG_WORDS]);
