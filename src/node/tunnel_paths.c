/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways to a tunnel's peer: bindings at relays beside each link, and what is done when no way
 * works. Which one is taken is the link's own business (link.h). */
#include "tunnel_priv.h"

#include "ntm/log.h"

#include <stdio.h>
#include <string.h>

/* While no path works: how often the relays are asked, and how often the DC. A relay that was
 * restarted is found within the first of them. */
#define HEAL_MS     RELAYS_CHECK_MS
#define HEAL_ASK_MS 2000
/* Nobody speaks any more: there is time. */
#define HEAL_UNUSED_MS      10000
#define HEAL_UNUSED_LOOK_MS 5000
/* A path is the only one left for so long, since a relay is gone: the DC may have another. */
#define ALONE_MS 5000
/* While a relay is used: how often a direct path of which nothing was ever heard is tried again.
 * Both sides do so, each at a time of its own; a NAT that one of them has opened stays so for 30 s,
 * or nearly all do, until the other's probes come. */
#define DIRECT_AGAIN_MS 20000
#define DIRECT_USED_MS  2000
/* A direct path is lost for so long: the DC has seen by then where a NAT that forgot us, or the
 * peer, has us now (25 s). The wait doubles as long as that does not help. */
#define DIRECT_LOST_MS 30000

/* Tunnel Requests within 500 ms after our side is bound and the peer's is not: the next of the
 * handshake's own may be 800 ms away. */
#define NUDGES 5

/* ---- bindings ---- */

_Static_assert(RELAYS_MAX >= 2 * TUNNEL_MAX * NTM_MSG_RELAYS, "no tunnel goes without");

void tunnel_paths_bind(struct tunnel *tunnel, const struct ntm_msg_route_direction *rd,
		       struct tunnel_paths *out)
{
	const struct ntm_relay_list *offers = &rd->relays;
	char label[NTM_NAME_MAX + 1];

	*out = (struct tunnel_paths){.into_nat = rd->peer_nat && rd->role == NTM_ROLE_REQUESTS &&
						 offers->count == 0};
	for (size_t i = 0; i < offers->count; i++) {
		int err = relays_bind(tunnel->owner->args.relays, &offers->item[i], tunnel,
				      &out->relay[out->relay_count]);

		if (err == 0)
			out->relay_count++;
		else
			ntm_debug("tunnel %s: an offered relay is not used: %s",
				  tunnel_label(tunnel, label), strerror(-err));
	}
}

void tunnel_paths_release(struct tunnel *tunnel, struct tunnel_paths *paths)
{
	for (size_t i = 0; i < paths->relay_count; i++)
		relays_release(tunnel->owner->args.relays, paths->relay[i]);
	paths->relay_count = 0;
}

static bool has_relay(const struct tunnel_paths *paths, uint32_t number)
{
	for (size_t i = 0; i < paths->relay_count; i++)
		if (paths->relay[i] == number)
			return true;
	return false;
}

static void nudge_later(struct tunnel *tunnel)
{
	static const int64_t wait_ms[NUDGES] = {200, 100, 100, 50, 50};

	if (tunnel->nudges == 0)
		return;
	tunnel->nudges--;
	ntm_timer_set(tunnel->owner->args.timers, &tunnel->heal_timer, wait_ms[tunnel->nudges]);
}

/* The Tunnel Request goes through the relays again: it was dropped there if the peer was not bound
 * yet. */
static void nudge(struct tunnel *tunnel)
{
	for (size_t i = 0; i < tunnel->paths.relay_count; i++) {
		struct ntm_addr at = ntm_addr_relay(tunnel->paths.relay[i]);

		if (relays_is_bound(tunnel->owner->args.relays, tunnel->paths.relay[i]))
			ntm_link_also(tunnel->link, &at);
	}
	nudge_later(tunnel);
}

void tunnel_on_bound(struct tunnel *tunnel, uint32_t number, bool peer_bound)
{
	struct ntm_addr at = ntm_addr_relay(number);

	if (!peer_bound && tunnel->state == TUNNEL_CONNECTING &&
	    !ntm_timer_armed(&tunnel->heal_timer)) {
		tunnel->nudges = NUDGES;
		nudge_later(tunnel);
	}
	if (tunnel->link != NULL && has_relay(&tunnel->paths, number))
		ntm_link_also(tunnel->link, &at);
	else if (tunnel->newer != NULL && has_relay(&tunnel->newer_paths, number))
		ntm_link_also(tunnel->newer, &at);
}

/* "the relay A" or "a relay of A, B". */
static void name_relays(const struct tunnel *tunnel, const struct tunnel_paths *paths,
			char buf[static TUNNEL_WORDS])
{
	char addr[NTM_ADDR_STR];
	size_t len = (size_t)snprintf(buf, TUNNEL_WORDS, "%s",
				      paths->relay_count > 1 ? "a relay of " : "the relay ");

	for (size_t i = 0; i < paths->relay_count; i++) {
		struct ntm_addr at = relays_addr(tunnel->owner->args.relays, paths->relay[i]);

		len += (size_t)snprintf(buf + len, TUNNEL_WORDS - len, "%s%s", i > 0 ? ", " : "",
					ntm_addr_str(&at, addr));
	}
}

const char *tunnel_paths_no_answer(const struct tunnel *tunnel, const struct tunnel_paths *paths,
				   char buf[static TUNNEL_WORDS])
{
	char relays[TUNNEL_WORDS];

	for (size_t i = 0; i < paths->relay_count; i++)
		if (relays_is_bound(tunnel->owner->args.relays, paths->relay[i]))
			return "the peer answered neither directly nor through a relay (is it "
			       "online still?)";
	if (paths->into_nat)
		return "the peer did not answer, and is behind a NAT: this needs a relay (a "
		       "gateway needs a public address, or its UDP port forwarded to it)";
	if (paths->relay_count == 0)
		return "the peer did not answer at any of its addresses (a firewall that blocks "
		       "UDP?)";
	name_relays(tunnel, paths, relays);
	snprintf(buf, TUNNEL_WORDS,
		 "neither the peer nor %.120s answered (a firewall that blocks UDP?)", relays);
	return buf;
}

/* ---- where packets go ---- */

struct ntm_addr tunnel_real_addr(const struct tunnel *tunnel, const struct ntm_addr *path)
{
	return ntm_addr_is_relay(path)
		       ? relays_addr(tunnel->owner->args.relays, ntm_addr_relay_number(path))
		       : *path;
}

struct ntm_addr tunnel_via(const struct tunnel *tunnel, bool *is_relayed)
{
	const struct ntm_addr none = {0};
	const struct ntm_addr *at = tunnel->link != NULL ? ntm_link_remote(tunnel->link) : &none;

	if (is_relayed != NULL)
		*is_relayed = ntm_addr_is_relay(at);
	return tunnel_real_addr(tunnel, at);
}

const char *tunnel_via_words(const struct tunnel *tunnel, char buf[static TUNNEL_VIA_WORDS])
{
	bool is_relayed;
	char addr[NTM_ADDR_STR];
	struct ntm_addr via = tunnel_via(tunnel, &is_relayed);

	snprintf(buf, TUNNEL_VIA_WORDS, "%s %s", is_relayed ? "through the relay" : "direct to",
		 ntm_addr_str(&via, addr));
	return buf;
}

void tunnel_paths_told(struct tunnel *tunnel)
{
	tunnel->told_via = tunnel_via(tunnel, NULL);
}

void tunnel_paths_tell(struct tunnel *tunnel)
{
	struct tunnels *all = tunnel->owner;
	struct ntm_addr via = tunnel_via(tunnel, NULL);
	char label[NTM_NAME_MAX + 1], words[TUNNEL_VIA_WORDS];

	if (tunnel->state != TUNNEL_UP || ntm_addr_eq(&via, &tunnel->told_via))
		return;
	tunnel->told_via = via;
	if (ntm_log_gate_open(&all->path_gate, all->args.timers->now_ms))
		ntm_info("tunnel to %s goes %s now", tunnel_label(tunnel, label),
			 tunnel_via_words(tunnel, words));
}

void tunnel_on_moved(struct tunnel *tunnel, const struct ntm_link *link)
{
	if (link == tunnel->link)
		tunnel_paths_tell(tunnel);
}

/* ---- when paths fail ---- */

bool tunnel_paths_work(const struct tunnel *tunnel)
{
	struct ntm_link_path paths[NTM_LINK_PATHS];
	size_t count = ntm_link_paths(tunnel->link, paths);

	for (size_t i = 0; i < count; i++)
		if (paths[i].state == NTM_PATH_WORKS)
			return true;
	return count == 0;
}

static void check_relays(struct tunnel *tunnel)
{
	for (size_t i = 0; i < tunnel->paths.relay_count; i++)
		relays_check(tunnel->owner->args.relays, tunnel->paths.relay[i]);
}

static void ask_for_more(struct tunnel *tunnel)
{
	int64_t now = tunnel->owner->args.timers->now_ms;

	if (tunnel->is_asking || tunnel->newer != NULL || now < tunnel->heal_ask_ms)
		return;
	tunnel->heal_ask_ms = now + HEAL_ASK_MS;
	tunnel_ask(tunnel, NTM_REASON_MOVE);
}

static bool is_used(const struct tunnel *tunnel)
{
	return tunnel->owner->args.timers->now_ms - tunnel->inner_ms < HEAL_UNUSED_MS;
}

static void heal(struct tunnel *tunnel)
{
	bool used = is_used(tunnel);

	if (used) {
		check_relays(tunnel);
		ask_for_more(tunnel);
	}
	ntm_timer_set(tunnel->owner->args.timers, &tunnel->heal_timer,
		      used ? HEAL_MS : HEAL_UNUSED_LOOK_MS);
}

static void on_heal_timer(void *arg)
{
	struct tunnel *tunnel = arg;

	if (tunnel->state == TUNNEL_CONNECTING && tunnel->link != NULL)
		nudge(tunnel);
	if (tunnel->state == TUNNEL_UP && !tunnel_paths_work(tunnel))
		heal(tunnel);
}

void tunnel_paths_init(struct tunnel *tunnel)
{
	ntm_timer_init(&tunnel->heal_timer, on_heal_timer, tunnel);
	tunnel->lost_wait_ms = DIRECT_LOST_MS;
}

void tunnel_on_starved(struct tunnel *tunnel, const struct ntm_link *link)
{
	struct tunnels *all = tunnel->owner;
	char label[NTM_NAME_MAX + 1];

	if (link != tunnel->link || tunnel->state != TUNNEL_UP)
		return;
	if (ntm_log_gate_open(&all->path_gate, all->args.timers->now_ms))
		ntm_info("no path to %s works now, asking its relays and the DC for another",
			 tunnel_label(tunnel, label));
	tunnel->fail_words[0] = '\0'; /* the reason of an earlier time */
	heal(tunnel);
}

/* The spare has taken over, or died: before the last path goes as well, another one is asked for.
 */
static void check_spare(struct tunnel *tunnel, size_t working, size_t failing_relays)
{
	int64_t now = tunnel->owner->args.timers->now_ms;
	struct tunnel_paths *paths = &tunnel->paths;

	if (working != 1 || failing_relays == 0 || !is_used(tunnel)) {
		paths->alone_ms = 0;
		return;
	}
	if (paths->alone_ms == 0)
		paths->alone_ms = now;
	if (paths->asked || now - paths->alone_ms < ALONE_MS)
		return;
	paths->asked = true;
	ask_for_more(tunnel);
}

/* A path that worked does not any more, and what we know of the peer's addresses may be old. */
static void check_lost(struct tunnel *tunnel, size_t working_direct, size_t failing_direct)
{
	int64_t now = tunnel->owner->args.timers->now_ms;

	if (working_direct > 0) {
		tunnel->lost_ms = 0;
		tunnel->lost_wait_ms = DIRECT_LOST_MS;
	} else if (tunnel->lost_ms == 0 && failing_direct > 0) {
		tunnel->lost_ms = now;
	}
	if (tunnel->lost_ms == 0 || !is_used(tunnel) ||
	    now - tunnel->lost_ms < tunnel->lost_wait_ms)
		return;
	tunnel->lost_ms = now;
	tunnel->lost_wait_ms *= 2;
	ask_for_more(tunnel);
}

/* The way may have been shut for those 1.5 s only in which the link tries a new path by itself; a
 * tunnel lasts for days. Only where the DC says that the peer may be: what came from elsewhere may
 * have been sent on by anybody. */
static void try_direct(struct tunnel *tunnel, const struct ntm_link_path *paths, size_t count)
{
	int64_t now = tunnel->owner->args.timers->now_ms;

	if (!ntm_addr_is_relay(ntm_link_remote(tunnel->link)) ||
	    now - tunnel->inner_ms >= DIRECT_USED_MS || now - tunnel->up_ms < DIRECT_AGAIN_MS ||
	    (tunnel->direct_ms != 0 && now - tunnel->direct_ms < DIRECT_AGAIN_MS))
		return;
	tunnel->direct_ms = now;
	for (size_t i = 0; i < count; i++)
		if (paths[i].state == NTM_PATH_UNKNOWN && paths[i].is_given &&
		    !ntm_addr_is_relay(&paths[i].to))
			ntm_link_also(tunnel->link, &paths[i].to);
}

void tunnel_paths_check(struct tunnel *tunnel)
{
	struct ntm_link_path paths[NTM_LINK_PATHS];
	size_t count = ntm_link_paths(tunnel->link, paths);
	size_t works[2] = {0}, fails[2] = {0}; /* direct ones, and relays */

	try_direct(tunnel, paths, count);
	for (size_t i = 0; i < count; i++) {
		bool is_relay = ntm_addr_is_relay(&paths[i].to);

		works[is_relay] += paths[i].state == NTM_PATH_WORKS;
		fails[is_relay] += paths[i].state == NTM_PATH_FAILS;
		if (paths[i].state == NTM_PATH_FAILS && is_relay)
			relays_check(tunnel->owner->args.relays,
				     ntm_addr_relay_number(&paths[i].to));
	}
	if (works[0] + works[1] > 0)
		tunnel->fail_words[0] = '\0'; /* the reason of an earlier time */
	check_spare(tunnel, works[0] + works[1], fails[1]);
	check_lost(tunnel, works[0], fails[0]);
}

void tunnels_set_keepalive(struct tunnels *all, int64_t keepalive_ms)
{
	for (struct tunnel *t = all->list; t != NULL; t = t->next) {
		if (t->link != NULL)
			ntm_link_set_keepalive(t->link, keepalive_ms);
		if (t->newer != NULL)
			ntm_link_set_keepalive(t->newer, keepalive_ms);
	}
}
