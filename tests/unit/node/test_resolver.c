/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the node's resolver: what starts a direction, what waits, what goes on to whom. */
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
	struct resolver *resolver;
	struct forwarded upstream, dc;
	size_t sent_count;
	struct sent sent[SENT_MAX];
	uint16_t port; /* of the asker */
	bool is_six;   /* it asks over IPv6 */
};

static bool forward_to(struct forwarded *to, uint16_t slot, const uint8_t *query, size_t len)
{
	to->count++;
	to->slot = slot;
	to->len = len;
	assert_true(len <= sizeof(to->query));
	memcpy(to->query, query, len);
	return !to->refuses;
}

static bool on_upstream(void *ctx, uint16_t slot, const uint8_t *query, size_t len)
{
	struct world *w = ctx;

	return forward_to(&w->upstream, slot, query, len);
}

static bool on_dc(void *ctx, uint16_t slot, const uint8_t *query, size_t len)
{
	struct world *w = ctx;

	return forward_to(&w->dc, slot, query, len);
}

static const char *on_name_of(void *ctx, const struct ntm_ip *vip)
{
	struct ntm_ip known = ntm_ip_v4(198, 18, 0, 9);

	(void)ctx;
	return ntm_ip_eq(vip, &known) ? "b.ntm.example" : NULL;
}

static void on_tun_write(void *ctx, const uint8_t *pkt, size_t len)
{
	struct world *w = ctx;

	assert_true(w->sent_count < SENT_MAX && len <= NTM_PKT_MAX);
	struct sent *sent = &w->sent[w->sent_count++];
	memcpy(sent->pkt, pkt, len);
	sent->len = len;
	assert_int_equal(ntm_ippkt_parse(&sent->view, sent->pkt, len), 0);
	assert_true(ntm_ippkt_checksums_ok(sent->pkt, len));
}

static struct ntm_ip ip_of(const char *text)
{
	struct ntm_ip ip;

	assert_int_equal(ntm_ip_parse(&ip, text), 0);
	return ip;
}

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	ntm_timers_init(&w->timers);
	ntm_timers_advance(&w->timers, 1000, 1000);
	w->port = ASKER_PORT;
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
	struct resolver_args args = {
		.timers = &w->timers,
		.tunnels = &w->tunnels,
		.lease = &w->lease,
		.name_deadline_ms = DEADLINE_MS,
		.upstream = on_upstream,
		.to_dc = on_dc,
		.name_of = on_name_of,
		.tun_write = on_tun_write,
		.ctx = w,
	};
	w->resolver = resolver_new(&args);
	assert_non_null(w->resolver);
	return w;
}

static void world_free(struct world *w)
{
	resolver_free(w->resolver);
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	free(w);
}

static void pass(struct world *w, int64_t ms)
{
	ntm_timers_advance(&w->timers, w->timers.now_ms + ms, w->timers.wall_ms + ms);
	ntm_timers_run(&w->timers);
}

/* ---- asking ---- */

static void ask_bytes(struct world *w, const uint8_t *msg, size_t len)
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

static size_t make(uint16_t id, const char *name, uint16_t type, uint8_t out[static 512])
{
	size_t len = ntm_dns_query_build(id, name, type, true, out, 512);

	assert_true(len > 0);
	return len;
}

static void ask(struct world *w, uint16_t id, const char *name, uint16_t type)
{
	uint8_t msg[512];
	size_t len = make(id, name, type, msg);

	ask_bytes(w, msg, len);
}

/* ---- what came back ---- */

static const struct ntm_dns_response *last(const struct world *w)
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

static void assert_servfail(const struct world *w, size_t sent_count)
{
	assert_int_equal(w->sent_count, sent_count);
	assert_int_equal(last(w)->rcode, NTM_DNS_SERVFAIL);
	assert_int_equal(last(w)->count, 0);
}

static void assert_vip(const struct world *w, const char *vip)
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
static size_t answer_to(const struct forwarded *to, const struct ntm_dns_rr *rr, size_t count,
			uint8_t *out, size_t max)
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

static struct ntm_dns_rr address(const char *text)
{
	struct ntm_dns_rr rr = {.ttl_s = 60, .ip = ip_of(text)};

	rr.type = rr.ip.family == 4 ? NTM_DNS_A : NTM_DNS_AAAA;
	return rr;
}

static void tell_up(struct world *w, size_t n)
{
	struct tunnel_result up = {.tunnel = &w->tunnels.tunnel};

	w->tunnels.waits[n]->tunnel = NULL;
	w->tunnels.waits[n]->fn(w->tunnels.waits[n]->arg, &up);
}

static void tell_error(struct world *w, size_t n, int err, uint8_t code)
{
	struct tunnel_result failed = {.err = err, .code = code, .words = "no"};

	w->tunnels.waits[n]->tunnel = NULL;
	w->tunnels.waits[n]->fn(w->tunnels.waits[n]->arg, &failed);
}

/* ---- R53, R61: names of nodes ---- */

static void a_node_name_waits_for_its_tunnel(void **state)
{
	struct world *w = world_new();

	(void)state;
	ask(w, 7, "B.NTM.Example", NTM_DNS_A);
	assert_int_equal(w->tunnels.wants, 1);
	assert_string_equal(w->tunnels.name, "b.ntm.example");
	pass(w, 300);
	assert_int_equal(w->sent_count, 0);
	tell_up(w, 0);
	assert_int_equal(w->sent_count, 1);
	assert_vip(w, "198.18.0.9");
	assert_int_equal(last(w)->id, 7);
	assert_int_equal(w->sent[0].view.dport, ASKER_PORT);
	pass(w, 10000);
	assert_int_equal(w->sent_count, 1);
	assert_int_equal(w->dc.count + w->upstream.count, 0);
	world_free(w);
}

static void a_tunnel_that_is_up_answers_at_once(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->tunnels.result = 1;
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	assert_vip(w, "198.18.0.9");
	w->is_six = true;
	ask(w, 2, "b.ntm.example", NTM_DNS_AAAA);
	assert_vip(w, "fd00::9");
	assert_int_equal(resolver_counters(w->resolver)->answered_up, 2);
	world_free(w);
}

static void a_family_that_the_peer_lacks_is_an_empty_answer(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->tunnels.result = 1;
	w->tunnels.tunnel.vip6 = (struct ntm_ip){0};
	ask(w, 1, "b.ntm.example", NTM_DNS_AAAA);
	assert_int_equal(last(w)->rcode, NTM_DNS_NOERROR);
	assert_int_equal(last(w)->count, 0);
	world_free(w);
}

static void our_own_name_needs_no_tunnel(void **state)
{
	struct world *w = world_new();

	(void)state;
	ask(w, 1, "a.ntm.example", NTM_DNS_A);
	assert_vip(w, "198.18.0.7");
	ask(w, 2, "a.ntm.example", NTM_DNS_AAAA);
	assert_vip(w, "fd00::7");
	assert_int_equal(w->tunnels.wants, 0);
	world_free(w);
}

/* design.md 6: an error after 1.5 s. */
static void a_late_tunnel_is_a_server_failure(void **state)
{
	struct world *w = world_new();

	(void)state;
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	pass(w, DEADLINE_MS - 1);
	assert_int_equal(w->sent_count, 0);
	pass(w, 1);
	assert_servfail(w, 1);
	assert_null(w->tunnels.waits[0]->tunnel); /* waits no more */
	assert_int_equal(resolver_counters(w->resolver)->answered_late, 1);
	/* The asker's retry starts anew. */
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	assert_int_equal(w->tunnels.wants, 2);
	world_free(w);
}

static void a_query_asked_again_is_one(void **state)
{
	struct world *w = world_new();

	(void)state;
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	assert_int_equal(w->tunnels.wants, 1);
	/* These are others. */
	ask(w, 2, "b.ntm.example", NTM_DNS_A);
	ask(w, 1, "b.ntm.example", NTM_DNS_AAAA);
	w->port++;
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	w->is_six = true;
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	assert_int_equal(w->tunnels.wants, 5);
	world_free(w);
}

struct outcome {
	int err;
	uint8_t code;
	bool to_dc;
};

static const struct outcome outcomes[] = {
	{-ENOENT, NTM_DIR_NO_SUCH_NAME, true},
	{-ENOENT, NTM_DIR_NOT_NTM, true},
	{-EHOSTUNREACH, NTM_DIR_OFFLINE, false},
	{-EACCES, NTM_DIR_FORBIDDEN, false},
	{-EHOSTUNREACH, NTM_DIR_NO_RELAY, false},
	{-EBUSY, NTM_DIR_BUSY, false},
	{-ENETUNREACH, 0, false},
	{-ECANCELED, 0, false},
	{-EHOSTUNREACH, NTM_DIR_NO_SUCH_ADDRESS, false},
};

static void the_dc_answers_for_names_that_are_no_nodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		struct world *w = world_new();

		ask(w, 1, "dc.ntm.example", NTM_DNS_A);
		tell_error(w, 0, outcomes[i].err, outcomes[i].code);
		assert_int_equal(w->dc.count, outcomes[i].to_dc);
		if (!outcomes[i].to_dc)
			assert_servfail(w, 1);
		else
			assert_int_equal(w->sent_count, 0);
		world_free(w);
	}
}

/* The same from the negative cache. */
static void a_failure_that_is_remembered_counts_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		struct world *w = world_new();

		w->tunnels.result = -EHOSTUNREACH;
		w->tunnels.tunnel.fail_code = outcomes[i].code;
		ask(w, 1, "dc.ntm.example", NTM_DNS_A);
		assert_int_equal(w->dc.count, outcomes[i].to_dc);
		if (!outcomes[i].to_dc)
			assert_servfail(w, 1);
		world_free(w);
	}
}

static void too_many_tunnels_are_a_server_failure(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->tunnels.result = -ENOSPC;
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	assert_servfail(w, 1);
	world_free(w);
}

static void the_dcs_answer_is_given_as_it_came(void **state)
{
	struct world *w = world_new();
	struct ntm_dns_rr rr = address("192.0.2.1");
	uint8_t msg[600];

	(void)state;
	ask(w, 1, "dc.ntm.example", NTM_DNS_A);
	tell_error(w, 0, -ENOENT, NTM_DIR_NOT_NTM);
	size_t len = answer_to(&w->dc, &rr, 1, msg, sizeof(msg));
	pass(w, RESOLVER_UPSTREAM_MS - 1); /* it has time of its own */
	resolver_answer(w->resolver, w->dc.slot, msg, len);
	assert_int_equal(w->sent_count, 1);
	assert_int_equal(w->sent[0].view.payload_len, len);
	assert_memory_equal(w->sent[0].view.payload, msg, len);
	world_free(w);
}

static void what_goes_to_the_dc(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
	} queries[] = {
		{"_sip._udp.ntm.example", NTM_DNS_SRV},
		{"_sip._udp.ntm.example", NTM_DNS_A},
		{"b._udp.ntm.example", NTM_DNS_A},
		{"ntm.example", NTM_DNS_A},
		{"ntm.example", NTM_DNS_SOA},
		{"b.ntm.example", NTM_DNS_NAPTR},
		{"b.ntm.example", NTM_DNS_ANY},
		{"b.ntm.example", NTM_DNS_TXT},
		{"b.ntm.example", NTM_DNS_PTR},
		{"b.ntm.example", 65},
		{"8.0.18.198.in-addr.arpa", NTM_DNS_PTR}, /* nobody that we know */
		{"9.0.18.198.in-addr.arpa", NTM_DNS_A},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct world *w = world_new();

		ask(w, 1, queries[i].name, queries[i].type);
		assert_int_equal(w->dc.count, 1);
		assert_int_equal(w->tunnels.wants + w->upstream.count, 0);
		assert_int_equal(resolver_counters(w->resolver)->forwarded_dc, 1);
		world_free(w);
	}
}

static void a_name_too_long_for_a_node_is_none(void **state)
{
	struct world *w = world_new();
	char name[200];

	(void)state;
	memset(name, 'x', sizeof(name));
	for (size_t i = 50; i < 150; i += 50)
		name[i] = '.';
	strcpy(name + 150, ".ntm.example");
	ask(w, 1, name, NTM_DNS_A);
	assert_int_equal(w->dc.count, 1);
	assert_int_equal(w->tunnels.wants, 0);
	world_free(w);
}

/* Only labels that begin with it are services. */
static void a_node_may_have_an_underscore(void **state)
{
	struct world *w = world_new();

	(void)state;
	ask(w, 1, "front_door.ntm.example", NTM_DNS_A);
	assert_int_equal(w->tunnels.wants, 1);
	world_free(w);
}

static void what_goes_upstream(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
	} queries[] = {
		{"www.example.com", NTM_DNS_A},          {"xntm.example", NTM_DNS_A},
		{"ntm.example.com", NTM_DNS_AAAA},       {"example", NTM_DNS_NS},
		{"1.2.0.192.in-addr.arpa", NTM_DNS_PTR}, {"_sip._udp.example.com", NTM_DNS_SRV},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct world *w = world_new();
		uint8_t msg[512];
		size_t len = make(0x1234, queries[i].name, queries[i].type, msg);

		ask_bytes(w, msg, len);
		assert_int_equal(w->upstream.count, 1);
		assert_int_equal(w->upstream.len, len);
		assert_memory_equal(w->upstream.query, msg, len); /* untouched */
		assert_int_equal(w->tunnels.wants + w->dc.count, 0);
		world_free(w);
	}
}

static void known_vips_have_names(void **state)
{
	struct world *w = world_new();

	(void)state;
	ask(w, 1, "9.0.18.198.in-addr.arpa", NTM_DNS_PTR);
	assert_int_equal(last(w)->count, 1);
	assert_int_equal(last(w)->rr[0].type, NTM_DNS_PTR);
	assert_string_equal(last(w)->rr[0].target, "b.ntm.example");
	assert_int_equal(w->dc.count, 0);
	world_free(w);
}

/* ---- odd queries ---- */

static void other_classes_start_nothing(void **state)
{
	struct world *w = world_new();
	uint8_t msg[512];
	size_t len = make(1, "b.ntm.example", NTM_DNS_A, msg);

	(void)state;
	/* Header, name, type, and the class is behind it. */
	msg[12 + sizeof("b.ntm.example") + 1 + 2 + 1] = 3;
	ask_bytes(w, msg, len);
	assert_int_equal(w->tunnels.wants, 0);
	assert_int_equal(w->dc.count, 1);
	len = make(2, "9.0.18.198.in-addr.arpa", NTM_DNS_PTR, msg);
	msg[12 + sizeof("9.0.18.198.in-addr.arpa") + 1 + 2 + 1] = 3;
	ask_bytes(w, msg, len);
	assert_int_equal(w->dc.count, 2);
	assert_int_equal(w->sent_count, 0);
	world_free(w);
}

static void other_edns_versions_are_for_the_dc(void **state)
{
	struct world *w = world_new();
	uint8_t msg[512];
	size_t len = make(1, "b.ntm.example", NTM_DNS_A, msg);

	(void)state;
	msg[len - 11 + 6] = 1; /* OPT is last: root, type, size, extended rcode, version */
	ask_bytes(w, msg, len);
	assert_int_equal(w->tunnels.wants, 0);
	assert_int_equal(w->dc.count, 1);
	world_free(w);
}

static void other_opcodes_are_not_implemented(void **state)
{
	static const uint8_t opcodes[] = {1, 2, 4, 5};

	(void)state;
	for (size_t i = 0; i < sizeof(opcodes); i++) {
		struct world *w = world_new();
		uint8_t msg[512];
		size_t len = make(1, "b.ntm.example", NTM_DNS_A, msg);

		msg[2] = (uint8_t)(opcodes[i] << 3);
		ask_bytes(w, msg, len);
		assert_int_equal(w->tunnels.wants + w->dc.count + w->upstream.count, 0);
		assert_int_equal(w->sent_count, 1);
		assert_int_equal(w->sent[0].view.payload[3] & 15, NTM_DNS_NOTIMP);
		assert_int_equal(w->sent[0].view.payload[2] >> 3 & 15, opcodes[i]);
		world_free(w);
	}
}

static void malformed_queries_are_told_so(void **state)
{
	struct world *w = world_new();
	uint8_t msg[600];
	size_t len = make(0x0102, "b.ntm.example", NTM_DNS_A, msg);

	(void)state;
	ask_bytes(w, msg, len - 1);
	assert_int_equal(w->sent_count, 1);
	assert_int_equal(w->sent[0].view.payload_len, 12);
	assert_memory_equal(w->sent[0].view.payload, msg, 2);
	assert_int_equal(w->sent[0].view.payload[3] & 15, NTM_DNS_FORMERR);
	/* No room for it: a query of more than 512 bytes. */
	memset(msg + len, 0, sizeof(msg) - len);
	ask_bytes(w, msg, 513);
	assert_int_equal(w->sent_count, 2);
	/* Never an answer to an answer, or to what has no header. */
	msg[2] |= 0x80;
	ask_bytes(w, msg, len);
	ask_bytes(w, msg, 11);
	ask_bytes(w, msg, 0);
	assert_int_equal(w->sent_count, 2);
	assert_int_equal(resolver_counters(w->resolver)->malformed, 5);
	assert_int_equal(w->tunnels.wants + w->dc.count + w->upstream.count, 0);
	world_free(w);
}

static void what_is_no_dns_over_udp_is_refused(void **state)
{
	struct world *w = world_new();
	uint8_t pkt[100];
	struct ntm_ippkt view;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct ntm_addr from = {w->lease.vip4, w->port};
		struct ntm_addr to = {w->lease.resolver4, i == 1 ? 5060 : 53};
		size_t len = ntm_ippkt_build_udp(pkt, sizeof(pkt), &from, &to,
						 "0123P56789abcdef" /* a TCP header, too */, 16);
		if (i == 0)
			pkt[9] = NTM_IPPROTO_TCP;
		if (i == 2) { /* a first fragment of a longer query */
			pkt[6] = 0x20;
			pkt[25] = 48;
		}
		assert_int_equal(ntm_ippkt_parse(&view, pkt, len), 0);
		resolver_packet(w->resolver, &view, pkt, len);
		assert_int_equal(w->sent_count, i + 1);
		const struct sent *sent = &w->sent[i];
		assert_int_equal(sent->view.proto, NTM_IPPROTO_ICMP);
		assert_int_equal(sent->view.l4[0], 3);
		assert_int_equal(sent->view.l4[1], 13);
		assert_true(ntm_ip_eq(&sent->view.src, &w->lease.resolver4));
	}
	world_free(w);
}

/* ---- forwarding ---- */

static void an_upstream_answer_is_given_as_it_came(void **state)
{
	struct world *w = world_new();
	struct ntm_dns_rr rr[2] = {address("192.0.2.80"), address("2001:db8::80")};
	uint8_t msg[600];

	(void)state;
	ask(w, 5, "www.Example.com", NTM_DNS_A);
	size_t len = answer_to(&w->upstream, rr, 2, msg, sizeof(msg));
	resolver_answer(w->resolver, w->upstream.slot, msg, len);
	assert_int_equal(w->sent_count, 1);
	assert_int_equal(w->sent[0].view.payload_len, len);
	assert_memory_equal(w->sent[0].view.payload, msg, len);
	/* A copy is nobody's. */
	resolver_answer(w->resolver, w->upstream.slot, msg, len);
	assert_int_equal(w->sent_count, 1);
	world_free(w);
}

static void nobody_to_ask_is_a_server_failure_at_once(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->upstream.refuses = true;
	w->dc.refuses = true;
	ask(w, 1, "www.example.com", NTM_DNS_A);
	assert_servfail(w, 1);
	ask(w, 2, "ntm.example", NTM_DNS_SOA);
	assert_servfail(w, 2);
	assert_int_equal(resolver_counters(w->resolver)->servfail, 2);
	world_free(w);
}

static void a_silent_upstream_is_a_server_failure(void **state)
{
	struct world *w = world_new();

	(void)state;
	ask(w, 1, "www.example.com", NTM_DNS_A);
	pass(w, RESOLVER_UPSTREAM_MS - 1);
	assert_int_equal(w->sent_count, 0);
	pass(w, 1);
	assert_servfail(w, 1);
	assert_int_equal(resolver_counters(w->resolver)->answered_late, 0); /* is of tunnels */
	world_free(w);
}

static void a_failed_upstream_is_a_server_failure(void **state)
{
	struct world *w = world_new();

	(void)state;
	ask(w, 1, "www.example.com", NTM_DNS_A);
	resolver_answer(w->resolver, w->upstream.slot, NULL, 0);
	assert_servfail(w, 1);
	world_free(w);
}

static void an_answer_to_something_else_is_not_given(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct world *w = world_new();
		struct ntm_dns_rr rr = address("192.0.2.80");
		struct forwarded other = {0};
		uint8_t msg[600];

		ask(w, 5, "www.example.com", NTM_DNS_A);
		other.len = i == 0   ? make(6, "www.example.com", NTM_DNS_A, other.query)
			    : i == 1 ? make(5, "www.example.org", NTM_DNS_A, other.query)
			    : i == 2 ? make(5, "www.example.com", NTM_DNS_AAAA, other.query)
				     : make(5, "www.example.com", NTM_DNS_A, other.query);
		size_t len = answer_to(&other, &rr, 1, msg, sizeof(msg));
		if (i == 3)
			msg[2] &= 0x7f; /* a query */
		resolver_answer(w->resolver, w->upstream.slot, msg, i == 4 ? len - 1 : len);
		assert_servfail(w, 1);
		world_free(w);
	}
}

static void an_answer_that_fits_no_packet_is_a_server_failure(void **state)
{
	struct world *w = world_new();
	struct ntm_dns_rr rr[10] = {0};
	uint8_t msg[4096];

	(void)state;
	ask(w, 1, "www.example.com", NTM_DNS_TXT);
	for (size_t i = 0; i < 10; i++) {
		rr[i].type = NTM_DNS_TXT;
		memset(rr[i].text, 'x', 250);
	}
	size_t len = answer_to(&w->upstream, rr, 10, msg, sizeof(msg));
	assert_true(len > NTM_PKT_MAX);
	resolver_answer(w->resolver, w->upstream.slot, msg, len);
	assert_servfail(w, 1);
	world_free(w);
}

/* security.md A6 */
static void foreign_names_do_not_point_into_the_virtual_prefixes(void **state)
{
	static const char *const addresses[] = {"198.18.0.9", "198.18.255.254", "fd00::9",
						"::ffff:198.18.0.9"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct world *w = world_new();
		struct ntm_dns_rr rr[3] = {address("192.0.2.80"), address("192.0.2.81"),
					   address(addresses[i])};
		uint8_t msg[600];

		ask(w, 1, "evil.example.com", NTM_DNS_A);
		size_t len = answer_to(&w->upstream, rr, 3, msg, sizeof(msg));
		resolver_answer(w->resolver, w->upstream.slot, msg, len);
		assert_servfail(w, 1);
		assert_int_equal(resolver_counters(w->resolver)->rebinding, 1);
		/* The DC's own answers may. */
		ask(w, 2, "b.ntm.example", NTM_DNS_ANY);
		len = answer_to(&w->dc, rr, 3, msg, sizeof(msg));
		resolver_answer(w->resolver, w->dc.slot, msg, len);
		assert_int_equal(w->sent_count, 2);
		assert_int_equal(last(w)->count, 3);
		world_free(w);
	}
}

/* Behind as many harmless ones as are looked at. */
static void rebinding_does_not_hide_in_a_long_answer(void **state)
{
	struct world *w = world_new();
	struct ntm_dns_rr rr[NTM_DNS_ANSWERS + 1];
	uint8_t msg[1400];

	(void)state;
	for (size_t i = 0; i < NTM_DNS_ANSWERS; i++) {
		rr[i] = address("192.0.2.80");
		rr[i].ip.b[3] = (uint8_t)i;
	}
	rr[NTM_DNS_ANSWERS] = address("198.18.0.9");
	ask(w, 1, "evil.example.com", NTM_DNS_A);
	size_t len = answer_to(&w->upstream, rr, NTM_DNS_ANSWERS + 1, msg, sizeof(msg));
	resolver_answer(w->resolver, w->upstream.slot, msg, len);
	assert_servfail(w, 1);
	world_free(w);
}

/* ---- bounds ---- */

static void the_oldest_makes_room(void **state)
{
	struct world *w = world_new();

	(void)state;
	for (uint16_t i = 0; i < RESOLVER_PENDING_MAX; i++) {
		ask(w, i, "b.ntm.example", NTM_DNS_A);
		pass(w, 1);
	}
	assert_int_equal(w->sent_count, 0);
	ask(w, 9999, "b.ntm.example", NTM_DNS_A);
	assert_servfail(w, 1);
	assert_int_equal(last(w)->id, 0);
	/* The new one waits in its place. */
	tell_up(w, RESOLVER_PENDING_MAX);
	assert_int_equal(last(w)->id, 9999);
	assert_vip(w, "198.18.0.9");
	world_free(w);
}

static void a_late_answer_hits_nobody_else(void **state)
{
	struct world *w = world_new();
	struct ntm_dns_rr rr = address("192.0.2.80");
	uint8_t msg[600];

	(void)state;
	ask(w, 1, "www.example.com", NTM_DNS_A);
	uint16_t old = w->upstream.slot;
	size_t len = answer_to(&w->upstream, &rr, 1, msg, sizeof(msg));
	pass(w, RESOLVER_UPSTREAM_MS);
	assert_servfail(w, 1);
	ask(w, 1, "www.example.com", NTM_DNS_A); /* in the same place */
	assert_int_not_equal(w->upstream.slot, old);
	resolver_answer(w->resolver, old, msg, len);
	assert_int_equal(w->sent_count, 1);
	/* Places that were never used, and one that waits for a tunnel. */
	resolver_answer(w->resolver, 255, msg, len);
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	resolver_answer(w->resolver, 1, msg, len);
	assert_int_equal(w->sent_count, 1);
	resolver_answer(w->resolver, w->upstream.slot, msg, len);
	assert_int_equal(w->sent_count, 2);
	world_free(w);
}

static void queries_are_counted(void **state)
{
	struct world *w = world_new();
	const struct resolver_counters *c = resolver_counters(w->resolver);

	(void)state;
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	ask(w, 2, "www.example.com", NTM_DNS_A);
	ask(w, 3, "ntm.example", NTM_DNS_SOA);
	assert_int_equal(c->queries, 3);
	assert_int_equal(c->ntm_names, 1);
	assert_int_equal(c->forwarded_upstream, 1);
	assert_int_equal(c->forwarded_dc, 1);
	assert_int_equal(c->malformed, 0);
	world_free(w);
}

static void freeing_answers_nothing(void **state)
{
	struct world *w = world_new();

	(void)state;
	ask(w, 1, "b.ntm.example", NTM_DNS_A);
	ask(w, 2, "www.example.com", NTM_DNS_A);
	resolver_free(w->resolver);
	w->resolver = NULL;
	assert_int_equal(w->sent_count, 0);
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_name_waits_for_its_tunnel),
		cmocka_unit_test(a_tunnel_that_is_up_answers_at_once),
		cmocka_unit_test(a_family_that_the_peer_lacks_is_an_empty_answer),
		cmocka_unit_test(our_own_name_needs_no_tunnel),
		cmocka_unit_test(a_late_tunnel_is_a_server_failure),
		cmocka_unit_test(a_query_asked_again_is_one),
		cmocka_unit_test(the_dc_answers_for_names_that_are_no_nodes),
		cmocka_unit_test(a_failure_that_is_remembered_counts_the_same),
		cmocka_unit_test(too_many_tunnels_are_a_server_failure),
		cmocka_unit_test(the_dcs_answer_is_given_as_it_came),
		cmocka_unit_test(what_goes_to_the_dc),
		cmocka_unit_test(a_name_too_long_for_a_node_is_none),
		cmocka_unit_test(a_node_may_have_an_underscore),
		cmocka_unit_test(what_goes_upstream),
		cmocka_unit_test(known_vips_have_names),
		cmocka_unit_test(other_classes_start_nothing),
		cmocka_unit_test(other_edns_versions_are_for_the_dc),
		cmocka_unit_test(other_opcodes_are_not_implemented),
		cmocka_unit_test(malformed_queries_are_told_so),
		cmocka_unit_test(what_is_no_dns_over_udp_is_refused),
		cmocka_unit_test(an_upstream_answer_is_given_as_it_came),
		cmocka_unit_test(nobody_to_ask_is_a_server_failure_at_once),
		cmocka_unit_test(a_silent_upstream_is_a_server_failure),
		cmocka_unit_test(a_failed_upstream_is_a_server_failure),
		cmocka_unit_test(an_answer_to_something_else_is_not_given),
		cmocka_unit_test(an_answer_that_fits_no_packet_is_a_server_failure),
		cmocka_unit_test(foreign_names_do_not_point_into_the_virtual_prefixes),
		cmocka_unit_test(rebinding_does_not_hide_in_a_long_answer),
		cmocka_unit_test(the_oldest_makes_room),
		cmocka_unit_test(a_late_answer_hits_nobody_else),
		cmocka_unit_test(queries_are_counted),
		cmocka_unit_test(freeing_answers_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
