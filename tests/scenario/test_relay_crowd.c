/* SPDX-License-Identifier: BSD-2-Clause */
/* Ten thousand pairs of nodes, all of them behind symmetric NATs, over 20 relays that die and come
 * back at random, while some of the pairs talk. */
#include "sim_relay.h"

#include "node_priv.h"

#include <time.h>

#define DOMAIN   "ntm.example"
#define NODES    200
#define RELAYS   20
#define FLOWS    10000
#define TALKERS  40
#define RTP_PORT 4000
#define RTP_MS   20
#define LAST_MS  45000 /* of talking */
#define DOWN_MAX 4

struct flow {
	struct sim_node *a, *b;
};

/* One pair that talks: packets each way, by their numbers. */
struct talker {
	struct crowd *crowd;
	struct flow flow;
	struct ntm_timer timer;
	uint32_t sent;
	struct side {
		uint32_t got;
		int64_t last_ms, gap_ms;
	} side[2];
};

struct crowd {
	struct sim *sim;
	struct sim_dc *dc;
	struct sim_node *node[NODES];
	struct sim_relay *relay[RELAYS];
	struct flow *flow;
	size_t flow_count;
	struct talker talker[TALKERS];
	unsigned down, deaths;
	bool over;
};

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- talking ---- */

static void say(struct sim_node *from, const struct sim_node *to, uint16_t port, uint32_t seq)
{
	uint8_t rtp[172] = {0x80};
	struct ntm_addr addr = {.ip = sim_vip(to, 4), .port = port};

	memcpy(rtp + 4, &seq, sizeof(seq));
	sim_udp(from, port, &addr, rtp, sizeof(rtp));
}

static void heard(struct side *side, int64_t now_ms)
{
	if (side->got++ > 0 && now_ms - side->last_ms > side->gap_ms)
		side->gap_ms = now_ms - side->last_ms;
	side->last_ms = now_ms;
}

static void on_rtp(void *arg, struct sim_node *node, const struct ntm_ippkt *view)
{
	struct talker *talker = arg;

	(void)view;
	heard(&talker->side[node == talker->flow.b], sim_now(node->sim));
}

static void on_talk(void *arg)
{
	struct talker *talker = arg;
	uint16_t port = (uint16_t)(RTP_PORT + (talker - talker->crowd->talker));

	say(talker->flow.a, talker->flow.b, port, talker->sent);
	say(talker->flow.b, talker->flow.a, port, talker->sent++);
	ntm_timer_set(&talker->crowd->sim->timers, &talker->timer, RTP_MS);
}

static void start_talking(struct crowd *crowd)
{
	for (size_t i = 0; i < TALKERS; i++) {
		struct talker *talker = &crowd->talker[i];
		uint16_t port = (uint16_t)(RTP_PORT + i);

		*talker = (struct talker){
			.crowd = crowd,
			.flow = crowd->flow[sim_random_below(&crowd->sim->rng, FLOWS)]};
		sim_app_add(talker->flow.a, port, on_rtp, talker);
		sim_app_add(talker->flow.b, port, on_rtp, talker);
		ntm_timer_init(&talker->timer, on_talk, talker);
		ntm_timer_set(&crowd->sim->timers, &talker->timer,
			      sim_random_below(&crowd->sim->rng, RTP_MS));
	}
}

static void stop_talking(struct crowd *crowd)
{
	for (size_t i = 0; i < TALKERS; i++)
		ntm_timer_del(&crowd->sim->timers, &crowd->talker[i].timer);
}

/* ---- flows ---- */

static void add_nodes(struct crowd *crowd)
{
	for (size_t i = 0; i < NODES; i++) {
		char ip[32], name[16];

		snprintf(ip, sizeof(ip), "203.0.%zu.9", i); /* relays count by /24 */
		snprintf(name, sizeof(name), "n%zu", i);
		struct sim_nat *nat = sim_nat_new(crowd->sim, SIM_SYMMETRIC, ip);
		crowd->node[i] = sim_node_new(crowd->dc, &nat->inside, "10.0.0.2", name);
		sim_node_start(crowd->node[i]);
		sim_run(crowd->sim, 20);
	}
}

static bool are_all_registered(void *arg)
{
	const struct crowd *crowd = arg;

	return dc_online_count(crowd->dc->dc) == NODES;
}

/* Pairs in rounds: every node has one with the next, then with the next but one ... */
static void make_flows(struct crowd *crowd)
{
	crowd->flow = calloc(FLOWS, sizeof(*crowd->flow));
	assert_non_null(crowd->flow);
	for (size_t step = 1; crowd->flow_count < FLOWS; step++)
		for (size_t i = 0; i < NODES && crowd->flow_count < FLOWS; i++) {
			struct flow *flow = &crowd->flow[crowd->flow_count++];

			flow->a = crowd->node[i];
			flow->b = crowd->node[(i + step) % NODES];
			sim_say(flow->a, flow->b, 4, SIM_ECHO_PORT, "hello");
			sim_run(crowd->sim, 2);
		}
	sim_run(crowd->sim, 5000);
}

static size_t count_paths(const struct crowd *crowd, enum sim_path path)
{
	size_t count = 0;

	for (size_t i = 0; i < crowd->flow_count; i++)
		count += sim_path(crowd->flow[i].a, crowd->flow[i].b) == path;
	return count;
}

static size_t count_answers(const struct crowd *crowd)
{
	size_t count = 0;

	for (size_t i = 0; i < NODES; i++)
		count += crowd->node[i]->data_in;
	return count;
}

/* How many flows carry a packet there and back, at first go. */
static size_t count_alive(struct crowd *crowd)
{
	size_t before = count_answers(crowd);

	for (size_t i = 0; i < crowd->flow_count; i++) {
		sim_say(crowd->flow[i].a, crowd->flow[i].b, 4, SIM_ECHO_PORT, "still there?");
		if (i % 10 == 9)
			sim_run(crowd->sim, 1);
	}
	sim_run(crowd->sim, 500);
	return count_answers(crowd) - before;
}

/* ---- deaths ---- */

static void live_and_let_die(struct crowd *crowd)
{
	struct sim_rng *rng = &crowd->sim->rng;
	int64_t end_ms = sim_now(crowd->sim) + LAST_MS;

	while (sim_now(crowd->sim) < end_ms) {
		struct sim_relay *relay = crowd->relay[sim_random_below(rng, RELAYS)];

		if (relay->relay == NULL) {
			sim_relay_start(relay);
			crowd->down--;
		} else if (crowd->down < DOWN_MAX) {
			sim_relay_kill(relay);
			crowd->down++;
			crowd->deaths++;
		}
		sim_run(crowd->sim, 1000 + sim_random_below(rng, 2000));
	}
	for (size_t i = 0; i < RELAYS; i++)
		if (crowd->relay[i]->relay == NULL)
			sim_relay_start(crowd->relay[i]);
}

/* ---- what is demanded ---- */

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* A spare takes over within 300 ms. Where it is down as well, or dies before there is a new one
 * (10 s), the DC directs anew. */
static void check_gaps(const struct crowd *crowd)
{
	int64_t gap_ms[2 * TALKERS];
	size_t long_count = 0;

	for (size_t i = 0; i < TALKERS; i++)
		for (size_t k = 0; k < 2; k++)
			gap_ms[2 * i + k] = crowd->talker[i].side[k].gap_ms;
	qsort(gap_ms, 2 * TALKERS, sizeof(gap_ms[0]), by_size);
	for (size_t i = 0; i < 2 * TALKERS; i++)
		long_count += gap_ms[i] > 300;
	print_message("# longest gap of %d talkers: median %lld ms, worst %lld ms, %zu over 300 "
		      "ms; %u deaths\n",
		      2 * TALKERS, (long long)gap_ms[TALKERS], (long long)gap_ms[2 * TALKERS - 1],
		      long_count, crowd->deaths);
	assert_true(gap_ms[TALKERS] <= 300);
	assert_true(gap_ms[2 * TALKERS - 1] <= 3000);
	assert_true(long_count <= 2 * TALKERS / 4);
}

static void ten_thousand(void **state)
{
	struct sim *sim = *state;
	static struct crowd crowd;
	double start = seconds();

	crowd = (struct crowd){.sim = sim, .dc = sim_dc_new(sim, DOMAIN, "192.0.2.1")};
	for (size_t i = 0; i < RELAYS; i++) {
		char ip[32], name[16];

		snprintf(ip, sizeof(ip), "192.0.2.%zu", 100 + i);
		snprintf(name, sizeof(name), "relay%zu", i);
		crowd.relay[i] = sim_relay_new(crowd.dc, ip, NULL, name);
	}
	sim->internet.medium = (struct sim_medium){.delay_ms = 10, .jitter_ms = 5};
	add_nodes(&crowd);
	assert_true(sim_until(sim, are_all_registered, &crowd, 60000));
	make_flows(&crowd);
	print_message("# %zu of %d flows are up, all on relays; %.1f s\n",
		      count_paths(&crowd, SIM_PATH_RELAY), FLOWS, seconds() - start);
	assert_int_equal(count_paths(&crowd, SIM_PATH_RELAY), FLOWS);

	start_talking(&crowd);
	sim_run(sim, 5000);
	for (size_t i = 0; i < TALKERS; i++)
		crowd.talker[i].side[0].gap_ms = crowd.talker[i].side[1].gap_ms = 0;
	live_and_let_die(&crowd);
	sim_run(sim, 5000);
	stop_talking(&crowd);
	check_gaps(&crowd);

	size_t alive = count_alive(&crowd);
	print_message("# afterwards %zu flows carry a packet at first go; real time %.1f s\n",
		      alive, seconds() - start);
	assert_int_equal(alive, FLOWS);
	free(crowd.flow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ten_thousand, sim_setup, sim_teardown),
	};

	return sim_main("relay_crowd", tests, sizeof(tests) / sizeof(tests[0]));
}
