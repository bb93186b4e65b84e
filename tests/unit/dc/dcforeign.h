/* SPDX-License-Identifier: BSD-2-Clause */
/* DCs of other domains, driven by hand, next to a DC with its nodes: the test says what certificate
 * they show, what they answer, and when. Include after cmocka.h. */
#pragma once

#include "dc_priv.h"
#include "dcworld.h"

#define PARTNERS      4
#define PARTNER_ASKED 128

/* A DC of another domain, or whoever wants to pass for one. */
struct partner {
	struct world *world;
	char domain[NTM_NAME_MAX + 1], dc_name[NTM_NAME_MAX + 1];
	struct ntm_keys keys;
	struct ntm_root root;
	struct ntm_addr addr;
	struct ntm_prefix prefix4, prefix6;
	struct ntm_dc_hello hello;
	bool mumbles; /* says nothing that is a hello */
	struct ntm_links *links;
	struct ntm_link *link; /* the session, or its attempt */
	struct ntm_ctl *ctl;
	bool is_deaf, is_mute; /* nothing reaches it; nothing leaves it */
	bool refuses;          /* whoever comes, or is found */

	unsigned up, down, handshakes;
	int64_t first_ms; /* the first datagram came */
	/* INFORMATION_REQUESTs, copies not counted. */
	unsigned asked_count, copies;
	struct ntm_msg asked[PARTNER_ASKED];
	int64_t asked_at_ms;
	/* Replies to its own. */
	unsigned informed, refused, cancelled, raw_count;
	struct ntm_msg_information_response info;
	struct ntm_msg_direction_error error;
	uint8_t raw[2][NTM_PKT_MAX]; /* the last two replies, as they came */
	size_t raw_len[2];
};

struct partners {
	struct partner item[PARTNERS];
};

static inline struct partner *partner_at(struct world *w, size_t i)
{
	struct partners *all = w->others;

	return &all->item[i];
}

/* ---- what it says of itself ---- */

static inline struct ntm_cert partner_body(const struct partner *p, uint8_t type, const char *fqdn)
{
	struct ntm_cert cert = {.type = type,
				.serial = 1,
				.not_before_s = p->world->timers.wall_ms / 1000 - DAY,
				.not_after_s = p->world->timers.wall_ms / 1000 + 90 * DAY};

	snprintf(cert.fqdn, sizeof(cert.fqdn), "%s", fqdn);
	return cert;
}

static inline struct ntm_cert_blob partner_sign(const struct ntm_cert *cert,
						const struct ntm_root *root)
{
	struct ntm_cert_blob blob;

	blob.len = (uint16_t)ntm_cert_sign(cert, root, blob.data);
	assert_true(blob.len > 0);
	return blob;
}

/* Its right hello; a test may change it afterwards. */
static inline void partner_hello(struct partner *p)
{
	struct ntm_cert cert = partner_body(p, NTM_CERT_DC, p->domain);

	memcpy(cert.key, p->keys.pub, sizeof(cert.key));
	cert.prefix4 = p->prefix4;
	cert.prefix6 = p->prefix6;
	memcpy(p->hello.root, p->root.pub, sizeof(p->hello.root));
	p->hello.cert = partner_sign(&cert, &p->root);
}

static inline size_t partner_says(void *ctx, uint8_t out[static NTM_HS_PAYLOAD_MAX])
{
	struct partner *p = ctx;

	if (p->mumbles) {
		memset(out, 0xff, 100);
		return 100;
	}
	return ntm_dc_hello_encode(&p->hello, out, NTM_HS_PAYLOAD_MAX);
}

/* ---- its links ---- */

static inline void partner_sends(void *ctx, const struct ntm_addr *to, const uint8_t *data,
				 size_t len)
{
	struct partner *p = ctx;

	if (!p->is_mute)
		fly(p->world, &p->addr, to, data, len);
}

static inline int partner_accepts(void *ctx, const struct ntm_link_request *req,
				  struct ntm_link_reply *reply)
{
	struct partner *p = ctx;

	(void)req;
	(void)reply;
	return p->refuses ? -EACCES : 0;
}

static inline int partner_verifies(void *ctx, struct ntm_link *link, void *owner,
				   const struct ntm_link_request *req)
{
	struct partner *p = ctx;

	(void)link;
	(void)owner;
	(void)req;
	return p->refuses ? -EACCES : 0;
}

static inline void partner_up(void *ctx, struct ntm_link *link, void *owner, bool fresh)
{
	struct partner *p = ctx;

	(void)owner;
	p->up += fresh;
	p->handshakes++;
	if (p->link != link)
		ntm_link_free(p->link);
	p->link = link;
	ntm_ctl_set_link(p->ctl, link);
	ntm_ctl_kick(p->ctl, 0);
}

static inline void partner_down(void *ctx, struct ntm_link *link, void *owner,
				enum ntm_link_down why)
{
	struct partner *p = ctx;

	(void)owner;
	(void)why;
	p->down++;
	if (p->link == link) {
		p->link = NULL;
		ntm_ctl_set_link(p->ctl, NULL);
	}
	ntm_link_free(link);
}

static inline void partner_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	struct partner *p = ctx;

	(void)link;
	(void)owner;
	if (pkt->len > 2 && pkt->data[2] == NTM_CTL_REPLY) {
		size_t at = p->raw_count++ % 2;

		p->raw_len[at] = pkt->len;
		memcpy(p->raw[at], pkt->data, pkt->len);
	}
	assert_int_equal(ntm_ctl_input(p->ctl, pkt->data, pkt->len), 0);
}

static inline void partner_request(void *ctx, const struct ntm_msg *req)
{
	struct partner *p = ctx;
	struct ntm_msg told = *req;

	if (req->type == NTM_MSG_REVOKED) { /* of nodes that the other domain has ended */
		(void)ntm_ctl_reply(p->ctl, req, &told);
		return;
	}
	assert_int_equal(req->type, NTM_MSG_INFORMATION_REQUEST);
	for (unsigned i = 0; i < p->asked_count; i++)
		if (p->asked[i].txn == req->txn) {
			p->copies++;
			return;
		}
	assert_true(p->asked_count < PARTNER_ASKED);
	p->asked[p->asked_count++] = *req;
	p->asked_at_ms = p->world->timers.now_ms;
}

static inline void partners_land(struct world *w, const struct ntm_addr *from,
				 const struct ntm_addr *to, struct ntm_pkt *pkt)
{
	for (size_t i = 0; i < PARTNERS; i++) {
		struct partner *p = partner_at(w, i);

		if (!p->links || !ntm_addr_eq(to, &p->addr))
			continue;
		if (p->first_ms == 0)
			p->first_ms = w->timers.now_ms;
		if (!p->is_deaf)
			ntm_links_input(p->links, from, pkt);
		return;
	}
}

/* What its process has; also after a crash: its keys stay. */
static inline void partner_boot(struct partner *p)
{
	static const struct ntm_links_ops ops = {
		.send = partner_sends,
		.accept = partner_accepts,
		.hello = partner_says,
		.verify = partner_verifies,
		.up = partner_up,
		.down = partner_down,
		.input = partner_input,
	};
	struct ntm_links_args args = {.ops = &ops,
				      .ctx = p,
				      .keys = &p->keys,
				      .timers = &p->world->timers};
	struct ntm_ctl_args ctl = {.timers = &p->world->timers,
				   .on_request = partner_request,
				   .ctx = p};

	ntm_ctl_free(p->ctl);
	ntm_links_free(p->links);
	p->link = NULL;
	p->links = ntm_links_new(&args);
	p->ctl = ntm_ctl_new(&ctl);
	assert_non_null(p->links);
	assert_non_null(p->ctl);
}

/* Number i: "b.example" is at 203.0.113.(20 + i), its nodes in 10.(20 + i).0.0/16. */
static inline struct partner *partner_new(struct world *w, size_t i, const char *domain)
{
	struct partner *p = partner_at(w, i);
	char text[64];

	p->world = w;
	snprintf(p->domain, sizeof(p->domain), "%s", domain);
	snprintf(p->dc_name, sizeof(p->dc_name), "dc.%s", domain);
	ntm_keys_make(&p->keys);
	ntm_root_make(&p->root);
	snprintf(text, sizeof(text), "203.0.113.%u", (unsigned)i + 20);
	assert_int_equal(ntm_addr_parse(&p->addr, text, 4330), 0);
	snprintf(text, sizeof(text), "10.%u.0.0/16", (unsigned)i + 20);
	assert_int_equal(ntm_prefix_parse(&p->prefix4, text), 0);
	snprintf(text, sizeof(text), "fd00:%u::/48", (unsigned)i + 20);
	assert_int_equal(ntm_prefix_parse(&p->prefix6, text), 0);
	partner_hello(p);
	partner_boot(p);
	return p;
}

static inline void partner_stop(struct partner *p)
{
	ntm_ctl_free(p->ctl);
	ntm_links_free(p->links);
	p->ctl = NULL;
	p->links = NULL;
	p->link = NULL;
}

/* It looks for the DC of the world. */
static inline void partner_open(struct partner *p)
{
	struct ntm_link_args args = {.purpose = NTM_PURPOSE_DC,
				     .candidate_count = 1,
				     .candidates = &p->world->dc_addr,
				     .initiator = true};

	assert_null(p->link);
	assert_int_equal(ntm_link_open(p->links, &args, &p->link), 0);
}

/* ---- pins and names ---- */

static inline struct trust_pin partner_pin(const struct partner *p)
{
	struct trust_pin pin = {.mode = TRUST_PINNED,
				.has_root = true,
				.prefix4 = p->prefix4,
				.prefix6 = p->prefix6,
				.allow_all = true};

	memcpy(pin.domain, p->domain, sizeof(pin.domain));
	memcpy(pin.root, p->root.pub, sizeof(pin.root));
	return pin;
}

static inline void pin_put(struct world *w, const struct trust_pin *pin)
{
	struct got got = {0};

	store_pin_put(w->store, pin, got_done, &got);
	assert_int_equal(got.err, 0);
	assert_int_equal(dc_trust_changed(w->dc), 0);
}

static inline void pin_remove(struct world *w, const char *domain)
{
	struct got got = {0};

	store_pin_remove(w->store, domain, got_done, &got);
	assert_int_equal(got.err, 0);
	assert_int_equal(dc_trust_changed(w->dc), 0);
}

/* The DNS table leads to it, by its name; by address with reverse_to of each node. */
static inline void partner_publish(struct partner *p)
{
	struct dnsfake *dns = &p->world->dns;
	char name[NTM_NAME_MAX + 12], ip[NTM_IP_STR];

	snprintf(name, sizeof(name), "_ntm._udp.%s", p->domain);
	dnsfake_add(dns, name, rr_srv(0, 4330, p->dc_name));
	dnsfake_add(dns, p->dc_name, rr_ip(ntm_ip_str(&p->addr.ip, ip)));
}

static inline void partner_publish_vip(struct partner *p, const char *vip)
{
	struct ntm_ip ip;
	char arpa[NTM_IP_ARPA_STR];

	assert_int_equal(ntm_ip_parse(&ip, vip), 0);
	dnsfake_add(&p->world->dns, ntm_ip_arpa(&ip, arpa), rr_name(NTM_DNS_PTR, p->dc_name));
}

/* New, pinned, in DNS. */
static inline struct partner *partner_trusted(struct world *w, size_t i, const char *domain)
{
	struct partner *p = partner_new(w, i, domain);
	struct trust_pin pin = partner_pin(p);

	pin_put(w, &pin);
	partner_publish(p);
	return p;
}

/* ---- its nodes ---- */

struct partner_node {
	struct ntm_keys keys;
	struct ntm_cert cert;
	struct ntm_cert_blob blob;
	struct ntm_addr reflexive;
	struct ntm_addr_list own;
	bool behind_nat;
};

/* "bob.b.example", 10.20.0.n and fd00:20::n, open, at 203.0.113.(100 + n). */
static inline struct partner_node partner_node(const struct partner *p, const char *fqdn,
					       unsigned n)
{
	struct partner_node node = {.cert = partner_body(p, NTM_CERT_NODE, fqdn)};
	char text[32];

	ntm_keys_make(&node.keys);
	memcpy(node.cert.key, node.keys.pub, sizeof(node.cert.key));
	assert_int_equal(ntm_prefix_nth(&p->prefix4, n, &node.cert.vip4), 0);
	assert_int_equal(ntm_prefix_nth(&p->prefix6, n, &node.cert.vip6), 0);
	node.blob = partner_sign(&node.cert, &p->root);
	snprintf(text, sizeof(text), "203.0.113.%u", n + 100);
	assert_int_equal(ntm_addr_parse(&node.reflexive, text, 4330), 0);
	node.own.count = 1;
	node.own.item[0] = node.reflexive;
	return node;
}

/* The last request is answered with the node. */
static inline struct ntm_msg partner_answer(const struct partner *p,
					    const struct partner_node *node)
{
	struct ntm_msg msg = {.type = NTM_MSG_INFORMATION_RESPONSE};
	struct ntm_msg_information_response *info = &msg.information_response;

	assert_true(p->asked_count > 0);
	memset(info->pair, (int)(0x40 + p->asked_count), sizeof(info->pair));
	memset(info->psk, (int)(0x80 + p->asked_count), sizeof(info->psk));
	info->role = NTM_ROLE_REQUESTS;
	info->correlation = p->asked[p->asked_count - 1].information_request.correlation;
	info->lifetime_s = 3600;
	info->cert = node->blob;
	info->reflexive = node->reflexive;
	info->own = node->own;
	info->behind_nat = node->behind_nat;
	return msg;
}

static inline void partner_reply(struct partner *p, struct ntm_msg *reply)
{
	assert_true(p->asked_count > 0);
	assert_int_equal(ntm_ctl_reply(p->ctl, &p->asked[p->asked_count - 1], reply), 0);
}

static inline void partner_inform(struct partner *p, const struct partner_node *node)
{
	struct ntm_msg msg = partner_answer(p, node);

	partner_reply(p, &msg);
}

static inline void partner_deny(struct partner *p, uint8_t code, const char *words, const char *vip)
{
	struct ntm_msg msg = {.type = NTM_MSG_DIRECTION_ERROR};

	msg.direction_error.code = code;
	snprintf(msg.direction_error.words, sizeof(msg.direction_error.words), "%s", words);
	if (vip)
		assert_int_equal(ntm_ip_parse(&msg.direction_error.vip, vip), 0);
	partner_reply(p, &msg);
}

/* ---- what it asks ---- */

static inline void on_partner_answer(void *arg, int err, const struct ntm_msg *reply)
{
	struct partner *p = arg;

	if (err) {
		p->cancelled++;
	} else if (reply->type == NTM_MSG_INFORMATION_RESPONSE) {
		p->informed++;
		p->info = reply->information_response;
	} else {
		p->refused++;
		p->error = reply->direction_error;
	}
}

/* INFORMATION_REQUEST of node for a target of ours, by name or address. */
static inline struct ntm_msg partner_question(const struct partner_node *node, const char *target,
					      uint64_t correlation)
{
	struct ntm_msg msg = {.type = NTM_MSG_INFORMATION_REQUEST};
	struct ntm_msg_information_request *req = &msg.information_request;

	req->correlation = correlation;
	req->reason = NTM_REASON_NAME;
	if (ntm_ip_parse(&req->vip_cn, target) == 0) {
		req->is_sip = true;
		req->reason = NTM_REASON_SIP;
	} else {
		snprintf(req->fqdn_cn, sizeof(req->fqdn_cn), "%s", target);
	}
	req->cert = node->blob;
	req->reflexive = node->reflexive;
	req->own = node->own;
	req->behind_nat = node->behind_nat;
	return msg;
}

static inline uint32_t partner_send(struct partner *p, struct ntm_msg *msg)
{
	uint32_t txn;

	assert_int_equal(ntm_ctl_request(p->ctl, msg, on_partner_answer, p, &txn), 0);
	return txn;
}

static inline uint32_t partner_ask(struct partner *p, const struct partner_node *node,
				   const char *target, uint64_t correlation)
{
	struct ntm_msg msg = partner_question(node, target, correlation);

	return partner_send(p, &msg);
}

/* ---- the world ---- */

static inline int foreign_setup(void **state)
{
	struct world *w = world_new();

	w->others = calloc(1, sizeof(struct partners));
	assert_non_null(w->others);
	w->land_else = partners_land;
	stop_dc(w);
	w->has_dns = true;
	start_dc(w);
	*state = w;
	return 0;
}

static inline int foreign_teardown(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < PARTNERS; i++)
		partner_stop(partner_at(w, i));
	free(w->others);
	return world_teardown(state);
}

/* The last line of the log with these words; NULL: none. */
static inline const char *line_with(const struct world *w, const char *text)
{
	for (unsigned i = w->line_count; i-- > 0;)
		if (strstr(w->line[i], text) != NULL)
			return w->line[i];
	return NULL;
}

/* ---- a scene ---- */

#define ALICE "alice.ntm.example"
#define BOB   "bob.b.example"

/* A node of ours, the DC of b.example, and its node bob (10.20.0.5, fd00:20::5). */
struct scene {
	struct client *a;
	struct partner *b;
	struct partner_node bob;
	struct foreign *foreign;
};

/* Trusted, and found by DNS. */
static inline struct scene scene_new(struct world *w)
{
	struct scene s = {.a = node_new(w, 0, ALICE), .b = partner_trusted(w, 0, "b.example")};

	s.bob = partner_node(s.b, BOB, 5);
	s.foreign = foreign_by_domain(w->dc, "b.example");
	assert_non_null(s.foreign);
	return s;
}

/* With a session that the other DC has begun. */
static inline struct scene scene_up(struct world *w)
{
	struct scene s = scene_new(w);

	partner_open(s.b);
	run(w, 100);
	assert_int_equal(s.foreign->state, FOREIGN_UP);
	return s;
}

/* Alice asks for bob, and the partner's answer comes. */
static inline void call(struct world *w, struct scene *s)
{
	unsigned directed = s->a->directed, asked = s->b->asked_count;

	run(w, DIRECTION_KEEP_MS + 1); /* what was before is forgotten */
	s->bob = partner_node(s->b, BOB, 5);
	ask(s->a, BOB, 1);
	run(w, 200);
	assert_int_equal(s->b->asked_count, asked + 1);
	partner_inform(s->b, &s->bob);
	run(w, 100);
	assert_int_equal(s->a->directed, directed + 1);
}

static inline void assert_error(const struct ntm_msg_direction_error *error, uint8_t code,
				const char *words)
{
	if (error->code != code || !strstr(error->words, words))
		fail_msg("%u: \"%s\" is not %u: \"%s\"", error->code, error->words, code, words);
}

/* Our node was: so often by now, and the last time so. */
static inline void assert_refused(const struct client *c, unsigned count, uint8_t code,
				  const char *words)
{
	assert_int_equal(c->refused, count);
	assert_int_equal(c->timeouts, 0);
	assert_error(&c->error, code, words);
}
