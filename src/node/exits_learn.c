/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of exits that DNS answers and SIP messages tell: learned, used, and forgotten. */
#include "exits_priv.h"

#include <errno.h>
#include <string.h>

#define LOOK_MS 60000
/* Of a record; what is longer is a mistake, and the grace follows anyway. */
#define TTL_MAX_S 86400

static int64_t end_of(const struct exit_learned *entry)
{
	int64_t last = entry->used_ms > entry->fresh_ms ? entry->used_ms : entry->fresh_ms;

	return last + EXITS_GRACE_MS;
}

static void forget(struct exits *exits, struct exit_learned *entry)
{
	ntm_map_del(exits->by_ip, &entry->ip, sizeof(entry->ip));
	*entry = (struct exit_learned){.point = NULL};
}

static void on_timer(void *arg)
{
	struct exits *exits = arg;
	bool is_any = false, is_changed = false;

	for (size_t i = 0; i < EXITS_LEARNED; i++) {
		struct exit_learned *entry = &exits->learned[i];

		if (entry->ip.family == 0)
			continue;
		if (end_of(entry) <= exits->args.timers->now_ms) {
			forget(exits, entry);
			is_changed = true;
		} else {
			is_any = true;
		}
	}
	if (is_any)
		ntm_timer_set(exits->args.timers, &exits->timer, LOOK_MS);
	if (is_changed)
		exits_announce(exits);
}

void exits_learn_init(struct exits *exits)
{
	ntm_timer_init(&exits->timer, on_timer, exits);
}

static bool is_under(const char *name, const char *zone)
{
	char canon[NTM_NAME_MAX + 1];

	return ntm_name_canon(canon, zone) == 0 && ntm_name_under(name, canon);
}

static struct exit_point *point_of_name(struct exits *exits, const char *name)
{
	for (size_t i = 0; i < exits->count; i++) {
		const struct ntm_strings *names = &exits->point[i].conf->names;
		bool is_usable = exits->point[i].fqdn[0] != '\0';

		for (size_t j = 0; j < names->count && is_usable; j++)
			if (is_under(name, names->item[j]))
				return &exits->point[i];
	}
	return NULL;
}

/* A gateway lets nobody to its own host. */
static bool is_gateway(const struct exits *exits, const struct ntm_ip *ip)
{
	for (size_t i = 0; i < exits->count; i++) {
		const struct tunnel *tunnel =
			tunnel_find_name(exits->args.tunnels, exits->point[i].fqdn);
		const struct ntm_addr via =
			tunnel != NULL ? tunnel_via(tunnel, NULL) : (struct ntm_addr){.port = 0};

		if (ntm_ip_eq(&via.ip, ip))
			return true;
	}
	return false;
}

/* Whether an exit may lead there, whatever DNS says. */
static bool is_fit(const struct exits *exits, const struct ntm_ip *ip)
{
	const struct ntm_prefix one = {.ip = *ip, .len = ip->family == 4 ? 32 : 128};

	return ntm_ip_is_usable(ip) && exit_prefix_fault(exits->args.realm, &one) == NULL &&
	       !is_gateway(exits, ip);
}

/* A free place, or that of the address that was used least recently: SIP messages push out only
 * what they have told themselves. NULL: all are in use. */
static struct exit_learned *find_place(struct exits *exits, bool is_media)
{
	struct exit_learned *oldest = NULL, *empty = NULL;
	size_t media = 0;

	for (size_t i = 0; i < EXITS_LEARNED; i++) {
		struct exit_learned *entry = &exits->learned[i];

		media += entry->ip.family != 0 && entry->is_media;
		if (entry->ip.family == 0)
			empty = entry;
		else if ((entry->is_media || !is_media) &&
			 (oldest == NULL || entry->used_ms < oldest->used_ms))
			oldest = entry;
	}
	if (empty != NULL && (!is_media || media < EXITS_MEDIA))
		return empty;
	if (oldest == NULL || exits->args.timers->now_ms - oldest->used_ms < EXITS_BUSY_MS)
		return NULL;
	exits->evicted++;
	forget(exits, oldest);
	return oldest;
}

/* ttl_s below 0: of media. 1: a new route; 0: none is needed; -ENOSPC. */
static int learn_one(struct exits *exits, struct exit_point *point, const struct ntm_ip *ip,
		     int64_t ttl_s)
{
	bool is_media = ttl_s < 0;
	int64_t now = exits->args.timers->now_ms;
	struct exit_learned *entry = ntm_map_get(exits->by_ip, ip, sizeof(*ip));
	int made = 0;

	if (entry == NULL && exits_point(exits, ip) == point)
		return 0; /* its prefixes have it */
	if (entry == NULL) {
		if (!is_fit(exits, ip)) {
			exits->unfit++;
			return 0;
		}
		entry = find_place(exits, is_media);
		if (entry == NULL)
			return -ENOSPC;
		*entry = (struct exit_learned){.ip = *ip,
					       .point = point,
					       .is_media = is_media,
					       .used_ms = now};
		if (ntm_map_put(exits->by_ip, &entry->ip, sizeof(entry->ip), entry, NULL) != 0) {
			*entry = (struct exit_learned){.point = NULL};
			return -ENOSPC;
		}
		exits->learned_count++;
		made = 1;
	}
	if (entry->is_media && !is_media) {
		entry->is_media = false; /* a wider route */
		made = 1;
	}
	if (now + ttl_s * 1000 > entry->fresh_ms)
		entry->fresh_ms = now + ttl_s * 1000;
	return made;
}

static bool is_address(const struct ntm_dns_rr *rr)
{
	return rr->type == NTM_DNS_A || rr->type == NTM_DNS_AAAA;
}

void exits_learned(struct exits *exits)
{
	ntm_timer_set(exits->args.timers, &exits->timer, LOOK_MS);
	exits_announce(exits);
}

/* A server from outside has no say in the local network. */
bool exits_learn_media(struct exits *exits, struct exit_point *point, const struct ntm_ip *ip)
{
	if (ntm_ip_is_private(ip)) {
		exits->unfit++;
		return false;
	}
	int made = learn_one(exits, point, ip, -1);
	exits->full += made < 0;
	return made > 0;
}

int64_t exits_learn(struct exits *exits, const struct ntm_dns_response *response)
{
	struct exit_point *point = point_of_name(exits, response->name);
	bool is_news = false, is_full = false, is_any = false;

	if (point == NULL)
		return 0;
	for (size_t i = 0; i < response->count; i++) {
		if (!is_address(&response->rr[i]))
			continue;
		const struct ntm_dns_rr *rr = &response->rr[i];
		int made = learn_one(exits, point, &rr->ip,
				     rr->ttl_s < TTL_MAX_S ? rr->ttl_s : TTL_MAX_S);
		is_any = true;
		is_news |= made > 0;
		is_full |= made < 0;
	}
	if (is_news)
		exits_learned(exits);
	if (is_full) {
		exits->full++;
		if (ntm_log_gate_open(&exits->gate, exits->args.timers->now_ms))
			ntm_warn("no answer for %s: %d addresses of exits are in use already",
				 response->name, EXITS_LEARNED);
		return -ENOSPC;
	}
	/* Also when another query has brought the news a moment ago. */
	return is_any && exits->routed < exits->routes.generation ? exits->routes.generation : 0;
}
