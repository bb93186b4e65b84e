/* SPDX-License-Identifier: BSD-2-Clause */
/* Outer frames of design.md 4: what a datagram's first bytes say, and a handshake's two MACs. */
#pragma once

#include "ntm/addr.h"
#include "ntm/noise.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 *               0     1        2..3  4..7      8..
 *  INITIATION   type  purpose  zero  sender    pair id (16, purpose 'e' only), Noise, mac1, mac2
 *  RESPONSE     type  purpose  zero  sender    receiver (4), Noise, mac1, mac2
 *  FINAL        type  purpose  zero  sender    receiver (4), Noise, mac1, mac2
 *  COOKIE       type  purpose  zero  receiver  nonce (24), sealed cookie (16 + 16)
 *  TRANSPORT    type  class    zero  receiver  counter (8), ciphertext, tag (16)
 *
 * sender and receiver are indexes, each made by the side that it names. FINAL is the third message
 * of XX, so its purpose is 'd'. The relay frames are in relay.h.
 */
enum ntm_frame_type {
	NTM_FRAME_INITIATION = 1,
	NTM_FRAME_RESPONSE = 2,
	NTM_FRAME_FINAL = 3,
	NTM_FRAME_COOKIE = 4,
	NTM_FRAME_TRANSPORT = 5,
	NTM_FRAME_RELAYED = 16, /* 16..22: relay family */
	NTM_FRAME_BIND = 17,
	NTM_FRAME_CHALLENGE = 18,
	NTM_FRAME_ANSWER = 19,
	NTM_FRAME_BOUND = 20,
	NTM_FRAME_UNBOUND = 21,
	NTM_FRAME_RELEASE = 22,
};

/* Who talks to whom; in the Noise prologue, so that no message of one kind passes for another. */
enum ntm_purpose {
	NTM_PURPOSE_NODE = 'n',  /* node -> its DC */
	NTM_PURPOSE_JOIN = 'j',  /* host with a join token -> DC; one exchange, no session */
	NTM_PURPOSE_RELAY = 'r', /* relay -> its DC */
	NTM_PURPOSE_DC = 'd',
	NTM_PURPOSE_E2E = 'e', /* node <-> node: Tunnel Request and Tunnel Response */
};

#define NTM_PAIR_LEN           16
#define NTM_MAC_LEN            16
#define NTM_TRANSPORT_HEADER   16
#define NTM_TRANSPORT_OVERHEAD (NTM_TRANSPORT_HEADER + NTM_TAG_LEN)
#define NTM_COOKIE_FRAME_LEN   (8 + 24 + 16 + 16)
/* Largest handshake frame: a join's certificate request or answer fits. */
#define NTM_HANDSHAKE_MAX 1232
/* Every INITIATION of purpose 'd' (security.md 2.5): padded, since whoever sends it has not shown
 * anything, and the RESPONSE must not be longer than it. */
#define NTM_DC_INITIATION_LEN 512
/* "NTM1", purpose, 16 bytes of context (pair id or zero). */
#define NTM_PROLOGUE_LEN 21

void ntm_prologue(uint8_t out[static NTM_PROLOGUE_LEN], uint8_t purpose,
		  const uint8_t pair[static NTM_PAIR_LEN]);

/* A handshake frame, taken apart. Pointers reach into the datagram. */
struct ntm_handshake {
	uint8_t type;
	uint8_t purpose;
	uint32_t sender;
	uint32_t receiver;   /* RESPONSE and FINAL only */
	const uint8_t *pair; /* INITIATION with purpose 'e' only, else NULL */
	const uint8_t *noise;
	size_t noise_len;
	const uint8_t *mac1, *mac2;
	size_t maced_len; /* bytes in front of mac1 */
};
/* 0 or -EBADMSG: wrong length, unknown purpose, reserved bytes not zero. Does not check the MACs.
 */
int ntm_handshake_parse(struct ntm_handshake *hs, const uint8_t *frame, size_t len);
/* Writes everything in front of the Noise bytes; returns the length. */
#define NTM_HANDSHAKE_HEAD_MAX 24
size_t ntm_handshake_head(uint8_t *out, const struct ntm_handshake *hs);
/* Of a frame that is written already: the same message under another sender index, and, but of an
 * INITIATION, to another receiver. The MACs are wrong then. */
void ntm_handshake_set_indexes(uint8_t *frame, uint32_t sender, uint32_t receiver);
/* What all copies of a message have in common, whatever their indexes are: a hash of the rest. */
#define NTM_HANDSHAKE_NAME_LEN 16
void ntm_handshake_name(uint8_t out[static NTM_HANDSHAKE_NAME_LEN], const struct ntm_handshake *hs);

/* Receiver index of a TRANSPORT, or of a COOKIE frame. False: too short or reserved bytes set. */
bool ntm_transport_parse(const uint8_t *frame, size_t len, uint32_t *receiver);

/*
 * mac1 = keyed BLAKE2b-128, key = BLAKE2b-256("NTM-mac1" || receiver's static key). With purpose
 * 'd' the sender of the first message does not know that key: all three frames, and the seal key of
 * cookies, take ntm_static_unknown instead. mac1 is only a checksum then; mac2 proves as much as
 * ever, since its key is the cookie.
 */
extern const uint8_t ntm_static_unknown[NTM_KEY_LEN]; /* zeros */
void ntm_mac1_key(uint8_t key[static NTM_KEY_LEN], const uint8_t receiver_pub[static NTM_KEY_LEN]);
/* Appends mac1 and mac2 (zero without a cookie) behind len bytes; returns len + 32. */
size_t ntm_mac_append(uint8_t *frame, size_t len, const uint8_t mac1_key[static NTM_KEY_LEN],
		      const uint8_t *cookie);
bool ntm_mac1_ok(const uint8_t *frame, const struct ntm_handshake *hs,
		 const uint8_t mac1_key[static NTM_KEY_LEN]);

/*
 * Cookies (WireGuard 5.4.7 with BLAKE2b and XChaCha20-Poly1305): proof that a sender receives at
 * the address it sends from. Asked for under load, and for a time stamp that is not newer
 * (security.md 2.8).
 */
#define NTM_COOKIE_LEN       16
#define NTM_COOKIE_SECRET_MS 120000
struct ntm_cookies {
	uint8_t secret[2][NTM_KEY_LEN]; /* current and previous */
	int64_t made_ms;
	uint8_t seal_key[NTM_KEY_LEN]; /* BLAKE2b-256("NTM-cook" || our_pub) */
};
/* our_pub: our static key; of purpose 'd' ntm_static_unknown, as mac1. */
void ntm_cookies_init(struct ntm_cookies *cookies, const uint8_t our_pub[static NTM_KEY_LEN],
		      int64_t now_ms);
bool ntm_mac2_ok(struct ntm_cookies *cookies, const uint8_t *frame, const struct ntm_handshake *hs,
		 const struct ntm_addr *from, int64_t now_ms);
/* Answer to a handshake frame; always NTM_COOKIE_FRAME_LEN, shorter than any handshake. */
void ntm_cookie_make(struct ntm_cookies *cookies, const struct ntm_handshake *hs,
		     const struct ntm_addr *from, int64_t now_ms,
		     uint8_t out[static NTM_COOKIE_FRAME_LEN]);
/* Opens a COOKIE that answers a frame of ours with that mac1. 0, -EBADMSG, -EKEYREJECTED. */
int ntm_cookie_open(const uint8_t *frame, size_t len, const uint8_t remote_pub[static NTM_KEY_LEN],
		    const uint8_t our_mac1[static NTM_MAC_LEN],
		    uint8_t cookie[static NTM_COOKIE_LEN]);
