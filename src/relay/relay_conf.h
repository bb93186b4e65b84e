/* SPDX-License-Identifier: BSD-2-Clause */
/* relay.conf: where a relay listens and keeps its things, and how much it forwards. */
#pragma once

#include "relay.h"

#include "ntm/conf.h"

#define RELAY_CONF_PATH NTM_SYSCONFDIR "/relay.conf"

struct relay_conf {
	char *state_dir, *run_dir;
	char *user; /* "": stays who started it */
	struct ntm_addr listen;
	int64_t flows_max, kbit_max, idle_ms;
	bool allow_loopback;
	int64_t rekey_ms;
	int log_level; /* enum ntm_log_level */

	bool gateway;      /* an exit to general servers */
	bool exit_private; /* to private networks, too */
	int64_t exit_port, exit_idle_ms;
	char *exit_tun;
};
/* Of the gateway's TUN: as that of the nodes. */
#define EXIT_MTU 1400

/* For the sample file and the tests. */
extern const struct ntm_section relay_conf_sections[];

/*
 * Reads path, or RELAY_CONF_PATH when it is NULL; that one may be missing: all defaults then. 0;
 * -EINVAL (wrong, words hold one error a line), -ENOENT and other errno of reading. On success
 * relay_conf_free is due.
 */
int relay_conf_load(struct relay_conf *conf, const char *path, char *words, size_t words_len);
/* The same from a string, for tests. */
int relay_conf_parse(struct relay_conf *conf, const char *text, char *words, size_t words_len);
void relay_conf_free(struct relay_conf *conf);
/* What a socket of the relay, or of its gateway, is bound to. ip.family 0: all of both families,
 * also where there is no IPv6. */
struct ntm_addr relay_conf_bind(const struct relay_conf *conf, uint16_t port);
/* The part that the logic reads. */
void relay_conf_settings(const struct relay_conf *conf, struct relay_settings *settings);
/* Leaves of the host's addresses those that listen means. Returns how many are left. */
size_t relay_conf_own_ips(const struct relay_conf *conf, struct ntm_ip *ips, size_t count);
/* Path of the control socket; returns buf. */
#define RELAY_SOCKET_STR 108
const char *relay_conf_socket(const struct relay_conf *conf, char buf[static RELAY_SOCKET_STR]);
