/* SPDX-License-Identifier: BSD-2-Clause */
/* DIRECTION_REQUEST of a node of ours (R56). */
#include "direction_priv.h"

#include <string.h>

static void start(struct registry_node *mn, struct registry_node *cn, struct ask *ask,
		  const struct wanted *wanted)
{
	struct ntm_msg_direction_error error = {.code = 0};
	struct direction *direction = direction_new(mn->dc, ask);

	if (!direction)
		return;
	direction->wanted = *wanted;
	direction->vip = cn->who.vip4.family != 0 ? cn->who.vip4 : cn->who.vip6;
	direction_set_node(&direction->mn, mn);
	direction_set_node(&direction->cn, cn);
	direction->mn.asked = ask->asked;
	if (direction_put_pair(direction) != 0) {
		direction_words(&error, NTM_DIR_BUSY, "the DC is out of memory");
		direction_fail(direction, &error);
		return;
	}
	direction_decide(direction);
}

/* Both are ours. */
static void work_here(struct registry_node *node, struct registry_node *cn, struct ask *ask,
		      const struct wanted *wanted)
{
	struct direction *direction =
		direction_of_pair(&node->dc->directions, node->who.key, cn->who.key, "");

	if (direction && !direction_may_share(direction, node->who.key, ask->asked)) {
		direction_forget(direction);
		direction = NULL;
	}
	if (!direction) {
		start(node, cn, ask, wanted);
		return;
	}
	direction_join(direction, ask);
}

static void work(struct registry_node *node, const struct ntm_msg_direction_request *req,
		 struct ask *ask)
{
	struct ntm_msg_direction_error error = {.code = 0};
	struct wanted wanted = {.vip = req->vip_cn, .reason = req->reason, .is_sip = req->is_sip};
	struct registry_node *cn = NULL;
	struct peer peer;

	memcpy(wanted.fqdn, req->fqdn_cn, sizeof(wanted.fqdn));
	ask->asked = direction_asked(&wanted);
	if (!direction_peer_find(node, req->fqdn_mn, &wanted, &peer, &error)) {
		ask_refuse(ask, &error);
		return;
	}
	if (peer.foreign) {
		direction_ask_foreign(node, peer.foreign, ask, &wanted);
		return;
	}
	cn = direction_peer_online(node->dc, &peer.ours, &error);
	if (cn)
		work_here(node, cn, ask, &wanted);
	else
		ask_refuse(ask, &error);
}

void direction_on_request(struct registry_node *node, const struct ntm_msg *req)
{
	struct directions *all = &node->dc->directions;
	struct ntm_msg_direction_error error = {.code = 0};
	struct ask *ask = ask_find(node->dc, node->who.key, req->txn);

	if (ask) {
		all->counters.resent++;
		ask_again(ask);
		return;
	}
	/* Its REGISTER is on the way, and so is the next copy of this. */
	if (!node->registered)
		return;
	all->counters.asked++;
	if (!ntm_bucket_take(&node->direction_bucket, dc_now_ms(node->dc))) {
		direction_words(&error, NTM_DIR_BUSY,
				"%s asks for more than %d directions a second", node->who.fqdn,
				DIRECTION_RATE_PER_S);
		ask_reject(node, req, &error);
		return;
	}
	ask = ask_of_node(node, req);
	if (!ask) {
		direction_words(&error, NTM_DIR_BUSY,
				"the DC has too many directions at once: try again in a moment");
		ask_reject(node, req, &error);
		return;
	}
	work(node, &req->direction_request, ask);
}
