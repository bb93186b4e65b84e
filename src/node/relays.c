/* SPDX-License-Identifier: BSD-2-Clause */
/* This node's bindings at relays: made, kept and re-made; frames through them and out of them. */
#include "relays.h"

#include "ntm/bucket.h"
#include "ntm/log.h"
#include "ntm/map.h"
#include "ntm/noise.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Between what is due on two timers at the same time. */
#define SLACK_MS 100
/* No relay may be set to forget sooner; one that says so is not asked all the time. */
#define IDLE_MIN_MS 10000

/* What frames are found by; hashed, so it has no padding. */
struct label_key {
	struct ntm_addr relay;
	uint32_t label;
};
_Static_assert(sizeof(struct label_key) == sizeof(struct ntm_addr) + 4, "no padding");

struct binding {
	struct relays *relays;
	void *owner;
	uint32_t number;
	struct ntm_relay_offer offer;
	struct ntm_addr addr[2]; /* of the offer, those that may be used */
	size_t addr_count;

	bool is_bound;
	struct label_key key; /* when bound */
	int64_t idle_ms;      /* the relay forgets us after it */
	int64_t sent_ms;      /* anything */

	bool is_asking;
	unsigned asks;        /* BINDs of this round */
	int64_t round_ms;     /* when the last round began */
	int64_t asked_ms;     /* the last BIND */
	uint32_t generation;  /* of the last BIND */
	uint32_t round_first; /* of the first BIND of this round */
	uint32_t answered;    /* of the last CHALLENGE that was answered */
	struct ntm_addr answered_to;

	struct ntm_timer timer; /* asking: the next BIND; bound: looks whether it is idle */
};

struct relays {
	struct relays_args args;
	struct binding *slot[RELAYS_MAX]; /* by number % RELAYS_MAX */
	size_t count;
	uint32_t next_number;
	uint32_t released; /* generation of the last RELEASE, the highest of them */
	struct ntm_map *by_label, *by_flow;
	int64_t keepalive_ms;
	struct relays_counters counters;
};

static int64_t now_ms(const struct relays *relays)
{
	return relays->args.timers->now_ms;
}

static struct binding *find(const struct relays *relays, uint32_t number)
{
	struct binding *b = relays->slot[number % RELAYS_MAX];

	return b != NULL && b->number == number ? b : NULL;
}

static void arm(struct binding *b, int64_t delay_ms)
{
	ntm_timer_set(b->relays->args.timers, &b->timer, delay_ms);
}

static void send_to(struct binding *b, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	b->sent_ms = now_ms(b->relays);
	b->relays->args.send(b->relays->args.ctx, to, data, len);
}

/* ---- asking ---- */

/* A ticket may be shown anew after its binding was released: its generations go on from there, or a
 * late RELEASE, or somebody's copy of it, would end what was bound since. */
static uint32_t next_generation(const struct binding *b)
{
	uint32_t by_clock = (uint32_t)(now_ms(b->relays) / 100);
	uint32_t last = b->generation > b->relays->released ? b->generation : b->relays->released;

	return by_clock > last ? by_clock : last + 1;
}

static int64_t retry_ms(unsigned asks)
{
	return asks < NTM_RETRY_SENDINGS ? ntm_retry_wait_ms(asks) : RELAYS_RETRY_MS;
}

static void send_bind(struct binding *b, bool everywhere)
{
	struct ntm_relay_frame frame = {.type = NTM_FRAME_BIND, .ticket = b->offer.ticket};
	uint8_t out[NTM_RELAY_FRAME_MAX];

	b->generation = next_generation(b);
	if (b->asks == 0)
		b->round_first = b->generation;
	b->asks++;
	b->asked_ms = now_ms(b->relays);
	frame.generation = b->generation;
	size_t len = ntm_relay_frame_write(&frame, b->offer.bind_key, out);
	for (size_t i = 0; i < b->addr_count; i++)
		if (everywhere || ntm_addr_eq(&b->addr[i], &b->key.relay))
			send_to(b, &b->addr[i], out, len);
	b->relays->counters.binds++;
	arm(b, retry_ms(b->asks));
}

static void begin_round(struct binding *b, bool everywhere)
{
	b->is_asking = true;
	b->asks = 0;
	b->round_ms = now_ms(b->relays);
	send_bind(b, everywhere || !b->is_bound);
}

/* NAT and relay forget who is silent; asking again also shows that the relay still knows us. A link
 * that probes the path by itself is let go first. */
static int64_t idle_at(const struct binding *b)
{
	int64_t idle_ms = b->idle_ms / 3;

	if (b->relays->keepalive_ms > 0 && b->relays->keepalive_ms < idle_ms)
		idle_ms = b->relays->keepalive_ms;
	return b->sent_ms + idle_ms + SLACK_MS;
}

static void on_timer(void *arg)
{
	struct binding *b = arg;
	int64_t left_ms = idle_at(b) - now_ms(b->relays);

	if (b->is_asking)
		send_bind(b, true);
	else if (b->is_bound && left_ms > 0)
		arm(b, left_ms);
	else
		begin_round(b, false);
}

/* ---- answers ---- */

static bool is_of_relay(const struct binding *b, const struct ntm_addr *from)
{
	for (size_t i = 0; i < b->addr_count; i++)
		if (ntm_addr_eq(&b->addr[i], from))
			return true;
	return false;
}

static void on_challenge(struct binding *b, const struct ntm_addr *from,
			 const struct ntm_relay_frame *in)
{
	struct ntm_relay_frame answer = {.type = NTM_FRAME_ANSWER,
					 .generation = in->generation,
					 .ticket = b->offer.ticket,
					 .cookie = in->cookie};
	uint8_t out[NTM_RELAY_FRAME_MAX];

	if (!b->is_asking || in->generation < b->round_first || in->generation > b->generation ||
	    in->generation <= b->answered) {
		b->relays->counters.stale++;
		return;
	}
	b->answered = in->generation;
	b->answered_to = *from;
	b->relays->counters.answers++;
	send_to(b, from, out, ntm_relay_frame_write(&answer, b->offer.bind_key, out));
}

static void lose_label(struct binding *b)
{
	if (b->is_bound)
		ntm_map_del(b->relays->by_label, &b->key, sizeof(b->key));
	b->is_bound = false;
}

/* A relay that gives a label twice means the last one: the other asks again, but not all the time.
 */
static void lose_label_to_another(struct binding *b)
{
	lose_label(b);
	if (!b->is_asking)
		arm(b, RELAYS_HINT_MS);
}

/* 0 or -ENOMEM. */
static int take_label(struct binding *b, const struct label_key *key)
{
	struct ntm_map *by_label = b->relays->by_label;
	struct binding *former = ntm_map_get(by_label, key, sizeof(*key));

	if (former == b)
		return 0;
	if (former != NULL)
		lose_label_to_another(former);
	lose_label(b);
	b->key = *key;
	int err = ntm_map_put(by_label, &b->key, sizeof(b->key), b, NULL);
	b->is_bound = err == 0;
	return err;
}

static void on_bound(struct binding *b, const struct ntm_addr *from,
		     const struct ntm_relay_frame *in)
{
	struct relays *relays = b->relays;
	struct label_key key = {.relay = *from, .label = in->label};
	bool was_bound = b->is_bound;
	char relay[NTM_ADDR_STR];

	/* On a long way later BINDs of the round have been answered as well. */
	if (!b->is_asking || in->generation > b->answered || in->generation < b->round_first ||
	    !ntm_addr_eq(from, &b->answered_to)) {
		relays->counters.stale++;
		return;
	}
	if (take_label(b, &key) != 0)
		return; /* it is asked again */
	b->is_asking = false;
	b->idle_ms = (int64_t)(in->idle_s > 0 ? in->idle_s : NTM_RELAY_IDLE_S) * 1000;
	if (b->idle_ms < IDLE_MIN_MS)
		b->idle_ms = IDLE_MIN_MS;
	relays->counters.bounds++;
	arm(b, idle_at(b) - now_ms(relays));
	if (!was_bound)
		ntm_debug("relay %u: bound at %s flow=%016llx", (unsigned)b->number,
			  ntm_addr_str(from, relay), (unsigned long long)b->offer.flow);
	relays->args.bound(relays->args.ctx, b->owner, b->number, in->peer_bound);
}

static void on_answer(struct relays *relays, const struct ntm_addr *from,
		      const struct ntm_relay_frame *in, const struct ntm_pkt *pkt)
{
	struct binding *b = ntm_map_get(relays->by_flow, &in->flow, sizeof(in->flow));

	if (b == NULL)
		relays->counters.unknown++;
	else if (!is_of_relay(b, from))
		relays->counters.bad_source++;
	else if (!ntm_relay_frame_mac_ok(pkt->data, pkt->len, b->offer.bind_key))
		relays->counters.bad_mac++;
	else if (in->type == NTM_FRAME_CHALLENGE)
		on_challenge(b, from, in);
	else
		on_bound(b, from, in);
}

static struct binding *find_label(const struct relays *relays, const struct ntm_addr *from,
				  uint32_t label)
{
	struct label_key key = {.relay = *from, .label = label};

	return ntm_map_get(relays->by_label, &key, sizeof(key));
}

static void on_unbound(struct relays *relays, const struct ntm_addr *from, uint32_t label)
{
	struct binding *b = find_label(relays, from, label);

	relays->counters.unbound_hints++;
	if (b == NULL || b->is_asking || now_ms(relays) - b->round_ms < RELAYS_HINT_MS)
		relays->counters.hints_unused++;
	else
		begin_round(b, true);
}

static void on_relayed(struct relays *relays, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	uint32_t label;

	if (!ntm_relayed_parse(pkt->data, pkt->len, &label)) {
		relays->counters.malformed++;
		return;
	}
	struct binding *b = find_label(relays, from, label);
	if (b == NULL) {
		relays->counters.unknown++;
		return;
	}
	struct ntm_addr via = ntm_addr_relay(b->number);
	relays->counters.frames_in++;
	ntm_pkt_pull(pkt, NTM_RELAYED_HEADER);
	relays->args.input(relays->args.ctx, &via, pkt);
}

void relays_input(struct relays *relays, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	struct ntm_relay_frame frame;

	if (pkt->len > 0 && pkt->data[0] == NTM_FRAME_RELAYED) {
		on_relayed(relays, from, pkt);
		return;
	}
	if (ntm_relay_frame_parse(&frame, pkt->data, pkt->len) != 0) {
		relays->counters.malformed++;
		return;
	}
	switch (frame.type) {
	case NTM_FRAME_CHALLENGE:
	case NTM_FRAME_BOUND:
		on_answer(relays, from, &frame, pkt);
		break;
	case NTM_FRAME_UNBOUND:
		on_unbound(relays, from, frame.label);
		break;
	default: /* BIND, ANSWER and RELEASE are for relays */
		relays->counters.malformed++;
		break;
	}
}

void relays_send(struct relays *relays, uint32_t number, const uint8_t *frame, size_t len)
{
	struct binding *b = find(relays, number);
	uint8_t out[NTM_RELAYED_HEADER + NTM_PKT_MAX + NTM_PKT_TAILROOM];

	if (b == NULL || !b->is_bound || len == 0 || len > sizeof(out) - NTM_RELAYED_HEADER) {
		relays->counters.not_bound++;
		return;
	}
	/* A handshake is waited for, and small. */
	uint8_t cls = frame[0] == NTM_FRAME_TRANSPORT ? frame[1] & 1 : 1;
	ntm_relayed_head(out, cls, b->key.label);
	memcpy(out + NTM_RELAYED_HEADER, frame, len);
	relays->counters.frames_out++;
	send_to(b, &b->key.relay, out, NTM_RELAYED_HEADER + len);
}

/* ---- owners ---- */

static int index_new(struct relays *relays, struct binding *b)
{
	int err = ntm_map_put(relays->by_flow, &b->offer.flow, sizeof(b->offer.flow), b, NULL);

	if (err != 0)
		return err;
	while (relays->slot[relays->next_number % RELAYS_MAX] != NULL)
		relays->next_number++;
	b->number = relays->next_number++;
	relays->slot[b->number % RELAYS_MAX] = b;
	relays->count++;
	return 0;
}

int relays_bind(struct relays *relays, const struct ntm_relay_offer *offer, void *owner,
		uint32_t *number)
{
	if (ntm_map_get(relays->by_flow, &offer->flow, sizeof(offer->flow)) != NULL)
		return -EEXIST;
	if (relays->count >= RELAYS_MAX)
		return -ENOSPC;
	struct binding *b = calloc(1, sizeof(*b));
	if (b == NULL)
		return -ENOMEM;
	b->relays = relays;
	b->owner = owner;
	b->offer = *offer;
	for (size_t i = 0; i < 2; i++)
		if (offer->addr[i].port != 0 && ntm_ip_is_usable(&offer->addr[i].ip))
			b->addr[b->addr_count++] = offer->addr[i];
	int err = b->addr_count == 0 ? -EINVAL : index_new(relays, b);
	if (err != 0) {
		ntm_wipe(b, sizeof(*b));
		free(b);
		return err;
	}
	ntm_timer_init(&b->timer, on_timer, b);
	begin_round(b, true);
	*number = b->number;
	return 0;
}

static void drop(struct binding *b)
{
	struct relays *relays = b->relays;

	lose_label(b);
	ntm_map_del(relays->by_flow, &b->offer.flow, sizeof(b->offer.flow));
	ntm_timer_del(relays->args.timers, &b->timer);
	relays->slot[b->number % RELAYS_MAX] = NULL;
	relays->count--;
	ntm_wipe(b, sizeof(*b)); /* the bind key */
	free(b);
}

/* Where the relay was heard last; where it was not, it has not bound us either. */
static void send_release(struct binding *b)
{
	struct relays *relays = b->relays;
	const struct ntm_relay_frame frame = {.type = NTM_FRAME_RELEASE,
					      .generation = next_generation(b),
					      .ticket = b->offer.ticket};
	uint8_t out[NTM_RELAY_FRAME_MAX];

	if (b->answered == 0)
		return;
	relays->released = frame.generation;
	relays->counters.releases++;
	send_to(b, &b->answered_to, out, ntm_relay_frame_write(&frame, b->offer.bind_key, out));
}

void relays_release(struct relays *relays, uint32_t number)
{
	struct binding *b = find(relays, number);

	if (b == NULL)
		return;
	send_release(b);
	drop(b);
}

void relays_drop_all(struct relays *relays)
{
	for (size_t i = 0; relays != NULL && i < RELAYS_MAX; i++)
		if (relays->slot[i] != NULL)
			drop(relays->slot[i]);
}

void relays_check(struct relays *relays, uint32_t number)
{
	struct binding *b = find(relays, number);

	if (b == NULL || now_ms(relays) - b->asked_ms < RELAYS_CHECK_MS)
		return;
	if (b->is_asking)
		send_bind(b, true);
	else
		begin_round(b, true);
}

void relays_moved(struct relays *relays)
{
	for (size_t i = 0; i < RELAYS_MAX; i++)
		if (relays->slot[i] != NULL)
			begin_round(relays->slot[i], true);
}

void relays_restarted(struct relays *relays, const struct ntm_addr_list *addrs)
{
	for (size_t i = 0; i < RELAYS_MAX; i++) {
		struct binding *b = relays->slot[i];
		bool is_it = false;

		for (size_t k = 0; b != NULL && k < addrs->count; k++)
			is_it |= is_of_relay(b, &addrs->item[k]);
		if (is_it)
			begin_round(b, true);
	}
}

void relays_set_keepalive(struct relays *relays, int64_t keepalive_ms)
{
	if (keepalive_ms == relays->keepalive_ms)
		return;
	relays->keepalive_ms = keepalive_ms;
	for (size_t i = 0; i < RELAYS_MAX; i++) {
		struct binding *b = relays->slot[i];

		if (b != NULL && b->is_bound && !b->is_asking)
			arm(b, idle_at(b) - now_ms(relays));
	}
}

/* ---- all ---- */

struct relays *relays_new(const struct relays_args *args)
{
	struct relays *relays = calloc(1, sizeof(*relays));

	if (relays == NULL)
		return NULL;
	relays->args = *args;
	relays->by_label = ntm_map_new();
	relays->by_flow = ntm_map_new();
	if (relays->by_label == NULL || relays->by_flow == NULL) {
		relays_free(relays);
		return NULL;
	}
	return relays;
}

void relays_free(struct relays *relays)
{
	if (relays == NULL)
		return;
	relays_drop_all(relays);
	ntm_map_free(relays->by_label);
	ntm_map_free(relays->by_flow);
	free(relays);
}

bool relays_is_bound(const struct relays *relays, uint32_t number)
{
	const struct binding *b = find(relays, number);

	return b != NULL && b->is_bound;
}

struct ntm_addr relays_addr(const struct relays *relays, uint32_t number)
{
	const struct binding *b = find(relays, number);

	if (b == NULL)
		return (struct ntm_addr){0};
	return b->is_bound ? b->key.relay : b->addr[0];
}

size_t relays_count(const struct relays *relays)
{
	return relays->count;
}

static bool is_silent(const struct binding *b)
{
	return b->is_asking && b->asks >= NTM_RETRY_SENDINGS;
}

size_t relays_answering(const struct relays *relays)
{
	size_t count = 0;

	for (size_t i = 0; i < RELAYS_MAX; i++)
		count += relays->slot[i] != NULL && relays->slot[i]->is_bound &&
			 !is_silent(relays->slot[i]);
	return count;
}

struct ntm_addr relays_silent(const struct relays *relays)
{
	for (size_t i = 0; i < RELAYS_MAX; i++)
		if (relays->slot[i] != NULL && is_silent(relays->slot[i]))
			return relays_addr(relays, relays->slot[i]->number);
	return (struct ntm_addr){0};
}

const struct relays_counters *relays_counters(const struct relays *relays)
{
	return &relays->counters;
}
