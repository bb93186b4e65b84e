/* SPDX-License-Identifier: BSD-2-Clause */
/* A node's bindings and two relays that are played; what is sent waits until the test pumps it. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relaymock.h"
#include "relays.h"

#define SENT_MAX 8192
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

static inline void on_send(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	struct world *w = ctx;

	assert_true(w->count < SENT_MAX && len <= sizeof(w->sent->data));
	struct sent *s = &w->sent[w->count++];
	s->at_ms = w->timers.now_ms;
	s->to = *to;
	s->len = len;
	memcpy(s->data, data, len);
}

static inline void on_input(void *ctx, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	struct world *w = ctx;

	w->inputs++;
	w->input_from = *from;
	w->input_len = pkt->len;
	memcpy(w->input, pkt->data, pkt->len);
	if (w->releases)
		relays_release(w->relays, w->number);
}

static inline void on_bound(void *ctx, void *owner, uint32_t number, bool peer_bound)
{
	struct world *w = ctx;

	(void)peer_bound;
	w->bounds++;
	w->owner = owner;
	w->bound_number = number;
	if (w->releases)
		relays_release(w->relays, number);
}

static inline void on_reply(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
			    const uint8_t *data, size_t len)
{
	struct world *w = ctx;

	(void)to;
	w->reply_from = *from;
	w->reply_len = len;
	memcpy(w->reply, data, len);
}

static inline void set_time(struct world *w, int64_t now_ms)
{
	ntm_timers_advance(&w->timers, now_ms, now_ms);
}

static inline struct world *world_new(void)
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

static inline void world_free(struct world *w)
{
	relays_free(w->relays);
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	free(w->sent);
	free(w);
}

static inline void pass(struct world *w, int64_t ms)
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

static inline void input_from(struct world *w, const struct ntm_addr *from, const void *data,
			      size_t len)
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
static inline void pump(struct world *w)
{
	while (w->pumped < w->count)
		if (answer_to(w, w->pumped++))
			input_from(w, &w->reply_from, w->reply, w->reply_len);
}

static inline void pass_pumping(struct world *w, int64_t ms)
{
	for (int64_t i = 0; i < ms; i += 10) {
		pass(w, 10);
		pump(w);
	}
}

static inline size_t sent_of(const struct world *w, uint8_t type)
{
	size_t count = 0;

	for (size_t i = 0; i < w->count; i++)
		count += w->sent[i].data[0] == type;
	return count;
}

static inline uint32_t generation_of(const struct sent *s)
{
	struct ntm_relay_frame frame;

	assert_int_equal(ntm_relay_frame_parse(&frame, s->data, s->len), 0);
	return frame.generation;
}

static inline void bind_first(struct world *w)
{
	assert_int_equal(relays_bind(w->relays, &w->offer, w, &w->number), 0);
}

static inline struct world *world_bound(void)
{
	struct world *w = world_new();

	bind_first(w);
	pump(w);
	assert_true(relays_is_bound(w->relays, w->number));
	assert_int_equal(w->bounds, 1);
	return w;
}

/* A TRANSPORT frame of that class. */
static inline size_t make_frame(uint8_t *frame, uint8_t cls, uint8_t mark)
{
	memset(frame, mark, 60);
	frame[0] = NTM_FRAME_TRANSPORT;
	frame[1] = cls;
	frame[2] = frame[3] = 0;
	return 60;
}

static inline size_t make_relayed(uint8_t *out, uint32_t label, uint8_t mark)
{
	ntm_relayed_head(out, 0, label);
	return NTM_RELAYED_HEADER + make_frame(out + NTM_RELAYED_HEADER, 0, mark);
}

static inline uint32_t label_of(const struct world *w)
{
	return w->relay.flow[0].label;
}

static inline const struct relays_counters *counters(const struct world *w)
{
	return relays_counters(w->relays);
}

/* Whatever was sent or called. */
static inline size_t calls_of(const struct world *w)
{
	return w->count + w->bounds + w->inputs;
}
