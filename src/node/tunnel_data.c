/* SPDX-License-Identifier: BSD-2-Clause */
/* Inner packets towards tunnels: sealed at once, kept for a tunnel that is coming, or refused. */
#include "tunnel_priv.h"

#include "ntm/ippkt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* RFC 3550 5.1: version 2 in the first two bits; a shorter UDP payload is no RTP. */
#define RTP_MIN_LEN 12

/* Real-time packets are marked on the outside, for relays (design.md 4). */
static uint8_t class_of(const struct ntm_pkt *pkt)
{
	const uint8_t *p = pkt->data;
	size_t head = (p[0] >> 4) == 4 ? 20 : 40;
	uint8_t proto = (p[0] >> 4) == 4 ? p[9] : p[6];

	if (proto != NTM_IPPROTO_UDP || pkt->len < head + 8 + RTP_MIN_LEN)
		return 0;
	return (p[head + 8] >> 6) == 2;
}

void tunnel_touch(struct tunnel *tunnel)
{
	tunnel->inner_ms = tunnel->owner->args.timers->now_ms;
	tunnel->silent_since_ms = 0;
}

/* In parts when the path does not take it whole. 0 or negative. */
static int seal(struct tunnel *tunnel, struct ntm_pkt *pkt)
{
	struct tunnels *all = tunnel->owner;
	uint8_t cls = class_of(pkt);
	struct ntm_frag part = {.id = all->frag_id};
	int err = 0;

	part.count = (uint8_t)ntm_frag_count(pkt->len, ntm_link_room(tunnel->link));
	if (part.count == 0)
		return -EMSGSIZE;
	if (part.count == 1)
		return ntm_link_send(tunnel->link, pkt, cls);
	all->frag_id++;
	all->counters.cut++;
	for (; part.index < part.count && err == 0; part.index++) {
		struct ntm_pkt out;

		ntm_pkt_reset(&out);
		ntm_frag_cut(pkt, &part, &out);
		err = ntm_link_send(tunnel->link, &out, cls);
	}
	return err;
}

static void send_now(struct tunnel *tunnel, struct ntm_pkt *pkt)
{
	int64_t now = tunnel->owner->args.timers->now_ms;

	tunnel->inner_ms = now;
	if (tunnel->silent_since_ms == 0)
		tunnel->silent_since_ms = now;
	if (seal(tunnel, pkt) != 0)
		tunnel->owner->counters.queue_dropped++;
}

int tunnel_join(struct tunnel *tunnel, struct ntm_pkt *pkt)
{
	struct tunnels *all = tunnel->owner;

	return ntm_frags_add(all->frags, tunnel, pkt, all->args.timers->now_ms);
}

static enum ntm_unreachable unreachable_of(int err)
{
	switch (err) {
	case -EACCES:
		return NTM_UNREACH_ADMIN;
	case -ENETUNREACH:
	case -ECANCELED:
	case -EBUSY:
	case -ENOSPC:
	case -ENOMEM:
		return NTM_UNREACH_NET;
	default:
		return NTM_UNREACH_HOST;
	}
}

static void refuse(struct tunnels *all, const uint8_t *data, size_t len, int err)
{
	uint8_t out[1280];
	const struct ntm_ip *from =
		(data[0] >> 4) == 4 ? &all->args.realm->lease->vip4 : &all->args.realm->lease->vip6;

	if (!ntm_bucket_take(&all->icmp_bucket, all->args.timers->now_ms))
		return;
	size_t out_len =
		ntm_ippkt_build_unreachable(out, sizeof(out), from, data, len, unreachable_of(err));
	if (out_len == 0)
		return;
	all->counters.unreachables++;
	all->args.tun_write(all->args.ctx, out, out_len);
}

static struct queued *queue_take(struct queue *queue)
{
	struct queued *first = queue->head;

	if (first == NULL)
		return NULL;
	queue->head = first->next;
	if (queue->head == NULL)
		queue->tail = &queue->head;
	queue->count--;
	return first;
}

static void queue_put(struct tunnel *tunnel, struct queued *item)
{
	struct queue *queue = &tunnel->queue;

	if (queue->count >= TUNNEL_QUEUE_PACKETS) {
		free(queue_take(queue)); /* the oldest is of the least use */
		tunnel->owner->counters.queue_dropped++;
	}
	item->next = NULL;
	*queue->tail = item;
	queue->tail = &item->next;
	queue->count++;
}

void tunnel_queue_add(struct tunnel *tunnel, const struct ntm_pkt *pkt)
{
	struct queued *item = malloc(sizeof(*item) + pkt->len);

	if (item == NULL) {
		tunnel->owner->counters.queue_dropped++;
		return;
	}
	item->len = pkt->len;
	memcpy(item->data, pkt->data, pkt->len);
	queue_put(tunnel, item);
	tunnel->owner->counters.queued++;
}

void tunnel_queue_move(struct tunnel *into, struct tunnel *from)
{
	struct queued *item;

	while ((item = queue_take(&from->queue)) != NULL)
		queue_put(into, item);
}

void tunnel_queue_send(struct tunnel *tunnel)
{
	struct ntm_pkt pkt;
	struct queued *item;

	while ((item = queue_take(&tunnel->queue)) != NULL) {
		ntm_pkt_reset(&pkt);
		memcpy(ntm_pkt_put(&pkt, item->len), item->data, item->len);
		send_now(tunnel, &pkt);
		free(item);
	}
}

void tunnel_queue_refuse(struct tunnel *tunnel, int err)
{
	struct queued *item;

	while ((item = queue_take(&tunnel->queue)) != NULL) {
		refuse(tunnel->owner, item->data, item->len, err);
		tunnel->owner->counters.queue_dropped++;
		free(item);
	}
}

void tunnel_queue_clear(struct tunnel *tunnel)
{
	struct queued *item;

	while ((item = queue_take(&tunnel->queue)) != NULL) {
		tunnel->owner->counters.queue_dropped++;
		free(item);
	}
}

static struct tunnel *find(struct tunnels *all, const struct tunnel_target *target)
{
	return target->fqdn != NULL ? tunnel_find_name(all, target->fqdn)
				    : tunnel_find(all, &target->vip);
}

static void send_to(struct tunnels *all, const struct tunnel_target *target, struct ntm_pkt *pkt,
		    struct tunnel_wait *wait)
{
	struct tunnel *tunnel = find(all, target);
	const struct tunnel *wanted = NULL;

	if (tunnel != NULL && tunnel->state == TUNNEL_UP) {
		send_now(tunnel, pkt);
		return;
	}
	int err = tunnel_want(all, target, NTM_REASON_DATA, wait, &wanted);
	if (err == 0) {
		tunnel_queue_add(find(all, target), pkt);
		return;
	}
	all->counters.queue_dropped++;
	if (wanted != NULL && wanted->state == TUNNEL_FAILED)
		err = wanted->fail_err;
	refuse(all, pkt->data, pkt->len, err);
}

void tunnel_send(struct tunnels *all, const struct ntm_ip *dst, struct ntm_pkt *pkt)
{
	const struct tunnel_target target = {.vip = *dst};

	send_to(all, &target, pkt, NULL);
}

void tunnel_send_name(struct tunnels *all, const char *fqdn, struct ntm_pkt *pkt,
		      struct tunnel_wait *wait)
{
	const struct tunnel_target target = {.fqdn = fqdn};

	send_to(all, &target, pkt, wait->tunnel == NULL ? wait : NULL);
}
