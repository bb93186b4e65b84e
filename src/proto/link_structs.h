/* SPDX-License-Identifier: BSD-2-Clause */
/* Structs and constants of the link layer; the files that use them include link_priv.h. */
#pragma once

#include "link_copies.h"

#include "ntm/bucket.h"
#include "ntm/link.h"
#include "ntm/map.h"
#include "ntm/session.h"

#define LINK_HS_FIXED        4   /* suite, 3 zero: in front of a RESPONSE's payload */
#define LINK_HS_FIXED_INIT   12  /* time stamp, suites, 3 zero: in front of an INITIATION's */
#define LINK_PATHS           3   /* challenges that may be open */
#define LINK_PATH_GAP_MS     200 /* between two challenges */
#define LINK_PATH_WAIT_MS    3000
#define LINK_PATH_ANSWERS_S  10   /* PATH_RESPONSEs a second */
#define LINK_CONFIRM_MS      5000 /* a young session's keepalives are answered by its responder */
#define LINK_PEER_KEY_LEN    (1 + NTM_KEY_LEN + NTM_PAIR_LEN)
#define LINKS_LOAD_PER_S     200  /* INITIATIONs: above, a cookie is asked for */
#define LINKS_DH_PER_S       2000 /* above, dropped */
#define LINKS_SOURCE_PER_S   20   /* from one /24 or /56, security.md 2.8 */
#define LINKS_SOURCE_BURST   5
#define LINKS_PROVEN_PER_S   500 /* the same, proven, with FINALs; a carrier's NAT is one, too */
#define LINKS_SOURCE_BUCKETS 256
#define LINKS_XX_PER_S       20 /* INITIATIONs of 'd', which anybody can make, security.md 2.8 */
#define LINKS_PENDING        64 /* of 'd': answered, the FINAL is awaited */
#define LINKS_PENDING_NET    8  /* the same, of one /24 or /56 whose address is proven */
#define LINKS_PENDING_MS     5000
#define LINKS_ACCEPTED       256 /* INITIATIONs that are known again when replayed */
/* Copies of one INITIATION come within a round of attempts, from several addresses of the peer. */
#define LINK_ANSWER_SPREAD_MS 3000

struct link_slot {
	struct link_index index;
	bool live;
	bool used;    /* carried data, either way */
	bool yielded; /* next, of 'd': the peer's session goes first; this one opens, no more */
	struct ntm_session session;
};

/* Our attempt as initiator. */
struct link_handshake {
	struct link_copies copies;
	struct ntm_noise noise; /* INITIATION written */
	unsigned sent;
	bool everywhere; /* to all candidates, not only to where the peer was last */
	bool ambiguous;  /* sent more than once since the peer last showed up: no round trip time */
	bool crossed;    /* sent again because the peer began as well: once */
	int64_t sent_ms;
	bool has_cookie;
	bool cookie_used; /* answered a COOKIE since the last sending of the schedule */
	uint8_t cookie[NTM_COOKIE_LEN];
	struct ntm_addr cookie_to; /* the copy that it answers */
	size_t len;                /* without the MACs */
	uint8_t frame[NTM_HANDSHAKE_MAX];
};

/* Our last RESPONSE, for the same INITIATION again, until the peer has shown that it has one. */
struct link_answer {
	uint8_t name[NTM_HANDSHAKE_NAME_LEN]; /* of the INITIATION */
	int64_t made_ms;
	struct ntm_link *link;  /* NULL: pending, it is not known yet whose it is */
	struct link_slot *slot; /* of the session that it leads to; NULL likewise */
	struct link_copies copies;
	uint8_t mac1_key[NTM_KEY_LEN];
	size_t len;
	uint8_t frame[];
};

/* Our FINAL, sent until something was heard on its session. */
struct link_final {
	struct link_slot *slot;
	struct ntm_addr to;
	size_t len;
	uint8_t frame[];
};

struct link_path {
	bool open;
	int64_t sent_ms;
	struct ntm_addr to;
	uint8_t token[8];
};

/* What the attempt timer stands for. */
enum link_wait {
	LINK_WAIT_NONE,
	LINK_WAIT_ANSWER, /* initiator: for the RESPONSE */
	LINK_WAIT_ROUND,  /* initiator: given up for now, for the next round */
	LINK_WAIT_PEER,   /* responder: for the INITIATION, or for the first packet */
	LINK_WAIT_HEARD,  /* initiator: for anything under the new keys */
};

struct link_paths; /* link_paths.h */

struct ntm_link {
	struct ntm_links *links;
	struct ntm_link *before, *after; /* list of all, or of the dead */
	void *owner;
	bool dead;
	bool shut; /* closed by the owner: answers nothing until restarted */
	bool initiator;
	bool persistent;
	bool one_shot;
	bool doubted; /* the peer may have lost the current session */
	enum ntm_link_state state;
	uint8_t peer_key[LINK_PEER_KEY_LEN]; /* purpose, static key, pair id or zeros */
	uint8_t psk[NTM_KEY_LEN];
	uint8_t *payload;
	size_t payload_len;

	struct ntm_addr remote;
	size_t candidate_count;
	struct ntm_addr candidates[NTM_LINK_CANDIDATES];

	struct link_slot slot[3];
	struct link_slot *prev, *cur, *next; /* into slot, or NULL */
	struct link_handshake *hs;
	struct link_answer *answer;
	struct link_final *final;
	uint64_t stamp_in; /* highest accepted */

	struct link_paths *paths; /* NULL without multipath */
	struct link_path path[LINK_PATHS];
	int64_t path_sent_ms;
	struct ntm_bucket path_answers;

	/* link_timers.c; times are -1 for "no" */
	struct ntm_timer attempt, age, alive, silence;
	enum link_wait wait;
	unsigned wait_count;
	int64_t keepalive_ms;
	int64_t owed_ms;       /* data came, nothing was sent since */
	int64_t unanswered_ms; /* data was sent, nothing came since */
	int64_t last_out_ms;

	uint64_t packets_in, packets_out, bytes_in, bytes_out;
	uint32_t handshakes;
	int64_t last_in_ms;
	int64_t rtt_ms;
};

struct links_limit {
	struct ntm_bucket load;
	struct ntm_bucket dh;
	struct ntm_bucket xx;
	uint8_t hash_key[16];
	struct ntm_bucket source[LINKS_SOURCE_BUCKETS];
	struct ntm_bucket proven[LINKS_SOURCE_BUCKETS];
};

struct ntm_links {
	struct ntm_links_ops ops;
	void *ctx;
	struct ntm_keys keys;
	struct ntm_timers *timers;
	struct ntm_link_times times;
	struct ntm_links_counters counters;
	uint8_t suites;
	uint8_t mac1_key[NTM_KEY_LEN], mac1_key_xx[NTM_KEY_LEN];
	struct ntm_cookies cookies, cookies_xx;
	struct links_limit limit;
	uint64_t stamp_out;                /* last time stamp used */
	uint64_t accepted[LINKS_ACCEPTED]; /* a ring; link_answer.c */
	size_t accepted_next;
	struct link_pending *pending[LINKS_PENDING]; /* NULL: free; link_pending.c */
	struct ntm_timer pending_end;
	uint64_t nameless; /* links so far whose peer was not known when they were made */
	struct ntm_map *by_index;
	struct ntm_map *by_peer;
	struct ntm_map *by_pair;
	struct ntm_map *by_answer;
	struct ntm_link *first;
	struct ntm_link *dead;
	unsigned depth; /* of callers that may call back */
};

static inline int64_t links_now(const struct ntm_links *links)
{
	return links->timers->now_ms;
}

static inline uint8_t link_purpose(const struct ntm_link *link)
{
	return link->peer_key[0];
}

static inline const uint8_t *link_static(const struct ntm_link *link)
{
	return link->peer_key + 1;
}

static inline const uint8_t *link_pair(const struct ntm_link *link)
{
	return link->peer_key + 1 + NTM_KEY_LEN;
}
