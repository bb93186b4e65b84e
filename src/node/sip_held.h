/* SPDX-License-Identifier: BSD-2-Clause */
/* SIP messages that wait for tunnels: a bounded queue that keeps the order of each dialog. */
#pragma once

#include "sipwatch.h"

#include "ntm/sip.h"

struct sip_held;
struct sip_held_entry;

/* Why one was let go. */
enum sip_held_why {
	SIP_HELD_WAITING, /* not yet */
	SIP_HELD_UP,
	SIP_HELD_DEADLINE,
	SIP_HELD_FAILED,
	SIP_HELD_FLUSHED, /* the call ends, the node stops, or no room for one behind it */
};
const char *sip_held_why_name(enum sip_held_why why);

/* A message on its way, with the packet that carries (or completes) it. */
struct sip_msg {
	enum sipwatch_way way;
	struct ntm_ip peer; /* whom it waits for first; family 0: only for those before it */
	const struct ntm_sip *sip;
	const struct ntm_pkt *pkt;
};

struct sip_held_release {
	enum sipwatch_way way;
	const struct ntm_sip *sip;
	const uint8_t *data; /* the packet, byte-identical */
	size_t len;
	enum sip_held_why why;
	const char *words;    /* of a failure, "" else */
	int64_t direction_ms; /* -1: it waited for no direction that came to an end */
};

struct sip_held_args {
	struct ntm_timers *timers;
	struct tunnels *tunnels;
	/* May not call back into this queue. */
	void (*let_go)(void *ctx, const struct sip_held_release *release);
	void *ctx;
};

struct sip_held *sip_held_new(const struct sip_held_args *args); /* NULL: out of memory */
void sip_held_free(struct sip_held *held);                       /* forgets what is in it */

/* True when msg is a copy of one that is held: it takes the place of the older copy. */
bool sip_held_replace(struct sip_held *held, const struct sip_msg *msg);
/* True when a copy was let go lately, so that this one is not held a second time. */
bool sip_held_was_let_go(const struct sip_held *held, const struct sip_msg *msg);
/* True when something of its dialog and way is held. */
bool sip_held_is_behind(const struct sip_held *held, const struct sip_msg *msg);

/*
 * Holding takes three steps: add copies the packet (NULL: over a bound, or out of memory); want
 * starts or joins a direction (returns as tunnel_want does); commit decides. It returns false when
 * there is nothing to wait for after all: the entry is gone, and the caller passes the message on.
 */
struct sip_held_entry *sip_held_add(struct sip_held *held, const struct sip_msg *msg);
int sip_held_want(struct sip_held_entry *entry, const struct ntm_ip *vip);
bool sip_held_commit(struct sip_held_entry *entry, int64_t limit_ms);

/* Lets go what is of sip's dialog, either way; without a To tag, or of the whole node when sip is
 * NULL, all of it. */
void sip_held_flush(struct sip_held *held, const struct ntm_sip *sip);
