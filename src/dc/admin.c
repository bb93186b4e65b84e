/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs that work on nodes and relays. */
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

/* What is the same of nodes and relays. */
static json_t *member_json(const struct store_node *node, const char *state)
{
	char key[NTM_FINGERPRINT_STR];

	return json_pack("{s:s, s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:s}", "name", node->fqdn,
			 "vip4", ip_json(&node->vip4), "vip6", ip_json(&node->vip6), "state", state,
			 "created_s", (json_int_t)node->created_s, "joined_s",
			 (json_int_t)node->joined_s, "revoked_s", (json_int_t)node->revoked_s,
			 "serial", (json_int_t)node->serial, "key",
			 node->joined ? ntm_fingerprint(node->key, key) : "");
}

static json_t *node_json(const struct admin *admin, const struct store_node *node)
{
	bool is_online =
		admin->dc != NULL && node->revoked_s == 0 && dc_is_online(admin->dc, node->fqdn);
	json_t *json = member_json(node, state_of(node, is_online));

	if (json == NULL)
		return NULL;
	json_object_set_new(json, "online", json_boolean(is_online));
	json_object_set_new(json, "exit", json_boolean(node->may_exit));
	if (admin->dc != NULL && node->revoked_s == 0)
		add_place(json, dc_node_json(admin->dc, node->fqdn), is_online);
	return json;
}

static json_t *relay_json(const struct admin *admin, const struct store_node *relay)
{
	json_t *json = member_json(relay, relay->revoked_s != 0 ? "revoked"
					  : !relay->joined      ? "never joined"
								: "silent");

	if (json == NULL)
		return NULL;
	json_object_set_new(json, "gateway", json_boolean(relay->gateway));
	if (admin->dc != NULL && relay->revoked_s == 0) {
		json_t *now = dc_relay_json(admin->dc, relay);

		json_object_update(json, now);
		json_decref(now);
	}
	return json;
}

static json_t *json_of(const struct admin *admin, const struct store_node *member)
{
	return member->role == STORE_RELAY ? relay_json(admin, member) : node_json(admin, member);
}

static json_t *add(const struct admin *admin, enum store_role role, const json_t *request)
{
	struct store_node member = {
		.role = (uint8_t)role,
		.gateway = json_is_true(json_object_get(request, "gateway")),
	};
	char token[NTM_TOKEN_STR], words[DOMAIN_WORDS];
	json_int_t lifetime_s = json_integer_value(json_object_get(request, "lifetime_s"));

	if (lifetime_s < 60 || lifetime_s > 30 * 86400)
		return fail("a token is valid for between a minute and 30 days");
	if (domain_add_node(admin->domain, name_of(request), lifetime_s, &member, token, words) !=
	    0)
		return fail(words);
	json_t *reply = json_of(admin, &member);
	if (reply != NULL)
		json_object_set_new(reply, "token", json_string(token));
	ntm_wipe(token, sizeof(token));
	return reply;
}

struct listing {
	const struct admin *admin;
	json_t *items;
	const char *only; /* NULL: all */
	int err;
};

static void on_listed(void *arg, int err, const struct store_node *node)
{
	struct listing *listing = arg;

	if (err != 0)
		listing->err = err;
	else if (node != NULL && (listing->only == NULL || strcmp(listing->only, node->fqdn) == 0))
		json_array_append_new(listing->items, json_of(listing->admin, node));
}

static const char *list_name(enum store_role role)
{
	return role == STORE_RELAY ? "relays" : "nodes";
}

static json_t *list(const struct admin *admin, enum store_role role, const char *only)
{
	struct listing listing = {.admin = admin, .items = json_array(), .only = only};

	store_node_list(admin->domain->store, role, on_listed, &listing);
	if (listing.err == 0)
		return json_pack("{s:o}", list_name(role), listing.items);
	json_decref(listing.items);
	return fail(store_words(admin->domain->store));
}

/* The name that the request has, in full. False: *reply says that it is none. */
static bool read_name(const struct admin *admin, const json_t *request,
		      char fqdn[static NTM_NAME_MAX + 1], json_t **reply)
{
	if (dc_conf_name(admin->domain->conf, name_of(request), fqdn) == 0)
		return true;
	*reply = fail("this is no name of a node");
	return false;
}

static json_t *fail_unknown(enum store_role role, const char *fqdn)
{
	char words[DOMAIN_WORDS];

	snprintf(words, sizeof(words), "%s: no such %s", fqdn,
		 role == STORE_RELAY ? "relay" : "node");
	return fail(words);
}

static json_t *show(const struct admin *admin, enum store_role role, const json_t *request)
{
	char fqdn[NTM_NAME_MAX + 1];
	json_t *reply = NULL;

	if (!read_name(admin, request, fqdn, &reply))
		return reply;
	reply = list(admin, role, fqdn);
	if (json_object_get(reply, "error") != NULL ||
	    json_array_size(json_object_get(reply, list_name(role))) > 0)
		return reply;
	json_decref(reply);
	return fail_unknown(role, fqdn);
}

struct found {
	int err;
	uint8_t role;
};

static void on_found(void *arg, int err, const struct store_node *node)
{
	struct found *found = arg;

	found->err = err;
	if (node != NULL)
		found->role = node->role;
}

static void on_done(void *arg, int err)
{
	on_found(arg, err, NULL);
}

static json_t *fail_store(const struct admin *admin, const char *fqdn)
{
	char words[DOMAIN_WORDS];

	snprintf(words, sizeof(words), "%s: %s", fqdn, store_words(admin->domain->store));
	return fail(words);
}

/* 0, or -ENOENT also for one of the other role. */
static int check_role(const struct admin *admin, enum store_role role, const char *fqdn)
{
	struct found found = {.err = -EIO};

	store_node_by_name(admin->domain->store, fqdn, on_found, &found);
	return found.err == 0 && found.role != role ? -ENOENT : found.err;
}

static json_t *revoke(const struct admin *admin, enum store_role role, const json_t *request)
{
	char fqdn[NTM_NAME_MAX + 1];
	struct found found = {.err = -EIO};
	json_t *reply = NULL;

	if (!read_name(admin, request, fqdn, &reply))
		return reply;
	found.err = check_role(admin, role, fqdn);
	if (found.err == 0 && admin->dc != NULL)
		dc_revoke(admin->dc, fqdn, on_found, &found);
	else if (found.err == 0)
		store_node_revoke(admin->domain->store, fqdn, time(NULL), on_found, &found);
	if (found.err == 0)
		return json_pack("{s:s, s:b}", "revoked", fqdn, "told", admin->dc != NULL);
	return found.err == -ENOENT ? fail_unknown(role, fqdn) : fail_store(admin, fqdn);
}

static json_t *set_exit(const struct admin *admin, const json_t *request)
{
	char fqdn[NTM_NAME_MAX + 1];
	const char *word = json_string_value(json_object_get(request, "word"));
	bool is_on = word != NULL && strcmp(word, "on") == 0;
	struct found found = {.err = -EIO};
	json_t *reply = NULL;

	if (!is_on && (word == NULL || strcmp(word, "off") != 0))
		return fail("exit is on or off");
	if (!read_name(admin, request, fqdn, &reply))
		return reply;
	if (admin->dc != NULL)
		dc_set_exit(admin->dc, fqdn, is_on, on_done, &found);
	else
		store_node_set_exit(admin->domain->store, fqdn, is_on, time(NULL), on_done, &found);
	if (found.err == 0)
		return json_pack("{s:s, s:b}", "name", fqdn, "exit", is_on);
	return found.err == -ENOENT ? fail_unknown(STORE_NODE, fqdn) : fail_store(admin, fqdn);
}

/* What stands behind "node_" or "relay_"; NULL: neither does. */
static const char *member_verb(const char *verb, enum store_role *role)
{
	*role = strncmp(verb, "relay_", 6) == 0 ? STORE_RELAY : STORE_NODE;
	if (*role == STORE_RELAY)
		return verb + 6;
	return strncmp(verb, "node_", 5) == 0 ? verb + 5 : NULL;
}

json_t *admin_answer(const struct admin *admin, const json_t *request)
{
	const char *verb = json_string_value(json_object_get(request, "verb"));
	enum store_role role;
	const char *what = verb != NULL ? member_verb(verb, &role) : NULL;

	if (verb == NULL)
		return NULL;
	if (what == NULL)
		return admin_trust_answer(admin, request);
	if (strcmp(what, "add") == 0)
		return add(admin, role, request);
	if (strcmp(what, "list") == 0)
		return list(admin, role, NULL);
	if (strcmp(what, "show") == 0)
		return show(admin, role, request);
	if (strcmp(what, "revoke") == 0)
		return revoke(admin, role, request);
	if (strcmp(what, "exit") == 0 && role == STORE_NODE)
		return set_exit(admin, request);
	return NULL;
}
