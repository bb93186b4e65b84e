/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions with DCs of other domains: searched, tried, kept, lost; nobody is left waiting. */
#include "dcforeign.h"

#include "dc_priv.h"

#define SRV  "_ntm._udp.b.example"
#define DC_B "dc.b.example"

/* ---- up ---- */

static void comes_up_and_is_kept(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	assert_int_equal(s.foreign->state, FOREIGN_IDLE);
	ask(s.a, BOB, 1);
	run(w, 1);
	assert_int_equal(s.foreign->state, FOREIGN_IDLE); /* on its way to the DC */
	run(w, DELAY_MS);
	assert_int_equal(s.foreign->state, FOREIGN_CONNECTING);
	run(w, 200);
	assert_int_equal(s.foreign->state, FOREIGN_UP);
	assert_int_equal(s.b->up, 1);
	assert_int_equal(s.b->asked_count, 1);
	assert_false(finder_is_running(&s.foreign->finder));
	call(w, &s);
	call(w, &s);
	assert_int_equal(s.b->up, 1); /* one session for all */
	assert_int_equal(s.foreign->counters.sessions, 1);
	/* The first request was never answered: it might have been the wrong place. */
	assert_int_equal(dnsfake_asked(&w->dns, NTM_DNS_SRV, SRV), 2);
}

/* Many requests, one search, one session; each has its answer. */
static void one_search_for_all(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct client *c = node_new(w, 1, "carol.ntm.example");

	ask(s.a, BOB, 1);
	ask(s.a, "eve.b.example", 2);
	ask(c, BOB, 3);
	run(w, 200);
	assert_int_equal(s.b->asked_count, 3);
	assert_int_equal(s.b->up, 1);
	assert_int_equal(dnsfake_asked(&w->dns, NTM_DNS_A, DC_B), 1);
}

/* An address that no node has is not in DNS. That says nothing of the names of the domain: who asks
 * for one meanwhile, or right after, gets to its DC. */
static void no_ptr_spoils_no_name(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct client *c = node_new(w, 1, "carol.ntm.example");

	ask(s.a, "10.20.9.9", 1);
	run(w, 200);
	assert_refused(s.a, 1, NTM_DIR_NO_DC, "PTR 9.9.20.10.in-addr.arpa: there is none");
	ask(s.a, "10.20.9.9", 2); /* not searched again */
	run(w, 100);
	assert_refused(s.a, 2, NTM_DIR_NO_DC, "PTR 9.9.20.10.in-addr.arpa: there is none");
	assert_int_equal(dnsfake_asked(&w->dns, NTM_DNS_PTR, "9.9.20.10.in-addr.arpa"), 1);
	ask(c, BOB, 3);
	run(w, 200);
	assert_int_equal(c->refused, 0);
	assert_int_equal(s.b->asked_count, 1);
}

static void no_ptr_spoils_no_name_meanwhile(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct client *c = node_new(w, 1, "carol.ntm.example");

	ask(s.a, "10.20.9.9", 1);
	ask(c, BOB, 2);
	run(w, 200);
	assert_int_equal(s.a->refused + c->refused, 0);
	assert_int_equal(s.b->asked_count, 2);
}

/* What is asked while the session comes up, goes out as soon as it is there. */
static void by_vip_through_ptr(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	partner_publish_vip(s.b, "10.20.0.5");
	ask(s.a, "10.20.0.5", 1);
	run(w, 200);
	assert_int_equal(s.b->asked_count, 1);
	assert_true(s.b->asked[0].information_request.is_sip);
	assert_string_equal(s.b->asked[0].information_request.fqdn_cn, "");
}

/* ---- several addresses ---- */

static int64_t first_of(struct partner *p, int64_t start_ms)
{
	return p->first_ms == 0 ? -1 : p->first_ms - start_ms;
}

static void staggered(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct partner *x = partner_new(w, 1, "x.example"), *y = partner_new(w, 2, "y.example");
	int64_t start_ms = w->timers.now_ms + DELAY_MS; /* the DC has the request */

	s.b->is_deaf = x->is_deaf = y->is_deaf = true;
	dnsfake_add(&w->dns, DC_B, rr_ip("203.0.113.21"));
	dnsfake_add(&w->dns, DC_B, rr_ip("203.0.113.22"));
	ask(s.a, BOB, 1);
	run(w, 3000);
	start_ms += 2 * DNSFAKE_DELAY_MS + DELAY_MS;
	assert_int_equal(first_of(s.b, start_ms), 0);
	assert_int_equal(first_of(x, start_ms), FOREIGN_STAGGER_MS);
	assert_int_equal(first_of(y, start_ms), 2 * FOREIGN_STAGGER_MS);
	assert_refused(s.a, 1, NTM_DIR_NO_DC, "does not answer at 203.0.113.20:4330");
}

/* The first address is dead: the second costs 300 ms. */
static void second_address(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	dnsfake_remove(&w->dns, NTM_DNS_A, DC_B);
	dnsfake_add(&w->dns, DC_B, rr_ip("203.0.113.99"));
	dnsfake_add(&w->dns, DC_B, rr_ip("203.0.113.20"));
	ask(s.a, BOB, 1);
	run(w, FOREIGN_STAGGER_MS + 100);
	assert_int_equal(s.b->asked_count, 1);
	assert_int_equal(s.foreign->state, FOREIGN_UP);
}

/* The DC of another domain answers first, and again and again: the right one is tried all the same.
 */
static void wrong_one_first(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct partner *x = partner_new(w, 1, "x.example");

	(void)x;
	dnsfake_remove(&w->dns, NTM_DNS_A, DC_B);
	dnsfake_add(&w->dns, DC_B, rr_ip("203.0.113.21"));
	dnsfake_add(&w->dns, DC_B, rr_ip("203.0.113.20"));
	ask(s.a, BOB, 1);
	run(w, FOREIGN_STAGGER_MS + 100);
	assert_true(w->dc->counters.foreign_refused >= 2);
	assert_int_equal(s.foreign->state, FOREIGN_UP);
	assert_int_equal(s.b->asked_count, 1);
	assert_int_equal(s.foreign->code, 0);
}

static void all_refuse(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	int64_t start_ms = w->timers.now_ms;

	dnsfake_remove(&w->dns, NTM_DNS_A, DC_B);
	dnsfake_add(&w->dns, DC_B, rr_ip("203.0.113.21"));
	dnsfake_add(&w->dns, DC_B, rr_ip("203.0.113.22"));
	partner_new(w, 1, "x.example");
	partner_new(w, 2, "y.example");
	ask(s.a, BOB, 1);
	run(w, 3000);
	/* At once, not at the deadline. */
	assert_in_range(s.a->answered_at_ms - start_ms, FOREIGN_STAGGER_MS,
			FOREIGN_STAGGER_MS + 100);
	assert_refused(s.a, 1, NTM_DIR_UNTRUSTED,
		       "203.0.113.22:4330: this is the DC of y.example, not of b.example");
	assert_int_equal(s.foreign->state, FOREIGN_IDLE);
}

/* Virtual addresses, ours and partners', and no port: nothing is sent there. */
static void nothing_into_virtual_prefixes(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	dnsfake_remove(&w->dns, NTM_DNS_A, DC_B);
	dnsfake_add(&w->dns, DC_B, rr_ip("198.18.0.1"));
	dnsfake_add(&w->dns, DC_B, rr_ip("10.20.0.1"));
	dnsfake_add(&w->dns, DC_B, rr_ip("fd00:1:2::1"));
	ask(s.a, BOB, 1);
	run(w, 1000);
	assert_int_equal(s.foreign->tried_count, 0);
	assert_refused(s.a, 1, NTM_DIR_NO_DC, "DNS names no address of the DC of b.example");
}

static void last_good_first(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	call(w, &s);
	foreign_fail(s.foreign, NTM_DIR_NO_DC, "for the test");
	run(w, FOREIGN_NEGATIVE_MS);
	/* DNS is dead now; nothing is lost. */
	w->dns.err = -EHOSTUNREACH;
	call(w, &s);
	assert_int_equal(s.foreign->counters.sessions, 2);
}

/* The DC has moved; where it was, nobody is. */
static void last_good_is_old(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	int64_t start_ms;

	call(w, &s);
	foreign_fail(s.foreign, NTM_DIR_NO_DC, "for the test");
	run(w, DIRECTION_KEEP_MS);
	dnsfake_remove(&w->dns, NTM_DNS_A, DC_B);
	dnsfake_add(&w->dns, DC_B, rr_ip("203.0.113.77"));
	assert_int_equal(ntm_addr_parse(&s.b->addr, "203.0.113.77", 4330), 0);
	s.b->first_ms = 0;
	ask(s.a, BOB, 1);
	start_ms = w->timers.now_ms + DELAY_MS;
	run(w, 600);
	assert_int_equal(first_of(s.b, start_ms), FOREIGN_STAGGER_MS + DELAY_MS);
	assert_int_equal(s.b->asked_count, 2);
}

/* Another one has taken the address, and DNS has no other: it ends as soon as DNS has said so. */
static void last_good_is_taken(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct partner *x = partner_new(w, 1, "x.example");
	int64_t start_ms;

	call(w, &s);
	foreign_fail(s.foreign, NTM_DIR_NO_DC, "for the test");
	run(w, DIRECTION_KEEP_MS);
	x->addr = s.b->addr;
	partner_stop(s.b);
	w->dns.has_table = false;
	ask(s.a, BOB, 1);
	start_ms = w->timers.now_ms;
	run(w, 200);
	assert_int_equal(s.a->refused, 0); /* DNS may know another place */
	question_fail(dnsfake_find(&w->dns, NTM_DNS_SRV, SRV), -ENOENT, NULL);
	run(w, 100);
	assert_true(s.a->answered_at_ms - start_ms <= 300);
	assert_refused(s.a, 1, NTM_DIR_UNTRUSTED, "this is the DC of x.example");
}

/* ---- nobody there ---- */

static void dns_knows_nobody(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	dnsfake_remove(&w->dns, NTM_DNS_SRV, SRV);
	ask(s.a, BOB, 1);
	run(w, 100);
	assert_refused(s.a, 1, NTM_DIR_NO_DC,
		       "the DC of b.example is not found: SRV _ntm._udp.b.example: there is none");
	assert_non_null(line_with(w, "domain=b.example no session: the DC of b.example"));
}

static void dns_is_forged(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	w->dns.has_table = false;
	ask(s.a, BOB, 1);
	run(w, 50);
	question_fail(dnsfake_find(&w->dns, NTM_DNS_SRV, SRV), -EBADMSG, "no signature");
	run(w, 50);
	assert_refused(s.a, 1, NTM_DIR_UNTRUSTED, "DNSSEC refuses the answer: no signature");
}

static void dns_is_silent(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	w->dns.has_table = false;
	ask(s.a, BOB, 1);
	run(w, 3000);
	assert_refused(s.a, 1, NTM_DIR_NO_DC, "DNS did not answer in time");
	assert_int_equal(dnsfake_open(&w->dns), 0);
}

/* A failure is told again for a second, without a search; then there is one. */
static void negative_second(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	dnsfake_remove(&w->dns, NTM_DNS_A, DC_B);
	ask(s.a, BOB, 1);
	run(w, 100);
	assert_int_equal(s.a->refused, 1);
	ask(s.a, BOB, 2);
	run(w, 100);
	assert_refused(s.a, 2, NTM_DIR_NO_DC, "A dc.b.example: there is none in DNS");
	assert_int_equal(s.a->error.correlation, 2);
	assert_int_equal(dnsfake_asked(&w->dns, NTM_DNS_SRV, SRV), 1);
	dnsfake_add(&w->dns, DC_B, rr_ip("203.0.113.20"));
	run(w, FOREIGN_NEGATIVE_MS);
	call(w, &s);
	assert_int_equal(dnsfake_asked(&w->dns, NTM_DNS_SRV, SRV), 2);
}

/* A DC without DNS says so at once, and still takes sessions that others begin. */
static void no_lookup(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	stop_dc(w);
	w->has_dns = false;
	start_dc(w);
	client_boot(s.a);
	client_open(s.a);
	run(w, 200);
	ask(s.a, BOB, 1);
	run(w, 100);
	assert_refused(s.a, 1, NTM_DIR_NO_DC, "no DNS to find the DC of b.example");
	partner_open(s.b);
	run(w, 100);
	ask(s.a, BOB, 2);
	run(w, 100);
	assert_int_equal(s.b->asked_count, 1);
}

/* ---- the other side begins ---- */

static void theirs_while_we_try(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	dnsfake_remove(&w->dns, NTM_DNS_A, DC_B);
	dnsfake_add(&w->dns, DC_B, rr_ip("203.0.113.99")); /* nobody */
	ask(s.a, BOB, 1);
	run(w, 400);
	assert_int_equal(s.foreign->state, FOREIGN_CONNECTING);
	partner_open(s.b);
	run(w, 4 * DELAY_MS);
	assert_int_equal(s.foreign->state, FOREIGN_UP);
	assert_int_equal(s.b->asked_count, 1); /* what waited has gone out */
	run(w, 4000);                          /* our attempt is over, the session stays */
	assert_int_equal(s.foreign->state, FOREIGN_UP);
	assert_int_equal(ntm_links_count(w->dc->links), 2); /* alice's, and this */
}

static void theirs_while_we_search(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	w->dns.has_table = false;
	ask(s.a, BOB, 1);
	run(w, 50);
	assert_int_equal(dnsfake_open(&w->dns), 1);
	partner_open(s.b);
	run(w, 100);
	assert_int_equal(dnsfake_open(&w->dns), 0);
	assert_int_equal(s.b->asked_count, 1);
	run(w, 1000);
	assert_int_equal(s.foreign->state, FOREIGN_UP);
}

/* Both begin in the same moment: one session is left, and both requests are answered. */
static void crossing_handshakes(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	for (unsigned i = 0; i < 4; i++) {
		ask(s.a, BOB, 1);
		run(w, DELAY_MS + 2 * DNSFAKE_DELAY_MS);
		partner_open(s.b);
		run(w, 300);
		assert_int_equal(s.foreign->state, FOREIGN_UP);
		assert_int_equal(s.b->asked_count, 1);
		assert_int_equal(ntm_links_count(w->dc->links), 2);
		run(w, 4000);
		assert_int_equal(s.foreign->state, FOREIGN_UP);
		foreign_fail(s.foreign, NTM_DIR_NO_DC, "for the test");
		s.b->asked_count = 0;
		ntm_keys_make(&s.b->keys); /* another order of the keys */
		partner_hello(s.b);
		partner_boot(s.b);
		run(w, DIRECTION_KEEP_MS);
	}
}

/* The DC has got new keys, and a certificate for them: its new session takes the old one's place.
 */
static void rekeyed_dc(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	struct partner *former = s.b, *b = partner_new(w, 1, "b.example");

	call(w, &s);
	b->root = former->root;
	b->prefix4 = former->prefix4;
	b->prefix6 = former->prefix6;
	partner_hello(b);
	partner_open(b);
	run(w, 100);
	assert_int_equal(s.foreign->state, FOREIGN_UP);
	assert_memory_equal(ntm_link_remote_static(s.foreign->link), b->keys.pub, NTM_KEY_LEN);
	assert_int_equal(ntm_links_count(w->dc->links), 2);
	s.b = b;
	call(w, &s);
	/* Who has the former keys is not heard on what is left of his session. */
	partner_ask(former, &s.bob, ALICE, 1);
	run(w, 1000);
	assert_int_equal(former->informed + former->refused, 0);
	assert_int_equal(w->dc->directions.counters.foreign_in, 0);
}

/* ---- silence ---- */

/* The other DC was restarted, and knows nothing of the session: the handshake after two copies
 * finds it, and what was asked goes out again at once. */
static void restarted_dc(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct partner_node bob = partner_node(s.b, BOB, 5);

	call(w, &s);
	run(w, DIRECTION_KEEP_MS);
	partner_boot(s.b);
	ask(s.a, BOB, 2);
	run(w, 600 + 5 * DELAY_MS);
	assert_int_equal(s.b->asked_count, 2);
	partner_inform(s.b, &bob);
	run(w, 100);
	assert_int_equal(s.a->directed, 2);
}

static void silent_dc(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	call(w, &s);
	run(w, DIRECTION_KEEP_MS);
	s.b->is_deaf = true;
	ask(s.a, BOB, 2);
	run(w, 3000);
	assert_refused(s.a, 1, NTM_DIR_NO_DC, "the DC of b.example does not answer");
	assert_int_equal(s.foreign->state, FOREIGN_IDLE);
	assert_int_equal(ntm_links_count(w->dc->links), 1);
	run(w, FOREIGN_NEGATIVE_MS);
	s.b->is_deaf = false;
	partner_boot(s.b);
	call(w, &s);
}

/* It answers one and not the other: that is no silence, and costs only the one. */
static void one_answer_lacks(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct partner_node bob = partner_node(s.b, BOB, 5);

	call(w, &s);
	run(w, DIRECTION_KEEP_MS);
	ask(s.a, "eve.b.example", 2);
	run(w, 1000);
	ask(s.a, BOB, 3);
	run(w, 100);
	partner_inform(s.b, &bob);
	run(w, 100);
	assert_int_equal(s.a->directed, 2);
	ask(s.a, "carol.b.example", 4);
	run(w, 1500);
	assert_refused(s.a, 1, NTM_DIR_NO_DC, "does not answer in time");
	assert_int_equal(s.foreign->state, FOREIGN_UP);
	run(w, 1400);
	assert_int_equal(s.a->refused, 2); /* in its own time */
}

/* Two are open when it goes: both hear it. */
static void all_who_wait_hear(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct client *c = node_new(w, 1, "carol.ntm.example");

	call(w, &s);
	run(w, DIRECTION_KEEP_MS);
	s.b->is_deaf = true;
	ask(s.a, BOB, 2);
	run(w, 500);
	ask(c, BOB, 3);
	run(w, 2500);
	assert_refused(s.a, 1, NTM_DIR_NO_DC, "does not answer");
	assert_refused(c, 1, NTM_DIR_NO_DC, "does not answer");
	assert_int_equal(c->error.correlation, 3);
}

/* An idle session runs out without a word, whoever began it; the next request makes another one. */
static void idle_session_ends(void **state)
{
	struct world *w = *state;
	struct scene s = scene_up(w);

	run(w, 400 * 1000);
	assert_int_equal(s.foreign->state, FOREIGN_IDLE);
	assert_null(line_with(w, "no session"));
	client_register(s.a);
	call(w, &s);
	run(w, 400 * 1000);
	assert_int_equal(s.foreign->state, FOREIGN_IDLE);
	assert_null(line_with(w, "no session"));
	client_register(s.a);
	call(w, &s);
	assert_int_equal(s.foreign->counters.sessions, 3);
}

/* ---- the end ---- */

/* Freed in every state with requests open: the teardown looks for what was left. */
static void freed_while_searching(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	w->dns.has_table = false;
	ask(s.a, BOB, 1);
	run(w, 50);
	assert_int_equal(dnsfake_open(&w->dns), 1);
	stop_dc(w);
	assert_int_equal(dnsfake_open(&w->dns), 0);
}

static void freed_while_connecting(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	s.b->is_deaf = true;
	ask(s.a, BOB, 1);
	run(w, 100);
	assert_int_equal(s.foreign->state, FOREIGN_CONNECTING);
	stop_dc(w);
}

static void freed_while_asking(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	ask(s.a, BOB, 1);
	run(w, 100);
	assert_int_equal(s.b->asked_count, 1);
	stop_dc(w);
}

static void freed_while_telling(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct partner_node bob = partner_node(s.b, BOB, 5);

	partner_open(s.b);
	run(w, 100);
	s.a->is_mute = true;
	partner_ask(s.b, &bob, ALICE, 1);
	run(w, 100);
	assert_int_equal(s.a->told_count, 1);
	stop_dc(w);
}

/* Each single way of the link into the DC with a message that no DC may send. */
static void what_no_dc_may_say(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct ntm_msg ping = {.type = NTM_MSG_PING};
	static struct ntm_pkt pkt;

	call(w, &s);
	assert_int_equal(ntm_ctl_request(s.b->ctl, &ping, NULL, NULL, NULL), 0);
	run(w, 50);
	assert_int_equal(w->dc->counters.malformed, 1);
	ntm_pkt_reset(&pkt);
	memset(ntm_pkt_put(&pkt, 40), 0x45, 40);
	assert_int_equal(ntm_link_send(s.b->link, &pkt, 0), 0);
	run(w, 50);
	assert_int_equal(w->dc->counters.not_control, 1);
	for (size_t len = 1; len < 40; len++) {
		ntm_pkt_reset(&pkt);
		memset(ntm_pkt_put(&pkt, len), 0xff, len);
		pkt.data[0] = NTM_CTL_KIND;
		assert_int_equal(ntm_link_send(s.b->link, &pkt, 0), 0);
	}
	run(w, 50);
	assert_int_equal(w->dc->counters.malformed, 1 + 39);
	assert_int_equal(s.foreign->state, FOREIGN_UP);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, foreign_setup, foreign_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(comes_up_and_is_kept),
		TEST(one_search_for_all),
		TEST(no_ptr_spoils_no_name),
		TEST(no_ptr_spoils_no_name_meanwhile),
		TEST(by_vip_through_ptr),
		TEST(staggered),
		TEST(second_address),
		TEST(wrong_one_first),
		TEST(all_refuse),
		TEST(nothing_into_virtual_prefixes),
		TEST(last_good_first),
		TEST(last_good_is_old),
		TEST(last_good_is_taken),
		TEST(dns_knows_nobody),
		TEST(dns_is_forged),
		TEST(dns_is_silent),
		TEST(negative_second),
		TEST(no_lookup),
		TEST(theirs_while_we_try),
		TEST(theirs_while_we_search),
		TEST(crossing_handshakes),
		TEST(rekeyed_dc),
		TEST(restarted_dc),
		TEST(silent_dc),
		TEST(one_answer_lacks),
		TEST(all_who_wait_hear),
		TEST(idle_session_ends),
		TEST(freed_while_searching),
		TEST(freed_while_connecting),
		TEST(freed_while_asking),
		TEST(freed_while_telling),
		TEST(what_no_dc_may_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
