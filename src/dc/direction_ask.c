/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks: each DIRECTION_REQUEST is worked on once, however many copies of it come. */
#include "direction_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void make_id(uint8_t id[static ASK_ID_LEN], const struct registry_node *node, uint32_t txn)
{
	memcpy(id, node->who.key, NTM_KEY_LEN);
	memcpy(id + NTM_KEY_LEN, &txn, sizeof(txn));
}

static uint32_t txn_of(const struct ask *ask)
{
	uint32_t txn;

	memcpy(&txn, ask->id + NTM_KEY_LEN, sizeof(txn));
	return txn;
}

static struct registry_node *asker(const struct ask *ask)
{
	return registry_by_key(&ask->dc->registry, ask_key(ask));
}

struct ask *ask_find(const struct registry_node *node, uint32_t txn)
{
	uint8_t id[ASK_ID_LEN];

	make_id(id, node, txn);
	return ntm_map_get(node->dc->directions.asks, id, sizeof(id));
}

static void on_old(void *arg)
{
	struct ask *ask = arg;

	ntm_map_del(ask->dc->directions.asks, ask->id, sizeof(ask->id));
	ask_free(ask);
}

void ask_free(struct ask *ask)
{
	ntm_timer_del(ask->dc->timers, &ask->timer);
	ntm_wipe(ask, sizeof(*ask));
	free(ask);
}

struct ask *ask_new(struct registry_node *node, const struct ntm_msg *req)
{
	struct ntm_map *asks = node->dc->directions.asks;
	struct ask *ask;

	if (ntm_map_count(asks) >= DIRECTION_MAX)
		return NULL;
	ask = calloc(1, sizeof(*ask));
	if (!ask)
		return NULL;
	make_id(ask->id, node, req->txn);
	ask->dc = node->dc;
	ask->correlation = req->direction_request.correlation;
	ntm_timer_init(&ask->timer, on_old, ask);
	if (ntm_map_put(asks, ask->id, sizeof(ask->id), ask, NULL) != 0) {
		free(ask);
		return NULL;
	}
	return ask;
}

static void send(struct registry_node *node, uint32_t txn, struct ntm_msg *reply)
{
	struct ntm_msg req = {.type = NTM_MSG_DIRECTION_REQUEST, .txn = txn};

	(void)ntm_ctl_reply(node->ctl, &req, reply);
	ntm_wipe(reply, sizeof(*reply));
}

void ask_again(const struct ask *ask)
{
	struct registry_node *node = asker(ask);
	struct ntm_msg reply = {.type = ask->answer};

	if (ask->answer == 0 || !node)
		return;
	if (ask->answer == NTM_MSG_ROUTE_DIRECTION)
		reply.route_direction = ask->route;
	else
		reply.direction_error = ask->error;
	send(node, txn_of(ask), &reply);
}

static void finish(struct ask *ask, uint8_t answer)
{
	ask->answer = answer;
	ask->next = NULL;
	ntm_timer_set(ask->dc->timers, &ask->timer, DIRECTION_KEEP_MS);
	ask_again(ask);
}

void ask_direct(struct ask *ask, const struct ntm_msg_route_direction *route)
{
	ask->route = *route;
	ask->route.correlation = ask->correlation;
	finish(ask, NTM_MSG_ROUTE_DIRECTION);
}

static void complain(struct registry_node *node, const struct ntm_msg_direction_error *error)
{
	node->dc->directions.counters.failed[error->code]++;
	dc_complain(node->dc, &node->gate, "dir=%016" PRIx64 " failed mn=%s code=%s: %s",
		    error->correlation, node->who.fqdn, ntm_direction_code_name(error->code),
		    error->words);
}

void ask_refuse(struct ask *ask, const struct ntm_msg_direction_error *error)
{
	struct registry_node *node = asker(ask);

	ask->error = *error;
	ask->error.correlation = ask->correlation;
	if (node)
		complain(node, &ask->error);
	finish(ask, NTM_MSG_DIRECTION_ERROR);
}

void ask_reject(struct registry_node *node, const struct ntm_msg *req,
		const struct ntm_msg_direction_error *error)
{
	struct ntm_msg reply = {.type = NTM_MSG_DIRECTION_ERROR, .direction_error = *error};

	reply.direction_error.correlation = req->direction_request.correlation;
	complain(node, &reply.direction_error);
	send(node, req->txn, &reply);
}
