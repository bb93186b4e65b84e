/* SPDX-License-Identifier: BSD-2-Clause */
/* The Internet checksum (RFC 1071) of inner packets. */
#include "ippkt_int.h"

#include <arpa/inet.h>
#include <string.h>

static uint32_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

/* Sums words as they lie in memory and turns the bytes of the result: RFC 1071 2 (B). */
uint32_t ntm_checksum_add(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t words = 0;
	uint32_t word;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		words += word;
	}
	if (len > 0) {
		word = 0;
		memcpy(&word, p, len);
		words += word;
	}
	return fold((uint64_t)sum + ntohs((uint16_t)fold(words)));
}

uint16_t ntm_checksum_finish(uint32_t sum)
{
	return (uint16_t)~fold(sum);
}

uint32_t ippkt_pseudo_sum(const struct ntm_ip *src, const struct ntm_ip *dst, uint8_t proto,
			  const uint8_t *l4, size_t l4_len)
{
	uint32_t sum = fold((uint64_t)proto + l4_len);

	sum = ntm_checksum_add(sum, src->b, ntm_ip_len(src));
	sum = ntm_checksum_add(sum, dst->b, ntm_ip_len(dst));
	return ntm_checksum_add(sum, l4, l4_len);
}

static uint32_t transport_sum(const struct ntm_ippkt *view)
{
	return ippkt_pseudo_sum(&view->src, &view->dst, view->proto, view->l4, view->l4_len);
}

bool ntm_ippkt_finish_checksum(uint8_t *pkt, size_t len)
{
	struct ntm_ippkt view;
	uint16_t checksum;
	uint8_t *field;
	bool udp;

	if (ntm_ippkt_parse(&view, pkt, len) < 0 || view.is_fragment)
		return false;
	udp = view.proto == NTM_IPPROTO_UDP;
	if (!udp && view.proto != NTM_IPPROTO_TCP)
		return false;
	field = pkt + (view.l4 - pkt) + (udp ? UDP_CHECKSUM_AT : TCP_CHECKSUM_AT);
	ippkt_put16(field, 0);
	checksum = ntm_checksum_finish(transport_sum(&view));
	/* In UDP zero means "none" (RFC 768). */
	ippkt_put16(field, udp && checksum == 0 ? 0xffff : checksum);
	return true;
}

static bool transport_ok(const struct ntm_ippkt *view)
{
	switch (view->proto) {
	case NTM_IPPROTO_UDP:
		if (ippkt_get16(view->l4 + UDP_CHECKSUM_AT) == 0)
			return view->src.family == 4;
		return ntm_checksum_finish(transport_sum(view)) == 0;
	case NTM_IPPROTO_TCP:
	case NTM_IPPROTO_ICMPV6:
		return ntm_checksum_finish(transport_sum(view)) == 0;
	case NTM_IPPROTO_ICMP:
		return ntm_checksum_finish(ntm_checksum_add(0, view->l4, view->l4_len)) == 0;
	default:
		return true;
	}
}

bool ntm_ippkt_checksums_ok(const uint8_t *pkt, size_t len)
{
	struct ntm_ippkt view;

	if (ntm_ippkt_parse(&view, pkt, len) < 0)
		return false;
	if (view.src.family == 4 &&
	    ntm_checksum_finish(ntm_checksum_add(0, pkt, IP4_HEADER_LEN)) != 0)
		return false;
	return view.is_fragment || transport_ok(&view);
}
