/* SPDX-License-Identifier: BSD-2-Clause */
/* Names in a DC's zone: which a node may have, and the reverse names that spell an address. */
#pragma once

#include "ntm/addr.h"

#include <stdbool.h>
#include <stddef.h>

/* Owned by the DC, with all that is below them; so are labels that begin with '_'. */
#define ZONE_LABEL_DC   "dc"
#define ZONE_LABEL_VIP4 "vip"
#define ZONE_LABEL_VIP6 "vip6"

/* NULL when a node may be called fqdn in domain (canonical), else the reason in words. */
const char *zone_name_check(const char *domain, const char *fqdn);

/* True when name is suffix or below it; *head_len is the length of what stands in front, without
 * its dot. */
bool zone_name_split(const char *name, const char *suffix, size_t *head_len);

/* How a reverse name stands to the addresses of its family. */
enum zone_reverse {
	ZONE_REVERSE_FULL,    /* spells an address */
	ZONE_REVERSE_PARTIAL, /* spells the first part of one, or nothing */
	ZONE_REVERSE_NONE,    /* neither: bad labels, or too many */
};

/*
 * Reads the labels "7.10.18.198" (family 4) or 32 nibbles (family 6), last part of the address
 * first. PARTIAL sets the bits that are spelled, *bits says how many. Labels have one form only:
 * "07" is NONE.
 */
enum zone_reverse zone_reverse_read(uint8_t family, const char *head, size_t head_len,
				    struct ntm_ip *ip, unsigned *bits);
