/* SPDX-License-Identifier: BSD-2-Clause */
/* As DC_MN: the DC of another domain is asked for CN, and tells it (R55, R56, R88-R90, R107). */
#include "direction_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static void fill_request(const struct registry_node *mn, const struct direction *direction,
			 struct ntm_msg_information_request *req)
{
	const struct wanted *wanted = &direction->wanted;

	memcpy(req->fqdn_cn, wanted->fqdn, sizeof(req->fqdn_cn));
	req->vip_cn = wanted->vip;
	req->is_sip = wanted->is_sip;
	req->reason = wanted->reason;
	req->correlation = direction->correlation;
	req->cert = mn->cert.blob;
	req->reflexive = mn->card.reflexive;
	req->own = mn->card.own;
	req->behind_nat = mn->card.behind_nat;
	req->relays = direction->offer_cn;
}

static void fail_foreign(struct direction *direction)
{
	const struct foreign *foreign = foreign_by_domain(direction->dc, direction->cn.domain);
	struct ntm_msg_direction_error error = {.code = 0};

	if (foreign && foreign->code != 0)
		direction_words(&error, foreign->code, "%s", foreign->words);
	else
		direction_words(&error, NTM_DIR_NO_DC, "the session with the DC of %s has ended",
				direction->cn.domain);
	direction_fail(direction, &error);
}

static void fail_untrusted(struct direction *direction, const char *words)
{
	struct ntm_msg_direction_error error = {.code = 0};

	direction_words(&error, NTM_DIR_UNTRUSTED, "the DC of %.60s: %s", direction->cn.domain,
			words);
	direction_fail(direction, &error);
}

/* Its words are passed on, its address only if it may speak for it. */
static void pass_error(struct direction *direction, const struct ntm_msg_direction_error *told)
{
	const struct foreign *foreign = foreign_by_domain(direction->dc, direction->cn.domain);
	struct ntm_msg_direction_error error = *told;

	if (!foreign || foreign_by_vip(direction->dc, &told->vip) != foreign)
		error.vip = (struct ntm_ip){.family = 0};
	direction_fail(direction, &error);
}

static bool is_wanted(const struct wanted *wanted, const struct ntm_cert *cert)
{
	if (wanted->fqdn[0] != '\0')
		return strcmp(wanted->fqdn, cert->fqdn) == 0;
	return ntm_ip_eq(&wanted->vip, &cert->vip4) || ntm_ip_eq(&wanted->vip, &cert->vip6);
}

static void take_information(struct direction *direction,
			     const struct ntm_msg_information_response *info)
{
	struct dc *dc = direction->dc;
	const struct foreign *foreign = foreign_by_domain(dc, direction->cn.domain);
	struct ntm_msg_direction_error error = {.code = 0};
	struct side *mn = &direction->mn, *cn = &direction->cn;
	struct ntm_cert cert;
	char words[TRUST_WORDS];

	if (!foreign || trust_check_node(&foreign->pin, info->cert.data, info->cert.len,
					 dc_now_s(dc), &cert, words) != 0) {
		fail_untrusted(direction, foreign ? words : "it is not trusted any more");
		return;
	}
	if (!is_wanted(&direction->wanted, &cert) || foreign_by_name(dc, cert.fqdn) != foreign ||
	    registry_by_key(&dc->registry, cert.key) != NULL ||
	    !direction_set_place(dc, &cn->card.place, &info->reflexive, &info->own,
				 info->behind_nat)) {
		fail_untrusted(direction, "its answer is about another node, or about no place");
		return;
	}
	if (revoke_is_void(foreign, cert.key)) {
		direction_words(&error, NTM_DIR_FORBIDDEN, "%s was revoked by the DC of %s",
				cert.fqdn, foreign->pin.domain);
		direction_fail(direction, &error);
		return;
	}
	direction_set_certified(cn, &cert);
	cn->card.cert = info->cert;
	direction_set_pair(direction, info->pair, info->psk);
	if (!direction_take_relays(direction, info)) {
		fail_untrusted(direction, "its answer is about relays that it was not offered");
		return;
	}
	if (!direction_fill_routes(direction, &error) || direction_put_pair(direction) != 0 ||
	    direction_put_aliases(direction) != 0) {
		if (error.code == 0)
			direction_words(&error, NTM_DIR_BUSY, "the DC is out of memory");
		direction_fail(direction, &error);
		return;
	}
	/* CN was told so already. */
	mn->route.role = info->role;
	cn->route.role = info->role == NTM_ROLE_REQUESTS ? NTM_ROLE_ANSWERS : NTM_ROLE_REQUESTS;
	if (info->lifetime_s < mn->route.lifetime_s)
		mn->route.lifetime_s = info->lifetime_s;
	direction_succeed(direction);
}

static void on_information(void *arg, int err, const struct ntm_msg *reply)
{
	struct direction *direction = arg;
	struct foreign *foreign = foreign_by_domain(direction->dc, direction->cn.domain);

	direction->txn = 0;
	if (err) {
		fail_foreign(direction);
		return;
	}
	if (foreign)
		foreign->counters.answered++;
	if (reply->type == NTM_MSG_DIRECTION_ERROR)
		pass_error(direction, &reply->direction_error);
	else
		take_information(direction, &reply->information_response);
}

static void send_request(struct direction *direction, struct registry_node *mn,
			 struct foreign *foreign)
{
	struct ntm_msg msg = {.type = NTM_MSG_INFORMATION_REQUEST};
	struct finder_target target = {.vip = direction->wanted.vip};
	struct ntm_msg_direction_error error = {.code = 0};
	int err;

	if (direction->wanted.fqdn[0] != '\0')
		target.fqdn = direction->wanted.fqdn;
	direction->mn.place = mn->place;
	ntm_timer_set(direction->dc->timers, &direction->timer, DIRECTION_FOREIGN_WAIT_MS);
	direction_offer_relays(direction, mn);
	fill_request(mn, direction, &msg.information_request);
	err = foreign_request(foreign, &target, &msg, on_information, direction, &direction->txn);
	ntm_wipe(&msg, sizeof(msg)); /* bind keys */
	if (err == -EHOSTUNREACH) {
		fail_foreign(direction);
	} else if (err) {
		direction_words(&error, NTM_DIR_BUSY,
				"too many directions to %s at once: try again in a moment",
				foreign->pin.domain);
		direction_fail(direction, &error);
	}
}

/* For logs and words, until its certificate tells its name. */
static void set_label(struct side *side, const struct wanted *wanted)
{
	if (wanted->fqdn[0] != '\0')
		memcpy(side->fqdn, wanted->fqdn, sizeof(side->fqdn));
	else
		ntm_ip_str(&wanted->vip, side->fqdn);
}

static void start_asking(struct registry_node *mn, struct foreign *foreign, struct ask *ask,
			 const struct wanted *wanted)
{
	struct dc *dc = mn->dc;
	struct direction *direction = direction_new(dc, ask);
	struct ntm_msg_direction_error error = {.code = 0};

	if (!direction)
		return;
	direction->state = DIRECTION_ASKING;
	direction->wanted = *wanted;
	direction->vip = wanted->vip;
	direction_set_node(&direction->mn, mn);
	direction->mn.asked = ask->asked;
	memcpy(direction->cn.domain, foreign->pin.domain, sizeof(direction->cn.domain));
	set_label(&direction->cn, wanted);
	if (direction_put_alias(direction, mn->who.key, wanted) != 0) {
		direction_words(&error, NTM_DIR_BUSY, "the DC is out of memory");
		direction_fail(direction, &error);
		return;
	}
	dc->directions.counters.foreign_out++;
	ntm_debug("dir=%016" PRIx64 " asks the DC of %s for cn=%s mn=%s reason=%s",
		  direction->correlation, foreign->pin.domain, direction->cn.fqdn, mn->who.fqdn,
		  ntm_reason_name(wanted->reason));
	send_request(direction, mn, foreign);
}

void direction_ask_foreign(struct registry_node *mn, struct foreign *foreign, struct ask *ask,
			   const struct wanted *wanted)
{
	struct direction *direction = direction_of_alias(&mn->dc->directions, mn->who.key, wanted);
	bool has_moved;

	if (direction && !direction_may_share(direction, mn->who.key, ask->asked)) {
		direction_forget(direction);
		direction = NULL;
	}
	if (!direction) {
		start_asking(mn, foreign, ask, wanted);
		return;
	}
	/* CN would look for MN where it was before. */
	has_moved = direction->state == DIRECTION_ASKING && direction->mn.place != mn->place;
	direction_join(direction, ask);
	if (has_moved) {
		direction_stop_request(direction);
		send_request(direction, mn, foreign);
	}
}
