/* SPDX-License-Identifier: BSD-2-Clause */
/* Join tokens: printing and reading the one line that an operator pastes. */
#include "ntm/token.h"

#include "name.h"
#include "ntm/wire.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

/*
 * Bytes under the base64url (ntm-protocol(7)):
 *
 *   two addresses of the DC  DC's key (32)  root's key (32)  secret (32)  expiry (8)
 *   length (1) and name  length (1) and domain  checksum (4)
 *
 * The checksum of a relay's token is that of the bytes and the letter r: a token that lost the r of
 * its prefix is a broken one.
 */
#define MAGIC        "ntm"
#define MAGIC_LEN    3
#define RELAY_LETTER 'r'
#define PREFIX_MAX   6 /* "ntmr1." */
#define CHECKSUM_LEN 4
#define ADDR_MAX     19
#define BYTES_MAX                                                                         \
	(2 * ADDR_MAX + 2 * NTM_KEY_LEN + NTM_SIGN_PUB_LEN + 8 + 2 * (1 + NTM_NAME_MAX) + \
	 CHECKSUM_LEN)
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

_Static_assert(PREFIX_MAX + sodium_base64_ENCODED_LEN(BYTES_MAX, VARIANT) <= NTM_TOKEN_STR,
	       "token.h");
_Static_assert(sizeof(((struct ntm_token *)0)->secret) == NTM_KEY_LEN, "token.h");

/* Whether a packet can be sent there; loopback is fine, for a DC on the same host. */
static bool is_addr_sane(const struct ntm_addr *addr)
{
	if (addr->ip.family == 0)
		return addr->port == 0;
	return addr->port != 0 && !ntm_ip_is_unspecified(&addr->ip) &&
	       !ntm_ip_is_multicast(&addr->ip);
}

static bool is_sane(const struct ntm_token *token)
{
	return token->kind <= NTM_TOKEN_RELAY && is_addr_sane(&token->dc[0]) &&
	       is_addr_sane(&token->dc[1]) && token->dc[0].port + token->dc[1].port > 0 &&
	       token->expires_s >= 0 && ntm_name_is_canon(token->fqdn) &&
	       ntm_name_is_canon(token->domain) && ntm_name_under(token->fqdn, token->domain);
}

/* bytes has room for one more. */
static void checksum(uint8_t sum[static CHECKSUM_LEN], uint8_t kind, uint8_t *bytes, size_t len)
{
	uint8_t hash[32];

	if (kind == NTM_TOKEN_RELAY)
		bytes[len++] = RELAY_LETTER;
	ntm_blake2b(hash, sizeof(hash), bytes, len, NULL, 0);
	memcpy(sum, hash, CHECKSUM_LEN);
}

static size_t put_bytes(const struct ntm_token *token, uint8_t bytes[static BYTES_MAX])
{
	struct ntm_wr wr = ntm_wr_init(bytes, BYTES_MAX);
	uint8_t sum[CHECKSUM_LEN];

	ntm_wr_addr(&wr, &token->dc[0]);
	ntm_wr_addr(&wr, &token->dc[1]);
	ntm_wr_bytes(&wr, token->dc_key, NTM_KEY_LEN);
	ntm_wr_bytes(&wr, token->root, NTM_SIGN_PUB_LEN);
	ntm_wr_bytes(&wr, token->secret, sizeof(token->secret));
	ntm_wr_u64(&wr, (uint64_t)token->expires_s);
	ntm_wr_name_u8(&wr, token->fqdn);
	ntm_wr_name_u8(&wr, token->domain);
	if (ntm_wr_err(&wr))
		return 0;
	checksum(sum, token->kind, bytes, wr.len);
	ntm_wr_bytes(&wr, sum, CHECKSUM_LEN);
	return ntm_wr_err(&wr) ? 0 : wr.len;
}

int ntm_token_print(const struct ntm_token *token, char out[static NTM_TOKEN_STR])
{
	const char *prefix = token->kind == NTM_TOKEN_RELAY ? "ntmr1." : "ntm1.";
	size_t prefix_len = strlen(prefix);
	uint8_t bytes[BYTES_MAX];
	size_t len;

	if (!is_sane(token))
		return -EINVAL;
	len = put_bytes(token, bytes);
	if (len == 0)
		return -EINVAL;
	memcpy(out, prefix, prefix_len);
	sodium_bin2base64(out + prefix_len, NTM_TOKEN_STR - prefix_len, bytes, len, VARIANT);
	ntm_wipe(bytes, sizeof(bytes));
	return 0;
}

/* The bytes are whole: their checksum was right. */
static int get_bytes(struct ntm_token *token, const uint8_t *bytes, size_t len)
{
	struct ntm_rd rd = ntm_rd_init(bytes, len);

	token->dc[0] = ntm_rd_addr(&rd);
	token->dc[1] = ntm_rd_addr(&rd);
	ntm_rd_bytes(&rd, token->dc_key, NTM_KEY_LEN);
	ntm_rd_bytes(&rd, token->root, NTM_SIGN_PUB_LEN);
	ntm_rd_bytes(&rd, token->secret, sizeof(token->secret));
	token->expires_s = (int64_t)ntm_rd_u64(&rd);
	ntm_rd_name_u8(&rd, token->fqdn);
	ntm_rd_name_u8(&rd, token->domain);
	return ntm_rd_done(&rd) && is_sane(token) ? 0 : -EBADMSG;
}

static int parse_body(struct ntm_token *token, const char *text, size_t text_len)
{
	uint8_t bytes[BYTES_MAX];
	uint8_t told[CHECKSUM_LEN], sum[CHECKSUM_LEN];
	size_t len;
	int err = -EBADMSG;

	if (sodium_base642bin(bytes, sizeof(bytes), text, text_len, NULL, &len, NULL, VARIANT) !=
		    0 ||
	    len < CHECKSUM_LEN)
		goto out;
	len -= CHECKSUM_LEN;
	memcpy(told, bytes + len, CHECKSUM_LEN);
	checksum(sum, token->kind, bytes, len);
	if (memcmp(sum, told, CHECKSUM_LEN) == 0)
		err = get_bytes(token, bytes, len);
out:
	ntm_wipe(bytes, sizeof(bytes));
	return err;
}

/* The length of the prefix when text starts with our version of either kind, -ENOTSUP for another,
 * -EINVAL for something else. */
static int read_prefix(const char *text, size_t len, uint8_t *kind)
{
	size_t at = MAGIC_LEN;
	size_t digits;

	if (len < MAGIC_LEN || memcmp(text, MAGIC, MAGIC_LEN) != 0)
		return -EINVAL;
	*kind = text[at] == RELAY_LETTER ? NTM_TOKEN_RELAY : NTM_TOKEN_NODE;
	at += *kind == NTM_TOKEN_RELAY;
	digits = strspn(text + at, "0123456789");
	if (digits == 0 || text[at + digits] != '.')
		return -EINVAL;
	return digits == 1 && text[at] == '1' ? (int)at + 2 : -ENOTSUP;
}

int ntm_token_parse(struct ntm_token *token, const char *text)
{
	static const char blanks[] = " \t\r\n";
	const char *word = text + strspn(text, blanks);
	size_t len = strlen(word);
	struct ntm_token got = {.kind = NTM_TOKEN_NODE};
	int prefix_len, err;

	while (len > 0 && strchr(blanks, word[len - 1]))
		len--;
	prefix_len = read_prefix(word, len, &got.kind);
	if (prefix_len < 0)
		return prefix_len;
	err = parse_body(&got, word + prefix_len, len - (size_t)prefix_len);
	if (!err)
		*token = got;
	ntm_wipe(&got, sizeof(got));
	return err;
}

void ntm_token_hash(const struct ntm_token *token, uint8_t hash[static 32])
{
	ntm_blake2b(hash, 32, token->secret, sizeof(token->secret), NULL, 0);
}
