/* SPDX-License-Identifier: BSD-2-Clause */
/* What a gateway lets nodes reach, by destination address alone. */
#include "exit_policy.h"

#include <string.h>

struct net {
	uint8_t family, len;
	uint8_t b[16];
};

/* Of a site, or of nobody on the Internet. The IPv6 ones with IPv4 inside are here for what they
 * may hide. */
static const struct net private_nets[] = {
	{4, 8, {10}},                      /* RFC 1918 */
	{4, 12, {172, 16}},                /* RFC 1918 */
	{4, 16, {192, 168}},               /* RFC 1918 */
	{4, 10, {100, 64}},                /* RFC 6598, carrier NAT */
	{4, 24, {192, 0, 0}},              /* RFC 6890 */
	{4, 15, {198, 18}},                /* RFC 2544 */
	{4, 32, {168, 63, 129, 16}},       /* Azure's, to each host: tells what is in its set-up */
	{6, 96, {0}},                      /* RFC 4291 2.5.5.1, IPv4-compatible */
	{6, 96, {[8] = 0xff, [9] = 0xff}}, /* RFC 2765, IPv4-translated */
	{6, 7, {0xfc}},                    /* RFC 4193 */
	{6, 10, {0xfe, 0xc0}},             /* RFC 3879, site-local */
	{6, 16, {0x20, 0x02}},             /* RFC 3056, 6to4 */
	{6, 32, {0x20, 0x01}},             /* RFC 4380, Teredo */
	{6, 48, {0, 0x64, 0xff, 0x9b, 0, 1}}, /* RFC 8215, local NAT64 */
};

static bool is_in(const struct ntm_ip *ip, const struct net *net)
{
	const struct ntm_prefix prefix = {.ip = ntm_ip_from_bytes(net->family, net->b),
					  .len = net->len};

	return ip->family == net->family && ntm_prefix_has(&prefix, ip);
}

static bool is_private(const struct ntm_ip *ip)
{
	for (size_t i = 0; i < sizeof(private_nets) / sizeof(private_nets[0]); i++)
		if (is_in(ip, &private_nets[i]))
			return true;
	return false;
}

static bool has_prefix(const struct ntm_prefix_list *list, const struct ntm_ip *ip)
{
	for (size_t i = 0; i < list->count; i++)
		if (ntm_prefix_has(&list->item[i], ip))
			return true;
	return false;
}

static bool is_own(const struct exit_policy *policy, const struct ntm_ip *ip)
{
	if (ntm_ip_eq(&policy->outside, ip))
		return true;
	for (size_t i = 0; i < policy->own_count; i++)
		if (ntm_ip_eq(&policy->own[i], ip))
			return true;
	return false;
}

/* RFC 6052: an IPv4 address in the NAT64 prefix is judged as itself. */
static struct ntm_ip unwrapped(const struct ntm_ip *ip)
{
	static const struct net nat64 = {6, 96, {0, 0x64, 0xff, 0x9b}};

	return is_in(ip, &nat64) ? ntm_ip_from_bytes(4, ip->b + 12) : *ip;
}

enum exit_verdict exit_policy_check(const struct exit_policy *policy, const struct ntm_ip *dst)
{
	const struct ntm_ip ip = unwrapped(dst);

	if (has_prefix(&policy->prefixes, &ip))
		return EXIT_VIRTUAL;
	if (is_own(policy, &ip))
		return EXIT_OWN;
	if (!ntm_ip_is_usable(&ip))
		return EXIT_UNUSABLE;
	return is_private(&ip) && !policy->allow_private ? EXIT_PRIVATE : EXIT_ALLOWED;
}

const char *exit_verdict_name(enum exit_verdict verdict)
{
	static const char *const names[EXIT_VERDICTS] = {
		[EXIT_ALLOWED] = "allowed",    [EXIT_VIRTUAL] = "to_virtual",
		[EXIT_OWN] = "to_gateway",     [EXIT_UNUSABLE] = "to_unusable",
		[EXIT_PRIVATE] = "to_private",
	};

	return names[verdict];
}
