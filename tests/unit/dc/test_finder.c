/* SPDX-License-Identifier: BSD-2-Clause */
/* The search for a DC in DNS: what is asked, in which order, and what comes out of each answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dnsfake.h"
#include "finder.h"

#define SITE_SRV "_ntm._udp.site.b.example"
#define SRV      "_ntm._udp.b.example"
#define TXT      "_ntm.b.example"
#define DC       "dc.b.example"
#define VIP      "198.18.20.9"
#define ARPA     "9.20.18.198.in-addr.arpa"
#define SECOND   "9.20.18.198.vip.b.example"

struct search {
	struct ntm_timers timers;
	struct dnsfake dns;
	struct finder finder;
	unsigned found;
	/* The last result, copied. */
	struct finder_result result;
	char words[FINDER_WORDS], dc_name[NTM_DNS_NAME_STR];
	struct ntm_addr addr[FINDER_ADDRS];
	uint8_t root[NTM_SIGN_PUB_LEN];
	const struct finder_target *again; /* fn begins another search */
};

static int lookup(void *ctx, const char *name, uint16_t type, ntm_dnsclient_fn *fn, void *arg,
		  uint64_t *id)
{
	struct search *s = ctx;

	return dnsfake_lookup(&s->dns, name, type, fn, arg, id);
}

static void lookup_cancel(void *ctx, uint64_t id)
{
	struct search *s = ctx;

	dnsfake_cancel(&s->dns, id);
}

static void on_found(void *arg, const struct finder_result *result)
{
	struct search *s = arg;
	const struct finder_target *again = s->again;

	assert_false(finder_is_running(&s->finder));
	assert_int_equal(dnsfake_open(&s->dns), 0);
	s->found++;
	s->result = *result;
	snprintf(s->words, sizeof(s->words), "%s", result->words != NULL ? result->words : "");
	snprintf(s->dc_name, sizeof(s->dc_name), "%s", result->dc_name);
	memcpy(s->addr, result->addr, result->count * sizeof(s->addr[0]));
	if (result->has_root)
		memcpy(s->root, result->root, sizeof(s->root));
	s->again = NULL;
	if (again != NULL)
		finder_start(&s->finder, again);
}

static void pass(struct search *s, int64_t ms)
{
	int64_t end_ms = s->timers.now_ms + ms;

	for (;;) {
		int64_t next_ms = ntm_timers_next(&s->timers);

		if (next_ms < 0 || s->timers.now_ms + next_ms > end_ms)
			break;
		ntm_timers_advance(&s->timers, s->timers.now_ms + next_ms, 0);
		ntm_timers_run(&s->timers);
	}
	ntm_timers_advance(&s->timers, end_ms, 0);
}

static int setup(void **state)
{
	struct search *s = calloc(1, sizeof(*s));
	struct finder_ops ops = {.lookup = lookup, .lookup_cancel = lookup_cancel};

	assert_non_null(s);
	ntm_timers_init(&s->timers);
	s->dns.timers = &s->timers;
	ops.ctx = s;
	ops.timers = &s->timers;
	finder_init(&s->finder, &ops, on_found, s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct search *s = *state;

	finder_stop(&s->finder);
	assert_int_equal(dnsfake_open(&s->dns), 0);
	assert_int_equal(ntm_timers_next(&s->timers), -1);
	free(s);
	return 0;
}

static void start_name(struct search *s, const char *fqdn)
{
	finder_start(&s->finder, &(struct finder_target){.domain = "b.example", .fqdn = fqdn});
}

static void start_vip(struct search *s, const char *vip)
{
	struct finder_target target = {.domain = "b.example"};

	assert_int_equal(ntm_ip_parse(&target.vip, vip), 0);
	finder_start(&s->finder, &target);
}

static void start_root(struct search *s)
{
	finder_start(&s->finder, &(struct finder_target){.domain = "b.example",
							 .fqdn = "bob.b.example",
							 .wants_root = true});
}

/* The question that has to be open now. */
static struct dnsfake_question *asked(struct search *s, uint16_t type, const char *name)
{
	struct dnsfake_question *q = dnsfake_find(&s->dns, type, name);

	if (q == NULL)
		fail_msg("not asked: type %u of %s", type, name);
	return q;
}

static void assert_addr(const struct search *s, size_t i, const char *expected)
{
	char text[NTM_ADDR_STR];

	assert_true(i < s->result.count);
	assert_string_equal(ntm_addr_str(&s->addr[i], text), expected);
}

static void assert_failed(const struct search *s, int err, const char *words)
{
	assert_int_equal(s->found, 1);
	assert_int_equal(s->result.err, err);
	assert_non_null(strstr(s->words, words));
}

/* ---- by name ---- */

static void by_name(void **state)
{
	struct search *s = *state;

	start_name(s, "bob.b.example");
	assert_true(finder_is_running(&s->finder));
	assert_int_equal(s->dns.count, 1); /* one at a time, and no TXT */
	question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 4444, DC));
	assert_int_equal(dnsfake_open(&s->dns), 2);
	question_answer1(asked(s, NTM_DNS_A, DC), rr_ip("203.0.113.2"));
	question_answer1(asked(s, NTM_DNS_AAAA, DC), rr_ip("2001:db8::2"));
	assert_int_equal(s->found, 1);
	assert_int_equal(s->result.err, 0);
	assert_int_equal(s->result.count, 2);
	assert_addr(s, 0, "203.0.113.2:4444");
	assert_addr(s, 1, "[2001:db8::2]:4444");
	assert_string_equal(s->dc_name, DC);
	assert_false(s->result.has_root);
}

/* R90: the closest enclosing domain, and none above the one that is trusted. */
static void closest_enclosing(void **state)
{
	struct search *s = *state;

	start_name(s, "alice.site.b.example");
	question_fail(asked(s, NTM_DNS_SRV, SITE_SRV), -ENOENT, NULL);
	assert_int_equal(s->dns.count, 2);
	question_fail(asked(s, NTM_DNS_SRV, SRV), -ENOENT, NULL);
	assert_int_equal(s->dns.count, 2); /* not example */
	assert_failed(s, -ENOENT, "SRV _ntm._udp.site.b.example: there is none in DNS");
}

static void closest_wins(void **state)
{
	struct search *s = *state;

	start_name(s, "alice.site.b.example");
	question_answer1(asked(s, NTM_DNS_SRV, SITE_SRV), rr_srv(0, 1, "dc.site.b.example"));
	question_answer1(asked(s, NTM_DNS_A, "dc.site.b.example"), rr_ip("203.0.113.9"));
	question_fail(asked(s, NTM_DNS_AAAA, "dc.site.b.example"), -ENOENT, NULL);
	assert_addr(s, 0, "203.0.113.9:1");
	assert_int_equal(dnsfake_asked(&s->dns, NTM_DNS_SRV, SRV), 0);
}

/* The name of the domain itself: nothing below it is asked for, nothing above. */
/* Whoever thinks of a name with many labels does not make the search last until it fails: others
 * wait for the same DC. */
static void many_labels(void **state)
{
	struct search *s = *state;
	char name[NTM_NAME_MAX + 1] = "";

	for (unsigned i = 0; i < 50; i++)
		strcat(name, "x.");
	strcat(name, "b.example");
	start_name(s, name);
	while (s->found == 0 && dnsfake_find(&s->dns, NTM_DNS_SRV, SRV) == NULL) {
		pass(s, 40);
		if (s->found == 0)
			question_fail(asked(s, NTM_DNS_SRV, s->dns.question[s->dns.count - 1].name),
				      -ENOENT, NULL);
	}
	assert_int_equal(s->found, 0);
	question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 4330, DC));
	question_answer1(asked(s, NTM_DNS_A, DC), rr_ip("192.0.2.1"));
	pass(s, FINDER_GRACE_MS);
	assert_int_equal(s->found, 1);
	assert_int_equal(s->result.err, 0);
}

static void the_domain_itself(void **state)
{
	struct search *s = *state;

	start_name(s, "b.example");
	question_fail(asked(s, NTM_DNS_SRV, SRV), -ENOENT, NULL);
	assert_int_equal(s->dns.count, 1);
	assert_failed(s, -ENOENT, "SRV _ntm._udp.b.example");
}

/* A server that fails for the part does not hide the whole; its failure is told no more. */
static void dead_part(void **state)
{
	struct search *s = *state;

	start_name(s, "alice.site.b.example");
	question_fail(asked(s, NTM_DNS_SRV, SITE_SRV), -EHOSTUNREACH, NULL);
	question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 4330, DC));
	question_fail(asked(s, NTM_DNS_A, DC), -EHOSTUNREACH, NULL);
	question_fail(asked(s, NTM_DNS_AAAA, DC), -ENOENT, NULL);
	assert_failed(s, -EHOSTUNREACH, "A dc.b.example: DNS gives no answer");
}

static void lowest_priority_first(void **state)
{
	struct search *s = *state;
	struct ntm_dns_rr rr[] = {rr_srv(20, 1, "c.b.example"), rr_srv(5, 2, DC),
				  rr_srv(10, 3, "d.b.example")};

	start_name(s, "bob.b.example");
	question_answer(asked(s, NTM_DNS_SRV, SRV), rr, 3);
	question_answer1(asked(s, NTM_DNS_A, DC), rr_ip("203.0.113.2"));
	question_fail(asked(s, NTM_DNS_AAAA, DC), -ENOENT, NULL);
	assert_addr(s, 0, "203.0.113.2:2");
}

/* RFC 2782: "." says that there is no such service. */
static void no_such_service(void **state)
{
	struct search *s = *state;

	start_name(s, "bob.b.example");
	question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 0, "."));
	assert_failed(s, -ENOENT, "SRV _ntm._udp.b.example");
}

static void aliases_are_followed(void **state)
{
	struct search *s = *state;
	struct ntm_dns_rr srv[] = {rr_name(NTM_DNS_CNAME, "x.c.example"), rr_srv(0, 7, DC)};
	struct ntm_dns_rr a[] = {rr_name(NTM_DNS_CNAME, "host.c.example"), rr_ip("203.0.113.2")};

	strcpy(srv[1].name, "x.c.example");
	strcpy(a[1].name, "host.c.example");
	start_name(s, "bob.b.example");
	question_answer(asked(s, NTM_DNS_SRV, SRV), srv, 2);
	question_answer(asked(s, NTM_DNS_A, DC), a, 2);
	question_answer1(asked(s, NTM_DNS_AAAA, DC), rr_name(NTM_DNS_CNAME, "host.c.example"));
	assert_int_equal(s->result.err, 0);
	assert_int_equal(s->result.count, 1);
	assert_addr(s, 0, "203.0.113.2:7");
}

/* ---- by virtual address ---- */

/* R89: PTR, then A; the port from SRV, which is asked at the same time. */
static void by_vip(void **state)
{
	struct search *s = *state;

	start_vip(s, VIP);
	assert_int_equal(s->dns.count, 2);
	question_answer1(asked(s, NTM_DNS_PTR, ARPA), rr_name(NTM_DNS_PTR, DC));
	question_answer1(asked(s, NTM_DNS_A, DC), rr_ip("203.0.113.2"));
	question_fail(asked(s, NTM_DNS_AAAA, DC), -ENOENT, NULL);
	assert_int_equal(s->found, 0); /* the port is awaited, for a moment */
	question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 4444, DC));
	assert_int_equal(s->found, 1);
	assert_addr(s, 0, "203.0.113.2:4444");
}

static void by_vip6(void **state)
{
	struct search *s = *state;

	start_vip(s, "fd00:2::9");
	asked(s, NTM_DNS_PTR,
	      "9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.0.0.d.f.ip6.arpa");
	question_fail(&s->dns.question[0], -ENOENT, NULL);
	asked(s, NTM_DNS_PTR,
	      "9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.0.0.d.f.vip6.b.example");
}

/* Nobody has delegated the reverse zone: under the suffix that the domain owns. */
static void second_way(void **state)
{
	struct search *s = *state;

	start_vip(s, VIP);
	question_fail(asked(s, NTM_DNS_PTR, ARPA), -EHOSTUNREACH, NULL);
	question_answer1(asked(s, NTM_DNS_PTR, SECOND), rr_name(NTM_DNS_PTR, DC));
	question_answer1(asked(s, NTM_DNS_A, DC), rr_ip("203.0.113.2"));
	question_fail(asked(s, NTM_DNS_AAAA, DC), -ENOENT, NULL);
	question_fail(asked(s, NTM_DNS_SRV, SRV), -ENOENT, NULL);
	assert_int_equal(s->result.err, 0);
	assert_addr(s, 0, "203.0.113.2:4330");
}

/* A reverse tree that is silent: both ways are open then, and the first that has a name is taken.
 */
static void silent_tree(void **state)
{
	struct search *s = *state;

	for (unsigned i = 0; i < 2; i++) {
		start_vip(s, VIP);
		pass(s, FINDER_PATIENCE_MS - 1);
		assert_null(dnsfake_find(&s->dns, NTM_DNS_PTR, SECOND));
		pass(s, 1);
		question_answer1(asked(s, NTM_DNS_PTR, i == 0 ? SECOND : ARPA),
				 rr_name(NTM_DNS_PTR, DC));
		/* The other one is cancelled. */
		assert_null(dnsfake_find(&s->dns, NTM_DNS_PTR, i == 0 ? ARPA : SECOND));
		question_answer1(asked(s, NTM_DNS_A, DC), rr_ip("203.0.113.2"));
		question_fail(asked(s, NTM_DNS_AAAA, DC), -ENOENT, NULL);
		question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 4444, DC));
		assert_int_equal(s->result.err, 0);
		assert_addr(s, 0, "203.0.113.2:4444");
	}
	/* One says no, the other one nothing. */
	s->found = 0;
	start_vip(s, VIP);
	pass(s, FINDER_PATIENCE_MS);
	question_fail(asked(s, NTM_DNS_PTR, SECOND), -ENOENT, NULL);
	question_fail(asked(s, NTM_DNS_SRV, SRV), -ENOENT, NULL);
	pass(s, FINDER_MS);
	assert_failed(s, -ETIMEDOUT, "PTR " ARPA);
}

static void no_way(void **state)
{
	struct search *s = *state;

	start_vip(s, VIP);
	question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 4444, DC));
	question_fail(asked(s, NTM_DNS_PTR, ARPA), -ENOENT, NULL);
	question_fail(asked(s, NTM_DNS_PTR, SECOND), -ENOENT, NULL);
	assert_failed(s, -ENOENT, "PTR " ARPA);
	/* The next search begins with the first way. */
	start_vip(s, VIP);
	asked(s, NTM_DNS_PTR, ARPA);
}

/* The SRV is about another host than the PTR: that one's port says nothing. */
static void port_of_another_name(void **state)
{
	struct search *s = *state;
	struct ntm_dns_rr both[] = {rr_srv(0, 5555, "other.b.example"),
				    rr_srv(9, 6666, "DC.b.Example")};

	for (unsigned i = 0; i < 2; i++) {
		start_vip(s, VIP);
		question_answer1(asked(s, NTM_DNS_PTR, ARPA), rr_name(NTM_DNS_PTR, DC));
		question_answer(asked(s, NTM_DNS_SRV, SRV), both, 1 + i);
		question_answer1(asked(s, NTM_DNS_A, DC), rr_ip("203.0.113.2"));
		question_fail(asked(s, NTM_DNS_AAAA, DC), -ENOENT, NULL);
		assert_addr(s, 0, i == 0 ? "203.0.113.2:4330" : "203.0.113.2:6666");
	}
}

/* ---- what is forged, late, or too much ---- */

static void forged_stops(void **state)
{
	struct search *s = *state;

	start_name(s, "alice.site.b.example");
	question_fail(asked(s, NTM_DNS_SRV, SITE_SRV), -EBADMSG, "signature of site.b.example");
	assert_int_equal(s->dns.count, 1);
	assert_failed(s, -EBADMSG, "DNSSEC refuses the answer: signature of site.b.example");
}

static void forged_ptr_stops(void **state)
{
	struct search *s = *state;

	start_vip(s, VIP);
	question_fail(asked(s, NTM_DNS_PTR, ARPA), -EBADMSG, NULL);
	assert_int_equal(dnsfake_asked(&s->dns, NTM_DNS_PTR, SECOND), 0);
	question_fail(asked(s, NTM_DNS_SRV, SRV), -ENOENT, NULL);
	assert_failed(s, -EBADMSG, "DNSSEC refuses");
}

/* It is worse than that there is no AAAA, and told whenever it comes. */
static void forged_is_told(void **state)
{
	struct search *s = *state;

	start_name(s, "bob.b.example");
	question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 4330, DC));
	question_fail(asked(s, NTM_DNS_AAAA, DC), -ENOENT, NULL);
	question_fail(asked(s, NTM_DNS_A, DC), -EBADMSG, NULL);
	assert_failed(s, -EBADMSG, "A dc.b.example: DNSSEC refuses");
}

static void grace(void **state)
{
	struct search *s = *state;

	start_name(s, "bob.b.example");
	question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 4330, DC));
	question_answer1(asked(s, NTM_DNS_AAAA, DC), rr_ip("2001:db8::2"));
	pass(s, FINDER_GRACE_MS - 1);
	assert_int_equal(s->found, 0);
	pass(s, 1);
	assert_int_equal(s->found, 1);
	assert_int_equal(s->result.err, 0);
	assert_int_equal(s->result.count, 1);
	assert_true(s->dns.question[1].is_cancelled); /* A */
	pass(s, 2 * FINDER_MS);
	assert_int_equal(s->found, 1);
}

static void deadline(void **state)
{
	struct search *s = *state;

	start_vip(s, VIP);
	pass(s, FINDER_MS - 1);
	assert_int_equal(s->found, 0);
	pass(s, 1);
	assert_failed(s, -ETIMEDOUT, "DNS did not answer in time");
	pass(s, 2 * FINDER_MS);
	assert_int_equal(s->found, 1);
}

static void stopped(void **state)
{
	struct search *s = *state;

	start_vip(s, VIP);
	question_answer1(asked(s, NTM_DNS_PTR, ARPA), rr_name(NTM_DNS_PTR, DC));
	question_answer1(asked(s, NTM_DNS_A, DC), rr_ip("203.0.113.2")); /* grace runs */
	finder_stop(&s->finder);
	assert_false(finder_is_running(&s->finder));
	assert_int_equal(dnsfake_open(&s->dns), 0);
	assert_int_equal(ntm_timers_next(&s->timers), -1);
	finder_stop(&s->finder);
	pass(s, 2 * FINDER_MS);
	assert_int_equal(s->found, 0);
}

/* A search that another one takes the place of leaves nothing in it. */
static void given_up(void **state)
{
	struct search *s = *state;

	start_root(s);
	question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 4444, DC));
	question_answer1(asked(s, NTM_DNS_A, DC), rr_ip("203.0.113.2"));
	start_vip(s, VIP);
	assert_int_equal(dnsfake_open(&s->dns), 2);
	question_answer1(asked(s, NTM_DNS_PTR, ARPA), rr_name(NTM_DNS_PTR, "dc2.b.example"));
	question_fail(asked(s, NTM_DNS_SRV, SRV), -ENOENT, NULL);
	question_answer1(asked(s, NTM_DNS_A, "dc2.b.example"), rr_ip("203.0.113.3"));
	question_fail(asked(s, NTM_DNS_AAAA, "dc2.b.example"), -ENOENT, NULL);
	assert_int_equal(s->found, 1);
	assert_int_equal(s->result.count, 1);
	assert_addr(s, 0, "203.0.113.3:4330");
}

static void starts_within_fn(void **state)
{
	struct search *s = *state;
	const struct finder_target next = {.domain = "b.example", .fqdn = "carol.b.example"};

	s->again = &next;
	start_name(s, "bob.b.example");
	question_fail(asked(s, NTM_DNS_SRV, SRV), -ENOENT, NULL);
	assert_int_equal(s->found, 1);
	assert_true(finder_is_running(&s->finder));
	question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 4330, DC));
	question_answer1(asked(s, NTM_DNS_A, DC), rr_ip("203.0.113.2"));
	pass(s, FINDER_GRACE_MS);
	assert_int_equal(s->found, 2);
	assert_int_equal(s->result.err, 0);
	assert_false(finder_is_running(&s->finder));
}

/* fn is called later, never from within finder_start. */
static void nothing_can_be_asked(void **state)
{
	struct search *s = *state;

	s->dns.err = -EBUSY;
	for (unsigned i = 1; i <= 2; i++) {
		if (i == 1)
			start_name(s, "bob.b.example");
		else
			start_vip(s, VIP);
		assert_int_equal(s->found, i - 1);
		pass(s, 0);
		assert_int_equal(s->found, i);
		assert_int_equal(s->result.err, -EBUSY);
		assert_non_null(strstr(s->words, "DNS gives no answer"));
	}
}

/* The op refuses in the middle of a search: it ends at once, not at its deadline. */
static void refused_on_the_way(void **state)
{
	struct search *s = *state;
	struct dnsfake_question *q;

	start_name(s, "alice.site.b.example");
	q = asked(s, NTM_DNS_SRV, SITE_SRV);
	s->dns.err = -EBUSY;
	question_fail(q, -ENOENT, NULL);
	assert_int_equal(s->found, 1);
	assert_int_equal(s->result.err, -ENOENT);

	s->dns.err = 0;
	start_name(s, "bob.b.example");
	q = asked(s, NTM_DNS_SRV, SRV);
	s->dns.err = -EBUSY;
	question_answer1(q, rr_srv(0, 4330, DC));
	assert_int_equal(s->found, 2);
	assert_int_equal(s->result.err, -EBUSY);
	assert_non_null(strstr(s->words, "A dc.b.example"));
}

static void eight_addresses(void **state)
{
	struct search *s = *state;
	struct ntm_dns_rr a[12];
	char text[32];

	for (unsigned i = 0; i < 12; i++) {
		snprintf(text, sizeof(text), "203.0.113.%u", i + 1);
		a[i] = rr_ip(text);
	}
	start_name(s, "bob.b.example");
	question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 4330, DC));
	question_answer(asked(s, NTM_DNS_A, DC), a, 12);
	question_answer1(asked(s, NTM_DNS_AAAA, DC), rr_ip("2001:db8::2"));
	assert_int_equal(s->result.count, FINDER_ADDRS);
	assert_addr(s, 7, "203.0.113.8:4330");
}

static void unusable_addresses(void **state)
{
	struct search *s = *state;
	struct ntm_dns_rr a[] = {rr_ip("127.0.0.1"), rr_ip("0.0.0.0"), rr_ip("224.0.0.1"),
				 rr_ip("255.255.255.255"), rr_ip("203.0.113.2")};
	struct ntm_dns_rr aaaa[] = {rr_ip("::1"), rr_ip("ff02::1"), rr_ip("fe80::1"), rr_ip("::")};

	for (size_t usable = 0; usable < 2; usable++) {
		start_name(s, "bob.b.example");
		question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 4330, DC));
		question_answer(asked(s, NTM_DNS_AAAA, DC), aaaa, 4);
		question_answer(asked(s, NTM_DNS_A, DC), a, 4 + usable);
		assert_int_equal(s->found, usable + 1);
		assert_int_equal(s->result.count, usable);
		assert_int_equal(s->result.err, usable == 0 ? -ENOENT : 0);
	}
	assert_addr(s, 0, "203.0.113.2:4330");
}

/* What is no DNS message, or has nothing of what was asked for. */
static void hostile_answers(void **state)
{
	struct search *s = *state;
	struct dnsfake_question *q;
	struct ntm_dnsclient_answer garbage = {.msg = (const uint8_t *)"\xff\xff\xff", .len = 3};

	start_name(s, "bob.b.example");
	q = asked(s, NTM_DNS_SRV, SRV);
	question_end(q);
	q->fn(q->arg, &garbage);
	assert_failed(s, -EHOSTUNREACH, "SRV");
	start_name(s, "bob.b.example");
	question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_ip("203.0.113.66"));
	assert_int_equal(s->found, 2);
	assert_int_equal(s->result.err, -ENOENT);
	start_name(s, "bob.b.example");
	question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 4330, DC));
	question_answer1(asked(s, NTM_DNS_A, DC), rr_ip("2001:db8::66"));
	question_answer1(asked(s, NTM_DNS_AAAA, DC), rr_name(NTM_DNS_PTR, "x.example"));
	assert_int_equal(s->found, 3);
	assert_int_equal(s->result.count, 0);
}

/* ---- the root key ---- */

static void root_text(char text[static 200], uint8_t fill)
{
	uint8_t root[NTM_SIGN_PUB_LEN];
	char key[NTM_KEY_STR];

	memset(root, fill, sizeof(root));
	snprintf(text, 200, "v=ntm1 root=%s", ntm_key_str(root, key));
}

/* Up to where the root is all that lacks. */
static struct dnsfake_question *root_lacks(struct search *s)
{
	start_root(s);
	question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 4330, DC));
	question_fail(asked(s, NTM_DNS_AAAA, DC), -ENOENT, NULL);
	question_answer1(asked(s, NTM_DNS_A, DC), rr_ip("203.0.113.2"));
	return asked(s, NTM_DNS_TXT, TXT);
}

static void root_signed(void **state)
{
	struct search *s = *state;
	char text[200], other[200];
	struct ntm_dns_rr rr[5] = {rr_txt("v=spf1 -all"), rr_txt("v=ntm1 root=abc"),
				   rr_txt("v=ntm1 root=")};

	root_text(text, 7);
	root_text(other, 8);
	rr[3] = rr_txt(text);
	rr[4] = rr_txt(other);
	question_answer_as(root_lacks(s), TXT, true, rr, 5);
	assert_int_equal(s->found, 1);
	assert_int_equal(s->result.err, 0);
	assert_true(s->result.has_root);
	assert_int_equal(s->root[0], 7);
	assert_int_equal(s->root[31], 7);
	/* It does not stay for a search that does not ask for it. */
	start_name(s, "bob.b.example");
	question_answer1(asked(s, NTM_DNS_SRV, SRV), rr_srv(0, 4330, DC));
	question_fail(asked(s, NTM_DNS_AAAA, DC), -ENOENT, NULL);
	question_answer1(asked(s, NTM_DNS_A, DC), rr_ip("203.0.113.2"));
	assert_int_equal(s->found, 2);
	assert_false(s->result.has_root);
}

static void root_unsigned(void **state)
{
	struct search *s = *state;
	char text[200];
	struct ntm_dns_rr rr;

	root_text(text, 7);
	rr = rr_txt(text);
	question_answer_as(root_lacks(s), TXT, false, &rr, 1);
	assert_failed(s, -EBADMSG, "TXT _ntm.b.example is not signed");
	assert_false(s->result.has_root);
}

static void root_malformed(void **state)
{
	struct search *s = *state;
	char text[200];
	struct ntm_dns_rr rr[3] = {rr_txt("v=ntm2 root=x"), rr_txt("")};

	root_text(text, 7);
	strcat(text, " ");
	rr[2] = rr_txt(text);
	question_answer_as(root_lacks(s), TXT, true, rr, 3);
	assert_failed(s, -ENOENT, "TXT _ntm.b.example: there is none in DNS");
}

static void root_absent(void **state)
{
	struct search *s = *state;

	question_fail(root_lacks(s), -ENOENT, NULL);
	assert_failed(s, -ENOENT, "TXT _ntm.b.example: there is none in DNS");
}

static void root_forged(void **state)
{
	struct search *s = *state;

	question_fail(root_lacks(s), -EBADMSG, "no signature");
	assert_failed(s, -EBADMSG, "TXT _ntm.b.example: DNSSEC refuses");
}

/* The grace is for what may lack; that there is no AAAA is not why the root lacks. */
static void root_late(void **state)
{
	struct search *s = *state;

	(void)root_lacks(s);
	pass(s, 2 * FINDER_GRACE_MS);
	assert_int_equal(s->found, 0);
	pass(s, FINDER_MS);
	assert_failed(s, -ETIMEDOUT, "DNS did not answer in time");
}

/* First what lacks of the address, which is asked for in any case. */
static void root_without_address(void **state)
{
	struct search *s = *state;
	char text[200];
	struct ntm_dns_rr rr;

	root_text(text, 7);
	rr = rr_txt(text);
	start_root(s);
	question_answer_as(asked(s, NTM_DNS_TXT, TXT), TXT, true, &rr, 1);
	question_fail(asked(s, NTM_DNS_SRV, SRV), -EHOSTUNREACH, NULL);
	assert_failed(s, -EHOSTUNREACH, "SRV _ntm._udp.b.example: DNS gives no answer");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_name),
		TEST(closest_enclosing),
		TEST(closest_wins),
		TEST(many_labels),
		TEST(the_domain_itself),
		TEST(dead_part),
		TEST(lowest_priority_first),
		TEST(no_such_service),
		TEST(aliases_are_followed),
		TEST(by_vip),
		TEST(by_vip6),
		TEST(second_way),
		TEST(silent_tree),
		TEST(no_way),
		TEST(port_of_another_name),
		TEST(forged_stops),
		TEST(forged_ptr_stops),
		TEST(forged_is_told),
		TEST(grace),
		TEST(deadline),
		TEST(stopped),
		TEST(given_up),
		TEST(starts_within_fn),
		TEST(nothing_can_be_asked),
		TEST(refused_on_the_way),
		TEST(eight_addresses),
		TEST(unusable_addresses),
		TEST(hostile_answers),
		TEST(root_signed),
		TEST(root_unsigned),
		TEST(root_malformed),
		TEST(root_absent),
		TEST(root_forged),
		TEST(root_late),
		TEST(root_without_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
