/* SPDX-License-Identifier: BSD-2-Clause */
/* `ping`: round trips inside a tunnel, which is brought up first. */
#include "node_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PING_EVERY_MS 1000

struct ping {
	struct ping *next, **link;
	struct node *node;
	struct tunnel_wait wait;
	struct ntm_timer timer;
	struct ntm_ip vip; /* of the peer, once the tunnel was up */
	char fqdn[NTM_NAME_MAX + 1];
	unsigned count, sent;
	bool answered; /* the newest one */
	uint8_t token[8];
	int64_t sent_ms;
	node_ping_fn *fn;
	void *arg;
};

static void ping_end(struct ping *ping)
{
	tunnel_wait_cancel(&ping->wait);
	ntm_timer_del(ping->node->timers, &ping->timer);
	*ping->link = ping->next;
	if (ping->next != NULL)
		ping->next->link = ping->link;
	ping->node->ping_count--;
	free(ping);
}

static void tell(struct ping *ping, struct node_ping_result *result)
{
	snprintf(result->peer, sizeof(result->peer), "%s", ping->fqdn);
	result->vip = ping->vip;
	result->seq = ping->sent;
	ping->fn(ping->arg, result);
	if (result->last)
		ping_end(ping);
}

static int send_control(struct tunnel *tunnel, const struct ntm_msg *msg)
{
	struct ntm_pkt pkt;
	struct ntm_link *link = tunnel_link(tunnel);

	if (link == NULL)
		return -ENOTCONN;
	ntm_pkt_reset(&pkt);
	size_t len = ntm_msg_encode(msg, pkt.data, ntm_pkt_room(&pkt));
	if (len == 0)
		return -EINVAL;
	ntm_pkt_put(&pkt, len);
	return ntm_link_send(link, &pkt, 0);
}

static void send_ping(struct ping *ping)
{
	struct ntm_msg msg = {.type = NTM_MSG_PING, .txn = ntm_random_u32()};
	struct tunnel *tunnel = tunnel_find_up(ping->node->tunnels, &ping->vip);

	ntm_random(ping->token, sizeof(ping->token));
	memcpy(msg.ping.token, ping->token, sizeof(ping->token));
	ping->sent++;
	ping->answered = false;
	ping->sent_ms = ping->node->timers->now_ms;
	ntm_timer_set(ping->node->timers, &ping->timer, PING_EVERY_MS);
	if (tunnel != NULL)
		send_control(tunnel, &msg);
}

static const char *late_words(const struct ping *ping)
{
	const struct tunnel *tunnel = tunnel_find_up(ping->node->tunnels, &ping->vip);

	return tunnel == NULL             ? "the tunnel has ended: ping again"
	       : tunnel_is_silent(tunnel) ? "nothing comes back by any path: see `ntm-node tunnels`"
					  : "no answer within a second";
}

static void on_timer(void *arg)
{
	struct ping *ping = arg;
	struct node_ping_result late = {
		.err = -ETIMEDOUT,
		.words = late_words(ping),
		.last = ping->sent >= ping->count,
	};

	if (!ping->answered) {
		tell(ping, &late);
		if (late.last)
			return;
	}
	send_ping(ping);
}

static void on_tunnel(void *arg, const struct tunnel_result *result)
{
	struct ping *ping = arg;
	struct node_ping_result failed = {.err = result->err, .words = result->words, .last = true};

	if (result->err != 0) {
		tell(ping, &failed);
		return;
	}
	ping->vip = tunnel_vip(result->tunnel, 4);
	if (ping->vip.family == 0)
		ping->vip = tunnel_vip(result->tunnel, 6);
	snprintf(ping->fqdn, sizeof(ping->fqdn), "%s", tunnel_fqdn(result->tunnel));
	send_ping(ping);
}

static void on_pong(struct node *node, struct tunnel *tunnel, const struct ntm_msg *msg)
{
	for (struct ping *ping = node->pings; ping != NULL; ping = ping->next) {
		if (ping->answered || ping->sent == 0 ||
		    memcmp(ping->token, msg->pong.token, sizeof(ping->token)) != 0)
			continue;
		struct node_ping_result result = {
			.rtt_ms = node->timers->now_ms - ping->sent_ms,
			.last = ping->sent >= ping->count,
		};

		result.via = tunnel_via(tunnel, &result.is_relayed);
		ping->answered = true;
		tell(ping, &result);
		return;
	}
}

void node_ping_input(struct node *node, struct tunnel *tunnel, const struct ntm_pkt *pkt)
{
	struct ntm_msg msg;
	struct ntm_msg pong = {.type = NTM_MSG_PONG, .is_reply = true};

	if (ntm_msg_decode(&msg, pkt->data, pkt->len) != 0 || tunnel_link(tunnel) == NULL) {
		node->counters.control_bad++;
		return;
	}
	if (msg.type == NTM_MSG_PONG) {
		on_pong(node, tunnel, &msg);
	} else if (msg.type == NTM_MSG_PING && !msg.is_reply) {
		pong.txn = msg.txn;
		memcpy(pong.pong.token, msg.ping.token, sizeof(msg.ping.token));
		pong.pong.seen = tunnel_via(tunnel, NULL);
		send_control(tunnel, &pong);
	} else {
		node->counters.control_bad++;
	}
}

void node_ping_stop(struct node *node)
{
	while (node->pings != NULL) {
		struct node_ping_result end = {.err = -ECANCELED,
					       .words = "ntm-node is stopping",
					       .last = true};

		tell(node->pings, &end);
	}
}

/* It was tried a moment ago, and is not again so soon: the same answer. */
static void tell_again(struct ping *ping, const struct tunnel *tunnel)
{
	char words[320];
	struct node_ping_result again = {.err = -EHOSTUNREACH, .words = words, .last = true};

	snprintf(words, sizeof(words), "%s (a moment ago; wait five seconds)",
		 tunnel_fail_words(tunnel));
	tell(ping, &again);
}

int node_ping(struct node *node, const char *target, unsigned count, node_ping_fn *fn, void *arg)
{
	struct tunnel_target who = {0};
	char name[NTM_NAME_MAX + 1];
	const struct tunnel *tunnel = NULL;

	if (ntm_ip_parse(&who.vip, target) != 0) {
		if (ntm_name_complete(name, target, node->lease.domain) != 0)
			return -EINVAL;
		who.fqdn = name;
	} else if (!realm_is_virtual(&node->realm, &who.vip)) {
		return -EINVAL;
	}
	if (node->ping_count >= NODE_PINGS)
		return -EBUSY;
	struct ping *ping = calloc(1, sizeof(*ping));
	if (ping == NULL)
		return -ENOMEM;
	/* What was asked for, until a certificate tells the name. */
	snprintf(ping->fqdn, sizeof(ping->fqdn), "%s", who.fqdn != NULL ? name : target);
	ping->node = node;
	ping->count = count > 0 ? count : 1;
	ping->fn = fn;
	ping->arg = arg;
	ping->wait.fn = on_tunnel;
	ping->wait.arg = ping;
	ntm_timer_init(&ping->timer, on_timer, ping);
	ping->next = node->pings;
	ping->link = &node->pings;
	if (ping->next != NULL)
		ping->next->link = &ping->next;
	node->pings = ping;
	node->ping_count++;
	int err = tunnel_want(node->tunnels, &who, NTM_REASON_DATA, &ping->wait, &tunnel);
	if (err == 1) {
		struct tunnel_result result = {.tunnel = tunnel};

		on_tunnel(ping, &result);
		return 0;
	}
	if (err == -EHOSTUNREACH) {
		tell_again(ping, tunnel);
		return 0;
	}
	if (err != 0)
		ping_end(ping);
	return err;
}

const char *node_ping_refusal(int err)
{
	switch (err) {
	case -EINVAL:
		return "neither a name of the domain nor another node's virtual address";
	case -EBUSY:
		return "too much is asked at once: try again in a moment";
	case -ENOSPC:
		return "this node has as many tunnels as it can: see `ntm-node tunnels`";
	default:
		return strerror(-err);
	}
}
