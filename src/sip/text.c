/* SPDX-License-Identifier: BSD-2-Clause */
/* Cuts lines, words and fields out of received text; no copies, nothing past the length. */
#include "text.h"

#include <string.h>
#include <strings.h>

bool sip_text_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void skip(struct sip_text *text, size_t count)
{
	if (count > 0) /* p may be NULL */
		text->p += count;
	text->len -= count;
}

bool sip_text_line(struct sip_text *rest, struct sip_text *line)
{
	if (rest->len == 0)
		return false;
	sip_text_cut(rest, '\n', line);
	if (line->len > 0 && line->p[line->len - 1] == '\r')
		line->len--;
	return true;
}

bool sip_text_word(struct sip_text *rest, struct sip_text *word)
{
	while (rest->len > 0 && sip_text_is_blank(rest->p[0]))
		skip(rest, 1);
	*word = (struct sip_text){rest->p, 0};
	while (rest->len > 0 && !sip_text_is_blank(rest->p[0])) {
		skip(rest, 1);
		word->len++;
	}
	return word->len > 0;
}

bool sip_text_cut(struct sip_text *rest, char delimiter, struct sip_text *part)
{
	const char *at = rest->len > 0 ? memchr(rest->p, delimiter, rest->len) : NULL;

	*part = *rest;
	if (at)
		part->len = (size_t)(at - rest->p);
	skip(rest, part->len + (at ? 1 : 0));
	return at;
}

struct sip_text sip_text_trim(struct sip_text text)
{
	while (text.len > 0 && sip_text_is_blank(text.p[0]))
		skip(&text, 1);
	while (text.len > 0 && sip_text_is_blank(text.p[text.len - 1]))
		text.len--;
	return text;
}

bool sip_text_is(struct sip_text text, const char *word)
{
	return text.len == strlen(word) && sip_text_starts(text, word);
}

bool sip_text_starts(struct sip_text text, const char *start)
{
	size_t len = strlen(start);

	return text.len >= len && (len == 0 || strncasecmp(text.p, start, len) == 0);
}

bool sip_text_uint(struct sip_text text, size_t max, size_t *value)
{
	size_t v = 0;

	for (size_t i = 0; i < text.len; i++) {
		size_t digit = (size_t)(text.p[i] - '0');

		if (text.p[i] < '0' || text.p[i] > '9' || digit > max || v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*value = v;
	return text.len > 0;
}
