/* SPDX-License-Identifier: BSD-2-Clause */
/* Probes of paths: slow, bad and sleepy networks, and what strangers can make of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/pathsworld.h"

/* Round trips of a satellite: the direct path is found, kept, and left when it dies. */
static void slow_paths(void **unused)
{
	(void)unused;
	for (int64_t rtt = 300; rtt <= 1500; rtt += 300) {
		struct world *w = net_new((uint64_t)rtt);
		struct call call = {0};

		w->delay_ms = rtt / 2;
		net.relay_delay_ms[1] = rtt / 2 + 30;
		net.direct_blocked = true;
		open_both(w, 1);
		run(w, 4 * rtt);
		net.direct_blocked = false;
		for (size_t i = 0; i < 2; i++)
			ntm_link_also(w->host[i].link, &w->host[1 - i].addr[0]);
		talk(w, &call, 20000);
		assert_true(is_direct(w, 0) && is_direct(w, 1));
		unsigned moved = w->host[0].moved;
		talk(w, &call, 60000);
		assert_int_equal(w->host[0].moved, moved);
		assert_int_equal(net.starved, 0);
		net.direct_blocked = true;
		talk(w, &call, 10000);
		assert_in_range(call.gap_ms[0], 20, rtt + 300);
		assert_true(is_relay(w, 0, 1) && is_relay(w, 1, 1));
		world_free(w);
	}
}

/* A line that is full for a while: answers come late, the path is not dead. */
static void a_path_gets_slow(void **unused)
{
	struct world *w = net_new(3);
	struct call call = {0};

	(void)unused;
	open_both(w, 0);
	run(w, 100);
	talk(w, &call, 3000);
	w->delay_ms = 400;
	talk(w, &call, 5000);
	struct ntm_link_path path[NTM_LINK_PATHS];
	assert_int_equal(ntm_link_paths(w->host[0].link, path), 1);
	assert_int_equal(path[0].state, NTM_PATH_WORKS);
	assert_in_range(path[0].rtt_ms, 400, 800);
	assert_int_equal(net.starved, 0);
	world_free(w);
}

/* All ways lose as much: none is better, and no reason to bother places that never answered. */
static void lossy_paths(void **unused)
{
	static const struct {
		unsigned loss, moves;
	} cases[] = {{5, 12}, {10, 12}, {20, 15}, {30, 25}};
	enum { MINUTES = 4, PLACES = 3 };

	(void)unused;
	for (size_t c = 0; c < 4; c++) {
		struct world *w = net_new(c);
		struct call call = {0};

		open_both(w, 2);
		run(w, 500);
		for (uint8_t i = 0; i < PLACES; i++) {
			struct ntm_addr nowhere = {ntm_ip_v4(10, 0, 0, i), 4330};

			ntm_link_also(w->host[0].link, &nowhere);
		}
		talk(w, &call, 3000);
		assert_int_equal(net.strange, PLACES * 6);
		net.direct_loss = net.relay_loss = cases[c].loss;
		net.strange = 0;
		unsigned moved = w->host[0].moved;
		talk(w, &call, MINUTES * 60000);
		assert_in_range(w->host[0].moved - moved, 0, cases[c].moves * MINUTES);
		assert_in_range(net.strange, 0, PLACES * 6 * 3 * MINUTES);
		assert_int_equal(net.starved, 0);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_paths),
		cmocka_unit_test(a_path_gets_slow),
		cmocka_unit_test(lossy_paths),
	};

	world_seed(0);
	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
