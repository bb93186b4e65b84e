/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs `relay ...`: asked of the daemon, or, when none runs, of the store. */
#include "dc_cli.h"

#include "ntm/verb.h"

#include <stdio.h>
#include <string.h>

#define LOAD_STR 40

static void print_add(const json_t *reply)
{
	if (json_integer_value(json_object_get(reply, "joined_s")) != 0)
		fputs("this relay has joined before: the token is for a new host in its place, and "
		      "ends the old one\n",
		      stderr);
	fprintf(stderr, "%s: paste this on its host, once: ntm-relay join TOKEN\n",
		ntm_verb_text(reply, "name"));
	puts(ntm_verb_text(reply, "token"));
}

/* "12/1000"; "12" when there is no limit; "-" when it has told nothing. */
static const char *load(const json_t *relay, const char *now, const char *most,
			char buf[static LOAD_STR])
{
	long long limit = json_integer_value(json_object_get(relay, most));
	const json_t *value = json_object_get(relay, now);

	if (value == NULL)
		return "-";
	if (limit > 0)
		snprintf(buf, LOAD_STR, "%lld/%lld", (long long)json_integer_value(value), limit);
	else
		snprintf(buf, LOAD_STR, "%lld", (long long)json_integer_value(value));
	return buf;
}

static void print_addresses(const json_t *relay)
{
	const json_t *addresses = json_object_get(relay, "addresses"), *addr;
	size_t i;

	json_array_foreach(addresses, i, addr)
		printf("%s%s", i > 0 ? " " : "", json_string_value(addr));
	puts(json_array_size(addresses) == 0 ? "-" : "");
}

void dc_cli_print_relays(const json_t *reply)
{
	const json_t *relays = json_object_get(reply, "relays"), *relay;
	char flows[LOAD_STR], kbit[LOAD_STR], seen[DC_AGE_STR];
	size_t i;

	printf("%-30s %-13s %-13s %-17s %-8s %s\n", "RELAY", "STATE", "FLOWS", "KBIT/S", "SEEN",
	       "ADDRESSES");
	json_array_foreach(relays, i, relay)
	{
		printf("%-30s %-13s %-13s %-17s %-8s ", ntm_verb_text(relay, "name"),
		       ntm_verb_text(relay, "state"), load(relay, "flows", "flows_max", flows),
		       load(relay, "kbit_s", "kbit_s_max", kbit), dc_cli_age(relay, seen));
		print_addresses(relay);
	}
}

static void print_relay(const json_t *relay)
{
	char buf[LOAD_STR];

	printf("%-10s %s\n%-10s %s\n%-10s %s\n", "name", ntm_verb_text(relay, "name"), "state",
	       ntm_verb_text(relay, "state"), "gateway",
	       json_is_true(json_object_get(relay, "gateway")) ? "yes" : "no");
	if (json_is_true(json_object_get(relay, "gateway")))
		printf("%-10s %s\n%-10s %s\n", "vip4", ntm_verb_text(relay, "vip4"), "vip6",
		       ntm_verb_text(relay, "vip6"));
	dc_cli_print_times(relay);
	if (json_object_get(relay, "flows") == NULL)
		return;
	printf("%-10s %s\n", "flows", load(relay, "flows", "flows_max", buf));
	printf("%-10s %s\n", "kbit/s", load(relay, "kbit_s", "kbit_s_max", buf));
	printf("%-10s ", "addresses");
	print_addresses(relay);
}

/* A name that was revoked and given again is more than one relay. */
static void print_show(const json_t *reply)
{
	const json_t *relays = json_object_get(reply, "relays"), *relay;
	size_t i;

	json_array_foreach(relays, i, relay)
	{
		if (i > 0)
			putchar('\n');
		print_relay(relay);
	}
}

static void print_revoked(const json_t *reply)
{
	fprintf(stderr, "%s is revoked%s\n", ntm_verb_text(reply, "revoked"),
		json_is_true(json_object_get(reply, "told"))
			? "; its session has ended, and it gets no new flow"
			: "; it gets no new flow");
}

static const struct dc_sub_verb relay_verbs[] = {
	{"add", "relay_add", 1, print_add},
	{"list", "relay_list", 0, dc_cli_print_relays},
	{"show", "relay_show", 1, print_show},
	{"revoke", "relay_revoke", 1, print_revoked},
};

int dc_cmd_relay(struct dc_cli *cli)
{
	const struct dc_sub_verb *verb =
		dc_cli_sub_verb(cli, relay_verbs, sizeof(relay_verbs) / sizeof(relay_verbs[0]));

	if (verb == NULL) {
		fputs("usage: ntm-dc relay add NAME | list | show NAME | revoke NAME\n", stderr);
		return NTM_EXIT_USAGE;
	}
	return dc_cli_run_sub_verb(cli, verb,
				   json_pack("{s:s, s:s, s:I, s:b}", "verb", verb->request, "name",
					     verb->args > 0 ? cli->argv[1] : "", "lifetime_s",
					     (json_int_t)cli->expires_s, "gateway", cli->gateway));
}
