/* SPDX-License-Identifier: BSD-2-Clause */
/* ntm-relay's command line: verbs as a table, exit codes, and what the verbs share. */
#pragma once

#include "relay_conf.h"

#include "ntm/exit.h"

struct relay_cli {
	const char *conf_path; /* NULL: the usual one */
	bool json;
	bool force; /* join: replace a lease */
	int argc;   /* what stands behind the verb */
	char **argv;
	struct relay_conf conf; /* read, when the verb wants it */
};

int relay_cli_main(int argc, char **argv);

/* The verbs; in files of their own, but for run and version. */
int relay_cmd_join(struct relay_cli *cli);
int relay_cmd_check(struct relay_cli *cli);
int relay_cmd_status(struct relay_cli *cli);
int relay_cmd_flows(struct relay_cli *cli);
int relay_cmd_drain(struct relay_cli *cli);
int relay_cmd_exits(struct relay_cli *cli);
