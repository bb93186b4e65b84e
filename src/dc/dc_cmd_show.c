/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs `node ...` and `status`: asked of the daemon; nodes also without it. */
#include "admin.h"
#include "dc_cli.h"

#include <stdio.h>
#include <string.h>

static const char *text(const json_t *json, const char *name)
{
	const char *value = json_string_value(json_object_get(json, name));

	return value != NULL ? value : "-";
}

static void print_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
}

/* Without a daemon the store is ours to use. */
static int answer_here(const struct dc_cli *cli, const json_t *request, json_t **reply)
{
	struct domain domain;
	char words[DOMAIN_WORDS];

	if (domain_open(&domain, &cli->conf, words) != 0) {
		fprintf(stderr, "ntm-dc: %s\n", words);
		return DC_EXIT_FAILED;
	}
	const struct admin admin = {.domain = &domain};
	*reply = admin_answer(&admin, request);
	domain_close(&domain);
	const char *error = json_string_value(json_object_get(*reply, "error"));
	if (error == NULL && *reply != NULL)
		return DC_EXIT_OK;
	fprintf(stderr, "ntm-dc: %s\n", error != NULL ? error : "out of memory");
	return DC_EXIT_FAILED;
}

static void print_add(const json_t *reply)
{
	fprintf(stderr, "%s has %s and %s; paste this on its host, once: ntm-node join TOKEN\n",
		text(reply, "name"), text(reply, "vip4"), text(reply, "vip6"));
	puts(text(reply, "token"));
}

static void print_nodes(const json_t *reply)
{
	const json_t *nodes = json_object_get(reply, "nodes"), *node;
	size_t i;

	printf("%-30s %-16s %-26s %-13s %s\n", "NAME", "VIP4", "VIP6", "STATE", "SEEN FROM");
	json_array_foreach(nodes, i, node)
		printf("%-30s %-16s %-26s %-13s %s\n", text(node, "name"), text(node, "vip4"),
		       text(node, "vip6"), text(node, "state"),
		       text(json_object_get(node, "place"), "reflexive"));
}

static void print_revoked(const json_t *reply)
{
	fprintf(stderr, "%s is revoked%s\n", text(reply, "revoked"),
		json_is_true(json_object_get(reply, "told"))
			? "; its session has ended and all nodes are told"
			: "; ntm-dc does not run: nodes are told when it does");
}

struct node_verb {
	const char *name, *request;
	bool wants_name;
	void (*print)(const json_t *reply);
};
static const struct node_verb node_verbs[] = {
	{"add", "node_add", true, print_add},
	{"list", "node_list", false, print_nodes},
	{"show", "node_show", true, print_json},
	{"revoke", "node_revoke", true, print_revoked},
};

static const struct node_verb *find_node_verb(const struct dc_cli *cli)
{
	for (size_t i = 0; i < sizeof(node_verbs) / sizeof(node_verbs[0]); i++)
		if (strcmp(node_verbs[i].name, cli->argv[0]) == 0 &&
		    cli->argc == 1 + node_verbs[i].wants_name)
			return &node_verbs[i];
	return NULL;
}

int dc_cmd_node(struct dc_cli *cli)
{
	const struct node_verb *verb = find_node_verb(cli);
	json_t *reply = NULL;

	if (verb == NULL) {
		fputs("usage: ntm-dc node add NAME | list | show NAME | revoke NAME\n", stderr);
		return DC_EXIT_USAGE;
	}
	json_t *request = json_pack("{s:s, s:s, s:I}", "verb", verb->request, "name",
				    verb->wants_name ? cli->argv[1] : "", "lifetime_s",
				    (json_int_t)cli->expires_s);
	int code = dc_cli_ask(cli, json_incref(request), &reply);
	if (code == DC_EXIT_NOT_RUNNING)
		code = answer_here(cli, request, &reply);
	if (code == DC_EXIT_OK) {
		if (cli->json)
			print_json(reply);
		else
			verb->print(reply);
	}
	json_decref(request);
	json_decref(reply);
	return code;
}

static void print_status(const json_t *status)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)status, key, value)
	{
		if (json_is_string(value))
			printf("%-18s %s\n", key, json_string_value(value));
		else if (json_is_integer(value))
			printf("%-18s %lld\n", key, (long long)json_integer_value(value));
	}
}

int dc_cmd_status(struct dc_cli *cli)
{
	json_t *reply = NULL;
	int code = dc_cli_ask(cli, json_pack("{s:s}", "verb", "status"), &reply);

	if (code == DC_EXIT_NOT_RUNNING)
		fputs("ntm-dc: not running: start it with `systemctl start ntm-dc` or `ntm-dc "
		      "run`\n",
		      stderr);
	if (code == DC_EXIT_OK) {
		if (cli->json)
			print_json(reply);
		else
			print_status(reply);
	}
	json_decref(reply);
	return code;
}
