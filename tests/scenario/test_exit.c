/* SPDX-License-Identifier: BSD-2-Clause */
/* Ordinary servers through a gateway (R140): moves, restarts, permission, and what stays shut. */
#include "sim_exit.h"
#include "sim_two.h"

#include "node_priv.h"

#include "ntm/dnsmsg.h"

#define DOMAIN   "ntm.example"
#define PROVIDER "sip.provider.example"
#define SERVER   "198.51.100.7"
#define GATEWAY  "192.0.2.40"

static char title[] = "gw", name[] = "provider.example";

struct scene {
	struct sim *sim;
	struct sim_dc *dc;
	struct sim_exit *gw;
	struct sim_server *server;
	struct sim_nat *home, *cafe;
	struct sim_node *alice;
	struct exits_conf exits; /* alice's */
	/* A stream that alice sends to the server, every 20 ms. */
	struct ntm_timer timer;
	unsigned sent;
	unsigned in; /* answers, as of the last look */
	int64_t last_ms, gap_ms;
};

static struct ntm_prefix prefix_of(const char *text)
{
	struct ntm_prefix prefix;

	assert_int_equal(ntm_prefix_parse(&prefix, text), 0);
	return prefix;
}

/* alice joined, behind her home's NAT, and not started yet. */
static struct scene *scene_new(void **state, enum sim_nat_kind kind, const char *prefix)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->sim = *state;
	s->dc = sim_dc_new(s->sim, DOMAIN, "192.0.2.1");
	s->gw = sim_exit_new(s->dc, &s->sim->internet, GATEWAY, "gw");
	s->server = sim_server_new(s->sim, SERVER);
	s->home = sim_nat_new(s->sim, kind, "203.0.113.1");
	s->cafe = sim_nat_new(s->sim, kind, "203.0.113.2");
	s->alice = sim_node_new(s->dc, &s->home->inside, "10.0.0.2", "alice");
	s->exits.count = 1;
	s->exits.item[0] =
		(struct exit_conf){.title = title, .names = {.count = 1, .item = {name}}};
	if (prefix != NULL) {
		s->exits.item[0].prefixes.count = 1;
		s->exits.item[0].prefixes.item[0] = prefix_of(prefix);
	}
	s->alice->settings.exits = &s->exits;
	return s;
}

static void scene_free(struct scene *s)
{
	ntm_timer_del(&s->sim->timers, &s->timer);
	for (struct sim_node *node = s->sim->nodes; node != NULL; node = node->next)
		sim_node_kill(node); /* they borrow s->exits */
	free(s);
}

static bool is_registered(void *arg)
{
	const struct sim_node *node = arg;

	return node_is_registered(node->node);
}

static struct scene *scene_up(void **state, enum sim_nat_kind kind)
{
	struct scene *s = scene_new(state, kind, "198.51.100.0/24");

	sim_dc_exit(s->dc, s->alice->fqdn, true);
	sim_node_start(s->alice);
	assert_true(sim_until(s->sim, is_registered, s->alice, 5000));
	return s;
}

/* ---- what a node says ---- */

static void say(struct sim_node *node, const char *ip, const char *text)
{
	const struct ntm_addr to = sim_addr(ip, 5060);

	sim_udp(node, 40000, &to, text, strlen(text));
}

static bool hears(struct scene *s, struct sim_node *node, const char *ip, const char *text)
{
	unsigned before = node->data_in;

	say(node, ip, text);
	sim_run(s->sim, 500);
	return node->data_in == before + 1 && strcmp(node->data, text) == 0;
}

static void nothing(void *arg, const struct tunnel_result *result)
{
	(void)arg;
	(void)result;
}

/* Past the node's own rules about who speaks and where to: a node that is another program. */
static void say_by_force(struct scene *s, const char *src, const char *dst)
{
	struct tunnel_wait wait = {.fn = nothing};
	const struct ntm_addr from = sim_addr(src, 40000), to = sim_addr(dst, 5060);
	struct ntm_pkt pkt;

	ntm_pkt_reset(&pkt);
	ntm_pkt_put(&pkt, ntm_ippkt_build_udp(pkt.data, ntm_pkt_room(&pkt), &from, &to, "x", 1));
	tunnel_send_name(s->alice->node->tunnels, "gw." DOMAIN, &pkt, &wait);
	assert_null(wait.tunnel); /* there was a tunnel */
	sim_run(s->sim, 500);
}

static void note_answers(struct scene *s)
{
	if (s->alice->data_in == s->in)
		return;
	s->in = s->alice->data_in;
	if (s->last_ms != 0 && s->alice->data_ms - s->last_ms > s->gap_ms)
		s->gap_ms = s->alice->data_ms - s->last_ms;
	s->last_ms = s->alice->data_ms;
}

static void on_timer(void *arg)
{
	struct scene *s = arg;

	note_answers(s);
	ntm_timer_set(&s->sim->timers, &s->timer, 20);
	say(s->alice, SERVER, "rtp");
	s->sent++;
}

static void stream(struct scene *s)
{
	ntm_timer_init(&s->timer, on_timer, s);
	on_timer(s);
	sim_run(s->sim, 3000);
	assert_true(s->sent - s->in < 25); /* under way: until the tunnel was up, and now */
	s->gap_ms = 0;
}

static void end_stream(struct scene *s)
{
	ntm_timer_del(&s->sim->timers, &s->timer);
	note_answers(s);
}

static bool is_heard(void *arg)
{
	const struct scene *s = arg;

	return s->alice->data_in > s->in;
}

/* How long until the server is heard again. */
static int64_t wait_for_answers(struct scene *s, int64_t limit_ms)
{
	int64_t begin_ms = sim_now(s->sim);

	note_answers(s);
	if (!sim_until(s->sim, is_heard, s, limit_ms))
		fail_msg("nothing from the server for %lld ms", (long long)limit_ms);
	return sim_now(s->sim) - begin_ms;
}

static const char *words_of(const struct sim_node *node, char buf[static 300])
{
	json_t *status = node_status_json(node->node);
	const json_t *exit = json_array_get(json_object_get(status, "exits"), 0);
	const char *words = json_string_value(json_object_get(exit, "words"));

	snprintf(buf, 300, "%s", words != NULL ? words : "");
	json_decref(status);
	return buf;
}

static size_t nodes_at(const struct sim_exit *gw)
{
	json_t *peers = exit_gate_peers_json(gw->gate);
	size_t count = json_array_size(peers);

	json_decref(peers);
	return count;
}

static uint64_t looped(const struct sim_node *node)
{
	return node->node->counters.looped;
}

/* ---- to a server, and back ---- */

static void a_prefix(void **state)
{
	struct scene *s = scene_up(state, SIM_SYMMETRIC);

	assert_true(hears(s, s->alice, SERVER, "hello"));
	assert_true(ntm_addr_eq(&s->alice->data_from, &s->server->addr));
	assert_true(ntm_ip_eq(&s->server->seen.ip, &s->gw->addr.ip));
	assert_int_equal(s->server->came, 1);
	assert_int_equal(s->gw->set_ups, 1);
	assert_int_equal(nodes_at(s->gw), 1);
	/* What is no exit's does not go there. */
	struct sim_server *other = sim_server_new(s->sim, "198.51.101.7");
	say(s->alice, "198.51.101.7", "x");
	sim_run(s->sim, 500);
	assert_int_equal(other->came, 0);
	assert_int_equal(s->alice->icmp_in, 1);
	assert_int_equal(s->gw->out, 1);
	scene_free(s);
}

/* The route stands before the application hears the address. */
static void a_name(void **state)
{
	struct scene *s = scene_new(state, SIM_SYMMETRIC, NULL);
	struct sim_lookup lookup;
	const struct ntm_prefix one = prefix_of(SERVER "/32");

	sim_dc_exit(s->dc, s->alice->fqdn, true);
	s->alice->has_upstream = true;
	sim_dns_lie(s->sim, PROVIDER, NTM_DNS_A, "", SERVER);
	sim_node_start(s->alice);
	assert_true(sim_until(s->sim, is_registered, s->alice, 5000));
	say(s->alice, SERVER, "x");
	sim_run(s->sim, 500);
	assert_int_equal(s->server->came, 0);
	sim_resolve(s->alice, PROVIDER, NTM_DNS_A, &lookup);
	sim_run(s->sim, 500);
	assert_true(lookup.answered_ms > 0);
	assert_true(ntm_ip_eq(&lookup.ip, &s->server->addr.ip));
	assert_true(exit_routes_find(&s->alice->routes, &one) < s->alice->routes.count);
	assert_true(hears(s, s->alice, SERVER, "hello"));
	scene_free(s);
}

static void answers_do_not_go_astray(void **state)
{
	struct scene *s = scene_up(state, SIM_PORT_RESTRICTED);
	struct sim_node *bob = sim_node_new(s->dc, &s->cafe->inside, "10.0.0.2", "bob");

	sim_dc_exit(s->dc, bob->fqdn, true);
	bob->settings.exits = &s->exits;
	sim_node_start(bob);
	assert_true(sim_until(s->sim, is_registered, bob, 5000));
	for (unsigned i = 0; i < 20; i++) {
		say(s->alice, SERVER, "a");
		say(bob, SERVER, "b");
		sim_run(s->sim, 100);
		assert_true(s->alice->data_in == 0 || strcmp(s->alice->data, "a") == 0);
		assert_true(bob->data_in == 0 || strcmp(bob->data, "b") == 0);
	}
	sim_run(s->sim, 500);
	assert_int_equal(s->alice->data_in, 20);
	assert_int_equal(bob->data_in, 20);
	assert_int_equal(s->gw->flow_count, 2);
	scene_free(s);
}

/* ---- moves ---- */

/* docs/exit.md: silent for a round trip, and never for long. */
static void moved(void **state, enum sim_nat_kind kind, bool to_open)
{
	struct scene *s = scene_up(state, kind);

	stream(s);
	sim_node_move(s->alice, to_open ? &s->sim->internet : &s->cafe->inside,
		      to_open ? "203.0.113.77" : "10.0.0.9");
	sim_run(s->sim, 5000);
	int64_t first_ms = s->gap_ms;
	sim_node_move(s->alice, &s->home->inside, "10.0.0.3");
	sim_run(s->sim, 5000);
	end_stream(s);
	print_message("# nat %d%s: silent for %lld ms, and %lld ms at most\n", (int)kind,
		      to_open ? " to the open" : "", (long long)first_ms, (long long)s->gap_ms);
	assert_in_range(s->gap_ms, 20, 300);
	assert_int_equal(s->server->others, 0);
	assert_int_equal(s->gw->flow_count, 1);
	assert_int_equal(nodes_at(s->gw), 1);
	scene_free(s);
}

static void a_move(void **state)
{
	moved(state, SIM_FULL_CONE, false);
}

static void a_move_between_symmetric_nats(void **state)
{
	moved(state, SIM_SYMMETRIC, false);
}

static void a_move_out_of_a_nat(void **state)
{
	moved(state, SIM_PORT_RESTRICTED, true);
}

static void a_move_without_a_dc(void **state)
{
	struct scene *s = scene_up(state, SIM_SYMMETRIC);

	stream(s);
	sim_dc_kill(s->dc);
	sim_run(s->sim, 30000);
	sim_node_move(s->alice, &s->cafe->inside, "10.0.0.9");
	sim_run(s->sim, 60000);
	end_stream(s);
	assert_in_range(s->gap_ms, 20, 300);
	assert_int_equal(s->server->others, 0);
	scene_free(s);
}

/* Its addresses are lost, and the one of before is somebody else's. */
static void a_long_way(void **state)
{
	struct scene *s = scene_up(state, SIM_SYMMETRIC);
	char ip[32];

	s->sim->internet.medium.loss = 20;
	s->sim->internet.medium.jitter_ms = 10;
	stream(s);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(ip, sizeof(ip), "10.0.0.%u", 10 + i);
		sim_node_move(s->alice, i % 2 ? &s->home->inside : &s->cafe->inside, ip);
		sim_run(s->sim, 3000);
	}
	end_stream(s);
	assert_true(s->gap_ms < 1500);
	assert_int_equal(s->server->others, 0);
	scene_free(s);
}

/* ---- the gateway goes, and comes back ---- */

static void the_gateway_is_restarted(void **state)
{
	struct scene *s = scene_up(state, SIM_SYMMETRIC);

	static const int64_t away_ms[] = {100, 1000, 5000};

	stream(s);
	for (size_t i = 0; i < 3; i++) {
		sim_exit_stop(s->gw);
		sim_run(s->sim, away_ms[i]);
		sim_exit_start(s->gw);
		int64_t took_ms = wait_for_answers(s, 20000);
		print_message("# stopped for %lld ms: answers %lld ms after the start\n",
			      (long long)away_ms[i], (long long)took_ms);
		assert_true(took_ms < 3000);
		sim_run(s->sim, 5000);
	}
	assert_int_equal(s->server->others, 0);
	assert_int_equal(s->gw->set_ups, 4);
	end_stream(s);
	scene_free(s);
}

/* Programs hear that nothing goes out, and the user why. */
static void the_gateway_is_stopped_for_good(void **state)
{
	struct scene *s = scene_up(state, SIM_SYMMETRIC);
	char words[300];

	stream(s);
	sim_exit_stop(s->gw);
	sim_run(s->sim, 1000);
	unsigned in = s->alice->data_in;
	sim_run(s->sim, 190000); /* a session's life */
	assert_int_equal(s->alice->data_in, in);
	assert_true(s->alice->icmp_in > 0);
	sim_assert_says(words_of(s->alice, words), "gw.ntm.example is not online");
	sim_assert_says(words, "is ntm-relay running there?");
	end_stream(s);
	scene_free(s);
}

static void the_gateway_has_a_power_cut(void **state)
{
	static const int64_t away_ms[] = {200, 3000, 20000, 120000};
	struct scene *s = scene_up(state, SIM_PORT_RESTRICTED);

	stream(s);
	for (size_t i = 0; i < 4; i++) {
		sim_exit_kill(s->gw);
		sim_run(s->sim, away_ms[i]);
		sim_exit_start(s->gw);
		int64_t took_ms = wait_for_answers(s, 20000);
		assert_true(took_ms < 3000);
		print_message("# away for %lld ms: answers %lld ms after the start\n",
			      (long long)away_ms[i], (long long)took_ms);
		sim_run(s->sim, 2000);
	}
	assert_int_equal(s->server->others, 0);
	assert_int_equal(nodes_at(s->gw), 1);
	end_stream(s);
	scene_free(s);
}

/* ---- permission ---- */

static void without_permission_nothing(void **state)
{
	struct scene *s = scene_new(state, SIM_SYMMETRIC, "198.51.100.0/24");
	char words[300];

	sim_node_start(s->alice);
	assert_true(sim_until(s->sim, is_registered, s->alice, 5000));
	for (unsigned i = 0; i < 100; i++) {
		say(s->alice, SERVER, "x");
		sim_run(s->sim, 200);
	}
	assert_int_equal(s->server->came, 0);
	assert_int_equal(s->gw->out, 0);
	assert_int_equal(nodes_at(s->gw), 0);
	assert_true(s->alice->icmp_in > 0);
	sim_assert_says(words_of(s->alice, words), "ntm-dc node exit alice.ntm.example on");
	/* What the operator says counts at once; the node asks again after 5 s. */
	sim_dc_exit(s->dc, s->alice->fqdn, true);
	sim_run(s->sim, 5000);
	assert_true(hears(s, s->alice, SERVER, "hello"));
	assert_string_equal(words_of(s->alice, words), "");
	scene_free(s);
}

/* The stream goes on, from the node's side; nothing of it may come out. */
static void assert_ended(struct scene *s, int64_t after_ms)
{
	sim_run(s->sim, after_ms);
	unsigned came = s->server->came, in = s->alice->data_in;

	sim_run(s->sim, 30000);
	assert_int_equal(s->server->came, came);
	assert_int_equal(s->alice->data_in, in);
	assert_int_equal(nodes_at(s->gw), 0);
}

static void permission_is_taken_away(void **state)
{
	struct scene *s = scene_up(state, SIM_SYMMETRIC);
	char words[300];

	stream(s);
	sim_dc_exit(s->dc, s->alice->fqdn, false);
	assert_ended(s, 100);
	sim_assert_says(words_of(s->alice, words), "ntm-dc node exit alice.ntm.example on");
	assert_true(node_is_registered(s->alice->node)); /* as a node it stays */
	sim_dc_exit(s->dc, s->alice->fqdn, true);
	assert_true(wait_for_answers(s, 6000) > 0);
	assert_int_equal(s->server->others, 0);
	end_stream(s);
	scene_free(s);
}

/* The tunnel needs no DC: the gateway ends it as soon as it hears of it. */
static void taken_away_while_the_gateway_is_cut_off(void **state)
{
	struct scene *s = scene_up(state, SIM_SYMMETRIC);

	stream(s);
	sim_cut(s->sim, "192.0.2.1", GATEWAY);
	sim_run(s->sim, 60000);
	sim_dc_exit(s->dc, s->alice->fqdn, false);
	sim_run(s->sim, 5000);
	assert_int_equal(nodes_at(s->gw), 1);
	sim_heal(s->sim);
	assert_ended(s, 20000);
	end_stream(s);
	scene_free(s);
}

static void a_revoked_node(void **state)
{
	struct scene *s = scene_up(state, SIM_SYMMETRIC);

	stream(s);
	sim_dc_revoke(s->dc, s->alice->fqdn);
	assert_ended(s, 100);
	/* Nor does a gateway that starts anew take it. */
	sim_exit_kill(s->gw);
	sim_exit_start(s->gw);
	assert_ended(s, 5000);
	end_stream(s);
	scene_free(s);
}

static void a_revoked_gateway(void **state)
{
	struct scene *s = scene_up(state, SIM_SYMMETRIC);

	stream(s);
	sim_dc_revoke(s->dc, "gw." DOMAIN);
	assert_ended(s, 1000);
	end_stream(s);
	scene_free(s);
}

/* ---- what stays shut ---- */

static const char *const shut[][2] = {
	{GATEWAY, "to_gateway"},          {"127.0.0.1", "to_unusable"},
	{"127.0.0.53", "to_unusable"},    {"169.254.169.254", "to_unusable"},
	{"0.0.0.0", "to_unusable"},       {"255.255.255.255", "to_unusable"},
	{"10.1.2.3", "to_private"},       {"172.16.0.1", "to_private"},
	{"192.168.1.1", "to_private"},    {"100.64.0.1", "to_private"},
	{"198.19.0.1", "to_private"},     {"198.18.0.1", "to_virtual"},
	{"198.18.255.254", "to_virtual"},
};
#define SHUT (sizeof(shut) / sizeof(shut[0]))

static void nothing_but_ordinary_servers(void **state)
{
	struct scene *s = scene_up(state, SIM_SYMMETRIC);
	char vip[NTM_IP_STR], gateway_vip[NTM_IP_STR];

	assert_true(hears(s, s->alice, SERVER, "hello"));
	ntm_ip_str(&s->alice->lease.vip4, vip);
	for (size_t i = 0; i < SHUT; i++) {
		unsigned drops = sim_exit_drops(s->gw, shut[i][1]);

		say_by_force(s, vip, shut[i][0]);
		assert_int_equal(sim_exit_drops(s->gw, shut[i][1]), drops + 1);
		assert_int_equal(s->gw->out, 1);
	}
	unsigned virtual = sim_exit_drops(s->gw, "to_virtual");
	say_by_force(s, vip, ntm_ip_str(&s->gw->net.vip4, gateway_vip));
	assert_int_equal(sim_exit_drops(s->gw, "to_virtual"), virtual + 1);
	say_by_force(s, vip, "203.0.113.2"); /* a NAT, as any other host */
	assert_int_equal(s->gw->out, 2);
	scene_free(s);
}

/* Private networks are the operator's to open; the rest is nobody's. */
static void private_networks_when_they_are_allowed(void **state)
{
	struct scene *s = scene_up(state, SIM_SYMMETRIC);
	struct sim_server *intranet = sim_server_new(s->sim, "10.1.2.3");
	uint64_t out = 0;
	char vip[NTM_IP_STR];

	sim_exit_kill(s->gw);
	s->gw->allow_private = true;
	sim_exit_start(s->gw);
	sim_run(s->sim, 3000);
	assert_true(hears(s, s->alice, SERVER, "hello"));
	ntm_ip_str(&s->alice->lease.vip4, vip);
	out = s->gw->out;
	for (size_t i = 0; i < SHUT; i++) {
		say_by_force(s, vip, shut[i][0]);
		out += strcmp(shut[i][1], "to_private") == 0;
		assert_int_equal(s->gw->out, out);
	}
	assert_int_equal(intranet->came, 1);
	scene_free(s);
}

static void a_node_speaks_as_itself_only(void **state)
{
	static const char *const others[] = {"198.18.0.77", "198.18.0.1", "10.0.0.2",
					     "203.0.113.1", GATEWAY,      SERVER};
	struct scene *s = scene_up(state, SIM_SYMMETRIC);
	struct sim_node *bob = sim_node_up(s->dc, &s->cafe->inside, "10.0.0.2", "bob");
	char vip[NTM_IP_STR];

	assert_true(hears(s, s->alice, SERVER, "hello"));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		say_by_force(s, others[i], SERVER);
		assert_int_equal(sim_exit_drops(s->gw, "spoofed"), i + 1);
	}
	say_by_force(s, ntm_ip_str(&bob->lease.vip4, vip), SERVER);
	assert_int_equal(sim_exit_drops(s->gw, "spoofed"), 7);
	assert_int_equal(s->gw->out, 1);
	assert_int_equal(s->server->came, 1);
	scene_free(s);
}

/* Nobody's packets come to a node but those of servers that it reaches there. */
static void nobody_else_comes_in(void **state)
{
	struct scene *s = scene_up(state, SIM_SYMMETRIC);
	struct sim_server *other = sim_server_new(s->sim, "198.51.101.7");

	assert_true(hears(s, s->alice, SERVER, "hello"));
	const struct ntm_addr port = s->server->seen;
	sim_send(&s->sim->internet, &other->addr, &port, (const uint8_t *)"x", 1);
	sim_send(&s->sim->internet, &other->addr, &s->gw->addr, (const uint8_t *)"x", 1);
	sim_run(s->sim, 500);
	assert_int_equal(s->alice->data_in, 1);
	assert_int_equal(s->gw->in, 1);
	scene_free(s);
}

/* ---- everything, as a VPN ---- */

/* The DC, the gateway, and the node's peers are in there as well. */
static void everything(void **state)
{
	struct scene *s = scene_new(state, SIM_SYMMETRIC, "0.0.0.0/0");
	struct sim_node *bob;

	sim_dc_exit(s->dc, s->alice->fqdn, true);
	sim_node_start(s->alice);
	assert_true(sim_until(s->sim, is_registered, s->alice, 5000));
	bob = sim_node_up(s->dc, &s->sim->internet, "192.0.2.50", "bob");
	stream(s);
	/* Peers are reached directly. */
	uint64_t out = s->gw->out;
	sim_say(s->alice, bob, 4, SIM_ECHO_PORT, "hello");
	sim_run(s->sim, 500);
	assert_true(sim_is_tunnel(s->alice, bob));
	assert_true(s->gw->out - out < 30); /* the stream */
	sim_node_move(s->alice, &s->cafe->inside, "10.0.0.9");
	sim_run(s->sim, 5000);
	end_stream(s);
	assert_in_range(s->gap_ms, 20, 300);
	assert_int_equal(s->server->others, 0);
	assert_int_equal(looped(s->alice), 0);
	/* Had somebody removed the rule: nothing goes round. */
	const struct ntm_addr dc = sim_addr("192.0.2.1", SIM_NTM_PORT);
	sim_run(s->sim, 500);
	out = s->gw->out;
	sim_udp(s->alice, SIM_NTM_PORT, &dc, "x", 1);
	sim_run(s->sim, 500);
	assert_int_equal(looped(s->alice), 1);
	assert_int_equal(s->gw->out, out);
	scene_free(s);
}

/* ---- a gateway that is itself behind a NAT ---- */

static struct scene *scene_inside(void **state, enum sim_nat_kind kind)
{
	struct scene *s = scene_up(state, SIM_PORT_RESTRICTED);
	struct sim_nat *office = sim_nat_new(s->sim, kind, "203.0.113.40");

	(void)sim_exit_new(s->dc, &office->inside, "10.0.0.2", "inner");
	sim_run(s->sim, 1000);
	return s;
}

/* A cloud's 1:1 NAT, or a forwarded port, lets everybody in. */
static void behind_a_nat_that_lets_in(void **state)
{
	static char inner[] = "inner";
	struct scene *s = scene_inside(state, SIM_FULL_CONE);

	s->exits.item[0].title = inner;
	sim_node_kill(s->alice);
	sim_node_start(s->alice);
	assert_true(sim_until(s->sim, is_registered, s->alice, 5000));
	stream(s);
	assert_true(ntm_ip_eq(&s->server->seen.ip,
			      &(struct ntm_ip){.family = 4, .b = {203, 0, 113, 40}}));
	sim_node_move(s->alice, &s->cafe->inside, "10.0.0.9");
	sim_run(s->sim, 5000);
	end_stream(s);
	assert_in_range(s->gap_ms, 20, 300);
	assert_int_equal(s->server->others, 0);
	scene_free(s);
}

/* No relay takes part: the user hears what is wrong. */
static void behind_a_nat_that_lets_nobody_in(void **state)
{
	static char inner[] = "inner";
	struct scene *s = scene_inside(state, SIM_PORT_RESTRICTED);
	struct sim_node *open = sim_node_new(s->dc, &s->sim->internet, "192.0.2.60", "open");
	struct sim_relay *relay = sim_relay_new(s->dc, "192.0.2.61", NULL, "rs");
	char words[300];

	s->exits.item[0].title = inner;
	sim_node_kill(s->alice);
	sim_node_start(s->alice);
	assert_true(sim_until(s->sim, is_registered, s->alice, 5000));
	say(s->alice, SERVER, "x");
	sim_run(s->sim, 15000);
	assert_int_equal(s->server->came, 0);
	sim_assert_says(words_of(s->alice, words), "a gateway needs a public address");
	assert_int_equal(relay->forwarded, 0);
	json_t *status = exit_gate_status_json(s->sim->exits->gate);
	assert_true(json_is_true(json_object_get(status, "behind_nat")));
	json_decref(status);
	/* A node without a NAT is called by the gateway. */
	sim_dc_exit(s->dc, open->fqdn, true);
	open->settings.exits = &s->exits;
	sim_node_start(open);
	assert_true(sim_until(s->sim, is_registered, open, 5000));
	assert_true(hears(s, open, SERVER, "hello"));
	scene_free(s);
}

#define scenario(fn) cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(a_prefix),
		scenario(a_name),
		scenario(answers_do_not_go_astray),
		scenario(a_move),
		scenario(a_move_between_symmetric_nats),
		scenario(a_move_out_of_a_nat),
		scenario(a_move_without_a_dc),
		scenario(a_long_way),
		scenario(the_gateway_is_restarted),
		scenario(the_gateway_is_stopped_for_good),
		scenario(the_gateway_has_a_power_cut),
		scenario(without_permission_nothing),
		scenario(permission_is_taken_away),
		scenario(taken_away_while_the_gateway_is_cut_off),
		scenario(a_revoked_node),
		scenario(a_revoked_gateway),
		scenario(nothing_but_ordinary_servers),
		scenario(private_networks_when_they_are_allowed),
		scenario(a_node_speaks_as_itself_only),
		scenario(nobody_else_comes_in),
		scenario(everything),
		scenario(behind_a_nat_that_lets_in),
		scenario(behind_a_nat_that_lets_nobody_in),
	};

	return sim_main("exit", tests, sizeof(tests) / sizeof(tests[0]));
}
