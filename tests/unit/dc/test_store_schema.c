/* SPDX-License-Identifier: BSD-2-Clause */
/* The store's file: rights, survival, and every way in which it can be wrong. */
#include "store_db.h"
#include "store_help.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
	char dir[40];
	char path[64];
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof *place);
	assert_non_null(place);
	strcpy(place->dir, "/tmp/ntm-store-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->path, sizeof place->path, "%s/dc.db", place->dir);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	char path[80];
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s%s", place->path, ends[i]);
		unlink(path);
	}
	rmdir(place->path);
	assert_int_equal(rmdir(place->dir), 0);
	free(place);
	return 0;
}

/* Opening fails with err, and the words name the file and say `said`. */
static void expect_refusal(const struct store_config *config, int err, const char *said)
{
	struct store *store = NULL;
	char words[STORE_WORDS] = "";
	assert_int_equal(store_open(&store, config, words), err);
	assert_null(store);
	assert_memory_equal(words, config->path, strlen(config->path));
	if (!strstr(words, said))
		fail_msg("\"%s\" does not say \"%s\"", words, said);
}

static void poke(const char *path, off_t at, const void *data, size_t len)
{
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, at), len);
	close(fd);
}

static void test_mode(void **state)
{
	const struct place *place = *state;
	mode_t former = umask(0);
	struct store *store = help_open(place->path);
	umask(former);
	assert_int_equal(help_add(store, "a.ntm.example", NULL), 0);
	char path[80];
	static const char *const ends[] = {"", "-wal", "-shm"};
	struct stat st;
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s%s", place->path, ends[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	store_close(store);
	assert_int_equal(chmod(place->path, 0644), 0);
	store_close(help_open(place->path));
	assert_int_equal(stat(place->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_survives_restart(void **state)
{
	const struct place *place = *state;
	struct store *store = help_open(place->path);
	struct store_node before, after;
	struct got got, again;
	assert_int_equal(help_add(store, "a.ntm.example", &before), 0);
	assert_int_equal(help_token(store, before.id, 1), 0);
	assert_int_equal(help_use(store, 1, 7, NOW, &got), 0);
	assert_int_equal(help_add(store, "gone.ntm.example", NULL), 0);
	assert_int_equal(help_revoke(store, "gone.ntm.example"), 0);
	store_close(store);

	store = help_open(place->path);
	assert_int_equal(help_find(store, "a.ntm.example", &after), 0);
	assert_memory_equal(&after, &got.node, sizeof after);
	assert_int_equal(help_use(store, 1, 7, NOW, &again), 0);
	assert_memory_equal(&again.cert, &got.cert, sizeof got.cert);
	assert_int_equal(help_add(store, "b.ntm.example", &after), 0);
	help_ip(&after.vip4, "198.18.0.3");
	store_close(store);
}

/* What was answered is there after kill -9, and nothing else is. */
static void test_survives_kill(void **state)
{
	const struct place *place = *state;
	store_close(help_open(place->path));
	pid_t child = fork();
	if (child == 0) {
		struct store *store = help_open(place->path);
		struct store_node node;
		help_add(store, "a.ntm.example", &node);
		help_token(store, node.id, 1);
		help_use(store, 1, 7, NOW, NULL);
		store_begin(store);
		sqlite3_exec(store->db, "UPDATE node SET revoked_s = 5", NULL, NULL, NULL);
		raise(SIGKILL);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	struct store *store = help_open(place->path);
	struct store_node node;
	assert_int_equal(help_find(store, "a.ntm.example", &node), 0);
	assert_true(node.joined);
	assert_int_equal(node.serial, 1);
	store_close(store);
}

static void test_leases_cannot_be_undone(void **state)
{
	(void)state;
	struct store *store = help_open(":memory:");
	assert_int_equal(help_add(store, "a.ntm.example", NULL), 0);
	assert_int_not_equal(sqlite3_exec(store->db, "DELETE FROM node", NULL, NULL, NULL), 0);
	assert_int_not_equal(sqlite3_exec(store->db, "UPDATE node SET vip4 = x'00'", NULL, NULL,
					  NULL),
			     0);
	store_close(store);
}

static void test_no_database(void **state)
{
	const struct place *place = *state;
	char noise[5000];
	memset(noise, 'x', sizeof noise);
	int fd = open(place->path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, noise, sizeof noise), sizeof noise);
	close(fd);
	struct store_config config = help_config(place->path);
	expect_refusal(&config, -EUCLEAN, "not a database");
}

static void test_damaged_pages(void **state)
{
	const struct place *place = *state;
	struct store *store = help_open(place->path);
	char name[40];
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof name, "node%d.ntm.example", i);
		assert_int_equal(help_add(store, name, NULL), 0);
	}
	store_close(store);
	struct stat st;
	assert_int_equal(stat(place->path, &st), 0);
	char noise[3000];
	memset(noise, 0x5a, sizeof noise);
	for (off_t at = 4096; at + 4096 <= st.st_size; at += 4096)
		poke(place->path, at + 8, noise, sizeof noise);
	struct store_config config = help_config(place->path);
	expect_refusal(&config, -EUCLEAN, "backup");
	assert_int_equal(truncate(place->path, 5000), 0);
	expect_refusal(&config, -EUCLEAN, "backup");
}

/* Damage that comes while the store is open: an error, no crash. */
static void test_damage_under_way(void **state)
{
	const struct place *place = *state;
	struct store *store = help_open(place->path);
	assert_int_equal(help_add(store, "a.ntm.example", NULL), 0);
	sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_db_release_memory(store->db);
	sqlite3_exec(store->db, "PRAGMA shrink_memory", NULL, NULL, NULL);
	struct stat st;
	assert_int_equal(stat(place->path, &st), 0);
	char noise[4096];
	memset(noise, 0x5a, sizeof noise);
	for (off_t at = 4096; at + 4096 <= st.st_size; at += 4096)
		poke(place->path, at, noise, sizeof noise);
	assert_int_equal(help_find(store, "a.ntm.example", NULL), -EUCLEAN);
	assert_non_null(strstr(store_words(store), place->path));
	store_close(store);
}

static void test_other_owner(void **state)
{
	const struct place *place = *state;
	struct store *store = help_open(place->path);
	assert_int_equal(sqlite3_exec(store->db, "PRAGMA user_version = 4", NULL, NULL, NULL), 0);
	store_close(store);
	struct store_config config = help_config(place->path);
	expect_refusal(&config, -ENOTSUP, "newer ntm-dc (schema 4");
	sqlite3 *db;
	assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA application_id = 77", NULL, NULL, NULL), 0);
	sqlite3_close(db);
	expect_refusal(&config, -EINVAL, "not one of ntm-dc");
}

static void test_other_identity(void **state)
{
	const struct place *place = *state;
	store_close(help_open(place->path));
	struct store_config config = help_config(place->path);
	config.domain = "other.example";
	expect_refusal(&config, -EINVAL, "made for domain ntm.example");
	config = help_config(place->path);
	config.prefix4.len = 17;
	expect_refusal(&config, -EINVAL, "the configuration says 198.18.0.0/17");
	config = help_config(place->path);
	config.prefix6 = (struct ntm_prefix){0};
	expect_refusal(&config, -EINVAL, "the configuration says none");
}

static void test_bad_config(void **state)
{
	(void)state;
	struct store_config config = help_config(":memory:");
	config.domain = "Ntm.Example";
	expect_refusal(&config, -EINVAL, "domain");
	config = help_config(":memory:");
	config.prefix4 = config.prefix6 = (struct ntm_prefix){0};
	expect_refusal(&config, -EINVAL, "prefix");
	config = help_config(":memory:");
	config.reserved_count = STORE_RESERVED_MAX + 1;
	expect_refusal(&config, -EINVAL, "reserved");
}

static void test_bad_paths(void **state)
{
	struct place *place = *state;
	char path[80];
	snprintf(path, sizeof path, "%s/none/dc.db", place->dir);
	struct store_config config = help_config(path);
	expect_refusal(&config, -ENOENT, "No such file");
	assert_int_equal(mkdir(place->path, 0700), 0);
	config = help_config(place->path);
	expect_refusal(&config, -EINVAL, "not a regular file");
}

/* As a user who may not write there; root may, so it becomes nobody for a moment. */
static void test_no_rights(void **state)
{
	const struct place *place = *state;
	if (geteuid() != 0)
		skip();
	store_close(help_open(place->path));
	assert_int_equal(chown(place->path, 65534, 65534), 0);
	assert_int_equal(chmod(place->dir, 0555), 0);
	assert_int_equal(seteuid(65534), 0);
	struct store *store;
	char words[STORE_WORDS], path[80];
	struct store_config config = help_config(place->path);
	int existing = store_open(&store, &config, words);
	snprintf(path, sizeof path, "%s/new.db", place->dir);
	config = help_config(path);
	char new_words[STORE_WORDS];
	int new = store_open(&store, &config, new_words);
	assert_int_equal(seteuid(0), 0);
	assert_true(existing == -EACCES || existing == -EROFS);
	assert_non_null(strstr(words, "directory"));
	assert_int_equal(new, -EACCES);
	assert_memory_equal(new_words, path, strlen(path));
	assert_int_equal(chmod(place->dir, 0700), 0);
}

static void test_busy(void **state)
{
	const struct place *place = *state;
	struct store *one = help_open(place->path), *two = help_open(place->path);
	assert_int_equal(help_add(one, "a.ntm.example", NULL), 0);
	assert_int_equal(store_begin(two), 0);
	assert_int_equal(help_add(one, "b.ntm.example", NULL), -EBUSY);
	assert_non_null(strstr(store_words(one), "another program"));
	assert_int_equal(help_find(one, "a.ntm.example", NULL), 0); /* reading goes on */
	assert_int_equal(store_end(two, -ECANCELED), -ECANCELED);
	assert_int_equal(help_add(one, "b.ntm.example", NULL), 0);
	struct store_node node;
	assert_int_equal(help_add(two, "c.ntm.example", &node), 0); /* sees the other's leases */
	help_ip(&node.vip4, "198.18.0.3");
	store_close(one);
	store_close(two);
}

static void test_disk_full(void **state)
{
	const struct place *place = *state;
	struct store *store = help_open(place->path);
	sqlite3_exec(store->db, "PRAGMA max_page_count = 1", NULL, NULL, NULL);
	char name[40];
	int err = 0, added = 0;
	for (; added < 2000 && err == 0; added++) {
		snprintf(name, sizeof name, "node%d.ntm.example", added);
		err = help_add(store, name, NULL);
	}
	assert_int_equal(err, -ENOSPC);
	assert_non_null(strstr(store_words(store), "make room"));
	assert_int_equal(help_find(store, name, NULL), -ENOENT);
	assert_int_equal(help_find(store, "node0.ntm.example", NULL), 0);
	sqlite3_exec(store->db, "PRAGMA max_page_count = 100000", NULL, NULL, NULL);
	assert_int_equal(help_add(store, name, NULL), 0);
	store_close(store);
}

/* SQLite's allocations fail from number n on: a clean error each time, and nothing half done. */
static long allocations_left = -1;
static sqlite3_mem_methods real_memory;

static bool may_allocate(void)
{
	if (allocations_left < 0)
		return true;
	return allocations_left > 0 && allocations_left-- > 0;
}

static void *failing_malloc(int size)
{
	return may_allocate() ? real_memory.xMalloc(size) : NULL;
}

static void *failing_realloc(void *old, int size)
{
	return may_allocate() ? real_memory.xRealloc(old, size) : NULL;
}

static int install_failing_memory(void **state)
{
	(void)state;
	sqlite3_shutdown();
	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
	sqlite3_mem_methods failing = real_memory;
	failing.xMalloc = failing_malloc;
	failing.xRealloc = failing_realloc;
	/* Lookaside would hide most allocations. */
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
	return sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) == SQLITE_OK ? 0 : -1;
}

static void on_pin(void *arg, int err, const struct trust_pin *pin)
{
	(void)pin;
	*(int *)arg = err;
}

static int put_and_list_pin(struct store *store)
{
	struct got got = {0};
	struct trust_pin pin = {.domain = "b.example", .mode = TRUST_TOFU, .allow_count = 1};
	strcpy(pin.allow[0], "a.ntm.example");
	store_pin_put(store, &pin, got_done, &got);
	if (got.err == 0)
		store_pin_list(store, on_pin, &got.err);
	return got.err;
}

static int whole_life(struct store *store)
{
	struct store_node node;
	int err = help_add(store, "a.ntm.example", &node);
	if (err == 0)
		err = help_token(store, node.id, 1);
	if (err == 0)
		err = help_use(store, 1, 7, NOW, NULL);
	if (err == 0)
		err = put_and_list_pin(store);
	if (err == 0)
		err = help_revoke(store, "a.ntm.example");
	return err;
}

/* Every allocation would take a minute. */
#define STRIDE 7

static void test_out_of_memory(void **state)
{
	(void)state;
	struct store_config config = help_config(":memory:");
	int err = -ENOMEM;
	long limit = 0;
	for (; err != 0 && limit < 20000; limit += STRIDE) {
		struct store *store = NULL;
		char words[STORE_WORDS];
		allocations_left = limit;
		err = store_open(&store, &config, words);
		if (err == 0)
			err = whole_life(store);
		allocations_left = -1;
		if (err != 0 && err != -ENOMEM)
			fail_msg("allocation %ld: error %d: %s", limit, err,
				 store ? store_words(store) : words);
		if (store && err != 0) /* the store is whole, and usable again */
			assert_true(whole_life(store) != -ENOMEM);
		store_close(store);
	}
	assert_int_equal(err, 0);
	print_message("the store's life takes %ld allocations\n", limit);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_mode),
		T(test_survives_restart),
		T(test_survives_kill),
		T(test_leases_cannot_be_undone),
		T(test_no_database),
		T(test_damaged_pages),
		T(test_damage_under_way),
		T(test_other_owner),
		T(test_other_identity),
		T(test_bad_config),
		T(test_bad_paths),
		T(test_no_rights),
		T(test_busy),
		T(test_disk_full),
		T(test_out_of_memory),
	};
	return cmocka_run_group_tests_name("store_schema", tests, install_failing_memory, NULL);
}
