/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain on disk: made once, its keys, its tokens, and the verbs on nodes without a daemon. */
#include "admin.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
	char dir[64];
	struct dc_conf conf;
};

static int setup(void **state)
{
	static struct place place;
	char text[400], words[500];

	strcpy(place.dir, "/tmp/ntm-domain-XXXXXX");
	assert_int_equal(ntm_crypto_init(), 0);
	assert_non_null(mkdtemp(place.dir));
	snprintf(
		text, sizeof(text),
		"dc {\n domain = \"ntm.example\"\n addresses = { \"203.0.113.30\" }\n user = \"\"\n"
		" state_dir = \"%s/state\"\n run_dir = \"%s/run\"\n}\n",
		place.dir, place.dir);
	assert_int_equal(dc_conf_parse(&place.conf, text, words, sizeof(words)), 0);
	*state = &place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	static const char *const files[] = {"state/root.key", "state/dc.key", "state/dc.db",
					    "state/dc.db-wal", "state/dc.db-shm"};
	char path[200];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", place->dir, files[i]);
		(void)unlink(path);
	}
	snprintf(path, sizeof(path), "%s/state", place->dir);
	(void)rmdir(path);
	(void)rmdir(place->dir);
	dc_conf_free(&place->conf);
	return 0;
}

static void open_made(struct place *place, struct domain *domain)
{
	char words[DOMAIN_WORDS];

	assert_int_equal(domain_make(&place->conf, words), 0);
	assert_int_equal(domain_open(domain, &place->conf, words), 0);
}

static void test_made_once(void **state)
{
	struct place *place = *state;
	struct domain first, again;
	char words[DOMAIN_WORDS], path[DC_PATH_STR];
	struct ntm_prefix test_net;
	struct stat st;

	assert_int_equal(domain_open(&first, &place->conf, words), -ENOENT);
	assert_non_null(strstr(words, "ntm-dc init"));
	open_made(place, &first);
	assert_int_equal(domain_make(&place->conf, words), -EEXIST);
	assert_int_equal(stat(dc_conf_file(&place->conf, "root.key", path), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(first.settings.prefix6.len, 48);
	assert_int_equal(first.settings.prefix6.ip.b[0], 0xfd);
	assert_int_equal(first.settings.prefix4.len, 20);
	assert_int_equal(ntm_prefix_parse(&test_net, "198.18.0.0/15"), 0);
	assert_true(ntm_prefix_has(&test_net, &first.settings.prefix4.ip));
	domain_close(&first);
	/* The same keys, and so the same prefixes, at every start. */
	assert_int_equal(domain_open(&first, &place->conf, words), 0);
	struct ntm_prefix prefix4 = first.settings.prefix4, prefix6 = first.settings.prefix6;
	uint8_t root[NTM_SIGN_PUB_LEN];
	memcpy(root, first.root.pub, sizeof(root));
	domain_close(&first);
	assert_int_equal(domain_open(&again, &place->conf, words), 0);
	assert_memory_equal(&again.settings.prefix4, &prefix4, sizeof(prefix4));
	assert_memory_equal(&again.settings.prefix6, &prefix6, sizeof(prefix6));
	assert_memory_equal(again.root.pub, root, sizeof(root));
	domain_close(&again);
}

static void test_damaged_key(void **state)
{
	struct place *place = *state;
	struct domain domain;
	char words[DOMAIN_WORDS], path[DC_PATH_STR];

	open_made(place, &domain);
	domain_close(&domain);
	dc_conf_file(&place->conf, "dc.key", path);
	assert_int_equal(truncate(path, 10), 0);
	assert_true(domain_open(&domain, &place->conf, words) < 0);
	assert_non_null(strstr(words, "dc.key"));
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(domain_open(&domain, &place->conf, words), -EPERM);
	assert_non_null(strstr(words, "chmod 600"));
}

static void test_token_carries_the_keys(void **state)
{
	struct place *place = *state;
	struct domain domain;
	struct store_node node = {.role = STORE_NODE};
	struct ntm_token token;
	char text[NTM_TOKEN_STR], second[NTM_TOKEN_STR], words[DOMAIN_WORDS];

	open_made(place, &domain);
	assert_int_equal(domain_add_node(&domain, "Alice", 3600, &node, text, words), 0);
	assert_string_equal(node.fqdn, "alice.ntm.example");
	assert_int_equal(ntm_token_parse(&token, text), 0);
	assert_memory_equal(token.dc_key, domain.keys.pub, sizeof(token.dc_key));
	assert_memory_equal(token.root, domain.root.pub, sizeof(token.root));
	assert_string_equal(token.fqdn, "alice.ntm.example");
	assert_int_equal(token.dc[0].port, 4330);
	/* Again: a new token, the same addresses. */
	struct ntm_ip vip4 = node.vip4;
	assert_int_equal(domain_add_node(&domain, "alice", 3600, &node, second, words), 0);
	assert_string_not_equal(text, second);
	assert_true(ntm_ip_eq(&vip4, &node.vip4));
	assert_int_equal(domain_add_node(&domain, "dc", 3600, &node, text, words), -EINVAL);
	assert_int_equal(domain_add_node(&domain, "a b", 3600, &node, text, words), -EINVAL);
	domain_close(&domain);
}

static void test_tokens_of_relays(void **state)
{
	struct place *place = *state;
	struct domain domain;
	struct store_node relay = {.role = STORE_RELAY}, node = {.role = STORE_NODE};
	struct store_node gateway = {.role = STORE_RELAY, .gateway = true};
	struct ntm_token token;
	char text[NTM_TOKEN_STR], words[DOMAIN_WORDS];

	open_made(place, &domain);
	assert_int_equal(domain_add_node(&domain, "relay", 3600, &relay, text, words), 0);
	assert_memory_equal(text, "ntmr1.", 6);
	assert_int_equal(ntm_token_parse(&token, text), 0);
	assert_int_equal(token.kind, NTM_TOKEN_RELAY);
	assert_string_equal(token.fqdn, "relay.ntm.example");
	assert_int_equal(domain_add_node(&domain, "relay", 3600, &relay, text, words), 0);
	/* It stays what it is. */
	assert_int_equal(domain_add_node(&domain, "relay", 3600, &node, text, words), -EEXIST);
	assert_non_null(strstr(words, "relay.ntm.example is a relay: ntm-dc relay add"));
	assert_int_equal(domain_add_node(&domain, "relay", 3600, &gateway, text, words), -EEXIST);
	assert_non_null(strstr(words, "no gateway"));
	assert_int_equal(domain_add_node(&domain, "exit", 3600, &gateway, text, words), 0);
	assert_int_not_equal(gateway.vip4.family, 0);
	relay = (struct store_node){.role = STORE_RELAY};
	assert_int_equal(domain_add_node(&domain, "exit", 3600, &relay, text, words), 0);
	assert_true(relay.gateway);
	assert_int_equal(domain_add_node(&domain, "alice", 3600, &node, text, words), 0);
	assert_int_equal(domain_add_node(&domain, "alice", 3600, &relay, text, words), -EEXIST);
	assert_non_null(strstr(words, "is a node: ntm-dc node add"));
	domain_close(&domain);
}

static void on_put(void *arg, int err)
{
	(void)arg;
	assert_int_equal(err, 0);
}

/* Two domains that claim the same addresses: the DC does not start, the verbs can still help. */
static void test_pins_that_overlap(void **state)
{
	struct place *place = *state;
	struct domain domain;
	struct trust_pin pin = {.domain = "b.example", .mode = TRUST_TOFU};
	char words[DOMAIN_WORDS];

	open_made(place, &domain);
	assert_int_equal(ntm_prefix_parse(&pin.prefix4, "10.19.0.0/16"), 0);
	store_pin_put(domain.store, &pin, on_put, NULL);
	domain_close(&domain);
	assert_int_equal(domain_open(&domain, &place->conf, words), 0);
	strcpy(pin.domain, "c.example");
	store_pin_put(domain.store, &pin, on_put, NULL);
	domain_close(&domain);
	assert_int_equal(domain_open(&domain, &place->conf, words), -EINVAL);
	assert_non_null(strstr(words, "10.19.0.0/16 of b.example"));
	assert_non_null(strstr(words, "`ntm-dc trust remove c.example`"));
	assert_int_equal(domain_open_unchecked(&domain, &place->conf, words), 0);
	store_pin_remove(domain.store, "c.example", on_put, NULL);
	domain_close(&domain);
	assert_int_equal(domain_open(&domain, &place->conf, words), 0);
	domain_close(&domain);
}

static json_t *ask(struct domain *domain, const char *verb, const char *name)
{
	const struct admin admin = {.domain = domain};
	json_t *request =
		json_pack("{s:s, s:s, s:i}", "verb", verb, "name", name, "lifetime_s", 3600);
	json_t *reply = admin_answer(&admin, request);

	json_decref(request);
	return reply;
}

static void test_verbs(void **state)
{
	struct place *place = *state;
	struct domain domain;

	open_made(place, &domain);
	json_t *reply = ask(&domain, "node_add", "bob");
	assert_non_null(json_object_get(reply, "token"));
	json_decref(reply);
	reply = ask(&domain, "node_list", "");
	assert_int_equal(json_array_size(json_object_get(reply, "nodes")), 1);
	json_decref(reply);
	reply = ask(&domain, "node_show", "nobody");
	assert_non_null(json_object_get(reply, "error"));
	json_decref(reply);
	reply = ask(&domain, "node_revoke", "bob");
	assert_string_equal(json_string_value(json_object_get(reply, "revoked")),
			    "bob.ntm.example");
	json_decref(reply);
	reply = ask(&domain, "node_show", "bob");
	const json_t *node = json_array_get(json_object_get(reply, "nodes"), 0);
	assert_string_equal(json_string_value(json_object_get(node, "state")), "revoked");
	json_decref(reply);
	reply = ask(&domain, "node_revoke", "bob");
	assert_non_null(json_object_get(reply, "error"));
	json_decref(reply);
	assert_null(ask(&domain, "make_coffee", ""));
	domain_close(&domain);
}

/* Requests that our own program would not send. */
static void test_trust_requests(void **state)
{
	static const char *const requests[] = {
		"{\"verb\": \"trust_add\"}",
		"{\"verb\": \"trust_add\", \"name\": 5}",
		"{\"verb\": \"trust_add\", \"name\": \"b.example\"}",
		"{\"verb\": \"trust_add\", \"name\": \"b.example\", \"mode\": \"tofu\","
		" \"allow\": \"alice\"}",
		"{\"verb\": \"trust_add\", \"name\": \"b.example\", \"mode\": \"tofu\","
		" \"allow\": [null]}",
		"{\"verb\": \"trust_add\", \"name\": \"b.example\", \"mode\": \"tofu\","
		" \"allow\": [\"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\", "
		"\"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\"]}",
		"{\"verb\": \"trust_add\", \"name\": \"b.example\", \"mode\": \"tofu\","
		" \"prefixes\": \"10.19.0.0/16\"}",
		"{\"verb\": \"trust_add\", \"name\": \"b.example\", \"mode\": \"tofu\","
		" \"prefixes\": [[]]}",
		"{\"verb\": \"trust_remove\"}",
		"{\"verb\": \"trust_remove\", \"name\": []}",
	};
	struct place *place = *state;
	struct domain domain;
	const struct admin admin = {.domain = &domain};

	open_made(place, &domain);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		json_t *request = json_loads(requests[i], 0, NULL);

		assert_non_null(request);
		json_t *reply = admin_answer(&admin, request);
		if (json_object_get(reply, "error") == NULL)
			fail_msg("%s went through", requests[i]);
		json_decref(reply);
		json_decref(request);
	}
	/* Nobody, and not everybody. */
	json_t *request = json_pack("{s:s, s:s, s:s, s:[]}", "verb", "trust_add", "name",
				    "b.example", "mode", "tofu", "allow");
	json_t *reply = admin_answer(&admin, request);
	assert_int_equal(json_array_size(json_object_get(reply, "may_call")), 0);
	assert_true(json_is_array(json_object_get(reply, "may_call")));
	json_decref(reply);
	json_decref(request);
	domain_close(&domain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_made_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_token_carries_the_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tokens_of_relays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pins_that_overlap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_verbs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trust_requests, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
