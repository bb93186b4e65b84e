/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages meant to break a parser: cut, flipped, bent, huge, slow. Sanitizers look on, and see
 * what leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ntm/sip.h"
#include "sip_help.h"

#define MIXED "Content-Type: multipart/mixed;boundary=\"0f-1\"" CRLF
#define PARTS "--0f-1" CRLF "Content-Type: application/sdp" CRLF CRLF SDP_BOB CRLF "--0f-1--" CRLF
#define SDP_FULL                                        \
	SDP_BOB "a=rtcp:53020 IN IP4 198.18.20.10" CRLF \
		"a=candidate:1 1 UDP 2130706431 192.168.1.7 8998 typ host" CRLF

static const struct {
	const char *head, *body;
} golden[] = {
	{HEAD("SIP/2.0 200 OK", ";tag=b1", "1 INVITE", H_SDP), SDP_FULL},
	{HEAD("INVITE sip:bob:pw@a.example:5060;transport=udp?x=y SIP/2.0", "", "1 INVITE", H_SDP),
	 SDP_FULL},
	{HEAD("SIP/2.0 183 x", " <sip:b@b>" CRLF " ;tag=b1", "1 INVITE", MIXED), PARTS},
};

static struct ntm_sip_parser *parser;

static int setup(void **unused)
{
	(void)unused;
	parser = ntm_sip_parser_new();
	return parser ? 0 : -1;
}

static int teardown(void **unused)
{
	(void)unused;
	ntm_sip_parser_free(parser);
	return 0;
}

/* Whatever came in, the answer is whole; an opaque one is empty. */
static void check_sane(const struct ntm_sip *sip)
{
	static const struct ntm_sip nothing;

	if (sip->kind == NTM_SIP_OPAQUE) {
		assert_memory_equal(sip, &nothing, sizeof(*sip));
		return;
	}
	if (sip->kind == NTM_SIP_REQUEST)
		assert_int_equal(sip->status, 0);
	else
		assert_in_range(sip->status, 100, 699);
	assert_true(sip->media_count <= NTM_SIP_MEDIA_MAX);
	assert_true(sip->candidate_count <= NTM_SIP_MEDIA_MAX);
	assert_true(sip->has_sdp || (sip->media_count == 0 && sip->candidate_count == 0));
	assert_non_null(memchr(sip->call_id, '\0', sizeof(sip->call_id)));
	assert_non_null(memchr(sip->from_tag, '\0', sizeof(sip->from_tag)));
	assert_non_null(memchr(sip->to_tag, '\0', sizeof(sip->to_tag)));
}

/* Looks at a copy of exactly len bytes, so that a sanitizer sees a read past the end. */
static enum ntm_sip_kind look(const char *msg, size_t len, struct ntm_sip *out)
{
	uint8_t *copy = malloc(len + 1);

	assert_non_null(copy);
	memcpy(copy + 1, msg, len);
	memset(out, 0xa5, sizeof(*out));
	ntm_sip_look(parser, copy + 1, len, out);
	free(copy);
	check_sane(out);
	return out->kind;
}

static void truncated(void **unused)
{
	static char msg[NTM_SIP_MAX];
	struct ntm_sip sip;

	(void)unused;
	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		size_t len = compose(msg, sizeof(msg), golden[i].head, golden[i].body);

		assert_int_not_equal(look(msg, len, &sip), NTM_SIP_OPAQUE);
		assert_true(sip.media_count > 0);
		/* Content-Length says that something is missing. */
		for (size_t cut = 0; cut < len; cut++)
			assert_int_equal(look(msg, cut, &sip), NTM_SIP_OPAQUE);
		/* Without it the headers must be whole, and the body may have any length. */
		size_t head = (size_t)snprintf(msg, sizeof(msg), "%s" CRLF "%s", golden[i].head,
					       golden[i].body) -
			      strlen(golden[i].body);
		for (size_t cut = 0; cut < head + strlen(golden[i].body); cut++)
			assert_int_equal(look(msg, cut, &sip) != NTM_SIP_OPAQUE, cut >= head);
	}
}

static void flipped(void **unused)
{
	static const uint8_t masks[] = {0x01, 0x20, 0x80, 0xff};
	static char msg[NTM_SIP_MAX];
	struct ntm_sip sip;

	(void)unused;
	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		size_t len = compose(msg, sizeof(msg), golden[i].head, golden[i].body);

		for (size_t at = 0; at < len; at++) {
			char byte = msg[at];

			for (size_t m = 0; m < sizeof(masks); m++) {
				msg[at] = (char)(byte ^ (char)masks[m]);
				look(msg, len, &sip);
			}
			msg[at] = '\0';
			look(msg, len, &sip);
			msg[at] = byte;
		}
	}
}

/* One piece goes missing or comes twice. */
static void cut_and_doubled(void **unused)
{
	static char msg[NTM_SIP_MAX], bent[2 * NTM_SIP_MAX];
	struct ntm_sip sip;

	(void)unused;
	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		size_t len = compose(msg, sizeof(msg), golden[i].head, golden[i].body);

		for (size_t at = 0; at < len; at++) {
			size_t piece = 1 + at % 17 < len - at ? 1 + at % 17 : len - at;

			memcpy(bent, msg, at + piece);
			memcpy(bent + at + piece, msg + at, len - at);
			look(bent, len + piece, &sip);
			memcpy(bent + at, msg + at + piece, len - at - piece);
			look(bent, len - piece, &sip);
		}
	}
}

#define LINE(from) "SIP/2.0 200 OK\r\nf: " from "\r\nt: <sip:b@b>\r\ni: c\r\nCSeq: 1 INVITE\r\n"

/* None of these may crash or leak; what libosip2 thinks of each is its own affair. */
static void torture(void **unused)
{
	static const char *const messages[] = {
		LINE("<sip:a@b>;tag") CRLF,
		LINE("<sip:a@b>;tag=") CRLF,
		LINE("<sip:a@b>;tag=\"x") CRLF,
		LINE("<sip:a@b>;tag=x;tag=y") CRLF,
		LINE("<sip:a@b>;;;;=;=") CRLF,
		LINE("<") CRLF,
		LINE(">") CRLF,
		LINE("<a:b") CRLF,
		LINE("\"") CRLF,
		LINE("\"\\\"") CRLF,
		LINE("\"a\\") CRLF,
		LINE("\"a\" <a:b?x=%>") CRLF,
		LINE("<sip:%%%@[::>;tag=[") CRLF,
		LINE("<sip:@:;?&>;tag=1") CRLF,
		LINE("<tel:+1>,<tel:+2>;tag=1") CRLF,
		LINE(";tag=1") CRLF,
		LINE(",") CRLF,
		LINE(":") CRLF,
		"INVITE sip: SIP/2.0\r\nf: sip:a@b\r\nt: sip:b@b\r\ni: @\r\nCSeq: 1 INVITE\r\n\r\n",
		"INVITE sip:[ SIP/2.0\r\nf: sip:a@b\r\nt: sip:b@b\r\ni: @@\r\nCSeq: 1 "
		"INVITE\r\n\r\n",
		"INVITE  sip:a  SIP/2.0\r\nf: sip:a@b\r\nt: sip:b@b\r\ni: a@\r\nCSeq: 1 "
		"INVITE\r\n\r\n",
		"INVITE a:b?%0 SIP/2.0\r\nf: sip:a@b\r\nt: sip:b@b\r\ni: @b\r\nCSeq: 1 "
		"INVITE\r\n\r\n",
		"INVITE <a> SIP/2.0\r\nf: sip:a@b\r\nt: sip:b@b\r\ni: b\r\nCSeq: 1\tINVITE\r\n\r\n",
		LINE("<sip:a@b>") MIXED CRLF "--0f-1",
		LINE("<sip:a@b>") MIXED CRLF "--0f-1\r\n--0f-1\r\n--0f-1\r\n",
		LINE("<sip:a@b>") MIXED CRLF "--0f-1\r\nContent-Type\r\n\r\n--0f-1--",
		LINE("<sip:a@b>") MIXED CRLF "--0f-1\r\nContent-Type:\r\n\r\nv=0\r\n--0f-1--",
		LINE("<sip:a@b>") "c: multipart/mixed;boundary\r\n\r\n--\r\n\r\n--",
		LINE("<sip:a@b>") "c: /\r\n\r\nv=0",
		LINE("<sip:a@b>") H_SDP CRLF "v=0\r\nm=audio 4000 RTP/AVP\r",
		LINE("<sip:a@b>") H_SDP CRLF "v=0\r\nm=audio 4000 RTP/AVP",
		LINE("<sip:a@b>") H_SDP CRLF "v=0\r\nc=IN IP4",
		LINE("<sip:a@b>") H_SDP CRLF
		"v=0\r\nc=IN IP4 \r\nm=\r\nm= \r\na=rtcp:\r\na=candidate:",
		LINE("<sip:a@b>") H_SDP CRLF
		"v=0\nm=audio 99999999999999999999 RTP/AVP 0\nc=IN IP4 1.2.3.4",
	};
	struct ntm_sip sip;

	(void)unused;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		look(messages[i], strlen(messages[i]), &sip);
}

/* Above the cap nothing is parsed: the same message is read or not by its length alone. */
static void cap(void **unused)
{
	static char msg[65536];
	struct ntm_sip sip;
	size_t len = compose(msg, sizeof(msg), golden[0].head, golden[0].body);

	(void)unused;
	memset(msg + len, '\n', sizeof(msg) - len); /* past Content-Length */
	assert_int_equal(look(msg, NTM_SIP_MAX, &sip), NTM_SIP_RESPONSE);
	assert_int_equal(look(msg, NTM_SIP_MAX + 1, &sip), NTM_SIP_OPAQUE);
	assert_int_equal(look(msg, sizeof(msg) - 1, &sip), NTM_SIP_OPAQUE);
	for (int byte = 0; byte < 256; byte++) {
		memset(msg, byte, NTM_SIP_MAX);
		assert_int_equal(look(msg, NTM_SIP_MAX, &sip), NTM_SIP_OPAQUE);
	}
}

/* libosip2 is slow with many parameters: they never get to it (security.md, F7). */
static void parameters_are_bounded(void **unused)
{
	static const char *const places[][2] = {
		{"SIP/2.0 200 OK\r\nf: <sip:a@b>",
		 "\r\nt: <sip:b@b>\r\ni: c\r\nCSeq: 1 INVITE\r\n\r\n"},
		{"SIP/2.0 200 OK\r\nt: <sip:b@b>",
		 "\r\nf: <sip:a@b>\r\ni: c\r\nCSeq: 1 INVITE\r\n\r\n"},
		{"INVITE sip:a@b",
		 " SIP/2.0\r\nf: <sip:a@b>\r\nt: <sip:b@b>\r\ni: c\r\nCSeq: 1 INVITE\r\n\r\n"},
	};
	static char msg[NTM_SIP_MAX];
	struct ntm_sip sip;

	(void)unused;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		for (size_t count = 32; count <= 2048; count *= 2) {
			size_t len = strlen(places[i][0]);

			memcpy(msg, places[i][0], len);
			for (size_t n = 0; n < count; n++, len += 2)
				memcpy(msg + len, ";a", 2);
			memcpy(msg + len, places[i][1], strlen(places[i][1]));
			len += strlen(places[i][1]);
			assert_int_equal(look(msg, len, &sip) == NTM_SIP_OPAQUE, count > 64);
		}
	}
}

/* The other headers, which libosip2 is not shown, may be what they like. */
static void many_headers(void **unused)
{
	static const char lines[][16] = {"v: ;;;;\r\n", "X:\r\n", ":\r\n", "Via: SIP/2.0\r\n"};
	static char msg[NTM_SIP_MAX];
	struct ntm_sip sip;

	(void)unused;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t len = (size_t)snprintf(msg, sizeof(msg), "%s", LINE("<sip:a@b>;tag=1"));

		for (int n = 0; n < 100; n++, len += strlen(lines[i]))
			memcpy(msg + len, lines[i], strlen(lines[i]));
		memcpy(msg + len, CRLF, 2);
		assert_int_equal(look(msg, len + 2, &sip), NTM_SIP_RESPONSE);
		assert_string_equal(sip.from_tag, "1");
	}
}

/* Nothing of one message is seen in the next. */
static void no_memory(void **unused)
{
	static char msg[NTM_SIP_MAX];
	struct ntm_sip alone, after;

	(void)unused;
	look(LINE("<sip:a@b>") CRLF, strlen(LINE("<sip:a@b>") CRLF), &alone);
	look(msg, compose(msg, sizeof(msg), golden[0].head, golden[0].body), &after);
	look(LINE("<sip:a@b>") CRLF, strlen(LINE("<sip:a@b>") CRLF), &after);
	assert_int_equal(alone.kind, NTM_SIP_RESPONSE);
	assert_memory_equal(&alone, &after, sizeof(alone));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truncated),
		cmocka_unit_test(flipped),
		cmocka_unit_test(cut_and_doubled),
		cmocka_unit_test(torture),
		cmocka_unit_test(cap),
		cmocka_unit_test(parameters_are_bounded),
		cmocka_unit_test(many_headers),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
