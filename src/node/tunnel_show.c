/* SPDX-License-Identifier: BSD-2-Clause */
/* What others may know of tunnels: accessors, counters, the lines of `tunnels`. */
#include "tunnel_priv.h"

#include "ntm/session.h"

#include <stdio.h>
#include <string.h>

const char *tunnel_fqdn(const struct tunnel *tunnel)
{
	return tunnel->fqdn;
}

struct ntm_ip tunnel_vip(const struct tunnel *tunnel, uint8_t family)
{
	return family == 4 ? tunnel->vip4 : tunnel->vip6;
}

enum tunnel_state tunnel_state(const struct tunnel *tunnel)
{
	return tunnel->state;
}

const char *tunnel_fail_words(const struct tunnel *tunnel)
{
	return tunnel->state == TUNNEL_FAILED ? tunnel->fail_words : "";
}

bool tunnel_is_silent(const struct tunnel *tunnel)
{
	return tunnel->state == TUNNEL_UP && !tunnel_paths_work(tunnel);
}

uint8_t tunnel_fail_code(const struct tunnel *tunnel)
{
	return tunnel->state == TUNNEL_FAILED ? tunnel->fail_code : 0;
}

struct ntm_link *tunnel_link(const struct tunnel *tunnel)
{
	return tunnel->state == TUNNEL_UP ? tunnel->link : NULL;
}

bool tunnels_is_revoked(const struct tunnels *tunnels)
{
	return tunnels->is_revoked;
}

const struct tunnels_counters *tunnels_counters(const struct tunnels *tunnels)
{
	return &tunnels->counters;
}

const struct ntm_frags_counters *tunnels_frags_counters(const struct tunnels *tunnels)
{
	return ntm_frags_counters(tunnels->frags);
}

static const char *suite_name(uint8_t suite)
{
	return suite == NTM_SUITE_AES256_GCM          ? "aes256-gcm"
	       : suite == NTM_SUITE_CHACHA20_POLY1305 ? "chacha20-poly1305"
						      : "none";
}

static const char *kind_name(bool is_relayed)
{
	return is_relayed ? "relay" : "direct";
}

static const char *path_state_name(enum ntm_path_state state)
{
	static const char *const names[] = {
		[NTM_PATH_UNKNOWN] = "unknown",
		[NTM_PATH_WORKS] = "works",
		[NTM_PATH_FAILS] = "fails",
	};

	return names[state];
}

static json_t *path_json(const struct tunnel *tunnel, const struct ntm_link_path *path)
{
	struct ntm_addr via = tunnel_real_addr(tunnel, &path->to);
	char text[NTM_ADDR_STR];

	return json_pack("{s:s, s:s, s:s, s:b, s:I, s:i}", "path",
			 kind_name(ntm_addr_is_relay(&path->to)), "via", ntm_addr_str(&via, text),
			 "state", path_state_name(path->state), "current", (int)path->is_current,
			 "rtt_ms", (json_int_t)path->rtt_ms, "loss_pct", (int)path->loss_pct);
}

static json_t *paths_json(const struct tunnel *tunnel)
{
	struct ntm_link_path paths[NTM_LINK_PATHS];
	size_t count = ntm_link_paths(tunnel->link, paths);
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, path_json(tunnel, &paths[i]));
	return array;
}

static const char *why_relayed(const struct ntm_link_path *paths, size_t count)
{
	size_t direct[3] = {0}; /* by state */

	for (size_t i = 0; i < count; i++)
		if (!ntm_addr_is_relay(&paths[i].to))
			direct[paths[i].state]++;
	if (direct[NTM_PATH_WORKS] > 0)
		return "a direct path works, but loses more, or has come back less than a minute "
		       "ago";
	if (direct[NTM_PATH_FAILS] > 0)
		return "the direct path has stopped to answer (a NAT that was restarted, or a "
		       "firewall?); it is tried again";
	if (direct[NTM_PATH_UNKNOWN] > 0)
		return "the peer has answered at none of its addresses (strict NATs on both sides, "
		       "or a firewall that blocks UDP); they are tried again";
	return "no address of the peer can be reached from here (no address family in common)";
}

void tunnel_show_path(const struct tunnel *tunnel, json_t *json)
{
	struct ntm_link_path paths[NTM_LINK_PATHS], current = {.rtt_ms = -1};
	struct ntm_link_stats stats;
	bool is_relayed;
	struct ntm_addr via = tunnel_via(tunnel, &is_relayed);
	char text[NTM_ADDR_STR];

	if (tunnel_is_silent(tunnel))
		json_object_set_new(json, "silent", json_true());
	if (via.ip.family == 0)
		return;
	size_t count = ntm_link_paths(tunnel->link, paths);
	for (size_t i = 0; i < count; i++)
		if (paths[i].is_current)
			current = paths[i];
	ntm_link_stats(tunnel->link, &stats);
	json_object_set_new(json, "path", json_string(kind_name(is_relayed)));
	json_object_set_new(json, "via", json_string(ntm_addr_str(&via, text)));
	json_object_set_new(json, "rtt_ms",
			    json_integer(current.rtt_ms >= 0 ? current.rtt_ms : stats.rtt_ms));
	json_object_set_new(json, "loss_pct", json_integer(current.loss_pct));
	if (is_relayed)
		json_object_set_new(json, "not_direct", json_string(why_relayed(paths, count)));
}

static void add_link(json_t *json, const struct tunnel *tunnel)
{
	int64_t now = tunnel->owner->args.timers->now_ms;
	struct ntm_link_stats stats;

	ntm_link_stats(tunnel->link, &stats);
	tunnel_show_path(tunnel, json);
	json_object_set_new(json, "paths", paths_json(tunnel));
	json_object_set_new(json, "suite", json_string(suite_name(stats.suite)));
	json_object_set_new(json, "handshakes", json_integer(stats.handshakes));
	json_object_set_new(json, "session_age_s", json_integer(stats.session_age_ms / 1000));
	if (tunnel->state == TUNNEL_UP)
		json_object_set_new(json, "up_s", json_integer((now - tunnel->up_ms) / 1000));
	json_object_set_new(json, "last_heard_ms",
			    json_integer(stats.last_in_ms == 0 ? -1 : now - stats.last_in_ms));
}

static json_t *tunnel_json(const struct tunnel *tunnel)
{
	char vip4[NTM_IP_STR], vip6[NTM_IP_STR];
	struct ntm_link_stats traffic;

	tunnel_traffic(tunnel, &traffic);
	json_t *json =
		json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "peer",
			  tunnel->fqdn, "vip4", ntm_ip_str(&tunnel->vip4, vip4), "vip6",
			  ntm_ip_str(&tunnel->vip6, vip6), "state",
			  tunnel_state_name(tunnel->state), "direction_ms",
			  (json_int_t)tunnel->direction_ms, "packets_in",
			  (json_int_t)traffic.packets_in, "packets_out",
			  (json_int_t)traffic.packets_out, "bytes_in", (json_int_t)traffic.bytes_in,
			  "bytes_out", (json_int_t)traffic.bytes_out, "queued",
			  (json_int_t)tunnel->queue.count);
	if (json == NULL)
		return NULL;
	if (tunnel->link != NULL)
		add_link(json, tunnel);
	if (tunnel->state == TUNNEL_FAILED ||
	    (tunnel_is_silent(tunnel) && tunnel->fail_words[0] != '\0'))
		json_object_set_new(json, "error", json_string(tunnel->fail_words));
	return json;
}

json_t *tunnels_json(const struct tunnels *tunnels)
{
	json_t *array = json_array();

	for (const struct tunnel *t = tunnels->list; t != NULL && array != NULL; t = t->next)
		json_array_append_new(array, tunnel_json(t));
	return array;
}

/* A peer that fails again and again for one reason takes one place. A name that is no node's is for
 * DNS to answer: no failure. */
void tunnel_note_failure(const struct tunnel *tunnel)
{
	struct tunnels *all = tunnel->owner;
	struct tunnel_failure *newest = &all->failures[0];
	char label[NTM_NAME_MAX + 1];
	const char *peer = tunnel_label(tunnel, label);

	if (tunnel->fail_code == NTM_DIR_NOT_NTM || tunnel->fail_code == NTM_DIR_NO_SUCH_NAME)
		return;
	if (all->failure_count == 0 || strcmp(newest->peer, peer) != 0 ||
	    strcmp(newest->words, tunnel->fail_words) != 0) {
		memmove(newest + 1, newest, (TUNNEL_FAILURES - 1) * sizeof(*newest));
		if (all->failure_count < TUNNEL_FAILURES)
			all->failure_count++;
		snprintf(newest->peer, sizeof(newest->peer), "%s", peer);
		snprintf(newest->words, sizeof(newest->words), "%s", tunnel->fail_words);
	}
	newest->at_ms = all->args.timers->now_ms;
}

json_t *tunnels_errors_json(const struct tunnels *tunnels)
{
	json_t *array = json_array();

	for (size_t i = 0; i < tunnels->failure_count; i++) {
		const struct tunnel_failure *failure = &tunnels->failures[i];
		int64_t ago_ms = tunnels->args.timers->now_ms - failure->at_ms;

		json_array_append_new(array, json_pack("{s:I, s:s, s:s}", "ago_s",
						       (json_int_t)(ago_ms / 1000), "peer",
						       failure->peer, "words", failure->words));
	}
	return array;
}
