/* SPDX-License-Identifier: BSD-2-Clause */
/* Control messages: bytes to structs and back, and everything that is no message. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/msg_help.h"

static void golden(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		struct ntm_msg msg = sample_msg(&samples[i]), got;
		uint8_t out[NTM_MSG_MAX];
		size_t len = ntm_msg_encode(&msg, out, sizeof(out));

		assert_hex(out, len, samples[i].hex);
		assert_int_equal(decode(&got, out, len), 0);
		assert_memory_equal(&got, &msg, sizeof(msg));
	}
}

static void every_capacity(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		struct ntm_msg msg = sample_msg(&samples[i]);
		uint8_t out[NTM_MSG_MAX];
		size_t len = ntm_msg_encode(&msg, out, sizeof(out));

		assert_int_equal(ntm_msg_encode(&msg, out, len), len);
		for (size_t cap = 0; cap < len; cap++) {
			uint8_t *exact = test_malloc(cap + 1);

			assert_int_equal(ntm_msg_encode(&msg, exact, cap), 0);
			test_free(exact);
		}
	}
}

/* What a cut message may still be: all required TLVs are whole, and the rest looks like padding. */
static bool is_whole(const struct sample *sample, uint8_t *data, size_t len)
{
	size_t at = NTM_CTL_HEADER;

	if (len < NTM_CTL_HEADER)
		return false;
	while (at + 4 <= len && at + tlv_len(data + at) <= len)
		at += tlv_len(data + at);
	for (size_t i = at; i < len; i++)
		if (data[i] != 0)
			return false;
	for (size_t i = 0; sample->required[i]; i++)
		if (!find_tlv(data, at, sample->required[i]))
			return false;
	return true;
}

static void truncated(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		uint8_t data[NTM_MSG_MAX];
		size_t len = bytes_of(samples[i].hex, data);

		for (size_t cut = 0; cut < len; cut++) {
			struct ntm_msg msg = {.txn = 77};
			int err = decode(&msg, data, cut);

			assert_int_equal(err, is_whole(&samples[i], data, cut) ? 0 : -EBADMSG);
			assert_int_equal(msg.txn, err ? 77 : samples[i].txn);
		}
	}
}

static void assert_list(const struct ntm_addr_list *list)
{
	assert_in_range(list->count, 0, NTM_MSG_ADDRS);
	for (size_t i = 0; i < list->count; i++) {
		assert_true(list->item[i].ip.family == 4 || list->item[i].ip.family == 6);
		assert_int_not_equal(list->item[i].port, 0);
	}
}

static void assert_relays(const struct ntm_relay_list *list)
{
	assert_in_range(list->count, 0, NTM_MSG_RELAYS);
	for (size_t i = 0; i < list->count; i++) {
		const struct ntm_addr *v4 = &list->item[i].addr[0], *v6 = &list->item[i].addr[1];

		assert_true(v4->ip.family == 4 || v6->ip.family == 6);
		assert_int_equal(v4->ip.family == 4, v4->port != 0);
		assert_int_equal(v6->ip.family == 6, v6->port != 0);
	}
}

static void assert_name(const char *name)
{
	char canon[NTM_NAME_MAX + 1];

	assert_int_equal(ntm_name_canon(canon, name), 0);
	assert_string_equal(canon, name);
}

static void assert_in_bounds(const struct ntm_msg *msg)
{
	const struct ntm_msg_direction_request *req = &msg->direction_request;

	switch (msg->type) {
	case NTM_MSG_REGISTER:
		assert_list(&msg->reg.own);
		break;
	case NTM_MSG_REGISTERED:
		assert_in_range(msg->registered.prefixes.count, 0, NTM_MSG_PREFIXES);
		assert_in_range(msg->registered.suffixes.count, 0, NTM_MSG_NAMES);
		for (size_t i = 0; i < msg->registered.suffixes.count; i++)
			assert_name(msg->registered.suffixes.item[i]);
		assert_in_range(msg->registered.cert.len, 0, NTM_CERT_MAX);
		assert_int_not_equal(msg->registered.lifetime_s, 0);
		break;
	case NTM_MSG_DIRECTION_REQUEST:
		assert_name(req->fqdn_mn);
		assert_true((req->fqdn_cn[0] != '\0') != (req->vip_cn.family != 0));
		assert_in_range(req->reason, NTM_REASON_NAME, NTM_REASON_MOVE);
		break;
	case NTM_MSG_ROUTE_DIRECTION:
		assert_list(&msg->route_direction.candidates);
		assert_in_range(msg->route_direction.role, NTM_ROLE_REQUESTS, NTM_ROLE_ANSWERS);
		assert_in_range(msg->route_direction.reason, NTM_REASON_NAME, NTM_REASON_MOVE);
		assert_in_range(msg->route_direction.peer_cert.len, 1, NTM_CERT_MAX);
		assert_relays(&msg->route_direction.relays);
		break;
	case NTM_MSG_INFORMATION_REQUEST:
		assert_relays(&msg->information_request.relays);
		break;
	case NTM_MSG_INFORMATION_RESPONSE:
		assert_in_range(msg->information_response.relays_kept, 0, NTM_MSG_RELAYS);
		assert_relays(&msg->information_response.relays);
		break;
	case NTM_MSG_RELAY_DIRECTION:
		assert_in_range(msg->relay_direction.keys.count, 0, NTM_MSG_TICKET_KEYS);
		assert_int_not_equal(msg->relay_direction.report_s, 0);
		break;
	case NTM_MSG_RELAY_RESTARTED:
		assert_list(&msg->relay_restarted.addrs);
		break;
	case NTM_MSG_DIRECTION_ERROR:
		assert_in_range(msg->direction_error.code, NTM_DIR_NO_SUCH_NAME, NTM_DIR_LAST);
		assert_non_null(memchr(msg->direction_error.words, '\0', NTM_MSG_WORDS + 1));
		break;
	case NTM_MSG_RESOLVE:
	case NTM_MSG_RESOLVED:
		assert_in_range(msg->resolve.len, 12, NTM_MSG_DNS_MAX);
		break;
	default:
		break;
	}
}

/* What is accepted is in range, and is what its own encoding says. */
static void assert_sane(const struct ntm_msg *msg)
{
	uint8_t out[NTM_MSG_MAX];
	struct ntm_msg again;
	size_t len;

	assert_in_bounds(msg);
	len = ntm_msg_encode(msg, out, sizeof(out));
	assert_true(len > 0);
	assert_int_equal(ntm_msg_decode(&again, out, len), 0);
	assert_memory_equal(&again, msg, sizeof(again));
}

static void flipped(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		uint8_t data[NTM_MSG_MAX];
		size_t len = bytes_of(samples[i].hex, data);

		for (size_t bit = 0; bit < len * 8; bit++) {
			struct ntm_msg msg;
			int err;

			data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			err = decode(&msg, data, len);
			if (err == 0)
				assert_sane(&msg);
			else
				assert_true(err == -EBADMSG || err == -ENOTSUP);
			data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void header(void **unused)
{
	static const struct {
		size_t at;
		uint8_t value;
		int expected;
	} table[] = {
		{0, 0, -EBADMSG},
		{0, 2, -EBADMSG},
		{0, 0x45, -EBADMSG},
		{1, 0, -ENOTSUP},
		{1, 24, -ENOTSUP},
		{1, 255, -ENOTSUP},
		{2, 0x02, -EBADMSG},
		{2, 0x80, -EBADMSG},
		{3, 1, -EBADMSG},
		{3, 0x80, -EBADMSG},
		{4, 9, 0},
		{1, NTM_MSG_PATH_CHALLENGE, -ENOTSUP},
		{1, NTM_MSG_PATH_RESPONSE, -ENOTSUP},
		{1, NTM_MSG_CLOSE, -ENOTSUP},
		{1, NTM_MSG_MOVED, -ENOTSUP},
		{1, NTM_MSG_MOVED_ACK, -ENOTSUP},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint8_t data[NTM_MSG_MAX];
		size_t len = bytes_of(golden_ping, data);
		struct ntm_msg msg;

		data[table[i].at] = table[i].value;
		assert_int_equal(decode(&msg, data, len), table[i].expected);
	}
}

/* Each type is a request, a reply, or both, and exists in no other way. */
static void reply_flag(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		bool both = samples[i].type == NTM_MSG_REVOKED ||
			    samples[i].type == NTM_MSG_ROUTE_DIRECTION ||
			    samples[i].type == NTM_MSG_PARTNERS ||
			    samples[i].type == NTM_MSG_RELAY_DIRECTION;
		struct ntm_msg msg = sample_msg(&samples[i]);
		uint8_t data[NTM_MSG_MAX];
		size_t len = bytes_of(samples[i].hex, data);

		data[2] ^= NTM_CTL_REPLY;
		assert_int_equal(decode(&msg, data, len), both ? 0 : -EBADMSG);
		msg = sample_msg(&samples[i]);
		msg.is_reply = !msg.is_reply;
		assert_int_equal(ntm_msg_encode(&msg, data, sizeof(data)), both ? len : 0);
	}
}

static void unknown_tlvs(void **unused)
{
	static const struct {
		const char *hex;
		int expected;
	} table[] = {
		{"7fff0000", 0},
		{"7fff0003 010203", 0},
		{"7fff0001 00 7fff0001 00", 0}, /* twice: who knows whether that is allowed */
		{"00010001 00", 0},             /* of another message, and malformed there */
		{"80000000", -ENOTSUP},
		{"80220008 0102030405060708", -ENOTSUP}, /* the bit is part of the number */
		{"ffff0003 010203", -ENOTSUP},
		{"7fff0003 0102", -EBADMSG},
		{"7fff00ff", -EBADMSG},
		{"7fffffff 01", -EBADMSG},
		{"7fff00", -EBADMSG},
		{"7f", -EBADMSG},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct sample *sample = sample_find(golden_ping);
		struct ntm_msg expected = sample_msg(sample), msg;
		uint8_t data[NTM_MSG_MAX];
		uint8_t front[NTM_MSG_MAX];
		size_t len = append(data, bytes_of(sample->hex, data), table[i].hex);
		size_t extra_len = unhex(front, sizeof(front), table[i].hex);

		assert_int_equal(decode(&msg, data, len), table[i].expected);
		if (table[i].expected == 0)
			assert_memory_equal(&msg, &expected, sizeof(msg));
		/* In front of the known one as well, unless it swallows that. */
		if (table[i].expected == -EBADMSG)
			continue;
		bytes_of(sample->hex, data);
		memmove(data + 8 + extra_len, data + 8, len - 8 - extra_len);
		memcpy(data + 8, front, extra_len);
		assert_int_equal(decode(&msg, data, len), table[i].expected);
	}
}

static void given_twice(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		uint8_t golden_data[NTM_MSG_MAX];
		size_t len = bytes_of(samples[i].hex, golden_data);

		for (size_t at = NTM_CTL_HEADER; at < len; at += tlv_len(golden_data + at)) {
			uint8_t data[2 * NTM_MSG_MAX];
			size_t tlv = tlv_len(golden_data + at);
			struct ntm_msg msg;

			memcpy(data, golden_data, len);
			memcpy(data + len, golden_data + at, tlv);
			assert_int_equal(decode(&msg, data, len + tlv), -EBADMSG);
		}
	}
}

static void missing(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		uint8_t golden_data[NTM_MSG_MAX];
		size_t len = bytes_of(samples[i].hex, golden_data);
		struct ntm_msg msg;

		assert_int_equal(decode(&msg, golden_data, NTM_CTL_HEADER), -EBADMSG);
		for (size_t at = NTM_CTL_HEADER; at < len; at += tlv_len(golden_data + at)) {
			uint16_t type = (uint16_t)(golden_data[at] << 8 | golden_data[at + 1]);
			uint8_t data[NTM_MSG_MAX];
			bool required = false;
			size_t rest;

			for (size_t r = 0; samples[i].required[r]; r++)
				required |= samples[i].required[r] == type;
			memcpy(data, golden_data, len);
			rest = remove_tlv(data, len, type);
			assert_int_equal(decode(&msg, data, rest), required ? -EBADMSG : 0);
		}
	}
}

/* TLVs may come in any order. */
static void reordered(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		struct ntm_msg expected = sample_msg(&samples[i]), msg;
		uint8_t data[NTM_MSG_MAX], turned[NTM_MSG_MAX];
		size_t len = bytes_of(samples[i].hex, data);
		size_t end = len;

		memcpy(turned, data, NTM_CTL_HEADER);
		for (size_t at = NTM_CTL_HEADER; at < len; at += tlv_len(data + at)) {
			end -= tlv_len(data + at);
			memcpy(turned + end, data + at, tlv_len(data + at));
		}
		assert_int_equal(end, NTM_CTL_HEADER);
		assert_int_equal(decode(&msg, turned, len), 0);
		assert_memory_equal(&msg, &expected, sizeof(msg));
	}
}

static void padding(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		struct ntm_msg expected = sample_msg(&samples[i]), msg;
		uint8_t data[NTM_MSG_MAX] = {0};
		size_t len = bytes_of(samples[i].hex, data);

		for (size_t pad = 0; pad < 40; pad++) {
			int err;

			memset(data + len, 0, pad);
			err = decode(&msg, data, len + pad);
			assert_int_equal(err, pad <= NTM_MSG_PADDING_MAX ? 0 : -EBADMSG);
			if (err == 0)
				assert_memory_equal(&msg, &expected, sizeof(msg));
			/* One byte of it is not zero, and no TLV of another kind comes of it. */
			for (size_t at = pad > 3 ? 2 : 0; at < pad && pad <= 15; at++) {
				data[len + at] = 0x80;
				assert_int_equal(decode(&msg, data, len + pad), -EBADMSG);
				data[len + at] = 0;
			}
		}
	}
}

/* Type 0 with anything but zeros behind it is no TLV of length 0. */
static void padding_is_last(void **unused)
{
	static const char *const table[] = {
		"00000000 7fff0000", "0000 0001 00", "00000000 00000001", "00000001 ff", "0000ffff",
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint8_t data[NTM_MSG_MAX];
		size_t len = append(data, bytes_of(golden_ping, data), table[i]);
		struct ntm_msg msg;

		assert_int_equal(decode(&msg, data, len), -EBADMSG);
	}
}

/* One TLV of a golden message replaced by another body. */
static void bodies(void **unused)
{
	static const struct {
		const char *golden;
		uint16_t type;
		const char *body;
		int expected;
	} table[] = {
		/* numbers */
		{golden_reg, 0x02, "", -EBADMSG},
		{golden_reg, 0x02, "11223344556677", -EBADMSG},
		{golden_reg, 0x02, "112233445566778899", -EBADMSG},
		{golden_registered, 0x0b, "00000000", 0},
		{golden_registered, 0x0b, "000000", -EBADMSG},
		{golden_registered, 0x0c, "00000000", -EBADMSG},
		{golden_registered, 0x0c, "00000001", 0},
		{golden_registered, 0x0c, "ffffffff", 0},
		{golden_registered, 0x0c, "00000e1000", -EBADMSG},
		{golden_by_name, 0x14, "00", -EBADMSG},
		{golden_by_name, 0x14, "04", 0},
		{golden_by_name, 0x14, "05", -EBADMSG},
		{golden_by_name, 0x14, "0101", -EBADMSG},
		{golden_by_name, 0x14, "", -EBADMSG},
		{golden_route_direction, 0x18, "00", -EBADMSG},
		{golden_route_direction, 0x18, "01", 0},
		{golden_route_direction, 0x18, "03", -EBADMSG},
		{golden_direction_error, 0x1c, "00", -EBADMSG},
		{golden_direction_error, 0x1c, "09", 0},
		{golden_direction_error, 0x1c, "0a", -EBADMSG},
		{golden_partners, 0x27, "", -EBADMSG},
		{golden_partners, 0x27, "0000", -EBADMSG},
		{golden_partners, 0x27, "0003c0ff", -EBADMSG},
		{golden_partners, 0x27, "0001aa0001bb0001cc0001dd", 0},
		{golden_partners, 0x27, "0001aa0001bb0001cc0001dd0001ee", -EBADMSG},
		{golden_partners, 0x27, "0141c0ff", -EBADMSG},
		{golden_information, 0x18, "03", -EBADMSG},
		{golden_information, 0x41, "00", 0},
		{golden_information, 0x41, "02", 0},
		{golden_information, 0x41, "03", -EBADMSG},
		{golden_relay_register, 0x47, "02", -EBADMSG},
		{golden_relay_register, 0x43, "000000", -EBADMSG},
		{golden_relay_register, 0x46, "00000000", 0},
		{golden_relay_reply, 0x0c, "00000000", -EBADMSG},
		{golden_relay_reply, 0x44, "00000000", 0},
		{golden_relay_ack, 0x02, "1122334455667788 00", -EBADMSG},
		{golden_relay_restarted, 0x01, "", -EBADMSG},
		{golden_relay_restarted, 0x01, "04 01020304 0000", -EBADMSG},
		{golden_info_vip, 0x13, "02", -EBADMSG},
		{golden_by_vip, 0x13, "00", 0},
		{golden_by_vip, 0x13, "02", -EBADMSG},
		{golden_by_vip, 0x13, "", -EBADMSG},
		{golden_by_name, 0x13, "01", -EBADMSG}, /* the SIP flag goes with a VIP */
		{golden_route_direction, 0x1b, "ff", -EBADMSG},
		/* bytes */
		{golden_ping, 0x22, "01020304050607", -EBADMSG},
		{golden_ping, 0x22, "010203040506070809", -EBADMSG},
		{golden_route_ack, 0x16, "a0", -EBADMSG},
		/* addresses */
		{golden_registered, 0x04, "", -EBADMSG},
		{golden_registered, 0x04, "00", -EBADMSG},
		{golden_registered, 0x04, "05 01020304", -EBADMSG},
		{golden_registered, 0x04, "04 010203", -EBADMSG},
		{golden_registered, 0x04, "04 0102030405", -EBADMSG},
		{golden_registered, 0x04, "06 fd000000000000000000000000000001", -EBADMSG},
		{golden_registered, 0x05, "04 01020304", -EBADMSG},
		{golden_registered, 0x05, "06 00000000000000000000ffff01020304", -EBADMSG},
		{golden_registered, 0x08, "06 fd000000000000000000000000000001", -EBADMSG},
		{golden_registered, 0x09, "04 01020304", -EBADMSG},
		{golden_by_vip, 0x12, "06 fd000000000000000000000000000001", 0},
		{golden_registered, 0x03, "04 01020304 0000", -EBADMSG},
		{golden_registered, 0x03, "04 01020304 0001", 0},
		{golden_registered, 0x03, "04 01020304", -EBADMSG},
		{golden_registered, 0x03, "00 0001", -EBADMSG},
		{golden_pong, 0x23, "04 01020304 0000", -EBADMSG},
		/* lists */
		{golden_reg, 0x01, "", -EBADMSG},
		{golden_reg, 0x01, "04 01020304 0001", 0},
		{golden_reg, 0x01, "04 01020304 0000", -EBADMSG},
		{golden_reg, 0x01, "04 01020304 0001 00", -EBADMSG},
		{golden_reg, 0x01, "04 01020304 0001 00 0000", -EBADMSG},
		{golden_reg, 0x01,
		 "04010203040001 04010203040001 04010203040001 04010203040001 04010203040001 "
		 "04010203040001 04010203040001 04010203040001",
		 0},
		{golden_reg, 0x01,
		 "04010203040001 04010203040001 04010203040001 04010203040001 04010203040001 "
		 "04010203040001 04010203040001 04010203040001 04010203040001",
		 -EBADMSG},
		{golden_route_direction, 0x1a,
		 "04010203040001 04010203040001 04010203040001 04010203040001 04010203040001 "
		 "04010203040001 04010203040001 04010203040001 04010203040001",
		 -EBADMSG},
		{golden_registered, 0x06, "", -EBADMSG},
		{golden_registered, 0x06, "00 00", -EBADMSG},
		{golden_registered, 0x06, "04 0a000000 08", 0},
		{golden_registered, 0x06, "04 0a000001 08", -EBADMSG},
		{golden_registered, 0x06, "04 0a000000 21", -EBADMSG},
		{golden_registered, 0x06, "04 0a000000", -EBADMSG},
		{golden_registered, 0x06,
		 "040a00000008 040a00000008 040a00000008 040a00000008 040a00000008 040a00000008 "
		 "040a00000008 040a00000008",
		 0},
		{golden_registered, 0x06,
		 "040a00000008 040a00000008 040a00000008 040a00000008 040a00000008 040a00000008 "
		 "040a00000008 040a00000008 040a00000008",
		 -EBADMSG},
		{golden_registered, 0x07, "", -EBADMSG},
		{golden_registered, 0x07, "00", -EBADMSG},
		{golden_registered, 0x07, "0161", 0},
		{golden_registered, 0x07, "0141", -EBADMSG},
		{golden_registered, 0x07, "0261", -EBADMSG},
		{golden_registered, 0x07, "0161 0162 0163 0164", 0},
		{golden_registered, 0x07, "0161 0162 0163 0164 0165", -EBADMSG},
		/* names */
		{golden_by_name, 0x10, "", -EBADMSG},
		{golden_by_name, 0x10, "61", 0},
		{golden_by_name, 0x10, "41", -EBADMSG},
		{golden_by_name, 0x10, "612e", -EBADMSG},
		{golden_by_name, 0x10, "2e61", -EBADMSG},
		{golden_by_name, 0x10, "6100", -EBADMSG},
		{golden_by_name, 0x10, "610062", -EBADMSG},
		{golden_by_name, 0x10, "c3a4", -EBADMSG},
		{golden_by_name, 0x11, "", -EBADMSG},
		{golden_by_name, 0x11, "6120", -EBADMSG},
		/* words */
		{golden_direction_error, 0x1d, "", -EBADMSG},
		{golden_direction_error, 0x1d, "20", 0},
		{golden_direction_error, 0x1d, "610a62", -EBADMSG},
		{golden_direction_error, 0x1d, "1b5b324a", -EBADMSG},
		{golden_direction_error, 0x1d, "610062", -EBADMSG},
		{golden_direction_error, 0x1d, "6100", -EBADMSG},
		{golden_direction_error, 0x1d, "c29b", -EBADMSG},
		{golden_direction_error, 0x1d, "e280ae", -EBADMSG},
		{golden_direction_error, 0x1d, "c3", -EBADMSG},
		/* blobs */
		{golden_registered, 0x0a, "", -EBADMSG},
		{golden_registered, 0x0a, "ff", 0},
		{golden_route_direction, 0x19, "", -EBADMSG},
		{golden_resolve, 0x24, "", -EBADMSG},
		{golden_resolve, 0x24, "0102030405060708090a0b", -EBADMSG},
		{golden_resolve, 0x24, "0102030405060708090a0b0c", 0},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint8_t data[NTM_MSG_MAX], body[NTM_MSG_MAX];
		size_t len = remove_tlv(data, bytes_of(table[i].golden, data), table[i].type);
		size_t body_len = unhex(body, sizeof(body), table[i].body);
		struct ntm_wr wr = {.base = data, .cap = sizeof(data), .len = len};
		struct ntm_msg msg;

		ntm_wr_tlv(&wr, table[i].type, body, body_len);
		assert_false(ntm_wr_err(&wr));
		if (decode(&msg, data, wr.len) != table[i].expected)
			fail_msg("row %zu: TLV %#x with \"%s\"", i, table[i].type, table[i].body);
	}
}

/* Bodies of filled length around a bound. */
static void lengths(void **unused)
{
	static const struct {
		const char *golden;
		uint16_t type;
		uint8_t filler;
		size_t len;
		int expected;
	} table[] = {
		{golden_registered, 0x0a, 0, NTM_CERT_MAX, 0},
		{golden_registered, 0x0a, 0, NTM_CERT_MAX + 1, -EBADMSG},
		{golden_route_direction, 0x19, 0, NTM_CERT_MAX, 0},
		{golden_route_direction, 0x19, 0, NTM_CERT_MAX + 1, -EBADMSG},
		{golden_resolve, 0x24, 0, NTM_MSG_DNS_MAX, 0},
		{golden_resolve, 0x24, 0, NTM_MSG_DNS_MAX + 1, -EBADMSG},
		{golden_direction_error, 0x1d, 'x', NTM_MSG_WORDS, 0},
		{golden_direction_error, 0x1d, 'x', NTM_MSG_WORDS + 1, -EBADMSG},
		{golden_by_name, 0x11, 'x', 63, 0},
		{golden_by_name, 0x11, 'x', 64, -EBADMSG},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint8_t data[NTM_MSG_MAX + 1], body[NTM_MSG_MAX];
		size_t len = remove_tlv(data, bytes_of(table[i].golden, data), table[i].type);
		struct ntm_wr wr = {.base = data, .cap = sizeof(data), .len = len};
		struct ntm_msg msg;

		memset(body, table[i].filler, sizeof(body));
		ntm_wr_tlv(&wr, table[i].type, body, table[i].len);
		assert_false(ntm_wr_err(&wr));
		assert_int_equal(decode(&msg, data, wr.len), table[i].expected);
	}
}

static void longest_name(struct ntm_wr *wr, uint16_t type, size_t len)
{
	char name[NTM_NAME_MAX + 2];

	memset(name, 'a', sizeof(name));
	name[60] = '.';
	ntm_wr_tlv(wr, type, name, len);
}

static void long_names(void **unused)
{
	(void)unused;
	for (size_t len = NTM_NAME_MAX; len <= NTM_NAME_MAX + 1; len++) {
		uint8_t data[NTM_MSG_MAX];
		struct ntm_wr wr = {.base = data, .cap = sizeof(data)};
		struct ntm_msg msg;

		wr.len = remove_tlv(data, bytes_of(golden_by_name, data), 0x11);
		longest_name(&wr, 0x11, len);
		assert_int_equal(decode(&msg, data, wr.len), len == NTM_NAME_MAX ? 0 : -EBADMSG);
	}
}

/* A DIRECTION_REQUEST names its peer in exactly one way. */
static void one_peer(void **unused)
{
	uint8_t data[NTM_MSG_MAX];
	struct ntm_msg msg;
	size_t len;

	(void)unused;
	len = append(data, bytes_of(golden_by_name, data), "00120005 04c6121409");
	assert_int_equal(decode(&msg, data, len), -EBADMSG);
	len = remove_tlv(data, bytes_of(golden_by_name, data), 0x11);
	assert_int_equal(decode(&msg, data, len), -EBADMSG);
	len = remove_tlv(data, bytes_of(golden_by_vip, data), 0x12);
	assert_int_equal(decode(&msg, data, len), -EBADMSG);
}

static void too_long(void **unused)
{
	static uint8_t data[2 * NTM_MSG_MAX];
	struct ntm_wr wr = {.base = data, .cap = sizeof(data)};
	struct ntm_msg msg;
	size_t at;

	(void)unused;
	/* Unknown TLVs up to the bound, padding included; then one byte more. */
	wr.len = bytes_of(golden_ping, data);
	at = ntm_wr_tlv_begin(&wr, 0x7fff);
	ntm_wr_zeros(&wr, NTM_MSG_MAX - wr.len);
	ntm_wr_tlv_end(&wr, at);
	assert_int_equal(wr.len, NTM_MSG_MAX);
	assert_int_equal(ntm_msg_decode(&msg, data, wr.len), 0);
	assert_int_equal(ntm_msg_decode(&msg, data, wr.len + 15), 0);
	assert_int_equal(ntm_msg_decode(&msg, data, wr.len + 16), -EBADMSG);
	wr.len++;
	ntm_wr_tlv_end(&wr, at);
	wr.len += 15;
	assert_int_equal(ntm_msg_decode(&msg, data, wr.len), -EBADMSG);
}

/* The largest messages stay below NTM_MSG_MAX. */
static void fullest(void **unused)
{
	struct ntm_msg msg = sample_msg(sample_find(golden_registered)), got;
	struct ntm_msg_registered *body = &msg.registered;
	uint8_t out[NTM_MSG_MAX];
	size_t len;

	(void)unused;
	body->reflexive = sample_addr("[2001:db8::9]:65535");
	body->prefixes.count = NTM_MSG_PREFIXES;
	for (size_t i = 0; i < NTM_MSG_PREFIXES; i++)
		body->prefixes.item[i] = sample_prefix("fd4e:54:4d::1/128");
	body->suffixes.count = NTM_MSG_NAMES;
	for (size_t i = 0; i < NTM_MSG_NAMES; i++) {
		memset(body->suffixes.item[i], 'a', NTM_NAME_MAX);
		body->suffixes.item[i][60] = '.';
	}
	body->cert.len = NTM_CERT_MAX;
	len = ntm_msg_encode(&msg, out, sizeof(out));
	assert_true(len > 1000);
	assert_int_equal(ntm_msg_decode(&got, out, len), 0);
	assert_memory_equal(&got, &msg, sizeof(msg));
	msg = sample_msg(sample_find(golden_resolve));
	msg.resolve.len = NTM_MSG_DNS_MAX;
	assert_true(ntm_msg_encode(&msg, out, sizeof(out)) > NTM_MSG_DNS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),       cmocka_unit_test(every_capacity),
		cmocka_unit_test(truncated),    cmocka_unit_test(flipped),
		cmocka_unit_test(header),       cmocka_unit_test(reply_flag),
		cmocka_unit_test(unknown_tlvs), cmocka_unit_test(given_twice),
		cmocka_unit_test(missing),      cmocka_unit_test(reordered),
		cmocka_unit_test(padding),      cmocka_unit_test(padding_is_last),
		cmocka_unit_test(bodies),       cmocka_unit_test(lengths),
		cmocka_unit_test(long_names),   cmocka_unit_test(one_peer),
		cmocka_unit_test(too_long),     cmocka_unit_test(fullest),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
