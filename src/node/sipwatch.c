/* SPDX-License-Identifier: BSD-2-Clause */
/* The SIP trigger: looks at a packet, decides by sip.md 2, starts directions and holds. */
#include "sipwatch.h"

#include "sip_calls.h"
#include "sip_held.h"

#include "ntm/bucket.h"
#include "ntm/log.h"
#include "ntm/map.h"
#include "ntm/reasm.h"
#include "ntm/sip.h"

#include <stdlib.h>
#include <string.h>

#define PEERS      32
#define UDP_HEADER 8

/* Directions that one SIP peer caused (security.md A7: fan-out). */
struct peer {
	struct ntm_ip ip;
	int64_t used_ms;
	struct ntm_bucket bucket;
};

struct sipwatch {
	struct sipwatch_args args;
	struct sipwatch_counters counters;
	struct calls calls;
	struct sip_held *held;
	struct ntm_reasm *reasm;
	struct peer peers[PEERS];
	struct ntm_log_gate candidate_gate;
	struct ntm_pkt out; /* scratch of on_release */
};

/* One message on its way through the watcher. */
struct look {
	enum sipwatch_way way;
	struct ntm_ip sip_peer; /* the other end of the signalling */
	const struct ntm_pkt *pkt;
	struct ntm_sip sip;
	struct call *call; /* NULL: of no call that we know */
};

static int64_t now_of(const struct sipwatch *watch)
{
	return watch->args.timers->now_ms;
}

static bool is_answer(const struct ntm_sip *sip)
{
	return sip->kind == NTM_SIP_RESPONSE && sip->method == NTM_SIP_INVITE &&
	       sip->status >= 200 && sip->status < 300;
}

static void show_release(struct sipwatch *watch, const struct sip_held_release *release)
{
	const struct ntm_sip *sip = release->sip;
	struct call *call = ntm_map_get(watch->calls.by_id, sip->call_id, strlen(sip->call_id));

	if (call == NULL)
		return; /* its place was needed */
	call_released(call, now_of(watch));
	if (release->direction_ms >= 0)
		call->direction_ms = release->direction_ms;
	call->hold_end = sip_held_why_name(release->why);
	if (is_answer(sip))
		call_up(call, watch->args.tunnels);
}

static void on_release(void *ctx, const struct sip_held_release *release)
{
	struct sipwatch *watch = ctx;

	watch->counters.released_up += release->why == SIP_HELD_UP;
	watch->counters.released_failed += release->why == SIP_HELD_FAILED;
	watch->counters.released_deadline += release->why == SIP_HELD_DEADLINE;
	watch->counters.released_flushed += release->why == SIP_HELD_FLUSHED;
	ntm_debug("SIP %d let go: %s %s", release->sip->status, sip_held_why_name(release->why),
		  release->words);
	show_release(watch, release);
	ntm_pkt_reset(&watch->out);
	memcpy(ntm_pkt_put(&watch->out, release->len), release->data, release->len);
	watch->args.release(watch->args.ctx, release->way, &watch->out);
}

struct sipwatch *sipwatch_new(const struct sipwatch_args *args)
{
	struct sipwatch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	watch->args = *args;
	struct sip_held_args held = {
		.timers = args->timers,
		.tunnels = args->tunnels,
		.let_go = on_release,
		.ctx = watch,
	};
	watch->held = sip_held_new(&held);
	watch->reasm = ntm_reasm_new();
	if (calls_init(&watch->calls) != 0 || watch->reasm == NULL || watch->held == NULL) {
		sipwatch_free(watch);
		return NULL;
	}
	return watch;
}

void sipwatch_free(struct sipwatch *watch)
{
	if (watch == NULL)
		return;
	sip_held_free(watch->held);
	calls_fini(&watch->calls);
	ntm_reasm_free(watch->reasm);
	free(watch);
}

void sipwatch_flush(struct sipwatch *watch)
{
	sip_held_flush(watch->held, NULL);
}

/* ---- what is looked at ---- */

static bool is_sip_port(const struct sipwatch *watch, uint16_t port)
{
	const struct ntm_ports *ports = &watch->args.settings->sip_ports;

	for (size_t i = 0; i < ports->count; i++)
		if (ports->item[i] == port)
			return true;
	return false;
}

/* The UDP payload to look at, of the packet or of the datagram that it completes. */
static bool find_payload(struct sipwatch *watch, const struct ntm_ippkt *view,
			 const uint8_t **payload, size_t *len)
{
	struct ntm_reasm_whole whole;

	if (view->proto != NTM_IPPROTO_UDP)
		return false;
	if (!view->is_fragment) {
		*payload = view->payload;
		*len = view->payload_len;
		return is_sip_port(watch, view->sport) || is_sip_port(watch, view->dport);
	}
	watch->counters.fragments++;
	if (ntm_reasm_add(watch->reasm, view, now_of(watch), &whole) != 1 ||
	    whole.l4_len < UDP_HEADER)
		return false;
	*payload = whole.l4 + UDP_HEADER;
	*len = whole.l4_len - UDP_HEADER;
	return is_sip_port(watch, (uint16_t)(whole.l4[0] << 8 | whole.l4[1])) ||
	       is_sip_port(watch, (uint16_t)(whole.l4[2] << 8 | whole.l4[3]));
}

static void warn_candidates(struct sipwatch *watch, const struct look *look)
{
	char addr[NTM_IP_STR];

	for (size_t i = 0; i < look->sip.candidate_count; i++) {
		if (realm_is_virtual(watch->args.realm, &look->sip.candidate[i]))
			continue;
		watch->counters.candidates_seen++;
		if (ntm_log_gate_open(&watch->candidate_gate, now_of(watch)))
			ntm_warn("a phone offers the real address %s for media (ICE): it would go "
				 "past the tunnel; switch ICE, STUN and TURN off in the phone",
				 ntm_ip_str(&look->sip.candidate[i], addr));
		return;
	}
}

static bool is_real(const struct sipwatch *watch, const struct ntm_ip *ip)
{
	return !realm_is_virtual(watch->args.realm, ip) && !ntm_ip_is_unspecified(ip);
}

/* Of what our application sends to a node: the other phone would answer past the tunnel. */
static void warn_real_media(struct sipwatch *watch, const struct look *look)
{
	char addr[NTM_IP_STR];

	if (look->way != SIPWATCH_FROM_APP || is_real(watch, &look->sip_peer))
		return;
	for (size_t i = 0; i < look->sip.media_count; i++) {
		if (!is_real(watch, &look->sip.media[i]))
			continue;
		watch->counters.real_media_seen++;
		watch->counters.real_media = look->sip.media[i];
		if (ntm_log_gate_open(&watch->candidate_gate, now_of(watch)))
			ntm_warn("a phone wants media at the real address %s: the sound would go "
				 "past the tunnel; bind the phone to the TUN's interface, and "
				 "switch STUN off in it",
				 ntm_ip_str(&look->sip.media[i], addr));
		return;
	}
}

/* ---- whom a message is about ---- */

static bool is_missing(const struct sipwatch *watch, const struct ntm_ip *ip)
{
	return realm_is_virtual(watch->args.realm, ip) &&
	       !lease_is_ours(watch->args.realm->lease, ip) &&
	       tunnel_find_up(watch->args.tunnels, ip) == NULL;
}

/* The VIPs without a tunnel: named by the message's SDP, or, from the application, by the other
 * side's. */
static size_t missing_peers(const struct sipwatch *watch, const struct look *look,
			    struct ntm_ip out[static NTM_SIP_MEDIA_MAX])
{
	bool to_app = look->way == SIPWATCH_TO_APP;
	const struct ntm_ip *media = to_app       ? look->sip.media
				     : look->call ? look->call->media
						  : NULL;
	size_t count = to_app ? look->sip.media_count : look->call ? look->call->media_count : 0;
	size_t missing = 0;

	for (size_t i = 0; i < count; i++)
		if (is_missing(watch, &media[i]))
			out[missing++] = media[i];
	return missing;
}

static bool may_cause(struct sipwatch *watch, const struct ntm_ip *sip_peer)
{
	struct peer *slot = &watch->peers[0];
	int64_t now = now_of(watch);

	for (size_t i = 0; i < PEERS; i++) {
		struct peer *peer = &watch->peers[i];

		if (ntm_ip_eq(&peer->ip, sip_peer)) {
			peer->used_ms = now;
			return ntm_bucket_take(&peer->bucket, now);
		}
		if (peer->ip.family == 0 || peer->used_ms < slot->used_ms)
			slot = peer;
	}
	slot->ip = *sip_peer;
	slot->used_ms = now;
	ntm_bucket_init(&slot->bucket, SIPWATCH_PER_PEER_PER_S, SIPWATCH_PER_PEER_BURST, now);
	return ntm_bucket_take(&slot->bucket, now);
}

/* ---- decisions ---- */

static bool holds_here(const struct sipwatch *watch, enum sipwatch_way way)
{
	int hold = watch->args.settings->hold;

	if (hold == NODE_HOLD_OFF || !watch->args.dc_answers(watch->args.ctx))
		return false;
	return way == SIPWATCH_TO_APP || hold == NODE_HOLD_BOTH;
}

static int64_t hold_limit(const struct sipwatch *watch, enum sipwatch_way way)
{
	int64_t limit = way == SIPWATCH_TO_APP ? watch->args.settings->hold_caller_ms
					       : watch->args.settings->hold_callee_ms;

	return limit < SIPWATCH_HOLD_LIMIT_MS ? limit : SIPWATCH_HOLD_LIMIT_MS;
}

static enum ntm_sip_action action_of(const struct sipwatch *watch, const struct look *look)
{
	enum ntm_sip_prewarm prewarm = (enum ntm_sip_prewarm)watch->args.settings->prewarm;

	return look->way == SIPWATCH_TO_APP ? ntm_sip_action_towards_app(&look->sip, prewarm)
					    : ntm_sip_action_from_app(&look->sip, prewarm);
}

/* Whom a message asks a direction for, and how long it may wait for it. */
struct wish {
	size_t count;
	struct ntm_ip vip[NTM_SIP_MEDIA_MAX];
	int64_t limit_ms; /* 0: start only */
};

static void wish_for(const struct sipwatch *watch, const struct look *look, struct wish *wish)
{
	enum ntm_sip_action action = action_of(watch, look);

	*wish = (struct wish){0};
	if (action == NTM_SIP_PASS)
		return;
	wish->count = missing_peers(watch, look, wish->vip);
	if (wish->count > 0 && action != NTM_SIP_DIRECT && holds_here(watch, look->way))
		wish->limit_ms = hold_limit(watch, look->way);
}

/* Starts a direction, or joins one, which costs its SIP peer nothing. */
static void want(struct sipwatch *watch, const struct look *look, const struct ntm_ip *vip,
		 struct sip_held_entry *entry)
{
	struct tunnel_target target = {.vip = *vip};
	const struct tunnel *tunnel = tunnel_find(watch->args.tunnels, vip);
	bool is_new = tunnel == NULL || tunnel_state(tunnel) == TUNNEL_IDLE;

	if (is_new && !may_cause(watch, &look->sip_peer)) {
		watch->counters.over_bound++;
		return;
	}
	int started = entry != NULL ? sip_held_want(entry, vip)
				    : tunnel_want(watch->args.tunnels, &target, NTM_REASON_SIP,
						  NULL, NULL);
	watch->counters.directions += is_new && started == 0;
}

static void want_all(struct sipwatch *watch, const struct look *look, const struct wish *wish,
		     struct sip_held_entry *entry)
{
	for (size_t i = 0; i < wish->count; i++)
		want(watch, look, &wish->vip[i], entry);
}

static bool hold(struct sipwatch *watch, const struct look *look, const struct sip_msg *msg,
		 const struct wish *wish)
{
	struct sip_held_entry *entry = sip_held_add(watch->held, msg);

	if (entry == NULL) {
		watch->counters.over_bound++;
		want_all(watch, look, wish, NULL);
		sip_held_flush(watch->held, msg->sip); /* keeps the order */
		return false;
	}
	want_all(watch, look, wish, wish->limit_ms > 0 ? entry : NULL);
	if (!sip_held_commit(entry, wish->limit_ms))
		return false;
	watch->counters.held++;
	if (look->call != NULL)
		call_held(look->call, now_of(watch));
	return true;
}

/* After these nobody gains from holding. */
static bool ends_call(const struct ntm_sip *sip)
{
	if (sip->kind == NTM_SIP_REQUEST)
		return sip->method == NTM_SIP_BYE || sip->method == NTM_SIP_CANCEL;
	return sip->method == NTM_SIP_INVITE && sip->status >= 300;
}

/* A 1xx without SDP never waits: it keeps the caller from resending its INVITE. */
static bool is_never_held(const struct sipwatch *watch, const struct sip_msg *msg)
{
	const struct ntm_sip *sip = msg->sip;

	return (sip->kind == NTM_SIP_RESPONSE && sip->status < 200 && !sip->has_sdp) ||
	       sip_held_was_let_go(watch->held, msg);
}

static bool decide(struct sipwatch *watch, const struct look *look)
{
	struct sip_msg msg = {.way = look->way, .sip = &look->sip, .pkt = look->pkt};
	struct wish wish;

	if (sip_held_replace(watch->held, &msg)) {
		watch->counters.swallowed++;
		return true;
	}
	if (ends_call(&look->sip)) {
		sip_held_flush(watch->held, &look->sip);
		return false;
	}
	wish_for(watch, look, &wish);
	msg.peer = wish.vip[0];
	if (!is_never_held(watch, &msg) &&
	    (wish.limit_ms > 0 || sip_held_is_behind(watch->held, &msg)))
		return hold(watch, look, &msg, &wish);
	want_all(watch, look, &wish, NULL);
	return false;
}

bool sipwatch_packet(struct sipwatch *watch, enum sipwatch_way way, const struct ntm_ippkt *view,
		     const struct ntm_pkt *pkt)
{
	struct look look = {.way = way, .pkt = pkt};
	const uint8_t *payload;
	size_t len;

	if (!find_payload(watch, view, &payload, &len) || !ntm_sip_is_candidate(payload, len))
		return false;
	watch->counters.seen++;
	ntm_sip_look(watch->args.sip, payload, len, &look.sip);
	if (look.sip.kind == NTM_SIP_OPAQUE) {
		watch->counters.opaque++;
		return false;
	}
	look.sip_peer = way == SIPWATCH_TO_APP ? view->src : view->dst;
	look.call = calls_of(&watch->calls, &look.sip, now_of(watch));
	warn_candidates(watch, &look);
	warn_real_media(watch, &look);
	if (look.call != NULL) {
		call_note(look.call, way, &look.sip);
		if (look.call->is_relayed)
			return false;
	}
	if (decide(watch, &look))
		return true;
	if (look.call != NULL && is_answer(&look.sip)) /* it goes on at once: media may begin */
		call_up(look.call, watch->args.tunnels);
	return false;
}

const struct sipwatch_counters *sipwatch_counters(const struct sipwatch *watch)
{
	return &watch->counters;
}

json_t *sipwatch_calls_json(const struct sipwatch *watch)
{
	return calls_json(&watch->calls, watch->args.tunnels, now_of(watch));
}
