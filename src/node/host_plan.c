/* SPDX-License-Identifier: BSD-2-Clause */
/* Plans for the host's network: from a lease, and the checks before root acts on one. */
#include "host_plan.h"

#include <string.h>

static void add_prefix(struct host_plan *plan, const struct ntm_prefix *prefix)
{
	if (prefix->ip.family == 0)
		return;
	struct ntm_prefix *item = &plan->prefixes.item[plan->prefixes.count++];

	item->ip = prefix->ip;
	item->len = prefix->len;
}

static void add_suffix(struct host_plan *plan, const char *name)
{
	strcpy(plan->suffixes.item[plan->suffixes.count++], name);
}

void host_plan_fill(struct host_plan *plan, const struct node_lease *lease,
		    const struct partners *partners)
{
	memset(plan, 0, sizeof(*plan));
	plan->vip4 = lease->vip4;
	plan->vip6 = lease->vip6;
	plan->resolver4 = lease->resolver4;
	plan->resolver6 = lease->resolver6;
	for (size_t i = 0; i < lease->prefixes.count; i++)
		add_prefix(plan, &lease->prefixes.item[i]);
	for (size_t i = 0; i < lease->suffixes.count; i++)
		add_suffix(plan, lease->suffixes.item[i]);
	for (size_t i = 0; i < partners->count; i++) {
		add_prefix(plan, &partners->item[i].prefix4);
		add_prefix(plan, &partners->item[i].prefix6);
		add_suffix(plan, partners->item[i].domain);
	}
}

void host_plan_add_names(struct host_plan *plan, const struct exits_conf *exits)
{
	char canon[NTM_NAME_MAX + 1];

	for (size_t i = 0; i < exits->count; i++) {
		const struct ntm_strings *names = &exits->item[i].names;

		for (size_t j = 0; j < names->count && plan->suffixes.count < HOST_PLAN_SUFFIXES;
		     j++)
			if (ntm_name_canon(canon, names->item[j]) == 0)
				add_suffix(plan, canon);
	}
}

static bool is_inside(const struct host_plan *plan, const struct ntm_ip *ip)
{
	return ip->family == 0 || host_plan_has_ip(plan, ip);
}

static bool name_ok(const char name[static NTM_NAME_MAX + 1])
{
	char canon[NTM_NAME_MAX + 1];

	return memchr(name, '\0', NTM_NAME_MAX + 1) != NULL && ntm_name_canon(canon, name) == 0 &&
	       strcmp(canon, name) == 0;
}

bool host_plan_ok(const struct host_plan *plan)
{
	if (plan->prefixes.count == 0 || plan->prefixes.count > HOST_PLAN_PREFIXES ||
	    plan->suffixes.count > HOST_PLAN_SUFFIXES)
		return false;
	for (size_t i = 0; i < plan->prefixes.count; i++)
		if (!lease_prefix_ok(&plan->prefixes.item[i]))
			return false;
	for (size_t i = 0; i < plan->suffixes.count; i++)
		if (!name_ok(plan->suffixes.item[i]))
			return false;
	return (plan->vip4.family == 4 || plan->vip6.family == 6) && plan->vip4.family != 6 &&
	       plan->vip6.family != 4 && is_inside(plan, &plan->vip4) &&
	       is_inside(plan, &plan->vip6) && is_inside(plan, &plan->resolver4) &&
	       is_inside(plan, &plan->resolver6);
}

static bool is_everything(const struct ntm_prefix *prefix)
{
	return prefix->len == 0 && (prefix->ip.family == 4 || prefix->ip.family == 6) &&
	       ntm_ip_is_unspecified(&prefix->ip);
}

static bool exit_ok(const struct host_plan *plan, const struct ntm_prefix *prefix)
{
	for (size_t i = 0; i < plan->prefixes.count; i++)
		if (ntm_prefix_inside(prefix, &plan->prefixes.item[i]))
			return false;
	return is_everything(prefix) || lease_prefix_ok(prefix);
}

bool host_plan_exits_ok(const struct host_plan *plan, const struct exit_routes *routes)
{
	if (routes->count > EXIT_ROUTES_MAX)
		return false;
	for (size_t i = 0; i < routes->count; i++)
		if (!exit_ok(plan, &routes->item[i]))
			return false;
	return true;
}

bool host_plan_has_prefix(const struct host_plan *plan, const struct ntm_prefix *prefix)
{
	for (size_t i = 0; i < plan->prefixes.count; i++)
		if (plan->prefixes.item[i].len == prefix->len &&
		    ntm_ip_eq(&plan->prefixes.item[i].ip, &prefix->ip))
			return true;
	return false;
}

bool host_plan_has_ip(const struct host_plan *plan, const struct ntm_ip *ip)
{
	for (size_t i = 0; i < plan->prefixes.count; i++)
		if (ntm_prefix_has(&plan->prefixes.item[i], ip))
			return true;
	return false;
}
