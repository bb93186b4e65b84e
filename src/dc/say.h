/* SPDX-License-Identifier: BSD-2-Clause */
/* An error and its words for people, in one statement. */
#pragma once

#include <stddef.h>

/* Writes the words, cut at words_len, and returns err. */
int say(char *words, size_t words_len, int err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
