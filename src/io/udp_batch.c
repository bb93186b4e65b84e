/* SPDX-License-Identifier: BSD-2-Clause */
/* Forwarding in batches: recvmmsg, a verdict for each datagram, sendmmsg from the same buffers. */
#include "ntm/udp_batch.h"

#include "udp_socket.h"

#include "ntm/loop.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64
/* Batches read in one turn before timers and others get their share. */
#define BATCHES_A_TURN 8
/* The kernel puts up to 64 KiB together; pages that nothing was written to cost nothing. */
#define BUFFER_LEN 65536
#define PIECES     (2 * BATCH)
/*
 * Waking up for each datagram costs as much as forwarding it. From so many a millisecond on the
 * socket is left alone for what is left of one, and then emptied: batches for half a millisecond of
 * delay, in a relay that is busy; none in one that is not.
 */
#define BUSY_PER_MS  8
#define BUSY_LOOK_MS 8
#define PAUSE_MS     1
/* Linux: UDP_MAX_SEGMENTS, and what fits into one IP packet. */
#define TRAIN_MAX     64
#define TRAIN_LEN_MAX 65000

struct control {
	_Alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(int))];
};

/* Datagrams of the same length to one place; only the last may be shorter. */
struct train {
	struct ntm_addr to;
	size_t segment_len, last_len;
	size_t count, len;
	size_t first_piece, piece_count;
	struct sockaddr_storage sa;
	struct control control;
};

struct ntm_udp_batch {
	struct ntm_loop *loop;
	struct ntm_watch *watch;
	struct ntm_timer pause;
	int64_t look_ms;     /* when it was last judged whether we are busy, */
	uint64_t look_count; /* and how many had come until then */
	bool is_busy, pauses;
	ntm_udp_batch_fn *fn;
	void *ctx;
	struct udp_socket sock;
	bool can_gso;
	struct ntm_udp_batch_counters counters;

	struct mmsghdr in_hdr[BATCH];
	struct iovec in_iov[BATCH];
	struct sockaddr_storage in_from[BATCH];
	struct control in_control[BATCH];

	struct train train[BATCH];
	struct mmsghdr out_hdr[BATCH];
	struct iovec piece[PIECES]; /* of the trains, in their order */
	size_t train_count, piece_count;
	uint8_t buffer[BATCH][BUFFER_LEN];
};

/* --- out --- */

static void prepare_train(struct ntm_udp_batch *udp, size_t i)
{
	struct train *train = &udp->train[i];
	struct msghdr *hdr = &udp->out_hdr[i].msg_hdr;

	memset(hdr, 0, sizeof(*hdr));
	hdr->msg_name = &train->sa;
	hdr->msg_namelen = ntm_addr_to_sockaddr(&train->to, udp->sock.dual_stack, &train->sa);
	hdr->msg_iov = &udp->piece[train->first_piece];
	hdr->msg_iovlen = train->piece_count;
	if (train->count == 1)
		return;
	uint16_t segment_len = (uint16_t)train->segment_len;
	hdr->msg_control = train->control.bytes;
	hdr->msg_controllen = CMSG_SPACE(sizeof(segment_len));
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(hdr);
	cmsg->cmsg_level = SOL_UDP;
	cmsg->cmsg_type = UDP_SEGMENT;
	cmsg->cmsg_len = CMSG_LEN(sizeof(segment_len));
	memcpy(CMSG_DATA(cmsg), &segment_len, sizeof(segment_len));
}

static void count_out(struct ntm_udp_batch *udp, const struct train *train)
{
	udp->counters.udp.packets_out += train->count;
	udp->counters.udp.bytes_out += train->len;
	udp->counters.trains_out += train->count > 1;
}

/* Of the socket, or of a device behind it (ENOBUFS). */
static bool is_full(int err)
{
	return err == EAGAIN || err == ENOBUFS;
}

/* One datagram, with errno. What passes everywhere else leaves in pieces where the interface takes
 * less; of what is larger, nodes find out by themselves that it does not pass. 0 if it left, which
 * is for the caller to count. */
static int refused(struct ntm_udp_batch *udp, const struct msghdr *hdr, size_t len)
{
	struct ntm_udp_counters *counters = &udp->counters.udp;
	int err = errno;

	if (is_full(err)) {
		counters->dropped_full++;
		return -ENOBUFS;
	}
	if (err != EMSGSIZE) {
		counters->dropped_error++;
		return -err;
	}
	if (len > NTM_UDP_ALWAYS || !udp_socket_send_cut(&udp->sock, hdr)) {
		counters->dropped_mtu++;
		return -err;
	}
	counters->cut++;
	return 0;
}

static int send_one(struct ntm_udp_batch *udp, const struct msghdr *hdr, size_t len)
{
	int err = 0;

	if (sendmsg(udp->sock.fd, hdr, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		err = refused(udp, hdr, len);
	if (err == 0) {
		udp->counters.udp.packets_out++;
		udp->counters.udp.bytes_out += len;
	}
	return err;
}

/* One by one, what the kernel does not take as a train: longer than the path's MTU, or a device
 * that cannot. No datagram crosses from one piece into the next. */
static void send_singly(struct ntm_udp_batch *udp, const struct train *train, socklen_t sa_len)
{
	struct iovec iov;
	const struct msghdr hdr = {.msg_name = (void *)(uintptr_t)&train->sa,
				   .msg_namelen = sa_len,
				   .msg_iov = &iov,
				   .msg_iovlen = 1};

	for (size_t i = 0; i < train->piece_count; i++) {
		const struct iovec *piece = &udp->piece[train->first_piece + i];
		uint8_t *data = piece->iov_base;
		size_t left = piece->iov_len;

		while (left > 0) {
			size_t len = left < train->segment_len ? left : train->segment_len;

			iov = (struct iovec){data, len};
			(void)send_one(udp, &hdr, len);
			data += len;
			left -= len;
		}
	}
}

static void drop(struct ntm_udp_batch *udp, size_t first, uint64_t *counter)
{
	for (size_t i = first; i < udp->train_count; i++)
		*counter += udp->train[i].count;
}

/* About the train in front alone, or an old ICMP error that is told by whoever comes next. */
static void on_refused(struct ntm_udp_batch *udp, size_t i)
{
	const struct train *train = &udp->train[i];

	if (is_full(errno)) {
		udp->counters.udp.dropped_full += train->count;
		return;
	}
	if (train->count == 1) {
		if (refused(udp, &udp->out_hdr[i].msg_hdr, train->len) == 0)
			count_out(udp, train);
		return;
	}
	if (errno == EIO) /* no checksums in hardware */
		udp->can_gso = false;
	send_singly(udp, train, udp->out_hdr[i].msg_hdr.msg_namelen);
}

static void flush(struct ntm_udp_batch *udp)
{
	size_t at = 0;

	for (size_t i = 0; i < udp->train_count; i++)
		prepare_train(udp, i);
	while (at < udp->train_count) {
		int done = sendmmsg(udp->sock.fd, udp->out_hdr + at,
				    (unsigned)(udp->train_count - at), MSG_DONTWAIT | MSG_NOSIGNAL);

		for (int i = 0; i < done; i++)
			count_out(udp, &udp->train[at + (size_t)i]);
		if (done > 0)
			at += (size_t)done;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			on_refused(udp, at++);
	}
	drop(udp, at, &udp->counters.udp.dropped_full);
	udp->train_count = 0;
	udp->piece_count = 0;
}

/* Puts a datagram behind the last train when it may go with it. */
static bool couple(struct ntm_udp_batch *udp, const struct ntm_addr *to, const uint8_t *data,
		   size_t len)
{
	struct train *train = udp->train_count > 0 ? &udp->train[udp->train_count - 1] : NULL;
	struct iovec *piece;

	if (train == NULL || !udp->can_gso || train->last_len < train->segment_len ||
	    len > train->segment_len || len == 0 || train->count == TRAIN_MAX ||
	    train->len + len > TRAIN_LEN_MAX || !ntm_addr_eq(&train->to, to))
		return false;
	piece = &udp->piece[udp->piece_count - 1];
	if ((const uint8_t *)piece->iov_base + piece->iov_len == data) {
		piece->iov_len += len;
	} else if (udp->piece_count < PIECES) {
		udp->piece[udp->piece_count++] = (struct iovec){(void *)(uintptr_t)data, len};
		train->piece_count++;
	} else {
		return false;
	}
	train->count++;
	train->len += len;
	train->last_len = len;
	return true;
}

static void put(struct ntm_udp_batch *udp, const struct ntm_addr *to, const uint8_t *data,
		size_t len)
{
	if (to->ip.family != 4 && !(to->ip.family == 6 && udp->sock.dual_stack)) {
		udp->counters.udp.dropped_error++;
		return;
	}
	if (couple(udp, to, data, len))
		return;
	if (udp->train_count == BATCH || udp->piece_count == PIECES)
		flush(udp);
	udp->train[udp->train_count++] = (struct train){
		.to = *to,
		.segment_len = len,
		.last_len = len,
		.count = 1,
		.len = len,
		.first_piece = udp->piece_count,
		.piece_count = 1,
	};
	udp->piece[udp->piece_count++] = (struct iovec){(void *)(uintptr_t)data, len};
}

int ntm_udp_batch_send(struct ntm_udp_batch *udp, const struct ntm_addr *to, const void *data,
		       size_t len)
{
	struct sockaddr_storage sa;
	struct iovec iov = {(void *)(uintptr_t)data, len};
	struct msghdr hdr = {.msg_name = &sa, .msg_iov = &iov, .msg_iovlen = 1};

	if (to->ip.family != 4 && !(to->ip.family == 6 && udp->sock.dual_stack)) {
		udp->counters.udp.dropped_error++;
		return -EAFNOSUPPORT;
	}
	hdr.msg_namelen = ntm_addr_to_sockaddr(to, udp->sock.dual_stack, &sa);
	return send_one(udp, &hdr, len);
}

/* --- in --- */

/* Length of the datagrams that were put together; the last may be shorter. */
static size_t segment_len(const struct msghdr *hdr, size_t len)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(hdr); cmsg != NULL;
	     cmsg = CMSG_NXTHDR((struct msghdr *)(uintptr_t)hdr, cmsg)) {
		int got;

		if (cmsg->cmsg_level != SOL_UDP || cmsg->cmsg_type != UDP_GRO)
			continue;
		memcpy(&got, CMSG_DATA(cmsg), sizeof(got));
		if (got > 0 && (size_t)got < len)
			return (size_t)got;
	}
	return len;
}

static void deliver(struct ntm_udp_batch *udp, size_t i)
{
	const struct msghdr *hdr = &udp->in_hdr[i].msg_hdr;
	const uint8_t *data = udp->buffer[i];
	size_t left = udp->in_hdr[i].msg_len;
	size_t step = segment_len(hdr, left);
	struct ntm_addr from;

	if (hdr->msg_flags & MSG_TRUNC) {
		udp->counters.udp.dropped_oversize++;
		return;
	}
	if (ntm_addr_from_sockaddr(&from, (const struct sockaddr *)&udp->in_from[i]) != 0)
		return;
	udp->counters.trains_in += step < left;
	do {
		size_t len = left < step ? left : step;

		udp->counters.udp.packets_in++;
		udp->counters.udp.bytes_in += len;
		const struct ntm_addr *to = udp->fn(udp->ctx, &from, data, len);
		if (to != NULL)
			put(udp, to, data, len);
		data += len;
		left -= len;
	} while (left > 0);
}

/* Reads one batch; false when there is no more for now. */
static bool read_batch(struct ntm_udp_batch *udp)
{
	for (size_t i = 0; i < BATCH; i++) {
		struct msghdr *hdr = &udp->in_hdr[i].msg_hdr;

		hdr->msg_namelen = sizeof(udp->in_from[i]);
		hdr->msg_controllen = sizeof(udp->in_control[i]);
		hdr->msg_flags = 0;
	}
	int count = recvmmsg(udp->sock.fd, udp->in_hdr, BATCH, MSG_DONTWAIT, NULL);
	if (count < 0) {
		if (errno != EAGAIN && errno != EINTR)
			udp->counters.udp.socket_errors++;
		/* An error that ICMP left is taken by the call that reports it: look again. */
		return errno != EAGAIN;
	}
	for (int i = 0; i < count; i++)
		deliver(udp, (size_t)i);
	flush(udp); /* before the buffers are written to again */
	return count == BATCH;
}

/* Soon busy, later not: a sender that was interrupted goes on in a moment. */
static void judge_busy(struct ntm_udp_batch *udp)
{
	int64_t now_ms = ntm_loop_timers(udp->loop)->now_ms;
	int64_t passed_ms = now_ms - udp->look_ms;
	uint64_t come = udp->counters.udp.packets_in - udp->look_count;
	bool is_window_over = passed_ms >= BUSY_LOOK_MS;

	if (come >= BUSY_LOOK_MS * BUSY_PER_MS && passed_ms <= BUSY_LOOK_MS)
		udp->is_busy = true;
	else if (is_window_over && come < (uint64_t)passed_ms * BUSY_PER_MS / 4)
		udp->is_busy = false;
	else if (!is_window_over)
		return;
	udp->look_ms = now_ms;
	udp->look_count = udp->counters.udp.packets_in;
}

static void read_all(struct ntm_udp_batch *udp)
{
	int batches = 0;

	while (batches < BATCHES_A_TURN && read_batch(udp))
		batches++;
	judge_busy(udp);
	/* With more to read there is nothing to wait for. */
	bool pauses = udp->is_busy && batches < BATCHES_A_TURN;
	if (pauses)
		ntm_timer_set(ntm_loop_timers(udp->loop), &udp->pause, PAUSE_MS);
	if (pauses != udp->pauses)
		(void)ntm_watch_set(udp->watch, pauses ? 0 : NTM_LOOP_READ);
	udp->pauses = pauses;
}

static void on_ready(void *arg, unsigned events)
{
	(void)events;
	read_all(arg);
}

static void on_pause_over(void *arg)
{
	read_all(arg);
}

/* --- opening --- */

static void prepare_in(struct ntm_udp_batch *udp)
{
	for (size_t i = 0; i < BATCH; i++) {
		struct msghdr *hdr = &udp->in_hdr[i].msg_hdr;

		udp->in_iov[i] = (struct iovec){udp->buffer[i], BUFFER_LEN};
		hdr->msg_iov = &udp->in_iov[i];
		hdr->msg_iovlen = 1;
		hdr->msg_name = &udp->in_from[i];
		hdr->msg_control = udp->in_control[i].bytes;
	}
}

int ntm_udp_batch_open(const struct ntm_udp_batch_args *args, struct ntm_udp_batch **out)
{
	struct ntm_udp_batch *udp = calloc(1, sizeof(*udp));
	const int none = 0;

	if (udp == NULL)
		return -ENOMEM;
	udp->loop = args->loop;
	udp->fn = args->fn;
	udp->ctx = args->ctx;
	int err = udp_socket_open(&udp->sock, &args->bind);
	if (err != 0) {
		free(udp);
		return err;
	}
	/* Kernels without them (before 4.18 and 5.0) go on one by one. */
	udp_socket_set(&udp->sock, SOL_UDP, UDP_GRO, 1);
	udp->can_gso = setsockopt(udp->sock.fd, SOL_UDP, UDP_SEGMENT, &none, sizeof(none)) == 0;
	prepare_in(udp);
	ntm_timer_init(&udp->pause, on_pause_over, udp);
	err = ntm_loop_watch(args->loop, udp->sock.fd, NTM_LOOP_READ, on_ready, udp, &udp->watch);
	if (err != 0) {
		close(udp->sock.fd);
		free(udp);
		return err;
	}
	*out = udp;
	return 0;
}

void ntm_udp_batch_free(struct ntm_udp_batch *udp)
{
	if (udp == NULL)
		return;
	ntm_timer_del(ntm_loop_timers(udp->loop), &udp->pause);
	ntm_watch_free(udp->watch);
	close(udp->sock.fd);
	free(udp);
}

uint16_t ntm_udp_batch_port(const struct ntm_udp_batch *udp)
{
	return udp->sock.port;
}

const struct ntm_udp_batch_counters *ntm_udp_batch_counters(const struct ntm_udp_batch *udp)
{
	return &udp->counters;
}

uint32_t ntm_udp_batch_overrun(const struct ntm_udp_batch *udp)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);

	/* A kernel that does not tell leaves zeros. */
	(void)getsockopt(udp->sock.fd, SOL_SOCKET, SO_MEMINFO, info, &len);
	return info[SK_MEMINFO_DROPS];
}
