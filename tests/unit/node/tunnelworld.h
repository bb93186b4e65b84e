/* SPDX-License-Identifier: BSD-2-Clause */
/* Two nodes' tunnels and real links, on a wire in virtual time; the test itself is their DC. It
 * stands in for dclink.c. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relaymock.h"
#include "tunnel_priv.h"

#include "ntm/ippkt.h"

#define DELAY_MS  10
#define WALL_MS   INT64_C(1790000000000)
#define ASKS_MAX  2048
#define INNER_MAX 64

struct world;

struct flight {
	struct flight *next;
	int64_t due_ms;
	struct side *to;          /* NULL: a relay */
	struct mock_relay *relay; /* to it */
	struct ntm_addr at, from;
	size_t len;
	uint8_t data[NTM_PKT_MAX];
};

/* A request to the DC. */
struct asked {
	struct ntm_msg msg;
	ntm_ctl_done_fn *done;
	void *arg;
	bool is_open;
};

struct dclink {
	struct asked asks[ASKS_MAX];
	uint32_t count, cancels;
	int err; /* of the next requests */
	unsigned acks;
	struct ntm_msg last_ack;
	int64_t keepalive_ms;
};

struct side {
	struct world *world;
	struct ntm_links *links;
	struct relays *relays;
	struct tunnels *tunnels;
	struct dclink dc;
	struct node_lease lease;
	struct partners partners;
	struct realm realm;
	struct node_settings settings;
	struct ntm_cert cert;
	struct ntm_addr addr;
	bool is_deaf;
	bool is_alone; /* no way to the other side but through relays */

	unsigned icmp, initiations, closes_in, learnt, starvings, frames;
	unsigned astray;              /* frames to where nobody is */
	uint8_t icmp_type, icmp_code; /* of the last one */
	unsigned inner, parts;
	size_t longest; /* plaintext of data */
	size_t last_len;
	uint8_t last[NTM_PKT_MAX]; /* inner packet */
	uint8_t marks[INNER_MAX];  /* last bytes of inner packets, in order */
	uint8_t cls;               /* of the last TRANSPORT sent */
};

struct world {
	struct ntm_timers timers;
	struct ntm_root root;
	struct side a, b;
	struct mock_relay relay[2];
	uint64_t flows; /* made */
	struct flight *first, **last;
	uint8_t pairs; /* made */
};

/* Whoever waits. */
struct waiter {
	struct tunnel_wait wait;
	unsigned calls;
	int err;
	uint8_t code;
	char words[TUNNEL_WORDS];
	const struct tunnel *tunnel;
	int64_t direction_ms;
	struct tunnel_wait *cancels; /* in its function */
};

/* ---- dclink.h, played ---- */

int dclink_request(struct dclink *dc, struct ntm_msg *msg, ntm_ctl_done_fn *done, void *arg,
		   uint32_t *txn)
{
	if (dc->err != 0)
		return dc->err;
	assert_true(dc->count < ASKS_MAX);
	dc->asks[dc->count] = (struct asked){*msg, done, arg, true};
	*txn = dc->count++;
	return 0;
}

void dclink_cancel(struct dclink *dc, uint32_t txn)
{
	assert_true(txn < dc->count);
	dc->cancels += dc->asks[txn].is_open;
	dc->asks[txn].is_open = false;
}

int dclink_reply(struct dclink *dc, const struct ntm_msg *req, struct ntm_msg *reply)
{
	assert_int_equal(req->type, NTM_MSG_ROUTE_DIRECTION);
	dc->acks++;
	dc->last_ack = *reply;
	return 0;
}

int64_t dclink_keepalive_ms(const struct dclink *dc)
{
	return dc->keepalive_ms;
}

static inline struct ntm_msg_direction_request *ask_of(struct side *s, uint32_t n)
{
	assert_true(n < s->dc.count);
	return &s->dc.asks[n].msg.direction_request;
}

static inline void answer(struct side *s, uint32_t n, int err, const struct ntm_msg *reply)
{
	assert_true(n < s->dc.count && s->dc.asks[n].is_open);
	s->dc.asks[n].is_open = false;
	s->dc.asks[n].done(s->dc.asks[n].arg, err, reply);
}

static inline void answer_error(struct side *s, uint32_t n, uint8_t code, const char *words)
{
	struct ntm_msg msg = {.type = NTM_MSG_DIRECTION_ERROR, .is_reply = true};

	msg.direction_error.code = code;
	snprintf(msg.direction_error.words, sizeof(msg.direction_error.words), "%s", words);
	answer(s, n, 0, &msg);
}

/* ---- the wire ---- */

static inline struct side *other_of(struct side *s)
{
	return s == &s->world->a ? &s->world->b : &s->world->a;
}

static inline struct flight *fly(struct world *w, const struct ntm_addr *from,
				 const struct ntm_addr *at, const uint8_t *data, size_t len)
{
	struct flight *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_true(len <= sizeof(f->data));
	f->due_ms = w->timers.now_ms + DELAY_MS;
	f->from = *from;
	f->at = *at;
	f->len = len;
	memcpy(f->data, data, len);
	*w->last = f;
	w->last = &f->next;
	return f;
}

/* The wire itself. */
static inline void on_send_real(void *ctx, const struct ntm_addr *to, const uint8_t *frame,
				size_t len)
{
	struct side *s = ctx;
	struct side *other = other_of(s);
	bool is_astray = !ntm_addr_eq(to, &other->addr);

	for (size_t i = 0; i < 2; i++) {
		if (!mock_relay_is_at(&s->world->relay[i], to))
			continue;
		fly(s->world, &s->addr, to, frame, len)->relay = &s->world->relay[i];
		is_astray = false;
	}
	s->astray += is_astray;
	if (ntm_addr_eq(to, &other->addr) && !other->is_deaf && !s->is_alone)
		fly(s->world, &s->addr, to, frame, len)->to = other;
}

static inline void on_send(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	struct side *s = ctx;

	s->frames++;
	s->initiations += frame[0] == NTM_FRAME_INITIATION;
	if (frame[0] == NTM_FRAME_TRANSPORT)
		s->cls = frame[1];
	if (frame[0] == NTM_FRAME_TRANSPORT && len > s->longest)
		s->longest = len;
	if (ntm_addr_is_relay(to))
		relays_send(s->relays, ntm_addr_relay_number(to), frame, len);
	else
		on_send_real(ctx, to, frame, len);
}

static inline void on_relay_sends(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
				  const uint8_t *data, size_t len)
{
	struct world *w = ctx;

	if (ntm_addr_eq(to, &w->a.addr))
		fly(w, from, to, data, len)->to = &w->a;
	else if (ntm_addr_eq(to, &w->b.addr))
		fly(w, from, to, data, len)->to = &w->b;
}

static inline void deliver(struct side *to, const struct ntm_addr *from, const uint8_t *data,
			   size_t len)
{
	struct ntm_pkt pkt;

	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, len), data, len);
	if (ntm_is_relay_frame(data, len))
		relays_input(to->relays, from, &pkt);
	else
		ntm_links_input(to->links, from, &pkt);
}

static inline void set_time(struct world *w, int64_t now_ms)
{
	ntm_timers_advance(&w->timers, now_ms, WALL_MS + now_ms);
}

static inline void deliver_first(struct world *w)
{
	struct flight *f = w->first;

	w->first = f->next;
	if (w->first == NULL)
		w->last = &w->first;
	if (f->relay != NULL)
		mock_relay_input(f->relay, &f->at, &f->from, f->data, f->len);
	else if (!f->to->is_deaf)
		deliver(f->to, &f->from, f->data, f->len);
	free(f);
}

static inline void run(struct world *w, int64_t ms)
{
	int64_t end_ms = w->timers.now_ms + ms;

	for (;;) {
		int64_t next = ntm_timers_next(&w->timers);
		int64_t at_ms = next < 0 ? INT64_MAX : w->timers.now_ms + next;
		bool is_packet = w->first != NULL && w->first->due_ms <= at_ms;

		if (is_packet)
			at_ms = w->first->due_ms;
		if (at_ms > end_ms)
			break;
		set_time(w, at_ms);
		if (is_packet)
			deliver_first(w);
		else
			ntm_timers_run(&w->timers);
	}
	set_time(w, end_ms);
}

/* ---- what a node does with the facts of its links ---- */

static inline void on_up(void *ctx, struct ntm_link *link, void *owner, bool fresh)
{
	(void)ctx;
	(void)fresh;
	tunnel_on_up(owner, link);
}

static inline void on_down(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why)
{
	struct side *s = ctx;

	s->closes_in += why == NTM_DOWN_CLOSED;
	tunnel_on_down(owner, link, why);
}

static inline void on_moved(void *ctx, struct ntm_link *link, void *owner,
			    const struct ntm_addr *to)
{
	(void)ctx;
	(void)to;
	tunnel_on_moved(owner, link);
}

static inline void on_starved(void *ctx, struct ntm_link *link, void *owner)
{
	struct side *s = ctx;

	s->starvings++;
	tunnel_on_starved(owner, link);
}

static inline void on_relays_input(void *ctx, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	struct side *s = ctx;

	ntm_links_input(s->links, from, pkt);
}

static inline void on_bound(void *ctx, void *owner, uint32_t number, bool peer_bound)
{
	(void)ctx;
	tunnel_on_bound(owner, number, peer_bound);
}

static inline void on_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	struct side *s = ctx;
	struct ntm_ippkt view;

	(void)link;
	s->parts += pkt->data[0] == NTM_FRAG_KIND;
	s->longest = pkt->len > s->longest ? pkt->len : s->longest;
	if (pkt->data[0] == NTM_FRAG_KIND && tunnel_join(owner, pkt) != 1)
		return;
	assert_int_equal(ntm_ippkt_parse(&view, pkt->data, pkt->len), 0);
	assert_true(s->inner < INNER_MAX);
	s->marks[s->inner++] = pkt->data[view.len - 1];
	s->last_len = view.len;
	memcpy(s->last, pkt->data, view.len);
	tunnel_touch(owner);
}

static inline void on_unknown_pair(void *ctx, const uint8_t pair[static NTM_PAIR_LEN],
				   const struct ntm_addr *from, const uint8_t *frame, size_t len)
{
	struct side *s = ctx;

	tunnels_on_unknown_pair(s->tunnels, pair, from, frame, len);
}

static inline void on_tun_write(void *ctx, const uint8_t *pkt, size_t len)
{
	struct side *s = ctx;
	size_t head = (pkt[0] >> 4) == 4 ? 20 : 40;

	assert_true(len > head + 1);
	s->icmp++;
	s->icmp_type = pkt[head];
	s->icmp_code = pkt[head + 1];
}

static inline const char *on_learn(void *ctx, const struct partner *partner)
{
	struct side *s = ctx;

	s->learnt++;
	return partners_put(&s->partners, &s->lease, partner);
}

/* ---- the world ---- */

static inline void sign(struct world *w, const struct ntm_cert *cert, struct ntm_cert_blob *blob)
{
	blob->len = (uint16_t)ntm_cert_sign(cert, &w->root, blob->data);
	assert_true(blob->len > 0);
}

static inline void fill_lease(struct side *s, const char *fqdn, uint8_t number)
{
	struct node_lease *l = &s->lease;

	ntm_keys_make(&l->keys);
	strcpy(l->fqdn, fqdn);
	strcpy(l->domain, "ntm.example");
	memcpy(l->root, s->world->root.pub, sizeof(l->root));
	l->vip4 = ntm_ip_v4(198, 18, 0, number);
	l->vip6 = (struct ntm_ip){.family = 6, .b = {0xfd}};
	l->vip6.b[15] = number;
	l->prefixes.count = 2;
	assert_int_equal(ntm_prefix_parse(&l->prefixes.item[0], "198.18.0.0/16"), 0);
	assert_int_equal(ntm_prefix_parse(&l->prefixes.item[1], "fd00::/64"), 0);
	s->cert = (struct ntm_cert){
		.type = NTM_CERT_NODE,
		.serial = number,
		.not_before_s = WALL_MS / 1000 - 3600,
		.not_after_s = WALL_MS / 1000 + 7 * 86400,
		.vip4 = l->vip4,
		.vip6 = l->vip6,
	};
	memcpy(s->cert.key, l->keys.pub, NTM_KEY_LEN);
	strcpy(s->cert.fqdn, fqdn);
}

static inline void make_side(struct world *w, struct side *s, const char *fqdn, uint8_t number)
{
	static const struct ntm_links_ops ops = {
		.send = on_send,
		.unknown_pair = on_unknown_pair,
		.up = on_up,
		.down = on_down,
		.moved = on_moved,
		.starved = on_starved,
		.input = on_input,
	};

	s->world = w;
	s->addr = (struct ntm_addr){.ip = ntm_ip_v4(192, 0, 2, number), .port = 4330};
	s->settings = (struct node_settings){.idle_ms = 600000};
	fill_lease(s, fqdn, number);
	s->realm = (struct realm){.lease = &s->lease, .partners = &s->partners};
	struct ntm_links_args links = {.ops = &ops,
				       .ctx = s,
				       .keys = &s->lease.keys,
				       .timers = &w->timers};
	s->links = ntm_links_new(&links);
	assert_non_null(s->links);
	struct relays_args relays = {.timers = &w->timers,
				     .send = on_send_real,
				     .input = on_relays_input,
				     .bound = on_bound,
				     .ctx = s};
	s->relays = relays_new(&relays);
	assert_non_null(s->relays);
	struct tunnels_args tunnels = {
		.links = s->links,
		.timers = &w->timers,
		.dclink = &s->dc,
		.relays = s->relays,
		.realm = &s->realm,
		.settings = &s->settings,
		.learn = on_learn,
		.tun_write = on_tun_write,
		.ctx = s,
	};
	s->tunnels = tunnels_new(&tunnels);
	assert_non_null(s->tunnels);
}

static inline struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(ntm_crypto_init(), 0);
	ntm_timers_init(&w->timers);
	set_time(w, 1000);
	w->last = &w->first;
	ntm_root_make(&w->root);
	for (uint8_t i = 0; i < 2; i++) {
		mock_relay_init(&w->relay[i], i + 1);
		w->relay[i].send = on_relay_sends;
		w->relay[i].ctx = w;
	}
	make_side(w, &w->a, "a.ntm.example", 1);
	make_side(w, &w->b, "b.ntm.example", 2);
	return w;
}

static inline void world_free(struct world *w)
{
	tunnels_free(w->a.tunnels);
	tunnels_free(w->b.tunnels);
	ntm_links_free(w->a.links);
	ntm_links_free(w->b.links);
	assert_int_equal(relays_count(w->a.relays), 0);
	assert_int_equal(relays_count(w->b.relays), 0);
	relays_free(w->a.relays);
	relays_free(w->b.relays);
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	while (w->first != NULL) {
		struct flight *f = w->first;

		w->first = f->next;
		free(f);
	}
	free(w);
}

/* ---- the DC ---- */

/* A direction of its own: pair id and psk. */
static inline struct ntm_msg_route_direction pair_new(struct world *w)
{
	struct ntm_msg_route_direction rd = {.reason = NTM_REASON_NAME,
					     .correlation = 77,
					     .lifetime_s = 86400};

	rd.pair[0] = ++w->pairs;
	rd.psk[0] = (uint8_t)(0x80 + w->pairs);
	return rd;
}

/* What `to` is told of the pair. */
static inline struct ntm_msg told(struct side *to, const struct ntm_msg_route_direction *pair,
				  uint8_t role)
{
	struct side *peer = other_of(to);
	struct ntm_msg msg = {.type = NTM_MSG_ROUTE_DIRECTION, .txn = 5};

	msg.route_direction = *pair;
	msg.route_direction.role = role;
	msg.route_direction.candidates.count = 1;
	msg.route_direction.candidates.item[0] = peer->addr;
	sign(to->world, &peer->cert, &msg.route_direction.peer_cert);
	return msg;
}

/* CN's copy. */
static inline void tell(struct side *to, const struct ntm_msg_route_direction *pair, uint8_t role)
{
	struct ntm_msg msg = told(to, pair, role);

	tunnels_on_route_direction(to->tunnels, &msg);
}

/* Answers ask n of mn, after CN was told. */
static inline void direct(struct side *mn, uint32_t n)
{
	struct ntm_msg_route_direction pair = pair_new(mn->world);
	struct ntm_msg msg = told(mn, &pair, NTM_ROLE_REQUESTS);

	tell(other_of(mn), &pair, NTM_ROLE_ANSWERS);
	msg.is_reply = true;
	answer(mn, n, 0, &msg);
}

/* ---- who wants ---- */

static inline void on_result(void *arg, const struct tunnel_result *result)
{
	struct waiter *waiter = arg;

	waiter->calls++;
	waiter->err = result->err;
	waiter->code = result->code;
	waiter->tunnel = result->tunnel;
	waiter->direction_ms = result->direction_ms;
	snprintf(waiter->words, sizeof(waiter->words), "%s",
		 result->words != NULL ? result->words : "");
	assert_null(waiter->wait.tunnel);
	if (waiter->cancels != NULL)
		tunnel_wait_cancel(waiter->cancels);
}

static inline int want_name(struct side *s, const char *fqdn, struct waiter *waiter)
{
	struct tunnel_target target = {.fqdn = fqdn};

	if (waiter != NULL)
		*waiter = (struct waiter){.wait = {.fn = on_result, .arg = waiter}};
	return tunnel_want(s->tunnels, &target, NTM_REASON_NAME,
			   waiter != NULL ? &waiter->wait : NULL, NULL);
}

static inline int want_vip(struct side *s, const struct ntm_ip *vip, struct waiter *waiter)
{
	struct tunnel_target target = {.vip = *vip};

	if (waiter != NULL)
		*waiter = (struct waiter){.wait = {.fn = on_result, .arg = waiter}};
	return tunnel_want(s->tunnels, &target, NTM_REASON_SIP,
			   waiter != NULL ? &waiter->wait : NULL, NULL);
}

static inline enum tunnel_state state_of(struct side *s, const struct ntm_ip *vip)
{
	struct tunnel *tunnel = tunnel_find(s->tunnels, vip);

	return tunnel == NULL ? TUNNEL_IDLE : tunnel_state(tunnel);
}

/* A's tunnel to B is up, a asked by name. */
static inline struct world *world_up(void)
{
	struct world *w = world_new();

	assert_int_equal(want_name(&w->a, w->b.lease.fqdn, NULL), 0);
	direct(&w->a, w->a.dc.count - 1);
	run(w, 100);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	assert_int_equal(state_of(&w->b, &w->a.lease.vip4), TUNNEL_UP);
	return w;
}

/* ---- inner packets ---- */

/* UDP from s to dst: any payload, ending in mark. */
static inline void make_udp(struct side *s, const struct ntm_ip *dst, const uint8_t *payload,
			    size_t len, struct ntm_pkt *pkt)
{
	struct ntm_addr from = {
		.ip = dst->family == 4 ? s->lease.vip4 : s->lease.vip6,
		.port = 5004,
	};
	struct ntm_addr to = {.ip = *dst, .port = 5004};

	ntm_pkt_reset(pkt);
	size_t n = ntm_ippkt_build_udp(pkt->data, ntm_pkt_room(pkt), &from, &to, payload, len);
	assert_true(n > 0);
	ntm_pkt_put(pkt, n);
}

static inline void send_mark(struct side *s, const struct ntm_ip *dst, uint8_t mark)
{
	struct ntm_pkt pkt;

	make_udp(s, dst, &mark, 1, &pkt);
	tunnel_send(s->tunnels, dst, &pkt);
}
