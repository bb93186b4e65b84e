/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a datagram: as they are, as a handshake with a right mac1, as the plaintext of a
 * packet with a right tag, as what a DC says of itself, and as a frame of a relay. */
#include "ntm/link.h"
#include "ntm/relay.h"
#include "ntm/wire.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * NODE and its PEER have an end-to-end link, DC and PARTNER a link of XX. STRANGER is a DC too: the
 * DC has answered it and awaits its FINAL, and awaits a RESPONSE of it.
 */
enum { NODE, PEER, DC, PARTNER, STRANGER, HOSTS };

struct frame {
	struct ntm_addr from;
	struct ntm_pkt pkt;
};

/* What one sends is handed to the other after the call. */
struct host {
	struct ntm_links *links;
	struct ntm_link *link;
	struct ntm_keys keys;
	struct ntm_addr addr;
	bool deaf;
	unsigned waiting;
	struct frame frame[8];
	size_t sent;                                /* bytes, in answer to one input */
	uint8_t first[NTM_FRAME_TRANSPORT + 1][12]; /* bytes of the last frame, by type */
};
static struct host hosts[HOSTS];
static struct ntm_timers timers;
static const uint8_t *hello;
static size_t hello_len;

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

	host->sent += len;
	if (len > NTM_PKT_MAX)
		abort();
	if (frame[0] <= NTM_FRAME_TRANSPORT)
		memcpy(host->first[frame[0]], frame, 12);
	for (size_t i = 0; i < HOSTS; i++) {
		struct host *peer = &hosts[i];
		struct frame *at = &peer->frame[peer->waiting];

		if (!ntm_addr_eq(to, &peer->addr) || peer->waiting == 8 || peer->deaf)
			continue;
		at->from = host->addr;
		ntm_pkt_reset(&at->pkt);
		memcpy(ntm_pkt_put(&at->pkt, len), frame, len);
		peer->waiting++;
	}
}

static void on_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	(void)ctx;
	(void)link;
	(void)owner;
	memset(pkt->data, 0xff, pkt->len);
}

static size_t on_hello(void *ctx, uint8_t out[static NTM_HS_PAYLOAD_MAX])
{
	(void)ctx;
	memcpy(out, hello, hello_len);
	return hello_len;
}

static int on_verify(void *ctx, struct ntm_link *link, void *owner,
		     const struct ntm_link_request *req)
{
	(void)ctx;
	(void)link;
	(void)owner;
	return req->payload_len == hello_len ? 0 : -1;
}

static int on_accept(void *ctx, const struct ntm_link_request *req, struct ntm_link_reply *reply)
{
	(void)ctx;
	(void)reply;
	return req->purpose == NTM_PURPOSE_DC ? 0 : -1;
}

static void flush(void)
{
	for (int i = 0; i < HOSTS; i++) {
		for (unsigned k = 0; k < hosts[i].waiting; k++)
			ntm_links_input(hosts[i].links, &hosts[i].frame[k].from,
					&hosts[i].frame[k].pkt);
		hosts[i].waiting = 0;
	}
}

static void boot(void)
{
	static const struct ntm_links_ops node = {.send = on_send, .input = on_input};
	static const struct ntm_links_ops dc = {.send = on_send,
						.input = on_input,
						.hello = on_hello,
						.verify = on_verify,
						.accept = on_accept};

	for (int i = 0; i < HOSTS; i++) {
		struct ntm_links_args args = {.ops = i < DC ? &node : &dc,
					      .ctx = &hosts[i],
					      .keys = &hosts[i].keys,
					      .timers = &timers};

		ntm_keys_make(&hosts[i].keys);
		hosts[i].addr = (struct ntm_addr){ntm_ip_v4(192, 0, (uint8_t)i, 1), 4330};
		hosts[i].links = ntm_links_new(&args);
	}
}

static void open_e2e(int from, int to, bool initiator)
{
	static const uint8_t pair[NTM_PAIR_LEN] = {1}, psk[NTM_KEY_LEN] = {2};
	struct ntm_link_args args = {.purpose = NTM_PURPOSE_E2E,
				     .remote_static = hosts[to].keys.pub,
				     .pair = pair,
				     .psk = psk,
				     .candidate_count = 1,
				     .candidates = &hosts[to].addr,
				     .initiator = initiator};

	if (ntm_link_open(hosts[from].links, &args, &hosts[from].link) != 0)
		abort();
}

static void open_dc(int from, int to, struct ntm_link **link)
{
	struct ntm_link_args args = {.purpose = NTM_PURPOSE_DC,
				     .candidate_count = 1,
				     .candidates = &hosts[to].addr,
				     .initiator = true};

	if (ntm_link_open(hosts[from].links, &args, link) != 0)
		abort();
}

static void start(void)
{
	static const uint8_t name[4] = "DC";
	struct ntm_link *attempt;

	hello = name;
	hello_len = sizeof(name);
	boot();
	open_e2e(NODE, PEER, false);
	open_e2e(PEER, NODE, true);
	open_dc(DC, PARTNER, &hosts[DC].link);
	for (int i = 0; i < 3; i++)
		flush();
	for (int i = NODE; i < DC; i++)
		if (ntm_link_state(hosts[i].link) != NTM_LINK_UP)
			abort();
	if (ntm_links_count(hosts[PARTNER].links) != 1)
		abort();
	hosts[STRANGER].deaf = true;
	open_dc(STRANGER, DC, &hosts[STRANGER].link);
	open_dc(DC, STRANGER, &attempt);
	flush();
}

/* The same as mac1 and, of a DC's, with the indexes that it awaits. */
static void with_mac1(uint8_t *frame, size_t len, const struct host *to)
{
	bool is_dc = to == &hosts[DC];
	const uint8_t *ours = to->first[NTM_FRAME_RESPONSE];
	uint8_t key[NTM_KEY_LEN];

	if (len < 2 * NTM_MAC_LEN)
		return;
	if (is_dc && len > 12 && frame[0] == NTM_FRAME_RESPONSE)
		memcpy(frame + 8, to->first[NTM_FRAME_INITIATION] + 4, 4);
	if (is_dc && len > 12 && frame[0] == NTM_FRAME_FINAL) {
		memcpy(frame + 4, ours + 8, 4);
		memcpy(frame + 8, ours + 4, 4);
	}
	ntm_mac1_key(key, is_dc ? ntm_static_unknown : to->keys.pub);
	ntm_mac_append(frame, len - 2 * NTM_MAC_LEN, key, NULL);
}

/* Nobody without our keys gets more out of us than he put in. */
static void from_outside(struct host *to, struct ntm_pkt *pkt)
{
	size_t len = pkt->len;

	to->sent = 0;
	ntm_links_input(to->links, &hosts[to == &hosts[DC] ? STRANGER : PEER].addr, pkt);
	if (to->sent > len)
		abort();
}

/* A hello of any length; the RESPONSE of the DC is not longer than what it answers. */
static void as_hello(const uint8_t *data, size_t size)
{
	struct ntm_link *link;

	hello = data;
	hello_len = size < NTM_HS_PAYLOAD_MAX ? size : NTM_HS_PAYLOAD_MAX;
	ntm_link_free(hosts[STRANGER].link);
	hosts[STRANGER].deaf = false;
	open_dc(STRANGER, DC, &link);
	hosts[DC].sent = 0;
	flush();
	if (hosts[DC].sent > NTM_DC_INITIATION_LEN)
		abort();
	for (int i = 0; i < 3; i++)
		flush();
	if ((ntm_link_state(link) == NTM_LINK_UP) !=
	    (hello_len > 0 && hello_len <= NTM_LINK_HELLO_MAX))
		abort();
}

static void as_plaintext(struct host *from, struct ntm_pkt *pkt)
{
	(void)ntm_link_send(from->link, pkt, 0);
	flush();
	flush();
}

/* What is read is written the same, and nobody makes a ticket or a mac without the key. */
static void as_relay(const uint8_t *data, size_t size)
{
	static const uint8_t relay[NTM_KEY_LEN] = {4};
	struct ntm_ticket_key key = ntm_ticket_key_make(hosts[DC].keys.sec, relay, 1);
	uint8_t again[NTM_RELAY_FRAME_MAX];
	struct ntm_relay_frame frame;
	struct ntm_ticket ticket;
	uint32_t label;
	size_t len;

	if (ntm_relayed_parse(data, size, &label)) {
		ntm_relayed_head(again, data[1], label);
		if (memcmp(again, data, NTM_RELAYED_HEADER) != 0)
			abort();
	}
	if (ntm_relay_frame_parse(&frame, data, size) != 0)
		return;
	len = ntm_relay_frame_write(&frame, key.key, again);
	if (len != size || ntm_relay_frame_mac_ok(data, size, key.key))
		abort();
	if (memcmp(again, data, len == NTM_UNBOUND_LEN ? len : len - NTM_MAC_LEN) != 0)
		abort();
	if (frame.ticket && ntm_ticket_open(&ticket, &key, relay, frame.ticket) == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct randombytes_implementation rng = {.implementation_name = rng_name,
							.random = rng_word,
							.buf = rng_bytes};
	static struct ntm_pkt pkt;
	unsigned kind;
	struct host *to;

	if (size < 1 || size > 1400)
		return 0;
	seed = 1;
	randombytes_set_implementation(&rng);
	memset(hosts, 0, sizeof(hosts));
	ntm_timers_init(&timers);
	start();
	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, size - 1), data + 1, size - 1);
	kind = data[0] % 8;
	to = &hosts[kind < 3 ? NODE : DC];
	if (kind == 7) {
		as_relay(data + 1, size - 1);
	} else if (kind == 6) {
		as_hello(data + 1, size - 1);
	} else if (kind % 3 == 2) {
		as_plaintext(&hosts[kind < 3 ? PEER : DC], &pkt);
	} else {
		if (kind % 3 == 1)
			with_mac1(pkt.data, pkt.len, to);
		from_outside(to, &pkt);
	}
	for (int i = 0; i < HOSTS; i++)
		ntm_links_free(hosts[i].links);
	return 0;
}
