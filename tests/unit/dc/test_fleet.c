/* SPDX-License-Identifier: BSD-2-Clause */
/* Relays as the DC sees them: who they are, how they are, and the tickets that nodes get for them.
 */
#include "dc_priv.h"
#include "dcrelay.h"

#define RELAY1 "relay1.ntm.example"
#define RELAY2 "relay2.ntm.example"
#define RELAY3 "relay3.ntm.example"

/* ---- sessions and reports ---- */

static void test_joins_and_reports(void **state)
{
	struct world *w = *state;
	struct client *r = relay_new(w, 0, RELAY1);
	const struct ntm_msg_relay_direction *told = &r->relay_direction;
	int64_t today = NOW / NTM_TICKET_DAY_S;
	struct ntm_cert cert = check_cert(w, &r->answer.cert);

	assert_int_equal(cert.type, NTM_CERT_RELAY);
	assert_string_equal(cert.fqdn, RELAY1);
	assert_int_equal(cert.vip4.family + cert.vip6.family, 0);
	assert_memory_equal(cert.key, r->keys.pub, NTM_KEY_LEN);
	assert_int_equal(lines_with(w, 0, "relay=" RELAY1 " joined"), 1);
	assert_int_equal(lines_with(w, 0, "relay=" RELAY1 " is there"), 1);

	assert_true(ntm_addr_eq(&told->reflexive, &r->addr));
	assert_int_equal(told->report_s, 2);
	assert_int_equal(told->account_flows, w->settings.relay_account_flows);
	assert_int_equal(told->account_kbit_s, w->settings.relay_account_kbit);
	assert_int_equal(told->keys.count, 3);
	for (uint8_t i = 0; i < 3; i++) {
		struct ntm_ticket_key key =
			ntm_ticket_key_make(w->dc_keys.sec, r->keys.pub, today - 1 + i);

		assert_int_equal(told->keys.item[i].id, key.id);
		assert_memory_equal(told->keys.item[i].key, key.key, NTM_KEY_LEN);
	}
	cert = check_cert(w, &told->cert);
	assert_int_equal(cert.type, NTM_CERT_RELAY);
	/* The next day: another set. */
	run(w, 1000 * NTM_TICKET_DAY_S);
	assert_int_equal(r->relay_direction.keys.item[1].id, (uint8_t)(today + 1));
	/* It is renewed, as a node's is. */
	for (int i = 0; i < 4; i++)
		run(w, 1000 * NTM_TICKET_DAY_S);
	assert_true(check_cert(w, &r->relay_direction.cert).serial > cert.serial);
}

/* "healthy" */
static void assert_state(struct world *w, const char *name, const char *expected)
{
	struct store_node who;
	json_t *json;

	assert_int_equal(help_find(w->store, name, &who), 0);
	json = dc_relay_json(w->dc, &who);
	assert_string_equal(json_string_value(json_object_get(json, "state")), expected);
	json_decref(json);
}

static void test_states(void **state)
{
	struct world *w = *state;
	struct client *r;

	assert_int_equal(help_add_relay(w->store, RELAY2, false, NULL), 0);
	assert_state(w, RELAY2, "never joined");
	r = relay_new(w, 0, RELAY1);
	assert_state(w, RELAY1, "healthy");
	r->report.draining = true;
	client_report(r);
	run(w, 100);
	assert_state(w, RELAY1, "draining");
	r->report.draining = false;
	r->report.flows = r->report.flows_max;
	client_report(r);
	run(w, 100);
	assert_state(w, RELAY1, "full");
	r->report.flows--;
	client_report(r);
	run(w, 100);
	assert_state(w, RELAY1, "healthy");
	/* It says how it is no more: the session is there, but three reports are not. */
	ntm_timer_del(&w->timers, &r->reporter);
	run(w, FLEET_SILENT_MS - 200);
	assert_state(w, RELAY1, "healthy");
	run(w, 200);
	assert_state(w, RELAY1, "silent");
	assert_int_equal(lines_with(w, 0, "relay=" RELAY1 " is gone: it does not report"), 1);
	client_report(r);
	run(w, 100);
	assert_state(w, RELAY1, "healthy");
	/* Its session ends. */
	ntm_link_close(r->link, 0);
	run(w, 100);
	assert_state(w, RELAY1, "silent");
	assert_int_equal(lines_with(w, 0, "is gone: its session has ended"), 1);
}

/* Keys are good for one role. */
static void test_roles_apart(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, "alice.ntm.example");
	struct client *r = relay_new(w, 1, RELAY1);

	client_boot(a);
	a->is_relay = true;
	client_open(a);
	client_boot(r);
	r->is_relay = false;
	client_open(r);
	run(w, 10000);
	assert_int_equal(a->reported, 0);
	assert_int_equal(r->registered, 0);
	assert_true(lines_with(w, 0, "key of node alice.ntm.example") > 0);
	assert_true(lines_with(w, 0, "key of relay " RELAY1) > 0);
	assert_true(w->dc->counters.strangers >= 2);
	assert_null(registry_by_name(&w->dc->registry, RELAY1));
	/* And the key of neither. */
	r = client_new(w, 2, RELAY2);
	r->is_relay = true;
	client_open(r);
	run(w, 10000);
	assert_int_equal(r->reported, 0);
}

/* What only nodes, or only DCs, may say. */
static void test_says_what_it_may_not(void **state)
{
	struct world *w = *state;
	struct client *r = relay_new(w, 0, RELAY1);
	struct ntm_msg msg = direction_msg(r, RELAY1, 1);
	uint64_t before = w->dc->counters.malformed;

	msg.txn = 77;
	send_raw(r, &msg);
	msg = (struct ntm_msg){.type = NTM_MSG_REGISTER, .txn = 78};
	msg.reg.boot_id = 1;
	send_raw(r, &msg);
	run(w, 100);
	assert_int_equal(w->dc->counters.malformed, before + 2);
	assert_int_equal(r->refused, 0);
	/* A storm of reports. */
	for (uint32_t i = 0; i < 100; i++) {
		msg = (struct ntm_msg){.type = NTM_MSG_RELAY_REGISTER, .txn = 1000 + i};
		msg.relay_register = r->report;
		msg.relay_register.boot_id = r->boot_id;
		send_raw(r, &msg);
	}
	run(w, 100);
	assert_true(w->dc->counters.limited >= 70);
	assert_state(w, RELAY1, "healthy");
}

/* ---- offers ---- */

static void test_two_nats(void **state)
{
	struct world *w = *state;
	struct client *r[2] = {relay_new(w, 0, RELAY1), relay_new(w, 1, RELAY2)};
	struct pair p = pair_behind_nats(w);
	const struct ntm_relay_list *mn, *cn;

	pair_ask(w, &p);
	mn = &p.a->route.relays;
	cn = &p.b->told[0].relays;
	assert_int_equal(mn->count, 2);
	assert_int_equal(cn->count, 2);
	assert_int_not_equal(mn->item[0].flow, mn->item[1].flow);
	for (uint8_t i = 0; i < 2; i++) {
		const struct client *relay = relay_at(r, 2, &mn->item[i].addr[0]);
		struct ntm_ticket a = open_offer(w, relay, &mn->item[i]);
		struct ntm_ticket b = open_offer(w, relay, &cn->item[i]);

		assert_int_equal(a.flow, b.flow);
		assert_int_equal(a.side, 0);
		assert_int_equal(b.side, 1);
		assert_int_equal(a.account + b.account, 0);
		assert_memory_not_equal(a.bind_key, b.bind_key, sizeof(a.bind_key));
		assert_in_range(a.expires_s - w->timers.wall_ms / 1000, NTM_TICKET_DAY_S - 1,
				NTM_TICKET_DAY_S);
		assert_int_equal(mn->item[i].addr[1].ip.family, 0);
	}
	assert_false(ntm_addr_eq(&mn->item[0].addr[0], &mn->item[1].addr[0]));
	/* To be tried beside them. */
	assert_int_equal(p.a->route.candidates.count, 2);
	assert_true(ntm_addr_eq(&p.a->route.candidates.item[0], &p.b->addr));
	assert_true(ntm_addr_eq(&p.b->told[0].candidates.item[0], &p.a->addr));
	assert_int_equal(p.a->route.role, NTM_ROLE_REQUESTS);
	assert_int_equal(w->dc->directions.counters.relayed, 1);
}

/* What the operator lets one node send is in both tickets. */
static void test_kbit_of_a_flow(void **state)
{
	struct world *w = *state;
	struct client *r = relay_new(w, 0, RELAY1);
	struct pair p = pair_behind_nats(w);
	const struct ntm_relay_list *mn = &p.a->route.relays;

	pair_ask(w, &p);
	assert_int_equal(open_offer(w, r, &mn->item[0]).kbit_s, 0);
	w->dc->settings.relay_flow_kbit = 2500;
	pair_ask(w, &p);
	assert_int_equal(open_offer(w, r, &mn->item[0]).kbit_s, 2500);
	assert_int_equal(open_offer(w, r, &p.b->told[p.b->told_count - 1].relays.item[0]).kbit_s,
			 2500);
}

/* Copies are told the same; a new direction has new tickets. */
static void test_each_direction_has_its_own(void **state)
{
	struct world *w = *state;
	struct client *r = relay_new(w, 0, RELAY1);
	struct pair p = pair_behind_nats(w);
	struct ntm_relay_offer first;
	struct ntm_msg msg = direction_msg(p.a, PAIR_B, 1);
	unsigned raws;

	msg.txn = ask(p.a, PAIR_B, 1);
	run(w, 200);
	assert_int_equal(p.a->route.relays.count, 1);
	first = p.a->route.relays.item[0];
	raws = p.a->raw_count;
	send_raw(p.a, &msg);
	run(w, 200);
	assert_int_equal(p.a->raw_count, raws + 1);
	assert_int_equal(p.b->told_count, 1);
	run(w, DIRECTION_KEEP_MS);
	pair_ask(w, &p);
	assert_int_equal(p.b->told_count, 2);
	assert_int_not_equal(p.a->route.relays.item[0].flow, first.flow);
	assert_memory_not_equal(p.a->route.relays.item[0].bind_key, first.bind_key, 32);
	(void)open_offer(w, r, &p.a->route.relays.item[0]);
}

static void test_not_where_none_is_needed(void **state)
{
	struct world *w = *state;
	struct client *a, *b;

	relay_new(w, 0, RELAY1);
	a = node_new_at(w, 1, PAIR_A, "203.0.113.1:40000", "10.0.0.1");
	b = node_new(w, 2, PAIR_B);
	ask(a, PAIR_B, 1);
	run(w, 200);
	assert_int_equal(a->directed, 1);
	assert_int_equal(a->route.relays.count, 0);
	assert_int_equal(b->told[0].relays.count, 0);
	assert_int_equal(w->dc->directions.counters.relayed, 0);
}

/* Behind one NAT: a relay in parallel, if there is one. */
static void test_same_nat(void **state)
{
	struct world *w = *state;
	struct client *a = node_new_at(w, 1, PAIR_A, "203.0.113.1:40000", "10.0.0.1");
	struct client *b = node_new_at(w, 2, PAIR_B, "203.0.113.1:40001", "10.0.0.2");
	char text[NTM_ADDR_STR];

	ask(a, PAIR_B, 1);
	run(w, 200);
	assert_int_equal(a->directed, 1);
	assert_int_equal(a->route.relays.count, 0);
	assert_int_equal(a->route.candidates.count, 1);
	run(w, DIRECTION_KEEP_MS);
	relay_new(w, 0, RELAY1);
	ask(a, PAIR_B, 2);
	run(w, 200);
	assert_int_equal(a->directed, 2);
	assert_int_equal(a->route.relays.count, 1);
	assert_int_equal(b->told[1].relays.count, 1);
	assert_int_equal(a->route.candidates.count, 2);
	assert_string_equal(ntm_addr_str(&a->route.candidates.item[0], text), "10.0.0.2:4330");
}

static void test_no_common_family(void **state)
{
	struct world *w = *state;
	struct client *four = relay_new(w, 0, RELAY1);
	struct client *both = relay_new_at(w, 1, RELAY2, "[2001:db8::9]:4331",
					   "[2001:db8::9]:4331 192.0.2.77:4331");
	struct client *a = node_new(w, 2, PAIR_A);
	struct client *b = node_new_at(w, 3, PAIR_B, "[2001:db8::2]", "[2001:db8::2]");
	char text[NTM_ADDR_STR];

	(void)four;
	ask(a, PAIR_B, 1);
	run(w, 200);
	assert_int_equal(a->directed, 1);
	assert_int_equal(a->route.candidates.count, 0);
	assert_int_equal(a->route.relays.count, 1);
	assert_string_equal(ntm_addr_str(&a->route.relays.item[0].addr[0], text),
			    "192.0.2.77:4331");
	assert_string_equal(ntm_addr_str(&b->told[0].relays.item[0].addr[1], text),
			    "[2001:db8::9]:4331");
	(void)open_offer(w, both, &b->told[0].relays.item[0]);
}

/* Nodes are not sent where the relay says it is at home. */
static void test_private_addresses(void **state)
{
	struct world *w = *state;
	struct client *r = relay_new_at(w, 0, RELAY1, "[2001:db8::9]:4331",
					"10.1.2.3 192.168.1.1 172.20.0.1 100.70.0.1 198.18.0.9");
	struct pair p = pair_behind_nats(w);

	ask(p.a, PAIR_B, 1); /* both speak IPv4 only */
	run(w, 200);
	assert_int_equal(p.a->refused, 1);
	assert_int_equal(p.a->error.code, NTM_DIR_NO_RELAY);
	assert_non_null(strstr(p.a->error.words, "none of the 1 relays is where both"));
	assert_int_equal(lines_with(w, 0, "relay=" RELAY1 " is there at=[2001:db8::9]:4331"), 1);
	/* Unless all of this is at home. */
	client_place(r, "[fd77::9]:4331", "10.1.2.3");
	client_boot(r);
	client_open(r);
	run(w, 200);
	ask(p.a, PAIR_B, 1);
	run(w, 200);
	assert_int_equal(p.a->directed, 1);
	assert_int_equal(p.a->route.relays.item[0].addr[0].ip.b[0], 10);
}

/* ---- which ---- */

static unsigned taken(struct world *w, struct pair *p, const struct client *relay, unsigned times)
{
	unsigned count = 0;

	for (unsigned i = 0; i < times; i++) {
		run(w, DIRECTION_KEEP_MS + 1);
		pair_ask(w, p);
		for (uint8_t k = 0; k < p->a->route.relays.count; k++)
			count += ntm_addr_eq(&p->a->route.relays.item[k].addr[0], &relay->addr);
		p->b->told_count = 0;
	}
	return count;
}

static void test_least_loaded_first(void **state)
{
	struct world *w = *state;
	struct client *r[3] = {relay_new(w, 0, RELAY1), relay_new(w, 1, RELAY2),
			       relay_new(w, 2, RELAY3)};
	struct pair p = pair_behind_nats(w);

	r[0]->report.flows = 500;
	r[1]->report.flows = 100;
	r[2]->report.flows = 200;
	run(w, 2100);
	assert_int_equal(taken(w, &p, r[0], 5), 0);
	assert_int_equal(taken(w, &p, r[1], 5), 5);
	pair_ask(w, &p);
	/* The best one first. */
	run(w, DIRECTION_KEEP_MS + 1);
	pair_ask(w, &p);
	assert_true(ntm_addr_eq(&p.a->route.relays.item[0].addr[0], &r[1]->addr));
	assert_true(ntm_addr_eq(&p.a->route.relays.item[1].addr[0], &r[2]->addr));
	/* Bits count as flows do. */
	r[1]->report.kbit_s = 90;
	r[1]->report.kbit_s_max = 100;
	run(w, 2100);
	p.b->told_count = 0;
	assert_int_equal(taken(w, &p, r[1], 5), 0);
}

/* Of equals any two, and not always the same. */
static void test_random_among_equals(void **state)
{
	struct world *w = *state;
	struct client *r[3] = {relay_new(w, 0, RELAY1), relay_new(w, 1, RELAY2),
			       relay_new(w, 2, RELAY3)};
	struct pair p = pair_behind_nats(w);
	unsigned count[3] = {0};

	for (unsigned i = 0; i < 90; i++) {
		run(w, DIRECTION_KEEP_MS + 1);
		pair_ask(w, &p);
		p.b->told_count = 0;
		assert_int_equal(p.a->route.relays.count, 2);
		for (unsigned k = 0; k < 3; k++) {
			bool first = ntm_addr_eq(&p.a->route.relays.item[0].addr[0], &r[k]->addr);
			bool second = ntm_addr_eq(&p.a->route.relays.item[1].addr[0], &r[k]->addr);

			assert_false(first && second);
			count[k] += first || second;
		}
	}
	for (unsigned k = 0; k < 3; k++) /* 60 each, on average */
		assert_in_range(count[k], 30, 89);
}

/* Between two reports the DC counts what it has given out. */
static void test_full_between_reports(void **state)
{
	struct world *w = *state;
	struct client *r = relay_new(w, 0, RELAY1);
	struct client *node[4];
	char name[4][32];

	for (size_t i = 0; i < 4; i++) {
		char addr[32], own[32];

		snprintf(name[i], sizeof(name[i]), "n%u.ntm.example", (unsigned)i);
		snprintf(addr, sizeof(addr), "203.0.113.%u:40000", (unsigned)i + 1);
		snprintf(own, sizeof(own), "10.0.0.%u", (unsigned)i + 1);
		node[i] = node_new_at(w, i + 1, name[i], addr, own);
	}
	r->report.flows_max = 2;
	client_report(r);
	run(w, 100);
	for (size_t i = 1; i < 4; i++)
		ask(node[0], name[i], i);
	run(w, 200);
	assert_int_equal(node[0]->directed, 2);
	assert_int_equal(node[0]->refused, 1);
	assert_non_null(strstr(node[0]->error.words, "none of the 1 relays takes a new flow"));
}

/* ---- none ---- */

static void assert_no_relay(struct world *w, struct pair *p, const char *words)
{
	unsigned refused = p->a->refused;

	ask(p->a, PAIR_B, 1);
	run(w, 200);
	assert_int_equal(p->a->refused, refused + 1);
	assert_int_equal(p->a->error.code, NTM_DIR_NO_RELAY);
	if (!strstr(p->a->error.words, words))
		fail_msg("\"%s\" does not say \"%s\"", p->a->error.words, words);
	assert_non_null(strstr(p->a->error.words, "needs a relay"));
}

static void assert_warning(struct world *w, const char *expected)
{
	json_t *json = dc_status_json(w->dc);
	const char *warning = json_string_value(json_object_get(json, "warning"));

	if (!expected)
		assert_null(warning);
	else if (!warning || !strstr(warning, expected))
		fail_msg("%s, not %s", warning ? warning : "no warning", expected);
	json_decref(json);
}

static void test_none(void **state)
{
	struct world *w = *state;
	struct pair p = pair_behind_nats(w);
	struct client *r;

	assert_warning(w, NULL);
	assert_no_relay(w, &p, "needs a relay: none is set up (ntm-dc relay add)");
	assert_no_relay(w, &p, "none is set up");
	assert_warning(w, "(2 failed)");
	assert_warning(w, "ntm-dc relay add");
	assert_int_equal(help_add_relay(w->store, RELAY2, false, NULL), 0);
	assert_no_relay(w, &p, "none of the 1 relays answers");
	r = relay_new(w, 0, RELAY1);
	assert_warning(w, NULL);
	r->report.draining = true;
	client_report(r);
	run(w, 100);
	assert_no_relay(w, &p, "none of the 2 relays takes a new flow");
	assert_warning(w, "(1 failed)");
	client_boot(r); /* it is gone */
	run(w, FLEET_SILENT_MS);
	assert_no_relay(w, &p, "none of the 2 relays answers");
}

static void test_status(void **state)
{
	struct world *w = *state;
	struct client *r = relay_new(w, 0, RELAY1);
	json_t *json, *relays;

	assert_int_equal(help_add_relay(w->store, RELAY2, false, NULL), 0);
	assert_int_equal(help_add_relay(w->store, RELAY3, false, NULL), 0);
	assert_int_equal(help_revoke(w->store, RELAY3), 0);
	r->report.flows = 12;
	r->report.kbit_s = 345;
	client_report(r);
	run(w, 100);
	json = dc_status_json(w->dc);
	relays = json_object_get(json, "relays");
	assert_int_equal(json_array_size(relays), 2);
	json_t *first = json_array_get(relays, 0);
	assert_string_equal(json_string_value(json_object_get(first, "name")), RELAY1);
	assert_string_equal(json_string_value(json_object_get(first, "state")), "healthy");
	assert_int_equal(json_integer_value(json_object_get(first, "flows")), 12);
	assert_int_equal(json_integer_value(json_object_get(first, "flows_max")), 1000);
	assert_int_equal(json_integer_value(json_object_get(first, "kbit_s")), 345);
	assert_string_equal(json_string_value(
				    json_array_get(json_object_get(first, "addresses"), 0)),
			    "192.0.2.10:4330");
	assert_int_equal(json_integer_value(json_object_get(json, "nodes")), 0);
	json_decref(json);
}

/* ---- restarts ---- */

static void test_restarted(void **state)
{
	struct world *w = *state;
	struct client *r = relay_new(w, 0, RELAY1);
	struct pair p = pair_behind_nats(w);
	struct client *other = node_new(w, 4, "carol.ntm.example");

	pair_ask(w, &p);
	assert_int_equal(p.a->route.relays.count, 1);
	/* The same process has come back: nothing is lost. */
	ntm_link_close(r->link, 0);
	run(w, 10000);
	assert_true(r->reported > 1);
	assert_int_equal(p.a->restarts + p.b->restarts, 0);
	client_boot(r);
	client_open(r);
	run(w, 100);
	assert_int_equal(p.a->restarts, 1);
	assert_int_equal(p.b->restarts, 1);
	assert_int_equal(other->restarts, 0);
	assert_int_equal(p.a->restart.addrs.count, 1);
	assert_true(ntm_addr_eq(&p.a->restart.addrs.item[0], &r->addr));
	run(w, 10000);
	assert_int_equal(p.a->restarts, 1);
	/* Who has started anew itself has lost its tickets. */
	client_boot(p.a);
	client_open(p.a);
	run(w, 200);
	/* After a pause, at another address: the old one is what the nodes know. */
	struct ntm_addr before = r->addr;
	client_boot(r);
	run(w, 60000);
	client_place(r, "192.0.2.200", "192.0.2.200");
	client_open(r);
	run(w, 200);
	assert_int_equal(p.a->restarts, 1);
	assert_int_equal(p.b->restarts, 2);
	assert_true(ntm_addr_eq(&p.b->restart.addrs.item[0], &before));
}

/* Two hosts with one key, as copies of a machine are, seem to restart with every report. Nodes
 * would bind anew all the time. */
static void test_key_on_two_hosts(void **state)
{
	struct world *w = *state;
	struct client *r = relay_new(w, 0, RELAY1);
	struct pair p = pair_behind_nats(w);
	uint64_t boot_ids[2] = {r->boot_id, r->boot_id + 1};
	unsigned from = w->line_count;

	pair_ask(w, &p);
	for (size_t i = 1; i < 16; i++) {
		r->boot_id = boot_ids[i % 2];
		run(w, 2000);
	}
	assert_int_equal(p.a->restarts, 5);
	assert_int_equal(p.b->restarts, 5);
	assert_int_equal(lines_with(w, from, "relay=" RELAY1 " has started anew"), 5);
	assert_int_equal(lines_with(w, from, "copy of its key"), 1);
	/* Later it is believed again. */
	run(w, 60000);
	r->boot_id++;
	run(w, 2100);
	assert_int_equal(p.a->restarts, 6);
}

/* The DC has started anew: the relay's keys open its tickets. */
static void test_dc_restarted(void **state)
{
	struct world *w = *state;
	struct client *r = relay_new(w, 0, RELAY1);
	struct ntm_ticket_key_list keys = r->relay_direction.keys;
	struct pair p = pair_behind_nats(w);

	stop_dc(w);
	start_dc(w);
	run(w, 30000);
	assert_state(w, RELAY1, "healthy");
	pair_ask(w, &p);
	assert_int_equal(p.a->route.relays.count, 1);
	r->relay_direction.keys = keys;
	(void)open_offer(w, r, &p.a->route.relays.item[0]);
}

/* ---- revocation ---- */

struct revoked {
	int err;
};

static void on_revoked(void *arg, int err, const struct store_node *node)
{
	(void)node;
	((struct revoked *)arg)->err = err;
}

static void test_revoked(void **state)
{
	struct world *w = *state;
	struct client *r = relay_new(w, 0, RELAY1);
	struct pair p = pair_behind_nats(w);
	struct revoked revoked = {.err = -EIO};
	unsigned reported;

	pair_ask(w, &p);
	dc_revoke(w->dc, RELAY1, on_revoked, &revoked);
	assert_int_equal(revoked.err, 0);
	run(w, 100);
	assert_int_equal(r->down, 1);
	assert_int_equal(lines_with(w, 0, "relay=" RELAY1 " revoked"), 1);
	assert_null(w->dc->fleet.first);
	reported = r->reported;
	run(w, 20000);
	assert_int_equal(r->reported, reported);
	assert_no_relay(w, &p, "none is set up");
	/* Its certificate is nobody's peer's: nodes have nothing to end. */
	assert_int_equal(p.a->void_count + p.b->void_count, 0);
}

/* A new host in its place: the old one's session ends. */
static void test_joins_anew(void **state)
{
	struct world *w = *state;
	struct client *r = relay_new(w, 0, RELAY1);
	struct client *next = client_new(w, 1, RELAY1);

	put_token(w, RELAY1, 9, NOW + 30 * DAY);
	next->is_relay = true;
	next->report = r->report;
	client_join(next, 9);
	assert_int_equal(next->answers, 1);
	assert_int_equal(r->down, 1);
	assert_null(w->dc->fleet.first);
	client_open(next);
	run(w, 20000);
	assert_true(next->reported > 0);
	assert_memory_equal(w->dc->fleet.first->who.key, next->keys.pub, NTM_KEY_LEN);
	assert_null(w->dc->fleet.first->next);
}

/* ---- it is no node ---- */

static void test_is_no_node(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, PAIR_A);

	relay_new(w, 1, RELAY1);
	ask(a, RELAY1, 1);
	run(w, 200);
	assert_int_equal(a->refused, 1);
	assert_int_equal(a->error.code, NTM_DIR_NOT_NTM);
	assert_non_null(strstr(a->error.words, "is a relay"));
	assert_int_equal(help_add(w->store, RELAY1, NULL), -EEXIST);
	assert_int_equal(dc_online_count(w->dc), 1);
}

/* More relays than bits: all are used, and somebody hears of restarts. */
static void test_many(void **state)
{
	struct world *w = *state;
	struct store_node who = {.role = STORE_RELAY, .joined = true};
	uint64_t slots = 0;

	for (unsigned i = 0; i < FLEET_SLOTS + 10; i++) {
		snprintf(who.fqdn, sizeof(who.fqdn), "r%u.ntm.example", i);
		who.key[0] = (uint8_t)i;
		struct fleet_relay *relay = fleet_add(w->dc, &who);
		assert_non_null(relay);
		assert_true(relay->slot < FLEET_SLOTS);
		assert_int_equal(slots >> relay->slot & 1, i >= FLEET_SLOTS);
		slots |= UINT64_C(1) << relay->slot;
		assert_ptr_equal(fleet_add(w->dc, &who), relay);
	}
	assert_true(slots == UINT64_MAX);
	who.key[0] = 5;
	fleet_drop_key(w->dc, who.key);
	assert_null(fleet_by_key(w->dc, who.key));
	fleet_drop_key(w->dc, who.key);
	assert_int_equal(fleet_add(w->dc, &who)->slot, 5);
}

/* The largest ROUTE_DIRECTION that there can be. */
static void test_message_size(void **state)
{
	struct ntm_msg msg = {.type = NTM_MSG_ROUTE_DIRECTION, .txn = 1}, got;
	struct ntm_msg_route_direction *route = &msg.route_direction;
	uint8_t out[NTM_MSG_MAX];
	size_t len;

	(void)state;
	route->role = NTM_ROLE_ANSWERS;
	route->reason = NTM_REASON_MOVE;
	route->correlation = UINT64_MAX;
	route->lifetime_s = UINT32_MAX;
	route->peer_nat = true;
	route->peer_cert = largest_cert(NTM_CERT_NODE);
	route->peer_domain = largest_cert(NTM_CERT_DOMAIN);
	route->candidates = many_addrs(ROUTE_PROBES);
	route->relays = largest_offers();
	len = ntm_msg_encode(&msg, out, sizeof(out));
	print_message("%zu of %d bytes\n", len, NTM_MSG_MAX);
	assert_true(len > 0);
	assert_int_equal(ntm_msg_decode(&got, out, len), 0);
	assert_int_equal(got.route_direction.relays.count, NTM_MSG_RELAYS);
	assert_int_equal(got.route_direction.candidates.count, ROUTE_PROBES);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(test_joins_and_reports),
		T(test_states),
		T(test_roles_apart),
		T(test_says_what_it_may_not),
		T(test_two_nats),
		T(test_kbit_of_a_flow),
		T(test_each_direction_has_its_own),
		T(test_not_where_none_is_needed),
		T(test_same_nat),
		T(test_no_common_family),
		T(test_private_addresses),
		T(test_least_loaded_first),
		T(test_random_among_equals),
		T(test_full_between_reports),
		T(test_none),
		T(test_status),
		T(test_restarted),
		T(test_key_on_two_hosts),
		T(test_dc_restarted),
		T(test_revoked),
		T(test_joins_anew),
		T(test_is_no_node),
		T(test_many),
		cmocka_unit_test(test_message_size),
	};
	return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
