/* SPDX-License-Identifier: BSD-2-Clause */
/* What a relay owns for years: its keys and name, its DC, and whom it trusts. */
#pragma once

#include "ntm/cert.h"
#include "ntm/payload.h"
#include "ntm/token.h"

/* Made by `join`; the DC renews the certificate, the rest stays. All that a relay has on disk. */
struct relay_lease {
	struct ntm_keys keys;
	struct ntm_cert_blob cert; /* ours, of type NTM_CERT_RELAY */
	char fqdn[NTM_NAME_MAX + 1];
	char domain[NTM_NAME_MAX + 1];
	struct ntm_addr dc[2]; /* family 0: unused */
	uint8_t dc_key[NTM_KEY_LEN];
	uint8_t root[NTM_SIGN_PUB_LEN];
	struct ntm_prefix_list prefixes; /* virtual ones of the domain: nobody comes from there */
};

/* Fills what the token says; the rest is zero. */
void relay_lease_from_token(struct relay_lease *lease, const struct ntm_token *token);
/* Checks the answer against token and keys, and fills the rest. On failure words says why, and
 * lease is unchanged. 0, -EKEYREJECTED, -EBADMSG, -ETIME, -EPROTO. */
int relay_lease_from_answer(struct relay_lease *lease, const struct ntm_join_answer *answer,
			    int64_t now_s, char *words, size_t words_len);
/* Takes a renewed certificate. 0; -EALREADY (the one that is there); as above. */
int relay_lease_renew(struct relay_lease *lease, const struct ntm_cert_blob *cert, int64_t now_s);

/* relay.json in state_dir, for its owner only, replaced in one step. 0 or negative errno; -ENOENT:
 * not joined. words says what is wrong and what to do. */
int relay_lease_load(struct relay_lease *lease, const char *state_dir, char *words,
		     size_t words_len);
int relay_lease_save(const struct relay_lease *lease, const char *state_dir, char *words,
		     size_t words_len);
/* The daemon's way to save its lease. -EEXIST: there is another relay's meanwhile (join --force
 * under a running daemon), which stays. */
int relay_lease_save_own(const struct relay_lease *lease, const char *state_dir, char *words,
			 size_t words_len);
