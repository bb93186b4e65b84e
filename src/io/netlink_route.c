/* SPDX-License-Identifier: BSD-2-Clause */
/* rtnetlink: routes in our own table, and the rules that lead there. */
#include "netlink_int.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <netinet/in.h>

/* More than anybody has, of one priority. */
#define RULES_MAX 4096

static void put_route(struct nlmsghdr *msg, const struct ntm_netlink_route *route)
{
	struct rtmsg *rt = mnl_nlmsg_put_extra_header(msg, sizeof(*rt));

	rt->rtm_family = netlink_family(&route->prefix.ip);
	rt->rtm_dst_len = route->prefix.len;
	rt->rtm_table = RT_TABLE_UNSPEC; /* RTA_TABLE holds it in full width */
	rt->rtm_protocol = RTPROT_STATIC;
	rt->rtm_type = route->ifindex != 0 ? RTN_UNICAST : RTN_UNREACHABLE;
	rt->rtm_scope = route->ifindex != 0 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	mnl_attr_put_u32(msg, RTA_TABLE, route->table);
	if (route->prefix.len > 0)
		netlink_put_ip(msg, RTA_DST, &route->prefix.ip);
	if (route->ifindex != 0)
		mnl_attr_put_u32(msg, RTA_OIF, route->ifindex);
	if (route->metric != 0)
		mnl_attr_put_u32(msg, RTA_PRIORITY, route->metric);
	if (route->src.family != 0)
		netlink_put_ip(msg, RTA_PREFSRC, &route->src);
}

int ntm_netlink_route_add(struct ntm_netlink *nl, const struct ntm_netlink_route *route)
{
	struct nlmsghdr *msg = netlink_begin(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);

	if (ntm_ip_len(&route->prefix.ip) == 0)
		return -EINVAL;
	put_route(msg, route);
	int err = netlink_talk(nl);
	return err == -EEXIST ? 0 : err;
}

int ntm_netlink_route_del(struct ntm_netlink *nl, const struct ntm_netlink_route *route)
{
	struct nlmsghdr *msg = netlink_begin(nl, RTM_DELROUTE, 0);

	if (ntm_ip_len(&route->prefix.ip) == 0)
		return -EINVAL;
	put_route(msg, route);
	int err = netlink_talk(nl);
	/* ENOENT: the table itself has gone, with its last route. */
	return err == -ESRCH || err == -ENOENT || err == -ENODEV ? 0 : err;
}

static int put_rule(struct nlmsghdr *msg, const struct ntm_netlink_rule *rule)
{
	struct fib_rule_hdr *hdr = mnl_nlmsg_put_extra_header(msg, sizeof(*hdr));
	const struct ntm_prefix *any = rule->to.ip.family != 0 ? &rule->to : &rule->from;

	if (ntm_ip_len(&any->ip) == 0)
		return -EINVAL;
	if (rule->from.ip.family != 0 && rule->from.ip.family != any->ip.family)
		return -EINVAL;
	hdr->family = netlink_family(&any->ip);
	hdr->action = FR_ACT_TO_TBL;
	hdr->table = RT_TABLE_UNSPEC; /* FRA_TABLE holds it in full width */
	if (rule->to.len > 0) {
		hdr->dst_len = rule->to.len;
		netlink_put_ip(msg, FRA_DST, &rule->to.ip);
	}
	if (rule->from.len > 0) {
		hdr->src_len = rule->from.len;
		netlink_put_ip(msg, FRA_SRC, &rule->from.ip);
	}
	if (rule->is_wide)
		hdr->flags |= FIB_RULE_FIND_SADDR;
	if (rule->no_defaults)
		mnl_attr_put_u32(msg, FRA_SUPPRESS_PREFIXLEN, 0);
	mnl_attr_put_u32(msg, FRA_TABLE, rule->table);
	mnl_attr_put_u32(msg, FRA_PRIORITY, rule->priority);
	return 0;
}

int ntm_netlink_rule_add(struct ntm_netlink *nl, const struct ntm_netlink_rule *rule)
{
	/* EXCL, because the kernel would happily keep the same rule twice. */
	struct nlmsghdr *msg = netlink_begin(nl, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
	int err = put_rule(msg, rule);

	if (err == 0)
		err = netlink_talk(nl);
	return err == -EEXIST ? 0 : err;
}

int ntm_netlink_rule_del(struct ntm_netlink *nl, const struct ntm_netlink_rule *rule)
{
	struct nlmsghdr *msg = netlink_begin(nl, RTM_DELRULE, 0);
	int err = put_rule(msg, rule);

	if (err == 0)
		err = netlink_talk(nl);
	return err == -ENOENT ? 0 : err;
}

static struct nlmsghdr *begin_rule(struct ntm_netlink *nl, uint16_t type, uint8_t family,
				   uint8_t action, uint32_t priority)
{
	struct nlmsghdr *msg =
		netlink_begin(nl, type, type == RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL : 0);
	struct fib_rule_hdr *hdr = mnl_nlmsg_put_extra_header(msg, sizeof(*hdr));
	const struct ntm_ip any = {.family = family};

	hdr->family = netlink_family(&any);
	hdr->action = action;
	hdr->table = RT_TABLE_UNSPEC;
	mnl_attr_put_u32(msg, FRA_PRIORITY, priority);
	return msg;
}

/* All of them that lead to that table, or priority; the kernel takes whichever fits. */
static int delete_rules(struct ntm_netlink *nl, uint8_t family, uint8_t action, uint32_t to,
			uint32_t priority)
{
	int err = 0;

	for (int n = 0; n < RULES_MAX && err == 0; n++) {
		struct nlmsghdr *msg = begin_rule(nl, RTM_DELRULE, family, action, priority);

		if (action != FR_ACT_NOP)
			mnl_attr_put_u32(msg, action == FR_ACT_GOTO ? FRA_GOTO : FRA_TABLE, to);
		err = netlink_talk(nl);
	}
	return err == -ENOENT || err == -EAFNOSUPPORT ? 0 : err;
}

int ntm_netlink_rules_flush(struct ntm_netlink *nl, uint32_t table, uint32_t priority)
{
	int err4 = delete_rules(nl, 4, FR_ACT_TO_TBL, table, priority);
	int err6 = delete_rules(nl, 6, FR_ACT_TO_TBL, table, priority);

	return err4 != 0 ? err4 : err6;
}

/* ---- skips: `ipproto udp sport P goto TO`, and a rule that does nothing there ---- */

static int skip_add(struct ntm_netlink *nl, const struct ntm_netlink_skip *skip, uint8_t family)
{
	const struct fib_rule_port_range port = {.start = skip->udp_port, .end = skip->udp_port};
	int err;

	begin_rule(nl, RTM_NEWRULE, family, FR_ACT_NOP, skip->to);
	err = netlink_talk(nl);
	if (err != 0 && err != -EEXIST)
		return err;
	struct nlmsghdr *msg = begin_rule(nl, RTM_NEWRULE, family, FR_ACT_GOTO, skip->priority);
	mnl_attr_put_u8(msg, FRA_IP_PROTO, IPPROTO_UDP);
	mnl_attr_put(msg, FRA_SPORT_RANGE, sizeof(port), &port);
	mnl_attr_put_u32(msg, FRA_GOTO, skip->to);
	err = netlink_talk(nl);
	return err == -EEXIST ? 0 : err;
}

int ntm_netlink_skip_add(struct ntm_netlink *nl, const struct ntm_netlink_skip *skip)
{
	int err4 = skip_add(nl, skip, 4), err6 = skip_add(nl, skip, 6);

	return err4 != 0 ? err4 : err6 == -EAFNOSUPPORT ? 0 : err6;
}

int ntm_netlink_skip_del(struct ntm_netlink *nl, const struct ntm_netlink_skip *skip)
{
	int err = 0;

	for (uint8_t family = 4; family <= 6; family += 2) {
		int rc = delete_rules(nl, family, FR_ACT_GOTO, skip->to, skip->priority);

		if (rc == 0)
			rc = delete_rules(nl, family, FR_ACT_NOP, 0, skip->to);
		err = err != 0 ? err : rc;
	}
	return err;
}
