/* SPDX-License-Identifier: BSD-2-Clause */
/* Fragments inside a tunnel: an inner packet that is larger than the path allows, in parts. */
#pragma once

#include "ntm/pktbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A part is the plaintext of one TRANSPORT frame:
 *
 *  0       1                      2..3   4..
 *  kind=2  index << 4 | count     id     bytes of the packet
 *
 * Every part but the last fills a multiple of 16 bytes, which is what a plaintext is padded to: so
 * its bytes end where the plaintext ends. Only the last has padding behind it, and the packet's IP
 * header tells where that begins. There are no offsets, hence no overlaps. Control messages are
 * never sent in parts.
 */
#define NTM_FRAG_KIND   2
#define NTM_FRAG_HEADER 4
#define NTM_FRAG_PARTS  4 /* at most; 2 at least */

/* How many parts a packet of len bytes makes when a plaintext may have room bytes, a multiple of
 * 16; 1: it is sent whole. 0: it would be more than NTM_FRAG_PARTS. */
unsigned ntm_frag_count(size_t len, size_t room);

/* Which part of which packet. */
struct ntm_frag {
	uint16_t id;
	uint8_t index, count;
};
/* Writes a part of a packet into the empty out. count is what ntm_frag_count says, and index is
 * below it. */
void ntm_frag_cut(const struct ntm_pkt *whole, const struct ntm_frag *part, struct ntm_pkt *out);

/*
 * Parts back to packets, bounded: the memory is allocated once, for all peers; one peer keeps no
 * more than its share, and nothing for longer than the time. What is too much pushes out the oldest
 * of the peer, or of all. (200 packets a second, 30 ms of jitter, 5 percent lost: with a share of 8
 * none is pushed out that would have become whole, with 4 every twelfth, with 2 most of them.)
 */
#define NTM_FRAG_PACKETS 64
#define NTM_FRAG_OF_PEER 8
#define NTM_FRAG_LIFE_MS 1000

struct ntm_frags;

struct ntm_frags_counters {
	uint64_t parts, packets; /* that came; that were whole */
	uint64_t refused;        /* parts: malformed, had before, of another count, too long */
	uint64_t late;           /* packets: parts were missing after NTM_FRAG_LIFE_MS */
	uint64_t crowded_out;    /* packets: pushed out */
};

struct ntm_frags *ntm_frags_new(void); /* NULL: out of memory */
void ntm_frags_free(struct ntm_frags *frags);
/* Adds a part from a peer, which is whatever pointer names it. 1: pkt is the whole packet now, with
 * at most 15 bytes behind it; 0: more parts are needed; -EBADMSG: refused. */
int ntm_frags_add(struct ntm_frags *frags, const void *peer, struct ntm_pkt *pkt, int64_t now_ms);
/* The peer is gone, and its name may be another one's. */
void ntm_frags_forget(struct ntm_frags *frags, const void *peer);
const struct ntm_frags_counters *ntm_frags_counters(const struct ntm_frags *frags);
