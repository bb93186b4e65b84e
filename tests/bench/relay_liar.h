/* SPDX-License-Identifier: BSD-2-Clause */
/* An attacker of a relay: datagrams that are each a lie in one way, from sources that are not his,
 * and what a relay has to make of each. */
#pragma once

#include "ntm/addr.h"
#include "ntm/relay.h"

#include <stddef.h>
#include <stdint.h>

#define LIE_MAX   9000
#define HEARD_MAX 64

/* What has to become of a datagram; the names are those of `ntm-relay status`. */
enum fate {
	FATE_MALFORMED,
	FATE_SOURCE,
	FATE_STRANGER,
	FATE_UNKNOWN_KEY,
	FATE_FOREIGN_TICKET,
	FATE_EXPIRED,
	FATE_BAD_MAC,
	FATE_OLD_GENERATION,
	FATE_BAD_COOKIE,
	FATE_NOT_BOUND, /* to be released, by who has a good ticket and was never bound */
	FATE_UNKNOWN_LABEL,
	FATE_CHALLENGED, /* a good ticket, shown by who has it: answered, and nothing kept */
	FATE_COPY,       /* the same question as before from the same address: the same answer */
	FATE_FORWARDED,  /* a copy from the bound address: goes to the other side, and nowhere else
			  */
	FATE_SESSION,    /* looks as if it came from the DC */
	FATE_KERNEL,     /* from an address that no kernel takes */
	FATES
};

/* Something that a genuine node sent to the relay. */
struct heard {
	struct ntm_addr from;
	uint8_t data[512];
	size_t len;
	uint32_t generation; /* BIND, ANSWER */
};

struct liar {
	struct ntm_addr relay, own, victim, dc;
	uint8_t relay_pub[NTM_KEY_LEN], dc_secret[NTM_KEY_LEN];
	int64_t now_s;
	struct heard heard[HEARD_MAX];
	size_t heard_count;
	uint64_t random; /* state */
};

struct lie {
	struct ntm_addr from;
	uint8_t data[LIE_MAX];
	size_t len;
	enum fate fate;
};

/* Reads what the liar knows from stdin; ends the program when something is missing. */
void liar_read(struct liar *liar, unsigned long *count, unsigned long *rate);
uint32_t liar_random(struct liar *liar, uint32_t below);
/* A lie of any kind. */
void liar_lie(struct liar *liar, struct lie *lie);
