/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS messages: one query taken apart, one answer built. ldns stays behind this header. */
#pragma once

#include "ntm/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NTM_DNS_NAME_STR  256  /* 253 characters, NUL and room */
#define NTM_DNS_UDP_PLAIN 512  /* RFC 1035 4.2.1 */
#define NTM_DNS_UDP_MAX   1232 /* DNS flag day 2020 */
#define NTM_DNS_TCP_MAX   4096
#define NTM_DNS_ANSWERS   32

enum ntm_dns_type {
	NTM_DNS_A = 1,
	NTM_DNS_NS = 2,
	NTM_DNS_CNAME = 5,
	NTM_DNS_SOA = 6,
	NTM_DNS_PTR = 12,
	NTM_DNS_TXT = 16,
	NTM_DNS_AAAA = 28,
	NTM_DNS_SRV = 33,
	NTM_DNS_NAPTR = 35,
	NTM_DNS_HINFO = 13,
	NTM_DNS_ANY = 255,
};
enum ntm_dns_rcode {
	NTM_DNS_NOERROR = 0,
	NTM_DNS_FORMERR = 1,
	NTM_DNS_SERVFAIL = 2,
	NTM_DNS_NXDOMAIN = 3,
	NTM_DNS_NOTIMP = 4,
	NTM_DNS_REFUSED = 5,
	NTM_DNS_BADVERS = 16,
};

struct ntm_dns_query {
	uint16_t id;
	uint8_t opcode;
	bool rd, cd;
	/* Lower case, no final dot; "" is the root. Bytes that no host name has are '?', so that
	 * every name fits and a name with one never equals a name of ours. */
	char name[NTM_DNS_NAME_STR];
	uint16_t type, cls;
	bool edns;
	uint8_t edns_version;
	bool do_bit;
	uint16_t udp_size; /* what the asker takes: 512 without EDNS, clamped to
			      512..NTM_DNS_UDP_MAX */
	/* The question section as it came (case kept), to be echoed. */
	const uint8_t *question;
	size_t question_len;
};

/*
 * Looks at a query. 0; -EBADMSG: answer with FORMERR if query->id could be read and it is no
 * response (ntm_dns_formerr says so); drop otherwise. Rejects before any parser sees it
 * (security.md 0.3): QDCOUNT other than 1, AN or NS counts, ARCOUNT > 2, TSIG, two OPT, responses,
 * bytes behind the last record. Opcodes other than QUERY (0) are for the caller to refuse.
 */
int ntm_dns_query_parse(struct ntm_dns_query *query, const uint8_t *msg, size_t len);
/* Builds the 12-byte FORMERR (NOTIMP for other opcodes) for a message that did not parse; returns
 * its length, or 0: drop. */
size_t ntm_dns_formerr(const uint8_t *msg, size_t len, uint8_t out[static 12]);

/* One record of an answer. */
struct ntm_dns_rr {
	char name[NTM_DNS_NAME_STR]; /* "" means: the question's name */
	uint16_t type;
	uint32_t ttl_s;
	union {
		struct ntm_ip ip;              /* A, AAAA */
		char target[NTM_DNS_NAME_STR]; /* NS, PTR, CNAME */
		char text[256];                /* TXT, one string; HINFO: "cpu os" */
		struct {
			uint16_t priority, weight, port;
			char target[NTM_DNS_NAME_STR];
		} srv;
		struct {
			char mname[NTM_DNS_NAME_STR], rname[NTM_DNS_NAME_STR];
			uint32_t serial, refresh, retry, expire, minimum;
		} soa;
	};
};

struct ntm_dns_reply {
	uint16_t rcode;
	bool authoritative;
	bool recursion_available;
	size_t answer_count, authority_count, additional_count;
	struct ntm_dns_rr *answers, *authorities, *additionals; /* the caller's arrays */
};

/*
 * Writes the reply to query, at most max bytes: over that, answer sections are dropped and TC is
 * set (UDP). Names are compressed. EDNS is answered when it was asked with. Returns the length, 0
 * on failure.
 */
size_t ntm_dns_reply_build(const struct ntm_dns_query *query, const struct ntm_dns_reply *reply,
			   uint8_t *out, size_t max);

/* Reads a response to a query of ours (tests and the node's forwarder). The caller compares id,
 * name and type with what it asked. 0, -EBADMSG, -ENOMEM. */
struct ntm_dns_response {
	uint16_t id;
	uint16_t rcode;
	bool tc, aa;
	char name[NTM_DNS_NAME_STR]; /* the question's, like ntm_dns_query.name */
	uint16_t type;
	size_t count, authority_count, additional_count; /* additional: without OPT */
	struct ntm_dns_rr rr[NTM_DNS_ANSWERS]; /* answer section; unknown types are skipped */
	bool has_soa;
	struct ntm_dns_rr soa; /* the first SOA of the authority section (RFC 2308) */
};
int ntm_dns_response_parse(struct ntm_dns_response *response, const uint8_t *msg, size_t len);
/* Builds a plain query with EDNS; returns its length, 0 on failure. */
size_t ntm_dns_query_build(uint16_t id, const char *name, uint16_t type, bool rd, uint8_t *out,
			   size_t max);
