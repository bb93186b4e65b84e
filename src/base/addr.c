/* SPDX-License-Identifier: BSD-2-Clause */
/* IP addresses, transport addresses and prefixes as plain values that compare with memcmp. */
#include "ntm/addr.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "ntm/wire.h"

/* No hidden padding, or memcmp and hashing would see garbage. */
_Static_assert(sizeof(struct ntm_addr) == sizeof(struct ntm_ip) + sizeof(uint16_t), "padding");

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

struct ntm_ip ntm_ip_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct ntm_ip){.family = 4, .b = {a, b, c, d}};
}

struct ntm_ip ntm_ip_from_bytes(uint8_t family, const void *bytes)
{
	const uint8_t *b = bytes;
	struct ntm_ip ip = {.family = family};

	if (family == 6 && memcmp(b, v4_mapped, sizeof(v4_mapped)) == 0)
		return ntm_ip_v4(b[12], b[13], b[14], b[15]);
	if (ntm_ip_len(&ip) == 0)
		return (struct ntm_ip){0};
	memcpy(ip.b, b, ntm_ip_len(&ip));
	return ip;
}

bool ntm_ip_eq(const struct ntm_ip *a, const struct ntm_ip *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool ntm_ip_is_unspecified(const struct ntm_ip *ip)
{
	static const uint8_t zeros[16];

	return ntm_ip_len(ip) > 0 && memcmp(ip->b, zeros, sizeof(zeros)) == 0;
}

bool ntm_ip_is_loopback(const struct ntm_ip *ip)
{
	static const struct ntm_ip one = {.family = 6, .b = {[15] = 1}};

	return ip->family == 4 ? ip->b[0] == 127 : ntm_ip_eq(ip, &one);
}

bool ntm_ip_is_multicast(const struct ntm_ip *ip)
{
	static const struct ntm_ip broadcast = {.family = 4, .b = {255, 255, 255, 255}};

	if (ip->family == 4)
		return ip->b[0] >> 4 == 14 || ntm_ip_eq(ip, &broadcast);
	return ip->family == 6 && ip->b[0] == 0xff;
}

bool ntm_ip_is_link_local(const struct ntm_ip *ip)
{
	if (ip->family == 4)
		return ip->b[0] == 169 && ip->b[1] == 254;
	return ip->family == 6 && ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

bool ntm_ip_is_private(const struct ntm_ip *ip)
{
	const uint8_t *b = ip->b;

	if (ip->family == 6)
		return (b[0] & 0xfe) == 0xfc;
	return ip->family == 4 &&
	       (b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) ||
		(b[0] == 192 && b[1] == 168) || (b[0] == 100 && (b[1] & 0xc0) == 64));
}

bool ntm_ip_is_usable(const struct ntm_ip *ip)
{
	if (ntm_ip_is_unspecified(ip) || ntm_ip_is_loopback(ip) || ntm_ip_is_multicast(ip) ||
	    ntm_ip_is_link_local(ip))
		return false;
	if (ip->family == 4)
		return ip->b[0] != 0 && ip->b[0] < 240;
	return ip->family == 6;
}

bool ntm_addr_eq(const struct ntm_addr *a, const struct ntm_addr *b)
{
	return ntm_ip_eq(&a->ip, &b->ip) && a->port == b->port;
}

struct ntm_addr ntm_addr_relay(uint32_t number)
{
	struct ntm_addr addr = {.ip.family = NTM_FAMILY_RELAY};

	memcpy(addr.ip.b, &number, sizeof(number));
	return addr;
}

uint32_t ntm_addr_relay_number(const struct ntm_addr *addr)
{
	uint32_t number;

	memcpy(&number, addr->ip.b, sizeof(number));
	return number;
}

unsigned ntm_addr_to_sockaddr(const struct ntm_addr *addr, bool mapped,
			      struct sockaddr_storage *out)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};

	memset(out, 0, sizeof(*out));
	if (ntm_ip_len(&addr->ip) == 0)
		return 0;
	if (addr->ip.family == 4 && !mapped) {
		memcpy(&sin.sin_addr, addr->ip.b, 4);
		memcpy(out, &sin, sizeof(sin));
		return sizeof(sin);
	}
	if (addr->ip.family == 4) {
		memcpy(&sin6.sin6_addr, v4_mapped, 12);
		memcpy(sin6.sin6_addr.s6_addr + 12, addr->ip.b, 4);
	} else {
		memcpy(&sin6.sin6_addr, addr->ip.b, 16);
	}
	memcpy(out, &sin6, sizeof(sin6));
	return sizeof(sin6);
}

int ntm_addr_from_sockaddr(struct ntm_addr *addr, const struct sockaddr *sa)
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	/* Copied out, since sa may be less aligned than the family's own type. */
	if (sa->sa_family == AF_INET) {
		memcpy(&sin, sa, sizeof(sin));
		*addr = (struct ntm_addr){.ip = ntm_ip_from_bytes(4, &sin.sin_addr),
					  .port = ntohs(sin.sin_port)};
		return 0;
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(&sin6, sa, sizeof(sin6));
		*addr = (struct ntm_addr){.ip = ntm_ip_from_bytes(6, &sin6.sin6_addr),
					  .port = ntohs(sin6.sin6_port)};
		return 0;
	}
	return -EAFNOSUPPORT;
}

/* Bits of an address of this family. */
static unsigned width(const struct ntm_ip *ip)
{
	return (unsigned)ntm_ip_len(ip) * 8;
}

/* Whether the first len bits are the same; len is within both. */
static bool same_bits(const struct ntm_ip *a, const struct ntm_ip *b, unsigned len)
{
	unsigned whole = len / 8, rest = len % 8;

	if (memcmp(a->b, b->b, whole) != 0)
		return false;
	return rest == 0 || (a->b[whole] ^ b->b[whole]) >> (8 - rest) == 0;
}

bool ntm_prefix_has(const struct ntm_prefix *prefix, const struct ntm_ip *ip)
{
	return ip->family == prefix->ip.family && width(ip) > 0 && prefix->len <= width(ip) &&
	       same_bits(&prefix->ip, ip, prefix->len);
}

bool ntm_prefix_overlap(const struct ntm_prefix *a, const struct ntm_prefix *b)
{
	return ntm_prefix_has(a, &b->ip) || ntm_prefix_has(b, &a->ip);
}

bool ntm_prefix_inside(const struct ntm_prefix *prefix, const struct ntm_prefix *outer)
{
	return prefix->len >= outer->len && ntm_prefix_has(outer, &prefix->ip);
}

int ntm_prefix_nth(const struct ntm_prefix *prefix, uint64_t n, struct ntm_ip *ip)
{
	unsigned host_bits = width(&prefix->ip) - prefix->len;

	if (!ntm_prefix_has(prefix, &prefix->ip) || (host_bits < 64 && n >> host_bits != 0))
		return -ERANGE;
	*ip = prefix->ip;
	/* The host bits are zero, so nothing carries. */
	for (size_t i = ntm_ip_len(ip); n > 0; n >>= 8)
		ip->b[--i] |= (uint8_t)n;
	return 0;
}

int ntm_prefix_index(const struct ntm_prefix *prefix, const struct ntm_ip *ip, uint64_t *n)
{
	struct ntm_ip host = *ip;
	unsigned bit = prefix->len;
	uint64_t v = 0;

	if (!ntm_prefix_has(prefix, ip))
		return -ERANGE;
	memset(host.b, 0, bit / 8);
	if (bit % 8 != 0)
		host.b[bit / 8] &= (uint8_t)(0xff >> bit % 8);
	for (size_t i = 0; i < ntm_ip_len(ip); i++) {
		if (v >> 56 != 0)
			return -ERANGE;
		v = v << 8 | host.b[i];
	}
	*n = v;
	return 0;
}

struct ntm_ip ntm_prefix_last_usable(const struct ntm_prefix *prefix)
{
	struct ntm_ip ip = prefix->ip;

	for (unsigned bit = prefix->len; bit < width(&ip); bit++)
		ip.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	/* RFC 3021: a /31 has no broadcast address; nor has a single host. */
	if (ip.family == 4 && prefix->len < 31)
		ip.b[3]--;
	return ip;
}

void ntm_wr_ip(struct ntm_wr *wr, const struct ntm_ip *ip)
{
	ntm_wr_u8(wr, ip->family);
	ntm_wr_bytes(wr, ip->b, ntm_ip_len(ip));
}

void ntm_wr_addr(struct ntm_wr *wr, const struct ntm_addr *addr)
{
	ntm_wr_ip(wr, &addr->ip);
	ntm_wr_u16(wr, addr->port);
}

void ntm_wr_prefix(struct ntm_wr *wr, const struct ntm_prefix *prefix)
{
	ntm_wr_ip(wr, &prefix->ip);
	ntm_wr_u8(wr, prefix->len);
}

struct ntm_ip ntm_rd_ip(struct ntm_rd *rd)
{
	struct ntm_ip raw = {.family = ntm_rd_u8(rd)};
	struct ntm_ip ip;

	ntm_rd_bytes(rd, raw.b, ntm_ip_len(&raw));
	ip = ntm_ip_from_bytes(raw.family, raw.b);
	/* Unknown family, or v4-mapped: one address has one encoding, signed cards depend on it. */
	if (ip.family != raw.family)
		ntm_rd_fail(rd);
	return ntm_rd_err(rd) ? (struct ntm_ip){0} : ip;
}

struct ntm_addr ntm_rd_addr(struct ntm_rd *rd)
{
	struct ntm_addr addr = {.ip = ntm_rd_ip(rd)};

	addr.port = ntm_rd_u16(rd);
	return ntm_rd_err(rd) ? (struct ntm_addr){0} : addr;
}

struct ntm_prefix ntm_rd_prefix(struct ntm_rd *rd)
{
	struct ntm_prefix prefix = {.ip = ntm_rd_ip(rd)};
	uint64_t n = 0;

	prefix.len = ntm_rd_u8(rd);
	/* A sound prefix has its own address as number 0; no prefix has length 0. */
	if (prefix.ip.family == 0 ? prefix.len != 0
				  : ntm_prefix_index(&prefix, &prefix.ip, &n) < 0 || n != 0)
		ntm_rd_fail(rd);
	return ntm_rd_err(rd) ? (struct ntm_prefix){0} : prefix;
}
