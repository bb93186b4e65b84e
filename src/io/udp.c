/* SPDX-License-Identifier: BSD-2-Clause */
/* The UDP socket: recvmmsg into packet buffers, sends collected in a ring for sendmmsg. */
#include "ntm/udp.h"

#include "ntm/loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 32
/* Batches read in one turn before timers and others get their share. */
#define BATCHES_A_TURN 4
/* A burst of calls arrives within one scheduler tick; the kernel's 208 KiB hold some 90 ms of it.
 */
#define SOCKET_BUFFER (2 << 20)

struct datagram {
	struct sockaddr_storage to;
	socklen_t to_len;
	size_t len;
	uint8_t data[NTM_PKT_MAX];
};

struct ntm_udp {
	struct ntm_loop *loop;
	struct ntm_watch *watch;
	struct ntm_loop_hook hook;
	ntm_udp_fn *fn;
	void *ctx;
	int fd;
	bool dual_stack;
	bool blocked; /* the socket is full: waiting for writability */
	uint16_t port;
	struct ntm_udp_counters counters;

	struct mmsghdr in_hdr[BATCH];
	struct iovec in_iov[BATCH];
	struct sockaddr_storage in_from[BATCH];
	struct ntm_pkt in_pkt[BATCH];

	struct mmsghdr out_hdr[BATCH];
	struct iovec out_iov[BATCH];
	size_t ring_first, ring_count;
	struct datagram ring[NTM_UDP_RING];
};

/* --- opening --- */

static void set_int(int fd, int level, int name, int value)
{
	/* Each of these makes things better, none is needed: a refusal is no error. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
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
 * Nobody's ICMP may make sends fail with EMSGSIZE. IPv4: no DF, and forged "fragmentation needed"
 * is not believed (routers fragment for us). IPv6: routers do not, so the kernel has to believe
 * "packet too big", which it never lets go below 1280, and to fragment here.
 */
static void set_mtu_discovery(int fd, bool ipv6)
{
	set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
	if (ipv6)
		set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
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

static void on_ready(void *arg, unsigned events);
static void on_turn_end(void *arg);

static void prepare_headers(struct ntm_udp *udp)
{
	for (size_t i = 0; i < BATCH; i++) {
		udp->in_hdr[i].msg_hdr.msg_iov = &udp->in_iov[i];
		udp->in_hdr[i].msg_hdr.msg_iovlen = 1;
		udp->in_hdr[i].msg_hdr.msg_name = &udp->in_from[i];
		udp->out_hdr[i].msg_hdr.msg_iov = &udp->out_iov[i];
		udp->out_hdr[i].msg_hdr.msg_iovlen = 1;
	}
}

int ntm_udp_open(const struct ntm_udp_args *args, struct ntm_udp **out)
{
	struct ntm_udp *udp = calloc(1, sizeof(*udp));
	int err;

	if (udp == NULL)
		return -ENOMEM;
	udp->loop = args->loop;
	udp->fn = args->fn;
	udp->ctx = args->ctx;
	udp->fd = open_socket(&args->bind, &udp->dual_stack);
	if (udp->fd < 0) {
		err = udp->fd;
		goto fail;
	}
	udp->port = local_port(udp->fd);
	prepare_headers(udp);
	err = ntm_loop_watch(udp->loop, udp->fd, NTM_LOOP_READ, on_ready, udp, &udp->watch);
	if (err != 0)
		goto fail;
	udp->hook = (struct ntm_loop_hook){.fn = on_turn_end, .arg = udp};
	ntm_loop_hook_add(udp->loop, &udp->hook);
	*out = udp;
	return 0;
fail:
	if (udp->fd >= 0)
		close(udp->fd);
	free(udp);
	return err;
}

void ntm_udp_free(struct ntm_udp *udp)
{
	if (udp == NULL)
		return;
	ntm_udp_flush(udp);
	ntm_loop_hook_del(udp->loop, &udp->hook);
	ntm_watch_free(udp->watch);
	close(udp->fd);
	free(udp);
}

uint16_t ntm_udp_port(const struct ntm_udp *udp)
{
	return udp->port;
}

bool ntm_udp_dual_stack(const struct ntm_udp *udp)
{
	return udp->dual_stack;
}

const struct ntm_udp_counters *ntm_udp_counters(const struct ntm_udp *udp)
{
	return &udp->counters;
}

/* --- input --- */

static void deliver(struct ntm_udp *udp, size_t i)
{
	struct ntm_pkt *pkt = &udp->in_pkt[i];
	struct ntm_addr from;

	if (udp->in_hdr[i].msg_hdr.msg_flags & MSG_TRUNC) {
		udp->counters.dropped_oversize++;
		return;
	}
	if (ntm_addr_from_sockaddr(&from, (const struct sockaddr *)&udp->in_from[i]) != 0)
		return;
	pkt->len = udp->in_hdr[i].msg_len;
	udp->counters.packets_in++;
	udp->counters.bytes_in += pkt->len;
	udp->fn(udp->ctx, &from, pkt);
}

/* Reads one batch; false when there is no more for now. */
static bool read_batch(struct ntm_udp *udp)
{
	for (size_t i = 0; i < BATCH; i++) {
		ntm_pkt_reset(&udp->in_pkt[i]);
		udp->in_iov[i].iov_base = udp->in_pkt[i].data;
		udp->in_iov[i].iov_len = NTM_PKT_MAX;
		udp->in_hdr[i].msg_hdr.msg_namelen = sizeof(udp->in_from[i]);
		udp->in_hdr[i].msg_hdr.msg_flags = 0;
	}
	int count = recvmmsg(udp->fd, udp->in_hdr, BATCH, MSG_DONTWAIT, NULL);
	if (count < 0) {
		if (errno != EAGAIN && errno != EINTR)
			udp->counters.socket_errors++;
		/* An error that ICMP left is taken by the call that reports it: look again. */
		return errno != EAGAIN;
	}
	for (int i = 0; i < count; i++)
		deliver(udp, (size_t)i);
	return count == BATCH;
}

static void on_ready(void *arg, unsigned events)
{
	struct ntm_udp *udp = arg;

	if (events & NTM_LOOP_WRITE)
		udp->blocked = false; /* the end of this turn sends */
	if (events & NTM_LOOP_READ) {
		for (int i = 0; i < BATCHES_A_TURN && read_batch(udp); i++)
			;
	}
}

/* --- output --- */

static struct datagram *ring_at(struct ntm_udp *udp, size_t n)
{
	return &udp->ring[(udp->ring_first + n) % NTM_UDP_RING];
}

static void ring_drop(struct ntm_udp *udp, size_t count)
{
	udp->ring_first = (udp->ring_first + count) % NTM_UDP_RING;
	udp->ring_count -= count;
}

static void sent(struct ntm_udp *udp, size_t count)
{
	for (size_t i = 0; i < count; i++)
		udp->counters.bytes_out += ring_at(udp, i)->len;
	udp->counters.packets_out += count;
	ring_drop(udp, count);
}

/* Sends up to one batch; false when the socket takes no more now. */
static bool send_batch(struct ntm_udp *udp)
{
	size_t count = udp->ring_count < BATCH ? udp->ring_count : BATCH;

	for (size_t i = 0; i < count; i++) {
		struct datagram *datagram = ring_at(udp, i);
		udp->out_iov[i].iov_base = datagram->data;
		udp->out_iov[i].iov_len = datagram->len;
		udp->out_hdr[i].msg_hdr.msg_name = &datagram->to;
		udp->out_hdr[i].msg_hdr.msg_namelen = datagram->to_len;
	}
	int done = sendmmsg(udp->fd, udp->out_hdr, (unsigned)count, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (done >= 0) {
		sent(udp, (size_t)done);
		return true;
	}
	if (errno == EAGAIN)
		return false;
	if (errno == EINTR)
		return true;
	/* About the first datagram alone (no route, firewall), or an old ICMP error: give it up. */
	udp->counters.dropped_error++;
	ring_drop(udp, 1);
	return true;
}

void ntm_udp_flush(struct ntm_udp *udp)
{
	while (udp->ring_count > 0 && !udp->blocked) {
		if (!send_batch(udp))
			udp->blocked = true;
	}
	(void)ntm_watch_set(udp->watch,
			    udp->blocked ? NTM_LOOP_READ | NTM_LOOP_WRITE : NTM_LOOP_READ);
}

static void on_turn_end(void *arg)
{
	ntm_udp_flush(arg);
}

int ntm_udp_send(struct ntm_udp *udp, const struct ntm_addr *to, const void *data, size_t len)
{
	if (len > NTM_PKT_MAX) {
		udp->counters.dropped_oversize++;
		return -EMSGSIZE;
	}
	if (to->ip.family != 4 && !(to->ip.family == 6 && udp->dual_stack)) {
		udp->counters.dropped_error++;
		return -EAFNOSUPPORT;
	}
	if (udp->ring_count == NTM_UDP_RING)
		ntm_udp_flush(udp);
	if (udp->ring_count == NTM_UDP_RING) {
		udp->counters.dropped_full++;
		return -ENOBUFS;
	}
	struct datagram *datagram = ring_at(udp, udp->ring_count++);
	datagram->to_len = ntm_addr_to_sockaddr(to, udp->dual_stack, &datagram->to);
	datagram->len = len;
	memcpy(datagram->data, data, len);
	return 0;
}
