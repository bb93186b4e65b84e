/* SPDX-License-Identifier: BSD-2-Clause */
/* What a gateway lets nodes reach (R140): general servers, and nothing of its own or of NTM's. */
#pragma once

#include "ntm/addr.h"
#include "ntm/lists.h"

#define EXIT_OWN_MAX 64

struct exit_policy {
	struct ntm_prefix_list prefixes; /* virtual ones of the domain */
	size_t own_count;
	struct ntm_ip own[EXIT_OWN_MAX]; /* addresses of this host */
	/* As others see this host: a NAT in front of it may send packets for it back in. */
	struct ntm_ip outside;
	bool allow_private;
};

enum exit_verdict {
	EXIT_ALLOWED,
	EXIT_VIRTUAL,  /* nodes reach each other by themselves */
	EXIT_OWN,      /* this host: its own services trust its addresses */
	EXIT_UNUSABLE, /* loopback, link-local, multicast, reserved */
	EXIT_PRIVATE,  /* networks of the site, unless they are allowed */
	EXIT_VERDICTS
};

enum exit_verdict exit_policy_check(const struct exit_policy *policy, const struct ntm_ip *dst);
const char *exit_verdict_name(enum exit_verdict verdict);
