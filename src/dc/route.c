/* SPDX-License-Identifier: BSD-2-Clause */
/* Which path two nodes get: the rows of design.md 7. */
#include "route.h"

static void add_addr(struct ntm_addr_list *list, const struct ntm_addr *addr)
{
	if (list->count < NTM_MSG_ADDRS && !ntm_addr_list_has_addr(list, addr))
		list->item[list->count++] = *addr;
}

bool route_same_card(const struct route_card *a, const struct route_card *b)
{
	return ntm_addr_eq(&a->reflexive, &b->reflexive) && ntm_addr_list_eq(&a->own, &b->own);
}

void route_filter(struct ntm_addr_list *list, const struct ntm_prefix *virtual4,
		  const struct ntm_prefix *virtual6)
{
	struct ntm_addr_list kept = {.count = 0};

	for (uint8_t i = 0; i < list->count && i < NTM_MSG_ADDRS; i++) {
		const struct ntm_addr *addr = &list->item[i];

		if (addr->port != 0 && ntm_ip_is_usable(&addr->ip) &&
		    !ntm_prefix_has(virtual4, &addr->ip) && !ntm_prefix_has(virtual6, &addr->ip))
			add_addr(&kept, addr);
	}
	*list = kept;
}

bool route_has_family(const struct route_card *card, uint8_t family)
{
	if (card->reflexive.ip.family == family)
		return true;
	for (uint8_t i = 0; i < card->own.count; i++)
		if (card->own.item[i].ip.family == family)
			return true;
	return false;
}

/* Whether the node has an address of that family that is the same for `sender`, as far as can be
 * told: where the DC sees the node in that family, it knows; but it may be in one private network
 * with it, and `sender` outside. */
static bool has_outside(const struct route_card *card, const struct route_card *sender,
			uint8_t family)
{
	const struct ntm_addr *seen = &card->reflexive;

	if (!route_has_family(sender, family))
		return false;
	if (seen->ip.family == family)
		return !card->behind_nat &&
		       (!ntm_ip_is_private(&seen->ip) || sender->reflexive.ip.family != family ||
			ntm_ip_is_private(&sender->reflexive.ip));
	for (uint8_t i = 0; i < card->own.count; i++)
		if (card->own.item[i].ip.family == family &&
		    !ntm_ip_is_private(&card->own.item[i].ip))
			return true;
	return false;
}

static bool is_inside(const struct route_card *card, const struct route_card *sender)
{
	return card->behind_nat || !(has_outside(card, sender, 4) || has_outside(card, sender, 6));
}

/* Of IPv6 nobody can tell: routers have firewalls there that let in as little as a NAT. */
static bool is_sure(const struct route_card *card, const struct route_card *sender)
{
	return !card->behind_nat && has_outside(card, sender, 4);
}

bool route_is_open(const struct route_card *card)
{
	const struct route_card anybody = {.reflexive = {.ip = ntm_ip_v4(192, 0, 2, 1)}};

	return is_sure(card, &anybody);
}

/* Adds what of `from` the node on the other side can send to at all. */
static void add_reachable(struct ntm_addr_list *list, const struct ntm_addr_list *from,
			  const struct route_card *sender)
{
	for (uint8_t i = 0; i < from->count; i++)
		if (route_has_family(sender, from->item[i].ip.family))
			add_addr(list, &from->item[i]);
}

/* No NAT is in front of those. */
static void add_global6(struct ntm_addr_list *list, const struct route_card *card,
			const struct route_card *sender)
{
	for (uint8_t i = 0; i < card->own.count && route_has_family(sender, 6); i++)
		if (card->own.item[i].ip.family == 6 && !ntm_ip_is_private(&card->own.item[i].ip))
			add_addr(list, &card->own.item[i]);
}

/* Where `card` is, for `sender`. Behind a NAT only the outside counts: to others its own addresses
 * of that kind are somebody else's, and to the one that waits for the Tunnel Request they are of no
 * use. */
static void locate(struct ntm_addr_list *list, const struct route_card *card,
		   const struct route_card *sender)
{
	struct ntm_addr_list outside = {.count = 1, .item = {card->reflexive}};

	add_reachable(list, &outside, sender);
	if (card->behind_nat)
		add_global6(list, card, sender);
	else
		add_reachable(list, &card->own, sender);
}

static void set_impossible(struct route *out)
{
	*out = (struct route){.needs_relay = true, .error = NTM_DIR_NO_RELAY};
}

static void set_roles(struct route *out, bool mn_requests)
{
	out->possible = true;
	out->mn_role = mn_requests ? NTM_ROLE_REQUESTS : NTM_ROLE_ANSWERS;
	out->cn_role = mn_requests ? NTM_ROLE_ANSWERS : NTM_ROLE_REQUESTS;
}

/* Both behind the same NAT, as far as the DC can see: without a relay the inside addresses are
 * tried alone. */
static void decide_inside(const struct route_card *mn, const struct route_card *cn,
			  struct route *out)
{
	add_reachable(&out->to_mn, &mn->own, cn);
	add_reachable(&out->to_cn, &cn->own, mn);
	if (out->to_cn.count > 0)
		set_roles(out, true);
	else
		set_impossible(out);
	out->needs_relay = true;
}

/* Behind different NATs, as far as the DC can see: without a relay there is IPv6 only. */
static void decide_apart(const struct route_card *mn, const struct route_card *cn,
			 struct route *out)
{
	add_global6(&out->to_mn, mn, cn);
	add_global6(&out->to_cn, cn, mn);
	if (out->to_mn.count > 0 && out->to_cn.count > 0)
		set_roles(out, true);
	else
		set_impossible(out);
	out->needs_relay = true;
}

/* Over IPv6 and without a relay both send Tunnel Requests, each to open the firewall of its own
 * router for the other's; the nodes make one tunnel of them. */
static void open_both(struct route *out)
{
	bool has_six[2] = {false, false};

	for (uint8_t i = 0; i < out->to_mn.count; i++)
		has_six[0] |= out->to_mn.item[i].ip.family == 6;
	for (uint8_t i = 0; i < out->to_cn.count; i++)
		has_six[1] |= out->to_cn.item[i].ip.family == 6;
	if (out->possible && out->needs_relay && has_six[0] && has_six[1])
		out->mn_role = out->cn_role = NTM_ROLE_REQUESTS;
}

/* R49, R59: the inside of a NAT sends first. When both are inside, but the DC sees a NAT of one
 * only, that one: the other may be in the same network. */
static bool mn_sends_first(const struct route_card *mn, const struct route_card *cn)
{
	bool mn_inside = is_inside(mn, cn), cn_inside = is_inside(cn, mn);

	if (mn_inside && cn_inside)
		return mn->behind_nat || !cn->behind_nat;
	return mn_inside || !cn_inside;
}

static void decide_direct(const struct route_card *mn, const struct route_card *cn,
			  struct route *out)
{
	bool mn_requests = mn_sends_first(mn, cn);

	locate(&out->to_mn, mn, cn);
	locate(&out->to_cn, cn, mn);
	if (cn->is_public && ntm_ip_eq(&mn->reflexive.ip, &cn->reflexive.ip))
		add_reachable(&out->to_cn, &cn->own, mn); /* not all NATs turn packets round */
	if ((mn_requests ? out->to_cn.count : out->to_mn.count) > 0)
		set_roles(out, mn_requests);
	else
		set_impossible(out);
	out->needs_relay = !out->possible || !(mn_requests ? is_sure(cn, mn) : is_sure(mn, cn));
}

void route_decide(const struct route_card *mn, const struct route_card *cn, struct route *out)
{
	*out = (struct route){.possible = false};
	if (!mn->behind_nat || !cn->behind_nat || cn->is_public)
		decide_direct(mn, cn, out);
	else if (ntm_ip_eq(&mn->reflexive.ip, &cn->reflexive.ip))
		decide_inside(mn, cn, out);
	else
		decide_apart(mn, cn, out);
	if (!cn->is_public)
		open_both(out);
}

/* Behind the same outside address its own ones come first, else what its NAT shows; there is always
 * room for that one. */
static void list_probes(struct ntm_addr_list *list, const struct route_card *card,
			const struct route_card *sender)
{
	struct ntm_addr_list outside = {.count = 1, .item = {card->reflexive}};
	bool same_outside = ntm_ip_eq(&card->reflexive.ip, &sender->reflexive.ip);

	if (!same_outside)
		add_reachable(list, &outside, sender);
	add_reachable(list, &card->own, sender);
	if (list->count > ROUTE_PROBES - same_outside)
		list->count = (uint8_t)(ROUTE_PROBES - same_outside);
	if (same_outside)
		add_reachable(list, &outside, sender);
}

/* R50: both bind to the relay, and try each other meanwhile. */
void route_relayed(const struct route_card *mn, const struct route_card *cn, struct route *out)
{
	*out = (struct route){.needs_relay = true};
	list_probes(&out->to_mn, mn, cn);
	list_probes(&out->to_cn, cn, mn);
	set_roles(out, mn_sends_first(mn, cn));
}
