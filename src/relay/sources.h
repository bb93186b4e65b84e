/* SPDX-License-Identifier: BSD-2-Clause */
/* Where frames may come from, and how many of a kind from one network. */
#pragma once

#include "ntm/addr.h"
#include "ntm/bucket.h"
#include "ntm/lists.h"

/* Networks (/24, /56) share a bucket where their hashes meet; the table does not grow. */
#define SOURCES_BUCKETS 1024
/* BIND and ANSWER from one network: all who sit behind a carrier's NAT come back at once when a
 * relay was restarted; one costs some 2 us. */
#define SOURCES_ADMIT_PER_S 500
#define SOURCES_ADMIT_BURST 1000
/* UNBOUND to one network. */
#define SOURCES_UNBOUND_PER_S 50
#define SOURCES_UNBOUND_BURST 200

struct sources {
	bool loopback;            /* allowed: for tests on one host */
	struct ntm_addr_list own; /* the relay's addresses; ports do not matter */
	/* Where the DC sees it; others may share the address, behind the same NAT. */
	struct ntm_addr reflexive;
	struct ntm_prefix_list virtuals; /* virtual addresses are no real ones */
	uint8_t hash_key[16];
	struct ntm_bucket admit[SOURCES_BUCKETS];
	struct ntm_bucket unbound[SOURCES_BUCKETS];
};

void sources_init(struct sources *sources, int64_t now_ms);
/* An address that something may be sent to: no loopback, multicast, own or virtual address. */
bool sources_ok(const struct sources *sources, const struct ntm_addr *from);
bool sources_admit(struct sources *sources, const struct ntm_addr *from, int64_t now_ms);
bool sources_unbound(struct sources *sources, const struct ntm_addr *from, int64_t now_ms);
