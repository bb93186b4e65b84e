/* SPDX-License-Identifier: BSD-2-Clause */
/* Which relays a flow gets, and the tickets that admit both nodes to them. */
#include "dc_priv.h"

#include "ntm/relay.h"

#include <stdio.h>
#include <string.h>

/* A relay that may be taken; the lower rank is the better one. */
struct choice {
	struct fleet_relay *relay;
	uint64_t rank;
};

/* ---- choosing ---- */

/* Sends to the DC by a family of the relay; or has an address of one, which may lead nowhere. */
static bool reaches(const struct route_card *card, const struct fleet_relay *relay, bool *is_sure)
{
	bool reaches = false;

	for (size_t i = 0; i < 2; i++) {
		uint8_t family = relay->addr[i].ip.family;

		if (family == 0)
			continue;
		reaches |= route_has_family(card, family);
		*is_sure |= card->reflexive.ip.family == family;
	}
	return reaches;
}

/* Of a thousand, of flows or bits, whichever is more. */
static uint64_t load_of(const struct fleet_relay *relay)
{
	const struct ntm_msg_relay_register *report = &relay->report;
	uint64_t flows = ((uint64_t)report->flows + relay->given) * 1000 / report->flows_max;
	uint64_t bits =
		report->kbit_s_max > 0 ? (uint64_t)report->kbit_s * 1000 / report->kbit_s_max : 0;
	uint64_t load = flows > bits ? flows : bits;

	return load < 1000 ? load : 1000;
}

/* False: it cannot be taken. */
static bool rank(struct fleet_relay *relay, const struct fleet_wish *wish, struct choice *out)
{
	bool is_dual = relay->addr[0].ip.family != 0 && relay->addr[1].ip.family != 0;
	bool mn_sure = false, cn_sure = false;
	uint32_t dice;

	if (fleet_state(relay) != FLEET_HEALTHY || !reaches(wish->mn, relay, &mn_sure))
		return false;
	if (!wish->cn)
		cn_sure = is_dual;
	else if (!reaches(wish->cn, relay, &cn_sure))
		return false;
	ntm_random(&dice, sizeof(dice));
	out->relay = relay;
	out->rank = (uint64_t)(!mn_sure + !cn_sure) << 48 | load_of(relay) << 32 | dice;
	return true;
}

static size_t choose(struct dc *dc, const struct fleet_wish *wish,
		     struct choice best[static NTM_MSG_RELAYS])
{
	struct choice choice;
	size_t count = 0;

	for (struct fleet_relay *relay = dc->fleet.first; relay; relay = relay->next) {
		size_t at;

		if (!rank(relay, wish, &choice))
			continue;
		if (count < wish->count)
			count++;
		else if (best[count - 1].rank <= choice.rank)
			continue;
		for (at = count - 1; at > 0 && best[at - 1].rank > choice.rank; at--)
			best[at] = best[at - 1];
		best[at] = choice;
	}
	return count;
}

/* ---- tickets ---- */

static struct ntm_relay_offer *append(struct ntm_relay_list *list, const struct fleet_relay *relay,
				      uint64_t flow)
{
	struct ntm_relay_offer *offer = &list->item[list->count++];

	*offer = (struct ntm_relay_offer){.addr = {relay->addr[0], relay->addr[1]}, .flow = flow};
	return offer;
}

static void seal(const struct fleet_relay *relay, uint8_t side, uint32_t account,
		 struct ntm_relay_offer *offer)
{
	const struct dc *dc = relay->dc;
	int64_t now_s = dc_now_s(dc);
	int64_t lifetime_s = dc->settings.pair_lifetime_s;
	struct ntm_ticket_key key =
		ntm_ticket_key_make(dc->sec, relay->who.key, now_s / NTM_TICKET_DAY_S);
	struct ntm_ticket ticket = {.flow = offer->flow,
				    .side = side,
				    .kbit_s = dc->settings.relay_flow_kbit,
				    .account = account};

	/* The relay knows a day's key until the end of the day after it. */
	if (lifetime_s > NTM_TICKET_DAY_S)
		lifetime_s = NTM_TICKET_DAY_S;
	ticket.expires_s = now_s + lifetime_s;
	ntm_random(ticket.bind_key, sizeof(ticket.bind_key));
	memcpy(offer->bind_key, ticket.bind_key, sizeof(offer->bind_key));
	ntm_ticket_seal(&ticket, &key, relay->who.key, offer->ticket);
	ntm_wipe(&ticket, sizeof(ticket));
	ntm_wipe(&key, sizeof(key));
}

uint64_t fleet_offer(struct dc *dc, const struct fleet_wish *wish, struct ntm_relay_list *to_mn,
		     struct ntm_relay_list *to_cn)
{
	struct choice best[NTM_MSG_RELAYS];
	size_t count = choose(dc, wish, best);
	uint64_t slots = 0;

	for (size_t i = 0;
	     i < count && to_mn->count < NTM_MSG_RELAYS && to_cn->count < NTM_MSG_RELAYS; i++) {
		struct fleet_relay *relay = best[i].relay;
		uint64_t flow;

		ntm_random(&flow, sizeof(flow));
		seal(relay, 0, wish->account_mn, append(to_mn, relay, flow));
		seal(relay, 1, wish->account_cn, append(to_cn, relay, flow));
		relay->given++;
		slots |= UINT64_C(1) << relay->slot;
	}
	return slots;
}

/* ---- none ---- */

static void on_relay(void *arg, int err, const struct store_node *who)
{
	size_t *count = arg;

	*count += err == 0 && who && who->revoked_s == 0;
}

const char *fleet_missing(struct dc *dc, char words[static NTM_MSG_WORDS])
{
	size_t set_up = 0, there = 0, healthy = 0;

	for (const struct fleet_relay *relay = dc->fleet.first; relay; relay = relay->next) {
		enum fleet_state state = fleet_state(relay);

		there += state != FLEET_SILENT;
		healthy += state == FLEET_HEALTHY;
	}
	dc->fleet.missed++;
	store_node_list(dc->store, STORE_RELAY, on_relay, &set_up);
	if (set_up == 0)
		snprintf(words, NTM_MSG_WORDS, "none is set up (ntm-dc relay add)");
	else if (there == 0)
		snprintf(words, NTM_MSG_WORDS, "none of the %zu relays answers", set_up);
	else if (healthy == 0)
		snprintf(words, NTM_MSG_WORDS, "none of the %zu relays takes a new flow", set_up);
	else
		snprintf(words, NTM_MSG_WORDS, "none of the %zu relays is where both can send to",
			 set_up);
	return words;
}
