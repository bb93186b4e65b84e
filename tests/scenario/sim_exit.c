/* SPDX-License-Identifier: BSD-2-Clause */
/* Gateways: the real logic, and beside it what its host's kernel does with UDP over IPv4. */
#include "sim_exit.h"

#include "node_priv.h"

#define FIRST_PORT  30000
#define SERVER_PORT 5060

/* ---- the host: forwarding and masquerading ---- */

static size_t find_flow(const struct sim_exit *exit, const struct sim_exit_flow *flow)
{
	size_t i = 0;

	while (i < exit->flow_count && !(ntm_addr_eq(&exit->flow[i].inside, &flow->inside) &&
					 ntm_addr_eq(&exit->flow[i].server, &flow->server)))
		i++;
	return i;
}

/* Out of the TUN. */
static void tun_write(void *ctx, const uint8_t *pkt, size_t len)
{
	struct sim_exit *exit = ctx;
	struct sim_exit_flow flow;
	struct ntm_ippkt view;

	exit->out++;
	assert_int_equal(ntm_ippkt_parse(&view, pkt, len), 0);
	exit->out_dst = view.dst;
	if (view.proto != NTM_IPPROTO_UDP || view.src.family != 4)
		return;
	flow.inside = (struct ntm_addr){.ip = view.src, .port = view.sport};
	flow.server = (struct ntm_addr){.ip = view.dst, .port = view.dport};
	size_t i = find_flow(exit, &flow);
	if (i == exit->flow_count) {
		assert_true(i < SIM_EXIT_FLOWS);
		exit->flow[exit->flow_count++] = flow;
	}
	const struct ntm_addr from = {.ip = exit->addr.ip, .port = (uint16_t)(FIRST_PORT + i)};
	sim_send(exit->relay->place.lan, &from, &flow.server, view.payload, view.payload_len);
}

/* Into the TUN: answers of the server that the flow is with, and nothing else. */
static void forward_back(struct sim_exit *exit, const struct ntm_addr *from, uint16_t port,
			 const uint8_t *data, size_t len)
{
	size_t i = (size_t)(port - FIRST_PORT);
	struct ntm_pkt pkt;

	if (port < FIRST_PORT || i >= exit->flow_count || !ntm_addr_eq(&exit->flow[i].server, from))
		return;
	ntm_pkt_reset(&pkt);
	size_t made = ntm_ippkt_build_udp(pkt.data, ntm_pkt_room(&pkt), from, &exit->flow[i].inside,
					  data, len);
	assert_true(made > 0);
	ntm_pkt_put(&pkt, made);
	exit->in++;
	exit_gate_tun_input(exit->gate, &pkt);
}

/* ---- what the gateway asks of the outside ---- */

static void udp_send(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	const struct sim_exit *exit = ctx;

	if (to->ip.family == 4)
		sim_send(exit->relay->place.lan, &exit->addr, to, data, len);
}

static size_t own_addrs(void *ctx, struct ntm_addr *out, size_t cap)
{
	const struct sim_exit *exit = ctx;

	assert_true(cap > 0);
	out[0] = exit->addr;
	return 1;
}

static size_t host_addrs(void *ctx, struct ntm_ip *out, size_t cap)
{
	const struct sim_exit *exit = ctx;

	assert_true(cap > 0);
	out[0] = exit->addr.ip;
	return 1;
}

static void host_changed(void *ctx, const struct exit_net *net)
{
	struct sim_exit *exit = ctx;

	exit->net = *net;
	exit->set_ups++;
}

void sim_exit_deliver(struct sim_exit *exit, const struct ntm_addr *from, const struct ntm_addr *to,
		      const uint8_t *data, size_t len)
{
	struct ntm_pkt pkt;

	if (exit->gate == NULL || len > NTM_PKT_MAX)
		return;
	if (to->port != SIM_EXIT_PORT) {
		forward_back(exit, from, to->port, data, len);
		return;
	}
	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, len), data, len);
	exit_gate_udp_input(exit->gate, from, &pkt);
}

/* ---- life ---- */

void sim_exit_start(struct sim_exit *exit)
{
	static const struct exit_ops ops = {
		.udp_send = udp_send,
		.tun_write = tun_write,
		.own_addrs = own_addrs,
		.host_addrs = host_addrs,
		.host_changed = host_changed,
	};
	const struct relay_lease *lease = &exit->relay->lease;
	const struct exit_gate_args args = {
		.ops = &ops,
		.ctx = exit,
		.timers = &exit->relay->dc->sim->timers,
		.keys = &lease->keys,
		.fqdn = lease->fqdn,
		.domain = lease->domain,
		.root = lease->root,
		.dc_key = lease->dc_key,
		.dc = lease->dc,
		.allow_private = exit->allow_private,
		.idle_ms = 10 * 60 * 1000,
		.link_times = exit->relay->settings.link_times,
	};

	assert_null(exit->gate);
	sim_relay_start(exit->relay);
	exit->gate = exit_gate_new(&args);
	assert_non_null(exit->gate);
	assert_int_equal(exit_gate_start(exit->gate), 0);
}

void sim_exit_kill(struct sim_exit *exit)
{
	exit_gate_free(exit->gate);
	exit->gate = NULL;
	sim_relay_kill(exit->relay);
}

void sim_exit_stop(struct sim_exit *exit)
{
	exit_gate_stop(exit->gate);
	relay_stop(exit->relay->relay);
	sim_exit_kill(exit);
}

struct sim_exit *sim_exit_new(struct sim_dc *dc, struct sim_lan *lan, const char *ip,
			      const char *name)
{
	struct sim_exit *exit = calloc(1, sizeof(*exit));

	assert_non_null(exit);
	exit->relay = sim_relay_join(dc, lan, ip, name, true);
	exit->relay->exit = exit;
	exit->addr = sim_addr(ip, SIM_EXIT_PORT);
	exit->next = dc->sim->exits;
	dc->sim->exits = exit;
	sim_exit_start(exit);
	return exit;
}

unsigned sim_exit_drops(const struct sim_exit *exit, const char *name)
{
	json_t *status = exit_gate_status_json(exit->gate);
	const json_t *number = json_object_get(json_object_get(status, "drops"), name);

	assert_non_null(number);
	unsigned drops = (unsigned)json_integer_value(number);
	json_decref(status);
	return drops;
}

void sim_exits_free(struct sim *sim)
{
	while (sim->exits != NULL) {
		struct sim_exit *exit = sim->exits;

		sim->exits = exit->next;
		exit->relay->exit = NULL;
		exit_gate_free(exit->gate);
		free(exit);
	}
	while (sim->servers != NULL) {
		struct sim_server *server = sim->servers;

		sim->servers = server->next;
		free(server);
	}
}

/* ---- ordinary servers ---- */

static void server_deliver(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
			   const uint8_t *data, size_t len)
{
	struct sim_server *server = ctx;

	if (to->port != server->addr.port)
		return;
	server->others += server->came++ > 0 && !ntm_addr_eq(&server->seen, from);
	server->seen = *from;
	sim_send(server->place.lan, to, from, data, len);
}

struct sim_server *sim_server_new(struct sim *sim, const char *ip)
{
	struct sim_server *server = calloc(1, sizeof(*server));

	assert_non_null(server);
	server->sim = sim;
	server->addr = sim_addr(ip, SERVER_PORT);
	server->place =
		(struct sim_place){.ip = server->addr.ip, .deliver = server_deliver, .ctx = server};
	sim_place_add(&sim->internet, &server->place);
	server->next = sim->servers;
	sim->servers = server;
	return server;
}
