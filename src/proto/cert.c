/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates: the domain's root signs who owns a name, a key and virtual addresses. */
#include "ntm/cert.h"

#include "name.h"
#include "ntm/wire.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

/*
 * Layout (ntm-protocol(7)):
 *
 *   magic and version (12)  type (1)  zero (1)  serial (8)  not before (8)  not after (8)
 *   key (32)  IPv4 (4) and its length (1)  IPv6 (16) and its length (1)
 *   name length (1)  name  signature (64)
 *
 * A node's own address has length 32 or 128; a DC's prefix has its length; none is all zeros.
 */
#define MAGIC       "NTM-cert-v"
#define MAGIC_LEN   10
#define VERSION     "1" /* and its NUL */
#define VERSION_LEN 2
#define BODY_MIN    (MAGIC_LEN + VERSION_LEN + 2 + 3 * 8 + NTM_KEY_LEN + 5 + 17 + 1)

_Static_assert(BODY_MIN + NTM_NAME_MAX + NTM_SIG_LEN <= NTM_CERT_MAX, "cert.h");
_Static_assert(NTM_SIGN_SEC_LEN == crypto_sign_ed25519_SECRETKEYBYTES, "cert.h");

void ntm_root_make(struct ntm_root *root)
{
	crypto_sign_ed25519_keypair(root->pub, root->sec);
}

void ntm_root_from_secret(struct ntm_root *root, const uint8_t sec[static NTM_SIGN_SEC_LEN])
{
	uint8_t seed[crypto_sign_ed25519_SEEDBYTES];

	/* From the seed, not from the public key that is stored behind it: signing under a public
	 * key that does not belong to the secret would give the secret away. */
	crypto_sign_ed25519_sk_to_seed(seed, sec);
	crypto_sign_ed25519_seed_keypair(root->pub, root->sec, seed);
	ntm_wipe(seed, sizeof(seed));
}

/* What the address fields hold: a node's address is a prefix of full length. */
static struct ntm_prefix own_prefix(const struct ntm_ip *ip)
{
	return (struct ntm_prefix){.ip = *ip, .len = (uint8_t)(ntm_ip_len(ip) * 8)};
}

static bool is_prefix_sane(const struct ntm_prefix *prefix, uint8_t family)
{
	uint64_t n;

	if (prefix->ip.family == 0)
		return prefix->len == 0;
	return prefix->ip.family == family && prefix->len > 0 && ntm_ip_is_usable(&prefix->ip) &&
	       ntm_prefix_index(prefix, &prefix->ip, &n) == 0 && n == 0;
}

static bool type_has_vips(uint8_t type)
{
	return type == NTM_CERT_NODE || type == NTM_CERT_RELAY;
}

static bool has_only_own_fields(const struct ntm_cert *cert)
{
	bool has_vip = cert->vip4.family != 0 || cert->vip6.family != 0;
	bool has_prefix = cert->prefix4.ip.family != 0 || cert->prefix6.ip.family != 0;

	switch (cert->type) {
	case NTM_CERT_DC:
	case NTM_CERT_DOMAIN:
		return !has_vip;
	case NTM_CERT_RELAY: /* a gateway has addresses */
	case NTM_CERT_NODE:
		return !has_prefix;
	default:
		return false;
	}
}

/* The skew is added to both times, so they stay clear of the end of their type. */
static bool is_sane(const struct ntm_cert *cert)
{
	struct ntm_prefix own4 = own_prefix(&cert->vip4);
	struct ntm_prefix own6 = own_prefix(&cert->vip6);

	return has_only_own_fields(cert) && ntm_name_is_canon(cert->fqdn) &&
	       cert->not_before_s >= 0 && cert->not_before_s < cert->not_after_s &&
	       cert->not_after_s <= INT64_MAX - NTM_CERT_SKEW_S && is_prefix_sane(&own4, 4) &&
	       is_prefix_sane(&own6, 6) && is_prefix_sane(&cert->prefix4, 4) &&
	       is_prefix_sane(&cert->prefix6, 6);
}

static void put_prefix(struct ntm_wr *wr, const struct ntm_prefix *prefix, size_t width)
{
	ntm_wr_bytes(wr, prefix->ip.b, width);
	ntm_wr_u8(wr, prefix->len);
}

/* Everything in front of the signature. */
static size_t put_body(const struct ntm_cert *cert, uint8_t blob[static NTM_CERT_MAX])
{
	bool has_vips = type_has_vips(cert->type);
	struct ntm_prefix prefix4 = has_vips ? own_prefix(&cert->vip4) : cert->prefix4;
	struct ntm_prefix prefix6 = has_vips ? own_prefix(&cert->vip6) : cert->prefix6;
	struct ntm_wr wr = ntm_wr_init(blob, NTM_CERT_MAX);

	ntm_wr_bytes(&wr, MAGIC, MAGIC_LEN);
	ntm_wr_bytes(&wr, VERSION, VERSION_LEN);
	ntm_wr_u8(&wr, cert->type);
	ntm_wr_u8(&wr, 0);
	ntm_wr_u64(&wr, cert->serial);
	ntm_wr_u64(&wr, (uint64_t)cert->not_before_s);
	ntm_wr_u64(&wr, (uint64_t)cert->not_after_s);
	ntm_wr_bytes(&wr, cert->key, NTM_KEY_LEN);
	put_prefix(&wr, &prefix4, 4);
	put_prefix(&wr, &prefix6, 16);
	ntm_wr_name_u8(&wr, cert->fqdn);
	return wr.len;
}

size_t ntm_cert_sign(const struct ntm_cert *cert, const struct ntm_root *root,
		     uint8_t blob[static NTM_CERT_MAX])
{
	size_t len;

	if (!is_sane(cert))
		return 0;
	len = put_body(cert, blob);
	crypto_sign_ed25519_detached(blob + len, NULL, blob, len, root->sec);
	return len + NTM_SIG_LEN;
}

/* No address when the length is 0; the comparison of encodings sees to the other bytes. */
static struct ntm_prefix get_prefix(struct ntm_rd *rd, uint8_t family)
{
	uint8_t bytes[16];
	struct ntm_prefix prefix = {0};

	ntm_rd_bytes(rd, bytes, family == 4 ? 4 : 16);
	prefix.len = ntm_rd_u8(rd);
	if (prefix.len > 0)
		prefix.ip = ntm_ip_from_bytes(family, bytes);
	return prefix;
}

/* Reads what stands between the version and the signature. */
static void get_body(struct ntm_cert *cert, struct ntm_rd *rd)
{
	struct ntm_prefix prefix4, prefix6;

	cert->type = ntm_rd_u8(rd);
	(void)ntm_rd_u8(rd); /* zero: the comparison of encodings sees to it */
	cert->serial = ntm_rd_u64(rd);
	cert->not_before_s = (int64_t)ntm_rd_u64(rd);
	cert->not_after_s = (int64_t)ntm_rd_u64(rd);
	ntm_rd_bytes(rd, cert->key, NTM_KEY_LEN);
	prefix4 = get_prefix(rd, 4);
	prefix6 = get_prefix(rd, 6);
	ntm_rd_name_u8(rd, cert->fqdn);
	if (type_has_vips(cert->type)) {
		cert->vip4 = prefix4.ip;
		cert->vip6 = prefix6.ip;
	} else {
		cert->prefix4 = prefix4;
		cert->prefix6 = prefix6;
	}
}

int ntm_cert_check(struct ntm_cert *cert, const uint8_t *blob, size_t len,
		   const uint8_t root_pub[static NTM_SIGN_PUB_LEN], int64_t now_s)
{
	struct ntm_rd rd = ntm_rd_init(blob, len);
	struct ntm_cert got = {0};
	uint8_t again[NTM_CERT_MAX];
	size_t body_len;

	if (len < BODY_MIN + NTM_SIG_LEN || len > NTM_CERT_MAX ||
	    memcmp(ntm_rd_view(&rd, MAGIC_LEN), MAGIC, MAGIC_LEN) != 0)
		return -EBADMSG;
	if (memcmp(ntm_rd_view(&rd, VERSION_LEN), VERSION, VERSION_LEN) != 0)
		return -ENOTSUP;
	get_body(&got, &rd);
	if (ntm_rd_err(&rd) || ntm_rd_left(&rd) != NTM_SIG_LEN || !is_sane(&got))
		return -EBADMSG;
	body_len = put_body(&got, again);
	if (body_len != len - NTM_SIG_LEN || memcmp(again, blob, body_len) != 0)
		return -EBADMSG;
	if (crypto_sign_ed25519_verify_detached(blob + body_len, blob, body_len, root_pub) != 0)
		return -EKEYREJECTED;
	if (now_s < got.not_before_s - NTM_CERT_SKEW_S || now_s > got.not_after_s + NTM_CERT_SKEW_S)
		return -ETIME;
	*cert = got;
	return 0;
}
