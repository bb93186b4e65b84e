/* SPDX-License-Identifier: BSD-2-Clause */
/* The world of tests of a gateway: real links, in virtual time; its DC, two nodes, and its kernel.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exit_priv.h"

#include "ntm/ippkt.h"

#include <errno.h>

#define WALL_MS  INT64_C(1790000000000)
#define DELAY_MS 5
#define TUN_MAX  32

struct world;

struct party { /* the DC, or a node */
	struct world *w;
	struct ntm_keys keys;
	struct ntm_links *links;
	struct ntm_link *link; /* to the gateway */
	struct ntm_addr addr;
	struct ntm_cert cert;
	bool is_up;
	unsigned downs, in, pongs;
	size_t len; /* of the last packet */
	uint8_t last[NTM_PKT_MAX];
};

struct flight {
	struct flight *next;
	int64_t due_ms;
	struct ntm_addr to, from;
	size_t len;
	uint8_t data[NTM_PKT_MAX];
};

struct world {
	struct ntm_timers timers;
	struct ntm_root root;
	struct party dc, a, b;
	struct ntm_ctl *dc_ctl;
	struct exit_gate *gate;
	struct ntm_keys keys;
	struct ntm_addr addr; /* the gateway's */
	struct flight *first, **last;
	unsigned registers, pings, acks, refusals, revoked_acks;
	uint32_t keepalive_s; /* that the DC gives */
	unsigned host_changes;
	struct exit_net net;
	unsigned tun;
	size_t tun_len;
	uint8_t tun_last[NTM_PKT_MAX];
	uint8_t pairs;
	uint8_t cert_type; /* of the gateway's certificate */
	bool has_ipv6;     /* fd00:1:2::100 in fd00:1:2::/64, beside IPv4's */
};

/* ---- the wire ---- */

static inline void put(struct world *w, const struct ntm_addr *to, const struct ntm_addr *from,
		       const uint8_t *data, size_t len)
{
	struct flight *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->due_ms = w->timers.now_ms + DELAY_MS;
	f->to = *to;
	f->from = *from;
	f->len = len;
	memcpy(f->data, data, len);
	*w->last = f;
	w->last = &f->next;
}

static inline void deliver(struct world *w, const struct flight *f)
{
	struct party *parties[] = {&w->dc, &w->a, &w->b};
	struct ntm_pkt pkt;

	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, f->len), f->data, f->len);
	if (ntm_addr_eq(&f->to, &w->addr))
		exit_gate_udp_input(w->gate, &f->from, &pkt);
	for (size_t i = 0; i < 3; i++)
		if (ntm_addr_eq(&f->to, &parties[i]->addr))
			ntm_links_input(parties[i]->links, &f->from, &pkt);
}

static inline void set_time(struct world *w, int64_t now_ms)
{
	ntm_timers_advance(&w->timers, now_ms, WALL_MS + now_ms);
}

static inline void run(struct world *w, int64_t ms)
{
	int64_t end_ms = w->timers.now_ms + ms;

	for (;;) {
		int64_t next = ntm_timers_next(&w->timers);
		int64_t at_ms = next < 0 ? INT64_MAX : w->timers.now_ms + next;
		struct flight *f = w->first;

		if (f != NULL && f->due_ms <= at_ms) {
			if (f->due_ms > end_ms)
				break;
			set_time(w, f->due_ms);
			w->first = f->next;
			if (w->first == NULL)
				w->last = &w->first;
			deliver(w, f);
			free(f);
		} else {
			if (at_ms > end_ms)
				break;
			set_time(w, at_ms);
			ntm_timers_run(&w->timers);
		}
	}
	set_time(w, end_ms);
}

/* ---- the gateway's world ---- */

static inline void on_udp_send(void *ctx, const struct ntm_addr *to, const uint8_t *data,
			       size_t len)
{
	struct world *w = ctx;

	put(w, to, &w->addr, data, len);
}

static inline void on_tun_write(void *ctx, const uint8_t *pkt, size_t len)
{
	struct world *w = ctx;

	w->tun++;
	w->tun_len = len;
	memcpy(w->tun_last, pkt, len);
}

static inline size_t on_own_addrs(void *ctx, struct ntm_addr *out, size_t cap)
{
	const struct world *w = ctx;

	assert_true(cap > 0);
	out[0] = w->addr;
	return 1;
}

static inline size_t on_host_addrs(void *ctx, struct ntm_ip *out, size_t cap)
{
	const struct world *w = ctx;

	assert_true(cap > 0);
	out[0] = w->addr.ip;
	return 1;
}

static inline void on_host_changed(void *ctx, const struct exit_net *net)
{
	struct world *w = ctx;

	w->host_changes++;
	w->net = *net;
}

/* ---- parties ---- */

static inline void party_send(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	struct party *p = ctx;

	put(p->w, to, &p->addr, data, len);
}

static inline void sign(struct world *w, const struct ntm_cert *cert, struct ntm_cert_blob *blob)
{
	blob->len = (uint16_t)ntm_cert_sign(cert, &w->root, blob->data);
	assert_true(blob->len > 0);
}

static inline int dc_accept(void *ctx, const struct ntm_link_request *req,
			    struct ntm_link_reply *reply)
{
	struct party *p = ctx;

	assert_int_equal(req->purpose, NTM_PURPOSE_NODE);
	assert_memory_equal(req->remote_static, p->w->keys.pub, NTM_KEY_LEN);
	reply->owner = p;
	return 0;
}

static inline void on_register(struct world *w, const struct ntm_msg *req)
{
	struct ntm_msg reply = {.type = NTM_MSG_REGISTERED};
	struct ntm_cert cert = {.type = w->cert_type,
				.serial = 9,
				.not_before_s = WALL_MS / 1000 - 3600,
				.not_after_s = WALL_MS / 1000 + 86400,
				.vip4 = ntm_ip_v4(198, 18, 0, 100)};

	w->registers++;
	assert_int_equal(req->reg.own.count, 1);
	memcpy(cert.key, w->keys.pub, NTM_KEY_LEN);
	strcpy(cert.fqdn, "gw.ntm.example");
	if (w->has_ipv6) {
		assert_int_equal(ntm_ip_parse(&cert.vip6, "fd00:1:2::100"), 0);
		assert_int_equal(ntm_prefix_parse(&reply.registered.prefixes.item[1],
						  "fd00:1:2::/64"),
				 0);
	}
	sign(w, &cert, &reply.registered.cert);
	reply.registered.reflexive = w->addr;
	reply.registered.vip4 = cert.vip4;
	reply.registered.resolver4 = ntm_ip_v4(198, 18, 255, 254);
	reply.registered.lifetime_s = 120;
	reply.registered.keepalive_s = w->keepalive_s;
	reply.registered.vip6 = cert.vip6;
	reply.registered.prefixes.count = w->has_ipv6 ? 2 : 1;
	reply.registered.suffixes.count = 1;
	strcpy(reply.registered.suffixes.item[0], "ntm.example");
	assert_int_equal(ntm_prefix_parse(&reply.registered.prefixes.item[0], "198.18.0.0/16"), 0);
	assert_int_equal(ntm_ctl_reply(w->dc_ctl, req, &reply), 0);
}

static inline void dc_on_request(void *ctx, const struct ntm_msg *req)
{
	struct ntm_msg reply = {.type = NTM_MSG_PONG};
	struct world *w = ctx;

	if (req->type == NTM_MSG_REGISTER) {
		on_register(w, req);
	} else {
		assert_int_equal(req->type, NTM_MSG_PING); /* never a DIRECTION_REQUEST */
		w->pings++;
		memcpy(reply.pong.token, req->ping.token, sizeof(reply.pong.token));
		reply.pong.seen = w->addr;
		assert_int_equal(ntm_ctl_reply(w->dc_ctl, req, &reply), 0);
	}
}

static inline void party_up(void *ctx, struct ntm_link *link, void *owner, bool fresh)
{
	struct party *p = owner;

	(void)ctx;
	(void)fresh;
	p->link = link;
	p->is_up = true;
	if (p == &p->w->dc)
		ntm_ctl_set_link(p->w->dc_ctl, link);
}

static inline void party_down(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why)
{
	struct party *p = owner;

	(void)ctx;
	(void)link;
	(void)why;
	p->is_up = false;
	p->downs++;
}

static inline void party_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	struct party *p = owner;

	(void)ctx;
	(void)link;
	if (p == &p->w->dc) {
		(void)ntm_ctl_input(p->w->dc_ctl, pkt->data, pkt->len);
		return;
	}
	if (pkt->data[0] == NTM_CTL_KIND) {
		struct ntm_msg msg;

		assert_int_equal(ntm_msg_decode(&msg, pkt->data, pkt->len), 0);
		p->pongs += msg.type == NTM_MSG_PONG;
		return;
	}
	p->in++;
	p->len = pkt->len;
	memcpy(p->last, pkt->data, pkt->len);
}

static inline void make_party(struct world *w, struct party *p, uint8_t number)
{
	static const struct ntm_links_ops ops = {
		.send = party_send,
		.accept = dc_accept,
		.up = party_up,
		.down = party_down,
		.input = party_input,
	};
	struct ntm_links_args args = {.ops = &ops,
				      .ctx = p,
				      .keys = &p->keys,
				      .timers = &w->timers};

	p->w = w;
	ntm_keys_make(&p->keys);
	p->addr = (struct ntm_addr){.ip = ntm_ip_v4(192, 0, 2, number), .port = 4330};
	p->links = ntm_links_new(&args);
	assert_non_null(p->links);
	p->cert = (struct ntm_cert){
		.type = NTM_CERT_NODE,
		.serial = number,
		.not_before_s = WALL_MS / 1000 - 3600,
		.not_after_s = WALL_MS / 1000 + 7 * 86400,
		.vip4 = ntm_ip_v4(198, 18, 0, number),
	};
	memcpy(p->cert.key, p->keys.pub, NTM_KEY_LEN);
	snprintf(p->cert.fqdn, sizeof(p->cert.fqdn), "n%d.ntm.example", number);
}

static inline int setup(void **state)
{
	static const struct exit_ops ops = {
		.udp_send = on_udp_send,
		.tun_write = on_tun_write,
		.own_addrs = on_own_addrs,
		.host_addrs = on_host_addrs,
		.host_changed = on_host_changed,
	};
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(ntm_crypto_init(), 0);
	ntm_timers_init(&w->timers);
	set_time(w, 1000);
	w->last = &w->first;
	w->cert_type = NTM_CERT_NODE;
	ntm_root_make(&w->root);
	ntm_keys_make(&w->keys);
	w->addr = (struct ntm_addr){.ip = ntm_ip_v4(203, 0, 113, 5), .port = 4332};
	make_party(w, &w->dc, 1);
	make_party(w, &w->a, 7);
	make_party(w, &w->b, 8);
	const struct ntm_ctl_args ctl = {.timers = &w->timers,
					 .on_request = dc_on_request,
					 .ctx = w};
	w->dc_ctl = ntm_ctl_new(&ctl);
	assert_non_null(w->dc_ctl);
	const struct ntm_addr dc[2] = {w->dc.addr};
	const struct exit_gate_args args = {
		.ops = &ops,
		.ctx = w,
		.timers = &w->timers,
		.keys = &w->keys,
		.fqdn = "gw.ntm.example",
		.domain = "ntm.example",
		.root = w->root.pub,
		.dc_key = w->dc.keys.pub,
		.dc = dc,
		.idle_ms = 600000,
		.link_times = ntm_link_times_default,
	};
	w->gate = exit_gate_new(&args);
	assert_non_null(w->gate);
	assert_int_equal(exit_gate_start(w->gate), 0);
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;
	struct party *parties[] = {&w->dc, &w->a, &w->b};

	exit_gate_free(w->gate);
	ntm_ctl_free(w->dc_ctl);
	for (size_t i = 0; i < 3; i++)
		ntm_links_free(parties[i]->links);
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	while (w->first != NULL) {
		struct flight *f = w->first;

		w->first = f->next;
		free(f);
	}
	free(w);
	return 0;
}

/* ---- the DC directs a node here ---- */

static inline void on_ack(void *arg, int err, const struct ntm_msg *reply)
{
	struct world *w = arg;

	if (err != 0) {
		w->refusals++;
		return;
	}
	w->acks += reply->type == NTM_MSG_ROUTE_ACK;
	w->revoked_acks += reply->type == NTM_MSG_REVOKED;
}

static inline struct ntm_msg direction_of(struct world *w, struct party *p)
{
	struct ntm_msg msg = {.type = NTM_MSG_ROUTE_DIRECTION};
	struct ntm_msg_route_direction *rd = &msg.route_direction;

	rd->pair[0] = ++w->pairs;
	rd->psk[0] = (uint8_t)(0x80 + w->pairs);
	rd->role = NTM_ROLE_ANSWERS;
	rd->reason = NTM_REASON_DATA;
	rd->lifetime_s = 86400;
	rd->candidates.count = 1;
	rd->candidates.item[0] = p->addr;
	sign(w, &p->cert, &rd->peer_cert);
	return msg;
}

static inline void tell(struct world *w, struct ntm_msg *msg)
{
	assert_int_equal(ntm_ctl_request(w->dc_ctl, msg, on_ack, w, NULL), 0);
	run(w, 50);
}

/* The node's side of a direction. */
static inline void connect_by(struct world *w, struct party *p,
			      const struct ntm_msg_route_direction *rd)
{
	const struct ntm_link_args args = {
		.purpose = NTM_PURPOSE_E2E,
		.remote_static = w->keys.pub,
		.pair = rd->pair,
		.psk = rd->psk,
		.owner = p,
		.candidate_count = 1,
		.candidates = &w->addr,
		.initiator = true,
		.multipath = true,
	};

	if (p->link != NULL)
		ntm_link_free(p->link);
	assert_int_equal(ntm_link_open(p->links, &args, &p->link), 0);
	run(w, 100);
}

static inline void direct(struct world *w, struct party *p)
{
	struct ntm_msg msg = direction_of(w, p);
	unsigned acks = w->acks;

	tell(w, &msg);
	assert_int_equal(w->acks, acks + 1);
	connect_by(w, p, &msg.route_direction);
	assert_true(p->is_up);
}

/* A direction that must not work. */
static inline void assert_refused(struct world *w, struct ntm_msg *msg)
{
	unsigned acks = w->acks;
	uint64_t refused = w->gate->counters.directions_refused;

	tell(w, msg);
	assert_int_equal(w->acks, acks);
	assert_true(w->gate->counters.directions_refused > refused);
	assert_int_equal(w->gate->peer_count, 0);
}

/* ---- packets ---- */

static inline struct ntm_ip ip_of(const char *text)
{
	struct ntm_ip ip;

	assert_int_equal(ntm_ip_parse(&ip, text), 0);
	return ip;
}

static inline void make_packet(struct ntm_pkt *pkt, const char *src, const char *dst, size_t len)
{
	static const uint8_t payload[1400] = {0x80};
	const struct ntm_addr from = {.ip = ip_of(src), .port = 5060};
	const struct ntm_addr to = {.ip = ip_of(dst), .port = 5060};

	ntm_pkt_reset(pkt);
	size_t made = ntm_ippkt_build_udp(pkt->data, 1500, &from, &to, payload, len);
	assert_true(made > 0);
	ntm_pkt_put(pkt, made);
}

static inline void node_sends(struct party *p, const char *src, const char *dst)
{
	struct ntm_pkt pkt;

	make_packet(&pkt, src, dst, 100);
	assert_int_equal(ntm_link_send(p->link, &pkt, 0), 0);
	run(p->w, 20);
}

static inline void kernel_sends(struct world *w, const char *src, const char *dst, size_t len)
{
	struct ntm_pkt pkt;

	make_packet(&pkt, src, dst, len);
	exit_gate_tun_input(w->gate, &pkt);
	run(w, 20);
}
