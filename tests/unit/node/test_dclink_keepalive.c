/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the node's link to its DC: what it learns of its NAT. */
#include "dclinkworld.h"

static struct world *world_behind_nat(void)
{
	struct world *w = world_started();
	struct ntm_msg msg = registered_msg();

	msg.registered.keepalive_s = 25;
	msg.registered.lifetime_s = 100000;
	msg.registered.reflexive = addr_of(200, 61000);
	input(w, &msg);
	assert_int_equal(w->keepalive_ms, 20000);
	return w;
}

/* Until the next PING, which is seen from there. */
static void ping_seen_from(struct world *w, uint16_t port)
{
	struct ntm_addr seen = addr_of(200, port);
	unsigned before = count_of(NTM_MSG_PING);

	for (unsigned i = 0; i < 400 && count_of(NTM_MSG_PING) == before; i++)
		pass(w, 100);
	assert_int_equal(count_of(NTM_MSG_PING), before + 1);
	answer_ping(w, &seen);
}

static void behind_a_nat_the_dc_is_pinged_after_an_idle_time(void **state)
{
	struct world *w = world_behind_nat();

	(void)state;
	pass(w, 19999);
	assert_int_equal(count_of(NTM_MSG_PING), 0);
	/* Whatever is sent holds the NAT. */
	link_.last_out_ms = w->timers.now_ms;
	pass(w, 19999);
	assert_int_equal(count_of(NTM_MSG_PING), 0);
	pass(w, 1);
	assert_int_equal(count_of(NTM_MSG_PING), 1);
	answer_ping(w, ntm_uplink_seen(w->uplink));
	/* As the link's own keepalive, 10 s after the PONG. */
	pass(w, 10000);
	link_.last_out_ms = w->timers.now_ms;
	pass(w, 19999);
	assert_int_equal(count_of(NTM_MSG_PING), 1);
	pass(w, 1);
	assert_int_equal(count_of(NTM_MSG_PING), 2);
	world_free(w);
}

static void the_keepalive_grows_while_the_nat_holds(void **state)
{
	struct world *w = world_behind_nat();

	(void)state;
	for (unsigned i = 0; i < 9; i++)
		ping_seen_from(w, 61000);
	assert_int_equal(w->keepalives, 1);
	ping_seen_from(w, 61000);
	assert_int_equal(w->keepalives, 2);
	assert_int_equal(w->keepalive_ms, 21000);
	assert_int_equal(dclink_keepalive_ms(w->dclink), 21000);
	for (unsigned i = 0; i < 100; i++)
		ping_seen_from(w, 61000);
	assert_int_equal(w->keepalives, 6);
	assert_int_equal(w->keepalive_ms, 25000);
	world_free(w);
}

static void the_keepalive_shrinks_when_the_nat_forgets(void **state)
{
	struct world *w = world_behind_nat();

	(void)state;
	ping_seen_from(w, 61001);
	assert_int_equal(w->keepalive_ms, 15000);
	/* It registers from there; this is one loss, not two. */
	struct ntm_msg msg = registered_msg();
	msg.registered.keepalive_s = 25;
	msg.registered.lifetime_s = 100000;
	msg.registered.reflexive = addr_of(200, 61001);
	input(w, &msg);
	assert_int_equal(w->keepalives, 2);
	for (unsigned i = 0; i < 100; i++)
		ping_seen_from(w, 61001);
	assert_int_equal(w->keepalive_ms, 19000);
	world_free(w);
}

/* A renewal may be what follows the idle time. */
static void registered_tells_as_well(void **state)
{
	struct world *w = world_behind_nat();
	struct ntm_msg msg = registered_msg();

	(void)state;
	msg.registered.keepalive_s = 25;
	msg.registered.reflexive = addr_of(200, 61000);
	msg.registered.lifetime_s = 36; /* renewed after 18 s */
	ntm_uplink_on_up(w->uplink);
	msg.txn = last_of(NTM_MSG_REGISTER)->txn;
	input(w, &msg);
	unsigned before = count_of(NTM_MSG_REGISTER);
	pass(w, 18000);
	assert_int_equal(count_of(NTM_MSG_REGISTER), before + 1);
	msg.txn = last_of(NTM_MSG_REGISTER)->txn;
	msg.registered.reflexive = addr_of(200, 61001);
	input(w, &msg);
	assert_int_equal(w->keepalive_ms, 15000);
	world_free(w);
}

static void a_move_is_no_fault_of_the_nat(void **state)
{
	struct world *w = world_behind_nat();

	(void)state;
	/* Nobody has said so yet. */
	w->own.item[0] = addr_of(77, 4330);
	ping_seen_from(w, 61001);
	assert_int_equal(w->keepalive_ms, 20000);
	answer_register(w);
	/* Without a NAT there. */
	struct ntm_msg msg = registered_msg();
	ntm_uplink_on_up(w->uplink);
	msg.txn = last_of(NTM_MSG_REGISTER)->txn;
	msg.registered.reflexive = addr_of(77, 4330);
	input(w, &msg);
	assert_int_equal(w->keepalive_ms, 0);
	world_free(w);
}

static void another_network_is_learned_anew(void **state)
{
	struct world *w = world_behind_nat();
	struct ntm_msg msg;

	(void)state;
	ping_seen_from(w, 61001);
	assert_int_equal(w->keepalive_ms, 15000);
	w->own.item[0] = addr_of(77, 4330);
	assert_true(dclink_addrs_changed(w->dclink));
	assert_false(dclink_addrs_changed(w->dclink));
	msg = registered_msg();
	msg.registered.reflexive = addr_of(200, 61001);
	input(w, &msg);
	assert_int_equal(w->keepalive_ms, 20000);
	world_free(w);
}

/* Over IPv6 no NAT shows, but firewalls forget as well, and so does a NAT for IPv4 beside it; not
 * where our IPv4 address is a public one. */
static void what_is_seen_over_ipv6_is_kept_open(void **state)
{
	(void)state;
	for (uint8_t is_public = 0; is_public < 2; is_public++) {
		struct world *w = world_started();
		struct ntm_msg msg = registered_msg();

		w->own.count = 2;
		w->own.item[0].ip = is_public ? ntm_ip_v4(192, 0, 2, 1) : ntm_ip_v4(192, 168, 1, 2);
		assert_int_equal(ntm_addr_parse(&w->own.item[1], "[2001:db8::1]", 4330), 0);
		ntm_uplink_on_up(w->uplink);
		msg.txn = last_of(NTM_MSG_REGISTER)->txn;
		msg.registered.lifetime_s = 100000;
		msg.registered.reflexive = w->own.item[1];
		input(w, &msg);
		assert_int_equal(dclink_keepalive_ms(w->dclink), is_public ? 0 : 15000);
		json_t *json = dclink_json(w->dclink);
		assert_true(json_is_false(json_object_get(json, "behind_nat")));
		assert_non_null(strstr(json_string_value(json_object_get(json, "keepalive_why")),
				       is_public ? "there is no NAT" : "over IPv6"));
		json_decref(json);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_seen_over_ipv6_is_kept_open),
		cmocka_unit_test(behind_a_nat_the_dc_is_pinged_after_an_idle_time),
		cmocka_unit_test(the_keepalive_grows_while_the_nat_holds),
		cmocka_unit_test(the_keepalive_shrinks_when_the_nat_forgets),
		cmocka_unit_test(registered_tells_as_well),
		cmocka_unit_test(a_move_is_no_fault_of_the_nat),
		cmocka_unit_test(another_network_is_learned_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
