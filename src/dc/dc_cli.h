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
	/* init */
	const char *domain, *prefix4, *prefix6, *state_dir, *run_dir, *user;
	struct ntm_strings addresses, sip; /* borrowed texts */
	int argc;                          /* what stands behind the verb */
	char **argv;
	struct dc_conf conf; /* read, when the verb wants it */
};

int dc_cli_main(int argc, char **argv);
/* 0, or an exit code after it told what is wrong. */
int dc_cli_read_conf(struct dc_cli *cli);

/* Asks the daemon, takes request; *reply is the answer. An exit code; what went wrong is told
 * unless it is NTM_EXIT_NOT_RUNNING. */
int dc_cli_ask(const struct dc_cli *cli, json_t *request, json_t **reply);

int dc_cmd_init(struct dc_cli *cli);
int dc_cmd_node(struct dc_cli *cli);
int dc_cmd_status(struct dc_cli *cli);
