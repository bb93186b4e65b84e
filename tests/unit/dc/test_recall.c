/* SPDX-License-Identifier: BSD-2-Clause */
/* After a start the DC calls its nodes where they were: how fast, whom, and what may happen
 * meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dc_priv.h"
#include "dcworld.h"
#include "store_db.h"

#define ALICE   "alice.ntm.example"
#define SAVE_MS 100

static struct store_node stored(const struct world *w, const char *name)
{
	struct store_node node;

	assert_int_equal(help_find(w->store, name, &node), 0);
	return node;
}

/* Nodes that nobody answers for, in the store only. */
static void add_absent(struct world *w, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct store_seen seen = {.at = {ntm_ip_v4(203, 0, 113, (uint8_t)i), 4330}};
		struct got got = {0};
		struct store_node node;
		char name[40];

		snprintf(name, sizeof(name), "n%u.ntm.example", i);
		assert_int_equal(help_add(w->store, name, &node), 0);
		assert_int_equal(help_token(w->store, node.id, (uint8_t)(100 + i)), 0);
		assert_int_equal(help_use(w->store, (uint8_t)(100 + i), (uint8_t)(100 + i), NOW,
					  NULL),
				 0);
		seen.node_id = node.id;
		store_seen_put(w->store, &seen, 1, got_done, &got);
		assert_int_equal(got.err, 0);
	}
}

static void restart_dc(struct world *w)
{
	stop_dc(w);
	w->from_dc = 0;
	start_dc(w);
}

/* ---- calling ---- */

static void in_small_lots(void **state)
{
	struct world *w = *state;

	add_absent(w, 95);
	restart_dc(w);
	assert_int_equal(w->from_dc, 0); /* not from within dc_new */
	for (unsigned i = 0; i < 2; i++) {
		run(w, 50);
		assert_int_equal(w->from_dc, 10 + i * 10);
		run(w, 50);
	}
	run(w, 850); /* the last one came after 900 ms */
	assert_int_equal(w->dc->recall.called, 95);
	assert_int_equal(ntm_links_count(w->dc->links), 95);
	assert_int_equal(lines_with(w, 0, "called back 95 nodes"), 1);
	run(w, 3000);
	assert_int_equal(w->from_dc, 95 * NTM_RETRY_SENDINGS);
	assert_int_equal(ntm_links_count(w->dc->links), 0);
	run(w, 60000); /* once, and never again */
	assert_int_equal(w->from_dc, 95 * NTM_RETRY_SENDINGS);
	assert_int_equal(dc_online_count(w->dc), 0);
}

/* Up is not registered. */
static void online_when_it_registers(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);

	run(w, SAVE_MS);
	a->is_silent = true;
	restart_dc(w);
	run(w, 100);
	assert_int_equal(a->up, 2);
	assert_int_equal(a->down, 0);
	assert_int_equal(ntm_links_count(w->dc->links), 1);
	assert_false(dc_is_online(w->dc, ALICE));
	assert_int_equal(dc_online_count(w->dc), 0);
	client_register(a);
	run(w, 100);
	assert_true(dc_is_online(w->dc, ALICE));
	assert_int_equal(a->registered, 2);
}

static void gone_for_good(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);

	run(w, SAVE_MS);
	a->is_deaf = true;
	restart_dc(w);
	run(w, 4000);
	assert_int_equal(w->from_dc, NTM_RETRY_SENDINGS);
	assert_int_equal(ntm_links_count(w->dc->links), 0);
	assert_null(registry_by_key(&w->dc->registry, a->keys.pub));
	/* For now, that is. */
	a->is_deaf = false;
	ntm_link_restart(a->link, NULL, 0);
	run(w, 200);
	assert_true(dc_is_online(w->dc, ALICE));
}

/* At its address there is another node, which does not even answer. */
static void somebody_else_is_there(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b;
	struct ntm_addr left = a->addr;

	run(w, SAVE_MS);
	client_place(a, "198.51.100.1", "");
	a->is_deaf = true;
	b = client_new(w, 1, "stranger");
	b->addr = left;
	restart_dc(w);
	run(w, 4000);
	assert_int_equal(w->from_dc, NTM_RETRY_SENDINGS);
	assert_int_equal(ntm_links_counters(b->links)->frames_in, NTM_RETRY_SENDINGS);
	assert_int_equal(ntm_links_counters(b->links)->frames_out, 0);
	assert_int_equal(ntm_links_count(w->dc->links), 0);
}

static void who_comes_by_itself_is_not_called(void **state)
{
	struct world *w = *state;
	struct client *a;

	add_absent(w, 10);
	a = node_new(w, 0, ALICE); /* in the second lot */
	run(w, SAVE_MS);
	restart_dc(w);
	ntm_link_restart(a->link, NULL, 0);
	run(w, 1000);
	assert_true(dc_is_online(w->dc, ALICE));
	assert_int_equal(a->up, 2);
	assert_int_equal(w->dc->recall.called, 10);
}

/* Both begin at once, whoever has the lower key: one session, and no error. */
static void both_begin(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < CLIENTS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "n%zu.ntm.example", i);
		node_new(w, i, name);
	}
	run(w, SAVE_MS);
	for (int64_t later_ms = 0; later_ms <= 2 * DELAY_MS; later_ms += DELAY_MS / 2) {
		restart_dc(w);
		run(w, later_ms);
		for (size_t i = 0; i < CLIENTS; i++)
			ntm_link_restart(w->client[i].link, NULL, 0);
		run(w, 200);
		assert_int_equal(dc_online_count(w->dc), CLIENTS);
		assert_int_equal(ntm_links_count(w->dc->links), CLIENTS);
		run(w, 5000);
		assert_int_equal(dc_online_count(w->dc), CLIENTS);
	}
	for (size_t i = 0; i < CLIENTS; i++)
		assert_int_equal(w->client[i].down, 0);
}

static void check_refused(struct world *w, struct client *a)
{
	a->is_deaf = false;
	run(w, 2000);
	assert_int_equal(a->down, 1);
	assert_int_equal(a->why, NTM_DOWN_CLOSED);
	assert_int_equal(a->registered, 1);
	assert_null(registry_by_key(&w->dc->registry, a->keys.pub));
	assert_int_equal(ntm_links_count(w->dc->links), 0);
}

static void revoked_while_it_is_called(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct got got = {0};

	run(w, SAVE_MS);
	a->is_deaf = true;
	restart_dc(w);
	run(w, 300);
	dc_revoke(w->dc, ALICE, got_node, &got);
	assert_int_equal(got.err, 0);
	check_refused(w, a);
}

static void revoked_while_the_dc_was_down(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);

	run(w, SAVE_MS);
	assert_int_equal(help_revoke(w->store, ALICE), 0);
	restart_dc(w);
	run(w, 2000);
	assert_int_equal(w->from_dc, 0);
	assert_int_equal(a->up, 1);
}

/* With another key, which is called by the next DC. */
static void joins_anew_while_it_is_called(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);

	run(w, SAVE_MS);
	a->is_deaf = true;
	restart_dc(w);
	run(w, 300);
	assert_int_equal(help_token(w->store, stored(w, ALICE).id, 99), 0);
	assert_int_equal(help_use(w->store, 99, 99, NOW, NULL), 0);
	check_refused(w, a);
}

static void stopped_while_it_calls(void **state)
{
	struct world *w = *state;

	add_absent(w, 25);
	for (int64_t after_ms = 0; after_ms < 300; after_ms += 50) {
		restart_dc(w);
		run(w, after_ms);
		stop_dc(w);
		assert_int_equal(ntm_timers_next(&w->timers), -1);
		start_dc(w);
	}
}

static void no_addresses_to_be_had(void **state)
{
	struct world *w = *state;

	add_absent(w, 1);
	stop_dc(w);
	assert_int_equal(sqlite3_exec(w->store->db, "UPDATE node SET seen_at = 'x'", NULL, NULL,
				      NULL),
			 SQLITE_OK);
	start_dc(w);
	run(w, 1000);
	assert_int_equal(w->dc->recall.called, 0);
	stop_dc(w);
	assert_int_equal(sqlite3_exec(w->store->db, "ALTER TABLE node RENAME TO gone", NULL, NULL,
				      NULL),
			 SQLITE_OK);
	start_dc(w);
	run(w, 60000);
	assert_int_equal(lines_with(w, 0, "nodes are not called back"), 1);
	assert_int_equal(lines_with(w, 0, "called back 0"), 0);
}

/* ---- keeping ---- */

static void kept_when_it_registers(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct store_node node;
	int before;

	run(w, SAVE_MS);
	node = stored(w, ALICE);
	assert_true(ntm_addr_eq(&node.seen_at, &a->addr));
	/* Again and again from there: nothing is written. */
	before = sqlite3_total_changes(w->store->db);
	for (unsigned i = 0; i < 10; i++) {
		client_register(a);
		run(w, 30000);
	}
	assert_true(a->registered >= 11);
	assert_int_equal(sqlite3_total_changes(w->store->db), before);
	/* Nor by a DC that finds it where it was. */
	restart_dc(w);
	run(w, 30000);
	assert_true(dc_is_online(w->dc, ALICE));
	assert_int_equal(sqlite3_total_changes(w->store->db), before);
}

static void kept_when_it_moves(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct store_node node;

	run(w, SAVE_MS);
	client_place(a, "[2001:db8::9]:777", "");
	client_register(a);
	run(w, 2000 + SAVE_MS);
	client_register(a);
	run(w, 2000 + SAVE_MS);
	node = stored(w, ALICE);
	assert_true(ntm_addr_eq(&node.seen_at, &a->addr));
	/* That is where it is called. */
	restart_dc(w);
	run(w, 100);
	assert_true(dc_is_online(w->dc, ALICE));
	assert_true(ntm_addr_eq(ntm_link_remote(registry_by_name(&w->dc->registry, ALICE)->link),
				&a->addr));
}

static struct client *joined(struct world *w)
{
	struct client *a = client_new(w, 0, ALICE);

	assert_int_equal(help_add(w->store, ALICE, NULL), 0);
	put_token(w, ALICE, 1, NOW + DAY);
	client_join(a, 1);
	return a;
}

/* A session is not enough. */
static void not_kept_before_it_registers(void **state)
{
	struct world *w = *state;
	struct client *a = joined(w);

	a->is_silent = true;
	client_open(a);
	run(w, 5000);
	assert_int_equal(a->up, 1);
	assert_int_equal(stored(w, ALICE).seen_at.ip.family, 0);
}

static void kept_later_when_the_disk_is_full(void **state)
{
	struct world *w = *state;
	struct client *a = joined(w);
	struct store_node node;

	sqlite3_exec(w->store->db, "PRAGMA query_only = 1", NULL, NULL, NULL);
	client_open(a);
	run(w, 1000);
	assert_true(dc_is_online(w->dc, ALICE));
	assert_int_equal(lines_with(w, 0, "where nodes are is not kept"), 1);
	sqlite3_exec(w->store->db, "PRAGMA query_only = 0", NULL, NULL, NULL);
	assert_int_equal(stored(w, ALICE).seen_at.ip.family, 0);
	run(w, 30000);
	node = stored(w, ALICE);
	assert_true(ntm_addr_eq(&node.seen_at, &a->addr));
	assert_int_equal(lines_with(w, 0, "where nodes are is not kept"), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(in_small_lots),
		T(online_when_it_registers),
		T(gone_for_good),
		T(somebody_else_is_there),
		T(who_comes_by_itself_is_not_called),
		T(both_begin),
		T(revoked_while_it_is_called),
		T(revoked_while_the_dc_was_down),
		T(joins_anew_while_it_is_called),
		T(stopped_while_it_calls),
		T(no_addresses_to_be_had),
		T(kept_when_it_registers),
		T(kept_when_it_moves),
		T(not_kept_before_it_registers),
		T(kept_later_when_the_disk_is_full),
	};
	return cmocka_run_group_tests_name("recall", tests, NULL, NULL);
}
