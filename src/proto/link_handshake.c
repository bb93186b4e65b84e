/* SPDX-License-Identifier: BSD-2-Clause */
/* The initiator's side: INITIATION, resends, COOKIE, RESPONSE, and giving up. */
#include "link_priv.h"

#include "ntm/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A wall clock that stands still or goes back must not make our own INITIATIONs look old. */
static uint64_t next_stamp(struct ntm_links *links)
{
	uint64_t wall_ms = (uint64_t)links->timers->wall_ms;

	links->stamp_out = wall_ms > links->stamp_out ? wall_ms : links->stamp_out + 1;
	return links->stamp_out;
}

/* That of purpose 'd' is padded to its length, in clear. */
static size_t padding(const struct ntm_link *link, size_t payload_len)
{
	size_t len = 8 + NTM_KEY_LEN + payload_len + 2 * NTM_MAC_LEN;

	return link_purpose(link) == NTM_PURPOSE_DC ? NTM_DC_INITIATION_LEN - len : 0;
}

/* Everything in front of the MACs. */
static int write_initiation(struct ntm_link *link, struct link_handshake *hs)
{
	struct ntm_links *links = link->links;
	static const uint8_t no_pair[NTM_PAIR_LEN];
	bool is_e2e = link_purpose(link) == NTM_PURPOSE_E2E;
	uint8_t prologue[NTM_PROLOGUE_LEN];
	uint8_t payload[LINK_HS_FIXED_INIT + NTM_HS_PAYLOAD_MAX];
	struct ntm_wr wr = ntm_wr_init(payload, sizeof(payload));
	struct ntm_noise_args args = {
		.pattern = links_pattern(link_purpose(link)),
		.initiator = true,
		.prologue = prologue,
		.prologue_len = sizeof(prologue),
		.static_keys = &links->keys,
		.remote_static = link_static(link),
		.psk = is_e2e ? link->psk : NULL,
	};
	struct ntm_handshake head = {
		.type = NTM_FRAME_INITIATION,
		.purpose = link_purpose(link),
		.pair = is_e2e ? link_pair(link) : NULL,
	};
	size_t head_len, noise_len;
	int err;

	ntm_prologue(prologue, link_purpose(link), is_e2e ? link_pair(link) : no_pair);
	ntm_wr_u64(&wr, next_stamp(links));
	ntm_wr_u8(&wr, links->suites);
	ntm_wr_zeros(&wr, 3);
	ntm_wr_bytes(&wr, link->payload, link->payload_len);
	ntm_wr_zeros(&wr, padding(link, wr.len));
	ntm_noise_start(&hs->noise, &args);
	head_len = ntm_handshake_head(hs->frame, &head);
	err = ntm_noise_write(&hs->noise, payload, wr.len, hs->frame + head_len,
			      sizeof(hs->frame) - head_len - 2 * NTM_MAC_LEN, &noise_len);
	hs->len = head_len + noise_len;
	ntm_wipe(payload, sizeof(payload));
	return err;
}

static void send_to(struct ntm_link *link, const struct ntm_addr *to)
{
	struct link_handshake *hs = link->hs;
	struct link_copy *copy = link_copy_to(link->links, link, &hs->copies, to, 0);
	bool has_cookie = hs->has_cookie && ntm_addr_eq(to, &hs->cookie_to);
	uint8_t key[NTM_KEY_LEN];
	size_t len;

	if (!copy)
		return;
	ntm_handshake_set_indexes(hs->frame, copy->index.value, 0);
	ntm_mac1_key(key, links_mac_static(link_purpose(link), link_static(link)));
	len = ntm_mac_append(hs->frame, hs->len, key, has_cookie ? hs->cookie : NULL);
	memcpy(copy->mac1, hs->frame + hs->len, NTM_MAC_LEN);
	links_send(link->links, to, hs->frame, len);
}

static bool is_candidate(const struct ntm_link *link, const struct ntm_addr *addr)
{
	for (size_t i = 0; i < link->candidate_count; i++) {
		if (ntm_addr_eq(&link->candidates[i], addr))
			return true;
	}
	return false;
}

static void send_round(struct ntm_link *link)
{
	struct link_handshake *hs = link->hs;
	bool knows_remote = link->remote.ip.family != 0;

	if (knows_remote)
		send_to(link, &link->remote);
	for (size_t i = 0; i < link->candidate_count && (hs->everywhere || !knows_remote); i++) {
		if (!ntm_addr_eq(&link->candidates[i], &link->remote))
			send_to(link, &link->candidates[i]);
	}
	hs->ambiguous = hs->sent > 0;
	hs->sent++;
	hs->sent_ms = links_now(link->links);
	hs->cookie_used = false;
	link_timers_initiation_sent(link, hs->sent);
}

static struct link_handshake *make_handshake(struct ntm_link *link)
{
	struct link_handshake *hs = calloc(1, sizeof(*hs));

	/* Fails for a remote key of low order only. */
	if (hs && write_initiation(link, hs) != 0) {
		free(hs);
		return NULL;
	}
	return hs;
}

void link_handshake_start(struct ntm_link *link, bool everywhere)
{
	if (link->hs)
		return;
	link->hs = make_handshake(link);
	if (!link->hs) { /* goes the way of an attempt that nobody answered */
		if (link->persistent || link_is_alive(link))
			link_timers_round_over(link);
		else
			link_timers_peer_awaited(link);
		return;
	}
	link_final_drop(link); /* after a new beginning nobody waits for it */
	link->hs->everywhere = everywhere;
	send_round(link);
}

void link_handshake_drop(struct ntm_link *link)
{
	struct link_handshake *hs = link->hs;

	if (!hs)
		return;
	link->hs = NULL;
	link_copies_drop(link->links, &hs->copies);
	ntm_wipe(hs, sizeof(*hs));
	free(hs);
	link_timers_attempt_over(link);
}

void link_handshake_resend(struct ntm_link *link)
{
	link->hs->everywhere = true;
	send_round(link);
}

void link_handshake_give_up(struct ntm_link *link)
{
	link_handshake_drop(link);
	if (link->persistent || link_is_alive(link))
		link_timers_round_over(link);
	else
		link_lose(link, NTM_DOWN_NO_ANSWER);
}

void link_handshake_also_to(struct ntm_link *link, const struct ntm_addr *to)
{
	bool is_known = ntm_addr_eq(to, &link->remote) || is_candidate(link, to);

	/* A relay binding is known before it leads anywhere. */
	if (is_known ? !ntm_addr_is_relay(to) : link->candidate_count >= NTM_LINK_CANDIDATES)
		return;
	if (!is_known)
		link->candidates[link->candidate_count++] = *to;
	if (link->hs)
		send_to(link, to);
}

/* It is there: if it has not heard ours, as after a restart, it need not wait for what is left of
 * the schedule, which may be the whole pause between two rounds. */
void link_handshake_on_crossing(struct ntm_link *link, const struct ntm_addr *from)
{
	struct link_handshake *hs = link->hs;
	int64_t age_ms = links_now(link->links) - hs->sent_ms;

	link_handshake_also_to(link, from);
	if (hs->crossed || age_ms < ntm_retry_wait_ms(1))
		return;
	hs->crossed = true;
	hs->sent = 0;
	link_handshake_resend(link);
	hs->ambiguous = true;
}

/* The attempt that an answer names, or NULL. */
static struct ntm_link *find_attempt(const struct ntm_links *links, uint32_t index)
{
	const struct link_index *at = ntm_map_get(links->by_index, &index, sizeof(index));

	if (!at || !at->link || !at->link->hs || !link_copy_find(&at->link->hs->copies, index))
		return NULL;
	return at->link;
}

static void note_rtt(struct ntm_link *link)
{
	if (!link->hs->ambiguous)
		link->rtt_ms = links_now(link->links) - link->hs->sent_ms;
}

void link_handshake_won(struct ntm_link *link, struct link_slot *slot, uint32_t index)
{
	note_rtt(link);
	links_index_move(link, &link_copy_find(&link->hs->copies, index)->index, slot);
	link_handshake_drop(link);
}

static void finish_one_shot(struct ntm_link *link, const uint8_t *payload, size_t len)
{
	struct ntm_links *links = link->links;

	note_rtt(link);
	link_handshake_drop(link);
	link_set_state(link, NTM_LINK_CLOSED, "answered");
	link->handshakes++;
	if (links->ops.answer)
		links->ops.answer(links->ctx, link, link->owner, payload, len);
}

static void finish(struct ntm_link *link, const struct ntm_noise *noise, uint8_t suite,
		   const struct ntm_handshake *in, const struct ntm_addr *at)
{
	struct link_slot *slot;

	link_slot_drop(link, &link->prev);
	slot = link_slot_new(link);
	link_handshake_won(link, slot, in->receiver);
	link_session_fill(slot, noise, suite, in->sender);
	link_session_begin(link, slot, at);
}

void link_handshake_on_response(struct ntm_links *links, const struct ntm_handshake *in)
{
	struct ntm_link *link = find_attempt(links, in->receiver);
	uint8_t payload[NTM_HANDSHAKE_MAX];
	struct ntm_addr at;
	struct ntm_noise noise;
	size_t len;

	if (!link || link_purpose(link) != in->purpose) {
		links->counters.unknown_index++;
		return;
	}
	at = link_copy_find(&link->hs->copies, in->receiver)->to;
	noise = link->hs->noise; /* a forged RESPONSE must not end the attempt */
	if (ntm_noise_read(&noise, in->noise, in->noise_len, payload, sizeof(payload), &len) != 0 ||
	    len < LINK_HS_FIXED || ntm_suite_choose(links->suites, payload[0]) != payload[0] ||
	    payload[0] == 0) {
		links->counters.bad_handshake++;
		goto out;
	}
	if (in->purpose == NTM_PURPOSE_DC)
		link_final_on_response(link, &noise, in, &at, payload, len);
	else if (link->one_shot)
		finish_one_shot(link, payload + LINK_HS_FIXED, len - LINK_HS_FIXED);
	else
		finish(link, &noise, payload[0], in, &at);
out:
	ntm_noise_wipe(&noise);
	ntm_wipe(payload, sizeof(payload));
}

void link_handshake_on_cookie(struct ntm_links *links, const struct ntm_pkt *pkt, uint32_t index)
{
	struct ntm_link *link = find_attempt(links, index);
	struct link_handshake *hs = link ? link->hs : NULL;
	const struct link_copy *copy;
	const uint8_t *receiver;

	if (!hs) {
		links->counters.unknown_index++;
		return;
	}
	/* Once a sending, and only to where we send anyway: a forged one makes no reflector. */
	if (hs->cookie_used) {
		links->counters.limited++;
		return;
	}
	copy = link_copy_find(&hs->copies, index);
	receiver = links_mac_static(link_purpose(link), link_static(link));
	if (ntm_cookie_open(pkt->data, pkt->len, receiver, copy->mac1, hs->cookie) != 0) {
		links->counters.bad_handshake++;
		return;
	}
	hs->has_cookie = true;
	hs->cookie_to = copy->to;
	hs->cookie_used = true;
	hs->sent_ms = links_now(links);
	send_to(link, &hs->cookie_to);
}
