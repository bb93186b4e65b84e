/* SPDX-License-Identifier: BSD-2-Clause */
/* SIP messages that wait for tunnels. */
#include "sip_held.h"

#include <stdlib.h>
#include <string.h>

void held_init(struct held_queue *queue)
{
	queue->head = NULL;
	queue->tail = &queue->head;
	queue->count = queue->bytes = 0;
}

static void unlink_held(struct held *held)
{
	struct held_queue *queue = held->queue;
	struct held **at = &queue->head;

	while (*at != held)
		at = &(*at)->next;
	*at = held->next;
	if (queue->tail == &held->next)
		queue->tail = at;
	queue->count--;
	queue->bytes -= held->len;
}

static void free_held(struct held *held)
{
	for (size_t i = 0; i < NTM_SIP_MEDIA_MAX; i++)
		tunnel_wait_cancel(&held->waits[i]);
	ntm_timer_del(held->queue->timers, &held->deadline);
	free(held->data);
	free(held);
}

void held_fini(struct held_queue *queue)
{
	while (queue->head != NULL) {
		struct held *held = queue->head;

		unlink_held(held);
		free_held(held);
	}
}

bool held_has_call(const struct held_queue *queue, enum sipwatch_way way, const char *call_id)
{
	for (const struct held *h = queue->head; h != NULL; h = h->next)
		if (!h->is_follower && h->way == way && strcmp(h->call_id, call_id) == 0)
			return true;
	return false;
}

static struct held *first_of(struct held_queue *queue, enum sipwatch_way way, const char *call_id)
{
	for (struct held *h = queue->head; h != NULL; h = h->next)
		if (h->way == way && strcmp(h->call_id, call_id) == 0)
			return h;
	return NULL;
}

static void let_go(struct held *held, enum held_end why)
{
	struct held_queue *queue = held->queue;

	unlink_held(held);
	queue->release(queue->ctx, held, why);
	free_held(held);
}

/* Lets one go, and then those that waited behind it, up to the next one that waits for itself. */
static void release(struct held *held, enum held_end why)
{
	struct held_queue *queue = held->queue;
	enum sipwatch_way way = held->way;
	char call_id[NTM_SIP_ID_MAX + 1];
	struct held *next;

	memcpy(call_id, held->call_id, sizeof(call_id));
	let_go(held, why);
	while ((next = first_of(queue, way, call_id)) != NULL && next->is_follower)
		let_go(next, why);
}

static void on_deadline(void *arg)
{
	release(arg, HELD_DEADLINE);
}

static void on_tunnel(void *arg, const struct tunnel_result *result)
{
	struct held *held = arg;

	held->pending--;
	held->any_failed |= result->err != 0;
	if (result->err == 0)
		held->direction_ms = result->direction_ms;
	if (held->pending == 0)
		release(held, held->any_failed ? HELD_FAILED : HELD_UP);
}

static bool is_copy(const struct held *held, enum sipwatch_way way, const struct ntm_sip *sip)
{
	return held->way == way && held->cseq == sip->cseq && held->method == sip->method &&
	       held->status == sip->status && strcmp(held->call_id, sip->call_id) == 0 &&
	       strcmp(held->from_tag, sip->from_tag) == 0 && strcmp(held->to_tag, sip->to_tag) == 0;
}

bool held_replace(struct held_queue *queue, enum sipwatch_way way, const struct ntm_sip *sip,
		  const struct ntm_pkt *pkt)
{
	for (struct held *h = queue->head; h != NULL; h = h->next) {
		if (!is_copy(h, way, sip))
			continue;
		uint8_t *data = malloc(pkt->len);
		if (data != NULL) { /* else the older copy serves as well */
			memcpy(data, pkt->data, pkt->len);
			queue->bytes += pkt->len;
			queue->bytes -= h->len;
			free(h->data);
			h->data = data;
			h->len = pkt->len;
		}
		return true;
	}
	return false;
}

static bool has_room(const struct held_queue *queue, const struct held_order *order)
{
	size_t same_peer = 0;

	for (const struct held *h = queue->head; h != NULL && order->peer_count > 0; h = h->next)
		same_peer += !h->is_follower && ntm_ip_eq(&h->peer, &order->peers[0]);
	return queue->count < SIPWATCH_HELD_MAX &&
	       queue->bytes + order->pkt->len <= SIPWATCH_HELD_BYTES &&
	       same_peer < SIPWATCH_HELD_PER_PEER;
}

static struct held *make_held(struct held_queue *queue, const struct held_order *order)
{
	struct held *held = calloc(1, sizeof(*held));

	if (held == NULL)
		return NULL;
	held->data = malloc(order->pkt->len);
	if (held->data == NULL) {
		free(held);
		return NULL;
	}
	held->queue = queue;
	held->way = order->way;
	held->is_follower = order->peer_count == 0;
	held->cseq = order->sip->cseq;
	held->method = order->sip->method;
	held->status = order->sip->status;
	memcpy(held->call_id, order->sip->call_id, sizeof(held->call_id));
	memcpy(held->from_tag, order->sip->from_tag, sizeof(held->from_tag));
	memcpy(held->to_tag, order->sip->to_tag, sizeof(held->to_tag));
	if (order->peer_count > 0)
		held->peer = order->peers[0];
	held->since_ms = queue->timers->now_ms;
	held->direction_ms = -1;
	held->len = order->pkt->len;
	memcpy(held->data, order->pkt->data, held->len);
	ntm_timer_init(&held->deadline, on_deadline, held);
	return held;
}

static void want_peers(struct held *held, const struct held_order *order)
{
	for (size_t i = 0; i < order->peer_count; i++) {
		struct tunnel_target target = {.vip = order->peers[i]};

		held->waits[i].fn = on_tunnel;
		held->waits[i].arg = held;
		if (tunnel_want(held->queue->tunnels, &target, NTM_REASON_SIP, &held->waits[i],
				NULL) == 0)
			held->pending++;
	}
}

bool held_add(struct held_queue *queue, const struct held_order *order, bool *over_bound)
{
	*over_bound = !has_room(queue, order);
	struct held *held = *over_bound ? NULL : make_held(queue, order);

	if (held == NULL)
		return false;
	want_peers(held, order);
	if (!held->is_follower && held->pending == 0) {
		free_held(held);
		return false;
	}
	*queue->tail = held;
	queue->tail = &held->next;
	queue->count++;
	queue->bytes += held->len;
	if (!held->is_follower)
		ntm_timer_set(queue->timers, &held->deadline, order->limit_ms);
	return true;
}

void held_flush(struct held_queue *queue, const char *call_id)
{
	struct held *held = queue->head;

	while (held != NULL) {
		if (call_id == NULL || strcmp(held->call_id, call_id) == 0) {
			release(held, HELD_FLUSHED);
			held = queue->head; /* the list has changed */
		} else {
			held = held->next;
		}
	}
}
