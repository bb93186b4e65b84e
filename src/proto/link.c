/* SPDX-License-Identifier: BSD-2-Clause */
/* One link: what its owner calls, and the one function that changes its state. */
#include "link_paths.h"

#include "ntm/log.h"
#include "ntm/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No host of another network is at our loopback address or in a multicast group, whoever says so
 * (security.md A2). A DC, which our own configuration names, may be. */
static bool is_possible(const struct ntm_link *link, const struct ntm_addr *to)
{
	if (link_purpose(link) != NTM_PURPOSE_E2E || ntm_addr_is_relay(to))
		return true;
	return to->port != 0 && ntm_ip_is_usable(&to->ip);
}

static void set_candidates(struct ntm_link *link, const struct ntm_addr *candidates, size_t count)
{
	link->candidate_count = 0;
	for (size_t i = 0; i < count && link->candidate_count < NTM_LINK_CANDIDATES; i++)
		if (is_possible(link, &candidates[i]))
			link->candidates[link->candidate_count++] = candidates[i];
}

/* A peer that is not known yet gets a number in the place of a pair, so that several are told
 * apart. */
static void name(struct ntm_link *link, const struct ntm_link_args *args)
{
	uint8_t number[NTM_PAIR_LEN];
	struct ntm_wr wr = ntm_wr_init(number, sizeof(number));

	if (args->remote_static) {
		links_peer_key(link->peer_key, args->purpose, args->remote_static, args->pair);
		return;
	}
	ntm_wr_u64(&wr, ++link->links->nameless);
	ntm_wr_zeros(&wr, sizeof(number) - wr.len);
	links_peer_key(link->peer_key, args->purpose, ntm_static_unknown, number);
}

struct ntm_link *link_new(struct ntm_links *links, const struct ntm_link_args *args)
{
	struct ntm_link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->links = links;
	link->owner = args->owner;
	link->initiator = args->initiator;
	link->persistent = args->persistent;
	link->one_shot = args->one_shot;
	link->keepalive_ms = args->keepalive_ms;
	link->rtt_ms = -1;
	name(link, args);
	if (args->psk)
		memcpy(link->psk, args->psk, NTM_KEY_LEN);
	set_candidates(link, args->candidates, args->candidate_count);
	link_path_init(link);
	link_timers_init(link);
	if (args->multipath && link_paths_new(link) != 0)
		goto fail;
	if (args->payload_len == 0)
		return link;
	link->payload = malloc(args->payload_len);
	if (!link->payload)
		goto fail;
	memcpy(link->payload, args->payload, args->payload_len);
	link->payload_len = args->payload_len;
	return link;
fail:
	link_paths_free(link);
	free(link);
	return NULL;
}

/* Everything but the entry in the table and the struct itself. */
static void release(struct ntm_link *link)
{
	link_timers_stop(link);
	link_handshake_drop(link);
	link_slots_drop(link);
	link_paths_free(link);
	if (link->payload)
		ntm_wipe(link->payload, link->payload_len); /* may be a join secret */
	free(link->payload);
	link->payload = NULL;
	link->payload_len = 0;
	ntm_wipe(link->psk, sizeof(link->psk));
}

void link_destroy(struct ntm_link *link)
{
	release(link);
	free(link);
}

static bool is_sane(const struct ntm_links *links, const struct ntm_link_args *args)
{
	bool is_e2e = args->purpose == NTM_PURPOSE_E2E;
	bool is_dc = args->purpose == NTM_PURPOSE_DC;
	const uint8_t *remote = args->remote_static;

	return links_has_purpose(links, args->purpose) &&
	       (remote ? memcmp(remote, links->keys.pub, NTM_KEY_LEN) != 0
		       : is_dc && args->initiator) &&
	       is_e2e == (args->pair != NULL) && is_e2e == (args->psk != NULL) &&
	       !(is_dc && (args->one_shot || args->payload_len > 0)) &&
	       args->payload_len <= NTM_HS_PAYLOAD_MAX &&
	       (!args->initiator || args->candidate_count > 0) &&
	       (args->initiator || !(args->persistent || args->one_shot)) &&
	       (is_e2e || !args->multipath);
}

int ntm_link_open(struct ntm_links *links, const struct ntm_link_args *args, struct ntm_link **out)
{
	struct ntm_link *link;
	int err;

	if (!is_sane(links, args))
		return -EINVAL;
	link = link_new(links, args);
	if (!link)
		return -ENOMEM;
	err = links_add(links, link);
	if (err) {
		link_destroy(link);
		return err;
	}
	link_set_state(link, NTM_LINK_CONNECTING, "open");
	if (link->initiator)
		link_handshake_start(link, true);
	else
		link_timers_peer_awaited(link);
	*out = link;
	return 0;
}

struct ntm_link *link_for_peer(struct ntm_links *links, uint8_t purpose,
			       const uint8_t remote_static[static NTM_KEY_LEN], void *owner)
{
	struct ntm_link_args args = {.purpose = purpose,
				     .remote_static = remote_static,
				     .owner = owner};
	struct ntm_link *link = links_find_peer(links, purpose, remote_static);

	if (link)
		return link;
	link = link_new(links, &args);
	if (link && links_add(links, link) != 0) {
		link_destroy(link);
		return NULL;
	}
	return link;
}

void ntm_link_free(struct ntm_link *link)
{
	if (!link || link->dead)
		return;
	release(link);
	links_remove(link);
}

static const char *state_name(enum ntm_link_state state)
{
	static const char *const names[] = {"closed", "connecting", "up"};

	return names[state];
}

void link_set_state(struct ntm_link *link, enum ntm_link_state state, const char *why)
{
	static const bool legal[3][3] = {
		[NTM_LINK_CLOSED] = {[NTM_LINK_CLOSED] = true, [NTM_LINK_CONNECTING] = true},
		[NTM_LINK_CONNECTING] = {true, true, true},
		[NTM_LINK_UP] = {true, true, true},
	};

	if (!legal[link->state][state]) /* a bug of ours, whatever the packets are */
		ntm_err("link purpose=%c refused from=%s to=%s why=%s", link_purpose(link),
			state_name(link->state), state_name(state), why);
	if (!legal[link->state][state] || state == link->state)
		return;
	ntm_debug("link purpose=%c from=%s to=%s why=%s", link_purpose(link),
		  state_name(link->state), state_name(state), why);
	link->state = state;
}

/* Ends all attempts and sessions; the link stays in the table. */
static void quiet(struct ntm_link *link)
{
	link_timers_stop(link);
	link_handshake_drop(link);
	link_slots_drop(link);
	link_path_clear(link);
	link_paths_stop(link);
}

/* A persistent link without a session. A peer that said CLOSE is given some time. */
static void go_on(struct ntm_link *link, enum ntm_link_down why)
{
	if (link->hs || link->wait == LINK_WAIT_ROUND)
		return;
	if (why == NTM_DOWN_CLOSED)
		link_timers_round_over(link);
	else
		link_handshake_start(link, true);
}

static const char *down_name(enum ntm_link_down why)
{
	static const char *const names[] = {"no answer", "expired", "closed by peer"};

	return names[why];
}

void link_lose(struct ntm_link *link, enum ntm_link_down why)
{
	struct ntm_links *links = link->links;
	bool was_up = link->state == NTM_LINK_UP;

	if (!link->persistent) {
		quiet(link);
		link_set_state(link, NTM_LINK_CLOSED, down_name(why));
	} else {
		link_slots_drop(link);
		link_set_state(link, NTM_LINK_CONNECTING, down_name(why));
		go_on(link, why);
	}
	if ((was_up || !link->persistent) && links->ops.down)
		links->ops.down(links->ctx, link, link->owner, why);
}

void link_lose_former(struct ntm_link *link, enum ntm_link_down why)
{
	struct ntm_links *links = link->links;
	bool was_up = link->state == NTM_LINK_UP;

	link_slot_drop(link, &link->prev);
	link_slot_drop(link, &link->cur);
	link_timers_sessions_changed(link);
	link_set_state(link, NTM_LINK_CONNECTING, down_name(why));
	if (!link->hs)
		link_timers_peer_awaited(link);
	if (was_up && link->persistent && links->ops.down)
		links->ops.down(links->ctx, link, link->owner, why);
}

void ntm_link_close(struct ntm_link *link, uint8_t reason)
{
	if (link_is_alive(link))
		link_path_send_close(link, reason);
	quiet(link);
	link->shut = true;
	link_set_state(link, NTM_LINK_CLOSED, "close");
}

void ntm_link_restart(struct ntm_link *link, const struct ntm_addr *candidates, size_t count)
{
	if (count > 0)
		set_candidates(link, candidates, count);
	link->shut = false;
	link->doubted = true;
	link_handshake_drop(link);
	if (link->state == NTM_LINK_CLOSED)
		link_set_state(link, NTM_LINK_CONNECTING, "restart");
	link_handshake_start(link, true);
}

void ntm_link_also(struct ntm_link *link, const struct ntm_addr *to)
{
	if (!is_possible(link, to))
		return;
	link_handshake_also_to(link, to);
	link_paths_also(link, to);
}

int ntm_link_send(struct ntm_link *link, struct ntm_pkt *pkt, uint8_t cls)
{
	size_t padding = (16 - pkt->len % 16) % 16;

	if (!link_is_alive(link))
		return -ENOTCONN;
	if (pkt->len == 0 || pkt->len > NTM_PKT_MAX || ntm_pkt_room(pkt) < padding + NTM_TAG_LEN ||
	    (size_t)(pkt->data - pkt->base) < NTM_TRANSPORT_HEADER)
		return -EMSGSIZE;
	memset(ntm_pkt_put(pkt, padding), 0, padding);
	return link_seal_to(link, &link->remote, pkt, cls, true);
}

enum ntm_link_state ntm_link_state(const struct ntm_link *link)
{
	return link->state;
}

const uint8_t *ntm_link_remote_static(const struct ntm_link *link)
{
	return link_static(link);
}

const uint8_t *ntm_link_pair(const struct ntm_link *link)
{
	return link_pair(link);
}

uint8_t ntm_link_purpose(const struct ntm_link *link)
{
	return link_purpose(link);
}

void ntm_link_set_keepalive(struct ntm_link *link, int64_t keepalive_ms)
{
	link->keepalive_ms = keepalive_ms;
	link_timers_keepalive_changed(link);
	link_paths_on_keepalive(link);
}

const struct ntm_addr *ntm_link_remote(const struct ntm_link *link)
{
	return &link->remote;
}

void ntm_link_stats(const struct ntm_link *link, struct ntm_link_stats *out)
{
	*out = (struct ntm_link_stats){
		.packets_in = link->packets_in,
		.packets_out = link->packets_out,
		.bytes_in = link->bytes_in,
		.bytes_out = link->bytes_out,
		.handshakes = link->handshakes,
		.last_in_ms = link->last_in_ms,
		.last_out_ms = link->last_out_ms,
		.session_age_ms = -1,
		.rtt_ms = link->rtt_ms,
	};
	if (!link->cur)
		return;
	out->suite = link->cur->session.suite;
	out->initiator = link->cur->session.initiator;
	out->session_age_ms = links_now(link->links) - link->cur->session.born_ms;
}
