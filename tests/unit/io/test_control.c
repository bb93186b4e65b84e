/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket: replies now and later, clients that leave, limits, and the client side. */
#include "ntm/control.h"

#include "ntm/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Stands in front of the C library's: the next `accept_failures` calls find no descriptor. */
static int accept_failures, accept_calls;

int accept4(int fd, __SOCKADDR_ARG addr, socklen_t *len, int flags)
{
	accept_calls++;
	if (accept_failures > 0) {
		accept_failures--;
		errno = EMFILE;
		return -1;
	}
	return (int)syscall(SYS_accept4, fd, addr.__sockaddr__, len, flags);
}

struct world {
	struct ntm_loop *loop;
	struct ntm_control *control;
	char dir[32], path[64];
	uint64_t ticket; /* of the last request that was left open */
	int requests;
};
static struct world world;

/* {"do":"echo"} answers at once; "count" with three objects; "big" with n bytes; "later" not. */
static void on_request(void *ctx, uint64_t ticket, json_t *request)
{
	struct world *w = ctx;
	const char *what = json_string_value(json_object_get(request, "do"));

	w->requests++;
	if (what == NULL || strcmp(what, "later") == 0) {
		w->ticket = ticket;
		return;
	}
	if (strcmp(what, "count") == 0) {
		for (int i = 1; i <= 3; i++)
			assert_int_equal(ntm_control_reply(w->control, ticket,
							   json_pack("{s:i}", "n", i), i == 3),
					 0);
		return;
	}
	if (strcmp(what, "big") == 0) {
		size_t len = (size_t)json_integer_value(json_object_get(request, "n"));
		char *text = calloc(1, len + 1);
		memset(text, 'x', len);
		(void)ntm_control_reply(w->control, ticket, json_pack("{s:s}", "text", text), true);
		free(text);
		return;
	}
	assert_int_equal(ntm_control_reply(w->control, ticket, json_pack("{s:O}", "echo", request),
					   true),
			 0);
	/* answered in full: the ticket is spent */
	assert_int_equal(ntm_control_reply(w->control, ticket, json_object(), true), -ENOTCONN);
}

static struct ntm_control_args server_args(void)
{
	return (struct ntm_control_args){.loop = world.loop,
					 .path = world.path,
					 .gid = (gid_t)-1,
					 .fn = on_request,
					 .ctx = &world};
}

static int setup(void **state)
{
	memset(&world, 0, sizeof(world));
	strcpy(world.dir, "/tmp/ntm-control-XXXXXX");
	assert_non_null(mkdtemp(world.dir));
	assert_int_equal(chmod(world.dir, 0755), 0);
	snprintf(world.path, sizeof(world.path), "%s/sock", world.dir);
	world.loop = ntm_loop_new();
	struct ntm_control_args args = server_args();
	assert_int_equal(ntm_control_open(&args, &world.control), 0);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ntm_control_free(w->control);
	ntm_loop_free(w->loop);
	unlink(w->path);
	assert_int_equal(rmdir(w->dir), 0);
	return 0;
}

/* --- a client by hand --- */

static int dial(const struct world *w)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memcpy(addr.sun_path, w->path, strlen(w->path) + 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void turn(struct world *w)
{
	for (int i = 0; i < 4; i++)
		assert_int_equal(ntm_loop_turn(w->loop, 2), 0);
}

/* What came within a few turns; "EOF" at the end when the server closed. */
static const char *hear(struct world *w, int fd)
{
	static char text[70000];
	size_t len = 0;

	turn(w);
	for (;;) {
		ssize_t n = recv(fd, text + len, sizeof(text) - 8 - len, 0);
		if (n > 0) {
			len += (size_t)n;
			continue;
		}
		text[len] = '\0';
		if (n == 0)
			strcat(text, "EOF");
		return text;
	}
}

static void test_one_reply_and_several(void **state)
{
	struct world *w = *state;
	int fd = dial(w);

	say(fd, "{\"do\":\"echo\",\"x\":1}\n");
	assert_string_equal(hear(w, fd), "{\"echo\":{\"do\":\"echo\",\"x\":1}}\n");
	say(fd, "{\"do\":\"count\"}\n{\"do\":");
	assert_string_equal(hear(w, fd),
			    "{\"n\":1,\"more\":true}\n{\"n\":2,\"more\":true}\n{\"n\":3}\n");
	say(fd, "\"count\"}\n");
	assert_string_equal(hear(w, fd),
			    "{\"n\":1,\"more\":true}\n{\"n\":2,\"more\":true}\n{\"n\":3}\n");
	assert_int_equal(ntm_control_counters(w->control)->requests, 3);
	close(fd);
}

static void test_a_late_answer_keeps_order(void **state)
{
	struct world *w = *state;
	int fd = dial(w);

	say(fd, "{\"do\":\"later\"}\n{\"do\":\"count\"}\n");
	assert_string_equal(hear(w, fd), "");
	assert_int_equal(w->requests, 1); /* the second waits for the first one's last reply */
	assert_int_equal(ntm_control_reply(w->control, w->ticket, json_pack("{s:i}", "late", 1),
					   false),
			 0);
	assert_string_equal(hear(w, fd), "{\"late\":1,\"more\":true}\n");
	assert_int_equal(ntm_control_reply(w->control, w->ticket, json_pack("{s:i}", "late", 2),
					   true),
			 0);
	assert_string_equal(
		hear(w, fd),
		"{\"late\":2}\n{\"n\":1,\"more\":true}\n{\"n\":2,\"more\":true}\n{\"n\":3}\n");
	close(fd);
}

static void test_a_client_that_left(void **state)
{
	struct world *w = *state;
	int fd = dial(w);

	say(fd, "{\"do\":\"later\"}\n");
	turn(w);
	uint64_t old = w->ticket;
	close(fd);
	turn(w);
	assert_int_equal(ntm_control_reply(w->control, old, json_object(), true), -ENOTCONN);

	/* the next one gets the same slot, and not the other's answer */
	fd = dial(w);
	say(fd, "{\"do\":\"later\"}\n");
	turn(w);
	assert_true(w->ticket != old);
	assert_int_equal(ntm_control_reply(w->control, old, json_object(), true), -ENOTCONN);
	assert_int_equal(ntm_control_reply(w->control, 0, json_object(), true), -ENOTCONN);
	assert_int_equal(ntm_control_reply(w->control, UINT64_MAX, json_object(), true), -ENOTCONN);
	assert_string_equal(hear(w, fd), "");
	assert_int_equal(ntm_control_reply(w->control, w->ticket, json_string("no"), true),
			 -EINVAL);
	assert_int_equal(ntm_control_reply(w->control, w->ticket, json_object(), true), 0);
	/* gone before it could be written */
	close(fd);
	turn(w);
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {
		"nonsense\n",          "[1]\n",        "\n",         "\"x\"\n",
		"{\"a\":1,\"a\":2}\n", "{\"a\":1}}\n", "\xff\xfe\n",
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = dial(w);
		say(fd, bad[i]);
		assert_string_equal(hear(w, fd),
				    "{\"error\":\"expected one JSON object a line\"}\nEOF");
		close(fd);
	}
	assert_int_equal(w->requests, 0);
	assert_int_equal(ntm_control_counters(w->control)->malformed, sizeof(bad) / sizeof(bad[0]));
}

static void test_longest_request(void **state)
{
	static char text[NTM_CONTROL_REQUEST_MAX + 1];
	struct world *w = *state;

	for (size_t over = 0; over < 2; over++) {
		size_t len = NTM_CONTROL_REQUEST_MAX + over; /* with its newline */
		int fd = dial(w);
		memset(text, ' ', sizeof(text));
		memcpy(text, "{\"do\":\"count\"}", 14);
		text[len - 1] = '\n';
		for (size_t done = 0; done < len;) {
			ssize_t n = send(fd, text + done, len - done, MSG_NOSIGNAL);
			assert_true(n > 0 || errno == EAGAIN);
			done += n > 0 ? (size_t)n : 0;
			turn(w);
		}
		assert_non_null(strstr(hear(w, fd), over ? "request too long" : "{\"n\":3}"));
		close(fd);
	}
}

static void test_sixteen_clients(void **state)
{
	struct world *w = *state;
	int fds[NTM_CONTROL_CLIENTS];

	for (size_t i = 0; i < NTM_CONTROL_CLIENTS; i++) {
		fds[i] = dial(w);
		turn(w);
	}
	int extra = dial(w);
	assert_string_equal(hear(w, extra), "{\"error\":\"too many clients at once\"}\nEOF");
	close(extra);
	for (size_t i = 0; i < NTM_CONTROL_CLIENTS; i++) {
		say(fds[i], "{\"do\":\"echo\"}\n");
		assert_string_equal(hear(w, fds[i]), "{\"echo\":{\"do\":\"echo\"}}\n");
	}
	close(fds[3]);
	turn(w);
	fds[3] = dial(w);
	say(fds[3], "{\"do\":\"echo\"}\n");
	assert_string_equal(hear(w, fds[3]), "{\"echo\":{\"do\":\"echo\"}}\n");
	for (size_t i = 0; i < NTM_CONTROL_CLIENTS; i++)
		close(fds[i]);
	assert_int_equal(ntm_control_counters(w->control)->busy, 1);
}

/* Moves the timers' clock, not the machine's: the loop will not set it back. */
static void pass(struct world *w, int64_t ms)
{
	struct ntm_timers *timers = ntm_loop_timers(w->loop);

	ntm_timers_advance(timers, timers->now_ms + ms, timers->wall_ms);
	ntm_timers_run(timers);
}

static void test_idle_clients_are_closed(void **state)
{
	struct world *w = *state;
	int idle = dial(w), waiting = dial(w);

	say(waiting, "{\"do\":\"later\"}\n");
	turn(w);
	pass(w, NTM_CONTROL_IDLE_MS - 1000);
	assert_string_equal(hear(w, idle), "");
	pass(w, 2000);
	assert_string_equal(hear(w, idle), "EOF");
	/* who waits for the daemon is not idle */
	assert_string_equal(hear(w, waiting), "");
	assert_int_equal(ntm_control_reply(w->control, w->ticket, json_object(), true), 0);
	assert_string_equal(hear(w, waiting), "{}\n");
	assert_int_equal(ntm_control_counters(w->control)->timeouts, 1);
	close(idle);
	close(waiting);
}

static void test_a_client_that_does_not_read(void **state)
{
	struct world *w = *state;
	int fd = dial(w);
	char *sink = malloc(1 << 20);

	/* more than the kernel takes: the rest waits, for a while */
	say(fd, "{\"do\":\"big\",\"n\":4000000}\n{\"do\":\"count\"}\n");
	turn(w);
	assert_int_equal(w->requests, 1);
	pass(w, NTM_CONTROL_IDLE_MS + 1);
	assert_int_equal(ntm_control_counters(w->control)->timeouts, 1);
	close(fd);

	/* more than is ever kept: closed before the last reply, and the ticket is spent */
	fd = dial(w);
	say(fd, "{\"do\":\"big\",\"n\":17000000}\n");
	assert_string_equal(hear(w, fd), "EOF");
	close(fd);

	/* a reader gets all of it */
	fd = dial(w);
	say(fd, "{\"do\":\"big\",\"n\":4000000}\n");
	size_t total = 0;
	for (int i = 0; i < 2000 && total < 4000012; i++) {
		assert_int_equal(ntm_loop_turn(w->loop, 1), 0);
		ssize_t n = recv(fd, sink, 1 << 20, 0);
		total += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(total, 4000000 + strlen("{\"text\":\"\"}\n"));
	free(sink);
	close(fd);
}

static void test_out_of_descriptors(void **state)
{
	struct world *w = *state;
	struct ntm_timers *timers = ntm_loop_timers(w->loop);
	int64_t start_ms = timers->now_ms;
	const char *text = "";

	accept_failures = 3;
	accept_calls = 0;
	int fd = dial(w);
	say(fd, "{\"do\":\"count\"}\n");
	for (int i = 0; i < 200 && text[0] == '\0'; i++)
		text = hear(w, fd);
	/* it rests between its attempts, and the client that waited is served */
	assert_true(timers->now_ms - start_ms >= 300);
	assert_true(accept_calls >= 4 && accept_calls <= 5);
	assert_non_null(strstr(text, "{\"n\":3}"));
	close(fd);
}

/* --- the socket file --- */

static void test_socket_file(void **state)
{
	struct world *w = *state;
	struct ntm_control_args args = server_args();
	struct ntm_control *second = NULL;
	struct stat st;

	assert_int_equal(stat(w->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(ntm_control_open(&args, &second), -EADDRINUSE);
	assert_int_equal(stat(w->path, &st), 0);
	ntm_control_free(w->control);
	w->control = NULL;
	assert_int_not_equal(stat(w->path, &st), 0);

	/* left by a dead process */
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	memcpy(addr.sun_path, w->path, strlen(w->path) + 1);
	int dead = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(dead, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(dead);
	args.mode = 0600;
	assert_int_equal(ntm_control_open(&args, &w->control), 0);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	/* replaced by somebody else's: not ours to remove */
	assert_int_equal(unlink(w->path), 0);
	int file = open(w->path, O_CREAT | O_WRONLY, 0600);
	ntm_control_free(w->control);
	w->control = NULL;
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(ntm_control_open(&args, &second), -EEXIST);
	close(file);

	args.path =
		"/tmp/a-path-that-is-much-too-long-for-a-unix-socket-address/because-those-have-"
		"room-for-a-hundred-and-eight-bytes";
	assert_int_equal(ntm_control_open(&args, &second), -ENAMETOOLONG);
	args.path = "/nonexistent/ntm/sock";
	assert_int_equal(ntm_control_open(&args, &second), -ENOENT);
	assert_null(second);
	ntm_control_free(NULL);
}

/* --- the client side, in a child so that the loop can serve it --- */

static int replies;

static void on_reply(void *ctx, const json_t *reply)
{
	(void)ctx;
	(void)reply;
	replies++;
}

/* Runs ntm_control_call in a child and returns -result, plus 100 a reply. */
static int call_in_child(struct world *w, const char *request, int64_t timeout_ms, uid_t uid,
			 gid_t gid)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if ((gid != 0 && setgid(gid) != 0) || (uid != 0 && setuid(uid) != 0))
			_exit(99);
		json_t *object = json_loads(request, 0, NULL);
		int err = ntm_control_call(w->path, object, timeout_ms, on_reply, NULL);
		json_decref(object);
		_exit(replies > 0 ? 200 + replies - err : -err);
	}
	for (int i = 0; i < 2000 && waitpid(pid, &status, WNOHANG) == 0; i++)
		assert_int_equal(ntm_loop_turn(w->loop, 5), 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_call(void **state)
{
	struct world *w = *state;

	assert_int_equal(call_in_child(w, "{\"do\":\"echo\"}", 5000, 0, 0), 201);
	assert_int_equal(call_in_child(w, "{\"do\":\"count\"}", 5000, 0, 0), 203);
	assert_int_equal(call_in_child(w, "{\"do\":\"big\",\"n\":4000000}", 5000, 0, 0), 201);
	assert_int_equal(call_in_child(w, "{\"do\":\"big\",\"n\":17000000}", 5000, 0, 0),
			 ECONNRESET);
	assert_int_equal(call_in_child(w, "{\"do\":\"later\"}", 60, 0, 0), ETIMEDOUT);
	/* the one that gave up is gone, and its ticket with it */
	turn(w);
	assert_int_equal(ntm_control_reply(w->control, w->ticket, json_object(), true), -ENOTCONN);
}

static void test_call_without_a_daemon(void **state)
{
	struct world *w = *state;
	json_t *request = json_object();

	ntm_control_free(w->control);
	w->control = NULL;
	replies = 0;
	assert_int_equal(ntm_control_call(w->path, request, 1000, on_reply, NULL), -ENOENT);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	memcpy(addr.sun_path, w->path, strlen(w->path) + 1);
	int dead = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(dead, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(ntm_control_call(w->path, request, 1000, on_reply, NULL), -ECONNREFUSED);
	assert_int_equal(replies, 0);
	close(dead);
	json_decref(request);
}

static void test_who_may_ask(void **state)
{
	struct world *w = *state;
	struct ntm_control_args args = server_args();

	if (geteuid() != 0) {
		print_message("skipped: needs root to become somebody else\n");
		skip();
	}
	/* the file's mode keeps strangers out */
	assert_int_equal(call_in_child(w, "{\"do\":\"echo\"}", 5000, 65534, 65534), EACCES);
	ntm_control_free(w->control);
	/* and where it does not, the credentials do; a member of the group may */
	args.mode = 0666;
	args.gid = 4242;
	assert_int_equal(ntm_control_open(&args, &w->control), 0);
	assert_int_equal(call_in_child(w, "{\"do\":\"echo\"}", 5000, 65534, 65534), EACCES);
	assert_int_equal(w->requests, 0);
	assert_int_equal(ntm_control_counters(w->control)->refused, 1);
	assert_int_equal(call_in_child(w, "{\"do\":\"echo\"}", 5000, 65534, 4242), 201);
	struct stat st;
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_gid, 4242);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_one_reply_and_several),
		T(test_a_late_answer_keeps_order),
		T(test_a_client_that_left),
		T(test_malformed),
		T(test_longest_request),
		T(test_sixteen_clients),
		T(test_idle_clients_are_closed),
		T(test_a_client_that_does_not_read),
		T(test_out_of_descriptors),
		T(test_socket_file),
		T(test_call),
		T(test_call_without_a_daemon),
		T(test_who_may_ask),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
