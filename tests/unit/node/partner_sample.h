/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests: partner domains from text, and the n-th of many. */
#pragma once

#include "partners.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* prefix6 may be NULL, prefix4 too. The root key is 32 times key. */
static inline struct partner partner_sample(const char *domain, uint8_t key, const char *prefix4,
					    const char *prefix6)
{
	struct partner partner;

	memset(&partner, 0, sizeof(partner));
	strcpy(partner.domain, domain);
	memset(partner.root, key, sizeof(partner.root));
	if (prefix4 != NULL)
		assert_int_equal(ntm_prefix_parse(&partner.prefix4, prefix4), 0);
	if (prefix6 != NULL)
		assert_int_equal(ntm_prefix_parse(&partner.prefix6, prefix6), 0);
	return partner;
}

/* p000.example with 10.0.0.0/16 and fd01:0::/32, and so on; disjoint up to 255. */
static inline struct partner partner_many(unsigned n)
{
	char domain[32], prefix4[32], prefix6[32];

	snprintf(domain, sizeof(domain), "p%03u.example", n);
	snprintf(prefix4, sizeof(prefix4), "10.%u.0.0/16", n);
	snprintf(prefix6, sizeof(prefix6), "fd01:%x::/32", n);
	return partner_sample(domain, (uint8_t)(n + 1), prefix4, prefix6);
}

/* a.ntm.example in ntm.example, 198.18.0.0/16 and fd00:1:2::/64, DC at 192.0.2.9. */
static inline struct node_lease partner_lease(void)
{
	struct node_lease lease;

	memset(&lease, 0, sizeof(lease));
	strcpy(lease.fqdn, "a.ntm.example");
	strcpy(lease.domain, "ntm.example");
	memset(lease.root, 0xaa, sizeof(lease.root));
	lease.dc[0] = (struct ntm_addr){.ip = ntm_ip_v4(192, 0, 2, 9), .port = 4330};
	lease.vip4 = ntm_ip_v4(198, 18, 0, 7);
	lease.prefixes.count = 2;
	assert_int_equal(ntm_prefix_parse(&lease.prefixes.item[0], "198.18.0.0/16"), 0);
	assert_int_equal(ntm_prefix_parse(&lease.prefixes.item[1], "fd00:1:2::/64"), 0);
	lease.suffixes.count = 1;
	strcpy(lease.suffixes.item[0], "ntm.example");
	return lease;
}

static inline void partner_put(struct partners *list, const struct node_lease *lease,
			       struct partner partner)
{
	const char *why = partners_put(list, lease, &partner);

	if (why != NULL)
		fail_msg("%s: %s", partner.domain, why);
}
