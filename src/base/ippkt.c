/* SPDX-License-Identifier: BSD-2-Clause */
/* Views of inner IP packets: every length is checked here, so that nobody else has to. */
#include "ippkt_int.h"

#include <errno.h>
#include <string.h>

#define IP6_HOP_BY_HOP   0
#define IP6_ROUTING      43
#define IP6_FRAGMENT     44
#define IP6_DESTINATION  60
#define FRAGMENT_LEN     8      /* header */
#define FRAGMENT_UNIT    8      /* bytes that an offset counts in, and that fragments are cut at */
#define IP4_MORE         0x2000 /* more fragments */
#define IP4_OFFSET       0x1fff
#define IP6_MORE         1
#define DATAGRAM_MAX     65535
#define MAX_EXTENSIONS   8 /* an honest packet has two or three */
#define EXTENSION_UNIT   8
#define EXTENSION_PREFIX 2 /* next header, length */
#define ICMP4_QUENCH     4
#define ICMP4_REDIRECT   5
#define ICMP4_EXCEEDED   11
#define ICMP4_BAD_PARAM  12
#define ICMP6_FIRST_INFO 128 /* below: errors */
#define ICMP6_REDIRECT   137

static int parse_udp(struct ntm_ippkt *view)
{
	size_t udp_len;

	if (view->l4_len < UDP_HEADER_LEN)
		return -EBADMSG;
	udp_len = ippkt_get16(view->l4 + 4);
	if (view->more_fragments ? udp_len <= view->l4_len : udp_len != view->l4_len)
		return -EBADMSG;
	view->payload = view->l4 + UDP_HEADER_LEN;
	view->payload_len = view->l4_len - UDP_HEADER_LEN;
	return 0;
}

static int parse_transport(struct ntm_ippkt *view)
{
	int rc = 0;

	if (view->frag_offset > 0)
		return 0;
	if (view->proto == NTM_IPPROTO_UDP)
		rc = parse_udp(view);
	else if (view->proto != NTM_IPPROTO_TCP)
		return 0;
	else if (view->l4_len < TCP_HEADER_LEN)
		rc = -EBADMSG;
	if (rc < 0)
		return rc;
	view->sport = ippkt_get16(view->l4);
	view->dport = ippkt_get16(view->l4 + 2);
	return 0;
}

/* header_len is what a receiver will put in front of the reassembled datagram. */
static int check_fragment(struct ntm_ippkt *view, size_t header_len)
{
	view->is_fragment = view->more_fragments || view->frag_offset > 0;
	if (!view->is_fragment)
		return 0;
	if (view->l4_len == 0 || (view->more_fragments && view->l4_len % FRAGMENT_UNIT != 0))
		return -EBADMSG;
	if (header_len + view->frag_offset + view->l4_len > DATAGRAM_MAX)
		return -EBADMSG;
	return 0;
}

static int parse_v4(struct ntm_ippkt *view, const uint8_t *pkt, size_t len)
{
	unsigned frag;

	if (len < IP4_HEADER_LEN || (pkt[0] & 15) * 4 != IP4_HEADER_LEN)
		return -EBADMSG;
	view->len = ippkt_get16(pkt + 2);
	if (view->len < IP4_HEADER_LEN || view->len > len)
		return -EBADMSG;
	frag = ippkt_get16(pkt + 6);
	view->frag_id = ippkt_get16(pkt + 4);
	view->frag_offset = (uint16_t)((frag & IP4_OFFSET) * FRAGMENT_UNIT);
	view->more_fragments = frag & IP4_MORE;
	view->proto = pkt[9];
	view->src = ntm_ip_from_bytes(4, pkt + 12);
	view->dst = ntm_ip_from_bytes(4, pkt + 16);
	view->l4 = pkt + IP4_HEADER_LEN;
	view->l4_len = view->len - IP4_HEADER_LEN;
	return check_fragment(view, IP4_HEADER_LEN);
}

static bool is_extension(uint8_t proto)
{
	return proto == IP6_HOP_BY_HOP || proto == IP6_ROUTING || proto == IP6_FRAGMENT ||
	       proto == IP6_DESTINATION;
}

/* Steps over the first n bytes of what is left, an extension header. */
static int skip_extension(struct ntm_ippkt *view, size_t n)
{
	if (n > view->l4_len)
		return -EBADMSG;
	view->proto = view->l4[0];
	view->l4 += n;
	view->l4_len -= n;
	return 0;
}

/*
 * Nothing but a transport header may follow: options behind a fragment header would sit in one
 * fragment only, where no other fragment's reader sees them.
 */
static int parse_fragment_header(struct ntm_ippkt *view, const uint8_t *pkt)
{
	const uint8_t *header = view->l4;
	unsigned frag;

	if (skip_extension(view, FRAGMENT_LEN) < 0 || is_extension(view->proto))
		return -EBADMSG;
	frag = ippkt_get16(header + 2);
	view->frag_offset = (uint16_t)(frag & ~7u);
	view->more_fragments = frag & IP6_MORE;
	view->frag_id = (uint32_t)ippkt_get16(header + 4) << 16 | ippkt_get16(header + 6);
	return check_fragment(view, (size_t)(header - pkt) - IP6_HEADER_LEN);
}

static int parse_extensions(struct ntm_ippkt *view, const uint8_t *pkt)
{
	for (int i = 0; i < MAX_EXTENSIONS && is_extension(view->proto); i++) {
		if (view->proto == IP6_FRAGMENT)
			return parse_fragment_header(view, pkt);
		if (view->proto == IP6_ROUTING || (view->proto == IP6_HOP_BY_HOP && i > 0))
			return -EBADMSG;
		if (view->l4_len < EXTENSION_PREFIX ||
		    skip_extension(view, (view->l4[1] + 1u) * EXTENSION_UNIT) < 0)
			return -EBADMSG;
	}
	return is_extension(view->proto) ? -EBADMSG : 0;
}

static int parse_v6(struct ntm_ippkt *view, const uint8_t *pkt, size_t len)
{
	if (len < IP6_HEADER_LEN)
		return -EBADMSG;
	view->len = IP6_HEADER_LEN + (size_t)ippkt_get16(pkt + 4);
	if (view->len > len)
		return -EBADMSG;
	view->proto = pkt[6];
	view->src = ntm_ip_from_bytes(6, pkt + 8);
	view->dst = ntm_ip_from_bytes(6, pkt + 24);
	/* v4-mapped: else an IPv6 packet could pass for one from an IPv4 VIP. */
	if (view->src.family != 6 || view->dst.family != 6)
		return -EBADMSG;
	view->l4 = pkt + IP6_HEADER_LEN;
	view->l4_len = view->len - IP6_HEADER_LEN;
	return parse_extensions(view, pkt);
}

int ntm_ippkt_parse(struct ntm_ippkt *view, const uint8_t *pkt, size_t len)
{
	int rc = -EBADMSG;

	*view = (struct ntm_ippkt){0};
	if (len == 0)
		return -EBADMSG;
	if (pkt[0] >> 4 == 4)
		rc = parse_v4(view, pkt, len);
	else if (pkt[0] >> 4 == 6)
		rc = parse_v6(view, pkt, len);
	if (rc == 0)
		rc = parse_transport(view);
	if (rc < 0)
		*view = (struct ntm_ippkt){0};
	return rc;
}

bool ntm_ippkt_is_icmp_error(const struct ntm_ippkt *view)
{
	uint8_t type;

	if (view->proto != NTM_IPPROTO_ICMP && view->proto != NTM_IPPROTO_ICMPV6)
		return false;
	if (view->l4_len == 0)
		return true; /* who knows */
	type = view->l4[0];
	if (view->proto == NTM_IPPROTO_ICMPV6)
		return type < ICMP6_FIRST_INFO || type == ICMP6_REDIRECT;
	return (type >= ICMP4_UNREACH && type <= ICMP4_REDIRECT) || type == ICMP4_EXCEEDED ||
	       type == ICMP4_BAD_PARAM;
}

bool ntm_ippkt_blamed(const struct ntm_ippkt *view, struct ntm_ip *src, struct ntm_ip *dst)
{
	const uint8_t *inner = view->l4 + ICMP_HEADER_LEN;
	size_t len = view->l4_len;
	bool is_v4 = view->proto == NTM_IPPROTO_ICMP;
	uint8_t family = is_v4 ? 4 : 6, src_at = is_v4 ? 12 : 8, dst_at = is_v4 ? 16 : 24;

	if (view->frag_offset > 0 || !ntm_ippkt_is_icmp_error(view) ||
	    len < ICMP_HEADER_LEN + (is_v4 ? IP4_HEADER_LEN : IP6_HEADER_LEN) ||
	    inner[0] >> 4 != family)
		return false;
	*src = ntm_ip_from_bytes(family, inner + src_at);
	*dst = ntm_ip_from_bytes(family, inner + dst_at);
	return true;
}
