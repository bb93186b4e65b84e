/* SPDX-License-Identifier: BSD-2-Clause */
/* Inner packets that the path does not take whole: in parts, until it is known to be wide. */
#include "sim_relay.h"

#include "node_priv.h"

#define DOMAIN "ntm.example"
#define PORT   7777
#define BIG    1372 /* of payload: what fits into the TUN's 1400 bytes */
#define NARROW 1272 /* UDP payload over IPv4 with an MTU of 1300 */
#define WIDE   1472 /* of 1500 */

struct pair {
	struct sim *sim;
	struct sim_node *a, *b;
	unsigned came, wrong;
	bool seen[65536];
};

static void fill(uint8_t data[static BIG], uint16_t number)
{
	for (size_t i = 0; i < BIG; i++)
		data[i] = (uint8_t)(number * 31 + i * 7 + i / 251);
	memcpy(data, &number, sizeof(number));
}

static void on_big(void *arg, struct sim_node *node, const struct ntm_ippkt *view)
{
	struct pair *p = arg;
	uint8_t expected[BIG];
	uint16_t number;

	(void)node;
	assert_int_equal(view->payload_len, BIG);
	memcpy(&number, view->payload, sizeof(number));
	fill(expected, number);
	p->came++;
	p->wrong += memcmp(view->payload, expected, BIG) != 0 || p->seen[number];
	p->seen[number] = true;
}

static void say_big(struct pair *p, uint16_t number)
{
	struct ntm_addr to = {.ip = sim_vip(p->b, number % 2 ? 6 : 4), .port = PORT};
	static uint8_t data[NTM_PKT_MAX];
	struct ntm_addr from = {.ip = sim_vip(p->a, to.ip.family), .port = PORT};
	uint8_t payload[BIG];
	size_t len;

	fill(payload, number);
	len = ntm_ippkt_build_udp(data, sizeof(data), &from, &to, payload, BIG);
	assert_true(len > 0);
	sim_tun(p->a, data, len);
}

static void say_many(struct pair *p, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		say_big(p, (uint16_t)(2 * i));
		sim_run(p->sim, 20);
	}
	sim_run(p->sim, 500);
}

static uint64_t cut(const struct pair *p)
{
	return tunnels_counters(p->a->node->tunnels)->cut;
}

static void forget(struct pair *p)
{
	p->came = p->wrong = 0;
	memset(p->seen, 0, sizeof(p->seen));
}

/* Two that meet directly, or by relays only. */
static struct pair *pair_new(struct sim *sim, bool by_relay)
{
	struct pair *p = calloc(1, sizeof(*p));
	struct sim_dc *dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	struct sim_lan *home[2] = {&sim->internet, &sim->internet};

	assert_non_null(p);
	p->sim = sim;
	sim_relay_new(dc, "192.0.2.200", NULL, "relay0");
	for (int i = 0; by_relay && i < 2; i++)
		home[i] =
			&sim_nat_new(sim, SIM_SYMMETRIC, i ? "203.0.113.2" : "203.0.113.1")->inside;
	sim_run(sim, 1000);
	p->a = sim_node_up(dc, home[0], "10.0.0.2", "alice");
	p->b = sim_node_up(dc, home[1], "10.0.0.3", "bob");
	sim_app_add(p->b, PORT, on_big, p);
	return p;
}

static void narrow_path(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct sim *sim = i ? sim_new(sim_seed()) : *state;
		struct pair *p = pair_new(sim, i);

		sim->internet.medium.most = NARROW;
		say_many(p, 200);
		assert_int_equal(p->came, 200);
		assert_int_equal(p->wrong, 0);
		assert_int_equal(cut(p), 200);
		assert_int_equal(sim_path(p->a, p->b), i ? SIM_PATH_RELAY : SIM_PATH_DIRECT);
		free(p);
		if (i)
			sim_free(sim);
	}
}

/* The first ones in parts; whole as soon as the path is known to take them. */
static void wide_path(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct sim *sim = i ? sim_new(sim_seed()) : *state;
		struct pair *p = pair_new(sim, i);

		sim->internet.medium.most = WIDE;
		say_many(p, 100);
		assert_int_equal(p->came, 100);
		assert_in_range(cut(p), 0, 20);
		free(p);
		if (i)
			sim_free(sim);
	}
}

/* A path that becomes narrow (a route has changed) is noticed, and one that becomes wide is too. */
static void path_changes(void **state)
{
	struct pair *p = pair_new(*state, false);
	uint64_t before;

	p->sim->internet.medium.most = WIDE;
	say_many(p, 100);
	p->sim->internet.medium.most = NARROW;
	say_many(p, 1000); /* 20 s of it */
	forget(p);
	before = cut(p);
	say_many(p, 100);
	assert_int_equal(p->came, 100);
	assert_int_equal(cut(p) - before, 100);
	p->sim->internet.medium.most = WIDE;
	say_many(p, 3500); /* it is tried again each minute */
	before = cut(p);
	forget(p);
	say_many(p, 100);
	assert_int_equal(p->came, 100);
	assert_int_equal(cut(p), before);
	free(p);
}

/* It becomes narrow in the middle of what is sent, and nobody says so: 2 s later all comes again,
 * whether much is sent or a packet now and then. */
static void narrows_meanwhile(void **state)
{
	static const int64_t gaps_ms[] = {5, 20, 100, 300};

	for (unsigned i = 0; i < 8; i++) {
		struct sim *sim = i ? sim_new(sim_seed() + i) : *state;
		struct pair *p = pair_new(sim, i % 2);
		int64_t gap_ms = gaps_ms[i / 2], narrow_ms, lost_ms = 0;
		uint16_t number = 0;

		sim->internet.medium.most = WIDE;
		say_many(p, 500 + 7 * i); /* at different times after a probe */
		sim->internet.medium.most = NARROW;
		forget(p);
		narrow_ms = sim_now(sim);
		while (sim_now(sim) < narrow_ms + 6000) {
			say_big(p, (uint16_t)(2 * ++number));
			sim_run(sim, gap_ms);
		}
		sim_run(sim, 500);
		for (uint16_t k = 1; k <= number; k++)
			if (!p->seen[2 * k])
				lost_ms = k * gap_ms;
		print_message("# every %d ms, %s: whole again after %d ms\n", (int)gap_ms,
			      i % 2 ? "by relay" : "direct", (int)lost_ms);
		assert_in_range(lost_ms, 1, 2000);
		free(p);
		if (i)
			sim_free(sim);
	}
}

/* One big packet after a long time, such as an INVITE: its copy, half a second later, comes. */
static void narrow_since_the_last(void **state)
{
	struct pair *p = pair_new(*state, false);

	p->sim->internet.medium.most = WIDE;
	say_many(p, 500);
	sim_run(p->sim, 30000);
	p->sim->internet.medium.most = NARROW;
	sim_run(p->sim, 1000);
	forget(p);
	say_big(p, 2);
	sim_run(p->sim, 500);
	say_big(p, 4);
	sim_run(p->sim, 500);
	assert_int_equal(p->came, 1);
	assert_true(p->seen[4]);
	free(p);
}

/* Nothing is put together wrongly, whatever the net does to the parts. */
static void bad_net(void **state)
{
	struct pair *p = pair_new(*state, false);
	const struct ntm_frags_counters *counters = tunnels_frags_counters(p->b->node->tunnels);

	p->sim->internet.medium.most = NARROW; /* so it is never taken for a wide one */
	say_many(p, 1);
	forget(p);
	p->sim->internet.medium = (struct sim_medium){.delay_ms = 20,
						      .jitter_ms = 30,
						      .loss = 50,
						      .dup = 50,
						      .most = NARROW};
	for (uint16_t i = 0; i < 2000; i++) {
		say_big(p, (uint16_t)(2 * i));
		say_big(p, (uint16_t)(2 * i + 1));
		sim_run(p->sim, 10);
	}
	sim_run(p->sim, 2000);
	print_message("# %u of 4000 came; %u late, %u crowded out\n", p->came,
		      (unsigned)counters->late, (unsigned)counters->crowded_out);
	assert_int_equal(p->wrong, 0);
	/* Both parts of 95 percent each, 90 percent of all. */
	assert_in_range(p->came, 3500, 3720);
	assert_int_equal(counters->refused, 0);
	free(p);
}

int main(void)
{
#define scenario(fn) cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)
	const struct CMUnitTest tests[] = {
		scenario(narrow_path),           scenario(wide_path),
		scenario(path_changes),          scenario(narrows_meanwhile),
		scenario(narrow_since_the_last), scenario(bad_net),
	};

	return sim_main("big", tests, sizeof(tests) / sizeof(tests[0]));
}
