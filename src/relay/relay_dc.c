/* SPDX-License-Identifier: BSD-2-Clause */
/* The relay's side of its link to the DC: reports, ticket keys, liveness. */
#include "relay_dc.h"

#include "ntm/log.h"

#include <errno.h>
#include <stdlib.h>

/* A link is not started over more often than this. */
#define RESTART_MS 2000
/* Until the DC says how often it wants to hear, and the bounds of what it may say. */
#define REPORT_S     2
#define REPORT_S_MIN 1
#define REPORT_S_MAX 60

struct relay_dc {
	struct relay_dc_args args;
	struct ntm_link *link;
	struct ntm_ctl *ctl;
	struct ntm_timer report_timer;
	uint64_t boot_id;
	uint32_t report_txn;
	uint32_t report_s;
	bool reporting;
	bool registered;
	bool was_registered; /* since start */
	bool silent;         /* two copies of a report stay unanswered */
	int64_t restarted_ms;
	int64_t registered_ms;
	struct ntm_addr reflexive;
};

static struct ntm_timers *timers(const struct relay_dc *dc)
{
	return dc->args.timers;
}

/* Where it answered last, else where the lease says that it is. */
static const char *dc_name(const struct relay_dc *dc, char buf[static NTM_ADDR_STR])
{
	const struct ntm_addr *at = ntm_link_remote(dc->link);
	const struct ntm_addr *known = dc->args.lease->dc;

	return ntm_addr_str(at->ip.family != 0 ? at : &known[known[0].ip.family == 0], buf);
}

static size_t candidates_of(const struct relay_lease *lease, struct ntm_addr out[static 2])
{
	size_t count = 0;

	for (size_t i = 0; i < 2; i++)
		if (lease->dc[i].ip.family != 0)
			out[count++] = lease->dc[i];
	return count;
}

static void take_direction(struct relay_dc *dc, const struct ntm_msg_relay_direction *direction)
{
	dc->reflexive = direction->reflexive;
	dc->report_s = direction->report_s < REPORT_S_MIN   ? REPORT_S_MIN
		       : direction->report_s > REPORT_S_MAX ? REPORT_S_MAX
							    : direction->report_s;
	dc->args.direction(dc->args.ctx, direction);
}

static void on_direction(void *arg, int err, const struct ntm_msg *reply)
{
	struct relay_dc *dc = arg;
	char seen[NTM_ADDR_STR];

	dc->reporting = false;
	if (err != 0 || reply->type != NTM_MSG_RELAY_DIRECTION)
		return; /* the timer reports again */
	take_direction(dc, &reply->relay_direction);
	if (!dc->registered) {
		ntm_info("registered at the DC as %s, seen from %s", dc->args.lease->fqdn,
			 ntm_addr_str(&dc->reflexive, seen));
		dc->registered_ms = timers(dc)->now_ms;
	}
	dc->registered = true;
	dc->was_registered = true;
}

static void send_report(struct relay_dc *dc)
{
	struct ntm_msg msg = {.type = NTM_MSG_RELAY_REGISTER};

	if (dc->reporting)
		ntm_ctl_cancel(dc->ctl, dc->report_txn);
	dc->args.report(dc->args.ctx, &msg.relay_register);
	msg.relay_register.boot_id = dc->boot_id;
	dc->reporting = ntm_ctl_request(dc->ctl, &msg, on_direction, dc, &dc->report_txn) == 0;
	ntm_timer_set(timers(dc), &dc->report_timer, (int64_t)dc->report_s * 1000);
}

static void on_report_timer(void *arg)
{
	relay_dc_report(arg);
}

/* The DC may have been restarted and lost our session: it would stay silent for ever (design.md 4).
 */
static void on_unanswered(void *ctx, unsigned sent)
{
	struct relay_dc *dc = ctx;
	struct ntm_addr candidates[2];
	char name[NTM_ADDR_STR];

	if (sent < 2)
		return;
	bool was_restarted = timers(dc)->now_ms - dc->restarted_ms < RESTART_MS;
	if (!dc->silent && was_restarted) {
		ntm_warn("the DC at %s does not answer; flows go on, and so do tickets that nodes "
			 "have",
			 dc_name(dc, name));
		dc->silent = true;
	}
	if (ntm_link_state(dc->link) != NTM_LINK_UP || was_restarted)
		return;
	dc->restarted_ms = timers(dc)->now_ms;
	size_t count = candidates_of(dc->args.lease, candidates);
	ntm_link_restart(dc->link, candidates, count);
}

static void on_request(void *ctx, const struct ntm_msg *msg)
{
	struct relay_dc *dc = ctx;
	struct ntm_msg reply = {.type = NTM_MSG_RELAY_ACK, .relay_ack.boot_id = dc->boot_id};

	if (msg->type != NTM_MSG_RELAY_DIRECTION)
		return;
	take_direction(dc, &msg->relay_direction);
	(void)ntm_ctl_reply(dc->ctl, msg, &reply); /* the DC asks again */
}

struct relay_dc *relay_dc_new(const struct relay_dc_args *args)
{
	struct relay_dc *dc = calloc(1, sizeof(*dc));

	if (dc == NULL)
		return NULL;
	dc->args = *args;
	dc->report_s = REPORT_S;
	dc->restarted_ms = -RESTART_MS;
	ntm_random(&dc->boot_id, sizeof(dc->boot_id));
	ntm_timer_init(&dc->report_timer, on_report_timer, dc);
	struct ntm_ctl_args ctl = {
		.timers = args->timers,
		.on_request = on_request,
		.on_unanswered = on_unanswered,
		.ctx = dc,
	};
	dc->ctl = ntm_ctl_new(&ctl);
	if (dc->ctl == NULL) {
		free(dc);
		return NULL;
	}
	return dc;
}

void relay_dc_free(struct relay_dc *dc)
{
	if (dc == NULL)
		return;
	ntm_timer_del(timers(dc), &dc->report_timer);
	ntm_ctl_free(dc->ctl);
	ntm_link_free(dc->link);
	free(dc);
}

int relay_dc_start(struct relay_dc *dc)
{
	struct ntm_addr candidates[2];
	struct ntm_link_args args = {
		.purpose = NTM_PURPOSE_RELAY,
		.remote_static = dc->args.lease->dc_key,
		.owner = dc,
		.candidate_count = candidates_of(dc->args.lease, candidates),
		.candidates = candidates,
		.initiator = true,
		.persistent = true,
	};
	int err = ntm_link_open(dc->args.links, &args, &dc->link);

	if (err == 0)
		ntm_ctl_set_link(dc->ctl, dc->link);
	return err;
}

void relay_dc_stop(struct relay_dc *dc)
{
	ntm_timer_del(timers(dc), &dc->report_timer);
	if (dc->link != NULL)
		ntm_link_close(dc->link, 0);
	dc->registered = false;
}

void relay_dc_report(struct relay_dc *dc)
{
	if (dc->link != NULL && ntm_link_state(dc->link) == NTM_LINK_UP)
		send_report(dc);
}

void relay_dc_on_up(struct relay_dc *dc)
{
	send_report(dc);
	ntm_ctl_kick(dc->ctl);
}

void relay_dc_on_down(struct relay_dc *dc)
{
	if (dc->registered)
		ntm_warn("lost the DC; flows go on, trying to reach it again");
	dc->registered = false;
	dc->silent = true;
}

void relay_dc_on_input(struct relay_dc *dc, struct ntm_pkt *pkt)
{
	/* Whatever is authentic proves that the DC is alive. */
	if (ntm_ctl_input(dc->ctl, pkt->data, pkt->len) == 0)
		dc->silent = false;
}

bool relay_dc_is_at(const struct relay_dc *dc, const struct ntm_addr *addr)
{
	return dc->link != NULL && ntm_addr_eq(ntm_link_remote(dc->link), addr);
}

bool relay_dc_is_registered(const struct relay_dc *dc)
{
	return dc->registered;
}

json_t *relay_dc_json(const struct relay_dc *dc)
{
	char addr[NTM_ADDR_STR], seen[NTM_ADDR_STR];
	const char *state = dc->registered     ? dc->silent ? "silent" : "registered"
			    : dc->link == NULL ? "off"
					       : "connecting";
	struct ntm_link_stats stats = {.rtt_ms = -1};

	if (dc->link != NULL)
		ntm_link_stats(dc->link, &stats);
	json_t *json = json_pack("{s:s, s:s, s:I}", "state", state, "address",
				 dc->link != NULL ? dc_name(dc, addr) : "none", "rtt_ms",
				 (json_int_t)stats.rtt_ms);
	if (json == NULL || !dc->was_registered)
		return json;
	json_object_set_new(json, "seen_from", json_string(ntm_addr_str(&dc->reflexive, seen)));
	json_object_set_new(json, "registered_s",
			    json_integer((timers(dc)->now_ms - dc->registered_ms) / 1000));
	return json;
}
