/* SPDX-License-Identifier: BSD-2-Clause */
/* The DC's authoritative DNS as pure logic: query bytes in, answer bytes out (design.md 9). */
#pragma once

#include "zone_name.h"

#include "ntm/cert.h"
#include "ntm/dnsmsg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What is served, for domain ntm.example and prefixes 198.18.0.0/16 and fd00:1:2::/48:
 *
 *   ntm.example                     SOA, NS dc.ntm.example
 *   dc.ntm.example                  A, AAAA: real addresses
 *   _ntm._udp.ntm.example           SRV dc.ntm.example port 4330
 *   _ntm.ntm.example                TXT "v=ntm1 root=<base64>"
 *   _sip._udp.ntm.example           SRV of the SIP hosts, in their order; absent when there are
 * none NODE.ntm.example                A, AAAA: its VIPs 7.10.18.198.vip.ntm.example     PTR
 * dc.ntm.example, when leased (32 nibbles).vip6.ntm.example   PTR dc.ntm.example, when leased
 *   18.198.in-addr.arpa             SOA, NS; below it the same PTRs
 *   2.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa   likewise
 *
 * Reverse zones begin at the octet (nibble) at or behind the end of the prefix, so a /12 is served
 * as 16 zones of /16, as its parent has to delegate it; from /25 on as the /24 around it. Names
 * inside a prefix that spell the first part of an address exist without data, leased or not.
 */
#define ZONE_DC_ADDRS    8
#define ZONE_SIP_HOSTS   8
#define ZONE_SIP_PORT    5060
#define ZONE_TTL_NODE_S  60
#define ZONE_TTL_INFRA_S 300
/* RFC 2308 5: how long an absence is believed; a node that was just added has to be found soon. */
#define ZONE_NEGATIVE_MIN_S     5
#define ZONE_NEGATIVE_DEFAULT_S 10
#define ZONE_NEGATIVE_MAX_S     60

/* Nodes that are not revoked, all three: 0, -ENOENT, or another negative errno (SERVFAIL). */
struct zone_lookup {
	int (*node_vips)(void *arg, const char *fqdn, struct ntm_ip *vip4, struct ntm_ip *vip6);
	int (*vip_leased)(void *arg, const struct ntm_ip *vip);
	int (*node_below)(void *arg, const char *suffix); /* some name ends in "." suffix */
	void *arg;
};

struct zone_config {
	char domain[NTM_NAME_MAX + 1]; /* canonical */
	uint16_t port;                 /* of the DC's NTM protocol */
	size_t dc_addr_count;
	struct ntm_ip dc_addr[ZONE_DC_ADDRS];
	size_t sip_host_count;
	char sip_host[ZONE_SIP_HOSTS][NTM_NAME_MAX + 1]; /* canonical, first choice first */
	struct ntm_prefix prefix4, prefix6;              /* family 0: none */
	uint8_t root[NTM_SIGN_PUB_LEN];
	uint32_t serial;         /* of the SOA; any number, nobody transfers the zone */
	uint32_t negative_ttl_s; /* 0: the default; is brought into range */
	struct zone_lookup lookup;
};

struct zone {
	struct zone_config config;
	char dc_name[NTM_DNS_NAME_STR];
	char root_text[80];
};

/* Copies config; the lookup's arg has to stay. -EINVAL: domain or a SIP host is not canonical, or
 * too many addresses or hosts. Nothing has to be freed. */
int zone_init(struct zone *zone, const struct zone_config *config);

enum zone_transport { ZONE_UDP, ZONE_TCP };

/*
 * Answers one message, for UDP in at most what the asker takes, else TC is set. Returns the length
 * of the answer, at most cap; 0: send nothing. cap of NTM_DNS_UDP_MAX or more is enough for UDP.
 */
size_t zone_answer(const struct zone *zone, const uint8_t *query, size_t len,
		   enum zone_transport transport, uint8_t *out, size_t cap);

/* The empty answer with TC that a rate-limited asker gets now and then (rrl.h): it can come back
 * over TCP. Never longer than the query. 0: send nothing. */
size_t zone_answer_slip(const uint8_t *query, size_t len, uint8_t *out, size_t cap);
