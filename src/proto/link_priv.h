/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the link layer share: its structs, and who calls whom. */
#pragma once

#include "ntm/bucket.h"
#include "ntm/link.h"
#include "ntm/map.h"
#include "ntm/session.h"

/*
 *   links.c           the table: indexes, datagrams in, life of links while callbacks run
 *   links_limit.c     load and sources: which INITIATION has to prove its address first
 *   link.c            one link's API and its state
 *   link_session.c    sessions previous, current and next: sealing, opening, taking turns
 *   link_handshake.c  as initiator: INITIATION, RESPONSE, COOKIE, giving up
 *   link_answer.c     as responder: INITIATION to RESPONSE
 *   link_path.c       challenges and roaming
 *   link_timers.c     the only file that arms timers; the others tell it facts
 *
 * Callbacks run only below ntm_links_input and below a timer. Any of them may free the link: after
 * each one look at link->dead, and at slot->live when a session is still needed. Memory of dead
 * links goes when the outermost of the two returns.
 */

#define LINK_HS_FIXED        4  /* suite, 3 zero: in front of a RESPONSE's payload */
#define LINK_HS_FIXED_INIT   12 /* time stamp, suites, 3 zero: in front of an INITIATION's */
#define LINK_ANSWERED_MAX    4
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
#define LINKS_SOURCE_BUCKETS 256

/* Entry of the index table: first member of what it stands for. */
struct link_index {
	uint32_t value;
	struct ntm_link *link;
};

struct link_slot {
	struct link_index index;
	bool live;
	bool used; /* carried data, either way */
	struct ntm_session session;
};

/* Our attempt as initiator. */
struct link_handshake {
	struct link_index index;
	struct ntm_noise noise; /* INITIATION written */
	unsigned sent;
	bool everywhere; /* to all candidates, not only to where the peer was last */
	bool ambiguous;  /* sent more than once since the peer last showed up: no round trip time */
	int64_t sent_ms;
	bool has_cookie;
	bool cookie_used; /* answered a COOKIE since the last sending of the schedule */
	uint8_t cookie[NTM_COOKIE_LEN];
	struct ntm_addr cookie_from;
	uint8_t mac1[NTM_MAC_LEN];
	size_t len; /* without the MACs */
	uint8_t frame[NTM_HANDSHAKE_MAX];
};

/* Our last RESPONSE, for the same INITIATION again. */
struct link_answer {
	uint8_t mac1[NTM_MAC_LEN]; /* of the INITIATION; its name in the table */
	struct ntm_link *link;
	size_t to_count;
	struct ntm_addr to[LINK_ANSWERED_MAX]; /* the latest last */
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

struct ntm_link {
	struct ntm_links *links;
	struct ntm_link *before, *after; /* list of all, or of the dead */
	void *owner;
	bool dead;
	bool shut; /* closed by the owner: answers nothing until restarted */
	bool initiator;
	bool persistent;
	bool one_shot;
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
	uint64_t stamp_in; /* highest accepted */

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
	uint8_t hash_key[16];
	struct ntm_bucket source[LINKS_SOURCE_BUCKETS];
};

struct ntm_links {
	struct ntm_links_ops ops;
	void *ctx;
	struct ntm_keys keys;
	struct ntm_timers *timers;
	struct ntm_link_times times;
	struct ntm_links_counters counters;
	uint8_t suites;
	uint8_t mac1_key[NTM_KEY_LEN];
	struct ntm_cookies cookies;
	struct links_limit limit;
	uint64_t stamp_out; /* last time stamp used */
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

/* links.c */
void links_enter(struct ntm_links *links);
void links_leave(struct ntm_links *links);
bool links_has_purpose(uint8_t purpose);
void links_peer_key(uint8_t out[static LINK_PEER_KEY_LEN], uint8_t purpose,
		    const uint8_t remote_static[static NTM_KEY_LEN], const uint8_t *pair);
int links_add(struct ntm_links *links, struct ntm_link *link);
void links_remove(struct ntm_link *link);
/* Gives the entry a new random index. 0 or -ENOMEM. */
int links_index_new(struct ntm_links *links, struct link_index *index, struct ntm_link *link);
void links_index_del(struct ntm_links *links, const struct link_index *index);
void links_send(struct ntm_links *links, const struct ntm_addr *to, const uint8_t *frame,
		size_t len);

/* links_limit.c */
enum links_verdict { LINKS_PASS, LINKS_PROVE, LINKS_DROP };
void links_limit_init(struct links_limit *limit, int64_t now_ms);
/* For an INITIATION with a right mac1; proven: mac2 was right. */
enum links_verdict links_limit_judge(struct links_limit *limit, const struct ntm_addr *from,
				     bool proven, int64_t now_ms);

/* link.c */
struct ntm_link *link_new(struct ntm_links *links, const struct ntm_link_args *args);
void link_destroy(struct ntm_link *link); /* one that is in no table */
void link_set_state(struct ntm_link *link, enum ntm_link_state state, const char *why);
/* No session is left and none is coming: CLOSED, or CONNECTING when persistent; calls down. */
void link_lose(struct ntm_link *link, enum ntm_link_down why);

/* link_session.c */
bool link_is_alive(const struct ntm_link *link); /* a session that may seal */
struct link_slot *link_slot_new(struct ntm_link *link);
void link_slot_drop(struct ntm_link *link, struct link_slot **at);
void link_slots_drop(struct ntm_link *link); /* and the RESPONSE that leads to one */
void link_session_fill(struct link_slot *slot, const struct ntm_noise *noise, uint8_t suite,
		       uint32_t remote_index);
/* As initiator: the session of a finished handshake is the current one. Calls back. */
void link_session_begin(struct ntm_link *link, struct link_slot *slot, const struct ntm_addr *from);
void link_session_input(struct ntm_link *link, uint32_t index, const struct ntm_addr *from,
			struct ntm_pkt *pkt);
/* Seals pkt under the current session. is_data: counts for keepalives and rekeying. */
int link_seal_to(struct ntm_link *link, const struct ntm_addr *to, struct ntm_pkt *pkt, uint8_t cls,
		 bool is_data);
void link_send_keepalive(struct ntm_link *link);
void link_on_expired(struct ntm_link *link);

/* link_handshake.c */
/* Starts an attempt unless one runs. everywhere: to all candidates at once. */
void link_handshake_start(struct ntm_link *link, bool everywhere);
void link_handshake_drop(struct ntm_link *link);
void link_handshake_resend(struct ntm_link *link);
void link_handshake_give_up(struct ntm_link *link);
/* The peer is at that address as well: our INITIATION goes there too. */
void link_handshake_also_to(struct ntm_link *link, const struct ntm_addr *to);
void link_handshake_on_response(struct ntm_links *links, const struct ntm_handshake *in,
				const struct ntm_addr *from);
void link_handshake_on_cookie(struct ntm_links *links, const struct ntm_addr *from,
			      const struct ntm_pkt *pkt, uint32_t index);

/* link_answer.c */
void link_answer_on_initiation(struct ntm_links *links, const struct ntm_handshake *in,
			       const struct ntm_addr *from, const struct ntm_pkt *pkt);
void link_answer_drop(struct ntm_link *link);
/* Whether the RESPONSE went to that address, so that a packet from there proves it. */
bool link_answer_went_to(const struct ntm_link *link, const struct ntm_addr *to);

/* link_path.c */
void link_path_init(struct ntm_link *link);
void link_path_seen(struct ntm_link *link, const struct ntm_addr *from);
void link_path_clear(struct ntm_link *link);
/* A control message of the link layer itself: true when it was one. may_close: a CLOSE counts.
 * Calls back. */
bool link_path_input(struct ntm_link *link, const struct ntm_addr *from, bool may_close,
		     const struct ntm_pkt *pkt);
void link_path_send_close(struct ntm_link *link, uint8_t reason);

/* link_timers.c */
void link_timers_init(struct ntm_link *link);
void link_timers_stop(struct ntm_link *link);
void link_timers_initiation_sent(struct ntm_link *link, unsigned sent);
void link_timers_round_over(struct ntm_link *link);
void link_timers_peer_awaited(struct ntm_link *link);
void link_timers_answer_sought(struct ntm_link *link);
void link_timers_answer_found(struct ntm_link *link);
void link_timers_attempt_over(struct ntm_link *link);
void link_timers_sessions_changed(struct ntm_link *link);
void link_timers_keepalive_changed(struct ntm_link *link);
void link_timers_sent(struct ntm_link *link, bool is_data);
void link_timers_heard(struct ntm_link *link, bool is_data);
