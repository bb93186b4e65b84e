/* SPDX-License-Identifier: BSD-2-Clause */
/* Relays of a direction: of our domain, and of the other node's domain. */
#include "direction_priv.h"

#include <string.h>

/* A flow through a relay of ours that another domain's node uses counts for that domain. */
static uint32_t account_of(const struct direction *direction, const struct side *side)
{
	const struct foreign *foreign =
		side_is_foreign(side) ? foreign_by_domain(direction->dc, side->domain) : NULL;

	return foreign ? foreign->relay_account : 0;
}

static struct fleet_wish wish_of(const struct direction *direction)
{
	const struct side *mn = &direction->mn, *cn = &direction->cn;

	return (struct fleet_wish){.mn = &mn->card.place,
				   .cn = &cn->card.place,
				   .account_mn = account_of(direction, mn),
				   .account_cn = account_of(direction, cn),
				   .count = NTM_MSG_RELAYS};
}

static void note_holder(struct direction *direction, const struct side *side, uint64_t slots)
{
	struct registry_node *node = side_is_foreign(side) ? NULL : side_record(direction, side);

	if (node)
		node->relays |= slots;
}

static void append(struct ntm_relay_list *list, const struct ntm_relay_offer *offer)
{
	if (list->count < NTM_MSG_RELAYS)
		list->item[list->count++] = *offer;
}

/* Leaves of another DC's offer what our node can send to. False: nothing. */
static bool clean_offer(const struct direction *direction, const struct side *ours,
			struct ntm_relay_offer *offer)
{
	const struct registry_node *node = side_record(direction, ours);
	bool reaches = false;

	for (size_t i = 0; i < 2 && node; i++) {
		struct ntm_addr_list one = {.count = 1, .item = {offer->addr[i]}};

		if (offer->addr[i].ip.family == 0)
			continue;
		direction_drop_virtual(direction->dc, &one);
		if (one.count == 0)
			offer->addr[i] = (struct ntm_addr){.port = 0};
		else
			reaches |= route_has_family(&node->card, offer->addr[i].ip.family);
	}
	return reaches;
}

/* ---- as DC_CN, and when both nodes are ours ---- */

/* The first of DC_MN's and one of ours; two of either when the other has none. */
static void find_of_both(struct direction *direction)
{
	struct side *mn = &direction->mn, *cn = &direction->cn;
	struct ntm_relay_list theirs = direction->offer_cn, ours = {.count = 0};
	struct fleet_wish wish = wish_of(direction);
	uint8_t usable = 0, kept = 0;

	while (usable < theirs.count && clean_offer(direction, cn, &theirs.item[usable]))
		usable++;
	wish.count = usable > 0 ? NTM_MSG_RELAYS - 1 : NTM_MSG_RELAYS;
	note_holder(direction, cn, fleet_offer(direction->dc, &wish, &mn->route.relays, &ours));
	for (; kept < usable && kept + ours.count < NTM_MSG_RELAYS; kept++)
		append(&cn->route.relays, &theirs.item[kept]);
	for (uint8_t i = 0; i < ours.count; i++)
		append(&cn->route.relays, &ours.item[i]);
	direction->relays_kept = kept;
	ntm_wipe(&theirs, sizeof(theirs));
	ntm_wipe(&ours, sizeof(ours));
}

bool direction_find_relays(struct direction *direction, bool needed)
{
	struct side *mn = &direction->mn, *cn = &direction->cn;
	struct fleet_wish wish;
	uint64_t slots;

	if (side_is_foreign(cn)) /* its DC has decided: direction_take_relays */
		return mn->route.relays.count > 0;
	mn->route.relays.count = 0;
	cn->route.relays.count = 0;
	direction->relays_kept = 0;
	if (needed && side_is_foreign(mn)) {
		find_of_both(direction);
	} else if (needed) {
		wish = wish_of(direction);
		slots = fleet_offer(direction->dc, &wish, &mn->route.relays, &cn->route.relays);
		note_holder(direction, mn, slots);
		note_holder(direction, cn, slots);
	}
	return cn->route.relays.count > 0;
}

/* ---- as DC_MN ---- */

/* Whatever CN is like: an open node that speaks both families needs none, but where CN has only
 * IPv6, and then CN's DC has one. */
static bool may_need_relay(const struct route_card *mn)
{
	return !route_is_open(mn) || !route_has_family(mn, 6);
}

void direction_offer_relays(struct direction *direction, struct registry_node *mn)
{
	struct fleet_wish wish = wish_of(direction);

	direction->offer_mn.count = 0;
	direction->offer_cn.count = 0;
	if (!may_need_relay(&mn->card))
		return;
	wish.mn = &mn->card;
	wish.cn = NULL;
	mn->relays |= fleet_offer(direction->dc, &wish, &direction->offer_mn, &direction->offer_cn);
}

/* Another ask of MN for the same peer, by another name of it, whose offers CN has got. */
static const struct direction *find_twin(const struct direction *direction,
					 const uint8_t pair[static NTM_PAIR_LEN])
{
	const struct side *mn = &direction->mn, *cn = &direction->cn;
	const struct direction *twin =
		direction_of_pair(&direction->dc->directions, mn->key, cn->key, cn->domain);
	bool is_twin = twin && twin != direction &&
		       memcmp(twin->mn.route.pair, pair, NTM_PAIR_LEN) == 0 &&
		       memcmp(twin->mn.key, mn->key, NTM_KEY_LEN) == 0;

	return is_twin ? twin : NULL;
}

bool direction_take_relays(struct direction *direction,
			   const struct ntm_msg_information_response *info)
{
	struct side *mn = &direction->mn, *cn = &direction->cn;
	const struct direction *twin = find_twin(direction, info->pair);

	mn->route.relays.count = 0;
	cn->route.relays.count = 0;
	if (info->relays_kept > direction->offer_mn.count)
		return false;
	if (twin) {
		mn->route.relays = twin->mn.route.relays;
		return true;
	}
	for (uint8_t i = 0; i < info->relays_kept; i++) {
		append(&mn->route.relays, &direction->offer_mn.item[i]);
		append(&cn->route.relays, &direction->offer_cn.item[i]);
	}
	for (uint8_t i = 0; i < info->relays.count; i++) {
		struct ntm_relay_offer offer = info->relays.item[i];

		if (clean_offer(direction, mn, &offer))
			append(&mn->route.relays, &offer);
	}
	return true;
}
