/* SPDX-License-Identifier: BSD-2-Clause */
/* A ticket and the frames that bind with it, printed by relay_golden.py; include after cmocka.h. */
#pragma once

#include "ntm/relay.h"
#include "proto/hexes.h"

#define SAMPLE_DAY        20783 /* November 26, 2026 */
#define SAMPLE_FLOW       0x0102030405060708U
#define SAMPLE_GENERATION 0xa1a2a3a4U
#define SAMPLE_LABEL      0xfeedbeefU

#define HEX_TICKET                                                                 \
	"2fd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e73c4347383343576bb84795" \
	"39dd2c0c7a3e86a059da9abf7525e9bbbe9bbb390502d049828c63d6cc883a15f0a25065" \
	"c23fae94aeac3f4184e8cc0dec71169280d5122d8995929c9732"
#define HEX_COOKIE  "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
#define HEX_ZEROS32 "0000000000000000000000000000000000000000000000000000000000000000"

static const char golden_ticket_key[] =
	"d144c5a295610aee94e04b4e5e895274ada333aa019cb2a2ee69cec982fbf7eb";
static const char golden_ticket[] = HEX_TICKET;
static const char golden_bind[] =
	"11000000a1a2a3a4" HEX_TICKET HEX_ZEROS32 HEX_ZEROS32 HEX_ZEROS32 HEX_ZEROS32 "000000000000"
	"8e4f0366c1cf7d2f62e31185f471985b";
static const char golden_challenge[] =
	"12000000a1a2a3a40102030405060708" HEX_COOKIE "0000000000000000"
	"e98b7a7510689036713a3e84caef3bd3";
static const char golden_answer[] =
	"13000000a1a2a3a4" HEX_TICKET HEX_COOKIE "000000000000000000000000000000000000000000"
	"00"
	"dd0cef69c78b1f1ff69198f82a6816ca";
static const char golden_bound[] = "14000000a1a2a3a40102030405060708feedbeef0100000000000000"
				   "000000b4"
				   "26208afcd9fdb598800d1e120848dd67";
static const char golden_release[] = "16000000a1a2a3a4" HEX_TICKET "000000000000"
				     "f2f5b61cecba5fe4dc9ef3b069a75173";
static const char golden_unbound[] = "15000000feedbeef";

static inline void sample_up(uint8_t *out, size_t len, uint8_t first)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(first + i);
}

static inline struct ntm_ticket sample_ticket(void)
{
	struct ntm_ticket ticket = {.flow = SAMPLE_FLOW,
				    .side = 1,
				    .expires_s = 1795708800,
				    .kbit_s = 128,
				    .account = 7};

	sample_up(ticket.bind_key, sizeof(ticket.bind_key), 0x60);
	return ticket;
}
