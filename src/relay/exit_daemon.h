/* SPDX-License-Identifier: BSD-2-Clause */
/* A gateway inside the relay's daemon: its own UDP port, its TUN, its janitor. */
#pragma once

#include "relay_conf.h"
#include "relay_lease.h"

struct exit_daemon;
struct ntm_loop;
struct ntm_netlink;

/* NULL: out of memory. lease is copied, conf borrowed. */
struct exit_daemon *exit_daemon_new(struct ntm_loop *loop, const struct relay_conf *conf,
				    const struct relay_lease *lease);
/* NULL is fine, as for all below. Waits until the host is as it was. */
void exit_daemon_free(struct exit_daemon *daemon);
/* Opens everything, as root. An enum ntm_exit; has said why. */
int exit_daemon_open(struct exit_daemon *daemon, struct ntm_netlink *netlink);
int exit_daemon_start(struct exit_daemon *daemon);
void exit_daemon_stop(struct exit_daemon *daemon);
void exit_daemon_addrs_changed(struct exit_daemon *daemon);
/* Adds what `status` and `exits` show. */
void exit_daemon_status(const struct exit_daemon *daemon, json_t *status);
json_t *exit_daemon_peers_json(const struct exit_daemon *daemon);
