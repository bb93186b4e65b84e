/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the SDP is in a body: all of it, or a part of a multipart (RFC 2046 5.1, RFC 5621). */
#pragma once

#include "precheck.h"

/* Finds the first application/sdp; *sdp points into the body. False when there is none. Nested
 * multiparts and encoded bodies are not looked into. */
bool sip_body_sdp(const struct sip_shape *shape, struct sip_text *sdp);
