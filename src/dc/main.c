/* SPDX-License-Identifier: BSD-2-Clause */
/* ntm-dc: gives out virtual addresses, knows where nodes are, directs tunnels, answers DNS. */
#include "dc_cli.h"

int main(int argc, char **argv)
{
	return dc_cli_main(argc, argv);
}
