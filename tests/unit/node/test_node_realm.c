/* SPDX-License-Identifier: BSD-2-Clause */
/* What the DC tells of lease and partners, and who hears of it. Stands in for tunnels, link and
 * pull. */
#include "node_priv.h"

#include "node/lease_sample.h"
#include "node/partner_sample.h"

#include <errno.h>
#include <stdlib.h>

static struct node *node;
static unsigned realms, restarts, replies, saves, lease_saves;
static uint64_t wanted;
static struct ntm_msg last_reply;
static struct ntm_timers timers;

/* ---- others, played ---- */

void tunnels_on_realm(struct tunnels *tunnels)
{
	(void)tunnels;
	realms++;
}

void exits_on_realm(struct exits *exits)
{
	(void)exits;
}

void partners_pull_restart(struct partners_pull *pull)
{
	(void)pull;
	restarts++;
}

void partners_pull_want(struct partners_pull *pull, uint64_t generation)
{
	(void)pull;
	wanted = generation;
}

int dclink_reply(struct dclink *dclink, const struct ntm_msg *req, struct ntm_msg *reply)
{
	(void)dclink;
	(void)req;
	replies++;
	last_reply = *reply;
	return 0;
}

static void on_lease(void *ctx, const struct node_lease *lease)
{
	(void)ctx;
	assert_ptr_equal(lease, &node->lease);
	lease_saves++;
}

static void on_partners(void *ctx, const struct partners *partners)
{
	(void)ctx;
	assert_ptr_equal(partners, &node->partners);
	saves++;
}

/* ---- the world ---- */

static const struct node_ops ops = {.lease_changed = on_lease, .partners_changed = on_partners};

static int setup(void **state)
{
	(void)state;
	node = calloc(1, sizeof(*node));
	if (node == NULL || !lease_sample(&node->lease))
		return -1;
	ntm_timers_init(&timers);
	ntm_timers_advance(&timers, 1000, (int64_t)time(NULL) * 1000);
	node->timers = &timers;
	node->ops = &ops;
	realms = restarts = replies = saves = lease_saves = 0;
	wanted = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(node);
	return 0;
}

static void a_new_list_is_told_to_all(void **state)
{
	static struct partners fresh;

	(void)state;
	memset(&fresh, 0, sizeof(fresh));
	fresh.generation = 5;
	partner_put(&fresh, &node->lease, partner_many(1));
	node_take_partners(node, &fresh);
	assert_true(partners_eq(&node->partners, &fresh));
	assert_int_equal(realms, 1);
	assert_int_equal(saves, 1);
	/* The same again is no news, another generation is. */
	node_take_partners(node, &fresh);
	assert_int_equal(saves, 1);
	fresh.generation = 6;
	node_take_partners(node, &fresh);
	assert_int_equal(saves, 2);
	/* Who does not save need not. */
	node->ops = &(const struct node_ops){0};
	fresh.generation = 7;
	node_take_partners(node, &fresh);
	assert_int_equal(node->partners.generation, 7);
}

static void a_domain_that_is_taught_makes_the_list_unknown(void **state)
{
	struct partner partner = partner_many(1), ours = partner_many(2);

	(void)state;
	node->partners.generation = 5;
	assert_null(node_learn_partner(node, &partner));
	assert_non_null(partners_find(&node->partners, "p001.example"));
	assert_int_equal(node->partners.generation, 0);
	assert_int_equal(restarts, 1);
	assert_int_equal(realms, 1);
	assert_int_equal(saves, 1);
	strcpy(ours.domain, "ntm.example");
	assert_non_null(node_learn_partner(node, &ours));
	assert_int_equal(realms + saves + restarts, 3);
}

static void the_dc_tells_that_the_list_has_changed(void **state)
{
	struct ntm_msg req = {.type = NTM_MSG_PARTNERS, .txn = 9};

	(void)state;
	req.partners.generation = 77;
	node_on_partners(node, &req);
	assert_int_equal(replies, 1);
	assert_int_equal(last_reply.type, NTM_MSG_PARTNERS);
	assert_memory_equal(&last_reply.partners, &req.partners, sizeof(req.partners));
	assert_int_equal(wanted, 77);
}

/* What the node's lease says already. */
static struct ntm_msg_registered registered_as_before(void)
{
	return (struct ntm_msg_registered){.cert = node->lease.cert,
					   .prefixes = node->lease.prefixes,
					   .suffixes = node->lease.suffixes,
					   .resolver4 = node->lease.resolver4,
					   .resolver6 = node->lease.resolver6};
}

/* Our own domain grows: a partner that is in its way goes, and everybody hears of it. */
static void a_new_lease_sifts_the_partners(void **state)
{
	struct ntm_msg_registered msg = registered_as_before();

	(void)state;
	partner_put(&node->partners, &node->lease, partner_many(1));
	partner_put(&node->partners, &node->lease,
		    partner_sample("b.example", 2, "198.19.0.0/16", NULL));
	node_keep_lease(node, &msg);
	assert_int_equal(lease_saves + saves, 0);
	assert_int_equal(ntm_prefix_parse(&msg.prefixes.item[0], "198.18.0.0/15"), 0);
	node_keep_lease(node, &msg);
	assert_int_equal(lease_saves, 1);
	assert_int_equal(saves, 1);
	assert_int_equal(realms, 1);
	assert_int_equal(node->partners.count, 1);
	assert_null(partners_find(&node->partners, "b.example"));
}

/* A partner that was in our way, and is not any more: the list says the same as before, and has to
 * be read again. */
static void a_new_lease_makes_the_list_unknown(void **state)
{
	struct ntm_msg_registered msg = registered_as_before();

	(void)state;
	node->partners.generation = 5;
	node_keep_lease(node, &msg);
	msg.resolver4.b[3] ^= 1;
	node_keep_lease(node, &msg);
	assert_int_equal(lease_saves, 1);
	assert_int_equal(node->partners.generation, 5);
	assert_int_equal(restarts + realms, 0);
	assert_int_equal(ntm_prefix_parse(&msg.prefixes.item[0], "198.18.0.0/15"), 0);
	node_keep_lease(node, &msg);
	assert_int_equal(node->partners.generation, 0);
	assert_int_equal(restarts, 1);
	/* Nor is every peer of our own domain's any more. */
	assert_int_equal(realms, 1);
	assert_int_equal(saves, 0);
}

/* Addresses are for good: the DC's store was lost, or another one answers for it. */
static void other_addresses_are_not_taken(void **state)
{
	struct ntm_root root;
	struct ntm_cert cert;
	struct ntm_msg_registered msg = registered_as_before();
	struct node_lease before;

	(void)state;
	assert_int_equal(ntm_cert_check(&cert, msg.cert.data, msg.cert.len, node->lease.root,
					timers.wall_ms / 1000),
			 0);
	ntm_root_make(&root);
	memcpy(node->lease.root, root.pub, sizeof(node->lease.root));
	before = node->lease;
	cert.serial++;
	cert.vip4.b[3]++;
	msg.cert.len = (uint16_t)ntm_cert_sign(&cert, &root, msg.cert.data);
	node_keep_lease(node, &msg);
	assert_memory_equal(&node->lease, &before, sizeof(before));
	cert.vip4.b[3]--;
	cert.vip6.b[15]++;
	msg.cert.len = (uint16_t)ntm_cert_sign(&cert, &root, msg.cert.data);
	node_keep_lease(node, &msg);
	assert_memory_equal(&node->lease, &before, sizeof(before));
	assert_int_equal(lease_saves, 0);
	/* With the right ones it is only a newer certificate. */
	cert.vip6.b[15]--;
	msg.cert.len = (uint16_t)ntm_cert_sign(&cert, &root, msg.cert.data);
	node_keep_lease(node, &msg);
	assert_int_equal(lease_saves, 1);
	assert_memory_equal(&node->lease.cert, &msg.cert, sizeof(msg.cert));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(a_new_list_is_told_to_all),
		CASE(a_domain_that_is_taught_makes_the_list_unknown),
		CASE(the_dc_tells_that_the_list_has_changed),
		CASE(a_new_lease_sifts_the_partners),
		CASE(a_new_lease_makes_the_list_unknown),
		CASE(other_addresses_are_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
