/* SPDX-License-Identifier: BSD-2-Clause */
/* A DC as its nodes see it: joining, registering, being revoked, a restart; and strangers. */
#include "dcworld.h"

#include "dc_priv.h"

#include "ntm/dnsmsg.h"
#include "ntm/wire.h"

#define ALICE "alice.ntm.example"
#define BOB   "bob.ntm.example"

static void add_node(struct world *w, const char *name, uint8_t secret)
{
	assert_int_equal(help_add(w->store, name, NULL), 0);
	put_token(w, name, secret, NOW + DAY);
}

/* ---- join ---- */

static void join_gives_a_certificate(void **state)
{
	struct world *w = *state;
	struct client *a = client_new(w, 0, ALICE);
	struct ntm_cert cert;
	char text[NTM_PREFIX_STR];

	add_node(w, ALICE, 1);
	client_join(a, 1);
	assert_int_equal(a->answers, 1);
	cert = check_cert(w, &a->answer.cert);
	assert_int_equal(cert.type, NTM_CERT_NODE);
	assert_string_equal(cert.fqdn, ALICE);
	assert_memory_equal(cert.key, a->keys.pub, NTM_KEY_LEN);
	help_ip(&cert.vip4, "198.18.0.1");
	help_ip(&cert.vip6, "fd00:1:2::1");
	assert_int_equal(cert.not_after_s - cert.not_before_s, w->settings.cert_lifetime_s);
	assert_int_equal(a->answer.prefixes.count, 2);
	assert_string_equal(ntm_prefix_str(&a->answer.prefixes.item[0], text), "198.18.0.0/16");
	assert_string_equal(ntm_prefix_str(&a->answer.prefixes.item[1], text), "fd00:1:2::/48");
	assert_int_equal(a->answer.suffixes.count, 1);
	assert_string_equal(a->answer.suffixes.item[0], "ntm.example");
	help_ip(&a->answer.resolver4, "198.18.255.254");
	help_ip(&a->answer.resolver6, "fd00:1:2::ffff");
}

/* The answer was lost: nothing is used up, also over a restart. */
static void join_again(void **state)
{
	struct world *w = *state;
	struct client *a = client_new(w, 0, ALICE);
	uint8_t first[NTM_HS_PAYLOAD_MAX];
	size_t first_len;

	add_node(w, ALICE, 1);
	a->is_deaf = true;
	client_join(a, 1);
	assert_int_equal(a->answers, 0);
	a->is_deaf = false;
	client_join(a, 1);
	assert_int_equal(a->answers, 1);
	first_len = a->answer_len;
	memcpy(first, a->answer_bytes, first_len);
	client_join(a, 1);
	stop_dc(w);
	start_dc(w);
	client_join(a, 1);
	assert_int_equal(a->answers, 3);
	assert_int_equal(a->answer_len, first_len);
	assert_memory_equal(a->answer_bytes, first, first_len);
}

static void join_refused(void **state)
{
	struct world *w = *state;
	struct client *a = client_new(w, 0, ALICE);
	struct client *thief = client_new(w, 1, "thief");
	unsigned from = w->line_count;

	add_node(w, ALICE, 1);
	client_join(thief, 9);
	assert_int_equal(lines_with(w, from, "2 join refused from=192.0.2.11:4330: no such token"),
			 4); /* it tried four times */
	assert_int_equal(thief->answers, 0);

	run(w, 60000);
	from = w->line_count;
	client_join(a, 1);
	client_join(thief, 1);
	assert_true(lines_with(w, from, "used before, by another host") > 0);
	assert_int_equal(a->answers, 1);
	assert_int_equal(thief->answers, 0);

	run(w, 60000);
	from = w->line_count;
	put_token(w, ALICE, 2, NOW + 1);
	client_join(thief, 2);
	assert_true(lines_with(w, from, "expired") > 0);
	assert_int_equal(thief->answers, 0);
	/* What was refused took nothing away. */
	put_token(w, ALICE, 3, NOW + DAY);
	client_join(a, 3);
	assert_int_equal(a->answers, 2);
}

static void join_with_a_key_that_is_taken(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *same = client_new(w, 1, BOB);
	unsigned from = w->line_count;

	add_node(w, BOB, 2);
	same->keys = a->keys;
	client_boot(same);
	client_join(same, 2);
	assert_int_equal(same->answers, 0);
	assert_true(lines_with(w, from, "its key belongs to another node") +
			    lines_with(w, from, "key belongs to another node") >
		    0);
}

static void join_of_garbage(void **state)
{
	static const uint8_t payload[40] = {0xff};
	struct world *w = *state;
	struct client *c = client_new(w, 0, "thief");
	unsigned from = w->line_count;
	struct ntm_link *link;
	struct ntm_link_args args = {.purpose = NTM_PURPOSE_JOIN,
				     .remote_static = w->dc_keys.pub,
				     .candidate_count = 1,
				     .candidates = &w->dc_addr,
				     .initiator = true,
				     .one_shot = true,
				     .payload = payload,
				     .payload_len = sizeof(payload)};

	for (args.payload_len = 0; args.payload_len <= sizeof(payload); args.payload_len += 8) {
		assert_int_equal(ntm_link_open(c->links, &args, &link), 0);
		run(w, 4000);
		assert_int_equal(ntm_link_state(link), NTM_LINK_CLOSED);
		ntm_link_free(link);
	}
	assert_int_equal(c->answers, 0);
	assert_true(lines_with(w, from, "join refused from=192.0.2.10:4330: not a join request") >
		    0);
	assert_true(w->dc->counters.join_refused >= 6);
}

/* Silence, and a log that stays readable. */
static void many_wrong_joins(void **state)
{
	struct world *w = *state;
	struct client *thief = client_new(w, 0, "thief");
	unsigned info;

	run(w, 1000);
	info = w->info_count;
	for (unsigned i = 0; i < 20; i++)
		client_join(thief, (uint8_t)i);
	assert_int_equal(thief->answers, 0);
	assert_true(w->info_count > info);
	/* 80 s: five lines at once, and one in ten seconds */
	assert_true(w->info_count - info <= NTM_LOG_GATE_BURST + 8 + 1);
}

/* A new token for a node that lost its disk: same name and VIPs, new key; the old one is void. */
static void join_with_a_new_key(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	struct client *again = client_new(w, 2, ALICE);
	struct ntm_cert cert;

	put_token(w, ALICE, 7, NOW + DAY);
	client_join(again, 7);
	cert = check_cert(w, &again->answer.cert);
	help_ip(&cert.vip4, "198.18.0.1");
	assert_int_equal(a->down, 1);
	assert_int_equal(a->why, NTM_DOWN_CLOSED);
	assert_int_equal(a->void_count, 1); /* told why, before the end */
	assert_memory_equal(a->voids[0].key, a->keys.pub, NTM_KEY_LEN);
	assert_int_equal(b->void_count, 1);
	assert_memory_equal(b->voids[0].key, a->keys.pub, NTM_KEY_LEN);
	client_open(again);
	run(w, 200);
	assert_int_equal(again->registered, 1);
	assert_true(dc_is_online(w->dc, ALICE));
	ask(b, ALICE, 1);
	run(w, 100);
	assert_int_equal(again->told_count, 1);
	cert = check_cert(w, &b->route.peer_cert);
	assert_memory_equal(cert.key, again->keys.pub, NTM_KEY_LEN);
	/* The former one stays out. */
	run(w, 30000);
	assert_int_equal(a->up, 1);
}

/* Long after its certificate ran out: one record a name all the same. */
static void join_with_a_new_key_late(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *again = client_new(w, 1, ALICE);

	ntm_link_close(a->link, 0);
	run(w, 10 * DAY * INT64_C(1000));
	put_token(w, ALICE, 7, NOW + 20 * DAY);
	client_join(again, 7);
	assert_int_equal(again->answers, 1);
	assert_non_null(registry_by_key(&w->dc->registry, a->keys.pub));
	client_open(again);
	run(w, 200);
	assert_true(dc_is_online(w->dc, ALICE));
	assert_null(registry_by_key(&w->dc->registry, a->keys.pub));
	assert_int_equal(dc_online_count(w->dc), 1);
}

/* ---- register ---- */

static void register_open(void **state)
{
	struct world *w = *state;
	struct client *a = client_new(w, 0, ALICE);
	char text[NTM_ADDR_STR];

	add_node(w, ALICE, 1);
	client_join(a, 1);
	assert_false(dc_is_online(w->dc, ALICE));
	client_open(a);
	run(w, 200);
	assert_int_equal(a->registered, 1);
	assert_string_equal(ntm_addr_str(&a->reg.reflexive, text), "192.0.2.10:4330");
	help_ip(&a->reg.vip4, "198.18.0.1");
	help_ip(&a->reg.vip6, "fd00:1:2::1");
	help_ip(&a->reg.resolver4, "198.18.255.254");
	help_ip(&a->reg.resolver6, "fd00:1:2::ffff");
	assert_int_equal(a->reg.prefixes.count, 2);
	assert_int_equal(a->reg.suffixes.count, 1);
	assert_string_equal(a->reg.suffixes.item[0], "ntm.example");
	assert_int_equal(a->reg.keepalive_s, 0);
	assert_int_equal(a->reg.lifetime_s, 120);
	/* The certificate of the join, not one more. */
	assert_int_equal(a->reg.cert.len, a->answer.cert.len);
	assert_memory_equal(a->reg.cert.data, a->answer.cert.data, a->reg.cert.len);
	assert_true(dc_is_online(w->dc, ALICE));
	assert_int_equal(dc_online_count(w->dc), 1);
}

static json_t *node_json(const struct world *w, const char *name)
{
	json_t *json = dc_node_json(w->dc, name);

	assert_non_null(json);
	return json;
}

static void register_behind_nat(void **state)
{
	struct world *w = *state;
	struct client *a = node_new_at(w, 0, ALICE, "203.0.113.5:40001",
				       "10.0.0.5 198.18.0.1 127.0.0.1 10.0.0.5");
	json_t *json;

	assert_int_equal(a->reg.keepalive_s, 25);
	json = node_json(w, ALICE);
	assert_true(json_is_true(json_object_get(json, "online")));
	assert_true(json_is_true(json_object_get(json, "nat")));
	assert_string_equal(json_string_value(json_object_get(json, "reflexive")),
			    "203.0.113.5:40001");
	/* Neither a virtual address, nor one of nobody's business, nor one twice. */
	assert_int_equal(json_array_size(json_object_get(json, "own")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(json, "own"), 0)),
			    "10.0.0.5:4330");
	json_decref(json);
	json = node_json(w, "nobody.ntm.example");
	assert_true(json_is_false(json_object_get(json, "online")));
	json_decref(json);
}

static void certificate_renewed_at_half_life(void **state)
{
	struct world *w = *state;
	struct client *a;
	struct ntm_cert first, cert;

	w->settings.cert_lifetime_s = 1000;
	stop_dc(w);
	start_dc(w);
	a = node_new(w, 0, ALICE);
	first = check_cert(w, &a->reg.cert);
	run(w, 480 * 1000);
	client_register(a);
	run(w, 100);
	cert = check_cert(w, &a->reg.cert);
	assert_int_equal(cert.serial, first.serial);
	run(w, 20 * 1000);
	client_register(a);
	run(w, 100);
	cert = check_cert(w, &a->reg.cert);
	assert_int_equal(cert.serial, first.serial + 1);
	assert_int_equal(cert.not_after_s, w->timers.wall_ms / 1000 + 1000);
	/* And once: the next has the same, also from a DC that was restarted. */
	client_register(a);
	run(w, 100);
	stop_dc(w);
	start_dc(w);
	ntm_link_restart(a->link, NULL, 0);
	run(w, 200);
	cert = check_cert(w, &a->reg.cert);
	assert_int_equal(cert.serial, first.serial + 1);
	/* Long away: its certificate has run out, its key has not. */
	ntm_link_close(a->link, 0);
	run(w, 5000 * 1000);
	ntm_link_restart(a->link, NULL, 0);
	run(w, 200);
	cert = check_cert(w, &a->reg.cert);
	assert_int_equal(cert.serial, first.serial + 2);
}

static void registration_runs_out(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	json_t *json;

	a->is_silent = true; /* a rekey is no reason to register */
	run(w, 60000);
	client_register(a);
	run(w, 119000);
	assert_true(dc_is_online(w->dc, ALICE));
	run(w, 2000);
	assert_false(dc_is_online(w->dc, ALICE));
	assert_int_equal(dc_online_count(w->dc), 0);
	json = node_json(w, ALICE);
	assert_true(json_is_false(json_object_get(json, "online")));
	assert_non_null(json_object_get(json, "last_seen_s"));
	json_decref(json);
	client_register(a);
	run(w, 100);
	assert_true(dc_is_online(w->dc, ALICE));
}

static void node_says_goodbye(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);

	ntm_link_close(a->link, 0);
	run(w, 2 * DELAY_MS);
	assert_false(dc_is_online(w->dc, ALICE));
}

static void register_storm(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct ntm_msg msg = {.type = NTM_MSG_REGISTER};
	unsigned before;

	before = w->from_dc;
	for (unsigned i = 0; i < 100; i++) {
		msg.txn = 1000 + i;
		msg.reg.boot_id = i;
		send_raw(a, &msg);
	}
	run(w, 50);
	assert_in_range(w->from_dc - before, 1, 30);
}

/* ---- revocation ---- */

static void revoke(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	struct client *c = node_new(w, 2, "carol.ntm.example");
	struct ntm_cert cert = check_cert(w, &a->reg.cert);
	struct client *late;
	struct got got = {0};

	dc_revoke(w->dc, ALICE, got_node, &got);
	assert_int_equal(got.calls, 1);
	assert_int_equal(got.err, 0);
	assert_string_equal(got.node.fqdn, ALICE);
	assert_false(dc_is_online(w->dc, ALICE));
	run(w, 1000);
	assert_int_equal(a->down, 1);
	assert_int_equal(a->why, NTM_DOWN_CLOSED);
	assert_int_equal(b->void_count, 1);
	assert_int_equal(c->void_count, 1);
	assert_int_equal(b->voids[0].serial, cert.serial);
	assert_memory_equal(b->voids[0].key, a->keys.pub, NTM_KEY_LEN);
	help_ip(&b->voids[0].vip4, "198.18.0.1");
	help_ip(&b->voids[0].vip6, "fd00:1:2::1");
	/* Out for good; and a restart changes nothing. */
	run(w, 20000);
	assert_int_equal(a->up, 1);
	stop_dc(w);
	start_dc(w);
	ntm_link_restart(b->link, NULL, 0);
	run(w, 20000);
	assert_int_equal(a->up, 1);
	assert_int_equal(b->void_count, 2); /* all anew: it may have forgotten */
	late = node_new(w, 3, "dave.ntm.example");
	run(w, 100);
	assert_int_equal(late->void_count, 1);
	assert_int_equal(late->voids[0].serial, cert.serial);
	client_register(late); /* not with every REGISTER */
	run(w, 1000);
	assert_int_equal(late->void_count, 1);
	dc_revoke(w->dc, "nobody.ntm.example", got_node, &got);
	assert_int_equal(got.err, -ENOENT);
	assert_int_equal(got.calls, 2);
}

/* The peers' copies are lost: told again until acknowledged. */
static void revoke_is_repeated(void **state)
{
	struct world *w = *state;
	struct client *b = node_new(w, 1, BOB);
	struct got got = {0};

	node_new(w, 0, ALICE);
	b->is_deaf = true;
	dc_revoke(w->dc, ALICE, got_node, &got);
	run(w, 500);
	b->is_deaf = false;
	run(w, 400);
	assert_int_equal(b->void_count, 1);
	/* Longer away than the schedule lasts. */
	assert_int_equal(help_add(w->store, "eve.ntm.example", NULL), 0);
	put_token(w, "eve.ntm.example", 9, NOW + DAY);
	client_join(client_new(w, 2, "eve.ntm.example"), 9);
	b->is_deaf = true;
	dc_revoke(w->dc, "eve.ntm.example", got_node, &got);
	run(w, 4000);
	b->is_deaf = false;
	client_register(b);
	run(w, 100);
	assert_int_equal(b->void_count, 3); /* alice's again, and eve's */
	assert_memory_equal(b->voids[2].key, w->client[2].keys.pub, NTM_KEY_LEN);
}

/* More than fit in a channel at once. */
static void many_revocations(void **state)
{
	struct world *w = *state;
	struct client *b = node_new(w, 0, BOB);
	struct got got = {0};
	char name[32];

	for (unsigned i = 0; i < 150; i++) {
		struct store_join join = {.now_s = NOW, .lifetime_s = DAY};

		snprintf(name, sizeof(name), "n%u.ntm.example", i);
		add_node(w, name, (uint8_t)(i + 50));
		struct ntm_token token = {.expires_s = 0};
		memset(token.secret, (uint8_t)(i + 50), sizeof(token.secret));
		ntm_token_hash(&token, join.hash);
		memset(join.key, (uint8_t)(i + 1), sizeof(join.key));
		store_token_use(w->store, &join, got_join, &got);
		assert_int_equal(got.err, 0);
		dc_revoke(w->dc, name, got_node, &got);
	}
	run(w, 2000);
	assert_int_equal(b->void_count, 150);
	for (unsigned i = 0; i < 150; i++)
		assert_int_equal(b->voids[i].key[0], i + 1);
	/* A node that comes back may have forgotten: all of it again. */
	ntm_link_close(b->link, 0);
	run(w, 100);
	ntm_link_restart(b->link, NULL, 0);
	run(w, 2000);
	b->void_count -= 150;
	assert_int_equal(b->void_count, 150);
	/* What has run out by itself is not told, neither from memory nor from the store. */
	run(w, (DAY + NTM_CERT_SKEW_S) * INT64_C(1000));
	ntm_link_close(b->link, 0);
	run(w, 100);
	b->registered = 0;
	ntm_link_restart(b->link, NULL, 0);
	run(w, 2000);
	assert_int_equal(b->registered, 1);
	assert_int_equal(b->void_count, 150);
	stop_dc(w);
	start_dc(w);
	ntm_link_restart(b->link, NULL, 0);
	run(w, 2000);
	assert_int_equal(b->registered, 2);
	assert_int_equal(b->void_count, 150);
}

/* Nothing is listed any more for a certificate that has run out; its session ends all the same. */
static void revoke_without_a_certificate(void **state)
{
	struct world *w = *state;
	struct got got = {0};
	struct client *a;

	w->settings.cert_lifetime_s = 100;
	w->settings.lifetime_s = 3600;
	stop_dc(w);
	start_dc(w);
	a = node_new(w, 0, ALICE);
	a->is_silent = true;
	run(w, (100 + NTM_CERT_SKEW_S + 10) * INT64_C(1000));
	assert_true(dc_is_online(w->dc, ALICE));
	dc_revoke(w->dc, ALICE, got_node, &got);
	run(w, 100);
	assert_int_equal(help_revocations(w->store, w->timers.wall_ms / 1000, NULL), 0);
	assert_int_equal(a->why, NTM_DOWN_CLOSED);
	assert_int_equal(a->down, 1);
}

/* A handshake that is under way while its node is revoked leads to nothing. */
static void revoked_relay_in_the_handshake(void **state)
{
	struct world *w = *state;
	struct client *rs = client_new(w, 0, "rs.ntm.example");
	struct got got = {0};

	rs->is_relay = true;
	assert_int_equal(help_add_relay(w->store, rs->name, false, NULL), 0);
	put_token(w, rs->name, 1, NOW + DAY);
	client_join(rs, 1);
	client_open(rs);
	run(w, DELAY_MS);
	dc_revoke(w->dc, rs->name, got_node, &got);
	assert_int_equal(got.err, 0);
	run(w, 20000);
	assert_int_equal(rs->reported, 0);
	assert_null(fleet_by_key(w->dc, rs->keys.pub));
	assert_int_equal(rs->why, NTM_DOWN_CLOSED);
	assert_int_equal(ntm_links_count(w->dc->links), 0);
}

static void revoked_in_the_handshake(void **state)
{
	struct world *w = *state;
	struct client *a = client_new(w, 0, ALICE);
	struct got got = {0};

	add_node(w, ALICE, 1);
	client_join(a, 1);
	client_open(a);
	run(w, DELAY_MS); /* the INITIATION is there, the first packet is not */
	dc_revoke(w->dc, ALICE, got_node, &got);
	run(w, 20000);
	assert_int_equal(a->registered, 0);
	assert_int_equal(dc_online_count(w->dc), 0);
	assert_int_equal(a->why, NTM_DOWN_CLOSED);
}

/* ---- ping, resolve ---- */

static void on_pong(void *arg, int err, const struct ntm_msg *reply)
{
	struct client *c = arg;

	assert_int_equal(err, 0);
	c->pongs++;
	c->pong = reply->pong;
}

static void ping(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct ntm_msg msg = {.type = NTM_MSG_PING, .ping = {"1234567"}};

	assert_int_equal(ntm_ctl_request(a->ctl, &msg, on_pong, a, NULL), 0);
	run(w, 2 * DELAY_MS);
	assert_int_equal(a->pongs, 1);
	assert_string_equal((char *)a->pong.token, "1234567");
	assert_true(ntm_addr_eq(&a->pong.seen, &a->addr));
}

static void on_resolved(void *arg, int err, const struct ntm_msg *reply)
{
	struct client *c = arg;

	if (err)
		return;
	c->resolved++;
	c->dns = reply->resolved;
}

/* A query for an A record, without EDNS. */
static size_t write_query(uint8_t *out, const char *name)
{
	struct ntm_wr wr = ntm_wr_init(out, 300);
	char copy[200], *save = NULL;

	ntm_wr_u16(&wr, 0x1234);
	ntm_wr_u16(&wr, 0x0100);
	ntm_wr_u16(&wr, 1);
	ntm_wr_zeros(&wr, 6);
	strcpy(copy, name);
	for (char *label = strtok_r(copy, ".", &save); label; label = strtok_r(NULL, ".", &save)) {
		ntm_wr_u8(&wr, (uint8_t)strlen(label));
		ntm_wr_bytes(&wr, label, strlen(label));
	}
	ntm_wr_u8(&wr, 0);
	ntm_wr_u16(&wr, 1);
	ntm_wr_u16(&wr, 1);
	assert_false(ntm_wr_err(&wr));
	return wr.len;
}

static void resolve(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	static const struct {
		const char *name;
		unsigned rcode, answers;
	} cases[] = {
		{ALICE, 0, 1},
		{"dc.ntm.example", 0, 1},
		{"nobody.ntm.example", 3, 0},
		{"www.other.example", 5, 0},
	};
	struct ntm_msg msg = {.type = NTM_MSG_RESOLVE};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		msg.resolve.len = (uint16_t)write_query(msg.resolve.data, cases[i].name);
		assert_int_equal(ntm_ctl_request(a->ctl, &msg, on_resolved, a, NULL), 0);
		run(w, 100);
		assert_int_equal(a->resolved, i + 1);
		assert_int_equal(a->dns.data[0] << 8 | a->dns.data[1], 0x1234);
		assert_int_equal(a->dns.data[3] & 0xf, cases[i].rcode);
		assert_int_equal(a->dns.data[7], cases[i].answers);
	}
	msg.resolve.len = 12; /* an answer, not a query: nobody replies to those */
	memset(msg.resolve.data, 0xff, 12);
	assert_int_equal(ntm_ctl_request(a->ctl, &msg, on_resolved, a, NULL), 0);
	run(w, 4000);
	assert_int_equal(a->resolved, 4);
}

/* What only a DC may say, and IP packets, are dropped. */
static void not_for_a_dc(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	static struct ntm_pkt pkt;
	struct ntm_msg msg = {.type = NTM_MSG_REVOKED, .revoked = {.serial = 1}};
	unsigned before;

	run(w, 100);
	before = w->from_dc;
	send_raw(a, &msg);
	msg = (struct ntm_msg){.type = NTM_MSG_ROUTE_ACK, .is_reply = true, .txn = 99};
	send_raw(a, &msg);
	ntm_pkt_reset(&pkt);
	memset(ntm_pkt_put(&pkt, 40), 0x45, 40);
	assert_int_equal(ntm_link_send(a->link, &pkt, 0), 0);
	ntm_pkt_reset(&pkt);
	memset(ntm_pkt_put(&pkt, 40), 0x01, 40);
	assert_int_equal(ntm_link_send(a->link, &pkt, 0), 0);
	run(w, 1000);
	assert_int_equal(w->from_dc, before);
	assert_true(dc_is_online(w->dc, ALICE));
}

/* ---- restart, strangers ---- */

static void dc_restart(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *b = node_new(w, 1, BOB);
	struct ntm_msg_registered before = a->reg;

	stop_dc(w);
	run(w, 3000);
	start_dc(w);
	assert_int_equal(dc_online_count(w->dc), 0);
	/* What dclink does when two copies stay unanswered. */
	ntm_link_restart(a->link, NULL, 0);
	ntm_link_restart(b->link, NULL, 0);
	run(w, 200);
	assert_int_equal(a->registered, 2);
	assert_int_equal(dc_online_count(w->dc), 2);
	assert_memory_equal(&a->reg.vip4, &before.vip4, sizeof(before.vip4));
	assert_memory_equal(&a->reg.vip6, &before.vip6, sizeof(before.vip6));
	assert_int_equal(a->reg.cert.len, before.cert.len);
	assert_memory_equal(a->reg.cert.data, before.cert.data, before.cert.len);
	ask(a, BOB, 1);
	run(w, 100);
	assert_int_equal(a->directed, 1);
}

/* Rekeying goes on below, and nobody notices. */
static void long_registration(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);

	a->is_silent = true; /* a rekey is no reason to register */
	for (unsigned i = 0; i < 20; i++) {
		run(w, 60000);
		client_register(a);
		assert_true(dc_is_online(w->dc, ALICE));
	}
	run(w, 100);
	assert_int_equal(a->registered, 21);
	assert_int_equal(a->down, 0);
	assert_int_equal(lines_with(w, 0, "2 node=alice.ntm.example"), 2); /* joined, online */
}

static void strangers(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *x = client_new(w, 1, "stranger");
	struct ntm_addr from = {ntm_ip_v4(198, 51, 100, 1), 5};
	uint8_t junk[1500];
	uint32_t lcg = 1;
	unsigned before, info;

	/* A key that no node has, although it knows the DC's. */
	before = w->from_dc;
	info = w->info_count;
	client_open(x);
	run(w, 60000);
	assert_int_equal(x->up, 0);
	assert_int_equal(w->from_dc, before);
	assert_true(w->info_count - info <= NTM_LOG_GATE_BURST + 7);
	assert_null(registry_by_key(&w->dc->registry, x->keys.pub));
	ntm_link_free(x->link);
	x->link = NULL;
	/* Not a protocol at all. */
	before = w->from_dc;
	info = w->info_count;
	for (unsigned i = 0; i < 2000; i++) {
		size_t len = 1 + i % sizeof(junk);

		for (size_t k = 0; k < len; k++)
			junk[k] = (uint8_t)((lcg = lcg * 1103515245 + 12345) >> 16);
		if (i % 3 == 0)
			junk[0] = (uint8_t)(1 + i % 5);
		if (i % 6 == 0)
			memset(junk + 1, 0, len < 4 ? len - 1 : 3);
		fly(w, &from, &w->dc_addr, junk, len);
		run(w, DELAY_MS);
	}
	assert_int_equal(w->from_dc, before);
	assert_int_equal(w->info_count, info);
	assert_int_equal(ntm_links_count(w->dc->links), 1);
	client_register(a);
	run(w, 100);
	assert_true(dc_is_online(w->dc, ALICE));
}

/* ---- status ---- */

static int64_t int_at(const json_t *json, const char *part, const char *name)
{
	const json_t *at = part ? json_object_get(json, part) : json;

	assert_true(json_is_integer(json_object_get(at, name)));
	return json_integer_value(json_object_get(at, name));
}

static void status(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	json_t *json, *errors;

	node_new(w, 1, BOB);
	assert_int_equal(help_add(w->store, "carol.ntm.example", NULL), 0);
	ask(a, BOB, 1);
	for (unsigned i = 0; i < 9; i++)
		ask(a, "carol.ntm.example", 2 + i);
	run(w, 1000);
	json = dc_status_json(w->dc);
	assert_string_equal(json_string_value(json_object_get(json, "domain")), "ntm.example");
	assert_string_equal(json_string_value(json_object_get(json, "version")), NTM_VERSION);
	assert_int_equal(int_at(json, NULL, "online"), 2);
	assert_int_equal(int_at(json, NULL, "nodes"), 3);
	assert_int_equal(int_at(json, NULL, "uptime_s"), (w->timers.now_ms - 1000) / 1000);
	assert_int_equal(int_at(json, "directions", "asked"), 10);
	assert_int_equal(int_at(json, "directions", "done"), 1);
	assert_int_equal(int_at(json, "requests", "joined"), 2);
	assert_true(int_at(json, "links", "frames_in") > 0);
	assert_int_equal(int_at(json, "links", "count"), 2);
	assert_int_equal(int_at(json_object_get(json, "directions"), "failed",
				ntm_direction_code_name(NTM_DIR_OFFLINE)),
			 9);
	errors = json_object_get(json, "last_errors");
	assert_int_equal(json_array_size(errors), DC_ERRORS_OF_ONE);
	assert_non_null(
		strstr(json_string_value(json_object_get(json_array_get(errors, 0), "words")),
		       "carol.ntm.example has not joined"));
	assert_int_equal(int_at(json_array_get(errors, 0), NULL, "at_s"),
			 w->timers.wall_ms / 1000 - 1);
	json_decref(json);
}

static void assert_errors(const struct dc *dc, const char *const *words, size_t count)
{
	json_t *json = dc_status_json(dc);
	const json_t *errors = json_object_get(json, "last_errors");

	assert_int_equal(json_array_size(errors), count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(json_string_value(
					    json_object_get(json_array_get(errors, i), "words")),
				    words[i]);
	json_decref(json);
}

/* A host that was revoked, and tries on, does not hide what else is wrong. */
static void status_is_not_flooded(void **state)
{
	static const char *const first[] = {"disk full",   "stranger 99", "stranger 98",
					    "stranger 97", "stranger 96", "no session"};
	static const char *const later[] = {"disk 103", "disk 102", "disk 101", "disk 100",
					    "alice",    "bob",      "carol",    "dave"};
	struct world *w = *state;
	struct ntm_log_gate foreign = {0}, strangers = {0}, store = {0}, node[4] = {0};

	dc_complain(w->dc, &foreign, "no session");
	for (unsigned i = 0; i < 100; i++)
		dc_complain(w->dc, &strangers, "stranger %u", i);
	dc_complain(w->dc, &store, "disk full");
	assert_errors(w->dc, first, 6);
	/* Each new one takes the oldest one's place. */
	for (size_t i = 4; i-- > 0;)
		dc_complain(w->dc, &node[i], "%s", later[4 + i]);
	for (unsigned i = 100; i < 104; i++)
		dc_complain(w->dc, &store, "disk %u", i);
	assert_errors(w->dc, later, DC_ERRORS);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(join_gives_a_certificate),
		T(join_again),
		T(join_refused),
		T(join_with_a_key_that_is_taken),
		T(join_of_garbage),
		T(many_wrong_joins),
		T(join_with_a_new_key),
		T(join_with_a_new_key_late),
		T(register_open),
		T(register_behind_nat),
		T(certificate_renewed_at_half_life),
		T(registration_runs_out),
		T(node_says_goodbye),
		T(register_storm),
		T(revoke),
		T(revoke_is_repeated),
		T(many_revocations),
		T(revoke_without_a_certificate),
		T(revoked_in_the_handshake),
		T(revoked_relay_in_the_handshake),
		T(ping),
		T(resolve),
		T(not_for_a_dc),
		T(dc_restart),
		T(long_registration),
		T(strangers),
		T(status),
		T(status_is_not_flooded),
	};
	return cmocka_run_group_tests_name("dc", tests, NULL, NULL);
}
