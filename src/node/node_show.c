/* SPDX-License-Identifier: BSD-2-Clause */
/* What the verbs `status`, `tunnels` and `calls` show. */
#include "node_priv.h"

static void add(json_t *json, const char *name, uint64_t value)
{
	json_object_set_new(json, name, json_integer((json_int_t)value));
}

static json_t *drops_json(const struct node *node)
{
	const struct node_counters *c = &node->counters;
	const struct ntm_links_counters *l = ntm_links_counters(node->links);
	const struct tunnels_counters *t = tunnels_counters(node->tunnels);
	const struct ntm_frags_counters *f = tunnels_frags_counters(node->tunnels);
	json_t *json = json_object();
	char src[NTM_IP_STR];

	add(json, "host_malformed", c->malformed);
	add(json, "host_wrong_source", c->wrong_source);
	add(json, "host_not_virtual", c->not_virtual);
	add(json, "peer_malformed", c->peer_malformed);
	add(json, "peer_spoofed", c->peer_spoofed);
	add(json, "control_bad", c->control_bad);
	add(json, "looped", c->looped);
	add(json, "queue_full_or_failed", t->queue_dropped);
	add(json, "parts_refused", f->refused);
	add(json, "parts_missing", f->late + f->crowded_out);
	add(json, "frames_malformed", l->malformed);
	add(json, "frames_bad_mac", l->bad_mac1);
	add(json, "frames_bad_handshake", l->bad_handshake);
	add(json, "frames_refused", l->refused);
	add(json, "frames_unknown_session", l->unknown_index);
	add(json, "frames_bad_tag", l->bad_tag);
	add(json, "frames_replayed", l->replay);
	add(json, "frames_limited", l->limited);
	if (c->wrong_source > 0)
		json_object_set_new(json, "wrong_source_last",
				    json_string(ntm_ip_str(&node->wrong_source, src)));
	return json;
}

static json_t *relays_json(const struct node *node)
{
	const struct relays_counters *c = relays_counters(node->relays);
	struct ntm_addr silent = relays_silent(node->relays);
	json_t *json = json_object();
	char text[NTM_ADDR_STR];

	add(json, "bindings", relays_count(node->relays));
	add(json, "bound_now", relays_answering(node->relays));
	if (silent.ip.family != 0)
		json_object_set_new(json, "silent", json_string(ntm_addr_str(&silent, text)));
	add(json, "binds_sent", c->binds);
	add(json, "answers_sent", c->answers);
	add(json, "bound", c->bounds);
	add(json, "releases_sent", c->releases);
	add(json, "frames_in", c->frames_in);
	add(json, "frames_out", c->frames_out);
	add(json, "not_bound", c->not_bound);
	add(json, "malformed", c->malformed);
	add(json, "unknown", c->unknown);
	add(json, "bad_source", c->bad_source);
	add(json, "bad_mac", c->bad_mac);
	add(json, "stale", c->stale);
	add(json, "unbound_hints", c->unbound_hints);
	add(json, "unbound_hints_unused", c->hints_unused);
	return json;
}

static json_t *sip_json(const struct node *node)
{
	const struct sipwatch_counters *c = sipwatch_counters(node->sipwatch);
	json_t *json = json_object();
	char real[NTM_IP_STR];

	add(json, "seen", c->seen);
	add(json, "opaque", c->opaque);
	add(json, "held", c->held);
	add(json, "released_tunnel_up", c->released_up);
	add(json, "released_deadline", c->released_deadline);
	add(json, "released_failed", c->released_failed);
	add(json, "released_flushed", c->released_flushed);
	add(json, "swallowed_copies", c->swallowed);
	add(json, "passed_over_bound", c->over_bound);
	add(json, "directions", c->directions);
	add(json, "ice_candidates_seen", c->candidates_seen);
	add(json, "real_media_seen", c->real_media_seen);
	if (c->real_media_seen > 0)
		json_object_set_new(json, "real_media_last",
				    json_string(ntm_ip_str(&c->real_media, real)));
	return json;
}

static json_t *dns_json(const struct node *node)
{
	const struct resolver_counters *c = resolver_counters(node->resolver);
	json_t *json = json_object();

	add(json, "queries", c->queries);
	add(json, "malformed", c->malformed);
	add(json, "ntm_names", c->ntm_names);
	add(json, "answered", c->answered_up);
	add(json, "too_late", c->answered_late);
	add(json, "forwarded_dc", c->forwarded_dc);
	add(json, "forwarded_upstream", c->forwarded_upstream);
	add(json, "servfail", c->servfail);
	add(json, "rebinding", c->rebinding);
	add(json, "waited_route", c->waited_route);
	return json;
}

static void add_prefix(json_t *prefixes, const struct ntm_prefix *prefix)
{
	char text[NTM_PREFIX_STR];

	if (prefix->ip.family != 0)
		json_array_append_new(prefixes, json_string(ntm_prefix_str(prefix, text)));
}

static json_t *partners_json(const struct partners *partners)
{
	json_t *array = json_array();

	for (size_t i = 0; i < partners->count; i++) {
		json_t *prefixes = json_array();

		add_prefix(prefixes, &partners->item[i].prefix4);
		add_prefix(prefixes, &partners->item[i].prefix6);
		json_array_append_new(array,
				      json_pack("{s:s, s:o}", "domain", partners->item[i].domain,
						"prefixes", prefixes));
	}
	return array;
}

json_t *node_status_json(const struct node *node)
{
	const struct ntm_links_counters *l = ntm_links_counters(node->links);
	const struct tunnels_counters *t = tunnels_counters(node->tunnels);
	const struct ntm_frags_counters *f = tunnels_frags_counters(node->tunnels);
	const struct node_lease *lease = &node->lease;
	char vip4[NTM_IP_STR], vip6[NTM_IP_STR], resolver[NTM_IP_STR];
	json_t *json =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o}", "version", NTM_VERSION,
			  "name", lease->fqdn, "domain", lease->domain, "vip4",
			  ntm_ip_str(&lease->vip4, vip4), "vip6", ntm_ip_str(&lease->vip6, vip6),
			  "resolver", ntm_ip_str(&lease->resolver4, resolver), "up_s",
			  (json_int_t)((node->timers->now_ms - node->started_ms) / 1000), "dc",
			  dclink_json(node->dclink));
	if (json == NULL)
		return NULL;
	json_object_set_new(json, "registered", json_boolean(node_is_registered(node)));
	json_object_set_new(json, "revoked", json_boolean(tunnels_is_revoked(node->tunnels)));
	json_object_set_new(json, "directions",
			    json_pack("{s:I, s:I, s:I, s:I}", "asked", (json_int_t)t->directions,
				      "failed", (json_int_t)t->directions_failed, "tunnels_up",
				      (json_int_t)t->ups, "early_requests",
				      (json_int_t)t->early_requests));
	json_object_set_new(json, "traffic",
			    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "host_in",
				      (json_int_t)node->counters.tun_in, "host_out",
				      (json_int_t)node->counters.tun_out, "sent_in_parts",
				      (json_int_t)t->cut, "came_in_parts", (json_int_t)f->packets,
				      "frames_in", (json_int_t)l->frames_in, "frames_out",
				      (json_int_t)l->frames_out, "bytes_in",
				      (json_int_t)l->bytes_in, "bytes_out",
				      (json_int_t)l->bytes_out));
	json_object_set_new(json, "relays", relays_json(node));
	json_object_set_new(json, "partners", partners_json(&node->partners));
	json_object_set_new(json, "exits", exits_json(node->exits));
	json_object_set_new(json, "last_errors", tunnels_errors_json(node->tunnels));
	json_object_set_new(json, "sip", sip_json(node));
	json_object_set_new(json, "dns", dns_json(node));
	json_object_set_new(json, "drops", drops_json(node));
	return json;
}

json_t *node_tunnels_json(const struct node *node)
{
	return tunnels_json(node->tunnels);
}

json_t *node_calls_json(const struct node *node)
{
	return sipwatch_calls_json(node->sipwatch);
}
