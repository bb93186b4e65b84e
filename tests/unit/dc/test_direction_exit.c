/* SPDX-License-Identifier: BSD-2-Clause */
/* Gateways (R140): relays that come as nodes too, and who may be directed to them. */
#include "dcforeign.h"
#include "direction_priv.h"

#define OTHER   "other.ntm.example"
#define GATEWAY "gw.ntm.example"
#define RELAY   "rs.ntm.example"

/* A relay of the store that has joined, and opens a link as a node. addr: as client_place; NULL: in
 * the open. */
static struct client *exit_relay_new_at(struct world *w, size_t i, const char *name, bool gateway,
					const char *addr)
{
	struct client *c = client_new(w, i, name);

	if (addr)
		client_place(c, addr, "172.31.0.5");
	assert_int_equal(help_add_relay(w->store, name, gateway, NULL), 0);
	put_token(w, name, (uint8_t)(i + 1), NOW + 30 * DAY);
	client_join(c, (uint8_t)(i + 1));
	assert_int_equal(c->answers, 1);
	client_open(c);
	run(w, 200);
	return c;
}

static struct client *exit_relay_new(struct world *w, size_t i, const char *name, bool gateway)
{
	return exit_relay_new_at(w, i, name, gateway, NULL);
}

static void set_exit(struct world *w, const char *name, bool may)
{
	struct got got = {0};

	dc_set_exit(w->dc, name, may, got_done, &got);
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

/* A DC that starts calls it back, as a node. */
static void also_at_a_dc_that_has_started_anew(void **state)
{
	struct world *w = *state;
	struct client *gw = exit_relay_new(w, 0, GATEWAY, true);
	struct client *alice = node_new(w, 1, ALICE);
	struct ntm_cert cert;

	run(w, 1000);
	stop_dc(w);
	start_dc(w);
	run(w, 1000);
	client_register(gw);
	client_register(alice);
	run(w, 100);
	assert_true(dc_is_online(w->dc, GATEWAY));
	cert = check_cert(w, &gw->reg.cert);
	assert_int_equal(cert.type, NTM_CERT_NODE);
	set_exit(w, ALICE, true);
	ask(alice, GATEWAY, 1);
	run(w, 100);
	assert_int_equal(alice->directed, 1);
	cert = check_cert(w, &alice->route.peer_cert);
	assert_int_equal(cert.type, NTM_CERT_NODE);
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

static void assert_told_off(const struct client *gw, const struct client *node)
{
	const struct ntm_msg_revoked *told = &gw->voids[gw->void_count - 1];

	assert_int_equal(told->serial, 0);
	assert_memory_equal(told->key, node->keys.pub, NTM_KEY_LEN);
	assert_true(ntm_ip_eq(&told->vip4, &node->reg.vip4));
}

/* A tunnel that is up would last a day. Nothing is void: nodes are told nothing. */
static void off_ends_what_is_up(void **state)
{
	struct world *w = *state;
	struct client *gw = exit_relay_new(w, 0, GATEWAY, true);
	struct client *alice = node_new(w, 1, ALICE);
	struct client *bob = node_new(w, 2, OTHER);

	set_exit(w, OTHER, false); /* it never might */
	set_exit(w, ALICE, true);
	ask(alice, GATEWAY, 1);
	run(w, 100);
	assert_int_equal(gw->void_count, 0);
	set_exit(w, ALICE, false);
	run(w, 100);
	assert_int_equal(gw->void_count, 1);
	assert_told_off(gw, alice);
	assert_int_equal(alice->void_count + bob->void_count, 0);
	assert_int_equal(alice->down + gw->down, 0);
	/* Who is allowed again is not ended by a gateway that starts anew. */
	set_exit(w, ALICE, true);
	client_register(gw);
	gw->boot_id++;
	client_register(gw);
	run(w, 100);
	assert_int_equal(gw->void_count, 1);
	set_exit(w, ALICE, false);
	run(w, 100);
	assert_int_equal(gw->void_count, 2);
	assert_told_off(gw, alice);
}

/* A gateway whose session is down keeps its tunnels; so does one whose DC is. */
static void who_was_away_hears_of_it_later(void **state)
{
	struct world *w = *state;
	struct client *gw = exit_relay_new(w, 0, GATEWAY, true);
	struct client *alice = node_new(w, 1, ALICE);
	struct got got = {0};

	set_exit(w, ALICE, true);
	ntm_link_close(gw->link, 0);
	run(w, 100);
	set_exit(w, ALICE, false);
	client_boot(gw);
	client_open(gw);
	run(w, 200);
	assert_int_equal(gw->void_count, 1);
	assert_told_off(gw, alice);

	set_exit(w, ALICE, true);
	stop_dc(w);
	store_node_set_exit(w->store, ALICE, false, w->timers.wall_ms / 1000, got_done, &got);
	start_dc(w);
	client_boot(gw);
	client_open(gw);
	run(w, 5000);
	assert_int_equal(gw->void_count, 2);
	assert_told_off(gw, alice);
	/* When a tunnel from before has ended by itself, nobody is told any more. */
	run(w, (w->settings.pair_lifetime_s + NTM_CERT_SKEW_S) * 1000);
	client_boot(gw);
	client_open(gw);
	run(w, 5000);
	assert_int_equal(gw->void_count, 2);
}

/* Else the gateway hears of the node behind the news that it may not come. */
static void off_while_the_gateway_is_told(void **state)
{
	struct world *w = *state;
	struct client *gw = exit_relay_new(w, 0, GATEWAY, true);
	struct client *alice = node_new(w, 1, ALICE);

	set_exit(w, ALICE, true);
	gw->is_mute = true;
	ask(alice, GATEWAY, 1);
	run(w, 100);
	assert_int_equal(gw->told_count, 1);
	set_exit(w, ALICE, false);
	gw->is_mute = false;
	run(w, 3000);
	assert_int_equal(gw->told_copies, 0);
	assert_int_equal(gw->void_count, 1);
	assert_int_equal(alice->directed, 0);
	assert_int_equal(alice->refused, 1);
	assert_forbidden(alice, "any more");
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

/* It takes no relay: it is tried where it is seen, as a 1:1 NAT would have it. */
static void a_gateway_behind_a_nat(void **state)
{
	struct world *w = *state;
	struct client *gw = exit_relay_new_at(w, 0, GATEWAY, true, "203.0.113.40");
	struct client *rs = relay_new(w, 3, RELAY);
	struct client *alice = node_new_at(w, 1, ALICE, "203.0.113.1", "10.0.0.1");
	struct client *bob = node_new_at(w, 2, OTHER, "2001:db8::7", "2001:db8::7");

	assert_true(rs->reported > 0);
	set_exit(w, ALICE, true);
	set_exit(w, OTHER, true);
	ask(alice, GATEWAY, 1);
	run(w, 100);
	assert_int_equal(alice->directed, 1);
	assert_int_equal(alice->route.role, NTM_ROLE_REQUESTS);
	assert_true(alice->route.peer_nat);
	assert_int_equal(alice->route.relays.count, 0);
	assert_int_equal(alice->route.candidates.count, 1);
	assert_true(ntm_addr_eq(&alice->route.candidates.item[0], &gw->addr));
	assert_int_equal(gw->told_count, 1);
	/* Nor does one help who has no address in common. */
	ask(bob, GATEWAY, 2);
	run(w, 100);
	assert_int_equal(bob->refused, 1);
	assert_int_equal(bob->error.code, NTM_DIR_NO_RELAY);
	if (strstr(bob->error.words, "has no address of a family that other.ntm.example can") ==
	    NULL)
		fail_msg("%s", bob->error.words);
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
		TEST(also_at_a_dc_that_has_started_anew),
		TEST(a_relay_that_is_no_gateway_does_not),
		TEST(who_may_go_there),
		TEST(off_ends_what_is_up),
		TEST(who_was_away_hears_of_it_later),
		TEST(off_while_the_gateway_is_told),
		TEST(a_gateway_asks_for_nobody),
		TEST(a_gateway_behind_a_nat),
		TEST(a_gateway_that_is_away),
		cmocka_unit_test_setup_teardown(nodes_of_partners_may_not, foreign_setup,
						foreign_teardown),
		TEST(a_revoked_gateway_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
