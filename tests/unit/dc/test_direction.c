/* SPDX-License-Identifier: BSD-2-Clause */
/* Directions as nodes see them: whom the DC tells what, in which order, and what it says if not. */
#include "dcworld.h"
#include "direction_priv.h"

#define ALICE "alice.ntm.example"
#define BOB   "bob.ntm.example"
#define CAROL "carol.ntm.example"

static void assert_pair(const struct world *w, const struct ntm_msg_route_direction *mn,
			const struct ntm_msg_route_direction *cn)
{
	static const uint8_t zero[NTM_KEY_LEN];

	assert_memory_equal(mn->pair, cn->pair, sizeof(mn->pair));
	assert_memory_equal(mn->psk, cn->psk, sizeof(mn->psk));
	assert_memory_not_equal(mn->psk, zero, sizeof(zero));
	assert_int_equal(mn->role + cn->role, NTM_ROLE_REQUESTS + NTM_ROLE_ANSWERS);
	assert_int_equal(mn->lifetime_s, w->settings.pair_lifetime_s);
}

static void assert_peer(const struct world *w, const struct ntm_msg_route_direction *route,
			const struct client *peer)
{
	struct ntm_cert cert = check_cert(w, &route->peer_cert);

	assert_string_equal(cert.fqdn, peer->name);
	assert_memory_equal(cert.key, peer->keys.pub, NTM_KEY_LEN);
}

static void assert_candidate(const struct ntm_msg_route_direction *route, const char *expected)
{
	char text[NTM_ADDR_STR];

	assert_int_equal(route->candidates.count, 1);
	assert_string_equal(ntm_addr_str(&route->candidates.item[0], text), expected);
}

/* R54, R58, and CN before MN (design.md 5). */
static void by_name(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	int64_t start_ms = w->timers.now_ms;

	ask(a, BOB, 0x1234);
	run(w, 1000);
	assert_int_equal(a->directed, 1);
	assert_int_equal(b->told_count, 1);
	assert_int_equal(b->told_copies, 0);
	assert_int_equal(b->told_at_ms, start_ms + 2 * DELAY_MS);
	assert_int_equal(a->answered_at_ms, start_ms + 4 * DELAY_MS);
	assert_pair(w, &a->route, &b->told[0]);
	assert_peer(w, &a->route, b);
	assert_peer(w, &b->told[0], a);
	assert_candidate(&a->route, "192.0.2.11:4330");
	assert_candidate(&b->told[0], "192.0.2.10:4330");
	assert_int_equal(a->route.role, NTM_ROLE_REQUESTS);
	assert_int_equal(a->route.correlation, 0x1234);
	assert_int_equal(b->told[0].correlation, 0x1234);
	assert_int_equal(a->route.reason, NTM_REASON_NAME);
	assert_false(a->route.peer_nat);
	assert_false(b->told[0].peer_nat);
}

/* R88, R92, R103, R106. */
static void by_vip(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	static const char *const vips[] = {"198.18.0.2", "fd00:1:2::2"};
	struct ntm_msg msg;

	for (unsigned i = 0; i < 2; i++) {
		ask(a, vips[i], i);
		run(w, 100);
		assert_int_equal(a->directed, i + 1);
		assert_int_equal(b->told_count, i + 1);
		assert_int_equal(b->told[i].reason, NTM_REASON_SIP);
		assert_peer(w, &a->route, b);
		run(w, DIRECTION_SECOND_MS);
	}
	/* The data trigger knows no name either, and has no flag. */
	msg = direction_msg(a, vips[0], 3);
	msg.direction_request.is_sip = false;
	msg.direction_request.reason = NTM_REASON_DATA;
	assert_int_equal(ntm_ctl_request(a->ctl, &msg, on_directed, a, NULL), 0);
	run(w, 100);
	assert_int_equal(a->directed, 3);
	assert_int_equal(a->route.reason, NTM_REASON_DATA);
}

/* R49, R59. */
static void nat_asks_first(void **state)
{
	struct world *w = *state;
	struct client *a = node_new_at(w, 0, ALICE, "203.0.113.1:40000", "10.0.0.1");
	struct client *b = node_new(w, 1, BOB);

	ask(a, BOB, 1);
	run(w, 100);
	assert_int_equal(a->route.role, NTM_ROLE_REQUESTS);
	assert_true(b->told[0].peer_nat);
	assert_false(a->route.peer_nat);
	assert_candidate(&b->told[0], "203.0.113.1:40000");
	run(w, DIRECTION_KEEP_MS);
	ask(b, ALICE, 2);
	run(w, 100);
	assert_int_equal(b->directed, 1);
	assert_int_equal(b->route.role, NTM_ROLE_ANSWERS);
	assert_int_equal(a->told[0].role, NTM_ROLE_REQUESTS);
	assert_pair(w, &b->route, &a->told[0]);
}

static void same_nat(void **state)
{
	struct world *w = *state;
	struct client *a = node_new_at(w, 0, ALICE, "203.0.113.1:40000", "10.0.0.1");
	struct client *b = node_new_at(w, 1, BOB, "203.0.113.1:40001", "10.0.0.2");

	ask(a, BOB, 1);
	run(w, 100);
	assert_int_equal(a->route.role, NTM_ROLE_REQUESTS);
	assert_candidate(&a->route, "10.0.0.2:4330");
	assert_candidate(&b->told[0], "10.0.0.1:4330");
}

static void errors(void **state)
{
	struct world *w = *state;
	struct client *a = node_new_at(w, 0, ALICE, "203.0.113.1:40000", "10.0.0.1");
	struct client *b = node_new_at(w, 1, BOB, "203.0.113.2:40000", "10.0.0.1");
	static const struct {
		const char *target;
		uint8_t code;
		const char *words, *vip;
	} cases[] = {
		{"nobody.ntm.example", NTM_DIR_NO_SUCH_NAME, "no node nobody.ntm.example", "none"},
		{"bob.other.example", NTM_DIR_NO_SUCH_NAME, "domain that it trusts", "none"},
		{"xntm.example", NTM_DIR_NO_SUCH_NAME, "domain that it trusts", "none"},
		{"dc.ntm.example", NTM_DIR_NOT_NTM, "no node", "none"},
		{"ntm.example", NTM_DIR_NOT_NTM, "no node", "none"},
		{"_sip._udp.ntm.example", NTM_DIR_NOT_NTM, "no node", "none"},
		{"1.0.18.198.vip.ntm.example", NTM_DIR_NOT_NTM, "no node", "none"},
		{"lab.ntm.example", NTM_DIR_NOT_NTM, "no node", "none"},
		{"198.18.77.77", NTM_DIR_NO_SUCH_ADDRESS, "no node of ntm.example has", NULL},
		{"198.18.255.254", NTM_DIR_NO_SUCH_ADDRESS, "no node of ntm.example has", NULL},
		{"198.19.0.1", NTM_DIR_NO_SUCH_ADDRESS, "nor of a domain that it trusts", NULL},
		{"fd00:1:3::1", NTM_DIR_NO_SUCH_ADDRESS, "nor of a domain that it trusts", NULL},
		{"absent.ntm.example", NTM_DIR_OFFLINE, "has not joined yet", "198.18.0.3"},
		{"198.18.0.3", NTM_DIR_OFFLINE, "absent.ntm.example has not joined", NULL},
		{ALICE, NTM_DIR_FORBIDDEN, "is this node itself", "198.18.0.1"},
		{"198.18.0.1", NTM_DIR_FORBIDDEN, "is this node itself", NULL},
		{BOB, NTM_DIR_NO_RELAY, "needs a relay", "198.18.0.2"},
		{"198.18.0.2", NTM_DIR_NO_RELAY, "bob.ntm.example", NULL},
	};

	assert_int_equal(help_add(w->store, "absent.ntm.example", NULL), 0);
	assert_int_equal(help_add(w->store, "x.lab.ntm.example", NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].target);
		ask(a, cases[i].target, 100 + i);
		run(w, 500);
		assert_int_equal(a->refused, i + 1);
		assert_int_equal(a->error.code, cases[i].code);
		assert_int_equal(a->error.correlation, 100 + i);
		if (!strstr(a->error.words, cases[i].words))
			fail_msg("\"%s\" has no \"%s\"", a->error.words, cases[i].words);
		help_ip(&a->error.vip, cases[i].vip ? cases[i].vip : cases[i].target);
	}
	assert_int_equal(b->told_count, 0);
}

static void for_oneself_only(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	struct ntm_msg msg = direction_msg(a, BOB, 1);

	strcpy(msg.direction_request.fqdn_mn, CAROL);
	assert_int_equal(ntm_ctl_request(a->ctl, &msg, on_directed, a, NULL), 0);
	run(w, 100);
	assert_int_equal(a->error.code, NTM_DIR_FORBIDDEN);
	assert_non_null(strstr(a->error.words, ALICE));
	assert_int_equal(b->told_count, 0);
}

static void says_since_when(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);

	ntm_link_close(b->link, 0);
	for (unsigned i = 0; i < 3; i++) {
		client_register(a);
		run(w, 60000);
	}
	ask(a, BOB, 1);
	run(w, 100);
	assert_int_equal(a->error.code, NTM_DIR_OFFLINE);
	assert_string_equal(a->error.words, "bob.ntm.example is not online: last seen 3 min ago; "
					    "is ntm-node running there?");
	/* A DC that was restarted does not know. */
	stop_dc(w);
	start_dc(w);
	ntm_link_restart(a->link, NULL, 0);
	run(w, 5000);
	ask(a, BOB, 2);
	run(w, 100);
	assert_string_equal(a->error.words,
			    "bob.ntm.example is not online: not seen since the DC started 5 s ago; "
			    "is ntm-node running there?");
}

/* ---- copies ---- */

static void copies_are_one_ask(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	struct ntm_msg msg = direction_msg(a, BOB, 1);
	uint8_t first[NTM_PKT_MAX];
	size_t first_len;

	b->is_mute = true;
	msg.txn = 77;
	for (unsigned i = 0; i < 3; i++) {
		send_raw(a, &msg);
		run(w, 50);
	}
	assert_int_equal(b->told_count, 1); /* and waits: nothing is said to the copies */
	assert_int_equal(b->told_copies, 0);
	assert_int_equal(a->raw_count, 0);
	b->is_mute = false;
	run(w, 500);
	assert_int_equal(a->raw_count, 1);
	first_len = a->raw_len;
	memcpy(first, a->raw, first_len);
	for (unsigned i = 0; i < 3; i++) {
		send_raw(a, &msg);
		run(w, 50);
		assert_int_equal(a->raw_count, 2 + i);
		assert_int_equal(a->raw_len, first_len);
		assert_memory_equal(a->raw, first, first_len);
	}
	assert_int_equal(b->told_count, 1);
	/* The same number of somebody else is another ask. */
	msg = direction_msg(b, ALICE, 2);
	msg.txn = 77;
	send_raw(b, &msg);
	run(w, 50);
	assert_int_equal(b->raw_count, 1);
	assert_memory_not_equal(b->raw, first, first_len);
}

static void copies_of_a_refused_ask(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct ntm_msg msg = direction_msg(a, BOB, 1);
	uint8_t first[NTM_PKT_MAX];
	size_t first_len;

	msg.txn = 5;
	send_raw(a, &msg);
	run(w, 50);
	assert_int_equal(a->raw_count, 1);
	first_len = a->raw_len;
	memcpy(first, a->raw, first_len);
	/* Bob comes now; the answer that was given stays. */
	node_new(w, 1, BOB);
	send_raw(a, &msg);
	run(w, 50);
	assert_int_equal(a->raw_count, 2);
	assert_memory_equal(a->raw, first, first_len);
	run(w, DIRECTION_KEEP_MS);
	send_raw(a, &msg); /* forgotten: a new ask */
	run(w, 100);
	assert_int_equal(a->raw_count, 3);
	assert_int_equal(a->raw[1], NTM_MSG_ROUTE_DIRECTION);
}

static void lost_acks(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);

	b->mute_count = 3;
	ask(a, BOB, 1);
	run(w, 1390);
	assert_int_equal(a->directed, 0);
	run(w, 100);
	assert_int_equal(a->directed, 1);
	assert_int_equal(b->told_count, 1);
	assert_int_equal(b->told_copies, 3);
	assert_pair(w, &a->route, &b->told[0]);
}

/* ---- two for each other ---- */

static void crossing(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);

	ask(a, BOB, 1);
	ask(b, "198.18.0.1", 2);
	run(w, 500);
	assert_int_equal(a->directed, 1);
	assert_int_equal(b->directed, 1);
	assert_pair(w, &a->route, &b->route);
	assert_int_equal(a->route.correlation, 1); /* each its own */
	assert_int_equal(b->route.correlation, 2);
	assert_peer(w, &b->route, a);
	/* One of them was told as CN, before that. */
	assert_int_equal(a->told_count + b->told_count, 1);
	assert_pair(w, &a->route, b->told_count ? &b->told[0] : &b->route);
	assert_int_equal(a->route.role, NTM_ROLE_REQUESTS);
}

/* The second asker waits for CN's acknowledgement too. */
static void crossing_waits(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);

	b->is_mute = true;
	ask(a, BOB, 1);
	run(w, 100);
	ask(b, ALICE, 2);
	run(w, 90);
	assert_int_equal(a->directed + b->directed, 0);
	assert_int_equal(a->told_count, 0);
	b->is_mute = false;
	run(w, 100);
	assert_int_equal(a->directed, 1);
	assert_int_equal(b->directed, 1);
	assert_pair(w, &a->route, &b->route);
}

static void crossing_afterwards(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	struct ntm_msg_route_direction first;

	ask(a, BOB, 1);
	run(w, 100);
	run(w, 4800);
	ask(b, ALICE, 2);
	run(w, 2 * DELAY_MS);
	assert_int_equal(b->directed, 1);
	assert_pair(w, &a->route, &b->route);
	assert_int_equal(a->told_count, 0);
	first = a->route;
	/* Once more is no crossing: its tunnel is gone. */
	ask(b, ALICE, 3);
	run(w, 100);
	assert_int_equal(b->directed, 2);
	assert_memory_not_equal(b->route.pair, first.pair, NTM_PAIR_LEN);
	assert_int_equal(a->told_count, 1);
	assert_pair(w, &b->route, &a->told[0]);
	run(w, DIRECTION_KEEP_MS);
	ask(a, BOB, 4);
	run(w, 100);
	assert_memory_not_equal(a->route.pair, b->route.pair, NTM_PAIR_LEN);
}

static void asks_again_itself(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	struct ntm_msg_route_direction first;

	ask(a, BOB, 1);
	run(w, 100);
	first = a->route;
	ask(a, BOB, 2);
	run(w, 100);
	assert_int_equal(a->directed, 2);
	assert_memory_not_equal(a->route.pair, first.pair, NTM_PAIR_LEN);
	assert_int_equal(b->told_count, 2);
	assert_pair(w, &a->route, &b->told[1]);
}

/* Two triggers of one node while CN is being told. */
static void asks_twice_at_once(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);

	ask(a, BOB, 1);
	ask(a, "198.18.0.2", 2);
	run(w, 100);
	assert_int_equal(a->directed, 2);
	assert_int_equal(b->told_count, 1);
	assert_pair(w, &a->route, &b->told[0]);
}

/* The second trigger was on the way when the first was answered: a new pair would void the tunnel
 * that is just being made. Later, it asks because it has lost the tunnel. */
static void asks_by_another_address(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	struct ntm_msg_route_direction first;

	ask(a, "198.18.0.2", 1);
	run(w, 100);
	first = a->route;
	ask(a, "fd00:1:2::2", 2);
	run(w, 100);
	assert_int_equal(a->directed, 2);
	assert_memory_equal(a->route.pair, first.pair, NTM_PAIR_LEN);
	assert_int_equal(b->told_count, 1);
	run(w, DIRECTION_SECOND_MS);
	ask(a, BOB, 3);
	run(w, 100);
	assert_int_equal(a->directed, 3);
	assert_memory_not_equal(a->route.pair, first.pair, NTM_PAIR_LEN);
	assert_int_equal(b->told_count, 2);
}

/* A node that was started anew has lost what it was told. */
static void no_crossing_after_a_restart(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	struct ntm_msg_route_direction first;

	ask(a, BOB, 1);
	run(w, 100);
	first = a->route;
	client_boot(a);
	client_open(a);
	run(w, 200);
	assert_int_equal(a->registered, 2);
	ask(b, ALICE, 2);
	run(w, 100);
	assert_int_equal(b->directed, 1);
	assert_memory_not_equal(b->route.pair, first.pair, NTM_PAIR_LEN);
	assert_int_equal(a->told_count, 1);
	assert_pair(w, &b->route, &a->told[0]);
}

/* CN's place changes while it is being told, and the peer asks too: both get the new place. */
static void moved_meanwhile(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);

	b->is_mute = true;
	ask(a, BOB, 1);
	run(w, 100);
	client_place(b, "198.51.100.7", "198.51.100.7");
	client_register(b);
	run(w, 200);
	client_register(b);
	run(w, 50);
	b->is_mute = false;
	ask(b, ALICE, 2);
	run(w, 100);
	assert_int_equal(a->directed, 1);
	assert_int_equal(b->directed, 1);
	assert_candidate(&a->route, "198.51.100.7:4330");
	assert_pair(w, &a->route, &b->route);
}

/* ---- CN does not answer ---- */

static void silent_peer(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	int64_t start_ms = w->timers.now_ms;

	b->is_deaf = true;
	assert_true(dc_is_online(w->dc, BOB));
	ask(a, BOB, 9);
	run(w, 4000);
	assert_int_equal(a->timeouts, 0); /* MN hears why before it gives up */
	assert_int_equal(a->refused, 1);
	assert_in_range(a->answered_at_ms - start_ms, 1400, 2990);
	assert_int_equal(a->error.code, NTM_DIR_OFFLINE);
	assert_non_null(strstr(a->error.words, BOB));
	help_ip(&a->error.vip, "198.18.0.2");
	assert_false(dc_is_online(w->dc, BOB));
	/* Known by now: the next one hears at once. */
	start_ms = w->timers.now_ms;
	ask(a, BOB, 10);
	run(w, 100);
	assert_int_equal(a->refused, 2);
	assert_int_equal(a->answered_at_ms - start_ms, 2 * DELAY_MS);
	/* It is heard again. */
	b->is_deaf = false;
	client_register(b);
	run(w, 300);
	assert_true(dc_is_online(w->dc, BOB));
	ask(a, BOB, 11);
	run(w, 300);
	assert_int_equal(a->directed, 1);
}

static void both_hear_of_silence(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);

	b->is_mute = true;
	ask(a, BOB, 1);
	run(w, 100);
	ask(b, ALICE, 2);
	run(w, 3000);
	assert_int_equal(a->refused, 1);
	assert_int_equal(b->refused, 1);
	assert_int_equal(b->error.correlation, 2);
}

/* Its answers were lost, but it was heard meanwhile: it is there for the next who asks. */
static void heard_but_not_answering(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);

	b->is_mute = true;
	ask(a, BOB, 1);
	run(w, 1000);
	client_register(b);
	run(w, 3000);
	assert_int_equal(a->refused, 1);
	assert_true(dc_is_online(w->dc, BOB));
	b->is_mute = false;
	ask(a, BOB, 2);
	run(w, 300);
	assert_int_equal(a->directed, 1);
}

static void peer_leaves_meanwhile(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);

	b->is_mute = true;
	ask(a, BOB, 1);
	run(w, 50);
	ntm_link_close(b->link, 0);
	run(w, 2 * DELAY_MS);
	assert_int_equal(a->error.code, NTM_DIR_OFFLINE);
}

static void peer_is_revoked_meanwhile(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	struct got got = {0};

	b->is_mute = true;
	ask(a, BOB, 1);
	run(w, 50);
	dc_revoke(w->dc, BOB, got_node, &got);
	run(w, DELAY_MS);
	assert_int_equal(a->refused, 1);
	ask(a, BOB, 2);
	run(w, 50);
	assert_int_equal(a->error.code, NTM_DIR_NO_SUCH_NAME);
}

static void asker_is_revoked_meanwhile(void **state)
{
	struct world *w = *state;
	struct client *b = node_new(w, 1, BOB);
	struct got got = {0};

	b->is_mute = true;
	ask(node_new(w, 0, ALICE), BOB, 1);
	run(w, 50);
	dc_revoke(w->dc, ALICE, got_node, &got);
	b->is_mute = false;
	run(w, 5000); /* nothing to tell it to */
	assert_int_equal(w->client[0].directed, 0);
	assert_int_equal(got.err, 0);
}

/* What it acknowledges is another direction: it cannot be ready for this one. */
static void peer_acknowledges_another(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);

	b->acks_wrongly = true;
	ask(a, BOB, 1);
	run(w, 100);
	assert_int_equal(b->told_count, 1);
	assert_int_equal(a->directed, 0);
	assert_int_equal(a->refused, 1);
	assert_int_equal(a->error.code, NTM_DIR_OFFLINE);
	b->acks_wrongly = false;
	client_register(b);
	run(w, 100);
	ask(a, BOB, 2);
	run(w, 100);
	assert_int_equal(a->directed, 1);
}

/* ---- the store ---- */

static void store_fails(void **state)
{
	static const char words[] = "the DC's store does not answer: see the DC's log";
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);

	(void)node_new(w, 1, BOB);
	break_table(w, "node", true);
	ask(a, BOB, 1);
	run(w, 100);
	assert_int_equal(a->refused, 1);
	assert_int_equal(a->error.code, NTM_DIR_BUSY);
	assert_string_equal(a->error.words, words);
	ask(a, "198.18.0.2", 2);
	run(w, 100);
	assert_int_equal(a->refused, 2);
	assert_int_equal(a->error.code, NTM_DIR_BUSY);
	assert_string_equal(a->error.words, words);
	help_ip(&a->error.vip, "198.18.0.2");
	break_table(w, "node", false);
	ask(a, BOB, 3);
	run(w, 100);
	assert_int_equal(a->directed, 1);
}

/* ---- limits ---- */

/* So many wait for this one's word that there is no room for another. */
static void peer_is_told_too_much(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	struct client *c = node_new(w, 2, CAROL);
	struct ntm_ctl *ctl = registry_by_name(&w->dc->registry, BOB)->ctl;
	struct ntm_msg msg = {.type = NTM_MSG_PARTNERS};

	b->is_deaf = true;
	while (ntm_ctl_request(ctl, &msg, NULL, NULL, NULL) == 0)
		;
	ask(a, BOB, 1);
	ask(c, ALICE, 2);
	run(w, 100);
	assert_int_equal(a->refused, 1);
	assert_int_equal(a->error.code, NTM_DIR_BUSY);
	assert_non_null(strstr(a->error.words, "too many directions for " BOB " at once"));
	assert_int_equal(c->directed, 1); /* others have room */
	/* They are given up, or answered. */
	b->is_deaf = false;
	run(w, 5000);
	client_register(b);
	run(w, 100);
	ask(a, BOB, 3);
	run(w, 100);
	assert_int_equal(a->directed, 1);
}

static void too_many_of_one_node(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	unsigned lines = w->info_count;

	for (unsigned i = 0; i < 25; i++)
		ask(a, "198.18.9.9", i);
	run(w, 15);
	run(w, 15);
	assert_int_equal(a->refused, 25);
	assert_int_equal(a->error.code, NTM_DIR_BUSY);
	assert_true(w->info_count - lines <= NTM_LOG_GATE_BURST); /* no flood */
	ask(b, ALICE, 50);                                        /* others are not held up */
	run(w, 100);
	assert_int_equal(b->directed, 1);
	run(w, 1000);
	for (unsigned i = 0; i < 10; i++)
		ask(a, BOB, 100 + i);
	run(w, 100);
	assert_true(a->directed >= 10);
}

static void table_is_bounded(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	struct registry_node *node = registry_by_name(&w->dc->registry, BOB);
	struct ntm_msg msg = direction_msg(b, "198.18.9.9", 1);
	struct ntm_msg_direction_error error = {.code = NTM_DIR_NO_SUCH_ADDRESS};
	struct ask *one;

	for (msg.txn = 1; msg.txn <= DIRECTION_MAX; msg.txn++) {
		one = ask_of_node(node, &msg);
		assert_non_null(one);
		ask_refuse(one, &error);
	}
	assert_null(ask_of_node(node, &msg));
	ask(a, BOB, 2);
	run(w, 100);
	assert_int_equal(a->error.code, NTM_DIR_BUSY);
	assert_int_equal(ntm_map_count(w->dc->directions.asks), DIRECTION_MAX);
	/* And gets empty again by itself. */
	run(w, DIRECTION_KEEP_MS);
	assert_int_equal(ntm_map_count(w->dc->directions.asks), 0);
	ask(a, BOB, 3);
	run(w, 100);
	assert_int_equal(a->directed, 1);
	run(w, DIRECTION_KEEP_MS);
	assert_int_equal(ntm_map_count(w->dc->directions.by_pair), 0);
}

/* A request that overtakes the REGISTER after a restart is not refused: its next copy is fine. */
static void before_register(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);

	a->is_silent = true;
	client_boot(a);
	client_open(a);
	stop_dc(w);
	start_dc(w);
	ntm_link_restart(b->link, NULL, 0);
	run(w, 300);
	assert_int_equal(ntm_link_state(a->link), NTM_LINK_UP);
	ask(a, BOB, 1);
	run(w, 100);
	assert_int_equal(a->refused + a->directed, 0);
	client_register(a);
	run(w, 300);
	assert_int_equal(a->directed, 1);
}

/* ---- logs ---- */

/* "What happened to this call" is one grep. */
static void one_grep(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	unsigned from = w->line_count;

	node_new(w, 1, BOB);
	from = w->line_count;
	ask(a, BOB, 0xabcdef0123);
	run(w, 100);
	assert_true(lines_with(w, from, "dir=000000abcdef0123") >= 2);
	for (unsigned i = from; i < w->line_count; i++)
		if (strstr(w->line[i], "dir=") && w->line[i][0] - '0' <= NTM_LOG_INFO)
			fail_msg("success is silent: %s", w->line[i]);
	from = w->line_count;
	ask(a, "nobody.ntm.example", 0x42);
	run(w, 100);
	assert_int_equal(lines_with(w, from, "2 dir=0000000000000042 failed"), 1);
	assert_int_equal(lines_with(w, from, "nobody.ntm.example"), 1);
	assert_int_equal(lines_with(w, from, ALICE), 1);
	/* Who asks is mn, also where the other one was first. */
	from = w->line_count;
	ask(a, BOB, 0x43);
	run(w, 100);
	ask(&w->client[1], ALICE, 0x44);
	run(w, 100);
	assert_int_equal(lines_with(w, from,
				    "dir=0000000000000044 merged with dir=0000000000000043 "
				    "mn=" BOB " cn=" ALICE),
			 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(by_name),
		T(by_vip),
		T(nat_asks_first),
		T(same_nat),
		T(errors),
		T(for_oneself_only),
		T(says_since_when),
		T(copies_are_one_ask),
		T(copies_of_a_refused_ask),
		T(lost_acks),
		T(crossing),
		T(crossing_waits),
		T(crossing_afterwards),
		T(asks_again_itself),
		T(asks_twice_at_once),
		T(asks_by_another_address),
		T(no_crossing_after_a_restart),
		T(moved_meanwhile),
		T(silent_peer),
		T(both_hear_of_silence),
		T(heard_but_not_answering),
		T(peer_leaves_meanwhile),
		T(peer_is_revoked_meanwhile),
		T(asker_is_revoked_meanwhile),
		T(peer_acknowledges_another),
		T(store_fails),
		T(peer_is_told_too_much),
		T(too_many_of_one_node),
		T(table_is_bounded),
		T(before_register),
		T(one_grep),
	};
	return cmocka_run_group_tests_name("direction", tests, NULL, NULL);
}
