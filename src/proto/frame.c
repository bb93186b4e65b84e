/* SPDX-License-Identifier: BSD-2-Clause */
/* Outer frames: taking handshakes apart, the Noise prologue, and mac1. */
#include "ntm/frame.h"

#include "ntm/wire.h"

#include <errno.h>
#include <string.h>

#define MACS_LEN  (2 * NTM_MAC_LEN)
#define NOISE_MIN NTM_KEY_LEN /* every message of every pattern starts with a key */

const uint8_t ntm_static_unknown[NTM_KEY_LEN];

static bool is_purpose(uint8_t purpose)
{
	switch (purpose) {
	case NTM_PURPOSE_NODE:
	case NTM_PURPOSE_JOIN:
	case NTM_PURPOSE_RELAY:
	case NTM_PURPOSE_DC:
	case NTM_PURPOSE_E2E:
		return true;
	default:
		return false;
	}
}

static bool is_possible(uint8_t type, uint8_t purpose, size_t len)
{
	bool is_dc = purpose == NTM_PURPOSE_DC;

	switch (type) {
	case NTM_FRAME_INITIATION:
		return !is_dc || len == NTM_DC_INITIATION_LEN;
	case NTM_FRAME_RESPONSE:
		return true;
	case NTM_FRAME_FINAL:
		return is_dc;
	default:
		return false;
	}
}

void ntm_prologue(uint8_t out[static NTM_PROLOGUE_LEN], uint8_t purpose,
		  const uint8_t pair[static NTM_PAIR_LEN])
{
	struct ntm_wr wr = ntm_wr_init(out, NTM_PROLOGUE_LEN);

	ntm_wr_bytes(&wr, "NTM1", 4);
	ntm_wr_u8(&wr, purpose);
	ntm_wr_bytes(&wr, pair, NTM_PAIR_LEN);
}

int ntm_handshake_parse(struct ntm_handshake *hs, const uint8_t *frame, size_t len)
{
	struct ntm_rd rd = ntm_rd_init(frame, len);
	struct ntm_handshake got = {0};

	got.type = ntm_rd_u8(&rd);
	got.purpose = ntm_rd_u8(&rd);
	if (ntm_rd_u16(&rd) != 0 || !is_purpose(got.purpose) || len > NTM_HANDSHAKE_MAX)
		return -EBADMSG;
	got.sender = ntm_rd_u32(&rd);
	if (!is_possible(got.type, got.purpose, len))
		return -EBADMSG;
	if (got.type != NTM_FRAME_INITIATION)
		got.receiver = ntm_rd_u32(&rd);
	else if (got.purpose == NTM_PURPOSE_E2E)
		got.pair = ntm_rd_view(&rd, NTM_PAIR_LEN);
	if (ntm_rd_left(&rd) < NOISE_MIN + MACS_LEN)
		return -EBADMSG;
	got.noise_len = ntm_rd_left(&rd) - MACS_LEN;
	got.noise = ntm_rd_view(&rd, got.noise_len);
	got.mac1 = ntm_rd_view(&rd, NTM_MAC_LEN);
	got.mac2 = ntm_rd_view(&rd, NTM_MAC_LEN);
	got.maced_len = len - MACS_LEN;
	if (!ntm_rd_done(&rd))
		return -EBADMSG;
	*hs = got;
	return 0;
}

size_t ntm_handshake_head(uint8_t *out, const struct ntm_handshake *hs)
{
	struct ntm_wr wr = ntm_wr_init(out, NTM_HANDSHAKE_HEAD_MAX);

	ntm_wr_u8(&wr, hs->type);
	ntm_wr_u8(&wr, hs->purpose);
	ntm_wr_u16(&wr, 0);
	ntm_wr_u32(&wr, hs->sender);
	if (hs->type != NTM_FRAME_INITIATION)
		ntm_wr_u32(&wr, hs->receiver);
	else if (hs->pair)
		ntm_wr_bytes(&wr, hs->pair, NTM_PAIR_LEN);
	return wr.len;
}

void ntm_handshake_set_indexes(uint8_t *frame, uint32_t sender, uint32_t receiver)
{
	struct ntm_wr wr = ntm_wr_init(frame + 4, 8);

	ntm_wr_u32(&wr, sender);
	if (frame[0] != NTM_FRAME_INITIATION)
		ntm_wr_u32(&wr, receiver);
}

void ntm_handshake_name(uint8_t out[static NTM_HANDSHAKE_NAME_LEN], const struct ntm_handshake *hs)
{
	uint8_t head[2 + NTM_PAIR_LEN];
	struct ntm_wr wr = ntm_wr_init(head, sizeof(head));

	ntm_wr_u8(&wr, hs->type);
	ntm_wr_u8(&wr, hs->purpose);
	if (hs->pair)
		ntm_wr_bytes(&wr, hs->pair, NTM_PAIR_LEN);
	ntm_blake2b(out, NTM_HANDSHAKE_NAME_LEN, hs->noise, hs->noise_len, head, wr.len);
}

bool ntm_transport_parse(const uint8_t *frame, size_t len, uint32_t *receiver)
{
	struct ntm_rd rd = ntm_rd_init(frame, len);
	uint8_t type = ntm_rd_u8(&rd);
	uint32_t index;

	(void)ntm_rd_u8(&rd); /* class or purpose */
	if (ntm_rd_u16(&rd) != 0)
		return false;
	index = ntm_rd_u32(&rd);
	if (type == NTM_FRAME_TRANSPORT ? len < NTM_TRANSPORT_OVERHEAD
					: type != NTM_FRAME_COOKIE || len != NTM_COOKIE_FRAME_LEN)
		return false;
	*receiver = index;
	return true;
}

void ntm_mac1_key(uint8_t key[static NTM_KEY_LEN], const uint8_t receiver_pub[static NTM_KEY_LEN])
{
	uint8_t text[8 + NTM_KEY_LEN];
	struct ntm_wr wr = ntm_wr_init(text, sizeof(text));

	ntm_wr_bytes(&wr, "NTM-mac1", 8);
	ntm_wr_bytes(&wr, receiver_pub, NTM_KEY_LEN);
	ntm_blake2b(key, NTM_KEY_LEN, text, sizeof(text), NULL, 0);
}

size_t ntm_mac_append(uint8_t *frame, size_t len, const uint8_t mac1_key[static NTM_KEY_LEN],
		      const uint8_t *cookie)
{
	uint8_t *mac1 = frame + len;
	uint8_t *mac2 = mac1 + NTM_MAC_LEN;

	ntm_blake2b(mac1, NTM_MAC_LEN, frame, len, mac1_key, NTM_KEY_LEN);
	if (cookie)
		ntm_blake2b(mac2, NTM_MAC_LEN, frame, len + NTM_MAC_LEN, cookie, NTM_COOKIE_LEN);
	else
		memset(mac2, 0, NTM_MAC_LEN);
	return len + MACS_LEN;
}

bool ntm_mac1_ok(const uint8_t *frame, const struct ntm_handshake *hs,
		 const uint8_t mac1_key[static NTM_KEY_LEN])
{
	uint8_t mac1[NTM_MAC_LEN];

	ntm_blake2b(mac1, NTM_MAC_LEN, frame, hs->maced_len, mac1_key, NTM_KEY_LEN);
	return ntm_secret_eq(mac1, hs->mac1, NTM_MAC_LEN);
}
