/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of a join, kept until it has worked: a lost answer must not cost the token. */
#include "join_keys.h"

#include "ntm/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HASH_LEN 32
#define PATH_STR 300

struct kept_keys {
	uint8_t hash[HASH_LEN]; /* of the token */
	uint8_t sec[NTM_KEY_LEN];
};

static const char *keys_path(const char *state_dir, char path[static PATH_STR])
{
	snprintf(path, PATH_STR, "%s/join.key", state_dir);
	return path;
}

int join_keys(struct ntm_keys *keys, const struct ntm_token *token, const char *state_dir,
	      char *words, size_t words_len)
{
	struct kept_keys kept;
	uint8_t hash[HASH_LEN];
	char path[PATH_STR];
	size_t len = 0;

	ntm_token_hash(token, hash);
	int err = ntm_secret_read(keys_path(state_dir, path), &kept, sizeof(kept), &len);
	if (err == 0 && len == sizeof(kept) && memcmp(kept.hash, hash, HASH_LEN) == 0) {
		memcpy(keys->sec, kept.sec, NTM_KEY_LEN);
		ntm_keys_from_secret(keys);
	} else {
		ntm_keys_make(keys);
		memcpy(kept.hash, hash, HASH_LEN);
		memcpy(kept.sec, keys->sec, NTM_KEY_LEN);
		err = ntm_secret_write(path, &kept, sizeof(kept));
	}
	ntm_wipe(&kept, sizeof(kept));
	if (err != 0)
		snprintf(words, words_len, "%s: cannot write: %s", path, strerror(-err));
	return err;
}

void join_keys_done(const char *state_dir)
{
	char path[PATH_STR];

	(void)unlink(keys_path(state_dir, path));
}
