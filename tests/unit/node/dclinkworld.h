/* SPDX-License-Identifier: BSD-2-Clause */
/* A node's link to its DC, whose link layer is played, in virtual time; the test is the DC. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/link_play.h"

#include "dclink.h"

#define PING_MS 15000

/* ---- the world ---- */

struct world {
	struct ntm_timers timers;
	struct node_lease lease;
	struct dclink *dclink;
	struct ntm_uplink *uplink; /* of dclink */
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
	w->uplink = dclink_uplink(w->dclink);
}

static inline struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(ntm_crypto_init(), 0);
	link_play(&w->timers);
	strcpy(w->lease.fqdn, "a.ntm.example");
	memset(w->lease.dc_key, 7, sizeof(w->lease.dc_key));
	w->lease.dc[0] = addr_of(9, 4330);
	w->lease.dc[1] = addr_of(10, 4331);
	w->own.count = 1;
	w->own.item[0] = addr_of(1, 4330);
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
	run_timers(&w->timers, ms);
}

static inline void come_up(struct world *w)
{
	link_.state = NTM_LINK_UP;
	ntm_uplink_on_up(w->uplink);
}

static inline struct world *world_started(void)
{
	struct world *w = world_new();

	assert_int_equal(dclink_start(w->dclink), 0);
	come_up(w);
	return w;
}

/* ---- the DC ---- */

static inline void input(struct world *w, const struct ntm_msg *msg)
{
	struct ntm_pkt pkt;

	write_msg(&pkt, msg);
	assert_int_equal(ntm_uplink_on_input(w->uplink, &pkt), 0);
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
	assert_true(ntm_uplink_is_registered(w->uplink));
	return w;
}
