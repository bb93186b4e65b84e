/* SPDX-License-Identifier: BSD-2-Clause */
/* A relay at its DC: reports, and is told what the DC wants. */
#include "relay_priv.h"

#include "ntm/log.h"

/* At least so often, whatever the DC wants. */
#define REPORT_S_MAX 60

static void fill(void *ctx, struct ntm_msg *msg)
{
	struct relay *relay = ctx;

	msg->type = NTM_MSG_RELAY_REGISTER;
	relay_fill_report(relay, &msg->relay_register);
	msg->relay_register.boot_id = ntm_uplink_boot_id(relay->uplink);
}

static void on_direction(void *ctx, const struct ntm_msg *reply)
{
	struct relay *relay = ctx;
	const struct ntm_msg_relay_direction *direction = &reply->relay_direction;
	int64_t report_s = direction->report_s < REPORT_S_MAX ? direction->report_s : REPORT_S_MAX;
	char seen[NTM_ADDR_STR];

	relay_take_direction(relay, direction);
	if (ntm_uplink_registered(relay->uplink, &direction->reflexive, report_s * 1000))
		ntm_info("registered at the DC as %s, seen from %s", relay->lease.fqdn,
			 ntm_addr_str(&direction->reflexive, seen));
}

static void on_request(void *ctx, const struct ntm_msg *msg)
{
	struct relay *relay = ctx;
	struct ntm_msg reply = {.type = NTM_MSG_RELAY_ACK,
				.relay_ack.boot_id = ntm_uplink_boot_id(relay->uplink)};

	if (msg->type != NTM_MSG_RELAY_DIRECTION)
		return;
	relay_take_direction(relay, &msg->relay_direction);
	(void)ntm_ctl_reply(ntm_uplink_ctl(relay->uplink), msg, &reply); /* the DC asks again */
}

struct ntm_uplink *relay_dc_uplink_new(struct relay *relay)
{
	static const struct ntm_uplink_ops ops = {.fill = fill,
						  .answer = on_direction,
						  .request = on_request};
	const struct ntm_uplink_args args = {
		.links = relay->links,
		.timers = relay->timers,
		.purpose = NTM_PURPOSE_RELAY,
		.dc_key = relay->lease.dc_key,
		.dc = relay->lease.dc,
		.meanwhile = "flows go on, and so do tickets that nodes have",
		.ops = &ops,
		.ctx = relay,
	};

	return ntm_uplink_new(&args);
}

json_t *relay_dc_json(const struct relay *relay)
{
	struct ntm_uplink_facts facts;

	ntm_uplink_facts(relay->uplink, &facts);
	json_t *json = json_pack("{s:s, s:s, s:I}", "state", facts.state, "address", facts.dc,
				 "rtt_ms", (json_int_t)facts.rtt_ms);
	if (json == NULL || facts.registered_s < 0)
		return json;
	json_object_set_new(json, "seen_from", json_string(facts.seen));
	json_object_set_new(json, "registered_s", json_integer(facts.registered_s));
	return json;
}
