/* SPDX-License-Identifier: BSD-2-Clause */
/* Secret files: who may read them, and what is on the disk after writing. */
#include "ntm/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[32], path[64];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/ntm-secret-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/key", dir);
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static unsigned files_in_dir(void)
{
	unsigned count = 0;
	DIR *stream = opendir(dir);

	for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream))
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(stream);
	return count;
}

static void test_round_trip(void **state)
{
	char buf[64];
	size_t len = 0;
	struct stat st;

	(void)state;
	for (int i = 0; i < 2; i++) { /* whatever the umask is */
		mode_t old = umask(i == 0 ? 0 : 0777);
		assert_int_equal(ntm_secret_write(path, "first secret", 12), 0);
		umask(old);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	assert_int_equal(ntm_secret_read(path, buf, sizeof(buf), &len), 0);
	assert_int_equal(len, 12);
	assert_memory_equal(buf, "first secret", 12);
	/* replaced as a whole, nothing else left behind */
	assert_int_equal(ntm_secret_write(path, "2nd", 3), 0);
	assert_int_equal(ntm_secret_read(path, buf, sizeof(buf), &len), 0);
	assert_int_equal(len, 3);
	assert_int_equal(files_in_dir(), 1);
	assert_int_equal(ntm_secret_write(path, "", 0), 0);
	assert_int_equal(ntm_secret_read(path, buf, sizeof(buf), &len), 0);
	assert_int_equal(len, 0);
}

static void test_modes(void **state)
{
	static const struct {
		mode_t mode;
		int expected;
	} cases[] = {
		{0600, 0},      {0400, 0},      {0700, 0},      {0640, -EPERM}, {0604, -EPERM},
		{0620, -EPERM}, {0602, -EPERM}, {0610, -EPERM}, {0644, -EPERM},
	};
	char buf[64];
	size_t len;

	(void)state;
	assert_int_equal(ntm_secret_write(path, "x", 1), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(chmod(path, cases[i].mode), 0);
		assert_int_equal(ntm_secret_read(path, buf, sizeof(buf), &len), cases[i].expected);
	}
}

static void test_refused(void **state)
{
	char buf[4], link[80], fifo[80];
	size_t len = 99;

	(void)state;
	assert_int_equal(ntm_secret_read(path, buf, sizeof(buf), &len), -ENOENT);
	assert_int_equal(ntm_secret_write(path, "12345", 5), 0);
	assert_int_equal(ntm_secret_read(path, buf, sizeof(buf), &len), -EFBIG);
	assert_int_equal(ntm_secret_write(path, "1234", 4), 0);
	assert_int_equal(ntm_secret_read(path, buf, sizeof(buf), &len), 0);
	len = 99;
	snprintf(link, sizeof(link), "%s/link", dir);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(ntm_secret_read(link, buf, sizeof(buf), &len), -ELOOP);
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(ntm_secret_read(fifo, buf, sizeof(buf), &len), -EINVAL);
	assert_int_equal(ntm_secret_read(dir, buf, sizeof(buf), &len), -EINVAL);
	assert_int_equal(len, 99);
	assert_int_equal(ntm_secret_write("/nonexistent/key", "x", 1), -ENOENT);
	assert_int_equal(ntm_secret_write(dir, "x", 1), -EISDIR);
	/* a link in place of the file is replaced, what it names is left alone */
	assert_int_equal(ntm_secret_write(link, "new", 3), 0);
	assert_int_equal(ntm_secret_read(path, buf, sizeof(buf), &len), 0);
	assert_int_equal(len, 4);
}

static void test_root_writes_for_the_owner(void **state)
{
	struct stat st;

	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: needs root to write for somebody else\n");
		skip();
	}
	assert_int_equal(chown(dir, 4242, 4343), 0);
	assert_int_equal(ntm_secret_write(path, "x", 1), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 4242);
	assert_int_equal(st.st_gid, 4343);
	assert_int_equal(st.st_mode & 07777, 0600);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_round_trip),
		T(test_modes),
		T(test_refused),
		T(test_root_writes_for_the_owner),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
