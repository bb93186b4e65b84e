/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks: each request of a node or of another DC is worked on once, however many copies come. */
#include "direction_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void make_id(uint8_t id[static ASK_ID_LEN], const uint8_t key[static NTM_KEY_LEN],
		    uint32_t txn)
{
	memcpy(id, key, NTM_KEY_LEN);
	memcpy(id + NTM_KEY_LEN, &txn, sizeof(txn));
}

static uint32_t txn_of(const struct ask *ask)
{
	uint32_t txn;

	memcpy(&txn, ask->id + NTM_KEY_LEN, sizeof(txn));
	return txn;
}

struct ask *ask_find(const struct dc *dc, const uint8_t key[static NTM_KEY_LEN], uint32_t txn)
{
	uint8_t id[ASK_ID_LEN];

	make_id(id, key, txn);
	return ntm_map_get(dc->directions.asks, id, sizeof(id));
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

static struct ask *ask_new(struct dc *dc, const uint8_t key[static NTM_KEY_LEN], uint32_t txn)
{
	struct ntm_map *asks = dc->directions.asks;
	struct ask *ask;

	if (ntm_map_count(asks) >= DIRECTION_MAX)
		return NULL;
	ask = calloc(1, sizeof(*ask));
	if (!ask)
		return NULL;
	make_id(ask->id, key, txn);
	memcpy(ask->mn_key, key, NTM_KEY_LEN);
	ask->dc = dc;
	ntm_timer_init(&ask->timer, on_old, ask);
	if (ntm_map_put(asks, ask->id, sizeof(ask->id), ask, NULL) != 0) {
		free(ask);
		return NULL;
	}
	return ask;
}

struct ask *ask_of_node(struct registry_node *node, const struct ntm_msg *req)
{
	struct ask *ask = ask_new(node->dc, node->who.key, req->txn);

	if (ask)
		ask->correlation = req->direction_request.correlation;
	return ask;
}

struct ask *ask_of_foreign(struct foreign *foreign, const struct ntm_msg *req,
			   const uint8_t mn_key[static NTM_KEY_LEN])
{
	struct ask *ask = ask_new(foreign->dc, ntm_link_remote_static(foreign->link), req->txn);

	if (!ask)
		return NULL;
	memcpy(ask->mn_key, mn_key, NTM_KEY_LEN);
	memcpy(ask->domain, foreign->pin.domain, sizeof(ask->domain));
	ask->correlation = req->information_request.correlation;
	return ask;
}

/* ---- answers ---- */

static void send(struct ntm_ctl *ctl, uint8_t type, uint32_t txn, struct ntm_msg *reply)
{
	struct ntm_msg req = {.type = type, .txn = txn};

	(void)ntm_ctl_reply(ctl, &req, reply);
	ntm_wipe(reply, sizeof(*reply));
}

void ask_again(const struct ask *ask)
{
	const struct dc *dc = ask->dc;
	bool is_node = ask->domain[0] == '\0';
	struct registry_node *node = is_node ? registry_by_key(&dc->registry, ask->id) : NULL;
	struct foreign *foreign = is_node ? NULL : foreign_by_domain(dc, ask->domain);
	struct ntm_msg reply = {.type = ask->answer};

	if (ask->answer == 0 || (!node && !foreign))
		return;
	if (ask->answer == NTM_MSG_ROUTE_DIRECTION)
		reply.route_direction = ask->route;
	else if (ask->answer == NTM_MSG_INFORMATION_RESPONSE)
		reply.information_response = ask->information;
	else
		reply.direction_error = ask->error;
	send(node ? node->ctl : foreign->ctl,
	     node ? NTM_MSG_DIRECTION_REQUEST : NTM_MSG_INFORMATION_REQUEST, txn_of(ask), &reply);
}

static void finish(struct ask *ask, uint8_t answer)
{
	ask->answer = answer;
	ask->next = NULL;
	ntm_timer_set(ask->dc->timers, &ask->timer, DIRECTION_KEEP_MS);
	ask_again(ask);
}

static void fill_information(struct ntm_msg_information_response *information,
			     const struct ntm_msg_route_direction *route, const struct card *cn)
{
	memcpy(information->pair, route->pair, sizeof(information->pair));
	memcpy(information->psk, route->psk, sizeof(information->psk));
	information->role = route->role;
	information->lifetime_s = route->lifetime_s;
	information->cert = cn->cert;
	information->reflexive = cn->place.reflexive;
	information->own = cn->place.own;
	information->behind_nat = cn->place.behind_nat;
	information->relays = route->relays;
}

void ask_direct(struct ask *ask, const struct ntm_msg_route_direction *route, const struct card *cn,
		uint8_t relays_kept)
{
	if (ask->domain[0] != '\0') {
		fill_information(&ask->information, route, cn);
		ask->information.relays_kept = ask->has_offers ? relays_kept : 0;
		ask->information.correlation = ask->correlation;
		finish(ask, NTM_MSG_INFORMATION_RESPONSE);
		return;
	}
	ask->route = *route;
	ask->route.correlation = ask->correlation;
	finish(ask, NTM_MSG_ROUTE_DIRECTION);
}

static void complain(struct dc *dc, struct ntm_log_gate *gate, const char *who,
		     const struct ntm_msg_direction_error *error)
{
	dc->directions.counters.failed[error->code]++;
	dc_complain(dc, gate, "dir=%016" PRIx64 " failed %s code=%s: %s", error->correlation, who,
		    ntm_direction_code_name(error->code), error->words);
}

static void complain_node(struct registry_node *node, const struct ntm_msg_direction_error *error)
{
	char who[NTM_NAME_MAX + 8];

	snprintf(who, sizeof(who), "mn=%s", node->who.fqdn);
	complain(node->dc, &node->gate, who, error);
}

static void complain_foreign(struct foreign *foreign, const struct ntm_msg_direction_error *error)
{
	char who[NTM_NAME_MAX + 8];

	foreign->counters.refused++;
	snprintf(who, sizeof(who), "dc_mn=%s", foreign->pin.domain);
	complain(foreign->dc, &foreign->refusal_gate, who, error);
}

void ask_refuse(struct ask *ask, const struct ntm_msg_direction_error *error)
{
	struct dc *dc = ask->dc;
	bool is_node = ask->domain[0] == '\0';
	struct registry_node *node = is_node ? registry_by_key(&dc->registry, ask->id) : NULL;
	struct foreign *foreign = is_node ? NULL : foreign_by_domain(dc, ask->domain);

	ask->error = *error;
	ask->error.correlation = ask->correlation;
	if (node)
		complain_node(node, &ask->error);
	if (foreign)
		complain_foreign(foreign, &ask->error);
	finish(ask, NTM_MSG_DIRECTION_ERROR);
}

void ask_reject(struct registry_node *node, const struct ntm_msg *req,
		const struct ntm_msg_direction_error *error)
{
	struct ntm_msg reply = {.type = NTM_MSG_DIRECTION_ERROR, .direction_error = *error};

	reply.direction_error.correlation = req->direction_request.correlation;
	complain_node(node, &reply.direction_error);
	send(node->ctl, NTM_MSG_DIRECTION_REQUEST, req->txn, &reply);
}

void ask_reject_foreign(struct foreign *foreign, const struct ntm_msg *req,
			const struct ntm_msg_direction_error *error)
{
	struct ntm_msg reply = {.type = NTM_MSG_DIRECTION_ERROR, .direction_error = *error};

	reply.direction_error.correlation = req->information_request.correlation;
	complain_foreign(foreign, &reply.direction_error);
	send(foreign->ctl, NTM_MSG_INFORMATION_REQUEST, req->txn, &reply);
}
