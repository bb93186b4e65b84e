/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of a join, kept until it has worked. */
#pragma once

#include "lease.h"

/*
 * The keys to join with by this token: new ones, or those of an attempt with the same token whose
 * answer got lost, since the DC answers a used token to the same keys only. They are in
 * state_dir/join.key until join_keys_done. 0 or negative errno, and words.
 */
int join_keys(struct ntm_keys *keys, const struct ntm_token *token, const char *state_dir,
	      char *words, size_t words_len);
void join_keys_done(const char *state_dir);
