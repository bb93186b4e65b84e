/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of partner domains: what may be in it, and whose a name or an address is. */
#include "partners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void partner_from_cert(struct partner *partner, const struct ntm_cert *cert)
{
	memset(partner, 0, sizeof(*partner));
	snprintf(partner->domain, sizeof(partner->domain), "%s", cert->fqdn);
	memcpy(partner->root, cert->key, sizeof(partner->root));
	partner->prefix4 = cert->prefix4;
	partner->prefix6 = cert->prefix6;
}

bool partner_has(const struct partner *partner, const struct ntm_ip *ip)
{
	const struct ntm_prefix *prefix = ip->family == 4 ? &partner->prefix4 : &partner->prefix6;

	return ip->family != 0 && prefix->ip.family != 0 && ntm_prefix_has(prefix, ip);
}

static bool is_same_prefix(const struct ntm_prefix *a, const struct ntm_prefix *b)
{
	return a->len == b->len && ntm_ip_eq(&a->ip, &b->ip);
}

bool partner_eq(const struct partner *a, const struct partner *b)
{
	return strcmp(a->domain, b->domain) == 0 &&
	       memcmp(a->root, b->root, sizeof(a->root)) == 0 &&
	       is_same_prefix(&a->prefix4, &b->prefix4) && is_same_prefix(&a->prefix6, &b->prefix6);
}

/* ---- what may be in it ---- */

static bool overlap(const struct ntm_prefix *a, const struct ntm_prefix *b)
{
	return a->ip.family != 0 && a->ip.family == b->ip.family && ntm_prefix_overlap(a, b);
}

static const char *why_not_prefix(const struct node_lease *lease, const struct ntm_prefix *prefix)
{
	if (prefix->ip.family == 0)
		return NULL;
	if (!lease_prefix_ok(prefix))
		return "a prefix of the partner domain is too wide, or not usable";
	for (size_t i = 0; i < lease->prefixes.count; i++)
		if (overlap(prefix, &lease->prefixes.item[i]))
			return "a prefix of the partner domain overlaps with ours";
	/* It would be out of reach, and with it the message that takes the partner back. */
	for (size_t i = 0; i < 2; i++)
		if (lease->dc[i].ip.family == prefix->ip.family &&
		    ntm_prefix_has(prefix, &lease->dc[i].ip))
			return "a prefix of the partner domain has our DC's real address in it";
	return NULL;
}

/* A domain above ours is fine, as our names are in ours first. */
static bool takes_our_name(const struct node_lease *lease, const char *domain)
{
	bool is_ours = strcmp(domain, lease->domain) == 0;

	for (size_t i = 0; i < lease->suffixes.count; i++)
		is_ours |= strcmp(domain, lease->suffixes.item[i]) == 0;
	return is_ours ||
	       (ntm_name_under(lease->fqdn, domain) && ntm_name_under(domain, lease->domain));
}

bool partner_is_learned(const struct partner *partner)
{
	const uint8_t zeros[NTM_SIGN_PUB_LEN] = {0};

	return memcmp(partner->root, zeros, sizeof(zeros)) != 0;
}

static const char *why_not_ours(const struct node_lease *lease, const struct partner *partner)
{
	if (takes_our_name(lease, partner->domain))
		return "the partner domain is our own";
	if (memcmp(partner->root, lease->root, sizeof(partner->root)) == 0)
		return "the partner domain has our own root key";
	if (partner->prefix4.ip.family == 0 && partner->prefix6.ip.family == 0 &&
	    partner_is_learned(partner))
		return "the partner domain has no prefix";
	const char *why = why_not_prefix(lease, &partner->prefix4);
	return why != NULL ? why : why_not_prefix(lease, &partner->prefix6);
}

const char *partners_why_not(const struct partners *list, const struct node_lease *lease,
			     const struct partner *partner)
{
	const char *why = why_not_ours(lease, partner);

	if (why != NULL)
		return why;
	for (size_t i = 0; i < list->count; i++) {
		const struct partner *other = &list->item[i];

		if (strcmp(other->domain, partner->domain) != 0 &&
		    (overlap(&other->prefix4, &partner->prefix4) ||
		     overlap(&other->prefix6, &partner->prefix6)))
			return "a prefix of the partner domain overlaps with another partner's";
	}
	if (list->count >= PARTNERS_MAX && partners_find(list, partner->domain) == NULL)
		return "there are too many partner domains";
	return NULL;
}

/* ---- order ---- */

static int compare_prefixes(const void *a, const void *b)
{
	const struct partner_prefix *one = a, *other = b;

	return memcmp(&one->prefix.ip, &other->prefix.ip, sizeof(one->prefix.ip));
}

static void index_prefixes(struct partners *list)
{
	list->prefix_count = 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct ntm_prefix *both[] = {&list->item[i].prefix4, &list->item[i].prefix6};

		for (size_t k = 0; k < 2; k++)
			if (both[k]->ip.family != 0)
				list->prefix[list->prefix_count++] =
					(struct partner_prefix){*both[k], (uint8_t)i};
	}
	qsort(list->prefix, list->prefix_count, sizeof(list->prefix[0]), compare_prefixes);
}

/* The place of the domain, or where it would stand. */
static size_t place_of(const struct partners *list, const char *domain, bool *found)
{
	size_t low = 0, high = list->count;

	*found = false;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(list->item[middle].domain, domain);

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const char *partners_put(struct partners *list, const struct node_lease *lease,
			 const struct partner *partner)
{
	const char *why = partners_why_not(list, lease, partner);
	bool found;

	if (why != NULL)
		return why;
	size_t place = place_of(list, partner->domain, &found);
	if (!found) {
		memmove(&list->item[place + 1], &list->item[place],
			(list->count - place) * sizeof(list->item[0]));
		list->count++;
	}
	list->item[place] = *partner;
	index_prefixes(list);
	return NULL;
}

bool partners_sift(struct partners *list, const struct node_lease *lease)
{
	size_t kept = 0, before = list->count;

	for (size_t i = 0; i < before; i++)
		if (why_not_ours(lease, &list->item[i]) == NULL)
			list->item[kept++] = list->item[i];
	list->count = kept;
	index_prefixes(list);
	return kept != before;
}

/* ---- questions ---- */

const struct partner *partners_find(const struct partners *list, const char *domain)
{
	bool found;
	size_t place = place_of(list, domain, &found);

	return found ? &list->item[place] : NULL;
}

const struct partner *partners_of_name(const struct partners *list, const char *name)
{
	const struct partner *partner = partners_find(list, name);

	while (partner == NULL && (name = strchr(name, '.')) != NULL)
		partner = partners_find(list, ++name);
	return partner;
}

/* The prefixes are disjoint: only the last one that starts at or before the address can have it. */
const struct partner *partners_of_ip(const struct partners *list, const struct ntm_ip *ip)
{
	size_t low = 0, high = list->prefix_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (memcmp(&list->prefix[middle].prefix.ip, ip, sizeof(*ip)) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || !ntm_prefix_has(&list->prefix[low - 1].prefix, ip))
		return NULL;
	return &list->item[list->prefix[low - 1].owner];
}

bool partners_eq(const struct partners *a, const struct partners *b)
{
	for (size_t i = 0; i < a->count && a->count == b->count; i++)
		if (!partner_eq(&a->item[i], &b->item[i]))
			return false;
	return a->count == b->count && a->generation == b->generation;
}
