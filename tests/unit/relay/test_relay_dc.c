/* SPDX-License-Identifier: BSD-2-Clause */
/* A relay at its DC: reports, restarts of either, who may begin, revocation, certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "relayworld.h"

#define A "192.0.2.1:7000"
#define B "198.51.100.2:7000"

struct lines {
	unsigned count;
	char last[200];
};

static void keep_line(enum ntm_log_level level, const char *text, void *arg)
{
	struct lines *lines = arg;

	if (level > NTM_LOG_INFO)
		return;
	lines->count++;
	snprintf(lines->last, sizeof(lines->last), "%s", text);
}

static void test_reports(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = pair_up(w, 1, A, B);
	unsigned reports = w->reports;

	(void)state;
	run_ms(w, 10000);
	assert_in_range(w->reports, reports + 4, reports + 6); /* every 2 s */
	assert_int_equal(w->report.flows, 1);
	assert_int_equal(w->report.flows_max, 16);
	assert_int_equal(w->report.own.count, 1);
	assert_true(ntm_addr_eq(&w->report.own.item[0], &w->own));
	assert_true(w->report.boot_id != 0);
	for (int i = 0; i < 4000; i++) {
		run_ms(w, 1);
		(void)relayed(w, &pair.addr[0], pair.label);
	}
	assert_in_range(w->report.kbit_s, PACKET_BITS * 9 / 10, PACKET_BITS * 11 / 10);
	w->direction.report_s = 5;
	dc_directs(w);
	run_ms(w, 5000);
	reports = w->reports;
	run_ms(w, 20000);
	assert_in_range(w->reports, reports + 3, reports + 5);
	world_free(w);
}

static int64_t kbit_now(const struct world *w)
{
	json_t *json = relay_status_json(w->relay);
	int64_t kbit_s = json_integer_value(json_object_get(json, "kbit_s"));

	json_decref(json);
	return kbit_s;
}

/* The rate is the last second's, also when nobody asks for reports, or asks for many. */
static void test_rate_without_dc(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = pair_up(w, 1, A, B);

	(void)state;
	for (int i = 0; i < 4000; i++) {
		run_ms(w, 1);
		(void)relayed(w, &pair.addr[0], pair.label);
		if (i % 500 == 0)
			relay_addrs_changed(w->relay); /* reports at once */
		if (i > 2000)
			assert_in_range(kbit_now(w), PACKET_BITS * 9 / 10, PACKET_BITS * 11 / 10);
	}
	w->dc_deaf = true;
	run_ms(w, 200000);
	assert_false(ntm_uplink_is_registered(w->relay->uplink));
	assert_int_equal(kbit_now(w), 0);
	pair = pair_up(w, 2, A, B);
	for (int i = 0; i < 3000; i++) {
		run_ms(w, 1);
		(void)relayed(w, &pair.addr[0], pair.label);
	}
	assert_in_range(kbit_now(w), PACKET_BITS * 9 / 10, PACKET_BITS * 11 / 10);
	world_free(w);
}

/* The host got another address: the DC hears of it at once, and nothing comes from there. */
static void test_own_address_changes(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = pair_up(w, 1, A, B);
	struct ntm_addr former = w->own;
	unsigned reports = w->reports;

	(void)state;
	assert_null(relayed(w, &former, 0x12345678));
	assert_int_equal(drops_of(w, RELAY_DROP_SOURCE), 1);
	w->own = addr_of("203.0.113.99:4331");
	relay_addrs_changed(w->relay);
	run_ms(w, 1);
	assert_int_equal(w->reports, reports + 1);
	assert_int_equal(w->report.own.count, 1);
	assert_true(ntm_addr_eq(&w->report.own.item[0], &w->own));
	assert_null(relayed(w, &w->own, 0x12345678));
	assert_int_equal(w->out_count, 0);
	assert_int_equal(drops_of(w, RELAY_DROP_SOURCE), 2);
	assert_non_null(relayed(w, &pair.addr[0], pair.label)); /* flows go on */
	world_free(w);
}

/* The DC hears the goodbye, and nothing after it. */
static void test_stop(void **state)
{
	struct world *w = world_up(16);
	unsigned reports = w->reports, handshakes = w->handshakes;

	(void)state;
	assert_non_null(w->dc_link);
	relay_stop(w->relay);
	wire_run(w);
	assert_null(w->dc_link);
	assert_false(ntm_uplink_is_registered(w->relay->uplink));
	run_ms(w, 60000);
	assert_int_equal(w->reports, reports);
	assert_int_equal(w->handshakes, handshakes);
	world_free(w);
}

/* A DC that was restarted has lost the session: it is called again within a round of retries. */
static void test_dc_restarts(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = pair_up(w, 1, A, B);
	unsigned reports = w->reports, handshakes = w->handshakes;

	(void)state;
	dc_stop(w);
	dc_start(w);
	run_ms(w, 3000);
	assert_true(w->reports > reports);
	assert_int_equal(w->handshakes, handshakes + 1);
	assert_non_null(relayed(w, &pair.addr[0], pair.label));
	world_free(w);
}

/* A relay that was restarted, and its DC, begin at once; which of both goes on is said by their
 * keys. */
static void cross(bool dc_is_lower)
{
	struct world *w = world_new(16);

	while ((memcmp(w->dc_keys.pub, w->lease.keys.pub, NTM_KEY_LEN) < 0) != dc_is_lower) {
		world_free(w);
		w = world_new(16);
	}
	const struct ntm_link_args args = {.purpose = NTM_PURPOSE_RELAY,
					   .remote_static = w->lease.keys.pub,
					   .owner = w,
					   .candidates = &w->own,
					   .candidate_count = 1,
					   .initiator = true};
	w->dc_deaf = true;
	run_ms(w, 10);
	w->dc_deaf = false;
	assert_int_equal(ntm_link_open(w->dc_links, &args, &w->dc_link), 0);
	run_ms(w, 500);
	assert_true(ntm_uplink_is_registered(w->relay->uplink));
	assert_int_equal(drops_of(w, RELAY_DROP_STRANGER), 0);
	world_free(w);
}

static void test_dc_begins(void **state)
{
	(void)state;
	cross(true);
	cross(false);
}

/* Only from where the lease says that it is, before it was heard. */
static void test_stranger_begins(void **state)
{
	struct world *w = world_new(16);
	uint8_t frame[NTM_HANDSHAKE_MAX] = {NTM_FRAME_INITIATION};
	struct ntm_addr port = w->dc_addr, other = addr_of("203.0.113.31:4330");

	(void)state;
	port.port++;
	assert_null(relay_input(w->relay, &port, frame, sizeof(frame)));
	assert_null(relay_input(w->relay, &other, frame, sizeof(frame)));
	assert_int_equal(drops_of(w, RELAY_DROP_STRANGER), 2);
	assert_null(relay_input(w->relay, &w->dc_addr, frame, sizeof(frame)));
	assert_int_equal(drops_of(w, RELAY_DROP_STRANGER), 2);
	world_free(w);
}

static bool is_ended(const struct world *w)
{
	json_t *json = relay_status_json(w->relay);
	bool is_ended = json_is_true(json_object_get(json, "ended"));

	json_decref(json);
	return is_ended;
}

/* A relay that is revoked says so, and is not only without its DC; until it is taken again. */
static void test_dc_ends_it(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = pair_up(w, 1, A, B);
	struct lines lines = {.count = 0};

	(void)state;
	assert_false(is_ended(w));
	ntm_log_set_sink(keep_line, &lines);
	ntm_ctl_set_link(w->dc_ctl, NULL);
	ntm_link_close(w->dc_link, 2);
	ntm_link_free(w->dc_link);
	w->dc_link = NULL;
	w->dc_deaf = true;
	run_ms(w, 1000);
	assert_true(is_ended(w));
	assert_non_null(strstr(lines.last, "relay1.ntm.example was revoked"));
	assert_non_null(relayed(w, &pair.addr[0], pair.label));
	run_ms(w, 60000);
	assert_true(is_ended(w));
	w->dc_deaf = false;
	run_ms(w, 15000);
	assert_true(ntm_uplink_is_registered(w->relay->uplink));
	assert_false(is_ended(w));
	/* A DC that is only away has ended nothing. */
	w->dc_deaf = true;
	run_ms(w, 600000);
	assert_false(ntm_uplink_is_registered(w->relay->uplink));
	assert_false(is_ended(w));
	world_free(w);
}

/* Without its DC the relay goes on with the keys that it has. */
static void test_dc_is_gone(void **state)
{
	struct world *w = world_up(16);
	struct pair pair = pair_up(w, 1, A, B);
	struct pass late = pass_for(w, 2, 0);

	(void)state;
	w->dc_deaf = true;
	for (int i = 0; i < 600; i++) {
		run_ms(w, 1000);
		assert_non_null(relayed(w, &pair.addr[0], pair.label));
		assert_non_null(relayed(w, &pair.addr[1], pair.label));
	}
	assert_false(ntm_uplink_is_registered(w->relay->uplink));
	assert_true(bind_to(w, &late, &pair.addr[0], 1, NULL));
	w->dc_deaf = false;
	run_ms(w, 15000);
	assert_true(ntm_uplink_is_registered(w->relay->uplink));
	world_free(w);
}

static void test_renewed_cert(void **state)
{
	struct world *w = world_up(16);
	struct ntm_cert_blob former = w->lease.cert;

	(void)state;
	dc_directs(w); /* none: nothing changes */
	w->direction.cert = former;
	dc_directs(w);
	assert_int_equal(w->saved, 0);
	w->direction.cert.data[40] ^= 1;
	dc_directs(w);
	assert_int_equal(w->saved, 0);
	sign_cert(w, &w->direction.cert, 2);
	dc_directs(w);
	dc_directs(w);
	assert_int_equal(w->saved, 1);
	assert_memory_equal(w->lease.cert.data, w->direction.cert.data, w->lease.cert.len);
	world_free(w);
}

/* A relay whose clock is wrong says so, but not every two seconds; and takes it when it is right.
 */
static void test_refused_cert(void **state)
{
	struct world *w = world_up(16);
	struct lines lines = {.count = 0};

	(void)state;
	sign_cert(w, &w->direction.cert, 2);
	w->timers.wall_ms -= INT64_C(86400000);
	ntm_log_set_sink(keep_line, &lines);
	run_ms(w, 60000);
	assert_int_equal(w->saved, 0);
	assert_int_equal(lines.count, 1);
	assert_non_null(strstr(lines.last, "clock"));
	sign_cert(w, &w->direction.cert, 3); /* another one */
	run_ms(w, 60000);
	assert_int_equal(lines.count, 2);
	w->timers.wall_ms += INT64_C(86400000);
	run_ms(w, 10000);
	assert_int_equal(w->saved, 1);
	assert_int_equal(lines.count, 2);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reports),
		cmocka_unit_test(test_rate_without_dc),
		cmocka_unit_test(test_own_address_changes),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_dc_restarts),
		cmocka_unit_test(test_dc_begins),
		cmocka_unit_test(test_stranger_begins),
		cmocka_unit_test(test_dc_ends_it),
		cmocka_unit_test(test_dc_is_gone),
		cmocka_unit_test(test_renewed_cert),
		cmocka_unit_test(test_refused_cert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
