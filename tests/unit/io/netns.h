/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests that change interfaces: a network namespace of their own, and what `ip` says there. */
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Ends the test program as skipped (77) when this process may not have a namespace. */
static inline bool netns_enter(void)
{
	if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0)
		return true;
	printf("# skipped: needs root for a network namespace\n");
	return false;
}

/* True when the output of command holds text. */
static inline bool netns_shows(const char *command, const char *text)
{
	static char out[16384];
	FILE *pipe = popen(command, "r");

	if (pipe == NULL)
		return false;
	size_t len = fread(out, 1, sizeof(out) - 1, pipe);
	out[len] = '\0';
	pclose(pipe);
	return strstr(out, text) != NULL;
}
