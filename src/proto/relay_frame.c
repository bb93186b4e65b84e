/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames between nodes and relays: writing them, taking them apart, and their mac. */
#include "ntm/relay.h"
#include "ntm/wire.h"

#include <errno.h>
#include <string.h>

#define HEAD_LEN 8 /* type, zeros, generation or label */

/* No answer is longer than its question, so nobody is flooded through a relay. */
_Static_assert(NTM_CHALLENGE_LEN <= NTM_BIND_LEN && NTM_BOUND_LEN <= NTM_ANSWER_LEN &&
		       NTM_UNBOUND_LEN <= NTM_RELAYED_HEADER,
	       "relay.h");

static size_t length_of(uint8_t type)
{
	switch (type) {
	case NTM_FRAME_BIND:
		return NTM_BIND_LEN;
	case NTM_FRAME_CHALLENGE:
		return NTM_CHALLENGE_LEN;
	case NTM_FRAME_ANSWER:
		return NTM_ANSWER_LEN;
	case NTM_FRAME_BOUND:
		return NTM_BOUND_LEN;
	case NTM_FRAME_UNBOUND:
		return NTM_UNBOUND_LEN;
	case NTM_FRAME_RELEASE:
		return NTM_RELEASE_LEN;
	default:
		return 0;
	}
}

static void write_body(struct ntm_wr *wr, const struct ntm_relay_frame *in)
{
	switch (in->type) {
	case NTM_FRAME_BIND:
	case NTM_FRAME_RELEASE:
		ntm_wr_bytes(wr, in->ticket, NTM_TICKET_LEN);
		break;
	case NTM_FRAME_CHALLENGE:
		ntm_wr_u64(wr, in->flow);
		ntm_wr_bytes(wr, in->cookie, NTM_RELAY_COOKIE_LEN);
		break;
	case NTM_FRAME_ANSWER:
		ntm_wr_bytes(wr, in->ticket, NTM_TICKET_LEN);
		ntm_wr_bytes(wr, in->cookie, NTM_RELAY_COOKIE_LEN);
		break;
	case NTM_FRAME_BOUND:
		ntm_wr_u64(wr, in->flow);
		ntm_wr_u32(wr, in->label);
		ntm_wr_u8(wr, in->peer_bound);
		ntm_wr_zeros(wr, 7);
		ntm_wr_u32(wr, in->idle_s);
		break;
	default:
		break;
	}
}

size_t ntm_relay_frame_write(const struct ntm_relay_frame *in, const uint8_t *bind_key,
			     uint8_t out[static NTM_RELAY_FRAME_MAX])
{
	bool is_unbound = in->type == NTM_FRAME_UNBOUND;
	struct ntm_wr wr = ntm_wr_init(out, length_of(in->type));
	size_t maced_len;

	ntm_wr_u8(&wr, in->type);
	ntm_wr_zeros(&wr, 3);
	ntm_wr_u32(&wr, is_unbound ? in->label : in->generation);
	if (is_unbound)
		return wr.len;
	write_body(&wr, in);
	maced_len = length_of(in->type) - NTM_MAC_LEN;
	ntm_wr_zeros(&wr, maced_len - wr.len);
	ntm_blake2b(out + maced_len, NTM_MAC_LEN, out, maced_len, bind_key, NTM_BIND_KEY_LEN);
	return maced_len + NTM_MAC_LEN;
}

static bool read_zeros(struct ntm_rd *rd, size_t len)
{
	const uint8_t *p = ntm_rd_view(rd, len);
	uint8_t any = 0;

	for (size_t i = 0; p && i < len; i++)
		any |= p[i];
	return p && any == 0;
}

static bool read_body(struct ntm_rd *rd, struct ntm_relay_frame *got)
{
	uint8_t flag;

	switch (got->type) {
	case NTM_FRAME_BIND:
	case NTM_FRAME_RELEASE:
		got->ticket = ntm_rd_view(rd, NTM_TICKET_LEN);
		return true;
	case NTM_FRAME_CHALLENGE:
		got->flow = ntm_rd_u64(rd);
		got->cookie = ntm_rd_view(rd, NTM_RELAY_COOKIE_LEN);
		return true;
	case NTM_FRAME_ANSWER:
		got->ticket = ntm_rd_view(rd, NTM_TICKET_LEN);
		got->cookie = ntm_rd_view(rd, NTM_RELAY_COOKIE_LEN);
		return true;
	default: /* BOUND */
		got->flow = ntm_rd_u64(rd);
		got->label = ntm_rd_u32(rd);
		flag = ntm_rd_u8(rd);
		got->peer_bound = flag == 1;
		if (flag > 1 || !read_zeros(rd, 7))
			return false;
		got->idle_s = ntm_rd_u32(rd);
		return true;
	}
}

int ntm_relay_frame_parse(struct ntm_relay_frame *out, const uint8_t *frame, size_t len)
{
	struct ntm_rd rd = ntm_rd_init(frame, len);
	struct ntm_relay_frame got = {.type = ntm_rd_u8(&rd)};

	if (len != length_of(got.type) || !read_zeros(&rd, 3))
		return -EBADMSG;
	if (got.type == NTM_FRAME_UNBOUND) {
		got.label = ntm_rd_u32(&rd);
		*out = got;
		return 0;
	}
	got.generation = ntm_rd_u32(&rd);
	if (!read_body(&rd, &got) || !read_zeros(&rd, ntm_rd_left(&rd) - NTM_MAC_LEN))
		return -EBADMSG;
	*out = got;
	return 0;
}

bool ntm_relay_frame_mac_ok(const uint8_t *frame, size_t len,
			    const uint8_t bind_key[static NTM_BIND_KEY_LEN])
{
	uint8_t mac[NTM_MAC_LEN];

	if (len < HEAD_LEN + NTM_MAC_LEN)
		return false;
	ntm_blake2b(mac, NTM_MAC_LEN, frame, len - NTM_MAC_LEN, bind_key, NTM_BIND_KEY_LEN);
	return ntm_secret_eq(mac, frame + len - NTM_MAC_LEN, NTM_MAC_LEN);
}

bool ntm_relayed_parse(const uint8_t *frame, size_t len, uint32_t *label)
{
	struct ntm_rd rd;
	uint8_t inner;

	/* The shortest frame that may be carried is an empty TRANSPORT. */
	if (len < NTM_RELAYED_HEADER + NTM_TRANSPORT_OVERHEAD || frame[0] != NTM_FRAME_RELAYED ||
	    frame[1] > 1 || frame[2] != 0 || frame[3] != 0)
		return false;
	inner = frame[NTM_RELAYED_HEADER];
	if (inner < NTM_FRAME_INITIATION || inner > NTM_FRAME_TRANSPORT)
		return false;
	rd = ntm_rd_init(frame + 4, 4);
	*label = ntm_rd_u32(&rd);
	return true;
}

void ntm_relayed_head(uint8_t out[static NTM_RELAYED_HEADER], uint8_t cls, uint32_t label)
{
	struct ntm_wr wr = ntm_wr_init(out, NTM_RELAYED_HEADER);

	ntm_wr_u8(&wr, NTM_FRAME_RELAYED);
	ntm_wr_u8(&wr, cls);
	ntm_wr_u16(&wr, 0);
	ntm_wr_u32(&wr, label);
}
