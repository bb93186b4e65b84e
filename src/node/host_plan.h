/* SPDX-License-Identifier: BSD-2-Clause */
/* What of lease and partners the host has to know: no keys, fit to cross from engine to keeper. */
#pragma once

#include "exits.h"
#include "partners.h"

#define HOST_PLAN_PREFIXES (NTM_MSG_PREFIXES + 2 * PARTNERS_MAX)
#define HOST_PLAN_SUFFIXES (NTM_MSG_NAMES + PARTNERS_MAX + EXITS_NAMES)

struct host_plan {
	struct ntm_ip vip4, vip6; /* family 0: none */
	struct ntm_ip resolver4, resolver6;
	struct {
		size_t count;
		struct ntm_prefix item[HOST_PLAN_PREFIXES];
	} prefixes; /* our own first */
	struct {
		size_t count;
		char item[HOST_PLAN_SUFFIXES][NTM_NAME_MAX + 1];
	} suffixes;
};

/* Padding is zero, so that plans compare with memcmp. */
void host_plan_fill(struct host_plan *plan, const struct node_lease *lease,
		    const struct partners *partners);
/* The node's resolver has to hear of the names of exits, too. */
void host_plan_add_names(struct host_plan *plan, const struct exits_conf *exits);
/*
 * Values that may be acted on by root: prefixes not wider than /8 (IPv4) and /16 (IPv6), the
 * addresses inside them, names that are names.
 */
bool host_plan_ok(const struct host_plan *plan);
/* The same of routes of exits: usable, not wider than /8 and /16 unless it is everything, none in
 * the virtual prefixes. */
bool host_plan_exits_ok(const struct host_plan *plan, const struct exit_routes *routes);
bool host_plan_has_prefix(const struct host_plan *plan, const struct ntm_prefix *prefix);
bool host_plan_has_ip(const struct host_plan *plan, const struct ntm_ip *ip);
