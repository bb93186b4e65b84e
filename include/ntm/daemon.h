/* SPDX-License-Identifier: BSD-2-Clause */
/* What a daemon does at start and stop: service manager, privileges, directories, secrets, helpers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Tells the service manager (sd_notify(3)) when there is one: "READY=1", "STOPPING=1", "STATUS=..".
 * 0, also without one; negative errno. */
int ntm_notify(const char *state);
int ntm_notify_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* No core dumps, no ptrace by others of the same user, SIGPIPE ignored. 0 or negative errno. */
int ntm_daemon_harden(void);

/* Looks a user up. 0, -ENOENT. */
int ntm_user_find(const char *name, uid_t *uid, gid_t *gid);

/*
 * Becomes user for good (NULL or "": stays who it is), without supplementary groups and without
 * capabilities; no_new_privs is set, so none come back. Checks that it worked. On failure err holds
 * a sentence and the process must end. 0 or negative errno.
 */
int ntm_priv_drop(const char *user, char *err, size_t err_len);

/* Makes path, and parents with mode 0755, as a directory of that owner and mode; sets both when it
 * is there. uid or gid -1: left alone. 0; -ENOTDIR (also a symbolic link), other errno. */
int ntm_dir_make(const char *path, mode_t mode, uid_t uid, gid_t gid);

/*
 * Reads a secret file of at most cap bytes. 0; -EPERM (group or others may read or write it),
 * -EFBIG, -ELOOP (symbolic link), -EINVAL (no regular file), -ENOENT, other errno. The caller wipes
 * buf.
 */
int ntm_secret_read(const char *path, void *buf, size_t cap, size_t *len);
/* Writes a secret file with mode 0600, durably and in one step: after a crash the old or the new
 * one is there. As root, the file gets the owner of its directory. 0 or negative errno. */
int ntm_secret_write(const char *path, const void *data, size_t len);
/*
 * A secret that has to stay the same until something has worked: what the caller has just made is
 * written to path with its tag; or, when path has one of that tag, the caller gets it back. 0 or
 * negative errno of writing.
 */
#define NTM_SECRET_LEN 32
int ntm_secret_keep(const char *path, const uint8_t tag[static NTM_SECRET_LEN],
		    uint8_t secret[static NTM_SECRET_LEN]);

#define NTM_SPAWN_ERR 1024
struct ntm_spawn_args {
	const char *const *argv; /* argv[0]: absolute, or looked for in the system's directories */
	const char *input;       /* its stdin; NULL: empty */
	int64_t timeout_ms;      /* then it is killed */
};
/* Runs a program with a clean environment and waits for it; blocks. *status: exit status, or 128 +
 * signal; err (NTM_SPAWN_ERR bytes): start of its stderr, one line break at the end removed.
 * 0; -ENOENT (no such program), -ETIMEDOUT, other errno. */
int ntm_spawn(const struct ntm_spawn_args *args, int *status, char err[static NTM_SPAWN_ERR]);
