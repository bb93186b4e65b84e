/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs that work on nodes, as JSON requests: the daemon answers them, or the program by
 * itself. */
#pragma once

#include "domain.h"

struct admin {
	struct domain *domain;
	struct dc *dc; /* NULL: no daemon runs; nobody is online */
};

/* {"verb": "node_add", "name", "lifetime_s"}, node_list, node_show, node_revoke. Returns the reply,
 * or
 * {"error": words}; NULL: not one of these verbs, or out of memory. */
json_t *admin_answer(const struct admin *admin, const json_t *request);
