/* SPDX-License-Identifier: BSD-2-Clause */
/* The Direction Coordinator: its parts put together, and what comes in handed to them. */
#include "dc_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PURGE_FIRST_MS (10 * INT64_C(60000))
#define PURGE_EVERY_MS (24 * 60 * INT64_C(60000))

const struct dc_settings dc_settings_default = {
	.cert_lifetime_s = 7 * 24 * 3600,
	.keepalive_s = 25,
	.lifetime_s = 120,
	.pair_lifetime_s = 24 * 3600,
	.relay_account_flows = 200,
	.relay_account_kbit = 50000,
	.link_times = {.rekey_ms = 120000,
		       .reject_ms = 180000,
		       .retry_ms = 5000,
		       .passive_keepalive_ms = 10000,
		       .silence_ms = 15000},
};

/* Makes room for the newest one. What one subject has to say, strangers say, does not push out what
 * all others have: of half of the places its own oldest goes. */
static struct dc_error *error_new(struct dc *dc, const struct ntm_log_gate *gate)
{
	size_t place = 0, of_gate = 0;

	while (place < dc->error_count) {
		if (dc->error[place].gate == gate && ++of_gate == DC_ERRORS_OF_ONE)
			break;
		place++;
	}
	if (place == DC_ERRORS)
		place--;
	else if (place == dc->error_count)
		dc->error_count++;
	memmove(&dc->error[1], &dc->error[0], place * sizeof(dc->error[0]));
	return &dc->error[0];
}

void dc_complain(struct dc *dc, struct ntm_log_gate *gate, const char *fmt, ...)
{
	struct dc_error *error = error_new(dc, gate);
	const char *words = error->words;
	va_list args;

	va_start(args, fmt);
	vsnprintf(error->words, sizeof(error->words), fmt, args);
	va_end(args);
	error->wall_s = dc_now_s(dc);
	error->gate = gate;
	if (!ntm_log_gate_open(gate, dc_now_ms(dc)))
		ntm_debug("%s", words);
	else if (gate->suppressed > 0)
		ntm_info("%s (kept back before: %u)", words, (unsigned)gate->suppressed);
	else
		ntm_info("%s", words);
}

/* ---- links ---- */

static void on_send(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	struct dc *dc = ctx;

	dc->ops.udp_send(dc->ctx, to, frame, len);
}

/* Whose link it is, is looked up by its key each time: the record may be gone, and the link of a
 * handshake under way not known to it yet. */
static struct registry_node *node_of(struct dc *dc, const struct ntm_link *link)
{
	return registry_by_key(&dc->registry, ntm_link_remote_static(link));
}

static struct fleet_relay *relay_of(const struct dc *dc, const struct ntm_link *link)
{
	return fleet_by_key(dc, ntm_link_remote_static(link));
}

static bool is_foreign(const struct ntm_link *link)
{
	return ntm_link_purpose(link) == NTM_PURPOSE_DC;
}

static bool is_relay(const struct ntm_link *link)
{
	return ntm_link_purpose(link) == NTM_PURPOSE_RELAY;
}

/* Nobody's any more. */
static void end_link(struct ntm_link *link)
{
	ntm_link_close(link, DC_CLOSE_UNKNOWN);
	ntm_link_free(link);
}

/* ---- links of relays ---- */

static void relay_up(struct dc *dc, struct ntm_link *link, bool fresh)
{
	struct fleet_relay *relay = relay_of(dc, link);

	if (relay)
		fleet_on_up(relay, link, fresh);
	else /* revoked between the INITIATION and now */
		end_link(link);
}

static void relay_down(struct dc *dc, struct ntm_link *link)
{
	struct fleet_relay *relay = relay_of(dc, link);

	if (relay && relay->link == link)
		fleet_on_down(relay);
	ntm_link_free(link);
}

/* Of a node or relay. */
static void control_input(struct dc *dc, struct ntm_ctl *ctl, const struct ntm_pkt *pkt)
{
	if (pkt->data[0] != NTM_CTL_KIND)
		dc->counters.not_control++;
	else if (ntm_ctl_input(ctl, pkt->data, pkt->len) != 0)
		dc->counters.malformed++;
}

/* ---- all links ---- */

static void on_up(void *ctx, struct ntm_link *link, void *owner, bool fresh)
{
	struct dc *dc = ctx;
	struct registry_node *node;

	if (is_foreign(link)) {
		foreign_on_up(owner, link, fresh);
		return;
	}
	if (is_relay(link)) {
		relay_up(dc, link, fresh);
		return;
	}
	node = node_of(dc, link);
	if (!node) /* it was not its INITIATION that began the link */
		node = recall_found(dc, link);
	if (node)
		registry_on_up(node, link, fresh);
	else /* revoked between the INITIATION and now */
		end_link(link);
}

static void on_down(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why)
{
	struct dc *dc = ctx;
	struct registry_node *node;

	if (is_foreign(link)) {
		foreign_on_down(owner, link, why);
		return;
	}
	if (is_relay(link)) {
		relay_down(dc, link);
		return;
	}
	node = node_of(dc, link);
	if (node && node->link == link)
		registry_on_down(node);
	/* The next INITIATION is judged by the store again. */
	ntm_link_free(link);
}

static void on_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	struct dc *dc = ctx;
	struct registry_node *node;
	struct fleet_relay *relay;

	if (is_foreign(link)) {
		foreign_on_input(owner, pkt);
	} else if (is_relay(link)) {
		relay = relay_of(dc, link);
		if (relay)
			control_input(dc, relay->ctl, pkt);
	} else {
		node = node_of(dc, link);
		if (node)
			control_input(dc, node->ctl, pkt);
	}
}

static void on_moved(void *ctx, struct ntm_link *link, void *owner, const struct ntm_addr *to)
{
	struct registry_node *node;
	struct foreign *foreign = owner;

	if (is_foreign(link)) {
		foreign->last_good = *to;
	} else if (!is_relay(link)) { /* its next report tells */
		node = node_of(ctx, link);
		if (node)
			registry_on_moved(node);
	}
}

/* ---- requests ---- */

void dc_pong(struct ntm_ctl *ctl, const struct ntm_link *link, const struct ntm_msg *req)
{
	struct ntm_msg reply = {.type = NTM_MSG_PONG};

	memcpy(reply.pong.token, req->ping.token, sizeof(reply.pong.token));
	reply.pong.seen = *ntm_link_remote(link);
	(void)ntm_ctl_reply(ctl, req, &reply);
}

static void on_resolve(struct registry_node *node, const struct ntm_msg *req)
{
	struct ntm_msg reply = {.type = NTM_MSG_RESOLVED};
	size_t len = zone_answer(node->dc->zone, req->resolve.data, req->resolve.len, ZONE_TCP,
				 reply.resolved.data, sizeof(reply.resolved.data));

	if (len == 0)
		return;
	node->dc->counters.resolved++;
	reply.resolved.len = (uint16_t)len;
	(void)ntm_ctl_reply(node->ctl, req, &reply);
}

void dc_on_request(void *ctx, const struct ntm_msg *req)
{
	struct registry_node *node = ctx;

	switch (req->type) {
	case NTM_MSG_REGISTER:
		register_on_request(node, req);
		break;
	case NTM_MSG_DIRECTION_REQUEST:
		direction_on_request(node, req);
		break;
	case NTM_MSG_PING:
		dc_pong(node->ctl, node->link, req);
		break;
	case NTM_MSG_RESOLVE:
		on_resolve(node, req);
		break;
	case NTM_MSG_PARTNERS:
		introduce_on_request(node, req);
		break;
	default: /* what only a DC may send */
		node->dc->counters.malformed++;
		break;
	}
}

/* ---- life ---- */

static void on_purged(void *arg, int err)
{
	struct dc *dc = arg;

	if (err)
		dc_complain(dc, &dc->store_gate, "the store was not tidied: %s",
			    store_words(dc->store));
}

static void on_purge(void *arg)
{
	struct dc *dc = arg;

	store_purge(dc->store, dc_now_s(dc), on_purged, dc);
	ntm_timer_set(dc->timers, &dc->purge, PURGE_EVERY_MS);
}

struct dc *dc_new(const struct dc_args *args)
{
	static const struct ntm_links_ops ops = {
		.send = on_send,
		.accept = accept_on_request,
		.hello = foreign_hello,
		.verify = foreign_verify,
		.up = on_up,
		.down = on_down,
		.input = on_input,
		.moved = on_moved,
	};
	struct dc *dc = calloc(1, sizeof(*dc));
	struct ntm_links_args links_args = {.ops = &ops,
					    .ctx = dc,
					    .keys = args->keys,
					    .timers = args->timers,
					    .times = &args->settings->link_times};

	if (!dc)
		return NULL;
	dc->ops = *args->ops;
	dc->ctx = args->ctx;
	dc->timers = args->timers;
	dc->settings = *args->settings;
	dc->root = *args->root;
	memcpy(dc->pub, args->keys->pub, sizeof(dc->pub));
	memcpy(dc->sec, args->keys->sec, sizeof(dc->sec));
	dc->store = args->store;
	dc->identity = (struct identity){.store = dc->store,
					 .settings = &dc->settings,
					 .root = &dc->root,
					 .key = dc->pub};
	dc->zone = args->zone;
	dc->start_ms = dc_now_ms(dc);
	ntm_timer_init(&dc->purge, on_purge, dc);
	recall_init(dc);
	dc->links = ntm_links_new(&links_args);
	if (!dc->links || registry_init(&dc->registry) != 0 ||
	    direction_init(&dc->directions) != 0 || foreign_init(dc) != 0 ||
	    revoke_sync(dc) == -ENOMEM || dc_trust_changed(dc) != 0) {
		dc_free(dc);
		return NULL;
	}
	ntm_timer_set(dc->timers, &dc->purge, PURGE_FIRST_MS);
	recall_start(dc);
	return dc;
}

void dc_free(struct dc *dc)
{
	if (!dc)
		return;
	ntm_timer_del(dc->timers, &dc->purge);
	recall_stop(dc);
	registry_fini(&dc->registry);
	fleet_fini(dc);
	direction_fini(dc);
	foreign_fini(dc);
	revoke_fini(&dc->revocations);
	ntm_links_free(dc->links);
	ntm_wipe(&dc->root, sizeof(dc->root));
	ntm_wipe(dc->sec, sizeof(dc->sec));
	free(dc);
}

void dc_udp_input(struct dc *dc, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	ntm_links_input(dc->links, from, pkt);
}

bool dc_is_online(const struct dc *dc, const char *fqdn)
{
	const struct registry_node *node = registry_by_name(&dc->registry, fqdn);

	return node && registry_is_online(node);
}

size_t dc_online_count(const struct dc *dc)
{
	const struct registry_node *node;
	size_t count = 0;
	size_t pos = 0;

	while ((node = registry_next(&dc->registry, &pos)))
		count += registry_is_online(node);
	return count;
}
