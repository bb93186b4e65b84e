/* SPDX-License-Identifier: BSD-2-Clause */
/* resolv.conf: what is read, what is written, and how files of all kinds are replaced. */
#include "resolv_conf.h"

#include "node/temp_dir.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

static void test_parse(void **state)
{
	static const struct {
		const char *text, *servers, *search, *options;
	} cases[] = {
		{"", "", "", ""},
		{"nameserver 192.0.2.1\n", "192.0.2.1:53 ", "", ""},
		{"nameserver\t192.0.2.1  \r\nnameserver 2001:db8::1",
		 "192.0.2.1:53 [2001:db8::1]:53 ", "", ""},
		{"nameserver 192.0.2.1 # the router\n", "192.0.2.1:53 ", "", ""},
		/* ldns takes the ones that are commented out (security.md 3.3) */
		{"#nameserver 192.0.2.1\n;nameserver 192.0.2.2\n# nameserver 192.0.2.3\n", "", "",
		 ""},
		{"nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\nnameserver 4.4.4.4\n",
		 "1.1.1.1:53 2.2.2.2:53 3.3.3.3:53 ", "", ""},
		{"nameserver dns.example\nnameserver fe80::1%eth0\nnameserver \nnameserver1 "
		 "1.1.1.1\n",
		 "", "", ""},
		{"domain a.example\nsearch b.example c.example\n", "", "b.example c.example", ""},
		{"search a.example\ndomain b.example\n", "", "b.example", ""},
		{"options ndots:2\noptions  edns0 trust-ad\n", "", "", "ndots:2 edns0 trust-ad"},
		{"sortlist 192.0.2.0\nbogus\n\n\n", "", "", ""},
	};
	struct resolv_conf conf;
	char addr[NTM_ADDR_STR], servers[200];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		resolv_conf_parse(&conf, cases[i].text);
		servers[0] = '\0';
		for (size_t n = 0; n < conf.servers.count; n++) {
			strcat(servers, ntm_addr_str(&conf.servers.item[n], addr));
			strcat(servers, " ");
		}
		assert_string_equal(servers, cases[i].servers);
		assert_string_equal(conf.search, cases[i].search);
		assert_string_equal(conf.options, cases[i].options);
	}
}

/* Values longer than their place are left out, whole. */
static void test_parse_long(void **state)
{
	char text[2000];
	struct resolv_conf conf;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "search ", 7);
	text[1000] = '\n';
	memcpy(text + 1001, "options ", 8);
	memcpy(text + 1980, "\noptions ok\n", 13);
	resolv_conf_parse(&conf, text);
	assert_string_equal(conf.search, "");
	assert_string_equal(conf.options, "ok");
}

static void test_print(void **state)
{
	struct resolv_conf conf;
	struct ntm_ip server = ntm_ip_v4(198, 18, 255, 254);
	char out[200];

	(void)state;
	resolv_conf_parse(&conf, "nameserver 192.0.2.1\nsearch a.example\noptions ndots:2\n");
	size_t len = resolv_conf_print(&conf, &server, "mark", out, sizeof(out));
	assert_string_equal(out, "# mark\nnameserver 198.18.255.254\nsearch a.example\n"
				 "options ndots:2\n");
	assert_int_equal(len, strlen(out));
	assert_true(resolv_conf_has_mark(out, "mark"));
	assert_false(resolv_conf_has_mark(out, "mar"));
	assert_false(resolv_conf_has_mark("mark\n", "mark"));
	assert_int_equal(resolv_conf_print(&conf, &server, "mark", out, len), 0);
	assert_int_equal(resolv_conf_print(&conf, &server, "mark", out, len + 1), len);
}

static void test_read(void **state)
{
	char big[RESOLV_CONF_MAX + 2], *text = NULL;

	(void)state;
	assert_int_equal(resolv_conf_read(temp_path("none"), &text), -ENOENT);
	memset(big, '#', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	temp_write("big", big);
	assert_int_equal(resolv_conf_read(temp_path("big"), &text), -EFBIG);
	big[RESOLV_CONF_MAX] = '\0';
	temp_write("big", big);
	assert_int_equal(resolv_conf_read(temp_path("big"), &text), 0);
	assert_string_equal(text, big);
	free(text);
	assert_int_equal(resolv_conf_read(temp_dir, &text), -EISDIR);
}

static void test_write(void **state)
{
	struct stat before, after;

	(void)state;
	assert_int_equal(resolv_conf_write(temp_path("new"), "one\n"), 0);
	assert_string_equal(temp_read("new"), "one\n");
	assert_int_equal(stat(temp_path("new"), &before), 0);
	assert_int_equal(before.st_mode & 0777, 0644);
	/* Replaced, not written over: a reader sees the old or the new one. Its mode stays. */
	chmod(temp_path("new"), 0640);
	assert_int_equal(resolv_conf_write(temp_path("new"), "two\n"), 0);
	assert_string_equal(temp_read("new"), "two\n");
	assert_int_equal(stat(temp_path("new"), &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_int_equal(after.st_mode & 0777, 0640);
	assert_int_equal(resolv_conf_write(temp_path("no/dir"), "x"), -ENOENT);
}

static void test_write_link(void **state)
{
	struct stat st;

	(void)state;
	temp_write("target", "one\n");
	assert_int_equal(symlink("target", temp_path("link")), 0);
	assert_int_equal(resolv_conf_write(temp_path("link"), "two\n"), 0);
	assert_int_equal(lstat(temp_path("link"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_string_equal(temp_read("target"), "two\n");
}

/* What `ip netns exec` and containers do with /etc/resolv.conf: rename gives EBUSY. */
static void test_write_bind_mount(void **state)
{
	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		skip();
	temp_write("mounted", "inside, and longer\n");
	temp_write("point", "hidden\n");
	assert_int_equal(mount(temp_path("mounted"), temp_path("point"), NULL, MS_BIND, NULL), 0);
	assert_int_equal(resolv_conf_write(temp_path("point"), "new\n"), 0);
	assert_string_equal(temp_read("point"), "new\n");
	assert_string_equal(temp_read("mounted"), "new\n");
	assert_int_equal(umount(temp_path("point")), 0);
	assert_string_equal(temp_read("point"), "hidden\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_long),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_link),
		cmocka_unit_test(test_write_bind_mount),
	};

	return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
