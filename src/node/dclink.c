/* SPDX-License-Identifier: BSD-2-Clause */
/* What a node tells its DC of itself, and learns of its NAT by that. */
#include "dclink.h"

#include "keepalive.h"

#include "ntm/log.h"

#include <stdlib.h>

/* Between PINGs, which find a DC that was restarted. Behind a NAT they come when the link has been
 * idle for the learned keepalive: what the DC sees then tells whether the NAT has held. */
#define PING_MS (15 * 1000)

struct dclink {
	struct dclink_args args;
	struct ntm_uplink *uplink;
	struct ntm_timer ping_timer;
	struct ntm_addr_list told; /* own addresses of the last REGISTER */
	int64_t idle_ms; /* nothing was sent for so long before the last PING or REGISTER */
	int64_t told_keepalive_ms;
	struct keepalive keepalive;
	bool behind_nat;
};

static bool list_has_port(const struct ntm_addr_list *list, uint16_t port)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->item[i].port == port)
			return true;
	return false;
}

static void own_addrs(const struct dclink *dclink, struct ntm_addr_list *out)
{
	out->count = (uint8_t)dclink->args.node_ops->own_addrs(dclink->args.node_ctx, out->item,
							       NTM_MSG_ADDRS);
}

/* ---- the NAT ---- */

static int64_t idle_ms(const struct dclink *dclink)
{
	struct ntm_link_stats stats;

	ntm_link_stats(ntm_uplink_link(dclink->uplink), &stats);
	return dclink->args.timers->now_ms - stats.last_out_ms;
}

static void tell_keepalive(struct dclink *dclink)
{
	int64_t ms = keepalive_ms(&dclink->keepalive);

	if (ms == dclink->told_keepalive_ms)
		return;
	dclink->told_keepalive_ms = ms;
	dclink->args.ops.keepalive(dclink->args.ops.ctx, ms);
}

static bool has_moved(const struct dclink *dclink)
{
	struct ntm_addr_list now;

	own_addrs(dclink, &now);
	return !ntm_addr_list_eq(&now, &dclink->told);
}

/* The DC has seen a packet that followed an idle time. */
static void learn(struct dclink *dclink, const struct ntm_addr *seen)
{
	if (!ntm_uplink_is_registered(dclink->uplink) || has_moved(dclink))
		return;
	if (ntm_addr_eq(seen, ntm_uplink_seen(dclink->uplink)))
		keepalive_held(&dclink->keepalive, dclink->idle_ms);
	else
		keepalive_forgot(&dclink->keepalive, dclink->idle_ms);
}

static void on_pong(void *ctx, const struct ntm_addr *seen)
{
	struct dclink *dclink = ctx;

	learn(dclink, seen);
	tell_keepalive(dclink);
}

/* Over IPv6 no NAT shows; but a router's firewall forgets us as well, and so does a NAT for IPv4
 * beside it. Who has a public IPv4 address is no home. */
static bool may_be_forgotten(const struct dclink *dclink, const struct ntm_ip *seen)
{
	const struct ntm_addr_list *told = &dclink->told;

	for (size_t i = 0; i < told->count; i++)
		if (told->item[i].ip.family == 4 && !ntm_ip_is_private(&told->item[i].ip))
			return dclink->behind_nat;
	return dclink->behind_nat || seen->family == 6;
}

static void arm_ping(struct dclink *dclink)
{
	int64_t ms = keepalive_ms(&dclink->keepalive);

	ntm_timer_set(dclink->args.timers, &dclink->ping_timer, ms > 0 ? ms : PING_MS);
}

static void on_ping_timer(void *arg)
{
	struct dclink *dclink = arg;

	arm_ping(dclink);
	if (!ntm_uplink_is_registered(dclink->uplink))
		return;
	int64_t idle = idle_ms(dclink), left_ms = keepalive_ms(&dclink->keepalive) - idle;

	if (left_ms > 0) {
		ntm_timer_set(dclink->args.timers, &dclink->ping_timer, left_ms);
		return;
	}
	dclink->idle_ms = idle;
	ntm_uplink_ping(dclink->uplink);
}

/* ---- registration ---- */

static void fill(void *ctx, struct ntm_msg *msg)
{
	struct dclink *dclink = ctx;

	msg->type = NTM_MSG_REGISTER;
	msg->reg.boot_id = ntm_uplink_boot_id(dclink->uplink);
	own_addrs(dclink, &msg->reg.own);
	if (!ntm_addr_list_eq(&msg->reg.own, &dclink->told))
		keepalive_reset(&dclink->keepalive); /* another network, another NAT */
	dclink->told = msg->reg.own;
	dclink->idle_ms = idle_ms(dclink);
}

static void on_registered(void *ctx, const struct ntm_msg *reply)
{
	struct dclink *dclink = ctx;
	const struct ntm_msg_registered *msg = &reply->registered;
	char seen[NTM_ADDR_STR];

	learn(dclink, &msg->reflexive);
	bool news = ntm_uplink_registered(dclink->uplink, &msg->reflexive,
					  (int64_t)msg->lifetime_s * 500);
	dclink->behind_nat = ntm_addr_list_behind_nat(&dclink->told, &msg->reflexive);
	keepalive_set(&dclink->keepalive, may_be_forgotten(dclink, &msg->reflexive.ip),
		      list_has_port(&dclink->told, msg->reflexive.port),
		      (int64_t)msg->keepalive_s * 1000);
	tell_keepalive(dclink);
	arm_ping(dclink);
	if (news)
		ntm_info("registered at the DC as %s, seen from %s (%s)", dclink->args.lease->fqdn,
			 ntm_addr_str(&msg->reflexive, seen),
			 dclink->behind_nat ? "behind a NAT" : "no NAT");
	dclink->args.ops.registered(dclink->args.ops.ctx, msg, news);
}

static void on_request(void *ctx, const struct ntm_msg *msg)
{
	struct dclink *dclink = ctx;

	dclink->args.ops.request(dclink->args.ops.ctx, msg);
}

bool dclink_addrs_changed(struct dclink *dclink)
{
	if (!has_moved(dclink))
		return false;
	ntm_uplink_register(dclink->uplink);
	return true;
}

/* ---- life ---- */

struct dclink *dclink_new(const struct dclink_args *args)
{
	static const struct ntm_uplink_ops ops = {.fill = fill,
						  .answer = on_registered,
						  .request = on_request,
						  .pong = on_pong};
	struct dclink *dclink = calloc(1, sizeof(*dclink));

	if (dclink == NULL)
		return NULL;
	const struct ntm_uplink_args uplink = {
		.links = args->links,
		.timers = args->timers,
		.purpose = NTM_PURPOSE_NODE,
		.dc_key = args->lease->dc_key,
		.dc = args->lease->dc,
		.meanwhile = "calls that are up go on, new ones may fail",
		.ops = &ops,
		.ctx = dclink,
	};
	dclink->args = *args;
	keepalive_reset(&dclink->keepalive);
	ntm_timer_init(&dclink->ping_timer, on_ping_timer, dclink);
	dclink->uplink = ntm_uplink_new(&uplink);
	if (dclink->uplink == NULL) {
		free(dclink);
		return NULL;
	}
	return dclink;
}

void dclink_free(struct dclink *dclink)
{
	if (dclink == NULL)
		return;
	ntm_timer_del(dclink->args.timers, &dclink->ping_timer);
	ntm_uplink_free(dclink->uplink);
	free(dclink);
}

int dclink_start(struct dclink *dclink)
{
	return ntm_uplink_start(dclink->uplink);
}

void dclink_stop(struct dclink *dclink)
{
	ntm_timer_del(dclink->args.timers, &dclink->ping_timer);
	ntm_uplink_stop(dclink->uplink);
}

/* ---- requests, and what it is ---- */

int dclink_request(struct dclink *dclink, struct ntm_msg *msg, ntm_ctl_done_fn *done, void *arg,
		   uint32_t *txn)
{
	return ntm_ctl_request(ntm_uplink_ctl(dclink->uplink), msg, done, arg, txn);
}

void dclink_cancel(struct dclink *dclink, uint32_t txn)
{
	ntm_ctl_cancel(ntm_uplink_ctl(dclink->uplink), txn);
}

int dclink_reply(struct dclink *dclink, const struct ntm_msg *req, struct ntm_msg *reply)
{
	return ntm_ctl_reply(ntm_uplink_ctl(dclink->uplink), req, reply);
}

struct ntm_uplink *dclink_uplink(const struct dclink *dclink)
{
	return dclink->uplink;
}

int64_t dclink_keepalive_ms(const struct dclink *dclink)
{
	return keepalive_ms(&dclink->keepalive);
}

json_t *dclink_json(const struct dclink *dclink)
{
	struct ntm_uplink_facts facts;
	char why[KEEPALIVE_WORDS];

	ntm_uplink_facts(dclink->uplink, &facts);
	json_t *json = json_pack("{s:s, s:s, s:I}", "state", facts.state, "address", facts.dc,
				 "rtt_ms", (json_int_t)facts.rtt_ms);
	if (json == NULL || facts.registered_s < 0)
		return json;
	json_object_set_new(json, "seen_from", json_string(facts.seen));
	json_object_set_new(json, "behind_nat", json_boolean(dclink->behind_nat));
	json_object_set_new(json, "keepalive_s",
			    json_integer(keepalive_ms(&dclink->keepalive) / 1000));
	json_object_set_new(json, "keepalive_why",
			    json_string(
				    dclink->keepalive.behind_nat && !dclink->behind_nat
					    ? "over IPv6 it does not show when a router forgets us"
					    : keepalive_words(&dclink->keepalive, why)));
	json_object_set_new(json, "registered_s", json_integer(facts.registered_s));
	return json;
}
