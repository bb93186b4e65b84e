/* SPDX-License-Identifier: BSD-2-Clause */
/* The node's side of its link to the DC: registration, requests, liveness. */
#include "dclink.h"

#include "keepalive.h"

#include "ntm/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Between PINGs, which find a DC that was restarted. Behind a NAT they come when the link has been
 * idle for the learned keepalive: what the DC sees then tells whether the NAT has held. */
#define PING_MS (15 * 1000)
/* A link is not started over more often than this. */
#define RESTART_MS 2000
/* A REGISTER that could not be sent, or was not answered, is sent again after it. */
#define REGISTER_MS 5000

struct dclink {
	struct dclink_args args;
	struct ntm_link *link;
	struct ntm_ctl *ctl;
	struct ntm_timer ping_timer;
	struct ntm_timer register_timer;
	struct ntm_addr_list told; /* own addresses of the last REGISTER */
	uint64_t boot_id;
	uint32_t register_txn;
	bool registering;
	bool registered;
	bool was_registered; /* since start */
	bool silent;         /* two copies of a request stay unanswered */
	bool complained;     /* of the silence */
	int64_t restarted_ms;
	int64_t heard_ms; /* the last control message; -1: none yet */
	int64_t registered_ms;
	int64_t idle_ms; /* nothing was sent for so long before the last PING or REGISTER */
	int64_t told_keepalive_ms;
	struct keepalive keepalive;
	struct ntm_addr reflexive;
	bool behind_nat;
};

static struct ntm_timers *timers(const struct dclink *dclink)
{
	return dclink->args.timers;
}

/* Where it answered last, else where the lease says that it is. */
static const char *dc_name(const struct dclink *dclink, char buf[static NTM_ADDR_STR])
{
	const struct ntm_addr *at = ntm_link_remote(dclink->link);
	const struct ntm_addr *known = dclink->args.lease->dc;

	return ntm_addr_str(at->ip.family != 0 ? at : &known[known[0].ip.family == 0], buf);
}

static size_t dc_candidates(const struct node_lease *lease, struct ntm_addr out[static 2])
{
	size_t count = 0;

	for (size_t i = 0; i < 2; i++)
		if (lease->dc[i].ip.family != 0)
			out[count++] = lease->dc[i];
	return count;
}

static bool list_has(const struct ntm_addr_list *list, const struct ntm_ip *ip)
{
	for (size_t i = 0; i < list->count; i++)
		if (ntm_ip_eq(&list->item[i].ip, ip))
			return true;
	return false;
}

static bool list_has_port(const struct ntm_addr_list *list, uint16_t port)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->item[i].port == port)
			return true;
	return false;
}

static bool is_same_list(const struct ntm_addr_list *a, const struct ntm_addr_list *b)
{
	for (size_t i = 0; i < a->count && a->count == b->count; i++)
		if (!ntm_addr_eq(&a->item[i], &b->item[i]))
			return false;
	return a->count == b->count;
}

/* ---- the NAT ---- */

static int64_t idle_ms(const struct dclink *dclink)
{
	struct ntm_link_stats stats;

	ntm_link_stats(dclink->link, &stats);
	return timers(dclink)->now_ms - stats.last_out_ms;
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
	struct ntm_addr_list now = {0};

	now.count = (uint8_t)dclink->args.node_ops->own_addrs(dclink->args.node_ctx, now.item,
							      NTM_MSG_ADDRS);
	return !is_same_list(&now, &dclink->told);
}

/* The DC has seen a packet that followed an idle time. */
static void learn(struct dclink *dclink, const struct ntm_addr *seen)
{
	if (!dclink->registered || has_moved(dclink))
		return;
	if (ntm_addr_eq(seen, &dclink->reflexive))
		keepalive_held(&dclink->keepalive, dclink->idle_ms);
	else
		keepalive_forgot(&dclink->keepalive, dclink->idle_ms);
}

static void arm_ping(struct dclink *dclink)
{
	int64_t ms = keepalive_ms(&dclink->keepalive);

	ntm_timer_set(timers(dclink), &dclink->ping_timer, ms > 0 ? ms : PING_MS);
}

/* ---- registration ---- */

static void on_registered(void *arg, int err, const struct ntm_msg *reply)
{
	struct dclink *dclink = arg;
	char seen[NTM_ADDR_STR];

	dclink->registering = false;
	if (err != 0)
		return; /* register_timer tries again */
	const struct ntm_msg_registered *msg = &reply->registered;
	bool news = !dclink->registered;

	learn(dclink, &msg->reflexive);
	dclink->registered = true;
	dclink->was_registered = true;
	dclink->registered_ms = timers(dclink)->now_ms;
	dclink->reflexive = msg->reflexive;
	dclink->behind_nat = !list_has(&dclink->told, &msg->reflexive.ip);
	keepalive_set(&dclink->keepalive, dclink->behind_nat,
		      list_has_port(&dclink->told, msg->reflexive.port),
		      (int64_t)msg->keepalive_s * 1000);
	tell_keepalive(dclink);
	arm_ping(dclink);
	ntm_timer_set(timers(dclink), &dclink->register_timer, (int64_t)msg->lifetime_s * 500);
	if (news)
		ntm_info("registered at the DC as %s, seen from %s (%s)", dclink->args.lease->fqdn,
			 ntm_addr_str(&msg->reflexive, seen),
			 dclink->behind_nat ? "behind a NAT" : "no NAT");
	dclink->args.ops.registered(dclink->args.ops.ctx, msg, news);
}

static void send_register(struct dclink *dclink)
{
	struct ntm_msg msg = {.type = NTM_MSG_REGISTER};

	if (dclink->registering)
		ntm_ctl_cancel(dclink->ctl, dclink->register_txn);
	msg.reg.boot_id = dclink->boot_id;
	msg.reg.own.count =
		(uint8_t)dclink->args.node_ops->own_addrs(dclink->args.node_ctx, msg.reg.own.item,
							  NTM_MSG_ADDRS);
	if (!is_same_list(&msg.reg.own, &dclink->told))
		keepalive_reset(&dclink->keepalive); /* another network, another NAT */
	dclink->told = msg.reg.own;
	dclink->idle_ms = idle_ms(dclink);
	dclink->registering = ntm_ctl_request(dclink->ctl, &msg, on_registered, dclink,
					      &dclink->register_txn) == 0;
	ntm_timer_set(timers(dclink), &dclink->register_timer, REGISTER_MS);
}

static void on_register_timer(void *arg)
{
	struct dclink *dclink = arg;

	if (ntm_link_state(dclink->link) == NTM_LINK_UP)
		send_register(dclink);
}

static void on_pong(void *arg, int err, const struct ntm_msg *reply)
{
	struct dclink *dclink = arg;

	if (err != 0 || !dclink->registered)
		return;
	learn(dclink, &reply->pong.seen);
	tell_keepalive(dclink);
	if (!ntm_addr_eq(&reply->pong.seen, &dclink->reflexive))
		send_register(dclink); /* the NAT gave us another address */
}

static void on_ping_timer(void *arg)
{
	struct dclink *dclink = arg;
	struct ntm_msg msg = {.type = NTM_MSG_PING};
	int64_t left_ms = keepalive_ms(&dclink->keepalive) - idle_ms(dclink);

	arm_ping(dclink);
	if (ntm_link_state(dclink->link) != NTM_LINK_UP)
		return;
	if (left_ms > 0 && dclink->registered) {
		ntm_timer_set(timers(dclink), &dclink->ping_timer, left_ms);
		return;
	}
	if (!dclink->registered && !dclink->registering) {
		send_register(dclink);
		return;
	}
	dclink->idle_ms = idle_ms(dclink);
	ntm_random(msg.ping.token, sizeof(msg.ping.token));
	ntm_ctl_request(dclink->ctl, &msg, on_pong, dclink, NULL);
}

/* The DC may have been restarted and lost our session: it would stay silent for ever (design.md 4).
 */
static void on_unanswered(void *ctx, unsigned sent)
{
	struct dclink *dclink = ctx;
	struct ntm_addr candidates[2];
	char name[NTM_ADDR_STR];

	if (sent < 2)
		return;
	bool was_restarted = timers(dclink)->now_ms - dclink->restarted_ms < RESTART_MS;
	if (was_restarted && dclink->heard_ms >= dclink->restarted_ms)
		return; /* it answers, only not to this: it waits for the peer of a direction */
	if (was_restarted && !dclink->complained) {
		ntm_warn("the DC at %s does not answer; calls that are up go on, new ones may fail",
			 dc_name(dclink, name));
		dclink->complained = true;
	}
	dclink->silent = true;
	if (ntm_link_state(dclink->link) != NTM_LINK_UP || was_restarted)
		return;
	dclink->restarted_ms = timers(dclink)->now_ms;
	size_t count = dc_candidates(dclink->args.lease, candidates);
	ntm_link_restart(dclink->link, candidates, count);
}

static void on_request(void *ctx, const struct ntm_msg *msg)
{
	struct dclink *dclink = ctx;

	dclink->args.ops.request(dclink->args.ops.ctx, msg);
}

struct dclink *dclink_new(const struct dclink_args *args)
{
	struct dclink *dclink = calloc(1, sizeof(*dclink));
	if (dclink == NULL)
		return NULL;
	dclink->args = *args;
	keepalive_reset(&dclink->keepalive);
	dclink->restarted_ms = -RESTART_MS;
	dclink->heard_ms = -1;
	ntm_random(&dclink->boot_id, sizeof(dclink->boot_id));
	ntm_timer_init(&dclink->ping_timer, on_ping_timer, dclink);
	ntm_timer_init(&dclink->register_timer, on_register_timer, dclink);
	struct ntm_ctl_args ctl = {
		.timers = args->timers,
		.on_request = on_request,
		.on_unanswered = on_unanswered,
		.ctx = dclink,
	};
	dclink->ctl = ntm_ctl_new(&ctl);
	if (dclink->ctl == NULL) {
		free(dclink);
		return NULL;
	}
	return dclink;
}

void dclink_free(struct dclink *dclink)
{
	if (dclink == NULL)
		return;
	ntm_timer_del(timers(dclink), &dclink->ping_timer);
	ntm_timer_del(timers(dclink), &dclink->register_timer);
	ntm_ctl_free(dclink->ctl);
	ntm_link_free(dclink->link);
	free(dclink);
}

int dclink_start(struct dclink *dclink)
{
	struct ntm_addr candidates[2];
	struct ntm_link_args args = {
		.purpose = NTM_PURPOSE_NODE,
		.remote_static = dclink->args.lease->dc_key,
		.owner = dclink,
		.candidate_count = dc_candidates(dclink->args.lease, candidates),
		.candidates = candidates,
		.initiator = true,
		.persistent = true,
	};
	int err = ntm_link_open(dclink->args.links, &args, &dclink->link);
	if (err != 0)
		return err;
	ntm_ctl_set_link(dclink->ctl, dclink->link);
	arm_ping(dclink);
	return 0;
}

void dclink_stop(struct dclink *dclink)
{
	ntm_timer_del(timers(dclink), &dclink->ping_timer);
	ntm_timer_del(timers(dclink), &dclink->register_timer);
	if (dclink->link != NULL)
		ntm_link_close(dclink->link, 0);
	dclink->registered = false;
}

void dclink_on_up(struct dclink *dclink, bool fresh)
{
	(void)fresh; /* a restarted DC looks like a rekey from here: register every time */
	send_register(dclink);
	ntm_ctl_kick(dclink->ctl);
}

void dclink_on_down(struct dclink *dclink)
{
	if (dclink->registered)
		ntm_warn("lost the DC; calls that are up go on, trying to reach it again");
	dclink->registered = false;
	dclink->silent = true;
}

void dclink_on_input(struct dclink *dclink, struct ntm_pkt *pkt)
{
	/* Whatever is authentic and answers something proves that the DC is alive; requests of its
	 * own do too. */
	if (ntm_ctl_input(dclink->ctl, pkt->data, pkt->len) != 0)
		return;
	dclink->heard_ms = timers(dclink)->now_ms;
	dclink->silent = false;
	dclink->complained = false;
}

bool dclink_addrs_changed(struct dclink *dclink)
{
	if (!has_moved(dclink))
		return false;
	if (dclink->link != NULL && ntm_link_state(dclink->link) == NTM_LINK_UP)
		send_register(dclink);
	return true;
}

int dclink_request(struct dclink *dclink, struct ntm_msg *msg, ntm_ctl_done_fn *done, void *arg,
		   uint32_t *txn)
{
	return ntm_ctl_request(dclink->ctl, msg, done, arg, txn);
}

void dclink_cancel(struct dclink *dclink, uint32_t txn)
{
	ntm_ctl_cancel(dclink->ctl, txn);
}

int dclink_reply(struct dclink *dclink, const struct ntm_msg *req, struct ntm_msg *reply)
{
	return ntm_ctl_reply(dclink->ctl, req, reply);
}

bool dclink_is_registered(const struct dclink *dclink)
{
	return dclink->registered;
}

bool dclink_answers(const struct dclink *dclink)
{
	return dclink->was_registered && !dclink->silent;
}

const struct ntm_addr *dclink_reflexive(const struct dclink *dclink)
{
	return &dclink->reflexive;
}

bool dclink_behind_nat(const struct dclink *dclink)
{
	return dclink->behind_nat;
}

int64_t dclink_keepalive_ms(const struct dclink *dclink)
{
	return keepalive_ms(&dclink->keepalive);
}

json_t *dclink_json(const struct dclink *dclink)
{
	char addr[NTM_ADDR_STR], seen[NTM_ADDR_STR], why[KEEPALIVE_WORDS];
	const char *state = dclink->registered     ? dclink->silent ? "silent" : "registered"
			    : dclink->link == NULL ? "off"
						   : "connecting";
	struct ntm_link_stats stats = {.rtt_ms = -1};

	if (dclink->link != NULL)
		ntm_link_stats(dclink->link, &stats);
	json_t *json = json_pack("{s:s, s:s, s:I}", "state", state, "address",
				 dclink->link != NULL ? dc_name(dclink, addr) : "none", "rtt_ms",
				 (json_int_t)stats.rtt_ms);
	if (json == NULL || !dclink->was_registered)
		return json;
	json_object_set_new(json, "seen_from", json_string(ntm_addr_str(&dclink->reflexive, seen)));
	json_object_set_new(json, "behind_nat", json_boolean(dclink->behind_nat));
	json_object_set_new(json, "keepalive_s",
			    json_integer(keepalive_ms(&dclink->keepalive) / 1000));
	json_object_set_new(json, "keepalive_why",
			    json_string(keepalive_words(&dclink->keepalive, why)));
	json_object_set_new(json, "registered_s",
			    json_integer((timers(dclink)->now_ms - dclink->registered_ms) / 1000));
	return json;
}
