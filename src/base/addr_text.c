/* SPDX-License-Identifier: BSD-2-Clause */
/* The text forms of addresses and prefixes, and the names they have in the reverse DNS. */
#include "ntm/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

int ntm_ip_parse(struct ntm_ip *ip, const char *text)
{
	uint8_t b[16];

	if (inet_pton(AF_INET, text, b) == 1)
		*ip = ntm_ip_from_bytes(4, b);
	else if (inet_pton(AF_INET6, text, b) == 1)
		*ip = ntm_ip_from_bytes(6, b);
	else
		return -EINVAL;
	return 0;
}

const char *ntm_ip_str(const struct ntm_ip *ip, char buf[static NTM_IP_STR])
{
	if (ntm_ip_len(ip) == 0)
		return strcpy(buf, "none");
	return inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->b, buf, NTM_IP_STR);
}

/* Decimal digits from text up to end, without leading zeros. */
static int parse_uint(const char *text, const char *end, unsigned max, unsigned *out)
{
	unsigned v = 0;

	if (text == end || (*text == '0' && text + 1 != end))
		return -EINVAL;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		v = v * 10 + (unsigned)(*text - '0');
		if (v > max)
			return -EINVAL;
	}
	*out = v;
	return 0;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)((at - digits) % 16) : -1;
}

const char *ntm_ip_arpa(const struct ntm_ip *ip, char buf[static NTM_IP_ARPA_STR])
{
	const uint8_t *b = ip->b;
	char *p = buf;

	*p = '\0';
	if (ip->family == 4)
		snprintf(buf, NTM_IP_ARPA_STR, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
	if (ip->family != 6)
		return buf;
	for (int i = 15; i >= 0; i--)
		p += sprintf(p, "%x.%x.", b[i] & 15u, b[i] >> 4);
	strcpy(p, "ip6.arpa");
	return buf;
}

static bool is_zone(const char *name, const char *zone)
{
	size_t len = strlen(zone);

	return strncasecmp(name, zone, len) == 0 &&
	       (name[len] == '\0' || strcmp(name + len, ".") == 0);
}

static int from_in_addr(struct ntm_ip *ip, const char *name)
{
	uint8_t b[4];
	unsigned v;

	for (size_t i = 4; i-- > 0;) {
		const char *dot = strchr(name, '.');

		if (!dot || parse_uint(name, dot, 255, &v) < 0)
			return -EINVAL;
		b[i] = (uint8_t)v;
		name = dot + 1;
	}
	if (!is_zone(name, "in-addr.arpa"))
		return -EINVAL;
	*ip = ntm_ip_from_bytes(4, b);
	return 0;
}

static int from_ip6(struct ntm_ip *ip, const char *name)
{
	uint8_t b[16] = {0};

	for (size_t i = 0; i < 32; i++, name += 2) {
		int nibble = hex_digit(name[0]);

		if (nibble < 0 || name[1] != '.')
			return -EINVAL;
		b[15 - i / 2] |= (uint8_t)(i % 2 ? nibble << 4 : nibble);
	}
	if (!is_zone(name, "ip6.arpa"))
		return -EINVAL;
	*ip = ntm_ip_from_bytes(6, b);
	return 0;
}

int ntm_ip_from_arpa(struct ntm_ip *ip, const char *name)
{
	return from_in_addr(ip, name) == 0 ? 0 : from_ip6(ip, name);
}

/* The literal ends at end, which is followed by something else. */
static int parse_ip_part(struct ntm_ip *ip, const char *text, const char *end)
{
	char part[NTM_IP_STR];

	if ((size_t)(end - text) >= sizeof(part))
		return -EINVAL;
	memcpy(part, text, (size_t)(end - text));
	part[end - text] = '\0';
	return ntm_ip_parse(ip, part);
}

/* The end of the address in "[v6]", "[v6]:port", "v4" or "v4:port", or NULL. */
static const char *addr_end(const char *text)
{
	const char *colon = strchr(text, ':');

	if (*text == '[')
		return strchr(text, ']');
	return colon && !strchr(colon + 1, ':') ? colon : text + strlen(text);
}

int ntm_addr_parse(struct ntm_addr *addr, const char *text, uint16_t default_port)
{
	const char *end = addr_end(text);
	bool bracketed = *text == '[';
	unsigned port = default_port;
	struct ntm_ip ip;

	if (!end || parse_ip_part(&ip, text + bracketed, end) < 0)
		return -EINVAL;
	if (bracketed && !memchr(text, ':', (size_t)(end - text)))
		return -EINVAL; /* brackets are for IPv6 */
	end += bracketed;
	if (*end != '\0' &&
	    (*end != ':' || parse_uint(end + 1, end + strlen(end), UINT16_MAX, &port) < 0))
		return -EINVAL;
	*addr = (struct ntm_addr){.ip = ip, .port = (uint16_t)port};
	return 0;
}

const char *ntm_addr_str(const struct ntm_addr *addr, char buf[static NTM_ADDR_STR])
{
	char ip[NTM_IP_STR];

	if (ntm_addr_is_relay(addr)) {
		snprintf(buf, NTM_ADDR_STR, "relay %u", ntm_addr_relay_number(addr));
		return buf;
	}
	ntm_ip_str(&addr->ip, ip);
	snprintf(buf, NTM_ADDR_STR, addr->ip.family == 6 ? "[%s]:%u" : "%s:%u", ip, addr->port);
	return buf;
}

int ntm_prefix_parse(struct ntm_prefix *prefix, const char *text)
{
	const char *slash = strchr(text, '/');
	struct ntm_prefix p;
	unsigned len;
	uint64_t n;

	if (!slash || parse_ip_part(&p.ip, text, slash) < 0 ||
	    parse_uint(slash + 1, slash + strlen(slash), 128, &len) < 0)
		return -EINVAL;
	p.len = (uint8_t)len;
	/* A prefix is sound when its own address is the one with number 0. */
	if (ntm_prefix_index(&p, &p.ip, &n) < 0 || n != 0)
		return -EINVAL;
	*prefix = p;
	return 0;
}

const char *ntm_prefix_str(const struct ntm_prefix *prefix, char buf[static NTM_PREFIX_STR])
{
	char ip[NTM_IP_STR];

	snprintf(buf, NTM_PREFIX_STR, "%s/%u", ntm_ip_str(&prefix->ip, ip), prefix->len);
	return buf;
}
