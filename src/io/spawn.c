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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long its end may go unnoticed, when its stderr does not tell. */
#define LOOK_MS 5

struct child {
	pid_t pid;
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
	if (result == 0)
		result = posix_spawn(pid, path, &actions, &attr, argv.out, envp.out);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -result;
}

/* Keeps the start; the rest is thrown away, so that the child does not stop. False when there is
 * nothing to read now. */
static bool read_stderr(struct child *child)
{
	char chunk[1024];
	ssize_t len = read(child->stderr_fd, chunk, sizeof(chunk));

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (len <= 0) {
		close(child->stderr_fd);
		child->stderr_fd = -1;
		return false;
	}
	size_t room = NTM_SPAWN_ERR - 1 - child->err_len;
	size_t take = (size_t)len < room ? (size_t)len : room;
	memcpy(child->err + child->err_len, chunk, take);
	child->err_len += take;
	return true;
}

/* Waits for the process, not for the end of its stderr: what it left behind may keep that open. */
static int wait_for_end(struct child *child, int64_t timeout_ms, int *wait_status)
{
	int64_t deadline_ms = now_ms() + timeout_ms;

	for (;;) {
		struct pollfd pfd = {.fd = child->stderr_fd, .events = POLLIN};
		if (poll(&pfd, 1, LOOK_MS) > 0)
			(void)read_stderr(child);
		pid_t ended = waitpid(child->pid, wait_status, WNOHANG);
		if (ended == child->pid)
			return 0;
		if (ended < 0 && errno != EINTR)
			return -errno;
		if (now_ms() >= deadline_ms)
			return -ETIMEDOUT;
	}
}

static int follow(struct child *child, int64_t timeout_ms, int *status)
{
	int wait_status = 0;
	int err = wait_for_end(child, timeout_ms, &wait_status);

	if (err == -ETIMEDOUT) {
		kill(-child->pid, SIGKILL); /* its group: helpers of its own go with it */
		while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	while (child->stderr_fd >= 0 && child->err_len < NTM_SPAWN_ERR - 1 && read_stderr(child))
		;
	if (child->err_len > 0 && child->err[child->err_len - 1] == '\n')
		child->err_len--;
	child->err[child->err_len] = '\0';
	if (err != 0)
		return err;
	*status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
	return 0;
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
