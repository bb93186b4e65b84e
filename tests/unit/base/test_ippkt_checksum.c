/* SPDX-License-Identifier: BSD-2-Clause */
/* Checksums of inner packets against known ones. */
#include "ntm/ippkt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "packets.h"

static const struct packet golden[] = {
	PACKET(udp4), PACKET(udp6), PACKET(tcp4), PACKET(tcp6), PACKET(ping4), PACKET(ping6),
};
#define GOLDEN_COUNT (sizeof(golden) / sizeof(golden[0]))

/* RFC 1071 3, and a header as it is often printed. */
static void known_sums(void **unused)
{
	static const uint8_t rfc1071[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	static const uint8_t header[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40,
					 0x00, 0x40, 0x11, 0x00, 0x00, 0xc0, 0xa8,
					 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};

	(void)unused;
	assert_int_equal(ntm_checksum_add(0, rfc1071, sizeof(rfc1071)), 0xddf2);
	assert_int_equal(ntm_checksum_finish(0xddf2), 0x220d);
	assert_int_equal(ntm_checksum_finish(ntm_checksum_add(0, header, sizeof(header))), 0xb861);
	assert_int_equal(ntm_checksum_add(0x1234, NULL, 0), 0x1234);
}

/* Any length, any alignment, in one part or in two: as the plain definition says. */
static void as_defined(void **unused)
{
	uint8_t data[80];

	(void)unused;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(0xf1 + i * 37);
	for (size_t len = 0; len < 70; len++) {
		const uint8_t *p = data + len % 9;
		uint32_t sum = 0;

		for (size_t i = 0; i < len; i++)
			sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
		assert_int_equal(ntm_checksum_add(0, p, len), sum);
		for (size_t cut = 0; cut <= len; cut += 2) {
			uint32_t part = ntm_checksum_add(0, p, cut);

			assert_int_equal(ntm_checksum_add(part, p + cut, len - cut), sum);
		}
	}
}

static void long_sums_do_not_wrap(void **unused)
{
	static uint8_t ones[65535];

	(void)unused;
	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(ntm_checksum_add(0, ones, 65534), 0xffff);
	assert_int_equal(ntm_checksum_add(UINT32_MAX, ones, 65534), 0xffff);
}

static void golden_are_right(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < GOLDEN_COUNT; i++)
		assert_true(ntm_ippkt_checksums_ok(golden[i].data, golden[i].len));
}

/* No flipped bit goes unseen, but in the fields that no checksum covers. */
static void flipped_bits_are_seen(void **unused)
{
	uint8_t pkt[128];

	(void)unused;
	for (size_t i = 0; i < GOLDEN_COUNT; i++) {
		bool v6 = golden[i].data[0] >> 4 == 6;

		for (size_t at = 0; at < golden[i].len; at++) {
			if (v6 && (at < 4 || at == 6 || at == 7)) /* class, flow, next, hops */
				continue;
			memcpy(pkt, golden[i].data, golden[i].len);
			pkt[at] ^= 0x10;
			assert_false(ntm_ippkt_checksums_ok(pkt, golden[i].len));
		}
	}
}

static void finish_makes_the_golden_ones(void **unused)
{
	uint8_t pkt[128];

	(void)unused;
	for (size_t i = 0; i < 4; i++) {
		size_t l4 = golden[i].data[0] >> 4 == 6 ? 40 : 20, at = l4 + (i < 2 ? 6 : 16);

		memcpy(pkt, golden[i].data, golden[i].len);
		memset(pkt + at, 0xaa, 2); /* what stands there before plays no part */
		assert_false(ntm_ippkt_checksums_ok(pkt, golden[i].len));
		assert_true(ntm_ippkt_finish_checksum(pkt, golden[i].len));
		assert_memory_equal(pkt, golden[i].data, golden[i].len);
	}
}

static void finish_leaves_the_rest_alone(void **unused)
{
	uint8_t pkt[64], before[64];

	(void)unused;
	for (size_t i = 4; i < GOLDEN_COUNT; i++) {
		memcpy(pkt, golden[i].data, golden[i].len);
		pkt[golden[i].len - 1] ^= 1;
		memcpy(before, pkt, golden[i].len);
		assert_false(ntm_ippkt_finish_checksum(pkt, golden[i].len));
		assert_memory_equal(pkt, before, golden[i].len);
	}
	memcpy(pkt, udp4, sizeof(udp4));
	pkt[7] = 1; /* a last fragment */
	memcpy(before, pkt, sizeof(udp4));
	assert_false(ntm_ippkt_finish_checksum(pkt, sizeof(udp4)));
	assert_false(ntm_ippkt_finish_checksum(pkt, 19));
	assert_memory_equal(pkt, before, sizeof(udp4));
}

/* A UDP sum that comes out as zero is sent as ffff (RFC 768): zero means that there is none. */
static void udp_zero_is_sent_as_ones(void **unused)
{
	uint8_t pkt[sizeof(udp4)];

	(void)unused;
	memcpy(pkt, udp4, sizeof(pkt));
	/* The golden sum is ea42: adding it to two bytes of data makes the whole come out as 0. */
	pkt[28] = (uint8_t)(('h' + 0xea) & 0xff);
	pkt[29] = 'e' + 0x42;
	pkt[31] = (uint8_t)(pkt[31] + (('h' + 0xea) > 0xff)); /* end-around carry */
	assert_true(ntm_ippkt_finish_checksum(pkt, sizeof(pkt)));
	assert_int_equal(pkt[26], 0xff);
	assert_int_equal(pkt[27], 0xff);
	/* IPv4 leaves UDP's checksum open, IPv6 does not (RFC 8200 8.1). */
	pkt[26] = pkt[27] = 0;
	pkt[28] = 'x';
	assert_true(ntm_ippkt_checksums_ok(pkt, sizeof(pkt)));
	uint8_t pkt6[sizeof(udp6)];
	memcpy(pkt6, udp6, sizeof(pkt6));
	pkt6[46] = pkt6[47] = 0;
	assert_false(ntm_ippkt_checksums_ok(pkt6, sizeof(pkt6)));
}

static void of_fragments_the_header_counts(void **unused)
{
	uint8_t pkt[sizeof(udp4)];
	uint16_t sum;

	(void)unused;
	memcpy(pkt, udp4, sizeof(pkt));
	pkt[7] = 1;
	assert_false(ntm_ippkt_checksums_ok(pkt, sizeof(pkt)));
	pkt[10] = pkt[11] = 0;
	sum = ntm_checksum_finish(ntm_checksum_add(0, pkt, 20));
	pkt[10] = (uint8_t)(sum >> 8);
	pkt[11] = (uint8_t)sum;
	assert_true(ntm_ippkt_checksums_ok(pkt, sizeof(pkt)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_sums),
		cmocka_unit_test(as_defined),
		cmocka_unit_test(long_sums_do_not_wrap),
		cmocka_unit_test(golden_are_right),
		cmocka_unit_test(flipped_bits_are_seen),
		cmocka_unit_test(finish_makes_the_golden_ones),
		cmocka_unit_test(finish_leaves_the_rest_alone),
		cmocka_unit_test(udp_zero_is_sent_as_ones),
		cmocka_unit_test(of_fragments_the_header_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
