/* SPDX-License-Identifier: BSD-2-Clause */
/* rtnetlink: the socket, requests and dumps; interfaces and their addresses. */
#include "netlink_int.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

int ntm_netlink_open(struct ntm_netlink **out)
{
	struct ntm_netlink *nl = calloc(1, sizeof(*nl));
	/* The kernel answers at once; this only keeps a bug from blocking the daemon for ever. */
	struct timeval timeout = {.tv_sec = 2};

	if (nl == NULL)
		return -ENOMEM;
	nl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (nl->socket == NULL || mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) != 0 ||
	    setsockopt(mnl_socket_get_fd(nl->socket), SOL_SOCKET, SO_RCVTIMEO, &timeout,
		       sizeof(timeout)) != 0) {
		int err = -errno;
		ntm_netlink_free(nl);
		return err;
	}
	*out = nl;
	return 0;
}

void ntm_netlink_free(struct ntm_netlink *nl)
{
	if (nl == NULL)
		return;
	if (nl->socket != NULL)
		mnl_socket_close(nl->socket);
	free(nl);
}

struct nlmsghdr *netlink_begin(struct ntm_netlink *nl, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(nl->buf);

	msg->nlmsg_type = type;
	msg->nlmsg_flags = NLM_F_REQUEST | flags;
	msg->nlmsg_seq = ++nl->seq;
	return msg;
}

struct answers {
	mnl_cb_t fn; /* for every object; may be NULL */
	void *arg;
	bool done, interrupted;
	int err;
};

static void take_message(const struct nlmsghdr *msg, struct answers *answers)
{
	size_t len = mnl_nlmsg_get_payload_len(msg);
	const int *code = mnl_nlmsg_get_payload(msg);

	if (msg->nlmsg_flags & NLM_F_DUMP_INTR)
		answers->interrupted = true;
	if (msg->nlmsg_type == NLMSG_ERROR || msg->nlmsg_type == NLMSG_DONE) {
		/* Both begin with 0 or a negative errno. */
		answers->done = true;
		answers->err = len >= sizeof(*code) ? *code : 0;
	} else if (msg->nlmsg_type >= NLMSG_MIN_TYPE && answers->fn != NULL) {
		(void)answers->fn(msg, answers->arg);
	}
}

/* Sends what netlink_begin started and takes every answer until the kernel is done. libmnl's own
 * mnl_cb_run stops in the middle of an interrupted dump, and its rest would answer the next call.
 */
static int exchange(struct ntm_netlink *nl, mnl_cb_t fn, void *arg)
{
	const struct nlmsghdr *msg = (const void *)nl->buf;
	struct answers answers = {.fn = fn, .arg = arg};

	if (mnl_socket_sendto(nl->socket, msg, msg->nlmsg_len) < 0)
		return -errno;
	while (!answers.done) {
		ssize_t len = mnl_socket_recvfrom(nl->socket, nl->buf, sizeof(nl->buf));
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		int left = (int)len;
		for (msg = (const void *)nl->buf; mnl_nlmsg_ok(msg, left);
		     msg = mnl_nlmsg_next(msg, &left)) {
			if (msg->nlmsg_seq == nl->seq) /* else to a call that timed out */
				take_message(msg, &answers);
		}
	}
	return answers.err == 0 && answers.interrupted ? -EINTR : answers.err;
}

int netlink_talk(struct ntm_netlink *nl)
{
	struct nlmsghdr *msg = (void *)nl->buf;

	msg->nlmsg_flags |= NLM_F_ACK;
	return exchange(nl, NULL, NULL);
}

int netlink_dump(struct ntm_netlink *nl, mnl_cb_t fn, void *arg)
{
	struct nlmsghdr *msg = (void *)nl->buf;

	msg->nlmsg_flags |= NLM_F_DUMP;
	return exchange(nl, fn, arg);
}

void netlink_put_ip(struct nlmsghdr *msg, uint16_t attr, const struct ntm_ip *ip)
{
	mnl_attr_put(msg, attr, ntm_ip_len(ip), ip->b);
}

uint8_t netlink_family(const struct ntm_ip *ip)
{
	return ip->family == 4 ? AF_INET : AF_INET6;
}

/* --- interfaces --- */

static int on_link(const struct nlmsghdr *msg, void *arg)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(msg);
	unsigned *ifindex = arg;

	*ifindex = (unsigned)link->ifi_index;
	return MNL_CB_OK;
}

int ntm_netlink_ifindex(struct ntm_netlink *nl, const char *name, unsigned *ifindex)
{
	unsigned found = 0;

	if (name[0] == '\0' || strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	struct nlmsghdr *msg = netlink_begin(nl, RTM_GETLINK, NLM_F_ACK);
	mnl_nlmsg_put_extra_header(msg, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(msg, IFLA_IFNAME, name);
	int err = exchange(nl, on_link, &found);
	if (err != 0)
		return err;
	if (found == 0)
		return -ENODEV;
	*ifindex = found;
	return 0;
}

/*
 * Without this the kernel gives the TUN a link-local address and sends router solicitations from
 * it, which nobody at the other end can answer. Fails on hosts without IPv6, where it is not
 * needed.
 */
static void no_link_local(struct ntm_netlink *nl, unsigned ifindex)
{
	struct nlmsghdr *msg = netlink_begin(nl, RTM_NEWLINK, 0);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(msg, sizeof(*link));

	link->ifi_index = (int)ifindex;
	struct nlattr *spec = mnl_attr_nest_start(msg, IFLA_AF_SPEC);
	struct nlattr *inet6 = mnl_attr_nest_start(msg, AF_INET6);
	mnl_attr_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(msg, inet6);
	mnl_attr_nest_end(msg, spec);
	(void)netlink_talk(nl);
}

int ntm_netlink_link_up(struct ntm_netlink *nl, unsigned ifindex, unsigned mtu)
{
	no_link_local(nl, ifindex);
	struct nlmsghdr *msg = netlink_begin(nl, RTM_NEWLINK, 0);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(msg, sizeof(*link));

	link->ifi_index = (int)ifindex;
	link->ifi_flags = IFF_UP;
	link->ifi_change = IFF_UP;
	mnl_attr_put_u32(msg, IFLA_MTU, mtu);
	return netlink_talk(nl);
}

/* --- addresses --- */

static void put_address(struct nlmsghdr *msg, unsigned ifindex, const struct ntm_ip *ip)
{
	struct ifaddrmsg *addr = mnl_nlmsg_put_extra_header(msg, sizeof(*addr));

	addr->ifa_family = netlink_family(ip);
	addr->ifa_prefixlen = (uint8_t)(ntm_ip_len(ip) * 8);
	addr->ifa_index = ifindex;
	netlink_put_ip(msg, IFA_LOCAL, ip);
	netlink_put_ip(msg, IFA_ADDRESS, ip);
}

int ntm_netlink_addr_add(struct ntm_netlink *nl, unsigned ifindex, const struct ntm_ip *ip)
{
	struct nlmsghdr *msg = netlink_begin(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);

	if (ntm_ip_len(ip) == 0)
		return -EINVAL;
	put_address(msg, ifindex, ip);
	mnl_attr_put_u32(msg, IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
	int err = netlink_talk(nl);
	return err == -EEXIST ? 0 : err;
}

int ntm_netlink_addr_del(struct ntm_netlink *nl, unsigned ifindex, const struct ntm_ip *ip)
{
	struct nlmsghdr *msg = netlink_begin(nl, RTM_DELADDR, 0);

	if (ntm_ip_len(ip) == 0)
		return -EINVAL;
	put_address(msg, ifindex, ip);
	int err = netlink_talk(nl);
	return err == -EADDRNOTAVAIL || err == -ENODEV ? 0 : err;
}
