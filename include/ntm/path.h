/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths of a link between two nodes: what its owner may know of them. */
#pragma once

#include "ntm/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ntm_link;

/*
 * Paths of a multipath link (design.md 7). A path is a place that the remote may be reached at: a
 * candidate, a relay binding (ntm_addr_relay), or where an authentic packet came from. It is
 * believed only after a PATH_CHALLENGE came back over it, or a handshake. All paths are listened
 * to, one is sent on: with the least loss, then direct before relay, then the shortest round trip.
 * While real-time packets flow it is probed every 100 ms, and left for another one as soon as two
 * probes stay unanswered.
 */
#define NTM_LINK_STARVED_MS 1000
enum ntm_path_state {
	NTM_PATH_UNKNOWN, /* never answered */
	NTM_PATH_WORKS,
	NTM_PATH_FAILS, /* did, and does not any more */
};
struct ntm_link_path {
	struct ntm_addr to;
	enum ntm_path_state state;
	bool is_current;
	bool is_given;  /* by who opened the link, or ntm_link_also; else it was only heard from */
	int64_t rtt_ms; /* smoothed; -1: not known */
	unsigned loss_pct; /* of the last probes */
};
#define NTM_LINK_PATHS 12
/* Largest plaintext, padding included, that passes on any path (RFC 8200 5: an MTU of 1280), and
 * that passes where a probe of that size was answered (an MTU of 1500, relayed over IPv6). */
#define NTM_LINK_ROOM_MIN 1184
#define NTM_LINK_ROOM_MAX 1408
/* Of the current path. */
size_t ntm_link_room(const struct ntm_link *link);
/* Writes at most NTM_LINK_PATHS; returns how many. 0 for a link without multipath. */
size_t ntm_link_paths(const struct ntm_link *link, struct ntm_link_path out[static NTM_LINK_PATHS]);
