/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole messages, as phones and servers send them and as nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <osipparser2/osip_port.h>

#include "precheck.h"
#include "sip_help.h"

#define ALICE_CALL_ID "a84b4c76e66710@pc33.a.example"
#define ALICE_TAG     "1928301774"
#define REQ(m)        m " sip:bob@198.18.20.9:5060;transport=udp SIP/2.0"
#define TAG           ";tag=a6c85cf"
#define H_CONTACT     "Contact: <sip:bob@198.18.20.9:5060>" CRLF

struct row {
	const char *name;
	const char *head, *body; /* as compose() takes them */
	enum ntm_sip_kind kind;
	enum ntm_sip_method method;
	int status;
	uint32_t cseq;
	const char *to_tag;
	const char *media; /* NULL: no SDP */
};

#define REQUEST  NTM_SIP_REQUEST
#define RESPONSE NTM_SIP_RESPONSE

#define MULTIPART                                                                      \
	"--b1" CRLF "Content-Type: application/sdp" CRLF CRLF SDP_BOB CRLF "--b1" CRLF \
	"Content-Type: application/resource-lists+xml" CRLF CRLF "<x/>" CRLF "--b1--" CRLF

#define SDP_HOLD                                                                        \
	"v=0" CRLF "o=- 1 2 IN IP4 198.18.20.9" CRLF "s=-" CRLF "c=IN IP4 0.0.0.0" CRLF \
	"t=0 0" CRLF "m=audio 4000 RTP/AVP 0" CRLF "a=sendonly" CRLF

#define SDP_V6                                                                          \
	"v=0" CRLF "o=- 1 2 IN IP6 fd00:1::9" CRLF "s=-" CRLF "c=IN IP6 fd00:1::9" CRLF \
	"t=0 0" CRLF "m=audio 4000 RTP/AVP 0" CRLF

#define SDP_TWO                                                                  \
	SDP_SESSION "m=audio 4000 RTP/AVP 0" CRLF "m=video 4002 RTP/AVP 96" CRLF \
		    "c=IN IP4 198.18.30.3" CRLF

/* All of them have Alice's From and Call-ID. */
static const struct row rows[] = {
	{"INVITE", HEAD(REQ("INVITE"), "", "314159 INVITE", H_SDP), SDP_BOB, REQUEST,
	 NTM_SIP_INVITE, 0, 314159, "", "198.18.20.9"},
	{"INVITE, late offer", HEAD(REQ("INVITE"), "", "1 INVITE", H_CONTACT), "", REQUEST,
	 NTM_SIP_INVITE, 0, 1, "", NULL},
	{"re-INVITE", HEAD(REQ("INVITE"), TAG, "2 INVITE", H_CONTACT H_SDP), SDP_BOB, REQUEST,
	 NTM_SIP_INVITE, 0, 2, "a6c85cf", "198.18.20.9"},
	{"100", HEAD("SIP/2.0 100 Giving it a try", "", "1 INVITE", ""), "", RESPONSE,
	 NTM_SIP_INVITE, 100, 1, "", NULL},
	{"180", HEAD("SIP/2.0 180 Ringing", TAG, "1 INVITE", H_CONTACT), "", RESPONSE,
	 NTM_SIP_INVITE, 180, 1, "a6c85cf", NULL},
	{"183 with SDP", HEAD("SIP/2.0 183 Session Progress", TAG, "1 INVITE", H_SDP), SDP_BOB,
	 RESPONSE, NTM_SIP_INVITE, 183, 1, "a6c85cf", "198.18.20.9"},
	{"200", HEAD("SIP/2.0 200 OK", TAG, "1 INVITE", H_CONTACT H_SDP), SDP_BOB, RESPONSE,
	 NTM_SIP_INVITE, 200, 1, "a6c85cf", "198.18.20.9"},
	{"200 of baresip", HEAD("SIP/2.0 200 Answering", TAG, "1 INVITE", H_SDP), SDP_BOB, RESPONSE,
	 NTM_SIP_INVITE, 200, 1, "a6c85cf", "198.18.20.9"},
	{"200 with no words", HEAD("SIP/2.0 200 ", TAG, "1 INVITE", H_SDP), SDP_BOB, RESPONSE,
	 NTM_SIP_INVITE, 200, 1, "a6c85cf", "198.18.20.9"},
	{"200 of another fork", HEAD("SIP/2.0 200 OK", ";tag=other-2", "1 INVITE", H_SDP), SDP_BOB,
	 RESPONSE, NTM_SIP_INVITE, 200, 1, "other-2", "198.18.20.9"},
	{"200 with words in UTF-8", HEAD("SIP/2.0 200 \xc3\xa7\x61 va", TAG, "1 INVITE", H_SDP),
	 SDP_BOB, RESPONSE, NTM_SIP_INVITE, 200, 1, "a6c85cf", "198.18.20.9"},
	{"299", HEAD("SIP/2.0 299 x", TAG, "1 INVITE", H_SDP), SDP_BOB, RESPONSE, NTM_SIP_INVITE,
	 299, 1, "a6c85cf", "198.18.20.9"},
	{"486", HEAD("SIP/2.0 486 Busy Here", TAG, "1 INVITE", ""), "", RESPONSE, NTM_SIP_INVITE,
	 486, 1, "a6c85cf", NULL},
	{"ACK with SDP", HEAD(REQ("ACK"), TAG, "1 ACK", H_SDP), SDP_BOB, REQUEST, NTM_SIP_ACK, 0, 1,
	 "a6c85cf", "198.18.20.9"},
	{"PRACK", HEAD(REQ("PRACK"), TAG, "2 PRACK", "RAck: 1 1 INVITE" CRLF H_SDP), SDP_BOB,
	 REQUEST, NTM_SIP_PRACK, 0, 2, "a6c85cf", "198.18.20.9"},
	{"200 to UPDATE", HEAD("SIP/2.0 200 OK", TAG, "3 UPDATE", H_SDP), SDP_BOB, RESPONSE,
	 NTM_SIP_UPDATE, 200, 3, "a6c85cf", "198.18.20.9"},
	{"BYE", HEAD(REQ("BYE"), TAG, "4 BYE", ""), "", REQUEST, NTM_SIP_BYE, 0, 4, "a6c85cf",
	 NULL},
	{"CANCEL", HEAD(REQ("CANCEL"), "", "1 CANCEL", ""), "", REQUEST, NTM_SIP_CANCEL, 0, 1, "",
	 NULL},
	{"200 to REGISTER", HEAD("SIP/2.0 200 OK", TAG, "9 REGISTER", H_CONTACT), "", RESPONSE,
	 NTM_SIP_REGISTER, 200, 9, "a6c85cf", NULL},
	{"OPTIONS", HEAD(REQ("OPTIONS"), "", "5 OPTIONS", ""), "", REQUEST, NTM_SIP_OTHER, 0, 5, "",
	 NULL},
	{"a method in small letters is another method", HEAD(REQ("invite"), "", "5 invite", H_SDP),
	 SDP_BOB, REQUEST, NTM_SIP_OTHER, 0, 5, "", "198.18.20.9"},
	{"multipart",
	 HEAD("SIP/2.0 200 OK", TAG, "1 INVITE",
	      "MIME-Version: 1.0" CRLF "Content-Type: multipart/mixed;boundary=\"b1\"" CRLF),
	 MULTIPART, RESPONSE, NTM_SIP_INVITE, 200, 1, "a6c85cf", "198.18.20.9"},
	{"type in other letters",
	 HEAD("SIP/2.0 200 OK", TAG, "1 INVITE", "CONTENT-TYPE:Application/SDP;charset=utf-8" CRLF),
	 SDP_BOB, RESPONSE, NTM_SIP_INVITE, 200, 1, "a6c85cf", "198.18.20.9"},
	{"another type", HEAD("SIP/2.0 200 OK", TAG, "1 INVITE", "Content-Type: text/plain" CRLF),
	 SDP_BOB, RESPONSE, NTM_SIP_INVITE, 200, 1, "a6c85cf", NULL},
	{"no SDP under its type", HEAD("SIP/2.0 200 OK", TAG, "1 INVITE", H_SDP), "hello", RESPONSE,
	 NTM_SIP_INVITE, 200, 1, "a6c85cf", NULL},
	{"hold", HEAD(REQ("INVITE"), TAG, "2 INVITE", H_SDP), SDP_HOLD, REQUEST, NTM_SIP_INVITE, 0,
	 2, "a6c85cf", ""},
	{"IPv6", HEAD("SIP/2.0 200 OK", TAG, "1 INVITE", H_SDP), SDP_V6, RESPONSE, NTM_SIP_INVITE,
	 200, 1, "a6c85cf", "fd00:1::9"},
	{"two media", HEAD("SIP/2.0 200 OK", TAG, "1 INVITE", H_SDP), SDP_TWO, RESPONSE,
	 NTM_SIP_INVITE, 200, 1, "a6c85cf", "198.18.20.9 198.18.30.3"},
	{"IPv6 in the request line",
	 HEAD("INVITE sip:bob@[fd00:1::9]:5060 SIP/2.0", "", "1 INVITE", H_SDP), SDP_V6, REQUEST,
	 NTM_SIP_INVITE, 0, 1, "", "fd00:1::9"},
	{"tel URI", HEAD("INVITE tel:+81-3-1234;phone-context=a SIP/2.0", "", "1 INVITE", ""), "",
	 REQUEST, NTM_SIP_INVITE, 0, 1, "", NULL},
	/* broken in headers that are nobody's business here */
	{"bad Via, Contact, Route, credentials",
	 HEAD("SIP/2.0 200 OK", TAG, "1 INVITE",
	      "Via: SIP/2.0" CRLF "Contact: <<>" CRLF "Route: ,;,;" CRLF "Content-Length-X: -1" CRLF
	      "WWW-Authenticate: Digest realm=" CRLF "Authorization: x" CRLF H_SDP),
	 SDP_BOB, RESPONSE, NTM_SIP_INVITE, 200, 1, "a6c85cf", "198.18.20.9"},
};

static struct ntm_sip_parser *parser;

static int set_up(void **unused)
{
	(void)unused;
	parser = ntm_sip_parser_new();
	return parser ? 0 : -1;
}

static int tear_down(void **unused)
{
	(void)unused;
	ntm_sip_parser_free(parser);
	return 0;
}

/* Looks at an exact copy on the heap, and sees that it was not changed. */
static void look(const void *bytes, size_t len, struct ntm_sip *out)
{
	uint8_t *copy = malloc(len + 1);

	assert_non_null(copy);
	memcpy(copy + 1, bytes, len);
	ntm_sip_look(parser, copy + 1, len, out);
	assert_memory_equal(copy + 1, bytes, len);
	free(copy);
}

static struct ntm_sip look_text(const char *text)
{
	struct ntm_sip out;

	look(text, strlen(text), &out);
	return out;
}

static void assert_opaque(const struct ntm_sip *sip)
{
	static const struct ntm_sip opaque = {.kind = NTM_SIP_OPAQUE};

	assert_memory_equal(sip, &opaque, sizeof(*sip));
}

static void assert_row(const struct row *row, const struct ntm_sip *sip)
{
	char media[256];

	if (sip->kind != row->kind)
		fail_msg("%s: kind %d", row->name, (int)sip->kind);
	assert_int_equal(sip->method, row->method);
	assert_int_equal(sip->status, row->status);
	assert_int_equal(sip->cseq, row->cseq);
	assert_string_equal(sip->call_id, ALICE_CALL_ID);
	assert_string_equal(sip->from_tag, ALICE_TAG);
	assert_string_equal(sip->to_tag, row->to_tag);
	ips_text(sip->media, sip->media_count, media, sizeof(media));
	if (sip->has_sdp != !!row->media || strcmp(media, row->media ? row->media : "") != 0)
		fail_msg("%s: SDP %d, media \"%s\"", row->name, sip->has_sdp, media);
}

static void messages(void **unused)
{
	char text[NTM_SIP_MAX];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = compose(text, sizeof(text), rows[i].head, rows[i].body);
		struct ntm_sip sip;

		look(text, len, &sip);
		assert_row(&rows[i], &sip);
	}
}

/* The same messages with LF for CRLF. */
static void bare_line_feeds(void **unused)
{
	char text[NTM_SIP_MAX];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = 0;
		struct ntm_sip sip;

		for (const char *p = rows[i].head; *p; p++)
			if (*p != '\r')
				text[len++] = *p;
		text[len++] = '\n';
		for (const char *p = rows[i].body; *p; p++)
			if (*p != '\r')
				text[len++] = *p;
		look(text, len, &sip);
		assert_row(&rows[i], &sip);
	}
}

/* The same with every header folded behind its colon, and line ends in front. */
static void folded(void **unused)
{
	char text[2 * NTM_SIP_MAX];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = (size_t)sprintf(text, CRLF CRLF);
		const char *p = strstr(rows[i].head, CRLF);
		struct ntm_sip sip;

		len += (size_t)sprintf(text + len, "%.*s", (int)(p - rows[i].head), rows[i].head);
		for (; *p; p++) {
			text[len++] = *p;
			if (p[0] == ':' && p[1] == ' ')
				len += (size_t)sprintf(text + len, CRLF "\t\r\n");
		}
		len += (size_t)sprintf(text + len, CRLF "%s", rows[i].body);
		look(text, len, &sip);
		assert_row(&rows[i], &sip);
	}
}

static void compact(void **unused)
{
	static const char text[] =
		"SIP/2.0 200 OK" CRLF "v:SIP/2.0/UDP h;branch=z9hG4bKx" CRLF
		"f:<sip:a@h>;x=y;TAG=ft" CRLF "t:sip:b@h;tag=tt" CRLF "i:id" CRLF
		"CSeq:7 INVITE" CRLF "m:<sip:b@h>" CRLF "c:application/sdp" CRLF "l:63" CRLF CRLF
		"v=0\no=- 1 1 IN IP4 h\ns=-\nc=IN IP4 198.18.1.1\nt=0 0\n"
		"m=audio 2 x\n";
	struct ntm_sip sip = look_text(text);
	char media[64];

	(void)unused;
	assert_int_equal(sip.kind, NTM_SIP_RESPONSE);
	assert_string_equal(sip.from_tag, "ft");
	assert_string_equal(sip.to_tag, "tt");
	assert_string_equal(sip.call_id, "id");
	assert_int_equal(sip.cseq, 7);
	assert_string_equal(ips_text(sip.media, sip.media_count, media, sizeof(media)),
			    "198.18.1.1");
}

#define MIN(start, from, to, call_id, cseq)                                   \
	start CRLF "From: " from CRLF "To: " to CRLF "Call-ID: " call_id CRLF \
		   "CSeq: " cseq CRLF CRLF

/* In the spirit of RFC 4475: strange, and allowed. */
static void strange_but_right(void **unused)
{
	static const struct {
		const char *text;
		const char *call_id, *from_tag, *to_tag;
		uint32_t cseq;
	} strange[] = {
		{MIN("SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe", "<sip:a@h>;tag=1",
		     "<sip:b@h>;tag=2", "x", "0004294967295 INVITE"),
		 "x", "1", "2", 4294967295},
		{MIN("OPTIONS sip:null-%00-null@h;a=b?c=d SIP/2.0",
		     "\"quoted \\\" ; tag=no <x>\" <sip:a;tag=no@h;tag=no> ; p = \"a;b\" ; tag = "
		     "1 ",
		     "caller<sip:b@[2001:db8::1]>;tag=2", "a<b>/?{c}@[x]", "5   OPTIONS"),
		 "a<b>/?{c}@[x]", "1", "2", 5},
		{MIN("!m.%*_+`'~ urn:service:sos SIP/2.0", "sip:a@h;tag=1", "urn:x:y;tag=2",
		     "x@y@z", "0 !m.%*_+`'~"),
		 "x@y@z", "1", "2", 0},
		{MIN("SIP/2.0 200 OK", "<sip:a@h>", "<sip:b@h>", "x", "1 INVITE"), "x", "", "", 1},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		struct ntm_sip sip = look_text(strange[i].text);

		if (sip.kind == NTM_SIP_OPAQUE)
			fail_msg("row %zu is opaque", i);
		assert_string_equal(sip.call_id, strange[i].call_id);
		assert_string_equal(sip.from_tag, strange[i].from_tag);
		assert_string_equal(sip.to_tag, strange[i].to_tag);
		assert_int_equal(sip.cseq, strange[i].cseq);
	}
}

#define A "<sip:a@h>;tag=1"
#define B "<sip:b@h>;tag=2"

static void garbage(void **unused)
{
	static const char *const texts[] = {
		"",
		"\r\n\r\n",
		"hello",
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"SIP/2.0 200 OK\r\n\r\n",
		MIN("SIP/2.0 4294967496 OK", A, B, "x", "1 INVITE"),
		MIN("SIP/2.0 2000 OK", A, B, "x", "1 INVITE"),
		MIN("SIP/2.0 20 OK", A, B, "x", "1 INVITE"),
		MIN("SIP/1.0 200 OK", A, B, "x", "1 INVITE"),
		MIN("sip/2.0 200 OK", A, B, "x", "1 INVITE"),
		MIN("INVITE sip:b@h SIP/7.0", A, B, "x", "1 INVITE"),
		MIN("INVITE sip:b @h SIP/2.0", A, B, "x", "1 INVITE"),
		MIN("INVITE SIP/2.0", A, B, "x", "1 INVITE"),
		MIN("INVITE sip:b@h SIP/2.0", A, B, "x", "1 OPTIONS"),
		MIN("INVITE sip:b@h SIP/2.0", A, B, "x", "4294967296 INVITE"),
		MIN("INVITE sip:b@h SIP/2.0", A, B, "x", "-1 INVITE"),
		MIN("INVITE sip:b@h SIP/2.0", A, B, "x", "1x INVITE"),
		MIN("INVITE sip:b@h SIP/2.0", A, B, "x", "INVITE"),
		MIN("INVITE sip:b@h SIP/2.0", A, B, "x", "1"),
		MIN("INVITE sip:b@h SIP/2.0", A, B, "", "1 INVITE"),
		MIN("INVITE sip:b@h SIP/2.0", "", B, "x", "1 INVITE"),
		MIN("INVITE sip:b@h SIP/2.0", "\"a <sip:a@h>", B, "x", "1 INVITE"),
		MIN("INVITE sip:b@h SIP/2.0", "<sip:a@h;tag=1", B, "x", "1 INVITE"),
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct ntm_sip sip = look_text(texts[i]);

		if (sip.kind != NTM_SIP_OPAQUE)
			fail_msg("row %zu: %s", i, texts[i]);
		assert_opaque(&sip);
	}
}

/* What a program makes of a false Content-Length is what counts, or nothing does. */
static void false_lengths(void **unused)
{
	static const struct {
		const char *value;
		enum ntm_sip_kind kind;
		const char *media;
	} lies[] = {
		{"87", RESPONSE, "198.18.20.9"}, /* true */
		{"63", RESPONSE, ""},            /* cut before m= */
		{"0", RESPONSE, NULL},
		{"88", NTM_SIP_OPAQUE, NULL},
		{"-1", NTM_SIP_OPAQUE, NULL},
		{"4294967383", NTM_SIP_OPAQUE, NULL}, /* 87 in 32 bits */
		{"87, 87", NTM_SIP_OPAQUE, NULL},
		{"87" CRLF "l: 0", NTM_SIP_OPAQUE, NULL},
		{"0x57", NTM_SIP_OPAQUE, NULL},
	};
	static const char body[] =
		"v=0" CRLF "o=- 1 1 IN IP4 1.2.3.4" CRLF "s=-" CRLF "c=IN IP4 198.18.20.9" CRLF
		"t=0 0" CRLF "m=audio 4000 RTP/AVP 0" CRLF;
	char text[1024], media[64];

	(void)unused;
	assert_int_equal(strlen(body), 87);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		snprintf(text, sizeof(text), "%sContent-Length: %s" CRLF CRLF "%s",
			 HEAD("SIP/2.0 200 OK", TAG, "1 INVITE", H_SDP), lies[i].value, body);
		struct ntm_sip sip = look_text(text);

		if (sip.kind != lies[i].kind)
			fail_msg("%s: kind %d", lies[i].value, (int)sip.kind);
		assert_int_equal(sip.has_sdp, !!lies[i].media);
		ips_text(sip.media, sip.media_count, media, sizeof(media));
		assert_string_equal(media, lies[i].media ? lies[i].media : "");
	}
}

/* An id that is not told apart whole would mix up calls. */
static void long_ids(void **unused)
{
	static const char *const forms[] = {
		MIN("SIP/2.0 200 OK", A, B, "%.*s", "1 INVITE"),
		MIN("SIP/2.0 200 OK", A, B, "%.*s@h", "1 INVITE"),
		MIN("SIP/2.0 200 OK", "<sip:a@h>;tag=%.*s", B, "x", "1 INVITE"),
		MIN("SIP/2.0 200 OK", A, "<sip:b@h>;tag=%.*s", "x", "1 INVITE"),
	};
	char id[NTM_SIP_ID_MAX + 2], text[1024];

	(void)unused;
	memset(id, 'x', sizeof(id));
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		int room = i == 1 ? NTM_SIP_ID_MAX - 2 : NTM_SIP_ID_MAX;
		const char *at = strstr(forms[i], "%.*s");

		for (int extra = 0; extra < 2; extra++) {
			sprintf(text, "%.*s%.*s%s", (int)(at - forms[i]), forms[i], room + extra,
				id, at + 4);
			struct ntm_sip sip = look_text(text);

			assert_int_equal(sip.kind, extra ? NTM_SIP_OPAQUE : NTM_SIP_RESPONSE);
		}
	}
}

/* Work done by libosip2, in allocations. */
static struct {
	size_t allocated;
	size_t freed;
} work;

static void *counting_malloc(size_t size)
{
	void *p = malloc(size);

	work.allocated += p ? 1 : 0;
	return p;
}

static void *counting_realloc(void *p, size_t size)
{
	work.allocated += p ? 0 : 1;
	return realloc(p, size);
}

static void counting_free(void *p)
{
	work.freed += p ? 1 : 0;
	free(p);
}

static size_t work_for(const char *text, size_t len)
{
	struct ntm_sip sip;

	work.allocated = work.freed = 0;
	ntm_sip_look(parser, (const uint8_t *)text, len, &sip);
	assert_int_equal(work.allocated, work.freed);
	return work.allocated;
}

/* start, filler as often as it fits into size, end. */
static size_t filled(char *text, size_t size, const char *start, const char *filler,
		     const char *end)
{
	size_t len = strlen(start), step = strlen(filler);

	memcpy(text, start, len);
	for (; len + step + strlen(end) <= size; len += step)
		memcpy(text + len, filler, step);
	memcpy(text + len, end, strlen(end));
	return len + strlen(end);
}

#define TAIL CRLF "To: " B CRLF "Call-ID: x" CRLF "CSeq: 1 INVITE" CRLF CRLF

static void work_is_bounded(void **unused)
{
	static const struct {
		const char *start, *filler, *end;
		bool is_free; /* libosip2 does not see it at all */
	} floods[] = {
		{"SIP/2.0 200 OK" CRLF "From: <sip:a@h>", ";a", TAIL, true},
		{"SIP/2.0 200 OK" CRLF "From: <sip:a@h", ";a", ">" TAIL, true},
		{"SIP/2.0 200 OK" CRLF "From: <sip:a@h?", "&a", ">" TAIL, true},
		{"SIP/2.0 200 OK" CRLF "From: ", "\"\"", A TAIL, true},
		{"SIP/2.0 200 OK" CRLF "From: ", CRLF " ", A TAIL, false},
		{"INVITE sip:h", ";a", " SIP/2.0" CRLF "From: " A TAIL, true},
		{"SIP/2.0 200 ", "x ", CRLF "From: " A TAIL, false},
		{"SIP/2.0 200 OK" CRLF, "Via: SIP/2.0/UDP h;branch=x" CRLF, "From: " A TAIL, true},
		{"SIP/2.0 200 OK" CRLF, "X:" CRLF, "From: " A TAIL, true},
		{"SIP/2.0 200 OK" CRLF "Contact: *", ",<sip:a@h>;a", CRLF "From: " A TAIL, false},
		{"SIP/2.0 200 OK" CRLF "c: multipart/mixed;boundary=x" CRLF "From: " A TAIL,
		 "--x\n\n", "", false},
		{"SIP/2.0 200 OK" CRLF "c: application/sdp" CRLF "From: " A TAIL "v=0\n",
		 "m=a 1\nc=IN IP4 1.2.3.4\n", "", false},
	};
	static char text[65536];
	size_t plain;

	(void)unused;
	osip_set_allocators(counting_malloc, counting_realloc, counting_free);
	plain = work_for(text, filled(text, 0, "SIP/2.0 200 OK" CRLF "From: " A TAIL, " ", ""));
	assert_in_range(plain, 1, 100);
	for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
		size_t len =
			filled(text, NTM_SIP_MAX, floods[i].start, floods[i].filler, floods[i].end);
		size_t done = work_for(text, len);

		if (floods[i].is_free ? done != 0 : done == 0 || done > plain)
			fail_msg("row %zu: %zu allocations, %zu without", i, done, plain);
		len = filled(text, sizeof(text), floods[i].start, floods[i].filler, floods[i].end);
		assert_int_equal(work_for(text, len), 0);
	}
	/* the most that may be asked of it */
	size_t len = (size_t)sprintf(text, "SIP/2.0 200 OK" CRLF "From: <sip:a@h>");
	for (int i = 0; i < SIP_PARAM_MAX; i++)
		len += (size_t)sprintf(text + len, i < SIP_PARAM_MAX - 1 ? ";a=b" : TAIL);
	assert_in_range(work_for(text, len), plain, plain + 5 * SIP_PARAM_MAX);
	osip_set_allocators(NULL, NULL, NULL);
}

/* A second parser in the process does no harm, nor does freeing none. */
static void two_parsers(void **unused)
{
	struct ntm_sip_parser *other = ntm_sip_parser_new();
	struct ntm_sip sip;

	(void)unused;
	assert_non_null(other);
	ntm_sip_parser_free(other);
	ntm_sip_parser_free(NULL);
	sip = look_text(MIN("SIP/2.0 200 OK", A, B, "x", "1 INVITE"));
	assert_int_equal(sip.kind, NTM_SIP_RESPONSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(bare_line_feeds),
		cmocka_unit_test(folded),
		cmocka_unit_test(compact),
		cmocka_unit_test(strange_but_right),
		cmocka_unit_test(garbage),
		cmocka_unit_test(false_lengths),
		cmocka_unit_test(long_ids),
		cmocka_unit_test(work_is_bounded),
		cmocka_unit_test(two_parsers),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
