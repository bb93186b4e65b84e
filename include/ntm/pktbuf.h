/* SPDX-License-Identifier: BSD-2-Clause */
/* One datagram with headroom: headers are pushed in front and pulled off, never copied. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* In front: relay header (8) and transport header (16), rounded up. Behind: padding and tag. */
#define NTM_PKT_HEADROOM 64
#define NTM_PKT_TAILROOM 64
/* Largest inner packet or datagram. The TUN MTU is 1400 (sip.md 6); handshakes and control are
 * smaller than 1232 + overhead; room for a jumbo-free Ethernet frame and some. */
#define NTM_PKT_MAX 2048

struct ntm_pkt {
	uint8_t *data; /* inside base */
	size_t len;    /* bytes at data */
	uint8_t base[NTM_PKT_HEADROOM + NTM_PKT_MAX + NTM_PKT_TAILROOM];
};

/* Empty, data behind the headroom. */
void ntm_pkt_reset(struct ntm_pkt *pkt);
/* Bytes that can still be put behind data + len. */
size_t ntm_pkt_room(const struct ntm_pkt *pkt);
/* Each returns the place of the n bytes; running out of room is a bug of ours and aborts. */
uint8_t *ntm_pkt_push(struct ntm_pkt *pkt, size_t n); /* in front */
uint8_t *ntm_pkt_put(struct ntm_pkt *pkt, size_t n);  /* behind */
uint8_t *ntm_pkt_pull(struct ntm_pkt *pkt, size_t n); /* off the front */
void ntm_pkt_trim(struct ntm_pkt *pkt, size_t len);   /* shortens to len */
