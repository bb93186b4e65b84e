/* SPDX-License-Identifier: BSD-2-Clause */
/* A node on the network and its host: what goes into the TUN, and who reads what comes out. */
#include "sim.h"

#include "node_priv.h"

#include "ntm/dnsmsg.h"

#define DNS_PORT 53

/* ---- what a node asks of the outside ---- */

static void node_send(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	struct sim_node *node = ctx;

	node->sent++;
	if (to->ip.family == 6 && node->addr6.ip.family == 6) {
		node->let_in[node->let_in_count++ % SIM_LET_IN] = *to;
		sim_send(node->place6.lan, &node->addr6, to, data, len);
	} else {
		sim_send(node->place.lan, &node->addr, to, data, len);
	}
}

static void node_to_host(void *ctx, const uint8_t *pkt, size_t len)
{
	sim_to_host(ctx, pkt, len);
}

static void on_upstream(void *arg, const struct ntm_dnsclient_answer *answer)
{
	struct sim_node *node = arg;
	uint8_t msg[NTM_DNS_TCP_MAX];

	if (node->node == NULL)
		return;
	if (answer->len < 12) {
		node_upstream_answer(node->node, node->upstream_slot, NULL, 0);
		return;
	}
	memcpy(msg, answer->msg, answer->len);
	msg[0] = (uint8_t)(node->upstream_id >> 8);
	msg[1] = (uint8_t)node->upstream_id;
	node_upstream_answer(node->node, node->upstream_slot, msg, answer->len);
}

static bool node_upstream(void *ctx, uint16_t slot, const uint8_t *query, size_t len)
{
	struct sim_node *node = ctx;
	struct ntm_dns_query asked;
	uint64_t id;

	if (!node->has_upstream || ntm_dns_query_parse(&asked, query, len) != 0)
		return false;
	node->upstream_slot = slot;
	node->upstream_id = asked.id;
	return sim_dns_ask(node->sim, asked.name, asked.type, on_upstream, node, &id) == 0;
}

static void on_routed(void *arg)
{
	struct sim_node *node = arg;

	if (node->node != NULL)
		node_exits_routed(node->node, node->routes.generation, NULL);
}

static void node_exits_changed(void *ctx, const struct exit_routes *routes)
{
	struct sim_node *node = ctx;

	node->routes = *routes;
	ntm_timer_set(&node->sim->timers, &node->routed_timer, 1);
}

static void node_save(void *ctx, const struct node_lease *lease)
{
	struct sim_node *node = ctx;

	node->lease = *lease;
	node->lease_changes++;
}

static void node_save_partners(void *ctx, const struct partners *partners)
{
	struct sim_node *node = ctx;

	node->partners = *partners;
	node->partners_changes++;
}

static void node_registered(void *ctx)
{
	struct sim_node *node = ctx;

	node->registered++;
}

static size_t node_own_addrs(void *ctx, struct ntm_addr *out, size_t cap)
{
	struct sim_node *node = ctx;

	assert_true(cap > 1);
	out[0] = node->addr;
	out[1] = node->addr6;
	return node->addr6.ip.family == 6 ? 2 : 1;
}

static void node_deliver(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
			 const uint8_t *data, size_t len)
{
	struct sim_node *node = ctx;
	struct ntm_pkt pkt;

	if (node->node == NULL || to->port != node->addr.port || len > NTM_PKT_MAX)
		return;
	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, len), data, len);
	node_udp_input(node->node, from, &pkt);
}

static void node_deliver6(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
			  const uint8_t *data, size_t len)
{
	const struct sim_node *node = ctx;

	for (size_t i = 0; i < SIM_LET_IN; i++)
		if (ntm_addr_eq(&node->let_in[i], from)) {
			node_deliver(ctx, from, to, data, len);
			return;
		}
}

/* ---- life ---- */

struct sim_node *sim_node_new(struct sim_dc *dc, struct sim_lan *lan, const char *ip,
			      const char *name)
{
	struct sim_node *node = calloc(1, sizeof(*node));

	assert_non_null(node);
	node->sim = dc->sim;
	node->dc = dc;
	node->addr = sim_addr(ip, SIM_NTM_PORT);
	snprintf(node->fqdn, sizeof(node->fqdn), "%s.%s", name, dc->domain);
	node->settings = node_settings_default;
	node->settings.udp_port = SIM_NTM_PORT;
	ntm_timer_init(&node->routed_timer, on_routed, node);
	sim_dc_lease(dc, node->fqdn, &node->lease);
	node->place = (struct sim_place){.ip = node->addr.ip, .deliver = node_deliver, .ctx = node};
	sim_place_add(lan, &node->place);
	node->next = dc->sim->nodes;
	dc->sim->nodes = node;
	return node;
}

void sim_node_add6(struct sim_node *node, const char *ip6)
{
	node->addr6 = sim_addr(ip6, SIM_NTM_PORT);
	node->place6 =
		(struct sim_place){.ip = node->addr6.ip, .deliver = node_deliver6, .ctx = node};
	sim_place_add(&node->sim->internet, &node->place6);
	node->lease.dc[0] = node->dc->addr6;
}

void sim_node_start(struct sim_node *node)
{
	static const struct node_ops ops = {
		.udp_send = node_send,
		.tun_write = node_to_host,
		.upstream_query = node_upstream,
		.exits_changed = node_exits_changed,
		.lease_changed = node_save,
		.partners_changed = node_save_partners,
		.registered = node_registered,
		.own_addrs = node_own_addrs,
	};
	struct node_args args = {.ops = &ops,
				 .ctx = node,
				 .timers = &node->sim->timers,
				 .lease = &node->lease,
				 .partners = &node->partners,
				 .settings = &node->settings,
				 .sip = node->sim->parser};

	assert_null(node->node);
	node->node = node_new(&args);
	assert_non_null(node->node);
	node_start(node->node);
}

void sim_node_kill(struct sim_node *node)
{
	node_free(node->node);
	node->node = NULL;
}

void sim_node_stop(struct sim_node *node)
{
	node_stop(node->node);
	sim_node_kill(node);
}

void sim_node_move(struct sim_node *node, struct sim_lan *lan, const char *ip)
{
	sim_place_del(&node->place);
	node->addr.ip = node->place.ip = sim_ip(ip);
	sim_place_add(lan, &node->place);
	node_addrs_changed(node->node);
}

static bool is_registered(void *arg)
{
	const struct sim_node *node = arg;

	return node_is_registered(node->node);
}

struct sim_node *sim_node_up(struct sim_dc *dc, struct sim_lan *lan, const char *ip,
			     const char *name)
{
	struct sim_node *node = sim_node_new(dc, lan, ip, name);

	sim_node_start(node);
	assert_true(sim_until(dc->sim, is_registered, node, 60000));
	return node;
}

void sim_nodes_free(struct sim *sim)
{
	while (sim->nodes != NULL) {
		struct sim_node *node = sim->nodes;

		sim->nodes = node->next;
		sim_node_kill(node);
		ntm_timer_del(&sim->timers, &node->routed_timer);
		while (node->apps != NULL)
			sim_app_del(node, node->apps->port);
		free(node);
	}
}

struct ntm_ip sim_vip(const struct sim_node *node, uint8_t family)
{
	return family == 6 ? node->lease.vip6 : node->lease.vip4;
}

/* ---- applications ---- */

void sim_app_add(struct sim_node *node, uint16_t port, sim_app_fn *fn, void *arg)
{
	struct sim_app *app = calloc(1, sizeof(*app));

	assert_non_null(app);
	*app = (struct sim_app){.next = node->apps, .port = port, .fn = fn, .arg = arg};
	node->apps = app;
}

void sim_app_del(struct sim_node *node, uint16_t port)
{
	for (struct sim_app **at = &node->apps; *at != NULL; at = &(*at)->next)
		if ((*at)->port == port) {
			struct sim_app *app = *at;

			*at = app->next;
			free(app);
			return;
		}
}

void sim_tun(struct sim_node *node, const uint8_t *data, size_t len)
{
	struct ntm_pkt pkt;

	if (node->node == NULL)
		return;
	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, len), data, len);
	node_tun_input(node->node, &pkt);
}

void sim_udp(struct sim_node *node, uint16_t sport, const struct ntm_addr *to, const void *data,
	     size_t len)
{
	struct ntm_addr from = {.ip = sim_vip(node, to->ip.family), .port = sport};
	uint8_t pkt[NTM_PKT_MAX];
	size_t pkt_len = ntm_ippkt_build_udp(pkt, sizeof(pkt), &from, to, data, len);

	assert_true(pkt_len > 0);
	sim_tun(node, pkt, pkt_len);
}

void sim_say(struct sim_node *node, const struct sim_node *to, uint8_t family, uint16_t port,
	     const char *text)
{
	struct ntm_addr addr = {.ip = sim_vip(to, family), .port = port};

	sim_udp(node, 40000, &addr, text, strlen(text));
}

static void take_icmp(struct sim_node *node, const struct ntm_ippkt *view)
{
	uint8_t unreachable = view->proto == NTM_IPPROTO_ICMP ? 3 : 1;

	if (view->l4_len < 2 || view->l4[0] != unreachable)
		return;
	node->icmp_in++;
	node->icmp_code = view->l4[1];
	node->icmp_ms = sim_now(node->sim);
}

static void take_data(struct sim_node *node, const struct ntm_ippkt *view)
{
	size_t len = view->payload_len < sizeof(node->data) - 1 ? view->payload_len
								: sizeof(node->data) - 1;

	if (view->dport == SIM_ECHO_PORT) {
		struct ntm_addr back = {.ip = view->src, .port = view->sport};

		sim_udp(node, SIM_ECHO_PORT, &back, view->payload, view->payload_len);
		return;
	}
	node->data_in++;
	node->data_from = (struct ntm_addr){.ip = view->src, .port = view->sport};
	node->data_ms = sim_now(node->sim);
	memcpy(node->data, view->payload, len);
	node->data[len] = '\0';
}

void sim_host_input(struct sim_node *node, const uint8_t *data, size_t len)
{
	struct ntm_ippkt view;

	assert_int_equal(ntm_ippkt_parse(&view, data, len), 0);
	assert_true(ntm_ippkt_checksums_ok(data, len));
	assert_int_equal(view.len, len); /* no padding gets out */
	struct ntm_ip own = sim_vip(node, view.dst.family);
	assert_true(ntm_ip_eq(&view.dst, &own));
	if (view.proto == NTM_IPPROTO_ICMP || view.proto == NTM_IPPROTO_ICMPV6)
		take_icmp(node, &view);
	if (view.proto != NTM_IPPROTO_UDP)
		return;
	if (view.sport == SIM_SIP_PORT || view.dport == SIM_SIP_PORT)
		sim_sip_arrived(node->sim, data, len);
	for (struct sim_app *app = node->apps; app != NULL; app = app->next)
		if (app->port == view.dport) {
			app->fn(app->arg, node, &view);
			return;
		}
	take_data(node, &view);
}

/* ---- DNS ---- */

static void on_answer(void *arg, struct sim_node *node, const struct ntm_ippkt *view)
{
	struct sim_lookup *out = arg;
	struct ntm_dns_response *response = malloc(sizeof(*response));

	assert_non_null(response);
	assert_int_equal(view->sport, DNS_PORT);
	assert_int_equal(ntm_dns_response_parse(response, view->payload, view->payload_len), 0);
	out->answered_ms = sim_now(node->sim);
	out->rcode = response->rcode;
	out->count = response->count;
	if (response->count > 0 && response->rr[0].type == NTM_DNS_PTR)
		snprintf(out->target, sizeof(out->target), "%s", response->rr[0].target);
	else if (response->count > 0)
		out->ip = response->rr[0].ip;
	free(response);
	sim_app_del(node, view->dport);
}

void sim_resolve(struct sim_node *node, const char *name, uint16_t type, struct sim_lookup *out)
{
	uint16_t port = (uint16_t)(50000 + node->lookups++ % 10000);
	struct ntm_addr resolver = {.ip = node->lease.resolver4, .port = DNS_PORT};
	uint8_t query[512];
	size_t len = ntm_dns_query_build(port, name, type, true, query, sizeof(query));

	assert_true(len > 0);
	*out = (struct sim_lookup){.asked_ms = sim_now(node->sim)};
	sim_app_add(node, port, on_answer, out);
	sim_udp(node, port, &resolver, query, len);
}

/* ---- what tests ask ---- */

bool sim_is_tunnel(const struct sim_node *a, const struct sim_node *b)
{
	return a->node != NULL && tunnel_find_up(a->node->tunnels, &b->lease.vip4) != NULL;
}

size_t sim_tunnel_count(const struct sim_node *node)
{
	json_t *json = node_tunnels_json(node->node);
	size_t count = json_array_size(json);

	json_decref(json);
	return count;
}
