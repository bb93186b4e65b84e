/* SPDX-License-Identifier: BSD-2-Clause */
/* ntm-node's command line: verbs as a table, exit codes, and what the verbs share. */
#pragma once

#include "node_conf.h"

#include "ntm/exit.h"

#include <jansson.h>
#include <stdbool.h>

struct cli {
	const char *conf_path; /* NULL: the usual one */
	bool json;
	bool force;     /* join: replace a lease */
	unsigned count; /* ping */
	int argc;       /* what stands behind the verb */
	char **argv;
	struct node_conf conf; /* read, when the verb wants it */
};

int cli_main(int argc, char **argv);

/* Sends {"verb": verb, ...} to the daemon. The callback gets each reply; errors are told on stderr.
 * Takes request. Returns an exit code. */
typedef void cli_reply_fn(void *ctx, const json_t *reply);
int cli_ask(const struct cli *cli, json_t *request, int64_t timeout_ms, cli_reply_fn *fn,
	    void *ctx);

/* The verbs; `run` and `check` are in cmd_run.c and cmd_check.c. */
int cmd_join(struct cli *cli);
int cmd_run(struct cli *cli);
int cmd_check(struct cli *cli);
int cmd_status(struct cli *cli);
int cmd_tunnels(struct cli *cli);
int cmd_calls(struct cli *cli);
int cmd_ping(struct cli *cli);
