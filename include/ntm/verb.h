/* SPDX-License-Identifier: BSD-2-Clause */
/* What the verbs of all programs write: values of a daemon's answer, and the lines of `check`. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

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
