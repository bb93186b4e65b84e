/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets of all kinds through a gateway, both ways; and those that are no packets. */
#include "exitworld.h"

#define VIP4    "198.18.0.7"
#define VIP6    "fd00:1:2::7"
#define SERVER4 "198.51.100.1"
#define SERVER6 "2001:db8::1"
#define ROUTER4 "203.0.113.200"
#define ROUTER6 "2001:db8:ff::1"

static int setup6(void **state)
{
	int err = setup(state);
	struct world *w = *state;

	w->has_ipv6 = true;
	w->a.cert.vip6 = ip_of(VIP6);
	w->b.cert.vip6 = ip_of("fd00:1:2::8");
	run(w, 100);
	direct(w, &w->a);
	direct(w, &w->b);
	return err;
}

/* ---- packets, by hand ---- */

static void put_sum(uint8_t *at, uint16_t sum)
{
	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

static void make(struct ntm_pkt *pkt, uint8_t proto, const char *src, const char *dst,
		 const void *payload, size_t len)
{
	const struct ntm_ip from = ip_of(src), to = ip_of(dst);
	size_t head = from.family == 4 ? 20 : 40;

	ntm_pkt_reset(pkt);
	uint8_t *p = ntm_pkt_put(pkt, head + len);
	memset(p, 0, head);
	if (from.family == 4) {
		p[0] = 0x45;
		p[3] = (uint8_t)(head + len);
		p[8] = 64;
		p[9] = proto;
		memcpy(p + 12, from.b, 4);
		memcpy(p + 16, to.b, 4);
		put_sum(p + 10, ntm_checksum_finish(ntm_checksum_add(0, p, 20)));
	} else {
		p[0] = 0x60;
		p[5] = (uint8_t)len;
		p[6] = proto;
		p[7] = 64;
		memcpy(p + 8, from.b, 16);
		memcpy(p + 24, to.b, 16);
	}
	memcpy(p + head, payload, len);
}

static void from_node(struct world *w, const struct ntm_pkt *pkt)
{
	struct ntm_pkt copy = *pkt;

	ntm_pkt_reset(&copy);
	memcpy(ntm_pkt_put(&copy, pkt->len), pkt->data, pkt->len);
	assert_int_equal(ntm_link_send(w->a.link, &copy, 0), 0);
	run(w, 20);
}

static void from_kernel(struct world *w, const struct ntm_pkt *pkt)
{
	struct ntm_pkt copy;

	ntm_pkt_reset(&copy);
	memcpy(ntm_pkt_put(&copy, pkt->len), pkt->data, pkt->len);
	exit_gate_tun_input(w->gate, &copy);
	run(w, 20);
}

/* Out, as it is. */
static void assert_out(struct world *w, const struct ntm_pkt *pkt)
{
	unsigned before = w->tun;

	from_node(w, pkt);
	assert_int_equal(w->tun, before + 1);
	assert_int_equal(w->tun_len, pkt->len);
	assert_memory_equal(w->tun_last, pkt->data, pkt->len);
}

/* Back to a, as it is. */
static void assert_back(struct world *w, const struct ntm_pkt *pkt)
{
	unsigned before = w->a.in, other = w->b.in;

	from_kernel(w, pkt);
	assert_int_equal(w->a.in, before + 1);
	assert_int_equal(w->b.in, other);
	assert_true(w->a.len >= pkt->len); /* padding */
	assert_memory_equal(w->a.last, pkt->data, pkt->len);
}

/* ---- what passes ---- */

static void udp_tcp_and_pings_of_both_families(void **state)
{
	static const uint8_t tcp[20] = {0xc0, 1, 0x13, 0xc4, [12] = 0x50, 0x02}; /* SYN to 5060 */
	static const uint8_t udp[16] = {0xc0, 1, 0x13, 0xc4, 0, 16, 0, 0, 'x'};
	static const uint8_t ping4[16] = {8, 0, 0, 0, 0, 1}, ping6[16] = {128, 0, 0, 0, 0, 1};
	static const struct {
		uint8_t proto;
		const uint8_t *data;
		size_t len;
		bool is_six;
	} kinds[] = {
		{NTM_IPPROTO_TCP, tcp, 20, false},
		{NTM_IPPROTO_TCP, tcp, 20, true},
		{NTM_IPPROTO_UDP, udp, 16, false},
		{NTM_IPPROTO_UDP, udp, 16, true},
		{NTM_IPPROTO_ICMP, ping4, 16, false},
		{NTM_IPPROTO_ICMPV6, ping6, 16, true},
		{50, tcp, 20, false}, /* ESP, and whatever else there is */
		{132, tcp, 20, true},
	};
	struct world *w = *state;
	struct ntm_pkt pkt;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *vip = kinds[i].is_six ? VIP6 : VIP4;
		const char *server = kinds[i].is_six ? SERVER6 : SERVER4;

		make(&pkt, kinds[i].proto, vip, server, kinds[i].data, kinds[i].len);
		assert_out(w, &pkt);
		make(&pkt, kinds[i].proto, server, vip, kinds[i].data, kinds[i].len);
		assert_back(w, &pkt);
	}
	assert_int_equal(w->gate->counters.malformed, 0);
}

/* Each fragment for itself: the kernel joins them, for NAT. */
static void fragments(void **state)
{
	static const uint8_t udp[16] = {0xc0, 1, 0x13, 0xc4, 0, 200};
	static const uint8_t first6[24] =
		{NTM_IPPROTO_UDP, 0, 0, 1, 0, 0, 0, 9, 0xc0, 1, 0x13, 0xc4, 0, 200};
	static const uint8_t later6[24] = {NTM_IPPROTO_UDP, 0, 0, 16, 0, 0, 0, 9};
	struct world *w = *state;
	struct ntm_pkt pkt;

	make(&pkt, NTM_IPPROTO_UDP, VIP4, SERVER4, udp, 16);
	pkt.data[6] = 0x20; /* more */
	assert_out(w, &pkt);
	pkt.data[6] = 0;
	pkt.data[7] = 2; /* later */
	assert_out(w, &pkt);
	make(&pkt, 44, VIP6, SERVER6, first6, 24);
	assert_out(w, &pkt);
	make(&pkt, 44, VIP6, SERVER6, later6, 24);
	assert_out(w, &pkt);
	make(&pkt, 44, SERVER6, VIP6, later6, 24);
	assert_back(w, &pkt);
}

/* ---- ICMP errors ---- */

/* An error of type and code, about a UDP packet of src to dst. */
static void make_error(struct ntm_pkt *pkt, const char *from, const char *to, const char *src,
		       const char *dst)
{
	static const uint8_t udp[16] = {0xc0, 1, 0x13, 0xc4, 0, 16};
	uint8_t error[8 + 40 + 16] = {0};
	bool is_six = ip_of(from).family == 6;
	struct ntm_pkt about;

	make(&about, NTM_IPPROTO_UDP, src, dst, udp, 16);
	error[0] = is_six ? 2 : 3; /* packet too big; fragmentation needed */
	error[1] = is_six ? 0 : 4;
	memcpy(error + 8, about.data, about.len);
	make(pkt, is_six ? NTM_IPPROTO_ICMPV6 : NTM_IPPROTO_ICMP, from, to, error, 8 + about.len);
}

/* "Too large", "nobody there": without them a TCP connection hangs. */
static void routers_and_servers_tell_nodes(void **state)
{
	struct world *w = *state;
	struct ntm_pkt pkt;

	make_error(&pkt, ROUTER4, VIP4, VIP4, SERVER4);
	assert_back(w, &pkt);
	make_error(&pkt, SERVER4, VIP4, VIP4, SERVER4);
	assert_back(w, &pkt);
	make_error(&pkt, ROUTER6, VIP6, VIP6, SERVER6);
	assert_back(w, &pkt);
}

/* Connection tracking would believe an error about what another node has with a server. */
static void nodes_tell_servers_of_their_own_packets(void **state)
{
	struct world *w = *state;
	struct ntm_pkt pkt;

	make_error(&pkt, VIP4, SERVER4, SERVER4, VIP4);
	assert_out(w, &pkt);
	make_error(&pkt, VIP6, SERVER6, SERVER6, VIP6);
	assert_out(w, &pkt);
	unsigned out = w->tun;
	make_error(&pkt, VIP4, SERVER4, SERVER4, "198.18.0.8");
	from_node(w, &pkt);
	make_error(&pkt, VIP6, SERVER6, SERVER6, "fd00:1:2::8");
	from_node(w, &pkt);
	make_error(&pkt, VIP4, SERVER4, "203.0.113.9", SERVER4);
	from_node(w, &pkt);
	make_error(&pkt, VIP6, SERVER6, SERVER6, VIP6);
	pkt.len = 40 + 8; /* about nothing */
	pkt.data[5] = 8;
	from_node(w, &pkt);
	assert_int_equal(w->tun, out);
	assert_int_equal(w->gate->counters.foreign_error, 4);
}

/* ---- refusals ---- */

static void ipv6_has_the_same_policy(void **state)
{
	static const uint8_t udp[16] = {0xc0, 1, 0x13, 0xc4, 0, 16};
	static const struct {
		const char *dst;
		enum exit_verdict verdict;
		bool is_told;
	} cases[] = {
		{"fd00:1:2::8", EXIT_VIRTUAL, true},
		{"fd00:1:2::100", EXIT_VIRTUAL, true},
		{"::1", EXIT_UNUSABLE, true},
		{"fe80::1", EXIT_UNUSABLE, true},
		{"ff02::1", EXIT_UNUSABLE, false},
		{"fc00::1", EXIT_PRIVATE, true},
		{"64:ff9b::10.0.0.1", EXIT_PRIVATE, true},
		{"64:ff9b::7f00:1", EXIT_UNUSABLE, true},
		{"64:ff9b::203.0.113.5", EXIT_OWN, true},
	};
	const struct ntm_ip vip = ip_of("fd00:1:2::100");
	struct world *w = *state;
	struct ntm_pkt pkt;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t before = w->gate->counters.verdicts[cases[i].verdict];
		unsigned in = w->a.in;

		make(&pkt, NTM_IPPROTO_UDP, VIP6, cases[i].dst, udp, 16);
		from_node(w, &pkt);
		assert_int_equal(w->gate->counters.verdicts[cases[i].verdict], before + 1);
		assert_int_equal(w->a.in, in + cases[i].is_told);
		if (!cases[i].is_told)
			continue;
		assert_memory_equal(w->a.last + 8, vip.b, 16); /* from the gateway's */
		assert_int_equal(w->a.last[6], NTM_IPPROTO_ICMPV6);
		assert_int_equal(w->a.last[40], 1);
		assert_int_equal(w->a.last[41], 1); /* administratively prohibited */
	}
	assert_int_equal(w->tun, 0);
}

static void ipv6_of_another_is_spoofed(void **state)
{
	static const uint8_t udp[16] = {0xc0, 1, 0x13, 0xc4, 0, 16};
	static const char *const others[] = {"fd00:1:2::8", "fd00:1:2::100",
					     "2001:db8::7", "fe80::7",
					     "::",          "::1"};
	struct world *w = *state;
	struct ntm_pkt pkt;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		make(&pkt, NTM_IPPROTO_UDP, others[i], SERVER6, udp, 16);
		from_node(w, &pkt);
		assert_int_equal(w->gate->counters.spoofed + w->gate->counters.malformed, i + 1);
	}
	assert_int_equal(w->tun, 0);
	assert_int_equal(w->a.in, 0);
}

/* No storm of them, and none about errors or later fragments. */
static void refusals_are_few(void **state)
{
	static const uint8_t udp[16] = {0xc0, 1, 0x13, 0xc4, 0, 16};
	struct world *w = *state;
	struct ntm_pkt pkt;

	make_error(&pkt, VIP4, "10.0.0.1", "10.0.0.1", VIP4);
	from_node(w, &pkt);
	make(&pkt, NTM_IPPROTO_UDP, VIP4, "10.0.0.1", udp, 16);
	pkt.data[7] = 2;
	from_node(w, &pkt);
	assert_int_equal(w->a.in, 0);
	pkt.data[7] = 0;
	for (unsigned i = 0; i < 100; i++) {
		struct ntm_pkt copy;

		ntm_pkt_reset(&copy);
		memcpy(ntm_pkt_put(&copy, pkt.len), pkt.data, pkt.len);
		assert_int_equal(ntm_link_send(w->a.link, &copy, 0), 0);
	}
	run(w, 50);
	assert_int_equal(w->gate->counters.verdicts[EXIT_PRIVATE], 102);
	assert_in_range(w->a.in, 1, 25);
}

/* ---- what is no packet ---- */

static void malformed_both_ways(void **state)
{
	static const uint8_t udp[16] = {0xc0, 1, 0x13, 0xc4, 0, 16};
	static const uint8_t routing[24] = {NTM_IPPROTO_UDP, 0, 0, 0};
	static const struct {
		bool is_six;
		size_t at, len; /* len: of the packet; 0: as it is */
		uint8_t value;
	} cases[] = {
		{false, 0, 0, 0x46},                     /* options, which are not there */
		{false, 0, 0, 0x44},                     /* a header of 16 bytes */
		{false, 0, 0, 0x75},                     /* no version */
		{false, 3, 0, 200},   {false, 3, 0, 19}, /* longer than it is; shorter than a header
							  */
		{false, 0, 19, 0x45}, {false, 0, 1, 0x45}, {false, 25, 0, 200},
		{false, 25, 0, 7}, /* UDP's length */
		{true, 5, 0, 200},    {true, 0, 39, 0x60}, {true, 0, 1, 0x60},
		{true, 6, 0, 43}, /* a routing header */
		{true, 45, 0, 200},
	};
	struct world *w = *state;
	struct ntm_pkt pkt;
	uint64_t count = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int back = 0; back < 2; back++) {
			const char *vip = cases[i].is_six ? VIP6 : VIP4;
			const char *server = cases[i].is_six ? SERVER6 : SERVER4;
			bool is_routing = cases[i].is_six && cases[i].value == 43;

			make(&pkt, NTM_IPPROTO_UDP, back ? server : vip, back ? vip : server,
			     is_routing ? routing : udp, is_routing ? 24 : 16);
			pkt.data[cases[i].at] = cases[i].value;
			if (cases[i].len > 0)
				pkt.len = cases[i].len;
			(back ? from_kernel : from_node)(w, &pkt);
			if (w->gate->counters.malformed != ++count)
				fail_msg("case %zu, %s", i, back ? "back" : "out");
		}
	assert_int_equal(w->tun, 0);
	assert_int_equal(w->a.in, 0);
}

/* A kernel's own multicast, and what nobody has a tunnel for. */
static void nothing_for_nobody(void **state)
{
	static const uint8_t udp[16] = {0xc0, 1, 0x13, 0xc4, 0, 16};
	static const char *const pairs[][2] = {
		{"fe80::1", "ff02::2"},    {SERVER6, "fd00:1:2::9"},  {SERVER4, "198.18.0.9"},
		{SERVER4, "203.0.113.77"}, {SERVER4, "198.18.0.100"},
	};
	struct world *w = *state;
	struct ntm_pkt pkt;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		make(&pkt, NTM_IPPROTO_UDP, pairs[i][0], pairs[i][1], udp, 16);
		from_kernel(w, &pkt);
		assert_int_equal(w->gate->counters.no_tunnel, i + 1);
	}
	assert_int_equal(w->a.in + w->b.in, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup6, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(udp_tcp_and_pings_of_both_families),
		TEST(fragments),
		TEST(routers_and_servers_tell_nodes),
		TEST(nodes_tell_servers_of_their_own_packets),
		TEST(ipv6_has_the_same_policy),
		TEST(ipv6_of_another_is_spoofed),
		TEST(refusals_are_few),
		TEST(malformed_both_ways),
		TEST(nothing_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
