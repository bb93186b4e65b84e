/* SPDX-License-Identifier: BSD-2-Clause */
/* Sealing and opening TRANSPORT frames under the keys of one handshake. */
#include "ntm/session.h"

#include "ntm/frame.h"
#include "ntm/wire.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define NONCE_LEN 12
_Static_assert(crypto_aead_chacha20poly1305_ietf_NPUBBYTES == NONCE_LEN, "nonce of ChaCha20");
_Static_assert(crypto_aead_aes256gcm_NPUBBYTES == NONCE_LEN, "nonce of AES-GCM");

uint8_t ntm_suites_here(void)
{
	uint8_t suites = NTM_SUITE_CHACHA20_POLY1305;

	if (crypto_aead_aes256gcm_is_available())
		suites |= NTM_SUITE_AES256_GCM;
	return suites;
}

uint8_t ntm_suite_choose(uint8_t ours, uint8_t theirs)
{
	uint8_t both = ours & theirs;

	if (both & NTM_SUITE_AES256_GCM)
		return NTM_SUITE_AES256_GCM;
	return both & NTM_SUITE_CHACHA20_POLY1305;
}

/* Noise 12.3 and 12.4: 4 zero bytes, then the counter, little endian for ChaChaPoly only. */
static void make_nonce(uint8_t out[static NONCE_LEN], uint8_t suite, uint64_t counter)
{
	memset(out, 0, 4);
	for (int i = 0; i < 8; i++) {
		int at = suite == NTM_SUITE_AES256_GCM ? 11 - i : 4 + i;

		out[at] = (uint8_t)(counter >> (8 * i));
	}
}

int ntm_session_seal(struct ntm_session *session, uint8_t cls, uint8_t *frame, size_t plain_len,
		     size_t *frame_len)
{
	uint8_t *plain = frame + NTM_TRANSPORT_HEADER;
	uint64_t counter = session->send_counter;
	uint8_t nonce[NONCE_LEN];
	struct ntm_wr wr = ntm_wr_init(frame, NTM_TRANSPORT_HEADER);

	if (counter >= NTM_COUNTER_LIMIT)
		return -EKEYEXPIRED;
	session->send_counter++;
	ntm_wr_u8(&wr, NTM_FRAME_TRANSPORT);
	ntm_wr_u8(&wr, cls);
	ntm_wr_u16(&wr, 0);
	ntm_wr_u32(&wr, session->remote_index);
	ntm_wr_u64(&wr, counter);
	make_nonce(nonce, session->suite, counter);
	if (session->suite == NTM_SUITE_AES256_GCM)
		crypto_aead_aes256gcm_encrypt(plain, NULL, plain, plain_len, frame,
					      NTM_TRANSPORT_HEADER, NULL, nonce, session->send_key);
	else
		crypto_aead_chacha20poly1305_ietf_encrypt(plain, NULL, plain, plain_len, frame,
							  NTM_TRANSPORT_HEADER, NULL, nonce,
							  session->send_key);
	*frame_len = NTM_TRANSPORT_OVERHEAD + plain_len;
	return 0;
}

int ntm_session_open(struct ntm_session *session, uint8_t *frame, size_t len, size_t *plain_len)
{
	uint8_t *sealed = frame + NTM_TRANSPORT_HEADER;
	size_t sealed_len = len - NTM_TRANSPORT_HEADER;
	struct ntm_rd rd = ntm_rd_init(frame, len);
	uint8_t nonce[NONCE_LEN];
	uint64_t counter;
	int err;

	if (len < NTM_TRANSPORT_OVERHEAD)
		return -EBADMSG;
	(void)ntm_rd_u64(&rd); /* type, class, index: authenticated below */
	counter = ntm_rd_u64(&rd);
	make_nonce(nonce, session->suite, counter);
	if (session->suite == NTM_SUITE_AES256_GCM)
		err = crypto_aead_aes256gcm_decrypt(sealed, NULL, NULL, sealed, sealed_len, frame,
						    NTM_TRANSPORT_HEADER, nonce, session->recv_key);
	else
		err = crypto_aead_chacha20poly1305_ietf_decrypt(sealed, NULL, NULL, sealed,
								sealed_len, frame,
								NTM_TRANSPORT_HEADER, nonce,
								session->recv_key);
	if (err)
		return -EKEYREJECTED;
	err = ntm_replay_take(&session->replay, counter);
	if (err)
		return err;
	*plain_len = sealed_len - NTM_TAG_LEN;
	return 0;
}

void ntm_session_wipe(struct ntm_session *session)
{
	ntm_wipe(session, sizeof(*session));
}
