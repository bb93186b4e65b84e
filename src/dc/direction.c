/* SPDX-License-Identifier: BSD-2-Clause */
/* One direction a pair of nodes: its states, who waits for it, and how it ends. */
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

void direction_fail_silent(struct direction *direction, bool is_gone)
{
	struct ntm_msg_direction_error error = {.code = 0};
	struct registry_node *cn = side_record(direction, &direction->cn);

	if (cn && !is_gone)
		registry_on_silent(cn, direction->start_ms);
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

	if (direction->state != DIRECTION_DONE) {
		direction->done_ms = dc_now_ms(dc);
		dc->directions.counters.relayed += direction->mn.route.relays.count > 0;
	}
	direction->state = DIRECTION_DONE;
	ntm_timer_set(dc->timers, &direction->timer, DIRECTION_KEEP_MS);
	for (; ask; ask = next) {
		const struct side *mn = direction_side(direction, ask->mn_key);

		next = ask->next;
		dc->directions.counters.done++;
		log_done(direction, ask);
		ask_direct(ask, &mn->route, &peer_of(direction, mn)->card, direction->relays_kept);
	}
}

void direction_stop_request(struct direction *direction)
{
	const struct side *cn = &direction->cn;
	struct registry_node *node = side_is_foreign(cn) ? NULL : side_record(direction, cn);
	struct foreign *foreign =
		side_is_foreign(cn) ? foreign_by_domain(direction->dc, cn->domain) : NULL;

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
		direction_fail_silent(direction, false);
		break;
	case DIRECTION_ASKING:
		fail_no_answer(direction);
		break;
	}
}

/* ---- its nodes, and who waits ---- */

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

void direction_drop_virtual(const struct dc *dc, struct ntm_addr_list *list)
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
	direction_drop_virtual(dc, &reflexive);
	direction_drop_virtual(dc, &place->own);
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

bool direction_is_void(const struct direction *direction, const struct side *side)
{
	const struct foreign *foreign = foreign_by_domain(direction->dc, side->domain);

	return foreign != NULL && revoke_is_void(foreign, side->key);
}

bool direction_is_current(const struct direction *direction, const struct side *side)
{
	const struct registry_node *node =
		side_is_foreign(side) ? NULL : side_record(direction, side);

	if (side_is_foreign(side))
		return !direction_is_void(direction, side);
	return node && node->place == side->place;
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
	struct side *mn = direction_side(direction, ask->mn_key); /* of this ask */

	mn->asked |= ask->asked;
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

void direction_end_exits(struct dc *dc, const uint8_t key[static NTM_KEY_LEN])
{
	struct direction *next;

	for (struct direction *direction = dc->directions.first; direction; direction = next) {
		const struct side *cn = &direction->cn;
		const struct registry_node *node =
			side_is_foreign(cn) ? NULL : side_record(direction, cn);
		struct ntm_msg_direction_error error = {.code = 0};

		next = direction->after;
		if (!node || !node->who.gateway || memcmp(direction->mn.key, key, NTM_KEY_LEN) != 0)
			continue;
		direction_words(&error, NTM_DIR_FORBIDDEN,
				"%s may not send through gateways any more", direction->mn.fqdn);
		direction_fail(direction, &error);
	}
}
