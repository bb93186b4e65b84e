/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the negotiation of tunnels: Route Directions, early Tunnel Requests, merging. */
#include "tunnelworld.h"

static size_t tunnel_count(const struct side *s)
{
	return s->tunnels->count;
}

static struct ntm_link_stats traffic_of(struct side *s, const struct ntm_ip *vip)
{
	struct ntm_link_stats stats;

	tunnel_traffic(tunnel_find(s->tunnels, vip), &stats);
	return stats;
}

/* ---- whom a Route Direction may name ---- */

enum flaw {
	OTHER_ROOT,
	NO_NODE,
	TOO_OLD,
	TOO_NEW,
	FOREIGN_NAME,
	FOREIGN_VIP4,
	FOREIGN_VIP6,
	NO_VIP,
	OUR_VIP,
	OUR_KEY,
	CUT,
	FLAWS
};

static void spoil(struct side *to, enum flaw flaw, struct ntm_msg_route_direction *rd)
{
	struct ntm_cert cert = other_of(to)->cert;
	struct ntm_root other, *root = &to->world->root;

	if (flaw == OTHER_ROOT) {
		ntm_root_make(&other);
		root = &other;
	} else if (flaw == NO_NODE) {
		cert.type = NTM_CERT_RELAY;
		cert.vip4 = cert.vip6 = (struct ntm_ip){0};
	} else if (flaw == TOO_OLD) {
		cert.not_after_s = WALL_MS / 1000 - NTM_CERT_SKEW_S - 1;
	} else if (flaw == TOO_NEW) {
		cert.not_before_s = WALL_MS / 1000 + NTM_CERT_SKEW_S + 10;
	} else if (flaw == FOREIGN_NAME) {
		strcpy(cert.fqdn, "b.other.example");
	} else if (flaw == FOREIGN_VIP4) {
		cert.vip4 = ntm_ip_v4(192, 168, 0, 2);
	} else if (flaw == FOREIGN_VIP6) {
		cert.vip6.b[1] = 1;
	} else if (flaw == NO_VIP) {
		cert.vip4 = cert.vip6 = (struct ntm_ip){0};
	} else if (flaw == OUR_VIP) {
		cert.vip4 = to->lease.vip4;
	} else if (flaw == OUR_KEY) {
		memcpy(cert.key, to->lease.keys.pub, NTM_KEY_LEN);
	}
	rd->peer_cert.len = (uint16_t)ntm_cert_sign(&cert, root, rd->peer_cert.data);
	if (flaw == CUT)
		rd->peer_cert.len--;
}

/* security.md A4: the DC alone cannot name a peer. */
static void a_peer_is_believed_by_its_certificate_only(void **state)
{
	(void)state;
	for (enum flaw flaw = 0; flaw < FLAWS; flaw++) {
		struct world *w = world_new();
		struct waiter waiter;
		struct ntm_msg_route_direction pair = pair_new(w);
		struct ntm_msg msg = told(&w->a, &pair, NTM_ROLE_REQUESTS);

		/* As CN: not acknowledged, nothing is left. */
		spoil(&w->a, flaw, &msg.route_direction);
		tunnels_on_route_direction(w->a.tunnels, &msg);
		assert_int_equal(w->a.dc.acks, 0);
		assert_int_equal(tunnel_count(&w->a), 0);
		/* As MN: it fails at once. */
		assert_int_equal(want_name(&w->a, "b.ntm.example", &waiter), 0);
		answer(&w->a, 0, 0, &msg);
		assert_int_equal(waiter.calls, 1);
		assert_int_equal(waiter.err, -EKEYREJECTED);
		assert_true(strlen(waiter.words) > 0);
		assert_int_equal(w->a.initiations, 0);
		assert_int_equal(tunnels_counters(w->a.tunnels)->bad_route_directions, 2);
		world_free(w);
	}
}

static void an_answer_about_another_peer_is_refused(void **state)
{
	struct world *w = world_new();
	struct waiter by_name, by_vip4, by_vip6;
	struct ntm_ip vip6 = w->b.lease.vip6;

	(void)state;
	vip6.b[15] = 88;
	want_name(&w->a, "c.ntm.example", &by_name);
	want_vip(&w->a, &(struct ntm_ip){.family = 4, .b = {198, 18, 0, 88}}, &by_vip4);
	want_vip(&w->a, &vip6, &by_vip6);
	for (uint32_t i = 0; i < 3; i++)
		direct(&w->a, i);
	assert_int_equal(by_name.calls + by_vip4.calls + by_vip6.calls, 3);
	assert_int_equal(by_name.err, -EPROTO);
	assert_int_equal(by_vip4.err, -EPROTO);
	assert_int_equal(by_vip6.err, -EPROTO);
	assert_int_equal(w->a.initiations, 0);
	assert_null(tunnel_find(w->a.tunnels, &w->b.lease.vip4));
	world_free(w);
}

static void a_direction_without_a_way_fails_the_asking(void **state)
{
	struct world *w = world_new();
	struct waiter waiter;
	struct ntm_msg_route_direction pair = pair_new(w);
	struct ntm_msg msg = told(&w->a, &pair, NTM_ROLE_REQUESTS);

	(void)state;
	msg.route_direction.candidates.count = 0;
	want_vip(&w->a, &w->b.lease.vip4, &waiter);
	answer(&w->a, 0, 0, &msg);
	assert_int_equal(waiter.calls, 1);
	assert_int_equal(waiter.err, -EINVAL);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_FAILED);
	run(w, TUNNEL_NEGATIVE_MS + 1);
	assert_int_equal(tunnel_count(&w->a), 0);
	/* Unasked: no tunnel stays either. */
	tunnels_on_route_direction(w->a.tunnels, &msg);
	assert_int_equal(w->a.dc.acks, 0);
	run(w, 1);
	assert_int_equal(tunnel_count(&w->a), 0);
	world_free(w);
}

static void senseless_candidates_are_left_out(void **state)
{
	struct world *w = world_new();
	struct ntm_msg_route_direction pair = pair_new(w);
	struct ntm_msg msg = told(&w->a, &pair, NTM_ROLE_REQUESTS);
	struct ntm_addr_list *to = &msg.route_direction.candidates;
	struct waiter waiter;

	(void)state;
	to->count = 5;
	to->item[0] = (struct ntm_addr){ntm_ip_v4(127, 0, 0, 1), 5060};
	to->item[1] = (struct ntm_addr){ntm_ip_v4(224, 0, 0, 251), 5353};
	to->item[2] = (struct ntm_addr){ntm_ip_v4(255, 255, 255, 255), 67};
	to->item[3] = (struct ntm_addr){w->b.addr.ip, 0};
	to->item[4] = w->b.addr;
	want_vip(&w->a, &w->b.lease.vip4, &waiter);
	tell(&w->b, &pair, NTM_ROLE_ANSWERS);
	answer(&w->a, 0, 0, &msg);
	assert_int_equal(w->a.initiations, 1);
	run(w, 100);
	assert_int_equal(waiter.calls, 1);
	assert_int_equal(waiter.err, 0);
	world_free(w);
}

/* The waits have moved by then. */
static void a_direction_without_a_way_fails_those_that_were_merged(void **state)
{
	struct world *w = world_new();
	struct waiter by_name, by_vip;
	struct ntm_msg_route_direction pair = pair_new(w);
	struct ntm_msg msg = told(&w->a, &pair, NTM_ROLE_REQUESTS);

	(void)state;
	msg.route_direction.candidates.count = 0;
	want_vip(&w->a, &w->b.lease.vip4, &by_vip);
	want_name(&w->a, "b.ntm.example", &by_name);
	answer(&w->a, 1, 0, &msg);
	assert_int_equal(by_name.calls, 1);
	assert_int_equal(by_vip.calls, 1);
	assert_int_equal(by_vip.err, -EINVAL);
	assert_int_equal(tunnel_count(&w->a), 1);
	world_free(w);
}

static void a_useless_direction_does_not_end_what_is_under_way(void **state)
{
	struct world *w = world_new();
	struct waiter waiter;

	(void)state;
	want_name(&w->a, "b.ntm.example", &waiter);
	direct(&w->a, 0);
	struct ntm_msg_route_direction pair = pair_new(w);
	struct ntm_msg msg = told(&w->a, &pair, NTM_ROLE_REQUESTS);
	msg.route_direction.candidates.count = 0;
	tunnels_on_route_direction(w->a.tunnels, &msg);
	run(w, 100);
	assert_int_equal(waiter.calls, 1);
	assert_int_equal(waiter.err, 0);
	world_free(w);
}

/* ---- copies ---- */

static void a_copy_is_acknowledged_and_changes_nothing(void **state)
{
	struct world *w = world_new();
	struct ntm_msg_route_direction pair = pair_new(w);

	(void)state;
	tell(&w->b, &pair, NTM_ROLE_ANSWERS);
	tell(&w->b, &pair, NTM_ROLE_ANSWERS);
	tell(&w->a, &pair, NTM_ROLE_REQUESTS);
	tell(&w->a, &pair, NTM_ROLE_REQUESTS);
	run(w, 100);
	tell(&w->a, &pair, NTM_ROLE_REQUESTS);
	run(w, 100);
	assert_int_equal(w->a.dc.acks, 3);
	assert_memory_equal(w->a.dc.last_ack.route_ack.pair, pair.pair, NTM_PAIR_LEN);
	assert_int_equal(w->b.dc.acks, 2);
	assert_int_equal(w->a.initiations, 1);
	assert_int_equal(ntm_links_count(w->a.links), 1);
	world_free(w);
}

static void a_late_copy_does_not_replace_the_newer_one(void **state)
{
	struct world *w = world_new();
	struct ntm_msg_route_direction old = pair_new(w), new = pair_new(w);

	(void)state;
	tell(&w->a, &old, NTM_ROLE_REQUESTS);
	tell(&w->a, &new, NTM_ROLE_REQUESTS);
	tell(&w->a, &old, NTM_ROLE_REQUESTS);
	assert_int_equal(w->a.dc.acks, 3);
	tell(&w->b, &new, NTM_ROLE_ANSWERS);
	run(w, 100);
	struct tunnel *tunnel = tunnel_find_up(w->a.tunnels, &w->b.lease.vip4);
	assert_non_null(tunnel);
	assert_memory_equal(ntm_link_pair(tunnel_link(tunnel)), new.pair, NTM_PAIR_LEN);
	world_free(w);
}

/* The DC gives both the same pair (crossing directions), also to the slower one. */
static void an_answer_may_repeat_a_pair_that_failed(void **state)
{
	struct world *w = world_new();
	struct waiter waiter;
	struct ntm_msg_route_direction pair = pair_new(w);

	(void)state;
	tell(&w->b, &pair, NTM_ROLE_ANSWERS);
	run(w, 3100);
	assert_int_equal(state_of(&w->b, &w->a.lease.vip4), TUNNEL_FAILED);
	want_vip(&w->b, &w->a.lease.vip4, NULL);
	run(w, TUNNEL_NEGATIVE_MS - 50);
	want_name(&w->a, "b.ntm.example", NULL);
	run(w, 49);
	assert_int_equal(state_of(&w->b, &w->a.lease.vip4), TUNNEL_IDLE);
	assert_int_equal(want_vip(&w->b, &w->a.lease.vip4, &waiter), 0);
	struct ntm_msg msg = told(&w->b, &pair, NTM_ROLE_ANSWERS);
	answer(&w->b, 0, 0, &msg);
	msg = told(&w->a, &pair, NTM_ROLE_REQUESTS);
	answer(&w->a, 0, 0, &msg);
	run(w, 100);
	assert_int_equal(waiter.calls, 1);
	assert_int_equal(waiter.err, 0);
	world_free(w);
}

static void an_answer_may_repeat_a_pair_that_was_up(void **state)
{
	struct world *w = world_up();
	struct ntm_msg_route_direction pair = {.pair = {w->pairs}, .psk = {0x80 + w->pairs}};
	struct ntm_msg msg = told(&w->b, &pair, NTM_ROLE_REQUESTS);

	(void)state;
	tunnels_stop(w->a.tunnels);
	set_time(w, w->timers.now_ms + DELAY_MS);
	deliver_first(w); /* CLOSE */
	assert_int_equal(want_name(&w->b, "a.ntm.example", NULL), 0);
	tunnels_on_route_direction(w->b.tunnels, &msg); /* a copy of the first */
	assert_int_equal(ntm_links_count(w->b.links), 0);
	answer(&w->b, 0, 0, &msg);
	assert_int_equal(ntm_links_count(w->b.links), 1);
	assert_int_equal(state_of(&w->b, &w->a.lease.vip4), TUNNEL_CONNECTING);
	world_free(w);
}

/* ---- both at once ---- */

static void crossing_directions_make_one_tunnel(void **state)
{
	struct world *w = world_new();
	struct waiter a, b;
	struct ntm_msg_route_direction pair = pair_new(w);
	struct ntm_msg msg;

	(void)state;
	want_name(&w->a, "b.ntm.example", &a);
	want_vip(&w->b, &w->a.lease.vip4, &b);
	tell(&w->b, &pair, NTM_ROLE_ANSWERS);
	msg = told(&w->b, &pair, NTM_ROLE_ANSWERS);
	answer(&w->b, 0, 0, &msg);
	msg = told(&w->a, &pair, NTM_ROLE_REQUESTS);
	answer(&w->a, 0, 0, &msg);
	run(w, 100);
	assert_int_equal(a.err + b.err, 0);
	assert_int_equal(a.calls + b.calls, 2);
	assert_int_equal(tunnel_count(&w->a) + tunnel_count(&w->b), 2);
	assert_int_equal(ntm_links_count(w->a.links), 1);
	world_free(w);
}

static void a_name_and_a_vip_of_one_peer_meet(void **state)
{
	struct world *w = world_new();
	struct waiter by_name, by_vip4, by_vip6;

	(void)state;
	want_name(&w->a, "b.ntm.example", &by_name);
	run(w, 20);
	want_vip(&w->a, &w->b.lease.vip4, &by_vip4);
	want_vip(&w->a, &w->b.lease.vip6, &by_vip6);
	send_mark(&w->a, &w->b.lease.vip6, 1);
	send_mark(&w->a, &w->b.lease.vip4, 2);
	assert_int_equal(w->a.dc.count, 3);
	direct(&w->a, 1);
	assert_int_equal(tunnel_count(&w->a), 1);
	assert_int_equal(w->a.dc.cancels, 2);
	run(w, 100);
	assert_int_equal(by_name.calls + by_vip4.calls + by_vip6.calls, 3);
	assert_int_equal(by_name.err | by_vip4.err | by_vip6.err, 0);
	assert_int_equal(by_name.direction_ms, 20 + 2 * DELAY_MS); /* of the oldest trigger */
	assert_int_equal(w->b.inner, 2);
	world_free(w);
}

static void merging_keeps_the_bound_of_the_queue(void **state)
{
	struct world *w = world_new();

	(void)state;
	for (uint8_t i = 0; i < TUNNEL_QUEUE_PACKETS; i++) {
		send_mark(&w->a, &w->b.lease.vip4, i);
		send_mark(&w->a, &w->b.lease.vip6, i);
	}
	direct(&w->a, 0);
	run(w, 100);
	assert_int_equal(w->b.inner, TUNNEL_QUEUE_PACKETS);
	assert_int_equal(tunnels_counters(w->a.tunnels)->queue_dropped, TUNNEL_QUEUE_PACKETS);
	/* And the queue is whole again. */
	send_mark(&w->a, &w->b.lease.vip4, 1);
	run(w, 100);
	assert_int_equal(w->b.inner, TUNNEL_QUEUE_PACKETS + 1);
	world_free(w);
}

/* What waits moves to where an answer comes, not to a failure that is remembered. */
static void merging_prefers_the_tunnel_that_gets_on(void **state)
{
	struct world *w = world_new();
	struct waiter waiter;

	(void)state;
	want_vip(&w->a, &w->b.lease.vip4, NULL);
	answer_error(&w->a, 0, NTM_DIR_OFFLINE, "offline");
	want_name(&w->a, "b.ntm.example", &waiter);
	struct ntm_msg_route_direction pair = pair_new(w);
	struct ntm_msg msg = told(&w->a, &pair, NTM_ROLE_REQUESTS);
	msg.route_direction.candidates.count = 0;
	answer(&w->a, 1, 0, &msg);
	assert_int_equal(waiter.calls, 1);
	world_free(w);
}

/* A peer that was given another name: it is found by both of its addresses. */
static void one_that_is_found_twice_is_merged_once(void **state)
{
	struct world *w = world_new();
	struct waiter waiter;

	(void)state;
	w->b.is_deaf = true;
	want_name(&w->a, "b.ntm.example", NULL);
	direct(&w->a, 0);
	run(w, 3100);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_FAILED);
	w->b.is_deaf = false;
	strcpy(w->b.cert.fqdn, "c.ntm.example");
	want_name(&w->a, "c.ntm.example", &waiter);
	direct(&w->a, 1);
	assert_int_equal(tunnel_count(&w->a), 1);
	run(w, 100);
	assert_int_equal(waiter.calls, 1);
	assert_int_equal(waiter.err, 0);
	assert_string_equal(tunnel_fqdn(tunnel_find_up(w->a.tunnels, &w->b.lease.vip6)),
			    "c.ntm.example");
	world_free(w);
}

/* A peer that was given another VIP: its tunnel is up already. */
static void nobody_waits_for_a_tunnel_that_is_up(void **state)
{
	struct world *w = world_up();
	struct waiter waiter;
	struct ntm_ip vip = ntm_ip_v4(198, 18, 0, 88);

	(void)state;
	want_vip(&w->a, &vip, &waiter);
	send_mark(&w->a, &vip, 5);
	w->b.cert.vip4 = vip;
	direct(&w->a, 1);
	assert_int_equal(tunnel_count(&w->a), 1);
	assert_int_equal(waiter.calls, 1);
	assert_int_equal(waiter.err, 0);
	run(w, 100);
	assert_int_equal(w->b.inner, 1);
	/* The former address is nobody's now. */
	assert_null(tunnel_find(w->a.tunnels, &w->b.lease.vip4));
	assert_ptr_equal(tunnel_find_up(w->a.tunnels, &vip), waiter.tunnel);
	world_free(w);
}

/* ---- a new direction while the tunnel is up ---- */

static void a_new_direction_takes_over_while_data_flows(void **state)
{
	struct world *w = world_up();
	struct ntm_msg_route_direction pair = pair_new(w);

	(void)state;
	send_mark(&w->a, &w->b.lease.vip4, 1);
	run(w, 50);
	tell(&w->b, &pair, NTM_ROLE_ANSWERS);
	tell(&w->a, &pair, NTM_ROLE_REQUESTS);
	for (uint8_t i = 2; i < 8; i++) {
		send_mark(&w->a, &w->b.lease.vip4, i);
		assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
		assert_int_equal(state_of(&w->b, &w->a.lease.vip4), TUNNEL_UP);
		run(w, 10);
	}
	send_mark(&w->b, &w->a.lease.vip4, 9);
	run(w, 50);
	assert_int_equal(w->b.inner, 7);
	assert_int_equal(w->a.inner, 1);
	struct tunnel *tunnel = tunnel_find_up(w->a.tunnels, &w->b.lease.vip4);
	assert_memory_equal(ntm_link_pair(tunnel_link(tunnel)), pair.pair, NTM_PAIR_LEN);
	/* The former one is listened to for a while. */
	assert_int_equal(ntm_links_count(w->a.links), 2);
	run(w, TUNNEL_OLDER_MS);
	assert_int_equal(ntm_links_count(w->a.links), 1);
	/* Counted over both links. */
	assert_int_equal(traffic_of(&w->a, &w->b.lease.vip4).packets_out, 7);
	assert_int_equal(traffic_of(&w->a, &w->b.lease.vip4).packets_in, 1);
	assert_int_equal(traffic_of(&w->a, &w->b.lease.vip4).handshakes, 2);
	assert_int_equal(tunnels_counters(w->a.tunnels)->ups, 1);
	world_free(w);
}

static void a_new_direction_that_fails_leaves_the_tunnel_up(void **state)
{
	struct world *w = world_up();
	struct ntm_msg_route_direction pair = pair_new(w);

	(void)state;
	tell(&w->a, &pair, NTM_ROLE_REQUESTS); /* the peer never hears of it */
	run(w, 4000);
	assert_int_equal(ntm_links_count(w->a.links), 1);
	send_mark(&w->a, &w->b.lease.vip4, 1);
	run(w, 50);
	assert_int_equal(w->b.inner, 1);
	world_free(w);
}

static void a_new_direction_takes_over_when_the_old_link_ends(void **state)
{
	struct world *w = world_up();
	struct waiter waiter;

	(void)state;
	run(w, 500);
	struct ntm_msg_route_direction pair = pair_new(w);
	tell(&w->a, &pair, NTM_ROLE_ANSWERS);
	tunnels_stop(w->b.tunnels); /* a restart */
	run(w, DELAY_MS);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_CONNECTING);
	assert_int_equal(want_vip(&w->a, &w->b.lease.vip4, &waiter), 0);
	run(w, 30);
	tell(&w->b, &pair, NTM_ROLE_REQUESTS);
	run(w, 100);
	assert_int_equal(waiter.calls, 1);
	assert_int_equal(waiter.err, 0);
	assert_int_equal(waiter.direction_ms, 30 + 3 * DELAY_MS); /* since the old link ended */
	assert_int_equal(tunnels_counters(w->a.tunnels)->ups, 2);
	assert_int_equal(tunnels_counters(w->a.tunnels)->downs, 1);
	world_free(w);
}

static void a_peer_that_was_restarted_is_taken_back(void **state)
{
	struct world *w = world_up();

	(void)state;
	/* Without a word. */
	tunnels_free(w->b.tunnels);
	struct tunnels_args args = {.links = w->b.links,
				    .timers = &w->timers,
				    .dclink = &w->b.dc,
				    .realm = &w->b.realm,
				    .settings = &w->b.settings,
				    .tun_write = on_tun_write,
				    .ctx = &w->b};
	w->b.tunnels = tunnels_new(&args);
	want_name(&w->b, "a.ntm.example", NULL);
	direct(&w->b, 0);
	run(w, 100);
	send_mark(&w->a, &w->b.lease.vip4, 1);
	run(w, 50);
	assert_int_equal(w->b.inner, 1);
	assert_int_equal(tunnel_count(&w->a), 1);
	world_free(w);
}

static void links_keep_our_nat_open(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->a.dc.keepalive_ms = 15000;
	want_name(&w->a, "b.ntm.example", NULL);
	direct(&w->a, 0);
	run(w, 20000);
	uint64_t out = ntm_links_counters(w->a.links)->frames_out;
	run(w, 45000);
	assert_true(ntm_links_counters(w->a.links)->frames_out >= out + 3);
	world_free(w);
}

/* ---- how long a direction is good for ---- */

/* A tunnel in use for so long, a mark a second each way; what got lost is counted. */
static unsigned use(struct world *w, unsigned seconds)
{
	unsigned lost = 0;

	for (unsigned i = 0; i < seconds; i++) {
		w->a.inner = w->b.inner = 0;
		send_mark(&w->a, &w->b.lease.vip4, 1);
		send_mark(&w->b, &w->a.lease.vip4, 1);
		run(w, 1000);
		lost += 2 - (unsigned)(w->a.inner + w->b.inner);
	}
	return lost;
}

static void direct_for(struct world *w, uint32_t n, uint32_t lifetime_s)
{
	struct ntm_msg_route_direction pair = pair_new(w);
	struct ntm_msg msg;

	pair.lifetime_s = lifetime_s;
	tell(&w->b, &pair, NTM_ROLE_ANSWERS);
	msg = told(&w->a, &pair, NTM_ROLE_REQUESTS);
	msg.is_reply = true;
	answer(&w->a, n, 0, &msg);
}

static void a_tunnel_is_directed_anew_in_time(void **state)
{
	struct world *w = world_new();

	(void)state;
	want_name(&w->a, "b.ntm.example", NULL);
	direct_for(w, 0, 400);
	run(w, 100);
	assert_int_equal(use(w, 290), 0);
	assert_int_equal(w->a.dc.count, 1);
	assert_int_equal(use(w, 20), 0);
	assert_int_equal(w->a.dc.count, 2);
	assert_int_equal(ask_of(&w->a, 1)->reason, NTM_REASON_MOVE);
	direct_for(w, 1, 400);
	assert_int_equal(use(w, 280), 0);
	assert_int_equal(w->a.dc.count, 2);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	world_free(w);
}

/* The DC gives none: revoked there, say, or away for too long. */
static void a_tunnel_ends_with_its_direction(void **state)
{
	struct world *w = world_new();

	(void)state;
	want_name(&w->a, "b.ntm.example", NULL);
	direct_for(w, 0, 400);
	run(w, 100);
	assert_int_equal(use(w, 310), 0);
	for (uint32_t n = 1; n < 3; n++) { /* once a minute */
		assert_int_equal(w->a.dc.count, n + 1);
		answer(&w->a, n, -ETIMEDOUT, NULL);
		assert_int_equal(use(w, n == 1 ? 60 : 20), 0);
	}
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	run(w, 15000);
	assert_int_not_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	assert_int_not_equal(state_of(&w->b, &w->a.lease.vip4), TUNNEL_UP);
	world_free(w);
}

/* A domain may give its nodes certificates for ever. */
static void a_certificate_without_an_end_ends_no_tunnel(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->b.cert.not_after_s = INT64_MAX - NTM_CERT_SKEW_S;
	assert_int_equal(want_name(&w->a, w->b.lease.fqdn, NULL), 0);
	direct(&w->a, 0);
	run(w, 60000);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	assert_int_equal(tunnel_find(w->a.tunnels, &w->b.lease.vip4)->life.until_ms,
			 1000 + 86400000);
	world_free(w);
}

/* The peer has joined anew, on another host: what goes to its name and address is for that. */
static void a_key_that_was_replaced_keeps_no_link(void **state)
{
	struct world *w = world_up();
	struct ntm_msg_route_direction pair = pair_new(w);
	struct ntm_keys keys;

	(void)state;
	ntm_keys_make(&keys);
	memcpy(w->b.cert.key, keys.pub, NTM_KEY_LEN);
	tell(&w->a, &pair, NTM_ROLE_REQUESTS);
	send_mark(&w->a, &w->b.lease.vip4, 1);
	run(w, 100);
	assert_int_equal(w->b.inner, 0);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_CONNECTING);
	assert_int_equal(w->b.closes_in, 1);
	/* The new host is not there: nor is the old one taken for it then. */
	run(w, 4000);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_FAILED);
	world_free(w);
}

/* ---- Tunnel Requests that come before their Route Direction ---- */

static void an_early_tunnel_request_is_kept(void **state)
{
	struct world *w = world_new();
	struct ntm_msg_route_direction pair = pair_new(w);

	(void)state;
	tell(&w->a, &pair, NTM_ROLE_REQUESTS);
	run(w, 50);
	assert_int_equal(tunnels_counters(w->b.tunnels)->early_requests, 1);
	tell(&w->b, &pair, NTM_ROLE_ANSWERS);
	run(w, 2 * DELAY_MS); /* less than A's next copy */
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	assert_int_equal(w->a.initiations, 1);
	world_free(w);
}

static void an_old_tunnel_request_is_not_answered(void **state)
{
	struct world *w = world_new();
	struct ntm_msg_route_direction pair = pair_new(w);

	(void)state;
	tell(&w->a, &pair, NTM_ROLE_REQUESTS);
	run(w, 1420); /* all four copies */
	assert_int_equal(w->a.initiations, NTM_RETRY_SENDINGS);
	run(w, TUNNEL_EARLY_MS + 10);
	uint64_t sent = ntm_links_counters(w->b.links)->frames_out;
	tell(&w->b, &pair, NTM_ROLE_ANSWERS);
	assert_int_equal(ntm_links_counters(w->b.links)->frames_out, sent);
	world_free(w);
}

static void copies_take_one_place_and_the_oldest_goes_first(void **state)
{
	struct world *w = world_new();
	uint8_t pair[NTM_PAIR_LEN] = {0}, frame[256] = {0};
	uint8_t long_frame[257] = {0};
	bool seen[TUNNEL_EARLY + 2] = {false};

	(void)state;
	for (uint8_t i = 1; i <= TUNNEL_EARLY + 1; i++) {
		pair[0] = i;
		for (unsigned copy = 0; copy < 3; copy++) {
			run(w, 1);
			tunnels_on_unknown_pair(w->a.tunnels, pair, &w->b.addr, frame,
						sizeof(frame));
		}
	}
	pair[0] = 99;
	tunnels_on_unknown_pair(w->a.tunnels, pair, &w->b.addr, long_frame, sizeof(long_frame));
	for (size_t i = 0; i < TUNNEL_EARLY; i++) {
		assert_in_range(w->a.tunnels->early[i].pair[0], 2, TUNNEL_EARLY + 1);
		seen[w->a.tunnels->early[i].pair[0]] = true;
	}
	for (size_t i = 2; i <= TUNNEL_EARLY + 1; i++)
		assert_true(seen[i]);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_is_believed_by_its_certificate_only),
		cmocka_unit_test(an_answer_about_another_peer_is_refused),
		cmocka_unit_test(a_direction_without_a_way_fails_the_asking),
		cmocka_unit_test(a_direction_without_a_way_fails_those_that_were_merged),
		cmocka_unit_test(senseless_candidates_are_left_out),
		cmocka_unit_test(a_useless_direction_does_not_end_what_is_under_way),
		cmocka_unit_test(a_copy_is_acknowledged_and_changes_nothing),
		cmocka_unit_test(a_late_copy_does_not_replace_the_newer_one),
		cmocka_unit_test(an_answer_may_repeat_a_pair_that_failed),
		cmocka_unit_test(an_answer_may_repeat_a_pair_that_was_up),
		cmocka_unit_test(crossing_directions_make_one_tunnel),
		cmocka_unit_test(a_name_and_a_vip_of_one_peer_meet),
		cmocka_unit_test(merging_keeps_the_bound_of_the_queue),
		cmocka_unit_test(merging_prefers_the_tunnel_that_gets_on),
		cmocka_unit_test(one_that_is_found_twice_is_merged_once),
		cmocka_unit_test(nobody_waits_for_a_tunnel_that_is_up),
		cmocka_unit_test(a_new_direction_takes_over_while_data_flows),
		cmocka_unit_test(a_new_direction_that_fails_leaves_the_tunnel_up),
		cmocka_unit_test(a_new_direction_takes_over_when_the_old_link_ends),
		cmocka_unit_test(a_peer_that_was_restarted_is_taken_back),
		cmocka_unit_test(a_tunnel_is_directed_anew_in_time),
		cmocka_unit_test(a_tunnel_ends_with_its_direction),
		cmocka_unit_test(a_certificate_without_an_end_ends_no_tunnel),
		cmocka_unit_test(a_key_that_was_replaced_keeps_no_link),
		cmocka_unit_test(links_keep_our_nat_open),
		cmocka_unit_test(an_early_tunnel_request_is_kept),
		cmocka_unit_test(an_old_tunnel_request_is_not_answered),
		cmocka_unit_test(copies_take_one_place_and_the_oldest_goes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
