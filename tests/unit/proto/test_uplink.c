/* SPDX-License-Identifier: BSD-2-Clause */
/* A program's link to its DC: registering, liveness, words. The link layer is played, in virtual
 * time; the test is the program and the DC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "link_play.h"

#include "ntm/log.h"
#include "ntm/uplink.h"

#define RESTART_MS  2000
#define REGISTER_MS 5000
#define AGAIN_MS    60000

struct world {
	struct ntm_timers timers;
	struct ntm_addr dc[2];
	uint8_t key[NTM_KEY_LEN];
	struct ntm_uplink *uplink;
	unsigned answers, news, requests, pongs, dones;
	int done_err;
	bool useless; /* the DC's answers */
	int64_t again_ms;
	struct ntm_msg request;
	struct ntm_addr seen_before; /* of the last pong */
	unsigned lines;
	char line[512];
};

static void on_line(enum ntm_log_level level, const char *text, void *arg)
{
	struct world *w = arg;

	assert_int_equal(level, NTM_LOG_WARN);
	w->lines++;
	strcpy(w->line, text);
}

static void fill(void *ctx, struct ntm_msg *msg)
{
	struct world *w = ctx;

	msg->type = NTM_MSG_REGISTER;
	msg->reg.boot_id = ntm_uplink_boot_id(w->uplink);
}

static void on_answer(void *ctx, const struct ntm_msg *reply)
{
	struct world *w = ctx;

	assert_int_equal(reply->type, NTM_MSG_REGISTERED);
	w->answers++;
	if (!w->useless)
		w->news +=
			ntm_uplink_registered(w->uplink, &reply->registered.reflexive, w->again_ms);
}

static void on_request(void *ctx, const struct ntm_msg *req)
{
	struct world *w = ctx;

	w->requests++;
	w->request = *req;
}

static void on_pong(void *ctx, const struct ntm_addr *seen)
{
	struct world *w = ctx;

	(void)seen;
	w->pongs++;
	w->seen_before = *ntm_uplink_seen(w->uplink);
}

static void on_done(void *arg, int err, const struct ntm_msg *reply)
{
	struct world *w = arg;

	(void)reply;
	w->dones++;
	w->done_err = err;
}

static struct ntm_uplink *new_uplink(struct world *w)
{
	static const struct ntm_uplink_ops ops = {.fill = fill,
						  .answer = on_answer,
						  .request = on_request,
						  .pong = on_pong};
	const struct ntm_uplink_args args = {
		.timers = &w->timers,
		.purpose = NTM_PURPOSE_RELAY,
		.dc_key = w->key,
		.dc = w->dc,
		.meanwhile = "the test goes on",
		.ops = &ops,
		.ctx = w,
	};
	struct ntm_uplink *uplink = ntm_uplink_new(&args);

	assert_non_null(uplink);
	return uplink;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(ntm_crypto_init(), 0);
	link_play(&w->timers);
	memset(w->key, 7, sizeof(w->key));
	w->dc[0] = addr_of(9, 4330);
	w->dc[1] = addr_of(10, 4331);
	w->again_ms = AGAIN_MS;
	w->uplink = new_uplink(w);
	ntm_log_set_sink(on_line, w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	bool is_clean;

	ntm_uplink_free(w->uplink);
	is_clean = ntm_timers_next(&w->timers) == -1 && link_.frees == link_.opens;
	ntm_log_set_sink(NULL, NULL);
	free(w);
	return is_clean ? 0 : -1;
}

static void pass(struct world *w, int64_t ms)
{
	run_timers(&w->timers, ms);
}

static void come_up(struct world *w)
{
	link_.state = NTM_LINK_UP;
	ntm_uplink_on_up(w->uplink);
}

static void go_down(struct world *w)
{
	link_.state = NTM_LINK_CONNECTING;
	ntm_uplink_on_down(w->uplink);
}

static void start(struct world *w)
{
	assert_int_equal(ntm_uplink_start(w->uplink), 0);
}

/* ---- the DC ---- */

static void input(struct world *w, const struct ntm_msg *msg)
{
	struct ntm_pkt pkt;

	write_msg(&pkt, msg);
	assert_int_equal(ntm_uplink_on_input(w->uplink, &pkt), 0);
}

static struct ntm_msg registered_msg(const struct ntm_addr *seen)
{
	struct ntm_msg msg = {
		.type = NTM_MSG_REGISTERED,
		.is_reply = true,
		.txn = last_of(NTM_MSG_REGISTER)->txn,
		.registered = {.reflexive = *seen, .lifetime_s = 1},
	};

	msg.registered.vip4 = ntm_ip_v4(198, 18, 0, 1);
	msg.registered.prefixes.count = 1;
	assert_int_equal(ntm_prefix_parse(&msg.registered.prefixes.item[0], "198.18.0.0/16"), 0);
	msg.registered.suffixes.count = 1;
	strcpy(msg.registered.suffixes.item[0], "ntm.example");
	msg.registered.cert.len = 200;
	return msg;
}

static void answer_seen(struct world *w, const struct ntm_addr *seen)
{
	struct ntm_msg msg = registered_msg(seen);

	input(w, &msg);
}

static void answer_register(struct world *w)
{
	const struct ntm_addr seen = addr_of(1, 4330);

	answer_seen(w, &seen);
}

static void answer_ping(struct world *w, const struct ntm_addr *seen)
{
	const struct ntm_msg *ping = last_of(NTM_MSG_PING);
	struct ntm_msg msg = {.type = NTM_MSG_PONG, .is_reply = true, .txn = ping->txn};

	memcpy(msg.pong.token, ping->ping.token, sizeof(msg.pong.token));
	msg.pong.seen = *seen;
	input(w, &msg);
}

static void register_once(struct world *w)
{
	start(w);
	come_up(w);
	answer_register(w);
	assert_true(ntm_uplink_is_registered(w->uplink));
}

/* Any request, as tunnels make them. */
static uint32_t request(struct world *w)
{
	struct ntm_msg msg = {.type = NTM_MSG_DIRECTION_REQUEST};
	uint32_t txn = 0;

	strcpy(msg.direction_request.fqdn_mn, "a.ntm.example");
	strcpy(msg.direction_request.fqdn_cn, "b.ntm.example");
	msg.direction_request.reason = NTM_REASON_NAME;
	assert_int_equal(ntm_ctl_request(ntm_uplink_ctl(w->uplink), &msg, on_done, w, &txn), 0);
	return txn;
}

static void answer_request(struct world *w, uint32_t txn)
{
	struct ntm_msg msg = {.type = NTM_MSG_DIRECTION_ERROR, .is_reply = true, .txn = txn};

	msg.direction_error.code = NTM_DIR_OFFLINE;
	strcpy(msg.direction_error.words, "b is offline");
	input(w, &msg);
}

/* ---- the link ---- */

static void the_link_goes_to_all_addresses_and_never_gives_up(void **state)
{
	struct world *w = *state;

	start(w);
	assert_int_equal(link_.args.purpose, NTM_PURPOSE_RELAY);
	assert_ptr_equal(link_.args.remote_static, w->key);
	assert_ptr_equal(link_.args.owner, w->uplink);
	assert_true(link_.args.initiator && link_.args.persistent);
	assert_int_equal(link_.candidate_count, 2);
	assert_true(ntm_addr_eq(&link_.candidates[0], &w->dc[0]));
	assert_true(ntm_addr_eq(&link_.candidates[1], &w->dc[1]));
	assert_ptr_equal(ntm_uplink_link(w->uplink), &link_);
	assert_int_equal(link_.sent_count, 0);
}

static void an_unused_address_is_left_out(void **state)
{
	struct world *w = *state;

	w->dc[0] = (struct ntm_addr){0};
	start(w);
	assert_int_equal(link_.candidate_count, 1);
	assert_true(ntm_addr_eq(&link_.candidates[0], &w->dc[1]));
}

static void a_link_that_cannot_be_opened_is_told(void **state)
{
	struct world *w = *state;

	open_err = -ENOMEM;
	assert_int_equal(ntm_uplink_start(w->uplink), -ENOMEM);
	assert_null(ntm_uplink_link(w->uplink));
	/* All the rest is harmless. */
	ntm_uplink_register(w->uplink);
	ntm_uplink_ping(w->uplink);
	request(w);
	pass(w, 10000);
	assert_int_equal(w->done_err, -ETIMEDOUT);
	ntm_uplink_stop(w->uplink);
	assert_int_equal(w->lines, 0);
}

/* ---- registering ---- */

static void every_session_registers(void **state)
{
	struct world *w = *state;

	register_once(w);
	unsigned before = count_of(NTM_MSG_REGISTER);
	uint64_t boot_id = last_of(NTM_MSG_REGISTER)->reg.boot_id;
	ntm_uplink_on_up(w->uplink); /* a rekey, or a DC that was restarted */
	assert_int_equal(count_of(NTM_MSG_REGISTER), before + 1);
	assert_true(last_of(NTM_MSG_REGISTER)->reg.boot_id == boot_id);
	/* Another life, another number. */
	struct ntm_uplink *next = new_uplink(w);
	assert_true(ntm_uplink_boot_id(next) != boot_id);
	ntm_uplink_free(next);
}

static void registering_is_news_once_and_after_a_loss(void **state)
{
	struct world *w = *state;

	register_once(w);
	assert_int_equal(w->news, 1);
	ntm_uplink_on_up(w->uplink);
	answer_register(w);
	assert_int_equal(w->answers, 2);
	assert_int_equal(w->news, 1);
	go_down(w);
	assert_false(ntm_uplink_is_registered(w->uplink));
	come_up(w);
	answer_register(w);
	assert_int_equal(w->news, 2);
}

/* From when it was told, not from when it answered. */
static void the_dc_is_told_again_when_it_wants(void **state)
{
	struct world *w = *state;

	w->again_ms = 3000;
	start(w);
	come_up(w);
	pass(w, 150);
	answer_register(w);
	unsigned before = count_of(NTM_MSG_REGISTER);
	pass(w, 2849);
	assert_int_equal(count_of(NTM_MSG_REGISTER), before);
	pass(w, 1);
	assert_int_equal(count_of(NTM_MSG_REGISTER), before + 1);
	/* Unanswered it is not later than that. */
	uint32_t txn = last_of(NTM_MSG_REGISTER)->txn;
	pass(w, 2999);
	assert_int_equal(last_of(NTM_MSG_REGISTER)->txn, txn);
	pass(w, 1);
	assert_int_not_equal(last_of(NTM_MSG_REGISTER)->txn, txn);
}

/* Whatever the DC wants: neither in a loop, nor never again. */
static void how_often_is_bounded(void **state)
{
	struct world *w = *state;

	w->again_ms = 0;
	register_once(w);
	pass(w, 999);
	assert_int_equal(count_of(NTM_MSG_REGISTER), 1);
	pass(w, 1);
	assert_int_equal(count_of(NTM_MSG_REGISTER), 2);
	w->again_ms = (int64_t)UINT32_MAX * 1000;
	answer_register(w);
	pass(w, 12 * 3600 * 1000 - 1);
	assert_int_equal(count_of(NTM_MSG_REGISTER), 2);
	pass(w, 1);
	assert_int_equal(count_of(NTM_MSG_REGISTER), 3);
}

/* A DC that answers everything but this: its store may be locked. */
static void registering_is_tried_again(void **state)
{
	struct world *w = *state;

	register_once(w);
	ntm_uplink_on_up(w->uplink);
	pass(w, REGISTER_MS - 1);
	uint32_t txn = last_of(NTM_MSG_REGISTER)->txn;
	pass(w, 1);
	assert_int_not_equal(last_of(NTM_MSG_REGISTER)->txn, txn);
	txn = last_of(NTM_MSG_REGISTER)->txn;
	pass(w, REGISTER_MS);
	assert_int_not_equal(last_of(NTM_MSG_REGISTER)->txn, txn);
	answer_register(w);
	txn = last_of(NTM_MSG_REGISTER)->txn;
	pass(w, 2 * REGISTER_MS);
	assert_int_equal(last_of(NTM_MSG_REGISTER)->txn, txn);
}

static void an_answer_of_no_use_is_asked_for_again(void **state)
{
	struct world *w = *state;

	w->useless = true;
	start(w);
	come_up(w);
	answer_register(w);
	assert_int_equal(w->answers, 1);
	assert_false(ntm_uplink_is_registered(w->uplink));
	uint32_t txn = last_of(NTM_MSG_REGISTER)->txn;
	pass(w, REGISTER_MS - 1);
	assert_int_equal(last_of(NTM_MSG_REGISTER)->txn, txn);
	pass(w, 1);
	assert_int_not_equal(last_of(NTM_MSG_REGISTER)->txn, txn);
}

static void registering_waits_for_room(void **state)
{
	struct world *w = *state;

	start(w);
	for (unsigned i = 0; i < NTM_CTL_OPEN_MAX; i++)
		request(w);
	come_up(w);
	assert_int_equal(count_of(NTM_MSG_REGISTER), 0);
	pass(w, REGISTER_MS);
	assert_true(count_of(NTM_MSG_REGISTER) > 0);
	answer_register(w);
	assert_true(ntm_uplink_is_registered(w->uplink));
}

static void registering_replaces_what_is_under_way(void **state)
{
	struct world *w = *state;
	const struct ntm_addr seen = addr_of(1, 4330);

	register_once(w);
	ntm_uplink_register(w->uplink);
	struct ntm_msg old = registered_msg(&seen);
	ntm_uplink_register(w->uplink);
	uint32_t txn = last_of(NTM_MSG_REGISTER)->txn;
	assert_int_not_equal(txn, old.txn);
	input(w, &old); /* about what is not so any more */
	assert_int_equal(w->answers, 1);
	answer_register(w);
	assert_int_equal(w->answers, 2);
	/* Without a session the next one registers. */
	go_down(w);
	size_t before = link_.sent_count;
	ntm_uplink_register(w->uplink);
	pass(w, 2 * AGAIN_MS);
	assert_int_equal(link_.sent_count, before);
	come_up(w);
	assert_true(link_.sent_count > before);
}

static void another_place_that_the_dc_sees_registers(void **state)
{
	struct world *w = *state;
	const struct ntm_addr here = addr_of(1, 4330), there = addr_of(1, 5000);

	start(w);
	come_up(w);
	ntm_uplink_ping(w->uplink); /* not before it is registered */
	assert_int_equal(count_of(NTM_MSG_PING), 0);
	answer_register(w);
	unsigned before = count_of(NTM_MSG_REGISTER);
	ntm_uplink_ping(w->uplink);
	answer_ping(w, &here);
	assert_int_equal(w->pongs, 1);
	assert_int_equal(count_of(NTM_MSG_REGISTER), before);
	ntm_uplink_ping(w->uplink);
	answer_ping(w, &there);
	assert_int_equal(w->pongs, 2);
	assert_true(ntm_addr_eq(&w->seen_before, &here));
	assert_int_equal(count_of(NTM_MSG_REGISTER), before + 1);
	answer_seen(w, &there);
	assert_true(ntm_addr_eq(ntm_uplink_seen(w->uplink), &there));
	/* Too late: what it says is about a session that is gone. */
	ntm_uplink_ping(w->uplink);
	go_down(w);
	answer_ping(w, &here);
	assert_int_equal(w->pongs, 2);
}

/* ---- silence ---- */

/* sip.md 1: nothing is held then. */
static void a_dc_that_never_answered_does_not_answer(void **state)
{
	struct world *w = *state;

	assert_false(ntm_uplink_answers(w->uplink));
	start(w);
	request(w);
	pass(w, 10000);
	assert_false(ntm_uplink_answers(w->uplink));
	come_up(w);
	assert_false(ntm_uplink_answers(w->uplink));
	answer_register(w);
	assert_true(ntm_uplink_answers(w->uplink));
}

/* design.md 4: a DC that was restarted stays silent for ever. */
static void two_unanswered_copies_start_the_link_over(void **state)
{
	struct world *w = *state;

	register_once(w);
	request(w);
	pass(w, 599);
	assert_int_equal(link_.restarts, 0);
	assert_true(ntm_uplink_answers(w->uplink));
	memset(link_.candidates, 0, sizeof(link_.candidates));
	pass(w, 1);
	assert_int_equal(link_.restarts, 1);
	assert_int_equal(link_.candidate_count, 2);
	assert_true(ntm_addr_eq(&link_.candidates[1], &w->dc[1]));
	assert_false(ntm_uplink_answers(w->uplink));
	assert_true(ntm_uplink_is_registered(w->uplink));
	pass(w, 5000);
	assert_int_equal(w->dones, 1);
	assert_int_equal(w->done_err, -ETIMEDOUT);
	assert_false(ntm_uplink_answers(w->uplink));
}

static void the_link_is_not_started_over_all_the_time(void **state)
{
	struct world *w = *state;

	register_once(w);
	for (unsigned i = 0; i < 40; i++) {
		request(w);
		pass(w, 100);
	}
	/* At 600 ms, and when RESTART_MS have passed. */
	assert_int_equal(link_.restarts, 2);
}

static void an_answer_ends_the_silence(void **state)
{
	struct world *w = *state;

	register_once(w);
	uint32_t txn = request(w);
	pass(w, 700);
	assert_false(ntm_uplink_answers(w->uplink));
	answer_request(w, txn);
	assert_true(ntm_uplink_answers(w->uplink));
	assert_int_equal(w->dones, 1);
	assert_int_equal(w->done_err, 0);
}

static void garbage_does_not_end_the_silence(void **state)
{
	struct world *w = *state;
	struct ntm_pkt pkt;

	register_once(w);
	request(w);
	pass(w, 700);
	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, 4), "\x01\xff\xff\xff", 4);
	assert_int_not_equal(ntm_uplink_on_input(w->uplink, &pkt), 0);
	assert_false(ntm_uplink_answers(w->uplink));
}

/* The DC answers a direction only when the peer has: a dead peer is no dead DC. */
static void a_dc_that_answers_other_things_is_not_silent(void **state)
{
	struct world *w = *state;

	register_once(w);
	uint32_t txn = request(w);
	pass(w, 600);
	assert_int_equal(link_.restarts, 1);
	pass(w, 20);
	ntm_uplink_on_up(w->uplink);
	answer_register(w);
	for (unsigned i = 0; i < 18; i++) {
		pass(w, 100);
		assert_true(ntm_uplink_answers(w->uplink));
	}
	assert_int_equal(link_.restarts, 1);
	assert_int_equal(w->lines, 0);
	answer_request(w, txn);
	assert_int_equal(w->dones, 1);
}

/* So is one that asks us something. */
static void a_request_of_the_dc_ends_the_silence(void **state)
{
	struct world *w = *state;
	const struct ntm_msg req = {.type = NTM_MSG_REVOKED, .txn = 99, .revoked = {.serial = 5}};

	register_once(w);
	request(w);
	pass(w, 600);
	assert_false(ntm_uplink_answers(w->uplink));
	input(w, &req);
	assert_true(ntm_uplink_answers(w->uplink));
	pass(w, 1900);
	assert_true(ntm_uplink_answers(w->uplink));
	assert_int_equal(w->lines, 0);
}

static void a_lost_dc_does_not_answer(void **state)
{
	struct world *w = *state;

	register_once(w);
	go_down(w);
	assert_false(ntm_uplink_answers(w->uplink));
	come_up(w);
	assert_false(ntm_uplink_answers(w->uplink));
	answer_register(w);
	assert_true(ntm_uplink_answers(w->uplink));
}

/* ---- words ---- */

static void silence_is_complained_of_once(void **state)
{
	struct world *w = *state;

	register_once(w);
	uint32_t txn = request(w);
	pass(w, 1399); /* started over at 600: it may just have been restarted */
	assert_int_equal(w->lines, 0);
	pass(w, 1);
	assert_int_equal(w->lines, 1);
	assert_string_equal(w->line, "the DC at 192.0.2.9:4330 does not answer; the test goes on");
	for (unsigned i = 0; i < 20; i++) {
		txn = request(w);
		pass(w, 1000);
	}
	assert_int_equal(w->lines, 1);
	answer_request(w, txn);
	pass(w, 10000);
	unsigned lines = w->lines;
	request(w);
	pass(w, 1400); /* anew */
	assert_int_equal(w->lines, lines + 1);
}

static void a_loss_is_complained_of(void **state)
{
	struct world *w = *state;

	start(w);
	ntm_uplink_on_down(w->uplink); /* nothing that was there is lost */
	assert_int_equal(w->lines, 0);
	come_up(w);
	answer_register(w);
	go_down(w);
	assert_int_equal(w->lines, 1);
	assert_string_equal(w->line, "lost the DC; the test goes on; trying to reach it again");
	go_down(w);
	assert_int_equal(w->lines, 1);
}

/* ---- requests ---- */

static void open_requests_go_out_when_the_link_is_up(void **state)
{
	struct world *w = *state;

	start(w);
	uint32_t txn = request(w);
	pass(w, 100);
	come_up(w);
	assert_int_equal(count_of(NTM_MSG_DIRECTION_REQUEST), 1);
	/* After REGISTER: before, the DC knows nobody. */
	assert_int_equal(link_.sent[0].type, NTM_MSG_REGISTER);
	assert_int_equal(link_.sent_count, 2);
	answer_request(w, txn);
	assert_int_equal(w->dones, 1);
}

static void requests_of_the_dc_are_passed_on(void **state)
{
	struct world *w = *state;
	struct ntm_msg req = {.type = NTM_MSG_REVOKED, .txn = 99, .revoked = {.serial = 5}};
	struct ntm_msg reply = {.type = NTM_MSG_REVOKED, .revoked = {.serial = 5}};

	register_once(w);
	input(w, &req);
	assert_int_equal(w->requests, 1);
	assert_int_equal(w->request.revoked.serial, 5);
	assert_int_equal(ntm_ctl_reply(ntm_uplink_ctl(w->uplink), &w->request, &reply), 0);
	assert_int_equal(last_of(NTM_MSG_REVOKED)->txn, 99);
	assert_true(last_of(NTM_MSG_REVOKED)->is_reply);
}

/* ---- the end ---- */

static void stopping_says_goodbye(void **state)
{
	struct world *w = *state;

	register_once(w);
	ntm_uplink_stop(w->uplink);
	assert_int_equal(link_.closes, 1);
	assert_false(ntm_uplink_is_registered(w->uplink));
	assert_int_equal(ntm_timers_next(&w->timers), -1);
}

static void after_the_stop_nothing_is_started_over(void **state)
{
	struct world *w = *state;

	register_once(w);
	request(w);
	pass(w, 700);
	assert_int_equal(link_.restarts, 1);
	ntm_uplink_stop(w->uplink);
	pass(w, RESTART_MS + 10000);
	assert_int_equal(link_.restarts, 1);
	assert_int_equal(w->lines, 0);
	assert_int_equal(w->done_err, -ETIMEDOUT);
}

static void freeing_calls_nobody(void **state)
{
	struct world *w = *state;

	register_once(w);
	request(w);
	ntm_uplink_free(w->uplink);
	w->uplink = NULL;
	assert_int_equal(w->dones, 0);
	assert_int_equal(link_.closes, 0);
}

/* ---- status ---- */

static void the_facts(void **state)
{
	struct world *w = *state;
	struct ntm_uplink_facts facts;

	ntm_uplink_facts(w->uplink, &facts);
	assert_string_equal(facts.state, "off");
	assert_string_equal(facts.dc, "none");
	assert_int_equal(facts.rtt_ms, -1);
	start(w);
	ntm_uplink_facts(w->uplink, &facts);
	assert_string_equal(facts.state, "connecting");
	assert_string_equal(facts.dc, "192.0.2.9:4330");
	assert_int_equal(facts.rtt_ms, 12);
	assert_int_equal(facts.registered_s, -1);
	/* Before it has answered it is where it should be. */
	link_.remote = (struct ntm_addr){0};
	ntm_uplink_facts(w->uplink, &facts);
	assert_string_equal(facts.dc, "192.0.2.9:4330");
	w->dc[0] = (struct ntm_addr){0};
	ntm_uplink_facts(w->uplink, &facts);
	assert_string_equal(facts.dc, "192.0.2.10:4331");
	w->dc[1] = (struct ntm_addr){0};
	ntm_uplink_facts(w->uplink, &facts);
	assert_string_equal(facts.dc, "none");
	link_.remote = addr_of(9, 4330);
	come_up(w);
	answer_register(w);
	pass(w, 3000);
	ntm_uplink_register(w->uplink);
	answer_register(w); /* no news */
	ntm_uplink_facts(w->uplink, &facts);
	assert_string_equal(facts.state, "registered");
	assert_string_equal(facts.seen, "192.0.2.1:4330");
	assert_int_equal(facts.registered_s, 3);
	request(w);
	pass(w, 700);
	ntm_uplink_facts(w->uplink, &facts);
	assert_string_equal(facts.state, "silent");
	go_down(w);
	ntm_uplink_facts(w->uplink, &facts);
	assert_string_equal(facts.state, "connecting");
	assert_string_equal(facts.seen, "192.0.2.1:4330");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_link_goes_to_all_addresses_and_never_gives_up),
		TEST(an_unused_address_is_left_out),
		TEST(a_link_that_cannot_be_opened_is_told),
		TEST(every_session_registers),
		TEST(registering_is_news_once_and_after_a_loss),
		TEST(the_dc_is_told_again_when_it_wants),
		TEST(how_often_is_bounded),
		TEST(registering_is_tried_again),
		TEST(an_answer_of_no_use_is_asked_for_again),
		TEST(registering_waits_for_room),
		TEST(registering_replaces_what_is_under_way),
		TEST(another_place_that_the_dc_sees_registers),
		TEST(a_dc_that_never_answered_does_not_answer),
		TEST(two_unanswered_copies_start_the_link_over),
		TEST(the_link_is_not_started_over_all_the_time),
		TEST(an_answer_ends_the_silence),
		TEST(garbage_does_not_end_the_silence),
		TEST(a_dc_that_answers_other_things_is_not_silent),
		TEST(a_request_of_the_dc_ends_the_silence),
		TEST(a_lost_dc_does_not_answer),
		TEST(silence_is_complained_of_once),
		TEST(a_loss_is_complained_of),
		TEST(open_requests_go_out_when_the_link_is_up),
		TEST(requests_of_the_dc_are_passed_on),
		TEST(stopping_says_goodbye),
		TEST(after_the_stop_nothing_is_started_over),
		TEST(freeing_calls_nobody),
		TEST(the_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
