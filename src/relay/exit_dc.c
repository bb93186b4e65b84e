/* SPDX-License-Identifier: BSD-2-Clause */
/* A gateway at its DC: registers as a node does, hears who comes, asks for nothing. */
#include "exit_priv.h"

#include <errno.h>
#include <string.h>

#define PING_MS (15 * 1000)

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

static void on_registered(void *ctx, const struct ntm_msg *reply)
{
	struct exit_gate *gate = ctx;
	const struct ntm_msg_registered *msg = &reply->registered;
	struct ntm_cert cert;
	char seen[NTM_ADDR_STR];
	const char *words = check_cert(gate, msg, &cert);

	if (words != NULL) {
		ntm_warn("the DC's registration of this gateway is not usable: %s", words);
		return;
	}
	gate->policy.outside = msg->reflexive.ip;
	gate->dc.behind_nat = ntm_addr_list_behind_nat(&gate->dc.told, &msg->reflexive);
	gate->dc.ping_ms = msg->keepalive_s > 0 && msg->keepalive_s < PING_MS / 1000
				   ? (int64_t)msg->keepalive_s * 1000
				   : PING_MS;
	ntm_timer_set(gate->timers, &gate->dc.ping_timer, gate->dc.ping_ms);
	if (ntm_uplink_registered(gate->dc.uplink, &msg->reflexive, (int64_t)msg->lifetime_s * 500))
		ntm_info("registered at the DC as the gateway %s, seen from %s%s", gate->fqdn,
			 ntm_addr_str(&msg->reflexive, seen),
			 gate->dc.behind_nat
				 ? " (behind a NAT, which has to let nodes in there: a 1:1 "
				   "NAT, or a forwarded UDP port)"
				 : "");
	take_net(gate, msg, &cert);
}

/* ---- what we say ---- */

static void own_addrs(const struct exit_gate *gate, struct ntm_addr_list *out)
{
	out->count = (uint8_t)gate->ops->own_addrs(gate->ctx, out->item, NTM_MSG_ADDRS);
}

static void fill(void *ctx, struct ntm_msg *msg)
{
	struct exit_gate *gate = ctx;

	msg->type = NTM_MSG_REGISTER;
	msg->reg.boot_id = ntm_uplink_boot_id(gate->dc.uplink);
	own_addrs(gate, &msg->reg.own);
	gate->dc.told = msg->reg.own;
}

static void on_ping_timer(void *arg)
{
	struct exit_gate *gate = arg;

	ntm_timer_set(gate->timers, &gate->dc.ping_timer, gate->dc.ping_ms);
	ntm_uplink_ping(gate->dc.uplink);
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
	(void)ntm_ctl_reply(ntm_uplink_ctl(gate->dc.uplink), req, &ack);
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
		(void)ntm_ctl_reply(ntm_uplink_ctl(gate->dc.uplink), req, &done);
		break;
	case NTM_MSG_PARTNERS: /* of no use here: only our own domain's nodes come */
		done.partners = req->partners;
		(void)ntm_ctl_reply(ntm_uplink_ctl(gate->dc.uplink), req, &done);
		break;
	default:
		gate->counters.control_bad++;
		break;
	}
}

/* ---- life ---- */

int exit_dc_init(struct exit_gate *gate)
{
	static const struct ntm_uplink_ops ops = {.fill = fill,
						  .answer = on_registered,
						  .request = on_request};
	const struct ntm_uplink_args args = {
		.links = gate->links,
		.timers = gate->timers,
		.purpose = NTM_PURPOSE_NODE,
		.dc_key = gate->dc_key,
		.dc = gate->dc_addr,
		.meanwhile = "nodes that are at this gateway stay",
		.ops = &ops,
		.ctx = gate,
	};

	gate->dc.ping_ms = PING_MS;
	ntm_timer_init(&gate->dc.ping_timer, on_ping_timer, gate);
	gate->dc.uplink = ntm_uplink_new(&args);
	return gate->dc.uplink != NULL ? 0 : -ENOMEM;
}

void exit_dc_fini(struct exit_gate *gate)
{
	ntm_timer_del(gate->timers, &gate->dc.ping_timer);
	ntm_uplink_free(gate->dc.uplink);
}

void exit_dc_stop(struct exit_gate *gate)
{
	ntm_timer_del(gate->timers, &gate->dc.ping_timer);
	ntm_uplink_stop(gate->dc.uplink);
}

void exit_dc_addrs_changed(struct exit_gate *gate)
{
	struct ntm_addr_list now;

	own_addrs(gate, &now);
	if (!ntm_addr_list_eq(&now, &gate->dc.told))
		ntm_uplink_register(gate->dc.uplink);
}
