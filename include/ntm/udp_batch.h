/* SPDX-License-Identifier: BSD-2-Clause */
/* One UDP socket for a relay: what comes in goes out again in batches, without being copied. */
#pragma once

#include "ntm/addr.h"
#include "ntm/udp.h"

struct ntm_udp_batch;

/*
 * One datagram. An address: the same bytes are to go there; it is read before the next call. NULL:
 * they end here. data is good in the call only. Must not free the socket.
 */
typedef const struct ntm_addr *ntm_udp_batch_fn(void *ctx, const struct ntm_addr *from,
						const uint8_t *data, size_t len);

struct ntm_udp_batch_args {
	struct ntm_loop *loop;
	struct ntm_addr bind; /* ip.family 0: all, of both families; port 0: any */
	ntm_udp_batch_fn *fn;
	void *ctx;
};

struct ntm_udp_batch_counters {
	struct ntm_udp_counters udp;
	uint64_t trains_in;  /* several datagrams of one sender that the kernel gave us as one */
	uint64_t trains_out; /* the same, that left as one */
};

/*
 * Datagrams that came from one sender as one piece (UDP_GRO) are handed over one by one; those that
 * follow each other, go to the same place and have the same length leave as one piece again
 * (UDP_SEGMENT). A datagram that the socket does not take now is dropped and counted: a relay that
 * queued would make real-time packets late. Errors as ntm_udp_open's.
 */
int ntm_udp_batch_open(const struct ntm_udp_batch_args *args, struct ntm_udp_batch **out);
void ntm_udp_batch_free(struct ntm_udp_batch *udp); /* NULL is fine */
uint16_t ntm_udp_batch_port(const struct ntm_udp_batch *udp);
/* One datagram of our own, at once. 0, -ENOBUFS, -EMSGSIZE, -EAFNOSUPPORT, other errno. */
int ntm_udp_batch_send(struct ntm_udp_batch *udp, const struct ntm_addr *to, const void *data,
		       size_t len);
const struct ntm_udp_batch_counters *ntm_udp_batch_counters(const struct ntm_udp_batch *udp);
/* Datagrams that the kernel threw away since the start, as they came faster than they were read.
 * Wraps. */
uint32_t ntm_udp_batch_overrun(const struct ntm_udp_batch *udp);
