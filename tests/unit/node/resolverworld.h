/* SPDX-License-Identifier: BSD-2-Clause */
/* A resolver in virtual time for its tests: tunnels, DC and upstream do what they are told. It
 * stands in for tunnel.c. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resolver.h"

#include "ntm/dnsmsg.h"
#include "ntm/pktbuf.h"

#define DEADLINE_MS 1500
#define ASKER_PORT  40000
#define SENT_MAX    600

/* ---- tunnel.h, played ---- */

struct tunnel {
	struct ntm_ip vip4, vip6;
	uint8_t fail_code;
};

struct tunnels {
	int result; /* of the next tunnel_want */
	struct tunnel tunnel;
	struct tunnel_wait *waits[RESOLVER_PENDING_MAX + 8];
	size_t wait_count;
	unsigned wants;
	char name[NTM_NAME_MAX + 1]; /* the last one */
};

int tunnel_want(struct tunnels *tunnels, const struct tunnel_target *target, enum ntm_reason reason,
		struct tunnel_wait *wait, const struct tunnel **out)
{
	assert_int_equal(reason, NTM_REASON_NAME);
	tunnels->wants++;
	strcpy(tunnels->name, target->fqdn);
	if (tunnels->result != -ENOSPC)
		*out = &tunnels->tunnel;
	if (tunnels->result != 0)
		return tunnels->result;
	wait->tunnel = &tunnels->tunnel;
	tunnels->waits[tunnels->wait_count++] = wait;
	return 0;
}

void tunnel_wait_cancel(struct tunnel_wait *wait)
{
	wait->tunnel = NULL;
}

struct ntm_ip tunnel_vip(const struct tunnel *tunnel, uint8_t family)
{
	return family == 4 ? tunnel->vip4 : tunnel->vip6;
}

uint8_t tunnel_fail_code(const struct tunnel *tunnel)
{
	return tunnel->fail_code;
}

/* ---- the world ---- */

struct sent {
	struct ntm_ippkt view;
	size_t len;
	uint8_t pkt[NTM_PKT_MAX];
};

struct forwarded {
	unsigned count;
	bool refuses;
	uint16_t slot; /* of the last one */
	size_t len;
	uint8_t query[600];
};

struct world {
	struct ntm_timers timers;
	struct tunnels tunnels;
	struct node_lease lease;
	struct partners partners;
	struct realm realm;
	struct resolver *resolver;
	struct forwarded upstream, dc;
	size_t sent_count;
	struct sent sent[SENT_MAX];
	int64_t learn_due; /* what exits say of the next answers */
	unsigned learns;
	struct ntm_ip known; /* the VIP of b.ntm.example */
	uint16_t port;       /* of the asker */
	bool is_six;         /* it asks over IPv6 */
};

static inline bool forward_to(struct forwarded *to, uint16_t slot, const uint8_t *query, size_t len)
{
	to->count++;
	to->slot = slot;
	to->len = len;
	assert_true(len <= sizeof(to->query));
	memcpy(to->query, query, len);
	return !to->refuses;
}

static inline bool on_upstream(void *ctx, uint16_t slot, const uint8_t *query, size_t len)
{
	struct world *w = ctx;

	return forward_to(&w->upstream, slot, query, len);
}

static inline bool on_dc(void *ctx, uint16_t slot, const uint8_t *query, size_t len)
{
	struct world *w = ctx;

	return forward_to(&w->dc, slot, query, len);
}

static inline const char *on_name_of(void *ctx, const struct ntm_ip *vip)
{
	const struct world *w = ctx;

	return ntm_ip_eq(vip, &w->known) ? "b.ntm.example" : NULL;
}

static inline int64_t on_learn(void *ctx, const struct ntm_dns_response *response)
{
	struct world *w = ctx;

	assert_true(response->name[0] != '\0');
	w->learns++;
	return w->learn_due;
}

static inline void on_tun_write(void *ctx, const uint8_t *pkt, size_t len)
{
	struct world *w = ctx;

	assert_true(w->sent_count < SENT_MAX && len <= NTM_PKT_MAX);
	struct sent *sent = &w->sent[w->sent_count++];
	memcpy(sent->pkt, pkt, len);
	sent->len = len;
	assert_int_equal(ntm_ippkt_parse(&sent->view, sent->pkt, len), 0);
	assert_true(ntm_ippkt_checksums_ok(sent->pkt, len));
}

static inline struct ntm_ip ip_of(const char *text)
{
	struct ntm_ip ip;

	assert_int_equal(ntm_ip_parse(&ip, text), 0);
	return ip;
}

static inline struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	ntm_timers_init(&w->timers);
	ntm_timers_advance(&w->timers, 1000, 1000);
	w->port = ASKER_PORT;
	w->known = ip_of("198.18.0.9");
	strcpy(w->lease.fqdn, "a.ntm.example");
	strcpy(w->lease.domain, "ntm.example");
	w->lease.vip4 = ip_of("198.18.0.7");
	w->lease.vip6 = ip_of("fd00::7");
	w->lease.resolver4 = ip_of("198.18.255.254");
	w->lease.resolver6 = ip_of("fd00::ffff");
	w->lease.suffixes.count = 1;
	strcpy(w->lease.suffixes.item[0], "ntm.example");
	w->lease.prefixes.count = 2;
	assert_int_equal(ntm_prefix_parse(&w->lease.prefixes.item[0], "198.18.0.0/16"), 0);
	assert_int_equal(ntm_prefix_parse(&w->lease.prefixes.item[1], "fd00::/64"), 0);
	w->tunnels.tunnel.vip4 = ip_of("198.18.0.9");
	w->tunnels.tunnel.vip6 = ip_of("fd00::9");
	w->realm = (struct realm){.lease = &w->lease, .partners = &w->partners};
	struct resolver_args args = {
		.timers = &w->timers,
		.tunnels = &w->tunnels,
		.realm = &w->realm,
		.name_deadline_ms = DEADLINE_MS,
		.upstream = on_upstream,
		.to_dc = on_dc,
		.name_of = on_name_of,
		.tun_write = on_tun_write,
		.learn = on_learn,
		.ctx = w,
	};
	w->resolver = resolver_new(&args);
	assert_non_null(w->resolver);
	return w;
}

static inline void world_free(struct world *w)
{
	resolver_free(w->resolver);
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	free(w);
}

static inline void pass(struct world *w, int64_t ms)
{
	ntm_timers_advance(&w->timers, w->timers.now_ms + ms, w->timers.wall_ms + ms);
	ntm_timers_run(&w->timers);
}

/* ---- asking ---- */

static inline void ask_bytes(struct world *w, const uint8_t *msg, size_t len)
{
	uint8_t pkt[1500];
	struct ntm_ippkt view;
	struct ntm_addr from = {w->is_six ? w->lease.vip6 : w->lease.vip4, w->port};
	struct ntm_addr to = {w->is_six ? w->lease.resolver6 : w->lease.resolver4, 53};
	size_t pkt_len = ntm_ippkt_build_udp(pkt, sizeof(pkt), &from, &to, msg, len);

	assert_true(pkt_len > 0);
	assert_int_equal(ntm_ippkt_parse(&view, pkt, pkt_len), 0);
	resolver_packet(w->resolver, &view, pkt, pkt_len);
}

static inline size_t make(uint16_t id, const char *name, uint16_t type, uint8_t out[static 512])
{
	size_t len = ntm_dns_query_build(id, name, type, true, out, 512);

	assert_true(len > 0);
	return len;
}

static inline void ask(struct world *w, uint16_t id, const char *name, uint16_t type)
{
	uint8_t msg[512];
	size_t len = make(id, name, type, msg);

	ask_bytes(w, msg, len);
}

/* ---- what came back ---- */

static inline const struct ntm_dns_response *last(const struct world *w)
{
	static struct ntm_dns_response response;

	assert_true(w->sent_count > 0);
	const struct sent *sent = &w->sent[w->sent_count - 1];
	assert_int_equal(sent->view.proto, NTM_IPPROTO_UDP);
	assert_true(
		ntm_ip_eq(&sent->view.src, w->is_six ? &w->lease.resolver6 : &w->lease.resolver4));
	assert_true(ntm_ip_eq(&sent->view.dst, w->is_six ? &w->lease.vip6 : &w->lease.vip4));
	assert_int_equal(sent->view.sport, 53);
	assert_int_equal(ntm_dns_response_parse(&response, sent->view.payload,
						sent->view.payload_len),
			 0);
	return &response;
}

static inline void assert_servfail(const struct world *w, size_t sent_count)
{
	assert_int_equal(w->sent_count, sent_count);
	assert_int_equal(last(w)->rcode, NTM_DNS_SERVFAIL);
	assert_int_equal(last(w)->count, 0);
}

static inline void assert_vip(const struct world *w, const char *vip)
{
	struct ntm_ip ip = ip_of(vip);
	const struct ntm_dns_response *response = last(w);

	assert_int_equal(response->rcode, NTM_DNS_NOERROR);
	assert_int_equal(response->count, 1);
	assert_true(ntm_ip_eq(&response->rr[0].ip, &ip));
	assert_int_equal(response->rr[0].ttl_s, RESOLVER_TTL_S);
	assert_string_equal(response->rr[0].name, response->name);
}

/* The answer of an upstream or of the DC to its last query. */
static inline size_t answer_to(const struct forwarded *to, const struct ntm_dns_rr *rr,
			       size_t count, uint8_t *out, size_t max)
{
	struct ntm_dns_query query;
	struct ntm_dns_rr copy[64];
	struct ntm_dns_reply reply = {.answers = copy, .answer_count = count};

	memcpy(copy, rr, count * sizeof(*rr));
	assert_int_equal(ntm_dns_query_parse(&query, to->query, to->len), 0);
	size_t len = ntm_dns_reply_build(&query, &reply, out, max);
	assert_true(len > 0);
	return len;
}

static inline struct ntm_dns_rr address(const char *text)
{
	struct ntm_dns_rr rr = {.ttl_s = 60, .ip = ip_of(text)};

	rr.type = rr.ip.family == 4 ? NTM_DNS_A : NTM_DNS_AAAA;
	return rr;
}

static inline void tell_up(struct world *w, size_t n)
{
	struct tunnel_result up = {.tunnel = &w->tunnels.tunnel};

	w->tunnels.waits[n]->tunnel = NULL;
	w->tunnels.waits[n]->fn(w->tunnels.waits[n]->arg, &up);
}

static inline void tell_error(struct world *w, size_t n, int err, uint8_t code)
{
	struct tunnel_result failed = {.err = err, .code = code, .words = "no"};

	w->tunnels.waits[n]->tunnel = NULL;
	w->tunnels.waits[n]->fn(w->tunnels.waits[n]->arg, &failed);
}
