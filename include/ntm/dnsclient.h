/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS lookups inside the event loop: recursion, cache and DNSSEC are libunbound's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ntm_loop;
struct ntm_dnsclient;

/* An answer that says "no" is believed for so long at most (design.md 6). */
#define NTM_DNSCLIENT_NEGATIVE_S 5

struct ntm_dnsclient_answer {
	/* 0; -ENOENT: no such name, or no such records of it; -EBADMSG: DNSSEC says that it is
	 * forged; -EHOSTUNREACH: no server gave an answer; -ENOMEM. */
	int err;
	bool secure;     /* validated by DNSSEC from a trust anchor on, a "no" as well */
	const char *why; /* of -EBADMSG, for people; else NULL */
	const uint8_t
		*msg; /* the DNS message, as ntm_dns_response_parse reads it; NULL on errors */
	size_t len;
};
typedef void ntm_dnsclient_fn(void *arg, const struct ntm_dnsclient_answer *answer);

/* Lists end with NULL; a NULL list is empty. Texts are copied. */
struct ntm_dnsclient_args {
	struct ntm_loop *loop;
	/* "192.0.2.53", "192.0.2.53@5353": recursive resolvers to ask. None: those of
	 * /etc/resolv.conf, and without that the root servers. */
	const char *const *servers;
	/* "ZONE ADDRESS...": authoritative servers of a zone, asked directly. */
	const char *const *stub_zones;
	/* DS or DNSKEY records in zone-file form, or absolute paths of files with them. None:
	 * nothing is secure, nothing is bogus. */
	const char *const *trust_anchors;
	/* Zones that are taken as unsigned whatever a trust anchor above them says: private ones
	 * below a signed parent. A stub zone is not one by itself. */
	const char *const *insecure_zones;
	const char *resolv_conf; /* NULL: /etc/resolv.conf; read once */
};

/* Whether ntm_dnsclient_open would take args (loop may be NULL). 0; -EINVAL: words name the
 * argument and what is wrong; -ENOMEM; -EMFILE. Files of trust anchors are read. */
int ntm_dnsclient_check(const struct ntm_dnsclient_args *args, char *words, size_t words_len);
/* Errors as ntm_dnsclient_check. Reads files, and has no thread yet. */
int ntm_dnsclient_open(const struct ntm_dnsclient_args *args, struct ntm_dnsclient **out,
		       char *words, size_t words_len);
/* Forgets what is asked without calling back; fine within fn. NULL is fine. */
void ntm_dnsclient_free(struct ntm_dnsclient *client);

/* Asks for records of class IN. fn is called once, in a later turn, unless cancelled, and after
 * NTM_DNSCLIENT_WAIT_MS at the latest. *id is never 0. The first question starts a thread of
 * libunbound's, which shares nothing with ours but pipes and takes no signal: so ask after
 * privileges were given up, capabilities belong to threads. 0; -EBUSY: NTM_DNSCLIENT_OPEN_MAX are
 * open; -ENOMEM; -EINVAL: no name; -EMFILE, -EAGAIN: no thread could be had, later one may. */
#define NTM_DNSCLIENT_OPEN_MAX 256
#define NTM_DNSCLIENT_WAIT_MS  2000
int ntm_dnsclient_ask(struct ntm_dnsclient *client, const char *name, uint16_t type,
		      ntm_dnsclient_fn *fn, void *arg, uint64_t *id);
void ntm_dnsclient_cancel(struct ntm_dnsclient *client, uint64_t id); /* unknown ids are fine */

struct ntm_dnsclient_counters {
	uint64_t asked, answered, absent, bogus, failed;
};
const struct ntm_dnsclient_counters *ntm_dnsclient_counters(const struct ntm_dnsclient *client);
