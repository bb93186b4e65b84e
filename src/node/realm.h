/* SPDX-License-Identifier: BSD-2-Clause */
/* Which names and addresses are virtual, and whose: our own domain and its partners together. */
#pragma once

#include "partners.h"

struct realm {
	const struct node_lease *lease;  /* borrowed */
	const struct partners *partners; /* borrowed */
};

enum realm_owner { REALM_NOBODY, REALM_OWN, REALM_PARTNER };

/* A peer may have it; asked once a packet. */
bool realm_is_virtual(const struct realm *realm, const struct ntm_ip *ip);
/* The longest domain that the name is in, or is, has it: a partner may be a sub-domain of ours, or
 * ours one of a partner's. partner may be NULL; it is set for REALM_PARTNER only. */
enum realm_owner realm_owner_of_name(const struct realm *realm, const char *name,
				     const struct partner **partner);
