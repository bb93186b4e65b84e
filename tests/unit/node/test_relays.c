/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of bindings at relays: how they are made, what goes through them, and who is believed. */
#include "relaysworld.h"

/* ---- binding ---- */

static void a_binding_is_made_in_two_round_trips(void **state)
{
	struct world *w = world_new();

	(void)state;
	bind_first(w);
	assert_int_equal(w->count, 1);
	assert_int_equal(w->sent[0].len, NTM_BIND_LEN);
	assert_true(ntm_addr_eq(&w->sent[0].to, &w->relay.addr[0]));
	assert_false(relays_is_bound(w->relays, w->number));
	pump(w);
	assert_int_equal(w->count, 2);
	assert_int_equal(w->sent[1].len, NTM_ANSWER_LEN);
	assert_int_equal(w->bounds, 1);
	assert_ptr_equal(w->owner, w);
	assert_int_equal(w->bound_number, w->number);
	assert_true(relays_is_bound(w->relays, w->number));
	struct ntm_addr at = relays_addr(w->relays, w->number);
	assert_true(ntm_addr_eq(&at, &w->relay.addr[0]));
	/* And nothing more is said for a while. */
	pass_pumping(w, 14000);
	assert_int_equal(w->count, 2);
	world_free(w);
}

static void both_addresses_are_asked_and_the_first_is_kept(void **state)
{
	struct world *w = world_new();
	uint8_t frame[60];

	(void)state;
	assert_int_equal(ntm_addr_parse(&w->relay.addr[1], "[2001:db8::9]:4331", 0), 0);
	mock_relay_offer(&w->relay, FLOW, 0, &w->offer);
	bind_first(w);
	assert_int_equal(w->count, 2);
	assert_true(ntm_addr_eq(&w->sent[0].to, &w->relay.addr[0]));
	assert_true(ntm_addr_eq(&w->sent[1].to, &w->relay.addr[1]));
	/* IPv6 is faster; IPv4's answer to the same BIND is not needed. */
	assert_true(answer_to(w, 1));
	input_from(w, &w->reply_from, w->reply, w->reply_len);
	assert_true(answer_to(w, 0));
	input_from(w, &w->reply_from, w->reply, w->reply_len);
	assert_int_equal(counters(w)->stale, 1);
	assert_int_equal(w->count, 3);
	assert_true(ntm_addr_eq(&w->sent[2].to, &w->relay.addr[1]));
	w->pumped = 2;
	pump(w);
	assert_int_equal(w->bounds, 1);
	struct ntm_addr at = relays_addr(w->relays, w->number);
	assert_true(ntm_addr_eq(&at, &w->relay.addr[1]));
	relays_send(w->relays, w->number, frame, make_frame(frame, 0, 1));
	assert_true(ntm_addr_eq(&w->sent[3].to, &w->relay.addr[1]));
	/* Frames are taken from there alone. */
	uint8_t in[NTM_RELAYED_HEADER + 60];
	size_t len = make_relayed(in, label_of(w), 4);
	input_from(w, &w->relay.addr[0], in, len);
	assert_int_equal(w->inputs, 0);
	input_from(w, &w->relay.addr[1], in, len);
	assert_int_equal(w->inputs, 1);
	world_free(w);
}

static void binding_goes_on_until_it_is_answered(void **state)
{
	static const int64_t times[] = {0, 200, 600, 1400, 3400, 5400, 7400};
	struct world *w = world_new();

	(void)state;
	int64_t from_ms = w->timers.now_ms;
	bind_first(w);
	pass(w, 8000);
	assert_int_equal(w->count, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(w->sent[i].data[0], NTM_FRAME_BIND);
		assert_int_equal(w->sent[i].at_ms - from_ms, times[i]);
		if (i > 0)
			assert_true(generation_of(&w->sent[i]) > generation_of(&w->sent[i - 1]));
	}
	pass(w, 100000);
	w->pumped = w->count;
	pass_pumping(w, 2000);
	assert_int_equal(w->bounds, 1);
	world_free(w);
}

/* A round trip longer than the retries. */
static void an_answer_to_an_earlier_bind_of_the_round_counts(void **state)
{
	struct world *w = world_new();

	(void)state;
	bind_first(w);
	pass(w, 700);
	assert_int_equal(w->count, 3);
	assert_true(answer_to(w, 1));
	input_from(w, &w->reply_from, w->reply, w->reply_len);
	assert_int_equal(w->count, 4);
	assert_int_equal(w->sent[3].data[0], NTM_FRAME_ANSWER);
	/* An earlier one than the answered is late, and so is a copy. */
	input_from(w, &w->reply_from, w->reply, w->reply_len);
	assert_true(answer_to(w, 0));
	input_from(w, &w->reply_from, w->reply, w->reply_len);
	assert_int_equal(w->count, 4);
	assert_int_equal(counters(w)->stale, 2);
	/* The ANSWER is lost: a later CHALLENGE is answered as well. */
	assert_true(answer_to(w, 2));
	input_from(w, &w->reply_from, w->reply, w->reply_len);
	assert_int_equal(w->count, 5);
	w->pumped = 4;
	pump(w);
	assert_int_equal(w->bounds, 1);
	world_free(w);
}

/* Two round trips, however long they are: BINDs that were sent meanwhile do no harm. */
static void a_slow_relay_is_bound_in_two_round_trips(void **state)
{
	(void)state;
	for (int64_t rtt = 100; rtt <= 1900; rtt += 300) {
		struct world *w = world_new();
		int64_t start_ms = w->timers.now_ms;

		bind_first(w);
		while (!relays_is_bound(w->relays, w->number) && w->timers.now_ms < 60000) {
			pass(w, 10);
			for (; w->pumped < w->count &&
			       w->sent[w->pumped].at_ms + rtt <= w->timers.now_ms;
			     w->pumped++)
				if (answer_to(w, w->pumped))
					input_from(w, &w->reply_from, w->reply, w->reply_len);
		}
		assert_in_range(w->timers.now_ms - start_ms, 2 * rtt, 2 * rtt + 10);
		world_free(w);
	}
}

/* For who asks why nothing comes: a relay has not answered one round. */
static void a_silent_relay_is_named(void **state)
{
	struct world *w = world_new();
	struct ntm_addr at;

	(void)state;
	bind_first(w);
	pass(w, 300);
	assert_int_equal(relays_silent(w->relays).ip.family, 0);
	assert_int_equal(relays_answering(w->relays), 0);
	pass(w, 2000);
	at = relays_silent(w->relays);
	assert_true(ntm_addr_eq(&at, &w->relay.addr[0]));
	pump(w);
	assert_int_equal(relays_silent(w->relays).ip.family, 0);
	assert_int_equal(relays_answering(w->relays), 1);
	/* One that is bound as well, when it has stopped to answer. */
	relays_check(w->relays, w->number);
	assert_int_equal(relays_answering(w->relays), 1);
	pass(w, 3000);
	at = relays_silent(w->relays);
	assert_true(ntm_addr_eq(&at, &w->relay.addr[0]));
	assert_int_equal(relays_answering(w->relays), 0);
	world_free(w);
}

static void what_cannot_be_bound_is_refused(void **state)
{
	struct world *w = world_bound();
	struct ntm_relay_offer offer;
	uint32_t number = 0;

	(void)state;
	assert_int_equal(relays_bind(w->relays, &w->offer, w, &number), -EEXIST);
	mock_relay_offer(&w->relay, 2, 0, &offer);
	offer.addr[0].ip = ntm_ip_v4(127, 0, 0, 1);
	offer.addr[1] = (struct ntm_addr){.ip = ntm_ip_v4(224, 0, 0, 1), .port = 4331};
	assert_int_equal(relays_bind(w->relays, &offer, w, &number), -EINVAL);
	offer.addr[0] = w->relay.addr[0];
	offer.addr[0].port = 0;
	assert_int_equal(relays_bind(w->relays, &offer, w, &number), -EINVAL);
	assert_int_equal(number, 0);
	assert_int_equal(relays_count(w->relays), 1);
	/* Nothing of it was left. */
	offer.addr[0].port = 4331;
	assert_int_equal(relays_bind(w->relays, &offer, w, &number), 0);
	world_free(w);
}

static void bindings_are_bounded_and_numbers_are_new(void **state)
{
	struct world *w = world_new();
	struct ntm_relay_offer offer = w->offer;
	uint32_t numbers[RELAYS_MAX], number;

	(void)state;
	for (uint32_t i = 0; i < RELAYS_MAX; i++) {
		offer.flow = 1000 + i;
		assert_int_equal(relays_bind(w->relays, &offer, w, &numbers[i]), 0);
		assert_int_equal(numbers[i], i);
	}
	offer.flow = 1;
	assert_int_equal(relays_bind(w->relays, &offer, w, &number), -ENOSPC);
	relays_release(w->relays, numbers[5]);
	relays_release(w->relays, numbers[5]);
	relays_release(w->relays, numbers[5] + RELAYS_MAX);
	assert_int_equal(relays_count(w->relays), RELAYS_MAX - 1);
	assert_int_equal(relays_bind(w->relays, &offer, w, &number), 0);
	assert_int_equal(number, RELAYS_MAX + 5);
	assert_int_equal(relays_addr(w->relays, numbers[5]).ip.family, 0);
	world_free(w);
}

/* ---- who is believed ---- */

/* The right frame, wrong in every way; then it is taken still. */
static void spoil_in_every_way(struct world *w, const struct ntm_addr *other)
{
	uint8_t bad[sizeof(w->reply)];
	size_t before = calls_of(w);

	for (size_t len = 0; len < w->reply_len; len++)
		input_from(w, &w->reply_from, w->reply, len);
	assert_int_equal(counters(w)->malformed, w->reply_len);
	memcpy(bad, w->reply, w->reply_len);
	input_from(w, &w->reply_from, bad, w->reply_len + 1);
	assert_int_equal(counters(w)->malformed, w->reply_len + 1);
	for (size_t i = 0; i < w->reply_len * 8; i++) {
		memcpy(bad, w->reply, w->reply_len);
		bad[i / 8] ^= (uint8_t)(1 << i % 8);
		input_from(w, &w->reply_from, bad, w->reply_len);
	}
	assert_true(counters(w)->bad_mac > 100);
	assert_int_equal(counters(w)->unknown, 64); /* each bit of the flow */
	struct ntm_addr port = w->reply_from;
	port.port++;
	input_from(w, &port, w->reply, w->reply_len);
	input_from(w, other, w->reply, w->reply_len);
	assert_int_equal(counters(w)->bad_source, 2);
	assert_int_equal(calls_of(w), before);
}

static void a_wrong_challenge_is_not_answered(void **state)
{
	struct world *w = world_new();

	(void)state;
	bind_first(w);
	assert_true(answer_to(w, 0));
	spoil_in_every_way(w, &w->second.addr[0]);
	input_from(w, &w->reply_from, w->reply, w->reply_len);
	assert_int_equal(sent_of(w, NTM_FRAME_ANSWER), 1);
	world_free(w);
}

static void a_wrong_bound_binds_nothing(void **state)
{
	struct world *w = world_new();

	(void)state;
	bind_first(w);
	assert_true(answer_to(w, 0));
	input_from(w, &w->reply_from, w->reply, w->reply_len);
	assert_true(answer_to(w, 1));
	spoil_in_every_way(w, &w->second.addr[0]);
	assert_false(relays_is_bound(w->relays, w->number));
	input_from(w, &w->reply_from, w->reply, w->reply_len);
	assert_int_equal(w->bounds, 1);
	/* A copy is late. */
	input_from(w, &w->reply_from, w->reply, w->reply_len);
	assert_int_equal(w->bounds, 1);
	assert_int_equal(counters(w)->stale, 1);
	world_free(w);
}

/* Under the right key, but not what the round is at. */
static void right_frames_at_the_wrong_time_change_nothing(void **state)
{
	struct world *w = world_new();
	uint8_t out[NTM_RELAY_FRAME_MAX], cookie[NTM_RELAY_COOKIE_LEN] = {0};
	struct ntm_relay_frame frame = {.type = NTM_FRAME_CHALLENGE,
					.flow = FLOW,
					.cookie = cookie};

	(void)state;
	bind_first(w);
	uint32_t now = generation_of(&w->sent[0]);
	const uint32_t generations[] = {0, now - 1, now + 1, UINT32_MAX};
	for (size_t i = 0; i < 4; i++) {
		frame.generation = generations[i];
		input_from(w, &w->relay.addr[0], out,
			   ntm_relay_frame_write(&frame, w->offer.bind_key, out));
	}
	/* BOUND without a CHALLENGE. */
	frame.type = NTM_FRAME_BOUND;
	frame.generation = now;
	input_from(w, &w->relay.addr[0], out,
		   ntm_relay_frame_write(&frame, w->offer.bind_key, out));
	frame.generation = 0;
	input_from(w, &w->relay.addr[0], out,
		   ntm_relay_frame_write(&frame, w->offer.bind_key, out));
	assert_int_equal(counters(w)->stale, 6);
	/* What nodes send to relays. */
	frame.type = NTM_FRAME_ANSWER;
	frame.ticket = w->offer.ticket;
	input_from(w, &w->relay.addr[0], out,
		   ntm_relay_frame_write(&frame, w->offer.bind_key, out));
	input_from(w, &w->relay.addr[0], w->sent[0].data, w->sent[0].len);
	assert_int_equal(counters(w)->malformed, 2);
	assert_int_equal(w->count, 1);
	/* Nobody asks any more. */
	pump(w);
	frame.type = NTM_FRAME_CHALLENGE;
	frame.generation = now + 1;
	input_from(w, &w->relay.addr[0], out,
		   ntm_relay_frame_write(&frame, w->offer.bind_key, out));
	assert_int_equal(w->count, 2);
	assert_int_equal(w->bounds, 1);
	world_free(w);
}

/* Only one of the relay's two addresses was answered to. */
static void bound_comes_from_where_the_answer_went(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->relay.addr[1] = w->relay.addr[0];
	w->relay.addr[1].port++;
	mock_relay_offer(&w->relay, FLOW, 0, &w->offer);
	bind_first(w);
	assert_true(answer_to(w, 0));
	input_from(w, &w->reply_from, w->reply, w->reply_len);
	assert_true(answer_to(w, 2));
	input_from(w, &w->relay.addr[1], w->reply, w->reply_len);
	assert_int_equal(w->bounds, 0);
	assert_int_equal(counters(w)->stale, 1);
	world_free(w);
}

/* ---- frames ---- */

static void frames_are_wrapped(void **state)
{
	struct world *w = world_new();
	uint8_t frame[NTM_PKT_MAX + NTM_PKT_TAILROOM + 1];
	uint32_t label;

	(void)state;
	bind_first(w);
	relays_send(w->relays, w->number, frame, make_frame(frame, 1, 5));
	assert_int_equal(counters(w)->not_bound, 1);
	assert_int_equal(w->count, 1);
	pump(w);
	relays_send(w->relays, w->number, frame, make_frame(frame, 1, 5));
	const struct sent *s = &w->sent[w->count - 1];
	assert_true(ntm_addr_eq(&s->to, &w->relay.addr[0]));
	assert_int_equal(s->len, NTM_RELAYED_HEADER + 60);
	assert_true(ntm_relayed_parse(s->data, s->len, &label));
	assert_int_equal(label, label_of(w));
	assert_int_equal(s->data[1], 1);
	assert_memory_equal(s->data + NTM_RELAYED_HEADER, frame, 60);
	/* Bulk; and a handshake, whose second byte is no class. */
	relays_send(w->relays, w->number, frame, make_frame(frame, 0, 5));
	assert_int_equal(w->sent[w->count - 1].data[1], 0);
	make_frame(frame, 'e', 5);
	frame[0] = NTM_FRAME_INITIATION;
	relays_send(w->relays, w->number, frame, 60);
	assert_int_equal(w->sent[w->count - 1].data[1], 1);
	size_t before = w->count;
	relays_send(w->relays, w->number, frame, sizeof(frame));
	relays_send(w->relays, w->number, frame, 0);
	relays_send(w->relays, w->number + 1, frame, 60);
	assert_int_equal(w->count, before);
	assert_int_equal(counters(w)->not_bound, 4);
	relays_send(w->relays, w->number, frame, sizeof(frame) - 1);
	assert_int_equal(w->count, before + 1);
	world_free(w);
}

static void frames_come_out_under_the_bindings_number(void **state)
{
	struct world *w = world_bound();
	uint8_t in[NTM_RELAYED_HEADER + 60];
	struct ntm_addr at = ntm_addr_relay(w->number);
	size_t len = make_relayed(in, label_of(w), 9);

	(void)state;
	input_from(w, &w->relay.addr[0], in, len);
	assert_int_equal(w->inputs, 1);
	assert_true(ntm_addr_eq(&w->input_from, &at));
	assert_int_equal(w->input_len, 60);
	assert_memory_equal(w->input, in + NTM_RELAYED_HEADER, 60);
	/* Not from another place, not under another label, not in pieces, nothing but frames. */
	input_from(w, &w->second.addr[0], in, len);
	for (size_t bit = 0; bit < 32; bit++) {
		in[4 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		input_from(w, &w->relay.addr[0], in, len);
		in[4 + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(counters(w)->unknown, 33);
	for (size_t n = 1; n < NTM_RELAYED_HEADER + NTM_TRANSPORT_OVERHEAD; n++)
		input_from(w, &w->relay.addr[0], in, n);
	in[NTM_RELAYED_HEADER] = NTM_FRAME_RELAYED;
	input_from(w, &w->relay.addr[0], in, len);
	in[NTM_RELAYED_HEADER] = NTM_FRAME_BIND;
	input_from(w, &w->relay.addr[0], in, len);
	assert_int_equal(w->inputs, 1);
	world_free(w);
}

static void a_released_binding_is_gone(void **state)
{
	struct world *w = world_bound();
	uint8_t in[NTM_RELAYED_HEADER + 60];
	size_t len = make_relayed(in, label_of(w), 9);

	(void)state;
	relays_release(w->relays, w->number);
	assert_int_equal(relays_count(w->relays), 0);
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	input_from(w, &w->relay.addr[0], in, len);
	mock_unbound(&w->relay, label_of(w), &w->relay.addr[0], &w->us);
	input_from(w, &w->reply_from, w->reply, w->reply_len);
	relays_check(w->relays, w->number);
	assert_int_equal(w->inputs, 0);
	assert_int_equal(w->count, 2 + 1); /* RELEASE; test_relays_release.c has more of it */
	world_free(w);
}

static void owners_may_release_in_callbacks(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->releases = true;
	bind_first(w);
	pump(w);
	assert_int_equal(w->bounds, 1);
	assert_int_equal(relays_count(w->relays), 0);
	w->releases = false;
	pass(w, 200);
	bind_first(w);
	pump(w);
	w->releases = true;
	uint8_t in[NTM_RELAYED_HEADER + 60];
	size_t len = make_relayed(in, label_of(w), 9);
	input_from(w, &w->relay.addr[0], in, len);
	assert_int_equal(w->inputs, 1);
	assert_int_equal(relays_count(w->relays), 0);
	world_free(w);
}

/* The same ticket, in a new binding: the relay must not take it for a replay. The mock would say
 * so. */
static void a_ticket_that_is_shown_anew_goes_on(void **state)
{
	struct world *w = world_bound();

	(void)state;
	pass(w, 300);
	relays_release(w->relays, w->number);
	bind_first(w);
	pump(w);
	assert_int_equal(w->bounds, 2);
	assert_int_equal(w->bound_number, 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_binding_is_made_in_two_round_trips),
		cmocka_unit_test(both_addresses_are_asked_and_the_first_is_kept),
		cmocka_unit_test(binding_goes_on_until_it_is_answered),
		cmocka_unit_test(an_answer_to_an_earlier_bind_of_the_round_counts),
		cmocka_unit_test(a_slow_relay_is_bound_in_two_round_trips),
		cmocka_unit_test(a_silent_relay_is_named),
		cmocka_unit_test(what_cannot_be_bound_is_refused),
		cmocka_unit_test(bindings_are_bounded_and_numbers_are_new),
		cmocka_unit_test(a_wrong_challenge_is_not_answered),
		cmocka_unit_test(a_wrong_bound_binds_nothing),
		cmocka_unit_test(right_frames_at_the_wrong_time_change_nothing),
		cmocka_unit_test(bound_comes_from_where_the_answer_went),
		cmocka_unit_test(frames_are_wrapped),
		cmocka_unit_test(frames_come_out_under_the_bindings_number),
		cmocka_unit_test(a_released_binding_is_gone),
		cmocka_unit_test(owners_may_release_in_callbacks),
		cmocka_unit_test(a_ticket_that_is_shown_anew_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
