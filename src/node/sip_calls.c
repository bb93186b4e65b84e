/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls as the watcher remembers them. */
#include "sip_calls.h"

#include "ntm/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {
	[CALL_INVITING] = "inviting", [CALL_RINGING] = "ringing", [CALL_UP] = "up",
	[CALL_ENDED] = "ended",       [CALL_FAILED] = "failed",
};

int calls_init(struct calls *calls)
{
	*calls = (struct calls){.by_id = ntm_map_new()};
	return calls->by_id == NULL ? -ENOMEM : 0;
}

static void unlink_call(struct calls *calls, struct call *call)
{
	if (call->prev != NULL)
		call->prev->next = call->next;
	else
		calls->head = call->next;
	if (call->next != NULL)
		call->next->prev = call->prev;
	else
		calls->tail = call->prev;
}

static void push_front(struct calls *calls, struct call *call)
{
	call->prev = NULL;
	call->next = calls->head;
	if (calls->head != NULL)
		calls->head->prev = call;
	else
		calls->tail = call;
	calls->head = call;
}

static void drop(struct calls *calls, struct call *call)
{
	unlink_call(calls, call);
	ntm_map_del(calls->by_id, call->id, strlen(call->id));
	calls->count--;
	free(call);
}

void calls_fini(struct calls *calls)
{
	while (calls->head != NULL)
		drop(calls, calls->head);
	ntm_map_free(calls->by_id);
}

/* Those without news for long go, but a call that is up stays: a long talk is silent on SIP. */
static void forget_old(struct calls *calls, int64_t now_ms)
{
	struct call *prev;

	for (struct call *call = calls->tail; call != NULL; call = prev) {
		prev = call->prev;
		if (now_ms - call->news_ms < SIPWATCH_CALL_MS)
			break;
		if (call->state != CALL_UP || call->is_relayed)
			drop(calls, call);
	}
	if (calls->count >= SIPWATCH_CALLS)
		drop(calls, calls->tail);
}

static bool may_begin(const struct ntm_sip *sip)
{
	return sip->method == NTM_SIP_INVITE &&
	       (sip->kind == NTM_SIP_REQUEST || (sip->has_sdp && sip->status >= 180));
}

struct call *calls_of(struct calls *calls, const struct ntm_sip *sip, int64_t now_ms)
{
	size_t len = strlen(sip->call_id);
	struct call *call = ntm_map_get(calls->by_id, sip->call_id, len);

	if (call != NULL) {
		unlink_call(calls, call);
		push_front(calls, call);
		call->news_ms = now_ms;
		return call;
	}
	if (!may_begin(sip))
		return NULL;
	forget_old(calls, now_ms);
	call = calloc(1, sizeof(*call));
	if (call == NULL)
		return NULL;
	memcpy(call->id, sip->call_id, len + 1);
	if (ntm_map_put(calls->by_id, call->id, len, call, NULL) != 0) {
		free(call);
		return NULL;
	}
	call->begun_ms = call->news_ms = now_ms;
	call->held_ms = call->direction_ms = -1;
	push_front(calls, call);
	calls->count++;
	return call;
}

static void note_invite(struct call *call, enum sipwatch_way way, const struct ntm_sip *sip)
{
	enum sipwatch_way other = way == SIPWATCH_TO_APP ? SIPWATCH_FROM_APP : SIPWATCH_TO_APP;

	if (!call->seen[way] && !call->seen[other])
		call->is_caller = way == SIPWATCH_FROM_APP;
	call->seen[way] = true;
	call->cseq[way] = sip->cseq;
	/* In one dialog both sides count for themselves: only the same number is the same INVITE.
	 * A first INVITE has no To tag; a re-INVITE of the other side has. */
	if (call->seen[other] && call->cseq[other] == sip->cseq && sip->to_tag[0] == '\0')
		call->is_relayed = true;
}

static void note_response(struct call *call, const struct ntm_sip *sip)
{
	if (sip->method != NTM_SIP_INVITE || call->state >= CALL_UP)
		return;
	if (sip->status == 401 || sip->status == 407)
		return; /* the INVITE comes again, with credentials */
	if (sip->status >= 300)
		call->state = CALL_FAILED;
	else if (sip->status >= 180 && sip->status < 200 && call->state == CALL_INVITING)
		call->state = CALL_RINGING;
}

void call_note(struct call *call, enum sipwatch_way way, const struct ntm_sip *sip)
{
	if (sip->kind == NTM_SIP_REQUEST && sip->method == NTM_SIP_INVITE)
		note_invite(call, way, sip);
	if (sip->kind == NTM_SIP_RESPONSE)
		note_response(call, sip);
	if (sip->kind == NTM_SIP_REQUEST && sip->method == NTM_SIP_BYE)
		call->state = CALL_ENDED;
	if (sip->kind == NTM_SIP_REQUEST && sip->method == NTM_SIP_CANCEL)
		call->state = CALL_FAILED;
	if (way == SIPWATCH_TO_APP && sip->has_sdp) {
		call->media_count = sip->media_count;
		memcpy(call->media, sip->media, sizeof(call->media));
	}
}

void call_held(struct call *call, int64_t now_ms)
{
	if (call->held_count++ == 0)
		call->held_since_ms = now_ms;
}

void call_released(struct call *call, int64_t now_ms)
{
	if (call->held_count > 0 && --call->held_count == 0)
		call->held_ms = now_ms - call->held_since_ms;
}

static const struct tunnel *media_tunnel(const struct call *call, struct tunnels *tunnels)
{
	for (size_t i = 0; i < call->media_count; i++) {
		const struct tunnel *tunnel = tunnel_find(tunnels, &call->media[i]);

		if (tunnel != NULL)
			return tunnel;
	}
	return NULL;
}

void call_up(struct call *call, struct tunnels *tunnels)
{
	const struct tunnel *tunnel = media_tunnel(call, tunnels);

	if (call->state < CALL_UP)
		call->state = CALL_UP;
	if (tunnel != NULL && !call->has_base) {
		tunnel_traffic(tunnel, &call->base);
		call->has_base = true;
	}
}

/* A tunnel that was made anew counts from zero again. */
static json_int_t since(uint64_t now, uint64_t base)
{
	return (json_int_t)(now >= base ? now - base : now);
}

static void add_path(json_t *json, const struct tunnel *tunnel)
{
	bool is_relayed;
	char via[NTM_ADDR_STR];
	struct ntm_addr at = tunnel_via(tunnel, &is_relayed);

	json_object_set_new(json, "path", json_string(is_relayed ? "relay" : "direct"));
	json_object_set_new(json, "via", json_string(ntm_addr_str(&at, via)));
	json_object_set_new(json, "silent", json_boolean(tunnel_is_silent(tunnel)));
}

static json_t *call_json(const struct call *call, struct tunnels *tunnels, int64_t now_ms)
{
	const struct tunnel *tunnel = media_tunnel(call, tunnels);
	struct ntm_link_stats traffic = {0};
	char vip[NTM_IP_STR] = "none";

	if (call->media_count > 0)
		ntm_ip_str(&call->media[0], vip);
	if (tunnel != NULL && call->has_base)
		tunnel_traffic(tunnel, &traffic);
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "call_id",
				 call->id, "role", call->is_caller ? "caller" : "callee", "peer",
				 tunnel != NULL ? tunnel_fqdn(tunnel) : "", "vip", vip, "state",
				 call->held_count > 0 ? "held" : state_names[call->state], "tunnel",
				 tunnel != NULL ? tunnel_state_name(tunnel_state(tunnel)) : "none",
				 "held_ms", (json_int_t)call->held_ms, "direction_ms",
				 (json_int_t)call->direction_ms, "begun_s",
				 (json_int_t)((now_ms - call->begun_ms) / 1000));
	if (json == NULL)
		return NULL;
	if (tunnel != NULL && tunnel_state(tunnel) == TUNNEL_UP)
		add_path(json, tunnel);
	json_object_set_new(json, "hold_end",
			    call->hold_end != NULL ? json_string(call->hold_end) : json_null());
	json_object_set_new(json, "packets_in",
			    json_integer(since(traffic.packets_in, call->base.packets_in)));
	json_object_set_new(json, "packets_out",
			    json_integer(since(traffic.packets_out, call->base.packets_out)));
	json_object_set_new(json, "bytes_in",
			    json_integer(since(traffic.bytes_in, call->base.bytes_in)));
	json_object_set_new(json, "bytes_out",
			    json_integer(since(traffic.bytes_out, call->base.bytes_out)));
	return json;
}

json_t *calls_json(const struct calls *calls, struct tunnels *tunnels, int64_t now_ms)
{
	json_t *array = json_array();

	for (const struct call *call = calls->head; call != NULL && array != NULL;
	     call = call->next)
		if (!call->is_relayed)
			json_array_append_new(array, call_json(call, tunnels, now_ms));
	return array;
}
