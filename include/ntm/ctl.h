/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests and replies over one link: transaction ids, the retry schedule, giving up. */
#pragma once

#include "ntm/link.h"
#include "ntm/msg.h"
#include "ntm/timers.h"

struct ntm_ctl;

/*
 * reply is NULL when the request was given up (-ETIMEDOUT), or the channel was reset (-ECANCELED).
 * May start new requests.
 */
typedef void ntm_ctl_done_fn(void *arg, int err, const struct ntm_msg *reply);
/* A request of the peer. Handlers are idempotent per (peer, txn): a resent request comes again. */
typedef void ntm_ctl_request_fn(void *ctx, const struct ntm_msg *req);
/* Facts for whoever watches the peer: `sent` copies of a request have not been answered yet. May be
 * NULL. */
typedef void ntm_ctl_unanswered_fn(void *ctx, unsigned sent);

struct ntm_ctl_args {
	struct ntm_timers *timers;
	struct ntm_link *link; /* may be set later with ntm_ctl_set_link */
	ntm_ctl_request_fn *on_request;
	ntm_ctl_unanswered_fn *on_unanswered;
	void *ctx;
};

/* At most this many requests of ours are open at once (bounded queue). */
#define NTM_CTL_OPEN_MAX 64

struct ntm_ctl *ntm_ctl_new(const struct ntm_ctl_args *args); /* NULL: out of memory */
/* Forgets open requests without calling back. NULL is fine. */
void ntm_ctl_free(struct ntm_ctl *ctl);
void ntm_ctl_set_link(struct ntm_ctl *ctl, struct ntm_link *link);
/* Gives up all open requests with -ECANCELED. */
void ntm_ctl_reset(struct ntm_ctl *ctl);

/* Sends msg as a new request (its txn is set) and retries it. While the link has no session the
 * first sending waits for the schedule. 0, -EBUSY (too many open), -ENOMEM, -EINVAL (cannot be
 * encoded). */
int ntm_ctl_request(struct ntm_ctl *ctl, struct ntm_msg *msg, ntm_ctl_done_fn *done, void *arg,
		    uint32_t *txn);
/* Forgets a request of ours without calling back; unknown ids are fine. */
void ntm_ctl_cancel(struct ntm_ctl *ctl, uint32_t txn);
/* Sends all open requests once more, now: the link has come up again. but: not this one, which has
 * been sent since; 0: all. */
void ntm_ctl_kick(struct ntm_ctl *ctl, uint32_t but);
/* Answers a request, best effort, not retried: txn and reply flag are set from req, and so is a
 * type of 0 where only one fits. 0; -EINVAL (does not answer req, cannot be encoded);
 * ntm_link_send's. */
int ntm_ctl_reply(struct ntm_ctl *ctl, const struct ntm_msg *req, struct ntm_msg *reply);
/* A request that wants no answer: its txn is set, sent once. Errors as for ntm_ctl_reply. */
int ntm_ctl_tell(struct ntm_ctl *ctl, struct ntm_msg *msg);
/* A control plaintext from the link. 0, or the decoder's error (counted and dropped by the caller).
 */
int ntm_ctl_input(struct ntm_ctl *ctl, const uint8_t *data, size_t len);
