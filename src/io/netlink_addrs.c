/* SPDX-License-Identifier: BSD-2-Clause */
/* rtnetlink: the addresses that others may reach this host at. */
#include "netlink_int.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>

/* More interfaces that are down than this: the rest counts as up, which costs a useless candidate.
 */
#define DOWN_MAX 128
/* A dump that changed under way is taken again. */
#define ATTEMPTS 4

struct collect {
	unsigned skip_ifindex;
	unsigned down[DOWN_MAX];
	size_t down_count;
	struct ntm_ip *out;
	size_t cap, count;
};

static int on_link(const struct nlmsghdr *msg, void *arg)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(msg);
	struct collect *collect = arg;
	unsigned wanted = IFF_UP | IFF_RUNNING;

	if ((link->ifi_flags & wanted) != wanted && collect->down_count < DOWN_MAX)
		collect->down[collect->down_count++] = (unsigned)link->ifi_index;
	return MNL_CB_OK;
}

static bool is_skipped(const struct collect *collect, unsigned ifindex)
{
	if (ifindex == collect->skip_ifindex)
		return true;
	for (size_t i = 0; i < collect->down_count; i++) {
		if (collect->down[i] == ifindex)
			return true;
	}
	return false;
}

struct addr_attrs {
	uint8_t family;
	uint32_t flags;
	struct ntm_ip address, local;
};

static int on_attr(const struct nlattr *attr, void *arg)
{
	struct addr_attrs *attrs = arg;
	uint16_t type = mnl_attr_get_type(attr);
	size_t len = mnl_attr_get_payload_len(attr);

	if (type == IFA_FLAGS && len == 4)
		attrs->flags = mnl_attr_get_u32(attr);
	if (len != (attrs->family == 4 ? 4u : 16u))
		return MNL_CB_OK;
	if (type == IFA_LOCAL)
		attrs->local = ntm_ip_from_bytes(attrs->family, mnl_attr_get_payload(attr));
	if (type == IFA_ADDRESS)
		attrs->address = ntm_ip_from_bytes(attrs->family, mnl_attr_get_payload(attr));
	return MNL_CB_OK;
}

static int on_addr(const struct nlmsghdr *msg, void *arg)
{
	const struct ifaddrmsg *addr = mnl_nlmsg_get_payload(msg);
	struct collect *collect = arg;
	uint32_t unfit = IFA_F_DEPRECATED | IFA_F_TENTATIVE | IFA_F_DADFAILED;

	if (addr->ifa_family != AF_INET && addr->ifa_family != AF_INET6)
		return MNL_CB_OK;
	if (is_skipped(collect, addr->ifa_index))
		return MNL_CB_OK;
	struct addr_attrs attrs = {.family = addr->ifa_family == AF_INET ? 4 : 6,
				   .flags = addr->ifa_flags};
	mnl_attr_parse(msg, sizeof(*addr), on_attr, &attrs);
	/* On a point-to-point link IFA_ADDRESS is the peer's; IFA_LOCAL is ours. */
	const struct ntm_ip *ip = attrs.local.family != 0 ? &attrs.local : &attrs.address;
	if ((attrs.flags & unfit) != 0 || !ntm_ip_is_usable(ip))
		return MNL_CB_OK;
	if (collect->count < collect->cap)
		collect->out[collect->count++] = *ip;
	return MNL_CB_OK;
}

static int dump_links(struct ntm_netlink *nl, struct collect *collect)
{
	struct nlmsghdr *msg = netlink_begin(nl, RTM_GETLINK, 0);

	mnl_nlmsg_put_extra_header(msg, sizeof(struct ifinfomsg));
	collect->down_count = 0;
	return netlink_dump(nl, on_link, collect);
}

static int dump_addrs(struct ntm_netlink *nl, uint8_t family, struct collect *collect)
{
	struct nlmsghdr *msg = netlink_begin(nl, RTM_GETADDR, 0);
	struct ifaddrmsg *addr = mnl_nlmsg_put_extra_header(msg, sizeof(*addr));

	addr->ifa_family = family;
	return netlink_dump(nl, on_addr, collect);
}

static int collect_all(struct ntm_netlink *nl, struct collect *collect)
{
	int err = dump_links(nl, collect);

	collect->count = 0;
	if (err == 0)
		err = dump_addrs(nl, AF_INET, collect);
	if (err == 0)
		err = dump_addrs(nl, AF_INET6, collect);
	return err;
}

int ntm_netlink_addrs(struct ntm_netlink *nl, unsigned skip_ifindex, struct ntm_ip *out, size_t cap,
		      size_t *count)
{
	struct collect collect = {.skip_ifindex = skip_ifindex, .out = out, .cap = cap};
	int err = -EINTR;

	for (int i = 0; i < ATTEMPTS && err == -EINTR; i++)
		err = collect_all(nl, &collect);
	if (err == 0)
		*count = collect.count;
	return err;
}
