/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of flows. */
#include "flows.h"

#include "ntm/noise.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static unsigned bits_for(uint32_t count)
{
	unsigned bits = 1;

	while (bits < 31 && (UINT32_C(1) << bits) < count)
		bits++;
	return bits;
}

int flows_init(struct flows *flows, uint32_t max)
{
	*flows = (struct flows){.max = max, .number_bits = bits_for(max)};
	uint32_t index_count = UINT32_C(2) << flows->number_bits; /* at most half full */

	flows->index_mask = index_count - 1;
	ntm_random(&flows->index_salt, sizeof(flows->index_salt));
	flows->slot = calloc(max, sizeof(*flows->slot));
	flows->index = calloc(index_count, sizeof(*flows->index));
	if (flows->slot != NULL && flows->index != NULL)
		return 0;
	flows_fini(flows);
	return -ENOMEM;
}

void flows_fini(struct flows *flows)
{
	free(flows->slot);
	free(flows->index);
	flows->slot = NULL;
	flows->index = NULL;
}

/* ---- by flow id ---- */

/* Ids come from the own DC's random numbers, so mixing is enough. */
static uint32_t home(const struct flows *flows, uint64_t id)
{
	return (uint32_t)(((id ^ flows->index_salt) * UINT64_C(0x9e3779b97f4a7c15)) >> 32) &
	       flows->index_mask;
}

/* Its place, or the empty one where it would be. */
static uint32_t place_of(const struct flows *flows, uint64_t id)
{
	uint32_t at = home(flows, id);

	while (flows->index[at] != 0 && flows->slot[flows->index[at] - 1].id != id)
		at = (at + 1) & flows->index_mask;
	return at;
}

/* Moves up what was pushed past the hole, so that there are no marks of deleted ones. */
static void index_del(struct flows *flows, uint64_t id)
{
	uint32_t hole = place_of(flows, id);
	uint32_t at = hole;

	flows->index[hole] = 0;
	for (;;) {
		at = (at + 1) & flows->index_mask;
		if (flows->index[at] == 0)
			return;
		uint32_t wants = home(flows, flows->slot[flows->index[at] - 1].id);
		if (((at - wants) & flows->index_mask) < ((at - hole) & flows->index_mask))
			continue; /* its own place is behind the hole */
		flows->index[hole] = flows->index[at];
		flows->index[at] = 0;
		hole = at;
	}
}

struct flow *flows_find(const struct flows *flows, uint64_t id)
{
	uint32_t number = flows->index[place_of(flows, id)];

	return number == 0 ? NULL : &flows->slot[number - 1];
}

/* ---- slots ---- */

static uint32_t number_of(const struct flows *flows, const struct flow *flow)
{
	return (uint32_t)(flow - flows->slot);
}

struct flow *flows_add(struct flows *flows, uint64_t id, int64_t now_ms)
{
	struct flow *flow;

	if (flows->first_free != 0) {
		flow = &flows->slot[flows->first_free - 1];
		flows->first_free = flow->next_free;
	} else if (flows->touched < flows->max) {
		flow = &flows->slot[flows->touched++];
	} else {
		return NULL;
	}
	uint32_t number = number_of(flows, flow);
	memset(flow, 0, sizeof(*flow));
	flow->id = id;
	flow->label = ntm_random_u32() << flows->number_bits | number;
	flow->since_ms = now_ms;
	flows->index[place_of(flows, id)] = number + 1;
	flows->count++;
	return flow;
}

void flows_del(struct flows *flows, struct flow *flow)
{
	index_del(flows, flow->id);
	flow->label = ~number_of(flows, flow);
	flow->next_free = flows->first_free;
	flows->first_free = number_of(flows, flow) + 1;
	flows->count--;
}

struct flow *flows_next(const struct flows *flows, uint32_t *pos)
{
	while (*pos < flows->touched) {
		struct flow *flow = &flows->slot[(*pos)++];

		if (flows_at(flows, flow->label) == flow)
			return flow;
	}
	return NULL;
}
