/* SPDX-License-Identifier: BSD-2-Clause */
/* Interfaces, addresses, routes and rules of this host, through rtnetlink. */
#pragma once

#include "ntm/addr.h"

#include <stddef.h>
#include <stdint.h>

struct ntm_loop;
struct ntm_netlink;
struct ntm_netlink_monitor;

/*
 * Requests are answered by the kernel at once, so these calls block for microseconds. All are
 * idempotent: adding what is there and deleting what is gone is 0. Otherwise negative errno, -EPERM
 * without CAP_NET_ADMIN.
 */
int ntm_netlink_open(struct ntm_netlink **out);
void ntm_netlink_free(struct ntm_netlink *nl); /* NULL is fine */

/* -ENODEV when there is none. */
int ntm_netlink_ifindex(struct ntm_netlink *nl, const char *name, unsigned *ifindex);
int ntm_netlink_link_up(struct ntm_netlink *nl, unsigned ifindex, unsigned mtu);

/* A host address: /32 or /128; IPv6 without duplicate address detection, so that it works at once;
 * neither brings a route along. */
int ntm_netlink_addr_add(struct ntm_netlink *nl, unsigned ifindex, const struct ntm_ip *ip);
int ntm_netlink_addr_del(struct ntm_netlink *nl, unsigned ifindex, const struct ntm_ip *ip);

struct ntm_netlink_route {
	struct ntm_prefix prefix; /* length 0: default route of that family */
	uint32_t table;
	unsigned ifindex;  /* 0: an `unreachable` route */
	uint32_t metric;   /* 0: the kernel's default */
	struct ntm_ip src; /* preferred source; family 0: none */
};
/* A route with the same prefix, table and metric is replaced. */
int ntm_netlink_route_add(struct ntm_netlink *nl, const struct ntm_netlink_route *route);
int ntm_netlink_route_del(struct ntm_netlink *nl, const struct ntm_netlink_route *route);

/* `from F to T lookup table`; a prefix with family 0 is left out, one of them must be there. */
struct ntm_netlink_rule {
	struct ntm_prefix from, to; /* length 0: all of that family */
	bool is_wide;     /* IPv6: also who has no source yet, and would get one of `from` there */
	bool no_defaults; /* the table's default routes do not count: the next rule is looked at */
	uint32_t table;
	uint32_t priority;
};
int ntm_netlink_rule_add(struct ntm_netlink *nl, const struct ntm_netlink_rule *rule);
int ntm_netlink_rule_del(struct ntm_netlink *nl, const struct ntm_netlink_rule *rule);
/* Deletes all rules of that priority that lead to the table, of both families. */
int ntm_netlink_rules_flush(struct ntm_netlink *nl, uint32_t table, uint32_t priority);

/* UDP that this host sends from a port passes over all rules from one priority to another, of both
 * families. The kernel also turns it round to judge where answers come in (rp_filter). */
struct ntm_netlink_skip {
	uint16_t udp_port;
	uint32_t priority, to; /* both are taken by it */
};
int ntm_netlink_skip_add(struct ntm_netlink *nl, const struct ntm_netlink_skip *skip);
/* Whatever the port. */
int ntm_netlink_skip_del(struct ntm_netlink *nl, const struct ntm_netlink_skip *skip);

/*
 * Addresses that others may reach this host at: on interfaces that are up, not on skip_ifindex, not
 * loopback, multicast or link-local, not deprecated, tentative or duplicate. At most cap, IPv4
 * first; *count is set on success.
 */
int ntm_netlink_addrs(struct ntm_netlink *nl, unsigned skip_ifindex, struct ntm_ip *out, size_t cap,
		      size_t *count);

/* Calls fn once, 100 ms after the first of a burst of changes of addresses, routes or links. May
 * come without a difference that matters: the caller compares. */
#define NTM_NETLINK_DEBOUNCE_MS 100
int ntm_netlink_monitor_open(struct ntm_loop *loop, void (*fn)(void *arg), void *arg,
			     struct ntm_netlink_monitor **out);
void ntm_netlink_monitor_free(struct ntm_netlink_monitor *monitor); /* NULL is fine */
