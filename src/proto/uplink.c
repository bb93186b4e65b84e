/* SPDX-License-Identifier: BSD-2-Clause */
/* A program's own link to its DC: kept up, registered over, and watched. */
#include "ntm/uplink.h"

#include "ntm/log.h"

#include <stdlib.h>
#include <string.h>

/* The link is not started over more often than this. */
#define RESTART_MS 2000
/* What could not be sent, or was not answered, is sent again after it. */
#define REGISTER_MS 5000
/* The bounds of how long after a registration the DC may want another. */
#define AGAIN_MS_MIN 1000
#define AGAIN_MS_MAX (12 * 3600 * 1000)

struct ntm_uplink {
	struct ntm_uplink_args args;
	struct ntm_link *link;
	struct ntm_ctl *ctl;
	struct ntm_timer timer; /* registers */
	uint64_t boot_id;
	uint32_t txn;
	bool registering; /* by txn */
	bool registered;
	bool silent;     /* two copies of a request stay unanswered, or the link was lost */
	bool complained; /* of the silence */
	struct ntm_addr seen;
	int64_t sent_ms;       /* the last registration, */
	int64_t again_ms;      /* and how long after it the DC wants another */
	int64_t registered_ms; /* when it was news; -1: never yet */
	int64_t restarted_ms;
	int64_t heard_ms; /* the last control message; -1: none yet */
};

static int64_t now_ms(const struct ntm_uplink *uplink)
{
	return uplink->args.timers->now_ms;
}

static size_t candidates_of(const struct ntm_uplink *uplink, struct ntm_addr out[static 2])
{
	size_t count = 0;

	for (size_t i = 0; i < 2; i++)
		if (uplink->args.dc[i].ip.family != 0)
			out[count++] = uplink->args.dc[i];
	return count;
}

/* Where the DC answered last; until it has, where it should be. */
static const char *dc_str(const struct ntm_uplink *uplink, char buf[static NTM_ADDR_STR])
{
	const struct ntm_addr *at = ntm_link_remote(uplink->link), *dc = uplink->args.dc;

	if (at->ip.family == 0)
		at = &dc[dc[0].ip.family == 0];
	if (at->ip.family == 0)
		return strcpy(buf, "none");
	return ntm_addr_str(at, buf);
}

/* ---- registering ---- */

static void on_answer(void *arg, int err, const struct ntm_msg *reply)
{
	struct ntm_uplink *uplink = arg;

	uplink->registering = false;
	if (err == 0) /* else the timer tries again */
		uplink->args.ops->answer(uplink->args.ctx, reply);
}

void ntm_uplink_register(struct ntm_uplink *uplink)
{
	struct ntm_msg msg = {0};

	if (uplink->link == NULL || ntm_link_state(uplink->link) != NTM_LINK_UP)
		return;
	if (uplink->registering)
		ntm_ctl_cancel(uplink->ctl, uplink->txn);
	uplink->args.ops->fill(uplink->args.ctx, &msg);
	uplink->sent_ms = now_ms(uplink);
	uplink->registering =
		ntm_ctl_request(uplink->ctl, &msg, on_answer, uplink, &uplink->txn) == 0;
	ntm_timer_set(uplink->args.timers, &uplink->timer,
		      uplink->again_ms < REGISTER_MS ? uplink->again_ms : REGISTER_MS);
}

static void on_timer(void *arg)
{
	ntm_uplink_register(arg);
}

bool ntm_uplink_registered(struct ntm_uplink *uplink, const struct ntm_addr *seen, int64_t again_ms)
{
	bool news = !uplink->registered;

	uplink->registered = true;
	uplink->seen = *seen;
	uplink->again_ms = again_ms < AGAIN_MS_MIN   ? AGAIN_MS_MIN
			   : again_ms > AGAIN_MS_MAX ? AGAIN_MS_MAX
						     : again_ms;
	if (news)
		uplink->registered_ms = now_ms(uplink);
	ntm_timer_set(uplink->args.timers, &uplink->timer,
		      uplink->sent_ms + uplink->again_ms - now_ms(uplink));
	return news;
}

static void on_pong(void *arg, int err, const struct ntm_msg *reply)
{
	struct ntm_uplink *uplink = arg;

	if (err != 0 || !uplink->registered)
		return;
	if (uplink->args.ops->pong != NULL)
		uplink->args.ops->pong(uplink->args.ctx, &reply->pong.seen);
	if (!ntm_addr_eq(&reply->pong.seen, &uplink->seen))
		ntm_uplink_register(uplink); /* the NAT gave us another address */
}

void ntm_uplink_ping(struct ntm_uplink *uplink)
{
	struct ntm_msg msg = {.type = NTM_MSG_PING};

	if (!uplink->registered)
		return; /* registering finds out as much */
	ntm_random(msg.ping.token, sizeof(msg.ping.token));
	ntm_ctl_request(uplink->ctl, &msg, on_pong, uplink, NULL);
}

/* ---- what is heard, and what is not ---- */

static void complain(struct ntm_uplink *uplink)
{
	char dc[NTM_ADDR_STR];

	if (!uplink->complained)
		ntm_warn("the DC at %s does not answer; %s", dc_str(uplink, dc),
			 uplink->args.meanwhile);
	uplink->complained = true;
}

static void on_unanswered(void *ctx, unsigned sent)
{
	struct ntm_uplink *uplink = ctx;
	struct ntm_addr candidates[2];

	if (sent < 2 || ntm_link_state(uplink->link) == NTM_LINK_CLOSED)
		return;
	bool was_restarted = now_ms(uplink) - uplink->restarted_ms < RESTART_MS;
	if (was_restarted && uplink->heard_ms >= uplink->restarted_ms)
		return; /* it answers, only not to this */
	uplink->silent = true;
	if (was_restarted) {
		complain(uplink);
	} else if (ntm_link_state(uplink->link) == NTM_LINK_UP) {
		uplink->restarted_ms = now_ms(uplink);
		size_t count = candidates_of(uplink, candidates);
		ntm_link_restart(uplink->link, candidates, count);
	}
}

static void on_request(void *ctx, const struct ntm_msg *msg)
{
	struct ntm_uplink *uplink = ctx;

	uplink->args.ops->request(uplink->args.ctx, msg);
}

void ntm_uplink_on_up(struct ntm_uplink *uplink)
{
	/* Also when the link was not down: a restarted DC looks like a rekey from here. */
	ntm_uplink_register(uplink);
	ntm_ctl_kick(uplink->ctl, uplink->registering ? uplink->txn : 0);
}

void ntm_uplink_on_down(struct ntm_uplink *uplink)
{
	if (uplink->registered)
		ntm_warn("lost the DC; %s; trying to reach it again", uplink->args.meanwhile);
	uplink->registered = false;
	uplink->silent = true;
}

int ntm_uplink_on_input(struct ntm_uplink *uplink, const struct ntm_pkt *pkt)
{
	int err = ntm_ctl_input(uplink->ctl, pkt->data, pkt->len);

	if (err != 0)
		return err;
	/* Whatever is authentic and says something proves that the DC is alive. */
	uplink->heard_ms = now_ms(uplink);
	uplink->silent = false;
	uplink->complained = false;
	return 0;
}

/* ---- life ---- */

struct ntm_uplink *ntm_uplink_new(const struct ntm_uplink_args *args)
{
	struct ntm_uplink *uplink = calloc(1, sizeof(*uplink));

	if (uplink == NULL)
		return NULL;
	const struct ntm_ctl_args ctl = {
		.timers = args->timers,
		.on_request = on_request,
		.on_unanswered = on_unanswered,
		.ctx = uplink,
	};
	uplink->args = *args;
	uplink->again_ms = REGISTER_MS;
	uplink->registered_ms = uplink->heard_ms = -1;
	uplink->restarted_ms = -RESTART_MS;
	ntm_random(&uplink->boot_id, sizeof(uplink->boot_id));
	ntm_timer_init(&uplink->timer, on_timer, uplink);
	uplink->ctl = ntm_ctl_new(&ctl);
	if (uplink->ctl == NULL) {
		free(uplink);
		return NULL;
	}
	return uplink;
}

void ntm_uplink_free(struct ntm_uplink *uplink)
{
	if (uplink == NULL)
		return;
	ntm_timer_del(uplink->args.timers, &uplink->timer);
	ntm_ctl_free(uplink->ctl);
	ntm_link_free(uplink->link);
	free(uplink);
}

int ntm_uplink_start(struct ntm_uplink *uplink)
{
	struct ntm_addr candidates[2];
	const struct ntm_link_args args = {
		.purpose = uplink->args.purpose,
		.remote_static = uplink->args.dc_key,
		.owner = uplink,
		.candidate_count = candidates_of(uplink, candidates),
		.candidates = candidates,
		.initiator = true,
		.persistent = true,
	};
	int err = ntm_link_open(uplink->args.links, &args, &uplink->link);

	if (err == 0)
		ntm_ctl_set_link(uplink->ctl, uplink->link);
	return err;
}

void ntm_uplink_stop(struct ntm_uplink *uplink)
{
	ntm_timer_del(uplink->args.timers, &uplink->timer);
	if (uplink->link != NULL)
		ntm_link_close(uplink->link, 0);
	uplink->registered = false;
}

/* ---- what it is ---- */

struct ntm_ctl *ntm_uplink_ctl(const struct ntm_uplink *uplink)
{
	return uplink->ctl;
}

uint64_t ntm_uplink_boot_id(const struct ntm_uplink *uplink)
{
	return uplink->boot_id;
}

const struct ntm_link *ntm_uplink_link(const struct ntm_uplink *uplink)
{
	return uplink->link;
}

bool ntm_uplink_is_registered(const struct ntm_uplink *uplink)
{
	return uplink->registered;
}

bool ntm_uplink_answers(const struct ntm_uplink *uplink)
{
	return uplink->registered_ms >= 0 && !uplink->silent;
}

const struct ntm_addr *ntm_uplink_seen(const struct ntm_uplink *uplink)
{
	return &uplink->seen;
}

void ntm_uplink_facts(const struct ntm_uplink *uplink, struct ntm_uplink_facts *out)
{
	struct ntm_link_stats stats = {.rtt_ms = -1};

	strcpy(out->dc, "none");
	if (uplink->link != NULL) {
		ntm_link_stats(uplink->link, &stats);
		dc_str(uplink, out->dc);
	}
	out->state = uplink->registered     ? uplink->silent ? "silent" : "registered"
		     : uplink->link == NULL ? "off"
					    : "connecting";
	out->rtt_ms = stats.rtt_ms;
	ntm_addr_str(&uplink->seen, out->seen);
	out->registered_s =
		uplink->registered_ms < 0 ? -1 : (now_ms(uplink) - uplink->registered_ms) / 1000;
}
