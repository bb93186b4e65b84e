/* SPDX-License-Identifier: BSD-2-Clause */
/* Which other domain may speak for a name or an address: pins that do not touch each other. */
#include "trust.h"

#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A wider prefix would take the Internet's addresses away from our nodes. */
#define PREFIX4_LEN_MIN 8
#define PREFIX6_LEN_MIN 16

static const char *const mode_names[] = {
	[TRUST_PINNED] = "pinned",
	[TRUST_DNSSEC] = "dnssec",
	[TRUST_TOFU] = "tofu",
};

void trust_fini(struct trust *trust)
{
	free(trust->item);
	*trust = (struct trust){.count = 0};
}

bool trust_has_prefix(const struct trust_pin *pin)
{
	return pin->prefix4.ip.family != 0 || pin->prefix6.ip.family != 0;
}

/* ---- what a pin may be ---- */

static int check_domain(const struct trust_own *own, const char *domain, char *words)
{
	char canon[NTM_NAME_MAX + 1];

	if (ntm_name_canon(canon, domain) != 0 || strcmp(canon, domain) != 0 ||
	    strchr(domain, '.') == NULL)
		return say(words, TRUST_WORDS, -EINVAL,
			   "\"%.120s\": expected a domain with at least two labels, such as "
			   "ntm.example",
			   domain);
	if (strcmp(domain, own->domain) == 0)
		return say(words, TRUST_WORDS, -EINVAL,
			   "%s is the own domain: its nodes are trusted in any case", domain);
	return 0;
}

static int check_prefix(const char *domain, const struct ntm_prefix *prefix, uint8_t family,
			char *words)
{
	uint8_t len_min = family == 4 ? PREFIX4_LEN_MIN : PREFIX6_LEN_MIN;
	char text[NTM_PREFIX_STR];
	uint64_t n;

	if (prefix->ip.family == 0)
		return 0;
	if (prefix->ip.family != family || ntm_prefix_index(prefix, &prefix->ip, &n) != 0 || n != 0)
		return say(words, TRUST_WORDS, -EINVAL,
			   "%s: no IPv%u prefix, or bits are set behind its length", domain,
			   (unsigned)family);
	if (prefix->len < len_min)
		return say(words, TRUST_WORDS, -EINVAL,
			   "%s of %s is wider than /%u: a typing error?",
			   ntm_prefix_str(prefix, text), domain, (unsigned)len_min);
	if (!ntm_ip_is_usable(&prefix->ip))
		return say(words, TRUST_WORDS, -EINVAL,
			   "%s of %s: nodes cannot have such addresses",
			   ntm_prefix_str(prefix, text), domain);
	return 0;
}

static int check_root(const struct trust_pin *pin, char *words)
{
	static const uint8_t zeros[NTM_SIGN_PUB_LEN];

	if (pin->has_root && memcmp(pin->root, zeros, sizeof(zeros)) == 0)
		return say(words, TRUST_WORDS, -EINVAL, "%s: the root key is all zeros",
			   pin->domain);
	if (pin->mode != TRUST_PINNED)
		return 0;
	if (!pin->has_root)
		return say(words, TRUST_WORDS, -EINVAL,
			   "%s: mode pinned needs the root key: `ntm-dc trust export` there prints "
			   "it",
			   pin->domain);
	if (!trust_has_prefix(pin))
		return say(words, TRUST_WORDS, -EINVAL,
			   "%s: mode pinned needs a prefix: `ntm-dc trust export` there prints it",
			   pin->domain);
	return 0;
}

static int check_allow(const struct trust_own *own, const struct trust_pin *pin, char *words)
{
	char canon[NTM_NAME_MAX + 1];

	if (pin->allow_count > TRUST_ALLOW_MAX)
		return say(words, TRUST_WORDS, -EINVAL, "%s: more than %d names that may be called",
			   pin->domain, TRUST_ALLOW_MAX);
	for (size_t i = 0; i < pin->allow_count; i++)
		if (ntm_name_canon(canon, pin->allow[i]) != 0 ||
		    strcmp(canon, pin->allow[i]) != 0 || !ntm_name_under(canon, own->domain))
			return say(words, TRUST_WORDS, -EINVAL,
				   "%s: \"%.120s\" may not be called from there: it is no node of "
				   "%s",
				   pin->domain, pin->allow[i], own->domain);
	return 0;
}

static int check_sane(const struct trust_own *own, const struct trust_pin *pin, char *words)
{
	int err = check_domain(own, pin->domain, words);

	if (err == 0 && (unsigned)pin->mode > TRUST_TOFU)
		err = say(words, TRUST_WORDS, -EINVAL, "%s: no such mode", pin->domain);
	if (err == 0)
		err = check_prefix(pin->domain, &pin->prefix4, 4, words);
	if (err == 0)
		err = check_prefix(pin->domain, &pin->prefix6, 6, words);
	if (err == 0)
		err = check_root(pin, words);
	return err == 0 ? check_allow(own, pin, words) : err;
}

/* Whoever stands with a prefix: a pin, or the own domain. */
struct holder {
	const char *domain;
	const struct ntm_prefix *prefix4, *prefix6;
};

static int check_overlap(const char *domain, const struct ntm_prefix *prefix,
			 const char *other_domain, const struct ntm_prefix *other, char *words)
{
	char text[NTM_PREFIX_STR], other_text[NTM_PREFIX_STR];

	if (prefix->ip.family == 0 || other->ip.family == 0 || !ntm_prefix_overlap(prefix, other))
		return 0;
	return say(words, TRUST_WORDS, -EINVAL, "%s of %s overlaps with %s of %s",
		   ntm_prefix_str(prefix, text), domain, ntm_prefix_str(other, other_text),
		   other_domain);
}

static int check_apart(const struct holder *a, const struct holder *b, char *words)
{
	int err = check_overlap(a->domain, a->prefix4, b->domain, b->prefix4, words);

	return err == 0 ? check_overlap(a->domain, a->prefix6, b->domain, b->prefix6, words) : err;
}

static struct holder holder_of(const struct trust_pin *pin)
{
	return (struct holder){pin->domain, &pin->prefix4, &pin->prefix6};
}

static int check_others(const struct trust *trust, const struct trust_own *own,
			const struct trust_pin *pin, char *words)
{
	const struct holder we = {own->domain, &own->prefix4, &own->prefix6};
	const struct holder new = holder_of(pin);
	int err = check_apart(&new, &we, words);

	for (size_t i = 0; i < trust->count && err == 0; i++) {
		const struct holder other = holder_of(&trust->item[i]);

		if (strcmp(other.domain, new.domain) != 0)
			err = check_apart(&new, &other, words);
	}
	return err;
}

/* ---- the set ---- */

/* Where domain is, or where it would stand. */
static size_t find(const struct trust *trust, const char *domain, bool *is_there)
{
	size_t i = 0;

	while (i < trust->count && strcmp(trust->item[i].domain, domain) < 0)
		i++;
	*is_there = i < trust->count && strcmp(trust->item[i].domain, domain) == 0;
	return i;
}

static int insert(struct trust *trust, size_t at, const struct trust_pin *pin, char *words)
{
	struct trust_pin *item;

	if (trust->count >= TRUST_MAX)
		return say(words, TRUST_WORDS, -EINVAL,
			   "%s: no more than %d domains can be trusted", pin->domain, TRUST_MAX);
	item = realloc(trust->item, (trust->count + 1) * sizeof(*item));
	if (item == NULL)
		return say(words, TRUST_WORDS, -ENOMEM, "out of memory");
	memmove(item + at + 1, item + at, (trust->count - at) * sizeof(*item));
	item[at] = *pin;
	trust->item = item;
	trust->count++;
	return 0;
}

int trust_put(struct trust *trust, const struct trust_own *own, const struct trust_pin *pin,
	      char words[static TRUST_WORDS])
{
	bool is_there;
	int err = check_sane(own, pin, words);

	if (err == 0)
		err = check_others(trust, own, pin, words);
	if (err != 0)
		return err;
	size_t at = find(trust, pin->domain, &is_there);
	if (!is_there)
		return insert(trust, at, pin, words);
	trust->item[at] = *pin;
	return 0;
}

const struct trust_pin *trust_by_domain(const struct trust *trust, const char *domain)
{
	bool is_there;
	size_t at = find(trust, domain, &is_there);

	return is_there ? &trust->item[at] : NULL;
}

const struct trust_pin *trust_by_name(const struct trust *trust, const struct trust_own *own,
				      const char *name)
{
	size_t longest = ntm_name_under(name, own->domain) ? strlen(own->domain) : 0;
	const struct trust_pin *found = NULL;

	for (size_t i = 0; i < trust->count; i++) {
		const struct trust_pin *pin = &trust->item[i];
		size_t len = strlen(pin->domain);

		if (len > longest && ntm_name_under(name, pin->domain)) {
			found = pin;
			longest = len;
		}
	}
	return found;
}

const struct trust_pin *trust_by_vip(const struct trust *trust, const struct ntm_ip *vip)
{
	for (size_t i = 0; i < trust->count; i++) {
		const struct trust_pin *pin = &trust->item[i];
		const struct ntm_prefix *prefix = vip->family == 4 ? &pin->prefix4 : &pin->prefix6;

		if (vip->family != 0 && prefix->ip.family != 0 && ntm_prefix_has(prefix, vip))
			return pin;
	}
	return NULL;
}

bool trust_may_call(const struct trust_pin *pin, const char *node)
{
	if (pin->allow_all)
		return true;
	for (size_t i = 0; i < pin->allow_count; i++)
		if (strcmp(pin->allow[i], node) == 0)
			return true;
	return false;
}

/* ---- certificates ---- */

static const char *fault_of(int err)
{
	switch (err) {
	case -ETIME:
		return "is not valid now (clocks?)";
	case -EKEYREJECTED:
		return "is not signed by the root that is pinned";
	case -ENOTSUP:
		return "has a version that is not known here";
	default:
		return "is malformed";
	}
}

static bool is_vip_inside(const struct ntm_prefix *prefix, const struct ntm_ip *vip)
{
	return vip->family == 0 || (prefix->ip.family != 0 && ntm_prefix_has(prefix, vip));
}

static int check_content(const struct trust_pin *pin, const struct ntm_cert *cert, char *words)
{
	char text[NTM_IP_STR];

	if (cert->type != NTM_CERT_NODE)
		return say(words, TRUST_WORDS, -EKEYREJECTED,
			   "a certificate of %s is not one of a node", pin->domain);
	if (!ntm_name_under(cert->fqdn, pin->domain))
		return say(words, TRUST_WORDS, -EKEYREJECTED, "%s signs for %s, which is not in it",
			   pin->domain, cert->fqdn);
	if (cert->vip4.family == 0 && cert->vip6.family == 0)
		return say(words, TRUST_WORDS, -EKEYREJECTED,
			   "the certificate of %s has no address", cert->fqdn);
	if (!is_vip_inside(&pin->prefix4, &cert->vip4))
		return say(words, TRUST_WORDS, -EKEYREJECTED,
			   "%s of %s is outside of the prefix pinned for %s",
			   ntm_ip_str(&cert->vip4, text), cert->fqdn, pin->domain);
	if (!is_vip_inside(&pin->prefix6, &cert->vip6))
		return say(words, TRUST_WORDS, -EKEYREJECTED,
			   "%s of %s is outside of the prefix pinned for %s",
			   ntm_ip_str(&cert->vip6, text), cert->fqdn, pin->domain);
	return 0;
}

int trust_check_node(const struct trust_pin *pin, const uint8_t *blob, size_t len, int64_t now_s,
		     struct ntm_cert *cert, char words[static TRUST_WORDS])
{
	struct ntm_cert got;

	if (!pin->has_root)
		return say(words, TRUST_WORDS, -EKEYREJECTED, "the root key of %s is not known yet",
			   pin->domain);
	int err = ntm_cert_check(&got, blob, len, pin->root, now_s);
	if (err != 0)
		return say(words, TRUST_WORDS, -EKEYREJECTED, "a certificate from %s %s",
			   pin->domain, fault_of(err));
	err = check_content(pin, &got, words);
	if (err == 0)
		*cert = got;
	return err;
}

/* ---- modes ---- */

const char *trust_mode_name(enum trust_mode mode)
{
	return mode_names[mode];
}

int trust_mode_parse(enum trust_mode *mode, const char *text)
{
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++)
		if (strcmp(mode_names[i], text) == 0) {
			*mode = (enum trust_mode)i;
			return 0;
		}
	return -EINVAL;
}
