/* SPDX-License-Identifier: BSD-2-Clause */
/* A relay in virtual time, its DC, and nodes that bind by hand; include after cmocka.h. */
#pragma once

#include "flows.h"
#include "relay.h"
#include "relay_priv.h"

#include "ntm/ctl.h"
#include "ntm/log.h"
#include "ntm/map.h"
#include "ntm/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX    64
#define WIRE_MAX   32
#define START_MS   INT64_C(5000)
#define START_WALL (INT64_C(20000) * NTM_TICKET_DAY_S * 1000 + 3600000) /* 1:00, of a day */
#define DAY        INT64_C(20000)

struct packet {
	struct ntm_addr to;
	size_t len;
	uint8_t data[NTM_PKT_MAX];
};

struct world {
	struct ntm_timers timers;
	struct ntm_root root;
	struct ntm_keys dc_keys;
	struct ntm_addr dc_addr, own;
	struct relay_lease lease;
	struct relay_settings settings;
	struct relay *relay;

	/* The DC. */
	struct ntm_links *dc_links;
	struct ntm_link *dc_link;
	struct ntm_ctl *dc_ctl;
	bool dc_mute; /* answers nothing */
	bool dc_deaf; /* hears nothing */
	unsigned reports, acks;
	struct ntm_msg_relay_register report;
	struct ntm_msg_relay_direction direction; /* that it gives */

	/* On the wire between relay and DC. */
	struct packet wire[WIRE_MAX];
	bool to_dc[WIRE_MAX];
	size_t wire_count;

	/* What the relay sent to anybody else by itself. */
	struct packet out[OUT_MAX];
	size_t out_count;
	uint64_t bytes_out;
	unsigned saved, drained, handshakes;
};

static inline void world_quiet(enum ntm_log_level level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	(void)arg;
}

/* ---- the wire ---- */

static inline void wire_put(struct world *w, bool to_dc, const uint8_t *data, size_t len)
{
	assert_true(w->wire_count < WIRE_MAX && len <= NTM_PKT_MAX);
	w->wire[w->wire_count].len = len;
	memcpy(w->wire[w->wire_count].data, data, len);
	w->to_dc[w->wire_count++] = to_dc;
}

static inline void wire_run(struct world *w)
{
	static struct ntm_pkt pkt;

	while (w->wire_count > 0) {
		struct packet packet = w->wire[0];
		bool to_dc = w->to_dc[0];

		w->wire_count--;
		memmove(w->wire, w->wire + 1, w->wire_count * sizeof(w->wire[0]));
		memmove(w->to_dc, w->to_dc + 1, w->wire_count * sizeof(w->to_dc[0]));
		if (!to_dc) {
			assert_null(relay_input(w->relay, &w->dc_addr, packet.data, packet.len));
			continue;
		}
		if (w->dc_deaf)
			continue;
		ntm_pkt_reset(&pkt);
		memcpy(ntm_pkt_put(&pkt, packet.len), packet.data, packet.len);
		ntm_links_input(w->dc_links, &w->own, &pkt);
	}
}

static inline void run_ms(struct world *w, int64_t ms)
{
	int64_t end_ms = w->timers.now_ms + ms;
	int64_t shift_ms = w->timers.wall_ms - w->timers.now_ms;

	wire_run(w);
	while (w->timers.now_ms < end_ms) {
		int64_t next_ms = ntm_timers_next(&w->timers);
		int64_t at_ms = w->timers.now_ms + (next_ms < 1 ? 1 : next_ms);

		if (next_ms < 0 || at_ms > end_ms)
			at_ms = end_ms;
		ntm_timers_advance(&w->timers, at_ms, at_ms + shift_ms);
		ntm_timers_run(&w->timers);
		wire_run(w);
	}
}

/* ---- the relay's way out ---- */

static inline void relay_sends(void *ctx, const struct ntm_addr *to, const uint8_t *data,
			       size_t len)
{
	struct world *w = ctx;

	if (ntm_addr_eq(to, &w->dc_addr)) {
		wire_put(w, true, data, len);
		return;
	}
	w->bytes_out += len;
	if (w->out_count < OUT_MAX) {
		struct packet *packet = &w->out[w->out_count++];

		packet->to = *to;
		packet->len = len;
		memcpy(packet->data, data, len);
	}
}

static inline size_t relay_addrs(void *ctx, struct ntm_addr *out, size_t cap)
{
	const struct world *w = ctx;

	assert_true(cap > 0);
	out[0] = w->own;
	return 1;
}

static inline void relay_saves(void *ctx, const struct relay_lease *lease)
{
	struct world *w = ctx;

	w->lease = *lease;
	w->saved++;
}

static inline void relay_drained(void *ctx)
{
	struct world *w = ctx;

	w->drained++;
}

/* ---- the DC ---- */

static inline void dc_sends(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	(void)to;
	wire_put(ctx, false, data, len);
}

static inline int dc_accepts(void *ctx, const struct ntm_link_request *req,
			     struct ntm_link_reply *reply)
{
	struct world *w = ctx;

	assert_int_equal(req->purpose, NTM_PURPOSE_RELAY);
	assert_memory_equal(req->remote_static, w->lease.keys.pub, NTM_KEY_LEN);
	w->handshakes++;
	reply->owner = w;
	return 0;
}

static inline void dc_request(void *ctx, const struct ntm_msg *req)
{
	struct world *w = ctx;
	struct ntm_msg reply = {.type = NTM_MSG_RELAY_DIRECTION, .relay_direction = w->direction};

	assert_int_equal(req->type, NTM_MSG_RELAY_REGISTER);
	if (w->dc_mute)
		return;
	w->reports++;
	w->report = req->relay_register;
	assert_int_equal(ntm_ctl_reply(w->dc_ctl, req, &reply), 0);
}

static inline void dc_up(void *ctx, struct ntm_link *link, void *owner, bool fresh)
{
	struct world *w = ctx;

	(void)owner;
	(void)fresh;
	w->dc_link = link;
	ntm_ctl_set_link(w->dc_ctl, link);
}

static inline void dc_down(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why)
{
	struct world *w = ctx;

	(void)owner;
	(void)why;
	assert_ptr_equal(link, w->dc_link);
	ntm_ctl_set_link(w->dc_ctl, NULL);
	w->dc_link = NULL;
	ntm_link_free(link);
}

static inline void dc_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	struct world *w = ctx;

	(void)link;
	(void)owner;
	assert_int_equal(ntm_ctl_input(w->dc_ctl, pkt->data, pkt->len), 0);
}

static inline void dc_acked(void *arg, int err, const struct ntm_msg *reply)
{
	struct world *w = arg;

	assert_int_equal(err, 0);
	assert_int_equal(reply->type, NTM_MSG_RELAY_ACK);
	assert_true(reply->relay_ack.boot_id == w->report.boot_id);
	w->acks++;
}

/* RELAY_DIRECTION by itself. */
static inline void dc_directs(struct world *w)
{
	struct ntm_msg msg = {.type = NTM_MSG_RELAY_DIRECTION, .relay_direction = w->direction};

	assert_int_equal(ntm_ctl_request(w->dc_ctl, &msg, dc_acked, w, NULL), 0);
	run_ms(w, 1);
}

static inline void dc_start(struct world *w)
{
	static const struct ntm_links_ops ops = {.send = dc_sends,
						 .accept = dc_accepts,
						 .up = dc_up,
						 .down = dc_down,
						 .input = dc_input};
	struct ntm_links_args links = {.ops = &ops,
				       .ctx = w,
				       .keys = &w->dc_keys,
				       .timers = &w->timers};
	struct ntm_ctl_args ctl = {.timers = &w->timers, .on_request = dc_request, .ctx = w};

	w->dc_links = ntm_links_new(&links);
	w->dc_ctl = ntm_ctl_new(&ctl);
	assert_non_null(w->dc_links);
	assert_non_null(w->dc_ctl);
}

static inline void dc_stop(struct world *w)
{
	ntm_ctl_free(w->dc_ctl);
	ntm_links_free(w->dc_links);
	w->dc_link = NULL;
	w->dc_ctl = NULL;
	w->dc_links = NULL;
}

/* ---- making ---- */

static inline struct ntm_addr addr_of(const char *text)
{
	struct ntm_addr addr;

	assert_int_equal(ntm_addr_parse(&addr, text, 7000), 0);
	return addr;
}

static inline void sign_cert(struct world *w, struct ntm_cert_blob *blob, uint64_t serial)
{
	struct ntm_cert cert = {.type = NTM_CERT_RELAY,
				.serial = serial,
				.not_before_s = START_WALL / 1000 - 60,
				.not_after_s = START_WALL / 1000 + 30 * 86400,
				.fqdn = "relay1.ntm.example"};

	memcpy(cert.key, w->lease.keys.pub, NTM_KEY_LEN);
	blob->len = (uint16_t)ntm_cert_sign(&cert, &w->root, blob->data);
	assert_true(blob->len > 0);
}

static inline void relay_begin(struct world *w)
{
	static const struct relay_ops ops = {.send = relay_sends,
					     .own_addrs = relay_addrs,
					     .lease_changed = relay_saves,
					     .drained = relay_drained};
	struct relay_args args = {.ops = &ops,
				  .ctx = w,
				  .timers = &w->timers,
				  .lease = &w->lease,
				  .settings = &w->settings};

	w->relay = relay_new(&args);
	assert_non_null(w->relay);
	/* Which of them share a bucket is the same in every run. */
	memset(w->relay->sources.hash_key, 0x5a, sizeof(w->relay->sources.hash_key));
	assert_int_equal(relay_start(w->relay), 0);
}

static inline struct world *world_new(uint32_t flows_max)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(ntm_crypto_init(), 0);
	ntm_log_set_sink(world_quiet, NULL);
	ntm_timers_init(&w->timers);
	ntm_timers_advance(&w->timers, START_MS, START_WALL);
	ntm_root_make(&w->root);
	ntm_keys_make(&w->dc_keys);
	ntm_keys_make(&w->lease.keys);
	w->dc_addr = addr_of("203.0.113.30:4330");
	w->own = addr_of("203.0.113.50:4331");
	w->lease.dc[0] = w->dc_addr;
	memcpy(w->lease.dc_key, w->dc_keys.pub, NTM_KEY_LEN);
	memcpy(w->lease.root, w->root.pub, NTM_SIGN_PUB_LEN);
	strcpy(w->lease.fqdn, "relay1.ntm.example");
	strcpy(w->lease.domain, "ntm.example");
	assert_int_equal(ntm_prefix_parse(&w->lease.prefixes.item[0], "198.18.0.0/16"), 0);
	w->lease.prefixes.count = 1;
	sign_cert(w, &w->lease.cert, 1);
	w->settings = (struct relay_settings){.flows_max = flows_max,
					      .link_times = ntm_link_times_default};
	w->direction.reflexive = addr_of("203.0.113.51:4331");
	w->direction.report_s = 2;
	for (int i = 0; i < 3; i++)
		w->direction.keys.item[w->direction.keys.count++] =
			ntm_ticket_key_make(w->dc_keys.sec, w->lease.keys.pub, DAY - 1 + i);
	dc_start(w);
	relay_begin(w);
	return w;
}

static inline void world_free(struct world *w)
{
	relay_free(w->relay);
	dc_stop(w);
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	ntm_log_set_sink(NULL, NULL);
	free(w);
}

/* A relay that has its keys. */
static inline struct world *world_up(uint32_t flows_max)
{
	struct world *w = world_new(flows_max);

	run_ms(w, 100);
	assert_true(w->reports > 0);
	assert_int_equal(w->relay->keys.count, 3);
	return w;
}

/* ---- nodes ---- */

struct pass {
	struct ntm_ticket ticket;
	uint8_t sealed[NTM_TICKET_LEN];
};

static inline void seal(struct world *w, struct pass *pass)
{
	ntm_ticket_seal(&pass->ticket, &w->direction.keys.item[1], w->lease.keys.pub, pass->sealed);
}

static inline struct pass pass_for(struct world *w, uint64_t flow, uint8_t side)
{
	struct pass pass = {.ticket = {.flow = flow,
				       .side = side,
				       .expires_s = w->timers.wall_ms / 1000 + 3600}};

	ntm_random(pass.ticket.bind_key, sizeof(pass.ticket.bind_key));
	seal(w, &pass);
	return pass;
}

static inline size_t write_bind(const struct pass *pass, uint32_t generation,
				uint8_t out[static NTM_RELAY_FRAME_MAX])
{
	struct ntm_relay_frame frame = {.type = NTM_FRAME_BIND,
					.generation = generation,
					.ticket = pass->sealed};

	return ntm_relay_frame_write(&frame, pass->ticket.bind_key, out);
}

static inline size_t write_answer(const struct pass *pass, uint32_t generation,
				  const uint8_t *cookie, uint8_t out[static NTM_RELAY_FRAME_MAX])
{
	struct ntm_relay_frame frame = {.type = NTM_FRAME_ANSWER,
					.generation = generation,
					.ticket = pass->sealed,
					.cookie = cookie};

	return ntm_relay_frame_write(&frame, pass->ticket.bind_key, out);
}

/* Hands a frame in; the relay's own answer, or NULL. */
static inline const struct packet *ask(struct world *w, const struct ntm_addr *from,
				       const uint8_t *data, size_t len)
{
	w->out_count = 0;
	assert_null(relay_input(w->relay, from, data, len));
	assert_true(w->out_count <= 1);
	if (w->out_count == 0)
		return NULL;
	assert_true(ntm_addr_eq(&w->out[0].to, from));
	assert_true(w->out[0].len <= len);
	return &w->out[0];
}

static inline bool get_cookie(struct world *w, const struct pass *pass, const struct ntm_addr *from,
			      uint32_t generation, uint8_t cookie[static NTM_RELAY_COOKIE_LEN])
{
	uint8_t frame[NTM_RELAY_FRAME_MAX];
	struct ntm_relay_frame got;
	const struct packet *reply = ask(w, from, frame, write_bind(pass, generation, frame));

	if (reply == NULL)
		return false;
	assert_int_equal(ntm_relay_frame_parse(&got, reply->data, reply->len), 0);
	assert_int_equal(got.type, NTM_FRAME_CHALLENGE);
	assert_int_equal(got.generation, generation);
	assert_true(got.flow == pass->ticket.flow);
	assert_true(ntm_relay_frame_mac_ok(reply->data, reply->len, pass->ticket.bind_key));
	memcpy(cookie, got.cookie, NTM_RELAY_COOKIE_LEN);
	return true;
}

static inline bool say_answer(struct world *w, const struct pass *pass, const struct ntm_addr *from,
			      uint32_t generation, const uint8_t *cookie,
			      struct ntm_relay_frame *bound)
{
	uint8_t frame[NTM_RELAY_FRAME_MAX];
	const struct packet *reply =
		ask(w, from, frame, write_answer(pass, generation, cookie, frame));

	if (reply == NULL)
		return false;
	assert_int_equal(ntm_relay_frame_parse(bound, reply->data, reply->len), 0);
	assert_int_equal(bound->type, NTM_FRAME_BOUND);
	assert_int_equal(bound->generation, generation);
	assert_true(ntm_relay_frame_mac_ok(reply->data, reply->len, pass->ticket.bind_key));
	return true;
}

/* BIND to BOUND; false: refused. */
static inline bool bind_to(struct world *w, const struct pass *pass, const struct ntm_addr *from,
			   uint32_t generation, struct ntm_relay_frame *bound)
{
	uint8_t cookie[NTM_RELAY_COOKIE_LEN];
	struct ntm_relay_frame got;

	return get_cookie(w, pass, from, generation, cookie) &&
	       say_answer(w, pass, from, generation, cookie, bound != NULL ? bound : &got);
}

#define INNER_LEN   64
#define PACKET_BITS ((NTM_RELAYED_HEADER + INNER_LEN) * 8)
static inline size_t write_relayed(uint32_t label, uint8_t out[static NTM_RELAYED_HEADER + 256],
				   size_t inner_len)
{
	ntm_relayed_head(out, 1, label);
	memset(out + NTM_RELAYED_HEADER, 0x5a, inner_len);
	out[NTM_RELAYED_HEADER] = NTM_FRAME_TRANSPORT;
	return NTM_RELAYED_HEADER + inner_len;
}

/* Where a RELAYED frame of class cls goes to; NULL: nowhere. */
static inline const struct ntm_addr *relayed_as(struct world *w, const struct ntm_addr *from,
						uint32_t label, uint8_t cls)
{
	uint8_t frame[NTM_RELAYED_HEADER + 256];
	size_t len = write_relayed(label, frame, INNER_LEN);

	w->out_count = 0;
	frame[1] = cls;
	return relay_input(w->relay, from, frame, len);
}

static inline const struct ntm_addr *relayed(struct world *w, const struct ntm_addr *from,
					     uint32_t label)
{
	return relayed_as(w, from, label, 1);
}

/* Both sides of a flow, bound to these addresses. */
struct pair {
	struct pass pass[2];
	struct ntm_addr addr[2];
	uint32_t label;
};

static inline struct pair pair_of_account(struct world *w, uint32_t account, uint64_t flow,
					  const char *a, const char *b)
{
	struct pair pair = {.addr = {addr_of(a), addr_of(b)}};
	struct ntm_relay_frame bound;

	for (uint8_t side = 0; side < 2; side++) {
		pair.pass[side] = pass_for(w, flow, side);
		pair.pass[side].ticket.account = account;
		seal(w, &pair.pass[side]);
		assert_true(bind_to(w, &pair.pass[side], &pair.addr[side], 1, &bound));
		assert_int_equal(bound.peer_bound, side == 1);
		assert_int_equal(bound.idle_s, NTM_RELAY_IDLE_S);
		assert_true(side == 0 || bound.label == pair.label);
		pair.label = bound.label;
	}
	return pair;
}

static inline struct pair pair_up(struct world *w, uint64_t flow, const char *a, const char *b)
{
	return pair_of_account(w, QUOTA_OWN, flow, a, b);
}

static inline uint64_t drops_of(const struct world *w, enum relay_drop why)
{
	return w->relay->counters.drops[why];
}
