/* SPDX-License-Identifier: BSD-2-Clause */
/* Negotiation of tunnels: Direction Request, Route Direction, Tunnel Request and Response. */
#include "tunnel_priv.h"

#include "ntm/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Longer ago, a tunnel whose keys ran out was just not needed. */
#define UNUSED_MS 60000

static int error_of_code(uint8_t code)
{
	switch (code) {
	case NTM_DIR_FORBIDDEN:
		return -EACCES;
	case NTM_DIR_BUSY:
		return -EBUSY;
	case NTM_DIR_NOT_NTM:
	case NTM_DIR_NO_SUCH_NAME:
		return -ENOENT;
	default:
		return -EHOSTUNREACH;
	}
}

/*
 * Takes a Route Direction: checks the peer's certificate, then opens the link that sends or awaits
 * the Tunnel Request. A copy of one that was taken before changes nothing. 0, or negative errno and
 * words.
 */
static int take_route_direction(struct tunnels *all, const struct ntm_msg_route_direction *rd,
				struct tunnel **out, const char **words);

static void on_answer(void *arg, int err, const struct ntm_msg *reply)
{
	struct tunnel *tunnel = arg;
	struct tunnels *all = tunnel->owner;
	struct tunnel *taken = NULL;
	const char *words = NULL;

	tunnel->is_asking = false;
	if (err != 0) {
		if (tunnel->state == TUNNEL_DIRECTING)
			tunnel_fail(tunnel, -ENETUNREACH, 0, "the DC does not answer");
		return;
	}
	if (reply->type == NTM_MSG_ROUTE_DIRECTION) {
		err = take_route_direction(all, &reply->route_direction, &taken, &words);
		if (err != 0 && tunnel->state == TUNNEL_DIRECTING)
			tunnel_fail(tunnel, err, 0, words);
		return;
	}
	if (reply->type == NTM_MSG_DIRECTION_ERROR && tunnel->state == TUNNEL_DIRECTING)
		tunnel_fail(tunnel, error_of_code(reply->direction_error.code),
			    reply->direction_error.code, reply->direction_error.words);
}

int tunnel_ask(struct tunnel *tunnel, enum ntm_reason reason)
{
	struct tunnels *all = tunnel->owner;
	struct ntm_msg msg = {.type = NTM_MSG_DIRECTION_REQUEST};
	struct ntm_msg_direction_request *req = &msg.direction_request;
	char label[NTM_NAME_MAX + 1];

	if (tunnel->is_asking)
		return 0;
	ntm_random(&tunnel->correlation, sizeof(tunnel->correlation));
	tunnel->reason = reason;
	snprintf(req->fqdn_mn, sizeof(req->fqdn_mn), "%s", all->args.lease->fqdn);
	/* The VIP is the surer name where both are known: it never changes hands. */
	req->vip_cn = tunnel->vip4.family != 0 ? tunnel->vip4 : tunnel->vip6;
	if (req->vip_cn.family == 0)
		snprintf(req->fqdn_cn, sizeof(req->fqdn_cn), "%s", tunnel->fqdn);
	req->is_sip = reason == NTM_REASON_SIP;
	req->reason = (uint8_t)reason;
	req->correlation = tunnel->correlation;
	int err = dclink_request(all->args.dclink, &msg, on_answer, tunnel, &tunnel->txn);
	if (err != 0)
		return err;
	tunnel->is_asking = true;
	all->counters.directions++;
	ntm_debug("direction to %s, reason %s dir=%016llx", tunnel_label(tunnel, label),
		  ntm_reason_name((uint8_t)reason), (unsigned long long)tunnel->correlation);
	return 0;
}

void tunnel_unask(struct tunnel *tunnel)
{
	if (tunnel->is_asking)
		dclink_cancel(tunnel->owner->args.dclink, tunnel->txn);
	tunnel->is_asking = false;
}

static void add_traffic(struct ntm_link_stats *sum, const struct ntm_link_stats *add)
{
	sum->packets_in += add->packets_in;
	sum->packets_out += add->packets_out;
	sum->bytes_in += add->bytes_in;
	sum->bytes_out += add->bytes_out;
	sum->handshakes += add->handshakes;
}

/* Frees a link whose traffic still counts for the tunnel. */
static void retire(struct tunnel *tunnel, struct ntm_link **link)
{
	struct ntm_link_stats stats;

	if (*link == NULL)
		return;
	ntm_link_stats(*link, &stats);
	add_traffic(&tunnel->past, &stats);
	ntm_link_free(*link);
	*link = NULL;
}

void tunnel_close_link(struct tunnel *tunnel, struct ntm_link **link)
{
	if (*link != NULL)
		ntm_link_close(*link, 0);
	retire(tunnel, link);
}

void tunnel_traffic(const struct tunnel *tunnel, struct ntm_link_stats *out)
{
	struct ntm_link_stats stats;

	*out = tunnel->past;
	if (tunnel->link == NULL)
		return;
	ntm_link_stats(tunnel->link, &stats);
	add_traffic(out, &stats);
}

/* NULL when the peer of a Route Direction may be believed, else why not. */
static const char *check_peer(const struct tunnels *all, const struct ntm_msg_route_direction *rd,
			      struct ntm_cert *cert)
{
	const struct node_lease *lease = all->args.lease;
	int err = ntm_cert_check(cert, rd->peer_cert.data, rd->peer_cert.len, lease->root,
				 all->args.timers->wall_ms / 1000);

	if (err == -ETIME)
		return "the peer's certificate is not valid now: is the clock right, here and "
		       "there?";
	if (err != 0)
		return "the peer's certificate is not signed by our domain's root";
	if (cert->type != NTM_CERT_NODE)
		return "the peer's certificate is no node's";
	if (!ntm_name_under(cert->fqdn, lease->domain))
		return "the peer's name is outside of the domain";
	if ((cert->vip4.family != 0 && !lease_is_virtual(lease, &cert->vip4)) ||
	    (cert->vip6.family != 0 && !lease_is_virtual(lease, &cert->vip6)) ||
	    (cert->vip4.family == 0 && cert->vip6.family == 0))
		return "the peer's virtual address is outside of the domain's prefixes";
	if (lease_is_ours(lease, &cert->vip4) || lease_is_ours(lease, &cert->vip6) ||
	    memcmp(cert->key, lease->keys.pub, NTM_KEY_LEN) == 0)
		return "the peer claims to be this node";
	return NULL;
}

static bool has_pair(const struct ntm_link *link, const uint8_t pair[static NTM_PAIR_LEN])
{
	return link != NULL && memcmp(ntm_link_pair(link), pair, NTM_PAIR_LEN) == 0;
}

/* A Tunnel Request that overtook its Route Direction is answered now. */
static void replay_early(struct tunnels *all, const uint8_t pair[static NTM_PAIR_LEN])
{
	int64_t now = all->args.timers->now_ms;
	struct ntm_pkt pkt;

	for (size_t i = 0; i < TUNNEL_EARLY; i++) {
		struct early *early = &all->early[i];

		if (early->at_ms == 0 || memcmp(early->pair, pair, NTM_PAIR_LEN) != 0)
			continue;
		bool is_fresh = now - early->at_ms <= TUNNEL_EARLY_MS;
		early->at_ms = 0;
		if (!is_fresh)
			continue;
		ntm_pkt_reset(&pkt);
		memcpy(ntm_pkt_put(&pkt, early->len), early->frame, early->len);
		ntm_links_input(all->args.links, &early->from, &pkt);
	}
}

void tunnels_on_unknown_pair(struct tunnels *all, const uint8_t pair[static NTM_PAIR_LEN],
			     const struct ntm_addr *from, const uint8_t *frame, size_t len)
{
	struct early *slot = &all->early[0];

	if (len > sizeof(slot->frame))
		return;
	for (size_t i = 0; i < TUNNEL_EARLY; i++) {
		struct early *early = &all->early[i];

		if (early->at_ms != 0 && memcmp(early->pair, pair, NTM_PAIR_LEN) == 0 &&
		    ntm_addr_eq(&early->from, from)) {
			slot = early; /* the newest copy */
			break;
		}
		if (early->at_ms < slot->at_ms)
			slot = early;
	}
	all->counters.early_requests++;
	slot->at_ms = all->args.timers->now_ms + 1; /* never 0 */
	memcpy(slot->pair, pair, NTM_PAIR_LEN);
	slot->from = *from;
	slot->len = len;
	memcpy(slot->frame, frame, len);
}

static int open_link(struct tunnel *tunnel, const struct ntm_msg_route_direction *rd)
{
	struct tunnels *all = tunnel->owner;
	struct ntm_link_args args = {
		.purpose = NTM_PURPOSE_E2E,
		.remote_static = tunnel->key,
		.pair = rd->pair,
		.psk = rd->psk,
		.owner = tunnel,
		.candidate_count = rd->candidates.count,
		.candidates = rd->candidates.item,
		.initiator = rd->role == NTM_ROLE_REQUESTS,
		.keepalive_ms = dclink_keepalive_ms(all->args.dclink),
	};
	struct ntm_link **slot = tunnel->state == TUNNEL_UP ? &tunnel->newer : &tunnel->link;

	retire(tunnel, slot);
	return ntm_link_open(all->args.links, &args, slot);
}

static int take_route_direction(struct tunnels *all, const struct ntm_msg_route_direction *rd,
				struct tunnel **out, const char **words)
{
	struct ntm_cert cert;
	char label[NTM_NAME_MAX + 1];

	all->counters.route_directions++;
	*words = check_peer(all, rd, &cert);
	if (*words != NULL) {
		all->counters.bad_route_directions++;
		ntm_warn("refused a Route Direction: %s dir=%016llx", *words,
			 (unsigned long long)rd->correlation);
		return -EKEYREJECTED;
	}
	struct tunnel *tunnel = tunnel_of_cert(all, &cert);
	*words = "too many tunnels";
	if (tunnel == NULL)
		return -ENOSPC;
	*out = tunnel;
	*words = NULL;
	if (has_pair(tunnel->link, rd->pair) || has_pair(tunnel->newer, rd->pair))
		return 0;
	if (!tunnel->is_asking)
		tunnel->correlation = rd->correlation;
	if (tunnel->asked_ms == 0)
		tunnel->asked_ms = all->args.timers->now_ms;
	int err = open_link(tunnel, rd);
	if (err != 0) {
		*words = "cannot open a link to the peer";
		return err;
	}
	ntm_debug("Route Direction for %s: %s the Tunnel Request dir=%016llx",
		  tunnel_label(tunnel, label),
		  rd->role == NTM_ROLE_REQUESTS ? "we send" : "the peer sends",
		  (unsigned long long)rd->correlation);
	if (tunnel->state != TUNNEL_UP)
		tunnel_set_state(tunnel, TUNNEL_CONNECTING, "Route Direction");
	replay_early(all, rd->pair);
	return 0;
}

void tunnels_on_route_direction(struct tunnels *all, const struct ntm_msg *req)
{
	const struct ntm_msg_route_direction *rd = &req->route_direction;
	struct ntm_msg ack = {.type = NTM_MSG_ROUTE_ACK};
	struct tunnel *tunnel;
	const char *words;

	if (take_route_direction(all, rd, &tunnel, &words) != 0)
		return; /* no acknowledgement: the DC tells the other side */
	memcpy(ack.route_ack.pair, rd->pair, NTM_PAIR_LEN);
	ack.route_ack.correlation = rd->correlation;
	dclink_reply(all->args.dclink, req, &ack);
}

void tunnel_on_up(struct tunnel *tunnel, struct ntm_link *link)
{
	struct tunnels *all = tunnel->owner;
	int64_t now = all->args.timers->now_ms;
	char label[NTM_NAME_MAX + 1], via[NTM_ADDR_STR];

	tunnel->silent_since_ms = 0;
	if (link == tunnel->newer) {
		retire(tunnel, &tunnel->link);
		tunnel->link = tunnel->newer;
		tunnel->newer = NULL;
	}
	if (tunnel->state == TUNNEL_UP)
		return; /* a rekey, or the newer link took over */
	tunnel_unask(tunnel);
	tunnel->inner_ms = now;
	tunnel->direction_ms = now - tunnel->asked_ms;
	tunnel->asked_ms = 0;
	tunnel_set_state(tunnel, TUNNEL_UP, "handshake done");
	ntm_info("tunnel to %s is up, direct to %s, after %lld ms dir=%016llx",
		 tunnel_label(tunnel, label), ntm_addr_str(ntm_link_remote(link), via),
		 (long long)tunnel->direction_ms, (unsigned long long)tunnel->correlation);
	struct tunnel_result result = {.tunnel = tunnel, .direction_ms = tunnel->direction_ms};
	tunnel_finish_waits(tunnel, &result);
	tunnel_queue_send(tunnel);
}

void tunnel_on_down(struct tunnel *tunnel, struct ntm_link *link, enum ntm_link_down why)
{
	char label[NTM_NAME_MAX + 1];

	if (link == tunnel->newer) {
		retire(tunnel, &tunnel->newer);
		return;
	}
	retire(tunnel, &tunnel->link);
	if (tunnel->state == TUNNEL_CONNECTING) {
		tunnel_fail(tunnel, -EHOSTUNREACH, 0,
			    "the peer did not answer at any of its addresses (a firewall that "
			    "blocks UDP?)");
		return;
	}
	if (tunnel->newer != NULL) { /* a new direction is under way: it takes over */
		tunnel->link = tunnel->newer;
		tunnel->newer = NULL;
		tunnel->asked_ms = tunnel->owner->args.timers->now_ms;
		tunnel_set_state(tunnel, TUNNEL_IDLE, "link down");
		tunnel_set_state(tunnel, TUNNEL_CONNECTING, "newer link");
		return;
	}
	bool was_used = tunnel->owner->args.timers->now_ms - tunnel->inner_ms < UNUSED_MS;
	ntm_info("tunnel to %s is down: %s", tunnel_label(tunnel, label),
		 why == NTM_DOWN_CLOSED ? "closed by the peer"
		 : was_used             ? "no answer any more"
					: "its keys ran out unused");
	tunnel_unask(tunnel);
	tunnel_set_state(tunnel, TUNNEL_IDLE, "link down");
}

void tunnels_on_revoked(struct tunnels *all, const struct ntm_msg_revoked *revoked)
{
	struct tunnel *next;

	if (memcmp(revoked->key, all->args.lease->keys.pub, NTM_KEY_LEN) == 0)
		ntm_err("the DC has revoked this node: ask its operator for a new join token");
	for (struct tunnel *t = all->list; t != NULL; t = next) {
		next = t->next;
		if (!t->is_known || memcmp(t->key, revoked->key, NTM_KEY_LEN) != 0)
			continue;
		tunnel_close_link(t, &t->newer);
		tunnel_close_link(t, &t->link);
		if (t->asked_ms == 0)
			t->asked_ms = all->args.timers->now_ms;
		tunnel_fail(t, -EACCES, NTM_DIR_FORBIDDEN, "the peer was revoked by its DC");
	}
}
