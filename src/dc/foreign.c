/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions with DCs of other domains: asked on, kept while used, ended; and their records. */
#include "dc_priv.h"

#include "ntm/payload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_request(void *ctx, const struct ntm_msg *req);
static void on_unanswered(void *ctx, unsigned sent);

/* ---- records ---- */

struct foreign *foreign_by_domain(const struct dc *dc, const char *domain)
{
	return ntm_map_get(dc->foreigns.by_domain, domain, strlen(domain));
}

struct foreign *foreign_by_name(const struct dc *dc, const char *fqdn)
{
	struct trust_own own = dc_own(&dc->settings);
	const struct trust_pin *pin = trust_by_name(&dc->foreigns.trust, &own, fqdn);

	return pin != NULL ? foreign_by_domain(dc, pin->domain) : NULL;
}

struct foreign *foreign_by_vip(const struct dc *dc, const struct ntm_ip *vip)
{
	const struct trust_pin *pin = trust_by_vip(&dc->foreigns.trust, vip);

	return pin != NULL ? foreign_by_domain(dc, pin->domain) : NULL;
}

/* By the name alone: relays count on by it when we have started anew. */
static uint32_t make_account(const char *domain)
{
	uint8_t hash[32];
	uint32_t account;

	ntm_blake2b(hash, sizeof(hash), domain, strlen(domain), NULL, 0);
	memcpy(&account, hash, sizeof(account));
	return account != 0 ? account : 1;
}

static struct foreign *foreign_new(struct dc *dc, const struct trust_pin *pin)
{
	struct foreign *foreign = calloc(1, sizeof(*foreign));
	struct ntm_ctl_args args = {.timers = dc->timers,
				    .on_request = on_request,
				    .on_unanswered = on_unanswered,
				    .ctx = foreign};

	if (foreign == NULL)
		return NULL;
	foreign->dc = dc;
	foreign->pin = *pin;
	foreign->relay_account = make_account(pin->domain);
	foreign->restart_ms = -FOREIGN_RESTART_MS;
	foreign_search_init(foreign);
	ntm_bucket_init(&foreign->bucket, FOREIGN_RATE_PER_S, FOREIGN_BURST, dc_now_ms(dc));
	revoke_foreign_init(foreign);
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

	foreign_search_stop(foreign);
	foreign->state = FOREIGN_IDLE;
	foreign->is_restarting = false;
	foreign->link = NULL;
	ntm_ctl_set_link(foreign->ctl, NULL);
	ntm_link_free(link);
}

static void foreign_free(struct foreign *foreign)
{
	quiet(foreign);
	revoke_foreign_stop(foreign);
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

/* ---- requests ---- */

int foreign_request(struct foreign *foreign, const struct finder_target *target,
		    struct ntm_msg *msg, ntm_ctl_done_fn *done, void *arg, uint32_t *txn)
{
	int err;

	if (foreign->state == FOREIGN_IDLE && !foreign_may_search(foreign, target))
		return -EHOSTUNREACH;
	err = ntm_ctl_request(foreign->ctl, msg, done, arg, txn);
	if (err != 0)
		return err;
	foreign->counters.asked++;
	foreign_connect(foreign, target);
	return 0;
}

/* A session that we began is up before the other DC has accepted us: it may never do. */
static bool is_unwanted(const struct foreign *foreign)
{
	struct ntm_link_stats stats;

	ntm_link_stats(foreign->link, &stats);
	return stats.initiator && stats.last_in_ms == 0;
}

static void fail_session(struct foreign *foreign)
{
	char words[NTM_MSG_WORDS + 1];

	if (!is_unwanted(foreign)) {
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

bool foreign_on_silent(struct foreign *foreign, int64_t since_ms)
{
	struct ntm_link_stats stats;

	/* Of a search, its own deadline tells more. */
	if (foreign->state != FOREIGN_UP)
		return false;
	ntm_link_stats(foreign->link, &stats);
	if (!is_unwanted(foreign) && (foreign->since_ms > since_ms || stats.last_in_ms > since_ms))
		return false; /* it waits for its node, or the answer was lost */
	fail_session(foreign);
	return true;
}

/* The other DC may have restarted: it answers a handshake within one round trip. */
static void on_unanswered(void *ctx, unsigned sent)
{
	struct foreign *foreign = ctx;
	int64_t now_ms = dc_now_ms(foreign->dc);

	if (foreign->state != FOREIGN_UP || sent < 2 || is_unwanted(foreign) ||
	    now_ms - foreign->restart_ms < FOREIGN_RESTART_MS)
		return;
	foreign->restart_ms = now_ms;
	foreign->is_restarting = true;
	ntm_link_restart(foreign->link, NULL, 0);
	foreign_search_again(foreign);
}

static void on_request(void *ctx, const struct ntm_msg *req)
{
	struct foreign *foreign = ctx;

	if (req->type == NTM_MSG_INFORMATION_REQUEST)
		direction_on_information(foreign, req);
	else if (req->type == NTM_MSG_REVOKED)
		revoke_on_foreign(foreign, req);
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
		/* A session of a former key goes when the new one is up, with all its keys. */
		if (foreign->state == FOREIGN_CONNECTING)
			reply->link = foreign->link;
		return 0;
	}
	if (err == -EAGAIN) {
		/* Its root is learned where DNS leads to, never from who comes in. */
		target.fqdn = foreign->pin.domain;
		if (foreign_may_search(foreign, &target))
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
	foreign->code = NTM_DIR_UNTRUSTED;
	snprintf(foreign->words, sizeof(foreign->words), "%.50s: %.100s",
		 ntm_addr_str(req->from, from), words);
	foreign_search_refuse(foreign, req->from);
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
	foreign->code = 0;
	foreign->is_by_vip = false;
	foreign_search_stop(foreign);
	if (foreign->state != FOREIGN_UP) {
		foreign->state = FOREIGN_UP;
		foreign->since_ms = dc_now_ms(dc);
		foreign->counters.sessions++;
		ntm_debug("domain=%s session up at=%s", foreign->pin.domain,
			  ntm_addr_str(&foreign->last_good, text));
	}
	/* A DC that was restarted has lost what came before. */
	if (fresh || foreign->is_restarting)
		ntm_ctl_kick(foreign->ctl, 0);
	foreign->is_restarting = false;
	revoke_foreign_on_up(foreign, fresh);
}

void foreign_on_down(struct foreign *foreign, struct ntm_link *link, enum ntm_link_down why)
{
	if (foreign->link != link) {
		ntm_link_free(link);
		return;
	}
	if (foreign->state == FOREIGN_CONNECTING) {
		foreign_search_give_up(foreign);
		return;
	}
	if (why == NTM_DOWN_NO_ANSWER) {
		fail_session(foreign);
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

/* The other DC hears so at once. */
static void hang_up(struct foreign *foreign)
{
	if (foreign->state == FOREIGN_UP)
		ntm_link_close(foreign->link, DC_CLOSE_UNKNOWN);
}

static void drop(struct foreign *foreign)
{
	struct dc *dc = foreign->dc;

	hang_up(foreign);
	/* Those who wait look the words up by the domain. */
	foreign_fail(foreign, NTM_DIR_UNTRUSTED, "the domain is not trusted any more");
	ntm_map_del(dc->foreigns.by_domain, foreign->pin.domain, strlen(foreign->pin.domain));
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
		hang_up(foreign);
		quiet(foreign);
		ntm_ctl_reset(foreign->ctl);
		revoke_forget(foreign);
	}
	foreign->pin = *pin;
	return 0;
}

int dc_trust_changed(struct dc *dc)
{
	struct trust_own own = dc_own(&dc->settings);
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
