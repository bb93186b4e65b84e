/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests of files: a directory of their own, small files in it, and their removal. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char temp_dir[64];

static inline int temp_dir_make(void **state)
{
	(void)state;
	strcpy(temp_dir, "/tmp/ntm-test-XXXXXX");
	/* Open to the user that a daemon becomes. */
	return mkdtemp(temp_dir) != NULL && chmod(temp_dir, 0755) == 0 ? 0 : -1;
}

static inline int temp_dir_remove(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", temp_dir);
	return system(command);
}

/* One of four buffers: enough for one call. */
static inline const char *temp_path(const char *name)
{
	static char path[4][160];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[next]), "%s/%s", temp_dir, name);
	return path[next];
}

static inline void temp_write(const char *name, const char *text)
{
	FILE *file = fopen(temp_path(name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Its text; NULL when there is no such file. Valid until the next call. */
static inline const char *temp_read(const char *name)
{
	static char text[65536];
	FILE *file = fopen(temp_path(name), "r");

	if (file == NULL)
		return NULL;
	size_t len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	return text;
}

/* All of it, for the caller to free. */
static inline char *temp_copy(const char *name)
{
	const char *text = temp_read(name);

	assert_non_null(text);
	char *copy = strdup(text);
	assert_non_null(copy);
	return copy;
}
