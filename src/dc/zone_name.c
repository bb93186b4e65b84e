/* SPDX-License-Identifier: BSD-2-Clause */
/* Judges and takes apart the names of a DC's zone. */
#include "zone_name.h"

#include "ntm/cert.h"

#include <string.h>

static bool label_is(const char *label, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(label, word, len) == 0;
}

/* The label next to the domain decides who owns everything below it. */
static bool is_owned(const char *head, size_t head_len)
{
	const char *dot = memrchr(head, '.', head_len);
	const char *label = dot ? dot + 1 : head;
	size_t len = (size_t)(head + head_len - label);
	return label_is(label, len, ZONE_LABEL_DC) || label_is(label, len, ZONE_LABEL_VIP4) ||
	       label_is(label, len, ZONE_LABEL_VIP6);
}

const char *zone_name_check(const char *domain, const char *fqdn)
{
	char canonical[NTM_NAME_MAX + 1];
	size_t head_len;
	if (ntm_name_canon(canonical, fqdn) < 0 || strcmp(canonical, fqdn) != 0)
		return "not a host name in lower case of at most 120 characters";
	if (!zone_name_split(fqdn, domain, &head_len) || head_len == 0)
		return "not a name below the domain";
	if (is_owned(fqdn, head_len))
		return "the DC keeps dc, vip, vip6 and all below them for itself";
	if (fqdn[0] == '_' || memmem(fqdn, head_len, "._", 2))
		return "labels that begin with '_' are for services";
	return NULL;
}

bool zone_name_split(const char *name, const char *suffix, size_t *head_len)
{
	size_t name_len = strlen(name), suffix_len = strlen(suffix);
	if (name_len < suffix_len || strcmp(name + name_len - suffix_len, suffix) != 0)
		return false;
	size_t front = name_len - suffix_len;
	if (front > 0 && name[front - 1] != '.')
		return false;
	*head_len = front > 0 ? front - 1 : 0;
	return true;
}

/* The value of one label, or -1. */
static int octet_of(const char *label, size_t len)
{
	int value = 0;
	if (len < 1 || len > 3 || (len > 1 && label[0] == '0'))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (label[i] < '0' || label[i] > '9')
			return -1;
		value = value * 10 + (label[i] - '0');
	}
	return value <= 255 ? value : -1;
}

static int nibble_of(const char *label, size_t len)
{
	if (len != 1)
		return -1;
	const char digits[] = "0123456789abcdef";
	const char *found = memchr(digits, label[0], 16);
	return found ? (int)(found - digits) : -1;
}

/* Labels are read from the right, which is the address from its front. */
enum zone_reverse zone_reverse_read(uint8_t family, const char *head, size_t head_len,
				    struct ntm_ip *ip, unsigned *bits)
{
	unsigned step = family == 4 ? 8 : 4, end = family == 4 ? 32 : 128;
	struct ntm_ip found = {.family = family};
	unsigned at = 0;
	for (size_t left = head_len; left > 0; at += step) {
		const char *dot = memrchr(head, '.', left);
		const char *label = dot ? dot + 1 : head;
		size_t len = (size_t)(head + left - label);
		int value = family == 4 ? octet_of(label, len) : nibble_of(label, len);
		if (value < 0 || at == end)
			return ZONE_REVERSE_NONE;
		found.b[at / 8] |= (uint8_t)(step == 4 && at % 8 == 0 ? value << 4 : value);
		if (dot == head)
			return ZONE_REVERSE_NONE;
		left = dot ? (size_t)(dot - head) : 0;
	}
	*ip = found;
	*bits = at;
	return at == end ? ZONE_REVERSE_FULL : ZONE_REVERSE_PARTIAL;
}
