/* SPDX-License-Identifier: BSD-2-Clause */
/* Partner domains as nodes hear of them: pages of certificates, a generation, and news of it. */
#include "dcforeign.h"

#include "dc_priv.h"
#include "store_db.h"

/* Domain number i, "d07.example" with 10.i.0.0/16. */
static struct trust_pin pin_of(unsigned i)
{
	struct trust_pin pin = {.mode = TRUST_PINNED, .has_root = true, .allow_all = true};
	char text[32];

	snprintf(pin.domain, sizeof(pin.domain), "d%02u.example", i);
	memset(pin.root, (int)i + 1, sizeof(pin.root));
	snprintf(text, sizeof(text), "10.%u.0.0/16", i);
	assert_int_equal(ntm_prefix_parse(&pin.prefix4, text), 0);
	return pin;
}

static void pin_number(struct world *w, unsigned i)
{
	struct trust_pin pin = pin_of(i);

	pin_put(w, &pin);
}

static void on_page(void *arg, int err, const struct ntm_msg *reply)
{
	struct client *c = arg;

	assert_int_equal(err, 0);
	assert_int_equal(reply->type, NTM_MSG_PARTNERS);
	c->pages++;
	c->page = reply->partners;
}

static void ask_page(struct client *c, uint8_t page)
{
	struct ntm_msg msg = {.type = NTM_MSG_PARTNERS, .partners = {.page = page}};
	unsigned before = c->pages;

	assert_int_equal(ntm_ctl_request(c->ctl, &msg, on_page, c, NULL), 0);
	run(c->world, 100);
	assert_int_equal(c->pages, before + 1);
}

static struct ntm_cert page_cert(const struct world *w, const struct client *c, size_t i)
{
	assert_true(i < c->page.certs.count);
	return check_cert(w, &c->page.certs.item[i]);
}

static void break_store(struct world *w, bool is_broken)
{
	const char *sql = is_broken ? "CREATE TRIGGER broken BEFORE INSERT ON cert"
				      " BEGIN SELECT RAISE(ABORT, 'broken'); END"
				    : "DROP TRIGGER broken";

	assert_int_equal(sqlite3_exec(w->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void nobody(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);

	assert_int_equal(a->reg.partners, 0);
	assert_int_equal(a->partners_told, 0);
	assert_false(ntm_timer_armed(&w->dc->foreigns.renew));
	ask_page(a, 0);
	assert_int_equal(a->page.generation, 0);
	assert_int_equal(a->page.pages, 0);
	assert_int_equal(a->page.certs.count, 0);
}

static void pages(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	const unsigned count = 2 * NTM_MSG_CERTS + 1;
	struct ntm_cert cert;

	for (unsigned i = count; i-- > 0;)
		pin_number(w, i);
	for (uint8_t page = 0; page < 3; page++) {
		ask_page(a, page);
		assert_int_equal(a->page.page, page);
		assert_int_equal(a->page.pages, 3);
		assert_int_equal(a->page.generation, w->dc->foreigns.generation);
		assert_int_equal(a->page.certs.count, page < 2 ? NTM_MSG_CERTS : 1);
		for (size_t i = 0; i < a->page.certs.count; i++) {
			struct trust_pin pin = pin_of((unsigned)(page * NTM_MSG_CERTS + i));

			cert = page_cert(w, a, i);
			assert_int_equal(cert.type, NTM_CERT_DOMAIN);
			assert_string_equal(cert.fqdn, pin.domain);
			assert_memory_equal(cert.key, pin.root, sizeof(pin.root));
			assert_memory_equal(&cert.prefix4, &pin.prefix4, sizeof(pin.prefix4));
		}
	}
	/* Behind the end there is nothing, but no harm. */
	for (unsigned page = 3; page < 256; page += 63) {
		ask_page(a, (uint8_t)page);
		assert_int_equal(a->page.certs.count, 0);
		assert_int_equal(a->page.pages, 3);
	}
	/* A full last page. */
	pin_remove(w, "d08.example");
	ask_page(a, 1);
	assert_int_equal(a->page.pages, 2);
	assert_int_equal(a->page.certs.count, NTM_MSG_CERTS);
}

static void as_many_as_there_can_be(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct got got = {0};
	unsigned seen = 0;

	for (unsigned i = 0; i < TRUST_MAX; i++) {
		struct trust_pin pin = pin_of(i);

		store_pin_put(w->store, &pin, got_done, &got);
	}
	assert_int_equal(dc_trust_changed(w->dc), 0);
	run(w, 100);
	assert_int_equal(a->partners_told, 1);
	for (uint8_t page = 0; page < TRUST_MAX / NTM_MSG_CERTS; page++) {
		ask_page(a, page);
		seen += a->page.certs.count;
	}
	assert_int_equal(seen, TRUST_MAX);
}

/* Every change has another generation, known to REGISTERED; the same list has the same one. */
static void generations(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct trust_pin pin = pin_of(1);
	uint64_t seen[6] = {0};
	size_t count = 1;

	for (unsigned step = 0; step < 4; step++) {
		if (step == 0)
			pin_number(w, 1);
		if (step == 1)
			pin_number(w, 2);
		if (step == 2) {
			pin.root[0] ^= 1;
			pin_put(w, &pin);
		}
		if (step == 3)
			pin_remove(w, "d02.example");
		run(w, 100);
		assert_int_equal(a->partners_told, step + 1);
		assert_int_equal(a->partners.generation, w->dc->foreigns.generation);
		for (size_t i = 0; i < count; i++)
			assert_true(seen[i] != w->dc->foreigns.generation);
		seen[count++] = w->dc->foreigns.generation;
	}
	client_register(a);
	run(w, 100);
	assert_true(a->reg.partners == w->dc->foreigns.generation);
	/* Nothing has changed, or nothing that nodes hear of. */
	assert_int_equal(dc_trust_changed(w->dc), 0);
	pin.allow_all = false;
	pin_put(w, &pin);
	run(w, 100);
	assert_int_equal(a->partners_told, 4);
	pin_remove(w, "d01.example");
	run(w, 100);
	assert_int_equal(a->partners_told, 5);
	assert_int_equal(a->partners.generation, 0);
}

/* Nodes that are not registered hear it with REGISTERED. */
static void only_who_is_here(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct client *c = client_new(w, 1, "carol.ntm.example");

	assert_int_equal(help_add(w->store, c->name, NULL), 0);
	put_token(w, c->name, 2, NOW + DAY);
	client_join(c, 2);
	c->is_silent = true;
	client_open(c);
	run(w, 100);
	pin_number(w, 1);
	run(w, 100);
	assert_int_equal(a->partners_told, 1);
	assert_int_equal(c->partners_told, 0);
	client_register(c);
	run(w, 100);
	assert_true(c->reg.partners == w->dc->foreigns.generation);
	assert_int_equal(c->partners_told, 0);
}

/* Half of 30 days; nobody has to do anything. */
static void renewed_at_half_life(void **state)
{
	struct world *w = *state;
	struct foreign *foreign;
	struct ntm_cert_blob first;
	uint64_t generation;
	struct ntm_cert cert;

	pin_number(w, 1);
	foreign = foreign_by_domain(w->dc, "d01.example");
	first = foreign->introduction.blob;
	generation = w->dc->foreigns.generation;
	run(w, INT64_C(1000) * (IDENTITY_DOMAIN_S / 2 - 5));
	assert_memory_equal(foreign->introduction.blob.data, first.data, first.len);
	assert_true(w->dc->foreigns.generation == generation);
	run(w, 10 * 1000);
	cert = check_cert(w, &foreign->introduction.blob);
	assert_true(cert.not_after_s > w->timers.wall_ms / 1000 + IDENTITY_DOMAIN_S - 20);
	/* Signed anew is no news for the nodes. */
	assert_true(w->dc->foreigns.generation == generation);
	run(w, INT64_C(1000) * IDENTITY_DOMAIN_S);
	(void)check_cert(w, &foreign->introduction.blob);
}

/* The clock was wrong when the DC began, and is set right: nobody waits for 15 days. */
static void clock_is_set(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	static const int64_t days[] = {40, -400};

	pin_number(w, 1);
	run(w, 100);
	for (unsigned i = 0; i < 2; i++) {
		w->wall_shift_ms += days[i] * DAY * 1000;
		a->is_deaf = i > 0;
		run(w, INT64_C(3601) * 1000);
		(void)check_cert(w, &foreign_by_domain(w->dc, "d01.example")->introduction.blob);
	}
	assert_int_equal(a->partners_told, 1); /* the list is what it was */
}

/* A store that fails: what is there is told as long as it is valid, and is renewed as soon as that
 * can be; the DC does not run in circles. */
static void store_fails(void **state)
{
	struct world *w = *state;
	struct foreign *foreign;
	uint64_t fired;
	uint64_t generation;

	pin_number(w, 1);
	foreign = foreign_by_domain(w->dc, "d01.example");
	generation = w->dc->foreigns.generation;
	break_store(w, true);
	run(w, INT64_C(1000) * (IDENTITY_DOMAIN_S / 2 - 5));
	fired = w->timers.fired_count;
	run(w, INT64_C(3600) * 1000);
	assert_in_range(w->timers.fired_count - fired, 50, 70);
	(void)check_cert(w, &foreign->introduction.blob);
	assert_true(w->dc->foreigns.generation == generation);
	break_store(w, false);
	run(w, 61 * 1000);
	assert_true(check_cert(w, &foreign->introduction.blob).not_after_s >
		    w->timers.wall_ms / 1000 + IDENTITY_DOMAIN_S - 120);
	assert_true(w->dc->foreigns.generation == generation);

	/* One that could not be made at all. */
	break_store(w, true);
	pin_number(w, 2);
	foreign = foreign_by_domain(w->dc, "d02.example");
	assert_non_null(foreign);
	assert_int_equal(foreign->introduction.blob.len, 0);
	assert_non_null(line_with(w, "the nodes cannot be told of d02.example"));
	break_store(w, false);
	run(w, 61 * 1000);
	(void)check_cert(w, &foreign->introduction.blob);
}

/* Pages have no holes when one in the middle lacks. */
static void pages_without_holes(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);

	for (unsigned i = 0; i < NTM_MSG_CERTS + 1; i++)
		pin_number(w, i);
	foreign_by_domain(w->dc, "d01.example")->introduction = (struct identity_cert){0};
	ask_page(a, 0);
	assert_int_equal(a->page.pages, 1);
	assert_int_equal(a->page.certs.count, NTM_MSG_CERTS);
	assert_string_equal(page_cert(w, a, 1).fqdn, "d02.example");
}

/* A root that is not known yet is zeros; when it is learned, the nodes hear of it. */
static void root_is_learned(void **state)
{
	struct world *w = *state;
	static const uint8_t zeros[NTM_KEY_LEN];
	struct client *a = node_new(w, 0, ALICE);
	struct partner *b = partner_new(w, 0, "b.example");
	struct trust_pin pin = partner_pin(b);
	struct ntm_cert cert;

	pin.mode = TRUST_TOFU;
	pin.has_root = false;
	memset(pin.root, 0, sizeof(pin.root));
	pin.prefix4 = pin.prefix6 = (struct ntm_prefix){.len = 0};
	pin_put(w, &pin);
	partner_publish(b);
	run(w, 100);
	ask_page(a, 0);
	assert_int_equal(a->page.certs.count, 1);
	assert_memory_equal(page_cert(w, a, 0).key, zeros, sizeof(zeros));
	ask(a, "bob.b.example", 1);
	run(w, 300);
	assert_int_equal(b->asked_count, 1);
	assert_int_equal(a->partners_told, 2);
	ask_page(a, 0);
	cert = page_cert(w, a, 0);
	assert_memory_equal(cert.key, b->root.pub, sizeof(cert.key));
	assert_memory_equal(&cert.prefix4, &b->prefix4, sizeof(cert.prefix4)); /* its DC's */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, foreign_setup, foreign_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody),
		TEST(pages),
		TEST(as_many_as_there_can_be),
		TEST(generations),
		TEST(only_who_is_here),
		TEST(renewed_at_half_life),
		TEST(clock_is_set),
		TEST(store_fails),
		TEST(pages_without_holes),
		TEST(root_is_learned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
