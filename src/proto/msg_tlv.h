/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of the TLVs, and the tables of fields that drive the message codec. */
#pragma once

#include "ntm/ctl_wire.h"
#include "ntm/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Never used again for something else. A number's top bit (NTM_TLV_MUST) is part of it; none has it
 * yet. 0x0030 and 0x0031 are the link layer's, in ctl_wire.h. All are listed in ntm-protocol(7).
 */
enum ntm_tlv {
	NTM_TLV_PADDING = 0x0000, /* from here on zeros, at most 15 */
	NTM_TLV_OWN_ADDRS = 0x0001,
	NTM_TLV_BOOT_ID = 0x0002,
	NTM_TLV_REFLEXIVE = 0x0003,
	NTM_TLV_VIP4 = 0x0004,
	NTM_TLV_VIP6 = 0x0005,
	NTM_TLV_PREFIXES = 0x0006,
	NTM_TLV_SUFFIXES = 0x0007,
	NTM_TLV_RESOLVER4 = 0x0008,
	NTM_TLV_RESOLVER6 = 0x0009,
	NTM_TLV_CERT = 0x000a,
	NTM_TLV_KEEPALIVE = 0x000b,
	NTM_TLV_LIFETIME = 0x000c,
	NTM_TLV_PARTNERS = 0x000d,
	NTM_TLV_FQDN_MN = 0x0010,
	NTM_TLV_FQDN_CN = 0x0011,
	NTM_TLV_VIP_CN = 0x0012,
	NTM_TLV_SIP_FLAG = 0x0013,
	NTM_TLV_REASON = 0x0014,
	NTM_TLV_CORRELATION = 0x0015,
	NTM_TLV_PAIR = 0x0016,
	NTM_TLV_PSK = 0x0017,
	NTM_TLV_ROLE = 0x0018,
	NTM_TLV_PEER_CERT = 0x0019,
	NTM_TLV_CANDIDATES = 0x001a,
	NTM_TLV_PEER_NAT = 0x001b,
	NTM_TLV_CODE = 0x001c,
	NTM_TLV_WORDS = 0x001d,
	NTM_TLV_PEER_DOMAIN = 0x001e,
	NTM_TLV_SERIAL = 0x0020,
	NTM_TLV_KEY = 0x0021,
	NTM_TLV_TOKEN = 0x0022,
	NTM_TLV_SEEN = 0x0023,
	NTM_TLV_DNS = 0x0024,
	NTM_TLV_PAGE = 0x0025,
	NTM_TLV_PAGES = 0x0026,
	NTM_TLV_CERTS = 0x0027,
	NTM_TLV_SECRET = 0x0028,
	NTM_TLV_ROOT = 0x0029,
	NTM_TLV_RELAYS = 0x0040,
	NTM_TLV_RELAYS_KEPT = 0x0041,
	NTM_TLV_TICKET_KEYS = 0x0042,
	NTM_TLV_FLOWS = 0x0043,
	NTM_TLV_FLOWS_MAX = 0x0044,
	NTM_TLV_KBIT_S = 0x0045,
	NTM_TLV_KBIT_S_MAX = 0x0046,
	NTM_TLV_DRAINING = 0x0047,
};

/* Plaintexts are padded to a multiple of 16. */
#define NTM_MSG_PADDING_MAX 15

/* What a field is in its struct, and hence on the wire. */
enum ntm_field_kind {
	NTM_FIELD_U8,  /* uint8_t from min to max */
	NTM_FIELD_U32, /* uint32_t of at least min */
	NTM_FIELD_U64,
	NTM_FIELD_BOOL,
	NTM_FIELD_BYTES, /* uint8_t[max] */
	NTM_FIELD_IP,    /* struct ntm_ip, of family max when that is not 0 */
	NTM_FIELD_ADDR,  /* struct ntm_addr, its port not 0 */
	NTM_FIELD_NAME,  /* char[NTM_NAME_MAX + 1] */
	NTM_FIELD_WORDS, /* char[max + 1], printable UTF-8 */
	NTM_FIELD_BLOB,  /* uint16_t len, then bytes: min to max of them */
	NTM_FIELD_ADDRS,
	NTM_FIELD_PREFIXES,
	NTM_FIELD_NAMES,
	NTM_FIELD_CERTS,
	NTM_FIELD_RELAYS,
	NTM_FIELD_TICKET_KEYS,
};

/*
 * An optional field is absent when its first member is zero (family, first character, count, len),
 * so numbers and bytes are always required.
 */
struct ntm_field {
	uint16_t tlv;
	uint8_t kind;
	bool required;
	uint16_t offset; /* in the struct that is read or written */
	uint16_t min, max;
};

/* At most 32 fields, for the set of those seen. */
struct ntm_fields {
	const struct ntm_field *item;
	size_t count;
};

void ntm_fields_write(struct ntm_wr *wr, const struct ntm_fields *fields, const void *base);
/* Reads TLVs up to the end or the padding. base is zeroed by the caller. 0, -EBADMSG, -ENOTSUP. */
int ntm_fields_read(struct ntm_rd *rd, const struct ntm_fields *fields, void *base);

/* Whether a reply of that type answers a request of that type (ctl_wire.h's numbers). */
bool ntm_msg_answers(uint8_t reply, uint8_t request);
/* The only type of reply that a request has, or 0: none, or the answering side chooses. */
uint8_t ntm_msg_reply_type(uint8_t request);
