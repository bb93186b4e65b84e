/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine: loop, sockets and TUN around struct node. */
#pragma once

#include "keeper.h"
#include "node_conf.h"
#include "upstream.h"

#include "ntm/control.h"
#include "ntm/loop.h"
#include "ntm/netlink.h"
#include "ntm/sip.h"
#include "ntm/tun.h"
#include "ntm/udp.h"

struct node_daemon {
	const struct node_conf *conf;
	struct node_lease lease;  /* wiped once the node has its copy */
	struct partners partners; /* as loaded */
	struct host_plan plan;    /* the one that the keeper was told last */
	struct keeper_info host;
	int keeper_fd;
	int status; /* enum ntm_exit, when the loop ends */

	struct ntm_loop *loop;
	struct ntm_udp *udp;
	struct ntm_tun *tun;
	struct ntm_control *control;
	struct ntm_netlink *netlink;
	struct ntm_netlink_monitor *monitor;
	struct ntm_watch *keeper_watch;
	unsigned tun_ifindex;
	struct upstream *upstream;
	struct ntm_sip_parser *sip;
	struct node *node; /* NULL until the host is set up */
};

/* Runs the engine in this process until it is told to stop, or its keeper has gone. SIGTERM, SIGINT
 * and SIGHUP are blocked before and after. Returns an enum ntm_exit. */
int node_daemon_run(const struct node_conf *conf, int keeper_fd);

/* node_control.c: one request of the control socket. ctx is the struct node_daemon. */
void node_control_request(void *ctx, uint64_t ticket, json_t *request);
