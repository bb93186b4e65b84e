/* SPDX-License-Identifier: BSD-2-Clause */
/* One message of each kind, as a struct and as bytes written by another program (Python). */
#pragma once

#include "ntm/msg.h"

#include <string.h>

static const char golden_reg[] =
	"01010000010203040001001a040a00000510ea0620010db8000000000000000000000005"
	"10ea000200081122334455667788";
static const char golden_registered[] =
	"01020100010203040003000704cb007109ef320004000504c6120a070005001106fd4e00"
	"54004d00000000000000000a070006001804c61200001006fd4e0054004d000000000000"
	"00000000300007001c0b6e746d2e6578616d706c650f7369702e6e746d2e6578616d706c"
	"650008000504c612fffe0009001106fd4e0054004d00000000000000000053000a0003c0"
	"ffee000b000400000014000c000400000e10000d00080102030405060708";
static const char golden_by_name[] =
	"01030000000000050010000e6d6e2e6e746d2e6578616d706c650011000e636e2e6e746d"
	"2e6578616d706c650013000100001400010100150008c0a80102030405ff";
static const char golden_by_vip[] =
	"01030000000000050010000e6d6e2e6e746d2e6578616d706c650012000504c612140900"
	"13000101001400010200150008c0a80102030405ff";
static const char golden_route_direction[] =
	"010600000000000600160010a0a1a2a3a4a5a6a7a8a9aaabacadaeaf0017002040414243"
	"4445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f0018000102001400"
	"010200150008c0a80102030405ff000c00040001518000190003c0ffee001a001a04cb00"
	"7109ef320620010db800000000000000000000000910ea001b000101001e0003c0ffee00"
	"40013804c633641410eb0000000f100000000000010102030405060708090a0b0c0d0e0f"
	"101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f30313233"
	"3435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f5051525354555657"
	"58595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b"
	"7c7d7e7f80818204c633641510eb0620010db800000000000000000000002010eb0f1000"
	"00000000818182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
	"a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3"
	"c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7"
	"e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102";
static const char golden_route_reply[] =
	"010601000000000500160010a0a1a2a3a4a5a6a7a8a9aaabacadaeaf0017002040414243"
	"4445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f0018000102001400"
	"010200150008c0a80102030405ff000c00040001518000190003c0ffee001a001a04cb00"
	"7109ef320620010db800000000000000000000000910ea001b000101001e0003c0ffee00"
	"40013804c633641410eb0000000f100000000000010102030405060708090a0b0c0d0e0f"
	"101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f30313233"
	"3435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f5051525354555657"
	"58595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b"
	"7c7d7e7f80818204c633641510eb0620010db800000000000000000000002010eb0f1000"
	"00000000818182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
	"a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3"
	"c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7"
	"e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102";
static const char golden_route_ack[] =
	"010701000000000600160010a0a1a2a3a4a5a6a7a8a9aaabacadaeaf00150008c0a80102"
	"030405ff";
static const char golden_direction_error[] =
	"0108010000000005001c000103001d0017636e2e6e746d2e6578616d706c65207363686c"
	"c3a4667400150008c0a80102030405ff0012001106fd4e0054004d000000000000000014"
	"09";
static const char golden_revoked[] =
	"010c00000000000700200008010203040506070800210020606162636465666768696a6b"
	"6c6d6e6f707172737475767778797a7b7c7d7e7f0004000504c61214090005001106fd4e"
	"0054004d00000000000000001409";
static const char golden_revoked_ack[] =
	"010c01000000000700200008010203040506070800210020606162636465666768696a6b"
	"6c6d6e6f707172737475767778797a7b7c7d7e7f0004000504c61214090005001106fd4e"
	"0054004d00000000000000001409";
static const char golden_ping[] = "010d000000000008002200080102030405060708";
static const char golden_pong[] = "010e0100000000080022000801020304050607080023000704c633640713c4";
static const char golden_resolve[] =
	"010f0000000000090024002112340100000100000000000003777777036e746d07657861"
	"6d706c650000010001";
static const char golden_resolved[] =
	"01100100000000090024002112340100000100000000000003777777036e746d07657861"
	"6d706c650000010001";
static const char golden_info_name[] =
	"010400000000000a0011000e636e2e6e746d2e6578616d706c6500130001000014000101"
	"00150008c0a80102030405ff00190003c0ffee0003000704cb007109ef320001001a04cb"
	"007109ef320620010db800000000000000000000000910ea001b0001010040013804c633"
	"641410eb0000000f100000000000010102030405060708090a0b0c0d0e0f101112131415"
	"161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f30313233343536373839"
	"3a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d"
	"5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f8081"
	"8204c633641510eb0620010db800000000000000000000002010eb0f1000000000008181"
	"82838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5"
	"a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9"
	"cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebeced"
	"eeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102";
static const char golden_info_vip[] =
	"010400000000000a0012000504c61214090013000101001400010200150008c0a8010203"
	"0405ff00190003c0ffee0003000704cb007109ef320001001a04cb007109ef320620010d"
	"b800000000000000000000000910ea001b0001010040013804c633641410eb0000000f10"
	"0000000000010102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e"
	"1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142"
	"434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60616263646566"
	"6768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80818204c633641510eb06"
	"20010db800000000000000000000002010eb0f100000000000818182838485868788898a"
	"8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadae"
	"afb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2"
	"d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6"
	"f7f8f9fafbfcfdfeff000102";
static const char golden_information[] =
	"010501000000000a00160010a0a1a2a3a4a5a6a7a8a9aaabacadaeaf0017002040414243"
	"4445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f0018000102001500"
	"08c0a80102030405ff000c00040001518000190003c0ffee0003000704cb007109ef3200"
	"01001a04cb007109ef320620010db800000000000000000000000910ea001b0001010041"
	"0001010040013804c633641410eb0000000f100000000000010102030405060708090a0b"
	"0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
	"303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f50515253"
	"5455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f7071727374757677"
	"78797a7b7c7d7e7f80818204c633641510eb0620010db800000000000000000000002010"
	"eb0f100000000000818182838485868788898a8b8c8d8e8f909192939495969798999a9b"
	"9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
	"c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3"
	"e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102";
static const char golden_partners[] =
	"011500000000000b000d00080102030405060708002500010100260001020027000a0003"
	"c0ffee0003c0ffee";
static const char golden_partners_page[] =
	"011501000000000b000d00080102030405060708002500010100260001020027000a0003"
	"c0ffee0003c0ffee";
static const char golden_relay_register[] =
	"011600000000000c0001001a04cb007109ef320620010db8000000000000000000000009"
	"10ea00020008112233445566778800430004000000c80044000400002710004500040000"
	"3e8000460004000f42400047000101";
static const char golden_relay_reply[] =
	"011101000000000c0003000704cb007109ef320042006330303132333435363738393a3b"
	"3c3d3e3f404142434445464748494a4b4c4d4e4f313132333435363738393a3b3c3d3e3f"
	"404142434445464748494a4b4c4d4e4f503232333435363738393a3b3c3d3e3f40414243"
	"4445464748494a4b4c4d4e4f5051000c00040000000200440004000001f4004600040000"
	"c350000a0003c0ffee";
static const char golden_relay_direction[] =
	"011100000000000d0003000704cb007109ef320042006330303132333435363738393a3b"
	"3c3d3e3f404142434445464748494a4b4c4d4e4f313132333435363738393a3b3c3d3e3f"
	"404142434445464748494a4b4c4d4e4f503232333435363738393a3b3c3d3e3f40414243"
	"4445464748494a4b4c4d4e4f5051000c00040000000200440004000001f4004600040000"
	"c350000a0003c0ffee";
static const char golden_relay_ack[] = "011201000000000d000200081122334455667788";
static const char golden_relay_restarted[] =
	"01170000000000000001001a04cb007109ef320620010db8000000000000000000000009"
	"10ea";

#define CORRELATION 0xc0a80102030405ffU

static inline struct ntm_ip sample_ip(const char *text)
{
	struct ntm_ip ip = {0};

	(void)ntm_ip_parse(&ip, text);
	return ip;
}

static inline struct ntm_addr sample_addr(const char *text)
{
	struct ntm_addr addr = {0};

	(void)ntm_addr_parse(&addr, text, 0);
	return addr;
}

static inline struct ntm_addr_list sample_addrs(void)
{
	return (struct ntm_addr_list){.count = 2,
				      .item = {sample_addr("203.0.113.9:61234"),
					       sample_addr("[2001:db8::9]:4330")}};
}

static inline struct ntm_prefix sample_prefix(const char *text)
{
	struct ntm_prefix prefix = {0};

	(void)ntm_prefix_parse(&prefix, text);
	return prefix;
}

static inline void count_up(uint8_t *out, size_t len, uint8_t first)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(first + i);
}

static inline struct ntm_cert_blob sample_blob(void)
{
	return (struct ntm_cert_blob){.len = 3, .data = {0xc0, 0xff, 0xee}};
}

/* Two relays, of which the second has both families. */
static inline struct ntm_relay_list sample_relays(void)
{
	struct ntm_relay_list list = {.count = 2};

	list.item[0].addr[0] = sample_addr("198.51.100.20:4331");
	list.item[0].flow = 0x0f10000000000001;
	count_up(list.item[0].bind_key, sizeof(list.item[0].bind_key), 1);
	count_up(list.item[0].ticket, sizeof(list.item[0].ticket), 0x21);
	list.item[1].addr[0] = sample_addr("198.51.100.21:4331");
	list.item[1].addr[1] = sample_addr("[2001:db8::20]:4331");
	list.item[1].flow = 0x0f10000000000081;
	count_up(list.item[1].bind_key, sizeof(list.item[1].bind_key), 0x81);
	count_up(list.item[1].ticket, sizeof(list.item[1].ticket), 0xa1);
	return list;
}

static inline void fill_register(struct ntm_msg *msg)
{
	msg->reg.own.count = 2;
	msg->reg.own.item[0] = sample_addr("10.0.0.5:4330");
	msg->reg.own.item[1] = sample_addr("[2001:db8::5]:4330");
	msg->reg.boot_id = 0x1122334455667788;
}

static inline void fill_registered(struct ntm_msg *msg)
{
	struct ntm_msg_registered *body = &msg->registered;

	body->reflexive = sample_addr("203.0.113.9:61234");
	body->vip4 = sample_ip("198.18.10.7");
	body->vip6 = sample_ip("fd4e:54:4d::a07");
	body->prefixes.count = 2;
	body->prefixes.item[0] = sample_prefix("198.18.0.0/16");
	body->prefixes.item[1] = sample_prefix("fd4e:54:4d::/48");
	body->suffixes.count = 2;
	strcpy(body->suffixes.item[0], "ntm.example");
	strcpy(body->suffixes.item[1], "sip.ntm.example");
	body->resolver4 = sample_ip("198.18.255.254");
	body->resolver6 = sample_ip("fd4e:54:4d::53");
	body->cert = sample_blob();
	body->keepalive_s = 20;
	body->lifetime_s = 3600;
	body->partners = 0x0102030405060708;
}

static inline void fill_by_name(struct ntm_msg *msg)
{
	strcpy(msg->direction_request.fqdn_mn, "mn.ntm.example");
	strcpy(msg->direction_request.fqdn_cn, "cn.ntm.example");
	msg->direction_request.reason = NTM_REASON_NAME;
	msg->direction_request.correlation = CORRELATION;
}

static inline void fill_by_vip(struct ntm_msg *msg)
{
	strcpy(msg->direction_request.fqdn_mn, "mn.ntm.example");
	msg->direction_request.vip_cn = sample_ip("198.18.20.9");
	msg->direction_request.is_sip = true;
	msg->direction_request.reason = NTM_REASON_SIP;
	msg->direction_request.correlation = CORRELATION;
}

static inline void fill_route_direction(struct ntm_msg *msg)
{
	struct ntm_msg_route_direction *body = &msg->route_direction;

	count_up(body->pair, sizeof(body->pair), 0xa0);
	count_up(body->psk, sizeof(body->psk), 0x40);
	body->role = NTM_ROLE_ANSWERS;
	body->reason = NTM_REASON_SIP;
	body->correlation = CORRELATION;
	body->lifetime_s = 86400;
	body->peer_cert = sample_blob();
	body->candidates = sample_addrs();
	body->peer_nat = true;
	body->peer_domain = sample_blob();
	body->relays = sample_relays();
}

static inline void fill_route_ack(struct ntm_msg *msg)
{
	count_up(msg->route_ack.pair, sizeof(msg->route_ack.pair), 0xa0);
	msg->route_ack.correlation = CORRELATION;
}

static inline void fill_direction_error(struct ntm_msg *msg)
{
	msg->direction_error.code = NTM_DIR_OFFLINE;
	strcpy(msg->direction_error.words, "cn.ntm.example schl\xc3\xa4"
					   "ft");
	msg->direction_error.correlation = CORRELATION;
	msg->direction_error.vip = sample_ip("fd4e:54:4d::1409");
}

static inline void fill_revoked(struct ntm_msg *msg)
{
	msg->revoked.serial = 0x0102030405060708;
	count_up(msg->revoked.key, sizeof(msg->revoked.key), 0x60);
	msg->revoked.vip4 = sample_ip("198.18.20.9");
	msg->revoked.vip6 = sample_ip("fd4e:54:4d::1409");
}

static inline void fill_info(struct ntm_msg *msg)
{
	struct ntm_msg_information_request *body = &msg->information_request;

	body->correlation = CORRELATION;
	body->cert = sample_blob();
	body->reflexive = sample_addr("203.0.113.9:61234");
	body->own = sample_addrs();
	body->behind_nat = true;
	body->relays = sample_relays();
}

static inline void fill_info_name(struct ntm_msg *msg)
{
	fill_info(msg);
	strcpy(msg->information_request.fqdn_cn, "cn.ntm.example");
	msg->information_request.reason = NTM_REASON_NAME;
}

static inline void fill_info_vip(struct ntm_msg *msg)
{
	fill_info(msg);
	msg->information_request.vip_cn = sample_ip("198.18.20.9");
	msg->information_request.is_sip = true;
	msg->information_request.reason = NTM_REASON_SIP;
}

static inline void fill_information(struct ntm_msg *msg)
{
	struct ntm_msg_information_response *body = &msg->information_response;

	count_up(body->pair, sizeof(body->pair), 0xa0);
	count_up(body->psk, sizeof(body->psk), 0x40);
	body->role = NTM_ROLE_ANSWERS;
	body->correlation = CORRELATION;
	body->lifetime_s = 86400;
	body->cert = sample_blob();
	body->reflexive = sample_addr("203.0.113.9:61234");
	body->own = sample_addrs();
	body->behind_nat = true;
	body->relays_kept = 1;
	body->relays = sample_relays();
}

static inline void fill_relay_register(struct ntm_msg *msg)
{
	struct ntm_msg_relay_register *body = &msg->relay_register;

	body->own = sample_addrs();
	body->boot_id = 0x1122334455667788;
	body->flows = 200;
	body->flows_max = 10000;
	body->kbit_s = 16000;
	body->kbit_s_max = 1000000;
	body->draining = true;
}

static inline void fill_relay_direction(struct ntm_msg *msg)
{
	struct ntm_msg_relay_direction *body = &msg->relay_direction;

	body->reflexive = sample_addr("203.0.113.9:61234");
	body->keys.count = NTM_MSG_TICKET_KEYS;
	for (size_t i = 0; i < NTM_MSG_TICKET_KEYS; i++) {
		body->keys.item[i].id = (uint8_t)(0x30 + i);
		count_up(body->keys.item[i].key, NTM_KEY_LEN, (uint8_t)(0x30 + i));
	}
	body->report_s = 2;
	body->account_flows = 500;
	body->account_kbit_s = 50000;
	body->cert = sample_blob();
}

static inline void fill_relay_ack(struct ntm_msg *msg)
{
	msg->relay_ack.boot_id = 0x1122334455667788;
}

static inline void fill_relay_restarted(struct ntm_msg *msg)
{
	msg->relay_restarted.addrs = sample_addrs();
}

static inline void fill_partners(struct ntm_msg *msg)
{
	msg->partners.generation = 0x0102030405060708;
	msg->partners.page = 1;
	msg->partners.pages = 2;
	msg->partners.certs.count = 2;
	msg->partners.certs.item[0] = sample_blob();
	msg->partners.certs.item[1] = sample_blob();
}

static inline void fill_ping(struct ntm_msg *msg)
{
	count_up(msg->ping.token, sizeof(msg->ping.token), 1);
}

static inline void fill_pong(struct ntm_msg *msg)
{
	count_up(msg->pong.token, sizeof(msg->pong.token), 1);
	msg->pong.seen = sample_addr("198.51.100.7:5060");
}

static inline void fill_dns(struct ntm_msg *msg)
{
	static const uint8_t query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\3ntm\7example\0\0\1\0";

	msg->resolve.len = sizeof(query); /* its NUL is the class's second byte, but for one bit */
	memcpy(msg->resolve.data, query, sizeof(query));
	msg->resolve.data[sizeof(query) - 1] = 1;
}

static const struct sample {
	uint8_t type;
	bool is_reply;
	uint32_t txn;
	void (*fill)(struct ntm_msg *msg);
	const char *hex;
	uint16_t required[12]; /* TLVs */
} samples[] = {
	{NTM_MSG_REGISTER, false, 0x01020304, fill_register, golden_reg, {0x02}},
	{NTM_MSG_REGISTERED,
	 true,
	 0x01020304,
	 fill_registered,
	 golden_registered,
	 {0x03, 0x0b, 0x0c, 0x0d}},
	{NTM_MSG_DIRECTION_REQUEST,
	 false,
	 5,
	 fill_by_name,
	 golden_by_name,
	 {0x10, 0x11, 0x13, 0x14, 0x15}},
	{NTM_MSG_DIRECTION_REQUEST,
	 false,
	 5,
	 fill_by_vip,
	 golden_by_vip,
	 {0x10, 0x12, 0x13, 0x14, 0x15}},
	{NTM_MSG_ROUTE_DIRECTION,
	 false,
	 6,
	 fill_route_direction,
	 golden_route_direction,
	 {0x16, 0x17, 0x18, 0x14, 0x15, 0x0c, 0x19, 0x1b}},
	{NTM_MSG_ROUTE_DIRECTION,
	 true,
	 5,
	 fill_route_direction,
	 golden_route_reply,
	 {0x16, 0x17, 0x18, 0x14, 0x15, 0x0c, 0x19, 0x1b}},
	{NTM_MSG_INFORMATION_REQUEST,
	 false,
	 10,
	 fill_info_name,
	 golden_info_name,
	 {0x11, 0x13, 0x14, 0x15, 0x19, 0x03, 0x1b}},
	{NTM_MSG_INFORMATION_REQUEST,
	 false,
	 10,
	 fill_info_vip,
	 golden_info_vip,
	 {0x12, 0x13, 0x14, 0x15, 0x19, 0x03, 0x1b}},
	{NTM_MSG_INFORMATION_RESPONSE,
	 true,
	 10,
	 fill_information,
	 golden_information,
	 {0x16, 0x17, 0x18, 0x15, 0x0c, 0x19, 0x03, 0x1b, 0x41}},
	{NTM_MSG_ROUTE_ACK, true, 6, fill_route_ack, golden_route_ack, {0x16, 0x15}},
	{NTM_MSG_DIRECTION_ERROR,
	 true,
	 5,
	 fill_direction_error,
	 golden_direction_error,
	 {0x1c, 0x15}},
	{NTM_MSG_REVOKED, false, 7, fill_revoked, golden_revoked, {0x20, 0x21}},
	{NTM_MSG_REVOKED, true, 7, fill_revoked, golden_revoked_ack, {0x20, 0x21}},
	{NTM_MSG_PARTNERS, false, 11, fill_partners, golden_partners, {0x0d, 0x25, 0x26}},
	{NTM_MSG_PARTNERS, true, 11, fill_partners, golden_partners_page, {0x0d, 0x25, 0x26}},
	{NTM_MSG_RELAY_REGISTER,
	 false,
	 12,
	 fill_relay_register,
	 golden_relay_register,
	 {0x02, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48}},
	{NTM_MSG_RELAY_DIRECTION,
	 true,
	 12,
	 fill_relay_direction,
	 golden_relay_reply,
	 {0x03, 0x0c, 0x44, 0x46}},
	{NTM_MSG_RELAY_DIRECTION,
	 false,
	 13,
	 fill_relay_direction,
	 golden_relay_direction,
	 {0x03, 0x0c, 0x44, 0x46}},
	{NTM_MSG_RELAY_ACK, true, 13, fill_relay_ack, golden_relay_ack, {0x02}},
	{NTM_MSG_RELAY_RESTARTED, false, 0, fill_relay_restarted, golden_relay_restarted, {0x01}},
	{NTM_MSG_PING, false, 8, fill_ping, golden_ping, {0x22}},
	{NTM_MSG_PONG, true, 8, fill_pong, golden_pong, {0x22, 0x23}},
	{NTM_MSG_RESOLVE, false, 9, fill_dns, golden_resolve, {0x24}},
	{NTM_MSG_RESOLVED, true, 9, fill_dns, golden_resolved, {0x24}},
};
#define SAMPLE_COUNT (sizeof(samples) / sizeof(samples[0]))

static inline struct ntm_msg sample_msg(const struct sample *sample)
{
	struct ntm_msg msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = sample->type;
	msg.is_reply = sample->is_reply;
	msg.txn = sample->txn;
	sample->fill(&msg);
	return msg;
}
