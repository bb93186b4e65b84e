/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as parts of packets: of three peers, with time going by; and any packet cut and put
 * together. */
#include "ntm/frag.h"
#include "ntm/wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(struct ntm_pkt *pkt, const uint8_t *data, size_t len)
{
	ntm_pkt_reset(pkt);
	memcpy(ntm_pkt_put(pkt, len), data, len);
}

/* peer and time (1), length (2), that many bytes; and so on. */
static void as_parts(const uint8_t *data, size_t size)
{
	static const char peers[4];
	struct ntm_frags *frags = ntm_frags_new();
	struct ntm_rd rd = ntm_rd_init(data, size);
	int64_t now_ms = 0;

	while (ntm_rd_left(&rd) > 0) {
		uint8_t what = ntm_rd_u8(&rd);
		size_t len = ntm_rd_u16(&rd) % (NTM_PKT_MAX + NTM_PKT_TAILROOM);
		struct ntm_pkt pkt;

		if (len > ntm_rd_left(&rd))
			len = ntm_rd_left(&rd);
		now_ms += 10 * (what >> 2);
		if (len > 0)
			fill(&pkt, ntm_rd_view(&rd, len), len);
		else
			ntm_pkt_reset(&pkt);
		if (ntm_frags_add(frags, &peers[what & 3], &pkt, now_ms) == 1 &&
		    (pkt.len < 2 || pkt.len > NTM_PKT_MAX + 15))
			abort();
	}
	ntm_frags_free(frags);
}

static void as_packet(const uint8_t *data, size_t size, size_t room)
{
	struct ntm_frags *frags;
	struct ntm_frag part = {.id = 1};
	struct ntm_pkt whole, got;
	int last = 0;

	if (size > NTM_PKT_MAX)
		return;
	fill(&whole, data, size);
	part.count = (uint8_t)ntm_frag_count(size, room);
	if (part.count < 2)
		return;
	frags = ntm_frags_new();
	for (; part.index < part.count; part.index++) {
		ntm_pkt_reset(&got);
		ntm_frag_cut(&whole, &part, &got);
		if (got.len > room)
			abort();
		last = ntm_frags_add(frags, frags, &got, 0);
	}
	if (last != 1 || got.len != size || memcmp(got.data, data, size) != 0)
		abort();
	ntm_frags_free(frags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	as_parts(data, size);
	as_packet(data + 1, size - 1, 16 + (size_t)data[0] * 16);
	return 0;
}
