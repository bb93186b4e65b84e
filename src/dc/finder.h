/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the DC of another domain may be: DNS from a name or a virtual address to its addresses. */
#pragma once

#include "ntm/addr.h"
#include "ntm/cert.h"
#include "ntm/dnsclient.h"
#include "ntm/dnsmsg.h"
#include "ntm/timers.h"

/*
 * design.md 9, R55, R89, R90, R107:
 *
 *   by name    SRV _ntm._udp.<closest enclosing domain>  -> A, AAAA of its target
 *   by VIP     PTR of the VIP in in-addr.arpa or ip6.arpa; when there is none, or no answer for a
 *              while, also PTR under the suffix that the domain owns (vip.<domain>); the first of
 *              the two that has a name  -> A, AAAA of that name, and the port of SRV
 *              _ntm._udp.<domain>
 *
 * All of it are candidates: a DC is believed by its certificate (security.md 2.5).
 */
#define FINDER_ADDRS 8
#define FINDER_PORT  4330 /* when no SRV names another one */
#define FINDER_WORDS 150
/* All questions of one search, and how long the rest is awaited once an address is known. */
#define FINDER_MS       1700
#define FINDER_GRACE_MS 150
/* A reverse tree whose servers are silent must not cost the call. */
#define FINDER_PATIENCE_MS 600
/* By name: questions below the domain, whose own is the next one then. Who chooses the name must
 * not choose how long others wait for the same DC. */
#define FINDER_CLIMB 4

/* As dc_ops (dc.h). */
struct finder_ops {
	int (*lookup)(void *ctx, const char *name, uint16_t type, ntm_dnsclient_fn *fn, void *arg,
		      uint64_t *id);
	void (*lookup_cancel)(void *ctx, uint64_t id);
	void *ctx;
	struct ntm_timers *timers;
};

struct finder_target {
	const char *domain; /* the trusted domain that name or address belong to */
	const char *fqdn;   /* or NULL */
	struct ntm_ip vip;  /* when fqdn is NULL */
	bool wants_root;    /* TXT _ntm.<domain> as well */
};

struct finder_result {
	int err;           /* 0, or -ENOENT, -EBADMSG (DNSSEC), -EHOSTUNREACH, -ETIMEDOUT */
	const char *words; /* of an error: what was asked, and what DNS said */
	const char *dc_name;
	size_t count;
	const struct ntm_addr *addr;
	bool has_root; /* validated */
	const uint8_t *root;
};
typedef void finder_fn(void *arg, const struct finder_result *result);

enum finder_question {
	FINDER_LOCATE, /* SRV, or PTR in the reverse tree */
	FINDER_OTHER,  /* PTR under the domain's own suffix */
	FINDER_A,
	FINDER_AAAA,
	FINDER_SRV,
	FINDER_TXT,
	FINDER_COUNT
};

/* One search at a time; embedded in its owner. Members are private to finder.c. */
struct finder {
	struct finder_ops ops;
	finder_fn *fn;
	void *arg;
	struct finder_lookup {
		struct finder *finder;
		enum finder_question question;
		uint64_t id; /* 0: not asked, or answered */
		char name[NTM_DNS_NAME_STR];
	} lookup[FINDER_COUNT];
	char domain[NTM_NAME_MAX + 1];
	const char *suffix; /* by name: what is left of fqdn; NULL: by VIP */
	char fqdn[NTM_NAME_MAX + 1];
	unsigned climbed;
	struct ntm_ip vip;
	bool asked_other, wants_root, is_running;
	struct ntm_timer timer, grace, patience;

	char dc_name[NTM_DNS_NAME_STR];
	uint16_t port;
	size_t count;
	struct ntm_addr addr[FINDER_ADDRS];
	bool has_root;
	uint8_t root[NTM_SIGN_PUB_LEN];
	/* Why there is no address, and no root; err 0: not known yet. */
	struct finder_failure {
		int err;
		char words[FINDER_WORDS];
	} no_address, no_root;
};

void finder_init(struct finder *finder, const struct finder_ops *ops, finder_fn *fn, void *arg);
/* fn is called once, later, unless finder_stop comes first; the result is valid until it returns,
 * or until it starts another search. A search under way is given up. */
void finder_start(struct finder *finder, const struct finder_target *target);
void finder_stop(struct finder *finder);
bool finder_is_running(const struct finder *finder);
