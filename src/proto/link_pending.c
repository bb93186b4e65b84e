/* SPDX-License-Identifier: BSD-2-Clause */
/* The responder's side of XX: who has got a RESPONSE, until his FINAL tells who he is. */
#include "link_pending.h"

#include <stdlib.h>
#include <string.h>

/*
 * Anybody can make an INITIATION of 'd', so there is room for LINKS_PENDING, each for
 * LINKS_PENDING_MS. Whose address is proven never makes room for others than those of his network;
 * who is not proven comes at LINKS_XX_PER_S, so that the oldest has had more than 3 s.
 */
struct link_pending {
	struct ntm_noise noise; /* RESPONSE written */
	struct link_answer *answer;
	uint8_t suite;
	bool proven;
};

static void drop(struct ntm_links *links, struct link_pending **at)
{
	struct link_pending *pending = *at;

	if (!pending)
		return;
	link_answer_free(links, pending->answer);
	ntm_wipe(pending, sizeof(*pending));
	free(pending);
	*at = NULL;
}

static int64_t end_of(const struct link_pending *pending)
{
	return pending->answer->made_ms + LINKS_PENDING_MS;
}

void link_pending_expire(struct ntm_links *links)
{
	int64_t next_ms = -1;

	for (size_t i = 0; i < LINKS_PENDING; i++) {
		struct link_pending **at = &links->pending[i];

		if (*at && end_of(*at) <= links_now(links))
			drop(links, at);
		if (*at && (next_ms < 0 || end_of(*at) < next_ms))
			next_ms = end_of(*at);
	}
	links_timers_pending(links, next_ms);
}

void link_pending_drop_all(struct ntm_links *links)
{
	for (size_t i = 0; i < LINKS_PENDING; i++)
		drop(links, &links->pending[i]);
	links_timers_pending(links, -1);
}

/* The oldest of those that net (NULL: any network) has, proven or not. */
static struct link_pending **find_oldest(struct ntm_links *links, const struct ntm_ip *net,
					 bool proven, size_t *count)
{
	struct link_pending **oldest = NULL;

	*count = 0;
	for (size_t i = 0; i < LINKS_PENDING; i++) {
		struct link_pending **at = &links->pending[i];

		if (!*at || (*at)->proven != proven ||
		    (net && !links_same_net(&(*at)->answer->copies.item[0].to.ip, net)))
			continue;
		(*count)++;
		if (!oldest || (*at)->answer->made_ms < (*oldest)->answer->made_ms)
			oldest = at;
	}
	return oldest;
}

static struct link_pending **find_free(struct ntm_links *links)
{
	for (size_t i = 0; i < LINKS_PENDING; i++)
		if (!links->pending[i])
			return &links->pending[i];
	return NULL;
}

/* A free place, or one whose holder has to go; NULL when all are better. */
static struct link_pending **find_place(struct ntm_links *links, const struct link_incoming *in)
{
	struct link_pending **at;
	size_t count;

	if (in->proven) {
		at = find_oldest(links, &in->from->ip, true, &count);
		if (count >= LINKS_PENDING_NET)
			return at;
	}
	at = find_free(links);
	if (!at)
		at = find_oldest(links, NULL, false, &count);
	if (!at && in->proven)
		at = find_oldest(links, NULL, true, &count);
	return at;
}

/* Writes the RESPONSE; false when it cannot be. */
static bool respond(struct ntm_links *links, struct link_pending *pending, struct link_incoming *in,
		    const uint8_t *hello, size_t hello_len)
{
	uint8_t frame[NTM_HANDSHAKE_MAX];
	size_t len = link_answer_write(in, 0, hello, hello_len, frame);

	if (len == 0 || len > NTM_DC_INITIATION_LEN) {
		links->counters.bad_handshake++;
		return false;
	}
	pending->answer = link_answer_new(links, in, frame, len);
	return pending->answer;
}

void link_pending_add(struct ntm_links *links, struct link_incoming *in)
{
	uint8_t hello[NTM_HS_PAYLOAD_MAX];
	size_t hello_len = links->ops.hello(links->ctx, hello);
	struct link_pending **at = hello_len > 0 ? find_place(links, in) : NULL;
	struct link_pending *pending = at ? calloc(1, sizeof(*pending)) : NULL;

	if (hello_len == 0)
		links->counters.refused++;
	else if (!at)
		links->counters.limited++;
	if (!pending)
		return;
	if (!respond(links, pending, in, hello, hello_len)) {
		drop(links, &pending);
		return;
	}
	pending->noise = in->noise;
	pending->suite = in->suite;
	pending->proven = in->proven;
	drop(links, at);
	*at = pending;
	link_pending_expire(links);
	link_answer_send(links, pending->answer, in);
}

/* What a FINAL says. */
struct final {
	const struct ntm_handshake *hs;
	const struct ntm_addr *from;
	struct ntm_noise noise;
	size_t payload_len; /* all of it */
	uint8_t payload[NTM_HANDSHAKE_MAX];
};

static struct link_pending **find(struct ntm_links *links, const struct ntm_handshake *in,
				  struct ntm_addr *to)
{
	for (size_t i = 0; i < LINKS_PENDING; i++) {
		const struct link_pending *pending = links->pending[i];
		const struct link_copy *copy =
			pending ? link_copy_find(&pending->answer->copies, in->receiver) : NULL;

		if (copy && copy->remote_index == in->sender) {
			*to = copy->to;
			return &links->pending[i];
		}
	}
	return NULL;
}

/* Works on a copy, so that a forged one does not end what is pending. */
static bool read_final(struct ntm_links *links, const struct link_pending *pending,
		       struct final *final)
{
	final->noise = pending->noise;
	return ntm_noise_read(&final->noise, final->hs->noise, final->hs->noise_len, final->payload,
			      sizeof(final->payload), &final->payload_len) == 0 &&
	       final->payload_len >= LINK_HS_FIXED && final->payload[0] == pending->suite &&
	       memcmp(final->noise.remote_static, links->keys.pub, NTM_KEY_LEN) != 0;
}

/* The link that takes the session, or NULL: refused. Calls back. */
static struct ntm_link *judge(struct ntm_links *links, const struct final *final)
{
	struct ntm_link_reply reply = {0};
	struct ntm_link_request req = {
		.purpose = final->hs->purpose,
		.remote_static = final->noise.remote_static,
		.from = final->from,
		.payload = final->payload + LINK_HS_FIXED,
		.payload_len = final->payload_len - LINK_HS_FIXED,
	};
	struct ntm_link *link = NULL;

	if (links->ops.accept(links->ctx, &req, &reply) != 0)
		return NULL;
	if (reply.link && links_set_static(reply.link, req.remote_static) == 0)
		link = reply.link;
	else
		link = link_for_peer(links, req.purpose, req.remote_static, reply.owner);
	ntm_wipe(&reply, sizeof(reply));
	return link && !link->shut ? link : NULL;
}

static void install(struct ntm_link *link, struct link_pending **at, const struct final *final)
{
	struct ntm_links *links = link->links;
	struct link_copy *copy = link_copy_find(&(*at)->answer->copies, final->hs->receiver);
	struct ntm_addr remote = copy->to;
	struct link_slot *slot = link_session_place(link);

	links_index_move(link, &copy->index, slot);
	link_session_fill(slot, &final->noise, (*at)->suite, final->hs->sender);
	drop(links, at);
	link_pending_expire(links);
	link_session_place_taken(link, &remote);
}

void link_pending_on_final(struct ntm_links *links, const struct ntm_handshake *in,
			   const struct ntm_addr *from)
{
	struct ntm_addr to;
	struct link_pending **at = find(links, in, &to);
	struct final final = {.hs = in, .from = from};
	struct ntm_link *link;

	if (!at) {
		links->counters.unknown_index++;
		return;
	}
	if (!links_limit_final(&links->limit, &to, links_now(links))) {
		links->counters.limited++;
		return;
	}
	if (!read_final(links, *at, &final)) {
		links->counters.bad_handshake++;
		goto out;
	}
	link = judge(links, &final);
	if (link)
		install(link, at, &final);
	else
		links->counters.refused++;
out:
	ntm_noise_wipe(&final.noise);
	ntm_wipe(final.payload, sizeof(final.payload));
}
