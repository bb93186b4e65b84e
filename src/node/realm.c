/* SPDX-License-Identifier: BSD-2-Clause */
/* Which names and addresses are virtual, and whose. */
#include "realm.h"

#include <string.h>

bool realm_is_virtual(const struct realm *realm, const struct ntm_ip *ip)
{
	return lease_is_virtual(realm->lease, ip) || partners_of_ip(realm->partners, ip) != NULL;
}

/* Length of the longest of our domain and suffixes that has the name; 0: none. */
static size_t own_len(const struct node_lease *lease, const char *name)
{
	size_t longest = ntm_name_under(name, lease->domain) ? strlen(lease->domain) : 0;

	for (size_t i = 0; i < lease->suffixes.count; i++) {
		size_t len = strlen(lease->suffixes.item[i]);

		if (len > longest && ntm_name_under(name, lease->suffixes.item[i]))
			longest = len;
	}
	return longest;
}

enum realm_owner realm_owner_of_name(const struct realm *realm, const char *name,
				     const struct partner **partner)
{
	const struct partner *found = partners_of_name(realm->partners, name);

	if (found != NULL && strlen(found->domain) > own_len(realm->lease, name)) {
		if (partner != NULL)
			*partner = found;
		return REALM_PARTNER;
	}
	return lease_has_name(realm->lease, name) ? REALM_OWN : REALM_NOBODY;
}
