/* SPDX-License-Identifier: BSD-2-Clause */
/* Helper programs: exit status, stderr, stdin, environment, time limit. */
#include "ntm/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char err[NTM_SPAWN_ERR];
static int status;

static int run(const char *script, const char *input, int64_t timeout_ms)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct ntm_spawn_args args = {.argv = argv, .input = input, .timeout_ms = timeout_ms};

	status = -1;
	return ntm_spawn(&args, &status, err);
}

static void test_status_and_stderr(void **state)
{
	(void)state;
	assert_int_equal(run("echo to the void", NULL, 5000), 0);
	assert_int_equal(status, 0);
	assert_string_equal(err, "");
	assert_int_equal(run("echo table is missing >&2; exit 3", NULL, 5000), 0);
	assert_int_equal(status, 3);
	assert_string_equal(err, "table is missing");
	assert_int_equal(run("kill -TERM $$", NULL, 5000), 0);
	assert_int_equal(status, 128 + SIGTERM);
	assert_int_equal(run("printf 'a\\nb\\n\\n' >&2", NULL, 5000), 0);
	assert_string_equal(err, "a\nb\n");
}

static void test_input(void **state)
{
	size_t len = 1000000;
	char *large = malloc(len + 1);

	(void)state;
	assert_int_equal(run("read line; echo \"got $line\" >&2", "table inet ntm {}\n", 5000), 0);
	assert_string_equal(err, "got table inet ntm {}");
	assert_int_equal(run("cat >&2", NULL, 5000), 0);
	assert_string_equal(err, "");
	memset(large, 'x', len);
	large[len] = '\0';
	assert_int_equal(run("wc -c >&2", large, 5000), 0);
	assert_string_equal(err, "1000000");
	/* not read at all: neither an error nor a signal */
	assert_int_equal(run("exit 0", large, 5000), 0);
	assert_int_equal(status, 0);
	free(large);
}

static void test_much_stderr_is_cut(void **state)
{
	(void)state;
	assert_int_equal(run("head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 4", NULL, 5000), 0);
	assert_int_equal(status, 4);
	assert_int_equal(strlen(err), NTM_SPAWN_ERR - 1);
}

static void test_clean_environment(void **state)
{
	int open_fd = open("/dev/null", O_RDONLY); /* not close-on-exec, as a careless library's */

	(void)state;
	setenv("LD_PRELOAD_OF_MINE", "1", 1);
	setenv("LC_ALL", "tlh", 1);
	assert_int_equal(run("env | sort | tr '\\n' ' ' >&2; ls /proc/self/fd | wc -l >&2", NULL,
			     5000),
			 0);
	/* PWD, OLDPWD, _ and SHLVL may come from the shell; descriptors are 0, 1, 2 and ls's own */
	assert_null(strstr(err, "OF_MINE"));
	assert_non_null(strstr(err, "LC_ALL=C "));
	assert_non_null(strstr(err, "PATH=/usr/sbin:/usr/bin:/sbin:/bin "));
	assert_non_null(strstr(err, " 4"));
	close(open_fd);
}

static void test_signals_are_as_at_birth(void **state)
{
	sigset_t block, old;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &old);
	assert_int_equal(run("kill -PIPE $$", NULL, 5000), 0);
	assert_int_equal(status, 128 + SIGPIPE);
	assert_int_equal(run("kill -TERM $$", NULL, 5000), 0);
	assert_int_equal(status, 128 + SIGTERM);
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGPIPE, SIG_DFL);
}

/* Gone, or a zombie that its new parent has not looked at yet. */
static bool has_ended(const char *pid)
{
	char path[64], line[128] = "";

	snprintf(path, sizeof(path), "/proc/%ld/stat", strtol(pid, NULL, 10));
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return true;
	bool zombie = fgets(line, sizeof(line), file) != NULL && strstr(line, ") Z ") != NULL;
	fclose(file);
	return zombie;
}

static void test_time_limit_ends_helpers_too(void **state)
{
	struct timespec nap = {.tv_nsec = 10000000};

	(void)state;
	assert_int_equal(run("sleep 60 & echo $! >&2; wait", NULL, 200), -ETIMEDOUT);
	assert_true(atoi(err) > 1);
	for (int i = 0; i < 200 && !has_ended(err); i++)
		nanosleep(&nap, NULL);
	assert_true(has_ended(err));
}

static void test_time_limit(void **state)
{
	struct timespec before, after;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(run("echo waiting >&2; sleep 60; exit 0", NULL, 100), -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_int_equal(status, -1);
	assert_string_equal(err, "waiting");
	assert_true(after.tv_sec - before.tv_sec < 10);
	/* one that closes its stderr is waited for all the same */
	assert_int_equal(run("exec 2>&-; sleep 0.05; exit 5", NULL, 5000), 0);
	assert_int_equal(status, 5);
	/* one that leaves something behind with our stderr does not hold us up */
	assert_int_equal(run("sleep 5 & exit 6", NULL, 4000), 0);
	assert_int_equal(status, 6);
}

static void test_no_such_program(void **state)
{
	static const char *const names[] = {"ntm-no-such-program", "/nonexistent/nft"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const char *const argv[] = {names[i], NULL};
		struct ntm_spawn_args args = {.argv = argv, .timeout_ms = 1000};
		assert_int_equal(ntm_spawn(&args, &status, err), -ENOENT);
	}
	/* the caller's PATH is not searched */
	setenv("PATH", "/tmp", 1);
	assert_int_equal(run("exit 0", NULL, 5000), 0);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_and_stderr),
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_much_stderr_is_cut),
		cmocka_unit_test(test_clean_environment),
		cmocka_unit_test(test_signals_are_as_at_birth),
		cmocka_unit_test(test_time_limit),
		cmocka_unit_test(test_time_limit_ends_helpers_too),
		cmocka_unit_test(test_no_such_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
