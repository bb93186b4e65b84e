/* SPDX-License-Identifier: BSD-2-Clause */
/* What of a lease the host's network has to know: no keys, fit to cross from engine to keeper. */
#pragma once

#include "lease.h"

struct host_plan {
	struct ntm_ip vip4, vip6; /* family 0: none */
	struct ntm_ip resolver4, resolver6;
	struct ntm_prefix_list prefixes;
	struct ntm_name_list suffixes;
};

/* Padding is zero, so that plans compare with memcmp. */
void host_plan_fill(struct host_plan *plan, const struct node_lease *lease);
/*
 * Values that may be acted on by root: prefixes not wider than /8 (IPv4) and /16 (IPv6), the
 * addresses inside them, names that are names.
 */
bool host_plan_ok(const struct host_plan *plan);
bool host_plan_has_prefix(const struct host_plan *plan, const struct ntm_prefix *prefix);
