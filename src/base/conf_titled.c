/* SPDX-License-Identifier: BSD-2-Clause */
/* Sections that may be there many times, each with a title: exit "gw" { ... }. */
#include "conf_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct ntm_opt *conf_title_of(const struct ntm_section *section)
{
	const struct ntm_opt *first = section->opts;

	return first->name && first->type == NTM_OPT_TITLE ? first : NULL;
}

size_t conf_titled_count(const struct ntm_opt *title, const void *conf)
{
	size_t count;

	memcpy(&count, (const char *)conf + title->offset, sizeof(count));
	return count;
}

static void set_count(const struct ntm_opt *title, void *conf, size_t count)
{
	memcpy((char *)conf + title->offset, &count, sizeof(count));
}

void *conf_titled_at(const struct ntm_opt *title, void *conf, size_t i)
{
	return (char *)conf + title->offset + sizeof(size_t) + i * (size_t)title->min;
}

void *conf_titled_get(const struct ntm_opt *title, void *conf, const char *text, bool *made,
		      int *err)
{
	size_t count = conf_titled_count(title, conf);
	char **item;

	for (size_t i = 0; i < count; i++) {
		item = conf_titled_at(title, conf, i);
		if (strcmp(*item, text) == 0)
			return item;
	}
	*err = -E2BIG;
	if (count == (size_t)title->max)
		return NULL;
	item = conf_titled_at(title, conf, count);
	memset(item, 0, (size_t)title->min);
	*err = -ENOMEM;
	*item = strdup(text);
	if (!*item)
		return NULL;
	set_count(title, conf, count + 1);
	*made = true;
	return item;
}
