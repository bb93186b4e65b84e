/* SPDX-License-Identifier: BSD-2-Clause */
/* A wire with a length: carries frames between two interfaces, each after a delay, some lost.
 *
 * Usage: delayq IFACE_A IFACE_B DELAY_US LOSS_PPM SEED
 *
 * The two interfaces are the inner ends of two veth pairs; the outer ends are the two ends of the
 * link. Since the delay is inside the link, a capture at either end shows the true times of
 * leaving and arriving, ARP and fragments wait like everything else, and no packet filter or
 * connection tracker is involved. Prints "ready" when frames flow, counters on SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX    (sizeof(struct virtio_net_hdr) + 65536 + 64) /* a GSO packet is one frame */
#define QUEUE_MAX    8192
#define NSEC_PER_SEC 1000000000LL
/* How early a frame may leave: less than a wake-up costs. */
#define EARLY_NS        20000
#define LATENESS_MAX_NS 400000

struct frame {
	struct frame *next;
	int64_t due_ns;
	size_t len;
	unsigned char bytes[];
};

/* One direction of the link. The delay is constant, so the queue is in the order of due times. */
struct way {
	int in;
	int out;
	struct frame *head;
	struct frame **tail;
	unsigned int waiting;
	unsigned long carried;
	unsigned long lost;
	unsigned long overrun;
	unsigned long refused;
};

struct wire {
	struct way ways[2];
	int64_t delay_ns;
	uint32_t loss_ppm;
	uint64_t random;
	int64_t lateness_ns; /* how late a sleep usually ends; sleeps are shorter by that */
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static int64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* xorshift64*: the same seed loses the same frames. */
static bool is_lost(struct wire *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return ((w->random * 2685821657736338717ULL) >> 33) % 1000000 < w->loss_ppm;
}

/* Opens the raw socket of an interface. The virtio header carries the state of unfinished
 * checksums and of segments across, as a real veth does. */
static int open_end(const char *name)
{
	const int on = 1, room = 4 << 20;
	struct sockaddr_ll addr = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int fd;

	addr.sll_ifindex = (int)if_nametoindex(name);
	if (!addr.sll_ifindex)
		return -ENODEV;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static void enqueue(struct way *way, const unsigned char *bytes, size_t len, int64_t due_ns)
{
	struct frame *f;

	if (way->waiting >= QUEUE_MAX || !(f = malloc(sizeof(*f) + len))) {
		way->overrun++;
		return;
	}
	f->next = NULL;
	f->due_ns = due_ns;
	f->len = len;
	memcpy(f->bytes, bytes, len);
	*way->tail = f;
	way->tail = &f->next;
	way->waiting++;
}

/* When the kernel got the frame, on the monotonic clock: our own waking up is no delay. */
static int64_t arrival_ns(struct msghdr *msg)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	struct timespec ts;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
		return now_ns();
	memcpy(&ts, CMSG_DATA(c), sizeof(ts));
	return now_ns() - (clock_ns(CLOCK_REALTIME) - ts.tv_sec * NSEC_PER_SEC - ts.tv_nsec);
}

static void take_in(struct wire *w, struct way *way)
{
	static unsigned char bytes[FRAME_MAX];
	_Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(sizeof(struct timespec))];
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	ssize_t len;

	for (;;) {
		struct msghdr msg = {.msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = control,
				     .msg_controllen = sizeof(control)};

		len = recvmsg(way->in, &msg, 0);
		if (len <= 0)
			return;
		if (is_lost(w))
			way->lost++;
		else
			enqueue(way, bytes, (size_t)len, arrival_ns(&msg) + w->delay_ns);
	}
}

static void let_out(struct way *way, int64_t now)
{
	struct frame *f;

	while ((f = way->head) && f->due_ns <= now + EARLY_NS) {
		if (send(way->out, f->bytes, f->len, 0) < 0)
			way->refused++;
		else
			way->carried++;
		way->head = f->next;
		if (!way->head)
			way->tail = &way->head;
		way->waiting--;
		free(f);
	}
}

/* When the next frame is due, or an hour from now. */
static int64_t next_due_ns(const struct wire *w, int64_t now)
{
	int64_t due = now + 3600 * NSEC_PER_SEC;

	for (int i = 0; i < 2; i++) {
		const struct frame *f = w->ways[i].head;

		if (f && f->due_ns < due)
			due = f->due_ns;
	}
	return due;
}

/* Waits for a frame to come in or for the next one to be due, and learns how late that was. */
static void sleep_until_due(struct wire *w, const sigset_t *mask)
{
	struct pollfd fds[2] = {{.fd = w->ways[0].in, .events = POLLIN},
				{.fd = w->ways[1].in, .events = POLLIN}};
	int64_t now = now_ns(), aim = next_due_ns(w, now) - w->lateness_ns;
	int64_t left = aim > now ? aim - now : 0;
	const struct timespec ts = {.tv_sec = left / NSEC_PER_SEC, .tv_nsec = left % NSEC_PER_SEC};

	if (ppoll(fds, 2, &ts, mask) == 0 && left > 0) {
		w->lateness_ns += (now_ns() - aim - w->lateness_ns) / 8;
		if (w->lateness_ns > LATENESS_MAX_NS)
			w->lateness_ns = LATENESS_MAX_NS;
	}
}

static void run(struct wire *w, const sigset_t *mask)
{
	while (!stopped) {
		sleep_until_due(w, mask);
		for (int i = 0; i < 2; i++) {
			take_in(w, &w->ways[i]);
			let_out(&w->ways[i], now_ns());
		}
	}
	for (int i = 0; i < 2; i++) {
		const struct way *way = &w->ways[i];

		printf("way=%d carried=%lu lost=%lu overrun=%lu refused=%lu waiting=%u\n", i,
		       way->carried, way->lost, way->overrun, way->refused, way->waiting);
	}
}

/* Late wake-ups would be read as delay of the thing under test. All of it is best effort. */
static void be_punctual(void)
{
	const struct sched_param param = {.sched_priority = 1};

	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	if (sched_setscheduler(0, SCHED_RR, &param) || mlockall(MCL_CURRENT))
		fprintf(stderr, "delayq: runs without real-time priority: %s\n", strerror(errno));
}

/* Signals are let in by ppoll() only, so that none is lost between the test and the sleep. */
static void catch_signals(sigset_t *mask)
{
	const struct sigaction action = {.sa_handler = on_signal};
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

int main(int argc, char **argv)
{
	struct wire wire = {0};
	sigset_t mask;
	int ends[2];

	if (argc != 6) {
		fprintf(stderr, "usage: delayq IFACE_A IFACE_B DELAY_US LOSS_PPM SEED\n");
		return 2;
	}
	wire.delay_ns = strtoll(argv[3], NULL, 10) * 1000;
	wire.loss_ppm = (uint32_t)strtoul(argv[4], NULL, 10);
	wire.random = strtoull(argv[5], NULL, 10) * 0x9e3779b97f4a7c15ULL | 1;
	for (int i = 0; i < 2; i++) {
		ends[i] = open_end(argv[1 + i]);
		if (ends[i] < 0) {
			fprintf(stderr, "delayq: %s: %s\n", argv[1 + i], strerror(-ends[i]));
			return 1;
		}
	}
	for (int i = 0; i < 2; i++) {
		wire.ways[i].in = ends[i];
		wire.ways[i].out = ends[1 - i];
		wire.ways[i].tail = &wire.ways[i].head;
	}
	catch_signals(&mask);
	be_punctual();
	puts("ready");
	fflush(stdout);
	run(&wire, &mask);
	return 0;
}
