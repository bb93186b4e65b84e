/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of inner packets on their way into a tunnel: sealed, kept, dropped, refused. */
#include "tunnelworld.h"

/* What passes whole: link.h's business. */
static size_t room = NTM_PKT_MAX;
size_t __wrap_ntm_link_room(const struct ntm_link *link);
size_t __wrap_ntm_link_room(const struct ntm_link *link)
{
	(void)link;
	return room;
}

static void data_starts_a_direction_and_waits(void **state)
{
	struct world *w = world_new();

	(void)state;
	for (uint8_t i = 1; i <= 3; i++)
		send_mark(&w->a, &w->b.lease.vip4, i);
	assert_int_equal(w->a.dc.count, 1);
	assert_int_equal(ask_of(&w->a, 0)->reason, NTM_REASON_DATA);
	assert_false(ask_of(&w->a, 0)->is_sip);
	direct(&w->a, 0);
	run(w, 100);
	assert_int_equal(w->b.inner, 3);
	assert_memory_equal(w->b.marks, "\1\2\3", 3); /* in order */
	assert_int_equal(w->a.icmp, 0);
	assert_int_equal(tunnels_counters(w->a.tunnels)->queued, 3);
	world_free(w);
}

/* sip.md 1: media joins the direction that is pending. */
static void data_joins_a_direction_that_is_pending(void **state)
{
	struct world *w = world_new();

	(void)state;
	want_vip(&w->a, &w->b.lease.vip4, NULL);
	send_mark(&w->a, &w->b.lease.vip4, 1);
	assert_int_equal(w->a.dc.count, 1);
	direct(&w->a, 0);
	run(w, 100);
	assert_int_equal(w->b.inner, 1);
	world_free(w);
}

static void send_by_name(struct side *s, const char *fqdn, uint8_t mark, struct waiter *waiter)
{
	const struct ntm_addr from = {.ip = s->lease.vip4, .port = 9};
	const struct ntm_addr to = {.ip = ntm_ip_v4(192, 0, 2, 77), .port = 9};
	struct ntm_pkt pkt;

	ntm_pkt_reset(&pkt);
	pkt.len = ntm_ippkt_build_udp(pkt.data, 1400, &from, &to, &mark, 1);
	tunnel_send_name(s->tunnels, fqdn, &pkt, &waiter->wait);
}

/* To a gateway: the packet's destination is none of its addresses. */
static void data_by_name_goes_to_that_peer(void **state)
{
	struct world *w = world_new();
	struct waiter waiter;

	(void)state;
	waiter = (struct waiter){.wait = {.fn = on_result, .arg = &waiter}};
	send_by_name(&w->a, "b.ntm.example", 1, &waiter);
	send_by_name(&w->a, "b.ntm.example", 2, &waiter);
	assert_int_equal(w->a.dc.count, 1);
	assert_string_equal(ask_of(&w->a, 0)->fqdn_cn, "b.ntm.example");
	assert_int_equal(ask_of(&w->a, 0)->vip_cn.family, 0);
	direct(&w->a, 0);
	run(w, 100);
	send_by_name(&w->a, "b.ntm.example", 3, &waiter);
	run(w, 100);
	assert_int_equal(w->b.inner, 3);
	assert_memory_equal(w->b.marks, "\1\2\3", 3);
	assert_int_equal(waiter.calls, 1);
	assert_int_equal(waiter.err, 0);
	world_free(w);
}

static void data_by_name_that_is_forbidden_comes_back(void **state)
{
	struct world *w = world_new();
	struct waiter waiter;

	(void)state;
	waiter = (struct waiter){.wait = {.fn = on_result, .arg = &waiter}};
	send_by_name(&w->a, "b.ntm.example", 1, &waiter);
	answer_error(&w->a, 0, NTM_DIR_FORBIDDEN, "no exit for you");
	assert_string_equal(waiter.words, "no exit for you");
	assert_int_equal(waiter.code, NTM_DIR_FORBIDDEN);
	assert_int_equal(w->a.icmp, 1);
	assert_int_equal(w->a.icmp_code, 13); /* administratively prohibited */
	send_by_name(&w->a, "b.ntm.example", 2, &waiter);
	assert_int_equal(w->a.icmp, 2);
	assert_int_equal(w->a.dc.count, 1);
	world_free(w);
}

static void an_up_tunnel_sends_at_once(void **state)
{
	struct world *w = world_up();

	(void)state;
	send_mark(&w->a, &w->b.lease.vip4, 1);
	send_mark(&w->a, &w->b.lease.vip6, 2);
	assert_int_equal(tunnels_counters(w->a.tunnels)->queued, 0);
	run(w, DELAY_MS);
	assert_int_equal(w->b.inner, 2);
	world_free(w);
}

static void the_queue_is_bounded_and_the_oldest_goes_first(void **state)
{
	struct world *w = world_new();

	(void)state;
	for (uint8_t i = 0; i < TUNNEL_QUEUE_PACKETS + 5; i++)
		send_mark(&w->a, &w->b.lease.vip4, i);
	assert_int_equal(tunnels_counters(w->a.tunnels)->queue_dropped, 5);
	direct(&w->a, 0);
	run(w, 100);
	assert_int_equal(w->b.inner, TUNNEL_QUEUE_PACKETS);
	for (uint8_t i = 0; i < TUNNEL_QUEUE_PACKETS; i++)
		assert_int_equal(w->b.marks[i], i + 5);
	world_free(w);
}

static void a_queue_that_was_emptied_is_used_again(void **state)
{
	struct world *w = world_new();
	struct ntm_msg_route_direction pair = pair_new(w);

	(void)state;
	send_mark(&w->a, &w->b.lease.vip4, 1);
	answer_error(&w->a, 0, NTM_DIR_OFFLINE, "b is offline");
	tell(&w->b, &pair, NTM_ROLE_REQUESTS); /* it is not */
	tell(&w->a, &pair, NTM_ROLE_ANSWERS);
	send_mark(&w->a, &w->b.lease.vip4, 2);
	send_mark(&w->a, &w->b.lease.vip4, 3);
	run(w, 100);
	assert_int_equal(w->b.inner, 2);
	assert_memory_equal(w->b.marks, "\2\3", 2);
	world_free(w);
}

struct refusal {
	uint8_t code; /* 0: the DC does not answer */
	uint8_t icmp4, icmp6;
};

/* ippkt.h: which error the application gets. */
static void a_failure_comes_back_as_icmp(void **state)
{
	static const struct refusal refusals[] = {
		{0, 0, 0},
		{NTM_DIR_NO_SUCH_ADDRESS, 1, 3},
		{NTM_DIR_OFFLINE, 1, 3},
		{NTM_DIR_NO_RELAY, 1, 3},
		{NTM_DIR_FORBIDDEN, 13, 1},
		{NTM_DIR_NO_DC, 0, 0},
		{NTM_DIR_UNTRUSTED, 13, 1},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *r = &refusals[i / 2];
		struct world *w = world_new();
		const struct ntm_ip *vip = i % 2 ? &w->b.lease.vip6 : &w->b.lease.vip4;

		send_mark(&w->a, vip, 1);
		assert_int_equal(w->a.icmp, 0);
		if (r->code == 0)
			answer(&w->a, 0, -ETIMEDOUT, NULL);
		else
			answer_error(&w->a, 0, r->code, "no");
		assert_int_equal(w->a.icmp, 1);
		assert_int_equal(w->a.icmp_type, i % 2 ? 1 : 3);
		assert_int_equal(w->a.icmp_code, i % 2 ? r->icmp6 : r->icmp4);
		/* And so does what comes while the failure is remembered. */
		w->a.icmp_code = 99;
		send_mark(&w->a, vip, 2);
		assert_int_equal(w->a.icmp, 2);
		assert_int_equal(w->a.icmp_code, i % 2 ? r->icmp6 : r->icmp4);
		assert_int_equal(w->a.dc.count, 1);
		assert_int_equal(tunnels_counters(w->a.tunnels)->unreachables, 2);
		assert_int_equal(tunnels_counters(w->a.tunnels)->queue_dropped, 2);
		world_free(w);
	}
}

static void a_peer_that_does_not_answer_is_an_unreachable_host(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->b.is_deaf = true;
	send_mark(&w->a, &w->b.lease.vip4, 1);
	direct(&w->a, 0);
	run(w, 3100);
	assert_int_equal(w->a.icmp, 1);
	assert_int_equal(w->a.icmp_code, 1);
	world_free(w);
}

static void a_request_that_cannot_be_made_is_an_unreachable_net(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->a.dc.err = -EBUSY;
	send_mark(&w->a, &w->b.lease.vip4, 1);
	assert_int_equal(w->a.icmp, 1);
	assert_int_equal(w->a.icmp_type, 3);
	assert_int_equal(w->a.icmp_code, 0);
	world_free(w);
}

static void errors_are_limited(void **state)
{
	struct world *w = world_new();

	(void)state;
	for (uint8_t i = 0; i < TUNNEL_QUEUE_PACKETS; i++)
		send_mark(&w->a, &w->b.lease.vip4, i);
	answer_error(&w->a, 0, NTM_DIR_OFFLINE, "b is offline");
	assert_int_equal(w->a.icmp, 20);
	run(w, 500);
	for (uint8_t i = 0; i < TUNNEL_QUEUE_PACKETS; i++)
		send_mark(&w->a, &w->b.lease.vip4, i);
	assert_int_equal(w->a.icmp, 30); /* 20 a second */
	world_free(w);
}

static void stopping_refuses_what_is_queued(void **state)
{
	struct world *w = world_new();

	(void)state;
	send_mark(&w->a, &w->b.lease.vip4, 1);
	tunnels_stop(w->a.tunnels);
	assert_int_equal(w->a.icmp, 1);
	assert_int_equal(w->a.icmp_code, 0);
	world_free(w);
}

struct kind {
	uint8_t first;
	size_t len;
	uint8_t cls;
};

/* design.md 4: real-time traffic is marked. */
static void rtp_is_marked_on_the_outside(void **state)
{
	static const struct kind kinds[] = {
		{0x80, 172, 1}, {0x80, 12, 1}, {0x80, 11, 0},  {'S', 172, 0},
		{0x00, 172, 0}, {0xc0, 20, 0}, {0xbf, 100, 1},
	};
	struct world *w = world_up();

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct kind *kind = &kinds[i / 2];
		const struct ntm_ip *vip = i % 2 ? &w->b.lease.vip6 : &w->b.lease.vip4;
		uint8_t payload[200] = {kind->first};
		struct ntm_pkt pkt;

		make_udp(&w->a, vip, payload, kind->len, &pkt);
		w->a.cls = 99;
		tunnel_send(w->a.tunnels, vip, &pkt);
		assert_int_equal(w->a.cls, kind->cls);
	}
	world_free(w);
}

/* Other protocols look like anything behind the IP header. */
static void only_udp_is_marked(void **state)
{
	struct world *w = world_up();
	uint8_t payload[100] = {0x80};
	struct ntm_pkt pkt;

	(void)state;
	make_udp(&w->a, &w->b.lease.vip4, payload, sizeof(payload), &pkt);
	pkt.data[9] = NTM_IPPROTO_TCP;
	tunnel_send(w->a.tunnels, &w->b.lease.vip4, &pkt);
	assert_int_equal(w->a.cls, 0);
	world_free(w);
}

static void send_long(struct side *s, const struct ntm_ip *dst, size_t len, uint8_t first)
{
	uint8_t payload[NTM_PKT_MAX] = {first};
	size_t head = dst->family == 4 ? 28 : 48;
	struct ntm_pkt pkt;

	for (size_t i = 1; i < len - head; i++)
		payload[i] = (uint8_t)(i * 7 + len);
	make_udp(s, dst, payload, len - head, &pkt);
	tunnel_send(s->tunnels, dst, &pkt);
}

/* Lengths on both sides of what passes whole, v4 and v6. */
static void what_is_too_long_goes_in_parts(void **state)
{
	static const struct {
		size_t len;
		unsigned parts;
	} rows[] = {{1183, 0}, {1184, 0}, {1185, 2}, {1400, 2}, {1900, 2}};
	struct world *w = world_up();

	(void)state;
	room = NTM_LINK_ROOM_MIN;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		const struct ntm_ip *vip = i % 2 ? &w->b.lease.vip6 : &w->b.lease.vip4;
		size_t len = rows[i / 2].len;
		uint8_t expected[NTM_PKT_MAX];
		uint64_t cut = tunnels_counters(w->a.tunnels)->cut;

		w->b.parts = w->b.inner = 0;
		w->b.longest = 0;
		send_long(&w->a, vip, len, 1);
		run(w, DELAY_MS);
		assert_int_equal(w->b.inner, 1);
		assert_int_equal(w->b.parts, rows[i / 2].parts);
		assert_int_equal(tunnels_counters(w->a.tunnels)->cut - cut, rows[i / 2].parts > 0);
		assert_in_range(w->b.longest, 64, NTM_LINK_ROOM_MIN);
		assert_int_equal(w->b.last_len, len);
		/* The same as one that was sent whole. */
		memcpy(expected, w->b.last, len);
		room = NTM_PKT_MAX;
		send_long(&w->a, vip, len, 1);
		run(w, DELAY_MS);
		assert_memory_equal(w->b.last, expected, len);
		room = NTM_LINK_ROOM_MIN;
	}
	assert_int_equal(tunnels_frags_counters(w->b.tunnels)->refused, 0);
	room = NTM_PKT_MAX;
	world_free(w);
}

static void parts_keep_the_class(void **state)
{
	struct world *w = world_up();

	(void)state;
	room = NTM_LINK_ROOM_MIN;
	send_long(&w->a, &w->b.lease.vip4, 1400, 0x80);
	assert_int_equal(w->a.cls, 1);
	send_long(&w->a, &w->b.lease.vip4, 1400, 0x10);
	assert_int_equal(w->a.cls, 0);
	room = NTM_PKT_MAX;
	world_free(w);
}

/* What waited for the tunnel is cut as well. */
static void what_was_queued_goes_in_parts(void **state)
{
	struct world *w = world_new();

	(void)state;
	room = NTM_LINK_ROOM_MIN;
	for (uint8_t i = 0; i < TUNNEL_QUEUE_PACKETS; i++)
		send_long(&w->a, &w->b.lease.vip4, 1400, 1);
	direct(&w->a, 0);
	run(w, 100);
	assert_int_equal(w->b.inner, TUNNEL_QUEUE_PACKETS);
	assert_int_equal(w->b.parts, 2 * TUNNEL_QUEUE_PACKETS);
	room = NTM_PKT_MAX;
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_starts_a_direction_and_waits),
		cmocka_unit_test(data_joins_a_direction_that_is_pending),
		cmocka_unit_test(data_by_name_goes_to_that_peer),
		cmocka_unit_test(data_by_name_that_is_forbidden_comes_back),
		cmocka_unit_test(an_up_tunnel_sends_at_once),
		cmocka_unit_test(the_queue_is_bounded_and_the_oldest_goes_first),
		cmocka_unit_test(a_queue_that_was_emptied_is_used_again),
		cmocka_unit_test(a_failure_comes_back_as_icmp),
		cmocka_unit_test(a_peer_that_does_not_answer_is_an_unreachable_host),
		cmocka_unit_test(a_request_that_cannot_be_made_is_an_unreachable_net),
		cmocka_unit_test(errors_are_limited),
		cmocka_unit_test(stopping_refuses_what_is_queued),
		cmocka_unit_test(rtp_is_marked_on_the_outside),
		cmocka_unit_test(only_udp_is_marked),
		cmocka_unit_test(what_is_too_long_goes_in_parts),
		cmocka_unit_test(parts_keep_the_class),
		cmocka_unit_test(what_was_queued_goes_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
