/* SPDX-License-Identifier: BSD-2-Clause */
/* As DC_MN: what the DC of another domain is asked, and what is made of its answers, right ones and
 * others. */
#include "dcforeign.h"

#include "direction_priv.h"

#define CAROL "carol.ntm.example"

static const struct ntm_msg_information_request *asked(const struct partner *p)
{
	assert_true(p->asked_count > 0);
	return &p->asked[p->asked_count - 1].information_request;
}

/* R55, R56, R91: the request has MN's card, the answer becomes MN's route. */
static void by_name(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct ntm_cert cert;
	struct ntm_msg reply;
	char text[NTM_ADDR_STR];

	ask(s.a, BOB, 0xabc);
	run(w, 50);
	assert_int_equal(s.b->asked_count, 1);
	assert_string_equal(asked(s.b)->fqdn_cn, BOB);
	assert_int_equal(asked(s.b)->vip_cn.family, 0);
	assert_false(asked(s.b)->is_sip);
	assert_int_equal(asked(s.b)->reason, NTM_REASON_NAME);
	assert_int_equal(asked(s.b)->correlation, 0xabc);
	cert = check_cert(w, &asked(s.b)->cert);
	assert_string_equal(cert.fqdn, ALICE);
	assert_string_equal(ntm_addr_str(&asked(s.b)->reflexive, text), "192.0.2.10:4330");
	assert_int_equal(asked(s.b)->own.count, 1);
	assert_false(asked(s.b)->behind_nat);

	reply = partner_answer(s.b, &s.bob);
	partner_reply(s.b, &reply);
	run(w, 50);
	assert_int_equal(s.a->directed, 1);
	assert_memory_equal(s.a->route.pair, reply.information_response.pair, NTM_PAIR_LEN);
	assert_memory_equal(s.a->route.psk, reply.information_response.psk, NTM_KEY_LEN);
	assert_int_equal(s.a->route.role, NTM_ROLE_REQUESTS);
	assert_int_equal(s.a->route.correlation, 0xabc);
	assert_int_equal(s.a->route.reason, NTM_REASON_NAME);
	assert_int_equal(s.a->route.lifetime_s, 3600); /* the shorter one */
	assert_int_equal(s.a->route.candidates.count, 1);
	assert_string_equal(ntm_addr_str(&s.a->route.candidates.item[0], text),
			    "203.0.113.105:4330");
	assert_memory_equal(s.a->route.peer_cert.data, s.bob.blob.data, s.bob.blob.len);
	cert = check_cert(w, &s.a->route.peer_domain); /* introduced by our root */
	assert_int_equal(cert.type, NTM_CERT_DOMAIN);
	assert_string_equal(cert.fqdn, "b.example");
	assert_memory_equal(cert.key, s.b->root.pub, NTM_KEY_LEN);
	assert_int_equal(s.a->told_count, 0);
}

/* R103, R106: the VIP and the SIP flag. */
static void by_vip(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	static const char *const vips[] = {"10.20.0.5", "fd00:20::5"};

	for (unsigned i = 0; i < 2; i++) {
		ask(s.a, vips[i], i);
		run(w, 50);
		assert_int_equal(s.b->asked_count, i + 1);
		help_ip(&asked(s.b)->vip_cn, vips[i]);
		assert_true(asked(s.b)->is_sip);
		partner_inform(s.b, &s.bob);
		run(w, 50);
		assert_int_equal(s.a->directed, i + 1);
		run(w, DIRECTION_SECOND_MS);
	}
}

static void role_is_cns_word(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct ntm_msg reply;

	ask(s.a, BOB, 1);
	run(w, 50);
	reply = partner_answer(s.b, &s.bob);
	reply.information_response.role = NTM_ROLE_ANSWERS;
	reply.information_response.lifetime_s = 10 * DAY;
	partner_reply(s.b, &reply);
	run(w, 50);
	assert_int_equal(s.a->route.role, NTM_ROLE_ANSWERS);
	assert_int_equal(s.a->route.lifetime_s, w->settings.pair_lifetime_s);
}

/* Copies of MN's request: one request to the other DC, the same answer. */
static void resent(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct ntm_msg msg = direction_msg(s.a, BOB, 1);

	msg.txn = ask(s.a, BOB, 1);
	run(w, 500);
	assert_int_equal(s.b->asked_count, 1);
	partner_inform(s.b, &s.bob);
	run(w, 50);
	assert_int_equal(s.a->directed, 1);
	for (unsigned i = 2; i < 5; i++) {
		uint8_t first[NTM_PKT_MAX];
		size_t len = s.a->raw_len;

		memcpy(first, s.a->raw, len);
		send_raw(s.a, &msg);
		run(w, 100);
		assert_int_equal(s.a->raw_len, len);
		assert_memory_equal(s.a->raw, first, len);
	}
	assert_int_equal(s.b->asked_count, 1);
	assert_int_equal(w->dc->directions.counters.foreign_out, 1);
}

/* One node's requests by name and by both addresses, on the way at once. */
static void several_ways_at_once(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct partner_node node = s.bob;
	struct ntm_msg reply;

	ask(s.a, BOB, 1);
	ask(s.a, "10.20.0.5", 2);
	ask(s.a, BOB, 3);
	run(w, 50);
	assert_int_equal(s.b->asked_count, 2); /* the third waits with the first */
	reply = partner_answer(s.b, &node);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(ntm_ctl_reply(s.b->ctl, &s.b->asked[i], &reply), 0);
	run(w, 50);
	assert_int_equal(s.a->directed, 3);
	/* The last way is known from the answer. */
	ask(s.a, "fd00:20::5", 4);
	run(w, 50);
	assert_int_equal(s.a->directed, 4);
	assert_memory_equal(s.a->route.pair, reply.information_response.pair, NTM_PAIR_LEN);
	assert_int_equal(s.b->asked_count, 2);
}

/* Who asks once more has lost its tunnel: the other DC is asked once more. */
static void asked_once_more(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);

	for (unsigned i = 1; i <= 2; i++) {
		ask(s.a, BOB, i);
		run(w, 50);
		assert_int_equal(s.b->asked_count, i);
		partner_inform(s.b, &s.bob);
		run(w, 50);
		assert_int_equal(s.a->directed, i);
	}
	run(w, DIRECTION_KEEP_MS);
	assert_null(w->dc->directions.first);
	assert_int_equal(ntm_map_count(w->dc->directions.by_pair), 0);
	assert_int_equal(ntm_map_count(w->dc->directions.by_alias), 0);
	assert_int_equal(ntm_map_count(w->dc->directions.asks), 0);
}

/* Two nodes of ours want the same peer: two pairs. */
static void two_nodes_one_peer(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct client *c = node_new(w, 1, CAROL);

	ask(s.a, BOB, 1);
	run(w, 50);
	partner_inform(s.b, &s.bob);
	run(w, 50);
	ask(c, BOB, 2);
	run(w, 50);
	assert_int_equal(s.b->asked_count, 2);
	partner_inform(s.b, &s.bob);
	run(w, 50);
	assert_int_equal(c->directed, 1);
	assert_memory_not_equal(c->route.pair, s.a->route.pair, NTM_PAIR_LEN);
}

/* MN moves while the other DC is asked: CN has to hear of the new place. */
static void mn_moves_meanwhile(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	char text[NTM_ADDR_STR];

	ask(s.a, BOB, 1);
	run(w, 500);
	assert_int_equal(s.b->asked_count, 1);
	client_place(s.a, "192.0.2.77", "192.0.2.77");
	client_register(s.a);
	run(w, 200);
	ask(s.a, BOB, 2);
	run(w, 50);
	assert_int_equal(s.b->asked_count, 2);
	assert_string_equal(ntm_addr_str(&asked(s.b)->own.item[0], text), "192.0.2.77:4330");
	partner_inform(s.b, &s.bob);
	run(w, 50);
	assert_int_equal(s.a->directed, 2); /* both, with the same pair */
	run(w, 3000);
	assert_int_equal(s.a->timeouts + s.a->refused, 0);
}

/* ---- answers that are not right ---- */

enum wrong {
	OTHER_NODE,
	OTHER_ADDRESS,
	SIGNED_BY_OTHER,
	NO_NODE,
	OUTSIDE_NAME,
	OUTSIDE_VIP,
	OUR_VIP,
	EXPIRED,
	SUB_DOMAIN,
	OUR_KEY,
	OUR_OTHER_KEY,
	NO_PLACE,
	VIRTUAL_PLACE,
	PARTNERS_PLACE,
};

static void make_wrong(struct world *w, struct scene *s, struct partner_node *node,
		       enum wrong wrong)
{
	struct ntm_root other;
	struct ntm_cert *cert = &node->cert;

	ntm_root_make(&other);
	if (wrong == OTHER_NODE)
		strcpy(cert->fqdn, "eve.b.example");
	if (wrong == OUTSIDE_NAME)
		strcpy(cert->fqdn, "bob.d.example");
	if (wrong == SUB_DOMAIN)
		strcpy(cert->fqdn, "bob.c.b.example"); /* c.b.example has a pin of its own */
	if (wrong == OTHER_ADDRESS)
		assert_int_equal(ntm_ip_parse(&cert->vip4, "10.20.0.6"), 0);
	if (wrong == OUTSIDE_VIP)
		assert_int_equal(ntm_ip_parse(&cert->vip6, "fd00:66::1"), 0);
	if (wrong == OUR_VIP)
		assert_int_equal(ntm_ip_parse(&cert->vip4, "198.18.0.9"), 0);
	if (wrong == EXPIRED)
		cert->not_after_s = cert->not_before_s + 60;
	if (wrong == NO_NODE)
		*cert = (struct ntm_cert){.type = NTM_CERT_DC,
					  .not_before_s = cert->not_before_s,
					  .not_after_s = cert->not_after_s,
					  .prefix4 = s->b->prefix4,
					  .fqdn = "b.example"};
	if (wrong == OUR_KEY)
		memcpy(cert->key, s->a->keys.pub, sizeof(cert->key));
	if (wrong == OUR_OTHER_KEY)
		memcpy(cert->key, w->client[1].keys.pub, sizeof(cert->key));
	node->blob = partner_sign(cert, wrong == SIGNED_BY_OTHER ? &other : &s->b->root);
	if (wrong == NO_PLACE)
		assert_int_equal(ntm_addr_parse(&node->reflexive, "127.0.0.1", 4330), 0);
	if (wrong == VIRTUAL_PLACE)
		assert_int_equal(ntm_addr_parse(&node->reflexive, "198.18.0.2", 4330), 0);
	if (wrong == PARTNERS_PLACE)
		assert_int_equal(ntm_addr_parse(&node->reflexive, "10.21.0.2", 4330), 0);
}

static void wrong_answers(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	static const struct {
		enum wrong wrong;
		const char *target, *words;
	} cases[] = {
		{OTHER_NODE, BOB, "about another node"},
		{OTHER_ADDRESS, "10.20.0.5", "about another node"},
		{SIGNED_BY_OTHER, BOB, "is not signed by the root that is pinned"},
		{NO_NODE, BOB, "is not one of a node"},
		{OUTSIDE_NAME, BOB, "which is not in it"},
		{OUTSIDE_VIP, BOB, "outside of the prefix pinned for b.example"},
		{OUR_VIP, BOB, "outside of the prefix pinned for b.example"},
		{EXPIRED, BOB, "is not valid now"},
		{SUB_DOMAIN, "10.20.0.5", "about another node"},
		{OUR_KEY, BOB, "about another node"},
		{OUR_OTHER_KEY, BOB, "about another node"},
		{NO_PLACE, BOB, "no place"},
		{VIRTUAL_PLACE, BOB, "no place"},
		{PARTNERS_PLACE, BOB, "no place"},
	};

	node_new(w, 1, CAROL);
	partner_trusted(w, 1, "c.b.example");
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct partner_node node = s.bob;

		print_message("case %u\n", i);
		make_wrong(w, &s, &node, cases[i].wrong);
		ask(s.a, cases[i].target, i);
		run(w, 50);
		assert_int_equal(s.b->asked_count, i + 1);
		partner_inform(s.b, &node);
		run(w, 200);
		assert_refused(s.a, i + 1, NTM_DIR_UNTRUSTED, cases[i].words);
		assert_non_null(strstr(s.a->error.words, "the DC of b.example: "));
		assert_null(w->dc->directions.first);
	}
	assert_int_equal(s.a->directed, 0);
	/* It may do better next time. */
	ask(s.a, BOB, 99);
	run(w, 50);
	partner_inform(s.b, &s.bob);
	run(w, 50);
	assert_int_equal(s.a->directed, 1);
}

/* Of several own addresses only those that nothing virtual is at are passed on. */
static void own_addresses_are_sifted(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	static const char *const own[] = {"198.18.0.2:1", "10.21.0.2:2", "127.0.0.1:3",
					  "203.0.113.200:4"};
	char text[NTM_ADDR_STR];

	partner_trusted(w, 1, "c.example");
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(ntm_addr_parse(&s.bob.own.item[i], own[i], 0), 0);
	s.bob.own.count = 4;
	ask(s.a, BOB, 1);
	run(w, 50);
	partner_inform(s.b, &s.bob);
	run(w, 50);
	assert_int_equal(s.a->directed, 1);
	assert_int_equal(s.a->route.candidates.count, 2);
	assert_string_equal(ntm_addr_str(&s.a->route.candidates.item[1], text), "203.0.113.200:4");
}

/* A pair of our own nodes stays what it is, whatever another domain certifies. */
static void other_domains_pair(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct partner *c = partner_trusted(w, 1, "c.example");
	struct partner_node twin = partner_node(c, "bob.c.example", 5);
	struct ntm_msg msg;

	/* c.example certifies bob's key. */
	memcpy(twin.cert.key, s.bob.cert.key, sizeof(twin.cert.key));
	twin.blob = partner_sign(&twin.cert, &c->root);
	ask(s.a, BOB, 1);
	run(w, 50);
	partner_inform(s.b, &s.bob);
	run(w, 50);
	assert_int_equal(s.a->directed, 1);
	partner_open(c);
	run(w, 100);
	twin.reflexive = s.bob.reflexive;
	twin.own = s.bob.own;
	msg = partner_question(&twin, ALICE, 2);
	partner_send(c, &msg);
	run(w, 100);
	/* A direction of its own, not the one with b.example. */
	assert_int_equal(s.a->told_count, 1);
	assert_int_equal(c->informed, 1);
	assert_memory_not_equal(c->info.pair, s.a->route.pair, NTM_PAIR_LEN);
	assert_memory_not_equal(c->info.psk, s.a->route.psk, NTM_KEY_LEN);
}

/* ---- errors ---- */

static void errors_are_passed_on(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);

	ask(s.a, BOB, 7);
	run(w, 50);
	partner_deny(s.b, NTM_DIR_OFFLINE, "bob.b.example is not online", "10.20.0.5");
	run(w, 50);
	assert_refused(s.a, 1, NTM_DIR_OFFLINE, "bob.b.example is not online");
	help_ip(&s.a->error.vip, "10.20.0.5");
	assert_int_equal(s.a->error.correlation, 7);
	assert_int_equal(w->dc->directions.counters.failed[NTM_DIR_OFFLINE], 1);
}

/* An address that the domain may not speak for is not. */
static void errors_with_others_addresses(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	static const char *const vips[] = {"198.18.0.1", "10.21.0.1", "192.0.2.1", "fd00:1:2::1"};

	partner_trusted(w, 1, "c.example");
	for (unsigned i = 0; i < 4; i++) {
		ask(s.a, BOB, i);
		run(w, 50);
		partner_deny(s.b, NTM_DIR_NO_SUCH_NAME, "no", vips[i]);
		run(w, 50);
		assert_refused(s.a, i + 1, NTM_DIR_NO_SUCH_NAME, "no");
		assert_int_equal(s.a->error.vip.family, 0);
	}
	/* By address, it is the address that was asked for. */
	ask(s.a, "10.20.0.9", 9);
	run(w, 50);
	partner_deny(s.b, NTM_DIR_NO_SUCH_ADDRESS, "no", "198.18.0.1");
	run(w, 50);
	help_ip(&s.a->error.vip, "10.20.0.9");
}

/* It came after everybody had his error: nothing happens. */
static void answer_too_late(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);

	ask(s.a, BOB, 1);
	run(w, 3000);
	assert_int_equal(s.b->asked_count, 1);
	assert_refused(s.a, 1, NTM_DIR_NO_DC, "does not answer");
	if (s.b->link)
		partner_inform(s.b, &s.bob);
	run(w, 200);
	assert_int_equal(s.a->directed, 0);
	assert_null(w->dc->directions.first);
}

/* 64 are open at most; more are told so. */
static void too_many_at_once(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct foreign *foreign = foreign_by_domain(w->dc, "b.example");
	struct finder_target target = {.fqdn = BOB};

	for (unsigned i = 0; i < NTM_CTL_OPEN_MAX; i++) {
		struct ntm_msg msg = {.type = NTM_MSG_INFORMATION_REQUEST,
				      .information_request = {.fqdn_cn = BOB,
							      .reason = 1,
							      .cert = s.bob.blob,
							      .reflexive = s.bob.reflexive}};

		assert_int_equal(foreign_request(foreign, &target, &msg, NULL, NULL, NULL), 0);
	}
	ask(s.a, BOB, 1);
	run(w, 15);
	assert_int_equal(ntm_map_count(w->dc->directions.by_alias), 0);
	s.b->asked_count = 0;
	run(w, 50);
	assert_refused(s.a, 1, NTM_DIR_BUSY, "too many directions to b.example at once");
}

/* Revoked while the other DC is asked. */
static void mn_is_gone(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct got got = {0};

	ask(s.a, BOB, 1);
	run(w, 50);
	dc_revoke(w->dc, ALICE, got_node, &got);
	assert_int_equal(got.err, 0);
	partner_inform(s.b, &s.bob);
	run(w, 100);
	assert_null(w->dc->directions.first);
	run(w, DIRECTION_KEEP_MS);
	assert_int_equal(ntm_map_count(w->dc->directions.asks), 0);
}

/* ---- both DCs ask each other ---- */

static bool we_are_lower(const struct world *w, const struct partner *p)
{
	return memcmp(w->dc_keys.pub, p->keys.pub, NTM_KEY_LEN) < 0;
}

/* A partner whose key is on the wanted side of ours. */
static struct scene scene_ordered(struct world *w, bool lower)
{
	struct scene s = {.a = node_new(w, 0, ALICE)};
	struct trust_pin pin;

	s.b = partner_new(w, 0, "b.example");
	while (we_are_lower(w, s.b) != lower)
		ntm_keys_make(&s.b->keys);
	partner_hello(s.b);
	partner_boot(s.b);
	pin = partner_pin(s.b);
	pin_put(w, &pin);
	s.foreign = foreign_by_domain(w->dc, "b.example");
	s.bob = partner_node(s.b, BOB, 5);
	partner_open(s.b);
	run(w, 100);
	return s;
}

/* Lower: ours goes on, and its outcome answers theirs. */
static void crossing_lower(void **state)
{
	struct world *w = *state;
	struct scene s = scene_ordered(w, true);

	ask(s.a, BOB, 1);
	run(w, 50);
	assert_int_equal(s.b->asked_count, 1);
	partner_ask(s.b, &s.bob, ALICE, 2);
	run(w, 50);
	assert_int_equal(s.b->informed, 0);
	assert_int_equal(s.a->told_count, 0);
	partner_inform(s.b, &s.bob);
	run(w, 50);
	assert_int_equal(s.a->directed, 1);
	assert_int_equal(s.a->told_count, 0); /* its answer is all that it needs */
	assert_int_equal(s.b->informed, 1);
	assert_memory_equal(s.b->info.pair, s.a->route.pair, NTM_PAIR_LEN);
	assert_memory_equal(s.b->info.psk, s.a->route.psk, NTM_KEY_LEN);
	assert_int_equal(s.b->info.role + s.a->route.role, NTM_ROLE_REQUESTS + NTM_ROLE_ANSWERS);
	assert_int_equal(s.b->info.correlation, 2);
	assert_string_equal(check_cert(w, &s.b->info.cert).fqdn, ALICE);
}

/* Lower, and theirs fails: both hear why. */
static void crossing_lower_fails(void **state)
{
	struct world *w = *state;
	struct scene s = scene_ordered(w, true);

	ask(s.a, "10.20.0.5", 1);
	run(w, 50);
	partner_ask(s.b, &s.bob, ALICE, 2);
	run(w, 50);
	partner_deny(s.b, NTM_DIR_BUSY, "not now", NULL);
	run(w, 50);
	assert_refused(s.a, 1, NTM_DIR_BUSY, "not now");
	assert_int_equal(s.b->refused, 1);
	assert_int_equal(s.b->error.code, NTM_DIR_BUSY);
	assert_null(w->dc->directions.first);
}

/* Higher: ours is given up; our node is told by theirs, and gets the same as its answer. */
static void crossing_higher(void **state)
{
	struct world *w = *state;
	struct scene s = scene_ordered(w, false);
	static const char *const ways[] = {BOB, "10.20.0.5", "fd00:20::5"};

	for (unsigned i = 0; i < 3; i++) {
		ask(s.a, ways[i], 1);
		run(w, 50);
		assert_int_equal(s.b->asked_count, i + 1);
		partner_ask(s.b, &s.bob, "198.18.0.1", 2);
		run(w, 100);
		assert_int_equal(s.a->told_count, i + 1);
		assert_int_equal(s.b->informed, i + 1);
		assert_int_equal(s.a->directed, i + 1);
		assert_memory_equal(s.a->route.pair, s.b->info.pair, NTM_PAIR_LEN);
		assert_memory_equal(s.a->told[i].pair, s.b->info.pair, NTM_PAIR_LEN);
		/* The answer to what was given up is none any more. */
		partner_inform(s.b, &s.bob);
		run(w, 3000);
		assert_int_equal(s.a->directed, i + 1);
		assert_int_equal(s.a->refused + s.a->timeouts, 0);
		run(w, DIRECTION_KEEP_MS);
		assert_null(w->dc->directions.first);
	}
}

/* Higher, and our node does not answer: all who wait hear it. */
static void crossing_higher_fails(void **state)
{
	struct world *w = *state;
	struct scene s = scene_ordered(w, false);

	ask(s.a, BOB, 1);
	run(w, 50);
	s.a->is_mute = true;
	partner_ask(s.b, &s.bob, ALICE, 2);
	run(w, DIRECTION_CN_FOREIGN_WAIT_MS + 100);
	assert_int_equal(s.b->refused, 1);
	assert_int_equal(s.b->error.code, NTM_DIR_OFFLINE);
	assert_refused(s.a, 1, NTM_DIR_OFFLINE, "does not answer");
	assert_null(w->dc->directions.first);
}

/* Higher, and no route is possible: our node hears the reason as well. */
static void crossing_higher_no_route(void **state)
{
	struct world *w = *state;
	struct scene s = scene_ordered(w, false);
	struct client *c =
		node_new_at(w, 1, "carol.ntm.example", "198.51.100.1:40000", "10.99.0.1");

	s.bob.behind_nat = true;
	assert_int_equal(ntm_addr_parse(&s.bob.reflexive, "198.51.100.9:555", 0), 0);
	ask(c, BOB, 1);
	run(w, 50);
	assert_int_equal(s.b->asked_count, 1);
	partner_ask(s.b, &s.bob, c->name, 2);
	run(w, 100);
	assert_int_equal(s.b->refused, 1);
	assert_int_equal(s.b->error.code, NTM_DIR_NO_RELAY);
	assert_refused(c, 1, NTM_DIR_NO_RELAY, "needs a relay");
	assert_int_equal(c->error.correlation, 1);
	assert_null(w->dc->directions.first);
}

/* Who asks once more after both have met has lost its tunnel, and gets a new one. */
static void crossing_asked_once_more(void **state)
{
	struct world *w = *state;
	struct scene s = scene_ordered(w, false);
	uint8_t pair[NTM_PAIR_LEN];

	ask(s.a, BOB, 1);
	run(w, 50);
	partner_ask(s.b, &s.bob, ALICE, 2);
	run(w, 100);
	assert_int_equal(s.a->directed, 1);
	memcpy(pair, s.a->route.pair, sizeof(pair));
	ask(s.a, BOB, 3);
	run(w, 50);
	assert_int_equal(s.b->asked_count, 2);
	partner_inform(s.b, &s.bob);
	run(w, 50);
	assert_int_equal(s.a->directed, 2);
	assert_memory_not_equal(s.a->route.pair, pair, sizeof(pair));
}

/* The same for the other DC's node, when ours went on. */
static void crossing_asked_once_more_there(void **state)
{
	struct world *w = *state;
	struct scene s = scene_ordered(w, true);
	uint8_t pair[NTM_PAIR_LEN];

	ask(s.a, BOB, 1);
	run(w, 50);
	partner_ask(s.b, &s.bob, ALICE, 2);
	run(w, 50);
	partner_inform(s.b, &s.bob);
	run(w, 50);
	assert_int_equal(s.b->informed, 1);
	memcpy(pair, s.b->info.pair, sizeof(pair));
	partner_ask(s.b, &s.bob, ALICE, 3);
	run(w, 50);
	assert_int_equal(s.b->informed, 2);
	assert_int_equal(s.a->told_count, 1);
	assert_memory_not_equal(s.b->info.pair, pair, sizeof(pair));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, foreign_setup, foreign_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_name),
		TEST(by_vip),
		TEST(role_is_cns_word),
		TEST(resent),
		TEST(several_ways_at_once),
		TEST(asked_once_more),
		TEST(two_nodes_one_peer),
		TEST(mn_moves_meanwhile),
		TEST(wrong_answers),
		TEST(own_addresses_are_sifted),
		TEST(other_domains_pair),
		TEST(errors_are_passed_on),
		TEST(errors_with_others_addresses),
		TEST(answer_too_late),
		TEST(too_many_at_once),
		TEST(mn_is_gone),
		TEST(crossing_lower),
		TEST(crossing_lower_fails),
		TEST(crossing_higher),
		TEST(crossing_higher_fails),
		TEST(crossing_higher_no_route),
		TEST(crossing_asked_once_more),
		TEST(crossing_asked_once_more_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
