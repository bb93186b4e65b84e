/* SPDX-License-Identifier: BSD-2-Clause */
/* The DC's own certificate, and those of the domains that it knows: renewed at half life. */
#include "identity.h"

#include "dc_priv.h"

#include <errno.h>
#include <string.h>

static bool is_valid(const struct identity_cert *cert, int64_t now_s)
{
	return cert->blob.len > 0 && now_s < cert->not_after_s &&
	       cert->not_before_s <= now_s + NTM_CERT_SKEW_S;
}

static bool is_due(const struct identity_cert *cert, int64_t now_s)
{
	return !is_valid(cert, now_s) || now_s >= cert->renew_s;
}

static int sign(const struct identity *identity, struct ntm_cert *body,
		const struct store_cert *cert, struct ntm_cert_blob *blob)
{
	struct ntm_cert_blob made = {.len = 0};

	body->serial = cert->serial;
	body->not_before_s = cert->not_before_s;
	body->not_after_s = cert->not_after_s;
	made.len = (uint16_t)ntm_cert_sign(body, identity->root, made.data);
	if (made.len == 0)
		return -EINVAL;
	*blob = made;
	return 0;
}

/* body has all but serial and times. */
static int make(const struct identity *identity, struct ntm_cert *body, int64_t now_s,
		int64_t lifetime_s, struct identity_cert *made)
{
	struct store_cert wanted = {.not_before_s = now_s, .not_after_s = now_s + lifetime_s};
	struct store_cert cert;

	memcpy(wanted.key, body->key, sizeof(wanted.key));
	int err = lookup_cert_issue(identity->store, &wanted, &cert);
	if (err == 0)
		err = sign(identity, body, &cert, &made->blob);
	made->not_before_s = now_s;
	made->renew_s = now_s + lifetime_s / 2;
	made->not_after_s = now_s + lifetime_s;
	return err;
}

static int renew(struct identity *identity, struct ntm_cert *body, int64_t now_s,
		 int64_t lifetime_s, struct identity_cert *cert)
{
	struct identity_cert made;

	if (!is_due(cert, now_s))
		return 0;
	int err = make(identity, body, now_s, lifetime_s, &made);
	if (err == 0) {
		*cert = made;
		return 0;
	}
	if (ntm_log_gate_open(&identity->gate, now_s * 1000))
		ntm_warn("no new certificate for %s domain=%s: %s",
			 body->type == NTM_CERT_DC ? "this DC" : "another domain", body->fqdn,
			 err == -EINVAL ? "it cannot be signed" : store_words(identity->store));
	return is_valid(cert, now_s) ? 0 : err;
}

int identity_hello(struct identity *identity, int64_t now_s, struct ntm_dc_hello *hello)
{
	const struct dc_settings *settings = identity->settings;
	struct ntm_cert body = {.type = NTM_CERT_DC,
				.prefix4 = settings->prefix4,
				.prefix6 = settings->prefix6};

	memcpy(body.key, identity->key, sizeof(body.key));
	memcpy(body.fqdn, settings->domain, sizeof(body.fqdn));
	int err = renew(identity, &body, now_s, IDENTITY_DC_S, &identity->dc);
	if (err != 0)
		return err;
	memcpy(hello->root, identity->root->pub, sizeof(hello->root));
	hello->cert = identity->dc.blob;
	return 0;
}

static struct ntm_cert domain_body(const struct trust_pin *pin)
{
	struct ntm_cert body = {.type = NTM_CERT_DOMAIN,
				.prefix4 = pin->prefix4,
				.prefix6 = pin->prefix6};

	if (pin->has_root)
		memcpy(body.key, pin->root, sizeof(body.key));
	memcpy(body.fqdn, pin->domain, sizeof(body.fqdn));
	return body;
}

int identity_domain(struct identity *identity, const struct trust_pin *pin, int64_t now_s,
		    struct identity_cert *cert)
{
	struct ntm_cert body = domain_body(pin);

	return renew(identity, &body, now_s, IDENTITY_DOMAIN_S, cert);
}
