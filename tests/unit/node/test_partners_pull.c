/* SPDX-License-Identifier: BSD-2-Clause */
/* The list pulled page by page; the test is the DC, and stands in for dclink.c. */
#include "partners_pull.h"

#include "node/partner_sample.h"

#include "ntm/log.h"

#include <errno.h>
#include <stdlib.h>

#define NOW_S 1790000000

static struct ntm_timers timers;
static struct ntm_root root;
static struct node_lease lease;
static struct partners list; /* in use */
static struct partners_pull *pull;
static unsigned asks, cancels, dones, warnings;
static int ask_err;
static struct ntm_msg asked; /* the last one */
static ntm_ctl_done_fn *asked_done;
static void *asked_arg;

/* ---- dclink.h, played ---- */

int dclink_request(struct dclink *dclink, struct ntm_msg *msg, ntm_ctl_done_fn *done, void *arg,
		   uint32_t *txn)
{
	(void)dclink;
	if (ask_err != 0)
		return ask_err;
	assert_int_equal(msg->type, NTM_MSG_PARTNERS);
	assert_int_equal(msg->partners.pages, 0);
	assert_int_equal(msg->partners.certs.count, 0);
	assert_null(asked_done); /* one at a time */
	*txn = ++asks;
	asked = *msg;
	asked_done = done;
	asked_arg = arg;
	return 0;
}

void dclink_cancel(struct dclink *dclink, uint32_t txn)
{
	(void)dclink;
	assert_int_equal(txn, asks);
	cancels += asked_done != NULL;
	asked_done = NULL;
}

/* ---- the DC ---- */

static void answer(int err, const struct ntm_msg *reply)
{
	ntm_ctl_done_fn *done = asked_done;

	assert_non_null(done);
	asked_done = NULL;
	done(asked_arg, err, reply);
}

static struct ntm_cert cert_of(const struct partner *partner)
{
	struct ntm_cert cert = {.type = NTM_CERT_DOMAIN,
				.serial = 1,
				.not_before_s = NOW_S - 60,
				.not_after_s = NOW_S + 86400,
				.prefix4 = partner->prefix4,
				.prefix6 = partner->prefix6};

	memcpy(cert.key, partner->root, sizeof(cert.key));
	strcpy(cert.fqdn, partner->domain);
	return cert;
}

static void add_cert(struct ntm_msg *msg, const struct ntm_cert *cert, const struct ntm_root *by)
{
	struct ntm_cert_list *certs = &msg->partners.certs;
	struct ntm_cert_blob *blob = &certs->item[certs->count++];

	blob->len = (uint16_t)ntm_cert_sign(cert, by, blob->data);
	assert_true(blob->len > 0);
}

static void add(struct ntm_msg *msg, struct partner partner)
{
	struct ntm_cert cert = cert_of(&partner);

	add_cert(msg, &cert, &root);
}

static struct ntm_msg page_of(uint64_t generation, uint8_t page, uint8_t pages)
{
	struct ntm_msg msg = {.type = NTM_MSG_PARTNERS, .is_reply = true};

	msg.partners.generation = generation;
	msg.partners.page = page;
	msg.partners.pages = pages;
	return msg;
}

/* A page with one domain: the n-th. */
static void answer_one(uint64_t generation, uint8_t page, uint8_t pages, unsigned n)
{
	struct ntm_msg msg = page_of(generation, page, pages);

	add(&msg, partner_many(n));
	answer(0, &msg);
}

/* ---- the world ---- */

static void on_done(void *ctx, const struct partners *fresh)
{
	(void)ctx;
	dones++;
	list = *fresh;
}

static void on_log(enum ntm_log_level level, const char *text, void *arg)
{
	(void)text;
	(void)arg;
	warnings += level <= NTM_LOG_WARN;
}

static int setup(void **state)
{
	struct partners_pull_args args = {.timers = &timers,
					  .lease = &lease,
					  .partners = &list,
					  .done = on_done};

	(void)state;
	assert_int_equal(ntm_crypto_init(), 0);
	ntm_log_set_sink(on_log, NULL);
	ntm_timers_init(&timers);
	ntm_timers_advance(&timers, 1000, NOW_S * INT64_C(1000));
	ntm_root_make(&root);
	lease = partner_lease();
	memcpy(lease.root, root.pub, sizeof(lease.root));
	memset(&list, 0, sizeof(list));
	asks = cancels = dones = warnings = 0;
	ask_err = 0;
	asked_done = NULL;
	pull = partners_pull_new(&args);
	return pull != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	partners_pull_free(pull);
	assert_null(asked_done);
	ntm_log_set_sink(NULL, NULL);
	return 0;
}

static bool has(unsigned n)
{
	struct partner partner = partner_many(n);
	const struct partner *found = partners_find(&list, partner.domain);

	return found != NULL && partner_eq(found, &partner);
}

/* ---- tests ---- */

static void test_whole_list(void **state)
{
	(void)state;
	partners_pull_want(pull, 9);
	for (uint8_t page = 0; page < PARTNERS_PAGES; page++) {
		struct ntm_msg msg = page_of(9, page, PARTNERS_PAGES);

		assert_int_equal(asked.partners.page, page);
		assert_int_equal(asked.partners.generation, 9);
		for (unsigned i = 0; i < NTM_MSG_CERTS; i++)
			add(&msg, partner_many(page * NTM_MSG_CERTS + i));
		assert_int_equal(dones, 0); /* not in pieces */
		answer(0, &msg);
	}
	assert_int_equal(dones, 1);
	assert_int_equal(list.count, PARTNERS_MAX);
	assert_int_equal(list.generation, 9);
	for (unsigned i = 0; i < PARTNERS_MAX; i++)
		assert_true(has(i));
	/* It is not asked for again. */
	partners_pull_want(pull, 9);
	assert_int_equal(asks, PARTNERS_PAGES);
	assert_int_equal(warnings, 0);
}

static void test_empty(void **state)
{
	(void)state;
	partners_pull_want(pull, 0);
	assert_int_equal(asks + dones, 0);
	partners_pull_want(pull, 3);
	answer_one(3, 0, 1, 1);
	assert_int_equal(list.count, 1);
	partners_pull_want(pull, 0);
	assert_int_equal(asks, 1);
	assert_int_equal(dones, 2);
	assert_int_equal(list.count, 0);
	assert_int_equal(list.generation, 0);
	/* An entry that a Route Direction taught is not in an empty list either. */
	partner_put(&list, &lease, partner_many(2));
	partners_pull_want(pull, 0);
	assert_int_equal(list.count, 0);
}

static void test_becomes_empty(void **state)
{
	struct ntm_msg empty = page_of(0, 0, 0);

	(void)state;
	partner_put(&list, &lease, partner_many(2));
	partners_pull_want(pull, 3);
	answer_one(3, 0, 2, 1);
	answer(0, &empty);
	assert_int_equal(dones, 1);
	assert_int_equal(list.count, 0);
	partners_pull_want(pull, 4);
	partners_pull_want(pull, 0);
	assert_int_equal(cancels, 1);
}

/* The first page tells the generation that counts; a later one of another begins anew. */
static void test_changes_meanwhile(void **state)
{
	(void)state;
	partners_pull_want(pull, 3);
	answer_one(4, 0, 2, 1);
	assert_int_equal(asked.partners.page, 1);
	assert_int_equal(asked.partners.generation, 4);
	answer_one(5, 1, 2, 2);
	assert_int_equal(asked.partners.page, 0);
	assert_int_equal(asked.partners.generation, 5);
	assert_int_equal(dones, 0);
	answer_one(5, 0, 2, 7);
	answer_one(5, 1, 2, 8);
	assert_int_equal(dones, 1);
	assert_int_equal(list.generation, 5);
	assert_int_equal(list.count, 2);
	assert_true(has(7) && has(8));
}

static void test_never_ends(void **state)
{
	(void)state;
	partners_pull_want(pull, 1);
	for (uint64_t generation = 1; asked_done != NULL; generation++) {
		assert_true(generation < 1000);
		answer_one(generation, asked.partners.page, PARTNERS_PAGES, asked.partners.page);
	}
	assert_int_equal(asks, PARTNERS_REQUESTS);
	assert_int_equal(dones, 0);
	assert_int_equal(warnings, 1);
	/* The next REGISTERED tries again. */
	partners_pull_want(pull, 2000);
	answer_one(2000, 0, 1, 1);
	assert_int_equal(dones, 1);
}

static void test_wrong_pages(void **state)
{
	static const struct {
		uint8_t page, pages;
	} cases[] = {
		{0, 2}, /* the one before again */
		{2, 2}, {2, 3}, {1, 3}, {1, 1}, {1, 0}, {255, 255},
	};

	(void)state;
	partner_put(&list, &lease, partner_many(50));
	list.generation = 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		partners_pull_want(pull, 3);
		answer_one(3, 0, 2, 1);
		answer_one(3, cases[i].page, cases[i].pages, 2);
		assert_null(asked_done);
		assert_int_equal(warnings, i + 1);
	}
	partners_pull_want(pull, 3);
	answer_one(3, 1, 2, 1);
	assert_null(asked_done);
	partners_pull_want(pull, 3);
	answer_one(3, 0, PARTNERS_PAGES + 1, 1);
	assert_null(asked_done);
	/* The old list is untouched. */
	assert_int_equal(dones, 0);
	assert_int_equal(list.count, 1);
}

static void test_no_answer(void **state)
{
	(void)state;
	partners_pull_want(pull, 3);
	answer_one(3, 0, 2, 1);
	answer(-ETIMEDOUT, NULL);
	assert_int_equal(dones, 0);
	ask_err = -EBUSY;
	partners_pull_want(pull, 3);
	ask_err = 0;
	assert_int_equal(asks, 2);
	partners_pull_want(pull, 3);
	assert_int_equal(asked.partners.page, 0);
	answer_one(3, 0, 1, 5);
	assert_int_equal(list.count, 1);
	assert_true(has(5));
}

/* What is named during a pull is looked at behind it. */
static void test_one_at_a_time(void **state)
{
	(void)state;
	partners_pull_want(pull, 3);
	partners_pull_want(pull, 3);
	partners_pull_want(pull, 4);
	assert_int_equal(asks, 1);
	answer_one(3, 0, 1, 1);
	assert_int_equal(dones, 1);
	assert_int_equal(asks, 2);
	assert_int_equal(asked.partners.generation, 4);
	partners_pull_want(pull, 4);
	answer_one(4, 0, 1, 2);
	assert_int_equal(asks, 2);
	assert_true(has(2) && !has(1));
}

/* A Route Direction has taught a domain that the pages of before do not have. */
static void test_restart(void **state)
{
	(void)state;
	partners_pull_restart(pull);
	assert_int_equal(asks, 0);
	partners_pull_want(pull, 3);
	answer_one(3, 0, 2, 1);
	partners_pull_restart(pull);
	assert_int_equal(cancels, 1);
	assert_int_equal(asked.partners.page, 0);
	answer_one(4, 0, 1, 2);
	assert_int_equal(list.count, 1);
	assert_true(has(2));
}

static void test_bad_entries(void **state)
{
	struct ntm_msg msg = page_of(3, 0, 2), next = page_of(3, 1, 2);
	struct partner ours = partner_many(1), overlapping = partner_many(2);
	struct partner node = partner_many(3);
	struct ntm_root stranger;
	struct ntm_cert cert = cert_of(&node);

	(void)state;
	ntm_root_make(&stranger);
	strcpy(ours.domain, "ntm.example");
	assert_int_equal(ntm_prefix_parse(&overlapping.prefix4, "198.18.128.0/17"), 0);
	add(&msg, ours);
	add(&msg, overlapping);
	add_cert(&msg, &cert, &stranger);
	cert.type = NTM_CERT_DC;
	add_cert(&msg, &cert, &root);
	add(&next, partner_many(4));
	add(&next, partner_many(4)); /* twice */
	add(&next, partner_many(5));
	next.partners.certs.item[2].len--;
	add(&next, partner_many(6));
	partners_pull_want(pull, 3);
	answer(0, &msg);
	answer(0, &next);
	/* The good ones are taken, and the others not asked for again and again. */
	assert_int_equal(list.count, 2);
	assert_true(has(4) && has(6));
	assert_int_equal(list.generation, 3);
	assert_int_equal(warnings, 6);
}

/* A wrong clock: what we have holds, so that nothing for it leaves in clear. */
static void test_out_of_time(void **state)
{
	struct ntm_msg msg = page_of(3, 0, 1);
	struct partner late = partner_many(1), changed = partner_many(2);
	struct ntm_cert cert = cert_of(&late);

	(void)state;
	partner_put(&list, &lease, partner_many(1));
	partner_put(&list, &lease, partner_many(2));
	list.generation = 2;
	cert.not_before_s = NOW_S + NTM_CERT_SKEW_S + 1;
	add_cert(&msg, &cert, &root);
	memset(changed.root, 77, sizeof(changed.root));
	add(&msg, changed);
	partners_pull_want(pull, 3);
	answer(0, &msg);
	assert_int_equal(warnings, 1);
	assert_int_equal(list.count, 2);
	assert_true(has(1));
	assert_int_equal(partners_find(&list, changed.domain)->root[0], 77);
	assert_int_equal(list.generation, 0);
	/* It is tried again, and the clock is right now. */
	msg = page_of(3, 0, 1);
	add(&msg, partner_many(8));
	partners_pull_want(pull, 3);
	answer(0, &msg);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.generation, 3);
}

static void test_stop(void **state)
{
	(void)state;
	partners_pull_want(pull, 3);
	partners_pull_stop(pull);
	assert_int_equal(cancels, 1);
	partners_pull_stop(pull);
	partners_pull_free(NULL);
	/* Freed with one under way: teardown. */
	partners_pull_want(pull, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(test_whole_list),        CASE(test_empty),         CASE(test_becomes_empty),
		CASE(test_changes_meanwhile), CASE(test_never_ends),    CASE(test_wrong_pages),
		CASE(test_no_answer),         CASE(test_one_at_a_time), CASE(test_restart),
		CASE(test_bad_entries),       CASE(test_out_of_time),   CASE(test_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
