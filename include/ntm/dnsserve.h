/* SPDX-License-Identifier: BSD-2-Clause */
/* A DNS listener on UDP and TCP; what is answered is the handler's affair. */
#pragma once

#include "ntm/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ntm_loop;
struct ntm_dnsserve;

struct ntm_dnsserve_query {
	const uint8_t *data; /* hostile bytes */
	size_t len;          /* 1..NTM_DNSSERVE_QUERY_MAX */
	bool is_tcp;
	const struct ntm_addr *from;
};
/* Writes an answer of at most cap bytes to out and returns its length; 0: no answer. Must not free
 * the listener. */
typedef size_t ntm_dnsserve_fn(void *ctx, const struct ntm_dnsserve_query *query, uint8_t *out,
			       size_t cap);

#define NTM_DNSSERVE_QUERY_MAX   4096
#define NTM_DNSSERVE_UDP_MAX     4096 /* cap over UDP; the handler keeps to EDNS and its limit */
#define NTM_DNSSERVE_TCP_MAX     65535
#define NTM_DNSSERVE_CONNS       32   /* security.md A6 */
#define NTM_DNSSERVE_PER_SOURCE  2    /* an IPv4 address, an IPv6 /64 */
#define NTM_DNSSERVE_TCP_IDLE_MS 5000 /* to bring a whole query, and to take a whole answer */
#define NTM_DNSSERVE_ADDRS       16

struct ntm_dnsserve_args {
	struct ntm_loop *loop;
	const struct ntm_addr *addrs; /* 0.0.0.0 and :: may be among them; port 0: any (tests) */
	size_t addr_count;
	ntm_dnsserve_fn *fn;
	void *ctx;
};

struct ntm_dnsserve_counters {
	uint64_t udp_queries, udp_answers, udp_dropped;
	uint64_t tcp_accepted, tcp_refused, tcp_queries, tcp_answers, tcp_timeouts;
};

/* Answers leave from the address that was asked. 0; negative errno of socket and bind, and then
 * *failed (when not NULL) is the index of the address that could not be had. */
int ntm_dnsserve_open(const struct ntm_dnsserve_args *args, struct ntm_dnsserve **out,
		      size_t *failed);
void ntm_dnsserve_free(struct ntm_dnsserve *serve); /* NULL is fine */
/* Port of the n-th address. */
uint16_t ntm_dnsserve_port(const struct ntm_dnsserve *serve, size_t n);
const struct ntm_dnsserve_counters *ntm_dnsserve_counters(const struct ntm_dnsserve *serve);
