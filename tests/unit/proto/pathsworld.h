/* SPDX-License-Identifier: BSD-2-Clause */
/* Two hosts with a direct path and relays between them; include after cmocka.h. */
#pragma once

#include "link_paths.h"
#include "proto/linkworld.h"

/*
 * Host 0 and 1 reach each other at their first address, the direct path, and through relays: what
 * is sent to relay n comes to the other host from its relay n, later than straight.
 */
static struct net {
	bool direct_blocked, one_way;     /* one_way: only from host 0 to host 1 */
	unsigned direct_loss, relay_loss; /* percent */
	int64_t relay_delay_ms[3];
	bool relay_dead[3];
	size_t direct_max;    /* of a frame; 0: any */
	unsigned probes, big; /* sent straight, lost ones as well */
	unsigned relayed;
	unsigned strange, strange_bytes; /* sent to neither host */
	unsigned starved;
} net;

static inline size_t number_of(const struct world *w, const struct ntm_addr *addr)
{
	return ntm_addr_eq(&w->host[1].addr[0], addr);
}

static inline bool pass_relay(struct world *w, const struct packet *p)
{
	uint32_t n = ntm_addr_relay_number(&p->to);
	struct packet q = *p;
	int64_t delay_ms = w->delay_ms;

	net.relayed++;
	if (net.relay_dead[n] || chance(w, net.relay_loss))
		return false;
	q.from = p->to;
	q.to = w->host[1 - number_of(w, &p->from)].addr[0];
	w->delay_ms = net.relay_delay_ms[n];
	inject(w, &q);
	w->delay_ms = delay_ms;
	return false;
}

static inline bool pass(struct world *w, const struct packet *p)
{
	if (ntm_addr_is_relay(&p->to))
		return pass_relay(w, p);
	if (!ntm_addr_eq(&p->to, &w->host[0].addr[0]) &&
	    !ntm_addr_eq(&p->to, &w->host[1].addr[0])) {
		net.strange++;
		net.strange_bytes += (unsigned)p->len;
	}
	net.probes += p->len == 64;
	net.big += p->len == NTM_LINK_ROOM_MAX + NTM_TRANSPORT_OVERHEAD;
	if (net.direct_max > 0 && p->len > net.direct_max)
		return false;
	if (net.direct_blocked && !(net.one_way && number_of(w, &p->from) == 0))
		return false;
	return !chance(w, net.direct_loss);
}

static inline void on_starved(void *ctx, struct ntm_link *link, void *owner)
{
	(void)ctx;
	(void)link;
	(void)owner;
	net.starved++;
}

static inline struct world *net_new(uint64_t seed)
{
	struct world *w = world_new(seed);

	net = (struct net){.relay_delay_ms = {0, 25, 40}};
	w->filter = pass;
	for (size_t i = 0; i < 2; i++)
		w->host[i].links->ops.starved = on_starved;
	return w;
}

static inline void open_paths(struct host *h, struct host *peer, bool initiator, uint32_t relays)
{
	uint8_t pair[NTM_PAIR_LEN] = "pair of the test";
	uint8_t psk[NTM_KEY_LEN] = "psk of the test";
	struct ntm_addr to[3] = {peer->addr[0], ntm_addr_relay(1), ntm_addr_relay(2)};
	struct ntm_link_args args = {.purpose = NTM_PURPOSE_E2E,
				     .remote_static = peer->keys.pub,
				     .pair = pair,
				     .psk = psk,
				     .candidate_count = 1 + relays,
				     .candidates = to,
				     .initiator = initiator,
				     .multipath = true};

	assert_int_equal(ntm_link_open(h->links, &args, &h->link), 0);
}

static inline void open_both(struct world *w, uint32_t relays)
{
	open_paths(&w->host[1], &w->host[0], false, relays);
	open_paths(&w->host[0], &w->host[1], true, relays);
}

static inline bool is_direct(const struct world *w, size_t i)
{
	return ntm_addr_eq(ntm_link_remote(w->host[i].link), &w->host[1 - i].addr[0]);
}

static inline bool is_relay(const struct world *w, size_t i, uint32_t n)
{
	const struct ntm_addr *to = ntm_link_remote(w->host[i].link);

	return ntm_addr_is_relay(to) && ntm_addr_relay_number(to) == n;
}

/* A call: 50 packets a second each way. What has come, and the longest gap between two of them. */
struct call {
	uint32_t next;
	unsigned sent, got[2];
	int64_t last_ms[2], gap_ms[2];
};

static inline void note(struct world *w, struct call *call)
{
	for (size_t i = 0; i < 2; i++) {
		int64_t gap_ms = w->timers.now_ms - call->last_ms[i];

		if (w->host[i].inputs == call->got[i])
			continue;
		if (call->last_ms[i] > 0 && gap_ms > call->gap_ms[i])
			call->gap_ms[i] = gap_ms;
		call->last_ms[i] = w->timers.now_ms;
		call->got[i] = w->host[i].inputs;
	}
}

static inline void talk(struct world *w, struct call *call, int64_t ms)
{
	call->gap_ms[0] = 0;
	call->gap_ms[1] = 0;
	for (int64_t t = 0; t < ms; t += 20) {
		call->sent++;
		assert_int_equal(send_seq(&w->host[0], call->next), 0);
		assert_int_equal(send_seq(&w->host[1], call->next++), 0);
		for (int i = 0; i < 20; i++) {
			run(w, 1);
			note(w, call);
		}
	}
}

static inline unsigned lost(const struct world *w, const struct call *call, size_t i)
{
	unsigned count = 0;

	for (uint32_t seq = 0; seq < call->next; seq++)
		count += !has_seq(&w->host[i], seq);
	return count;
}
