/* SPDX-License-Identifier: BSD-2-Clause */
/* The partner domains: whose names and virtual prefixes lead into tunnels beside our own. */
#pragma once

#include "lease.h"

#define PARTNERS_MAX 128

struct partner {
	char domain[NTM_NAME_MAX + 1];
	uint8_t root[NTM_SIGN_PUB_LEN];     /* zeros: not known yet */
	struct ntm_prefix prefix4, prefix6; /* family 0: none; not both */
};

/*
 * A value; all zero is the empty list. No two entries have a name or an address in common, and none
 * has one of ours: a virtual address belongs to one domain.
 */
struct partners {
	/* Of the DC's list that this is; 0: of none, so that any other one is news. */
	uint64_t generation;
	size_t count;
	struct partner item[PARTNERS_MAX]; /* by name */
	size_t prefix_count;
	struct partner_prefix {
		struct ntm_prefix prefix;
		uint8_t owner;      /* place in item */
	} prefix[2 * PARTNERS_MAX]; /* by address: asked once a packet */
};

/* From a certificate of type NTM_CERT_DOMAIN that was checked. */
void partner_from_cert(struct partner *partner, const struct ntm_cert *cert);
bool partner_has(const struct partner *partner, const struct ntm_ip *ip);
/* Its root key is known. Else it may have no prefix yet either: its names make the first contact,
 * in which the DC learns both (trust.h, modes dnssec and tofu). */
bool partner_is_learned(const struct partner *partner);
bool partner_eq(const struct partner *a, const struct partner *b);

/* NULL when the entry may be put, else why not, for people: what it claims is ours or another's. An
 * entry of the same domain does not count, as it would be replaced. */
const char *partners_why_not(const struct partners *list, const struct node_lease *lease,
			     const struct partner *partner);
/* Adds it, or replaces the entry of that domain; generation stays. As partners_why_not; then the
 * list is unchanged. */
const char *partners_put(struct partners *list, const struct node_lease *lease,
			 const struct partner *partner);
/* Drops what does not agree with the lease (any more). True when it dropped something. */
bool partners_sift(struct partners *list, const struct node_lease *lease);

/* The entry of exactly this domain; of the domain that the name is in, or is (the longest one); of
 * the prefix that the address is in. NULL: none. */
const struct partner *partners_find(const struct partners *list, const char *domain);
const struct partner *partners_of_name(const struct partners *list, const char *name);
const struct partner *partners_of_ip(const struct partners *list, const struct ntm_ip *ip);
bool partners_eq(const struct partners *a, const struct partners *b); /* generation, too */

/* partners.json in state_dir, mode 0600, replaced in one step. No file, and one of another
 * domain's node: 0 and an empty list. 0 or negative errno, and words; then the list is empty. An
 * entry that does not agree with the lease is left out. Nothing here runs out: what was a tunnel's
 * never leaves in clear. */
int partners_load(struct partners *list, const struct node_lease *lease, const char *state_dir,
		  char *words, size_t words_len);
int partners_save(const struct partners *list, const struct node_lease *lease,
		  const char *state_dir, char *words, size_t words_len);
