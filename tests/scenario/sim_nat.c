/* SPDX-License-Identifier: BSD-2-Clause */
/* NAT boxes of the four usual kinds (RFC 3489 5): what they map, and whom they let in. */
#include "sim.h"

#define PEERS      64
#define FIRST_PORT 20000

/* Who it is for: a host inside and, when symmetric, the one remote; else zeros. */
struct pair {
	struct ntm_addr inside, remote;
};

struct sim_nat_mapping {
	struct sim_nat_mapping *next;
	struct pair pair;
	uint16_t port; /* outside */
	int64_t used_ms;
	size_t peer_count; /* whom the inside sent to; the oldest is overwritten */
	struct ntm_addr peer[PEERS];
};

static bool is_alive(const struct sim_nat *nat, const struct sim_nat_mapping *m)
{
	return nat->inside.sim->timers.now_ms - m->used_ms <= nat->timeout_ms;
}

static struct pair pair_of(const struct sim_nat *nat, const struct ntm_addr *inside,
			   const struct ntm_addr *remote)
{
	struct pair pair = {.inside = *inside};

	if (nat->kind == SIM_SYMMETRIC)
		pair.remote = *remote;
	return pair;
}

static struct sim_nat_mapping *find_out(struct sim_nat *nat, const struct pair *pair)
{
	struct sim_nat_mapping *m = ntm_map_get(nat->by_pair, pair, sizeof(*pair));

	return m != NULL && is_alive(nat, m) ? m : NULL;
}

static void forget(struct sim_nat *nat, struct sim_nat_mapping **at)
{
	struct sim_nat_mapping *m = *at;

	*at = m->next;
	ntm_map_del(nat->by_pair, &m->pair, sizeof(m->pair));
	ntm_map_del(nat->by_port, &m->port, sizeof(m->port));
	free(m);
}

static void forget_dead(struct sim_nat *nat)
{
	for (struct sim_nat_mapping **at = &nat->mappings; *at != NULL;) {
		if (is_alive(nat, *at))
			at = &(*at)->next;
		else
			forget(nat, at);
	}
}

static struct sim_nat_mapping *map(struct sim_nat *nat, const struct pair *pair)
{
	struct sim_nat_mapping *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	forget_dead(nat);
	m->pair = *pair;
	m->port = nat->next_port++;
	assert_int_equal(ntm_map_put(nat->by_pair, &m->pair, sizeof(m->pair), m, NULL), 0);
	assert_int_equal(ntm_map_put(nat->by_port, &m->port, sizeof(m->port), m, NULL), 0);
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
	const struct pair pair = pair_of(nat, from, to);
	struct sim_nat_mapping *m = find_out(nat, &pair);

	if (m == NULL)
		m = map(nat, &pair);
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
		return ntm_addr_eq(&m->pair.remote, from);
	}
	return false;
}

static void nat_in(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
		   const uint8_t *data, size_t len)
{
	struct sim_nat *nat = ctx;

	struct sim_nat_mapping *m = ntm_map_get(nat->by_port, &to->port, sizeof(to->port));

	if (m != NULL && is_alive(nat, m) && lets_in(nat, m, from))
		sim_inject(&nat->inside, from, &m->pair.inside, data, len);
	else
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
	nat->by_pair = ntm_map_new();
	nat->by_port = ntm_map_new();
	assert_non_null(nat->by_pair);
	assert_non_null(nat->by_port);
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
	while (nat->mappings != NULL)
		forget(nat, &nat->mappings);
	nat->next_port = (uint16_t)(nat->next_port + 1000);
}

void sim_nats_free(struct sim *sim)
{
	while (sim->nats != NULL) {
		struct sim_nat *nat = sim->nats;

		sim->nats = nat->next;
		sim_nat_reboot(nat);
		ntm_map_free(nat->inside.places);
		ntm_map_free(nat->by_pair);
		ntm_map_free(nat->by_port);
		free(nat);
	}
}
