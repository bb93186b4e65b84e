/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages put together for the tests of src/sip, and addresses as one line of text. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "ntm/sip.h"
#include "text.h"

#define CRLF "\r\n"

/* Headers that every message below has. */
#define H_VIA  "Via: SIP/2.0/UDP 198.18.10.7:5060;branch=z9hG4bK776asdhds;rport" CRLF
#define H_FROM "From: \"Alice\" <sip:alice@a.example>;tag=1928301774" CRLF
#define H_TO   "To: Bob <sip:bob@a.example>"
#define H_CALL "Call-ID: a84b4c76e66710@pc33.a.example" CRLF
#define H_SDP  "Content-Type: application/sdp" CRLF

#define HEAD(start, to_tag, cseq, more) \
	start CRLF H_VIA H_FROM H_TO to_tag CRLF H_CALL "CSeq: " cseq CRLF more

/* What a phone with the virtual address 198.18.20.9 says. */
#define SDP_SESSION                                                                 \
	"v=0" CRLF "o=bob 2808844564 2808844564 IN IP4 203.0.113.5" CRLF "s=-" CRLF \
	"c=IN IP4 198.18.20.9" CRLF "t=0 0" CRLF
#define SDP_BOB                                                                     \
	SDP_SESSION "m=audio 4000 RTP/AVP 0 8 101" CRLF "a=rtpmap:0 PCMU/8000" CRLF \
		    "a=sendrecv" CRLF

static inline struct sip_text text_of(const char *text)
{
	return (struct sip_text){text, strlen(text)};
}

/* Addresses with blanks between them. */
static inline const char *ips_text(const struct ntm_ip *ip, size_t count, char *buf, size_t cap)
{
	char one[NTM_IP_STR];
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < count && used < cap; i++)
		used += (size_t)snprintf(buf + used, cap - used, "%s%s", i ? " " : "",
					 ntm_ip_str(&ip[i], one));
	return buf;
}

/* head, a Content-Length that is true, the empty line, body. Returns the length. */
static inline size_t compose(char *buf, size_t cap, const char *head, const char *body)
{
	return (size_t)snprintf(buf, cap, "%sContent-Length: %zu" CRLF CRLF "%s", head,
				strlen(body), body);
}
