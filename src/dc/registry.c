/* SPDX-License-Identifier: BSD-2-Clause */
/* Where each node is now: the records, and the facts that change them. */
#include "dc_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* REGISTER comes once a session, a move and a lifetime; a storm of them costs writes (A2). */
#define REGISTER_RATE_PER_S 10
#define REGISTER_BURST      20

int registry_init(struct registry *registry)
{
	registry->by_key = ntm_map_new();
	registry->by_name = ntm_map_new();
	return registry->by_key && registry->by_name ? 0 : -ENOMEM;
}

static void node_free(struct registry_node *node)
{
	ntm_timer_del(node->dc->timers, &node->lifetime);
	ntm_ctl_free(node->ctl);
	free(node);
}

void registry_fini(struct registry *registry)
{
	struct registry_node *node;
	size_t pos = 0;

	while (registry->by_key && (node = ntm_map_next(registry->by_key, &pos)))
		node_free(node);
	ntm_map_free(registry->by_key);
	ntm_map_free(registry->by_name);
}

static void set_gone(struct registry_node *node, const char *why)
{
	ntm_timer_del(node->dc->timers, &node->lifetime);
	if (!node->registered)
		return;
	node->registered = false;
	ntm_info("node=%s offline: %s", node->who.fqdn, why);
}

static void on_lifetime(void *arg)
{
	set_gone(arg, "its registration has run out");
}

static struct registry_node *node_new(struct dc *dc, const struct store_node *who)
{
	struct registry_node *node = calloc(1, sizeof(*node));
	struct ntm_ctl_args args = {.timers = dc->timers, .on_request = dc_on_request, .ctx = node};

	if (!node)
		return NULL;
	node->dc = dc;
	node->who = *who;
	node->who.role = STORE_NODE; /* what a gateway is here: it gets a node's certificate */
	node->stale_ms = -1;
	ntm_timer_init(&node->lifetime, on_lifetime, node);
	ntm_bucket_init(&node->register_bucket, REGISTER_RATE_PER_S, REGISTER_BURST, dc_now_ms(dc));
	ntm_bucket_init(&node->direction_bucket, DIRECTION_RATE_PER_S, DIRECTION_BURST,
			dc_now_ms(dc));
	node->ctl = ntm_ctl_new(&args);
	if (!node->ctl) {
		free(node);
		return NULL;
	}
	return node;
}

struct registry_node *registry_add(struct dc *dc, const struct store_node *who)
{
	struct registry *registry = &dc->registry;
	struct registry_node *node = registry_by_key(registry, who->key);
	struct registry_node *former;

	if (node)
		return node;
	former = registry_by_name(registry, who->fqdn);
	if (former)
		registry_drop(former);
	node = node_new(dc, who);
	if (!node)
		return NULL;
	if (ntm_map_put(registry->by_key, node->who.key, NTM_KEY_LEN, node, NULL) != 0)
		goto fail;
	if (ntm_map_put(registry->by_name, node->who.fqdn, strlen(node->who.fqdn), node, NULL) !=
	    0) {
		ntm_map_del(registry->by_key, node->who.key, NTM_KEY_LEN);
		goto fail;
	}
	return node;
fail:
	node_free(node);
	return NULL;
}

struct registry_node *registry_by_key(const struct registry *registry,
				      const uint8_t key[static NTM_KEY_LEN])
{
	return ntm_map_get(registry->by_key, key, NTM_KEY_LEN);
}

struct registry_node *registry_by_name(const struct registry *registry, const char *fqdn)
{
	return ntm_map_get(registry->by_name, fqdn, strlen(fqdn));
}

struct registry_node *registry_next(const struct registry *registry, size_t *pos)
{
	return ntm_map_next(registry->by_key, pos);
}

void registry_drop(struct registry_node *node)
{
	struct registry *registry = &node->dc->registry;
	struct ntm_link *link = node->link;

	ntm_map_del(registry->by_key, node->who.key, NTM_KEY_LEN);
	ntm_map_del(registry->by_name, node->who.fqdn, strlen(node->who.fqdn));
	node->link = NULL;
	ntm_ctl_set_link(node->ctl, NULL);
	ntm_ctl_reset(node->ctl); /* those who wait for an answer of it hear so */
	if (link) {
		ntm_link_close(link, DC_CLOSE_REVOKED);
		ntm_link_free(link);
	}
	node_free(node);
}

/* ---- facts ---- */

void registry_on_up(struct registry_node *node, struct ntm_link *link, bool fresh)
{
	node->link = link;
	ntm_ctl_set_link(node->ctl, link);
	if (fresh) {
		node->told = 0;
		ntm_ctl_kick(node->ctl, 0);
	}
}

void registry_on_down(struct registry_node *node)
{
	node->last_in_ms = registry_seen_ms(node);
	node->link = NULL;
	ntm_ctl_set_link(node->ctl, NULL);
	set_gone(node, "its session has ended");
	ntm_ctl_reset(node->ctl);
}

static void set_place(struct registry_node *node, const struct route_card *card, uint64_t boot_id)
{
	if (node->boot_id != boot_id || !route_same_card(&node->card, card))
		node->place++;
	node->card = *card;
	node->boot_id = boot_id;
}

void registry_on_register(struct registry_node *node, const struct ntm_msg_register *reg)
{
	const struct dc_settings *settings = &node->dc->settings;
	bool restarted = node->registered && node->boot_id != reg->boot_id;
	struct route_card card = {.reflexive = *ntm_link_remote(node->link),
				  .own = reg->own,
				  .is_public = node->who.gateway};
	char text[NTM_ADDR_STR];

	card.behind_nat = ntm_addr_list_behind_nat(&card.own, &card.reflexive);
	route_filter(&card.own, &settings->prefix4, &settings->prefix6);
	if (restarted) {
		node->told = 0;
		node->relays = 0;
	}
	set_place(node, &card, reg->boot_id);
	node->stale_ms = -1;
	ntm_timer_set(node->dc->timers, &node->lifetime, settings->lifetime_s * 1000);
	if (!node->registered || restarted) {
		node->registered = true;
		node->since_ms = dc_now_ms(node->dc);
		ntm_info("node=%s online at=%s nat=%s%s", node->who.fqdn,
			 ntm_addr_str(&card.reflexive, text), card.behind_nat ? "yes" : "no",
			 restarted ? ", started anew" : "");
	}
	recall_note(node);
}

void registry_on_moved(struct registry_node *node)
{
	struct route_card card = node->card;
	char text[NTM_ADDR_STR];

	if (!node->registered)
		return;
	card.reflexive = *ntm_link_remote(node->link);
	card.behind_nat = ntm_addr_list_behind_nat(&card.own, &card.reflexive);
	ntm_debug("node=%s moved to=%s", node->who.fqdn, ntm_addr_str(&card.reflexive, text));
	set_place(node, &card, node->boot_id);
	recall_note(node);
}

void registry_on_silent(struct registry_node *node, int64_t since_ms)
{
	if (registry_seen_ms(node) <= since_ms)
		node->stale_ms = dc_now_ms(node->dc);
}

int64_t registry_seen_ms(const struct registry_node *node)
{
	struct ntm_link_stats stats = {.last_in_ms = 0};

	if (node->link)
		ntm_link_stats(node->link, &stats);
	return stats.last_in_ms > node->last_in_ms ? stats.last_in_ms : node->last_in_ms;
}

bool registry_is_online(const struct registry_node *node)
{
	return node->registered && node->link && ntm_link_state(node->link) == NTM_LINK_UP &&
	       (node->stale_ms < 0 || registry_seen_ms(node) > node->stale_ms);
}
