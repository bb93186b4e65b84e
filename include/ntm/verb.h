/* SPDX-License-Identifier: BSD-2-Clause */
/* What the verbs of all programs share: values of a daemon's answer, the lines of `check`, and how
 * `join` begins. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The member's text; "-" when there is none. Borrowed from json. */
const char *ntm_verb_text(const json_t *json, const char *name);
/* The member's number; 0 when there is none. */
long long ntm_verb_number(const json_t *json, const char *name);
/* On stdout, indented. */
void ntm_verb_print(const json_t *json);

/* `check`: a line per question on stdout; returns ok, false counts as a failure. */
bool ntm_verb_check(bool ok, const char *what, const char *words);
/* Whether the daemon's user is there; root_words when none is set. */
bool ntm_verb_check_user(const char *user, const char *root_words);

/* The argument itself; or, when it is "-", the first line of standard input, cut at len. The caller
 * wipes line. */
const char *ntm_verb_arg(const char *arg, char *line, size_t len);
/* The state directory, for root that of the daemon's user, who has to be there. NTM_EXIT_OK; else
 * what program ends with, and it has been said on stderr. */
int ntm_verb_state_dir(const char *program, const char *dir, const char *user);
