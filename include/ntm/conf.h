/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration files as tables of options, read with libconfuse. */
#pragma once

#include "ntm/addr.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A program describes its file with one table of sections, each a table of options. The same table
 * reads, checks, prints the sample file and feeds the manual-page test. Unknown keys, values out of
 * range, and keys given twice are errors with file and line.
 */
enum ntm_opt_type {
	NTM_OPT_STRING,  /* char *, heap */
	NTM_OPT_PATH,    /* char *, absolute */
	NTM_OPT_BOOL,    /* bool */
	NTM_OPT_INT,     /* int64_t, min..max */
	NTM_OPT_MS,      /* int64_t milliseconds: "200ms", "20s", "5m", "24h", "7d"; min..max */
	NTM_OPT_ENUM,    /* int: index in the words of `words` ("both|caller|off") */
	NTM_OPT_ADDR,    /* struct ntm_addr; min holds the default port */
	NTM_OPT_PREFIX,  /* struct ntm_prefix */
	NTM_OPT_STRINGS, /* struct ntm_strings, a list { "a", "b" } */
	NTM_OPT_PORTS,   /* struct ntm_ports, a list of 1..65535 */
	NTM_OPT_ADDRS,   /* struct ntm_addrs, a list; min holds the default port */
	/* struct ntm_prefixes, a list; no shorter than min bits (IPv4) and max bits (IPv6), of
	 * addresses that can be sent to; or of 0 bits: everything */
	NTM_OPT_PREFIXES,
	NTM_OPT_NAMES, /* struct ntm_strings, a list of DNS names, as they were written */
	/* First in its table: the section is `name "TITLE" { ... }` and may be there max times. The
	 * member is struct { size_t count; struct X item[max]; }, min is sizeof(struct X), whose
	 * first member is char *title (a DNS name) and in which the other options have their
	 * offsets. */
	NTM_OPT_TITLE,
};

#define NTM_LIST_MAX 64
struct ntm_strings {
	size_t count;
	char *item[NTM_LIST_MAX + 1]; /* NULL behind the last */
};
struct ntm_ports {
	size_t count;
	uint16_t item[NTM_LIST_MAX];
};
struct ntm_addrs {
	size_t count;
	struct ntm_addr item[NTM_LIST_MAX];
};

struct ntm_prefixes {
	size_t count;
	struct ntm_prefix item[NTM_LIST_MAX];
};

struct ntm_opt {
	const char *name;
	enum ntm_opt_type type;
	size_t offset;      /* of the member in the program's struct */
	const char *preset; /* default as in the file, but unquoted; lists: "a b"; NULL = unset */
	int64_t min, max;   /* INT, MS; 0,0 = no bound */
	const char *words;  /* ENUM */
	const char *help;   /* one line, for the sample file and the manual page */
};

/* A section `name { ... }`; options with a NULL name end the table. */
struct ntm_section {
	const char *name;
	const struct ntm_opt *opts;
};

/*
 * Reads path into conf (which is zeroed and preset first). Sections end with a NULL name. 0;
 * -ENOENT and other errno when the file cannot be read; -EINVAL when it is wrong. Every error is
 * written, one a line, into err, cut at err_len: "/etc/ntm/node.conf:7: hold: expected both, caller
 * or off, got 'bth'". An unknown key or wrong syntax ends the reading; wrong values do not. On
 * error conf is left empty and needs no ntm_conf_free. The environment, other files and escapes
 * but \" and \\ have no place in a file. Not for two threads at once.
 */
int ntm_conf_read(const char *path, const struct ntm_section *sections, void *conf, char *err,
		  size_t err_len);
/* The same from a string; name stands for the file in messages. */
int ntm_conf_read_text(const char *text, const char *name, const struct ntm_section *sections,
		       void *conf, char *err, size_t err_len);
void ntm_conf_free(const struct ntm_section *sections, void *conf);
/* Prints a commented sample file with all defaults. */
void ntm_conf_print_sample(const struct ntm_section *sections, FILE *out);
