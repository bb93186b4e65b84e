/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs that work on nodes, relays and other domains, as JSON requests: the daemon answers
 * them, or the program by itself. */
#pragma once

#include "domain.h"

struct admin {
	struct domain *domain;
	struct dc *dc; /* NULL: no daemon runs; nobody is online */
};

/* {"verb": "node_add", "name", "lifetime_s"}, node_list, node_show, node_revoke; node_exit with
 * "word" "on" or "off"; relay_add, with "gateway": true or without, relay_list, relay_show,
 * relay_revoke; and those below. Returns the reply, or {"error": words}; NULL: not one of these
 * verbs, or out of memory. */
json_t *admin_answer(const struct admin *admin, const json_t *request);

/* admin_trust.c. {"verb": "trust_add", "name", "root", "mode", "prefixes", "allow"}, all but the
 * name may be missing; trust_list, trust_remove, trust_export. */
json_t *admin_trust_answer(const struct admin *admin, const json_t *request);
