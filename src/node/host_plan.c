/* SPDX-License-Identifier: BSD-2-Clause */
/* Plans for the host's network: from a lease, and the checks before root acts on one. */
#include "host_plan.h"

#include <string.h>

#define PREFIX4_MIN 8
#define PREFIX6_MIN 16

void host_plan_fill(struct host_plan *plan, const struct node_lease *lease)
{
	memset(plan, 0, sizeof(*plan));
	plan->vip4 = lease->vip4;
	plan->vip6 = lease->vip6;
	plan->resolver4 = lease->resolver4;
	plan->resolver6 = lease->resolver6;
	plan->prefixes.count = lease->prefixes.count;
	for (size_t i = 0; i < lease->prefixes.count; i++) {
		plan->prefixes.item[i].ip = lease->prefixes.item[i].ip;
		plan->prefixes.item[i].len = lease->prefixes.item[i].len;
	}
	plan->suffixes.count = lease->suffixes.count;
	for (size_t i = 0; i < lease->suffixes.count; i++)
		strcpy(plan->suffixes.item[i], lease->suffixes.item[i]);
}

static bool is_inside(const struct host_plan *plan, const struct ntm_ip *ip)
{
	for (size_t i = 0; i < plan->prefixes.count; i++)
		if (ntm_prefix_has(&plan->prefixes.item[i], ip))
			return true;
	return ip->family == 0;
}

static bool prefix_ok(const struct ntm_prefix *prefix)
{
	if (prefix->ip.family == 4)
		return prefix->len >= PREFIX4_MIN && prefix->len <= 32 &&
		       ntm_ip_is_usable(&prefix->ip);
	return prefix->ip.family == 6 && prefix->len >= PREFIX6_MIN && prefix->len <= 128 &&
	       ntm_ip_is_usable(&prefix->ip);
}

static bool name_ok(const char name[static NTM_NAME_MAX + 1])
{
	char canon[NTM_NAME_MAX + 1];

	return memchr(name, '\0', NTM_NAME_MAX + 1) != NULL && ntm_name_canon(canon, name) == 0 &&
	       strcmp(canon, name) == 0;
}

bool host_plan_ok(const struct host_plan *plan)
{
	if (plan->prefixes.count == 0 || plan->prefixes.count > NTM_MSG_PREFIXES ||
	    plan->suffixes.count > NTM_MSG_NAMES)
		return false;
	for (size_t i = 0; i < plan->prefixes.count; i++)
		if (!prefix_ok(&plan->prefixes.item[i]))
			return false;
	for (size_t i = 0; i < plan->suffixes.count; i++)
		if (!name_ok(plan->suffixes.item[i]))
			return false;
	return (plan->vip4.family == 4 || plan->vip6.family == 6) && plan->vip4.family != 6 &&
	       plan->vip6.family != 4 && is_inside(plan, &plan->vip4) &&
	       is_inside(plan, &plan->vip6) && is_inside(plan, &plan->resolver4) &&
	       is_inside(plan, &plan->resolver6);
}

bool host_plan_has_prefix(const struct host_plan *plan, const struct ntm_prefix *prefix)
{
	for (size_t i = 0; i < plan->prefixes.count; i++)
		if (plan->prefixes.item[i].len == prefix->len &&
		    ntm_ip_eq(&plan->prefixes.item[i].ip, &prefix->ip))
			return true;
	return false;
}
