/* SPDX-License-Identifier: BSD-2-Clause */
/* Gets the list of partner domains from the DC, page by page, when it has another than we have. */
#pragma once

#include "dclink.h"
#include "partners.h"

/* A list has at most so many pages, and a pull so many requests: a list that changes all the time
 * is for the next REGISTERED. */
#define PARTNERS_PAGES    32
#define PARTNERS_REQUESTS 96

struct partners_pull;

struct partners_pull_args {
	struct ntm_timers *timers;
	struct dclink *dclink;
	const struct node_lease *lease;  /* borrowed */
	const struct partners *partners; /* borrowed: the list that is in use */
	/* A whole list that takes its place; valid during the call. */
	void (*done)(void *ctx, const struct partners *fresh);
	void *ctx;
};

struct partners_pull *partners_pull_new(const struct partners_pull_args *args);
void partners_pull_free(struct partners_pull *pull);
/* The DC has named the generation of its list: pulls unless it is ours. One pull at a time; what
 * comes meanwhile is looked at behind it. After an error the next call tries again. */
void partners_pull_want(struct partners_pull *pull, uint64_t generation);
/* The list in use has changed otherwise: a pull under way may be of before, and begins anew. */
void partners_pull_restart(struct partners_pull *pull);
void partners_pull_stop(struct partners_pull *pull);
