/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a datagram: as they are, as a handshake with a right mac1, and as the plaintext of a
 * packet with a right tag. */
#include "ntm/link.h"
#include "ntm/wire.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Two hosts with an end-to-end link; what one sends is handed to the other after the call. */
struct host {
	struct ntm_links *links;
	struct ntm_link *link;
	struct ntm_keys keys;
	struct ntm_addr addr;
	unsigned waiting;
	struct ntm_pkt pkt[8];
	size_t sent; /* bytes, in answer to one input */
};
static struct host hosts[2];
static struct ntm_timers timers;

static uint64_t seed;
static const char *rng_name(void)
{
	return "fuzz";
}
static uint32_t rng_word(void)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(seed >> 32);
}
static void rng_bytes(void *const out, const size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = (uint8_t)rng_word();
}

static void on_send(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	struct host *host = ctx;
	struct host *peer = &hosts[host == hosts];

	host->sent += len;
	if (!ntm_addr_eq(to, &peer->addr) || peer->waiting == 8 || len > NTM_PKT_MAX)
		return;
	ntm_pkt_reset(&peer->pkt[peer->waiting]);
	memcpy(ntm_pkt_put(&peer->pkt[peer->waiting++], len), frame, len);
}

static void on_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	(void)ctx;
	(void)link;
	(void)owner;
	memset(pkt->data, 0xff, pkt->len);
}

static void flush(void)
{
	for (int i = 0; i < 2; i++) {
		for (unsigned k = 0; k < hosts[i].waiting; k++)
			ntm_links_input(hosts[i].links, &hosts[!i].addr, &hosts[i].pkt[k]);
		hosts[i].waiting = 0;
	}
}

static void start(void)
{
	static const uint8_t pair[NTM_PAIR_LEN] = {1}, psk[NTM_KEY_LEN] = {2};
	static const struct ntm_links_ops ops = {.send = on_send, .input = on_input};

	for (int i = 0; i < 2; i++) {
		struct ntm_links_args args = {.ops = &ops,
					      .ctx = &hosts[i],
					      .keys = &hosts[i].keys,
					      .timers = &timers};

		ntm_keys_make(&hosts[i].keys);
		hosts[i].addr = (struct ntm_addr){ntm_ip_v4(192, 0, 2, (uint8_t)i), 4330};
		hosts[i].links = ntm_links_new(&args);
	}
	for (int i = 0; i < 2; i++) {
		struct ntm_link_args args = {.purpose = NTM_PURPOSE_E2E,
					     .remote_static = hosts[!i].keys.pub,
					     .pair = pair,
					     .psk = psk,
					     .candidate_count = 1,
					     .candidates = &hosts[!i].addr,
					     .initiator = i == 1};

		if (ntm_link_open(hosts[i].links, &args, &hosts[i].link) != 0)
			abort();
	}
	for (int i = 0; i < 3; i++)
		flush();
	if (ntm_link_state(hosts[0].link) != NTM_LINK_UP ||
	    ntm_link_state(hosts[1].link) != NTM_LINK_UP)
		abort();
}

static void with_mac1(uint8_t *frame, size_t len)
{
	uint8_t key[NTM_KEY_LEN];

	ntm_mac1_key(key, hosts[0].keys.pub);
	if (len >= 2 * NTM_MAC_LEN)
		ntm_mac_append(frame, len - 2 * NTM_MAC_LEN, key, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct randombytes_implementation rng = {.implementation_name = rng_name,
							.random = rng_word,
							.buf = rng_bytes};
	static struct ntm_pkt pkt;

	if (size < 1 || size > 1400)
		return 0;
	seed = 1;
	randombytes_set_implementation(&rng);
	memset(hosts, 0, sizeof(hosts));
	ntm_timers_init(&timers);
	start();
	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, size - 1), data + 1, size - 1);
	hosts[0].sent = 0;
	if (data[0] % 3 == 2) {
		(void)ntm_link_send(hosts[1].link, &pkt, 0);
		flush();
		flush();
	} else {
		if (data[0] % 3 == 1)
			with_mac1(pkt.data, pkt.len);
		ntm_links_input(hosts[0].links, &hosts[1].addr, &pkt);
		/* Nobody without our keys gets more out of us than he put in. */
		if (hosts[0].sent > size - 1)
			abort();
	}
	for (int i = 0; i < 2; i++)
		ntm_links_free(hosts[i].links);
	return 0;
}
