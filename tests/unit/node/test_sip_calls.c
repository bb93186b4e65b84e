/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of `calls`. */
#include "sipworld.h"

#define INVITE_OUT(w) assert_false(FROM_APP(w, .start = "INVITE", .sdp = OWN))
#define OK_BOB        .start = "200 OK", .to = "bob", .sdp = BOB
#define OK_OWN        .start = "200 OK", .to = "own", .sdp = OWN

static size_t count_calls(const struct world *w)
{
	json_t *json = sipwatch_calls_json(w->watch);
	size_t count = json_array_size(json);

	json_decref(json);
	return count;
}

/* The line of the only call. */
static json_t *only_call(const struct world *w)
{
	json_t *json = sipwatch_calls_json(w->watch);

	assert_int_equal(json_array_size(json), 1);
	json_t *call = json_incref(json_array_get(json, 0));
	json_decref(json);
	return call;
}

static void assert_text(const struct world *w, const char *name, const char *expected)
{
	json_t *call = only_call(w);

	assert_non_null(json_string_value(json_object_get(call, name)));
	assert_string_equal(json_string_value(json_object_get(call, name)), expected);
	json_decref(call);
}

static void assert_number(const struct world *w, const char *name, int64_t expected)
{
	json_t *call = only_call(w);

	assert_true(json_is_integer(json_object_get(call, name)));
	assert_int_equal(json_integer_value(json_object_get(call, name)), expected);
	json_decref(call);
}

static void a_caller_goes_from_inviting_to_up(void **state)
{
	struct world *w = *state;

	assert_int_equal(count_calls(w), 0);
	INVITE_OUT(w);
	assert_text(w, "state", "inviting");
	assert_text(w, "role", "caller");
	assert_text(w, "call_id", "call-1");
	TO_APP(w, .start = "180 Ringing", .to = "bob");
	assert_text(w, "state", "ringing");
	TO_APP(w, OK_BOB);
	assert_text(w, "state", "held");
	assert_text(w, "tunnel", "directing");
	pass_ms(w, 120);
	bring_up(w, BOB);
	assert_text(w, "state", "up");
	assert_text(w, "hold_end", "tunnel up");
	assert_text(w, "peer", "bob.a.example");
	assert_text(w, "vip", BOB);
	assert_text(w, "tunnel", "up");
	assert_text(w, "path", "direct");
	assert_number(w, "held_ms", 120);
	assert_number(w, "direction_ms", 120);
	FROM_APP(w, .start = "BYE", .to = "bob", .cseq = 2);
	assert_text(w, "state", "ended");
}

static void a_callee_is_shown_as_callee(void **state)
{
	struct world *w = *state;

	TO_APP(w, .start = "INVITE", .sdp = BOB);
	assert_text(w, "role", "callee");
	FROM_APP(w, OK_OWN);
	assert_text(w, "state", "held");
	pass_ms(w, 1000);
	assert_text(w, "state", "up");
	assert_text(w, "hold_end", "deadline");
	assert_number(w, "held_ms", 1000);
}

static void media_is_counted_from_the_answer(void **state)
{
	struct world *w = *state;
	struct ntm_ip bob = ip_of(BOB);

	bring_up(w, BOB);
	struct tunnel *tunnel = tunnel_find(&w->tunnels, &bob);
	tunnel->traffic = (struct ntm_link_stats){.packets_in = 100,
						  .packets_out = 200,
						  .bytes_in = 1000,
						  .bytes_out = 2000};
	INVITE_OUT(w);
	TO_APP(w, OK_BOB);
	assert_number(w, "packets_in", 0);
	tunnel->traffic = (struct ntm_link_stats){.packets_in = 150,
						  .packets_out = 251,
						  .bytes_in = 1052,
						  .bytes_out = 2053};
	assert_number(w, "packets_in", 50);
	assert_number(w, "packets_out", 51);
	assert_number(w, "bytes_in", 52);
	assert_number(w, "bytes_out", 53);
}

static void a_refused_call_is_shown_as_failed(void **state)
{
	struct world *w = *state;

	INVITE_OUT(w);
	TO_APP(w, .start = "486 Busy Here", .to = "bob");
	assert_text(w, "state", "failed");
}

static void a_relayed_call_is_not_shown(void **state)
{
	struct world *w = *state;

	TO_APP(w, .start = "INVITE", .sdp = CAROL);
	assert_int_equal(count_calls(w), 1);
	FROM_APP(w, .start = "INVITE", .sdp = CAROL);
	assert_int_equal(count_calls(w), 0);
}

static void the_table_is_bounded(void **state)
{
	struct world *w = *state;
	char id[16];

	for (int i = 0; i < SIPWATCH_CALLS + 5; i++) {
		snprintf(id, sizeof(id), "call-%d", i);
		FROM_APP(w, .start = "INVITE", .call_id = id, .sdp = OWN);
	}
	assert_int_equal(count_calls(w), SIPWATCH_CALLS);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_caller_goes_from_inviting_to_up), TEST(a_callee_is_shown_as_callee),
		TEST(media_is_counted_from_the_answer),  TEST(a_refused_call_is_shown_as_failed),
		TEST(a_relayed_call_is_not_shown),       TEST(the_table_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
