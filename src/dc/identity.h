/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates that the DC signs for other than nodes: its own, for the DCs of other domains, and
 * those that introduce these domains to our nodes. */
#pragma once

#include "dc.h"

#include "ntm/log.h"
#include "ntm/payload.h"

#define IDENTITY_DC_S     (90 * 86400)
#define IDENTITY_DOMAIN_S (30 * 86400)

/* Zeros: none yet. Made anew at half of its life. */
struct identity_cert {
	struct ntm_cert_blob blob;
	int64_t not_before_s, renew_s, not_after_s;
};

/* The first four are the owner's to set, and outlive it; zeros are right for the rest. */
struct identity {
	struct store *store;
	const struct dc_settings *settings; /* domain, prefixes */
	const struct ntm_root *root;
	const uint8_t *key; /* the DC's X25519 public key */
	struct identity_cert dc;
	struct ntm_log_gate gate;
};

/*
 * Both renew when that is due, and go on with what they have, after a warning, when the store fails
 * as long as it is valid: *cert is unchanged then. 0; the store's errors, -EAGAIN (one that does
 * not answer at once), -EINVAL (cannot be signed): there is no valid certificate.
 */
int identity_hello(struct identity *identity, int64_t now_s, struct ntm_dc_hello *hello);
/* The pin's domain, prefixes and root, zeros when it is not known. Who changes the pin zeroes
 * *cert. */
int identity_domain(struct identity *identity, const struct trust_pin *pin, int64_t now_s,
		    struct identity_cert *cert);
