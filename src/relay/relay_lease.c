/* SPDX-License-Identifier: BSD-2-Clause */
/* What a relay owns for years: made from a token and the DC's answer. */
#include "relay_lease.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void relay_lease_from_token(struct relay_lease *lease, const struct ntm_token *token)
{
	memset(lease, 0, sizeof(*lease));
	lease->dc[0] = token->dc[0];
	lease->dc[1] = token->dc[1];
	memcpy(lease->dc_key, token->dc_key, sizeof(lease->dc_key));
	memcpy(lease->root, token->root, sizeof(lease->root));
	snprintf(lease->fqdn, sizeof(lease->fqdn), "%s", token->fqdn);
	snprintf(lease->domain, sizeof(lease->domain), "%s", token->domain);
}

static int check(const struct relay_lease *lease, const struct ntm_cert_blob *blob, int64_t now_s)
{
	struct ntm_cert cert;
	int err = ntm_cert_check(&cert, blob->data, blob->len, lease->root, now_s);

	if (err != 0)
		return err;
	return cert.type == NTM_CERT_RELAY && strcmp(cert.fqdn, lease->fqdn) == 0 &&
			       memcmp(cert.key, lease->keys.pub, NTM_KEY_LEN) == 0
		       ? 0
		       : -EPROTO;
}

int relay_lease_from_answer(struct relay_lease *lease, const struct ntm_join_answer *answer,
			    int64_t now_s, char *words, size_t words_len)
{
	int err = check(lease, &answer->cert, now_s);

	if (err != 0) {
		snprintf(words, words_len, "%s",
			 err == -ETIME ? "the new certificate is not valid now: is this host's "
					 "clock right?"
			 : err == -EPROTO
				 ? "the DC's certificate is for another relay"
				 : "the DC's answer is not signed by the root key of the token");
		return err;
	}
	lease->cert = answer->cert;
	lease->prefixes = answer->prefixes;
	return 0;
}

int relay_lease_renew(struct relay_lease *lease, const struct ntm_cert_blob *cert, int64_t now_s)
{
	if (cert->len == lease->cert.len && memcmp(cert->data, lease->cert.data, cert->len) == 0)
		return -EALREADY;
	int err = check(lease, cert, now_s);
	if (err == 0)
		lease->cert = *cert;
	return err;
}
