/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of configuration options, from text. */
#include "conf_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	int64_t ms;
};

static const struct unit units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
};
#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

bool conf_value_is_list(const struct ntm_opt *opt)
{
	return opt->type == NTM_OPT_STRINGS || opt->type == NTM_OPT_PORTS ||
	       opt->type == NTM_OPT_ADDRS || opt->type == NTM_OPT_PREFIXES ||
	       opt->type == NTM_OPT_NAMES;
}

static bool in_bounds(const struct ntm_opt *opt, int64_t v)
{
	return (opt->min == 0 && opt->max == 0) || (v >= opt->min && v <= opt->max);
}

/* A decimal number; *end is behind it. strtoll alone takes blanks, '+' and nothing at all. */
static int parse_number(const char *text, const char **end, int64_t *v)
{
	const char *digits = text + (*text == '-');
	char *behind;

	if (*digits < '0' || *digits > '9')
		return -EINVAL;
	errno = 0;
	*v = strtoll(text, &behind, 10);
	*end = behind;
	return errno ? -EINVAL : 0;
}

static int set_int(const struct ntm_opt *opt, int64_t *member, const char *text)
{
	const char *end;
	int64_t v;

	if (parse_number(text, &end, &v) < 0 || *end || !in_bounds(opt, v))
		return -EINVAL;
	*member = v;
	return 0;
}

static int set_ms(const struct ntm_opt *opt, int64_t *member, const char *text)
{
	const char *unit;
	int64_t v;

	if (parse_number(text, &unit, &v) < 0 || v < 0)
		return -EINVAL;
	for (size_t i = 0; i < UNIT_COUNT; i++) {
		if (strcmp(unit, units[i].name) != 0)
			continue;
		if (v > INT64_MAX / units[i].ms || !in_bounds(opt, v * units[i].ms))
			return -EINVAL;
		*member = v * units[i].ms;
		return 0;
	}
	return -EINVAL;
}

static int set_bool(bool *member, const char *text)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]) == 0) {
			*member = i % 2;
			return 0;
		}
	}
	return -EINVAL;
}

/* Length of the word that words ("both|caller|off") begins with. */
static size_t word_len(const char *words)
{
	return strcspn(words, "|");
}

static int set_enum(const struct ntm_opt *opt, int *member, const char *text)
{
	const char *word = opt->words;

	for (int i = 0;; i++, word++) {
		size_t len = word_len(word);

		if (strlen(text) == len && memcmp(text, word, len) == 0) {
			*member = i;
			return 0;
		}
		word += len;
		if (!*word)
			return -EINVAL;
	}
}

static int set_string(char **member, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*member);
	*member = copy;
	return 0;
}

static int add_string(struct ntm_strings *list, const char *text)
{
	if (!*text)
		return -EINVAL;
	if (list->count == NTM_LIST_MAX)
		return -E2BIG;
	list->item[list->count] = strdup(text);
	if (!list->item[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

static int add_port(struct ntm_ports *list, const char *text)
{
	const char *end;
	int64_t v;

	if (parse_number(text, &end, &v) < 0 || *end || v < 1 || v > UINT16_MAX)
		return -EINVAL;
	if (list->count == NTM_LIST_MAX)
		return -E2BIG;
	list->item[list->count++] = (uint16_t)v;
	return 0;
}

static int add_addr(const struct ntm_opt *opt, struct ntm_addrs *list, const char *text)
{
	struct ntm_addr addr;

	if (ntm_addr_parse(&addr, text, (uint16_t)opt->min) < 0)
		return -EINVAL;
	if (list->count == NTM_LIST_MAX)
		return -E2BIG;
	list->item[list->count++] = addr;
	return 0;
}

static int add_prefix(const struct ntm_opt *opt, struct ntm_prefixes *list, const char *text)
{
	struct ntm_prefix prefix;

	if (ntm_prefix_parse(&prefix, text) < 0)
		return -EINVAL;
	if (prefix.len > 0 && (!ntm_ip_is_usable(&prefix.ip) ||
			       prefix.len < (prefix.ip.family == 4 ? opt->min : opt->max)))
		return -EINVAL;
	if (list->count == NTM_LIST_MAX)
		return -E2BIG;
	list->item[list->count++] = prefix;
	return 0;
}

bool conf_value_is_name(const char *text)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t total = strlen(text);

	if (total == 0 || total > 253)
		return false;
	while (*text) {
		size_t len = strspn(text, letters);

		if (len == 0 || len > 63 || (text[len] != '.' && text[len] != '\0'))
			return false;
		text += len + (text[len] == '.');
	}
	return true;
}

int conf_value_set(const struct ntm_opt *opt, void *member, const char *text)
{
	switch (opt->type) {
	case NTM_OPT_STRING:
		return set_string(member, text);
	case NTM_OPT_PATH:
		return *text == '/' ? set_string(member, text) : -EINVAL;
	case NTM_OPT_BOOL:
		return set_bool(member, text);
	case NTM_OPT_INT:
		return set_int(opt, member, text);
	case NTM_OPT_MS:
		return set_ms(opt, member, text);
	case NTM_OPT_ENUM:
		return set_enum(opt, member, text);
	case NTM_OPT_ADDR:
		return ntm_addr_parse(member, text, (uint16_t)opt->min);
	case NTM_OPT_PREFIX:
		return ntm_prefix_parse(member, text);
	case NTM_OPT_STRINGS:
		return add_string(member, text);
	case NTM_OPT_PORTS:
		return add_port(member, text);
	case NTM_OPT_ADDRS:
		return add_addr(opt, member, text);
	case NTM_OPT_PREFIXES:
		return add_prefix(opt, member, text);
	case NTM_OPT_NAMES:
		return conf_value_is_name(text) ? add_string(member, text) : -EINVAL;
	case NTM_OPT_TITLE: /* conf_titled_get */
		break;
	}
	return -EINVAL;
}

static int preset_list(const struct ntm_opt *opt, void *member, char *words)
{
	char *rest = words, *word;
	int rc = 0;

	while (rc == 0 && (word = strsep(&rest, " ")))
		rc = *word ? conf_value_set(opt, member, word) : 0;
	return rc;
}

int conf_value_preset(const struct ntm_opt *opt, void *member)
{
	char *words;
	int rc;

	if (!opt->preset)
		return 0;
	if (!conf_value_is_list(opt))
		return conf_value_set(opt, member, opt->preset);
	words = strdup(opt->preset);
	if (!words)
		return -ENOMEM;
	rc = preset_list(opt, member, words);
	free(words);
	return rc;
}

void conf_value_zero(const struct ntm_opt *opt, void *member)
{
	static const size_t sizes[] = {
		[NTM_OPT_STRING] = sizeof(char *),
		[NTM_OPT_PATH] = sizeof(char *),
		[NTM_OPT_BOOL] = sizeof(bool),
		[NTM_OPT_INT] = sizeof(int64_t),
		[NTM_OPT_MS] = sizeof(int64_t),
		[NTM_OPT_ENUM] = sizeof(int),
		[NTM_OPT_ADDR] = sizeof(struct ntm_addr),
		[NTM_OPT_PREFIX] = sizeof(struct ntm_prefix),
		[NTM_OPT_STRINGS] = sizeof(struct ntm_strings),
		[NTM_OPT_PORTS] = sizeof(struct ntm_ports),
		[NTM_OPT_ADDRS] = sizeof(struct ntm_addrs),
		[NTM_OPT_PREFIXES] = sizeof(struct ntm_prefixes),
		[NTM_OPT_NAMES] = sizeof(struct ntm_strings),
		[NTM_OPT_TITLE] = sizeof(size_t), /* the count */
	};

	memset(member, 0, sizes[opt->type]);
}

void conf_value_free(const struct ntm_opt *opt, void *member)
{
	if (opt->type == NTM_OPT_STRING || opt->type == NTM_OPT_PATH)
		free(*(char **)member);
	if (opt->type == NTM_OPT_STRINGS || opt->type == NTM_OPT_NAMES) {
		struct ntm_strings *list = member;

		for (size_t i = 0; i < list->count; i++)
			free(list->item[i]);
	}
	conf_value_zero(opt, member);
}
