/* SPDX-License-Identifier: BSD-2-Clause */
/* One direction a pair of nodes: CN is told and acknowledges, then all who asked are told. */
#include "direction_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum direction_state { DIRECTION_TELLING, DIRECTION_DONE };

/* How an ask names the peer. */
enum asked { ASKED_NAME = 1, ASKED_VIP4 = 2, ASKED_VIP6 = 4 };

/* One of the two nodes; its record is looked up by key each time. */
struct side {
	uint8_t key[NTM_KEY_LEN];
	char fqdn[NTM_NAME_MAX + 1];
	uint32_t place;                       /* registry_node.place when the route was decided */
	uint8_t asked;                        /* enum asked: by what it asked for the other one */
	struct ntm_msg_route_direction route; /* what it is told */
};

struct direction {
	struct dc *dc;
	int64_t id[2]; /* of the nodes, lower one first */
	enum direction_state state;
	struct side mn, cn;
	struct ntm_ip vip; /* of CN, for errors */
	uint8_t reason;
	uint64_t correlation;
	int64_t start_ms, done_ms;
	struct ask *waiting;
	uint32_t txn; /* of the request to CN */
	struct ntm_timer timer;
};

int direction_init(struct directions *directions)
{
	directions->asks = ntm_map_new();
	directions->directions = ntm_map_new();
	return directions->asks && directions->directions ? 0 : -ENOMEM;
}

static void free_direction(struct direction *direction)
{
	ntm_timer_del(direction->dc->timers, &direction->timer);
	ntm_wipe(direction, sizeof(*direction)); /* psk */
	free(direction);
}

void direction_fini(struct dc *dc)
{
	struct directions *all = &dc->directions;
	struct direction *direction;
	struct ask *ask;
	size_t pos = 0;

	while (all->directions && (direction = ntm_map_next(all->directions, &pos)))
		free_direction(direction);
	pos = 0;
	while (all->asks && (ask = ntm_map_next(all->asks, &pos)))
		ask_free(ask);
	ntm_map_free(all->directions);
	ntm_map_free(all->asks);
}

static struct registry_node *record_of(const struct direction *direction, const struct side *side)
{
	return registry_by_key(&direction->dc->registry, side->key);
}

static struct side *side_of(struct direction *direction, const uint8_t key[static NTM_KEY_LEN])
{
	bool is_mn = memcmp(direction->mn.key, key, NTM_KEY_LEN) == 0;

	return is_mn ? &direction->mn : &direction->cn;
}

static void forget(struct direction *direction)
{
	ntm_map_del(direction->dc->directions.directions, direction->id, sizeof(direction->id));
	free_direction(direction);
}

static struct ask *take_asks(struct direction *direction)
{
	struct ask *ask = direction->waiting;

	direction->waiting = NULL;
	return ask;
}

/* Ends it: all who wait hear the error. */
static void fail(struct direction *direction, struct ntm_msg_direction_error *error)
{
	struct ask *ask = take_asks(direction);
	struct ask *next;

	if (error->vip.family == 0)
		error->vip = direction->vip;
	forget(direction);
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
	fail(direction, &error);
}

static void succeed(struct direction *direction)
{
	struct dc *dc = direction->dc;
	struct ask *ask = take_asks(direction);
	struct ask *next;

	if (direction->state != DIRECTION_DONE)
		direction->done_ms = dc_now_ms(dc);
	direction->state = DIRECTION_DONE;
	ntm_timer_set(dc->timers, &direction->timer, DIRECTION_KEEP_MS);
	for (; ask; ask = next) {
		next = ask->next;
		dc->directions.counters.done++;
		ntm_debug("dir=%016" PRIx64 " done mn=%s cn=%s requests=%s after_ms=%" PRId64,
			  ask->correlation, direction->mn.fqdn, direction->cn.fqdn,
			  direction->mn.route.role == NTM_ROLE_REQUESTS ? direction->mn.fqdn
									: direction->cn.fqdn,
			  dc_now_ms(dc) - direction->start_ms);
		ask_direct(ask, &side_of(direction, ask_key(ask))->route);
	}
}

static void on_ack(void *arg, int err, const struct ntm_msg *reply)
{
	struct direction *direction = arg;

	direction->txn = 0;
	if (!err && memcmp(reply->route_ack.pair, direction->cn.route.pair, NTM_PAIR_LEN) != 0)
		err = -EPROTO;
	if (!err)
		succeed(direction);
	else
		fail_silent(direction, err == -ECANCELED);
}

static void stop_telling(struct direction *direction)
{
	struct registry_node *cn = record_of(direction, &direction->cn);

	if (cn && direction->txn != 0)
		ntm_ctl_cancel(cn->ctl, direction->txn);
	direction->txn = 0;
}

static void on_timer(void *arg)
{
	struct direction *direction = arg;

	if (direction->state == DIRECTION_DONE) {
		forget(direction);
		return;
	}
	stop_telling(direction);
	fail_silent(direction, false);
}

/* ---- the route ---- */

static void fill_side(struct side *side, uint8_t role, const struct ntm_addr_list *candidates,
		      const struct registry_node *peer)
{
	side->route.role = role;
	side->route.candidates = *candidates;
	side->route.peer_cert = peer->cert;
	side->route.peer_nat = peer->card.behind_nat;
}

static void fill_routes(struct direction *direction, const struct route *route,
			const struct registry_node *mn, const struct registry_node *cn)
{
	struct ntm_msg_route_direction both = {
		.reason = direction->reason,
		.correlation = direction->correlation,
		.lifetime_s = (uint32_t)direction->dc->settings.pair_lifetime_s,
	};

	ntm_random(both.pair, sizeof(both.pair));
	ntm_random(both.psk, sizeof(both.psk));
	direction->mn.route = both;
	direction->cn.route = both;
	fill_side(&direction->mn, route->mn_role, &route->to_cn, cn);
	fill_side(&direction->cn, route->cn_role, &route->to_mn, mn);
	direction->mn.place = mn->place;
	direction->cn.place = cn->place;
	ntm_wipe(&both, sizeof(both));
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
		fail(direction, &error);
		return;
	}
	direction->state = DIRECTION_TELLING;
	ntm_timer_set(direction->dc->timers, &direction->timer, DIRECTION_CN_WAIT_MS);
}

/* R57: decides, and tells CN first, so that it is ready when the Tunnel Request comes. */
static void decide(struct direction *direction)
{
	struct registry_node *mn = record_of(direction, &direction->mn);
	struct registry_node *cn = record_of(direction, &direction->cn);
	struct ntm_msg_direction_error error = {.code = 0};
	struct route route;

	if (!mn || !cn) {
		fail_silent(direction, true);
		return;
	}
	route_decide(&mn->card, &cn->card, &route);
	if (!route.possible) {
		direction_words(&error, route.error,
				"%s and %s are behind different NATs, or have no address family in "
				"common: this needs a relay",
				mn->who.fqdn, cn->who.fqdn);
		fail(direction, &error);
		return;
	}
	fill_routes(direction, &route, mn, cn);
	ntm_debug("dir=%016" PRIx64 " to cn=%s from mn=%s reason=%s mn_nat=%d cn_nat=%d",
		  direction->correlation, cn->who.fqdn, mn->who.fqdn,
		  ntm_reason_name(direction->reason), mn->card.behind_nat, cn->card.behind_nat);
	tell_cn(direction, cn);
}

/* ---- who asks ---- */

static void set_id(int64_t id[static 2], const struct registry_node *a,
		   const struct registry_node *b)
{
	bool in_order = a->who.id < b->who.id;

	id[0] = in_order ? a->who.id : b->who.id;
	id[1] = in_order ? b->who.id : a->who.id;
}

static void set_side(struct side *side, const struct registry_node *node)
{
	memcpy(side->key, node->who.key, sizeof(side->key));
	memcpy(side->fqdn, node->who.fqdn, sizeof(side->fqdn));
}

static struct direction *new_direction(struct registry_node *mn, struct registry_node *cn)
{
	struct dc *dc = mn->dc;
	struct direction *direction = calloc(1, sizeof(*direction));

	if (!direction)
		return NULL;
	direction->dc = dc;
	direction->start_ms = dc_now_ms(dc);
	direction->vip = cn->who.vip4.family != 0 ? cn->who.vip4 : cn->who.vip6;
	ntm_timer_init(&direction->timer, on_timer, direction);
	set_side(&direction->mn, mn);
	set_side(&direction->cn, cn);
	set_id(direction->id, mn, cn);
	if (ntm_map_put(dc->directions.directions, direction->id, sizeof(direction->id), direction,
			NULL) != 0) {
		free_direction(direction);
		return NULL;
	}
	return direction;
}

/* False when one of them has joined with another key since. */
static bool is_of(struct direction *direction, const struct registry_node *a,
		  const struct registry_node *b)
{
	const struct side *side_a = side_of(direction, a->who.key);
	const struct side *side_b = side_of(direction, b->who.key);

	return side_a != side_b && memcmp(side_a->key, a->who.key, NTM_KEY_LEN) == 0 &&
	       memcmp(side_b->key, b->who.key, NTM_KEY_LEN) == 0;
}

/* Neither moved nor was started anew since. */
static bool is_current(struct direction *direction, const struct registry_node *a,
		       const struct registry_node *b)
{
	return side_of(direction, a->who.key)->place == a->place &&
	       side_of(direction, b->who.key)->place == b->place;
}

static uint8_t asked_by(const struct ntm_msg_direction_request *req)
{
	if (req->fqdn_cn[0] != '\0')
		return ASKED_NAME;
	return req->vip_cn.family == 4 ? ASKED_VIP4 : ASKED_VIP6;
}

/* The other node's ask, or a second one of this node that was on the way when it was answered: both
 * VIPs were wanted at once, say, and it did not know yet that they are one peer's. */
static bool may_share(struct direction *direction, const struct registry_node *mn, uint8_t asked)
{
	const struct side *side = side_of(direction, mn->who.key);

	return side->asked == 0 ||
	       ((side->asked & asked) == 0 &&
		dc_now_ms(direction->dc) - direction->done_ms < DIRECTION_SECOND_MS);
}

/*
 * The direction that the pair has, if the new ask may share it: the same pair id, psk and roles for
 * both (crossing directions). A node that asks once more after it was answered has lost its tunnel,
 * and gets a new one.
 */
static struct direction *find_shared(struct registry_node *mn, struct registry_node *cn,
				     uint8_t asked)
{
	struct direction *direction;
	int64_t id[2];

	set_id(id, mn, cn);
	direction = ntm_map_get(mn->dc->directions.directions, id, sizeof(id));
	if (!direction)
		return NULL;
	if (direction->state == DIRECTION_TELLING) {
		if (is_of(direction, mn, cn))
			return direction;
		stop_telling(direction);
		fail_silent(direction, true);
		return NULL;
	}
	if (is_of(direction, mn, cn) && is_current(direction, mn, cn) &&
	    may_share(direction, mn, asked))
		return direction;
	forget(direction);
	return NULL;
}

static void join_direction(struct direction *direction, struct registry_node *mn,
			   struct registry_node *cn, struct ask *ask)
{
	mn->dc->directions.counters.merged++;
	ntm_debug("dir=%016" PRIx64 " merged with dir=%016" PRIx64 " mn=%s cn=%s", ask->correlation,
		  direction->correlation, mn->who.fqdn, cn->who.fqdn);
	ask->next = direction->waiting;
	direction->waiting = ask;
	if (direction->state == DIRECTION_DONE) {
		succeed(direction);
	} else if (!is_current(direction, mn, cn)) {
		stop_telling(direction);
		decide(direction);
	}
}

static void start(struct registry_node *mn, struct registry_node *cn, struct ask *ask,
		  const struct ntm_msg_direction_request *req)
{
	struct ntm_msg_direction_error error = {.code = 0};
	struct direction *direction = new_direction(mn, cn);

	if (!direction) {
		direction_words(&error, NTM_DIR_BUSY, "the DC is out of memory");
		ask_refuse(ask, &error);
		return;
	}
	direction->mn.asked = asked_by(req);
	direction->reason = req->reason;
	direction->correlation = ask->correlation;
	direction->waiting = ask;
	decide(direction);
}

static void work(struct registry_node *node, const struct ntm_msg_direction_request *req,
		 struct ask *ask)
{
	struct ntm_msg_direction_error error = {.code = 0};
	struct store_node who;
	struct registry_node *cn = NULL;
	struct direction *direction;

	if (direction_peer_find(node, req, &who, &error))
		cn = direction_peer_online(node->dc, &who, &error);
	if (!cn) {
		ask_refuse(ask, &error);
		return;
	}
	direction = find_shared(node, cn, asked_by(req));
	if (!direction) {
		start(node, cn, ask, req);
		return;
	}
	side_of(direction, node->who.key)->asked |= asked_by(req);
	join_direction(direction, node, cn, ask);
}

void direction_on_request(struct registry_node *node, const struct ntm_msg *req)
{
	struct directions *all = &node->dc->directions;
	struct ntm_msg_direction_error error = {.code = 0};
	struct ask *ask = ask_find(node, req->txn);

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
	ask = ask_new(node, req);
	if (!ask) {
		direction_words(&error, NTM_DIR_BUSY,
				"the DC has too many directions at once: try again in a moment");
		ask_reject(node, req, &error);
		return;
	}
	work(node, &req->direction_request, ask);
}
