/* SPDX-License-Identifier: BSD-2-Clause */
/* A gateway with real links, in virtual time; the test is its DC, two nodes, and its kernel. */
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
	unsigned registers, acks, refusals, revoked_acks;
	unsigned host_changes;
	struct exit_net net;
	unsigned tun;
	size_t tun_len;
	uint8_t tun_last[NTM_PKT_MAX];
	uint8_t pairs;
	uint8_t cert_type; /* of the gateway's certificate */
};

/* ---- the wire ---- */

static void put(struct world *w, const struct ntm_addr *to, const struct ntm_addr *from,
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

static void deliver(struct world *w, const struct flight *f)
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

static void set_time(struct world *w, int64_t now_ms)
{
	ntm_timers_advance(&w->timers, now_ms, WALL_MS + now_ms);
}

static void run(struct world *w, int64_t ms)
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

static void on_udp_send(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	struct world *w = ctx;

	put(w, to, &w->addr, data, len);
}

static void on_tun_write(void *ctx, const uint8_t *pkt, size_t len)
{
	struct world *w = ctx;

	w->tun++;
	w->tun_len = len;
	memcpy(w->tun_last, pkt, len);
}

static size_t on_own_addrs(void *ctx, struct ntm_addr *out, size_t cap)
{
	const struct world *w = ctx;

	assert_true(cap > 0);
	out[0] = w->addr;
	return 1;
}

static size_t on_host_addrs(void *ctx, struct ntm_ip *out, size_t cap)
{
	const struct world *w = ctx;

	assert_true(cap > 0);
	out[0] = w->addr.ip;
	return 1;
}

static void on_host_changed(void *ctx, const struct exit_net *net)
{
	struct world *w = ctx;

	w->host_changes++;
	w->net = *net;
}

/* ---- parties ---- */

static void party_send(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	struct party *p = ctx;

	put(p->w, to, &p->addr, data, len);
}

static void sign(struct world *w, const struct ntm_cert *cert, struct ntm_cert_blob *blob)
{
	blob->len = (uint16_t)ntm_cert_sign(cert, &w->root, blob->data);
	assert_true(blob->len > 0);
}

static int dc_accept(void *ctx, const struct ntm_link_request *req, struct ntm_link_reply *reply)
{
	struct party *p = ctx;

	assert_int_equal(req->purpose, NTM_PURPOSE_NODE);
	assert_memory_equal(req->remote_static, p->w->keys.pub, NTM_KEY_LEN);
	reply->owner = p;
	return 0;
}

static void on_register(struct world *w, const struct ntm_msg *req)
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
	sign(w, &cert, &reply.registered.cert);
	reply.registered.reflexive = w->addr;
	reply.registered.vip4 = cert.vip4;
	reply.registered.resolver4 = ntm_ip_v4(198, 18, 255, 254);
	reply.registered.lifetime_s = 120;
	reply.registered.prefixes.count = 1;
	reply.registered.suffixes.count = 1;
	strcpy(reply.registered.suffixes.item[0], "ntm.example");
	assert_int_equal(ntm_prefix_parse(&reply.registered.prefixes.item[0], "198.18.0.0/16"), 0);
	assert_int_equal(ntm_ctl_reply(w->dc_ctl, req, &reply), 0);
}

static void dc_on_request(void *ctx, const struct ntm_msg *req)
{
	struct ntm_msg reply = {.type = NTM_MSG_PONG};
	struct world *w = ctx;

	if (req->type == NTM_MSG_REGISTER) {
		on_register(w, req);
	} else {
		assert_int_equal(req->type, NTM_MSG_PING); /* never a DIRECTION_REQUEST */
		memcpy(reply.pong.token, req->ping.token, sizeof(reply.pong.token));
		reply.pong.seen = w->addr;
		assert_int_equal(ntm_ctl_reply(w->dc_ctl, req, &reply), 0);
	}
}

static void party_up(void *ctx, struct ntm_link *link, void *owner, bool fresh)
{
	struct party *p = owner;

	(void)ctx;
	(void)fresh;
	p->link = link;
	p->is_up = true;
	if (p == &p->w->dc)
		ntm_ctl_set_link(p->w->dc_ctl, link);
}

static void party_down(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why)
{
	struct party *p = owner;

	(void)ctx;
	(void)link;
	(void)why;
	p->is_up = false;
	p->downs++;
}

static void party_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
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

static void make_party(struct world *w, struct party *p, uint8_t number)
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

static int setup(void **state)
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

static int teardown(void **state)
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

static void on_ack(void *arg, int err, const struct ntm_msg *reply)
{
	struct world *w = arg;

	if (err != 0) {
		w->refusals++;
		return;
	}
	w->acks += reply->type == NTM_MSG_ROUTE_ACK;
	w->revoked_acks += reply->type == NTM_MSG_REVOKED;
}

static struct ntm_msg direction_of(struct world *w, struct party *p)
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

static void tell(struct world *w, struct ntm_msg *msg)
{
	assert_int_equal(ntm_ctl_request(w->dc_ctl, msg, on_ack, w, NULL), 0);
	run(w, 50);
}

/* The node's side of a direction. */
static void connect_by(struct world *w, struct party *p, const struct ntm_msg_route_direction *rd)
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

static void direct(struct world *w, struct party *p)
{
	struct ntm_msg msg = direction_of(w, p);
	unsigned acks = w->acks;

	tell(w, &msg);
	assert_int_equal(w->acks, acks + 1);
	connect_by(w, p, &msg.route_direction);
	assert_true(p->is_up);
}

/* A direction that must not work. */
static void assert_refused(struct world *w, struct ntm_msg *msg)
{
	unsigned acks = w->acks;
	uint64_t refused = w->gate->counters.directions_refused;

	tell(w, msg);
	assert_int_equal(w->acks, acks);
	assert_true(w->gate->counters.directions_refused > refused);
	assert_int_equal(w->gate->peer_count, 0);
}

/* ---- packets ---- */

static struct ntm_ip ip_of(const char *text)
{
	struct ntm_ip ip;

	assert_int_equal(ntm_ip_parse(&ip, text), 0);
	return ip;
}

static void make_packet(struct ntm_pkt *pkt, const char *src, const char *dst, size_t len)
{
	static const uint8_t payload[1400] = {0x80};
	const struct ntm_addr from = {.ip = ip_of(src), .port = 5060};
	const struct ntm_addr to = {.ip = ip_of(dst), .port = 5060};

	ntm_pkt_reset(pkt);
	size_t made = ntm_ippkt_build_udp(pkt->data, 1500, &from, &to, payload, len);
	assert_true(made > 0);
	ntm_pkt_put(pkt, made);
}

static void node_sends(struct party *p, const char *src, const char *dst)
{
	struct ntm_pkt pkt;

	make_packet(&pkt, src, dst, 100);
	assert_int_equal(ntm_link_send(p->link, &pkt, 0), 0);
	run(p->w, 20);
}

static void kernel_sends(struct world *w, const char *src, const char *dst, size_t len)
{
	struct ntm_pkt pkt;

	make_packet(&pkt, src, dst, len);
	exit_gate_tun_input(w->gate, &pkt);
	run(w, 20);
}

/* ---- the DC ---- */

static void it_registers_as_a_node_and_sets_the_host_up(void **state)
{
	struct world *w = *state;

	run(w, 100);
	assert_int_equal(w->registers, 1);
	assert_int_equal(w->host_changes, 1);
	assert_int_equal(w->net.prefixes.count, 1);
	assert_true(ntm_ip_eq(&w->net.vip4, &(struct ntm_ip){.family = 4, .b = {198, 18, 0, 100}}));
	/* Again in time, and nothing is new then. */
	run(w, 70000);
	assert_true(w->registers >= 2);
	assert_int_equal(w->host_changes, 1);
}

static void without_a_nodes_certificate_nothing_is_set_up(void **state)
{
	struct world *w = *state;

	w->cert_type = NTM_CERT_RELAY;
	run(w, 100);
	assert_int_equal(w->registers, 1);
	assert_int_equal(w->host_changes, 0);
	assert_false(w->gate->dc.registered);
	/* And nobody can come. */
	struct ntm_msg msg = direction_of(w, &w->a);
	assert_refused(w, &msg);
}

static void it_registers_again_when_its_addresses_change(void **state)
{
	struct world *w = *state;

	run(w, 100);
	exit_gate_addrs_changed(w->gate);
	run(w, 100);
	assert_int_equal(w->registers, 1);
	w->addr.ip = ntm_ip_v4(203, 0, 113, 6);
	exit_gate_addrs_changed(w->gate);
	run(w, 100);
	assert_int_equal(w->registers, 2);
}

/* ---- packets ---- */

static void packets_go_out_and_answers_come_back(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	node_sends(&w->a, "198.18.0.7", "198.51.100.1");
	assert_int_equal(w->tun, 1);
	assert_int_equal(w->tun_len, 128); /* without padding */
	kernel_sends(w, "198.51.100.1", "198.18.0.7", 100);
	assert_int_equal(w->a.in, 1);
	assert_memory_equal(w->a.last + 12, "\xc6\x33\x64\x01\xc6\x12\x00\x07", 8);
	assert_int_equal(w->gate->peers->packets_out, 1);
	assert_int_equal(w->gate->peers->packets_in, 1);
}

static void a_node_speaks_as_itself_only(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	direct(w, &w->b);
	node_sends(&w->a, "198.18.0.8", "198.51.100.1"); /* b's */
	node_sends(&w->a, "192.0.2.7", "198.51.100.1");
	node_sends(&w->a, "2001:db8::7", "2001:db8::1"); /* it has no such address */
	assert_int_equal(w->tun, 0);
	assert_int_equal(w->gate->counters.spoofed, 3);
	/* Nor do answers go astray. */
	kernel_sends(w, "198.51.100.1", "198.18.0.8", 100);
	assert_int_equal(w->a.in, 0);
	assert_int_equal(w->b.in, 1);
	kernel_sends(w, "198.51.100.1", "198.18.0.9", 100);
	assert_int_equal(w->gate->counters.no_tunnel, 1);
	kernel_sends(w, "198.18.0.8", "198.18.0.7", 100);
	assert_int_equal(w->a.in, 0);
}

static void what_is_not_allowed_is_refused_with_icmp(void **state)
{
	static const char *const nowhere[] = {"198.18.0.8",      "203.0.113.5", "127.0.0.1",
					      "169.254.169.254", "10.1.2.3",    "224.0.0.1"};
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	for (size_t i = 0; i < 6; i++)
		node_sends(&w->a, "198.18.0.7", nowhere[i]);
	assert_int_equal(w->tun, 0);
	assert_int_equal(w->a.in, 5);                               /* not about multicast */
	assert_memory_equal(w->a.last + 12, "\xc6\x12\x00\x64", 4); /* from the gateway's VIP */
	assert_int_equal(w->a.last[20], 3);
	assert_int_equal(w->a.last[21], 13);
	assert_int_equal(w->gate->counters.verdicts[EXIT_VIRTUAL], 1);
	assert_int_equal(w->gate->counters.verdicts[EXIT_OWN], 1);
	assert_int_equal(w->gate->counters.verdicts[EXIT_UNUSABLE], 3);
	assert_int_equal(w->gate->counters.verdicts[EXIT_PRIVATE], 1);
}

static void large_packets_come_in_parts(void **state)
{
	struct world *w = *state;
	struct ntm_pkt whole, out;
	struct ntm_frag part = {.id = 5};

	run(w, 100);
	direct(w, &w->a);
	make_packet(&whole, "198.18.0.7", "198.51.100.1", 1372);
	part.count = (uint8_t)ntm_frag_count(whole.len, NTM_LINK_ROOM_MIN);
	assert_int_equal(part.count, 2);
	for (; part.index < part.count; part.index++) {
		ntm_pkt_reset(&out);
		ntm_frag_cut(&whole, &part, &out);
		assert_int_equal(ntm_link_send(w->a.link, &out, 0), 0);
	}
	run(w, 20);
	assert_int_equal(w->tun, 1);
	assert_int_equal(w->tun_len, 1400);
	/* And go so, before the path is known to take them whole. */
	kernel_sends(w, "198.51.100.1", "198.18.0.7", 1372);
	assert_true(w->a.in >= 1);
	assert_int_equal(w->gate->counters.packets_in, 1);
}

static void pings_inside_the_tunnel_are_answered(void **state)
{
	struct world *w = *state;
	struct ntm_msg ping = {.type = NTM_MSG_PING, .txn = 3};
	struct ntm_pkt pkt;

	run(w, 100);
	direct(w, &w->a);
	ntm_pkt_reset(&pkt);
	ntm_pkt_put(&pkt, ntm_msg_encode(&ping, pkt.data, 200));
	assert_int_equal(ntm_link_send(w->a.link, &pkt, 0), 0);
	run(w, 20);
	assert_int_equal(w->a.pongs, 1);
}

static void garbage_is_counted(void **state)
{
	struct world *w = *state;
	struct ntm_pkt pkt;

	run(w, 100);
	direct(w, &w->a);
	ntm_pkt_reset(&pkt);
	memset(ntm_pkt_put(&pkt, 40), 0x45, 40);
	assert_int_equal(ntm_link_send(w->a.link, &pkt, 0), 0);
	run(w, 20);
	assert_int_equal(w->gate->counters.malformed, 1);
	memset(pkt.base, 0, sizeof(pkt.base));
	ntm_pkt_reset(&pkt);
	ntm_pkt_put(&pkt, 3);
	exit_gate_tun_input(w->gate, &pkt);
	assert_int_equal(w->gate->counters.malformed, 2);
	assert_int_equal(w->tun, 0);
}

/* ---- who may come ---- */

static void only_nodes_of_the_domain_may_come(void **state)
{
	struct world *w = *state;
	struct ntm_root other;
	struct ntm_msg msg;

	run(w, 100);
	w->a.cert.type = NTM_CERT_RELAY;
	w->a.cert.vip4.family = 0;
	memset(&w->a.cert.vip4, 0, sizeof(w->a.cert.vip4));
	msg = direction_of(w, &w->a);
	assert_refused(w, &msg);
	w->a.cert.type = NTM_CERT_NODE;
	w->a.cert.vip4 = ntm_ip_v4(198, 19, 0, 7); /* outside of the prefixes */
	msg = direction_of(w, &w->a);
	assert_refused(w, &msg);
	w->a.cert.vip4 = ntm_ip_v4(198, 18, 0, 100); /* the gateway's */
	msg = direction_of(w, &w->a);
	assert_refused(w, &msg);
	w->a.cert.vip4 = ntm_ip_v4(198, 18, 0, 7);
	strcpy(w->a.cert.fqdn, "a.other.example");
	msg = direction_of(w, &w->a);
	assert_refused(w, &msg);
	strcpy(w->a.cert.fqdn, "n7.ntm.example");
	w->a.cert.not_after_s = WALL_MS / 1000 - 3000; /* longer than clocks may differ */
	msg = direction_of(w, &w->a);
	assert_refused(w, &msg);
	w->a.cert.not_after_s = WALL_MS / 1000 + 86400;
	msg = direction_of(w, &w->a);
	msg.route_direction.peer_domain = msg.route_direction.peer_cert; /* introduced */
	assert_refused(w, &msg);
	other = w->root;
	ntm_root_make(&w->root); /* somebody else's signature */
	msg = direction_of(w, &w->a);
	w->root = other;
	assert_refused(w, &msg);
	direct(w, &w->a);
}

static void a_copy_changes_nothing(void **state)
{
	struct world *w = *state;
	struct ntm_msg msg;

	run(w, 100);
	msg = direction_of(w, &w->a);
	tell(w, &msg);
	tell(w, &msg);
	assert_int_equal(w->acks, 2);
	assert_int_equal(w->gate->peer_count, 1);
	connect_by(w, &w->a, &msg.route_direction);
	struct ntm_link *link = w->gate->peers->link;
	tell(w, &msg);
	assert_ptr_equal(w->gate->peers->link, link);
	assert_null(w->gate->peers->newer);
}

static void a_restarted_node_takes_its_place_again(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	direct(w, &w->a);
	assert_int_equal(w->gate->peer_count, 1);
	assert_null(w->gate->peers->newer);
	node_sends(&w->a, "198.18.0.7", "198.51.100.1");
	assert_int_equal(w->tun, 1);
}

static void a_node_with_a_new_key_replaces_the_old_one(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	w->b.cert.vip4 = w->a.cert.vip4;
	direct(w, &w->b);
	assert_int_equal(w->gate->peer_count, 1);
	assert_int_equal(w->a.downs, 1);
	kernel_sends(w, "198.51.100.1", "198.18.0.7", 100);
	assert_int_equal(w->a.in, 0);
	assert_int_equal(w->b.in, 1);
}

static void nodes_are_bounded(void **state)
{
	struct world *w = *state;
	struct ntm_msg msg;
	const char *words = NULL;

	run(w, 100);
	for (unsigned i = 0; i <= EXIT_PEERS_MAX; i++) {
		w->a.cert.vip4 = ntm_ip_v4(198, 18, (uint8_t)(1 + i / 256), (uint8_t)i);
		ntm_random(w->a.cert.key, sizeof(w->a.cert.key));
		msg = direction_of(w, &w->a);
		memcpy(msg.route_direction.pair + 1, &i, sizeof(i));
		words = exit_peers_direct(w->gate, &msg.route_direction);
		assert_true((words == NULL) == (i < EXIT_PEERS_MAX));
	}
	assert_int_equal(w->gate->peer_count, EXIT_PEERS_MAX);
	/* Who does not come is forgotten. */
	run(w, 60000);
	assert_int_equal(w->gate->peer_count, 0);
}

/* ---- ends ---- */

static void an_idle_tunnel_ends(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	run(w, 590000);
	node_sends(&w->a, "198.18.0.7", "198.51.100.1");
	run(w, 590000);
	assert_int_equal(w->gate->peer_count, 1);
	kernel_sends(w, "198.51.100.1", "198.18.0.7", 100);
	run(w, 590000);
	assert_int_equal(w->gate->peer_count, 1);
	run(w, 20000);
	assert_int_equal(w->gate->peer_count, 0);
	assert_int_equal(w->a.downs, 1);
}

static void a_direction_ends_with_its_lifetime(void **state)
{
	struct world *w = *state;
	struct ntm_msg msg;

	run(w, 100);
	msg = direction_of(w, &w->a);
	msg.route_direction.lifetime_s = 30;
	tell(w, &msg);
	connect_by(w, &w->a, &msg.route_direction);
	run(w, 20000);
	assert_int_equal(w->gate->peer_count, 1);
	run(w, 20000);
	assert_int_equal(w->gate->peer_count, 0);
}

static struct ntm_msg revocation_of(const struct party *p)
{
	struct ntm_msg msg = {.type = NTM_MSG_REVOKED};

	msg.revoked.serial = p->cert.serial;
	memcpy(msg.revoked.key, p->cert.key, NTM_KEY_LEN);
	msg.revoked.vip4 = p->cert.vip4;
	return msg;
}

static void a_revoked_node_goes_and_does_not_come_back(void **state)
{
	struct world *w = *state;
	struct ntm_msg revoked = revocation_of(&w->a), msg;

	run(w, 100);
	direct(w, &w->a);
	tell(w, &revoked);
	assert_int_equal(w->revoked_acks, 1);
	assert_int_equal(w->gate->peer_count, 0);
	run(w, 20);
	assert_int_equal(w->a.downs, 1);
	msg = direction_of(w, &w->a);
	assert_refused(w, &msg);
	direct(w, &w->b);
}

static void stop_tells_everybody(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	direct(w, &w->b);
	exit_gate_stop(w->gate);
	run(w, 50);
	assert_int_equal(w->a.downs, 1);
	assert_int_equal(w->b.downs, 1);
	assert_int_equal(w->dc.downs, 1);
}

static void what_is_shown(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	node_sends(&w->a, "198.18.0.7", "198.51.100.1");
	node_sends(&w->a, "198.18.0.7", "10.0.0.1");
	json_t *status = exit_gate_status_json(w->gate), *peers = exit_gate_peers_json(w->gate);
	assert_int_equal(json_integer_value(json_object_get(status, "nodes")), 1);
	assert_int_equal(json_integer_value(
				 json_object_get(json_object_get(status, "drops"), "to_private")),
			 1);
	const json_t *peer = json_array_get(peers, 0);
	assert_string_equal(json_string_value(json_object_get(peer, "node")), "n7.ntm.example");
	assert_string_equal(json_string_value(json_object_get(peer, "via")), "192.0.2.7:4330");
	assert_int_equal(json_integer_value(json_object_get(peer, "packets_out")), 1);
	json_decref(status);
	json_decref(peers);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_registers_as_a_node_and_sets_the_host_up),
		TEST(without_a_nodes_certificate_nothing_is_set_up),
		TEST(it_registers_again_when_its_addresses_change),
		TEST(packets_go_out_and_answers_come_back),
		TEST(a_node_speaks_as_itself_only),
		TEST(what_is_not_allowed_is_refused_with_icmp),
		TEST(large_packets_come_in_parts),
		TEST(pings_inside_the_tunnel_are_answered),
		TEST(garbage_is_counted),
		TEST(only_nodes_of_the_domain_may_come),
		TEST(a_copy_changes_nothing),
		TEST(a_restarted_node_takes_its_place_again),
		TEST(a_node_with_a_new_key_replaces_the_old_one),
		TEST(nodes_are_bounded),
		TEST(an_idle_tunnel_ends),
		TEST(a_direction_ends_with_its_lifetime),
		TEST(a_revoked_node_goes_and_does_not_come_back),
		TEST(stop_tells_everybody),
		TEST(what_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
