/* SPDX-License-Identifier: BSD-2-Clause */
/* Fifty domains that all trust each other, a thousand nodes that want each other at random, on a
 * bad network, with DCs that restart; and a small run of the same kind, twice. */
#include "sim_two.h"

#include "dc_priv.h"
#include "node_priv.h"

#include <time.h>

#define SITE     10   /* nodes behind one NAT, whatever their domains */
#define WANT_MS  3200 /* a direction's end, and some */
#define LIMIT_MS 6200 /* a direction that came late, and a Tunnel Request that was given up */
#define SWEEP_MS 5000

struct federation {
	struct sim *sim;
	size_t domains, count; /* count: of nodes */
	struct member {
		struct sim_node *node;
		struct sim_lan *lan;
		size_t domain;
	} * member;
	struct seat {
		struct federation *all;
		struct sim_dc *dc;
		int64_t changed_ms; /* killed or started last */
		struct ntm_timer back;
	} * seat;
	struct ntm_timer starter, breaker;
	size_t started, restarts;
};

/* One want, and how the world was when it began. */
struct trial {
	struct sim_want *want;
	struct member *from, *to;
	bool is_possible, is_over;
};

static bool is_inside(const struct member *member)
{
	return member->lan->gate != NULL;
}

/* ---- the world ---- */

static void seat_new(struct federation *f, size_t i)
{
	char domain[32], ip[32];

	snprintf(domain, sizeof(domain), "d%02zu.example", i);
	snprintf(ip, sizeof(ip), "192.0.2.%zu", 1 + i);
	f->seat[i].all = f;
	f->seat[i].dc = sim_dc_new(f->sim, domain, ip);
	sim_dc_kill(f->seat[i].dc);
}

static void pin_all(struct federation *f)
{
	struct trust_pin pin;

	for (size_t i = 0; i < f->domains; i++) {
		sim_pin(f->seat[i].dc, &pin);
		for (size_t j = 0; j < f->domains; j++)
			if (j != i)
				sim_trust(f->seat[j].dc, &pin);
	}
	for (size_t i = 0; i < f->domains; i++)
		sim_dc_start(f->seat[i].dc);
}

/* Every third one is behind a NAT; those of one NAT are of several domains. */
static void member_new(struct federation *f, size_t i)
{
	struct member *member = &f->member[i];
	char ip[32], name[16];

	member->domain = i % f->domains;
	member->lan = &f->sim->internet;
	if (i % 3 == 0) {
		size_t inside = i / 3;

		if (inside % SITE == 0) {
			snprintf(ip, sizeof(ip), "192.0.3.%zu", 1 + inside / SITE);
			sim_nat_new(f->sim, (enum sim_nat_kind)(inside / SITE % 4), ip);
		}
		member->lan = &f->sim->nats->inside;
		snprintf(ip, sizeof(ip), "10.0.0.%zu", 2 + inside % SITE);
	} else {
		snprintf(ip, sizeof(ip), "203.0.%zu.%zu", 113 + i / 200, 1 + i % 200);
	}
	snprintf(name, sizeof(name), "n%zu", i);
	member->node = sim_node_new(f->seat[member->domain].dc, member->lan, ip, name);
}

static void on_start(void *arg)
{
	struct federation *f = arg;

	sim_node_start(f->member[f->started++].node);
	if (f->started < f->count)
		ntm_timer_set(&f->sim->timers, &f->starter, 5);
}

static void on_back(void *arg)
{
	struct seat *seat = arg;

	sim_dc_start(seat->dc);
	seat->changed_ms = sim_now(seat->all->sim);
}

/* A DC at random goes down for up to 3 s. */
static void on_break(void *arg)
{
	struct federation *f = arg;
	struct sim_rng *rng = &f->sim->rng;
	struct seat *seat = &f->seat[sim_random_below(rng, (uint32_t)f->domains)];

	ntm_timer_set(&f->sim->timers, &f->breaker, 500 + sim_random_below(rng, 4000));
	if (seat->dc->dc == NULL)
		return;
	sim_dc_kill(seat->dc);
	f->restarts++;
	seat->changed_ms = sim_now(f->sim);
	ntm_timer_set(&f->sim->timers, &seat->back, 10 + sim_random_below(rng, 3000));
}

static bool is_ready(void *arg)
{
	const struct federation *f = arg;

	for (size_t i = 0; i < f->count; i++) {
		const struct node *node = f->member[i].node->node;

		if (node == NULL || !node_is_registered(node) ||
		    node->partners.count != f->domains - 1)
			return false;
	}
	return true;
}

static void federation_init(struct federation *f, struct sim *sim, size_t domains, size_t count)
{
	*f = (struct federation){.sim = sim, .domains = domains, .count = count};
	f->member = calloc(count, sizeof(*f->member));
	f->seat = calloc(domains, sizeof(*f->seat));
	assert_non_null(f->member);
	assert_non_null(f->seat);
	for (size_t i = 0; i < domains; i++) {
		seat_new(f, i);
		ntm_timer_init(&f->seat[i].back, on_back, &f->seat[i]);
	}
	pin_all(f);
	for (size_t i = 0; i < count; i++)
		member_new(f, i);
	sim->internet.medium =
		(struct sim_medium){.delay_ms = 10, .jitter_ms = 30, .loss = 50, .dup = 5};
	sim->dns.loss = 10;
	ntm_timer_init(&f->starter, on_start, f);
	ntm_timer_init(&f->breaker, on_break, f);
	on_start(f);
}

static void federation_fini(struct federation *f)
{
	ntm_timer_del(&f->sim->timers, &f->starter);
	ntm_timer_del(&f->sim->timers, &f->breaker);
	for (size_t i = 0; i < f->domains; i++)
		ntm_timer_del(&f->sim->timers, &f->seat[i].back);
	free(f->member);
	free(f->seat);
}

/* ---- wants ---- */

static bool is_there(const struct member *member)
{
	const struct sim_node *node = member->node;

	return node->dc->dc != NULL && dc_is_online(node->dc->dc, node->fqdn);
}

static bool needs_relay(const struct trial *trial)
{
	return is_inside(trial->from) && is_inside(trial->to) && trial->from->lan != trial->to->lan;
}

static void trial_new(struct federation *f, struct trial *trial)
{
	struct sim_rng *rng = &f->sim->rng;
	size_t from = sim_random_below(rng, (uint32_t)f->count), to;

	do
		to = sim_random_below(rng, (uint32_t)f->count);
	while (to == from);
	*trial = (struct trial){.from = &f->member[from], .to = &f->member[to]};
	trial->is_possible = is_there(trial->from) && is_there(trial->to);
	trial->want =
		sim_want(trial->from->node, trial->to->node, (enum sim_by)sim_random_below(rng, 3));
}

struct figures {
	size_t up, failed, relay, possible, possible_up, hurt, late;
	int64_t worst_ms, worst_error_ms;
};

/* A restart in between takes away what was possible when it began. */
static bool is_hurt(const struct federation *f, const struct trial *trial)
{
	return f->seat[trial->from->domain].changed_ms >= trial->want->asked_ms ||
	       f->seat[trial->to->domain].changed_ms >= trial->want->asked_ms;
}

static void say_failure(const struct trial *trial)
{
	if (getenv("NTM_SIM_SAY") != NULL)
		print_message("# %s to %s at %lld, after %lld ms: %s\n", trial->from->node->fqdn,
			      trial->to->node->fqdn, (long long)trial->want->asked_ms,
			      (long long)trial->want->took_ms, trial->want->words);
}

static void count(struct figures *figures, const struct federation *f, const struct trial *trial)
{
	const struct sim_want *want = trial->want;
	bool is_memory = want->err != 0 && want->took_ms == 0; /* told of a moment ago */
	bool is_fair = trial->is_possible && !needs_relay(trial) && !is_memory;

	figures->up += want->err == 0;
	figures->failed += want->err != 0;
	figures->relay += needs_relay(trial);
	figures->late += want->took_ms > WANT_MS;
	if (is_fair && is_hurt(f, trial)) {
		figures->hurt++;
		is_fair = false;
	}
	figures->possible += is_fair;
	figures->possible_up += is_fair && want->err == 0;
	if (is_fair && want->err != 0)
		say_failure(trial);
	if (want->err == 0 && want->took_ms > figures->worst_ms)
		figures->worst_ms = want->took_ms;
	if (want->err != 0 && want->took_ms > figures->worst_error_ms)
		figures->worst_error_ms = want->took_ms;
}

/* A want is over: with a tunnel to the right one, or with words. */
static void judge(const struct federation *f, struct trial *trial, struct figures *figures)
{
	const struct sim_want *want = trial->want;

	trial->is_over = true;
	if (want->took_ms > LIMIT_MS)
		fail_msg("%s wants %s at %lld: after %lld ms \"%s\"", want->from->fqdn,
			 want->to->fqdn, (long long)want->asked_ms, (long long)want->took_ms,
			 want->words);
	if (want->err == 0) {
		assert_false(needs_relay(trial));
		sim_check_peers(trial->from->node);
		sim_check_peers(trial->to->node);
	} else {
		assert_true(want->words[0] != '\0');
	}
	count(figures, f, trial);
}

static size_t sweep(const struct federation *f)
{
	size_t tunnels = 0;

	for (size_t i = 0; i < f->count; i++)
		tunnels += sim_check_peers(f->member[i].node);
	return tunnels;
}

/* Looks at all that are open, and fails for one that is open for too long. */
static void look(const struct federation *f, struct trial *trials, size_t count,
		 struct figures *figures)
{
	for (size_t i = 0; i < count; i++) {
		struct trial *trial = &trials[i];

		if (trial->is_over)
			continue;
		if (sim_want_is_over(trial->want))
			judge(f, trial, figures);
		else if (sim_now(f->sim) - trial->want->asked_ms > LIMIT_MS)
			fail_msg("%s wants %s: nothing in %d ms", trial->from->node->fqdn,
				 trial->to->node->fqdn, LIMIT_MS);
	}
}

static size_t want_at_random(struct federation *f, size_t wants, uint32_t every_ms,
			     struct figures *figures)
{
	struct trial *trials = calloc(wants, sizeof(*trials));
	int64_t next_sweep_ms = 0;
	size_t tunnels = 0;

	assert_non_null(trials);
	*figures = (struct figures){.up = 0};
	on_break(f);
	for (size_t i = 0; i < wants; i++) {
		size_t first = i > 400 ? i - 400 : 0;

		trial_new(f, &trials[i]);
		sim_run(f->sim, sim_random_below(&f->sim->rng, every_ms));
		look(f, trials + first, i + 1 - first, figures);
		if (sim_now(f->sim) >= next_sweep_ms) {
			tunnels = sweep(f);
			next_sweep_ms = sim_now(f->sim) + SWEEP_MS;
		}
	}
	sim_run(f->sim, LIMIT_MS);
	look(f, trials, wants, figures);
	tunnels = sweep(f);
	free(trials);
	return tunnels;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- tests ---- */

static void fifty_domains(void **state)
{
	struct sim *sim = *state;
	double start = seconds();
	static struct federation f; /* its timers outlive a failure */
	struct figures figures;
	int64_t start_ms;
	size_t tunnels;

	federation_init(&f, sim, 50, 1000);
	start_ms = sim_now(sim);
	assert_true(sim_until(sim, is_ready, &f, 120000));
	print_message("# 50 domains, 1000 nodes, 49 partners each: ready within %lld ms; real time "
		      "%.1f s\n",
		      (long long)(sim_now(sim) - start_ms), seconds() - start);
	tunnels = want_at_random(&f, 1500, 80, &figures);
	print_message("# 1500 wants, %zu restarts of DCs: %zu ended UP (at most %lld ms), %zu with "
		      "an error (at most %lld ms); %zu needed a relay, %zu were hit by a restart\n",
		      f.restarts, figures.up, (long long)figures.worst_ms, figures.failed,
		      (long long)figures.worst_error_ms, figures.relay, figures.hurt);
	print_message(
		"# of %zu that could work %zu did; %zu took more than %d ms; %zu tunnel ends, "
		"all right; real time %.1f s\n",
		figures.possible, figures.possible_up, figures.late, WANT_MS, tunnels,
		seconds() - start);
	assert_true(figures.late <= 5);
	assert_true(figures.possible >= 500);
	assert_true(figures.possible_up * 100 >= figures.possible * 95);
	federation_fini(&f);
}

static uint64_t trace_of_run(uint64_t seed)
{
	struct sim *sim = sim_new(seed);
	struct figures figures;
	struct federation f;
	uint64_t trace;

	federation_init(&f, sim, 6, 30);
	assert_true(sim_until(sim, is_ready, &f, 60000));
	want_at_random(&f, 60, 300, &figures);
	trace = sim->trace;
	federation_fini(&f);
	sim_free(sim);
	return trace;
}

static void same_seed_same_run(void **state)
{
	uint64_t first = trace_of_run(sim_seed());

	(void)state;
	assert_true(first == trace_of_run(sim_seed()));
	assert_true(first != trace_of_run(sim_seed() + 1));
}

static void memory(void **state)
{
	struct sim *sim = *state;
	size_t alone, with, sessions, up = 0;
	static struct federation f;

	federation_init(&f, sim, 50, 50);
	assert_true(sim_until(sim, is_ready, &f, 60000));
	for (size_t i = 1; i < 50; i++)
		sim_want(f.member[0].node, f.member[i].node, SIM_BY_NAME);
	sim_run(sim, 20000);
	for (size_t i = 1; i < 50; i++)
		up += foreign_by_domain(f.seat[0].dc->dc, f.seat[i].dc->domain)->state ==
		      FOREIGN_UP;
	sessions = sim_allocated();
	sim_dc_kill(f.seat[0].dc);
	sessions -= sim_allocated();
	with = sim_allocated();
	sim_dc_start(f.seat[0].dc);
	with = sim_allocated() - with;
	sim_dc_kill(f.seat[0].dc);
	for (size_t i = 1; i < 50; i++)
		sim_untrust(f.seat[0].dc, f.seat[i].dc->domain);
	alone = sim_allocated();
	sim_dc_start(f.seat[0].dc);
	alone = sim_allocated() - alone;
	print_message("# a DC: %zu KB without pins, %zu KB with 49, %zu KB with %zu sessions and a "
		      "node\n",
		      alone / 1024, with / 1024, sessions / 1024, up);
	assert_true((with - alone) / 49 <= 16384 + sim_allocated_slack());
	assert_true(sessions / 49 <= 65536);
	federation_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_seed_same_run),
		cmocka_unit_test_setup_teardown(memory, sim_setup, sim_teardown),
		cmocka_unit_test_setup_teardown(fifty_domains, sim_setup, sim_teardown),
	};

	return sim_main("federation", tests, sizeof(tests) / sizeof(tests[0]));
}
