/* SPDX-License-Identifier: BSD-2-Clause */
/* What the link layer and the message codec both have to know of control messages. */
#pragma once

/*
 *  0        1       2        3       4..7           8..
 *  kind=1   type    flags    zero    transaction    TLVs: type u16, length u16, body
 */
#define NTM_CTL_KIND   1
#define NTM_CTL_HEADER 8
/* Flags. */
#define NTM_CTL_REPLY 0x01
/* A TLV with this bit in its type that is unknown makes the message unusable. */
#define NTM_TLV_MUST 0x8000

/* Message types, design.md 5. Numbers are never used again for something else. */
enum ntm_msg_type {
	NTM_MSG_REGISTER = 1,
	NTM_MSG_REGISTERED = 2,
	NTM_MSG_DIRECTION_REQUEST = 3,
	NTM_MSG_INFORMATION_REQUEST = 4,
	NTM_MSG_INFORMATION_RESPONSE = 5,
	NTM_MSG_ROUTE_DIRECTION = 6,
	NTM_MSG_ROUTE_ACK = 7,
	NTM_MSG_DIRECTION_ERROR = 8,
	NTM_MSG_PATH_CHALLENGE = 9, /* 9, 10 and 11 stay inside the link layer */
	NTM_MSG_PATH_RESPONSE = 10,
	NTM_MSG_CLOSE = 11,
	NTM_MSG_REVOKED = 12,
	NTM_MSG_PING = 13,
	NTM_MSG_PONG = 14,
	NTM_MSG_RESOLVE = 15,
	NTM_MSG_RESOLVED = 16,
	NTM_MSG_RELAY_DIRECTION = 17,
	NTM_MSG_RELAY_ACK = 18,
	NTM_MSG_MOVED = 19,
	NTM_MSG_MOVED_ACK = 20,
	NTM_MSG_PARTNERS = 21,
	NTM_MSG_RELAY_REGISTER = 22,
	NTM_MSG_RELAY_RESTARTED = 23,
};

/* TLVs of the link layer's own messages. */
#define NTM_TLV_PATH_TOKEN   0x0030 /* PATH_CHALLENGE, PATH_RESPONSE: 8 bytes */
#define NTM_TLV_CLOSE_REASON 0x0031 /* CLOSE: u8 */
#define NTM_PATH_TOKEN_LEN   8
