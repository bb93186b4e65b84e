/* SPDX-License-Identifier: BSD-2-Clause */
/* Tunnels: the table of peers, their states, and who waits for them. */
#include "tunnel_priv.h"

#include "ntm/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often an UP tunnel is looked at for idleness and silence. */
#define CHECK_MS 5000

static const char *const state_names[] = {
	[TUNNEL_IDLE] = "idle",
	[TUNNEL_DIRECTING] = "directing",
	[TUNNEL_CONNECTING] = "connecting",
	[TUNNEL_UP] = "up",
	[TUNNEL_FAILED] = "failed",
};

/* Legal moves: bit n of the entry is state n. */
static const uint8_t moves[] = {
	[TUNNEL_IDLE] = 1 << TUNNEL_DIRECTING | 1 << TUNNEL_CONNECTING | 1 << TUNNEL_FAILED,
	[TUNNEL_DIRECTING] = 1 << TUNNEL_CONNECTING | 1 << TUNNEL_FAILED | 1 << TUNNEL_IDLE,
	[TUNNEL_CONNECTING] = 1 << TUNNEL_UP | 1 << TUNNEL_FAILED | 1 << TUNNEL_IDLE,
	[TUNNEL_UP] = 1 << TUNNEL_IDLE | 1 << TUNNEL_FAILED,
	[TUNNEL_FAILED] = 1 << TUNNEL_IDLE | 1 << TUNNEL_CONNECTING,
};

const char *tunnel_state_name(enum tunnel_state state)
{
	return state_names[state];
}

const char *tunnel_label(const struct tunnel *tunnel, char buf[static NTM_NAME_MAX + 1])
{
	if (tunnel->fqdn[0] != '\0')
		return tunnel->fqdn;
	return ntm_ip_str(tunnel->vip4.family != 0 ? &tunnel->vip4 : &tunnel->vip6, buf);
}

void tunnel_set_state(struct tunnel *tunnel, enum tunnel_state state, const char *why)
{
	char label[NTM_NAME_MAX + 1];

	if (tunnel->state == state)
		return;
	if ((moves[tunnel->state] & (1 << state)) == 0) {
		ntm_err("bug: tunnel %s: %s -> %s (%s)", tunnel_label(tunnel, label),
			state_names[tunnel->state], state_names[state], why);
		return;
	}
	ntm_debug("tunnel %s: %s -> %s (%s) dir=%016llx", tunnel_label(tunnel, label),
		  state_names[tunnel->state], state_names[state], why,
		  (unsigned long long)tunnel->correlation);
	if (state == TUNNEL_UP) {
		tunnel->owner->counters.ups++;
		tunnel->up_ms = tunnel->owner->args.timers->now_ms;
	}
	if (tunnel->state == TUNNEL_UP)
		tunnel->owner->counters.downs++;
	tunnel->state = state;
	tunnel_timers_arm(tunnel);
}

/* How long that its peer has ended it still counts. */
static int64_t closed_left_ms(const struct tunnel *tunnel)
{
	int64_t until_ms = tunnel->closed_ms + TUNNEL_CLOSED_MS;
	int64_t now = tunnel->owner->args.timers->now_ms;

	return tunnel->closed_ms != 0 && now < until_ms ? until_ms - now : 0;
}

static int64_t negative_ms(const struct tunnel *tunnel)
{
	switch (tunnel->fail_code) {
	case NTM_DIR_OFFLINE:
		return closed_left_ms(tunnel) > 0 ? TUNNEL_BACK_MS : TUNNEL_NEGATIVE_MS;
	case NTM_DIR_NO_DC:
		return TUNNEL_NO_DC_MS;
	case NTM_DIR_NO_RELAY:
		return TUNNEL_NO_RELAY_MS;
	default:
		return TUNNEL_NEGATIVE_MS;
	}
}

/* What it means depends on the state alone. */
void tunnel_timers_arm(struct tunnel *tunnel)
{
	struct ntm_timers *timers = tunnel->owner->args.timers;

	switch (tunnel->state) {
	case TUNNEL_FAILED:
		ntm_timer_set(timers, &tunnel->timer, negative_ms(tunnel));
		break;
	case TUNNEL_UP:
		ntm_timer_set(timers, &tunnel->timer, CHECK_MS);
		break;
	case TUNNEL_DIRECTING:
	case TUNNEL_CONNECTING:
		ntm_timer_del(timers, &tunnel->timer); /* requests and links end by themselves */
		break;
	case TUNNEL_IDLE:
		/* Drops it, outside of anybody's call. */
		ntm_timer_set(timers, &tunnel->timer, closed_left_ms(tunnel));
		break;
	}
}

static void end_up(struct tunnel *tunnel, const char *why)
{
	tunnel_close_links(tunnel);
	tunnel_set_state(tunnel, TUNNEL_IDLE, why);
}

static void check_life(struct tunnel *tunnel)
{
	int64_t now = tunnel->owner->args.timers->now_ms;

	if (now < tunnel->life.renew_ms || tunnel->is_asking || tunnel->newer != NULL)
		return;
	tunnel->life.renew_ms = now + TUNNEL_RENEW_MS;
	tunnel_ask(tunnel, NTM_REASON_MOVE);
}

static void check_silence(struct tunnel *tunnel)
{
	int64_t now = tunnel->owner->args.timers->now_ms;
	char label[NTM_NAME_MAX + 1];
	struct ntm_link_stats stats;

	ntm_link_stats(tunnel->link, &stats);
	if (tunnel->silent_since_ms != 0 && stats.last_in_ms >= tunnel->silent_since_ms)
		tunnel->silent_since_ms = 0;
	if (tunnel->silent_since_ms != 0 && now - tunnel->silent_since_ms >= TUNNEL_SILENT_MS &&
	    !tunnel->is_asking && tunnel->newer == NULL) {
		ntm_info("tunnel %s: no answer for %d s, asking the DC again",
			 tunnel_label(tunnel, label), TUNNEL_SILENT_MS / 1000);
		tunnel->silent_since_ms = now;
		tunnel_ask(tunnel, NTM_REASON_MOVE);
	}
}

static void check_up(struct tunnel *tunnel)
{
	const struct tunnels *all = tunnel->owner;
	int64_t now = all->args.timers->now_ms;
	char label[NTM_NAME_MAX + 1];

	tunnel_timers_arm(tunnel);
	if (now - tunnel->inner_ms >= all->args.settings->idle_ms) {
		ntm_debug("tunnel %s: idle, closing", tunnel_label(tunnel, label));
		end_up(tunnel, "idle");
	} else if (now >= tunnel->life.until_ms) {
		ntm_warn("tunnel to %s ends: its time is over, and there was no new direction from "
			 "the DC",
			 tunnel_label(tunnel, label));
		end_up(tunnel, "its time is over");
	} else {
		check_life(tunnel);
		check_silence(tunnel);
		tunnel_paths_check(tunnel);
	}
}

static void on_timer(void *arg)
{
	struct tunnel *tunnel = arg;

	switch (tunnel->state) {
	case TUNNEL_UP:
		check_up(tunnel);
		break;
	case TUNNEL_FAILED:
		tunnel_set_state(tunnel, TUNNEL_IDLE, "negative cache over");
		break;
	case TUNNEL_IDLE:
		tunnel_drop(tunnel);
		break;
	case TUNNEL_DIRECTING:
	case TUNNEL_CONNECTING:
		break;
	}
}

struct tunnels *tunnels_new(const struct tunnels_args *args)
{
	struct tunnels *tunnels = calloc(1, sizeof(*tunnels));
	if (tunnels == NULL)
		return NULL;
	tunnels->args = *args;
	tunnels->by_vip = ntm_map_new();
	tunnels->by_name = ntm_map_new();
	ntm_bucket_init(&tunnels->icmp_bucket, 20, 20, args->timers->now_ms);
	tunnels->frags = ntm_frags_new();
	if (tunnels->by_vip == NULL || tunnels->by_name == NULL || tunnels->frags == NULL) {
		tunnels_free(tunnels);
		return NULL;
	}
	return tunnels;
}

void tunnels_free(struct tunnels *tunnels)
{
	if (tunnels == NULL)
		return;
	while (tunnels->list != NULL)
		tunnel_drop(tunnels->list);
	ntm_map_free(tunnels->by_vip);
	ntm_map_free(tunnels->by_name);
	ntm_frags_free(tunnels->frags);
	free(tunnels);
}

void tunnels_stop(struct tunnels *tunnels)
{
	struct tunnel_result result = {.err = -ECANCELED, .words = "ntm-node is stopping"};

	for (struct tunnel *t = tunnels->list; t != NULL; t = t->next) {
		tunnel_unask(t);
		tunnel_close_links(t);
		tunnel_queue_refuse(t, result.err);
		tunnel_finish_waits(t, &result);
		tunnel_set_state(t, TUNNEL_IDLE, "stop");
	}
}

static void unindex(struct tunnel *tunnel)
{
	struct tunnels *all = tunnel->owner;

	if (tunnel->vip4.family != 0 &&
	    ntm_map_get(all->by_vip, &tunnel->vip4, sizeof(tunnel->vip4)) == tunnel)
		ntm_map_del(all->by_vip, &tunnel->vip4, sizeof(tunnel->vip4));
	if (tunnel->vip6.family != 0 &&
	    ntm_map_get(all->by_vip, &tunnel->vip6, sizeof(tunnel->vip6)) == tunnel)
		ntm_map_del(all->by_vip, &tunnel->vip6, sizeof(tunnel->vip6));
	if (tunnel->fqdn[0] != '\0' &&
	    ntm_map_get(all->by_name, tunnel->fqdn, strlen(tunnel->fqdn)) == tunnel)
		ntm_map_del(all->by_name, tunnel->fqdn, strlen(tunnel->fqdn));
}

static int index_all(struct tunnel *tunnel)
{
	struct tunnels *all = tunnel->owner;
	int err = 0;

	if (tunnel->vip4.family != 0)
		err = ntm_map_put(all->by_vip, &tunnel->vip4, sizeof(tunnel->vip4), tunnel, NULL);
	if (err == 0 && tunnel->vip6.family != 0)
		err = ntm_map_put(all->by_vip, &tunnel->vip6, sizeof(tunnel->vip6), tunnel, NULL);
	if (err == 0 && tunnel->fqdn[0] != '\0')
		err = ntm_map_put(all->by_name, tunnel->fqdn, strlen(tunnel->fqdn), tunnel, NULL);
	return err;
}

struct tunnel *tunnel_add(struct tunnels *tunnels, const struct tunnel_target *target)
{
	if (tunnels->count >= TUNNEL_MAX)
		return NULL;
	struct tunnel *tunnel = calloc(1, sizeof(*tunnel));
	if (tunnel == NULL)
		return NULL;
	tunnel->owner = tunnels;
	tunnel->direction_ms = -1;
	tunnel->queue.tail = &tunnel->queue.head;
	ntm_timer_init(&tunnel->timer, on_timer, tunnel);
	tunnel_paths_init(tunnel);
	ntm_timer_init(&tunnel->older_timer, tunnel_older_over, tunnel);
	if (target->fqdn != NULL)
		snprintf(tunnel->fqdn, sizeof(tunnel->fqdn), "%s", target->fqdn);
	if (target->vip.family == 4)
		tunnel->vip4 = target->vip;
	if (target->vip.family == 6)
		tunnel->vip6 = target->vip;
	tunnel->next = tunnels->list;
	tunnel->link_in_list = &tunnels->list;
	if (tunnel->next != NULL)
		tunnel->next->link_in_list = &tunnel->next;
	tunnels->list = tunnel;
	tunnels->count++;
	tunnel_timers_arm(tunnel); /* gone again, unless somebody gets it going now */
	if (index_all(tunnel) != 0) {
		tunnel_drop(tunnel);
		return NULL;
	}
	return tunnel;
}

void tunnel_drop(struct tunnel *tunnel)
{
	struct tunnels *all = tunnel->owner;
	struct tunnel_result result = {.err = -ECANCELED, .words = "the tunnel is gone"};

	tunnel_unask(tunnel);
	tunnel_finish_waits(tunnel, &result);
	tunnel_queue_clear(tunnel);
	ntm_link_free(tunnel->older);
	ntm_link_free(tunnel->newer);
	ntm_link_free(tunnel->link);
	tunnel_paths_release(tunnel, &tunnel->older_paths);
	tunnel_paths_release(tunnel, &tunnel->newer_paths);
	tunnel_paths_release(tunnel, &tunnel->paths);
	ntm_timer_del(all->args.timers, &tunnel->timer);
	ntm_timer_del(all->args.timers, &tunnel->heal_timer);
	ntm_timer_del(all->args.timers, &tunnel->older_timer);
	unindex(tunnel);
	*tunnel->link_in_list = tunnel->next;
	if (tunnel->next != NULL)
		tunnel->next->link_in_list = tunnel->link_in_list;
	all->count--;
	ntm_frags_forget(all->frags, tunnel);
	ntm_wipe(tunnel, sizeof(*tunnel));
	free(tunnel);
}

/* Behind those who wait already: what was held leaves in the order in which it came. */
static void wait_add(struct tunnel *tunnel, struct tunnel_wait *wait)
{
	struct tunnel_wait **end = &tunnel->waits;

	if (wait == NULL)
		return;
	while (*end != NULL)
		end = &(*end)->next;
	wait->tunnel = tunnel;
	wait->next = NULL;
	wait->link = end;
	*end = wait;
}

/* Two triggers, one by name and one by VIP, met: from's waits and packets become into's. */
static void absorb(struct tunnel *into, struct tunnel *from)
{
	while (from->waits != NULL) {
		struct tunnel_wait *wait = from->waits;

		tunnel_wait_cancel(wait);
		wait_add(into, wait);
	}
	tunnel_queue_move(into, from);
	if (into->asked_ms == 0 || (from->asked_ms != 0 && from->asked_ms < into->asked_ms))
		into->asked_ms = from->asked_ms;
	tunnel_drop(from);
}

struct tunnel *tunnel_find_name(struct tunnels *tunnels, const char *fqdn)
{
	return ntm_map_get(tunnels->by_name, fqdn, strlen(fqdn));
}

/* Which of several tunnels to one peer stays: what waits moves to where an answer will come. */
static int rank_of(const struct tunnel *tunnel)
{
	static const int ranks[] = {
		[TUNNEL_IDLE] = 0,       [TUNNEL_FAILED] = 1, [TUNNEL_DIRECTING] = 2,
		[TUNNEL_CONNECTING] = 3, [TUNNEL_UP] = 4,
	};

	return ranks[tunnel->state];
}

struct tunnel *tunnel_of_cert(struct tunnels *tunnels, const struct ntm_cert *cert,
			      const uint8_t root[static NTM_SIGN_PUB_LEN])
{
	struct tunnel *candidates[] = {
		tunnel_find(tunnels, &cert->vip4),
		tunnel_find(tunnels, &cert->vip6),
		tunnel_find_name(tunnels, cert->fqdn),
	};
	struct tunnel *tunnel = NULL;

	for (size_t i = 0; i < 3; i++)
		if (candidates[i] != NULL &&
		    (tunnel == NULL || rank_of(candidates[i]) > rank_of(tunnel)))
			tunnel = candidates[i];
	for (size_t i = 0; i < 3; i++) {
		struct tunnel *other = candidates[i];

		if (other == NULL || other == tunnel)
			continue;
		for (size_t j = i + 1; j < 3; j++)
			if (candidates[j] == other)
				candidates[j] = NULL;
		absorb(tunnel, other);
	}
	if (tunnel == NULL)
		tunnel = tunnel_add(tunnels, &(struct tunnel_target){.fqdn = cert->fqdn});
	if (tunnel == NULL)
		return NULL;
	/* Whoever has the former key is not who the certificate is about. */
	if (tunnel->link != NULL && memcmp(tunnel->key, cert->key, NTM_KEY_LEN) != 0)
		end_up(tunnel, "the peer has another key now");
	unindex(tunnel);
	snprintf(tunnel->fqdn, sizeof(tunnel->fqdn), "%s", cert->fqdn);
	tunnel->vip4 = cert->vip4;
	tunnel->vip6 = cert->vip6;
	memcpy(tunnel->key, cert->key, sizeof(tunnel->key));
	memcpy(tunnel->root, root, sizeof(tunnel->root));
	tunnel->serial = cert->serial;
	tunnel->is_known = true;
	if (index_all(tunnel) != 0) {
		tunnel_drop(tunnel);
		return NULL;
	}
	return tunnel;
}

struct tunnel *tunnel_find(struct tunnels *tunnels, const struct ntm_ip *vip)
{
	return vip->family == 0 ? NULL : ntm_map_get(tunnels->by_vip, vip, sizeof(*vip));
}

struct tunnel *tunnel_find_up(struct tunnels *tunnels, const struct ntm_ip *vip)
{
	struct tunnel *tunnel = tunnel_find(tunnels, vip);

	return tunnel != NULL && tunnel->state == TUNNEL_UP ? tunnel : NULL;
}

void tunnel_wait_cancel(struct tunnel_wait *wait)
{
	if (wait->tunnel == NULL)
		return;
	*wait->link = wait->next;
	if (wait->next != NULL)
		wait->next->link = wait->link;
	wait->tunnel = NULL;
	wait->next = NULL;
	wait->link = NULL;
}

void tunnel_finish_waits(struct tunnel *tunnel, const struct tunnel_result *result)
{
	struct tunnel_wait *list = tunnel->waits;

	/* A list of its own: what the functions add is not for this result. */
	tunnel->waits = NULL;
	if (list != NULL)
		list->link = &list;
	while (list != NULL) {
		struct tunnel_wait *wait = list;

		tunnel_wait_cancel(wait);
		wait->fn(wait->arg, result);
	}
}

void tunnel_fail(struct tunnel *tunnel, int err, uint8_t code, const char *words)
{
	struct tunnels *all = tunnel->owner;
	char label[NTM_NAME_MAX + 1];
	struct tunnel_result result = {
		.err = err,
		.code = code,
		.tunnel = tunnel,
		.words = tunnel->fail_words,
		.direction_ms = all->args.timers->now_ms - tunnel->asked_ms,
	};

	all->counters.directions_failed++;
	tunnel->asked_ms = 0;
	tunnel_unask(tunnel);
	if (words != tunnel->fail_words)
		snprintf(tunnel->fail_words, sizeof(tunnel->fail_words), "%s", words);
	tunnel->fail_err = err;
	tunnel->fail_code = code;
	tunnel_note_failure(tunnel);
	ntm_info("no tunnel to %s: %s dir=%016llx", tunnel_label(tunnel, label), tunnel->fail_words,
		 (unsigned long long)tunnel->correlation);
	tunnel_set_state(tunnel, TUNNEL_FAILED, tunnel->fail_words);
	tunnel_queue_refuse(tunnel, err);
	tunnel_finish_waits(tunnel, &result);
}

static bool is_self(const struct tunnels *tunnels, const struct tunnel_target *target)
{
	return target->fqdn != NULL ? strcmp(target->fqdn, tunnels->args.realm->lease->fqdn) == 0
				    : lease_is_ours(tunnels->args.realm->lease, &target->vip);
}

int tunnel_want(struct tunnels *tunnels, const struct tunnel_target *target, enum ntm_reason reason,
		struct tunnel_wait *wait, const struct tunnel **out)
{
	if (is_self(tunnels, target))
		return -EINVAL;
	struct tunnel *tunnel = target->fqdn != NULL ? tunnel_find_name(tunnels, target->fqdn)
						     : tunnel_find(tunnels, &target->vip);

	if (tunnel == NULL)
		tunnel = tunnel_add(tunnels, target);
	if (tunnel == NULL)
		return -ENOSPC;
	if (out != NULL)
		*out = tunnel;
	if (tunnel->state == TUNNEL_UP)
		return 1;
	if (tunnel->state == TUNNEL_FAILED)
		return -EHOSTUNREACH;
	if (tunnel->state == TUNNEL_IDLE) {
		tunnel->asked_ms = tunnels->args.timers->now_ms;
		int err = tunnel_ask(tunnel, reason);
		if (err != 0)
			return err;
		tunnel_set_state(tunnel, TUNNEL_DIRECTING, ntm_reason_name((uint8_t)reason));
	}
	wait_add(tunnel, wait);
	return 0;
}
