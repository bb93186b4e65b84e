/* SPDX-License-Identifier: BSD-2-Clause */
/* Bounded reader and writer for network bytes; the only place that knows byte order. */
#include "ntm/wire.h"

#include <string.h>

#define TLV_HEAD 4

/* Stands in for a NULL input, so that a view of no bytes is never NULL. */
static const uint8_t nothing;

struct ntm_rd ntm_rd_init(const void *data, size_t len)
{
	if (!data)
		return (struct ntm_rd){.pos = &nothing, .err = len > 0};
	return (struct ntm_rd){.pos = data, .left = len};
}

void ntm_rd_fail(struct ntm_rd *rd)
{
	rd->err = true;
	rd->left = 0;
}

const uint8_t *ntm_rd_view(struct ntm_rd *rd, size_t len)
{
	const uint8_t *view = rd->pos;

	if (rd->err || len > rd->left) {
		ntm_rd_fail(rd);
		return NULL;
	}
	rd->pos += len;
	rd->left -= len;
	return view;
}

static uint64_t rd_uint(struct ntm_rd *rd, size_t width)
{
	const uint8_t *p = ntm_rd_view(rd, width);
	uint64_t v = 0;

	for (size_t i = 0; p && i < width; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t ntm_rd_u8(struct ntm_rd *rd)
{
	return (uint8_t)rd_uint(rd, 1);
}

uint16_t ntm_rd_u16(struct ntm_rd *rd)
{
	return (uint16_t)rd_uint(rd, 2);
}

uint32_t ntm_rd_u32(struct ntm_rd *rd)
{
	return (uint32_t)rd_uint(rd, 4);
}

uint64_t ntm_rd_u64(struct ntm_rd *rd)
{
	return rd_uint(rd, 8);
}

void ntm_rd_bytes(struct ntm_rd *rd, void *out, size_t len)
{
	const uint8_t *p = ntm_rd_view(rd, len);

	if (len == 0)
		return;
	if (p)
		memcpy(out, p, len);
	else
		memset(out, 0, len);
}

struct ntm_rd ntm_rd_sub(struct ntm_rd *rd, size_t len)
{
	const uint8_t *p = ntm_rd_view(rd, len);

	if (!p)
		return (struct ntm_rd){.pos = &nothing, .err = true};
	return ntm_rd_init(p, len);
}

struct ntm_wr ntm_wr_init(void *buf, size_t cap)
{
	return (struct ntm_wr){.base = buf, .cap = cap};
}

/* Place for len more bytes, or NULL. Only called with len > 0. */
static uint8_t *wr_take(struct ntm_wr *wr, size_t len)
{
	uint8_t *p;

	if (wr->err || len > wr->cap - wr->len) {
		wr->err = true;
		return NULL;
	}
	p = wr->base + wr->len;
	wr->len += len;
	return p;
}

static void store(uint8_t *p, uint64_t v, size_t width)
{
	while (width > 0) {
		p[--width] = (uint8_t)v;
		v >>= 8;
	}
}

static void wr_uint(struct ntm_wr *wr, uint64_t v, size_t width)
{
	uint8_t *p = wr_take(wr, width);

	if (p)
		store(p, v, width);
}

void ntm_wr_u8(struct ntm_wr *wr, uint8_t v)
{
	wr_uint(wr, v, 1);
}

void ntm_wr_u16(struct ntm_wr *wr, uint16_t v)
{
	wr_uint(wr, v, 2);
}

void ntm_wr_u32(struct ntm_wr *wr, uint32_t v)
{
	wr_uint(wr, v, 4);
}

void ntm_wr_u64(struct ntm_wr *wr, uint64_t v)
{
	wr_uint(wr, v, 8);
}

void ntm_wr_bytes(struct ntm_wr *wr, const void *data, size_t len)
{
	uint8_t *p = len > 0 ? wr_take(wr, len) : NULL;

	if (p)
		memcpy(p, data, len);
}

void ntm_wr_zeros(struct ntm_wr *wr, size_t len)
{
	uint8_t *p = len > 0 ? wr_take(wr, len) : NULL;

	if (p)
		memset(p, 0, len);
}

void ntm_wr_u16_at(struct ntm_wr *wr, size_t at, uint16_t v)
{
	if (wr->len < 2 || at > wr->len - 2)
		wr->err = true;
	if (!wr->err)
		store(wr->base + at, v, 2);
}

size_t ntm_wr_tlv_begin(struct ntm_wr *wr, uint16_t type)
{
	size_t at = wr->len;

	wr_uint(wr, (uint64_t)type << 16, TLV_HEAD);
	return at;
}

void ntm_wr_tlv_end(struct ntm_wr *wr, size_t at)
{
	if (wr->len < TLV_HEAD || at > wr->len - TLV_HEAD || wr->len - at - TLV_HEAD > UINT16_MAX)
		wr->err = true;
	if (!wr->err)
		store(wr->base + at + 2, wr->len - at - TLV_HEAD, 2);
}

void ntm_wr_tlv(struct ntm_wr *wr, uint16_t type, const void *body, size_t len)
{
	uint8_t *p;

	if (len > UINT16_MAX)
		wr->err = true;
	/* Head and body at once: a body that does not fit leaves no head behind. */
	p = wr_take(wr, TLV_HEAD + len);
	if (!p)
		return;
	store(p, type, 2);
	store(p + 2, len, 2);
	if (len > 0)
		memcpy(p + TLV_HEAD, body, len);
}
