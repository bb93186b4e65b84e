/* SPDX-License-Identifier: BSD-2-Clause */
/* The route of a direction is decided from what is known of both nodes, and told CN, who
 * acknowledges it. */
#include "direction_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* What the registry knows of one of our nodes now. False: it is gone. */
static bool refresh(struct direction *direction, struct side *side)
{
	const struct registry_node *node;

	if (side_is_foreign(side))
		return !direction_is_void(direction, side);
	node = side_record(direction, side);
	if (!node)
		return false;
	side->card.cert = node->cert.blob;
	side->card.place = node->card;
	side->place = node->place;
	return true;
}

static void fill_side(struct direction *direction, struct side *side, const struct side *peer,
		      const struct ntm_addr_list *candidates)
{
	const struct foreign *foreign =
		side_is_foreign(peer) ? foreign_by_domain(direction->dc, peer->domain) : NULL;

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

static void set_no_relay(struct direction *direction, uint8_t code,
			 struct ntm_msg_direction_error *error)
{
	char words[NTM_MSG_WORDS];

	if (direction->cn.card.place.is_public) {
		direction_words(error, code,
				"the gateway %s has no address of a family that %s can send to",
				direction->cn.fqdn, direction->mn.fqdn);
		return;
	}
	fleet_missing(direction->dc, words);
	/* The remedy first: long names push the rest out. */
	direction_words(error, code,
			"this needs a relay: %s; %s and %s are behind different NATs, or have no "
			"address family in common",
			words, direction->mn.fqdn, direction->cn.fqdn);
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
	if (direction_find_relays(direction, route.needs_relay && !cn->card.place.is_public))
		route_relayed(&mn->card.place, &cn->card.place, &route);
	if (!route.possible) {
		set_no_relay(direction, route.error, error);
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

static void on_ack(void *arg, int err, const struct ntm_msg *reply)
{
	struct direction *direction = arg;

	direction->txn = 0;
	if (!err && memcmp(reply->route_ack.pair, direction->cn.route.pair, NTM_PAIR_LEN) != 0)
		err = -EPROTO;
	if (!err)
		direction_succeed(direction);
	else
		direction_fail_silent(direction, err == -ECANCELED);
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
		      side_is_foreign(&direction->mn) ? DIRECTION_CN_FOREIGN_WAIT_MS
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
	ntm_debug("dir=%016" PRIx64 " to cn=%s from mn=%s reason=%s mn_nat=%d cn_nat=%d "
		  "relays=%u",
		  direction->correlation, direction->cn.fqdn, direction->mn.fqdn,
		  ntm_reason_name(direction->wanted.reason), direction->mn.card.place.behind_nat,
		  direction->cn.card.place.behind_nat, direction->cn.route.relays.count);
	tell_cn(direction, side_record(direction, &direction->cn));
}
