/* SPDX-License-Identifier: BSD-2-Clause */
/* Joining a domain: one handshake of purpose 'j', whose payloads are request and answer. */
#include "ntm/join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ntm_join {
	struct ntm_join_args args;
	struct ntm_links *links;
	struct ntm_link *link;
	bool is_done;
};

static void end(struct ntm_join *join, int err, const struct ntm_join_answer *answer)
{
	if (join->is_done)
		return;
	join->is_done = true;
	join->args.done(join->args.ctx, err, answer);
}

static void on_send(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	struct ntm_join *join = ctx;

	join->args.send(join->args.ctx, to, frame, len);
}

static void on_answer(void *ctx, struct ntm_link *link, void *owner, const uint8_t *payload,
		      size_t len)
{
	struct ntm_join_answer answer;

	(void)link;
	(void)owner;
	int err = ntm_join_answer_decode(&answer, payload, len);
	end(ctx, err == 0 ? 0 : -EBADMSG, err == 0 ? &answer : NULL);
}

static void on_down(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why)
{
	(void)link;
	(void)owner;
	(void)why;
	end(ctx, -ETIMEDOUT, NULL);
}

static int send_request(struct ntm_join *join, const struct ntm_token *token)
{
	struct ntm_join_request request;
	uint8_t payload[128];
	struct ntm_addr candidates[2];
	size_t count = 0;

	for (size_t i = 0; i < 2; i++)
		if (token->dc[i].ip.family != 0)
			candidates[count++] = token->dc[i];
	memcpy(request.secret, token->secret, sizeof(request.secret));
	struct ntm_link_args args = {
		.purpose = NTM_PURPOSE_JOIN,
		.remote_static = token->dc_key,
		.candidate_count = count,
		.candidates = candidates,
		.initiator = true,
		.one_shot = true,
		.payload = payload,
		.payload_len = ntm_join_request_encode(&request, payload, sizeof(payload)),
	};
	int err = ntm_link_open(join->links, &args, &join->link);

	ntm_wipe(&request, sizeof(request));
	ntm_wipe(payload, sizeof(payload));
	return err;
}

int ntm_join_start(const struct ntm_join_args *args, struct ntm_join **out)
{
	static const struct ntm_links_ops ops = {.send = on_send,
						 .down = on_down,
						 .answer = on_answer};
	struct ntm_join *join = calloc(1, sizeof(*join));

	if (join == NULL)
		return -ENOMEM;
	join->args = *args;
	join->args.token = NULL;
	struct ntm_links_args links = {.ops = &ops,
				       .ctx = join,
				       .keys = args->keys,
				       .timers = args->timers};
	join->links = ntm_links_new(&links);
	int err = join->links == NULL ? -ENOMEM : send_request(join, args->token);
	if (err != 0) {
		ntm_join_free(join);
		return err;
	}
	*out = join;
	return 0;
}

void ntm_join_free(struct ntm_join *join)
{
	if (join == NULL)
		return;
	ntm_link_free(join->link);
	ntm_links_free(join->links);
	free(join);
}

void ntm_join_input(struct ntm_join *join, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	ntm_links_input(join->links, from, pkt);
}
