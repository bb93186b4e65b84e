/* SPDX-License-Identifier: BSD-2-Clause */
/* A node's link to its DC, whose link layer is played, in virtual time; the test is the DC. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dclink.h"

#include "ntm/bucket.h"

#define PING_MS     15000
#define REGISTER_MS 5000
#define SENT_MAX    600

/* ---- link.h, played ---- */

struct ntm_link {
	enum ntm_link_state state;
	struct ntm_link_args args;
	struct ntm_addr candidates[2];
	unsigned opens, frees, closes, restarts;
	struct ntm_addr remote;
	const struct ntm_timers *timers;
	int64_t last_out_ms;
	size_t sent_count;
	struct ntm_msg sent[SENT_MAX];
};

static struct ntm_link link_;
static int open_err;

int ntm_link_open(struct ntm_links *links, const struct ntm_link_args *args, struct ntm_link **out)
{
	(void)links;
	if (open_err != 0)
		return open_err;
	link_.opens++;
	link_.args = *args;
	for (size_t i = 0; i < args->candidate_count; i++)
		link_.candidates[i] = args->candidates[i];
	link_.state = NTM_LINK_CONNECTING;
	*out = &link_;
	return 0;
}

void ntm_link_free(struct ntm_link *link)
{
	if (link != NULL)
		link->frees++;
}

void ntm_link_close(struct ntm_link *link, uint8_t reason)
{
	(void)reason;
	link->closes++;
	link->state = NTM_LINK_CLOSED;
}

void ntm_link_restart(struct ntm_link *link, const struct ntm_addr *candidates, size_t count)
{
	link->restarts++;
	assert_int_equal(count, 2);
	assert_int_equal(candidates[1].port, 4331);
}

int ntm_link_send(struct ntm_link *link, struct ntm_pkt *pkt, uint8_t cls)
{
	(void)cls;
	if (link->state != NTM_LINK_UP)
		return -ENOTCONN;
	assert_true(link->sent_count < SENT_MAX);
	link->last_out_ms = link->timers->now_ms;
	assert_int_equal(ntm_msg_decode(&link->sent[link->sent_count++], pkt->data, pkt->len), 0);
	return 0;
}

enum ntm_link_state ntm_link_state(const struct ntm_link *link)
{
	return link->state;
}

const struct ntm_addr *ntm_link_remote(const struct ntm_link *link)
{
	return &link->remote;
}

void ntm_link_stats(const struct ntm_link *link, struct ntm_link_stats *out)
{
	*out = (struct ntm_link_stats){.rtt_ms = 12, .last_out_ms = link->last_out_ms};
}

/* ---- the world ---- */

struct world {
	struct ntm_timers timers;
	struct node_lease lease;
	struct dclink *dclink;
	struct ntm_addr_list own;
	unsigned registered, news, requests, dones, keepalives;
	int64_t keepalive_ms;
	struct ntm_msg_registered msg;
	struct ntm_msg request;
	int done_err;
};

static inline size_t on_own_addrs(void *ctx, struct ntm_addr *out, size_t cap)
{
	struct world *w = ctx;

	assert_true(w->own.count <= cap);
	for (size_t i = 0; i < w->own.count; i++)
		out[i] = w->own.item[i];
	return w->own.count;
}

static inline void on_registered(void *ctx, const struct ntm_msg_registered *msg, bool news)
{
	struct world *w = ctx;

	w->registered++;
	w->news += news;
	w->msg = *msg;
}

static inline void on_request(void *ctx, const struct ntm_msg *msg)
{
	struct world *w = ctx;

	w->requests++;
	w->request = *msg;
}

static inline void on_keepalive(void *ctx, int64_t keepalive_ms)
{
	struct world *w = ctx;

	w->keepalives++;
	w->keepalive_ms = keepalive_ms;
}

static inline void on_done(void *arg, int err, const struct ntm_msg *reply)
{
	struct world *w = arg;

	(void)reply;
	w->dones++;
	w->done_err = err;
}

static const struct node_ops node_ops = {.own_addrs = on_own_addrs};

static inline struct ntm_addr addr_of(uint8_t last, uint16_t port)
{
	return (struct ntm_addr){.ip = ntm_ip_v4(192, 0, 2, last), .port = port};
}

static inline void make_dclink(struct world *w)
{
	struct dclink_args args = {
		.timers = &w->timers,
		.lease = &w->lease,
		.node_ops = &node_ops,
		.node_ctx = w,
		.ops = {.registered = on_registered,
			.request = on_request,
			.keepalive = on_keepalive,
			.ctx = w},
	};

	w->dclink = dclink_new(&args);
	assert_non_null(w->dclink);
}

static inline struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(ntm_crypto_init(), 0);
	memset(&link_, 0, sizeof(link_));
	open_err = 0;
	ntm_timers_init(&w->timers);
	ntm_timers_advance(&w->timers, 10000, 10000);
	strcpy(w->lease.fqdn, "a.ntm.example");
	memset(w->lease.dc_key, 7, sizeof(w->lease.dc_key));
	w->lease.dc[0] = addr_of(9, 4330);
	w->lease.dc[1] = addr_of(10, 4331);
	w->own.count = 1;
	w->own.item[0] = addr_of(1, 4330);
	link_.remote = addr_of(9, 4330);
	link_.timers = &w->timers;
	make_dclink(w);
	return w;
}

static inline void world_free(struct world *w)
{
	dclink_free(w->dclink);
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	free(w);
}

static inline void pass(struct world *w, int64_t ms)
{
	int64_t end_ms = w->timers.now_ms + ms;

	for (;;) {
		int64_t next = ntm_timers_next(&w->timers);

		if (next < 0 || w->timers.now_ms + next > end_ms)
			break;
		ntm_timers_advance(&w->timers, w->timers.now_ms + next, w->timers.now_ms + next);
		ntm_timers_run(&w->timers);
	}
	ntm_timers_advance(&w->timers, end_ms, end_ms);
}

static inline void come_up(struct world *w)
{
	link_.state = NTM_LINK_UP;
	dclink_on_up(w->dclink, true);
}

static inline struct world *world_started(void)
{
	struct world *w = world_new();

	assert_int_equal(dclink_start(w->dclink), 0);
	come_up(w);
	return w;
}

/* ---- the DC ---- */

static inline unsigned count_of(uint8_t type)
{
	unsigned count = 0;

	for (size_t i = 0; i < link_.sent_count; i++)
		count += link_.sent[i].type == type;
	return count;
}

static inline const struct ntm_msg *last_of(uint8_t type)
{
	for (size_t i = link_.sent_count; i > 0; i--)
		if (link_.sent[i - 1].type == type)
			return &link_.sent[i - 1];
	fail();
	return NULL;
}

static inline void input(struct world *w, const struct ntm_msg *msg)
{
	struct ntm_pkt pkt;

	ntm_pkt_reset(&pkt);
	size_t len = ntm_msg_encode(msg, pkt.data, ntm_pkt_room(&pkt));
	assert_true(len > 0);
	ntm_pkt_put(&pkt, len);
	dclink_on_input(w->dclink, &pkt);
}

static inline struct ntm_msg registered_msg(void)
{
	struct ntm_msg msg = {
		.type = NTM_MSG_REGISTERED,
		.is_reply = true,
		.txn = last_of(NTM_MSG_REGISTER)->txn,
		.registered = {.reflexive = addr_of(1, 4330), .lifetime_s = 120},
	};

	msg.registered.vip4 = ntm_ip_v4(198, 18, 0, 1);
	msg.registered.prefixes.count = 1;
	assert_int_equal(ntm_prefix_parse(&msg.registered.prefixes.item[0], "198.18.0.0/16"), 0);
	msg.registered.suffixes.count = 1;
	strcpy(msg.registered.suffixes.item[0], "ntm.example");
	msg.registered.cert.len = 200;
	return msg;
}

static inline void answer_register(struct world *w)
{
	struct ntm_msg msg = registered_msg();

	input(w, &msg);
}

static inline void answer_ping(struct world *w, const struct ntm_addr *seen)
{
	const struct ntm_msg *ping = last_of(NTM_MSG_PING);
	struct ntm_msg msg = {.type = NTM_MSG_PONG, .is_reply = true, .txn = ping->txn};

	memcpy(msg.pong.token, ping->ping.token, sizeof(msg.pong.token));
	msg.pong.seen = *seen;
	input(w, &msg);
}

/* Any request, as tunnels make them. */
static inline uint32_t request(struct world *w)
{
	struct ntm_msg msg = {.type = NTM_MSG_DIRECTION_REQUEST};
	uint32_t txn = 0;

	strcpy(msg.direction_request.fqdn_mn, "a.ntm.example");
	strcpy(msg.direction_request.fqdn_cn, "b.ntm.example");
	msg.direction_request.reason = NTM_REASON_NAME;
	assert_int_equal(dclink_request(w->dclink, &msg, on_done, w, &txn), 0);
	return txn;
}

static inline void answer_request(struct world *w, uint32_t txn)
{
	struct ntm_msg msg = {.type = NTM_MSG_DIRECTION_ERROR, .is_reply = true, .txn = txn};

	msg.direction_error.code = NTM_DIR_OFFLINE;
	strcpy(msg.direction_error.words, "b is offline");
	input(w, &msg);
}

static inline struct world *world_registered(void)
{
	struct world *w = world_started();

	answer_register(w);
	assert_true(dclink_is_registered(w->dclink));
	return w;
}
