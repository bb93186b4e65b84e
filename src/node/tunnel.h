/* SPDX-License-Identifier: BSD-2-Clause */
/* Tunnels to peers, and the one negotiation that a pair may have: who wants one waits here. */
#pragma once

#include "dclink.h"
#include "node.h"
#include "realm.h"
#include "relays.h"

#include "ntm/frag.h"

/*
 * One peer. Found by FQDN, by either VIP, by key and by pair id, as far as they are known: a
 * direction by VIP does not know the name before the Route Direction came.
 *
 *            want                RD received             link up
 *   IDLE -----------> DIRECTING ------------> CONNECTING --------> UP
 *    ^                    | error, no answer       | no answer      | link down, CLOSE, REVOKED,
 * idle
 *    +--------------------+<-----------------------+<---------------+
 *              FAILED for 5 s, 3 s or 2 s (negative cache), then IDLE
 *
 * A Route Direction that the DC sends because the peer asked starts at CONNECTING. In UP a new
 * Route Direction is adopted without losing the old session: it stays until the new link is up.
 */
enum tunnel_state {
	TUNNEL_IDLE,
	TUNNEL_DIRECTING,
	TUNNEL_CONNECTING,
	TUNNEL_UP,
	TUNNEL_FAILED,
};
#define TUNNEL_NEGATIVE_MS 5000 /* design.md 6 */
/* A peer that has ended its tunnel is often back at once: a new start after an update. For so long
 * it is not believed to be away for more than that. */
#define TUNNEL_CLOSED_MS 10000
#define TUNNEL_BACK_MS   1000
/* When it is the other domain's DC that is away: with what our DC remembers of it (1 s), and the
 * direction itself, the first want after its return works within 5 s. */
#define TUNNEL_NO_DC_MS 3000
/* No relay was there: a call comes back soon after one does. */
#define TUNNEL_NO_RELAY_MS 2000
#define TUNNEL_MAX         1024
/* Failed directions that `status` shows. */
#define TUNNEL_FAILURES 8
/* Data that waits (house rule 6): the oldest is dropped first. */
#define TUNNEL_QUEUE_PACKETS 32
/* Tunnel Requests that came before their Route Direction (design.md 5: CN may be faster than the
 * DC). */
#define TUNNEL_EARLY    8
#define TUNNEL_EARLY_MS 3000
/* Revocations that are remembered: a Route Direction from before may come behind them. */
#define TUNNEL_REVOKED 16
/* The DCs have a say again in a tunnel that lasts: after three quarters of its Route Direction's
 * lifetime a new direction is asked for, so often while there is no answer; without one the tunnel
 * ends with the lifetime (security.md 2.6: calls outlive a dead DC for 24 h). */
#define TUNNEL_RENEW_MS 60000
/* An UP tunnel that is sent on but silent for this long asks the DC again: the peer may have lost
 * it. */
#define TUNNEL_SILENT_MS 20000

struct tunnel;
struct tunnels; /* all of a node */

struct tunnel_result {
	int err;
	uint8_t code; /* enum ntm_direction_code, 0 = none */
	const char *words;
	const struct tunnel *tunnel; /* may be NULL on errors */
	int64_t direction_ms;        /* from the trigger to now */
};

/* Embedded in whoever waits (a held SIP message, a DNS query, a ping). fn is called once: err 0 and
 * an UP tunnel, or an error with words for people. The wait is not linked any more then. */
struct tunnel_wait {
	void (*fn)(void *arg, const struct tunnel_result *result);
	void *arg;
	struct tunnel *tunnel; /* NULL: not waiting */
	struct tunnel_wait *next, **link;
};

/* Whom a trigger wants: a name, or a VIP. */
struct tunnel_target {
	const char *fqdn; /* canonical, or NULL */
	struct ntm_ip vip;
};

struct tunnels_args {
	struct ntm_links *links;
	struct ntm_timers *timers;
	struct dclink *dclink;
	struct relays *relays;                /* outlives tunnels */
	const struct realm *realm;            /* borrowed */
	const struct node_settings *settings; /* borrowed */
	/* A Route Direction introduces a partner domain that is not in the realm, or not so: puts
	 * it there. NULL, or why it may not be there. */
	const char *(*learn)(void *ctx, const struct partner *partner);
	void (*tun_write)(void *ctx, const uint8_t *pkt, size_t len); /* ICMP errors */
	void *ctx;
};

struct tunnels *tunnels_new(const struct tunnels_args *args); /* NULL: out of memory */
void tunnels_free(struct tunnels *tunnels);
/* Tells every peer (CLOSE); waits are answered with -ECANCELED, what is queued is refused. */
void tunnels_stop(struct tunnels *tunnels);

/*
 * 1: UP already (wait is not used; *out, when not NULL, is the tunnel). 0: wait->fn will be called,
 * never from within this call. Negative: refused at once, wait is not used (-EHOSTUNREACH: negative
 * cache, -EINVAL: own VIP or name, -ENOSPC: too many tunnels, -EBUSY: too many requests to the DC,
 * -ENOMEM). wait may be NULL: just start it.
 */
int tunnel_want(struct tunnels *tunnels, const struct tunnel_target *target, enum ntm_reason reason,
		struct tunnel_wait *wait, const struct tunnel **out);
void tunnel_wait_cancel(struct tunnel_wait *wait); /* fine when not waiting */

/* NULL when there is none that is UP. */
struct tunnel *tunnel_find_up(struct tunnels *tunnels, const struct ntm_ip *vip);
/* In any state; NULL when there is none. */
struct tunnel *tunnel_find(struct tunnels *tunnels, const struct ntm_ip *vip);
struct tunnel *tunnel_find_name(struct tunnels *tunnels, const char *fqdn);

/* Sends an inner packet towards its destination: through the tunnel when it is UP; else queues a
 * copy and starts a direction (data trigger). Takes the contents of pkt. */
void tunnel_send(struct tunnels *tunnels, const struct ntm_ip *dst, struct ntm_pkt *pkt);
/* The same to a peer by name, whatever the packet's destination is. wait is told how a direction
 * ends, unless it is waiting already. */
void tunnel_send_name(struct tunnels *tunnels, const char *fqdn, struct ntm_pkt *pkt,
		      struct tunnel_wait *wait);
/* A part of an inner packet came. 1: pkt is that packet now, padding behind it; 0: more parts are
 * needed; -EBADMSG: counted, frag.h. */
int tunnel_join(struct tunnel *tunnel, struct ntm_pkt *pkt);
/* Inner traffic came: for the idle timer. */
void tunnel_touch(struct tunnel *tunnel);

/* Facts from the DC and from links (node.c passes them on; the link's owner is the tunnel). */
void tunnels_on_route_direction(struct tunnels *tunnels, const struct ntm_msg *req);
void tunnels_on_revoked(struct tunnels *tunnels, const struct ntm_msg_revoked *revoked);
/* Whether this node itself was revoked: no DC answers it any more. */
bool tunnels_is_revoked(const struct tunnels *tunnels);
/* The DC answers: what failed because it did not may be tried again at once. */
void tunnels_on_dc(struct tunnels *tunnels);
/* The realm is another one: tunnels to peers that are not of it any more end at once. */
void tunnels_on_realm(struct tunnels *tunnels);
void tunnels_on_unknown_pair(struct tunnels *tunnels, const uint8_t pair[static NTM_PAIR_LEN],
			     const struct ntm_addr *from, const uint8_t *frame, size_t len);
void tunnel_on_up(struct tunnel *tunnel, struct ntm_link *link);
void tunnel_on_down(struct tunnel *tunnel, struct ntm_link *link, enum ntm_link_down why);
/* The link sends on another path now; no path of it works. */
void tunnel_on_moved(struct tunnel *tunnel, const struct ntm_link *link);
void tunnel_on_starved(struct tunnel *tunnel, const struct ntm_link *link);
/* From relays, whose binding's owner is the tunnel. */
void tunnel_on_bound(struct tunnel *tunnel, uint32_t number, bool peer_bound);
/* Our NAT wants to see something this often; 0: there is none. */
void tunnels_set_keepalive(struct tunnels *tunnels, int64_t keepalive_ms);

/* What others show. */
const char *tunnel_fqdn(const struct tunnel *tunnel); /* "" when not known */
struct ntm_ip tunnel_vip(const struct tunnel *tunnel, uint8_t family);
enum tunnel_state tunnel_state(const struct tunnel *tunnel);
const char *tunnel_state_name(enum tunnel_state state);
uint8_t tunnel_fail_code(const struct tunnel *tunnel); /* enum ntm_direction_code of FAILED, or 0 */
const char *tunnel_fail_words(const struct tunnel *tunnel); /* of FAILED, or "" */
/* UP, but nothing comes through: no path works, and another one is being asked for. */
bool tunnel_is_silent(const struct tunnel *tunnel);
/* The link that carries data; NULL unless UP. */
struct ntm_link *tunnel_link(const struct tunnel *tunnel);
/* Real address that packets go to, the relay's or the peer's; family 0: none. is_relayed may be
 * NULL. */
struct ntm_addr tunnel_via(const struct tunnel *tunnel, bool *is_relayed);
/* Inner packets and bytes each way over the tunnel's whole life, over all its links. */
void tunnel_traffic(const struct tunnel *tunnel, struct ntm_link_stats *out);

/* Adds to a line of `tunnels` or `calls` the path that packets go by, how good that is and, of a
 * relay, why it is not a direct one; nothing when there is none. */
void tunnel_show_path(const struct tunnel *tunnel, json_t *json);

struct tunnels_counters {
	uint64_t directions, directions_failed, route_directions, bad_route_directions, ups, downs;
	uint64_t queued, queue_dropped, unreachables, early_requests;
	uint64_t cut; /* packets sent in parts */
};
const struct tunnels_counters *tunnels_counters(const struct tunnels *tunnels);
const struct ntm_frags_counters *tunnels_frags_counters(const struct tunnels *tunnels);
json_t *tunnels_json(const struct tunnels *tunnels);
/* The last TUNNEL_FAILURES directions that failed, newest first; not those to what is no node. */
json_t *tunnels_errors_json(const struct tunnels *tunnels);
