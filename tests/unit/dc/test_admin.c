/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's verbs while the DC runs: where members are now, who is told, a store that fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "admin.h"
#include "dcforeign.h"

static json_t *ask_of(struct world *w, const char *verb, const char *name, const char *word)
{
	static char domain_name[] = "ntm.example";
	const struct dc_conf conf = {.domain = domain_name};
	struct domain domain = {.conf = &conf, .settings = w->settings, .store = w->store};
	const struct admin admin = {.domain = &domain, .dc = w->dc};
	json_t *request = json_pack("{s:s, s:s, s:s}", "verb", verb, "name", name, "word", word);
	json_t *reply = admin_answer(&admin, request);

	assert_non_null(reply);
	json_decref(request);
	return reply;
}

/* What `show` says of one; the caller owns it. */
static json_t *show(struct world *w, const char *verb, const char *list, const char *name)
{
	json_t *reply = ask_of(w, verb, name, "");
	json_t *found = json_object_get(reply, list);

	assert_int_equal(json_array_size(found), 1);
	found = json_incref(json_array_get(found, 0));
	json_decref(reply);
	return found;
}

static const char *text(const json_t *json, const char *name)
{
	const char *value = json_string_value(json_object_get(json, name));

	return value != NULL ? value : "";
}

static bool is(const json_t *json, const char *name)
{
	return json_is_true(json_object_get(json, name));
}

static void assert_says(struct world *w, const char *verb, const char *name, const char *words)
{
	json_t *reply = ask_of(w, verb, name, "on");
	const char *error = text(reply, "error");

	if (strstr(error, words) == NULL)
		fail_msg("%s %s: \"%s\" is not in \"%s\"", verb, name, words, error);
	json_decref(reply);
}

static void where_a_node_is(void **state)
{
	struct world *w = *state;
	struct client *alice =
		node_new_at(w, 0, "alice.ntm.example", "203.0.113.5:7000", "10.0.0.2:4330");
	json_t *node;
	const json_t *place;

	run(w, 3000);
	node = show(w, "node_show", "nodes", "alice");
	assert_string_equal(text(node, "state"), "online");
	assert_true(is(node, "online"));
	place = json_object_get(node, "place");
	assert_string_equal(text(place, "reflexive"), "203.0.113.5:7000");
	assert_string_equal(json_string_value(json_array_get(json_object_get(place, "own"), 0)),
			    "10.0.0.2:4330");
	assert_true(is(place, "nat"));
	assert_int_equal(json_integer_value(json_object_get(place, "online_s")), 3);
	json_decref(node);

	/* Away: no place any more, but when it was there. */
	alice->is_deaf = true;
	ntm_link_free(alice->link);
	alice->link = NULL;
	run(w, 600 * 1000);
	node = show(w, "node_show", "nodes", "alice");
	assert_string_equal(text(node, "state"), "offline");
	assert_false(is(node, "online"));
	assert_null(json_object_get(node, "place"));
	assert_in_range(json_integer_value(json_object_get(node, "last_seen_s")), 500, 700);
	json_decref(node);
}

static void what_a_relay_reports(void **state)
{
	struct world *w = *state;
	struct client *relay = relay_new(w, 0, "rs.ntm.example");
	json_t *json = show(w, "relay_show", "relays", "rs");

	assert_string_equal(text(json, "state"), "healthy");
	assert_string_equal(json_string_value(
				    json_array_get(json_object_get(json, "addresses"), 0)),
			    "192.0.2.10:4330");
	assert_int_equal(json_integer_value(json_object_get(json, "flows_max")), 1000);
	json_decref(json);

	relay->report.draining = true;
	run(w, 2100);
	json = show(w, "relay_show", "relays", "rs");
	assert_string_equal(text(json, "state"), "draining");
	json_decref(json);
	/* What is no node is none, online or not. */
	assert_says(w, "node_show", "rs", "rs.ntm.example: no such node");
	assert_says(w, "node_revoke", "rs", "rs.ntm.example: no such node");
	assert_says(w, "node_exit", "rs", "rs.ntm.example: no such node");
	assert_true(relay->link && ntm_link_state(relay->link) == NTM_LINK_UP);
}

static void revoked_at_once(void **state)
{
	struct world *w = *state;
	struct client *alice = node_new(w, 0, "alice.ntm.example");
	struct client *bob = node_new(w, 1, "bob.ntm.example");
	json_t *reply, *node;

	reply = ask_of(w, "node_revoke", "alice", "");
	assert_string_equal(text(reply, "revoked"), "alice.ntm.example");
	assert_true(is(reply, "told"));
	json_decref(reply);
	assert_false(dc_is_online(w->dc, "alice.ntm.example"));
	run(w, 1500);
	assert_int_equal(alice->down, 1);
	assert_int_equal(bob->void_count, 1);
	assert_memory_equal(bob->voids[0].key, alice->keys.pub, NTM_KEY_LEN);
	node = show(w, "node_show", "nodes", "alice");
	assert_string_equal(text(node, "state"), "revoked");
	assert_null(json_object_get(node, "place"));
	json_decref(node);
}

static void exits_by_word(void **state)
{
	struct world *w = *state;
	json_t *reply, *node;

	(void)node_new(w, 0, "alice.ntm.example");
	node = show(w, "node_show", "nodes", "alice");
	assert_false(is(node, "exit"));
	json_decref(node);
	reply = ask_of(w, "node_exit", "alice", "on");
	assert_true(is(reply, "exit"));
	json_decref(reply);
	node = show(w, "node_show", "nodes", "alice");
	assert_true(is(node, "exit"));
	json_decref(node);
	reply = ask_of(w, "node_exit", "alice", "maybe");
	assert_string_equal(text(reply, "error"), "exit is on or off");
	json_decref(reply);
}

static void names_that_are_none(void **state)
{
	static const char *const verbs[] = {"node_show", "node_revoke", "node_exit", "relay_show"};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		assert_says(*state, verbs[i], "", "no name of a node");
		assert_says(*state, verbs[i], "a..b", "no name of a node");
	}
}

/* "No such node" would send the operator after the wrong thing. */
static void store_fails(void **state)
{
	static const char *const verbs[] = {"node_list",  "node_show",  "node_revoke", "node_exit",
					    "relay_list", "relay_show", "relay_revoke"};
	struct world *w = *state;

	(void)node_new(w, 0, "alice.ntm.example");
	break_table(w, "node", true);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		assert_says(w, verbs[i], "alice", "no such table");
	/* Nothing of it was done by half. */
	assert_true(dc_is_online(w->dc, "alice.ntm.example"));
	break_table(w, "node", false);
}

static void pins_fail(void **state)
{
	struct world *w = *state;

	break_table(w, "pin", true);
	assert_says(w, "trust_list", "", "no such table");
	assert_says(w, "trust_remove", "b.example", "no such table");
	break_table(w, "pin", false);
}

/* The DC of the only pin, as `trust list` shows it. */
static json_t *listed_dc(struct world *w)
{
	json_t *reply = ask_of(w, "trust_list", "", "");
	const json_t *pins = json_object_get(reply, "pins");
	json_t *dc;

	assert_int_equal(json_array_size(pins), 1);
	dc = json_incref(json_object_get(json_array_get(pins, 0), "dc"));
	json_decref(reply);
	return dc;
}

static void session_of_a_domain(void **state)
{
	struct world *w = *state;
	struct client *alice = node_new(w, 0, "alice.ntm.example");
	struct partner *b = partner_trusted(w, 1, "b.example");
	json_t *dc = listed_dc(w);

	assert_string_equal(text(dc, "state"), "idle");
	assert_null(json_object_get(dc, "error"));
	json_decref(dc);

	b->is_deaf = true;
	ask(alice, "bob.b.example", 1);
	run(w, 500);
	dc = listed_dc(w);
	assert_string_equal(text(dc, "state"), "connecting");
	json_decref(dc);
	run(w, 10000);
	dc = listed_dc(w);
	assert_string_equal(text(dc, "state"), "failed");
	assert_non_null(strstr(text(dc, "error"), "does not answer at 203.0.113.21:4330"));
	assert_in_range(json_integer_value(json_object_get(dc, "error_s")), 5, 10);
	json_decref(dc);

	b->is_deaf = false;
	ask(alice, "bob.b.example", 2);
	run(w, 500);
	assert_int_equal(b->asked_count, 1);
	dc = listed_dc(w);
	assert_string_equal(text(dc, "state"), "up");
	assert_string_equal(text(dc, "dc"), "203.0.113.21:4330");
	assert_null(json_object_get(dc, "error"));
	assert_int_equal(json_integer_value(json_object_get(dc, "sessions")), 1);
	assert_int_equal(json_integer_value(json_object_get(dc, "asked")), 2);
	json_decref(dc);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, foreign_setup, foreign_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(where_a_node_is), TEST(what_a_relay_reports), TEST(revoked_at_once),
		TEST(exits_by_word),   TEST(names_that_are_none),  TEST(store_fails),
		TEST(pins_fail),       TEST(session_of_a_domain),
	};

	return cmocka_run_group_tests_name("admin", tests, NULL, NULL);
}
