/* SPDX-License-Identifier: BSD-2-Clause */
/* Dropping privileges, each time in a child, since there is no way back. */
#include "ntm/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CHECK(condition)                                                        \
	do {                                                                    \
		if (!(condition)) {                                             \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
			return 1;                                               \
		}                                                               \
	} while (0)

/* Runs body in a child that may end as another user. */
static void in_child(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static bool can_make_raw_socket(void)
{
	int fd = socket(AF_INET, SOCK_RAW, 1);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The CapXxx line of /proc/self/status, as a number. */
static uint64_t caps_of_self(const char *which)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	uint64_t caps = UINT64_MAX;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, which, strlen(which)) == 0)
			caps = strtoull(line + strlen(which) + 1, NULL, 16);
	}
	if (file != NULL)
		fclose(file);
	return caps;
}

static int drop_all(void)
{
	char err[200] = "";
	uid_t uid;
	gid_t gid, groups[4];

	CHECK(ntm_user_find("nobody", &uid, &gid) == 0);
	CHECK(setgroups(1, &(gid_t){4242}) == 0);
	CHECK(ntm_priv_drop("nobody", err, sizeof(err)) == 0);
	CHECK(getuid() == uid && geteuid() == uid && getgid() == gid && getegid() == gid);
	CHECK(getgroups(4, groups) == 0);
	CHECK(caps_of_self("CapPrm:") == 0 && caps_of_self("CapEff:") == 0);
	CHECK(caps_of_self("CapBnd:") == 0 && caps_of_self("CapAmb:") == 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(setuid(0) != 0 && setgid(0) != 0);
	CHECK(!can_make_raw_socket());
	CHECK(open("/etc/shadow", O_RDONLY) < 0);
	return 0;
}

/* So do programs that it starts. */
static int helpers_get_none(void)
{
	const char *const argv[] = {"sh", "-c", "grep CapEff /proc/self/status >&2", NULL};
	const struct ntm_spawn_args args = {.argv = argv, .timeout_ms = 5000};
	char err[NTM_SPAWN_ERR] = "";
	int status = -1;

	CHECK(ntm_priv_drop("", err, sizeof(err)) == 0); /* also as root */
	CHECK(ntm_spawn(&args, &status, err) == 0 && status == 0);
	CHECK(strcmp(err, "CapEff:\t0000000000000000") == 0);
	return 0;
}

static int stay_who_i_am(void)
{
	char err[200] = "";

	CHECK(ntm_priv_drop(NULL, err, sizeof(err)) == 0);
	CHECK(getuid() == 0);
	CHECK(caps_of_self("CapPrm:") == 0 && caps_of_self("CapEff:") == 0);
	CHECK(!can_make_raw_socket());
	return 0;
}

/* As a service manager starts it: the user already, with an ambient capability. */
static int drop_ambient(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	char err[200] = "";
	uid_t uid;
	gid_t gid;

	CHECK(ntm_user_find("nobody", &uid, &gid) == 0);
	CHECK(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && setresuid(uid, uid, uid) == 0);
	data[0].effective = data[0].permitted = data[0].inheritable = 1 << CAP_NET_RAW;
	CHECK(syscall(SYS_capset, &header, data) == 0);
	CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) == 0);
	CHECK(caps_of_self("CapAmb:") == 1 << CAP_NET_RAW && can_make_raw_socket());
	CHECK(ntm_priv_drop("", err, sizeof(err)) == 0);
	CHECK(caps_of_self("CapPrm:") == 0 && caps_of_self("CapInh:") == 0);
	CHECK(caps_of_self("CapEff:") == 0 && caps_of_self("CapAmb:") == 0);
	CHECK(!can_make_raw_socket());
	CHECK(ntm_priv_drop("root", err, sizeof(err)) == -EPERM); /* nothing comes back */
	CHECK(strstr(err, "cannot change the user: ") == err);
	return 0;
}

static int unknown_user(void)
{
	char err[200] = "";

	CHECK(ntm_priv_drop("ntm-no-such-user", err, sizeof(err)) == -ENOENT);
	CHECK(strcmp(err, "cannot change the user: there is no such user") == 0);
	return 0;
}

static void test_drop(void **state)
{
	static int (*const bodies[])(void) = {drop_all, helpers_get_none, stay_who_i_am,
					      drop_ambient, unknown_user};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		in_child(bodies[i]);
}

static void test_lookup(void **state)
{
	uid_t uid = 7;
	gid_t gid = 7;

	(void)state;
	assert_int_equal(ntm_user_find("root", &uid, &gid), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(gid, 0);
	assert_int_equal(ntm_user_find("ntm-no-such-user", &uid, &gid), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_lookup),
	};
	if (geteuid() != 0) {
		printf("# skipped: needs root to drop privileges\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
