/* SPDX-License-Identifier: BSD-2-Clause */
/* A piece of received text with a length and no NUL, and the few ways to cut it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct sip_text {
	const char *p; /* NULL when there is none */
	size_t len;
};

bool sip_text_is_blank(char c); /* SP or HT, and what an unfolded line end became */

/* Takes the next line off rest, without its CRLF or LF; the last one may lack it. False at the
 * end. */
bool sip_text_line(struct sip_text *rest, struct sip_text *line);
/* Takes the next run of bytes that are not blank. False when there is none. */
bool sip_text_word(struct sip_text *rest, struct sip_text *word);
/* Takes what stands before delimiter, and the delimiter; all of rest when it is not there. False
 * when it is not there. */
bool sip_text_cut(struct sip_text *rest, char delimiter, struct sip_text *part);

struct sip_text sip_text_trim(struct sip_text text);
/* Both without regard to ASCII case. */
bool sip_text_is(struct sip_text text, const char *word);
bool sip_text_starts(struct sip_text text, const char *start);
/* Decimal digits and nothing else, up to max. */
bool sip_text_uint(struct sip_text text, size_t max, size_t *value);
