/* SPDX-License-Identifier: BSD-2-Clause */
/* A DC with a store in memory, and nodes driven by hand, on a wire in virtual time; include after
 * cmocka.h. */
#pragma once

#include "dc.h"
#include "store_db.h"
#include "store_help.h"
#include "zone_store.h"

#include "dnsfake.h"

#include "ntm/ctl.h"
#include "ntm/log.h"
#include "ntm/payload.h"
#include "ntm/token.h"

#include <errno.h>

#define CLIENTS   8
#define DELAY_MS  10
#define TOLD_MAX  16
#define VOID_MAX  512
#define LINES_MAX 4096

struct world;

struct flight {
	struct flight *next;
	int64_t due_ms;
	struct ntm_addr from, to;
	size_t len;
	uint8_t data[NTM_PKT_MAX];
};

/* A node or relay, or whoever wants to pass for one. */
struct client {
	struct world *world;
	char name[64];
	struct ntm_keys keys;
	struct ntm_addr addr; /* as others see it */
	struct ntm_addr_list own;
	uint64_t boot_id;
	struct ntm_links *links;
	struct ntm_link *link;
	struct ntm_ctl *ctl;
	bool is_deaf;        /* nothing reaches it */
	bool is_mute;        /* answers no request */
	bool acks_wrongly;   /* ROUTE_ACKs of another pair */
	unsigned mute_count; /* so many requests stay unanswered first */
	bool is_silent;      /* does not register by itself */

	unsigned up, down, answers, registered, pongs, resolved;
	enum ntm_link_down why;
	struct ntm_join_answer answer;
	uint8_t answer_bytes[NTM_HS_PAYLOAD_MAX];
	size_t answer_len;
	struct ntm_msg_registered reg;
	struct ntm_msg_pong pong;
	struct ntm_msg_dns dns;
	/* ROUTE_DIRECTION requests, copies not counted. */
	unsigned told_count, told_copies;
	struct ntm_msg_route_direction told[TOLD_MAX];
	int64_t told_at_ms;
	/* Replies to its own requests. */
	unsigned directed, refused, timeouts;
	struct ntm_msg_route_direction route;
	struct ntm_msg_direction_error error;
	int64_t answered_at_ms;
	uint8_t raw[NTM_PKT_MAX]; /* last DIRECTION reply, as it came */
	size_t raw_len;
	unsigned raw_count;
	unsigned void_count;
	struct ntm_msg_revoked voids[VOID_MAX];
	/* RELAY_RESTARTED. */
	unsigned restarts;
	struct ntm_msg_relay_restarted restart;
	/* As a relay: what it reports, every two seconds; the last reply. */
	bool is_relay;
	struct ntm_msg_relay_register report;
	struct ntm_timer reporter;
	unsigned reported;
	struct ntm_msg_relay_direction relay_direction;
	/* PARTNERS: what the DC told by itself, and the last page that was asked for. */
	unsigned partners_told, pages;
	struct ntm_msg_partners partners, page;
};

struct world {
	struct ntm_timers timers;
	struct store *store;
	struct zone zone;
	struct ntm_root root;
	struct ntm_keys dc_keys;
	struct ntm_addr dc_addr;
	struct dc_settings settings;
	struct dc *dc;
	struct client client[CLIENTS];
	bool has_dns; /* for start_dc */
	struct dnsfake dns;
	/* What is for none of the above (dcforeign.h). */
	void (*land_else)(struct world *w, const struct ntm_addr *from, const struct ntm_addr *to,
			  struct ntm_pkt *pkt);
	void *others;
	struct flight *queue;
	int64_t wall_shift_ms; /* the wall clock was set */
	unsigned from_dc;      /* datagrams */
	bool is_dc_unreachable_to_itself;
	unsigned info_count, line_count;
	char line[LINES_MAX][256];
};

static inline void world_log(enum ntm_log_level level, const char *text, void *arg)
{
	struct world *w = arg;

	w->info_count += level <= NTM_LOG_INFO;
	if (w->line_count < LINES_MAX)
		snprintf(w->line[w->line_count++], sizeof(w->line[0]), "%d %s", (int)level, text);
}

/* Lines from `from` on that have all of the given text. */
static inline unsigned lines_with(const struct world *w, unsigned from, const char *text)
{
	unsigned count = 0;

	for (unsigned i = from; i < w->line_count; i++)
		count += strstr(w->line[i], text) != NULL;
	return count;
}

/* ---- the wire ---- */

static inline void fly(struct world *w, const struct ntm_addr *from, const struct ntm_addr *to,
		       const uint8_t *data, size_t len)
{
	struct flight *f = malloc(sizeof(*f));
	struct flight **at = &w->queue;

	assert_non_null(f);
	assert_true(len <= sizeof(f->data));
	*f = (struct flight){.due_ms = w->timers.now_ms + DELAY_MS, .from = *from, .to = *to};
	f->len = len;
	memcpy(f->data, data, len);
	while (*at)
		at = &(*at)->next;
	*at = f;
}

static inline void dc_sends(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	struct world *w = ctx;

	w->from_dc++;
	fly(w, &w->dc_addr, to, data, len);
}

static inline void client_sends(void *ctx, const struct ntm_addr *to, const uint8_t *data,
				size_t len)
{
	struct client *c = ctx;

	fly(c->world, &c->addr, to, data, len);
}

static inline void land(struct world *w, const struct flight *f)
{
	static struct ntm_pkt pkt;

	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, f->len), f->data, f->len);
	if (ntm_addr_eq(&f->to, &w->dc_addr)) {
		if (w->dc &&
		    !(w->is_dc_unreachable_to_itself && ntm_addr_eq(&f->from, &w->dc_addr)))
			dc_udp_input(w->dc, &f->from, &pkt);
		return;
	}
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *c = &w->client[i];

		if (c->links && !c->is_deaf && ntm_addr_eq(&f->to, &c->addr)) {
			ntm_links_input(c->links, &f->from, &pkt);
			return;
		}
	}
	if (w->land_else)
		w->land_else(w, &f->from, &f->to, &pkt);
}

static inline void set_time(struct world *w, int64_t now_ms)
{
	ntm_timers_advance(&w->timers, now_ms, INT64_C(1000) * NOW + now_ms + w->wall_shift_ms);
}

static inline void run(struct world *w, int64_t ms)
{
	int64_t end_ms = w->timers.now_ms + ms;

	for (;;) {
		int64_t next_ms = ntm_timers_next(&w->timers);
		int64_t at_ms = next_ms < 0 ? INT64_MAX : w->timers.now_ms + next_ms;
		struct flight *f = w->queue;

		if (f && f->due_ms <= at_ms)
			at_ms = f->due_ms;
		if (at_ms > end_ms)
			break;
		set_time(w, at_ms);
		if (f && f->due_ms <= at_ms) {
			w->queue = f->next;
			land(w, f);
			free(f);
		} else {
			ntm_timers_run(&w->timers);
		}
	}
	set_time(w, end_ms);
}

/* ---- nodes ---- */

static inline void on_registered(void *arg, int err, const struct ntm_msg *reply)
{
	struct client *c = arg;

	if (err)
		return;
	c->registered++;
	c->reg = reply->registered;
}

static inline void client_register(struct client *c)
{
	struct ntm_msg msg = {.type = NTM_MSG_REGISTER};

	msg.reg.own = c->own;
	msg.reg.boot_id = c->boot_id;
	assert_int_equal(ntm_ctl_request(c->ctl, &msg, on_registered, c, NULL), 0);
}

static inline void on_relay_direction(void *arg, int err, const struct ntm_msg *reply)
{
	struct client *c = arg;

	if (err)
		return;
	c->reported++;
	c->relay_direction = reply->relay_direction;
}

static inline void client_report(void *arg)
{
	struct client *c = arg;
	struct ntm_msg msg = {.type = NTM_MSG_RELAY_REGISTER, .relay_register = c->report};

	msg.relay_register.own = c->own;
	msg.relay_register.boot_id = c->boot_id;
	ntm_timer_set(&c->world->timers, &c->reporter, 2000);
	if (c->link && ntm_link_state(c->link) == NTM_LINK_UP)
		assert_int_equal(ntm_ctl_request(c->ctl, &msg, on_relay_direction, c, NULL), 0);
}

static inline void client_told(struct client *c, const struct ntm_msg *req)
{
	const struct ntm_msg_route_direction *route = &req->route_direction;
	struct ntm_msg reply = {.type = NTM_MSG_ROUTE_ACK};

	if (c->told_count > 0 &&
	    memcmp(c->told[c->told_count - 1].pair, route->pair, NTM_PAIR_LEN) == 0) {
		c->told_copies++;
	} else {
		assert_true(c->told_count < TOLD_MAX);
		c->told[c->told_count++] = *route;
		c->told_at_ms = c->world->timers.now_ms;
	}
	if (c->is_mute)
		return;
	if (c->mute_count > 0) {
		c->mute_count--;
		return;
	}
	memcpy(reply.route_ack.pair, route->pair, NTM_PAIR_LEN);
	reply.route_ack.pair[0] ^= c->acks_wrongly;
	reply.route_ack.correlation = route->correlation;
	assert_int_equal(ntm_ctl_reply(c->ctl, req, &reply), 0);
}

static inline void client_request(void *ctx, const struct ntm_msg *req)
{
	struct client *c = ctx;
	struct ntm_msg reply = {.type = NTM_MSG_REVOKED};

	if (req->type == NTM_MSG_ROUTE_DIRECTION) {
		client_told(c, req);
	} else if (req->type == NTM_MSG_REVOKED && !c->is_mute) {
		assert_true(c->void_count < VOID_MAX);
		c->voids[c->void_count++] = req->revoked;
		reply.revoked = req->revoked;
		assert_int_equal(ntm_ctl_reply(c->ctl, req, &reply), 0);
	} else if (req->type == NTM_MSG_RELAY_RESTARTED) {
		c->restarts++;
		c->restart = req->relay_restarted;
	} else if (req->type == NTM_MSG_PARTNERS) {
		c->partners_told++;
		c->partners = req->partners;
		reply = *req;
		assert_int_equal(ntm_ctl_reply(c->ctl, req, &reply), 0);
	}
}

static inline void client_up(void *ctx, struct ntm_link *link, void *owner, bool fresh)
{
	struct client *c = ctx;

	(void)link;
	(void)owner;
	(void)fresh;
	c->up++;
	if (c->is_relay)
		client_report(c);
	else if (!c->is_silent)
		client_register(c);
	ntm_ctl_kick(c->ctl, 0);
}

static inline void client_down(void *ctx, struct ntm_link *link, void *owner,
			       enum ntm_link_down why)
{
	struct client *c = ctx;

	(void)link;
	(void)owner;
	c->down++;
	c->why = why;
}

static inline void client_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	struct client *c = ctx;
	uint8_t type = pkt->len > 1 ? pkt->data[1] : 0;

	(void)link;
	(void)owner;
	if ((type == NTM_MSG_ROUTE_DIRECTION || type == NTM_MSG_DIRECTION_ERROR) &&
	    pkt->data[2] == NTM_CTL_REPLY) {
		c->raw_count++;
		c->raw_len = pkt->len;
		memcpy(c->raw, pkt->data, pkt->len);
	}
	assert_int_equal(ntm_ctl_input(c->ctl, pkt->data, pkt->len), 0);
}

static inline void client_answer(void *ctx, struct ntm_link *link, void *owner,
				 const uint8_t *payload, size_t len)
{
	struct client *c = ctx;

	(void)link;
	(void)owner;
	c->answers++;
	c->answer_len = len;
	memcpy(c->answer_bytes, payload, len);
	assert_int_equal(ntm_join_answer_decode(&c->answer, payload, len), 0);
}

/* What a process of a node has; its keys stay. */
static inline void client_boot(struct client *c)
{
	static const struct ntm_links_ops ops = {
		.send = client_sends,
		.up = client_up,
		.down = client_down,
		.input = client_input,
		.answer = client_answer,
	};
	struct ntm_links_args args = {.ops = &ops,
				      .ctx = c,
				      .keys = &c->keys,
				      .timers = &c->world->timers};
	struct ntm_ctl_args ctl = {.timers = &c->world->timers,
				   .on_request = client_request,
				   .ctx = c};

	ntm_timer_del(&c->world->timers, &c->reporter);
	ntm_timer_init(&c->reporter, client_report, c);
	ntm_ctl_free(c->ctl);
	ntm_links_free(c->links);
	c->boot_id++;
	c->link = NULL;
	c->links = ntm_links_new(&args);
	c->ctl = ntm_ctl_new(&ctl);
	assert_non_null(c->links);
	assert_non_null(c->ctl);
}

/* As if an operator had pasted a token. secret: the token's 32 bytes are all this. */
static inline void client_join(struct client *c, uint8_t secret)
{
	struct ntm_join_request req;
	uint8_t payload[NTM_HS_PAYLOAD_MAX];
	struct ntm_link *link;
	struct ntm_link_args args = {.purpose = NTM_PURPOSE_JOIN,
				     .remote_static = c->world->dc_keys.pub,
				     .candidate_count = 1,
				     .candidates = &c->world->dc_addr,
				     .initiator = true,
				     .one_shot = true,
				     .payload = payload};

	memset(req.secret, secret, sizeof(req.secret));
	args.payload_len = ntm_join_request_encode(&req, payload, sizeof(payload));
	assert_true(args.payload_len > 0);
	assert_int_equal(ntm_link_open(c->links, &args, &link), 0);
	run(c->world, 4000);
	ntm_link_free(link);
}

static inline void client_open(struct client *c)
{
	struct ntm_link_args args = {.purpose = c->is_relay ? NTM_PURPOSE_RELAY : NTM_PURPOSE_NODE,
				     .remote_static = c->world->dc_keys.pub,
				     .candidate_count = 1,
				     .candidates = &c->world->dc_addr,
				     .initiator = true,
				     .persistent = true};

	assert_int_equal(ntm_link_open(c->links, &args, &c->link), 0);
	ntm_ctl_set_link(c->ctl, c->link);
}

static inline void put_token(struct world *w, const char *name, uint8_t secret, int64_t expires_s)
{
	struct got got = {0};
	struct ntm_token token = {.expires_s = expires_s};
	struct store_token put = {.expires_s = expires_s};
	struct store_node node;

	assert_int_equal(help_find(w->store, name, &node), 0);
	put.node_id = node.id;
	memset(token.secret, secret, sizeof(token.secret));
	ntm_token_hash(&token, put.hash);
	store_token_put(w->store, &put, got_done, &got);
	assert_int_equal(got.err, 0);
}

/* Where a client is: outside, and "" or its own addresses apart by blanks. */
static inline void client_place(struct client *c, const char *addr, const char *own)
{
	char copy[200], *save = NULL;

	assert_int_equal(ntm_addr_parse(&c->addr, addr, 4330), 0);
	c->own.count = 0;
	strcpy(copy, own);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		assert_int_equal(ntm_addr_parse(&c->own.item[c->own.count++], word, 4330), 0);
}

/* Number i, at 192.0.2.(10 + i), open, with keys; not in the store, not joined. */
static inline struct client *client_new(struct world *w, size_t i, const char *name)
{
	struct client *c = &w->client[i];
	char addr[32];

	c->world = w;
	strcpy(c->name, name);
	ntm_keys_make(&c->keys);
	snprintf(addr, sizeof(addr), "192.0.2.%u", (unsigned)i + 10);
	client_place(c, addr, addr);
	c->boot_id = 100 * (i + 1);
	client_boot(c);
	return c;
}

/* A node of the store that has joined, registered at once. */
static inline struct client *node_new_at(struct world *w, size_t i, const char *name,
					 const char *addr, const char *own)
{
	struct client *c = client_new(w, i, name);

	assert_int_equal(help_add(w->store, name, NULL), 0);
	put_token(w, name, (uint8_t)(i + 1), NOW + 30 * DAY);
	if (addr)
		client_place(c, addr, own);
	client_join(c, (uint8_t)(i + 1));
	assert_int_equal(c->answers, 1);
	client_open(c);
	run(w, 200);
	assert_int_equal(c->registered, 1);
	return c;
}

static inline struct client *node_new(struct world *w, size_t i, const char *name)
{
	return node_new_at(w, i, name, NULL, NULL);
}

/* A relay of the store that has joined, and reports. */
static inline struct client *relay_new_at(struct world *w, size_t i, const char *name,
					  const char *addr, const char *own)
{
	struct client *c = client_new(w, i, name);

	c->is_relay = true;
	c->report = (struct ntm_msg_relay_register){.flows_max = 1000};
	assert_int_equal(help_add_relay(w->store, name, false, NULL), 0);
	put_token(w, name, (uint8_t)(i + 1), NOW + 30 * DAY);
	if (addr)
		client_place(c, addr, own);
	client_join(c, (uint8_t)(i + 1));
	assert_int_equal(c->answers, 1);
	client_open(c);
	run(w, 200);
	assert_int_equal(c->reported, 1);
	return c;
}

static inline struct client *relay_new(struct world *w, size_t i, const char *name)
{
	return relay_new_at(w, i, name, NULL, NULL);
}

/* ---- requests of a node ---- */

static inline void on_directed(void *arg, int err, const struct ntm_msg *reply)
{
	struct client *c = arg;

	if (err) {
		c->timeouts++;
		return;
	}
	c->answered_at_ms = c->world->timers.now_ms;
	if (reply->type == NTM_MSG_ROUTE_DIRECTION) {
		c->directed++;
		c->route = reply->route_direction;
	} else {
		c->refused++;
		c->error = reply->direction_error;
	}
}

/* target: a name, or an address (then SIP says so). */
static inline struct ntm_msg direction_msg(const struct client *c, const char *target,
					   uint64_t correlation)
{
	struct ntm_msg msg = {.type = NTM_MSG_DIRECTION_REQUEST};
	struct ntm_msg_direction_request *req = &msg.direction_request;

	strcpy(req->fqdn_mn, c->name);
	req->correlation = correlation;
	req->reason = NTM_REASON_NAME;
	if (ntm_ip_parse(&req->vip_cn, target) == 0) {
		req->is_sip = true;
		req->reason = NTM_REASON_SIP;
	} else {
		strcpy(req->fqdn_cn, target);
	}
	return msg;
}

static inline uint32_t ask(struct client *c, const char *target, uint64_t correlation)
{
	struct ntm_msg msg = direction_msg(c, target, correlation);
	uint32_t txn;

	assert_int_equal(ntm_ctl_request(c->ctl, &msg, on_directed, c, &txn), 0);
	return txn;
}

/* No query of a table works any more (or again): a full disk, a file that was damaged. */
static inline void break_table(struct world *w, const char *table, bool is_broken)
{
	char sql[80];

	snprintf(sql, sizeof(sql), "ALTER TABLE %s%s RENAME TO %s%s", is_broken ? "" : "no_", table,
		 is_broken ? "no_" : "", table);
	assert_int_equal(sqlite3_exec(w->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* A control message as it is, with its txn: copies, and what no node would say. */
static inline void send_raw(struct client *c, const struct ntm_msg *msg)
{
	static struct ntm_pkt pkt;
	uint8_t plain[NTM_MSG_MAX];
	size_t len = ntm_msg_encode(msg, plain, sizeof(plain));

	assert_true(len > 0);
	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, len), plain, len);
	assert_int_equal(ntm_link_send(c->link, &pkt, 0), 0);
}

/* ---- the world ---- */

static inline int dc_looks_up(void *ctx, const char *name, uint16_t type, ntm_dnsclient_fn *fn,
			      void *arg, uint64_t *id)
{
	struct world *w = ctx;

	return dnsfake_lookup(&w->dns, name, type, fn, arg, id);
}

static inline void dc_looks_up_no_more(void *ctx, uint64_t id)
{
	struct world *w = ctx;

	dnsfake_cancel(&w->dns, id);
}

static inline void start_dc(struct world *w)
{
	struct dc_ops ops = {.udp_send = dc_sends};
	struct dc_args args = {.ops = &ops,
			       .ctx = w,
			       .timers = &w->timers,
			       .settings = &w->settings,
			       .keys = &w->dc_keys,
			       .root = &w->root,
			       .store = w->store,
			       .zone = &w->zone};

	w->dns.timers = &w->timers;
	if (w->has_dns) {
		ops.lookup = dc_looks_up;
		ops.lookup_cancel = dc_looks_up_no_more;
	}
	w->dc = dc_new(&args);
	assert_non_null(w->dc);
}

static inline void stop_dc(struct world *w)
{
	dc_free(w->dc);
	w->dc = NULL;
}

static inline struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct store_config config = help_config(":memory:");
	struct zone_config zone = {.domain = "ntm.example", .port = 4330, .dc_addr_count = 1};

	assert_non_null(w);
	assert_int_equal(ntm_crypto_init(), 0);
	ntm_log_set_sink(world_log, w);
	ntm_log_set_level(NTM_LOG_DEBUG);
	ntm_timers_init(&w->timers);
	set_time(w, 1000);
	w->store = help_open_config(&config);
	zone.prefix4 = config.prefix4;
	zone.prefix6 = config.prefix6;
	zone.lookup = zone_lookup_from_store(w->store);
	assert_int_equal(ntm_addr_parse(&w->dc_addr, "192.0.2.1", 4330), 0);
	zone.dc_addr[0] = w->dc_addr.ip;
	ntm_root_make(&w->root);
	ntm_keys_make(&w->dc_keys);
	memcpy(zone.root, w->root.pub, sizeof(zone.root));
	assert_int_equal(zone_init(&w->zone, &zone), 0);
	w->settings = dc_settings_default;
	strcpy(w->settings.domain, "ntm.example");
	w->settings.prefix4 = config.prefix4;
	w->settings.prefix6 = config.prefix6;
	assert_int_equal(ntm_ip_parse(&w->settings.resolver4, "198.18.255.254"), 0);
	assert_int_equal(ntm_ip_parse(&w->settings.resolver6, "fd00:1:2::ffff"), 0);
	start_dc(w);
	return w;
}

static inline int world_setup(void **state)
{
	*state = world_new();
	return 0;
}

static inline int world_teardown(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < CLIENTS; i++) {
		ntm_timer_del(&w->timers, &w->client[i].reporter);
		ntm_ctl_free(w->client[i].ctl);
		ntm_links_free(w->client[i].links);
	}
	stop_dc(w);
	assert_int_equal(dnsfake_open(&w->dns), 0);
	store_close(w->store);
	assert_int_equal(ntm_timers_next(&w->timers), -1); /* nobody left one behind */
	while (w->queue) {
		struct flight *f = w->queue;

		w->queue = f->next;
		free(f);
	}
	ntm_log_set_sink(NULL, NULL);
	free(w);
	return 0;
}

static inline struct ntm_cert check_cert(const struct world *w, const struct ntm_cert_blob *blob)
{
	struct ntm_cert cert = {.serial = 0};

	assert_int_equal(ntm_cert_check(&cert, blob->data, blob->len, w->root.pub,
					w->timers.wall_ms / 1000),
			 0);
	return cert;
}
