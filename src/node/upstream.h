/* SPDX-License-Identifier: BSD-2-Clause */
/* Names that are not NTM's: queries to the resolvers that the host had before. */
#pragma once

#include "ntm/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ntm_loop;
struct upstream;

/* Queries under way; the oldest is forgotten for a new one. */
#define UPSTREAM_QUERIES 256
/* The next server is asked after it. */
#define UPSTREAM_TRY_MS     1500
#define UPSTREAM_QUERY_MAX  512
#define UPSTREAM_ANSWER_MAX 4096

struct upstream_counters {
	uint64_t queries, answers, retries, given_up, crowded_out;
	uint64_t strange; /* from the server asked, but not the answer */
};

/* The answer has the id of the query that it belongs to. msg is valid in the call. NULL: no server
 * answered. */
typedef void upstream_fn(void *ctx, uint16_t slot, const uint8_t *msg, size_t len);

struct upstream *upstream_new(struct ntm_loop *loop, upstream_fn *fn, void *ctx);
void upstream_free(struct upstream *up); /* NULL is fine; calls nothing back */
/* Queries under way stay with the servers they went to. */
void upstream_set_servers(struct upstream *up, const struct ntm_addrs *servers);
/*
 * Sends query with an id of its own from a port of its own (one connected socket a query and
 * server), so that only the server asked can answer, and only who sees the query. A newer query of
 * the same slot takes its place. false: no servers, or no descriptors.
 */
bool upstream_query(struct upstream *up, uint16_t slot, const uint8_t *query, size_t len);
const struct upstream_counters *upstream_counters(const struct upstream *up);
