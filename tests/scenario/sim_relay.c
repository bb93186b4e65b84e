/* SPDX-License-Identifier: BSD-2-Clause */
/* Relays on the network: the real logic, which a test starts and kills. */
#include "sim_exit.h"

#include "node_priv.h"

static void relay_send(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	struct sim_relay *relay = ctx;
	const struct ntm_addr *from = to->ip.family == 6 ? &relay->addr6 : &relay->addr;

	relay->sent++;
	relay->bytes_sent += len;
	if (from->ip.family != 0)
		sim_send(relay->place.lan, from, to, data, len);
}

static size_t relay_own_addrs(void *ctx, struct ntm_addr *out, size_t cap)
{
	const struct sim_relay *relay = ctx;
	size_t count = 0;

	assert_true(cap >= 2);
	out[count++] = relay->addr;
	if (relay->addr6.ip.family != 0)
		out[count++] = relay->addr6;
	return count;
}

static void relay_save(void *ctx, const struct relay_lease *lease)
{
	struct sim_relay *relay = ctx;

	relay->lease = *lease;
}

static void relay_drained(void *ctx)
{
	(void)ctx;
}

static void relay_deliver(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
			  const uint8_t *data, size_t len)
{
	struct sim_relay *relay = ctx;

	if (relay->exit != NULL && to->port != SIM_RELAY_PORT)
		sim_exit_deliver(relay->exit, from, to, data, len);
	if (relay->relay == NULL || to->port != SIM_RELAY_PORT)
		return;
	relay->came++;
	const struct ntm_addr *on = relay_input(relay->relay, from, data, len);
	if (on == NULL) {
		relay->bytes_came += len;
		return;
	}
	relay->forwarded++;
	sim_send(relay->place.lan, on->ip.family == 6 ? &relay->addr6 : &relay->addr, on, data,
		 len);
}

void sim_relay_start(struct sim_relay *relay)
{
	static const struct relay_ops ops = {
		.send = relay_send,
		.own_addrs = relay_own_addrs,
		.lease_changed = relay_save,
		.drained = relay_drained,
	};
	struct relay_args args = {.ops = &ops,
				  .ctx = relay,
				  .timers = &relay->dc->sim->timers,
				  .lease = &relay->lease,
				  .settings = &relay->settings};

	assert_null(relay->relay);
	relay->relay = relay_new(&args);
	assert_non_null(relay->relay);
	assert_int_equal(relay_start(relay->relay), 0);
}

void sim_relay_kill(struct sim_relay *relay)
{
	relay_free(relay->relay);
	relay->relay = NULL;
}

struct sim_relay *sim_relay_join(struct sim_dc *dc, struct sim_lan *lan, const char *ip,
				 const char *name, bool is_gateway)
{
	struct sim_relay *relay = calloc(1, sizeof(*relay));
	char fqdn[NTM_NAME_MAX + 1];

	assert_non_null(relay);
	relay->dc = dc;
	relay->addr = sim_addr(ip, SIM_RELAY_PORT);
	relay->settings = (struct relay_settings){.flows_max = RELAY_FLOWS_PRESET};
	relay->settings.link_times = node_settings_default.link_times;
	snprintf(fqdn, sizeof(fqdn), "%s.%s", name, dc->domain);
	sim_dc_relay_lease(dc, fqdn, is_gateway, &relay->lease);
	relay->place =
		(struct sim_place){.ip = relay->addr.ip, .deliver = relay_deliver, .ctx = relay};
	sim_place_add(lan, &relay->place);
	relay->next = dc->sim->relays;
	dc->sim->relays = relay;
	return relay;
}

struct sim_relay *sim_relay_new(struct sim_dc *dc, const char *ip, const char *ip6,
				const char *name)
{
	struct sim_relay *relay = sim_relay_join(dc, &dc->sim->internet, ip, name, false);

	if (ip6 != NULL) {
		relay->addr6 = sim_addr(ip6, SIM_RELAY_PORT);
		relay->place6 = relay->place;
		relay->place6.ip = relay->addr6.ip;
		sim_place_add(&dc->sim->internet, &relay->place6);
	}
	sim_relay_start(relay);
	return relay;
}

void sim_relays_free(struct sim *sim)
{
	while (sim->relays != NULL) {
		struct sim_relay *relay = sim->relays;

		sim->relays = relay->next;
		sim_relay_kill(relay);
		free(relay);
	}
}

enum sim_path sim_path(const struct sim_node *a, const struct sim_node *b)
{
	const struct tunnel *tunnel =
		a->node == NULL ? NULL : tunnel_find_up(a->node->tunnels, &b->lease.vip4);
	const struct ntm_link *link = tunnel == NULL ? NULL : tunnel_link(tunnel);

	if (link == NULL)
		return SIM_PATH_NONE;
	return ntm_addr_is_relay(ntm_link_remote(link)) ? SIM_PATH_RELAY : SIM_PATH_DIRECT;
}
