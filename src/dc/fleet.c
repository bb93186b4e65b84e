/* SPDX-License-Identifier: BSD-2-Clause */
/* The relays that are there: their sessions and reports, and what nodes hear of a restart. */
#include "dc_priv.h"

#include "ntm/relay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Each session and each change of it reports at once, besides the usual ones. */
#define REPORT_RATE_PER_S 5
#define REPORT_BURST      20

/* security.md A2: so often in that time nodes are told of a relay's restarts. A key on two hosts
 * starts anew with every report. */
#define RESTARTS_TOLD 5
#define RESTARTS_MS   60000

struct fleet_relay *fleet_by_key(const struct dc *dc, const uint8_t key[static NTM_KEY_LEN])
{
	struct fleet_relay *relay = dc->fleet.first;

	while (relay && memcmp(relay->who.key, key, NTM_KEY_LEN) != 0)
		relay = relay->next;
	return relay;
}

static struct fleet_relay *by_name(const struct dc *dc, const char *fqdn)
{
	struct fleet_relay *relay = dc->fleet.first;

	while (relay && strcmp(relay->who.fqdn, fqdn) != 0)
		relay = relay->next;
	return relay;
}

enum fleet_state fleet_state(const struct fleet_relay *relay)
{
	if (!relay->registered || !relay->link || ntm_link_state(relay->link) != NTM_LINK_UP)
		return FLEET_SILENT;
	if (relay->report.draining)
		return FLEET_DRAINING;
	return (uint64_t)relay->report.flows + relay->given >= relay->report.flows_max
		       ? FLEET_FULL
		       : FLEET_HEALTHY;
}

/* ---- records ---- */

static void set_gone(struct fleet_relay *relay, const char *why)
{
	ntm_timer_del(relay->dc->timers, &relay->silence);
	if (!relay->registered)
		return;
	relay->registered = false;
	ntm_info("relay=%s is gone: %s", relay->who.fqdn, why);
}

static void on_silence(void *arg)
{
	set_gone(arg, "it does not report any more");
}

/* The lowest that is free; when there are too many relays they share the last: nodes hear of more
 * restarts then, and look for bindings that they do not have. */
static unsigned free_slot(const struct dc *dc)
{
	uint64_t taken = 0;
	unsigned slot = 0;

	for (const struct fleet_relay *relay = dc->fleet.first; relay; relay = relay->next)
		taken |= UINT64_C(1) << relay->slot;
	while (slot < FLEET_SLOTS - 1 && (taken >> slot & 1) != 0)
		slot++;
	return slot;
}

static void free_relay(struct fleet_relay *relay)
{
	ntm_timer_del(relay->dc->timers, &relay->silence);
	ntm_ctl_free(relay->ctl);
	free(relay);
}

void fleet_fini(struct dc *dc)
{
	while (dc->fleet.first) {
		struct fleet_relay *relay = dc->fleet.first;

		dc->fleet.first = relay->next;
		free_relay(relay);
	}
}

void fleet_drop(struct fleet_relay *relay)
{
	struct fleet_relay **at = &relay->dc->fleet.first;

	while (*at != relay)
		at = &(*at)->next;
	*at = relay->next;
	if (relay->link) {
		ntm_link_close(relay->link, DC_CLOSE_REVOKED);
		ntm_link_free(relay->link);
	}
	free_relay(relay);
}

void fleet_drop_key(struct dc *dc, const uint8_t key[static NTM_KEY_LEN])
{
	struct fleet_relay *relay = fleet_by_key(dc, key);

	if (relay)
		fleet_drop(relay);
}

static void on_request(void *ctx, const struct ntm_msg *req);

struct fleet_relay *fleet_add(struct dc *dc, const struct store_node *who)
{
	struct fleet_relay *relay = fleet_by_key(dc, who->key);
	struct fleet_relay *former = by_name(dc, who->fqdn);
	struct ntm_ctl_args args = {.timers = dc->timers, .on_request = on_request};

	if (relay)
		return relay;
	if (former)
		fleet_drop(former);
	relay = calloc(1, sizeof(*relay));
	if (!relay)
		return NULL;
	args.ctx = relay;
	relay->dc = dc;
	relay->who = *who;
	relay->slot = free_slot(dc);
	relay->ctl = ntm_ctl_new(&args);
	if (!relay->ctl) {
		free(relay);
		return NULL;
	}
	ntm_timer_init(&relay->silence, on_silence, relay);
	ntm_bucket_init(&relay->bucket, REPORT_RATE_PER_S, REPORT_BURST, dc_now_ms(dc));
	relay->next = dc->fleet.first;
	dc->fleet.first = relay;
	return relay;
}

void fleet_on_up(struct fleet_relay *relay, struct ntm_link *link, bool fresh)
{
	relay->link = link;
	ntm_ctl_set_link(relay->ctl, link);
	if (fresh)
		ntm_ctl_kick(relay->ctl, 0);
}

void fleet_on_down(struct fleet_relay *relay)
{
	relay->link = NULL;
	ntm_ctl_set_link(relay->ctl, NULL);
	set_gone(relay, "its session has ended");
	ntm_ctl_reset(relay->ctl);
}

/* ---- reports ---- */

/* The one that we see; in the other family the first of its own, unless we see it on the Internet
 * and that one is not of it. */
static struct ntm_addr choose_addr(const struct fleet_relay *relay, uint8_t family)
{
	const struct ntm_addr_list *own = &relay->report.own;
	bool may_be_private = ntm_ip_is_private(&relay->reflexive.ip);

	if (relay->reflexive.ip.family == family && ntm_ip_is_usable(&relay->reflexive.ip))
		return relay->reflexive;
	for (uint8_t i = 0; i < own->count; i++)
		if (own->item[i].ip.family == family &&
		    (may_be_private || !ntm_ip_is_private(&own->item[i].ip)))
			return own->item[i];
	return (struct ntm_addr){.port = 0};
}

static void add_addrs(struct ntm_addr_list *list, const struct ntm_addr addr[static 2])
{
	for (size_t i = 0; i < 2; i++)
		if (addr[i].ip.family != 0)
			list->item[list->count++] = addr[i];
}

/* Its bindings are gone: who has tickets for it binds anew at once. */
static void tell_restart(struct fleet_relay *relay, const struct ntm_addr before[static 2])
{
	struct ntm_msg msg = {.type = NTM_MSG_RELAY_RESTARTED};
	struct registry_node *node;
	unsigned told = 0;
	size_t pos = 0;

	add_addrs(&msg.relay_restarted.addrs, before);
	while ((node = registry_next(&relay->dc->registry, &pos))) {
		if ((node->relays >> relay->slot & 1) == 0 || !node->registered)
			continue;
		(void)ntm_ctl_tell(node->ctl, &msg);
		told++;
	}
	ntm_info("relay=%s has started anew, nodes told of it: %u", relay->who.fqdn, told);
}

static bool may_tell_restart(struct fleet_relay *relay)
{
	int64_t now_ms = dc_now_ms(relay->dc);

	if (now_ms - relay->restarts_ms >= RESTARTS_MS) {
		relay->restarts_ms = now_ms;
		relay->restarts = 0;
	}
	relay->restarts++;
	if (relay->restarts == RESTARTS_TOLD + 1)
		dc_complain(relay->dc, &relay->restart_gate,
			    "relay=%s starts anew all the time, nodes are not told of it: does "
			    "another host run with a copy of its key? (ntm-dc relay add makes it a "
			    "relay of its own)",
			    relay->who.fqdn);
	return relay->restarts <= RESTARTS_TOLD;
}

static void log_place(const struct fleet_relay *relay)
{
	const struct ntm_addr *v4 = &relay->addr[0], *v6 = &relay->addr[1];
	bool has_both = v4->ip.family != 0 && v6->ip.family != 0;
	char first[NTM_ADDR_STR], second[NTM_ADDR_STR];

	if (v4->ip.family + v6->ip.family == 0)
		ntm_info("relay=%s is there, but at no address that nodes can send to",
			 relay->who.fqdn);
	else
		ntm_info("relay=%s is there at=%s%s%s", relay->who.fqdn,
			 ntm_addr_str(v4->ip.family != 0 ? v4 : v6, first), has_both ? " and " : "",
			 has_both ? ntm_addr_str(v6, second) : "");
}

static void take_report(struct fleet_relay *relay, const struct ntm_msg_relay_register *report)
{
	const struct dc *dc = relay->dc;
	bool restarted = relay->reported_ms != 0 && relay->report.boot_id != report->boot_id;
	const struct ntm_addr before[2] = {relay->addr[0], relay->addr[1]};

	relay->report = *report;
	route_filter(&relay->report.own, &dc->settings.prefix4, &dc->settings.prefix6);
	relay->reflexive = *ntm_link_remote(relay->link);
	relay->addr[0] = choose_addr(relay, 4);
	relay->addr[1] = choose_addr(relay, 6);
	relay->given = 0;
	relay->reported_ms = dc_now_ms(dc);
	ntm_timer_set(dc->timers, &relay->silence, FLEET_SILENT_MS);
	if (!relay->registered) {
		relay->registered = true;
		log_place(relay);
	}
	if (restarted && before[0].ip.family + before[1].ip.family > 0 && may_tell_restart(relay))
		tell_restart(relay, before);
	if (fleet_state(relay) == FLEET_HEALTHY)
		relay->dc->fleet.missed = 0;
}

static void answer(struct fleet_relay *relay, const struct ntm_msg *req)
{
	const struct dc *dc = relay->dc;
	struct ntm_msg reply = {.type = NTM_MSG_RELAY_DIRECTION};
	struct ntm_msg_relay_direction *body = &reply.relay_direction;
	int64_t today = dc_now_s(dc) / NTM_TICKET_DAY_S;

	body->reflexive = relay->reflexive;
	for (int64_t day = today - 1; day <= today + 1; day++)
		body->keys.item[body->keys.count++] =
			ntm_ticket_key_make(dc->sec, relay->who.key, day);
	body->report_s = FLEET_REPORT_S;
	body->account_flows = dc->settings.relay_account_flows;
	body->account_kbit_s = dc->settings.relay_account_kbit;
	body->cert = relay->cert.blob;
	(void)ntm_ctl_reply(relay->ctl, req, &reply);
	ntm_wipe(&reply, sizeof(reply));
}

static void on_register(struct fleet_relay *relay, const struct ntm_msg *req)
{
	struct dc *dc = relay->dc;

	if (!ntm_bucket_take(&relay->bucket, dc_now_ms(dc))) {
		dc->counters.limited++;
		return;
	}
	if (!register_renew(dc, &relay->who, &relay->cert))
		return; /* it asks again */
	take_report(relay, &req->relay_register);
	answer(relay, req);
}

static void on_request(void *ctx, const struct ntm_msg *req)
{
	struct fleet_relay *relay = ctx;

	if (!relay->link)
		return;
	if (req->type == NTM_MSG_RELAY_REGISTER)
		on_register(relay, req);
	else
		relay->dc->counters.malformed++;
}
