/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may bind a side of a flow, and release it (security.md 2.7): tickets, challenges,
 * generations, quotas. */
#include "relay_priv.h"

#include <string.h>

/* So many flows are looked at for a lonely one. */
#define LONELY_LOOK 1024

/* Whatever a ticket says: its key is known for that long. */
#define TICKET_MAX_S (3 * NTM_TICKET_DAY_S)

/* One question, as far as it has been found right. */
struct ask {
	const struct ntm_addr *from;
	struct ntm_relay_frame frame;
	struct ntm_ticket ticket;
	struct flow *flow; /* NULL: not known */
	bool is_copy;      /* what it asks for is done: our answer was lost, or it was recorded */
};

/* Cheapest first: whoever makes frames up should pay more for them than we do. */
static enum relay_drop read_frame(const struct relay *relay, struct ask *ask, const uint8_t *frame,
				  size_t len)
{
	if (ntm_relay_frame_parse(&ask->frame, frame, len) != 0)
		return RELAY_DROP_MALFORMED;
	return sources_ok(&relay->sources, ask->from) ? RELAY_DROPS : RELAY_DROP_SOURCE;
}

static enum relay_drop read_ticket(struct relay *relay, struct ask *ask, const uint8_t *frame,
				   size_t len)
{
	const struct ntm_ticket_key_list *keys = &relay->keys;
	size_t i = 0;

	if (keys->count == 0)
		return RELAY_DROP_NO_KEYS;
	while (i < keys->count && keys->item[i].id != ask->frame.ticket[0])
		i++;
	if (i == keys->count)
		return RELAY_DROP_UNKNOWN_KEY;
	if (ntm_ticket_open(&ask->ticket, &keys->item[i], relay->lease.keys.pub,
			    ask->frame.ticket) != 0)
		return RELAY_DROP_TICKET;
	if (ask->ticket.expires_s <= relay->timers->wall_ms / 1000)
		return RELAY_DROP_EXPIRED;
	return ntm_relay_frame_mac_ok(frame, len, ask->ticket.bind_key) ? RELAY_DROPS
									: RELAY_DROP_MAC;
}

/* A side moves only by a newer generation, and comes back only by one that is not older, so a
 * replay moves nothing and, while the flow lasts, brings back nothing that was released; where it
 * is it may ask as often as it likes. */
static enum relay_drop judge_known(const struct relay *relay, struct ask *ask)
{
	const struct flow_side *side = &ask->flow->side[ask->ticket.side];
	bool is_bound = side->addr.ip.family != 0 && !relay_side_is_over(relay, side);

	if (ask->frame.generation != side->generation)
		return ask->frame.generation > side->generation ? RELAY_DROPS
								: RELAY_DROP_GENERATION;
	ask->is_copy = is_bound && ntm_addr_eq(&side->addr, ask->from);
	return ask->is_copy || !is_bound ? RELAY_DROPS : RELAY_DROP_GENERATION;
}

/* What the side would be the first one of in this account. */
static bool has_account_room(const struct relay *relay, const struct ask *ask)
{
	for (unsigned i = 0; ask->flow != NULL && i < 2; i++) {
		const struct account *account = ask->flow->side[i].account;

		if (account != NULL && account->number == ask->ticket.account)
			return true;
	}
	return accounts_has_room(&relay->accounts, ask->ticket.account);
}

static enum relay_drop judge(struct relay *relay, struct ask *ask)
{
	ask->flow = flows_find(&relay->flows, ask->ticket.flow);
	if (ask->flow == NULL && relay->draining)
		return RELAY_DROP_DRAINING;
	if (!has_account_room(relay, ask))
		return RELAY_DROP_ACCOUNT_FLOWS;
	return ask->flow == NULL ? RELAY_DROPS : judge_known(relay, ask);
}

static void answer(struct relay *relay, const struct ask *ask, const struct ntm_relay_frame *reply)
{
	uint8_t out[NTM_RELAY_FRAME_MAX];
	size_t len = ntm_relay_frame_write(reply, ask->ticket.bind_key, out);

	relay->ops->send(relay->ctx, ask->from, out, len);
}

static struct bind_claim claim_of(const struct ask *ask)
{
	return (struct bind_claim){
		.flow = ask->ticket.flow,
		.side = ask->ticket.side,
		.generation = ask->frame.generation,
		.from = ask->from,
	};
}

/* Keeps nothing: an address that does not receive what we send there leaves no trace. */
static void challenge(struct relay *relay, const struct ask *ask)
{
	uint8_t cookie[NTM_RELAY_COOKIE_LEN];
	const struct bind_claim claim = claim_of(ask);
	const struct ntm_relay_frame reply = {
		.type = NTM_FRAME_CHALLENGE,
		.generation = ask->frame.generation,
		.flow = ask->ticket.flow,
		.cookie = cookie,
	};

	bind_cookie_make(&relay->cookies, &claim, relay->timers->now_ms, cookie);
	answer(relay, ask, &reply);
	relay->counters.challenges++;
}

/* A flow counts once for an account, also when both of its sides do. */
static bool join_account(struct relay *relay, struct flow *flow, unsigned side, uint32_t number)
{
	struct account *other = flow->side[!side].account;
	struct account *account = flow->side[side].account;

	if (account != NULL && account->number == number)
		return true;
	account = other != NULL && other->number == number
			  ? other
			  : accounts_take(&relay->accounts, number, relay->timers->now_ms);
	if (account == NULL)
		return false;
	if (flow->side[side].account != NULL && flow->side[side].account != other)
		accounts_give(&relay->accounts, flow->side[side].account);
	flow->side[side].account = account;
	return true;
}

static void end_flow(struct relay *relay, struct flow *flow)
{
	flows_del(&relay->flows, flow);
	relay->counters.flows_ended++;
	if (relay->draining && !relay->drained && relay->flows.count == 0)
		ntm_timer_set(relay->timers, &relay->sweep_timer, 0);
}

void admission_unbind(struct relay *relay, struct flow *flow, unsigned side)
{
	struct flow_side *gone = &flow->side[side];
	const struct flow_side *other = &flow->side[!side];

	if (gone->account != other->account)
		accounts_give(&relay->accounts, gone->account);
	if (other->addr.ip.family == 0)
		end_flow(relay, flow);
	else
		*gone = (struct flow_side){.generation = gone->generation};
}

static void end_both(struct relay *relay, struct flow *flow)
{
	/* Asked before: the flow goes with its last side. */
	const bool is_bound[2] = {flow->side[0].addr.ip.family != 0,
				  flow->side[1].addr.ip.family != 0};

	for (unsigned i = 0; i < 2; i++)
		if (is_bound[i])
			admission_unbind(relay, flow, i);
}

/* Goes round the table, so that none is looked at twice before all others were. */
static bool make_room(struct relay *relay)
{
	uint32_t look = relay->flows.count < LONELY_LOOK ? relay->flows.count : LONELY_LOOK;

	for (; look > 0; look--) {
		struct flow *flow = flows_next(&relay->flows, &relay->lonely_pos);

		if (flow == NULL) {
			relay->lonely_pos = 0;
			flow = flows_next(&relay->flows, &relay->lonely_pos);
		}
		if (relay_flow_is_lonely(relay, flow)) {
			end_both(relay, flow);
			return true;
		}
	}
	return false;
}

static void set_side(struct relay *relay, const struct ask *ask)
{
	struct flow_side *side = &ask->flow->side[ask->ticket.side];
	int64_t now_ms = relay->timers->now_ms;
	int64_t left_s = ask->ticket.expires_s - relay->timers->wall_ms / 1000;

	if (side->addr.ip.family == 0)
		meter_init(&side->meter, ask->ticket.kbit_s, now_ms);
	else
		meter_set(&side->meter, ask->ticket.kbit_s, now_ms);
	side->addr = *ask->from;
	side->generation = ask->frame.generation;
	side->heard_ms = now_ms;
	side->ends_ms = now_ms + (left_s < TICKET_MAX_S ? left_s : TICKET_MAX_S) * 1000;
}

static void say_bound(struct relay *relay, const struct ask *ask)
{
	const struct flow_side *peer = &ask->flow->side[!ask->ticket.side];
	const struct ntm_relay_frame reply = {
		.type = NTM_FRAME_BOUND,
		.generation = ask->frame.generation,
		.flow = ask->flow->id,
		.label = ask->flow->label,
		.peer_bound = peer->addr.ip.family != 0 && !relay_side_is_over(relay, peer),
		.idle_s = (uint32_t)(relay->settings.idle_ms / 1000),
	};

	answer(relay, ask, &reply);
	relay->counters.bound++;
}

static enum relay_drop bind_side(struct relay *relay, struct ask *ask)
{
	const struct bind_claim claim = claim_of(ask);

	if (!bind_cookie_ok(&relay->cookies, &claim, relay->timers->now_ms, ask->frame.cookie))
		return RELAY_DROP_COOKIE;
	bool is_new = ask->flow == NULL;
	if (is_new && relay->flows.count >= relay->flows.max && !make_room(relay))
		return RELAY_DROP_FULL;
	if (is_new)
		ask->flow = flows_add(&relay->flows, ask->ticket.flow, relay->timers->now_ms);
	if (!join_account(relay, ask->flow, ask->ticket.side, ask->ticket.account)) {
		if (is_new)
			flows_del(&relay->flows, ask->flow);
		return RELAY_DROP_MEMORY;
	}
	relay->counters.flows_made += is_new;
	set_side(relay, ask);
	say_bound(relay, ask);
	return RELAY_DROPS;
}

static enum relay_drop admit(struct relay *relay, struct ask *ask)
{
	enum relay_drop why = judge(relay, ask);

	if (why != RELAY_DROPS)
		return why;
	if (!sources_admit(&relay->sources, ask->from, ask->ticket.flow, ask->is_copy,
			   relay->timers->now_ms))
		return RELAY_DROP_LIMITED;
	if (ask->frame.type == NTM_FRAME_ANSWER)
		return bind_side(relay, ask);
	challenge(relay, ask);
	return RELAY_DROPS;
}

/* The mac says that it is the node's, so it may come from any address: the node may have another
 * one by now. Nothing is answered. What came too early keeps a late ANSWER from binding. */
static enum relay_drop release(struct relay *relay, const struct ask *ask)
{
	struct flow *flow = flows_find(&relay->flows, ask->ticket.flow);

	if (flow == NULL)
		return RELAY_DROP_NOT_BOUND;
	struct flow_side *side = &flow->side[ask->ticket.side];
	if (ask->frame.generation <= side->generation)
		return RELAY_DROP_GENERATION;
	side->generation = ask->frame.generation;
	if (side->addr.ip.family == 0)
		return RELAY_DROP_NOT_BOUND;
	admission_unbind(relay, flow, ask->ticket.side);
	relay->counters.released++;
	return RELAY_DROPS;
}

void admission_input(struct relay *relay, const struct ntm_addr *from, const uint8_t *frame,
		     size_t len)
{
	struct ask ask = {.from = from};
	enum relay_drop why = read_frame(relay, &ask, frame, len);

	if (why == RELAY_DROPS)
		why = read_ticket(relay, &ask, frame, len);
	if (why == RELAY_DROPS)
		why = ask.frame.type == NTM_FRAME_RELEASE ? release(relay, &ask)
							  : admit(relay, &ask);
	ntm_wipe(&ask.ticket, sizeof(ask.ticket));
	if (why != RELAY_DROPS)
		relay_count(relay, why);
}
