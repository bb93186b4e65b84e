/* SPDX-License-Identifier: BSD-2-Clause */
/* Links: authenticated, encrypted associations with remote hosts over one UDP endpoint. */
#pragma once

#include "ntm/addr.h"
#include "ntm/frame.h"
#include "ntm/noise.h"
#include "ntm/path.h"
#include "ntm/pktbuf.h"
#include "ntm/timers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A link is one remote static key with one purpose (and, end to end, one pair id). It does the
 * handshake with retries, keeps the previous, the current and the next session so that a rekey
 * loses nothing, sends keepalives, answers and makes path challenges, and tells its owner only
 * facts: up, down, plaintext.
 *
 *            open                       first packet on the session
 *   CLOSED ----------> CONNECTING ----------------------------------> UP
 *      ^                   |  handshake given up                      |  session expired,
 *      +-------------------+<-----------------------------------------+  or CLOSE received
 *
 * A persistent link goes back to CONNECTING instead of CLOSED, and goes on trying.
 */
enum ntm_link_state { NTM_LINK_CLOSED, NTM_LINK_CONNECTING, NTM_LINK_UP };

/* Timers and limits; WireGuard's values (its section 6.1) where design.md 4 names no other. */
struct ntm_link_times {
	int64_t rekey_ms;  /* 120 s: the initiator starts a new handshake */
	int64_t reject_ms; /* 180 s: no packet is sealed or opened any more */
	int64_t retry_ms;  /* 5 s, plus up to a third at random: between rounds of attempts; nodes
			    * take 2 s */
	int64_t passive_keepalive_ms; /* 10 s: received, but nothing sent since */
	int64_t silence_ms;           /* 15 s: sent, but nothing received since: new handshake */
};
extern const struct ntm_link_times ntm_link_times_default;

enum ntm_link_down {
	NTM_DOWN_NO_ANSWER, /* handshake given up */
	NTM_DOWN_EXPIRED,   /* reject_ms passed without a new session */
	NTM_DOWN_CLOSED,    /* the peer sent CLOSE */
};

struct ntm_links;
struct ntm_link;

/* Handshake payload behind its fixed part: opaque to the link layer (join request and answer). */
#define NTM_HS_PAYLOAD_MAX  640
#define NTM_LINK_HELLO_MAX  368 /* of hello: the RESPONSE then has NTM_DC_INITIATION_LEN bytes */
#define NTM_LINK_CANDIDATES 10  /* 8 addresses and 2 relays */

/* A valid INITIATION that no link expects; or, of XX, a peer that has just shown who it is. */
struct ntm_link_request {
	uint8_t purpose;
	const uint8_t *remote_static;
	const struct ntm_addr *from;
	const uint8_t *payload;
	size_t payload_len;
};
/* The owner's answer. */
struct ntm_link_reply {
	bool one_shot; /* answer only: no link, no session (join) */
	void *owner;   /* handed to the new link's callbacks */
	/* 'd': a link of ours that is for this very peer, under no key yet or under another: it
	 * takes the session. NULL, or when a link has the peer's key: as for all purposes. */
	struct ntm_link *link;
	size_t payload_len;
	uint8_t payload[NTM_HS_PAYLOAD_MAX];
};

/* All callbacks may open, send on and free links, the link they are about included. */
struct ntm_links_ops {
	/* Sends one datagram; may queue; must not call back into links. */
	void (*send)(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len);
	/* Purposes other than 'e'. 0 accepts; anything else drops in silence. May be NULL (refuse
	 * all). Comes again for a one-shot request whose answer was lost: be idempotent. */
	int (*accept)(void *ctx, const struct ntm_link_request *req, struct ntm_link_reply *reply);
	/* Purpose 'd' (XX) only, NULL without it. hello: what our side tells of itself; writes it
	 * and returns its length, at most NTM_LINK_HELLO_MAX, 0 to be silent; calls nothing.
	 * verify: the RESPONSE to the link's INITIATION; 0 accepts; else it is dropped and the
	 * attempt goes on, for another may come. It comes as well for who cannot be taken,
	 * ourselves or a peer that has a link. As responder, accept is called for the FINAL, of
	 * each new session; what it refuses comes again, three times within 1400 ms. As initiator,
	 * up does not say yet that the peer accepts us: when it does not, down (NTM_DOWN_NO_ANSWER)
	 * follows in 3 s. */
	size_t (*hello)(void *ctx, uint8_t out[static NTM_HS_PAYLOAD_MAX]);
	int (*verify)(void *ctx, struct ntm_link *link, void *owner,
		      const struct ntm_link_request *req);
	/* 'e' with a right mac1 and an unknown pair id: may keep a copy and hand it to
	 * ntm_links_input later. */
	void (*unknown_pair)(void *ctx, const uint8_t pair[static NTM_PAIR_LEN],
			     const struct ntm_addr *from, const uint8_t *frame, size_t len);
	/* A new session may be used. fresh: no session was alive before; false for a rekey, and
	 * for a peer that was restarted and came back while the old session was alive. up and input
	 * may be NULL where all links are one-shot. */
	void (*up)(void *ctx, struct ntm_link *link, void *owner, bool fresh);
	/* The link is CLOSED; or, persistent and UP before, CONNECTING: it comes up again by
	 * itself. */
	void (*down)(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why);
	/* Plaintext of one packet, never empty; pkt->data may be changed. First byte: 1 = control
	 * message, high nibble 4 or 6 = IP (still padded). PATH_* and CLOSE were handled before. */
	void (*input)(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt);
	/* The remote's address changed and answered a challenge there. May be NULL. */
	void (*moved)(void *ctx, struct ntm_link *link, void *owner, const struct ntm_addr *to);
	/* A multipath link has sent data for NTM_LINK_STARVED_MS while no path worked: another
	 * direction may help. Once, until a path works again, or data is sent again after
	 * an idle time. May be NULL. */
	void (*starved)(void *ctx, struct ntm_link *link, void *owner);
	/* Payload of the RESPONSE to a one-shot link (join). May be NULL. */
	void (*answer)(void *ctx, struct ntm_link *link, void *owner, const uint8_t *payload,
		       size_t len);
};

struct ntm_links_args {
	const struct ntm_links_ops *ops;
	void *ctx;
	const struct ntm_keys *keys; /* copied */
	struct ntm_timers *timers;
	const struct ntm_link_times *times; /* NULL: default; copied */
};

/* Frames that were dropped, by reason; all silent (design.md 4). */
struct ntm_links_counters {
	uint64_t frames_in, frames_out, bytes_in, bytes_out;
	uint64_t malformed, bad_mac1, bad_handshake, refused, unknown_index, bad_tag, replay,
		limited, cookies_sent;
};

struct ntm_links *ntm_links_new(const struct ntm_links_args *args); /* NULL: out of memory */
/* Frees all links, silently; not from a callback. */
void ntm_links_free(struct ntm_links *links);
const struct ntm_links_counters *ntm_links_counters(const struct ntm_links *links);
size_t ntm_links_count(const struct ntm_links *links);

/* One datagram from the network. pkt is scratch: opened in place. */
void ntm_links_input(struct ntm_links *links, const struct ntm_addr *from, struct ntm_pkt *pkt);

struct ntm_link_args {
	uint8_t purpose;
	const uint8_t *remote_static; /* NULL: 'd', as initiator, when not known */
	const uint8_t *pair;          /* 'e' only */
	const uint8_t *psk;           /* 'e' only */
	void *owner;
	/* Where the remote may be. An initiator sends its first message to all of them and stays
	 * with the one that answers. A responder may leave it empty. */
	size_t candidate_count;
	const struct ntm_addr *candidates;
	bool initiator;
	bool persistent;      /* never give up: a node's link to its DC */
	bool one_shot;        /* join: done with the RESPONSE */
	int64_t keepalive_ms; /* > 0: send something at least this often (NAT mapping) */
	/* 'e': all candidates are paths that stay known; path.h. */
	bool multipath;
	const uint8_t *payload; /* in the INITIATION */
	size_t payload_len;
};

/*
 * Opens a link: as initiator it sends at once, as responder it waits for the INITIATION with that
 * pair id and gives up after the same time that an initiator would need. 0; -EEXIST (a link with
 * the same purpose, key and pair exists), -EINVAL, -ENOMEM. The caller frees the link.
 */
int ntm_link_open(struct ntm_links *links, const struct ntm_link_args *args, struct ntm_link **out);
/* Wipes and forgets; calls nothing back, sends nothing. NULL is fine. */
void ntm_link_free(struct ntm_link *link);
/* Tells the peer (CLOSE, best effort, once) and goes to CLOSED without a callback. */
void ntm_link_close(struct ntm_link *link, uint8_t reason);
/* The remote may be there as well: an attempt under way goes there at once, all later ones too; a
 * multipath link that is up tries it as a path, also one that it knows already. Beyond
 * NTM_LINK_CANDIDATES it is ignored. */
void ntm_link_also(struct ntm_link *link, const struct ntm_addr *to);
/* Starts over at once, with new candidates when there are any: the DC seems to have restarted. */
void ntm_link_restart(struct ntm_link *link, const struct ntm_addr *candidates, size_t count);

/*
 * Seals and sends pkt, an IP packet or a control message; padded to 16. Takes the contents:
 * pkt->data is ciphertext afterwards. cls: 1 real-time, 0 bulk. 0; -ENOTCONN (no session that may
 * be used); -EMSGSIZE.
 */
int ntm_link_send(struct ntm_link *link, struct ntm_pkt *pkt, uint8_t cls);

enum ntm_link_state ntm_link_state(const struct ntm_link *link);
/* Zeros as long as it is not known ('d'). */
const uint8_t *ntm_link_remote_static(const struct ntm_link *link);
const uint8_t *ntm_link_pair(const struct ntm_link *link);
uint8_t ntm_link_purpose(const struct ntm_link *link);
void ntm_link_set_keepalive(struct ntm_link *link, int64_t keepalive_ms);
/* Where packets go now; family 0 when not known yet. */
const struct ntm_addr *ntm_link_remote(const struct ntm_link *link);

struct ntm_link_stats {
	uint64_t packets_in, packets_out, bytes_in, bytes_out; /* plaintext */
	uint32_t handshakes;                                   /* completed */
	uint8_t suite;
	bool initiator;         /* of the current session */
	int64_t last_in_ms;     /* now_ms of the last authentic packet; 0 = never */
	int64_t last_out_ms;    /* of the last packet sealed, or of opening the link */
	int64_t session_age_ms; /* -1 without a session */
	int64_t rtt_ms;         /* of the last handshake as initiator, -1 unknown */
};
void ntm_link_stats(const struct ntm_link *link, struct ntm_link_stats *out);
