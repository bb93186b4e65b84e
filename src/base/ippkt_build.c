/* SPDX-License-Identifier: BSD-2-Clause */
/* The few IP packets that a node makes itself, and checksums. */
#include "ntm/ippkt.h"

#include <string.h>

#include "ntm/wire.h"

#define V4_HEAD          20
#define V4_CHECKSUM      10 /* offset of the header's checksum */
#define V4_DONT_FRAGMENT 0x4000
#define V6_HEAD          40
#define UDP_HEAD         8
#define ICMP_HEAD        8
#define TTL              64

/* What an error may quote: a datagram of 576 (RFC 1812 4.3.2.3) or 1280 bytes (RFC 4443 2.4 c). */
#define V4_QUOTE_MAX (576 - V4_HEAD - ICMP_HEAD)
#define V6_QUOTE_MAX (1280 - V6_HEAD - ICMP_HEAD)

uint32_t ntm_checksum_add(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t wide = sum;

	for (; len > 1; p += 2, len -= 2)
		wide += (uint64_t)p[0] << 8 | p[1];
	if (len > 0)
		wide += (uint64_t)p[0] << 8;
	while (wide >> 16)
		wide = (wide & 0xffff) + (wide >> 16);
	return (uint32_t)wide;
}

uint16_t ntm_checksum_finish(uint32_t sum)
{
	return (uint16_t)~ntm_checksum_add(sum, NULL, 0);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Where the transport header has its checksum, or 0 when it has none that we know. */
static size_t checksum_offset(const struct ntm_ippkt *view)
{
	switch (view->proto) {
	case NTM_IPPROTO_UDP:
		return 6;
	case NTM_IPPROTO_TCP:
		return 16;
	case NTM_IPPROTO_ICMP:
		return view->src.family == 4 ? 2 : 0;
	case NTM_IPPROTO_ICMPV6:
		return view->src.family == 6 ? 2 : 0;
	default:
		return 0;
	}
}

/* Sum of pseudo header and transport part. */
static uint32_t transport_sum(const struct ntm_ippkt *view)
{
	uint32_t sum = 0;

	if (view->proto != NTM_IPPROTO_ICMP) {
		sum = view->proto + (uint32_t)view->l4_len;
		sum = ntm_checksum_add(sum, view->src.b, ntm_ip_len(&view->src));
		sum = ntm_checksum_add(sum, view->dst.b, ntm_ip_len(&view->dst));
	}
	return ntm_checksum_add(sum, view->l4, view->l4_len);
}

/* Only UDP over IPv4 may go without a checksum (RFC 768, RFC 8200 8.1). */
static bool has_no_checksum(const struct ntm_ippkt *view)
{
	return view->proto == NTM_IPPROTO_UDP && view->src.family == 4 && view->l4[6] == 0 &&
	       view->l4[7] == 0;
}

/* l4 is where view->l4 points. */
static void set_transport_checksum(const struct ntm_ippkt *view, uint8_t *l4)
{
	uint8_t *field = l4 + checksum_offset(view);
	uint16_t checksum;

	put16(field, 0);
	checksum = ntm_checksum_finish(transport_sum(view));
	if (checksum == 0 && view->proto == NTM_IPPROTO_UDP)
		checksum = 0xffff;
	put16(field, checksum);
}

bool ntm_ippkt_finish_checksum(uint8_t *pkt, size_t len)
{
	struct ntm_ippkt view;

	if (ntm_ippkt_parse(&view, pkt, len) < 0 || view.is_fragment)
		return false;
	if (view.proto != NTM_IPPROTO_UDP && view.proto != NTM_IPPROTO_TCP)
		return true;
	if (!has_no_checksum(&view))
		set_transport_checksum(&view, pkt + (view.l4 - pkt));
	return true;
}

bool ntm_ippkt_checksums_ok(const uint8_t *pkt, size_t len)
{
	struct ntm_ippkt view;
	size_t at;

	if (ntm_ippkt_parse(&view, pkt, len) < 0)
		return false;
	if (view.src.family == 4 && ntm_checksum_finish(ntm_checksum_add(0, pkt, V4_HEAD)) != 0)
		return false;
	at = checksum_offset(&view);
	if (view.is_fragment || at == 0)
		return true;
	if (view.l4_len < at + 2)
		return false;
	return has_no_checksum(&view) || ntm_checksum_finish(transport_sum(&view)) == 0;
}

static void put_v4_head(struct ntm_wr *wr, const struct ntm_ippkt *view)
{
	uint8_t *head = wr->base;

	ntm_wr_u8(wr, 0x45);
	ntm_wr_u8(wr, 0);
	ntm_wr_u16(wr, (uint16_t)view->len);
	ntm_wr_u16(wr, 0); /* an unfragmentable packet needs no identification (RFC 6864) */
	ntm_wr_u16(wr, V4_DONT_FRAGMENT);
	ntm_wr_u8(wr, TTL);
	ntm_wr_u8(wr, view->proto);
	ntm_wr_u16(wr, 0);
	ntm_wr_bytes(wr, view->src.b, 4);
	ntm_wr_bytes(wr, view->dst.b, 4);
	put16(head + V4_CHECKSUM, ntm_checksum_finish(ntm_checksum_add(0, head, V4_HEAD)));
}

static void put_v6_head(struct ntm_wr *wr, const struct ntm_ippkt *view)
{
	ntm_wr_u32(wr, 0x60000000);
	ntm_wr_u16(wr, (uint16_t)view->l4_len);
	ntm_wr_u8(wr, view->proto);
	ntm_wr_u8(wr, TTL);
	ntm_wr_bytes(wr, view->src.b, 16);
	ntm_wr_bytes(wr, view->dst.b, 16);
}

/*
 * Writes the IP header for src, dst, proto and l4_len, and completes the view of the packet at the
 * writer's base. False when the packet cannot be: then nothing is written.
 */
static bool put_head(struct ntm_wr *wr, struct ntm_ippkt *view)
{
	bool v4 = view->src.family == 4;
	size_t head = v4 ? V4_HEAD : V6_HEAD;

	if (ntm_ip_len(&view->src) == 0 || view->src.family != view->dst.family)
		return false;
	if (view->l4_len > UINT16_MAX - (v4 ? V4_HEAD : 0) || wr->cap < head + view->l4_len)
		return false;
	view->len = head + view->l4_len;
	view->l4 = wr->base + head;
	if (v4)
		put_v4_head(wr, view);
	else
		put_v6_head(wr, view);
	return true;
}

size_t ntm_ippkt_build_udp(uint8_t *out, size_t cap, const struct ntm_addr *src,
			   const struct ntm_addr *dst, const void *payload, size_t payload_len)
{
	struct ntm_ippkt view = {.src = src->ip, .dst = dst->ip, .proto = NTM_IPPROTO_UDP};
	struct ntm_wr wr = ntm_wr_init(out, cap);

	if (payload_len > UINT16_MAX - UDP_HEAD)
		return 0;
	view.l4_len = UDP_HEAD + payload_len;
	if (!put_head(&wr, &view))
		return 0;
	ntm_wr_u16(&wr, src->port);
	ntm_wr_u16(&wr, dst->port);
	ntm_wr_u16(&wr, (uint16_t)view.l4_len);
	ntm_wr_u16(&wr, 0);
	ntm_wr_bytes(&wr, payload, payload_len);
	set_transport_checksum(&view, out + (view.l4 - out));
	return view.len;
}

/* RFC 1122 3.2.2; RFC 4443 2.4 e, with redirects. */
static bool is_icmp_error(const struct ntm_ippkt *view)
{
	uint8_t type = view->l4_len > 0 ? view->l4[0] : 0;

	if (view->src.family == 6 && view->proto == NTM_IPPROTO_ICMPV6)
		return type < 128 || type == 137;
	if (view->src.family == 4 && view->proto == NTM_IPPROTO_ICMP)
		return view->l4_len == 0 || (type >= 3 && type <= 5) || type == 11 || type == 12;
	return false;
}

/* The source has to name one host that the error can go to. */
static bool may_answer(const struct ntm_ippkt *orig)
{
	return orig->frag_offset == 0 && !is_icmp_error(orig) && ntm_ip_is_usable(&orig->src) &&
	       !ntm_ip_is_multicast(&orig->dst);
}

size_t ntm_ippkt_build_unreachable(uint8_t *out, size_t cap, const struct ntm_ip *from,
				   const uint8_t *orig, size_t orig_len, enum ntm_unreachable why)
{
	static const uint8_t v4_code[] =
		{[NTM_UNREACH_NET] = 0, [NTM_UNREACH_HOST] = 1, [NTM_UNREACH_ADMIN] = 13};
	static const uint8_t v6_code[] =
		{[NTM_UNREACH_NET] = 0, [NTM_UNREACH_HOST] = 3, [NTM_UNREACH_ADMIN] = 1};
	struct ntm_wr wr = ntm_wr_init(out, cap);
	struct ntm_ippkt cause, view = {.src = *from};
	bool v4 = from->family == 4;
	size_t quote, quote_max = v4 ? V4_QUOTE_MAX : V6_QUOTE_MAX;

	if (ntm_ippkt_parse(&cause, orig, orig_len) < 0 || !may_answer(&cause))
		return 0;
	quote = cause.len < quote_max ? cause.len : quote_max;
	view.dst = cause.src;
	view.proto = v4 ? NTM_IPPROTO_ICMP : NTM_IPPROTO_ICMPV6;
	view.l4_len = ICMP_HEAD + quote;
	if (!put_head(&wr, &view))
		return 0;
	ntm_wr_u8(&wr, v4 ? 3 : 1);
	ntm_wr_u8(&wr, v4 ? v4_code[why] : v6_code[why]);
	ntm_wr_zeros(&wr, 6); /* checksum, unused */
	ntm_wr_bytes(&wr, orig, quote);
	set_transport_checksum(&view, out + (view.l4 - out));
	return view.len;
}
