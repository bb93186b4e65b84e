/* SPDX-License-Identifier: BSD-2-Clause */
/* node.conf: where a node keeps its things, how it joins the host's network, what it holds. */
#pragma once

#include "exits.h"
#include "host_dns.h"
#include "node.h"

#include "ntm/conf.h"

#define NODE_CONF_PATH NTM_SYSCONFDIR "/node.conf"

struct node_conf {
	char *state_dir, *run_dir;
	char *user; /* "": stays who started it */
	int64_t listen_port;
	int log_level; /* enum ntm_log_level */

	char *tun;
	int64_t mtu, table, priority;
	bool guard;

	int dns_manage; /* enum host_dns_mode */
	char *resolv_conf;
	struct ntm_addrs dns_servers; /* empty: those that the host had */
	int64_t name_deadline_ms;

	struct ntm_ports sip_ports;
	int hold, prewarm;
	int64_t hold_callee_ms, hold_caller_ms;

	int64_t rekey_ms, idle_ms;

	struct exits_conf exits;
};

/* For the sample file and the tests. */
extern const struct ntm_section node_conf_sections[];

/*
 * Reads path, or NODE_CONF_PATH when it is NULL; that one may be missing: all defaults then. 0;
 * -EINVAL (wrong, words hold one error a line), -ENOENT and other errno of reading. On success
 * node_conf_free is due.
 */
int node_conf_load(struct node_conf *conf, const char *path, char *words, size_t words_len);
/* The same from a string, for tests. */
int node_conf_parse(struct node_conf *conf, const char *text, char *words, size_t words_len);
void node_conf_free(struct node_conf *conf);
/* The part that the logic reads; it borrows conf->exits. */
void node_conf_settings(const struct node_conf *conf, struct node_settings *settings);
/* Path of the control socket; returns buf. */
#define NODE_SOCKET_STR 108
const char *node_conf_socket(const struct node_conf *conf, char buf[static NODE_SOCKET_STR]);
