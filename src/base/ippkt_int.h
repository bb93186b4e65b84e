/* SPDX-License-Identifier: BSD-2-Clause */
/* What the reading and the making of inner IP packets share. */
#pragma once

#include "ntm/ippkt.h"

#define IP4_HEADER_LEN   20
#define IP6_HEADER_LEN   40
#define UDP_HEADER_LEN   8
#define TCP_HEADER_LEN   20
#define ICMP_HEADER_LEN  8
#define IP4_CHECKSUM_AT  10
#define TCP_CHECKSUM_AT  16
#define UDP_CHECKSUM_AT  6
#define ICMP_CHECKSUM_AT 2

#define ICMP4_UNREACH 3
#define ICMP6_UNREACH 1

static inline uint16_t ippkt_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void ippkt_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The folded sum over pseudo header and l4, for a transport checksum. */
uint32_t ippkt_pseudo_sum(const struct ntm_ip *src, const struct ntm_ip *dst, uint8_t proto,
			  const uint8_t *l4, size_t l4_len);
