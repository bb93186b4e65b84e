/* SPDX-License-Identifier: BSD-2-Clause */
/* What exits.c (destinations, packets) and exits_learn.c (addresses from DNS) share. */
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
	int64_t fresh_ms; /* end of its TTL */
	int64_t used_ms;  /* last packet, or when it was learned */
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
	struct ntm_log_gate gate;
	uint64_t learned_count, evicted, full, unfit;
};

/* exits.c: tells the routes, which changed. */
void exits_announce(struct exits *exits);
/* exits_learn.c */
void exits_learn_init(struct exits *exits);
