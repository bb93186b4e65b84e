/* SPDX-License-Identifier: BSD-2-Clause */
/* IP addresses, transport addresses and prefixes as plain values that compare with memcmp. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ntm_rd;
struct ntm_wr;
struct sockaddr;
struct sockaddr_storage;

/* An address. family is 0 (none), 4 or 6; unused bytes are zero, so memcmp and hashing work. For
 * NTM_FAMILY_RELAY see ntm_addr_relay. */
struct ntm_ip {
	uint8_t family;
	uint8_t b[16];
	uint8_t zero; /* leaves no padding in struct ntm_addr, which is hashed as well */
};

/* An address and a UDP or TCP port in host byte order. */
struct ntm_addr {
	struct ntm_ip ip;
	uint16_t port;
};

struct ntm_prefix {
	struct ntm_ip ip; /* host bits are zero */
	uint8_t len;      /* bits: 0..32 or 0..128 */
};

/* Enough for the longest text with NUL: address; [address]:port; address/len. */
#define NTM_IP_STR     46
#define NTM_ADDR_STR   56
#define NTM_PREFIX_STR 50
/* in-addr.arpa or ip6.arpa name of an address, with NUL. */
#define NTM_IP_ARPA_STR 80

struct ntm_ip ntm_ip_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
/* From 4 or 16 network bytes. A v4-mapped IPv6 address becomes the IPv4 address. */
struct ntm_ip ntm_ip_from_bytes(uint8_t family, const void *bytes);
/* Parses a literal, no names. 0 or -EINVAL; *ip is set on success only. */
int ntm_ip_parse(struct ntm_ip *ip, const char *text);
/* Writes the literal ("none" for family 0) and returns buf, so it fits in a log call. */
const char *ntm_ip_str(const struct ntm_ip *ip, char buf[static NTM_IP_STR]);
/* Writes the reverse DNS name without a final dot and returns buf. */
const char *ntm_ip_arpa(const struct ntm_ip *ip, char buf[static NTM_IP_ARPA_STR]);
/* The address that an in-addr.arpa or ip6.arpa name spells in full. 0 or -EINVAL. */
int ntm_ip_from_arpa(struct ntm_ip *ip, const char *name);
bool ntm_ip_eq(const struct ntm_ip *a, const struct ntm_ip *b);
static inline size_t ntm_ip_len(const struct ntm_ip *ip)
{
	return ip->family == 4 ? 4 : ip->family == 6 ? 16 : 0;
}
bool ntm_ip_is_unspecified(const struct ntm_ip *ip); /* 0.0.0.0 or :: */
bool ntm_ip_is_loopback(const struct ntm_ip *ip);
bool ntm_ip_is_multicast(const struct ntm_ip *ip); /* and 255.255.255.255 */
bool ntm_ip_is_link_local(const struct ntm_ip *ip);
/* One that many networks have: RFC 1918, RFC 6598 (carriers' NATs), RFC 4193. */
bool ntm_ip_is_private(const struct ntm_ip *ip);
/* An address a datagram may be sent to: none of the four above, not 0/8, not 240/4. */
bool ntm_ip_is_usable(const struct ntm_ip *ip);

/* "192.0.2.1:4330", "[2001:db8::1]:4330"; a missing port takes default_port. 0 or -EINVAL. */
int ntm_addr_parse(struct ntm_addr *addr, const char *text, uint16_t default_port);
const char *ntm_addr_str(const struct ntm_addr *addr, char buf[static NTM_ADDR_STR]);
bool ntm_addr_eq(const struct ntm_addr *a, const struct ntm_addr *b);
/*
 * The place "through the relay binding with that number": inside one process only, so that whoever
 * deals with paths needs not know that some of them lead through a relay. No wire form, no socket
 * form; ntm_ip_is_usable is false for it; its text is "relay 7".
 */
#define NTM_FAMILY_RELAY 1
struct ntm_addr ntm_addr_relay(uint32_t number);
static inline bool ntm_addr_is_relay(const struct ntm_addr *addr)
{
	return addr->ip.family == NTM_FAMILY_RELAY;
}
uint32_t ntm_addr_relay_number(const struct ntm_addr *addr);
/* To and from the socket form. to_sockaddr maps IPv4 to v4-mapped IPv6 when mapped is set (dual
 * stack sockets); returns the length. from_sockaddr: -EAFNOSUPPORT for other families. */
unsigned ntm_addr_to_sockaddr(const struct ntm_addr *addr, bool mapped,
			      struct sockaddr_storage *out);
int ntm_addr_from_sockaddr(struct ntm_addr *addr, const struct sockaddr *sa);

/* "198.18.0.0/16". Host bits set: -EINVAL. */
int ntm_prefix_parse(struct ntm_prefix *prefix, const char *text);
const char *ntm_prefix_str(const struct ntm_prefix *prefix, char buf[static NTM_PREFIX_STR]);
bool ntm_prefix_has(const struct ntm_prefix *prefix, const struct ntm_ip *ip);
bool ntm_prefix_overlap(const struct ntm_prefix *a, const struct ntm_prefix *b);
/* All of it, or the same one. */
bool ntm_prefix_inside(const struct ntm_prefix *prefix, const struct ntm_prefix *outer);
/* The n-th address of the prefix (n = 0 is the network address). -ERANGE when outside. */
int ntm_prefix_nth(const struct ntm_prefix *prefix, uint64_t n, struct ntm_ip *ip);
/* Inverse of ntm_prefix_nth. -ERANGE when outside, or past 2^64. */
int ntm_prefix_index(const struct ntm_prefix *prefix, const struct ntm_ip *ip, uint64_t *n);
/* Last address that a host may use: before the broadcast address in IPv4, the last in IPv6. */
struct ntm_ip ntm_prefix_last_usable(const struct ntm_prefix *prefix);

/* Wire form: family u8 (4 or 6, 0 = none) and 4 or 16 bytes; an address adds port u16; a prefix
 * adds length u8. Readers put rd in error for other families, v4-mapped IPv6, host bits and
 * lengths out of range; they return zeros then. */
void ntm_wr_ip(struct ntm_wr *wr, const struct ntm_ip *ip);
void ntm_wr_addr(struct ntm_wr *wr, const struct ntm_addr *addr);
void ntm_wr_prefix(struct ntm_wr *wr, const struct ntm_prefix *prefix);
struct ntm_ip ntm_rd_ip(struct ntm_rd *rd);
struct ntm_addr ntm_rd_addr(struct ntm_rd *rd);
struct ntm_prefix ntm_rd_prefix(struct ntm_rd *rd);
