/* SPDX-License-Identifier: BSD-2-Clause */
/* Joining, registering, and directions by name and by data for every kind of pair. */
#include "sim.h"

#include "node_priv.h"

#include "ntm/dnsmsg.h"

static const char *text_of(json_t *json, const char *a, const char *b)
{
	return json_string_value(json_object_get(json_object_get(json, a), b));
}

static bool is_behind_nat(const json_t *status)
{
	return json_is_true(json_object_get(json_object_get(status, "dc"), "behind_nat"));
}

/* ---- registration ---- */

static void register_open(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, "ntm.example", "192.0.2.1");
	struct sim_node *a = sim_node_up(dc, &sim->internet, "192.0.2.10", "alice");

	assert_true(dc_is_online(dc->dc, "alice.ntm.example"));
	assert_int_equal(a->registered, 1);
	assert_int_equal(dclink_keepalive_ms(a->node->dclink), 0);
	json_t *json = node_status_json(a->node);
	assert_string_equal(text_of(json, "dc", "seen_from"), "192.0.2.10:4330");
	assert_false(is_behind_nat(json));
	json_decref(json);
}

static void register_behind_nat(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, "ntm.example", "192.0.2.1");
	struct sim_nat *nat = sim_nat_new(sim, SIM_SYMMETRIC, "192.0.2.20");
	struct sim_node *a = sim_node_up(dc, &nat->inside, "10.0.0.2", "alice");

	assert_int_equal(dclink_keepalive_ms(a->node->dclink), 20000);
	json_t *json = node_status_json(a->node);
	assert_string_equal(text_of(json, "dc", "seen_from"), "192.0.2.20:20000");
	assert_true(is_behind_nat(json));
	json_decref(json);
	/* A mapping that lives for 20 s only is lost once, and held from then on. */
	nat->timeout_ms = 20000;
	sim_run(sim, 10 * 60 * 1000);
	json = dc_node_json(dc->dc, "alice.ntm.example");
	assert_true(json_integer_value(json_object_get(json, "online_s")) >= 600); /* never away */
	json_decref(json);
	assert_int_equal(nat->next_port, 20002);
	sim_run(sim, 60 * 60 * 1000);
	assert_int_equal(nat->next_port, 20002);
	json = node_status_json(a->node);
	assert_string_equal(text_of(json, "dc", "keepalive_why"), "the NAT forgot us after 20 s");
	json_decref(json);
}

struct joiner {
	struct sim_node *node;
	struct ntm_links *links;
	struct ntm_join_answer answer;
	unsigned answers;
};

static void join_send(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	struct joiner *joiner = ctx;

	sim_send(joiner->node->place.lan, &joiner->node->addr, to, frame, len);
}

static void join_answer(void *ctx, struct ntm_link *link, void *owner, const uint8_t *payload,
			size_t len)
{
	struct joiner *joiner = ctx;

	(void)link;
	(void)owner;
	joiner->answers++;
	assert_int_equal(ntm_join_answer_decode(&joiner->answer, payload, len), 0);
}

static void join_deliver(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
			 const uint8_t *data, size_t len)
{
	struct joiner *joiner = ctx;
	struct ntm_pkt pkt;

	(void)to;
	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, len), data, len);
	ntm_links_input(joiner->links, from, &pkt);
}

static void join_down(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why)
{
	(void)ctx;
	(void)link;
	(void)owner;
	(void)why;
}

/* With a real token, over a bad network, and registered with what came of it. */
static void join_with_a_token(void **state)
{
	struct sim *sim = *state;
	static const struct ntm_links_ops ops = {.send = join_send,
						 .answer = join_answer,
						 .down = join_down};
	struct sim_dc *dc = sim_dc_new(sim, "ntm.example", "192.0.2.1");
	struct sim_node *a = sim_node_new(dc, &sim->internet, "192.0.2.10", "alice");
	struct joiner joiner = {.node = a};
	struct sim_place old = a->place;
	struct ntm_ip vip = a->lease.vip4;
	struct ntm_link *link;
	struct ntm_token token;
	char words[160] = "";

	/* The host that was alice becomes bob. */
	sim_dc_token(dc, "bob.ntm.example", &token);
	snprintf(a->fqdn, sizeof(a->fqdn), "bob.ntm.example");
	lease_from_token(&a->lease, &token);
	ntm_keys_make(&a->lease.keys);
	struct ntm_links_args links = {.ops = &ops,
				       .ctx = &joiner,
				       .keys = &a->lease.keys,
				       .timers = &sim->timers};
	joiner.links = ntm_links_new(&links);
	struct ntm_join_request request;
	uint8_t payload[NTM_HS_PAYLOAD_MAX];
	memcpy(request.secret, token.secret, sizeof(request.secret));
	struct ntm_link_args args = {.purpose = NTM_PURPOSE_JOIN,
				     .remote_static = token.dc_key,
				     .candidate_count = 1,
				     .candidates = &token.dc[0],
				     .initiator = true,
				     .one_shot = true,
				     .payload = payload,
				     .payload_len = ntm_join_request_encode(&request, payload,
									    sizeof(payload))};
	a->place.deliver = join_deliver;
	a->place.ctx = &joiner;
	sim->internet.medium.dup = 500;
	assert_int_equal(ntm_link_open(joiner.links, &args, &link), 0);
	sim_run(sim, 4000);
	assert_int_equal(joiner.answers, 1);
	assert_int_equal(lease_from_answer(&a->lease, &joiner.answer, SIM_NOW_S, words,
					   sizeof(words)),
			 0);
	assert_false(ntm_ip_eq(&a->lease.vip4, &vip)); /* an address is leased once */
	ntm_link_free(link);
	ntm_links_free(joiner.links);

	a->place.deliver = old.deliver;
	a->place.ctx = old.ctx;
	sim_node_start(a);
	sim_run(sim, 2000);
	assert_true(node_is_registered(a->node));
	assert_true(dc_is_online(dc->dc, "bob.ntm.example"));
}

/* ---- who can reach whom ---- */

static void check_data_both_ways(struct sim_node *a, struct sim_node *b, uint8_t family)
{
	struct sim *sim = a->sim;
	struct ntm_ip a_vip = sim_vip(a, family), b_vip = sim_vip(b, family);
	unsigned at_a = a->data_in, at_b = b->data_in;

	sim_say(a, b, family, 9999, "to b");
	sim_run(sim, 1500);
	assert_true(sim_is_tunnel(a, b));
	assert_true(sim_is_tunnel(b, a));
	assert_int_equal(b->data_in, at_b + 1);
	assert_string_equal(b->data, "to b");
	assert_true(ntm_ip_eq(&b->data_from.ip, &a_vip));
	sim_say(b, a, family, 9999, "to a");
	sim_say(a, b, family, SIM_ECHO_PORT, "echo");
	sim_run(sim, 500);
	assert_int_equal(a->data_in, at_a + 2);
	assert_string_equal(a->data, "echo");
	assert_true(ntm_ip_eq(&a->data_from.ip, &b_vip));
	assert_int_equal(a->icmp_in, 0);
	assert_int_equal(b->icmp_in, 0);
	assert_int_equal(sim_tunnel_count(a), 1);
	assert_int_equal(sim_tunnel_count(b), 1);
}

static void by_data_open_to_open(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, "ntm.example", "192.0.2.1");
	struct sim_node *a = sim_node_up(dc, &sim->internet, "192.0.2.10", "alice");
	struct sim_node *b = sim_node_up(dc, &sim->internet, "192.0.2.11", "bob");

	check_data_both_ways(a, b, 4);
	check_data_both_ways(a, b, 6); /* the same tunnel */
}

static void by_data_with_nat_kind(struct sim *sim, enum sim_nat_kind kind, bool is_mn_inside)
{
	struct sim_dc *dc = sim_dc_new(sim, "ntm.example", "192.0.2.1");
	struct sim_nat *nat = sim_nat_new(sim, kind, "192.0.2.20");
	struct sim_node *in = sim_node_up(dc, &nat->inside, "10.0.0.2", "inside");
	struct sim_node *out = sim_node_up(dc, &sim->internet, "192.0.2.11", "outside");

	if (is_mn_inside)
		check_data_both_ways(in, out, 6);
	else
		check_data_both_ways(out, in, 4);
	/* Quiet for longer than the mapping lives: still reachable from outside. */
	nat->timeout_ms = 30000;
	sim_run(sim, 5 * 60 * 1000);
	sim_say(out, in, 4, 9999, "late");
	sim_run(sim, 200);
	assert_string_equal(in->data, "late");
}

static void by_data_nat_to_open(void **state)
{
	by_data_with_nat_kind(*state, SIM_PORT_RESTRICTED, true);
}

static void by_data_open_to_nat(void **state)
{
	by_data_with_nat_kind(*state, SIM_PORT_RESTRICTED, false);
}

static void by_data_symmetric_to_open(void **state)
{
	by_data_with_nat_kind(*state, SIM_SYMMETRIC, true);
}

static void by_data_open_to_symmetric(void **state)
{
	by_data_with_nat_kind(*state, SIM_SYMMETRIC, false);
}

static void by_data_full_cone(void **state)
{
	by_data_with_nat_kind(*state, SIM_FULL_CONE, false);
}

static void by_data_address_restricted(void **state)
{
	by_data_with_nat_kind(*state, SIM_ADDRESS_RESTRICTED, false);
}

static void by_data_same_nat(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, "ntm.example", "192.0.2.1");
	struct sim_nat *nat = sim_nat_new(sim, SIM_SYMMETRIC, "192.0.2.20");
	struct sim_node *a = sim_node_up(dc, &nat->inside, "10.0.0.2", "alice");
	struct sim_node *b = sim_node_up(dc, &nat->inside, "10.0.0.3", "bob");

	check_data_both_ways(a, b, 4);
}

/* Needs a relay, which this domain has not. */
static void by_data_two_nats(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, "ntm.example", "192.0.2.1");
	struct sim_nat *one = sim_nat_new(sim, SIM_SYMMETRIC, "192.0.2.20");
	struct sim_nat *two = sim_nat_new(sim, SIM_FULL_CONE, "192.0.2.21");
	struct sim_node *a = sim_node_up(dc, &one->inside, "10.0.0.2", "alice");
	struct sim_node *b = sim_node_up(dc, &two->inside, "10.0.0.2", "bob");
	struct sim_lookup lookup;

	sim_say(a, b, 4, 9999, "no way");
	sim_run(sim, 1000);
	assert_int_equal(a->icmp_in, 1);
	assert_int_equal(b->data_in, 0);
	const struct tunnel *tunnel = tunnel_find(a->node->tunnels, &b->lease.vip4);
	assert_non_null(tunnel);
	assert_int_equal(tunnel_fail_code(tunnel), NTM_DIR_NO_RELAY);
	sim_say(a, b, 6, 9999, "nor here");
	sim_run(sim, 1000);
	assert_int_equal(a->icmp_in, 2);
	sim_run(sim, 10000);
	sim_resolve(a, "bob.ntm.example", NTM_DNS_A, &lookup);
	sim_run(sim, 2000);
	assert_true(lookup.answered_ms > 0);
	assert_int_equal(lookup.count, 0);
}

static void by_data_unknown_and_offline(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, "ntm.example", "192.0.2.1");
	struct sim_node *a = sim_node_up(dc, &sim->internet, "192.0.2.10", "alice");
	struct sim_node *b = sim_node_new(dc, &sim->internet, "192.0.2.11", "bob");
	struct ntm_addr nobody = sim_addr("198.18.7.7", 9999);

	sim_say(a, b, 4, 9999, "hello?");
	sim_udp(a, 40000, &nobody, "hello", 5);
	sim_run(sim, 1000);
	assert_int_equal(a->icmp_in, 2);
	/* It comes up: after the negative cache it is reached. */
	sim_node_start(b);
	sim_run(sim, 6000);
	a->icmp_in = 0;
	check_data_both_ways(a, b, 4);
}

/* Nodes of another domain are strangers here. */
static void two_domains(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *one = sim_dc_new(sim, "one.example", "192.0.2.1");
	struct sim_dc *two = sim_dc_new(sim, "two.example", "192.0.2.2");
	struct sim_node *a = sim_node_up(one, &sim->internet, "192.0.2.10", "alice");
	struct sim_node *a2 = sim_node_up(one, &sim->internet, "192.0.2.12", "anna");
	struct sim_node *b = sim_node_up(two, &sim->internet, "192.0.2.11", "bob");
	struct sim_node *b2 = sim_node_up(two, &sim->internet, "192.0.2.13", "ben");

	sim_say(a, b, 4, 9999, "hello?");
	sim_run(sim, 3000);
	assert_int_equal(b->data_in, 0);
	assert_int_equal(sim_tunnel_count(b), 0);
	assert_int_equal(a->icmp_in, 1);
	a->icmp_in = 0;
	check_data_both_ways(a, a2, 4);
	check_data_both_ways(b, b2, 4);
}

/* ---- by name ---- */

static void by_name_answered_when_up(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, "ntm.example", "192.0.2.1");
	struct sim_nat *nat = sim_nat_new(sim, SIM_SYMMETRIC, "192.0.2.20");
	struct sim_node *a = sim_node_up(dc, &sim->internet, "192.0.2.10", "alice");
	struct sim_node *b = sim_node_up(dc, &nat->inside, "10.0.0.2", "bob");
	struct sim_lookup v4, v6, ptr;
	char name[NTM_IP_ARPA_STR];

	sim_resolve(a, "bob.ntm.example", NTM_DNS_A, &v4);
	sim_resolve(a, "bob.ntm.example", NTM_DNS_AAAA, &v6);
	while (v4.answered_ms == 0 && sim_now(sim) - v4.asked_ms < 2000)
		sim_run(sim, 1);
	assert_int_equal(v4.count, 1);
	assert_true(ntm_ip_eq(&v4.ip, &b->lease.vip4));
	assert_true(sim_is_tunnel(a, b)); /* no earlier */
	/* DC, CN and back (80 ms), then the Tunnel Request from the NAT's inside (1 ms more). */
	assert_in_range(v4.answered_ms - v4.asked_ms, 80, 180);
	assert_true(ntm_ip_eq(&v6.ip, &b->lease.vip6));
	assert_int_equal(v4.answered_ms, v6.answered_ms);
	assert_int_equal(sim_tunnel_count(a), 1);
	/* The name behind an address is the node's, here. */
	sim_resolve(a, ntm_ip_arpa(&b->lease.vip4, name), NTM_DNS_PTR, &ptr);
	sim_run(sim, 500);
	assert_string_equal(ptr.target, "bob.ntm.example");
	/* At once, the second time. */
	sim_resolve(a, "bob.ntm.example", NTM_DNS_A, &v4);
	sim_run(sim, 1);
	assert_int_equal(v4.answered_ms, v4.asked_ms);
}

static void by_name_unknown(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, "ntm.example", "192.0.2.1");
	struct sim_node *a = sim_node_up(dc, &sim->internet, "192.0.2.10", "alice");
	struct sim_lookup lookup;

	sim_resolve(a, "nobody.ntm.example", NTM_DNS_A, &lookup);
	sim_run(sim, 1000);
	assert_true(lookup.answered_ms > 0);
	assert_int_equal(lookup.rcode, NTM_DNS_NXDOMAIN);
	sim_resolve(a, "dc.ntm.example", NTM_DNS_A, &lookup);
	sim_run(sim, 1000);
	assert_int_equal(lookup.rcode, NTM_DNS_NOERROR);
	assert_true(ntm_ip_eq(&lookup.ip, &dc->addr.ip));
}

static void by_name_dead_dc(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, "ntm.example", "192.0.2.1");
	struct sim_node *a = sim_node_up(dc, &sim->internet, "192.0.2.10", "alice");
	struct sim_lookup lookup;

	sim_node_up(dc, &sim->internet, "192.0.2.11", "bob");
	sim_dc_kill(dc);
	sim_resolve(a, "bob.ntm.example", NTM_DNS_A, &lookup);
	sim_run(sim, 5000);
	assert_int_equal(lookup.rcode, NTM_DNS_SERVFAIL);
	assert_in_range(lookup.answered_ms - lookup.asked_ms, 1, 1500);
}

/* ---- crossing ---- */

static void check_tunnel(struct sim_node *a, struct sim_node *b)
{
	assert_true(sim_is_tunnel(a, b));
	assert_true(sim_is_tunnel(b, a));
	assert_int_equal(sim_tunnel_count(a), 1);
	assert_int_equal(sim_tunnel_count(b), 1);
	assert_int_equal(ntm_links_count(a->node->links), 2); /* and the DC's */
	assert_int_equal(ntm_links_count(b->node->links), 2);
}

static void check_one_tunnel(struct sim_node *a, struct sim_node *b)
{
	check_tunnel(a, b);
	assert_int_equal(a->icmp_in + b->icmp_in, 0);
}

/* Both want each other, at the same moment or with any shift up to the whole negotiation. */
static void crossing_triggers_merge(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, "ntm.example", "192.0.2.1");
	struct sim_node *a = sim_node_up(dc, &sim->internet, "192.0.2.10", "alice");
	struct sim_node *b = sim_node_up(dc, &sim->internet, "192.0.2.11", "bob");

	for (int64_t shift_ms = 0; shift_ms <= 180; shift_ms += 5) {
		unsigned at_a = a->data_in, at_b = b->data_in;
		struct sim_lookup lookup;

		sim_say(a, b, 4, 9999, "one");
		sim_run(sim, shift_ms);
		sim_say(b, a, 6, 9999, "two");
		sim_resolve(b, "alice.ntm.example", NTM_DNS_A, &lookup);
		sim_run(sim, 2000);
		check_one_tunnel(a, b);
		assert_int_equal(a->data_in, at_a + 1);
		assert_int_equal(b->data_in, at_b + 1);
		assert_int_equal(lookup.count, 1);
		/* Starting over takes a node's restart, and a DC that has forgotten. */
		sim_node_stop(a);
		sim_node_stop(b);
		sim_run(sim, 6000);
		sim_node_start(a);
		sim_node_start(b);
		sim_run(sim, 1000);
	}
}

static uint64_t failed(const struct sim_node *a, const struct sim_node *b)
{
	return tunnels_counters(a->node->tunnels)->directions_failed +
	       tunnels_counters(b->node->tunnels)->directions_failed;
}

/* A request is sent four times. Of 10,000 one is lost for good here, with both directions; then
 * both applications hear so, and whoever asks next has the tunnel. */
static void crossing_on_a_bad_network(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, "ntm.example", "192.0.2.1");
	struct sim_node *a = sim_node_up(dc, &sim->internet, "192.0.2.10", "alice");
	struct sim_node *b = sim_node_up(dc, &sim->internet, "192.0.2.11", "bob");

	unsigned lost = 0;

	sim->internet.medium =
		(struct sim_medium){.delay_ms = 10, .jitter_ms = 60, .loss = 50, .dup = 100};
	for (unsigned i = 0; i < 30; i++) {
		unsigned refused = a->icmp_in + b->icmp_in;
		uint64_t before = failed(a, b);

		sim_say(a, b, 4, 9999, "one");
		sim_run(sim, sim_random_below(&sim->rng, 100));
		sim_say(b, a, 4, 9999, "two");
		sim_run(sim, 12000);
		sim_say(a, b, 4, 9999, "three");
		sim_run(sim, 3000);
		check_tunnel(a, b);
		if (failed(a, b) == before)
			assert_int_equal(a->icmp_in + b->icmp_in, refused);
		else
			lost++;
		sim_node_stop(a);
		sim_node_stop(b);
		sim_run(sim, 6000);
		sim_node_start(a);
		sim_node_start(b);
		sim_run(sim, 10000);
	}
	assert_in_range(lost, 0, 1);
}

#define scenario(fn) cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(register_open),
		scenario(register_behind_nat),
		scenario(join_with_a_token),
		scenario(by_data_open_to_open),
		scenario(by_data_nat_to_open),
		scenario(by_data_open_to_nat),
		scenario(by_data_symmetric_to_open),
		scenario(by_data_open_to_symmetric),
		scenario(by_data_full_cone),
		scenario(by_data_address_restricted),
		scenario(by_data_same_nat),
		scenario(by_data_two_nats),
		scenario(by_data_unknown_and_offline),
		scenario(two_domains),
		scenario(by_name_answered_when_up),
		scenario(by_name_unknown),
		scenario(by_name_dead_dc),
		scenario(crossing_triggers_merge),
		scenario(crossing_on_a_bad_network),
	};

	return sim_main("direction", tests, sizeof(tests) / sizeof(tests[0]));
}
