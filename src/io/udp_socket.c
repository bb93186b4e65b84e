/* SPDX-License-Identifier: BSD-2-Clause */
/* The socket under both kinds of UDP endpoints: one for both families. */
#include "udp_socket.h"

#include "ntm/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* A burst of calls arrives within one scheduler tick; the kernel's 208 KiB hold some 90 ms of it.
 */
#define SOCKET_BUFFER (2 << 20)

static void set_int(int fd, int level, int name, int value)
{
	/* Each of these makes things better, none is needed: a refusal is no error. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

void udp_socket_set(const struct udp_socket *sock, int level, int name, int value)
{
	set_int(sock->fd, level, name, value);
}

static void set_buffers(int fd)
{
	/* FORCE passes the system's limit and wants CAP_NET_ADMIN. */
	set_int(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
	set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER);
	set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER);
}

/*
 * RFC 8899: what passes is found out by probes of our own. So no datagram is ever cut, neither here
 * nor by a router (DF), and ICMP about sizes, which anybody can forge, is not believed: only the
 * MTU of the interface counts. NTM_UDP_ALWAYS fits into IPv6's smallest, hence always there.
 */
static void set_mtu_discovery(int fd, bool ipv6)
{
	set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	if (ipv6)
		set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
}

bool udp_socket_send_cut(const struct udp_socket *sock, const struct msghdr *msg)
{
	set_int(sock->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
	ssize_t sent = sendmsg(sock->fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	set_int(sock->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	return sent >= 0;
}

static int open_family(int family, const struct ntm_addr *bind_to)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_storage sa;
	struct ntm_addr any = {.ip.family = family == AF_INET6 ? 6 : 4, .port = bind_to->port};

	if (fd < 0)
		return -errno;
	if (family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (bind_to->ip.family != 0)
		any.ip = bind_to->ip;
	socklen_t len = ntm_addr_to_sockaddr(&any, family == AF_INET6, &sa);
	if (bind(fd, (const struct sockaddr *)&sa, len) != 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	set_buffers(fd);
	set_mtu_discovery(fd, family == AF_INET6);
	return fd;
}

/* A host booted with ipv6.disable=1 has no AF_INET6; one with disable_ipv6=1 may have no [::]. */
static int open_socket(const struct ntm_addr *bind_to, bool *dual_stack)
{
	int fd = bind_to->ip.family == 4 ? -EAFNOSUPPORT : open_family(AF_INET6, bind_to);

	*dual_stack = fd >= 0;
	if ((fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) && bind_to->ip.family != 6)
		fd = open_family(AF_INET, bind_to);
	return fd;
}

static uint16_t local_port(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct ntm_addr addr;

	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0 ||
	    ntm_addr_from_sockaddr(&addr, (const struct sockaddr *)&sa) != 0)
		return 0;
	return addr.port;
}

int udp_socket_open(struct udp_socket *sock, const struct ntm_addr *bind_to)
{
	bool dual_stack;
	int fd = open_socket(bind_to, &dual_stack);

	if (fd < 0)
		return fd;
	*sock = (struct udp_socket){.fd = fd, .dual_stack = dual_stack, .port = local_port(fd)};
	return 0;
}

struct ntm_ip ntm_udp_source(uint8_t family)
{
	/* Any that only the default route leads to. */
	static const struct ntm_addr far[2] = {
		{.ip = {.family = 4, .b = {1, 1, 1, 1}}, .port = 9},
		{.ip = {.family = 6, .b = {0x26, 6, 0x47, [15] = 1}}, .port = 9},
	};
	int fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage sa;
	struct ntm_addr addr = {.port = 0};

	if (fd < 0)
		return addr.ip;
	socklen_t len = ntm_addr_to_sockaddr(&far[family == 6], false, &sa);
	if (connect(fd, (const struct sockaddr *)&sa, len) == 0) {
		len = sizeof(sa);
		if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
			(void)ntm_addr_from_sockaddr(&addr, (const struct sockaddr *)&sa);
	}
	close(fd);
	return addr.ip;
}
