/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two halves of the DNS listener, UDP and TCP, share. */
#pragma once

#include "ntm/dnsserve.h"
#include "ntm/timers.h"

struct ntm_loop;
struct ntm_watch;

struct dns_listener {
	struct ntm_dnsserve *serve;
	struct ntm_addr addr; /* with the port that was given */
	int udp, tcp;         /* -1: not open */
	struct ntm_watch *udp_watch, *tcp_watch;
};

struct dns_conn {
	struct ntm_dnsserve *serve;
	int fd; /* -1: free slot */
	struct ntm_addr from;
	struct ntm_watch *watch;
	struct ntm_timer timer;
	size_t in_len, out_len, out_done;
	uint8_t *buf; /* query, then answer, each with its two bytes of length */
};

struct ntm_dnsserve {
	struct ntm_loop *loop;
	struct ntm_timers *timers;
	ntm_dnsserve_fn *fn;
	void *ctx;
	struct ntm_timer accept_pause;
	struct ntm_dnsserve_counters counters;
	struct dns_conn conns[NTM_DNSSERVE_CONNS];
	size_t listener_count;
	struct dns_listener listeners[NTM_DNSSERVE_ADDRS];
};

void dnsserve_tcp_init(struct ntm_dnsserve *serve);
void dnsserve_tcp_fini(struct ntm_dnsserve *serve);
/* Watch functions of a listener's two sockets. */
void dnsserve_on_udp(void *arg, unsigned events);
void dnsserve_on_accept(void *arg, unsigned events);
