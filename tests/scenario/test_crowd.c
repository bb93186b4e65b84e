/* SPDX-License-Identifier: BSD-2-Clause */
/* A thousand nodes that register and call at random on a bad network; and the same run twice. */
#include "sim.h"

#include "node_priv.h"

#include <time.h>

#define DOMAIN  "ntm.example"
#define PROXIES 10
#define SITE    10 /* nodes behind one NAT */

struct crowd {
	struct sim *sim;
	struct sim_dc *dc;
	struct sim_node *proxy[PROXIES];
	size_t count;
	struct sim_node **node;
	struct sim_lan **lan; /* of each node */
	struct ntm_timer starter;
	size_t started;
	int64_t start_every_ms;
};

/* Half of them in the open, half behind NATs of all kinds. */
static void add_node(struct crowd *crowd, size_t i)
{
	struct sim *sim = crowd->sim;
	char ip[32], name[16];

	snprintf(name, sizeof(name), "n%zu", i);
	if (i % 2 == 0) {
		snprintf(ip, sizeof(ip), "203.0.%zu.%zu", 113 + i / 200, 1 + i % 200);
		crowd->lan[i] = &sim->internet;
	} else {
		if (i % (2 * SITE) == 1) {
			snprintf(ip, sizeof(ip), "192.0.3.%zu", 1 + i / (2 * SITE));
			sim_nat_new(sim, (enum sim_nat_kind)(i / (2 * SITE) % 4), ip);
		}
		snprintf(ip, sizeof(ip), "10.0.0.%zu", 2 + i % (2 * SITE));
		crowd->lan[i] = &sim->nats->inside;
	}
	crowd->node[i] = sim_node_new(crowd->dc, crowd->lan[i], ip, name);
}

static void on_start(void *arg)
{
	struct crowd *crowd = arg;

	sim_node_start(crowd->node[crowd->started++]);
	if (crowd->started < crowd->count)
		ntm_timer_set(&crowd->sim->timers, &crowd->starter, crowd->start_every_ms);
}

static void crowd_init(struct crowd *crowd, struct sim *sim, size_t count)
{
	*crowd = (struct crowd){.sim = sim, .count = count, .start_every_ms = 10};
	crowd->dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	crowd->node = calloc(count, sizeof(struct sim_node *));
	crowd->lan = calloc(count, sizeof(struct sim_lan *));
	assert_non_null(crowd->node);
	assert_non_null(crowd->lan);
	for (size_t i = 0; i < count; i++)
		add_node(crowd, i);
	for (size_t i = 0; i < PROXIES; i++) {
		char ip[32], name[16];

		snprintf(ip, sizeof(ip), "192.0.2.%zu", 30 + i);
		snprintf(name, sizeof(name), "proxy%zu", i);
		crowd->proxy[i] = sim_node_up(crowd->dc, &sim->internet, ip, name);
		sim_proxy(crowd->proxy[i]);
	}
	sim->internet.medium =
		(struct sim_medium){.delay_ms = 10, .jitter_ms = 30, .loss = 50, .dup = 5};
	ntm_timer_init(&crowd->starter, on_start, crowd);
	on_start(crowd);
}

static void crowd_fini(struct crowd *crowd)
{
	ntm_timer_del(&crowd->sim->timers, &crowd->starter);
	free(crowd->node);
	free(crowd->lan);
}

static bool all_registered(void *arg)
{
	const struct crowd *crowd = arg;

	return dc_online_count(crowd->dc->dc) == crowd->count + PROXIES;
}

/* Two at random of whom a relay is not needed; either may call. */
static void random_call(struct crowd *crowd)
{
	struct sim_rng *rng = &crowd->sim->rng;
	struct sim_call_args args = {.talk_ms = 4000, .rtp_ms = 100};
	size_t a, b;

	do {
		a = sim_random_below(rng, (uint32_t)crowd->count);
		b = sim_random_below(rng, (uint32_t)crowd->count);
	} while (a == b || (crowd->lan[a] != crowd->lan[b] && a % 2 == 1 && b % 2 == 1));
	args.caller = crowd->node[a];
	args.callee = crowd->node[b];
	args.proxy = crowd->proxy[sim_random_below(rng, PROXIES)];
	args.family = sim_random_below(rng, 4) == 0 ? 6 : 4;
	args.ring_ms = 500 + sim_random_below(rng, 3000);
	sim_call_new(&args);
}

struct figures {
	size_t ended, failed, heard;
	int64_t median_ms, worst_ms; /* from the callee's 200 OK to the caller's */
};

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static struct figures figures_of(const struct sim *sim)
{
	int64_t *took_ms = calloc(sim->call_count + 1, sizeof(*took_ms));
	struct figures f = {.ended = 0};

	assert_non_null(took_ms);
	for (size_t i = 0; i < sim->call_count; i++) {
		struct sim_call *call = sim->calls[i];

		assert_true(sim_call_is_over(call));
		f.heard += sim_call_has_media(call);
		if (call->state == SIM_CALL_ENDED)
			took_ms[f.ended++] = call->answered_ms - call->first_answer_ms;
		else
			f.failed++;
	}
	qsort(took_ms, f.ended, sizeof(*took_ms), by_size);
	if (f.ended > 0) {
		f.median_ms = took_ms[f.ended / 2];
		f.worst_ms = took_ms[f.ended - 1];
	}
	free(took_ms);
	return f;
}

static void call_at_random(struct crowd *crowd, size_t calls)
{
	for (size_t i = 0; i < calls; i++) {
		random_call(crowd);
		sim_run(crowd->sim, sim_random_below(&crowd->sim->rng, 300));
	}
	sim_run(crowd->sim, 100 * 1000);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void a_thousand(void **state)
{
	struct sim *sim = *state;
	struct crowd crowd;
	double start = seconds();
	int64_t start_ms;

	crowd_init(&crowd, sim, 1000);
	start_ms = sim_now(sim);
	assert_true(sim_until(sim, all_registered, &crowd, 60000));
	print_message("# 1000 nodes registered within %lld ms, 5 %% loss\n",
		      (long long)(sim_now(sim) - start_ms));
	call_at_random(&crowd, 1000);
	struct figures f = figures_of(sim);
	print_message("# 1000 calls: %zu ended well, %zu with media both ways, %zu failed; 200 OK "
		      "to 200 OK median %lld ms, worst %lld ms\n",
		      f.ended, f.heard, f.failed, (long long)f.median_ms, (long long)f.worst_ms);
	assert_true(all_registered(&crowd));
	assert_true(f.ended >= 990);
	assert_true(f.heard >= 980);
	assert_int_equal(sim->sip_strange, 0);
	/* Callee's hold, caller's hold, and the copies that a loss may cost. */
	assert_true(f.median_ms <= 300);

	size_t with = sim_allocated();
	sim_dc_kill(crowd.dc);
	size_t per_node = (with - sim_allocated()) / (crowd.count + PROXIES);
	print_message("# the DC's memory: %zu bytes a node; real time %.1f s\n", per_node,
		      seconds() - start);
	assert_true(per_node <= 16384);
	crowd_fini(&crowd);
}

static uint64_t trace_of_run(uint64_t seed)
{
	struct sim *sim = sim_new(seed);
	struct crowd crowd;
	uint64_t trace;

	crowd_init(&crowd, sim, 30);
	assert_true(sim_until(sim, all_registered, &crowd, 60000));
	call_at_random(&crowd, 20);
	figures_of(sim);
	trace = sim->trace;
	crowd_fini(&crowd);
	sim_free(sim);
	return trace;
}

static void same_seed_same_run(void **state)
{
	uint64_t seed = sim_seed();
	uint64_t first = trace_of_run(seed);

	(void)state;
	assert_true(first == trace_of_run(seed));
	assert_true(first != trace_of_run(seed + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_seed_same_run),
		cmocka_unit_test_setup_teardown(a_thousand, sim_setup, sim_teardown),
	};

	return sim_main("crowd", tests, sizeof(tests) / sizeof(tests[0]));
}
