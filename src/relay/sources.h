/* SPDX-License-Identifier: BSD-2-Clause */
/* Where frames may come from, and how many of a kind from one network. */
#pragma once

#include "ntm/addr.h"
#include "ntm/bucket.h"
#include "ntm/lists.h"

/* The tables do not grow: what hashes to the same bucket shares it. */
#define SOURCES_BUCKETS       1024
#define SOURCES_ADMIT_BUCKETS 4096
/*
 * BIND and ANSWER with a good ticket and mac, of one flow from one network (/24, /56). By network
 * alone, whoever writes a network's addresses on forged frames would shut its nodes out, and a
 * carrier's NAT would stop all who come back at once when a relay was restarted. Forged ones cost
 * less than receiving them did, and are not counted.
 */
#define SOURCES_ADMIT_PER_S 100
#define SOURCES_ADMIT_BURST 200
/*
 * UNBOUND to one network: of a label that nobody has, in all; of a flow that is there, for itself.
 * So whoever forges a network's addresses takes the answer from those only who come back to a relay
 * that was restarted, and they hear of that from their DC too; a node whose NAT has given it
 * another port is found by its label, which the forger does not know.
 */
#define SOURCES_UNBOUND_PER_S 50
#define SOURCES_UNBOUND_BURST 200

struct sources {
	bool loopback;            /* allowed: for tests on one host */
	struct ntm_addr_list own; /* the relay's addresses; ports do not matter */
	/* Where the DC sees it; others may share the address, behind the same NAT. */
	struct ntm_addr reflexive;
	struct ntm_prefix_list virtuals; /* virtual addresses are no real ones */
	uint8_t hash_key[16];
	struct ntm_bucket admit[SOURCES_ADMIT_BUCKETS];
	struct ntm_bucket unbound[SOURCES_BUCKETS];
	struct ntm_bucket moved[SOURCES_BUCKETS];
};

void sources_init(struct sources *sources, int64_t now_ms);
/* An address that something may be sent to: no loopback, multicast, own or virtual address. */
bool sources_ok(const struct sources *sources, const struct ntm_addr *from);
/* is_copy: changes nothing; copies that somebody recorded do not use up what changes have. */
bool sources_admit(struct sources *sources, const struct ntm_addr *from, uint64_t flow,
		   bool is_copy, int64_t now_ms);
/* flow: what the label is of; NULL: it is of none. */
bool sources_unbound(struct sources *sources, const struct ntm_addr *from, const uint64_t *flow,
		     int64_t now_ms);
