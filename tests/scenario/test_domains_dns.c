/* SPDX-License-Identifier: BSD-2-Clause */
/* Poisoned DNS: whatever it says, no wrong peer, and words that say what happened within 3 s. */
#include "sim_two.h"

#include "dc_priv.h"
#include "node_priv.h"

#include "ntm/dnsmsg.h"

#define PTR4 "1.0.19.198.in-addr.arpa"
#define PTR6 "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa"

struct four {
	struct two two;
	struct sim_dc *c, *d; /* a trusts c, not d; both trust a and b */
	struct sim_node *cecil;
};

static void pin_one_way(struct sim_dc *dc, const struct sim_dc *whom)
{
	struct trust_pin pin;

	sim_pin(whom, &pin);
	sim_trust(dc, &pin);
}

static void four_up(struct sim *sim, struct four *four)
{
	two_dcs(sim, &four->two);
	four->c = sim_dc_new(sim, "c.example", "192.0.2.3");
	four->d = sim_dc_new(sim, "d.example", "192.0.2.4");
	sim_trust_each_other(four->two.a, four->two.b);
	sim_trust_each_other(four->two.a, four->c);
	sim_trust_each_other(four->two.b, four->c);
	pin_one_way(four->d, four->two.a);
	pin_one_way(four->d, four->two.b);
	two_nodes(&four->two, NULL, NULL);
	four->cecil = sim_node_up(four->c, &sim->internet, "192.0.2.40", "cecil");
	assert_int_equal(four->two.bob->lease.vip4.b[3], 1); /* PTR4 and PTR6 are bob's */
}

/* alice wants bob and gets an error that says so; afterwards, with DNS as it should be, bob. */
static void check_refused(struct four *four, enum sim_by by, uint8_t code, const char *part)
{
	struct two *two = &four->two;
	struct sim *sim = two->sim;
	const struct sim_want *want = sim_want_now(two->alice, two->bob, by);
	char words[256];

	print_message("# after %lld ms \"%s\"\n", (long long)want->took_ms, want->words);
	assert_int_not_equal(want->err, 0);
	assert_true(want->took_ms <= 3000);
	sim_assert_says(want->words, part);
	assert_int_equal(want->code, code);
	assert_string_equal(sim_last_error(two->alice, words), want->words);
	sim_run(sim, 3000);
	assert_int_equal(sim_tunnel_count(two->bob), 0);
	assert_int_equal(sim_tunnel_count(four->cecil), 0);
	assert_int_equal(sim_check_peers(two->alice), 0);
	sim_dns_truth(sim);
	sim_run(sim, TUNNEL_NEGATIVE_MS + 100);
	assert_int_equal(sim_want_now(two->alice, two->bob, by)->err, 0);
	two_check(two);
}

/* Where DNS leads to is not believed, who answers there says who he is. */
static void ptr_to_a_trusted_one(void **state)
{
	struct four four;

	four_up(*state, &four);
	sim_dns_lie(*state, PTR4, NTM_DNS_PTR, "dc.c.example", "");
	check_refused(&four, SIM_BY_VIP4, NTM_DIR_UNTRUSTED,
		      "192.0.2.3:4330: this is the DC of c.example, not of b.example");
	assert_true(four.two.a->dc->counters.foreign_refused > 0);
}

/* The same with a session to it: it is taken for what it is, and stays up. */
static void ptr_to_a_trusted_one_warm(void **state)
{
	struct four four;

	four_up(*state, &four);
	assert_int_equal(sim_want_now(four.two.alice, four.cecil, SIM_BY_NAME)->err, 0);
	sim_run(*state, 100);
	sim_node_stop(four.cecil);
	sim_run(*state, 6000);
	sim_node_start(four.cecil);
	sim_run(*state, 1000);
	sim_dns_lie(*state, PTR4, NTM_DNS_PTR, "dc.c.example", "");
	check_refused(&four, SIM_BY_VIP4, NTM_DIR_UNTRUSTED,
		      "this is the DC of c.example, not of b.example");
	assert_int_equal(foreign_by_domain(four.two.a->dc, "c.example")->state, FOREIGN_UP);
}

static void ptr_to_an_untrusted_one(void **state)
{
	struct four four;

	four_up(*state, &four);
	sim_dns_lie(*state, PTR6, NTM_DNS_PTR, "dc.d.example", "");
	check_refused(&four, SIM_BY_VIP6, NTM_DIR_UNTRUSTED, "this is the DC of d.example");
}

static void ptr_to_ourselves(void **state)
{
	struct four four;

	four_up(*state, &four);
	sim_dns_lie(*state, PTR4, NTM_DNS_PTR, "dc.a.example", "");
	check_refused(&four, SIM_BY_VIP4, NTM_DIR_UNTRUSTED,
		      "this is the DC of a.example, not of b.example");
}

static void srv_to_a_trusted_one(void **state)
{
	struct four four;

	four_up(*state, &four);
	sim_dns_lie(*state, "_ntm._udp.b.example", NTM_DNS_SRV, "dc.c.example", "");
	check_refused(&four, SIM_BY_NAME, NTM_DIR_UNTRUSTED, "this is the DC of c.example");
}

static void a_to_a_trusted_one(void **state)
{
	struct four four;

	four_up(*state, &four);
	sim_dns_lie(*state, "dc.b.example", NTM_DNS_A, "", "192.0.2.3");
	check_refused(&four, SIM_BY_VIP4, NTM_DIR_UNTRUSTED, "this is the DC of c.example");
}

/* ---- nobody ---- */

static void a_to_nobody(void **state)
{
	struct four four;

	four_up(*state, &four);
	sim_dns_lie(*state, "dc.b.example", NTM_DNS_A, "", "192.0.2.99");
	check_refused(&four, SIM_BY_VIP4, NTM_DIR_NO_DC, "does not answer at 192.0.2.99:4330");
}

static void a_missing(void **state)
{
	struct four four;

	four_up(*state, &four);
	sim_dns_lie(*state, "dc.b.example", NTM_DNS_A, "", "");
	check_refused(&four, SIM_BY_VIP4, NTM_DIR_NO_DC, "A dc.b.example: there is none in DNS");
}

/* Nothing may be sent there: into tunnels, to ourselves, to everybody. */
static void a_to_where_nothing_is_sent(void **state)
{
	static const char *const ips[] = {"198.18.0.1", "198.19.0.1", "198.20.0.7",     "127.0.0.1",
					  "224.0.0.1",  "0.0.0.0",    "255.255.255.255"};
	struct sim *sim = *state;
	struct four four;
	uint64_t sent;

	four_up(sim, &four);
	for (size_t i = 0; i < sizeof(ips) / sizeof(ips[0]); i++) {
		const struct sim_want *want;

		sim_dns_lie(sim, "dc.b.example", NTM_DNS_A, "", ips[i]);
		sent = four.two.a->sent;
		want = sim_want_now(four.two.alice, four.two.bob, SIM_BY_VIP4);
		print_message("# %s: after %lld ms \"%s\"\n", ips[i], (long long)want->took_ms,
			      want->words);
		assert_int_equal(want->code, NTM_DIR_NO_DC);
		sim_assert_says(want->words, "b.example");
		assert_in_range(four.two.a->sent - sent, 1, 2); /* alice's answer, no more */
		sim_dns_truth(sim);
		sim_run(sim, TUNNEL_NEGATIVE_MS + 100);
	}
}

static void srv_to_nobody(void **state)
{
	struct four four;

	four_up(*state, &four);
	sim_dns_lie(*state, "_ntm._udp.b.example", NTM_DNS_SRV, "no.such.example", "");
	check_refused(&four, SIM_BY_NAME, NTM_DIR_NO_DC, "A no.such.example: there is none in DNS");
}

static void srv_missing(void **state)
{
	struct four four;

	four_up(*state, &four);
	sim_dns_lie(*state, "_ntm._udp.b.example", NTM_DNS_SRV, "", "");
	check_refused(&four, SIM_BY_NAME, NTM_DIR_NO_DC, "SRV _ntm._udp.b.example: there is none");
}

static void no_dns_at_all(void **state)
{
	struct sim *sim = *state;
	const struct sim_want *want;
	struct four four;

	four_up(sim, &four);
	sim->dns.loss = 1000;
	want = sim_want_now(four.two.alice, four.two.bob, SIM_BY_NAME);
	print_message("# after %lld ms \"%s\"\n", (long long)want->took_ms, want->words);
	assert_int_equal(want->code, NTM_DIR_NO_DC);
	assert_true(want->took_ms <= 3000);
	sim_assert_says(want->words, "SRV _ntm._udp.b.example: DNS did not answer in time");
}

/* ---- garbage ---- */

struct babbler {
	struct sim_place place;
	struct sim *sim;
	unsigned kind;
	uint64_t heard;
};

/* Noise; what came, sent back; a RESPONSE in form with nonsense in it. */
static void babble(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
		   const uint8_t *data, size_t len)
{
	struct babbler *babbler = ctx;
	uint8_t out[1200];
	size_t out_len = len < sizeof(out) ? len : sizeof(out);

	babbler->heard++;
	memcpy(out, data, out_len);
	if (babbler->kind != 1)
		for (size_t i = babbler->kind == 0 ? 0 : 12; i < out_len; i++)
			out[i] = (uint8_t)sim_random(&babbler->sim->rng);
	if (babbler->kind == 2) {
		out[0] = NTM_FRAME_RESPONSE;
		memmove(out + 8, data + 4, 4); /* receiver: their index */
	}
	sim_send(babbler->place.lan, to, from, out, out_len);
	if (babbler->kind == 2 && out_len > 100)
		sim_send(babbler->place.lan, to, from, out, out_len - 100);
}

static void a_to_garbage(void **state)
{
	struct sim *sim = *state;
	struct babbler babbler = {.sim = sim};
	struct four four;

	four_up(sim, &four);
	babbler.place =
		(struct sim_place){.ip = sim_ip("192.0.2.50"), .deliver = babble, .ctx = &babbler};
	sim_place_add(&sim->internet, &babbler.place);
	for (babbler.kind = 0; babbler.kind < 3; babbler.kind++) {
		uint64_t heard = babbler.heard;
		const struct sim_want *want;

		sim_dns_lie(sim, "dc.b.example", NTM_DNS_A, "", "192.0.2.50");
		want = sim_want_now(four.two.alice, four.two.bob, SIM_BY_VIP4);
		print_message("# after %lld ms \"%s\"\n", (long long)want->took_ms, want->words);
		/* An echo shows us ourselves. */
		assert_int_equal(want->code, babbler.kind == 1 ? NTM_DIR_UNTRUSTED : NTM_DIR_NO_DC);
		sim_assert_says(want->words, "192.0.2.50:4330");
		/* Four INITIATIONs; sent back, each is answered like anybody's. */
		assert_in_range(babbler.heard - heard, 1, 12);
		sim_dns_truth(sim);
		sim_run(sim, TUNNEL_NEGATIVE_MS + 100);
	}
	assert_int_equal(sim_want_now(four.two.alice, four.two.bob, SIM_BY_VIP4)->err, 0);
	two_check(&four.two);
}

/* ---- the second way ---- */

static void reverse_missing(struct sim *sim, enum sim_by by)
{
	const struct sim_want *want;
	struct four four;

	four_up(sim, &four);
	sim_dns_lie(sim, PTR4, NTM_DNS_PTR, "", "");
	sim_dns_lie(sim, PTR6, NTM_DNS_PTR, "", "");
	want = sim_want_now(four.two.alice, four.two.bob, by);
	assert_int_equal(want->err, 0);
	assert_true(want->took_ms <= 400);
	two_check(&four.two);
}

static void reverse_missing_v4(void **state)
{
	reverse_missing(*state, SIM_BY_VIP4);
}

static void reverse_missing_v6(void **state)
{
	reverse_missing(*state, SIM_BY_VIP6);
}

static void both_ways_missing(void **state)
{
	struct four four;

	four_up(*state, &four);
	sim_dns_lie(*state, PTR4, NTM_DNS_PTR, "", "");
	sim_dns_lie(*state, "1.0.19.198.vip.b.example", NTM_DNS_PTR, "", "");
	check_refused(&four, SIM_BY_VIP4, NTM_DIR_NO_DC, "PTR " PTR4 ": there is none in DNS");
}

#define scenario(fn) cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(ptr_to_a_trusted_one),
		scenario(ptr_to_a_trusted_one_warm),
		scenario(ptr_to_an_untrusted_one),
		scenario(ptr_to_ourselves),
		scenario(srv_to_a_trusted_one),
		scenario(a_to_a_trusted_one),
		scenario(a_to_nobody),
		scenario(a_missing),
		scenario(a_to_where_nothing_is_sent),
		scenario(srv_to_nobody),
		scenario(srv_missing),
		scenario(no_dns_at_all),
		scenario(a_to_garbage),
		scenario(reverse_missing_v4),
		scenario(reverse_missing_v6),
		scenario(both_ways_missing),
	};

	return sim_main("domains_dns", tests, sizeof(tests) / sizeof(tests[0]));
}
