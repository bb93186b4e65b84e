/* SPDX-License-Identifier: BSD-2-Clause */
/* What is refused before libosip2 sees it, and how a message is taken apart. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "precheck.h"
#include "sip_help.h"

static char buf[NTM_SIP_MAX];

static int precheck(struct sip_shape *shape, const char *text, size_t len)
{
	memcpy(buf, text, len);
	return sip_precheck(shape, buf, len);
}

static void assert_text(struct sip_text text, const char *expected)
{
	assert_int_equal(text.len, strlen(expected));
	assert_memory_equal(text.p, expected, text.len);
}

static void candidates(void **unused)
{
	static const struct {
		const char *text;
		bool expected;
	} rows[] = {
		{"INVITE sip:x SIP/2.0\r\n", true},
		{"SIP/2.0 200 OK\r\n", true},
		{"\r\n\r\nOPTIONS sip:x SIP/2.0", true},
		{"!interesting-Method0123456789_*+`.%indeed'~ x",
		 false}, /* longer than any method */
		{"My-Method.1 sip:x", true},
		{"", false},
		{"\r\n\r\n", false}, /* keep-alive, RFC 5626 3.5.1 */
		{"\r\n", false},
		{"INVITE", false},
		{" INVITE sip:x", false},
		{"\x80\x08\x12\x34 RTP", false},
		{"SIP/3.0 200 OK", false},
		{"{\"json\": 1}", false},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(ntm_sip_is_candidate((const uint8_t *)rows[i].text,
						      strlen(rows[i].text)),
				 rows[i].expected);
	assert_false(ntm_sip_is_candidate((const uint8_t *)"\0\1\0\0", 4)); /* STUN */
}

#define REST CRLF "f: a" CRLF "t: b" CRLF "i: c" CRLF "CSeq: 1 INVITE" CRLF CRLF

static void start_lines(void **unused)
{
	static const struct {
		const char *line;
		int expected; /* status, 0 for a request, -1 refused */
	} rows[] = {
		{"SIP/2.0 200 OK", 200},
		{"SIP/2.0 200 Answering", 200},
		{"SIP/2.0 200 ", 200},
		{"SIP/2.0 200", 200},
		{"SIP/2.0 100 Trying", 100},
		{"SIP/2.0 699 x", 699},
		{"SIP/2.0 4294967496 OK", -1}, /* 200 in 32 bits */
		{"SIP/2.0 2000 OK", -1},
		{"SIP/2.0 20 OK", -1},
		{"SIP/2.0 0200 OK", -1},
		{"SIP/2.0 099 OK", -1},
		{"SIP/2.0 700 OK", -1},
		{"SIP/2.0 +20 OK", -1},
		{"SIP/2.0 -200 OK", -1},
		{"SIP/2.0 2e2 OK", -1},
		{"SIP/2.0 200\tOK", -1},
		{"SIP/2.0  200 OK", -1},
		{"SIP/2.0", -1},
		{"SIP/2.01 200 OK", -1},
		{"SIP/7.0 200 OK", -1},
		{"sip/2.0 200 OK", -1},
		{"INVITE sip:bob@a.example SIP/2.0", 0},
		{"INVITE sip:bob@a.example SIP/3.0", -1},
		{"INVITE sip:bob@a.example", -1},
		{"INVITE SIP/2.0", -1},
		{"INVITE sip:bob@a.example SIP/2.0 ", -1},
		{"GET / HTTP/1.1", -1},
	};
	struct sip_shape shape;
	char text[256];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = (size_t)snprintf(text, sizeof(text), "%s" REST, rows[i].line);
		int err = precheck(&shape, text, len);

		assert_int_equal(err, rows[i].expected < 0 ? -EBADMSG : 0);
		if (err == 0)
			assert_int_equal(shape.status, rows[i].expected);
	}
}

static void folded_and_compact(void **unused)
{
	static const char text[] = "\r\nSIP/2.0 200 OK\n"
				   "v: SIP/2.0/UDP x\r\n"
				   "F : <sip:a@b>\r\n  ;tag=1\n"
				   "\tx\r\n"
				   "to:b\r\n"
				   "I:  c  \r\n"
				   "cseq: 1\r\n INVITE\r\n"
				   "c:\n application/sdp\r\n"
				   "L: 2\r\n\r\n"
				   "v=0";
	struct sip_shape shape;

	(void)unused;
	assert_int_equal(precheck(&shape, text, sizeof(text) - 1), 0);
	assert_text(shape.header[SIP_FROM], "<sip:a@b>    ;tag=1 \tx");
	assert_text(shape.header[SIP_TO], "b");
	assert_text(shape.header[SIP_CALL_ID], "c");
	assert_text(shape.header[SIP_CSEQ], "1   INVITE");
	assert_text(shape.header[SIP_TYPE], "application/sdp");
	assert_text(shape.body, "v=");
	assert_null(shape.header[SIP_ENCODING].p);
}

static void lengths(void **unused)
{
	static const struct {
		const char *header;
		int body_len; /* of "12345"; -1 refused */
	} rows[] = {
		{"", 5},
		{"Content-Length: 5\r\n", 5},
		{"Content-Length: 05\r\n", 5},
		{"Content-Length: 3\r\n", 3},
		{"Content-Length: 0\r\n", 0},
		{"Content-Length: 6\r\n", -1},
		{"Content-Length: -1\r\n", -1},
		{"Content-Length: 4294967301\r\n", -1},
		{"Content-Length: 18446744073709551621\r\n", -1},
		{"Content-Length: 5x\r\n", -1},
		{"Content-Length:\r\n", -1},
		{"Content-Length: 5\r\nl: 5\r\n", -1},
		{"Content-Length: 5\r\nContent-Length: 0\r\n", -1},
	};
	struct sip_shape shape;
	char text[512];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = (size_t)snprintf(
			text, sizeof(text),
			"SIP/2.0 200 OK\r\nf: a\r\nt: b\r\ni: c\r\nCSeq: 1 INVITE\r\n%s\r\n12345",
			rows[i].header);
		int err = precheck(&shape, text, len);

		assert_int_equal(err, rows[i].body_len < 0 ? -EBADMSG : 0);
		if (err == 0)
			assert_int_equal(shape.body.len, rows[i].body_len);
	}
}

#define OK "SIP/2.0 200 OK" CRLF

static void refused(void **unused)
{
	static const struct {
		const char *text;
		size_t len; /* 0: strlen */
	} rows[] = {
		{OK "t: b\r\ni: c\r\nCSeq: 1 INVITE\r\n\r\n", 0},
		{OK "f: a\r\ni: c\r\nCSeq: 1 INVITE\r\n\r\n", 0},
		{OK "f: a\r\nt: b\r\nCSeq: 1 INVITE\r\n\r\n", 0},
		{OK "f: a\r\nt: b\r\ni: c\r\n\r\n", 0},
		{OK "f: a\r\nt: b\r\ni: c\r\nCSeq:\r\n\r\n", 0},
		{OK "f: a\r\nt: b\r\ni: c\r\nCall-ID: d\r\nCSeq: 1 INVITE\r\n\r\n", 0},
		{OK "f: a\r\nt: b\r\ni: c\r\nCSeq: 1 INVITE\r\nc: a/b\r\nc: a/b\r\n\r\n", 0},
		{OK "f: a\r\nt: b\r\ni: c\r\nCSeq: 1 INVITE\r\nno colon\r\n\r\n", 0},
		{OK "f: a\r\nt: b\r\ni: c\r\nCSeq: 1 INVITE\r\n", 0}, /* no empty line */
		{OK "f: a\r\nt: b\ri: c\r\nCSeq: 1 INVITE\r\n\r\n", 0},
		{OK "f: a\r\nt: b\r\ni: c\r\nCSeq: 1 INVITE\r\nX: \x01\r\n\r\n", 0},
		{OK "f: a\r\nt: b\r\ni: c\r\nCSeq: 1 INVITE\r\nX: \x7f\r\n\r\n", 0},
		{OK "f: a\r\nt: b\r\ni: c\0\r\nCSeq: 1 INVITE\r\n\r\n", sizeof(OK) + 37},
		{"\r\n\r\n", 0},
	};
	struct sip_shape shape;

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = rows[i].len ? rows[i].len : strlen(rows[i].text);

		assert_int_equal(precheck(&shape, rows[i].text, len), -EBADMSG);
	}
}

/* One From of line_len bytes with params parameters. */
static int bounded(size_t line_len, size_t params)
{
	char text[NTM_SIP_MAX], value[NTM_SIP_MAX];
	struct sip_shape shape;

	memset(value, 'a', line_len);
	for (size_t i = 0; i < params; i++)
		value[2 * i] = ';';
	size_t len = (size_t)snprintf(text, sizeof(text),
				      OK "f: %.*s\r\nt: b\r\ni: c\r\nCSeq: 1 INVITE\r\n\r\n",
				      (int)line_len, value);
	return precheck(&shape, text, len);
}

static int with_headers(size_t count)
{
	char text[NTM_SIP_MAX] = OK "f: a\r\nt: b\r\ni: c\r\nCSeq: 1 INVITE\r\n";
	struct sip_shape shape;

	for (size_t i = SIP_SLOTS_NEEDED; i < count; i++)
		strcat(text, "Via: x\r\n");
	strcat(text, CRLF);
	return precheck(&shape, text, strlen(text));
}

static void bounds(void **unused)
{
	(void)unused;
	assert_int_equal(bounded(SIP_LINE_MAX, 0), 0);
	assert_int_equal(bounded(SIP_LINE_MAX + 1, 0), -EBADMSG);
	assert_int_equal(bounded(SIP_LINE_MAX, SIP_PARAM_MAX), 0);
	assert_int_equal(bounded(SIP_LINE_MAX, SIP_PARAM_MAX + 1), -EBADMSG);
	assert_int_equal(with_headers(SIP_HEADERS_MAX), 0);
	assert_int_equal(with_headers(SIP_HEADERS_MAX + 1), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(candidates),
		cmocka_unit_test(start_lines),
		cmocka_unit_test(folded_and_compact),
		cmocka_unit_test(lengths),
		cmocka_unit_test(refused),
		cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
