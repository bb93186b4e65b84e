/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of flows: found by label for every packet, by flow id when a side is bound. */
#pragma once

#include "quota.h"

#include "ntm/addr.h"

#include <stdint.h>

/* One end of a flow: an address that has answered a challenge. */
struct flow_side {
	struct ntm_addr addr;    /* family 0: not bound */
	uint32_t generation;     /* of what bound it, or released it */
	int64_t heard_ms;        /* it sent something */
	int64_t ends_ms;         /* its ticket expires */
	uint64_t packets, bytes; /* of it, that were forwarded */
	struct meter meter;
	struct account *account;
};

struct flow {
	uint64_t id;
	uint32_t label;     /* on the wire: the slot's number, and random bits above it */
	uint32_t next_free; /* slot number + 1 */
	int64_t since_ms;
	struct flow_side side[2];
};

/* Slots are used from the first on, and a free one is used before a new one: memory is touched for
 * as many flows as there were at once. */
struct flows {
	struct flow *slot;
	uint32_t max, touched, count;
	uint32_t first_free; /* slot number + 1; 0: none */
	unsigned number_bits;
	uint32_t *index; /* by flow id, open addressing: slot number + 1, 0 is empty */
	uint32_t index_mask;
	uint64_t index_salt;
};

#define FLOWS_MAX 1000000

/* 0 or -ENOMEM. max: 1 to FLOWS_MAX. */
int flows_init(struct flows *flows, uint32_t max);
void flows_fini(struct flows *flows);
/* NULL when there is none with that label. */
static inline struct flow *flows_at(const struct flows *flows, uint32_t label)
{
	uint32_t number = label & ((UINT32_C(1) << flows->number_bits) - 1);

	/* The label of a free slot has another number. */
	return number < flows->touched && flows->slot[number].label == label ? &flows->slot[number]
									     : NULL;
}
struct flow *flows_find(const struct flows *flows, uint64_t id);
/* A flow with no side bound; id is new. NULL: the table is full. */
struct flow *flows_add(struct flows *flows, uint64_t id, int64_t now_ms);
void flows_del(struct flows *flows, struct flow *flow);
/* The first flow at or behind slot *pos, which moves behind it; NULL at the end. */
struct flow *flows_next(const struct flows *flows, uint32_t *pos);
