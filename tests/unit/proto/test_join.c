/* SPDX-License-Identifier: BSD-2-Clause */
/* Joining: request and answer, an answer that is none, a DC that is silent. */
#include "ntm/join.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct flight {
	struct ntm_addr to;
	size_t len;
	uint8_t data[NTM_PKT_MAX];
};

struct world {
	struct ntm_timers timers;
	struct ntm_keys host_keys, dc_keys;
	struct ntm_links *dc;
	struct ntm_addr dc_addr, host_addr;
	struct ntm_token token;
	struct ntm_join *join;
	bool malformed, refuses;
	unsigned loses; /* so many RESPONSES of the DC */
	struct flight flight[16];
	size_t count;
	unsigned asked, done;
	int err;
	struct ntm_join_answer answer;
};

static void put(struct world *w, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	assert_true(w->count < 16);
	w->flight[w->count].to = *to;
	w->flight[w->count].len = len;
	memcpy(w->flight[w->count++].data, frame, len);
}

static void host_sends(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	put(ctx, to, frame, len);
}

static void dc_sends(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	struct world *w = ctx;

	if (frame[0] == NTM_FRAME_RESPONSE && w->loses > 0)
		w->loses--;
	else
		put(w, to, frame, len);
}

static int dc_accepts(void *ctx, const struct ntm_link_request *req, struct ntm_link_reply *reply)
{
	struct world *w = ctx;
	struct ntm_join_request got;
	struct ntm_join_answer answer = {.cert.len = 3, .cert.data = {1, 2, 3}};

	w->asked++;
	assert_int_equal(req->purpose, NTM_PURPOSE_JOIN);
	assert_memory_equal(req->remote_static, w->host_keys.pub, NTM_KEY_LEN);
	assert_int_equal(ntm_join_request_decode(&got, req->payload, req->payload_len), 0);
	assert_memory_equal(got.secret, w->token.secret, sizeof(got.secret));
	if (w->refuses)
		return -EPERM;
	reply->one_shot = true;
	reply->payload_len =
		ntm_join_answer_encode(&answer, reply->payload, sizeof(reply->payload));
	assert_true(reply->payload_len > 0);
	if (w->malformed)
		reply->payload[0] ^= 0xff;
	return 0;
}

static void on_up(void *ctx, struct ntm_link *link, void *owner, bool fresh)
{
	(void)ctx;
	(void)link;
	(void)owner;
	(void)fresh;
	fail();
}

static void on_down(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why)
{
	(void)ctx;
	(void)link;
	(void)owner;
	(void)why;
	fail();
}

static void on_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	(void)ctx;
	(void)link;
	(void)owner;
	(void)pkt;
	fail();
}

static void on_done(void *ctx, int err, const struct ntm_join_answer *answer)
{
	struct world *w = ctx;

	w->done++;
	w->err = err;
	assert_true((err == 0) == (answer != NULL));
	if (answer != NULL)
		w->answer = *answer;
}

static void run(struct world *w, int64_t ms)
{
	static struct ntm_pkt pkt;

	for (int64_t i = 0; i < ms; i++) {
		for (size_t k = 0; k < w->count; k++) {
			const struct flight flight = w->flight[k];

			ntm_pkt_reset(&pkt);
			memcpy(ntm_pkt_put(&pkt, flight.len), flight.data, flight.len);
			if (ntm_addr_eq(&flight.to, &w->dc_addr))
				ntm_links_input(w->dc, &w->host_addr, &pkt);
			else if (ntm_addr_eq(&flight.to, &w->host_addr))
				ntm_join_input(w->join, &w->dc_addr, &pkt);
		}
		w->count = 0;
		ntm_timers_advance(&w->timers, w->timers.now_ms + 1, w->timers.wall_ms + 1);
		ntm_timers_run(&w->timers);
	}
}

static int setup(void **state)
{
	static const struct ntm_links_ops ops = {.send = dc_sends,
						 .accept = dc_accepts,
						 .up = on_up,
						 .down = on_down,
						 .input = on_input};
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	ntm_timers_init(&w->timers);
	ntm_timers_advance(&w->timers, 1000, 1700000000000);
	ntm_keys_make(&w->host_keys);
	ntm_keys_make(&w->dc_keys);
	w->host_addr = (struct ntm_addr){.ip = ntm_ip_v4(192, 0, 2, 1), .port = 7000};
	w->dc_addr = (struct ntm_addr){.ip = ntm_ip_v4(203, 0, 113, 30), .port = 4330};
	w->token.dc[1] = w->dc_addr;
	memcpy(w->token.dc_key, w->dc_keys.pub, NTM_KEY_LEN);
	memset(w->token.secret, 0x33, sizeof(w->token.secret));
	struct ntm_links_args links = {.ops = &ops,
				       .ctx = w,
				       .keys = &w->dc_keys,
				       .timers = &w->timers};
	w->dc = ntm_links_new(&links);
	assert_non_null(w->dc);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ntm_join_free(w->join);
	ntm_links_free(w->dc);
	assert_int_equal(ntm_timers_next(&w->timers), -1);
	free(w);
	return 0;
}

static void start(struct world *w)
{
	struct ntm_join_args args = {.token = &w->token,
				     .keys = &w->host_keys,
				     .timers = &w->timers,
				     .send = host_sends,
				     .done = on_done,
				     .ctx = w};

	assert_int_equal(ntm_join_start(&args, &w->join), 0);
}

static void test_joins(void **state)
{
	struct world *w = *state;

	start(w);
	run(w, 10);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->answer.cert.len, 3);
	run(w, 10000);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->asked, 1);
}

static void test_malformed_answer(void **state)
{
	struct world *w = *state;

	w->malformed = true;
	start(w);
	run(w, 10);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->err, -EBADMSG);
}

/* A DC that refuses says nothing; it is asked again for a while. */
static void test_silence(void **state)
{
	struct world *w = *state;

	w->refuses = true;
	start(w);
	run(w, 2999);
	assert_int_equal(w->done, 0);
	run(w, 1);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->err, -ETIMEDOUT);
	assert_true(w->asked > 1);
}

/* Nobody is at the first address, and the answer from the second is lost: it is asked once more. */
static void test_lost_answer(void **state)
{
	struct world *w = *state;

	w->token.dc[0] = (struct ntm_addr){.ip = ntm_ip_v4(203, 0, 113, 99), .port = 4330};
	w->loses = 1;
	start(w);
	run(w, 150);
	assert_int_equal(w->asked, 1);
	assert_int_equal(w->done, 0);
	run(w, 1000);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->asked, 2);
}

/* Nobody can have a key like that: nothing is sent, and it ends. */
static void test_impossible_key(void **state)
{
	struct world *w = *state;

	memset(w->token.dc_key, 0, sizeof(w->token.dc_key));
	start(w);
	assert_int_equal(w->count, 0);
	run(w, 3000);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->err, -ETIMEDOUT);
	assert_int_equal(w->asked, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_joins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_impossible_key, setup, teardown),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
