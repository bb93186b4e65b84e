/* SPDX-License-Identifier: BSD-2-Clause */
/* The packets that a node makes itself: UDP from its resolver, and ICMP unreachable. */
#include "ippkt_int.h"

#include "ntm/wire.h"

#define HOP_LIMIT       64
#define DONT_FRAGMENT   0x4000
#define TOS_NORMAL      0
#define TOS_NET_CONTROL 0xc0 /* of ICMP errors: RFC 1812 4.3.2.5 */
#define ICMP4_ERROR_MAX 576  /* RFC 1812 4.3.2.3 */
#define ICMP6_ERROR_MAX 1280 /* RFC 4443 2.4 (c) */

struct head {
	const struct ntm_ip *src, *dst;
	uint8_t proto, tos;
};

static size_t header_len(const struct ntm_ip *ip)
{
	return ip->family == 4 ? IP4_HEADER_LEN : IP6_HEADER_LEN;
}

/* Whether body_len bytes can go from src to dst in one packet of at most cap bytes. */
static bool fits(const struct ntm_ip *src, const struct ntm_ip *dst, size_t body_len, size_t cap)
{
	size_t counted = src->family == 4 ? IP4_HEADER_LEN : 0;

	if (ntm_ip_len(src) == 0 || src->family != dst->family)
		return false;
	return body_len <= UINT16_MAX - counted && header_len(src) + body_len <= cap;
}

/* The IPv4 identification may be zero in a packet that is never cut up (RFC 6864 4.1). */
static void put_v4(struct ntm_wr *wr, const struct head *head, size_t body_len)
{
	ntm_wr_u8(wr, 0x45);
	ntm_wr_u8(wr, head->tos);
	ntm_wr_u16(wr, (uint16_t)(IP4_HEADER_LEN + body_len));
	ntm_wr_u16(wr, 0);
	ntm_wr_u16(wr, DONT_FRAGMENT);
	ntm_wr_u8(wr, HOP_LIMIT);
	ntm_wr_u8(wr, head->proto);
	ntm_wr_u16(wr, 0);
	ntm_wr_bytes(wr, head->src->b, 4);
	ntm_wr_bytes(wr, head->dst->b, 4);
	ntm_wr_u16_at(wr, IP4_CHECKSUM_AT,
		      ntm_checksum_finish(ntm_checksum_add(0, wr->base, wr->len)));
}

static void put_v6(struct ntm_wr *wr, const struct head *head, size_t body_len)
{
	ntm_wr_u32(wr, (uint32_t)(6u << 28));
	ntm_wr_u16(wr, (uint16_t)body_len);
	ntm_wr_u8(wr, head->proto);
	ntm_wr_u8(wr, HOP_LIMIT);
	ntm_wr_bytes(wr, head->src->b, 16);
	ntm_wr_bytes(wr, head->dst->b, 16);
}

static void put_header(struct ntm_wr *wr, const struct head *head, size_t body_len)
{
	if (head->src->family == 4)
		put_v4(wr, head, body_len);
	else
		put_v6(wr, head, body_len);
}

size_t ntm_ippkt_build_udp(uint8_t *out, size_t cap, const struct ntm_addr *src,
			   const struct ntm_addr *dst, const void *payload, size_t payload_len)
{
	struct head head = {&src->ip, &dst->ip, NTM_IPPROTO_UDP, TOS_NORMAL};
	struct ntm_wr wr = ntm_wr_init(out, cap);

	if (payload_len > UINT16_MAX ||
	    !fits(head.src, head.dst, UDP_HEADER_LEN + payload_len, cap))
		return 0;
	put_header(&wr, &head, UDP_HEADER_LEN + payload_len);
	ntm_wr_u16(&wr, src->port);
	ntm_wr_u16(&wr, dst->port);
	ntm_wr_u16(&wr, (uint16_t)(UDP_HEADER_LEN + payload_len));
	ntm_wr_u16(&wr, 0);
	ntm_wr_bytes(&wr, payload, payload_len);
	if (ntm_wr_err(&wr) || !ntm_ippkt_finish_checksum(out, wr.len))
		return 0;
	return wr.len;
}

/* RFC 1122 3.2.2, RFC 1812 4.3.2.7, RFC 4443 2.4 (e). */
static bool may_answer(const struct ntm_ippkt *orig)
{
	return orig->frag_offset == 0 && !ntm_ippkt_is_icmp_error(orig) &&
	       !ntm_ip_is_multicast(&orig->dst) && ntm_ip_is_usable(&orig->src);
}

static uint8_t code_of(enum ntm_unreachable why, uint8_t family)
{
	static const uint8_t codes[][2] = {
		[NTM_UNREACH_NET] = {0, 0},
		[NTM_UNREACH_HOST] = {1, 3},
		[NTM_UNREACH_ADMIN] = {13, 1},
	};

	return codes[why][family == 6];
}

size_t ntm_ippkt_build_unreachable(uint8_t *out, size_t cap, const struct ntm_ip *from,
				   const uint8_t *orig, size_t orig_len, enum ntm_unreachable why)
{
	struct ntm_wr wr = ntm_wr_init(out, cap);
	struct ntm_ippkt view;
	struct head head = {from, &view.src, NTM_IPPROTO_ICMPV6, TOS_NORMAL};
	size_t quote, icmp_at = header_len(from);
	bool v4 = from->family == 4;
	uint32_t sum;

	if (ntm_ippkt_parse(&view, orig, orig_len) < 0 || !may_answer(&view))
		return 0;
	quote = (v4 ? ICMP4_ERROR_MAX : ICMP6_ERROR_MAX) - icmp_at - ICMP_HEADER_LEN;
	if (quote > view.len)
		quote = view.len;
	if (!fits(from, &view.src, ICMP_HEADER_LEN + quote, cap))
		return 0;
	if (v4) {
		head.proto = NTM_IPPROTO_ICMP;
		head.tos = TOS_NET_CONTROL;
	}
	put_header(&wr, &head, ICMP_HEADER_LEN + quote);
	ntm_wr_u8(&wr, v4 ? ICMP4_UNREACH : ICMP6_UNREACH);
	ntm_wr_u8(&wr, code_of(why, from->family));
	ntm_wr_u16(&wr, 0);
	ntm_wr_u32(&wr, 0);
	ntm_wr_bytes(&wr, orig, quote);
	sum = v4 ? ntm_checksum_add(0, out + icmp_at, wr.len - icmp_at)
		 : ippkt_pseudo_sum(from, &view.src, head.proto, out + icmp_at, wr.len - icmp_at);
	ntm_wr_u16_at(&wr, icmp_at + ICMP_CHECKSUM_AT, ntm_checksum_finish(sum));
	return ntm_wr_err(&wr) ? 0 : wr.len;
}
