/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests: the lease of a.ntm.example, with a certificate that is valid for a week. */
#pragma once

#include "lease.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

static inline bool lease_sample(struct node_lease *lease)
{
	struct ntm_root root;
	struct ntm_keys dc;
	struct ntm_cert cert;
	int64_t now_s = (int64_t)time(NULL);

	memset(lease, 0, sizeof(*lease));
	memset(&cert, 0, sizeof(cert));
	if (ntm_crypto_init() != 0)
		return false;
	ntm_root_make(&root);
	ntm_keys_make(&lease->keys);
	ntm_keys_make(&dc);
	memcpy(lease->dc_key, dc.pub, sizeof(lease->dc_key));
	memcpy(lease->root, root.pub, sizeof(lease->root));
	strcpy(lease->fqdn, "a.ntm.example");
	strcpy(lease->domain, "ntm.example");
	lease->vip4 = ntm_ip_v4(198, 18, 0, 7);
	lease->resolver4 = ntm_ip_v4(198, 18, 255, 254);
	lease->dc[0] = (struct ntm_addr){.ip = ntm_ip_v4(192, 0, 2, 9), .port = 4330};
	lease->prefixes.count = 2;
	lease->suffixes.count = 1;
	strcpy(lease->suffixes.item[0], "ntm.example");
	if (ntm_ip_parse(&lease->vip6, "fd00:1:2::7") != 0 ||
	    ntm_ip_parse(&lease->resolver6, "fd00:1:2::ffff") != 0 ||
	    ntm_prefix_parse(&lease->prefixes.item[0], "198.18.0.0/16") != 0 ||
	    ntm_prefix_parse(&lease->prefixes.item[1], "fd00:1:2::/64") != 0)
		return false;
	cert.type = NTM_CERT_NODE;
	cert.serial = 1;
	cert.not_before_s = now_s - 60;
	cert.not_after_s = now_s + 7 * 86400;
	cert.vip4 = lease->vip4;
	cert.vip6 = lease->vip6;
	memcpy(cert.key, lease->keys.pub, sizeof(cert.key));
	strcpy(cert.fqdn, lease->fqdn);
	lease->cert.len = (uint16_t)ntm_cert_sign(&cert, &root, lease->cert.data);
	return lease->cert.len > 0;
}
