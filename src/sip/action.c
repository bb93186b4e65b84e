/* SPDX-License-Identifier: BSD-2-Clause */
/* sip.md 2 as a table: what is done with a message that passes the node. */
#include "ntm/sip.h"

enum way { TO_APP, FROM_APP };

#define BIT(method) (1u << (method))
#define ANSWERS     (BIT(NTM_SIP_INVITE) | BIT(NTM_SIP_UPDATE) | BIT(NTM_SIP_PRACK))
#define OFFERS      (BIT(NTM_SIP_ACK) | BIT(NTM_SIP_UPDATE) | BIT(NTM_SIP_PRACK))

enum need { ANY, NO, YES };

struct rule {
	enum way way;
	int status_min, status_max; /* 0, 0: a request */
	unsigned methods;
	enum need sdp;
	enum need dialog; /* a To tag */
	enum ntm_sip_prewarm prewarm_min;
	enum ntm_sip_action action;
};

/* The first row that fits decides; without one the message passes. A 100 has no SDP (RFC 3261
 * 8.2.6.1). A 1xx from the app starts the way for early media, and the caller's node holds it. */
static const struct rule rules[] = {
	{TO_APP, 200, 299, ANSWERS, YES, ANY, NTM_SIP_PREWARM_OFF, NTM_SIP_HOLD},
	{TO_APP, 101, 199, BIT(NTM_SIP_INVITE), YES, ANY, NTM_SIP_PREWARM_OFF, NTM_SIP_HOLD_SOFT},
	{TO_APP, 0, 0, BIT(NTM_SIP_INVITE), YES, YES, NTM_SIP_PREWARM_OFF, NTM_SIP_DIRECT},
	{TO_APP, 0, 0, BIT(NTM_SIP_INVITE), YES, NO, NTM_SIP_PREWARM_INVITE, NTM_SIP_DIRECT},
	{TO_APP, 0, 0, OFFERS, YES, ANY, NTM_SIP_PREWARM_OFF, NTM_SIP_HOLD},
	{FROM_APP, 200, 299, ANSWERS, YES, ANY, NTM_SIP_PREWARM_OFF, NTM_SIP_HOLD},
	{FROM_APP, 101, 199, BIT(NTM_SIP_INVITE), YES, ANY, NTM_SIP_PREWARM_OFF, NTM_SIP_DIRECT},
	{FROM_APP, 180, 180, BIT(NTM_SIP_INVITE), ANY, ANY, NTM_SIP_PREWARM_RINGING,
	 NTM_SIP_DIRECT},
};

static bool fits(enum need need, bool has)
{
	return need == ANY || (need == YES) == has;
}

static bool rule_fits(const struct rule *rule, const struct ntm_sip *sip,
		      enum ntm_sip_prewarm prewarm)
{
	return sip->status >= rule->status_min && sip->status <= rule->status_max &&
	       (rule->methods & BIT(sip->method)) && fits(rule->sdp, sip->has_sdp) &&
	       fits(rule->dialog, sip->to_tag[0] != '\0') && prewarm >= rule->prewarm_min;
}

static enum ntm_sip_action action_of(enum way way, const struct ntm_sip *sip,
				     enum ntm_sip_prewarm prewarm)
{
	if (sip->kind == NTM_SIP_OPAQUE)
		return NTM_SIP_PASS;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].way == way && rule_fits(&rules[i], sip, prewarm))
			return rules[i].action;
	return NTM_SIP_PASS;
}

enum ntm_sip_action ntm_sip_action_towards_app(const struct ntm_sip *sip,
					       enum ntm_sip_prewarm prewarm)
{
	/* The addresses that count are in this message (sip.md 3: none, no hold). */
	return sip->media_count > 0 ? action_of(TO_APP, sip, prewarm) : NTM_SIP_PASS;
}

enum ntm_sip_action ntm_sip_action_from_app(const struct ntm_sip *sip, enum ntm_sip_prewarm prewarm)
{
	return action_of(FROM_APP, sip, prewarm);
}
