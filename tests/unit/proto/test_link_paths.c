/* SPDX-License-Identifier: BSD-2-Clause */
/* Multipath: direct and relayed paths between two hosts, while calls run and paths come and go. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/pathsworld.h"

/* Both behind NATs: the relay carries the call at once; when the probes have opened the NATs, it
 * goes straight, and nothing is lost. */
static void upgrade_loses_nothing(void **unused)
{
	struct world *w = net_new(1);
	struct call call = {0};

	(void)unused;
	net.direct_blocked = true;
	open_both(w, 1);
	run(w, 150);
	assert_int_equal(w->host[0].up + w->host[1].up, 2);
	assert_true(is_relay(w, 0, 1) && is_relay(w, 1, 1));
	talk(w, &call, 300);
	assert_true(is_relay(w, 0, 1) && is_relay(w, 1, 1));
	net.direct_blocked = false;
	talk(w, &call, 1500);
	assert_true(is_direct(w, 0) && is_direct(w, 1));
	run(w, 100);
	assert_int_equal(lost(w, &call, 0) + lost(w, &call, 1), 0);
	assert_int_equal(w->host[0].doubles + w->host[1].doubles, 0);
	assert_int_equal(w->host[0].moved, 1);
	world_free(w);
}

/* A path that does not answer gets six probes, and no more for as long as nothing changes. */
static void silent_path_is_left_alone(void **unused)
{
	struct world *w = net_new(2);
	struct call call = {0};

	(void)unused;
	net.direct_blocked = true;
	open_both(w, 1);
	run(w, 150);
	talk(w, &call, 20000);
	assert_int_equal(net.probes, 12);
	net.probes = 0;
	ntm_link_also(w->host[0].link, &w->host[1].addr[0]); /* a reason to try again */
	talk(w, &call, 5000);
	assert_int_equal(net.probes, 2);
	assert_int_equal(lost(w, &call, 0) + lost(w, &call, 1), 2); /* on the way */
	world_free(w);
}

static void goes_back_to_the_relay(struct world *w, struct call *call)
{
	talk(w, call, 2000);
	assert_in_range(call->gap_ms[0], 20, 300);
	assert_in_range(call->gap_ms[1], 20, 300);
	assert_true(is_relay(w, 0, 1) && is_relay(w, 1, 1));
}

static void direct_path_dies_in_a_call(void **unused)
{
	(void)unused;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct world *w = net_new(seed);
		struct call call = {0};

		open_both(w, 1);
		run(w, 500);
		assert_true(is_direct(w, 0) && is_direct(w, 1));
		talk(w, &call, 1000 + (int64_t)seed * 20);
		run(w, (int64_t)seed % 20);
		net.direct_blocked = true;
		net.one_way = seed % 2;
		goes_back_to_the_relay(w, &call);
		/* When it is well again it is used again, after a while without loss. */
		net.direct_blocked = false;
		talk(w, &call, 10000);
		assert_true(is_direct(w, 0) && is_direct(w, 1));
		assert_int_equal(call.gap_ms[0] > 60 || call.gap_ms[1] > 60, 0);
		assert_int_equal(net.starved, 0);
		world_free(w);
	}
}

static void relay_dies_and_the_spare_takes_over(void **unused)
{
	(void)unused;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world *w = net_new(seed);
		struct call call = {0};

		net.direct_blocked = true;
		open_both(w, 2);
		run(w, 500);
		assert_true(is_relay(w, 0, 1) && is_relay(w, 1, 1)); /* the shorter way */
		talk(w, &call, 1000 + (int64_t)seed * 20);
		net.relay_dead[1] = true;
		talk(w, &call, 1000);
		assert_in_range(call.gap_ms[0], 20, 300);
		assert_in_range(call.gap_ms[1], 20, 300);
		assert_true(is_relay(w, 0, 2) && is_relay(w, 1, 2));
		world_free(w);
	}
}

/* A clean relay beats a direct path that loses, and two of a kind do not take turns. */
static void loss_comes_before_kind(void **unused)
{
	struct world *w = net_new(5);
	struct call call = {0};
	unsigned moved;

	(void)unused;
	open_both(w, 1);
	run(w, 500);
	talk(w, &call, 2000);
	assert_true(is_direct(w, 0) && is_direct(w, 1));
	net.direct_loss = 25;
	talk(w, &call, 10000);
	assert_true(is_relay(w, 0, 1) && is_relay(w, 1, 1));
	moved = w->host[0].moved;
	talk(w, &call, 60000);
	assert_in_range(w->host[0].moved - moved, 0, 2);
	net.direct_loss = 0;
	talk(w, &call, 20000);
	assert_true(is_direct(w, 0) && is_direct(w, 1));
	world_free(w);
}

/* Of two relays the one with the shorter way is used, whichever answered first. */
static void shorter_way(void **unused)
{
	struct world *w = net_new(6);
	struct call call = {0};

	(void)unused;
	net.direct_blocked = true;
	net.relay_dead[1] = true;
	open_both(w, 2);
	run(w, 300);
	assert_true(is_relay(w, 0, 2) && is_relay(w, 1, 2));
	net.relay_dead[1] = false;
	ntm_link_also(w->host[0].link, &(struct ntm_addr){.ip.family = 0}); /* nonsense is borne */
	for (size_t i = 0; i < 2; i++) {
		struct ntm_addr relay = ntm_addr_relay(1);

		ntm_link_also(w->host[i].link, &relay);
	}
	talk(w, &call, 3000);
	assert_true(is_relay(w, 0, 1) && is_relay(w, 1, 1));
	run(w, 100);
	assert_int_equal(lost(w, &call, 0) + lost(w, &call, 1), 0);
	world_free(w);
}

static void starving(void **unused)
{
	struct world *w = net_new(7);
	struct call call = {0};

	(void)unused;
	net.direct_blocked = true;
	open_both(w, 1);
	run(w, 200);
	talk(w, &call, 1000);
	net.relay_dead[1] = true;
	talk(w, &call, 1000);
	assert_int_equal(net.starved, 0);
	talk(w, &call, 4000);
	assert_int_equal(net.starved, 2); /* once each */
	net.relay_dead[1] = false;
	talk(w, &call, 1000);
	assert_in_range(call.last_ms[0], w->timers.now_ms - 40, w->timers.now_ms);
	assert_in_range(call.last_ms[1], w->timers.now_ms - 40, w->timers.now_ms);
	talk(w, &call, 3000);
	net.relay_dead[1] = true;
	talk(w, &call, 3000);
	assert_int_equal(net.starved, 4);
	world_free(w);
}

static int send_bulk(struct host *h, size_t len)
{
	static struct ntm_pkt pkt;

	ntm_pkt_reset(&pkt);
	memset(ntm_pkt_put(&pkt, len), 0x45, len);
	return ntm_link_send(h->link, &pkt, 0);
}

/* The owner hears of it each time that somebody begins to speak, not for the first time only. */
static void starving_again(void **unused)
{
	struct world *w = net_new(16);
	struct call call = {0};

	(void)unused;
	open_both(w, 1);
	run(w, 1000);
	net.direct_blocked = true;
	net.relay_dead[1] = true;
	for (unsigned times = 1; times <= 3; times++) {
		talk(w, &call, 5000);
		assert_int_equal(net.starved, 2 * times);
		run(w, 20000);
		assert_int_equal(net.starved, 2 * times);
	}
	world_free(w);
}

/* The path has failed in the last moment in which anybody spoke, and is well long since. Who speaks
 * again finds that out, and asks nobody. */
static void not_starving_for_old_reasons(void **unused)
{
	struct world *w = net_new(14);
	struct host *a = &w->host[0];
	struct ntm_link_path path[NTM_LINK_PATHS];

	(void)unused;
	open_both(w, 0);
	run(w, 1000);
	assert_int_equal(send_bulk(a, 40), 0);
	run(w, 2000);
	net.direct_blocked = true;
	run(w, 3500);
	assert_int_equal(ntm_link_paths(a->link, path), 1);
	assert_int_equal(path[0].state, NTM_PATH_FAILS);
	net.direct_blocked = false;
	run(w, 5000);
	assert_int_equal(send_bulk(a, 40), 0);
	run(w, 100);
	assert_int_equal(net.starved, 0);
	ntm_link_paths(a->link, path);
	assert_int_equal(path[0].state, NTM_PATH_WORKS);
	world_free(w);
}

/* Idle: with a NAT each path that works is kept open; without one, the relay's binding alone. */
static void idle(void **unused)
{
	struct world *w = net_new(8);

	(void)unused;
	open_both(w, 1);
	run(w, 5000);
	assert_true(is_direct(w, 0) && is_direct(w, 1));
	net.probes = 0;
	net.relayed = 0;
	run(w, 100000);
	assert_int_equal(net.probes, 0);
	assert_in_range(net.relayed, 4, 10); /* challenge and response, either way */
	ntm_link_set_keepalive(w->host[0].link, 20000);
	run(w, 20000);
	net.probes = 0;
	net.relayed = 0;
	run(w, 40000);
	assert_in_range(net.probes, 4, 6);
	assert_in_range(net.relayed, 4, 8);
	world_free(w);
}

static void size_is_probed(void **unused)
{
	struct world *w = net_new(9);
	struct call call = {0};

	(void)unused;
	open_both(w, 0);
	assert_int_equal(ntm_link_room(w->host[0].link), NTM_LINK_ROOM_MIN);
	run(w, 1000);
	assert_int_equal(ntm_link_room(w->host[0].link), NTM_LINK_ROOM_MAX);
	assert_int_equal(net.big, 2);
	world_free(w);

	w = net_new(10);
	net.direct_max = 1300;
	open_both(w, 0);
	talk(w, &call, 0);
	run(w, 10000);
	assert_int_equal(ntm_link_room(w->host[0].link), NTM_LINK_ROOM_MIN);
	assert_int_equal(net.big, 6);
	talk(w, &call, 1000);
	run(w, 100);
	assert_int_equal(lost(w, &call, 0) + lost(w, &call, 1), 0);
	world_free(w);
}

/* The network has become smaller: what is sent in full size tells. */
static void size_is_lost(void **unused)
{
	struct world *w = net_new(11);

	(void)unused;
	open_both(w, 0);
	run(w, 1000);
	/* As long as all is well a probe a second is what it costs, and none when nothing big is
	 * sent. */
	net.big = 0;
	for (int i = 0; i < 500; i++) {
		assert_int_equal(send_bulk(&w->host[0], 1300), 0);
		run(w, 20);
	}
	assert_in_range(net.big, 8, 10);
	net.big = 0;
	run(w, 10000);
	assert_int_equal(net.big, 0);
	/* What is lost altogether for a while tells nothing of sizes. */
	for (int64_t ms = 100; ms < 1000; ms += 50) {
		net.direct_blocked = true;
		assert_int_equal(send_bulk(&w->host[0], 1300), 0);
		run(w, ms);
		net.direct_blocked = false;
		run(w, 2000);
		assert_int_equal(ntm_link_room(w->host[0].link), NTM_LINK_ROOM_MAX);
	}
	net.direct_max = 1300;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(send_bulk(&w->host[0], 1400), 0);
		run(w, 100);
	}
	assert_int_equal(ntm_link_room(w->host[0].link), NTM_LINK_ROOM_MIN);
	net.direct_max = 0;
	run(w, 61000);
	assert_int_equal(ntm_link_room(w->host[0].link), NTM_LINK_ROOM_MAX);
	world_free(w);
}

/* A peer that sends from a new place, and no more from the old one, is followed at once. */
static void peer_moves(void **unused)
{
	struct world *w = net_new(12);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct call call = {0};

	(void)unused;
	open_both(w, 0);
	run(w, 500);
	talk(w, &call, 500);
	a->source = 1;
	a->deaf[0] = true;
	talk(w, &call, 500);
	assert_true(ntm_addr_eq(ntm_link_remote(b->link), &a->addr[1]));
	assert_in_range(call.gap_ms[0], 20, 120);
	assert_int_equal(lost(w, &call, 1), 0);
	world_free(w);
}

/* Somebody on the way sends packets on from places of his own: the table stays bounded, the probes
 * stay few, and the call is not disturbed. */
static void forwarded_from_many_places(void **unused)
{
	struct world *w = net_new(13);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct ntm_link_path path[NTM_LINK_PATHS];
	uint64_t before;

	(void)unused;
	open_both(w, 1);
	run(w, 5000);
	before = ntm_links_counters(b->links)->frames_out;
	for (uint32_t seq = 0; seq < 500; seq++) {
		struct packet p;

		w->filter = drop_all;
		assert_int_equal(send_seq(a, seq), 0);
		w->filter = pass;
		p = w->last[NTM_FRAME_TRANSPORT];
		p.from = (struct ntm_addr){ntm_ip_v4(203, 0, 113, (uint8_t)seq), 9};
		p.to = b->addr[0]; /* it may have gone to the relay as well */
		inject(w, &p);
		run(w, 20);
	}
	assert_true(is_direct(w, 1));
	assert_in_range(ntm_link_paths(b->link, path), 2, NTM_LINK_PATHS);
	/* 10 s: six probes to each of ten places at a time, beside those of the call. */
	assert_in_range(ntm_links_counters(b->links)->frames_out - before, 100, 700);
	assert_int_equal(b->inputs, 500);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(upgrade_loses_nothing),
		cmocka_unit_test(silent_path_is_left_alone),
		cmocka_unit_test(direct_path_dies_in_a_call),
		cmocka_unit_test(relay_dies_and_the_spare_takes_over),
		cmocka_unit_test(loss_comes_before_kind),
		cmocka_unit_test(shorter_way),
		cmocka_unit_test(starving),
		cmocka_unit_test(starving_again),
		cmocka_unit_test(not_starving_for_old_reasons),
		cmocka_unit_test(idle),
		cmocka_unit_test(size_is_probed),
		cmocka_unit_test(size_is_lost),
		cmocka_unit_test(peer_moves),
		cmocka_unit_test(forwarded_from_many_places),
	};

	world_seed(0);
	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
