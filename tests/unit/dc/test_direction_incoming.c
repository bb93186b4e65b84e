/* SPDX-License-Identifier: BSD-2-Clause */
/* As DC_CN: what the DC of another domain may ask for its nodes, and what ours are told. */
#include "dcforeign.h"

#include "direction_priv.h"

#define CAROL "carol.ntm.example"

static void assert_denied(const struct partner *p, unsigned count, uint8_t code, const char *words)
{
	assert_int_equal(p->refused, count);
	assert_error(&p->error, code, words);
}

static void assert_empty(const struct world *w)
{
	assert_null(w->dc->directions.first);
	assert_int_equal(ntm_map_count(w->dc->directions.by_pair), 0);
	assert_int_equal(ntm_map_count(w->dc->directions.by_alias), 0);
}

/* R56, R58, R91, R93: our node is told and acknowledges, then the other DC has its answer. */
static void by_name(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	int64_t start_ms = w->timers.now_ms;
	struct ntm_cert cert;
	char text[NTM_ADDR_STR];

	s.a->mute_count = 1; /* the first copy is lost */
	partner_ask(s.b, &s.bob, ALICE, 0xabc);
	run(w, 100);
	assert_int_equal(s.a->told_count, 1);
	assert_int_equal(s.b->informed, 0);
	run(w, 200);
	assert_int_equal(s.b->informed, 1);
	assert_true(w->timers.now_ms - start_ms >= 200);

	assert_memory_equal(s.a->told[0].pair, s.b->info.pair, NTM_PAIR_LEN);
	assert_memory_equal(s.a->told[0].psk, s.b->info.psk, NTM_KEY_LEN);
	assert_int_equal(s.a->told[0].role, NTM_ROLE_ANSWERS);
	assert_int_equal(s.a->told[0].reason, NTM_REASON_NAME);
	assert_int_equal(s.a->told[0].correlation, 0xabc);
	assert_memory_equal(s.a->told[0].peer_cert.data, s.bob.blob.data, s.bob.blob.len);
	assert_int_equal(s.a->told[0].candidates.count, 1);
	assert_string_equal(ntm_addr_str(&s.a->told[0].candidates.item[0], text),
			    "203.0.113.105:4330");
	cert = check_cert(w, &s.a->told[0].peer_domain);
	assert_string_equal(cert.fqdn, "b.example");

	assert_int_equal(s.b->info.role, NTM_ROLE_REQUESTS);
	assert_int_equal(s.b->info.correlation, 0xabc);
	assert_int_equal(s.b->info.lifetime_s, w->settings.pair_lifetime_s);
	assert_string_equal(ntm_addr_str(&s.b->info.reflexive, text), "192.0.2.10:4330");
	assert_int_equal(s.b->info.own.count, 1);
	assert_false(s.b->info.behind_nat);
	cert = check_cert(w, &s.b->info.cert);
	assert_string_equal(cert.fqdn, ALICE);
	assert_int_equal(w->dc->directions.counters.foreign_in, 1);
}

static void by_vip(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	static const char *const vips[] = {"198.18.0.1", "fd00:1:2::1"};

	for (unsigned i = 0; i < 2; i++) {
		partner_ask(s.b, &s.bob, vips[i], i);
		run(w, 100);
		assert_int_equal(s.b->informed, i + 1);
		assert_int_equal(s.a->told[i].reason, NTM_REASON_SIP);
		run(w, DIRECTION_SECOND_MS);
	}
}

/* R49, R59: the roles by who is behind a NAT, and MN's outside for CN. */
static void nat_asks_first(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct client *c = node_new_at(w, 1, CAROL, "198.51.100.1:40000", "10.99.0.1");
	char text[NTM_ADDR_STR];

	(void)c;
	partner_ask(s.b, &s.bob, CAROL, 1);
	run(w, 100);
	assert_int_equal(s.b->info.role, NTM_ROLE_ANSWERS);
	assert_true(s.b->info.behind_nat);
	s.bob.behind_nat = true;
	assert_int_equal(ntm_addr_parse(&s.bob.reflexive, "198.51.100.9:555", 0), 0);
	partner_ask(s.b, &s.bob, ALICE, 2);
	run(w, 100);
	assert_int_equal(s.b->info.role, NTM_ROLE_REQUESTS);
	assert_true(s.a->told[0].peer_nat);
	assert_string_equal(ntm_addr_str(&s.a->told[0].candidates.item[0], text),
			    "198.51.100.9:555");
	/* Two NATs need a relay. */
	partner_ask(s.b, &s.bob, CAROL, 3);
	run(w, 100);
	assert_denied(s.b, 1, NTM_DIR_NO_RELAY, "needs a relay");
}

/* Copies: worked on once, and the same bytes each time. */
static void resent(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct ntm_msg msg = partner_question(&s.bob, ALICE, 1);
	uint8_t plain[NTM_MSG_MAX];
	static struct ntm_pkt pkt;
	size_t len;

	partner_send(s.b, &msg);
	run(w, 100);
	assert_int_equal(s.b->informed, 1);
	len = ntm_msg_encode(&msg, plain, sizeof(plain));
	for (unsigned i = 0; i < 3; i++) {
		ntm_pkt_reset(&pkt);
		memcpy(ntm_pkt_put(&pkt, len), plain, len);
		assert_int_equal(ntm_link_send(s.b->link, &pkt, 0), 0);
		run(w, 100);
		assert_int_equal(s.b->raw_count, i + 2);
		assert_int_equal(s.b->raw_len[0], s.b->raw_len[1]);
		assert_memory_equal(s.b->raw[0], s.b->raw[1], s.b->raw_len[0]);
	}
	assert_int_equal(s.a->told_count, 1);
	assert_int_equal(w->dc->directions.counters.resent, 3);
	assert_int_equal(w->dc->directions.counters.foreign_in, 1);
	run(w, DIRECTION_KEEP_MS + 100);
	assert_empty(w);
	assert_int_equal(ntm_map_count(w->dc->directions.asks), 0);
}

/* Copies while our node is told wait for its word. */
static void resent_meanwhile(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);

	s.a->mute_count = 2;
	partner_ask(s.b, &s.bob, ALICE, 1);
	run(w, 1500);
	assert_int_equal(s.a->told_count, 1);
	assert_int_equal(s.b->informed, 1);
	assert_true(w->dc->directions.counters.resent > 0);
}

/* ---- refusals ---- */

enum wrong {
	NOTHING,
	SIGNED_BY_OTHER,
	NO_NODE,
	OUTSIDE_NAME,
	OUR_NAME,
	OUTSIDE_VIP,
	OUR_VIP,
	NO_VIP,
	EXPIRED,
	SUB_DOMAIN,
	OUR_KEY,
	OUR_OTHER_KEY,
	NO_PLACE,
	NO_PORT,
	VIRTUAL_PLACE,
	PARTNERS_PLACE,
};

static void make_wrong(struct world *w, const struct partner *b, struct partner_node *node,
		       enum wrong wrong)
{
	static const char *const places[] = {[NO_PLACE] = "127.0.0.1:1",
					     [NO_PORT] = "203.0.113.105:0",
					     [VIRTUAL_PLACE] = "198.18.0.2:1",
					     [PARTNERS_PLACE] = "10.21.0.2:1"};
	struct ntm_root other;
	struct ntm_cert *cert = &node->cert;

	ntm_root_make(&other);
	if (wrong == OUTSIDE_NAME)
		strcpy(cert->fqdn, "bob.d.example");
	if (wrong == OUR_NAME)
		strcpy(cert->fqdn, CAROL);
	if (wrong == SUB_DOMAIN)
		strcpy(cert->fqdn, "bob.c.b.example"); /* c.b.example has a pin of its own */
	if (wrong == OUTSIDE_VIP)
		assert_int_equal(ntm_ip_parse(&cert->vip6, "fd00:66::1"), 0);
	if (wrong == OUR_VIP)
		assert_int_equal(ntm_ip_parse(&cert->vip4, "198.18.0.2"), 0);
	if (wrong == NO_VIP)
		cert->vip4 = cert->vip6 = (struct ntm_ip){.family = 0};
	if (wrong == EXPIRED)
		cert->not_after_s = cert->not_before_s + 60;
	if (wrong == NO_NODE)
		*cert = (struct ntm_cert){.type = NTM_CERT_DC,
					  .not_before_s = cert->not_before_s,
					  .not_after_s = cert->not_after_s,
					  .prefix4 = b->prefix4,
					  .fqdn = "b.example"};
	if (wrong == OUR_KEY || wrong == OUR_OTHER_KEY)
		memcpy(cert->key, w->client[wrong == OUR_KEY ? 0 : 1].keys.pub, sizeof(cert->key));
	node->blob = partner_sign(cert, wrong == SIGNED_BY_OTHER ? &other : &b->root);
	if (wrong >= NO_PLACE)
		assert_int_equal(ntm_addr_parse(&node->reflexive, places[wrong], 1), 0);
}

static void wrong_nodes(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	static const struct {
		enum wrong wrong;
		const char *words;
	} cases[] = {
		{SIGNED_BY_OTHER, "is not signed by the root that is pinned"},
		{NO_NODE, "is not one of a node"},
		{OUTSIDE_NAME, "b.example signs for bob.d.example, which is not in it"},
		{OUR_NAME, "b.example signs for carol.ntm.example, which is not in it"},
		{OUTSIDE_VIP, "outside of the prefix pinned for b.example"},
		{OUR_VIP, "outside of the prefix pinned for b.example"},
		{EXPIRED, "is not valid now"},
		{SUB_DOMAIN, "bob.c.b.example is not a name of b.example"},
		{OUR_KEY, "has the key of a node of ntm.example"},
		{OUR_OTHER_KEY, "has the key of a node of ntm.example"},
		{NO_PLACE, "where nothing can be sent to"},
		{VIRTUAL_PLACE, "where nothing can be sent to"},
		{PARTNERS_PLACE, "where nothing can be sent to"},
	};

	node_new(w, 1, CAROL);
	partner_trusted(w, 1, "c.b.example");
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct partner_node node = s.bob;

		print_message("case %u\n", i);
		make_wrong(w, s.b, &node, cases[i].wrong);
		partner_ask(s.b, &node, ALICE, 100 + i);
		run(w, 100);
		assert_denied(s.b, i + 1, NTM_DIR_UNTRUSTED, cases[i].words);
		assert_int_equal(s.b->error.correlation, 100 + i);
		assert_int_equal(s.b->error.vip.family, 0); /* says nothing of CN */
		assert_empty(w);
	}
	assert_int_equal(s.a->told_count, 0);
	assert_int_equal(ntm_map_count(w->dc->directions.asks), 0);
	assert_int_equal(foreign_by_domain(w->dc, "b.example")->counters.refused,
			 sizeof(cases) / sizeof(cases[0]));
	assert_non_null(line_with(w, "dc_mn=b.example code="));
}

/* Logged once, not as often as it happens. */
static void refusals_are_quiet(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct partner_node node = s.bob;
	unsigned infos;

	make_wrong(w, s.b, &node, OUTSIDE_VIP);
	infos = w->info_count;
	for (unsigned i = 0; i < 30; i++) {
		partner_ask(s.b, &node, ALICE, i);
		run(w, 30);
	}
	assert_int_equal(s.b->refused, 30);
	assert_in_range(w->info_count - infos, 1, 15);
}

static void wrong_targets(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	static const struct {
		const char *target;
		uint8_t code;
		const char *words;
	} cases[] = {
		{"nobody.ntm.example", NTM_DIR_NO_SUCH_NAME, "there is no node"},
		{"198.18.77.77", NTM_DIR_NO_SUCH_ADDRESS, "no node of ntm.example has"},
		{"dc.ntm.example", NTM_DIR_NOT_NTM, "but no node"},
		/* No way through us to a third domain, or back. */
		{"eve.c.example", NTM_DIR_NO_SUCH_NAME, "neither in ntm.example"},
		{"10.21.0.1", NTM_DIR_NO_SUCH_ADDRESS, "neither of ntm.example"},
		{BOB, NTM_DIR_NO_SUCH_NAME, "neither in ntm.example"},
		{"absent.ntm.example", NTM_DIR_OFFLINE, "has not joined yet"},
	};

	assert_int_equal(help_add(w->store, "absent.ntm.example", NULL), 0);
	partner_trusted(w, 1, "c.example");
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		partner_ask(s.b, &s.bob, cases[i].target, i);
		run(w, 100);
		assert_denied(s.b, i + 1, cases[i].code, cases[i].words);
	}
	assert_empty(w);
	assert_int_equal(partner_at(w, 1)->first_ms, 0);
}

static void who_may_be_called(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct trust_pin pin = partner_pin(s.b);

	node_new(w, 1, CAROL);
	pin.allow_all = false;
	pin.allow_count = 1;
	strcpy(pin.allow[0], CAROL);
	pin_put(w, &pin);
	partner_ask(s.b, &s.bob, ALICE, 1);
	run(w, 100);
	assert_denied(s.b, 1, NTM_DIR_FORBIDDEN,
		      "alice.ntm.example may not be called from b.example");
	partner_ask(s.b, &s.bob, "198.18.0.1", 2);
	run(w, 100);
	assert_denied(s.b, 2, NTM_DIR_FORBIDDEN, "may not be called");
	partner_ask(s.b, &s.bob, CAROL, 3);
	run(w, 100);
	assert_int_equal(s.b->informed, 1);
	/* Our nodes call whom they like. */
	ask(s.a, BOB, 4);
	run(w, 100);
	assert_int_equal(s.b->asked_count, 1);
}

/* In time for the other DC's own wait. */
static void cn_does_not_answer(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	int64_t start_ms = w->timers.now_ms;

	s.a->is_mute = true;
	partner_ask(s.b, &s.bob, ALICE, 1);
	while (s.b->refused == 0 && w->timers.now_ms - start_ms < 4000)
		run(w, 10);
	assert_denied(s.b, 1, NTM_DIR_OFFLINE, "alice.ntm.example does not answer");
	help_ip(&s.b->error.vip, "198.18.0.1");
	assert_true(w->timers.now_ms - start_ms < DIRECTION_FOREIGN_WAIT_MS - 500);
	assert_empty(w);
	/* Known to be away: told at once. */
	partner_ask(s.b, &s.bob, ALICE, 2);
	run(w, 100);
	assert_denied(s.b, 2, NTM_DIR_OFFLINE, "is not online");
}

static void too_fast(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct foreign *foreign = foreign_by_domain(w->dc, "b.example");

	for (unsigned i = 0; i < FOREIGN_BURST + 60; i++) {
		partner_ask(s.b, &s.bob, "nobody.ntm.example", i);
		if (i % 40 == 39)
			run(w, 30);
	}
	run(w, 100);
	assert_int_equal(s.b->refused, FOREIGN_BURST + 60);
	assert_true(foreign->counters.limited > 0);
	assert_denied(s.b, FOREIGN_BURST + 60, NTM_DIR_BUSY, "more than 100 directions a second");
	run(w, 1000);
	partner_ask(s.b, &s.bob, ALICE, 1);
	run(w, 100);
	assert_int_equal(s.b->informed, 1);
}

/* ---- what is shared ---- */

/* Bob asks, then alice: the answer is there already. */
static void other_direction_shares(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);

	partner_ask(s.b, &s.bob, ALICE, 1);
	run(w, 100);
	ask(s.a, BOB, 2);
	run(w, 100);
	assert_int_equal(s.a->directed, 1);
	assert_int_equal(s.b->asked_count, 0);
	assert_memory_equal(s.a->route.pair, s.b->info.pair, NTM_PAIR_LEN);
	assert_int_equal(s.a->route.role, NTM_ROLE_ANSWERS);
	/* By another way of bob's as well. */
	ask(s.a, "10.20.0.5", 3);
	run(w, 100);
	assert_int_equal(s.a->directed, 2);
	assert_int_equal(s.b->asked_count, 0);
}

/* Alice asks while she is told of bob. */
static void other_direction_meanwhile(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);

	s.a->mute_count = 2;
	partner_ask(s.b, &s.bob, ALICE, 1);
	run(w, 50);
	ask(s.a, "fd00:20::5", 2);
	run(w, 1000);
	assert_int_equal(s.b->informed, 1);
	assert_int_equal(s.a->directed, 1);
	assert_memory_equal(s.a->route.pair, s.b->info.pair, NTM_PAIR_LEN);
	assert_int_equal(s.b->asked_count, 0);
}

/* Alice has asked, and is answered; then bob's DC asks: the same. */
static void ours_is_shared(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);

	ask(s.a, BOB, 1);
	run(w, 50);
	partner_inform(s.b, &s.bob);
	run(w, 50);
	partner_ask(s.b, &s.bob, ALICE, 2);
	run(w, 100);
	assert_int_equal(s.b->informed, 1);
	assert_int_equal(s.a->told_count, 0);
	assert_memory_equal(s.a->route.pair, s.b->info.pair, NTM_PAIR_LEN);
	assert_int_equal(s.b->info.role, NTM_ROLE_ANSWERS);
	assert_string_equal(check_cert(w, &s.b->info.cert).fqdn, ALICE);
}

/* Both of CN's addresses wanted at once: one pair, told once. */
static void second_way_at_once(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct ntm_msg_information_response first;

	partner_ask(s.b, &s.bob, "198.18.0.1", 1);
	run(w, 100);
	first = s.b->info;
	partner_ask(s.b, &s.bob, "fd00:1:2::1", 2);
	run(w, 100);
	assert_int_equal(s.b->informed, 2);
	assert_int_equal(s.a->told_count, 1);
	assert_memory_equal(s.b->info.pair, first.pair, NTM_PAIR_LEN);
	/* The same way once more: the tunnel is lost. */
	partner_ask(s.b, &s.bob, "198.18.0.1", 3);
	run(w, 100);
	assert_int_equal(s.a->told_count, 2);
	assert_memory_not_equal(s.b->info.pair, first.pair, NTM_PAIR_LEN);
}

static void mn_moved_after(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	char text[NTM_ADDR_STR];

	partner_ask(s.b, &s.bob, ALICE, 1);
	run(w, 100);
	assert_int_equal(ntm_addr_parse(&s.bob.reflexive, "203.0.113.250", 4330), 0);
	s.bob.own.item[0] = s.bob.reflexive;
	partner_ask(s.b, &s.bob, "198.18.0.1", 2);
	run(w, 100);
	assert_int_equal(s.a->told_count, 2);
	assert_string_equal(ntm_addr_str(&s.a->told[1].candidates.item[0], text),
			    "203.0.113.250:4330");
	assert_memory_equal(s.a->told[1].pair, s.b->info.pair, NTM_PAIR_LEN);
}

/* MN moves while CN is told: CN is told anew, and both requests have the same answer. */
static void mn_moves_meanwhile(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	char text[NTM_ADDR_STR];

	s.a->mute_count = 1;
	partner_ask(s.b, &s.bob, ALICE, 1);
	run(w, 50);
	assert_int_equal(s.a->told_count, 1);
	assert_int_equal(ntm_addr_parse(&s.bob.reflexive, "203.0.113.250", 4330), 0);
	s.bob.own.item[0] = s.bob.reflexive;
	partner_ask(s.b, &s.bob, ALICE, 2);
	run(w, 100);
	assert_int_equal(s.a->told_count, 2);
	assert_string_equal(ntm_addr_str(&s.a->told[1].candidates.item[0], text),
			    "203.0.113.250:4330");
	assert_int_equal(s.b->informed, 2);
	assert_memory_equal(s.a->told[1].pair, s.b->info.pair, NTM_PAIR_LEN);
	run(w, DIRECTION_KEEP_MS + 100);
	assert_empty(w);
}

/* CN moves while it is told of MN: what it has is decided anew with the next request. */
static void cn_moves_after(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	char text[NTM_ADDR_STR];

	partner_ask(s.b, &s.bob, ALICE, 1);
	run(w, 100);
	client_place(s.a, "192.0.2.10", "192.0.2.10 192.0.2.99");
	client_register(s.a);
	run(w, 100);
	partner_ask(s.b, &s.bob, "198.18.0.1", 2);
	run(w, 100);
	assert_int_equal(s.a->told_count, 2);
	assert_int_equal(s.b->info.own.count, 2);
	assert_string_equal(ntm_addr_str(&s.b->info.own.item[1], text), "192.0.2.99:4330");
}

/* A pair of our nodes under way is not touched by who certifies the key of one of them. */
static void our_pairs_are_ours(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct client *c = node_new(w, 1, CAROL);
	struct partner_node spy = s.bob;

	make_wrong(w, s.b, &spy, OUR_OTHER_KEY); /* carol's */
	spy.reflexive = c->addr;
	spy.own = c->own;
	s.a->mute_count = 1;
	ask(c, ALICE, 1);
	run(w, 50);
	partner_ask(s.b, &spy, ALICE, 2);
	run(w, 50);
	assert_int_equal(s.b->informed, 0);
	assert_denied(s.b, 1, NTM_DIR_UNTRUSTED, "has the key of a node");
	run(w, 500);
	assert_int_equal(c->directed, 1);
	assert_string_equal(check_cert(w, &c->route.peer_cert).fqdn, ALICE);
	assert_string_equal(check_cert(w, &s.a->told[0].peer_cert).fqdn, CAROL);
	partner_ask(s.b, &spy, ALICE, 3);
	run(w, 50);
	assert_int_equal(s.b->informed, 0);
}

/* ---- what goes away meanwhile ---- */

static void session_goes_meanwhile(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);

	s.a->mute_count = 1;
	partner_ask(s.b, &s.bob, ALICE, 1);
	run(w, 50);
	assert_int_equal(s.a->told_count, 1);
	pin_remove(w, "b.example");
	run(w, 1000);
	assert_int_equal(s.b->informed, 0);
	run(w, 2 * DIRECTION_KEEP_MS);
	assert_empty(w);
	assert_int_equal(ntm_map_count(w->dc->directions.asks), 0);
}

static void cn_is_revoked_meanwhile(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);
	struct got got = {0};

	s.a->is_mute = true;
	partner_ask(s.b, &s.bob, ALICE, 1);
	run(w, 50);
	dc_revoke(w->dc, ALICE, got_node, &got);
	assert_int_equal(got.err, 0);
	run(w, 50);
	assert_denied(s.b, 1, NTM_DIR_OFFLINE, "went offline just now");
	assert_empty(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, foreign_setup, foreign_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_name),
		TEST(by_vip),
		TEST(nat_asks_first),
		TEST(resent),
		TEST(resent_meanwhile),
		TEST(wrong_nodes),
		TEST(refusals_are_quiet),
		TEST(wrong_targets),
		TEST(who_may_be_called),
		TEST(cn_does_not_answer),
		TEST(too_fast),
		TEST(other_direction_shares),
		TEST(other_direction_meanwhile),
		TEST(ours_is_shared),
		TEST(second_way_at_once),
		TEST(mn_moved_after),
		TEST(mn_moves_meanwhile),
		TEST(cn_moves_after),
		TEST(our_pairs_are_ours),
		TEST(session_goes_meanwhile),
		TEST(cn_is_revoked_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
