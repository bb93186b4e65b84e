/* SPDX-License-Identifier: BSD-2-Clause */
/* One UDP socket for both address families, with batched input and output. */
#pragma once

#include "ntm/addr.h"
#include "ntm/pktbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ntm_loop;
struct ntm_udp;

/* One datagram, at the headroom of pkt. from is never v4-mapped. pkt is scratch, valid in the call;
 * it may be changed. Must not free the socket. */
typedef void ntm_udp_fn(void *ctx, const struct ntm_addr *from, struct ntm_pkt *pkt);

struct ntm_udp_args {
	struct ntm_loop *loop;
	struct ntm_addr bind; /* ip.family 0: all, of both families; port 0: any */
	ntm_udp_fn *fn;
	void *ctx;
};

struct ntm_udp_counters {
	uint64_t packets_in, packets_out, bytes_in, bytes_out;
	uint64_t dropped_full;     /* ours: the send ring was full */
	uint64_t dropped_error;    /* ours: the kernel refused it (no route, firewall, family) */
	uint64_t dropped_oversize; /* in or out: larger than NTM_PKT_MAX */
	uint64_t dropped_mtu;      /* ours: larger than the interface takes; a probe, as a rule */
	uint64_t cut;              /* sent in IP fragments: an interface below 1280 */
	uint64_t socket_errors;    /* ICMP and other errors told by the socket; it goes on */
};

/* Passes everywhere: IPv6's smallest MTU (RFC 8200 5) without IPv6 and UDP header. Larger ones
 * leave only where the interface takes them whole, and arrive only where the whole path does. */
#define NTM_UDP_ALWAYS 1232

/* Datagrams that wait in one turn, or for the socket to become writable. */
#define NTM_UDP_RING 256

/* 0; -EADDRINUSE, -EADDRNOTAVAIL, -EACCES and other errno of socket and bind; -ENOMEM. */
int ntm_udp_open(const struct ntm_udp_args *args, struct ntm_udp **out);
/* Tries to send what waits, then closes. NULL is fine. */
void ntm_udp_free(struct ntm_udp *udp);
uint16_t ntm_udp_port(const struct ntm_udp *udp); /* local port */
bool ntm_udp_dual_stack(const struct ntm_udp *udp);

/* The address of this host that datagrams to the Internet leave from when the socket is bound to
 * none; family 0 when there is no way there. Sends nothing. */
struct ntm_ip ntm_udp_source(uint8_t family);

/* Copies one datagram into the ring; it leaves at the end of the loop's turn, or when the ring is
 * full. 0; -ENOBUFS (dropped, counted), -EMSGSIZE, -EAFNOSUPPORT (IPv6 where there is none). */
int ntm_udp_send(struct ntm_udp *udp, const struct ntm_addr *to, const void *data, size_t len);
/* Sends what waits now. */
void ntm_udp_flush(struct ntm_udp *udp);
const struct ntm_udp_counters *ntm_udp_counters(const struct ntm_udp *udp);
