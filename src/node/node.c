/* SPDX-License-Identifier: BSD-2-Clause */
/* A node's logic: makes the parts, and hands every fact to the part that it concerns. */
#include "node_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct node_settings node_settings_default = {
	.hold = NODE_HOLD_BOTH,
	.hold_callee_ms = 1000, /* sip.md 1 */
	.hold_caller_ms = 2000,
	.prewarm = 0,
	.sip_ports = {.count = 1, .item = {5060}},
	.name_deadline_ms = 1500, /* design.md 6 */
	.idle_ms = 10 * 60 * 1000,
	.link_times = {.rekey_ms = 120000,
		       .reject_ms = 180000,
		       .retry_ms = 2000, /* a DC that returns is found within 4.3 s */
		       .passive_keepalive_ms = 10000,
		       .silence_ms = 15000},
};

/* ---- facts from the links ---- */

static void send_real(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	struct node *node = ctx;

	/* It would come back to us out of the TUN; what leads there for an exit does not
	 * (host_net.h).
	 */
	if (realm_is_virtual(&node->realm, &to->ip))
		node->counters.looped++;
	else
		node->ops->udp_send(node->ctx, to, frame, len);
}

static void links_send(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	struct node *node = ctx;

	if (ntm_addr_is_relay(to))
		relays_send(node->relays, ntm_addr_relay_number(to), frame, len);
	else
		send_real(ctx, to, frame, len);
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
		tunnel_on_up(owner, link);
}

static void links_down(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why)
{
	(void)ctx;
	if (is_dc(link))
		ntm_uplink_on_down(owner);
	else
		tunnel_on_down(owner, link, why);
}

static void links_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	struct node *node = ctx;

	if (is_dc(link))
		node->counters.control_bad += ntm_uplink_on_input(owner, pkt) != 0;
	else if (pkt->data[0] == NTM_CTL_KIND)
		node_ping_input(node, owner, pkt);
	else
		node_peer_input(node, owner, pkt);
}

static void links_unknown_pair(void *ctx, const uint8_t pair[static NTM_PAIR_LEN],
			       const struct ntm_addr *from, const uint8_t *frame, size_t len)
{
	struct node *node = ctx;

	tunnels_on_unknown_pair(node->tunnels, pair, from, frame, len);
}

static void links_moved(void *ctx, struct ntm_link *link, void *owner, const struct ntm_addr *to)
{
	(void)ctx;
	(void)to;
	if (!is_dc(link))
		tunnel_on_moved(owner, link);
}

static void links_starved(void *ctx, struct ntm_link *link, void *owner)
{
	(void)ctx;
	tunnel_on_starved(owner, link); /* only links to peers have several paths */
}

static const struct ntm_links_ops links_ops = {
	.send = links_send,
	.moved = links_moved,
	.starved = links_starved,
	.unknown_pair = links_unknown_pair,
	.up = links_up,
	.down = links_down,
	.input = links_input,
};

/* ---- facts from relays ---- */

static void relays_frame(void *ctx, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	struct node *node = ctx;

	ntm_links_input(node->links, from, pkt);
}

static void relays_bound(void *ctx, void *owner, uint32_t number, bool peer_bound)
{
	(void)ctx;
	tunnel_on_bound(owner, number, peer_bound);
}

/* ---- facts from the DC ---- */

static void on_registered(void *ctx, const struct ntm_msg_registered *msg, bool news)
{
	struct node *node = ctx;

	node_keep_lease(node, msg);
	tunnels_on_dc(node->tunnels);
	partners_pull_want(node->pull, msg->partners);
	if (news && node->ops->registered != NULL)
		node->ops->registered(node->ctx);
}

static void on_keepalive(void *ctx, int64_t keepalive_ms)
{
	struct node *node = ctx;

	tunnels_set_keepalive(node->tunnels, keepalive_ms);
	relays_set_keepalive(node->relays, keepalive_ms);
}

static void on_dc_request(void *ctx, const struct ntm_msg *req)
{
	struct node *node = ctx;
	struct ntm_msg done = {.type = NTM_MSG_REVOKED};

	switch (req->type) {
	case NTM_MSG_ROUTE_DIRECTION:
		tunnels_on_route_direction(node->tunnels, req);
		break;
	case NTM_MSG_REVOKED:
		done.revoked = req->revoked;
		tunnels_on_revoked(node->tunnels, &req->revoked);
		dclink_reply(node->dclink, req, &done);
		break;
	case NTM_MSG_PARTNERS:
		node_on_partners(node, req);
		break;
	case NTM_MSG_RELAY_RESTARTED:
		relays_restarted(node->relays, &req->relay_restarted.addrs);
		break;
	default:
		node->counters.control_bad++;
		break;
	}
}

/* ---- the resolver's way to DC and upstream ---- */

static bool resolver_upstream(void *ctx, uint16_t slot, const uint8_t *query, size_t len)
{
	struct node *node = ctx;

	return node->ops->upstream_query(node->ctx, slot, query, len);
}

static void on_resolved(void *arg, int err, const struct ntm_msg *reply)
{
	struct resolve *resolve = arg;
	struct node *node = resolve->node;

	resolve->node = NULL;
	resolver_answer(node->resolver, resolve->slot, err == 0 ? reply->resolved.data : NULL,
			err == 0 ? reply->resolved.len : 0);
}

static struct resolve *free_resolve(struct node *node)
{
	for (size_t i = 0; i < NTM_CTL_OPEN_MAX; i++)
		if (node->resolves[i].node == NULL)
			return &node->resolves[i];
	return NULL;
}

static bool resolver_to_dc(void *ctx, uint16_t slot, const uint8_t *query, size_t len)
{
	struct node *node = ctx;
	struct ntm_msg msg = {.type = NTM_MSG_RESOLVE};
	struct resolve *resolve = free_resolve(node);

	if (resolve == NULL || len > sizeof(msg.resolve.data))
		return false;
	msg.resolve.len = (uint16_t)len;
	memcpy(msg.resolve.data, query, len);
	if (dclink_request(node->dclink, &msg, on_resolved, resolve, NULL) != 0)
		return false;
	*resolve = (struct resolve){.node = node, .slot = slot};
	return true;
}

static const char *resolver_name_of(void *ctx, const struct ntm_ip *vip)
{
	struct node *node = ctx;
	const struct tunnel *tunnel = tunnel_find(node->tunnels, vip);

	if (lease_is_ours(&node->lease, vip))
		return node->lease.fqdn;
	return tunnel != NULL && tunnel_fqdn(tunnel)[0] != '\0' ? tunnel_fqdn(tunnel) : NULL;
}

static int64_t resolver_learn(void *ctx, const struct ntm_dns_response *response)
{
	struct node *node = ctx;

	return exits_learn(node->exits, response);
}

static void on_exits_changed(void *ctx, const struct exit_routes *routes)
{
	struct node *node = ctx;

	if (node->ops->exits_changed != NULL)
		node->ops->exits_changed(node->ctx, routes);
}

static bool dc_answers(void *ctx)
{
	struct node *node = ctx;

	return ntm_uplink_answers(dclink_uplink(node->dclink));
}

/* ---- life ---- */

static int make_links(struct node *node)
{
	struct ntm_links_args links = {
		.ops = &links_ops,
		.ctx = node,
		.keys = &node->lease.keys,
		.timers = node->timers,
		.times = &node->settings.link_times,
	};
	struct dclink_args dclink = {
		.timers = node->timers,
		.lease = &node->lease,
		.node_ops = node->ops,
		.node_ctx = node->ctx,
		.ops = {.registered = on_registered,
			.request = on_dc_request,
			.keepalive = on_keepalive,
			.ctx = node},
	};
	struct relays_args relays = {
		.timers = node->timers,
		.send = send_real,
		.input = relays_frame,
		.bound = relays_bound,
		.ctx = node,
	};

	node->links = ntm_links_new(&links);
	node->relays = relays_new(&relays);
	if (node->links == NULL || node->relays == NULL)
		return -ENOMEM;
	dclink.links = node->links;
	node->dclink = dclink_new(&dclink);
	if (node->dclink == NULL)
		return -ENOMEM;
	struct partners_pull_args pull = {
		.timers = node->timers,
		.dclink = node->dclink,
		.lease = &node->lease,
		.partners = &node->partners,
		.done = node_take_partners,
		.ctx = node,
	};
	node->pull = partners_pull_new(&pull);
	return node->pull == NULL ? -ENOMEM : 0;
}

static int make_parts(struct node *node, struct ntm_sip_parser *sip)
{
	struct tunnels_args tunnels = {
		.links = node->links,
		.timers = node->timers,
		.dclink = node->dclink,
		.relays = node->relays,
		.realm = &node->realm,
		.settings = &node->settings,
		.learn = node_learn_partner,
		.tun_write = node_tun_write,
		.ctx = node,
	};
	node->tunnels = tunnels_new(&tunnels);
	if (node->tunnels == NULL)
		return -ENOMEM;
	struct sipwatch_args sipwatch = {
		.timers = node->timers,
		.sip = sip,
		.tunnels = node->tunnels,
		.settings = &node->settings,
		.realm = &node->realm,
		.dc_answers = dc_answers,
		.release = node_release,
		.ctx = node,
	};
	node->sipwatch = sipwatch_new(&sipwatch);
	struct resolver_args resolver = {
		.timers = node->timers,
		.tunnels = node->tunnels,
		.realm = &node->realm,
		.name_deadline_ms = node->settings.name_deadline_ms,
		.upstream = resolver_upstream,
		.to_dc = resolver_to_dc,
		.name_of = resolver_name_of,
		.tun_write = node_tun_write,
		.learn = resolver_learn,
		.ctx = node,
	};
	node->resolver = resolver_new(&resolver);
	struct exits_args exits = {
		.timers = node->timers,
		.conf = node->settings.exits,
		.realm = &node->realm,
		.tunnels = node->tunnels,
		.sip = sip,
		.sip_ports = &node->settings.sip_ports,
		.tun_write = node_tun_write,
		.changed = on_exits_changed,
		.ctx = node,
	};
	node->exits = exits_new(&exits);
	return node->sipwatch == NULL || node->resolver == NULL || node->exits == NULL ? -ENOMEM
										       : 0;
}

struct node *node_new(const struct node_args *args)
{
	struct node *node = calloc(1, sizeof(*node));

	if (node == NULL)
		return NULL;
	node->ops = args->ops;
	node->ctx = args->ctx;
	node->timers = args->timers;
	node->settings = *args->settings;
	node->lease = *args->lease;
	if (args->partners != NULL)
		node->partners = *args->partners;
	node->realm = (struct realm){.lease = &node->lease, .partners = &node->partners};
	node->started_ms = node->timers->now_ms;
	if (make_links(node) != 0 || make_parts(node, args->sip) != 0) {
		node_free(node);
		return NULL;
	}
	return node;
}

void node_free(struct node *node)
{
	if (node == NULL)
		return;
	node_ping_stop(node);
	relays_drop_all(node->relays); /* goodbyes are node_stop's business */
	exits_free(node->exits);
	resolver_free(node->resolver);
	sipwatch_free(node->sipwatch);
	tunnels_free(node->tunnels);
	partners_pull_free(node->pull);
	dclink_free(node->dclink);
	ntm_links_free(node->links);
	relays_free(node->relays);
	ntm_wipe(&node->lease, sizeof(node->lease));
	free(node);
}

void node_start(struct node *node)
{
	int err = dclink_start(node->dclink);

	if (err != 0)
		ntm_err("cannot open the link to the DC: %s", strerror(-err));
	exits_on_realm(node->exits);
}

void node_stop(struct node *node)
{
	node_ping_stop(node);
	sipwatch_flush(node->sipwatch);
	tunnels_stop(node->tunnels);
	partners_pull_stop(node->pull);
	dclink_stop(node->dclink);
}

void node_udp_input(struct node *node, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	if (ntm_is_relay_frame(pkt->data, pkt->len))
		relays_input(node->relays, from, pkt);
	else
		ntm_links_input(node->links, from, pkt);
}

void node_upstream_answer(struct node *node, uint16_t slot, const uint8_t *answer, size_t len)
{
	resolver_answer(node->resolver, slot, answer, len);
}

void node_exits_routed(struct node *node, uint32_t generation, const char *words)
{
	exits_on_routed(node->exits, generation, words);
	if (words == NULL)
		resolver_on_routed(node->resolver, generation);
}

void node_addrs_changed(struct node *node)
{
	if (dclink_addrs_changed(node->dclink))
		relays_moved(node->relays);
}

const struct node_lease *node_lease(const struct node *node)
{
	return &node->lease;
}

const struct partners *node_partners(const struct node *node)
{
	return &node->partners;
}

bool node_is_registered(const struct node *node)
{
	return ntm_uplink_is_registered(dclink_uplink(node->dclink));
}
