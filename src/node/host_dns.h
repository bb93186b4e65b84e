/* SPDX-License-Identifier: BSD-2-Clause */
/* How the host's programs find the node's resolver: resolv.conf or systemd-resolved, and back. */
#pragma once

#include "host_plan.h"

#include "ntm/conf.h"

#include <sys/types.h>

enum host_dns_mode { HOST_DNS_AUTO, HOST_DNS_RESOLVCONF, HOST_DNS_RESOLVED, HOST_DNS_OFF };

struct host_dns_args {
	int manage;              /* enum host_dns_mode; AUTO: see host_dns_choose */
	const char *resolv_conf; /* borrowed, as are the others */
	const char *state_dir;   /* keeps the former file as resolv.conf.before */
	const char *tun;
};

struct host_dns {
	struct host_dns_args args;
	int mode; /* never AUTO once it is up */
	bool is_up;
	struct ntm_addrs upstream; /* the host's former resolvers */
	struct host_dns_file {
		dev_t dev;
		ino_t ino;
		struct timespec mtime;
	} ours, seen; /* the file as we left it, and as it was at the last look */
};

/* "resolvconf" ... */
const char *host_dns_mode_name(int mode);
/* RESOLVED when resolv.conf leads to systemd-resolved's stub and resolvectl answers; else
 * RESOLVCONF. */
int host_dns_choose(const struct host_dns_args *args);
/* Puts back what a run that crashed left behind. Not while another instance uses the same TUN. */
void host_dns_recover(const struct host_dns_args *args);
/* Leads programs to the plan's resolver, again after a change of plan. 0 or negative errno, and
 * words; then the host is as it was, or, with resolved, as it was before the first. */
int host_dns_up(struct host_dns *dns, const struct host_dns_args *args,
		const struct host_plan *plan, char *words, size_t words_len);
/* Looks whether somebody else (a DHCP client) rewrote the file, and if so takes its servers as the
 * former ones and writes ours again. True when upstream changed. */
bool host_dns_refresh(struct host_dns *dns, const struct host_plan *plan);
void host_dns_down(struct host_dns *dns);
