/* SPDX-License-Identifier: BSD-2-Clause */
/* Hardening of the process and making directories. */
#include "ntm/daemon.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[32];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/ntm-daemon-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void test_harden(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		struct rlimit limit;
		if (ntm_daemon_harden() != 0 || getrlimit(RLIMIT_CORE, &limit) != 0)
			_exit(1);
		raise(SIGPIPE); /* survived */
		_exit(limit.rlim_max == 0 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	return st.st_mode & 07777;
}

static void test_directories(void **state)
{
	mode_t old = umask(077);

	(void)state;
	assert_int_equal(ntm_dir_make(in_dir("a/b/c"), 0750, (uid_t)-1, (gid_t)-1), 0);
	umask(old);
	assert_int_equal(mode_of(in_dir("a/b/c")), 0750);
	assert_int_equal(mode_of(in_dir("a/b")), 0755); /* whatever the umask is */
	/* again, with another mode */
	assert_int_equal(ntm_dir_make(in_dir("a/b/c"), 0700, (uid_t)-1, (gid_t)-1), 0);
	assert_int_equal(mode_of(in_dir("a/b/c")), 0700);
	assert_int_equal(mode_of(in_dir("a/b")), 0755);
}

static void test_directory_refused(void **state)
{
	static char long_path[5000];

	(void)state;
	assert_int_equal(ntm_dir_make(in_dir("target"), 0750, (uid_t)-1, (gid_t)-1), 0);
	assert_int_equal(symlink("target", in_dir("link")), 0); /* inside of our own directory */
	assert_int_equal(ntm_dir_make(in_dir("link"), 0700, (uid_t)-1, (gid_t)-1), -ENOTDIR);
	assert_int_equal(mode_of(in_dir("target")), 0750);
	fclose(fopen(in_dir("file"), "w"));
	assert_int_equal(ntm_dir_make(in_dir("file"), 0700, (uid_t)-1, (gid_t)-1), -ENOTDIR);
	assert_int_equal(ntm_dir_make(in_dir("file/sub"), 0700, (uid_t)-1, (gid_t)-1), -ENOTDIR);
	assert_int_equal(ntm_dir_make("", 0700, (uid_t)-1, (gid_t)-1), -ENAMETOOLONG);
	memset(long_path, 'x', sizeof(long_path) - 1);
	assert_int_equal(ntm_dir_make(long_path, 0700, (uid_t)-1, (gid_t)-1), -ENAMETOOLONG);
}

static void test_directory_owner(void **state)
{
	struct stat st;

	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: needs root to give a directory away\n");
		skip();
	}
	assert_int_equal(ntm_dir_make(in_dir("owned"), 0750, 4242, 4343), 0);
	assert_int_equal(stat(in_dir("owned"), &st), 0);
	assert_int_equal(st.st_uid, 4242);
	assert_int_equal(st.st_gid, 4343);
	assert_int_equal(ntm_dir_make(in_dir("owned"), 0750, (uid_t)-1, 4444), 0);
	assert_int_equal(stat(in_dir("owned"), &st), 0);
	assert_int_equal(st.st_uid, 4242);
	assert_int_equal(st.st_gid, 4444);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_harden),
		T(test_directories),
		T(test_directory_refused),
		T(test_directory_owner),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
