/* SPDX-License-Identifier: BSD-2-Clause */
/* Tickets: what a DC lets a node do at a relay, sealed so that only that relay can read it. */
#include "ntm/relay.h"
#include "ntm/wire.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define BODY_LEN  57
#define AD_TEXT   "NTM-ticket1"
#define AD_LEN    (sizeof(AD_TEXT) - 1 + NTM_KEY_LEN + 1)

_Static_assert(NTM_TICKET_LEN ==
		       1 + NONCE_LEN + BODY_LEN + crypto_aead_xchacha20poly1305_ietf_ABYTES,
	       "lists.h");
_Static_assert(NTM_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "relay.h");

struct ntm_ticket_key ntm_ticket_key_make(const uint8_t dc_secret[static NTM_KEY_LEN],
					  const uint8_t relay_pub[static NTM_KEY_LEN], int64_t day)
{
	struct ntm_ticket_key key = {.id = (uint8_t)day};
	uint8_t text[10 + NTM_KEY_LEN + 8];
	struct ntm_wr wr = ntm_wr_init(text, sizeof(text));

	ntm_wr_bytes(&wr, "NTM-relay1", 10);
	ntm_wr_bytes(&wr, relay_pub, NTM_KEY_LEN);
	ntm_wr_u64(&wr, (uint64_t)day);
	ntm_blake2b(key.key, sizeof(key.key), text, wr.len, dc_secret, NTM_KEY_LEN);
	return key;
}

static void make_ad(uint8_t ad[static AD_LEN], const uint8_t relay_pub[static NTM_KEY_LEN],
		    uint8_t key_id)
{
	struct ntm_wr wr = ntm_wr_init(ad, AD_LEN);

	ntm_wr_bytes(&wr, AD_TEXT, sizeof(AD_TEXT) - 1);
	ntm_wr_bytes(&wr, relay_pub, NTM_KEY_LEN);
	ntm_wr_u8(&wr, key_id);
}

void ntm_ticket_seal(const struct ntm_ticket *ticket, const struct ntm_ticket_key *key,
		     const uint8_t relay_pub[static NTM_KEY_LEN],
		     uint8_t out[static NTM_TICKET_LEN])
{
	uint8_t body[BODY_LEN], ad[AD_LEN];
	struct ntm_wr wr = ntm_wr_init(body, sizeof(body));

	ntm_wr_u64(&wr, ticket->flow);
	ntm_wr_u8(&wr, ticket->side);
	ntm_wr_u64(&wr, (uint64_t)ticket->expires_s);
	ntm_wr_u32(&wr, ticket->kbit_s);
	ntm_wr_u32(&wr, ticket->account);
	ntm_wr_bytes(&wr, ticket->bind_key, sizeof(ticket->bind_key));
	make_ad(ad, relay_pub, key->id);
	out[0] = key->id;
	ntm_random(out + 1, NONCE_LEN);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(out + 1 + NONCE_LEN, NULL, body,
							 sizeof(body), ad, sizeof(ad), NULL,
							 out + 1, key->key);
	ntm_wipe(body, sizeof(body));
}

static int read_body(struct ntm_ticket *ticket, const uint8_t body[static BODY_LEN])
{
	struct ntm_rd rd = ntm_rd_init(body, BODY_LEN);
	struct ntm_ticket got = {.flow = ntm_rd_u64(&rd)};

	got.side = ntm_rd_u8(&rd);
	got.expires_s = (int64_t)ntm_rd_u64(&rd);
	got.kbit_s = ntm_rd_u32(&rd);
	got.account = ntm_rd_u32(&rd);
	ntm_rd_bytes(&rd, got.bind_key, sizeof(got.bind_key));
	if (!ntm_rd_done(&rd) || got.side > 1 || got.expires_s < 0)
		return -EBADMSG;
	*ticket = got;
	return 0;
}

int ntm_ticket_open(struct ntm_ticket *ticket, const struct ntm_ticket_key *key,
		    const uint8_t relay_pub[static NTM_KEY_LEN],
		    const uint8_t sealed[static NTM_TICKET_LEN])
{
	uint8_t body[BODY_LEN], ad[AD_LEN];
	int err = -EKEYREJECTED;

	if (sealed[0] != key->id)
		return err;
	make_ad(ad, relay_pub, key->id);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(body, NULL, NULL, sealed + 1 + NONCE_LEN,
						       NTM_TICKET_LEN - 1 - NONCE_LEN, ad,
						       sizeof(ad), sealed + 1, key->key) == 0)
		err = read_body(ticket, body);
	ntm_wipe(body, sizeof(body));
	return err;
}
