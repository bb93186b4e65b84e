/* SPDX-License-Identifier: BSD-2-Clause */
/* The initiator's side of XX behind the RESPONSE: who the peer is, and the FINAL that tells him who
 * we are. */
#include "link_priv.h"

#include "ntm/wire.h"

#include <stdlib.h>
#include <string.h>

/* What we say of ourselves; its length with the fixed part, or 0. */
static size_t write_payload(struct ntm_links *links, uint8_t suite,
			    uint8_t out[static LINK_HS_FIXED + NTM_HS_PAYLOAD_MAX])
{
	struct ntm_wr wr = ntm_wr_init(out, LINK_HS_FIXED);
	size_t len = links->ops.hello(links->ctx, out + LINK_HS_FIXED);

	ntm_wr_u8(&wr, suite);
	ntm_wr_zeros(&wr, 3);
	return len > 0 ? LINK_HS_FIXED + len : 0;
}

static struct link_final *make_final(const struct ntm_link *link, struct ntm_noise *noise,
				     const struct ntm_handshake *in, const uint8_t *payload,
				     size_t payload_len)
{
	struct ntm_handshake head = {
		.type = NTM_FRAME_FINAL,
		.purpose = in->purpose,
		.sender = in->receiver,
		.receiver = in->sender,
	};
	struct link_final *final = malloc(sizeof(*final) + NTM_HANDSHAKE_MAX);
	size_t head_len, noise_len;

	if (!final)
		return NULL;
	head_len = ntm_handshake_head(final->frame, &head);
	if (ntm_noise_write(noise, payload, payload_len, final->frame + head_len,
			    NTM_HANDSHAKE_MAX - head_len - 2 * NTM_MAC_LEN, &noise_len) != 0) {
		free(final);
		return NULL;
	}
	final->len =
		ntm_mac_append(final->frame, head_len + noise_len, link->links->mac1_key_xx, NULL);
	return final;
}

/* Ourselves, who can be found under a wrong address too, or a peer that has a link already. */
static bool is_taken(const struct ntm_link *link, const uint8_t remote_static[static NTM_KEY_LEN])
{
	const struct ntm_links *links = link->links;
	const struct ntm_link *other = links_find_peer(links, NTM_PURPOSE_DC, remote_static);

	return (other && other != link) || memcmp(remote_static, links->keys.pub, NTM_KEY_LEN) == 0;
}

/* The owner's word on the peer, also on one that cannot be the one: he knows whom he looks for.
 * False also when he has ended the attempt meanwhile. */
static bool is_accepted(struct ntm_link *link, const struct ntm_link_request *req, uint32_t index)
{
	struct ntm_links *links = link->links;

	if (links->ops.verify(links->ctx, link, link->owner, req) != 0 || link->dead)
		return false;
	return link->hs && link_copy_find(&link->hs->copies, index) &&
	       !is_taken(link, req->remote_static);
}

/* Everything is right: FINAL, and the new session. Calls back. */
static void finish(struct ntm_link *link, const struct ntm_noise *noise, uint8_t suite,
		   struct link_final *final, const struct ntm_handshake *in)
{
	struct ntm_addr to = final->to;
	bool is_rekey = link_is_alive(link) && !link->doubted;
	struct link_slot *slot;

	link_final_drop(link);
	link_slot_drop(link, is_rekey ? &link->next : &link->prev);
	slot = link_slot_new(link);
	link_handshake_won(link, slot, in->receiver);
	link_session_fill(slot, noise, suite, in->sender);
	final->slot = slot;
	link->final = final;
	links_send(link->links, &to, final->frame, final->len);
	if (is_rekey)
		link_session_await(link, slot);
	else
		link_session_begin(link, slot, &to);
}

void link_final_on_response(struct ntm_link *link, struct ntm_noise *noise,
			    const struct ntm_handshake *in, const struct ntm_addr *at,
			    const uint8_t *payload, size_t len)
{
	struct ntm_links *links = link->links;
	uint8_t ours[LINK_HS_FIXED + NTM_HS_PAYLOAD_MAX];
	struct ntm_link_request req = {
		.purpose = in->purpose,
		.remote_static = noise->remote_static,
		.from = at,
		.payload = payload + LINK_HS_FIXED,
		.payload_len = len - LINK_HS_FIXED,
	};
	struct link_final *final;
	size_t ours_len;

	if (!is_accepted(link, &req, in->receiver)) {
		links->counters.refused++;
		return;
	}
	ours_len = write_payload(links, payload[0], ours);
	final = ours_len > 0 ? make_final(link, noise, in, ours, ours_len) : NULL;
	if (!final || links_set_static(link, noise->remote_static) != 0) {
		links->counters.refused++;
		free(final);
		return;
	}
	final->to = *at;
	finish(link, noise, payload[0], final, in);
}

void link_final_resend(struct ntm_link *link)
{
	const struct link_final *final = link->final;

	links_send(link->links, &final->to, final->frame, final->len);
	/* In case the peer has got it before, and we did not hear his answer. */
	link_send_keepalive_on(link, final->slot, &final->to);
}

void link_final_unheard(struct ntm_link *link)
{
	bool is_first = link->final->slot == link->cur;

	link_final_drop(link);
	link_timers_round_over(link);
	if (is_first) {
		link_lose(link, NTM_DOWN_NO_ANSWER);
		return;
	}
	link_slot_drop(link, &link->next);
	link_timers_sessions_changed(link);
}

void link_final_drop(struct ntm_link *link)
{
	if (!link->final)
		return;
	free(link->final);
	link->final = NULL;
	link_timers_answer_found(link);
}
