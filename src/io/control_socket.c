/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket's file: made with its final rights, replaced only when it is dead. */
#include "control_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG    16
#define GROUPS_MAX 256

int control_socket_addr(struct sockaddr_un *addr, const char *path)
{
	size_t len = strlen(path);

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	if (len == 0 || len >= sizeof(addr->sun_path))
		return -ENAMETOOLONG;
	memcpy(addr->sun_path, path, len);
	return 0;
}

/* Removes what a dead process left. 0 when the path is free now. */
static int clear_path(const struct sockaddr_un *addr)
{
	struct stat st;

	if (lstat(addr->sun_path, &st) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int err = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ? 0 : -errno;
	close(fd);
	/* Only a refused connection says that nobody listens; a full backlog is somebody too. */
	if (err != -ECONNREFUSED)
		return err == 0 || err == -EAGAIN ? -EADDRINUSE : err;
	return unlink(addr->sun_path) == 0 || errno == ENOENT ? 0 : -errno;
}

static int set_rights(struct control_socket *sock, mode_t mode, gid_t gid)
{
	const char *path = sock->addr.sun_path;
	struct stat st;

	/* The group first: the mode alone would open it to the old one. */
	if (gid != (gid_t)-1 && lchown(path, (uid_t)-1, gid) != 0)
		return -errno;
	if (chmod(path, mode) != 0 || lstat(path, &st) != 0)
		return -errno;
	sock->dev = st.st_dev;
	sock->ino = st.st_ino;
	return 0;
}

int control_socket_open(struct control_socket *sock, const char *path, mode_t mode, gid_t gid)
{
	int err = control_socket_addr(&sock->addr, path);

	sock->fd = -1;
	sock->ino = 0;
	if (err == 0)
		err = clear_path(&sock->addr);
	if (err != 0)
		return err;
	sock->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock->fd < 0)
		return -errno;
	/* Until it has its rights nobody else can connect: the file is made with the socket's mode,
	 * and it does not listen yet. */
	if (fchmod(sock->fd, 0600) != 0 ||
	    bind(sock->fd, (const struct sockaddr *)&sock->addr, sizeof(sock->addr)) != 0) {
		err = -errno;
		goto fail;
	}
	err = set_rights(sock, mode, gid);
	if (err == 0 && listen(sock->fd, BACKLOG) != 0)
		err = -errno;
	if (err == 0)
		return 0;
	unlink(sock->addr.sun_path);
fail:
	close(sock->fd);
	sock->fd = -1;
	return err;
}

void control_socket_close(struct control_socket *sock)
{
	struct stat st;

	if (sock->fd < 0)
		return;
	close(sock->fd);
	sock->fd = -1;
	/* Another process may have put its own in place meanwhile. */
	if (lstat(sock->addr.sun_path, &st) == 0 && st.st_dev == sock->dev &&
	    st.st_ino == sock->ino)
		unlink(sock->addr.sun_path);
}

static bool peer_in_group(int fd, gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++) {
		if (groups[i] == gid)
			return true;
	}
	return false;
}

bool control_socket_allows(int fd, gid_t gid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	return gid != (gid_t)-1 && (peer.gid == gid || peer_in_group(fd, gid));
}
