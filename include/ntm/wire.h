/* SPDX-License-Identifier: BSD-2-Clause */
/* Bounded reader and writer for network bytes; the only place that knows byte order. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reader. A read past the end sets a sticky error, yields zeros and makes every later read a no-op,
 * so a decoder reads everything and checks ntm_rd_err() once. All integers are big endian.
 */
struct ntm_rd {
	const uint8_t *pos;
	size_t left;
	bool err;
};

struct ntm_rd ntm_rd_init(const void *data, size_t len);
uint8_t ntm_rd_u8(struct ntm_rd *rd);
uint16_t ntm_rd_u16(struct ntm_rd *rd);
uint32_t ntm_rd_u32(struct ntm_rd *rd);
uint64_t ntm_rd_u64(struct ntm_rd *rd);
/* Copies len bytes; zero-fills out on error. */
void ntm_rd_bytes(struct ntm_rd *rd, void *out, size_t len);
/* Pointer to the next len bytes inside the input, or NULL on error. Valid as long as the input. */
const uint8_t *ntm_rd_view(struct ntm_rd *rd, size_t len);
/* Reader over the next len bytes (for a TLV's body). In error when fewer are left. */
struct ntm_rd ntm_rd_sub(struct ntm_rd *rd, size_t len);
/* Puts the reader in error, for a value that is out of range. */
void ntm_rd_fail(struct ntm_rd *rd);

static inline bool ntm_rd_err(const struct ntm_rd *rd)
{
	return rd->err;
}

static inline size_t ntm_rd_left(const struct ntm_rd *rd)
{
	return rd->left;
}

/* True when everything was read and nothing failed. */
static inline bool ntm_rd_done(const struct ntm_rd *rd)
{
	return !rd->err && rd->left == 0;
}

/* Writer over a caller's buffer. A write past the end sets a sticky error and writes nothing. */
struct ntm_wr {
	uint8_t *base;
	size_t cap;
	size_t len;
	bool err;
};

struct ntm_wr ntm_wr_init(void *buf, size_t cap);
void ntm_wr_u8(struct ntm_wr *wr, uint8_t v);
void ntm_wr_u16(struct ntm_wr *wr, uint16_t v);
void ntm_wr_u32(struct ntm_wr *wr, uint32_t v);
void ntm_wr_u64(struct ntm_wr *wr, uint64_t v);
void ntm_wr_bytes(struct ntm_wr *wr, const void *data, size_t len);
void ntm_wr_zeros(struct ntm_wr *wr, size_t len);
/* Overwrites two bytes written before, at offset at. For lengths known late. */
void ntm_wr_u16_at(struct ntm_wr *wr, size_t at, uint16_t v);

static inline bool ntm_wr_err(const struct ntm_wr *wr)
{
	return wr->err;
}

/*
 * TLV helpers, design.md 4: type u16, length u16, body. ntm_wr_tlv_begin returns the offset to hand
 * to ntm_wr_tlv_end.
 */
size_t ntm_wr_tlv_begin(struct ntm_wr *wr, uint16_t type);
void ntm_wr_tlv_end(struct ntm_wr *wr, size_t at);
void ntm_wr_tlv(struct ntm_wr *wr, uint16_t type, const void *body, size_t len);
