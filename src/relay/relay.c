/* SPDX-License-Identifier: BSD-2-Clause */
/* A Relay Server's logic: makes the parts, and forwards. */
#include "relay_priv.h"

#include "ntm/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Sides whose time is over forward nothing from that moment on; what they hold is freed by a walk
 * over the table in so many steps of a second each.
 */
#define SWEEP_MS    1000
#define SWEEP_STEPS 8

/* ---- forwarding ---- */

/* Tells who sent it to bind anew: the relay was restarted, or the sender's NAT has changed. */
static void tell_unbound(struct relay *relay, const struct ntm_addr *from, uint32_t label,
			 const struct flow *flow)
{
	const struct ntm_relay_frame frame = {.type = NTM_FRAME_UNBOUND, .label = label};
	uint8_t out[NTM_RELAY_FRAME_MAX];

	if (!sources_ok(&relay->sources, from)) {
		relay_count(relay, RELAY_DROP_SOURCE);
		return;
	}
	if (!sources_unbound(&relay->sources, from, flow == NULL ? NULL : &flow->id,
			     relay->timers->now_ms)) {
		relay_count(relay, RELAY_DROP_UNKNOWN_LIMITED);
		return;
	}
	relay_count(relay, RELAY_DROP_UNKNOWN);
	relay->counters.unbound_sent++;
	relay->ops->send(relay->ctx, from, out, ntm_relay_frame_write(&frame, NULL, out));
}

/* The sides' number, or -1. */
static int side_of(const struct flow *flow, const struct ntm_addr *from)
{
	if (ntm_addr_eq(&flow->side[0].addr, from))
		return 0;
	return ntm_addr_eq(&flow->side[1].addr, from) ? 1 : -1;
}

static enum relay_drop meter_all(struct relay *relay, struct flow_side *side, bool is_bulk,
				 size_t len)
{
	int64_t now_ms = relay->timers->now_ms;

	if (!meter_has(&side->meter, len, is_bulk, now_ms))
		return RELAY_DROP_KBIT_SIDE;
	if (!meter_has(&side->account->meter, len, is_bulk, now_ms))
		return RELAY_DROP_KBIT_ACCOUNT;
	if (!meter_has(&relay->meter, len, is_bulk, now_ms))
		return RELAY_DROP_KBIT_RELAY;
	meter_take(&side->meter, len);
	meter_take(&side->account->meter, len);
	meter_take(&relay->meter, len);
	return RELAY_DROPS;
}

static void count_forwarded(struct relay *relay, struct flow_side *side, size_t len)
{
	side->packets++;
	side->bytes += len;
	side->account->packets++;
	side->account->bytes += len;
	relay->counters.packets++;
	relay->counters.bytes += len;
}

static const struct ntm_addr *forward(struct relay *relay, const struct ntm_addr *from,
				      const uint8_t *data, size_t len)
{
	int64_t now_ms = relay->timers->now_ms;
	uint32_t label;

	if (!ntm_relayed_parse(data, len, &label)) {
		relay_count(relay, RELAY_DROP_MALFORMED);
		return NULL;
	}
	struct flow *flow = flows_at(&relay->flows, label);
	int number = flow == NULL ? -1 : side_of(flow, from);
	if (number < 0 || relay_side_is_over(relay, &flow->side[number])) {
		tell_unbound(relay, from, label, flow);
		return NULL;
	}
	struct flow_side *side = &flow->side[number];
	const struct flow_side *peer = &flow->side[!number];
	side->heard_ms = now_ms;
	enum relay_drop why = peer->addr.ip.family == 0 || relay_side_is_over(relay, peer)
				      ? RELAY_DROP_PEER_UNBOUND
				      : meter_all(relay, side, data[1] == 0, len);
	if (why != RELAY_DROPS) {
		relay_count(relay, why);
		return NULL;
	}
	count_forwarded(relay, side, len);
	return &peer->addr;
}

static void session_input(struct relay *relay, const struct ntm_addr *from, const uint8_t *data,
			  size_t len)
{
	ntm_pkt_reset(&relay->pkt);
	memcpy(ntm_pkt_put(&relay->pkt, len), data, len);
	ntm_links_input(relay->links, from, &relay->pkt);
}

static bool is_dc(const struct relay *relay, const struct ntm_addr *addr)
{
	const struct ntm_link *link = ntm_uplink_link(relay->uplink);
	const struct ntm_addr *dc = relay->lease.dc;

	/* Where it should be as well: it calls a relay that was restarted, which has not heard it.
	 */
	return link != NULL && (ntm_addr_eq(ntm_link_remote(link), addr) ||
				ntm_addr_eq(&dc[0], addr) || ntm_addr_eq(&dc[1], addr));
}

const struct ntm_addr *relay_input(struct relay *relay, const struct ntm_addr *from,
				   const uint8_t *data, size_t len)
{
	uint8_t type = len > 0 && len <= NTM_PKT_MAX ? data[0] : 0;

	switch (type) {
	case NTM_FRAME_RELAYED:
		return forward(relay, from, data, len);
	case NTM_FRAME_BIND:
		relay->counters.binds++;
		admission_input(relay, from, data, len);
		return NULL;
	case NTM_FRAME_ANSWER:
	case NTM_FRAME_RELEASE:
		admission_input(relay, from, data, len);
		return NULL;
	case NTM_FRAME_INITIATION:
	case NTM_FRAME_FINAL:
		/* The only one who renews a session with us: keys are reckoned for nobody else, and
		 * nobody else is asked for cookies. */
		if (is_dc(relay, from))
			session_input(relay, from, data, len);
		else
			relay_count(relay, RELAY_DROP_STRANGER);
		return NULL;
	case NTM_FRAME_RESPONSE:
	case NTM_FRAME_COOKIE:
	case NTM_FRAME_TRANSPORT:
		session_input(relay, from, data, len);
		return NULL;
	default:
		relay_count(relay, RELAY_DROP_MALFORMED);
		return NULL;
	}
}

/* ---- time ---- */

/* True: it is over. */
static bool end_overdue(struct relay *relay, struct flow *flow)
{
	for (unsigned i = 0; i < 2; i++) {
		bool is_last = flow->side[!i].addr.ip.family == 0;

		if (flow->side[i].addr.ip.family == 0 || !relay_side_is_over(relay, &flow->side[i]))
			continue;
		admission_unbind(relay, flow, i);
		if (is_last)
			return true;
	}
	return false;
}

static void sweep(struct relay *relay)
{
	struct flows *flows = &relay->flows;
	uint32_t step = relay->draining ? flows->touched : flows->touched / SWEEP_STEPS + 1;
	uint32_t end = relay->sweep_pos + step;
	struct flow *flow;

	while (relay->sweep_pos < end && (flow = flows_next(flows, &relay->sweep_pos)) != NULL)
		relay->lonely_so_far +=
			!end_overdue(relay, flow) && relay_flow_is_lonely(relay, flow);
	if (relay->sweep_pos < flows->touched)
		return;
	relay->sweep_pos = 0;
	relay->lonely = relay->lonely_so_far;
	relay->lonely_so_far = 0;
}

/* Not with the reports: they may be many at once, and none while the DC is away. */
static void reckon_rate(struct relay *relay)
{
	int64_t passed_ms = relay->timers->now_ms - relay->rate_ms;

	if (passed_ms < SWEEP_MS / 2)
		return; /* too little to tell */
	uint64_t kbit_s = (relay->counters.bytes - relay->rate_bytes) * 8 / (uint64_t)passed_ms;
	relay->kbit_s = kbit_s > UINT32_MAX ? UINT32_MAX : (uint32_t)kbit_s;
	relay->rate_ms = relay->timers->now_ms;
	relay->rate_bytes = relay->counters.bytes;
}

static void on_sweep(void *arg)
{
	struct relay *relay = arg;

	ntm_timer_set(relay->timers, &relay->sweep_timer, SWEEP_MS);
	reckon_rate(relay);
	if (relay->draining)
		relay->sweep_pos = 0;
	sweep(relay);
	if (!relay->draining || relay->drained || relay->flows.count > 0)
		return;
	relay->drained = true;
	relay->ops->drained(relay->ctx);
}

/* ---- the DC ---- */

static void learn_own_addrs(struct relay *relay)
{
	struct ntm_addr_list *own = &relay->sources.own;

	own->count = (uint8_t)relay->ops->own_addrs(relay->ctx, own->item, NTM_MSG_ADDRS);
}

void relay_fill_report(struct relay *relay, struct ntm_msg_relay_register *report)
{
	report->own = relay->sources.own;
	/* Those that make room for others are in nobody's way. */
	report->flows = relay->flows.count > relay->lonely ? relay->flows.count - relay->lonely : 0;
	report->flows_max = relay->settings.flows_max;
	report->kbit_s = relay->kbit_s;
	report->kbit_s_max = relay->settings.kbit_max;
	report->draining = relay->draining;
}

/* It comes with every answer: said once. */
static void complain_of_cert(struct relay *relay, const struct ntm_cert_blob *cert, int err)
{
	struct ntm_cert_blob *refused = &relay->refused;

	if (refused->len == cert->len && memcmp(refused->data, cert->data, cert->len) == 0)
		return;
	*refused = *cert;
	ntm_warn("the DC gave a certificate that is %s",
		 err == -ETIME ? "not valid now: is this host's clock right?"
			       : "not for this relay; it goes on with the one that it has");
}

static void renew_cert(struct relay *relay, const struct ntm_cert_blob *cert)
{
	int err = relay_lease_renew(&relay->lease, cert, relay->timers->wall_ms / 1000);

	if (err == 0)
		relay->ops->lease_changed(relay->ctx, &relay->lease);
	else if (err != -EALREADY)
		complain_of_cert(relay, cert, err);
}

void relay_take_direction(struct relay *relay, const struct ntm_msg_relay_direction *direction)
{
	relay->sources.reflexive = direction->reflexive;
	if (direction->keys.count > 0)
		relay->keys = direction->keys;
	accounts_set(&relay->accounts, direction->account_flows, direction->account_kbit_s,
		     relay->timers->now_ms);
	if (direction->cert.len > 0)
		renew_cert(relay, &direction->cert);
}

static void on_send(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	struct relay *relay = ctx;

	relay->ops->send(relay->ctx, to, frame, len);
}

static void on_up(void *ctx, struct ntm_link *link, void *owner, bool fresh)
{
	struct relay *relay = ctx;

	(void)link;
	(void)fresh; /* a restarted DC looks like a rekey from here */
	relay->is_ended = false;
	ntm_uplink_on_up(owner);
}

static void on_down(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why)
{
	struct relay *relay = ctx;

	(void)link;
	ntm_uplink_on_down(owner);
	/* A DC that stops says nothing. */
	relay->is_ended = why == NTM_DOWN_CLOSED;
	if (relay->is_ended)
		ntm_warn("the DC has ended the session: %s was revoked there, or another host has "
			 "joined in its place; flows end with their tickets, a day from now at "
			 "most, and no new ones come. Stop this relay, or join again with a new "
			 "token (ntm-dc relay add)",
			 relay->lease.fqdn);
}

static void on_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	struct relay *relay = ctx;

	(void)link;
	if (ntm_uplink_on_input(owner, pkt) != 0)
		relay_count(relay, RELAY_DROP_MALFORMED);
}

/* ---- making ---- */

static int make_links(struct relay *relay)
{
	static const struct ntm_links_ops ops = {.send = on_send,
						 .up = on_up,
						 .down = on_down,
						 .input = on_input};
	struct ntm_links_args links = {
		.ops = &ops,
		.ctx = relay,
		.keys = &relay->lease.keys,
		.timers = relay->timers,
		.times = &relay->settings.link_times,
	};

	relay->links = ntm_links_new(&links);
	if (relay->links == NULL)
		return -ENOMEM;
	relay->uplink = relay_dc_uplink_new(relay);
	return relay->uplink == NULL ? -ENOMEM : 0;
}

struct relay *relay_new(const struct relay_args *args)
{
	struct relay *relay = calloc(1, sizeof(*relay));

	if (relay == NULL)
		return NULL;
	relay->ops = args->ops;
	relay->ctx = args->ctx;
	relay->timers = args->timers;
	relay->settings = *args->settings;
	if (relay->settings.idle_ms == 0)
		relay->settings.idle_ms = NTM_RELAY_IDLE_S * 1000;
	relay->lease = *args->lease;
	relay->start_ms = relay->rate_ms = args->timers->now_ms;
	sources_init(&relay->sources, relay->start_ms);
	relay->sources.loopback = args->settings->allow_loopback;
	relay->sources.virtuals = relay->lease.prefixes;
	bind_cookies_init(&relay->cookies, relay->start_ms);
	meter_init(&relay->meter, args->settings->kbit_max, relay->start_ms);
	ntm_timer_init(&relay->sweep_timer, on_sweep, relay);
	if (flows_init(&relay->flows, args->settings->flows_max) == 0 &&
	    accounts_init(&relay->accounts, args->settings->flows_max) == 0 &&
	    make_links(relay) == 0)
		return relay;
	relay_free(relay);
	return NULL;
}

void relay_free(struct relay *relay)
{
	if (relay == NULL)
		return;
	ntm_timer_del(relay->timers, &relay->sweep_timer);
	ntm_uplink_free(relay->uplink);
	ntm_links_free(relay->links);
	accounts_fini(&relay->accounts);
	flows_fini(&relay->flows);
	ntm_wipe(relay, sizeof(*relay));
	free(relay);
}

int relay_start(struct relay *relay)
{
	learn_own_addrs(relay);
	ntm_timer_set(relay->timers, &relay->sweep_timer, SWEEP_MS);
	return ntm_uplink_start(relay->uplink);
}

void relay_stop(struct relay *relay)
{
	ntm_timer_del(relay->timers, &relay->sweep_timer);
	ntm_uplink_stop(relay->uplink);
}

void relay_drain(struct relay *relay)
{
	if (relay->draining)
		return;
	ntm_info("draining: no new flow is taken; flows=%u", (unsigned)relay->flows.count);
	relay->draining = true;
	ntm_uplink_register(relay->uplink);
	ntm_timer_set(relay->timers, &relay->sweep_timer, 0);
}

void relay_addrs_changed(struct relay *relay)
{
	learn_own_addrs(relay);
	ntm_uplink_register(relay->uplink);
}

uint32_t relay_flow_count(const struct relay *relay)
{
	return relay->flows.count;
}
