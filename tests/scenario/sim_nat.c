/* SPDX-License-Identifier: BSD-2-Clause */
/* NAT boxes of the four usual kinds (RFC 3489 5): what they map, and whom they let in. */
#include "sim.h"

#define PEERS      64
#define FIRST_PORT 20000

struct sim_nat_mapping {
	struct sim_nat_mapping *next;
	struct ntm_addr inside;
	struct ntm_addr remote; /* symmetric: the only one; else zeros */
	uint16_t port;          /* outside */
	int64_t used_ms;
	size_t peer_count; /* whom the inside sent to; the oldest is overwritten */
	struct ntm_addr peer[PEERS];
};

static bool is_alive(const struct sim_nat *nat, const struct sim_nat_mapping *m)
{
	return nat->inside.sim->timers.now_ms - m->used_ms <= nat->timeout_ms;
}

static struct sim_nat_mapping *find_out(struct sim_nat *nat, const struct ntm_addr *inside,
					const struct ntm_addr *remote)
{
	for (struct sim_nat_mapping *m = nat->mappings; m != NULL; m = m->next)
		if (is_alive(nat, m) && ntm_addr_eq(&m->inside, inside) &&
		    (nat->kind != SIM_SYMMETRIC || ntm_addr_eq(&m->remote, remote)))
			return m;
	return NULL;
}

static void forget_dead(struct sim_nat *nat)
{
	for (struct sim_nat_mapping **at = &nat->mappings; *at != NULL;) {
		struct sim_nat_mapping *m = *at;

		if (is_alive(nat, m)) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		free(m);
	}
}

static struct sim_nat_mapping *map(struct sim_nat *nat, const struct ntm_addr *inside,
				   const struct ntm_addr *remote)
{
	struct sim_nat_mapping *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	forget_dead(nat);
	m->inside = *inside;
	m->remote = *remote;
	m->port = nat->next_port++;
	m->next = nat->mappings;
	nat->mappings = m;
	return m;
}

static bool knows(const struct sim_nat_mapping *m, const struct ntm_addr *remote, bool port_too)
{
	size_t count = m->peer_count < PEERS ? m->peer_count : PEERS;

	for (size_t i = 0; i < count; i++)
		if (port_too ? ntm_addr_eq(&m->peer[i], remote)
			     : ntm_ip_eq(&m->peer[i].ip, &remote->ip))
			return true;
	return false;
}

void sim_nat_out(struct sim_nat *nat, const struct ntm_addr *from, const struct ntm_addr *to,
		 const uint8_t *data, size_t len)
{
	struct sim_nat_mapping *m = find_out(nat, from, to);

	if (m == NULL)
		m = map(nat, from, to);
	m->used_ms = nat->inside.sim->timers.now_ms;
	if (!knows(m, to, true))
		m->peer[m->peer_count++ % PEERS] = *to;
	struct ntm_addr outside = {.ip = nat->outside.ip, .port = m->port};
	sim_send(nat->outside.lan, &outside, to, data, len);
}

static bool lets_in(const struct sim_nat *nat, const struct sim_nat_mapping *m,
		    const struct ntm_addr *from)
{
	switch (nat->kind) {
	case SIM_FULL_CONE:
		return true;
	case SIM_ADDRESS_RESTRICTED:
		return knows(m, from, false);
	case SIM_PORT_RESTRICTED:
		return knows(m, from, true);
	case SIM_SYMMETRIC:
		return ntm_addr_eq(&m->remote, from);
	}
	return false;
}

static void nat_in(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
		   const uint8_t *data, size_t len)
{
	struct sim_nat *nat = ctx;

	for (struct sim_nat_mapping *m = nat->mappings; m != NULL; m = m->next)
		if (m->port == to->port && is_alive(nat, m) && lets_in(nat, m, from)) {
			sim_inject(&nat->inside, from, &m->inside, data, len);
			return;
		}
	nat->refused++;
}

struct sim_nat *sim_nat_behind(struct sim_lan *lan, enum sim_nat_kind kind, const char *outside)
{
	struct sim *sim = lan->sim;
	struct sim_nat *nat = calloc(1, sizeof(*nat));

	assert_non_null(nat);
	nat->kind = kind;
	nat->timeout_ms = 60000;
	nat->next_port = FIRST_PORT;
	nat->outside = (struct sim_place){.ip = sim_ip(outside), .deliver = nat_in, .ctx = nat};
	sim_lan_init(&nat->inside, sim, nat);
	sim_place_add(lan, &nat->outside);
	nat->next = sim->nats;
	sim->nats = nat;
	return nat;
}

struct sim_nat *sim_nat_new(struct sim *sim, enum sim_nat_kind kind, const char *outside)
{
	return sim_nat_behind(&sim->internet, kind, outside);
}

void sim_nat_reboot(struct sim_nat *nat)
{
	while (nat->mappings != NULL) {
		struct sim_nat_mapping *m = nat->mappings;

		nat->mappings = m->next;
		free(m);
	}
	nat->next_port = (uint16_t)(nat->next_port + 1000);
}

void sim_nats_free(struct sim *sim)
{
	while (sim->nats != NULL) {
		struct sim_nat *nat = sim->nats;

		sim->nats = nat->next;
		sim_nat_reboot(nat);
		ntm_map_free(nat->inside.places);
		free(nat);
	}
}
