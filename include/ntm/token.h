/* SPDX-License-Identifier: BSD-2-Clause */
/* Join tokens: the one line that an operator pastes into a new node. */
#pragma once

#include "ntm/addr.h"
#include "ntm/cert.h"

/* Whom a token is for. */
enum ntm_token_kind { NTM_TOKEN_NODE = 0, NTM_TOKEN_RELAY = 1 };

/* What `ntm-dc node add` and `relay add` hand out (design.md 10). Secret and one use. */
struct ntm_token {
	uint8_t kind;
	struct ntm_addr dc[2];       /* where the DC is reached, v4 and/or v6; family 0 = unused */
	uint8_t dc_key[NTM_KEY_LEN]; /* X25519 */
	uint8_t root[NTM_SIGN_PUB_LEN];
	uint8_t secret[32]; /* the DC keeps only its BLAKE2b */
	int64_t expires_s;
	char fqdn[NTM_NAME_MAX + 1]; /* the name that is given to the node, or relay */
	char domain[NTM_NAME_MAX + 1];
};

/* "ntm1.", of a relay "ntmr1.", and base64url with a checksum, one word without blanks. */
#define NTM_TOKEN_STR 700
/* 0, or -EINVAL when a field does not fit. */
int ntm_token_print(const struct ntm_token *token, char out[static NTM_TOKEN_STR]);
/* 0; -EINVAL (not a token), -EBADMSG (cut or mistyped: the checksum is wrong), -ENOTSUP (version).
 * Blanks around it are ignored. Takes a token of either kind. */
int ntm_token_parse(struct ntm_token *token, const char *text);
/* What the DC stores. */
void ntm_token_hash(const struct ntm_token *token, uint8_t hash[static 32]);
