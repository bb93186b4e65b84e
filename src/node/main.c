/* SPDX-License-Identifier: BSD-2-Clause */
/* ntm-node: carries a host's virtual address, builds tunnels, watches SIP. */
#include "cli.h"

int main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
