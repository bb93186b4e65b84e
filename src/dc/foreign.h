/* SPDX-License-Identifier: BSD-2-Clause */
/* DCs of other domains: one record a trusted domain, one session a pair of DCs (design.md 4, 10).
 */
#pragma once

#include "finder.h"
#include "identity.h"
#include "trust.h"

#include "ntm/bucket.h"
#include "ntm/ctl.h"
#include "ntm/log.h"
#include "ntm/map.h"

#include <jansson.h>

struct dc;

/*
 *            a request, or a session is wanted          hello of the DC is right
 *   IDLE ----------------------------------> CONNECTING -------------------------> UP
 *    ^   DNS, then a handshake with what it leads to, |                            |
 *    |   300 ms apart                                 | nobody, wrong DC, 2.3 s    | idle, silent,
 *    +------------------------------------------------+                            | pin changed
 *    +-----------------------------------------------------------------------------+
 *
 * A session that the other DC begins leads from every state to UP.
 */
enum foreign_state { FOREIGN_IDLE, FOREIGN_CONNECTING, FOREIGN_UP };

#define FOREIGN_CONNECT_MS  2300 /* from the request to its end; MN waits for 3000 ms */
#define FOREIGN_STAGGER_MS  300  /* between two addresses; RFC 8305 5 has 250 ms */
#define FOREIGN_NEGATIVE_MS 1000 /* so long a failure is told again without a new search */
#define FOREIGN_RESTART_MS  2000 /* between two handshakes because of silence */
/* INFORMATION_REQUESTs of one domain (security.md A5). */
#define FOREIGN_RATE_PER_S 100
#define FOREIGN_BURST      200

struct foreign {
	struct dc *dc;
	struct trust_pin pin;
	struct identity_cert introduction; /* of the domain to our nodes; len 0: not signed yet */
	uint32_t relay_account;            /* of its nodes at our relays; the same at each start */

	enum foreign_state state;
	struct ntm_link *link; /* the session, or our attempt */
	struct ntm_ctl *ctl;
	struct finder finder;
	/* The search, or the last one, was for an address; and a name is wanted meanwhile. */
	bool is_by_vip, is_name_wanted;
	bool has_dns_root; /* validated, mode dnssec */
	uint8_t dns_root[NTM_SIGN_PUB_LEN];
	size_t candidate_count, tried_count;
	struct ntm_addr candidate[FINDER_ADDRS];
	bool is_refused[FINDER_ADDRS]; /* of the candidates: who is there is not the one */
	struct ntm_addr last_good;     /* where the DC was, also when DNS is gone */
	struct ntm_timer stagger, deadline;
	int64_t since_ms;   /* of the session */
	int64_t restart_ms; /* last handshake because of silence */
	bool is_restarting; /* it has not led to a session yet */

	/* The last failure. */
	uint8_t code; /* NTM_DIR_NO_DC or NTM_DIR_UNTRUSTED; 0: none */
	int64_t failed_ms;
	char words[NTM_MSG_WORDS + 1];

	/* revoke_foreign.c */
	uint64_t told;      /* of our revocations, as registry_node.told */
	unsigned telling;   /* under way */
	uint64_t dc_serial; /* of the other DC's certificate: another one when it has restarted */
	struct ntm_timer again;
	int64_t again_ms;
	struct ntm_bucket revoked_bucket;

	struct ntm_bucket bucket;
	struct ntm_log_gate gate, refusal_gate;
	struct {
		uint64_t asked, answered, requests, refused, limited, sessions;
	} counters;
};

struct foreigns {
	struct trust trust;
	struct ntm_map *by_domain;
	uint64_t generation; /* of the introductions (introduce.c) */
	struct ntm_timer renew;
	struct ntm_log_gate stranger_gate;
};

/* 0 or -ENOMEM; fini is fine after either, and calls nobody back. Pins are read by
 * dc_trust_changed. */
int foreign_init(struct dc *dc);
void foreign_fini(struct dc *dc);

struct foreign *foreign_by_domain(const struct dc *dc, const char *domain);
/* The domain that a name or a virtual address belongs to, NULL: none that is trusted. */
struct foreign *foreign_by_name(const struct dc *dc, const char *fqdn);
struct foreign *foreign_by_vip(const struct dc *dc, const struct ntm_ip *vip);

/*
 * A request to the domain's DC, which is searched for target (its domain is filled in) when there
 * is no session. Errors as ntm_ctl_request's, and -EHOSTUNREACH: it failed a moment ago. done with
 * -ECANCELED or -ETIMEDOUT: code and words of foreign say why.
 */
int foreign_request(struct foreign *foreign, const struct finder_target *target,
		    struct ntm_msg *msg, ntm_ctl_done_fn *done, void *arg, uint32_t *txn);
/* The DC has not answered a request of since_ms. True: nothing at all has come from it in all that
 * time, so the session has ended, and with it all requests (-ECANCELED); the next one searches. */
bool foreign_on_silent(struct foreign *foreign, int64_t since_ms);

/* Callbacks of the link layer for purpose 'd' (ntm/link.h); owner is the struct foreign. */
size_t foreign_hello(void *ctx, uint8_t out[static NTM_HS_PAYLOAD_MAX]);
int foreign_verify(void *ctx, struct ntm_link *link, void *owner,
		   const struct ntm_link_request *req);
int foreign_accept(struct dc *dc, const struct ntm_link_request *req, struct ntm_link_reply *reply);
void foreign_on_up(struct foreign *foreign, struct ntm_link *link, bool fresh);
void foreign_on_down(struct foreign *foreign, struct ntm_link *link, enum ntm_link_down why);
void foreign_on_input(struct foreign *foreign, const struct ntm_pkt *pkt);

/* foreign_pin.c */
/* Whether the DC that has shown itself is the one of a trusted domain. expected: of this one, by an
 * attempt of ours; NULL: of any. 0; -EAGAIN: its root is not known yet; -EACCES. words of errors.
 */
int foreign_judge(struct dc *dc, const struct ntm_link_request *req, struct foreign *expected,
		  struct foreign **out, char words[static TRUST_WORDS]);
/* foreign.c: ends search, attempt and session; who waits hears code and words. */
void foreign_fail(struct foreign *foreign, uint8_t code, const char *words);

/* foreign_search.c */
void foreign_search_init(struct foreign *foreign);
void foreign_search_stop(struct foreign *foreign);
/* False: another search would tell no more, or none can be; code and words say what is wrong. */
bool foreign_may_search(struct foreign *foreign, const struct finder_target *target);
/* Starts a search unless one runs or a session is there. One for an address goes on with the domain
 * when DNS does not know the address, and a name was wanted meanwhile. */
void foreign_connect(struct foreign *foreign, const struct finder_target *target);
/* The session is silent: the DC may have moved, and is tried where DNS says that it is. */
void foreign_search_again(struct foreign *foreign);
/* Who answers there is not the one; code and words say so. When nobody is left, it ends soon. */
void foreign_search_refuse(struct foreign *foreign, const struct ntm_addr *from);
/* foreign_fail with what has been found out. */
void foreign_search_give_up(struct foreign *foreign);

/* introduce.c */
/* Signs what is new or due, and tells the nodes when anything has changed. */
void introduce_update(struct dc *dc);
struct registry_node;
void introduce_on_request(struct registry_node *node, const struct ntm_msg *req);
