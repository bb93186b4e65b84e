/* SPDX-License-Identifier: BSD-2-Clause */
/* The replay window: RFC 6479, a ring of bit blocks of which one block is always clear. */
#include "ntm/session.h"

#include <errno.h>
#include <string.h>

#define BLOCK_BITS  64U
#define BLOCK_COUNT (NTM_REPLAY_BITS / BLOCK_BITS)
#define USABLE      (NTM_REPLAY_BITS - BLOCK_BITS)

void ntm_replay_init(struct ntm_replay *replay)
{
	memset(replay, 0, sizeof(*replay));
}

static void advance(struct ntm_replay *replay, uint64_t counter)
{
	uint64_t at = replay->newest / BLOCK_BITS;
	uint64_t steps = counter / BLOCK_BITS - at;

	if (steps > BLOCK_COUNT)
		steps = BLOCK_COUNT;
	for (uint64_t i = 1; i <= steps; i++)
		replay->bits[(at + i) % BLOCK_COUNT] = 0;
	replay->newest = counter;
}

int ntm_replay_take(struct ntm_replay *replay, uint64_t counter)
{
	uint64_t *block = &replay->bits[counter / BLOCK_BITS % BLOCK_COUNT];
	uint64_t bit = UINT64_C(1) << (counter % BLOCK_BITS);

	if (counter >= NTM_COUNTER_LIMIT)
		return -EALREADY;
	if (replay->any && counter < replay->newest && replay->newest - counter > USABLE)
		return -EALREADY;
	if (!replay->any || counter > replay->newest)
		advance(replay, counter);
	replay->any = true;
	if (*block & bit)
		return -EALREADY;
	*block |= bit;
	return 0;
}
