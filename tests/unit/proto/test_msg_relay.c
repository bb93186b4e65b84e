/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of relays and of ticket keys in control messages. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/msg_help.h"

#define PLACE4 "04 01020304 0001"
#define PLACE6 "06 20010db8000000000000000000000020 0001"
#define NOT4   "04 00000000 0000"
#define NOT6   "06 00000000000000000000000000000000 0000"
#define NONE   "00 0000"

/* Where a relay is: one address of each family in its place, at least one of the two. */
static void places_of_relays(void **unused)
{
	static const struct {
		const char *v4, *v6;
		int expected;
	} table[] = {
		{PLACE4, PLACE6, 0},
		{PLACE4, NONE, 0},
		{NONE, PLACE6, 0},
		{NONE, NONE, -EBADMSG},
		{PLACE6, PLACE4, -EBADMSG}, /* each in the other's place */
		{PLACE6, NONE, -EBADMSG},
		{NONE, PLACE4, -EBADMSG},
		{PLACE4, PLACE4, -EBADMSG},
		{PLACE6, PLACE6, -EBADMSG},
		{PLACE4, NOT6, -EBADMSG}, /* port 0 */
		{NOT4, PLACE6, -EBADMSG},
		{"04 01020304 0000", NONE, -EBADMSG},
		{NONE, "06 20010db8000000000000000000000020 0000", -EBADMSG},
		{NOT4, NOT6, -EBADMSG},
		{"00 0001", PLACE6, -EBADMSG}, /* no address, and a port */
		{PLACE4, "00 0001", -EBADMSG},
		{PLACE4, "01 01020304 0001", -EBADMSG}, /* the family that stays inside a process */
		{"01 0000", PLACE6, -EBADMSG},
		{PLACE4, "06 00000000000000000000ffff01020304 0001", -EBADMSG},
	};
	static const char *const golden_of[] = {golden_route_direction, golden_info_name,
						golden_information};

	(void)unused;
	for (size_t i = 0; i < 3 * sizeof(table) / sizeof(table[0]); i++) {
		const char *hex = golden_of[i % 3];
		uint8_t data[NTM_MSG_MAX];
		struct ntm_wr wr = {.base = data, .cap = sizeof(data)};
		struct ntm_msg msg;
		size_t at;

		wr.len = remove_tlv(data, bytes_of(hex, data), 0x40);
		at = ntm_wr_tlv_begin(&wr, 0x40);
		wr.len = append(data, wr.len, table[i / 3].v4);
		wr.len = append(data, wr.len, table[i / 3].v6);
		ntm_wr_zeros(&wr, 8 + 32 + NTM_TICKET_LEN);
		ntm_wr_tlv_end(&wr, at);
		if (decode(&msg, data, wr.len) != table[i / 3].expected)
			fail_msg("\"%s\" and \"%s\"", table[i / 3].v4, table[i / 3].v6);
	}
}

/* Lists of things of one length: one and the most are fine; none, one more, and odd bytes not. */
static void lists_of_relays(void **unused)
{
	static const struct {
		const char *golden;
		uint16_t type;
		const char *begin; /* of each item, zeros behind it */
		size_t zeros, most;
	} table[] = {
		{golden_route_direction, 0x40, PLACE4 NONE, 8 + 32 + NTM_TICKET_LEN,
		 NTM_MSG_RELAYS},
		{golden_info_vip, 0x40, PLACE4 NONE, 8 + 32 + NTM_TICKET_LEN, NTM_MSG_RELAYS},
		{golden_information, 0x40, NONE PLACE6, 8 + 32 + NTM_TICKET_LEN, NTM_MSG_RELAYS},
		{golden_relay_reply, 0x42, "30", NTM_KEY_LEN, NTM_MSG_TICKET_KEYS},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (size_t count = 0; count <= table[i].most + 1; count++) {
			uint8_t data[NTM_MSG_MAX];
			struct ntm_wr wr = {.base = data, .cap = sizeof(data)};
			bool good = count > 0 && count <= table[i].most;
			struct ntm_msg msg;
			size_t at;

			wr.len = remove_tlv(data, bytes_of(table[i].golden, data), table[i].type);
			at = ntm_wr_tlv_begin(&wr, table[i].type);
			for (size_t k = 0; k < count; k++) {
				wr.len = append(data, wr.len, table[i].begin);
				ntm_wr_zeros(&wr, table[i].zeros);
			}
			ntm_wr_tlv_end(&wr, at);
			assert_int_equal(decode(&msg, data, wr.len), good ? 0 : -EBADMSG);
			/* A byte less, a byte more. */
			wr.len--;
			ntm_wr_tlv_end(&wr, at);
			assert_int_equal(decode(&msg, data, wr.len), -EBADMSG);
			ntm_wr_zeros(&wr, 2);
			ntm_wr_tlv_end(&wr, at);
			assert_int_equal(decode(&msg, data, wr.len), -EBADMSG);
		}
	}
}

static void fill_addrs(struct ntm_addr_list *list, uint8_t count)
{
	list->count = count;
	for (size_t i = 0; i < count; i++)
		list->item[i] = sample_addr("[2001:db8::9]:65535");
}

static void fill_relays(struct ntm_relay_list *list)
{
	list->count = NTM_MSG_RELAYS;
	for (size_t i = 0; i < NTM_MSG_RELAYS; i++)
		list->item[i] = sample_relays().item[1];
}

static void assert_fits(const struct ntm_msg *msg)
{
	uint8_t out[NTM_MSG_MAX], again[NTM_MSG_MAX];
	size_t len = ntm_msg_encode(msg, out, sizeof(out));
	struct ntm_msg got;

	assert_in_range(len, 800, NTM_MSG_MAX);
	assert_int_equal(decode(&got, out, len), 0);
	assert_int_equal(ntm_msg_encode(&got, again, sizeof(again)), len);
	assert_memory_equal(again, out, len);
}

/* Longest certificate that there is: 157 bytes and the name. NTM_CERT_MAX is the room for one. */
#define CERT_LONGEST (157 + NTM_NAME_MAX)

/* The longest ones with relays fit, and so does a page of partners. */
static void fullest_with_relays(void **unused)
{
	struct ntm_msg route = sample_msg(sample_find(golden_route_direction));
	struct ntm_msg req = sample_msg(sample_find(golden_info_name));
	struct ntm_msg resp = sample_msg(sample_find(golden_information));
	struct ntm_msg page = sample_msg(sample_find(golden_partners_page));

	(void)unused;
	route.route_direction.peer_cert.len = CERT_LONGEST;
	route.route_direction.peer_domain.len = CERT_LONGEST;
	fill_addrs(&route.route_direction.candidates, NTM_MSG_ADDRS);
	fill_relays(&route.route_direction.relays);
	assert_fits(&route);
	memset(req.information_request.fqdn_cn, 'a', NTM_NAME_MAX);
	req.information_request.fqdn_cn[60] = '.';
	req.information_request.cert.len = CERT_LONGEST;
	fill_addrs(&req.information_request.own, NTM_MSG_ADDRS);
	fill_relays(&req.information_request.relays);
	assert_fits(&req);
	resp.information_response.cert.len = CERT_LONGEST;
	fill_addrs(&resp.information_response.own, NTM_MSG_ADDRS);
	fill_relays(&resp.information_response.relays);
	assert_fits(&resp);
	page.partners.certs.count = NTM_MSG_CERTS;
	for (size_t i = 0; i < NTM_MSG_CERTS; i++)
		page.partners.certs.item[i].len = CERT_LONGEST;
	assert_fits(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_of_relays),
		cmocka_unit_test(lists_of_relays),
		cmocka_unit_test(fullest_with_relays),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
