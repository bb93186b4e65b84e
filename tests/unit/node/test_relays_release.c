/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of bindings at relays: what the relay hears when one is over. */
#include "relaysworld.h"

static size_t releases(const struct world *w)
{
	return sent_of(w, NTM_FRAME_RELEASE);
}

static void the_relay_hears_that_a_binding_is_over(void **state)
{
	struct world *w = world_bound();

	(void)state;
	relays_release(w->relays, w->number);
	assert_int_equal(releases(w), 1);
	assert_int_equal(counters(w)->releases, 1);
	const struct sent *last = &w->sent[w->count - 1];
	assert_true(ntm_addr_eq(&last->to, &w->relay.addr[0]));
	assert_true(ntm_relay_frame_mac_ok(last->data, last->len, w->offer.bind_key));
	pump(w);
	assert_int_equal(w->relay.releases, 1);
	assert_false(w->relay.flow[0].side[0].is_bound);
	/* Once. */
	relays_release(w->relays, w->number);
	pass_pumping(w, 60000);
	assert_int_equal(releases(w), 1);
	assert_int_equal(w->count, w->pumped);
	world_free(w);
}

/* The relay knows us from the ANSWER on, also when its BOUND has not come. */
static void only_who_may_be_bound_says_so(void **state)
{
	struct world *w = world_new();

	(void)state;
	bind_first(w);
	relays_release(w->relays, w->number);
	assert_int_equal(releases(w), 0);
	w->pumped = w->count;
	bind_first(w);
	assert_true(answer_to(w, w->pumped++)); /* CHALLENGE */
	input_from(w, &w->reply_from, w->reply, w->reply_len);
	assert_true(answer_to(w, w->pumped++)); /* BOUND, and it is lost */
	assert_true(w->relay.flow[0].side[0].is_bound);
	relays_release(w->relays, w->number);
	assert_int_equal(releases(w), 1);
	pump(w);
	assert_false(w->relay.flow[0].side[0].is_bound);
	world_free(w);
}

/* Where the relay answers now, not where it was at first. */
static void it_goes_where_the_relay_is_heard(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->relay.addr[1] = w->relay.addr[0];
	w->relay.addr[1].port++;
	mock_relay_offer(&w->relay, FLOW, 0, &w->offer);
	bind_first(w);
	assert_int_equal(w->count, 2);
	w->pumped = 1; /* the first way is dead */
	pump(w);
	assert_true(relays_is_bound(w->relays, w->number));
	relays_release(w->relays, w->number);
	assert_true(ntm_addr_eq(&w->sent[w->count - 1].to, &w->relay.addr[1]));
	world_free(w);
}

/* The same ticket is shown again at the same moment, after rounds that were ahead of the clock: no
 * copy of the RELEASE is newer than what it binds. The played relay insists on it. */
static void what_is_bound_later_is_newer(void **state)
{
	struct world *w = world_bound();

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned k = 0; k < i % 4; k++) {
			relays_moved(w->relays);
			pump(w);
		}
		relays_release(w->relays, w->number);
		size_t release = w->count - 1;
		assert_int_equal(w->sent[release].data[0], NTM_FRAME_RELEASE);
		pump(w);
		bind_first(w);
		assert_true(generation_of(&w->sent[w->count - 1]) >
			    generation_of(&w->sent[release]));
		pump(w);
		assert_true(relays_is_bound(w->relays, w->number));
	}
	assert_int_equal(w->relay.releases, 20);
	world_free(w);
}

/* As if the power had gone. */
static void dropping_all_is_silent(void **state)
{
	struct world *w = world_bound();

	(void)state;
	size_t before = calls_of(w);
	relays_drop_all(w->relays);
	assert_int_equal(relays_count(w->relays), 0);
	relays_release(w->relays, w->number);
	assert_int_equal(calls_of(w), before);
	relays_drop_all(NULL);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_relay_hears_that_a_binding_is_over),
		cmocka_unit_test(only_who_may_be_bound_says_so),
		cmocka_unit_test(it_goes_where_the_relay_is_heard),
		cmocka_unit_test(what_is_bound_later_is_newer),
		cmocka_unit_test(dropping_all_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
