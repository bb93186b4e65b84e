/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs that work on nodes. */
#include "admin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static json_t *fail(const char *words)
{
	return json_pack("{s:s}", "error", words);
}

static const char *name_of(const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "name"));

	return name != NULL ? name : "";
}

static json_t *ip_json(const struct ntm_ip *ip)
{
	char text[NTM_IP_STR];

	return ip->family == 0 ? json_null() : json_string(ntm_ip_str(ip, text));
}

static const char *state_of(const struct store_node *node, bool is_online)
{
	return node->revoked_s != 0 ? "revoked"
	       : !node->joined      ? "never joined"
	       : is_online          ? "online"
				    : "offline";
}

/* Takes place. When a node was seen last is told of those that are away as well. */
static void add_place(json_t *json, json_t *place, bool is_online)
{
	json_t *seen = json_object_get(place, "last_seen_s");

	if (seen != NULL)
		json_object_set(json, "last_seen_s", seen);
	if (is_online)
		json_object_set(json, "place", place);
	json_decref(place);
}

static json_t *node_json(const struct admin *admin, const struct store_node *node)
{
	bool is_online =
		admin->dc != NULL && node->revoked_s == 0 && dc_is_online(admin->dc, node->fqdn);
	char key[NTM_FINGERPRINT_STR];
	json_t *json = json_pack("{s:s, s:o, s:o, s:s, s:b, s:I, s:I, s:I, s:I, s:s}", "name",
				 node->fqdn, "vip4", ip_json(&node->vip4), "vip6",
				 ip_json(&node->vip6), "state", state_of(node, is_online), "online",
				 is_online, "created_s", (json_int_t)node->created_s, "joined_s",
				 (json_int_t)node->joined_s, "revoked_s",
				 (json_int_t)node->revoked_s, "serial", (json_int_t)node->serial,
				 "key", node->joined ? ntm_fingerprint(node->key, key) : "");

	if (json != NULL && admin->dc != NULL && node->revoked_s == 0)
		add_place(json, dc_node_json(admin->dc, node->fqdn), is_online);
	return json;
}

static json_t *node_add(const struct admin *admin, const json_t *request)
{
	struct store_node node;
	char token[NTM_TOKEN_STR], words[DOMAIN_WORDS];
	json_int_t lifetime_s = json_integer_value(json_object_get(request, "lifetime_s"));

	if (lifetime_s < 60 || lifetime_s > 30 * 86400)
		return fail("a token is valid for between a minute and 30 days");
	if (domain_add_node(admin->domain, name_of(request), lifetime_s, &node, token, words) != 0)
		return fail(words);
	json_t *reply = node_json(admin, &node);
	if (reply != NULL)
		json_object_set_new(reply, "token", json_string(token));
	ntm_wipe(token, sizeof(token));
	return reply;
}

struct listing {
	const struct admin *admin;
	json_t *nodes;
	const char *only; /* NULL: all */
	int err;
};

static void on_listed(void *arg, int err, const struct store_node *node)
{
	struct listing *listing = arg;

	if (err != 0)
		listing->err = err;
	else if (node != NULL && (listing->only == NULL || strcmp(listing->only, node->fqdn) == 0))
		json_array_append_new(listing->nodes, node_json(listing->admin, node));
}

static json_t *list(const struct admin *admin, const char *only)
{
	struct listing listing = {.admin = admin, .nodes = json_array(), .only = only};

	store_node_list(admin->domain->store, on_listed, &listing);
	if (listing.err == 0)
		return json_pack("{s:o}", "nodes", listing.nodes);
	json_decref(listing.nodes);
	return fail(store_words(admin->domain->store));
}

static json_t *node_show(const struct admin *admin, const json_t *request)
{
	char fqdn[NTM_NAME_MAX + 1], words[DOMAIN_WORDS];

	if (dc_conf_name(admin->domain->conf, name_of(request), fqdn) != 0)
		return fail("this is no name of a node");
	json_t *reply = list(admin, fqdn);
	if (json_array_size(json_object_get(reply, "nodes")) > 0)
		return reply;
	json_decref(reply);
	snprintf(words, sizeof(words), "%s: no such node", fqdn);
	return fail(words);
}

struct revoked {
	int err;
	bool is_done;
};

static void on_revoked(void *arg, int err, const struct store_node *node)
{
	struct revoked *revoked = arg;

	(void)node;
	*revoked = (struct revoked){.err = err, .is_done = true};
}

static json_t *node_revoke(const struct admin *admin, const json_t *request)
{
	char fqdn[NTM_NAME_MAX + 1], words[DOMAIN_WORDS];
	struct revoked revoked = {.err = -EIO};

	if (dc_conf_name(admin->domain->conf, name_of(request), fqdn) != 0)
		return fail("this is no name of a node");
	if (admin->dc != NULL)
		dc_revoke(admin->dc, fqdn, on_revoked, &revoked);
	else
		store_node_revoke(admin->domain->store, fqdn, time(NULL), on_revoked, &revoked);
	if (revoked.err == 0)
		return json_pack("{s:s, s:b}", "revoked", fqdn, "told", admin->dc != NULL);
	snprintf(words, sizeof(words), "%s: %s", fqdn,
		 revoked.err == -ENOENT ? "no such node" : store_words(admin->domain->store));
	return fail(words);
}

json_t *admin_answer(const struct admin *admin, const json_t *request)
{
	const char *verb = json_string_value(json_object_get(request, "verb"));

	if (verb == NULL)
		return NULL;
	if (strcmp(verb, "node_add") == 0)
		return node_add(admin, request);
	if (strcmp(verb, "node_list") == 0)
		return list(admin, NULL);
	if (strcmp(verb, "node_show") == 0)
		return node_show(admin, request);
	if (strcmp(verb, "node_revoke") == 0)
		return node_revoke(admin, request);
	return admin_trust_answer(admin, request);
}
