/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages to the service manager over file and abstract sockets. */
#include "ntm/daemon.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char name[64];

/* A manager that listens on `text` as $NOTIFY_SOCKET spells it. */
static int manager(const char *text)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(text);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(addr.sun_path, text, len);
	if (text[0] == '@')
		addr.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
			 0);
	setenv("NOTIFY_SOCKET", text, 1);
	return fd;
}

static void hears(int fd, const char *expected)
{
	char text[512];
	ssize_t len = recv(fd, text, sizeof(text) - 1, 0);

	assert_true(len >= 0);
	text[len] = '\0';
	assert_string_equal(text, expected);
}

static void test_messages(void **state)
{
	(void)state;
	for (int abstract = 0; abstract < 2; abstract++) {
		snprintf(name, sizeof(name), "%s-%d", abstract ? "@ntm-notify" : "/tmp/ntm-notify",
			 (int)getpid());
		int fd = manager(name);
		assert_int_equal(ntm_notify("READY=1"), 0);
		hears(fd, "READY=1");
		assert_int_equal(ntm_notify("STOPPING=1"), 0);
		hears(fd, "STOPPING=1");
		assert_int_equal(ntm_notify_status("%d nodes\nREADY=1", 7), 0);
		hears(fd, "STATUS=7 nodes READY=1");
		close(fd);
		if (!abstract)
			unlink(name);
	}
}

static void test_no_manager(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(ntm_notify("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(ntm_notify("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "vsock:2:1", 1);
	assert_int_equal(ntm_notify("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
	assert_int_equal(ntm_notify("READY=1"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_no_manager),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
