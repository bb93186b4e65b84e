/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of one handshake message, and what the answer to one of them proves. */
#pragma once

#include "ntm/addr.h"
#include "ntm/frame.h"

#include <stddef.h>
#include <stdint.h>

struct ntm_link;
struct ntm_links;

#define LINK_COPIES 12 /* of one message: 10 candidates, and where the peer is or was */

/* Entry of the index table; in a slot the first member. */
struct link_index {
	uint32_t value;
	struct ntm_link *link; /* NULL: whose RESPONSE waits for a FINAL */
};

/*
 * An INITIATION or a RESPONSE goes to several addresses, each copy under an index that nobody else
 * has seen. The index that comes back tells which copy has arrived, and so which address is the
 * peer's, or on the way to it: as a PATH_CHALLENGE that is answered. Where the answer itself comes
 * from says nothing, since whoever records one can send it from anywhere.
 */
struct link_copy {
	struct link_index index;
	uint32_t remote_index; /* RESPONSE: of the INITIATION that it answers */
	struct ntm_addr to;
	uint8_t mac1[NTM_MAC_LEN]; /* INITIATION: for the cookie */
};

struct link_copies {
	size_t count;
	struct link_copy item[LINK_COPIES]; /* when it is full, the latest makes room */
};

/* The copy for that address; NULL: out of memory. link may be NULL. */
struct link_copy *link_copy_to(struct ntm_links *links, struct ntm_link *link,
			       struct link_copies *copies, const struct ntm_addr *to,
			       uint32_t remote_index);
/* The copy that has that index, or NULL. */
struct link_copy *link_copy_find(struct link_copies *copies, uint32_t index);
void link_copies_drop(struct ntm_links *links, struct link_copies *copies);
