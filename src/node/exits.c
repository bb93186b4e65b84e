/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits: which destinations are reached through which gateway, and the packets there and back. */
#include "exits_priv.h"

#include "ntm/ippkt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the configuration ---- */

static bool are_names(const struct exit_conf *item)
{
	char canon[NTM_NAME_MAX + 1];

	for (size_t i = 0; i < item->names.count; i++)
		if (ntm_name_canon(canon, item->names.item[i]) != 0)
			return false;
	return ntm_name_canon(canon, item->title) == 0;
}

static bool overlaps_another(const struct exits_conf *conf, size_t at)
{
	const struct ntm_prefixes *mine = &conf->item[at].prefixes;

	for (size_t i = 0; i < at; i++)
		for (size_t j = 0; j < conf->item[i].prefixes.count; j++)
			for (size_t k = 0; k < mine->count; k++)
				if (ntm_prefix_overlap(&conf->item[i].prefixes.item[j],
						       &mine->item[k]))
					return true;
	return false;
}

const char *exits_conf_fault(const struct exits_conf *conf, char buf[static EXITS_FAULT_STR])
{
	size_t prefixes = 0, names = 0;
	const char *fault = NULL;

	for (size_t i = 0; i < conf->count; i++) {
		const struct exit_conf *item = &conf->item[i];

		prefixes += item->prefixes.count;
		names += item->names.count;
		if (item->prefixes.count + item->names.count == 0)
			fault = "neither prefixes nor names: nothing would go through it";
		else if (!are_names(item))
			fault = "a name that is too long";
		else if (overlaps_another(conf, i))
			fault = "its prefixes overlap those of an exit before it";
		if (fault != NULL) {
			snprintf(buf, EXITS_FAULT_STR, "exit \"%.253s\": %s", item->title, fault);
			return buf;
		}
	}
	if (prefixes > EXITS_PREFIXES || names > EXITS_NAMES)
		return "exit: more than 64 prefixes, or more than 64 names, in all exits together";
	return NULL;
}

/* ---- the routes ---- */

size_t exit_routes_find(const struct exit_routes *routes, const struct ntm_prefix *prefix)
{
	size_t i = 0;

	while (i < routes->count &&
	       (routes->item[i].len != prefix->len || !ntm_ip_eq(&routes->item[i].ip, &prefix->ip)))
		i++;
	return i;
}

const char *exit_prefix_fault(const struct realm *realm, const struct ntm_prefix *prefix)
{
	const struct node_lease *lease = realm->lease;

	/* The other way round virtual ones are more specific, and come first. */
	for (size_t i = 0; i < lease->prefixes.count; i++)
		if (ntm_prefix_inside(prefix, &lease->prefixes.item[i]))
			return "is inside the virtual prefixes of our domain";
	for (size_t i = 0; i < realm->partners->prefix_count; i++)
		if (ntm_prefix_inside(prefix, &realm->partners->prefix[i].prefix))
			return "is inside the virtual prefixes of a partner domain";
	return NULL;
}

static void add_fixed(struct exits *exits, struct exit_point *point,
		      const struct ntm_prefix *prefix)
{
	const char *fault = exit_prefix_fault(exits->args.realm, prefix);
	char text[NTM_PREFIX_STR];

	if (fault != NULL) {
		ntm_warn("exit %s: %s %s: it is not reached through the exit", point->fqdn,
			 ntm_prefix_str(prefix, text), fault);
		return;
	}
	exits->fixed.item[exits->fixed.count].prefix = *prefix;
	exits->fixed.item[exits->fixed.count++].point = point;
}

static void set_fixed(struct exits *exits)
{
	exits->fixed.count = 0;
	for (size_t i = 0; i < exits->count; i++) {
		struct exit_point *point = &exits->point[i];

		for (size_t j = 0; j < point->conf->prefixes.count && point->fqdn[0] != '\0'; j++)
			add_fixed(exits, point, &point->conf->prefixes.item[j]);
	}
}

static void add_route(struct exit_routes *routes, const struct ntm_prefix *prefix, bool is_weak)
{
	routes->item[routes->count] = *prefix;
	routes->is_weak[routes->count++] = is_weak;
}

void exits_announce(struct exits *exits)
{
	struct exit_routes *routes = &exits->routes;

	routes->generation++;
	routes->count = 0;
	for (size_t i = 0; i < exits->fixed.count; i++)
		add_route(routes, &exits->fixed.item[i].prefix,
			  exits->fixed.item[i].prefix.len == 0);
	for (size_t i = 0; i < EXITS_LEARNED; i++) {
		const struct ntm_ip *ip = &exits->learned[i].ip;
		const struct ntm_prefix one = {.ip = *ip, .len = ip->family == 4 ? 32 : 128};

		if (ip->family != 0)
			add_route(routes, &one, exits->learned[i].is_media);
	}
	exits->args.changed(exits->args.ctx, routes);
}

void exits_on_realm(struct exits *exits)
{
	if (exits->count == 0)
		return;
	set_fixed(exits);
	exits_announce(exits);
}

void exits_on_routed(struct exits *exits, uint32_t generation, const char *words)
{
	snprintf(exits->route_words, sizeof(exits->route_words), "%s", words != NULL ? words : "");
	if (words != NULL)
		ntm_warn("what is to go through an exit does not: %s", words);
	else if (generation > exits->routed)
		exits->routed = generation;
	exits_media_routed(exits);
}

/* ---- tunnels to the gateways ---- */

static void on_tunnel(void *arg, const struct tunnel_result *result)
{
	struct exit_point *point = arg;

	if (result->err == 0) {
		point->words[0] = '\0';
		return;
	}
	snprintf(point->words, sizeof(point->words), "%s",
		 result->words != NULL ? result->words : strerror(-result->err));
	point->failed_ms = point->owner->args.timers->now_ms;
}

static void make_point(struct exits *exits, const struct exit_conf *conf)
{
	struct exit_point *point = &exits->point[exits->count++];
	char name[2 * NTM_NAME_MAX + 2];

	snprintf(name, sizeof(name), "%s%s%s", conf->title, strchr(conf->title, '.') ? "" : ".",
		 strchr(conf->title, '.') ? "" : exits->args.realm->lease->domain);
	point->conf = conf;
	point->owner = exits;
	point->wait = (struct tunnel_wait){.fn = on_tunnel, .arg = point};
	if (ntm_name_canon(point->fqdn, name) != 0)
		snprintf(point->words, sizeof(point->words), "%s is no node's name", conf->title);
}

struct exits *exits_new(const struct exits_args *args)
{
	struct exits *exits = calloc(1, sizeof(*exits));

	if (exits == NULL)
		return NULL;
	exits->args = *args;
	exits_learn_init(exits);
	exits_media_init(exits);
	exits->by_ip = ntm_map_new();
	if (exits->by_ip == NULL) {
		free(exits);
		return NULL;
	}
	for (size_t i = 0; args->conf != NULL && i < args->conf->count; i++)
		make_point(exits, &args->conf->item[i]);
	return exits;
}

void exits_free(struct exits *exits)
{
	if (exits == NULL)
		return;
	for (size_t i = 0; i < exits->count; i++)
		tunnel_wait_cancel(&exits->point[i].wait);
	exits_media_fini(exits);
	ntm_timer_del(exits->args.timers, &exits->timer);
	ntm_map_free(exits->by_ip);
	free(exits);
}

/* ---- packets ---- */

static struct exit_learned *find_learned(const struct exits *exits, const struct ntm_ip *ip)
{
	return ntm_map_get(exits->by_ip, ip, sizeof(*ip));
}

static void touch(const struct exits *exits, const struct ntm_ip *ip)
{
	struct exit_learned *learned = find_learned(exits, ip);

	if (learned != NULL)
		learned->used_ms = exits->args.timers->now_ms;
}

struct exit_point *exits_point(struct exits *exits, const struct ntm_ip *ip)
{
	const struct exit_learned *learned;

	if (exits->count == 0)
		return NULL;
	learned = find_learned(exits, ip);
	if (learned != NULL)
		return learned->point;
	for (size_t i = 0; i < exits->fixed.count; i++)
		if (ntm_prefix_has(&exits->fixed.item[i].prefix, ip))
			return exits->fixed.item[i].point;
	return NULL;
}

bool exits_send(struct exits *exits, const struct ntm_ip *dst, struct ntm_pkt *pkt)
{
	struct exit_point *point = exits_point(exits, dst);

	if (point == NULL)
		return false;
	touch(exits, dst);
	point->packets_out++;
	tunnel_send_name(exits->args.tunnels, point->fqdn, pkt, &point->wait);
	return true;
}

static bool is_icmp_error(const struct ntm_ippkt *view)
{
	uint8_t type = view->l4_len > 8 && !view->is_fragment ? view->l4[0] : 0;

	if (view->proto == NTM_IPPROTO_ICMP)
		return type == 3 || type == 11 || type == 12;               /* RFC 792 */
	return view->proto == NTM_IPPROTO_ICMPV6 && type >= 1 && type <= 4; /* RFC 4443 */
}

bool exits_allow(struct exits *exits, const char *fqdn, const struct ntm_ippkt *view)
{
	struct exit_point *point = exits_point(exits, &view->src);
	struct ntm_ip src, dst;

	/* Routers on the way speak of packets that are too large, or that they cannot deliver. */
	if (point == NULL && exits->count > 0 && is_icmp_error(view) &&
	    !realm_is_virtual(exits->args.realm, &view->src)) {
		point = ntm_ippkt_blamed(view, &src, &dst) ? exits_point(exits, &dst) : NULL;
	}
	if (point == NULL || strcmp(point->fqdn, fqdn) != 0)
		return false;
	touch(exits, &view->src);
	point->packets_in++;
	return true;
}

/* ---- what `status` shows ---- */

static json_t *destinations_json(const struct exits *exits, const struct exit_point *point)
{
	json_t *array = json_array();
	char text[NTM_PREFIX_STR];

	for (size_t i = 0; i < exits->fixed.count; i++)
		if (exits->fixed.item[i].point == point)
			json_array_append_new(array,
					      json_string(
						      ntm_prefix_str(&exits->fixed.item[i].prefix,
								     text)));
	for (size_t i = 0; i < EXITS_LEARNED; i++)
		if (exits->learned[i].ip.family != 0 && exits->learned[i].point == point)
			json_array_append_new(array,
					      json_string(ntm_ip_str(&exits->learned[i].ip, text)));
	return array;
}

static json_t *names_json(const struct exit_point *point)
{
	json_t *array = json_array();

	for (size_t i = 0; i < point->conf->names.count; i++)
		json_array_append_new(array, json_string(point->conf->names.item[i]));
	return array;
}

static json_t *point_json(const struct exits *exits, const struct exit_point *point)
{
	const struct tunnel *tunnel = tunnel_find_name(exits->args.tunnels, point->fqdn);
	bool is_up = tunnel != NULL && tunnel_state(tunnel) == TUNNEL_UP;
	const char *state = tunnel != NULL            ? tunnel_state_name(tunnel_state(tunnel))
			    : point->words[0] != '\0' ? "failed"
						      : "idle";
	json_t *json = json_pack("{s:s, s:s, s:o, s:o, s:I, s:I}", "gateway",
				 point->fqdn[0] != '\0' ? point->fqdn : point->conf->title, "state",
				 state, "destinations", destinations_json(exits, point), "names",
				 names_json(point), "packets_out", (json_int_t)point->packets_out,
				 "packets_in", (json_int_t)point->packets_in);

	if (!is_up && point->words[0] != '\0')
		json_object_set_new(json, "words", json_string(point->words));
	else if (exits->route_words[0] != '\0')
		json_object_set_new(json, "words", json_string(exits->route_words));
	return json;
}

json_t *exits_json(const struct exits *exits)
{
	json_t *array = json_array();

	for (size_t i = 0; i < exits->count; i++)
		json_array_append_new(array, point_json(exits, &exits->point[i]));
	return array;
}
