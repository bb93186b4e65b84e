/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of tunnels that have relays: how they come up, what is taken, and how they are healed. */
#include "tunnelworld.h"

#include "ntm/log.h"

#define STEP_MS 20

static char last_line[512];
static unsigned lines;

static void on_line(enum ntm_log_level level, const char *text, void *arg)
{
	(void)arg;
	if (level != NTM_LOG_INFO)
		return;
	lines++;
	snprintf(last_line, sizeof(last_line), "%s", text);
}

static struct tunnel *tunnel_of(struct side *s)
{
	return tunnel_find(s->tunnels, &other_of(s)->lease.vip4);
}

/* What both are told, with that many relays. */
struct direction {
	struct ntm_msg_route_direction pair;
	struct ntm_relay_list relays[2]; /* a's, b's */
};

static struct direction offer_from(struct world *w, size_t first, size_t count)
{
	struct direction d = {.pair = pair_new(w)};

	for (size_t i = 0; i < count; i++) {
		w->flows++;
		for (uint8_t side = 0; side < 2; side++)
			mock_relay_offer(&w->relay[first + i], w->flows, side,
					 &d.relays[side].item[i]);
	}
	d.relays[0].count = d.relays[1].count = (uint8_t)count;
	return d;
}

static struct ntm_msg msg_for(struct side *s, const struct direction *d, uint8_t role)
{
	struct ntm_msg msg = told(s, &d->pair, role);

	msg.route_direction.relays = d->relays[s == &s->world->b];
	return msg;
}

static void tell_cn(struct side *cn, const struct direction *d)
{
	struct ntm_msg msg = msg_for(cn, d, NTM_ROLE_ANSWERS);

	tunnels_on_route_direction(cn->tunnels, &msg);
}

static void answer_mn(struct side *mn, uint32_t n, const struct direction *d)
{
	struct ntm_msg msg = msg_for(mn, d, NTM_ROLE_REQUESTS);

	msg.is_reply = true;
	answer(mn, n, 0, &msg);
}

static void direct_by(struct world *w, size_t first, size_t count)
{
	struct direction d = offer_from(w, first, count);

	tell_cn(&w->b, &d);
	answer_mn(&w->a, w->a.dc.count - 1, &d);
}

static struct world *world_alone(void)
{
	struct world *w = world_new();

	w->a.is_alone = w->b.is_alone = true;
	ntm_log_set_sink(on_line, NULL);
	lines = 0;
	assert_int_equal(want_name(&w->a, w->b.lease.fqdn, NULL), 0);
	return w;
}

static struct world *world_relayed(size_t relays)
{
	struct world *w = world_alone();

	direct_by(w, 0, relays);
	run(w, 600);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	assert_int_equal(state_of(&w->b, &w->a.lease.vip4), TUNNEL_UP);
	return w;
}

static void assert_goes(struct side *s, bool is_relayed, const struct ntm_addr *via)
{
	bool relayed;
	struct ntm_addr at = tunnel_via(tunnel_of(s), &relayed);

	assert_int_equal(relayed, is_relayed);
	assert_true(ntm_addr_eq(&at, via));
}

static void send_rtp(struct side *s, const struct ntm_ip *dst)
{
	static const uint8_t rtp[160] = {0x80};
	struct ntm_pkt pkt;

	make_udp(s, dst, rtp, sizeof(rtp), &pkt);
	tunnel_send(s->tunnels, dst, &pkt);
}

/* Both sides talk; the longest time, in steps, that either has heard nothing. */
static int64_t talk(struct world *w, int64_t ms)
{
	int64_t gap[2] = {0}, longest = 0;

	for (int64_t t = 0; t < ms; t += STEP_MS) {
		w->a.inner = w->b.inner = 0;
		send_rtp(&w->a, &w->b.lease.vip4);
		send_rtp(&w->b, &w->a.lease.vip4);
		run(w, STEP_MS);
		gap[0] = w->a.inner > 0 ? 0 : gap[0] + STEP_MS;
		gap[1] = w->b.inner > 0 ? 0 : gap[1] + STEP_MS;
		for (size_t i = 0; i < 2; i++)
			longest = gap[i] > longest ? gap[i] : longest;
	}
	return longest;
}

static unsigned moves_asked(const struct side *s)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < s->dc.count; i++)
		count += s->dc.asks[i].msg.direction_request.reason == NTM_REASON_MOVE;
	return count;
}

/* ---- coming up ---- */

static void a_tunnel_comes_up_through_a_relay(void **state)
{
	struct world *w = world_relayed(1);

	(void)state;
	assert_goes(&w->a, true, &w->relay[0].addr[0]);
	assert_goes(&w->b, true, &w->relay[0].addr[0]);
	assert_non_null(strstr(last_line, "through the relay 203.0.113.1:4331"));
	send_mark(&w->a, &w->b.lease.vip4, 3);
	send_mark(&w->b, &w->a.lease.vip6, 4);
	run(w, 100);
	assert_int_equal(w->b.marks[0], 3);
	assert_int_equal(w->a.marks[0], 4);
	assert_int_equal(relays_count(w->a.relays), 1);
	world_free(w);
}

/* MN is bound first: its Tunnel Request does not wait for the next round when CN is bound as well.
 */
static void the_peer_is_bound_late(void **state)
{
	static const int64_t late_ms[] = {30, 60, 110, 210, 290};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct world *w = world_alone();
		struct direction d = offer_from(w, 0, 2);

		answer_mn(&w->a, 0, &d);
		run(w, late_ms[i]);
		assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_CONNECTING);
		tell_cn(&w->b, &d);
		/* Two round trips to the relay, one to the peer, and what is left to wait. */
		run(w, 4 * DELAY_MS + 4 * DELAY_MS + (late_ms[i] < 150 ? 50 : 110));
		assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
		world_free(w);
	}
}

/* CN has asked the relay when it says that it is ready. */
static void bindings_are_asked_for_with_the_acknowledgement(void **state)
{
	struct world *w = world_alone();
	struct direction d = offer_from(w, 0, 2);

	(void)state;
	assert_int_equal(relays_counters(w->b.relays)->binds, 0);
	tell_cn(&w->b, &d);
	assert_int_equal(w->b.dc.acks, 1);
	assert_int_equal(relays_counters(w->b.relays)->binds, 2);
	/* A copy changes nothing. */
	tell_cn(&w->b, &d);
	assert_int_equal(w->b.dc.acks, 2);
	assert_int_equal(relays_counters(w->b.relays)->binds, 2);
	assert_int_equal(relays_count(w->b.relays), 2);
	world_free(w);
}

static void a_direct_path_is_taken_when_there_is_one(void **state)
{
	struct world *w = world_alone();

	(void)state;
	direct_by(w, 0, 1);
	run(w, 300);
	assert_goes(&w->a, true, &w->relay[0].addr[0]);
	w->a.is_alone = w->b.is_alone = false;
	assert_int_equal(talk(w, 3000), 0);
	assert_goes(&w->a, false, &w->b.addr);
	assert_goes(&w->b, false, &w->a.addr);
	assert_non_null(strstr(last_line, "goes direct to"));
	/* It goes bad: back to the relay, without asking anybody. */
	unsigned asked = moves_asked(&w->a);
	w->a.is_alone = w->b.is_alone = true;
	assert_true(talk(w, 2000) <= 300);
	assert_goes(&w->a, true, &w->relay[0].addr[0]);
	assert_non_null(strstr(last_line, "goes through the relay 203.0.113.1:4331 now"));
	assert_int_equal(moves_asked(&w->a), asked);
	assert_int_equal(w->a.starvings, 0);
	world_free(w);
}

/* The way was shut when the tunnel came up; a call finds it open later, an idle tunnel does not
 * look. */
static void a_direct_path_is_tried_again_in_a_call(void **state)
{
	struct world *w = world_relayed(1);

	(void)state;
	assert_int_equal(talk(w, 5000), 0);
	assert_goes(&w->a, true, &w->relay[0].addr[0]);
	w->a.is_alone = w->b.is_alone = false;
	run(w, 60000);
	assert_goes(&w->a, true, &w->relay[0].addr[0]);
	assert_int_equal(talk(w, 10000), 0);
	assert_goes(&w->a, false, &w->b.addr);
	assert_goes(&w->b, false, &w->a.addr);
	world_free(w);
}

/* What is on its way to s through a relay comes from somebody else first. */
static void send_on_from(struct side *s, const struct ntm_addr *from)
{
	const struct flight *f = s->world->first;

	while (f != NULL && (f->to != s || f->data[0] != NTM_FRAME_RELAYED))
		f = f->next;
	assert_non_null(f);
	deliver(s, from, f->data + NTM_RELAYED_HEADER, f->len - NTM_RELAYED_HEADER);
}

/* A stranger can have us try his address for a moment, but not in the whole call. */
static void where_the_dc_says_nothing_of_is_not_tried_again(void **state)
{
	struct world *w = world_relayed(1);
	struct ntm_addr stranger;

	(void)state;
	assert_int_equal(ntm_addr_parse(&stranger, "198.51.100.66:6666", 0), 0);
	assert_int_equal(talk(w, 5000), 0);
	send_rtp(&w->b, &w->a.lease.vip4);
	run(w, DELAY_MS); /* it is at the relay, and goes on */
	send_on_from(&w->a, &stranger);
	assert_int_equal(talk(w, 2000), 0);
	unsigned astray = w->a.astray;
	assert_in_range(astray, 1, 6);
	assert_int_equal(talk(w, 60000), 0);
	assert_int_equal(w->a.astray, astray);
	world_free(w);
}

static void shut(struct world *w, bool is_shut)
{
	w->a.is_alone = w->b.is_alone = is_shut;
}

/* A NAT that was restarted has another outside, which the DC knows by then and the peer does not.
 * Less and less often, as long as it does not help. */
static void a_lost_direct_path_is_asked_for_in_a_call(void **state)
{
	struct world *w = world_alone();

	(void)state;
	direct_by(w, 0, 1);
	shut(w, false);
	talk(w, 6000);
	assert_goes(&w->a, false, &w->b.addr);
	shut(w, true);
	talk(w, 25000);
	assert_goes(&w->a, true, &w->relay[0].addr[0]);
	assert_int_equal(moves_asked(&w->a), 0);
	talk(w, 15000);
	assert_int_equal(moves_asked(&w->a), 1);
	answer_error(&w->a, w->a.dc.count - 1, NTM_DIR_OFFLINE, "offline");
	talk(w, 45000);
	assert_int_equal(moves_asked(&w->a), 1);
	talk(w, 25000);
	assert_int_equal(moves_asked(&w->a), 2);
	answer_error(&w->a, w->a.dc.count - 1, NTM_DIR_OFFLINE, "offline");
	run(w, 115000); /* nobody needs it */
	assert_int_equal(moves_asked(&w->a), 2);
	talk(w, 6000);
	assert_int_equal(moves_asked(&w->a), 3);
	/* Found again; the next loss is asked about as soon as the first. */
	shut(w, false);
	direct_by(w, 0, 1);
	talk(w, 11000);
	assert_goes(&w->a, false, &w->b.addr);
	shut(w, true);
	talk(w, 25000);
	assert_int_equal(moves_asked(&w->a), 3);
	talk(w, 15000);
	assert_int_equal(moves_asked(&w->a), 4);
	world_free(w);
}

/* No common family: relays are all there is. */
static void a_direction_may_have_relays_alone(void **state)
{
	struct world *w = world_alone();
	struct direction d = offer_from(w, 0, 1);
	struct ntm_msg mn = msg_for(&w->a, &d, NTM_ROLE_REQUESTS);
	struct ntm_msg cn = msg_for(&w->b, &d, NTM_ROLE_ANSWERS);

	(void)state;
	mn.is_reply = true;
	mn.route_direction.candidates.count = cn.route_direction.candidates.count = 0;
	tunnels_on_route_direction(w->b.tunnels, &cn);
	answer(&w->a, 0, 0, &mn);
	run(w, 300);
	assert_goes(&w->a, true, &w->relay[0].addr[0]);
	assert_goes(&w->b, true, &w->relay[0].addr[0]);
	world_free(w);
}

static void a_direction_that_offers_what_cannot_be_bound_goes_without(void **state)
{
	struct world *w = world_new();
	struct direction d = offer_from(w, 0, 2);

	(void)state;
	want_name(&w->a, w->b.lease.fqdn, NULL);
	for (size_t i = 0; i < 2; i++)
		d.relays[0].item[i].addr[0].ip = ntm_ip_v4(127, 0, 0, 1);
	tell_cn(&w->b, &d);
	answer_mn(&w->a, 0, &d);
	run(w, 300);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	assert_int_equal(relays_count(w->a.relays), 0);
	assert_goes(&w->a, false, &w->b.addr);
	world_free(w);
}

/* ---- failing to ---- */

static void failures_say_what_was_tried(void **state)
{
	(void)state;
	for (unsigned dead = 0; dead < 2; dead++) {
		struct world *w = world_alone();
		struct direction d = offer_from(w, 0, 1);
		struct waiter waiter;

		w->relay[0].is_dead = dead;
		want_name(&w->a, w->b.lease.fqdn, &waiter);
		answer_mn(&w->a, 0, &d);
		run(w, 5000);
		assert_int_equal(waiter.calls, 1);
		assert_non_null(strstr(waiter.words,
				       dead ? "neither the peer nor the relay 203.0.113.1:4331"
					    : "neither directly nor through"));
		assert_int_equal(relays_count(w->a.relays), 0);
		world_free(w);
	}
}

static void a_missing_relay_is_asked_for_again_soon(void **state)
{
	struct world *w = world_new();

	(void)state;
	want_name(&w->a, w->b.lease.fqdn, NULL);
	answer_error(&w->a, 0, NTM_DIR_NO_RELAY, "no relay");
	run(w, TUNNEL_NO_RELAY_MS - 10);
	assert_int_equal(want_name(&w->a, w->b.lease.fqdn, NULL), -EHOSTUNREACH);
	run(w, 20);
	assert_int_equal(want_name(&w->a, w->b.lease.fqdn, NULL), 0);
	assert_true(TUNNEL_NO_RELAY_MS == 2000);
	world_free(w);
}

static json_t *shown(struct side *s)
{
	json_t *all = tunnels_json(s->tunnels), *tunnel = json_incref(json_array_get(all, 0));

	json_decref(all);
	return tunnel;
}

static void assert_last_failure(struct side *s, const char *words)
{
	json_t *all = tunnels_errors_json(s->tunnels);
	const char *newest = json_string_value(json_object_get(json_array_get(all, 0), "words"));

	assert_non_null(newest);
	assert_non_null(strstr(newest, words));
	json_decref(all);
}

/* The only relay dies in a call: `tunnels` and `status` say that nothing comes, and why. */
static void a_silent_tunnel_says_why(void **state)
{
	struct world *w = world_relayed(1);

	(void)state;
	talk(w, 1000);
	assert_false(tunnel_is_silent(tunnel_of(&w->a)));
	w->relay[0].is_dead = true;
	talk(w, 2000);
	assert_true(tunnel_is_silent(tunnel_of(&w->a)));
	json_t *tunnel = shown(&w->a);
	assert_true(json_is_true(json_object_get(tunnel, "silent")));
	assert_null(json_object_get(tunnel, "error"));
	json_decref(tunnel);
	answer_error(&w->a, w->a.dc.count - 1, NTM_DIR_NO_RELAY, "none of the 1 relays answers");
	tunnel = shown(&w->a);
	assert_string_equal(json_string_value(json_object_get(tunnel, "error")),
			    "none of the 1 relays answers");
	json_decref(tunnel);
	assert_last_failure(&w->a, "none of the 1 relays answers");
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	/* Offline may be for seconds, as in a move: the tunnel waits. */
	talk(w, 2000);
	answer_error(&w->a, w->a.dc.count - 1, NTM_DIR_OFFLINE, "b.ntm.example is offline");
	tunnel = shown(&w->a);
	assert_string_equal(json_string_value(json_object_get(tunnel, "error")),
			    "b.ntm.example is offline");
	json_decref(tunnel);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	/* Or the DC knows nothing of it, as with a firewall in front of the relay. */
	talk(w, 2000);
	struct direction d = offer_from(w, 0, 1);
	answer_mn(&w->a, w->a.dc.count - 1, &d);
	talk(w, 6000);
	assert_last_failure(&w->a, "nor the relay 203.0.113.1:4331 answered");
	mock_relay_restart(&w->relay[0]);
	talk(w, 2000);
	assert_false(tunnel_is_silent(tunnel_of(&w->a)));
	tunnel = shown(&w->a);
	assert_null(json_object_get(tunnel, "silent"));
	assert_null(json_object_get(tunnel, "error"));
	json_decref(tunnel);
	/* Once more, while nobody speaks and nobody asks: those words were of another time. */
	talk(w, 10000);
	tunnels_set_keepalive(w->a.tunnels, 15000);
	w->relay[0].is_dead = true;
	run(w, 60000);
	tunnel = shown(&w->a);
	assert_true(json_is_true(json_object_get(tunnel, "silent")));
	assert_null(json_object_get(tunnel, "error"));
	json_decref(tunnel);
	world_free(w);
}

/* ---- life ---- */

static unsigned releases(const struct world *w)
{
	return w->relay[0].releases + w->relay[1].releases;
}

/* And the relays hear that they are over. */
static void bindings_last_as_long_as_their_link(void **state)
{
	struct world *w = world_relayed(2);

	(void)state;
	assert_int_equal(relays_count(w->a.relays), 2);
	/* A new direction: its own bindings, until it takes over. */
	assert_int_equal(tunnel_ask(tunnel_of(&w->a), NTM_REASON_MOVE), 0);
	direct_by(w, 0, 2);
	assert_int_equal(relays_count(w->a.relays), 4);
	assert_int_equal(relays_count(w->b.relays), 4);
	assert_int_equal(releases(w), 0);
	talk(w, TUNNEL_OLDER_MS + 1000);
	assert_int_equal(relays_count(w->a.relays), 2);
	assert_int_equal(relays_count(w->b.relays), 2);
	assert_int_equal(releases(w), 4);
	/* A direction that does not come up. */
	assert_int_equal(tunnel_ask(tunnel_of(&w->a), NTM_REASON_MOVE), 0);
	struct direction d = offer_from(w, 0, 1);
	answer_mn(&w->a, w->a.dc.count - 1, &d);
	assert_int_equal(relays_count(w->a.relays), 3);
	assert_int_equal(talk(w, 6000), 0);
	assert_int_equal(relays_count(w->a.relays), 2);
	assert_int_equal(releases(w), 5);
	/* The end. */
	tunnels_stop(w->a.tunnels);
	assert_int_equal(relays_count(w->a.relays), 0);
	run(w, 100);
	assert_int_equal(relays_count(w->b.relays), 0);
	assert_int_equal(releases(w), 9);
	world_free(w);
}

static void the_spare_takes_over_without_asking_anybody(void **state)
{
	struct world *w = world_relayed(2);

	(void)state;
	assert_int_equal(talk(w, 3000), 0);
	bool is_second;
	struct ntm_addr at = tunnel_via(tunnel_of(&w->a), &is_second);
	is_second = ntm_addr_eq(&at, &w->relay[1].addr[0]);
	w->relay[is_second].is_dead = true;
	assert_true(talk(w, 3000) <= 300);
	assert_goes(&w->a, true, &w->relay[!is_second].addr[0]);
	assert_int_equal(w->a.starvings + w->b.starvings, 0);
	assert_int_equal(moves_asked(&w->a) + moves_asked(&w->b), 0);
	/* It is back, empty: the bindings are re-made, as a spare. */
	mock_relay_restart(&w->relay[is_second]);
	assert_int_equal(talk(w, 6000), 0);
	assert_true(w->relay[is_second].flow[0].side[0].is_bound);
	assert_true(w->relay[is_second].flow[0].side[1].is_bound);
	world_free(w);
}

/* Before the last relay dies as well. Once: what the DC has not, it has not. */
static void another_spare_is_asked_for(void **state)
{
	struct world *w = world_relayed(2);

	(void)state;
	talk(w, 1000);
	w->relay[0].is_dead = true;
	talk(w, 4000);
	assert_int_equal(moves_asked(&w->a), 0);
	talk(w, 12000);
	assert_int_equal(moves_asked(&w->a), 1);
	talk(w, 30000);
	assert_int_equal(moves_asked(&w->a), 1);
	world_free(w);
}

/* What is on its way when the newer link takes over still arrives. */
static void a_new_direction_loses_nothing(void **state)
{
	struct world *w = world_relayed(2);

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(tunnel_ask(tunnel_of(&w->a), NTM_REASON_MOVE), 0);
		direct_by(w, 0, 2);
		assert_true(talk(w, 500) <= STEP_MS);
	}
	world_free(w);
}

static void without_a_spare_the_relays_return_heals_within_a_second(void **state)
{
	static const int64_t away_ms[] = {300, 1500, 4700, 20000};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct world *w = world_relayed(1);

		assert_int_equal(talk(w, 2000), 0);
		w->relay[0].is_dead = true;
		talk(w, away_ms[i]);
		mock_relay_restart(&w->relay[0]);
		assert_true(talk(w, 2000) <= 1000);
		assert_int_equal(talk(w, 2000), 0);
		assert_int_equal(w->a.starvings, away_ms[i] >= 1500);
		world_free(w);
	}
}

static void who_starves_asks_the_dc(void **state)
{
	struct world *w = world_relayed(1);

	(void)state;
	assert_int_equal(talk(w, 2000), 0);
	w->relay[0].is_dead = true;
	talk(w, 2500);
	assert_int_equal(w->a.starvings, 1);
	assert_int_equal(moves_asked(&w->a), 1);
	/* Every 2 s, as long as it says that there is none. */
	for (unsigned i = 2; i < 6; i++) {
		answer_error(&w->a, w->a.dc.count - 1, NTM_DIR_NO_RELAY, "no relay");
		talk(w, 2000);
		assert_int_equal(moves_asked(&w->a), i);
	}
	/* Another relay. */
	direct_by(w, 1, 1);
	talk(w, 600);
	assert_int_equal(talk(w, 1000), 0);
	assert_goes(&w->a, true, &w->relay[1].addr[0]);
	unsigned asked = moves_asked(&w->a);
	assert_int_equal(talk(w, 5000), 0);
	assert_int_equal(moves_asked(&w->a), asked);
	world_free(w);
}

/* The call is over: nobody is asked any more, until somebody speaks. */
static void who_is_silent_does_not_starve_loudly(void **state)
{
	struct world *w = world_relayed(1);

	(void)state;
	assert_int_equal(talk(w, 2000), 0);
	w->relay[0].is_dead = true;
	talk(w, 2500);
	for (uint32_t i = 0; i < w->a.dc.count; i++)
		w->a.dc.asks[i].is_open = false;
	run(w, 15000);
	unsigned asked = moves_asked(&w->a);
	uint64_t binds = relays_counters(w->a.relays)->binds;
	run(w, 60000);
	assert_int_equal(moves_asked(&w->a), asked);
	/* Every 2 s still, and out of turn every 5 s. */
	assert_in_range(relays_counters(w->a.relays)->binds - binds, 29, 37);
	mock_relay_restart(&w->relay[0]);
	assert_true(talk(w, 8000) <= 2000);
	assert_int_equal(talk(w, 2000), 0);
	world_free(w);
}

/* ---- what is shown ---- */

static const char *text_of(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static void paths_are_shown(void **state)
{
	struct world *w = world_relayed(2);

	(void)state;
	talk(w, 3000);
	json_t *list = tunnels_json(w->a.tunnels);
	const json_t *shown = json_array_get(list, 0);
	assert_string_equal(text_of(shown, "path"), "relay");
	assert_non_null(strstr(text_of(shown, "via"), "203.0.113."));
	const json_t *paths = json_object_get(shown, "paths"), *path;
	assert_int_equal(json_array_size(paths), 3);
	size_t i, current = 0;
	json_array_foreach(paths, i, path)
	{
		if (strcmp(text_of(path, "path"), "direct") == 0) {
			assert_string_equal(text_of(path, "via"), "192.0.2.2:4330");
			assert_string_equal(text_of(path, "state"), "unknown");
			assert_int_equal(json_integer_value(json_object_get(path, "rtt_ms")), -1);
			continue;
		}
		assert_string_equal(text_of(path, "state"), "works");
		assert_int_equal(json_integer_value(json_object_get(path, "rtt_ms")), 4 * DELAY_MS);
		assert_int_equal(json_integer_value(json_object_get(path, "loss_pct")), 0);
		if (json_is_true(json_object_get(path, "current"))) {
			current++;
			assert_string_equal(text_of(path, "via"), text_of(shown, "via"));
		}
	}
	assert_int_equal(current, 1);
	assert_int_equal(json_integer_value(json_object_get(shown, "rtt_ms")), 4 * DELAY_MS);
	assert_int_equal(json_integer_value(json_object_get(shown, "loss_pct")), 0);
	json_decref(list);
	world_free(w);
}

static void assert_not_direct(struct side *s, const char *part)
{
	json_t *list = tunnels_json(s->tunnels);
	const char *words = text_of(json_array_get(list, 0), "not_direct");

	if (part == NULL)
		assert_null(words);
	else
		assert_non_null(strstr(words, part));
	json_decref(list);
}

/* Whoever asks why a call is relayed is told. */
static void a_relayed_tunnel_says_why(void **state)
{
	struct world *w = world_relayed(2);

	(void)state;
	talk(w, 3000);
	assert_not_direct(&w->a, "the peer has answered at none of its addresses");
	shut(w, false);
	talk(w, 30000);
	assert_goes(&w->a, false, &w->b.addr);
	assert_not_direct(&w->a, NULL);
	shut(w, true);
	talk(w, 3000);
	assert_not_direct(&w->a, "has stopped to answer");
	world_free(w);

	w = world_alone();
	struct direction d = offer_from(w, 0, 1);
	struct ntm_msg mn = msg_for(&w->a, &d, NTM_ROLE_REQUESTS);
	mn.is_reply = true;
	mn.route_direction.candidates.count = 0;
	tell_cn(&w->b, &d);
	answer(&w->a, 0, 0, &mn);
	run(w, 300);
	assert_not_direct(&w->a, "no address family in common");
	world_free(w);
}

/* ---- keepalive ---- */

static void live_links_take_another_keepalive(void **state)
{
	struct world *w = world_up();

	(void)state;
	run(w, 15000);
	unsigned before = w->a.frames;
	run(w, 40000);
	assert_int_equal(w->a.frames, before);
	tunnels_set_keepalive(w->a.tunnels, 20000);
	run(w, 81000);
	assert_in_range(w->a.frames - before, 4, 8);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tunnel_comes_up_through_a_relay),
		cmocka_unit_test(the_peer_is_bound_late),
		cmocka_unit_test(bindings_are_asked_for_with_the_acknowledgement),
		cmocka_unit_test(a_direct_path_is_taken_when_there_is_one),
		cmocka_unit_test(a_direct_path_is_tried_again_in_a_call),
		cmocka_unit_test(where_the_dc_says_nothing_of_is_not_tried_again),
		cmocka_unit_test(a_lost_direct_path_is_asked_for_in_a_call),
		cmocka_unit_test(a_direction_may_have_relays_alone),
		cmocka_unit_test(a_direction_that_offers_what_cannot_be_bound_goes_without),
		cmocka_unit_test(failures_say_what_was_tried),
		cmocka_unit_test(a_silent_tunnel_says_why),
		cmocka_unit_test(a_missing_relay_is_asked_for_again_soon),
		cmocka_unit_test(bindings_last_as_long_as_their_link),
		cmocka_unit_test(the_spare_takes_over_without_asking_anybody),
		cmocka_unit_test(another_spare_is_asked_for),
		cmocka_unit_test(a_new_direction_loses_nothing),
		cmocka_unit_test(without_a_spare_the_relays_return_heals_within_a_second),
		cmocka_unit_test(who_starves_asks_the_dc),
		cmocka_unit_test(who_is_silent_does_not_starve_loudly),
		cmocka_unit_test(paths_are_shown),
		cmocka_unit_test(a_relayed_tunnel_says_why),
		cmocka_unit_test(live_links_take_another_keepalive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
