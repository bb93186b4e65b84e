/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches for a DC in DNS. */
#include "finder.h"

#include "zone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_answer(void *arg, const struct ntm_dnsclient_answer *answer);

static bool is_open(const struct finder *finder)
{
	for (size_t i = 0; i < FINDER_COUNT; i++)
		if (finder->lookup[i].id != 0)
			return true;
	return false;
}

static void finish(struct finder *finder)
{
	const struct finder_failure *failure =
		finder->count == 0 ? &finder->no_address : &finder->no_root;
	struct finder_result result = {
		.dc_name = finder->dc_name,
		.count = finder->count,
		.addr = finder->addr,
		.has_root = finder->has_root,
		.root = finder->root,
	};

	finder_stop(finder);
	for (size_t i = 0; i < finder->count; i++)
		finder->addr[i].port = finder->port;
	if (finder->count == 0 || (finder->wants_root && !finder->has_root)) {
		result.err = failure->err != 0 ? failure->err : -ETIMEDOUT;
		result.words = failure->err != 0 ? failure->words : "DNS did not answer in time";
	}
	finder->fn(finder->arg, &result);
}

static const char *type_name(uint16_t type)
{
	switch (type) {
	case NTM_DNS_A:
		return "A";
	case NTM_DNS_AAAA:
		return "AAAA";
	case NTM_DNS_PTR:
		return "PTR";
	case NTM_DNS_SRV:
		return "SRV";
	default:
		return "TXT";
	}
}

/* The first failure is told, unless a later one is worse: that of AAAA is about less than that of
 * A. A port that is not told is no failure. */
static void note(struct finder *finder, const struct finder_lookup *lookup, uint16_t type,
		 const struct ntm_dnsclient_answer *answer)
{
	bool is_root = lookup->question == FINDER_TXT;
	struct finder_failure *failure = is_root ? &finder->no_root : &finder->no_address;
	const char *why = answer->err == -ENOENT      ? "there is none in DNS"
			  : answer->err == -EBADMSG   ? "DNSSEC refuses the answer"
			  : answer->err == -ETIMEDOUT ? "DNS did not answer in time"
						      : "DNS gives no answer";

	if (lookup->question == FINDER_SRV || (failure->err != 0 && answer->err != -EBADMSG))
		return;
	failure->err = answer->err;
	snprintf(failure->words, sizeof(failure->words), "%s %.74s: %s%s%.40s", type_name(type),
		 lookup->name, why, answer->why != NULL ? ": " : "",
		 answer->why != NULL ? answer->why : "");
}

static uint16_t type_of(const struct finder *finder, enum finder_question question)
{
	switch (question) {
	case FINDER_LOCATE:
		return finder->suffix != NULL ? NTM_DNS_SRV : NTM_DNS_PTR;
	case FINDER_OTHER:
		return NTM_DNS_PTR;
	case FINDER_A:
		return NTM_DNS_A;
	case FINDER_AAAA:
		return NTM_DNS_AAAA;
	case FINDER_SRV:
		return NTM_DNS_SRV;
	default:
		return NTM_DNS_TXT;
	}
}

static void ask(struct finder *finder, enum finder_question question)
{
	struct finder_lookup *lookup = &finder->lookup[question];
	uint16_t type = type_of(finder, question);
	struct ntm_dnsclient_answer failed = {0};

	failed.err = finder->ops.lookup(finder->ops.ctx, lookup->name, type, on_answer, lookup,
					&lookup->id);
	if (failed.err == 0)
		return;
	lookup->id = 0;
	note(finder, lookup, type, &failed);
}

static void cancel(struct finder *finder, enum finder_question question)
{
	struct finder_lookup *lookup = &finder->lookup[question];

	if (lookup->id != 0)
		finder->ops.lookup_cancel(finder->ops.ctx, lookup->id);
	lookup->id = 0;
}

static void ask_in_tree(struct finder *finder)
{
	struct finder_lookup *lookup = &finder->lookup[FINDER_LOCATE];

	ntm_ip_arpa(&finder->vip, lookup->name);
	ntm_timer_set(finder->ops.timers, &finder->patience, FINDER_PATIENCE_MS);
	ask(finder, FINDER_LOCATE);
}

/* "7.10.18.198" or 32 nibbles, in front of the suffix that the domain owns. */
static void ask_other(struct finder *finder)
{
	struct finder_lookup *lookup = &finder->lookup[FINDER_OTHER];
	bool is_v4 = finder->vip.family == 4;
	char arpa[NTM_IP_ARPA_STR];
	size_t head_len = strlen(ntm_ip_arpa(&finder->vip, arpa)) -
			  strlen(is_v4 ? ".in-addr.arpa" : ".ip6.arpa");

	finder->asked_other = true;
	snprintf(lookup->name, sizeof(lookup->name), "%.*s.%s.%s", (int)head_len, arpa,
		 is_v4 ? ZONE_LABEL_VIP4 : ZONE_LABEL_VIP6, finder->domain);
	ask(finder, FINDER_OTHER);
}

static void ask_suffix(struct finder *finder)
{
	struct finder_lookup *lookup = &finder->lookup[FINDER_LOCATE];

	snprintf(lookup->name, sizeof(lookup->name), "_ntm._udp.%s", finder->suffix);
	ask(finder, FINDER_LOCATE);
}

static void climb(struct finder *finder)
{
	finder->suffix = strchr(finder->suffix, '.') + 1;
	if (++finder->climbed >= FINDER_CLIMB)
		finder->suffix = finder->domain;
}

/* By name one label up, not above the domain; by VIP the other way; if there is any left. */
static void go_on(struct finder *finder)
{
	if (finder->suffix == NULL && !finder->asked_other) {
		ask_other(finder);
	} else if (finder->suffix != NULL && strcmp(finder->suffix, finder->domain) != 0) {
		climb(finder);
		ask_suffix(finder);
	}
}

static void ask_addresses(struct finder *finder)
{
	snprintf(finder->lookup[FINDER_A].name, NTM_DNS_NAME_STR, "%s", finder->dc_name);
	snprintf(finder->lookup[FINDER_AAAA].name, NTM_DNS_NAME_STR, "%s", finder->dc_name);
	ask(finder, FINDER_A);
	ask(finder, FINDER_AAAA);
}

/* ---- answers ---- */

static const struct ntm_dns_rr *first_of(const struct ntm_dns_response *response, uint16_t type)
{
	const struct ntm_dns_rr *best = NULL;

	for (size_t i = 0; i < response->count; i++) {
		const struct ntm_dns_rr *rr = &response->rr[i];

		if (rr->type == type && (best == NULL || (type == NTM_DNS_SRV &&
							  rr->srv.priority < best->srv.priority)))
			best = rr;
	}
	return best;
}

/* The first of both ways that has a name is taken. */
static void end_locating(struct finder *finder)
{
	ntm_timer_del(finder->ops.timers, &finder->patience);
	cancel(finder, FINDER_LOCATE);
	cancel(finder, FINDER_OTHER);
}

static bool take_location(struct finder *finder, const struct ntm_dns_response *response,
			  uint16_t type)
{
	const struct ntm_dns_rr *rr = first_of(response, type);
	const char *name = rr == NULL ? "" : type == NTM_DNS_SRV ? rr->srv.target : rr->target;

	if (name[0] == '\0') /* also SRV's "no such service here" (RFC 2782) */
		return false;
	snprintf(finder->dc_name, sizeof(finder->dc_name), "%s", name);
	if (type == NTM_DNS_SRV)
		finder->port = rr->srv.port;
	finder->no_address.err = 0; /* what led nowhere before does not matter any more */
	end_locating(finder);
	ask_addresses(finder);
	return true;
}

static bool take_addresses(struct finder *finder, const struct ntm_dns_response *response,
			   uint16_t type)
{
	bool found = false;

	for (size_t i = 0; i < response->count && finder->count < FINDER_ADDRS; i++) {
		const struct ntm_dns_rr *rr = &response->rr[i];

		if (rr->type != type || !ntm_ip_is_usable(&rr->ip))
			continue;
		finder->addr[finder->count++].ip = rr->ip;
		found = true;
	}
	return found;
}

static bool take_port(struct finder *finder, const struct ntm_dns_response *response)
{
	for (size_t i = 0; i < response->count; i++) {
		const struct ntm_dns_rr *rr = &response->rr[i];

		if (rr->type == NTM_DNS_SRV && strcmp(rr->srv.target, finder->dc_name) == 0)
			finder->port = rr->srv.port;
	}
	return true; /* another name has its own port: ours is the usual one */
}

/* "v=ntm1 root=<base64>" (zone.c) */
static bool take_root(struct finder *finder, const struct ntm_dns_response *response, bool secure)
{
	static const char head[] = "v=ntm1 root=";

	for (size_t i = 0; secure && i < response->count; i++) {
		const struct ntm_dns_rr *rr = &response->rr[i];

		if (rr->type == NTM_DNS_TXT && strncmp(rr->text, head, strlen(head)) == 0 &&
		    ntm_key_parse(finder->root, rr->text + strlen(head)) == 0) {
			finder->has_root = true;
			return true;
		}
	}
	if (!secure) {
		finder->no_root.err = -EBADMSG;
		snprintf(finder->no_root.words, sizeof(finder->no_root.words),
			 "TXT %.60s is not signed, or no trust anchor reaches it",
			 finder->lookup[FINDER_TXT].name);
	}
	return false;
}

static bool take(struct finder *finder, enum finder_question question,
		 const struct ntm_dns_response *response, bool secure)
{
	switch (question) {
	case FINDER_LOCATE:
	case FINDER_OTHER:
		return take_location(finder, response, type_of(finder, question));
	case FINDER_A:
		return take_addresses(finder, response, NTM_DNS_A);
	case FINDER_AAAA:
		return take_addresses(finder, response, NTM_DNS_AAAA);
	case FINDER_SRV:
		return take_port(finder, response);
	default:
		return take_root(finder, response, secure);
	}
}

/* Heap: a parsed response is large. */
static int read_answer(struct finder *finder, enum finder_question question,
		       const struct ntm_dnsclient_answer *answer)
{
	struct ntm_dns_response *response;
	int err = answer->err;

	if (err != 0)
		return err;
	response = malloc(sizeof(*response));
	if (response == NULL)
		return -ENOMEM;
	if (ntm_dns_response_parse(response, answer->msg, answer->len) != 0)
		err = -EHOSTUNREACH;
	else if (!take(finder, question, response, answer->secure))
		err = -ENOENT;
	free(response);
	return err;
}

static void settle(struct finder *finder)
{
	bool has_all = finder->count > 0 && (!finder->wants_root || finder->has_root);

	if (!is_open(finder))
		finish(finder);
	else if (has_all && !ntm_timer_armed(&finder->grace))
		ntm_timer_set(finder->ops.timers, &finder->grace, FINDER_GRACE_MS);
}

static void on_answer(void *arg, const struct ntm_dnsclient_answer *answer)
{
	struct finder_lookup *lookup = arg;
	struct finder *finder = lookup->finder;
	uint16_t type = type_of(finder, lookup->question);
	struct ntm_dnsclient_answer told = *answer;

	lookup->id = 0;
	told.err = read_answer(finder, lookup->question, answer);
	if (told.err != 0)
		note(finder, lookup, type, &told);
	/* What is forged stops the search; what is absent does not. */
	if (told.err != 0 && told.err != -EBADMSG && lookup->question == FINDER_LOCATE)
		go_on(finder);
	settle(finder);
}

/* Of where the DC is, what was not answered tells more than what was answered with nothing. */
static void note_silence(struct finder *finder)
{
	const struct ntm_dnsclient_answer silence = {.err = -ETIMEDOUT};

	for (size_t i = FINDER_LOCATE; i <= FINDER_AAAA; i++) {
		const struct finder_lookup *lookup = &finder->lookup[i];

		if (lookup->id == 0 || finder->no_address.err == -EBADMSG)
			continue;
		finder->no_address.err = 0;
		note(finder, lookup, type_of(finder, lookup->question), &silence);
		return;
	}
}

static void on_patience(void *arg)
{
	struct finder *finder = arg;

	if (finder->lookup[FINDER_LOCATE].id != 0)
		go_on(finder);
}

static void on_timer(void *arg)
{
	note_silence(arg);
	finish(arg);
}

/* ---- life ---- */

void finder_init(struct finder *finder, const struct finder_ops *ops, finder_fn *fn, void *arg)
{
	*finder = (struct finder){.ops = *ops, .fn = fn, .arg = arg};
	for (size_t i = 0; i < FINDER_COUNT; i++) {
		finder->lookup[i].finder = finder;
		finder->lookup[i].question = (enum finder_question)i;
	}
	ntm_timer_init(&finder->timer, on_timer, finder);
	ntm_timer_init(&finder->grace, on_timer, finder);
	ntm_timer_init(&finder->patience, on_patience, finder);
}

static void clear(struct finder *finder)
{
	finder_stop(finder);
	finder->asked_other = false;
	finder->climbed = 0;
	finder->dc_name[0] = '\0';
	finder->port = FINDER_PORT;
	finder->count = 0;
	finder->has_root = false;
	finder->no_address.err = 0;
	finder->no_root.err = 0;
}

/* The name itself is no domain that encloses it, unless it is the trusted one. */
static void set_suffix(struct finder *finder, const char *fqdn)
{
	finder->suffix = NULL;
	if (fqdn == NULL)
		return;
	snprintf(finder->fqdn, sizeof(finder->fqdn), "%s", fqdn);
	finder->suffix = finder->fqdn;
	if (strcmp(fqdn, finder->domain) != 0)
		finder->suffix = strchr(finder->fqdn, '.') + 1;
}

void finder_start(struct finder *finder, const struct finder_target *target)
{
	clear(finder);
	snprintf(finder->domain, sizeof(finder->domain), "%s", target->domain);
	finder->vip = target->vip;
	finder->wants_root = target->wants_root;
	set_suffix(finder, target->fqdn);
	finder->is_running = true;
	ntm_timer_set(finder->ops.timers, &finder->timer, FINDER_MS);
	snprintf(finder->lookup[FINDER_SRV].name, NTM_DNS_NAME_STR, "_ntm._udp.%s", finder->domain);
	snprintf(finder->lookup[FINDER_TXT].name, NTM_DNS_NAME_STR, "_ntm.%s", finder->domain);
	if (finder->suffix != NULL) {
		ask_suffix(finder);
	} else {
		ask_in_tree(finder);
		ask(finder, FINDER_SRV);
	}
	if (finder->wants_root)
		ask(finder, FINDER_TXT);
	if (!is_open(finder)) /* nothing could be asked: the owner hears it later */
		ntm_timer_set(finder->ops.timers, &finder->timer, 0);
}

void finder_stop(struct finder *finder)
{
	for (size_t i = 0; i < FINDER_COUNT; i++)
		cancel(finder, (enum finder_question)i);
	ntm_timer_del(finder->ops.timers, &finder->timer);
	ntm_timer_del(finder->ops.timers, &finder->grace);
	ntm_timer_del(finder->ops.timers, &finder->patience);
	finder->is_running = false;
}

bool finder_is_running(const struct finder *finder)
{
	return finder->is_running;
}
