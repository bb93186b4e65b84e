/* SPDX-License-Identifier: BSD-2-Clause */
/* Bounded reassembly of inner IP fragments, for looking only: fragments are forwarded as they came.
 */
#pragma once

#include "ntm/ippkt.h"

/* sip.md 4: 64 datagrams, 1 s. A datagram above 8 KB is of no interest to the watcher (sip.md 5).
 */
#define NTM_REASM_DATAGRAMS 64
#define NTM_REASM_LIFE_MS   1000
#define NTM_REASM_BYTES     8192

struct ntm_reasm;

struct ntm_reasm *ntm_reasm_new(void); /* NULL when out of memory */
void ntm_reasm_free(struct ntm_reasm *reasm);

/* A whole datagram's transport part. */
struct ntm_reasm_whole {
	struct ntm_ip src, dst;
	uint8_t proto;
	uint32_t frag_id;
	const uint8_t *l4; /* valid until the next call */
	size_t l4_len;
};

/*
 * Adds one fragment, a view of ntm_ippkt_parse. 1: whole is set; 0: more are needed, or it was had
 * before; -EBADMSG: no fragment, overlap, over-long or inconsistent, also with the UDP length (the
 * datagram is forgotten). When full, the oldest datagram makes room. Allocates nothing.
 */
int ntm_reasm_add(struct ntm_reasm *reasm, const struct ntm_ippkt *frag, int64_t now_ms,
		  struct ntm_reasm_whole *whole);
