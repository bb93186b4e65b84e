/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of what a node tells its DC: registration, pings, requests. The link layer is played. */
#include "dclinkworld.h"

/* ---- the link ---- */

static void the_link_goes_to_all_addresses_and_never_gives_up(void **state)
{
	struct world *w = world_new();

	(void)state;
	assert_int_equal(dclink_start(w->dclink), 0);
	assert_int_equal(link_.args.purpose, NTM_PURPOSE_NODE);
	assert_ptr_equal(link_.args.remote_static, w->lease.dc_key);
	assert_ptr_equal(link_.args.owner, w->uplink);
	assert_true(link_.args.initiator && link_.args.persistent);
	assert_int_equal(link_.candidate_count, 2);
	assert_true(ntm_addr_eq(&link_.candidates[0], &w->lease.dc[0]));
	assert_true(ntm_addr_eq(&link_.candidates[1], &w->lease.dc[1]));
	assert_int_equal(link_.sent_count, 0);
	assert_false(ntm_uplink_is_registered(w->uplink));
	world_free(w);
	assert_int_equal(link_.frees, 1);
}

static void a_link_that_cannot_be_opened_is_told(void **state)
{
	struct world *w = world_new();

	(void)state;
	open_err = -ENOMEM;
	assert_int_equal(dclink_start(w->dclink), -ENOMEM);
	dclink_addrs_changed(w->dclink); /* harmless */
	dclink_stop(w->dclink);
	world_free(w);
	dclink_free(NULL);
}

/* ---- registration ---- */

static void every_session_registers(void **state)
{
	struct world *w = world_started();

	(void)state;
	const struct ntm_msg_register reg = last_of(NTM_MSG_REGISTER)->reg;
	assert_int_equal(reg.own.count, 1);
	assert_true(ntm_addr_eq(&reg.own.item[0], &w->own.item[0]));
	answer_register(w);
	unsigned before = count_of(NTM_MSG_REGISTER);
	ntm_uplink_on_up(w->uplink); /* a rekey, or a DC that was restarted */
	assert_true(count_of(NTM_MSG_REGISTER) > before);
	assert_true(last_of(NTM_MSG_REGISTER)->reg.boot_id == reg.boot_id);
	/* A node that was restarted has lost its tunnels, and says so. */
	dclink_free(w->dclink);
	make_dclink(w);
	dclink_start(w->dclink);
	come_up(w);
	assert_true(last_of(NTM_MSG_REGISTER)->reg.boot_id != reg.boot_id);
	world_free(w);
}

static void registered_is_news_once_and_after_a_loss(void **state)
{
	struct world *w = world_registered();

	(void)state;
	assert_int_equal(w->registered, 1);
	assert_int_equal(w->news, 1);
	assert_true(ntm_ip_eq(&w->msg.vip4, &(struct ntm_ip){.family = 4, .b = {198, 18, 0, 1}}));
	ntm_uplink_on_up(w->uplink);
	answer_register(w);
	assert_int_equal(w->registered, 2);
	assert_int_equal(w->news, 1);
	link_.state = NTM_LINK_CONNECTING;
	ntm_uplink_on_down(w->uplink);
	assert_false(ntm_uplink_is_registered(w->uplink));
	come_up(w);
	answer_register(w);
	assert_int_equal(w->news, 2);
	world_free(w);
}

static bool behind_nat(const struct world *w)
{
	json_t *json = dclink_json(w->dclink);
	bool is = json_is_true(json_object_get(json, "behind_nat"));

	json_decref(json);
	return is;
}

static void a_nat_is_a_place_that_is_not_ours(void **state)
{
	struct world *w = world_started();
	struct ntm_msg msg = registered_msg();

	(void)state;
	msg.registered.keepalive_s = 20;
	msg.registered.reflexive = w->own.item[0];
	input(w, &msg);
	assert_false(behind_nat(w));
	assert_int_equal(dclink_keepalive_ms(w->dclink), 0);
	ntm_uplink_on_up(w->uplink);
	msg.txn = last_of(NTM_MSG_REGISTER)->txn;
	msg.registered.reflexive.port = 61000; /* as the DC judges it */
	input(w, &msg);
	assert_true(behind_nat(w));
	assert_int_equal(dclink_keepalive_ms(w->dclink), 20000);
	ntm_uplink_on_up(w->uplink);
	msg.txn = last_of(NTM_MSG_REGISTER)->txn;
	msg.registered.reflexive = addr_of(200, 61000);
	input(w, &msg);
	assert_true(behind_nat(w));
	assert_int_equal(dclink_keepalive_ms(w->dclink), 20000);
	assert_true(ntm_addr_eq(ntm_uplink_seen(w->uplink), &msg.registered.reflexive));
	world_free(w);
}

static void registration_is_renewed_at_half_its_life(void **state)
{
	struct world *w = world_registered();
	unsigned before = count_of(NTM_MSG_REGISTER);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		pass(w, PING_MS);
		answer_ping(w, &w->own.item[0]);
	}
	pass(w, 14900);
	assert_int_equal(count_of(NTM_MSG_REGISTER), before);
	pass(w, 150);
	assert_int_equal(count_of(NTM_MSG_REGISTER), before + 1);
	world_free(w);
}

static void new_addresses_are_told(void **state)
{
	struct world *w = world_registered();
	unsigned before = count_of(NTM_MSG_REGISTER);

	(void)state;
	dclink_addrs_changed(w->dclink); /* to what they were */
	assert_int_equal(count_of(NTM_MSG_REGISTER), before);
	w->own.item[0] = addr_of(77, 4330);
	dclink_addrs_changed(w->dclink);
	assert_int_equal(count_of(NTM_MSG_REGISTER), ++before);
	answer_register(w);
	assert_true(behind_nat(w)); /* by what was told last */
	w->own.item[w->own.count++] = addr_of(1, 4330);
	dclink_addrs_changed(w->dclink);
	assert_int_equal(count_of(NTM_MSG_REGISTER), ++before);
	/* One under way is replaced: its answer would be about the old ones. */
	uint32_t old = last_of(NTM_MSG_REGISTER)->txn;
	w->own.count = 0;
	dclink_addrs_changed(w->dclink);
	assert_int_equal(count_of(NTM_MSG_REGISTER), ++before);
	struct ntm_msg msg = registered_msg();
	msg.txn = old;
	unsigned registered = w->registered;
	input(w, &msg);
	assert_int_equal(w->registered, registered);
	answer_register(w);
	assert_int_equal(w->registered, registered + 1);
	/* Without a link: the next session tells them. */
	link_.state = NTM_LINK_CONNECTING;
	w->own.count = 1;
	dclink_addrs_changed(w->dclink);
	assert_int_equal(count_of(NTM_MSG_REGISTER), before);
	world_free(w);
}

/* ---- pings ---- */

static void the_dc_is_pinged(void **state)
{
	struct world *w = world_registered();

	(void)state;
	pass(w, PING_MS - 1);
	assert_int_equal(count_of(NTM_MSG_PING), 0);
	pass(w, 1);
	assert_int_equal(count_of(NTM_MSG_PING), 1);
	answer_ping(w, &w->own.item[0]);
	pass(w, PING_MS);
	assert_int_equal(count_of(NTM_MSG_PING), 2);
	assert_int_not_equal(link_.sent_count, 0);
	world_free(w);
}

static void the_dc_says_how_often(void **state)
{
	struct world *w = world_started();
	struct ntm_msg msg = registered_msg();

	(void)state;
	msg.registered.keepalive_s = 4;
	msg.registered.reflexive = addr_of(200, 61000);
	input(w, &msg);
	pass(w, 3999);
	assert_int_equal(count_of(NTM_MSG_PING), 0);
	pass(w, 1);
	assert_int_equal(count_of(NTM_MSG_PING), 1);
	world_free(w);
}

static void nothing_is_pinged_without_a_session(void **state)
{
	struct world *w = world_registered();

	(void)state;
	link_.state = NTM_LINK_CONNECTING;
	ntm_uplink_on_down(w->uplink);
	size_t before = link_.sent_count;
	pass(w, 100000);
	assert_int_equal(link_.sent_count, before);
	world_free(w);
}

static void a_new_outside_address_registers(void **state)
{
	struct world *w = world_registered();
	struct ntm_addr other = addr_of(1, 5000);
	unsigned before = count_of(NTM_MSG_REGISTER);

	(void)state;
	pass(w, PING_MS);
	answer_ping(w, &w->own.item[0]);
	assert_int_equal(count_of(NTM_MSG_REGISTER), before);
	pass(w, PING_MS);
	answer_ping(w, &other);
	assert_int_equal(count_of(NTM_MSG_REGISTER), before + 1);
	world_free(w);
}

/* ---- requests ---- */

static void cancelled_requests_hear_nothing(void **state)
{
	struct world *w = world_registered();
	uint32_t txn = request(w);

	(void)state;
	dclink_cancel(w->dclink, txn);
	dclink_cancel(w->dclink, txn);
	answer_request(w, txn);
	pass(w, 5000);
	assert_int_equal(w->dones, 0);
	world_free(w);
}

static void requests_of_the_dc_are_passed_on_and_answered(void **state)
{
	struct world *w = world_registered();
	struct ntm_msg req = {.type = NTM_MSG_REVOKED, .txn = 99, .revoked = {.serial = 5}};
	struct ntm_msg reply = {.type = NTM_MSG_REVOKED};

	(void)state;
	input(w, &req);
	assert_int_equal(w->requests, 1);
	assert_int_equal(w->request.revoked.serial, 5);
	reply.revoked = w->request.revoked;
	assert_int_equal(dclink_reply(w->dclink, &w->request, &reply), 0);
	assert_int_equal(last_of(NTM_MSG_REVOKED)->txn, 99);
	assert_true(last_of(NTM_MSG_REVOKED)->is_reply);
	world_free(w);
}

/* ---- the end ---- */

static void stopping_says_goodbye(void **state)
{
	struct world *w = world_registered();

	(void)state;
	dclink_stop(w->dclink);
	assert_int_equal(link_.closes, 1);
	assert_false(ntm_uplink_is_registered(w->uplink));
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	world_free(w);
}

static void freeing_calls_nobody(void **state)
{
	struct world *w = world_registered();

	(void)state;
	request(w);
	dclink_free(w->dclink);
	w->dclink = NULL;
	assert_int_equal(w->dones, 0);
	assert_int_equal(link_.closes, 0);
	world_free(w);
}

static const char *text_of(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static void the_state_is_shown(void **state)
{
	struct world *w = world_new();

	(void)state;
	json_t *json = dclink_json(w->dclink);
	assert_string_equal(text_of(json, "state"), "off");
	json_decref(json);
	dclink_start(w->dclink);
	json = dclink_json(w->dclink);
	assert_string_equal(text_of(json, "state"), "connecting");
	assert_string_equal(text_of(json, "address"), "192.0.2.9:4330");
	assert_null(json_object_get(json, "seen_from"));
	json_decref(json);
	/* Nobody has answered yet: it is where the lease says. */
	link_.remote = (struct ntm_addr){0};
	json = dclink_json(w->dclink);
	assert_string_equal(text_of(json, "address"), "192.0.2.9:4330");
	json_decref(json);
	link_.remote = addr_of(9, 4330);
	come_up(w);
	answer_register(w);
	pass(w, 3000);
	json = dclink_json(w->dclink);
	assert_string_equal(text_of(json, "state"), "registered");
	assert_string_equal(text_of(json, "seen_from"), "192.0.2.1:4330");
	assert_false(json_is_true(json_object_get(json, "behind_nat")));
	assert_int_equal(json_integer_value(json_object_get(json, "registered_s")), 3);
	assert_int_equal(json_integer_value(json_object_get(json, "keepalive_s")), 0);
	assert_string_equal(text_of(json, "keepalive_why"), "none: there is no NAT");
	assert_int_equal(json_integer_value(json_object_get(json, "rtt_ms")), 12);
	json_decref(json);
	request(w);
	pass(w, 700);
	json = dclink_json(w->dclink);
	assert_string_equal(text_of(json, "state"), "silent");
	json_decref(json);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_link_goes_to_all_addresses_and_never_gives_up),
		cmocka_unit_test(a_link_that_cannot_be_opened_is_told),
		cmocka_unit_test(every_session_registers),
		cmocka_unit_test(registered_is_news_once_and_after_a_loss),
		cmocka_unit_test(a_nat_is_a_place_that_is_not_ours),
		cmocka_unit_test(registration_is_renewed_at_half_its_life),
		cmocka_unit_test(new_addresses_are_told),
		cmocka_unit_test(the_dc_is_pinged),
		cmocka_unit_test(the_dc_says_how_often),
		cmocka_unit_test(nothing_is_pinged_without_a_session),
		cmocka_unit_test(a_new_outside_address_registers),
		cmocka_unit_test(cancelled_requests_hear_nothing),
		cmocka_unit_test(requests_of_the_dc_are_passed_on_and_answered),
		cmocka_unit_test(stopping_says_goodbye),
		cmocka_unit_test(freeing_calls_nobody),
		cmocka_unit_test(the_state_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
