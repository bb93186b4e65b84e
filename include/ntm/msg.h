/* SPDX-License-Identifier: BSD-2-Clause */
/* Control messages of design.md 5 as structs, and their one codec, driven by a table of fields. */
#pragma once

#include "ntm/ctl_wire.h"
#include "ntm/frame.h"
#include "ntm/lists.h"
#include "ntm/msg_relay.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NTM_MSG_WORDS   160
#define NTM_MSG_DNS_MAX 1100
/* An encoded message is never longer: its frame passes on any path (NTM_LINK_ROOM_MIN). */
#define NTM_MSG_MAX 1184

/* Node -> DC, after every new session and when its addresses change. */
struct ntm_msg_register {
	struct ntm_addr_list own; /* own real addresses with the UDP port; candidates */
	uint64_t boot_id;         /* random per start of the node: a new one means lost tunnels */
};

struct ntm_msg_registered {
	struct ntm_addr reflexive; /* the address that the DC sees */
	struct ntm_ip vip4, vip6;
	struct ntm_prefix_list prefixes; /* virtual prefixes */
	struct ntm_name_list suffixes;   /* DNS suffixes that are NTM names */
	struct ntm_ip resolver4, resolver6;
	struct ntm_cert_blob cert; /* the node's, possibly renewed */
	uint32_t keepalive_s;      /* 0 when the node is not behind a NAT */
	uint32_t lifetime_s;       /* register again before */
	uint64_t partners;         /* generation of the list of partner domains; 0: it is empty */
};

/* Why a direction is wanted. */
enum ntm_reason {
	NTM_REASON_NAME = 1,
	NTM_REASON_SIP = 2,
	NTM_REASON_DATA = 3,
	NTM_REASON_MOVE = 4
};

/* R54, R103, R104, R106: two FQDNs, or the VIP; is_sip is the paper's SIP flag. */
struct ntm_msg_direction_request {
	char fqdn_mn[NTM_NAME_MAX + 1];
	char fqdn_cn[NTM_NAME_MAX + 1]; /* "" when vip_cn is set */
	struct ntm_ip vip_cn;
	bool is_sip;
	uint8_t reason;
	uint64_t correlation;
};

enum ntm_role { NTM_ROLE_REQUESTS = 1, NTM_ROLE_ANSWERS = 2 }; /* who sends the Tunnel Request */

/* DC -> both nodes. */
struct ntm_msg_route_direction {
	uint8_t pair[NTM_PAIR_LEN];
	uint8_t psk[NTM_KEY_LEN];
	uint8_t role;
	uint8_t reason;
	uint64_t correlation;
	uint32_t lifetime_s;
	struct ntm_cert_blob peer_cert;  /* names, VIPs and key of the peer */
	struct ntm_addr_list candidates; /* best first */
	bool peer_nat;
	/* Of a peer in another domain: introduces that domain's root, signed by the own one. */
	struct ntm_cert_blob peer_domain;
	/* The peer has tickets for the other sides of the same flows, in the same order. */
	struct ntm_relay_list relays;
};
struct ntm_msg_route_ack {
	uint8_t pair[NTM_PAIR_LEN];
	uint64_t correlation;
};

/*
 * DC_MN -> DC_CN (R56, R91, R93). It carries MN's card, so that DC_CN can tell CN its Route
 * Direction, and have it acknowledged, before it answers: one round trip between the DCs instead of
 * two (docs/federation.md).
 */
struct ntm_msg_information_request {
	char fqdn_cn[NTM_NAME_MAX + 1]; /* "" when vip_cn is set */
	struct ntm_ip vip_cn;
	bool is_sip;
	uint8_t reason;
	uint64_t correlation;
	struct ntm_cert_blob cert; /* MN's */
	struct ntm_addr reflexive; /* where DC_MN sees MN */
	struct ntm_addr_list own;
	bool behind_nat;
	struct ntm_relay_list relays; /* of DC_MN, for CN to use, when they are needed */
};
/* What CN was told for this pair of nodes, and its card. */
struct ntm_msg_information_response {
	uint8_t pair[NTM_PAIR_LEN];
	uint8_t psk[NTM_KEY_LEN];
	uint8_t role; /* of the MN of the request */
	uint64_t correlation;
	uint32_t lifetime_s;
	struct ntm_cert_blob cert; /* CN's */
	struct ntm_addr reflexive;
	struct ntm_addr_list own;
	bool behind_nat;
	/* What MN is told of relays: the first relays_kept of those that DC_MN has offered CN, with
	 * its own tickets, and behind them these of DC_CN. */
	uint8_t relays_kept;
	struct ntm_relay_list relays;
};

enum ntm_direction_code {
	NTM_DIR_NO_SUCH_NAME = 1,
	NTM_DIR_NO_SUCH_ADDRESS = 2,
	NTM_DIR_OFFLINE = 3,
	NTM_DIR_FORBIDDEN = 4,
	NTM_DIR_NO_RELAY = 5,
	NTM_DIR_NOT_NTM = 6, /* a name of the domain that is no node, such as the DC's own */
	NTM_DIR_BUSY = 7,
	NTM_DIR_NO_DC = 8,     /* the DC of the other domain is not found, or does not answer */
	NTM_DIR_UNTRUSTED = 9, /* no trusted domain, or a DC that is not that domain's */
	NTM_DIR_LAST = NTM_DIR_UNTRUSTED,
};
struct ntm_msg_direction_error {
	uint8_t code;
	char words[NTM_MSG_WORDS + 1];
	uint64_t correlation;
	struct ntm_ip vip; /* of the peer, when known */
};

/* DC -> nodes, and DCs of other domains: this certificate is void, its key too. */
struct ntm_msg_revoked {
	uint64_t
		serial; /* to a gateway, 0: nothing is void, but the node may not go out any more */
	uint8_t key[NTM_KEY_LEN];
	struct ntm_ip vip4, vip6;
};

/*
 * The domains whose nodes may be peers, each as a certificate of type NTM_CERT_DOMAIN under the own
 * domain's root. As a request of a node: wants that page. As a request of the DC: the list has
 * changed; the reply repeats it. A page of another generation than the one before belongs to a new
 * list.
 */
struct ntm_msg_partners {
	uint64_t generation;
	uint8_t page, pages; /* from 0; how many there are, 0 in requests */
	struct ntm_cert_list certs;
};

struct ntm_msg_ping {
	uint8_t token[8];
};
struct ntm_msg_pong {
	uint8_t token[8];
	struct ntm_addr seen; /* where the ping came from */
};

/* A DNS message for the DC's own zone, or its answer, inside the session (docs/architecture.md). */
struct ntm_msg_dns {
	uint16_t len;
	uint8_t data[NTM_MSG_DNS_MAX];
};

struct ntm_msg {
	uint8_t type; /* NTM_MSG_..., ctl_wire.h */
	bool is_reply;
	uint32_t txn;
	union {
		struct ntm_msg_register reg;
		struct ntm_msg_registered registered;
		struct ntm_msg_direction_request direction_request;
		struct ntm_msg_route_direction route_direction;
		struct ntm_msg_route_ack route_ack;
		struct ntm_msg_direction_error direction_error;
		struct ntm_msg_information_request information_request;
		struct ntm_msg_information_response information_response;
		struct ntm_msg_revoked revoked;
		struct ntm_msg_partners partners;
		struct ntm_msg_relay_register relay_register;
		struct ntm_msg_relay_direction relay_direction;
		struct ntm_msg_relay_ack relay_ack;
		struct ntm_msg_relay_restarted relay_restarted;
		struct ntm_msg_ping ping;
		struct ntm_msg_pong pong;
		struct ntm_msg_dns resolve, resolved;
	};
};

/* Writes the plaintext (kind, type, flags, transaction, TLVs). Returns its length, or 0 when a
 * field cannot be encoded or cap is too small. */
size_t ntm_msg_encode(const struct ntm_msg *msg, uint8_t *out, size_t cap);

/*
 * Reads a plaintext that starts with the control kind; trailing padding of zeros is fine. 0;
 * -EBADMSG (malformed, a required field missing or given twice, text that is no name); -ENOTSUP
 * (unknown type, or an unknown TLV that must be understood). *msg is set on success only. Values
 * are in range; whether they are allowed now is the handler's business.
 */
int ntm_msg_decode(struct ntm_msg *msg, const uint8_t *data, size_t len);

/* "DIRECTION_REQUEST", or "?" */
const char *ntm_msg_name(uint8_t type);
const char *ntm_direction_code_name(uint8_t code);
const char *ntm_reason_name(uint8_t reason);
