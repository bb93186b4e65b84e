/* SPDX-License-Identifier: BSD-2-Clause */
/* An error and its words for people. */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>

int say(char *words, size_t words_len, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(words, words_len, fmt, args);
	va_end(args);
	return err;
}
