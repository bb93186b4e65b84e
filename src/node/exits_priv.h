/* SPDX-License-Identifier: BSD-2-Clause */
/* What exits.c (destinations, packets), exits_learn.c (learned addresses) and exits_media.c (SIP)
 * share. */
#pragma once

#include "exits.h"
#include "tunnel.h"

#include "ntm/log.h"
#include "ntm/map.h"

#define EXIT_WORDS 200

struct exit_point {
	const struct exit_conf *conf;
	char fqdn[NTM_NAME_MAX + 1]; /* of the gateway */
	struct exits *owner;
	struct tunnel_wait wait;
	char words[EXIT_WORDS]; /* why there was no tunnel the last time; "" */
	int64_t failed_ms;
	uint64_t packets_out, packets_in;
};

/* An address that a DNS answer told. */
struct exit_learned {
	struct ntm_ip ip; /* family 0: free; the key in by_ip */
	struct exit_point *point;
	bool is_media;    /* no DNS answer has told it */
	int64_t fresh_ms; /* end of its TTL */
	int64_t used_ms;  /* last packet, or when it was learned */
};

/* A SIP message that waits for the routes to what it names. */
struct exit_held {
	struct exit_held *next;
	uint32_t generation;
	size_t len;
	uint8_t data[];
};

struct exits {
	struct exits_args args;
	size_t count;
	struct exit_point point[EXITS_MAX];
	struct {
		size_t count;
		struct {
			struct ntm_prefix prefix;
			struct exit_point *point;
		} item[EXITS_PREFIXES];
	} fixed; /* of the configuration, as far as the realm allows */
	struct exit_learned learned[EXITS_LEARNED];
	struct ntm_map *by_ip;
	struct exit_routes routes;
	uint32_t routed; /* the last generation that is there */
	char route_words[EXIT_WORDS];
	struct ntm_timer timer; /* looks for learned addresses that are over */
	struct exit_held *held; /* oldest first */
	size_t held_count;
	struct ntm_timer hold_timer;
	struct ntm_log_gate gate;
	uint64_t learned_count, evicted, full, unfit;
};

/* exits.c: tells the routes, which changed. */
void exits_announce(struct exits *exits);
/* Through which exit the address is reached; NULL: none. */
struct exit_point *exits_point(struct exits *exits, const struct ntm_ip *ip);
/* exits_learn.c */
void exits_learn_init(struct exits *exits);
/* True when it is a new route; exits_learned has to follow. */
bool exits_learn_media(struct exits *exits, struct exit_point *point, const struct ntm_ip *ip);
void exits_learned(struct exits *exits);

/* exits_media.c */
void exits_media_init(struct exits *exits);
void exits_media_fini(struct exits *exits);
void exits_media_routed(struct exits *exits);
