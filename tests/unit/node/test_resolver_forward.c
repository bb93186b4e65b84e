/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the node's resolver: odd queries, what is forwarded, what comes back, bounds. */
#include "resolverworld.h"

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
