/* SPDX-License-Identifier: BSD-2-Clause */
/* The shape of a message before libosip2 sees any of it: start line, the headers that count, body.
 */
#pragma once

#include "text.h"

/* Bounds of what is handed to libosip2, which is quadratic in parameters (sip.md 5). */
#define SIP_LINE_MAX  2048
#define SIP_PARAM_MAX 64 /* over all its lines */
/* Header lines in all; they cost us time, each. */
#define SIP_HEADERS_MAX 128
/* SIP-Version, RFC 3261 7.1. */
#define SIP_VERSION "SIP/2.0"

enum sip_slot {
	SIP_FROM, /* these four must be there, once; they go to libosip2 */
	SIP_TO,
	SIP_CALL_ID,
	SIP_CSEQ,
	SIP_TYPE, /* these may be there, once; they say how to read the body */
	SIP_LENGTH,
	SIP_ENCODING,
	SIP_SLOTS
};
#define SIP_SLOTS_NEEDED 4

struct sip_shape {
	struct sip_text start;             /* start line of a request */
	int status;                        /* 100..699; 0 in a request */
	struct sip_text header[SIP_SLOTS]; /* values, trimmed, on one line */
	struct sip_text body;              /* cut to Content-Length */
};

/*
 * Unfolds the header lines of msg in place and finds the parts; they point into msg. -EBADMSG for
 * everything that a SIP program could read in another way than we do: then nobody should be held
 * up.
 */
int sip_precheck(struct sip_shape *shape, char *msg, size_t len);
