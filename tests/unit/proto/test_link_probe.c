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
	static const unsigned losses[] = {5, 10, 20, 30, 40};
	enum { SEEDS = 3, MINUTES = 4, PLACES = 3, MOVES = 4 };

	(void)unused;
	for (uint64_t seed = 0; seed < 5 * SEEDS; seed++) {
		unsigned loss = losses[seed / SEEDS];
		struct world *w = net_new(seed);
		struct call call = {0};

		open_both(w, 2);
		run(w, 500);
		for (uint8_t i = 0; i < PLACES; i++) {
			struct ntm_addr nowhere = {ntm_ip_v4(10, 0, 0, i), 4330};

			ntm_link_also(w->host[0].link, &nowhere);
		}
		talk(w, &call, 3000);
		assert_int_equal(net.strange, PLACES * 6);
		net.direct_loss = net.relay_loss = loss;
		net.strange = 0;
		unsigned moved = w->host[0].moved;
		talk(w, &call, MINUTES * 60000);
		assert_in_range(w->host[0].moved - moved, 0, MOVES * MINUTES);
		assert_in_range(net.strange, 0, PLACES * 6 * 3 * MINUTES);
		assert_in_range(net.starved, 0, loss / 40);
		world_free(w);
	}
}

/* And when one of them dies, the call is heard by another in time, whatever is lost there. */
static void lossy_path_dies(void **unused)
{
	static const unsigned losses[] = {0, 2, 5, 10, 20, 30, 40};
	enum { SEEDS = 6 };
	unsigned died = 0;

	(void)unused;
	for (uint64_t seed = 0; seed < 7 * SEEDS; seed++) {
		struct world *w = net_new(seed);
		struct call call = {0};
		/* Ten packets in a row are lost by chance now and then where every third is. */
		int64_t most_ms = losses[seed / SEEDS] <= 20 ? 300 : 400;

		open_both(w, 2);
		run(w, 500);
		talk(w, &call, 2000);
		net.direct_loss = net.relay_loss = losses[seed / SEEDS];
		talk(w, &call, 20000 + 20 * (int64_t)(seed % 5));
		net.direct_blocked = true;
		died += is_direct(w, 0) && is_direct(w, 1);
		talk(w, &call, 3000);
		assert_in_range(call.gap_ms[0], 20, most_ms);
		assert_in_range(call.gap_ms[1], 20, most_ms);
		assert_false(is_direct(w, 0) || is_direct(w, 1));
		world_free(w);
	}
	assert_true(died > 2 * SEEDS);
}

/* It was taken for dead by chance more than once, and stays where it is for a while; but not where
 * it is far worse. */
static void far_worse(void **unused)
{
	struct world *w = net_new(31);
	struct call call = {0};

	(void)unused;
	open_both(w, 1);
	run(w, 500);
	talk(w, &call, 2000);
	for (unsigned i = 0; i < 3; i++) {
		net.direct_blocked = true;
		talk(w, &call, 1000);
		assert_true(is_relay(w, 0, 1));
		net.direct_blocked = false;
		talk(w, &call, 45000);
		assert_true(is_direct(w, 0));
	}
	net.direct_blocked = true;
	talk(w, &call, 1000);
	net.direct_blocked = false;
	talk(w, &call, 20000);
	assert_true(is_relay(w, 0, 1));
	net.relay_loss = 40;
	talk(w, &call, 5000);
	assert_true(is_direct(w, 0) && is_direct(w, 1));
	world_free(w);
}

/* What host 0 sends next comes from there, and not from host 0. */
static struct packet redirected(struct world *w, const struct ntm_addr *from)
{
	struct packet p;

	w->filter = drop_all;
	assert_int_equal(send_seq(&w->host[0], 1), 0);
	w->filter = pass;
	p = w->last[NTM_FRAME_TRANSPORT];
	p.from = *from;
	p.to = w->host[1].addr[0]; /* the last one may have gone to the relay as well */
	return p;
}

/* security.md A1: a place that has not answered gets three times what came from it, no more. */
static void strangers_draw_little(void **unused)
{
	struct world *w = net_new(5);

	(void)unused;
	open_both(w, 1);
	run(w, 5000);
	for (uint8_t i = 0; i < 50; i++) {
		struct ntm_addr victim = {ntm_ip_v4(203, 0, 113, i), 9};
		struct packet p = redirected(w, &victim);

		net.strange_bytes = 0;
		inject(w, &p);
		run(w, 5000);
		assert_in_range(net.strange_bytes, 64, 3 * p.len);
	}
	assert_true(is_direct(w, 1));
	world_free(w);
}

/* Nor do they delay the probes that tell whether the path of a call is alive. */
static void strangers_make_no_probe_late(void **unused)
{
	struct world *w = net_new(15);
	struct call call = {0};

	(void)unused;
	open_both(w, 0);
	run(w, 500);
	talk(w, &call, 3000);
	net.probes = 0;
	talk(w, &call, 1000);
	assert_int_equal(net.probes, 40); /* challenge and response, either way */
	net.probes = 0;
	for (uint8_t i = 0; i < 10; i++) {
		struct ntm_addr stranger = {ntm_ip_v4(203, 0, 113, i), 9};
		struct packet p = redirected(w, &stranger);

		inject(w, &p);
		talk(w, &call, 100);
	}
	assert_true(net.strange > 0);
	assert_in_range(net.probes - net.strange, 38, 42);
	world_free(w);
}

/* Nor does one that the peer has named, beyond the tries that it gets for that: who sends in its
 * name draws no more out of it. */
static void candidates_draw_little(void **unused)
{
	struct world *w = net_new(10);
	struct ntm_addr victim = {ntm_ip_v4(203, 0, 113, 1), 9};

	(void)unused;
	open_both(w, 1);
	run(w, 5000);
	ntm_link_also(w->host[1].link, &victim);
	run(w, 5000);
	assert_int_equal(net.strange, 6);
	for (uint8_t i = 0; i < 50; i++) {
		struct packet p = redirected(w, &victim);

		net.strange_bytes = 0;
		inject(w, &p);
		run(w, 2000);
		assert_in_range(net.strange_bytes, 64, 3 * p.len);
	}
	assert_true(is_direct(w, 1));
	world_free(w);
}

static size_t count_paths(const struct world *w, uint8_t first_byte)
{
	struct ntm_link_path path[NTM_LINK_PATHS];
	size_t count = ntm_link_paths(w->host[1].link, path), found = 0;

	for (size_t i = 0; i < count; i++)
		found += path[i].to.ip.family == 4 && path[i].to.ip.b[0] == first_byte;
	return found;
}

static void give_candidates(struct world *w, uint8_t count)
{
	for (uint8_t i = 0; i < count; i++) {
		struct ntm_addr at = {ntm_ip_v4(10, 0, 0, i), 4330};

		ntm_link_also(w->host[1].link, &at);
	}
}

/* Nor do they push out what the DC has told us. */
static void strangers_take_no_candidates_place(void **unused)
{
	struct world *w = net_new(6);

	(void)unused;
	open_both(w, 1);
	run(w, 200);
	give_candidates(w, 8);
	run(w, 5000);
	for (uint32_t i = 0; i < 100; i++) {
		struct ntm_addr stranger = {ntm_ip_v4(203, 0, 113, (uint8_t)i), 9};
		struct packet p = redirected(w, &stranger);

		inject(w, &p);
		run(w, 1000);
		assert_int_equal(count_paths(w, 10), 8);
	}
	assert_int_equal(count_paths(w, 203), 2);
	/* The peer itself has a place still. */
	struct call call = {0};
	w->host[0].source = 1;
	w->host[0].deaf[0] = true;
	talk(w, &call, 3000);
	assert_true(ntm_addr_eq(ntm_link_remote(w->host[1].link), &w->host[0].addr[1]));
	world_free(w);
}

/* A table that is full of the owner's has room for who has just shown his key. */
static void handshake_into_a_full_table(void **unused)
{
	struct world *w = net_new(7);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct ntm_link_path path[NTM_LINK_PATHS];

	(void)unused;
	open_both(w, 0);
	run(w, 200);
	give_candidates(w, NTM_LINK_PATHS);
	a->source = 1;
	a->deaf[0] = true;
	ntm_link_restart(a->link, NULL, 0);
	run(w, 5000);
	assert_int_equal(ntm_link_paths(b->link, path), NTM_LINK_PATHS);
	struct call call = {0};
	talk(w, &call, 3000);
	for (size_t i = 0; i < NTM_LINK_PATHS; i++)
		if (path[i].is_current)
			assert_true(ntm_addr_eq(&path[i].to, &a->addr[0]) ||
				    ntm_addr_eq(&path[i].to, &a->addr[1]));
	assert_true(ntm_addr_eq(ntm_link_remote(b->link), &a->addr[1]));
	assert_int_equal(lost(w, &call, 0) < 25, true);
	world_free(w);
}

/* A NAT that was not known of: what stands idle is kept open from then on. */
static void keepalive_is_taken_at_once(void **unused)
{
	struct world *w = net_new(8);

	(void)unused;
	open_both(w, 1);
	run(w, 70000);
	for (size_t i = 0; i < 2; i++)
		ntm_link_set_keepalive(w->host[i].link, 15000);
	net.relayed = 0;
	run(w, 15500);
	assert_in_range(net.relayed, 4, 8);
	world_free(w);
}

/* Keys change under a call, on a clean network and on a bad one: not the path, nor is it lost. */
static void rekeys_in_a_call(void **unused)
{
	(void)unused;
	for (unsigned loss = 0; loss <= 5; loss += 5) {
		struct world *w = net_new(loss);
		struct call call = {0};

		net.direct_blocked = true;
		open_both(w, 1);
		run(w, 3000);
		net.relay_loss = loss;
		talk(w, &call, 400000);
		run(w, 100);
		assert_true(is_relay(w, 0, 1) && is_relay(w, 1, 1));
		assert_true(stats_of(&w->host[0]).handshakes >= 4);
		assert_int_equal(w->host[0].down + w->host[1].down, 0);
		assert_in_range(lost(w, &call, 0), 0, call.next * loss / 50);
		assert_int_equal(net.starved, 0);
		world_free(w);
	}
}

/* Wakes up so much later in a call, with timers and packets that are as old. */
static void sleep_for(struct world *w, int64_t ms)
{
	while (w->queue) {
		struct packet *p = w->queue;

		w->queue = p->after;
		free(p);
	}
	set_time(w, w->timers.now_ms + ms);
}

static void suspended_in_a_call(void **unused)
{
	static const int64_t away_ms[] = {3000, 60000, 110000, 130000};

	(void)unused;
	for (size_t i = 0; i < 4; i++) {
		struct world *w = net_new(i);
		struct call call = {0};

		open_both(w, 1);
		run(w, 500);
		talk(w, &call, 5000);
		sleep_for(w, away_ms[i]);
		talk(w, &call, 1000);
		assert_int_equal(w->host[0].down + w->host[1].down, 0);
		assert_in_range(w->host[0].moved, 0, 1);
		talk(w, &call, 1000);
		assert_in_range(call.gap_ms[0], 20, 60);
		assert_in_range(call.gap_ms[1], 20, 60);
		assert_int_equal(net.starved, 0);
		world_free(w);
	}
}

/* Longer than keys live: down, once, and in no other state. */
static void suspended_for_an_hour(void **unused)
{
	struct world *w = net_new(9);
	struct call call = {0};

	(void)unused;
	open_both(w, 1);
	run(w, 500);
	talk(w, &call, 5000);
	sleep_for(w, 3600000);
	run(w, 1000);
	assert_int_equal(w->host[0].down, 1);
	assert_int_equal(w->host[1].down, 1);
	assert_int_equal(ntm_link_state(w->host[0].link), NTM_LINK_CLOSED);
	assert_int_equal(send_seq(&w->host[0], 1), -ENOTCONN);
	assert_int_equal(net.starved, 0);
	for (size_t i = 0; i < 2; i++)
		ntm_link_free(w->host[i].link);
	open_both(w, 1);
	run(w, 500);
	talk(w, &call, 1000);
	world_free(w);
}

/* One side is mute for minutes, then both, then they speak again after the path has died. */
static void silent_calls(void **unused)
{
	(void)unused;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world *w = net_new(seed);
		struct call call = {.next = 10000};

		open_both(w, 1);
		run(w, 500);
		for (uint32_t i = 0; i < 6000; i++) {
			assert_int_equal(send_seq(&w->host[0], i), 0);
			run(w, 20);
		}
		net.direct_blocked = true;
		net.one_way = seed % 2; /* what host 0 says arrives, the answers do not */
		uint32_t missed = 0;
		for (uint32_t i = 6000; i < 6100; i++) {
			assert_int_equal(send_seq(&w->host[0], i), 0);
			run(w, 20);
		}
		run(w, 100);
		for (uint32_t i = 6000; i < 6100; i++)
			missed += !has_seq(&w->host[1], i);
		assert_in_range(missed, 0, 15); /* 300 ms */
		assert_true(is_relay(w, 0, 1));
		net.direct_blocked = false;
		run(w, 60000);
		net.relay_dead[1] = true;
		run(w, 1000 + (int64_t)seed * 50);
		talk(w, &call, 1000);
		assert_in_range(call.gap_ms[0], 0, 300);
		assert_in_range(call.gap_ms[1], 0, 300);
		assert_in_range(call.last_ms[0], w->timers.now_ms - 40, w->timers.now_ms);
		assert_in_range(call.last_ms[1], w->timers.now_ms - 40, w->timers.now_ms);
		world_free(w);
	}
}

static int send_bulk(struct host *h)
{
	static struct ntm_pkt pkt;

	ntm_pkt_reset(&pkt);
	memset(ntm_pkt_put(&pkt, 64), 0x46, 64);
	return ntm_link_send(h->link, &pkt, 0);
}

/* Host 0 sends data, again after a while that doubles, until something arrives: how long it took.
 */
static int64_t until_heard(struct world *w, int64_t again_ms, unsigned factor)
{
	int64_t start_ms = w->timers.now_ms, next_ms = start_ms;
	unsigned before = w->host[1].inputs;

	while (w->host[1].inputs == before && w->timers.now_ms - start_ms < 30000) {
		if (w->timers.now_ms >= next_ms) {
			assert_int_equal(send_bulk(&w->host[0]), 0);
			next_ms += again_ms;
			again_ms *= factor;
		}
		run(w, 5);
	}
	return w->timers.now_ms - start_ms;
}

/* A tunnel that has carried data other than real-time. */
static struct world *world_with_data(uint64_t seed)
{
	struct world *w = net_new(seed);

	w->delay_ms = 25;
	open_both(w, 1);
	run(w, 500);
	for (size_t i = 0; i < 2; i++)
		ntm_link_set_keepalive(w->host[i].link, 20000);
	for (uint64_t i = 0; i < 100; i++) {
		assert_int_equal(send_bulk(&w->host[0]), 0);
		run(w, 97 + (int64_t)seed);
	}
	assert_true(is_direct(w, 0) && is_direct(w, 1));
	return w;
}

static void data_moves_when_its_path_dies(void **unused)
{
	(void)unused;
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct world *w = world_with_data(seed);

		net.direct_blocked = true;
		assert_in_range(until_heard(w, 100, 1), 1, 1600);
		world_free(w);
	}
}

/* The first packet after an idle time does not wait until its path is found to be dead. */
static void first_packet_after_an_idle_time(void **unused)
{
	(void)unused;
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct world *w = world_with_data(seed);

		run(w, 60000 + (int64_t)seed * 997);
		net.direct_blocked = true;
		run(w, 4000);
		assert_in_range(until_heard(w, 1000, 2), 1, 60);
		world_free(w);
	}
}

/* It goes twice, what follows the answer does not, and it comes once. */
static void what_goes_twice_comes_once(void **unused)
{
	struct world *w = world_with_data(1);
	struct call call = {0};

	(void)unused;
	run(w, 30000);
	net.relayed = 0;
	talk(w, &call, 2000);
	/* Challenges and responses: 4 a second each way. */
	assert_in_range(net.relayed, 1, 30);
	run(w, 100);
	assert_int_equal(lost(w, &call, 0) + lost(w, &call, 1), 0);
	assert_int_equal(w->host[0].doubles + w->host[1].doubles, 0);
	world_free(w);
}

/* With a direct path and two relays behind a NAT: each kept open by challenge and response. */
static void an_idle_tunnel_costs_little(void **unused)
{
	struct world *w = net_new(3);

	(void)unused;
	open_both(w, 2);
	for (size_t i = 0; i < 2; i++)
		ntm_link_set_keepalive(w->host[i].link, 20000);
	run(w, 10000);
	uint64_t frames = ntm_links_counters(w->host[0].links)->frames_out;
	uint64_t fired = w->timers.fired_count;
	run(w, 100000);
	assert_in_range(ntm_links_counters(w->host[0].links)->frames_out - frames, 20, 36);
	assert_in_range((w->timers.fired_count - fired) / 2, 10, 36);
	assert_in_range(sizeof(struct ntm_link) + sizeof(struct link_paths), 4096, 9 * 1024);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_paths),
		cmocka_unit_test(a_path_gets_slow),
		cmocka_unit_test(lossy_paths),
		cmocka_unit_test(lossy_path_dies),
		cmocka_unit_test(far_worse),
		cmocka_unit_test(strangers_draw_little),
		cmocka_unit_test(strangers_make_no_probe_late),
		cmocka_unit_test(candidates_draw_little),
		cmocka_unit_test(strangers_take_no_candidates_place),
		cmocka_unit_test(handshake_into_a_full_table),
		cmocka_unit_test(keepalive_is_taken_at_once),
		cmocka_unit_test(rekeys_in_a_call),
		cmocka_unit_test(suspended_in_a_call),
		cmocka_unit_test(suspended_for_an_hour),
		cmocka_unit_test(silent_calls),
		cmocka_unit_test(data_moves_when_its_path_dies),
		cmocka_unit_test(first_packet_after_an_idle_time),
		cmocka_unit_test(what_goes_twice_comes_once),
		cmocka_unit_test(an_idle_tunnel_costs_little),
	};

	world_seed(0);
	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
