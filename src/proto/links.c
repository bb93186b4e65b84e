/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of links: finding one for a datagram, and keeping its memory while callbacks run. */
#include "link_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct ntm_link_times ntm_link_times_default = {
	.rekey_ms = 120000,
	.reject_ms = 180000,
	.retry_ms = 5000,
	.passive_keepalive_ms = 10000,
	.silence_ms = 15000,
};

static const uint8_t no_pair[NTM_PAIR_LEN];

struct ntm_links *ntm_links_new(const struct ntm_links_args *args)
{
	struct ntm_links *links = calloc(1, sizeof(*links));

	if (!links)
		return NULL;
	links->ops = *args->ops;
	links->ctx = args->ctx;
	links->keys = *args->keys;
	links->timers = args->timers;
	links->times = args->times ? *args->times : ntm_link_times_default;
	links->suites = ntm_suites_here();
	links->by_index = ntm_map_new();
	links->by_peer = ntm_map_new();
	links->by_pair = ntm_map_new();
	links->by_answer = ntm_map_new();
	if (!links->by_index || !links->by_peer || !links->by_pair || !links->by_answer) {
		ntm_links_free(links);
		return NULL;
	}
	ntm_mac1_key(links->mac1_key, links->keys.pub);
	ntm_mac1_key(links->mac1_key_xx, ntm_static_unknown);
	ntm_cookies_init(&links->cookies, links->keys.pub, links_now(links));
	ntm_cookies_init(&links->cookies_xx, ntm_static_unknown, links_now(links));
	links_timers_init(links);
	links_limit_init(&links->limit, links_now(links));
	return links;
}

void ntm_links_free(struct ntm_links *links)
{
	if (!links)
		return;
	assert(links->depth == 0);
	while (links->first)
		ntm_link_free(links->first);
	link_pending_drop_all(links);
	ntm_map_free(links->by_index);
	ntm_map_free(links->by_peer);
	ntm_map_free(links->by_pair);
	ntm_map_free(links->by_answer);
	ntm_wipe(links, sizeof(*links));
	free(links);
}

const struct ntm_links_counters *ntm_links_counters(const struct ntm_links *links)
{
	return &links->counters;
}

size_t ntm_links_count(const struct ntm_links *links)
{
	return ntm_map_count(links->by_peer);
}

void links_enter(struct ntm_links *links)
{
	links->depth++;
}

void links_leave(struct ntm_links *links)
{
	if (--links->depth > 0)
		return;
	while (links->dead) {
		struct ntm_link *link = links->dead;

		links->dead = link->after;
		free(link);
	}
}

bool links_has_purpose(const struct ntm_links *links, uint8_t purpose)
{
	const struct ntm_links_ops *ops = &links->ops;

	if (purpose == NTM_PURPOSE_DC)
		return ops->hello && ops->verify && ops->accept;
	return purpose == NTM_PURPOSE_NODE || purpose == NTM_PURPOSE_JOIN ||
	       purpose == NTM_PURPOSE_RELAY || purpose == NTM_PURPOSE_E2E;
}

enum ntm_noise_pattern links_pattern(uint8_t purpose)
{
	switch (purpose) {
	case NTM_PURPOSE_DC:
		return NTM_NOISE_XX;
	case NTM_PURPOSE_E2E:
		return NTM_NOISE_IKPSK2;
	default:
		return NTM_NOISE_IK;
	}
}

const uint8_t *links_mac_static(uint8_t purpose, const uint8_t *receiver_static)
{
	return purpose == NTM_PURPOSE_DC ? ntm_static_unknown : receiver_static;
}

void links_peer_key(uint8_t out[static LINK_PEER_KEY_LEN], uint8_t purpose,
		    const uint8_t remote_static[static NTM_KEY_LEN], const uint8_t *pair)
{
	out[0] = purpose;
	memcpy(out + 1, remote_static, NTM_KEY_LEN);
	memcpy(out + 1 + NTM_KEY_LEN, pair ? pair : no_pair, NTM_PAIR_LEN);
}

struct ntm_link *links_find_peer(const struct ntm_links *links, uint8_t purpose,
				 const uint8_t remote_static[static NTM_KEY_LEN])
{
	uint8_t key[LINK_PEER_KEY_LEN];

	links_peer_key(key, purpose, remote_static, NULL);
	return ntm_map_get(links->by_peer, key, sizeof(key));
}

int links_set_static(struct ntm_link *link, const uint8_t remote_static[static NTM_KEY_LEN])
{
	struct ntm_map *by_peer = link->links->by_peer;
	uint8_t key[LINK_PEER_KEY_LEN];
	const struct ntm_link *other;

	links_peer_key(key, link_purpose(link), remote_static, NULL);
	other = ntm_map_get(by_peer, key, sizeof(key));
	if (other)
		return other == link ? 0 : -EEXIST;
	if (ntm_map_put(by_peer, key, sizeof(key), link, NULL) != 0)
		return -ENOMEM;
	ntm_map_del(by_peer, link->peer_key, LINK_PEER_KEY_LEN);
	memcpy(link->peer_key, key, sizeof(key));
	/* Replaces the key's address, which allocates nothing. */
	(void)ntm_map_put(by_peer, link->peer_key, LINK_PEER_KEY_LEN, link, NULL);
	return 0;
}

int links_add(struct ntm_links *links, struct ntm_link *link)
{
	bool is_e2e = link_purpose(link) == NTM_PURPOSE_E2E;

	if (ntm_map_get(links->by_peer, link->peer_key, LINK_PEER_KEY_LEN) ||
	    (is_e2e && ntm_map_get(links->by_pair, link_pair(link), NTM_PAIR_LEN)))
		return -EEXIST;
	if (ntm_map_put(links->by_peer, link->peer_key, LINK_PEER_KEY_LEN, link, NULL))
		return -ENOMEM;
	if (is_e2e && ntm_map_put(links->by_pair, link_pair(link), NTM_PAIR_LEN, link, NULL)) {
		ntm_map_del(links->by_peer, link->peer_key, LINK_PEER_KEY_LEN);
		return -ENOMEM;
	}
	link->after = links->first;
	if (links->first)
		links->first->before = link;
	links->first = link;
	return 0;
}

void links_remove(struct ntm_link *link)
{
	struct ntm_links *links = link->links;

	ntm_map_del(links->by_peer, link->peer_key, LINK_PEER_KEY_LEN);
	if (link_purpose(link) == NTM_PURPOSE_E2E)
		ntm_map_del(links->by_pair, link_pair(link), NTM_PAIR_LEN);
	if (link->before)
		link->before->after = link->after;
	else
		links->first = link->after;
	if (link->after)
		link->after->before = link->before;
	link->before = NULL;
	link->after = NULL;
	link->dead = true;
	if (links->depth == 0) {
		free(link);
		return;
	}
	link->after = links->dead;
	links->dead = link;
}

int links_index_new(struct ntm_links *links, struct link_index *index, struct ntm_link *link)
{
	do
		index->value = ntm_random_u32();
	while (index->value == 0 ||
	       ntm_map_get(links->by_index, &index->value, sizeof(index->value)));
	index->link = link;
	return ntm_map_put(links->by_index, &index->value, sizeof(index->value), index, NULL);
}

void links_index_move(struct ntm_link *link, struct link_index *from, struct link_slot *to)
{
	to->index = (struct link_index){from->value, link};
	(void)ntm_map_put(link->links->by_index, &to->index.value, sizeof(to->index.value), to,
			  NULL);
	from->value = 0; /* in no table: deleting it leaves the new holder alone */
}

void links_index_del(struct ntm_links *links, const struct link_index *index)
{
	ntm_map_del(links->by_index, &index->value, sizeof(index->value));
}

void links_send(struct ntm_links *links, const struct ntm_addr *to, const uint8_t *frame,
		size_t len)
{
	links->counters.frames_out++;
	links->counters.bytes_out += len;
	links->ops.send(links->ctx, to, frame, len);
}

static void on_handshake(struct ntm_links *links, const struct ntm_addr *from,
			 const struct ntm_pkt *pkt)
{
	struct ntm_handshake in;
	const uint8_t *key;

	if (ntm_handshake_parse(&in, pkt->data, pkt->len) != 0) {
		links->counters.malformed++;
		return;
	}
	key = in.purpose == NTM_PURPOSE_DC ? links->mac1_key_xx : links->mac1_key;
	if (!links_has_purpose(links, in.purpose))
		links->counters.refused++;
	else if (!ntm_mac1_ok(pkt->data, &in, key))
		links->counters.bad_mac1++;
	else if (in.type == NTM_FRAME_INITIATION)
		link_answer_on_initiation(links, &in, from, pkt);
	else if (in.type == NTM_FRAME_FINAL)
		link_pending_on_final(links, &in, from);
	else
		link_handshake_on_response(links, &in);
}

static void on_indexed(struct ntm_links *links, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	const struct link_index *index;
	uint32_t receiver;

	if (!ntm_transport_parse(pkt->data, pkt->len, &receiver)) {
		links->counters.malformed++;
		return;
	}
	if (pkt->data[0] == NTM_FRAME_COOKIE) {
		link_handshake_on_cookie(links, pkt, receiver);
		return;
	}
	index = ntm_map_get(links->by_index, &receiver, sizeof(receiver));
	if (index && index->link)
		link_session_input(index->link, receiver, from, pkt);
	else
		links->counters.unknown_index++;
}

void ntm_links_input(struct ntm_links *links, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	uint8_t type = pkt->len > 0 ? pkt->data[0] : 0;

	links->counters.frames_in++;
	links->counters.bytes_in += pkt->len;
	links_enter(links);
	if (type == NTM_FRAME_TRANSPORT || type == NTM_FRAME_COOKIE)
		on_indexed(links, from, pkt);
	else
		on_handshake(links, from, pkt);
	links_leave(links);
}
