/* SPDX-License-Identifier: BSD-2-Clause */
/* The DNS client: what it says of every kind of answer, how long it waits, what it forgets. */
#include "ntm/dnsclient.h"

#include "dns_server.h"

#include <dirent.h>
#include <errno.h>
#include <resolv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Stands in front of the C library's: the clock that libunbound's cache goes by. */
static _Atomic long clock_ahead_s;

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec + clock_ahead_s;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

struct heard {
	int count, err;
	bool secure;
	char why[256];
	uint8_t msg[2048];
	size_t len;
	uint64_t id;
};

struct world {
	struct ntm_loop *loop;
	struct server server, stub;
	struct ntm_dnsclient *client;
};
static struct world world;

static int setup(void **state)
{
	memset(&world, 0, sizeof(world));
	clock_ahead_s = 0;
	world.loop = ntm_loop_new();
	assert_int_equal(server_open(&world.server, world.loop, 0), 0);
	assert_int_equal(server_open(&world.stub, world.loop, 0), 0);
	world.server.host = 10;
	world.stub.host = 20;
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ntm_dnsclient_free(w->client);
	ntm_dnsserve_free(w->server.serve);
	ntm_dnsserve_free(w->stub.serve);
	ntm_loop_free(w->loop);
	return 0;
}

/* Opens with the server as the resolver, if args name none. */
static void open_client(struct world *w, struct ntm_dnsclient_args args)
{
	const char *servers[] = {w->server.text, NULL};
	char words[200] = "";

	args.loop = w->loop;
	if (args.servers == NULL && args.resolv_conf == NULL)
		args.servers = servers;
	if (ntm_dnsclient_open(&args, &w->client, words, sizeof(words)) != 0)
		fail_msg("%s", words);
}

static void on_answer(void *arg, const struct ntm_dnsclient_answer *answer)
{
	struct heard *heard = arg;

	heard->count++;
	heard->err = answer->err;
	heard->secure = answer->secure;
	assert_true(answer->len <= sizeof(heard->msg));
	assert_true((answer->err == 0) == (answer->msg != NULL));
	assert_true((answer->err == -EBADMSG) == (answer->why != NULL));
	if (answer->msg != NULL)
		memcpy(heard->msg, answer->msg, answer->len);
	heard->len = answer->len;
	snprintf(heard->why, sizeof(heard->why), "%s", answer->why != NULL ? answer->why : "");
}

static void ask(struct world *w, const char *name, uint16_t type, struct heard *heard)
{
	memset(heard, 0, sizeof(*heard));
	assert_int_equal(ntm_dnsclient_ask(w->client, name, type, on_answer, heard, &heard->id), 0);
	assert_true(heard->id != 0);
	assert_int_equal(heard->count, 0); /* never at once */
}

static int64_t now_ms(const struct world *w)
{
	return ntm_loop_timers(w->loop)->now_ms;
}

static void pass(struct world *w, int64_t ms)
{
	int64_t end_ms = now_ms(w) + ms;

	while (now_ms(w) < end_ms)
		assert_int_equal(ntm_loop_turn(w->loop, end_ms - now_ms(w)), 0);
}

/* Milliseconds that it took. */
static int64_t await(struct world *w, const struct heard *heard)
{
	int64_t start_ms = now_ms(w);

	while (heard->count == 0 && now_ms(w) - start_ms < 10000)
		assert_int_equal(ntm_loop_turn(w->loop, 100), 0);
	assert_int_equal(heard->count, 1);
	return now_ms(w) - start_ms;
}

static struct heard *get(struct world *w, const char *name, uint16_t type)
{
	static struct heard heard;

	ask(w, name, type, &heard);
	await(w, &heard);
	return &heard;
}

/* The n-th record of the answer section. */
static ns_rr record(const struct heard *heard, int n)
{
	ns_msg msg;
	ns_rr rr;

	assert_int_equal(heard->err, 0);
	assert_int_equal(ns_initparse(heard->msg, (int)heard->len, &msg), 0);
	assert_int_equal(ns_parserr(&msg, ns_s_an, n, &rr), 0);
	return rr;
}

static void assert_a(const struct heard *heard, int n, uint8_t host)
{
	const uint8_t ip[4] = {192, 0, 2, host};
	ns_rr rr = record(heard, n);

	assert_int_equal(ns_rr_type(rr), ns_t_a);
	assert_int_equal(ns_rr_rdlen(rr), 4);
	assert_memory_equal(ns_rr_rdata(rr), ip, 4);
}

/* A name in rdata, behind skip bytes. */
static void assert_target(const struct heard *heard, int skip, const char *name)
{
	ns_rr rr = record(heard, 0);
	char target[256];

	assert_true(dn_expand(heard->msg, heard->msg + heard->len, ns_rr_rdata(rr) + skip, target,
			      sizeof(target)) > 0);
	assert_string_equal(target, name);
}

/* ---- answers ---- */

static void test_records(void **state)
{
	struct world *w = *state;
	struct heard *heard;

	open_client(w, (struct ntm_dnsclient_args){0});
	heard = get(w, "a.plain.example", ns_t_a);
	assert_a(heard, 0, 1);
	assert_false(heard->secure);
	heard = get(w, "A.Plain.Example.", ns_t_aaaa);
	assert_int_equal(ns_rr_type(record(heard, 0)), ns_t_aaaa);
	assert_int_equal(ns_rr_rdata(record(heard, 0))[15], 1);
	heard = get(w, "t.plain.example", ns_t_txt);
	assert_memory_equal(ns_rr_rdata(record(heard, 0)), "\x0aroot=abc123", 11);
	heard = get(w, "_ntm._udp.plain.example", ns_t_srv);
	assert_memory_equal(ns_rr_rdata(record(heard, 0)), "\0\1\0\2\x10\xea", 6);
	assert_target(heard, 6, "dc.plain.example");
	heard = get(w, "7.10.18.198.in-addr.arpa", ns_t_ptr);
	assert_target(heard, 0, "dc.plain.example");
	/* reverse zones of private addresses are asked for as any other */
	assert_target(get(w, "3.2.1.10.in-addr.arpa", ns_t_ptr), 0, "dc.plain.example");
	assert_target(get(w, "1.0.0.0.d.f.ip6.arpa", ns_t_ptr), 0, "dc.plain.example");
	/* a chain comes whole */
	heard = get(w, "c1.plain.example", ns_t_a);
	assert_target(heard, 0, "c2.plain.example");
	assert_int_equal(ns_rr_type(record(heard, 1)), ns_t_cname);
	assert_a(heard, 2, 1);
	assert_int_equal(ntm_dnsclient_counters(w->client)->asked, 8);
	assert_int_equal(ntm_dnsclient_counters(w->client)->answered, 8);
}

static void test_absent(void **state)
{
	struct world *w = *state;

	open_client(w, (struct ntm_dnsclient_args){0});
	assert_int_equal(get(w, "nobody.plain.example", ns_t_a)->err, -ENOENT);
	assert_int_equal(get(w, "a.plain.example", ns_t_txt)->err, -ENOENT);
	assert_false(get(w, "a.plain.example", ns_t_txt)->secure);
	assert_int_equal(ntm_dnsclient_counters(w->client)->absent, 3);
	assert_int_equal(ntm_dnsclient_counters(w->client)->failed, 0);
}

static void test_useless_servers(void **state)
{
	static const enum server_mode modes[] = {SERVER_FAILS, SERVER_REFUSES, SERVER_BABBLES,
						 SERVER_LIES, SERVER_MUTE};
	static const char *const names[] = {"f.plain.example", "r.plain.example", "b.plain.example",
					    "l.plain.example", "m.plain.example"};
	struct world *w = *state;
	struct heard heard;

	open_client(w, (struct ntm_dnsclient_args){0});
	for (size_t i = 0; i < 5; i++) {
		w->server.mode = modes[i];
		w->server.queries = 0;
		ask(w, names[i], ns_t_a, &heard);
		int64_t took_ms = await(w, &heard);
		printf("# %s: %d ms\n", names[i], (int)took_ms);
		assert_int_equal(heard.err, -EHOSTUNREACH);
		assert_true(w->server.queries > 0);
		assert_true(took_ms <= NTM_DNSCLIENT_WAIT_MS + 200);
	}
	w->server.mode = SERVER_ANSWERS;
	assert_int_equal(get(w, "loop.plain.example", ns_t_a)->err, -EHOSTUNREACH);
	assert_int_equal(ntm_dnsclient_counters(w->client)->failed, 6);
}

static void test_nobody_listens(void **state)
{
	struct world *w = *state;
	struct heard heard;

	ntm_dnsserve_free(w->server.serve);
	w->server.serve = NULL;
	open_client(w, (struct ntm_dnsclient_args){0});
	ask(w, "a.plain.example", ns_t_a, &heard);
	int64_t took_ms = await(w, &heard);
	printf("# nobody listens: %d ms\n", (int)took_ms);
	assert_int_equal(heard.err, -EHOSTUNREACH);
	assert_true(took_ms <= NTM_DNSCLIENT_WAIT_MS + 200);
}

/* ---- memory ---- */

static void test_cache(void **state)
{
	struct world *w = *state;

	open_client(w, (struct ntm_dnsclient_args){0});
	for (int i = 0; i < 3; i++) {
		assert_a(get(w, "a.plain.example", ns_t_a), 0, 1);
		assert_int_equal(get(w, "nobody.plain.example", ns_t_a)->err, -ENOENT);
		assert_int_equal(get(w, "b.plain.example", ns_t_srv)->err, -ENOENT);
	}
	assert_int_equal(w->server.queries, 3);
	/* A "no" is forgotten after 5 s, whatever its SOA says; a record after its TTL. */
	clock_ahead_s = NTM_DNSCLIENT_NEGATIVE_S + 1;
	assert_int_equal(get(w, "nobody.plain.example", ns_t_a)->err, -ENOENT);
	assert_int_equal(w->server.queries, 4);
	assert_int_equal(get(w, "b.plain.example", ns_t_srv)->err, -ENOENT);
	assert_int_equal(w->server.queries, 5);
	assert_a(get(w, "a.plain.example", ns_t_a), 0, 1);
	assert_int_equal(w->server.queries, 5);
	clock_ahead_s = 62;
	assert_a(get(w, "a.plain.example", ns_t_a), 0, 1);
	assert_int_equal(w->server.queries, 6);
}

/* Worst case: it was down for long, and returns at a bad moment. No clock is moved here. */
static void test_server_comes_back(void **state)
{
	struct world *w = *state;
	struct heard heard;
	int64_t back_ms;

	open_client(w, (struct ntm_dnsclient_args){0});
	w->server.mode = SERVER_MUTE;
	for (int i = 0; i < 4; i++)
		assert_int_equal(get(w, "a.plain.example", ns_t_a)->err, -EHOSTUNREACH);
	back_ms = now_ms(w);
	w->server.mode = SERVER_ANSWERS;
	do {
		ask(w, "a.plain.example", ns_t_a, &heard);
		await(w, &heard);
		pass(w, 100);
	} while (heard.err != 0 && now_ms(w) - back_ms < 10000);
	printf("# found again after %d ms\n", (int)(now_ms(w) - back_ms));
	assert_int_equal(heard.err, 0);
	assert_true(now_ms(w) - back_ms < 7000); /* 5 s and what rounding adds */
	/* another name of it is found at once */
	ask(w, "b.plain.example", ns_t_a, &heard);
	assert_true(await(w, &heard) < 500);
	assert_int_equal(heard.err, 0);
}

/* ---- cancel, free, bounds ---- */

/* Those that take SIGTERM, or not. */
static int count_threads(bool blocked)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;
	char path[300], line[200];

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		FILE *file = entry->d_name[0] != '.' ? fopen(path, "r") : NULL;
		while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
			unsigned long long mask;
			if (sscanf(line, "SigBlk: %llx", &mask) == 1 &&
			    (mask >> (SIGTERM - 1) & 1) == blocked)
				count++;
		}
		if (file != NULL)
			fclose(file);
	}
	closedir(dir);
	return count;
}

static void test_cancel(void **state)
{
	struct world *w = *state;
	struct heard first, second;

	open_client(w, (struct ntm_dnsclient_args){0});
	ask(w, "a.plain.example", ns_t_a, &first);
	ask(w, "b.plain.example", ns_t_a, &second);
	assert_true(first.id != second.id);
	ntm_dnsclient_cancel(w->client, first.id);
	ntm_dnsclient_cancel(w->client, first.id);
	ntm_dnsclient_cancel(w->client, 0);
	ntm_dnsclient_cancel(w->client, 1);
	ntm_dnsclient_cancel(w->client, UINT64_MAX);
	await(w, &second);
	assert_a(&second, 0, 2);
	uint64_t told = second.id;
	/* The slot has a new user, whom the old ids do not mean. */
	ask(w, "b.plain.example", ns_t_a, &second);
	ntm_dnsclient_cancel(w->client, told);
	ntm_dnsclient_cancel(w->client, first.id);
	await(w, &second);
	pass(w, 300);
	assert_int_equal(first.count, 0);
	assert_int_equal(second.count, 1);
	/* cancelled although its answer is on its way to us */
	ask(w, "b.plain.example", ns_t_a, &first);
	usleep(50000);
	ntm_dnsclient_cancel(w->client, first.id);
	pass(w, 200);
	assert_int_equal(first.count, 0);
	assert_int_equal(ntm_dnsclient_counters(w->client)->answered, 2);
}

struct meddler {
	struct world *w;
	uint64_t *others;
	int count, told;
	bool frees;
};

static void on_answer_meddle(void *arg, const struct ntm_dnsclient_answer *answer)
{
	struct meddler *meddler = arg;
	struct ntm_dnsclient *client = meddler->w->client;

	assert_int_equal(answer->err, 0);
	meddler->told++;
	if (meddler->frees) {
		ntm_dnsclient_free(client);
		meddler->w->client = NULL;
		assert_true(answer->len > 12); /* the answer stays to its end */
		return;
	}
	for (int i = 0; i < meddler->count; i++)
		ntm_dnsclient_cancel(client, meddler->others[i]);
}

/* Answers that came in one bunch; the first one's receiver ends the others. */
static void test_meddling_callback(void **state)
{
	struct world *w = *state;
	uint64_t ids[8];
	struct meddler meddler = {.w = w, .others = ids, .count = 8};

	open_client(w, (struct ntm_dnsclient_args){0});
	assert_a(get(w, "a.plain.example", ns_t_a), 0, 1);
	for (int round = 0; round < 2; round++) {
		meddler.frees = round == 1;
		meddler.told = 0;
		for (int i = 0; i < 8; i++)
			assert_int_equal(ntm_dnsclient_ask(w->client, "a.plain.example", ns_t_a,
							   on_answer_meddle, &meddler, &ids[i]),
					 0);
		usleep(100000);
		pass(w, 200);
		assert_int_equal(meddler.told, 1);
	}
	assert_null(w->client);
}

static void test_free_with_open_lookups(void **state)
{
	struct world *w = *state;
	static struct heard heard[100];
	char name[64];

	open_client(w, (struct ntm_dnsclient_args){0});
	w->server.mode = SERVER_MUTE;
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "n%d.plain.example", i);
		ask(w, name, ns_t_a, &heard[i]);
	}
	pass(w, 300);
	assert_true(w->server.queries >= 100);
	pass(w, 0);
	int64_t start_ms = now_ms(w);
	ntm_dnsclient_free(w->client);
	w->client = NULL;
	pass(w, 1);
	printf("# free took %d ms\n", (int)(now_ms(w) - start_ms - 1));
	assert_true(now_ms(w) - start_ms < 500);
	pass(w, NTM_DNSCLIENT_WAIT_MS);
	for (int i = 0; i < 100; i++)
		assert_int_equal(heard[i].count, 0);
}

static void test_bounds(void **state)
{
	struct world *w = *state;
	static struct heard heard[NTM_DNSCLIENT_OPEN_MAX], more;
	char name[64];

	open_client(w, (struct ntm_dnsclient_args){0});
	w->server.mode = SERVER_MUTE;
	for (int i = 0; i < NTM_DNSCLIENT_OPEN_MAX; i++) {
		snprintf(name, sizeof(name), "n%d.plain.example", i);
		ask(w, name, ns_t_a, &heard[i]);
	}
	assert_int_equal(ntm_dnsclient_ask(w->client, "a.plain.example", ns_t_a, on_answer, &more,
					   &more.id),
			 -EBUSY);
	ntm_dnsclient_cancel(w->client, heard[7].id);
	ask(w, "a.plain.example", ns_t_a, &heard[7]);
	pass(w, NTM_DNSCLIENT_WAIT_MS + 100);
	for (int i = 0; i < NTM_DNSCLIENT_OPEN_MAX; i++) {
		assert_int_equal(heard[i].count, 1);
		assert_int_equal(heard[i].err, -EHOSTUNREACH);
	}
	assert_int_equal(ntm_dnsclient_counters(w->client)->failed, NTM_DNSCLIENT_OPEN_MAX);
}

/* Those who ask a dead server do not keep others waiting. */
static void test_dead_server_beside_a_live_one(void **state)
{
	struct world *w = *state;
	static struct heard heard[NTM_DNSCLIENT_OPEN_MAX];
	char stub[64], name[64];
	const char *stubs[] = {stub, NULL};

	snprintf(stub, sizeof(stub), "dead.example %s", w->stub.text);
	open_client(w, (struct ntm_dnsclient_args){.stub_zones = stubs});
	w->stub.mode = SERVER_MUTE;
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%d.dead.example", i);
		ask(w, name, ns_t_a, &heard[i]);
	}
	pass(w, 100);
	ask(w, "a.plain.example", ns_t_a, &heard[200]);
	assert_true(await(w, &heard[200]) < 500);
	assert_a(&heard[200], 0, 1);
}

static void test_out_of_descriptors(void **state)
{
	struct world *w = *state;
	struct rlimit before, tight;
	struct heard heard = {0};
	char words[200];
	struct ntm_dnsclient_args args = {.loop = w->loop};
	struct ntm_dnsclient *none = NULL;
	int next = dup(STDIN_FILENO);

	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	tight.rlim_cur = (rlim_t)next + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	int err = ntm_dnsclient_open(&args, &none, words, sizeof(words));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(err, -EMFILE);
	assert_null(none);

	/* no room for the thread's own: it can be had later */
	open_client(w, (struct ntm_dnsclient_args){0});
	next = dup(STDIN_FILENO);
	close(next);
	tight.rlim_cur = (rlim_t)next + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	err = ntm_dnsclient_ask(w->client, "a.plain.example", ns_t_a, on_answer, &heard, &heard.id);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(err, -EMFILE);
	assert_int_equal(count_threads(true), 0);
	assert_a(get(w, "a.plain.example", ns_t_a), 0, 1);
	assert_int_equal(heard.count, 0);
}

static void test_bad_names(void **state)
{
#define LABEL50 "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
#define LABEL63 LABEL50 "abcdefghij123"
	static const char *const names[] = {
		"",
		".",
		"..",
		".example",
		"a..example",
		"a b.example",
		"a\\032b.example",
		"a\x80.example",
		"a\n.example",
		LABEL63 "4.example",
		LABEL63 "." LABEL63 "." LABEL63 "." LABEL63,
		NULL,
	};
	struct world *w = *state;
	struct heard heard = {0};

	open_client(w, (struct ntm_dnsclient_args){0});
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(ntm_dnsclient_ask(w->client, names[i], ns_t_a, on_answer, &heard,
						   &heard.id),
				 -EINVAL);
	assert_int_equal(get(w, LABEL63 ".example", ns_t_a)->err, -ENOENT);
	assert_int_equal(get(w, LABEL63 "." LABEL63 "." LABEL63 "." LABEL50 "12345678901", ns_t_a)
				 ->err,
			 -ENOENT);
	assert_int_equal(ntm_dnsclient_counters(w->client)->asked, 2);
	assert_int_equal(heard.count, 0);
}

/* ---- settings ---- */

static void test_stub_wins(void **state)
{
	struct world *w = *state;
	char entry[4][64];
	const char *stubs[] = {entry[0], entry[1], entry[2], entry[3], NULL};

	snprintf(entry[0], 64, "plain.example\t127.0.0.1@1  %s ", w->stub.text);
	snprintf(entry[1], 64, "10.in-addr.arpa %s", w->stub.text);
	snprintf(entry[2], 64, "corp.test. %s", w->stub.text);
	snprintf(entry[3], 64, "d.f.ip6.arpa %s", w->stub.text);
	open_client(w, (struct ntm_dnsclient_args){.stub_zones = stubs});
	assert_a(get(w, "who.plain.example", ns_t_a), 0, 20);
	assert_target(get(w, "3.2.1.10.in-addr.arpa", ns_t_ptr), 0, "dc.plain.example");
	assert_target(get(w, "1.0.0.0.d.f.ip6.arpa", ns_t_ptr), 0, "dc.plain.example");
	assert_a(get(w, "x.corp.test", ns_t_a), 0, 3);
	assert_int_equal(w->server.queries, 0);
	assert_int_equal(get(w, "nobody.example", ns_t_a)->err, -ENOENT);
	assert_int_equal(w->server.queries, 1);
}

static void test_second_server(void **state)
{
	struct world *w = *state;
	const char *servers[] = {w->stub.text, w->server.text, NULL};
	struct heard heard;

	w->stub.mode = SERVER_MUTE;
	open_client(w, (struct ntm_dnsclient_args){.servers = servers});
	ask(w, "who.plain.example", ns_t_a, &heard);
	assert_true(await(w, &heard) < 1500);
	assert_a(&heard, 0, 10);
}

/* A port cannot stand in that file: libunbound has to find nobody at 127.9.9.9, and not the one in
 * the comment. */
static void test_resolv_conf(void **state)
{
	struct world *w = *state;
	char path[] = "/tmp/ntm-resolv-XXXXXX", words[200];
	static const char text[] = "# nameserver 127.9.9.8\n;nameserver 127.9.9.8\n"
				   "search example\nnameserver fe80::1%eth0\n"
				   "nameserver  127.9.9.9 # nameserver 127.9.9.8\noptions edns0\n";
	struct server named = {.host = 30};
	struct ntm_addr addr = {.ip = ntm_ip_v4(127, 9, 9, 9), .port = 53};
	struct ntm_dnsserve_args args = {.loop = w->loop,
					 .addrs = &addr,
					 .addr_count = 1,
					 .fn = server_on_query,
					 .ctx = &named};
	int fd = mkstemp(path);

	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	struct ntm_dnsclient_args odd = {.loop = w->loop, .resolv_conf = path};
	assert_int_equal(ntm_dnsclient_check(&odd, words, sizeof(words)), 0);
	int err = ntm_dnsserve_open(&args, &named.serve, NULL);
	if (err == 0) {
		open_client(w, odd);
		assert_a(get(w, "who.plain.example", ns_t_a), 0, 30);
		ntm_dnsserve_free(named.serve);
	}
	unlink(path);
	if (err != 0) {
		print_message("# skipped: port 53 cannot be had: %s\n", strerror(-err));
		skip();
	}
	/* a file that is not there is no error */
	odd.resolv_conf = path;
	assert_int_equal(ntm_dnsclient_check(&odd, words, sizeof(words)), 0);
}

struct bad_args {
	const char *servers, *stub, *anchor, *insecure, *words;
};

static void assert_refused(const struct bad_args *bad)
{
	const char *lists[4][2] = {{bad->servers, NULL},
				   {bad->stub, NULL},
				   {bad->anchor, NULL},
				   {bad->insecure, NULL}};
	struct ntm_dnsclient_args args = {.servers = lists[0],
					  .stub_zones = lists[1],
					  .trust_anchors = lists[2],
					  .insecure_zones = lists[3]};
	char words[300] = "";

	if (ntm_dnsclient_check(&args, words, sizeof(words)) != -EINVAL ||
	    strcmp(words, bad->words) != 0)
		fail_msg("expected \"%s\", got \"%s\"", bad->words, words);
}

#define SERVER_WANTED "expected an address such as 192.0.2.53 or 192.0.2.53@5353, got "
#define ANCHOR_WANTED                                                                         \
	"trust_anchors: expected a DS or DNSKEY record, or the absolute path of a file with " \
	"such, got "

static void test_bad_arguments(void **state)
{
	static const struct bad_args table[] = {
		{.servers = "ns.example", .words = "servers: " SERVER_WANTED "'ns.example'"},
		{.servers = "", .words = "servers: " SERVER_WANTED "''"},
		{.servers = "192.0.2.53@", .words = "servers: " SERVER_WANTED "'192.0.2.53@'"},
		{.servers = "192.0.2.53@0", .words = "servers: " SERVER_WANTED "'192.0.2.53@0'"},
		{.servers = "192.0.2.53@65536",
		 .words = "servers: " SERVER_WANTED "'192.0.2.53@65536'"},
		{.servers = "192.0.2.53@5x", .words = "servers: " SERVER_WANTED "'192.0.2.53@5x'"},
		{.servers = "192.0.2.53@-1", .words = "servers: " SERVER_WANTED "'192.0.2.53@-1'"},
		{.servers = "192.0.2.53@53#tls.example",
		 .words = "servers: " SERVER_WANTED "'192.0.2.53@53#tls.example'"},
		{.stub = "", .words = "stub_zones: expected ZONE ADDRESS..., got ''"},
		{.stub = "b..example 192.0.2.1",
		 .words = "stub_zones: expected ZONE ADDRESS..., got 'b..example 192.0.2.1'"},
		{.stub = "b.example",
		 .words = "stub_zones: expected an address behind the zone, got 'b.example'"},
		{.stub = "b.example 192.0.2.1 ns.b.example",
		 .words = "stub_zones: " SERVER_WANTED "'ns.b.example'"},
		{.anchor = "rubbish", .words = ANCHOR_WANTED "'rubbish'"},
		{.anchor = "", .words = ANCHOR_WANTED "''"},
		{.anchor = "a.example. IN A 192.0.2.1",
		 .words = ANCHOR_WANTED "'a.example. IN A 192.0.2.1'"},
		{.anchor = "a.example. IN DS 1 15 2 xyz",
		 .words = ANCHOR_WANTED "'a.example. IN DS 1 15 2 xyz'"},
		{.anchor = "/nowhere",
		 .words = "trust_anchors: cannot read '/nowhere': No such file or directory"},
		{.anchor = "/", .words = "trust_anchors: cannot read '/': Is a directory"},
		{.anchor = "/dev/zero",
		 .words = "trust_anchors: cannot read '/dev/zero': Illegal seek"},
		{.anchor = "; a.example. IN DS 1 15 2 00",
		 .words = ANCHOR_WANTED "'; a.example. IN DS 1 15 2 00'"},
		{.anchor = NTM_SOURCE_DIR "/LICENSE",
		 .words = ANCHOR_WANTED "'" NTM_SOURCE_DIR "/LICENSE'"},
		{.insecure = "not a zone",
		 .words = "insecure_zones: expected a DNS name, got 'not a zone'"},
	};
	int silent = memfd_create("stderr", MFD_CLOEXEC), before = dup(STDERR_FILENO);

	(void)state;
	assert_true(silent >= 0 && before >= 0);
	dup2(silent, STDERR_FILENO);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_refused(&table[i]);
	dup2(before, STDERR_FILENO);
	close(before);
	assert_int_equal(lseek(silent, 0, SEEK_END), 0); /* libunbound said nothing there */
	close(silent);
}

/* ---- DNSSEC ---- */

static const char *const anchors[] = {SIGNED_ANCHOR, NULL};

static void test_secure(void **state)
{
	struct world *w = *state;
	struct heard *heard;

	open_client(w, (struct ntm_dnsclient_args){.trust_anchors = anchors});
	heard = get(w, "www.signed.example", ns_t_a);
	assert_a(heard, 0, 21);
	assert_true(heard->secure);
	heard = get(w, "aaa.signed.example", ns_t_a);
	assert_int_equal(heard->err, -ENOENT);
	assert_true(heard->secure);
	heard = get(w, "www.signed.example", ns_t_txt);
	assert_int_equal(heard->err, -ENOENT);
	assert_true(heard->secure);
	heard = get(w, "a.plain.example", ns_t_a);
	assert_a(heard, 0, 1);
	assert_false(heard->secure);
}

static void test_forged(void **state)
{
	struct world *w = *state;
	struct heard *heard;

	open_client(w, (struct ntm_dnsclient_args){.trust_anchors = anchors});
	heard = get(w, "forged.signed.example", ns_t_a);
	assert_int_equal(heard->err, -EBADMSG);
	assert_false(heard->secure);
	printf("# why: %s\n", heard->why);
	assert_non_null(strstr(heard->why, "signature"));
	/* once mended it is soon believed */
	w->server.is_honest = true;
	clock_ahead_s = NTM_DNSCLIENT_NEGATIVE_S + 1;
	heard = get(w, "forged.signed.example", ns_t_a);
	assert_a(heard, 0, 22);
	assert_true(heard->secure);
	/* unsigned data in a signed zone */
	heard = get(w, "x.sub.signed.example", ns_t_a);
	assert_int_equal(heard->err, -EBADMSG);
	printf("# why: %s\n", heard->why);
	assert_int_equal(ntm_dnsclient_counters(w->client)->bogus, 2);
}

static void test_without_anchor(void **state)
{
	struct world *w = *state;
	struct heard *heard;

	open_client(w, (struct ntm_dnsclient_args){0});
	heard = get(w, "www.signed.example", ns_t_a);
	assert_a(heard, 0, 21);
	assert_false(heard->secure);
	assert_a(get(w, "forged.signed.example", ns_t_a), 0, 66);
}

/* A private zone below a signed one: refused until the operator says that it is not signed. */
static void test_insecure_zone(void **state)
{
	struct world *w = *state;
	char stub[64];
	const char *stubs[] = {stub, NULL}, *insecure[] = {"sub.signed.example", NULL};

	snprintf(stub, sizeof(stub), "sub.signed.example %s", w->stub.text);
	open_client(w, (struct ntm_dnsclient_args){.trust_anchors = anchors, .stub_zones = stubs});
	assert_int_equal(get(w, "x.sub.signed.example", ns_t_a)->err, -EBADMSG);
	ntm_dnsclient_free(w->client);
	open_client(w, (struct ntm_dnsclient_args){.trust_anchors = anchors,
						   .stub_zones = stubs,
						   .insecure_zones = insecure});
	struct heard *heard = get(w, "x.sub.signed.example", ns_t_a);
	assert_a(heard, 0, 4);
	assert_false(heard->secure);
	assert_true(get(w, "www.signed.example", ns_t_a)->secure);
}

static void test_anchor_file(void **state)
{
	struct world *w = *state;
	char path[] = "/tmp/ntm-anchor-XXXXXX";
	const char *files[] = {path, NULL};
	int fd = mkstemp(path);

	assert_true(write(fd, "; a comment\n" SIGNED_ANCHOR "\n", strlen(SIGNED_ANCHOR) + 13) > 0);
	close(fd);
	open_client(w, (struct ntm_dnsclient_args){.trust_anchors = files});
	unlink(path); /* it was read */
	assert_true(get(w, "www.signed.example", ns_t_a)->secure);
}

/* ---- the thread ---- */

static int signals_seen;

static void on_signal(void *arg, int signo)
{
	(void)arg;
	(void)signo;
	signals_seen++;
}

static void test_thread_takes_no_signal(void **state)
{
	struct world *w = *state;

	signals_seen = 0;
	assert_int_equal(ntm_loop_signal(w->loop, SIGTERM, on_signal, NULL), 0);
	open_client(w, (struct ntm_dnsclient_args){0});
	assert_int_equal(count_threads(true), 0); /* none before the first question */
	assert_a(get(w, "a.plain.example", ns_t_a), 0, 1);
	assert_int_equal(count_threads(true), 1);
	assert_true(count_threads(false) >= 1);
	for (int i = 1; i <= 20; i++) {
		assert_int_equal(kill(getpid(), SIGTERM), 0);
		pass(w, 5);
		assert_int_equal(signals_seen, i);
	}
	ntm_dnsclient_free(w->client);
	w->client = NULL;
	assert_int_equal(count_threads(true), 0);
	ntm_dnsclient_free(NULL);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_records),
		T(test_absent),
		T(test_useless_servers),
		T(test_nobody_listens),
		T(test_cache),
		T(test_server_comes_back),
		T(test_cancel),
		T(test_meddling_callback),
		T(test_free_with_open_lookups),
		T(test_bounds),
		T(test_dead_server_beside_a_live_one),
		T(test_out_of_descriptors),
		T(test_bad_names),
		T(test_stub_wins),
		T(test_second_server),
		T(test_resolv_conf),
		T(test_bad_arguments),
		T(test_secure),
		T(test_forged),
		T(test_without_anchor),
		T(test_insecure_zone),
		T(test_anchor_file),
		T(test_thread_takes_no_signal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
