/* SPDX-License-Identifier: BSD-2-Clause */
/* Start of a daemon: hardening of the process, and its directories. */
#include "ntm/daemon.h"

#include "sanitizer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int ntm_daemon_harden(void)
{
	struct rlimit none = {0, 0};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return -errno;
	if (!NTM_ASAN && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return -errno;
	return sigaction(SIGPIPE, &ignore, NULL) == 0 ? 0 : -errno;
}

/* Makes all parents of path that are missing. */
static int make_parents(const char *path)
{
	char parent[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, path, len + 1);
	for (char *slash = strchr(parent + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		/* chmod: with a tight umask the daemon's user could not pass. */
		if (mkdir(parent, 0755) == 0 ? chmod(parent, 0755) != 0 : errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

int ntm_dir_make(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;
	int err = make_parents(path);

	if (err != 0)
		return err;
	/* Tight until it has its owner. */
	if (mkdir(path, mode & 0700) != 0 && errno != EEXIST)
		return -errno;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP ? -ENOTDIR : -errno;
	if (fstat(fd, &st) != 0)
		err = -errno;
	else if ((uid != (uid_t)-1 && uid != st.st_uid) || (gid != (gid_t)-1 && gid != st.st_gid))
		err = fchown(fd, uid, gid) == 0 ? 0 : -errno;
	if (err == 0 && (st.st_mode & 07777) != mode && fchmod(fd, mode) != 0)
		err = -errno;
	close(fd);
	return err;
}
