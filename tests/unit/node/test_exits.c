/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits: destinations, what is learned from DNS, and crypto-routing both ways. It stands in for
 * tunnel.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exits.h"
#include "tunnel.h"

#include "ntm/ippkt.h"

#include <errno.h>

/* ---- tunnel.h, played ---- */

struct tunnel {
	enum tunnel_state state;
	struct ntm_addr via;
};

struct tunnels {
	unsigned sent;
	char name[NTM_NAME_MAX + 1]; /* of the last packet's */
	struct tunnel_wait *wait;
	struct tunnel tunnel;
	bool is_there;
};

void tunnel_send_name(struct tunnels *tunnels, const char *fqdn, struct ntm_pkt *pkt,
		      struct tunnel_wait *wait)
{
	(void)pkt;
	tunnels->sent++;
	strcpy(tunnels->name, fqdn);
	tunnels->wait = wait;
}

void tunnel_wait_cancel(struct tunnel_wait *wait)
{
	wait->tunnel = NULL;
}

struct tunnel *tunnel_find_name(struct tunnels *tunnels, const char *fqdn)
{
	(void)fqdn;
	return tunnels->is_there ? &tunnels->tunnel : NULL;
}

struct ntm_addr tunnel_via(const struct tunnel *tunnel, bool *is_relayed)
{
	(void)is_relayed;
	return tunnel->via;
}

enum tunnel_state tunnel_state(const struct tunnel *tunnel)
{
	return tunnel->state;
}

const char *tunnel_state_name(enum tunnel_state state)
{
	return state == TUNNEL_UP ? "up" : "other";
}

/* ---- the world ---- */

struct world {
	struct ntm_timers timers;
	struct ntm_sip_parser *sip;
	struct ntm_ports ports;
	unsigned written;
	uint8_t mark; /* last byte of the last packet */
	struct node_lease lease;
	struct partners partners;
	struct realm realm;
	struct tunnels tunnels;
	struct exits_conf conf;
	struct exits *exits;
	unsigned changes;
	struct exit_routes routes; /* the last that were told */
};

static char title[] = "gw", other_title[] = "out.b.example";
static char name[] = "Provider.example", other_name[] = "b.example";

static struct ntm_ip ip_of(const char *text)
{
	struct ntm_ip ip;

	assert_int_equal(ntm_ip_parse(&ip, text), 0);
	return ip;
}

static struct ntm_prefix prefix_of(const char *text)
{
	struct ntm_prefix prefix;

	assert_int_equal(ntm_prefix_parse(&prefix, text), 0);
	return prefix;
}

static void on_changed(void *ctx, const struct exit_routes *routes)
{
	struct world *w = ctx;

	w->changes++;
	assert_int_equal(routes->generation, w->routes.generation + 1);
	w->routes = *routes;
}

static void on_tun_write(void *ctx, const uint8_t *pkt, size_t len)
{
	struct world *w = ctx;

	w->written++;
	w->mark = pkt[len - 1];
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	ntm_timers_init(&w->timers);
	ntm_timers_advance(&w->timers, 1000, 1000);
	strcpy(w->lease.domain, "ntm.example");
	w->lease.vip4 = ip_of("198.18.0.7");
	w->lease.prefixes.count = 1;
	w->lease.prefixes.item[0] = prefix_of("198.18.0.0/16");
	w->lease.dc[0].ip = ip_of("203.0.113.9");
	w->realm = (struct realm){.lease = &w->lease, .partners = &w->partners};
	w->conf.count = 2;
	w->conf.item[0].title = title;
	w->conf.item[0].prefixes.count = 2;
	w->conf.item[0].prefixes.item[0] = prefix_of("192.0.2.0/24");
	w->conf.item[0].prefixes.item[1] = prefix_of("2001:db8::/32");
	w->conf.item[0].names.count = 1;
	w->conf.item[0].names.item[0] = name;
	w->conf.item[1].title = other_title;
	w->conf.item[1].names.count = 1;
	w->conf.item[1].names.item[0] = other_name;
	w->conf.item[0].media = true;
	w->sip = ntm_sip_parser_new();
	assert_non_null(w->sip);
	w->ports = (struct ntm_ports){.count = 1, .item = {5060}};
	const struct exits_args args = {.timers = &w->timers,
					.sip = w->sip,
					.sip_ports = &w->ports,
					.tun_write = on_tun_write,
					.conf = &w->conf,
					.realm = &w->realm,
					.tunnels = &w->tunnels,
					.changed = on_changed,
					.ctx = w};
	w->exits = exits_new(&args);
	assert_non_null(w->exits);
	exits_on_realm(w->exits);
	exits_on_routed(w->exits, 1, NULL);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	exits_free(w->exits);
	ntm_sip_parser_free(w->sip);
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	free(w);
	return 0;
}

static void pass(struct world *w, int64_t ms)
{
	int64_t end_ms = w->timers.now_ms + ms;

	while (w->timers.now_ms < end_ms) {
		int64_t next =
			w->timers.now_ms + 60000 < end_ms ? w->timers.now_ms + 60000 : end_ms;

		ntm_timers_advance(&w->timers, next, next);
		ntm_timers_run(&w->timers);
	}
}

static bool send_to(struct world *w, const char *dst)
{
	struct ntm_pkt pkt;
	struct ntm_ip ip = ip_of(dst);

	ntm_pkt_reset(&pkt);
	return exits_send(w->exits, &ip, &pkt);
}

static bool has_route(const struct world *w, const char *text)
{
	const struct ntm_prefix prefix = prefix_of(text);

	return exit_routes_find(&w->routes, &prefix) < w->routes.count;
}

/* A packet that a peer of that name hands us. */
static bool comes(struct world *w, const char *fqdn, const char *src)
{
	struct ntm_ippkt view = {.src = ip_of(src), .dst = w->lease.vip4, .proto = NTM_IPPROTO_UDP};

	return exits_allow(w->exits, fqdn, &view);
}

static int64_t answer_of(struct world *w, const char *qname, uint32_t ttl_s, const char *first,
			 const char *second)
{
	struct ntm_dns_response *response = calloc(1, sizeof(*response));
	const char *texts[] = {first, second};
	int64_t due;

	assert_non_null(response);
	strcpy(response->name, qname);
	for (size_t i = 0; i < 2 && texts[i]; i++) {
		struct ntm_dns_rr *rr = &response->rr[response->count++];

		rr->ip = ip_of(texts[i]);
		rr->type = rr->ip.family == 4 ? NTM_DNS_A : NTM_DNS_AAAA;
		rr->ttl_s = ttl_s;
	}
	due = exits_learn(w->exits, response);
	free(response);
	return due;
}

/* ---- destinations of the configuration ---- */

static void prefixes_lead_to_their_gateway(void **state)
{
	struct world *w = *state;

	assert_int_equal(w->changes, 1);
	assert_int_equal(w->routes.count, 2);
	assert_true(send_to(w, "192.0.2.77"));
	assert_string_equal(w->tunnels.name, "gw.ntm.example");
	assert_true(send_to(w, "2001:db8:1::5"));
	assert_false(send_to(w, "192.0.3.1"));
	assert_false(send_to(w, "198.18.0.9"));
	assert_int_equal(w->tunnels.sent, 2);
}

/* A lease that comes later may forbid what the configuration says. */
static void what_the_realm_has_is_left_out(void **state)
{
	struct world *w = *state;

	w->lease.prefixes.count = 2;
	w->lease.prefixes.item[1] = prefix_of("2001:db8::/32");
	exits_on_realm(w->exits);
	assert_int_equal(w->routes.count, 1);
	assert_false(send_to(w, "2001:db8:1::5"));
	assert_true(send_to(w, "192.0.2.77"));
	/* Virtual prefixes inside it are more specific; and the DC is reached all the same. */
	w->lease.prefixes.item[1] = prefix_of("2001:db8:7::/64");
	w->lease.dc[1].ip = ip_of("192.0.2.1");
	exits_on_realm(w->exits);
	assert_int_equal(w->routes.count, 2);
	assert_true(send_to(w, "2001:db8:1::5"));
	assert_true(send_to(w, "192.0.2.77"));
	w->partners.prefix_count = 1;
	w->partners.prefix[0].prefix = prefix_of("192.0.0.0/16");
	exits_on_realm(w->exits);
	assert_false(send_to(w, "192.0.2.77"));
}

/* As a VPN's default route; names of another exit go there nevertheless. */
static void everything_but_what_is_virtual(void **state)
{
	struct world *w = *state;

	w->conf.item[0].prefixes.item[0] = prefix_of("0.0.0.0/0");
	exits_on_realm(w->exits);
	assert_true(has_route(w, "0.0.0.0/0"));
	assert_true(w->routes.is_weak[0]);
	assert_false(w->routes.is_weak[1]);
	assert_true(send_to(w, "203.0.113.9"));
	assert_string_equal(w->tunnels.name, "gw.ntm.example");
	assert_int_equal(answer_of(w, "provider.example", 60, "198.51.100.4", NULL), 2);
	assert_int_equal(w->routes.count, 2);
	assert_int_equal(answer_of(w, "b.example", 60, "198.51.100.5", NULL), 3);
	assert_true(send_to(w, "198.51.100.5"));
	assert_string_equal(w->tunnels.name, "out.b.example");
	assert_true(comes(w, "gw.ntm.example", "203.0.113.9"));
	assert_false(comes(w, "gw.ntm.example", "198.51.100.5"));
}

static void nothing_without_a_configuration(void **state)
{
	struct world *w = *state;
	struct exits_args args = {.timers = &w->timers,
				  .realm = &w->realm,
				  .tunnels = &w->tunnels,
				  .changed = on_changed,
				  .ctx = w};
	struct exits *none = exits_new(&args);
	struct ntm_ip ip = ip_of("192.0.2.77");
	struct ntm_pkt pkt;

	assert_non_null(none);
	exits_on_realm(none);
	assert_int_equal(w->changes, 1); /* of the other one */
	ntm_pkt_reset(&pkt);
	assert_false(exits_send(none, &ip, &pkt));
	exits_free(none);
}

/* ---- crypto-routing ---- */

static void only_its_gateway_speaks_for_a_destination(void **state)
{
	struct world *w = *state;

	assert_true(comes(w, "gw.ntm.example", "192.0.2.77"));
	assert_false(comes(w, "out.b.example", "192.0.2.77"));
	assert_false(comes(w, "c.ntm.example", "192.0.2.77"));
	assert_false(comes(w, "gw.ntm.example", "192.0.3.1"));
	assert_false(comes(w, "", "192.0.2.77"));
	assert_int_equal(answer_of(w, "b.example", 60, "198.51.100.5", NULL), 2);
	assert_true(comes(w, "out.b.example", "198.51.100.5"));
	assert_false(comes(w, "gw.ntm.example", "198.51.100.5"));
}

static bool error_comes(struct world *w, const char *fqdn, const char *router, uint8_t type,
			const char *about)
{
	uint8_t l4[8 + 28] = {type};
	struct ntm_ippkt view = {.src = ip_of(router),
				 .dst = w->lease.vip4,
				 .proto = NTM_IPPROTO_ICMP,
				 .l4 = l4,
				 .l4_len = sizeof(l4)};

	l4[8] = 0x45;
	memcpy(l4 + 8 + 16, ip_of(about).b, 4);
	return exits_allow(w->exits, fqdn, &view);
}

static void routers_may_speak_of_packets_to_a_destination(void **state)
{
	struct world *w = *state;

	assert_true(error_comes(w, "gw.ntm.example", "203.0.113.1", 3, "192.0.2.77"));
	assert_true(error_comes(w, "gw.ntm.example", "203.0.113.1", 11, "192.0.2.77"));
	assert_false(error_comes(w, "gw.ntm.example", "203.0.113.1", 3, "192.0.3.77"));
	assert_false(error_comes(w, "out.b.example", "203.0.113.1", 3, "192.0.2.77"));
	assert_false(error_comes(w, "gw.ntm.example", "203.0.113.1", 5, "192.0.2.77"));
	assert_false(error_comes(w, "gw.ntm.example", "198.18.0.9", 3, "192.0.2.77"));
}

/* ---- learning ---- */

static void answers_of_listed_names_become_routes(void **state)
{
	struct world *w = *state;

	assert_int_equal(answer_of(w, "sip.provider.example", 60, "198.51.100.5", "2001:db9::5"),
			 2);
	assert_int_equal(w->routes.count, 4);
	assert_true(has_route(w, "198.51.100.5/32"));
	assert_true(has_route(w, "2001:db9::5/128"));
	assert_true(send_to(w, "198.51.100.5"));
	assert_string_equal(w->tunnels.name, "gw.ntm.example");
	/* Another query for it meanwhile waits for the same routes. */
	assert_int_equal(answer_of(w, "provider.example", 60, "198.51.100.5", NULL), 2);
	exits_on_routed(w->exits, 2, NULL);
	assert_int_equal(answer_of(w, "provider.example", 60, "198.51.100.5", NULL), 0);
	assert_int_equal(w->changes, 2);
}

static void other_answers_change_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(answer_of(w, "www.example", 60, "198.51.100.5", NULL), 0);
	assert_int_equal(answer_of(w, "notprovider.example", 60, "198.51.100.5", NULL), 0);
	assert_int_equal(answer_of(w, "provider.example", 60, NULL, NULL), 0);
	/* In a prefix that leads there already. */
	assert_int_equal(answer_of(w, "provider.example", 60, "192.0.2.5", NULL), 0);
	/* What is virtual, or nowhere. */
	assert_int_equal(answer_of(w, "provider.example", 60, "198.18.3.3", "127.0.0.1"), 0);
	assert_int_equal(w->changes, 1);
	assert_false(send_to(w, "198.18.3.3"));
}

static void routes_that_fail_hold_the_answer_back(void **state)
{
	struct world *w = *state;

	assert_int_equal(answer_of(w, "provider.example", 60, "198.51.100.5", NULL), 2);
	exits_on_routed(w->exits, 2, "no such device");
	assert_int_equal(answer_of(w, "provider.example", 60, "198.51.100.5", NULL), 2);
	json_t *json = exits_json(w->exits);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json, 0), "words")),
			    "no such device");
	json_decref(json);
}

static void unused_addresses_are_forgotten_after_ttl_and_grace(void **state)
{
	struct world *w = *state;

	answer_of(w, "provider.example", 600, "198.51.100.5", NULL);
	answer_of(w, "provider.example", 600, "198.51.100.6", NULL);
	pass(w, 600000 + EXITS_GRACE_MS - 120000);
	assert_true(send_to(w, "198.51.100.6"));
	assert_int_equal(w->changes, 3);
	pass(w, 240000);
	assert_int_equal(w->changes, 4);
	assert_false(send_to(w, "198.51.100.5"));
	pass(w, EXITS_GRACE_MS - 360000);
	assert_true(send_to(w, "198.51.100.6"));
	pass(w, EXITS_GRACE_MS + 120000);
	assert_false(send_to(w, "198.51.100.6"));
	assert_int_equal(w->routes.count, 2);
}

static void what_comes_back_counts_as_use(void **state)
{
	struct world *w = *state;

	answer_of(w, "provider.example", 0, "198.51.100.5", NULL);
	pass(w, EXITS_GRACE_MS - 120000);
	assert_false(comes(w, "out.b.example", "198.51.100.5")); /* nobody else's */
	assert_true(comes(w, "gw.ntm.example", "198.51.100.5"));
	pass(w, EXITS_GRACE_MS - 120000);
	assert_true(send_to(w, "198.51.100.5"));
}

static void addresses_are_bounded(void **state)
{
	struct world *w = *state;
	char text[NTM_IP_STR];

	for (int i = 0; i < EXITS_LEARNED; i++) {
		snprintf(text, sizeof(text), "198.51.100.%d", i);
		assert_true(answer_of(w, "provider.example", 60, text, NULL) > 0);
	}
	assert_int_equal(answer_of(w, "provider.example", 60, "203.0.113.77", NULL), -ENOSPC);
	assert_false(send_to(w, "203.0.113.77"));
	/* What was not used for a while makes room. */
	pass(w, EXITS_BUSY_MS);
	for (int i = 0; i < EXITS_LEARNED; i++) {
		snprintf(text, sizeof(text), "198.51.100.%d", i);
		if (i != 33)
			assert_true(send_to(w, text));
	}
	assert_true(answer_of(w, "provider.example", 60, "203.0.113.77", NULL) > 0);
	assert_true(send_to(w, "203.0.113.77"));
	assert_false(send_to(w, "198.51.100.33"));
	assert_int_equal(w->routes.count, 2 + EXITS_LEARNED);
}

/* ---- media ---- */

/* A 200 OK that comes from src; whether it is held. Ends with the mark. */
static bool sip_comes(struct world *w, const char *src, const char *media, uint16_t port, char mark)
{
	const struct ntm_addr from = {.ip = ip_of(src), .port = port};
	const struct ntm_addr to = {.ip = w->lease.vip4, .port = port};
	struct ntm_ippkt view;
	struct ntm_pkt pkt;
	char text[1000], body[300];

	snprintf(body, sizeof(body),
		 "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
		 "m=audio 30000 RTP/AVP 0\r\na=x:%c",
		 media, mark);
	int len = snprintf(text, sizeof(text),
			   "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 198.18.0.7;branch=z9hG4bK1\r\n"
			   "From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>;tag=2\r\nCall-ID: 1\r\n"
			   "CSeq: 1 INVITE\r\nContact: <sip:b@192.0.2.1>\r\n"
			   "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
			   strlen(body), body);
	ntm_pkt_reset(&pkt);
	ntm_pkt_put(&pkt, ntm_ippkt_build_udp(pkt.data, 1400, &from, &to, text, (size_t)len));
	assert_int_equal(ntm_ippkt_parse(&view, pkt.data, pkt.len), 0);
	return exits_media(w->exits, &view, &pkt);
}

static void media_of_a_call_goes_the_same_way(void **state)
{
	struct world *w = *state;

	assert_true(sip_comes(w, "192.0.2.1", "203.0.113.77", 5060, 'a'));
	assert_true(sip_comes(w, "192.0.2.1", "203.0.113.78", 5060, 'b'));
	/* What it names is there already, but it must not overtake. */
	assert_true(sip_comes(w, "192.0.2.1", "192.0.2.5", 5060, 'c'));
	assert_int_equal(w->written, 0);
	assert_int_equal(w->routes.count, 4);
	exits_on_routed(w->exits, 2, NULL);
	assert_int_equal(w->written, 1);
	assert_int_equal(w->mark, 'a');
	exits_on_routed(w->exits, 3, NULL);
	assert_int_equal(w->written, 3);
	assert_int_equal(w->mark, 'c');
	assert_true(send_to(w, "203.0.113.77"));
	assert_string_equal(w->tunnels.name, "gw.ntm.example");
	assert_true(comes(w, "gw.ntm.example", "203.0.113.78"));
	/* Once known, nothing waits. */
	assert_false(sip_comes(w, "192.0.2.1", "203.0.113.77", 5060, 'd'));
	pass(w, 3 * EXITS_GRACE_MS);
	assert_false(send_to(w, "203.0.113.77"));
}

static void a_message_does_not_wait_for_long(void **state)
{
	struct world *w = *state;

	assert_true(sip_comes(w, "192.0.2.1", "203.0.113.77", 5060, 'a'));
	pass(w, 299);
	assert_int_equal(w->written, 0);
	pass(w, 1);
	assert_int_equal(w->written, 1);
}

static void what_media_may_not_be(void **state)
{
	static const char *const unfit[] = {"198.18.0.9", "192.168.1.1", "10.0.0.1",
					    "172.16.0.1", "100.64.0.1",  "127.0.0.1"};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++)
		assert_false(sip_comes(w, "192.0.2.1", unfit[i], 5060, 'a'));
	/* Other ports, and whoever is no destination of an exit, or one without media. */
	assert_false(sip_comes(w, "192.0.2.1", "203.0.113.77", 5070, 'a'));
	assert_false(sip_comes(w, "192.0.3.1", "203.0.113.77", 5060, 'a'));
	answer_of(w, "b.example", 60, "198.51.100.5", NULL);
	assert_false(sip_comes(w, "198.51.100.5", "203.0.113.77", 5060, 'a'));
	assert_int_equal(w->routes.count, 3);
}

/* A provider that puts the address in that it sees; a DNS answer of a hostile one. */
static void a_gateway_is_not_behind_itself(void **state)
{
	struct world *w = *state;

	w->tunnels.is_there = true;
	w->tunnels.tunnel.via.ip = ip_of("203.0.113.50");
	assert_false(sip_comes(w, "192.0.2.1", "203.0.113.50", 5060, 'a'));
	answer_of(w, "provider.example", 60, "203.0.113.50", NULL);
	assert_false(send_to(w, "203.0.113.50"));
}

/* Any caller may put any address into an SDP: what others of the host have with it must not be
 * lost for it. */
static void media_is_weaker_than_names(void **state)
{
	struct world *w = *state;

	assert_true(sip_comes(w, "192.0.2.1", "203.0.113.77", 5060, 'a'));
	assert_int_equal(w->routes.count, 3);
	assert_false(w->routes.is_weak[0]);
	assert_true(w->routes.is_weak[2]);
	/* Told by DNS, too, it is for all. */
	answer_of(w, "provider.example", 60, "203.0.113.77", NULL);
	assert_int_equal(w->routes.count, 3);
	assert_false(w->routes.is_weak[2]);
}

/* Nor may a caller take the places of what DNS has told. */
static void media_takes_no_place_of_names(void **state)
{
	struct world *w = *state;
	char text[NTM_IP_STR];

	for (int i = 0; i < EXITS_MEDIA; i++) {
		snprintf(text, sizeof(text), "198.51.100.%d", i + 1);
		answer_of(w, "provider.example", 60, text, NULL);
	}
	pass(w, 2 * EXITS_BUSY_MS);
	for (int i = 0; i < 3 * EXITS_MEDIA; i++) {
		snprintf(text, sizeof(text), "203.0.113.%d", 100 + i);
		(void)sip_comes(w, "192.0.2.1", text, 5060, 'a');
		if (i % EXITS_MEDIA == EXITS_MEDIA - 1)
			pass(w, EXITS_BUSY_MS);
	}
	for (int i = 0; i < EXITS_MEDIA; i++) {
		snprintf(text, sizeof(text), "198.51.100.%d", i + 1);
		assert_true(send_to(w, text));
	}
}

static void messages_that_wait_are_bounded(void **state)
{
	struct world *w = *state;
	char text[NTM_IP_STR];

	for (int i = 0; i < EXITS_HELD + 3; i++) {
		snprintf(text, sizeof(text), "203.0.113.%d", 100 + i);
		assert_int_equal(sip_comes(w, "192.0.2.1", text, 5060, 'a'), i < EXITS_HELD);
	}
	/* The end frees those that wait. */
}

/* ---- words ---- */

static const char *text_of(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json_array_get(json, 0), key));
}

static void status_tells_why_there_is_no_tunnel(void **state)
{
	struct world *w = *state;
	struct tunnel_result no = {.err = -EACCES,
				   .code = NTM_DIR_FORBIDDEN,
				   .words = "ntm-dc node exit a.ntm.example on"};
	struct tunnel_result yes = {.err = 0, .tunnel = &w->tunnels.tunnel};
	json_t *json = exits_json(w->exits);

	assert_int_equal(json_array_size(json), 2);
	assert_string_equal(text_of(json, "gateway"), "gw.ntm.example");
	assert_string_equal(text_of(json, "state"), "idle");
	assert_null(text_of(json, "words"));
	json_decref(json);
	assert_true(send_to(w, "192.0.2.1"));
	w->tunnels.wait->fn(w->tunnels.wait->arg, &no);
	json = exits_json(w->exits);
	assert_string_equal(text_of(json, "state"), "failed");
	assert_string_equal(text_of(json, "words"), "ntm-dc node exit a.ntm.example on");
	json_decref(json);
	w->tunnels.wait->fn(w->tunnels.wait->arg, &yes);
	w->tunnels.is_there = true;
	w->tunnels.tunnel.state = TUNNEL_UP;
	json = exits_json(w->exits);
	assert_string_equal(text_of(json, "state"), "up");
	assert_null(text_of(json, "words"));
	json_decref(json);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(prefixes_lead_to_their_gateway),
		TEST(what_the_realm_has_is_left_out),
		TEST(everything_but_what_is_virtual),
		TEST(nothing_without_a_configuration),
		TEST(only_its_gateway_speaks_for_a_destination),
		TEST(routers_may_speak_of_packets_to_a_destination),
		TEST(answers_of_listed_names_become_routes),
		TEST(other_answers_change_nothing),
		TEST(routes_that_fail_hold_the_answer_back),
		TEST(unused_addresses_are_forgotten_after_ttl_and_grace),
		TEST(what_comes_back_counts_as_use),
		TEST(addresses_are_bounded),
		TEST(media_of_a_call_goes_the_same_way),
		TEST(a_message_does_not_wait_for_long),
		TEST(what_media_may_not_be),
		TEST(a_gateway_is_not_behind_itself),
		TEST(media_is_weaker_than_names),
		TEST(media_takes_no_place_of_names),
		TEST(messages_that_wait_are_bounded),
		TEST(status_tells_why_there_is_no_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
