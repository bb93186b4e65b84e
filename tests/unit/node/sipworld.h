/* SPDX-License-Identifier: BSD-2-Clause */
/* A world around sipwatch for its tests: virtual time, tunnels that come up when told to, and SIP
 * messages in real packets. It stands in for tunnel.c. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sipwatch.h"

#include "ntm/log.h"
#include "ntm/sip.h"

#define OWN    "198.18.0.7"
#define SERVER "198.18.0.2"
#define BOB    "198.18.0.9"
#define CAROL  "198.18.0.10"
#define DAVE   "198.18.0.11"

#define FAKE_TUNNELS 128
#define RELEASED_MAX 128

struct tunnel {
	struct ntm_ip vip;
	enum tunnel_state state;
	int64_t asked_ms;
	struct ntm_link_stats traffic;
	struct ntm_addr relayed_at; /* zeros: direct */
	bool is_silent;
	struct tunnel_wait *waits;
};

struct tunnels {
	struct tunnel tunnel[FAKE_TUNNELS];
	size_t count;
	size_t starts; /* directions that began */
	struct ntm_timers *timers;
};

struct released {
	enum sipwatch_way way;
	int64_t at_ms;
	size_t len;
	uint8_t data[NTM_PKT_MAX];
};

struct world {
	struct ntm_timers timers;
	struct tunnels tunnels;
	struct node_settings settings;
	struct node_lease lease;
	struct partners partners;
	struct realm realm;
	struct ntm_sip_parser *parser;
	struct sipwatch *watch;
	bool dc_answers;
	size_t released_count;
	struct released released[RELEASED_MAX];
	struct ntm_pkt last; /* the packet sent last */
	uint16_t port;       /* of both ends */
	const char *peer;    /* the other end of the signalling */
	unsigned warnings;
};

/* ---- tunnel.h, played ---- */

static inline struct ntm_ip ip_of(const char *text)
{
	struct ntm_ip ip;

	assert_int_equal(ntm_ip_parse(&ip, text), 0);
	return ip;
}

struct tunnel *tunnel_find(struct tunnels *tunnels, const struct ntm_ip *vip)
{
	for (size_t i = 0; i < tunnels->count; i++)
		if (ntm_ip_eq(&tunnels->tunnel[i].vip, vip))
			return &tunnels->tunnel[i];
	return NULL;
}

struct tunnel *tunnel_find_up(struct tunnels *tunnels, const struct ntm_ip *vip)
{
	struct tunnel *tunnel = tunnel_find(tunnels, vip);

	return tunnel != NULL && tunnel->state == TUNNEL_UP ? tunnel : NULL;
}

static inline struct tunnel *fake_tunnel(struct tunnels *tunnels, const struct ntm_ip *vip)
{
	struct tunnel *tunnel = tunnel_find(tunnels, vip);

	if (tunnel != NULL)
		return tunnel;
	assert_true(tunnels->count < FAKE_TUNNELS);
	tunnel = &tunnels->tunnel[tunnels->count++];
	tunnel->vip = *vip;
	return tunnel;
}

/* New waits go in front, as in tunnel.c: nobody may rely on their order. */
static inline void fake_wait(struct tunnel *tunnel, struct tunnel_wait *wait)
{
	if (wait == NULL)
		return;
	wait->tunnel = tunnel;
	wait->next = tunnel->waits;
	wait->link = &tunnel->waits;
	if (wait->next != NULL)
		wait->next->link = &wait->next;
	tunnel->waits = wait;
}

void tunnel_wait_cancel(struct tunnel_wait *wait)
{
	if (wait->tunnel == NULL)
		return;
	*wait->link = wait->next;
	if (wait->next != NULL)
		wait->next->link = wait->link;
	wait->tunnel = NULL;
}

int tunnel_want(struct tunnels *tunnels, const struct tunnel_target *target, enum ntm_reason reason,
		struct tunnel_wait *wait, const struct tunnel **out)
{
	struct tunnel *tunnel = fake_tunnel(tunnels, &target->vip);

	assert_int_equal(reason, NTM_REASON_SIP);
	assert_null(target->fqdn);
	if (out != NULL)
		*out = tunnel;
	if (tunnel->state == TUNNEL_UP)
		return 1;
	if (tunnel->state == TUNNEL_FAILED)
		return -EHOSTUNREACH;
	if (tunnel->state == TUNNEL_IDLE) {
		tunnels->starts++;
		tunnel->asked_ms = tunnels->timers->now_ms;
		tunnel->state = TUNNEL_DIRECTING;
	}
	fake_wait(tunnel, wait);
	return 0;
}

enum tunnel_state tunnel_state(const struct tunnel *tunnel)
{
	return tunnel->state;
}

const char *tunnel_state_name(enum tunnel_state state)
{
	return state == TUNNEL_UP ? "up" : state == TUNNEL_FAILED ? "failed" : "directing";
}

const char *tunnel_fqdn(const struct tunnel *tunnel)
{
	return tunnel->vip.b[3] == 9 ? "bob.a.example" : "";
}

struct ntm_addr tunnel_via(const struct tunnel *tunnel, bool *is_relayed)
{
	*is_relayed = tunnel->relayed_at.ip.family != 0;
	return tunnel->relayed_at;
}

bool tunnel_is_silent(const struct tunnel *tunnel)
{
	return tunnel->is_silent;
}

void tunnel_traffic(const struct tunnel *tunnel, struct ntm_link_stats *out)
{
	*out = tunnel->traffic;
}

static inline void settle(struct world *w, const char *vip, enum tunnel_state state)
{
	struct ntm_ip ip = ip_of(vip);
	struct tunnel *tunnel = fake_tunnel(&w->tunnels, &ip);
	struct tunnel_result result = {
		.err = state == TUNNEL_UP ? 0 : -EHOSTUNREACH,
		.words = "the peer is offline",
		.tunnel = tunnel,
		.direction_ms = w->timers.now_ms - tunnel->asked_ms,
	};

	tunnel->state = state;
	while (tunnel->waits != NULL) {
		struct tunnel_wait *wait = tunnel->waits;

		tunnel_wait_cancel(wait);
		wait->fn(wait->arg, &result);
	}
}

static inline void bring_up(struct world *w, const char *vip)
{
	settle(w, vip, TUNNEL_UP);
}

static inline void let_fail(struct world *w, const char *vip)
{
	settle(w, vip, TUNNEL_FAILED);
}

static inline bool is_wanted(struct world *w, const char *vip)
{
	struct ntm_ip ip = ip_of(vip);

	return tunnel_find(&w->tunnels, &ip) != NULL;
}

/* ---- the world ---- */

static inline bool world_dc_answers(void *ctx)
{
	return ((struct world *)ctx)->dc_answers;
}

static inline void world_release(void *ctx, enum sipwatch_way way, struct ntm_pkt *pkt)
{
	struct world *w = ctx;
	struct released *r = &w->released[w->released_count++];

	assert_true(w->released_count <= RELEASED_MAX);
	r->way = way;
	r->at_ms = w->timers.now_ms;
	r->len = pkt->len;
	memcpy(r->data, pkt->data, pkt->len);
}

static inline void world_log(enum ntm_log_level level, const char *text, void *arg)
{
	(void)text;
	((struct world *)arg)->warnings += level <= NTM_LOG_WARN;
}

static inline int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct sipwatch_args args;

	assert_non_null(w);
	ntm_log_set_sink(world_log, w);
	ntm_timers_init(&w->timers);
	ntm_timers_advance(&w->timers, 1000000, 1700000000000);
	w->tunnels.timers = &w->timers;
	w->settings = (struct node_settings){
		.hold = NODE_HOLD_BOTH,
		.hold_callee_ms = 1000,
		.hold_caller_ms = 2000,
		.prewarm = NTM_SIP_PREWARM_OFF,
		.sip_ports = {.count = 2, .item = {5060, 5070}},
	};
	w->lease.vip4 = ip_of(OWN);
	w->lease.prefixes.count = 1;
	assert_int_equal(ntm_prefix_parse(&w->lease.prefixes.item[0], "198.18.0.0/16"), 0);
	w->parser = ntm_sip_parser_new();
	w->dc_answers = true;
	w->port = 5060;
	w->peer = SERVER;
	w->realm = (struct realm){.lease = &w->lease, .partners = &w->partners};
	args = (struct sipwatch_args){
		.timers = &w->timers,
		.sip = w->parser,
		.tunnels = &w->tunnels,
		.settings = &w->settings,
		.realm = &w->realm,
		.dc_answers = world_dc_answers,
		.release = world_release,
		.ctx = w,
	};
	w->watch = sipwatch_new(&args);
	assert_non_null(w->watch);
	*state = w;
	return 0;
}

static inline int world_teardown(void **state)
{
	struct world *w = *state;

	sipwatch_free(w->watch);
	for (size_t i = 0; i < w->tunnels.count; i++)
		assert_null(w->tunnels.tunnel[i].waits);
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	ntm_sip_parser_free(w->parser);
	ntm_log_set_sink(NULL, NULL);
	free(w);
	return 0;
}

/* Lets time pass, stopping at every deadline. */
static inline void pass_ms(struct world *w, int64_t ms)
{
	int64_t end = w->timers.now_ms + ms;

	for (;;) {
		int64_t next = ntm_timers_next(&w->timers);
		int64_t to =
			next < 0 || w->timers.now_ms + next > end ? end : w->timers.now_ms + next;

		ntm_timers_advance(&w->timers, to, 1700000000000 + to);
		ntm_timers_run(&w->timers);
		if (to == end)
			return;
	}
}

/* ---- messages ---- */

/* What a message says; what is not set is as in the first message of a call to Bob. */
struct say {
	const char *start; /* "200 OK", or a method */
	const char *call_id, *from, *to, *sdp, *more, *extra;
	unsigned cseq;
	const char *method; /* of the CSeq in a response */
};

static inline const char *or_else(const char *text, const char *other)
{
	return text != NULL ? text : other;
}

static inline size_t say_text(char *buf, size_t cap, const struct say *say)
{
	bool is_response = say->start[0] >= '0' && say->start[0] <= '9';
	char start[128], to[96] = "", body[1024] = "";

	if (is_response)
		snprintf(start, sizeof(start), "SIP/2.0 %s", say->start);
	else
		snprintf(start, sizeof(start), "%s sip:bob@a.example SIP/2.0", say->start);
	if (say->to != NULL)
		snprintf(to, sizeof(to), ";tag=%s", say->to);
	if (say->sdp != NULL)
		snprintf(body, sizeof(body),
			 "v=0\r\no=x 1 1 IN IP4 203.0.113.5\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
			 "m=audio 4000 RTP/AVP 0\r\n%s",
			 say->sdp, or_else(say->extra, ""));
	return (size_t)
		snprintf(buf, cap,
			 "%s\r\nVia: SIP/2.0/UDP 198.18.0.7:5060;branch=z9hG4bKx\r\n"
			 "From: <sip:alice@a.example>;tag=%s\r\nTo: <sip:bob@a.example>%s\r\n"
			 "Call-ID: %s\r\nCSeq: %u %s\r\n%s%sContent-Length: %zu\r\n\r\n%s",
			 start, or_else(say->from, "alice"), to, or_else(say->call_id, "call-1"),
			 say->cseq ? say->cseq : 1,
			 is_response ? or_else(say->method, "INVITE") : say->start,
			 or_else(say->more, ""),
			 say->sdp != NULL ? "Content-Type: application/sdp\r\n" : "", strlen(body),
			 body);
}

static inline void make_packet(struct world *w, enum sipwatch_way way, const void *payload,
			       size_t len)
{
	struct ntm_addr own = {ip_of(OWN), w->port}, peer = {ip_of(w->peer), w->port};
	bool to_app = way == SIPWATCH_TO_APP;

	ntm_pkt_reset(&w->last);
	w->last.len = ntm_ippkt_build_udp(w->last.data, NTM_PKT_MAX, to_app ? &peer : &own,
					  to_app ? &own : &peer, payload, len);
	assert_true(w->last.len > 0);
}

static inline bool give(struct world *w, enum sipwatch_way way)
{
	struct ntm_ippkt view;

	assert_int_equal(ntm_ippkt_parse(&view, w->last.data, w->last.len), 0);
	return sipwatch_packet(w->watch, way, &view, &w->last);
}

static inline bool send_say(struct world *w, enum sipwatch_way way, const struct say *say)
{
	char text[NTM_PKT_MAX];
	size_t len = say_text(text, sizeof(text), say);

	assert_true(len < sizeof(text) - 64);
	make_packet(w, way, text, len);
	return give(w, way);
}

/* True when the watcher took it. */
#define TO_APP(w, ...)   send_say(w, SIPWATCH_TO_APP, &(struct say){__VA_ARGS__})
#define FROM_APP(w, ...) send_say(w, SIPWATCH_FROM_APP, &(struct say){__VA_ARGS__})

/* Release number i is byte-identical to pkt. */
static inline void assert_release(const struct world *w, size_t i, const struct ntm_pkt *pkt)
{
	assert_true(i < w->released_count);
	assert_int_equal(w->released[i].len, pkt->len);
	assert_memory_equal(w->released[i].data, pkt->data, pkt->len);
}

/* Release number i has text in it. */
static inline void assert_says(const struct world *w, size_t i, const char *text)
{
	assert_true(i < w->released_count);
	assert_non_null(memmem(w->released[i].data, w->released[i].len, text, strlen(text)));
}
