/* SPDX-License-Identifier: BSD-2-Clause */
/* What the verbs of all programs write: values of a daemon's answer, and the lines of `check`. */
#include "ntm/verb.h"

#include "ntm/daemon.h"

#include <stdio.h>

const char *ntm_verb_text(const json_t *json, const char *name)
{
	const char *value = json_string_value(json_object_get(json, name));

	return value != NULL ? value : "-";
}

long long ntm_verb_number(const json_t *json, const char *name)
{
	return (long long)json_integer_value(json_object_get(json, name));
}

void ntm_verb_print(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
}

bool ntm_verb_check(bool ok, const char *what, const char *words)
{
	printf("%-8s %-14s %s\n", ok ? "ok" : "PROBLEM", what, words);
	return ok;
}

bool ntm_verb_check_user(const char *user, const char *root_words)
{
	uid_t uid;
	gid_t gid;
	char words[160];

	if (user[0] == '\0')
		return ntm_verb_check(true, "user", root_words);
	bool found = ntm_user_find(user, &uid, &gid) == 0;
	if (!found)
		snprintf(words, sizeof(words),
			 "there is no user %s: run scripts/deps, or useradd --system --user-group "
			 "%s",
			 user, user);
	return ntm_verb_check(found, "user", found ? user : words);
}
