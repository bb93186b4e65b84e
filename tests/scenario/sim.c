/* SPDX-License-Identifier: BSD-2-Clause */
/* The world of a scenario: its clock, its seeded chance, and what runs in which order. */
#include "sim_exit.h"
#include "sim_two.h"

#include "ntm/noise.h"

#include <malloc.h>

#include <sodium.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void); /* its header is not with every compiler */
#endif

#define DEFAULT_SEED 20261124

/* splitmix64: small, and good enough to lose packets by. */
uint64_t sim_random(struct sim_rng *rng)
{
	uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint32_t sim_random_below(struct sim_rng *rng, uint32_t below)
{
	return (uint32_t)(sim_random(rng) % below);
}

/* ---- libsodium's generator, seeded ---- */

static struct sim_rng secrets;

static const char *secrets_name(void)
{
	return "sim";
}

static uint32_t secrets_random(void)
{
	return (uint32_t)sim_random(&secrets);
}

static void secrets_buf(void *const buf, const size_t len)
{
	uint8_t *out = buf;

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(sim_random(&secrets) >> 32);
}

static struct randombytes_implementation secrets_source = {
	.implementation_name = secrets_name,
	.random = secrets_random,
	.buf = secrets_buf,
};

/* ---- life ---- */

uint64_t sim_seed(void)
{
	const char *text = getenv("NTM_SEED");

	return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 0) : DEFAULT_SEED;
}

static void set_time(struct sim *sim, int64_t now_ms)
{
	ntm_timers_advance(&sim->timers, now_ms, INT64_C(1000) * SIM_NOW_S + now_ms);
}

static void quiet(enum ntm_log_level level, const char *text, void *arg)
{
	struct sim *sim = arg;

	sim->lines += level <= NTM_LOG_INFO;
	if (getenv("NTM_SIM_LOG") != NULL)
		fprintf(stderr, "%8lld %d %s\n", (long long)sim->timers.now_ms, (int)level, text);
}

struct sim *sim_new(uint64_t seed)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	assert_non_null(sim);
	randombytes_set_implementation(&secrets_source);
	assert_int_equal(ntm_crypto_init(), 0);
	secrets.state = seed;
	sim->seed = seed;
	sim->rng.state = seed ^ UINT64_C(0x5ca1ab1e);
	sim->trace = UINT64_C(0xcbf29ce484222325);
	ntm_timers_init(&sim->timers);
	set_time(sim, 1000);
	ntm_log_set_sink(quiet, sim);
	ntm_log_set_level(getenv("NTM_SIM_LOG") != NULL ? NTM_LOG_DEBUG : NTM_LOG_INFO);
	sim_lan_init(&sim->internet, sim, NULL);
	sim->internet.medium = (struct sim_medium){.delay_ms = 20};
	sim->dns.delay_ms = 30;
	sim->parser = ntm_sip_parser_new();
	sim->sip_sent = ntm_map_new();
	assert_non_null(sim->parser);
	assert_non_null(sim->sip_sent);
	return sim;
}

void sim_free(struct sim *sim)
{
	sim_calls_free(sim);
	sim_nodes_free(sim);
	sim_wants_free(sim);
	sim_exits_free(sim);
	sim_relays_free(sim);
	sim_dcs_free(sim);
	sim_packets_free(sim);
	sim_dns_free(sim);
	sim_nats_free(sim);
	ntm_map_free(sim->internet.places);
	ntm_map_free(sim->sip_sent);
	ntm_sip_parser_free(sim->parser);
	ntm_log_set_sink(NULL, NULL);
	assert_int_equal(ntm_timers_next(&sim->timers), -1);
	free(sim);
}

int64_t sim_now(const struct sim *sim)
{
	return sim->timers.now_ms;
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

bool sim_until(struct sim *sim, bool (*fn)(void *arg), void *arg, int64_t limit_ms)
{
	int64_t end_ms = sim->timers.now_ms + limit_ms;

	while (!fn(arg)) {
		int64_t wait_ms = ntm_timers_next(&sim->timers);

		if (wait_ms < 0 || sim->timers.now_ms + wait_ms > end_ms) {
			set_time(sim, end_ms);
			return fn(arg);
		}
		set_time(sim, sim->timers.now_ms + wait_ms);
		ntm_timers_run(&sim->timers);
	}
	return true;
}

void sim_run(struct sim *sim, int64_t ms)
{
	sim_until(sim, never, NULL, ms);
}

size_t sim_allocated(void)
{
#ifdef __SANITIZE_ADDRESS__
	return __sanitizer_get_current_allocated_bytes();
#else
	return mallinfo2().uordblks + mallinfo2().hblkhd;
#endif
}

size_t sim_allocated_slack(void)
{
#ifdef __SANITIZE_ADDRESS__
	return 4096;
#else
	return 512 * 1024;
#endif
}

int sim_setup(void **state)
{
	*state = sim_new(sim_seed());
	return 0;
}

int sim_teardown(void **state)
{
	struct sim *sim = *state;

	print_message("# seed %llu: %llu datagrams, %llu lost, %lld s, trace %016llx\n",
		      (unsigned long long)sim->seed, (unsigned long long)sim->datagrams,
		      (unsigned long long)sim->lost, (long long)(sim->timers.now_ms / 1000),
		      (unsigned long long)sim->trace);
	sim_free(sim);
	return 0;
}

int sim_main(const char *name, const struct CMUnitTest *tests, size_t count)
{
	int failed = _cmocka_run_group_tests(name, tests, count, NULL, NULL);

	if (failed != 0)
		fprintf(stderr, "%s: %d failed; again with NTM_SEED=%llu\n", name, failed,
			(unsigned long long)sim_seed());
	return failed;
}
