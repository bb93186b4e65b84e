/* SPDX-License-Identifier: BSD-2-Clause */
/* What the verbs `status` and `exits` show of a gateway. */
#include "exit_priv.h"

static void add(json_t *json, const char *name, uint64_t value)
{
	json_object_set_new(json, name, json_integer((json_int_t)value));
}

static json_t *drops_json(const struct exit_gate *gate)
{
	const struct exit_counters *c = &gate->counters;
	const struct ntm_frags_counters *f = ntm_frags_counters(gate->frags);
	json_t *json = json_object();

	for (int i = EXIT_ALLOWED + 1; i < EXIT_VERDICTS; i++)
		add(json, exit_verdict_name((enum exit_verdict)i), c->verdicts[i]);
	add(json, "malformed", c->malformed);
	add(json, "spoofed", c->spoofed);
	add(json, "foreign_error", c->foreign_error);
	add(json, "no_tunnel", c->no_tunnel);
	add(json, "send_failed", c->send_failed);
	add(json, "control_bad", c->control_bad);
	add(json, "parts_refused", f->refused);
	add(json, "parts_missing", f->late + f->crowded_out);
	add(json, "directions_refused", c->directions_refused);
	add(json, "looped", c->looped);
	return json;
}

json_t *exit_gate_status_json(const struct exit_gate *gate)
{
	const struct exit_counters *c = &gate->counters;
	char vip4[NTM_IP_STR], vip6[NTM_IP_STR], seen[NTM_ADDR_STR];

	return json_pack("{s:b, s:s, s:b, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
			 "registered", ntm_uplink_is_registered(gate->dc.uplink), "seen_from",
			 ntm_addr_str(ntm_uplink_seen(gate->dc.uplink), seen), "behind_nat",
			 gate->dc.behind_nat, "vip4", ntm_ip_str(&gate->net.vip4, vip4), "vip6",
			 ntm_ip_str(&gate->net.vip6, vip6), "private_allowed",
			 gate->policy.allow_private, "nodes", (json_int_t)gate->peer_count,
			 "directions", (json_int_t)c->directions, "packets_out",
			 (json_int_t)c->packets_out, "bytes_out", (json_int_t)c->bytes_out,
			 "packets_in", (json_int_t)c->packets_in, "bytes_in",
			 (json_int_t)c->bytes_in, "drops", drops_json(gate));
}

static json_t *peer_json(const struct exit_peer *peer)
{
	const struct ntm_cert *cert = &peer->cert;
	int64_t now = peer->gate->timers->now_ms;
	char vip[NTM_IP_STR], via[NTM_ADDR_STR];

	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "node", cert->fqdn,
			 "vip", ntm_ip_str(cert->vip4.family != 0 ? &cert->vip4 : &cert->vip6, vip),
			 "state", peer->is_up ? "up" : "connecting", "via",
			 peer->is_up ? ntm_addr_str(ntm_link_remote(peer->link), via) : "none",
			 "since_s", (json_int_t)((now - peer->since_ms) / 1000), "idle_s",
			 (json_int_t)((now - peer->inner_ms) / 1000), "packets_out",
			 (json_int_t)peer->packets_out, "bytes_out", (json_int_t)peer->bytes_out,
			 "packets_in", (json_int_t)peer->packets_in, "bytes_in",
			 (json_int_t)peer->bytes_in);
}

json_t *exit_gate_peers_json(const struct exit_gate *gate)
{
	json_t *array = json_array();

	for (const struct exit_peer *peer = gate->peers; peer != NULL; peer = peer->next)
		json_array_append_new(array, peer_json(peer));
	return array;
}
