/* SPDX-License-Identifier: BSD-2-Clause */
/* Strangers and bad peers: no answer, no growth, no noise, and nothing that gets through. */
#include "sim.h"

#include "dc_priv.h"
#include "node_priv.h"

#include "ntm/dnsmsg.h"

#define DOMAIN  "ntm.example"
#define KEPT    2000
#define ATTACKS 4

struct kept {
	struct ntm_addr from, to;
	size_t len;
	uint8_t data[NTM_PKT_MAX];
};

/* A small system at work, and all that was ever sent in it. */
struct scene {
	struct sim *sim;
	struct sim_dc *dc;
	struct sim_nat *nat;
	struct sim_node *a, *b, *proxy;
	struct sim_place stranger;
	unsigned stranger_heard;
	size_t kept_count;
	struct kept *kept;
};

static void keep(void *arg, const struct ntm_addr *from, const struct ntm_addr *to,
		 const uint8_t *data, size_t len)
{
	struct scene *s = arg;

	if (s->kept_count == KEPT)
		return;
	struct kept *kept = &s->kept[s->kept_count++];
	*kept = (struct kept){.from = *from, .to = *to, .len = len};
	memcpy(kept->data, data, len);
}

static void stranger_hears(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
			   const uint8_t *data, size_t len)
{
	struct scene *s = ctx;

	(void)from;
	(void)to;
	(void)data;
	(void)len;
	s->stranger_heard++;
}

static void scene_init(struct scene *s, struct sim *sim)
{
	*s = (struct scene){.sim = sim, .kept = calloc(KEPT, sizeof(struct kept))};
	assert_non_null(s->kept);
	sim->tap = keep;
	sim->tap_arg = s;
	s->dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	s->nat = sim_nat_new(sim, SIM_FULL_CONE, "192.0.2.20"); /* lets strangers in */
	s->proxy = sim_node_up(s->dc, &sim->internet, "192.0.2.30", "proxy");
	s->a = sim_node_up(s->dc, &s->nat->inside, "10.0.0.2", "alice");
	s->b = sim_node_up(s->dc, &sim->internet, "192.0.2.11", "bob");
	sim_proxy(s->proxy);
	s->stranger =
		(struct sim_place){.ip = sim_ip("192.0.2.66"), .deliver = stranger_hears, .ctx = s};
	sim_place_add(&sim->internet, &s->stranger);
	struct sim_call_args call = {.caller = s->a, .callee = s->b, .proxy = s->proxy};
	struct sim_call *c = sim_call_new(&call);
	assert_true(sim_until(sim, sim_call_is_over, c, 20000));
	assert_int_equal(c->state, SIM_CALL_ENDED);
	sim_run(sim, 5000);
	sim->tap = NULL;
}

static void scene_fini(struct scene *s)
{
	free(s->kept);
}

/* What must not change by an attack. */
struct state {
	uint64_t sent[4];
	size_t links[4], tunnels[3], directions, allocated;
	unsigned host_in[3];
	uint64_t frames_in; /* this one does */
};

static size_t directions_of(const struct sim_dc *dc)
{
	json_t *json = dc_status_json(dc->dc);
	json_t *in_memory = json_object_get(json_object_get(json, "directions"), "in_memory");
	size_t count = (size_t)json_integer_value(in_memory);

	json_decref(json);
	return count;
}

static size_t links_of(const struct sim_dc *dc)
{
	json_t *json = dc_status_json(dc->dc);
	size_t count = (size_t)json_integer_value(
		json_object_get(json_object_get(json, "links"), "count"));

	json_decref(json);
	return count;
}

static struct state look(const struct scene *s)
{
	struct sim_node *nodes[] = {s->a, s->b, s->proxy};
	struct state now = {.directions = directions_of(s->dc)};

	for (size_t i = 0; i < 3; i++) {
		now.sent[i] = nodes[i]->sent;
		now.links[i] = ntm_links_count(nodes[i]->node->links);
		now.tunnels[i] = sim_tunnel_count(nodes[i]);
		now.host_in[i] = nodes[i]->data_in;
	}
	now.sent[3] = s->dc->sent;
	now.links[3] = links_of(s->dc);
	now.frames_in = ntm_links_counters(s->b->node->links)->frames_in;
	now.allocated = sim_allocated();
	return now;
}

/* In one instant in which nobody else has anything to say. */
static void check_unmoved(struct scene *s, const struct state *before)
{
	struct state now;

	sim_run(s->sim, 0);
	now = look(s);
	assert_true(now.frames_in > before->frames_in + 10);
	assert_memory_equal(before->sent, now.sent, sizeof(now.sent));
	assert_memory_equal(before->links, now.links, sizeof(now.links));
	assert_memory_equal(before->tunnels, now.tunnels, sizeof(now.tunnels));
	assert_memory_equal(before->host_in, now.host_in, sizeof(now.host_in));
	assert_int_equal(before->directions, now.directions);
	assert_int_equal(s->stranger_heard, 0);
}

/* Runs on to a moment at which nothing is on the way. */
static void settle(struct scene *s)
{
	while (s->sim->packets != NULL || ntm_timers_next(&s->sim->timers) == 0)
		sim_run(s->sim, 1);
}

static void check_alive(struct scene *s)
{
	struct sim_call_args call = {.caller = s->b, .callee = s->a, .proxy = s->proxy};
	struct sim_call *c;

	sim_run(s->sim, 60000);
	assert_true(node_is_registered(s->a->node));
	assert_true(node_is_registered(s->b->node));
	c = sim_call_new(&call);
	assert_true(sim_until(s->sim, sim_call_is_over, c, 20000));
	assert_int_equal(c->state, SIM_CALL_ENDED);
	assert_int_equal(c->b.received, c->a.sent);
	assert_int_equal(s->sim->sip_strange, 0);
	assert_int_equal(s->stranger_heard, 0);
}

/* From where a copy of a datagram comes: the sender's address, or the stranger's. */
static struct ntm_addr source_of(const struct scene *s, const struct kept *kept, bool is_forged)
{
	struct ntm_addr from = {.ip = s->stranger.ip, .port = 4330};

	return is_forged ? kept->from : from;
}

static void replays(void **state)
{
	struct scene s;
	uint64_t lines;

	scene_init(&s, *state);
	assert_in_range(s.kept_count, 100, KEPT);
	lines = s.sim->lines;
	settle(&s);
	struct state first = look(&s);
	for (unsigned round = 0; round < ATTACKS; round++) {
		settle(&s);
		struct state before = look(&s);
		for (size_t i = 0; i < s.kept_count; i++) {
			struct ntm_addr from = source_of(&s, &s.kept[i], round % 2 == 0);

			sim_inject(&s.sim->internet, &from, &s.kept[i].to, s.kept[i].data,
				   s.kept[i].len);
		}
		check_unmoved(&s, &before);
		sim_run(s.sim, 1000);
	}
	settle(&s);
	assert_true(look(&s).allocated <= first.allocated + sim_allocated_slack());
	assert_in_range(s.sim->lines - lines, 0, 10);
	check_alive(&s);
	scene_fini(&s);
}

/* Every datagram, cut and with one bit changed, towards everybody. */
static void truncated_and_changed(void **state)
{
	struct scene s;
	struct sim_rng rng = {.state = sim_seed()};
	uint64_t lines;

	scene_init(&s, *state);
	lines = s.sim->lines;
	settle(&s);
	struct state before = look(&s);
	for (size_t i = 0; i < s.kept_count; i++) {
		struct kept *kept = &s.kept[i];
		struct ntm_addr from = source_of(&s, kept, i % 2 == 0);
		size_t cut = sim_random_below(&rng, (uint32_t)kept->len);

		sim_inject(&s.sim->internet, &from, &kept->to, kept->data, cut);
		kept->data[sim_random_below(&rng, (uint32_t)kept->len)] ^=
			(uint8_t)(1u << sim_random_below(&rng, 8));
		sim_inject(&s.sim->internet, &from, &kept->to, kept->data, kept->len);
	}
	check_unmoved(&s, &before);
	assert_in_range(s.sim->lines - lines, 0, 10);
	check_alive(&s);
	scene_fini(&s);
}

static void noise(void **state)
{
	struct scene s;
	struct sim_rng rng = {.state = sim_seed()};
	uint8_t data[1500];
	uint64_t lines;

	scene_init(&s, *state);
	lines = s.sim->lines;
	const struct ntm_addr targets[] = {s.dc->addr, s.b->addr, s.proxy->addr,
					   sim_addr("192.0.2.20", 20000)};
	settle(&s);
	struct state first = look(&s);
	for (unsigned round = 0; round < 50; round++) {
		settle(&s);
		struct state before = look(&s);
		for (unsigned i = 0; i < 200; i++) {
			struct ntm_addr from = {.ip = s.stranger.ip, .port = (uint16_t)(1 + i)};
			size_t len = sim_random_below(&rng, sizeof(data));

			for (size_t j = 0; j < len; j++)
				data[j] = (uint8_t)sim_random(&rng);
			/* Often with a type and reserved bytes that are right. */
			if (len > 4 && i % 2 == 0) {
				data[0] = (uint8_t)(1 + sim_random_below(&rng, 5));
				data[1] = (uint8_t)("nje\1"[sim_random_below(&rng, 4)]);
				data[2] = data[3] = 0;
			}
			sim_inject(&s.sim->internet, &from, &targets[i % 4], data, len);
		}
		check_unmoved(&s, &before);
		sim_run(s.sim, 100);
	}
	settle(&s);
	assert_true(look(&s).allocated <= first.allocated + sim_allocated_slack());
	assert_in_range(s.sim->lines - lines, 0, 10);
	check_alive(&s);
	scene_fini(&s);
}

/* ---- bad peers ---- */

/* What a node with a changed program could send in its own good tunnel. */
static void send_in_tunnel(struct sim_node *from, struct sim_node *to, const struct ntm_ip *src,
			   const struct ntm_ip *dst)
{
	struct ntm_addr src_addr = {.ip = *src, .port = 40000};
	struct ntm_addr dst_addr = {.ip = *dst, .port = 9999};
	struct tunnel *tunnel = tunnel_find_up(from->node->tunnels, &to->lease.vip4);
	uint8_t data[200];
	struct ntm_pkt pkt;
	size_t len = ntm_ippkt_build_udp(data, sizeof(data), &src_addr, &dst_addr, "x", 1);

	assert_true(len > 0);
	assert_non_null(tunnel);
	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, len), data, len);
	assert_int_equal(ntm_link_send(tunnel_link(tunnel), &pkt, 0), 0);
	sim_run(from->sim, 100);
}

/* The same in two parts: nothing is looked at before the whole is there. */
static void send_in_parts(struct sim_node *from, struct sim_node *to, const struct ntm_ip *src)
{
	struct ntm_addr src_addr = {.ip = *src, .port = 40000};
	struct ntm_addr dst_addr = {.ip = to->lease.vip4, .port = 9999};
	struct tunnel *tunnel = tunnel_find_up(from->node->tunnels, &to->lease.vip4);
	struct ntm_frag part = {.id = 1, .count = 2};
	struct ntm_pkt whole;

	assert_non_null(tunnel);
	ntm_pkt_reset(&whole);
	ntm_pkt_put(&whole, ntm_ippkt_build_udp(whole.data, NTM_PKT_MAX, &src_addr, &dst_addr,
						"in two parts", 12));
	assert_int_equal(whole.len, 40);
	for (; part.index < part.count; part.index++) {
		struct ntm_pkt out;

		ntm_pkt_reset(&out);
		ntm_frag_cut(&whole, &part, &out);
		assert_int_equal(ntm_link_send(tunnel_link(tunnel), &out, 0), 0);
	}
	sim_run(from->sim, 100);
}

static void inner_source_of_parts_is_checked(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	struct sim_node *a = sim_node_up(dc, &sim->internet, "192.0.2.10", "alice");
	struct sim_node *b = sim_node_up(dc, &sim->internet, "192.0.2.11", "bob");
	struct sim_node *c = sim_node_up(dc, &sim->internet, "192.0.2.12", "carol");

	sim_say(a, b, 4, 9999, "good");
	sim_run(sim, 1000);
	assert_int_equal(b->data_in, 1);
	send_in_parts(a, b, &a->lease.vip4);
	assert_int_equal(b->data_in, 2);
	assert_string_equal(b->data, "in two parts");
	send_in_parts(a, b, &c->lease.vip4);
	assert_int_equal(b->data_in, 2);
	assert_int_equal(b->node->counters.peer_spoofed, 1);
}

static void inner_source_is_checked(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	struct sim_node *a = sim_node_up(dc, &sim->internet, "192.0.2.10", "alice");
	struct sim_node *b = sim_node_up(dc, &sim->internet, "192.0.2.11", "bob");
	struct sim_node *c = sim_node_up(dc, &sim->internet, "192.0.2.12", "carol");
	const struct ntm_ip outside = sim_ip("203.0.113.9");

	sim_say(a, b, 4, 9999, "good");
	sim_run(sim, 1000);
	assert_int_equal(b->data_in, 1);
	send_in_tunnel(a, b, &a->lease.vip4, &b->lease.vip4);
	assert_int_equal(b->data_in, 2); /* that is how it gets through */
	send_in_tunnel(a, b, &c->lease.vip4, &b->lease.vip4);
	send_in_tunnel(a, b, &c->lease.vip6, &b->lease.vip6);
	send_in_tunnel(a, b, &b->lease.vip4, &b->lease.vip4);
	send_in_tunnel(a, b, &outside, &b->lease.vip4);
	send_in_tunnel(a, b, &dc->settings.resolver4, &b->lease.vip4);
	send_in_tunnel(a, b, &a->lease.vip4, &c->lease.vip4);
	send_in_tunnel(a, b, &a->lease.vip4, &outside);
	send_in_tunnel(a, b, &a->lease.vip4, &dc->settings.resolver4);
	assert_int_equal(b->data_in, 2);
	assert_int_equal(b->icmp_in, 0);
	assert_int_equal(b->node->counters.peer_spoofed, 8);
	assert_int_equal(c->data_in, 0);
	assert_int_equal(sim_tunnel_count(c), 0);
}

/* Anything may be in a good tunnel of a bad peer: no packet of it reaches the host, nothing comes
 * of it, and the tunnel goes on. */
static void inner_garbage(void **state)
{
	static const uint8_t kinds[] = {0x45, 0x60, 1, NTM_FRAG_KIND, 0, 0xff};
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	struct sim_node *a = sim_node_up(dc, &sim->internet, "192.0.2.10", "alice");
	struct sim_node *b = sim_node_up(dc, &sim->internet, "192.0.2.11", "bob");
	struct sim_rng rng = {.state = sim_seed()};
	struct ntm_link *link;

	sim_say(a, b, 4, 9999, "good");
	sim_run(sim, 1000);
	assert_int_equal(b->data_in, 1);
	link = tunnel_link(tunnel_find_up(a->node->tunnels, &b->lease.vip4));
	for (unsigned i = 0; i < 3000; i++) {
		struct ntm_pkt pkt;
		size_t len = 1 + sim_random_below(&rng, 200);
		uint8_t *data;

		ntm_pkt_reset(&pkt);
		data = ntm_pkt_put(&pkt, len);
		for (size_t k = 0; k < len; k++)
			data[k] = (uint8_t)sim_random(&rng);
		data[0] = kinds[i % sizeof(kinds)];
		if (data[0] == 1 && len > 1)
			data[1] = (uint8_t)sim_random_below(&rng, NTM_MSG_RELAY_REGISTER + 2);
		/* CLOSE is one of the things that a peer may say. */
		if (data[0] == 1 && len > 1 && data[1] == NTM_MSG_CLOSE)
			data[1] = NTM_MSG_MOVED;
		assert_int_equal(ntm_link_send(link, &pkt, 0), 0);
		sim_run(sim, 1);
	}
	sim_run(sim, 1000);
	assert_true(b->node->counters.peer_malformed >= 1500);
	assert_true(b->node->counters.control_bad >= 400);
	assert_int_equal(b->data_in, 1);
	assert_int_equal(b->icmp_in, 0);
	assert_int_equal(sim_tunnel_count(b), 1);
	sim_say(a, b, 4, 9999, "still good");
	sim_say(b, a, 4, 9999, "still good");
	sim_run(sim, 100);
	assert_int_equal(b->data_in, 2);
	assert_int_equal(a->data_in, 1);
}

/* A DC of another version may ask what we do not know. */
static void dc_asks_strangely(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	struct sim_node *a = sim_node_up(dc, &sim->internet, "192.0.2.10", "alice");
	struct ntm_ctl *ctl = registry_by_name(&dc->dc->registry, a->fqdn)->ctl;
	struct ntm_msg ping = {.type = NTM_MSG_PING}, resolve = {.type = NTM_MSG_RESOLVE};

	resolve.resolve.len = 20;
	assert_int_equal(ntm_ctl_tell(ctl, &ping), 0);
	assert_int_equal(ntm_ctl_tell(ctl, &resolve), 0);
	sim_run(sim, 1000);
	assert_int_equal(a->node->counters.control_bad, 2);
	assert_true(node_is_registered(a->node));
}

/* What a kernel sends into any interface, and what is no IP packet: nobody is asked about it. */
static void host_says_nonsense(void **state)
{
	static const char *const pairs[][2] = {
		{"198.18.0.1", "224.0.0.251"}, {"fe80::1", "ff02::16"},   {"::", "ff02::1:ff00:1"},
		{"fe80::1", "fd00:1:2::2"},    {"0.0.0.0", "198.18.0.2"},
	};
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	struct sim_node *a = sim_node_up(dc, &sim->internet, "192.0.2.10", "alice");
	uint64_t sent;
	uint8_t data[200];
	size_t len = 0;

	sim_run(sim, 1000);
	sent = a->sent;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct ntm_addr from = {.ip = sim_ip(pairs[i][0]), .port = 5353};
		struct ntm_addr to = {.ip = sim_ip(pairs[i][1]), .port = 5353};

		len = ntm_ippkt_build_udp(data, sizeof(data), &from, &to, "x", 1);
		assert_true(len > 0);
		sim_tun(a, data, len);
	}
	assert_int_equal(a->node->counters.noise, 5);
	for (size_t i = 0; i < len; i++)
		sim_tun(a, data, i);
	assert_int_equal(a->node->counters.malformed, len);
	sim_run(sim, 1000);
	assert_int_equal(a->node->counters.wrong_source, 0);
	assert_int_equal(a->sent, sent);
	assert_int_equal(a->icmp_in, 0);
	assert_int_equal(sim_tunnel_count(a), 0);
}

/* More questions than the DC may be asked at once, and it is away: each has an answer in time. */
static void many_questions(void **state)
{
	static struct sim_lookup lookup[100];
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	struct sim_node *a = sim_node_up(dc, &sim->internet, "192.0.2.10", "alice");

	sim_cut(sim, "192.0.2.10", "192.0.2.1");
	for (unsigned i = 0; i < 100; i++)
		sim_resolve(a, "_sip._udp." DOMAIN, NTM_DNS_SRV, &lookup[i]);
	sim_run(sim, 6000);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(lookup[i].rcode, NTM_DNS_SERVFAIL);
		assert_in_range(lookup[i].answered_ms - lookup[i].asked_ms, 0, 5000);
	}
	sim_heal(sim);
	sim_run(sim, 10000);
	for (unsigned i = 0; i < 100; i++) {
		sim_resolve(a, "alice." DOMAIN, NTM_DNS_PTR, &lookup[i]);
		sim_run(sim, 1);
	}
	sim_run(sim, 2000);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(lookup[i].rcode, NTM_DNS_NOERROR);
}

/* An application bound to the wrong address: nothing leaves, and it is counted. */
static void host_with_wrong_source(void **state)
{
	struct sim *sim = *state;
	struct sim_dc *dc = sim_dc_new(sim, DOMAIN, "192.0.2.1");
	struct sim_node *a = sim_node_up(dc, &sim->internet, "192.0.2.10", "alice");
	struct sim_node *b = sim_node_up(dc, &sim->internet, "192.0.2.11", "bob");
	struct ntm_addr from = sim_addr("192.0.2.10", 5060);
	struct ntm_addr to = {.ip = b->lease.vip4, .port = 9999};
	uint8_t data[200];
	size_t len = ntm_ippkt_build_udp(data, sizeof(data), &from, &to, "x", 1);

	sim_tun(a, data, len);
	sim_run(sim, 1000);
	assert_int_equal(b->data_in, 0);
	assert_int_equal(sim_tunnel_count(a), 0);
	assert_int_equal(a->node->counters.wrong_source, 1);
}

#define scenario(fn) cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(replays),
		scenario(truncated_and_changed),
		scenario(noise),
		scenario(inner_source_is_checked),
		scenario(inner_source_of_parts_is_checked),
		scenario(inner_garbage),
		scenario(dc_asks_strangely),
		scenario(host_with_wrong_source),
		scenario(host_says_nonsense),
		scenario(many_questions),
	};

	return sim_main("hostile", tests, sizeof(tests) / sizeof(tests[0]));
}
