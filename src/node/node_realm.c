/* SPDX-License-Identifier: BSD-2-Clause */
/* What the DC tells of our own domain and of its partners, and who has to hear of it. */
#include "node_priv.h"

#include <string.h>

static void partners_changed(struct node *node)
{
	tunnels_on_realm(node->tunnels);
	if (node->ops->partners_changed != NULL)
		node->ops->partners_changed(node->ctx, &node->partners);
	exits_on_realm(node->exits);
}

/* ---- our own domain ---- */

/* True when *fresh, a copy of the lease, is now as msg says, and news. */
static bool renew_lease(const struct node *node, const struct ntm_msg_registered *msg,
			struct node_lease *fresh)
{
	const struct ntm_join_answer answer = {
		.cert = msg->cert,
		.prefixes = msg->prefixes,
		.suffixes = msg->suffixes,
		.resolver4 = msg->resolver4,
		.resolver6 = msg->resolver6,
	};
	char words[160];

	if (lease_from_answer(fresh, &answer, node->timers->wall_ms / 1000, words, sizeof(words)) !=
	    0) {
		ntm_warn("the DC's registration is not usable: %s", words);
		return false;
	}
	if (!ntm_ip_eq(&fresh->vip4, &node->lease.vip4) ||
	    !ntm_ip_eq(&fresh->vip6, &node->lease.vip6)) {
		ntm_err("the DC gives this node other virtual addresses than it joined with: join "
			"again with a new token");
		return false;
	}
	return memcmp(fresh, &node->lease, sizeof(*fresh)) != 0;
}

static bool is_same_realm(const struct node_lease *a, const struct node_lease *b)
{
	return memcmp(&a->prefixes, &b->prefixes, sizeof(a->prefixes)) == 0 &&
	       memcmp(&a->suffixes, &b->suffixes, sizeof(a->suffixes)) == 0;
}

/* Partners that were not taken before, or are being read, have to be judged anew; and whoever is of
 * no domain any more has no tunnel. */
static void realm_changed(struct node *node)
{
	node->partners.generation = 0;
	partners_pull_restart(node->pull);
	if (partners_sift(&node->partners, &node->lease))
		partners_changed(node);
	else
		tunnels_on_realm(node->tunnels);
}

void node_keep_lease(struct node *node, const struct ntm_msg_registered *msg)
{
	struct node_lease fresh = node->lease;

	if (renew_lease(node, msg, &fresh)) {
		bool is_same = is_same_realm(&fresh, &node->lease);
		node->lease = fresh;
		if (!is_same)
			realm_changed(node);
		node->ops->lease_changed(node->ctx, &node->lease);
		exits_on_realm(node->exits); /* behind the news of the lease, to the host as well */
	}
	ntm_wipe(&fresh, sizeof(fresh)); /* our secret key */
}

/* ---- partner domains ---- */

void node_take_partners(void *ctx, const struct partners *fresh)
{
	struct node *node = ctx;

	if (partners_eq(fresh, &node->partners))
		return;
	ntm_info("%zu partner domains", fresh->count);
	node->partners = *fresh;
	partners_changed(node);
}

/* The list is of no generation of the DC's then: the next REGISTERED sees it through. */
const char *node_learn_partner(void *ctx, const struct partner *partner)
{
	struct node *node = ctx;
	const char *why = partners_put(&node->partners, &node->lease, partner);

	if (why != NULL)
		return why;
	node->partners.generation = 0;
	ntm_info("partner domain %s", partner->domain);
	partners_pull_restart(node->pull);
	partners_changed(node);
	return NULL;
}

void node_on_partners(struct node *node, const struct ntm_msg *req)
{
	struct ntm_msg done = {.type = NTM_MSG_PARTNERS, .partners = req->partners};

	dclink_reply(node->dclink, req, &done);
	partners_pull_want(node->pull, req->partners.generation);
}
