/* SPDX-License-Identifier: BSD-2-Clause */
/* Partner domains as our nodes know them: each in a certificate of our root, all in PARTNERS. */
#include "dc_priv.h"

#include "ntm/wire.h"

#include <errno.h>
#include <string.h>

/* A certificate that could not be signed is tried again. */
#define RETRY_MS (60 * INT64_C(1000))
/* Certificates run by the wall clock, which may be set. */
#define LOOK_MS (3600 * INT64_C(1000))

static struct foreign *partner(const struct dc *dc, size_t i)
{
	return foreign_by_domain(dc, dc->foreigns.trust.item[i].domain);
}

/* It is in the list that nodes get. */
static bool is_signed(const struct foreign *foreign)
{
	return foreign != NULL && foreign->introduction.blob.len > 0;
}

/* What the certificate of a domain says of it, but for its own times and number. Chained: the hash
 * of the domain before is the key. */
static void hash_pin(uint8_t hash[static 32], const struct trust_pin *pin)
{
	uint8_t text[NTM_NAME_MAX + 1 + NTM_SIGN_PUB_LEN + 2 * 18];
	struct ntm_wr wr = ntm_wr_init(text, sizeof(text));
	static const uint8_t unknown[NTM_SIGN_PUB_LEN];

	ntm_wr_bytes(&wr, pin->domain, strlen(pin->domain) + 1);
	ntm_wr_bytes(&wr, pin->has_root ? pin->root : unknown, NTM_SIGN_PUB_LEN);
	ntm_wr_prefix(&wr, &pin->prefix4);
	ntm_wr_prefix(&wr, &pin->prefix6);
	ntm_blake2b(hash, 32, text, wr.len, hash, 32);
}

/* Of all that the nodes are told; 0 is "nothing" (ntm-protocol(7), REGISTERED). The same list that
 * was only signed anew, as after each start, has the same: nobody has to ask for it. */
static uint64_t generation_of(const struct dc *dc)
{
	uint8_t hash[32] = {0};
	uint64_t generation = 0;
	bool is_empty = true;

	for (size_t i = 0; i < dc->foreigns.trust.count; i++) {
		const struct foreign *foreign = partner(dc, i);

		if (!is_signed(foreign))
			continue;
		hash_pin(hash, &foreign->pin);
		is_empty = false;
	}
	if (is_empty)
		return 0;
	memcpy(&generation, hash, sizeof(generation));
	return generation != 0 ? generation : 1;
}

static void sign(struct foreign *foreign, int64_t now_s)
{
	struct dc *dc = foreign->dc;

	if (identity_domain(&dc->identity, &foreign->pin, now_s, &foreign->introduction) == 0)
		return;
	foreign->introduction = (struct identity_cert){0};
	dc_complain(dc, &dc->store_gate, "the nodes cannot be told of %s: %s", foreign->pin.domain,
		    store_words(dc->store));
}

static void tell(struct registry_node *node)
{
	struct ntm_msg msg = {.type = NTM_MSG_PARTNERS,
			      .partners = {.generation = node->dc->foreigns.generation}};

	if (node->registered)
		(void)ntm_ctl_request(node->ctl, &msg, NULL, NULL, NULL);
}

/* What is due now could not be renewed. */
static bool is_complete(const struct foreign *foreign, int64_t now_s)
{
	return is_signed(foreign) && foreign->introduction.renew_s > now_s;
}

static void arm(struct dc *dc, int64_t now_s)
{
	int64_t wait_ms = LOOK_MS;

	for (size_t i = 0; i < dc->foreigns.trust.count; i++) {
		const struct foreign *foreign = partner(dc, i);
		int64_t left_ms = is_complete(foreign, now_s)
					  ? (foreign->introduction.renew_s - now_s) * 1000
					  : RETRY_MS;

		if (left_ms < wait_ms)
			wait_ms = left_ms;
	}
	if (dc->foreigns.trust.count == 0)
		ntm_timer_del(dc->timers, &dc->foreigns.renew);
	else
		ntm_timer_set(dc->timers, &dc->foreigns.renew, wait_ms);
}

void introduce_update(struct dc *dc)
{
	int64_t now_s = dc_now_s(dc);
	uint64_t before = dc->foreigns.generation;
	struct registry_node *node;
	size_t pos = 0;

	for (size_t i = 0; i < dc->foreigns.trust.count; i++) {
		struct foreign *foreign = partner(dc, i);

		if (foreign != NULL)
			sign(foreign, now_s);
	}
	dc->foreigns.generation = generation_of(dc);
	arm(dc, now_s);
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

		if (!is_signed(foreign))
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
