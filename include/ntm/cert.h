/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates: who owns a name, a key and virtual addresses, signed by the domain's root key. */
#pragma once

#include "ntm/addr.h"
#include "ntm/noise.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* design.md 10. Largest encoded certificate, and longest FQDN in it (RFC 1035: 253 in text form,
 * but a certificate has to stay below 320 bytes, so NTM names end at 120). */
#define NTM_CERT_MAX     320
#define NTM_NAME_MAX     120
#define NTM_SIGN_PUB_LEN 32
#define NTM_SIGN_SEC_LEN 64
#define NTM_SIG_LEN      64
/* Clocks may differ by this much (security.md 2.3). */
#define NTM_CERT_SKEW_S 600

enum ntm_cert_type {
	NTM_CERT_DC = 1,
	NTM_CERT_RELAY = 2,
	NTM_CERT_NODE = 3,
	NTM_CERT_DOMAIN = 4, /* introduces another domain to the nodes of the one that signs */
};

/* Ed25519 key pair of a domain's root. Kept apart from X25519 keys, never converted. */
struct ntm_root {
	uint8_t pub[NTM_SIGN_PUB_LEN];
	uint8_t sec[NTM_SIGN_SEC_LEN];
};
void ntm_root_make(struct ntm_root *root);
/* Rebuilds pub from sec. */
void ntm_root_from_secret(struct ntm_root *root, const uint8_t sec[static NTM_SIGN_SEC_LEN]);

struct ntm_cert {
	uint8_t type;
	uint64_t serial;
	int64_t not_before_s, not_after_s; /* UNIX time */
	/* X25519; of a domain its root, Ed25519, zeros as long as that is not known. */
	uint8_t key[NTM_KEY_LEN];
	char fqdn[NTM_NAME_MAX + 1];        /* lower case, no final dot; the domain for a DC */
	struct ntm_ip vip4, vip6;           /* node, gateway: its addresses; family 0: none */
	struct ntm_prefix prefix4, prefix6; /* DC, domain: its prefixes; family 0 when none */
};

/* Layout in ntm-protocol(7). Signs cert into blob; returns its length, or 0 when a field cannot be
 * encoded. */
size_t ntm_cert_sign(const struct ntm_cert *cert, const struct ntm_root *root,
		     uint8_t blob[static NTM_CERT_MAX]);

/*
 * Reads and checks a certificate: encoding (exactly one: decoded, encoded again and compared),
 * signature, validity at now_s, sane names and addresses. *cert is set on success only. 0; -EBADMSG
 * (malformed); -ENOTSUP (version); -EKEYREJECTED (signature); -ETIME (not yet or no longer valid).
 */
int ntm_cert_check(struct ntm_cert *cert, const uint8_t *blob, size_t len,
		   const uint8_t root_pub[static NTM_SIGN_PUB_LEN], int64_t now_s);

/* Lower-cases an NTM name into out without a final dot: letters, digits, '-', '_' and dots, labels
 * of 1..63, at most NTM_NAME_MAX. 0 or -EINVAL. */
int ntm_name_canon(char out[static NTM_NAME_MAX + 1], const char *name);
/* The same of what a person types: a name without a dot stands in the domain. 0 or -EINVAL. */
int ntm_name_complete(char out[static NTM_NAME_MAX + 1], const char *name, const char *domain);
/* True when name equals suffix or ends in "." suffix; both canonical. */
bool ntm_name_under(const char *name, const char *suffix);

/* "xxxx:xxxx:..": 16 hex digits of BLAKE2b over a public key, for people. */
#define NTM_FINGERPRINT_STR 20
const char *ntm_fingerprint(const uint8_t key[static 32], char buf[static NTM_FINGERPRINT_STR]);
/* Base64 of 32 bytes (44 characters) for files and tokens. */
#define NTM_KEY_STR 45
const char *ntm_key_str(const uint8_t key[static 32], char buf[static NTM_KEY_STR]);
int ntm_key_parse(uint8_t key[static 32], const char *text); /* 0 or -EINVAL */
