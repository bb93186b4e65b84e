/* SPDX-License-Identifier: BSD-2-Clause */
/* The shape of a DNS message, walked with our own reader before ldns sees a byte of it. */
#pragma once

#include "ntm/dnsmsg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_HEADER_LEN 12
#define DNS_CLASS_IN   1
#define DNS_TYPE_OPT   41
#define DNS_TYPE_TSIG  250

/* RFC 1035 4.1.1, RFC 4035 3.1.6 */
#define DNS_FLAG_QR 0x8000
#define DNS_FLAG_AA 0x0400
#define DNS_FLAG_TC 0x0200
#define DNS_FLAG_RD 0x0100
#define DNS_FLAG_CD 0x0010

enum { DNS_QUESTION, DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL, DNS_SECTIONS };

struct dns_shape {
	uint16_t id, flags;
	uint16_t count[DNS_SECTIONS];
	const uint8_t *question; /* in the message; its name has no compression pointer */
	size_t question_len;
	uint16_t type, cls;
	/* RFC 6891 6.1.3: the OPT record, if there is one. */
	bool has_opt;
	uint16_t opt_size;
	uint32_t opt_ttl; /* extended rcode u8, version u8, flags u16 */
};

/*
 * Walks header, question and every record. 0; -EBADMSG: shorter than its counts say, bytes left
 * over, QDCOUNT other than 1, a TSIG anywhere (ldns leaks on them, security.md 3.3), OPT twice or
 * not where it belongs. *shape is set on success only.
 */
int dns_precheck(struct dns_shape *shape, const uint8_t *msg, size_t len);

static inline uint8_t dns_opcode(uint16_t flags)
{
	return (flags >> 11) & 15;
}

/* Text of an uncompressed wire name that was walked before, as ntm_dns_query.name describes. */
void dns_name_text(char out[static NTM_DNS_NAME_STR], const uint8_t *wire, size_t len);
