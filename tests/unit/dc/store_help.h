/* SPDX-License-Identifier: BSD-2-Clause */
/* Store calls for tests: each returns the error and keeps what the callback was given. */
#pragma once

#include "store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1800000000
#define DAY 86400

struct got {
	int err, calls;
	bool has_node, has_cert;
	struct store_node node;
	struct store_cert cert;
	struct store_revocation revocation;
};

static inline void got_node(void *arg, int err, const struct store_node *node)
{
	struct got *got = arg;
	got->err = err;
	got->calls++;
	got->has_node = node != NULL;
	if (node)
		got->node = *node;
}

static inline void got_cert(void *arg, int err, const struct store_cert *cert)
{
	struct got *got = arg;
	got->err = err;
	got->calls++;
	got->has_cert = cert != NULL;
	if (cert)
		got->cert = *cert;
}

static inline void got_join(void *arg, int err, const struct store_node *node,
			    const struct store_cert *cert)
{
	got_node(arg, err, node);
	got_cert(arg, err, cert);
}

static inline void got_revocation(void *arg, int err, const struct store_revocation *revocation)
{
	struct got *got = arg;
	got->err = err;
	got->calls++;
	got->has_cert = revocation != NULL;
	if (revocation)
		got->revocation = *revocation;
}

static inline void got_done(void *arg, int err)
{
	got_node(arg, err, NULL);
}

static inline struct store_config help_config(const char *path)
{
	struct store_config config = {.path = path, .domain = "ntm.example"};
	assert_int_equal(ntm_prefix_parse(&config.prefix4, "198.18.0.0/16"), 0);
	assert_int_equal(ntm_prefix_parse(&config.prefix6, "fd00:1:2::/48"), 0);
	return config;
}

static inline struct store *help_open_config(const struct store_config *config)
{
	struct store *store = NULL;
	char words[STORE_WORDS] = "";
	int err = store_open(&store, config, words);
	if (err < 0)
		fail_msg("%d: %s", err, words);
	return store;
}

static inline struct store *help_open(const char *path)
{
	struct store_config config = help_config(path);
	return help_open_config(&config);
}

static inline int help_add(struct store *store, const char *fqdn, struct store_node *node)
{
	struct got got = {0};
	struct store_node wanted = {.role = STORE_NODE};
	snprintf(wanted.fqdn, sizeof wanted.fqdn, "%s", fqdn);
	store_node_add(store, &wanted, NOW, got_node, &got);
	assert_int_equal(got.calls, 1);
	if (node)
		*node = got.node;
	return got.err;
}

static inline int help_add_relay(struct store *store, const char *fqdn, bool gateway,
				 struct store_node *node)
{
	struct got got = {0};
	struct store_node wanted = {.role = STORE_RELAY, .gateway = gateway};
	snprintf(wanted.fqdn, sizeof wanted.fqdn, "%s", fqdn);
	store_node_add(store, &wanted, NOW, got_node, &got);
	assert_int_equal(got.calls, 1);
	if (node)
		*node = got.node;
	return got.err;
}

static inline int help_revoke(struct store *store, const char *fqdn)
{
	struct got got = {0};
	store_node_revoke(store, fqdn, NOW, got_node, &got);
	return got.err;
}

static inline int help_find(struct store *store, const char *fqdn, struct store_node *node)
{
	struct got got = {0};
	store_node_by_name(store, fqdn, got_node, &got);
	if (node)
		*node = got.node;
	return got.err;
}

/* Token number n, 24 hours. */
static inline int help_token(struct store *store, int64_t node_id, uint8_t n)
{
	struct got got = {0};
	struct store_token token = {.node_id = node_id, .expires_s = NOW + DAY};
	memset(token.hash, n, sizeof token.hash);
	store_token_put(store, &token, got_done, &got);
	return got.err;
}

static inline int help_use(struct store *store, uint8_t token, uint8_t key, int64_t now_s,
			   struct got *out)
{
	struct got got = {0};
	struct store_join join = {.now_s = now_s, .lifetime_s = 7 * DAY};
	memset(join.hash, token, sizeof join.hash);
	memset(join.key, key, sizeof join.key);
	store_token_use(store, &join, got_join, &got);
	if (out)
		*out = got;
	return got.err;
}

static inline void help_ip(const struct ntm_ip *ip, const char *expected)
{
	char text[NTM_IP_STR];
	assert_string_equal(ntm_ip_str(ip, text), expected);
}

static inline unsigned help_revocations(struct store *store, int64_t now_s, struct got *last)
{
	struct got got = {0};
	store_revocation_list(store, now_s, got_revocation, &got);
	assert_int_equal(got.err, 0);
	assert_false(got.has_cert); /* the last call has none */
	if (last)
		*last = got;
	return (unsigned)got.calls - 1;
}
