/* SPDX-License-Identifier: BSD-2-Clause */
/* Gateways (R140): relays that come as nodes too, and who may be directed to them. */
#include "dcforeign.h"
#include "direction_priv.h"

#define OTHER   "other.ntm.example"
#define GATEWAY "gw.ntm.example"
#define RELAY   "rs.ntm.example"

/* A relay of the store that has joined, and opens a link as a node. */
static struct client *exit_relay_new(struct world *w, size_t i, const char *name, bool gateway)
{
	struct client *c = client_new(w, i, name);

	assert_int_equal(help_add_relay(w->store, name, gateway, NULL), 0);
	put_token(w, name, (uint8_t)(i + 1), NOW + 30 * DAY);
	client_join(c, (uint8_t)(i + 1));
	assert_int_equal(c->answers, 1);
	client_open(c);
	run(w, 200);
	return c;
}

static void set_exit(struct world *w, const char *name, bool may)
{
	struct got got = {0};

	store_node_set_exit(w->store, name, may, got_done, &got);
	assert_int_equal(got.err, 0);
}

static void assert_forbidden(const struct client *c, const char *words)
{
	assert_int_equal(c->error.code, NTM_DIR_FORBIDDEN);
	if (strstr(c->error.words, words) == NULL)
		fail_msg("%s", c->error.words);
}

static void a_gateway_registers_as_a_node(void **state)
{
	struct world *w = *state;
	struct client *gw = exit_relay_new(w, 0, GATEWAY, true);
	struct ntm_cert cert;

	assert_int_equal(gw->registered, 1);
	cert = check_cert(w, &gw->reg.cert);
	assert_int_equal(cert.type, NTM_CERT_NODE);
	assert_string_equal(cert.fqdn, GATEWAY);
	assert_true(ntm_ip_eq(&cert.vip4, &gw->reg.vip4));
	assert_int_equal(cert.vip4.family, 4);
	/* As a relay it has a relay's certificate. */
	cert = check_cert(w, &gw->answer.cert);
	assert_int_equal(cert.type, NTM_CERT_RELAY);
}

static void a_relay_that_is_no_gateway_does_not(void **state)
{
	struct world *w = *state;
	struct client *rs = exit_relay_new(w, 0, RELAY, false);
	struct client *alice = node_new(w, 1, ALICE);

	assert_int_equal(rs->registered, 0);
	assert_int_equal(rs->up, 0);
	set_exit(w, ALICE, true);
	ask(alice, RELAY, 1);
	run(w, 100);
	assert_int_equal(alice->error.code, NTM_DIR_NOT_NTM);
}

/* Off by default; what the operator says counts at once, and for that node alone. */
static void who_may_go_there(void **state)
{
	struct world *w = *state;
	struct client *gw = exit_relay_new(w, 0, GATEWAY, true);
	struct client *alice = node_new(w, 1, ALICE);
	struct client *bob = node_new(w, 2, OTHER);
	struct ntm_cert cert;
	char vip[NTM_IP_STR];

	ask(alice, GATEWAY, 1);
	run(w, 100);
	assert_int_equal(alice->refused, 1);
	assert_forbidden(alice, "ntm-dc node exit alice.ntm.example on");
	assert_int_equal(gw->told_count, 0);
	set_exit(w, ALICE, true);
	ask(alice, GATEWAY, 2);
	run(w, 100);
	assert_int_equal(alice->directed, 1);
	assert_int_equal(gw->told_count, 1);
	cert = check_cert(w, &alice->route.peer_cert);
	assert_int_equal(cert.type, NTM_CERT_NODE);
	assert_string_equal(cert.fqdn, GATEWAY);
	/* By address it is the same. */
	ask(bob, ntm_ip_str(&gw->reg.vip4, vip), 3);
	run(w, 100);
	assert_int_equal(bob->refused, 1);
	assert_forbidden(bob, "ntm-dc node exit other.ntm.example on");
	set_exit(w, ALICE, false);
	ask(alice, GATEWAY, 4);
	run(w, 100);
	assert_int_equal(alice->directed, 1);
	assert_int_equal(alice->refused, 2);
	/* Nodes among themselves need no permission. */
	ask(alice, OTHER, 5);
	run(w, 100);
	assert_int_equal(alice->directed, 2);
}

static void a_gateway_asks_for_nobody(void **state)
{
	struct world *w = *state;
	struct client *gw = exit_relay_new(w, 0, GATEWAY, true);
	struct client *alice = node_new(w, 1, ALICE);

	set_exit(w, ALICE, true);
	ask(gw, ALICE, 1);
	run(w, 100);
	assert_int_equal(gw->refused, 1);
	assert_forbidden(gw, "is a gateway: nodes come to it");
	assert_int_equal(alice->told_count, 0);
}

static void a_gateway_that_is_away(void **state)
{
	struct world *w = *state;
	struct client *alice = node_new(w, 1, ALICE);

	assert_int_equal(help_add_relay(w->store, GATEWAY, true, NULL), 0);
	set_exit(w, ALICE, true);
	ask(alice, GATEWAY, 1);
	run(w, 100);
	assert_int_equal(alice->error.code, NTM_DIR_OFFLINE);
}

/* Nobody of another domain goes out here, whatever it may do at home. */
static void nodes_of_partners_may_not(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct client *gw = exit_relay_new(w, 1, GATEWAY, true);

	assert_int_equal(gw->registered, 1);
	partner_ask(s.b, &s.bob, GATEWAY, 1);
	run(w, 100);
	assert_int_equal(s.b->refused, 1);
	assert_error(&s.b->error, NTM_DIR_FORBIDDEN, "for nodes of ntm.example only");
	assert_int_equal(gw->told_count, 0);
}

static void a_revoked_gateway_is_gone(void **state)
{
	struct world *w = *state;
	struct client *gw = exit_relay_new(w, 0, GATEWAY, true);
	struct client *alice = node_new(w, 1, ALICE);

	set_exit(w, ALICE, true);
	assert_int_equal(help_revoke(w->store, GATEWAY), 0);
	assert_int_equal(revoke_sync(w->dc), 0);
	run(w, 1000);
	assert_true(gw->down > 0);
	ask(alice, GATEWAY, 1);
	run(w, 100);
	assert_int_equal(alice->directed, 0);
	assert_true(alice->void_count > 0); /* it may have a tunnel there */
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_gateway_registers_as_a_node),
		TEST(a_relay_that_is_no_gateway_does_not),
		TEST(who_may_go_there),
		TEST(a_gateway_asks_for_nobody),
		TEST(a_gateway_that_is_away),
		cmocka_unit_test_setup_teardown(nodes_of_partners_may_not, foreign_setup,
						foreign_teardown),
		TEST(a_revoked_gateway_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
