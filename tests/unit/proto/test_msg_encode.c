/* SPDX-License-Identifier: BSD-2-Clause */
/* Control messages: what is not sent, which reply fits which request, and names of numbers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/msg_help.h"

static void change_type(struct ntm_msg *msg)
{
	msg->type = NTM_MSG_MOVED;
}
static void change_type_high(struct ntm_msg *msg)
{
	msg->type = 255;
}
static void change_reason(struct ntm_msg *msg)
{
	msg->direction_request.reason = 0;
}
static void change_mn(struct ntm_msg *msg)
{
	msg->direction_request.fqdn_mn[0] = 'M';
}
static void change_mn_none(struct ntm_msg *msg)
{
	msg->direction_request.fqdn_mn[0] = '\0';
}
static void change_mn_endless(struct ntm_msg *msg)
{
	memset(msg->direction_request.fqdn_mn, 'a', sizeof(msg->direction_request.fqdn_mn));
}
static void change_cn_none(struct ntm_msg *msg)
{
	msg->direction_request.fqdn_cn[0] = '\0';
}
static void change_cn_both(struct ntm_msg *msg)
{
	msg->direction_request.vip_cn = ntm_ip_v4(198, 18, 20, 9);
}
static void change_sip(struct ntm_msg *msg)
{
	msg->direction_request.is_sip = true;
}
static void change_own_count(struct ntm_msg *msg)
{
	msg->reg.own.count = NTM_MSG_ADDRS + 1;
}
static void change_own_port(struct ntm_msg *msg)
{
	msg->reg.own.item[1].port = 0;
}
static void change_own_none(struct ntm_msg *msg)
{
	msg->reg.own.item[1].ip = (struct ntm_ip){0};
}
static void change_prefixes(struct ntm_msg *msg)
{
	msg->registered.prefixes.count = 255;
}
static void change_suffixes(struct ntm_msg *msg)
{
	msg->registered.suffixes.count = NTM_MSG_NAMES + 1;
}
static void change_vip(struct ntm_msg *msg)
{
	msg->registered.vip4 = msg->registered.vip6;
}
static void change_cert(struct ntm_msg *msg)
{
	msg->registered.cert.len = NTM_CERT_MAX + 1;
}
static void change_reflexive(struct ntm_msg *msg)
{
	msg->registered.reflexive = (struct ntm_addr){0};
}
static void change_words(struct ntm_msg *msg)
{
	msg->direction_error.words[3] = '\n';
}
static void change_words_endless(struct ntm_msg *msg)
{
	memset(msg->direction_error.words, 'a', sizeof(msg->direction_error.words));
}
static void change_dns(struct ntm_msg *msg)
{
	msg->resolve.len = NTM_MSG_DNS_MAX + 1;
}
static void change_dns_short(struct ntm_msg *msg)
{
	msg->resolve.len = 11;
}
static void change_peer_cert(struct ntm_msg *msg)
{
	msg->route_direction.peer_cert.len = 0;
}
static void change_relays(struct ntm_msg *msg)
{
	msg->route_direction.relays.count = NTM_MSG_RELAYS + 1;
}
static void change_relay_families(struct ntm_msg *msg)
{
	msg->route_direction.relays.item[0].addr[1] = sample_addr("203.0.113.9:61234");
}
static void change_relay_none(struct ntm_msg *msg)
{
	msg->route_direction.relays.item[0].addr[0] = (struct ntm_addr){0};
}
static void change_relay_port(struct ntm_msg *msg)
{
	msg->route_direction.relays.item[1].addr[1].port = 0;
}
static void change_relay_inside(struct ntm_msg *msg)
{
	msg->route_direction.candidates.item[0] = ntm_addr_relay(7);
}
static void change_kept(struct ntm_msg *msg)
{
	msg->information_response.relays_kept = NTM_MSG_RELAYS + 1;
}
static void change_keys(struct ntm_msg *msg)
{
	msg->relay_direction.keys.count = NTM_MSG_TICKET_KEYS + 1;
}
static void change_report(struct ntm_msg *msg)
{
	msg->relay_direction.report_s = 0;
}
static void change_restarted(struct ntm_msg *msg)
{
	msg->relay_restarted.addrs.count = 0;
}

/* What a peer would refuse is not sent in the first place. */
static void not_encoded(void **unused)
{
	static const struct {
		const char *golden;
		void (*change)(struct ntm_msg *msg);
	} table[] = {
		{golden_ping, change_type},
		{golden_ping, change_type_high},
		{golden_by_name, change_reason},
		{golden_by_name, change_mn},
		{golden_by_name, change_mn_none},
		{golden_by_name, change_mn_endless},
		{golden_by_name, change_cn_none},
		{golden_by_name, change_cn_both},
		{golden_by_name, change_sip},
		{golden_reg, change_own_count},
		{golden_reg, change_own_port},
		{golden_reg, change_own_none},
		{golden_registered, change_prefixes},
		{golden_registered, change_suffixes},
		{golden_registered, change_vip},
		{golden_registered, change_cert},
		{golden_registered, change_reflexive},
		{golden_direction_error, change_words},
		{golden_direction_error, change_words_endless},
		{golden_resolve, change_dns},
		{golden_resolve, change_dns_short},
		{golden_route_direction, change_peer_cert},
		{golden_route_direction, change_relays},
		{golden_route_direction, change_relay_families},
		{golden_route_direction, change_relay_none},
		{golden_route_direction, change_relay_port},
		{golden_route_direction, change_relay_inside},
		{golden_information, change_kept},
		{golden_relay_direction, change_keys},
		{golden_relay_direction, change_report},
		{golden_relay_restarted, change_restarted},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ntm_msg msg = sample_msg(sample_find(table[i].golden));
		uint8_t out[NTM_MSG_MAX];

		assert_true(ntm_msg_encode(&msg, out, sizeof(out)) > 0);
		table[i].change(&msg);
		assert_int_equal(ntm_msg_encode(&msg, out, sizeof(out)), 0);
	}
}

/* Which reply fits which request, for all numbers. */
static void answers(void **unused)
{
	static const uint8_t pairs[][2] = {
		{NTM_MSG_REGISTER, NTM_MSG_REGISTERED},
		{NTM_MSG_DIRECTION_REQUEST, NTM_MSG_ROUTE_DIRECTION},
		{NTM_MSG_DIRECTION_REQUEST, NTM_MSG_DIRECTION_ERROR},
		{NTM_MSG_INFORMATION_REQUEST, NTM_MSG_INFORMATION_RESPONSE},
		{NTM_MSG_INFORMATION_REQUEST, NTM_MSG_DIRECTION_ERROR},
		{NTM_MSG_ROUTE_DIRECTION, NTM_MSG_ROUTE_ACK},
		{NTM_MSG_PARTNERS, NTM_MSG_PARTNERS},
		{NTM_MSG_REVOKED, NTM_MSG_REVOKED},
		{NTM_MSG_PING, NTM_MSG_PONG},
		{NTM_MSG_RESOLVE, NTM_MSG_RESOLVED},
		{NTM_MSG_RELAY_REGISTER, NTM_MSG_RELAY_DIRECTION},
		{NTM_MSG_RELAY_DIRECTION, NTM_MSG_RELAY_ACK},
	};
	const size_t pair_count = sizeof(pairs) / sizeof(pairs[0]);
	size_t found = 0;

	(void)unused;
	for (unsigned reply = 0; reply < 256; reply++)
		for (unsigned req = 0; req < 256; req++)
			found += ntm_msg_answers((uint8_t)reply, (uint8_t)req);
	assert_int_equal(found, pair_count);
	for (size_t i = 0; i < pair_count; i++) {
		bool is_choice = pairs[i][0] == NTM_MSG_DIRECTION_REQUEST ||
				 pairs[i][0] == NTM_MSG_INFORMATION_REQUEST;

		assert_true(ntm_msg_answers(pairs[i][1], pairs[i][0]));
		assert_int_equal(ntm_msg_reply_type(pairs[i][0]), is_choice ? 0 : pairs[i][1]);
	}
	assert_int_equal(ntm_msg_reply_type(NTM_MSG_PONG), 0);
	assert_int_equal(ntm_msg_reply_type(NTM_MSG_MOVED), 0);
	assert_int_equal(ntm_msg_reply_type(255), 0);
	assert_int_equal(ntm_msg_reply_type(NTM_MSG_RELAY_RESTARTED), 0); /* is only told */
}

static void names(void **unused)
{
	(void)unused;
	assert_string_equal(ntm_msg_name(NTM_MSG_REGISTER), "REGISTER");
	assert_string_equal(ntm_msg_name(NTM_MSG_DIRECTION_REQUEST), "DIRECTION_REQUEST");
	assert_string_equal(ntm_msg_name(NTM_MSG_PATH_CHALLENGE), "PATH_CHALLENGE");
	assert_string_equal(ntm_msg_name(NTM_MSG_MOVED_ACK), "MOVED_ACK");
	assert_string_equal(ntm_msg_name(0), "?");
	assert_string_equal(ntm_msg_name(NTM_MSG_RELAY_RESTARTED + 1), "?");
	assert_string_equal(ntm_msg_name(255), "?");
	for (uint8_t type = NTM_MSG_REGISTER; type <= NTM_MSG_RELAY_RESTARTED; type++)
		assert_string_not_equal(ntm_msg_name(type), "?");
	assert_string_equal(ntm_direction_code_name(NTM_DIR_OFFLINE), "offline");
	assert_string_equal(ntm_direction_code_name(0), "?");
	assert_string_equal(ntm_direction_code_name(NTM_DIR_BUSY), "busy");
	assert_string_equal(ntm_direction_code_name(NTM_DIR_LAST + 1), "?");
	assert_string_equal(ntm_reason_name(NTM_REASON_SIP), "sip");
	assert_string_equal(ntm_reason_name(0), "?");
	assert_string_equal(ntm_reason_name(NTM_REASON_MOVE), "move");
	assert_string_equal(ntm_reason_name(NTM_REASON_MOVE + 1), "?");
	assert_string_equal(ntm_reason_name(255), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_encoded),
		cmocka_unit_test(answers),
		cmocka_unit_test(names),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
