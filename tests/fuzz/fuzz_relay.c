/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as datagrams at a relay with one flow: as they are, and as frames with a right mac
 * under a right ticket, whose other fields they fill. */
#include "relay_priv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIDE0, SIDE1, STRANGER, HOSTS };

static struct ntm_timers timers;
static struct relay *relay;
static struct ntm_addr host[HOSTS];
static bool answered[HOSTS];
static struct ntm_ticket ticket[2];
static uint8_t sealed[2][NTM_TICKET_LEN];
static size_t now; /* the host that sends */
static size_t sent, sent_len;
static struct ntm_relay_frame got; /* the last answer */
static uint8_t last[NTM_RELAY_FRAME_MAX];

static void on_send(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	(void)ctx;
	sent++;
	sent_len = len;
	if (!ntm_addr_eq(to, &host[now]) || len > sizeof(last))
		abort();
	memcpy(last, frame, len);
	if (ntm_relay_frame_parse(&got, last, len) != 0)
		abort();
}

static size_t own_addrs(void *ctx, struct ntm_addr *out, size_t cap)
{
	(void)ctx;
	(void)out;
	(void)cap;
	return 0;
}

static void input(size_t from, const uint8_t *data, size_t len)
{
	now = from;
	sent = 0;
	const struct ntm_addr *to = relay_input(relay, &host[from], data, len);

	/* One in, one out at most; never longer; and only to whom has answered a challenge. */
	if (sent + (to != NULL) > 1 || (sent > 0 && sent_len > len))
		abort();
	for (size_t i = 0; to != NULL && i < HOSTS; i++)
		if (ntm_addr_eq(to, &host[i]) && (!answered[i] || !answered[from]))
			abort();
	if (sent > 0 && got.type == NTM_FRAME_BOUND)
		answered[from] = true;
}

static void bind_side(size_t from, unsigned side, uint32_t generation)
{
	uint8_t frame[NTM_RELAY_FRAME_MAX];
	struct ntm_relay_frame out = {.type = NTM_FRAME_BIND,
				      .generation = generation,
				      .ticket = sealed[side]};

	input(from, frame, ntm_relay_frame_write(&out, ticket[side].bind_key, frame));
	if (sent == 0)
		return;
	out.type = NTM_FRAME_ANSWER;
	out.cookie = got.cookie;
	input(from, frame, ntm_relay_frame_write(&out, ticket[side].bind_key, frame));
}

static void start(void)
{
	static const struct relay_ops ops = {.send = on_send, .own_addrs = own_addrs};
	static struct relay_lease lease;
	const struct relay_settings settings = {.flows_max = 4,
						.link_times = ntm_link_times_default};
	struct relay_args args = {.ops = &ops,
				  .timers = &timers,
				  .lease = &lease,
				  .settings = &settings};
	uint8_t secret[NTM_KEY_LEN] = {1};

	if (ntm_crypto_init() != 0)
		abort();
	ntm_timers_init(&timers);
	ntm_timers_advance(&timers, 1000000, INT64_C(1000) * NTM_TICKET_DAY_S * 1000);
	relay = relay_new(&args);
	if (relay == NULL)
		abort();
	relay->keys.count = 1;
	relay->keys.item[0] = ntm_ticket_key_make(secret, lease.keys.pub, 1000);
	for (uint8_t i = 0; i < HOSTS; i++) {
		host[i] = (struct ntm_addr){.ip = ntm_ip_v4(192, 0, 2, i + 1), .port = 7000};
		answered[i] = false;
	}
	for (uint8_t i = 0; i < 2; i++) {
		ticket[i] = (struct ntm_ticket){.flow = 7,
						.side = i,
						.expires_s = timers.wall_ms / 1000 + 1000,
						.bind_key = {i}};
		ntm_ticket_seal(&ticket[i], &relay->keys.item[0], lease.keys.pub, sealed[i]);
		bind_side(i, i, 1);
		if (!answered[i])
			abort();
	}
}

/* A right ticket and mac around whatever else the data says. */
static void forge(uint8_t type, const uint8_t *data, size_t size)
{
	uint8_t frame[NTM_RELAY_FRAME_MAX] = {0};
	size_t len = type == NTM_FRAME_BIND ? NTM_BIND_LEN : NTM_ANSWER_LEN;
	size_t body = len - NTM_MAC_LEN;

	memcpy(frame, data, size < body ? size : body);
	frame[0] = type;
	memset(frame + 1, 0, 3);
	memcpy(frame + 8, sealed[size % 2], NTM_TICKET_LEN);
	ntm_blake2b(frame + body, NTM_MAC_LEN, frame, body, ticket[size % 2].bind_key,
		    NTM_BIND_KEY_LEN);
	input(STRANGER, frame, len);
	if (sent > 0 && type == NTM_FRAME_ANSWER)
		abort(); /* without a challenge */
}

/* RELAYED of the flow, with any class and inner frame. */
static void relayed(const uint8_t *data, size_t size)
{
	uint8_t frame[NTM_PKT_MAX];
	size_t len = size < sizeof(frame) ? size : sizeof(frame);

	if (len < NTM_RELAYED_HEADER)
		return;
	memcpy(frame, data, len);
	ntm_relayed_head(frame, data[0], relay->flows.slot[0].label);
	for (size_t i = 0; i < HOSTS; i++)
		input(i, frame, len);
}

/* Of any generation, from anywhere: it ends what is bound by a lower one, once, and in silence. */
static void release(unsigned side, uint32_t generation, uint32_t bound)
{
	uint8_t frame[NTM_RELAY_FRAME_MAX];
	const struct ntm_relay_frame out = {.type = NTM_FRAME_RELEASE,
					    .generation = generation,
					    .ticket = sealed[side]};
	size_t len = ntm_relay_frame_write(&out, ticket[side].bind_key, frame);
	uint64_t before = relay->counters.released;

	for (size_t i = 0; i < HOSTS; i++) {
		input(i, frame, len);
		if (sent > 0)
			abort();
	}
	if (relay->counters.released - before != (generation > bound))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t generation = 0;

	start();
	for (size_t i = 0; i < HOSTS; i++)
		input(i, data, size);
	forge(NTM_FRAME_BIND, data, size);
	forge(NTM_FRAME_ANSWER, data, size);
	relayed(data, size);
	if (answered[STRANGER] || relay_flow_count(relay) != 1)
		abort();
	bind_side(STRANGER, 0, 2); /* after all that, a move still works */
	if (!answered[STRANGER])
		abort();
	relayed(data, size);
	memcpy(&generation, data, size < sizeof(generation) ? size : sizeof(generation));
	release(0, generation, 2);
	release(1, generation, 1);
	if (relay_flow_count(relay) != (generation <= 2))
		abort();
	relay_free(relay);
	return 0;
}
