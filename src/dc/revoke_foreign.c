/* SPDX-License-Identifier: BSD-2-Clause */
/* Revocations between domains: ours are told to the other DCs, theirs to our nodes. */
#include "dc_priv.h"

#include <string.h>

/* ---- ours ---- */

/* What another DC has told is not passed on. Without an address nobody would believe it. */
static const struct revocation *next_own(const struct foreign *foreign)
{
	const struct revocation *entry = revoke_next(foreign->dc, foreign->told);

	while (entry && (entry->from || entry->is_exit_off ||
			 (entry->told.vip4.family == 0 && entry->told.vip6.family == 0)))
		entry = revoke_next(foreign->dc, entry->place + 1);
	return entry;
}

static void tell_later(struct foreign *foreign)
{
	ntm_timer_set(foreign->dc->timers, &foreign->again, foreign->again_ms);
}

static void on_told(void *arg, int err, const struct ntm_msg *reply)
{
	struct foreign *foreign = arg;

	(void)reply;
	foreign->telling--;
	if (err) {
		foreign->told = 0;
		tell_later(foreign);
		return;
	}
	foreign->again_ms = REVOKE_AGAIN_MS;
	revoke_tell_foreign(foreign);
}

static void tell(struct foreign *foreign)
{
	const struct revocation *entry;

	while (foreign->telling < REVOKE_TELLING_MAX && (entry = next_own(foreign))) {
		struct ntm_msg msg = {.type = NTM_MSG_REVOKED, .revoked = entry->told};

		if (ntm_ctl_request(foreign->ctl, &msg, on_told, foreign, NULL) != 0)
			return;
		foreign->telling++;
		foreign->told = entry->place + 1;
	}
}

void revoke_tell_foreign(struct foreign *foreign)
{
	const struct finder_target target = {.fqdn = foreign->pin.domain};

	if (!next_own(foreign))
		return;
	if (foreign->state == FOREIGN_UP)
		tell(foreign);
	else if (foreign->counters.sessions > 0)
		foreign_connect(foreign, &target);
	else
		return; /* it has no tunnel with us that we know of */
	if (foreign->telling == 0)
		tell_later(foreign);
}

static void on_again(void *arg)
{
	struct foreign *foreign = arg;

	foreign->again_ms *= 2;
	if (foreign->again_ms > REVOKE_AGAIN_MAX_MS)
		foreign->again_ms = REVOKE_AGAIN_MAX_MS;
	revoke_tell_foreign(foreign);
}

void revoke_foreign_on_up(struct foreign *foreign, bool fresh)
{
	if (fresh)
		foreign->told = 0;
	revoke_tell_foreign(foreign);
}

void revoke_foreign_init(struct foreign *foreign)
{
	foreign->again_ms = REVOKE_AGAIN_MS;
	ntm_timer_init(&foreign->again, on_again, foreign);
	ntm_bucket_init(&foreign->revoked_bucket, REVOKE_RATE_PER_S, REVOKE_BURST,
			dc_now_ms(foreign->dc));
}

void revoke_foreign_stop(struct foreign *foreign)
{
	ntm_timer_del(foreign->dc->timers, &foreign->again);
	revoke_forget(foreign);
}

/* ---- theirs ---- */

static bool is_theirs(const struct foreign *foreign, const struct ntm_ip *vip)
{
	return vip->family == 0 || foreign_by_vip(foreign->dc, vip) == foreign;
}

/* Nodes look at the addresses too: so it can speak of its own nodes only. */
static bool may_say(const struct foreign *foreign, const struct ntm_msg_revoked *told)
{
	return (told->vip4.family != 0 || told->vip6.family != 0) &&
	       is_theirs(foreign, &told->vip4) && is_theirs(foreign, &told->vip6);
}

/* Answered all the same: its DC may be honest, and our pin too narrow, and it would take us for
 * silent. */
static void complain(struct foreign *foreign, const struct ntm_msg_revoked *told)
{
	char vip4[NTM_IP_STR], vip6[NTM_IP_STR];

	foreign->dc->counters.malformed++;
	dc_complain(foreign->dc, &foreign->refusal_gate,
		    "domain=%s revokes what its pin does not cover: vip4=%s vip6=%s",
		    foreign->pin.domain, ntm_ip_str(&told->vip4, vip4),
		    ntm_ip_str(&told->vip6, vip6));
}

static void make_room(struct revocations *list, const struct foreign *from)
{
	size_t count = 0, oldest = 0;

	for (size_t i = list->count; i-- > 0;) {
		if (list->item[i].from == from) {
			count++;
			oldest = i;
		}
	}
	if (count >= REVOKE_FOREIGN_MAX)
		revoke_remove(list, oldest);
}

/* False: not now. */
static bool take(struct foreign *foreign, const struct ntm_msg_revoked *told)
{
	struct dc *dc = foreign->dc;
	/* Its certificates may live longer than ours; it says so again with each new session. */
	struct revocation entry = {.from = foreign,
				   .told = *told,
				   .end_s = dc_now_s(dc) + dc->settings.cert_lifetime_s};
	struct revocation *known = revoke_find(&dc->revocations, foreign, told);

	if (known) {
		known->end_s = entry.end_s;
		return true;
	}
	if (!ntm_bucket_take(&foreign->revoked_bucket, dc_now_ms(dc))) {
		foreign->counters.limited++;
		return false;
	}
	revoke_remove_ended(dc);
	make_room(&dc->revocations, foreign);
	if (revoke_add(&dc->revocations, &entry) != 0)
		return false;
	ntm_debug("domain=%s revokes serial=%llu", foreign->pin.domain,
		  (unsigned long long)told->serial);
	revoke_tell_nodes(dc);
	return true;
}

void revoke_on_foreign(struct foreign *foreign, const struct ntm_msg *req)
{
	struct ntm_msg reply = {.type = NTM_MSG_REVOKED, .revoked = req->revoked};

	if (!may_say(foreign, &req->revoked))
		complain(foreign, &req->revoked);
	else if (!take(foreign, &req->revoked))
		return; /* it is said again */
	(void)ntm_ctl_reply(foreign->ctl, req, &reply);
}

void revoke_forget(struct foreign *foreign)
{
	struct revocations *list = &foreign->dc->revocations;

	for (size_t i = list->count; i-- > 0;)
		if (list->item[i].from == foreign)
			revoke_remove(list, i);
}

bool revoke_is_void(const struct foreign *foreign, const uint8_t key[static NTM_KEY_LEN])
{
	const struct revocations *list = &foreign->dc->revocations;

	for (size_t i = 0; i < list->count; i++)
		if (list->item[i].from == foreign &&
		    memcmp(list->item[i].told.key, key, NTM_KEY_LEN) == 0)
			return true;
	return false;
}
