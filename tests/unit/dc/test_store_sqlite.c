/* SPDX-License-Identifier: BSD-2-Clause */
/* Leases: lowest first, the same for good, never handed on; lookups, lists, revocation. */
#include "store_db.h"
#include "store_help.h"

#include <errno.h>
#include <time.h>

static void test_leases_lowest_first(void **state)
{
	(void)state;
	struct ntm_ip reserved[] = {ntm_ip_v4(198, 18, 0, 2), {.family = 6}};
	assert_int_equal(ntm_ip_parse(&reserved[1], "fd00:1:2::4"), 0);
	struct store_config config = help_config(":memory:");
	config.reserved = reserved;
	config.reserved_count = 2;
	struct store *store = help_open_config(&config);
	struct store_node node;
	assert_int_equal(help_add(store, "a.ntm.example", &node), 0);
	help_ip(&node.vip4, "198.18.0.1");
	help_ip(&node.vip6, "fd00:1:2::1");
	assert_string_equal(node.fqdn, "a.ntm.example");
	assert_false(node.joined);
	assert_int_equal(node.created_s, NOW);
	assert_int_equal(node.serial, 0);
	assert_int_equal(help_add(store, "b.ntm.example", &node), 0);
	help_ip(&node.vip4, "198.18.0.3"); /* 2 is reserved in IPv4, 4 in IPv6 */
	assert_int_equal(help_add(store, "c.ntm.example", &node), 0);
	help_ip(&node.vip4, "198.18.0.5");
	help_ip(&node.vip6, "fd00:1:2::5");
	store_close(store);
}

static void test_same_name_again(void **state)
{
	(void)state;
	struct store *store = help_open(":memory:");
	struct store_node first, again;
	assert_int_equal(help_add(store, "a.ntm.example", &first), 0);
	assert_int_equal(help_add(store, "a.ntm.example", &again), -EEXIST);
	assert_int_equal(again.id, first.id);
	assert_true(ntm_ip_eq(&again.vip4, &first.vip4));
	store_close(store);
}

static void test_names_are_checked(void **state)
{
	(void)state;
	struct store *store = help_open(":memory:");
	static const char *const bad[] = {"A.ntm.example",  "a.example",      "ntm.example",    "",
					  "dc.ntm.example", "_x.ntm.example", "a'b.ntm.example"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(help_add(store, bad[i], NULL), -EINVAL);
	assert_non_null(strstr(store_words(store), "a'b.ntm.example"));
	store_close(store);
}

/* /29: 1..5 are leased, 6 is the last usable, 7 is broadcast. */
static void test_prefix_runs_out(void **state)
{
	(void)state;
	struct store_config config = help_config(":memory:");
	assert_int_equal(ntm_prefix_parse(&config.prefix4, "198.18.0.0/29"), 0);
	struct store *store = help_open_config(&config);
	struct store_node node;
	char name[32];
	for (int i = 1; i <= 5; i++) {
		snprintf(name, sizeof name, "n%d.ntm.example", i);
		assert_int_equal(help_add(store, name, &node), 0);
	}
	help_ip(&node.vip4, "198.18.0.5");
	assert_int_equal(help_add(store, "n6.ntm.example", NULL), -EADDRNOTAVAIL);
	assert_int_equal(help_find(store, "n6.ntm.example", NULL), -ENOENT);
	assert_int_equal(help_revoke(store, "n5.ntm.example"), 0);
	assert_int_equal(help_add(store, "n6.ntm.example", NULL), -EADDRNOTAVAIL);
	store_close(store);
}

static void test_one_family(void **state)
{
	(void)state;
	struct store_config config = help_config(":memory:");
	config.prefix4 = (struct ntm_prefix){0};
	struct store *store = help_open_config(&config);
	struct store_node node;
	assert_int_equal(help_add(store, "a.ntm.example", &node), 0);
	assert_int_equal(node.vip4.family, 0);
	help_ip(&node.vip6, "fd00:1:2::1");
	assert_int_equal(help_add(store, "b.ntm.example", &node), 0);
	help_ip(&node.vip6, "fd00:1:2::2");
	store_close(store);
}

/* The heart of it: a VIP is never another node's, not even after revocation. */
static void test_revoked_vip_is_never_leased_again(void **state)
{
	(void)state;
	struct store *store = help_open(":memory:");
	struct store_node old, new, other;
	assert_int_equal(help_add(store, "a.ntm.example", &old), 0);
	assert_int_equal(help_revoke(store, "a.ntm.example"), 0);
	assert_int_equal(help_find(store, "a.ntm.example", NULL), -ENOENT);
	struct got got = {0};
	store_node_by_vip(store, &old.vip4, got_node, &got);
	assert_int_equal(got.err, -ENOENT);
	assert_int_equal(help_revoke(store, "a.ntm.example"), -ENOENT);

	assert_int_equal(help_add(store, "b.ntm.example", &other), 0);
	help_ip(&other.vip4, "198.18.0.2");
	assert_int_equal(help_add(store, "a.ntm.example", &new), 0);
	help_ip(&new.vip4, "198.18.0.3");
	assert_int_not_equal(new.id, old.id);
	store_close(store);
}

static void test_lookups(void **state)
{
	(void)state;
	struct store *store = help_open(":memory:");
	struct store_node node;
	struct got got = {0};
	assert_int_equal(help_add(store, "a.berlin.ntm.example", &node), 0);
	assert_int_equal(help_token(store, node.id, 1), 0);
	assert_int_equal(help_use(store, 1, 7, NOW, NULL), 0);

	uint8_t key[NTM_KEY_LEN];
	memset(key, 7, sizeof key);
	store_node_by_key(store, key, got_node, &got);
	assert_int_equal(got.err, 0);
	assert_int_equal(got.node.id, node.id);
	assert_true(got.node.joined);
	assert_int_equal(got.node.joined_s, NOW);
	assert_memory_equal(got.node.key, key, sizeof key);
	key[0] = 8;
	store_node_by_key(store, key, got_node, &got);
	assert_int_equal(got.err, -ENOENT);
	assert_false(got.has_node);

	store_node_by_vip(store, &node.vip4, got_node, &got);
	assert_int_equal(got.err, 0);
	store_node_by_vip(store, &node.vip6, got_node, &got);
	assert_int_equal(got.err, 0);
	assert_string_equal(got.node.fqdn, "a.berlin.ntm.example");
	struct ntm_ip none = {0};
	store_node_by_vip(store, &none, got_node, &got);
	assert_int_equal(got.err, -ENOENT);
	store_close(store);
}

static void test_below(void **state)
{
	(void)state;
	static const struct {
		const char *suffix;
		int err;
	} table[] = {
		{"berlin.ntm.example", 0},
		{"ntm.example", 0},
		{"example", 0},
		{"a.berlin.ntm.example", -ENOENT},
		{"erlin.ntm.example", -ENOENT},
		{"berlin", -ENOENT},
		{"paris.ntm.example", -ENOENT},
		{"berlin.ntm.exampl", -ENOENT},
		{"erl%.ntm.example", -ENOENT},
	};
	struct store *store = help_open(":memory:");
	assert_int_equal(help_add(store, "a.berlin.ntm.example", NULL), 0);
	assert_int_equal(help_add(store, "berlin-ost.ntm.example", NULL), 0);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct got got = {0};
		store_node_below(store, table[i].suffix, got_node, &got);
		if (got.err != table[i].err)
			fail_msg("%s: %d", table[i].suffix, got.err);
	}
	char longest[300];
	memset(longest, 'a', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	struct got got = {0};
	store_node_below(store, longest, got_node, &got);
	assert_int_equal(got.err, -ENOENT);
	assert_int_equal(help_revoke(store, "a.berlin.ntm.example"), 0);
	store_node_below(store, "berlin.ntm.example", got_node, &got);
	assert_int_equal(got.err, -ENOENT);
	store_close(store);
}

struct listing {
	struct store *store;
	int count, ends, revoked;
	int64_t last_id;
};

/* A callback may use the store, even the same statement. */
static void on_listed(void *arg, int err, const struct store_node *node)
{
	struct listing *listing = arg;
	assert_int_equal(err, 0);
	if (!node) {
		listing->ends++;
		return;
	}
	assert_true(node->id > listing->last_id);
	listing->last_id = node->id;
	listing->count++;
	listing->revoked += node->revoked_s != 0;
	assert_int_equal(help_find(listing->store, node->fqdn, NULL),
			 node->revoked_s ? -ENOENT : 0);
	if (listing->count == 1)
		store_node_list(listing->store, STORE_NODE, got_node, &(struct got){0});
}

static void test_list(void **state)
{
	(void)state;
	struct store *store = help_open(":memory:");
	struct listing empty = {.store = store};
	store_node_list(store, STORE_NODE, on_listed, &empty);
	assert_int_equal(empty.ends, 1);
	assert_int_equal(empty.count, 0);
	char name[32];
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "n%d.ntm.example", i);
		assert_int_equal(help_add(store, name, NULL), 0);
	}
	assert_int_equal(help_revoke(store, "n3.ntm.example"), 0);
	struct listing listing = {.store = store};
	store_node_list(store, STORE_NODE, on_listed, &listing);
	assert_int_equal(listing.count, 10);
	assert_int_equal(listing.revoked, 1);
	assert_int_equal(listing.ends, 1);
	store_close(store);
}

/* ---- relays ---- */

static void on_one(void *arg, int err, const struct store_node *node)
{
	struct store_node *out = arg;
	assert_int_equal(err, 0);
	if (node)
		*out = *node;
}

static void test_relays(void **state)
{
	(void)state;
	struct store *store = help_open(":memory:");
	struct store_node node, relay, gateway, listed = {.id = 0};
	struct got got;
	assert_int_equal(help_add_relay(store, "r.ntm.example", false, &relay), 0);
	assert_int_equal(help_add_relay(store, "r2.ntm.example", false, NULL), 0);
	assert_int_equal(relay.role, STORE_RELAY);
	assert_int_equal(relay.vip4.family + relay.vip6.family, 0);
	/* Relays take no address away; a gateway has its own. */
	assert_int_equal(help_add(store, "a.ntm.example", &node), 0);
	assert_int_equal(node.role, STORE_NODE);
	help_ip(&node.vip4, "198.18.0.1");
	assert_int_equal(help_add_relay(store, "g.ntm.example", true, &gateway), 0);
	assert_true(gateway.gateway);
	help_ip(&gateway.vip4, "198.18.0.2");
	help_ip(&gateway.vip6, "fd00:1:2::2");
	assert_int_equal(help_add(store, "b.ntm.example", &node), 0);
	help_ip(&node.vip4, "198.18.0.3");
	/* One space of names; who is there stays what it is. */
	assert_int_equal(help_add(store, "r.ntm.example", &node), -EEXIST);
	assert_int_equal(node.role, STORE_RELAY);
	assert_int_equal(help_add_relay(store, "a.ntm.example", true, &node), -EEXIST);
	assert_int_equal(node.role, STORE_NODE);
	/* Lists are apart. */
	store_node_list(store, STORE_RELAY, on_one, &listed);
	assert_string_equal(listed.fqdn, "g.ntm.example");
	assert_true(listed.gateway);
	store_node_list(store, STORE_NODE, on_one, &listed);
	assert_string_equal(listed.fqdn, "b.ntm.example");
	/* It joins and ends as a node does. */
	assert_int_equal(help_token(store, relay.id, 1), 0);
	assert_int_equal(help_use(store, 1, 7, NOW, &got), 0);
	assert_int_equal(got.node.role, STORE_RELAY);
	assert_int_equal(help_revoke(store, "r.ntm.example"), 0);
	assert_int_equal(help_revocations(store, NOW, NULL), 1);
	assert_int_equal(help_find(store, "r.ntm.example", NULL), -ENOENT);
	assert_int_equal(help_add(store, "r.ntm.example", &node), 0);
	help_ip(&node.vip4, "198.18.0.4");
	store_close(store);
}

static int put_exit(struct store *store, const char *fqdn, bool may_exit)
{
	struct got got = {0};
	store_node_set_exit(store, fqdn, may_exit, NOW, got_done, &got);
	assert_int_equal(got.calls, 1);
	return got.err;
}

static void test_exit(void **state)
{
	(void)state;
	struct store *store = help_open(":memory:");
	struct store_node node;
	assert_int_equal(help_add(store, "a.ntm.example", &node), 0);
	assert_false(node.may_exit);
	for (int i = 2; i-- > 0;) {
		assert_int_equal(put_exit(store, "a.ntm.example", i), 0);
		assert_int_equal(help_find(store, "a.ntm.example", &node), 0);
		assert_int_equal(node.may_exit, i);
	}
	assert_int_equal(help_add_relay(store, "r.ntm.example", false, NULL), 0);
	assert_int_equal(put_exit(store, "r.ntm.example", true), -ENOENT);
	assert_int_equal(put_exit(store, "none.ntm.example", true), -ENOENT);
	assert_int_equal(help_revoke(store, "a.ntm.example"), 0);
	assert_int_equal(put_exit(store, "a.ntm.example", true), -ENOENT);
	store_close(store);
}

/* ---- where nodes were seen ---- */

static int put_seen(struct store *store, const struct store_seen *seen, size_t count)
{
	struct got got = {0};
	store_seen_put(store, seen, count, got_done, &got);
	assert_int_equal(got.calls, 1);
	return got.err;
}

static int seen_after(struct store *store, int64_t id, struct store_node *node)
{
	struct got got = {0};
	store_seen_after(store, id, got_node, &got);
	assert_int_equal(got.calls, 1);
	assert_int_equal(got.has_node, got.err == 0);
	*node = got.node;
	return got.err;
}

/* Nodes 1 to 4: a and b have joined, c has not, d has and is revoked. */
static struct store *store_of_four(void)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	struct store *store = help_open(":memory:");
	for (uint8_t i = 0; i < 4; i++) {
		struct store_node node;
		char name[40];
		snprintf(name, sizeof name, "%s.ntm.example", names[i]);
		assert_int_equal(help_add(store, name, &node), 0);
		assert_int_equal(node.id, i + 1);
		assert_int_equal(node.seen_at.ip.family, 0);
		assert_int_equal(help_token(store, node.id, i), 0);
		if (i != 2)
			assert_int_equal(help_use(store, i, i, NOW, NULL), 0);
	}
	assert_int_equal(help_revoke(store, "d.ntm.example"), 0);
	return store;
}

static void test_seen(void **state)
{
	(void)state;
	struct store *store = store_of_four();
	struct store_seen seen[5];
	struct store_node node;
	for (int i = 0; i < 5; i++) {
		const char *text = i == 1 ? "[2001:db8::7]:65535" : "192.0.2.7:4330";
		seen[i].node_id = i + 1;
		assert_int_equal(ntm_addr_parse(&seen[i].at, text, 0), 0);
	}
	assert_int_equal(seen_after(store, 0, &node), -ENOENT);
	assert_int_equal(put_seen(store, seen, 0), 0);
	assert_int_equal(put_seen(store, seen, 5), 0); /* there is no node 5 */
	assert_int_equal(seen_after(store, 0, &node), 0);
	assert_string_equal(node.fqdn, "a.ntm.example");
	assert_true(ntm_addr_eq(&node.seen_at, &seen[0].at));
	assert_int_equal(seen_after(store, 1, &node), 0);
	assert_string_equal(node.fqdn, "b.ntm.example");
	assert_true(ntm_addr_eq(&node.seen_at, &seen[1].at));
	assert_int_equal(seen_after(store, 2, &node), -ENOENT);
	/* The newest counts, and other lookups have it as well. */
	assert_int_equal(put_seen(store, &(struct store_seen){1, seen[1].at}, 1), 0);
	assert_int_equal(help_find(store, "a.ntm.example", &node), 0);
	assert_true(ntm_addr_eq(&node.seen_at, &seen[1].at));
	store_close(store);
}

static void test_seen_nonsense(void **state)
{
	(void)state;
	static const char *const nonsense[] =
		{"none", "", "192.0.2.7:99999", "a.example:4330", "[2001:db8::7", "192.0.2.7:1 "};
	struct store *store = store_of_four();
	for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
		struct store_node node;
		char sql[100];
		snprintf(sql, sizeof sql, "UPDATE node SET seen_at = '%s' WHERE id = 1",
			 nonsense[i]);
		assert_int_equal(sqlite3_exec(store->db, sql, NULL, NULL, NULL), SQLITE_OK);
		assert_int_equal(seen_after(store, 0, &node), 0);
		assert_int_equal(node.seen_at.ip.family, 0);
		assert_int_equal(node.seen_at.port, 0);
	}
	/* No address is one way to say so. */
	struct store_node node;
	assert_int_equal(put_seen(store, &(struct store_seen){1, {{0}, 0}}, 1), 0);
	assert_int_equal(help_find(store, "a.ntm.example", &node), 0);
	assert_int_equal(node.seen_at.ip.family, 0);
	store_close(store);
}

static void on_value(void *arg, int err, const char *value)
{
	snprintf(arg, 32, "%d %s", err, value ? value : "-");
}

static void test_settings(void **state)
{
	(void)state;
	struct store *store = help_open(":memory:");
	char text[32];
	struct got got = {0};
	store_setting_get(store, "x", on_value, text);
	assert_string_equal(text, "-2 -");
	store_setting_put(store, "x", "one", got_done, &got);
	assert_int_equal(got.err, 0);
	store_setting_put(store, "x", "two", got_done, &got);
	store_setting_get(store, "x", on_value, text);
	assert_string_equal(text, "0 two");
	char large[STORE_SETTING_MAX + 1];
	memset(large, 'a', STORE_SETTING_MAX);
	large[STORE_SETTING_MAX] = '\0';
	store_setting_put(store, "x", large, got_done, &got);
	assert_int_equal(got.err, -EINVAL);
	store_close(store);
}

/* 1,000 nodes, 10,000 lookups. The bound is generous for sanitizers on a busy machine. */
static void test_thousand_nodes(void **state)
{
	(void)state;
	struct store *store = help_open(":memory:");
	char name[32];
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "node%d.ntm.example", i);
		assert_int_equal(help_add(store, name, NULL), 0);
	}
	clock_t start = clock();
	for (int i = 0; i < 10000; i++) {
		struct ntm_ip vip = ntm_ip_v4(198, 18, (uint8_t)(i % 1000 / 256), 0);
		vip.b[3] = (uint8_t)(i % 1000);
		struct got got = {0};
		store_node_by_vip(store, &vip, got_node, &got);
		assert_int_equal(got.err, i % 1000 == 0 ? -ENOENT : 0);
	}
	double us = (double)(clock() - start) * 1e6 / CLOCKS_PER_SEC / 10000;
	print_message("lookup by VIP among 1000 nodes: %.1f us\n", us);
	assert_true(us < 500);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leases_lowest_first),
		cmocka_unit_test(test_same_name_again),
		cmocka_unit_test(test_names_are_checked),
		cmocka_unit_test(test_prefix_runs_out),
		cmocka_unit_test(test_one_family),
		cmocka_unit_test(test_revoked_vip_is_never_leased_again),
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_relays),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_seen),
		cmocka_unit_test(test_seen_nonsense),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_thousand_nodes),
	};
	return cmocka_run_group_tests_name("store_sqlite", tests, NULL, NULL);
}
