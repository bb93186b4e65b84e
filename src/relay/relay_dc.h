/* SPDX-License-Identifier: BSD-2-Clause */
/* The relay's side of its link to the DC: reports, ticket keys, liveness. */
#pragma once

#include "relay_lease.h"

#include "ntm/ctl.h"

#include <jansson.h>

struct relay_dc;

struct relay_dc_args {
	struct ntm_links *links;
	struct ntm_timers *timers;
	const struct relay_lease *lease; /* borrowed */
	/* Fills a report, but for its boot_id. */
	void (*report)(void *ctx, struct ntm_msg_relay_register *report);
	/* What the DC wants. */
	void (*direction)(void *ctx, const struct ntm_msg_relay_direction *direction);
	void *ctx;
};

struct relay_dc *relay_dc_new(const struct relay_dc_args *args); /* NULL: out of memory */
void relay_dc_free(struct relay_dc *dc);                         /* NULL is fine */
int relay_dc_start(struct relay_dc *dc);
void relay_dc_stop(struct relay_dc *dc);
/* Reports at once, when the DC can be reached. */
void relay_dc_report(struct relay_dc *dc);
/* From the links' ops. */
void relay_dc_on_up(struct relay_dc *dc);
void relay_dc_on_down(struct relay_dc *dc);
void relay_dc_on_input(struct relay_dc *dc, struct ntm_pkt *pkt);

/* Whether that is the DC's address. */
bool relay_dc_is_at(const struct relay_dc *dc, const struct ntm_addr *addr);
bool relay_dc_is_registered(const struct relay_dc *dc);
json_t *relay_dc_json(const struct relay_dc *dc); /* for `status` */
