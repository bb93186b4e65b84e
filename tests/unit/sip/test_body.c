/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the SDP is: by Content-Type, and in which part of a multipart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "body.h"
#include "sip_help.h"

#define ISUP "--x" CRLF "Content-Type: application/ISUP" CRLF CRLF "\x01\x02" CRLF
#define PART "--x" CRLF "Content-Type: application/sdp" CRLF CRLF "v=0" CRLF

/* 70 bytes, the longest boundary */
#define LONG     "a234567890b234567890c234567890d234567890e234567890f234567890g234567890"
#define SDP_TYPE "Content-Type: application/sdp" CRLF CRLF

static const struct {
	const char *type; /* NULL: none */
	const char *encoding;
	const char *body;
	const char *sdp; /* NULL: none */
} rows[] = {
	{"application/sdp", NULL, "v=0", "v=0"},
	{"APPLICATION/Sdp", NULL, "v=0", "v=0"},
	{"application / sdp ;charset=utf-8", NULL, "v=0", "v=0"},
	{"application/sdp", "identity", "v=0", "v=0"},
	{"application/sdp", "gzip", "v=0", NULL},
	{"application/sdpx", NULL, "v=0", NULL},
	{"application", NULL, "v=0", NULL},
	{"text/plain", NULL, "v=0", NULL},
	{NULL, NULL, "v=0", NULL},
	{"", NULL, "v=0", NULL},
	{"multipart/mixed;boundary=x", NULL, PART "--x--" CRLF, "v=0" CRLF},
	{"multipart/mixed; charset=y; BOUNDARY = \"x\"", NULL, PART "--x--", "v=0" CRLF},
	{"Multipart/Related;boundary=x;type=\"application/sdp\"", NULL, ISUP PART "--x--",
	 "v=0" CRLF},
	{"multipart/mixed;boundary=x", NULL, "preamble" CRLF ISUP PART "--x--", "v=0" CRLF},
	{"multipart/mixed;boundary=x", NULL, PART, "v=0" CRLF}, /* no closing delimiter */
	{"multipart/mixed;boundary=x", NULL, "--x\nContent-Type: application/sdp\n\nv=0\n--x--\n",
	 "v=0\n"},
	{"multipart/mixed;boundary=x", NULL,
	 "--x  " CRLF "X: y" CRLF " z" CRLF "content-type : application/sdp;" CRLF " a=b" CRLF CRLF
	 "v=0" CRLF "--xy" CRLF "--x-- " CRLF,
	 "v=0" CRLF "--xy" CRLF},
	/* the first of two */
	{"multipart/mixed;boundary=x", NULL,
	 PART "--x" CRLF "Content-Type: application/sdp" CRLF CRLF "v=1" CRLF "--x--", "v=0" CRLF},
	/* nothing behind the closing delimiter, and nothing before the first, is a part */
	{"multipart/mixed;boundary=x", NULL, ISUP "--x--" CRLF PART, NULL},
	{"multipart/mixed;boundary=x", NULL, "Content-Type: application/sdp" CRLF CRLF "v=0", NULL},
	{"multipart/mixed;boundary=x", NULL, "--x" CRLF "Content-Type: application/sdp", ""},
	{"multipart/mixed;boundary=x", NULL, "--x" CRLF CRLF "v=0" CRLF "--x--", NULL},
	{"multipart/mixed;boundary=x", NULL, "--x--", NULL},
	{"multipart/mixed;boundary=x", NULL, "--", NULL},
	{"multipart/mixed;boundary=x", NULL, "", NULL},
	{"multipart/mixed;boundary=", NULL, PART "--x--", NULL},
	{"multipart/mixed;boundary=\"\"", NULL, PART "--x--", NULL},
	{"multipart/mixed;boundary", NULL, PART "--x--", NULL},
	{"multipart/mixed", NULL, PART "--x--", NULL},
	{"multipart/mixed;boundary=" LONG, NULL, "--" LONG CRLF SDP_TYPE "v=0", "v=0"},
	{"multipart/mixed;boundary=x" LONG, NULL, "--x" LONG CRLF SDP_TYPE "v=0", NULL},
};

static void find(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sip_shape shape = {.body = text_of(rows[i].body)};
		struct sip_text sdp;

		if (rows[i].type)
			shape.header[SIP_TYPE] = text_of(rows[i].type);
		if (rows[i].encoding)
			shape.header[SIP_ENCODING] = text_of(rows[i].encoding);
		bool found = sip_body_sdp(&shape, &sdp);

		if (found != !!rows[i].sdp)
			fail_msg("row %zu: %s", i, found ? "found" : "not found");
		if (!found)
			continue;
		assert_int_equal(sdp.len, strlen(rows[i].sdp));
		assert_memory_equal(sdp.p, rows[i].sdp, sdp.len);
	}
}

/* Every cut of every row on the heap, so that a sanitizer sees a read past the end. */
static void truncated(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t len = 0; len <= strlen(rows[i].body); len++) {
			char *copy = malloc(len + 1);
			struct sip_shape shape = {.body = {copy + 1, len}};
			struct sip_text sdp;

			assert_non_null(copy);
			memcpy(copy + 1, rows[i].body, len);
			if (rows[i].type)
				shape.header[SIP_TYPE] = text_of(rows[i].type);
			if (sip_body_sdp(&shape, &sdp))
				assert_true(sdp.len <= len && sdp.p >= copy + 1 &&
					    sdp.p + sdp.len <= copy + 1 + len);
			free(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find),
		cmocka_unit_test(truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
