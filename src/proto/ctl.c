/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests and replies over one link: transaction ids, the retry schedule, giving up. */
#include "ntm/ctl.h"

#include "msg_tlv.h"
#include "ntm/bucket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A request of ours without an answer yet. */
struct request {
	struct ntm_ctl *ctl;
	struct request *next, **link; /* list, oldest first; link is what points here */
	struct ntm_timer timer;
	uint64_t seq;
	uint32_t txn;
	uint8_t type;
	unsigned tries; /* sendings by the schedule, those without a session included */
	unsigned sent;  /* copies that have left; a kick counts only when it is the first */
	ntm_ctl_done_fn *done;
	void *arg;
	size_t len;
	uint8_t data[];
};

struct ntm_ctl {
	struct ntm_ctl_args args;
	struct request *first, **last;
	size_t open_count;
	uint64_t next_seq;
	uint32_t next_txn;
	/* Callbacks may free the ctl: it goes when the last function of ours that still needs it
	 * returns. */
	unsigned busy;
	bool is_freed;
};

struct ntm_ctl *ntm_ctl_new(const struct ntm_ctl_args *args)
{
	struct ntm_ctl *ctl = calloc(1, sizeof(*ctl));

	if (!ctl)
		return NULL;
	ctl->args = *args;
	ctl->last = &ctl->first;
	/* Random, so that a peer that remembers our former life does not take new requests for
	 * resent ones. */
	ctl->next_txn = ntm_random_u32();
	return ctl;
}

void ntm_ctl_set_link(struct ntm_ctl *ctl, struct ntm_link *link)
{
	ctl->args.link = link;
}

static void request_add(struct ntm_ctl *ctl, struct request *req)
{
	req->ctl = ctl;
	req->seq = ctl->next_seq++;
	req->link = ctl->last;
	*ctl->last = req;
	ctl->last = &req->next;
	ctl->open_count++;
}

/* Everything that ends a request comes through here. The plaintext may hold secrets. */
static void request_free(struct request *req)
{
	struct ntm_ctl *ctl = req->ctl;

	ntm_timer_del(ctl->args.timers, &req->timer);
	*req->link = req->next;
	if (req->next)
		req->next->link = req->link;
	else
		ctl->last = req->link;
	ctl->open_count--;
	ntm_wipe(req->data, req->len);
	free(req);
}

/* The callback comes last: it may do anything, freeing the ctl included. */
static void request_finish(struct request *req, int err, const struct ntm_msg *reply)
{
	ntm_ctl_done_fn *done = req->done;
	void *arg = req->arg;

	request_free(req);
	if (done)
		done(arg, err, reply);
}

static struct request *request_find(const struct ntm_ctl *ctl, uint32_t txn)
{
	struct request *req = ctl->first;

	while (req && req->txn != txn)
		req = req->next;
	return req;
}

static void release(struct ntm_ctl *ctl)
{
	if (--ctl->busy == 0 && ctl->is_freed)
		free(ctl);
}

void ntm_ctl_free(struct ntm_ctl *ctl)
{
	if (!ctl)
		return;
	while (ctl->first)
		request_free(ctl->first);
	ctl->is_freed = true;
	ctl->busy++;
	release(ctl);
}

void ntm_ctl_reset(struct ntm_ctl *ctl)
{
	uint64_t end_seq = ctl->next_seq;

	ctl->busy++;
	/* Requests that the callbacks start are newer, and stay. */
	while (ctl->first && ctl->first->seq < end_seq)
		request_finish(ctl->first, -ECANCELED, NULL);
	release(ctl);
}

static int send_plain(struct ntm_ctl *ctl, const uint8_t *data, size_t len)
{
	struct ntm_pkt pkt;
	int err;

	if (!ctl->args.link)
		return -ENOTCONN;
	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, len), data, len);
	err = ntm_link_send(ctl->args.link, &pkt, 0);
	if (err)
		ntm_wipe(&pkt, sizeof(pkt)); /* still plaintext */
	return err;
}

/* One sending of the schedule, and the wait behind it. */
static void request_try(struct request *req)
{
	if (send_plain(req->ctl, req->data, req->len) == 0)
		req->sent++;
	req->tries++;
	ntm_timer_set(req->ctl->args.timers, &req->timer, ntm_retry_wait_ms(req->tries));
}

static void tell_unanswered(struct ntm_ctl *ctl, unsigned sent)
{
	if (sent > 0 && ctl->args.on_unanswered)
		ctl->args.on_unanswered(ctl->args.ctx, sent);
}

static void give_up(struct request *req)
{
	struct ntm_ctl *ctl = req->ctl;
	uint32_t txn = req->txn;

	ctl->busy++;
	tell_unanswered(ctl, req->sent);
	/* The watcher may have cancelled it, or freed everything. */
	req = request_find(ctl, txn);
	if (req)
		request_finish(req, -ETIMEDOUT, NULL);
	release(ctl);
}

static void on_timer(void *arg)
{
	struct request *req = arg;
	unsigned sent = req->sent;

	if (req->tries >= NTM_RETRY_SENDINGS) {
		give_up(req);
		return;
	}
	request_try(req);
	tell_unanswered(req->ctl, sent);
}

static uint32_t new_txn(struct ntm_ctl *ctl)
{
	do
		ctl->next_txn++;
	while (ctl->next_txn == 0 || request_find(ctl, ctl->next_txn));
	return ctl->next_txn;
}

int ntm_ctl_request(struct ntm_ctl *ctl, struct ntm_msg *msg, ntm_ctl_done_fn *done, void *arg,
		    uint32_t *txn)
{
	uint8_t plain[NTM_MSG_MAX];
	struct request *req = NULL;
	size_t len;
	int err = 0;

	if (ctl->open_count >= NTM_CTL_OPEN_MAX)
		return -EBUSY;
	msg->is_reply = false;
	msg->txn = new_txn(ctl);
	len = ntm_msg_encode(msg, plain, sizeof(plain));
	if (len == 0) {
		err = -EINVAL;
		goto out;
	}
	req = calloc(1, sizeof(*req) + len);
	if (!req) {
		err = -ENOMEM;
		goto out;
	}
	req->txn = msg->txn;
	req->type = msg->type;
	req->done = done;
	req->arg = arg;
	req->len = len;
	memcpy(req->data, plain, len);
	ntm_timer_init(&req->timer, on_timer, req);
	request_add(ctl, req);
	if (txn)
		*txn = req->txn;
	request_try(req);
out:
	ntm_wipe(plain, sizeof(plain));
	return err;
}

void ntm_ctl_cancel(struct ntm_ctl *ctl, uint32_t txn)
{
	struct request *req = request_find(ctl, txn);

	if (req)
		request_free(req);
}

void ntm_ctl_kick(struct ntm_ctl *ctl, uint32_t but)
{
	for (struct request *req = ctl->first; req; req = req->next)
		if (req->txn != but && send_plain(ctl, req->data, req->len) == 0 && req->sent == 0)
			req->sent = 1;
}

/* Encodes and sends once. */
static int send_msg(struct ntm_ctl *ctl, const struct ntm_msg *msg)
{
	uint8_t plain[NTM_MSG_MAX];
	size_t len = ntm_msg_encode(msg, plain, sizeof(plain));
	int err = len > 0 ? send_plain(ctl, plain, len) : -EINVAL;

	ntm_wipe(plain, sizeof(plain));
	return err;
}

int ntm_ctl_reply(struct ntm_ctl *ctl, const struct ntm_msg *req, struct ntm_msg *reply)
{
	if (reply->type == 0)
		reply->type = ntm_msg_reply_type(req->type);
	if (!ntm_msg_answers(reply->type, req->type))
		return -EINVAL;
	reply->txn = req->txn;
	reply->is_reply = true;
	return send_msg(ctl, reply);
}

int ntm_ctl_tell(struct ntm_ctl *ctl, struct ntm_msg *msg)
{
	msg->is_reply = false;
	msg->txn = new_txn(ctl);
	return send_msg(ctl, msg);
}

static int take_reply(struct ntm_ctl *ctl, const struct ntm_msg *reply)
{
	struct request *req = request_find(ctl, reply->txn);

	/* Answered before, or given up: each copy of a request may be answered. */
	if (!req)
		return 0;
	if (!ntm_msg_answers(reply->type, req->type))
		return -EPROTO;
	request_finish(req, 0, reply);
	return 0;
}

int ntm_ctl_input(struct ntm_ctl *ctl, const uint8_t *data, size_t len)
{
	struct ntm_msg msg;
	int err = ntm_msg_decode(&msg, data, len);

	if (err)
		return err;
	if (msg.is_reply)
		err = take_reply(ctl, &msg);
	else
		ctl->args.on_request(ctl->args.ctx, &msg);
	ntm_wipe(&msg, sizeof(msg));
	return err;
}
