/* SPDX-License-Identifier: BSD-2-Clause */
/* The responder's side: from an INITIATION to the RESPONSE and the next session. */
#include "link_pending.h"

#include "ntm/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct ntm_cookies *cookies(struct ntm_links *links, const struct ntm_handshake *hs)
{
	return hs->purpose == NTM_PURPOSE_DC ? &links->cookies_xx : &links->cookies;
}

static void ask_for_cookie(struct ntm_links *links, const struct ntm_handshake *hs,
			   const struct ntm_addr *from)
{
	uint8_t frame[NTM_COOKIE_FRAME_LEN];

	ntm_cookie_make(cookies(links, hs), hs, from, links_now(links), frame);
	links->counters.cookies_sent++;
	links_send(links, from, frame, sizeof(frame));
}

static bool is_proven(struct ntm_links *links, const struct link_incoming *in,
		      const struct ntm_pkt *pkt)
{
	static const uint8_t none[NTM_MAC_LEN];

	return memcmp(in->hs->mac2, none, sizeof(none)) != 0 &&
	       ntm_mac2_ok(cookies(links, in->hs), pkt->data, in->hs, in->from, links_now(links));
}

void link_answer_send(struct ntm_links *links, struct link_answer *answer,
		      const struct link_incoming *in)
{
	const struct link_copy *copy =
		link_copy_to(links, answer->link, &answer->copies, in->from, in->hs->sender);

	if (!copy)
		return;
	ntm_handshake_set_indexes(answer->frame, copy->index.value, copy->remote_index);
	ntm_mac_append(answer->frame, answer->len - 2 * NTM_MAC_LEN, answer->mac1_key, NULL);
	links_send(links, in->from, answer->frame, answer->len);
}

/* The same INITIATION again: the same RESPONSE, and nothing new. */
static bool answer_again(struct ntm_links *links, const struct link_incoming *in)
{
	struct link_answer *answer = ntm_map_get(links->by_answer, in->name, sizeof(in->name));

	if (answer)
		link_answer_send(links, answer, in);
	return answer;
}

void link_answer_drop(struct ntm_link *link)
{
	link_answer_free(link->links, link->answer);
	link->answer = NULL;
}

void link_answer_free(struct ntm_links *links, struct link_answer *answer)
{
	if (!answer)
		return;
	link_copies_drop(links, &answer->copies);
	ntm_map_del(links->by_answer, answer->name, sizeof(answer->name));
	free(answer);
}

/* Decrypts; link is known in advance for end-to-end links only. */
static int read_initiation(struct ntm_links *links, struct link_incoming *in,
			   const struct ntm_link *link)
{
	static const uint8_t no_pair[NTM_PAIR_LEN];
	uint8_t prologue[NTM_PROLOGUE_LEN];
	struct ntm_noise_args args = {
		.pattern = links_pattern(in->hs->purpose),
		.prologue = prologue,
		.prologue_len = sizeof(prologue),
		.static_keys = &links->keys,
		.psk = link ? link->psk : NULL,
	};
	struct ntm_rd rd;
	int err;

	ntm_prologue(prologue, in->hs->purpose, link ? link_pair(link) : no_pair);
	ntm_noise_start(&in->noise, &args);
	err = ntm_noise_read(&in->noise, in->hs->noise, in->hs->noise_len, in->payload,
			     sizeof(in->payload), &in->payload_len);
	if (err)
		return err;
	rd = ntm_rd_init(in->payload, in->payload_len);
	in->stamp = ntm_rd_u64(&rd);
	in->suite = ntm_suite_choose(links->suites, ntm_rd_u8(&rd));
	(void)ntm_rd_view(&rd, 3);
	if (ntm_rd_err(&rd) || in->suite == 0)
		return -EBADMSG;
	if (link && memcmp(in->noise.remote_static, link_static(link), NTM_KEY_LEN) != 0)
		return -EKEYREJECTED;
	return 0;
}

size_t link_answer_write(struct link_incoming *in, uint32_t index, const uint8_t *payload,
			 size_t payload_len, uint8_t *out)
{
	uint8_t all[LINK_HS_FIXED + NTM_HS_PAYLOAD_MAX];
	struct ntm_wr wr = ntm_wr_init(all, sizeof(all));
	struct ntm_handshake head = {
		.type = NTM_FRAME_RESPONSE,
		.purpose = in->hs->purpose,
		.sender = index,
		.receiver = in->hs->sender,
	};
	size_t head_len = ntm_handshake_head(out, &head);
	uint8_t key[NTM_KEY_LEN];
	size_t noise_len;

	ntm_wr_u8(&wr, in->suite);
	ntm_wr_zeros(&wr, 3);
	ntm_wr_bytes(&wr, payload, payload_len);
	/* The write may wipe the key. */
	ntm_mac1_key(key, links_mac_static(in->hs->purpose, in->noise.remote_static));
	if (ntm_wr_err(&wr) ||
	    ntm_noise_write(&in->noise, all, wr.len, out + head_len,
			    NTM_HANDSHAKE_MAX - head_len - 2 * NTM_MAC_LEN, &noise_len) != 0)
		return 0;
	return ntm_mac_append(out, head_len + noise_len, key, NULL);
}

/* Writes the whole RESPONSE frame into out[NTM_HANDSHAKE_MAX]; its length, or 0. */
static size_t write_response(struct link_incoming *in, uint32_t index,
			     const struct ntm_link_reply *reply, uint8_t *out)
{
	return link_answer_write(in, index, reply ? reply->payload : NULL,
				 reply ? reply->payload_len : 0, out);
}

struct link_answer *link_answer_new(struct ntm_links *links, const struct link_incoming *in,
				    const uint8_t *frame, size_t len)
{
	struct link_answer *answer = malloc(sizeof(*answer) + len);

	if (!answer)
		return NULL;
	*answer = (struct link_answer){.len = len, .made_ms = links_now(links)};
	memcpy(answer->name, in->name, sizeof(answer->name));
	memcpy(answer->frame, frame, len);
	ntm_mac1_key(answer->mac1_key, links_mac_static(in->hs->purpose, in->noise.remote_static));
	if (ntm_map_put(links->by_answer, answer->name, sizeof(answer->name), answer, NULL) != 0) {
		free(answer);
		return NULL;
	}
	return answer;
}

static bool keep_answer(struct ntm_link *link, struct link_incoming *in,
			const struct ntm_link_reply *reply)
{
	uint8_t frame[NTM_HANDSHAKE_MAX];
	size_t len = write_response(in, 0, reply, frame);

	link_answer_drop(link);
	if (len > 0)
		link->answer = link_answer_new(link->links, in, frame, len);
	link->links->counters.bad_handshake += len == 0;
	return link->answer;
}

/* INITIATIONs that were accepted lately, by the start of their names. */
static void note_accepted(struct ntm_links *links, const struct link_incoming *in)
{
	memcpy(&links->accepted[links->accepted_next], in->name, sizeof(links->accepted[0]));
	links->accepted_next = (links->accepted_next + 1) % LINKS_ACCEPTED;
}

static bool was_accepted(const struct ntm_links *links, const struct link_incoming *in)
{
	for (size_t i = 0; i < LINKS_ACCEPTED; i++)
		if (memcmp(&links->accepted[i], in->name, sizeof(links->accepted[0])) == 0)
			return true;
	return false;
}

/* A copy that no round of attempts sends any more, but a stranger who has recorded it: found before
 * it costs anything, and never answered, not even with a cookie. */
static bool is_replay(const struct ntm_links *links, const struct link_incoming *in)
{
	const struct link_answer *answer =
		ntm_map_get(links->by_answer, in->name, sizeof(in->name));

	if (answer)
		return links_now(links) - answer->made_ms > LINK_ANSWER_SPREAD_MS;
	return was_accepted(links, in);
}

/* Commits: a new next session, and the RESPONSE on its way. */
static void respond(struct ntm_link *link, struct link_incoming *in,
		    const struct ntm_link_reply *reply)
{
	struct ntm_links *links = link->links;

	link_slot_drop(link, &link->next);
	if (!keep_answer(link, in, reply))
		return;
	note_accepted(links, in);
	link->next = link_slot_new(link);
	link_session_fill(link->next, &in->noise, in->suite, 0);
	link->answer->link = link;
	link->answer->slot = link->next;
	if (in->stamp > link->stamp_in)
		link->stamp_in = in->stamp;
	link_timers_sessions_changed(link);
	if (link->state != NTM_LINK_UP) {
		link_set_state(link, NTM_LINK_CONNECTING, "initiation");
		link_timers_peer_awaited(link);
	}
	link_answer_send(links, link->answer, in);
}

/* Both sides want to begin: the lower static key goes on as initiator. True: not answered. */
static bool yields_to_ours(struct ntm_link *link, const struct link_incoming *in)
{
	if (!link->hs)
		return false;
	if (memcmp(link->links->keys.pub, link_static(link), NTM_KEY_LEN) < 0) {
		link_handshake_on_crossing(link, in->from);
		return true;
	}
	link_handshake_drop(link);
	/* In case theirs does not come to its end. */
	if (link->state == NTM_LINK_UP)
		link_timers_round_over(link);
	else
		link_timers_peer_awaited(link);
	return false;
}

static void on_known(struct ntm_link *link, struct link_incoming *in,
		     const struct ntm_link_reply *reply)
{
	struct ntm_links *links = link->links;

	if (link->shut || link->one_shot) {
		links->counters.refused++;
		return;
	}
	/* The peer's clock went back, or a replay of long ago (security.md 2.8). */
	if (in->stamp <= link->stamp_in && !in->proven) {
		ask_for_cookie(links, in->hs, in->from);
		return;
	}
	if (!yields_to_ours(link, in))
		respond(link, in, reply);
}

static void respond_once(struct ntm_links *links, struct link_incoming *in,
			 const struct ntm_link_reply *reply)
{
	uint8_t frame[NTM_HANDSHAKE_MAX];
	size_t len = write_response(in, ntm_random_u32(), reply, frame);

	if (len > 0)
		links_send(links, in->from, frame, len);
}

/* A static key that no link expects: the owner judges it. */
static void on_stranger(struct ntm_links *links, struct link_incoming *in)
{
	struct ntm_link_reply reply = {0};
	struct ntm_link_request req = {
		.purpose = in->hs->purpose,
		.remote_static = in->noise.remote_static,
		.from = in->from,
		.payload = in->payload + LINK_HS_FIXED_INIT,
		.payload_len = in->payload_len - LINK_HS_FIXED_INIT,
	};
	struct ntm_link *link;

	if (!links->ops.accept || links->ops.accept(links->ctx, &req, &reply) != 0) {
		links->counters.refused++;
		goto out;
	}
	if (reply.one_shot) {
		respond_once(links, in, &reply);
		goto out;
	}
	/* The callback may have opened it. */
	link = link_for_peer(links, req.purpose, req.remote_static, reply.owner);
	if (link)
		on_known(link, in, &reply);
out:
	ntm_wipe(&reply, sizeof(reply));
}

/* Right mac1, and within the limits. */
static void on_initiation(struct ntm_links *links, struct link_incoming *in,
			  const struct ntm_pkt *pkt)
{
	struct ntm_link *link = NULL;

	if (answer_again(links, in))
		return;
	if (in->hs->pair) {
		link = ntm_map_get(links->by_pair, in->hs->pair, NTM_PAIR_LEN);
		if (!link) {
			if (links->ops.unknown_pair)
				links->ops.unknown_pair(links->ctx, in->hs->pair, in->from,
							pkt->data, pkt->len);
			return;
		}
	}
	if (read_initiation(links, in, link) != 0) {
		links->counters.bad_handshake++;
		return;
	}
	if (in->hs->purpose == NTM_PURPOSE_DC) {
		link_pending_add(links, in);
		return;
	}
	if (!link)
		link = links_find_peer(links, in->hs->purpose, in->noise.remote_static);
	if (link)
		on_known(link, in, NULL);
	else
		on_stranger(links, in);
}

/* The limit of XX comes first: mac1 keeps nobody away there, and what it stops takes nothing from
 * what the others have. */
static enum links_verdict judge(struct ntm_links *links, const struct link_incoming *in)
{
	int64_t now_ms = links_now(links);

	if (in->hs->purpose == NTM_PURPOSE_DC && !in->proven &&
	    !links_limit_xx(&links->limit, now_ms))
		return LINKS_PROVE;
	return links_limit_judge(&links->limit, in->from, in->proven, now_ms);
}

void link_answer_on_initiation(struct ntm_links *links, const struct ntm_handshake *hs,
			       const struct ntm_addr *from, const struct ntm_pkt *pkt)
{
	struct link_incoming in = {.hs = hs, .from = from};
	enum links_verdict verdict;

	ntm_handshake_name(in.name, hs);
	if (is_replay(links, &in)) {
		links->counters.replay++;
		return;
	}
	in.proven = is_proven(links, &in, pkt);
	verdict = judge(links, &in);
	if (verdict != LINKS_PASS)
		links->counters.limited++;
	/* A join is answered at length, and anybody may ask: not to an address that is not proven
	 * (security.md A1). */
	if (verdict == LINKS_PASS && hs->purpose == NTM_PURPOSE_JOIN && !in.proven)
		verdict = LINKS_PROVE;
	if (verdict == LINKS_PROVE)
		ask_for_cookie(links, hs, from);
	else if (verdict == LINKS_PASS)
		on_initiation(links, &in, pkt);
	ntm_noise_wipe(&in.noise);
	ntm_wipe(in.payload, sizeof(in.payload));
}
