/* SPDX-License-Identifier: BSD-2-Clause */
/* Fragments inside a tunnel: cutting packets into parts, and bounded reassembly. */
#include "ntm/frag.h"

#include "ntm/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAD       16 /* design.md 4: plaintexts are padded to it */
#define WHOLE_MAX (NTM_PKT_MAX + PAD - 1)

_Static_assert(WHOLE_MAX <= NTM_PKT_MAX + NTM_PKT_TAILROOM, "pktbuf.h");

/* ---- cutting ---- */

unsigned ntm_frag_count(size_t len, size_t room)
{
	size_t most = room - NTM_FRAG_HEADER;
	size_t count;

	if (len <= room)
		return 1;
	count = (len + most - 1) / most;
	return count <= NTM_FRAG_PARTS ? (unsigned)count : 0;
}

/* Bytes of the packet in every part but the last: even shares, rounded up. */
static size_t share(size_t len, unsigned count)
{
	size_t part = NTM_FRAG_HEADER + (len + count - 1) / count;

	return (part + PAD - 1) / PAD * PAD - NTM_FRAG_HEADER;
}

void ntm_frag_cut(const struct ntm_pkt *whole, const struct ntm_frag *part, struct ntm_pkt *out)
{
	size_t each = share(whole->len, part->count);
	size_t at = part->index * each;
	size_t len = whole->len - at < each ? whole->len - at : each;
	struct ntm_wr wr = ntm_wr_init(ntm_pkt_put(out, NTM_FRAG_HEADER), NTM_FRAG_HEADER);

	ntm_wr_u8(&wr, NTM_FRAG_KIND);
	ntm_wr_u8(&wr, (uint8_t)(part->index << 4 | part->count));
	ntm_wr_u16(&wr, part->id);
	memcpy(ntm_pkt_put(out, len), whole->data + at, len);
}

/* ---- reassembly ---- */

/* A packet on its way. Its parts lie in the content in the order in which they came. */
struct packet {
	bool used;
	uint8_t count, have;
	uint16_t id;
	const void *peer;
	int64_t born_ms;
	uint64_t number; /* in the order of birth: many are of one millisecond */
	size_t len;
	struct {
		size_t at, len; /* len 0: did not come yet */
	} part[NTM_FRAG_PARTS];
};

/* The contents lie apart, so that a search touches little memory. */
struct ntm_frags {
	struct packet packet[NTM_FRAG_PACKETS];
	uint8_t content[NTM_FRAG_PACKETS][WHOLE_MAX];
	uint64_t born; /* so far */
	struct ntm_frags_counters counters;
};

struct ntm_frags *ntm_frags_new(void)
{
	return calloc(1, sizeof(struct ntm_frags));
}

void ntm_frags_free(struct ntm_frags *frags)
{
	free(frags);
}

static void forget_late(struct ntm_frags *frags, int64_t now_ms)
{
	for (size_t i = 0; i < NTM_FRAG_PACKETS; i++) {
		struct packet *packet = &frags->packet[i];

		if (!packet->used || now_ms - packet->born_ms < NTM_FRAG_LIFE_MS)
			continue;
		packet->used = false;
		frags->counters.late++;
	}
}

static struct packet *find(struct ntm_frags *frags, const void *peer, uint16_t id)
{
	for (size_t i = 0; i < NTM_FRAG_PACKETS; i++) {
		struct packet *packet = &frags->packet[i];

		if (packet->used && packet->id == id && packet->peer == peer)
			return packet;
	}
	return NULL;
}

/* The oldest packet, of the peer or, with NULL, of all; *count of them. */
static struct packet *find_oldest(struct ntm_frags *frags, const void *peer, size_t *count)
{
	struct packet *oldest = NULL;

	*count = 0;
	for (size_t i = 0; i < NTM_FRAG_PACKETS; i++) {
		struct packet *packet = &frags->packet[i];

		if (!packet->used || (peer && packet->peer != peer))
			continue;
		++*count;
		if (!oldest || packet->number < oldest->number)
			oldest = packet;
	}
	return oldest;
}

/* A free place, or one that becomes free: a peer pushes out its own packets first. */
static struct packet *make_room(struct ntm_frags *frags, const void *peer)
{
	size_t count;
	struct packet *place = find_oldest(frags, peer, &count);

	if (count < NTM_FRAG_OF_PEER) {
		place = find_oldest(frags, NULL, &count);
		for (size_t i = 0; count < NTM_FRAG_PACKETS && i < NTM_FRAG_PACKETS; i++)
			if (!frags->packet[i].used)
				return &frags->packet[i];
	}
	frags->counters.crowded_out++;
	return place;
}

static uint8_t *content_of(struct ntm_frags *frags, const struct packet *packet)
{
	return frags->content[packet - frags->packet];
}

/* 0 or -EBADMSG; pkt is left with the part's bytes. */
static int read_head(struct ntm_pkt *pkt, struct ntm_frag *part)
{
	struct ntm_rd rd = ntm_rd_init(pkt->data, pkt->len);
	uint8_t kind = ntm_rd_u8(&rd), which = ntm_rd_u8(&rd);

	part->index = which >> 4;
	part->count = which & 15;
	part->id = ntm_rd_u16(&rd);
	if (ntm_rd_err(&rd) || ntm_rd_left(&rd) == 0 || kind != NTM_FRAG_KIND || part->count < 2 ||
	    part->count > NTM_FRAG_PARTS || part->index >= part->count)
		return -EBADMSG;
	ntm_pkt_pull(pkt, NTM_FRAG_HEADER);
	return 0;
}

static bool fits(const struct packet *packet, const struct ntm_frag *part, size_t len)
{
	return packet->count == part->count && packet->part[part->index].len == 0 &&
	       len <= WHOLE_MAX - packet->len;
}

static void put_together(const struct packet *packet, const uint8_t *content, struct ntm_pkt *pkt)
{
	ntm_pkt_reset(pkt);
	for (size_t i = 0; i < packet->count; i++)
		memcpy(ntm_pkt_put(pkt, packet->part[i].len), content + packet->part[i].at,
		       packet->part[i].len);
}

int ntm_frags_add(struct ntm_frags *frags, const void *peer, struct ntm_pkt *pkt, int64_t now_ms)
{
	struct packet *packet;
	struct ntm_frag part;

	frags->counters.parts++;
	forget_late(frags, now_ms);
	if (read_head(pkt, &part) != 0 || pkt->len > WHOLE_MAX)
		goto refuse;
	packet = find(frags, peer, part.id);
	if (packet && !fits(packet, &part, pkt->len))
		goto refuse;
	if (!packet) {
		packet = make_room(frags, peer);
		*packet = (struct packet){.used = true,
					  .count = part.count,
					  .id = part.id,
					  .peer = peer,
					  .born_ms = now_ms,
					  .number = frags->born++};
	}
	memcpy(content_of(frags, packet) + packet->len, pkt->data, pkt->len);
	packet->part[part.index].at = packet->len;
	packet->part[part.index].len = pkt->len;
	packet->len += pkt->len;
	if (++packet->have < packet->count)
		return 0;
	put_together(packet, content_of(frags, packet), pkt);
	packet->used = false;
	frags->counters.packets++;
	return 1;
refuse:
	frags->counters.refused++;
	return -EBADMSG;
}

void ntm_frags_forget(struct ntm_frags *frags, const void *peer)
{
	for (size_t i = 0; i < NTM_FRAG_PACKETS; i++)
		if (frags->packet[i].peer == peer)
			frags->packet[i].used = false;
}

const struct ntm_frags_counters *ntm_frags_counters(const struct ntm_frags *frags)
{
	return &frags->counters;
}
