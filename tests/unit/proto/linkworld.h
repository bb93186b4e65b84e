/* SPDX-License-Identifier: BSD-2-Clause */
/* Hosts with links, joined by a wire in virtual time that loses, doubles and reorders by a seed;
 * include after cmocka.h. */
#pragma once

#include "link_priv.h"
#include "ntm/ctl_wire.h"
#include "ntm/link.h"
#include "ntm/wire.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define WORLD_HOSTS   4
#define WORLD_SEQ_MAX 65536
#define WORLD_WALL_MS INT64_C(1790000000000)

struct world;

struct packet {
	struct packet *after;
	int64_t due_ms;
	uint64_t number;
	struct ntm_addr from, to;
	size_t len;
	uint8_t data[NTM_PKT_MAX];
};

/* What a host's callbacks do besides counting. */
enum act { ACT_NONE, ACT_FREE, ACT_CLOSE, ACT_SEND, ACT_RESTART };

struct host {
	struct world *world;
	struct ntm_links *links;
	struct ntm_keys keys;
	struct ntm_addr addr[2]; /* reachable at both */
	size_t source;           /* which of them it sends from */
	bool deaf[2];
	int64_t clock_off_ms;  /* of its wall clock */
	struct ntm_link *link; /* the one that this test is about; NULL when freed */
	int accept_result;
	struct ntm_link_reply reply;
	bool is_dc;              /* speaks 'd' */
	size_t hello_len;        /* of its own; filled with its number */
	unsigned refusals;       /* of the next FINALs and RESPONSES */
	const struct host *only; /* the one peer that verify takes; NULL: any */
	enum act on_up, on_down, on_input, on_moved, on_answer, on_accept, on_verify;

	unsigned up, fresh, down, inputs, moved, answers, accepts, verifies, unknown_pairs;
	enum ntm_link_down why;
	void *owner; /* of the link that came up last */
	struct ntm_addr moved_to;
	unsigned doubles; /* of test data */
	uint8_t seen[WORLD_SEQ_MAX / 8];
	size_t last_len;
	uint8_t last[NTM_PKT_MAX]; /* input or answer */
	struct packet kept;        /* unknown pair */
};

struct world {
	struct ntm_timers timers;
	struct host host[WORLD_HOSTS];
	struct packet *queue;
	uint64_t number;
	uint64_t rng;
	unsigned loss_percent, copy_percent;
	int64_t delay_ms, jitter_ms;
	/* Whether the packet goes on. */
	bool (*filter)(struct world *w, const struct packet *p);
	unsigned filter_count;
	unsigned sent[256];      /* by type, before losses */
	uint64_t strays;         /* TRANSPORT frames for which no session was there */
	struct packet last[256]; /* of each type */
	int64_t sent_at[64];     /* INITIATIONs */
	struct ntm_link_times times;
};

/* ---- randomness ---- */

static uint64_t world_random_state;

static inline uint64_t splitmix(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static inline const char *seeded_name(void)
{
	return "seeded";
}

static inline uint32_t seeded_random(void)
{
	return (uint32_t)splitmix(&world_random_state);
}

static inline void seeded_buf(void *const buf, const size_t size)
{
	uint8_t *out = buf;

	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t)splitmix(&world_random_state);
}

static inline void world_seed(uint64_t seed)
{
	static struct randombytes_implementation seeded = {.implementation_name = seeded_name,
							   .random = seeded_random,
							   .buf = seeded_buf};

	world_random_state = seed;
	randombytes_set_implementation(&seeded);
}

static inline bool chance(struct world *w, unsigned percent)
{
	return splitmix(&w->rng) % 100 < percent;
}

/* ---- the wire ---- */

static inline void inject(struct world *w, const struct packet *p)
{
	struct packet *q = malloc(sizeof(*q));
	struct packet **at = &w->queue;

	*q = *p;
	q->due_ms = w->timers.now_ms + w->delay_ms;
	if (w->jitter_ms > 0)
		q->due_ms += (int64_t)(splitmix(&w->rng) % (uint64_t)w->jitter_ms);
	q->number = w->number++;
	while (*at && ((*at)->due_ms < q->due_ms ||
		       ((*at)->due_ms == q->due_ms && (*at)->number < q->number)))
		at = &(*at)->after;
	q->after = *at;
	*at = q;
}

static inline void wire_send(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	struct host *h = ctx;
	struct world *w = h->world;
	static struct packet p;

	assert_true(len > 0 && len <= sizeof(p.data));
	p = (struct packet){.from = h->addr[h->source], .to = *to, .len = len};
	memcpy(p.data, frame, len);
	if (frame[0] == NTM_FRAME_INITIATION && w->sent[frame[0]] < 64)
		w->sent_at[w->sent[frame[0]]] = w->timers.now_ms;
	w->sent[frame[0]]++;
	w->last[frame[0]] = p;
	if ((w->filter && !w->filter(w, &p)) || chance(w, w->loss_percent))
		return;
	inject(w, &p);
	if (chance(w, w->copy_percent))
		inject(w, &p);
}

static inline void hand_over(struct host *h, const struct packet *p)
{
	static struct ntm_pkt pkt;

	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, p->len), p->data, p->len);
	ntm_links_input(h->links, &p->from, &pkt);
}

static inline void deliver_packet(struct world *w, const struct packet *p)
{
	for (size_t i = 0; i < WORLD_HOSTS; i++) {
		struct host *h = &w->host[i];

		uint64_t unknown = h->links->counters.unknown_index;

		for (size_t a = 0; a < 2; a++) {
			if (!ntm_addr_eq(&h->addr[a], &p->to) || h->deaf[a])
				continue;
			hand_over(h, p);
			if (p->data[0] == NTM_FRAME_TRANSPORT)
				w->strays += h->links->counters.unknown_index - unknown;
			return;
		}
	}
}

static inline void set_time(struct world *w, int64_t now_ms)
{
	ntm_timers_advance(&w->timers, now_ms, WORLD_WALL_MS + now_ms);
}

/* Runs the world for that long. */
static inline void run(struct world *w, int64_t ms)
{
	int64_t end_ms = w->timers.now_ms + ms;

	for (;;) {
		int64_t next = ntm_timers_next(&w->timers);
		int64_t at_ms = next < 0 ? INT64_MAX : w->timers.now_ms + next;
		struct packet *p = w->queue;

		if (p && p->due_ms <= at_ms)
			at_ms = p->due_ms;
		if (at_ms > end_ms)
			break;
		set_time(w, at_ms);
		if (p && p->due_ms <= at_ms) {
			w->queue = p->after;
			deliver_packet(w, p);
			free(p);
		} else {
			ntm_timers_run(&w->timers);
		}
	}
	set_time(w, end_ms);
}

/* ---- callbacks ---- */

static inline int send_seq(struct host *h, uint32_t seq)
{
	static struct ntm_pkt pkt;
	struct ntm_wr wr;

	ntm_pkt_reset(&pkt);
	wr = ntm_wr_init(ntm_pkt_put(&pkt, 40), 40);
	ntm_wr_u32(&wr, 0x45000000);
	ntm_wr_u32(&wr, seq);
	ntm_wr_zeros(&wr, 32);
	return ntm_link_send(h->link, &pkt, 1);
}

static inline bool has_seq(const struct host *h, uint32_t seq)
{
	return h->seen[seq / 8] & 1 << seq % 8;
}

static inline void do_act(struct host *h, struct ntm_link *link, enum act act)
{
	switch (act) {
	case ACT_NONE:
		break;
	case ACT_FREE:
		ntm_link_free(link);
		if (link == h->link)
			h->link = NULL;
		break;
	case ACT_CLOSE:
		ntm_link_close(link, 1);
		break;
	case ACT_SEND:
		h->link = link;
		(void)send_seq(h, 7);
		break;
	case ACT_RESTART:
		ntm_link_restart(link, NULL, 0);
		break;
	}
}

static inline int on_accept(void *ctx, const struct ntm_link_request *req,
			    struct ntm_link_reply *reply)
{
	struct host *h = ctx;

	h->accepts++;
	h->last_len = req->payload_len;
	memcpy(h->last, req->payload, req->payload_len);
	*reply = h->reply;
	if (h->link)
		do_act(h, h->link, h->on_accept);
	if (req->purpose == NTM_PURPOSE_DC && h->refusals > 0) {
		h->refusals--;
		return -EAGAIN;
	}
	return h->accept_result;
}

static inline size_t on_hello(void *ctx, uint8_t out[static NTM_HS_PAYLOAD_MAX])
{
	struct host *h = ctx;

	memset(out, (int)(h - h->world->host), h->hello_len);
	return h->hello_len;
}

static inline int on_verify(void *ctx, struct ntm_link *link, void *owner,
			    const struct ntm_link_request *req)
{
	struct host *h = ctx;

	(void)owner;
	assert_int_equal(req->purpose, NTM_PURPOSE_DC);
	h->verifies++;
	h->last_len = req->payload_len;
	memcpy(h->last, req->payload, req->payload_len);
	do_act(h, link, h->on_verify);
	if (h->only && memcmp(req->remote_static, h->only->keys.pub, NTM_KEY_LEN) != 0)
		return -EACCES;
	if (h->refusals == 0)
		return 0;
	h->refusals--;
	return -EAGAIN;
}

static inline void on_unknown_pair(void *ctx, const uint8_t pair[static NTM_PAIR_LEN],
				   const struct ntm_addr *from, const uint8_t *frame, size_t len)
{
	struct host *h = ctx;

	(void)pair;
	h->unknown_pairs++;
	h->kept = (struct packet){.from = *from, .len = len};
	memcpy(h->kept.data, frame, len);
}

static inline void on_up(void *ctx, struct ntm_link *link, void *owner, bool fresh)
{
	struct host *h = ctx;

	h->owner = owner;
	assert_int_equal(ntm_link_state(link), NTM_LINK_UP);
	h->up++;
	h->fresh += fresh;
	h->link = link;
	do_act(h, link, h->on_up);
}

static inline void on_down(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why)
{
	struct host *h = ctx;

	(void)owner;
	assert_int_not_equal(ntm_link_state(link), NTM_LINK_UP);
	h->down++;
	h->why = why;
	do_act(h, link, h->on_down);
}

static inline void on_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	struct host *h = ctx;
	struct ntm_rd rd = ntm_rd_init(pkt->data, pkt->len);
	uint32_t seq;

	(void)owner;
	assert_true(pkt->len > 0 && pkt->len % 16 == 0);
	h->inputs++;
	h->last_len = pkt->len;
	memcpy(h->last, pkt->data, pkt->len);
	if (ntm_rd_u32(&rd) == 0x45000000 && (seq = ntm_rd_u32(&rd)) < WORLD_SEQ_MAX) {
		h->doubles += has_seq(h, seq);
		h->seen[seq / 8] |= (uint8_t)(1 << seq % 8);
	}
	memset(pkt->data, 0xff, pkt->len); /* it is the callback's */
	do_act(h, link, h->on_input);
}

static inline void on_moved(void *ctx, struct ntm_link *link, void *owner,
			    const struct ntm_addr *to)
{
	struct host *h = ctx;

	(void)owner;
	h->moved++;
	h->moved_to = *to;
	do_act(h, link, h->on_moved);
}

static inline void on_answer(void *ctx, struct ntm_link *link, void *owner, const uint8_t *payload,
			     size_t len)
{
	struct host *h = ctx;

	(void)owner;
	h->answers++;
	h->last_len = len;
	memcpy(h->last, payload, len);
	do_act(h, link, h->on_answer);
}

/* ---- hosts ---- */

static inline void boot(struct host *h)
{
	struct ntm_links_ops ops = {
		.send = wire_send,
		.hello = h->is_dc ? on_hello : NULL,
		.verify = h->is_dc ? on_verify : NULL,
		.accept = on_accept,
		.unknown_pair = on_unknown_pair,
		.up = on_up,
		.down = on_down,
		.input = on_input,
		.moved = on_moved,
		.answer = on_answer,
	};
	struct ntm_links_args args = {.ops = &ops,
				      .ctx = h,
				      .keys = &h->keys,
				      .timers = &h->world->timers,
				      .times = h->world->times.rekey_ms ? &h->world->times : NULL};

	h->links = ntm_links_new(&args);
	assert_non_null(h->links);
	h->link = NULL;
}

/* All that a process forgets. */
static inline void reboot(struct host *h)
{
	ntm_links_free(h->links);
	boot(h);
}

static inline struct world *world_new(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	world_seed(seed);
	w->rng = seed;
	w->delay_ms = 10;
	ntm_timers_init(&w->timers);
	set_time(w, 1000);
	for (uint8_t i = 0; i < WORLD_HOSTS; i++) {
		struct host *h = &w->host[i];

		h->world = w;
		h->addr[0] = (struct ntm_addr){ntm_ip_v4(192, 0, i, 1), 4330};
		h->addr[1] = (struct ntm_addr){ntm_ip_v4(198, 51, i, 1), 4330};
		ntm_keys_make(&h->keys);
		boot(h);
	}
	/* Host 0 has the lower key, for crossed initiations. */
	if (memcmp(w->host[0].keys.pub, w->host[1].keys.pub, NTM_KEY_LEN) > 0) {
		struct ntm_keys keys = w->host[0].keys;

		w->host[0].keys = w->host[1].keys;
		w->host[1].keys = keys;
		reboot(&w->host[0]);
		reboot(&w->host[1]);
	}
	return w;
}

static inline void world_free(struct world *w)
{
	for (size_t i = 0; i < WORLD_HOSTS; i++)
		ntm_links_free(w->host[i].links);
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	while (w->queue) {
		struct packet *p = w->queue;

		w->queue = p->after;
		free(p);
	}
	free(w);
}

static inline struct ntm_link_args e2e_args(const struct host *peer, bool initiator)
{
	static const uint8_t pair[NTM_PAIR_LEN] = {0x70, 0x61, 0x69, 0x72};
	static const uint8_t psk[NTM_KEY_LEN] = {0x70, 0x73, 0x6b};

	return (struct ntm_link_args){.purpose = NTM_PURPOSE_E2E,
				      .remote_static = peer->keys.pub,
				      .pair = pair,
				      .psk = psk,
				      .candidate_count = initiator ? 1 : 0,
				      .candidates = peer->addr,
				      .initiator = initiator};
}

static inline void open_e2e(struct host *h, const struct host *peer, bool initiator)
{
	struct ntm_link_args args = e2e_args(peer, initiator);

	assert_int_equal(ntm_link_open(h->links, &args, &h->link), 0);
}

/* A node's link to its DC. */
static inline void open_node(struct host *h, const struct host *dc)
{
	struct ntm_link_args args = {.purpose = NTM_PURPOSE_NODE,
				     .remote_static = dc->keys.pub,
				     .candidate_count = 1,
				     .candidates = dc->addr,
				     .initiator = true,
				     .persistent = true};

	assert_int_equal(ntm_link_open(h->links, &args, &h->link), 0);
}

/* All hosts are DCs. */
static inline struct world *world_dcs(uint64_t seed)
{
	struct world *w = world_new(seed);

	for (size_t i = 0; i < WORLD_HOSTS; i++) {
		w->host[i].is_dc = true;
		w->host[i].hello_len = 300;
		reboot(&w->host[i]);
	}
	return w;
}

/* A DC's link to another one, of which it knows addresses only. */
static inline void open_dc(struct host *h, const struct ntm_addr *candidates, size_t count)
{
	struct ntm_link_args args = {.purpose = NTM_PURPOSE_DC,
				     .candidate_count = count,
				     .candidates = candidates,
				     .initiator = true};

	assert_int_equal(ntm_link_open(h->links, &args, &h->link), 0);
}

static inline unsigned pending_count(const struct host *h)
{
	unsigned count = 0;

	for (size_t i = 0; i < LINKS_PENDING; i++)
		count += h->links->pending[i] != NULL;
	return count;
}

static inline bool is_static(const struct host *h, const struct host *peer)
{
	return memcmp(ntm_link_remote_static(h->link), peer->keys.pub, NTM_KEY_LEN) == 0;
}

/* Hosts 0 and 1 as DCs with a link that is up, 0 as initiator. */
static inline struct world *world_xx(uint64_t seed)
{
	struct world *w = world_dcs(seed);

	open_dc(&w->host[0], w->host[1].addr, 1);
	run(w, 100);
	assert_int_equal(w->host[0].up, 1);
	assert_int_equal(w->host[1].up, 1);
	return w;
}

/* Hosts 0 and 1 with an end-to-end link that is up, 0 as initiator. */
static inline struct world *world_e2e(uint64_t seed)
{
	struct world *w = world_new(seed);

	open_e2e(&w->host[1], &w->host[0], false);
	open_e2e(&w->host[0], &w->host[1], true);
	run(w, 100);
	assert_int_equal(w->host[0].up, 1);
	assert_int_equal(w->host[1].up, 1);
	return w;
}

static inline struct ntm_link_stats stats_of(const struct host *h)
{
	struct ntm_link_stats stats;

	ntm_link_stats(h->link, &stats);
	return stats;
}

static inline bool drop_all(struct world *w, const struct packet *p)
{
	(void)w;
	(void)p;
	return false;
}

/* Both directions carry data under the current sessions. */
static inline void assert_talk(struct world *w, struct host *a, struct host *b, uint32_t seq)
{
	assert_int_equal(send_seq(a, seq), 0);
	assert_int_equal(send_seq(b, seq), 0);
	run(w, 3 * w->delay_ms + w->jitter_ms);
	assert_true(has_seq(a, seq));
	assert_true(has_seq(b, seq));
}
