/* SPDX-License-Identifier: BSD-2-Clause */
/* Relay frames of design.md 4 and the tickets that admit to them (security.md 2.7). */
#pragma once

#include "ntm/addr.h"
#include "ntm/frame.h"
#include "ntm/lists.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A flow is what a relay forwards between two addresses, its sides 0 and 1. A DC makes a ticket for
 * each side; whoever shows it, and answers a challenge at the address that it comes from, has bound
 * that side to that address:
 *
 *   BIND       node -> RS   ticket                        256 bytes
 *   CHALLENGE  RS -> node   cookie; RS keeps nothing       56
 *   ANSWER     node -> RS   ticket and cookie             160
 *   BOUND      RS -> node   flow label                     48
 *   RELAYED    either way   flow label, any other frame
 *   UNBOUND    RS -> node   8 bytes: the label means nothing here, or not from that address
 *   RELEASE    node -> RS   ticket: the side is bound no longer; not answered    128
 *
 * No answer is longer than its question, and no address is taken from a body. All integers are big
 * endian; every frame starts with type (1), class or zero (1), zero (2).
 *
 *            0..3   4..7        8..                                            last 16
 *  BIND      head   generation  ticket (NTM_TICKET_LEN), zeros                 mac
 *  CHALLENGE head   generation  flow (8), cookie (16), zeros (8)               mac
 *  ANSWER    head   generation  ticket, cookie (16), zeros                     mac
 *  BOUND     head   generation  flow (8), label (4), peer (1), zeros (7),      mac
 *                               idle_s (4)
 *  RELAYED   head   label       a handshake or transport frame
 *  UNBOUND   head   label
 *  RELEASE   head   generation  ticket, zeros                                  mac
 *
 * mac = keyed BLAKE2b-128 of all bytes in front of it under the ticket's bind key, which the node
 * has from its DC and the relay from the ticket.
 */
#define NTM_RELAYED_HEADER   8
#define NTM_BIND_LEN         256
#define NTM_CHALLENGE_LEN    56
#define NTM_ANSWER_LEN       160
#define NTM_BOUND_LEN        48
#define NTM_UNBOUND_LEN      8
#define NTM_RELEASE_LEN      128
#define NTM_RELAY_COOKIE_LEN 16
#define NTM_BIND_KEY_LEN     32
/* RS forgets a side that sent nothing for so long (security.md 2.7). */
#define NTM_RELAY_IDLE_S 180
#define NTM_RELAY_PORT   4331

/* What is sealed in a ticket. */
struct ntm_ticket {
	uint64_t flow; /* random; the same for both sides */
	uint8_t side;  /* 0 or 1 */
	int64_t expires_s;
	uint32_t kbit_s;  /* that the side may send; 0: no limit of its own */
	uint32_t account; /* whose quota it counts for: 0 the relay's own domain, else a number that
			   * its DC keeps for another domain */
	uint8_t bind_key[NTM_BIND_KEY_LEN];
};

/*
 * Ticket keys are known to the DC and to one relay. They are made from the DC's secret key and the
 * relay's public key, anew for each day of UNIX time: nothing is stored, and a restarted DC makes
 * tickets that a relay from before opens. The key id is the day's last 8 bits.
 */
struct ntm_ticket_key ntm_ticket_key_make(const uint8_t dc_secret[static NTM_KEY_LEN],
					  const uint8_t relay_pub[static NTM_KEY_LEN], int64_t day);
#define NTM_TICKET_DAY_S 86400

/* key id (1), nonce (24), sealed {flow, side, expiry, kbit/s, account, bind key}, tag (16);
 * XChaCha20-Poly1305, additional data "NTM-ticket1", the relay's public key and the key id. */
void ntm_ticket_seal(const struct ntm_ticket *ticket, const struct ntm_ticket_key *key,
		     const uint8_t relay_pub[static NTM_KEY_LEN],
		     uint8_t out[static NTM_TICKET_LEN]);
/* 0; -EKEYREJECTED (not by this key, or for another relay), -EBADMSG (a value out of range). Does
 * not look at the time. */
int ntm_ticket_open(struct ntm_ticket *ticket, const struct ntm_ticket_key *key,
		    const uint8_t relay_pub[static NTM_KEY_LEN],
		    const uint8_t sealed[static NTM_TICKET_LEN]);

static inline bool ntm_is_relay_frame(const uint8_t *frame, size_t len)
{
	return len > 0 && frame[0] >= NTM_FRAME_RELAYED && frame[0] <= NTM_FRAME_RELEASE;
}

/* Any of them but RELAYED. Pointers reach into the datagram. */
struct ntm_relay_frame {
	uint8_t type;
	uint32_t generation;   /* all but UNBOUND; rises with each BIND and RELEASE of a ticket */
	uint64_t flow;         /* CHALLENGE, BOUND */
	uint32_t label;        /* BOUND, UNBOUND */
	bool peer_bound;       /* BOUND: the other side is bound as well */
	uint32_t idle_s;       /* BOUND */
	const uint8_t *ticket; /* BIND, ANSWER, RELEASE: NTM_TICKET_LEN */
	const uint8_t *cookie; /* CHALLENGE, ANSWER */
};
/* Largest of them. */
#define NTM_RELAY_FRAME_MAX NTM_BIND_LEN
/* Writes a frame with its mac (UNBOUND has none: bind_key may be NULL); returns its length. */
size_t ntm_relay_frame_write(const struct ntm_relay_frame *in, const uint8_t *bind_key,
			     uint8_t out[static NTM_RELAY_FRAME_MAX]);
/* 0 or -EBADMSG: not one of them, another length, zeros that are none. Does not check the mac. */
int ntm_relay_frame_parse(struct ntm_relay_frame *out, const uint8_t *frame, size_t len);
/* Whether a parsed frame's mac is right. */
bool ntm_relay_frame_mac_ok(const uint8_t *frame, size_t len,
			    const uint8_t bind_key[static NTM_BIND_KEY_LEN]);

/* RELAYED: its label. False: too short, zeros that are none, or what it carries is no handshake or
 * transport frame. */
bool ntm_relayed_parse(const uint8_t *frame, size_t len, uint32_t *label);
/* Writes the header in front of a frame of class cls. */
void ntm_relayed_head(uint8_t out[static NTM_RELAYED_HEADER], uint8_t cls, uint32_t label);
