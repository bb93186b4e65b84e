/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of bindings at relays: when they are asked for again, and how they are kept. */
#include "relaysworld.h"

/* ---- asking again ---- */

static void unbound(struct world *w, const struct ntm_addr *from, uint32_t label)
{
	mock_unbound(&w->relay, label, from, &w->us);
	input_from(w, from, w->reply, w->reply_len);
}

static void unbound_is_only_a_hint(void **state)
{
	struct world *w = world_bound();
	uint8_t frame[60];

	(void)state;
	pass(w, 5000);
	unbound(w, &w->second.addr[0], label_of(w));
	unbound(w, &w->relay.addr[0], label_of(w) + 1);
	assert_int_equal(w->count, 2);
	/* A flood of them costs one BIND a second, and what is bound goes on. */
	for (unsigned i = 0; i < 500; i++) {
		unbound(w, &w->relay.addr[0], label_of(w));
		pass_pumping(w, 10);
		assert_true(relays_is_bound(w->relays, w->number));
	}
	assert_in_range(sent_of(w, NTM_FRAME_BIND), 1 + 4, 1 + 5);
	assert_int_equal(counters(w)->unbound_hints, 502);
	assert_true(counters(w)->hints_unused >= 495);
	/* Nobody answers: what is sent still goes out under the label. */
	pass(w, 1000);
	w->relay.is_dead = true;
	unbound(w, &w->relay.addr[0], label_of(w));
	size_t before = w->count;
	relays_send(w->relays, w->number, frame, make_frame(frame, 1, 5));
	assert_int_equal(w->count, before + 1);
	world_free(w);
}

static void a_restarted_relay_is_bound_anew_by_its_hint(void **state)
{
	struct world *w = world_bound();
	uint32_t former = label_of(w);
	uint8_t frame[60], in[NTM_RELAYED_HEADER + 60];

	(void)state;
	pass(w, 2000);
	mock_relay_restart(&w->relay);
	relays_send(w->relays, w->number, frame, make_frame(frame, 1, 5));
	pump(w);
	assert_int_equal(w->bounds, 2);
	assert_int_equal(w->bound_number, w->number);
	assert_true(label_of(w) != former);
	relays_send(w->relays, w->number, frame, make_frame(frame, 1, 5));
	pump(w);
	assert_int_equal(w->relay.strangers, 1);
	input_from(w, &w->relay.addr[0], in, make_relayed(in, former, 1));
	assert_int_equal(w->inputs, 0);
	input_from(w, &w->relay.addr[0], in, make_relayed(in, label_of(w), 1));
	assert_int_equal(w->inputs, 1);
	world_free(w);
}

static void a_failing_path_asks_every_half_second(void **state)
{
	struct world *w = world_bound();

	(void)state;
	relays_check(w->relays, w->number);
	assert_int_equal(sent_of(w, NTM_FRAME_BIND), 1); /* it was asked just now */
	pass(w, 5000);
	w->relay.is_dead = true;
	for (unsigned i = 0; i < 100; i++) {
		relays_check(w->relays, w->number);
		pass(w, 100);
	}
	/* With 200, 400 and 800 ms in the first round. */
	assert_in_range(sent_of(w, NTM_FRAME_BIND), 1 + 18, 1 + 23);
	w->pumped = w->count;
	w->relay.is_dead = false;
	for (unsigned i = 0; i < 6; i++) {
		relays_check(w->relays, w->number);
		pass_pumping(w, 100);
	}
	assert_int_equal(w->bounds, 2);
	world_free(w);
}

static void after_a_move_all_are_bound_from_the_new_place(void **state)
{
	struct world *w = world_bound();
	struct ntm_relay_offer offer;
	uint32_t number;

	(void)state;
	mock_relay_offer(&w->second, 2, 1, &offer);
	assert_int_equal(relays_bind(w->relays, &offer, w, &number), 0);
	pump(w);
	size_t before = sent_of(w, NTM_FRAME_BIND);
	w->us = (struct ntm_addr){.ip = ntm_ip_v4(198, 51, 100, 1), .port = 4330};
	relays_moved(w->relays);
	assert_int_equal(sent_of(w, NTM_FRAME_BIND), before + 2);
	pump(w);
	assert_int_equal(w->bounds, 4);
	assert_true(ntm_addr_eq(&w->relay.flow[0].side[0].at, &w->us));
	assert_true(ntm_addr_eq(&w->second.flow[0].side[1].at, &w->us));
	world_free(w);
}

/* An answer to what was asked from the former place is of no use. */
static void a_move_begins_a_new_round(void **state)
{
	struct world *w = world_new();

	(void)state;
	bind_first(w);
	relays_moved(w->relays);
	assert_true(answer_to(w, 0));
	input_from(w, &w->reply_from, w->reply, w->reply_len);
	assert_int_equal(counters(w)->stale, 1);
	assert_true(answer_to(w, 1));
	input_from(w, &w->reply_from, w->reply, w->reply_len);
	assert_int_equal(sent_of(w, NTM_FRAME_ANSWER), 1);
	world_free(w);
}

static void the_dc_tells_which_relay_was_restarted(void **state)
{
	struct world *w = world_bound();
	struct ntm_addr_list addrs = {.count = 2};
	struct ntm_relay_offer offer;
	uint32_t number;

	(void)state;
	mock_relay_offer(&w->second, 2, 1, &offer);
	assert_int_equal(relays_bind(w->relays, &offer, w, &number), 0);
	pump(w);
	addrs.item[0] = (struct ntm_addr){.ip = ntm_ip_v4(203, 0, 113, 99), .port = 4331};
	addrs.item[1] = w->second.addr[0];
	mock_relay_restart(&w->second);
	size_t before = w->count;
	relays_restarted(w->relays, &addrs);
	assert_int_equal(w->count, before + 1);
	assert_true(ntm_addr_eq(&w->sent[before].to, &w->second.addr[0]));
	pump(w);
	assert_int_equal(w->bounds, 3);
	assert_int_equal(w->bound_number, number);
	world_free(w);
}

static void a_label_that_is_given_twice_is_the_last_ones(void **state)
{
	struct world *w = world_bound();
	struct ntm_relay_offer offer;
	uint8_t in[NTM_RELAYED_HEADER + 60], frame[60];
	uint32_t number;

	(void)state;
	w->relay.next_label--;
	mock_relay_offer(&w->relay, 2, 0, &offer);
	assert_int_equal(relays_bind(w->relays, &offer, w, &number), 0);
	pump(w);
	assert_int_equal(w->relay.flow[1].label, label_of(w));
	assert_false(relays_is_bound(w->relays, w->number));
	assert_true(relays_is_bound(w->relays, number));
	struct ntm_addr at = ntm_addr_relay(number);
	input_from(w, &w->relay.addr[0], in, make_relayed(in, label_of(w), 1));
	assert_true(ntm_addr_eq(&w->input_from, &at));
	size_t before = w->count;
	relays_send(w->relays, w->number, frame, make_frame(frame, 1, 5));
	assert_int_equal(w->count, before);
	/* The other one asks again, but not all the time; and not later for another keepalive. */
	w->relay.flow[0].label += 50;
	relays_set_keepalive(w->relays, 20000);
	pass_pumping(w, 900);
	assert_int_equal(w->count, before);
	pass_pumping(w, 200);
	assert_true(relays_is_bound(w->relays, w->number));
	world_free(w);
}

/* ---- keeping ---- */

static void what_is_idle_is_bound_again(void **state)
{
	struct world *w = world_bound();
	uint8_t frame[60];

	(void)state;
	/* The relay forgets after 180 s. */
	pass_pumping(w, 59000);
	assert_int_equal(sent_of(w, NTM_FRAME_BIND), 1);
	pass_pumping(w, 2000);
	assert_int_equal(sent_of(w, NTM_FRAME_BIND), 2);
	/* A NAT earlier. */
	relays_set_keepalive(w->relays, 20000);
	pass_pumping(w, 18000);
	assert_int_equal(sent_of(w, NTM_FRAME_BIND), 2);
	pass_pumping(w, 2000);
	assert_int_equal(sent_of(w, NTM_FRAME_BIND), 3);
	/* It is shortened while it runs. */
	pass_pumping(w, 17000);
	relays_set_keepalive(w->relays, 15000);
	pass_pumping(w, 10);
	assert_int_equal(sent_of(w, NTM_FRAME_BIND), 4);
	/* What carries frames is not idle. */
	for (unsigned i = 0; i < 20; i++) {
		pass_pumping(w, 14000);
		relays_send(w->relays, w->number, frame, make_frame(frame, 1, 5));
	}
	assert_int_equal(sent_of(w, NTM_FRAME_BIND), 4);
	assert_int_equal(w->bounds, 4);
	world_free(w);
}

/* A relay cannot make us ask all the time: a third of 10 s. */
static void a_relay_that_forgets_at_once_is_asked_now_and_then(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->relay.idle_s = 1;
	bind_first(w);
	pump(w);
	pass_pumping(w, 61000);
	assert_in_range(sent_of(w, NTM_FRAME_BIND), 17, 19);
	world_free(w);
}

/* Gently, at the address in use; then at both. */
static void an_idle_binding_whose_relay_is_gone_is_asked_for_at_both_addresses(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->relay.addr[1] = w->relay.addr[0];
	w->relay.addr[1].port++;
	mock_relay_offer(&w->relay, FLOW, 0, &w->offer);
	bind_first(w);
	pump(w);
	relays_set_keepalive(w->relays, 20000);
	w->relay.is_dead = true;
	size_t before = w->count;
	pass(w, 20150);
	assert_int_equal(w->count, before + 1);
	assert_true(ntm_addr_eq(&w->sent[before].to, &w->relay.addr[0]));
	pass(w, 200);
	assert_int_equal(w->count, before + 3);
	world_free(w);
}

static void freeing_is_silent_at_any_time(void **state)
{
	struct world *w = world_bound();

	(void)state;
	size_t before = calls_of(w);
	relays_free(w->relays);
	w->relays = NULL;
	assert_int_equal(calls_of(w), before);
	world_free(w);
	w = world_new();
	bind_first(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unbound_is_only_a_hint),
		cmocka_unit_test(a_restarted_relay_is_bound_anew_by_its_hint),
		cmocka_unit_test(a_failing_path_asks_every_half_second),
		cmocka_unit_test(after_a_move_all_are_bound_from_the_new_place),
		cmocka_unit_test(a_move_begins_a_new_round),
		cmocka_unit_test(the_dc_tells_which_relay_was_restarted),
		cmocka_unit_test(a_label_that_is_given_twice_is_the_last_ones),
		cmocka_unit_test(what_is_idle_is_bound_again),
		cmocka_unit_test(a_relay_that_forgets_at_once_is_asked_now_and_then),
		cmocka_unit_test(
			an_idle_binding_whose_relay_is_gone_is_asked_for_at_both_addresses),
		cmocka_unit_test(freeing_is_silent_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
