/* SPDX-License-Identifier: BSD-2-Clause */
/* A node is revoked: its tunnels to nodes of other domains end too, soon, and nobody else's. */
#include "sim.h"

#include "dc_priv.h"

#include "ntm/dnsmsg.h"

struct two {
	struct sim_dc *a, *b;
	struct sim_node *alice, *anna, *bob;
};

static struct foreign *b_at_a(const struct two *two)
{
	return foreign_by_domain(two->a->dc, "b.example");
}

static void connect(struct sim_node *from, struct sim_node *to)
{
	sim_say(from, to, 4, 4000, "hello");
	sim_run(from->sim, 1500);
	assert_true(sim_is_tunnel(from, to));
	assert_true(sim_is_tunnel(to, from));
}

/* alice and bob have a tunnel, and with it the DCs a session. */
static void make_two(struct sim *sim, struct two *two)
{
	two->a = sim_dc_new(sim, "a.example", "192.0.2.1");
	two->b = sim_dc_new(sim, "b.example", "192.0.2.2");
	sim_trust_each_other(two->a, two->b);
	two->alice = sim_node_up(two->a, &sim->internet, "192.0.2.10", "alice");
	two->anna = sim_node_up(two->a, &sim->internet, "192.0.2.11", "anna");
	two->bob = sim_node_up(two->b, &sim->internet, "192.0.2.20", "bob");
	sim_run(sim, 500); /* the lists of partners */
	connect(two->alice, two->bob);
}

/* Both talk on, also to keep their tunnel. */
static void talk(struct sim_node *a, struct sim_node *b, int64_t s)
{
	for (; s > 0; s -= 5) {
		sim_say(a, b, 4, 4000, "ping");
		sim_say(b, a, 4, 4000, "pong");
		sim_run(a->sim, 5000);
	}
}

static bool is_session(void *arg)
{
	return b_at_a(arg)->state == FOREIGN_UP;
}

static bool is_no_session(void *arg)
{
	return b_at_a(arg)->state == FOREIGN_IDLE;
}

static bool is_bob_here(void *arg)
{
	const struct two *two = arg;

	return dc_is_online(two->b->dc, "bob.b.example");
}

/* alice does what she can, and bob means no harm. */
static void assert_stays_gone(struct two *two)
{
	struct sim_lookup got = {0};

	talk(two->alice, two->bob, 20);
	sim_resolve(two->bob, "alice.a.example", NTM_DNS_A, &got);
	sim_run(two->a->sim, 5000);
	assert_int_equal(got.count, 0);
	assert_false(sim_is_tunnel(two->bob, two->alice));
}

/* ---- soon ---- */

static void with_a_session(void **state)
{
	struct sim *sim = *state;
	struct two two;

	make_two(sim, &two);
	connect(two.anna, two.bob);
	assert_true(is_session(&two));
	sim_dc_revoke(two.a, "alice.a.example");
	sim_run(sim, 1000);
	assert_false(sim_is_tunnel(two.bob, two.alice));
	assert_true(sim_is_tunnel(two.bob, two.anna));
	assert_stays_gone(&two);
	assert_true(sim_is_tunnel(two.bob, two.anna));
}

/* Also when bob's DC has just made the direction between them, and would give it again. */
static void right_after_the_direction(void **state)
{
	struct sim *sim = *state;
	struct sim_lookup got = {0};
	struct two two;

	make_two(sim, &two);
	sim_dc_revoke(two.a, "alice.a.example");
	sim_run(sim, 300);
	assert_false(sim_is_tunnel(two.bob, two.alice));
	sim_resolve(two.bob, "alice.a.example", NTM_DNS_AAAA, &got);
	sim_run(sim, 5000);
	assert_int_equal(got.count, 0);
	assert_false(sim_is_tunnel(two.bob, two.alice));
}

/* The DCs had nothing to say to each other for long. */
static void without_a_session(void **state)
{
	struct sim *sim = *state;
	struct two two;

	make_two(sim, &two);
	talk(two.alice, two.bob, 600);
	assert_true(is_no_session(&two));
	assert_true(sim_is_tunnel(two.bob, two.alice));
	sim_dc_revoke(two.a, "alice.a.example");
	sim_run(sim, 1000);
	assert_false(sim_is_tunnel(two.bob, two.alice));
	assert_stays_gone(&two);
}

static void lossy(void **state)
{
	struct sim *sim = *state;
	struct two two;

	make_two(sim, &two);
	sim->internet.medium.loss = 300;
	sim_dc_revoke(two.a, "alice.a.example");
	sim_run(sim, 20000);
	assert_false(sim_is_tunnel(two.bob, two.alice));
}

/* ---- later ---- */

static void while_the_dc_was_down(void **state)
{
	struct sim *sim = *state;
	struct two two;

	make_two(sim, &two);
	sim_dc_kill(two.b);
	talk(two.alice, two.bob, 600);
	assert_true(is_no_session(&two));
	sim_dc_revoke(two.a, "alice.a.example");
	talk(two.alice, two.bob, 30);
	assert_true(sim_is_tunnel(two.bob, two.alice)); /* nobody can tell bob */
	sim_dc_start(two.b);
	assert_true(sim_until(sim, is_session, &two, 35000)); /* by itself */
	assert_true(sim_until(sim, is_bob_here, &two, 30000));
	sim_run(sim, 1000);
	assert_false(sim_is_tunnel(two.bob, two.alice));
	assert_stays_gone(&two);
}

/* What is told comes from the store then; the session comes with the next call. */
static void restarted_in_between(void **state)
{
	struct sim *sim = *state;
	struct two two;

	make_two(sim, &two);
	sim_cut(sim, "192.0.2.1", "192.0.2.2");
	sim_dc_revoke(two.a, "alice.a.example");
	sim_run(sim, 2000);
	sim_dc_kill(two.a);
	sim_run(sim, 2000);
	sim_dc_start(two.a);
	talk(two.alice, two.bob, 60);
	sim_heal(sim);
	assert_true(sim_is_tunnel(two.bob, two.alice));
	sim_say(two.bob, two.anna, 4, 4000, "hello");
	assert_true(sim_until(sim, is_session, &two, 5000));
	sim_run(sim, 1000);
	assert_false(sim_is_tunnel(two.bob, two.alice));
	assert_stays_gone(&two);
	assert_true(sim_is_tunnel(two.bob, two.anna));
}

static void node_was_away(void **state)
{
	struct sim *sim = *state;
	struct two two;

	make_two(sim, &two);
	sim_cut(sim, "192.0.2.2", "192.0.2.20");
	sim_dc_revoke(two.a, "alice.a.example");
	talk(two.alice, two.bob, 150); /* its registration runs out */
	assert_true(sim_is_tunnel(two.bob, two.alice));
	assert_int_equal(two.b->dc->revocations.count, 1);
	assert_false(is_bob_here(&two));
	sim_heal(sim);
	assert_true(sim_until(sim, is_bob_here, &two, 30000));
	sim_run(sim, 1000);
	assert_false(sim_is_tunnel(two.bob, two.alice));
	assert_stays_gone(&two);
}

/* It has forgotten, and the session of before lives on at the other side. */
static void told_anew_after_a_restart(void **state)
{
	struct sim *sim = *state;
	struct two two;

	make_two(sim, &two);
	sim_cut(sim, "192.0.2.2", "192.0.2.20");
	sim_dc_revoke(two.a, "alice.a.example");
	sim_run(sim, 500);
	assert_int_equal(two.b->dc->revocations.count, 1);
	sim_dc_kill(two.b);
	sim_dc_start(two.b);
	sim_heal(sim);
	sim_run(sim, 30000); /* bob registers */
	assert_true(is_session(&two));
	assert_int_equal(two.b->dc->revocations.count, 0);
	assert_true(sim_is_tunnel(two.bob, two.alice));
	sim_say(two.anna, two.bob, 4, 4000, "hello");
	sim_run(sim, 3000);
	assert_int_equal(two.b->dc->revocations.count, 1);
	assert_false(sim_is_tunnel(two.bob, two.alice));
	assert_true(sim_is_tunnel(two.bob, two.anna));
}

/* ---- a DC that lies ---- */

struct three {
	struct two two;
	struct sim_dc *c;
	struct sim_node *carol;
};

static void make_three(struct sim *sim, struct three *three)
{
	make_two(sim, &three->two);
	three->c = sim_dc_new(sim, "c.example", "192.0.2.3");
	sim_trust_each_other(three->c, three->two.b);
	sim_trust_each_other(three->c, three->two.a);
	three->carol = sim_node_up(three->c, &sim->internet, "192.0.2.30", "carol");
	sim_run(sim, 500);
	connect(three->carol, three->two.bob);
	connect(three->two.anna, three->two.bob);
}

static void on_answer(void *arg, int err, const struct ntm_msg *reply)
{
	struct ntm_msg *out = arg;

	assert_int_equal(err, 0);
	*out = *reply;
}

/* DC_A says to DC_B that a key is void; how many lines of log that made. */
static uint64_t lie(struct two *two, const uint8_t key[static NTM_KEY_LEN],
		    const struct ntm_ip *vip4, const struct ntm_ip *vip6)
{
	struct sim *sim = two->a->sim;
	struct ntm_msg msg = {.type = NTM_MSG_REVOKED, .revoked = {.serial = 1}};
	struct ntm_msg reply = {.type = 0};
	uint64_t lines = sim->lines;

	memcpy(msg.revoked.key, key, NTM_KEY_LEN);
	if (vip4 != NULL)
		msg.revoked.vip4 = *vip4;
	if (vip6 != NULL)
		msg.revoked.vip6 = *vip6;
	assert_int_equal(ntm_ctl_request(b_at_a(two)->ctl, &msg, on_answer, &reply, NULL), 0);
	sim_run(sim, 1000);
	assert_int_equal(reply.type, NTM_MSG_REVOKED);
	return sim->lines - lines;
}

static void assert_all_is_well(struct three *three)
{
	struct two *two = &three->two;

	assert_true(is_session(two));
	assert_true(dc_is_online(two->b->dc, "bob.b.example"));
	assert_true(sim_is_tunnel(two->bob, three->carol));
	assert_true(sim_is_tunnel(two->bob, two->anna));
	assert_true(sim_is_tunnel(two->bob, two->alice));
}

static void not_its_own_node(void **state)
{
	struct sim *sim = *state;
	struct three three;
	struct two *two = &three.two;
	const uint8_t *carol;

	make_three(sim, &three);
	carol = three.carol->lease.keys.pub;
	/* Of another domain, of the receiver's, of nobody. */
	assert_int_equal(lie(two, carol, &three.carol->lease.vip4, &three.carol->lease.vip6), 1);
	assert_int_equal(lie(two, carol, &three.carol->lease.vip4, NULL), 1);
	assert_int_equal(lie(two, carol, &two->alice->lease.vip4, &three.carol->lease.vip6), 1);
	assert_int_equal(lie(two, two->bob->lease.keys.pub, &two->bob->lease.vip4, NULL), 1);
	assert_int_equal(lie(two, carol, NULL, NULL), 1);
	assert_int_equal(two->b->dc->counters.malformed, 5);
	assert_int_equal(two->b->dc->revocations.count, 0);
	assert_all_is_well(&three);
}

/* Keys of others with addresses of its own. */
static void with_its_own_addresses(void **state)
{
	struct sim *sim = *state;
	struct three three;
	struct two *two = &three.two;
	const struct node_lease *alice;

	make_three(sim, &three);
	alice = &two->alice->lease;
	lie(two, three.carol->lease.keys.pub, &alice->vip4, &alice->vip6);
	lie(two, two->bob->lease.keys.pub, &alice->vip4, NULL);
	lie(two, two->b->keys.pub, &alice->vip4, NULL);
	lie(two, two->anna->lease.keys.pub, &alice->vip4, &alice->vip6);
	assert_int_equal(two->b->dc->revocations.count, 4);
	assert_all_is_well(&three);
	/* A key is void for the domain that says so, not for others. */
	sim_node_kill(three.carol);
	sim_node_start(three.carol);
	sim_run(sim, 2000);
	connect(three.carol, two->bob);
	assert_true(dc_is_online(two->b->dc, "bob.b.example"));
}

/* What was told of another domain's nodes is not told on. */
static void not_passed_on(void **state)
{
	struct sim *sim = *state;
	struct three three;
	struct two *two = &three.two;

	make_three(sim, &three);
	connect(two->alice, three.carol);
	sim_cut(sim, "192.0.2.1", "192.0.2.3");
	sim_dc_revoke(two->a, "alice.a.example");
	sim_run(sim, 30000);
	assert_false(sim_is_tunnel(two->bob, two->alice));
	assert_true(sim_is_tunnel(three.carol, two->alice));
	assert_int_equal(three.c->dc->revocations.count, 0);
	assert_int_equal(three.c->dc->counters.malformed, 0);
	assert_int_equal(two->b->dc->revocations.count, 1);
	assert_int_equal(two->a->dc->revocations.count, 1);
}

/* ---- a revoked node that its DC still speaks for ---- */

static void refused_both_ways(void **state)
{
	struct sim *sim = *state;
	const struct node_lease *alice;
	struct sim_lookup got = {0};
	uint64_t refused;
	struct two two;

	make_two(sim, &two);
	alice = &two.alice->lease;
	lie(&two, alice->keys.pub, &alice->vip4, &alice->vip6);
	assert_false(sim_is_tunnel(two.bob, two.alice));
	sim_run(sim, 10000);
	sim_resolve(two.alice, "bob.b.example", NTM_DNS_A, &got);
	sim_run(sim, 3000);
	assert_int_equal(got.count, 0);
	assert_int_equal(two.a->dc->directions.counters.failed[NTM_DIR_FORBIDDEN], 1);
	refused = two.b->dc->directions.counters.failed[NTM_DIR_FORBIDDEN];
	got = (struct sim_lookup){0};
	sim_resolve(two.bob, "alice.a.example", NTM_DNS_A, &got);
	sim_run(sim, 3000);
	assert_int_equal(got.count, 0);
	assert_true(two.b->dc->directions.counters.failed[NTM_DIR_FORBIDDEN] > refused);
	assert_false(sim_is_tunnel(two.bob, two.alice));
	assert_int_equal(two.a->dc->counters.malformed + two.b->dc->counters.malformed, 0);
}

/* Trust that ends takes the revocations along; trust that begins brings them back. */
static void trust_ends_and_begins(void **state)
{
	struct sim *sim = *state;
	struct trust_pin pin;
	struct two two;

	make_two(sim, &two);
	sim_dc_revoke(two.a, "alice.a.example");
	sim_run(sim, 1000);
	assert_int_equal(two.b->dc->revocations.count, 1);
	sim_untrust(two.b, "a.example");
	assert_int_equal(two.b->dc->revocations.count, 0);
	sim_run(sim, 5000);
	sim_pin(two.a, &pin);
	sim_trust(two.b, &pin);
	sim_run(sim, 1000);
	sim_say(two.bob, two.anna, 4, 4000, "hello");
	sim_run(sim, 2000);
	assert_true(sim_is_tunnel(two.bob, two.anna));
	assert_int_equal(two.b->dc->revocations.count, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, sim_setup, sim_teardown)
	const struct CMUnitTest tests[] = {
		T(with_a_session),        T(right_after_the_direction),
		T(without_a_session),     T(lossy),
		T(while_the_dc_was_down), T(restarted_in_between),
		T(node_was_away),         T(told_anew_after_a_restart),
		T(not_its_own_node),      T(with_its_own_addresses),
		T(not_passed_on),         T(refused_both_ways),
		T(trust_ends_and_begins),
	};

	return sim_main("revoke_domains", tests, sizeof(tests) / sizeof(tests[0]));
}
