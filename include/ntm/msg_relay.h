/* SPDX-License-Identifier: BSD-2-Clause */
/* Control messages about relays; the codec is with the others, in msg.h. */
#pragma once

#include "ntm/lists.h"

#include <stdbool.h>
#include <stdint.h>

/* RS -> DC after every new session, and every so often (load, health). */
struct ntm_msg_relay_register {
	struct ntm_addr_list own; /* its own real addresses, with its UDP port */
	uint64_t boot_id;         /* random per start: a new one means that no flow is bound */
	uint32_t flows, flows_max;
	uint32_t kbit_s, kbit_s_max; /* forwarded now; 0 as max: no limit known */
	bool draining;               /* takes no new flow */
};
/* DC -> RS, as reply to RELAY_REGISTER, or as request when something in it has changed. */
struct ntm_msg_relay_direction {
	struct ntm_addr reflexive; /* where the DC sees the relay */
	struct ntm_ticket_key_list keys;
	uint32_t report_s; /* RELAY_REGISTER again after it */
	/* Quotas of each account (struct ntm_ticket) but the own domain's; 0: none. */
	uint32_t account_flows, account_kbit_s;
	struct ntm_cert_blob cert; /* the relay's, possibly renewed */
};
struct ntm_msg_relay_ack {
	uint64_t boot_id;
};
/* DC -> node, not answered: the relay at these addresses has lost its bindings. */
struct ntm_msg_relay_restarted {
	struct ntm_addr_list addrs;
};
