/* SPDX-License-Identifier: BSD-2-Clause */
/* What handshakes carry behind the link layer's own part: TLVs as in control messages, no header.
 */
#pragma once

#include "ntm/msg.h"

/* Join (design.md 10): purpose 'j'. */
struct ntm_join_request {
	uint8_t secret[32];
};
struct ntm_join_answer {
	struct ntm_cert_blob cert;
	struct ntm_prefix_list prefixes;
	struct ntm_name_list suffixes;
	struct ntm_ip resolver4, resolver6;
};

/* Who a DC is, for another domain's DC: purpose 'd', second and third message of XX. */
struct ntm_dc_hello {
	uint8_t root[NTM_SIGN_PUB_LEN]; /* of its domain; a claim, until a pin says the same */
	struct ntm_cert_blob cert;      /* type NTM_CERT_DC, signed by that root */
};

/* Encoders return the length, or 0 when a field cannot be encoded or cap is too small. Decoders
 * return 0, -EBADMSG or -ENOTSUP as ntm_msg_decode does, and set the struct on success only. */
size_t ntm_join_request_encode(const struct ntm_join_request *req, uint8_t *out, size_t cap);
int ntm_join_request_decode(struct ntm_join_request *req, const uint8_t *data, size_t len);
size_t ntm_join_answer_encode(const struct ntm_join_answer *answer, uint8_t *out, size_t cap);
int ntm_join_answer_decode(struct ntm_join_answer *answer, const uint8_t *data, size_t len);
size_t ntm_dc_hello_encode(const struct ntm_dc_hello *hello, uint8_t *out, size_t cap);
int ntm_dc_hello_decode(struct ntm_dc_hello *hello, const uint8_t *data, size_t len);
