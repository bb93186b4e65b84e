/* SPDX-License-Identifier: BSD-2-Clause */
/* dc.conf: the domain, its prefixes and addresses, and where the DC keeps its things. */
#pragma once

#include "dc.h"

#include "ntm/conf.h"
#include "ntm/dnsclient.h"

#define DC_CONF_PATH NTM_SYSCONFDIR "/dc.conf"
#define DC_PATH_STR  256

struct dc_conf {
	char *domain;
	struct ntm_prefix prefix4, prefix6; /* family 0: drawn by the root key (domain.c) */
	struct ntm_addrs addresses; /* where nodes reach the DC; the first port is listened on */
	struct ntm_strings sip;     /* SIP hosts, first choice first; short names are completed */
	char *state_dir, *run_dir, *user;
	int log_level;
	bool dns;
	struct ntm_addrs dns_listen;
	struct ntm_strings servers, stub_zones, trust_anchors, insecure_zones; /* resolver */
	int64_t cert_lifetime_ms, keepalive_ms, lifetime_ms, rekey_ms;
	int64_t relay_account_flows, relay_account_kbit, relay_flow_kbit;
};

extern const struct ntm_section dc_conf_sections[];

/* Reads and checks path (NULL: DC_CONF_PATH). 0 or negative errno, words hold one error a line. */
int dc_conf_load(struct dc_conf *conf, const char *path, char *words, size_t words_len);
int dc_conf_parse(struct dc_conf *conf, const char *text, char *words, size_t words_len);
void dc_conf_free(struct dc_conf *conf);
/* The section `resolver`, without a loop; texts are borrowed from conf. */
struct ntm_dnsclient_args dc_conf_resolver(const struct dc_conf *conf);
/* Files of the DC; each returns buf. */
const char *dc_conf_socket(const struct dc_conf *conf, char buf[static DC_PATH_STR]);
const char *dc_conf_file(const struct dc_conf *conf, const char *name,
			 char buf[static DC_PATH_STR]);
/* The full name of a node: "bob" -> "bob.<domain>". 0 or -EINVAL. */
int dc_conf_name(const struct dc_conf *conf, const char *name, char out[static NTM_NAME_MAX + 1]);
