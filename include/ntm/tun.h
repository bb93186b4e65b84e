/* SPDX-License-Identifier: BSD-2-Clause */
/* The TUN device: IP packets from and to this host. */
#pragma once

#include "ntm/pktbuf.h"

#include <stddef.h>
#include <stdint.h>

struct ntm_loop;
struct ntm_tun;

/* One IP packet read, at the headroom of pkt. pkt is scratch, valid in the call. Must not free the
 * device. */
typedef void ntm_tun_fn(void *ctx, struct ntm_pkt *pkt);

struct ntm_tun_args {
	struct ntm_loop *loop;
	const char *name; /* at most 15 bytes, no '%' */
	ntm_tun_fn *fn;
	/* Somebody deleted the device: nothing will be read any more. May free it. May be NULL. */
	void (*on_gone)(void *ctx);
	void *ctx;
};

struct ntm_tun_counters {
	uint64_t packets_in, packets_out, bytes_in, bytes_out; /* in: read from the host */
	uint64_t dropped_oversize;                             /* read, larger than NTM_PKT_MAX */
	uint64_t dropped_error; /* refused by the device on writing */
	uint64_t read_errors;
};

/*
 * Creates the device, or attaches to a persistent one of that name; it goes away with the process
 * unless it is persistent. It is down and has no address (netlink.h). On failure err holds a
 * sentence for people. 0; -EINVAL (name, or another kind of device has it), -EBUSY (name in use),
 * -EPERM, -ENODEV (no /dev/net/tun), other errno.
 */
int ntm_tun_open(const struct ntm_tun_args *args, struct ntm_tun **out, char *err, size_t err_len);
void ntm_tun_free(struct ntm_tun *tun); /* NULL is fine */

/* Gives one IP packet to the host. 0, or negative errno (counted; nothing to do about it). */
int ntm_tun_write(struct ntm_tun *tun, const void *data, size_t len);
const struct ntm_tun_counters *ntm_tun_counters(const struct ntm_tun *tun);
