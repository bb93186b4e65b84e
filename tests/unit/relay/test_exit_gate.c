/* SPDX-License-Identifier: BSD-2-Clause */
/* A gateway with real links, in virtual time; the test is its DC, two nodes, and its kernel. */
#include "exitworld.h"

#include "manual.h"

/* ---- the DC ---- */

static void it_registers_as_a_node_and_sets_the_host_up(void **state)
{
	struct world *w = *state;

	run(w, 100);
	assert_int_equal(w->registers, 1);
	assert_int_equal(w->host_changes, 1);
	assert_int_equal(w->net.prefixes.count, 1);
	assert_true(ntm_ip_eq(&w->net.vip4, &(struct ntm_ip){.family = 4, .b = {198, 18, 0, 100}}));
	/* Again in time, and nothing is new then. */
	run(w, 70000);
	assert_true(w->registers >= 2);
	assert_int_equal(w->host_changes, 1);
}

static void without_a_nodes_certificate_nothing_is_set_up(void **state)
{
	struct world *w = *state;

	w->cert_type = NTM_CERT_RELAY;
	run(w, 100);
	assert_int_equal(w->registers, 1);
	assert_int_equal(w->host_changes, 0);
	assert_false(ntm_uplink_is_registered(w->gate->dc.uplink));
	/* And nobody can come. */
	struct ntm_msg msg = direction_of(w, &w->a);
	assert_refused(w, &msg);
}

static void it_registers_again_when_its_addresses_change(void **state)
{
	struct world *w = *state;

	run(w, 100);
	exit_gate_addrs_changed(w->gate);
	run(w, 100);
	assert_int_equal(w->registers, 1);
	w->addr.ip = ntm_ip_v4(203, 0, 113, 6);
	exit_gate_addrs_changed(w->gate);
	run(w, 100);
	assert_int_equal(w->registers, 2);
}

/* ---- packets ---- */

static void packets_go_out_and_answers_come_back(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	node_sends(&w->a, "198.18.0.7", "198.51.100.1");
	assert_int_equal(w->tun, 1);
	assert_int_equal(w->tun_len, 128); /* without padding */
	kernel_sends(w, "198.51.100.1", "198.18.0.7", 100);
	assert_int_equal(w->a.in, 1);
	assert_memory_equal(w->a.last + 12, "\xc6\x33\x64\x01\xc6\x12\x00\x07", 8);
	assert_int_equal(w->gate->peers->packets_out, 1);
	assert_int_equal(w->gate->peers->packets_in, 1);
}

static void a_node_speaks_as_itself_only(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	direct(w, &w->b);
	node_sends(&w->a, "198.18.0.8", "198.51.100.1"); /* b's */
	node_sends(&w->a, "192.0.2.7", "198.51.100.1");
	node_sends(&w->a, "2001:db8::7", "2001:db8::1"); /* it has no such address */
	assert_int_equal(w->tun, 0);
	assert_int_equal(w->gate->counters.spoofed, 3);
	/* Nor do answers go astray. */
	kernel_sends(w, "198.51.100.1", "198.18.0.8", 100);
	assert_int_equal(w->a.in, 0);
	assert_int_equal(w->b.in, 1);
	kernel_sends(w, "198.51.100.1", "198.18.0.9", 100);
	assert_int_equal(w->gate->counters.no_tunnel, 1);
	kernel_sends(w, "198.18.0.8", "198.18.0.7", 100);
	assert_int_equal(w->a.in, 0);
}

/* An ICMP error of a to the server, about a packet that the server has sent to dst. */
static void node_complains(struct party *p, const char *dst, size_t quote)
{
	struct ntm_pkt about, pkt;
	struct ntm_ip from = p->cert.vip4;
	uint8_t *data;

	make_packet(&about, "198.51.100.1", dst, 100);
	ntm_pkt_reset(&pkt);
	data = ntm_pkt_put(&pkt, ntm_ippkt_build_unreachable(pkt.data, 600, &from, about.data,
							     about.len, NTM_UNREACH_HOST));
	pkt.len = 20 + 8 + quote;
	data[2] = 0;
	data[3] = (uint8_t)pkt.len;
	assert_int_equal(ntm_link_send(p->link, &pkt, 0), 0);
	run(p->w, 20);
}

static void a_node_complains_of_its_own_packets_only(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	node_complains(&w->a, "198.18.0.7", 100);
	assert_int_equal(w->tun, 1);
	node_complains(&w->a, "198.18.0.8", 100); /* b's */
	node_complains(&w->a, "198.18.0.7", 19);
	node_complains(&w->a, "198.18.0.7", 0);
	assert_int_equal(w->tun, 1);
	assert_int_equal(w->gate->counters.foreign_error, 3);
}

static void what_is_not_allowed_is_refused_with_icmp(void **state)
{
	static const char *const nowhere[] = {"198.18.0.8",      "203.0.113.5", "127.0.0.1",
					      "169.254.169.254", "10.1.2.3",    "224.0.0.1"};
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	for (size_t i = 0; i < 6; i++)
		node_sends(&w->a, "198.18.0.7", nowhere[i]);
	assert_int_equal(w->tun, 0);
	assert_int_equal(w->a.in, 5);                               /* not about multicast */
	assert_memory_equal(w->a.last + 12, "\xc6\x12\x00\x64", 4); /* from the gateway's VIP */
	assert_int_equal(w->a.last[20], 3);
	assert_int_equal(w->a.last[21], 13);
	assert_int_equal(w->gate->counters.verdicts[EXIT_VIRTUAL], 1);
	assert_int_equal(w->gate->counters.verdicts[EXIT_OWN], 1);
	assert_int_equal(w->gate->counters.verdicts[EXIT_UNUSABLE], 3);
	assert_int_equal(w->gate->counters.verdicts[EXIT_PRIVATE], 1);
}

static void large_packets_come_in_parts(void **state)
{
	struct world *w = *state;
	struct ntm_pkt whole, out;
	struct ntm_frag part = {.id = 5};

	run(w, 100);
	direct(w, &w->a);
	make_packet(&whole, "198.18.0.7", "198.51.100.1", 1372);
	part.count = (uint8_t)ntm_frag_count(whole.len, NTM_LINK_ROOM_MIN);
	assert_int_equal(part.count, 2);
	for (; part.index < part.count; part.index++) {
		ntm_pkt_reset(&out);
		ntm_frag_cut(&whole, &part, &out);
		assert_int_equal(ntm_link_send(w->a.link, &out, 0), 0);
	}
	run(w, 20);
	assert_int_equal(w->tun, 1);
	assert_int_equal(w->tun_len, 1400);
	/* And go so, before the path is known to take them whole. */
	kernel_sends(w, "198.51.100.1", "198.18.0.7", 1372);
	assert_true(w->a.in >= 1);
	assert_int_equal(w->gate->counters.packets_in, 1);
}

/* The DC's keepalive is an upper bound. */
static void the_dc_is_pinged_every_15_s_at_least(void **state)
{
	struct world *w = *state;

	w->keepalive_s = UINT32_MAX;
	run(w, 100);
	assert_int_equal(w->registers, 1);
	run(w, 31000);
	assert_int_equal(w->pings, 2);
	assert_int_equal(w->registers, 1);
}

static void pings_inside_the_tunnel_are_answered(void **state)
{
	struct world *w = *state;
	struct ntm_msg ping = {.type = NTM_MSG_PING, .txn = 3};
	struct ntm_pkt pkt;

	run(w, 100);
	direct(w, &w->a);
	ntm_pkt_reset(&pkt);
	ntm_pkt_put(&pkt, ntm_msg_encode(&ping, pkt.data, 200));
	assert_int_equal(ntm_link_send(w->a.link, &pkt, 0), 0);
	run(w, 20);
	assert_int_equal(w->a.pongs, 1);
}

static void garbage_is_counted(void **state)
{
	struct world *w = *state;
	struct ntm_pkt pkt;

	run(w, 100);
	direct(w, &w->a);
	ntm_pkt_reset(&pkt);
	memset(ntm_pkt_put(&pkt, 40), 0x45, 40);
	assert_int_equal(ntm_link_send(w->a.link, &pkt, 0), 0);
	run(w, 20);
	assert_int_equal(w->gate->counters.malformed, 1);
	memset(pkt.base, 0, sizeof(pkt.base));
	ntm_pkt_reset(&pkt);
	ntm_pkt_put(&pkt, 3);
	exit_gate_tun_input(w->gate, &pkt);
	assert_int_equal(w->gate->counters.malformed, 2);
	assert_int_equal(w->tun, 0);
}

/* ---- who may come ---- */

static void only_nodes_of_the_domain_may_come(void **state)
{
	struct world *w = *state;
	struct ntm_root other;
	struct ntm_msg msg;

	run(w, 100);
	w->a.cert.type = NTM_CERT_RELAY;
	w->a.cert.vip4.family = 0;
	memset(&w->a.cert.vip4, 0, sizeof(w->a.cert.vip4));
	msg = direction_of(w, &w->a);
	assert_refused(w, &msg);
	w->a.cert.type = NTM_CERT_NODE;
	w->a.cert.vip4 = ntm_ip_v4(198, 19, 0, 7); /* outside of the prefixes */
	msg = direction_of(w, &w->a);
	assert_refused(w, &msg);
	w->a.cert.vip4 = ntm_ip_v4(198, 18, 0, 100); /* the gateway's */
	msg = direction_of(w, &w->a);
	assert_refused(w, &msg);
	w->a.cert.vip4 = ntm_ip_v4(198, 18, 0, 7);
	strcpy(w->a.cert.fqdn, "a.other.example");
	msg = direction_of(w, &w->a);
	assert_refused(w, &msg);
	strcpy(w->a.cert.fqdn, "n7.ntm.example");
	w->a.cert.not_after_s = WALL_MS / 1000 - 3000; /* longer than clocks may differ */
	msg = direction_of(w, &w->a);
	assert_refused(w, &msg);
	w->a.cert.not_after_s = WALL_MS / 1000 + 86400;
	msg = direction_of(w, &w->a);
	msg.route_direction.peer_domain = msg.route_direction.peer_cert; /* introduced */
	assert_refused(w, &msg);
	other = w->root;
	ntm_root_make(&w->root); /* somebody else's signature */
	msg = direction_of(w, &w->a);
	w->root = other;
	assert_refused(w, &msg);
	direct(w, &w->a);
}

static void a_copy_changes_nothing(void **state)
{
	struct world *w = *state;
	struct ntm_msg msg;

	run(w, 100);
	msg = direction_of(w, &w->a);
	tell(w, &msg);
	tell(w, &msg);
	assert_int_equal(w->acks, 2);
	assert_int_equal(w->gate->peer_count, 1);
	connect_by(w, &w->a, &msg.route_direction);
	struct ntm_link *link = w->gate->peers->link;
	tell(w, &msg);
	assert_ptr_equal(w->gate->peers->link, link);
	assert_null(w->gate->peers->newer);
}

static void a_restarted_node_takes_its_place_again(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	direct(w, &w->a);
	assert_int_equal(w->gate->peer_count, 1);
	assert_null(w->gate->peers->newer);
	node_sends(&w->a, "198.18.0.7", "198.51.100.1");
	assert_int_equal(w->tun, 1);
}

static void a_node_with_a_new_key_replaces_the_old_one(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	w->b.cert.vip4 = w->a.cert.vip4;
	direct(w, &w->b);
	assert_int_equal(w->gate->peer_count, 1);
	assert_int_equal(w->a.downs, 1);
	kernel_sends(w, "198.51.100.1", "198.18.0.7", 100);
	assert_int_equal(w->a.in, 0);
	assert_int_equal(w->b.in, 1);
}

static void nodes_are_bounded(void **state)
{
	struct world *w = *state;
	struct ntm_msg msg;
	const char *words = NULL;

	run(w, 100);
	for (unsigned i = 0; i <= EXIT_PEERS_MAX; i++) {
		w->a.cert.vip4 = ntm_ip_v4(198, 18, (uint8_t)(1 + i / 256), (uint8_t)i);
		ntm_random(w->a.cert.key, sizeof(w->a.cert.key));
		msg = direction_of(w, &w->a);
		memcpy(msg.route_direction.pair + 1, &i, sizeof(i));
		words = exit_peers_direct(w->gate, &msg.route_direction);
		assert_true((words == NULL) == (i < EXIT_PEERS_MAX));
	}
	assert_int_equal(w->gate->peer_count, EXIT_PEERS_MAX);
	/* Who does not come is forgotten. */
	run(w, 60000);
	assert_int_equal(w->gate->peer_count, 0);
}

/* ---- ends ---- */

static void an_idle_tunnel_ends(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	run(w, 590000);
	node_sends(&w->a, "198.18.0.7", "198.51.100.1");
	run(w, 590000);
	assert_int_equal(w->gate->peer_count, 1);
	kernel_sends(w, "198.51.100.1", "198.18.0.7", 100);
	run(w, 590000);
	assert_int_equal(w->gate->peer_count, 1);
	run(w, 20000);
	assert_int_equal(w->gate->peer_count, 0);
	assert_int_equal(w->a.downs, 1);
}

static void a_direction_ends_with_its_lifetime(void **state)
{
	struct world *w = *state;
	struct ntm_msg msg;

	run(w, 100);
	msg = direction_of(w, &w->a);
	msg.route_direction.lifetime_s = 30;
	tell(w, &msg);
	connect_by(w, &w->a, &msg.route_direction);
	run(w, 20000);
	assert_int_equal(w->gate->peer_count, 1);
	run(w, 20000);
	assert_int_equal(w->gate->peer_count, 0);
}

static struct ntm_msg revocation_of(const struct party *p)
{
	struct ntm_msg msg = {.type = NTM_MSG_REVOKED};

	msg.revoked.serial = p->cert.serial;
	memcpy(msg.revoked.key, p->cert.key, NTM_KEY_LEN);
	msg.revoked.vip4 = p->cert.vip4;
	return msg;
}

static void a_revoked_node_goes_and_does_not_come_back(void **state)
{
	struct world *w = *state;
	struct ntm_msg revoked = revocation_of(&w->a), msg;

	run(w, 100);
	direct(w, &w->a);
	tell(w, &revoked);
	assert_int_equal(w->revoked_acks, 1);
	assert_int_equal(w->gate->peer_count, 0);
	run(w, 20);
	assert_int_equal(w->a.downs, 1);
	msg = direction_of(w, &w->a);
	assert_refused(w, &msg);
	direct(w, &w->b);
}

/* Its certificate is good: it may be allowed to come again. */
static void who_may_not_any_more_goes_at_once(void **state)
{
	struct world *w = *state;
	struct ntm_msg off = revocation_of(&w->a), late = direction_of(w, &w->a);

	off.revoked.serial = 0;
	run(w, 100);
	direct(w, &w->a);
	direct(w, &w->b);
	tell(w, &off);
	assert_int_equal(w->revoked_acks, 1);
	assert_int_equal(w->gate->peer_count, 1);
	run(w, 20);
	assert_int_equal(w->a.downs, 1);
	assert_int_equal(w->b.downs, 0);
	/* What was on the way does not bring it back. */
	tell(w, &late);
	assert_int_equal(w->gate->peer_count, 1);
	run(w, 5000);
	direct(w, &w->a);
}

static void a_revoked_gateway_leads_nobody(void **state)
{
	struct world *w = *state;
	struct ntm_msg told = {.type = NTM_MSG_REVOKED, .revoked = {.serial = 9}};

	run(w, 100);
	direct(w, &w->a);
	memcpy(told.revoked.key, w->keys.pub, NTM_KEY_LEN);
	told.revoked.vip4 = ntm_ip_v4(198, 19, 0, 1); /* as another domain's DC may say */
	tell(w, &told);
	assert_int_equal(w->gate->peer_count, 1);
	told.revoked.vip4 = w->net.vip4;
	tell(w, &told);
	assert_int_equal(w->gate->peer_count, 0);
	run(w, 20);
	assert_int_equal(w->a.downs, 1);
}

/* Who was told would ask the DC while there is no gateway. */
static void stop_tells_the_dc(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	exit_gate_stop(w->gate);
	run(w, 50);
	assert_int_equal(w->a.downs, 0);
	assert_int_equal(w->dc.downs, 1);
}

static void giving_up_tells_everybody(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	direct(w, &w->b);
	exit_gate_give_up(w->gate);
	run(w, 50);
	assert_int_equal(w->a.downs, 1);
	assert_int_equal(w->b.downs, 1);
	assert_int_equal(w->dc.downs, 1);
}

static void what_is_shown(void **state)
{
	struct world *w = *state;

	run(w, 100);
	direct(w, &w->a);
	node_sends(&w->a, "198.18.0.7", "198.51.100.1");
	node_sends(&w->a, "198.18.0.7", "10.0.0.1");
	json_t *status = exit_gate_status_json(w->gate), *peers = exit_gate_peers_json(w->gate);
	assert_int_equal(json_integer_value(json_object_get(status, "nodes")), 1);
	assert_int_equal(json_integer_value(
				 json_object_get(json_object_get(status, "drops"), "to_private")),
			 1);
	const json_t *peer = json_array_get(peers, 0);
	assert_string_equal(json_string_value(json_object_get(peer, "node")), "n7.ntm.example");
	assert_string_equal(json_string_value(json_object_get(peer, "via")), "192.0.2.7:4330");
	assert_int_equal(json_integer_value(json_object_get(peer, "packets_out")), 1);
	json_decref(status);
	json_decref(peers);
}

static void drops_are_in_the_manual(void **state)
{
	struct world *w = *state;
	json_t *status = exit_gate_status_json(w->gate);

	assert_in_manual(json_object_get(status, "drops"));
	json_decref(status);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_registers_as_a_node_and_sets_the_host_up),
		TEST(without_a_nodes_certificate_nothing_is_set_up),
		TEST(it_registers_again_when_its_addresses_change),
		TEST(packets_go_out_and_answers_come_back),
		TEST(a_node_speaks_as_itself_only),
		TEST(a_node_complains_of_its_own_packets_only),
		TEST(what_is_not_allowed_is_refused_with_icmp),
		TEST(large_packets_come_in_parts),
		TEST(the_dc_is_pinged_every_15_s_at_least),
		TEST(pings_inside_the_tunnel_are_answered),
		TEST(garbage_is_counted),
		TEST(only_nodes_of_the_domain_may_come),
		TEST(a_copy_changes_nothing),
		TEST(a_restarted_node_takes_its_place_again),
		TEST(a_node_with_a_new_key_replaces_the_old_one),
		TEST(nodes_are_bounded),
		TEST(an_idle_tunnel_ends),
		TEST(a_direction_ends_with_its_lifetime),
		TEST(a_revoked_node_goes_and_does_not_come_back),
		TEST(who_may_not_any_more_goes_at_once),
		TEST(a_revoked_gateway_leads_nobody),
		TEST(stop_tells_the_dc),
		TEST(giving_up_tells_everybody),
		TEST(what_is_shown),
		TEST(drops_are_in_the_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
