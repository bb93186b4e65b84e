/* SPDX-License-Identifier: BSD-2-Clause */
/* Roaming: an address is believed only after a challenge came back from it. Also CLOSE. */
#include "link_paths.h"

#include "ntm/ctl_wire.h"
#include "ntm/wire.h"

#include <string.h>

void link_path_init(struct ntm_link *link)
{
	int64_t now_ms = links_now(link->links);

	link->path_sent_ms = now_ms - LINK_PATH_GAP_MS;
	ntm_bucket_init(&link->path_answers, LINK_PATH_ANSWERS_S, LINK_PATH_ANSWERS_S, now_ms);
}

void link_path_clear(struct ntm_link *link)
{
	for (size_t i = 0; i < LINK_PATHS; i++)
		link->path[i].open = false;
}

/* A control message with one TLV, to any address; no keepalive or rekey hangs on it. */
static void make_ctl(struct ntm_pkt *pkt, uint8_t type, uint16_t tlv, const uint8_t *body,
		     size_t len)
{
	struct ntm_wr wr;

	ntm_pkt_reset(pkt);
	wr = ntm_wr_init(pkt->data, 64);
	ntm_wr_u8(&wr, NTM_CTL_KIND);
	ntm_wr_u8(&wr, type);
	ntm_wr_u16(&wr, 0);
	ntm_wr_u32(&wr, 0); /* transaction */
	ntm_wr_tlv(&wr, tlv, body, len);
	ntm_pkt_put(pkt, wr.len);
}

/* Of at least min_len bytes: what is missing is padding. */
static void send_padded(struct ntm_link *link, const struct ntm_addr *to, struct ntm_pkt *pkt,
			size_t min_len)
{
	size_t len = ((pkt->len > min_len ? pkt->len : min_len) + 15) / 16 * 16;
	size_t padding = len - pkt->len;

	memset(ntm_pkt_put(pkt, padding), 0, padding);
	(void)link_seal_to(link, to, pkt, 1, false);
}

static void send_ctl(struct ntm_link *link, const struct ntm_addr *to, uint8_t type, uint16_t tlv,
		     const uint8_t *body, size_t len)
{
	struct ntm_pkt pkt;

	make_ctl(&pkt, type, tlv, body, len);
	send_padded(link, to, &pkt, 0);
}

void link_path_send_challenge(struct ntm_link *link, const struct ntm_addr *to,
			      const uint8_t token[static NTM_PATH_TOKEN_LEN], size_t min_len)
{
	struct ntm_pkt pkt;

	make_ctl(&pkt, NTM_MSG_PATH_CHALLENGE, NTM_TLV_PATH_TOKEN, token, NTM_PATH_TOKEN_LEN);
	send_padded(link, to, &pkt, min_len);
}

void link_path_send_close(struct ntm_link *link, uint8_t reason)
{
	send_ctl(link, &link->remote, NTM_MSG_CLOSE, NTM_TLV_CLOSE_REASON, &reason, 1);
}

static struct link_path *free_path(struct ntm_link *link)
{
	for (size_t i = 0; i < LINK_PATHS; i++) {
		struct link_path *path = &link->path[i];

		if (!path->open || links_now(link->links) - path->sent_ms >= LINK_PATH_WAIT_MS)
			return path;
	}
	return NULL;
}

/* The newest authentic packet came from there. */
void link_path_seen(struct ntm_link *link, const struct ntm_addr *from)
{
	int64_t now_ms = links_now(link->links);
	struct link_path *path;

	if (ntm_addr_eq(from, &link->remote) || now_ms - link->path_sent_ms < LINK_PATH_GAP_MS)
		return;
	path = free_path(link);
	if (!path)
		return;
	path->open = true;
	path->sent_ms = now_ms;
	path->to = *from;
	ntm_random(path->token, sizeof(path->token));
	link->path_sent_ms = now_ms;
	link_path_send_challenge(link, from, path->token, 0);
}

static void on_challenge(struct ntm_link *link, const struct ntm_addr *from,
			 const uint8_t token[static NTM_PATH_TOKEN_LEN])
{
	if (link->paths ? link_paths_may_answer(link)
			: ntm_bucket_take(&link->path_answers, links_now(link->links)))
		send_ctl(link, from, NTM_MSG_PATH_RESPONSE, NTM_TLV_PATH_TOKEN, token,
			 NTM_PATH_TOKEN_LEN);
}

static void on_response(struct ntm_link *link, const struct ntm_addr *from,
			const uint8_t token[static NTM_PATH_TOKEN_LEN])
{
	struct ntm_links *links = link->links;

	if (link->paths) {
		link_paths_on_response(link, from, token);
		return;
	}
	for (size_t i = 0; i < LINK_PATHS; i++) {
		const struct link_path *path = &link->path[i];

		if (!path->open || !ntm_addr_eq(&path->to, from) ||
		    !ntm_secret_eq(path->token, token, sizeof(path->token)))
			continue;
		link->remote = *from;
		link_path_clear(link);
		if (links->ops.moved)
			links->ops.moved(links->ctx, link, link->owner, &link->remote);
		return;
	}
}

static void on_close(struct ntm_link *link)
{
	if (link_peer_began(link)) /* this ends only what was before */
		link_lose_former(link, NTM_DOWN_CLOSED);
	else
		link_lose(link, NTM_DOWN_CLOSED);
}

/* The body of a TLV with that length, or NULL. */
static const uint8_t *find_tlv(const uint8_t *data, size_t len, uint16_t type, size_t body_len)
{
	struct ntm_rd rd = ntm_rd_init(data, len);

	(void)ntm_rd_view(&rd, NTM_CTL_HEADER);
	while (ntm_rd_left(&rd) >= 4) {
		uint16_t got_type = ntm_rd_u16(&rd);
		size_t got_len = ntm_rd_u16(&rd);
		const uint8_t *body = ntm_rd_view(&rd, got_len);

		if (body && got_type == type && got_len == body_len)
			return body;
	}
	return NULL;
}

bool link_path_input(struct ntm_link *link, const struct ntm_addr *from, bool may_close,
		     const struct ntm_pkt *pkt)
{
	const uint8_t *token;
	uint8_t type;

	if (pkt->len < NTM_CTL_HEADER || pkt->data[0] != NTM_CTL_KIND)
		return false;
	type = pkt->data[1];
	if (type != NTM_MSG_PATH_CHALLENGE && type != NTM_MSG_PATH_RESPONSE &&
	    type != NTM_MSG_CLOSE)
		return false;
	token = find_tlv(pkt->data, pkt->len, NTM_TLV_PATH_TOKEN, NTM_PATH_TOKEN_LEN);
	if (type == NTM_MSG_CLOSE && may_close)
		on_close(link);
	else if (type == NTM_MSG_PATH_CHALLENGE && token)
		on_challenge(link, from, token);
	else if (type == NTM_MSG_PATH_RESPONSE && token)
		on_response(link, from, token);
	return true;
}
