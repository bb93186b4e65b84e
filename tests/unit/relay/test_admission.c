/* SPDX-License-Identifier: BSD-2-Clause */
/* Admission: every reason to refuse, every byte changed, generations, accounts, draining. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "relayworld.h"

static void test_binds_both_sides(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = pair_up(w, 7, "192.0.2.1:7000", "[2001:db8::2]:7000");

	(void)state;
	assert_int_equal(relay_flow_count(w->relay), 1);
	assert_true(ntm_addr_eq(relayed(w, &pair.addr[0], pair.label), &pair.addr[1]));
	assert_true(ntm_addr_eq(relayed(w, &pair.addr[1], pair.label), &pair.addr[0]));
	world_free(w);
}

static void test_challenge_keeps_nothing(void **state)
{
	struct world *w = world_up(16);
	struct ntm_addr from = addr_of("192.0.2.1");
	struct pass pass = pass_for(w, 7, 0);
	uint8_t cookie[NTM_RELAY_COOKIE_LEN];

	(void)state;
	for (uint32_t i = 1; i < 100; i++)
		assert_true(get_cookie(w, &pass, &from, i, cookie));
	assert_int_equal(relay_flow_count(w->relay), 0);
	world_free(w);
}

/* One way to be refused: what to change in the world, ticket, address or frame. */
static void expect_refused(struct world *w, const struct pass *pass, const char *from,
			   enum relay_drop why)
{
	struct ntm_addr addr = addr_of(from);
	uint8_t cookie[NTM_RELAY_COOKIE_LEN];
	uint64_t before = drops_of(w, why);

	if (get_cookie(w, pass, &addr, 1, cookie))
		fail_msg("%s was challenged, not refused: %s", from, relay_drop_name(why));
	if (drops_of(w, why) != before + 1)
		fail_msg("not refused as %s", relay_drop_name(why));
}

static void test_refused_sources(void **state)
{
	static const char *const from[] = {
		"0.0.0.0",
		"0.1.2.3",
		"127.0.0.1",
		"224.0.0.1",
		"240.0.0.1",
		"255.255.255.255",
		"169.254.1.1",
		"203.0.113.50:9",
		"203.0.113.51:4331",
		"198.18.3.4",
		"[::]:1",
		"[::1]:1",
		"[ff02::1]:1",
		"[fe80::1]:1",
		"192.0.2.1:0",
		"[::ffff:127.0.0.1]:1",
		"[::ffff:203.0.113.50]:1",
	};
	struct world *w = world_up(16);
	struct pass pass = pass_for(w, 7, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		struct ntm_addr addr;
		uint8_t frame[NTM_RELAY_FRAME_MAX];
		uint64_t before = drops_of(w, RELAY_DROP_SOURCE);

		if (ntm_addr_parse(&addr, from[i], 7000) != 0)
			addr = (struct ntm_addr){.ip = ntm_ip_v4(192, 0, 2, 1)}; /* port 0 */
		assert_null(ask(w, &addr, frame, write_bind(&pass, 1, frame)));
		if (drops_of(w, RELAY_DROP_SOURCE) != before + 1)
			fail_msg("%s was not refused", from[i]);
	}
	/* Behind the relay's own NAT. */
	assert_true(
		bind_to(w, &pass, &(struct ntm_addr){ntm_ip_v4(203, 0, 113, 51), 7000}, 1, NULL));
	w->relay->sources.loopback = true;
	assert_true(bind_to(w, &pass, &(struct ntm_addr){ntm_ip_v4(127, 0, 0, 1), 7000}, 2, NULL));
	world_free(w);
}

static void test_refused_tickets(void **state)
{
	struct world *w = world_up(16);
	struct pass pass = pass_for(w, 7, 0), other;
	struct ntm_keys stranger;
	struct ntm_ticket_key key;

	(void)state;
	/* Expired, at this very second. */
	other = pass;
	other.ticket.expires_s = w->timers.wall_ms / 1000;
	seal(w, &other);
	expect_refused(w, &other, "192.0.2.1", RELAY_DROP_EXPIRED);
	/* For another relay. */
	ntm_keys_make(&stranger);
	key = ntm_ticket_key_make(w->dc_keys.sec, stranger.pub, DAY);
	ntm_ticket_seal(&pass.ticket, &key, stranger.pub, other.sealed);
	other.ticket = pass.ticket;
	expect_refused(w, &other, "192.0.2.1", RELAY_DROP_TICKET);
	/* By another DC. */
	key = ntm_ticket_key_make(stranger.sec, w->lease.keys.pub, DAY);
	ntm_ticket_seal(&pass.ticket, &key, w->lease.keys.pub, other.sealed);
	expect_refused(w, &other, "192.0.2.1", RELAY_DROP_TICKET);
	/* Of a day that is over, or that has not come. */
	key = ntm_ticket_key_make(w->dc_keys.sec, w->lease.keys.pub, DAY + 2);
	ntm_ticket_seal(&pass.ticket, &key, w->lease.keys.pub, other.sealed);
	expect_refused(w, &other, "192.0.2.1", RELAY_DROP_UNKNOWN_KEY);
	/* A stolen ticket without its bind key. */
	other = pass;
	other.ticket.bind_key[0] ^= 1;
	expect_refused(w, &other, "192.0.2.1", RELAY_DROP_MAC);
	assert_true(bind_to(w, &pass, &(struct ntm_addr){ntm_ip_v4(192, 0, 2, 1), 7000}, 1, NULL));
	world_free(w);
}

static void test_no_keys(void **state)
{
	struct world *w = world_new(16);
	struct pass pass = pass_for(w, 7, 0);

	(void)state;
	expect_refused(w, &pass, "192.0.2.1", RELAY_DROP_NO_KEYS);
	world_free(w);
}

static void test_yesterday_and_tomorrow(void **state)
{
	struct world *w = world_up(16);
	struct ntm_addr from = addr_of("192.0.2.1");
	struct pass pass = pass_for(w, 7, 0);

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		ntm_ticket_seal(&pass.ticket, &w->direction.keys.item[i], w->lease.keys.pub,
				pass.sealed);
		assert_true(bind_to(w, &pass, &from, i + 1, NULL));
	}
	world_free(w);
}

/* Every byte of both frames: not one change gets an answer. */
static void test_every_byte_counts(void **state)
{
	struct world *w = world_up(16);
	struct ntm_addr from = addr_of("192.0.2.1");
	struct pass pass = pass_for(w, 7, 0);
	uint8_t cookie[NTM_RELAY_COOKIE_LEN], frame[NTM_RELAY_FRAME_MAX];

	(void)state;
	assert_true(get_cookie(w, &pass, &from, 1, cookie));
	for (int answers = 0; answers < 2; answers++) {
		size_t len = answers ? write_answer(&pass, 1, cookie, frame)
				     : write_bind(&pass, 1, frame);

		for (size_t i = 0; i < len; i++)
			for (unsigned bit = 0; bit < 8; bit++) {
				frame[i] ^= (uint8_t)(1u << bit);
				if (i == 0 && frame[0] <= NTM_FRAME_TRANSPORT) {
					frame[i] ^= (uint8_t)(1u << bit);
					continue; /* another family */
				}
				assert_null(ask(w, &from, frame, len));
				frame[i] ^= (uint8_t)(1u << bit);
			}
		for (size_t cut = 0; cut < len; cut++)
			assert_null(ask(w, &from, frame, cut));
	}
	assert_int_equal(relay_flow_count(w->relay), 0);
	assert_int_equal(drops_of(w, RELAY_DROP_LIMITED), 0);
	world_free(w);
}

static void test_cookie_is_for_one_address(void **state)
{
	struct world *w = world_up(16);
	struct ntm_addr from = addr_of("192.0.2.1:7000"),
			other[] = {addr_of("192.0.2.1:7001"), addr_of("192.0.2.2:7000"),
				   addr_of("[2001:db8::1]:7000")};
	struct pass pass = pass_for(w, 7, 0), peer = pass_for(w, 7, 1), next = pass_for(w, 8, 0);
	uint8_t cookie[NTM_RELAY_COOKIE_LEN];
	struct ntm_relay_frame bound;

	(void)state;
	assert_true(get_cookie(w, &pass, &from, 1, cookie));
	for (size_t i = 0; i < 3; i++)
		assert_false(say_answer(w, &pass, &other[i], 1, cookie, &bound));
	assert_false(say_answer(w, &pass, &from, 2, cookie, &bound)); /* another generation */
	assert_false(say_answer(w, &peer, &from, 1, cookie, &bound)); /* another side */
	assert_false(say_answer(w, &next, &from, 1, cookie, &bound)); /* another flow */
	assert_int_equal(drops_of(w, RELAY_DROP_COOKIE), 6);
	assert_true(say_answer(w, &pass, &from, 1, cookie, &bound));
	world_free(w);
}

static void test_cookie_ages(void **state)
{
	struct world *w = world_up(16);
	struct ntm_addr from = addr_of("192.0.2.1");
	struct pass pass = pass_for(w, 7, 0);
	uint8_t cookie[NTM_RELAY_COOKIE_LEN];
	struct ntm_relay_frame bound;

	(void)state;
	assert_true(get_cookie(w, &pass, &from, 1, cookie));
	run_ms(w, BIND_COOKIE_SECRET_MS);
	assert_true(say_answer(w, &pass, &from, 1, cookie, &bound));
	assert_true(get_cookie(w, &pass, &from, 2, cookie));
	run_ms(w, 2 * BIND_COOKIE_SECRET_MS);
	assert_false(say_answer(w, &pass, &from, 2, cookie, &bound));
	world_free(w);
}

static void test_generations(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = pair_up(w, 7, "192.0.2.1:7000", "192.0.2.2:7000");
	struct ntm_addr moved = addr_of("192.0.2.9:7000");
	uint8_t cookie[NTM_RELAY_COOKIE_LEN];
	struct ntm_relay_frame bound;

	(void)state;
	/* A lost BOUND: the same once more. */
	assert_true(bind_to(w, &pair.pass[0], &pair.addr[0], 1, &bound));
	assert_int_equal(bound.label, pair.label);
	/* A replay from elsewhere moves nothing, nor does an older one. */
	assert_false(get_cookie(w, &pair.pass[0], &moved, 1, cookie));
	assert_false(get_cookie(w, &pair.pass[0], &moved, 0, cookie));
	assert_false(get_cookie(w, &pair.pass[0], &pair.addr[0], 0, cookie));
	assert_int_equal(drops_of(w, RELAY_DROP_GENERATION), 3);
	assert_true(ntm_addr_eq(relayed(w, &pair.addr[1], pair.label), &pair.addr[0]));
	/* A newer one moves the side; the old address is nobody's. */
	assert_true(bind_to(w, &pair.pass[0], &moved, 2, &bound));
	assert_int_equal(bound.label, pair.label);
	assert_true(bound.peer_bound);
	assert_true(ntm_addr_eq(relayed(w, &pair.addr[1], pair.label), &moved));
	assert_true(ntm_addr_eq(relayed(w, &moved, pair.label), &pair.addr[1]));
	assert_null(relayed(w, &pair.addr[0], pair.label));
	assert_int_equal(relay_flow_count(w->relay), 1);
	world_free(w);
}

/* Between a BIND of generation 2 and its ANSWER, generation 3 has come. */
static void test_overtaken(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = pair_up(w, 7, "192.0.2.1:7000", "192.0.2.2:7000");
	struct ntm_addr second = addr_of("192.0.2.9:2"), third = addr_of("192.0.2.9:3");
	uint8_t cookie[NTM_RELAY_COOKIE_LEN];
	struct ntm_relay_frame bound;

	(void)state;
	assert_true(get_cookie(w, &pair.pass[0], &second, 2, cookie));
	assert_true(bind_to(w, &pair.pass[0], &third, 3, NULL));
	assert_false(say_answer(w, &pair.pass[0], &second, 2, cookie, &bound));
	assert_true(ntm_addr_eq(relayed(w, &pair.addr[1], pair.label), &third));
	world_free(w);
}

/* Only who has answered a challenge hears, by silence, that there is no room. */
static void expect_full(struct world *w, const struct pass *pass)
{
	struct ntm_addr from = addr_of("192.0.2.3");
	uint64_t before = drops_of(w, RELAY_DROP_FULL);

	assert_false(bind_to(w, pass, &from, 1, NULL));
	assert_int_equal(drops_of(w, RELAY_DROP_FULL), before + 1);
}

static void test_full(void **state)
{
	struct world *w = world_up(2);
	struct pass third = pass_for(w, 3, 0);
	struct pair pair[2] = {pair_up(w, 1, "192.0.2.1:1", "192.0.2.2:1"),
			       pair_up(w, 2, "192.0.2.1:2", "192.0.2.2:2")};

	(void)state;
	expect_full(w, &third);
	run_ms(w, 60000);
	expect_full(w, &third);
	for (size_t i = 0; i < 2; i++)
		for (size_t side = 0; side < 2; side++)
			assert_non_null(relayed(w, &pair[i].addr[side], pair[i].label));
	run_ms(w, (NTM_RELAY_IDLE_S + 10) * 1000);
	assert_int_equal(relay_flow_count(w->relay), 0);
	third = pass_for(w, 3, 0);
	assert_true(bind_to(w, &third, &(struct ntm_addr){ntm_ip_v4(192, 0, 2, 3), 1}, 1, NULL));
	world_free(w);
}

/* Whoever binds one side of a thousand flows keeps nobody else out; flows that both sides use, or
 * that have just begun, stay. */
static void test_room_for_others(void **state)
{
	struct world *w = world_up(2000);
	struct ntm_addr greedy = addr_of("192.0.2.1"), peer = addr_of("192.0.2.2");
	struct pair call = pair_up(w, 1, "192.0.2.4:1", "192.0.2.5:1");
	struct pass late = pass_for(w, 2, 0), none = pass_for(w, 3, 0), peers;

	(void)state;
	for (uint64_t flow = 10; flow < 2009; flow++) {
		struct pass pass = pass_for(w, flow, 0);

		assert_true(bind_to(w, &pass, &greedy, 1, NULL));
	}
	assert_int_equal(relay_flow_count(w->relay), 2000);
	expect_full(w, &none);
	run_ms(w, 5000);
	assert_int_equal(w->report.flows, 2000);
	run_ms(w, 25000);
	assert_int_equal(w->report.flows, 1); /* the DC goes on to send nodes here */
	peers = late;
	peers.ticket.side = 1;
	seal(w, &peers);
	/* A BIND alone, which anybody may have recorded, ends nothing. */
	uint8_t cookie[NTM_RELAY_COOKIE_LEN];
	assert_true(get_cookie(w, &late, &peer, 1, cookie));
	assert_int_equal(w->relay->counters.flows_ended, 0);
	assert_true(bind_to(w, &late, &peer, 1, NULL));
	assert_true(bind_to(w, &peers, &call.addr[0], 1, NULL));
	assert_int_equal(relay_flow_count(w->relay), 2000);
	assert_int_equal(w->relay->counters.flows_ended, 1);
	for (uint64_t flow = 3000; flow < 4998; flow++) {
		struct pass pass = pass_for(w, flow, 0);

		assert_true(bind_to(w, &pass, &peer, 1, NULL));
	}
	assert_int_equal(relay_flow_count(w->relay), 2000);
	assert_int_equal(w->relay->counters.flows_ended, 1999);
	expect_full(w, &none); /* all have just begun */
	assert_non_null(relayed(w, &call.addr[0], call.label));
	assert_non_null(relayed(w, &call.addr[1], call.label));
	world_free(w);
}

static struct pass account_pass(struct world *w, uint64_t flow, uint8_t side, uint32_t account)
{
	struct pass pass = pass_for(w, flow, side);

	pass.ticket.account = account;
	seal(w, &pass);
	return pass;
}

static void test_account_flows(void **state)
{
	struct world *w = world_up(16);
	struct ntm_addr a = addr_of("192.0.2.1"), b = addr_of("192.0.2.2");
	struct pass pass[2][2];

	(void)state;
	w->direction.account_flows = 2;
	dc_directs(w);
	assert_int_equal(w->acks, 1);
	/* Both sides of one account are one flow. */
	for (uint8_t flow = 0; flow < 2; flow++)
		for (uint8_t side = 0; side < 2; side++) {
			pass[flow][side] = account_pass(w, flow + 1, side, 5);
			assert_true(bind_to(w, &pass[flow][side], side ? &b : &a, 1, NULL));
		}
	struct pass third = account_pass(w, 3, 0, 5), else_ = account_pass(w, 3, 0, 6);
	expect_refused(w, &third, "192.0.2.3", RELAY_DROP_ACCOUNT_FLOWS);
	assert_true(bind_to(w, &else_, &a, 1, NULL));
	/* The other side of another account's flow counts as well. */
	third = account_pass(w, 3, 1, 5);
	expect_refused(w, &third, "192.0.2.3", RELAY_DROP_ACCOUNT_FLOWS);
	/* What there is may move. */
	assert_true(bind_to(w, &pass[0][0], &b, 2, NULL));
	run_ms(w, (NTM_RELAY_IDLE_S + 10) * 1000);
	assert_int_equal(relay_flow_count(w->relay), 0);
	assert_int_equal(ntm_map_count(w->relay->accounts.map), 0);
	third = account_pass(w, 3, 0, 5);
	assert_true(bind_to(w, &third, &a, 1, NULL));
	world_free(w);
}

/* However many domains there are that may use the relay: its own one always finds room. */
static void test_own_part(void **state)
{
	struct world *w = world_up(16);
	struct ntm_addr a = addr_of("192.0.2.1");

	(void)state;
	for (uint32_t flow = 1; flow <= 12; flow++) {
		struct pass pass = account_pass(w, flow, 0, flow % 5 + 1);

		assert_true(bind_to(w, &pass, &a, 1, NULL));
	}
	struct pass next = account_pass(w, 13, 0, 9), peer = account_pass(w, 1, 1, 2);
	expect_refused(w, &next, "192.0.2.3", RELAY_DROP_ACCOUNT_FLOWS);
	assert_true(bind_to(w, &peer, &(struct ntm_addr){ntm_ip_v4(192, 0, 2, 3), 1}, 1, NULL));
	for (uint32_t flow = 14; flow <= 17; flow++) {
		struct pass own = pass_for(w, flow, 0);

		assert_true(bind_to(w, &own, &a, 1, NULL));
	}
	struct pass own = pass_for(w, 18, 0);
	expect_full(w, &own);
	run_ms(w, (NTM_RELAY_IDLE_S + 10) * 1000);
	assert_int_equal(relay_flow_count(w->relay), 0);
	next = account_pass(w, 13, 0, 9);
	assert_true(bind_to(w, &next, &a, 1, NULL));
	assert_int_equal(w->relay->accounts.others, 1);
	world_free(w);
}

/* A side that binds with a ticket of another account leaves the former one. */
static void test_account_changes(void **state)
{
	struct world *w = world_up(16);
	struct ntm_addr a = addr_of("192.0.2.1:7000"), b = addr_of("198.51.100.2:7000");
	struct pass first = account_pass(w, 1, 0, 5), other = account_pass(w, 1, 1, 6);
	struct pass second = account_pass(w, 1, 0, 6), third = account_pass(w, 1, 0, 7);
	const uint32_t five = 5, six = 6, seven = 7;
	const struct ntm_map *map = w->relay->accounts.map;
	const struct account *account;

	(void)state;
	w->direction.account_flows = 1;
	dc_directs(w);
	assert_true(bind_to(w, &first, &a, 1, NULL));
	assert_true(bind_to(w, &other, &b, 1, NULL));
	assert_int_equal(ntm_map_count(map), 2);
	/* The other side's: one flow is enough for both. */
	assert_true(bind_to(w, &second, &a, 2, NULL));
	assert_null(ntm_map_get(map, &five, sizeof(five)));
	account = ntm_map_get(map, &six, sizeof(six));
	assert_int_equal(account->flows, 1);
	/* And away again: the other side stays in it. */
	assert_true(bind_to(w, &third, &a, 3, NULL));
	account = ntm_map_get(map, &seven, sizeof(seven));
	assert_int_equal(account->flows, 1);
	account = ntm_map_get(map, &six, sizeof(six));
	assert_int_equal(account->flows, 1);
	/* Nobody is counted when all is over. */
	run_ms(w, 10 * NTM_RELAY_IDLE_S * 1000);
	assert_int_equal(ntm_map_count(map), 0);
	assert_int_equal(relay_flow_count(w->relay), 0);
	world_free(w);
}

static void test_draining(void **state)
{
	struct world *w = world_up(16);
	struct pass first = pass_for(w, 1, 0), peer = pass_for(w, 1, 1), other = pass_for(w, 2, 0);
	struct ntm_addr a = addr_of("192.0.2.1"), b = addr_of("192.0.2.2");
	unsigned reports;

	(void)state;
	assert_true(bind_to(w, &first, &a, 1, NULL));
	reports = w->reports;
	assert_false(w->report.draining);
	relay_drain(w->relay);
	run_ms(w, 1);
	assert_int_equal(w->reports, reports + 1); /* at once */
	assert_true(w->report.draining);
	expect_refused(w, &other, "192.0.2.3", RELAY_DROP_DRAINING);
	/* What has begun is completed, and may move. */
	assert_true(bind_to(w, &peer, &b, 1, NULL));
	assert_true(bind_to(w, &first, &b, 2, NULL));
	run_ms(w, (NTM_RELAY_IDLE_S - 1) * 1000);
	assert_int_equal(w->drained, 0);
	run_ms(w, 3000);
	assert_int_equal(w->drained, 1);
	assert_int_equal(relay_flow_count(w->relay), 0);
	run_ms(w, 5000);
	assert_int_equal(w->drained, 1);
	world_free(w);
}

static void test_draining_idle(void **state)
{
	struct world *w = world_up(16);

	(void)state;
	relay_drain(w->relay);
	run_ms(w, 10);
	assert_int_equal(w->drained, 1);
	world_free(w);
}

/* Sources can be forged: whoever has no ticket shuts nobody out, not even by the very address. */
static void test_forged_do_not_shut_out(void **state)
{
	struct world *w = world_up(16);
	struct pass pass = pass_for(w, 7, 0), forged = pass;
	struct ntm_addr from = addr_of("192.0.2.1");
	uint8_t frame[2][NTM_RELAY_FRAME_MAX];
	size_t len[2];

	(void)state;
	forged.sealed[40] ^= 1;
	len[0] = write_bind(&forged, 1, frame[0]);
	forged = pass;
	forged.ticket.bind_key[0] ^= 1;
	len[1] = write_bind(&forged, 1, frame[1]);
	for (unsigned i = 0; i < 20000; i++)
		assert_null(ask(w, &from, frame[i & 1], len[i & 1]));
	assert_int_equal(drops_of(w, RELAY_DROP_TICKET), 10000);
	assert_int_equal(drops_of(w, RELAY_DROP_MAC), 10000);
	assert_true(bind_to(w, &pass, &from, 1, NULL));
	assert_int_equal(drops_of(w, RELAY_DROP_LIMITED), 0);
	world_free(w);
}

/* One ticket gets only so many answers sent to one network, and takes nothing from others. */
static void test_limited_by_flow_and_network(void **state)
{
	struct world *w = world_up(16);
	struct pass pass = pass_for(w, 7, 0), other = pass_for(w, 8, 0);
	struct ntm_addr from = addr_of("192.0.2.1"), near = addr_of("192.0.2.200"),
			far = addr_of("198.51.100.1");
	uint8_t cookie[NTM_RELAY_COOKIE_LEN];

	(void)state;
	for (uint32_t i = 0; i < SOURCES_ADMIT_BURST; i++)
		assert_true(get_cookie(w, &pass, &from, i, cookie));
	assert_false(get_cookie(w, &pass, &near, 1, cookie));
	assert_int_equal(drops_of(w, RELAY_DROP_LIMITED), 1);
	assert_true(get_cookie(w, &pass, &far, 1, cookie));
	assert_true(get_cookie(w, &other, &near, 1, cookie));
	run_ms(w, 10);
	assert_true(get_cookie(w, &pass, &near, 1, cookie));
	world_free(w);
}

/* Somebody recorded BIND and ANSWER and sends them on and on, by the right address: the node still
 * binds anew. */
static void test_recorded_do_not_shut_out(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = pair_up(w, 7, "192.0.2.1:7000", "192.0.2.2:7000");
	struct ntm_addr moved = addr_of("192.0.2.1:7001");
	uint8_t frame[NTM_RELAY_FRAME_MAX];
	size_t len = write_bind(&pair.pass[0], 1, frame);
	unsigned answers = 0;

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		answers += ask(w, &pair.addr[0], frame, len) != NULL;
	assert_in_range(answers, 1, SOURCES_ADMIT_BURST);
	assert_int_equal(drops_of(w, RELAY_DROP_LIMITED), 2000 - answers);
	for (unsigned i = 0; i < 2000; i++)
		assert_null(ask(w, &moved, frame, len));
	assert_int_equal(drops_of(w, RELAY_DROP_GENERATION), 2000);
	assert_true(bind_to(w, &pair.pass[0], &moved, 2, NULL));
	assert_true(ntm_addr_eq(relayed(w, &pair.addr[1], pair.label), &moved));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binds_both_sides),
		cmocka_unit_test(test_challenge_keeps_nothing),
		cmocka_unit_test(test_refused_sources),
		cmocka_unit_test(test_refused_tickets),
		cmocka_unit_test(test_no_keys),
		cmocka_unit_test(test_yesterday_and_tomorrow),
		cmocka_unit_test(test_every_byte_counts),
		cmocka_unit_test(test_cookie_is_for_one_address),
		cmocka_unit_test(test_cookie_ages),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_overtaken),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_room_for_others),
		cmocka_unit_test(test_account_flows),
		cmocka_unit_test(test_own_part),
		cmocka_unit_test(test_account_changes),
		cmocka_unit_test(test_draining),
		cmocka_unit_test(test_draining_idle),
		cmocka_unit_test(test_forged_do_not_shut_out),
		cmocka_unit_test(test_limited_by_flow_and_network),
		cmocka_unit_test(test_recorded_do_not_shut_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
