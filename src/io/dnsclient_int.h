/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two halves of the DNS client, its settings and its questions, share. */
#pragma once

#include "ntm/dnsclient.h"

struct ub_ctx;

/* A context that is set up for good: it takes no more settings, and has no thread yet. Errors as
 * ntm_dnsclient_check. */
int dnsclient_setup(const struct ntm_dnsclient_args *args, struct ub_ctx **out, char *words,
		    size_t words_len);
/* Whether there are as many as libunbound and its thread start with. Without them it leaks, and
 * the libevent that it uses ends the process. */
bool dnsclient_has_descriptors(void);
/* Letters, digits, '-', '_' and other printable ASCII but '\\', in labels of a length that DNS has;
 * a dot may stand at the end. "." is none. */
bool dnsclient_is_name(const char *text);
