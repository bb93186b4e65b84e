/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the configuration reader: error report, cleaning, values. */
#pragma once

#include "ntm/conf.h"

#include <stdarg.h>
#include <stdbool.h>

/* Stands for an empty list in a cleaned text: libconfuse calls nobody for one. */
#define CONF_EMPTY_LIST '\001'

/* The caller's error text, one error a line. */
struct conf_report {
	const char *name; /* of the file */
	char *err;
	size_t cap, len;
	bool failed;
};

/* Line 0 stands for the file as a whole. Control characters become '?'. */
void conf_complain(struct conf_report *report, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void conf_vcomplain(struct conf_report *report, int line, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

/*
 * Makes text fit for libconfuse, in place: blanks comments, marks empty lists, and refuses what
 * libconfuse would change or swallow without a word.
 */
void conf_clean(char *text, struct conf_report *report);

/* Enough for what conf_value_expected writes. */
#define CONF_EXPECTED_STR 200

bool conf_value_is_list(const struct ntm_opt *opt);
/* Replaces the member's value; adds to a list. 0, -EINVAL, -E2BIG (list is full), -ENOMEM. */
int conf_value_set(const struct ntm_opt *opt, void *member, const char *text);
/* Sets the default. */
int conf_value_preset(const struct ntm_opt *opt, void *member);
/* Zeroes the member, without a look at what it holds; and with freeing that. */
void conf_value_zero(const struct ntm_opt *opt, void *member);
void conf_value_free(const struct ntm_opt *opt, void *member);
/* Sections with titles (conf_titled.c): the value of NTM_OPT_TITLE, or NULL when the section has
 * none. */
const struct ntm_opt *conf_title_of(const struct ntm_section *section);
size_t conf_titled_count(const struct ntm_opt *title, const void *conf);
/* One of them; the options' offsets are in it. */
void *conf_titled_at(const struct ntm_opt *title, void *conf, size_t i);
/* The one with that title, made when it is not there, its options zero. NULL: -E2BIG and -ENOMEM in
 * *err. *made: it is new. */
void *conf_titled_get(const struct ntm_opt *title, void *conf, const char *text, bool *made,
		      int *err);
/* A DNS name that could be resolved, a final dot or not. */
bool conf_value_is_name(const char *text);
/* Says what the option takes ("both, caller or off") and returns buf; "" when it takes anything. */
const char *conf_value_expected(const struct ntm_opt *opt, char buf[static CONF_EXPECTED_STR]);
