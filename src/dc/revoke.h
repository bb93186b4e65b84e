/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates that are void before their time, and telling every node of them. */
#pragma once

#include "store.h"

#include "ntm/msg.h"

struct dc;
struct registry_node;

/* In the order in which they became known; every node is told from its own place in it on. */
struct revocations {
	struct revocation {
		struct ntm_msg_revoked told;
		int64_t end_s; /* the certificate would have run out by itself */
	} * item;
	size_t count, cap;
};

/* Loads what the store has and is not known yet, ends the sessions of such keys, and tells every
 * node at once. who: the node that they are of, for its VIPs; NULL: not known. 0 or -errno. */
int revoke_sync(struct dc *dc, const struct store_node *who);
/* Tells node what it has not been told, a few at a time. */
void revoke_tell(struct registry_node *node);
void revoke_fini(struct revocations *revocations);
