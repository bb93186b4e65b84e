/* SPDX-License-Identifier: BSD-2-Clause */
/* What a relay says of itself: `status` and `flows`. */
#include "relay_priv.h"

#include "ntm/map.h"

#include <stdio.h>

const char *relay_drop_name(enum relay_drop why)
{
	static const char *const names[RELAY_DROPS] = {
		[RELAY_DROP_MALFORMED] = "malformed",
		[RELAY_DROP_SOURCE] = "source",
		[RELAY_DROP_STRANGER] = "stranger",
		[RELAY_DROP_LIMITED] = "limited",
		[RELAY_DROP_NO_KEYS] = "no_keys",
		[RELAY_DROP_UNKNOWN_KEY] = "unknown_key",
		[RELAY_DROP_TICKET] = "foreign_ticket",
		[RELAY_DROP_EXPIRED] = "expired",
		[RELAY_DROP_MAC] = "bad_mac",
		[RELAY_DROP_GENERATION] = "old_generation",
		[RELAY_DROP_COOKIE] = "bad_cookie",
		[RELAY_DROP_DRAINING] = "draining",
		[RELAY_DROP_FULL] = "full",
		[RELAY_DROP_ACCOUNT_FLOWS] = "account_flows",
		[RELAY_DROP_MEMORY] = "memory",
		[RELAY_DROP_NOT_BOUND] = "not_bound",
		[RELAY_DROP_UNKNOWN] = "unknown_label",
		[RELAY_DROP_UNKNOWN_LIMITED] = "unknown_label_silent",
		[RELAY_DROP_PEER_UNBOUND] = "peer_unbound",
		[RELAY_DROP_KBIT_SIDE] = "kbit_side",
		[RELAY_DROP_KBIT_ACCOUNT] = "kbit_account",
		[RELAY_DROP_KBIT_RELAY] = "kbit_relay",
	};

	return names[why];
}

static json_t *drops_json(const struct relay *relay)
{
	json_t *json = json_object();

	for (enum relay_drop why = 0; why < RELAY_DROPS; why++)
		json_object_set_new(json, relay_drop_name(why),
				    json_integer((json_int_t)relay->counters.drops[why]));
	return json;
}

/* Frames that are no relay frames: of the session with the DC, or meant to look so. */
static json_t *session_json(const struct relay *relay)
{
	const struct ntm_links_counters *counters = ntm_links_counters(relay->links);

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "frames_in",
			 (json_int_t)counters->frames_in, "malformed",
			 (json_int_t)counters->malformed, "bad_mac1",
			 (json_int_t)counters->bad_mac1, "bad_handshake",
			 (json_int_t)counters->bad_handshake, "refused",
			 (json_int_t)counters->refused, "unknown_index",
			 (json_int_t)counters->unknown_index, "bad_tag",
			 (json_int_t)counters->bad_tag, "replay", (json_int_t)counters->replay,
			 "limited", (json_int_t)counters->limited);
}

static json_t *accounts_json(const struct relay *relay)
{
	json_t *json = json_array();
	size_t pos = 0;
	const struct account *account;

	while ((account = ntm_map_next(relay->accounts.map, &pos)) != NULL)
		json_array_append_new(json, json_pack("{s:I, s:I, s:I, s:I}", "account",
						      (json_int_t)account->number, "flows",
						      (json_int_t)account->flows, "packets",
						      (json_int_t)account->packets, "bytes",
						      (json_int_t)account->bytes));
	return json;
}

json_t *relay_drain_json(const struct relay *relay)
{
	int64_t now_ms = relay->timers->now_ms, silent_ms = 0, most_ms = 0;
	const struct flow *flow;
	uint32_t pos = 0;

	while ((flow = flows_next(&relay->flows, &pos)) != NULL)
		for (unsigned i = 0; i < 2; i++) {
			const struct flow_side *side = &flow->side[i];
			int64_t end_ms = side->ends_ms - now_ms;
			int64_t idle_ms = side->heard_ms + relay->settings.idle_ms - now_ms;

			if (side->addr.ip.family == 0)
				continue;
			if (idle_ms > end_ms)
				idle_ms = end_ms;
			silent_ms = idle_ms > silent_ms ? idle_ms : silent_ms;
			most_ms = end_ms > most_ms ? end_ms : most_ms;
		}
	return json_pack("{s:I, s:I, s:I}", "flows", (json_int_t)relay->flows.count, "silent_s",
			 (json_int_t)((silent_ms + 999) / 1000), "at_most_s",
			 (json_int_t)((most_ms + 999) / 1000));
}

static json_t *admission_json(const struct relay *relay)
{
	const struct relay_counters *counters = &relay->counters;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i}", "binds",
			 (json_int_t)counters->binds, "challenges",
			 (json_int_t)counters->challenges, "bound", (json_int_t)counters->bound,
			 "released", (json_int_t)counters->released, "unbound_sent",
			 (json_int_t)counters->unbound_sent, "flows_made",
			 (json_int_t)counters->flows_made, "flows_ended",
			 (json_int_t)counters->flows_ended, "keys", (int)relay->keys.count);
}

json_t *relay_status_json(const struct relay *relay)
{
	const struct relay_counters *counters = &relay->counters;

	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:o?, s:o, s:I, s:I, s:I, s:I, s:I, s:I, "
			 "s:o, s:o, s:o, s:o, s:I}",
			 "version", NTM_VERSION, "name", relay->lease.fqdn, "domain",
			 relay->lease.domain, "registered", ntm_uplink_is_registered(relay->uplink),
			 "ended", relay->is_ended, "draining", relay->draining, "drain",
			 relay->draining ? relay_drain_json(relay) : NULL, "dc",
			 relay_dc_json(relay), "flows", (json_int_t)relay->flows.count, "flows_max",
			 (json_int_t)relay->settings.flows_max, "kbit_s", (json_int_t)relay->kbit_s,
			 "kbit_max", (json_int_t)relay->settings.kbit_max, "packets",
			 (json_int_t)counters->packets, "bytes", (json_int_t)counters->bytes,
			 "admission", admission_json(relay), "accounts", accounts_json(relay),
			 "drops", drops_json(relay), "session", session_json(relay), "up_s",
			 (json_int_t)((relay->timers->now_ms - relay->start_ms) / 1000));
}

static json_t *side_json(const struct relay *relay, const struct flow_side *side)
{
	char addr[NTM_ADDR_STR];
	int64_t now_ms = relay->timers->now_ms;

	if (side->addr.ip.family == 0 || relay_side_is_over(relay, side))
		return json_null();
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "address",
			 ntm_addr_str(&side->addr, addr), "generation",
			 (json_int_t)side->generation, "account", (json_int_t)side->account->number,
			 "packets", (json_int_t)side->packets, "bytes", (json_int_t)side->bytes,
			 "kbit_max", (json_int_t)side->meter.kbit_s, "idle_s",
			 (json_int_t)((now_ms - side->heard_ms) / 1000), "expires_s",
			 (json_int_t)((side->ends_ms - now_ms) / 1000));
}

json_t *relay_flows_json(const struct relay *relay, uint32_t *pos)
{
	json_t *page = NULL;
	const struct flow *flow;

	while (json_array_size(page) < RELAY_FLOWS_PAGE &&
	       (flow = flows_next(&relay->flows, pos)) != NULL) {
		char id[17];

		snprintf(id, sizeof(id), "%016llx", (unsigned long long)flow->id);
		if (page == NULL)
			page = json_array();
		json_array_append_new(page, json_pack("{s:s, s:I, s:I, s:[o, o]}", "flow", id,
						      "label", (json_int_t)flow->label, "age_s",
						      (json_int_t)((relay->timers->now_ms -
								    flow->since_ms) /
								   1000),
						      "sides", side_json(relay, &flow->side[0]),
						      side_json(relay, &flow->side[1])));
	}
	return page;
}
