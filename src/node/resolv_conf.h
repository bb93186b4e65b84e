/* SPDX-License-Identifier: BSD-2-Clause */
/* resolv.conf: read, written anew for our resolver, replaced and put back. */
#pragma once

#include "ntm/conf.h"

/* A larger file is not taken over. */
#define RESOLV_CONF_MAX 16384
/* As in glibc: later servers are not asked. */
#define RESOLV_SERVERS 3
#define RESOLV_LINE    512

struct resolv_conf {
	struct ntm_addrs servers;  /* port 53; at most RESOLV_SERVERS */
	char search[RESOLV_LINE];  /* value of the last search or domain line; "" = none */
	char options[RESOLV_LINE]; /* values of all options lines */
};

/* Comments, and what is not understood, are skipped. */
void resolv_conf_parse(struct resolv_conf *conf, const char *text);
/* Text with server as the only name server, search and options kept; mark is a comment line without
 * '#'. Returns its length, 0 when cap is too small. */
size_t resolv_conf_print(const struct resolv_conf *conf, const struct ntm_ip *server,
			 const char *mark, char *out, size_t cap);
/* True when text has that mark. */
bool resolv_conf_has_mark(const char *text, const char *mark);

/* Reads a file of at most RESOLV_CONF_MAX bytes. *text is malloced. 0, -ENOENT, -EFBIG, other. */
int resolv_conf_read(const char *path, char **text);
/* Replaces the file in one step, in place where that is not possible (a bind mount, a directory
 * that may not be written); behind a symbolic link the file that it leads to. 0 or negative errno.
 */
int resolv_conf_write(const char *path, const char *text);
