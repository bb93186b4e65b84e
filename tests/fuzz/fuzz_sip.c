/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as one UDP payload to the SIP watcher. */
#include "ntm/sip.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static bool is_text(const char *id)
{
	return memchr(id, '\0', NTM_SIP_ID_MAX + 1);
}

/* Addresses that media can be sent to, all different. */
static void check_ips(const struct ntm_ip *ip, size_t count)
{
	require(count <= NTM_SIP_MEDIA_MAX);
	for (size_t i = 0; i < count; i++) {
		require(ntm_ip_len(&ip[i]) > 0);
		require(!ntm_ip_is_unspecified(&ip[i]) && !ntm_ip_is_multicast(&ip[i]));
		for (size_t j = 0; j < i; j++)
			require(!ntm_ip_eq(&ip[i], &ip[j]));
	}
}

static void check(const struct ntm_sip *sip)
{
	require(is_text(sip->call_id) && is_text(sip->from_tag) && is_text(sip->to_tag));
	require(sip->call_id[0] != '\0');
	require(sip->kind == NTM_SIP_REQUEST ? sip->status == 0
					     : sip->status >= 100 && sip->status <= 699);
	require(sip->has_sdp || (sip->media_count == 0 && sip->candidate_count == 0));
	check_ips(sip->media, sip->media_count);
	check_ips(sip->candidate, sip->candidate_count);
	/* Whoever is not told where media goes is not held (sip.md 3). */
	if (sip->media_count == 0)
		require(ntm_sip_action_towards_app(sip, NTM_SIP_PREWARM_INVITE) == NTM_SIP_PASS);
	if (!sip->has_sdp)
		require(ntm_sip_action_from_app(sip, NTM_SIP_PREWARM_OFF) == NTM_SIP_PASS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ntm_sip opaque = {.kind = NTM_SIP_OPAQUE};
	static struct ntm_sip_parser *parser;
	struct ntm_sip first, again;

	if (!parser)
		parser = ntm_sip_parser_new();
	require(parser != NULL);
	ntm_sip_look(parser, data, size, &first);
	if (first.kind == NTM_SIP_OPAQUE)
		require(memcmp(&first, &opaque, sizeof(first)) == 0);
	else
		check(&first);
	/* Nothing of a message is left for the next one. */
	ntm_sip_look(parser, data, size, &again);
	require(memcmp(&first, &again, sizeof(first)) == 0);
	return 0;
}
