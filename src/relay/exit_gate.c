/* SPDX-License-Identifier: BSD-2-Clause */
/* A gateway's logic: makes the parts, and hands every fact to the part that it concerns. */
#include "exit_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- facts from the links ---- */

static bool is_virtual(const struct exit_gate *gate, const struct ntm_ip *ip)
{
	for (size_t i = 0; i < gate->net.prefixes.count; i++)
		if (ntm_prefix_has(&gate->net.prefixes.item[i], ip))
			return true;
	return false;
}

static void links_send(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	struct exit_gate *gate = ctx;

	/* It would come back out of the TUN. */
	if (is_virtual(gate, &to->ip))
		gate->counters.looped++;
	else
		gate->ops->udp_send(gate->ctx, to, frame, len);
}

static bool is_dc(const struct ntm_link *link)
{
	return ntm_link_purpose(link) == NTM_PURPOSE_NODE;
}

static void links_up(void *ctx, struct ntm_link *link, void *owner, bool fresh)
{
	(void)ctx;
	(void)fresh; /* a restarted DC looks like a rekey from here */
	if (is_dc(link))
		ntm_uplink_on_up(owner);
	else
		exit_peer_on_up(owner, link);
}

static void links_down(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why)
{
	(void)ctx;
	(void)why;
	if (is_dc(link))
		ntm_uplink_on_down(owner);
	else
		exit_peer_on_down(owner, link);
}

static void links_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	struct exit_gate *gate = ctx;

	if (is_dc(link))
		gate->counters.control_bad += ntm_uplink_on_input(owner, pkt) != 0;
	else
		exit_data_input(owner, pkt);
}

static const struct ntm_links_ops links_ops = {
	.send = links_send,
	.up = links_up,
	.down = links_down,
	.input = links_input,
};

/* ---- life ---- */

static int make_parts(struct exit_gate *gate)
{
	const struct ntm_links_args links = {
		.ops = &links_ops,
		.ctx = gate,
		.keys = &gate->keys,
		.timers = gate->timers,
		.times = &gate->link_times,
	};

	gate->links = ntm_links_new(&links);
	gate->frags = ntm_frags_new();
	if (gate->links == NULL || gate->frags == NULL || exit_peers_init(gate) != 0)
		return -ENOMEM;
	return exit_dc_init(gate);
}

struct exit_gate *exit_gate_new(const struct exit_gate_args *args)
{
	struct exit_gate *gate = calloc(1, sizeof(*gate));

	if (gate == NULL)
		return NULL;
	gate->ops = args->ops;
	gate->ctx = args->ctx;
	gate->timers = args->timers;
	gate->keys = *args->keys;
	snprintf(gate->fqdn, sizeof(gate->fqdn), "%s", args->fqdn);
	snprintf(gate->domain, sizeof(gate->domain), "%s", args->domain);
	memcpy(gate->root, args->root, sizeof(gate->root));
	memcpy(gate->dc_key, args->dc_key, sizeof(gate->dc_key));
	memcpy(gate->dc_addr, args->dc, sizeof(gate->dc_addr));
	gate->idle_ms = args->idle_ms;
	gate->link_times = args->link_times;
	gate->policy.allow_private = args->allow_private;
	ntm_bucket_init(&gate->icmp_bucket, 20, 20, gate->timers->now_ms);
	if (make_parts(gate) != 0) {
		exit_gate_free(gate);
		return NULL;
	}
	return gate;
}

void exit_gate_free(struct exit_gate *gate)
{
	if (gate == NULL)
		return;
	exit_peers_fini(gate);
	exit_dc_fini(gate);
	ntm_frags_free(gate->frags);
	ntm_links_free(gate->links);
	ntm_wipe(gate, sizeof(*gate));
	free(gate);
}

static void look_at_host(struct exit_gate *gate)
{
	gate->policy.own_count = gate->ops->host_addrs(gate->ctx, gate->policy.own, EXIT_OWN_MAX);
}

int exit_gate_start(struct exit_gate *gate)
{
	look_at_host(gate);
	return ntm_uplink_start(gate->dc.uplink);
}

void exit_gate_stop(struct exit_gate *gate)
{
	exit_dc_stop(gate);
}

void exit_gate_give_up(struct exit_gate *gate)
{
	exit_peers_give_up(gate);
	exit_dc_stop(gate);
}

void exit_gate_udp_input(struct exit_gate *gate, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	ntm_links_input(gate->links, from, pkt);
}

void exit_gate_addrs_changed(struct exit_gate *gate)
{
	look_at_host(gate);
	exit_dc_addrs_changed(gate);
}
