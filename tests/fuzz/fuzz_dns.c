/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a DNS query to a DC's zone, and as a response to a node. */
#include "../../src/dc/zone.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A bit of the input decides, so that all outcomes are met. */
static int node_vips(void *arg, const char *fqdn, struct ntm_ip *vip4, struct ntm_ip *vip6)
{
	(void)arg;
	*vip4 = ntm_ip_v4(198, 18, 0, 1);
	*vip6 = (struct ntm_ip){.family = 6, .b = {0xfd}};
	return fqdn[0] & 1 ? 0 : -ENOENT;
}

static int vip_leased(void *arg, const struct ntm_ip *vip)
{
	(void)arg;
	return vip->b[3] & 1 ? 0 : -ENOENT;
}

static int node_below(void *arg, const char *suffix)
{
	(void)arg;
	return suffix[0] & 2 ? -EIO : -ENOENT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct zone zone;
	static struct ntm_dns_response response;
	static uint8_t out[NTM_DNS_TCP_MAX];
	if (!zone.config.domain[0]) {
		struct zone_config config = {
			.domain = "ntm.example",
			.port = 4330,
			.dc_addr_count = 1,
			.dc_addr = {ntm_ip_v4(192, 0, 2, 1)},
			.sip_host_count = 1,
			.sip_host = {"sip.ntm.example"},
			.lookup = {node_vips, vip_leased, node_below, NULL},
		};
		ntm_prefix_parse(&config.prefix4, "198.18.0.0/15");
		ntm_prefix_parse(&config.prefix6, "fd00:1:2::/48");
		zone_init(&zone, &config);
	}
	size_t len = zone_answer(&zone, data, size, ZONE_UDP, out, NTM_DNS_UDP_MAX);
	/* What we say can be read by ourselves; other opcodes and classes are no responses to us.
	 */
	struct ntm_dns_query query;
	bool ordinary =
		ntm_dns_query_parse(&query, data, size) == 0 && query.opcode == 0 && query.cls == 1;
	if (ordinary && ntm_dns_response_parse(&response, out, len) < 0)
		abort();
	if (zone_answer_slip(data, size, out, sizeof out) > size)
		abort();
	ntm_dns_response_parse(&response, data, size);
	return 0;
}
