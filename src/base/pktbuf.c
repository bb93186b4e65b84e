/* SPDX-License-Identifier: BSD-2-Clause */
/* One datagram with headroom: headers are pushed in front and pulled off, never copied. */
#include "ntm/pktbuf.h"

#include <stdbool.h>
#include <stdlib.h>

/* Unlike assert(), also in release builds: the alternative is to write outside of the buffer. */
static void must(bool fits)
{
	if (!fits)
		abort();
}

void ntm_pkt_reset(struct ntm_pkt *pkt)
{
	pkt->data = pkt->base + NTM_PKT_HEADROOM;
	pkt->len = 0;
}

size_t ntm_pkt_room(const struct ntm_pkt *pkt)
{
	return sizeof(pkt->base) - (size_t)(pkt->data - pkt->base) - pkt->len;
}

uint8_t *ntm_pkt_push(struct ntm_pkt *pkt, size_t n)
{
	must(n <= (size_t)(pkt->data - pkt->base));
	pkt->data -= n;
	pkt->len += n;
	return pkt->data;
}

uint8_t *ntm_pkt_put(struct ntm_pkt *pkt, size_t n)
{
	uint8_t *place = pkt->data + pkt->len;

	must(n <= ntm_pkt_room(pkt));
	pkt->len += n;
	return place;
}

uint8_t *ntm_pkt_pull(struct ntm_pkt *pkt, size_t n)
{
	uint8_t *place = pkt->data;

	must(n <= pkt->len);
	pkt->data += n;
	pkt->len -= n;
	return place;
}

void ntm_pkt_trim(struct ntm_pkt *pkt, size_t len)
{
	must(len <= pkt->len);
	pkt->len = len;
}
