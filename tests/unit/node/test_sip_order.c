/* SPDX-License-Identifier: BSD-2-Clause */
/* Order in a dialog, copies after the release, and states of calls that change. */
#include "sipworld.h"

#define INVITE_OUT(w) assert_false(FROM_APP(w, .start = "INVITE", .sdp = OWN))
#define OK_BOB        .start = "200 OK", .to = "bob", .sdp = BOB

static void assert_state(const struct world *w, const char *e)
{
	json_t *j = sipwatch_calls_json(w->watch);
	assert_string_equal(json_string_value(json_object_get(json_array_get(j, 0), "state")), e);
	json_decref(j);
}

static void a_challenge_is_no_refusal(void **state)
{
	struct world *w = *state;
	INVITE_OUT(w);
	TO_APP(w, .start = "407 Proxy Authentication Required", .to = "p");
	FROM_APP(w, .start = "INVITE", .cseq = 2, .sdp = OWN);
	TO_APP(w, OK_BOB, .cseq = 2);
	bring_up(w, BOB);
	assert_state(w, "up");
}

static void a_released_183_is_not_an_answer(void **state)
{
	struct world *w = *state;
	INVITE_OUT(w);
	TO_APP(w, .start = "183 Progress", .to = "bob", .sdp = BOB);
	bring_up(w, BOB);
	assert_state(w, "ringing");
}

static void after_the_deadline_a_copy_is_not_held_again(void **state)
{
	struct world *w = *state;
	INVITE_OUT(w);
	assert_true(TO_APP(w, OK_BOB));
	pass_ms(w, 2000);
	assert_int_equal(w->released_count, 1);
	assert_false(TO_APP(w, OK_BOB));
}

static void responses_of_a_dialog_keep_their_order(void **state)
{
	struct world *w = *state;
	INVITE_OUT(w);
	assert_true(TO_APP(w, .start = "183 Progress", .to = "bob", .sdp = BOB));
	assert_true(TO_APP(w, OK_BOB));
	bring_up(w, BOB);
	assert_int_equal(w->released_count, 2);
	assert_says(w, 0, "183");
	assert_says(w, 1, "200 OK");
}

static void an_answer_without_sdp_waits_behind_a_held_183(void **state)
{
	struct world *w = *state;
	INVITE_OUT(w);
	assert_true(TO_APP(w, .start = "183 Progress", .to = "bob", .sdp = BOB));
	assert_true(TO_APP(w, .start = "200 OK", .to = "bob"));
	bring_up(w, BOB);
	assert_int_equal(w->released_count, 2);
	assert_says(w, 0, "183");
}

static void a_bye_of_one_fork_leaves_the_other_held(void **state)
{
	struct world *w = *state;
	INVITE_OUT(w);
	assert_true(TO_APP(w, OK_BOB));
	assert_true(TO_APP(w, .start = "200 OK", .to = "carol", .sdp = CAROL));
	assert_false(TO_APP(w, .start = "BYE", .from = "carol", .to = "alice", .cseq = 4));
	assert_int_equal(w->released_count, 1);
	assert_says(w, 0, "tag=carol");
}

static void without_room_behind_a_held_one_the_order_is_kept(void **state)
{
	struct world *w = *state;
	char id[16], peer[20], vip[20];
	w->settings.hold_caller_ms = 10000;
	for (int i = 0; i < SIPWATCH_HELD_MAX; i++) {
		snprintf(id, sizeof(id), "call-%d", i);
		snprintf(peer, sizeof(peer), "198.18.1.%d", i);
		snprintf(vip, sizeof(vip), "198.18.2.%d", i);
		w->peer = peer;
		assert_true(TO_APP(w, .start = "200 OK", .call_id = id, .to = "x", .sdp = vip));
	}
	assert_false(TO_APP(w, .start = "INFO", .call_id = "call-3", .from = "x", .to = "alice"));
	assert_int_equal(w->released_count, 1);
}

static void joining_a_running_direction_costs_no_token(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 40; i++) /* resent, not held */
		TO_APP(w, .start = "INVITE", .from = "bob", .to = "alice", .sdp = BOB);
	assert_int_equal(sipwatch_counters(w->watch)->directions, 1);
	assert_true(TO_APP(w, .start = "200 OK", .call_id = "2", .to = "c", .sdp = CAROL));
}

/* The callee resends for 32 s; what comes later is another matter. */
static void copies_pass_for_32_s(void **state)
{
	struct world *w = *state;
	INVITE_OUT(w);
	assert_true(TO_APP(w, OK_BOB));
	pass_ms(w, 2000);
	assert_int_equal(w->released_count, 1);
	pass_ms(w, 32000);
	assert_false(TO_APP(w, OK_BOB));
	pass_ms(w, 1);
	assert_true(TO_APP(w, OK_BOB));
}

/* The 64 newest are known again; nothing grows. */
static void the_newest_that_went_are_known(void **state)
{
	struct world *w = *state;
	char id[16], peer[20], vip[20];
	bool is_held[2] = {false, false};
	w->settings.hold_caller_ms = 10;
	for (int i = 0; i <= SIPWATCH_HELD_MAX; i++) {
		snprintf(id, sizeof(id), "call-%d", i);
		snprintf(peer, sizeof(peer), "198.18.1.%d", i);
		snprintf(vip, sizeof(vip), "198.18.2.%d", i);
		w->peer = peer;
		assert_true(TO_APP(w, .start = "200 OK", .call_id = id, .to = "x", .sdp = vip));
		pass_ms(w, 10);
		assert_int_equal(w->released_count, i + 1);
	}
	is_held[0] =
		TO_APP(w, .start = "200 OK", .call_id = "call-0", .to = "x", .sdp = "198.18.2.0");
	is_held[1] =
		TO_APP(w, .start = "200 OK", .call_id = "call-1", .to = "x", .sdp = "198.18.2.1");
	assert_true(is_held[0]);
	assert_false(is_held[1]);
}

static void only_udp_is_looked_into(void **state)
{
	struct world *w = *state;
	const uint64_t seen = sipwatch_counters(w->watch)->seen;
	assert_true(TO_APP(w, OK_BOB));
	assert_int_equal(sipwatch_counters(w->watch)->seen, seen + 1);
	w->last.data[9] = NTM_IPPROTO_TCP;
	w->last.data[20 + 12] = 0x50; /* a TCP header's length */
	assert_false(give(w, SIPWATCH_TO_APP));
	assert_false(give(w, SIPWATCH_FROM_APP));
	assert_int_equal(sipwatch_counters(w->watch)->seen, seen + 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_challenge_is_no_refusal),
		TEST(a_released_183_is_not_an_answer),
		TEST(after_the_deadline_a_copy_is_not_held_again),
		TEST(responses_of_a_dialog_keep_their_order),
		TEST(an_answer_without_sdp_waits_behind_a_held_183),
		TEST(a_bye_of_one_fork_leaves_the_other_held),
		TEST(without_room_behind_a_held_one_the_order_is_kept),
		TEST(joining_a_running_direction_costs_no_token),
		TEST(copies_pass_for_32_s),
		TEST(the_newest_that_went_are_known),
		TEST(only_udp_is_looked_into),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
