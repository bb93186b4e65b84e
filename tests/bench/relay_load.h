/* SPDX-License-Identifier: BSD-2-Clause */
/* Load for a relay server: calls of two ends each, the same for every kind of server. */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define PAYLOAD_LEN 172 /* RTP: 12 bytes of header and 20 ms of G.711 */
#define PACKET_MAX  256

/* One end of a call: a socket that is connected to the server, and what it sends there. */
struct end {
	int fd;
	struct sockaddr_in self;
	uint8_t packet[PACKET_MAX];
	size_t len;
};

struct load {
	const char *dir; /* state of the relay that was prepared */
	struct sockaddr_in server;
	unsigned calls;
	double pps;      /* of all ends together; 0: as fast as it goes */
	double seconds;  /* measured, after one that is not */
	int pid;         /* the server's */
	struct end *end; /* two a call */
};

/* Ends the program with words. */
_Noreturn void die(const char *what);
/* A socket of 127.1.number.1, connected to `to` when it is given. */
void end_open(struct end *end, unsigned number, const struct sockaddr_in *to);
void end_connect(const struct end *end, const struct sockaddr_in *to);
/* Sends and waits for one answer; asks again after half a second. Returns its length. */
size_t end_ask(const struct end *end, const void *question, size_t len, void *answer, size_t cap);
/* Resident memory of the server in bytes, now and at most so far. */
long memory_of(int pid, const char *name);

/* ntm-relay: writes lease and configuration into load->dir for a relay that listens there. */
void ours_prepare(const struct load *load);
/* Is its DC until it has ticket keys, and binds both ends of every call. */
void ours_open(struct load *load);
/* The same for so many calls that then stay idle. */
void ours_open_idle(const struct load *load, unsigned count);

/* A TURN server: allocates for the first end of each call, and with `both` for the second. */
void turn_open(struct load *load, int both);
