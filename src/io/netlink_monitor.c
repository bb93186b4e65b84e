/* SPDX-License-Identifier: BSD-2-Clause */
/* rtnetlink: "something about addresses, routes or links has changed", once a burst. */
#include "ntm/loop.h"
#include "ntm/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

/* Links too: IPv4 routes that go with an interface are not announced one by one. */
#define GROUPS                                                                       \
	(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | \
	 RTMGRP_IPV6_ROUTE)
#define READS_A_TURN 64

struct ntm_netlink_monitor {
	struct ntm_timers *timers;
	struct ntm_timer timer;
	struct ntm_watch *watch;
	struct mnl_socket *socket;
	void (*fn)(void *arg);
	void *arg;
	_Alignas(struct nlmsghdr) char buf[8192];
};

static void on_settled(void *arg)
{
	struct ntm_netlink_monitor *monitor = arg;

	monitor->fn(monitor->arg);
}

static void on_readable(void *arg, unsigned events)
{
	struct ntm_netlink_monitor *monitor = arg;

	(void)events;
	for (int i = 0; i < READS_A_TURN; i++) {
		ssize_t len =
			mnl_socket_recvfrom(monitor->socket, monitor->buf, sizeof(monitor->buf));
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		/* What it says does not matter, nor whether some was lost (ENOBUFS, ENOSPC). The
		 * time runs from the first change, so that a busy router is told of as well. */
		if (!ntm_timer_armed(&monitor->timer))
			ntm_timer_set(monitor->timers, &monitor->timer, NTM_NETLINK_DEBOUNCE_MS);
	}
}

int ntm_netlink_monitor_open(struct ntm_loop *loop, void (*fn)(void *arg), void *arg,
			     struct ntm_netlink_monitor **out)
{
	struct ntm_netlink_monitor *monitor = calloc(1, sizeof(*monitor));
	int err;

	if (monitor == NULL)
		return -ENOMEM;
	monitor->timers = ntm_loop_timers(loop);
	monitor->fn = fn;
	monitor->arg = arg;
	ntm_timer_init(&monitor->timer, on_settled, monitor);
	monitor->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (monitor->socket == NULL ||
	    mnl_socket_bind(monitor->socket, GROUPS, MNL_SOCKET_AUTOPID) != 0) {
		err = -errno;
		goto fail;
	}
	err = ntm_loop_watch(loop, mnl_socket_get_fd(monitor->socket), NTM_LOOP_READ, on_readable,
			     monitor, &monitor->watch);
	if (err != 0)
		goto fail;
	*out = monitor;
	return 0;
fail:
	ntm_netlink_monitor_free(monitor);
	return err;
}

void ntm_netlink_monitor_free(struct ntm_netlink_monitor *monitor)
{
	if (monitor == NULL)
		return;
	ntm_timer_del(monitor->timers, &monitor->timer);
	ntm_watch_free(monitor->watch);
	if (monitor->socket != NULL)
		mnl_socket_close(monitor->socket);
	free(monitor);
}
