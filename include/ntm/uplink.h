/* SPDX-License-Identifier: BSD-2-Clause */
/* A program's own link to its DC: kept up, registered over, and watched. */
#pragma once

#include "ntm/ctl.h"

/*
 * Nodes, relays and gateways have one each. It opens the link and keeps it, registers with every
 * session and whenever that is due, carries requests both ways, and says whether the DC answers.
 *
 *        start                 ntm_uplink_registered
 *   off -------> connecting --------------------------> registered
 *                  ^    ^                                |  |  ^
 *                  |    +------- the link is lost -------+  |  |
 *                  |                                        |  | it says anything
 *                  |     two copies of a request unanswered |  |
 *                  |                                        v  |
 *                  +------------ the link is lost --------- silent
 *
 * A DC that was restarted has lost the session and would be silent for ever (design.md 4). So what
 * makes it silent starts the link over as well, every 2 s at most; and one that has said something
 * since that was done is not silent: it waits for somebody else, as for the peer of a direction.
 */
struct ntm_uplink;

/* Callbacks may do all but free the uplink. */
struct ntm_uplink_ops {
	/* What the program registers by, ntm_uplink_boot_id included; each time that it is sent. */
	void (*fill)(void *ctx, struct ntm_msg *msg);
	/* The DC's answer to it. Calls ntm_uplink_registered, unless it is of no use: then the
	 * program registers again within 5 s, as it does when there is no answer. */
	void (*answer)(void *ctx, const struct ntm_msg *reply);
	/* A request of the DC; answered by ntm_uplink_ctl. */
	ntm_ctl_request_fn *request;
	/* From where the DC has seen ntm_uplink_ping; ntm_uplink_seen is still what it was, and
	 * where they differ the program registers next. May be NULL. */
	void (*pong)(void *ctx, const struct ntm_addr *seen);
};

struct ntm_uplink_args {
	struct ntm_links *links;
	struct ntm_timers *timers;
	uint8_t purpose;           /* NTM_PURPOSE_NODE or NTM_PURPOSE_RELAY */
	const uint8_t *dc_key;     /* NTM_KEY_LEN; borrowed, as dc and meanwhile */
	const struct ntm_addr *dc; /* two, where the DC may be; family 0: unused */
	const char *meanwhile;     /* for the log: what goes on while the DC does not answer */
	const struct ntm_uplink_ops *ops;
	void *ctx;
};

struct ntm_uplink *ntm_uplink_new(const struct ntm_uplink_args *args); /* NULL: out of memory */
/* Before its links; says nothing to the DC, calls nobody. NULL is fine. */
void ntm_uplink_free(struct ntm_uplink *uplink);
/* Opens the link, whose owner (link.h) is the uplink. 0, or ntm_link_open's. */
int ntm_uplink_start(struct ntm_uplink *uplink);
/* Tells the DC goodbye. Fine when it was not started. */
void ntm_uplink_stop(struct ntm_uplink *uplink);

/* What the ops of links hear of the uplink's link. */
void ntm_uplink_on_up(struct ntm_uplink *uplink);
void ntm_uplink_on_down(struct ntm_uplink *uplink);
/* 0, or ntm_ctl_input's: nothing that the DC would say. */
int ntm_uplink_on_input(struct ntm_uplink *uplink, const struct ntm_pkt *pkt);

/* Registers now, in place of one that is under way. Without a session the next one does. */
void ntm_uplink_register(struct ntm_uplink *uplink);
/* The answer was good: the DC sees us at seen, and wants to be told again again_ms after it was
 * last (what is not from 1 s to 12 h is taken as that). Whether that is news: the first since the
 * start, or since the DC was lost. */
bool ntm_uplink_registered(struct ntm_uplink *uplink, const struct ntm_addr *seen,
			   int64_t again_ms);
/* Asks the DC where it sees us, if we are registered. */
void ntm_uplink_ping(struct ntm_uplink *uplink);
/* For requests to the DC and replies to it; the uplink's. */
struct ntm_ctl *ntm_uplink_ctl(const struct ntm_uplink *uplink);
/* At random, the same for the uplink's life: who was restarted has another one. */
uint64_t ntm_uplink_boot_id(const struct ntm_uplink *uplink);
const struct ntm_link *ntm_uplink_link(const struct ntm_uplink *uplink); /* NULL before the start */

bool ntm_uplink_is_registered(const struct ntm_uplink *uplink);
/* False before the first registration, and from the first silence or loss on until the DC says
 * anything (sip.md 1). */
bool ntm_uplink_answers(const struct ntm_uplink *uplink);
/* Where the DC saw us when we registered last; family 0: never yet. */
const struct ntm_addr *ntm_uplink_seen(const struct ntm_uplink *uplink);

/* For `status`. */
struct ntm_uplink_facts {
	const char *state;       /* off, connecting, registered, silent */
	char dc[NTM_ADDR_STR];   /* where it answered last, or should; "none": not started, or no
				  * address is known */
	char seen[NTM_ADDR_STR]; /* ours, as ntm_uplink_seen */
	int64_t rtt_ms;          /* of the last handshake; -1: unknown */
	int64_t registered_s;    /* ago, when it was news last; -1: never yet */
};
void ntm_uplink_facts(const struct ntm_uplink *uplink, struct ntm_uplink_facts *out);
