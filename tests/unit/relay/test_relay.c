/* SPDX-License-Identifier: BSD-2-Clause */
/* Forwarding: where packets go, quotas, the end of sides, UNBOUND, and a hundred thousand lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "manual.h"
#include "relayworld.h"

#define A "192.0.2.1:7000"
#define B "198.51.100.2:7000"

static void test_forwards_same_bytes(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = pair_up(w, 1, A, B);
	uint8_t frame[NTM_RELAYED_HEADER + 256], copy[sizeof(frame)];
	size_t len = write_relayed(pair.label, frame, 172);

	(void)state;
	memcpy(copy, frame, len);
	w->out_count = 0;
	assert_true(ntm_addr_eq(relay_input(w->relay, &pair.addr[0], frame, len), &pair.addr[1]));
	assert_memory_equal(frame, copy, len);
	assert_int_equal(w->out_count, 0);
	assert_int_equal(w->relay->counters.packets, 1);
	assert_int_equal(w->relay->counters.bytes, len);
	world_free(w);
}

/* One side alone: nothing is forwarded, and nothing reflected. */
static void test_needs_both_sides(void **state)
{
	struct world *w = world_up(16);
	struct pass pass = pass_for(w, 1, 0);
	struct ntm_addr a = addr_of(A);
	struct ntm_relay_frame bound;

	(void)state;
	assert_true(bind_to(w, &pass, &a, 1, &bound));
	assert_null(relayed(w, &a, bound.label));
	assert_int_equal(w->out_count, 0);
	assert_int_equal(drops_of(w, RELAY_DROP_PEER_UNBOUND), 1);
	world_free(w);
}

static const struct packet *expect_unbound(struct world *w, const struct ntm_addr *from,
					   uint32_t label)
{
	struct ntm_relay_frame got;

	assert_null(relayed(w, from, label));
	if (w->out_count == 0)
		return NULL;
	assert_int_equal(ntm_relay_frame_parse(&got, w->out[0].data, w->out[0].len), 0);
	assert_int_equal(got.type, NTM_FRAME_UNBOUND);
	assert_int_equal(got.label, label);
	assert_true(ntm_addr_eq(&w->out[0].to, from));
	return &w->out[0];
}

static void test_unbound(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = pair_up(w, 1, A, B);
	struct ntm_addr stranger = addr_of("192.0.2.1:7001"), own = w->own;

	(void)state;
	assert_non_null(expect_unbound(w, &pair.addr[0], pair.label ^ 0x80000000));
	assert_non_null(expect_unbound(w, &pair.addr[0], pair.label ^ 1));
	assert_non_null(expect_unbound(w, &stranger, pair.label));
	/* Not to where nothing may be sent. */
	assert_null(expect_unbound(w, &own, pair.label));
	assert_int_equal(drops_of(w, RELAY_DROP_SOURCE), 1);
	/* Not more than so many to one network, whatever comes without a label. */
	unsigned answered = 0;
	for (unsigned i = 0; i < 3 * SOURCES_UNBOUND_BURST; i++)
		answered += expect_unbound(w, &stranger, i) != NULL;
	assert_in_range(answered, 1, SOURCES_UNBOUND_BURST);
	assert_int_equal(answered + drops_of(w, RELAY_DROP_UNKNOWN_LIMITED) + 3,
			 drops_of(w, RELAY_DROP_UNKNOWN) + drops_of(w, RELAY_DROP_UNKNOWN_LIMITED));
	/* They do not take it from whoever knows a label there: a node whose NAT has moved it. */
	assert_non_null(expect_unbound(w, &stranger, pair.label));
	/* And that is limited as well, for each flow. */
	struct pair other = pair_up(w, 2, "192.0.2.9:7000", B);
	for (unsigned i = 0; i < 3 * SOURCES_UNBOUND_BURST; i++)
		answered += expect_unbound(w, &stranger, pair.label) != NULL;
	assert_in_range(answered, SOURCES_UNBOUND_BURST, 2 * SOURCES_UNBOUND_BURST);
	assert_non_null(expect_unbound(w, &stranger, other.label));
	world_free(w);
}

static void test_malformed(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = pair_up(w, 1, A, B);
	uint8_t frame[NTM_PKT_MAX + 1] = {0};
	size_t len = write_relayed(pair.label, frame, INNER_LEN);
	uint64_t count = 0;

	(void)state;
	for (size_t cut = 0; cut < NTM_RELAYED_HEADER + NTM_TRANSPORT_OVERHEAD; cut++, count++)
		assert_null(relay_input(w->relay, &pair.addr[0], frame, cut));
	for (size_t i = 1; i < 4; i++, count++) {
		frame[i] ^= 2;
		assert_null(relay_input(w->relay, &pair.addr[0], frame, len));
		frame[i] ^= 2;
	}
	frame[NTM_RELAYED_HEADER] = NTM_FRAME_RELAYED; /* no relaying of relaying */
	assert_null(relay_input(w->relay, &pair.addr[0], frame, len));
	frame[NTM_RELAYED_HEADER] = NTM_FRAME_TRANSPORT;
	assert_null(relay_input(w->relay, &pair.addr[0], frame, sizeof(frame))); /* too long */
	count += 2;
	for (unsigned type = 6; type < 256; type++) {
		if (type >= NTM_FRAME_RELAYED && type <= NTM_FRAME_BIND)
			continue;
		if (type == NTM_FRAME_ANSWER)
			continue;
		frame[0] = (uint8_t)type;
		assert_null(relay_input(w->relay, &pair.addr[0], frame, len));
		count++;
	}
	assert_int_equal(drops_of(w, RELAY_DROP_MALFORMED), count);
	assert_int_equal(w->out_count, 1); /* the BOUND of pair_up */
	world_free(w);
}

static void test_idle_ends_a_side(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = pair_up(w, 1, A, B);

	(void)state;
	/* Side 0 talks, side 1 does not. */
	for (int i = 0; i < NTM_RELAY_IDLE_S - 1; i++) {
		run_ms(w, 1000);
		assert_non_null(relayed(w, &pair.addr[0], pair.label));
	}
	run_ms(w, 1000);
	assert_null(relayed(w, &pair.addr[0], pair.label));
	assert_int_equal(drops_of(w, RELAY_DROP_PEER_UNBOUND), 1);
	assert_non_null(expect_unbound(w, &pair.addr[1], pair.label));
	assert_int_equal(relay_flow_count(w->relay), 1);
	/* It may come back, as a new one may: its generation is not known any more. */
	run_ms(w, 10000);
	assert_true(bind_to(w, &pair.pass[1], &pair.addr[1], 1, NULL));
	assert_non_null(relayed(w, &pair.addr[0], pair.label));
	run_ms(w, (NTM_RELAY_IDLE_S + 9) * 1000);
	assert_int_equal(relay_flow_count(w->relay), 0);
	assert_int_equal(w->relay->counters.flows_ended, 1);
	world_free(w);
}

/* By the configuration sooner; the nodes are told. */
static void test_idle_of_the_settings(void **state)
{
	struct world *w = world_new(16);
	struct ntm_addr a = addr_of(A), b = addr_of(B);
	struct ntm_relay_frame bound;

	(void)state;
	relay_free(w->relay);
	w->settings.idle_ms = 10000;
	relay_begin(w);
	run_ms(w, 100);
	for (uint8_t side = 0; side < 2; side++) {
		struct pass pass = pass_for(w, 1, side);

		assert_true(bind_to(w, &pass, side ? &b : &a, 1, &bound));
		assert_int_equal(bound.idle_s, 10);
	}
	run_ms(w, 9999);
	assert_non_null(relayed(w, &a, bound.label));
	run_ms(w, 1);
	assert_null(relayed(w, &a, bound.label)); /* b has been silent */
	run_ms(w, 20000);
	assert_int_equal(relay_flow_count(w->relay), 0);
	world_free(w);
}

static void test_ticket_ends_a_side(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = {.addr = {addr_of(A), addr_of(B)}};
	struct ntm_relay_frame bound;

	(void)state;
	for (uint8_t side = 0; side < 2; side++) {
		pair.pass[side] = pass_for(w, 1, side);
		pair.pass[side].ticket.expires_s = w->timers.wall_ms / 1000 + 10 + side;
		seal(w, &pair.pass[side]);
		assert_true(bind_to(w, &pair.pass[side], &pair.addr[side], 1, &bound));
	}
	run_ms(w, 9000);
	assert_non_null(relayed(w, &pair.addr[0], bound.label));
	run_ms(w, 1000);
	assert_non_null(expect_unbound(w, &pair.addr[0], bound.label));
	assert_null(relayed(w, &pair.addr[1], bound.label));
	/* Another ticket of the same flow: it goes on. */
	pair.pass[0] = pass_for(w, 1, 0);
	assert_true(bind_to(w, &pair.pass[0], &pair.addr[0], 2, &bound));
	assert_non_null(relayed(w, &pair.addr[0], bound.label));
	world_free(w);
}

/* A ticket without an end ends all the same. */
static void test_endless_ticket(void **state)
{
	struct world *w = world_up(16);
	struct pass pass = pass_for(w, 1, 0);
	struct ntm_addr a = addr_of(A);
	struct ntm_relay_frame bound;

	(void)state;
	pass.ticket.expires_s = INT64_MAX;
	seal(w, &pass);
	assert_true(bind_to(w, &pass, &a, 1, &bound));
	assert_in_range(flows_at(&w->relay->flows, bound.label)->side[0].ends_ms, 0,
			w->timers.now_ms + 3 * NTM_TICKET_DAY_S * 1000);
	world_free(w);
}

/* Packets of 72 bytes in a second that come through. */
static unsigned count_through(struct world *w, const struct pair *pair, unsigned side)
{
	unsigned count = 0;

	for (int i = 0; i < 1000; i++) {
		run_ms(w, 1);
		for (int k = 0; k < 4; k++)
			count += relayed(w, &pair->addr[side], pair->label) != NULL;
	}
	return count;
}

static void test_kbit_of_a_side(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = pair_up(w, 1, A, B);
	unsigned through;

	(void)state;
	pair.pass[0].ticket.kbit_s = 100;
	seal(w, &pair.pass[0]);
	assert_true(bind_to(w, &pair.pass[0], &pair.addr[0], 2, NULL));
	(void)count_through(w, &pair, 0); /* the burst */
	through = count_through(w, &pair, 0);
	assert_in_range(through, 100000 / PACKET_BITS - 2, 100000 / PACKET_BITS + 2);
	assert_int_equal(count_through(w, &pair, 1), 4000); /* not limited */
	assert_true(drops_of(w, RELAY_DROP_KBIT_SIDE) > 0);
	assert_int_equal(drops_of(w, RELAY_DROP_KBIT_ACCOUNT), 0);
	world_free(w);
}

static void test_kbit_of_an_account(void **state)
{
	struct world *w = world_up(16);
	struct pair pair[2] = {pair_of_account(w, 5, 1, A, B),
			       pair_of_account(w, 5, 2, "192.0.2.1:7001", "198.51.100.2:7001")};
	struct pair own = pair_up(w, 3, "192.0.2.1:7003", "198.51.100.2:7003");
	unsigned through;

	(void)state;
	w->direction.account_kbit_s = 200;
	dc_directs(w);
	assert_int_equal(count_through(w, &own, 0), 4000); /* has none */
	(void)count_through(w, &pair[0], 0);
	through = 0;
	for (int i = 0; i < 1000; i++) {
		run_ms(w, 1);
		for (unsigned k = 0; k < 4; k++)
			through += relayed(w, &pair[k / 2].addr[k % 2], pair[k / 2].label) != NULL;
	}
	assert_in_range(through, 200000 / PACKET_BITS - 2, 200000 / PACKET_BITS + 2);
	assert_true(drops_of(w, RELAY_DROP_KBIT_ACCOUNT) > 0);
	/* Of a higher one nothing that was saved up is left for a lower one. */
	w->direction.account_kbit_s = 8000;
	dc_directs(w);
	run_ms(w, 1000);
	w->direction.account_kbit_s = 200;
	dc_directs(w);
	through = 0;
	while (relayed(w, &pair[0].addr[0], pair[0].label) != NULL)
		through++;
	assert_in_range(through, 100000 / PACKET_BITS - 2, 100000 / PACKET_BITS + 2);
	/* No limit any more. */
	w->direction.account_kbit_s = 0;
	dc_directs(w);
	assert_int_equal(count_through(w, &pair[0], 0), 4000);
	world_free(w);
}

static void test_kbit_of_the_relay(void **state)
{
	struct world *w = world_new(16);

	(void)state;
	relay_free(w->relay);
	w->settings.kbit_max = 300;
	relay_begin(w);
	run_ms(w, 100);
	struct pair pair = pair_up(w, 1, A, B);
	(void)count_through(w, &pair, 0);
	assert_in_range(count_through(w, &pair, 0), 300000 / PACKET_BITS - 2,
			300000 / PACKET_BITS + 2);
	assert_true(drops_of(w, RELAY_DROP_KBIT_RELAY) > 0);
	run_ms(w, 2000);
	assert_int_equal(w->report.kbit_s_max, 300);
	world_free(w);
}

/* A relay that is full of bulk still carries every packet of a call, and bulk gets the rest. */
static void test_bulk_leaves_room_for_calls(void **state)
{
	struct world *w = world_new(16);
	unsigned calls = 0, bulk = 0;

	(void)state;
	relay_free(w->relay);
	w->settings.kbit_max = 300;
	relay_begin(w);
	run_ms(w, 100);
	struct pair call = pair_up(w, 1, A, B);
	struct pair load = pair_up(w, 2, "192.0.2.1:7001", "198.51.100.2:7001");
	for (int i = 0; i < 10000; i++) {
		run_ms(w, 1);
		for (int k = 0; k < 4; k++)
			bulk += relayed_as(w, &load.addr[0], load.label, 0) != NULL;
		if (i % 10 == 0)
			calls += relayed(w, &call.addr[i / 10 % 2], call.label) != NULL;
	}
	assert_int_equal(calls, 1000);
	/* With what the burst had in the beginning. */
	assert_in_range(calls + bulk, 3000000 / PACKET_BITS - 2, 3200000 / PACKET_BITS);
	/* When it is all that there is, it gets all. */
	bulk = 0;
	for (int i = 0; i < 10000; i++) {
		run_ms(w, 1);
		bulk += relayed_as(w, &load.addr[0], load.label, 0) != NULL;
	}
	assert_in_range(bulk, 3000000 / PACKET_BITS - 2, 3000000 / PACKET_BITS + 2);
	world_free(w);
}

static void test_drops_in_manual(void **state)
{
	struct world *w = world_up(4);
	json_t *status = relay_status_json(w->relay), *drops = json_object_get(status, "drops");

	(void)state;
	assert_int_equal(json_object_size(drops), RELAY_DROPS);
	assert_in_manual(drops);
	json_decref(status);
	world_free(w);
}

static void test_json(void **state)
{
	struct world *w = world_up(300);
	uint32_t pos = 0;
	size_t listed = 0;
	json_t *json;

	(void)state;
	for (uint64_t flow = 1; flow <= 250; flow++) {
		struct pass pass = pass_for(w, flow, 0);
		struct ntm_addr from = addr_of(A);

		from.port = (uint16_t)flow;
		assert_true(bind_to(w, &pass, &from, 1, NULL));
	}
	json = relay_status_json(w->relay);
	assert_non_null(json);
	assert_int_equal(json_integer_value(json_object_get(json, "flows")), 250);
	assert_true(json_is_true(json_object_get(json, "registered")));
	json_decref(json);
	while ((json = relay_flows_json(w->relay, &pos)) != NULL) {
		assert_true(json_array_size(json) <= RELAY_FLOWS_PAGE);
		listed += json_array_size(json);
		assert_string_not_equal(
			json_string_value(json_object_get(
				json_array_get(json_object_get(json_array_get(json, 0), "sides"),
					       0),
				"address")),
			"");
		json_decref(json);
	}
	assert_int_equal(listed, 250);
	world_free(w);
}

/* A handshake as one who knows our key can write it: keys are reckoned for the DC alone. */
static void test_handshakes_of_strangers(void **state)
{
	static const uint8_t purposes[] = {NTM_PURPOSE_NODE, NTM_PURPOSE_JOIN, NTM_PURPOSE_RELAY};
	struct world *w = world_up(16);
	const struct ntm_links_counters *session = ntm_links_counters(w->relay->links);
	struct ntm_addr from = addr_of(A), beside = w->dc_addr;
	uint8_t frame[NTM_HANDSHAKE_MAX], key[NTM_KEY_LEN];
	uint64_t before = session->frames_in;

	(void)state;
	beside.port++;
	ntm_mac1_key(key, w->lease.keys.pub);
	for (size_t i = 0; i < sizeof(purposes); i++) {
		struct ntm_handshake head = {.type = NTM_FRAME_INITIATION,
					     .purpose = purposes[i],
					     .sender = 5};
		size_t len = ntm_handshake_head(frame, &head);

		ntm_random(frame + len, 96);
		len = ntm_mac_append(frame, len + 96, key, NULL);
		for (int n = 0; n < 1000; n++) {
			assert_null(ask(w, &from, frame, len));
			assert_null(ask(w, &beside, frame, len));
		}
		assert_int_equal(session->frames_in, before);
		assert_int_equal(drops_of(w, RELAY_DROP_STRANGER), (i + 1) * 2000);
	}
	assert_null(relay_input(w->relay, &w->dc_addr, frame, 200));
	assert_int_equal(session->frames_in, before + 1);
	world_free(w);
}

/* ---- lies ---- */

#define LIES  100000
#define HOSTS 16

/* What somebody who hears everything, but has no ticket of flow 1, could send: parts of what he
 * heard, with changes, from anywhere. */
struct liar {
	uint8_t heard[8][NTM_PKT_MAX];
	size_t len[8];
	size_t count;
};

static void hear(struct liar *liar, const uint8_t *data, size_t len)
{
	memcpy(liar->heard[liar->count], data, len);
	liar->len[liar->count++] = len;
}

static size_t lie(const struct liar *liar, uint8_t out[static NTM_PKT_MAX])
{
	size_t from = ntm_random_u32() % (liar->count + 2);
	size_t len = ntm_random_u32() % 400;

	if (from >= liar->count) {
		ntm_random(out, len);
		if (len > 4 && from > liar->count) {
			out[0] = (uint8_t)(NTM_FRAME_RELAYED + ntm_random_u32() % 6);
			memset(out + 1, 0, 3);
		}
		return len;
	}
	len = liar->len[from];
	memcpy(out, liar->heard[from], len);
	for (uint32_t i = ntm_random_u32() % 4; i > 0; i--)
		out[ntm_random_u32() % len] ^= (uint8_t)(1u << ntm_random_u32() % 8);
	return len;
}

static void test_hundred_thousand_lies(void **state)
{
	struct world *w = world_up(64);
	struct pair pair = pair_up(w, 1, A, B);
	struct liar liar = {.count = 0};
	struct pass next = pass_for(w, 1, 1), expired = pass_for(w, 9, 0),
		    alone = pass_for(w, 8, 0);
	uint8_t frame[NTM_PKT_MAX], cookie[NTM_RELAY_COOKIE_LEN];
	uint64_t in = 0, forwarded = 0;

	(void)state;
	hear(&liar, frame, write_bind(&pair.pass[0], 1, frame)); /* replays */
	hear(&liar, frame, write_bind(&next, 2, frame));         /* somebody else's, not used yet */
	assert_true(get_cookie(w, &next, &pair.addr[1], 2, cookie));
	hear(&liar, w->out[0].data, w->out[0].len); /* the challenge for it */
	hear(&liar, frame, write_answer(&pair.pass[1], 1, cookie, frame));
	expired.ticket.expires_s = 1;
	seal(w, &expired);
	hear(&liar, frame, write_bind(&expired, 1, frame));
	hear(&liar, frame, write_bind(&alone, 1, frame));
	hear(&liar, frame, write_relayed(pair.label, frame, 172));
	w->bytes_out = 0;
	for (unsigned i = 0; i < LIES; i++) {
		/* Any of 65,536 networks, and now and then the sides' own addresses. */
		struct ntm_addr from = {.ip = ntm_ip_v4(10, (uint8_t)ntm_random_u32(),
							(uint8_t)ntm_random_u32(), 1),
					.port = 7000};
		size_t len = lie(&liar, frame);

		if (i % 100 == 0)
			run_ms(w, 1);
		w->out_count = 0;
		in += len;
		const struct ntm_addr *to = relay_input(w->relay, &from, frame, len);
		assert_true(w->out_count + (to != NULL) <= 1);
		assert_true(w->out_count == 0 || w->out[0].len <= len);
		forwarded += to != NULL;
	}
	assert_int_equal(forwarded, 0);
	assert_true(w->bytes_out > 0 && w->bytes_out <= in);
	assert_int_equal(relay_flow_count(w->relay), 1);
	assert_int_equal(w->relay->counters.bound, 2);
	assert_true(ntm_addr_eq(relayed(w, &pair.addr[0], pair.label), &pair.addr[1]));
	world_free(w);
}

/* With tickets of his own, and sources that are not his: only what answers a challenge is ever sent
 * to. */
static void test_only_who_answered(void **state)
{
	struct world *w = world_up(64);
	struct ntm_addr host[HOSTS];
	bool answered[HOSTS] = {false};
	struct pass pass[8][2];
	uint32_t label[8] = {0};

	(void)state;
	for (unsigned i = 0; i < HOSTS; i++)
		host[i] = (struct ntm_addr){.ip = ntm_ip_v4(192, 0, 2, (uint8_t)(i + 1)),
					    .port = 7000};
	for (uint64_t i = 0; i < 8; i++)
		for (uint8_t side = 0; side < 2; side++)
			pass[i][side] = pass_for(w, i + 1, side);
	for (unsigned i = 0; i < LIES; i++) {
		uint32_t flow = ntm_random_u32() % 8, side = ntm_random_u32() % 2;
		uint32_t from = ntm_random_u32() % HOSTS, generation = ntm_random_u32() % 64;
		uint8_t frame[NTM_RELAYED_HEADER + 256], cookie[NTM_RELAY_COOKIE_LEN];
		struct ntm_relay_frame bound;

		if (i % 50 == 0)
			run_ms(w, 100);
		/* Hosts from HOSTS / 2 on are spoofed: what is sent there is lost. */
		if (ntm_random_u32() % 3 == 0) {
			if (get_cookie(w, &pass[flow][side], &host[from], generation, cookie) &&
			    from < HOSTS / 2 &&
			    say_answer(w, &pass[flow][side], &host[from], generation, cookie,
				       &bound)) {
				answered[from] = true;
				label[flow] = bound.label;
			}
			continue;
		}
		w->out_count = 0;
		size_t len = write_relayed(label[flow], frame, INNER_LEN);
		const struct ntm_addr *to = relay_input(w->relay, &host[from], frame, len);
		for (unsigned k = 0; to != NULL && k < HOSTS; k++)
			if (ntm_addr_eq(to, &host[k]))
				assert_true(answered[k] && k < HOSTS / 2 && answered[from]);
	}
	assert_true(w->relay->counters.packets > 100);
	world_free(w);
}

static void test_memory(void **state)
{
	(void)state;
	/* A flow, and its two places in the index at most. */
	assert_in_range(sizeof(struct flow) + 4 * sizeof(uint32_t), 0, 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forwards_same_bytes),
		cmocka_unit_test(test_needs_both_sides),
		cmocka_unit_test(test_unbound),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_idle_ends_a_side),
		cmocka_unit_test(test_idle_of_the_settings),
		cmocka_unit_test(test_ticket_ends_a_side),
		cmocka_unit_test(test_endless_ticket),
		cmocka_unit_test(test_kbit_of_a_side),
		cmocka_unit_test(test_kbit_of_an_account),
		cmocka_unit_test(test_kbit_of_the_relay),
		cmocka_unit_test(test_bulk_leaves_room_for_calls),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_drops_in_manual),
		cmocka_unit_test(test_handshakes_of_strangers),
		cmocka_unit_test(test_hundred_thousand_lies),
		cmocka_unit_test(test_only_who_answered),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
