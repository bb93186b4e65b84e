/* SPDX-License-Identifier: BSD-2-Clause */
/* The way of packets through a gateway: tunnel -> TUN, and back. */
#include "exit_priv.h"

#include "ntm/ippkt.h"

#include <errno.h>
#include <string.h>

/* RFC 3550 5.1: version 2 in the first two bits; a shorter UDP payload is no RTP. */
#define RTP_MIN_LEN 12

static const struct ntm_ip *vip_of(const struct ntm_cert *cert, uint8_t family)
{
	return family == 4 ? &cert->vip4 : &cert->vip6;
}

/* ---- tunnel -> TUN ---- */

static void send_control(struct exit_peer *peer, const struct ntm_msg *msg)
{
	struct ntm_pkt pkt;

	ntm_pkt_reset(&pkt);
	size_t len = ntm_msg_encode(msg, pkt.data, ntm_pkt_room(&pkt));
	if (len == 0)
		return;
	ntm_pkt_put(&pkt, len);
	(void)ntm_link_send(peer->link, &pkt, 0);
}

void exit_data_ping(struct exit_peer *peer)
{
	struct ntm_msg ping = {.type = NTM_MSG_PING, .txn = ntm_random_u32()};

	ntm_random(ping.ping.token, sizeof(ping.ping.token));
	send_control(peer, &ping);
}

static void send_pong(struct exit_peer *peer, const struct ntm_msg *ping)
{
	struct ntm_msg pong = {.type = NTM_MSG_PONG, .is_reply = true, .txn = ping->txn};

	memcpy(pong.pong.token, ping->ping.token, sizeof(pong.pong.token));
	pong.pong.seen = *ntm_link_remote(peer->link);
	send_control(peer, &pong);
}

static void on_control(struct exit_peer *peer, const struct ntm_pkt *pkt)
{
	struct ntm_msg msg;
	bool is_ok = ntm_msg_decode(&msg, pkt->data, pkt->len) == 0;

	if (is_ok && msg.type == NTM_MSG_PING && !msg.is_reply)
		send_pong(peer, &msg);
	else if (!is_ok || msg.type != NTM_MSG_PONG) /* to exit_data_ping */
		peer->gate->counters.control_bad++;
}

/* The node hears that it may not, from the one address of ours that it accepts packets of. */
static void refuse(struct exit_peer *peer, const struct ntm_pkt *pkt)
{
	struct exit_gate *gate = peer->gate;
	const struct ntm_ip *from = (pkt->data[0] >> 4) == 4 ? &gate->net.vip4 : &gate->net.vip6;
	struct ntm_pkt out;

	if (!ntm_bucket_take(&gate->icmp_bucket, gate->timers->now_ms))
		return;
	ntm_pkt_reset(&out);
	size_t len = ntm_ippkt_build_unreachable(out.data, NTM_LINK_ROOM_MIN, from, pkt->data,
						 pkt->len, NTM_UNREACH_ADMIN);
	if (len == 0)
		return;
	ntm_pkt_put(&out, len);
	(void)ntm_link_send(peer->link, &out, 0);
}

static void complain(struct exit_peer *peer, const struct ntm_ippkt *view,
		     enum exit_verdict verdict)
{
	struct exit_gate *gate = peer->gate;
	char dst[NTM_IP_STR];

	if (ntm_log_gate_open(&gate->verdict_gate, gate->timers->now_ms))
		ntm_warn("refused a packet of %s to %s (%s)%s", peer->cert.fqdn,
			 ntm_ip_str(&view->dst, dst), exit_verdict_name(verdict),
			 verdict == EXIT_PRIVATE ? "; exit_private = yes would allow it" : "");
}

/* Crypto-routing: a node speaks from its certified addresses only. */
static bool is_spoofed(struct exit_peer *peer, const struct ntm_ippkt *view)
{
	struct exit_gate *gate = peer->gate;
	const struct ntm_ip *vip = vip_of(&peer->cert, view->src.family);
	char src[NTM_IP_STR];

	if (vip->family != 0 && ntm_ip_eq(vip, &view->src))
		return false;
	gate->counters.spoofed++;
	if (ntm_log_gate_open(&gate->spoof_gate, gate->timers->now_ms))
		ntm_warn("dropped a packet that %s sent as %s, which is not its address",
			 peer->cert.fqdn, ntm_ip_str(&view->src, src));
	return true;
}

/* Connection tracking finds whose packet an ICMP error is about by what the error says itself: a
 * node could end, or slow down, what another one has with a server. */
static bool is_foreign_error(struct exit_peer *peer, const struct ntm_ippkt *view)
{
	struct ntm_ip src, dst;

	if (view->frag_offset > 0 || !ntm_ippkt_is_icmp_error(view) ||
	    (ntm_ippkt_blamed(view, &src, &dst) && ntm_ip_eq(&dst, &view->src)))
		return false;
	peer->gate->counters.foreign_error++;
	return true;
}

static void on_packet(struct exit_peer *peer, struct ntm_pkt *pkt)
{
	struct exit_gate *gate = peer->gate;
	struct ntm_ippkt view;

	if (ntm_ippkt_parse(&view, pkt->data, pkt->len) != 0) {
		gate->counters.malformed++;
		return;
	}
	ntm_pkt_trim(pkt, view.len); /* the padding of design.md 4 */
	if (is_spoofed(peer, &view) || is_foreign_error(peer, &view))
		return;
	enum exit_verdict verdict = exit_policy_check(&gate->policy, &view.dst);
	gate->counters.verdicts[verdict]++;
	if (verdict != EXIT_ALLOWED) {
		complain(peer, &view, verdict);
		refuse(peer, pkt);
		return;
	}
	peer->inner_ms = gate->timers->now_ms;
	peer->packets_out++;
	peer->bytes_out += pkt->len;
	gate->counters.packets_out++;
	gate->counters.bytes_out += pkt->len;
	gate->ops->tun_write(gate->ctx, pkt->data, pkt->len);
}

void exit_data_input(struct exit_peer *peer, struct ntm_pkt *pkt)
{
	struct exit_gate *gate = peer->gate;

	if (pkt->data[0] == NTM_CTL_KIND)
		on_control(peer, pkt);
	else if (pkt->data[0] != NTM_FRAG_KIND ||
		 ntm_frags_add(gate->frags, peer, pkt, gate->timers->now_ms) == 1)
		on_packet(peer, pkt);
}

/* ---- TUN -> tunnel ---- */

/* Real-time packets are marked on the outside (design.md 4). */
static uint8_t class_of(const struct ntm_ippkt *view)
{
	return view->payload != NULL && view->payload_len >= RTP_MIN_LEN &&
	       (view->payload[0] >> 6) == 2;
}

/* In parts when the path does not take it whole. 0 or negative. */
static int seal(struct exit_peer *peer, struct ntm_pkt *pkt, uint8_t cls)
{
	struct exit_gate *gate = peer->gate;
	struct ntm_frag part = {.id = gate->frag_id};
	int err = 0;

	part.count = (uint8_t)ntm_frag_count(pkt->len, ntm_link_room(peer->link));
	if (part.count == 0)
		return -EMSGSIZE;
	if (part.count == 1)
		return ntm_link_send(peer->link, pkt, cls);
	gate->frag_id++;
	for (; part.index < part.count && err == 0; part.index++) {
		struct ntm_pkt out;

		ntm_pkt_reset(&out);
		ntm_frag_cut(pkt, &part, &out);
		err = ntm_link_send(peer->link, &out, cls);
	}
	return err;
}

void exit_gate_tun_input(struct exit_gate *gate, struct ntm_pkt *pkt)
{
	struct ntm_ippkt view;
	struct exit_peer *peer;
	size_t len = pkt->len;

	if (ntm_ippkt_parse(&view, pkt->data, pkt->len) != 0) {
		gate->counters.malformed++;
		return;
	}
	peer = exit_peers_find(gate, &view.dst);
	if (peer == NULL || !peer->is_up) {
		gate->counters.no_tunnel++;
		return;
	}
	/* The kernel itself speaks from our own address; else nobody virtual comes from there. */
	if (exit_peers_find(gate, &view.src) != NULL) {
		gate->counters.spoofed++;
		return;
	}
	peer->inner_ms = gate->timers->now_ms;
	if (seal(peer, pkt, class_of(&view)) != 0) {
		gate->counters.send_failed++;
		return;
	}
	peer->packets_in++;
	peer->bytes_in += len;
	gate->counters.packets_in++;
	gate->counters.bytes_in += len;
}
