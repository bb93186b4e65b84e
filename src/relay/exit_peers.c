/* SPDX-License-Identifier: BSD-2-Clause */
/* Nodes that were directed to a gateway: whom to believe, their links, and how they end. */
#include "exit_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How often idleness and lifetimes are looked at. */
#define CHECK_MS 5000
/* So often something is sent through a tunnel, so that its keys are renewed until it is idle: what
 * a server sends by itself, a call say, has no other way to the node. */
#define STAY_MS 60000
/* Who was announced has so long to come. */
#define CONNECT_MS 30000

/* ---- the table ---- */

struct exit_peer *exit_peers_find(const struct exit_gate *gate, const struct ntm_ip *vip)
{
	return vip->family == 0 ? NULL : ntm_map_get(gate->by_vip, vip, sizeof(*vip));
}

static void unindex(struct exit_peer *peer)
{
	struct exit_gate *gate = peer->gate;
	struct ntm_ip *vips[] = {&peer->cert.vip4, &peer->cert.vip6};

	for (size_t i = 0; i < 2; i++)
		if (exit_peers_find(gate, vips[i]) == peer)
			ntm_map_del(gate->by_vip, vips[i], sizeof(*vips[i]));
	if (ntm_map_get(gate->by_key, peer->cert.key, NTM_KEY_LEN) == peer)
		ntm_map_del(gate->by_key, peer->cert.key, NTM_KEY_LEN);
}

static int index_all(struct exit_peer *peer)
{
	struct exit_gate *gate = peer->gate;
	struct ntm_ip *vips[] = {&peer->cert.vip4, &peer->cert.vip6};
	int err = ntm_map_put(gate->by_key, peer->cert.key, NTM_KEY_LEN, peer, NULL);

	for (size_t i = 0; i < 2 && err == 0; i++)
		if (vips[i]->family != 0)
			err = ntm_map_put(gate->by_vip, vips[i], sizeof(*vips[i]), peer, NULL);
	return err;
}

static void drop(struct exit_peer *peer)
{
	struct exit_gate *gate = peer->gate;

	unindex(peer);
	ntm_frags_forget(gate->frags, peer);
	ntm_link_free(peer->newer);
	ntm_link_free(peer->link);
	*peer->link_in_list = peer->next;
	if (peer->next != NULL)
		peer->next->link_in_list = peer->link_in_list;
	gate->peer_count--;
	free(peer);
}

static void end(struct exit_peer *peer, const char *why)
{
	ntm_debug("tunnel of %s ends: %s", peer->cert.fqdn, why);
	if (peer->newer != NULL)
		ntm_link_close(peer->newer, 0);
	if (peer->link != NULL)
		ntm_link_close(peer->link, 0);
	drop(peer);
}

static struct exit_peer *add(struct exit_gate *gate)
{
	struct exit_peer *peer;

	if (gate->peer_count >= EXIT_PEERS_MAX)
		return NULL;
	peer = calloc(1, sizeof(*peer));
	if (peer == NULL)
		return NULL;
	peer->gate = gate;
	peer->since_ms = peer->inner_ms = gate->timers->now_ms;
	peer->next = gate->peers;
	peer->link_in_list = &gate->peers;
	if (peer->next != NULL)
		peer->next->link_in_list = &peer->next;
	gate->peers = peer;
	gate->peer_count++;
	return peer;
}

/* ---- whom to believe ---- */

static bool is_virtual(const struct exit_gate *gate, const struct ntm_ip *vip)
{
	for (size_t i = 0; i < gate->net.prefixes.count; i++)
		if (ntm_prefix_has(&gate->net.prefixes.item[i], vip))
			return true;
	return false;
}

static bool is_vip(const struct ntm_ip *revoked, const struct ntm_ip *vip)
{
	return revoked->family == 0 || ntm_ip_eq(revoked, vip);
}

static bool is_about(const struct ntm_msg_revoked *revoked, const struct ntm_cert *cert)
{
	return memcmp(revoked->key, cert->key, NTM_KEY_LEN) == 0 &&
	       is_vip(&revoked->vip4, &cert->vip4) && is_vip(&revoked->vip6, &cert->vip6);
}

/* Addresses too: behind it may be another domain's DC, which has no say here. */
static bool is_about_us(const struct exit_gate *gate, const struct ntm_msg_revoked *revoked)
{
	return memcmp(revoked->key, gate->keys.pub, NTM_KEY_LEN) == 0 &&
	       is_vip(&revoked->vip4, &gate->net.vip4) && is_vip(&revoked->vip6, &gate->net.vip6);
}

static bool was_revoked(const struct exit_gate *gate, const struct ntm_cert *cert)
{
	for (size_t i = 0; i < EXIT_REVOKED; i++)
		if (gate->timers->now_ms < gate->revoked[i].until_ms &&
		    is_about(&gate->revoked[i].what, cert))
			return true;
	return false;
}

static const char *check_vips(const struct exit_gate *gate, const struct ntm_cert *cert)
{
	if (cert->vip4.family == 0 && cert->vip6.family == 0)
		return "the peer has no virtual address";
	if ((cert->vip4.family != 0 && !is_virtual(gate, &cert->vip4)) ||
	    (cert->vip6.family != 0 && !is_virtual(gate, &cert->vip6)))
		return "the peer's virtual address is outside of the domain's prefixes";
	if ((cert->vip4.family != 0 && ntm_ip_eq(&cert->vip4, &gate->net.vip4)) ||
	    (cert->vip6.family != 0 && ntm_ip_eq(&cert->vip6, &gate->net.vip6)) ||
	    memcmp(cert->key, gate->keys.pub, NTM_KEY_LEN) == 0)
		return "the peer claims to be this gateway";
	return NULL;
}

static const char *check_peer(const struct exit_gate *gate,
			      const struct ntm_msg_route_direction *rd, struct ntm_cert *cert)
{
	int err;

	if (rd->peer_domain.len > 0)
		return "a gateway is for nodes of its own domain";
	err = ntm_cert_check(cert, rd->peer_cert.data, rd->peer_cert.len, gate->root,
			     gate->timers->wall_ms / 1000);
	if (err == -ETIME)
		return "the peer's certificate is not valid now: is the clock right, here and "
		       "there?";
	if (err != 0)
		return "the peer's certificate is not signed by our domain's root";
	if (cert->type != NTM_CERT_NODE)
		return "the peer's certificate is no node's";
	if (!ntm_name_under(cert->fqdn, gate->domain))
		return "the peer's name is outside of the domain";
	if (was_revoked(gate, cert))
		return "the peer was revoked by its DC, or may not go out any more";
	return check_vips(gate, cert);
}

/* ---- Route Directions ---- */

/* The record of the certificate's owner; whoever had its addresses under another key ends. */
static struct exit_peer *peer_of(struct exit_gate *gate, const struct ntm_cert *cert)
{
	struct exit_peer *peer = ntm_map_get(gate->by_key, cert->key, NTM_KEY_LEN);
	const struct ntm_ip *vips[] = {&cert->vip4, &cert->vip6};

	for (size_t i = 0; i < 2; i++) {
		struct exit_peer *other = exit_peers_find(gate, vips[i]);

		if (other != NULL && other != peer)
			end(other, "its address belongs to another key now");
	}
	if (peer == NULL)
		peer = add(gate);
	if (peer == NULL)
		return NULL;
	unindex(peer);
	peer->cert = *cert;
	if (index_all(peer) != 0) {
		drop(peer);
		return NULL;
	}
	return peer;
}

static bool has_pair(const struct ntm_link *link, const uint8_t pair[static NTM_PAIR_LEN])
{
	return link != NULL && memcmp(ntm_link_pair(link), pair, NTM_PAIR_LEN) == 0;
}

static bool is_copy(const struct exit_peer *peer, const uint8_t pair[static NTM_PAIR_LEN])
{
	return has_pair(peer->link, pair) || has_pair(peer->newer, pair) ||
	       memcmp(peer->past_pair, pair, NTM_PAIR_LEN) == 0;
}

static int64_t end_of(const struct exit_gate *gate, const struct ntm_msg_route_direction *rd,
		      const struct ntm_cert *cert)
{
	int64_t lifetime_ms = (int64_t)rd->lifetime_s * 1000;
	int64_t end_s = cert->not_after_s + NTM_CERT_SKEW_S; /* in ms it may be too large */

	if (end_s <= (gate->timers->wall_ms + lifetime_ms) / 1000)
		lifetime_ms = end_s * 1000 - gate->timers->wall_ms;
	return gate->timers->now_ms + lifetime_ms;
}

static int open_link(struct exit_peer *peer, const struct ntm_msg_route_direction *rd)
{
	struct exit_gate *gate = peer->gate;
	const struct ntm_link_args args = {
		.purpose = NTM_PURPOSE_E2E,
		.remote_static = peer->cert.key,
		.pair = rd->pair,
		.psk = rd->psk,
		.owner = peer,
		.candidate_count = rd->candidates.count,
		.candidates = rd->candidates.item,
		.initiator = rd->role == NTM_ROLE_REQUESTS,
		.keepalive_ms = gate->dc.behind_nat ? gate->dc.ping_ms : 0,
		.multipath = true,
	};
	struct ntm_link **slot = peer->is_up ? &peer->newer : &peer->link;
	struct ntm_link *link;
	int err = ntm_link_open(gate->links, &args, &link);

	if (err != 0)
		return err;
	ntm_link_free(*slot);
	*slot = link;
	*(peer->is_up ? &peer->newer_until_ms : &peer->until_ms) = end_of(gate, rd, &peer->cert);
	return 0;
}

const char *exit_peers_direct(struct exit_gate *gate, const struct ntm_msg_route_direction *rd)
{
	struct ntm_cert cert;
	const char *words = check_peer(gate, rd, &cert);
	struct exit_peer *peer;

	gate->counters.directions++;
	if (words != NULL)
		return words;
	peer = peer_of(gate, &cert);
	if (peer == NULL)
		return "too many nodes at once, or out of memory";
	if (is_copy(peer, rd->pair))
		return NULL;
	if (open_link(peer, rd) != 0) {
		if (peer->link == NULL)
			drop(peer);
		return "cannot open a link to the peer";
	}
	return NULL;
}

/* ---- facts from links ---- */

static void retire(struct exit_peer *peer, struct ntm_link **link)
{
	memcpy(peer->past_pair, ntm_link_pair(*link), NTM_PAIR_LEN);
	ntm_link_free(*link);
	*link = NULL;
}

static void take_newer(struct exit_peer *peer)
{
	peer->link = peer->newer;
	peer->until_ms = peer->newer_until_ms;
	peer->newer = NULL;
}

void exit_peer_on_up(struct exit_peer *peer, struct ntm_link *link)
{
	char via[NTM_ADDR_STR];

	if (link == peer->newer) {
		retire(peer, &peer->link);
		take_newer(peer);
	}
	if (!peer->is_up)
		ntm_info("node %s goes out here, from %s", peer->cert.fqdn,
			 ntm_addr_str(ntm_link_remote(link), via));
	peer->is_up = true;
}

void exit_peer_on_down(struct exit_peer *peer, struct ntm_link *link)
{
	if (link == peer->newer) {
		retire(peer, &peer->newer);
		return;
	}
	retire(peer, &peer->link);
	peer->is_up = false;
	if (peer->newer != NULL)
		take_newer(peer);
	else
		drop(peer);
}

/* ---- ends ---- */

static void stay(struct exit_peer *peer)
{
	peer->stayed_ms = peer->gate->timers->now_ms;
	exit_data_ping(peer);
}

static void on_check(void *arg)
{
	struct exit_gate *gate = arg;
	int64_t now = gate->timers->now_ms;
	struct exit_peer *next;

	ntm_timer_set(gate->timers, &gate->check_timer, CHECK_MS);
	for (struct exit_peer *peer = gate->peers; peer != NULL; peer = next) {
		next = peer->next;
		if (!peer->is_up && now - peer->inner_ms >= CONNECT_MS)
			end(peer, "it did not come");
		else if (now - peer->inner_ms >= gate->idle_ms)
			end(peer, "idle");
		else if (now >= peer->until_ms)
			end(peer, "its time is over");
		else if (peer->is_up && now - peer->stayed_ms >= STAY_MS)
			stay(peer);
	}
}

void exit_peers_revoke(struct exit_gate *gate, const struct ntm_msg_revoked *revoked)
{
	struct exit_peer *peer = ntm_map_get(gate->by_key, revoked->key, NTM_KEY_LEN);
	bool is_void = revoked->serial != 0;

	gate->revoked[gate->revoked_next].what = *revoked;
	gate->revoked[gate->revoked_next].until_ms =
		is_void ? INT64_MAX : gate->timers->now_ms + EXIT_OFF_MS;
	gate->revoked_next = (gate->revoked_next + 1) % EXIT_REVOKED;
	if (is_about_us(gate, revoked)) {
		ntm_err("the DC has revoked this gateway: ask its operator for a new join token");
		/* Nodes that have no DC now hear of it so. */
		while (gate->peers != NULL)
			end(gate->peers, "the gateway was revoked");
		return;
	}
	if (peer != NULL && is_about(revoked, &peer->cert)) {
		gate->counters.revoked++;
		end(peer, is_void ? "revoked by its DC" : "it may not go out any more");
	}
}

void exit_peers_on_net(struct exit_gate *gate)
{
	struct exit_peer *next;

	for (struct exit_peer *peer = gate->peers; peer != NULL; peer = next) {
		next = peer->next;
		if (check_vips(gate, &peer->cert) != NULL)
			end(peer, "its address is not the domain's any more");
	}
}

/* ---- life ---- */

int exit_peers_init(struct exit_gate *gate)
{
	gate->by_vip = ntm_map_new();
	gate->by_key = ntm_map_new();
	ntm_timer_init(&gate->check_timer, on_check, gate);
	ntm_timer_set(gate->timers, &gate->check_timer, CHECK_MS);
	return gate->by_vip != NULL && gate->by_key != NULL ? 0 : -ENOMEM;
}

void exit_peers_fini(struct exit_gate *gate)
{
	while (gate->peers != NULL)
		drop(gate->peers);
	ntm_timer_del(gate->timers, &gate->check_timer);
	ntm_map_free(gate->by_vip);
	ntm_map_free(gate->by_key);
}

void exit_peers_give_up(struct exit_gate *gate)
{
	while (gate->peers != NULL)
		end(gate->peers, "the gateway gives up");
}
