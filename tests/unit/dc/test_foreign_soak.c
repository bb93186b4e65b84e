/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything at once, at random: whatever happens between DCs, every node that asks is answered,
 * and nothing is left behind. NTM_SEED=n runs one seed again. */
#include "dcforeign.h"

#define SEEDS 30
#define STEPS 250
#define NODES 3
#define DCS   2

struct soak {
	struct world *w;
	uint64_t state;
	unsigned asked[NODES];
};

/* splitmix64 */
static unsigned below(struct soak *s, unsigned limit)
{
	uint64_t z = (s->state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (unsigned)((z ^ (z >> 31)) % limit);
}

static const char *const nodes[NODES] = {"n0.ntm.example", "n1.ntm.example", "n2.ntm.example"};
static const char *const targets[] = {"bob.b.example", "10.20.0.5", "fd00:20::5", "eve.b.example",
				      "bob.c.example", "10.21.0.5", "fd00:21::5", "n1.ntm.example",
				      "198.18.0.3",    "x.example"};

static struct partner *any_dc(struct soak *s)
{
	return partner_at(s->w, below(s, DCS));
}

/* Keys are the same each time, so that directions meet. */
static struct partner_node bob_of(const struct partner *p)
{
	char name[NTM_NAME_MAX + 1];
	struct partner_node bob;

	snprintf(name, sizeof(name), "bob.%.100s", p->domain);
	bob = partner_node(p, name, 5);
	memset(bob.cert.key, 5, sizeof(bob.cert.key));
	bob.blob = partner_sign(&bob.cert, &p->root);
	return bob;
}

static void node_asks(struct soak *s)
{
	unsigned i = below(s, NODES);
	struct client *c = &s->w->client[i];
	struct ntm_msg msg =
		direction_msg(c, targets[below(s, sizeof(targets) / sizeof(targets[0]))], 1);

	if (ntm_ctl_request(c->ctl, &msg, on_directed, c, NULL) == 0)
		s->asked[i]++;
}

static void dc_answers(struct soak *s)
{
	struct partner *p = any_dc(s);
	struct partner_node bob = bob_of(p);
	struct ntm_msg msg = {.type = NTM_MSG_DIRECTION_ERROR};

	if (p->asked_count == 0 || !p->link)
		return;
	if (below(s, 4) == 0)
		msg.direction_error = (struct ntm_msg_direction_error){.code = NTM_DIR_OFFLINE};
	else
		msg = partner_answer(p, &bob);
	(void)ntm_ctl_reply(p->ctl, &p->asked[below(s, p->asked_count)], &msg);
	if (p->asked_count > PARTNER_ASKED / 2)
		p->asked_count = 0;
}

static void dc_asks(struct soak *s)
{
	struct partner *p = any_dc(s);
	struct partner_node bob = bob_of(p);
	struct ntm_msg msg = partner_question(&bob, nodes[below(s, NODES)], 2);

	if (below(s, 3) == 0)
		assert_int_equal(ntm_addr_parse(&msg.information_request.reflexive, "203.0.113.200",
						(uint16_t)(1 + below(s, 3))),
				 0);
	(void)ntm_ctl_request(p->ctl, &msg, on_partner_answer, p, NULL);
}

static void dc_comes(struct soak *s)
{
	struct partner *p = any_dc(s);

	if (!p->link)
		partner_open(p);
}

static void dc_restarts(struct soak *s)
{
	struct partner *p = any_dc(s);

	if (below(s, 3) == 0)
		ntm_keys_make(&p->keys);
	partner_hello(p);
	partner_boot(p);
	p->asked_count = 0;
}

static void dc_changes(struct soak *s)
{
	struct partner *p = any_dc(s);

	switch (below(s, 4)) {
	case 0:
		p->is_deaf = below(s, 4) == 0;
		break;
	case 1:
		p->refuses = below(s, 4) == 0;
		break;
	case 2:
		partner_hello(p);
		p->hello.root[0] ^= below(s, 4) == 0;
		break;
	default:
		s->w->dns.err = below(s, 4) == 0 ? -EBUSY : 0;
		break;
	}
}

static void pin_changes(struct soak *s)
{
	struct partner *p = any_dc(s);
	struct trust_pin pin;

	if (below(s, 2) == 0 && foreign_by_domain(s->w->dc, p->domain)) {
		pin_remove(s->w, p->domain);
		return;
	}
	if (below(s, 3) == 0)
		ntm_root_make(&p->root);
	pin = partner_pin(p);
	if (below(s, 3) == 0) {
		pin.mode = TRUST_TOFU;
		pin.has_root = false;
		memset(pin.root, 0, sizeof(pin.root));
	}
	pin_put(s->w, &pin);
}

static void node_changes(struct soak *s)
{
	struct client *c = &s->w->client[below(s, NODES)];
	char own[32];

	switch (below(s, 3)) {
	case 0:
		c->is_mute = below(s, 4) == 0;
		break;
	case 1:
		snprintf(own, sizeof(own), "%u.%u.0.1", 60 + below(s, 9), below(s, 9));
		assert_int_equal(ntm_addr_parse(&c->own.item[0], own, 4330), 0);
		client_register(c);
		break;
	default:
		c->is_deaf = below(s, 4) == 0;
		break;
	}
}

static void step(struct soak *s)
{
	static void (*const steps[])(
		struct soak *) = {node_asks,  node_asks,   node_asks,   dc_answers, dc_answers,
				  dc_answers, dc_asks,     dc_asks,     dc_comes,   dc_restarts,
				  dc_changes, pin_changes, node_changes};

	steps[below(s, sizeof(steps) / sizeof(steps[0]))](s);
	for (unsigned i = 0; i < NODES; i++)
		if (s->w->client[i].told_count > TOLD_MAX / 2)
			s->w->client[i].told_count = 1;
	run(s->w, below(s, 4) == 0 ? below(s, 3000) : below(s, 60));
}

static void settle(struct soak *s)
{
	struct world *w = s->w;

	run(w, 3 * DIRECTION_KEEP_MS);
	for (unsigned i = 0; i < NODES; i++) {
		const struct client *c = &w->client[i];

		assert_int_equal(c->directed + c->refused + c->timeouts, s->asked[i]);
	}
	assert_null(w->dc->directions.first);
	assert_int_equal(ntm_map_count(w->dc->directions.asks), 0);
	assert_int_equal(ntm_map_count(w->dc->directions.by_pair), 0);
	assert_int_equal(ntm_map_count(w->dc->directions.by_alias), 0);
}

/* Nodes hear an answer of the DC in their own time as long as both can hear. */
static void soak(struct world *w, uint64_t seed)
{
	struct soak s = {.w = w, .state = seed};

	for (unsigned i = 0; i < NODES; i++)
		node_new(w, i, nodes[i]);
	partner_trusted(w, 0, "b.example");
	partner_trusted(w, 1, "c.example");
	for (unsigned i = 0; i < STEPS; i++)
		step(&s);
	settle(&s);
	for (unsigned i = 0; i < STEPS / 5; i++)
		step(&s);
	/* Whatever is open now goes with the DC: the teardown looks. */
}

static void at_random(void **state)
{
	const char *one = getenv("NTM_SEED");

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		void *world;

		if (one != NULL && strtoull(one, NULL, 10) != seed)
			continue;
		print_message("NTM_SEED=%u\n", (unsigned)seed);
		foreign_setup(&world);
		soak(world, seed);
		foreign_teardown(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(at_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
