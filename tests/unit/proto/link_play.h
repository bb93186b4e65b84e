/* SPDX-License-Identifier: BSD-2-Clause */
/* A link that is played, in virtual time, for tests of what speaks over one; they are the peer.
 * Include after cmocka.h, once in a program. */
#pragma once

#include "ntm/link.h"
#include "ntm/msg.h"

#include <errno.h>
#include <string.h>

#define SENT_MAX 600

struct ntm_link {
	enum ntm_link_state state;
	struct ntm_link_args args;
	struct ntm_addr candidates[2]; /* of the opening or the last restart */
	size_t candidate_count;
	unsigned opens, frees, closes, restarts;
	struct ntm_addr remote;
	const struct ntm_timers *timers;
	int64_t last_out_ms;
	size_t sent_count;
	struct ntm_msg sent[SENT_MAX];
};

static struct ntm_link link_;
static int open_err;

static void take_candidates(struct ntm_link *link, const struct ntm_addr *candidates, size_t count)
{
	assert_true(count <= 2);
	memset(link->candidates, 0, sizeof(link->candidates));
	for (size_t i = 0; i < count; i++)
		link->candidates[i] = candidates[i];
	link->candidate_count = count;
}

int ntm_link_open(struct ntm_links *links, const struct ntm_link_args *args, struct ntm_link **out)
{
	(void)links;
	if (open_err != 0)
		return open_err;
	link_.opens++;
	link_.args = *args;
	take_candidates(&link_, args->candidates, args->candidate_count);
	link_.state = NTM_LINK_CONNECTING;
	*out = &link_;
	return 0;
}

void ntm_link_free(struct ntm_link *link)
{
	if (link != NULL)
		link->frees++;
}

void ntm_link_close(struct ntm_link *link, uint8_t reason)
{
	(void)reason;
	link->closes++;
	link->state = NTM_LINK_CLOSED;
}

void ntm_link_restart(struct ntm_link *link, const struct ntm_addr *candidates, size_t count)
{
	assert_int_not_equal(link->state, NTM_LINK_CLOSED);
	link->restarts++;
	take_candidates(link, candidates, count);
}

int ntm_link_send(struct ntm_link *link, struct ntm_pkt *pkt, uint8_t cls)
{
	(void)cls;
	if (link->state != NTM_LINK_UP)
		return -ENOTCONN;
	assert_true(link->sent_count < SENT_MAX);
	link->last_out_ms = link->timers->now_ms;
	assert_int_equal(ntm_msg_decode(&link->sent[link->sent_count++], pkt->data, pkt->len), 0);
	return 0;
}

enum ntm_link_state ntm_link_state(const struct ntm_link *link)
{
	return link->state;
}

const struct ntm_addr *ntm_link_remote(const struct ntm_link *link)
{
	return &link->remote;
}

void ntm_link_stats(const struct ntm_link *link, struct ntm_link_stats *out)
{
	*out = (struct ntm_link_stats){.rtt_ms = 12, .last_out_ms = link->last_out_ms};
}

/* ---- the test's hands ---- */

static inline struct ntm_addr addr_of(uint8_t last, uint16_t port)
{
	return (struct ntm_addr){.ip = ntm_ip_v4(192, 0, 2, last), .port = port};
}

/* A new one, to 192.0.2.9:4330; the clock begins at 10 s. */
static inline void link_play(struct ntm_timers *timers)
{
	memset(&link_, 0, sizeof(link_));
	open_err = 0;
	link_.remote = addr_of(9, 4330);
	link_.timers = timers;
	ntm_timers_init(timers);
	ntm_timers_advance(timers, 10000, 10000);
}

static inline void run_timers(struct ntm_timers *timers, int64_t ms)
{
	int64_t end_ms = timers->now_ms + ms;

	for (;;) {
		int64_t next = ntm_timers_next(timers);

		if (next < 0 || timers->now_ms + next > end_ms)
			break;
		ntm_timers_advance(timers, timers->now_ms + next, timers->now_ms + next);
		ntm_timers_run(timers);
	}
	ntm_timers_advance(timers, end_ms, end_ms);
}

static inline unsigned count_of(uint8_t type)
{
	unsigned count = 0;

	for (size_t i = 0; i < link_.sent_count; i++)
		count += link_.sent[i].type == type;
	return count;
}

static inline const struct ntm_msg *last_of(uint8_t type)
{
	for (size_t i = link_.sent_count; i > 0; i--)
		if (link_.sent[i - 1].type == type)
			return &link_.sent[i - 1];
	fail();
	return NULL;
}

/* The plaintext of a message that comes. */
static inline void write_msg(struct ntm_pkt *pkt, const struct ntm_msg *msg)
{
	ntm_pkt_reset(pkt);
	size_t len = ntm_msg_encode(msg, pkt->data, ntm_pkt_room(pkt));
	assert_true(len > 0);
	ntm_pkt_put(pkt, len);
}
