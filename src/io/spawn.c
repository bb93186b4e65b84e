/* SPDX-License-Identifier: BSD-2-Clause */
/* Running nft, resolvectl and their like: clean environment, bounded output, bounded time. */
#include "ntm/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CAP_COUNT 64

struct child {
	pid_t pid;
	int pidfd;
	int stderr_fd; /* our end of its stderr; -1 when it was closed */
	size_t err_len;
	char *err; /* NTM_SPAWN_ERR bytes */
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The caller's PATH is not trusted: it may be a user's. */
static int find_program(const char *name, char *path, size_t cap)
{
	static const char *const dirs[] = {"/usr/sbin", "/usr/bin",        "/sbin",
					   "/bin",      "/usr/local/sbin", "/usr/local/bin"};

	if (strchr(name, '/') != NULL) {
		if ((size_t)snprintf(path, cap, "%s", name) >= cap)
			return -ENAMETOOLONG;
		return access(path, X_OK) == 0 ? 0 : -errno;
	}
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if ((size_t)snprintf(path, cap, "%s/%s", dirs[i], name) < cap &&
		    access(path, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

/* A memory file instead of a pipe: no deadlock, no SIGPIPE, whatever the child reads. */
static int input_file(const char *text)
{
	if (text == NULL)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("input", MFD_CLOEXEC);
	size_t len = strlen(text);
	if (fd >= 0 && (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)) {
		close(fd);
		errno = ENOSPC;
		return -1;
	}
	return fd;
}

/* Capabilities reach a program without file capabilities as ambient ones only. For root they come
 * by themselves, and where they were never held this fails and the child goes without. */
static void hand_caps(uint64_t caps, bool raise)
{
	unsigned long what = raise ? PR_CAP_AMBIENT_RAISE : PR_CAP_AMBIENT_LOWER;

	for (unsigned cap = 0; cap < CAP_COUNT; cap++) {
		if (caps >> cap & 1)
			(void)prctl(PR_CAP_AMBIENT, what, cap, 0, 0);
	}
}

static int set_actions(posix_spawn_file_actions_t *actions, int in, int err)
{
	int result = posix_spawn_file_actions_adddup2(actions, in, 0);

	if (result == 0)
		result = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(actions, err, 2);
	if (result == 0)
		result = posix_spawn_file_actions_addclosefrom_np(actions, 3);
	return result;
}

static int set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;

	sigemptyset(&none);
	sigfillset(&all);
	int result = posix_spawnattr_setflags(attr, flags);
	if (result == 0)
		result = posix_spawnattr_setsigmask(attr, &none);
	if (result == 0)
		result = posix_spawnattr_setsigdefault(attr, &all);
	return result;
}

static int start(const struct ntm_spawn_args *args, const char *path, int in, int err, pid_t *pid)
{
	static const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
					  "SYSTEMD_COLORS=0", NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	/* execve changes neither; its prototype is older than const. */
	union {
		const char *const *in;
		char *const *out;
	} argv = {args->argv}, envp = {env};

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	int result = set_actions(&actions, in, err);
	if (result == 0)
		result = set_attributes(&attr);
	if (result == 0) {
		hand_caps(args->caps, true);
		result = posix_spawn(pid, path, &actions, &attr, argv.out, envp.out);
		hand_caps(args->caps, false);
	}
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -result;
}

/* Keeps the start; the rest is read and thrown away, so that the child does not stop. */
static void read_stderr(struct child *child)
{
	char chunk[1024];
	ssize_t len = read(child->stderr_fd, chunk, sizeof(chunk));

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		close(child->stderr_fd);
		child->stderr_fd = -1;
		return;
	}
	size_t room = NTM_SPAWN_ERR - 1 - child->err_len;
	size_t take = (size_t)len < room ? (size_t)len : room;
	memcpy(child->err + child->err_len, chunk, take);
	child->err_len += take;
}

/* Ends when the process ends: something it left behind may keep its stderr open. */
static int watch_child(struct child *child, int64_t timeout_ms)
{
	int64_t deadline_ms = now_ms() + timeout_ms;

	for (;;) {
		struct pollfd pfds[2] = {{.fd = child->pidfd, .events = POLLIN},
					 {.fd = child->stderr_fd, .events = POLLIN}};
		int64_t left_ms = deadline_ms - now_ms();
		if (left_ms <= 0)
			return -ETIMEDOUT;
		int ready = poll(pfds, 2, left_ms > 60000 ? 60000 : (int)left_ms);
		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready > 0 && pfds[1].revents != 0)
			read_stderr(child);
		else if (ready > 0 && pfds[0].revents != 0)
			return 0;
	}
}

static int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int follow(struct child *child, int64_t timeout_ms, int *status)
{
	int err = 0;

	child->pidfd = pidfd_open(child->pid, 0);
	err = child->pidfd < 0 ? -errno : watch_child(child, timeout_ms);
	if (err != 0)
		kill(-child->pid, SIGKILL); /* its group: helpers of its own go with it */
	int code = reap(child->pid);
	if (child->pidfd >= 0)
		close(child->pidfd);
	if (err == 0)
		*status = code;
	if (child->err_len > 0 && child->err[child->err_len - 1] == '\n')
		child->err_len--;
	child->err[child->err_len] = '\0';
	return err;
}

int ntm_spawn(const struct ntm_spawn_args *args, int *status, char err[static NTM_SPAWN_ERR])
{
	struct child child = {.stderr_fd = -1, .err = err};
	char path[256];
	int ends[2];

	err[0] = '\0';
	int result = find_program(args->argv[0], path, sizeof(path));
	if (result != 0)
		return result;
	int in = input_file(args->input);
	if (in < 0)
		return -errno;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		result = -errno;
		close(in);
		return result;
	}
	/* Only our end: a child that writes to its stderr should block, not fail. */
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	child.stderr_fd = ends[0];
	result = start(args, path, in, ends[1], &child.pid);
	close(in);
	close(ends[1]);
	if (result == 0)
		result = follow(&child, args->timeout_ms, status);
	if (child.stderr_fd >= 0)
		close(child.stderr_fd);
	return result;
}
