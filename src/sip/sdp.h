/* SPDX-License-Identifier: BSD-2-Clause */
/* The addresses in a session description that media is wanted at (RFC 8866, RFC 3605, RFC 8839). */
#pragma once

#include "ntm/sip.h"
#include "text.h"

/* Fills the media and candidate fields of out, which are empty before. False, and nothing filled,
 * when the text is no SDP. */
bool sip_sdp_scan(struct sip_text sdp, struct ntm_sip *out);
