/* SPDX-License-Identifier: BSD-2-Clause */
/* Transport keys of one handshake: sealing, opening and the replay window. */
#pragma once

#include "ntm/noise.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* design.md 4. Offered as a bit mask in the handshake payloads. */
enum ntm_suite {
	NTM_SUITE_CHACHA20_POLY1305 = 1,
	NTM_SUITE_AES256_GCM = 2,
};
/* What this CPU does: ChaCha20 always, AES-256-GCM where libsodium has it in hardware. */
uint8_t ntm_suites_here(void);
/* The best suite that both masks offer; 0 when there is none. */
uint8_t ntm_suite_choose(uint8_t ours, uint8_t theirs);

/* RFC 6479 window over 8192 counters, of which 8128 behind the newest are usable. */
#define NTM_REPLAY_BITS 8192
struct ntm_replay {
	uint64_t newest;
	bool any;
	uint64_t bits[NTM_REPLAY_BITS / 64];
};
void ntm_replay_init(struct ntm_replay *replay);
/* Takes the counter of a packet whose tag was right. 0, or -EALREADY (seen, or too old). */
int ntm_replay_take(struct ntm_replay *replay, uint64_t counter);

/* A counter is never reused; sealing refuses (-EKEYEXPIRED) from here on (WireGuard 6.1). */
#define NTM_COUNTER_LIMIT (UINT64_MAX - (1U << 13))

/* Directional keys of one handshake. */
struct ntm_session {
	uint8_t suite;
	uint32_t local_index;  /* what the peer puts in front */
	uint32_t remote_index; /* what we put in front */
	int64_t born_ms;
	bool initiator;
	uint64_t send_counter;
	uint8_t send_key[NTM_KEY_LEN];
	uint8_t recv_key[NTM_KEY_LEN];
	struct ntm_replay replay;
};

/*
 * Seals plain_len bytes that lie at frame + NTM_TRANSPORT_HEADER into a TRANSPORT frame in place:
 * header in front, tag behind. The 16 header bytes are authenticated. frame has room for header and
 * tag. Sets *frame_len. 0 or -EKEYEXPIRED.
 */
int ntm_session_seal(struct ntm_session *session, uint8_t cls, uint8_t *frame, size_t plain_len,
		     size_t *frame_len);
/*
 * Opens a whole TRANSPORT frame in place; the plaintext stands at frame + NTM_TRANSPORT_HEADER. 0;
 * -EBADMSG (short), -EKEYREJECTED (tag), -EALREADY (replay). The window moves only after the tag
 * was right.
 */
int ntm_session_open(struct ntm_session *session, uint8_t *frame, size_t len, size_t *plain_len);
void ntm_session_wipe(struct ntm_session *session);
