/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs `node ...` and `status`: asked of the daemon; nodes also without it. */
#include "dc_cli.h"

#include "ntm/verb.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define KEY_STR 64

static void print_add(const json_t *reply)
{
	if (json_integer_value(json_object_get(reply, "joined_s")) != 0)
		fputs("this node has joined before: the token is for a new host in its place, and "
		      "ends the old one\n",
		      stderr);
	fprintf(stderr, "%s has %s and %s; paste this on its host, once: ntm-node join TOKEN\n",
		ntm_verb_text(reply, "name"), ntm_verb_text(reply, "vip4"),
		ntm_verb_text(reply, "vip6"));
	puts(ntm_verb_text(reply, "token"));
}

/* When it was seen last, or "-": not since the DC's start, or nobody knows. */
const char *dc_cli_age(const json_t *node, char buf[static DC_AGE_STR])
{
	long long seconds = ntm_verb_number(node, "last_seen_s");

	if (json_object_get(node, "last_seen_s") == NULL)
		return "-";
	if (seconds < 120)
		snprintf(buf, DC_AGE_STR, "%lld s", seconds);
	else if (seconds < 7200)
		snprintf(buf, DC_AGE_STR, "%lld min", seconds / 60);
	else if (seconds < 172800)
		snprintf(buf, DC_AGE_STR, "%lld h", seconds / 3600);
	else
		snprintf(buf, DC_AGE_STR, "%lld d", seconds / 86400);
	return buf;
}

static void print_nodes(const json_t *reply)
{
	const json_t *nodes = json_object_get(reply, "nodes"), *node;
	char buf[DC_AGE_STR];
	size_t i;

	printf("%-30s %-16s %-26s %-13s %-8s %s\n", "NAME", "VIP4", "VIP6", "STATE", "SEEN",
	       "FROM");
	json_array_foreach(nodes, i, node)
		printf("%-30s %-16s %-26s %-13s %-8s %s\n", ntm_verb_text(node, "name"),
		       ntm_verb_text(node, "vip4"), ntm_verb_text(node, "vip6"),
		       ntm_verb_text(node, "state"), dc_cli_age(node, buf),
		       ntm_verb_text(json_object_get(node, "place"), "reflexive"));
}

static void print_time(const char *label, const json_t *node, const char *name)
{
	time_t at = (time_t)ntm_verb_number(node, name);
	char buf[40] = "never";
	struct tm tm;

	if (at != 0 && localtime_r(&at, &tm) != NULL)
		strftime(buf, sizeof(buf), "%F %T %Z", &tm);
	printf("%-10s %s\n", label, buf);
}

static void print_place(const json_t *place)
{
	const json_t *own = json_object_get(place, "own"), *addr;
	size_t i;

	printf("%-10s %s%s\n", "from", ntm_verb_text(place, "reflexive"),
	       json_is_true(json_object_get(place, "nat")) ? ", behind a NAT" : "");
	json_array_foreach(own, i, addr)
		printf("%-10s %s\n", i == 0 ? "addresses" : "", json_string_value(addr));
}

void dc_cli_print_times(const json_t *node)
{
	char buf[DC_AGE_STR];

	print_time("created", node, "created_s");
	print_time("joined", node, "joined_s");
	if (ntm_verb_number(node, "revoked_s") != 0)
		print_time("revoked", node, "revoked_s");
	if (ntm_verb_number(node, "joined_s") != 0)
		printf("%-10s %s\n", "key", ntm_verb_text(node, "key"));
	if (json_object_get(node, "last_seen_s") != NULL)
		printf("%-10s %s ago\n", "seen", dc_cli_age(node, buf));
}

static void print_node(const json_t *node)
{
	const json_t *place = json_object_get(node, "place");

	printf("%-10s %s\n%-10s %s\n", "name", ntm_verb_text(node, "name"), "state",
	       ntm_verb_text(node, "state"));
	printf("%-10s %s\n%-10s %s\n", "vip4", ntm_verb_text(node, "vip4"), "vip6",
	       ntm_verb_text(node, "vip6"));
	printf("%-10s %s\n", "exit", json_is_true(json_object_get(node, "exit")) ? "yes" : "no");
	dc_cli_print_times(node);
	if (place != NULL)
		print_place(place);
}

/* A name that was revoked and given again is more than one node. */
static void print_show(const json_t *reply)
{
	const json_t *nodes = json_object_get(reply, "nodes"), *node;
	size_t i;

	json_array_foreach(nodes, i, node)
	{
		if (i > 0)
			putchar('\n');
		print_node(node);
	}
}

static void print_revoked(const json_t *reply)
{
	fprintf(stderr, "%s is revoked%s\n", ntm_verb_text(reply, "revoked"),
		json_is_true(json_object_get(reply, "told"))
			? "; its session has ended and all nodes are told"
			: "; ntm-dc does not run: nodes are told when it does");
}

static void print_exit(const json_t *reply)
{
	fprintf(stderr, "%s may %sleave through gateways\n", ntm_verb_text(reply, "name"),
		json_is_true(json_object_get(reply, "exit")) ? "" : "not ");
}

static const struct dc_sub_verb node_verbs[] = {
	{"add", "node_add", 1, print_add},    {"list", "node_list", 0, print_nodes},
	{"show", "node_show", 1, print_show}, {"revoke", "node_revoke", 1, print_revoked},
	{"exit", "node_exit", 2, print_exit},
};

int dc_cmd_node(struct dc_cli *cli)
{
	const struct dc_sub_verb *verb =
		dc_cli_sub_verb(cli, node_verbs, sizeof(node_verbs) / sizeof(node_verbs[0]));

	if (verb == NULL) {
		fputs("usage: ntm-dc node add NAME | list | show NAME | revoke NAME | "
		      "exit NAME on|off\n",
		      stderr);
		return NTM_EXIT_USAGE;
	}
	return dc_cli_run_sub_verb(cli, verb,
				   json_pack("{s:s, s:s, s:s, s:I}", "verb", verb->request, "name",
					     verb->args > 0 ? cli->argv[1] : "", "word",
					     verb->args > 1 ? cli->argv[2] : "", "lifetime_s",
					     (json_int_t)cli->expires_s));
}

static void print_value(const char *section, const char *key, const json_t *value)
{
	char name[KEY_STR];

	snprintf(name, sizeof(name), "%s%s%s", section, *section != '\0' ? "." : "", key);
	if (json_is_string(value))
		printf("%-24s %s\n", name, json_string_value(value));
	else if (json_is_integer(value) &&
		 (*section == '\0' || json_integer_value(value) != 0)) /* --json has all */
		printf("%-24s %lld\n", name, (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		printf("%-24s %s\n", name, json_is_true(value) ? "yes" : "no");
}

static void print_errors(const json_t *errors)
{
	const json_t *error;
	size_t i;

	if (json_array_size(errors) > 0)
		puts("the last things that went wrong:");
	json_array_foreach(errors, i, error)
	{
		print_time("", error, "at_s");
		printf("%-10s %s\n", "", ntm_verb_text(error, "words"));
	}
}

/* Sections follow each other as "links.frames_in". */
static void print_status(const json_t *status)
{
	const char *section, *key;
	json_t *part, *value;

	json_object_foreach((json_t *)(uintptr_t)status, section, part)
		print_value("", section, part);
	json_object_foreach((json_t *)(uintptr_t)status, section, part)
	{
		json_object_foreach(part, key, value) print_value(section, key, value);
	}
	if (json_array_size(json_object_get(status, "relays")) > 0)
		dc_cli_print_relays(status);
	print_errors(json_object_get(status, "last_errors"));
}

int dc_cmd_status(struct dc_cli *cli)
{
	json_t *reply = NULL;
	int code = dc_cli_ask(cli, json_pack("{s:s}", "verb", "status"), &reply);

	if (code == NTM_EXIT_NOT_RUNNING)
		fputs("ntm-dc: not running: start it with `systemctl start ntm-dc` or `ntm-dc "
		      "run`\n",
		      stderr);
	if (code == NTM_EXIT_OK) {
		if (cli->json)
			ntm_verb_print(reply);
		else
			print_status(reply);
	}
	json_decref(reply);
	return code;
}
