/* SPDX-License-Identifier: BSD-2-Clause */
/* ntm-relay: forwards sealed packets between nodes that cannot reach each other. */
#include "relay_cli.h"

int main(int argc, char **argv)
{
	return relay_cli_main(argc, argv);
}
