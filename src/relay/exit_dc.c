/* SPDX-License-Identifier: BSD-2-Clause */
/* A gateway at its DC: registers as a node does, hears who comes, asks for nothing. */
#include "exit_priv.h"

#include <errno.h>
#include <string.h>

#define PING_MS     (15 * 1000)
#define RESTART_MS  2000 /* a link is not started over more often */
#define REGISTER_MS 5000 /* what was not answered is sent again after it */

static size_t candidates_of(const struct exit_gate *gate, struct ntm_addr out[static 2])
{
	size_t count = 0;

	for (size_t i = 0; i < 2; i++)
		if (gate->dc_addr[i].ip.family != 0)
			out[count++] = gate->dc_addr[i];
	return count;
}

/* ---- what the DC says of us ---- */

static const char *check_cert(const struct exit_gate *gate, const struct ntm_msg_registered *msg,
			      struct ntm_cert *cert)
{
	int err = ntm_cert_check(cert, msg->cert.data, msg->cert.len, gate->root,
				 gate->timers->wall_ms / 1000);

	if (err != 0)
		return err == -ETIME ? "its certificate is not valid now: is the clock right?"
				     : "its certificate is not signed by the domain's root";
	if (cert->type != NTM_CERT_NODE || memcmp(cert->key, gate->keys.pub, NTM_KEY_LEN) != 0 ||
	    strcmp(cert->fqdn, gate->fqdn) != 0)
		return "its certificate is not this gateway's";
	if (cert->vip4.family == 0 && cert->vip6.family == 0)
		return "it gives no virtual address: was the relay added with --gateway?";
	return msg->prefixes.count > 0 ? NULL : "it names no virtual prefix";
}

static void take_net(struct exit_gate *gate, const struct ntm_msg_registered *msg,
		     const struct ntm_cert *cert)
{
	struct exit_net net;

	memset(&net, 0, sizeof(net)); /* compared as bytes */
	net.vip4 = cert->vip4;
	net.vip6 = cert->vip6;
	net.prefixes.count = msg->prefixes.count;
	for (size_t i = 0; i < msg->prefixes.count; i++) {
		net.prefixes.item[i].ip = msg->prefixes.item[i].ip;
		net.prefixes.item[i].len = msg->prefixes.item[i].len;
	}
	if (memcmp(&net, &gate->net, sizeof(net)) == 0)
		return;
	gate->net = net;
	gate->policy.prefixes = net.prefixes;
	exit_peers_on_net(gate);
	gate->ops->host_changed(gate->ctx, &gate->net);
}

static bool list_has(const struct ntm_addr_list *list, const struct ntm_ip *ip)
{
	for (size_t i = 0; i < list->count; i++)
		if (ntm_ip_eq(&list->item[i].ip, ip))
			return true;
	return false;
}

static void on_registered(void *arg, int err, const struct ntm_msg *reply)
{
	struct exit_gate *gate = arg;
	const struct ntm_msg_registered *msg;
	struct ntm_cert cert;
	char seen[NTM_ADDR_STR];

	gate->dc.registering = false;
	if (err != 0)
		return; /* register_timer tries again */
	msg = &reply->registered;
	const char *words = check_cert(gate, msg, &cert);
	if (words != NULL) {
		ntm_warn("the DC's registration of this gateway is not usable: %s", words);
		return;
	}
	gate->dc.reflexive = msg->reflexive;
	gate->policy.outside = msg->reflexive.ip;
	gate->dc.behind_nat = !list_has(&gate->dc.told, &msg->reflexive.ip);
	gate->dc.ping_ms = msg->keepalive_s > 0 ? (int64_t)msg->keepalive_s * 1000 : PING_MS;
	ntm_timer_set(gate->timers, &gate->dc.ping_timer, gate->dc.ping_ms);
	ntm_timer_set(gate->timers, &gate->dc.register_timer, (int64_t)msg->lifetime_s * 500);
	if (!gate->dc.registered)
		ntm_info("registered at the DC as the gateway %s, seen from %s%s", gate->fqdn,
			 ntm_addr_str(&msg->reflexive, seen),
			 gate->dc.behind_nat
				 ? " (behind a NAT, which has to let nodes in there: a 1:1 "
				   "NAT, or a forwarded UDP port)"
				 : "");
	gate->dc.registered = true;
	take_net(gate, msg, &cert);
}

/* ---- what we say ---- */

static void send_register(struct exit_gate *gate)
{
	struct ntm_msg msg = {.type = NTM_MSG_REGISTER};

	if (gate->dc.registering)
		ntm_ctl_cancel(gate->dc.ctl, gate->dc.register_txn);
	msg.reg.boot_id = gate->dc.boot_id;
	msg.reg.own.count =
		(uint8_t)gate->ops->own_addrs(gate->ctx, msg.reg.own.item, NTM_MSG_ADDRS);
	gate->dc.told = msg.reg.own;
	gate->dc.registering = ntm_ctl_request(gate->dc.ctl, &msg, on_registered, gate,
					       &gate->dc.register_txn) == 0;
	ntm_timer_set(gate->timers, &gate->dc.register_timer, REGISTER_MS);
}

static void on_register_timer(void *arg)
{
	struct exit_gate *gate = arg;

	if (ntm_link_state(gate->dc.link) == NTM_LINK_UP)
		send_register(gate);
}

static void on_pong(void *arg, int err, const struct ntm_msg *reply)
{
	struct exit_gate *gate = arg;

	if (err == 0 && gate->dc.registered && !ntm_addr_eq(&reply->pong.seen, &gate->dc.reflexive))
		send_register(gate);
}

static void on_ping_timer(void *arg)
{
	struct exit_gate *gate = arg;
	struct ntm_msg msg = {.type = NTM_MSG_PING};

	ntm_timer_set(gate->timers, &gate->dc.ping_timer, gate->dc.ping_ms);
	if (ntm_link_state(gate->dc.link) != NTM_LINK_UP)
		return;
	ntm_random(msg.ping.token, sizeof(msg.ping.token));
	ntm_ctl_request(gate->dc.ctl, &msg, on_pong, gate, NULL);
}

/* The DC may have been restarted and lost our session. */
static void on_unanswered(void *ctx, unsigned sent)
{
	struct exit_gate *gate = ctx;
	struct ntm_addr candidates[2];

	if (sent < 2 || ntm_link_state(gate->dc.link) != NTM_LINK_UP ||
	    gate->timers->now_ms - gate->dc.restarted_ms < RESTART_MS)
		return;
	gate->dc.restarted_ms = gate->timers->now_ms;
	size_t count = candidates_of(gate, candidates);
	ntm_link_restart(gate->dc.link, candidates, count);
}

/* ---- what the DC wants ---- */

static void on_route_direction(struct exit_gate *gate, const struct ntm_msg *req)
{
	const struct ntm_msg_route_direction *rd = &req->route_direction;
	struct ntm_msg ack = {.type = NTM_MSG_ROUTE_ACK};
	const char *words = exit_peers_direct(gate, rd);

	if (words != NULL) {
		gate->counters.directions_refused++;
		ntm_warn("refused a Route Direction: %s dir=%016llx", words,
			 (unsigned long long)rd->correlation);
		return; /* no acknowledgement: the DC tells the other side */
	}
	memcpy(ack.route_ack.pair, rd->pair, NTM_PAIR_LEN);
	ack.route_ack.correlation = rd->correlation;
	(void)ntm_ctl_reply(gate->dc.ctl, req, &ack);
}

static void on_request(void *ctx, const struct ntm_msg *req)
{
	struct exit_gate *gate = ctx;
	struct ntm_msg done = {.type = req->type};

	switch (req->type) {
	case NTM_MSG_ROUTE_DIRECTION:
		on_route_direction(gate, req);
		break;
	case NTM_MSG_REVOKED:
		exit_peers_revoke(gate, &req->revoked);
		done.revoked = req->revoked;
		(void)ntm_ctl_reply(gate->dc.ctl, req, &done);
		break;
	case NTM_MSG_PARTNERS: /* of no use here: only our own domain's nodes come */
		done.partners = req->partners;
		(void)ntm_ctl_reply(gate->dc.ctl, req, &done);
		break;
	default:
		gate->counters.control_bad++;
		break;
	}
}

/* ---- life ---- */

int exit_dc_init(struct exit_gate *gate)
{
	const struct ntm_ctl_args args = {
		.timers = gate->timers,
		.on_request = on_request,
		.on_unanswered = on_unanswered,
		.ctx = gate,
	};

	gate->dc.ping_ms = PING_MS;
	gate->dc.restarted_ms = -RESTART_MS;
	ntm_random(&gate->dc.boot_id, sizeof(gate->dc.boot_id));
	ntm_timer_init(&gate->dc.ping_timer, on_ping_timer, gate);
	ntm_timer_init(&gate->dc.register_timer, on_register_timer, gate);
	gate->dc.ctl = ntm_ctl_new(&args);
	return gate->dc.ctl != NULL ? 0 : -ENOMEM;
}

void exit_dc_fini(struct exit_gate *gate)
{
	ntm_timer_del(gate->timers, &gate->dc.ping_timer);
	ntm_timer_del(gate->timers, &gate->dc.register_timer);
	ntm_ctl_free(gate->dc.ctl);
	ntm_link_free(gate->dc.link);
}

int exit_dc_start(struct exit_gate *gate)
{
	struct ntm_addr candidates[2];
	const struct ntm_link_args args = {
		.purpose = NTM_PURPOSE_NODE,
		.remote_static = gate->dc_key,
		.owner = gate,
		.candidate_count = candidates_of(gate, candidates),
		.candidates = candidates,
		.initiator = true,
		.persistent = true,
	};
	int err = ntm_link_open(gate->links, &args, &gate->dc.link);

	if (err != 0)
		return err;
	ntm_ctl_set_link(gate->dc.ctl, gate->dc.link);
	ntm_timer_set(gate->timers, &gate->dc.ping_timer, gate->dc.ping_ms);
	return 0;
}

void exit_dc_stop(struct exit_gate *gate)
{
	ntm_timer_del(gate->timers, &gate->dc.ping_timer);
	ntm_timer_del(gate->timers, &gate->dc.register_timer);
	if (gate->dc.link != NULL)
		ntm_link_close(gate->dc.link, 0);
	gate->dc.registered = false;
}

void exit_dc_on_up(struct exit_gate *gate)
{
	send_register(gate);
}

void exit_dc_on_down(struct exit_gate *gate)
{
	if (gate->dc.registered)
		ntm_warn("the gateway lost the DC; nodes that are here stay, trying to reach it "
			 "again");
	gate->dc.registered = false;
}

void exit_dc_on_input(struct exit_gate *gate, const struct ntm_pkt *pkt)
{
	if (ntm_ctl_input(gate->dc.ctl, pkt->data, pkt->len) != 0)
		gate->counters.control_bad++;
}

static bool is_same_list(const struct ntm_addr_list *a, const struct ntm_addr_list *b)
{
	for (size_t i = 0; i < a->count && a->count == b->count; i++)
		if (!ntm_addr_eq(&a->item[i], &b->item[i]))
			return false;
	return a->count == b->count;
}

void exit_dc_addrs_changed(struct exit_gate *gate)
{
	struct ntm_addr_list now = {0};

	now.count = (uint8_t)gate->ops->own_addrs(gate->ctx, now.item, NTM_MSG_ADDRS);
	if (gate->dc.link != NULL && ntm_link_state(gate->dc.link) == NTM_LINK_UP &&
	    !is_same_list(&now, &gate->dc.told))
		send_register(gate);
}
