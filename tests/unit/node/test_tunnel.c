/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of tunnels: their states, who waits for them, how they end. */
#include "tunnelworld.h"

static size_t tunnel_count(struct side *s)
{
	size_t count = 0;

	for (struct tunnel *t = s->tunnels->list; t != NULL; t = t->next)
		count++;
	assert_int_equal(count, s->tunnels->count);
	return count;
}

/* ---- asking ---- */

static void a_name_is_asked_once(void **state)
{
	struct world *w = world_new();
	struct waiter first, second;

	(void)state;
	assert_int_equal(want_name(&w->a, "b.ntm.example", &first), 0);
	assert_int_equal(want_name(&w->a, "b.ntm.example", &second), 0);
	assert_int_equal(w->a.dc.count, 1);
	const struct ntm_msg_direction_request *req = ask_of(&w->a, 0);
	assert_string_equal(req->fqdn_mn, "a.ntm.example");
	assert_string_equal(req->fqdn_cn, "b.ntm.example");
	assert_int_equal(req->vip_cn.family, 0);
	assert_int_equal(req->reason, NTM_REASON_NAME);
	assert_false(req->is_sip);
	assert_int_not_equal(req->correlation, 0);
	assert_int_equal(tunnels_counters(w->a.tunnels)->directions, 1);
	direct(&w->a, 0);
	run(w, 100);
	assert_int_equal(first.calls, 1);
	assert_int_equal(second.calls, 1);
	world_free(w);
}

/* R104, R106. */
static void a_vip_is_asked_with_the_sip_flag(void **state)
{
	struct world *w = world_new();

	(void)state;
	assert_int_equal(want_vip(&w->a, &w->b.lease.vip6, NULL), 0);
	assert_true(ask_of(&w->a, 0)->is_sip);
	assert_true(ntm_ip_eq(&ask_of(&w->a, 0)->vip_cn, &w->b.lease.vip6));
	assert_string_equal(ask_of(&w->a, 0)->fqdn_cn, "");
	world_free(w);
}

static void ourselves_are_never_asked_for(void **state)
{
	struct world *w = world_new();

	(void)state;
	assert_int_equal(want_name(&w->a, "a.ntm.example", NULL), -EINVAL);
	assert_int_equal(want_vip(&w->a, &w->a.lease.vip4, NULL), -EINVAL);
	assert_int_equal(want_vip(&w->a, &w->a.lease.vip6, NULL), -EINVAL);
	assert_int_equal(w->a.dc.count, 0);
	assert_int_equal(tunnel_count(&w->a), 0);
	world_free(w);
}

static void a_request_that_cannot_be_made_leaves_no_tunnel(void **state)
{
	struct world *w = world_new();
	struct waiter waiter;

	(void)state;
	w->a.dc.err = -EBUSY;
	assert_int_equal(want_name(&w->a, "b.ntm.example", &waiter), -EBUSY);
	assert_null(waiter.wait.tunnel);
	run(w, 1);
	assert_int_equal(tunnel_count(&w->a), 0);
	w->a.dc.err = 0;
	assert_int_equal(want_name(&w->a, "b.ntm.example", &waiter), 0);
	world_free(w);
}

static void the_table_is_bounded(void **state)
{
	struct world *w = world_new();
	struct ntm_ip vip = ntm_ip_v4(198, 18, 0, 0);

	(void)state;
	for (unsigned i = 0; i < TUNNEL_MAX; i++) {
		vip.b[2] = (uint8_t)(1 + i / 256);
		vip.b[3] = (uint8_t)i;
		assert_int_equal(want_vip(&w->a, &vip, NULL), 0);
	}
	assert_int_equal(want_name(&w->a, "b.ntm.example", NULL), -ENOSPC);
	/* The peer may not get in either, and the DC is not told that it could. */
	struct ntm_msg_route_direction pair = pair_new(w);
	tell(&w->a, &pair, NTM_ROLE_ANSWERS);
	assert_int_equal(w->a.dc.acks, 0);
	world_free(w);
}

/* ---- coming up ---- */

static void up_answers_all_who_wait(void **state)
{
	struct world *w = world_new();
	struct waiter by_name, again, late;
	struct tunnel_target target = {.fqdn = "b.ntm.example"};
	const struct tunnel *up = NULL;

	(void)state;
	want_name(&w->a, "b.ntm.example", &by_name);
	run(w, 30);
	want_name(&w->a, "b.ntm.example", &again);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_IDLE); /* VIP not known yet */
	direct(&w->a, 0);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_CONNECTING);
	assert_int_equal(by_name.calls, 0);
	run(w, 100);
	assert_int_equal(by_name.calls, 1);
	assert_int_equal(by_name.err, 0);
	assert_int_equal(again.calls, 1);
	assert_string_equal(tunnel_fqdn(by_name.tunnel), "b.ntm.example");
	assert_int_equal(by_name.direction_ms, 30 + 2 * DELAY_MS);
	assert_int_equal(tunnel_want(w->a.tunnels, &target, NTM_REASON_NAME, &late.wait, &up), 1);
	assert_ptr_equal(up, by_name.tunnel);
	/* Found by all that the certificate says. */
	assert_ptr_equal(tunnel_find_up(w->a.tunnels, &w->b.lease.vip4), up);
	assert_ptr_equal(tunnel_find_up(w->a.tunnels, &w->b.lease.vip6), up);
	struct ntm_ip vip4 = tunnel_vip(up, 4), vip6 = tunnel_vip(up, 6);
	assert_true(ntm_ip_eq(&vip4, &w->b.lease.vip4));
	assert_true(ntm_ip_eq(&vip6, &w->b.lease.vip6));
	assert_int_equal(tunnels_counters(w->a.tunnels)->ups, 1);
	world_free(w);
}

static void the_peer_comes_up_without_asking(void **state)
{
	struct world *w = world_up();

	(void)state;
	assert_int_equal(w->b.dc.count, 0);
	assert_int_equal(w->b.dc.acks, 1);
	assert_int_equal(w->b.dc.last_ack.type, NTM_MSG_ROUTE_ACK);
	assert_int_equal(w->b.dc.last_ack.route_ack.correlation, 77);
	assert_string_equal(tunnel_fqdn(tunnel_find(w->b.tunnels, &w->a.lease.vip6)),
			    "a.ntm.example");
	world_free(w);
}

static void a_tunnel_that_the_peer_asked_for_ends_our_asking(void **state)
{
	struct world *w = world_new();
	struct waiter waiter;

	(void)state;
	want_name(&w->b, "a.ntm.example", &waiter);
	want_name(&w->a, "b.ntm.example", NULL);
	direct(&w->a, 0);
	run(w, 100);
	assert_int_equal(waiter.calls, 1);
	assert_int_equal(waiter.err, 0);
	assert_int_equal(w->b.dc.cancels, 1);
	assert_int_equal(tunnel_count(&w->b), 1);
	world_free(w);
}

/* ---- waits ---- */

static void cancelled_waits_hear_nothing(void **state)
{
	struct world *w = world_new();
	struct waiter waiters[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		want_name(&w->a, "b.ntm.example", &waiters[i]);
	tunnel_wait_cancel(&waiters[2].wait); /* in the middle */
	tunnel_wait_cancel(&waiters[2].wait); /* fine when not waiting */
	tunnel_wait_cancel(&waiters[0].wait); /* the first of the list */
	tunnel_wait_cancel(&waiters[3].wait); /* the last */
	answer_error(&w->a, 0, NTM_DIR_OFFLINE, "b is offline");
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(waiters[i].calls, i == 1);
	world_free(w);
}

/* Held copies of two forks, say: they leave in the order in which they came. */
struct in_line {
	struct tunnel_wait wait;
	unsigned *called;
	unsigned place;
};

static void note_place(void *arg, const struct tunnel_result *result)
{
	struct in_line *in_line = arg;

	(void)result;
	in_line->place = (*in_line->called)++;
}

static void who_waits_longest_hears_first(void **state)
{
	struct world *w = world_new();
	struct tunnel_target target = {.fqdn = "b.ntm.example"};
	struct in_line in_line[4];
	unsigned called = 0;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		in_line[i] = (struct in_line){.wait = {.fn = note_place, .arg = &in_line[i]},
					      .called = &called};
		tunnel_want(w->a.tunnels, &target, NTM_REASON_SIP, &in_line[i].wait, NULL);
	}
	answer_error(&w->a, 0, NTM_DIR_OFFLINE, "b is offline");
	assert_int_equal(called, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(in_line[i].place, i);
	world_free(w);
}

static void a_wait_may_cancel_another_when_it_is_called(void **state)
{
	struct world *w = world_new();
	struct waiter waiters[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		want_name(&w->a, "b.ntm.example", &waiters[i]);
	for (size_t i = 0; i < 3; i++)
		waiters[i].cancels = &waiters[(i + 1) % 3].wait;
	answer_error(&w->a, 0, NTM_DIR_OFFLINE, "b is offline");
	unsigned calls = 0;
	for (size_t i = 0; i < 3; i++)
		calls += waiters[i].calls;
	assert_in_range(calls, 1, 2);
	world_free(w);
}

struct stubborn {
	struct side *side;
	struct tunnel_wait wait;
	unsigned calls;
	int again; /* what the second asking said */
};

static void ask_again(void *arg, const struct tunnel_result *result)
{
	struct stubborn *stubborn = arg;
	struct tunnel_target target = {.fqdn = "b.ntm.example"};

	(void)result;
	assert_true(++stubborn->calls < 10);
	stubborn->again = tunnel_want(stubborn->side->tunnels, &target, NTM_REASON_NAME,
				      &stubborn->wait, NULL);
}

static void who_asks_again_at_once_is_refused(void **state)
{
	struct world *w = world_new();
	struct stubborn stubborn = {.side = &w->a, .wait = {.fn = ask_again, .arg = &stubborn}};
	struct tunnel_target target = {.fqdn = "b.ntm.example"};

	(void)state;
	tunnel_want(w->a.tunnels, &target, NTM_REASON_NAME, &stubborn.wait, NULL);
	answer_error(&w->a, 0, NTM_DIR_OFFLINE, "b is offline");
	assert_int_equal(stubborn.calls, 1);
	assert_int_equal(stubborn.again, -EHOSTUNREACH);
	world_free(w);
}

static void stopping_calls_nobody_twice(void **state)
{
	struct world *w = world_new();
	struct stubborn stubborn = {.side = &w->a, .wait = {.fn = ask_again, .arg = &stubborn}};
	struct tunnel_target target = {.fqdn = "b.ntm.example"};

	(void)state;
	tunnel_want(w->a.tunnels, &target, NTM_REASON_NAME, &stubborn.wait, NULL);
	tunnels_stop(w->a.tunnels);
	assert_int_equal(stubborn.calls, 1);
	tunnel_wait_cancel(&stubborn.wait);
	world_free(w);
}

/* ---- failing ---- */

struct failure {
	uint8_t code;
	int err;
};

static void the_dcs_errors_are_told(void **state)
{
	static const struct failure failures[] = {
		{NTM_DIR_NO_SUCH_NAME, -ENOENT},
		{NTM_DIR_NO_SUCH_ADDRESS, -EHOSTUNREACH},
		{NTM_DIR_OFFLINE, -EHOSTUNREACH},
		{NTM_DIR_FORBIDDEN, -EACCES},
		{NTM_DIR_NO_RELAY, -EHOSTUNREACH},
		{NTM_DIR_NOT_NTM, -ENOENT},
		{NTM_DIR_BUSY, -EBUSY},
		{NTM_DIR_NO_DC, -ENETUNREACH},
		{NTM_DIR_UNTRUSTED, -EACCES},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		struct world *w = world_new();
		struct waiter waiter;
		const struct tunnel *failed = NULL;
		struct tunnel_target target = {.fqdn = "b.ntm.example"};

		want_name(&w->a, "b.ntm.example", &waiter);
		run(w, 40);
		answer_error(&w->a, 0, failures[i].code, "words of the DC");
		assert_int_equal(waiter.calls, 1);
		assert_int_equal(waiter.err, failures[i].err);
		assert_int_equal(waiter.code, failures[i].code);
		assert_string_equal(waiter.words, "words of the DC");
		assert_int_equal(waiter.direction_ms, 40);
		assert_int_equal(tunnel_want(w->a.tunnels, &target, NTM_REASON_NAME, NULL, &failed),
				 -EHOSTUNREACH);
		assert_int_equal(tunnel_fail_code(failed), failures[i].code);
		assert_int_equal(tunnels_counters(w->a.tunnels)->directions_failed, 1);
		world_free(w);
	}
}

/* design.md 6: 5 s. */
static void a_failure_is_remembered_for_a_while(void **state)
{
	struct world *w = world_new();
	struct waiter waiter;

	(void)state;
	want_name(&w->a, "b.ntm.example", NULL);
	answer_error(&w->a, 0, NTM_DIR_OFFLINE, "b is offline");
	run(w, TUNNEL_NEGATIVE_MS - 1);
	assert_int_equal(want_name(&w->a, "b.ntm.example", NULL), -EHOSTUNREACH);
	assert_int_equal(w->a.dc.count, 1);
	run(w, 1);
	run(w, 1);
	assert_int_equal(tunnel_count(&w->a), 0);
	assert_int_equal(want_name(&w->a, "b.ntm.example", &waiter), 0);
	assert_int_equal(w->a.dc.count, 2);
	direct(&w->a, 1);
	run(w, 100);
	assert_int_equal(waiter.err, 0);
	world_free(w);
}

static void a_silent_dc_fails_the_tunnel(void **state)
{
	struct world *w = world_new();
	struct waiter waiter;

	(void)state;
	want_name(&w->a, "b.ntm.example", &waiter);
	answer(&w->a, 0, -ETIMEDOUT, NULL);
	assert_int_equal(waiter.calls, 1);
	assert_int_equal(waiter.err, -ENETUNREACH);
	assert_int_equal(waiter.code, 0);
	assert_non_null(strstr(waiter.words, "DC"));
	world_free(w);
}

/* Only what failed in silence is asked again at once: an answer stays one. */
static void a_dc_that_is_back_is_asked_again(void **state)
{
	struct world *w = world_new();
	struct waiter waiter;

	(void)state;
	want_name(&w->a, "b.ntm.example", NULL);
	want_name(&w->a, "c.ntm.example", NULL);
	want_name(&w->a, "d.ntm.example", NULL);
	want_name(&w->a, "e.ntm.example", NULL);
	answer(&w->a, 0, -ETIMEDOUT, NULL);
	answer_error(&w->a, 1, NTM_DIR_NO_DC, "the DC of c is gone");
	answer_error(&w->a, 2, NTM_DIR_OFFLINE, "d is offline");
	assert_int_equal(want_name(&w->a, "b.ntm.example", NULL), -EHOSTUNREACH);
	tunnels_on_dc(w->a.tunnels);
	assert_int_equal(want_name(&w->a, "b.ntm.example", &waiter), 0);
	assert_int_equal(w->a.dc.count, 5);
	assert_int_equal(want_name(&w->a, "c.ntm.example", NULL), -EHOSTUNREACH);
	assert_int_equal(want_name(&w->a, "d.ntm.example", NULL), -EHOSTUNREACH);
	assert_int_equal(want_name(&w->a, "e.ntm.example", NULL), 0); /* still asked */
	assert_int_equal(w->a.dc.count, 5);
	direct(&w->a, 4);
	run(w, 100);
	assert_int_equal(waiter.err, 0);
	/* Nobody wants it any more: it is forgotten. */
	answer(&w->a, 3, -ETIMEDOUT, NULL);
	tunnels_on_dc(w->a.tunnels);
	run(w, 1);
	assert_int_equal(tunnel_count(&w->a), 3);
	world_free(w);
}

static void a_silent_peer_fails_the_tunnel(void **state)
{
	struct world *w = world_new();
	struct waiter waiter;

	(void)state;
	w->b.is_deaf = true;
	want_name(&w->a, "b.ntm.example", &waiter);
	direct(&w->a, 0);
	run(w, 2900);
	assert_int_equal(waiter.calls, 0);
	assert_int_equal(w->a.initiations, NTM_RETRY_SENDINGS);
	run(w, 200);
	assert_int_equal(waiter.calls, 1);
	assert_int_equal(waiter.err, -EHOSTUNREACH);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_FAILED);
	assert_int_equal(state_of(&w->b, &w->a.lease.vip4), TUNNEL_FAILED); /* it waited in vain */
	assert_int_equal(ntm_links_count(w->a.links), 0);
	run(w, TUNNEL_NEGATIVE_MS + 1);
	assert_int_equal(tunnel_count(&w->a) + tunnel_count(&w->b), 0);
	world_free(w);
}

static void the_peer_may_come_while_we_remember_a_failure(void **state)
{
	struct world *w = world_new();

	(void)state;
	want_name(&w->b, "a.ntm.example", NULL);
	answer_error(&w->b, 0, NTM_DIR_OFFLINE, "a is offline");
	run(w, 2000);
	want_name(&w->a, "b.ntm.example", NULL);
	direct(&w->a, 0);
	run(w, 100);
	struct tunnel *tunnel = tunnel_find_up(w->b.tunnels, &w->a.lease.vip4);
	assert_non_null(tunnel);
	assert_int_equal(tunnel_fail_code(tunnel), 0);
	assert_int_equal(tunnel->direction_ms, 2 * DELAY_MS + DELAY_MS); /* of this one alone */
	world_free(w);
}

/* ---- ending ---- */

static void a_closed_tunnel_is_forgotten_on_both_sides(void **state)
{
	struct world *w = world_up();

	(void)state;
	tunnels_stop(w->a.tunnels);
	run(w, 2 * DELAY_MS);
	assert_int_equal(w->b.closes_in, 1);
	assert_int_equal(tunnel_count(&w->a), 0);
	assert_null(tunnel_find_up(w->b.tunnels, &w->a.lease.vip4));
	assert_int_equal(tunnels_counters(w->b.tunnels)->downs, 1);
	run(w, TUNNEL_CLOSED_MS);
	assert_int_equal(tunnel_count(&w->b), 0);
	world_free(w);
}

/* A new start after an update: that it is away is not remembered for long. */
static void a_closed_tunnel_may_come_back_at_once(void **state)
{
	struct world *w = world_up();
	int64_t closed_ms;

	(void)state;
	tunnels_stop(w->a.tunnels);
	run(w, 2 * DELAY_MS);
	closed_ms = w->timers.now_ms;
	for (unsigned i = 0; w->timers.now_ms < closed_ms + TUNNEL_CLOSED_MS - 100; i++) {
		assert_int_equal(want_name(&w->b, "a.ntm.example", NULL), 0);
		answer_error(&w->b, i, NTM_DIR_OFFLINE, "a is offline");
		run(w, TUNNEL_BACK_MS - 1);
		assert_int_equal(want_name(&w->b, "a.ntm.example", NULL), -EHOSTUNREACH);
		run(w, 1);
	}
	/* It is not. */
	run(w, 100);
	assert_int_equal(want_name(&w->b, "a.ntm.example", NULL), 0);
	answer_error(&w->b, w->b.dc.count - 1, NTM_DIR_OFFLINE, "a is offline");
	run(w, TUNNEL_NEGATIVE_MS - 1);
	assert_int_equal(want_name(&w->b, "a.ntm.example", NULL), -EHOSTUNREACH);
	run(w, 1);
	assert_int_equal(tunnel_count(&w->b), 0);
	world_free(w);
}

static void stopping_answers_waits(void **state)
{
	struct world *w = world_new();
	struct waiter waiter;

	(void)state;
	want_name(&w->a, "b.ntm.example", &waiter);
	tunnels_stop(w->a.tunnels);
	assert_int_equal(waiter.calls, 1);
	assert_int_equal(waiter.err, -ECANCELED);
	assert_int_equal(w->a.dc.cancels, 1);
	world_free(w);
}

static void freeing_sends_nothing(void **state)
{
	struct world *w = world_up();

	(void)state;
	send_mark(&w->a, &(struct ntm_ip){.family = 4, .b = {198, 18, 0, 77}}, 1);
	run(w, 50);
	assert_null(w->first);
	tunnels_free(w->a.tunnels);
	assert_null(w->first);
	assert_int_equal(w->a.icmp, 0);
	w->a.tunnels = NULL;
	world_free(w);
	tunnels_free(NULL);
}

static void an_idle_tunnel_is_closed(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->a.settings.idle_ms = 20000;
	want_name(&w->a, "b.ntm.example", NULL);
	direct(&w->a, 0);
	run(w, 100);
	for (unsigned i = 0; i < 3; i++) {
		run(w, 15000);
		send_mark(&w->b, &w->a.lease.vip4, 1); /* what comes in counts too */
	}
	run(w, 19000);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	run(w, 6100);
	assert_int_equal(tunnel_count(&w->a), 0);
	assert_int_equal(w->b.closes_in, 1);
	run(w, TUNNEL_CLOSED_MS);
	assert_int_equal(tunnel_count(&w->b), 0);
	world_free(w);
}

static void the_dc_is_asked_again_about_a_silent_peer(void **state)
{
	struct world *w = world_up();

	(void)state;
	w->b.is_deaf = true;
	for (unsigned i = 0; i < 4; i++) {
		send_mark(&w->a, &w->b.lease.vip4, 1);
		run(w, 1000);
	}
	/* Once no path works; more when the DC has answered. */
	for (unsigned i = 0; i < 10; i++) {
		send_mark(&w->a, &w->b.lease.vip4, 1);
		run(w, 1000);
	}
	assert_int_equal(w->a.dc.count, 2);
	assert_int_equal(ask_of(&w->a, 1)->reason, NTM_REASON_MOVE);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	/* An error about it changes nothing: the link itself ends it when it is time. */
	answer_error(&w->a, 1, NTM_DIR_OFFLINE, "b is offline");
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	w->b.is_deaf = false;
	run(w, 20000);
	send_mark(&w->a, &w->b.lease.vip4, 42);
	run(w, 100);
	assert_int_equal(w->b.marks[w->b.inner - 1], 42);
	world_free(w);
}

static void a_peer_that_answers_is_not_asked_about(void **state)
{
	struct world *w = world_up();

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		send_mark(&w->a, &w->b.lease.vip4, 1); /* one way only */
		run(w, 1000);
	}
	assert_int_equal(w->a.dc.count, 1);
	world_free(w);
}

static void a_dead_peer_ends_the_tunnel(void **state)
{
	struct world *w = world_up();

	(void)state;
	w->b.is_deaf = true;
	send_mark(&w->a, &w->b.lease.vip4, 1);
	run(w, 185000);
	assert_int_equal(tunnel_count(&w->a), 0);
	assert_int_equal(ntm_links_count(w->a.links), 0);
	world_free(w);
}

static void revoke(struct side *s, const struct side *peer)
{
	struct ntm_msg_revoked revoked = {.serial = peer->cert.serial};

	memcpy(revoked.key, peer->lease.keys.pub, NTM_KEY_LEN);
	tunnels_on_revoked(s->tunnels, &revoked);
}

/* security.md 2.3: torn down at once. */
static void a_revoked_peer_loses_its_tunnel(void **state)
{
	struct world *w = world_up();

	(void)state;
	revoke(&w->a, &w->b);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_FAILED);
	assert_int_equal(ntm_links_count(w->a.links), 0);
	assert_int_equal(tunnel_fail_code(tunnel_find(w->a.tunnels, &w->b.lease.vip4)),
			 NTM_DIR_FORBIDDEN);
	revoke(&w->a, &w->b); /* a copy */
	run(w, 100);
	assert_int_equal(w->b.closes_in, 1);
	send_mark(&w->a, &w->b.lease.vip4, 1);
	assert_int_equal(w->a.icmp, 1);
	assert_int_equal(w->a.icmp_code, 13); /* forbidden */
	world_free(w);
}

static void a_revoked_peer_fails_who_waits_for_it(void **state)
{
	struct world *w = world_new();
	struct waiter waiter;

	(void)state;
	w->b.is_deaf = true;
	want_name(&w->a, "b.ntm.example", &waiter);
	direct(&w->a, 0);
	run(w, 100);
	revoke(&w->a, &w->b);
	assert_int_equal(waiter.calls, 1);
	assert_int_equal(waiter.err, -EACCES);
	world_free(w);
}

static void a_revocation_concerns_nobody_else(void **state)
{
	struct world *w = world_up();
	struct ntm_msg_revoked revoked = {.serial = 9, .key = {9}};

	(void)state;
	tunnels_on_revoked(w->a.tunnels, &revoked);
	revoke(&w->a, &w->a);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	world_free(w);
}

/* ---- what is shown ---- */

static void tunnels_are_shown(void **state)
{
	struct world *w = world_up();

	(void)state;
	send_mark(&w->a, &w->b.lease.vip4, 1);
	want_name(&w->a, "c.ntm.example", NULL);
	answer_error(&w->a, 1, NTM_DIR_OFFLINE, "c is offline");
	json_t *json = tunnels_json(w->a.tunnels);
	assert_int_equal(json_array_size(json), 2);
	const json_t *failed = json_array_get(json, 0), *up = json_array_get(json, 1);
	assert_string_equal(json_string_value(json_object_get(up, "peer")), "b.ntm.example");
	assert_string_equal(json_string_value(json_object_get(up, "state")), "up");
	assert_string_equal(json_string_value(json_object_get(up, "vip4")), "198.18.0.2");
	assert_string_equal(json_string_value(json_object_get(up, "via")), "192.0.2.2:4330");
	assert_int_equal(json_integer_value(json_object_get(up, "packets_out")), 1);
	assert_string_equal(json_string_value(json_object_get(failed, "state")), "failed");
	assert_string_equal(json_string_value(json_object_get(failed, "error")), "c is offline");
	json_decref(json);
	world_free(w);
}

/* The words of a failed direction n, a second later than the one before. */
static void fail_one(struct world *w, const char *name, const char *words)
{
	run(w, 1000);
	want_name(&w->a, name, NULL);
	answer_error(&w->a, w->a.dc.count - 1, NTM_DIR_NO_DC, words);
}

static void assert_error(const json_t *json, size_t n, int ago_s, const char *peer,
			 const char *words)
{
	const json_t *error = json_array_get(json, n);

	assert_int_equal(json_integer_value(json_object_get(error, "ago_s")), ago_s);
	assert_string_equal(json_string_value(json_object_get(error, "peer")), peer);
	assert_string_equal(json_string_value(json_object_get(error, "words")), words);
}

static void the_last_errors_are_shown(void **state)
{
	struct world *w = world_new();
	char name[40];

	(void)state;
	json_t *json = tunnels_errors_json(w->a.tunnels);
	assert_int_equal(json_array_size(json), 0);
	json_decref(json);
	for (int i = 0; i < TUNNEL_FAILURES + 2; i++) {
		snprintf(name, sizeof(name), "n%d.ntm.example", i);
		fail_one(w, name, i % 2 ? "odd" : "");
	}
	run(w, 3000);
	json = tunnels_errors_json(w->a.tunnels);
	assert_int_equal(json_array_size(json), TUNNEL_FAILURES);
	assert_error(json, 0, 3, "n9.ntm.example", "odd");
	/* A DC without words: the name of its code. */
	assert_error(json, 1, 4, "n8.ntm.example", ntm_direction_code_name(NTM_DIR_NO_DC));
	assert_error(json, 7, 10, "n2.ntm.example", ntm_direction_code_name(NTM_DIR_NO_DC));
	json_decref(json);
	world_free(w);
}

/* One peer that is asked for all the time does not push the others out. */
static void an_error_again_takes_one_place(void **state)
{
	struct world *w = world_new();

	(void)state;
	fail_one(w, "c.ntm.example", "is offline");
	for (int i = 0; i < 3; i++) {
		fail_one(w, "d.ntm.example", "is offline");
		run(w, TUNNEL_NEGATIVE_MS + 100);
	}
	fail_one(w, "d.ntm.example", "is away");
	/* The host asks for www.example.org.ntm.example, say. */
	want_name(&w->a, "e.ntm.example", NULL);
	answer_error(&w->a, w->a.dc.count - 1, NTM_DIR_NO_SUCH_NAME, "no such name");
	want_name(&w->a, "dc.ntm.example", NULL);
	answer_error(&w->a, w->a.dc.count - 1, NTM_DIR_NOT_NTM, "not a node");
	json_t *json = tunnels_errors_json(w->a.tunnels);
	assert_int_equal(json_array_size(json), 3);
	assert_error(json, 0, 0, "d.ntm.example", "is away");
	assert_error(json, 1, 6, "d.ntm.example", "is offline");
	assert_string_equal(json_string_value(json_object_get(json_array_get(json, 2), "peer")),
			    "c.ntm.example");
	json_decref(json);
	world_free(w);
}

static void states_have_names(void **state)
{
	static const char *const names[] = {"idle", "directing", "connecting", "up", "failed"};

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(tunnel_state_name((enum tunnel_state)i), names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_asked_once),
		cmocka_unit_test(a_vip_is_asked_with_the_sip_flag),
		cmocka_unit_test(ourselves_are_never_asked_for),
		cmocka_unit_test(a_request_that_cannot_be_made_leaves_no_tunnel),
		cmocka_unit_test(the_table_is_bounded),
		cmocka_unit_test(up_answers_all_who_wait),
		cmocka_unit_test(the_peer_comes_up_without_asking),
		cmocka_unit_test(a_tunnel_that_the_peer_asked_for_ends_our_asking),
		cmocka_unit_test(cancelled_waits_hear_nothing),
		cmocka_unit_test(who_waits_longest_hears_first),
		cmocka_unit_test(a_wait_may_cancel_another_when_it_is_called),
		cmocka_unit_test(who_asks_again_at_once_is_refused),
		cmocka_unit_test(stopping_calls_nobody_twice),
		cmocka_unit_test(the_dcs_errors_are_told),
		cmocka_unit_test(a_failure_is_remembered_for_a_while),
		cmocka_unit_test(a_silent_dc_fails_the_tunnel),
		cmocka_unit_test(a_dc_that_is_back_is_asked_again),
		cmocka_unit_test(a_silent_peer_fails_the_tunnel),
		cmocka_unit_test(the_peer_may_come_while_we_remember_a_failure),
		cmocka_unit_test(a_closed_tunnel_is_forgotten_on_both_sides),
		cmocka_unit_test(a_closed_tunnel_may_come_back_at_once),
		cmocka_unit_test(stopping_answers_waits),
		cmocka_unit_test(freeing_sends_nothing),
		cmocka_unit_test(an_idle_tunnel_is_closed),
		cmocka_unit_test(the_dc_is_asked_again_about_a_silent_peer),
		cmocka_unit_test(a_peer_that_answers_is_not_asked_about),
		cmocka_unit_test(a_dead_peer_ends_the_tunnel),
		cmocka_unit_test(a_revoked_peer_loses_its_tunnel),
		cmocka_unit_test(a_revoked_peer_fails_who_waits_for_it),
		cmocka_unit_test(a_revocation_concerns_nobody_else),
		cmocka_unit_test(tunnels_are_shown),
		cmocka_unit_test(the_last_errors_are_shown),
		cmocka_unit_test(an_error_again_takes_one_place),
		cmocka_unit_test(states_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
