/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of flows: who may release a side, copies and forgeries of it, quotas, reports, draining.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relayworld.h"

static size_t write_release(const struct pass *pass, uint32_t generation,
			    uint8_t out[static NTM_RELAY_FRAME_MAX])
{
	struct ntm_relay_frame frame = {.type = NTM_FRAME_RELEASE,
					.generation = generation,
					.ticket = pass->sealed};

	return ntm_relay_frame_write(&frame, pass->ticket.bind_key, out);
}

/* Nothing is ever answered. */
static void release(struct world *w, const struct pass *pass, const struct ntm_addr *from,
		    uint32_t generation)
{
	uint8_t frame[NTM_RELAY_FRAME_MAX];

	assert_null(ask(w, from, frame, write_release(pass, generation, frame)));
}

static uint64_t released(const struct world *w)
{
	return w->relay->counters.released;
}

static struct pair usual_pair(struct world *w)
{
	return pair_up(w, 7, "192.0.2.1:7000", "192.0.2.2:7000");
}

/* The flow is over with the second one, at once. */
static void test_both_sides(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = usual_pair(w);

	(void)state;
	release(w, &pair.pass[0], &pair.addr[0], 2);
	assert_int_equal(released(w), 1);
	assert_int_equal(relay_flow_count(w->relay), 1);
	/* The other one may still send; it gets no UNBOUND for it, and is told by its next BOUND.
	 */
	assert_null(relayed(w, &pair.addr[1], pair.label));
	assert_int_equal(w->out_count, 0);
	assert_int_equal(drops_of(w, RELAY_DROP_PEER_UNBOUND), 1);
	struct ntm_relay_frame bound;
	assert_true(bind_to(w, &pair.pass[1], &pair.addr[1], 2, &bound));
	assert_false(bound.peer_bound);
	/* What comes late from the released one is a stranger's. */
	assert_null(relayed(w, &pair.addr[0], pair.label));
	assert_int_equal(drops_of(w, RELAY_DROP_UNKNOWN), 1);
	release(w, &pair.pass[1], &pair.addr[1], 3);
	assert_int_equal(relay_flow_count(w->relay), 0);
	assert_int_equal(w->relay->counters.flows_ended, 1);
	assert_int_equal(ntm_map_count(w->relay->accounts.map), 0);
	world_free(w);
}

static void test_the_other_never_bound(void **state)
{
	struct world *w = world_up(16);
	struct pass pass = pass_for(w, 7, 1);
	struct ntm_addr from = addr_of("192.0.2.1");

	(void)state;
	assert_true(bind_to(w, &pass, &from, 1, NULL));
	release(w, &pass, &from, 2);
	assert_int_equal(relay_flow_count(w->relay), 0);
	world_free(w);
}

/* The node may have another address by now; a forged source changes nothing. */
static void test_from_anywhere(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = usual_pair(w);
	struct ntm_addr moved = addr_of("198.51.100.9:9");

	(void)state;
	release(w, &pair.pass[0], &moved, 2);
	release(w, &pair.pass[1], &pair.addr[0], 2);
	assert_int_equal(released(w), 2);
	assert_int_equal(relay_flow_count(w->relay), 0);
	world_free(w);
}

/* No byte of it can be changed, and a peer, who has a ticket of his own, has not ours. */
static void test_forged(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = usual_pair(w);
	struct pass mixed = pair.pass[0];
	uint8_t frame[NTM_RELAY_FRAME_MAX];
	size_t len = write_release(&pair.pass[0], 2, frame);

	(void)state;
	assert_int_equal(len, NTM_RELEASE_LEN);
	for (size_t i = 0; i < len; i++) {
		frame[i] ^= 0x10;
		assert_null(ask(w, &pair.addr[0], frame, len));
		frame[i] ^= 0x10;
	}
	for (size_t cut = 0; cut < len; cut++)
		assert_null(ask(w, &pair.addr[0], frame, cut));
	memcpy(mixed.ticket.bind_key, pair.pass[1].ticket.bind_key, NTM_BIND_KEY_LEN);
	release(w, &mixed, &pair.addr[0], 2);
	struct ntm_addr own = addr_of("203.0.113.50:1");
	release(w, &pair.pass[0], &own, 2);
	assert_int_equal(drops_of(w, RELAY_DROP_SOURCE), 1);
	assert_int_equal(released(w), 0);
	assert_true(ntm_addr_eq(relayed(w, &pair.addr[0], pair.label), &pair.addr[1]));
	assert_null(ask(w, &pair.addr[0], frame, len));
	assert_int_equal(released(w), 1);
	world_free(w);
}

/* Recorded, and sent again: it ends nothing that was bound since, neither while the other side
 * holds the flow, nor in a flow that was made anew. */
static void test_replayed(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = usual_pair(w);
	uint8_t frame[NTM_RELAY_FRAME_MAX];
	size_t len = write_release(&pair.pass[0], 5, frame);

	(void)state;
	assert_null(ask(w, &pair.addr[0], frame, len));
	assert_null(ask(w, &pair.addr[0], frame, len));
	assert_int_equal(drops_of(w, RELAY_DROP_GENERATION), 1);
	assert_true(bind_to(w, &pair.pass[0], &pair.addr[0], 6, NULL));
	assert_null(ask(w, &pair.addr[0], frame, len));
	assert_int_equal(drops_of(w, RELAY_DROP_GENERATION), 2);
	assert_true(ntm_addr_eq(relayed(w, &pair.addr[1], pair.label), &pair.addr[0]));
	release(w, &pair.pass[0], &pair.addr[0], 7);
	release(w, &pair.pass[1], &pair.addr[1], 7);
	assert_int_equal(relay_flow_count(w->relay), 0);
	assert_null(ask(w, &pair.addr[0], frame, len));
	assert_int_equal(drops_of(w, RELAY_DROP_NOT_BOUND), 1);
	for (unsigned side = 0; side < 2; side++)
		assert_true(bind_to(w, &pair.pass[side], &pair.addr[side], 8, NULL));
	assert_null(ask(w, &pair.addr[0], frame, len));
	assert_int_equal(drops_of(w, RELAY_DROP_GENERATION), 3);
	assert_int_equal(released(w), 3);
	assert_int_equal(relay_flow_count(w->relay), 1);
	world_free(w);
}

/* BIND and ANSWER that were recorded before bring nothing back. */
static void test_stays_released(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = usual_pair(w);
	uint8_t cookie[NTM_RELAY_COOKIE_LEN];
	struct ntm_relay_frame bound;

	(void)state;
	assert_true(get_cookie(w, &pair.pass[0], &pair.addr[0], 2, cookie));
	assert_true(say_answer(w, &pair.pass[0], &pair.addr[0], 2, cookie, &bound));
	release(w, &pair.pass[0], &pair.addr[0], 3);
	assert_false(say_answer(w, &pair.pass[0], &pair.addr[0], 2, cookie, &bound));
	assert_false(get_cookie(w, &pair.pass[0], &pair.addr[0], 2, cookie));
	assert_int_equal(drops_of(w, RELAY_DROP_GENERATION), 2);
	assert_true(bind_to(w, &pair.pass[0], &pair.addr[0], 4, &bound));
	assert_true(bound.peer_bound);
	world_free(w);
}

/* It has overtaken the ANSWER of the round before it. */
static void test_too_early(void **state)
{
	struct world *w = world_up(16);
	struct pass pass = pass_for(w, 7, 0), peer = pass_for(w, 7, 1);
	struct ntm_addr a = addr_of("192.0.2.1"), b = addr_of("192.0.2.2");
	uint8_t cookie[NTM_RELAY_COOKIE_LEN];
	struct ntm_relay_frame bound;

	(void)state;
	assert_true(bind_to(w, &peer, &b, 1, NULL));
	assert_true(get_cookie(w, &pass, &a, 1, cookie));
	release(w, &pass, &a, 2);
	assert_int_equal(drops_of(w, RELAY_DROP_NOT_BOUND), 1);
	assert_false(say_answer(w, &pass, &a, 1, cookie, &bound));
	release(w, &peer, &b, 2);
	assert_int_equal(relay_flow_count(w->relay), 0);
	world_free(w);
}

/* An account has room for the next flow as soon as the last one is over, not 180 s later; what is
 * left of the other domain's side keeps its own. */
static void test_gives_quotas_back(void **state)
{
	struct world *w = world_up(16);
	struct ntm_addr from = addr_of("192.0.2.9");
	struct pass next = pass_for(w, 8, 0);

	(void)state;
	w->direction.account_flows = 1;
	dc_directs(w);
	next.ticket.account = 5;
	seal(w, &next);
	struct pair pair = pair_of_account(w, 5, 7, "192.0.2.1:1", "192.0.2.2:1");
	assert_false(bind_to(w, &next, &from, 1, NULL));
	release(w, &pair.pass[0], &pair.addr[0], 2);
	assert_false(bind_to(w, &next, &from, 1, NULL)); /* one side is in it still */
	release(w, &pair.pass[1], &pair.addr[1], 2);
	assert_true(bind_to(w, &next, &from, 1, NULL));
	assert_int_equal(relay_flow_count(w->relay), 1);
	world_free(w);
}

static void test_makes_room(void **state)
{
	struct world *w = world_up(1);
	struct ntm_addr from = addr_of("192.0.2.9");
	struct pass next = pass_for(w, 8, 0);

	(void)state;
	struct pair pair = usual_pair(w);
	assert_false(bind_to(w, &next, &from, 1, NULL));
	for (unsigned i = 0; i < 2; i++)
		release(w, &pair.pass[i], &pair.addr[i], 2);
	assert_true(bind_to(w, &next, &from, 1, NULL));
	world_free(w);
}

static void test_the_dc_hears(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = usual_pair(w);

	(void)state;
	run_ms(w, 2100);
	assert_int_equal(w->report.flows, 1);
	for (unsigned i = 0; i < 2; i++)
		release(w, &pair.pass[i], &pair.addr[i], 2);
	run_ms(w, 2100);
	assert_int_equal(w->report.flows, 0);
	world_free(w);
}

static int64_t left_of(const struct world *w, const char *name)
{
	json_t *json = relay_drain_json(w->relay);
	int64_t value = json_integer_value(json_object_get(json, name));

	json_decref(json);
	return value;
}

static void test_draining(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = usual_pair(w), other = pair_up(w, 8, "192.0.2.3:1", "192.0.2.4:1");
	json_t *status = relay_status_json(w->relay);

	(void)state;
	assert_true(json_is_null(json_object_get(status, "drain")));
	json_decref(status);
	relay_drain(w->relay);
	run_ms(w, 10000);
	assert_int_equal(left_of(w, "flows"), 2);
	assert_int_equal(left_of(w, "silent_s"), NTM_RELAY_IDLE_S - 10);
	assert_int_equal(left_of(w, "at_most_s"), 3600 - 10); /* the tickets' */
	(void)relayed(w, &other.addr[0], other.label);
	assert_int_equal(left_of(w, "silent_s"), NTM_RELAY_IDLE_S);
	for (unsigned i = 0; i < 2; i++)
		release(w, &other.pass[i], &other.addr[i], 2);
	assert_int_equal(left_of(w, "flows"), 1);
	assert_int_equal(left_of(w, "silent_s"), NTM_RELAY_IDLE_S - 10);
	release(w, &pair.pass[0], &pair.addr[0], 2);
	run_ms(w, 5000);
	assert_int_equal(w->drained, 0);
	status = relay_status_json(w->relay);
	json_t *drain = json_object_get(status, "drain");
	assert_int_equal(json_integer_value(json_object_get(drain, "flows")), 1);
	json_decref(status);
	release(w, &pair.pass[1], &pair.addr[1], 2);
	assert_int_equal(w->drained, 0); /* comes from a timer, */
	run_ms(w, 1);
	assert_int_equal(w->drained, 1); /* and does not wait for the next look at the table */
	assert_int_equal(left_of(w, "silent_s") + left_of(w, "at_most_s"), 0);
	run_ms(w, 5000);
	assert_int_equal(w->drained, 1);
	world_free(w);
}

/* All slots come back, whatever the order. */
static void test_crowd(void **state)
{
	enum { FLOWS = 200 };
	struct world *w = world_up(FLOWS);
	static struct pass pass[FLOWS][2];
	struct ntm_addr at[2] = {addr_of("192.0.2.1:1"), addr_of("198.51.100.1:1")};

	(void)state;
	for (uint32_t round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < FLOWS; i++)
			for (uint8_t side = 0; side < 2; side++) {
				at[side].port = (uint16_t)(1000 + i);
				pass[i][side] = pass_for(w, i, side);
				assert_true(bind_to(w, &pass[i][side], &at[side], 1, NULL));
			}
		assert_int_equal(relay_flow_count(w->relay), FLOWS);
		for (uint64_t i = 0; i < 2 * FLOWS; i++) {
			uint64_t k = i * 7 % (2 * FLOWS); /* 7 and 400 have no common factor */

			release(w, &pass[k / 2][k % 2], &at[0], 2);
		}
		assert_int_equal(relay_flow_count(w->relay), 0);
	}
	assert_int_equal(released(w), 3 * 2 * FLOWS);
	assert_int_equal(w->relay->flows.touched, FLOWS);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_sides),    cmocka_unit_test(test_the_other_never_bound),
		cmocka_unit_test(test_from_anywhere), cmocka_unit_test(test_forged),
		cmocka_unit_test(test_replayed),      cmocka_unit_test(test_stays_released),
		cmocka_unit_test(test_too_early),     cmocka_unit_test(test_gives_quotas_back),
		cmocka_unit_test(test_makes_room),    cmocka_unit_test(test_the_dc_hears),
		cmocka_unit_test(test_draining),      cmocka_unit_test(test_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
