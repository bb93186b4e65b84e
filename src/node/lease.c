/* SPDX-License-Identifier: BSD-2-Clause */
/* What a node owns for years: made from a token and the DC's answer, questions about it. */
#include "lease.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PREFIX4_MIN 8
#define PREFIX6_MIN 16

void lease_from_token(struct node_lease *lease, const struct ntm_token *token)
{
	memset(lease, 0, sizeof(*lease));
	lease->dc[0] = token->dc[0];
	lease->dc[1] = token->dc[1];
	memcpy(lease->dc_key, token->dc_key, sizeof(lease->dc_key));
	memcpy(lease->root, token->root, sizeof(lease->root));
	snprintf(lease->fqdn, sizeof(lease->fqdn), "%s", token->fqdn);
	snprintf(lease->domain, sizeof(lease->domain), "%s", token->domain);
}

static int refuse(int err, const char *why, char *words, size_t words_len)
{
	snprintf(words, words_len, "%s", why);
	return err;
}

static bool list_has(const struct ntm_prefix_list *list, const struct ntm_ip *ip)
{
	for (size_t i = 0; i < list->count; i++)
		if (ntm_prefix_has(&list->item[i], ip))
			return true;
	return false;
}

/* Fine as well when there is none. */
static bool is_inside(const struct ntm_join_answer *answer, const struct ntm_ip *vip)
{
	return vip->family == 0 || list_has(&answer->prefixes, vip);
}

int lease_from_answer(struct node_lease *lease, const struct ntm_join_answer *answer, int64_t now_s,
		      char *words, size_t words_len)
{
	struct ntm_cert cert;
	int err = ntm_cert_check(&cert, answer->cert.data, answer->cert.len, lease->root, now_s);

	if (err == -ETIME)
		return refuse(err,
			      "the new certificate is not valid now: is this host's clock right?",
			      words, words_len);
	if (err != 0)
		return refuse(err, "the DC's answer is not signed by the root key of the token",
			      words, words_len);
	if (cert.type != NTM_CERT_NODE || strcmp(cert.fqdn, lease->fqdn) != 0 ||
	    memcmp(cert.key, lease->keys.pub, NTM_KEY_LEN) != 0)
		return refuse(-EPROTO, "the DC's certificate is for another node", words,
			      words_len);
	if (cert.vip4.family == 0 && cert.vip6.family == 0)
		return refuse(-EPROTO, "the DC gave no virtual address", words, words_len);
	if (!is_inside(answer, &cert.vip4) || !is_inside(answer, &cert.vip6))
		return refuse(-EPROTO, "the DC gave a virtual address outside of its prefixes",
			      words, words_len);
	lease->cert = answer->cert;
	lease->vip4 = cert.vip4;
	lease->vip6 = cert.vip6;
	lease->prefixes = answer->prefixes;
	lease->suffixes = answer->suffixes;
	lease->resolver4 = answer->resolver4;
	lease->resolver6 = answer->resolver6;
	return 0;
}

bool lease_is_virtual(const struct node_lease *lease, const struct ntm_ip *ip)
{
	return list_has(&lease->prefixes, ip);
}

bool lease_is_ours(const struct node_lease *lease, const struct ntm_ip *ip)
{
	return ip->family != 0 && (ntm_ip_eq(ip, &lease->vip4) || ntm_ip_eq(ip, &lease->vip6));
}

bool lease_is_resolver(const struct node_lease *lease, const struct ntm_ip *ip)
{
	return ip->family != 0 &&
	       (ntm_ip_eq(ip, &lease->resolver4) || ntm_ip_eq(ip, &lease->resolver6));
}

bool lease_has_name(const struct node_lease *lease, const char *name)
{
	for (size_t i = 0; i < lease->suffixes.count; i++)
		if (ntm_name_under(name, lease->suffixes.item[i]))
			return true;
	return false;
}

bool lease_prefix_ok(const struct ntm_prefix *prefix)
{
	if (prefix->ip.family == 4)
		return prefix->len >= PREFIX4_MIN && prefix->len <= 32 &&
		       ntm_ip_is_usable(&prefix->ip);
	return prefix->ip.family == 6 && prefix->len >= PREFIX6_MIN && prefix->len <= 128 &&
	       ntm_ip_is_usable(&prefix->ip);
}
