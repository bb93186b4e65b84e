/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs `trust ...`: asked of the daemon, or of the store without it. */
#include "dc_cli.h"
#include "trust.h"

#include "ntm/verb.h"

#include <stdio.h>
#include <string.h>

#define JOINED_STR 2048 /* TRUST_ALLOW_MAX names */

/* A word, or the words of a list; otherwise for none. */
static const char *join(const json_t *value, const char *none, char buf[static JOINED_STR])
{
	const json_t *item;
	size_t i, used = 0;

	if (json_is_string(value))
		return json_string_value(value);
	if (json_array_size(value) == 0)
		return none;
	json_array_foreach(value, i, item)
	{
		const char *text = json_string_value(item);

		if (text != NULL && used < JOINED_STR)
			used += (size_t)snprintf(buf + used, JOINED_STR - used, "%s%s",
						 used > 0 ? "," : "", text);
	}
	return buf;
}

static const char *root_of(const json_t *pin)
{
	const char *fingerprint = json_string_value(json_object_get(pin, "fingerprint"));

	return fingerprint != NULL ? fingerprint : "not known yet";
}

static void print_add(const json_t *reply)
{
	char prefixes[JOINED_STR], names[JOINED_STR];
	const char *domain = ntm_verb_text(reply, "domain");
	const json_t *name;
	size_t i;

	if (json_is_true(json_object_get(reply, "replaced")))
		fprintf(stderr, "%s was trusted already: this takes the place of it\n", domain);
	fprintf(stderr, "%s is trusted (%s): root %s, virtual addresses %s; it may call: %s\n",
		domain, ntm_verb_text(reply, "mode"), root_of(reply),
		join(json_object_get(reply, "prefixes"), "not known yet", prefixes),
		join(json_object_get(reply, "may_call"), "none", names));
	json_array_foreach(json_object_get(reply, "unknown"), i, name)
		fprintf(stderr, "warning: there is no node %s (yet)\n", json_string_value(name));
}

static void print_list(const json_t *reply)
{
	static const char format[] = "%-24s %-7s %-19s %-36s %-24s %s\n";
	char prefixes[JOINED_STR], names[JOINED_STR];
	const json_t *pin;
	size_t i;

	printf(format, "DOMAIN", "MODE", "ROOT", "PREFIXES", "MAY CALL", "STATE");
	json_array_foreach(json_object_get(reply, "pins"), i, pin)
		printf(format, ntm_verb_text(pin, "domain"), ntm_verb_text(pin, "mode"),
		       root_of(pin), join(json_object_get(pin, "prefixes"), "-", prefixes),
		       join(json_object_get(pin, "may_call"), "none", names),
		       ntm_verb_text(json_object_get(pin, "dc"), "state"));
}

static void print_removed(const json_t *reply)
{
	fprintf(stderr, "%s is not trusted any more%s\n", ntm_verb_text(reply, "removed"),
		json_is_true(json_object_get(reply, "told"))
			? "; sessions with it end, and all nodes are told"
			: "; ntm-dc does not run: nodes are told when it does");
}

static void print_export(const json_t *reply)
{
	fprintf(stderr,
		"paste this line on the other domain's DC, and compare by another way: root %s\n",
		ntm_verb_text(reply, "fingerprint"));
	puts(ntm_verb_text(reply, "line"));
}

/* NULL when nothing was given. What is no UTF-8 stays as a null, which is refused. */
static json_t *list_json(const struct ntm_strings *list)
{
	json_t *json = list->count > 0 ? json_array() : NULL;

	for (size_t i = 0; i < list->count; i++) {
		json_t *text = json_string(list->item[i]);

		json_array_append_new(json, text != NULL ? text : json_null());
	}
	return json;
}

/* All that the options say; each verb looks at what is its own. */
static json_t *request_json(const struct dc_cli *cli, const char *verb)
{
	return json_pack("{s:s, s:s, s:s*, s:s*, s:o*, s:o*}", "verb", verb, "name",
			 cli->argc > 1 ? cli->argv[1] : "", "root", cli->root, "mode", cli->mode,
			 "prefixes", list_json(&cli->prefixes), "allow", list_json(&cli->allow));
}

static const struct dc_sub_verb verbs[] = {
	{"add", "trust_add", 1, print_add},
	{"list", "trust_list", 0, print_list},
	{"remove", "trust_remove", 1, print_removed},
	{"export", "trust_export", 0, print_export},
};

int dc_cmd_trust(struct dc_cli *cli)
{
	const struct dc_sub_verb *verb =
		dc_cli_sub_verb(cli, verbs, sizeof(verbs) / sizeof(verbs[0]));

	if (verb == NULL) {
		fputs("usage: ntm-dc trust add DOMAIN [--root KEY] [--prefix P]... [--mode MODE] "
		      "[--allow NAME]...\n"
		      "       ntm-dc trust list | remove DOMAIN | export\n",
		      stderr);
		return NTM_EXIT_USAGE;
	}
	return dc_cli_run_sub_verb(cli, verb, request_json(cli, verb->request));
}
