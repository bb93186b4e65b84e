/* SPDX-License-Identifier: BSD-2-Clause */
/* Bounded reassembly of inner IP fragments, for looking only. */
#include "ntm/reasm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Fragments begin and, but for the last, end at multiples of 8 bytes: ntm_ippkt_parse saw to it. */
#define UNIT     8
#define UNITS    (NTM_REASM_BYTES / UNIT)
#define UDP_HEAD 8

/* A datagram on its way. */
struct datagram {
	bool used;
	uint8_t proto;
	struct ntm_ip src, dst;
	uint32_t frag_id;
	int64_t born_ms;
	size_t have;  /* bytes */
	size_t end;   /* of the furthest byte */
	size_t total; /* 0 until the last fragment came */
};

struct content {
	bool unit_set[UNITS];
	uint8_t bytes[NTM_REASM_BYTES];
};

/* The contents lie apart, so that a search touches little memory. */
struct ntm_reasm {
	struct datagram datagrams[NTM_REASM_DATAGRAMS];
	struct content contents[NTM_REASM_DATAGRAMS];
};

struct ntm_reasm *ntm_reasm_new(void)
{
	return calloc(1, sizeof(struct ntm_reasm));
}

void ntm_reasm_free(struct ntm_reasm *reasm)
{
	free(reasm);
}

static struct content *content_of(struct ntm_reasm *reasm, const struct datagram *datagram)
{
	return &reasm->contents[datagram - reasm->datagrams];
}

static void forget_old(struct ntm_reasm *reasm, int64_t now_ms)
{
	for (size_t i = 0; i < NTM_REASM_DATAGRAMS; i++) {
		if (now_ms - reasm->datagrams[i].born_ms >= NTM_REASM_LIFE_MS)
			reasm->datagrams[i].used = false;
	}
}

static bool is_of(const struct datagram *datagram, const struct ntm_ippkt *frag)
{
	return datagram->used && datagram->frag_id == frag->frag_id &&
	       datagram->proto == frag->proto && ntm_ip_eq(&datagram->src, &frag->src) &&
	       ntm_ip_eq(&datagram->dst, &frag->dst);
}

static struct datagram *find(struct ntm_reasm *reasm, const struct ntm_ippkt *frag)
{
	for (size_t i = 0; i < NTM_REASM_DATAGRAMS; i++) {
		if (is_of(&reasm->datagrams[i], frag))
			return &reasm->datagrams[i];
	}
	return NULL;
}

/* A free place, or that of the oldest. */
static struct datagram *find_place(struct ntm_reasm *reasm)
{
	struct datagram *place = &reasm->datagrams[0];

	for (size_t i = 0; i < NTM_REASM_DATAGRAMS && place->used; i++) {
		struct datagram *other = &reasm->datagrams[i];

		if (!other->used || other->born_ms < place->born_ms)
			place = other;
	}
	return place;
}

static struct datagram *begin(struct ntm_reasm *reasm, const struct ntm_ippkt *frag, int64_t now_ms)
{
	struct datagram *datagram = find_place(reasm);

	*datagram = (struct datagram){
		.used = true,
		.proto = frag->proto,
		.src = frag->src,
		.dst = frag->dst,
		.frag_id = frag->frag_id,
		.born_ms = now_ms,
	};
	memset(content_of(reasm, datagram)->unit_set, 0, sizeof(bool[UNITS]));
	return datagram;
}

/* Whether the fragment agrees with the lengths known so far: only the last ends the datagram. */
static bool fits(const struct datagram *datagram, const struct ntm_ippkt *frag)
{
	size_t end = frag->frag_offset + frag->l4_len;

	if (end > NTM_REASM_BYTES)
		return false;
	if (frag->more_fragments)
		return datagram->total == 0 || end < datagram->total;
	return datagram->total == 0 ? end > datagram->end : end == datagram->total;
}

/* Copies the fragment in. The same bytes once more change nothing; other overlaps are an attack
 * (RFC 5722). */
static int fill(struct datagram *datagram, struct content *content, const struct ntm_ippkt *frag)
{
	size_t first = frag->frag_offset / UNIT, set = 0;
	size_t end = frag->frag_offset + frag->l4_len;
	size_t units = (frag->l4_len + UNIT - 1) / UNIT;

	for (size_t i = first; i < first + units; i++)
		set += content->unit_set[i];
	if (set == units && memcmp(content->bytes + frag->frag_offset, frag->l4, frag->l4_len) == 0)
		return 0;
	if (set > 0)
		return -EBADMSG;
	memcpy(content->bytes + frag->frag_offset, frag->l4, frag->l4_len);
	memset(content->unit_set + first, true, units);
	datagram->have += frag->l4_len;
	if (end > datagram->end)
		datagram->end = end;
	if (!frag->more_fragments)
		datagram->total = end;
	return 0;
}

/* A UDP length that disagrees was not seen before: no fragment alone can tell. */
static bool is_length_right(const struct datagram *datagram, const uint8_t *l4)
{
	if (datagram->proto != NTM_IPPROTO_UDP)
		return true;
	return datagram->total >= UDP_HEAD && (size_t)(l4[4] << 8 | l4[5]) == datagram->total;
}

int ntm_reasm_add(struct ntm_reasm *reasm, const struct ntm_ippkt *frag, int64_t now_ms,
		  struct ntm_reasm_whole *whole)
{
	static const struct datagram empty;
	struct datagram *datagram;
	struct content *content;

	if (!frag->is_fragment)
		return -EBADMSG;
	forget_old(reasm, now_ms);
	datagram = find(reasm, frag);
	if (!datagram && !fits(&empty, frag))
		return -EBADMSG; /* nobody makes room for it */
	if (!datagram)
		datagram = begin(reasm, frag, now_ms);
	content = content_of(reasm, datagram);
	if (!fits(datagram, frag) || fill(datagram, content, frag) < 0)
		goto forget;
	if (datagram->have != datagram->total)
		return 0;
	if (!is_length_right(datagram, content->bytes))
		goto forget;
	datagram->used = false;
	*whole = (struct ntm_reasm_whole){
		.src = datagram->src,
		.dst = datagram->dst,
		.proto = datagram->proto,
		.frag_id = datagram->frag_id,
		.l4 = content->bytes,
		.l4_len = datagram->total,
	};
	return 1;
forget:
	datagram->used = false;
	return -EBADMSG;
}
