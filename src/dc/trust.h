/* SPDX-License-Identifier: BSD-2-Clause */
/* Pins: the other domains that this one trusts, what each may speak for, and whom it may call. */
#pragma once

#include "ntm/cert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* How the root key of a domain becomes known. */
enum trust_mode {
	TRUST_PINNED, /* the operator gave it */
	TRUST_DNSSEC, /* TXT _ntm.<domain>, when DNSSEC validates it; pinned from then on */
	TRUST_TOFU,   /* what the first DC says that DNS leads to; pinned from then on */
};

#define TRUST_MAX       128 /* domains; nodes have room for as many */
#define TRUST_ALLOW_MAX 16
#define TRUST_WORDS     400 /* two names, two prefixes */

/* Durable; one a domain. */
struct trust_pin {
	char domain[NTM_NAME_MAX + 1]; /* canonical */
	enum trust_mode mode;
	bool has_root;
	uint8_t root[NTM_SIGN_PUB_LEN];
	/* What its nodes' addresses lie in; family 0: none, or not known before the first contact
	 * (dnssec and tofu take those of the DC's certificate then). */
	struct ntm_prefix prefix4, prefix6;
	int64_t pinned_s; /* UNIX time when the root became known; 0: it is not */
	/* Nodes of ours that may be called from there: all, or those named (none: nobody). */
	bool allow_all;
	size_t allow_count;
	char allow[TRUST_ALLOW_MAX][NTM_NAME_MAX + 1]; /* canonical FQDNs */
};

/* A set of pins that do not overlap with each other nor with the own domain. */
struct trust {
	size_t count;
	struct trust_pin *item; /* by domain, in alphabetical order; heap */
};
void trust_fini(struct trust *trust);

/* The own domain, which no pin may touch. */
struct trust_own {
	const char *domain;
	struct ntm_prefix prefix4, prefix6;
};

/*
 * Adds pin, or puts it in the place of the one of its domain. -EINVAL with words for people: the
 * domain is our own or no name, a prefix overlaps with ours or another pin's, lacks (pinned without
 * root or prefix), or is as wide as to be a mistake (above /8, /16), TRUST_MAX; -ENOMEM. Unchanged
 * on errors. A sub-domain of ours, or of a pin, is fine: the longest name decides.
 */
int trust_put(struct trust *trust, const struct trust_own *own, const struct trust_pin *pin,
	      char words[static TRUST_WORDS]);

/* trust_load.c. Fills an empty set from a store that answers before its calls return. Errors of
 * trust_put, with the remedy in words, and of the store; *trust is empty then. */
int trust_load(struct trust *trust, struct store *store, const struct trust_own *own,
	       char words[static TRUST_WORDS]);

/* NULL: none. By name: the pin with the longest domain that name is in (the domain itself counts),
 * unless our own domain is a longer one. */
const struct trust_pin *trust_by_domain(const struct trust *trust, const char *domain);
const struct trust_pin *trust_by_name(const struct trust *trust, const struct trust_own *own,
				      const char *name);
const struct trust_pin *trust_by_vip(const struct trust *trust, const struct ntm_ip *vip);

/* One of any family; without, its nodes' addresses are not known yet. */
bool trust_has_prefix(const struct trust_pin *pin);
/* Whether node (canonical FQDN) of ours may be called from the pin's domain. */
bool trust_may_call(const struct trust_pin *pin, const char *node);

/*
 * Checks a certificate of a node that the DC of the pin's domain presents: under the pinned root,
 * of type node, its name in the domain, its addresses in the pin's prefixes, one at least. 0;
 * -EKEYREJECTED with words, also without a root; *cert on success only. A name in the domain may
 * still be another's, who has a part of it: compare with trust_by_name().
 */
int trust_check_node(const struct trust_pin *pin, const uint8_t *blob, size_t len, int64_t now_s,
		     struct ntm_cert *cert, char words[static TRUST_WORDS]);

const char *trust_mode_name(enum trust_mode mode);             /* "pinned", "dnssec", "tofu" */
int trust_mode_parse(enum trust_mode *mode, const char *text); /* 0 or -EINVAL */
