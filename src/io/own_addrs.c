/* SPDX-License-Identifier: BSD-2-Clause */
/* A host's own addresses: the ones that matter first, and of both families. */
#include "ntm/own_addrs.h"

#include "ntm/netlink.h"
#include "ntm/udp.h"

#include <string.h>

void ntm_own_prefer(struct ntm_ip *ips, size_t count, const struct ntm_ip *source)
{
	size_t i = 0;

	while (i < count && !ntm_ip_eq(&ips[i], source))
		i++;
	if (i == count)
		return;
	memmove(ips + 1, ips, i * sizeof(*ips));
	ips[0] = *source;
}

size_t ntm_own_ips(struct ntm_netlink *nl, unsigned skip_ifindex,
		   struct ntm_ip out[static NTM_OWN_IPS])
{
	size_t count = 0;

	if (ntm_netlink_addrs(nl, skip_ifindex, out, NTM_OWN_IPS, &count) != 0)
		return 0;
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct ntm_ip source = ntm_udp_source(family);

		ntm_own_prefer(out, count, &source);
	}
	return count;
}

static const struct ntm_ip *next_of(uint8_t family, const struct ntm_ip **at,
				    const struct ntm_ip *end)
{
	while (*at < end) {
		const struct ntm_ip *ip = (*at)++;

		if (ip->family == family && ntm_ip_is_usable(ip))
			return ip;
	}
	return NULL;
}

size_t ntm_own_pick(const struct ntm_ip *ips, size_t count, uint16_t port, struct ntm_addr *out,
		    size_t cap)
{
	static const uint8_t families[2] = {4, 6};
	const struct ntm_ip *at[2] = {ips, ips};
	size_t filled = 0, before;

	/* In turn: a host with many bridges of one family has not room for those alone. */
	do {
		before = filled;
		for (size_t i = 0; i < 2 && filled < cap; i++) {
			const struct ntm_ip *ip = next_of(families[i], &at[i], ips + count);

			if (ip != NULL)
				out[filled++] = (struct ntm_addr){.ip = *ip, .port = port};
		}
	} while (filled > before);
	return filled;
}
