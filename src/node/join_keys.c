/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of a join, kept until it has worked: a lost answer must not cost the token. */
#include "join_keys.h"

#include "ntm/daemon.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_STR 300

static const char *keys_path(const char *state_dir, char path[static PATH_STR])
{
	snprintf(path, PATH_STR, "%s/join.key", state_dir);
	return path;
}

int join_keys(struct ntm_keys *keys, const struct ntm_token *token, const char *state_dir,
	      char *words, size_t words_len)
{
	uint8_t hash[NTM_SECRET_LEN];
	char path[PATH_STR];

	ntm_token_hash(token, hash);
	ntm_keys_make(keys);
	int err = ntm_secret_keep(keys_path(state_dir, path), hash, keys->sec);
	ntm_keys_from_secret(keys);
	if (err != 0)
		snprintf(words, words_len, "%s: cannot write: %s", path, strerror(-err));
	return err;
}

void join_keys_done(const char *state_dir)
{
	char path[PATH_STR];

	(void)unlink(keys_path(state_dir, path));
}
