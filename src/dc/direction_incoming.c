/* SPDX-License-Identifier: BSD-2-Clause */
/* As DC_CN: another domain's DC asks for one of our nodes, which is told (R56, R91-R93, R105). */
#include "direction_priv.h"

#include <inttypes.h>
#include <string.h>

/* An INFORMATION_REQUEST on its way through the checks. */
struct incoming {
	struct foreign *foreign;
	const struct ntm_msg *req;
	struct wanted wanted;
	struct ntm_cert cert; /* MN's */
	struct route_card place;
	struct registry_node *cn;
};

/* What DC_MN says of MN. */
static bool check_mn(struct incoming *in, struct ntm_msg_direction_error *error)
{
	const struct ntm_msg_information_request *req = &in->req->information_request;
	struct dc *dc = in->foreign->dc;
	char words[TRUST_WORDS];

	if (trust_check_node(&in->foreign->pin, req->cert.data, req->cert.len, dc_now_s(dc),
			     &in->cert, words) != 0) {
		direction_words(error, NTM_DIR_UNTRUSTED, "%s", words);
		return false;
	}
	if (revoke_is_void(in->foreign, in->cert.key)) {
		direction_words(error, NTM_DIR_FORBIDDEN, "%s was revoked by the DC of %s",
				in->cert.fqdn, in->foreign->pin.domain);
		return false;
	}
	/* A name of ours, or of another domain, in a zone below the one that signs. */
	if (foreign_by_name(dc, in->cert.fqdn) != in->foreign) {
		direction_words(error, NTM_DIR_UNTRUSTED, "%s is not a name of %s", in->cert.fqdn,
				in->foreign->pin.domain);
		return false;
	}
	/* Whose key is one of ours, would be taken for our node. */
	if (registry_by_key(&dc->registry, in->cert.key) != NULL) {
		direction_words(error, NTM_DIR_UNTRUSTED, "%s has the key of a node of %s",
				in->cert.fqdn, dc->settings.domain);
		return false;
	}
	if (direction_set_place(dc, &in->place, &req->reflexive, &req->own, req->behind_nat))
		return true;
	direction_words(error, NTM_DIR_UNTRUSTED, "%s is said to be where nothing can be sent to",
			in->cert.fqdn);
	return false;
}

static bool check_cn(struct incoming *in, struct ntm_msg_direction_error *error)
{
	const struct dc *dc = in->foreign->dc;
	struct store_node who;

	if (!direction_peer_ours(dc, &in->wanted, &who, error))
		return false;
	error->vip = who.vip4.family != 0 ? who.vip4 : who.vip6;
	if (!trust_may_call(&in->foreign->pin, who.fqdn)) {
		direction_words(error, NTM_DIR_FORBIDDEN, "%s may not be called from %s", who.fqdn,
				in->foreign->pin.domain);
		return false;
	}
	if (who.gateway) {
		direction_words(error, NTM_DIR_FORBIDDEN, "%s is a gateway for nodes of %s only",
				who.fqdn, dc->settings.domain);
		return false;
	}
	in->cn = direction_peer_online(dc, &who, error);
	return in->cn != NULL;
}

/* Our own request about the same two nodes, that is under way. */
static struct direction *find_crossing(const struct incoming *in)
{
	const struct directions *all = &in->foreign->dc->directions;
	struct wanted alias[3] = {{.reason = 0}, {.vip = in->cert.vip4}, {.vip = in->cert.vip6}};

	memcpy(alias[0].fqdn, in->cert.fqdn, sizeof(alias[0].fqdn));
	for (size_t i = 0; i < 3; i++) {
		struct direction *direction = NULL;

		if (i == 0 || alias[i].vip.family != 0)
			direction = direction_of_alias(all, in->cn->who.key, &alias[i]);
		if (direction && direction->state == DIRECTION_ASKING)
			return direction;
	}
	return NULL;
}

static void start_telling(struct incoming *in, struct ask *ask)
{
	struct direction *direction = direction_new(in->foreign->dc, ask);
	struct ntm_msg_direction_error error = {.code = 0};
	struct side *mn;

	if (!direction)
		return;
	mn = &direction->mn;
	direction->state = DIRECTION_TELLING;
	direction->wanted = in->wanted;
	direction->vip = in->cn->who.vip4.family != 0 ? in->cn->who.vip4 : in->cn->who.vip6;
	direction_set_node(&direction->cn, in->cn);
	direction_set_certified(mn, &in->cert);
	memcpy(mn->domain, in->foreign->pin.domain, sizeof(mn->domain));
	mn->card.cert = in->req->information_request.cert;
	mn->card.place = in->place;
	mn->asked = ask->asked;
	direction->offer_cn = in->req->information_request.relays;
	ask->has_offers = true;
	if (direction_put_pair(direction) != 0 || direction_put_aliases(direction) != 0) {
		direction_words(&error, NTM_DIR_BUSY, "the DC is out of memory");
		direction_fail(direction, &error);
		return;
	}
	direction_decide(direction);
}

/* Ends a direction that another one takes the place of. Returns who waited for it. */
static struct ask *dissolve(struct direction *direction)
{
	struct ask *asks = direction->waiting;

	direction->waiting = NULL;
	direction_stop_request(direction);
	direction_forget(direction);
	return asks;
}

static struct direction *of_both(const struct incoming *in)
{
	return direction_of_pair(&in->foreign->dc->directions, in->cert.key, in->cn->who.key,
				 in->foreign->pin.domain);
}

/* Not when MN has moved since, or has lost its tunnel. */
static bool is_usable(const struct incoming *in, struct direction *direction)
{
	const struct side *mn = direction_side(direction, in->cert.key);

	return route_same_card(&mn->card.place, &in->place) &&
	       direction_may_share(direction, in->cert.key, direction_asked(&in->wanted));
}

/* Those who waited for what was dissolved get what there is now, or hear why ask got none. */
static void rejoin(struct incoming *in, struct ask *asks, const struct ask *ask)
{
	struct ntm_msg_direction_error error;
	struct ask *next;

	for (; asks; asks = next) {
		struct direction *direction = of_both(in);

		next = asks->next;
		if (direction) {
			direction_join(direction, asks);
			continue;
		}
		error = ask->error;
		error.vip = (struct ntm_ip){.family = 0}; /* of ask's peer, not of theirs */
		ask_refuse(asks, &error);
	}
}

static void meet(struct incoming *in, struct ask *ask)
{
	const struct dc *dc = in->foreign->dc;
	struct direction *crossing = find_crossing(in);
	struct direction *direction;
	struct ask *crossed = NULL, *former = NULL;

	if (crossing &&
	    memcmp(dc->pub, ntm_link_remote_static(in->foreign->link), NTM_KEY_LEN) < 0) {
		direction_join(crossing, ask);
		return;
	}
	if (crossing)
		crossed = dissolve(crossing);
	direction = of_both(in);
	if (direction && !is_usable(in, direction)) {
		former = dissolve(direction);
		direction = NULL;
	}
	if (direction)
		direction_join(direction, ask);
	else
		start_telling(in, ask);
	rejoin(in, crossed, ask);
	rejoin(in, former, ask);
}

static void work(struct incoming *in)
{
	const struct ntm_msg_information_request *req = &in->req->information_request;
	struct ntm_msg_direction_error error = {.code = 0};
	struct ask *ask;

	in->wanted =
		(struct wanted){.vip = req->vip_cn, .reason = req->reason, .is_sip = req->is_sip};
	memcpy(in->wanted.fqdn, req->fqdn_cn, sizeof(in->wanted.fqdn));
	if (!check_mn(in, &error) || !check_cn(in, &error)) {
		ask_reject_foreign(in->foreign, in->req, &error);
		return;
	}
	ask = ask_of_foreign(in->foreign, in->req, in->cert.key);
	if (ask) {
		ask->asked = direction_asked(&in->wanted);
		meet(in, ask);
		return;
	}
	direction_words(&error, NTM_DIR_BUSY,
			"the DC has too many directions at once: try again in a moment");
	ask_reject_foreign(in->foreign, in->req, &error);
}

void direction_on_information(struct foreign *foreign, const struct ntm_msg *req)
{
	struct dc *dc = foreign->dc;
	struct directions *all = &dc->directions;
	struct incoming in = {.foreign = foreign, .req = req};
	struct ntm_msg_direction_error error = {.code = 0};
	const struct ask *ask = ask_find(dc, ntm_link_remote_static(foreign->link), req->txn);

	if (ask) {
		all->counters.resent++;
		ask_again(ask);
		return;
	}
	all->counters.foreign_in++;
	foreign->counters.requests++;
	if (ntm_bucket_take(&foreign->bucket, dc_now_ms(dc))) {
		work(&in);
		return;
	}
	foreign->counters.limited++;
	direction_words(&error, NTM_DIR_BUSY, "%s asks for more than %d directions a second",
			foreign->pin.domain, FOREIGN_RATE_PER_S);
	ask_reject_foreign(foreign, req, &error);
}
