/* SPDX-License-Identifier: BSD-2-Clause */
/* ntm-dc's command line: verbs as a table, exit codes, and what the verbs share. */
#pragma once

#include "domain.h"

#include "ntm/exit.h"

#include <jansson.h>

struct dc_cli {
	const char *conf_path; /* NULL: the usual one */
	bool json;
	int64_t expires_s;
	bool gateway; /* relay add */
	/* init */
	const char *domain, *prefix4, *prefix6, *state_dir, *run_dir, *user;
	struct ntm_strings addresses, sip; /* borrowed texts */
	/* trust add */
	const char *root, *mode;
	struct ntm_strings prefixes, allow; /* borrowed texts */
	int argc;                           /* what stands behind the verb */
	char **argv;
	struct dc_conf conf; /* read, when the verb wants it */
};

int dc_cli_main(int argc, char **argv);
/* 0, or an exit code after it told what is wrong. */
int dc_cli_read_conf(struct dc_cli *cli);

/* Asks the daemon, takes request; *reply is the answer. An exit code; what went wrong is told
 * unless it is NTM_EXIT_NOT_RUNNING. */
int dc_cli_ask(const struct dc_cli *cli, json_t *request, json_t **reply);

/* Prints an error of the files and their words; its exit code. */
int dc_cli_fail(int err, const char *words);

int dc_cmd_init(struct dc_cli *cli);
int dc_cmd_node(struct dc_cli *cli);
int dc_cmd_relay(struct dc_cli *cli);
int dc_cmd_status(struct dc_cli *cli);
int dc_cmd_trust(struct dc_cli *cli);

/* dc_cmd_show.c: of a node or relay: when it was seen last, as "3 min", or "-"; lines of times. */
#define DC_AGE_STR 24
const char *dc_cli_age(const json_t *member, char buf[static DC_AGE_STR]);
void dc_cli_print_times(const json_t *member);
/* dc_cmd_relay.c: {"relays": [...]}. */
void dc_cli_print_relays(const json_t *reply);

/* dc_cli_sub.c: what stands behind `node`, `relay` and `trust`. */
struct dc_sub_verb {
	const char *name, *request;
	int args; /* behind it: a name, a name and a word */
	void (*print)(const json_t *reply);
};
/* The one that the arguments name, as many as it wants; or NULL. */
const struct dc_sub_verb *dc_cli_sub_verb(const struct dc_cli *cli, const struct dc_sub_verb *verbs,
					  size_t count);
/* Asks the daemon, or, when none runs, the store; takes request. Prints what the answer is. */
int dc_cli_run_sub_verb(const struct dc_cli *cli, const struct dc_sub_verb *verb, json_t *request);
