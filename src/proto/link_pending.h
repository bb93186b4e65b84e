/* SPDX-License-Identifier: BSD-2-Clause */
/* An INITIATION on its way through the checks: shared by link_answer.c and link_pending.c. */
#pragma once

#include "link_priv.h"

struct link_incoming {
	const struct ntm_handshake *hs;
	const struct ntm_addr *from;
	uint8_t name[NTM_HANDSHAKE_NAME_LEN];
	bool proven; /* mac2 was right: the sender receives at from */
	struct ntm_noise noise;
	uint64_t stamp;
	uint8_t suite;
	size_t payload_len; /* all of it */
	uint8_t payload[NTM_HANDSHAKE_MAX];
};

/* link_answer.c */
/* Writes the whole RESPONSE frame into out[NTM_HANDSHAKE_MAX]; its length, or 0. */
size_t link_answer_write(struct link_incoming *in, uint32_t index, const uint8_t *payload,
			 size_t payload_len, uint8_t *out);
/* A RESPONSE under the INITIATION's name, in the table; NULL when out of memory. */
struct link_answer *link_answer_new(struct ntm_links *links, const struct link_incoming *in,
				    const uint8_t *frame, size_t len);
/* Sends a copy of it to where the INITIATION came from. */
void link_answer_send(struct ntm_links *links, struct link_answer *answer,
		      const struct link_incoming *in);
void link_answer_free(struct ntm_links *links, struct link_answer *answer);

/* link_pending.c */
/* Answers an INITIATION of 'd' that was read. Calls back. */
void link_pending_add(struct ntm_links *links, struct link_incoming *in);
