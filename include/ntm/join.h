/* SPDX-License-Identifier: BSD-2-Clause */
/* One exchange with a DC, by which a host with a token becomes a node or a relay (design.md 10). */
#pragma once

#include "ntm/link.h"
#include "ntm/payload.h"
#include "ntm/token.h"

struct ntm_join;

struct ntm_join_args {
	const struct ntm_token *token; /* not kept */
	const struct ntm_keys *keys;   /* that the certificate will be for */
	struct ntm_timers *timers;
	/* Sends one datagram. */
	void (*send)(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len);
	/* Once: 0 and the answer, which is not checked yet; -ETIMEDOUT (the DC has not answered for
	 * 3 s), -EBADMSG. Must not free the join. */
	void (*done)(void *ctx, int err, const struct ntm_join_answer *answer);
	void *ctx;
};

/* Sends the request. 0, -ENOMEM, -EINVAL. */
int ntm_join_start(const struct ntm_join_args *args, struct ntm_join **out);
void ntm_join_free(struct ntm_join *join); /* NULL is fine */
/* One datagram from the network; opened in place. */
void ntm_join_input(struct ntm_join *join, const struct ntm_addr *from, struct ntm_pkt *pkt);
