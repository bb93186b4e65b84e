/* SPDX-License-Identifier: BSD-2-Clause */
/* The way of inner packets through a node: host -> SIP watcher -> tunnel, and back. */
#include "node_priv.h"

#include "ntm/ippkt.h"

void node_tun_write(void *ctx, const uint8_t *data, size_t len)
{
	struct node *node = ctx;

	node->counters.tun_out++;
	node->ops->tun_write(node->ctx, data, len);
}

/* What a kernel sends by itself into any interface: no sign of a wrong set-up. */
static bool is_noise(const struct ntm_ippkt *view)
{
	return ntm_ip_is_multicast(&view->dst) || ntm_ip_is_link_local(&view->src) ||
	       ntm_ip_is_unspecified(&view->src);
}

static void on_wrong_source(struct node *node, const struct ntm_ippkt *view)
{
	char src[NTM_IP_STR], dst[NTM_IP_STR];

	node->counters.wrong_source++;
	node->wrong_source = view->src;
	if (ntm_log_gate_open(&node->source_gate, node->timers->now_ms))
		ntm_warn("dropped a packet from %s to %s: it does not come from this node's "
			 "virtual address; bind the phone to the interface ntm0",
			 ntm_ip_str(&view->src, src), ntm_ip_str(&view->dst, dst));
}

/* Somebody has removed the rule that keeps it out of exits: it would go round for ever. */
static bool is_own_datagram(const struct node *node, const struct ntm_ippkt *view)
{
	return view->proto == NTM_IPPROTO_UDP && view->sport != 0 &&
	       view->sport == node->settings.udp_port;
}

static void refuse_not_virtual(struct node *node, const struct ntm_pkt *pkt)
{
	uint8_t out[1280];
	const struct ntm_ip *from =
		(pkt->data[0] >> 4) == 4 ? &node->lease.vip4 : &node->lease.vip6;
	size_t len = ntm_ippkt_build_unreachable(out, sizeof(out), from, pkt->data, pkt->len,
						 NTM_UNREACH_NET);

	node->counters.not_virtual++;
	if (len > 0)
		node_tun_write(node, out, len);
}

void node_tun_input(struct node *node, struct ntm_pkt *pkt)
{
	struct ntm_ippkt view;

	node->counters.tun_in++;
	if (ntm_ippkt_parse(&view, pkt->data, pkt->len) != 0) {
		node->counters.malformed++;
		return;
	}
	if (is_noise(&view)) {
		node->counters.noise++;
		return;
	}
	if (!lease_is_ours(&node->lease, &view.src)) {
		on_wrong_source(node, &view);
		return;
	}
	if (lease_is_resolver(&node->lease, &view.dst)) {
		resolver_packet(node->resolver, &view, pkt->data, pkt->len);
		return;
	}
	if (!realm_is_virtual(&node->realm, &view.dst)) {
		if (is_own_datagram(node, &view))
			node->counters.looped++;
		else if (!exits_send(node->exits, &view.dst, pkt))
			refuse_not_virtual(node, pkt);
		return;
	}
	if (lease_is_ours(&node->lease, &view.dst)) {
		refuse_not_virtual(node, pkt);
		return;
	}
	if (!sipwatch_packet(node->sipwatch, SIPWATCH_FROM_APP, &view, pkt))
		tunnel_send(node->tunnels, &view.dst, pkt);
}

/* Crypto-routing (security.md A2): a peer speaks from its certified addresses only, and only to
 * ours. */
static bool is_allowed(const struct node *node, const struct tunnel *tunnel,
		       const struct ntm_ippkt *view)
{
	struct ntm_ip vip = tunnel_vip(tunnel, view->src.family);

	return vip.family != 0 && ntm_ip_eq(&vip, &view->src) &&
	       lease_is_ours(&node->lease, &view->dst);
}

/* The one exception: a gateway hands on what ordinary servers send, those only that we reach
 * through it. SIP in there is not for the watcher: no tunnel leads to what it names. */
static bool is_from_exit(const struct node *node, const struct tunnel *tunnel,
			 const struct ntm_ippkt *view)
{
	return !realm_is_virtual(&node->realm, &view->src) &&
	       lease_is_ours(&node->lease, &view->dst) &&
	       exits_allow(node->exits, tunnel_fqdn(tunnel), view);
}

void node_peer_input(struct node *node, struct tunnel *tunnel, struct ntm_pkt *pkt)
{
	struct ntm_ippkt view;
	char src[NTM_IP_STR];

	/* What follows is asked of the whole packet. */
	if (pkt->data[0] == NTM_FRAG_KIND && tunnel_join(tunnel, pkt) != 1)
		return;
	if (ntm_ippkt_parse(&view, pkt->data, pkt->len) != 0) {
		node->counters.peer_malformed++;
		return;
	}
	ntm_pkt_trim(pkt, view.len); /* the padding of design.md 4 */
	if (is_from_exit(node, tunnel, &view)) {
		tunnel_touch(tunnel);
		if (!exits_media(node->exits, &view, pkt))
			node_tun_write(node, pkt->data, pkt->len);
		return;
	}
	if (!is_allowed(node, tunnel, &view)) {
		node->counters.peer_spoofed++;
		if (ntm_log_gate_open(&node->spoof_gate, node->timers->now_ms))
			ntm_warn("dropped a packet that %s sent as %s, which is not its address",
				 tunnel_fqdn(tunnel), ntm_ip_str(&view.src, src));
		return;
	}
	tunnel_touch(tunnel);
	if (!sipwatch_packet(node->sipwatch, SIPWATCH_TO_APP, &view, pkt))
		node_tun_write(node, pkt->data, pkt->len);
}

void node_release(void *ctx, enum sipwatch_way way, struct ntm_pkt *pkt)
{
	struct node *node = ctx;
	struct ntm_ippkt view;

	if (way == SIPWATCH_TO_APP)
		node_tun_write(node, pkt->data, pkt->len);
	else if (ntm_ippkt_parse(&view, pkt->data, pkt->len) == 0)
		tunnel_send(node->tunnels, &view.dst, pkt);
}
