/* SPDX-License-Identifier: BSD-2-Clause */
/* Sends RTP-like packets through a relay server in both directions of many calls, and prints what
 * came through, and what processor time and memory the server took for it. */
#include "relay_load.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK   64 /* sent between two looks at what came back */
#define LOOK    50 /* ends that are looked at then */
#define BATCH   32
#define WARM_S  1.0
#define ASK_MS  500
#define ASK_MAX 20
#define PACE_MS 200

_Noreturn void die(const char *what)
{
	fprintf(stderr, "relay-load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- ends ---- */

void end_connect(const struct end *end, const struct sockaddr_in *to)
{
	if (connect(end->fd, (const struct sockaddr *)to, sizeof(*to)) != 0)
		die("connect");
}

void end_open(struct end *end, unsigned number, const struct sockaddr_in *to)
{
	socklen_t len = sizeof(end->self);

	end->self = (struct sockaddr_in){.sin_family = AF_INET};
	/* Many networks: servers count what comes from one. */
	end->self.sin_addr.s_addr = htonl(0x7f010001 + (number % 250 << 8));
	end->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (end->fd < 0 ||
	    bind(end->fd, (const struct sockaddr *)&end->self, sizeof(end->self)) != 0 ||
	    getsockname(end->fd, (struct sockaddr *)&end->self, &len) != 0)
		die("socket");
	if (to != NULL)
		end_connect(end, to);
}

size_t end_ask(const struct end *end, const void *question, size_t len, void *answer, size_t cap)
{
	struct pollfd wait = {.fd = end->fd, .events = POLLIN};

	for (int i = 0; i < ASK_MAX; i++) {
		ssize_t got = -1;

		if (send(end->fd, question, len, 0) > 0 && poll(&wait, 1, ASK_MS) > 0)
			got = recv(end->fd, answer, cap, 0);
		if (got > 0)
			return (size_t)got;
		(void)poll(NULL, 0, PACE_MS); /* nobody listens there yet */
	}
	errno = ETIMEDOUT;
	die("the server does not answer");
}

/* ---- the server's cost ---- */

static double cpu_of(int pid)
{
	char path[64], text[1024];
	unsigned long user = 0, kernel = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *file = fopen(path, "r");
	if (file == NULL || fgets(text, sizeof(text), file) == NULL)
		die(path);
	fclose(file);
	/* The name may hold anything; numbers follow the last parenthesis. */
	const char *rest = strrchr(text, ')');
	if (rest == NULL || sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
				   &user, &kernel) != 2)
		die(path);
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

long memory_of(int pid, const char *name)
{
	char path[64], line[256];
	long kib = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		die(path);
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtol(line + strlen(name) + 1, NULL, 10);
	fclose(file);
	return kib * 1024;
}

/* ---- the load ---- */

static struct {
	struct mmsghdr hdr[BATCH];
	struct iovec iov[BATCH];
	uint8_t data[BATCH][PACKET_MAX];
} in;

static unsigned long take(const struct end *end)
{
	int count = recvmmsg(end->fd, in.hdr, BATCH, MSG_DONTWAIT, NULL);

	return count > 0 ? (unsigned long)count : 0;
}

struct result {
	unsigned long sent, received;
	double seconds;
};

/* One thread that never sleeps: what the server sends wakes nobody up, which would be counted as
 * its work. */
static struct result run(const struct load *load, double seconds)
{
	unsigned count = 2 * load->calls, next = 0, look = 0;
	struct result result = {0};
	double start_s = now_s(), passed_s = 0;

	while ((passed_s = now_s() - start_s) < seconds) {
		double due = load->pps > 0 ? load->pps * passed_s - (double)result.sent : CHUNK;

		for (int i = 0; i < CHUNK && i < (int)due; i++) {
			const struct end *end = &load->end[next];

			next = (next + 1) % count;
			result.sent += send(end->fd, end->packet, end->len, 0) > 0;
		}
		for (int i = 0; i < LOOK; i++) {
			result.received += take(&load->end[look]);
			look = (look + 1) % count;
		}
	}
	result.seconds = passed_s;
	return result;
}

static void measure(const struct load *load)
{
	(void)run(load, WARM_S);
	double cpu_s = cpu_of(load->pid);
	struct result result = run(load, load->seconds);

	cpu_s = cpu_of(load->pid) - cpu_s;
	printf("{\"sent\": %lu, \"received\": %lu, \"seconds\": %.3f, \"cpu_s\": %.3f, "
	       "\"rss\": %ld, \"rss_max\": %ld}\n",
	       result.sent, result.received, result.seconds, cpu_s, memory_of(load->pid, "VmRSS"),
	       memory_of(load->pid, "VmHWM"));
}

static void prepare_in(void)
{
	for (int i = 0; i < BATCH; i++) {
		in.iov[i] = (struct iovec){in.data[i], PACKET_MAX};
		in.hdr[i].msg_hdr.msg_iov = &in.iov[i];
		in.hdr[i].msg_hdr.msg_iovlen = 1;
	}
}

static void measure_idle(struct load *load)
{
	ours_open(load);
	long before = memory_of(load->pid, "VmRSS");

	ours_open_idle(load, 20000);
	long after = memory_of(load->pid, "VmRSS");
	printf("{\"idle_flow\": %.1f}\n", (double)(after - before) / 20000);
}

int main(int argc, char **argv)
{
	struct load load = {.server = {.sin_family = AF_INET}};

	if (argc != 8) {
		fputs("usage: relay-load prepare|ours|idle|turn|turn2 DIR PORT PID CALLS PPS "
		      "SECONDS\n",
		      stderr);
		return 2;
	}
	load.dir = argv[2];
	load.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	load.server.sin_port = htons((uint16_t)atoi(argv[3]));
	load.pid = atoi(argv[4]);
	load.calls = (unsigned)atoi(argv[5]);
	load.pps = atof(argv[6]);
	load.seconds = atof(argv[7]);
	load.end = calloc(2 * (size_t)load.calls + 1, sizeof(*load.end));
	if (load.end == NULL)
		die("calls");
	prepare_in();
	if (strcmp(argv[1], "prepare") == 0) {
		ours_prepare(&load);
	} else if (strcmp(argv[1], "idle") == 0) {
		measure_idle(&load);
	} else {
		if (strcmp(argv[1], "ours") == 0)
			ours_open(&load);
		else
			turn_open(&load, strcmp(argv[1], "turn2") == 0);
		measure(&load);
	}
	free(load.end);
	return 0;
}
