/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's network around the TUN: addresses, our routing table and its rules, the guard. */
#pragma once

#include "exits.h"
#include "host_plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 *   rules   (priority)  to PREFIX lookup T    from VIP lookup T
 *   table T             PREFIX dev TUN src VIP
 *                       unreachable PREFIX, unreachable default    (highest metric)
 *   nft                 drops what is for our VIPs and does not come by TUN or lo
 *
 * Rules come before the main table, so no route learnt by DHCP pulls virtual traffic out in clear;
 * when the TUN is gone the unreachable routes stay (security.md, findings 9 and 10).
 */
struct host_net {
	const char *tun; /* borrowed */
	uint32_t table, priority;
	uint16_t udp_port; /* that the node sends from; 0: not known yet, and there are no exits */
	unsigned mtu;
	bool guard;
};

/* Makes it so; what is there already stays. before: the plan that it follows, or NULL; what only
 * that one had is removed. 0 or negative errno, and words. */
int host_net_up(const struct host_net *net, const struct host_plan *plan,
		const struct host_plan *before, char *words, size_t words_len);
/* Removes everything, as far as it is there. */
void host_net_down(const struct host_net *net, const struct host_plan *plan);
/*
 * Exits: what of the ordinary Internet leads into the TUN.
 *
 *   rules   (priority - 1)  UDP from udp_port goto + 4: our own packets, wherever a peer is
 *           (priority + 1)  to DESTINATION lookup T
 *           (priority + 2)  lookup main, its default routes apart     } with a DESTINATION
 *           (priority + 3)  from VIP or nobody to all lookup T        } of everything
 *           (priority + 4)  nothing
 *   table T                 DESTINATION dev TUN src VIP
 *
 * Our own packets come before the rule `from VIP` as well: for a destination without a route IPv6
 * takes any address of the host, the virtual one say, and looks again.
 *
 * Makes it so; before: the routes that were there, or NULL: none, and rules of a former run that
 * crashed go. Destinations of a family without VIP are left out. 0 or negative errno, and words.
 */
#define HOST_NET_PRIORITIES 4 /* behind that of the virtual prefixes; and one before it */
int host_net_exits(const struct host_net *net, const struct host_plan *plan,
		   const struct exit_routes *routes, const struct exit_routes *before, char *words,
		   size_t words_len);
/* True when the guard stands in the kernel. */
bool host_net_guarded(const struct host_net *net);
