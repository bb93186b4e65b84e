/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions with DCs of other domains: searched, connected, kept while used, ended. */
#include "dc_priv.h"

#include "ntm/payload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_found(void *arg, const struct finder_result *result);
static void on_stagger(void *arg);
static void on_deadline(void *arg);
static void on_request(void *ctx, const struct ntm_msg *req);
static void on_unanswered(void *ctx, unsigned sent);

/* ---- records ---- */

struct foreign *foreign_by_domain(const struct dc *dc, const char *domain)
{
	return ntm_map_get(dc->foreigns.by_domain, domain, strlen(domain));
}

static struct trust_own own_of(const struct dc *dc)
{
	return (struct trust_own){.domain = dc->settings.domain,
				  .prefix4 = dc->settings.prefix4,
				  .prefix6 = dc->settings.prefix6};
}

struct foreign *foreign_by_name(const struct dc *dc, const char *fqdn)
{
	struct trust_own own = own_of(dc);
	const struct trust_pin *pin = trust_by_name(&dc->foreigns.trust, &own, fqdn);

	return pin != NULL ? foreign_by_domain(dc, pin->domain) : NULL;
}

struct foreign *foreign_by_vip(const struct dc *dc, const struct ntm_ip *vip)
{
	const struct trust_pin *pin = trust_by_vip(&dc->foreigns.trust, vip);

	return pin != NULL ? foreign_by_domain(dc, pin->domain) : NULL;
}

static struct foreign *foreign_new(struct dc *dc, const struct trust_pin *pin)
{
	struct foreign *foreign = calloc(1, sizeof(*foreign));
	struct ntm_ctl_args args = {.timers = dc->timers,
				    .on_request = on_request,
				    .on_unanswered = on_unanswered,
				    .ctx = foreign};
	struct finder_ops ops = {.lookup = dc->ops.lookup,
				 .lookup_cancel = dc->ops.lookup_cancel,
				 .ctx = dc->ctx,
				 .timers = dc->timers};

	if (foreign == NULL)
		return NULL;
	foreign->dc = dc;
	foreign->pin = *pin;
	foreign->failed_ms = -FOREIGN_NEGATIVE_MS;
	foreign->restart_ms = -FOREIGN_RESTART_MS;
	finder_init(&foreign->finder, &ops, on_found, foreign);
	ntm_timer_init(&foreign->stagger, on_stagger, foreign);
	ntm_timer_init(&foreign->deadline, on_deadline, foreign);
	ntm_bucket_init(&foreign->bucket, FOREIGN_RATE_PER_S, FOREIGN_BURST, dc_now_ms(dc));
	foreign->ctl = ntm_ctl_new(&args);
	if (foreign->ctl == NULL || ntm_map_put(dc->foreigns.by_domain, foreign->pin.domain,
						strlen(foreign->pin.domain), foreign, NULL) != 0) {
		ntm_ctl_free(foreign->ctl);
		free(foreign);
		return NULL;
	}
	return foreign;
}

/* Ends search and attempt, or session, in silence towards those who wait. */
static void quiet(struct foreign *foreign)
{
	struct ntm_link *link = foreign->link;

	finder_stop(&foreign->finder);
	ntm_timer_del(foreign->dc->timers, &foreign->stagger);
	ntm_timer_del(foreign->dc->timers, &foreign->deadline);
	foreign->state = FOREIGN_IDLE;
	foreign->link = NULL;
	ntm_ctl_set_link(foreign->ctl, NULL);
	ntm_link_free(link);
}

static void foreign_free(struct foreign *foreign)
{
	quiet(foreign);
	ntm_ctl_free(foreign->ctl);
	free(foreign);
}

static void on_renew(void *arg)
{
	introduce_update(arg);
}

int foreign_init(struct dc *dc)
{
	ntm_timer_init(&dc->foreigns.renew, on_renew, dc);
	dc->foreigns.by_domain = ntm_map_new();
	return dc->foreigns.by_domain != NULL ? 0 : -ENOMEM;
}

void foreign_fini(struct dc *dc)
{
	struct foreign *foreign;
	size_t pos = 0;

	ntm_timer_del(dc->timers, &dc->foreigns.renew);
	while (dc->foreigns.by_domain != NULL &&
	       (foreign = ntm_map_next(dc->foreigns.by_domain, &pos)) != NULL)
		foreign_free(foreign);
	ntm_map_free(dc->foreigns.by_domain);
	trust_fini(&dc->foreigns.trust);
}

/* ---- searching and connecting ---- */

void foreign_fail(struct foreign *foreign, uint8_t code, const char *words)
{
	struct dc *dc = foreign->dc;

	quiet(foreign);
	foreign->code = code;
	foreign->failed_ms = dc_now_ms(dc);
	/* words may be foreign->words itself */
	memmove(foreign->words, words, strnlen(words, NTM_MSG_WORDS) + 1);
	foreign->words[NTM_MSG_WORDS] = '\0';
	dc_complain(dc, &foreign->gate, "domain=%s no session: %s", foreign->pin.domain,
		    foreign->words);
	ntm_ctl_reset(foreign->ctl);
}

static bool is_candidate(const struct foreign *foreign, const struct ntm_addr *addr)
{
	for (size_t i = 0; i < foreign->candidate_count; i++)
		if (ntm_addr_eq(&foreign->candidate[i], addr))
			return true;
	return false;
}

/* DNS may say anything: nothing is sent into virtual prefixes. */
static void add_candidate(struct foreign *foreign, const struct ntm_addr *addr)
{
	const struct dc *dc = foreign->dc;

	if (foreign->candidate_count < FINDER_ADDRS && addr->port != 0 &&
	    !is_candidate(foreign, addr) && !ntm_prefix_has(&dc->settings.prefix4, &addr->ip) &&
	    !ntm_prefix_has(&dc->settings.prefix6, &addr->ip) &&
	    trust_by_vip(&dc->foreigns.trust, &addr->ip) == NULL)
		foreign->candidate[foreign->candidate_count++] = *addr;
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
	if (foreign->tried_count < foreign->candidate_count)
		ntm_timer_set(foreign->dc->timers, &foreign->stagger, FOREIGN_STAGGER_MS);
}

static void on_stagger(void *arg)
{
	try_next(arg);
}

static bool is_own_addr(const struct dc *dc, const struct ntm_addr *addr)
{
	const struct zone_config *config = &dc->zone->config;

	for (size_t i = 0; i < config->dc_addr_count; i++)
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

static void on_deadline(void *arg)
{
	struct foreign *foreign = arg;
	char words[NTM_MSG_WORDS + 1], text[NTM_ADDR_STR];
	const char *other;

	if (foreign->refused_count > 0 || foreign->candidate_count == 0) {
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

/* The session is silent: the DC may have moved. Who answers takes it over. */
static void look_elsewhere(struct foreign *foreign, const struct finder_result *result)
{
	foreign->candidate_count = 0;
	for (size_t i = 0; i < result->count; i++)
		add_candidate(foreign, &result->addr[i]);
	for (size_t i = 0; i < foreign->candidate_count; i++)
		ntm_link_also(foreign->link, &foreign->candidate[i]);
}

static void on_found(void *arg, const struct finder_result *result)
{
	struct foreign *foreign = arg;

	if (foreign->state == FOREIGN_UP) {
		look_elsewhere(foreign, result);
		return;
	}
	foreign->has_dns_root = result->has_root;
	if (result->has_root)
		memcpy(foreign->dns_root, result->root, sizeof(foreign->dns_root));
	if (result->err != 0 && foreign->refused_count == 0) {
		foreign->code = result->err == -EBADMSG ? NTM_DIR_UNTRUSTED : NTM_DIR_NO_DC;
		snprintf(foreign->words, sizeof(foreign->words),
			 "the DC of %.30s is not found: %.105s", foreign->pin.domain,
			 result->words);
	}
	for (size_t i = 0; result->err == 0 && i < result->count; i++)
		add_candidate(foreign, &result->addr[i]);
	if (foreign->candidate_count == 0)
		foreign_fail(foreign, foreign->code, foreign->words);
	else if (!ntm_timer_armed(&foreign->stagger))
		try_next(foreign);
}

void foreign_connect(struct foreign *foreign, const struct finder_target *target)
{
	struct finder_target full = *target;

	if (foreign->state != FOREIGN_IDLE || foreign->finder.ops.lookup == NULL)
		return;
	foreign->state = FOREIGN_CONNECTING;
	foreign->candidate_count = foreign->tried_count = foreign->refused_count = 0;
	foreign->has_dns_root = false;
	foreign->code = NTM_DIR_NO_DC;
	snprintf(foreign->words, sizeof(foreign->words), "DNS names no address of the DC of %.80s",
		 foreign->pin.domain);
	ntm_timer_set(foreign->dc->timers, &foreign->deadline, FOREIGN_CONNECT_MS);
	full.domain = foreign->pin.domain;
	full.wants_root = foreign->pin.mode == TRUST_DNSSEC && !foreign->pin.has_root;
	finder_start(&foreign->finder, &full);
	if (foreign->last_good.ip.family != 0 && foreign->pin.has_root) {
		add_candidate(foreign, &foreign->last_good);
		try_next(foreign);
	}
}

/* ---- requests ---- */

int foreign_request(struct foreign *foreign, const struct finder_target *target,
		    struct ntm_msg *msg, ntm_ctl_done_fn *done, void *arg, uint32_t *txn)
{
	int64_t now_ms = dc_now_ms(foreign->dc);
	int err;

	if (foreign->state == FOREIGN_IDLE && (foreign->finder.ops.lookup == NULL ||
					       now_ms - foreign->failed_ms < FOREIGN_NEGATIVE_MS))
		return -EHOSTUNREACH;
	err = ntm_ctl_request(foreign->ctl, msg, done, arg, txn);
	if (err != 0)
		return err;
	foreign->counters.asked++;
	foreign_connect(foreign, target);
	return 0;
}

/* A session that we began is up before the other DC has accepted us: it may never do. */
static bool was_heard(const struct foreign *foreign)
{
	struct ntm_link_stats stats;

	ntm_link_stats(foreign->link, &stats);
	return stats.last_in_ms > 0;
}

static void fail_silent(struct foreign *foreign)
{
	char words[NTM_MSG_WORDS + 1];

	if (was_heard(foreign)) {
		snprintf(words, sizeof(words), "the DC of %.100s does not answer",
			 foreign->pin.domain);
		foreign_fail(foreign, NTM_DIR_NO_DC, words);
		return;
	}
	snprintf(words, sizeof(words),
		 "the DC of %.45s does not let us in: does it trust %.45s (ntm-dc trust add)?",
		 foreign->pin.domain, foreign->dc->settings.domain);
	foreign_fail(foreign, NTM_DIR_UNTRUSTED, words);
}

void foreign_on_silent(struct foreign *foreign)
{
	if (foreign->state == FOREIGN_UP) /* else the deadline of the search tells more */
		fail_silent(foreign);
}

/* The other DC may have restarted: it answers a handshake within one round trip. Or it has moved:
 * DNS knows. */
static void on_unanswered(void *ctx, unsigned sent)
{
	struct foreign *foreign = ctx;
	int64_t now_ms = dc_now_ms(foreign->dc);
	struct finder_target target = {.domain = foreign->pin.domain, .fqdn = foreign->pin.domain};

	if (foreign->state != FOREIGN_UP || sent < 2)
		return;
	if (sent >= NTM_RETRY_SENDINGS) {
		foreign_on_silent(foreign);
	} else if (was_heard(foreign) && now_ms - foreign->restart_ms >= FOREIGN_RESTART_MS) {
		foreign->restart_ms = now_ms;
		ntm_link_restart(foreign->link, NULL, 0);
		if (foreign->finder.ops.lookup != NULL)
			finder_start(&foreign->finder, &target);
	}
}

static void on_request(void *ctx, const struct ntm_msg *req)
{
	struct foreign *foreign = ctx;

	if (req->type == NTM_MSG_INFORMATION_REQUEST)
		direction_on_information(foreign, req);
	else
		foreign->dc->counters.malformed++;
}

/* ---- facts from the links ---- */

size_t foreign_hello(void *ctx, uint8_t out[static NTM_HS_PAYLOAD_MAX])
{
	struct dc *dc = ctx;
	struct ntm_dc_hello hello;

	if (identity_hello(&dc->identity, dc_now_s(dc), &hello) != 0)
		return 0;
	return ntm_dc_hello_encode(&hello, out, NTM_HS_PAYLOAD_MAX);
}

int foreign_accept(struct dc *dc, const struct ntm_link_request *req, struct ntm_link_reply *reply)
{
	struct finder_target target = {0};
	struct foreign *foreign = NULL;
	char words[TRUST_WORDS], from[NTM_ADDR_STR];
	int err = foreign_judge(dc, req, NULL, &foreign, words);

	if (err == 0) {
		reply->owner = foreign;
		reply->link = foreign->link; /* our attempt, or the session of a former key */
		return 0;
	}
	if (err == -EAGAIN) {
		/* Its root is learned where DNS leads to, never from who comes in. */
		target.fqdn = foreign->pin.domain;
		foreign_connect(foreign, &target);
		return err;
	}
	dc->counters.foreign_refused++;
	dc_complain(dc, &dc->foreigns.stranger_gate, "refused a DC from=%s: %s",
		    ntm_addr_str(req->from, from), words);
	return err;
}

int foreign_verify(void *ctx, struct ntm_link *link, void *owner,
		   const struct ntm_link_request *req)
{
	struct dc *dc = ctx;
	struct foreign *foreign = owner, *found = NULL;
	char words[TRUST_WORDS], from[NTM_ADDR_STR];
	int err = foreign_judge(dc, req, foreign, &found, words);

	(void)link;
	if (err == 0)
		return 0;
	dc->counters.foreign_refused++;
	foreign->refused_count++;
	foreign->code = NTM_DIR_UNTRUSTED;
	snprintf(foreign->words, sizeof(foreign->words), "%.50s: %.100s",
		 ntm_addr_str(req->from, from), words);
	/* Nobody else is left who could be the one. */
	if (foreign->state == FOREIGN_CONNECTING && !finder_is_running(&foreign->finder) &&
	    foreign->refused_count >= foreign->candidate_count)
		ntm_timer_set(dc->timers, &foreign->deadline, 0);
	return err;
}

void foreign_on_up(struct foreign *foreign, struct ntm_link *link, bool fresh)
{
	struct dc *dc = foreign->dc;
	char text[NTM_ADDR_STR];

	if (foreign->link != link)
		ntm_link_free(foreign->link); /* our attempt, or the session of a former key */
	foreign->link = link;
	foreign->last_good = *ntm_link_remote(link);
	ntm_ctl_set_link(foreign->ctl, link);
	finder_stop(&foreign->finder);
	if (foreign->state != FOREIGN_UP) {
		ntm_timer_del(dc->timers, &foreign->stagger);
		ntm_timer_del(dc->timers, &foreign->deadline);
		foreign->state = FOREIGN_UP;
		foreign->since_ms = dc_now_ms(dc);
		foreign->code = 0;
		foreign->counters.sessions++;
		ntm_debug("domain=%s session up at=%s", foreign->pin.domain,
			  ntm_addr_str(&foreign->last_good, text));
	}
	(void)fresh; /* a DC that was restarted looks like a rekey from here */
	ntm_ctl_kick(foreign->ctl);
}

void foreign_on_down(struct foreign *foreign, struct ntm_link *link)
{
	if (foreign->link != link) {
		ntm_link_free(link);
		return;
	}
	if (foreign->state == FOREIGN_CONNECTING) {
		on_deadline(foreign);
		return;
	}
	if (!was_heard(foreign)) {
		fail_silent(foreign);
		return;
	}
	ntm_debug("domain=%s session down", foreign->pin.domain);
	quiet(foreign);
	ntm_ctl_reset(foreign->ctl);
}

void foreign_on_input(struct foreign *foreign, const struct ntm_pkt *pkt)
{
	if (pkt->data[0] != NTM_CTL_KIND)
		foreign->dc->counters.not_control++;
	else if (ntm_ctl_input(foreign->ctl, pkt->data, pkt->len) != 0)
		foreign->dc->counters.malformed++;
}

/* ---- pins ---- */

static void drop(struct foreign *foreign)
{
	struct dc *dc = foreign->dc;

	ntm_map_del(dc->foreigns.by_domain, foreign->pin.domain, strlen(foreign->pin.domain));
	if (foreign->state == FOREIGN_UP)
		ntm_link_close(foreign->link, DC_CLOSE_UNKNOWN);
	foreign_fail(foreign, NTM_DIR_UNTRUSTED, "the domain is not trusted any more");
	foreign_free(foreign);
}

static bool is_same_pin(const struct trust_pin *a, const struct trust_pin *b)
{
	return a->has_root == b->has_root && memcmp(a->root, b->root, sizeof(a->root)) == 0 &&
	       memcmp(&a->prefix4, &b->prefix4, sizeof(a->prefix4)) == 0 &&
	       memcmp(&a->prefix6, &b->prefix6, sizeof(a->prefix6)) == 0;
}

/* Records of domains that went are dropped; one at a time, for the map changes under it. */
static bool drop_gone(struct dc *dc)
{
	struct foreign *foreign;
	size_t pos = 0;

	while ((foreign = ntm_map_next(dc->foreigns.by_domain, &pos)) != NULL) {
		if (trust_by_domain(&dc->foreigns.trust, foreign->pin.domain) != NULL)
			continue;
		drop(foreign);
		return true;
	}
	return false;
}

static int take_pin(struct dc *dc, const struct trust_pin *pin)
{
	struct foreign *foreign = foreign_by_domain(dc, pin->domain);

	if (foreign == NULL)
		return foreign_new(dc, pin) != NULL ? 0 : -ENOMEM;
	if (!is_same_pin(&foreign->pin, pin)) {
		foreign->introduction = (struct identity_cert){0};
		foreign->failed_ms = dc_now_ms(dc) - FOREIGN_NEGATIVE_MS;
		quiet(foreign);
		ntm_ctl_reset(foreign->ctl);
	}
	foreign->pin = *pin;
	return 0;
}

int dc_trust_changed(struct dc *dc)
{
	struct trust_own own = own_of(dc);
	struct trust trust;
	char words[TRUST_WORDS];
	int err = trust_load(&trust, dc->store, &own, words);

	if (err != 0) {
		dc_complain(dc, &dc->store_gate, "pins are not taken over: %s", words);
		return err;
	}
	trust_fini(&dc->foreigns.trust);
	dc->foreigns.trust = trust;
	while (drop_gone(dc))
		;
	for (size_t i = 0; err == 0 && i < dc->foreigns.trust.count; i++)
		err = take_pin(dc, &dc->foreigns.trust.item[i]);
	introduce_update(dc);
	return err;
}
