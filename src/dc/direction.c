/* SPDX-License-Identifier: BSD-2-Clause */
/* One direction a pair of nodes: CN is told and acknowledges, then all who asked are told. */
#include "direction_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int direction_init(struct directions *directions)
{
	directions->asks = ntm_map_new();
	directions->by_pair = ntm_map_new();
	directions->by_alias = ntm_map_new();
	return directions->asks && directions->by_pair && directions->by_alias ? 0 : -ENOMEM;
}

void direction_forget(struct direction *direction)
{
	struct directions *all = &direction->dc->directions;

	direction_unindex(direction);
	if (direction->before)
		direction->before->after = direction->after;
	else
		all->first = direction->after;
	if (direction->after)
		direction->after->before = direction->before;
	ntm_timer_del(direction->dc->timers, &direction->timer);
	ntm_wipe(direction, sizeof(*direction)); /* psk */
	free(direction);
}

void direction_fini(struct dc *dc)
{
	struct directions *all = &dc->directions;
	struct ask *ask;
	size_t pos = 0;

	while (all->first)
		direction_forget(all->first);
	while (all->asks && (ask = ntm_map_next(all->asks, &pos)))
		ask_free(ask);
	ntm_map_free(all->by_pair);
	ntm_map_free(all->by_alias);
	ntm_map_free(all->asks);
}

static struct registry_node *record_of(const struct direction *direction, const struct side *side)
{
	return registry_by_key(&direction->dc->registry, side->key);
}

static bool is_foreign(const struct side *side)
{
	return side->domain[0] != '\0';
}

struct side *direction_side(struct direction *direction, const uint8_t key[static NTM_KEY_LEN])
{
	bool is_mn = memcmp(direction->mn.key, key, NTM_KEY_LEN) == 0;

	return is_mn ? &direction->mn : &direction->cn;
}

static struct side *peer_of(struct direction *direction, const struct side *side)
{
	return side == &direction->mn ? &direction->cn : &direction->mn;
}

static struct ask *take_asks(struct direction *direction)
{
	struct ask *ask = direction->waiting;

	direction->waiting = NULL;
	return ask;
}

void direction_fail(struct direction *direction, struct ntm_msg_direction_error *error)
{
	struct ask *ask = take_asks(direction);
	struct ask *next;

	if (error->vip.family == 0)
		error->vip = direction->vip;
	direction_stop_request(direction);
	direction_forget(direction);
	for (; ask; ask = next) {
		next = ask->next;
		ask_refuse(ask, error);
	}
}

static void fail_silent(struct direction *direction, bool is_gone)
{
	struct ntm_msg_direction_error error = {.code = 0};
	struct registry_node *cn = record_of(direction, &direction->cn);

	if (cn && !is_gone)
		registry_on_silent(cn);
	direction_words(&error, NTM_DIR_OFFLINE,
			is_gone ? "%s went offline just now"
				: "%s does not answer: is its network up, and ntm-node running?",
			direction->cn.fqdn);
	direction_fail(direction, &error);
}

static void log_done(const struct direction *direction, const struct ask *ask)
{
	bool mn_requests = direction->mn.route.role == NTM_ROLE_REQUESTS;

	ntm_debug("dir=%016" PRIx64 " done mn=%s cn=%s requests=%s after_ms=%" PRId64,
		  ask->correlation, direction->mn.fqdn, direction->cn.fqdn,
		  mn_requests ? direction->mn.fqdn : direction->cn.fqdn,
		  dc_now_ms(direction->dc) - direction->start_ms);
}

void direction_succeed(struct direction *direction)
{
	struct dc *dc = direction->dc;
	struct ask *ask = take_asks(direction);
	struct ask *next;

	if (direction->state != DIRECTION_DONE)
		direction->done_ms = dc_now_ms(dc);
	direction->state = DIRECTION_DONE;
	ntm_timer_set(dc->timers, &direction->timer, DIRECTION_KEEP_MS);
	for (; ask; ask = next) {
		const struct side *mn = direction_side(direction, ask->mn_key);

		next = ask->next;
		dc->directions.counters.done++;
		log_done(direction, ask);
		ask_direct(ask, &mn->route, &peer_of(direction, mn)->card);
	}
}

static void on_ack(void *arg, int err, const struct ntm_msg *reply)
{
	struct direction *direction = arg;

	direction->txn = 0;
	if (!err && memcmp(reply->route_ack.pair, direction->cn.route.pair, NTM_PAIR_LEN) != 0)
		err = -EPROTO;
	if (!err)
		direction_succeed(direction);
	else
		fail_silent(direction, err == -ECANCELED);
}

void direction_stop_request(struct direction *direction)
{
	const struct side *cn = &direction->cn;
	struct registry_node *node = is_foreign(cn) ? NULL : record_of(direction, cn);
	struct foreign *foreign =
		is_foreign(cn) ? foreign_by_domain(direction->dc, cn->domain) : NULL;

	if (direction->txn != 0 && node)
		ntm_ctl_cancel(node->ctl, direction->txn);
	if (direction->txn != 0 && foreign)
		ntm_ctl_cancel(foreign->ctl, direction->txn);
	direction->txn = 0;
}

static void fail_no_answer(struct direction *direction)
{
	struct ntm_msg_direction_error error = {.code = 0};
	struct foreign *foreign = foreign_by_domain(direction->dc, direction->cn.domain);

	if (foreign && foreign_on_silent(foreign, direction->start_ms))
		return; /* it ended this, with all that was asked there */
	direction_words(&error, NTM_DIR_NO_DC, "the DC of %s does not answer in time",
			direction->cn.domain);
	direction_fail(direction, &error);
}

static void on_timer(void *arg)
{
	struct direction *direction = arg;

	switch (direction->state) {
	case DIRECTION_DONE:
		direction_forget(direction);
		break;
	case DIRECTION_TELLING:
		fail_silent(direction, false);
		break;
	case DIRECTION_ASKING:
		fail_no_answer(direction);
		break;
	}
}

/* ---- the route ---- */

/* What the registry knows of one of our nodes now. False: it is gone. */
static bool refresh(struct direction *direction, struct side *side)
{
	const struct registry_node *node;

	if (is_foreign(side))
		return true;
	node = record_of(direction, side);
	if (!node)
		return false;
	side->card.cert = node->cert;
	side->card.place = node->card;
	side->place = node->place;
	return true;
}

static void fill_side(struct direction *direction, struct side *side, const struct side *peer,
		      const struct ntm_addr_list *candidates)
{
	const struct foreign *foreign =
		is_foreign(peer) ? foreign_by_domain(direction->dc, peer->domain) : NULL;

	side->route.reason = direction->wanted.reason;
	side->route.correlation = direction->correlation;
	side->route.lifetime_s = (uint32_t)direction->dc->settings.pair_lifetime_s;
	side->route.candidates = *candidates;
	side->route.peer_cert = peer->card.cert;
	side->route.peer_nat = peer->card.place.behind_nat;
	side->route.peer_domain.len = 0;
	if (foreign)
		side->route.peer_domain = foreign->introduction.blob;
}

bool direction_fill_routes(struct direction *direction, struct ntm_msg_direction_error *error)
{
	struct side *mn = &direction->mn, *cn = &direction->cn;
	struct route route;

	if (!refresh(direction, mn) || !refresh(direction, cn)) {
		direction_words(error, NTM_DIR_OFFLINE, "%s went offline just now", cn->fqdn);
		return false;
	}
	route_decide(&mn->card.place, &cn->card.place, &route);
	if (!route.possible) {
		direction_words(error, route.error,
				"%s and %s are behind different NATs, or have no address family in "
				"common: this needs a relay",
				mn->fqdn, cn->fqdn);
		return false;
	}
	fill_side(direction, mn, cn, &route.to_cn);
	fill_side(direction, cn, mn, &route.to_mn);
	mn->route.role = route.mn_role;
	cn->route.role = route.cn_role;
	return true;
}

void direction_set_pair(struct direction *direction, const uint8_t pair[static NTM_PAIR_LEN],
			const uint8_t psk[static NTM_KEY_LEN])
{
	memcpy(direction->mn.route.pair, pair, NTM_PAIR_LEN);
	memcpy(direction->cn.route.pair, pair, NTM_PAIR_LEN);
	memcpy(direction->mn.route.psk, psk, NTM_KEY_LEN);
	memcpy(direction->cn.route.psk, psk, NTM_KEY_LEN);
}

static void tell_cn(struct direction *direction, struct registry_node *cn)
{
	struct ntm_msg msg = {.type = NTM_MSG_ROUTE_DIRECTION,
			      .route_direction = direction->cn.route};
	struct ntm_msg_direction_error error = {.code = 0};
	int err = ntm_ctl_request(cn->ctl, &msg, on_ack, direction, &direction->txn);

	ntm_wipe(&msg, sizeof(msg));
	if (err) {
		direction_words(&error, NTM_DIR_BUSY,
				"too many directions for %s at once: try again in a moment",
				cn->who.fqdn);
		direction_fail(direction, &error);
		return;
	}
	direction->state = DIRECTION_TELLING;
	ntm_timer_set(direction->dc->timers, &direction->timer,
		      is_foreign(&direction->mn) ? DIRECTION_CN_FOREIGN_WAIT_MS
						 : DIRECTION_CN_WAIT_MS);
}

/* R57: decides, and tells CN first, so that it is ready when the Tunnel Request comes. What is
 * decided once more gets another pair id: CN takes the same for a copy. */
void direction_decide(struct direction *direction)
{
	struct ntm_msg_direction_error error = {.code = 0};
	uint8_t pair[NTM_PAIR_LEN], psk[NTM_KEY_LEN];

	ntm_random(pair, sizeof(pair));
	ntm_random(psk, sizeof(psk));
	direction_set_pair(direction, pair, psk);
	ntm_wipe(psk, sizeof(psk));

	if (!direction_fill_routes(direction, &error)) {
		direction_fail(direction, &error);
		return;
	}
	ntm_debug("dir=%016" PRIx64 " to cn=%s from mn=%s reason=%s mn_nat=%d cn_nat=%d",
		  direction->correlation, direction->cn.fqdn, direction->mn.fqdn,
		  ntm_reason_name(direction->wanted.reason), direction->mn.card.place.behind_nat,
		  direction->cn.card.place.behind_nat);
	tell_cn(direction, record_of(direction, &direction->cn));
}

/* ---- who asks ---- */

void direction_set_node(struct side *side, const struct registry_node *node)
{
	memcpy(side->key, node->who.key, sizeof(side->key));
	memcpy(side->fqdn, node->who.fqdn, sizeof(side->fqdn));
	side->vip4 = node->who.vip4;
	side->vip6 = node->who.vip6;
	side->place = node->place;
}

void direction_set_certified(struct side *side, const struct ntm_cert *cert)
{
	memcpy(side->key, cert->key, sizeof(side->key));
	memcpy(side->fqdn, cert->fqdn, sizeof(side->fqdn));
	side->vip4 = cert->vip4;
	side->vip6 = cert->vip6;
}

/* Nothing is sent into virtual prefixes, whoever has them. */
static void drop_virtual(const struct dc *dc, struct ntm_addr_list *list)
{
	struct ntm_addr_list kept = {.count = 0};

	route_filter(list, &dc->settings.prefix4, &dc->settings.prefix6);
	for (uint8_t i = 0; i < list->count; i++)
		if (foreign_by_vip(dc, &list->item[i].ip) == NULL)
			kept.item[kept.count++] = list->item[i];
	*list = kept;
}

/* What another DC says of its node's place, as far as our nodes may send there. False: nowhere. */
bool direction_set_place(const struct dc *dc, struct route_card *place, const struct ntm_addr *seen,
			 const struct ntm_addr_list *own, bool behind_nat)
{
	struct ntm_addr_list reflexive = {.count = 1, .item = {*seen}};

	place->own = *own;
	place->behind_nat = behind_nat;
	drop_virtual(dc, &reflexive);
	drop_virtual(dc, &place->own);
	place->reflexive = *seen;
	return reflexive.count == 1;
}

struct direction *direction_new(struct dc *dc, struct ask *ask)
{
	struct directions *all = &dc->directions;
	struct direction *direction = calloc(1, sizeof(*direction));
	struct ntm_msg_direction_error error = {.code = 0};

	if (!direction) {
		direction_words(&error, NTM_DIR_BUSY, "the DC is out of memory");
		ask_refuse(ask, &error);
		return NULL;
	}
	direction->dc = dc;
	direction->start_ms = dc_now_ms(dc);
	direction->correlation = ask->correlation;
	direction->waiting = ask;
	ntm_timer_init(&direction->timer, on_timer, direction);
	direction->after = all->first;
	if (all->first)
		all->first->before = direction;
	all->first = direction;
	return direction;
}

bool direction_is_current(const struct direction *direction, const struct side *side)
{
	const struct registry_node *node = is_foreign(side) ? NULL : record_of(direction, side);

	return is_foreign(side) || (node && node->place == side->place);
}

uint8_t direction_asked(const struct wanted *wanted)
{
	if (wanted->fqdn[0] != '\0')
		return ASKED_NAME;
	return wanted->vip.family == 4 ? ASKED_VIP4 : ASKED_VIP6;
}

/* The other node's ask, or a second one of this node that was on the way when it was answered: both
 * VIPs were wanted at once, say, and it did not know yet that they are one peer's. A node that asks
 * once more after it was answered has lost its tunnel, and gets a new one. */
bool direction_may_share(struct direction *direction, const uint8_t mn_key[static NTM_KEY_LEN],
			 uint8_t asked)
{
	const struct side *side = direction_side(direction, mn_key);

	if (direction->state != DIRECTION_DONE)
		return true;
	return direction_is_current(direction, &direction->mn) &&
	       direction_is_current(direction, &direction->cn) &&
	       (side->asked == 0 ||
		((side->asked & asked) == 0 &&
		 dc_now_ms(direction->dc) - direction->done_ms < DIRECTION_SECOND_MS));
}

void direction_join(struct direction *direction, struct ask *ask)
{
	const struct side *mn = direction_side(direction, ask->mn_key); /* of this ask */

	direction->dc->directions.counters.merged++;
	ntm_debug("dir=%016" PRIx64 " merged with dir=%016" PRIx64 " mn=%s cn=%s", ask->correlation,
		  direction->correlation, mn->fqdn, peer_of(direction, mn)->fqdn);
	ask->next = direction->waiting;
	direction->waiting = ask;
	if (direction->state == DIRECTION_DONE) {
		direction_succeed(direction);
	} else if (direction->state == DIRECTION_TELLING &&
		   !(direction_is_current(direction, &direction->mn) &&
		     direction_is_current(direction, &direction->cn))) {
		direction_stop_request(direction);
		direction_decide(direction);
	}
}

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
	direction->mn.asked = direction_asked(wanted);
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
	uint8_t asked = direction_asked(wanted);

	if (direction && !direction_may_share(direction, node->who.key, asked)) {
		direction_forget(direction);
		direction = NULL;
	}
	if (!direction) {
		start(node, cn, ask, wanted);
		return;
	}
	direction_side(direction, node->who.key)->asked |= asked;
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
