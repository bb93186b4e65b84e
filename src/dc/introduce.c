/* SPDX-License-Identifier: BSD-2-Clause */
/* Partner domains as our nodes know them: each in a certificate of our root, all in PARTNERS. */
#include "dc_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A certificate that could not be signed is tried again. */
#define RETRY_MS (60 * INT64_C(1000))

static struct foreign *partner(const struct dc *dc, size_t i)
{
	return foreign_by_domain(dc, dc->foreigns.trust.item[i].domain);
}

/* Chained: each hash is the key of the next. Of what a certificate says, not of its bytes: a list
 * that was only signed anew, by a DC that was restarted say, is no news. */
static void fold(uint8_t hash[static 32], const struct trust_pin *pin)
{
	char root[NTM_KEY_STR], prefix4[NTM_PREFIX_STR], prefix6[NTM_PREFIX_STR];
	char text[NTM_NAME_MAX + NTM_KEY_STR + 2 * NTM_PREFIX_STR + 4];
	int len = snprintf(text, sizeof(text), "%s %s %s %s", pin->domain,
			   pin->has_root ? ntm_key_str(pin->root, root) : "",
			   ntm_prefix_str(&pin->prefix4, prefix4),
			   ntm_prefix_str(&pin->prefix6, prefix6));

	ntm_blake2b(hash, 32, text, (size_t)len, hash, 32);
}

/* Of everything that the nodes are told; 0 is "nothing" (ntm-protocol(7), REGISTERED). */
static uint64_t generation_of(const struct dc *dc)
{
	uint8_t hash[32] = {0};
	uint64_t generation = 0;
	bool is_empty = true;

	for (size_t i = 0; i < dc->foreigns.trust.count; i++) {
		const struct foreign *foreign = partner(dc, i);

		if (foreign == NULL || foreign->introduction.blob.len == 0)
			continue;
		fold(hash, &foreign->pin);
		is_empty = false;
	}
	if (is_empty)
		return 0;
	memcpy(&generation, hash, sizeof(generation));
	return generation != 0 ? generation : 1;
}

static bool sign(struct foreign *foreign, int64_t now_s)
{
	struct dc *dc = foreign->dc;

	if (identity_domain(&dc->identity, &foreign->pin, now_s, &foreign->introduction) == 0)
		return true;
	foreign->introduction = (struct identity_cert){0};
	dc_complain(dc, &dc->store_gate, "the nodes cannot be told of %s: %s", foreign->pin.domain,
		    store_words(dc->store));
	return false;
}

static void tell(struct registry_node *node)
{
	struct ntm_msg msg = {.type = NTM_MSG_PARTNERS,
			      .partners = {.generation = node->dc->foreigns.generation}};

	if (node->registered)
		(void)ntm_ctl_request(node->ctl, &msg, NULL, NULL, NULL);
}

static void arm(struct dc *dc, bool is_complete, int64_t now_s)
{
	int64_t wait_ms = is_complete ? INT64_MAX : RETRY_MS;

	for (size_t i = 0; i < dc->foreigns.trust.count; i++) {
		const struct foreign *foreign = partner(dc, i);
		int64_t left_ms = foreign == NULL || foreign->introduction.blob.len == 0
					  ? RETRY_MS
					  : (foreign->introduction.renew_s - now_s) * 1000;

		if (left_ms < wait_ms)
			wait_ms = left_ms;
	}
	if (wait_ms == INT64_MAX)
		ntm_timer_del(dc->timers, &dc->foreigns.renew);
	else
		ntm_timer_set(dc->timers, &dc->foreigns.renew, wait_ms);
}

void introduce_update(struct dc *dc)
{
	int64_t now_s = dc_now_s(dc);
	uint64_t before = dc->foreigns.generation;
	struct registry_node *node;
	bool is_complete = true;
	size_t pos = 0;

	for (size_t i = 0; i < dc->foreigns.trust.count; i++) {
		struct foreign *foreign = partner(dc, i);

		is_complete = foreign != NULL && sign(foreign, now_s) && is_complete;
	}
	dc->foreigns.generation = generation_of(dc);
	arm(dc, is_complete, now_s);
	if (dc->foreigns.generation == before)
		return;
	while ((node = registry_next(&dc->registry, &pos)) != NULL)
		tell(node);
}

/* The n-th page: of the signed ones, in the order of the pins. Returns how many pages there are. */
static uint8_t fill_page(const struct dc *dc, uint8_t page, struct ntm_cert_list *list)
{
	size_t first = (size_t)page * NTM_MSG_CERTS;
	size_t at = 0;

	for (size_t i = 0; i < dc->foreigns.trust.count; i++) {
		const struct foreign *foreign = partner(dc, i);

		if (foreign == NULL || foreign->introduction.blob.len == 0)
			continue;
		if (at >= first && at < first + NTM_MSG_CERTS)
			list->item[list->count++] = foreign->introduction.blob;
		at++;
	}
	return (uint8_t)((at + NTM_MSG_CERTS - 1) / NTM_MSG_CERTS);
}

void introduce_on_request(struct registry_node *node, const struct ntm_msg *req)
{
	const struct dc *dc = node->dc;
	struct ntm_msg reply = {.type = NTM_MSG_PARTNERS};

	reply.partners.generation = dc->foreigns.generation;
	reply.partners.page = req->partners.page;
	reply.partners.pages = fill_page(dc, req->partners.page, &reply.partners.certs);
	(void)ntm_ctl_reply(node->ctl, req, &reply);
}
