/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of messages do with the samples; include after cmocka.h. */
#pragma once

#include "msg_tlv.h"
#include "proto/hexes.h"
#include "proto/msg_samples.h"

/* Decodes a copy of exactly that length, so that the sanitizer sees a read past its end. */
static inline int decode(struct ntm_msg *msg, const uint8_t *data, size_t len)
{
	uint8_t *exact = test_malloc(len + 1);
	int err;

	memcpy(exact + 1, data, len);
	err = ntm_msg_decode(msg, exact + 1, len);
	test_free(exact);
	return err;
}

static inline const struct sample *sample_find(const char *hex)
{
	size_t i = 0;

	while (samples[i].hex != hex)
		i++;
	return &samples[i];
}

static inline size_t bytes_of(const char *hex, uint8_t out[static NTM_MSG_MAX])
{
	return unhex(out, NTM_MSG_MAX, hex);
}

/* Appends a TLV given as hex. */
static inline size_t append(uint8_t *out, size_t len, const char *hex)
{
	return len + unhex(out + len, NTM_MSG_MAX - len, hex);
}

/* The first TLV of that type, or NULL. */
static inline uint8_t *find_tlv(uint8_t *data, size_t len, uint16_t type)
{
	size_t at = NTM_CTL_HEADER;

	while (at + 4 <= len) {
		if (data[at] == type >> 8 && data[at + 1] == (type & 0xff))
			return data + at;
		at += 4U + (data[at + 2] << 8) + data[at + 3];
	}
	return NULL;
}

static inline size_t tlv_len(const uint8_t *tlv)
{
	return 4U + (tlv[2] << 8) + tlv[3];
}

static inline size_t remove_tlv(uint8_t *data, size_t len, uint16_t type)
{
	uint8_t *tlv = find_tlv(data, len, type);
	size_t cut;

	assert_non_null(tlv);
	cut = tlv_len(tlv);
	memmove(tlv, tlv + cut, len - (size_t)(tlv - data) - cut);
	return len - cut;
}
