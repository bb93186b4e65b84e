/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of sip.md 1 to 4, one by one. */
#include "sipworld.h"

#include "node/partner_sample.h"

#define INVITE_OUT(w) assert_false(FROM_APP(w, .start = "INVITE", .sdp = OWN))
#define INVITE_IN(w)  assert_false(TO_APP(w, .start = "INVITE", .sdp = BOB))
#define OK_BOB        .start = "200 OK", .to = "bob", .sdp = BOB
#define OK_OWN        .start = "200 OK", .to = "own", .sdp = OWN

static const struct sipwatch_counters *counters(const struct world *w)
{
	return sipwatch_counters(w->watch);
}

/* ---- the caller (R83-R96) ---- */

static void an_answer_is_held_until_the_tunnel_is_up(void **state)
{
	struct world *w = *state;
	struct ntm_pkt held;

	INVITE_OUT(w);
	assert_int_equal(w->tunnels.starts, 0); /* R81 */
	assert_true(TO_APP(w, OK_BOB));
	held = w->last;
	held.data = held.base + (w->last.data - w->last.base);
	assert_int_equal(w->tunnels.starts, 1);
	pass_ms(w, 150);
	assert_int_equal(w->released_count, 0);
	bring_up(w, BOB);
	assert_int_equal(w->released_count, 1);
	assert_int_equal(w->released[0].way, SIPWATCH_TO_APP);
	assert_release(w, 0, &held);
	pass_ms(w, 40000);
	assert_int_equal(w->released_count, 1);
	assert_int_equal(counters(w)->held, 1);
	assert_int_equal(counters(w)->released_up, 1);
}

static void an_answer_of_a_call_never_seen_is_ours(void **state)
{
	struct world *w = *state;

	assert_true(TO_APP(w, OK_BOB));
	bring_up(w, BOB);
	assert_int_equal(w->released_count, 1);
}

static void with_the_tunnel_up_an_answer_passes(void **state)
{
	struct world *w = *state;

	bring_up(w, BOB);
	INVITE_OUT(w);
	assert_false(TO_APP(w, OK_BOB));
	assert_int_equal(counters(w)->held, 0);
}

static void past_the_deadline_it_goes_on(void **state)
{
	struct world *w = *state;

	INVITE_OUT(w);
	assert_true(TO_APP(w, OK_BOB));
	pass_ms(w, 1999);
	assert_int_equal(w->released_count, 0);
	pass_ms(w, 1);
	assert_int_equal(w->released_count, 1);
	assert_release(w, 0, &w->last);
	assert_int_equal(counters(w)->released_deadline, 1);
	bring_up(w, BOB); /* late: nothing more comes */
	assert_int_equal(w->released_count, 1);
}

static void no_setting_holds_above_the_limit(void **state)
{
	struct world *w = *state;

	w->settings.hold_caller_ms = 60000;
	assert_true(TO_APP(w, OK_BOB));
	pass_ms(w, SIPWATCH_HOLD_LIMIT_MS);
	assert_int_equal(w->released_count, 1);
}

static void when_the_direction_fails_it_goes_on_at_once(void **state)
{
	struct world *w = *state;

	assert_true(TO_APP(w, OK_BOB));
	let_fail(w, BOB);
	assert_int_equal(w->released_count, 1);
	assert_int_equal(counters(w)->released_failed, 1);
	assert_false(TO_APP(w, .start = "200 OK", .call_id = "other", .to = "bob", .sdp = BOB));
}

/* The peer is in a partner domain; elsewhere, nobody is waited for. */
static void partners_are_waited_for(void **state)
{
	struct world *w = *state;

	assert_false(TO_APP(w, .start = "200 OK", .to = "bob", .sdp = "198.19.0.9"));
	partner_put(&w->partners, &w->lease, partner_sample("b.example", 2, "198.19.0.0/16", NULL));
	assert_true(TO_APP(w, .start = "200 OK", .call_id = "2", .to = "bob", .sdp = "198.19.0.9"));
	assert_int_equal(w->tunnels.starts, 1);
	bring_up(w, "198.19.0.9");
	assert_int_equal(w->released_count, 1);
	/* Its addresses are no real ones that a phone gives away. */
	assert_false(TO_APP(w, .start = "200 OK", .to = "bob", .call_id = "3", .sdp = "198.19.0.9",
			    .extra = "a=candidate:1 1 UDP 1 198.19.0.9 4000 typ host\r\n"));
	assert_int_equal(counters(w)->candidates_seen, 0);
}

static void it_waits_for_all_that_it_names(void **state)
{
	struct world *w = *state;

	assert_true(
		TO_APP(w, OK_BOB, .extra = "m=video 4002 RTP/AVP 31\r\nc=IN IP4 " CAROL "\r\n"));
	assert_int_equal(w->tunnels.starts, 2);
	bring_up(w, BOB);
	assert_int_equal(w->released_count, 0);
	bring_up(w, CAROL);
	assert_int_equal(w->released_count, 1);
}

static void copies_are_swallowed_and_the_newest_is_released(void **state)
{
	struct world *w = *state;

	INVITE_OUT(w);
	assert_true(TO_APP(w, OK_BOB, .more = "X: first\r\n"));
	pass_ms(w, 500);
	assert_true(TO_APP(w, OK_BOB, .more = "X: the second\r\n"));
	pass_ms(w, 1000);
	assert_true(TO_APP(w, OK_BOB, .more = "X: 3\r\n"));
	assert_int_equal(counters(w)->swallowed, 2);
	pass_ms(w, 499);
	assert_int_equal(w->released_count, 0);
	pass_ms(w, 1); /* copies do not move the deadline */
	assert_int_equal(w->released_count, 1);
	assert_release(w, 0, &w->last);
	assert_int_equal(counters(w)->held, 1);
}

static void forks_are_held_each_alone(void **state)
{
	struct world *w = *state;

	INVITE_OUT(w);
	assert_true(TO_APP(w, OK_BOB));
	assert_true(TO_APP(w, .start = "200 OK", .to = "carol", .sdp = CAROL));
	bring_up(w, CAROL);
	assert_int_equal(w->released_count, 1);
	assert_says(w, 0, "tag=carol");
	bring_up(w, BOB);
	assert_int_equal(w->released_count, 2);
	assert_says(w, 1, "tag=bob");
}

static void a_bye_flushes_what_is_held(void **state)
{
	struct world *w = *state;

	INVITE_OUT(w);
	assert_true(TO_APP(w, OK_BOB));
	assert_false(TO_APP(w, .start = "BYE", .from = "bob", .to = "alice", .cseq = 7));
	assert_int_equal(w->released_count, 1);
	assert_says(w, 0, "200 OK");
	pass_ms(w, 5000);
	bring_up(w, BOB);
	assert_int_equal(w->released_count, 1);
}

static void a_cancel_flushes_what_is_held(void **state)
{
	struct world *w = *state;

	INVITE_OUT(w);
	assert_true(TO_APP(w, OK_BOB));
	assert_false(FROM_APP(w, .start = "CANCEL"));
	assert_int_equal(w->released_count, 1);
}

static void a_request_behind_a_held_message_waits_behind_it(void **state)
{
	struct world *w = *state;

	INVITE_OUT(w);
	assert_true(TO_APP(w, OK_BOB));
	assert_true(TO_APP(w, .start = "INVITE", .from = "bob", .to = "alice", .cseq = 7));
	assert_true(TO_APP(w, .start = "INFO", .from = "bob", .to = "alice", .cseq = 8));
	assert_true(TO_APP(w, .start = "INFO", .from = "bob", .to = "alice", .cseq = 8));
	assert_int_equal(w->released_count, 0);
	bring_up(w, BOB);
	assert_int_equal(w->released_count, 3);
	assert_says(w, 0, "SIP/2.0 200 OK");
	assert_says(w, 1, "CSeq: 7 INVITE");
	assert_says(w, 2, "CSeq: 8 INFO");
}

static void another_call_does_not_wait(void **state)
{
	struct world *w = *state;

	assert_true(TO_APP(w, OK_BOB));
	assert_false(TO_APP(w, .start = "INFO", .call_id = "other", .from = "x", .to = "y"));
	assert_false(FROM_APP(w, .start = "INFO", .from = "alice", .to = "bob"));
}

/* ---- bounds ---- */

static void four_of_a_peer_are_held_and_no_more(void **state)
{
	struct world *w = *state;
	char id[16];

	for (int i = 0; i < SIPWATCH_HELD_PER_PEER + 1; i++) {
		snprintf(id, sizeof(id), "call-%d", i);
		assert_int_equal(TO_APP(w, OK_BOB, .call_id = id), i < SIPWATCH_HELD_PER_PEER);
	}
	assert_int_equal(counters(w)->over_bound, 1);
	bring_up(w, BOB);
	assert_int_equal(w->released_count, SIPWATCH_HELD_PER_PEER);
}

static void past_64_messages_pass(void **state)
{
	struct world *w = *state;
	char id[16], peer[20], vip[20];
	int taken = 0;

	w->settings.hold_caller_ms = 10000;
	for (int i = 0; i < SIPWATCH_HELD_MAX + 3; i++) {
		snprintf(id, sizeof(id), "call-%d", i);
		snprintf(peer, sizeof(peer), "198.18.1.%d", i);
		snprintf(vip, sizeof(vip), "198.18.2.%d", i);
		w->peer = peer;
		taken += TO_APP(w, .start = "200 OK", .call_id = id, .to = "x", .sdp = vip);
	}
	assert_int_equal(taken, SIPWATCH_HELD_MAX);
	assert_int_equal(counters(w)->over_bound, 3);
	assert_int_equal(w->tunnels.starts, SIPWATCH_HELD_MAX + 3); /* started all the same */
	sipwatch_flush(w->watch);
	assert_int_equal(w->released_count, SIPWATCH_HELD_MAX);
}

static void one_sip_peer_cannot_cause_directions_without_end(void **state)
{
	struct world *w = *state;
	char id[16], vip[20];

	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "call-%d", i);
		snprintf(vip, sizeof(vip), "198.18.2.%d", i);
		TO_APP(w, .start = "200 OK", .call_id = id, .to = "x", .sdp = vip);
	}
	size_t burst = w->tunnels.starts;
	assert_in_range(burst, SIPWATCH_PER_PEER_PER_S, 20);
	w->peer = DAVE; /* has a bucket of its own */
	TO_APP(w, OK_BOB);
	assert_int_equal(w->tunnels.starts, burst + 1);
}

static void freeing_forgets_what_is_held(void **state)
{
	struct world *w = *state;

	assert_true(TO_APP(w, OK_BOB)); /* teardown looks for waits and timers left behind */
	assert_int_equal(w->released_count, 0);
}

/* ---- whether to hold at all ---- */

static void while_the_dc_does_not_answer_nothing_is_held(void **state)
{
	struct world *w = *state;

	w->dc_answers = false;
	assert_false(TO_APP(w, OK_BOB));
	assert_int_equal(w->tunnels.starts, 1); /* but wanted */
	INVITE_IN(w);
	assert_false(FROM_APP(w, OK_OWN));
	w->dc_answers = true;
	assert_true(TO_APP(w, .start = "200 OK", .call_id = "2", .to = "carol", .sdp = CAROL));
}

static const struct {
	int hold;
	bool caller, callee;
} holds[] = {
	{NODE_HOLD_BOTH, true, true},
	{NODE_HOLD_CALLER, true, false},
	{NODE_HOLD_OFF, false, false},
};

static void the_setting_hold_decides_who_holds(void **state)
{
	struct world *w;

	for (size_t i = 0; i < sizeof(holds) / sizeof(holds[0]); i++) {
		world_teardown(state);
		world_setup(state);
		w = *state;
		w->settings.hold = holds[i].hold;
		assert_int_equal(TO_APP(w, .start = "200 OK", .to = "c", .sdp = CAROL),
				 holds[i].caller);
		assert_false(TO_APP(w, .start = "INVITE", .call_id = "2", .sdp = BOB));
		assert_int_equal(FROM_APP(w, OK_OWN, .call_id = "2"), holds[i].callee);
		assert_true(is_wanted(w, BOB)); /* in any case */
		assert_true(is_wanted(w, CAROL));
	}
}

/* ---- sip.md 2: which messages ---- */

static const struct {
	const char *name;
	bool from_app; /* else to_app */
	struct say say;
	bool is_taken, is_wanted;
} rows[] = {
	{"first INVITE", 0, {.start = "INVITE", .sdp = BOB}, 0, 0},
	{"re-INVITE", 0, {.start = "INVITE", .to = "t", .sdp = BOB}, 0, 1},
	{"ACK with SDP", 0, {.start = "ACK", .to = "t", .sdp = BOB}, 1, 1},
	{"PRACK with SDP", 0, {.start = "PRACK", .to = "t", .sdp = BOB}, 1, 1},
	{"UPDATE with SDP", 0, {.start = "UPDATE", .to = "t", .sdp = BOB}, 1, 1},
	{"ACK without SDP", 0, {.start = "ACK", .to = "t"}, 0, 0},
	{"180 without SDP", 0, {.start = "180 Ringing", .to = "t"}, 0, 0},
	{"180 with SDP", 0, {.start = "180 Ringing", .to = "t", .sdp = BOB}, 1, 1},
	{"183 with SDP", 0, {.start = "183 Progress", .to = "t", .sdp = BOB}, 1, 1},
	{"200 with other words", 0, {.start = "200 Answering", .to = "t", .sdp = BOB}, 1, 1},
	{"202 to INVITE", 0, {.start = "202 Accepted", .to = "t", .sdp = BOB}, 1, 1},
	{"200 to UPDATE", 0, {.start = "200 OK", .to = "t", .method = "UPDATE", .sdp = BOB}, 1, 1},
	{"200 to PRACK", 0, {.start = "200 OK", .to = "t", .method = "PRACK", .sdp = BOB}, 1, 1},
	{"200 to OPTIONS",
	 0,
	 {.start = "200 OK", .to = "t", .method = "OPTIONS", .sdp = BOB},
	 0,
	 0},
	{"200 to BYE", 0, {.start = "200 OK", .to = "t", .method = "BYE", .sdp = BOB}, 0, 0},
	{"200 without SDP", 0, {.start = "200 OK", .to = "t"}, 0, 0},
	{"302 with SDP", 0, {.start = "302 Moved", .to = "t", .sdp = BOB}, 0, 0},
	{"488 with SDP", 0, {.start = "488 No", .to = "t", .sdp = BOB}, 0, 0},
	{"own VIP", 0, {.start = "200 OK", .to = "t", .sdp = OWN}, 0, 0},
	{"not virtual", 0, {.start = "200 OK", .to = "t", .sdp = "192.0.2.1"}, 0, 0},
	{"on hold", 0, {.start = "200 OK", .to = "t", .sdp = "0.0.0.0"}, 0, 0},
	{"own answer, no offer known", 1, {.start = "200 OK", .to = "t", .sdp = OWN}, 0, 0},
	{"own INVITE", 1, {.start = "INVITE", .sdp = OWN}, 0, 0},
	{"own ACK", 1, {.start = "ACK", .to = "t", .sdp = OWN}, 0, 0},
};

static void each_message_has_its_rule(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_teardown(state);
		world_setup(state);
		struct world *w = *state;
		bool taken = send_say(w, rows[i].from_app ? SIPWATCH_FROM_APP : SIPWATCH_TO_APP,
				      &rows[i].say);

		if (taken != rows[i].is_taken || is_wanted(w, BOB) != rows[i].is_wanted)
			fail_msg("%s: taken %d, wanted %d", rows[i].name, taken, is_wanted(w, BOB));
		if (taken) { /* nothing waits longer than the soft limit */
			pass_ms(w, 2000);
			assert_int_equal(w->released_count, 1);
		}
	}
}

static void a_ringing_without_sdp_passes_a_held_one(void **state)
{
	struct world *w = *state;

	assert_true(TO_APP(w, .start = "183 Progress", .to = "bob", .sdp = BOB));
	assert_false(TO_APP(w, .start = "180 Ringing", .to = "bob"));
}

static void prewarm_starts_at_the_first_invite(void **state)
{
	struct world *w = *state;

	w->settings.prewarm = NTM_SIP_PREWARM_INVITE;
	INVITE_IN(w);
	assert_true(is_wanted(w, BOB));
}

static void prewarm_starts_when_the_app_rings(void **state)
{
	struct world *w = *state;

	w->settings.prewarm = NTM_SIP_PREWARM_RINGING;
	INVITE_IN(w);
	assert_false(is_wanted(w, BOB));
	assert_false(FROM_APP(w, .start = "180 Ringing", .to = "own"));
	assert_true(is_wanted(w, BOB));
}

/* I6: the peer's VIP comes in a re-INVITE, and our own answer to it is held. */
static void direct_media_of_a_b2bua_comes_with_a_re_invite(void **state)
{
	struct world *w = *state;

	bring_up(w, SERVER);
	INVITE_OUT(w);
	assert_false(TO_APP(w, .start = "200 OK", .to = "pbx", .sdp = SERVER));
	assert_false(TO_APP(w, .start = "INVITE", .from = "pbx", .to = "alice", .cseq = 102,
			    .sdp = BOB));
	assert_true(is_wanted(w, BOB));
	assert_true(FROM_APP(w, .start = "200 OK", .from = "pbx", .to = "alice", .cseq = 102,
			     .sdp = OWN));
	bring_up(w, BOB);
	assert_int_equal(w->released_count, 1);
	assert_int_equal(w->released[0].way, SIPWATCH_FROM_APP);
}

static void late_offer_caller_holds_the_answer_callee_the_ack(void **state)
{
	struct world *w = *state;

	assert_false(FROM_APP(w, .start = "INVITE"));
	assert_true(TO_APP(w, OK_BOB));
	bring_up(w, BOB);
	assert_false(FROM_APP(w, .start = "ACK", .to = "bob", .sdp = OWN));
	assert_int_equal(w->released_count, 1);

	assert_false(TO_APP(w, .start = "INVITE", .call_id = "in"));
	assert_false(FROM_APP(w, OK_OWN, .call_id = "in"));
	assert_true(TO_APP(w, .start = "ACK", .call_id = "in", .to = "own", .sdp = CAROL));
	bring_up(w, CAROL);
	assert_int_equal(w->released_count, 2);
}

/* ---- the callee ---- */

static void the_callees_answer_is_held_for_the_callers_vip(void **state)
{
	struct world *w = *state;

	INVITE_IN(w);
	assert_int_equal(w->tunnels.starts, 0); /* R81 */
	assert_false(FROM_APP(w, .start = "180 Ringing", .to = "own"));
	assert_int_equal(w->tunnels.starts, 0);
	assert_true(FROM_APP(w, OK_OWN));
	assert_true(is_wanted(w, BOB));
	bring_up(w, BOB);
	assert_int_equal(w->released_count, 1);
	assert_int_equal(w->released[0].way, SIPWATCH_FROM_APP);
	assert_release(w, 0, &w->last);
}

static void the_callee_lets_go_earlier_than_the_caller(void **state)
{
	struct world *w = *state;

	INVITE_IN(w);
	assert_true(FROM_APP(w, OK_OWN));
	pass_ms(w, 999);
	assert_int_equal(w->released_count, 0);
	pass_ms(w, 1);
	assert_int_equal(w->released_count, 1);
}

static void the_callees_early_media_starts_without_a_hold(void **state)
{
	struct world *w = *state;

	INVITE_IN(w);
	assert_false(FROM_APP(w, .start = "183 Progress", .to = "own", .sdp = OWN));
	assert_true(is_wanted(w, BOB));
}

static void an_offer_is_remembered_for_five_minutes_at_least_until_answered(void **state)
{
	struct world *w = *state;

	INVITE_IN(w);
	pass_ms(w, 4 * 60 * 1000);
	assert_true(FROM_APP(w, OK_OWN));
}

/* ---- a proxy's host ---- */

static void a_proxied_call_is_left_alone(void **state)
{
	struct world *w = *state;

	assert_false(TO_APP(w, .start = "INVITE", .sdp = CAROL));
	w->peer = BOB;
	assert_false(FROM_APP(w, .start = "INVITE", .sdp = CAROL));
	assert_false(TO_APP(w, .start = "183 Progress", .to = "bob", .sdp = BOB));
	assert_false(TO_APP(w, OK_BOB));
	w->peer = CAROL;
	assert_false(FROM_APP(w, OK_BOB));
	assert_false(TO_APP(w, .start = "ACK", .to = "bob", .sdp = CAROL));
	assert_false(TO_APP(w, .start = "INVITE", .from = "bob", .to = "alice", .sdp = BOB));
	assert_int_equal(w->tunnels.starts, 0);
}

static void a_proxied_call_with_credentials_is_left_alone(void **state)
{
	struct world *w = *state;

	assert_false(TO_APP(w, .start = "INVITE", .sdp = CAROL));
	assert_false(FROM_APP(w, .start = "407 Proxy Authentication Required", .to = "p"));
	assert_false(TO_APP(w, .start = "INVITE", .cseq = 2, .sdp = CAROL));
	assert_false(FROM_APP(w, .start = "INVITE", .cseq = 2, .sdp = CAROL));
	assert_false(TO_APP(w, OK_BOB, .cseq = 2));
	assert_int_equal(w->tunnels.starts, 0);
}

static void a_re_invite_the_other_way_is_not_relayed(void **state)
{
	struct world *w = *state;

	bring_up(w, BOB);
	INVITE_OUT(w);
	assert_false(TO_APP(w, OK_BOB));
	/* same CSeq number by chance: each side counts for itself */
	assert_false(TO_APP(w, .start = "INVITE", .from = "bob", .to = "alice", .sdp = CAROL));
	assert_true(is_wanted(w, CAROL));
	assert_true(FROM_APP(w, .start = "200 OK", .from = "bob", .to = "alice", .sdp = OWN));
}

/* ---- what passes at once ---- */

static void what_is_no_sip_passes(void **state)
{
	static const char *const texts[] = {"\r\n\r\n", "hello", "SIP/2.0 4294967496 OK\r\n\r\n",
					    "SIP/2.0 200 OK\r\nCall-ID: x\r\n\r\n"};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		make_packet(w, SIPWATCH_TO_APP, texts[i], strlen(texts[i]));
		assert_false(give(w, SIPWATCH_TO_APP));
	}
	assert_true(counters(w)->opaque > 0);
	assert_int_equal(w->tunnels.starts, 0);
}

static void only_the_ports_of_the_list_are_looked_at(void **state)
{
	struct world *w = *state;

	w->port = 5080;
	assert_false(TO_APP(w, OK_BOB));
	assert_int_equal(counters(w)->seen, 0);
	w->port = 5070;
	assert_true(TO_APP(w, OK_BOB));
}

static void one_port_is_enough(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		w->port = 5060;
		w->dc_answers = false; /* to pass */
		TO_APP(w, OK_BOB);
		w->dc_answers = true;
		w->last.data[20 + 2 * i] = 0x99; /* the other one is some port */
		assert_true(give(w, SIPWATCH_TO_APP));
		sipwatch_flush(w->watch);
		world_teardown(state);
		world_setup(state);
		w = *state;
	}
}

/* To a node: an ordinary server, reached through a gateway, is none. And 0.0.0.0 is no address. */
static void real_media_addresses_are_counted(void **state)
{
	struct world *w = *state;

	FROM_APP(w, .start = "INVITE", .sdp = OWN);
	FROM_APP(w, .start = "INVITE", .call_id = "2", .sdp = "0.0.0.0");
	TO_APP(w, .start = "INVITE", .call_id = "3", .sdp = "192.168.1.5");
	assert_int_equal(counters(w)->real_media_seen, 0);
	FROM_APP(w, .start = "INVITE", .call_id = "4", .sdp = "192.168.1.5");
	assert_int_equal(counters(w)->real_media_seen, 1);
	assert_int_equal(counters(w)->real_media.b[3], 5);
	assert_int_equal(w->warnings, 1);
}

static void candidates_are_counted_and_the_remedy_said_once(void **state)
{
	struct world *w = *state;
	const char *line = "a=candidate:1 1 UDP 2130706431 192.168.1.5 4000 typ host\r\n";

	for (int i = 0; i < 3; i++)
		FROM_APP(w, .start = "INVITE", .sdp = OWN, .extra = line);
	assert_int_equal(counters(w)->candidates_seen, 3);
	assert_true(w->warnings >= 1);
	FROM_APP(w, .start = "INVITE", .call_id = "2", .sdp = OWN,
		 .extra = "a=candidate:1 1 UDP 2130706431 " OWN " 4000 typ host\r\n");
	assert_int_equal(counters(w)->candidates_seen, 3);
}

/* ---- fragments ---- */

/* Cuts the last packet's IP payload in two; returns fragment i (nobody looks at the header's
 * checksum). The caller points data into its copy. */
static struct ntm_pkt fragment(const struct world *w, int i, size_t at)
{
	struct ntm_pkt out;
	size_t from = i == 0 ? 20 : 20 + at, to = i == 0 ? 20 + at : w->last.len;

	ntm_pkt_reset(&out);
	out.len = 20 + to - from;
	memcpy(out.data, w->last.data, 20);
	memcpy(out.data + 20, w->last.data + from, to - from);
	out.data[2] = (uint8_t)(out.len >> 8);
	out.data[3] = (uint8_t)out.len;
	out.data[4] = 0x12;
	out.data[6] = i == 0 ? 0x20 : (uint8_t)(at / 8 >> 8);
	out.data[7] = i == 0 ? 0 : (uint8_t)(at / 8);
	return out;
}

static void holding_the_completing_fragment_holds_the_message(void **state)
{
	for (int first = 0; first < 2; first++) {
		world_teardown(state);
		world_setup(state);
		struct world *w = *state;
		struct ntm_pkt part[2];

		w->dc_answers = false;
		TO_APP(w, .start = "200 OK", .call_id = "whole", .to = "t", .sdp = OWN);
		TO_APP(w, OK_BOB);
		w->dc_answers = true;
		for (int i = 0; i < 2; i++) {
			struct ntm_ippkt view;

			part[i] = fragment(w, first == 0 ? i : 1 - i, 160);
			part[i].data = part[i].base + NTM_PKT_HEADROOM;
			assert_int_equal(ntm_ippkt_parse(&view, part[i].data, part[i].len), 0);
			assert_true(view.is_fragment);
			assert_int_equal(sipwatch_packet(w->watch, SIPWATCH_TO_APP, &view,
							 &part[i]),
					 i == 1);
		}
		bring_up(w, BOB);
		assert_int_equal(w->released_count, 1);
		assert_release(w, 0, &part[1]);
		assert_int_equal(counters(w)->fragments, 2);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_is_held_until_the_tunnel_is_up),
		TEST(an_answer_of_a_call_never_seen_is_ours),
		TEST(with_the_tunnel_up_an_answer_passes),
		TEST(past_the_deadline_it_goes_on),
		TEST(no_setting_holds_above_the_limit),
		TEST(when_the_direction_fails_it_goes_on_at_once),
		TEST(partners_are_waited_for),
		TEST(it_waits_for_all_that_it_names),
		TEST(copies_are_swallowed_and_the_newest_is_released),
		TEST(forks_are_held_each_alone),
		TEST(a_bye_flushes_what_is_held),
		TEST(a_cancel_flushes_what_is_held),
		TEST(a_request_behind_a_held_message_waits_behind_it),
		TEST(another_call_does_not_wait),
		TEST(four_of_a_peer_are_held_and_no_more),
		TEST(past_64_messages_pass),
		TEST(one_sip_peer_cannot_cause_directions_without_end),
		TEST(freeing_forgets_what_is_held),
		TEST(while_the_dc_does_not_answer_nothing_is_held),
		TEST(the_setting_hold_decides_who_holds),
		TEST(each_message_has_its_rule),
		TEST(a_ringing_without_sdp_passes_a_held_one),
		TEST(prewarm_starts_at_the_first_invite),
		TEST(prewarm_starts_when_the_app_rings),
		TEST(direct_media_of_a_b2bua_comes_with_a_re_invite),
		TEST(late_offer_caller_holds_the_answer_callee_the_ack),
		TEST(the_callees_answer_is_held_for_the_callers_vip),
		TEST(the_callee_lets_go_earlier_than_the_caller),
		TEST(the_callees_early_media_starts_without_a_hold),
		TEST(an_offer_is_remembered_for_five_minutes_at_least_until_answered),
		TEST(a_proxied_call_is_left_alone),
		TEST(a_proxied_call_with_credentials_is_left_alone),
		TEST(a_re_invite_the_other_way_is_not_relayed),
		TEST(what_is_no_sip_passes),
		TEST(only_the_ports_of_the_list_are_looked_at),
		TEST(one_port_is_enough),
		TEST(real_media_addresses_are_counted),
		TEST(candidates_are_counted_and_the_remedy_said_once),
		TEST(holding_the_completing_fragment_holds_the_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
