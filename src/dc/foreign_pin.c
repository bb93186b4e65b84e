/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a DC is the one of a trusted domain, and pinning a root when it becomes known. */
#include "dc_priv.h"

#include "say.h"

#include "ntm/payload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The hello is sound in itself: its certificate is a DC's, for the key that was shown, under the
 * root that it names. Whose root that is, is the pin's to say. */
static int read_hello(const struct dc *dc, const struct ntm_link_request *req,
		      struct ntm_dc_hello *hello, struct ntm_cert *cert,
		      char words[static TRUST_WORDS])
{
	int err;

	if (ntm_dc_hello_decode(hello, req->payload, req->payload_len) != 0)
		return say(words, TRUST_WORDS, -EACCES, "it does not say who it is");
	err = ntm_cert_check(cert, hello->cert.data, hello->cert.len, hello->root, dc_now_s(dc));
	if (err == -ETIME)
		return say(words, TRUST_WORDS, -EACCES,
			   "its certificate is not valid now: is the clock right, here and there?");
	if (err != 0 || cert->type != NTM_CERT_DC ||
	    memcmp(cert->key, req->remote_static, NTM_KEY_LEN) != 0)
		return say(words, TRUST_WORDS, -EACCES,
			   "its certificate is no DC's, or not its own");
	return 0;
}

/* Which prefixes a domain that was trusted without them has: those of its DC. */
static void adopt_prefixes(struct trust_pin *pin, const struct ntm_cert *cert)
{
	if (trust_has_prefix(pin))
		return;
	pin->prefix4 = cert->prefix4;
	pin->prefix6 = cert->prefix6;
}

static void on_stored(void *arg, int err)
{
	*(int *)arg = err;
}

/* From now on the domain has this root, whatever DNS says. */
static int pin_root(struct foreign *foreign, const struct ntm_dc_hello *hello,
		    const struct ntm_cert *cert, char words[static TRUST_WORDS])
{
	struct dc *dc = foreign->dc;
	struct trust_own own = dc_own(&dc->settings);
	struct trust_pin pin = foreign->pin;
	char text[NTM_FINGERPRINT_STR];
	int err = 0;

	if (!pin.has_root)
		pin.pinned_s = dc_now_s(dc);
	pin.has_root = true;
	memcpy(pin.root, hello->root, sizeof(pin.root));
	adopt_prefixes(&pin, cert);
	if (!trust_has_prefix(&pin))
		return say(words, TRUST_WORDS, -EACCES, "it has no virtual addresses");
	if (trust_put(&dc->foreigns.trust, &own, &pin, words) != 0)
		return -EACCES;
	store_pin_put(dc->store, &pin, on_stored, &err);
	if (err != 0) /* it is pinned again after the next start */
		dc_complain(dc, &dc->store_gate, "the root of %s was not stored: %s", pin.domain,
			    store_words(dc->store));
	foreign->pin = pin;
	foreign->introduction = (struct identity_cert){0};
	ntm_warn("domain=%s is pinned from now on: root=%s mode=%s", pin.domain,
		 ntm_fingerprint(pin.root, text), trust_mode_name(pin.mode));
	introduce_update(dc);
	return 0;
}

/* A domain whose root is not known yet. */
static int learn_root(struct foreign *foreign, bool is_ours, const struct ntm_dc_hello *hello,
		      const struct ntm_cert *cert, char words[static TRUST_WORDS])
{
	if (!is_ours)
		return say(words, TRUST_WORDS, -EAGAIN, "its root key is not known yet");
	if (foreign->pin.mode == TRUST_TOFU)
		return pin_root(foreign, hello, cert, words);
	if (!foreign->has_dns_root)
		return say(words, TRUST_WORDS, -EAGAIN, "DNS has not told its root key yet");
	if (memcmp(foreign->dns_root, hello->root, sizeof(hello->root)) != 0)
		return say(words, TRUST_WORDS, -EACCES,
			   "its root key is not the one that DNS tells");
	return pin_root(foreign, hello, cert, words);
}

int foreign_judge(struct dc *dc, const struct ntm_link_request *req, struct foreign *expected,
		  struct foreign **out, char words[static TRUST_WORDS])
{
	struct ntm_dc_hello hello;
	struct ntm_cert cert;
	struct foreign *foreign;
	int err = read_hello(dc, req, &hello, &cert, words);

	if (err != 0)
		return err;
	foreign = foreign_by_domain(dc, cert.fqdn);
	if (expected != NULL && foreign != expected) {
		snprintf(words, TRUST_WORDS, "this is the DC of %.50s, not of %.50s", cert.fqdn,
			 expected->pin.domain);
		return -EACCES;
	}
	if (foreign == NULL) {
		snprintf(words, TRUST_WORDS,
			 "%s is not trusted here (ntm-dc trust add, if it is to be)", cert.fqdn);
		return -EACCES;
	}
	*out = foreign;
	if (!foreign->pin.has_root)
		return learn_root(foreign, expected != NULL, &hello, &cert, words);
	if (memcmp(foreign->pin.root, hello.root, sizeof(hello.root)) != 0) {
		snprintf(words, TRUST_WORDS, "the root key of %.60s is another one than pinned",
			 cert.fqdn);
		return -EACCES;
	}
	/* The operator gave the root alone. */
	if (!trust_has_prefix(&foreign->pin))
		return pin_root(foreign, &hello, &cert, words);
	/* A DC takes a new certificate when it starts, and has forgotten what it was told then. */
	if (foreign->dc_serial != cert.serial)
		foreign->told = 0;
	foreign->dc_serial = cert.serial;
	return 0;
}
