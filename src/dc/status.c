/* SPDX-License-Identifier: BSD-2-Clause */
/* What `ntm-dc status`, `node show` and `relay show` tell, as JSON. */
#include "dc_priv.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

static void set_int(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *links_json(const struct dc *dc)
{
	const struct ntm_links_counters *c = ntm_links_counters(dc->links);
	json_t *out = json_object();

	set_int(out, "count", ntm_links_count(dc->links));
	set_int(out, "frames_in", c->frames_in);
	set_int(out, "frames_out", c->frames_out);
	set_int(out, "bytes_in", c->bytes_in);
	set_int(out, "bytes_out", c->bytes_out);
	set_int(out, "malformed", c->malformed);
	set_int(out, "bad_mac1", c->bad_mac1);
	set_int(out, "bad_handshake", c->bad_handshake);
	set_int(out, "refused", c->refused);
	set_int(out, "unknown_index", c->unknown_index);
	set_int(out, "bad_tag", c->bad_tag);
	set_int(out, "replay", c->replay);
	set_int(out, "limited", c->limited);
	set_int(out, "cookies_sent", c->cookies_sent);
	return out;
}

static json_t *requests_json(const struct dc *dc)
{
	json_t *out = json_object();

	set_int(out, "joined", dc->counters.joined);
	set_int(out, "join_refused", dc->counters.join_refused);
	set_int(out, "strangers", dc->counters.strangers);
	set_int(out, "registered", dc->counters.registered);
	set_int(out, "recalled", dc->recall.called);
	set_int(out, "resolved", dc->counters.resolved);
	set_int(out, "malformed", dc->counters.malformed);
	set_int(out, "not_control", dc->counters.not_control);
	set_int(out, "limited", dc->counters.limited);
	set_int(out, "foreign_refused", dc->counters.foreign_refused);
	return out;
}

static json_t *directions_json(const struct dc *dc)
{
	const struct directions *all = &dc->directions;
	json_t *failed = json_object();
	json_t *out = json_object();

	set_int(out, "in_memory", ntm_map_count(all->by_pair));
	set_int(out, "asked", all->counters.asked);
	set_int(out, "resent", all->counters.resent);
	set_int(out, "merged", all->counters.merged);
	set_int(out, "done", all->counters.done);
	set_int(out, "relayed", all->counters.relayed);
	set_int(out, "information_in", all->counters.foreign_in);
	set_int(out, "information_out", all->counters.foreign_out);
	for (uint8_t code = NTM_DIR_NO_SUCH_NAME; code <= NTM_DIR_LAST; code++)
		set_int(failed, ntm_direction_code_name(code), all->counters.failed[code]);
	json_object_set_new(out, "failed", failed);
	return out;
}

static json_t *errors_json(const struct dc *dc)
{
	json_t *out = json_array();

	for (size_t i = 0; i < dc->error_count; i++) {
		json_t *item = json_object();

		set_int(item, "at_s", (uint64_t)dc->error[i].wall_s);
		json_object_set_new(item, "words", json_string(dc->error[i].words));
		json_array_append_new(out, item);
	}
	return out;
}

struct listing {
	const struct dc *dc;
	json_t *relays;
};

static void on_relay(void *arg, int err, const struct store_node *who)
{
	struct listing *listing = arg;

	if (err == 0 && who && who->revoked_s == 0)
		json_array_append_new(listing->relays, dc_relay_json(listing->dc, who));
}

static void set_relays(json_t *out, const struct dc *dc)
{
	struct listing listing = {.dc = dc, .relays = json_array()};
	char words[200];

	store_node_list(dc->store, STORE_RELAY, on_relay, &listing);
	json_object_set_new(out, "relays", listing.relays);
	if (dc->fleet.missed == 0)
		return;
	snprintf(words, sizeof(words),
		 "no relay was there for directions that needed one (%" PRIu64 " failed)%s",
		 dc->fleet.missed,
		 json_array_size(listing.relays) == 0
			 ? ": set one up with ntm-dc relay add"
			 : ": look at `ntm-relay status` on the host of each that is silent");
	json_object_set_new(out, "warning", json_string(words));
}

json_t *dc_status_json(const struct dc *dc)
{
	json_t *out = json_object();
	size_t nodes;

	if (!out)
		return NULL;
	json_object_set_new(out, "domain", json_string(dc->settings.domain));
	json_object_set_new(out, "version", json_string(NTM_VERSION));
	set_int(out, "uptime_s", (uint64_t)((dc_now_ms(dc) - dc->start_ms) / 1000));
	set_int(out, "online", dc_online_count(dc));
	if (lookup_count(dc->store, &nodes) == 0)
		set_int(out, "nodes", nodes);
	set_int(out, "revocations", dc->revocations.count);
	set_relays(out, dc);
	json_object_set_new(out, "requests", requests_json(dc));
	json_object_set_new(out, "directions", directions_json(dc));
	json_object_set_new(out, "links", links_json(dc));
	json_object_set_new(out, "last_errors", errors_json(dc));
	return out;
}

static void set_place(json_t *out, const struct registry_node *node)
{
	const struct route_card *card = &node->card;
	json_t *own = json_array();
	char text[NTM_ADDR_STR];

	for (uint8_t i = 0; i < card->own.count; i++)
		json_array_append_new(own, json_string(ntm_addr_str(&card->own.item[i], text)));
	json_object_set_new(out, "reflexive", json_string(ntm_addr_str(&card->reflexive, text)));
	json_object_set_new(out, "own", own);
	json_object_set_new(out, "nat", json_boolean(card->behind_nat));
	set_int(out, "online_s", (uint64_t)((dc_now_ms(node->dc) - node->since_ms) / 1000));
}

json_t *dc_node_json(const struct dc *dc, const char *fqdn)
{
	const struct registry_node *node = registry_by_name(&dc->registry, fqdn);
	bool is_online = node && registry_is_online(node);
	int64_t seen_ms = node ? registry_seen_ms(node) : 0;
	json_t *out = json_object();

	if (!out)
		return NULL;
	json_object_set_new(out, "online", json_boolean(is_online));
	if (is_online)
		set_place(out, node);
	if (seen_ms > 0)
		set_int(out, "last_seen_s", (uint64_t)((dc_now_ms(dc) - seen_ms) / 1000));
	return out;
}

/* ---- relays ---- */

static void set_report(json_t *out, const struct fleet_relay *relay)
{
	json_t *addrs = json_array();
	char text[NTM_ADDR_STR];

	for (size_t i = 0; i < 2; i++)
		if (relay->addr[i].ip.family != 0)
			json_array_append_new(addrs,
					      json_string(ntm_addr_str(&relay->addr[i], text)));
	json_object_set_new(out, "addresses", addrs);
	set_int(out, "flows", relay->report.flows);
	set_int(out, "flows_max", relay->report.flows_max);
	set_int(out, "kbit_s", relay->report.kbit_s);
	set_int(out, "kbit_s_max", relay->report.kbit_s_max);
	set_int(out, "last_seen_s", (uint64_t)((dc_now_ms(relay->dc) - relay->reported_ms) / 1000));
}

json_t *dc_relay_json(const struct dc *dc, const struct store_node *who)
{
	static const char *const names[] = {
		[FLEET_SILENT] = "silent",
		[FLEET_HEALTHY] = "healthy",
		[FLEET_DRAINING] = "draining",
		[FLEET_FULL] = "full",
	};
	const struct fleet_relay *relay = who->joined ? fleet_by_key(dc, who->key) : NULL;
	json_t *out = json_object();

	if (!out)
		return NULL;
	json_object_set_new(out, "name", json_string(who->fqdn));
	json_object_set_new(out, "state",
			    json_string(
				    !who->joined
					    ? "never joined"
					    : names[relay ? fleet_state(relay) : FLEET_SILENT]));
	json_object_set_new(out, "gateway", json_boolean(who->gateway));
	if (relay && relay->reported_ms != 0)
		set_report(out, relay);
	return out;
}

static const char *session_name(const struct foreign *foreign)
{
	static const char *const names[] = {
		[FOREIGN_IDLE] = "idle",
		[FOREIGN_CONNECTING] = "connecting",
		[FOREIGN_UP] = "up",
	};

	return foreign->state == FOREIGN_IDLE && foreign->code != 0 ? "failed"
								    : names[foreign->state];
}

json_t *dc_trust_json(const struct dc *dc, const char *domain)
{
	const struct foreign *foreign = foreign_by_domain(dc, domain);
	json_t *out = json_object();
	char text[NTM_ADDR_STR];

	if (!out || !foreign)
		return out;
	json_object_set_new(out, "state", json_string(session_name(foreign)));
	if (foreign->state == FOREIGN_UP)
		set_int(out, "up_s", (uint64_t)((dc_now_ms(dc) - foreign->since_ms) / 1000));
	if (foreign->last_good.ip.family != 0)
		json_object_set_new(out, "dc",
				    json_string(ntm_addr_str(&foreign->last_good, text)));
	if (foreign->code != 0) {
		json_object_set_new(out, "error", json_string(foreign->words));
		set_int(out, "error_s", (uint64_t)((dc_now_ms(dc) - foreign->failed_ms) / 1000));
	}
	set_int(out, "sessions", foreign->counters.sessions);
	set_int(out, "asked", foreign->counters.asked);
	set_int(out, "answered", foreign->counters.answered);
	set_int(out, "requests", foreign->counters.requests);
	set_int(out, "refused", foreign->counters.refused);
	set_int(out, "limited", foreign->counters.limited);
	return out;
}
