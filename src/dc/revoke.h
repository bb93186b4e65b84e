/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates that are void before their time, and telling every node and partner of them. */
#pragma once

#include "store.h"

#include "ntm/msg.h"

struct dc;
struct foreign;
struct registry_node;

/* In the order in which they became known; everybody is told from his own place in it on. */
struct revocations {
	struct revocation {
		uint64_t place;             /* from 0, none is used twice */
		const struct foreign *from; /* by its DC; NULL: of our own domain */
		struct ntm_msg_revoked told;
		int64_t end_s; /* the certificate runs out by itself */
		/* Nothing is void: a node may not send through gateways any more, and these are
		 * told, with serial 0. Until a tunnel from before must have ended by itself. */
		bool is_exit_off;
	} * item;
	size_t count, cap;
	uint64_t next_place;
};

/* REVOKED requests to one peer that are under way: ntm_ctl has room for NTM_CTL_OPEN_MAX. */
#define REVOKE_TELLING_MAX 8
/* Kept of one other domain; the oldest goes. */
#define REVOKE_FOREIGN_MAX 1024
/* Taken of one other domain: they go to every node of ours. */
#define REVOKE_RATE_PER_S 10
#define REVOKE_BURST      REVOKE_FOREIGN_MAX
/* Until a DC that could not be told is searched again; doubled each time. */
#define REVOKE_AGAIN_MS     1000
#define REVOKE_AGAIN_MAX_MS 3600000

/* ---- revoke.c ---- */

/* Loads what the store has and is not known yet, ends the sessions of such keys, and tells every
 * node and every other DC at once. 0 or -errno. */
int revoke_sync(struct dc *dc);
/* Tells node what it has not been told, a few at a time. */
void revoke_tell(struct registry_node *node);
void revoke_fini(struct revocations *revocations);

/* The list, for revoke_foreign.c. find: of one domain. add: place is set; 0 or -ENOMEM. next: the
 * first from place on that has not run out, NULL: none. What is found is valid until the list
 * changes. */
struct revocation *revoke_find(struct revocations *list, const struct foreign *from,
			       const struct ntm_msg_revoked *told);
int revoke_add(struct revocations *list, const struct revocation *revocation);
void revoke_remove(struct revocations *list, size_t at);
void revoke_remove_ended(struct dc *dc);
const struct revocation *revoke_next(const struct dc *dc, uint64_t place);
void revoke_tell_nodes(struct dc *dc);

/* ---- revoke_foreign.c ---- */

/* Before anything else; before the record is freed, while the list is there; with each session. */
void revoke_foreign_init(struct foreign *foreign);
void revoke_foreign_stop(struct foreign *foreign);
void revoke_foreign_on_up(struct foreign *foreign, bool fresh);
/* Tells the other DC what it has not been told of our own domain. Without a session: starts one, if
 * there has been one since our start; the rest when one comes up. */
void revoke_tell_foreign(struct foreign *foreign);
/* REVOKED of the other DC: of its own nodes, ours are told. */
void revoke_on_foreign(struct foreign *foreign, const struct ntm_msg *req);
/* What its DC has told is void itself: the domain is not trusted any more, or in another way. */
void revoke_forget(struct foreign *foreign);
/* Whether the domain's DC has told that this key of its own is void. */
bool revoke_is_void(const struct foreign *foreign, const uint8_t key[static NTM_KEY_LEN]);
