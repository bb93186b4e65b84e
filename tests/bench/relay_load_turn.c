/* SPDX-License-Identifier: BSD-2-Clause */
/* A TURN client, as small as a server without authentication allows (RFC 5766). */
#include "relay_load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ALLOCATE       0x0003
#define CHANNEL_BIND   0x0009
#define SUCCESS        0x0100
#define MAGIC          0x2112a442
#define ATTR_CHANNEL   0x000c
#define ATTR_PEER      0x0012 /* XOR-PEER-ADDRESS */
#define ATTR_RELAYED   0x0016 /* XOR-RELAYED-ADDRESS */
#define ATTR_TRANSPORT 0x0019
#define UDP            17
#define CHANNEL        0x4000
#define HEADER         20

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static size_t begin(uint8_t *msg, unsigned type)
{
	static uint32_t transaction;

	put16(msg, type);
	put32(msg + 4, MAGIC);
	memset(msg + 8, 0, 12);
	put32(msg + 16, ++transaction);
	return HEADER;
}

static size_t put_attr(uint8_t *msg, size_t len, unsigned type, const uint8_t *value, unsigned size)
{
	put16(msg + len, type);
	put16(msg + len + 2, size);
	memcpy(msg + len + 4, value, size);
	put16(msg + 2, (unsigned)(len + 4 + size - HEADER));
	return len + 4 + size;
}

static void ask(const struct end *end, const uint8_t *msg, size_t len, uint8_t *answer, size_t cap)
{
	size_t got = end_ask(end, msg, len, answer, cap);

	if (got < HEADER || get16(answer) != (get16(msg) | SUCCESS)) {
		errno = EPROTO;
		die("the TURN server refuses");
	}
}

static struct sockaddr_in allocate(const struct end *end)
{
	static const uint8_t transport[4] = {UDP};
	struct sockaddr_in relayed = {.sin_family = AF_INET};
	uint8_t msg[64], answer[512] = {0};
	size_t len = put_attr(msg, begin(msg, ALLOCATE), ATTR_TRANSPORT, transport, 4);

	ask(end, msg, len, answer, sizeof(answer));
	for (size_t at = HEADER; at + 12 <= HEADER + get16(answer + 2);
	     at += 4 + ((get16(answer + at + 2) + 3) & ~3u)) {
		if (get16(answer + at) != ATTR_RELAYED)
			continue;
		relayed.sin_port = htons((uint16_t)(get16(answer + at + 6) ^ MAGIC >> 16));
		relayed.sin_addr.s_addr = htonl(get32(answer + at + 8) ^ MAGIC);
	}
	if (relayed.sin_port == 0)
		die("no relayed address");
	return relayed;
}

static void bind_channel(const struct end *end, const struct sockaddr_in *peer)
{
	uint8_t msg[64], answer[512], channel[4] = {0}, addr[8] = {0, 1};
	size_t len = begin(msg, CHANNEL_BIND);

	put16(channel, CHANNEL);
	put16(addr + 2, ntohs(peer->sin_port) ^ MAGIC >> 16);
	put32(addr + 4, ntohl(peer->sin_addr.s_addr) ^ MAGIC);
	len = put_attr(msg, len, ATTR_CHANNEL, channel, 4);
	len = put_attr(msg, len, ATTR_PEER, addr, 8);
	ask(end, msg, len, answer, sizeof(answer));
}

static void fill(struct end *end, int channel)
{
	memset(end->packet, 0x80, sizeof(end->packet));
	put16(end->packet, CHANNEL);
	put16(end->packet + 2, PAYLOAD_LEN);
	end->len = PAYLOAD_LEN + (channel ? 4 : 0);
}

void turn_open(struct load *load, int both)
{
	for (unsigned i = 0; i < load->calls; i++) {
		struct end *a = &load->end[2 * i], *b = a + 1;

		end_open(a, i, &load->server);
		struct sockaddr_in at_a = allocate(a), at_b;
		end_open(b, i + 1, both ? &load->server : &at_a);
		at_b = both ? allocate(b) : b->self;
		bind_channel(a, &at_b);
		if (both)
			bind_channel(b, &at_a);
		fill(a, 1);
		fill(b, both);
	}
}
