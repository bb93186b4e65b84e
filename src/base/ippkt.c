/* SPDX-License-Identifier: BSD-2-Clause */
/* Views of inner IP packets. Every packet passes here, so each header is checked once and read
 * straight from the bytes. */
#include "ntm/ippkt.h"

#include <errno.h>

#define V4_HEAD          20
#define V4_PLAIN         0x45 /* version 4, a header of 5 words: no options */
#define V4_MORE          0x2000
#define V4_OFFSET        0x1fff /* in units of 8 bytes */
#define V6_HEAD          40
#define V6_MORE          0x0001
#define V6_OFFSET        0xfff8
#define UDP_HEAD         8
#define TCP_HEAD         20
#define FRAGMENT_UNIT    8
#define EXTENSION_MIN    8
#define EXTENSIONS_MAX   8 /* RFC 8200 4.1 knows of at most 7 in a row */
#define HEAD_HOP_BY_HOP  0
#define HEAD_ROUTING     43
#define HEAD_FRAGMENT    44
#define HEAD_AUTH        51
#define HEAD_DESTINATION 60

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* l4 is the fragment's data here, whatever it begins with. */
static int check_fragment(struct ntm_ippkt *view, size_t max)
{
	/* An IPv6 fragment header around a whole datagram makes no fragment (RFC 6946). */
	view->is_fragment = view->more_fragments || view->frag_offset > 0;
	if (!view->is_fragment)
		return 0;
	if (view->l4_len == 0 || view->frag_offset + view->l4_len > max)
		return -EBADMSG;
	if (view->more_fragments && view->l4_len % FRAGMENT_UNIT != 0)
		return -EBADMSG;
	return 0;
}

static int parse_v4(struct ntm_ippkt *view, const uint8_t *pkt, size_t len)
{
	uint16_t fragment;

	if (len < V4_HEAD || pkt[0] != V4_PLAIN)
		return -EBADMSG;
	view->len = get16(pkt + 2);
	if (view->len < V4_HEAD || view->len > len)
		return -EBADMSG;
	view->src = ntm_ip_v4(pkt[12], pkt[13], pkt[14], pkt[15]);
	view->dst = ntm_ip_v4(pkt[16], pkt[17], pkt[18], pkt[19]);
	view->proto = pkt[9];
	view->l4 = pkt + V4_HEAD;
	view->l4_len = view->len - V4_HEAD;
	view->frag_id = get16(pkt + 4);
	fragment = get16(pkt + 6);
	view->more_fragments = fragment & V4_MORE;
	view->frag_offset = (uint16_t)((fragment & V4_OFFSET) * FRAGMENT_UNIT);
	return check_fragment(view, UINT16_MAX - V4_HEAD);
}

static bool is_extension(uint8_t proto)
{
	return proto == HEAD_HOP_BY_HOP || proto == HEAD_ROUTING || proto == HEAD_FRAGMENT ||
	       proto == HEAD_AUTH || proto == HEAD_DESTINATION;
}

/* Bytes of the extension header that l4 points at, or 0 when it is not carried. */
static size_t extension_len(const struct ntm_ippkt *view, bool first)
{
	switch (view->proto) {
	case HEAD_HOP_BY_HOP:
		return first ? (view->l4[1] + 1u) * 8 : 0;
	case HEAD_DESTINATION:
		return (view->l4[1] + 1u) * 8;
	case HEAD_AUTH:
		return (view->l4[1] + 2u) * 4;
	case HEAD_FRAGMENT:
		return 8;
	default:
		return 0;
	}
}

/* Moves l4 behind one extension header. */
static int skip_extension(struct ntm_ippkt *view, bool first)
{
	const uint8_t *head = view->l4;
	bool fragment = view->proto == HEAD_FRAGMENT;
	size_t size;

	if (view->l4_len < EXTENSION_MIN)
		return -EBADMSG;
	size = extension_len(view, first);
	if (size == 0 || size > view->l4_len)
		return -EBADMSG;
	view->proto = head[0];
	view->l4 += size;
	view->l4_len -= size;
	if (!fragment)
		return 0;
	view->more_fragments = get16(head + 2) & V6_MORE;
	view->frag_offset = get16(head + 2) & V6_OFFSET;
	view->frag_id = get32(head + 4);
	return check_fragment(view, UINT16_MAX);
}

/* The whole chain has to be in the first fragment (RFC 7112): nothing can hide in a later one. */
static int skip_extensions(struct ntm_ippkt *view)
{
	bool had_fragment = false;

	for (int n = 0; is_extension(view->proto) && view->frag_offset == 0; n++) {
		bool fragment = view->proto == HEAD_FRAGMENT;

		if (n == EXTENSIONS_MAX || (fragment && had_fragment))
			return -EBADMSG;
		if (skip_extension(view, n == 0) < 0)
			return -EBADMSG;
		had_fragment |= fragment;
	}
	return 0;
}

static int parse_v6(struct ntm_ippkt *view, const uint8_t *pkt, size_t len)
{
	if (len < V6_HEAD)
		return -EBADMSG;
	view->len = V6_HEAD + (size_t)get16(pkt + 4);
	if (view->len > len)
		return -EBADMSG;
	view->src = ntm_ip_from_bytes(6, pkt + 8);
	view->dst = ntm_ip_from_bytes(6, pkt + 24);
	/* A v4-mapped address would pass for somebody's IPv4 VIP. */
	if (view->src.family != 6 || view->dst.family != 6)
		return -EBADMSG;
	view->proto = pkt[6];
	view->l4 = pkt + V6_HEAD;
	view->l4_len = view->len - V6_HEAD;
	return skip_extensions(view);
}

static int parse_udp(struct ntm_ippkt *view)
{
	if (view->l4_len < UDP_HEAD)
		return -EBADMSG;
	if (!view->is_fragment && get16(view->l4 + 4) != view->l4_len)
		return -EBADMSG;
	view->payload = view->l4 + UDP_HEAD;
	view->payload_len = view->l4_len - UDP_HEAD;
	return 0;
}

static int parse_transport(struct ntm_ippkt *view)
{
	if (view->frag_offset > 0)
		return 0;
	if (view->proto == NTM_IPPROTO_UDP) {
		if (parse_udp(view) < 0)
			return -EBADMSG;
	} else if (view->proto == NTM_IPPROTO_TCP) {
		if (view->l4_len < TCP_HEAD)
			return -EBADMSG;
	} else {
		return 0;
	}
	view->sport = get16(view->l4);
	view->dport = get16(view->l4 + 2);
	return 0;
}

int ntm_ippkt_parse(struct ntm_ippkt *view, const uint8_t *pkt, size_t len)
{
	struct ntm_ippkt found = {0};
	uint8_t version = len > 0 ? pkt[0] >> 4 : 0;
	int err = -EBADMSG;

	if (version == 4)
		err = parse_v4(&found, pkt, len);
	else if (version == 6)
		err = parse_v6(&found, pkt, len);
	if (!err)
		err = parse_transport(&found);
	if (!err)
		*view = found;
	return err;
}
