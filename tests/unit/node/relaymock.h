/* SPDX-License-Identifier: BSD-2-Clause */
/* A relay, played: tickets, challenges, forwarding. What it sends goes to a function at once. */
#pragma once

#include "ntm/frame.h"
#include "ntm/noise.h"
#include "ntm/relay.h"

#define MOCK_FLOWS 16

struct mock_side {
	bool is_bound;
	struct ntm_addr at;
	uint32_t generation;
};

struct mock_flow {
	uint64_t flow;
	uint32_t label;
	struct mock_side side[2];
};

struct mock_relay {
	struct ntm_addr addr[2]; /* family 0: none */
	uint8_t pub[NTM_KEY_LEN], secret[NTM_KEY_LEN];
	struct ntm_ticket_key key;
	size_t count;
	struct mock_flow flow[MOCK_FLOWS];
	uint32_t next_label;
	uint16_t idle_s; /* that it tells */
	bool is_dead;
	unsigned binds, answers, releases, relayed, strangers;
	void (*send)(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
		     const uint8_t *data, size_t len);
	void *ctx;
};

/* It has lost its bindings, and its secret. */
static inline void mock_relay_restart(struct mock_relay *r)
{
	r->count = 0;
	r->next_label += 1000;
	r->is_dead = false;
	ntm_random(r->secret, sizeof(r->secret));
}

static inline void mock_relay_init(struct mock_relay *r, uint8_t number)
{
	r->addr[0] = (struct ntm_addr){.ip = ntm_ip_v4(203, 0, 113, number), .port = 4331};
	r->next_label = number * 100000U;
	r->key.id = 7;
	r->idle_s = NTM_RELAY_IDLE_S;
	ntm_random(r->pub, sizeof(r->pub));
	ntm_random(r->key.key, sizeof(r->key.key));
	mock_relay_restart(r);
}

/* What its DC offers. */
static inline void mock_relay_offer(const struct mock_relay *r, uint64_t flow, uint8_t side,
				    struct ntm_relay_offer *out)
{
	struct ntm_ticket ticket = {.flow = flow, .side = side, .expires_s = 1};

	*out = (struct ntm_relay_offer){.flow = flow, .addr = {r->addr[0], r->addr[1]}};
	ntm_random(ticket.bind_key, sizeof(ticket.bind_key));
	memcpy(out->bind_key, ticket.bind_key, sizeof(out->bind_key));
	ntm_ticket_seal(&ticket, &r->key, r->pub, out->ticket);
}

static inline void mock_cookie(const struct mock_relay *r, const struct ntm_ticket *ticket,
			       uint32_t generation, const struct ntm_addr *from,
			       uint8_t out[static NTM_RELAY_COOKIE_LEN])
{
	uint8_t in[sizeof(*from) + 13];

	memcpy(in, from, sizeof(*from));
	memcpy(in + sizeof(*from), &ticket->flow, 8);
	memcpy(in + sizeof(*from) + 8, &generation, 4);
	in[sizeof(*from) + 12] = ticket->side;
	ntm_blake2b(out, NTM_RELAY_COOKIE_LEN, in, sizeof(in), r->secret, sizeof(r->secret));
}

static inline struct mock_flow *mock_flow_of(struct mock_relay *r, uint64_t flow)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->flow[i].flow == flow)
			return &r->flow[i];
	assert_true(r->count < MOCK_FLOWS);
	r->flow[r->count] = (struct mock_flow){.flow = flow, .label = ++r->next_label};
	return &r->flow[r->count++];
}

static inline void mock_bind(struct mock_relay *r, const struct ntm_relay_frame *in,
			     const struct ntm_ticket *ticket, const struct ntm_addr *to,
			     const struct ntm_addr *from)
{
	uint8_t cookie[NTM_RELAY_COOKIE_LEN], out[NTM_RELAY_FRAME_MAX];
	struct ntm_relay_frame reply = {.generation = in->generation, .flow = ticket->flow};

	mock_cookie(r, ticket, in->generation, from, cookie);
	if (in->type == NTM_FRAME_BIND) {
		r->binds++;
		reply.type = NTM_FRAME_CHALLENGE;
		reply.cookie = cookie;
	} else {
		struct mock_flow *flow = mock_flow_of(r, ticket->flow);
		struct mock_side *side = &flow->side[ticket->side];

		/* A node that answers wrongly is a bug of ours. */
		assert_memory_equal(cookie, in->cookie, sizeof(cookie));
		assert_true(in->generation > side->generation);
		r->answers++;
		*side = (struct mock_side){true, *from, in->generation};
		reply.type = NTM_FRAME_BOUND;
		reply.label = flow->label;
		reply.peer_bound = flow->side[!ticket->side].is_bound;
		reply.idle_s = r->idle_s;
	}
	size_t len = ntm_relay_frame_write(&reply, ticket->bind_key, out);
	r->send(r->ctx, to, from, out, len);
}

static inline void mock_release(struct mock_relay *r, const struct ntm_relay_frame *in,
				const struct ntm_ticket *ticket)
{
	struct mock_side *side = &mock_flow_of(r, ticket->flow)->side[ticket->side];

	assert_true(in->generation > side->generation);
	*side = (struct mock_side){.generation = in->generation};
	r->releases++;
}

static inline void mock_unbound(struct mock_relay *r, uint32_t label, const struct ntm_addr *to,
				const struct ntm_addr *from)
{
	struct ntm_relay_frame reply = {.type = NTM_FRAME_UNBOUND, .label = label};
	uint8_t out[NTM_RELAY_FRAME_MAX];

	r->strangers++;
	r->send(r->ctx, to, from, out, ntm_relay_frame_write(&reply, NULL, out));
}

static inline void mock_forward(struct mock_relay *r, uint32_t label, const struct ntm_addr *to,
				const struct ntm_addr *from, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < r->count; i++) {
		for (size_t side = 0; side < 2; side++) {
			const struct mock_side *mine = &r->flow[i].side[side];
			const struct mock_side *other = &r->flow[i].side[!side];

			if (r->flow[i].label != label || !mine->is_bound ||
			    !ntm_addr_eq(&mine->at, from))
				continue;
			if (other->is_bound) {
				r->relayed++;
				r->send(r->ctx, to, &other->at, data, len);
			}
			return;
		}
	}
	mock_unbound(r, label, to, from);
}

static inline bool mock_relay_is_at(const struct mock_relay *r, const struct ntm_addr *to)
{
	return ntm_addr_eq(&r->addr[0], to) ||
	       (r->addr[1].ip.family != 0 && ntm_addr_eq(&r->addr[1], to));
}

static inline void mock_relay_input(struct mock_relay *r, const struct ntm_addr *to,
				    const struct ntm_addr *from, const uint8_t *data, size_t len)
{
	struct ntm_relay_frame frame;
	struct ntm_ticket ticket;
	uint32_t label;

	if (r->is_dead)
		return;
	if (ntm_relayed_parse(data, len, &label)) {
		mock_forward(r, label, to, from, data, len);
		return;
	}
	assert_int_equal(ntm_relay_frame_parse(&frame, data, len), 0);
	assert_int_equal(ntm_ticket_open(&ticket, &r->key, r->pub, frame.ticket), 0);
	assert_true(ntm_relay_frame_mac_ok(data, len, ticket.bind_key));
	if (frame.type == NTM_FRAME_RELEASE)
		mock_release(r, &frame, &ticket);
	else
		mock_bind(r, &frame, &ticket, to, from);
}
