/* SPDX-License-Identifier: BSD-2-Clause */
/* Files with keys: read only when nobody else can, replaced in one durable step. */
#include "ntm/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_file(int fd, size_t cap)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((st.st_mode & 077) != 0)
		return -EPERM;
	return (uint64_t)st.st_size > cap ? -EFBIG : 0;
}

/* Up to cap bytes; -EFBIG when the file has grown past them meanwhile. */
static int read_all(int fd, uint8_t *buf, size_t cap, size_t *len)
{
	uint8_t more;
	size_t have = 0;

	for (;;) {
		ssize_t n = have < cap ? read(fd, buf + have, cap - have) : read(fd, &more, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (have == cap)
			return -EFBIG;
		have += (size_t)n;
	}
	*len = have;
	return 0;
}

int ntm_secret_read(const char *path, void *buf, size_t cap, size_t *len)
{
	/* Non-blocking, so that a FIFO in its place cannot stop the daemon. */
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int err = check_file(fd, cap);
	if (err == 0)
		err = read_all(fd, buf, cap, len);
	close(fd);
	return err;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The state directory belongs to the daemon's user; what root writes there is meant for it. */
static int take_owner(int dir, int fd)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (fstat(dir, &st) != 0 || fchown(fd, st.st_uid, st.st_gid) != 0)
		return -errno;
	return 0;
}

static int write_file(int dir, const char *name, const void *data, size_t len)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	int err = write_all(fd, data, len);
	if (err == 0)
		err = take_owner(dir, fd);
	if (err == 0 && (fchmod(fd, 0600) != 0 || fsync(fd) != 0))
		err = -errno;
	if (close(fd) != 0 && err == 0)
		err = -errno;
	if (err != 0)
		unlinkat(dir, name, 0);
	return err;
}

static int replace(int dir, const char *name, const void *data, size_t len)
{
	char temp[NAME_MAX + 1];
	uint32_t salt;

	if (getrandom(&salt, sizeof(salt), 0) != sizeof(salt))
		return -EIO;
	if ((size_t)snprintf(temp, sizeof(temp), ".%s.%08x", name, salt) >= sizeof(temp))
		return -ENAMETOOLONG;
	int err = write_file(dir, temp, data, len);
	if (err != 0)
		return err;
	if (renameat(dir, temp, dir, name) != 0) {
		err = -errno;
		unlinkat(dir, temp, 0);
		return err;
	}
	/* The rename itself is durable only with the directory. */
	return fsync(dir) == 0 ? 0 : -errno;
}

int ntm_secret_write(const char *path, const void *data, size_t len)
{
	char for_dir[PATH_MAX], for_name[PATH_MAX];
	size_t path_len = strlen(path);

	if (path_len >= PATH_MAX)
		return -ENAMETOOLONG;
	/* dirname and basename write into their argument. */
	memcpy(for_dir, path, path_len + 1);
	memcpy(for_name, path, path_len + 1);
	int dir = open(dirname(for_dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	int err = replace(dir, basename(for_name), data, len);
	close(dir);
	return err;
}

int ntm_secret_keep(const char *path, const uint8_t tag[static NTM_SECRET_LEN],
		    uint8_t secret[static NTM_SECRET_LEN])
{
	uint8_t kept[2 * NTM_SECRET_LEN];
	size_t len = 0;
	int err = ntm_secret_read(path, kept, sizeof(kept), &len);

	if (err == 0 && len == sizeof(kept) && memcmp(kept, tag, NTM_SECRET_LEN) == 0) {
		memcpy(secret, kept + NTM_SECRET_LEN, NTM_SECRET_LEN);
	} else {
		memcpy(kept, tag, NTM_SECRET_LEN);
		memcpy(kept + NTM_SECRET_LEN, secret, NTM_SECRET_LEN);
		err = ntm_secret_write(path, kept, sizeof(kept));
	}
	explicit_bzero(kept, sizeof(kept));
	return err;
}
