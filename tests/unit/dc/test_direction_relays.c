/* SPDX-License-Identifier: BSD-2-Clause */
/* Relays of directions between two domains: what is offered, what is taken, who counts for whom. */
#include "dcforeign.h"
#include "dcrelay.h"
#include "direction_priv.h"

#define RELAY1 "relay1.ntm.example"
#define RELAY2 "relay2.ntm.example"
#define CAROL  "carol.ntm.example"

#define OUTSIDE_A "203.0.113.1:40000"

/* The scene, with alice behind a NAT and a session between the DCs. */
static struct scene scene_nat(struct world *w)
{
	struct scene s = scene_up(w);

	client_place(s.a, OUTSIDE_A, "10.0.0.1");
	client_boot(s.a);
	client_open(s.a);
	run(w, 300);
	s.bob.behind_nat = true;
	s.bob.own = (struct ntm_addr_list){.count = 1, .item = {{ntm_ip_v4(10, 0, 0, 2), 4330}}};
	return s;
}

static const struct ntm_msg_information_request *asked(const struct partner *p)
{
	assert_true(p->asked_count > 0);
	return &p->asked[p->asked_count - 1].information_request;
}

/* An offer of the other DC, to be read by no relay of ours. */
static struct ntm_relay_offer foreign_offer(const char *addr, uint64_t flow)
{
	struct ntm_relay_offer offer = {.flow = flow};

	assert_int_equal(ntm_addr_parse(&offer.addr[addr[0] == '['], addr, 4331), 0);
	memset(offer.bind_key, (int)flow, sizeof(offer.bind_key));
	memset(offer.ticket, (int)flow, sizeof(offer.ticket));
	return offer;
}

static void assert_same_offer(const struct ntm_relay_offer *a, const struct ntm_relay_offer *b)
{
	assert_int_equal(a->flow, b->flow);
	assert_memory_equal(a->bind_key, b->bind_key, sizeof(a->bind_key));
	assert_memory_equal(a->ticket, b->ticket, sizeof(a->ticket));
	assert_true(ntm_addr_eq(&a->addr[0], &b->addr[0]));
}

/* ---- as DC_MN ---- */

/* CN gets one of the offers, and one relay of its own domain: MN gets the other sides. */
static void kept_and_theirs(void **state)
{
	struct world *w = *state;
	struct scene s = scene_nat(w);
	struct client *r[2] = {relay_new(w, 1, RELAY1), relay_new(w, 2, RELAY2)};
	struct ntm_relay_list sent;
	struct ntm_ticket mn, cn;
	struct ntm_msg reply;

	ask(s.a, BOB, 1);
	run(w, 50);
	sent = asked(s.b)->relays;
	assert_int_equal(sent.count, 2);
	assert_false(ntm_addr_eq(&sent.item[0].addr[0], &sent.item[1].addr[0]));
	reply = partner_answer(s.b, &s.bob);
	reply.information_response.relays_kept = 1;
	reply.information_response.relays.count = 1;
	reply.information_response.relays.item[0] = foreign_offer("198.51.100.9", 77);
	partner_reply(s.b, &reply);
	run(w, 50);
	assert_int_equal(s.a->directed, 1);
	assert_int_equal(s.a->route.relays.count, 2);
	assert_same_offer(&s.a->route.relays.item[1], &reply.information_response.relays.item[0]);

	cn = open_offer(w, relay_at(r, 2, &sent.item[0].addr[0]), &sent.item[0]);
	mn = open_offer(w, relay_at(r, 2, &sent.item[0].addr[0]), &s.a->route.relays.item[0]);
	assert_int_equal(mn.flow, cn.flow);
	assert_int_equal(mn.side, 0);
	assert_int_equal(cn.side, 1);
	assert_memory_not_equal(mn.bind_key, cn.bind_key, sizeof(mn.bind_key));
	/* Their node counts for their domain, with the same number each time. */
	assert_int_equal(mn.account, 0);
	assert_int_not_equal(cn.account, 0);
	assert_int_equal(cn.account, s.foreign->relay_account);
	/* To be tried beside them, also bob's own address. */
	assert_int_equal(s.a->route.candidates.count, 2);
}

/* Both of ours, none of theirs; and the other way. */
static void only_one_domain_has_relays(void **state)
{
	struct world *w = *state;
	struct scene s = scene_nat(w);
	struct ntm_relay_list sent;
	struct ntm_msg reply;

	ask(s.a, BOB, 1);
	run(w, 50);
	assert_int_equal(asked(s.b)->relays.count, 0);
	reply = partner_answer(s.b, &s.bob);
	reply.information_response.relays.count = 2;
	reply.information_response.relays.item[0] = foreign_offer("198.51.100.8", 1);
	reply.information_response.relays.item[1] = foreign_offer("198.51.100.9", 2);
	partner_reply(s.b, &reply);
	run(w, 50);
	assert_int_equal(s.a->directed, 1);
	assert_int_equal(s.a->route.relays.count, 2);
	assert_int_equal(s.a->route.relays.item[0].flow, 1);
	run(w, DIRECTION_KEEP_MS);
	relay_new(w, 1, RELAY1);
	relay_new(w, 2, RELAY2);
	ask(s.a, BOB, 2);
	run(w, 50);
	sent = asked(s.b)->relays;
	reply = partner_answer(s.b, &s.bob);
	reply.information_response.relays_kept = 2;
	partner_reply(s.b, &reply);
	run(w, 50);
	assert_int_equal(s.a->directed, 2);
	assert_int_equal(s.a->route.relays.count, 2);
	assert_int_equal(s.a->route.relays.item[0].flow, sent.item[0].flow);
	assert_int_equal(s.a->route.relays.item[1].flow, sent.item[1].flow);
}

/* Only a node that may need one costs relays anything. */
static void offered_when_needed(void **state)
{
	static const struct {
		const char *addr, *own;
		uint8_t offers;
	} places[] = {
		{"192.0.2.10", "192.0.2.10 [2001:db8::1]", 0},
		{"192.0.2.10", "192.0.2.10", 1},       /* bob may be where there is IPv6 only */
		{"[2001:db8::1]", "[2001:db8::1]", 0}, /* the relay speaks no IPv6 */
		{OUTSIDE_A, "10.0.0.1 [2001:db8::1]", 1},
	};
	struct world *w = *state;
	struct scene s = scene_up(w);

	relay_new(w, 1, RELAY1);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		client_place(s.a, places[i].addr, places[i].own);
		client_boot(s.a);
		client_open(s.a);
		run(w, DIRECTION_KEEP_MS + 1);
		ask(s.a, BOB, i);
		run(w, 50);
		assert_int_equal(s.b->asked_count, i + 1);
		assert_int_equal(asked(s.b)->relays.count, places[i].offers);
		partner_inform(s.b, &s.bob);
		run(w, 50);
	}
}

/* None was needed, or their DC knows nothing of relays. */
static void none_taken(void **state)
{
	struct world *w = *state;
	struct scene s = scene_nat(w);

	relay_new(w, 1, RELAY1);
	ask(s.a, BOB, 1);
	run(w, 50);
	s.bob = partner_node(s.b, BOB, 5); /* open */
	partner_inform(s.b, &s.bob);
	run(w, 50);
	assert_int_equal(s.a->directed, 1);
	assert_int_equal(s.a->route.relays.count, 0);
	run(w, DIRECTION_KEEP_MS);
	ask(s.a, BOB, 2);
	run(w, 50);
	s.bob.behind_nat = true;
	partner_inform(s.b, &s.bob);
	run(w, 50);
	assert_refused(s.a, 1, NTM_DIR_NO_RELAY, "needs a relay");
}

static void more_than_offered(void **state)
{
	struct world *w = *state;
	struct scene s = scene_nat(w);
	struct ntm_msg reply;

	relay_new(w, 1, RELAY1);
	ask(s.a, BOB, 1);
	run(w, 50);
	assert_int_equal(asked(s.b)->relays.count, 1);
	reply = partner_answer(s.b, &s.bob);
	reply.information_response.relays_kept = 2;
	partner_reply(s.b, &reply);
	run(w, 50);
	assert_refused(s.a, 1, NTM_DIR_UNTRUSTED, "not offered");
}

/* Our node is sent nowhere by another domain that it could not be sent by candidates. */
static void hostile_addresses(void **state)
{
	static const char *const addrs[] = {"127.0.0.1", "198.18.0.1", "10.20.0.9", "224.0.0.1",
					    "[2001:db8::5]"};
	struct world *w = *state;
	struct scene s = scene_nat(w);
	struct ntm_msg reply;

	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
		run(w, DIRECTION_KEEP_MS + 1);
		ask(s.a, BOB, i);
		run(w, 50);
		reply = partner_answer(s.b, &s.bob);
		reply.information_response.relays.count = 2;
		reply.information_response.relays.item[0] = foreign_offer(addrs[i], 1);
		reply.information_response.relays.item[1] = foreign_offer("198.51.100.9", 2);
		partner_reply(s.b, &reply);
		run(w, 50);
		assert_int_equal(s.a->directed, i + 1);
		assert_int_equal(s.a->route.relays.count, 1);
		assert_int_equal(s.a->route.relays.item[0].flow, 2);
	}
	/* More than a node takes: the first ones. */
	relay_new(w, 1, RELAY1);
	run(w, DIRECTION_KEEP_MS + 1);
	ask(s.a, BOB, 99);
	run(w, 50);
	reply = partner_answer(s.b, &s.bob);
	reply.information_response.relays_kept = 1;
	reply.information_response.relays.count = 2;
	reply.information_response.relays.item[0] = foreign_offer("198.51.100.8", 1);
	reply.information_response.relays.item[1] = foreign_offer("198.51.100.9", 2);
	partner_reply(s.b, &reply);
	run(w, 50);
	assert_int_equal(s.a->route.relays.count, 2);
	assert_int_equal(s.a->route.relays.item[1].flow, 1);
}

/* Asked for by two names at once: CN has got the offers of the first request, and so has MN. */
static void two_asks_one_pair(void **state)
{
	struct world *w = *state;
	struct scene s = scene_nat(w);
	struct ntm_msg reply;
	uint64_t flow;

	relay_new(w, 1, RELAY1);
	ask(s.a, BOB, 1);
	ask(s.a, "10.20.0.5", 2);
	run(w, 50);
	assert_int_equal(s.b->asked_count, 2);
	flow = s.b->asked[0].information_request.relays.item[0].flow;
	reply = partner_answer(s.b, &s.bob);
	reply.information_response.relays_kept = 1;
	assert_int_equal(ntm_ctl_reply(s.b->ctl, &s.b->asked[0], &reply), 0);
	run(w, 50);
	assert_int_equal(s.a->route.relays.item[0].flow, flow);
	reply.information_response.relays_kept = 0;
	reply.information_response.correlation = 2;
	assert_int_equal(ntm_ctl_reply(s.b->ctl, &s.b->asked[1], &reply), 0);
	run(w, 50);
	assert_int_equal(s.a->directed, 2);
	assert_int_equal(s.a->route.relays.count, 1);
	assert_int_equal(s.a->route.relays.item[0].flow, flow);
}

/* ---- as DC_CN ---- */

/* Bob, behind a NAT, wants alice, who is behind another; his DC offers so many relays. */
static void bob_asks(struct world *w, struct scene *s, uint8_t offers)
{
	struct ntm_msg msg = partner_question(&s->bob, ALICE, 1);

	msg.information_request.relays.count = offers;
	for (uint8_t i = 0; i < offers; i++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "198.51.100.%u", i + 8u);
		msg.information_request.relays.item[i] = foreign_offer(addr, i + 1u);
	}
	run(w, DIRECTION_KEEP_MS + 1);
	s->a->told_count = 0;
	partner_send(s->b, &msg);
	run(w, 200);
}

/* How many of ours, and of theirs, alice has got by number of relays of ours and of offers. */
static void chosen_of_both(void **state)
{
	static const struct {
		uint8_t offers, ours, kept, added;
	} rows[] = {
		{2, 0, 2, 0}, {1, 0, 1, 0}, {0, 0, 0, 0}, {0, 1, 0, 1}, {1, 1, 1, 1},
		{2, 1, 1, 1}, {0, 2, 0, 2}, {1, 2, 1, 1}, {2, 2, 1, 1},
	};
	struct world *w = *state;
	struct scene s = scene_nat(w);
	struct client *r[2] = {NULL, NULL};
	unsigned refused = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct ntm_relay_list *cn = &s.a->told[0].relays, *mn = &s.b->info.relays;

		for (uint8_t k = 0; k < rows[i].ours; k++)
			if (!r[k])
				r[k] = relay_new(w, 1 + k, k == 0 ? RELAY1 : RELAY2);
		bob_asks(w, &s, rows[i].offers);
		if (rows[i].kept + rows[i].added == 0) {
			assert_int_equal(s.b->refused, ++refused);
			assert_error(&s.b->error, NTM_DIR_NO_RELAY, "needs a relay");
			assert_int_equal(s.a->told_count, 0);
			continue;
		}
		assert_int_equal(s.b->refused, refused);
		assert_int_equal(s.a->told_count, 1);
		assert_int_equal(s.b->info.relays_kept, rows[i].kept);
		assert_int_equal(mn->count, rows[i].added);
		assert_int_equal(cn->count, rows[i].kept + rows[i].added);
		for (uint8_t k = 0; k < rows[i].kept; k++)
			assert_int_equal(cn->item[k].flow, k + 1);
		for (uint8_t k = 0; k < rows[i].added; k++) {
			const struct ntm_relay_offer *ours = &cn->item[rows[i].kept + k];
			const struct client *relay = relay_at(r, 2, &ours->addr[0]);
			struct ntm_ticket b = open_offer(w, relay, &mn->item[k]);
			struct ntm_ticket a = open_offer(w, relay, ours);

			assert_int_equal(a.flow, b.flow);
			assert_int_equal(b.side, 0); /* bob is MN */
			assert_int_equal(a.side, 1);
			assert_int_equal(a.account, 0);
			assert_int_equal(b.account, s.foreign->relay_account);
		}
	}
}

/* The first of theirs leads nowhere for alice: none behind it is kept either. */
static void offers_that_are_none(void **state)
{
	struct world *w = *state;
	struct scene s = scene_nat(w);
	struct ntm_msg msg = partner_question(&s.bob, ALICE, 1);

	relay_new(w, 1, RELAY1);
	msg.information_request.relays.count = 2;
	msg.information_request.relays.item[0] = foreign_offer("127.0.0.1", 1);
	msg.information_request.relays.item[1] = foreign_offer("198.51.100.9", 2);
	partner_send(s.b, &msg);
	run(w, 200);
	assert_int_equal(s.b->informed, 1);
	assert_int_equal(s.b->info.relays_kept, 0);
	assert_int_equal(s.b->info.relays.count, 1);
	assert_int_equal(s.a->told[0].relays.count, 1);
	assert_true(s.a->told[0].relays.item[0].flow > 2);
}

/* Bob is open. */
static void not_needed(void **state)
{
	struct world *w = *state;
	struct scene s = scene_nat(w);

	relay_new(w, 1, RELAY1);
	s.bob = partner_node(s.b, BOB, 5);
	bob_asks(w, &s, 2);
	assert_int_equal(s.b->informed, 1);
	assert_int_equal(s.b->info.relays_kept, 0);
	assert_int_equal(s.b->info.relays.count, 0);
	assert_int_equal(s.a->told[0].relays.count, 0);
}

/* A second request for the same pair while the first is under way: its offers are not alice's. */
static void second_request(void **state)
{
	struct world *w = *state;
	struct scene s = scene_nat(w);
	struct ntm_msg msg = partner_question(&s.bob, ALICE, 1), got[2];

	relay_new(w, 1, RELAY1);
	msg.information_request.relays.count = 1;
	msg.information_request.relays.item[0] = foreign_offer("198.51.100.9", 7);
	s.a->mute_count = 1; /* the first copy goes unanswered */
	partner_send(s.b, &msg);
	run(w, 50);
	msg = partner_question(&s.bob, "198.18.0.1", 2);
	msg.information_request.relays.count = 1;
	msg.information_request.relays.item[0] = foreign_offer("198.51.100.9", 8);
	assert_int_equal(s.b->informed, 0);
	partner_send(s.b, &msg);
	run(w, 500);
	assert_int_equal(s.b->informed, 2);
	assert_int_equal(s.a->told_count, 1);
	assert_int_equal(s.a->told[0].relays.item[0].flow, 7);
	for (size_t i = 0; i < 2; i++) {
		const struct ntm_msg_information_response *info = &got[i].information_response;

		assert_int_equal(ntm_msg_decode(&got[i], s.b->raw[i], s.b->raw_len[i]), 0);
		assert_memory_equal(info->pair, s.a->told[0].pair, NTM_PAIR_LEN);
		assert_int_equal(info->relays_kept, info->correlation == 1);
		assert_int_equal(info->relays.count, 1);
		assert_int_equal(info->relays.item[0].flow, s.a->told[0].relays.item[1].flow);
	}
}

/* A relay of ours that starts anew: our node hears of it, whoever is MN. */
static void restarts(void **state)
{
	struct world *w = *state;
	struct scene s = scene_nat(w);
	struct client *r = relay_new(w, 1, RELAY1);

	bob_asks(w, &s, 0);
	assert_int_equal(s.a->told_count, 1);
	client_boot(r);
	client_open(r);
	run(w, 200);
	assert_int_equal(s.a->restarts, 1);
}

/* ---- sizes ---- */

static void message_sizes(void **state)
{
	struct ntm_msg msg = {.type = NTM_MSG_INFORMATION_REQUEST, .txn = 1};
	struct ntm_msg_information_request *req = &msg.information_request;
	struct ntm_msg_information_response *info = &msg.information_response;
	uint8_t out[NTM_MSG_MAX];

	(void)state;
	memset(req->fqdn_cn, 'a', NTM_NAME_MAX);
	req->fqdn_cn[NTM_NAME_MAX / 2] = '.';
	req->reason = NTM_REASON_NAME;
	req->cert = largest_cert(NTM_CERT_NODE);
	req->reflexive = many_addrs(1).item[0];
	req->own = many_addrs(NTM_MSG_ADDRS);
	req->behind_nat = true;
	req->relays = largest_offers();
	assert_true(ntm_msg_encode(&msg, out, sizeof(out)) > 0);
	msg = (struct ntm_msg){.type = NTM_MSG_INFORMATION_RESPONSE, .is_reply = true, .txn = 1};
	info->role = NTM_ROLE_ANSWERS;
	info->lifetime_s = UINT32_MAX;
	info->cert = largest_cert(NTM_CERT_NODE);
	info->reflexive = many_addrs(1).item[0];
	info->own = many_addrs(NTM_MSG_ADDRS);
	info->relays = largest_offers();
	assert_true(ntm_msg_encode(&msg, out, sizeof(out)) > 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, foreign_setup, foreign_teardown)
	const struct CMUnitTest tests[] = {
		T(kept_and_theirs),
		T(only_one_domain_has_relays),
		T(offered_when_needed),
		T(none_taken),
		T(more_than_offered),
		T(hostile_addresses),
		T(two_asks_one_pair),
		T(chosen_of_both),
		T(offers_that_are_none),
		T(not_needed),
		T(second_request),
		T(restarts),
		cmocka_unit_test(message_sizes),
	};
	return cmocka_run_group_tests_name("direction_relays", tests, NULL, NULL);
}
