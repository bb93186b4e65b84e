/* SPDX-License-Identifier: BSD-2-Clause */
/* Whoever sees `dropped N NAME` finds the name in ntm-relay(8). */
#pragma once

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define MANUAL_MAX 65536

/* Of names, each key is an item of the list, or one of those of an item. */
static inline void assert_in_manual(json_t *names)
{
	static char page[MANUAL_MAX];
	FILE *file = fopen(NTM_SOURCE_DIR "/man/ntm-relay.8", "r");
	const char *name;
	json_t *value;

	assert_non_null(file);
	size_t len = fread(page, 1, sizeof(page) - 1, file);
	fclose(file);
	page[len] = '\0';
	json_object_foreach(names, name, value)
	{
		char first[100], further[100];

		snprintf(first, sizeof(first), "\n.It %s", name);
		snprintf(further, sizeof(further), " , %s", name);
		if (strstr(page, first) == NULL && strstr(page, further) == NULL)
			fail_msg("%s is not in ntm-relay(8)", name);
	}
}
