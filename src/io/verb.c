/* SPDX-License-Identifier: BSD-2-Clause */
/* What the verbs of all programs share: values of a daemon's answer, the lines of `check`, and how
 * `join` begins. */
#include "ntm/verb.h"

#include "ntm/daemon.h"
#include "ntm/exit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

const char *ntm_verb_arg(const char *arg, char *line, size_t len)
{
	line[0] = '\0';
	if (strcmp(arg, "-") != 0)
		return arg;
	return fgets(line, (int)len, stdin) != NULL ? line : "";
}

int ntm_verb_state_dir(const char *program, const char *dir, const char *user)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;

	if (geteuid() == 0 && user[0] != '\0' && ntm_user_find(user, &uid, &gid) != 0) {
		fprintf(stderr,
			"%s: there is no user %s: `useradd --system %s`, or set user in the "
			"configuration\n",
			program, user, user);
		return NTM_EXIT_FAILED;
	}
	int err = ntm_dir_make(dir, 0700, uid, gid);
	if (err == 0)
		return NTM_EXIT_OK;
	fprintf(stderr, "%s: %s: %s\n", program, dir, strerror(-err));
	return err == -EACCES || err == -EPERM ? NTM_EXIT_NOT_ALLOWED : NTM_EXIT_FAILED;
}
