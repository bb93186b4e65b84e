/* SPDX-License-Identifier: BSD-2-Clause */
/* Views of inner packets: what they say, and every length that lies. */
#include "ntm/ippkt.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "packets.h"

static struct ntm_ip ip(const char *text)
{
	struct ntm_ip out;

	assert_int_equal(ntm_ip_parse(&out, text), 0);
	return out;
}

static struct ntm_ippkt parsed(const uint8_t *pkt, size_t len)
{
	struct ntm_ippkt view;

	assert_int_equal(ntm_ippkt_parse(&view, pkt, len), 0);
	return view;
}

static void assert_refused(const uint8_t *pkt, size_t len)
{
	static const struct ntm_ippkt empty;
	struct ntm_ippkt view;

	memset(&view, 0xff, sizeof(view));
	assert_int_equal(ntm_ippkt_parse(&view, pkt, len), -EBADMSG);
	assert_memory_equal(&view, &empty, sizeof(view));
}

static const struct packet golden[] = {
	PACKET(udp4), PACKET(udp6), PACKET(tcp4), PACKET(tcp6), PACKET(ping4), PACKET(ping6),
};
#define GOLDEN_COUNT (sizeof(golden) / sizeof(golden[0]))

static void fields(void **unused)
{
	static const struct {
		uint8_t proto;
		uint16_t sport, dport;
		size_t header, payload_len;
	} expected[GOLDEN_COUNT] = {
		{17, 5060, 5062, 20, 5}, {17, 5060, 5062, 40, 5}, {6, 443, 40000, 20, 0},
		{6, 443, 40000, 40, 0},  {1, 0, 0, 20, 0},        {58, 0, 0, 40, 0},
	};

	(void)unused;
	for (size_t i = 0; i < GOLDEN_COUNT; i++) {
		const uint8_t *pkt = golden[i].data;
		struct ntm_ippkt view = parsed(pkt, golden[i].len);

		assert_int_equal(view.proto, expected[i].proto);
		assert_int_equal(view.sport, expected[i].sport);
		assert_int_equal(view.dport, expected[i].dport);
		assert_int_equal(view.len, golden[i].len);
		assert_ptr_equal(view.l4, pkt + expected[i].header);
		assert_int_equal(view.l4_len, golden[i].len - expected[i].header);
		assert_int_equal(view.payload_len, expected[i].payload_len);
		assert_ptr_equal(view.payload, view.proto == 17 ? view.l4 + 8 : NULL);
		assert_false(view.is_fragment || view.more_fragments || view.frag_offset);
	}
}

static void addresses(void **unused)
{
	struct ntm_ippkt v4 = parsed(udp4, sizeof(udp4)), v6 = parsed(udp6, sizeof(udp6));
	struct ntm_ip a = ip("198.18.10.7"), b = ip("198.18.20.9");
	struct ntm_ip a6 = ip("fd00::1"), b6 = ip("fd00::2");

	(void)unused;
	assert_true(ntm_ip_eq(&v4.src, &a) && ntm_ip_eq(&v4.dst, &b));
	assert_true(ntm_ip_eq(&v6.src, &a6) && ntm_ip_eq(&v6.dst, &b6));
}

static void every_truncation_is_refused(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < GOLDEN_COUNT; i++)
		for (size_t len = 0; len < golden[i].len; len++)
			assert_refused(golden[i].data, len);
}

/* Also when the IP header admits the truncation: the transport header is whole, or none is. */
static void short_transport_is_refused(void **unused)
{
	uint8_t pkt[64];

	(void)unused;
	for (size_t l4_len = 0; l4_len < 24; l4_len++) {
		memcpy(pkt, tcp4, sizeof(tcp4));
		pkt[3] = (uint8_t)(20 + l4_len);
		if (l4_len < 20)
			assert_refused(pkt, sizeof(tcp4));
		else
			assert_int_equal(parsed(pkt, sizeof(tcp4)).l4_len, l4_len);
		memcpy(pkt, udp4, sizeof(udp4));
		pkt[3] = (uint8_t)(20 + l4_len);
		pkt[25] = (uint8_t)l4_len;
		if (l4_len < 8)
			assert_refused(pkt, sizeof(pkt));
		else
			assert_int_equal(parsed(pkt, sizeof(pkt)).payload_len, l4_len - 8);
	}
}

static void padding_is_no_part(void **unused)
{
	uint8_t pkt[128] = {0};
	struct ntm_ippkt view;

	(void)unused;
	for (size_t i = 0; i < GOLDEN_COUNT; i++) {
		memcpy(pkt, golden[i].data, golden[i].len);
		view = parsed(pkt, sizeof(pkt));
		assert_int_equal(view.len, golden[i].len);
		assert_ptr_equal(view.l4 + view.l4_len, pkt + golden[i].len);
	}
}

static void one_changed_byte_that_must_be_refused(void **unused)
{
	static const struct {
		const char *why;
		const uint8_t *pkt;
		size_t len, at;
		uint8_t value;
	} cases[] = {
		{"version 0", udp4, sizeof(udp4), 0, 0x05},
		{"version 5", udp4, sizeof(udp4), 0, 0x55},
		{"version 6 in an IPv4 packet", udp4, sizeof(udp4), 0, 0x65},
		{"version 4 in an IPv6 packet", udp6, sizeof(udp6), 0, 0x45},
		{"header below 20 bytes", udp4, sizeof(udp4), 0, 0x44},
		{"header of no bytes", udp4, sizeof(udp4), 0, 0x40},
		{"options", udp4, sizeof(udp4), 0, 0x46},
		{"total length too long", udp4, sizeof(udp4), 3, 0x22},
		{"total length too long by far", udp4, sizeof(udp4), 2, 0xff},
		{"total length too short", udp4, sizeof(udp4), 3, 0x20},
		{"total length below the header", udp4, sizeof(udp4), 3, 19},
		{"total length 0", udp4, sizeof(udp4), 3, 0},
		{"UDP length too long", udp4, sizeof(udp4), 25, 14},
		{"UDP length too short", udp4, sizeof(udp4), 25, 12},
		{"UDP length 0", udp4, sizeof(udp4), 25, 0},
		{"fragment not of 8 bytes", udp4, sizeof(udp4), 6, 0x20},
		{"payload length too long", udp6, sizeof(udp6), 5, 14},
		{"payload length too short", udp6, sizeof(udp6), 5, 12},
		{"payload length 0", udp6, sizeof(udp6), 5, 0},
		{"UDP length 0 in IPv6", udp6, sizeof(udp6), 45, 0},
		{"hop-by-hop that is none", udp6, sizeof(udp6), 6, 0},
		{"routing header", udp6, sizeof(udp6), 6, 43},
		{"destination options that are too long", udp6, sizeof(udp6), 6, 60},
	};
	uint8_t pkt[128];

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(pkt, cases[i].pkt, cases[i].len);
		parsed(pkt, cases[i].len);
		pkt[cases[i].at] = cases[i].value;
		print_message("%s\n", cases[i].why);
		assert_refused(pkt, cases[i].len);
	}
}

/* An IPv6 packet with a chain of headers (the first one's type in next) and UDP of 5 bytes. */
static size_t chained(uint8_t *pkt, uint8_t next, const uint8_t *chain, size_t chain_len)
{
	memcpy(pkt, udp6, 40);
	memcpy(pkt + 40, chain, chain_len);
	memcpy(pkt + 40 + chain_len, udp6 + 40, 13);
	pkt[5] = (uint8_t)(chain_len + 13);
	pkt[6] = next;
	return 40 + chain_len + 13;
}

#define HBH(next)  next, 0, 5, 2, 0, 0, 1, 0
#define DST(next)  next, 0, 1, 4, 0, 0, 0, 0
#define DST2(next) next, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define RTH(next)  next, 0, 4, 0, 0, 0, 0, 0
#define ATOM(next) next, 0, 0, 0, 0xaa, 0xbb, 0xcc, 0xdd

static void extension_headers(void **unused)
{
	static const struct {
		const char *name;
		uint8_t next;
		uint8_t chain[80];
		size_t len;
		bool ok;
	} cases[] = {
		{"none", 17, {0}, 0, true},
		{"hop-by-hop", 0, {HBH(17)}, 8, true},
		{"destination options", 60, {DST(17)}, 8, true},
		{"long destination options", 60, {DST2(17)}, 16, true},
		{"both", 0, {HBH(60), DST2(17)}, 24, true},
		{"whole in one fragment", 44, {ATOM(17)}, 8, true},
		{"all that may be", 0, {HBH(60), DST(44), ATOM(17)}, 24, true},
		{"hop-by-hop second", 60, {DST(0), HBH(17)}, 16, false},
		{"hop-by-hop twice", 0, {HBH(0), HBH(17)}, 16, false},
		{"routing", 43, {RTH(17)}, 8, false},
		{"routing behind others", 0, {HBH(60), DST(43), RTH(17)}, 24, false},
		{"options behind a fragment header", 44, {ATOM(60), DST(17)}, 16, false},
		{"routing behind a fragment header", 44, {ATOM(43), RTH(17)}, 16, false},
		{"two fragment headers", 44, {ATOM(44), ATOM(17)}, 16, false},
		{"eight",
		 60,
		 {DST(60), DST(60), DST(60), DST(60), DST(60), DST(60), DST(60), DST(17)},
		 64,
		 true},
		{"nine",
		 60,
		 {DST(60), DST(60), DST(60), DST(60), DST(60), DST(60), DST(60), DST(60), DST(17)},
		 72,
		 false},
	};
	uint8_t pkt[160];

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = chained(pkt, cases[i].next, cases[i].chain, cases[i].len);
		struct ntm_ippkt view;

		print_message("%s\n", cases[i].name);
		if (!cases[i].ok) {
			assert_refused(pkt, len);
			continue;
		}
		view = parsed(pkt, len);
		assert_int_equal(view.proto, 17);
		assert_int_equal(view.dport, 5062);
		assert_ptr_equal(view.l4, pkt + 40 + cases[i].len);
		assert_int_equal(view.payload_len, 5);
		assert_false(view.is_fragment);
		for (size_t cut = 0; cut < len; cut++)
			assert_refused(pkt, cut);
	}
}

/* The headers end within the packet, not only within the buffer. */
static void extension_headers_stay_inside(void **unused)
{
	static const uint8_t chain[] = {HBH(60), DST2(17)};
	uint8_t pkt[128] = {0};
	size_t len = chained(pkt, 0, chain, sizeof(chain));

	(void)unused;
	for (uint8_t claimed = 0; claimed < len - 40; claimed++) {
		pkt[5] = claimed;
		assert_refused(pkt, sizeof(pkt));
	}
}

static void mapped_addresses_are_refused(void **unused)
{
	static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, 198, 18, 10, 7};
	uint8_t pkt[sizeof(udp6)];

	(void)unused;
	for (size_t at = 8; at <= 24; at += 16) {
		memcpy(pkt, udp6, sizeof(pkt));
		memcpy(pkt + at, mapped, sizeof(mapped));
		assert_refused(pkt, sizeof(pkt));
	}
}

/* A fragment of 16 bytes that claim to belong to UDP of 100. */
static void v4_fragment(uint8_t pkt[36], uint16_t flags_offset)
{
	memset(pkt, 0, 36);
	memcpy(pkt, udp4, 28);
	pkt[3] = 36;
	pkt[6] = (uint8_t)(flags_offset >> 8);
	pkt[7] = (uint8_t)flags_offset;
	pkt[25] = 100;
}

static void v4_fragments(void **unused)
{
	struct ntm_ippkt view;
	uint8_t pkt[36];

	(void)unused;
	v4_fragment(pkt, 0x2000);
	view = parsed(pkt, sizeof(pkt));
	assert_true(view.is_fragment && view.more_fragments);
	assert_int_equal(view.frag_offset, 0);
	assert_int_equal(view.frag_id, 0x1234);
	assert_int_equal(view.dport, 5062);
	assert_ptr_equal(view.payload, pkt + 28);
	assert_int_equal(view.payload_len, 8);

	v4_fragment(pkt, 0x2002);
	view = parsed(pkt, sizeof(pkt));
	assert_true(view.is_fragment && view.more_fragments);
	assert_int_equal(view.frag_offset, 16);
	assert_int_equal(view.sport, 0);
	assert_int_equal(view.dport, 0);
	assert_null(view.payload);
	assert_ptr_equal(view.l4, pkt + 20);
	assert_int_equal(view.l4_len, 16);

	v4_fragment(pkt, 0x0003);
	view = parsed(pkt, sizeof(pkt));
	assert_true(view.is_fragment && !view.more_fragments);
	assert_int_equal(view.frag_offset, 24);

	v4_fragment(pkt, 0x4001); /* "don't fragment" changes nothing */
	assert_int_equal(parsed(pkt, sizeof(pkt)).frag_offset, 8);
}

static void v4_fragments_that_lie(void **unused)
{
	uint8_t pkt[36];

	(void)unused;
	v4_fragment(pkt, 0x2000);
	pkt[25] = 16; /* UDP would end here, and more fragments follow */
	assert_refused(pkt, sizeof(pkt));
	v4_fragment(pkt, 0x2000);
	pkt[3] = 20; /* nothing in it */
	assert_refused(pkt, sizeof(pkt));
	v4_fragment(pkt, 0x0001);
	pkt[3] = 20;
	assert_refused(pkt, sizeof(pkt));
	v4_fragment(pkt, 0x2001);
	pkt[3] = 35; /* a cut that is no multiple of 8 */
	assert_refused(pkt, sizeof(pkt));
	v4_fragment(pkt, 0x0001);
	pkt[3] = 35; /* but the last may be so */
	assert_int_equal(parsed(pkt, sizeof(pkt)).l4_len, 15);
	v4_fragment(pkt, 0x1fff); /* 65528 + 16 + 20 */
	assert_refused(pkt, sizeof(pkt));
	v4_fragment(pkt, 0x1ffb); /* 65496 + 16 + 20 = 65532 */
	parsed(pkt, sizeof(pkt));
	v4_fragment(pkt, 0x1ffc);
	assert_refused(pkt, sizeof(pkt));
	v4_fragment(pkt, 0x2000);
	pkt[3] = 28; /* TCP's first fragment has its header */
	pkt[9] = 6;
	assert_refused(pkt, sizeof(pkt));
}

static void v6_fragments(void **unused)
{
	static const uint8_t chain[] = {DST(44), 17, 0, 0x00, 0x11, 0xaa, 0xbb, 0xcc, 0xdd};
	uint8_t pkt[128] = {0};
	size_t len = chained(pkt, 60, chain, sizeof(chain)) + 3;
	struct ntm_ippkt view;

	(void)unused;
	pkt[5] = sizeof(chain) + 16;
	view = parsed(pkt, len);
	assert_true(view.is_fragment && view.more_fragments);
	assert_int_equal(view.frag_offset, 16);
	assert_int_equal(view.frag_id, 0xaabbccdd);
	assert_int_equal(view.proto, 17);
	assert_int_equal(view.dport, 0);
	assert_int_equal(view.l4_len, 16);

	pkt[51] = 0x01; /* the first one: its UDP length has to leave something to come */
	assert_refused(pkt, len);
	pkt[61] = 17;
	view = parsed(pkt, len);
	assert_int_equal(view.dport, 5062);
	assert_int_equal(view.payload_len, 8);

	pkt[51] = 0x08; /* the last one */
	view = parsed(pkt, len);
	assert_true(view.is_fragment && !view.more_fragments);
	assert_int_equal(view.frag_offset, 8);

	pkt[51] = 0x06; /* reserved bits are none of the offset: all there is */
	pkt[61] = 16;
	view = parsed(pkt, len);
	assert_false(view.is_fragment);
	assert_int_equal(view.payload_len, 8);
}

/* ---- ICMP errors ---- */

static void set_len(uint8_t *pkt, size_t len)
{
	size_t said = pkt[0] >> 4 == 4 ? len : len - 40;
	uint8_t *field = pkt[0] >> 4 == 4 ? pkt + 2 : pkt + 4;

	field[0] = (uint8_t)(said >> 8);
	field[1] = (uint8_t)said;
}

/* Whom an error is about; every length, and all that makes it no error. */
static void blamed(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 2; i++) { /* udp4, udp6 */
		struct ntm_ippkt inner = parsed(golden[i].data, golden[i].len), view;
		size_t head = i == 0 ? 20 : 40;
		struct ntm_ip src, dst;
		uint8_t pkt[1280];
		size_t len =
			ntm_ippkt_build_unreachable(pkt, sizeof(pkt), &inner.dst, golden[i].data,
						    golden[i].len, NTM_UNREACH_HOST);

		assert_true(len >= 2 * head + 8);
		for (size_t n = head; n <= len; n++) {
			set_len(pkt, n);
			view = parsed(pkt, n);
			assert_true(ntm_ippkt_is_icmp_error(&view));
			src = dst = (struct ntm_ip){.family = 0};
			assert_int_equal(ntm_ippkt_blamed(&view, &src, &dst), n >= 2 * head + 8);
			assert_true(ntm_ip_eq(&src,
					      n < 2 * head + 8 ? &(struct ntm_ip){0} : &inner.src));
			assert_true(ntm_ip_eq(&dst,
					      n < 2 * head + 8 ? &(struct ntm_ip){0} : &inner.dst));
		}
		pkt[head + 8] ^= 0x20; /* the other family inside */
		view = parsed(pkt, len);
		assert_false(ntm_ippkt_blamed(&view, &src, &dst));
		pkt[head + 8] ^= 0x20;
		pkt[head] = i == 0 ? 8 : 128; /* an echo has no packet inside */
		view = parsed(pkt, len);
		assert_false(ntm_ippkt_is_icmp_error(&view));
		assert_false(ntm_ippkt_blamed(&view, &src, &dst));
		/* Nor has UDP. */
		assert_false(ntm_ippkt_is_icmp_error(&inner));
		assert_false(ntm_ippkt_blamed(&inner, &src, &dst));
		if (i > 0)
			continue;
		pkt[head] = 3;
		pkt[7] = 1; /* a later fragment: what begins there is anything */
		view = parsed(pkt, len);
		assert_false(ntm_ippkt_blamed(&view, &src, &dst));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(addresses),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(short_transport_is_refused),
		cmocka_unit_test(padding_is_no_part),
		cmocka_unit_test(one_changed_byte_that_must_be_refused),
		cmocka_unit_test(extension_headers),
		cmocka_unit_test(extension_headers_stay_inside),
		cmocka_unit_test(mapped_addresses_are_refused),
		cmocka_unit_test(v4_fragments),
		cmocka_unit_test(v4_fragments_that_lie),
		cmocka_unit_test(v6_fragments),
		cmocka_unit_test(blamed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
