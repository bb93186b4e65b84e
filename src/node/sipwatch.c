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
	struct held_queue held;
	struct ntm_reasm *reasm;
	struct peer peers[PEERS];
	struct ntm_log_gate candidate_gate;
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

static void on_release(void *ctx, const struct held *held, enum held_end why)
{
	static const char *const words[] = {[HELD_UP] = "tunnel up",
					    [HELD_FAILED] = "no tunnel",
					    [HELD_DEADLINE] = "deadline",
					    [HELD_FLUSHED] = "call over"};
	struct sipwatch *watch = ctx;
	struct ntm_pkt pkt;
	struct call *call = ntm_map_get(watch->calls.by_id, held->call_id, strlen(held->call_id));

	if (call != NULL && !held->is_follower) {
		call->held_ms = now_of(watch) - held->since_ms;
		call->direction_ms = held->direction_ms;
		call->hold_end = words[why];
		call_up(call, watch->args.tunnels);
	}
	if (!held->is_follower) {
		watch->counters.released_up += why == HELD_UP;
		watch->counters.released_failed += why == HELD_FAILED;
		watch->counters.released_deadline += why == HELD_DEADLINE;
		ntm_debug("SIP %d let go after %lld ms: %s", held->status,
			  (long long)(now_of(watch) - held->since_ms), words[why]);
	}
	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, held->len), held->data, held->len);
	watch->args.release(watch->args.ctx, held->way, &pkt);
}

struct sipwatch *sipwatch_new(const struct sipwatch_args *args)
{
	struct sipwatch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	watch->args = *args;
	watch->held.timers = args->timers;
	watch->held.tunnels = args->tunnels;
	watch->held.release = on_release;
	watch->held.ctx = watch;
	held_init(&watch->held);
	watch->reasm = ntm_reasm_new();
	if (calls_init(&watch->calls) != 0 || watch->reasm == NULL) {
		sipwatch_free(watch);
		return NULL;
	}
	return watch;
}

void sipwatch_free(struct sipwatch *watch)
{
	if (watch == NULL)
		return;
	held_fini(&watch->held);
	calls_fini(&watch->calls);
	ntm_reasm_free(watch->reasm);
	free(watch);
}

void sipwatch_flush(struct sipwatch *watch)
{
	held_flush(&watch->held, NULL);
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
		if (lease_is_virtual(watch->args.lease, &look->sip.candidate[i]))
			continue;
		watch->counters.candidates_seen++;
		if (ntm_log_gate_open(&watch->candidate_gate, now_of(watch)))
			ntm_warn("a phone offers the real address %s for media (ICE): it would go "
				 "past the tunnel; switch ICE, STUN and TURN off in the phone",
				 ntm_ip_str(&look->sip.candidate[i], addr));
		return;
	}
}

/* ---- whom a message is about ---- */

static bool is_missing(const struct sipwatch *watch, const struct ntm_ip *ip)
{
	return lease_is_virtual(watch->args.lease, ip) && !lease_is_ours(watch->args.lease, ip) &&
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

static bool hold(struct sipwatch *watch, const struct look *look, const struct ntm_ip *peers,
		 size_t peer_count)
{
	const struct held_order order = {
		.way = look->way,
		.sip = &look->sip,
		.pkt = look->pkt,
		.peers = peers,
		.peer_count = peer_count,
		.limit_ms = hold_limit(watch, look->way),
	};
	bool over_bound;

	if (!held_add(&watch->held, &order, &over_bound)) {
		watch->counters.over_bound += over_bound;
		return false;
	}
	if (peer_count > 0) {
		watch->counters.held++;
		if (look->call != NULL && look->call->state < CALL_UP)
			look->call->state = CALL_HELD;
	}
	return true;
}

static void direct(struct sipwatch *watch, const struct ntm_ip *peers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct tunnel_target target = {.vip = peers[i]};

		tunnel_want(watch->args.tunnels, &target, NTM_REASON_SIP, NULL, NULL);
	}
}

static enum ntm_sip_action action_of(const struct sipwatch *watch, const struct look *look)
{
	enum ntm_sip_prewarm prewarm = (enum ntm_sip_prewarm)watch->args.settings->prewarm;

	return look->way == SIPWATCH_TO_APP ? ntm_sip_action_towards_app(&look->sip, prewarm)
					    : ntm_sip_action_from_app(&look->sip, prewarm);
}

/* An answer that goes on at once: media may begin. */
static void note_passed(struct sipwatch *watch, const struct look *look)
{
	const struct ntm_sip *sip = &look->sip;

	if (look->call != NULL && sip->kind == NTM_SIP_RESPONSE && sip->method == NTM_SIP_INVITE &&
	    sip->status >= 200 && sip->status < 300)
		call_up(look->call, watch->args.tunnels);
}

static bool trigger(struct sipwatch *watch, const struct look *look)
{
	struct ntm_ip peers[NTM_SIP_MEDIA_MAX];
	enum ntm_sip_action action = action_of(watch, look);
	size_t count = action == NTM_SIP_PASS ? 0 : missing_peers(watch, look, peers);

	if (count == 0)
		return false;
	if (!may_cause(watch, &look->sip_peer)) {
		watch->counters.over_bound++;
		return false;
	}
	watch->counters.directions++;
	if (action != NTM_SIP_DIRECT && holds_here(watch, look->way) &&
	    hold(watch, look, peers, count))
		return true;
	direct(watch, peers, count);
	return false;
}

static bool decide(struct sipwatch *watch, const struct look *look)
{
	const struct ntm_sip *sip = &look->sip;
	bool is_request = sip->kind == NTM_SIP_REQUEST;

	if (is_request && (sip->method == NTM_SIP_BYE || sip->method == NTM_SIP_CANCEL)) {
		held_flush(&watch->held, sip->call_id);
		return false;
	}
	if (held_replace(&watch->held, look->way, sip, look->pkt)) {
		watch->counters.swallowed++;
		return true;
	}
	if (is_request && held_has_call(&watch->held, look->way, sip->call_id))
		return hold(watch, look, NULL, 0);
	return trigger(watch, look);
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
	if (look.call != NULL) {
		call_note(look.call, way, &look.sip);
		if (look.call->is_relayed)
			return false;
	}
	if (decide(watch, &look))
		return true;
	note_passed(watch, &look);
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
