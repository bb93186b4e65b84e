/* SPDX-License-Identifier: BSD-2-Clause */
/* The verb `run`. */
#include "cli.h"
#include "keeper.h"

int cmd_run(struct cli *cli)
{
	return keeper_run(&cli->conf);
}
