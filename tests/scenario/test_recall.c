/* SPDX-License-Identifier: BSD-2-Clause */
/* A DC that was away calls its nodes back; those that it cannot reach come by themselves. */
#include "sim.h"

#include "dc_priv.h"
#include "node_priv.h"

#define DOMAIN "ntm.example"
#define NODES  20
#define KINDS  4 /* of NAT, besides none */

struct flock {
	struct sim *sim;
	struct sim_dc *dc;
	struct sim_nat *nat[KINDS];
	struct sim_node *node[NODES];
};

static bool all_online(void *arg)
{
	const struct flock *flock = arg;

	return dc_online_count(flock->dc->dc) == NODES;
}

/* Four in the open, four behind each kind of NAT; each has its own phase of PINGs. */
static struct flock flock_new(struct sim *sim)
{
	struct flock flock = {.sim = sim, .dc = sim_dc_new(sim, DOMAIN, "192.0.2.1")};
	char ip[32], name[16];

	for (size_t i = 0; i < KINDS; i++) {
		snprintf(ip, sizeof(ip), "192.0.2.%zu", 20 + i);
		flock.nat[i] = sim_nat_new(sim, (enum sim_nat_kind)i, ip);
	}
	for (size_t i = 0; i < NODES; i++) {
		bool is_open = i % (KINDS + 1) == KINDS;

		snprintf(name, sizeof(name), "n%zu", i);
		snprintf(ip, sizeof(ip), is_open ? "192.0.2.%zu" : "10.0.0.%zu", 100 + i);
		flock.node[i] =
			sim_node_up(flock.dc,
				    is_open ? &sim->internet : &flock.nat[i % (KINDS + 1)]->inside,
				    ip, name);
		sim_run(sim, sim_random_below(&sim->rng, 3000));
	}
	sim_run(sim, 30000); /* idle */
	assert_true(all_online(&flock));
	return flock;
}

/* Kills the DC and starts it again; until all of them are back, at most limit_ms. */
static int64_t back_after(struct flock *flock, int64_t down_ms, int64_t limit_ms)
{
	int64_t start_ms;

	sim_dc_kill(flock->dc);
	sim_run(flock->sim, down_ms);
	sim_dc_start(flock->dc);
	start_ms = sim_now(flock->sim);
	if (!sim_until(flock->sim, all_online, flock, limit_ms))
		fail_msg("down for %lld ms: %zu of %d are back after %lld ms", (long long)down_ms,
			 dc_online_count(flock->dc->dc), NODES, (long long)limit_ms);
	return sim_now(flock->sim) - start_ms;
}

static void all_know(const struct flock *flock)
{
	for (size_t i = 0; i < NODES; i++)
		assert_true(node_is_registered(flock->node[i]->node));
}

static unsigned handshakes_of(const struct sim_dc *dc)
{
	const struct registry_node *node;
	struct ntm_link_stats stats;
	unsigned count = 0;
	size_t pos = 0;

	while ((node = registry_next(&dc->dc->registry, &pos)) != NULL) {
		ntm_link_stats(node->link, &stats);
		count += stats.handshakes;
	}
	return count;
}

/* Nobody has noticed anything: a handshake, a REGISTER, and no more. */
static void at_once(void **state)
{
	struct flock flock = flock_new(*state);
	print_message("# all back after %lld ms\n", (long long)back_after(&flock, 0, 1000));
	sim_run(flock.sim, 10000);
	all_know(&flock);
	/* A PING may have found the DC in that moment as well. */
	assert_in_range(handshakes_of(flock.dc), NODES, NODES + 2);
	assert_int_equal(flock.dc->dc->recall.called, NODES);
	assert_int_equal(ntm_links_count(flock.dc->dc->links), NODES);
	/* It holds as well as a session that the node has begun. */
	for (unsigned i = 0; i < 20; i++) {
		sim_run(flock.sim, 60000);
		assert_true(all_online(&flock));
	}
	all_know(&flock);
}

/* Some have noticed, and are in some part of their round of handshakes. */
static void after_a_while(void **state)
{
	struct flock flock = flock_new(*state);
	int64_t worst_ms = 0;

	for (int64_t down_ms = 1000; down_ms <= 30000; down_ms += 1000) {
		int64_t back_ms = back_after(&flock, down_ms, 5000);

		worst_ms = back_ms > worst_ms ? back_ms : worst_ms;
		sim_run(flock.sim, sim_random_below(&flock.sim->rng, 30000));
	}
	for (int64_t down_ms = 60000; down_ms <= 300000; down_ms += 60000) {
		int64_t back_ms = back_after(&flock, down_ms, 5000);

		worst_ms = back_ms > worst_ms ? back_ms : worst_ms;
		sim_run(flock.sim, 10000);
	}
	all_know(&flock);
	assert_true(worst_ms <= 1000); /* nothing is lost: the DC's call finds them all */
	print_message("# down for 1 s to 5 min: all back after %lld ms at most\n",
		      (long long)worst_ms);
}

/* Who was refused because the DC was silent is not refused any longer when it is back. */
static void a_call_after_its_return(void **state)
{
	struct flock flock = flock_new(*state);
	struct sim_node *a = flock.node[0], *b = flock.node[KINDS];

	sim_dc_kill(flock.dc);
	for (unsigned i = 0; i < 20; i++) {
		sim_say(a, b, 4, 9999, "hello");
		sim_run(flock.sim, 200);
	}
	assert_true(a->icmp_in > 0); /* a moment ago */
	sim_dc_start(flock.dc);
	sim_run(flock.sim, 1000);
	assert_false(sim_is_tunnel(a, b));
	sim_say(a, b, 4, 9999, "are you there?");
	sim_run(flock.sim, 500);
	assert_string_equal(b->data, "are you there?");
}

/* On a network that loses much. */
static void with_loss(void **state)
{
	struct flock flock = flock_new(*state);

	flock.sim->internet.medium =
		(struct sim_medium){.delay_ms = 40, .jitter_ms = 40, .loss = 100, .dup = 10};
	for (int64_t down_ms = 0; down_ms <= 20000; down_ms += 4000) {
		back_after(&flock, down_ms, 10000);
		sim_run(flock.sim, 20000);
	}
}

/* Where the store says they are, there is nobody, or somebody else: they come by themselves. */
static void moved_while_it_was_down(void **state)
{
	struct flock flock = flock_new(*state);
	struct sim_node *node = flock.node[KINDS];
	struct sim_node *other = flock.node[2 * KINDS + 1];
	struct ntm_ip left = node->place.ip;

	sim_dc_kill(flock.dc);
	sim_run(flock.sim, 1000);
	sim_place_del(&node->place);
	sim_place_del(&other->place);
	node->addr.ip = node->place.ip = sim_ip("203.0.113.7");
	other->addr.ip = other->place.ip = left;
	sim_place_add(&flock.sim->internet, &node->place);
	sim_place_add(&flock.sim->internet, &other->place);
	node_addrs_changed(node->node);
	node_addrs_changed(other->node);
	assert_true(back_after(&flock, 20000, 5000) <= 5000);
	all_know(&flock);
}

static void seen(struct sim_dc *dc, const struct sim_node *node, const struct ntm_addr *at)
{
	struct store_node who;
	struct store_seen put = {.at = *at};

	assert_int_equal(lookup_by_key(dc->store, node->lease.keys.pub, &who), 0);
	put.node_id = who.id;
	assert_int_equal(lookup_seen_put(dc->store, &put, 1), 0);
}

/* The store is wrong: their own PING finds the DC, and the store is right again. */
static void wrong_addresses(void **state)
{
	struct flock flock = flock_new(*state);
	const struct ntm_addr wrong[] = {
		flock.node[1]->addr,                /* inside of a NAT */
		flock.dc->addr,                     /* the DC's own */
		sim_addr("203.0.113.99", 4330),     /* nobody's */
		sim_addr("192.0.2.20", 1),          /* a NAT's port that is mapped to nobody */
		{.ip = flock.node[KINDS]->addr.ip}, /* port 0 */
	};
	struct store_node who;

	sim_dc_kill(flock.dc);
	for (size_t i = 0; i < NODES; i++)
		seen(flock.dc, flock.node[i], &wrong[i % 5]);
	assert_true(back_after(&flock, 0, 25000) > 1000);
	sim_run(flock.sim, 2000);
	all_know(&flock);
	for (size_t i = 0; i < NODES; i++) {
		assert_int_equal(lookup_by_key(flock.dc->store, flock.node[i]->lease.keys.pub,
					       &who),
				 0);
		assert_false(ntm_addr_eq(&who.seen_at, &wrong[i % 5]));
	}
	assert_true(back_after(&flock, 0, 1000) <= 1000);
}

/* ---- a thousand ---- */

#define MANY      1000
#define WINDOW_MS 1000

struct many {
	struct sim *sim;
	struct sim_dc *dc;
	int64_t window_ms;
	unsigned in_window, most;
};

static bool many_online(void *arg)
{
	const struct many *many = arg;

	return dc_online_count(many->dc->dc) == MANY;
}

/* INITIATIONs of the DC. */
static void on_datagram(void *arg, const struct ntm_addr *from, const struct ntm_addr *to,
			const uint8_t *data, size_t len)
{
	struct many *many = arg;

	(void)to;
	if (!ntm_addr_eq(from, &many->dc->addr) || len == 0 || data[0] != NTM_FRAME_INITIATION)
		return;
	if (sim_now(many->sim) - many->window_ms >= WINDOW_MS) {
		many->window_ms = sim_now(many->sim);
		many->in_window = 0;
	}
	if (++many->in_window > many->most)
		many->most = many->in_window;
}

static void a_thousand(void **state)
{
	struct sim *sim = *state;
	struct many many = {.sim = sim, .dc = sim_dc_new(sim, DOMAIN, "192.0.2.1")};
	int64_t start_ms;

	for (unsigned i = 0; i < MANY; i++) {
		char ip[32], name[16];

		snprintf(ip, sizeof(ip), "203.0.%u.%u", i / 200, 1 + i % 200);
		snprintf(name, sizeof(name), "n%u", i);
		sim_node_start(sim_node_new(many.dc, &sim->internet, ip, name));
		sim_run(sim, 10);
	}
	assert_true(sim_until(sim, many_online, &many, 60000));
	sim_run(sim, 10000);
	sim_dc_kill(many.dc);
	sim->tap = on_datagram;
	sim->tap_arg = &many;
	sim_dc_start(many.dc);
	start_ms = sim_now(sim);
	assert_true(sim_until(sim, many_online, &many, 15000));
	print_message("# 1000 nodes back after %lld ms; at most %u calls a second\n",
		      (long long)(sim_now(sim) - start_ms), many.most);
	assert_in_range(many.most, 90, 100);
	sim->tap = NULL;
}

#define scenario(fn) cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(at_once),    scenario(a_call_after_its_return), scenario(after_a_while),
		scenario(with_loss),  scenario(moved_while_it_was_down), scenario(wrong_addresses),
		scenario(a_thousand),
	};

	return sim_main("recall", tests, sizeof(tests) / sizeof(tests[0]));
}
