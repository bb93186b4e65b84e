/* SPDX-License-Identifier: BSD-2-Clause */
/* Which addresses of an SDP count (sip.md 3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sdp.h"
#include "sip_help.h"

#define V     "v=0" CRLF "o=- 1 1 IN IP4 192.0.2.99" CRLF
#define AUDIO "m=audio 4000 RTP/AVP 0" CRLF

static const struct {
	const char *sdp;
	const char *media;
	const char *candidates;
} rows[] = {
	{V "c=IN IP4 198.18.0.1" CRLF AUDIO, "198.18.0.1", ""},
	{V "c=IN IP4 198.18.0.1" CRLF "t=0 0" CRLF "m=audio 4000 RTP/AVP\r", "198.18.0.1", ""},
	{V "c=IN IP4 198.18.0.1\n" AUDIO, "198.18.0.1", ""},
	{V "c=IN IP6 fd00::1" CRLF AUDIO, "fd00::1", ""},
	{V "c=IN IP6 ::ffff:198.18.0.1" CRLF AUDIO, "198.18.0.1", ""},
	{V "c=IN  IP4\t198.18.0.1 " CRLF AUDIO, "198.18.0.1", ""},
	/* o= never counts, nor c= without a medium */
	{V AUDIO, "", ""},
	{V "c=IN IP4 198.18.0.1" CRLF, "", ""},
	/* media level before session level */
	{V "c=IN IP4 198.18.0.1" CRLF AUDIO "c=IN IP4 198.18.0.2" CRLF, "198.18.0.2", ""},
	{V "c=IN IP4 198.18.0.1" CRLF AUDIO "c=IN IP4 198.18.0.2" CRLF
	   "m=video 4002 RTP/AVP 96" CRLF,
	 "198.18.0.2 198.18.0.1", ""},
	{V AUDIO "c=IN IP4 198.18.0.2" CRLF "m=video 4002 RTP/AVP 96" CRLF
		 "c=IN IP4 198.18.0.3" CRLF,
	 "198.18.0.2 198.18.0.3", ""},
	/* a name there does not bring the session's address back */
	{V "c=IN IP4 198.18.0.1" CRLF AUDIO "c=IN IP4 host.example" CRLF, "", ""},
	/* a section's address does not leak into the next */
	{V AUDIO "c=IN IP4 198.18.0.2" CRLF "m=video 4002 RTP/AVP 96" CRLF, "198.18.0.2", ""},
	/* several, and the same twice */
	{V AUDIO "c=IN IP4 198.18.0.1" CRLF "c=IN IP4 198.18.0.2" CRLF "c=IN IP4 198.18.0.1" CRLF,
	 "198.18.0.1 198.18.0.2", ""},
	/* ports */
	{V "c=IN IP4 198.18.0.1" CRLF "m=audio 0 RTP/AVP 0" CRLF, "", ""},
	{V "c=IN IP4 198.18.0.1" CRLF "m=audio 0/2 RTP/AVP 0" CRLF, "", ""},
	{V "c=IN IP4 198.18.0.1" CRLF "m=audio 00 RTP/AVP 0" CRLF, "", ""},
	{V "c=IN IP4 198.18.0.1" CRLF "m=audio 4000/2 RTP/AVP 0" CRLF, "198.18.0.1", ""},
	{V "c=IN IP4 198.18.0.1" CRLF "m=audio 65536 RTP/AVP 0" CRLF, "", ""},
	{V "c=IN IP4 198.18.0.1" CRLF "m=audio x RTP/AVP 0" CRLF, "", ""},
	{V "c=IN IP4 198.18.0.1" CRLF "m=audio" CRLF, "", ""},
	{V "c=IN IP4 198.18.0.1" CRLF "m=audio 0 RTP/AVP 0" CRLF "c=IN IP4 198.18.0.2" CRLF
	   "m=video 4002 RTP/AVP 96" CRLF,
	 "198.18.0.1", ""},
	/* addresses that are none */
	{V "c=IN IP4 0.0.0.0" CRLF AUDIO, "", ""},
	{V "c=IN IP6 ::" CRLF AUDIO, "", ""},
	{V "c=IN IP4 224.2.1.1/127/3" CRLF AUDIO, "", ""},
	{V "c=IN IP6 ff15::101/3" CRLF AUDIO, "", ""},
	{V "c=IN IP4 198.18.0.1/127" CRLF AUDIO, "198.18.0.1", ""},
	{V "c=IN IP4 198.18.0" CRLF AUDIO, "", ""},
	{V "c=IN IP4 198.18.0.1x" CRLF AUDIO, "", ""},
	{V "c=IN IP4 198.18.0.256" CRLF AUDIO, "", ""},
	{V "c=IN IP4" CRLF AUDIO, "", ""},
	{V "c=IN" CRLF AUDIO, "", ""},
	{V "c=" CRLF AUDIO, "", ""},
	{V "c=XX IP4 198.18.0.1" CRLF AUDIO, "", ""},
	{V "c=IN IP5 198.18.0.1" CRLF AUDIO, "", ""},
	{V " c=IN IP4 198.18.0.1" CRLF AUDIO, "", ""},
	{V "c=IN IP6 2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999" CRLF AUDIO, "", ""},
	/* RFC 3605 */
	{V "c=IN IP4 198.18.0.1" CRLF AUDIO "a=rtcp:53020" CRLF, "198.18.0.1", ""},
	{V "c=IN IP4 198.18.0.1" CRLF AUDIO "a=rtcp:53020 IN IP4 198.18.0.2" CRLF,
	 "198.18.0.1 198.18.0.2", ""},
	{V "c=IN IP4 198.18.0.1" CRLF AUDIO "a=rtcp:53020 IN IP6 fd00::2" CRLF,
	 "198.18.0.1 fd00::2", ""},
	{V "c=IN IP4 198.18.0.1" CRLF AUDIO "a=rtcp:0 IN IP4 198.18.0.2" CRLF, "198.18.0.1", ""},
	{V "c=IN IP4 198.18.0.1" CRLF "a=rtcp:53020 IN IP4 198.18.0.2" CRLF AUDIO, "198.18.0.1",
	 ""},
	{V "c=IN IP4 198.18.0.1" CRLF AUDIO "a=rtcp-fb:0 nack" CRLF "a=rtcp-mux" CRLF
	   "a=rtcp:" CRLF,
	 "198.18.0.1", ""},
	{V "c=IN IP4 198.18.0.1" CRLF "m=audio 0 RTP/AVP 0" CRLF "a=rtcp:9 IN IP4 198.18.0.2" CRLF,
	 "", ""},
	/* ICE */
	{V "c=IN IP4 198.18.0.1" CRLF AUDIO
	   "a=candidate:1 1 UDP 2130706431 192.168.1.7 8998 typ host" CRLF
	   "a=candidate:2 1 UDP 1694498815 203.0.113.7 45664 typ srflx raddr 192.168.1.7 rport "
	   "8998" CRLF "a=candidate:1 2 UDP 2130706431 192.168.1.7 8999 typ host" CRLF
	   "a=candidate:3 1 TCP 1 2001:db8::7 9 typ host tcptype active" CRLF
	   "a=candidate:4 1 UDP 1 c0ffee.local 9 typ host" CRLF "a=candidate:5 1 UDP" CRLF,
	 "198.18.0.1", "192.168.1.7 203.0.113.7 2001:db8::7"},
	/* lines that are none are skipped */
	{V "c=IN IP4 198.18.0.1" CRLF CRLF "x" CRLF "=" CRLF "mm=video 1 x" CRLF AUDIO,
	 "198.18.0.1", ""},
};

static void scan(void **unused)
{
	char text[512];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ntm_sip out = {0};

		if (!sip_sdp_scan(text_of(rows[i].sdp), &out))
			fail_msg("row %zu is not taken", i);
		ips_text(out.media, out.media_count, text, sizeof(text));
		if (strcmp(text, rows[i].media) != 0)
			fail_msg("row %zu: media \"%s\", not \"%s\"", i, text, rows[i].media);
		ips_text(out.candidate, out.candidate_count, text, sizeof(text));
		if (strcmp(text, rows[i].candidates) != 0)
			fail_msg("row %zu: candidates \"%s\"", i, text);
		assert_false(out.media_cut);
	}
}

static void no_sdp(void **unused)
{
	static const char nul[] = V "c=IN IP4 198.18.0.1" CRLF AUDIO "\0" AUDIO;
	static const struct ntm_sip untouched;
	struct ntm_sip out = {0};

	(void)unused;
	assert_false(sip_sdp_scan(text_of(""), &out));
	assert_false(sip_sdp_scan(text_of("v"), &out));
	assert_false(sip_sdp_scan(text_of("c=IN IP4 198.18.0.1" CRLF AUDIO), &out));
	assert_false(sip_sdp_scan(text_of("dj0wDQpvPS0g"), &out)); /* base64 */
	assert_false(sip_sdp_scan((struct sip_text){nul, sizeof(nul) - 1}, &out));
	assert_memory_equal(&out, &untouched, sizeof(out));
}

/* count sections with an address each. */
static void sections(struct ntm_sip *out, int count, const char *line)
{
	char text[8192] = "v=0\r\n";

	for (int i = 1; i <= count; i++) {
		strcat(text, AUDIO);
		sprintf(text + strlen(text), "%s198.18.0.%d 5 typ host\r\n", line, i);
	}
	memset(out, 0, sizeof(*out));
	assert_true(sip_sdp_scan(text_of(text), out));
}

static void at_most_four(void **unused)
{
	struct ntm_sip out;

	(void)unused;
	sections(&out, 4, "c=IN IP4 ");
	assert_int_equal(out.media_count, 4);
	assert_false(out.media_cut);
	sections(&out, 5, "c=IN IP4 ");
	assert_int_equal(out.media_count, 4);
	assert_true(out.media_cut);
	sections(&out, 120, "c=IN IP4 ");
	assert_int_equal(out.media_count, 4);
	sections(&out, 99, "a=candidate:1 1 UDP 1 ");
	assert_int_equal(out.candidate_count, 4);
	assert_int_equal(out.media_count, 0);
	assert_false(out.media_cut);
}

/* Five addresses of one section are cut as well. */
static void cut_in_a_section(void **unused)
{
	struct ntm_sip out = {0};
	char text[512] = V AUDIO;

	(void)unused;
	for (int i = 1; i <= 5; i++)
		sprintf(text + strlen(text), "c=IN IP4 198.18.0.%d\r\n", i);
	assert_true(sip_sdp_scan(text_of(text), &out));
	assert_int_equal(out.media_count, 4);
	assert_true(out.media_cut);
}

static void truncated(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t len = 1; len <= strlen(rows[i].sdp); len++) {
			char *copy = malloc(len);
			struct ntm_sip out = {0};

			assert_non_null(copy);
			memcpy(copy, rows[i].sdp, len);
			sip_sdp_scan((struct sip_text){copy, len}, &out);
			assert_true(out.media_count <= NTM_SIP_MEDIA_MAX);
			free(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scan),         cmocka_unit_test(no_sdp),
		cmocka_unit_test(at_most_four), cmocka_unit_test(cut_in_a_section),
		cmocka_unit_test(truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
