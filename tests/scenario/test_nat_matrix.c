/* SPDX-License-Identifier: BSD-2-Clause */
/* R165: caller and callee behind every kind of NAT: each call has sound at once, and goes straight
 * as soon as the two NATs let it. */
#include "sim_relay.h"

#define DOMAIN "ntm.example"

/* In front of the four kinds of sim_nat.c: no NAT. */
#define KINDS 5
static const char *const kind_name[KINDS] = {"none", "full", "address", "port", "symmetric"};

struct cell {
	struct sim *sim;
	struct sim_dc *dc;
	struct sim_node *caller, *callee, *proxy;
};

static struct sim_node *place_node(struct cell *cell, unsigned kind, unsigned number)
{
	char name[16], ip[32];

	snprintf(name, sizeof(name), "phone%u", number);
	snprintf(ip, sizeof(ip), "203.0.113.%u", number);
	if (kind == 0)
		return sim_node_up(cell->dc, &cell->sim->internet, ip, name);
	struct sim_nat *nat = sim_nat_new(cell->sim, (enum sim_nat_kind)(kind - 1), ip);
	return sim_node_up(cell->dc, &nat->inside, "10.0.0.2", name);
}

static void cell_init(struct cell *cell, struct sim *sim, unsigned relays)
{
	*cell = (struct cell){.sim = sim};
	cell->dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	for (unsigned i = 0; i < relays; i++) {
		char name[16], ip[32];

		snprintf(name, sizeof(name), "relay%u", i);
		snprintf(ip, sizeof(ip), "192.0.2.%u", 200 + i);
		sim_relay_new(cell->dc, ip, NULL, name);
	}
	sim_run(sim, 1000);
	cell->proxy = sim_node_up(cell->dc, &sim->internet, "192.0.2.30", "sip");
	sim_proxy(cell->proxy);
}

static struct sim_call *make_call(struct cell *cell)
{
	struct sim_call_args args = {.caller = cell->caller,
				     .callee = cell->callee,
				     .proxy = cell->proxy,
				     .talk_ms = 6000};
	struct sim_call *call = sim_call_new(&args);

	sim_until(cell->sim, sim_call_is_up, call, 10000);
	return call;
}

/* Ports that a NAT gives by destination are not to be guessed, so where one side has such a NAT the
 * other has to let in what comes from elsewhere than it has sent to. */
static bool can_be_direct(unsigned a, unsigned b)
{
	bool is_hard = (a == 4 && b >= 3) || (b == 4 && a >= 3);

	return !is_hard;
}

static void check_sound(const struct sim_call *call)
{
	assert_true(call->state == SIM_CALL_ENDED);
	assert_in_range(call->a.received, call->b.sent - 2, call->b.sent);
	assert_in_range(call->b.received, call->a.sent - 2, call->a.sent);
	assert_true(call->a.longest_gap_ms <= 80 && call->b.longest_gap_ms <= 80);
}

static void one_cell(uint64_t seed, unsigned a, unsigned b, enum sim_path *first,
		     enum sim_path *later)
{
	struct sim *sim = sim_new(seed + a * KINDS + b);
	struct cell cell;

	cell_init(&cell, sim, 2);
	cell.caller = place_node(&cell, a, 50);
	cell.callee = place_node(&cell, b, 51);
	struct sim_call *call = make_call(&cell);
	*first = sim_path(cell.caller, cell.callee);
	sim_run(sim, 3000);
	*later = sim_path(cell.caller, cell.callee);
	assert_int_equal(sim_path(cell.callee, cell.caller), *later);
	assert_true(sim_until(sim, sim_call_is_over, call, 20000));
	check_sound(call);
	assert_int_equal(sim->sip_strange, 0);
	sim_free(sim);
}

static void with_relays(void **unused)
{
	static const char *const path_name[] = {"none", "direct", "relay"};
	uint64_t seed = sim_seed();

	(void)unused;
	print_message("# caller     callee      at answer  3 s later\n");
	for (unsigned a = 0; a < KINDS; a++)
		for (unsigned b = 0; b < KINDS; b++) {
			enum sim_path first, later;

			one_cell(seed, a, b, &first, &later);
			print_message("# %-10s %-10s  %-9s  %s\n", kind_name[a], kind_name[b],
				      path_name[first], path_name[later]);
			assert_int_not_equal(first, SIM_PATH_NONE);
			assert_int_equal(later,
					 can_be_direct(a, b) ? SIM_PATH_DIRECT : SIM_PATH_RELAY);
		}
}

static void without_relays(void **unused)
{
	(void)unused;
	for (unsigned a = 0; a < KINDS; a++)
		for (unsigned b = 0; b < KINDS; b++) {
			struct sim *sim = sim_new(sim_seed() + a * KINDS + b);
			struct cell cell;
			bool has_tunnel = a == 0 || b == 0;

			cell_init(&cell, sim, 0);
			cell.caller = place_node(&cell, a, 50);
			cell.callee = place_node(&cell, b, 51);
			struct sim_call *call = make_call(&cell);
			assert_true(sim_until(sim, sim_call_is_over, call, 60000));
			assert_int_equal(sim_call_has_media(call), has_tunnel);
			sim_free(sim);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_relays),
		cmocka_unit_test(without_relays),
	};

	return sim_main("nat_matrix", tests, sizeof(tests) / sizeof(tests[0]));
}
