/* SPDX-License-Identifier: BSD-2-Clause */
/* Views of inner IP packets, and the few packets that a node makes itself. */
#pragma once

#include "ntm/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NTM_IPPROTO_ICMP   1
#define NTM_IPPROTO_TCP    6
#define NTM_IPPROTO_UDP    17
#define NTM_IPPROTO_ICMPV6 58

/* What one packet says of itself. Pointers reach into the packet. */
struct ntm_ippkt {
	struct ntm_ip src, dst;
	uint8_t proto;    /* of the transport header, behind IPv6 extension headers */
	size_t len;       /* by the IP header; the buffer may be longer (padding) */
	bool is_fragment; /* any fragment, the first too; not one that is all there is (RFC 6946) */
	bool more_fragments;
	uint32_t frag_id;
	uint16_t frag_offset; /* bytes */
	const uint8_t *l4;    /* transport header, or a later fragment's data */
	size_t l4_len;
	uint16_t sport, dport;  /* UDP and TCP, 0 in later fragments */
	const uint8_t *payload; /* UDP only: behind the UDP header, NULL else */
	size_t payload_len;     /* as far as it is in this packet (first fragments) */
};

/*
 * 0, or -EBADMSG and an empty view: not IP, a length that does not fit, IPv4 options, routing
 * headers or options behind a fragment header (never carried), v4-mapped addresses in IPv6, a UDP
 * length that disagrees.
 */
int ntm_ippkt_parse(struct ntm_ippkt *view, const uint8_t *pkt, size_t len);

/* An ICMP or ICMPv6 error, by its type; also what is too short to tell. Not of later fragments. */
bool ntm_ippkt_is_icmp_error(const struct ntm_ippkt *view);
/* Of an ICMP error: where the packet went that it is about. False: none, or it does not tell. */
bool ntm_ippkt_blamed(const struct ntm_ippkt *view, struct ntm_ip *src, struct ntm_ip *dst);

/* Finishes the partial UDP or TCP checksum that a TUN with offload may hand out. Only for packets
 * from our own host: it makes any checksum right. False for all but whole UDP and TCP, which it
 * leaves alone. */
bool ntm_ippkt_finish_checksum(uint8_t *pkt, size_t len);

/* True when the IPv4 header checksum and the UDP/TCP/ICMP checksum are right (tests, own packets);
 * of fragments only the former is looked at. */
bool ntm_ippkt_checksums_ok(const uint8_t *pkt, size_t len);

/* Builds a UDP packet; returns its length, or 0 when it does not fit in cap or families differ. */
size_t ntm_ippkt_build_udp(uint8_t *out, size_t cap, const struct ntm_addr *src,
			   const struct ntm_addr *dst, const void *payload, size_t payload_len);

enum ntm_unreachable {
	NTM_UNREACH_NET,   /* ICMP 3/0, ICMPv6 1/0: the domain or its DC does not answer */
	NTM_UNREACH_HOST,  /* 3/1, 1/3: the peer is unknown or offline */
	NTM_UNREACH_ADMIN, /* 3/13, 1/1: forbidden */
};
/*
 * ICMP destination unreachable about orig, from `from` (the node's own VIP: the error has to be
 * deliverable, RFC 1812 4.3.2.7), with as much of orig as RFC 792 and RFC 4443 (<= 548 and 1232
 * bytes) allow. Returns the length, or 0 when none may be sent (orig is an ICMP error, a later
 * fragment, multicast, of a source that cannot be answered, not of from's family) or it does not
 * fit. out may not overlap orig.
 */
size_t ntm_ippkt_build_unreachable(uint8_t *out, size_t cap, const struct ntm_ip *from,
				   const uint8_t *orig, size_t orig_len, enum ntm_unreachable why);

/* Internet checksum (RFC 1071) of data continued from sum; the folded, not inverted sum. Every part
 * but the last has an even length. */
uint32_t ntm_checksum_add(uint32_t sum, const void *data, size_t len);
uint16_t ntm_checksum_finish(uint32_t sum);
