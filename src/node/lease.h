/* SPDX-License-Identifier: BSD-2-Clause */
/* What a node owns for years: its keys, its name and virtual addresses, and whom it trusts. */
#pragma once

#include "ntm/cert.h"
#include "ntm/payload.h"
#include "ntm/token.h"

/* Made by `join`, refreshed by every REGISTERED; enough to come up while the DC is away. */
struct node_lease {
	struct ntm_keys keys;
	struct ntm_cert_blob cert; /* ours; names fqdn and VIPs */
	char fqdn[NTM_NAME_MAX + 1];
	char domain[NTM_NAME_MAX + 1];
	struct ntm_ip vip4, vip6; /* family 0: none */
	struct ntm_addr dc[2];    /* family 0: unused */
	uint8_t dc_key[NTM_KEY_LEN];
	uint8_t root[NTM_SIGN_PUB_LEN];
	struct ntm_prefix_list prefixes;
	struct ntm_name_list suffixes;
	struct ntm_ip resolver4, resolver6;
};

/* Fills what the token says; the rest is zero. */
void lease_from_token(struct node_lease *lease, const struct ntm_token *token);
/* Checks the answer against token and keys (root, name, key) and fills the rest. On failure words
 * says why, and lease is unchanged. 0, -EKEYREJECTED, -EBADMSG, -ETIME, -EPROTO. */
int lease_from_answer(struct node_lease *lease, const struct ntm_join_answer *answer, int64_t now_s,
		      char *words, size_t words_len);
/* In our own domain's prefixes; of all domains: realm.h. */
bool lease_is_virtual(const struct node_lease *lease, const struct ntm_ip *ip);
bool lease_is_ours(const struct node_lease *lease, const struct ntm_ip *ip); /* one of our VIPs */
bool lease_is_resolver(const struct node_lease *lease, const struct ntm_ip *ip);
/* True when name is under one of the suffixes. A partner may have it all the same: realm.h. */
bool lease_has_name(const struct node_lease *lease, const char *name);
/* A virtual prefix that root may lead into a TUN: not wider than /8 (IPv4) and /16 (IPv6), usable.
 */
bool lease_prefix_ok(const struct ntm_prefix *prefix);

/* lease.json in state_dir, mode 0600, replaced in one step. 0 or negative errno; -ENOENT: not
 * joined. words says what is wrong and what to do. */
int lease_load(struct node_lease *lease, const char *state_dir, char *words, size_t words_len);
int lease_save(const struct node_lease *lease, const char *state_dir, char *words,
	       size_t words_len);
/* The daemon's way to save its lease. -EEXIST: there is another node's meanwhile (join --force
 * under a running daemon), which stays. */
int lease_save_own(const struct node_lease *lease, const char *state_dir, char *words,
		   size_t words_len);
