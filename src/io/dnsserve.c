/* SPDX-License-Identifier: BSD-2-Clause */
/* The DNS listener: its sockets, and the UDP half. */
#include "dnsserve_int.h"
#include "ntm/loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG      32
#define READS_A_TURN 64

/* --- sockets --- */

static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : -errno;
}

static int set_options(int fd, int type, bool ipv6)
{
	int err = 0;

	/* For a restart at once. Not over UDP, where it would let two servers share the port. */
	if (type == SOCK_STREAM)
		err = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	/* So that 0.0.0.0 and [::] can both be listened on. */
	if (err == 0 && ipv6)
		err = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (err != 0 || type != SOCK_DGRAM)
		return err;
	/* Forged ICMP must not make the kernel cut answers into small pieces. */
	if (ipv6) {
		(void)set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
		return set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	}
	(void)set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
	return set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

static int open_socket(const struct ntm_addr *addr, int type)
{
	struct sockaddr_storage sa;
	socklen_t len = ntm_addr_to_sockaddr(addr, false, &sa);

	if (len == 0)
		return -EAFNOSUPPORT;
	int fd = socket(sa.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int err = set_options(fd, type, addr->ip.family == 6);
	if (err == 0 && bind(fd, (const struct sockaddr *)&sa, len) != 0)
		err = -errno;
	if (err == 0 && type == SOCK_STREAM && listen(fd, BACKLOG) != 0)
		err = -errno;
	if (err != 0) {
		close(fd);
		return err;
	}
	return fd;
}

static int read_port(int fd, uint16_t *port)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct ntm_addr addr;

	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0 ||
	    ntm_addr_from_sockaddr(&addr, (const struct sockaddr *)&sa) != 0)
		return -EIO;
	*port = addr.port;
	return 0;
}

static int listener_open(struct dns_listener *listener)
{
	struct ntm_loop *loop = listener->serve->loop;

	listener->tcp = open_socket(&listener->addr, SOCK_STREAM);
	if (listener->tcp < 0)
		return listener->tcp;
	/* With port 0, UDP takes the one that TCP was given. */
	int err = read_port(listener->tcp, &listener->addr.port);
	if (err != 0)
		return err;
	listener->udp = open_socket(&listener->addr, SOCK_DGRAM);
	if (listener->udp < 0)
		return listener->udp;
	err = ntm_loop_watch(loop, listener->udp, NTM_LOOP_READ, dnsserve_on_udp, listener,
			     &listener->udp_watch);
	if (err == 0)
		err = ntm_loop_watch(loop, listener->tcp, NTM_LOOP_READ, dnsserve_on_accept,
				     listener, &listener->tcp_watch);
	return err;
}

static void listener_close(struct dns_listener *listener)
{
	ntm_watch_free(listener->udp_watch);
	ntm_watch_free(listener->tcp_watch);
	if (listener->udp >= 0)
		close(listener->udp);
	if (listener->tcp >= 0)
		close(listener->tcp);
}

int ntm_dnsserve_open(const struct ntm_dnsserve_args *args, struct ntm_dnsserve **out,
		      size_t *failed)
{
	struct ntm_dnsserve *serve;
	int err = 0;

	if (args->addr_count > NTM_DNSSERVE_ADDRS)
		return -E2BIG;
	serve = calloc(1, sizeof(*serve));
	if (serve == NULL)
		return -ENOMEM;
	serve->loop = args->loop;
	serve->timers = ntm_loop_timers(args->loop);
	serve->fn = args->fn;
	serve->ctx = args->ctx;
	dnsserve_tcp_init(serve);
	for (size_t i = 0; i < args->addr_count && err == 0; i++) {
		struct dns_listener *listener = &serve->listeners[serve->listener_count++];
		*listener = (struct dns_listener){.serve = serve,
						  .addr = args->addrs[i],
						  .udp = -1,
						  .tcp = -1};
		err = listener_open(listener);
		if (err != 0 && failed != NULL)
			*failed = i;
	}
	if (err != 0) {
		ntm_dnsserve_free(serve);
		return err;
	}
	*out = serve;
	return 0;
}

void ntm_dnsserve_free(struct ntm_dnsserve *serve)
{
	if (serve == NULL)
		return;
	dnsserve_tcp_fini(serve);
	for (size_t i = 0; i < serve->listener_count; i++)
		listener_close(&serve->listeners[i]);
	free(serve);
}

uint16_t ntm_dnsserve_port(const struct ntm_dnsserve *serve, size_t n)
{
	return n < serve->listener_count ? serve->listeners[n].addr.port : 0;
}

const struct ntm_dnsserve_counters *ntm_dnsserve_counters(const struct ntm_dnsserve *serve)
{
	return &serve->counters;
}

/* --- UDP --- */

/*
 * Turns the packet info that came with a query into that of its answer: the address that was asked
 * becomes the source. The interface is left to routing, except for link-local addresses.
 */
static void answer_info(struct msghdr *msg)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	struct in6_pktinfo info6;
	struct in_pktinfo info4;

	if (cmsg == NULL || (msg->msg_flags & MSG_CTRUNC)) {
		msg->msg_control = NULL;
		msg->msg_controllen = 0;
	} else if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO) {
		memcpy(&info4, CMSG_DATA(cmsg), sizeof(info4));
		info4.ipi_ifindex = 0;
		/* ipi_spec_dst is the local address already, also for a broadcast. */
		memcpy(CMSG_DATA(cmsg), &info4, sizeof(info4));
	} else if (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_PKTINFO) {
		memcpy(&info6, CMSG_DATA(cmsg), sizeof(info6));
		if (!IN6_IS_ADDR_LINKLOCAL(&info6.ipi6_addr))
			info6.ipi6_ifindex = 0;
		memcpy(CMSG_DATA(cmsg), &info6, sizeof(info6));
	}
}

struct exchange {
	uint8_t query[NTM_DNSSERVE_QUERY_MAX];
	uint8_t answer[NTM_DNSSERVE_UDP_MAX];
	struct sockaddr_storage peer;
	/* One control message, of either family. */
	_Alignas(struct cmsghdr) char info[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct iovec iov;
	struct msghdr msg;
};

static void answer(struct dns_listener *listener, struct exchange *ex, size_t len)
{
	struct ntm_dnsserve *serve = listener->serve;
	struct ntm_addr from;

	if ((ex->msg.msg_flags & MSG_TRUNC) || len == 0 ||
	    ntm_addr_from_sockaddr(&from, (const struct sockaddr *)&ex->peer) != 0 ||
	    from.port == 0) {
		serve->counters.udp_dropped++;
		return;
	}
	struct ntm_dnsserve_query query = {.data = ex->query, .len = len, .from = &from};
	serve->counters.udp_queries++;
	size_t answer_len = serve->fn(serve->ctx, &query, ex->answer, sizeof(ex->answer));
	if (answer_len == 0)
		return;
	ex->iov = (struct iovec){ex->answer, answer_len};
	answer_info(&ex->msg);
	/* Not kept when the socket is full: a resolver asks again. */
	if (sendmsg(listener->udp, &ex->msg, MSG_NOSIGNAL) < 0)
		serve->counters.udp_dropped++;
	else
		serve->counters.udp_answers++;
}

void dnsserve_on_udp(void *arg, unsigned events)
{
	struct dns_listener *listener = arg;
	struct exchange ex;

	(void)events;
	for (int i = 0; i < READS_A_TURN; i++) {
		ex.iov = (struct iovec){ex.query, sizeof(ex.query)};
		ex.msg = (struct msghdr){.msg_name = &ex.peer,
					 .msg_namelen = sizeof(ex.peer),
					 .msg_iov = &ex.iov,
					 .msg_iovlen = 1,
					 .msg_control = ex.info,
					 .msg_controllen = sizeof(ex.info)};
		ssize_t len = recvmsg(listener->udp, &ex.msg, 0);
		if (len < 0)
			return; /* EAGAIN, or an error of an earlier answer, which is taken now */
		answer(listener, &ex, (size_t)len);
	}
}
