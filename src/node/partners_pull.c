/* SPDX-License-Identifier: BSD-2-Clause */
/* PARTNERS, asked page by page: a new list stands beside the old one until it is whole. */
#include "partners_pull.h"

#include "ntm/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct partners_pull {
	struct partners_pull_args args;
	struct partners *fresh; /* NULL: no pull under way */
	uint32_t txn;
	unsigned requests;
	uint8_t page, pages; /* the one asked for; of how many, 0: not known */
	bool is_partial;     /* a certificate was out of its time */
	uint64_t wanted;     /* the newest that the DC has named meanwhile; 0: none */
};

static void end_pull(struct partners_pull *pull)
{
	free(pull->fresh);
	pull->fresh = NULL;
}

static void give_up(struct partners_pull *pull, const char *words)
{
	ntm_warn("the list of partner domains stays as it is: %s", words);
	end_pull(pull);
}

static void on_page(void *arg, int err, const struct ntm_msg *reply);

static void ask(struct partners_pull *pull, uint8_t page)
{
	struct ntm_msg msg = {.type = NTM_MSG_PARTNERS};

	if (++pull->requests > PARTNERS_REQUESTS) {
		give_up(pull, "it changes faster than it can be asked for");
		return;
	}
	pull->page = page;
	msg.partners.generation = pull->fresh->generation;
	msg.partners.page = page;
	if (dclink_request(pull->args.dclink, &msg, on_page, pull, &pull->txn) != 0)
		end_pull(pull); /* too much is open: at the next REGISTERED */
}

static void begin(struct partners_pull *pull, uint64_t generation)
{
	memset(pull->fresh, 0, sizeof(*pull->fresh));
	pull->fresh->generation = generation;
	pull->pages = 0;
	pull->is_partial = false;
	ask(pull, 0);
}

static void take_cert(struct partners_pull *pull, const struct ntm_cert_blob *blob)
{
	struct ntm_cert cert;
	struct partner partner;
	int err = ntm_cert_check(&cert, blob->data, blob->len, pull->args.lease->root,
				 pull->args.timers->wall_ms / 1000);

	if (err == -ETIME) {
		pull->is_partial = true;
		ntm_warn("a partner domain's certificate is not valid now: is the clock right, "
			 "here and at the DC?");
		return;
	}
	if (err != 0 || cert.type != NTM_CERT_DOMAIN) {
		ntm_warn("refused a partner domain: not introduced by our domain's root");
		return;
	}
	partner_from_cert(&partner, &cert);
	const char *why = partners_find(pull->fresh, partner.domain) != NULL
				  ? "it is in the list twice"
				  : partners_put(pull->fresh, pull->args.lease, &partner);
	if (why != NULL)
		ntm_warn("refused partner domain %s: %s", partner.domain, why);
}

/* With a clock that is wrong the old entries hold, so that nothing for them leaves in clear. */
static void keep_former(struct partners_pull *pull)
{
	const struct partners *former = pull->args.partners;

	for (size_t i = 0; i < former->count; i++)
		if (partners_find(pull->fresh, former->item[i].domain) == NULL)
			(void)partners_put(pull->fresh, pull->args.lease, &former->item[i]);
	pull->fresh->generation = 0;
}

static void finish(struct partners_pull *pull)
{
	uint64_t wanted = pull->wanted;

	if (pull->is_partial)
		keep_former(pull);
	pull->args.done(pull->args.ctx, pull->fresh);
	end_pull(pull);
	pull->wanted = 0;
	if (wanted != 0)
		partners_pull_want(pull, wanted);
}

static bool is_usable(const struct partners_pull *pull, const struct ntm_msg_partners *page)
{
	return page->page == pull->page && page->pages > page->page &&
	       page->pages <= PARTNERS_PAGES && (pull->page == 0 || page->pages == pull->pages);
}

static void take_page(struct partners_pull *pull, const struct ntm_msg_partners *page)
{
	if (page->generation == 0) { /* it has become empty */
		memset(pull->fresh, 0, sizeof(*pull->fresh));
		pull->is_partial = false;
		finish(pull);
		return;
	}
	if (pull->page > 0 && page->generation != pull->fresh->generation) {
		begin(pull, page->generation);
		return;
	}
	if (!is_usable(pull, page)) {
		give_up(pull, "the DC has sent another page than it was asked for");
		return;
	}
	pull->fresh->generation = page->generation;
	pull->pages = page->pages;
	for (size_t i = 0; i < page->certs.count; i++)
		take_cert(pull, &page->certs.item[i]);
	if (page->page + 1 < page->pages)
		ask(pull, (uint8_t)(page->page + 1));
	else
		finish(pull);
}

static void on_page(void *arg, int err, const struct ntm_msg *reply)
{
	struct partners_pull *pull = arg;

	if (err != 0)
		end_pull(pull); /* the link says why; at the next REGISTERED */
	else
		take_page(pull, &reply->partners);
}

struct partners_pull *partners_pull_new(const struct partners_pull_args *args)
{
	struct partners_pull *pull = calloc(1, sizeof(*pull));

	if (pull != NULL)
		pull->args = *args;
	return pull;
}

void partners_pull_stop(struct partners_pull *pull)
{
	if (pull->fresh != NULL)
		dclink_cancel(pull->args.dclink, pull->txn);
	end_pull(pull);
}

void partners_pull_free(struct partners_pull *pull)
{
	if (pull == NULL)
		return;
	partners_pull_stop(pull);
	free(pull);
}

void partners_pull_want(struct partners_pull *pull, uint64_t generation)
{
	const struct partners *list = pull->args.partners;
	const struct partners none = {0};

	if (generation == 0) {
		partners_pull_stop(pull);
		if (list->count > 0 || list->generation != 0)
			pull->args.done(pull->args.ctx, &none);
		return;
	}
	if (pull->fresh != NULL) {
		pull->wanted = generation;
		return;
	}
	if (generation == list->generation)
		return;
	pull->fresh = malloc(sizeof(*pull->fresh));
	if (pull->fresh == NULL)
		return;
	pull->wanted = 0;
	pull->requests = 0;
	begin(pull, generation);
}

void partners_pull_restart(struct partners_pull *pull)
{
	if (pull->fresh == NULL)
		return;
	dclink_cancel(pull->args.dclink, pull->txn);
	begin(pull, pull->fresh->generation);
}
