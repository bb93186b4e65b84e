/* SPDX-License-Identifier: BSD-2-Clause */
/* The UDP socket: recvmmsg into packet buffers, sends collected in a ring for sendmmsg. */
#include "ntm/udp.h"

#include "udp_socket.h"

#include "ntm/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 32
/* Batches read in one turn before timers and others get their share. */
#define BATCHES_A_TURN 4

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
	struct udp_socket sock;
	bool blocked; /* the socket is full: waiting for writability */
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
	err = udp_socket_open(&udp->sock, &args->bind);
	if (err != 0) {
		free(udp);
		return err;
	}
	prepare_headers(udp);
	err = ntm_loop_watch(udp->loop, udp->sock.fd, NTM_LOOP_READ, on_ready, udp, &udp->watch);
	if (err != 0)
		goto fail;
	udp->hook = (struct ntm_loop_hook){.fn = on_turn_end, .arg = udp};
	ntm_loop_hook_add(udp->loop, &udp->hook);
	*out = udp;
	return 0;
fail:
	close(udp->sock.fd);
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
	close(udp->sock.fd);
	free(udp);
}

uint16_t ntm_udp_port(const struct ntm_udp *udp)
{
	return udp->sock.port;
}

bool ntm_udp_dual_stack(const struct ntm_udp *udp)
{
	return udp->sock.dual_stack;
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
	int count = recvmmsg(udp->sock.fd, udp->in_hdr, BATCH, MSG_DONTWAIT, NULL);
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

/* The first datagram does not fit into the interface. */
static void on_too_long(struct ntm_udp *udp)
{
	if (ring_at(udp, 0)->len <= NTM_UDP_ALWAYS &&
	    udp_socket_send_cut(&udp->sock, &udp->out_hdr[0].msg_hdr)) {
		udp->counters.cut++;
		sent(udp, 1);
		return;
	}
	udp->counters.dropped_mtu++;
	ring_drop(udp, 1);
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
	int done =
		sendmmsg(udp->sock.fd, udp->out_hdr, (unsigned)count, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (done >= 0) {
		sent(udp, (size_t)done);
		return true;
	}
	if (errno == EAGAIN)
		return false;
	if (errno == EINTR)
		return true;
	if (errno == EMSGSIZE) {
		on_too_long(udp);
		return true;
	}
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
	if (to->ip.family != 4 && !(to->ip.family == 6 && udp->sock.dual_stack)) {
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
	datagram->to_len = ntm_addr_to_sockaddr(to, udp->sock.dual_stack, &datagram->to);
	datagram->len = len;
	memcpy(datagram->data, data, len);
	return 0;
}
