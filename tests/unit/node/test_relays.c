/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of bindings at relays: how they are made, kept and re-made, and who is believed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relaymock.h"
#include "relays.h"

#define SENT_MAX 4096
#define FLOW     UINT64_C(0x1122334455667788)

struct sent {
	int64_t at_ms;
	struct ntm_addr to;
	size_t len;
	uint8_t data[2200];
};

/* What came out of relays. */
struct world {
	struct ntm_timers timers;
	struct mock_relay relay, second;
	struct relays *relays;
	struct ntm_addr us;
	struct ntm_relay_offer offer;
	uint32_t number;

	struct sent *sent;
	size_t count, pumped;
	unsigned bounds, inputs;
	void *owner;
	uint32_t bound_number;
	struct ntm_addr input_from;
	size_t input_len;
	uint8_t input[2200];
	bool releases; /* in the callbacks */
	/* The last that the relay sent. */
	struct ntm_addr reply_from;
	size_t reply_len;
	uint8_t reply[2200];
};

static void on_send(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	struct world *w = ctx;

	assert_true(w->count < SENT_MAX && len <= sizeof(w->sent->data));
	struct sent *s = &w->sent[w->count++];
	s->at_ms = w->timers.now_ms;
	s->to = *to;
	s->len = len;
	memcpy(s->data, data, len);
}

static void on_input(void *ctx, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	struct world *w = ctx;

	w->inputs++;
	w->input_from = *from;
	w->input_len = pkt->len;
	memcpy(w->input, pkt->data, pkt->len);
	if (w->releases)
		relays_release(w->relays, w->number);
}

static void on_bound(void *ctx, void *owner, uint32_t number)
{
	struct world *w = ctx;

	w->bounds++;
	w->owner = owner;
	w->bound_number = number;
	if (w->releases)
		relays_release(w->relays, number);
}

static void on_reply(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
		     const uint8_t *data, size_t len)
{
	struct world *w = ctx;

	(void)to;
	w->reply_from = *from;
	w->reply_len = len;
	memcpy(w->reply, data, len);
}

static void set_time(struct world *w, int64_t now_ms)
{
	ntm_timers_advance(&w->timers, now_ms, now_ms);
}

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct relays_args args = {.timers = &w->timers,
				   .send = on_send,
				   .input = on_input,
				   .bound = on_bound,
				   .ctx = w};

	assert_int_equal(ntm_crypto_init(), 0);
	w->sent = calloc(SENT_MAX, sizeof(*w->sent));
	assert_non_null(w->sent);
	ntm_timers_init(&w->timers);
	set_time(w, 5000);
	w->us = (struct ntm_addr){.ip = ntm_ip_v4(192, 0, 2, 1), .port = 4330};
	mock_relay_init(&w->relay, 1);
	mock_relay_init(&w->second, 2);
	w->relay.send = w->second.send = on_reply;
	w->relay.ctx = w->second.ctx = w;
	w->relays = relays_new(&args);
	assert_non_null(w->relays);
	mock_relay_offer(&w->relay, FLOW, 0, &w->offer);
	return w;
}

static void world_free(struct world *w)
{
	relays_free(w->relays);
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	free(w->sent);
	free(w);
}

static void pass(struct world *w, int64_t ms)
{
	int64_t end_ms = w->timers.now_ms + ms;

	for (;;) {
		int64_t next = ntm_timers_next(&w->timers);

		if (next < 0 || w->timers.now_ms + next > end_ms)
			break;
		set_time(w, w->timers.now_ms + next);
		ntm_timers_run(&w->timers);
	}
	set_time(w, end_ms);
}

static void input_from(struct world *w, const struct ntm_addr *from, const void *data, size_t len)
{
	struct ntm_pkt pkt;

	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, len), data, len);
	relays_input(w->relays, from, &pkt);
}

/* The relay's answer to sent[i], which is in w->reply then; false: there is none. */
static bool answer_to(struct world *w, size_t i)
{
	const struct sent *s = &w->sent[i];
	struct mock_relay *r = mock_relay_is_at(&w->second, &s->to) ? &w->second : &w->relay;

	w->reply_len = 0;
	if (mock_relay_is_at(r, &s->to))
		mock_relay_input(r, &s->to, &w->us, s->data, s->len);
	return w->reply_len > 0;
}

/* Everything gets there, and all answers come, in no time. */
static void pump(struct world *w)
{
	while (w->pumped < w->count)
		if (answer_to(w, w->pumped++))
			input_from(w, &w->reply_from, w->reply, w->reply_len);
}

static void pass_pumping(struct world *w, int64_t ms)
{
	for (int64_t i = 0; i < ms; i += 10) {
		pass(w, 10);
		pump(w);
	}
}

static size_t sent_of(const struct world *w, uint8_t type)
{
	size_t count = 0;

	for (size_t i = 0; i < w->count; i++)
		count += w->sent[i].data[0] == type;
	return count;
}

static uint32_t generation_of(const struct sent *s)
{
	struct ntm_relay_frame frame;

	assert_int_equal(ntm_relay_frame_parse(&frame, s->data, s->len), 0);
	return frame.generation;
}

static void bind_first(struct world *w)
{
	assert_int_equal(relays_bind(w->relays, &w->offer, w, &w->number), 0);
}

static struct world *world_bound(void)
{
	struct world *w = world_new();

	bind_first(w);
	pump(w);
	assert_true(relays_is_bound(w->relays, w->number));
	assert_int_equal(w->bounds, 1);
	return w;
}

/* A TRANSPORT frame of that class. */
static size_t make_frame(uint8_t *frame, uint8_t cls, uint8_t mark)
{
	memset(frame, mark, 60);
	frame[0] = NTM_FRAME_TRANSPORT;
	frame[1] = cls;
	frame[2] = frame[3] = 0;
	return 60;
}

static size_t make_relayed(uint8_t *out, uint32_t label, uint8_t mark)
{
	ntm_relayed_head(out, 0, label);
	return NTM_RELAYED_HEADER + make_frame(out + NTM_RELAYED_HEADER, 0, mark);
}

static uint32_t label_of(const struct world *w)
{
	return w->relay.flow[0].label;
}

static const struct relays_counters *counters(const struct world *w)
{
	return relays_counters(w->relays);
}

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

static size_t calls_of(const struct world *w)
{
	return w->count + w->bounds + w->inputs;
}

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
	assert_int_equal(w->count, 2);
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
	/* The other one asks again, but not all the time. */
	w->relay.flow[0].label += 50;
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
		cmocka_unit_test(a_binding_is_made_in_two_round_trips),
		cmocka_unit_test(both_addresses_are_asked_and_the_first_is_kept),
		cmocka_unit_test(binding_goes_on_until_it_is_answered),
		cmocka_unit_test(an_answer_to_an_earlier_bind_of_the_round_counts),
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
		cmocka_unit_test(unbound_is_only_a_hint),
		cmocka_unit_test(a_restarted_relay_is_bound_anew_by_its_hint),
		cmocka_unit_test(a_failing_path_asks_every_half_second),
		cmocka_unit_test(after_a_move_all_are_bound_from_the_new_place),
		cmocka_unit_test(a_move_begins_a_new_round),
		cmocka_unit_test(the_dc_tells_which_relay_was_restarted),
		cmocka_unit_test(a_label_that_is_given_twice_is_the_last_ones),
		cmocka_unit_test(what_is_idle_is_bound_again),
		cmocka_unit_test(
			an_idle_binding_whose_relay_is_gone_is_asked_for_at_both_addresses),
		cmocka_unit_test(freeing_is_silent_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
