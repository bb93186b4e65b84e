/* SPDX-License-Identifier: BSD-2-Clause */
/* Looks for the DC of another domain: DNS, and what it leads to, one address after the other. */
#include "dc_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool foreign_may_search(struct foreign *foreign, const struct finder_target *target)
{
	/* That an address led nowhere says nothing of names. */
	if (foreign->finder.ops.lookup != NULL)
		return (foreign->is_by_vip && target->fqdn != NULL) ||
		       dc_now_ms(foreign->dc) - foreign->failed_ms >= FOREIGN_NEGATIVE_MS;
	foreign->code = NTM_DIR_NO_DC;
	snprintf(foreign->words, sizeof(foreign->words),
		 "this DC has no DNS to find the DC of %.80s with", foreign->pin.domain);
	return false;
}

/* Its number, or candidate_count: it is none. */
static size_t find_candidate(const struct foreign *foreign, const struct ntm_addr *addr)
{
	size_t i = 0;

	while (i < foreign->candidate_count && !ntm_addr_eq(&foreign->candidate[i], addr))
		i++;
	return i;
}

static size_t count_refused(const struct foreign *foreign)
{
	size_t count = 0;

	for (size_t i = 0; i < foreign->candidate_count; i++)
		count += foreign->is_refused[i];
	return count;
}

/* DNS may say anything: nothing is sent into virtual prefixes. */
static void add_candidate(struct foreign *foreign, const struct ntm_addr *addr)
{
	const struct dc *dc = foreign->dc;

	if (foreign->candidate_count < FINDER_ADDRS && addr->port != 0 &&
	    find_candidate(foreign, addr) == foreign->candidate_count &&
	    !ntm_prefix_has(&dc->settings.prefix4, &addr->ip) &&
	    !ntm_prefix_has(&dc->settings.prefix6, &addr->ip) &&
	    trust_by_vip(&dc->foreigns.trust, &addr->ip) == NULL) {
		foreign->is_refused[foreign->candidate_count] = false;
		foreign->candidate[foreign->candidate_count++] = *addr;
	}
}

static int open_link(struct foreign *foreign, const struct ntm_addr *to)
{
	struct ntm_link_args args = {.purpose = NTM_PURPOSE_DC,
				     .owner = foreign,
				     .candidate_count = 1,
				     .candidates = to,
				     .initiator = true};

	return ntm_link_open(foreign->dc->links, &args, &foreign->link);
}

static void try_next(struct foreign *foreign)
{
	const struct ntm_addr *to;

	if (foreign->tried_count >= foreign->candidate_count)
		return;
	to = &foreign->candidate[foreign->tried_count++];
	if (foreign->link != NULL)
		ntm_link_also(foreign->link, to);
	else if (open_link(foreign, to) != 0)
		foreign->link = NULL; /* the deadline ends it */
	/* Also behind the last one: DNS may name more. */
	ntm_timer_set(foreign->dc->timers, &foreign->stagger, FOREIGN_STAGGER_MS);
}

static void on_stagger(void *arg)
{
	try_next(arg);
}

static bool is_own_addr(const struct dc *dc, const struct ntm_addr *addr)
{
	const struct zone_config *config = dc->zone != NULL ? &dc->zone->config : NULL;

	for (size_t i = 0; config != NULL && i < config->dc_addr_count; i++)
		if (addr->port == config->port && ntm_ip_eq(&config->dc_addr[i], &addr->ip))
			return true;
	return false;
}

/* The domain whose DC is known to be there: the links have one session a DC, and leave a second
 * attempt without an answer. NULL: none. */
static const char *domain_at(const struct dc *dc, const struct ntm_addr *addr)
{
	const struct foreign *other;
	size_t pos = 0;

	if (is_own_addr(dc, addr))
		return dc->settings.domain;
	while ((other = ntm_map_next(dc->foreigns.by_domain, &pos)) != NULL)
		if (other->state == FOREIGN_UP && ntm_addr_eq(&other->last_good, addr))
			return other->pin.domain;
	return NULL;
}

void foreign_search_give_up(struct foreign *foreign)
{
	char words[NTM_MSG_WORDS + 1], text[NTM_ADDR_STR];
	const char *other;

	if (count_refused(foreign) > 0 || foreign->candidate_count == 0) {
		foreign_fail(foreign, foreign->code, foreign->words);
		return;
	}
	other = domain_at(foreign->dc, &foreign->candidate[0]);
	if (other != NULL) {
		snprintf(words, sizeof(words), "%.50s: this is the DC of %.40s, not of %.40s",
			 ntm_addr_str(&foreign->candidate[0], text), other, foreign->pin.domain);
		foreign_fail(foreign, NTM_DIR_UNTRUSTED, words);
		return;
	}
	snprintf(words, sizeof(words),
		 "the DC of %.60s does not answer at %s: is ntm-dc running there, UDP open?",
		 foreign->pin.domain, ntm_addr_str(&foreign->candidate[0], text));
	foreign_fail(foreign, NTM_DIR_NO_DC, words);
}

static void on_deadline(void *arg)
{
	foreign_search_give_up(arg);
}

/* Nobody is left who could be the one. Not at once: a callback of the link may be running. */
static void end_if_refused(struct foreign *foreign)
{
	if (foreign->state == FOREIGN_CONNECTING && !finder_is_running(&foreign->finder) &&
	    count_refused(foreign) == foreign->candidate_count)
		ntm_timer_set(foreign->dc->timers, &foreign->deadline, 0);
}

void foreign_search_refuse(struct foreign *foreign, const struct ntm_addr *from)
{
	size_t i = find_candidate(foreign, from);

	if (i < foreign->candidate_count)
		foreign->is_refused[i] = true;
	end_if_refused(foreign);
}

/* Who answers there takes the session over. */
static void look_elsewhere(struct foreign *foreign, const struct finder_result *result)
{
	foreign->candidate_count = 0;
	for (size_t i = 0; i < result->count; i++)
		add_candidate(foreign, &result->addr[i]);
	for (size_t i = 0; i < foreign->candidate_count; i++)
		ntm_link_also(foreign->link, &foreign->candidate[i]);
}

static void search(struct foreign *foreign, const struct finder_target *target)
{
	struct finder_target full = *target;

	foreign->is_by_vip = target->fqdn == NULL;
	full.domain = foreign->pin.domain;
	full.wants_root = foreign->pin.mode == TRUST_DNSSEC && !foreign->pin.has_root;
	finder_start(&foreign->finder, &full);
}

static void on_found(void *arg, const struct finder_result *result)
{
	struct foreign *foreign = arg;
	struct finder_target whole = {.fqdn = foreign->pin.domain};

	if (foreign->state == FOREIGN_UP) {
		look_elsewhere(foreign, result);
		return;
	}
	if (result->count == 0 && foreign->is_by_vip && foreign->is_name_wanted) {
		search(foreign, &whole);
		return;
	}
	foreign->has_dns_root = result->has_root;
	if (result->has_root)
		memcpy(foreign->dns_root, result->root, sizeof(foreign->dns_root));
	if (result->err != 0 && count_refused(foreign) == 0) {
		foreign->code = result->err == -EBADMSG ? NTM_DIR_UNTRUSTED : NTM_DIR_NO_DC;
		snprintf(foreign->words, sizeof(foreign->words),
			 "the DC of %.30s is not found: %.105s", foreign->pin.domain,
			 result->words);
	}
	for (size_t i = 0; result->err == 0 && i < result->count; i++)
		add_candidate(foreign, &result->addr[i]);
	if (!ntm_timer_armed(&foreign->stagger))
		try_next(foreign);
	end_if_refused(foreign);
}

void foreign_connect(struct foreign *foreign, const struct finder_target *target)
{
	foreign->is_name_wanted |= target->fqdn != NULL;
	if (foreign->state != FOREIGN_IDLE || foreign->finder.ops.lookup == NULL)
		return;
	foreign->is_name_wanted = target->fqdn != NULL;
	foreign->state = FOREIGN_CONNECTING;
	foreign->candidate_count = foreign->tried_count = 0;
	foreign->has_dns_root = false;
	foreign->code = NTM_DIR_NO_DC;
	snprintf(foreign->words, sizeof(foreign->words), "DNS names no address of the DC of %.80s",
		 foreign->pin.domain);
	ntm_timer_set(foreign->dc->timers, &foreign->deadline, FOREIGN_CONNECT_MS);
	search(foreign, target);
	if (foreign->last_good.ip.family != 0 && foreign->pin.has_root) {
		add_candidate(foreign, &foreign->last_good);
		try_next(foreign);
	}
}

void foreign_search_again(struct foreign *foreign)
{
	const struct finder_target whole = {.fqdn = foreign->pin.domain};

	if (foreign->finder.ops.lookup != NULL)
		search(foreign, &whole);
}

/* ---- life ---- */

void foreign_search_init(struct foreign *foreign)
{
	struct dc *dc = foreign->dc;
	struct finder_ops ops = {.lookup = dc->ops.lookup,
				 .lookup_cancel = dc->ops.lookup_cancel,
				 .ctx = dc->ctx,
				 .timers = dc->timers};

	foreign->failed_ms = -FOREIGN_NEGATIVE_MS;
	finder_init(&foreign->finder, &ops, on_found, foreign);
	ntm_timer_init(&foreign->stagger, on_stagger, foreign);
	ntm_timer_init(&foreign->deadline, on_deadline, foreign);
}

void foreign_search_stop(struct foreign *foreign)
{
	finder_stop(&foreign->finder);
	ntm_timer_del(foreign->dc->timers, &foreign->stagger);
	ntm_timer_del(foreign->dc->timers, &foreign->deadline);
}
