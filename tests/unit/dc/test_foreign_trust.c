/* SPDX-License-Identifier: BSD-2-Clause */
/* Which DC is believed, where a root comes from, and what happens when a pin changes or goes. */
#include "dcforeign.h"

#include "dc_priv.h"

#define SRV "_ntm._udp.b.example"

/* ---- who is believed ---- */

enum lie {
	RIGHT,
	MUMBLE,
	NO_ROOT,
	OTHER_ROOT,
	OTHER_KEY,
	NODE_CERT,
	EXPIRED,
	OTHER_DOMAIN,
	NOT_TRUSTED
};

static void lie(struct partner *p, enum lie lie)
{
	struct ntm_root other;
	struct ntm_cert cert = partner_body(p, NTM_CERT_DC, p->domain);

	p->mumbles = lie == MUMBLE;
	ntm_root_make(&other);
	memcpy(cert.key, p->keys.pub, sizeof(cert.key));
	cert.prefix4 = p->prefix4;
	if (lie == OTHER_KEY)
		cert.key[0] ^= 1;
	if (lie == EXPIRED)
		cert.not_after_s = cert.not_before_s + 60;
	if (lie == OTHER_DOMAIN)
		strcpy(cert.fqdn, "c.example");
	if (lie == NOT_TRUSTED)
		strcpy(cert.fqdn, "d.example");
	if (lie == NODE_CERT) {
		cert = partner_node(p, BOB, 5).cert;
		memcpy(cert.key, p->keys.pub, sizeof(cert.key));
	}
	p->hello.cert = partner_sign(&cert, lie == OTHER_ROOT ? &other : &p->root);
	memcpy(p->hello.root, lie == OTHER_ROOT ? other.pub : p->root.pub, sizeof(p->hello.root));
	if (lie == NO_ROOT)
		p->hello.root[0] ^= 1;
}

static const struct {
	enum lie lie;
	const char *words; /* it is where DNS leads; it comes */
} lies[] = {
	{MUMBLE, "it does not say who it is"},
	{NO_ROOT, "its certificate is no DC's, or not its own"},
	{OTHER_ROOT, "the root key of b.example is another one than pinned"},
	{OTHER_KEY, "its certificate is no DC's, or not its own"},
	{NODE_CERT, "its certificate is no DC's, or not its own"},
	{EXPIRED, "its certificate is not valid now: is the clock right"},
	{OTHER_DOMAIN, "c.example"},
	{NOT_TRUSTED, "d.example"},
};

static void liars_where_dns_leads(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct partner *c = partner_trusted(w, 1, "c.example");

	(void)c;
	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		lie(s.b, lies[i].lie);
		run(w, DIRECTION_KEEP_MS);
		ask(s.a, BOB, i);
		run(w, 200);
		assert_refused(s.a, i + 1, NTM_DIR_UNTRUSTED, lies[i].words);
		assert_int_equal(s.foreign->state, FOREIGN_IDLE);
		assert_int_equal(w->dc->counters.foreign_refused, i + 1);
	}
	assert_int_equal(s.b->asked_count, 0);
	lie(s.b, RIGHT);
	call(w, &s);
}

/* Of the DC of c.example, and of our own; what is said of each when DNS names it for b.example. */
static const char *const places[] = {"203.0.113.21", "192.0.2.1"};
static const char *const place_words[] =
	{"203.0.113.21:4330: this is the DC of c.example, not of b.example",
	 "192.0.2.1:4330: this is the DC of ntm.example, not of b.example"};

/* DNS leads to a DC that we know already, or to us: told at once, and told right. */
static void wrong_but_known(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct partner *c = partner_trusted(w, 1, "c.example");

	partner_open(c);
	run(w, 100);
	for (unsigned i = 0; i < 2; i++) {
		dnsfake_remove(&w->dns, NTM_DNS_A, "dc.b.example");
		dnsfake_add(&w->dns, "dc.b.example", rr_ip(places[i]));
		run(w, DIRECTION_KEEP_MS);
		ask(s.a, BOB, i);
		run(w, 200);
		assert_refused(s.a, i + 1, NTM_DIR_UNTRUSTED, place_words[i]);
	}
	assert_int_equal(foreign_by_domain(w->dc, "c.example")->state, FOREIGN_UP);
}

/* The same when nothing comes back: that DC is away, or a firewall lets nobody reach himself. */
static void known_and_silent(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct partner *c = partner_trusted(w, 1, "c.example");

	partner_open(c);
	run(w, 100);
	assert_int_equal(foreign_by_domain(w->dc, "c.example")->state, FOREIGN_UP);
	c->is_deaf = true;
	for (unsigned i = 0; i < 2; i++) {
		w->is_dc_unreachable_to_itself = true;
		dnsfake_remove(&w->dns, NTM_DNS_A, "dc.b.example");
		dnsfake_add(&w->dns, "dc.b.example", rr_ip(places[i]));
		run(w, DIRECTION_KEEP_MS);
		ask(s.a, BOB, i);
		run(w, 2900); /* before MN gives up */
		assert_refused(s.a, i + 1, NTM_DIR_UNTRUSTED, place_words[i]);
	}
}

static void liars_who_come(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);

	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		/* Signed by b.example for c.example: not what c.example's pin says. */
		lie(s.b, lies[i].lie);
		partner_boot(s.b);
		partner_open(s.b);
		run(w, 5000);
		assert_int_equal(s.foreign->state, FOREIGN_IDLE);
		assert_non_null(line_with(w, "refused a DC from=203.0.113.20:4330: "));
		assert_non_null(line_with(w, lies[i].words));
		assert_int_equal(ntm_links_count(w->dc->links), 1);
	}
	assert_int_equal(dnsfake_asked(&w->dns, NTM_DNS_SRV, SRV), 0);
	lie(s.b, RIGHT);
	partner_boot(s.b);
	partner_open(s.b);
	run(w, 200);
	assert_int_equal(s.foreign->state, FOREIGN_UP);
}

/* Our certificate is not believed there: that is told, before MN gives up. */
static void they_do_not_trust_us(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	int64_t start_ms = w->timers.now_ms;

	s.b->refuses = true;
	ask(s.a, BOB, 1);
	run(w, 3500);
	assert_refused(s.a, 1, NTM_DIR_UNTRUSTED,
		       "the DC of b.example does not let us in: does it trust ntm.example");
	assert_true(s.a->answered_at_ms - start_ms < 3000);
	assert_int_equal(s.foreign->state, FOREIGN_IDLE);
	s.b->refuses = false;
	call(w, &s);
}

/* ---- roots that are not known yet ---- */

static struct foreign *unknown_root(struct world *w, const struct partner *p, enum trust_mode mode)
{
	struct trust_pin pin = partner_pin(p);

	pin.has_root = false;
	memset(pin.root, 0, sizeof(pin.root));
	pin.mode = mode;
	pin_put(w, &pin);
	return foreign_by_domain(w->dc, p->domain);
}

static void publish_root(struct world *w, const struct ntm_root *root)
{
	char key[NTM_KEY_STR], text[200];

	snprintf(text, sizeof(text), "v=ntm1 root=%s", ntm_key_str(root->pub, key));
	dnsfake_remove(&w->dns, NTM_DNS_TXT, "_ntm.b.example");
	dnsfake_add(&w->dns, "_ntm.b.example", rr_txt(text));
}

static void dnssec_root(void **state)
{
	struct world *w = *state;
	struct scene s = {.a = node_new(w, 0, ALICE), .b = partner_new(w, 0, "b.example")};
	struct trust_pin pin;

	partner_publish(s.b);
	publish_root(w, &s.b->root);
	s.foreign = unknown_root(w, s.b, TRUST_DNSSEC);
	ask(s.a, BOB, 1);
	run(w, 200);
	assert_refused(s.a, 1, NTM_DIR_UNTRUSTED, "TXT _ntm.b.example is not signed");
	assert_false(s.foreign->pin.has_root);
	w->dns.is_secure = true;
	call(w, &s);
	assert_true(s.foreign->pin.has_root);
	assert_memory_equal(s.foreign->pin.root, s.b->root.pub, NTM_SIGN_PUB_LEN);
	pin = s.foreign->pin;
	/* Durable: after a restart DNS is not asked for it. */
	stop_dc(w);
	start_dc(w);
	assert_memory_equal(&foreign_by_domain(w->dc, "b.example")->pin, &pin, sizeof(pin));
}

static void dnssec_root_of_another(void **state)
{
	struct world *w = *state;
	struct scene s = {.a = node_new(w, 0, ALICE), .b = partner_new(w, 0, "b.example")};
	struct ntm_root other;

	ntm_root_make(&other);
	partner_publish(s.b);
	publish_root(w, &other);
	w->dns.is_secure = true;
	s.foreign = unknown_root(w, s.b, TRUST_DNSSEC);
	ask(s.a, BOB, 1);
	run(w, 200);
	assert_refused(s.a, 1, NTM_DIR_UNTRUSTED, "its root key is not the one that DNS tells");
	assert_false(s.foreign->pin.has_root);
}

/* Who comes in is not believed, but searched for, and then it is him. Loud. */
static void tofu_root(void **state)
{
	struct world *w = *state;
	struct scene s = {.a = node_new(w, 0, ALICE), .b = partner_new(w, 0, "b.example")};
	struct partner *fake = partner_new(w, 1, "x.example");
	struct ntm_cert cert;

	partner_publish(s.b);
	s.foreign = unknown_root(w, s.b, TRUST_TOFU);
	strcpy(fake->domain, "b.example");
	partner_hello(fake);
	partner_open(fake);
	run(w, 1000);
	assert_true(s.foreign->pin.has_root);
	assert_memory_equal(s.foreign->pin.root, s.b->root.pub, NTM_SIGN_PUB_LEN);
	assert_memory_equal(ntm_link_remote_static(s.foreign->link), s.b->keys.pub, NTM_KEY_LEN);
	assert_non_null(line_with(w, "domain=b.example is pinned from now on: root="));
	cert = check_cert(w, &s.foreign->introduction.blob);
	assert_memory_equal(cert.key, s.b->root.pub, NTM_KEY_LEN);
	run(w, 4000);
	call(w, &s);
}

/* The root was given, but no prefix: those of its DC are taken at the first contact, and stay. */
static void root_without_prefixes(void **state)
{
	struct world *w = *state;
	struct scene s = {.a = node_new(w, 0, ALICE), .b = partner_new(w, 0, "b.example")};
	struct trust_pin pin = partner_pin(s.b);

	partner_publish(s.b);
	pin.mode = TRUST_TOFU;
	pin.pinned_s = 1;
	memset(&pin.prefix4, 0, sizeof(pin.prefix4));
	memset(&pin.prefix6, 0, sizeof(pin.prefix6));
	pin_put(w, &pin);
	s.foreign = foreign_by_domain(w->dc, "b.example");
	call(w, &s);
	pin = s.foreign->pin;
	assert_memory_equal(&pin.prefix4, &s.b->prefix4, sizeof(pin.prefix4));
	assert_memory_equal(&pin.prefix6, &s.b->prefix6, sizeof(pin.prefix6));
	stop_dc(w);
	start_dc(w);
	assert_memory_equal(&foreign_by_domain(w->dc, "b.example")->pin, &pin, sizeof(pin));
}

/* A root that is to be learned from a DC whose domain would have nothing: nothing is pinned. */
static void domain_without_prefixes(void **state)
{
	struct world *w = *state;
	struct scene s = {.a = node_new(w, 0, ALICE), .b = partner_new(w, 0, "b.example")};
	struct ntm_prefix prefix4 = s.b->prefix4;

	partner_publish(s.b);
	s.foreign = unknown_root(w, s.b, TRUST_TOFU);
	memset(&s.foreign->pin.prefix4, 0, sizeof(s.foreign->pin.prefix4));
	memset(&s.foreign->pin.prefix6, 0, sizeof(s.foreign->pin.prefix6));
	memset(&s.b->prefix4, 0, sizeof(s.b->prefix4));
	lie(s.b, RIGHT);
	ask(s.a, BOB, 1);
	run(w, 200);
	assert_refused(s.a, 1, NTM_DIR_UNTRUSTED, "it has no virtual addresses");
	assert_false(s.foreign->pin.has_root);
	assert_int_equal(s.foreign->state, FOREIGN_IDLE);
	/* Its operator puts that right. */
	s.b->prefix4 = prefix4;
	lie(s.b, RIGHT);
	run(w, DIRECTION_KEEP_MS);
	ask(s.a, BOB, 2);
	run(w, 200);
	assert_true(s.foreign->pin.has_root);
	assert_memory_equal(&s.foreign->pin.prefix4, &prefix4, sizeof(prefix4));
	assert_int_equal(s.b->asked_count, 1);
}

/* Who comes in again and again causes one search a second, not more. */
static void stranger_causes_few_searches(void **state)
{
	struct world *w = *state;
	struct partner *b = partner_new(w, 0, "b.example");
	struct foreign *foreign = unknown_root(w, b, TRUST_TOFU);

	w->dns.has_table = true; /* empty: no such name */
	for (unsigned i = 0; i < 5; i++) {
		partner_boot(b);
		partner_open(b);
		run(w, 150);
	}
	assert_int_equal(dnsfake_asked(&w->dns, NTM_DNS_SRV, SRV), 1);
	assert_false(foreign->pin.has_root);
}

/* ---- pins that change ---- */

static void removed_with_requests_open(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 3; i++) {
		struct scene s;

		if (i == 0)
			s = scene_new(w);
		else
			s = (struct scene){.a = &w->client[0], .b = partner_at(w, 0)};
		if (i > 0) {
			struct trust_pin pin = partner_pin(s.b);

			pin_put(w, &pin);
			s.foreign = foreign_by_domain(w->dc, "b.example");
		}
		/* 0: DNS is asked; 1: a handshake is under way; 2: up, and asked. */
		w->dns.has_table = i > 0;
		s.b->is_deaf = i == 1;
		ask(s.a, BOB, i);
		run(w, 100);
		assert_int_equal(s.foreign->state, i < 2 ? FOREIGN_CONNECTING : FOREIGN_UP);
		pin_remove(w, "b.example");
		assert_null(foreign_by_domain(w->dc, "b.example"));
		assert_int_equal(dnsfake_open(&w->dns), 0);
		run(w, 100);
		assert_refused(s.a, i + 1, NTM_DIR_UNTRUSTED, "is not trusted any more");
		assert_int_equal(ntm_links_count(w->dc->links), 1);
		run(w, 1000);
	}
	/* It was told, and does not come in again. */
	assert_int_equal(partner_at(w, 0)->down, 1);
	ask(&w->client[0], BOB, 9);
	run(w, 100);
	assert_refused(&w->client[0], 4, NTM_DIR_NO_SUCH_NAME, "nor in a domain that it trusts");
}

static void root_changes(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct trust_pin pin;

	call(w, &s);
	run(w, DIRECTION_KEEP_MS);
	ask(s.a, BOB, 2);
	run(w, 100);
	ntm_root_make(&s.b->root);
	pin = partner_pin(s.b);
	pin_put(w, &pin);
	assert_ptr_equal(foreign_by_domain(w->dc, "b.example"), s.foreign);
	assert_int_equal(s.foreign->state, FOREIGN_IDLE);
	run(w, 100);
	assert_int_equal(s.a->refused, 1); /* nobody waits */
	assert_int_equal(s.b->down, 1);
	/* The former certificate is of no use, the new one is; at once. */
	ask(s.a, BOB, 3);
	run(w, 100);
	assert_refused(s.a, 2, NTM_DIR_UNTRUSTED, "is another one than pinned");
	partner_hello(s.b);
	run(w, FOREIGN_NEGATIVE_MS);
	call(w, &s);
}

/* Who may be called is no matter of the session. */
static void allow_list_changes(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct trust_pin pin = partner_pin(s.b);

	call(w, &s);
	pin.allow_all = false;
	pin_put(w, &pin);
	assert_int_equal(s.foreign->state, FOREIGN_UP);
	assert_false(s.foreign->pin.allow_all);
	call(w, &s);
	assert_int_equal(s.b->up, 1);
}

/* Insane pins are not taken over; what was there stays. */
static void insane_pins(void **state)
{
	struct world *w = *state;
	struct scene s = scene_new(w);
	struct trust_pin pin = partner_pin(s.b);
	struct got got = {0};

	call(w, &s);
	strcpy(pin.domain, "c.example");
	store_pin_put(w->store, &pin, got_done, &got);
	assert_int_equal(dc_trust_changed(w->dc), -EINVAL);
	assert_non_null(line_with(w, "overlaps with"));
	assert_null(foreign_by_domain(w->dc, "c.example"));
	assert_int_equal(s.foreign->state, FOREIGN_UP);
	call(w, &s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, foreign_setup, foreign_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(liars_where_dns_leads),
		TEST(wrong_but_known),
		TEST(known_and_silent),
		TEST(liars_who_come),
		TEST(they_do_not_trust_us),
		TEST(dnssec_root),
		TEST(dnssec_root_of_another),
		TEST(tofu_root),
		TEST(root_without_prefixes),
		TEST(domain_without_prefixes),
		TEST(stranger_causes_few_searches),
		TEST(removed_with_requests_open),
		TEST(root_changes),
		TEST(allow_list_changes),
		TEST(insane_pins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
