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
	case NTM_DIR_UNTRUSTED:
		return -EACCES;
	case NTM_DIR_NO_DC:
		return -ENETUNREACH;
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
 * the Tunnel Request. A copy of one that was taken before changes nothing. asked: whose request it
 * answers, NULL when the peer asked; it may be merged into another tunnel, and on errors it fails.
 * 0 or negative errno.
 */
static int take_route_direction(struct tunnels *all, const struct ntm_msg_route_direction *rd,
				struct tunnel *asked);

/* A tunnel that is up, but has no path that works, got no new one. It goes on trying. */
static void note_no_path(struct tunnel *tunnel, const char *words)
{
	if (tunnel->state != TUNNEL_UP || tunnel_paths_work(tunnel))
		return;
	snprintf(tunnel->fail_words, sizeof(tunnel->fail_words), "%s", words);
	tunnel->owner->counters.directions_failed++;
	tunnel_note_failure(tunnel);
}

/* An error about a tunnel that the peer has set going meanwhile, or that works, is no news. */
static void give_up_asking(struct tunnel *tunnel, int err, uint8_t code, const char *words)
{
	if (tunnel->state == TUNNEL_DIRECTING)
		tunnel_fail(tunnel, err, code, words);
	else
		note_no_path(tunnel, words);
}

/* Error and code are those of no other failure. */
static bool failed_in_silence(const struct tunnel *tunnel)
{
	return tunnel->state == TUNNEL_FAILED && tunnel->fail_err == -ENETUNREACH &&
	       tunnel->fail_code == 0;
}

void tunnels_on_dc(struct tunnels *all)
{
	for (struct tunnel *t = all->list; t != NULL; t = t->next)
		if (failed_in_silence(t))
			tunnel_set_state(t, TUNNEL_IDLE, "the DC is back");
}

static void take_error(struct tunnel *tunnel, const struct ntm_msg_direction_error *error)
{
	const char *words =
		error->words[0] != '\0' ? error->words : ntm_direction_code_name(error->code);

	give_up_asking(tunnel, error_of_code(error->code), error->code, words);
}

static void on_answer(void *arg, int err, const struct ntm_msg *reply)
{
	struct tunnel *tunnel = arg;

	tunnel->is_asking = false;
	if (err != 0)
		give_up_asking(tunnel, -ENETUNREACH, 0, "the DC does not answer");
	else if (reply->type == NTM_MSG_ROUTE_DIRECTION)
		take_route_direction(tunnel->owner, &reply->route_direction, tunnel);
	else
		take_error(tunnel, &reply->direction_error);
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
	snprintf(req->fqdn_mn, sizeof(req->fqdn_mn), "%s", all->args.realm->lease->fqdn);
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

static struct tunnel_paths *paths_of(struct tunnel *tunnel, struct ntm_link **link)
{
	return link == &tunnel->newer   ? &tunnel->newer_paths
	       : link == &tunnel->older ? &tunnel->older_paths
					: &tunnel->paths;
}

/* Frees a link whose traffic still counts for the tunnel, with its bindings. */
static void retire(struct tunnel *tunnel, struct ntm_link **link)
{
	struct ntm_link_stats stats;

	if (*link == NULL)
		return;
	ntm_link_stats(*link, &stats);
	add_traffic(&tunnel->past, &stats);
	memcpy(tunnel->past_pair, ntm_link_pair(*link), NTM_PAIR_LEN);
	tunnel_paths_release(tunnel, paths_of(tunnel, link));
	ntm_link_free(*link);
	*link = NULL;
}

static void close_link(struct tunnel *tunnel, struct ntm_link **link)
{
	if (*link != NULL)
		ntm_link_close(*link, 0);
	retire(tunnel, link);
}

void tunnel_close_links(struct tunnel *tunnel)
{
	close_link(tunnel, &tunnel->older);
	close_link(tunnel, &tunnel->newer);
	close_link(tunnel, &tunnel->link);
}

void tunnel_older_over(void *arg)
{
	struct tunnel *tunnel = arg;

	retire(tunnel, &tunnel->older);
}

void tunnel_traffic(const struct tunnel *tunnel, struct ntm_link_stats *out)
{
	struct ntm_link_stats stats;

	*out = tunnel->past;
	for (size_t i = 0; i < 2; i++) {
		const struct ntm_link *link = i == 0 ? tunnel->link : tunnel->older;

		if (link == NULL)
			continue;
		ntm_link_stats(link, &stats);
		add_traffic(out, &stats);
	}
}

/* What tunnel_ask asked for. */
static bool is_about(const struct tunnel *asked, const struct ntm_cert *cert)
{
	if (asked->vip4.family != 0)
		return ntm_ip_eq(&asked->vip4, &cert->vip4);
	if (asked->vip6.family != 0)
		return ntm_ip_eq(&asked->vip6, &cert->vip6);
	return strcmp(asked->fqdn, cert->fqdn) == 0;
}

static bool has_pair(const struct ntm_link *link, const uint8_t pair[static NTM_PAIR_LEN])
{
	return link != NULL && memcmp(ntm_link_pair(link), pair, NTM_PAIR_LEN) == 0;
}

/* A copy of one that was taken. One that we asked for is no copy, even if the pair had it before:
 * the DC gives both the same (crossing directions). */
static bool is_copy(const struct tunnel *tunnel, const struct ntm_msg_route_direction *rd,
		    bool is_request)
{
	return has_pair(tunnel->link, rd->pair) || has_pair(tunnel->newer, rd->pair) ||
	       has_pair(tunnel->older, rd->pair) ||
	       (is_request && memcmp(tunnel->past_pair, rd->pair, NTM_PAIR_LEN) == 0);
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

static struct tunnel_life life_of(const struct tunnels *all,
				  const struct ntm_msg_route_direction *rd,
				  const struct ntm_cert *cert)
{
	int64_t now_ms = all->args.timers->now_ms;
	int64_t lifetime_ms = (int64_t)rd->lifetime_s * 1000;
	int64_t end_s = cert->not_after_s + NTM_CERT_SKEW_S; /* in ms it may be too large */

	if (end_s <= (all->args.timers->wall_ms + lifetime_ms) / 1000)
		lifetime_ms = end_s * 1000 - all->args.timers->wall_ms;
	return (struct tunnel_life){.renew_ms = now_ms + lifetime_ms / 4 * 3,
				    .until_ms = now_ms + lifetime_ms};
}

/* The link that carried data is only listened to from now on. */
static void keep_older(struct tunnel *tunnel)
{
	retire(tunnel, &tunnel->older);
	tunnel->older = tunnel->link;
	tunnel->older_paths = tunnel->paths;
	tunnel->link = NULL;
	tunnel->paths = (struct tunnel_paths){0};
	ntm_timer_set(tunnel->owner->args.timers, &tunnel->older_timer, TUNNEL_OLDER_MS);
}

/* The newer link takes the place of the one that carried data. */
static void take_newer(struct tunnel *tunnel)
{
	tunnel->link = tunnel->newer;
	tunnel->life = tunnel->newer_life;
	tunnel->paths = tunnel->newer_paths;
	tunnel->newer = NULL;
	tunnel->newer_paths = (struct tunnel_paths){0};
}

/* Those of the Route Direction, best first, and then the relays. */
static size_t candidates_of(const struct ntm_msg_route_direction *rd,
			    const struct tunnel_paths *paths,
			    struct ntm_addr out[static NTM_LINK_CANDIDATES])
{
	size_t count = rd->candidates.count;

	memcpy(out, rd->candidates.item, count * sizeof(*out));
	for (size_t i = 0; i < paths->relay_count; i++)
		out[count++] = ntm_addr_relay(paths->relay[i]);
	return count;
}
_Static_assert(NTM_MSG_ADDRS + NTM_MSG_RELAYS <= NTM_LINK_CANDIDATES, "all are candidates");

static int open_link(struct tunnel *tunnel, const struct ntm_msg_route_direction *rd,
		     const struct ntm_cert *cert)
{
	struct tunnels *all = tunnel->owner;
	struct ntm_addr candidates[NTM_LINK_CANDIDATES];
	struct tunnel_paths paths;
	tunnel_paths_bind(tunnel, rd, &paths);
	struct ntm_link_args args = {
		.purpose = NTM_PURPOSE_E2E,
		.remote_static = tunnel->key,
		.pair = rd->pair,
		.psk = rd->psk,
		.owner = tunnel,
		.candidate_count = candidates_of(rd, &paths, candidates),
		.candidates = candidates,
		.initiator = rd->role == NTM_ROLE_REQUESTS,
		.keepalive_ms = dclink_keepalive_ms(all->args.dclink),
		.multipath = true,
	};
	bool is_newer = tunnel->state == TUNNEL_UP;
	struct ntm_link *link;
	int err = ntm_link_open(all->args.links, &args, &link);

	if (err != 0) {
		tunnel_paths_release(tunnel, &paths);
		return err; /* what was under way goes on */
	}
	retire(tunnel, is_newer ? &tunnel->newer : &tunnel->link);
	*(is_newer ? &tunnel->newer : &tunnel->link) = link;
	*(is_newer ? &tunnel->newer_life : &tunnel->life) = life_of(all, rd, cert);
	*(is_newer ? &tunnel->newer_paths : &tunnel->paths) = paths;
	return 0;
}

/* Nobody waits for a tunnel that is UP. */
static void settle(struct tunnel *tunnel)
{
	struct tunnel_result result = {.tunnel = tunnel, .direction_ms = tunnel->direction_ms};

	if (tunnel->state != TUNNEL_UP)
		return;
	tunnel_finish_waits(tunnel, &result);
	tunnel_queue_send(tunnel);
}

static int refuse_route_direction(struct tunnels *all, const struct ntm_msg_route_direction *rd,
				  struct tunnel *asked, int err, const char *words)
{
	all->counters.bad_route_directions++;
	ntm_warn("refused a Route Direction: %s dir=%016llx", words,
		 (unsigned long long)rd->correlation);
	if (asked != NULL)
		give_up_asking(asked, err, 0, words);
	return err;
}

static int take_route_direction(struct tunnels *all, const struct ntm_msg_route_direction *rd,
				struct tunnel *asked)
{
	struct ntm_cert cert;
	uint8_t root[NTM_SIGN_PUB_LEN];
	char label[NTM_NAME_MAX + 1];

	all->counters.route_directions++;
	const char *words = tunnel_check_peer(all, rd, &cert, root);
	if (words != NULL)
		return refuse_route_direction(all, rd, asked, -EKEYREJECTED, words);
	if (asked != NULL && !is_about(asked, &cert))
		return refuse_route_direction(all, rd, asked, -EPROTO,
					      "the DC's answer is about another peer");
	bool is_request = asked == NULL;
	struct tunnel *tunnel = tunnel_of_cert(all, &cert, root);
	if (tunnel == NULL)
		return refuse_route_direction(all, rd, NULL, -ENOSPC, "too many tunnels");
	if (is_copy(tunnel, rd, is_request)) {
		settle(tunnel);
		return 0;
	}
	if (!tunnel->is_asking)
		tunnel->correlation = rd->correlation;
	if (tunnel->asked_ms == 0)
		tunnel->asked_ms = all->args.timers->now_ms;
	int err = open_link(tunnel, rd, &cert);
	if (err != 0)
		return refuse_route_direction(all, rd, is_request ? NULL : tunnel, err,
					      "cannot open a link to the peer");
	ntm_debug("Route Direction for %s: %s the Tunnel Request dir=%016llx",
		  tunnel_label(tunnel, label),
		  rd->role == NTM_ROLE_REQUESTS ? "we send" : "the peer sends",
		  (unsigned long long)rd->correlation);
	if (tunnel->state != TUNNEL_UP)
		tunnel_set_state(tunnel, TUNNEL_CONNECTING, "Route Direction");
	settle(tunnel);
	replay_early(all, rd->pair);
	return 0;
}

void tunnels_on_route_direction(struct tunnels *all, const struct ntm_msg *req)
{
	const struct ntm_msg_route_direction *rd = &req->route_direction;
	struct ntm_msg ack = {.type = NTM_MSG_ROUTE_ACK};

	if (take_route_direction(all, rd, NULL) != 0)
		return; /* no acknowledgement: the DC tells the other side */
	memcpy(ack.route_ack.pair, rd->pair, NTM_PAIR_LEN);
	ack.route_ack.correlation = rd->correlation;
	dclink_reply(all->args.dclink, req, &ack);
}

static void on_first_up(struct tunnel *tunnel)
{
	int64_t now = tunnel->owner->args.timers->now_ms;
	char label[NTM_NAME_MAX + 1], via[TUNNEL_VIA_WORDS];

	tunnel_unask(tunnel);
	tunnel->closed_ms = 0;
	tunnel->inner_ms = now;
	tunnel->direction_ms = now - tunnel->asked_ms;
	tunnel_set_state(tunnel, TUNNEL_UP, "handshake done");
	tunnel_paths_told(tunnel);
	ntm_info("tunnel to %s is up, %s, after %lld ms dir=%016llx", tunnel_label(tunnel, label),
		 tunnel_via_words(tunnel, via), (long long)tunnel->direction_ms,
		 (unsigned long long)tunnel->correlation);
}

void tunnel_on_up(struct tunnel *tunnel, struct ntm_link *link)
{
	tunnel->silent_since_ms = 0;
	if (link == tunnel->older) /* a rekey */
		return;
	if (link == tunnel->newer) {
		keep_older(tunnel);
		take_newer(tunnel);
	}
	if (tunnel->state != TUNNEL_UP)
		on_first_up(tunnel);
	else /* a rekey, or the newer link took over */
		tunnel_paths_tell(tunnel);
	tunnel->asked_ms = 0;
	settle(tunnel);
}

void tunnel_on_down(struct tunnel *tunnel, struct ntm_link *link, enum ntm_link_down why)
{
	char label[NTM_NAME_MAX + 1], buf[TUNNEL_WORDS];

	if (link == tunnel->newer)
		note_no_path(tunnel, tunnel_paths_no_answer(tunnel, &tunnel->newer_paths, buf));
	if (link == tunnel->newer || link == tunnel->older) {
		retire(tunnel, link == tunnel->newer ? &tunnel->newer : &tunnel->older);
		return;
	}
	const char *no_answer = tunnel_paths_no_answer(tunnel, &tunnel->paths, buf);
	retire(tunnel, &tunnel->link);
	if (tunnel->state == TUNNEL_CONNECTING) {
		tunnel_fail(tunnel, -EHOSTUNREACH, 0, no_answer);
		return;
	}
	if (tunnel->newer != NULL) { /* a new direction is under way: it takes over */
		take_newer(tunnel);
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
	if (why == NTM_DOWN_CLOSED)
		tunnel->closed_ms = tunnel->owner->args.timers->now_ms;
	tunnel_set_state(tunnel, TUNNEL_IDLE, "link down");
}
