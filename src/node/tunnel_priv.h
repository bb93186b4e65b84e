/* SPDX-License-Identifier: BSD-2-Clause */
/* What tunnel.c (states), tunnel_direct.c (negotiation), tunnel_peer.c (whom to believe),
 * tunnel_paths.c (relays), tunnel_data.c (packets) and tunnel_show.c share. */
#pragma once

#include "tunnel.h"

#include "ntm/bucket.h"
#include "ntm/log.h"
#include "ntm/map.h"

#define TUNNEL_WORDS    200
#define TUNNEL_OLDER_MS 3000

/* One packet that waits, a copy. */
struct queued {
	struct queued *next;
	size_t len;
	uint8_t data[];
};

struct queue {
	struct queued *head, **tail;
	size_t count;
};

/* Of a link: how long its Route Direction, and the peer's certificate, are good for. */
struct tunnel_life {
	int64_t renew_ms; /* the DC is asked for a new direction from here on */
	int64_t until_ms;
};

/* Of a link: our bindings at relays that lead to the same peer. */
struct tunnel_paths {
	size_t relay_count;
	uint32_t relay[NTM_MSG_RELAYS];
	int64_t alone_ms; /* a relay fails and one path is left, since then; 0: no */
	bool asked;       /* the DC, for another spare: once a direction */
	bool into_nat;    /* without a relay we send to a peer whose NAT may not let us in */
};

struct tunnel {
	struct tunnels *owner;
	struct tunnel *next, **link_in_list;
	enum tunnel_state state;

	/* Who: zero or "" as long as it is not known. is_known: from a checked certificate. */
	char fqdn[NTM_NAME_MAX + 1];
	struct ntm_ip vip4, vip6;
	uint8_t key[NTM_KEY_LEN];
	uint8_t root[NTM_SIGN_PUB_LEN]; /* of its domain, that signed its certificate */
	uint64_t serial;
	bool is_known;

	/* The negotiation. */
	bool is_asking; /* a DIRECTION_REQUEST of ours is open */
	uint32_t txn;
	uint64_t correlation;
	enum ntm_reason reason;
	int64_t asked_ms;     /* of the trigger */
	int64_t direction_ms; /* how long the last one took; -1: none yet */
	int fail_err;
	uint8_t fail_code;
	/* Of FAILED; of UP when no path works: why there is no other one, "" not known yet. */
	char fail_words[TUNNEL_WORDS];

	struct ntm_link *link;  /* carries data when UP */
	struct ntm_link *newer; /* being connected while link is UP */
	struct tunnel_life life, newer_life;
	struct tunnel_paths paths, newer_paths;
	/* The one before, for TUNNEL_OLDER_MS: the peer may send on it until it has seen the newer
	 * one work. */
	struct ntm_link *older;
	struct tunnel_paths older_paths;
	struct ntm_addr told_via; /* the log has said that packets go there */
	int64_t heal_ask_ms;      /* no path works: the DC is asked again from here on */
	int64_t direct_ms;        /* direct paths were tried again then; 0: never */
	int64_t lost_ms;      /* no direct path works since, or was asked for last; 0: one does, or
			       * none ever did */
	int64_t lost_wait_ms; /* until another is asked for */
	struct ntm_link_stats past;      /* traffic of links that are gone */
	uint8_t past_pair[NTM_PAIR_LEN]; /* of the last of them; zeros: none yet */
	int64_t up_ms;
	int64_t closed_ms;       /* the peer has ended it then; 0: no */
	int64_t inner_ms;        /* last inner packet, either way */
	int64_t silent_since_ms; /* sent without an answer since; 0: no */

	struct tunnel_wait *waits;
	struct queue queue;
	struct ntm_timer
		timer; /* negative cache; queue deadline; idle and silence checks when UP */
	struct ntm_timer heal_timer;  /* UP: no path works; CONNECTING: the peer is not bound yet */
	unsigned nudges;              /* what is left of them */
	struct ntm_timer older_timer; /* the older link has had its time */
};

/* A Tunnel Request that came before its Route Direction. */
struct early {
	int64_t at_ms; /* 0: free */
	uint8_t pair[NTM_PAIR_LEN];
	struct ntm_addr from;
	size_t len;
	uint8_t frame[256];
};

/* A direction that failed, for `status`. */
struct tunnel_failure {
	int64_t at_ms;
	char peer[NTM_NAME_MAX + 1];
	char words[TUNNEL_WORDS];
};

struct tunnels {
	struct tunnels_args args;
	struct tunnel *list;
	size_t count;
	struct ntm_map *by_vip;
	struct ntm_map *by_name;
	struct early early[TUNNEL_EARLY];
	struct ntm_msg_revoked revoked[TUNNEL_REVOKED]; /* a ring; tunnel_peer.c */
	size_t revoked_next;
	bool is_revoked; /* we are */
	struct ntm_bucket icmp_bucket;
	struct ntm_frags *frags; /* parts that came; the tunnel names the peer */
	uint16_t frag_id;        /* of the next packet that is sent in parts */
	struct ntm_log_gate path_gate;
	struct tunnels_counters counters;
	struct tunnel_failure failures[TUNNEL_FAILURES]; /* newest first */
	size_t failure_count;
};

/* tunnel.c */
struct tunnel *tunnel_add(struct tunnels *tunnels, const struct tunnel_target *target);
void tunnel_drop(struct tunnel *tunnel);
void tunnel_set_state(struct tunnel *tunnel, enum tunnel_state state, const char *why);
/* Ends the attempt: waits are answered, what is queued comes back as unreachable, negative cache.
 */
void tunnel_fail(struct tunnel *tunnel, int err, uint8_t code, const char *words);
void tunnel_finish_waits(struct tunnel *tunnel, const struct tunnel_result *result);
const char *tunnel_label(const struct tunnel *tunnel, char buf[static NTM_NAME_MAX + 1]);
/* The tunnel that a certificate belongs to, made or merged as need be; NULL: table full. */
struct tunnel *tunnel_of_cert(struct tunnels *tunnels, const struct ntm_cert *cert,
			      const uint8_t root[static NTM_SIGN_PUB_LEN]);
void tunnel_timers_arm(struct tunnel *tunnel);

/* tunnel_direct.c */
int tunnel_ask(struct tunnel *tunnel, enum ntm_reason reason);
void tunnel_unask(struct tunnel *tunnel);
void tunnel_close_links(struct tunnel *tunnel); /* all, and the peer hears so */
void tunnel_older_over(void *arg);

/* tunnel_peer.c: NULL when the peer of a Route Direction may be believed, else why not. Sets its
 * certificate and the root that signed it. */
const char *tunnel_check_peer(struct tunnels *tunnels, const struct ntm_msg_route_direction *rd,
			      struct ntm_cert *cert, uint8_t root[static NTM_SIGN_PUB_LEN]);

/* tunnel_paths.c */
void tunnel_paths_init(struct tunnel *tunnel);
/* Binds at the offered relays; what cannot be bound is left out. */
void tunnel_paths_bind(struct tunnel *tunnel, const struct ntm_msg_route_direction *rd,
		       struct tunnel_paths *out);
void tunnel_paths_release(struct tunnel *tunnel, struct tunnel_paths *paths);
/* Why a link to a peer did not come up, for people; maybe in buf. */
const char *tunnel_paths_no_answer(const struct tunnel *tunnel, const struct tunnel_paths *paths,
				   char buf[static TUNNEL_WORDS]);
/* Whether anything comes through; of a tunnel that is UP. */
bool tunnel_paths_work(const struct tunnel *tunnel);
/* Now and then: relays of paths that fail are asked whether they still know us; direct paths are
 * tried again. */
void tunnel_paths_check(struct tunnel *tunnel);
/* Says in the log where packets go, when that is news; told: it was just said. */
void tunnel_paths_tell(struct tunnel *tunnel);
void tunnel_paths_told(struct tunnel *tunnel);
/* Of one of its link's paths: the relay's address when it is one. */
struct ntm_addr tunnel_real_addr(const struct tunnel *tunnel, const struct ntm_addr *path);
#define TUNNEL_VIA_WORDS (NTM_ADDR_STR + 24)
const char *tunnel_via_words(const struct tunnel *tunnel, char buf[static TUNNEL_VIA_WORDS]);

/* tunnel_show.c */
void tunnel_note_failure(const struct tunnel *tunnel);

/* tunnel_data.c */
void tunnel_queue_add(struct tunnel *tunnel, const struct ntm_pkt *pkt);
void tunnel_queue_move(struct tunnel *into, struct tunnel *from);
void tunnel_queue_send(struct tunnel *tunnel);
void tunnel_queue_refuse(struct tunnel *tunnel, int err); /* the hosts hear why, by ICMP */
void tunnel_queue_clear(struct tunnel *tunnel);           /* in silence */
