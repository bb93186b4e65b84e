/* SPDX-License-Identifier: BSD-2-Clause */
/* sip.md 2, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ntm/sip.h"

enum { NO_SDP, HAS_SDP, NO_MEDIA }; /* NO_MEDIA: an SDP on hold, or with names only */

static struct ntm_sip message(int status, enum ntm_sip_method method, int sdp, const char *to_tag)
{
	struct ntm_sip sip = {
		.kind = status ? NTM_SIP_RESPONSE : NTM_SIP_REQUEST,
		.status = status,
		.method = method,
		.has_sdp = sdp != NO_SDP,
		.media_count = sdp == HAS_SDP,
	};

	strcpy(sip.to_tag, to_tag);
	return sip;
}

static const struct {
	int status;
	enum ntm_sip_method method;
	int sdp;
	const char *to_tag;
	enum ntm_sip_prewarm prewarm;
	enum ntm_sip_action towards, from;
} rows[] = {
#define OFF     NTM_SIP_PREWARM_OFF
#define RINGING NTM_SIP_PREWARM_RINGING
#define EARLY   NTM_SIP_PREWARM_INVITE
#define PASS    NTM_SIP_PASS
#define DIRECT  NTM_SIP_DIRECT
#define HOLD    NTM_SIP_HOLD
#define SOFT    NTM_SIP_HOLD_SOFT
	/* answers */
	{200, NTM_SIP_INVITE, HAS_SDP, "t", OFF, HOLD, HOLD},
	{202, NTM_SIP_INVITE, HAS_SDP, "t", OFF, HOLD, HOLD},
	{299, NTM_SIP_INVITE, HAS_SDP, "t", OFF, HOLD, HOLD},
	{200, NTM_SIP_UPDATE, HAS_SDP, "t", OFF, HOLD, HOLD},
	{200, NTM_SIP_PRACK, HAS_SDP, "t", OFF, HOLD, HOLD},
	{200, NTM_SIP_INVITE, NO_SDP, "t", OFF, PASS, PASS},
	/* from the app the addresses that count are remembered ones */
	{200, NTM_SIP_INVITE, NO_MEDIA, "t", OFF, PASS, HOLD},
	{300, NTM_SIP_INVITE, HAS_SDP, "t", OFF, PASS, PASS},
	{488, NTM_SIP_INVITE, HAS_SDP, "t", OFF, PASS, PASS},
	/* no call */
	{200, NTM_SIP_REGISTER, HAS_SDP, "t", OFF, PASS, PASS},
	{200, NTM_SIP_OTHER, HAS_SDP, "t", OFF, PASS, PASS},
	{200, NTM_SIP_BYE, HAS_SDP, "t", OFF, PASS, PASS},
	{200, NTM_SIP_CANCEL, HAS_SDP, "t", OFF, PASS, PASS},
	{0, NTM_SIP_REGISTER, HAS_SDP, "", OFF, PASS, PASS},
	{0, NTM_SIP_OTHER, HAS_SDP, "", OFF, PASS, PASS},
	{0, NTM_SIP_BYE, HAS_SDP, "t", OFF, PASS, PASS},
	{0, NTM_SIP_CANCEL, HAS_SDP, "", OFF, PASS, PASS},
	/* early media; never a 1xx without SDP */
	{183, NTM_SIP_INVITE, HAS_SDP, "t", OFF, SOFT, DIRECT},
	{180, NTM_SIP_INVITE, HAS_SDP, "t", OFF, SOFT, DIRECT},
	{180, NTM_SIP_INVITE, NO_SDP, "t", OFF, PASS, PASS},
	{183, NTM_SIP_INVITE, NO_SDP, "t", RINGING, PASS, PASS},
	{180, NTM_SIP_INVITE, NO_SDP, "t", RINGING, PASS, DIRECT},
	{180, NTM_SIP_INVITE, NO_SDP, "t", EARLY, PASS, DIRECT},
	{100, NTM_SIP_INVITE, HAS_SDP, "", EARLY, PASS, PASS},
	{183, NTM_SIP_UPDATE, HAS_SDP, "t", OFF, PASS, PASS},
	/* the first INVITE and a re-INVITE */
	{0, NTM_SIP_INVITE, HAS_SDP, "", OFF, PASS, PASS},
	{0, NTM_SIP_INVITE, HAS_SDP, "", RINGING, PASS, PASS},
	{0, NTM_SIP_INVITE, HAS_SDP, "", EARLY, DIRECT, PASS},
	{0, NTM_SIP_INVITE, NO_SDP, "", EARLY, PASS, PASS},
	{0, NTM_SIP_INVITE, HAS_SDP, "t", OFF, DIRECT, PASS},
	{0, NTM_SIP_INVITE, NO_MEDIA, "t", OFF, PASS, PASS},
	/* offers and answers in other requests */
	{0, NTM_SIP_ACK, HAS_SDP, "t", OFF, HOLD, PASS},
	{0, NTM_SIP_ACK, NO_SDP, "t", OFF, PASS, PASS},
	{0, NTM_SIP_PRACK, HAS_SDP, "t", OFF, HOLD, PASS},
	{0, NTM_SIP_UPDATE, HAS_SDP, "t", OFF, HOLD, PASS},
	{0, NTM_SIP_UPDATE, NO_MEDIA, "t", OFF, PASS, PASS},
};

static void actions(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_sip sip =
			message(rows[i].status, rows[i].method, rows[i].sdp, rows[i].to_tag);
		int towards = (int)ntm_sip_action_towards_app(&sip, rows[i].prewarm);
		int from = (int)ntm_sip_action_from_app(&sip, rows[i].prewarm);

		if (towards != (int)rows[i].towards || from != (int)rows[i].from)
			fail_msg("row %zu: towards %d, from %d", i, towards, from);
	}
}

static void opaque_passes(void **unused)
{
	struct ntm_sip sip = message(200, NTM_SIP_INVITE, HAS_SDP, "t");

	(void)unused;
	sip.kind = NTM_SIP_OPAQUE;
	assert_int_equal(ntm_sip_action_towards_app(&sip, NTM_SIP_PREWARM_INVITE), NTM_SIP_PASS);
	assert_int_equal(ntm_sip_action_from_app(&sip, NTM_SIP_PREWARM_INVITE), NTM_SIP_PASS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions),
		cmocka_unit_test(opaque_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
