/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagrams on their way: delay, reordering, loss, copies, cuts; and packets into a host. */
#include "sim.h"

struct sim_packet {
	struct sim_packet *next, **link;
	struct ntm_timer timer;
	struct sim *sim;
	struct sim_lan *lan;   /* where it arrives; NULL: */
	struct sim_node *node; /* at this one's host */
	struct ntm_addr from, to;
	size_t len;
	uint8_t data[];
};

struct ntm_ip sim_ip(const char *text)
{
	struct ntm_ip ip;

	assert_int_equal(ntm_ip_parse(&ip, text), 0);
	return ip;
}

struct ntm_addr sim_addr(const char *ip, uint16_t port)
{
	return (struct ntm_addr){.ip = sim_ip(ip), .port = port};
}

void sim_lan_init(struct sim_lan *lan, struct sim *sim, struct sim_nat *gate)
{
	*lan = (struct sim_lan){.sim = sim, .gate = gate, .medium = {.delay_ms = 1}};
	lan->places = ntm_map_new();
	assert_non_null(lan->places);
}

void sim_place_add(struct sim_lan *lan, struct sim_place *place)
{
	place->lan = lan;
	assert_null(ntm_map_get(lan->places, &place->ip, sizeof(place->ip)));
	assert_int_equal(ntm_map_put(lan->places, &place->ip, sizeof(place->ip), place, NULL), 0);
}

void sim_place_del(struct sim_place *place)
{
	ntm_map_del(place->lan->places, &place->ip, sizeof(place->ip));
}

static struct sim_place *find_place(const struct sim_lan *lan, const struct ntm_ip *ip)
{
	return ntm_map_get(lan->places, ip, sizeof(*ip));
}

/* FNV-1a */
static void trace_add(struct sim *sim, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		sim->trace = (sim->trace ^ p[i]) * UINT64_C(0x100000001b3);
}

static void trace_packet(struct sim *sim, const struct sim_packet *packet)
{
	trace_add(sim, &sim->timers.now_ms, sizeof(sim->timers.now_ms));
	trace_add(sim, &packet->from, sizeof(packet->from));
	trace_add(sim, &packet->to, sizeof(packet->to));
	trace_add(sim, packet->data, packet->len);
}

static void packet_free(struct sim_packet *packet)
{
	ntm_timer_del(&packet->sim->timers, &packet->timer);
	*packet->link = packet->next;
	if (packet->next != NULL)
		packet->next->link = packet->link;
	free(packet);
}

void sim_packets_free(struct sim *sim)
{
	while (sim->packets != NULL)
		packet_free(sim->packets);
}

static void land(void *arg)
{
	struct sim_packet *packet = arg;
	struct sim *sim = packet->sim;

	trace_packet(sim, packet);
	if (packet->lan == NULL) {
		sim_host_input(packet->node, packet->data, packet->len);
	} else {
		struct sim_place *place = find_place(packet->lan, &packet->to.ip);

		if (sim->tap != NULL)
			sim->tap(sim->tap_arg, &packet->from, &packet->to, packet->data,
				 packet->len);
		if (place != NULL && !place->is_down)
			place->deliver(place->ctx, &packet->from, &packet->to, packet->data,
				       packet->len);
	}
	packet_free(packet);
}

static struct sim_packet *packet_new(struct sim *sim, const uint8_t *data, size_t len)
{
	struct sim_packet *packet = malloc(sizeof(*packet) + len);

	assert_non_null(packet);
	*packet = (struct sim_packet){.sim = sim, .len = len};
	if (len > 0)
		memcpy(packet->data, data, len);
	packet->next = sim->packets;
	packet->link = &sim->packets;
	if (packet->next != NULL)
		packet->next->link = &packet->next;
	sim->packets = packet;
	ntm_timer_init(&packet->timer, land, packet);
	return packet;
}

void sim_inject(struct sim_lan *lan, const struct ntm_addr *from, const struct ntm_addr *to,
		const uint8_t *data, size_t len)
{
	struct sim_packet *packet = packet_new(lan->sim, data, len);

	packet->lan = lan;
	packet->from = *from;
	packet->to = *to;
	ntm_timer_set(&lan->sim->timers, &packet->timer, 0);
}

void sim_to_host(struct sim_node *node, const uint8_t *data, size_t len)
{
	struct sim_packet *packet = packet_new(node->sim, data, len);

	packet->node = node;
	ntm_timer_set(&node->sim->timers, &packet->timer, 0);
}

static bool is_cut(const struct sim *sim, const struct ntm_ip *a, const struct ntm_ip *b)
{
	for (size_t i = 0; i < SIM_CUTS; i++)
		if ((ntm_ip_eq(&sim->cut[i].a, a) && ntm_ip_eq(&sim->cut[i].b, b)) ||
		    (ntm_ip_eq(&sim->cut[i].a, b) && ntm_ip_eq(&sim->cut[i].b, a)))
			return true;
	return false;
}

void sim_cut(struct sim *sim, const char *a, const char *b)
{
	size_t i = 0;

	while (i < SIM_CUTS && sim->cut[i].a.family != 0)
		i++;
	assert_true(i < SIM_CUTS);
	sim->cut[i].a = sim_ip(a);
	sim->cut[i].b = sim_ip(b);
}

void sim_heal(struct sim *sim)
{
	memset(sim->cut, 0, sizeof(sim->cut));
}

static int64_t delay_of(struct sim_lan *lan, const struct ntm_addr *from, const struct ntm_addr *to)
{
	const struct sim_place *a = find_place(lan, &from->ip), *b = find_place(lan, &to->ip);
	int64_t delay_ms = lan->medium.delay_ms;

	if (lan->medium.jitter_ms > 0)
		delay_ms += sim_random_below(&lan->sim->rng, (uint32_t)lan->medium.jitter_ms + 1);
	return delay_ms + (a != NULL ? a->extra_ms : 0) + (b != NULL ? b->extra_ms : 0);
}

static void fly(struct sim_lan *lan, const struct ntm_addr *from, const struct ntm_addr *to,
		const uint8_t *data, size_t len)
{
	struct sim *sim = lan->sim;
	struct sim_packet *packet;

	if (sim_random_below(&sim->rng, 1000) < lan->medium.loss ||
	    (lan->medium.most != 0 && len > lan->medium.most)) {
		sim->lost++;
		return;
	}
	packet = packet_new(sim, data, len);
	packet->lan = lan;
	packet->from = *from;
	packet->to = *to;
	ntm_timer_set(&sim->timers, &packet->timer, delay_of(lan, from, to));
}

void sim_send(struct sim_lan *lan, const struct ntm_addr *from, const struct ntm_addr *to,
	      const uint8_t *data, size_t len)
{
	struct sim *sim = lan->sim;
	const struct sim_place *source = find_place(lan, &from->ip);

	if (source != NULL && source->is_down)
		return;
	if (find_place(lan, &to->ip) == NULL && lan->gate != NULL) {
		sim_nat_out(lan->gate, from, to, data, len);
		return;
	}
	sim->datagrams++;
	if (is_cut(sim, &from->ip, &to->ip)) {
		sim->lost++;
		return;
	}
	fly(lan, from, to, data, len);
	if (sim_random_below(&sim->rng, 1000) < lan->medium.dup)
		fly(lan, from, to, data, len);
}
