/* SPDX-License-Identifier: BSD-2-Clause */
/* The bounded reader and writer: byte order, bounds, sticky errors, TLVs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ntm/wire.h"

static const uint8_t golden[] = {
	0x01,                                           /* u8 */
	0x02, 0x03,                                     /* u16 */
	0x04, 0x05, 0x06, 0x07,                         /* u32 */
	0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, /* u64 */
	'n',  't',  'm',                                /* bytes */
	0x00, 0x00,                                     /* zeros */
	0x80, 0x07, 0x00, 0x02, 'h',  'i',              /* a TLV */
	0x00, 0x08, 0x00, 0x00,                         /* an empty one */
};

static size_t write_golden(uint8_t *buf, size_t cap, bool *err)
{
	struct ntm_wr wr = ntm_wr_init(buf, cap);
	size_t at;

	ntm_wr_u8(&wr, 0x01);
	ntm_wr_u16(&wr, 0x0203);
	ntm_wr_u32(&wr, 0x04050607);
	ntm_wr_u64(&wr, 0x8899aabbccddeeff);
	ntm_wr_bytes(&wr, "ntm", 3);
	ntm_wr_zeros(&wr, 2);
	at = ntm_wr_tlv_begin(&wr, 0x8007);
	ntm_wr_bytes(&wr, "hi", 2);
	ntm_wr_tlv_end(&wr, at);
	ntm_wr_tlv(&wr, 8, NULL, 0);
	*err = ntm_wr_err(&wr);
	return wr.len;
}

/* Whether len bytes read as the golden ones. */
static bool reads_golden(const uint8_t *data, size_t len)
{
	struct ntm_rd rd = ntm_rd_init(data, len), body;
	char name[3], zeros[2];
	bool same = true;

	same &= ntm_rd_u8(&rd) == 0x01;
	same &= ntm_rd_u16(&rd) == 0x0203;
	same &= ntm_rd_u32(&rd) == 0x04050607;
	same &= ntm_rd_u64(&rd) == 0x8899aabbccddeeff;
	ntm_rd_bytes(&rd, name, sizeof(name));
	same &= memcmp(name, "ntm", 3) == 0;
	ntm_rd_bytes(&rd, zeros, sizeof(zeros));
	same &= memcmp(zeros, "\0\0", 2) == 0;
	same &= ntm_rd_u16(&rd) == 0x8007;
	body = ntm_rd_sub(&rd, ntm_rd_u16(&rd));
	same &= ntm_rd_u8(&body) == 'h' && ntm_rd_u8(&body) == 'i' && ntm_rd_done(&body);
	same &= ntm_rd_u16(&rd) == 8;
	body = ntm_rd_sub(&rd, ntm_rd_u16(&rd));
	same &= ntm_rd_done(&body);
	return same && ntm_rd_done(&rd);
}

static void golden_bytes(void **unused)
{
	uint8_t buf[sizeof(golden)];
	bool err;

	(void)unused;
	assert_int_equal(write_golden(buf, sizeof(buf), &err), sizeof(golden));
	assert_false(err);
	assert_memory_equal(buf, golden, sizeof(golden));
	assert_true(reads_golden(golden, sizeof(golden)));
}

static void every_truncation_fails(void **unused)
{
	uint8_t buf[sizeof(golden) + 1];
	bool err;

	(void)unused;
	for (size_t len = 0; len < sizeof(golden); len++) {
		/* An exact copy on the heap lets the sanitizer see a read past the end. */
		uint8_t *part = test_malloc(len + 1);

		memcpy(part + 1, golden, len);
		assert_false(reads_golden(part + 1, len));
		test_free(part);

		memset(buf, 0xa5, sizeof(buf));
		assert_in_range(write_golden(buf, len, &err), 0, len);
		assert_true(err);
		assert_int_equal(buf[len], 0xa5);
	}
}

static void every_flipped_byte_is_seen(void **unused)
{
	uint8_t buf[sizeof(golden)];

	(void)unused;
	for (size_t i = 0; i < sizeof(golden); i++) {
		memcpy(buf, golden, sizeof(buf));
		buf[i] ^= 0x01;
		assert_false(reads_golden(buf, sizeof(buf)));
	}
}

static void trailing_byte_is_not_done(void **unused)
{
	uint8_t buf[sizeof(golden) + 1] = {0};

	(void)unused;
	memcpy(buf, golden, sizeof(golden));
	assert_false(reads_golden(buf, sizeof(buf)));
}

static void read_error_sticks(void **unused)
{
	struct ntm_rd rd = ntm_rd_init("\1\2\3", 3), sub;
	uint8_t out[2] = {9, 9};

	(void)unused;
	assert_int_equal(ntm_rd_u32(&rd), 0);
	assert_true(ntm_rd_err(&rd));
	/* Three bytes were there, but none is given out any more. */
	assert_int_equal(ntm_rd_u8(&rd), 0);
	assert_int_equal(ntm_rd_left(&rd), 0);
	assert_null(ntm_rd_view(&rd, 0));
	ntm_rd_bytes(&rd, out, sizeof(out));
	assert_memory_equal(out, "\0\0", 2);
	sub = ntm_rd_sub(&rd, 0);
	assert_true(ntm_rd_err(&sub));
	assert_false(ntm_rd_done(&rd));
}

static void huge_lengths_do_not_wrap(void **unused)
{
	uint8_t buf[4];
	struct ntm_rd rd = ntm_rd_init("abcd", 4);
	struct ntm_wr wr = ntm_wr_init(buf, sizeof(buf));

	(void)unused;
	ntm_rd_u8(&rd);
	assert_null(ntm_rd_view(&rd, SIZE_MAX));
	assert_true(ntm_rd_err(&rd));
	ntm_wr_u8(&wr, 1);
	ntm_wr_zeros(&wr, SIZE_MAX);
	assert_true(ntm_wr_err(&wr));
	assert_int_equal(wr.len, 1);
}

static void nothing_to_read(void **unused)
{
	struct ntm_rd rd = ntm_rd_init(NULL, 0);

	(void)unused;
	assert_true(ntm_rd_done(&rd));
	assert_non_null(ntm_rd_view(&rd, 0));
	ntm_rd_bytes(&rd, NULL, 0);
	assert_true(ntm_rd_done(&rd));
	ntm_rd_u8(&rd);
	assert_true(ntm_rd_err(&rd));
	rd = ntm_rd_init(NULL, 1);
	assert_true(ntm_rd_err(&rd));
}

static void sub_is_bounded(void **unused)
{
	struct ntm_rd rd = ntm_rd_init("abcd", 4), sub = ntm_rd_sub(&rd, 2);

	(void)unused;
	assert_int_equal(ntm_rd_u16(&sub), 'a' << 8 | 'b');
	ntm_rd_u8(&sub);
	assert_true(ntm_rd_err(&sub));
	/* A short body does not spoil the outer reader; a body that is not there does. */
	assert_int_equal(ntm_rd_u8(&rd), 'c');
	sub = ntm_rd_sub(&rd, 2);
	assert_true(ntm_rd_err(&sub));
	assert_true(ntm_rd_err(&rd));
}

static void fail_is_an_error(void **unused)
{
	struct ntm_rd rd = ntm_rd_init("ab", 2);

	(void)unused;
	ntm_rd_fail(&rd);
	assert_true(ntm_rd_err(&rd));
	assert_int_equal(ntm_rd_u8(&rd), 0);
}

static void write_error_sticks(void **unused)
{
	uint8_t buf[3] = {0};
	struct ntm_wr wr = ntm_wr_init(buf, sizeof(buf));

	(void)unused;
	ntm_wr_u32(&wr, 1);
	assert_true(ntm_wr_err(&wr));
	/* It would fit, but a message with a hole must not come out. */
	ntm_wr_u8(&wr, 7);
	assert_int_equal(wr.len, 0);
	assert_memory_equal(buf, "\0\0\0", 3);
}

static void u16_at_stays_inside(void **unused)
{
	uint8_t buf[8] = {0};
	struct ntm_wr wr = ntm_wr_init(buf, sizeof(buf));

	(void)unused;
	ntm_wr_u32(&wr, 0);
	ntm_wr_u16_at(&wr, 2, 0x1234);
	assert_false(ntm_wr_err(&wr));
	assert_memory_equal(buf, "\0\0\x12\x34", 4);
	ntm_wr_u16_at(&wr, 3, 0x5678); /* half past what was written */
	assert_true(ntm_wr_err(&wr));
	assert_int_equal(buf[3], 0x34);
	wr = ntm_wr_init(buf, sizeof(buf));
	ntm_wr_u8(&wr, 0);
	ntm_wr_u16_at(&wr, SIZE_MAX, 0);
	assert_true(ntm_wr_err(&wr));
}

static void tlv_length_is_bounded(void **unused)
{
	static uint8_t buf[2 * UINT16_MAX], body[UINT16_MAX + 1];
	struct ntm_wr wr = ntm_wr_init(buf, sizeof(buf));
	size_t at;

	(void)unused;
	ntm_wr_tlv(&wr, 1, body, UINT16_MAX);
	assert_false(ntm_wr_err(&wr));
	assert_memory_equal(buf, "\0\1\xff\xff", 4);

	wr = ntm_wr_init(buf, sizeof(buf));
	ntm_wr_tlv(&wr, 1, body, sizeof(body));
	assert_true(ntm_wr_err(&wr));
	assert_int_equal(wr.len, 0);

	wr = ntm_wr_init(buf, sizeof(buf));
	at = ntm_wr_tlv_begin(&wr, 1);
	ntm_wr_bytes(&wr, body, sizeof(body));
	ntm_wr_tlv_end(&wr, at);
	assert_true(ntm_wr_err(&wr));
}

static void tlv_that_does_not_fit_leaves_no_head(void **unused)
{
	uint8_t buf[6];
	struct ntm_wr wr = ntm_wr_init(buf, sizeof(buf));

	(void)unused;
	ntm_wr_tlv(&wr, 1, "abc", 3);
	assert_true(ntm_wr_err(&wr));
	assert_int_equal(wr.len, 0);
}

static void tlv_end_without_begin(void **unused)
{
	uint8_t buf[8];
	struct ntm_wr wr = ntm_wr_init(buf, sizeof(buf));

	(void)unused;
	ntm_wr_u16(&wr, 1);
	ntm_wr_tlv_end(&wr, 0);
	assert_true(ntm_wr_err(&wr));
	wr = ntm_wr_init(buf, sizeof(buf));
	ntm_wr_u32(&wr, 1);
	ntm_wr_tlv_end(&wr, 1);
	assert_true(ntm_wr_err(&wr));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_bytes),
		cmocka_unit_test(every_truncation_fails),
		cmocka_unit_test(every_flipped_byte_is_seen),
		cmocka_unit_test(trailing_byte_is_not_done),
		cmocka_unit_test(read_error_sticks),
		cmocka_unit_test(huge_lengths_do_not_wrap),
		cmocka_unit_test(nothing_to_read),
		cmocka_unit_test(sub_is_bounded),
		cmocka_unit_test(fail_is_an_error),
		cmocka_unit_test(write_error_sticks),
		cmocka_unit_test(u16_at_stays_inside),
		cmocka_unit_test(tlv_length_is_bounded),
		cmocka_unit_test(tlv_that_does_not_fit_leaves_no_head),
		cmocka_unit_test(tlv_end_without_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
