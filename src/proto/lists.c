/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions to lists of addresses. */
#include "ntm/lists.h"

bool ntm_addr_list_has(const struct ntm_addr_list *list, const struct ntm_ip *ip)
{
	for (size_t i = 0; i < list->count; i++)
		if (ntm_ip_eq(&list->item[i].ip, ip))
			return true;
	return false;
}

bool ntm_addr_list_has_addr(const struct ntm_addr_list *list, const struct ntm_addr *addr)
{
	for (size_t i = 0; i < list->count; i++)
		if (ntm_addr_eq(&list->item[i], addr))
			return true;
	return false;
}

bool ntm_addr_list_behind_nat(const struct ntm_addr_list *own, const struct ntm_addr *seen)
{
	return !ntm_addr_list_has_addr(own, seen);
}

bool ntm_addr_list_eq(const struct ntm_addr_list *a, const struct ntm_addr_list *b)
{
	for (size_t i = 0; i < a->count && a->count == b->count; i++)
		if (!ntm_addr_eq(&a->item[i], &b->item[i]))
			return false;
	return a->count == b->count;
}
