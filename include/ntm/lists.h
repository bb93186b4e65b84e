/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists and blobs that control messages and handshake payloads are made of. */
#pragma once

#include "ntm/addr.h"
#include "ntm/cert.h"

#include <stdbool.h>
#include <stdint.h>

/* security.md A2: at most 8 self-declared addresses. */
#define NTM_MSG_ADDRS    8
#define NTM_MSG_PREFIXES 8
#define NTM_MSG_NAMES    4
/* Of a page of PARTNERS: as many as an encoded message has room for. */
#define NTM_MSG_CERTS 4

struct ntm_addr_list {
	uint8_t count;
	struct ntm_addr item[NTM_MSG_ADDRS];
};
/* Whether that host is in the list, at whatever port. */
bool ntm_addr_list_has(const struct ntm_addr_list *list, const struct ntm_ip *ip);
/* The same, at that very port. */
bool ntm_addr_list_has_addr(const struct ntm_addr_list *list, const struct ntm_addr *addr);
/* Who says that own is where it is, and is seen at an address and port that is none of these, is
 * behind a NAT (design.md 7). One that translates the port alone is one as well: it lets in as
 * little, and forgets as soon. */
bool ntm_addr_list_behind_nat(const struct ntm_addr_list *own, const struct ntm_addr *seen);
/* The same addresses, in the same order. */
bool ntm_addr_list_eq(const struct ntm_addr_list *a, const struct ntm_addr_list *b);
struct ntm_prefix_list {
	uint8_t count;
	struct ntm_prefix item[NTM_MSG_PREFIXES];
};
struct ntm_name_list {
	uint8_t count;
	char item[NTM_MSG_NAMES][NTM_NAME_MAX + 1];
};
struct ntm_cert_blob {
	uint16_t len;
	uint8_t data[NTM_CERT_MAX];
};
struct ntm_cert_list {
	uint8_t count;
	struct ntm_cert_blob item[NTM_MSG_CERTS];
};

/* A relay that the bearer of the ticket may bind one side of a flow at; relay.h has the rest. */
#define NTM_TICKET_LEN 98 /* sealed: 1 + 24 + 57 + 16 bytes */
/* Offered in one direction: one is used, the other stays bound as a spare. */
#define NTM_MSG_RELAYS 2
struct ntm_relay_offer {
	struct ntm_addr addr[2]; /* of the relay: IPv4, IPv6; family 0: none; not both */
	uint64_t flow;
	uint8_t bind_key[32];
	uint8_t ticket[NTM_TICKET_LEN];
};
struct ntm_relay_list {
	uint8_t count;
	struct ntm_relay_offer item[NTM_MSG_RELAYS];
};
/* What tickets are sealed with, known to the DC and one relay. */
struct ntm_ticket_key {
	uint8_t id;
	uint8_t key[NTM_KEY_LEN];
};
/* Those that a relay gets from its DC: of today, and of the days beside it. */
#define NTM_MSG_TICKET_KEYS 3
struct ntm_ticket_key_list {
	uint8_t count;
	struct ntm_ticket_key item[NTM_MSG_TICKET_KEYS];
};
