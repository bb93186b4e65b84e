/* SPDX-License-Identifier: BSD-2-Clause */
/* The host of a gateway around its TUN: routes, forwarding, NAT, and what may pass. */
#pragma once

#include "exit_gate.h"

/*
 *   routes  virtual PREFIX dev TUN
 *   nft     TUN -> elsewhere: virtual sources only, masqueraded; MSS clamped; so many connections
 *           elsewhere -> TUN: answers only
 *           TUN -> this host: nothing; UDP that no socket waits for is dropped in silence
 *   IPv4 forwarding is turned on; when it was off, all that is not ours is dropped, as before.
 *   IPv6 forwarding is not: it would end router advertisements. Without it only IPv4 goes out.
 */
struct exit_host {
	const char *tun; /* borrowed; at most 15 of a-z, 0-9, '_' and '-' */
	unsigned mtu;
	bool forwarding_was_off; /* and we have turned it on */
};

/* Connections that one address of a node may have at once: more than any phone or SIP server of a
 * site needs, and far from what fills a host (conntrack: 65536 and up). */
#define EXIT_CONNS_MAX 1024

/* Values that root may act on: prefixes not wider than /8 (IPv4) and /16 (IPv6), usable. */
bool exit_net_ok(const struct exit_net *net);
/* The nft text; returns its length, 0: does not fit. */
size_t exit_host_rules(const struct exit_host *host, const struct exit_net *net, char *out,
		       size_t cap);
/* Makes it so; what is there of a former run is replaced. before: what it follows, or NULL. 0 or
 * negative errno, and words; words may tell of something less as well. */
int exit_host_up(struct exit_host *host, const struct exit_net *net, const struct exit_net *before,
		 char *words, size_t words_len);
/* Removes everything, as far as it is there. net may be NULL. */
void exit_host_down(struct exit_host *host, const struct exit_net *net);
/* Whether nft can be run. */
bool exit_host_has_nft(void);
/* Whether this host forwards packets of that family. */
bool exit_host_forwards(uint8_t family);
