/* SPDX-License-Identifier: BSD-2-Clause */
/* Both nodes want each other at about the same time, so that both DCs ask each other: always one
 * tunnel. */
#include "sim_two.h"

#include "dc_priv.h"
#include "node_priv.h"

#define SHIFT_MAX_MS 200
#define STEP_MS      10

struct cross {
	bool is_warm;
	struct sim_medium medium;
	enum sim_by a_by, b_by;
	int64_t bob_ms; /* negative: bob wants first */
};

static int64_t later_of(const struct sim_want *one, const struct sim_want *other)
{
	int64_t end_ms = one->asked_ms + one->took_ms, other_ms = other->asked_ms + other->took_ms;

	return end_ms > other_ms ? end_ms : other_ms;
}

/* A world of its own each time, with keys of its own. Returns when the last of both had it, since
 * the first wanted it. */
static int64_t cross_once(uint64_t seed, const struct cross *cross)
{
	struct sim *sim = sim_new(seed);
	bool is_alice_first = cross->bob_ms >= 0;
	int64_t apart_ms = is_alice_first ? cross->bob_ms : -cross->bob_ms;
	struct sim_want *first, *second;
	struct two two;
	int64_t took_ms;

	two_up(sim, &two);
	if (cross->is_warm)
		two_warm(&two);
	sim->internet.medium = cross->medium;
	first = is_alice_first ? sim_want(two.alice, two.bob, cross->a_by)
			       : sim_want(two.bob, two.alice, cross->b_by);
	sim_run(sim, apart_ms);
	second = is_alice_first ? sim_want(two.bob, two.alice, cross->b_by)
				: sim_want(two.alice, two.bob, cross->a_by);
	assert_true(sim_until(sim, sim_want_is_over, first, 3200));
	assert_true(sim_until(sim, sim_want_is_over, second, 3200));
	if (first->err != 0 || second->err != 0)
		fail_msg("seed %llu, bob %lld ms later: %s; %s", (unsigned long long)seed,
			 (long long)cross->bob_ms, first->words, second->words);
	took_ms = later_of(first, second) - first->asked_ms;
	sim_run(sim, 2000);
	sim->internet.medium = (struct sim_medium){.delay_ms = 20};
	two_check(&two);
	two_check_quiet(&two);
	two_check(&two);
	sim_free(sim);
	return took_ms;
}

static void every_shift(bool is_warm, const struct sim_medium *medium)
{
	int64_t worst_ms = 0, sum_ms = 0;
	unsigned count = 0;

	for (int64_t ms = -SHIFT_MAX_MS; ms <= SHIFT_MAX_MS; ms += STEP_MS) {
		struct cross cross = {.is_warm = is_warm,
				      .medium = *medium,
				      .bob_ms = ms,
				      .a_by = (enum sim_by)(count % 3),
				      .b_by = (enum sim_by)(count / 3 % 3)};
		int64_t took_ms = cross_once(sim_seed() + count, &cross);

		worst_ms = took_ms > worst_ms ? took_ms : worst_ms;
		sum_ms += took_ms;
		count++;
	}
	print_message("# %s, %u crossings: mean %lld ms, worst %lld ms\n",
		      is_warm ? "warm" : "cold", count, (long long)(sum_ms / count),
		      (long long)worst_ms);
	if (medium->loss == 0)
		assert_true(worst_ms <= SHIFT_MAX_MS + 500);
}

static void cold(void **state)
{
	const struct sim_medium good = {.delay_ms = 20};

	(void)state;
	every_shift(false, &good);
}

static void warm(void **state)
{
	const struct sim_medium good = {.delay_ms = 20};

	(void)state;
	every_shift(true, &good);
}

static void cold_with_jitter(void **state)
{
	const struct sim_medium bad = {.delay_ms = 10, .jitter_ms = 40, .dup = 200};

	(void)state;
	every_shift(false, &bad);
}

static void warm_with_jitter(void **state)
{
	const struct sim_medium bad = {.delay_ms = 10, .jitter_ms = 40, .dup = 200};

	(void)state;
	every_shift(true, &bad);
}

/* Loss may cost the first try; the second one, after the negative cache, has to do. */
static void with_loss(void **state)
{
	struct sim *sim = *state;
	unsigned first_try = 0;
	struct two two;

	two_up(sim, &two);
	for (unsigned i = 0; i < 25; i++) {
		struct sim_want *one, *other;

		sim->internet.medium = (struct sim_medium){.delay_ms = 10,
							   .jitter_ms = 40,
							   .loss = 50,
							   .dup = 100};
		one = sim_want(two.alice, two.bob, (enum sim_by)(i % 3));
		sim_run(sim, sim_random_below(&sim->rng, 150));
		other = sim_want(two.bob, two.alice, (enum sim_by)(i / 3 % 3));
		sim_run(sim, 3200);
		assert_true(sim_want_is_over(one) && sim_want_is_over(other));
		first_try += one->err == 0 && other->err == 0;
		sim->internet.medium = (struct sim_medium){.delay_ms = 20};
		sim_run(sim, 6000);
		sim_want(two.alice, two.bob, SIM_BY_VIP4);
		sim_run(sim, 1500);
		two.alice->icmp_in = two.bob->icmp_in = 0;
		two_check(&two);
		sim_node_stop(two.alice);
		sim_node_stop(two.bob);
		sim_run(sim, 6000);
		sim_node_start(two.alice);
		sim_node_start(two.bob);
		sim_run(sim, 1000);
	}
	print_message("# 25 crossings with 5 %% loss: %u at the first try\n", first_try);
	assert_true(first_try >= 22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cold),
		cmocka_unit_test(warm),
		cmocka_unit_test(cold_with_jitter),
		cmocka_unit_test(warm_with_jitter),
		cmocka_unit_test_setup_teardown(with_loss, sim_setup, sim_teardown),
	};

	return sim_main("domains_cross", tests, sizeof(tests) / sizeof(tests[0]));
}
